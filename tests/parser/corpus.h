/* The texts that the parser is judged by: torture messages, plain messages, golden inputs; copies
 * of them pressed against pages that can't be touched; and what must hold for any parsed message.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_CORPUS_H
#define ZSIP_TESTS_PARSER_CORPUS_H

#include "zsip/parser.h"

#define PATH_BYTES_MAX 512u

struct corpus_text {
    char name[96]; /* file, and for a golden input the case: "via.txt: compact name" */
    uint8_t *data; /* a block of exactly bytes (at least 1) */
    size_t bytes;
    unsigned flags; /* enum zsip_parse_flag */
};

struct corpus {
    struct corpus_text *texts;
    size_t count, capacity;
};

/* Everything in tests/data: the torture messages, messages/ and every input of golden/. Built once
 * per process, lives as long as it. Ends the process if a file can't be read. */
const struct corpus *corpus_all(void);

/* A copy of data goes to the end of the corpus. */
void corpus_add(struct corpus *corpus, const char *name, const void *data, size_t bytes,
                unsigned flags);

/* Reads tests/data/<path> whole into a block of exactly its size; aborts if it isn't there. */
uint8_t *corpus_read(const char *path, size_t *bytes);

/* Names of the files in tests/data/<folder> that end in suffix, sorted. Returns their number; at
 * most max are stored. */
size_t corpus_list(const char *folder, const char *suffix, char (*names)[64], size_t max);

/* ---- Pages that can't be touched ----------------------------------------------------------------
 */

/* A stretch of memory with an unreadable page before and behind it. */
struct guard {
    uint8_t *map;
    size_t map_bytes;
    size_t room_bytes; /* whole pages between the two */
};

/* Room for at least bytes. Aborts when there is no memory. */
void guard_open(struct guard *guard, size_t bytes);
void guard_close(struct guard *guard);
/* Copies data so that its first byte is the first one that may be read. */
const uint8_t *guard_front(struct guard *guard, const void *data, size_t bytes);
/* Copies data so that its last byte is the last one that may be read. */
const uint8_t *guard_back(struct guard *guard, const void *data, size_t bytes);

#endif
