/* zsip: 64 bytes at a look, by what every x86-64 of level 2 has (SSSE3, SSE4.2, POPCNT). See
 * block_avx2.h for what each answers.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_BLOCK_SSE4_H
#define ZSIP_PARSER_BLOCK_SSE4_H

#include "parser/fills.h"

#include <immintrin.h>
#include <stdint.h>

struct half {
    __m128i low, high;
};

struct block {
    struct half low, high;
};

static inline unsigned lowest(uint64_t mask)
{
    return mask != 0 ? (unsigned)__builtin_ctzll(mask) : 64;
}

static inline __m128i load_16_bytes(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline __m128i fill(enum zsip_fill which)
{
    return load_16_bytes(zsip_fills[which]);
}

static inline struct half half_load(const uint8_t *p)
{
    return (struct half){load_16_bytes(p), load_16_bytes(p + 16)};
}

static inline struct block block_load(const uint8_t *p)
{
    return (struct block){half_load(p), half_load(p + 32)};
}

static inline uint32_t mask_of(__m128i low, __m128i high)
{
    return (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
}

static inline uint32_t half_equal(struct half half, enum zsip_fill which)
{
    return mask_of(_mm_cmpeq_epi8(half.low, fill(which)), _mm_cmpeq_epi8(half.high, fill(which)));
}

static inline uint64_t block_equal(struct block block, enum zsip_fill which)
{
    return half_equal(block.low, which) | (uint64_t)half_equal(block.high, which) << 32;
}

static inline __m128i control(__m128i v)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, fill(ZSIP_FILL_1F)), v);
    return _mm_or_si128(low, _mm_cmpeq_epi8(v, fill(ZSIP_FILL_DEL)));
}

static inline uint64_t block_control(struct block block)
{
    return mask_of(control(block.low.low), control(block.low.high)) |
           (uint64_t)mask_of(control(block.high.low), control(block.high.high)) << 32;
}

static inline __m128i digit(__m128i v)
{
    __m128i value = _mm_sub_epi8(v, fill(ZSIP_FILL_0));
    return _mm_cmpeq_epi8(_mm_min_epu8(value, fill(ZSIP_FILL_09)), value);
}

static inline uint32_t half_digits(struct half half)
{
    return mask_of(digit(half.low), digit(half.high));
}

static inline uint64_t block_digits(struct block block)
{
    return half_digits(block.low) | (uint64_t)half_digits(block.high) << 32;
}

static inline __m128i outside(__m128i v, __m128i table)
{
    __m128i row = _mm_and_si128(_mm_srli_epi16(v, 4), fill(ZSIP_FILL_0F));
    __m128i both =
        _mm_and_si128(_mm_shuffle_epi8(table, v), _mm_shuffle_epi8(fill(ZSIP_FILL_ROWS), row));
    return _mm_cmpeq_epi8(both, _mm_setzero_si128());
}

static inline uint32_t half_outside(struct half half, const uint8_t table[16])
{
    __m128i class = load_16_bytes(table);
    return mask_of(outside(half.low, class), outside(half.high, class));
}

static inline uint64_t block_outside(struct block block, const uint8_t table[16])
{
    return half_outside(block.low, table) | (uint64_t)half_outside(block.high, table) << 32;
}

static inline bool masks_equal(struct half a, struct half b, unsigned length)
{
    uint32_t same = mask_of(_mm_cmpeq_epi8(a.low, b.low), _mm_cmpeq_epi8(a.high, b.high));
    return (~same & ((1u << length) - 1)) == 0;
}

static inline bool name_equal(const uint8_t *p, const uint8_t *lower, unsigned length)
{
    struct half name = half_load(p);
    name.low = _mm_or_si128(name.low, fill(ZSIP_FILL_20));
    name.high = _mm_or_si128(name.high, fill(ZSIP_FILL_20));
    return masks_equal(name, half_load(lower), length);
}

static inline bool bytes_equal(const uint8_t *a, const uint8_t *b, unsigned length)
{
    return masks_equal(half_load(a), half_load(b), length);
}

static inline void zero_bytes(void *memory, size_t bytes)
{
    char *p = memory;
    for (size_t i = 0; i + 16 <= bytes; i += 16)
        _mm_storeu_si128((__m128i *)(void *)(p + i), _mm_setzero_si128());
    _mm_storeu_si128((__m128i *)(void *)(p + bytes - 16), _mm_setzero_si128());
}

#endif
