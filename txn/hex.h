/* zsip: numbers as lower-case hex digits of a fixed width, eight at once.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ZSIP_TXN_HEX_H
#define ZSIP_TXN_HEX_H

#include <stdint.h>
#include <string.h>

typedef uint8_t zsip_hex_vector __attribute__((vector_size(16)));

/* Sixteen digits: a nibble a byte, then what a digit or a letter needs. */
static inline void zsip_hex_write16(void *out, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    /* Not by way of memory: eight bytes stored and sixteen loaded would stall. */
    const zsip_hex_vector bytes =
        (zsip_hex_vector)(__attribute__((vector_size(16))) uint64_t){value, 0};
    const zsip_hex_vector high = bytes >> 4, low = bytes & 15;
    zsip_hex_vector digits =
        __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    digits += '0' + ((zsip_hex_vector)(digits > 9) & ('a' - '0' - 10));
    memcpy(out, &digits, sizeof(digits));
}

/* The value of eight hex digits. Of other characters it makes some number: who believes it writes
 * it again and compares. */
static inline uint32_t zsip_hex_guess8(const void *text)
{
    uint64_t word;
    memcpy(&word, text, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    /* A letter has bit 6, and its low nibble counts from 1: 'a' is 0x61. */
    word = (word & 0x0f0f0f0f0f0f0f0fu) + 9 * (word >> 6 & 0x0101010101010101u);
    word = (word | word >> 4) & 0x00ff00ff00ff00ffu;
    word = (word | word >> 8) & 0x0000ffff0000ffffu;
    return (uint32_t)(word | word >> 16);
}

#endif
