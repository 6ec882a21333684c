/* What has broken SIP parsers before, by name: the classes behind published advisories, and what
 * request smugglers use. Each is shown in a whole message, between untouchable pages, and the
 * answer is exact.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/corpus.h"
#include "tests/parser/judge.h"
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_BYTES (512u * 1024u)

/* A message under construction; and how it was parsed. */
struct attack {
    uint8_t *data;
    size_t bytes;
    struct zsip_msg *msg;
    struct guard guard;
};

static void add_bytes(struct attack *attack, const void *data, size_t bytes)
{
    cr_assert_leq(attack->bytes + bytes, ROOM_BYTES);
    memcpy(attack->data + attack->bytes, data, bytes);
    attack->bytes += bytes;
}

static void add(struct attack *attack, const char *text)
{
    add_bytes(attack, text, strlen(text));
}

static void repeat(struct attack *attack, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        add(attack, text);
    }
}

#define VIA     "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
#define FROM    "From: <sip:a@b>;tag=1\r\n"
#define TO      "To: <sip:c@d>\r\n"
#define CALL_ID "Call-ID: x\r\n"
#define CSEQ    "CSeq: 1 MESSAGE\r\n"
#define START   "MESSAGE sip:c@d SIP/2.0\r\n"

static struct attack begin(const char *first)
{
    struct attack attack = {.data = malloc(ROOM_BYTES), .msg = msg_new()};
    cr_assert_not_null(attack.data);
    add(&attack, first);
    return attack;
}

/* All that a message needs but the line under attack, which follows. */
static struct attack begin_good(void)
{
    return begin(START VIA FROM TO CALL_ID CSEQ);
}

/* Parsed against the page behind and the page before; the judges look on. */
static enum zsip_status parse(struct attack *attack)
{
    guard_open(&attack->guard, attack->bytes);
    const char *what = judge_parse(attack->data, attack->bytes, 0);
    cr_expect(what == NULL, "%s", what);
    const uint8_t *front = guard_front(&attack->guard, attack->data, attack->bytes);
    enum zsip_status first = zsip_parse(attack->msg, front, attack->bytes, 0);
    const uint8_t *back = guard_back(&attack->guard, attack->data, attack->bytes);
    enum zsip_status second = zsip_parse(attack->msg, back, attack->bytes, 0);
    cr_expect_eq(first, second);
    return second;
}

static void end(struct attack *attack)
{
    guard_close(&attack->guard);
    free(attack->data);
    free(attack->msg);
}

/* A good message with these lines added (each with its CRLF). */
static enum zsip_status with_lines(const char *lines)
{
    struct attack attack = begin_good();
    add(&attack, lines);
    add(&attack, "\r\n");
    enum zsip_status status = parse(&attack);
    end(&attack);
    return status;
}

