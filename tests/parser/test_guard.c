/* Reads stay inside the message: every text stands between two pages that can't be touched, pressed
 * against the one behind it and against the one before it. A read too far ends the test.
 *
 * SPDX-License-Identifier: MIT */
#include "parser/fast.h"
#include "tests/parser/corpus.h"
#include "tests/parser/judge.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIXTY "a23456789.b23456789.c23456789.d23456789.e23456789.f23456789."

/* Every on-demand function over everything the message has. */
static void read_all_fields(const struct zsip_msg *msg)
{
    struct zsip_via via;
    struct zsip_party party;
    struct zsip_slice token, value;
    struct zsip_uri uri;
    uint32_t seconds;
    int64_t utc_s;
    for (unsigned id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
        enum zsip_header_id header = (enum zsip_header_id)id;
        struct zsip_cursor cursors[3] = {{0, 0}, {0, 0}, {0, 0}};
        bool found = true;
        while (id == ZSIP_HEADER_VIA && found &&
               zsip_via_next(msg, &cursors[0], &via, &found, NULL) == ZSIP_OK && found) {
            zsip_param_find(msg->data, via.params, "x", &value);
        }
        found = true;
        while (found &&
               zsip_party_next(msg, header, &cursors[1], &party, &found, NULL) == ZSIP_OK &&
               found) {
            zsip_uri_parse(msg->data, party.uri, &uri, NULL);
            zsip_param_find(msg->data, party.params, "tag", &value);
        }
        found = true;
        while (found &&
               zsip_token_next(msg, header, &cursors[2], &token, &found, NULL) == ZSIP_OK &&
               found) {
        }
    }
    for (unsigned i = 0; i < msg->header_count; i++) {
        zsip_delta_seconds(msg->data, msg->headers[i].value, &seconds, NULL);
        zsip_date(msg->data, msg->headers[i].value, &utc_s, NULL);
        zsip_uri_parse(msg->data, msg->headers[i].value, &uri, NULL);
    }
}

static enum zsip_status parse_at(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                 unsigned flags)
{
    enum zsip_status status = zsip_parse(msg, data, bytes, flags);
    const char *broken = msg_broken_law(msg, status, data, bytes);
    cr_assert(broken == NULL, "%s", broken);
    read_all_fields(msg);
    return status;
}

/* The same text at the front, at the back, and in the ordinary heap: one answer. */
static void press(struct guard *guard, const char *name, const uint8_t *data, size_t bytes,
                  unsigned flags)
{
    struct zsip_msg *heap = msg_new(), *front = msg_new(), *back = msg_new();
    zsip_parse(heap, data, bytes, flags);
    parse_at(front, guard_front(guard, data, bytes), bytes, flags);
    const char *what = msg_difference(heap, front);
    cr_expect(what == NULL, "%s: at the front %s", name, what);
    parse_at(back, guard_back(guard, data, bytes), bytes, flags);
    what = msg_difference(heap, back);
    cr_expect(what == NULL, "%s: at the back %s", name, what);
    free(heap);
    free(front);
    free(back);
}

Test(guard, every_text_between_untouchable_pages)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        struct guard guard;
        guard_open(&guard, text->bytes);
        press(&guard, text->name, text->data, text->bytes, text->flags);
        guard_close(&guard);
    }
}

/* Cut anywhere, so that the page ends inside a name, a fold, a quoted pair, a number. */
Test(guard, every_beginning_of_every_text)
{
    const struct corpus *corpus = corpus_all();
    struct zsip_msg *msg = msg_new();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        size_t most = text->bytes < 2000 ? text->bytes : 2000;
        struct guard guard;
        guard_open(&guard, text->bytes);
        for (size_t bytes = 0; bytes < most; bytes++) {
            parse_at(msg, guard_back(&guard, text->data, bytes), bytes, 0);
        }
        guard_close(&guard);
    }
    free(msg);
}

/* Begun anywhere: the page before the first byte must not be looked at either. */
Test(guard, every_end_of_every_text)
{
    const struct corpus *corpus = corpus_all();
    struct zsip_msg *msg = msg_new();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        size_t most = text->bytes < 1000 ? text->bytes : 1000;
        struct guard guard;
        guard_open(&guard, text->bytes);
        for (size_t skip = 0; skip < most; skip++) {
            parse_at(msg, guard_front(&guard, text->data + skip, text->bytes - skip),
                     text->bytes - skip, 0);
        }
        guard_close(&guard);
    }
    free(msg);
}

