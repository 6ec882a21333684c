/* The rules of parser/headers.rl as machines that say yes or no (abnf.py makes them).
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

#endif
