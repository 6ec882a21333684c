#include "json.h"

#include "codec.h"
#include "slo.h"
#include "verdict.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* JSON is UTF-8, host names and arguments need not be. */
static json_t *text_json(const char *text)
{
    json_t *out = json_string(text);
    char copy[512];

    if (out != NULL)
        return out;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    return json_string(copy);
}

struct load_text load_utc_text(int64_t utc_us)
{
    struct load_text out = {""};
    time_t seconds = (time_t)(utc_us / 1000000);
    struct tm parts;
    size_t length;

    if (gmtime_r(&seconds, &parts) == NULL)
        return out;
    length = strftime(out.text, sizeof out.text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (length > 0)
        snprintf(out.text + length, sizeof out.text - length, ".%03dZ",
                 (int)(utc_us % 1000000 / 1000));
    return out;
}

/* ---- Where and how ----------------------------------------------------------------------------
 */

/* Of the first processor; bounded by its lines. */
static void cpu_model(char *model, size_t bytes)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    snprintf(model, bytes, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        colon += 1 + strspn(colon + 1, " ");
        snprintf(model, bytes, "%.*s", (int)strcspn(colon, "\n"), colon);
        break;
    }
    if (file != NULL)
        fclose(file);
}

json_t *load_machine_json(void)
{
    struct utsname name;
    char model[128];

    cpu_model(model, sizeof model);
    if (uname(&name) != 0)
        return NULL;
    return json_pack("{s:o, s:o, s:I, s:s, s:s, s:s}", "host", text_json(name.nodename), "cpu",
                     text_json(model), "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "kernel",
                     name.release, "arch", name.machine, "compiler", __VERSION__);
}

/* Options whose argument is nobody's business: SIPp's -ap, and all that have "password" in them. */
static bool secret(const char *argument)
{
    return strcmp(argument, "-ap") == 0 ||
           (argument[0] == '-' && strstr(argument, "password") != NULL);
}

json_t *load_command_json(int argc, const char *const *argv)
{
    json_t *out = json_array();

    json_array_append_new(out, json_string("zsip"));
    for (int i = 0; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');

        if (i > 0 && secret(argv[i - 1]) && strchr(argv[i - 1], '=') == NULL)
            json_array_append_new(out, json_string("***"));
        else if (secret(argv[i]) && equals != NULL)
            json_array_append_new(out, json_sprintf("%.*s=***", (int)(equals - argv[i]), argv[i]));
        else
            json_array_append_new(out, text_json(argv[i]));
    }
    return out;
}

json_t *load_config_json(const struct load_config *config)
{
    char remote[ZSIP_ADDRESS_TEXT_BYTES];
    json_t *out = json_object();

    json_object_set_new(out, "remote", json_string(zsip_address_text(&config->remote, remote)));
    json_object_set_new(out, "transport",
                        json_string(config->transport == ZSIP_TRANSPORT_TCP ? "tcp" : "udp"));
    json_object_set_new(out, "connections", integer(config->connections));
    json_object_set_new(out, "new_connection", json_boolean(config->connection_each));
    json_object_set_new(out, "domain", text_json(config->domain));
    if (config->proxy != NULL)
        json_object_set_new(out, "proxy", text_json(config->proxy));
    json_object_set_new(out, "method", json_string(zsip_method_name(config->method)));
    json_object_set_new(out, "window", integer(config->window));
    if (config->rate > 0)
        json_object_set_new(out, "rate_per_s", json_real(config->rate));
    if (config->rate_text != NULL)
        json_object_set_new(out, "plan", text_json(config->rate_text));
    if (config->warmup_ns > 0)
        json_object_set_new(out, "warmup_s", json_real((double)config->warmup_ns / 1e9));
    if (config->duration_ns > 0)
        json_object_set_new(out, "duration_s", json_real((double)config->duration_ns / 1e9));
    if (config->count > 0)
        json_object_set_new(out, "count", integer(config->count));
    json_object_set_new(out, "users", integer(config->users));
    json_object_set_new(out, "registers", json_boolean(config->registers));
    json_object_set_new(out, "overlap", json_boolean(config->overlap));
    json_object_set_new(out, "body_bytes", integer(config->body_bytes));
    json_object_set_new(out, "retransmit", json_boolean(!config->no_retransmit));
    json_object_set_new(out, "t1_s", json_real((double)config->t1_ns / 1e9));
    json_object_set_new(out, "workers", integer(config->workers));
    json_object_set_new(out, "spin_us", integer(config->spin_us));
    json_object_set_new(out, "without", integer(config->without));
    return out;
}

