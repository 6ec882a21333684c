/* The figures of a run that people look at, in the order in which they do: for one run's summary,
 * for several side by side, on a terminal and on a page. */
#ifndef ZSIP_BENCH_LOAD_FIGURES_H
#define ZSIP_BENCH_LOAD_FIGURES_H

#include "format.h"
#include "run.h"

#include <stdio.h>

enum load_figure_unit {
    LOAD_FIGURE_COUNT,
    LOAD_FIGURE_RATE, /* 1/s */
    LOAD_FIGURE_US,
    LOAD_FIGURE_SHARE, /* 0..1, shown in percent */
    LOAD_FIGURE_SECONDS,
    LOAD_FIGURE_BYTES,
};

/* Which change is good news. */
enum load_better {
    LOAD_BETTER_NEITHER,
    LOAD_BETTER_MORE,
    LOAD_BETTER_LESS,
};

struct load_figure {
    const char *group; /* heading; the same one for those that follow each other */
    const char *name;
    enum load_figure_unit unit;
    enum load_better better;
    bool always; /* shown although it is 0 everywhere */
    double (*value)(const struct load_run *run);
};

extern const struct load_figure load_figures[];
extern const unsigned load_figure_count;

/* Whether a figure is worth a row for these runs. */
bool load_figure_shown(const struct load_figure *figure, const struct load_run *runs,
                       unsigned count);
struct load_text load_figure_text(enum load_figure_unit unit, double value);
/* What was measured of an objective in the JSON. */
struct load_text load_objective_text(const json_t *objective);
/* How a value differs from the one before: "+12.3 %", "=", "new". */
struct load_text load_change_text(double before, double now);
/* Whether a change is large enough to be one, and good (1) or bad (-1); else 0. */
int load_change_kind(const struct load_figure *figure, double before, double now);

/* What the runs were not alike in: "config.window: 64, 128", a line each; a list of texts, a new
 * reference. */
json_t *load_differences(const struct load_run *runs, unsigned count);

/* One column a run; with two or more the change against the first. */
void load_figures_print(FILE *out, const struct load_run *runs, unsigned count);

#endif
