/* The load engine: workers, each with an endpoint, a ring and a core of its own, that send requests
 * by a plan (open loop) or by a window (closed loop) and measure what comes back.
 *
 *     load_create()            sockets, memory, templates: everything that can fail
 *     load_start()             threads begin
 *     while (load_running())   the caller's own pace: load_second() for the live line
 *     load_result()            totals, merged exactly
 *     load_destroy()
 *
 * A run has two parts: arrivals, until duration or count or load_close() ends them, then a drain
 * that lasts until everything pending has ended, 64*T1 at most. Memory is taken in load_create()
 * and does not grow. */
#ifndef ZSIP_BENCH_LOAD_LOAD_H
#define ZSIP_BENCH_LOAD_LOAD_H

#include "calls.h"
#include "histogram.h"
#include "plan.h"
#include "zsip/zsip.h"

#include <stdio.h>

#define LOAD_WORKERS_MAX 64u
#define LOAD_WINDOW_MAX  4000000u

/* One second of the run. X(name, "what"): of several workers the sum. */
#define LOAD_SECOND_SUM_MAP(X)                                                                     \
    X(sent, "requests sent for the first time")                                                    \
    X(answered, "final answers")                                                                   \
    X(failed, "timed out or unreachable")                                                          \
    X(late, "of those answered: only after a retransmission")                                      \
    X(retransmitted, "requests sent again")                                                        \
    X(pending, "under way at the end of the second")                                               \
    X(cpu_us, "CPU time of the workers' threads")

/* Latency of the answers of this second, from the planned start in an open loop; of all workers'
 * histograms together. */
#define LOAD_SECOND_LATENCY_MAP(X)                                                                 \
    X(p50_us, "median latency")                                                                    \
    X(p90_us, "90th percentile of latency")                                                        \
    X(p99_us, "99th percentile of latency")                                                        \
    X(p99_9_us, "99.9th percentile of latency")                                                    \
    X(max_us, "longest latency")

struct load_second {
#define X(name, text) uint64_t name;
    LOAD_SECOND_SUM_MAP(X)
    LOAD_SECOND_LATENCY_MAP(X)
#undef X
    uint64_t lag_us; /* the latest that a request left behind its plan */
    bool warmup;     /* before the measurement: not in the totals */
};

/* Sums, the latest lag, and whether any was of the warmup; percentiles come from histograms. */
void load_second_add(struct load_second *to, const struct load_second *from);

/* Memory of this process; 0 where /proc does not say. */
uint64_t load_resident_bytes(void);

/* Told of each second once, in order, by the thread that calls load_second(). latency holds the
 * answers of this second until the function returns. */
typedef void (*load_second_told)(void *user, uint32_t index, const struct load_second *second,
                                 const struct load_histogram *latency);

struct load_inject;
struct load_sources;
struct load_slo;
struct load_pcap;
struct scenario;

struct load_config {
    struct zsip_address remote;
    enum zsip_transport transport;      /* NONE: UDP */
    uint32_t connections;               /* over TCP: of each worker; 0: one */
    bool connection_each;               /* instead: one for each request */
    struct zsip_stream_config streams;  /* of these connect_ns and ping_ns */
    const struct load_sources *sources; /* source.h: where to send from; NULL: the kernel says */
    const char *domain;                 /* host[:port] in the target URIs */
    const char *proxy; /* host:port in a preloaded Route, remote its address; NULL: none */
    enum zsip_method method;
    /* Of requests, as struct load_template_config says; all but method and body_bytes may be NULL.
     * They live as long as the run. */
    const char *method_name;
    const char *text;
    const char *text_name;
    const char *to;
    const char *from;
    const char *headers;
    const char *content_type;
    const struct load_inject *inject;
    struct zsip_view body; /* data NULL: body_bytes of a text of ours, in a MESSAGE */
    const uint32_t *sizes; /* of bodies, LOAD_SIZES */
    bool utf8;
    uint32_t body_bytes; /* the most */

    uint32_t window; /* requests pending at most: the closed loop itself, a bound of the open */
    double rate;     /* arrivals a second at the plan's highest; 0: closed loop */
    const struct load_schedule *schedule; /* lives as long as the run; NULL: rate all the time */
    const char *rate_text;                /* how the user wrote it; NULL: as rate says */
    uint64_t warmup_ns;   /* sends before the plan begins, at its first rate, and counts nothing */
    int64_t start_utc_us; /* when to begin, us since 1970; 0: at once */
    uint64_t duration_ns; /* of the arrivals, without warmup; 0: until count */
    uint64_t count;       /* of the arrivals; 0: until duration */
    uint32_t users;       /* distinct target URIs (lines, with inject), >= workers */
    bool registers;       /* both ends: registers the users, answers what arrives */
    bool overlap;         /* several pending to one URI, against RFC 3428 section 8 */
    bool vouched;         /* lifts the 1300 bytes of RFC 3428 section 8 */
    bool no_retransmit;
    uint64_t t1_ns;
    const struct load_slo *slo; /* slo.h: what the run must meet; NULL: nothing */
    const char *auth;           /* USER:PASSWORD as auth.h has it; NULL: none */
    /* Instead of all of the above about requests: calls of this scenario; window, rate and count
     * are of calls. Lives as long as the run. */
    const struct scenario *scenario;
    FILE *scenario_log; /* of its <log>; NULL: nowhere */

