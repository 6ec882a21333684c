/* What has broken SIP parsers before, by name: folds, sizes, URIs, names.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/attack.h"
#include "tests/parser/judge.h"
#include "tests/parser/ways.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Folds and size -----------------------------------------------------------------------------
 */

Test(attacks_size, deep_folding_costs_no_stack_and_changes_nothing)
{
    struct attack attack = attack_begin(START VIA TO CALL_ID CSEQ "From:");
    attack_repeat(&attack, "\r\n ", 22000);
    attack_add(&attack, "<sip:a@b>");
    attack_repeat(&attack, " \r\n\t", 1000);
    attack_add(&attack, ";tag=1\r\n\r\n");
    cr_expect_eq(attack_parse(&attack),
                 ZSIP_ERROR_TOO_LARGE); /* over 65,535 bytes of header section */
    attack_end(&attack);
    attack = attack_begin(START VIA TO CALL_ID CSEQ "From:");
    attack_repeat(&attack, "\r\n ", 15000);
    attack_add(&attack, "<sip:a@b>");
    attack_repeat(&attack, " \r\n\t", 1000);
    attack_add(&attack, ";tag=1\r\n\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->from.tag.length, 1);
    attack_end(&attack);
}

Test(attacks_size, nothing_but_folds_is_an_empty_value)
{
    struct attack attack = attack_begin_good();
    attack_add(&attack, "Subject:");
    attack_repeat(&attack, "\r\n ", 1000);
    attack_add(&attack, "\r\n\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    unsigned row = zsip_msg_find(attack.msg, ZSIP_HEADER_SUBJECT, 0);
    cr_expect_eq(attack.msg->headers[row].value.length, 0);
    attack_end(&attack);
}

Test(attacks_size, deep_comments_cost_no_stack)
{
    struct attack attack = attack_begin_good();
    struct zsip_retry_after retry;
    attack_add(&attack, "Retry-After: 5 ");
    attack_repeat(&attack, "(", 30000);
    attack_repeat(&attack, ")", 30000);
    attack_add(&attack, "\r\n\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    unsigned row = zsip_msg_find(attack.msg, ZSIP_HEADER_RETRY_AFTER, 0);
    cr_expect_lt(zsip_retry_after(attack.msg->data, attack.msg->headers[row].value, &retry, NULL),
                 0);
    attack_end(&attack);
}

/* The ends of lines are found a hundred at a time. A control character ends that early, so that
 * some lines are in the index when the next hundred are found, more than it has room for; but folds
 * are among them. */
Test(attacks_size, no_line_joins_another_behind_an_odd_one_and_folds)
{
    enum { LINES = 110 };
    struct attack attack = attack_begin_good();
    attack_add(&attack, "Subject: \"\\\x01\"\r\nFolded: a");
    attack_repeat(&attack, "\r\n b", 20);
    attack_add(&attack, "\r\n");
    attack_repeat(&attack, "Padded:   c\r\n", LINES);
    attack_add(&attack, "\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    unsigned rows = attack.msg->header_count;
    cr_assert_gt(rows, LINES);
    for (unsigned i = rows - LINES; i < rows; i++) {
        cr_expect_eq(attack.msg->headers[i].value.length, 1, "row %u", i);
    }
    cr_expect_eq(attack.msg->headers[rows - LINES - 1].value.length, 1 + 20 * 4);
    attack_end(&attack);
}

Test(attacks_size, header_lines_up_to_the_limit_and_one_more)
{
    for (unsigned more = 0; more <= 1; more++) {
        struct attack attack = attack_begin_good();
        attack_repeat(&attack, "X: y\r\n", ZSIP_HEADERS_MAX - 5 + more);
        attack_add(&attack, "\r\n");
        cr_expect_eq(attack_parse(&attack), more ? ZSIP_ERROR_TOO_MANY : ZSIP_OK);
        cr_expect_eq(attack.msg->header_count, ZSIP_HEADERS_MAX);
        attack_end(&attack);
    }
}

Test(attacks_size, field_names_up_to_the_limit_and_one_more)
{
    for (unsigned length = 254; length <= 257; length++) {
        struct attack attack = attack_begin_good();
        attack_repeat(&attack, "n", length);
        attack_add(&attack, ": v\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), length > 255 ? ZSIP_ERROR_TOO_LARGE : ZSIP_OK, "%u",
                     length);
        attack_end(&attack);
    }
}

/* Offsets have 16 bits: at the bound, one below, one above; and a body behind it is no matter. */
Test(attacks_size, header_sections_at_the_bound)
{
    for (size_t bytes = 65530; bytes <= 65540; bytes++) {
        struct attack attack = attack_begin_good();
        attack_add(&attack, "Content-Length: 5\r\nX: ");
        while (attack.bytes < bytes - 4) {
            attack_add(&attack, "a");
        }
        attack_add(&attack, "\r\n\r\nhello");
        cr_expect_eq(attack_parse(&attack), bytes <= 65535 ? ZSIP_OK : ZSIP_ERROR_TOO_LARGE, "%zu",
                     bytes);
        if (bytes <= 65535) {
            cr_expect_eq(attack.msg->header_bytes, bytes);
            cr_expect_eq(attack.msg->body_bytes, 5);
        }
        attack_end(&attack);
    }
}

/* What has no end yet may have one behind it, up to the bound; behind that, none helps. */
Test(attacks_size, header_sections_without_an_end_at_the_bound)
{
    for (size_t bytes = 65533; bytes <= 65538; bytes++) {
        struct attack attack = attack_begin_good();
        attack_add(&attack, "X: ");
        while (attack.bytes < bytes) {
            attack_add(&attack, "a");
        }
        cr_expect_eq(attack_parse(&attack),
                     bytes <= 65535 ? ZSIP_ERROR_TRUNCATED : ZSIP_ERROR_TOO_LARGE, "%zu", bytes);
        cr_expect_eq(attack.msg->header_bytes, bytes <= 65535 ? bytes : 65535);
        attack_end(&attack);
    }
}

Test(attacks_size, a_body_far_larger_than_the_offsets_of_slices)
{
    struct attack attack = attack_begin_good();
    attack_add(&attack, "Content-Length: 300000\r\n\r\n");
    size_t header_bytes = attack.bytes;
    attack_repeat(&attack, "0123456789", 30000);
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->body_offset, header_bytes);
    cr_expect_eq(attack.msg->body_bytes, 300000);
    attack_end(&attack);
}

/* ---- URIs ---------------------------------------------------------------------------------------
 */

/* CVE-2021-33056: a URI of "/" found nothing where something was expected. */
Test(attacks_size, uris_that_are_almost_nothing_are_a_fault)
{
    static const char *const uris[] = {"/",     ":",      "sip",   "sip:",  "sip:/",  "sip:@",
                                       "sip::", "sip:;",  "sip:?", "sips:", "tel:",   "tel:+",
                                       "im:",   "im:@",   "x:",    "1:a",   "sip:a@", "sip:@a",
                                       "sip:[", "sip:[]", "sip:]", "sip:a:"};
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct attack attack = attack_begin("MESSAGE ");
        attack_add(&attack, uris[i]);
        attack_add(&attack, " SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX, "%s", uris[i]);
        attack_end(&attack);
        attack = attack_begin(START VIA FROM CALL_ID CSEQ "To: <");
        attack_add(&attack, uris[i]);
        attack_add(&attack, ">\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX, "<%s>", uris[i]);
        attack_end(&attack);
    }
}

/* A percent at the end of what there is, where two more bytes would be read. */
Test(attacks_size, cut_off_escapes_are_a_fault)
{
    static const char *const uris[] = {"sip:%@h",   "sip:%4@h",   "sip:a%",
                                       "sip:h;x=%", "sip:h;x=%4", "sip:%g0@h",
                                       "sip:%0g@h", "x:%",        "sip:%%41@h"};
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct zsip_uri uri;
        struct guard guard;
        size_t bytes = strlen(uris[i]);
        guard_open(&guard, bytes);
        const uint8_t *at = guard_back(&guard, uris[i], bytes);
        cr_expect_eq(zsip_uri_parse(at, (struct zsip_slice){0, (uint16_t)bytes}, &uri, NULL),
                     ZSIP_ERROR_SYNTAX, "%s", uris[i]);
        guard_close(&guard);
    }
}

Test(attacks_size, an_escaped_nul_hides_nothing)
{
    struct attack attack = attack_begin(
        "MESSAGE sip:bob%00@evil.example@d SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
    attack =
        attack_begin("MESSAGE sip:bob%00x@d.example SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->request_uri.user.length, 7);
    attack_end(&attack);
    attack = attack_begin("MESSAGE sip:d%00.example SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
}

Test(attacks_size, parameters_by_the_thousand)
{
    struct attack attack = attack_begin(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h");
    attack_repeat(&attack, ";x", 30000);
    attack_add(&attack, ";branch=z9hG4bK1\r\n\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->via.branch.length, 8);
    attack_end(&attack);
}

/* ---- Methods ------------------------------------------------------------------------------------
 */

Test(attacks_size, methods_that_are_almost_known)
{
    static const char *const methods[] = {"M",       "MESSAG",     "MESSAGES", "MESSAGEMESSAGE",
                                          "message", "MESSAGE%00", "INVIT",    "ACKK"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct attack attack = attack_begin(methods[i]);
        attack_add(&attack, " sip:c@d SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 1 ");
        attack_add(&attack, methods[i]);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_OK, "%s", methods[i]);
        cr_expect_eq(attack.msg->method, ZSIP_METHOD_UNKNOWN, "%s", methods[i]);
        attack_end(&attack);
    }
}

/* Names that differ from a known one in one byte only, which a hash may take for it. */
Test(attacks_size, field_names_that_are_almost_known_are_unknown)
{
    for (unsigned id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
        const char *name = zsip_header_name((enum zsip_header_id)id);
        for (size_t at = 0; at < strlen(name); at++) {
            for (unsigned byte = 1; byte < 128; byte++) {
                char copy[64];
                snprintf(copy, sizeof(copy), "%s", name);
                copy[at] = (char)byte;
                struct zsip_view view = {(const uint8_t *)copy, strlen(name)};
                enum zsip_header_id found = zsip_header_by_name(view);
                bool same = (byte | 0x20) == ((unsigned)name[at] | 0x20) && (byte | 0x20) >= 'a' &&
                            (byte | 0x20) <= 'z';
                same = same || byte == (unsigned)name[at];
                cr_expect(same ? found == (enum zsip_header_id)id
                               : found != (enum zsip_header_id)id,
                          "%s found as %u", copy, found);
            }
        }
    }
}

/* By every way, in a message: all in capitals, in small letters, and one of both. */
Test(attacks_size, field_names_are_known_in_any_case)
{
    for (unsigned id = 3; id < ZSIP_HEADER_ID_COUNT * 3; id++) {
        enum zsip_header_id field = (enum zsip_header_id)(id / 3);
        struct attack attack = attack_begin(START);
        char line[64];
        int length = snprintf(line, sizeof(line), "%s: x\r\n", zsip_header_name(field));
        for (int i = 0; i < length - 5; i++) {
            char letter = line[i] | 0x20;
            bool upper = id % 3 == 0 || (id % 3 == 1 && i % 2 == 1);
            if (letter >= 'a' && letter <= 'z') {
                line[i] = (char)(upper ? letter & ~0x20 : letter);
            }
        }
        attack_add(&attack, line);
        attack_add(&attack, "\r\n");
        attack_parse(&attack);
        cr_expect_eq(attack.msg->headers[0].id, field, "%s", line);
        attack_end(&attack);
    }
}

/* A struct is used again and again: rows of a message before are none of this one's. */
Test(attacks_size, what_a_struct_held_before_is_not_found)
{
    struct zsip_msg *msg = msg_new();
    char text[4096];
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        for (unsigned rows = 0; rows < 40; rows++) {
            struct attack many = attack_begin(START);
            attack_repeat(&many, "s: x\r\nX: y\r\n", ZSIP_HEADERS_MAX / 2);
            attack_add(&many, "\r\n");
            zsip_parse(msg, many.data, many.bytes, 0);
            attack_end(&many);
            int bytes = snprintf(text, sizeof(text), START "s: x\r\n");
            for (unsigned i = 0; i < rows; i++) {
                bytes += snprintf(text + bytes, sizeof(text) - (size_t)bytes, "X: y\r\n");
            }
            bytes += snprintf(text + bytes, sizeof(text) - (size_t)bytes, "\r\n");
            zsip_parse(msg, (const uint8_t *)text, (size_t)bytes, 0);
            cr_assert_eq(msg->header_count, rows + 1);
            cr_expect_eq(zsip_msg_find(msg, ZSIP_HEADER_SUBJECT, 0), 0);
            cr_expect_eq(zsip_msg_find(msg, ZSIP_HEADER_SUBJECT, 1), rows + 1, "%s, %u rows",
                         ways_name(way), rows + 1);
        }
    }
    ways_take(ways_count());
    free(msg);
}
