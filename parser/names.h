/* zsip: header field names by hash.
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
    uint8_t name[24]; /* lower case, and the colon behind it */
    /* As struct zsip_header has them on a machine with the low byte first: id << 56 | length << 48;
     * 0: empty. */
    uint64_t length_and_id;
};
extern const struct zsip_name_slot zsip_name_slots[ZSIP_NAME_SLOTS];

/* first: the first eight bytes of a name, all of a shorter one with zeros behind; last: the four
 * that end with the colon behind it, CRLF being what stands before a name. The first byte is the
 * lowest. */
static inline uint64_t zsip_name_key(uint64_t first, uint32_t last)
{
    return (first | 0x2020202020202020u) + ((uint64_t)(last | 0x20202020u) << 32);
}

static inline unsigned zsip_name_hash(uint64_t key)
{
    return (unsigned)(key * ZSIP_NAME_MULTIPLIER >> ZSIP_NAME_SHIFT);
}

#endif
