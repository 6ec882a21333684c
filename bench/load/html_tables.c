/* Tables of the page that belong to no plot. */
#include "html_parts.h"
#include "plot.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static uint64_t sends_of(const struct load_run *run, unsigned index)
{
    json_t *sends = json_object_get(run->root, "answered_by_sends");

    return (uint64_t)json_integer_value(json_array_get(sends, index));
}

/* A number and its share of the requests, for each run; for one run a bar too. */
static void put_counts(FILE *out, const struct load_run *runs, unsigned count,
                       const uint64_t *values, bool bad)
{
    double share = 0;

    for (unsigned i = 0; i < count; i++) {
        uint64_t sent = load_run_counter(&runs[i], "sent");

        share = sent > 0 ? (double)values[i] / (double)sent : 0;
        fprintf(out, "<td>%s</td>", load_format_count(values[i]).text);
        if (count == 1)
            fprintf(out, "<td>%s</td>", load_figure_text(LOAD_FIGURE_SHARE, share).text);
    }
    if (count == 1 && values[0] > 0)
        fprintf(out, "<td class=\"bar\"><i%s style=\"width:%.2f%%\"></i></td>",
                bad ? " class=\"bad\"" : "", 100 * fmin(1, share));
    else if (count == 1)
        fputs("<td class=\"bar\"></td>", out);
    fputs("</tr>\n", out);
}

static void put_heads(FILE *out, unsigned count, const char *first)
{
    fprintf(out, "<div class=\"wide\"><table%s><thead><tr><th>%s</th>",
            count == 1 ? " class=\"full\"" : "", first);
    load_html_heads(out, count, "requests");
    fputs(count == 1 ? "<th>share</th><th></th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n",
          out);
}

/* ---- Retransmissions ------------------------------------------------------------------------- */

/* "after E2, 1.5 s": Timer E doubles from T1 up to T2 (RFC 3261 section 17.1.2.2). */
static struct load_text send_name(const struct load_run *run, unsigned index)
{
    struct load_text out;
    double t1_s = load_run_number(run, "config", "t1_s");
    double interval_s = t1_s, after_s = 0, t2_s = fmax(4, t1_s);

    for (unsigned i = 0; i < index; i++) {
        after_s += interval_s;
        interval_s = fmin(2 * interval_s, t2_s);
    }
    if (index == 0)
        snprintf(out.text, sizeof out.text, "at the first send");
    else
        snprintf(out.text, sizeof out.text, "after E%u, %.3g s", index, after_s);
    return out;
}

static void put_counter(FILE *out, const struct load_run *runs, unsigned count, const char *name,
                        const char *key, bool always)
{
    uint64_t values[8] = {0}, sum = 0;

    for (unsigned i = 0; i < count; i++) {
        values[i] = load_run_counter(&runs[i], key);
        sum += values[i];
    }
    if (sum == 0 && !always)
        return;
    fprintf(out, "<tr><th scope=\"row\">%s</th>", name);
    put_counts(out, runs, count, values, sum > 0);
}

void load_html_sends(FILE *out, const struct load_run *runs, unsigned count)
{
    size_t most = 1;

    for (unsigned i = 0; i < count; i++) {
        size_t sends = json_array_size(json_object_get(runs[i].root, "answered_by_sends"));

        most = sends > most ? sends : most;
    }
    fputs("<h2>Retransmissions</h2>\n<p class=\"about\">When the final answer came: a request is "
          "sent again at Timer E1, E2 and on until it is answered, and given up at F.</p>\n",
          out);
    put_heads(out, count, "answered");
    for (unsigned at = 0; at < most && at < LOAD_SENDS_MAX; at++) {
        uint64_t values[8] = {0};

        for (unsigned i = 0; i < count; i++)
            values[i] = sends_of(&runs[i], at);
        fprintf(out, "<tr><th scope=\"row\">%s</th>", send_name(&runs[0], at).text);
        put_counts(out, runs, count, values, false);
    }
    put_counter(out, runs, count, "never: timed out at F", "timed_out", true);
    put_counter(out, runs, count, "never: unreachable", "unreachable", false);
    put_counter(out, runs, count, "not yet, at the end", "pending", false);
    put_counter(out, runs, count, "retransmissions in all", "retransmissions", true);
    put_counter(out, runs, count, "answers twice or too late", "responses_duplicate", true);
    put_counter(out, runs, count, "answers that match nothing", "responses_stray", true);
    fputs("</tbody></table></div>\n", out);
}

