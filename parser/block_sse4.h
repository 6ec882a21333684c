/* zsip: 64 bytes at a look, by what every x86-64 of level 2 has (SSSE3, SSE4.2, POPCNT). See
 * block_avx2.h for what each answers.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_BLOCK_SSE4_H
#define ZSIP_PARSER_BLOCK_SSE4_H

#include "parser/bits.h"
#include "parser/classes.h"
#include "parser/fills.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define HALF_BYTES 32
struct half {
    __m128i low, high;
};

struct block {
    struct half low, high;
};

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

static inline uint64_t half_equal(struct half half, enum zsip_fill which)
{
    return mask_of(_mm_cmpeq_epi8(half.low, fill(which)), _mm_cmpeq_epi8(half.high, fill(which)));
}

static inline uint64_t block_equal(struct block block, enum zsip_fill which)
{
    return half_equal(block.low, which) | half_equal(block.high, which) << 32;
}

static inline uint64_t half_equal_byte(struct half half, uint8_t byte)
{
    __m128i wide = _mm_set1_epi8((char)byte);
    return mask_of(_mm_cmpeq_epi8(half.low, wide), _mm_cmpeq_epi8(half.high, wide));
}

static inline uint64_t block_equal_byte(struct block block, uint8_t byte)
{
    return half_equal_byte(block.low, byte) | half_equal_byte(block.high, byte) << 32;
}

static inline struct half half_fold(struct half half)
{
    return (struct half){_mm_or_si128(half.low, fill(ZSIP_FILL_20)),
                         _mm_or_si128(half.high, fill(ZSIP_FILL_20))};
}

static inline uint64_t block_letter(struct block block, uint8_t lower)
{
    struct block folded = {half_fold(block.low), half_fold(block.high)};
    return block_equal_byte(folded, lower);
}

static inline __m128i control(__m128i v)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, fill(ZSIP_FILL_1F)), v);
    return _mm_or_si128(low, _mm_cmpeq_epi8(v, fill(ZSIP_FILL_DEL)));
}

static inline uint64_t half_control(struct half half)
{
    return mask_of(control(half.low), control(half.high));
}

static inline uint64_t block_control(struct block block)
{
    return half_control(block.low) | half_control(block.high) << 32;
}

static inline __m128i digit(__m128i v)
{
    __m128i value = _mm_sub_epi8(v, fill(ZSIP_FILL_0));
    return _mm_cmpeq_epi8(_mm_min_epu8(value, fill(ZSIP_FILL_09)), value);
}

static inline uint64_t half_digits(struct half half)
{
    return mask_of(digit(half.low), digit(half.high));
}

static inline uint64_t block_digits(struct block block)
{
    return half_digits(block.low) | half_digits(block.high) << 32;
}

static inline __m128i outside(__m128i v, __m128i table)
{
    __m128i row = _mm_and_si128(_mm_srli_epi16(v, 4), fill(ZSIP_FILL_0F));
    __m128i both =
        _mm_and_si128(_mm_shuffle_epi8(table, v), _mm_shuffle_epi8(fill(ZSIP_FILL_ROWS), row));
    return _mm_cmpeq_epi8(both, _mm_setzero_si128());
}

static inline uint64_t half_outside(struct half half, enum zsip_class class)
{
    __m128i rows = load_16_bytes(zsip_class_rows[class]);
    return mask_of(outside(half.low, rows), outside(half.high, rows));
}

static inline uint64_t block_outside(struct block block, enum zsip_class class)
{
    return half_outside(block.low, class) | half_outside(block.high, class) << 32;
}

static inline uint64_t halves_different(struct half a, struct half b)
{
    return (uint32_t)~mask_of(_mm_cmpeq_epi8(a.low, b.low), _mm_cmpeq_epi8(a.high, b.high));
}

static inline uint64_t name_length(const uint8_t *p)
{
    return lowest(half_equal(half_load(p), ZSIP_FILL_COLON));
}

static inline bool name_equal(const uint8_t *p, const uint8_t *lower, uint64_t length)
{
    struct half name = half_load(p);
    name.low = _mm_or_si128(name.low, fill(ZSIP_FILL_20));
    name.high = _mm_or_si128(name.high, fill(ZSIP_FILL_20));
    return low_part(halves_different(name, half_load(lower)), length) == 0;
}

static inline uint64_t bytes_different(const uint8_t *a, const uint8_t *b)
{
    return halves_different(half_load(a), half_load(b));
}

static inline void zero_bytes(void *memory, size_t bytes)
{
    char *p = memory;
    for (size_t i = 0; i + 16 <= bytes; i += 16)
        _mm_storeu_si128((__m128i *)(void *)(p + i), _mm_setzero_si128());
    _mm_storeu_si128((__m128i *)(void *)(p + bytes - 16), _mm_setzero_si128());
}

#endif
