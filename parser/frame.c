/* zsip: where messages end on a stream.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"
#include "parser/parser.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void zsip_frame_init(struct zsip_frame *frame, uint32_t header_bytes_max, uint32_t body_bytes_max)
{
    if (header_bytes_max == 0 || header_bytes_max > ZSIP_HEADER_SECTION_BYTES_MAX)
        header_bytes_max = ZSIP_HEADER_SECTION_BYTES_MAX;
    if (body_bytes_max == 0)
        body_bytes_max = ZSIP_HEADER_SECTION_BYTES_MAX;
    *frame = (struct zsip_frame){
        .header_bytes_max = header_bytes_max,
        .body_bytes_max = body_bytes_max,
        .body_bytes = ZSIP_ABSENT,
    };
}

static void frame_reset(struct zsip_frame *frame)
{
    frame->line = 0;
    frame->scanned = 0;
    frame->header_bytes = 0;
    frame->body_bytes = ZSIP_ABSENT;
    frame->fault = ZSIP_OK;
    frame->after_crlf = 0;
}

/* Whether it is worth a closer look: lines are many, and one of them is it. */
static bool may_be_content_length(const uint8_t *line, const uint8_t *end)
{
    enum { NAME_BYTES = sizeof("content-length") - 1, SECOND_WORD = sizeof("content-") - 1 };
    uint8_t first = line < end ? line[0] | 0x20 : 0;
    if (first == 'l')
        return end - line > 1 && (line[1] == ':' || line[1] == ' ' || line[1] == '\t');
    return first == 'c' && end - line > NAME_BYTES && (line[SECOND_WORD] | 0x20) == 'l';
}

/* The value of a line that is a Content-Length, white space before the colon, folds and all. */
static bool is_content_length(const uint8_t *p, const uint8_t *end, const uint8_t **value_0,
                              const uint8_t **value_1)
{
    const uint8_t *name = p;
    while (p < end && *p != ':' && *p != ' ' && *p != '\t')
        p++;
    size_t length = (size_t)(p - name);
    if (!zsip_text_is(name, length, "content-length") && !zsip_text_is(name, length, "l"))
        return false;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (p == end || *p != ':')
        return false;
    for (p++; p < end && zsip_is_lws(*p); p++)
        ;
    while (end > p && zsip_is_lws(end[-1]))
        end--;
    *value_0 = p;
    *value_1 = end;
    return true;
}

/* A fault waits for the end of the section, which the caller needs to answer. */
static void header_line(struct zsip_frame *frame, const uint8_t *data, uint32_t end)
{
    const uint8_t *value_0, *value_1;
    struct zsip_fault fault;
    enum zsip_status status;
    uint64_t value = 0;
    if (!may_be_content_length(data + frame->line, data + end) ||
        !is_content_length(data + frame->line, data + end, &value_0, &value_1))
        return;
    if (frame->body_bytes != ZSIP_ABSENT)
        status = zsip_fault_set(&fault, data, data + frame->line, ZSIP_ERROR_DUPLICATE, "");
    else
        status = zsip_machine_digits(data, value_0, value_1, ZSIP_ABSENT - 1, &value, "", &fault);
    frame->body_bytes = (uint32_t)value;
    if (status == ZSIP_OK || frame->fault != ZSIP_OK)
        return;
    frame->fault = (int8_t)status;
    frame->fault_offset = fault.offset;
}

/* The next LF in data[at .. end), or NULL. Lines are short: a call for each costs more than the
 * look. */
static inline const uint8_t *line_end(const uint8_t *data, uint32_t at, uint32_t end)
{
#ifdef __SSE2__
    for (const __m128i lf = _mm_set1_epi8('\n'); end - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(data + at));
        unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, lf));
        if (found != 0)
            return data + at + (unsigned)__builtin_ctz(found);
    }
#endif
    return at == end ? NULL : __builtin_memchr(data + at, '\n', end - at);
}

/* Goes over what is new of the header section, line by line: ZSIP_OK once the empty line is there,
 * ZSIP_MORE before. A line ends at a CRLF with no white space behind it, the start line at any. */
static enum zsip_status header_section(struct zsip_frame *frame, const uint8_t *data,
                                       uint32_t bytes)
{
    while (frame->scanned < bytes) {
        const uint8_t *lf = line_end(data, frame->scanned, bytes);
        if (lf == NULL)
            break;
        uint32_t at = (uint32_t)(lf - data);
        if (at == frame->line || data[at - 1] != '\r') {
            frame->scanned = at + 1;
            continue;
        }
        if (at - 1 == frame->line) {
            frame->header_bytes = at + 1;
            return ZSIP_OK;
        }
        if (frame->line != 0) {
            if (at + 1 == bytes) {
                frame->scanned = at;
                return ZSIP_MORE;
            }
            if (data[at + 1] == ' ' || data[at + 1] == '\t') {
                frame->scanned = at + 1;
                continue;
            }
            header_line(frame, data, at - 1);
        }
        frame->line = frame->scanned = at + 1;
    }
    frame->scanned = bytes;
    return ZSIP_MORE;
}

static inline uint64_t load_64(const void *p)
{
    uint64_t value;
    __builtin_memcpy(&value, p, sizeof(value));
    return value;
}

/* A Content-Length as nearly everybody writes it: no white space before the colon, no fold, at most
 * nine digits. An empty line follows, at end or before. */
