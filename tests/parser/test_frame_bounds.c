/* Framing of streams: the bounds of a header section and a body, to the byte, and what is told of a
 * Content-Length that is none. Each by every way, the stream coming in one read, in two and byte by
 * byte: a message that is all there is framed by other code than one that is not.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/ways.h"
#include "zsip/parser.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START "MESSAGE sip:a@b SIP/2.0\r\n"

struct answer {
    enum zsip_status status;
    enum zsip_frame_event event;
    size_t taken;
    uint32_t fault_offset;
};

/* What comes of a stream of which so many bytes more are there at each look. */
static struct answer frame(const char *data, size_t bytes, size_t step, uint32_t header_bytes_max,
                           uint32_t body_bytes_max)
{
    struct answer answer = {ZSIP_MORE, ZSIP_FRAME_NONE, 0, 0};
    struct zsip_fault fault = {0, ZSIP_OK, ""};
    struct zsip_frame frame;
    zsip_frame_init(&frame, header_bytes_max, body_bytes_max);
    for (size_t there = 0; answer.status == ZSIP_MORE && there < bytes;) {
        there = bytes - there > step ? there + step : bytes;
        answer.status = zsip_frame_next(&frame, (const uint8_t *)data, there, &answer.event,
                                        &answer.taken, &fault);
    }
    answer.fault_offset = fault.offset;
    return answer;
}

/* However it comes, the same comes of it. */
static struct answer frame_all(const char *data, size_t bytes, uint32_t header_bytes_max,
                               uint32_t body_bytes_max)
{
    const size_t steps[] = {bytes, bytes / 2 + 1, bytes < 5000 ? 1 : 1000};
    struct answer first = frame(data, bytes, bytes, header_bytes_max, body_bytes_max);
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            struct answer other = frame(data, bytes, steps[i], header_bytes_max, body_bytes_max);
            if (other.status != first.status || other.event != first.event ||
                other.taken != first.taken || other.fault_offset != first.fault_offset) {
                cr_assert_fail("%s, %zu bytes at a time: %s, and %s at once", ways_name(way),
                               steps[i], zsip_status_name(other.status),
                               zsip_status_name(first.status));
            }
        }
    }
    ways_take(ways_count());
    return first;
}

static struct answer frame_text(const char *text)
{
    return frame_all(text, strlen(text), 0, 0);
}

/* A message whose header section and body have so many bytes. Returns the bytes of both; the caller
 * frees *text. */
static size_t make(char **text, size_t header_bytes, size_t body_bytes)
{
    char end[64];
    int length = snprintf(end, sizeof(end), "\r\nContent-Length: %zu\r\n\r\n", body_bytes);
    char *at = *text = malloc(header_bytes + body_bytes);
    cr_assert_not_null(at);
    memset(at, 'b', header_bytes + body_bytes);
    memcpy(at, START "X: ", strlen(START "X: "));
    memcpy(at + header_bytes - (size_t)length, end, (size_t)length);
    return header_bytes + body_bytes;
}

static enum zsip_status frame_made(size_t header_bytes, size_t body_bytes,
                                   uint32_t header_bytes_max, uint32_t body_bytes_max)
{
    char *text;
    size_t bytes = make(&text, header_bytes, body_bytes);
    struct answer answer = frame_all(text, bytes, header_bytes_max, body_bytes_max);
    cr_expect(answer.status != ZSIP_OK || answer.taken == bytes);
    free(text);
    return answer.status;
}

Test(frame_bounds, a_header_section_has_its_bound_to_the_byte)
{
    for (size_t more = 0; more < 80; more++) {
        cr_expect_eq(frame_made(1000 + more, 10, (uint32_t)(1000 + more), 10), ZSIP_OK);
        cr_expect_eq(frame_made(1001 + more, 10, (uint32_t)(1000 + more), 10),
                     ZSIP_ERROR_TOO_LARGE);
    }
}

