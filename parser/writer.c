/* zsip: the message writer.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

/* ---- Bytes ----------------------------------------------------------------------------------- */

static void fail(struct zsip_writer *writer, enum zsip_status status)
{
    if (writer->status == ZSIP_OK)
        writer->status = status;
}

static void put(struct zsip_writer *writer, const void *bytes, size_t count)
{
    if (writer->status != ZSIP_OK)
        return;
    if (count > writer->capacity - writer->length) {
        fail(writer, ZSIP_ERROR_TOO_LARGE);
        return;
    }
    if (count > 0)
        __builtin_memcpy(writer->data + writer->length, bytes, count);
    writer->length += count;
}

static void put_view(struct zsip_writer *writer, struct zsip_view view)
{
    put(writer, view.data, view.length);
}

static void put_number(struct zsip_writer *writer, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(writer, digits + at, sizeof(digits) - at);
}

/* ---- What may be written --------------------------------------------------------------------- */

/* Nothing that ends its line or that the parser would refuse (see line_find() in parse.c). A fold
 * needs its white space in the same view, so that no later piece can turn it into a line's end.
 * *escaped: whether a backslash stands before it, and then whether one ends it. */
static bool is_value(struct zsip_view view, bool *escaped)
{
    for (size_t i = 0; i < view.length; i++) {
        uint8_t c = view.data[i];
        if (c == '\r') {
            if (view.length - i < 3 || view.data[i + 1] != '\n' ||
                (view.data[i + 2] != ' ' && view.data[i + 2] != '\t'))
                return false;
            i += 2;
        } else if (((c < 0x20 && c != '\t') || c == 0x7F) && (!*escaped || c == '\n')) {
            return false;
        }
        *escaped = c == '\\' && !*escaped;
    }
    return true;
}

static bool is_token(struct zsip_view view)
{
    for (size_t i = 0; i < view.length; i++) {
        if (!zsip_is_token_char(view.data[i]))
            return false;
    }
    return view.length > 0;
}

static bool is_word_without_space(struct zsip_view view)
{
    for (size_t i = 0; i < view.length; i++) {
        if (view.data[i] <= ' ' || view.data[i] >= 0x7F)
            return false;
    }
    return view.length > 0;
}

static void check(struct zsip_writer *writer, bool legal)
{
    if (!legal)
        fail(writer, ZSIP_ERROR_ARGUMENT);
}

/* In the upper half of the flags: whether the piece before ended in a backslash that escapes what
 * comes, and the header lines so far, since a parser's index has an end. */
#define ESCAPED (1u << 16)
#define LINE    (1u << 17)

static void line_end(struct zsip_writer *writer)
{
    put(writer, "\r\n", 2);
    writer->flags &= ~ESCAPED;
    if (writer->flags / LINE >= ZSIP_HEADERS_MAX)
        fail(writer, ZSIP_ERROR_TOO_LARGE);
    else
        writer->flags += LINE;
}

/* ---- Start lines ----------------------------------------------------------------------------- */

void zsip_writer_init(struct zsip_writer *writer, void *data, size_t capacity, unsigned flags)
{
    *writer = (struct zsip_writer){.data = data, .capacity = capacity, .flags = flags % ESCAPED};
}

void zsip_writer_request(struct zsip_writer *writer, struct zsip_view method, struct zsip_view uri)
{
    check(writer, writer->length == 0 && is_token(method) && is_word_without_space(uri));
    put_view(writer, method);
    put(writer, " ", 1);
    put_view(writer, uri);
    put(writer, " SIP/2.0\r\n", 10);
}

void zsip_writer_response(struct zsip_writer *writer, unsigned code, struct zsip_view reason)
{
    check(writer, writer->length == 0 && code >= 100 && code <= 699);
    /* A start line has no folds, and no quoted-pairs that would let control characters in. */
    for (size_t i = 0; i < reason.length; i++) {
        uint8_t c = reason.data[i];
        check(writer, c == '\t' || (c >= 0x20 && c != 0x7F));
    }
    put(writer, "SIP/2.0 ", 8);
    put_number(writer, code);
    put(writer, " ", 1);
    put_view(writer, reason);
    put(writer, "\r\n", 2);
}

