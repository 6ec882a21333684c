/* What has broken SIP parsers before, by name: numbers, quotes, parameters, credentials, content.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/attack.h"
#include "tests/parser/ways.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- Lengths and numbers ------------------------------------------------------------------------
 */

/* A parser that steps before the beginning of a short tag or branch (CVE-2018-8828 was one byte).
 */
Test(attacks_values, short_and_empty_tags_and_branches)
{
    static const struct {
        const char *value;
        enum zsip_status status;
    } cases[] = {
        {"", ZSIP_ERROR_SYNTAX}, {"z", ZSIP_OK}, {"z9hG4bK", ZSIP_OK}, {"z9hG4bK1", ZSIP_OK}};
    for (size_t i = 0; i < 4; i++) {
        struct attack attack = attack_begin(START FROM TO CALL_ID CSEQ);
        attack_add(&attack, "Via: SIP/2.0/UDP h;branch=");
        attack_add(&attack, cases[i].value);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), cases[i].status, "'%s'", cases[i].value);
        cr_expect_eq(attack.msg->via.flags & ZSIP_VIA_COOKIE, i == 3 ? ZSIP_VIA_COOKIE : 0);
        attack_end(&attack);
    }
}

Test(attacks_values, tags_and_branches_of_any_length)
{
    for (unsigned length = 1; length <= 20000; length = length * 3 + 1) {
        struct attack attack = attack_begin(START TO CALL_ID CSEQ "From: <sip:a@b>;tag=");
        attack_repeat(&attack, "t", length);
        attack_add(&attack, "\r\nVia: SIP/2.0/UDP h;branch=");
        attack_repeat(&attack, "b", length);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_OK, "%u", length);
        cr_expect_eq(attack.msg->from.tag.length, length);
        cr_expect_eq(attack.msg->via.branch.length, length);
        attack_end(&attack);
    }
}

Test(attacks_values, numbers_that_overflow_are_a_fault)
{
    static const char *const numbers[] = {
        "4294967296",           "4294967297",
        "9223372036854775808",  "18446744073709551615",
        "18446744073709551616", "18446744073709551617",
        "36893488147419103232", "99999999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct attack attack = attack_begin(START VIA FROM TO CALL_ID "CSeq: ");
        attack_add(&attack, numbers[i]);
        attack_add(&attack, " MESSAGE\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_RANGE, "CSeq %s", numbers[i]);
        attack_end(&attack);
        attack = attack_begin_good();
        attack_add(&attack, "Content-Length: ");
        attack_add(&attack, numbers[i]);
        attack_add(&attack, "\r\n\r\nhello");
        cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_RANGE, "Content-Length %s", numbers[i]);
        cr_expect_eq(attack.msg->body_bytes, 0);
        attack_end(&attack);
        attack = attack_begin_good();
        attack_add(&attack, "Max-Forwards: ");
        attack_add(&attack, numbers[i]);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_OK, "Max-Forwards %s", numbers[i]);
        cr_expect_eq(attack.msg->max_forwards, ZSIP_ABSENT);
        attack_end(&attack);
    }
}

/* The greatest number of 32 bits stands for none in the struct: as a length it is too great. */
Test(attacks_values, a_length_that_stands_for_none_is_out_of_range)
{
    EXPECT_LINES("Content-Length: 4294967294\r\n", ERROR_LENGTH);
    EXPECT_LINES("Content-Length: 4294967295\r\n", ERROR_RANGE);
    EXPECT_LINES("Content-Length: 0004294967295\r\n", ERROR_RANGE);
}

Test(attacks_values, negative_and_odd_numbers_are_a_fault)
{
    EXPECT_LINES("Content-Length: -1\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Content-Length: +0\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Content-Length: 0x0\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Content-Length: 0.0\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Content-Length: 1e0\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Content-Length: \r\n", ERROR_SYNTAX);
    EXPECT_LINES("Max-Forwards: -1\r\n", ERROR_SYNTAX);
}

