/* zsip: 64 bytes at a look, by AVX2.
 *
 * A block is what is loaded; every question about it is answered by a mask with a bit per byte, the
 * first byte's the lowest.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_BLOCK_AVX2_H
#define ZSIP_PARSER_BLOCK_AVX2_H

#include <immintrin.h>
#include <stdint.h>

struct block {
    __m256i low, high;
};

static inline struct block block_load(const uint8_t *p)
{
    return (struct block){_mm256_loadu_si256((const __m256i *)(const void *)p),
                          _mm256_loadu_si256((const __m256i *)(const void *)(p + 32))};
}

static inline uint64_t block_mask(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

static inline uint64_t block_equal(struct block block, uint8_t byte)
{
    __m256i all = _mm256_set1_epi8((char)byte);
    return block_mask(_mm256_cmpeq_epi8(block.low, all), _mm256_cmpeq_epi8(block.high, all));
}

static inline __m256i control(__m256i v)
{
    __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1F)), v);
    __m256i tab = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t'));
    __m256i del = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7F));
    return _mm256_or_si256(_mm256_andnot_si256(tab, low), del);
}

/* Control characters, HTAB not among them. */
static inline uint64_t block_control(struct block block)
{
    return block_mask(control(block.low), control(block.high));
}

static inline uint64_t block_digits(struct block block)
{
    const __m256i zero = _mm256_set1_epi8('0'), nine = _mm256_set1_epi8(9);
    __m256i low = _mm256_sub_epi8(block.low, zero), high = _mm256_sub_epi8(block.high, zero);
    return block_mask(_mm256_cmpeq_epi8(_mm256_min_epu8(low, nine), low),
                      _mm256_cmpeq_epi8(_mm256_min_epu8(high, nine), high));
}

static inline __m256i outside(__m256i v, __m256i table)
{
    const __m256i rows = _mm256_setr_epi8(0, 0, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                          0, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    __m256i row = _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
    __m256i both = _mm256_and_si256(_mm256_shuffle_epi8(table, v), _mm256_shuffle_epi8(rows, row));
    return _mm256_cmpeq_epi8(both, _mm256_setzero_si256());
}

/* The bytes that are not of a class. Bit r of table[c & 15] says that the ASCII character c of row
 * r = c >> 4 is of it; a byte over 0x7F never is. */
static inline uint64_t block_outside(struct block block, const uint8_t table[16])
{
    __m256i wide =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
    return block_mask(outside(block.low, wide), outside(block.high, wide));
}

/* The same for the 32 bytes at p. */
static inline uint32_t half_outside(const uint8_t *p, const uint8_t table[16])
{
    __m256i wide =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
    __m256i half = _mm256_loadu_si256((const __m256i *)(const void *)p);
    return (uint32_t)_mm256_movemask_epi8(outside(half, wide));
}

/* Whether the first length bytes at p, in lower case, are those of lower; both can be read for 32
 * bytes, and length is at most that. Only letters may differ by the bit that is ignored, or what
 * the caller has excluded. */
static inline bool name_equal(const uint8_t *p, const uint8_t *lower, unsigned length)
{
    __m256i name = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i folded = _mm256_or_si256(name, _mm256_set1_epi8(0x20));
    __m256i same =
        _mm256_cmpeq_epi8(folded, _mm256_loadu_si256((const __m256i *)(const void *)lower));
    return ((uint64_t) ~(uint32_t)_mm256_movemask_epi8(same) & ((1ull << length) - 1) &
            0xFFFFFFFFu) == 0;
}

static inline bool bytes_equal_32(const uint8_t *a, const uint8_t *b, unsigned length)
{
    __m256i same = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)a),
                                     _mm256_loadu_si256((const __m256i *)(const void *)b));
    return ((uint64_t) ~(uint32_t)_mm256_movemask_epi8(same) & ((1ull << length) - 1) &
            0xFFFFFFFFu) == 0;
}

static inline void zero_bytes(void *memory, size_t bytes)
{
    char *p = memory;
    for (size_t i = 0; i + 32 <= bytes; i += 32)
        _mm256_storeu_si256((__m256i *)(void *)(p + i), _mm256_setzero_si256());
    _mm256_storeu_si256((__m256i *)(void *)(p + bytes - 32), _mm256_setzero_si256());
}

#endif