#define EXPECT_LINES(lines, status)                                                                \
    cr_expect_str_eq(zsip_status_name(with_lines(lines)), #status, "%s", lines)

/* ---- Smuggling ----------------------------------------------------------------------------------
 */

/* "Content-Length : 5" read as an unknown field by one element and as the length by the next one
 * (CVE-2020-28361 was of this kind). By HCOLON it is the length. */
Test(attacks, white_space_before_the_colon_hides_no_field)
{
    static const char *const forms[] = {"Content-Length : 5\r\n", "Content-Length\t: 5\r\n",
                                        "l \t : 5\r\n", "Content-Length :\r\n 5\r\n"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct attack attack = begin_good();
        add(&attack, forms[i]);
        add(&attack, "\r\nhello world");
        cr_expect_eq(parse(&attack), ZSIP_OK, "%s", forms[i]);
        cr_expect_eq(attack.msg->content_length, 5);
        cr_expect_eq(attack.msg->body_bytes, 5);
        end(&attack);
    }
}

Test(attacks, a_second_content_length_is_found_however_it_is_written)
{
    EXPECT_LINES("Content-Length: 0\r\nContent-Length : 0\r\n", ERROR_DUPLICATE);
    EXPECT_LINES("Content-Length: 0\r\nl: 0\r\n", ERROR_DUPLICATE);
    EXPECT_LINES("L:0\r\ncOnTeNt-lEnGtH:\r\n 0\r\n", ERROR_DUPLICATE);
}

Test(attacks, a_folded_field_name_is_a_fault)
{
    EXPECT_LINES("Content-\r\n Length: 5\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Content-Length\r\n : 5\r\n", ERROR_SYNTAX);
    EXPECT_LINES("X\r\n\t: y\r\n", ERROR_SYNTAX);
}

Test(attacks, a_first_header_line_that_begins_with_a_blank_is_a_fault)
{
    struct attack attack = begin(START " Via: SIP/2.0/UDP h\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX);
    end(&attack);
}

Test(attacks, a_bare_cr_ends_no_line_and_is_a_fault)
{
    EXPECT_LINES("Subject: a\rTo: <sip:evil@e>\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Subject: a\r\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Subject: \"a\\\r b\"\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Subject:\r\r\n x\r\n", ERROR_SYNTAX);
}

Test(attacks, a_bare_lf_ends_no_line_and_is_a_fault)
{
    EXPECT_LINES("Subject: a\nContent-Length: 5\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Subject: a\n b\r\n", ERROR_SYNTAX);
    EXPECT_LINES("Subject: \"a\\\nb\"\r\n", ERROR_SYNTAX);
    EXPECT_LINES("\nSubject: a\r\n", ERROR_SYNTAX);
}

/* An empty line made of bare LFs would end the header section for some readers. */
Test(attacks, two_bare_lfs_do_not_end_the_header_section)
{
    struct attack attack = begin(START VIA FROM TO CALL_ID CSEQ "X: y\n\nhidden: z\r\n\r\n");
    cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX);
    end(&attack);
}

/* Each field of the one pass, with a CR, LF or NUL in it. */
Test(attacks, line_ends_and_nul_are_refused_in_every_parsed_field)
{
    static const char *const lines[] = {
        "Via: SIP/2.0/UDP h;branch=z9hG4bK1@\r\n",
        "From: <sip:a@@b>;tag=1\r\n",
        "From: <sip:a@b>;tag=1@\r\n",
        "To: \"x@\" <sip:c@d>\r\n",
        "To:@ <sip:c@d>\r\n",
        "To:@\r\n <sip:c@d>\r\n",
        "Call-ID: x@@\r\n",
        "CSeq: 1@ MESSAGE\r\n",
        "CSeq: 1 MESSAGE@\r\n",
        "Max-Forwards: 70@\r\n",
        "Content-Length: 0@\r\n",
        "Content-Type: text/plain;a=\"@\"\r\n",
        "X: @\r\n",
    };
    static const uint8_t bytes[] = {'\r', '\n', 0, 0x7F, 0x0B};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        for (size_t j = 0; j < sizeof(bytes); j++) {
            struct attack attack = begin(START);
            static const char *const rest[] = {VIA, FROM, TO, CALL_ID, CSEQ};
            for (size_t k = 0; k < 5; k++) {
                size_t name = strcspn(rest[k], ":");
                if (strncmp(rest[k], lines[i], name + 1) != 0) {
                    add(&attack, rest[k]);
                }
            }
            size_t at = attack.bytes;
            add(&attack, lines[i]);
            uint8_t *mark = attack.data + attack.bytes - 1;
            while (*mark != '@') {
                mark--;
            }
            cr_assert_gt(mark, attack.data + at);
            *mark = bytes[j];
            add(&attack, "\r\n");
            cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX, "%s with %02x", lines[i], bytes[j]);
            end(&attack);
        }
    }
}

Test(attacks, a_nul_does_not_end_a_value)
{
    struct attack attack = begin_good();
    add_bytes(&attack, "Subject: a\0b\r\n\r\n", 16);
    cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX);
    end(&attack);
    attack = begin(START);
    add_bytes(&attack, "To: \"a\\\0b\" <sip:c@d>\r\n", 22);
    add(&attack, VIA FROM CALL_ID CSEQ "\r\n");
    cr_expect_eq(parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->to.display.length, 6);
    end(&attack);
}

Test(attacks, a_nul_in_a_field_name_is_a_fault)
{
    struct attack attack = begin_good();
    add_bytes(&attack, "To\0: <sip:x@y>\r\n\r\n", 18);
    cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX);
    end(&attack);
}

