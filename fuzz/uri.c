/* Two URIs, a line each: tests/parser/judge.h judge_uris().
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each in a block of its own, so that the sanitizer sees one byte too far. */
static uint8_t *copy(const uint8_t *data, size_t size)
{
    uint8_t *out = malloc(size > 0 ? size : 1);
    if (out == NULL) {
        abort();
    }
    memcpy(out, data, size);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const uint8_t *line = memchr(data, '\n', size);
    size_t a_bytes = line != NULL ? (size_t)(line - data) : size;
    size_t b_from = line != NULL ? a_bytes + 1 : size;
    uint8_t *a = copy(data, a_bytes), *b = copy(data + b_from, size - b_from);
    const char *what = judge_uris(a, a_bytes, b, size - b_from);
    free(a);
    free(b);
    if (what != NULL) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
    return 0;
}
