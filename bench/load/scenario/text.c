/* A text with [keywords], compiled once into pieces. */
#include "text.h"

#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Compiling ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint8_t kind;
} keywords[] = {
#define X(id, keyword, when) {keyword, SCENARIO_PIECE_##id},
    SCENARIO_KEYWORD_MAP(X)
#undef X
};

struct compiler {
    struct scenario_reader *reader;
    struct scenario_text *out;
    uint32_t capacity;
    uint8_t *literal; /* what has no piece yet */
    uint32_t literal_bytes;
    uint32_t line;
};

static bool memory(const struct compiler *compiler, const void *pointer)
{
    if (pointer == NULL)
        compiler->reader->no_memory = true;
    return pointer != NULL;
}

static struct scenario_piece *piece_add(struct compiler *compiler, enum scenario_piece_kind kind)
{
    struct scenario_text *out = compiler->out;

    if (out->count == compiler->capacity) {
        uint32_t capacity = compiler->capacity * 2 + 8;
        struct scenario_piece *larger =
            scenario_arena_take(compiler->reader->scenario->arena, capacity * sizeof *larger);

        if (!memory(compiler, larger))
            return NULL;
        if (out->count > 0)
            memcpy(larger, out->pieces, out->count * sizeof *larger);
        out->pieces = larger;
        compiler->capacity = capacity;
    }
    out->pieces[out->count].kind = (uint8_t)kind;
    return &out->pieces[out->count++];
}

static void literal_end(struct compiler *compiler)
{
    struct scenario_piece *piece;

    if (compiler->literal_bytes == 0)
        return;
    piece = piece_add(compiler, SCENARIO_PIECE_LITERAL);
    if (piece == NULL)
        return;
    piece->data = (const uint8_t *)scenario_arena_copy(compiler->reader->scenario->arena,
                                                       (const char *)compiler->literal,
                                                       compiler->literal_bytes);
    if (memory(compiler, piece->data))
        piece->bytes = compiler->literal_bytes;
    compiler->literal_bytes = 0;
}

typedef void (*keyword_handler)(struct compiler *compiler, struct zsip_view keyword);

static void compile(struct scenario_reader *reader, struct zsip_view source, uint32_t line,
                    bool crlf, keyword_handler handler, struct scenario_text *out);
static void keyword_inner(struct compiler *compiler, struct zsip_view keyword);

/* The value of name= in a keyword: up to the next blank, or between quotes, or, where it holds a
 * keyword itself, behind that. */
static struct zsip_view parameter(struct zsip_view keyword, const char *name)
{
    size_t length = strlen(name);

    for (size_t at = 0; at + length < keyword.length; at++) {
        const uint8_t *value = keyword.data + at + length;
        size_t left = keyword.length - at - length, end = 0;
        int depth = 0;

        if (memcmp(keyword.data + at, name, length) != 0 || (at > 0 && keyword.data[at - 1] != ' '))
            continue;
        if (left > 0 && value[0] == '"') {
            const uint8_t *quote = memchr(value + 1, '"', left - 1);

            if (quote != NULL)
                return (struct zsip_view){value + 1, (size_t)(quote - value - 1)};
        }
        for (; end < left && (depth > 0 || value[end] != ' '); end++)
            depth += (value[end] == '[') - (value[end] == ']');
        return (struct zsip_view){value, end};
    }
    return (struct zsip_view){NULL, 0};
}

static struct scenario_text *inner_text(struct compiler *compiler, struct zsip_view source)
{
    struct scenario_text *text;

    if (source.data == NULL)
        return NULL;
    text = scenario_arena_take(compiler->reader->scenario->arena, sizeof *text);
    if (memory(compiler, text))
        compile(compiler->reader, source, compiler->line, false, keyword_inner, text);
    return text;
}

static bool begins(struct zsip_view view, const char *text)
{
    return view.length >= strlen(text) && memcmp(view.data, text, strlen(text)) == 0;
}

