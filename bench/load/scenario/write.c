/* Texts written from a call's state. */
#include "inside.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

struct writer {
    struct scene *scene;
    uint8_t *begin;
    uint8_t *at;
    uint8_t *end;
    bool over;
};

static void put(struct writer *writer, const void *data, size_t bytes)
{
    if (bytes > (size_t)(writer->end - writer->at)) {
        writer->over = true;
        return;
    }
    if (bytes > 0)
        memcpy(writer->at, data, bytes);
    writer->at += bytes;
}

static void put_view(struct writer *writer, struct zsip_view view)
{
    put(writer, view.data, view.length);
}

static void put_number(struct writer *writer, int64_t number)
{
    char text[24];
    char *at = text + sizeof text;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        *--at = '-';
    put(writer, at, (size_t)(text + sizeof text - at));
}

static void hex_write(uint8_t *out, uint64_t value, unsigned digits)
{
    static const char hex[] = "0123456789abcdef";

    for (unsigned i = digits; i > 0; i--) {
        out[i - 1] = (uint8_t)hex[value & 15];
        value >>= 4;
    }
}

/* ---- What a call is made of ------------------------------------------------------------------ */

/* Of a client: place and generation of the call, so that what comes back in a dialog finds it
 * without a table; and which run it was. */
static void put_call_id(struct writer *writer)
{
    struct scenario_run *run = writer->scene->run;
    uint32_t call = writer->scene->call;
    uint8_t text[34];

    if (run->call_ids != NULL) {
        put(writer, run->call_ids[call] + 1, run->call_ids[call][0]);
        return;
    }
    hex_write(text, call, 8);
    hex_write(text + 8, run->calls[call].generation, 8);
    text[16] = '-';
    hex_write(text + 17, run->id, 16);
    text[33] = '@';
    put(writer, text, sizeof text);
    put(writer, run->local_ip, strlen(run->local_ip));
}

const struct zsip_msg *scenario_last(struct scene *scene)
{
    struct scenario_run *run = scene->run;
    const struct last *last = run->lasts == NULL ? NULL : &run->lasts[scene->call];

    if (scene->msg == NULL && last != NULL && last->bytes > 0) {
        zsip_parse(run->msg, last->data, last->bytes, 0); /* it was legal when it came */
        scene->msg = run->msg;
    }
    return scene->msg;
}

struct value *scenario_value(struct scene *scene, uint32_t variable)
{
    struct scenario_run *run = scene->run;
    const struct scenario *scenario = run->scenario;
    const struct scenario_variable *row = &scenario->variables[variable];
    size_t of_calls = (size_t)run->call_count * scenario->scope_count[SCENARIO_OF_CALL];
    uint32_t users = run->config.users > 0 ? run->config.users : 1;
    size_t of_users = (size_t)users * scenario->scope_count[SCENARIO_OF_USER];

    switch (row->scope) {
    case SCENARIO_OF_CALL:
        return &run->values[(size_t)scene->call * scenario->scope_count[SCENARIO_OF_CALL] +
                            row->index];
    case SCENARIO_OF_USER:
        return &run->values[of_calls +
                            (size_t)run->calls[scene->call].user *
                                scenario->scope_count[SCENARIO_OF_USER] +
                            row->index];
    default:
        return &run->values[of_calls + of_users + row->index];
    }
}

bool scenario_value_set(const struct value *value)
{
    return value->kind != VALUE_UNSET && (value->kind != VALUE_BOOL || value->number != 0);
}

void scenario_value_text(struct value *value, struct zsip_view text)
{
    if (text.length > VALUE_BYTES_MAX) /* cut, so that one long header does not end a run */
        text.length = VALUE_BYTES_MAX;
    value->kind = VALUE_TEXT;
    value->bytes = (uint32_t)text.length;
    if (text.length > 0)
        memmove(value->text, text.data, text.length);
}

static void put_value(struct writer *writer, const struct value *value)
{
    char text[400];

    switch (value->kind) {
    case VALUE_TEXT:
        put(writer, value->text, value->bytes);
        break;
    case VALUE_NUMBER: /* with six decimals, as SIPp writes it */
        put(writer, text, (size_t)snprintf(text, sizeof text, "%f", value->number));
        break;
    case VALUE_BOOL:
        put(writer, value->number != 0 ? "true" : "false", value->number != 0 ? 4 : 5);
        break;
    default:
        break;
    }
}

/* ---- Injection files ------------------------------------------------------------------------- */

