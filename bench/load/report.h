/* What a run says: live lines, the summary, JSON. */
#ifndef ZSIP_BENCH_LOAD_REPORT_H
#define ZSIP_BENCH_LOAD_REPORT_H

#include "load.h"

#include <jansson.h>
#include <stdio.h>

/* One line for second number index. */
void load_report_second(FILE *out, uint32_t index, const struct load_second *second);

void load_report_summary(FILE *out, const struct load_config *config,
                         const struct load_result *result);

/* The same as data, with the configuration, the machine and the series of seconds; a new reference.
 * Keys say their unit; counters are those of LOAD_COUNTER_MAP. NULL: no memory. */
json_t *load_report_json(struct load *load, const struct load_config *config,
                         const struct load_result *result);

/* Processor, cores, kernel: a figure means nothing without. A new reference. */
json_t *load_machine_json(void);

#endif
