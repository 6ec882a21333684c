/* zsip: segments and regions.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/segments.h"

static void list_put(struct zsip_segments *queue, struct zsip_segment_list *list, uint32_t segment)
{
    queue->segments[segment].next = list->first;
    list->first = segment;
    list->count++;
}

static uint32_t list_take(struct zsip_segments *queue, struct zsip_segment_list *list)
{
    const uint32_t segment = list->first;
    list->first = queue->segments[segment].next;
    list->count--;
    return segment;
}

void zsip_segments_init(struct zsip_segments *queue, uint8_t *memory, struct zsip_segment *segments,
                        uint32_t segment_bytes, uint32_t segment_max, uint32_t ahead)
{
    ZSIP_ASSERT(segment_bytes <= ZSIP_TXN_RANGE_BYTES_MAX && segment_bytes % 4096 == 0);
    *queue = (struct zsip_segments){
        .memory = memory,
        .segments = segments,
        .segment_bytes = segment_bytes,
        .segment_max = segment_max,
        .head = ZSIP_SEGMENT_NONE,
        .tail = ZSIP_SEGMENT_NONE,
        .warm = {ZSIP_SEGMENT_NONE, 0},
        .cold = {ZSIP_SEGMENT_NONE, 0},
        .ahead = ahead < segment_max ? ahead : segment_max,
    };
}

bool zsip_segments_push(struct zsip_segments *queue, bool *cold)
{
    uint32_t segment;
    *cold = queue->warm.count == 0;
    if (queue->warm.count)
        segment = list_take(queue, &queue->warm);
    else if (queue->cold.count)
        segment = list_take(queue, &queue->cold);
    else if (queue->fresh < queue->segment_max)
        segment = queue->fresh++;
    else
        return false;
    queue->segments[segment] = (struct zsip_segment){.next = ZSIP_SEGMENT_NONE};
    if (queue->head != ZSIP_SEGMENT_NONE)
        queue->segments[queue->head].next = segment;
    else
        queue->tail = segment;
    queue->head = segment;
    queue->live_count++;
    return true;
}

void zsip_segments_pop(struct zsip_segments *queue)
{
    const uint32_t segment = queue->tail;
    ZSIP_ASSERT(segment != ZSIP_SEGMENT_NONE);
    queue->tail = queue->segments[segment].next;
    if (queue->tail == ZSIP_SEGMENT_NONE)
        queue->head = ZSIP_SEGMENT_NONE;
    queue->live_count--;
    list_put(queue, &queue->warm, segment);
}

bool zsip_segments_maintain(struct zsip_segments *queue, struct zsip_txn_range *range)
{
    uint32_t segment;
    if (queue->warm.count < queue->ahead) {
        if (queue->cold.count)
            segment = list_take(queue, &queue->cold);
        else if (queue->fresh < queue->segment_max)
            segment = queue->fresh++;
        else
            return false;
        list_put(queue, &queue->warm, segment);
        range->kind = ZSIP_TXN_TOUCH;
    } else if (queue->warm.count > 2 * queue->ahead + queue->live_count / 8) {
        segment = list_take(queue, &queue->warm);
        list_put(queue, &queue->cold, segment);
        range->kind = ZSIP_TXN_RELEASE;
    } else {
        return false;
    }
    range->memory = zsip_segment_memory(queue, segment);
    range->bytes = queue->segment_bytes;
    return true;
}

static uint32_t list_length(const struct zsip_segments *queue, uint32_t segment, uint32_t *last)
{
    uint32_t count = 0;
    for (; segment != ZSIP_SEGMENT_NONE; segment = queue->segments[segment].next) {
        ZSIP_ASSERT(segment < queue->fresh);
        ZSIP_ASSERT(++count <= queue->segment_max);
        *last = segment;
    }
    return count;
}

void zsip_segments_validate(const struct zsip_segments *queue)
{
    uint32_t last = ZSIP_SEGMENT_NONE;
    ZSIP_ASSERT(list_length(queue, queue->warm.first, &last) == queue->warm.count);
    ZSIP_ASSERT(list_length(queue, queue->cold.first, &last) == queue->cold.count);
    last = ZSIP_SEGMENT_NONE;
    ZSIP_ASSERT(list_length(queue, queue->tail, &last) == queue->live_count);
    ZSIP_ASSERT(last == queue->head);
    ZSIP_ASSERT(queue->live_count + queue->warm.count + queue->cold.count == queue->fresh);
}

bool zsip_region_maintain(struct zsip_region *region, size_t used, size_t ahead, bool shrinks,
                          struct zsip_txn_range *range)
{
    size_t bytes = ZSIP_TXN_RANGE_BYTES_MAX;
    if (region->touched < region->bytes_max && region->touched < used + ahead) {
        if (bytes > region->bytes_max - region->touched)
            bytes = region->bytes_max - region->touched;
        range->kind = ZSIP_TXN_TOUCH;
        range->memory = region->memory + region->touched;
        region->touched += bytes;
    } else if (shrinks && region->touched > used + 2 * ahead + used / 8 + bytes) {
        range->kind = ZSIP_TXN_RELEASE;
        region->touched -= bytes;
        range->memory = region->memory + region->touched;
    } else {
        return false;
    }
    range->bytes = bytes;
    return true;
}
