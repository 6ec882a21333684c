/* The plots of the page, and their tables. */
#include "html_parts.h"
#include "plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More points than this no screen shows, and no page should carry. */
#define POINTS_MAX 600u

/* Percentiles from 0 to seven nines, evenly on the axis 1 / (1 - p). */
#define STEPS_A_NINE 20u
#define NINES_MAX    7u
#define STEPS_MAX    (STEPS_A_NINE * NINES_MAX + 1)

struct series {
    struct load_second *points;
    uint32_t count;
};

struct page {
    FILE *out;
    const struct load_run *runs;
    unsigned count;
    struct series series[8];
    uint32_t points; /* of the longest */
    uint32_t step_s; /* that one point stands for */
    double *values;  /* LOAD_PLOT_LINES_MAX times points or STEPS_MAX */
    struct load_histogram *work;
};

/* ---- Seconds to points ----------------------------------------------------------------------- */

static void add(struct load_second *to, const struct load_second *from)
{
#define X(name, text) to->name += from->name;
    LOAD_SECOND_SUM_MAP(X)
#undef X
    /* Where seconds have no histograms the worst one stands for all. */
#define X(name, text) to->name = to->name > from->name ? to->name : from->name;
    LOAD_SECOND_LATENCY_MAP(X)
#undef X
    to->pending = from->pending;
    to->warmup |= from->warmup;
}

static void percentiles(struct load_second *point, const struct load_histogram *latency)
{
    point->p50_us = load_histogram_percentile(latency, 50);
    point->p90_us = load_histogram_percentile(latency, 90);
    point->p99_us = load_histogram_percentile(latency, 99);
    point->p99_9_us = load_histogram_percentile(latency, 99.9);
}

/* Several seconds in one point. */
static void point_of(struct page *page, const struct load_run *run, uint32_t index,
                     struct load_histogram *sum, struct load_second *point)
{
    uint32_t first = index * page->step_s;
    bool exact = true;

    load_histogram_clear(sum);
    for (uint32_t i = first; i < first + page->step_s && i < run->seconds_count; i++) {
        add(point, &run->seconds[i]);
        exact = load_run_second(run, i, page->work) && exact;
        load_histogram_add(sum, page->work);
    }
    if (exact)
        percentiles(point, sum);
}

static bool series_make(struct page *page, unsigned index)
{
    const struct load_run *run = &page->runs[index];
    struct series *series = &page->series[index];
    struct load_histogram *sum;

    series->count = (run->seconds_count + page->step_s - 1) / page->step_s;
    series->points = calloc(series->count + 1, sizeof *series->points);
    sum = malloc(sizeof *sum);
    for (uint32_t i = 0; i < series->count && series->points != NULL && sum != NULL; i++) {
        if (page->step_s == 1)
            series->points[i] = run->seconds[i];
        else
            point_of(page, run, i, sum, &series->points[i]);
    }
    free(sum);
    return series->points != NULL && sum != NULL;
}

static bool page_make(struct page *page)
{
    uint32_t longest = 1;
    size_t room;
    bool good;

    for (unsigned i = 0; i < page->count; i++) {
        if (page->runs[i].seconds_count > longest)
            longest = page->runs[i].seconds_count;
    }
    page->step_s = (longest + POINTS_MAX - 1) / POINTS_MAX;
    page->points = (longest + page->step_s - 1) / page->step_s;
    room = page->points > STEPS_MAX ? page->points : STEPS_MAX;
    page->values = malloc(LOAD_PLOT_LINES_MAX * room * sizeof *page->values);
    page->work = malloc(sizeof *page->work);
    good = page->values != NULL && page->work != NULL;
    for (unsigned i = 0; i < page->count && good; i++)
        good = series_make(page, i);
    return good;
}

static void page_drop(struct page *page)
{
    for (unsigned i = 0; i < page->count; i++)
        free(page->series[i].points);
    free(page->values);
    free(page->work);
}

/* ---- Over time ------------------------------------------------------------------------------- */

enum field { SENT, ANSWERED, FAILED, AGAIN, P50, P90, P99, P99_9, LONGEST };

/* NAN for a latency where nothing was answered. */
static double field_of(const struct page *page, const struct load_second *point, enum field field)
{
    const double step_s = page->step_s;

    switch (field) {
    case SENT:
        return (double)point->sent / step_s;
    case ANSWERED:
        return (double)point->answered / step_s;
    case FAILED:
        return (double)point->failed / step_s;
    case AGAIN:
        return (double)point->retransmitted / step_s;
    default:
        break;
    }
    if (point->answered == 0)
        return NAN;
    switch (field) {
    case P50:
        return (double)point->p50_us;
    case P90:
        return (double)point->p90_us;
    case P99:
        return (double)point->p99_us;
    case P99_9:
        return (double)point->p99_9_us;
    default:
        return (double)point->max_us;
    }
}

