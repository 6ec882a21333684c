#include "figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double per(double value, double of)
{
    return of > 0 ? value / of : 0;
}

static double counter(const struct load_run *run, const char *key)
{
    return (double)load_run_counter(run, key);
}

static double share(const struct load_run *run, const char *key)
{
    return per(counter(run, key), counter(run, "sent"));
}

static double percentile(const struct load_run *run, enum load_run_histogram which, double percent)
{
    return (double)load_histogram_percentile(&run->histograms[which], percent);
}

/* ---- One function a figure ------------------------------------------------------------------- */

#define FIGURE(name, expression)                                                                   \
    static double name(const struct load_run *run)                                                 \
    {                                                                                              \
        return expression;                                                                         \
    }
#define SHARE(name) FIGURE(share_##name, share(run, #name))
#define COUNT(name) FIGURE(count_##name, counter(run, #name))

FIGURE(rate_planned, load_run_number(run, "config", "rate_per_s"))
FIGURE(rate_sent, per(counter(run, "sent"), load_run_arrival_s(run)))
FIGURE(rate_answered, per((double)load_run_answered(run), load_run_arrival_s(run)))
FIGURE(rate_good, per(counter(run, "good_in_t1"), load_run_arrival_s(run)))
FIGURE(duration, load_run_arrival_s(run))
FIGURE(drain, load_run_number(run, NULL, "drain_s"))
COUNT(sent)
SHARE(answered_2xx)
SHARE(answered_3xx)
SHARE(answered_4xx)
SHARE(answered_5xx)
SHARE(answered_6xx)
SHARE(answered_late)
SHARE(timed_out)
SHARE(unreachable)
SHARE(pending)
COUNT(unsent)
COUNT(target_dropped)
SHARE(retransmissions)
COUNT(responses_duplicate)
COUNT(responses_stray)
FIGURE(p50, percentile(run, LOAD_RUN_LATENCY, 50))
FIGURE(p90, percentile(run, LOAD_RUN_LATENCY, 90))
FIGURE(p99, percentile(run, LOAD_RUN_LATENCY, 99))
FIGURE(p99_9, percentile(run, LOAD_RUN_LATENCY, 99.9))
FIGURE(p99_99, percentile(run, LOAD_RUN_LATENCY, 99.99))
FIGURE(longest, percentile(run, LOAD_RUN_LATENCY, 100))
FIGURE(mean, load_histogram_mean(&run->histograms[LOAD_RUN_LATENCY]))
FIGURE(send_p50, percentile(run, LOAD_RUN_FROM_SEND, 50))
FIGURE(send_p99, percentile(run, LOAD_RUN_FROM_SEND, 99))
FIGURE(send_max, percentile(run, LOAD_RUN_FROM_SEND, 100))
FIGURE(registered, load_run_number(run, NULL, "registered"))
FIGURE(register_failed, load_run_number(run, NULL, "register_failed"))
SHARE(delivered)
FIGURE(lost,
       counter(run, "answered_2xx") > counter(run, "delivered")
           ? per(counter(run, "answered_2xx") - counter(run, "delivered"), counter(run, "sent"))
           : 0)
SHARE(duplicated)
SHARE(reordered)
SHARE(misdelivered)
FIGURE(one_way_p50, percentile(run, LOAD_RUN_ONE_WAY, 50))
FIGURE(one_way_p99, percentile(run, LOAD_RUN_ONE_WAY, 99))
FIGURE(one_way_max, percentile(run, LOAD_RUN_ONE_WAY, 100))
FIGURE(lag_p99, percentile(run, LOAD_RUN_SEND_LAG, 99))
FIGURE(lag_max, percentile(run, LOAD_RUN_SEND_LAG, 100))
FIGURE(held, (double)run->histograms[LOAD_RUN_HELD].total)
FIGURE(cpu, per(load_run_number(run, "generator", "user_s") +
                    load_run_number(run, "generator", "system_s"),
                load_run_arrival_s(run) + load_run_number(run, NULL, "drain_s")))
FIGURE(busy, load_run_number(run, "generator", "busy"))
FIGURE(memory, load_run_number(run, "generator", "memory_bytes"))
FIGURE(dropped, load_run_number(run, "generator", "datagrams_dropped"))
FIGURE(send_errors, load_run_number(run, "generator", "send_errors"))

/* Of runs with both ends. */
#define DELIVERY "Delivery"

