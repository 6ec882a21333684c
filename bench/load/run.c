#include "run.h"

#include "codec.h"
#include "json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const histogram_keys[LOAD_RUN_HISTOGRAMS] = {"latency", "latency_from_send",
                                                                "send_lag", "held", "one_way"};

const char *load_run_histogram_key(enum load_run_histogram which)
{
    return histogram_keys[which];
}

struct problem {
    const char *file;
    char *text;
    size_t bytes;
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct problem *problem,
                                                        const char *format, ...)
{
    va_list arguments;
    int length = snprintf(problem->text, problem->bytes, "%s: ", problem->file);

    if (length < 0 || (size_t)length >= problem->bytes)
        return false;
    va_start(arguments, format);
    vsnprintf(problem->text + length, problem->bytes - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static bool schema_right(const struct problem *problem, const json_t *root)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));

    if (schema == NULL)
        return wrong(problem, "no result of zsip load: it has no \"schema\"");
    if (strcmp(schema, LOAD_JSON_SCHEMA) == 0)
        return true;
    if (strncmp(schema, "zsip load ", 10) != 0)
        return wrong(problem, "no result of zsip load: its schema is \"%s\"", schema);
    return wrong(problem,
                 "its schema is \"%s\", this zsip reads \"" LOAD_JSON_SCHEMA
                 "\"; use the zsip that wrote it",
                 schema);
}

/* All of them there and none below 0, all members of an object if keys is NULL. */
static bool numbers_right(const struct problem *problem, const char *where, json_t *object,
                          const char *const *keys)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return wrong(problem, "%s: missing", where);
    for (; keys != NULL && *keys != NULL; keys++) {
        value = json_object_get(object, *keys);
        if (!json_is_number(value) || json_number_value(value) < 0)
            return wrong(problem, "%s.%s: not there, or no number from 0 up", where, *keys);
    }
    if (keys != NULL)
        return true;
    json_object_foreach(object, key, value)
    {
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return wrong(problem, "%s.%s: no whole number from 0 up", where, key);
    }
    return true;
}

static bool members_right(const struct problem *problem, json_t *root)
{
    static const char *const top[] = {"arrival_s",   "drain_s",        "request_bytes",
                                      "exit_status", "started_utc_us", NULL};
    static const char *const generator[] = {
        "user_s", "system_s", "busy", "memory_bytes", "datagrams_dropped", "send_errors", NULL};
    static const char *const delivery[] = {"registered", "register_failed", NULL};
    json_t *sends = json_object_get(root, "answered_by_sends");
    json_t *command = json_object_get(root, "command"), *word;
    size_t i;

    if (!numbers_right(problem, "run", root, top) ||
        !numbers_right(problem, "counters", json_object_get(root, "counters"), NULL) ||
        (json_object_get(root, "connections") != NULL &&
         !numbers_right(problem, "connections", json_object_get(root, "connections"), NULL)) ||
        !numbers_right(problem, "status", json_object_get(root, "status"), NULL) ||
        (json_object_get(root, "registered") != NULL &&
         !numbers_right(problem, "run", root, delivery)) ||
        !numbers_right(problem, "generator", json_object_get(root, "generator"), generator))
        return false;
    if (!json_is_object(json_object_get(root, "config")) ||
        !json_is_object(json_object_get(root, "machine")))
        return wrong(problem, "config or machine: missing");
    if (!json_is_string(json_object_get(json_object_get(root, "verdict"), "limit")) ||
        !json_is_string(json_object_get(json_object_get(root, "verdict"), "why")))
        return wrong(problem, "verdict: missing");
    json_array_foreach(json_object_get(root, "objectives"), i, word)
    {
        if (!json_is_string(json_object_get(word, "objective")))
            return wrong(problem, "objectives: not of texts");
    }
    if (!json_is_array(sends) || !json_is_array(command))
        return wrong(problem, "answered_by_sends or command: no list");
    json_array_foreach(sends, i, word)
    {
        if (!json_is_integer(word) || json_integer_value(word) < 0)
            return wrong(problem, "answered_by_sends: no whole number from 0 up");
    }
    json_array_foreach(command, i, word)
    {
        if (!json_is_string(word))
            return wrong(problem, "command: not of words");
    }
    return true;
}

/* ---- Histograms and seconds ------------------------------------------------------------------ */

/* The counts come from the text, what is exact beyond buckets from the figures beside it. */
static bool histogram_take(const struct problem *problem, const json_t *root, const char *key,
                           struct load_histogram *out)
{
    static const char *const figures[] = {"count", "min_us", "max_us", "sum_us", NULL};
    json_t *object = json_object_get(root, key);
    json_t *text = json_object_get(object, "hdr");
    const char *what;

