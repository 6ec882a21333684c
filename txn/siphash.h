/* zsip: SipHash-2-4 with 128 bits of output (Aumasson and Bernstein), one message at a time or
 * several at once.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ZSIP_TXN_SIPHASH_H
#define ZSIP_TXN_SIPHASH_H

#include "zsip/base.h"

struct zsip_siphash_secret {
    uint64_t k0;
    uint64_t k1;
};

/* The two halves of the output, `low` being the first 8 bytes read as little-endian. */
struct zsip_siphash_value {
    uint64_t low;
    uint64_t high;
};

/* A message that comes in pieces. */
struct zsip_siphash {
    uint64_t v[4];
    uint64_t tail;  /* bytes not yet mixed in, from the low end */
    uint64_t count; /* bytes so far */
};

struct zsip_siphash_secret zsip_siphash_secret(const uint8_t bytes[16]);

void zsip_siphash_begin(struct zsip_siphash *hash, struct zsip_siphash_secret secret);
void zsip_siphash_update(struct zsip_siphash *hash, const uint8_t *data, size_t length);
struct zsip_siphash_value zsip_siphash_end(struct zsip_siphash *hash);

/* A staged message: little-endian words, the last one being SipHash's final block (the bytes that
 * fill no word, and the length modulo 256 in the top byte), so count = length / 8 + 1. */
struct zsip_siphash_value zsip_siphash_words(struct zsip_siphash_secret secret,
                                             const uint64_t *words, size_t count);

#define ZSIP_SIPHASH_LANES 8

/* Eight staged messages at once, under one secret: lane i begins at words[offsets[i]] and has
 * counts[i] >= 1 words. An unused lane may repeat another. Every word in
 * [offsets[i], offsets[i] + longest count) must be readable, whatever it holds. */
typedef void zsip_siphash_lanes_fn(struct zsip_siphash_secret secret, const uint64_t *words,
                                   const uint32_t offsets[ZSIP_SIPHASH_LANES],
                                   const uint32_t counts[ZSIP_SIPHASH_LANES],
                                   struct zsip_siphash_value values[ZSIP_SIPHASH_LANES]);

enum zsip_siphash_path {
    ZSIP_SIPHASH_PLAIN,  /* one after the other */
    ZSIP_SIPHASH_AVX2,   /* two registers of four */
    ZSIP_SIPHASH_AVX512, /* one register of eight */
    ZSIP_SIPHASH_BEST,   /* the best this CPU has */
};

/* The function for a path; NULL if this build or this CPU lacks it (never for PLAIN and BEST). */
zsip_siphash_lanes_fn *zsip_siphash_lanes(enum zsip_siphash_path path);

#endif
