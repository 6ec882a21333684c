/* Golden files: inputs and what the parser must say about them, written by hand. One file per
 * header field, a case per way of writing it. The format is told in tests/data/golden/README.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_GOLDEN_H
#define ZSIP_TESTS_PARSER_GOLDEN_H

#include "zsip/parser.h"

struct golden_expect {
    char path[80];  /* "from.tag", "Contact[1].uri.host" */
    uint8_t *value; /* unescaped */
    size_t length;
    unsigned
        occurrence; /* which occurrence of value between the anchors is meant; 0: the only one */
    unsigned line;
    bool absent;     /* "-" */
    bool bytes_only; /* "~": the text alone, wherever it stands */
};

struct golden_case {
    char name[96];
    unsigned line;
    unsigned flags; /* enum zsip_parse_flag */
    uint8_t *input; /* a block of exactly bytes (at least 1) */
    size_t bytes;
    size_t anchor, anchor_end; /* where the case's own lines stand in input */
    struct golden_expect *expects;
    size_t expect_count;
};

struct golden_file {
    char path[128];
    struct golden_case *cases;
    size_t case_count;
};

/* Reads tests/data/<path>. Ends the process with a message at a line it doesn't understand. */
struct golden_file *golden_load(const char *path);
void golden_free(struct golden_file *file);

/* Parses the case's input and compares. Prints a line for each expectation that does not hold
 * ("via.txt:12: compact name: via.port is 0, not 5060") and returns their number. */
unsigned golden_check(const struct golden_file *file, const struct golden_case *golden);

#endif
