/* zsip serve: what its files share. */
#ifndef ZSIP_CLI_SERVE_H
#define ZSIP_CLI_SERVE_H

#include "bench/load/scenario/run.h"
#include "cli.h"
#include "machine.h"
#include "outside.h"
#include "scenario.h"
#include "shape.h"
#include "tcp.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define SERVE_WORKERS_MAX 64u
#define SERVE_LISTEN_MAX  16u
/* A request that waited this long has cost its sender two fifths of T1: what is served after it
 * would come too late as well. */
#define SERVE_AGE_MAX_NS (200 * ZSIP_NS_PER_MS)

struct serve_config {
    struct cli_place listen[SERVE_LISTEN_MAX];
    unsigned listen_count;
    int adopt_first; /* sockets that the service manager handed over */
    unsigned adopt_count;
    struct cli_place adopted[SERVE_LISTEN_MAX];
    struct cli_machine machine;
    struct zsip_stream_config streams;
    const char *advertise;
    struct shape shape; /* what a MESSAGE gets, and when */
    uint32_t held_max;
    uint32_t completed_max;
    char methods[512]; /* the value of Allow; empty: the library's default */
    bool methods_any;
    const char *accept;
    enum zsip_merged merged;
    enum zsip_in_dialog in_dialog;
    enum zsip_steering steering;
    struct zsip_group *group; /* of several workers */
    uint64_t age_max_ns;      /* 0: requests don't age */
    bool aged_refused;
    uint64_t work_ns;             /* of CPU time burnt for each new request */
    struct cli_scenario scenario; /* its path NULL: none */
    uint64_t count;               /* of its calls, then it ends; 0: goes on */
    bool print;
    bool quiet;
    uint64_t stats_s; /* 0: a live line on a terminal */
    const char *json;
    struct cli_outside watch;
};

/* An answer that waits for its time. */
struct serve_held {
    uint64_t handle;
    uint64_t due_ns;
    uint32_t status;
    uint32_t order; /* as it came */
};

struct serve_worker {
    struct zsip_worker *zsip;
    struct zsip_endpoint *endpoint;
    const struct serve_config *config;
    struct serve_held *held; /* a heap: who is due first stands first */
    uint32_t held_count;
    uint32_t held_order;
    struct scenario_run *script; /* NULL: answers by the options above */
    uint64_t random;
    bool printed;
    pthread_t thread;
    bool threaded;
    _Atomic bool draining;
    _Atomic bool over;
    _Atomic bool broken;
};

/* serve_options.c: returns an exit status, or -1 to go on. */
int serve_options(int argc, char **argv, struct serve_config *config);

/* serve_worker.c. On failure error holds one line. worker is zeroed before. */
enum zsip_status serve_worker_create(struct serve_worker *worker, struct serve_config *config,
                                     unsigned index, char *error, size_t error_bytes);
void serve_worker_destroy(struct serve_worker *worker);
void *serve_worker_thread(void *worker);
/* Answers what is held, takes nothing more in, ends. Any thread. */
void serve_worker_drain(struct serve_worker *worker);

/* serve_script.c: the same for a scenario. */
enum zsip_status serve_script_create(struct serve_worker *worker, unsigned index, char *error,
                                     size_t error_bytes);
void serve_script_configure(struct serve_worker *worker, struct zsip_endpoint_config *endpoint);
enum zsip_status serve_script_bind(struct serve_worker *worker, char *error, size_t error_bytes);
/* Calls that are over. */
uint64_t serve_script_ended(struct serve_worker *const *workers, unsigned count);
/* Adds all workers' to *calls and steps. */
void serve_script_totals(struct serve_worker *const *workers, unsigned count,
                         struct load_calls *calls, struct load_step *steps,
                         const char **first_failure);

/* serve_print.c: shows one message on standard output. */
void serve_print(const struct zsip_incoming *incoming);

/* serve_watch.c: what goes on, each interval a line or on a terminal the live view. */
struct serve_watched {
    const struct serve_config *config;
    struct serve_worker *const *workers;
    unsigned worker_count;
    FILE *out;
    uint64_t start_ns;
};

/* Until a signal, a key, as many calls as wanted, or until a worker broke. Returns whether to
 * drain. */
bool serve_watch(const struct serve_watched *watched, const sigset_t *signals);

/* serve_report.c. */
struct serve_totals {
    struct zsip_endpoint_stats endpoint;
    struct zsip_worker_stats ring;
    struct serve_share { /* of each worker */
        uint64_t requests_in, datagrams_in, connections_accepted, messages_in;
    } shares[SERVE_WORKERS_MAX];
    unsigned share_count;
};

void serve_totals(struct serve_worker *const *workers, unsigned count, struct serve_totals *out);
/* What happened between two looks, seconds apart. No line end. */
void serve_report_line(FILE *out, const struct serve_totals *before, const struct serve_totals *now,
                       double seconds);
/* A load_metrics_write's part: all of it. */
void serve_report_metrics(FILE *out, const struct serve_totals *totals);
void serve_report_summary(FILE *out, const struct serve_config *config,
                          const struct serve_totals *totals, double seconds);
json_t *serve_report_json(const struct serve_config *config, const struct serve_totals *totals,
                          double seconds);

#endif
