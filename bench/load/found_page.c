/* Searches as a page: what was found, latency by rate, how it was found, every probe. */
#include "found_parts.h"

#include "html_parts.h"
#include "plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TICKS 5u

/* Probes of one search, by their rate. */
struct probes {
    const json_t **by_rate;
    double *at, *p50, *p99, *failed, *rates;
    const char **names;
    char (*texts)[48];
    uint32_t count;
};

static double number_of(const json_t *probe, const char *key)
{
    return json_number_value(json_object_get(probe, key));
}

static int compare(const void *a, const void *b)
{
    double left = number_of(*(const json_t *const *)a, "rate_per_s");
    double right = number_of(*(const json_t *const *)b, "rate_per_s");

    return (left > right) - (left < right);
}

static void probes_drop(struct probes *probes)
{
    free(probes->by_rate);
    free(probes->at);
    free(probes->p50);
    free(probes->p99);
    free(probes->failed);
    free(probes->rates);
    free(probes->names);
    free(probes->texts);
}

static bool probes_make(struct probes *probes, const struct load_found *found)
{
    json_t *list = json_object_get(found->root, "probes"), *probe;
    size_t i, room = json_array_size(list) + 1;

    *probes = (struct probes){.count = (uint32_t)json_array_size(list)};
    probes->by_rate = calloc(room, sizeof(const json_t *));
    probes->at = calloc(room, sizeof *probes->at);
    probes->p50 = calloc(room, sizeof *probes->p50);
    probes->p99 = calloc(room, sizeof *probes->p99);
    probes->failed = calloc(room, sizeof *probes->failed);
    probes->rates = calloc(room, sizeof *probes->rates);
    probes->names = calloc(room, sizeof *probes->names);
    probes->texts = calloc(room, sizeof *probes->texts);
    if (probes->by_rate == NULL || probes->at == NULL || probes->p50 == NULL ||
        probes->p99 == NULL || probes->failed == NULL || probes->rates == NULL ||
        probes->names == NULL || probes->texts == NULL)
        return false;
    json_array_foreach(list, i, probe)
    {
        probes->by_rate[i] = probe;
        probes->rates[i] = number_of(probe, "rate_per_s");
    }
    qsort(probes->by_rate, probes->count, sizeof(const json_t *), compare);
    return true;
}

/* ---- Latency by rate ------------------------------------------------------------------------- */

static void rate_ticks(struct load_plot *plot, double least, double most)
{
    for (unsigned i = 0; i < TICKS; i++) {
        struct load_plot_tick *tick = &plot->ticks[plot->tick_count++];

        tick->at = i / (TICKS - 1.0);
        snprintf(tick->text, sizeof tick->text, "%.15s",
                 load_figure_text(LOAD_FIGURE_RATE, least + (most - least) * tick->at).text);
    }
}

static void line_add(struct load_plot *plot, const char *name, const char *colour,
                     const double *values)
{
    struct load_plot_line *line = &plot->lines[plot->line_count++];

    *line = (struct load_plot_line){.colour = colour, .values = values};
    snprintf(line->name, sizeof line->name, "%s", name);
}

static void put_latency(FILE *out, struct probes *probes)
{
    struct load_plot plot = {.label = "Latency by rate; the table below has its values",
                             .unit = LOAD_FIGURE_US,
                             .logarithmic = true,
                             .x_name = "offered",
                             .count = probes->count};
    double least = number_of(probes->by_rate[0], "rate_per_s");
    double most = number_of(probes->by_rate[probes->count - 1], "rate_per_s");

    for (uint32_t i = 0; i < probes->count; i++) {
        const json_t *probe = probes->by_rate[i];
        double rate = number_of(probe, "rate_per_s"), p99 = number_of(probe, "p99_us");
        bool met = strcmp(json_string_value(json_object_get(probe, "outcome")), "met") == 0;

        probes->at[i] = most > least ? (rate - least) / (most - least) : 0;
        probes->p50[i] = p99 > 0 ? number_of(probe, "p50_us") : NAN;
        probes->p99[i] = p99 > 0 ? p99 : NAN;
        probes->failed[i] = met || p99 <= 0 ? NAN : p99;
        snprintf(probes->texts[i], sizeof probes->texts[i], "%s %s",
                 load_figure_text(LOAD_FIGURE_RATE, rate).text, met ? "met" : "missed");
        probes->names[i] = probes->texts[i];
    }
    plot.at = probes->at;
    plot.names = probes->names;
    rate_ticks(&plot, least, most);
    line_add(&plot, "median", "s0", probes->p50);
    line_add(&plot, "p99", "s1", probes->p99);
    line_add(&plot, "p99, missed", "bad", probes->failed);
    fputs("<h2>Latency by rate</h2>\n<p class=\"about\">A point a probe, from the moment a request "
          "should have left. The axis of latency is logarithmic.</p>\n",
          out);
    load_plot_put(out, &plot);
}

/* ---- The search ------------------------------------------------------------------------------ */

