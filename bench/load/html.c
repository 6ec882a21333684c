/* The page from top to bottom. What is drawn is in html_plots.c. */
#include "html.h"

#include "html_parts.h"
#include "json.h"
#include "page-text.h"
#include "plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put(FILE *out, const char *before, const char *text, const char *after)
{
    fputs(before, out);
    load_html_text(out, text);
    fputs(after, out);
}

/* ---- Top ------------------------------------------------------------------------------------- */

static void put_title(FILE *out, const struct load_run *runs, unsigned count)
{
    if (count > 1) {
        fprintf(out, "%u runs side by side", count);
        return;
    }
    load_html_text(out, load_run_text(&runs[0], "config", "method"));
    fputs(" to ", out);
    load_html_text(out, load_run_text(&runs[0], "config", "remote"));
}

void load_html_open(FILE *out)
{
    /* The policy forbids the page whatever it does not have anyway: every request. */
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          out);
}

void load_html_begin(FILE *out)
{
    fputs(" - zsip load</title>\n<style>\n", out);
    fwrite(page_css, 1, sizeof page_css, out);
    fputs("</style>\n</head>\n<body>\n<main>\n", out);
}

/* "2026-05-01 12:00:00 UTC" */
static void put_when(FILE *out, const struct load_run *run)
{
    const char *started = load_run_text(run, NULL, "started");

    if (strlen(started) > 19)
        fprintf(out, "%.10s %.8s UTC", load_utc_text(run->started_utc_us).text,
                load_utc_text(run->started_utc_us).text + 11);
    fprintf(out, ", %.4g s, ", load_run_arrival_s(run));
    put(out, "from ", load_run_text(run, "machine", "host"), "");
    if (json_array_size(json_object_get(run->root, "merged")) > 1)
        fprintf(out, " and others: %zu runs merged",
                json_array_size(json_object_get(run->root, "merged")));
}

static void put_verdict(FILE *out, const struct load_run *run)
{
    const char *limit = load_run_text(run, "verdict", "limit");
    const char *held = load_run_text(run, "verdict", "held");
    bool tainted = load_run_tainted(run);

    fprintf(out, "<div class=\"verdict%s\" role=\"note\"><p><span class=\"mark\">",
            tainted || held[0] != '\0' ? " bad" : "");
    if (!tainted && held[0] != '\0')
        put(out, "The plan was not kept: ", held, ". ");
    if (tainted)
        fputs("The generator was not up to this run.", out);
    else if (strcmp(limit, "nobody") == 0)
        fputs("Nobody was the limit.", out);
    else
        put(out, "The limit: the ", strcmp(limit, "uris") == 0 ? "target URIs" : limit, ".");
    put(out, "</span></p><p>", load_run_text(run, "verdict", "why"), "</p></div>\n");
}

static void put_objectives(FILE *out, const struct load_run *run)
{
    json_t *objectives = json_object_get(run->root, "objectives"), *one;
    size_t i;

    if (json_array_size(objectives) == 0)
        return;
    fputs("<ul class=\"slo\">", out);
    json_array_foreach(objectives, i, one)
    {
        bool met = json_is_true(json_object_get(one, "met"));
        const char *text = json_string_value(json_object_get(one, "objective"));

        fprintf(out, "<li%s>%s ", met ? "" : " class=\"missed\"", met ? "met" : "missed");
        load_html_text(out, text);
        fprintf(out, ", was %s</li>", load_objective_text(one).text);
    }
    fputs("</ul>\n", out);
}

static void put_tile(FILE *out, const char *name, const char *value)
{
    fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value);
}

static double share_of(const struct load_run *run, uint64_t count)
{
    uint64_t sent = load_run_counter(run, "sent");

    return sent == 0 ? 0 : (double)count / (double)sent;
}

static void put_tiles(FILE *out, const struct load_run *run)
{
    const struct load_histogram *latency = &run->histograms[LOAD_RUN_LATENCY];
    double arrival_s = load_run_arrival_s(run);
    double rate = arrival_s > 0 ? (double)load_run_answered(run) / arrival_s : 0;
    uint64_t failed = load_run_counter(run, "timed_out") + load_run_counter(run, "unreachable") +
                      load_run_counter(run, "pending");

    fputs("<dl class=\"tiles\">\n", out);
    put_tile(out, "answered", load_figure_text(LOAD_FIGURE_RATE, rate).text);
    put_tile(out, "median latency", load_format_us(load_histogram_percentile(latency, 50)).text);
    put_tile(out, "p99", load_format_us(load_histogram_percentile(latency, 99)).text);
    put_tile(out, "p99.9", load_format_us(load_histogram_percentile(latency, 99.9)).text);
    put_tile(out, "longest", load_format_us(load_histogram_percentile(latency, 100)).text);
    put_tile(
        out, "answered 2xx",
        load_figure_text(LOAD_FIGURE_SHARE, share_of(run, load_run_counter(run, "answered_2xx")))
            .text);
    put_tile(
        out, "sent again",
        load_figure_text(LOAD_FIGURE_SHARE, share_of(run, load_run_counter(run, "retransmissions")))
            .text);
    put_tile(out, "never answered",
             load_figure_text(LOAD_FIGURE_SHARE, share_of(run, failed)).text);
    if (load_run_delivers(run))
        put_tile(
            out, "delivered",
            load_figure_text(LOAD_FIGURE_SHARE, share_of(run, load_run_counter(run, "delivered")))
                .text);
    fputs("</dl>\n", out);
}