/* The next line of a plot over time; its looks are the caller's to change. */
static struct load_plot_line *line_add(struct page *page, struct load_plot *plot, unsigned run,
                                       enum field field, const char *name, const char *colour)
{
    struct load_plot_line *line = &plot->lines[plot->line_count];
    double *values = page->values + (size_t)plot->line_count * page->points;
    const struct series *series = &page->series[run];

    for (uint32_t i = 0; i < page->points; i++)
        values[i] = i < series->count ? field_of(page, &series->points[i], field) : NAN;
    *line = (struct load_plot_line){.colour = colour, .values = values};
    snprintf(line->name, sizeof line->name, "%s", name);
    plot->line_count++;
    return line;
}

static const char *run_colour(unsigned index)
{
    static const char *const colours[] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"};

    return colours[index % 8];
}

static bool any(const struct page *page, enum field field)
{
    for (uint32_t i = 0; i < page->series[0].count; i++) {
        if (field_of(page, &page->series[0].points[i], field) > 0)
            return true;
    }
    return false;
}

static struct load_plot time_plot(const struct page *page, const char *label,
                                  enum load_figure_unit unit)
{
    struct load_plot plot = {
        .label = label,
        .unit = unit,
        .logarithmic = unit == LOAD_FIGURE_US,
        .count = page->points,
        .step_s = page->step_s,
        .x_name = "since the first request",
    };
    uint32_t warm = 0;

    while (warm < page->series[0].count && page->series[0].points[warm].warmup)
        warm++;
    if (page->count == 1 && page->points > 1 && warm > 0)
        plot.warm = fmin(1, warm / (page->points - 1.0));
    load_plot_time(&plot);
    return plot;
}

static void put_rate(struct page *page)
{
    struct load_plot plot =
        time_plot(page, "Rate over time; the table below has its values", LOAD_FIGURE_RATE);
    char name[16];

    fputs("<h2>Rate</h2>\n<p class=\"about\">Requests and final answers a second.</p>\n",
          page->out);
    if (page->count == 1) {
        line_add(page, &plot, 0, ANSWERED, "answered", "s0")->area = true;
        line_add(page, &plot, 0, SENT, "sent", "grey")->dashed = true;
        if (any(page, AGAIN))
            line_add(page, &plot, 0, AGAIN, "sent again", "r1");
        if (any(page, FAILED))
            line_add(page, &plot, 0, FAILED, "timed out or unreachable", "bad");
    }
    for (unsigned i = 0; i < page->count && page->count > 1; i++) {
        snprintf(name, sizeof name, "%c answered", 'A' + (int)i);
        line_add(page, &plot, i, ANSWERED, name, run_colour(i));
    }
    load_plot_put(page->out, &plot);
}

static void put_latency(struct page *page)
{
    struct load_plot plot =
        time_plot(page, "Latency over time; the table below has its values", LOAD_FIGURE_US);
    bool open = page->runs[0].histograms[LOAD_RUN_SEND_LAG].total > 0;
    char name[16];

    fprintf(page->out,
            "<h2>Latency</h2>\n<p class=\"about\">Of the answers of each %s, from %s. The axis is "
            "logarithmic.</p>\n",
            page->step_s == 1 ? "second" : "interval",
            open ? "the moment a request should have left" : "the send");
    if (page->count == 1) {
        line_add(page, &plot, 0, LONGEST, "longest", "s3")->thin = true;
        line_add(page, &plot, 0, P99_9, "p99.9", "s2");
        line_add(page, &plot, 0, P99, "p99", "s1");
        line_add(page, &plot, 0, P50, "median", "s0");
    }
    for (unsigned i = 0; i < page->count && page->count > 1; i++) {
        snprintf(name, sizeof name, "%c p99", 'A' + (int)i);
        line_add(page, &plot, i, P99, name, run_colour(i));
        snprintf(name, sizeof name, "%c median", 'A' + (int)i);
        line_add(page, &plot, i, P50, name, run_colour(i))->dashed = true;
    }
    load_plot_put(page->out, &plot);
}

/* ---- By percentile --------------------------------------------------------------------------- */

struct percentile_axis {
    double at[STEPS_MAX];
    char name[STEPS_MAX][16];
    const char *names[STEPS_MAX];
    double percent[STEPS_MAX];
    uint32_t count;
};