/* ---- What came of it --------------------------------------------------------------------------
 */

json_t *load_histogram_json(const struct load_histogram *histogram)
{
    static const struct {
        double percent;
        const char *key;
    } percentiles[] = {
        {50, "p50_us"}, {75, "p75_us"},     {90, "p90_us"},       {95, "p95_us"},
        {99, "p99_us"}, {99.9, "p99_9_us"}, {99.99, "p99_99_us"},
    };
    json_t *out = json_object();
    char *hdr = load_codec_encode(histogram);

    json_object_set_new(out, "count", integer(histogram->total));
    json_object_set_new(out, "min_us", integer(histogram->total == 0 ? 0 : histogram->min_us));
    json_object_set_new(out, "mean_us", json_real(load_histogram_mean(histogram)));
    json_object_set_new(out, "sum_us", integer(histogram->sum_us));
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++)
        json_object_set_new(out, percentiles[i].key,
                            integer(load_histogram_percentile(histogram, percentiles[i].percent)));
    json_object_set_new(out, "max_us", integer(histogram->max_us));
    if (hdr != NULL)
        json_object_set_new(out, "hdr", json_string(hdr));
    free(hdr);
    return out;
}

json_t *load_second_json(const struct load_second *second, const char *latency)
{
    json_t *out = json_object();

#define X(name, text) json_object_set_new(out, #name, integer(second->name));
    LOAD_SECOND_SUM_MAP(X)
    LOAD_SECOND_LATENCY_MAP(X)
#undef X
    json_object_set_new(out, "lag_us", integer(second->lag_us));
    json_object_set_new(out, "warmup", json_boolean(second->warmup));
    if (latency != NULL)
        json_object_set_new(out, "hdr", json_string(latency));
    return out;
}

static json_t *seconds_json(const struct load_json *from)
{
    json_t *out = json_array();
    struct load_second second;

    for (uint32_t i = 0; i < from->result->seconds && load_second(from->load, i, &second); i++)
        json_array_append_new(
            out, load_second_json(&second, i < from->latencies_count ? from->latencies[i] : NULL));
    return out;
}

static json_t *counters_json(const struct load_result *result)
{
    json_t *out = json_object();

#define X(name, text) json_object_set_new(out, #name, integer(result->counters.name));
    LOAD_COUNTER_MAP(X)
#undef X
    json_object_set_new(out, "unsent_held", integer(result->unsent_held));
    json_object_set_new(out, "target_dropped", integer(result->target_dropped));
    json_object_set_new(out, "pending", integer(result->pending));
    json_object_set_new(out, "retransmissions", integer(result->retransmissions));
    json_object_set_new(out, "responses_duplicate", integer(result->responses_duplicate));
    json_object_set_new(out, "responses_stray", integer(result->responses_stray));
    return out;
}

static json_t *connections_json(const struct load_result *result)
{
    json_t *out = json_object();

#define X(name, text) json_object_set_new(out, #name, integer(result->connections.name));
    LOAD_CONNECTION_MAP(X)
#undef X
    return out;
}

static json_t *status_json(const struct load_result *result)
{
    json_t *out = json_object();

    for (unsigned code = 0; code < LOAD_STATUS_MAX; code++) {
        char name[8];

        if (result->status[code] == 0)
            continue;
        snprintf(name, sizeof name, "%u", code);
        json_object_set_new(out, name, integer(result->status[code]));
    }
    return out;
}

/* Up to the last send that was answered. */
static json_t *sends_json(const struct load_result *result)
{
    json_t *out = json_array();
    unsigned end = LOAD_SENDS_MAX;

    while (end > 1 && result->answered_by_sends[end - 1] == 0)
        end--;
    for (unsigned i = 0; i < end; i++)
        json_array_append_new(out, integer(result->answered_by_sends[i]));
    return out;
}

