/* A report as one page of HTML that needs nothing else: no network, no script for what matters. */
#ifndef ZSIP_BENCH_LOAD_HTML_H
#define ZSIP_BENCH_LOAD_HTML_H

#include "run.h"

#include <stdio.h>

#define LOAD_HTML_RUNS_MAX 8u

/* Writes one run, or up to LOAD_HTML_RUNS_MAX side by side. false: no memory; what was written is
 * to be thrown away. */
bool load_html_put(FILE *out, const struct load_run *runs, unsigned count, const char *version);

#endif
