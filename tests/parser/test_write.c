/* The writer: what it writes is read back, and nothing goes past its room.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/corpus.h"
#include "tests/parser/judge.h"
#include "tests/parser/mutate.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(write, every_good_text_is_written_and_read_back)
{
    const struct corpus *corpus = corpus_all();
    unsigned good = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        struct zsip_msg *msg = msg_new();
        good += zsip_parse(msg, text->data, text->bytes, 0) == ZSIP_OK;
        free(msg);
        for (unsigned flags = 0; flags <= ZSIP_WRITER_COMPACT; flags++) {
            const char *what = judge_rewrite(text->data, text->bytes, flags);
            cr_expect(what == NULL, "%s, flags %u: %s", text->name, flags, what);
        }
    }
    cr_expect_gt(good, 150, "only %u texts are good", good);
}

Test(write, good_mutants_are_written_and_read_back)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        for (unsigned seed = 0; seed < 100; seed++) {
            size_t bytes;
            uint8_t *mutant =
                mutate(corpus->texts[i].data, corpus->texts[i].bytes, seed * 104729u + i, &bytes);
            const char *what = judge_rewrite(mutant, bytes, seed & ZSIP_WRITER_COMPACT);
            cr_assert(what == NULL, "%s, mutant %u: %s", corpus->texts[i].name, seed, what);
            free(mutant);
        }
    }
}

static enum zsip_status write_subject(const void *value, size_t length)
{
    uint8_t room[512];
    struct zsip_writer writer;
    size_t written;
    zsip_writer_init(&writer, room, sizeof(room), 0);
    zsip_writer_request(&writer, ZSIP_VIEW("MESSAGE"), ZSIP_VIEW("sip:a@b"));
    zsip_writer_header(&writer, ZSIP_HEADER_SUBJECT, (struct zsip_view){value, length});
    zsip_writer_body(&writer, ZSIP_VIEW(""));
    return zsip_writer_finish(&writer, &written);
}

#define REFUSED(value) cr_expect_eq(write_subject(value, sizeof(value) - 1), ZSIP_ERROR_ARGUMENT)
#define TAKEN(value)   cr_expect_eq(write_subject(value, sizeof(value) - 1), ZSIP_OK)

Test(write, values_that_would_end_their_line_are_refused)
{
    REFUSED("a\r\nTo: <sip:evil@example.com>");
    REFUSED("a\r\n\r\nbody");
    REFUSED("a\nTo: x");
    REFUSED("a\rTo: x");
    REFUSED("a\r\n");
    REFUSED("a\\\r\nTo: x");
    REFUSED("a\\\nTo: x");
    REFUSED("a\0b");
    REFUSED("a\x7f");
    TAKEN("a\r\n b");
    TAKEN("\"a\\\0b\"");
    TAKEN("");
}

/* A backslash at a piece's end escapes what the next one begins with, not what follows that. */
Test(write, a_quoted_pair_is_read_over_two_pieces)
{
    static const struct {
        const char *first, *second;
        enum zsip_status status;
    } cases[] = {{"\\", "\x01", ZSIP_OK},
                 {"\\", "\\\x01", ZSIP_ERROR_ARGUMENT},
                 {"\\\\", "\\\x01", ZSIP_OK},
                 {"\\\\", "\x01", ZSIP_ERROR_ARGUMENT},
                 {"a", "\x01", ZSIP_ERROR_ARGUMENT},
                 {"\\", "\n", ZSIP_ERROR_ARGUMENT},
                 {"\\", "\r\n b", ZSIP_OK},
                 {"\\", "\r", ZSIP_ERROR_ARGUMENT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t data[256];
        struct zsip_writer writer;
        struct zsip_msg *msg = msg_new();
        size_t length;
        zsip_writer_init(&writer, data, sizeof(data), 0);
        zsip_writer_response(&writer, 200, ZSIP_VIEW("OK"));
        zsip_writer_begin(&writer, ZSIP_HEADER_SUBJECT);
        zsip_writer_piece(
            &writer, (struct zsip_view){(const uint8_t *)cases[i].first, strlen(cases[i].first)});
        zsip_writer_piece(
            &writer, (struct zsip_view){(const uint8_t *)cases[i].second, strlen(cases[i].second)});
        zsip_writer_end(&writer);
        zsip_writer_body(&writer, ZSIP_VIEW(""));
        cr_expect_eq(zsip_writer_finish(&writer, &length), cases[i].status, "%zu", i);
        /* The fields that are missing come last. */
        enum zsip_status read = length > 0 ? zsip_parse(msg, data, length, 0) : ZSIP_OK;
        cr_expect_eq(read, length > 0 ? ZSIP_ERROR_MISSING : ZSIP_OK, "%zu", i);
        free(msg);
    }
}

Test(write, a_fold_is_not_made_of_two_pieces)
{
    uint8_t room[512];
    struct zsip_writer writer;
    size_t written;
    zsip_writer_init(&writer, room, sizeof(room), 0);
    zsip_writer_request(&writer, ZSIP_VIEW("MESSAGE"), ZSIP_VIEW("sip:a@b"));
    zsip_writer_begin(&writer, ZSIP_HEADER_SUBJECT);
    zsip_writer_piece(&writer, ZSIP_VIEW("a\r\n"));
    zsip_writer_piece(&writer, ZSIP_VIEW(" b"));
    zsip_writer_end(&writer);
    cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_ERROR_ARGUMENT);
    cr_expect_eq(written, 0);
}

