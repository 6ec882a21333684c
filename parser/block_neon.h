/* zsip: 64 bytes at a look, by NEON, which every aarch64 has. See block_avx2.h for what each
 * answers.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_BLOCK_NEON_H
#define ZSIP_PARSER_BLOCK_NEON_H

#include "parser/bits.h"
#include "parser/classes.h"
#include "parser/fills.h"

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HALF_BYTES 32
struct half {
    uint8x16_t low, high;
};

struct block {
    struct half low, high;
};

/* Not from memory, as others have it: most constants take one instruction. */
static inline uint8x16_t fill(enum zsip_fill which)
{
    static const uint8_t bytes[ZSIP_FILL_COUNT] = {
        [ZSIP_FILL_COLON] = ':',   [ZSIP_FILL_DOT] = '.',   [ZSIP_FILL_DASH] = '-',
        [ZSIP_FILL_AT] = '@',      [ZSIP_FILL_QUOTE] = '"', [ZSIP_FILL_BACKSLASH] = '\\',
        [ZSIP_FILL_EQUAL] = '=',   [ZSIP_FILL_SEMI] = ';',  [ZSIP_FILL_SPACE] = ' ',
        [ZSIP_FILL_BRACKET] = ']', [ZSIP_FILL_CR] = '\r',
    };
    return bytes[which] != 0 ? vdupq_n_u8(bytes[which]) : vld1q_u8(zsip_fills[which]);
}

static inline struct half half_load(const uint8_t *p)
{
    return (struct half){vld1q_u8(p), vld1q_u8(p + 16)};
}

static inline struct block block_load(const uint8_t *p)
{
    return (struct block){half_load(p), half_load(p + 32)};
}

/* In each byte the bit of its place among eight. */
static inline uint8x16_t place_bits(void)
{
    return vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
}

/* Of bytes that are 0 or 0xFF. There is no instruction for it: each keeps the bit of its place,
 * and adding neighbours three times brings eight together. */
static inline uint64_t half_mask(uint8x16_t low, uint8x16_t high)
{
    uint8x16_t places = place_bits();
    uint8x16_t sum = vpaddq_u8(vandq_u8(low, places), vandq_u8(high, places));
    sum = vpaddq_u8(sum, sum);
    sum = vpaddq_u8(sum, sum);
    return vgetq_lane_u32(vreinterpretq_u32_u8(sum), 0);
}

static inline uint64_t block_mask(struct half low, struct half high)
{
    uint8x16_t places = place_bits();
    uint8x16_t first = vpaddq_u8(vandq_u8(low.low, places), vandq_u8(low.high, places));
    uint8x16_t last = vpaddq_u8(vandq_u8(high.low, places), vandq_u8(high.high, places));
    uint8x16_t sum = vpaddq_u8(first, last);
    sum = vpaddq_u8(sum, sum);
    return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0);
}

static inline struct half equal(struct half half, uint8x16_t wide)
{
    return (struct half){vceqq_u8(half.low, wide), vceqq_u8(half.high, wide)};
}

static inline uint64_t half_equal(struct half half, enum zsip_fill which)
{
    struct half same = equal(half, fill(which));
    return half_mask(same.low, same.high);
}

static inline uint64_t block_equal(struct block block, enum zsip_fill which)
{
    return block_mask(equal(block.low, fill(which)), equal(block.high, fill(which)));
}

static inline uint64_t block_equal_byte(struct block block, uint8_t byte)
{
    return block_mask(equal(block.low, vdupq_n_u8(byte)), equal(block.high, vdupq_n_u8(byte)));
}

static inline struct half fold(struct half half)
{
    uint8x16_t bit = vdupq_n_u8(0x20);
    return (struct half){vorrq_u8(half.low, bit), vorrq_u8(half.high, bit)};
}

static inline uint64_t block_letter(struct block block, uint8_t lower)
{
    return block_equal_byte((struct block){fold(block.low), fold(block.high)}, lower);
}

static inline uint8x16_t control_16(uint8x16_t v)
{
    return vorrq_u8(vcltq_u8(v, vdupq_n_u8(0x20)), vceqq_u8(v, vdupq_n_u8(0x7F)));
}

static inline struct half control(struct half half)
{
    return (struct half){control_16(half.low), control_16(half.high)};
}

static inline uint64_t half_control(struct half half)
{
    struct half found = control(half);
    return half_mask(found.low, found.high);
}

static inline uint64_t block_control(struct block block)
{
    return block_mask(control(block.low), control(block.high));
}

static inline uint8x16_t digit_16(uint8x16_t v)
{
    return vcltq_u8(vsubq_u8(v, vdupq_n_u8('0')), vdupq_n_u8(10));
}

static inline struct half digit(struct half half)
{
    return (struct half){digit_16(half.low), digit_16(half.high)};
}

static inline uint64_t half_digits(struct half half)
{
    struct half found = digit(half);
    return half_mask(found.low, found.high);
}

static inline uint64_t block_digits(struct block block)
{
    return block_mask(digit(block.low), digit(block.high));
}

static inline uint8x16_t inside_16(uint8x16_t v, uint8x16_t table)
{
    uint8x16_t row = vqtbl1q_u8(fill(ZSIP_FILL_ROWS), vshrq_n_u8(v, 4));
    return vtstq_u8(vqtbl1q_u8(table, vandq_u8(v, vdupq_n_u8(0x0F))), row);
}

static inline struct half inside(struct half half, uint8x16_t table)
{
    return (struct half){inside_16(half.low, table), inside_16(half.high, table)};
}

static inline uint64_t half_outside(struct half half, enum zsip_class class)
{
    struct half found = inside(half, vld1q_u8(zsip_class_rows[class]));
    return half_mask(found.low, found.high) ^ 0xFFFFFFFFu;
}

static inline uint64_t block_outside(struct block block, enum zsip_class class)
{
    uint8x16_t table = vld1q_u8(zsip_class_rows[class]);
    return ~block_mask(inside(block.low, table), inside(block.high, table));
}

static inline uint64_t name_length(const uint8_t *p)
{
    return lowest(half_equal(half_load(p), ZSIP_FILL_COLON));
}

static inline uint64_t halves_same(struct half a, struct half b)
{
    return half_mask(vceqq_u8(a.low, b.low), vceqq_u8(a.high, b.high));
}

static inline bool name_equal(const uint8_t *p, const uint8_t *lower, uint64_t length)
{
    return low_part(~halves_same(fold(half_load(p)), half_load(lower)), length) == 0;
}

static inline uint64_t bytes_different(const uint8_t *a, const uint8_t *b)
{
    return halves_same(half_load(a), half_load(b)) ^ 0xFFFFFFFFu;
}

static inline void zero_bytes(void *memory, size_t bytes)
{
    uint8_t *p = memory;
    for (size_t i = 0; i + 16 <= bytes; i += 16)
        vst1q_u8(p + i, vdupq_n_u8(0));
    vst1q_u8(p + bytes - 16, vdupq_n_u8(0));
}

#endif
