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

#include "histogram.h"
#include "zsip/zsip.h"

#define LOAD_WORKERS_MAX 64u
#define LOAD_WINDOW_MAX  4000000u

/* One second of the run, all workers. */
struct load_second {
    uint64_t sent;
    uint64_t answered;
    uint64_t failed; /* timed out or unreachable */
    uint64_t retransmitted;
    uint64_t pending; /* at its end */
    /* Of the answers of this second, from the planned start in an open loop; of all workers'
     * histograms together. */
    uint64_t p50_us;
    uint64_t p90_us;
    uint64_t p99_us;
    uint64_t p99_9_us;
    uint64_t max_us;
};

/* Told of each second once, in order, by the thread that calls load_second(). latency holds the
 * answers of this second until the function returns. */
typedef void (*load_second_told)(void *user, uint32_t index, const struct load_second *second,
                                 const struct load_histogram *latency);

struct load_config {
    struct zsip_address remote;
    const char *domain; /* host[:port] in the target URIs */
    const char *proxy;  /* host:port in a preloaded Route, remote its address; NULL: none */
    enum zsip_method method;
    uint32_t body_bytes;

    uint32_t window; /* requests pending at most: the closed loop itself, a bound of the open */
    double rate;     /* arrivals a second, planned; 0: closed loop */
    uint64_t duration_ns; /* of the arrivals; 0: until count */
    uint64_t count;       /* of the arrivals; 0: until duration */
    uint32_t users;       /* distinct target URIs, >= workers */
    bool overlap;         /* several pending to one URI, against RFC 3428 section 8 */
    bool vouched;         /* lifts the 1300 bytes of RFC 3428 section 8 */
    bool no_retransmit;
    uint64_t t1_ns;

    uint32_t workers;
    const int *cpus; /* one a worker; -1: not pinned */
    uint32_t spin_us;
    uint32_t socket_buffer_bytes;
    unsigned without;        /* enum zsip_feature */
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
    X(answered_late, "answered only after a retransmission")                                       \
    X(good_in_t1, "answered 2xx within T1 of the planned start")                                   \
    X(timed_out, "no final answer in 64*T1")                                                       \
    X(unreachable, "could not be sent, or ICMP said so")                                           \
    X(waited_user, "sent later than planned: every target URI had one pending")                    \
    X(waited_window, "sent later than planned: as many pending as allowed")                        \
    X(unsent, "planned and never sent")

struct load_counters {
#define X(name, text) uint64_t name;
    LOAD_COUNTER_MAP(X)
#undef X
};

/* A final response's status code is below this. */
#define LOAD_STATUS_MAX 700u

struct load_result {
    struct load_counters counters;
    uint64_t status[LOAD_STATUS_MAX]; /* final responses by status code */
    uint64_t pending;                 /* ended neither way: cut off, or load_stop() */
    uint64_t retransmissions;
    uint64_t responses_stray;   /* match nothing, or came after the end */
    uint64_t datagrams_dropped; /* by our own socket, for want of buffer */
    uint64_t send_errors;
    uint32_t request_bytes;
    double arrival_s; /* how long requests were sent */
    double drain_s;   /* how long after that the last one ended */
    double user_s;    /* CPU time of this process in both */
    double system_s;
    uint64_t memory_bytes; /* resident at the end */
    uint32_t seconds;
    /* Latency: from the planned start in an open loop, from the send in a closed one. */
    const struct load_histogram *latency;
    const struct load_histogram *from_send; /* open loop: uncorrected. Else the same as latency */
    const struct load_histogram *send_lag;  /* open loop: send against plan. Else empty */
};

struct load;

/* On failure error holds one line: what, where, what to do. ERROR_ARGUMENT: a value out of range.
 * ERROR_SIZE: the request is over 1300 bytes and not vouched for. Else as
 * zsip_worker_create(), zsip_worker_listen(), zsip_address_source(). */
enum zsip_status load_create(const struct load_config *config, struct load **load, char *error,
                             size_t error_bytes);
/* ERROR_SYSTEM: no thread. */
enum zsip_status load_start(struct load *load);
bool load_running(struct load *load);
/* Ends the arrivals: the drain begins. Any thread. */
void load_close(struct load *load);
/* Ends the run as it stands. Any thread. */
void load_stop(struct load *load);
/* Whether second number index (0, 1 ...) is over for all workers; then fills *out. One thread, at
 * least once a second: what it does not look at in time is told as part of a later second. */
bool load_second(struct load *load, uint32_t index, struct load_second *out);
/* Waits for the threads, then fills *result; its pointers live as long as load. */
void load_result(struct load *load, struct load_result *result);
void load_destroy(struct load *load);

/* Exit status of a run: 0 every request was answered 2xx, 1 every one was answered but not so, 2
 * some ended without an answer (or none was sent). */
int load_verdict(const struct load_result *result);

#endif