const struct load_figure load_figures[] = {
    {"Rate", "planned, at its highest", LOAD_FIGURE_RATE, LOAD_BETTER_NEITHER, false, rate_planned},
    {"Rate", "sent", LOAD_FIGURE_RATE, LOAD_BETTER_MORE, true, rate_sent},
    {"Rate", "answered", LOAD_FIGURE_RATE, LOAD_BETTER_MORE, true, rate_answered},
    {"Rate", "answered 2xx within T1", LOAD_FIGURE_RATE, LOAD_BETTER_MORE, true, rate_good},
    {"Rate", "requests sent for", LOAD_FIGURE_SECONDS, LOAD_BETTER_NEITHER, true, duration},
    {"Rate", "then until the last one ended", LOAD_FIGURE_SECONDS, LOAD_BETTER_NEITHER, true,
     drain},
    {"Outcome", "requests", LOAD_FIGURE_COUNT, LOAD_BETTER_NEITHER, true, count_sent},
    {"Outcome", "answered 2xx", LOAD_FIGURE_SHARE, LOAD_BETTER_MORE, true, share_answered_2xx},
    {"Outcome", "answered 3xx", LOAD_FIGURE_SHARE, LOAD_BETTER_NEITHER, false, share_answered_3xx},
    {"Outcome", "answered 4xx", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, false, share_answered_4xx},
    {"Outcome", "answered 5xx", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, false, share_answered_5xx},
    {"Outcome", "answered 6xx", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, false, share_answered_6xx},
    {"Outcome", "after a retransmission", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, true,
     share_answered_late},
    {"Outcome", "timed out", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, true, share_timed_out},
    {"Outcome", "unreachable", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, false, share_unreachable},
    {"Outcome", "pending at the end", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, false, share_pending},
    {"Outcome", "planned and never sent", LOAD_FIGURE_COUNT, LOAD_BETTER_LESS, false, count_unsent},
    {"Outcome", "dropped by the server's socket", LOAD_FIGURE_COUNT, LOAD_BETTER_LESS, false,
     count_target_dropped},
    {"Outcome", "retransmissions to requests", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, false,
     share_retransmissions},
    {"Outcome", "answers twice or too late", LOAD_FIGURE_COUNT, LOAD_BETTER_LESS, false,
     count_responses_duplicate},
    {"Outcome", "answers that match nothing", LOAD_FIGURE_COUNT, LOAD_BETTER_LESS, false,
     count_responses_stray},
    {"Latency", "p50", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, p50},
    {"Latency", "p90", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, p90},
    {"Latency", "p99", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, p99},
    {"Latency", "p99.9", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, p99_9},
    {"Latency", "p99.99", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, p99_99},
    {"Latency", "longest", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, longest},
    {"Latency", "mean", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, mean},
    {"Latency from the send", "p50", LOAD_FIGURE_US, LOAD_BETTER_LESS, false, send_p50},
    {"Latency from the send", "p99", LOAD_FIGURE_US, LOAD_BETTER_LESS, false, send_p99},
    {"Latency from the send", "longest", LOAD_FIGURE_US, LOAD_BETTER_LESS, false, send_max},
    {DELIVERY, "users registered", LOAD_FIGURE_COUNT, LOAD_BETTER_NEITHER, true, registered},
    {DELIVERY, "users refused", LOAD_FIGURE_COUNT, LOAD_BETTER_LESS, false, register_failed},
    {DELIVERY, "delivered", LOAD_FIGURE_SHARE, LOAD_BETTER_MORE, true, share_delivered},
    {DELIVERY, "accepted and lost", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, true, lost},
    {DELIVERY, "delivered twice", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, true, share_duplicated},
    {DELIVERY, "out of order", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, true, share_reordered},
    {DELIVERY, "to somebody else", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, true, share_misdelivered},
    {DELIVERY, "one way, p50", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, one_way_p50},
    {DELIVERY, "one way, p99", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, one_way_p99},
    {DELIVERY, "one way, longest", LOAD_FIGURE_US, LOAD_BETTER_LESS, true, one_way_max},
    {"Generator", "sent behind plan, p99", LOAD_FIGURE_US, LOAD_BETTER_LESS, false, lag_p99},
    {"Generator", "sent behind plan, longest", LOAD_FIGURE_US, LOAD_BETTER_LESS, false, lag_max},
    {"Generator", "requests held back by rules", LOAD_FIGURE_COUNT, LOAD_BETTER_LESS, false, held},
    {"Generator", "CPU, of one core", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, true, cpu},
    {"Generator", "busiest worker", LOAD_FIGURE_SHARE, LOAD_BETTER_LESS, false, busy},
    {"Generator", "memory", LOAD_FIGURE_BYTES, LOAD_BETTER_LESS, true, memory},
    {"Generator", "answers dropped by our socket", LOAD_FIGURE_COUNT, LOAD_BETTER_LESS, false,
     dropped},
    {"Generator", "messages the kernel refused", LOAD_FIGURE_COUNT, LOAD_BETTER_LESS, false,
     send_errors},
};

