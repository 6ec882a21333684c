/* Messages at the bounds inside of the fast ways: line ends that fill the list they are found in,
 * exactly, or by one more; as many rows as there are, and one more; folds and odd lines where any
 * of these are met; lines that cross blocks of 64 bytes at every place. Fuzzers seldom get there:
 * it takes a hundred lines. Each message stands at several places in memory, with what could
 * mislead a look around it, and every way has to say what the plain one says.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/attack.h"
#include "tests/parser/judge.h"
#include "tests/parser/press.h"
#include "tests/parser/ways.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES     (press_step() > 1 ? 600u : 12000u)
#define PLACES       6u
#define JUDGED_EVERY 32u
#define ROOM_BYTES   (128u * 1024u)
/* More than a look and a line's end. */
#define AROUND_BYTES 200u

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct text {
    uint8_t data[ROOM_BYTES];
    size_t bytes;
    uint64_t state;
};

static unsigned draw(struct text *text, unsigned below)
{
    text->state = text->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(text->state >> 33) % below;
}

static void put(struct text *text, const char *from)
{
    size_t bytes = strlen(from);
    cr_assert_lt(text->bytes + bytes, ROOM_BYTES);
    memcpy(text->data + text->bytes, from, bytes);
    text->bytes += bytes;
}

static void put_run(struct text *text, char byte, unsigned count)
{
    cr_assert_lt(text->bytes + count, ROOM_BYTES);
    memset(text->data + text->bytes, byte, count);
    text->bytes += count;
}

/* ---- Messages -----------------------------------------------------------------------------------
 */

static void put_folds(struct text *text)
{
    static const char *const folds[] = {"\r\n ", "\r\n\t", "\r\n  b", "\r\n c", "\r\n d:"};
    unsigned count = 1 + draw(text, draw(text, 4) == 0 ? 140 : 8), which = draw(text, 5);
    put(text, "Folded: a");
    for (unsigned i = 0; i < count; i++) {
        put(text, folds[which]);
    }
    put(text, "e\r\n");
}

/* Ordinary lines are what lines_take() knows; of the others, each has its own way into the slow
 * one. */
static void put_line(struct text *text, unsigned kind)
{
    static const char *const lines[] = {
        "x: y\r\n",
        "s: a\r\n",
        "Subject: ab\r\n",
        "Route: <sip:a@b>\r\n",
        "X-Some: text\r\n",
        "s:  padded\r\n",
        "Date:     a\r\n",
        "s: behind \r\n",
        "s:a\r\n",
        "s: \r\n",
        "s:\r\n",
        "s:\ta\r\n",
        "s: a\t\r\n",
        "Subject : a\r\n",
        "s: \"\\\x01\"\r\n",
        "s: \"\\\x7f\"\r\n",
        "s: \xc3\xa9\xff\r\n",
        "s: a\r\n \r\n",
        "k: a\\\r\n",
        "s: a\r\n\t\r\n",
        "s: \r\n a\r\n",
        "s: a\x01\r\n",
        "s: a\rb\r\n",
        "s: a\nb\r\n",
        "s: a\r\r\n",
        "nothing\r\n",
        ": a\r\n",
        "s: a\n",
    };
    switch (kind) {
    case COUNT(lines):
        put_folds(text);
        break;
    case COUNT(lines) + 1:
        put_run(text, 'n', 1 + draw(text, draw(text, 8) == 0 ? 260 : 70));
        put(text, ": v\r\n");
        break;
    case COUNT(lines) + 2:
        put(text, "s: ");
        put_run(text, 'v', 1 + draw(text, 130));
        put(text, "\r\n");
        break;
    default:
        put(text, lines[kind]);
        break;
    }
}

enum { ORDINARY = 10, GOOD = 21, KINDS = 31 };

/* One of what a message needs, once in a while with something odd. */
static void put_needed(struct text *text, unsigned which)
{
    static const char *const needed[][3] = {
        {VIA, "v:  SIP/2.0/UDP h;branch=z9hG4bK1\r\n", "Via: SIP/2.0/UDP h,\r\n SIP/2.0/UDP i\r\n"},
        {FROM, "f: \"a \\\"b\" <sip:a@b>;tag=1\r\n", "From: <sip:a@b>\r\n ;tag=1\r\n"},
        {TO, "t:<sip:c@d>\r\n", "To: sip:c@d \r\n"},
        {CALL_ID, "i:   x@y\r\n", "Call-ID:\r\n x\r\n"},
        {CSEQ, "CSeq:1 MESSAGE\r\n", "CSeq: 1\r\n MESSAGE\r\n"},
        {"Content-Length: 0\r\n", "l:  5\r\n", "l: 0\r\n"},
        {"Max-Forwards: 70\r\n", "Max-Forwards:  0070\r\n", "Max-Forwards: 70 \r\n"},
        {"Content-Type: a/b\r\n", "c: a/b;c=d\r\n", "c: a / b\r\n"},
    };
    put(text, needed[which][draw(text, 4) == 0 ? draw(text, 3) : 0]);
}

/* As many lines as fill the list of their ends, or the index, give or take a few; or few. */
static unsigned draw_lines(struct text *text)
{
    switch (draw(text, 4)) {
    case 0:
        return draw(text, 20);
    case 1:
        return 180 + draw(text, 16);
    case 2:
        return 20 + draw(text, 110);
    default:
        return ZSIP_HEADERS_MAX - 16 + draw(text, 20);
    }
}

