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

/* ---- What holds for any message -----------------------------------------------------------------
 */

/* A message struct as a caller has it: zsip_msg_size() bytes, filled with garbage. The caller frees
 * it. */
struct zsip_msg *msg_new(void);

/* NULL if every slice of *msg lies within the header section, the body within [data, data + bytes),
 * bits and index agree, and the fault says what the status says; else a text that says what does
 * not. status is what zsip_parse returned. */
const char *msg_broken_law(const struct zsip_msg *msg, enum zsip_status status, const uint8_t *data,
                           size_t bytes);

/* NULL if both say the same about the same text (which may stand at two places); else a text that
 * names the first field in which they differ. After a fault only its status and place are compared.
 */
const char *msg_difference(const struct zsip_msg *a, const struct zsip_msg *b);

#endif
