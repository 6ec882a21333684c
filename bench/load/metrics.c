#include "metrics.h"

#include "transport/sockaddr.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A scraper or two, and somebody with curl. */
#define CONNECTIONS_MAX 16u
#define TIMEOUT_S       10u

struct load_metrics {
    struct MHD_Daemon *daemon;
    load_metrics_write write;
    void *user;
};

/* ---- Server ---------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              char *text, size_t bytes, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(bytes, text, mode);
    enum MHD_Result result;

    if (response == NULL) {
        if (mode == MHD_RESPMEM_MUST_FREE)
            free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_metrics(struct load_metrics *metrics,
                                      struct MHD_Connection *connection)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    if (out == NULL)
        return MHD_NO;
    metrics->write(metrics->user, out);
    if (fclose(out) != 0) {
        free(text);
        return MHD_NO;
    }
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, bytes,
                  MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    static char nowhere[] = "zsip: the metrics are at /metrics\n";
    static char only_get[] = "zsip: only GET\n";
    static int begun;

    (void)version;
    (void)upload;
    /* The first call brings the head alone; whatever body comes is thrown away. */
    if (*state == NULL) {
        *state = &begun;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", only_get,
                      strlen(only_get), MHD_RESPMEM_PERSISTENT);
    if (strcmp(url, "/metrics") != 0)
        return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", nowhere, strlen(nowhere),
                      MHD_RESPMEM_PERSISTENT);
    return answer_metrics(user, connection);
}

static void find_bound(struct load_metrics *metrics, const struct zsip_address *address,
                       struct zsip_address *bound)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_BIND_PORT);

    *bound = *address;
    if (info != NULL)
        bound->port = info->port;
}

bool load_metrics_start(struct load_metrics **out, const struct zsip_address *address,
                        load_metrics_write write, void *user, struct zsip_address *bound,
                        char *error, size_t error_bytes)
{
    struct load_metrics *metrics = calloc(1, sizeof *metrics);
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD;
    union zsip_sockaddr name;
    char text[ZSIP_ADDRESS_TEXT_BYTES];
    sigset_t all, before;

    *out = NULL;
    if (metrics == NULL) {
        snprintf(error, error_bytes, "no memory");
        return false;
    }
    zsip_sockaddr_write(address, &name);
    metrics->write = write;
    metrics->user = user;
    if (address->family == ZSIP_FAMILY_IPV6)
        flags |= MHD_USE_IPv6;
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    metrics->daemon = MHD_start_daemon(
        flags, address->port, NULL, NULL, on_request, metrics, MHD_OPTION_SOCK_ADDR, &name.any,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (metrics->daemon == NULL) {
        snprintf(error, error_bytes,
                 "%s: can't serve metrics there; is the port taken, or the "
                 "address another machine's?",
                 zsip_address_text(address, text));
        free(metrics);
        return false;
    }
    find_bound(metrics, address, bound);
    *out = metrics;
    return true;
}

void load_metrics_stop(struct load_metrics *metrics)
{
    if (metrics == NULL)
        return;
    MHD_stop_daemon(metrics->daemon);
    free(metrics);
}

/* ---- Format ---------------------------------------------------------------------------------- */

static void head(FILE *out, const char *name, const char *help, const char *type)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void load_metric_counter(FILE *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, help, "counter");
    fprintf(out, "%s %" PRIu64 "\n", name, value);
}

void load_metric_gauge(FILE *out, const char *name, const char *help, double value)
{
    head(out, name, help, "gauge");
    fprintf(out, "%s %.15g\n", name, value);
}

void load_metric_histogram(FILE *out, const char *name, const char *help,
                           const struct load_histogram *histogram)
{
    static const double parts[] = {1, 2.5, 5};
    uint64_t seen = 0;
    unsigned bucket = 0;

    head(out, name, help, "histogram");
    for (double decade_us = 10; decade_us < 1e8; decade_us *= 10) {
        for (unsigned i = 0; i < 3; i++) {
            double bound_us = decade_us * parts[i];

            if (bound_us < 50 || bound_us > 5e7)
                continue;
            for (; bucket < LOAD_HISTOGRAM_BUCKETS &&
                   (double)load_histogram_upper(bucket) <= bound_us;
                 bucket++)
                seen += histogram->counts[bucket];
            fprintf(out, "%s_bucket{le=\"%.10g\"} %" PRIu64 "\n", name, bound_us / 1e6, seen);
        }
    }
    fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, histogram->total);
    fprintf(out, "%s_sum %.6f\n", name, (double)histogram->sum_us / 1e6);
    fprintf(out, "%s_count %" PRIu64 "\n", name, histogram->total);
}

