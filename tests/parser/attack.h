/* Messages under attack: put together line by line, parsed between untouchable pages with the
 * judges looking on.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_ATTACK_H
#define ZSIP_TESTS_PARSER_ATTACK_H

#include "tests/parser/corpus.h"

#define VIA     "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
#define FROM    "From: <sip:a@b>;tag=1\r\n"
#define TO      "To: <sip:c@d>\r\n"
#define CALL_ID "Call-ID: x\r\n"
#define CSEQ    "CSeq: 1 MESSAGE\r\n"
#define START   "MESSAGE sip:c@d SIP/2.0\r\n"

/* A message under construction; and how it was parsed. */
struct attack {
    uint8_t *data;
    size_t bytes;
    struct zsip_msg *msg;
    struct guard guard;
};

/* A message that begins with this text; and one that has all it needs but the lines under attack,
 * which follow. attack_end() gives back what they hold. */
struct attack attack_begin(const char *first);
struct attack attack_begin_good(void);
void attack_end(struct attack *attack);

void attack_add_bytes(struct attack *attack, const void *data, size_t bytes);
void attack_add(struct attack *attack, const char *text);
void attack_repeat(struct attack *attack, const char *text, unsigned count);

/* Parsed against the page behind and the page before; the judges look on. */
enum zsip_status attack_parse(struct attack *attack);

/* A good message with these lines added (each with its CRLF). */
enum zsip_status attack_with_lines(const char *lines);

#define EXPECT_LINES(lines, status)                                                                \
    cr_expect_str_eq(zsip_status_name(attack_with_lines(lines)), #status, "%s", lines)

#endif
