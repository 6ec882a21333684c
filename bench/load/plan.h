/* When the arrivals of an open loop are due: a function of their number alone, so that a plan can
 * be checked without a clock and latency can be counted from when a request should have left. */
#ifndef ZSIP_BENCH_LOAD_PLAN_H
#define ZSIP_BENCH_LOAD_PLAN_H

#include <stdint.h>

/* The arrivals 0, 1, 2 ... of a run are dealt to its workers in turn: worker w of n takes the
 * numbers w, w + n, w + 2n ... */
struct load_plan {
    double rate;      /* arrivals a second of the whole run, > 0 */
    uint32_t worker;  /* 0..workers - 1 */
    uint32_t workers; /* >= 1 */
};

/* When this worker's arrival number index is due, ns after the start of the run. */
uint64_t load_plan_due_ns(const struct load_plan *plan, uint64_t index);

/* How many arrivals of this worker are due before end_ns, a time after the start. */
uint64_t load_plan_count(const struct load_plan *plan, uint64_t end_ns);

/* This worker's part of a number that is dealt out evenly, the remainder to the first workers. */
uint64_t load_share(uint64_t total, uint32_t worker, uint32_t workers);

#endif