/* URIs alone, as an application parses a target from the command line. */
Test(guard, uris_between_untouchable_pages)
{
    static const char *const uris[] = {
        "sip:a",          "sip:a@b:5060;lr?x=y",
        "sip:[::1]:5060", "tel:+1-2-3;ext=4",
        "im:a@b",         "sip:a:b@c",
        "sip:",           "s",
        "sip:a@",         "sip:[::",
        "sip:a;",         "sip:a?",
        "sip:a%4",        "x:y",
    };
    struct guard guard;
    guard_open(&guard, 64);
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        size_t bytes = strlen(uris[i]);
        struct zsip_uri front, back;
        const uint8_t *at = guard_front(&guard, uris[i], bytes);
        struct zsip_slice slice = {0, (uint16_t)bytes};
        enum zsip_status status = zsip_uri_parse(at, slice, &front, NULL);
        at = guard_back(&guard, uris[i], bytes);
        cr_expect_eq(zsip_uri_parse(at, slice, &back, NULL), status, "%s", uris[i]);
        if (status == ZSIP_OK) {
            cr_expect(zsip_uri_equal(at, &back, at, &back), "%s", uris[i]);
        }
    }
    guard_close(&guard);
}

/* A value may be any part of a text that goes on behind it, up to a page's end: what follows must
 * not lead a look over that. */
Test(guard, values_that_are_the_beginning_of_a_text)
{
    static const char *const texts[] = {
        "sip:" SIXTY "@" SIXTY ".com:5060;" SIXTY "=" SIXTY,
        "sip:" SIXTY,
        "sip:" SIXTY "@" SIXTY,
        "<sip:a@b>;" SIXTY "=" SIXTY,
        "\"" SIXTY "\" <sip:" SIXTY "@" SIXTY ">;tag=" SIXTY,
        "SIP/2.0/UDP " SIXTY ";" SIXTY "=" SIXTY ";received=" SIXTY,
        "Digest " SIXTY "=\"" SIXTY "\"",
        "Digest nc=00000001, realm=" SIXTY ", nonce=\"" SIXTY "\"",
        "Thu, 01 Dec 1994 16:00:00 GMT" SIXTY,
    };
    struct guard guard;
    guard_open(&guard, 512);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t bytes = strlen(texts[i]);
        const uint8_t *at = guard_back(&guard, texts[i], bytes);
        for (size_t length = 0; length <= bytes; length++) {
            struct zsip_slice slice = {0, (uint16_t)length};
            struct zsip_auth auth;
            struct zsip_uri uri;
            struct zsip_via via;
            struct zsip_party party;
            int64_t utc_s;
            zsip_uri_parse(at, slice, &uri, NULL);
            zsip_date(at, slice, &utc_s, NULL);
            zsip_fast()->via(at, at, at + length, &via);
            zsip_fast()->party(at, at, at + length, &party);
            zsip_fast()->digest(at, at, at + length, &auth);
        }
    }
    guard_close(&guard);
}

/* A quoted name without an end, and names and values of every length, at the end of all there is.
 */
Test(guard, lines_that_end_where_the_page_does)
{
    char text[512];
    struct zsip_msg *msg = msg_new();
    struct guard guard;
    guard_open(&guard, sizeof(text));
    for (unsigned length = 0; length < 120; length++) {
        for (unsigned behind = 0; behind < 70; behind++) {
            int bytes = snprintf(text, sizeof(text),
                                 "MESSAGE sip:a@b SIP/2.0\r\nTo: \"%.*s\r\n <sip:a@b>\r\n%.*s\r\n",
                                 (int)length, SIXTY SIXTY, (int)behind, SIXTY SIXTY);
            parse_at(msg, guard_back(&guard, text, (size_t)bytes), (size_t)bytes, 0);
        }
    }
    guard_close(&guard);
    free(msg);
}

/* Only what a message uses is written: nothing behind the struct, and no header row that is not. */
Test(guard, parsing_writes_no_more_than_the_struct)
{
    size_t bytes;
    uint8_t *data = corpus_read("messages/B.sip", &bytes);
    size_t size = zsip_msg_size();
    uint8_t *room = malloc(size + 64);
    memset(room, 0xA5, size + 64);
    struct zsip_msg *msg = (struct zsip_msg *)room;
    cr_assert_eq(zsip_parse(msg, data, bytes, 0), ZSIP_OK);
    for (size_t i = 0; i < 64; i++) {
        cr_expect_eq(room[size + i], 0xA5);
    }
    cr_expect_leq(size, 1536);
    free(room);
    free(data);
}