Test(frame_bounds, a_body_has_its_bound_to_the_byte)
{
    cr_expect_eq(frame_made(200, 999, 1000, 1000), ZSIP_OK);
    cr_expect_eq(frame_made(200, 1000, 1000, 1000), ZSIP_OK);
    cr_expect_eq(frame_made(200, 1001, 1000, 1000), ZSIP_ERROR_TOO_LARGE);
    cr_expect_eq(frame_made(200, 1, 1000, 1), ZSIP_OK);
    cr_expect_eq(frame_made(200, 2, 1000, 1), ZSIP_ERROR_TOO_LARGE);
}

/* Bounds of 0 stand for the parser's own, and no bound goes over that of its offsets. */
Test(frame_bounds, bounds_that_are_not_given_are_those_of_the_parser)
{
    enum { MOST = ZSIP_HEADER_SECTION_BYTES_MAX };
    static const uint32_t given[] = {0, MOST, MOST + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        cr_expect_eq(frame_made(MOST, 0, given[i], 0), ZSIP_OK, "%u", given[i]);
        cr_expect_eq(frame_made(MOST + 1, 0, given[i], 0), ZSIP_ERROR_TOO_LARGE, "%u", given[i]);
    }
    cr_expect_eq(frame_made(200, MOST, 0, 0), ZSIP_OK);
    cr_expect_eq(frame_made(200, MOST + 1, 0, 0), ZSIP_ERROR_TOO_LARGE);
    cr_expect_eq(frame_made(200, MOST + 1, 0, MOST + 1), ZSIP_OK);
}

/* The first fault is told, at its place; a second one changes nothing. */
Test(frame_bounds, of_two_faults_the_first_is_told)
{
    static const struct {
        const char *lines, *place;
        enum zsip_status status;
    } cases[] = {
        {"l: x\r\nl: 5\r\n", "x", ZSIP_ERROR_SYNTAX},
        {"l: x\r\nContent-Length: 4294967295\r\n", "x", ZSIP_ERROR_SYNTAX},
        {"l: 4294967295\r\nl: x\r\n", "4294967295", ZSIP_ERROR_RANGE},
        {"l: 5\r\nL: x\r\n", "L: x", ZSIP_ERROR_DUPLICATE},
        {"l: 5\r\nL: 5\r\ncontent-length: x\r\n", "L: 5", ZSIP_ERROR_DUPLICATE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), START "%s\r\nhello", cases[i].lines);
        struct answer answer = frame_text(text);
        cr_expect_eq(answer.status, cases[i].status, "%s", cases[i].lines);
        cr_expect_eq(answer.fault_offset, strstr(text, cases[i].place) - text, "%s",
                     cases[i].lines);
    }
}

Test(frame_bounds, blanks_before_the_colon_hide_no_compact_form)
{
    cr_expect_eq(frame_text(START "l : 5\r\n\r\nhello").taken, strlen(START "l : 5\r\n\r\nhello"));
    cr_expect_eq(frame_text(START "l\t: 5\r\n\r\nhello").taken, strlen(START "l : 5\r\n\r\nhello"));
    cr_expect_eq(frame_text(START "L\t : 5\r\n\r\nhello").taken,
                 strlen(START "L\t : 5\r\n\r\nhello"));
}

/* One bit makes a letter of the other case, and a "-" of a CR; a "," of a form feed. */
Test(frame_bounds, what_is_nearly_a_content_length_is_none)
{
    static const char *const names[] = {"Content\rLength",
                                        "Content Length",
                                        "Content_Length",
                                        "Content-Lengt",
                                        "Content-Length2",
                                        "Content-Lengtx",
                                        "Xontent-Length",
                                        "Content-Xength",
                                        "Content",
                                        "ll",
                                        "\f",
                                        "k",
                                        "Content-\fength"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), START "%s: 5\r\n\r\nhello", names[i]);
        cr_expect_eq(frame_text(text).status, ZSIP_ERROR_MISSING, "%s", names[i]);
    }
}