/* Lines of one kind mostly; here and there, and more so in a stretch of them, another. Every third
 * message has nothing in it that is no header field. */
static void put_message(struct text *text)
{
    unsigned lines = draw_lines(text), kinds = draw(text, 3) == 0 ? KINDS : GOOD;
    unsigned from = draw(text, lines + 1), to = from + draw(text, 12), places[8], common, other;
    text->bytes = 0;
    put(text, draw(text, 4) == 0 ? "SIP/2.0 200 OK\r\n" : START);
    common = draw(text, ORDINARY);
    other = draw(text, 3) == 0 ? ORDINARY : 1000;
    for (unsigned i = 0; i < COUNT(places); i++) {
        places[i] = draw(text, 2) == 0 ? i : draw(text, lines + 1);
    }
    for (unsigned line = 0; line <= lines; line++) {
        for (unsigned i = 0; i < COUNT(places); i++) {
            if (places[i] == line || (line == lines && places[i] > line)) {
                put_needed(text, i);
            }
        }
        bool odd = (line >= from && line < to) ? draw(text, 2) == 0 : draw(text, other) == 0;
        unsigned kind = draw(text, kinds + 3);
        kind = kind >= kinds ? KINDS - 1 - (kind - kinds) : kind;
        put_line(text, odd ? kind : common);
    }
    put(text, "\r\nhello");
    /* Cut anywhere. */
    if (draw(text, 16) == 0) {
        text->bytes = draw(text, (unsigned)text->bytes + 1);
    }
}

/* ---- Places -------------------------------------------------------------------------------------
 */

static void surround(struct text *text, uint8_t *from, uint8_t *to)
{
    static const char *const misleading[] = {"\r\n", "\r\n\r\n", "\n", "\r", "\"", "a", " ",
                                             ":",    ",",        "0",  ">",  ";",  "]", "\xff"};
    const char *piece = misleading[draw(text, COUNT(misleading))];
    for (size_t i = 0, length = strlen(piece); from < to; i++) {
        *from++ = (uint8_t)piece[i % length];
    }
}

/* Against the page behind, the page before, close to the one behind, or at any address. */
static uint8_t *place(struct text *text, const struct guard *guard)
{
    uint8_t *low = guard->map + (guard->map_bytes - guard->room_bytes) / 2;
    uint8_t *high = low + guard->room_bytes, *at = low;
    switch (draw(text, 4)) {
    case 0:
        at = high - text->bytes;
        break;
    case 1:
        break;
    case 2:
        at = high - text->bytes - draw(text, 130);
        break;
    default:
        at = low + draw(text, 8192);
        break;
    }
    uint8_t *end = at + text->bytes;
    surround(text, at - low < AROUND_BYTES ? low : at - AROUND_BYTES, at);
    surround(text, end, high - end < AROUND_BYTES ? high : end + AROUND_BYTES);
    memcpy(at, text->data, text->bytes);
    return at;
}

/* NULL, or in what a way differs from the plain one. */
static const char *difference(const uint8_t *at, size_t bytes, unsigned *way)
{
    static struct zsip_msg *plain, *fast;
    plain = plain != NULL ? plain : msg_new();
    fast = fast != NULL ? fast : msg_new();
    ways_fast(0)->parse(plain, at, bytes, 0);
    for (*way = 1; *way < ways_count(); ++*way) {
        ways_fast(*way)->parse(fast, at, bytes, 0);
        const char *what = msg_difference(plain, fast);
        what = what != NULL ? what : msg_field_difference(plain, fast);
        if (what != NULL) {
            return what;
        }
        if (plain->fault.offset != fast->fault.offset || plain->fault.rule != fast->fault.rule) {
            return "the fault's place or rule";
        }
    }
    return NULL;
}

Test(bounds, every_way_says_the_same_where_lines_are_many)
{
    static struct text text = {.state = 1};
    struct zsip_msg *msg = msg_new();
    struct guard guard;
    unsigned good = 0, full = 0, over = 0;
    guard_open(&guard, ROOM_BYTES);
    for (unsigned i = 0; i < MESSAGES; i++) {
        put_message(&text);
        for (unsigned j = 0; j < PLACES; j++) {
            unsigned way;
            const uint8_t *at = place(&text, &guard);
            const char *what = difference(at, text.bytes, &way);
            if (what != NULL) {
                cr_assert_fail("message %u at %u: %s: %s\n%.*s", i,
                               (unsigned)((uintptr_t)at & 4095), ways_name(way), what,
                               (int)text.bytes, (const char *)text.data);
            }
            what = i % JUDGED_EVERY == 0 && j == 0 ? judge_parse(at, text.bytes, 0) : NULL;
            if (what != NULL) {
                cr_assert_fail("message %u: %s", i, what);
            }
        }
        enum zsip_status status = zsip_parse(msg, text.data, text.bytes, 0);
        good += status == ZSIP_OK;
        full += status == ZSIP_OK && msg->header_count == ZSIP_HEADERS_MAX;
        over += status == ZSIP_ERROR_TOO_MANY;
    }
    fprintf(stderr, "%u messages: %u good, %u of them of as many rows as there are, %u of more\n",
            MESSAGES, good, full, over);
    cr_expect_gt(good, MESSAGES / 10);
    cr_expect_gt(full, 0);
    cr_expect_gt(over, MESSAGES / 20);
    guard_close(&guard);
    free(msg);
}
