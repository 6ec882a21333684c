/* The files of a run: a line a second in CSV and in HdrHistogram's log as the run goes on, so that
 * one that is killed leaves what it had; JSON at the end. */
#ifndef ZSIP_BENCH_LOAD_OUTPUT_H
#define ZSIP_BENCH_LOAD_OUTPUT_H

#include "json.h"

#include <stdio.h>

struct load_output {
    FILE *csv;  /* NULL: none; not closed by this */
    FILE *hlog; /* as csv */
    bool keep;  /* each second's latencies for load_json() */
    int64_t started_utc_us;
    char **latencies;
    uint32_t latencies_count;
    uint32_t latencies_room;
};

/* What stands above the lines; started_utc_us as load_started_utc_us() says. */
void load_output_begin(struct load_output *output, int64_t started_utc_us);
/* A load_second_told; user is a struct load_output. */
void load_output_second(void *user, uint32_t index, const struct load_second *second,
                        const struct load_histogram *latency);
void load_output_drop(struct load_output *output);

#endif
