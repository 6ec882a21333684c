/* Which way the parser goes. A program that links the judges calls zsip_parse() and the fields on
 * demand as any other does, but can make the choice of fast.c, so that each way is tried wherever
 * the tests run, not only the best one of this processor.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_WAYS_H
#define ZSIP_TESTS_PARSER_WAYS_H

#include "parser/fast.h"

/* The number of ways that this processor can go, and their names: "plain", "sse4" ... */
unsigned ways_count(void);
const char *ways_name(unsigned way);
/* From now on everything goes this way; ways_count() or more: the one that fast.c would choose. */
void ways_take(unsigned way);
/* The table of functions of a way. */
const struct zsip_fast *ways_fast(unsigned way);

#endif
