/* What a worker writes down once a second, and where its measurement begins. */
#include "worker.h"

#include <string.h>
#include <time.h>

uint64_t load_worker_cpu_ns(void)
{
    struct timespec spent;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) != 0)
        return 0;
    return (uint64_t)spent.tv_sec * ZSIP_NS_PER_S + (uint64_t)spent.tv_nsec;
}

void load_worker_before(const struct load_worker *worker, uint64_t now_ns, struct load_before *out)
{
    out->time_ns = now_ns;
    out->cpu_ns = load_worker_cpu_ns();
    out->endpoint.struct_bytes = sizeof out->endpoint;
    out->ring.struct_bytes = sizeof out->ring;
    zsip_endpoint_stats(worker->endpoint, &out->endpoint);
    zsip_worker_stats(worker->zsip, &out->ring);
}

/* ---- Seconds --------------------------------------------------------------------------------- */

static uint64_t counter(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void totals(const struct load_worker *worker, struct load_second *out)
{
    const struct load_shared_counters *counters = &worker->counters;
    struct zsip_endpoint_stats stats = {.struct_bytes = sizeof stats};

    zsip_endpoint_stats(worker->endpoint, &stats);
    *out = (struct load_second){
        .sent = counter(&counters->sent),
        .answered = counter(&counters->answered_2xx) + counter(&counters->answered_3xx) +
                    counter(&counters->answered_4xx) + counter(&counters->answered_5xx) +
                    counter(&counters->answered_6xx),
        .failed = counter(&counters->timed_out) + counter(&counters->unreachable),
        .late = counter(&counters->answered_late),
        .retransmitted = stats.retransmissions_out,
        .pending = load_worker_pending(worker),
        .cpu_us = load_worker_cpu_ns() / ZSIP_NS_PER_US,
    };
}

/* Into the row of the series: what grew. */
static void second_fill(const struct load_worker *worker, const struct load_second *now,
                        struct load_second *row)
{
    const struct load_second *before = &worker->totals_before;

#define X(name, text) row->name = now->name - before->name;
    LOAD_SECOND_SUM_MAP(X)
#undef X
    row->pending = now->pending;
    row->lag_us = worker->lag_max_ns / ZSIP_NS_PER_US;
    row->warmup = worker->second_end_ns <= worker->measure_ns;
}

static void second_close(struct load_worker *worker)
{
    uint32_t count = atomic_load_explicit(&worker->series_count, memory_order_relaxed);
    struct load_second now;

    totals(worker, &now);
    if (count < worker->series_max) {
        second_fill(worker, &now, &worker->series[count]);
        /* Before the count: who sees the second finds its latencies. */
        load_intervals_close(&worker->intervals, count);
        atomic_store_explicit(&worker->series_count, count + 1, memory_order_release);
    }
    worker->totals_before = now;
    worker->lag_max_ns = 0;
}

/* Anything since the second began. */
static bool happened(const struct load_worker *worker)
{
    struct load_second now;

    totals(worker, &now);
    return now.sent != worker->totals_before.sent ||
           now.answered != worker->totals_before.answered ||
           now.failed != worker->totals_before.failed;
}

void load_worker_seconds(struct load_worker *worker, uint64_t now_ns, bool whole)
{
    /* As many as the clock has gone on since the last turn. */
    for (; now_ns >= worker->second_end_ns; worker->second_end_ns += ZSIP_NS_PER_S)
        second_close(worker);
    if (whole && happened(worker))
        second_close(worker);
}

/* ---- The measurement ------------------------------------------------------------------------- */

void load_worker_measure(struct load_worker *worker, uint64_t now_ns)
{
    uint64_t warmup = counter(&worker->counters.sent);

    worker->counted_ns = worker->measure_ns;
    load_worker_before(worker, now_ns, &worker->before);
    if (warmup > 0) {
#define X(name, text) atomic_store_explicit(&worker->counters.name, 0, memory_order_relaxed);
        LOAD_COUNTER_MAP(X)
#undef X
        load_count(&worker->counters.warmup, warmup);
        load_histogram_clear(&worker->latency);
        load_histogram_clear(&worker->from_send);
        load_histogram_clear(&worker->send_lag);
        load_histogram_clear(&worker->held);
        load_histogram_clear(&worker->one_way);
        load_histogram_clear(worker->intervals.current);
        memset(worker->answered_by_sends, 0, sizeof worker->answered_by_sends);
        for (unsigned i = 0; i < LOAD_STATUS_MAX; i++)
            atomic_store_explicit(&worker->status[i], 0, memory_order_relaxed);
    }
    totals(worker, &worker->totals_before);
    worker->lag_max_ns = 0;
    if (worker->config->count > 0)
        worker->arrivals_max =
            worker->arrivals_warm +
            load_share(worker->config->count, worker->index, worker->config->workers);
}
