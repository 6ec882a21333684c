#include "report.h"

#include "format.h"

#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct {
    double percent;
    const char *text;
    const char *key;
} percentiles[] = {
    {50, "p50", "p50_us"},
    {90, "p90", "p90_us"},
    {99, "p99", "p99_us"},
    {99.9, "p99.9", "p99_9_us"},
};

#define PERCENTILE_COUNT (sizeof percentiles / sizeof percentiles[0])

static uint64_t answered(const struct load_counters *counters)
{
    return counters->answered_2xx + counters->answered_3xx + counters->answered_4xx +
           counters->answered_5xx + counters->answered_6xx;
}

/* ---- Live ------------------------------------------------------------------------------------ */

void load_report_second(FILE *out, uint32_t index, const struct load_second *second)
{
    fprintf(out, "%5" PRIu32 " s  sent %9s/s  answered %9s/s  pending %7s", index + 1,
            load_format_count(second->sent).text, load_format_count(second->answered).text,
            load_format_count(second->pending).text);
    if (second->answered > 0)
        fprintf(out, "  p50 %s  p99 %s  max %s", load_format_us(second->p50_us).text,
                load_format_us(second->p99_us).text, load_format_us(second->max_us).text);
    if (second->retransmitted > 0)
        fprintf(out, "  retransmitted %s", load_format_count(second->retransmitted).text);
    if (second->failed > 0)
        fprintf(out, "  failed %s", load_format_count(second->failed).text);
    fputc('\n', out);
    fflush(out);
}

/* ---- Summary --------------------------------------------------------------------------------- */

static void row(FILE *out, const char *name, uint64_t count, uint64_t of)
{
    fprintf(out, "  %-34s%15s", name, load_format_count(count).text);
    if (of > 0)
        fprintf(out, "  %6.2f %%", 100.0 * (double)count / (double)of);
    fputc('\n', out);
}

static void row_if(FILE *out, const char *name, uint64_t count, uint64_t of)
{
    if (count > 0)
        row(out, name, count, of);
}

static void latency(FILE *out, const char *name, const struct load_histogram *histogram)
{
    fprintf(out, "  %-34s", name);
    if (histogram->total == 0) {
        fputs("nothing to measure\n", out);
        return;
    }
    for (size_t i = 0; i < PERCENTILE_COUNT; i++)
        fprintf(out, "%s %s  ", percentiles[i].text,
                load_format_us(load_histogram_percentile(histogram, percentiles[i].percent)).text);
    fprintf(out, "max %s\n", load_format_us(histogram->max_us).text);
}

/* What a reader must know before believing the figures above. */
static void remarks(FILE *out, const struct load_config *config, const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;

    if (config->overlap)
        fputs("  --overlap: several requests were pending to one URI, against RFC 3428 section 8\n",
              out);
    if (config->no_retransmit)
        fputs("  --no-retransmit: what was lost was not sent again\n", out);
    if (counters->waited_user > 0)
        fprintf(out,
                "  held back %s times: every target URI had one pending (RFC 3428 section 8); "
                "--users %" PRIu32 " is few\n",
                load_format_count(counters->waited_user).text, config->users);
    if (counters->waited_window > 0)
        fprintf(out, "  held back %s times: --window %" PRIu32 " requests were pending\n",
                load_format_count(counters->waited_window).text, config->window);
    if (counters->unsent > 0)
        fprintf(out, "  behind its plan: %s planned requests were never sent\n",
                load_format_count(counters->unsent).text);
    if (result->datagrams_dropped > 0)
        fprintf(out, "  our own socket dropped %s answers for want of buffer: --rcvbuf\n",
                load_format_count(result->datagrams_dropped).text);
    if (result->send_errors > 0)
        fprintf(out, "  the kernel refused to send %s datagrams\n",
                load_format_count(result->send_errors).text);
    if (answered(counters) == 0 && counters->timed_out > 0)
        fputs("  the peer never answered: is it there, and does it speak SIP over UDP?\n", out);
    if (answered(counters) == 0 && counters->unreachable > 0)
        fputs("  nobody listens there, or a firewall refuses: check address and port\n", out);
}

