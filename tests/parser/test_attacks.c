/* What request smugglers use, by name: line ends, blanks, fields twice. The classes behind
 * published advisories stand in the files beside. Each is shown in a whole message, between
 * untouchable pages, and the answer is exact.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/attack.h"
#include <criterion/criterion.h>
#include <string.h>

/* ---- Smuggling ----------------------------------------------------------------------------------
 */

/* "Content-Length : 5" read as an unknown field by one element and as the length by the next one
 * (CVE-2020-28361 was of this kind). By HCOLON it is the length. */
Test(attacks, white_space_before_the_colon_hides_no_field)
{
    static const char *const forms[] = {"Content-Length : 5\r\n", "Content-Length\t: 5\r\n",
                                        "l \t : 5\r\n", "Content-Length :\r\n 5\r\n"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct attack attack = attack_begin_good();
        attack_add(&attack, forms[i]);
        attack_add(&attack, "\r\nhello world");
        cr_expect_eq(attack_parse(&attack), ZSIP_OK, "%s", forms[i]);
        cr_expect_eq(attack.msg->content_length, 5);
        cr_expect_eq(attack.msg->body_bytes, 5);
        attack_end(&attack);
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
    struct attack attack =
        attack_begin(START " Via: SIP/2.0/UDP h\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
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

/* Of several in a line the first is the fault's place: what comes behind it may be what it was
 * meant to hide. */
Test(attacks, of_several_odd_bytes_in_a_line_the_first_is_the_fault)
{
    static const char *const values[] = {"\x01\x02", "a\x01 b\r\n c\x7f", "\r\n \rx\ny",
                                         "\nx\r\x01", "\\\x01\x02\x03"};
    static const unsigned places[] = {0, 1, 3, 0, 2};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct attack attack = attack_begin_good();
        attack_add(&attack, "Subject: ");
        size_t at = attack.bytes;
        attack_add(&attack, values[i]);
        attack_add(&attack, "\r\n\r\n");
        cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX, "case %zu", i);
        cr_expect_eq(attack.msg->fault.offset, at + places[i], "case %zu", i);
        attack_end(&attack);
    }
}

/* An empty line made of bare LFs would end the header section for some readers. */
Test(attacks, two_bare_lfs_do_not_end_the_header_section)
{
    struct attack attack = attack_begin(START VIA FROM TO CALL_ID CSEQ "X: y\n\nhidden: z\r\n\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
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
            struct attack attack = attack_begin(START);
            static const char *const rest[] = {VIA, FROM, TO, CALL_ID, CSEQ};
            for (size_t k = 0; k < 5; k++) {
                size_t name = strcspn(rest[k], ":");
                if (strncmp(rest[k], lines[i], name + 1) != 0) {
                    attack_add(&attack, rest[k]);
                }
            }
            size_t at = attack.bytes;
            attack_add(&attack, lines[i]);
            uint8_t *mark = attack.data + attack.bytes - 1;
            while (*mark != '@') {
                mark--;
            }
            cr_assert_gt(mark, attack.data + at);
            *mark = bytes[j];
            attack_add(&attack, "\r\n");
            cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX, "%s with %02x", lines[i],
                         bytes[j]);
            attack_end(&attack);
        }
    }
}

Test(attacks, a_nul_does_not_end_a_value)
{
    struct attack attack = attack_begin_good();
    attack_add_bytes(&attack, "Subject: a\0b\r\n\r\n", 16);
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
    attack = attack_begin(START);
    attack_add_bytes(&attack, "To: \"a\\\0b\" <sip:c@d>\r\n", 22);
    attack_add(&attack, VIA FROM CALL_ID CSEQ "\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_OK);
    cr_expect_eq(attack.msg->to.display.length, 6);
    attack_end(&attack);
}

Test(attacks, a_nul_in_a_field_name_is_a_fault)
{
    struct attack attack = attack_begin_good();
    attack_add_bytes(&attack, "To\0: <sip:x@y>\r\n\r\n", 18);
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
}

Test(attacks, control_characters_in_a_start_line_are_a_fault)
{
    static const uint8_t bytes[] = {'\n', '\r', 0, 0x0B, 0x0C, 0x7F};
    for (size_t i = 0; i < sizeof(bytes); i++) {
        for (size_t at = 0; at < strlen(START) - 2; at++) {
            struct attack attack = attack_begin_good();
            attack.data[at] = bytes[i];
            attack_add(&attack, "\r\n");
            cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX, "%02x at %zu", bytes[i], at);
            attack_end(&attack);
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
        attack_begin(START VIA "From: <sip:a@b>;tag=1;TAG=2\r\n" TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
    attack = attack_begin(
        START "Via: SIP/2.0/UDP h;branch=z9hG4bK1;Branch=z9hG4bK2\r\n" FROM TO CALL_ID CSEQ "\r\n");
    cr_expect_eq(attack_parse(&attack), ZSIP_ERROR_SYNTAX);
    attack_end(&attack);
}
