/* zsip: 64 bytes at a look, by AVX2.
 *
 * A block is what is loaded; every question about it is answered by a mask with a bit per byte, the
 * first byte's the lowest.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_BLOCK_AVX2_H
#define ZSIP_PARSER_BLOCK_AVX2_H

#include "parser/bits.h"
#include "parser/classes.h"
#include "parser/fills.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

struct block {
    __m256i low, high;
};

/* The first half of a block, for what seldom needs more. Its masks have 64 bits too, of which the
 * upper ones are 0. */
#define HALF_BYTES 32
struct half {
    __m256i all;
};

static inline __m256i load_32_bytes(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* From memory: left alone, the compiler makes each one anew by way of a general register. */
static inline __m256i fill(enum zsip_fill which)
{
    return load_32_bytes(zsip_fills[which]);
}

static inline struct block block_load(const uint8_t *p)
{
    return (struct block){load_32_bytes(p), load_32_bytes(p + 32)};
}

static inline struct half half_load(const uint8_t *p)
{
    return (struct half){load_32_bytes(p)};
}

static inline uint32_t mask_of(__m256i v)
{
    return (uint32_t)_mm256_movemask_epi8(v);
}

static inline uint64_t mask_of_both(__m256i low, __m256i high)
{
    return mask_of(low) | (uint64_t)mask_of(high) << 32;
}

static inline uint64_t block_equal(struct block block, enum zsip_fill which)
{
    return mask_of_both(_mm256_cmpeq_epi8(block.low, fill(which)),
                        _mm256_cmpeq_epi8(block.high, fill(which)));
}

static inline uint64_t block_equal_byte(struct block block, uint8_t byte)
{
    __m256i wide = _mm256_set1_epi8((char)byte);
    return mask_of_both(_mm256_cmpeq_epi8(block.low, wide), _mm256_cmpeq_epi8(block.high, wide));
}

/* The same of a letter in either case. */
static inline uint64_t block_letter(struct block block, uint8_t lower)
{
    struct block folded = {_mm256_or_si256(block.low, fill(ZSIP_FILL_20)),
                           _mm256_or_si256(block.high, fill(ZSIP_FILL_20))};
    return block_equal_byte(folded, lower);
}

static inline uint64_t half_equal(struct half half, enum zsip_fill which)
{
    return mask_of(_mm256_cmpeq_epi8(half.all, fill(which)));
}

static inline __m256i control(__m256i v)
{
    __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(v, fill(ZSIP_FILL_1F)), v);
    return _mm256_or_si256(low, _mm256_cmpeq_epi8(v, fill(ZSIP_FILL_DEL)));
}

/* Control characters. HTAB is one, which is legal nearly everywhere and hardly ever used: those who
 * ask leave it to the machines. */
static inline uint64_t block_control(struct block block)
{
    return mask_of_both(control(block.low), control(block.high));
}

static inline uint64_t half_control(struct half half)
{
    return mask_of(control(half.all));
}

static inline __m256i digit(__m256i v)
{
    __m256i value = _mm256_sub_epi8(v, fill(ZSIP_FILL_0));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(value, fill(ZSIP_FILL_09)), value);
}

static inline uint64_t block_digits(struct block block)
{
    return mask_of_both(digit(block.low), digit(block.high));
}

static inline uint64_t half_digits(struct half half)
{
    return mask_of(digit(half.all));
}

static inline __m256i outside(__m256i v, __m256i table)
{
    __m256i row = _mm256_and_si256(_mm256_srli_epi16(v, 4), fill(ZSIP_FILL_0F));
    __m256i both = _mm256_and_si256(_mm256_shuffle_epi8(table, v),
                                    _mm256_shuffle_epi8(fill(ZSIP_FILL_ROWS), row));
    return _mm256_cmpeq_epi8(both, _mm256_setzero_si256());
}

static inline __m256i rows_load(enum zsip_class class)
{
    const void *rows = zsip_class_rows[class];
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)rows));
}

/* The bytes that are not of a class; one over 0x7F is of none. */
static inline uint64_t block_outside(struct block block, enum zsip_class class)
{
    __m256i table = rows_load(class);
    return mask_of_both(outside(block.low, table), outside(block.high, table));
}

static inline uint64_t half_outside(struct half half, enum zsip_class class)
{
    return mask_of(outside(half.all, rows_load(class)));
}

/* The distance from p to a colon; 64 if there is none in 32 bytes. */
static inline uint64_t name_length(const uint8_t *p)
{
    return lowest(mask_of(_mm256_cmpeq_epi8(load_32_bytes(p), fill(ZSIP_FILL_COLON))));
}

/* Whether the first length bytes at p, in lower case, are those of lower; both can be read for 32
 * bytes, and length is below that. Only letters may differ by the bit that is ignored, or what the
 * caller has excluded. */
static inline bool name_equal(const uint8_t *p, const uint8_t *lower, uint64_t length)
{
    __m256i folded = _mm256_or_si256(load_32_bytes(p), fill(ZSIP_FILL_20));
    uint32_t same = mask_of(_mm256_cmpeq_epi8(folded, load_32_bytes(lower)));
    return low_part(~same, length) == 0;
}

/* Where the 32 bytes at a differ from those at b. */
static inline uint64_t bytes_different(const uint8_t *a, const uint8_t *b)
{
    return (uint32_t)~mask_of(_mm256_cmpeq_epi8(load_32_bytes(a), load_32_bytes(b)));
}

static inline void zero_bytes(void *memory, size_t bytes)
{
    char *p = memory;
    for (size_t i = 0; i + 32 <= bytes; i += 32)
        _mm256_storeu_si256((__m256i *)(void *)(p + i), _mm256_setzero_si256());
    _mm256_storeu_si256((__m256i *)(void *)(p + bytes - 32), _mm256_setzero_si256());
}

#endif
