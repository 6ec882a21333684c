/* The simulator's own randomness: splitmix64, so that one 64-bit seed gives one run. */
#ifndef ZSIP_TESTS_SIM_RANDOM_H
#define ZSIP_TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15ull);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* 0 to n - 1; n > 0. */
static inline uint64_t random_below(struct random *random, uint64_t n)
{
    return random_next(random) % n;
}

/* low to high, both included. */
static inline uint64_t random_range(struct random *random, uint64_t low, uint64_t high)
{
    return low + random_below(random, high - low + 1);
}

/* True so many times in a thousand. */
static inline bool random_chance(struct random *random, unsigned per_mille)
{
    return random_below(random, 1000) < per_mille;
}

#endif
