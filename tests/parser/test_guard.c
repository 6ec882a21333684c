/* Reads stay inside the message: every text stands between two pages that can't be touched, pressed
 * against the one behind it and against the one before it, and is parsed by every way that this
 * processor can go. A read too far ends the test.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include "tests/parser/press.h"
#include "tests/parser/ways.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIXTY "a23456789.b23456789.c23456789.d23456789.e23456789.f23456789."

/* The longest text whose every part is pressed; of longer ones the corpus has few, and their parts
 * are many. */
#define PARTS_BYTES_MAX 1300u

/* Without this the test would press one way four times over. */
Test(guard, every_way_is_taken)
{
    cr_assert_gt(ways_count(), 0);
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        cr_expect_eq(zsip_fast(), ways_fast(way), "%s", ways_name(way));
        cr_expect_str_neq(ways_name(way), "?");
        fprintf(stderr, "pressed by: %s\n", ways_name(way));
    }
    ways_take(ways_count());
}

/* ---- Messages -----------------------------------------------------------------------------------
 */

static unsigned parse_flags;
static struct zsip_msg *wanted; /* the answer about the text in the heap; NULL: not asked */

/* A message and every field of it by every function. */
static const char *parse(const uint8_t *data, size_t bytes)
{
    static struct zsip_msg *msg;
    uint64_t answers[ZSIP_HEADER_ID_COUNT];
    msg = msg != NULL ? msg : msg_new();
    enum zsip_status status = zsip_parse(msg, data, bytes, parse_flags);
    const char *what = msg_broken_law(msg, status, data, bytes);
    if (what == NULL && wanted != NULL) {
        what = msg_difference(wanted, msg);
        what = what == NULL && wanted->fault.offset != msg->fault.offset ? "fault's place" : what;
    }
    size_t there = bytes - (size_t)(msg->data - data);
    return what != NULL ? what : judge_fields(msg, there, answers);
}

Test(guard, every_text_between_untouchable_pages)
{
    const struct corpus *corpus = press_texts();
    wanted = msg_new();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        parse_flags = text->flags;
        zsip_parse(wanted, text->data, text->bytes, parse_flags);
        press_whole(text->name, text->data, text->bytes, parse);
    }
    free(wanted);
}

/* Cut anywhere, so that the page ends inside a name, a fold, a quoted pair, a number; and begun
 * anywhere. */
Test(guard, every_beginning_and_end_of_every_text)
{
    const struct corpus *corpus = press_texts();
    wanted = NULL;
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        if (text->bytes <= PARTS_BYTES_MAX) {
            press_parts(text->name, text->data, text->bytes, parse);
        }
    }
}

/* A quoted name without an end, and names and values of every length, at the end of all there is.
 */
Test(guard, lines_that_end_where_the_page_does)
{
    char text[512];
    wanted = NULL;
    for (unsigned length = 0; length < 120; length += 1) {
        for (unsigned behind = 0; behind < 70; behind += 3) {
            int bytes = snprintf(text, sizeof(text),
                                 "MESSAGE sip:a@b SIP/2.0\r\nTo: \"%.*s\r\n <sip:a@b>\r\n%.*s\r\n",
                                 (int)length, SIXTY SIXTY, (int)behind, SIXTY SIXTY);
            press_whole("lines", text, (size_t)bytes, parse);
        }
    }
}

/* ---- Streams ------------------------------------------------------------------------------------
 */

/* What has come of a stream stands in exactly that much, and moves as it grows: a page ends behind
 * each of its bytes. */
static const char *frame(const uint8_t *data, size_t bytes)
{
    struct zsip_frame frame;
    enum zsip_frame_event event;
    size_t taken;
    zsip_frame_init(&frame, 0, 0);
    enum zsip_status status = zsip_frame_next(&frame, data, bytes, &event, &taken, NULL);
    uint32_t line;
    uint32_t found = zsip_fast()->section(data, (uint32_t)bytes, &line);
    if (found > bytes || (found != 0 && line != UINT32_MAX && line >= found)) {
        return "the header section leaves the stream";
    }
    return taken > bytes || (status == ZSIP_MORE && taken != 0) ? "took what is not there" : NULL;
}

