/* zsip: memory of the transaction store: a queue of equal segments, and a region that grows at one
 * end. Both say which pages they would like touched or released.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ZSIP_TXN_SEGMENTS_H
#define ZSIP_TXN_SEGMENTS_H

#include "txn/txn.h"

#define ZSIP_SEGMENT_NONE UINT32_MAX

/* What is known of a segment besides its bytes. */
struct zsip_segment {
    uint64_t base; /* the owner's */
    uint32_t used; /* the owner's */
    uint32_t next; /* in whichever list it is */
};

/* A list of segments, taken from and put to the front. */
struct zsip_segment_list {
    uint32_t first;
    uint32_t count;
};

/* Segments are filled in order and emptied in order, but a freed one is used again at once, so
 * that the memory in use follows what is live and stays warm. */
struct zsip_segments {
    uint8_t *memory;
    struct zsip_segment *segments;
    uint32_t segment_bytes;
    uint32_t segment_max;
    uint32_t head; /* being filled, or NONE */
    uint32_t tail; /* the oldest, or NONE */
    uint32_t live_count;
    struct zsip_segment_list warm; /* free, pages present as far as we know */
    struct zsip_segment_list cold; /* free, pages released */
    uint32_t fresh;                /* segments from here on were never used nor touched */
    uint32_t ahead;                /* how many are kept warm */
};

void zsip_segments_init(struct zsip_segments *queue, uint8_t *memory, struct zsip_segment *segments,
                        uint32_t segment_bytes, uint32_t segment_max, uint32_t ahead);

/* Puts an empty segment at the head. False: all are in use. *cold is set if its pages were not
 * there. */
bool zsip_segments_push(struct zsip_segments *queue, bool *cold);

/* Frees the segment at the tail. */
void zsip_segments_pop(struct zsip_segments *queue);

static inline uint8_t *zsip_segment_memory(const struct zsip_segments *queue, uint32_t segment)
{
    return queue->memory + (size_t)segment * queue->segment_bytes;
}

/* The next step of memory work; false: none. */
bool zsip_segments_maintain(struct zsip_segments *queue, struct zsip_txn_range *range);

void zsip_segments_validate(const struct zsip_segments *queue);

/* A region of which the first `used` bytes are in use. */
struct zsip_region {
    uint8_t *memory;
    size_t bytes_max; /* multiple of 4096 */
    size_t touched;   /* multiple of 4096 */
};

/* Notes that `used` bytes are in use; true if some had not been touched. */
static inline bool zsip_region_use(struct zsip_region *region, size_t used)
{
    if (__builtin_expect(used <= region->touched, 1))
        return false;
    region->touched = (used + 4095) & ~(size_t)4095;
    return true;
}

/* The next step of memory work, `ahead` bytes being kept touched beyond `used`; false: none. With
 * shrinks, what lies far enough beyond `used` is given back. */
bool zsip_region_maintain(struct zsip_region *region, size_t used, size_t ahead, bool shrinks,
                          struct zsip_txn_range *range);

#endif
