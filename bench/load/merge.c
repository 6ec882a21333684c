#include "merge.h"

#include "calls.h"
#include "codec.h"
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET_S_MAX 86400

struct merge {
    const struct load_run *runs;
    unsigned count;
    int64_t started_utc_us; /* of the first to begin */
    json_t *notes;
};

/* Whole seconds that a run began after the first. */
static uint32_t offset_s(const struct merge *merge, const struct load_run *run)
{
    return (uint32_t)((run->started_utc_us - merge->started_utc_us + 500000) / 1000000);
}

/* ---- Sums ------------------------------------------------------------------------------------ */

/* Adds the numbers of an object to another, key by key. */
static void add_object(json_t *to, json_t *from)
{
    const char *key;
    json_t *value;

    json_object_foreach(from, key, value)
    {
        const json_t *before = json_object_get(to, key);

        if (json_is_integer(value))
            json_object_set_new(
                to, key, json_integer(json_integer_value(before) + json_integer_value(value)));
        else if (json_is_real(value))
            json_object_set_new(to, key,
                                json_real(json_number_value(before) + json_real_value(value)));
    }
}

static json_t *sum_objects(const struct merge *merge, const char *key)
{
    json_t *out = json_object();

    for (unsigned i = 0; i < merge->count; i++)
        add_object(out, json_object_get(merge->runs[i].root, key));
    return out;
}

static json_t *sum_sends(const struct merge *merge)
{
    json_t *out = json_array();

    for (unsigned i = 0; i < merge->count; i++) {
        json_t *from = json_object_get(merge->runs[i].root, "answered_by_sends"), *value;
        size_t at;

        json_array_foreach(from, at, value)
        {
            json_int_t before = json_integer_value(json_array_get(out, at));

            if (at < json_array_size(out))
                json_array_set_new(out, at, json_integer(before + json_integer_value(value)));
            else
                json_array_append_new(out, json_copy(value));
        }
    }
    return out;
}

static double greatest(const struct merge *merge, const char *object, const char *key)
{
    double most = 0;

    for (unsigned i = 0; i < merge->count; i++)
        most = fmax(most, load_run_number(&merge->runs[i], object, key));
    return most;
}

/* The one that says most: a generator that was not up to it, else a plan that was not kept, else
 * who was a limit anywhere. */
static json_t *verdict(const struct merge *merge)
{
    const struct load_run *found = NULL;
    json_t *out;

    for (unsigned i = 0; i < merge->count && found == NULL; i++) {
        if (load_run_tainted(&merge->runs[i]))
            found = &merge->runs[i];
    }
    for (unsigned i = 0; i < merge->count && found == NULL; i++) {
        if (load_run_text(&merge->runs[i], "verdict", "held")[0] != '\0')
            found = &merge->runs[i];
    }
    for (unsigned i = 0; i < merge->count && found == NULL; i++) {
        if (strcmp(load_run_text(&merge->runs[i], "verdict", "limit"), "nobody") != 0)
            found = &merge->runs[i];
    }
    if (found == NULL)
        found = &merge->runs[0];
    out = json_copy(json_object_get(found->root, "verdict"));
    if (merge->count > 1)
        json_object_set_new(
            out, "why",
            json_sprintf("%s: %s", found->file, load_run_text(found, "verdict", "why")));
    return out;
}

static json_t *generator(const struct merge *merge)
{
    json_t *out = sum_objects(merge, "generator");

    json_object_set_new(out, "busy", json_real(greatest(merge, "generator", "busy")));
    return out;
}

/* ---- Histograms and seconds ------------------------------------------------------------------ */

static bool any_delivers(const struct merge *merge)
{
    for (unsigned i = 0; i < merge->count; i++) {
        if (load_run_delivers(&merge->runs[i]))
            return true;
    }
    return false;
}

/* Users registered by runs with both ends. */
static void registrations(const struct merge *merge, json_t *out)
{
    static const char *const keys[] = {"registered", "register_failed"};

    for (unsigned at = 0; at < 2 && any_delivers(merge); at++) {
        double sum = 0;

        for (unsigned i = 0; i < merge->count; i++)
            sum += load_run_number(&merge->runs[i], NULL, keys[at]);
        json_object_set_new(out, keys[at], json_integer((json_int_t)sum));
    }
}

static bool histograms(const struct merge *merge, json_t *out)
{
    struct load_histogram *sum = malloc(sizeof *sum);

    if (sum == NULL)
        return false;
    for (unsigned which = 0; which < LOAD_RUN_HISTOGRAMS; which++) {
        if (which == LOAD_RUN_ONE_WAY && !any_delivers(merge))
            continue;
        load_histogram_clear(sum);
        for (unsigned i = 0; i < merge->count; i++)
            load_histogram_add(sum, &merge->runs[i].histograms[which]);
        json_object_set_new(out, load_run_histogram_key(which), load_histogram_json(sum));
    }
    free(sum);
    return true;
}