Test(attacks, control_characters_in_a_start_line_are_a_fault)
{
    static const uint8_t bytes[] = {'\n', '\r', 0, 0x0B, 0x0C, 0x7F};
    for (size_t i = 0; i < sizeof(bytes); i++) {
        for (size_t at = 0; at < strlen(START) - 2; at++) {
            struct attack attack = begin_good();
            attack.data[at] = bytes[i];
            add(&attack, "\r\n");
            cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX, "%02x at %zu", bytes[i], at);
            end(&attack);
        }
    }
}

/* ---- Fields twice -------------------------------------------------------------------------------
 */

Test(attacks, a_single_field_twice_is_a_fault_even_if_equal)
{
    EXPECT_LINES(FROM, ERROR_DUPLICATE);
    EXPECT_LINES("f: <sip:a@b>;tag=1\r\n", ERROR_DUPLICATE);
    EXPECT_LINES("TO : <sip:c@d>\r\n", ERROR_DUPLICATE);
    EXPECT_LINES("t:<sip:c@d>\r\n", ERROR_DUPLICATE);
    EXPECT_LINES("I: x\r\n", ERROR_DUPLICATE);
    EXPECT_LINES(CSEQ, ERROR_DUPLICATE);
    EXPECT_LINES("Max-Forwards: 70\r\nMax-Forwards: 70\r\n", ERROR_DUPLICATE);
    EXPECT_LINES("c: text/plain\r\nContent-Type: text/plain\r\n", ERROR_DUPLICATE);
}

Test(attacks, two_tags_or_branches_are_a_fault)
{
    struct attack attack =
        begin(START VIA "From: <sip:a@b>;tag=1;TAG=2\r\n" TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX);
    end(&attack);
    attack = begin(
        START "Via: SIP/2.0/UDP h;branch=z9hG4bK1;Branch=z9hG4bK2\r\n" FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX);
    end(&attack);
}

/* ---- Lengths and numbers ------------------------------------------------------------------------
 */

/* A parser that steps before the beginning of a short tag or branch (CVE-2018-8828 was one byte).
 */
Test(attacks, short_and_empty_tags_and_branches)
{
    static const struct {
        const char *value;
        enum zsip_status status;
    } cases[] = {
        {"", ZSIP_ERROR_SYNTAX}, {"z", ZSIP_OK}, {"z9hG4bK", ZSIP_OK}, {"z9hG4bK1", ZSIP_OK}};
    for (size_t i = 0; i < 4; i++) {
        struct attack attack = begin(START FROM TO CALL_ID CSEQ);
        add(&attack, "Via: SIP/2.0/UDP h;branch=");
        add(&attack, cases[i].value);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), cases[i].status, "'%s'", cases[i].value);
        cr_expect_eq(attack.msg->via.flags & ZSIP_VIA_COOKIE, i == 3 ? ZSIP_VIA_COOKIE : 0);
        end(&attack);
    }
}

Test(attacks, tags_and_branches_of_any_length)
{
    for (unsigned length = 1; length <= 20000; length = length * 3 + 1) {
        struct attack attack = begin(START TO CALL_ID CSEQ "From: <sip:a@b>;tag=");
        repeat(&attack, "t", length);
        add(&attack, "\r\nVia: SIP/2.0/UDP h;branch=");
        repeat(&attack, "b", length);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_OK, "%u", length);
        cr_expect_eq(attack.msg->from.tag.length, length);
        cr_expect_eq(attack.msg->via.branch.length, length);
        end(&attack);
    }
}

Test(attacks, numbers_that_overflow_are_a_fault)
{
    static const char *const numbers[] = {
        "4294967296",           "4294967297",
        "9223372036854775808",  "18446744073709551615",
        "18446744073709551616", "18446744073709551617",
        "36893488147419103232", "99999999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct attack attack = begin(START VIA FROM TO CALL_ID "CSeq: ");
        add(&attack, numbers[i]);
        add(&attack, " MESSAGE\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_ERROR_RANGE, "CSeq %s", numbers[i]);
        end(&attack);
        attack = begin_good();
        add(&attack, "Content-Length: ");
        add(&attack, numbers[i]);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_ERROR_RANGE, "Content-Length %s", numbers[i]);
        cr_expect_eq(attack.msg->body_bytes, 0);
        end(&attack);
        attack = begin_good();
        add(&attack, "Max-Forwards: ");
        add(&attack, numbers[i]);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_OK, "Max-Forwards %s", numbers[i]);
        cr_expect_eq(attack.msg->max_forwards, ZSIP_ABSENT);
        end(&attack);
    }
}

