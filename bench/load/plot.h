/* A plot of a page: lines over a common axis as inline SVG that stretches with the page, axes as
 * text that does not, and the values for whoever points at them. */
#ifndef ZSIP_BENCH_LOAD_PLOT_H
#define ZSIP_BENCH_LOAD_PLOT_H

#include "figures.h"

#include <stdio.h>

#define LOAD_PLOT_LINES_MAX 16u
#define LOAD_PLOT_TICKS_MAX 16u

struct load_plot_line {
    char name[32];
    const char *colour;   /* a variable of the style sheet, without its dashes */
    const double *values; /* NAN: nothing there */
    bool area;            /* filled below */
    bool dashed;
    bool thin;
};

struct load_plot_tick {
    double at; /* 0..1 */
    char text[16];
};

struct load_plot {
    const char *label; /* for those who can't see it */
    const char *x_name;
    enum load_figure_unit unit;
    bool logarithmic;
    uint32_t count;
    const double *at;         /* where each value stands, 0..1; NULL: evenly */
    const char *const *names; /* of the values; NULL: step_s times their number is a time */
    uint32_t step_s;
    double warm; /* 0..1: the part on the left that is warmup */
    struct load_plot_line lines[LOAD_PLOT_LINES_MAX];
    unsigned line_count;
    struct load_plot_tick ticks[LOAD_PLOT_TICKS_MAX];
    unsigned tick_count;
};

/* Ticks of an axis of time, evenly cut. */
void load_plot_time(struct load_plot *plot);
void load_plot_put(FILE *out, const struct load_plot *plot);

/* Text as HTML shows it, whatever is in it. */
void load_html_text(FILE *out, const char *text);

#endif
