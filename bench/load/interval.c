#include "interval.h"

#include <stdlib.h>

bool load_intervals_create(struct load_intervals *intervals)
{
    intervals->ring = calloc(LOAD_INTERVALS, sizeof *intervals->ring);
    if (intervals->ring == NULL)
        return false;
    for (unsigned i = 0; i < LOAD_INTERVALS; i++)
        load_histogram_clear(&intervals->ring[i].histogram);
    intervals->current = &intervals->ring[0].histogram;
    return true;
}

void load_intervals_destroy(struct load_intervals *intervals)
{
    free(intervals->ring);
}

void load_intervals_close(struct load_intervals *intervals, uint32_t second)
{
    uint32_t handed = atomic_load_explicit(&intervals->handed, memory_order_relaxed);

    intervals->ring[handed % LOAD_INTERVALS].second = second;
    /* The next one must have been given back, cleared. */
    if (handed + 1 - atomic_load_explicit(&intervals->taken, memory_order_acquire) ==
        LOAD_INTERVALS)
        return;
    atomic_store_explicit(&intervals->handed, handed + 1, memory_order_release);
    intervals->current = &intervals->ring[(handed + 1) % LOAD_INTERVALS].histogram;
}

static void take(struct load_histogram *from, struct load_histogram *to)
{
    if (from->total == 0)
        return;
    load_histogram_add(to, from);
    load_histogram_clear(from);
}

void load_intervals_take(struct load_intervals *intervals, uint32_t second,
                         struct load_histogram *to)
{
    uint32_t handed = atomic_load_explicit(&intervals->handed, memory_order_acquire);
    uint32_t taken = atomic_load_explicit(&intervals->taken, memory_order_relaxed);

    for (; taken != handed; taken++) {
        struct load_interval *interval = &intervals->ring[taken % LOAD_INTERVALS];

        if (interval->second > second)
            break;
        take(&interval->histogram, to);
        atomic_store_explicit(&intervals->taken, taken + 1, memory_order_release);
    }
}

void load_intervals_rest(struct load_intervals *intervals, struct load_histogram *to)
{
    load_intervals_take(intervals, UINT32_MAX, to);
    take(intervals->current, to);
}