/* As far as the requests there were reach: of a thousand, p99.9 is the last. */
static void percentile_axis_make(struct percentile_axis *axis, uint64_t total)
{
    double nines = total < 10 ? 1 : fmin(NINES_MAX, log10((double)total));

    axis->count = (uint32_t)(nines * STEPS_A_NINE) + 1;
    for (uint32_t i = 0; i < axis->count; i++) {
        axis->percent[i] = 100 * (1 - pow(10, -(double)i / STEPS_A_NINE));
        axis->at[i] = i / (axis->count - 1.0);
        snprintf(axis->name[i], sizeof axis->name[i], "p%.*f",
                 i < 20   ? 0
                 : i < 40 ? 1
                          : 4,
                 axis->percent[i]);
        axis->names[i] = axis->name[i];
    }
}

static void percentile_line(struct page *page, struct load_plot *plot,
                            const struct percentile_axis *axis,
                            const struct load_histogram *histogram, const char *name,
                            const char *colour)
{
    struct load_plot_line *line = &plot->lines[plot->line_count];
    double *values = page->values + (size_t)plot->line_count * STEPS_MAX;

    for (uint32_t i = 0; i < axis->count; i++)
        values[i] = histogram->total == 0
                        ? NAN
                        : (double)load_histogram_percentile(histogram, axis->percent[i]);
    *line = (struct load_plot_line){.colour = colour, .values = values};
    snprintf(line->name, sizeof line->name, "%s", name);
    plot->line_count++;
}

static void percentile_ticks(struct load_plot *plot, const struct percentile_axis *axis)
{
    static const char *const names[] = {"p0",     "p90",     "p99",      "p99.9",
                                        "p99.99", "p99.999", "p99.9999", "p99.99999"};

    for (unsigned nine = 0; nine < sizeof names / sizeof names[0]; nine++) {
        double at = (double)nine * STEPS_A_NINE / (axis->count - 1.0);
        struct load_plot_tick *tick = &plot->ticks[plot->tick_count];

        if (at > 1.0001)
            break;
        tick->at = at;
        snprintf(tick->text, sizeof tick->text, "%s", names[nine]);
        plot->tick_count++;
    }
}

/* Not linear where the tail, or the slowest run, would press all the rest into the axis. */
static bool spread(const struct page *page)
{
    uint64_t least_us = UINT64_MAX, most_us = 0;

    for (unsigned i = 0; i < page->count; i++) {
        const struct load_histogram *latency = &page->runs[i].histograms[LOAD_RUN_LATENCY];
        uint64_t median_us = load_histogram_percentile(latency, 50);

        if (latency->total == 0)
            continue;
        least_us = median_us < least_us ? median_us : least_us;
        most_us = latency->max_us > most_us ? latency->max_us : most_us;
    }
    return most_us / 30 > least_us;
}

