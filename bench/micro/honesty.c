/* What the load generator's bookkeeping costs a request: its place in the plan, what is recorded
 * about its send and its answer. The rest of a request is measured by ./dev bench load.
 *
 * usage: bench-honesty      prints ns a request */
#include "bench/load/histogram.h"
#include "bench/load/plan.h"

#include <stdio.h>
#include <time.h>

#define REQUESTS 20000000u

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(void)
{
    static struct load_histogram latency, from_send, interval, lag;
    static struct load_plan plan;
    struct load_schedule schedule;
    uint64_t begin_ns, drawn = 1, counters[4] = {0};

    load_schedule_constant(&schedule, 250000);
    load_plan_init(&plan, &schedule, 0, 0, 1);
    load_histogram_clear(&latency);
    load_histogram_clear(&from_send);
    load_histogram_clear(&interval);
    load_histogram_clear(&lag);
    begin_ns = now_ns();
    for (uint32_t i = 0; i < REQUESTS; i++) {
        uint64_t us;

        drawn = drawn * 6364136223846793005u + 1442695040888963407u;
        us = (drawn >> 33) % 500; /* as spread as a busy server's */
        load_plan_next(&plan);
        load_histogram_record(&lag, us / 16);
        load_histogram_record(&latency, us);
        load_histogram_record(&interval, us);
        load_histogram_record(&from_send, us);
        counters[us & 3]++;
    }
    printf("%.2f\n", (double)(now_ns() - begin_ns) / REQUESTS +
                         (plan.due_ns + latency.total + counters[0] == 0 ? 1 : 0));
    return 0;
}
