/* Hands the latencies of each second from a worker's thread to the one that reports, without a lock
 * and without a loss: a few histograms in a ring. The worker records in one of them and hands it
 * over when its second ends; the reader adds it up, clears it and gives it back. A reader that is
 * late costs resolution only: while no histogram is free the worker goes on in the one it has. */
#ifndef ZSIP_BENCH_LOAD_INTERVAL_H
#define ZSIP_BENCH_LOAD_INTERVAL_H

#include "histogram.h"

#include <stdatomic.h>
#include <stdbool.h>

/* One in use, one being read, and two for a reader that looks up only every other second. */
#define LOAD_INTERVALS 4u

struct load_interval {
    struct load_histogram histogram;
    uint32_t second; /* the last one whose latencies it holds */
};

struct load_intervals {
    struct load_interval *ring; /* LOAD_INTERVALS */
    struct load_histogram *current;
    _Atomic uint32_t handed; /* by the worker; both only grow */
    _Atomic uint32_t taken;  /* by the reader */
};

/* false: no memory. */
bool load_intervals_create(struct load_intervals *intervals);
void load_intervals_destroy(struct load_intervals *intervals);

/* The worker's side: hands over what it recorded until the end of this second. */
void load_intervals_close(struct load_intervals *intervals, uint32_t second);

/* The reader's side: adds what was handed over for this second and those before to *to. */
void load_intervals_take(struct load_intervals *intervals, uint32_t second,
                         struct load_histogram *to);
/* When the worker's thread is over: also what could not be handed over. */
void load_intervals_rest(struct load_intervals *intervals, struct load_histogram *to);

#endif