const unsigned load_figure_count = sizeof load_figures / sizeof load_figures[0];

bool load_figure_shown(const struct load_figure *figure, const struct load_run *runs,
                       unsigned count)
{
    bool open = false, delivers = strcmp(figure->group, DELIVERY) != 0;

    for (unsigned i = 0; i < count; i++)
        delivers |= load_run_delivers(&runs[i]);
    for (unsigned i = 0; i < count && delivers; i++) {
        open |= runs[i].histograms[LOAD_RUN_SEND_LAG].total > 0;
        if (figure->always || figure->value(&runs[i]) > 0)
            /* In a closed loop both latencies are one. */
            if (strcmp(figure->group, "Latency from the send") != 0 || open)
                return true;
    }
    return false;
}

/* ---- Values ---------------------------------------------------------------------------------- */

struct load_text load_figure_text(enum load_figure_unit unit, double value)
{
    struct load_text out;

    switch (unit) {
    case LOAD_FIGURE_US:
        return load_format_us((uint64_t)(value + 0.5));
    case LOAD_FIGURE_BYTES:
        return load_format_bytes((uint64_t)value);
    case LOAD_FIGURE_SHARE:
        /* What is not all and not nothing must not look so. */
        if (value > 0.99995 && value < 1)
            snprintf(out.text, sizeof out.text, ">99.99 %%");
        else if (value > 0 && value < 0.00005)
            snprintf(out.text, sizeof out.text, "<0.01 %%");
        else
            snprintf(out.text, sizeof out.text, "%.2f %%", 100 * value);
        return out;
    case LOAD_FIGURE_SECONDS:
        snprintf(out.text, sizeof out.text, "%.2f s", value);
        return out;
    case LOAD_FIGURE_RATE:
        out = load_format_count((uint64_t)(value + 0.5));
        memcpy(out.text + strlen(out.text), "/s", 3);
        return out;
    default:
        return load_format_count((uint64_t)value);
    }
}

struct load_text load_change_text(double before, double now)
{
    struct load_text out;
    double change = before > 0 ? 100 * (now - before) / before : 0;

    if (before <= 0 && now <= 0)
        snprintf(out.text, sizeof out.text, "=");
    else if (before <= 0)
        snprintf(out.text, sizeof out.text, "new");
    else if (fabs(change) < 0.05)
        snprintf(out.text, sizeof out.text, "=");
    else if (change >= 1000)
        snprintf(out.text, sizeof out.text, "x%.3g", now / before);
    else
        snprintf(out.text, sizeof out.text, "%+.1f %%", change);
    return out;
}

int load_change_kind(const struct load_figure *figure, double before, double now)
{
    double least = figure->unit == LOAD_FIGURE_SHARE ? 0.0005 : 0.02 * before;

    /* Two in a hundred is what two equal runs differ in on a quiet machine. */
    if (figure->better == LOAD_BETTER_NEITHER || fabs(now - before) <= least)
        return 0;
    return (now > before) == (figure->better == LOAD_BETTER_MORE) ? 1 : -1;
}

struct load_text load_objective_text(const json_t *objective)
{
    const json_t *value = json_object_get(objective, "value");
    const char *unit = json_string_value(json_object_get(objective, "unit"));
    double number = json_number_value(value);

    if (!json_is_number(value) || unit == NULL)
        return (struct load_text){"not answered"};
    if (strcmp(unit, "us") == 0)
        return load_figure_text(LOAD_FIGURE_US, number);
    return load_figure_text(strcmp(unit, "share") == 0 ? LOAD_FIGURE_SHARE : LOAD_FIGURE_RATE,
                            number);
}

/* ---- What was not alike ---------------------------------------------------------------------- */

static void value_put(FILE *out, const json_t *value)
{
    if (value == NULL)
        fputs("-", out);
    else if (json_is_string(value))
        fputs(json_string_value(value), out);
    else
        json_dumpf(value, out, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
}

static bool alike(const struct load_run *runs, unsigned count, const char *object, const char *key)
{
    for (unsigned i = 1; i < count; i++) {
        const json_t *first = json_object_get(json_object_get(runs[0].root, object), key);
        const json_t *other = json_object_get(json_object_get(runs[i].root, object), key);

        if (first != other && (first == NULL || other == NULL || !json_equal(first, other)))
            return false;
    }
    return true;
}

static void difference(json_t *to, const struct load_run *runs, unsigned count, const char *object,
                       const char *key)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (out == NULL)
        return;
    fprintf(out, "%s: ", key);
    for (unsigned i = 0; i < count; i++) {
        fputs(i > 0 ? "  ->  " : "", out);
        value_put(out, json_object_get(json_object_get(runs[i].root, object), key));
    }
    if (fclose(out) == 0)
        json_array_append_new(to, json_string(text));
    free(text);
}

