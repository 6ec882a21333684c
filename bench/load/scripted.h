/* A worker whose requests come from a scenario instead of a template. Private to bench/load. */
#ifndef ZSIP_BENCH_LOAD_SCRIPTED_H
#define ZSIP_BENCH_LOAD_SCRIPTED_H

#include "worker.h"

/* Makes the run; before the endpoint is made. error as in load_create(). */
enum zsip_status load_scripted_create(struct load_worker *worker, uint64_t run, char *error,
                                      size_t error_bytes);
/* What the endpoint needs for it. */
void load_scripted_configure(const struct load_worker *worker,
                             struct zsip_endpoint_config *endpoint);
/* Once the socket is there. */
enum zsip_status load_scripted_bind(struct load_worker *worker, const struct zsip_address *bound,
                                    char *error, size_t error_bytes);
/* Adds this worker's calls to those of the run. */
void load_scripted_result(const struct load_worker *worker, struct load_result *result);

#endif
