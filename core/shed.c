/* See shed.h. */
#include "core/shed.h"

#include <string.h>

enum { GENERATION_WORDS = SHED_LINES * SHED_LINE_WORDS };

#define GENERATION_NS (5 * ZSIP_NS_PER_S)

static uint64_t load(const uint8_t *from, size_t bytes)
{
    uint64_t word = 0;
    memcpy(&word, from, bytes);
    return word;
}

/* Both halves of the product of two words: what each bit goes into is all of it. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    const wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t *line_of(const struct shed *shed, unsigned generation, uint64_t hash)
{
    return shed->words + (size_t)generation * GENERATION_WORDS +
           (hash >> 32) % SHED_LINES * SHED_LINE_WORDS;
}

/* Two lanes, so that one multiplication need not wait for the other. Whoever finds two packets with
 * one hash gets his own second one dropped while others are, which is why this need not be a hash
 * that nobody can search. */
uint64_t zsip_shed_hash(const struct shed *shed, const uint8_t *data, size_t bytes)
{
    const uint64_t k0 = 0xa0761d6478bd642f, k1 = 0xe7037ed1a0b428db;
    uint64_t a = shed->seed ^ k0, b = shed->seed ^ k1, hash;
    size_t at = 0;
    for (; at + 32 <= bytes; at += 32) {
        a = fold(load(data + at, 8) ^ k0, load(data + at + 8, 8) ^ a);
        b = fold(load(data + at + 16, 8) ^ k1, load(data + at + 24, 8) ^ b);
    }
    for (; at + 8 <= bytes; at += 8)
        a = fold(load(data + at, 8) ^ k0, a ^ k1);
    hash = fold(a ^ load(data + at, bytes - at) ^ k0, b ^ bytes ^ k1);
    __builtin_prefetch(line_of(shed, 0, hash), 1);
    __builtin_prefetch(line_of(shed, 1, hash), 1);
    return hash;
}

void zsip_shed_note(struct shed *shed, uint64_t hash, uint64_t now_ns)
{
    if (now_ns >= shed->turn_ns) {
        const bool both = now_ns >= shed->turn_ns + GENERATION_NS;
        shed->young ^= 1;
        memset(shed->words + (size_t)shed->young * GENERATION_WORDS, 0, SHED_BYTES / 2);
        if (both && shed->until_ns != 0)
            memset(shed->words + (size_t)(shed->young ^ 1) * GENERATION_WORDS, 0, SHED_BYTES / 2);
        shed->turn_ns = now_ns + GENERATION_NS;
    }
    shed->until_ns = shed->turn_ns + GENERATION_NS;
    uint64_t *line = line_of(shed, shed->young, hash);
    line[hash & 7] |= 1ull << (hash >> 3 & 63);
    line[hash >> 9 & 7] |= 1ull << (hash >> 12 & 63);
}

static bool line_has(const uint64_t *line, uint64_t hash)
{
    return (line[hash & 7] >> (hash >> 3 & 63) & line[hash >> 9 & 7] >> (hash >> 12 & 63) & 1) != 0;
}

bool zsip_shed_knows(const struct shed *shed, uint64_t hash)
{
    return line_has(line_of(shed, 0, hash), hash) || line_has(line_of(shed, 1, hash), hash);
}
