/* SipHash against its published vectors, and every path against every other.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/siphash.h"
#include "tests/txn/siphash_vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct zsip_siphash_secret secret_of_vectors(void)
{
    uint8_t bytes[16];
    for (int i = 0; i < 16; i++)
        bytes[i] = (uint8_t)i;
    return zsip_siphash_secret(bytes);
}

static void value_text(struct zsip_siphash_value value, char text[33])
{
    uint8_t bytes[16];
    memcpy(bytes, &value.low, 8);
    memcpy(bytes + 8, &value.high, 8);
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* The message 00 01 02 ... as staged words. */
static size_t stage(uint64_t words[9], size_t length)
{
    uint8_t bytes[72] = {0};
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)i;
    bytes[length / 8 * 8 + 7] = (uint8_t)length;
    memcpy(words, bytes, sizeof(bytes));
    return length / 8 + 1;
}

Test(siphash, one_piece_gives_the_published_vectors)
{
    uint8_t message[64];
    for (size_t length = 0; length < 64; length++) {
        struct zsip_siphash hash;
        char text[33];
        message[length] = (uint8_t)length;
        zsip_siphash_begin(&hash, secret_of_vectors());
        zsip_siphash_update(&hash, message, length);
        value_text(zsip_siphash_end(&hash), text);
        cr_assert_str_eq(text, siphash_vectors[length], "length %zu", length);
    }
}

Test(siphash, two_pieces_cut_anywhere_give_the_published_vectors)
{
    uint8_t message[64];
    for (size_t i = 0; i < 64; i++)
        message[i] = (uint8_t)i;
    for (size_t cut = 0; cut <= 63; cut++) {
        struct zsip_siphash hash;
        char text[33];
        zsip_siphash_begin(&hash, secret_of_vectors());
        zsip_siphash_update(&hash, message, cut);
        zsip_siphash_update(&hash, message + cut, 63 - cut);
        value_text(zsip_siphash_end(&hash), text);
        cr_assert_str_eq(text, siphash_vectors[63], "cut at %zu", cut);
    }
}

Test(siphash, staged_words_give_the_published_vectors)
{
    for (size_t length = 0; length < 64; length++) {
        uint64_t words[9];
        char text[33];
        const size_t count = stage(words, length);
        value_text(zsip_siphash_words(secret_of_vectors(), words, count), text);
        cr_assert_str_eq(text, siphash_vectors[length], "length %zu", length);
    }
}

/* All lanes of all paths this CPU has, with every mixture of lengths that eight lanes of
 * consecutive vectors give. */
static void lanes_give_vectors(zsip_siphash_lanes_fn *lanes)
{
    for (size_t first = 0; first < 64; first++) {
        uint64_t words[ZSIP_SIPHASH_LANES * 9];
        uint32_t offsets[ZSIP_SIPHASH_LANES], counts[ZSIP_SIPHASH_LANES];
        struct zsip_siphash_value values[ZSIP_SIPHASH_LANES];
        for (uint32_t i = 0; i < ZSIP_SIPHASH_LANES; i++) {
            offsets[i] = i * 9;
            counts[i] = (uint32_t)stage(words + offsets[i], (first + 9 * i) % 64);
        }
        lanes(secret_of_vectors(), words, offsets, counts, values);
        for (size_t i = 0; i < ZSIP_SIPHASH_LANES; i++) {
            char text[33];
            value_text(values[i], text);
            cr_assert_str_eq(text, siphash_vectors[(first + 9 * i) % 64], "lane %zu", i);
        }
    }
}

Test(siphash, plain_lanes_give_the_published_vectors)
{
    lanes_give_vectors(zsip_siphash_lanes(ZSIP_SIPHASH_PLAIN));
}

Test(siphash, avx2_lanes_give_the_published_vectors)
{
    if (!zsip_siphash_lanes(ZSIP_SIPHASH_AVX2))
        cr_skip_test("this CPU has no AVX2");
    lanes_give_vectors(zsip_siphash_lanes(ZSIP_SIPHASH_AVX2));
}

Test(siphash, avx512_lanes_give_the_published_vectors)
{
    if (!zsip_siphash_lanes(ZSIP_SIPHASH_AVX512))
        cr_skip_test("this CPU has no AVX-512");
    lanes_give_vectors(zsip_siphash_lanes(ZSIP_SIPHASH_AVX512));
}

Test(siphash, best_lanes_are_one_of_the_others)
{
    zsip_siphash_lanes_fn *const best = zsip_siphash_lanes(ZSIP_SIPHASH_BEST);
    cr_assert(best == zsip_siphash_lanes(ZSIP_SIPHASH_PLAIN) ||
              best == zsip_siphash_lanes(ZSIP_SIPHASH_AVX2) ||
              best == zsip_siphash_lanes(ZSIP_SIPHASH_AVX512));
    lanes_give_vectors(best);
}