Test(guard, every_beginning_of_every_stream)
{
    const struct corpus *corpus = press_texts();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        press_whole(text->name, text->data, text->bytes, frame);
        press_parts(text->name, text->data, text->bytes, frame);
    }
}

/* The same framer, fed with ever more of one text: each look is at pages that hold no more. */
Test(guard, a_stream_that_grows_byte_by_byte)
{
    const struct corpus *corpus = press_texts();
    struct guard guard;
    guard_open(&guard, 65536);
    for (size_t i = 0; i < corpus->count * ways_count(); i++) {
        const struct corpus_text *text = &corpus->texts[i / ways_count()];
        struct zsip_frame frame;
        enum zsip_frame_event event;
        enum zsip_status status = ZSIP_MORE;
        size_t taken = 0;
        ways_take((unsigned)(i % ways_count()));
        zsip_frame_init(&frame, 0, 0);
        for (size_t bytes = 0; status == ZSIP_MORE && bytes <= text->bytes; bytes++) {
            const uint8_t *at = guard_back(&guard, text->data, bytes);
            status = zsip_frame_next(&frame, at, bytes, &event, &taken, NULL);
        }
        if (taken > text->bytes) {
            cr_assert_fail("%s: took what is not there", text->name);
        }
    }
    ways_take(ways_count());
    guard_close(&guard);
}

/* ---- The struct ---------------------------------------------------------------------------------
 */

/* The caller's struct at the end of a page: neither parsing nor looking for a row goes behind it,
 * with every row taken. */
Test(guard, the_struct_itself_between_untouchable_pages)
{
    struct guard guard;
    struct zsip_msg *garbage = msg_new();
    char text[2048] = "MESSAGE sip:a@b SIP/2.0\r\n";
    size_t bytes = strlen(text);
    for (unsigned row = 0; row < ZSIP_HEADERS_MAX; row++) {
        bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "%c:x\r\n",
                                  row + 1 == ZSIP_HEADERS_MAX ? 's' : 'x');
    }
    bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "\r\n");
    guard_open(&guard, zsip_msg_size());
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        for (unsigned place = 0; place < 2; place++) {
            const uint8_t *at = place == 0 ? guard_front(&guard, garbage, zsip_msg_size())
                                           : guard_back(&guard, garbage, zsip_msg_size());
            struct zsip_msg *msg = (struct zsip_msg *)(uintptr_t)at;
            zsip_parse(msg, (const uint8_t *)text, bytes, 0);
            cr_assert_eq(msg->header_count, ZSIP_HEADERS_MAX, "%s", ways_name(way));
            for (unsigned from = 0; from <= ZSIP_HEADERS_MAX; from++) {
                unsigned found = zsip_msg_find(msg, ZSIP_HEADER_SUBJECT, from);
                unsigned last = from < ZSIP_HEADERS_MAX ? ZSIP_HEADERS_MAX - 1 : from;
                if (found != last) {
                    cr_assert_fail("%s found %u from %u", ways_name(way), found, from);
                }
            }
        }
    }
    ways_take(ways_count());
    guard_close(&guard);
    free(garbage);
}

/* "Only what a message uses is written": of the rows, as many as there are, and nothing behind the
 * struct; by every way, for good messages and for bad ones. */
Test(guard, rows_that_a_message_has_not_are_not_written)
{
    const struct corpus *corpus = press_texts();
    size_t size = zsip_msg_size();
    uint8_t *room = malloc(size + 64);
    struct zsip_msg *msg = (struct zsip_msg *)room;
    for (size_t i = 0; i < corpus->count * ways_count(); i++) {
        const struct corpus_text *text = &corpus->texts[i / ways_count()];
        ways_take((unsigned)(i % ways_count()));
        memset(room, 0xA5, size + 64);
        zsip_parse(msg, text->data, text->bytes, text->flags);
        size_t written = size + 64;
        while (written > 0 && room[written - 1] == 0xA5) {
            written--;
        }
        size_t used =
            offsetof(struct zsip_msg, headers) + msg->header_count * sizeof(struct zsip_header);
        if (written > used) {
            cr_assert_fail("%s: %s wrote %zu bytes, %zu are used", text->name,
                           ways_name((unsigned)(i % ways_count())), written, used);
        }
    }
    ways_take(ways_count());
    free(room);
}