/* Of several runs: which is which. */
static void put_runs(FILE *out, const struct load_run *runs, unsigned count)
{
    fputs("<div class=\"runs\">\n", out);
    for (unsigned i = 0; i < count; i++) {
        char *command = load_run_command(&runs[i]);

        fprintf(out, "<section style=\"--run:var(--r%u)\"><p><span class=\"mark\">%c</span> ", i,
                'A' + (int)i);
        load_html_text(out, runs[i].file);
        fputs(" <span class=\"when\">", out);
        put_when(out, &runs[i]);
        fputs("</span></p>", out);
        put(out, "<code>", command == NULL ? "" : command, "</code>");
        put_verdict(out, &runs[i]);
        put_objectives(out, &runs[i]);
        fputs("</section>\n", out);
        free(command);
    }
    fputs("</div>\n", out);
}

static void put_top(FILE *out, const struct load_run *runs, unsigned count)
{
    fputs("<header>\n<p class=\"brand\">zsip load</p>\n<h1>", out);
    put_title(out, runs, count);
    fputs("</h1>\n", out);
    if (count > 1) {
        fputs("</header>\n", out);
        put_runs(out, runs, count);
        return;
    }
    fputs("<p class=\"when\">", out);
    put_when(out, &runs[0]);
    fputs("</p>\n</header>\n", out);
    put_verdict(out, &runs[0]);
    put_objectives(out, &runs[0]);
    put_tiles(out, &runs[0]);
}

/* ---- Bottom ---------------------------------------------------------------------------------- */

static void put_value(FILE *out, const json_t *value)
{
    char *text;

    if (json_is_string(value)) {
        load_html_text(out, json_string_value(value));
        return;
    }
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
    load_html_text(out, text == NULL ? "" : text);
    free(text);
}

static void put_facts(FILE *out, const char *name, json_t *object)
{
    const char *key;
    json_t *value;

    fprintf(out, "<div><table class=\"facts full\"><caption class=\"left mark\">%s</caption>\n",
            name);
    json_object_foreach(object, key, value)
    {
        put(out, "<tr><th scope=\"row\">", key, "</th><td>");
        put_value(out, value);
        fputs("</td></tr>\n", out);
    }
    fputs("</table></div>\n", out);
}

static void put_merged(FILE *out, json_t *merged)
{
    json_t *run;
    size_t i;

    if (json_array_size(merged) == 0)
        return;
    fputs("<h2>Merged from</h2>\n<div class=\"wide\"><table class=\"full\"><thead><tr><th>file</th>"
          "<th class=\"left\">host</th><th>started</th><th>sent</th><th>answered 2xx</th></tr>"
          "</thead><tbody>\n",
          out);
    json_array_foreach(merged, i, run)
    {
        const char *file = json_string_value(json_object_get(run, "file"));
        const char *started = json_string_value(json_object_get(run, "started"));
        json_t *machine = json_object_get(run, "machine");
        const char *host = json_string_value(json_object_get(machine, "host"));

        put(out, "<tr><th scope=\"row\">", file == NULL ? "" : file, "</th><td class=\"left\">");
        put(out, "", host == NULL ? "" : host, "</td><td>");
        put(out, "", started == NULL ? "" : started, "</td><td>");
        put_value(out, json_object_get(run, "sent"));
        fputs("</td><td>", out);
        put_value(out, json_object_get(run, "answered_2xx"));
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

static void put_bottom(FILE *out, const struct load_run *runs, unsigned count)
{
    if (count == 1) {
        char *command = load_run_command(&runs[0]);

        put(out, "<h2>Command</h2>\n<pre>", command == NULL ? "" : command, "</pre>\n");
        free(command);
        put_merged(out, json_object_get(runs[0].root, "merged"));
        fputs("<h2>Machine and configuration</h2>\n<div class=\"two\">\n", out);
        put_facts(out, "Machine", json_object_get(runs[0].root, "machine"));
        put_facts(out, "Configuration", json_object_get(runs[0].root, "config"));
        fputs("</div>\n", out);
    }
}

void load_html_close(FILE *out, const char *version)
{
    put(out, "<footer>zsip ", version, "</footer>\n</main>\n<script>\n");
    fwrite(page_js, 1, sizeof page_js, out);
    fputs("</script>\n</body>\n</html>\n", out);
}

bool load_html_put(FILE *out, const struct load_run *runs, unsigned count, const char *version)
{
    bool good;

    load_html_open(out);
    put_title(out, runs, count);
    load_html_begin(out);
    put_top(out, runs, count);
    good = load_html_plots(out, runs, count);
    load_html_sends(out, runs, count);
    load_html_status(out, runs, count);
    load_html_calls(out, runs, count);
    load_html_figures(out, runs, count);
    put_bottom(out, runs, count);
    load_html_close(out, version);
    return good && ferror(out) == 0;
}
