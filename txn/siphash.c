/* zsip: SipHash-2-4, 128 bits.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/siphash.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are staged in little-endian order"
#endif

#define ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

/* One SipRound. Works on words and on vectors of words alike. */
#define ROUND(v0, v1, v2, v3)                                                                      \
    do {                                                                                           \
        v0 += v1;                                                                                  \
        v2 += v3;                                                                                  \
        v1 = ROTATE(v1, 13) ^ v0;                                                                  \
        v3 = ROTATE(v3, 16) ^ v2;                                                                  \
        v0 = ROTATE(v0, 32);                                                                       \
        v2 += v1;                                                                                  \
        v0 += v3;                                                                                  \
        v1 = ROTATE(v1, 17) ^ v2;                                                                  \
        v3 = ROTATE(v3, 21) ^ v0;                                                                  \
        v2 = ROTATE(v2, 32);                                                                       \
    } while (0)

#define INIT0 0x736f6d6570736575ull
#define INIT1 0x646f72616e646f6dull
#define INIT2 0x6c7967656e657261ull
#define INIT3 0x7465646279746573ull
/* What sets the 128-bit variant apart. */
#define WIDE_INIT 0xee
#define WIDE_LOW  0xee
#define WIDE_HIGH 0xdd

struct zsip_siphash_secret zsip_siphash_secret(const uint8_t bytes[16])
{
    struct zsip_siphash_secret secret;
    memcpy(&secret.k0, bytes, 8);
    memcpy(&secret.k1, bytes + 8, 8);
    return secret;
}

void zsip_siphash_begin(struct zsip_siphash *hash, struct zsip_siphash_secret secret)
{
    hash->v[0] = secret.k0 ^ INIT0;
    hash->v[1] = secret.k1 ^ INIT1 ^ WIDE_INIT;
    hash->v[2] = secret.k0 ^ INIT2;
    hash->v[3] = secret.k1 ^ INIT3;
    hash->tail = 0;
    hash->count = 0;
}

static void mix(uint64_t v[4], uint64_t word)
{
    uint64_t v0 = v[0], v1 = v[1], v2 = v[2], v3 = v[3] ^ word;
    ROUND(v0, v1, v2, v3);
    ROUND(v0, v1, v2, v3);
    v[0] = v0 ^ word;
    v[1] = v1;
    v[2] = v2;
    v[3] = v3;
}

void zsip_siphash_update(struct zsip_siphash *hash, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        hash->tail |= (uint64_t)data[i] << (8 * (hash->count & 7));
        hash->count++;
        if ((hash->count & 7) == 0) {
            mix(hash->v, hash->tail);
            hash->tail = 0;
        }
    }
}

static struct zsip_siphash_value finish(uint64_t v[4])
{
    struct zsip_siphash_value value;
    uint64_t v0 = v[0], v1 = v[1], v2 = v[2] ^ WIDE_LOW, v3 = v[3];
    for (int i = 0; i < 4; i++)
        ROUND(v0, v1, v2, v3);
    value.low = v0 ^ v1 ^ v2 ^ v3;
    v1 ^= WIDE_HIGH;
    for (int i = 0; i < 4; i++)
        ROUND(v0, v1, v2, v3);
    value.high = v0 ^ v1 ^ v2 ^ v3;
    return value;
}

struct zsip_siphash_value zsip_siphash_end(struct zsip_siphash *hash)
{
    mix(hash->v, hash->tail | hash->count << 56);
    return finish(hash->v);
}

struct zsip_siphash_value zsip_siphash_words(struct zsip_siphash_secret secret,
                                             const uint64_t *words, size_t count)
{
    struct zsip_siphash hash;
    zsip_siphash_begin(&hash, secret);
    for (size_t i = 0; i < count; i++)
        mix(hash.v, words[i]);
    return finish(hash.v);
}

static void lanes_plain(struct zsip_siphash_secret secret, const uint64_t *words,
                        const uint32_t offsets[ZSIP_SIPHASH_LANES],
                        const uint32_t counts[ZSIP_SIPHASH_LANES],
                        struct zsip_siphash_value values[ZSIP_SIPHASH_LANES])
{
    for (int i = 0; i < ZSIP_SIPHASH_LANES; i++)
        values[i] = zsip_siphash_words(secret, words + offsets[i], counts[i]);
}

#if defined(__x86_64__)

typedef uint64_t vector4 __attribute__((vector_size(32)));
typedef uint64_t vector8 __attribute__((vector_size(64)));

#define EACH4(p, at) (p)[0][at], (p)[1][at], (p)[2][at], (p)[3][at]
#define EACH8(p, at) EACH4(p, at), EACH4((p) + 4, at)
#define COUNTS4(c)   (c)[0], (c)[1], (c)[2], (c)[3]
#define COUNTS8(c)   COUNTS4(c), COUNTS4((c) + 4)

/* One text for both widths, N lanes from `first` on. Lanes that have ended keep their state:
 * `live` is all ones or all zeros in each lane. */
