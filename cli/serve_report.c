/* zsip serve: live line, summary, JSON. */
#include "bench/load/format.h"
#include "bench/load/json.h"
#include "serve.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

void serve_totals(struct serve_worker *const *workers, unsigned count, struct serve_totals *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < count; i++) {
        struct zsip_endpoint_stats endpoint = {.struct_bytes = sizeof endpoint};
        struct zsip_worker_stats ring = {.struct_bytes = sizeof ring};

        zsip_endpoint_stats(workers[i]->endpoint, &endpoint);
        zsip_worker_stats(workers[i]->zsip, &ring);
#define X(name, text) out->endpoint.name += endpoint.name;
        ZSIP_ENDPOINT_STATS_MAP(X)
#undef X
#define X(name, text) out->ring.name += ring.name;
        ZSIP_WORKER_STATS_MAP(X)
#undef X
        out->shares[i] = (struct serve_share){.requests_in = endpoint.requests_in,
                                              .datagrams_in = ring.datagrams_in,
                                              .connections_accepted = ring.connections_accepted,
                                              .messages_in = ring.messages_in};
        out->share_count = i + 1;
        out->endpoint.completed_now += endpoint.completed_now;
        out->endpoint.pending_now += endpoint.pending_now;
    }
}

static uint64_t answered(const struct zsip_endpoint_stats *stats)
{
    return stats->answered_2xx + stats->answered_3xx + stats->answered_4xx + stats->answered_5xx +
           stats->answered_6xx;
}

static uint64_t malformed(const struct zsip_endpoint_stats *stats)
{
    return stats->malformed_requests + stats->malformed_responses + stats->malformed_other;
}

static struct load_text rate(uint64_t before, uint64_t now, double seconds)
{
    return load_format_count(seconds <= 0 ? 0 : (uint64_t)((double)(now - before) / seconds + 0.5));
}

void serve_report_line(FILE *out, const struct serve_totals *before, const struct serve_totals *now,
                       double seconds)
{
    const struct zsip_endpoint_stats *old = &before->endpoint, *new = &now->endpoint;

    fprintf(out, "in %s/s  answered %s/s  retransmitted to us %s/s  remembered %s",
            rate(old->requests_in, new->requests_in, seconds).text,
            rate(answered(old), answered(new), seconds).text,
            rate(old->retransmissions_in, new->retransmissions_in, seconds).text,
            load_format_count(new->completed_now).text);
    if (new->pending_now > 0)
        fprintf(out, "  held %s", load_format_count(new->pending_now).text);
    if (malformed(new) > 0)
        fprintf(out, "  malformed %s", load_format_count(malformed(new)).text);
    if (now->ring.dropped_socket > 0)
        fprintf(out, "  dropped by the socket %s",
                load_format_count(now->ring.dropped_socket).text);
}

/* ---- Summary --------------------------------------------------------------------------------- */

static void row(FILE *out, uint64_t count, const char *text)
{
    if (count > 0)
        fprintf(out, "  %15s  %s\n", load_format_count(count).text, text);
}

static double per(uint64_t count, uint64_t each)
{
    return each == 0 ? 0 : (double)count / (double)each;
}

/* Messages in and out for each entry into the kernel: what the ring and the trains are for. */
static double messages_per_syscall(const struct zsip_worker_stats *ring)
{
    return per(ring->datagrams_in + ring->datagrams_out + ring->messages_in + ring->messages_out,
               ring->syscalls);
}