/* When the process began, by its age: field 22 of its stat, in ticks since the machine began. */
static double start_s(void)
{
    FILE *file = fopen("/proc/self/stat", "r");
    unsigned long long ticks = 0;
    struct timespec up, utc;

    if (file == NULL)
        return 0;
    /* The name, in brackets, is ours: without blanks. */
    if (fscanf(file,
               "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
               "%*d %*d %llu",
               &ticks) != 1)
        ticks = 0;
    fclose(file);
    clock_gettime(CLOCK_BOOTTIME, &up);
    clock_gettime(CLOCK_REALTIME, &utc);
    return (double)utc.tv_sec - (double)up.tv_sec + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void load_metric_process(FILE *out, const char *version)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    head(out, "zsip_build_info", "Version of the program.", "gauge");
    fprintf(out, "zsip_build_info{version=\"%s\"} 1\n", version);
    head(out, "process_cpu_seconds_total", "CPU time of the process.", "counter");
    fprintf(out, "process_cpu_seconds_total %.6f\n",
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    load_metric_gauge(out, "process_resident_memory_bytes", "Resident memory.",
                      (double)load_resident_bytes());
    load_metric_gauge(out, "process_start_time_seconds", "Start of the process since 1970, UTC.",
                      start_s());
}

static void prefixed(FILE *out, const char *prefix, const char *name, const char *help,
                     uint64_t value)
{
    char whole[160];
    int length = (int)strlen(name);

    /* Prometheus counts time in seconds. */
    if (length > 3 && strcmp(name + length - 3, "_ns") == 0) {
        snprintf(whole, sizeof whole, "%s_%.*s_seconds_total", prefix, length - 3, name);
        head(out, whole, help, "counter");
        fprintf(out, "%s %.9f\n", whole, (double)value / 1e9);
        return;
    }
    snprintf(whole, sizeof whole, "%s_%s_total", prefix, name);
    load_metric_counter(out, whole, help, value);
}

void load_metric_stats(FILE *out, const char *prefix, const struct zsip_endpoint_stats *endpoint,
                       const struct zsip_worker_stats *ring)
{
    char name[96];

    snprintf(name, sizeof name, "%s_endpoint", prefix);
#define X(stat, text) prefixed(out, name, #stat, text, endpoint->stat);
    ZSIP_ENDPOINT_STATS_MAP(X)
#undef X
    snprintf(name, sizeof name, "%s_ring", prefix);
#define X(stat, text) prefixed(out, name, #stat, text, ring->stat);
    ZSIP_WORKER_STATS_MAP(X)
#undef X
}

void load_metric_run(FILE *out, const struct load_now *now, const struct load_histogram *latency)
{
#define X(name, text) prefixed(out, "zsip_load", #name, text, now->counters.name);
    LOAD_COUNTER_MAP(X)
#undef X
    head(out, "zsip_load_responses_total", "final answers by status code", "counter");
    for (unsigned code = 0; code < LOAD_STATUS_MAX; code++) {
        if (now->status[code] > 0 || code == 200)
            fprintf(out, "zsip_load_responses_total{code=\"%u\"} %" PRIu64 "\n", code,
                    now->status[code]);
    }
    load_metric_gauge(out, "zsip_load_pending", "requests under way",
                      (double)now->endpoint.clients_now);
    load_metric_histogram(out, "zsip_load_latency_seconds",
                          "latency of answers, from the planned start in an open loop", latency);
    load_metric_stats(out, "zsip_load", &now->endpoint, &now->ring);
}

void load_metric_objectives(FILE *out, const struct load_slo *slo, const struct load_now *now,
                            const struct load_histogram *latency, double arrival_s)
{
    struct load_result result = {
        .counters = now->counters,
        .retransmissions = now->endpoint.retransmissions_out,
        .arrival_s = arrival_s,
        .latency = latency,
        .from_send = latency,
    };
    const struct load_counters *counters = &now->counters;
    uint64_t failed = counters->timed_out + counters->unreachable;

    if (latency->total == 0)
        return;
    head(out, "zsip_load_objective_met", "1: the objective is met so far; 0: missed", "gauge");
    for (uint32_t i = 0; i < slo->count; i++) {
        const struct load_objective *one = &slo->objectives[i];

        /* What is under way is not lost yet, and latencies are those of the seconds that are over.
         */
        result.counters.sent = failed + latency->total;
        if (load_measure_unit(one->measure) != LOAD_UNIT_TIME)
            result.counters.sent = failed + counters->answered_2xx + counters->answered_3xx +
                                   counters->answered_4xx + counters->answered_5xx +
                                   counters->answered_6xx;
        if (!one->from_send && one->measure != LOAD_MEASURE_LOST)
            fprintf(out, "zsip_load_objective_met{objective=\"%s\"} %d\n", one->text,
                    load_objective_met(one, &result));
    }
}