static uint32_t digits(struct zsip_view view, size_t *at)
{
    uint32_t number = 0;

    for (; *at < view.length && view.data[*at] >= '0' && view.data[*at] <= '9'; (*at)++)
        number = number < 100000000 ? number * 10 + (uint32_t)(view.data[*at] - '0') : number;
    return number;
}

/* line NULL: [field] has no line= of its own. */
static void field_add(struct compiler *compiler, struct zsip_view keyword,
                      struct scenario_text *line)
{
    struct scenario_piece *piece;
    size_t at = strlen("field");
    uint32_t number = digits(keyword, &at);
    uint32_t file = scenario_file(compiler->reader, parameter(keyword, "file="));

    if (file == SCENARIO_NONE)
        return;
    if (at == strlen("field") || number > 255) {
        scenario_wrong(compiler->reader, compiler->line, "[%.*s]: which field?",
                       (int)keyword.length, (const char *)keyword.data);
        return;
    }
    piece = piece_add(compiler, SCENARIO_PIECE_FIELD);
    if (piece == NULL)
        return;
    piece->number = number;
    piece->file = file;
    piece->first = line;
}

static void last_add(struct compiler *compiler, struct zsip_view keyword)
{
    struct scenario_piece *piece = piece_add(compiler, SCENARIO_PIECE_LAST_HEADER);
    size_t skip = strlen("last_"), bytes = keyword.length - skip;

    if (piece == NULL)
        return;
    if (bytes > 0 && keyword.data[keyword.length - 1] == ':')
        bytes--;
    piece->data = keyword.data + skip;
    piece->data = (const uint8_t *)scenario_arena_copy(compiler->reader->scenario->arena,
                                                       (const char *)piece->data, bytes);
    if (memory(compiler, piece->data))
        piece->bytes = (uint32_t)bytes;
    if (bytes == 0)
        scenario_wrong(compiler->reader, compiler->line, "[last_]: which header field?");
}

static void variable_add(struct compiler *compiler, enum scenario_piece_kind kind,
                         struct zsip_view name, struct zsip_view fill)
{
    uint32_t number = scenario_variable(compiler->reader, name);
    struct scenario_piece *piece = number == SCENARIO_NONE ? NULL : piece_add(compiler, kind);

    if (piece == NULL)
        return;
    piece->number = number;
    if (kind != SCENARIO_PIECE_FILL)
        return;
    if (fill.length == 0)
        fill = ZSIP_VIEW("X");
    piece->data = (const uint8_t *)scenario_arena_copy(compiler->reader->scenario->arena,
                                                       (const char *)fill.data, fill.length);
    if (memory(compiler, piece->data))
        piece->bytes = (uint32_t)fill.length;
}

static void authentication_add(struct compiler *compiler, struct zsip_view keyword)
{
    struct scenario_piece *piece;
    struct scenario_text *first, *second;

    if (parameter(keyword, "aka_K=").data != NULL || parameter(keyword, "aka_OP=").data != NULL) {
        scenario_wrong(compiler->reader, compiler->line,
                       "[authentication aka_K=...]: AKA is not known here");
        return;
    }
    first = inner_text(compiler, parameter(keyword, "username="));
    second = inner_text(compiler, parameter(keyword, "password="));
    piece = piece_add(compiler, SCENARIO_PIECE_AUTHENTICATION);
    if (piece == NULL)
        return;
    piece->first = first;
    piece->second = second;
    compiler->reader->scenario->uses_auth = true;
}

