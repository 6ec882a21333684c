/* Numbers for Prometheus: a small HTTP server on a thread of its own, and the text format it
 * speaks. The workers are not asked: what they count is read as they count it. */
#ifndef ZSIP_BENCH_LOAD_METRICS_H
#define ZSIP_BENCH_LOAD_METRICS_H

#include "load.h"
#include "slo.h"

#include <stdio.h>

/* Writes all metrics, on the server's thread. */
typedef void (*load_metrics_write)(void *user, FILE *out);

struct load_metrics;

/* Serves GET /metrics. *bound becomes the address; port 0 takes a free one. false: error holds one
 * line. */
bool load_metrics_start(struct load_metrics **metrics, const struct zsip_address *address,
                        load_metrics_write write, void *user, struct zsip_address *bound,
                        char *error, size_t error_bytes);
/* NULL is allowed. Afterwards write is not called any more. */
void load_metrics_stop(struct load_metrics *metrics);

/* ---- The format, one metric each ------------------------------------------------------------- */

void load_metric_counter(FILE *out, const char *name, const char *help, uint64_t value);
void load_metric_gauge(FILE *out, const char *name, const char *help, double value);
/* Latencies in seconds, cut into buckets from 50 us to 50 s. */
void load_metric_histogram(FILE *out, const char *name, const char *help,
                           const struct load_histogram *histogram);
/* This process: CPU time, memory, start; and the version. */
void load_metric_process(FILE *out, const char *version);
/* What an endpoint and a ring have counted, names beginning with prefix. */
void load_metric_stats(FILE *out, const char *prefix, const struct zsip_endpoint_stats *endpoint,
                       const struct zsip_worker_stats *ring);
/* A run: its counters, answers by status code and latencies. */
void load_metric_run(FILE *out, const struct load_now *now, const struct load_histogram *latency);
/* Whether the objectives are met by what is known so far, 1 or 0 each. Those of the uncorrected
 * latency and of what was lost are known at the end only: they are left out. arrival_s: how long
 * requests have been sent. */
void load_metric_objectives(FILE *out, const struct load_slo *slo, const struct load_now *now,
                            const struct load_histogram *latency, double arrival_s);

#endif