/* Pieces whose value is at hand: all there are in the parameters of others, but fields. */
static bool put_simple(struct writer *writer, const struct scenario_piece *piece)
{
    struct scene *scene = writer->scene;
    struct scenario_run *run = scene->run;

    switch (piece->kind) {
    case SCENARIO_PIECE_LITERAL:
        put(writer, piece->data, piece->bytes);
        return true;
    case SCENARIO_PIECE_CALL_NUMBER:
        put_number(writer, (int64_t)run->calls[scene->call].number + piece->add);
        return true;
    case SCENARIO_PIECE_VARIABLE:
        put_value(writer, scenario_value(scene, piece->number));
        return true;
    case SCENARIO_PIECE_USERID:
        put_number(writer, run->config.users == 0 ? 0
                                                  : (int64_t)run->config.user_first +
                                                        run->calls[scene->call].user + 1);
        return true;
    default:
        return false;
    }
}

static uint32_t line_of(struct writer *writer, const struct scenario_piece *piece)
{
    struct scene *scene = writer->scene;
    struct scenario_run *run = scene->run;
    const struct load_inject *inject = run->scenario->options.files[piece->file];
    const struct call *call = &run->calls[scene->call];
    uint64_t number = call->number - 1;

    if (piece->first != NULL) {
        uint8_t text[32];
        struct writer inner = {.scene = scene, .begin = text, .at = text, .end = text + 32};

        for (uint32_t i = 0; i < piece->first->count; i++)
            put_simple(&inner, &piece->first->pieces[i]);
        number = 0;
        for (const uint8_t *at = text; at < inner.at && *at >= '0' && *at <= '9'; at++)
            number = number * 10 + (uint64_t)(*at - '0');
        return (uint32_t)(number % load_inject_lines(inject));
    }
    if (load_inject_order(inject) == LOAD_INJECT_USER)
        number = (uint64_t)run->config.user_first + call->user;
    return load_inject_pick(inject, number, run->id);
}

static void put_authentication(struct writer *writer, struct zsip_view user,
                               struct zsip_view password);

/* The value of name= in the text of a field. */
static struct zsip_view field_parameter(struct zsip_view text, const char *name)
{
    size_t length = strlen(name);

    for (size_t at = 0; at + length <= text.length; at++) {
        size_t end = at + length;

        if (memcmp(text.data + at, name, length) != 0)
            continue;
        while (end < text.length && text.data[end] != ' ' && text.data[end] != ']')
            end++;
        return (struct zsip_view){text.data + at + length, end - at - length};
    }
    return (struct zsip_view){NULL, 0};
}

static void put_field(struct writer *writer, const struct scenario_piece *piece)
{
    static const char keyword[] = "[authentication";
    uint8_t scratch[LOAD_INJECT_FIELD_BYTES];
    const struct load_inject *inject = writer->scene->run->scenario->options.files[piece->file];
    struct zsip_view field =
        load_inject_field(inject, line_of(writer, piece), piece->number, scratch);

    /* SIPp's way to give each user a password of its own. */
    if (field.length >= sizeof keyword - 1 && memcmp(field.data, keyword, sizeof keyword - 1) == 0)
        put_authentication(writer, field_parameter(field, "username="),
                           field_parameter(field, "password="));
    else
        put_view(writer, field);
}

/* ---- Looking back ---------------------------------------------------------------------------- */

static bool equal_fold(struct zsip_view a, struct zsip_view b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        uint8_t c = a.data[i], d = b.data[i];

        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
        d = d >= 'A' && d <= 'Z' ? (uint8_t)(d + 32) : d;
        if (c != d)
            return false;
    }
    return true;
}

/* All rows of a header field, each as "Name: value", CRLF between them but not behind the last. */
static void put_last_header(struct writer *writer, const struct scenario_piece *piece)
{
    const struct zsip_msg *msg = scenario_last(writer->scene);
    struct zsip_view name = {piece->data, piece->bytes};
    enum zsip_header_id id = zsip_header_by_name(name);
    bool some = false;

    for (unsigned i = 0; msg != NULL && i < msg->header_count; i++) {
        const struct zsip_header *header = &msg->headers[i];
        struct zsip_view here = {msg->data + header->name_offset, header->name_length};

        if (id != ZSIP_HEADER_UNKNOWN ? header->id != id : !equal_fold(here, name))
            continue;
        if (some)
            put(writer, "\r\n", 2);
        put_view(writer, name);
        put(writer, ": ", 2);
        put_view(writer, zsip_msg_view(msg, header->value));
        some = true;
    }
}

