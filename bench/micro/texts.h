/* The messages that a parser is timed on: A, B and C (tests/data/messages), each as `hot` (the file
 * itself), `mix` (1,000 messages of that shape with other values and lengths) and `shuffled` (the
 * same in random header order, up to four more header fields, a quarter of the names compact).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_BENCH_TEXTS_H
#define ZSIP_BENCH_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#define TEXTS_MIX 1000u

enum texts_way { TEXTS_HOT = 0, TEXTS_MIXED = 1, TEXTS_SHUFFLED = 2, TEXTS_WAYS = 3 };

struct texts {
    char shape; /* 'A', 'B', 'C' */
    enum texts_way way;
    size_t count;
    size_t total_bytes;
    uint8_t **data; /* each with a 0 behind its last byte */
    size_t *bytes;
};

/* Ends the program when memory or the file is missing. The same shape and way give the same texts.
 */
void texts_make(struct texts *texts, char shape, enum texts_way way);
const char *texts_way_name(enum texts_way way);

#endif
