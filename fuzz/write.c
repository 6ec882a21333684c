/* Anything as names and values, written and read back: tests/parser/judge.h judge_write().
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *what = judge_write(data, size);
    if (what != NULL) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
    return 0;
}