/* ---- Header fields --------------------------------------------------------------------------- */

static void begin(struct zsip_writer *writer, enum zsip_header_id id)
{
    uint8_t letter = zsip_header_letter(id);
    if ((writer->flags & ZSIP_WRITER_COMPACT) && letter != 0)
        put(writer, &letter, 1);
    else
        put_view(writer, zsip_header_name_view(id));
    put(writer, ": ", 2);
}

/* A Content-Length of the caller's beside the one that comes with the body would be two, and the
 * next element might take the other one. */
void zsip_writer_begin(struct zsip_writer *writer, enum zsip_header_id id)
{
    check(writer, writer->length > 0 && id > ZSIP_HEADER_UNKNOWN && id < ZSIP_HEADER_ID_COUNT &&
                      id != ZSIP_HEADER_CONTENT_LENGTH);
    begin(writer, id);
}

void zsip_writer_piece(struct zsip_writer *writer, struct zsip_view piece)
{
    bool escaped = (writer->flags & ESCAPED) != 0;
    check(writer, is_value(piece, &escaped));
    writer->flags = (writer->flags & ~ESCAPED) | (escaped ? ESCAPED : 0);
    put_view(writer, piece);
}

void zsip_writer_piece_number(struct zsip_writer *writer, uint64_t number)
{
    writer->flags &= ~ESCAPED;
    put_number(writer, number);
}

void zsip_writer_end(struct zsip_writer *writer)
{
    line_end(writer);
}

void zsip_writer_header(struct zsip_writer *writer, enum zsip_header_id id, struct zsip_view value)
{
    zsip_writer_begin(writer, id);
    zsip_writer_piece(writer, value);
    zsip_writer_end(writer);
}

void zsip_writer_header_named(struct zsip_writer *writer, struct zsip_view name,
                              struct zsip_view value)
{
    check(writer, writer->length > 0 && is_token(name) && name.length <= 255 &&
                      zsip_header_by_name(name) != ZSIP_HEADER_CONTENT_LENGTH);
    put_view(writer, name);
    put(writer, ": ", 2);
    zsip_writer_piece(writer, value);
    zsip_writer_end(writer);
}

void zsip_writer_header_number(struct zsip_writer *writer, enum zsip_header_id id, uint64_t value)
{
    zsip_writer_begin(writer, id);
    put_number(writer, value);
    zsip_writer_end(writer);
}

void zsip_writer_header_copy(struct zsip_writer *writer, const struct zsip_msg *msg, unsigned index)
{
    ZSIP_ASSERT(index < msg->header_count);
    const struct zsip_header *header = &msg->headers[index];
    struct zsip_view value = zsip_msg_view(msg, header->value);
    if (header->id != ZSIP_HEADER_UNKNOWN)
        zsip_writer_header(writer, (enum zsip_header_id)header->id, value);
    else
        zsip_writer_header_named(
            writer, (struct zsip_view){msg->data + header->name_offset, header->name_length},
            value);
}

void zsip_writer_cseq(struct zsip_writer *writer, uint32_t number, struct zsip_view method)
{
    check(writer, is_token(method));
    zsip_writer_begin(writer, ZSIP_HEADER_CSEQ);
    put_number(writer, number);
    put(writer, " ", 1);
    put_view(writer, method);
    zsip_writer_end(writer);
}

void zsip_writer_body(struct zsip_writer *writer, struct zsip_view body)
{
    check(writer, writer->length > 0);
    begin(writer, ZSIP_HEADER_CONTENT_LENGTH);
    put_number(writer, body.length);
    line_end(writer);
    put(writer, "\r\n", 2);
    /* The slices of a reader have 16 bits. */
    if (writer->length > ZSIP_HEADER_SECTION_BYTES_MAX)
        fail(writer, ZSIP_ERROR_TOO_LARGE);
    put_view(writer, body);
}

enum zsip_status zsip_writer_finish(const struct zsip_writer *writer, size_t *length)
{
    *length = writer->status == ZSIP_OK ? writer->length : 0;
    return writer->status;
}
