/* A stream behind one byte that says how it is cut: tests/parser/judge.h judge_frame().
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        const char *what = judge_frame(data + 1, size - 1, data[0]);
        if (what != NULL) {
            fprintf(stderr, "%s\n", what);
            abort();
        }
    }
    return 0;
}
