/* Parts of the page, in its order. Private to bench/load. */
#ifndef ZSIP_BENCH_LOAD_HTML_PARTS_H
#define ZSIP_BENCH_LOAD_HTML_PARTS_H

#include "run.h"

#include <stdio.h>

/* html.c: a page up to its title, from there to its content, and its end. */
void load_html_open(FILE *out);
void load_html_begin(FILE *out);
void load_html_close(FILE *out, const char *version);

/* html_plots.c: rate and latency over time, latency by percentile, each with its table. false: no
 * memory. */
bool load_html_plots(FILE *out, const struct load_run *runs, unsigned count);

/* html_tables.c: how many sends an answer took; status codes; all figures. */
void load_html_sends(FILE *out, const struct load_run *runs, unsigned count);
void load_html_status(FILE *out, const struct load_run *runs, unsigned count);
void load_html_figures(FILE *out, const struct load_run *runs, unsigned count);

/* html_calls.c: what became of the calls of a scenario, where one was run. */
void load_html_calls(FILE *out, const struct load_run *runs, unsigned count);

/* "<th>A</th>" for each run, with its colour; nothing for a single one but name. */
void load_html_heads(FILE *out, unsigned count, const char *name);

#endif