static void batches(FILE *out, const struct zsip_worker_stats *ring)
{
    if (ring->syscalls > 0)
        fprintf(out,
                "  %15.1f  messages a syscall, in and out; %.1f a receive, %.1f a send, %.1f a "
                "turn\n",
                messages_per_syscall(ring), per(ring->datagrams_in, ring->receives),
                per(ring->datagrams_out, ring->sends), per(ring->datagrams_in, ring->turns));
}

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* Everything that connections count has its row, except what only makes ratios. */
static void connections(FILE *out, const struct zsip_worker_stats *ring)
{
    static const char *const quiet[] = {"connections_now", "messages_in", "messages_out", "reads",
                                        "writes"};
    bool ours = false;

    if (ring->connections_accepted + ring->connections_opened + ring->connect_errors == 0)
        return;
#define X(name, text)                                                                              \
    ours |= strcmp(#name, "connections_now") == 0;                                                 \
    if (ours && !listed(quiet, sizeof quiet / sizeof quiet[0], #name))                             \
        row(out, ring->name, text);
    ZSIP_WORKER_STATS_MAP(X)
#undef X
    fprintf(out, "  %15.1f  messages a read; %.1f a write, over connections\n",
            per(ring->messages_in, ring->reads), per(ring->messages_out, ring->writes));
}

void serve_report_summary(FILE *out, const struct serve_config *config,
                          const struct serve_totals *totals, double seconds)
{
    const struct zsip_endpoint_stats *endpoint = &totals->endpoint;
    struct rusage usage = {0};
    double cpu_s;

    getrusage(RUSAGE_SELF, &usage);
    cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    fprintf(out, "\nzsip serve: %.1f s, %s requests, %s answered; CPU %.2f s, memory at most %s\n",
            seconds, load_format_count(endpoint->requests_in).text,
            load_format_count(answered(endpoint)).text, cpu_s,
            load_format_bytes((uint64_t)usage.ru_maxrss * 1024).text);
#define X(name, text)                                                                              \
    if (strcmp(#name, "merged") != 0)                                                              \
        row(out, endpoint->name, text);
    ZSIP_ENDPOINT_STATS_MAP(X)
#undef X
    row(out, endpoint->merged,
        config->merged == ZSIP_MERGED_482
            ? "requests that came by a second way, answered 482 (--merged accept takes them)"
            : "requests that came by a second way, accepted (--merged 482 refuses them)");
    row(out, endpoint->pending_now, "held requests left unanswered (SIGTERM answers them first)");
    row(out, totals->ring.steered_out, "packets passed on to the worker that owns them");
    row(out, totals->ring.steered_full, "packets dropped because the lane to their owner was full");
    row(out, totals->ring.truncated, "datagrams larger than a buffer, refused");
    row(out, totals->ring.dropped_socket,
        "datagrams dropped by the kernel for want of socket buffer (--rcvbuf)");
    row(out, totals->ring.buffers_empty, "times the buffer ring ran dry");
    row(out, totals->ring.send_errors, "messages that could not be sent");
    row(out, totals->ring.send_full, "messages dropped because the send buffer was full");
    row(out, totals->ring.icmp_errors, "ICMP errors received");
    connections(out, &totals->ring);
    batches(out, &totals->ring);
    fflush(out);
}

void serve_report_metrics(FILE *out, const struct serve_totals *totals)
{
    load_metric_gauge(out, "zsip_serve_remembered", "answered requests kept for retransmissions",
                      (double)totals->endpoint.completed_now);
    load_metric_gauge(out, "zsip_serve_held", "requests that wait for their answer",
                      (double)totals->endpoint.pending_now);
    load_metric_stats(out, "zsip_serve", &totals->endpoint, &totals->ring);
    load_metric_process(out, ZSIP_VERSION);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *config_json(const struct serve_config *config)
{
    json_t *out = json_object(), *listen = json_array();

    for (unsigned i = 0; i < config->listen_count; i++)
        json_array_append_new(listen,
                              json_sprintf("%s:%s", cli_transport_name(config->listen[i].transport),
                                           config->listen[i].text));
    json_object_set_new(out, "listen", listen);
    json_object_set_new(out, "workers", json_integer(config->machine.workers));
    json_object_set_new(out, "status", json_integer(config->shape.statuses[0]));
    json_object_set_new(out, "delay_ms",
                        json_integer((json_int_t)(config->shape.delay_ns / ZSIP_NS_PER_MS)));
    json_object_set_new(out, "drop", json_real(config->shape.drop));
    json_object_set_new(out, "merged",
                        json_string(config->merged == ZSIP_MERGED_482 ? "482" : "accept"));
    json_object_set_new(out, "in_dialog",
                        json_string(config->in_dialog == ZSIP_IN_DIALOG_481 ? "481" : "accept"));
    json_object_set_new(out, "t1_s", json_real((double)config->machine.t1_ns / 1e9));
    json_object_set_new(out, "spin_us", json_integer(config->machine.spin_us));
    json_object_set_new(out, "without", json_integer(config->machine.without));
    json_object_set_new(out, "steer",
                        json_string(config->steering == ZSIP_STEER_PEER ? "peer" : "message"));
    json_object_set_new(out, "max_age_ms",
                        json_integer((json_int_t)(config->age_max_ns / ZSIP_NS_PER_MS)));
    json_object_set_new(out, "aged", json_string(config->aged_refused ? "503" : "drop"));
    json_object_set_new(out, "completed_max", json_integer(config->completed_max));
    json_object_set_new(out, "work_us",
                        json_integer((json_int_t)(config->work_ns / ZSIP_NS_PER_US)));
    json_object_set_new(out, "socket_buffer_bytes",
                        json_integer(config->machine.socket_buffer_bytes));
    json_object_set_new(out, "tcp", cli_tcp_json(&config->streams));
    return out;
}

/* How the kernel spread over the workers what came. */
static json_t *shares_json(const struct serve_totals *totals)
{
    json_t *out = json_array();

    for (unsigned i = 0; i < totals->share_count; i++) {
        const struct serve_share *share = &totals->shares[i];
        json_array_append_new(
            out, json_pack("{sIsIsIsI}", "requests_in", (json_int_t)share->requests_in,
                           "datagrams_in", (json_int_t)share->datagrams_in, "connections_accepted",
                           (json_int_t)share->connections_accepted, "messages_in",
                           (json_int_t)share->messages_in));
    }
    return out;
}

json_t *serve_report_json(const struct serve_config *config, const struct serve_totals *totals,
                          double seconds)
{
    json_t *out = json_object(), *endpoint = json_object(), *ring = json_object();
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    json_object_set_new(out, "schema", json_string("zsip serve 1"));
    json_object_set_new(out, "machine", load_machine_json());
    json_object_set_new(out, "config", config_json(config));
    json_object_set_new(out, "seconds", json_real(seconds));
#define X(name, text)                                                                              \
    json_object_set_new(endpoint, #name, json_integer((json_int_t)totals->endpoint.name));
    ZSIP_ENDPOINT_STATS_MAP(X)
#undef X
    json_object_set_new(endpoint, "completed_now",
                        json_integer((json_int_t)totals->endpoint.completed_now));
    json_object_set_new(endpoint, "pending_now",
                        json_integer((json_int_t)totals->endpoint.pending_now));
    json_object_set_new(out, "endpoint", endpoint);
#define X(name, text) json_object_set_new(ring, #name, json_integer((json_int_t)totals->ring.name));
    ZSIP_WORKER_STATS_MAP(X)
#undef X
    json_object_set_new(ring, "messages_per_syscall",
                        json_real(messages_per_syscall(&totals->ring)));
    json_object_set_new(out, "worker", ring);
    json_object_set_new(out, "workers", shares_json(totals));
    json_object_set_new(
        out, "user_s",
        json_real((double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6));
    json_object_set_new(
        out, "system_s",
        json_real((double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6));
    json_object_set_new(out, "memory_bytes_max", json_integer((json_int_t)usage.ru_maxrss * 1024));
    return out;
}
