/* The rules of parser/grammar.rl and headers.rl as machines that say yes or no (abnf.py makes it).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_ABNF_H
#define ZSIP_TESTS_PARSER_ABNF_H

#include "zsip/parser.h"

enum abnf_verdict {
    ABNF_NO_RULE, /* for this field */
    ABNF_LEGAL,
    ABNF_ILLEGAL,
};

/* Whether [data, data + bytes) may stand behind the colon of this field. */
enum abnf_verdict abnf_judge(enum zsip_header_id id, const uint8_t *data, size_t bytes);

/* Whether they are a SIP-URI, SIPS-URI, absoluteURI or a URI of another scheme that has a rule. */
bool abnf_is_uri(const uint8_t *data, size_t bytes);

/* Whether they are a Request-Line or a Status-Line, without the CRLF. */
bool abnf_is_start_line(const uint8_t *data, size_t bytes);

/* Whether they are a header line of a field that nobody knows, without the CRLF. */
bool abnf_is_line(const uint8_t *data, size_t bytes);

/* ---- What is read (abnf_read.c) ------------------------------------------------------------- */

/* A text, parsed as a datagram into a struct that stands until the next call. */
struct zsip_msg *abnf_parsed(const char *text, size_t bytes);

/* What reading such a field to its end says, or the first fault; ERROR_STATE: one of those that no
 * rule can say. */
enum zsip_status abnf_read_all(enum zsip_header_id id, const uint8_t *data, size_t bytes);

/* Whether an empty row of the field reads as a list of none, rule or not (docs/parser.md). */
bool abnf_may_be_empty(enum zsip_header_id id);

#endif
