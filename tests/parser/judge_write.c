/* Judges of the writer: what it writes is read back.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char complaint[160];

static const char *say(const char *what, unsigned row)
{
    snprintf(complaint, sizeof(complaint), "%s (row %u)", what, row);
    return complaint;
}

static bool same_view(struct zsip_view a, struct zsip_view b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static bool same_text(const struct zsip_msg *a, struct zsip_slice x, const struct zsip_msg *b,
                      struct zsip_slice y)
{
    return zsip_slice_present(x) == zsip_slice_present(y) &&
           same_view(zsip_msg_view(a, x), zsip_msg_view(b, y));
}

/* ---- A good message, written anew ---------------------------------------------------------------
 */

static void write_start(struct zsip_writer *writer, const struct zsip_msg *msg)
{
    if (msg->kind == ZSIP_KIND_REQUEST) {
        zsip_writer_request(writer, zsip_msg_view(msg, msg->method_name),
                            zsip_msg_view(msg, msg->request_uri.whole));
    } else {
        zsip_writer_response(writer, msg->status_code, zsip_msg_view(msg, msg->reason));
    }
}

/* All rows but Content-Length, which comes with the body. */
static void write_all(struct zsip_writer *writer, const struct zsip_msg *msg)
{
    write_start(writer, msg);
    for (unsigned i = 0; i < msg->header_count; i++) {
        if (msg->headers[i].id != ZSIP_HEADER_CONTENT_LENGTH) {
            zsip_writer_header_copy(writer, msg, i);
        }
    }
    zsip_writer_body(writer, zsip_msg_body(msg));
}

static const char *compare_rows(const struct zsip_msg *a, const struct zsip_msg *b)
{
    unsigned j = 0;
    for (unsigned i = 0; i < a->header_count; i++) {
        if (a->headers[i].id == ZSIP_HEADER_CONTENT_LENGTH) {
            continue;
        }
        if (j >= b->header_count || a->headers[i].id != b->headers[j].id ||
            !same_view(zsip_msg_view(a, a->headers[i].value),
                       zsip_msg_view(b, b->headers[j].value))) {
            return say("a header field is not read back", i);
        }
        j++;
    }
    return j + 1 == b->header_count ? NULL : say("header fields too many", j);
}

static const char *compare(const struct zsip_msg *a, const struct zsip_msg *b)
{
    const char *what = compare_rows(a, b);
    if (what != NULL) {
        return what;
    }
    bool same =
        a->kind == b->kind && a->method == b->method && a->status_code == b->status_code &&
        a->cseq_number == b->cseq_number && a->max_forwards == b->max_forwards &&
        a->via.flags == b->via.flags && a->via.port == b->via.port &&
        a->request_uri.port == b->request_uri.port &&
        same_text(a, a->method_name, b, b->method_name) && same_text(a, a->reason, b, b->reason) &&
        same_text(a, a->request_uri.whole, b, b->request_uri.whole) &&
        same_text(a, a->via.whole, b, b->via.whole) &&
        same_text(a, a->via.branch, b, b->via.branch) &&
        same_text(a, a->from.whole, b, b->from.whole) &&
        same_text(a, a->from.tag, b, b->from.tag) && same_text(a, a->to.whole, b, b->to.whole) &&
        same_text(a, a->to.tag, b, b->to.tag) && same_text(a, a->call_id, b, b->call_id) &&
        same_text(a, a->content_type.params, b, b->content_type.params) &&
        same_view(zsip_msg_body(a), zsip_msg_body(b));
    return same ? NULL : "a field of the message is not read back";
}

/* Rooms smaller than it takes: nothing behind the end, and it is said. */
static const char *judge_small_rooms(const struct zsip_msg *msg, unsigned flags, size_t length)
{
    const size_t rooms[] = {length - 1, length / 2, 1, 0};
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        struct zsip_writer writer;
        size_t written = 99;
        uint8_t *room = malloc(rooms[i] > 0 ? rooms[i] : 1);
        if (room == NULL) {
            abort();
        }
        zsip_writer_init(&writer, room, rooms[i], flags);
        write_all(&writer, msg);
        enum zsip_status status = zsip_writer_finish(&writer, &written);
        free(room);
        if (status != ZSIP_ERROR_TOO_LARGE || written != 0) {
            return "less room than it takes is not told";
        }
    }
    return NULL;
}