void load_report_summary(FILE *out, const struct load_config *config,
                         const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;
    double elapsed_s = result->arrival_s + result->drain_s;
    double rate = result->arrival_s > 0 ? (double)counters->sent / result->arrival_s : 0;
    double answers = result->arrival_s > 0 ? (double)answered(counters) / result->arrival_s : 0;

    fprintf(out, "\n  %s of %" PRIu32 " B for %.2f s, then %.2f s until the last one ended\n",
            zsip_method_name(config->method), result->request_bytes, result->arrival_s,
            result->drain_s);
    fprintf(out, "  sent %s/s, answered %s/s\n", load_format_count((uint64_t)rate).text,
            load_format_count((uint64_t)answers).text);
    row(out, "sent", counters->sent, 0);
    row(out, "answered 2xx", counters->answered_2xx, counters->sent);
    row_if(out, "answered 3xx", counters->answered_3xx, counters->sent);
    row_if(out, "answered 4xx", counters->answered_4xx, counters->sent);
    row_if(out, "answered 5xx", counters->answered_5xx, counters->sent);
    row_if(out, "answered 6xx", counters->answered_6xx, counters->sent);
    row(out, "answered only after a retransmission", counters->answered_late, counters->sent);
    row(out, "timed out", counters->timed_out, counters->sent);
    row_if(out, "unreachable", counters->unreachable, counters->sent);
    row_if(out, "still pending at the end", result->pending, counters->sent);
    row_if(out, "retransmissions sent", result->retransmissions, 0);
    row_if(out, "answers to what had ended", result->responses_duplicate, 0);
    row_if(out, "answers that match nothing of ours", result->responses_stray, 0);
    if (config->rate > 0) {
        latency(out, "latency from the planned start", result->latency);
        latency(out, "latency from the send", result->from_send);
        latency(out, "send behind plan", result->send_lag);
        if (result->held->total > 0)
            latency(out, "of it waiting for the rules", result->held);
    } else {
        latency(out, "latency from the send", result->latency);
    }
    if (elapsed_s > 0)
        fprintf(out, "  own CPU %.0f %% of a core (user %.2f s, system %.2f s), memory %s\n",
                100.0 * (result->user_s + result->system_s) / elapsed_s, result->user_s,
                result->system_s, load_format_bytes(result->memory_bytes).text);
    remarks(out, config, result);
    fflush(out);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *load_machine_json(void)
{
    struct utsname name;
    char line[256], model[128] = "unknown";
    FILE *file = fopen("/proc/cpuinfo", "r");
    /* Bounded by the first processor's lines. */
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            snprintf(model, sizeof model, "%.*s", (int)strcspn(strchr(line, ':') + 2, "\n"),
                     strchr(line, ':') + 2);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
    if (uname(&name) != 0)
        return NULL;
    return json_pack("{s:s, s:I, s:s, s:s, s:s}", "cpu", model, "cores",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "kernel", name.release, "arch",
                     name.machine, "compiler", __VERSION__);
}

static json_t *config_json(const struct load_config *config)
{
    char remote[ZSIP_ADDRESS_TEXT_BYTES];
    json_t *out = json_object();

    json_object_set_new(out, "remote", json_string(zsip_address_text(&config->remote, remote)));
    json_object_set_new(out, "domain", json_string(config->domain));
    if (config->proxy != NULL)
        json_object_set_new(out, "proxy", json_string(config->proxy));
    json_object_set_new(out, "method", json_string(zsip_method_name(config->method)));
    json_object_set_new(out, "window", integer(config->window));
    if (config->rate > 0)
        json_object_set_new(out, "rate_per_s", json_real(config->rate));
    if (config->duration_ns > 0)
        json_object_set_new(out, "duration_s", json_real((double)config->duration_ns / 1e9));
    if (config->count > 0)
        json_object_set_new(out, "count", integer(config->count));
    json_object_set_new(out, "users", integer(config->users));
    json_object_set_new(out, "overlap", json_boolean(config->overlap));
    json_object_set_new(out, "body_bytes", integer(config->body_bytes));
    json_object_set_new(out, "retransmit", json_boolean(!config->no_retransmit));
    json_object_set_new(out, "t1_s", json_real((double)config->t1_ns / 1e9));
    json_object_set_new(out, "workers", integer(config->workers));
    json_object_set_new(out, "spin_us", integer(config->spin_us));
    json_object_set_new(out, "without", integer(config->without));
    return out;
}

static json_t *histogram_json(const struct load_histogram *histogram)
{
    json_t *out = json_object();

    json_object_set_new(out, "count", integer(histogram->total));
    json_object_set_new(out, "min_us", integer(histogram->total == 0 ? 0 : histogram->min_us));
    json_object_set_new(out, "mean_us", json_real(load_histogram_mean(histogram)));
    for (size_t i = 0; i < PERCENTILE_COUNT; i++)
        json_object_set_new(out, percentiles[i].key,
                            integer(load_histogram_percentile(histogram, percentiles[i].percent)));
    json_object_set_new(out, "max_us", integer(histogram->max_us));
    return out;
}

static json_t *series_json(struct load *load, uint32_t count)
{
    json_t *out = json_array();
    struct load_second second;

    for (uint32_t i = 0; i < count && load_second(load, i, &second); i++) {
        json_t *entry = json_object();

#define X(name, text) json_object_set_new(entry, #name, integer(second.name));
        LOAD_SECOND_SUM_MAP(X)
        LOAD_SECOND_LATENCY_MAP(X)
#undef X
        json_object_set_new(entry, "lag_us", integer(second.lag_us));
        if (second.warmup)
            json_object_set_new(entry, "warmup", json_true());
        json_array_append_new(out, entry);
    }
    return out;
}

json_t *load_report_json(struct load *load, const struct load_config *config,
                         const struct load_result *result)
{
    json_t *out = json_object(), *counters = json_object(), *own = json_object();

    json_object_set_new(out, "schema", json_string("zsip load 1"));
    json_object_set_new(out, "machine", load_machine_json());
    json_object_set_new(out, "config", config_json(config));
    json_object_set_new(out, "verdict", json_integer(load_verdict(result)));
    json_object_set_new(out, "arrival_s", json_real(result->arrival_s));
    json_object_set_new(out, "drain_s", json_real(result->drain_s));
    json_object_set_new(out, "request_bytes", integer(result->request_bytes));
#define X(name, text) json_object_set_new(counters, #name, integer(result->counters.name));
    LOAD_COUNTER_MAP(X)
#undef X
    json_object_set_new(counters, "pending", integer(result->pending));
    json_object_set_new(counters, "retransmissions", integer(result->retransmissions));
    json_object_set_new(counters, "responses_duplicate", integer(result->responses_duplicate));
    json_object_set_new(counters, "responses_stray", integer(result->responses_stray));
    json_object_set_new(out, "counters", counters);
    json_object_set_new(out, "latency", histogram_json(result->latency));
    json_object_set_new(out, "latency_from_send", histogram_json(result->from_send));
    json_object_set_new(out, "send_lag", histogram_json(result->send_lag));
    json_object_set_new(out, "held", histogram_json(result->held));
    json_object_set_new(own, "user_s", json_real(result->user_s));
    json_object_set_new(own, "system_s", json_real(result->system_s));
    json_object_set_new(own, "busy", json_real(result->busy));
    json_object_set_new(own, "memory_bytes", integer(result->memory_bytes));
    json_object_set_new(own, "datagrams_dropped", integer(result->datagrams_dropped));
    json_object_set_new(own, "send_errors", integer(result->send_errors));
    json_object_set_new(out, "generator", own);
    json_object_set_new(out, "seconds", series_json(load, result->seconds));
    return out;
}