/* Of one second of all runs; without one's latencies there are no percentiles, only a maximum. */
static json_t *second_of(const struct merge *merge, uint32_t index, struct load_histogram *part,
                         struct load_histogram *sum)
{
    struct load_second second = {0};
    uint64_t max_us = 0;
    bool exact = true;
    char *text = NULL;
    json_t *out;

    load_histogram_clear(sum);
    for (unsigned i = 0; i < merge->count; i++) {
        const struct load_run *run = &merge->runs[i];
        uint32_t offset = offset_s(merge, run);

        if (index < offset || index - offset >= run->seconds_count)
            continue;
        load_second_add(&second, &run->seconds[index - offset]);
        if (run->seconds[index - offset].max_us > max_us)
            max_us = run->seconds[index - offset].max_us;
        exact = load_run_second(run, index - offset, part) && exact;
        load_histogram_add(sum, part);
    }
    if (exact) {
        second.p50_us = load_histogram_percentile(sum, 50);
        second.p90_us = load_histogram_percentile(sum, 90);
        second.p99_us = load_histogram_percentile(sum, 99);
        second.p99_9_us = load_histogram_percentile(sum, 99.9);
        text = load_codec_encode(sum);
    }
    second.max_us = max_us;
    out = load_second_json(&second, text);
    free(text);
    return out;
}

static json_t *seconds(const struct merge *merge)
{
    struct load_histogram *part = malloc(sizeof *part), *sum = malloc(sizeof *sum);
    json_t *out = json_array();
    uint32_t end = 0;

    for (unsigned i = 0; i < merge->count; i++) {
        uint32_t last = offset_s(merge, &merge->runs[i]) + merge->runs[i].seconds_count;

        end = last > end ? last : end;
    }
    for (uint32_t index = 0; index < end && part != NULL && sum != NULL; index++)
        json_array_append_new(out, second_of(merge, index, part, sum));
    free(part);
    free(sum);
    return out;
}

/* ---- What was asked for ---------------------------------------------------------------------- */

