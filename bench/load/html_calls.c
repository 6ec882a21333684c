/* The calls of a scenario: how many came to its end, and its steps. */
#include "calls.h"
#include "html_parts.h"
#include "plot.h"

#include <math.h>
#include <string.h>

static uint64_t number(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const json_t *calls_of(const struct load_run *run)
{
    return json_object_get(run->root, "calls");
}

/* One of the counts for each run; for one run its share of the calls, and a bar. */
static void put_row(FILE *out, const struct load_run *runs, unsigned count, const char *key,
                    const char *text)
{
    bool bad = strncmp(key, "failed", 6) == 0;

    fprintf(out, "<tr><th scope=\"row\">");
    load_html_text(out, text);
    fputs("</th>", out);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "<td>%s</td>", load_format_count(number(calls_of(&runs[i]), key)).text);
    if (count == 1) {
        double started = (double)number(calls_of(&runs[0]), "started");
        double share = started > 0 ? (double)number(calls_of(&runs[0]), key) / started : 0;

        fprintf(out, "<td>%s</td>", load_figure_text(LOAD_FIGURE_SHARE, share).text);
        fputs("<td class=\"bar\">", out);
        if (share > 0)
            fprintf(out, "<i%s style=\"width:%.2f%%\"></i>", bad ? " class=\"bad\"" : "",
                    100 * fmin(1, share));
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

static void put_counts(FILE *out, const struct load_run *runs, unsigned count)
{
    static const struct {
        const char *key;
        const char *text;
    } rows[] = {
#define X(name, text) {#name, text},
        LOAD_CALLS_MAP(X)
#undef X
    };

    fprintf(out, "<div class=\"wide\"><table%s><thead><tr><th>what became of them</th>",
            count == 1 ? " class=\"full\"" : "");
    load_html_heads(out, count, "calls");
    fputs(count == 1 ? "<th>share</th><th></th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n",
          out);
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < count; i++)
            sum += number(calls_of(&runs[i]), rows[at].key);
        if (sum > 0 || at < 3)
            put_row(out, runs, count, rows[at].key, rows[at].text);
    }
    fputs("</tbody></table></div>\n", out);
}

static void put_steps(FILE *out, const json_t *steps)
{
    static const char *const keys[] = {"messages", "timeouts", "unexpected"};
    json_t *step;
    size_t i;

    if (json_array_size(steps) == 0)
        return;
    fputs("<div class=\"wide\"><table class=\"full\"><thead><tr><th>line</th>"
          "<th class=\"left\">step</th><th>messages</th><th>timeouts</th><th>unexpected</th>"
          "</tr></thead><tbody>\n",
          out);
    json_array_foreach(steps, i, step)
    {
        const char *name = json_string_value(json_object_get(step, "step"));

        if (name == NULL || strcmp(name, "nop") == 0)
            continue;
        fprintf(out, "<tr><th scope=\"row\">%d</th><td class=\"left\">", (int)number(step, "line"));
        load_html_text(out, name);
        fputs("</td>", out);
        for (size_t at = 0; at < sizeof keys / sizeof keys[0]; at++)
            fprintf(out, "<td>%s</td>", load_format_count(number(step, keys[at])).text);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

void load_html_calls(FILE *out, const struct load_run *runs, unsigned count)
{
    const char *path = NULL;

    for (unsigned i = 0; i < count && path == NULL; i++)
        path = json_string_value(json_object_get(calls_of(&runs[i]), "scenario"));
    if (path == NULL)
        return;
    fputs("<h2>Calls</h2>\n<p class=\"about\">Of the scenario ", out);
    load_html_text(out, path);
    fputs(".</p>\n", out);
    put_counts(out, runs, count);
    if (count == 1)
        put_steps(out, json_object_get(calls_of(&runs[0]), "steps"));
}
