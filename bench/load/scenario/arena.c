/* Memory of a scenario, given back as a whole. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    uint64_t data[];
};

struct scenario_arena {
    struct block *blocks;
};

struct scenario_arena *scenario_arena_create(void)
{
    return calloc(1, sizeof(struct scenario_arena));
}

void scenario_arena_destroy(struct scenario_arena *arena)
{
    while (arena != NULL && arena->blocks != NULL) {
        struct block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
    free(arena);
}

void *scenario_arena_take(struct scenario_arena *arena, size_t bytes)
{
    struct block *block = calloc(1, sizeof *block + bytes);

    if (block == NULL)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

char *scenario_arena_copy(struct scenario_arena *arena, const char *text, size_t bytes)
{
    char *copy = scenario_arena_take(arena, bytes + 1);

    if (copy != NULL && bytes > 0)
        memcpy(copy, text, bytes);
    return copy;
}