/* Ports that were copied into a buffer of five bytes. */
Test(attacks_values, ports_of_any_length)
{
    static const struct {
        const char *port;
        enum zsip_status status;
    } cases[] = {{"1", ZSIP_OK},
                 {"65535", ZSIP_OK},
                 {"000000000000000000000000000000000000000000005060", ZSIP_OK},
                 {"65536", ZSIP_ERROR_RANGE},
                 {"655350", ZSIP_ERROR_RANGE},
                 {"4294972356", ZSIP_ERROR_RANGE},
                 {"18446744073709556676", ZSIP_ERROR_RANGE},
                 {"0", ZSIP_ERROR_RANGE},
                 {"", ZSIP_ERROR_SYNTAX},
                 {"-1", ZSIP_ERROR_SYNTAX},
                 {"5060x", ZSIP_ERROR_SYNTAX}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct attack attack = attack_begin(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h:");
        attack_add(&attack, cases[i].port);
        attack_add(&attack, ";branch=z9hG4bK1\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), cases[i].status, "Via %s", cases[i].port);
        attack_end(&attack);
        attack = attack_begin("MESSAGE sip:c@d:");
        attack_add(&attack, cases[i].port);
        attack_add(&attack, " SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
        cr_expect_eq(attack_parse(&attack), cases[i].status, "URI %s", cases[i].port);
        attack_end(&attack);
        attack =
            attack_begin(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport=");
        attack_add(&attack, cases[i].port);
        attack_add(&attack, "\r\n\r\n");
        enum zsip_status status = strcmp(cases[i].port, "0") == 0 ? ZSIP_OK : cases[i].status;
        cr_expect_eq(attack_parse(&attack), status, "rport %s", cases[i].port);
        attack_end(&attack);
    }
}

/* ---- Quotes, parameters, credentials ------------------------------------------------------------
 */

Test(attacks_values, quoted_strings_without_an_end_are_a_fault)
{
    static const char *const values[] = {"\"",
                                         "\"a",
                                         "\"a\\",
                                         "\"a\\\"",
                                         "\"a\\\\\\\"",
                                         "\"a\\\" <sip:a@b>",
                                         "\"a<sip:a@b>;tag=\"1"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct attack attack = attack_begin(START VIA TO CALL_ID CSEQ "From: ");
        attack_add(&attack, values[i]);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX, "%s", values[i]);
        attack_end(&attack);
    }
}

Test(attacks_values, odd_parameters_are_a_fault)
{
    static const char *const params[] = {";",      ";;",      ";=",     ";=x",  ";x=",   ";x=;y",
                                         ";x=\"",  ";x=\"\\", ";x=y=z", ";x=[", ";x=[]", ";x=[1",
                                         ";\"x\"", "; ;x",    ",",      ";x,",  ";x y"};
    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        struct attack attack = attack_begin(START VIA TO CALL_ID CSEQ "From: <sip:a@b>;tag=1");
        attack_add(&attack, params[i]);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX, "From%s", params[i]);
        attack_end(&attack);
        attack = attack_begin(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h");
        attack_add(&attack, params[i]);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX, "Via%s", params[i]);
        attack_end(&attack);
    }
}

/* CVE-2023-28098: an Authorization field with odd parameters. */
Test(attacks_values, credentials_without_an_end_are_a_fault_when_read)
{
    static const char *const values[] = {"Digest",
                                         "Digest ",
                                         "Digest \t",
                                         "Digest username",
                                         "Digest username=",
                                         "Digest username=\"",
                                         "Digest username=\"a",
                                         "Digest username=\"a\\",
                                         "Digest username=\"a\\\"",
                                         "Digest username=\"a\",",
                                         "Digest ,username=\"a\"",
                                         "Digest username=\"a\" realm=\"b\"",
                                         "Digest username=\"a\",,realm=\"b\"",
                                         "Digest =\"a\"",
                                         "Digest nc=1",
                                         "Digest nc=0000000g",
                                         "Digest nc=000000001",
                                         "Digest username=\"a\",username=\"b\"",
                                         "",
                                         "=",
                                         "\"Digest\" a=b"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct attack attack = attack_begin_good();
        struct zsip_auth auth;
        attack_add(&attack, "Authorization: ");
        attack_add(&attack, values[i]);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_OK);
        unsigned row = zsip_msg_find(attack.msg, ZSIP_HEADER_AUTHORIZATION, 0);
        cr_expect_eq(zsip_auth_parse(attack.msg->data, attack.msg->headers[row].value,
                                     ZSIP_HEADER_AUTHORIZATION, &auth, NULL),
                     ZSIP_ERROR_SYNTAX, "%s", values[i]);
        attack_end(&attack);
    }
}