json_t *load_differences(const struct load_run *runs, unsigned count)
{
    static const char *const objects[] = {"config", "machine"};
    json_t *out = json_array();

    for (size_t at = 0; at < sizeof objects / sizeof objects[0]; at++) {
        json_t *keys = json_object(), *value;
        const char *key;

        for (unsigned i = 0; i < count; i++)
            json_object_update(keys, json_object_get(runs[i].root, objects[at]));
        json_object_foreach(keys, key, value)
        {
            if (!alike(runs, count, objects[at], key))
                difference(out, runs, count, objects[at], key);
        }
        json_decref(keys);
    }
    return out;
}

/* ---- On a terminal --------------------------------------------------------------------------- */

#define NAME_COLUMNS  30
#define VALUE_COLUMNS 14

/* Files are from anywhere: no terminal obeys them. */
static void put_clean(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        putc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void print_row(FILE *out, const struct load_figure *figure, const struct load_run *runs,
                      unsigned count)
{
    double first = figure->value(&runs[0]);

    fprintf(out, "    %-*s", NAME_COLUMNS, figure->name);
    for (unsigned i = 0; i < count; i++) {
        double value = figure->value(&runs[i]);
        bool none = value <= 0 && !figure->always;

        fprintf(out, "  %*s", VALUE_COLUMNS,
                none ? "-" : load_figure_text(figure->unit, value).text);
        if (i > 0)
            fprintf(out, " %9s", none ? "" : load_change_text(first, value).text);
    }
    fputc('\n', out);
}

static void print_heads(FILE *out, const struct load_run *runs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char *command = load_run_command(&runs[i]);

        fprintf(out, "  %c  ", 'A' + (int)i);
        put_clean(out, runs[i].file);
        fputs("  ", out);
        put_clean(out, load_run_text(&runs[i], NULL, "started"));
        fputs("  ", out);
        put_clean(out, load_run_text(&runs[i], "machine", "host"));
        fputs("\n     ", out);
        put_clean(out, command == NULL ? "" : command);
        fputs("\n     limit: ", out);
        put_clean(out, load_run_text(&runs[i], "verdict", "limit"));
        fputs("; ", out);
        put_clean(out, load_run_text(&runs[i], "verdict", "why"));
        fputc('\n', out);
        if (load_run_text(&runs[i], "verdict", "held")[0] != '\0') {
            fputs("     THE PLAN WAS NOT KEPT: ", out);
            put_clean(out, load_run_text(&runs[i], "verdict", "held"));
            fputc('\n', out);
        }
        free(command);
    }
}

static void print_differences(FILE *out, const struct load_run *runs, unsigned count)
{
    json_t *differences = load_differences(runs, count), *line;
    size_t i;

    if (json_array_size(differences) > 0)
        fputs("\n  What was not alike\n", out);
    json_array_foreach(differences, i, line)
    {
        fputs("    ", out);
        put_clean(out, json_string_value(line));
        fputc('\n', out);
    }
    json_decref(differences);
}

static void print_group(FILE *out, const char *group, unsigned count)
{
    if (count == 1) {
        fprintf(out, "\n  %s\n", group);
        return;
    }
    fprintf(out, "\n  %-*s", NAME_COLUMNS + 2, group);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "  %*c%s", VALUE_COLUMNS, 'A' + (int)i, i > 0 ? " against A" : "");
    fputc('\n', out);
}

static void print_objectives(FILE *out, const struct load_run *runs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        json_t *objectives = json_object_get(runs[i].root, "objectives"), *one;
        size_t at;

        json_array_foreach(objectives, at, one)
        {
            fprintf(out, "%s  %c  %s  ", i == 0 && at == 0 ? "\n" : "", 'A' + (int)i,
                    json_is_true(json_object_get(one, "met")) ? "met   " : "MISSED");
            put_clean(out, json_string_value(json_object_get(one, "objective")));
            fprintf(out, "  was %s\n", load_objective_text(one).text);
        }
    }
}

void load_figures_print(FILE *out, const struct load_run *runs, unsigned count)
{
    const char *group = "";

    print_heads(out, runs, count);
    print_objectives(out, runs, count);
    if (count > 1)
        print_differences(out, runs, count);
    for (unsigned at = 0; at < load_figure_count; at++) {
        const struct load_figure *figure = &load_figures[at];

        if (!load_figure_shown(figure, runs, count))
            continue;
        if (strcmp(group, figure->group) != 0)
            print_group(out, figure->group, count);
        group = figure->group;
        print_row(out, figure, runs, count);
    }
    fflush(out);
}