/* A value of these pieces, read back: true if the writer refuses it, or the parser takes it. */
static bool pieces_hold(const struct zsip_view *pieces, size_t count, enum zsip_status *wrote)
{
    uint8_t room[512];
    struct zsip_writer writer;
    size_t written;
    zsip_writer_init(&writer, room, sizeof(room), 0);
    zsip_writer_response(&writer, 200, ZSIP_VIEW("OK"));
    zsip_writer_begin(&writer, ZSIP_HEADER_SUBJECT);
    for (size_t i = 0; i < count; i++) {
        zsip_writer_piece(&writer, pieces[i]);
    }
    zsip_writer_end(&writer);
    zsip_writer_header(&writer, ZSIP_HEADER_ORGANIZATION, ZSIP_VIEW("\\\1"));
    zsip_writer_body(&writer, ZSIP_VIEW(""));
    *wrote = zsip_writer_finish(&writer, &written);
    struct zsip_msg *msg = msg_new();
    bool holds = *wrote != ZSIP_OK || zsip_parse(msg, room, written, 0) == ZSIP_ERROR_MISSING;
    free(msg);
    return holds;
}

/* A backslash that is itself escaped escapes nothing, wherever the pieces are cut. */
Test(write, a_backslash_reaches_over_pieces)
{
    const struct zsip_view ends[] = {ZSIP_VIEW("\\"), ZSIP_VIEW("\\\\"), ZSIP_VIEW("a\\"),
                                     ZSIP_VIEW("\1"), ZSIP_VIEW("\\\1"), ZSIP_VIEW("")};
    enum { COUNT = sizeof(ends) / sizeof(ends[0]) };
    enum zsip_status wrote;
    for (size_t i = 0; i < COUNT * COUNT * COUNT; i++) {
        struct zsip_view pieces[] = {ends[i % COUNT], ends[i / COUNT % COUNT],
                                     ends[i / COUNT / COUNT]};
        cr_expect(pieces_hold(pieces, 3, &wrote), "%zu", i);
    }
    cr_expect(pieces_hold((struct zsip_view[]){ends[0], ends[4]}, 2, &wrote));
    cr_expect_eq(wrote, ZSIP_ERROR_ARGUMENT);
    cr_expect(pieces_hold((struct zsip_view[]){ends[0], ends[3]}, 2, &wrote));
    cr_expect_eq(wrote, ZSIP_OK);
    cr_expect(pieces_hold((struct zsip_view[]){ends[1], ends[4]}, 2, &wrote));
    cr_expect_eq(wrote, ZSIP_OK);
}