/* As many parameters of a name that is not known may stand as one likes; a known one only once. So
 * a name twice tells whether it was taken for a known one: by every way, where there is room for a
 * look behind it and where there is none. */
static enum zsip_status digest_with_twice(const char *name)
{
    struct guard guard;
    struct zsip_auth auth;
    char text[1024];
    enum zsip_status first = ZSIP_OK;
    int bytes = snprintf(text, sizeof(text), "Digest %s=\"00000001\", %s=\"00000001\"", name, name);
    memset(text + bytes, ' ', sizeof(text) - (size_t)bytes);
    guard_open(&guard, sizeof(text));
    for (unsigned i = 0; i < 2 * ways_count(); i++) {
        struct zsip_slice value = {0, (uint16_t)bytes};
        ways_take(i / 2);
        const uint8_t *at = guard_back(&guard, text, i & 1 ? sizeof(text) : (size_t)bytes);
        enum zsip_status status =
            zsip_auth_parse(at, value, ZSIP_HEADER_AUTHORIZATION, &auth, NULL);
        first = i == 0 ? status : first;
        cr_expect_eq(status, first, "%s by %s", name, ways_name(i / 2));
    }
    ways_take(ways_count());
    guard_close(&guard);
    return first;
}

/* Names that differ from a known one in one byte, or go on behind it: a hash may take them for
 * it. */
Test(attacks_values, digest_parameters_that_are_almost_known_are_unknown)
{
    static const char *const names[] = {"algorithm", "cnonce",  "domain", "nc",       "nextnonce",
                                        "nonce",     "opaque",  "qop",    "realm",    "uri",
                                        "response",  "rspauth", "stale",  "userhash", "username"};
    static const char bytes[] = "aAeE.-~!xX01_`";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char copy[32];
        size_t length = strlen(names[i]);
        cr_expect_eq(digest_with_twice(names[i]), ZSIP_ERROR_SYNTAX, "%s", names[i]);
        for (size_t at = 0; at < length + 2; at++) {
            for (const char *byte = bytes; *byte != 0; byte++) {
                snprintf(copy, sizeof(copy), "%sxx", names[i]);
                copy[at] = *byte;
                copy[at < length ? length : at + 1] = 0;
                bool same = strcasecmp(copy, names[i]) == 0;
                cr_expect_eq(digest_with_twice(copy), same ? ZSIP_ERROR_SYNTAX : ZSIP_OK, "%s",
                             copy);
            }
        }
    }
}

/* To the end and no further: what has no comma behind it is the last, what has one is not. */
Test(attacks_values, auth_params_are_told_one_by_one_and_then_none)
{
    static const struct {
        const char *params;
        unsigned count;
        enum zsip_status last;
    } cases[] = {{"a=b", 1, ZSIP_OK},
                 {"a=b, c=\"d,e\" ,f=g", 3, ZSIP_OK},
                 {"a=b,", 1, ZSIP_ERROR_SYNTAX},
                 {"a=b,,c=d", 1, ZSIP_ERROR_SYNTAX},
                 {"a=b c=d", 0, ZSIP_ERROR_SYNTAX},
                 {"", 0, ZSIP_ERROR_SYNTAX}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint8_t *base = (const uint8_t *)cases[i].params;
        struct zsip_slice params = {0, (uint16_t)strlen(cases[i].params)};
        struct zsip_auth_param param;
        enum zsip_status status = ZSIP_OK;
        uint32_t cursor = 0;
        unsigned count = 0;
        bool found = true;
        while (found && count < 9) {
            status = zsip_auth_param_next(base, params, &cursor, &param, &found, NULL);
            count += found;
        }
        cr_expect_eq(count, cases[i].count, "%s", cases[i].params);
        cr_expect_eq(status, cases[i].last, "%s", cases[i].params);
    }
}

/* CVE-2022-24754, CVE-2026-40892: a digest built from fields of any length. Here they are slices.
 */
