/* A second parser, slow and plain: RFC 3261 section 25 read aloud, one byte at a time, one function
 * per rule. It shares no code with parser/ and judges it: both must say the same about every input.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_REFERENCE_H
#define ZSIP_TESTS_PARSER_REFERENCE_H

#include "zsip/parser.h"

/* Like zsip_parse(). After a fault only msg->fault and msg->data mean anything; its offset is the
 * place where the reference noticed, on the same header line as the true one. */
enum zsip_status reference_parse(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                 unsigned flags);

/* Like zsip_uri_parse() and zsip_uri_equal(), without the fault. */
enum zsip_status reference_uri_parse(const uint8_t *base, struct zsip_slice slice,
                                     struct zsip_uri *out);
bool reference_uri_equal(const uint8_t *base_a, const struct zsip_uri *a, const uint8_t *base_b,
                         const struct zsip_uri *b);

/* Like zsip_via_next() and zsip_party_next() over the one row whose value is given: the first
 * element at *at; *at goes behind the comma that follows it, to the value's end if none does. */
enum zsip_status reference_via(const uint8_t *base, struct zsip_slice value, uint32_t *at,
                               struct zsip_via *out);
enum zsip_status reference_party(const uint8_t *base, enum zsip_header_id id,
                                 struct zsip_slice value, uint32_t *at, struct zsip_party *out);

#endif
