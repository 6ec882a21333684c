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
    uint8_t name[29]; /* lower case */
    uint8_t length;   /* 0: empty */
    uint8_t id;
    uint8_t reserved;
};
extern const struct zsip_name_slot zsip_name_slots[ZSIP_NAME_SLOTS];

/* Of a name of length > 0 bytes at p. */
static inline unsigned zsip_name_hash(const uint8_t *p, size_t length)
{
    uint32_t key = (uint32_t)(p[0] | 0x20) | (uint32_t)(p[length >> 1] | 0x20) << 8 |
                   (uint32_t)(p[length - 1] | 0x20) << 16 | (uint32_t)length << 24;
    return key * ZSIP_NAME_MULTIPLIER >> ZSIP_NAME_SHIFT;
}

#endif
