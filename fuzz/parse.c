/* A message: tests/parser/judge.h judge_parse(). Both flags are tried.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned flags = 0; flags <= ZSIP_PARSE_STREAM; flags++) {
        const char *what = judge_parse(data, size, flags);
        if (what != NULL) {
            fprintf(stderr, "flags %u: %s\n", flags, what);
            abort();
        }
    }
    return 0;
}
