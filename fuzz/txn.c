/* The transaction room against a model: any bytes are a program of operations on a small store, and
 * each answer of the store is compared with the model's.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_run(data, size);
    return 0;
}