Test(attacks_values, credentials_of_any_length)
{
    struct attack attack = attack_begin_good();
    struct zsip_auth auth;
    attack_add(&attack, "Authorization: Digest username=\"");
    attack_repeat(&attack, "\\\"u", 5000);
    attack_add(&attack, "\", realm=\"");
    attack_repeat(&attack, "r", 20000);
    attack_add(&attack, "\"\r\n\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    unsigned row = zsip_msg_find(attack.msg, ZSIP_HEADER_AUTHORIZATION, 0);
    cr_expect_eq(zsip_auth_parse(attack.msg->data, attack.msg->headers[row].value,
                                 ZSIP_HEADER_AUTHORIZATION, &auth, NULL),
                 ZSIP_OK);
    cr_expect_eq(auth.username.length, 15000);
    cr_expect_eq(auth.realm.length, 20000);
    attack_end(&attack);
}

/* What zsip/parser.h says of a list with a faulty row in it. */
Test(attacks_values, a_list_goes_on_behind_a_faulty_row)
{
    struct attack attack = attack_begin_good();
    attack_add(&attack, "Contact: <sip:a@b>\r\nContact: <sip:c@d>, <sip:\r\nX: y\r\n"
                        "Contact: <sip:e@f>\r\n\r\n");
    cr_assert_eq(attack_parse(&attack), ZSIP_OK);
    for (unsigned way = 0; way < ways_count(); way++) {
        struct zsip_cursor cursor = {0, 0};
        struct zsip_party party;
        struct zsip_fault faults[2];
        bool found;
        ways_take(way);
        for (unsigned i = 0; i < 2; i++) {
            cr_expect_eq(
                zsip_party_next(attack.msg, ZSIP_HEADER_CONTACT, &cursor, &party, &found, NULL),
                ZSIP_OK);
            cr_expect(found);
        }
        for (unsigned i = 0; i < 2; i++) {
            cr_expect_eq(zsip_party_next(attack.msg, ZSIP_HEADER_CONTACT, &cursor, &party, &found,
                                         &faults[i]),
                         ZSIP_ERROR_SYNTAX);
            cr_expect(!found);
        }
        cr_expect_eq(faults[0].offset, faults[1].offset);
        cursor =
            (struct zsip_cursor){zsip_msg_find(attack.msg, ZSIP_HEADER_CONTACT, cursor.row) + 1, 0};
        cr_expect_eq(
            zsip_party_next(attack.msg, ZSIP_HEADER_CONTACT, &cursor, &party, &found, NULL),
            ZSIP_OK);
        cr_expect(found && attack.msg->data[party.uri.offset + 4] == 'e');
    }
    ways_take(ways_count());
    attack_end(&attack);
}

/* ---- Dates --------------------------------------------------------------------------------------
 */

/* SIP-date has one form (section 25.1): whatever stands at another's place is no date, by every
 * way, and where the page ends behind it. Days and months have names, digits are left to their
 * ranges. */
Test(attacks_values, a_date_has_one_form)
{
    static const char date[] = "Sat, 13 Nov 2010 23:29:00 GMT";
    static const char form[] = "nnn, dd nnn dddd dd:dd:dd GMT";
    enum { BYTES = sizeof(date) - 1 };
    struct guard guard;
    guard_open(&guard, BYTES);
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        for (unsigned i = 0; i < BYTES * 256; i++) {
            char text[BYTES + 1], byte = (char)(i % 256), was = date[i / 256];
            int64_t utc_s;
            memcpy(text, date, sizeof(text));
            text[i / 256] = byte;
            const uint8_t *at = guard_back(&guard, text, BYTES);
            enum zsip_status status = zsip_date(at, (struct zsip_slice){0, BYTES}, &utc_s, NULL);
            bool number = form[i / 256] == 'd' && byte >= '0' && byte <= '9';
            bool taken = status == ZSIP_OK || (number && status == ZSIP_ERROR_RANGE);
            cr_expect_eq(taken, byte == was || number, "%s: %s", ways_name(way), text);
        }
    }
    ways_take(ways_count());
    guard_close(&guard);
}

/* ---- Content ------------------------------------------------------------------------------------
 */

/* CVE-2022-21723 and its like: a boundary missing, empty, endless or never found. The parser hands
 * out the parameter and the body; it looks for no boundary. */
