/* Who was the limit of a run: the generator itself, the way to the server, the server, the rules
 * that the run keeps, or nobody. A function of what was measured. */
#ifndef ZSIP_BENCH_LOAD_VERDICT_H
#define ZSIP_BENCH_LOAD_VERDICT_H

#include "load.h"

#include <stdio.h>

void load_verdict_find(const struct load_config *config, const struct load_result *result,
                       struct load_verdict *out);
/* "the server" */
const char *load_limit_text(enum load_limit limit);
/* One word for programs: "generator", "server" ... */
const char *load_limit_key(enum load_limit limit);

/* For the summary: a line before everything else if the run is tainted, and the verdict. */
void load_verdict_headline(FILE *out, const struct load_result *result);
void load_verdict_print(FILE *out, const struct load_result *result);
/* How many sends it took: answered at the first, after E1, E2 ..., Timer F. */
void load_verdict_sends(FILE *out, const struct load_config *config,
                        const struct load_result *result);
/* Of a run with both ends: what became of what was sent. */
void load_verdict_delivered(FILE *out, const struct load_result *result);
/* Requests that were accepted (2xx) and never came. */
uint64_t load_verdict_lost(const struct load_result *result);

#endif
