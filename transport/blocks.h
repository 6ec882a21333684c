/* Blocks of a power of two bytes out of one arena of fixed size, split and joined in halves: what
 * half messages and unsent answers of all connections stand in. */
#ifndef ZSIP_NET_BLOCKS_H
#define ZSIP_NET_BLOCKS_H

#include "zsip/base.h"

enum {
    BLOCK_ORDER_MIN = 11, /* 2 KiB: a message of ordinary size */
    BLOCK_ORDER_MAX = 20, /* 1 MiB */
    BLOCK_ORDERS = BLOCK_ORDER_MAX - BLOCK_ORDER_MIN + 1,
};

struct blocks {
    const struct zsip_memory *memory;
    uint8_t *arena;
    size_t arena_bytes;
    uint8_t *orders; /* of the block that begins at each unit; FREE bit; 0: none begins there */
    uint32_t *nexts, *prevs; /* free blocks of one order */
    size_t tables_bytes;
    uint32_t heads[BLOCK_ORDERS];
    size_t used_bytes;
    uint8_t *touched; /* whole blocks that may hold memory while free */
};

/* bytes: a multiple of 1 MiB. ERROR_MEMORY. */
enum zsip_status zsip_blocks_create(struct blocks *blocks, const struct zsip_memory *memory,
                                    size_t bytes);
void zsip_blocks_destroy(struct blocks *blocks);

/* A block of at least bytes and its real size; NULL if there is none, or above 1 MiB. */
void *zsip_blocks_take(struct blocks *blocks, size_t bytes, uint32_t *taken_bytes);
void zsip_blocks_give(struct blocks *blocks, void *block);

/* Gives memory of one large block that is free and was used back to the system, if there is one:
 * for a quiet moment, since it costs a syscall, and as much again when the block is used next. */
void zsip_blocks_trim(struct blocks *blocks);

#endif