/* ---- Status codes ---------------------------------------------------------------------------- */

void load_html_status(FILE *out, const struct load_run *runs, unsigned count)
{
    fputs("<h2>Status codes</h2>\n", out);
    put_heads(out, count, "final answer");
    for (unsigned code = 200; code < LOAD_STATUS_MAX; code++) {
        uint64_t values[8] = {0}, sum = 0;
        char name[8];

        snprintf(name, sizeof name, "%u", code);
        for (unsigned i = 0; i < count; i++) {
            json_t *status = json_object_get(runs[i].root, "status");

            values[i] = (uint64_t)json_integer_value(json_object_get(status, name));
            sum += values[i];
        }
        if (sum == 0)
            continue;
        fprintf(out, "<tr><th scope=\"row\">%u %s</th>", code, zsip_reason_phrase(code));
        put_counts(out, runs, count, values, code >= 300);
    }
    put_counter(out, runs, count, "none", "timed_out", false);
    fputs("</tbody></table></div>\n", out);
}

/* ---- All figures ----------------------------------------------------------------------------- */

static void put_figure(FILE *out, const struct load_figure *figure, const struct load_run *runs,
                       unsigned count)
{
    static const char *const kinds[] = {"bad", "same", "good"};
    double first = figure->value(&runs[0]);

    fprintf(out, "<tr><th scope=\"row\">%s</th>", figure->name);
    for (unsigned i = 0; i < count; i++) {
        double value = figure->value(&runs[i]);
        bool none = value <= 0 && !figure->always;

        fprintf(out, "<td>%s</td>", none ? "-" : load_figure_text(figure->unit, value).text);
        if (i > 0)
            fprintf(out, "<td class=\"%s\">%s</td>",
                    kinds[1 + load_change_kind(figure, first, value)],
                    none ? "" : load_change_text(first, value).text);
    }
    fputs("</tr>\n", out);
}

static void put_differences(FILE *out, const struct load_run *runs, unsigned count)
{
    json_t *differences = load_differences(runs, count), *line;
    size_t i;

    if (json_array_size(differences) > 0)
        fputs("<h2>What was not alike</h2>\n<pre>", out);
    json_array_foreach(differences, i, line)
    {
        load_html_text(out, json_string_value(line));
        fputs("\n", out);
    }
    if (json_array_size(differences) > 0)
        fputs("</pre>\n", out);
    json_decref(differences);
}

void load_html_figures(FILE *out, const struct load_run *runs, unsigned count)
{
    const char *group = "";

    if (count > 1)
        put_differences(out, runs, count);
    fprintf(out, "<h2>%s</h2>\n<div class=\"wide\"><table class=\"full%s\">",
            count > 1 ? "What changed" : "All figures", count > 1 ? "" : " figures");
    if (count > 1) {
        fputs("<thead><tr><th></th>", out);
        for (unsigned i = 0; i < count; i++)
            fprintf(out, "<th><i class=\"swatch\" style=\"--c:var(--r%u)\"></i>%c</th>%s", i,
                    'A' + (int)i, i > 0 ? "<th>against A</th>" : "");
        fputs("</tr></thead>", out);
    }
    fputs("<tbody>\n", out);
    for (unsigned at = 0; at < load_figure_count; at++) {
        const struct load_figure *figure = &load_figures[at];

        if (!load_figure_shown(figure, runs, count))
            continue;
        if (strcmp(group, figure->group) != 0)
            fprintf(out, "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"%u\">%s</th></tr>\n",
                    2 * count, figure->group);
        group = figure->group;
        put_figure(out, figure, runs, count);
    }
    fputs("</tbody></table></div>\n", out);
}
