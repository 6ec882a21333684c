/* Connections by source: a table of open addressing whose entries move back when one before them
 * goes, so that probing always ends at an empty place. */
#include "transport/sources.h"

#include <string.h>

void zsip_sources_init(struct sources *sources, struct source *table, uint32_t places,
                       const uint64_t secret[2])
{
    *sources = (struct sources){
        .table = table, .mask = places - 1, .secret = {secret[0] | 1, secret[1] | 1}};
}

static void key_of(const struct zsip_address *address, uint64_t key[2])
{
    memcpy(key, address->ip, 16);
    if (address->family == ZSIP_FAMILY_IPV6)
        key[1] = address->scope;
}

static uint32_t place_of(const struct sources *sources, const uint64_t key[2])
{
    uint64_t hash = (key[0] ^ sources->secret[0]) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 32 ^ key[1]) * sources->secret[1];
    hash ^= hash >> 29;
    return (uint32_t)(hash * 0xbf58476d1ce4e5b9u >> 32) & sources->mask;
}

bool zsip_sources_same(const struct zsip_address *a, const struct zsip_address *b)
{
    uint64_t left[2], right[2];
    key_of(a, left);
    key_of(b, right);
    return memcmp(left, right, sizeof(left)) == 0;
}

/* Its place, or the empty one where it would be. Half of the table is empty always. */
static uint32_t find(const struct sources *sources, const uint64_t key[2])
{
    uint32_t place = place_of(sources, key);
    while (sources->table[place].count > 0 && memcmp(sources->table[place].key, key, 16) != 0)
        place = (place + 1) & sources->mask;
    return place;
}

bool zsip_sources_add(struct sources *sources, const struct zsip_address *address, uint32_t max)
{
    uint64_t key[2];
    key_of(address, key);
    struct source *source = &sources->table[find(sources, key)];
    if (source->count >= max)
        return false;
    memcpy(source->key, key, sizeof(key));
    source->count++;
    return true;
}

void zsip_sources_drop(struct sources *sources, const struct zsip_address *address)
{
    uint64_t key[2];
    key_of(address, key);
    uint32_t hole = find(sources, key), mask = sources->mask;
    ZSIP_ASSERT(sources->table[hole].count > 0);
    if (--sources->table[hole].count > 0)
        return;
    for (uint32_t at = (hole + 1) & mask; sources->table[at].count > 0; at = (at + 1) & mask) {
        uint32_t home = place_of(sources, sources->table[at].key);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it may not stand before its home */
        sources->table[hole] = sources->table[at];
        sources->table[at].count = 0;
        hole = at;
    }
}
