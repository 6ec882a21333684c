/* zsip: the message writer. Included by zsip/parser.h.
 *
 * A message, header field by header field, into the caller's buffer. The first failure sticks:
 * later calls do nothing, and zsip_writer_finish() tells it. Nothing is written past the end, and
 * nothing that would not be read back as the same fields: a value that holds the end of its own
 * line (CR or LF outside a fold) or a bare control character is ERROR_ARGUMENT, whichever function
 * it is given to; so is a Content-Length, which zsip_writer_body() alone writes.
 *
 * So text that comes from someone else (a display name, a subject, a header field) can add no line
 * to a message. What it says within its line is not looked at: quotes, brackets and commas in it
 * are the caller's to escape (RFC 3261 section 25.1, quoted-string).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_WRITER_H
#define ZSIP_WRITER_H

#include "zsip/parser.h"

#ifdef __cplusplus
extern "C" {
#endif

struct zsip_writer {
    uint8_t *data;
    size_t capacity;
    size_t length;
    unsigned flags; /* enum zsip_writer_flag; the upper 16 bits are private */
    enum zsip_status status;
};

enum zsip_writer_flag {
    ZSIP_WRITER_COMPACT = 1, /* compact names where there are any (RFC 3261 section 7.3.3) */
};

/* Begins a message in data[0 .. capacity), which has to live as long as *writer is used; nothing
 * else that is given to these functions has to outlive the call. flags: enum zsip_writer_flag. */
ZSIP_API void zsip_writer_init(struct zsip_writer *writer, void *data, size_t capacity,
                               unsigned flags);

/* Writes the start line, first of all. method: a token; uri: without white space, control
 * characters and bytes over 0x7F; code: 100 to 699; reason: without control characters, may be
 * empty. Else ERROR_ARGUMENT. All three are written as they are (RFC 3261 sections 7.1, 7.2). */
ZSIP_API void zsip_writer_request(struct zsip_writer *writer, struct zsip_view method,
                                  struct zsip_view uri);
ZSIP_API void zsip_writer_response(struct zsip_writer *writer, unsigned code,
                                   struct zsip_view reason);

/* One header field: by id, by name (a token of at most 255 bytes), with a number for its value, or
 * as it stands in row index of a message, index < msg->header_count. */
ZSIP_API void zsip_writer_header(struct zsip_writer *writer, enum zsip_header_id id,
                                 struct zsip_view value);
ZSIP_API void zsip_writer_header_named(struct zsip_writer *writer, struct zsip_view name,
                                       struct zsip_view value);
ZSIP_API void zsip_writer_header_number(struct zsip_writer *writer, enum zsip_header_id id,
                                        uint64_t value);
ZSIP_API void zsip_writer_header_copy(struct zsip_writer *writer, const struct zsip_msg *msg,
                                      unsigned index);
ZSIP_API void zsip_writer_cseq(struct zsip_writer *writer, uint32_t number,
                               struct zsip_view method);

/* A header field whose value is put together from pieces: begin, any number of pieces, end. A fold
 * stands in one piece whole; what a backslash at the end of one escapes may begin the next. */
ZSIP_API void zsip_writer_begin(struct zsip_writer *writer, enum zsip_header_id id);
ZSIP_API void zsip_writer_piece(struct zsip_writer *writer, struct zsip_view piece);
ZSIP_API void zsip_writer_piece_number(struct zsip_writer *writer, uint64_t number);
ZSIP_API void zsip_writer_end(struct zsip_writer *writer);

/* Content-Length, the empty line and the body, which may be empty. Nothing follows. */
ZSIP_API void zsip_writer_body(struct zsip_writer *writer, struct zsip_view body);

/* ZSIP_OK and the length of what was written; or the first failure: ERROR_TOO_LARGE (no room, or
 * more header lines or bytes of them than a message may have: ZSIP_HEADERS_MAX,
 * ZSIP_HEADER_SECTION_BYTES_MAX), ERROR_ARGUMENT (something that can't be written, see above). */
ZSIP_API enum zsip_status zsip_writer_finish(const struct zsip_writer *writer, size_t *length);

#ifdef __cplusplus
}
#endif

#endif
