/* The arena of blocks: a buddy allocator whose lists stand beside the arena, so that memory which
 * nobody uses is never touched. */
#include "transport/blocks.h"
#include "transport/memory.h"

#include <string.h>

#define NONE    UINT32_MAX
#define FREE    0x80u
#define UNIT    ((size_t)1 << BLOCK_ORDER_MIN)
#define LARGEST ((size_t)1 << BLOCK_ORDER_MAX)

/* ---- Life ------------------------------------------------------------------------------------ */

static void list_push(struct blocks *blocks, uint32_t unit, unsigned order)
{
    uint32_t *head = &blocks->heads[order - BLOCK_ORDER_MIN];
    blocks->orders[unit] = (uint8_t)(order | FREE);
    blocks->nexts[unit] = *head;
    blocks->prevs[unit] = NONE;
    if (*head != NONE)
        blocks->prevs[*head] = unit;
    *head = unit;
}

static void list_remove(struct blocks *blocks, uint32_t unit, unsigned order)
{
    uint32_t next = blocks->nexts[unit], prev = blocks->prevs[unit];
    if (prev == NONE)
        blocks->heads[order - BLOCK_ORDER_MIN] = next;
    else
        blocks->nexts[prev] = next;
    if (next != NONE)
        blocks->prevs[next] = prev;
}

enum zsip_status zsip_blocks_create(struct blocks *blocks, const struct zsip_memory *memory,
                                    size_t bytes)
{
    size_t units = bytes / UNIT, large = bytes / LARGEST;
    *blocks = (struct blocks){.memory = memory, .arena_bytes = bytes};
    blocks->tables_bytes = units * (2 * sizeof(uint32_t) + 1) + large;
    blocks->arena = zsip_memory_reserve(memory, bytes);
    blocks->nexts = zsip_memory_reserve(memory, blocks->tables_bytes);
    if (blocks->arena == NULL || blocks->nexts == NULL) {
        zsip_blocks_destroy(blocks);
        return ZSIP_ERROR_MEMORY;
    }
    blocks->prevs = blocks->nexts + units;
    blocks->orders = (uint8_t *)(blocks->prevs + units);
    blocks->touched = blocks->orders + units;
    for (unsigned i = 0; i < BLOCK_ORDERS; i++)
        blocks->heads[i] = NONE;
    /* The first comes out first. */
    for (size_t i = large; i-- > 0;)
        list_push(blocks, (uint32_t)(i * (LARGEST / UNIT)), BLOCK_ORDER_MAX);
    return ZSIP_OK;
}

void zsip_blocks_destroy(struct blocks *blocks)
{
    zsip_memory_unreserve(blocks->memory, blocks->arena, blocks->arena_bytes);
    zsip_memory_unreserve(blocks->memory, blocks->nexts, blocks->tables_bytes);
    blocks->arena = NULL;
    blocks->nexts = NULL;
}

/* ---- Taking and giving ----------------------------------------------------------------------- */

void *zsip_blocks_take(struct blocks *blocks, size_t bytes, uint32_t *taken_bytes)
{
    unsigned wanted = BLOCK_ORDER_MIN, order;
    while (wanted <= BLOCK_ORDER_MAX && (size_t)1 << wanted < bytes)
        wanted++;
    for (order = wanted; order <= BLOCK_ORDER_MAX; order++)
        if (blocks->heads[order - BLOCK_ORDER_MIN] != NONE)
            break;
    if (order > BLOCK_ORDER_MAX)
        return NULL;
    uint32_t unit = blocks->heads[order - BLOCK_ORDER_MIN];
    list_remove(blocks, unit, order);
    while (order > wanted) {
        order--;
        list_push(blocks, unit + (1u << (order - BLOCK_ORDER_MIN)), order);
    }
    blocks->orders[unit] = (uint8_t)wanted;
    blocks->touched[unit / (LARGEST / UNIT)] = 1;
    blocks->used_bytes += (size_t)1 << wanted;
    *taken_bytes = 1u << wanted;
    return blocks->arena + unit * UNIT;
}

void zsip_blocks_give(struct blocks *blocks, void *block)
{
    size_t offset = (size_t)((uint8_t *)block - blocks->arena);
    uint32_t unit = (uint32_t)(offset / UNIT);
    unsigned order = blocks->orders[unit];
    ZSIP_ASSERT(offset < blocks->arena_bytes && offset % UNIT == 0 && order >= BLOCK_ORDER_MIN &&
                (order & FREE) == 0);
    blocks->used_bytes -= (size_t)1 << order;
    for (; order < BLOCK_ORDER_MAX; order++) {
        uint32_t buddy = unit ^ 1u << (order - BLOCK_ORDER_MIN);
        if (blocks->orders[buddy] != (order | FREE))
            break;
        list_remove(blocks, buddy, order);
        blocks->orders[buddy > unit ? buddy : unit] = 0;
        unit = buddy < unit ? buddy : unit;
    }
    list_push(blocks, unit, order);
}

void zsip_blocks_trim(struct blocks *blocks)
{
    uint32_t unit = blocks->heads[BLOCK_ORDERS - 1];
    if (blocks->memory->discard == NULL)
        return;
    /* The one on top is the one that would be used next: it stays. Bounded by the arena's size. */
    while (unit != NONE) {
        unit = blocks->nexts[unit];
        if (unit == NONE || !blocks->touched[unit / (LARGEST / UNIT)])
            continue;
        blocks->touched[unit / (LARGEST / UNIT)] = 0;
        blocks->memory->discard(blocks->memory->user, blocks->arena + unit * UNIT, LARGEST);
        return;
    }
}
