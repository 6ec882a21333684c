/* Judges of the parser, shared by the tests (over the corpus and its mutants) and the fuzzers (over
 * anything). A judge returns NULL, or a text that says what is wrong; it stays until the next call.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_JUDGE_H
#define ZSIP_TESTS_PARSER_JUDGE_H

#include "zsip/parser.h"

/* A message: every way through it and its fields gives one answer, place and rule of a fault
 * included; the answer keeps the laws; the slow reference agrees on verdict, slices and the faulty
 * line; and every field read on demand stays inside the message, Via and name-addr lists being read
 * as the reference reads them. Fields do not depend on flags: with ZSIP_PARSE_STREAM they are left
 * out. data is a block of exactly bytes. */
const char *judge_parse(const uint8_t *data, size_t bytes, unsigned flags);

/* A stream: cut at random (by seed), byte by byte or not at all, it gives the same events by every
 * way; and what is framed parses as one whole message. */
const char *judge_frame(const uint8_t *data, size_t bytes, uint64_t seed);

/* Two URIs: parsed as the reference parses them, by every way with one fault; each equal to itself;
 * equal or not whichever stands first, and as the reference has it. */
const char *judge_uris(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes);

/* A message that is good, written anew field by field (flags: enum zsip_writer_flag), is read back
 * equal; and in less room than it takes, the writer says so and writes nothing behind its end. */
const char *judge_rewrite(const uint8_t *data, size_t bytes, unsigned flags);

/* Anything, taken as methods, names and values to be written: what the writer takes, the parser
 * reads back as the same rows. */
const char *judge_write(const uint8_t *data, size_t bytes);

/* The fields on demand of a parsed message, faulty or not, no slice of which may reach behind
 * limit: each read by each function that could. Via and name-addr lists of a good message are as
 * the reference has them; answers[id] becomes a sum over all that was said about the rows of that
 * field. */
const char *judge_fields(const struct zsip_msg *msg, size_t limit,
                         uint64_t answers[ZSIP_HEADER_ID_COUNT]);

/* ---- What holds for any message -----------------------------------------------------------------
 */

/* A message struct as a caller has it: zsip_msg_size() bytes, filled with garbage. The caller frees
 * it. */
struct zsip_msg *msg_new(void);

/* Makes *one a message of which nothing is known but data, its length, and one row that has this
 * id and value, behind which a line's end or white space stands. */
void msg_of_value(struct zsip_msg *one, const uint8_t *data, size_t bytes, enum zsip_header_id id,
                  struct zsip_slice value);

/* NULL if every slice of *msg lies within the header section, the body within [data, data + bytes),
 * bits and index agree, and the fault says what the status says; else a text that says what does
 * not. status is what zsip_parse returned. */
const char *msg_broken_law(const struct zsip_msg *msg, enum zsip_status status, const uint8_t *data,
                           size_t bytes);

/* NULL if both say the same about the same text (which may stand at two places); else a text that
 * names the first field in which they differ. After a fault only its status and place are compared.
 */
const char *msg_difference(const struct zsip_msg *a, const struct zsip_msg *b);
/* The same for the fields alone, whatever the faults. */
const char *msg_field_difference(const struct zsip_msg *a, const struct zsip_msg *b);

#endif
