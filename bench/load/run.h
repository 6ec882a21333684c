/* A run read back from its JSON: checked once, so that whoever shows or merges it need not. */
#ifndef ZSIP_BENCH_LOAD_RUN_H
#define ZSIP_BENCH_LOAD_RUN_H

#include "load.h"
#include "slo.h"

#include <jansson.h>

/* A ten-minute run has about one megabyte. */
#define LOAD_RUN_BYTES_MAX (512u << 20)

enum load_run_histogram {
    LOAD_RUN_LATENCY,
    LOAD_RUN_FROM_SEND,
    LOAD_RUN_SEND_LAG,
    LOAD_RUN_HELD,
    LOAD_RUN_ONE_WAY, /* of a run with both ends; else empty, and not in the JSON */
    LOAD_RUN_HISTOGRAMS,
};

struct load_run {
    const char *file; /* as given; lives with the caller */
    json_t *root;
    int64_t started_utc_us;
    struct load_histogram *histograms; /* LOAD_RUN_HISTOGRAMS */
    struct load_second *seconds;
    uint32_t seconds_count;
};

/* The key of a histogram in the JSON. */
const char *load_run_histogram_key(enum load_run_histogram which);

/* Reads a document, "-" is standard input. A new reference; NULL: error says file, place and what.
 */
json_t *load_run_open(const char *file, char *error, size_t error_bytes);
/* The same, and takes the run that it is. false: error says file, place and what. */
bool load_run_read(const char *file, struct load_run *run, char *error, size_t error_bytes);
/* The same from a document, whose reference it takes; name stands for the file. */
bool load_run_take(json_t *root, const char *name, struct load_run *run, char *error,
                   size_t error_bytes);
void load_run_drop(struct load_run *run);

/* A member's member as a number, 0 if there is none. */
double load_run_number(const struct load_run *run, const char *object, const char *key);
uint64_t load_run_counter(const struct load_run *run, const char *key);
/* Final answers of every kind. */
uint64_t load_run_answered(const struct load_run *run);
/* How long requests were sent. */
double load_run_arrival_s(const struct load_run *run);
/* A text member, "" if there is none. */
const char *load_run_text(const struct load_run *run, const char *object, const char *key);
/* The generator was not up to the run: its verdict says so. */
bool load_run_tainted(const struct load_run *run);
/* It had both ends (--register): what became of what was sent is known. */
bool load_run_delivers(const struct load_run *run);
/* The command line, words that need it in quotes; to be freed, NULL: no memory. */
char *load_run_command(const struct load_run *run);

/* The counters, times and histograms as load_result() would have told them; what is not in the JSON
 * is 0. Its pointers live as long as run. */
void load_run_result(const struct load_run *run, struct load_result *out);

/* Writes down what the run is worth by objectives, and so its exit status, which is returned. */
int load_run_judge(const struct load_run *run, const struct load_slo *slo);

/* The objectives that the run was given; false: they can't be read. */
bool load_run_objectives(const struct load_run *run, struct load_slo *out);

/* Latencies of a second; false: the run has none. */
bool load_run_second(const struct load_run *run, uint32_t index, struct load_histogram *out);

#endif