Test(write, names_methods_uris_and_codes_that_are_none_are_refused)
{
    uint8_t room[512];
    const struct {
        const char *method, *uri, *name;
        unsigned code;
    } cases[] = {{"MES SAGE", "sip:a", "X", 0}, {"", "sip:a", "X", 0},
                 {"M", "sip:a b", "X", 0},      {"M", "", "X", 0},
                 {"M", "sip:a", "X:", 0},       {"M", "sip:a", "", 0},
                 {"M", "sip:a", "X\r\nY", 0},   {NULL, NULL, "X", 99},
                 {NULL, NULL, "X", 700},        {"M", "sip:a\r\nX:", "X", 0},
                 {"M\r\n", "sip:a", "X", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zsip_writer writer;
        size_t written;
        zsip_writer_init(&writer, room, sizeof(room), 0);
        if (cases[i].method != NULL) {
            zsip_writer_request(
                &writer,
                (struct zsip_view){(const uint8_t *)cases[i].method, strlen(cases[i].method)},
                (struct zsip_view){(const uint8_t *)cases[i].uri, strlen(cases[i].uri)});
        } else {
            zsip_writer_response(&writer, cases[i].code, ZSIP_VIEW("OK"));
        }
        zsip_writer_header_named(
            &writer, (struct zsip_view){(const uint8_t *)cases[i].name, strlen(cases[i].name)},
            ZSIP_VIEW("x"));
        zsip_writer_body(&writer, ZSIP_VIEW(""));
        cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_ERROR_ARGUMENT, "case %zu", i);
    }
}

Test(write, a_reason_with_control_characters_is_refused)
{
    static const char *const reasons[] = {"a\r\nTo: x", "a\nb", "a\\\x0e", "a\x7f"};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        uint8_t room[512];
        struct zsip_writer writer;
        size_t written;
        zsip_writer_init(&writer, room, sizeof(room), 0);
        zsip_writer_response(&writer, 200,
                             (struct zsip_view){(const uint8_t *)reasons[i], strlen(reasons[i])});
        cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_ERROR_ARGUMENT, "case %zu", i);
    }
}

Test(write, a_response_in_full)
{
    static const char wanted[] = "SIP/2.0 202 Accepted\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                                 "CSeq: 4294967295 MESSAGE\r\nX-Name: \r\nl: 2\r\n\r\nok";
    uint8_t room[512];
    struct zsip_writer writer;
    size_t written;
    zsip_writer_init(&writer, room, sizeof(room), ZSIP_WRITER_COMPACT);
    zsip_writer_response(&writer, 202, ZSIP_VIEW("Accepted"));
    zsip_writer_header(&writer, ZSIP_HEADER_VIA, ZSIP_VIEW("SIP/2.0/UDP h;branch=z9hG4bK1"));
    zsip_writer_cseq(&writer, UINT32_MAX, ZSIP_VIEW("MESSAGE"));
    zsip_writer_header_named(&writer, ZSIP_VIEW("X-Name"), ZSIP_VIEW(""));
    zsip_writer_body(&writer, ZSIP_VIEW("ok"));
    cr_assert_eq(zsip_writer_finish(&writer, &written), ZSIP_OK);
    cr_assert_eq(written, sizeof(wanted) - 1);
    cr_expect_arr_eq(room, wanted, written);
}

/* ---- Every size of room -------------------------------------------------------------------------
 */

/* A message by every function of the writer, in a room that ends where the page does. Returns what
 * zsip_writer_finish() says. */
static enum zsip_status write_everything(void *room, size_t capacity, unsigned flags,
                                         const struct zsip_msg *msg, size_t *written)
{
    struct zsip_writer writer;
    zsip_writer_init(&writer, room, capacity, flags);
    if (msg->kind == ZSIP_KIND_REQUEST) {
        zsip_writer_request(&writer, zsip_msg_view(msg, msg->method_name),
                            zsip_msg_view(msg, msg->request_uri.whole));
    } else {
        zsip_writer_response(&writer, msg->status_code, zsip_msg_view(msg, msg->reason));
    }
    for (unsigned row = 0; row < msg->header_count; row++) {
        if (msg->headers[row].id != ZSIP_HEADER_CONTENT_LENGTH) {
            zsip_writer_header_copy(&writer, msg, row);
        }
    }
    zsip_writer_header(&writer, ZSIP_HEADER_SUPPORTED, ZSIP_VIEW("path"));
    zsip_writer_header_named(&writer, ZSIP_VIEW("X-Name"), ZSIP_VIEW("a value"));
    zsip_writer_header_number(&writer, ZSIP_HEADER_EXPIRES, UINT64_MAX);
    zsip_writer_begin(&writer, ZSIP_HEADER_SUBJECT);
    zsip_writer_piece(&writer, ZSIP_VIEW("piece "));
    zsip_writer_piece_number(&writer, 42);
    zsip_writer_piece(&writer, ZSIP_VIEW(""));
    zsip_writer_end(&writer);
    zsip_writer_cseq(&writer, UINT32_MAX, ZSIP_VIEW("X"));
    zsip_writer_body(&writer, zsip_msg_body(msg));
    return zsip_writer_finish(&writer, written);
}