static void put_search(FILE *out, struct probes *probes)
{
    struct load_plot plot = {.label = "The rates that were tried, in their order",
                             .unit = LOAD_FIGURE_RATE,
                             .x_name = "probe",
                             .count = probes->count};

    for (uint32_t i = 0; i < probes->count; i++) {
        snprintf(probes->texts[i], sizeof probes->texts[i], "probe %u", i + 1);
        probes->names[i] = probes->texts[i];
        if (probes->count > 1 && (i % (probes->count / 8 + 1) == 0)) {
            struct load_plot_tick *tick = &plot.ticks[plot.tick_count++];

            tick->at = i / (probes->count - 1.0);
            snprintf(tick->text, sizeof tick->text, "%u", i + 1);
        }
    }
    plot.names = probes->names;
    line_add(&plot, "tried", "s0", probes->rates);
    fputs("<h2>The search</h2>\n<p class=\"about\">Doubled until the objectives were missed, then "
          "halved in between, several times.</p>\n",
          out);
    load_plot_put(out, &plot);
}

static void put_probes(FILE *out, const struct load_found *found)
{
    static const struct {
        const char *key;
        enum load_figure_unit unit;
    } columns[] = {
        {"rate_per_s", LOAD_FIGURE_RATE},     {"sent", LOAD_FIGURE_COUNT},
        {"p50_us", LOAD_FIGURE_US},           {"p99_us", LOAD_FIGURE_US},
        {"max_us", LOAD_FIGURE_US},           {"loss", LOAD_FIGURE_SHARE},
        {"retransmitted", LOAD_FIGURE_SHARE},
    };
    json_t *probe;
    size_t i;

    fputs("<div class=\"wide\"><table class=\"full\"><thead><tr><th>probe</th><th>offered</th>"
          "<th>sent</th><th>median</th><th>p99</th><th>longest</th><th>never answered</th>"
          "<th>sent again</th><th class=\"left\">outcome</th></tr></thead><tbody>\n",
          out);
    json_array_foreach(json_object_get(found->root, "probes"), i, probe)
    {
        const char *missed = load_found_missed(probe);

        fprintf(out, "<tr><th scope=\"row\">%zu</th>", i + 1);
        for (unsigned column = 0; column < sizeof columns / sizeof columns[0]; column++)
            fprintf(
                out, "<td>%s</td>",
                load_figure_text(columns[column].unit, number_of(probe, columns[column].key)).text);
        fprintf(out, "<td class=\"left\">%s",
                missed[0] == '\0'                 ? "met"
                : strncmp(missed, "void", 4) == 0 ? ""
                                                  : "missed: ");
        load_html_text(out, missed);
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

/* ---- The page -------------------------------------------------------------------------------- */

static void put_command(FILE *out, const struct load_found *found)
{
    json_t *command = json_object_get(found->root, "command"), *word;
    size_t i;

    fputs("<pre>", out);
    json_array_foreach(command, i, word)
    {
        fputs(i > 0 ? " " : "", out);
        load_html_text(out, json_string_value(word));
    }
    fputs("</pre>\n", out);
}

static void put_top(FILE *out, const struct load_found *found, unsigned index, unsigned count)
{
    bool found_one = json_object_get(found->root, "maximum_per_s") != NULL;
    char headline[300];

    fputs("<p class=\"when\">", out);
    if (count > 1)
        fprintf(out, "<span class=\"mark\">%c</span> ", 'A' + (int)index);
    load_html_text(out, found->file);
    fputs(", ", out);
    load_html_text(out, load_found_text(found, NULL, "started"));
    fputs(", from ", out);
    load_html_text(out, load_found_text(found, "machine", "host"));
    load_found_headline(found, headline, sizeof headline);
    fprintf(out,
            "</p>\n<div class=\"verdict%s\" role=\"note\"><p><span class=\"mark\">%s</span></p><p>",
            found_one ? "" : " bad", headline);
    load_html_text(out, load_found_text(found, NULL, "slo"));
    fputs("</p></div>\n", out);
}

static bool put_found(FILE *out, const struct load_found *found, unsigned index, unsigned count)
{
    struct probes probes;
    bool good = probes_make(&probes, found);

    if (good) {
        put_top(out, found, index, count);
        if (probes.count > 0) {
            put_latency(out, &probes);
            put_search(out, &probes);
        }
        put_probes(out, found);
        put_command(out, found);
    }
    probes_drop(&probes);
    return good;
}

bool load_found_page(FILE *out, const struct load_found *found, unsigned count, const char *version)
{
    bool good = true;

    load_html_open(out);
    fputs("Highest rate of ", out);
    load_html_text(out, load_found_text(&found[0], "config", "remote"));
    load_html_begin(out);
    fputs("<header>\n<p class=\"brand\">zsip load --find-max</p>\n<h1>", out);
    if (count > 1)
        fprintf(out, "%u searches side by side", count);
    else
        fputs("The highest rate", out);
    fputs("</h1>\n</header>\n", out);
    for (unsigned i = 0; i < count; i++)
        good = put_found(out, &found[i], i, count) && good;
    load_html_close(out, version);
    return good && ferror(out) == 0;
}
