/* Golden files: reading them. See tests/data/golden/README for the format.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/parser/corpus.h"
#include "tests/parser/golden.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INPUT_BYTES_MAX (256u * 1024u)

/* The message that a case's header lines are put into, in place of those with the same name. */
static const char *const frame_rows[][2] = {
    {"Via", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKframe"},
    {"Max-Forwards", "Max-Forwards: 70"},
    {"From", "From: <sip:alice@example.com>;tag=frame"},
    {"To", "To: <sip:bob@example.com>"},
    {"Call-ID", "Call-ID: frame@example.com"},
    {"CSeq", "CSeq: 1 MESSAGE"},
};
#define FRAME_ROWS  (sizeof(frame_rows) / sizeof(frame_rows[0]))
#define FRAME_START "MESSAGE sip:bob@example.com SIP/2.0"

struct text {
    uint8_t *data;
    size_t length;
};

/* A case while its lines are read. */
struct draft {
    struct text start, own, whole, body;
    bool has_start, has_own, has_whole, has_body, has_length;
    bool dropped[FRAME_ROWS];
    bool drop_length, drop_end;
};

__attribute__((noreturn)) static void fail_line(const char *path, unsigned line, const char *why)
{
    fprintf(stderr, "%s:%u: %s\n", path, line, why);
    abort();
}

static void append(struct text *text, const void *data, size_t length)
{
    text->data = realloc(text->data, text->length + length + 1);
    if (text->data == NULL || text->length + length > INPUT_BYTES_MAX) {
        fprintf(stderr, "golden input too large\n");
        abort();
    }
    if (length > 0) {
        memcpy(text->data + text->length, data, length);
        text->length += length;
    }
}

static int hex_digit(char c)
{
    const char *digits = "0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, toupper((unsigned char)c)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* Appends the bytes of an escape "{HEX}" or "{HEX*COUNT}"; from points behind the "{". Returns
 * where the text goes on, NULL if that is no escape. */
static const char *append_escape(struct text *text, const char *from)
{
    uint8_t bytes[64];
    size_t count = 0;
    unsigned long repeat = 1;
    for (; count < sizeof(bytes) && hex_digit(from[0]) >= 0 && hex_digit(from[1]) >= 0; from += 2) {
        bytes[count++] = (uint8_t)(hex_digit(from[0]) * 16 + hex_digit(from[1]));
    }
    if (*from == '*') {
        char *end;
        repeat = strtoul(from + 1, &end, 10);
        from = end;
    }
    if (*from != '}' || count == 0 || repeat * count > INPUT_BYTES_MAX) {
        return NULL;
    }
    for (unsigned long i = 0; i < repeat; i++) {
        append(text, bytes, count);
    }
    return from + 1;
}

/* Appends a line with its escapes read and, unless it ends in "{-}", CRLF. */
static void append_line(struct text *text, const char *line, const char *end_of_line,
                        const char *path, unsigned number)
{
    while (*line != '\0') {
        if (strcmp(line, "{-}") == 0) {
            return;
        }
        if (*line == '{') {
            line = append_escape(text, line + 1);
            if (line == NULL) {
                fail_line(path, number, "not an escape; a brace is {7B}");
            }
        } else {
            append(text, line++, 1);
        }
    }
    append(text, end_of_line, strlen(end_of_line));
}

/* Which row of the frame a header line replaces; FRAME_ROWS if none. */
static size_t frame_row_of(const char *line)
{
    const char *compact = "v\0f\0t\0i\0";
    size_t length = strcspn(line, ": \t");
    for (size_t i = 0; i < FRAME_ROWS; i++) {
        if (strlen(frame_rows[i][0]) == length &&
            strncasecmp(frame_rows[i][0], line, length) == 0) {
            return i;
        }
    }
    static const size_t rows[] = {0, 2, 3, 4};
    for (size_t i = 0; i < 4; i++) {
        if (length == 1 && tolower((unsigned char)line[0]) == compact[i * 2]) {
            return rows[i];
        }
    }
    return FRAME_ROWS;
}

static bool is_content_length(const char *line)
{
    size_t length = strcspn(line, ": \t");
    return (length == 14 && strncasecmp(line, "Content-Length", length) == 0) ||
           (length == 1 && tolower((unsigned char)line[0]) == 'l');
}

static void read_header_line(struct draft *draft, const char *line, const char *path,
                             unsigned number)
{
    size_t row = frame_row_of(line);
    if (row < FRAME_ROWS) {
        draft->dropped[row] = true;
    }
    draft->has_length |= is_content_length(line);
    draft->has_own = true;
    append_line(&draft->own, line, "\r\n", path, number);
}

static void read_expect(struct golden_case *golden, char *line, const char *path, unsigned number)
{
    char *mark = strstr(line, " = ");
    char *tilde = strstr(line, " ~ ");
    bool bytes_only = tilde != NULL && (mark == NULL || tilde < mark);
    mark = bytes_only ? tilde : mark;
    if (mark == NULL || (size_t)(mark - line) >= sizeof(golden->expects[0].path)) {
        fail_line(path, number, "neither a directive nor an expectation");
    }
    golden->expects =
        realloc(golden->expects, (golden->expect_count + 1) * sizeof(golden->expects[0]));
    if (golden->expects == NULL) {
        abort();
    }
    struct golden_expect *expect = &golden->expects[golden->expect_count++];
    *expect = (struct golden_expect){.line = number, .bytes_only = bytes_only};
    snprintf(expect->path, sizeof(expect->path), "%.*s", (int)(mark - line), line);
    char *value = mark + 3;
    char *hash = strrchr(value, '#');
    if (hash != NULL && hash > value && hash[-1] == ' ' && isdigit((unsigned char)hash[1])) {
        expect->occurrence = (unsigned)atoi(hash + 1);
        hash[-1] = '\0';
    }
    struct text text = {0};
    expect->absent = strcmp(value, "-") == 0;
    if (strcmp(value, "\"\"") != 0) {
        append_line(&text, value, "", path, number);
    }
    append(&text, "", 0); /* never NULL */
    expect->value = text.data;
    expect->length = text.length;
}

static void build_frame(const struct draft *draft, struct golden_case *golden, struct text *out)
{
    if (draft->has_start) {
        append(out, draft->start.data, draft->start.length);
        golden->anchor_end = out->length;
    } else {
        append(out, FRAME_START "\r\n", strlen(FRAME_START "\r\n"));
    }
    for (size_t i = 0; i < FRAME_ROWS; i++) {
        if (!draft->dropped[i]) {
            append(out, frame_rows[i][1], strlen(frame_rows[i][1]));
            append(out, "\r\n", 2);
        }
    }
    if (draft->has_own) {
        golden->anchor = draft->has_start ? 0 : out->length;
        append(out, draft->own.data, draft->own.length);
        golden->anchor_end = out->length;
    }
    if (!draft->has_length && !draft->drop_length) {
        char line[48];
        snprintf(line, sizeof(line), "Content-Length: %zu\r\n", draft->body.length);
        append(out, line, strlen(line));
    }
    if (!draft->drop_end) {
        append(out, "\r\n", 2);
    }
    append(out, draft->body.data, draft->body.length);
}

static void finish_case(struct draft *draft, struct golden_case *golden)
{
    struct text out = {0};
    if (draft->has_whole) {
        append(&out, draft->whole.data, draft->whole.length);
        golden->anchor_end = out.length;
    } else {
        build_frame(draft, golden, &out);
    }
    /* A block of exactly the size, so that the sanitizer sees one byte too far. */
    golden->input = malloc(out.length > 0 ? out.length : 1);
    if (golden->input == NULL) {
        abort();
    }
    memcpy(golden->input, out.data != NULL ? (const void *)out.data : "", out.length);
    golden->bytes = out.length;
    free(out.data);
    free(draft->start.data);
    free(draft->own.data);
    free(draft->whole.data);
    free(draft->body.data);
    *draft = (struct draft){0};
}

static void read_without(struct draft *draft, const char *name, const char *path, unsigned number)
{
    size_t row = frame_row_of(name);
    if (row < FRAME_ROWS) {
        draft->dropped[row] = true;
    } else if (is_content_length(name)) {
        draft->drop_length = true;
    } else if (strcmp(name, "end") == 0) {
        draft->drop_end = true;
    } else {
        fail_line(path, number, "the frame has no such row");
    }
}

static const char *after(const char *line, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(line, prefix, length) == 0 ? line + length : NULL;
}

static void read_line(struct draft *draft, struct golden_case *golden, char *line, const char *path,
                      unsigned number)
{
    const char *rest;
    if (line[0] == '>') {
        draft->has_whole = true;
        append_line(&draft->whole, line[1] == ' ' ? line + 2 : line + 1, "\r\n", path, number);
    } else if (line[0] == '|') {
        read_header_line(draft, line[1] == ' ' ? line + 2 : line + 1, path, number);
    } else if ((rest = after(line, "start: ")) != NULL) {
        draft->has_start = true;
        append_line(&draft->start, rest, "\r\n", path, number);
    } else if ((rest = after(line, "without: ")) != NULL) {
        read_without(draft, rest, path, number);
    } else if ((rest = after(line, "body: ")) != NULL) {
        append_line(&draft->body, rest, "", path, number);
    } else if ((rest = after(line, "file: ")) != NULL) {
        size_t bytes;
        uint8_t *data = corpus_read(rest, &bytes);
        append(&draft->whole, data, bytes);
        draft->has_whole = true;
        free(data);
    } else if (strcmp(line, "flags: stream") == 0) {
        golden->flags = ZSIP_PARSE_STREAM;
    } else {
        read_expect(golden, line, path, number);
    }
}

struct golden_file *golden_load(const char *path)
{
    size_t bytes;
    uint8_t *data = corpus_read(path, &bytes);
    char *text = malloc(bytes + 1);
    struct golden_file *file = calloc(1, sizeof(*file));
    if (text == NULL || file == NULL) {
        abort();
    }
    memcpy(text, data, bytes);
    text[bytes] = '\0';
    free(data);
    snprintf(file->path, sizeof(file->path), "%.127s", path);

    struct draft draft = {0};
    struct golden_case *golden = NULL;
    unsigned number = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        number++;
        if (line[0] == '#' || line[0] == '\0') {
            continue;
        }
        if (strncmp(line, "== ", 3) == 0) {
            if (golden != NULL) {
                finish_case(&draft, golden);
            }
            file->cases = realloc(file->cases, (file->case_count + 1) * sizeof(file->cases[0]));
            if (file->cases == NULL) {
                abort();
            }
            golden = &file->cases[file->case_count++];
            *golden = (struct golden_case){.line = number};
            snprintf(golden->name, sizeof(golden->name), "%.95s", line + 3);
        } else if (golden == NULL) {
            fail_line(path, number, "no case begun: == NAME");
        } else {
            read_line(&draft, golden, line, path, number);
        }
    }
    if (golden != NULL) {
        finish_case(&draft, golden);
    }
    free(text);
    return file;
}

void golden_free(struct golden_file *file)
{
    for (size_t i = 0; i < file->case_count; i++) {
        for (size_t j = 0; j < file->cases[i].expect_count; j++) {
            free(file->cases[i].expects[j].value);
        }
        free(file->cases[i].expects);
        free(file->cases[i].input);
    }
    free(file->cases);
    free(file);
}