static void put_dialog(struct writer *writer, uint8_t kind)
{
    struct scenario_run *run = writer->scene->run;
    const struct dialog *dialog = run->dialogs == NULL ? NULL : &run->dialogs[writer->scene->call];
    const uint8_t *routes;

    if (dialog == NULL)
        return;
    switch (kind) {
    case SCENARIO_PIECE_PEER_TAG_PARAM:
        if (dialog->tag_bytes > 0)
            put(writer, ";tag=", 5);
        put(writer, dialog->data, dialog->tag_bytes);
        break;
    case SCENARIO_PIECE_NEXT_URL:
        put(writer, dialog->data + dialog->tag_bytes, dialog->url_bytes);
        break;
    default:
        routes = dialog->data + dialog->tag_bytes + dialog->url_bytes;
        put(writer, routes,
            strnlen((const char *)routes, (size_t)(dialog->data + DIALOG_BYTES - routes)));
        break;
    }
}

/* ---- Credentials ----------------------------------------------------------------------------- */

static struct zsip_view inner(struct writer *writer, const struct scenario_text *text,
                              const char *otherwise, uint8_t *room, size_t bytes)
{
    struct writer inner = {.scene = writer->scene, .begin = room, .at = room, .end = room + bytes};

    if (text == NULL)
        return (struct zsip_view){(const uint8_t *)otherwise, strlen(otherwise)};
    for (uint32_t i = 0; i < text->count; i++) {
        const struct scenario_piece *piece = &text->pieces[i];
        uint8_t scratch[LOAD_INJECT_FIELD_BYTES];

        if (piece->kind == SCENARIO_PIECE_FIELD)
            put_view(&inner,
                     load_inject_field(writer->scene->run->scenario->options.files[piece->file],
                                       line_of(writer, piece), piece->number, scratch));
        else
            put_simple(&inner, piece);
    }
    writer->over |= inner.over;
    return (struct zsip_view){room, (size_t)(inner.at - room)};
}

/* A line of credentials for each challenge that came, the Authorization first. */
static void put_authentication(struct writer *writer, struct zsip_view user,
                               struct zsip_view password)
{
    struct scene *scene = writer->scene;
    struct scenario_run *run = scene->run;
    struct auth *auth = &run->auths[scene->call];
    const uint8_t *line = scene->request;
    const uint8_t *space = line == NULL ? NULL : memchr(line, ' ', (size_t)(writer->at - line));
    const uint8_t *second =
        space == NULL ? NULL : memchr(space + 1, ' ', (size_t)(writer->at - space - 1));
    uint8_t cnonce[16];
    bool some = false;

    if (second == NULL)
        return;
    hex_write(cnonce, run->id ^ run->calls[scene->call].number * 0x9e3779b97f4a7c15u, 16);
    for (unsigned i = 0; i < 2; i++) {
        struct load_credentials credentials = {
            .user = user,
            .password = password,
            .method = {line, (size_t)(space - line)},
            .uri = {space + 1, (size_t)(second - space - 1)},
            .body = scene->body,
            .cnonce = {cnonce, sizeof cnonce},
            .nc = auth->nc[i],
        };
        size_t bytes;

        if (auth->nc[i] == 0)
            continue;
        if (some)
            put(writer, "\r\n", 2);
        bytes = load_digest_write(run->digest, &auth->challenge[i], &credentials, writer->at,
                                  (size_t)(writer->end - writer->at));
        if (bytes == 0) {
            writer->over = true;
            return;
        }
        writer->at += bytes - 2; /* the line's own end follows in the text */
        auth->nc[i]++;
        some = true;
    }
}

static void put_authentication_piece(struct writer *writer, const struct scenario_piece *piece)
{
    const struct scenario_options *options = &writer->scene->run->scenario->options;
    uint8_t users[512], passwords[512];
    const char *name = options->user != NULL      ? options->user
                       : options->service != NULL ? options->service
                                                  : "service";

    put_authentication(writer, inner(writer, piece->first, name, users, sizeof users),
                       inner(writer, piece->second,
                             options->password == NULL ? "password" : options->password, passwords,
                             sizeof passwords));
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

static void put_fill(struct writer *writer, const struct scenario_piece *piece)
{
    const struct value *value = scenario_value(writer->scene, piece->number);
    uint32_t bytes = value->kind == VALUE_NUMBER && value->number > 0 && value->number < 65536
                         ? (uint32_t)value->number
                         : 0;

    for (uint32_t i = 0; i < bytes && !writer->over; i++)
        put(writer, piece->data + i % piece->bytes, 1);
}

/* Room of five for the length, which is known behind the body: fixed, so that requests stay
 * equally long. */
static void put_len(struct writer *writer, const struct scenario_piece *piece)
{
    struct scene *scene = writer->scene;

    if (scene->len != NONE) {
        put_number(writer, (int64_t)scene->len + piece->add);
        return;
    }
    scene->len_at = (uint32_t)(writer->at - writer->begin);
    scene->len_add = piece->add;
    put(writer, "    0", 5);
}

static void put_time(struct writer *writer, uint8_t kind)
{
    char text[64];
    struct timespec now;
    struct tm parts;
    size_t bytes;

    clock_gettime(CLOCK_REALTIME, &now);
    if (kind == SCENARIO_PIECE_DATE) {
        gmtime_r(&now.tv_sec, &parts);
        bytes = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    } else {
        localtime_r(&now.tv_sec, &parts);
        bytes = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
        bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, ".%06ld", now.tv_nsec / 1000);
    }
    put(writer, text, bytes);
}