static bool shared(const char *key)
{
    static const char *const keys[] = {"rate_per_s", "plan", "window", "users", "workers", "count"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

/* Notes what a run has other than the first. */
static void note_differences(const struct merge *merge, const struct load_run *run)
{
    json_t *first = json_object_get(merge->runs[0].root, "config");
    json_t *config = json_object_get(run->root, "config"), *value;
    const char *key;

    json_object_foreach(config, key, value)
    {
        if (!shared(key) && !json_equal(value, json_object_get(first, key)))
            json_array_append_new(merge->notes, json_sprintf("%s and %s are not alike in config.%s",
                                                             merge->runs[0].file, run->file, key));
    }
    if (offset_s(merge, run) != offset_s(merge, &merge->runs[0]))
        json_array_append_new(merge->notes, json_sprintf("%s began %d s after %s", run->file,
                                                         (int)offset_s(merge, run) -
                                                             (int)offset_s(merge, &merge->runs[0]),
                                                         merge->runs[0].file));
}

/* What is shared out among hosts adds up; the rest is the first one's. */
static json_t *config(const struct merge *merge)
{
    json_t *out = json_deep_copy(json_object_get(merge->runs[0].root, "config"));

    if (merge->count > 1)
        json_object_del(out, "plan"); /* of one host */

    for (unsigned i = 1; i < merge->count; i++) {
        json_t *from = json_object_get(merge->runs[i].root, "config"), *value;
        const char *key;

        json_object_foreach(from, key, value)
        {
            if (shared(key) && json_is_number(value))
                json_object_set_new(
                    out, key,
                    json_is_integer(value)
                        ? json_integer(json_integer_value(json_object_get(out, key)) +
                                       json_integer_value(value))
                        : json_real(json_number_value(json_object_get(out, key)) +
                                    json_number_value(value)));
        }
        note_differences(merge, &merge->runs[i]);
    }
    return out;
}

static json_t *sources(const struct merge *merge)
{
    json_t *out = json_array();

    for (unsigned i = 0; i < merge->count; i++) {
        const struct load_run *run = &merge->runs[i];

        json_array_append_new(out,
                              json_pack("{s:s, s:O, s:i, s:O, s:O, s:O, s:I, s:I}", "file",
                                        run->file, "started", json_object_get(run->root, "started"),
                                        "offset_s", (int)offset_s(merge, run), "command",
                                        json_object_get(run->root, "command"), "machine",
                                        json_object_get(run->root, "machine"), "exit_status",
                                        json_object_get(run->root, "exit_status"), "sent",
                                        (json_int_t)load_run_counter(run, "sent"), "answered_2xx",
                                        (json_int_t)load_run_counter(run, "answered_2xx")));
    }
    return out;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* One run given twice would count twice. */
static bool same_run(const struct load_run *a, const struct load_run *b)
{
    json_t *latency_a = json_object_get(a->root, "latency");
    json_t *latency_b = json_object_get(b->root, "latency");

    return a->started_utc_us == b->started_utc_us && a->histograms[LOAD_RUN_LATENCY].total > 0 &&
           json_equal(latency_a, latency_b) &&
           json_equal(json_object_get(a->root, "generator"), json_object_get(b->root, "generator"));
}

static bool mergeable(const struct merge *merge, char *error, size_t error_bytes)
{
    for (unsigned i = 0; i < merge->count; i++) {
        const struct load_run *run = &merge->runs[i];

        for (unsigned before = 0; before < i; before++) {
            if (!same_run(run, &merge->runs[before]))
                continue;
            snprintf(error, error_bytes, "%s: the same run as %s; give each once", run->file,
                     merge->runs[before].file);
            return false;
        }
        if (run->started_utc_us - merge->started_utc_us > (int64_t)OFFSET_S_MAX * 1000000) {
            snprintf(error, error_bytes,
                     "%s: began more than a day after another one; merge what ran together, "
                     "compare the rest without --merge",
                     run->file);
            return false;
        }
    }
    return true;
}

/* From the first start on: until the last run ended its arrivals, then until the last one ended. */
static void times(const struct merge *merge, json_t *out)
{
    double arrival_s = 0, end_s = 0;

    for (unsigned i = 0; i < merge->count; i++) {
        const struct load_run *run = &merge->runs[i];
        double offset = (double)(run->started_utc_us - merge->started_utc_us) / 1e6;
        double until = offset + load_run_arrival_s(run);

        arrival_s = fmax(arrival_s, until);
        end_s = fmax(end_s, until + load_run_number(run, NULL, "drain_s"));
    }
    json_object_set_new(out, "arrival_s", json_real(arrival_s));
    json_object_set_new(out, "drain_s", json_real(end_s - arrival_s));
}

json_t *load_merge(const struct load_run *runs, unsigned count, const char *version, int argc,
                   const char *const *argv, json_t **notes, char *error, size_t error_bytes)
{
    struct merge merge = {runs, count, runs[0].started_utc_us, json_array()};
    json_t *out = json_object(), *calls;

    for (unsigned i = 1; i < count; i++) {
        if (runs[i].started_utc_us < merge.started_utc_us)
            merge.started_utc_us = runs[i].started_utc_us;
    }
    if (!mergeable(&merge, error, error_bytes) || !histograms(&merge, out)) {
        json_decref(out);
        json_decref(merge.notes);
        return NULL;
    }
    json_object_set_new(out, "schema", json_string(LOAD_JSON_SCHEMA));
    json_object_set_new(out, "version", json_string(version));
    json_object_set_new(out, "started", json_string(load_utc_text(merge.started_utc_us).text));
    json_object_set_new(out, "started_utc_us", json_integer(merge.started_utc_us));
    json_object_set_new(out, "command", load_command_json(argc, argv));
    json_object_set(out, "machine", json_object_get(runs[0].root, "machine"));
    json_object_set_new(out, "config", config(&merge));
    json_object_set_new(out, "exit_status",
                        json_integer((json_int_t)greatest(&merge, NULL, "exit_status")));
    json_object_set_new(out, "verdict", verdict(&merge));
    json_object_set_new(out, "objectives",
                        json_incref(json_object_get(runs[0].root, "objectives")));
    times(&merge, out);
    json_object_set_new(out, "request_bytes",
                        json_integer((json_int_t)greatest(&merge, NULL, "request_bytes")));
    json_object_set_new(out, "counters", sum_objects(&merge, "counters"));
    json_object_set_new(out, "connections", sum_objects(&merge, "connections"));
    json_object_set_new(out, "status", sum_objects(&merge, "status"));
    json_object_set_new(out, "answered_by_sends", sum_sends(&merge));
    registrations(&merge, out);
    json_object_set_new(out, "generator", generator(&merge));
    json_object_set_new(out, "seconds", seconds(&merge));
    calls = load_calls_sum(runs, count, merge.notes);
    if (calls != NULL)
        json_object_set_new(out, "calls", calls);
    if (count > 1)
        json_object_set_new(out, "merged", sources(&merge));
    if (notes != NULL)
        *notes = merge.notes;
    else
        json_decref(merge.notes);
    return out;
}