Test(attacks, negative_and_odd_numbers_are_a_fault)
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
Test(attacks, ports_of_any_length)
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
        struct attack attack = begin(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h:");
        add(&attack, cases[i].port);
        add(&attack, ";branch=z9hG4bK1\r\n\r\n");
        cr_expect_eq(parse(&attack), cases[i].status, "Via %s", cases[i].port);
        end(&attack);
        attack = begin("MESSAGE sip:c@d:");
        add(&attack, cases[i].port);
        add(&attack, " SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
        cr_expect_eq(parse(&attack), cases[i].status, "URI %s", cases[i].port);
        end(&attack);
        attack = begin(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport=");
        add(&attack, cases[i].port);
        add(&attack, "\r\n\r\n");
        enum zsip_status status = strcmp(cases[i].port, "0") == 0 ? ZSIP_OK : cases[i].status;
        cr_expect_eq(parse(&attack), status, "rport %s", cases[i].port);
        end(&attack);
    }
}

/* ---- Quotes, parameters, credentials ------------------------------------------------------------
 */

Test(attacks, quoted_strings_without_an_end_are_a_fault)
{
    static const char *const values[] = {"\"",
                                         "\"a",
                                         "\"a\\",
                                         "\"a\\\"",
                                         "\"a\\\\\\\"",
                                         "\"a\\\" <sip:a@b>",
                                         "\"a<sip:a@b>;tag=\"1"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct attack attack = begin(START VIA TO CALL_ID CSEQ "From: ");
        add(&attack, values[i]);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX, "%s", values[i]);
        end(&attack);
    }
}

Test(attacks, odd_parameters_are_a_fault)
{
    static const char *const params[] = {";",      ";;",      ";=",     ";=x",  ";x=",   ";x=;y",
                                         ";x=\"",  ";x=\"\\", ";x=y=z", ";x=[", ";x=[]", ";x=[1",
                                         ";\"x\"", "; ;x",    ",",      ";x,",  ";x y"};
    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        struct attack attack = begin(START VIA TO CALL_ID CSEQ "From: <sip:a@b>;tag=1");
        add(&attack, params[i]);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX, "From%s", params[i]);
        end(&attack);
        attack = begin(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h");
        add(&attack, params[i]);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX, "Via%s", params[i]);
        end(&attack);
    }
}

/* CVE-2023-28098: an Authorization field with odd parameters. */
Test(attacks, credentials_without_an_end_are_a_fault_when_read)
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
        struct attack attack = begin_good();
        struct zsip_auth auth;
        add(&attack, "Authorization: ");
        add(&attack, values[i]);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_OK);
        unsigned row = zsip_msg_find(attack.msg, ZSIP_HEADER_AUTHORIZATION, 0);
        cr_expect_eq(zsip_auth_parse(attack.msg->data, attack.msg->headers[row].value,
                                     ZSIP_HEADER_AUTHORIZATION, &auth, NULL),
                     ZSIP_ERROR_SYNTAX, "%s", values[i]);
        end(&attack);
    }
}

/* CVE-2022-24754, CVE-2026-40892: a digest built from fields of any length. Here they are slices.
 */
Test(attacks, credentials_of_any_length)
{
    struct attack attack = begin_good();
    struct zsip_auth auth;
    add(&attack, "Authorization: Digest username=\"");
    repeat(&attack, "\\\"u", 5000);
    add(&attack, "\", realm=\"");
    repeat(&attack, "r", 20000);
    add(&attack, "\"\r\n\r\n");
    cr_expect_eq(parse(&attack), ZSIP_OK);
    unsigned row = zsip_msg_find(attack.msg, ZSIP_HEADER_AUTHORIZATION, 0);
    cr_expect_eq(zsip_auth_parse(attack.msg->data, attack.msg->headers[row].value,
                                 ZSIP_HEADER_AUTHORIZATION, &auth, NULL),
                 ZSIP_OK);
    cr_expect_eq(auth.username.length, 15000);
    cr_expect_eq(auth.realm.length, 20000);
    end(&attack);
}

/* ---- Content ------------------------------------------------------------------------------------
 */

/* CVE-2022-21723 and its like: a boundary missing, empty, endless or never found. The parser hands
 * out the parameter and the body; it looks for no boundary. */
