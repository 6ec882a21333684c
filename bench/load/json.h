/* A run as data: docs/load.schema.json says what stands where. What reads it again is run.h. */
#ifndef ZSIP_BENCH_LOAD_JSON_H
#define ZSIP_BENCH_LOAD_JSON_H

#include "format.h"
#include "load.h"

#include <jansson.h>

/* The value of "schema". Its number goes up when a key changes its meaning or leaves; keys may come
 * without. */
#define LOAD_JSON_SCHEMA "zsip load 2"

struct load_json {
    struct load *load;
    const struct load_config *config;
    const struct load_result *result;
    const char *version; /* of the program */
    int argc;            /* the command line; secrets in it are not written */
    const char *const *argv;
    /* Of each second the latencies, as load_codec_encode() writes them; NULL: none. */
    char *const *latencies;
    uint32_t latencies_count;
};

/* A new reference; NULL: no memory. */
json_t *load_json(const struct load_json *from);

/* The words of a command line behind "zsip", without what is behind options that take a secret. A
 * new reference. */
json_t *load_command_json(int argc, const char *const *argv);

/* What was asked for. A new reference. */
json_t *load_config_json(const struct load_config *config);

/* Processor, cores, kernel: a figure means nothing without. A new reference. */
json_t *load_machine_json(void);

/* One histogram: figures for the reader, "hdr" for the next program. A new reference. */
json_t *load_histogram_json(const struct load_histogram *histogram);
/* One second; latency is its text, or NULL. A new reference. */
json_t *load_second_json(const struct load_second *second, const char *latency);

/* What became of the objectives, an array; slo may be NULL. A new reference. */
json_t *load_objectives_json(const struct load_slo *slo, const struct load_result *result);

/* "2026-05-01T12:00:00.000Z" */
struct load_text load_utc_text(int64_t utc_us);

#endif
