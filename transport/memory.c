/* The allocator used where a configuration names none, and how any allocator is asked. */
#include "transport/memory.h"

#include "zsip/host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ALIGNMENT = 64,
    /* From here on a mapping: it comes back to the system when released, and what is never touched
     * costs nothing. */
    MAPPED_BYTES_MIN = 128 * 1024,
    PAGE_BYTES = 4096,
};

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static void *map(size_t bytes)
{
    if (bytes == 0 || bytes > SIZE_MAX - PAGE_BYTES)
        return NULL;
    void *memory = mmap(NULL, round_up(bytes, PAGE_BYTES), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(void *user, void *memory, size_t bytes)
{
    (void)user;
    munmap(memory, round_up(bytes, PAGE_BYTES));
}

static void *reserve(void *user, size_t bytes)
{
    (void)user;
    return map(bytes);
}

static void *allocate(void *user, size_t bytes)
{
    (void)user;
    if (bytes >= MAPPED_BYTES_MIN)
        return map(bytes);
    return aligned_alloc(ALIGNMENT, round_up(bytes > 0 ? bytes : 1, ALIGNMENT));
}

static void release(void *user, void *memory, size_t bytes)
{
    if (bytes >= MAPPED_BYTES_MIN)
        unmap(user, memory, bytes);
    else
        free(memory);
}

static void discard(void *user, void *memory, size_t bytes)
{
    (void)user;
    madvise(memory, bytes, MADV_DONTNEED);
}

/* Where large pages are off this fails, and all stays as it is. */
static void scattered(void *user, void *memory, size_t bytes)
{
    (void)user;
    madvise(memory, bytes, MADV_HUGEPAGE);
}

const struct zsip_memory *zsip_memory_default(void)
{
    static const struct zsip_memory memory = {
        .struct_bytes = sizeof(struct zsip_memory),
        .allocate = allocate,
        .release = release,
        .reserve = reserve,
        .unreserve = unmap,
        .discard = discard,
        .scattered = scattered,
    };
    return &memory;
}

/* Headers from before Linux 5.14 lack it. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

bool zsip_memory_populate(void *range, size_t bytes)
{
    return madvise(range, bytes, MADV_POPULATE_WRITE) == 0;
}

void *zsip_memory_reserve(const struct zsip_memory *memory, size_t bytes)
{
    if (memory->reserve != NULL)
        return memory->reserve(memory->user, bytes);
    void *block = memory->allocate(memory->user, bytes);
    if (block != NULL)
        memset(block, 0, bytes);
    return block;
}

void zsip_memory_unreserve(const struct zsip_memory *memory, void *block, size_t bytes)
{
    if (block == NULL)
        return;
    if (memory->reserve != NULL)
        memory->unreserve(memory->user, block, bytes);
    else
        memory->release(memory->user, block, bytes);
}