#define LANES_BODY(N)                                                                              \
    do {                                                                                           \
        const uint64_t *p[N];                                                                      \
        const uint32_t *const count = counts + first;                                              \
        uint32_t shortest = count[0], longest = count[0], at = 0;                                  \
        for (int i = 0; i < N; i++) {                                                              \
            p[i] = words + offsets[first + i];                                                     \
            shortest = count[i] < shortest ? count[i] : shortest;                                  \
            longest = count[i] > longest ? count[i] : longest;                                     \
        }                                                                                          \
        const vector##N zero = {0}, ends = {COUNTS##N(count)};                                     \
        vector##N v0 = zero + (uint64_t)(secret.k0 ^ INIT0);                                       \
        vector##N v1 = zero + (uint64_t)(secret.k1 ^ INIT1 ^ WIDE_INIT);                           \
        vector##N v2 = zero + (uint64_t)(secret.k0 ^ INIT2);                                       \
        vector##N v3 = zero + (uint64_t)(secret.k1 ^ INIT3);                                       \
        for (; at < shortest; at++) {                                                              \
            const vector##N word = {EACH##N(p, at)};                                               \
            v3 ^= word;                                                                            \
            ROUND(v0, v1, v2, v3);                                                                 \
            ROUND(v0, v1, v2, v3);                                                                 \
            v0 ^= word;                                                                            \
        }                                                                                          \
        for (; at < longest; at++) {                                                               \
            const vector##N word = {EACH##N(p, at)};                                               \
            const vector##N live = (vector##N)(ends > (zero + (uint64_t)at));                      \
            vector##N u0 = v0, u1 = v1, u2 = v2, u3 = v3 ^ word;                                   \
            ROUND(u0, u1, u2, u3);                                                                 \
            ROUND(u0, u1, u2, u3);                                                                 \
            u0 ^= word;                                                                            \
            v0 = (u0 & live) | (v0 & ~live);                                                       \
            v1 = (u1 & live) | (v1 & ~live);                                                       \
            v2 = (u2 & live) | (v2 & ~live);                                                       \
            v3 = (u3 & live) | (v3 & ~live);                                                       \
        }                                                                                          \
        v2 ^= zero + (uint64_t)WIDE_LOW;                                                           \
        for (int i = 0; i < 4; i++)                                                                \
            ROUND(v0, v1, v2, v3);                                                                 \
        const vector##N low = v0 ^ v1 ^ v2 ^ v3;                                                   \
        v1 ^= zero + (uint64_t)WIDE_HIGH;                                                          \
        for (int i = 0; i < 4; i++)                                                                \
            ROUND(v0, v1, v2, v3);                                                                 \
        const vector##N high = v0 ^ v1 ^ v2 ^ v3;                                                  \
        for (int i = 0; i < N; i++) {                                                              \
            values[first + i].low = low[i];                                                        \
            values[first + i].high = high[i];                                                      \
        }                                                                                          \
    } while (0)

__attribute__((target("avx2"))) static void
lanes_avx2(struct zsip_siphash_secret secret, const uint64_t *words,
           const uint32_t offsets[ZSIP_SIPHASH_LANES], const uint32_t counts[ZSIP_SIPHASH_LANES],
           struct zsip_siphash_value values[ZSIP_SIPHASH_LANES])
{
    for (int first = 0; first < ZSIP_SIPHASH_LANES; first += 4)
        LANES_BODY(4);
}

__attribute__((target("avx512f"))) static void
lanes_avx512(struct zsip_siphash_secret secret, const uint64_t *words,
             const uint32_t offsets[ZSIP_SIPHASH_LANES], const uint32_t counts[ZSIP_SIPHASH_LANES],
             struct zsip_siphash_value values[ZSIP_SIPHASH_LANES])
{
    const int first = 0;
    LANES_BODY(8);
}

static zsip_siphash_lanes_fn *lanes_of_cpu(enum zsip_siphash_path path)
{
    if (path == ZSIP_SIPHASH_AVX512)
        return __builtin_cpu_supports("avx512f") ? lanes_avx512 : NULL;
    if (path == ZSIP_SIPHASH_AVX2)
        return __builtin_cpu_supports("avx2") ? lanes_avx2 : NULL;
    return NULL;
}

#else

static zsip_siphash_lanes_fn *lanes_of_cpu(enum zsip_siphash_path path)
{
    (void)path;
    return NULL;
}

#endif

zsip_siphash_lanes_fn *zsip_siphash_lanes(enum zsip_siphash_path path)
{
    zsip_siphash_lanes_fn *best = lanes_plain;
    if (path == ZSIP_SIPHASH_PLAIN)
        return best;
    if (path != ZSIP_SIPHASH_BEST)
        return lanes_of_cpu(path);
    if (lanes_of_cpu(ZSIP_SIPHASH_AVX2))
        best = lanes_of_cpu(ZSIP_SIPHASH_AVX2);
    if (lanes_of_cpu(ZSIP_SIPHASH_AVX512))
        best = lanes_of_cpu(ZSIP_SIPHASH_AVX512);
    return best;
}
