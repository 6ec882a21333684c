/* What a run says to people: live lines and the summary. */
#ifndef ZSIP_BENCH_LOAD_REPORT_H
#define ZSIP_BENCH_LOAD_REPORT_H

#include "load.h"

#include <stdio.h>

/* One line for second number index. */
void load_report_second(FILE *out, uint32_t index, const struct load_second *second);

void load_report_summary(FILE *out, const struct load_config *config,
                         const struct load_result *result);

#endif