Test(attacks, multipart_boundaries_of_every_kind)
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
        struct attack attack = begin_good();
        add(&attack, "Content-Type: ");
        add(&attack, cases[i].type);
        add(&attack, "\r\nContent-Length: 4\r\n\r\n--\r\n");
        cr_expect_eq(parse(&attack), cases[i].status, "%s", cases[i].type);
        if (cases[i].status == ZSIP_OK) {
            cr_expect_eq(attack.msg->body_bytes, 4);
        }
        end(&attack);
    }
}

Test(attacks, a_boundary_as_long_as_the_message_allows)
{
    struct attack attack = begin_good();
    struct zsip_slice value;
    add(&attack, "Content-Type: multipart/mixed;boundary=");
    repeat(&attack, "b", 60000);
    add(&attack, "\r\n\r\n");
    cr_expect_eq(parse(&attack), ZSIP_OK);
    cr_expect(
        zsip_param_find(attack.msg->data, attack.msg->content_type.params, "boundary", &value));
    cr_expect_eq(value.length, 60000);
    end(&attack);
}

Test(attacks, content_length_over_what_is_there_gives_no_body_beyond_it)
{
    struct attack attack = begin_good();
    add(&attack, "Content-Length: 4294967294\r\n\r\nhello");
    cr_expect_eq(parse(&attack), ZSIP_ERROR_LENGTH);
    cr_expect_leq((size_t)attack.msg->body_offset + attack.msg->body_bytes, attack.bytes);
    end(&attack);
}

/* ---- Folds and size -----------------------------------------------------------------------------
 */

Test(attacks, deep_folding_costs_no_stack_and_changes_nothing)
{
    struct attack attack = begin(START VIA TO CALL_ID CSEQ "From:");
    repeat(&attack, "\r\n ", 22000);
    add(&attack, "<sip:a@b>");
    repeat(&attack, " \r\n\t", 1000);
    add(&attack, ";tag=1\r\n\r\n");
    cr_expect_eq(parse(&attack), ZSIP_ERROR_TOO_LARGE); /* over 65,535 bytes of header section */
    end(&attack);
    attack = begin(START VIA TO CALL_ID CSEQ "From:");
    repeat(&attack, "\r\n ", 15000);
    add(&attack, "<sip:a@b>");
    repeat(&attack, " \r\n\t", 1000);
    add(&attack, ";tag=1\r\n\r\n");
    cr_expect_eq(parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->from.tag.length, 1);
    end(&attack);
}

Test(attacks, nothing_but_folds_is_an_empty_value)
{
    struct attack attack = begin_good();
    add(&attack, "Subject:");
    repeat(&attack, "\r\n ", 1000);
    add(&attack, "\r\n\r\n");
    cr_expect_eq(parse(&attack), ZSIP_OK);
    unsigned row = zsip_msg_find(attack.msg, ZSIP_HEADER_SUBJECT, 0);
    cr_expect_eq(attack.msg->headers[row].value.length, 0);
    end(&attack);
}

Test(attacks, deep_comments_cost_no_stack)
{
    struct attack attack = begin_good();
    struct zsip_retry_after retry;
    add(&attack, "Retry-After: 5 ");
    repeat(&attack, "(", 30000);
    repeat(&attack, ")", 30000);
    add(&attack, "\r\n\r\n");
    cr_expect_eq(parse(&attack), ZSIP_OK);
    unsigned row = zsip_msg_find(attack.msg, ZSIP_HEADER_RETRY_AFTER, 0);
    cr_expect_lt(zsip_retry_after(attack.msg->data, attack.msg->headers[row].value, &retry, NULL),
                 0);
    end(&attack);
}

Test(attacks, header_lines_up_to_the_limit_and_one_more)
{
    for (unsigned more = 0; more <= 1; more++) {
        struct attack attack = begin_good();
        repeat(&attack, "X: y\r\n", ZSIP_HEADERS_MAX - 5 + more);
        add(&attack, "\r\n");
        cr_expect_eq(parse(&attack), more ? ZSIP_ERROR_TOO_MANY : ZSIP_OK);
        cr_expect_eq(attack.msg->header_count, ZSIP_HEADERS_MAX);
        end(&attack);
    }
}

