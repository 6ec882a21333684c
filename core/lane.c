/* See lane.h. */
#include "core/lane.h"

#include <string.h>

/* In front of each packet. Every record is a multiple of the head's size long, so a head always
 * fits before the end of the ring. */
struct record {
    _Alignas(64) struct zsip_path path;
    uint64_t arrived_ns;
    uint32_t bytes;        /* of the packet; SKIP: nothing, go on at the beginning of the ring */
    uint32_t record_bytes; /* to the next record */
};

#define SKIP UINT32_MAX

_Static_assert(LANE_BYTES % sizeof(struct record) == 0, "a head never straddles the ring's end");

void zsip_lane_init(struct lane *lane, uint8_t *bytes)
{
    memset(lane, 0, sizeof(*lane));
    lane->bytes = bytes;
}

static struct record *record_at(const struct lane *lane, uint64_t position)
{
    return (struct record *)(void *)(lane->bytes + (position & (LANE_BYTES - 1)));
}

static bool room_for(struct lane *lane, uint64_t bytes)
{
    if (lane->written + bytes - lane->head_seen <= LANE_BYTES)
        return true;
    lane->head_seen = atomic_load_explicit(&lane->head, memory_order_acquire);
    return lane->written + bytes - lane->head_seen <= LANE_BYTES;
}

bool zsip_lane_put(struct lane *lane, const struct zsip_packet *packet)
{
    uint64_t heads = 1 + (packet->bytes + sizeof(struct record) - 1) / sizeof(struct record);
    uint64_t bytes = heads * sizeof(struct record);
    uint64_t to_end = LANE_BYTES - (lane->written & (LANE_BYTES - 1));
    uint64_t skipped = bytes > to_end ? to_end : 0;
    if (bytes > LANE_BYTES / 2 || !room_for(lane, skipped + bytes))
        return false;
    if (skipped > 0) {
        struct record *skip = record_at(lane, lane->written);
        skip->bytes = SKIP;
        skip->record_bytes = (uint32_t)skipped;
        lane->written += skipped;
    }
    struct record *record = record_at(lane, lane->written);
    record->path = *packet->path;
    record->arrived_ns = packet->arrived_ns;
    record->bytes = packet->bytes;
    record->record_bytes = (uint32_t)bytes;
    memcpy(record + 1, packet->data, packet->bytes);
    lane->written += bytes;
    return true;
}

bool zsip_lane_publish(struct lane *lane)
{
    if (lane->written == atomic_load_explicit(&lane->tail, memory_order_relaxed))
        return false;
    atomic_store_explicit(&lane->tail, lane->written, memory_order_release);
    return true;
}

size_t zsip_lane_take(struct lane *lane, struct zsip_packet *packets, size_t max)
{
    size_t count = 0;
    if (lane->taken == lane->tail_seen)
        lane->tail_seen = atomic_load_explicit(&lane->tail, memory_order_acquire);
    while (count < max && lane->taken != lane->tail_seen) {
        const struct record *record = record_at(lane, lane->taken);
        lane->taken += record->record_bytes;
        if (record->bytes == SKIP)
            continue;
        packets[count++] = (struct zsip_packet){
            .data = (const uint8_t *)(record + 1),
            .path = &record->path,
            .bytes = record->bytes,
            .flags = ZSIP_PACKET_STEERED,
            .arrived_ns = record->arrived_ns,
        };
    }
    return count;
}

void zsip_lane_release(struct lane *lane)
{
    atomic_store_explicit(&lane->head, lane->taken, memory_order_release);
}