/* Rooms of every size from nothing to what it takes, pressed against the page behind: the last
 * writes the same as any larger one, each other says that it is too small. */
static void write_into_every_room(const char *name, const struct zsip_msg *msg, unsigned flags)
{
    static uint8_t whole[65536], garbage[65536];
    struct guard guard;
    size_t length, written = 0;
    if (write_everything(whole, sizeof(whole), flags, msg, &length) != ZSIP_OK) {
        cr_assert_fail("%s: can't be written", name);
    }
    guard_open(&guard, length);
    for (size_t capacity = 0; capacity <= length; capacity++) {
        uint8_t *room = (uint8_t *)(uintptr_t)guard_back(&guard, garbage, capacity);
        uint8_t before = capacity < length ? room[-1] : 0;
        enum zsip_status status = write_everything(room, capacity, flags, msg, &written);
        if (status != (capacity < length ? ZSIP_ERROR_TOO_LARGE : ZSIP_OK)) {
            cr_assert_fail("%s: %s in %zu bytes of %zu", name, zsip_status_name(status), capacity,
                           length);
        }
        if (capacity < length && room[-1] != before) {
            cr_assert_fail("%s: wrote before its room", name);
        }
    }
    if (written != length || memcmp(guard_back(&guard, garbage, 0) - length, whole, length) != 0) {
        cr_assert_fail("%s: the tightest room holds something else", name);
    }
    guard_close(&guard);
}

Test(write, rooms_of_every_size_are_never_left)
{
    const struct corpus *corpus = corpus_all();
    struct zsip_msg *msg = msg_new();
    unsigned good = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        if (text->bytes > 4096 || zsip_parse(msg, text->data, text->bytes, 0) != ZSIP_OK ||
            msg->header_count > 100) {
            continue;
        }
        good++;
        write_into_every_room(text->name, msg, 0);
        write_into_every_room(text->name, msg, ZSIP_WRITER_COMPACT);
    }
    free(msg);
    cr_expect_gt(good, 150, "only %u texts are good", good);
}

/* ---- Lines that a peer or a user would like to add ----------------------------------------------
 */

static const char *const injections[] = {
    "\r\nTo: <sip:evil@example.com>",
    "\r\nTo: <sip:evil@example.com>\r\n",
    "\r\n\r\nMESSAGE sip:evil@example.com SIP/2.0",
    "\nTo: <sip:evil@example.com>",
    "\rTo: <sip:evil@example.com>",
    "\n\rTo: x",
    "\r\r\nTo: x",
    "\r\n\r\n To: x",
    "\r\n",
    "\r",
    "\n",
    "\\\r\nTo: x",
    "\\\nTo: x",
    "\x0b",
    "\x7f",
};

/* How the text of someone else gets into a message: each takes it as it comes from the caller. */
enum entrance {
    AS_METHOD,
    AS_URI,
    AS_REASON,
    AS_NAME,
    AS_VALUE,
    AS_NAMED_VALUE,
    AS_PIECE,
    AS_CSEQ_METHOD,
    ENTRANCES,
};

static enum zsip_status inject(enum entrance entrance, struct zsip_view text)
{
    uint8_t room[1024];
    struct zsip_writer writer;
    size_t written;
    zsip_writer_init(&writer, room, sizeof(room), 0);
    if (entrance == AS_REASON) {
        zsip_writer_response(&writer, 200, text);
    } else {
        zsip_writer_request(&writer, entrance == AS_METHOD ? text : ZSIP_VIEW("MESSAGE"),
                            entrance == AS_URI ? text : ZSIP_VIEW("sip:a@b"));
    }
    if (entrance == AS_VALUE) {
        zsip_writer_header(&writer, ZSIP_HEADER_SUBJECT, text);
    }
    if (entrance == AS_NAME || entrance == AS_NAMED_VALUE) {
        zsip_writer_header_named(&writer, entrance == AS_NAME ? text : ZSIP_VIEW("X"),
                                 entrance == AS_NAME ? ZSIP_VIEW("x") : text);
    }
    if (entrance == AS_PIECE) { /* a display name */
        zsip_writer_begin(&writer, ZSIP_HEADER_FROM);
        zsip_writer_piece(&writer, ZSIP_VIEW("\""));
        zsip_writer_piece(&writer, text);
        zsip_writer_piece(&writer, ZSIP_VIEW("\" <sip:a@b>;tag=1"));
        zsip_writer_end(&writer);
    }
    if (entrance == AS_CSEQ_METHOD) {
        zsip_writer_cseq(&writer, 1, text);
    }
    zsip_writer_body(&writer, ZSIP_VIEW(""));
    return zsip_writer_finish(&writer, &written);
}