/* [file name=...]: its content, read now. */
static void file_add(struct compiler *compiler, struct zsip_view keyword)
{
    struct zsip_view name = parameter(keyword, "name=");
    char path[512];
    uint8_t *content;
    size_t bytes = 0;
    FILE *file;

    if (name.data == NULL || name.length >= sizeof path) {
        scenario_wrong(compiler->reader, compiler->line, "[file]: wants name=FILE");
        return;
    }
    memcpy(path, name.data, name.length);
    path[name.length] = '\0';
    file = fopen(path, "re");
    content = scenario_arena_take(compiler->reader->scenario->arena, 65536);
    if (content != NULL && file != NULL)
        bytes = fread(content, 1, 65536, file);
    if (file == NULL || content == NULL || ferror(file) || bytes == 65536) {
        scenario_wrong(compiler->reader, compiler->line, "[file name=%s]: %s", path,
                       bytes == 65536 ? "64 KiB or more" : "can't be read");
    } else {
        struct scenario_piece *piece = piece_add(compiler, SCENARIO_PIECE_LITERAL);

        if (piece != NULL) {
            piece->data = content;
            piece->bytes = (uint32_t)bytes;
        }
    }
    if (file != NULL)
        fclose(file);
}

/* A keyword without parameters, perhaps with "+2" or "-1" behind it; or one of the user's own. */
static bool simple_add(struct compiler *compiler, struct zsip_view keyword)
{
    const struct scenario_options *options = &compiler->reader->scenario->options;
    struct zsip_view name = keyword;
    struct scenario_piece *piece;
    int32_t add = 0;

    for (size_t at = 1; at + 1 < keyword.length; at++) {
        size_t end = at + 1;

        if (keyword.data[at] != '+' && keyword.data[at] != '-')
            continue;
        add = (int32_t)digits(keyword, &end);
        if (end == keyword.length) {
            name.length = at;
            add = keyword.data[at] == '-' ? -add : add;
        }
        break;
    }
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (strlen(keywords[i].name) != name.length || !begins(name, keywords[i].name))
            continue;
        piece = piece_add(compiler, keywords[i].kind);
        if (piece != NULL)
            piece->add = name.length == keyword.length ? 0 : add;
        return true;
    }
    for (uint32_t i = 0; i < options->key_count; i++) {
        if (strlen(options->keys[i].name) != keyword.length ||
            !begins(keyword, options->keys[i].name))
            continue;
        piece = piece_add(compiler, SCENARIO_PIECE_LITERAL);
        if (piece != NULL) {
            piece->data = (const uint8_t *)options->keys[i].value;
            piece->bytes = (uint32_t)strlen(options->keys[i].value);
        }
        return true;
    }
    return false;
}

static void keyword_add(struct compiler *compiler, struct zsip_view keyword)
{
    struct zsip_view rest = {keyword.data + 1, keyword.length - 1};

    if (simple_add(compiler, keyword))
        return;
    if (begins(keyword, "field"))
        field_add(compiler, keyword, inner_text(compiler, parameter(keyword, "line=")));
    else if (begins(keyword, "file "))
        file_add(compiler, keyword);
    else if (keyword.data[0] == '$')
        variable_add(compiler, SCENARIO_PIECE_VARIABLE, rest, rest);
    else if (begins(keyword, "fill"))
        variable_add(compiler, SCENARIO_PIECE_FILL, parameter(keyword, "variable="),
                     parameter(keyword, "text="));
    else if (begins(keyword, "last_"))
        last_add(compiler, keyword);
    else if (begins(keyword, "authentication"))
        authentication_add(compiler, keyword);
    else
        scenario_wrong(compiler->reader, compiler->line, "[%.*s]: not a keyword that is known here",
                       (int)(keyword.length < 60 ? keyword.length : 60),
                       (const char *)keyword.data);
}

/* A keyword in a parameter of another: those whose value is at hand. */
static void keyword_inner(struct compiler *compiler, struct zsip_view keyword)
{
    struct zsip_view rest = {keyword.data + 1, keyword.length - 1};

    if (begins(keyword, "field") && parameter(keyword, "line=").data == NULL)
        field_add(compiler, keyword, NULL);
    else if (keyword.data[0] == '$')
        variable_add(compiler, SCENARIO_PIECE_VARIABLE, rest, rest);
    else if (begins(keyword, "call_number") || begins(keyword, "userid"))
        simple_add(compiler, keyword);
    else
        scenario_wrong(compiler->reader, compiler->line, "[%.*s]: not known inside of a keyword",
                       (int)(keyword.length < 60 ? keyword.length : 60),
                       (const char *)keyword.data);
}