    uint32_t workers;
    const int *cpus; /* one a worker; -1: not pinned */
    uint32_t spin_us;
    uint64_t lag_max_ns; /* of the 99th percentile: beyond, a run was behind its plan */
    uint32_t socket_buffer_bytes;
    unsigned without;        /* enum zsip_feature */
    struct load_pcap *pcap;  /* pcap.h: where a sample of the packets goes; NULL: nowhere */
    load_second_told second; /* may be NULL */
    void *second_user;
    zsip_log log;
    void *log_user;
};

void load_config_init(struct load_config *config);

/* What happened, in numbers that only grow. X(name, "what it counts") */
#define LOAD_COUNTER_MAP(X)                                                                        \
    X(sent, "requests sent for the first time")                                                    \
    X(answered_2xx, "answered 2xx")                                                                \
    X(answered_3xx, "answered 3xx")                                                                \
    X(answered_4xx, "answered 4xx")                                                                \
    X(answered_5xx, "answered 5xx")                                                                \
    X(answered_6xx, "answered 6xx")                                                                \
    X(challenged, "sent again with credentials, after a 401 or 407")                               \
    X(answered_late, "answered only after a retransmission")                                       \
    X(good_in_t1, "answered 2xx within T1 of the planned start")                                   \
    X(warmup, "requests sent before the measurement began")                                        \
    X(timed_out, "no final answer in 64*T1")                                                       \
    X(unreachable, "could not be sent, or ICMP said so")                                           \
    X(waited_user, "sent later than planned: every target URI had one pending")                    \
    X(waited_window, "sent later than planned: as many pending as allowed")                        \
    X(unsent, "planned and never sent")                                                            \
    X(delivered, "came to the user they were sent to")                                             \
    X(duplicated, "came there again, as a request of its own")                                     \
    X(reordered, "came there after one that was sent later")                                       \
    X(misdelivered, "came, and are of none that was sent by this worker")

struct load_counters {
#define X(name, text) uint64_t name;
    LOAD_COUNTER_MAP(X)
#undef X
};

/* What became of its connections, warmup and all; the names are those of ZSIP_WORKER_STATS_MAP.
 * X(name, "as it is printed") */
#define LOAD_CONNECTION_MAP(X)                                                                     \
    X(connections_opened, "connections opened")                                                    \
    X(connect_errors, "could not be opened")                                                       \
    X(connect_timeouts, "did not open in time")                                                    \
    X(closed_by_peer, "closed by the peer")                                                        \
    X(closed_reset, "reset")                                                                       \
    X(closed_pong, "closed: a ping was not answered")                                              \
    X(pings_out, "pings sent")                                                                     \
    X(diverted, "requests that left by another connection")                                        \
    X(requests_lost, "requests lost with their connection")

struct load_connections {
#define X(name, text) uint64_t name;
    LOAD_CONNECTION_MAP(X)
#undef X
};

/* Who was the limit of a run. X(name, "as it is printed") */
#define LOAD_LIMIT_MAP(X)                                                                          \
    X(NOBODY, "nobody")                                                                            \
    X(GENERATOR, "the generator")                                                                  \
    X(NETWORK, "the network")                                                                      \
    X(SERVER, "the server")                                                                        \
    X(WINDOW, "the window")                                                                        \
    X(URIS, "the target URIs")

enum load_limit {
#define X(name, text) LOAD_LIMIT_##name,
    LOAD_LIMIT_MAP(X)
#undef X
        LOAD_LIMIT_COUNT,
};

struct load_verdict {
    enum load_limit limit;
    /* The generator fell behind its plan, or lost answers itself: what the run says about the
     * server is not to be believed. */
    bool tainted;
    char why[320];  /* one line, without the name of the limit */
    char held[200]; /* the rules of the run kept it from its plan: how, in a line; "": they did not
                     */
};

/* A final response's status code is below this. */
#define LOAD_STATUS_MAX 700u

/* Answers told apart by how often their request was sent: 1, 2 ... and as many or more. */
#define LOAD_SENDS_MAX 16u

