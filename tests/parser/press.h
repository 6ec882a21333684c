/* Texts pressed against pages that can't be touched, by every way of the parser.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_PRESS_H
#define ZSIP_TESTS_PARSER_PRESS_H

#include "tests/parser/corpus.h"

/* The corpus, and a mutant of each of its texts. Built once per process. */
const struct corpus *press_texts(void);

/* From length to length: 1, or more where the sanitizer makes each slow. It sees a byte too far by
 * itself, and under it no look of a vector leaves the message. */
unsigned press_step(void);

/* What is pressed: it is given a text that ends or begins where the page does, again and again, and
 * returns what is wrong with the answer, or NULL. */
typedef const char *press_function(const uint8_t *data, size_t bytes);

/* The text as it is, by every way, at the front of its pages and at the back. Fails the test that
 * is running, with the name, if something is wrong. */
void press_whole(const char *name, const void *data, size_t bytes, press_function *function);
/* The same with its beginnings and with its ends, of every length below the whole. */
void press_parts(const char *name, const void *data, size_t bytes, press_function *function);

#endif