/* Alone, before something and behind something: no entrance lets a line end through, and nothing of
 * the message is given out. */
Test(write, no_entrance_lets_a_line_be_added)
{
    for (unsigned entrance = 0; entrance < ENTRANCES; entrance++) {
        for (size_t i = 0; i < sizeof(injections) / sizeof(injections[0]); i++) {
            for (unsigned place = 0; place < 4; place++) {
                char text[128];
                int length = snprintf(text, sizeof(text), "%s%s%s", place & 1 ? "Bob" : "",
                                      injections[i], place & 2 ? "x" : "");
                struct zsip_view view = {(const uint8_t *)text, (size_t)length};
                cr_expect_eq(inject((enum entrance)entrance, view), ZSIP_ERROR_ARGUMENT,
                             "entrance %u, injection %zu, place %u", entrance, i, place);
            }
        }
    }
}

/* Two Content-Lengths: the next element may take either. */
Test(write, a_content_length_beside_the_bodys_is_refused)
{
    static const char *const names[] = {"Content-Length", "content-length", "l", "L"};
    for (size_t i = 0; i < 6; i++) {
        uint8_t room[512];
        struct zsip_writer writer;
        size_t written;
        zsip_writer_init(&writer, room, sizeof(room), i & 1 ? ZSIP_WRITER_COMPACT : 0);
        zsip_writer_request(&writer, ZSIP_VIEW("MESSAGE"), ZSIP_VIEW("sip:a@b"));
        if (i < 4) {
            struct zsip_view name = {(const uint8_t *)names[i], strlen(names[i])};
            zsip_writer_header_named(&writer, name, ZSIP_VIEW("5"));
        } else if (i == 4) {
            zsip_writer_header_number(&writer, ZSIP_HEADER_CONTENT_LENGTH, 5);
        } else {
            zsip_writer_header(&writer, ZSIP_HEADER_CONTENT_LENGTH, ZSIP_VIEW("5"));
        }
        zsip_writer_body(&writer, ZSIP_VIEW("hello"));
        cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_ERROR_ARGUMENT, "case %zu", i);
    }
}

/* As many lines as a message may have, the Content-Length among them, and one more. */
Test(write, no_more_lines_than_a_message_may_have)
{
    for (unsigned lines = ZSIP_HEADERS_MAX - 2; lines <= ZSIP_HEADERS_MAX; lines++) {
        static uint8_t room[8192];
        struct zsip_writer writer;
        struct zsip_msg *msg = msg_new();
        size_t written;
        zsip_writer_init(&writer, room, sizeof(room), UINT32_MAX);
        zsip_writer_request(&writer, ZSIP_VIEW("MESSAGE"), ZSIP_VIEW("sip:a@b"));
        for (unsigned i = 0; i < lines; i++) {
            zsip_writer_header(&writer, ZSIP_HEADER_SUBJECT, ZSIP_VIEW("x"));
        }
        zsip_writer_body(&writer, ZSIP_VIEW(""));
        enum zsip_status status = zsip_writer_finish(&writer, &written);
        cr_expect_eq(status, lines < ZSIP_HEADERS_MAX ? ZSIP_OK : ZSIP_ERROR_TOO_LARGE, "%u",
                     lines);
        if (status == ZSIP_OK) {
            cr_expect_neq(zsip_parse(msg, room, written, 0), ZSIP_ERROR_TOO_MANY);
            cr_expect_eq(msg->header_count, lines + 1);
        }
        free(msg);
    }
}
