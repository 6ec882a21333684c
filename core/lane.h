/* A lane: packets that one worker passes to another, copied, in one bounded ring of bytes. One
 * producer, one consumer, no lock; each side touches the other's index only when its own view of it
 * runs out. */
#ifndef ZSIP_CORE_LANE_H
#define ZSIP_CORE_LANE_H

#include "zsip/base.h"

#include <stdatomic.h>

/* A power of two. Room for some two thousand requests of ordinary size, or fifteen of the largest:
 * what a worker passes on in a few turns. More would only let a slow one fall further behind. */
#define LANE_BYTES (1u << 20)

struct lane {
    uint8_t *bytes;
    /* The producer's. Written up to here; what is behind tail is not seen yet. */
    _Alignas(64) uint64_t written;
    uint64_t head_seen;
    _Alignas(64) _Atomic uint64_t tail;
    /* The consumer's. */
    _Alignas(64) uint64_t taken;
    uint64_t tail_seen;
    _Alignas(64) _Atomic uint64_t head;
};

/* bytes has room for LANE_BYTES, aligned to 64. */
void zsip_lane_init(struct lane *lane, uint8_t *bytes);

/* Producer: copies a packet in; false if there is no room. Seen by the consumer only after
 * publish, which says whether anything was new. */
bool zsip_lane_put(struct lane *lane, const struct zsip_packet *packet);
bool zsip_lane_publish(struct lane *lane);

/* Consumer: up to max packets, which stand in the lane until release. */
size_t zsip_lane_take(struct lane *lane, struct zsip_packet *packets, size_t max);
void zsip_lane_release(struct lane *lane);

#endif