Test(attacks_values, multipart_boundaries_of_every_kind)
{
    static const struct {
        const char *type;
        enum zsip_status status;
    } cases[] = {{"multipart/mixed", ZSIP_OK},
                 {"multipart/mixed;boundary", ZSIP_ERROR_SYNTAX},
                 {"multipart/mixed;boundary=", ZSIP_ERROR_SYNTAX},
                 {"multipart/mixed;boundary=\"", ZSIP_ERROR_SYNTAX},
                 {"multipart/mixed;boundary=\"\"", ZSIP_OK},
                 {"multipart/mixed;boundary=a b", ZSIP_ERROR_SYNTAX},
                 {"multipart/mixed;boundary=--", ZSIP_OK},
                 {"multipart/;boundary=a", ZSIP_ERROR_SYNTAX},
                 {"/mixed;boundary=a", ZSIP_ERROR_SYNTAX}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct attack attack = attack_begin_good();
        attack_add(&attack, "Content-Type: ");
        attack_add(&attack, cases[i].type);
        attack_add(&attack, "\r\nContent-Length: 4\r\n\r\n--\r\n");
        cr_expect_eq(attack_parse(&attack), cases[i].status, "%s", cases[i].type);
        if (cases[i].status == ZSIP_OK) {
            cr_expect_eq(attack.msg->body_bytes, 4);
        }
        attack_end(&attack);
    }
}

/* A fold is white space; a CR or LF that is none of a fold never is, also where the text is no
 * message, or one that was refused and is read all the same. */
Test(attacks_values, a_bare_cr_or_lf_is_no_white_space_on_demand)
{
    static const struct {
        const char *text;
        enum zsip_status status;
    } cases[] = {{"Digest a=1,\r\n b=2", ZSIP_OK},          {"Digest\r\n\ta=1", ZSIP_OK},
                 {"Digest a=1,\rb=2", ZSIP_ERROR_SYNTAX},   {"Digest a=1,\nb=2", ZSIP_ERROR_SYNTAX},
                 {"Digest a=1,\r\nb=2", ZSIP_ERROR_SYNTAX}, {"Digest\na=1", ZSIP_ERROR_SYNTAX},
                 {"Basic\rx", ZSIP_ERROR_SYNTAX},           {"Basic\r\nx", ZSIP_ERROR_SYNTAX}};
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct zsip_auth auth;
            struct zsip_slice slice = {0, (uint16_t)strlen(cases[i].text)};
            cr_expect_eq(zsip_auth_parse((const uint8_t *)cases[i].text, slice,
                                         ZSIP_HEADER_AUTHORIZATION, &auth, NULL),
                         cases[i].status, "%s: %zu", ways_name(way), i);
        }
    }
    ways_take(ways_count());
    struct attack attack = attack_begin_good();
    struct zsip_cursor cursor = {0, 0};
    struct zsip_party party;
    bool found;
    attack_add(&attack, "Route: <sip:a@b>,\r<sip:c@d>\r\n\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    cr_expect_eq(zsip_party_next(attack.msg, ZSIP_HEADER_ROUTE, &cursor, &party, &found, NULL),
                 ZSIP_OK);
    cr_expect_eq(zsip_party_next(attack.msg, ZSIP_HEADER_ROUTE, &cursor, &party, &found, NULL),
                 ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
}

Test(attacks_values, a_boundary_as_long_as_the_message_allows)
{
    struct attack attack = attack_begin_good();
    struct zsip_slice value;
    attack_add(&attack, "Content-Type: multipart/mixed;boundary=");
    attack_repeat(&attack, "b", 60000);
    attack_add(&attack, "\r\n\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    cr_expect(
        zsip_param_find(attack.msg->data, attack.msg->content_type.params, "boundary", &value));
    cr_expect_eq(value.length, 60000);
    attack_end(&attack);
}

Test(attacks_values, content_length_over_what_is_there_gives_no_body_beyond_it)
{
    struct attack attack = attack_begin_good();
    attack_add(&attack, "Content-Length: 4294967294\r\n\r\nhello");
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_LENGTH);
    cr_expect_leq((size_t)attack.msg->body_offset + attack.msg->body_bytes, attack.bytes);
    attack_end(&attack);
}