static json_t *generator_json(const struct load_result *result)
{
    json_t *out = json_object();

    json_object_set_new(out, "user_s", json_real(result->user_s));
    json_object_set_new(out, "system_s", json_real(result->system_s));
    json_object_set_new(out, "busy", json_real(result->busy));
    json_object_set_new(out, "memory_bytes", integer(result->memory_bytes));
    json_object_set_new(out, "datagrams_dropped", integer(result->datagrams_dropped));
    json_object_set_new(out, "buffers_empty", integer(result->buffers_empty));
    json_object_set_new(out, "send_errors", integer(result->send_errors));
    return out;
}

static json_t *verdict_json(const struct load_result *result)
{
    json_t *out = json_object();

    json_object_set_new(out, "limit", json_string(load_limit_key(result->verdict.limit)));
    json_object_set_new(out, "tainted", json_boolean(result->verdict.tainted));
    json_object_set_new(out, "why", text_json(result->verdict.why));
    if (result->verdict.held[0] != '\0')
        json_object_set_new(out, "held", text_json(result->verdict.held));
    return out;
}

json_t *load_objectives_json(const struct load_slo *slo, const struct load_result *result)
{
    static const char *const units[] = {"us", "share", "1/s"};
    json_t *out = json_array();

    for (uint32_t i = 0; slo != NULL && i < slo->count; i++) {
        const struct load_objective *one = &slo->objectives[i];
        double value = load_objective_value(one, result);
        json_t *entry = json_object();

        json_object_set_new(entry, "objective", json_string(one->text));
        json_object_set_new(entry, "met", json_boolean(load_objective_met(one, result)));
        /* JSON has no infinity: too few answers are null. */
        json_object_set_new(entry, "value", isinf(value) ? json_null() : json_real(value));
        json_object_set_new(entry, "unit", json_string(units[load_measure_unit(one->measure)]));
        json_array_append_new(out, entry);
    }
    return out;
}

json_t *load_json(const struct load_json *from)
{
    const struct load_result *result = from->result;
    int64_t started_utc_us = load_started_utc_us(from->load);
    json_t *out = json_object();

    json_object_set_new(out, "schema", json_string(LOAD_JSON_SCHEMA));
    json_object_set_new(out, "version", json_string(from->version));
    json_object_set_new(out, "started", json_string(load_utc_text(started_utc_us).text));
    json_object_set_new(out, "started_utc_us", json_integer((json_int_t)started_utc_us));
    json_object_set_new(out, "command", load_command_json(from->argc, from->argv));
    json_object_set_new(out, "machine", load_machine_json());
    json_object_set_new(out, "config", load_config_json(from->config));
    json_object_set_new(out, "exit_status", json_integer(load_verdict(result)));
    json_object_set_new(out, "verdict", verdict_json(result));
    json_object_set_new(out, "objectives", load_objectives_json(from->config->slo, result));
    json_object_set_new(out, "arrival_s", json_real(result->arrival_s));
    json_object_set_new(out, "drain_s", json_real(result->drain_s));
    json_object_set_new(out, "request_bytes", integer(result->request_bytes));
    json_object_set_new(out, "counters", counters_json(result));
    json_object_set_new(out, "connections", connections_json(result));
    json_object_set_new(out, "status", status_json(result));
    json_object_set_new(out, "answered_by_sends", sends_json(result));
    json_object_set_new(out, "latency", load_histogram_json(result->latency));
    json_object_set_new(out, "latency_from_send", load_histogram_json(result->from_send));
    json_object_set_new(out, "send_lag", load_histogram_json(result->send_lag));
    json_object_set_new(out, "held", load_histogram_json(result->held));
    if (from->config->registers) {
        json_object_set_new(out, "registered", integer(result->registered));
        json_object_set_new(out, "register_failed", integer(result->register_failed));
        json_object_set_new(out, "one_way", load_histogram_json(result->one_way));
    }
    json_object_set_new(out, "generator", generator_json(result));
    json_object_set_new(out, "seconds", seconds_json(from));
    if (from->config->scenario != NULL)
        json_object_set_new(out, "calls",
                            load_calls_json(from->config->scenario, &result->calls, result->steps));
    return out;
}
