/* zsip: names of header fields, and of the parameters of Digest, by hash.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_NAMES_H
#define ZSIP_PARSER_NAMES_H

#include "names_table.h"

#include <stddef.h>
#include <stdint.h>

/* Names of header fields by hash: names.py makes the table. The slot of its hash is the only one
 * that a name can have; the hash proposes, the caller compares. */
#define ZSIP_NAME_SLOTS 256
struct zsip_name_slot {
    uint8_t name[26]; /* lower case, behind it a colon and a space */
    uint8_t length;   /* 0: empty */
    uint8_t id;
    uint32_t row; /* the upper half of a row, but for where it begins: see ZSIP_NAME_ROW */
};
/* The same for the parameters of Digest. */
#define ZSIP_DIGEST_SLOTS 32
struct zsip_digest_slot {
    uint64_t word;  /* the first eight characters, lower case, spaces behind them */
    uint8_t length; /* 0: empty */
    uint8_t ninth;  /* character, of the longest */
    uint8_t place;  /* of its slice in struct zsip_auth */
};

struct zsip_names {
    struct zsip_name_slot slots[ZSIP_NAME_SLOTS];
    /* 1 << 8 * (id - 1) for the ids from Via to Content-Type, which are the fields that
     * zsip_parse() judges, 0 for the others: summed up, how often each one stands. */
    uint64_t judged_counts[64];
    struct zsip_digest_slot digest_slots[ZSIP_DIGEST_SLOTS];
};
#pragma GCC visibility push(hidden)
extern const struct zsip_names zsip_names;
#pragma GCC visibility pop

/* The upper half of struct zsip_header as a machine with the low byte first has it in a register is
 *
 *     id << 24 | name_length << 16 | name_offset
 */
#define ZSIP_NAME_ROW(length, id) ((uint32_t)(id) << 24 | (uint32_t)(length) << 16)

#define ZSIP_NAME_SLOT(text, length, id)                                                           \
    {                                                                                              \
        text ": ", length, id, ZSIP_NAME_ROW(length, id)                                           \
    }

/* quarter: a name's byte at length / 4; last: the four that end with the colon behind it, the
 * lowest first, CRLF being what stands before a name. */
static inline uint32_t zsip_name_key(uint8_t quarter, uint32_t last, uint32_t length)
{
    return ((last ^ quarter) | 0x20202020) + 8 * length;
}

static inline uint32_t zsip_name_hash(uint32_t key)
{
    return key * ZSIP_NAME_MULTIPLIER >> ZSIP_NAME_SHIFT;
}

/* The place in struct zsip_auth of a parameter's slice, 0 if nobody knows it: no slice stands
 * first. first: the first eight bytes of its name, zeros behind a shorter one. Only letters can
 * become letters by the bit of their case. */
static inline unsigned zsip_digest_place(uint64_t first, const uint8_t *name, size_t length)
{
    uint64_t word = first | 0x2020202020202020u;
    const struct zsip_digest_slot *slot =
        &zsip_names.digest_slots[word * ZSIP_DIGEST_MULTIPLIER >> ZSIP_DIGEST_SHIFT];
    if (slot->word != word || slot->length != length)
        return 0;
    return length < 9 || (name[8] | 0x20) == slot->ninth ? slot->place : 0;
}

#endif
