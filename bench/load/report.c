#include "report.h"

#include "format.h"
#include "slo.h"
#include "verdict.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    double percent;
    const char *text;
} percentiles[] = {
    {50, "p50"},
    {90, "p90"},
    {99, "p99"},
    {99.9, "p99.9"},
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

/* Over UDP only what is too large for a datagram opens any. */
static void connections(FILE *out, const struct load_connections *connections)
{
#define X(name, text) row_if(out, text, connections->name, 0);
    LOAD_CONNECTION_MAP(X)
#undef X
}

/* What a reader must know before believing the figures above. */
static void remarks(FILE *out, const struct load_config *config, const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;

    if (config->overlap && config->scenario == NULL)
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
        fprintf(out, "  the kernel refused to send %s messages\n",
                load_format_count(result->send_errors).text);
    if (answered(counters) == 0 && counters->timed_out > 0)
        fprintf(out, "  the peer never answered: is it there, and does it speak SIP over %s?\n",
                config->transport == ZSIP_TRANSPORT_TCP ? "TCP" : "UDP");
    if (answered(counters) == 0 && counters->unreachable > 0)
        fprintf(out, "  nobody listens there, a firewall refuses%s: check address and port\n",
                config->transport == ZSIP_TRANSPORT_TCP ? ", or connections end at once" : "");
}

void load_report_summary(FILE *out, const struct load_config *config,
                         const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;
    double elapsed_s = result->arrival_s + result->drain_s;
    double rate = result->arrival_s > 0 ? (double)counters->sent / result->arrival_s : 0;
    double answers = result->arrival_s > 0 ? (double)answered(counters) / result->arrival_s : 0;

    load_verdict_headline(out, result);
    if (config->scenario != NULL)
        fprintf(out, "\n  calls for %.2f s, then %.2f s until the last one ended\n",
                result->arrival_s, result->drain_s);
    else
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
    row(out, "answered 2xx within T1 of the plan", counters->good_in_t1, counters->sent);
    load_verdict_sends(out, config, result);
    row_if(out, "unreachable", counters->unreachable, counters->sent);
    row_if(out, "challenged, so sent twice", counters->challenged, counters->sent);
    row_if(out, "still pending at the end", result->pending, counters->sent);
    row_if(out, "retransmissions sent", result->retransmissions, 0);
    row_if(out, "answers to what had ended", result->responses_duplicate, 0);
    row_if(out, "answers that match nothing of ours", result->responses_stray, 0);
    connections(out, &result->connections);
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
    if (config->registers)
        load_verdict_delivered(out, result);
    if (config->slo != NULL)
        load_slo_print(out, config->slo, result);
    if (config->scenario != NULL)
        load_calls_print(out, config->scenario, &result->calls, result->steps,
                         result->calls_first_failure);
    load_verdict_print(out, result);
    fflush(out);
}
