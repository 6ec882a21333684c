/* Calls that go through a scenario, driven by an endpoint: requests are transactions of its own
 * (it sends again and gives up), responses to what it received as well. One run belongs to one
 * worker and its thread; its counters may be read from any. Memory is taken once. */
#ifndef ZSIP_BENCH_LOAD_SCENARIO_RUN_H
#define ZSIP_BENCH_LOAD_SCENARIO_RUN_H

#include "bench/load/calls.h"
#include "bench/load/scenario/scenario.h"

#include <stdatomic.h>
#include <stdio.h>

#define SCENARIO_CALLS_MAX 4000000u
/* Kept of a message that was received, or of a request that can't be made anew. */
#define SCENARIO_KEPT_BYTES 8192u

struct scenario_counters {
#define X(name, text) _Atomic uint64_t name;
    LOAD_CALLS_MAP(X)
#undef X
};

/* Of one step: like SIPp's screen. */
struct scenario_step_counts {
    _Atomic uint64_t messages;
    _Atomic uint64_t timeouts;
    _Atomic uint64_t unexpected;
};

/* What the load engine measures; each may be NULL. */
struct scenario_events {
    void *user;
    /* A request left for the first time. planned_ns: when it should have. */
    void (*sent)(void *user, uint64_t planned_ns, struct zsip_time now);
    /* Its end: an answer, or none. */
    void (*ended)(void *user, uint64_t planned_ns, uint64_t sent_ns,
                  const struct zsip_outcome *outcome);
    /* A scenario asked for the end: at once, or of new calls. */
    void (*stop)(void *user, bool at_once);
};

struct scenario_run_config {
    const struct scenario *scenario;
    struct scenario_events events;
    uint32_t worker; /* calls are numbered worker + 1, worker + workers + 1 ... */
    uint32_t workers;
    uint32_t calls_max;  /* at once */
    uint32_t users;      /* -users of this worker: the calls at once, numbered; 0: no such thing */
    uint32_t user_first; /* the first one's number */
    uint64_t seed;       /* of random numbers and Call-IDs; another for each worker and run */
    FILE *log;           /* of <log>; NULL: goes nowhere */
};

struct scenario_run;

/* Before the endpoint is made. ERROR_ARGUMENT: more memory than is sensible, error says so;
 * ERROR_MEMORY. */
enum zsip_status scenario_run_create(const struct scenario_run_config *config,
                                     struct scenario_run **out, char *error, size_t error_bytes);
/* Once addresses are known: keywords get their values. remote: where a client sends to, as the user
 * wrote its host; a server has none. ERROR_ARGUMENT: error is one line. ERROR_MEMORY. */
enum zsip_status scenario_run_bind(struct scenario_run *run, struct zsip_endpoint *endpoint,
                                   const struct zsip_path *path, const struct zsip_address *local,
                                   const char *remote_host, char *error, size_t error_bytes);
void scenario_run_destroy(struct scenario_run *run);

/* For the endpoint's configuration: requests under way at most. */
uint32_t scenario_run_clients(const struct scenario_run *run);
/* The most bytes a request can have, roughly: 65,536 at most. */
uint32_t scenario_run_bytes(const struct scenario_run *run);

/* Whether one more call may begin. */
bool scenario_run_may_start(const struct scenario_run *run);
/* Begins a call that was planned for planned_ns. false: no room in the output of this turn; try
 * again behind it. */
bool scenario_run_start(struct scenario_run *run, uint64_t planned_ns, struct zsip_time now);
/* Goes on with what is due; returns when to be called next, ZSIP_NEVER_NS: not by time. */
uint64_t scenario_run_turn(struct scenario_run *run, struct zsip_time now);
/* Calls at once, and requests of calls that are over. */
uint32_t scenario_run_pending(const struct scenario_run *run);

/* The endpoint's callbacks. */
void scenario_run_outcome(struct scenario_run *run, const struct zsip_outcome *outcome);
void scenario_run_request(struct scenario_run *run, const struct zsip_incoming *incoming);
size_t scenario_run_build(struct scenario_run *run, uint64_t cookie, struct zsip_view branch,
                          uint8_t *out, size_t capacity, uint32_t *pad_at);

const struct scenario_counters *scenario_run_counters(const struct scenario_run *run);
const struct scenario_step_counts *scenario_run_steps(const struct scenario_run *run);
/* The first failure, in a few words with the line of its step; "" if there was none. Behind the end
 * of the run. */
const char *scenario_run_first_failure(const struct scenario_run *run);

#endif