    if (!numbers_right(problem, key, object, figures))
        return false;
    if (!json_is_string(text))
        return wrong(problem, "%s.hdr: missing", key);
    what = load_codec_decode(json_string_value(text), json_string_length(text), out);
    if (what != NULL)
        return wrong(problem, "%s.hdr: %s", key, what);
    if (out->total != (uint64_t)json_integer_value(json_object_get(object, "count")))
        return wrong(problem, "%s: count and hdr disagree", key);
    out->sum_us = (uint64_t)json_integer_value(json_object_get(object, "sum_us"));
    out->max_us = (uint64_t)json_integer_value(json_object_get(object, "max_us"));
    if (out->total > 0)
        out->min_us = (uint64_t)json_integer_value(json_object_get(object, "min_us"));
    return true;
}

static uint64_t whole(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (uint64_t)value : 0;
}

static void second_take(const json_t *object, struct load_second *out)
{
#define X(name, text) out->name = whole(object, #name);
    LOAD_SECOND_SUM_MAP(X)
    LOAD_SECOND_LATENCY_MAP(X)
#undef X
    out->lag_us = whole(object, "lag_us");
    out->warmup = json_is_true(json_object_get(object, "warmup"));
}

static bool seconds_take(const struct problem *problem, struct load_run *run)
{
    json_t *seconds = json_object_get(run->root, "seconds"), *second;
    size_t i, count = json_array_size(seconds);

    if (!json_is_array(seconds) || count > UINT32_MAX)
        return wrong(problem, "seconds: missing");
    run->seconds = calloc(count + 1, sizeof *run->seconds);
    if (run->seconds == NULL)
        return wrong(problem, "no memory for %zu seconds", count);
    json_array_foreach(seconds, i, second)
    {
        if (!json_is_object(second))
            return wrong(problem, "seconds[%zu]: no object", i);
        second_take(second, &run->seconds[i]);
    }
    run->seconds_count = (uint32_t)count;
    return true;
}

bool load_run_take(json_t *root, const char *name, struct load_run *run, char *error,
                   size_t error_bytes)
{
    const struct problem problem = {name, error, error_bytes};
    bool good = true;

    *run = (struct load_run){.file = name, .root = root};
    run->histograms = calloc(LOAD_RUN_HISTOGRAMS, sizeof *run->histograms);
    if (run->histograms == NULL)
        good = wrong(&problem, "no memory");
    good = good && schema_right(&problem, root) && members_right(&problem, root);
    for (unsigned i = 0; i < LOAD_RUN_HISTOGRAMS && good; i++) {
        if (i == LOAD_RUN_ONE_WAY && !load_run_delivers(run))
            load_histogram_clear(&run->histograms[i]);
        else
            good = histogram_take(&problem, root, histogram_keys[i], &run->histograms[i]);
    }
    good = good && seconds_take(&problem, run);
    if (!good) {
        load_run_drop(run);
        return false;
    }
    run->started_utc_us = json_integer_value(json_object_get(root, "started_utc_us"));
    return true;
}

json_t *load_run_open(const char *file, char *error, size_t error_bytes)
{
    const struct problem problem = {file, error, error_bytes};
    bool standard = strcmp(file, "-") == 0;
    json_error_t where;
    struct stat about;
    FILE *from = standard ? stdin : fopen(file, "r");
    json_t *root;

    if (from == NULL) {
        wrong(&problem, "can't read: %s", strerror(errno));
        return NULL;
    }
    if (fstat(fileno(from), &about) == 0 && about.st_size > (off_t)LOAD_RUN_BYTES_MAX) {
        fclose(from);
        wrong(&problem, "larger than any run: over 512 MiB");
        return NULL;
    }
    root = json_loadf(from, JSON_REJECT_DUPLICATES, &where);
    if (!standard)
        fclose(from);
    if (root == NULL)
        wrong(&problem, "line %d: no JSON: %s", where.line, where.text);
    return root;
}

bool load_run_read(const char *file, struct load_run *run, char *error, size_t error_bytes)
{
    json_t *root = load_run_open(file, error, error_bytes);

    *run = (struct load_run){0};
    return root != NULL && load_run_take(root, file, run, error, error_bytes);
}

void load_run_drop(struct load_run *run)
{
    json_decref(run->root);
    free(run->histograms);
    free(run->seconds);
    *run = (struct load_run){0};
}

/* ---- Looking into it ------------------------------------------------------------------------- */

double load_run_number(const struct load_run *run, const char *object, const char *key)
{
    const json_t *in = object == NULL ? run->root : json_object_get(run->root, object);

    return json_number_value(json_object_get(in, key));
}

