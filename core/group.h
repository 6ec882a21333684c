/* Workers that are one element: who owns what, and the lanes between them. Private to core. */
#ifndef ZSIP_CORE_GROUP_H
#define ZSIP_CORE_GROUP_H

#include "core/lane.h"
#include "zsip/worker.h"

#include <stdatomic.h>

/* How an endpoint passes on what is another's. */
struct steering {
    uint32_t workers; /* < 2: everything is its own */
    uint32_t self;
    /* Takes a copy of the packet, or drops and counts it. */
    void (*pass)(void *user, uint32_t owner, const struct zsip_packet *packet);
    void *user;
};

void zsip_endpoint_steer(struct zsip_endpoint *endpoint, const struct steering *steering);

/* Told of a connection whose peer wants requests to come back over it (RFC 5923): those for the
 * address it came from and this port. */
struct aliasing {
    void (*alias)(void *user, uint64_t flow, uint16_t port); /* NULL: nobody wants to know */
    void *user;
};

void zsip_endpoint_alias_by(struct zsip_endpoint *endpoint, const struct aliasing *aliasing);

/* One worker's place in the group. */
struct member {
    struct zsip_worker *worker;
    _Alignas(64) _Atomic bool rung; /* somebody woke it, or will at once */
};

struct zsip_group {
    struct zsip_memory memory;
    enum zsip_steering steering;
    uint32_t count;
    uint8_t seed[32]; /* one identity: the same request has the same owner wherever it arrives */
    struct member *members;
    struct lane *lanes;  /* [from * count + to] */
    uint8_t *lane_bytes; /* LANE_BYTES each */
};

static inline struct lane *group_lane(struct zsip_group *group, uint32_t from, uint32_t to)
{
    return &group->lanes[from * group->count + to];
}

#endif
