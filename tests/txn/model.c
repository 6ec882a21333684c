/* The fuzzer's model, run on programs from a seeded sequence.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/model.h"

#include <criterion/criterion.h>

static uint64_t state;

static uint64_t random_next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ZSIP_TXN_SEED=n runs one program, ZSIP_TXN_PROGRAMS=n as many. */
Test(model, random_programs_agree_with_the_model)
{
    const char *const one = getenv("ZSIP_TXN_SEED"), *const many = getenv("ZSIP_TXN_PROGRAMS");
    const uint64_t first = one ? strtoull(one, NULL, 10) : 1;
    const uint64_t programs = one ? 1 : many ? strtoull(many, NULL, 10) : 1000;
    for (uint64_t seed = first; seed < first + programs; seed++) {
        uint8_t program[3000];
        state = seed;
        const size_t size = random_next() % sizeof(program);
        for (size_t i = 0; i < size; i++)
            program[i] = (uint8_t)random_next();
        cr_log_info("seed %llu", (unsigned long long)seed);
        model_run(program, size);
    }
}
