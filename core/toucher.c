/* See toucher.h. */
#include "core/toucher.h"

#include "transport/memory.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

/* Ranges of 64 KiB each: 16 MiB ahead of the thread, half a second of growth at a million
 * transactions a second. */
#define RANGES 256u

struct range {
    void *memory;
    size_t bytes;
};

struct toucher {
    struct zsip_memory memory;
    pthread_t thread;
    sem_t filled;
    _Atomic bool stop;
    _Alignas(64) _Atomic uint32_t head; /* the thread's */
    _Alignas(64) _Atomic uint32_t tail; /* the owner's */
    struct range ranges[RANGES];
};

void zsip_touch(void *range, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 4096)
        __atomic_fetch_or((uint8_t *)range + at, 0, __ATOMIC_RELAXED);
}

static void *run(void *argument)
{
    struct toucher *toucher = argument;
    for (;;) {
        while (sem_wait(&toucher->filled) != 0)
            continue;
        if (atomic_load(&toucher->stop))
            return NULL;
        uint32_t head = atomic_load_explicit(&toucher->head, memory_order_relaxed);
        struct range range = toucher->ranges[head % RANGES];
        if (!zsip_memory_populate(range.memory, range.bytes))
            zsip_touch(range.memory, range.bytes);
        atomic_store_explicit(&toucher->head, head + 1, memory_order_release);
    }
}

enum zsip_status zsip_toucher_create(const struct zsip_memory *memory, struct toucher **toucher)
{
    *toucher = NULL;
    struct toucher *made = memory->allocate(memory->user, sizeof(*made));
    if (made == NULL)
        return ZSIP_ERROR_MEMORY;
    made->memory = *memory;
    atomic_init(&made->stop, false);
    atomic_init(&made->head, 0);
    atomic_init(&made->tail, 0);
    sem_init(&made->filled, 0, 0);
    if (pthread_create(&made->thread, NULL, run, made) != 0) {
        sem_destroy(&made->filled);
        memory->release(memory->user, made, sizeof(*made));
        return ZSIP_ERROR_SYSTEM;
    }
    *toucher = made;
    return ZSIP_OK;
}

void zsip_toucher_destroy(struct toucher *toucher)
{
    if (toucher == NULL)
        return;
    struct zsip_memory memory = toucher->memory;
    atomic_store(&toucher->stop, true);
    sem_post(&toucher->filled);
    pthread_join(toucher->thread, NULL);
    sem_destroy(&toucher->filled);
    memory.release(memory.user, toucher, sizeof(*toucher));
}

bool zsip_toucher_touch(struct toucher *toucher, void *range, size_t bytes)
{
    uint32_t tail = atomic_load_explicit(&toucher->tail, memory_order_relaxed);
    if (tail - atomic_load_explicit(&toucher->head, memory_order_acquire) == RANGES)
        return false;
    toucher->ranges[tail % RANGES] = (struct range){.memory = range, .bytes = bytes};
    atomic_store_explicit(&toucher->tail, tail + 1, memory_order_relaxed);
    sem_post(&toucher->filled); /* a system call only where the thread sleeps */
    return true;
}