const char *judge_rewrite(const uint8_t *data, size_t bytes, unsigned flags)
{
    static struct zsip_msg *msg, *again;
    msg = msg != NULL ? msg : msg_new();
    again = again != NULL ? again : msg_new();
    if (zsip_parse(msg, data, bytes, 0) != ZSIP_OK) {
        return NULL;
    }
    /* Names may become longer, and a Content-Length may be added. */
    size_t capacity = bytes + msg->header_count * 32u + 64u, length = 0;
    struct zsip_writer writer;
    uint8_t *room = malloc(capacity);
    if (room == NULL) {
        abort();
    }
    zsip_writer_init(&writer, room, capacity, flags);
    write_all(&writer, msg);
    const char *what = NULL;
    enum zsip_status status = zsip_writer_finish(&writer, &length);
    bool room_for_length =
        zsip_msg_has(msg, ZSIP_HEADER_CONTENT_LENGTH) || msg->header_count < ZSIP_HEADERS_MAX;
    if (status == ZSIP_ERROR_TOO_LARGE && length == 0 && bytes > 60000) {
        free(room); /* a header section that grew over its bound */
        return NULL;
    }
    if (!room_for_length) {
        free(room); /* one line more than a message may have */
        return status == ZSIP_ERROR_TOO_LARGE ? NULL : "a line too many is written";
    }
    if (status != ZSIP_OK || length > capacity) {
        what = "a good message can't be written";
    } else {
        status = zsip_parse(again, room, length, ZSIP_PARSE_STREAM);
        what = status != ZSIP_OK ? "what is written is no message" : compare(msg, again);
    }
    what = what != NULL ? what : judge_small_rooms(msg, flags, length);
    free(room);
    return what;
}

/* ---- Anything, written --------------------------------------------------------------------------
 */

#define ROWS_MAX 40u

struct script {
    const uint8_t *p, *end;
};

static unsigned next_byte(struct script *script)
{
    return script->p < script->end ? *script->p++ : 0;
}

/* A length and as many bytes. */
static struct zsip_view next_view(struct script *script)
{
    size_t length = next_byte(script), left = (size_t)(script->end - script->p);
    length = length < left ? length : left;
    struct zsip_view view = {script->p, length};
    script->p += length;
    return view;
}

struct row {
    enum zsip_header_id id;
    struct zsip_view name, value;
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct zsip_view trimmed(struct zsip_view view)
{
    while (view.length > 0 && is_space(view.data[0])) {
        view.data++;
        view.length--;
    }
    while (view.length > 0 && is_space(view.data[view.length - 1])) {
        view.length--;
    }
    return view;
}

static unsigned write_rows(struct zsip_writer *writer, struct script *script, struct row *rows)
{
    unsigned count = 0;
    while (script->p < script->end && count < ROWS_MAX) {
        struct row *row = &rows[count];
        *row = (struct row){.id = (enum zsip_header_id)(next_byte(script) % ZSIP_HEADER_ID_COUNT)};
        if (row->id == ZSIP_HEADER_UNKNOWN) {
            row->name = next_view(script);
            row->value = next_view(script);
            zsip_writer_header_named(writer, row->name, row->value);
        } else {
            row->value = next_view(script);
            zsip_writer_header(writer, row->id, row->value);
        }
        count++;
    }
    return count;
}

static const char *read_back(const struct zsip_msg *msg, const struct row *rows, unsigned count)
{
    if (msg->header_count != count + 1) {
        return say("rows read back are not those written", msg->header_count);
    }
    for (unsigned i = 0; i < count; i++) {
        const struct zsip_header *header = &msg->headers[i];
        struct zsip_view name = {msg->data + header->name_offset, header->name_length};
        bool same_name = rows[i].id != ZSIP_HEADER_UNKNOWN ? header->id == rows[i].id
                                                           : same_view(name, rows[i].name);
        if (!same_name || !same_view(trimmed(rows[i].value), zsip_msg_view(msg, header->value))) {
            return say("a row is not read back", i);
        }
    }
    return NULL;
}

const char *judge_write(const uint8_t *data, size_t bytes)
{
    static struct zsip_msg *msg;
    static uint8_t room[32768];
    struct row rows[ROWS_MAX];
    struct script script = {data, data + bytes};
    struct zsip_writer writer;
    size_t length;
    msg = msg != NULL ? msg : msg_new();
    unsigned first = next_byte(&script);
    zsip_writer_init(&writer, room, sizeof(room), first & 1 ? ZSIP_WRITER_COMPACT : 0);
    if (first & 2) {
        unsigned code = next_byte(&script) * 3;
        zsip_writer_response(&writer, code, next_view(&script));
    } else {
        struct zsip_view method = next_view(&script);
        zsip_writer_request(&writer, method, next_view(&script));
    }
    unsigned count = write_rows(&writer, &script, rows);
    zsip_writer_body(&writer, ZSIP_VIEW("body"));
    if (zsip_writer_finish(&writer, &length) != ZSIP_OK) {
        return NULL;
    }
    /* The parser may find fault with what stands in a field, but not with the lines. */
    enum zsip_status status = zsip_parse(msg, room, length, ZSIP_PARSE_STREAM);
    if (status == ZSIP_ERROR_TRUNCATED || status == ZSIP_ERROR_TOO_LARGE) {
        return "what is written is not whole";
    }
    if ((first & 2) != 0 && (msg->kind != ZSIP_KIND_RESPONSE || msg->status_code < 100)) {
        return "a status line that is written is not read";
    }
    return read_back(msg, rows, count);
}
