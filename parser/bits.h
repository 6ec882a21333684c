/* zsip: questions about masks, for the blocks' headers: what needs no vector, said once. By BMI
 * where what is compiled may use it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_BITS_H
#define ZSIP_PARSER_BITS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__BMI__) || defined(__BMI2__)
#include <immintrin.h>
#endif

/* Index of the lowest bit; 64 for none. */
static inline uint64_t lowest(uint64_t mask)
{
#if defined(__BMI__)
    return _tzcnt_u64(mask);
#else
    return mask != 0 ? (uint64_t)__builtin_ctzll(mask) : 64;
#endif
}

/* The lowest count bits of mask, which is all of them for 64 and more; count is at most 255. */
static inline uint64_t low_part(uint64_t mask, uint64_t count)
{
#if defined(__BMI2__)
    return _bzhi_u64(mask, (unsigned)count);
#else
    return count < 64 ? mask & ((1ull << count) - 1) : mask;
#endif
}

/* As many bits, all of them set. */
static inline uint64_t low_bits(uint64_t count)
{
    return low_part(~0ull, count);
}

/* The lowest count bytes, count at most 31. */
static inline uint64_t low_bytes(uint64_t bytes, uint64_t count)
{
    return low_part(bytes, 8 * count);
}

static inline unsigned bit_count(uint64_t mask)
{
    return (unsigned)__builtin_popcountll(mask);
}

#ifndef BITS_BY_VECTOR /* its own of these has who defines that */

/* Whether of the bits of all, two that follow one another are both in some, which is a part of it.
 */
static inline bool two_in_a_row(uint64_t some, uint64_t all)
{
    /* Not by PEXT, which Zen 2 and before have only in microcode. */
    for (; some != 0; some &= some - 1) {
        uint64_t behind = all & ~(some ^ (some - 1));
        if ((behind & (0 - behind) & some) != 0)
            return true;
    }
    return false;
}

/* The places of the mask's bits, each with base added, in order. Returns their number; room for 64
 * is written to. */
static inline unsigned places_put(uint64_t mask, unsigned base, uint16_t *out)
{
    unsigned count = bit_count(mask);
    for (unsigned i = 0; i < count; i += 4) {
        for (unsigned j = 0; j < 4; j++) {
#if defined(__BMI__)
            out[i + j] = (uint16_t)(base + lowest(mask));
#else
            /* With a bit that is always there: lowest() would ask, and jump. */
            out[i + j] = (uint16_t)(base + (unsigned)__builtin_ctzll(mask | 1ull << 63));
#endif
            mask &= mask - 1;
        }
    }
    return count;
}

#endif

#endif
