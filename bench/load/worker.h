/* One worker of the load engine. Private to bench/load. */
#ifndef ZSIP_BENCH_LOAD_WORKER_H
#define ZSIP_BENCH_LOAD_WORKER_H

#include "deliver.h"
#include "interval.h"
#include "load.h"
#include "plan.h"
#include "source.h"
#include "template.h"

#include <pthread.h>
#include <stdatomic.h>

/* One request under way: what its bytes are made from, and when. */
struct load_slot {
    uint64_t planned_ns; /* when it should have left */
    uint64_t sent_ns;
    uint64_t sequence;
    uint32_t user;
    uint32_t reserved;
};

/* Written by the worker's thread alone, read by any: relaxed stores suffice. */
struct load_shared_counters {
#define X(name, text) _Atomic uint64_t name;
    LOAD_COUNTER_MAP(X)
#undef X
};

static inline void load_count(_Atomic uint64_t *counter, uint64_t by)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, old + by, memory_order_relaxed);
}

/* Numbers of the rooms below that count from their own beginning. */
struct load_before {
    uint64_t time_ns;
    uint64_t cpu_ns;
    struct zsip_endpoint_stats endpoint;
    struct zsip_worker_stats ring;
};

enum load_phase {
    LOAD_PHASE_ARRIVALS = 0, /* or, before the start, registrations */
    LOAD_PHASE_DRAIN = 1,
    LOAD_PHASE_OVER = 2,
};

/* A place that requests leave from, and what they say there. */
struct load_source {
    struct zsip_path path;
    struct load_template template;
    struct load_template registration; /* of who registers */
};

struct load_auth;
struct scenario_run;

struct load_worker {
    struct zsip_worker *zsip;
    struct zsip_endpoint *endpoint;
    const struct load_config *config;
    struct load_source *sources; /* source_count; a user keeps to his */
    uint32_t source_count;
    uint32_t source_widest;      /* with the longest sent-by */
    struct load_names names;     /* sent-bys, if there are several sources */
    struct scenario_run *script; /* NULL: the templates it is */
    struct load_auth *auth;      /* NULL: no credentials */
    uint32_t *again;             /* slots that were challenged when the output was full */
    uint32_t again_count;
    uint8_t *unsigned_request; /* what credentials are made for */
    struct load_plan plan;     /* of an open loop */
    uint32_t index;

    enum load_phase phase;
    uint64_t start_ns;     /* 0: not begun */
    uint64_t measure_ns;   /* warmup ends here */
    uint64_t counted_ns;   /* what was planned before does not count: 0, from measure_ns on that */
    uint64_t warm_seen_ns; /* the first turn behind measure_ns; 0: none yet */
    uint64_t end_ns;       /* of the arrivals; ZSIP_NEVER_NS: by count */
    uint64_t end_seen_ns;  /* the first turn behind end_ns; 0: none yet */
    uint64_t drain_end_ns;
    uint64_t last_ns; /* when the last request ended */
    uint64_t arrivals_max;
    uint64_t arrivals;
    uint64_t arrivals_warm;   /* of those: before the measurement */
    uint64_t blocked_arrival; /* the arrival that waits, counted once; UINT64_MAX: none */
    uint64_t unblocked_ns;    /* when one that waited could leave at last */
    bool blocked;
    double rate_now; /* as load_rate_set() wants it; < 0: as planned */

    struct load_slot *slots;
    uint32_t *free_slots; /* a stack: the slot used last is warm */
    uint32_t free_count;
    uint32_t slot_count;
    uint32_t *idle_users; /* a ring: who rested longest is next */
    uint32_t idle_head;
    uint32_t idle_count;
    uint32_t user_first;
    uint32_t user_count;

    struct load_shared_counters counters;
    _Atomic uint64_t status[LOAD_STATUS_MAX]; /* final responses by status code */
    struct load_histogram latency;
    struct load_histogram from_send;
    struct load_histogram send_lag;
    struct load_histogram held;
    struct load_deliver *deliver;  /* NULL: what arrives is nobody's */
    struct load_histogram one_way; /* of what was delivered */
    _Atomic uint32_t registered, register_failed, register_code;
    _Atomic bool prepared;     /* everything that comes before the start is done */
    _Atomic uint64_t begin_ns; /* the start, told later; 0: not yet */
    uint64_t answered_by_sends[LOAD_SENDS_MAX];
    struct load_before before; /* at the beginning of the measurement */
    struct load_before middle; /* at the end of the arrivals */
    struct load_before after;  /* at the end */