/* Where the keyword that begins at source[at] == '[' ends: at its ']'. A '[' before that makes the
 * first one plain text, but in [authentication], whose parameters may be keywords. 0: nowhere. */
static size_t keyword_end(struct zsip_view source, size_t at, bool *plain)
{
    struct zsip_view rest = {source.data + at + 1, source.length - at - 1};
    bool nests = begins(rest, "authentication") || begins(rest, "field");
    int depth = 1;
    bool quoted = false;

    *plain = false;
    for (size_t end = at + 1; end < source.length && source.data[end] != '\n'; end++) {
        uint8_t c = source.data[end];

        quoted ^= c == '"';
        if (c == '[' && !quoted && !nests) {
            *plain = true;
            return end;
        }
        depth += (c == '[') - (c == ']' && (!quoted || nests));
        if (depth == 0)
            return end;
    }
    return 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character, or one that is written "\x5B". Returns how many of source it took. */
static size_t literal_add(struct compiler *compiler, struct zsip_view source, size_t at, bool crlf)
{
    uint8_t c = source.data[at];

    if (c == '\\' && at + 3 < source.length && source.data[at + 1] == 'x' &&
        hex_digit(source.data[at + 2]) >= 0 && hex_digit(source.data[at + 3]) >= 0) {
        int value = hex_digit(source.data[at + 2]) * 16 + hex_digit(source.data[at + 3]);

        compiler->literal[compiler->literal_bytes++] = (uint8_t)value;
        return 4;
    }
    if (c == '\n' && crlf)
        compiler->literal[compiler->literal_bytes++] = '\r';
    compiler->literal[compiler->literal_bytes++] = c;
    compiler->line += c == '\n';
    return 1;
}

static void compile(struct scenario_reader *reader, struct zsip_view source, uint32_t line,
                    bool crlf, keyword_handler handler, struct scenario_text *out)
{
    struct compiler compiler = {.reader = reader, .out = out, .line = line};
    size_t at = 0;

    *out = (struct scenario_text){0};
    compiler.literal = malloc(2 * source.length + 1);
    if (compiler.literal == NULL) {
        reader->no_memory = true;
        return;
    }
    while (at < source.length) {
        bool plain = true;
        size_t end = source.data[at] == '[' ? keyword_end(source, at, &plain) : 0;

        if (source.data[at] == '[' && end == 0) {
            scenario_wrong(reader, compiler.line,
                           "'[' without its ']'; a bracket of its own is written \\x5B");
            at++;
        } else if (plain) {
            at += literal_add(&compiler, source, at, crlf);
        } else if (end == at + 1) {
            scenario_wrong(reader, compiler.line, "[]: which keyword?");
            at = end + 1;
        } else {
            struct zsip_view keyword = {source.data + at + 1, end - at - 1};
            uint32_t count = out->count;

            literal_end(&compiler);
            handler(&compiler, keyword);
            if (out->count > count && (at == 0 || source.data[at - 1] == '\n') &&
                (end + 1 == source.length || source.data[end + 1] == '\n'))
                out->pieces[out->count - 1].own_line = true;
            at = end + 1;
        }
    }
    literal_end(&compiler);
    free(compiler.literal);
}

void scenario_text_compile(struct scenario_reader *reader, struct zsip_view source, uint32_t line,
                           bool crlf, struct scenario_text *out)
{
    compile(reader, source, line, crlf, keyword_add, out);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

enum when { RUN, STEP, CALL, ONCE };

static enum when when_of(const struct scenario_piece *piece)
{
    switch ((enum scenario_piece_kind)piece->kind) {
#define X(id, keyword, when)                                                                       \
    case SCENARIO_PIECE_##id:                                                                      \
        return when;
        SCENARIO_KEYWORD_MAP(X)
#undef X
    case SCENARIO_PIECE_LITERAL:
    case SCENARIO_PIECE_PAD:
        return RUN;
    case SCENARIO_PIECE_FIELD:
        /* A field may say [authentication ...] itself, which is why files and auth go together. */
        return piece->first != NULL && scenario_text_once(piece->first) ? ONCE : CALL;
    default:
        return ONCE;
    }
}

bool scenario_text_has(const struct scenario_text *text, enum scenario_piece_kind kind)
{
    for (uint32_t i = 0; i < text->count; i++) {
        if (text->pieces[i].kind == kind)
            return true;
    }
    return false;
}

bool scenario_text_once(const struct scenario_text *text)
{
    for (uint32_t i = 0; i < text->count; i++) {
        if (when_of(&text->pieces[i]) == ONCE)
            return true;
    }
    return false;
}

bool scenario_text_looks_back(const struct scenario_text *text)
{
    return scenario_text_has(text, SCENARIO_PIECE_LAST_HEADER) ||
           scenario_text_has(text, SCENARIO_PIECE_LAST_MESSAGE) ||
           scenario_text_has(text, SCENARIO_PIECE_LAST_REQUEST_URI) ||
           scenario_text_has(text, SCENARIO_PIECE_LAST_CSEQ_NUMBER);
}

/* ---- Binding --------------------------------------------------------------------------------- */

/* What a piece is literally; false if it is not. */
static bool literal_of(const struct scenario_piece *piece,
                       const struct scenario_constants *constants, uint32_t step, char *scratch,
                       size_t scratch_bytes, struct zsip_view *out)
{
    if (piece->kind == SCENARIO_PIECE_LITERAL) {
        *out = (struct zsip_view){piece->data, piece->bytes};
        return true;
    }
    if (piece->kind == SCENARIO_PIECE_MSG_INDEX) {
        *out = (struct zsip_view){
            (const uint8_t *)scratch,
            (size_t)snprintf(scratch, scratch_bytes, "%u", step + (uint32_t)piece->add)};
        return true;
    }
    if (when_of(piece) != RUN || piece->kind == SCENARIO_PIECE_PAD)
        return false;
    *out = (struct zsip_view){(const uint8_t *)constants->values[piece->kind],
                              strlen(constants->values[piece->kind])};
    if (piece->add != 0) { /* [local_port+2] */
        long number = strtol(constants->values[piece->kind], NULL, 10) + piece->add;

        out->data = (const uint8_t *)scratch;
        out->length = (size_t)snprintf(scratch, scratch_bytes, "%ld", number);
    }
    return true;
}

static size_t literal_bytes(const struct scenario_text *text,
                            const struct scenario_constants *constants, uint32_t step)
{
    size_t bytes = 0;
    char scratch[24];

    for (uint32_t i = 0; i < text->count; i++) {
        struct zsip_view view;

        if (literal_of(&text->pieces[i], constants, step, scratch, sizeof scratch, &view))
            bytes += view.length;
    }
    return bytes;
}

bool scenario_text_bind(struct scenario_arena *arena, const struct scenario_text *text,
                        const struct scenario_constants *constants, uint32_t step,
                        struct scenario_text *out)
{
    uint8_t *data = scenario_arena_take(arena, literal_bytes(text, constants, step) + 1);
    struct scenario_piece *last = NULL;
    char scratch[24];

    *out = (struct scenario_text){0};
    out->pieces = scenario_arena_take(arena, (text->count + 1) * sizeof *out->pieces);
    if (data == NULL || out->pieces == NULL)
        return false;
    for (uint32_t i = 0; i < text->count; i++) {
        const struct scenario_piece *piece = &text->pieces[i];
        struct zsip_view view;

        if (!literal_of(piece, constants, step, scratch, sizeof scratch, &view)) {
            out->pieces[out->count++] = *piece;
            last = NULL;
            continue;
        }
        if (last == NULL) {
            last = &out->pieces[out->count++];
            *last = (struct scenario_piece){.kind = SCENARIO_PIECE_LITERAL, .data = data};
        }
        if (view.length > 0)
            memcpy(data, view.data, view.length);
        data += view.length;
        last->bytes += (uint32_t)view.length;
    }
    return true;
}