static void put_from_last(struct writer *writer, const struct scenario_piece *piece)
{
    const struct zsip_msg *msg = scenario_last(writer->scene);

    if (msg == NULL)
        return;
    if (piece->kind == SCENARIO_PIECE_LAST_MESSAGE)
        put(writer, msg->data, msg->body_offset + (size_t)msg->body_bytes);
    else if (piece->kind == SCENARIO_PIECE_LAST_CSEQ_NUMBER)
        put_number(writer, (int64_t)msg->cseq_number + piece->add);
    else if (msg->kind == ZSIP_KIND_REQUEST)
        put_view(writer, zsip_msg_view(msg, msg->request_uri.whole));
}

static void put_rare(struct writer *writer, const struct scenario_piece *piece)
{
    struct scene *scene = writer->scene;
    struct scenario_run *run = scene->run;

    switch (piece->kind) {
    case SCENARIO_PIECE_DYNAMIC_ID:
        put_number(writer, (int64_t)run->dynamic_id++ * run->config.workers + run->config.worker);
        break;
    case SCENARIO_PIECE_CLOCK_TICK:
        put_number(writer, (int64_t)((scene->now.monotonic_ns - run->start_ns) / ZSIP_NS_PER_MS));
        break;
    case SCENARIO_PIECE_TIMESTAMP:
    case SCENARIO_PIECE_DATE:
        put_time(writer, piece->kind);
        break;
    case SCENARIO_PIECE_FILL:
        put_fill(writer, piece);
        break;
    case SCENARIO_PIECE_LAST_HEADER:
        put_last_header(writer, piece);
        break;
    case SCENARIO_PIECE_AUTHENTICATION:
        put_authentication_piece(writer, piece);
        break;
    case SCENARIO_PIECE_PEER_TAG_PARAM:
    case SCENARIO_PIECE_NEXT_URL:
    case SCENARIO_PIECE_ROUTES:
        put_dialog(writer, piece->kind);
        break;
    default:
        put_from_last(writer, piece);
        break;
    }
}

static void put_piece(struct writer *writer, const struct scenario_piece *piece)
{
    struct scene *scene = writer->scene;

    if (put_simple(writer, piece))
        return;
    switch (piece->kind) {
    case SCENARIO_PIECE_PAD:
        scene->pad_at = (uint32_t)(writer->at - writer->begin);
        break;
    case SCENARIO_PIECE_CALL_ID:
        put_call_id(writer);
        break;
    case SCENARIO_PIECE_CSEQ:
        put_number(writer, (int64_t)scene->cseq + piece->add);
        break;
    case SCENARIO_PIECE_BRANCH:
        put_view(writer, scene->branch);
        break;
    case SCENARIO_PIECE_LEN:
        put_len(writer, piece);
        break;
    case SCENARIO_PIECE_FIELD:
        put_field(writer, piece);
        break;
    default:
        put_rare(writer, piece);
        break;
    }
}

size_t scenario_write(struct scene *scene, const struct scenario_text *text, uint8_t *out,
                      size_t capacity, bool *fits)
{
    struct writer writer = {.scene = scene, .begin = out, .at = out, .end = out + capacity};

    for (uint32_t i = 0; i < text->count && !writer.over; i++) {
        const struct scenario_piece *piece = &text->pieces[i];
        uint8_t *before = writer.at;

        put_piece(&writer, piece);
        /* A line that came out empty goes, with its end: it would end the header section. */
        if (piece->own_line && writer.at == before && i + 1 < text->count &&
            text->pieces[i + 1].kind == SCENARIO_PIECE_LITERAL && text->pieces[i + 1].bytes >= 2 &&
            text->pieces[i + 1].data[0] == '\r') {
            put(&writer, text->pieces[i + 1].data + 2, text->pieces[i + 1].bytes - 2);
            i++;
        }
    }
    *fits = *fits && !writer.over;
    return (size_t)(writer.at - out);
}