struct load_result {
    struct load_counters counters;
    struct load_connections connections;
    uint64_t status[LOAD_STATUS_MAX]; /* final responses by status code */
    uint64_t pending;                 /* ended neither way: cut off, or load_stop() */
    uint64_t retransmissions;
    uint64_t answered_by_sends[LOAD_SENDS_MAX]; /* [0]: at the first send, [1]: after E1 ... */
    uint64_t responses_duplicate;               /* a second final answer, or one after Timer F */
    uint64_t responses_stray;                   /* match nothing of ours */
    uint64_t datagrams_dropped;                 /* by our own socket, for want of buffer */
    uint64_t buffers_empty;  /* times our buffer ring ran dry: answers waited in the socket */
    uint64_t target_dropped; /* by the server's socket, if it is on this machine */
    uint64_t unsent_held;    /* of counters.unsent: held back by the rules to the end */
    uint64_t send_errors;
    uint32_t request_bytes;
    double arrival_s; /* how long requests were sent */
    double drain_s;   /* how long after that the last one ended */
    double user_s;    /* CPU time of this process in both */
    double system_s;
    double busy;           /* 0..1: of the busiest worker, the time it did not wait for work */
    uint64_t memory_bytes; /* resident at the end */
    uint32_t seconds;
    uint32_t registered;
    uint32_t register_failed;
    uint32_t register_code; /* of the last that failed */
    struct load_verdict verdict;
    uint32_t objectives; /* of config->slo */
    uint32_t objectives_missed;
    /* Of a scenario: its calls, and its steps in order (NULL: there is none). */
    struct load_calls calls;
    struct load_step *steps;
    uint32_t step_count;
    char calls_first_failure[200];
    /* Latency: from the planned start in an open loop, from the send in a closed one. */
    const struct load_histogram *latency;
    const struct load_histogram *from_send; /* open loop: uncorrected. Else the same as latency */
    /* Open loop: the send against the plan, or against the moment that the rules let it go (a
     * target URI, room in the window): our own lateness. Else empty. */
    const struct load_histogram *send_lag;
    const struct load_histogram *one_way; /* of what was delivered: from its send */
    const struct load_histogram *held;    /* how long those that had to wait did so for the rules */
};

struct load;

/* On failure error holds one line: what, where, what to do. ERROR_ARGUMENT: a value out of range.
 * ERROR_SIZE: the request is over 1300 bytes and not vouched for. Else as
 * zsip_worker_create(), zsip_worker_listen(), zsip_address_source(). */
enum zsip_status load_create(const struct load_config *config, struct load **load, char *error,
                             size_t error_bytes);
/* Returns at once; where users are to be registered first, that goes on. ERROR_SYSTEM: no thread.
 */
enum zsip_status load_start(struct load *load);
/* When the first second began, and the first request was due, in us since 1970 UTC. After
 * load_start(); with registrations the last word on it is spoken when they are over. */
int64_t load_started_utc_us(const struct load *load);
/* Whether any of it goes on. To be asked again and again by the thread that called load_start(): it
 * begins the run when the registrations are over. */
bool load_running(struct load *load);
/* Whether requests are still to begin: neither did the arrivals end nor load_close() them. */
bool load_arriving(const struct load *load);
/* Ends the arrivals: the drain begins. Any thread. */
void load_close(struct load *load);
/* Ends the run as it stands. Any thread. */
void load_stop(struct load *load);
/* Whether second number index (0, 1 ...) is over for all workers; then fills *out. One thread, at
 * least once a second: what it does not look at in time is told as part of a later second. */
bool load_second(struct load *load, uint32_t index, struct load_second *out);
/* What was counted so far, warmup and all. Each number is whole, but they are not of one moment.
 * Any thread, from load_create() to load_destroy(). */
struct load_now {
    struct load_counters counters;
    uint64_t status[LOAD_STATUS_MAX];
    struct zsip_endpoint_stats endpoint;
    struct zsip_worker_stats ring;
};

void load_now(const struct load *load, struct load_now *out);
/* How long requests have been sent that count. Any thread. */
double load_arrival_s(const struct load *load);

/* The rate of an open loop from now on; 0 pauses. Any thread. */
void load_rate_set(struct load *load, double rate);
/* Waits for the threads, then fills *result; its pointers live as long as load. */
void load_result(struct load *load, struct load_result *result);
void load_destroy(struct load *load);

/* Exit status of a run: 4 the verdict is tainted, whatever else. With objectives 0 they were met, 3
 * one was missed. Without: 0 every request was answered 2xx, 1 every one was answered but not so, 2
 * some ended without an answer (or none was sent). Of a scenario: 0 every call came to its end, 1
 * not all did, 2 some for want of an answer. And 4 in place of 0 or 1 where the rules kept the run
 * from its plan: what was asked for was not tried. */
int load_verdict(const struct load_result *result);

#endif