    struct load_intervals intervals;
    uint64_t second_end_ns;
    uint64_t lag_max_ns;              /* of this second */
    struct load_second totals_before; /* at the beginning of this second */
    struct load_second *series;
    uint32_t series_max;
    _Atomic uint32_t series_count;

    pthread_t thread;
    bool threaded;
    _Atomic double rate_wanted; /* < 0: as planned */
    _Atomic bool close_wanted;
    _Atomic bool draining; /* its arrivals are over */
    _Atomic bool stop_wanted;
    _Atomic bool over;
    _Atomic bool broken; /* its ring failed */
};

/* Takes memory, ring and socket. error as in load_create(). */
enum zsip_status load_worker_create(struct load_worker *worker, const struct load_config *config,
                                    uint32_t index, uint64_t run, char *error, size_t error_bytes);
void load_worker_destroy(struct load_worker *worker);
/* The thread: runs until the worker's part is over. */
void *load_worker_thread(void *worker);
/* Has it look at close_wanted and stop_wanted. Any thread. */
void load_worker_wake(struct load_worker *worker);
/* What it has under way. */
uint32_t load_worker_pending(const struct load_worker *worker);

/* The start is known: to be called by its thread, or before there is one. */
void load_worker_begin(struct load_worker *worker, uint64_t start_ns);
/* The plan, the window and the end of both; called once a turn. Returns when to call again. */
uint64_t load_worker_turn(void *user, struct zsip_worker *zsip, struct zsip_time now);
void load_worker_outcome(void *user, struct zsip_endpoint *endpoint,
                         const struct zsip_outcome *outcome);
size_t load_worker_build(void *user, uint64_t cookie, struct zsip_view branch, uint8_t *out,
                         size_t capacity, uint32_t *pad_at);
/* authorize.c: credentials of --auth. error as in load_create(). */
enum zsip_status load_authorize_create(struct load_worker *worker, uint64_t run, char *error,
                                       size_t error_bytes);
void load_authorize_drop(struct load_worker *worker);
/* A request begins in this slot: gives it the credentials its user has. */
void load_authorize_begin(struct load_worker *worker, uint32_t index);
/* Puts them into what is written. */
void load_authorize_words(const struct load_worker *worker, uint32_t index,
                          struct load_words *words);
/* Whether it was a challenge that is answered now: the request goes on in its slot. */
bool load_authorize_again(struct load_worker *worker, const struct zsip_outcome *outcome);
/* Sends what had no room. false: there is none again. */
bool load_authorize_turn(struct load_worker *worker, struct zsip_time now);
/* The template for a slot's request in this phase of the run. */
const struct load_template *load_worker_template_now(const struct load_worker *worker,
                                                     const struct load_slot *slot);
/* A request of this slot ended. */
void load_worker_ended(struct load_worker *worker, const struct load_slot *slot,
                       const struct zsip_outcome *outcome);
/* ---- request.c ------------------------------------------------------------------------------- */

/* The users of this worker, in the order they get their first request. */
void load_worker_users(struct load_worker *worker);
/* Room that one request may need. */
uint32_t load_worker_room(const struct load_config *config);
/* Compiles the template of a source. error as in load_create(). */
enum zsip_status load_worker_template(struct load_worker *worker, struct load_source *source,
                                      const char *sent_by, uint64_t run, char *error,
                                      size_t error_bytes);
/* Whether the longest request may be sent. error as in load_create(). */
enum zsip_status load_worker_size_check(struct load_worker *worker, char *error,
                                        size_t error_bytes);
/* Who sends the request: of a REGISTER its user; else the sender, unless a line of an injection
 * file names both. */
uint32_t load_worker_identity(const struct load_worker *worker, const struct load_words *words);
/* Where the request of a slot leaves from: where its sender does. */
struct load_source *load_worker_source(const struct load_worker *worker,
                                       const struct load_slot *slot);
/* What the request of a slot says. */
void load_worker_words(const struct load_worker *worker, const struct load_slot *slot,
                       struct load_words *out);

/* ---- seconds.c ------------------------------------------------------------------------------- */

/* CPU time of the calling thread. */
uint64_t load_worker_cpu_ns(void);
/* What the rooms below have counted. */
void load_worker_before(const struct load_worker *worker, uint64_t now_ns, struct load_before *out);
/* The warmup is over: everything counts from here on. */
void load_worker_measure(struct load_worker *worker, uint64_t now_ns);
/* Closes the seconds that are over at now_ns. whole: the one that runs as well, if anything
 * happened in it. */
void load_worker_seconds(struct load_worker *worker, uint64_t now_ns, bool whole);

#endif