uint64_t load_run_counter(const struct load_run *run, const char *key)
{
    return whole(json_object_get(run->root, "counters"), key);
}

uint64_t load_run_answered(const struct load_run *run)
{
    return load_run_counter(run, "answered_2xx") + load_run_counter(run, "answered_3xx") +
           load_run_counter(run, "answered_4xx") + load_run_counter(run, "answered_5xx") +
           load_run_counter(run, "answered_6xx");
}

double load_run_arrival_s(const struct load_run *run)
{
    return load_run_number(run, NULL, "arrival_s");
}

const char *load_run_text(const struct load_run *run, const char *object, const char *key)
{
    const json_t *in = object == NULL ? run->root : json_object_get(run->root, object);
    const char *text = json_string_value(json_object_get(in, key));

    return text == NULL ? "" : text;
}

bool load_run_tainted(const struct load_run *run)
{
    return json_is_true(json_object_get(json_object_get(run->root, "verdict"), "tainted"));
}

bool load_run_delivers(const struct load_run *run)
{
    return json_object_get(run->root, "registered") != NULL;
}

/* In single quotes where a shell would see more than a word. */
static void put_word(FILE *out, const char *word)
{
    if (word[0] != '\0' && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-_=+:,./@%") == strlen(word)) {
        fputs(word, out);
        return;
    }
    putc('\'', out);
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            fputs("'\\''", out);
        else
            putc(*word, out);
    }
    putc('\'', out);
}

char *load_run_command(const struct load_run *run)
{
    json_t *command = json_object_get(run->root, "command"), *word;
    char *text = NULL;
    size_t i, bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (out == NULL)
        return NULL;
    json_array_foreach(command, i, word)
    {
        if (i > 0)
            putc(' ', out);
        put_word(out, json_string_value(word));
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

void load_run_result(const struct load_run *run, struct load_result *out)
{
    *out = (struct load_result){
        .pending = load_run_counter(run, "pending"),
        .retransmissions = load_run_counter(run, "retransmissions"),
        .arrival_s = load_run_arrival_s(run),
        .drain_s = load_run_number(run, NULL, "drain_s"),
        .busy = load_run_number(run, "generator", "busy"),
        .seconds = run->seconds_count,
        .latency = &run->histograms[LOAD_RUN_LATENCY],
        .from_send = &run->histograms[LOAD_RUN_FROM_SEND],
        .send_lag = &run->histograms[LOAD_RUN_SEND_LAG],
        .held = &run->histograms[LOAD_RUN_HELD],
        .one_way = &run->histograms[LOAD_RUN_ONE_WAY],
    };
#define X(name, text) out->counters.name = load_run_counter(run, #name);
    LOAD_COUNTER_MAP(X)
#undef X
}

int load_run_judge(const struct load_run *run, const struct load_slo *slo)
{
    struct load_result result;
    int status;

    load_run_result(run, &result);
    result.verdict.tainted = load_run_tainted(run);
    snprintf(result.verdict.held, sizeof result.verdict.held, "%s",
             load_run_text(run, "verdict", "held"));
    result.objectives = slo->count;
    for (uint32_t i = 0; i < slo->count; i++)
        result.objectives_missed += !load_objective_met(&slo->objectives[i], &result);
    status = load_verdict(&result);
    json_object_set_new(run->root, "objectives", load_objectives_json(slo, &result));
    json_object_set_new(run->root, "exit_status", json_integer(status));
    return status;
}

bool load_run_objectives(const struct load_run *run, struct load_slo *out)
{
    json_t *objectives = json_object_get(run->root, "objectives"), *one;
    char text[LOAD_OBJECTIVES_MAX * sizeof out->objectives[0].text], error[200];
    size_t i, length = 0;

    *out = (struct load_slo){0};
    json_array_foreach(objectives, i, one)
    {
        const char *objective = json_string_value(json_object_get(one, "objective"));

        if (objective == NULL || length + strlen(objective) + 2 > sizeof text)
            return false;
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i > 0 ? "," : "",
                                   objective);
    }
    return length == 0 || load_slo_parse(out, text, error, sizeof error);
}

bool load_run_second(const struct load_run *run, uint32_t index, struct load_histogram *out)
{
    json_t *second = json_array_get(json_object_get(run->root, "seconds"), index);
    json_t *text = json_object_get(second, "hdr");

    load_histogram_clear(out);
    if (!json_is_string(text) ||
        load_codec_decode(json_string_value(text), json_string_length(text), out) != NULL)
        return false;
    out->max_us = run->seconds[index].max_us;
    return true;
}
