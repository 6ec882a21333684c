/* zsip: 64 bytes at a look, by AVX-512 with BW, VL, VBMI and VBMI2 (Ice Lake, Zen 4 and later). See
 * block_avx2.h for what each answers.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_BLOCK_AVX512_H
#define ZSIP_PARSER_BLOCK_AVX512_H

#define BITS_BY_VECTOR
#include "parser/bits.h"
#include "parser/classes.h"
#include "parser/fills.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

struct block {
    __m512i all;
};

/* A look costs the same whole. */
#define HALF_BYTES 64
struct half {
    __m512i all;
};

static inline __m512i load_64_bytes(const uint8_t *p)
{
    return _mm512_loadu_si512((const void *)p);
}

static inline __m512i fill(enum zsip_fill which)
{
    return load_64_bytes(zsip_fills[which]);
}

static inline struct block block_load(const uint8_t *p)
{
    return (struct block){load_64_bytes(p)};
}

static inline struct half half_load(const uint8_t *p)
{
    return (struct half){load_64_bytes(p)};
}

static inline uint64_t block_equal(struct block block, enum zsip_fill which)
{
    return _cvtmask64_u64(_mm512_cmpeq_epi8_mask(block.all, fill(which)));
}

static inline uint64_t half_equal(struct half half, enum zsip_fill which)
{
    return block_equal((struct block){half.all}, which);
}

static inline uint64_t block_control(struct block block)
{
    __mmask64 others = _mm512_cmpge_epu8_mask(block.all, fill(ZSIP_FILL_20));
    others = _mm512_mask_cmpneq_epi8_mask(others, block.all, fill(ZSIP_FILL_DEL));
    return ~_cvtmask64_u64(others);
}

static inline uint64_t half_control(struct half half)
{
    return block_control((struct block){half.all});
}

/* For each byte its row of zsip_class_bits, that of 0x7F over 0x7F: both are of no class. Asked for
 * twice, it is made once. */
static inline __m512i classes(__m512i bytes)
{
    return _mm512_permutex2var_epi8(load_64_bytes(zsip_class_bits),
                                    _mm512_min_epu8(bytes, fill(ZSIP_FILL_DEL)),
                                    load_64_bytes(zsip_class_bits + 64));
}

static inline uint64_t block_outside(struct block block, enum zsip_class class)
{
    enum zsip_fill bit = (enum zsip_fill)(ZSIP_FILL_BIT_0 + class);
    return _cvtmask64_u64(_mm512_testn_epi8_mask(classes(block.all), fill(bit)));
}

static inline uint64_t half_outside(struct half half, enum zsip_class class)
{
    return block_outside((struct block){half.all}, class);
}

static inline uint64_t block_digits(struct block block)
{
    enum zsip_fill bit = (enum zsip_fill)(ZSIP_FILL_BIT_0 + ZSIP_CLASS_DIGIT);
    return _cvtmask64_u64(_mm512_test_epi8_mask(classes(block.all), fill(bit)));
}

static inline uint64_t half_digits(struct half half)
{
    return block_digits((struct block){half.all});
}

static inline uint64_t name_length(const uint8_t *p)
{
    __m256i name = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i colons = _mm512_castsi512_si256(fill(ZSIP_FILL_COLON));
    return lowest(_cvtmask32_u32(_mm256_cmpeq_epi8_mask(name, colons)));
}

static inline bool name_equal(const uint8_t *p, const uint8_t *lower, uint64_t length)
{
    __m256i name = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i want = _mm256_loadu_si256((const __m256i *)(const void *)lower);
    name = _mm256_or_si256(name, _mm512_castsi512_si256(fill(ZSIP_FILL_20)));
    return low_part(_cvtmask32_u32(_mm256_cmpneq_epi8_mask(name, want)), length) == 0;
}

static inline uint64_t block_equal_byte(struct block block, uint8_t byte)
{
    return _cvtmask64_u64(_mm512_cmpeq_epi8_mask(block.all, _mm512_set1_epi8((char)byte)));
}

static inline uint64_t block_letter(struct block block, uint8_t lower)
{
    __m512i folded = _mm512_or_si512(block.all, fill(ZSIP_FILL_20));
    return block_equal_byte((struct block){folded}, lower);
}

static inline uint64_t bytes_different(const uint8_t *a, const uint8_t *b)
{
    __m256i left = _mm256_loadu_si256((const __m256i *)(const void *)a);
    __m256i right = _mm256_loadu_si256((const __m256i *)(const void *)b);
    return _cvtmask32_u32(_mm256_cmpneq_epi8_mask(left, right));
}

static inline bool two_in_a_row(uint64_t some, uint64_t all)
{
    uint64_t close = _pext_u64(some, all);
    return (close & close >> 1) != 0;
}

static inline unsigned places_put(uint64_t mask, unsigned base, uint16_t *out)
{
    __m512i places = _mm512_maskz_compress_epi8(_cvtu64_mask64(mask), fill(ZSIP_FILL_PLACE));
    unsigned count = bit_count(mask);
    __m512i bases = _mm512_set1_epi16((short)base);
    __m256i few = _mm256_cvtepu8_epi16(_mm512_castsi512_si128(places));
    few = _mm256_add_epi16(few, _mm512_castsi512_si256(bases));
    _mm256_storeu_si256((__m256i *)(void *)out, few);
    if (__builtin_expect(count > 16, 0)) {
        __m512i low = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(places));
        __m512i high = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(places, 1));
        _mm512_storeu_si512((void *)out, _mm512_add_epi16(low, bases));
        _mm512_storeu_si512((void *)(out + 32), _mm512_add_epi16(high, bases));
    }
    return count;
}

static inline void zero_bytes(void *memory, size_t bytes)
{
    char *p = memory;
    for (size_t i = 0; i + 64 <= bytes; i += 64)
        _mm512_storeu_si512((void *)(p + i), _mm512_setzero_si512());
    _mm512_storeu_si512((void *)(p + bytes - 64), _mm512_setzero_si512());
}

#endif
