/* How many connections each address has with us: counted by IPv4 address, and by /64 of IPv6, since
 * one host may have all of one. */
#ifndef ZSIP_NET_SOURCES_H
#define ZSIP_NET_SOURCES_H

#include "zsip/base.h"

struct source {
    uint64_t key[2];
    uint32_t count; /* 0: nobody */
    uint32_t reserved;
};

struct sources {
    struct source *table;
    uint32_t mask;
    uint64_t secret[2]; /* nobody can aim at one place of the table */
};

/* table: cleared, a power of two of places, twice as many as there are connections. */
void zsip_sources_init(struct sources *sources, struct source *table, uint32_t places,
                       const uint64_t secret[2]);
/* Whether they count as one. */
bool zsip_sources_same(const struct zsip_address *a, const struct zsip_address *b);
/* One more; false: it has max already. */
bool zsip_sources_add(struct sources *sources, const struct zsip_address *address, uint32_t max);
void zsip_sources_drop(struct sources *sources, const struct zsip_address *address);

#endif