static inline bool plain_content_length(const uint8_t *p, const uint8_t *end, uint32_t *value)
{
    enum { NAME_BYTES = sizeof("content-length") - 1, DIGITS = 9 };
    const uint64_t lower = 0x2020202020202020u;
    if (end - p > NAME_BYTES && p[7] == '-' && (load_64(p) | lower) == load_64("content-") &&
        (load_64(p + 6) | lower) == load_64("t-length"))
        p += NAME_BYTES;
    else
        p += (*p | 0x20) == 'l';
    if (*p != ':')
        return false;
    do
        p++;
    while (*p == ' ');
    const uint8_t *first = p;
    uint32_t sum = 0, digit;
    for (; (digit = (uint32_t)*p - '0') <= 9; p++)
        sum = sum * 10 + digit;
    *value = sum;
    return p > first && p - first <= DIGITS && p[0] == '\r' && p[1] == '\n' && p[2] != ' ' &&
           p[2] != '\t';
}

/* The bytes of a message that is all there, with nothing odd about its length: the ordinary case,
 * which leaves the frame as it is. 0: it takes a closer look. */
static inline size_t message_at_once(const struct zsip_frame *frame, const uint8_t *data,
                                     size_t bytes)
{
    uint32_t bound = frame->header_bytes_max, line, body_bytes;
    uint32_t within = bytes < bound ? (uint32_t)bytes : bound;
    uint32_t header_bytes = zsip_fast()->section(data, within, &line);
    if (header_bytes == 0 || line == 0 || line == UINT32_MAX ||
        !plain_content_length(data + line, data + header_bytes, &body_bytes) ||
        body_bytes > frame->body_bytes_max || body_bytes > bytes - header_bytes)
        return 0;
    return (size_t)header_bytes + body_bytes;
}

/* One CRLF before a start line. */
static enum zsip_status crlf(struct zsip_frame *frame, enum zsip_frame_event *event, size_t *taken)
{
    *event = frame->after_crlf ? ZSIP_FRAME_PING : ZSIP_FRAME_CRLF;
    frame->after_crlf = !frame->after_crlf;
    *taken = 2;
    return ZSIP_OK;
}

static enum zsip_status section_end(struct zsip_frame *frame, const uint8_t *data,
                                    struct zsip_fault *fault)
{
    const uint8_t *end = data + frame->header_bytes;
    if (frame->fault != ZSIP_OK)
        return zsip_fault_set(fault, data, data + frame->fault_offset,
                              (enum zsip_status)frame->fault, "Content-Length");
    if (frame->body_bytes == ZSIP_ABSENT)
        return zsip_fault_set(fault, data, end, ZSIP_ERROR_MISSING, "Content-Length");
    if (frame->body_bytes > frame->body_bytes_max)
        return zsip_fault_set(fault, data, end, ZSIP_ERROR_TOO_LARGE, "body");
    return ZSIP_OK;
}

static enum zsip_status message(struct zsip_frame *frame, const uint8_t *data, size_t bytes,
                                enum zsip_frame_event *event, size_t *taken,
                                struct zsip_fault *fault)
{
    if (frame->header_bytes == 0) {
        uint32_t bound = frame->header_bytes_max;
        uint32_t within = bytes < bound ? (uint32_t)bytes : bound;
        enum zsip_status status = header_section(frame, data, within);
        if (status == ZSIP_MORE && bytes >= bound)
            return zsip_fault_set(fault, data, data + bound, ZSIP_ERROR_TOO_LARGE,
                                  "header section");
        if (status == ZSIP_OK)
            status = section_end(frame, data, fault);
        if (status != ZSIP_OK) {
            *taken = status < 0 ? frame->header_bytes : 0;
            return status;
        }
    }
    if (bytes - frame->header_bytes < frame->body_bytes)
        return ZSIP_MORE;
    *event = ZSIP_FRAME_MESSAGE;
    *taken = (size_t)frame->header_bytes + frame->body_bytes;
    frame_reset(frame);
    return ZSIP_OK;
}

/* What zsip_frame_next() does if that may take several calls, or is no message. */
static __attribute__((noinline)) enum zsip_status next(struct zsip_frame *frame,
                                                       const uint8_t *data, size_t bytes,
                                                       enum zsip_frame_event *event, size_t *taken,
                                                       struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    if (fault == NULL)
        fault = &ignored;
    *event = ZSIP_FRAME_NONE;
    *taken = 0;
    if (frame->broken)
        return zsip_fault_set(fault, data, data, ZSIP_ERROR_STATE, "stream");
    if (frame->scanned == 0 && bytes > 0 && data[0] == '\r') {
        if (bytes == 1)
            return ZSIP_MORE;
        if (data[1] == '\n')
            return crlf(frame, event, taken);
    }
    enum zsip_status status = message(frame, data, bytes, event, taken, fault);
    if (status < 0)
        frame->broken = 1;
    return status;
}

enum zsip_status zsip_frame_next(struct zsip_frame *frame, const uint8_t *data, size_t bytes,
                                 enum zsip_frame_event *event, size_t *taken,
                                 struct zsip_fault *fault)
{
    size_t whole = 0;
    if (frame->scanned == 0 && !frame->broken && bytes > 0 && data[0] != '\r')
        whole = message_at_once(frame, data, bytes);
    if (whole == 0)
        return next(frame, data, bytes, event, taken, fault);
    *event = ZSIP_FRAME_MESSAGE;
    *taken = whole;
    frame->after_crlf = 0;
    return ZSIP_OK;
}