Test(attacks, field_names_up_to_the_limit_and_one_more)
{
    for (unsigned length = 254; length <= 257; length++) {
        struct attack attack = begin_good();
        repeat(&attack, "n", length);
        add(&attack, ": v\r\n\r\n");
        cr_expect_eq(parse(&attack), length > 255 ? ZSIP_ERROR_TOO_LARGE : ZSIP_OK, "%u", length);
        end(&attack);
    }
}

/* Offsets have 16 bits: at the bound, one below, one above; and a body behind it is no matter. */
Test(attacks, header_sections_at_the_bound)
{
    for (size_t bytes = 65530; bytes <= 65540; bytes++) {
        struct attack attack = begin_good();
        add(&attack, "Content-Length: 5\r\nX: ");
        while (attack.bytes < bytes - 4) {
            add(&attack, "a");
        }
        add(&attack, "\r\n\r\nhello");
        cr_expect_eq(parse(&attack), bytes <= 65535 ? ZSIP_OK : ZSIP_ERROR_TOO_LARGE, "%zu", bytes);
        if (bytes <= 65535) {
            cr_expect_eq(attack.msg->header_bytes, bytes);
            cr_expect_eq(attack.msg->body_bytes, 5);
        }
        end(&attack);
    }
}

Test(attacks, a_body_far_larger_than_the_offsets_of_slices)
{
    struct attack attack = begin_good();
    add(&attack, "Content-Length: 300000\r\n\r\n");
    size_t header_bytes = attack.bytes;
    repeat(&attack, "0123456789", 30000);
    cr_expect_eq(parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->body_offset, header_bytes);
    cr_expect_eq(attack.msg->body_bytes, 300000);
    end(&attack);
}

/* ---- URIs ---------------------------------------------------------------------------------------
 */

/* CVE-2021-33056: a URI of "/" found nothing where something was expected. */
Test(attacks, uris_that_are_almost_nothing_are_a_fault)
{
    static const char *const uris[] = {"/",     ":",      "sip",   "sip:",  "sip:/",  "sip:@",
                                       "sip::", "sip:;",  "sip:?", "sips:", "tel:",   "tel:+",
                                       "im:",   "im:@",   "x:",    "1:a",   "sip:a@", "sip:@a",
                                       "sip:[", "sip:[]", "sip:]", "sip:a:"};
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct attack attack = begin("MESSAGE ");
        add(&attack, uris[i]);
        add(&attack, " SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
        cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX, "%s", uris[i]);
        end(&attack);
        attack = begin(START VIA FROM CALL_ID CSEQ "To: <");
        add(&attack, uris[i]);
        add(&attack, ">\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX, "<%s>", uris[i]);
        end(&attack);
    }
}

/* A percent at the end of what there is, where two more bytes would be read. */
Test(attacks, cut_off_escapes_are_a_fault)
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

Test(attacks, an_escaped_nul_hides_nothing)
{
    struct attack attack =
        begin("MESSAGE sip:bob%00@evil.example@d SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX);
    end(&attack);
    attack = begin("MESSAGE sip:bob%00x@d.example SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->request_uri.user.length, 7);
    end(&attack);
    attack = begin("MESSAGE sip:d%00.example SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(parse(&attack), ZSIP_ERROR_SYNTAX);
    end(&attack);
}

Test(attacks, parameters_by_the_thousand)
{
    struct attack attack = begin(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h");
    repeat(&attack, ";x", 30000);
    add(&attack, ";branch=z9hG4bK1\r\n\r\n");
    cr_expect_eq(parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->via.branch.length, 8);
    end(&attack);
}

/* ---- Methods ------------------------------------------------------------------------------------
 */

Test(attacks, methods_that_are_almost_known)
{
    static const char *const methods[] = {"M",       "MESSAG",     "MESSAGES", "MESSAGEMESSAGE",
                                          "message", "MESSAGE%00", "INVIT",    "ACKK"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct attack attack = begin(methods[i]);
        add(&attack, " sip:c@d SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 1 ");
        add(&attack, methods[i]);
        add(&attack, "\r\n\r\n");
        cr_expect_eq(parse(&attack), ZSIP_OK, "%s", methods[i]);
        cr_expect_eq(attack.msg->method, ZSIP_METHOD_UNKNOWN, "%s", methods[i]);
        end(&attack);
    }
}

/* Names that differ from a known one in one byte only, which a hash may take for it. */
Test(attacks, field_names_that_are_almost_known_are_unknown)
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