static void put_percentiles(struct page *page)
{
    static struct percentile_axis axis;
    struct load_plot plot = {.label = "Latency by percentile; the table below has its values",
                             .unit = LOAD_FIGURE_US,
                             .x_name = "requests answered at least as fast"};
    uint64_t total = 0;
    char name[16];

    for (unsigned i = 0; i < page->count; i++) {
        const struct load_histogram *latency = &page->runs[i].histograms[LOAD_RUN_LATENCY];

        total = latency->total > total ? latency->total : total;
    }
    plot.logarithmic = spread(page);
    percentile_axis_make(&axis, total);
    plot.count = axis.count;
    plot.at = axis.at;
    plot.names = axis.names;
    percentile_ticks(&plot, &axis);
    for (unsigned i = 0; i < page->count; i++) {
        const struct load_run *run = &page->runs[i];

        snprintf(name, sizeof name, "%c", 'A' + (int)i);
        percentile_line(page, &plot, &axis, &run->histograms[LOAD_RUN_LATENCY],
                        page->count > 1 ? name : "latency", page->count > 1 ? run_colour(i) : "s0");
        if (page->count == 1 && run->histograms[LOAD_RUN_SEND_LAG].total > 0) {
            percentile_line(page, &plot, &axis, &run->histograms[LOAD_RUN_FROM_SEND],
                            "from the send, uncorrected", "grey");
            plot.lines[plot.line_count - 1].dashed = true;
        }
        if (page->count == 1 && run->histograms[LOAD_RUN_ONE_WAY].total > 0)
            percentile_line(page, &plot, &axis, &run->histograms[LOAD_RUN_ONE_WAY],
                            "one way, to its delivery", "s2");
    }
    fprintf(page->out,
            "<h2>Latency by percentile</h2>\n<p class=\"about\">Each step to the right leaves a "
            "tenth of the requests: how bad the worst of them have it.%s</p>\n",
            plot.logarithmic ? " Both axes are logarithmic." : "");
    load_plot_put(page->out, &plot);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

void load_html_heads(FILE *out, unsigned count, const char *name)
{
    if (count == 1)
        fprintf(out, "<th>%s</th>", name);
    for (unsigned i = 0; i < count && count > 1; i++)
        fprintf(out, "<th><i class=\"swatch\" style=\"--c:var(--%s)\"></i>%c</th>", run_colour(i),
                'A' + (int)i);
}

static void put_percentile_table(const struct page *page)
{
    static const double rows[] = {50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100};
    FILE *out = page->out;
    const struct load_histogram *from_send = &page->runs[0].histograms[LOAD_RUN_FROM_SEND];
    const struct load_histogram *one_way = &page->runs[0].histograms[LOAD_RUN_ONE_WAY];
    bool both = page->count == 1 && page->runs[0].histograms[LOAD_RUN_SEND_LAG].total > 0;
    bool delivers = page->count == 1 && one_way->total > 0;

    fputs("<div class=\"wide\"><table><thead><tr><th>percentile</th>", out);
    load_html_heads(out, page->count, "latency");
    fputs(both ? "<th>from the send</th>" : "", out);
    fputs(delivers ? "<th>one way</th>" : "", out);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        if (rows[at] == 100)
            fputs("<tr><th scope=\"row\">longest</th>", out);
        else
            fprintf(out, "<tr><th scope=\"row\">p%g</th>", rows[at]);
        for (unsigned i = 0; i < page->count; i++)
            fprintf(out, "<td>%s</td>",
                    load_format_us(load_histogram_percentile(
                                       &page->runs[i].histograms[LOAD_RUN_LATENCY], rows[at]))
                        .text);
        if (both)
            fprintf(out, "<td>%s</td>",
                    load_format_us(load_histogram_percentile(from_send, rows[at])).text);
        if (delivers)
            fprintf(out, "<td>%s</td>",
                    load_format_us(load_histogram_percentile(one_way, rows[at])).text);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

static void put_point(FILE *out, const struct load_second *point, bool whole)
{
    if (whole)
        fprintf(out,
                "<td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td>",
                point->sent, point->answered, point->failed, point->retransmitted);
    else
        fprintf(out, "<td>%" PRIu64 "</td>", point->answered);
    if (point->answered == 0) {
        fputs(whole ? "<td></td><td></td><td></td>" : "<td></td>", out);
        return;
    }
    if (whole)
        fprintf(out, "<td>%s</td>", load_format_us(point->p50_us).text);
    fprintf(out, "<td>%s</td>", load_format_us(point->p99_us).text);
    if (whole)
        fprintf(out, "<td>%s</td>", load_format_us(point->max_us).text);
}

/* The same values for those who can't see the plots, or want to copy them. */
static void put_time_table(const struct page *page)
{
    FILE *out = page->out;
    bool whole = page->count == 1;

    fprintf(out,
            "<details><summary>Rate and latency as a table</summary>\n<div class=\"wide\"><table>"
            "<thead><tr><th>%s</th>",
            page->step_s == 1 ? "second" : "from second");
    if (whole)
        fputs("<th>sent</th><th>answered</th><th>failed</th><th>sent again</th><th>median</th>"
              "<th>p99</th><th>longest</th>",
              out);
    for (unsigned i = 0; i < page->count && !whole; i++)
        fprintf(out, "<th>%c answered</th><th>%c p99</th>", 'A' + (int)i, 'A' + (int)i);
    fputs("</tr></thead><tbody>\n", out);
    for (uint32_t at = 0; at < page->points; at++) {
        fprintf(out, "<tr><th scope=\"row\">%" PRIu32 "</th>", at * page->step_s);
        for (unsigned i = 0; i < page->count; i++) {
            if (at < page->series[i].count)
                put_point(out, &page->series[i].points[at], whole);
            else
                fputs("<td></td><td></td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

bool load_html_plots(FILE *out, const struct load_run *runs, unsigned count)
{
    struct page page = {.out = out, .runs = runs, .count = count};
    bool good = page_make(&page);

    if (good) {
        put_rate(&page);
        put_latency(&page);
        put_time_table(&page);
        put_percentiles(&page);
        put_percentile_table(&page);
    }
    page_drop(&page);
    return good;
}
