/* What the files of a run share. Private to this folder. */
#ifndef ZSIP_BENCH_LOAD_SCENARIO_INSIDE_H
#define ZSIP_BENCH_LOAD_SCENARIO_INSIDE_H

#include "bench/load/digest.h"
#include "bench/load/scenario/run.h"

#define NONE SCENARIO_NONE

/* Of a longer text a variable takes the beginning. */
#define VALUE_BYTES_MAX 1000u

enum value_kind { VALUE_UNSET = 0, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL };

struct value {
    double number; /* of a bool: 0 or 1 */
    uint32_t bytes;
    uint8_t kind; /* enum value_kind */
    char text[VALUE_BYTES_MAX];
};

enum call_state {
    CALL_FREE = 0,
    CALL_WAITING, /* at a recv */
    CALL_PAUSED,
    CALL_YIELDS, /* goes on in the next turn */
    CALL_OVER,   /* its requests are not answered yet */
};

struct call {
    uint64_t number;
    uint64_t planned_ns; /* of its next request; 0: when it leaves */
    uint64_t due_ns;
    uint64_t handle; /* of the request to answer; 0: none */
    uint64_t key;    /* server: hash of the Call-ID */
    uint32_t generation;
    uint32_t step;
    uint32_t cseq;
    uint32_t user;      /* its place among the users, or 0 */
    uint32_t heap_at;   /* NONE: no time is set */
    uint32_t txn_count; /* requests under way */
    uint32_t chain;     /* server: the next of the same bucket */
    uint8_t state;      /* enum call_state */
    uint8_t method;     /* of the request to answer */
    bool held;          /* handle is one of zsip_endpoint_hold() */
};

struct txn {
    uint64_t planned_ns;
    uint64_t sent_ns;
    uint32_t call;
    uint32_t step;
    uint32_t cseq;
    uint32_t kept_bytes; /* 0: written anew */
    uint32_t pad_at;
};

/* What was received last, where a scenario looks back. */
struct last {
    uint32_t bytes; /* 0: nothing yet */
    uint8_t data[SCENARIO_KEPT_BYTES - 4];
};

#define DIALOG_BYTES 1020u

struct dialog {
    uint16_t tag_bytes;
    uint16_t url_bytes;
    uint8_t data[DIALOG_BYTES]; /* peer's tag, its Contact, the route lines up to a NUL */
};

/* A challenge of each kind, 401 and 407. */
struct auth {
    struct load_challenge challenge[2];
    uint32_t nc[2]; /* 0: no challenge yet */
};

struct bound_step {
    struct scenario_text head;
    struct scenario_text body;
    struct scenario_text reason;
    struct scenario_text headers;
    struct scenario_text content_type;
    uint32_t len_value; /* of a body without pieces; NONE: measured */
};

struct scenario_run {
    const struct scenario *scenario;
    struct scenario_run_config config;
    struct zsip_endpoint *endpoint;
    struct zsip_path path;
    struct bound_step *steps;
    struct scenario_text *texts; /* of the actions */
    struct scenario_arena *arena;
    struct scenario_random random;
    uint64_t id; /* in Call-IDs */
    uint64_t start_ns;
    uint64_t next_number;
    uint64_t dynamic_id;
    char local_ip[ZSIP_ADDRESS_TEXT_BYTES]; /* with its brackets if it has any */

    struct call *calls;
    uint32_t call_count; /* room */
    uint32_t *free_calls;
    uint32_t free_call_count;
    uint32_t live;
    struct txn *txns;
    uint32_t txn_count; /* room */
    uint32_t *free_txns;
    uint32_t free_txn_count;
    uint32_t *heap; /* calls that wait for a time */
    uint32_t heap_count;
    uint32_t *free_users;
    uint32_t free_user_count;
    uint32_t *buckets; /* server: calls by Call-ID */
    uint32_t bucket_mask;

    struct value *values; /* of calls, then of users, then of the run */
    struct last *lasts;
    struct dialog *dialogs;
    struct auth *auths;
    struct zsip_path *paths;              /* server: where a call's requests go */
    uint8_t (*call_ids)[256];             /* server: as received, length first */
    uint8_t (*kept)[SCENARIO_KEPT_BYTES]; /* by txn */
    struct load_digest *digest;
    struct zsip_msg *msg; /* a kept message, parsed */
    uint8_t *scratch;     /* 64 KiB twice: headers and body of a response */

    struct scenario_counters counters;
    struct scenario_step_counts *step_counts;
    char first_failure[200];
};

#define SCRATCH_BYTES 65536u

/* What a text is written from. */
struct scene {
    struct scenario_run *run;
    uint32_t call;
    uint32_t step;
    uint32_t cseq;
    const struct zsip_msg *msg; /* received now; NULL: the kept one */
    struct zsip_view branch;
    uint32_t len; /* of the body that follows; NONE: not known yet */
    struct zsip_time now;
    /* Of the request being written, for its credentials. */
    const uint8_t *request;
    struct zsip_view body;
    /* Out: where things stand in what was written, 0: nowhere. */
    uint32_t pad_at;
    uint32_t len_at;
    int32_t len_add;
};

static inline void count(_Atomic uint64_t *counter)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, old + 1, memory_order_relaxed);
}

/* write.c: writes text; *fits becomes false where capacity is less. Returns the bytes. */
size_t scenario_write(struct scene *scene, const struct scenario_text *text, uint8_t *out,
                      size_t capacity, bool *fits);
/* The message that was received last; NULL: none. */
const struct zsip_msg *scenario_last(struct scene *scene);
/* The variable's value in this scene. */
struct value *scenario_value(struct scene *scene, uint32_t variable);
bool scenario_value_set(const struct value *value);
void scenario_value_text(struct value *value, struct zsip_view text);

/* act.c: the actions of a step. */
enum act {
    ACT_ON,   /* go on */
    ACT_JUMP, /* the call's step was set */
    ACT_FAIL, /* a check failed */
    ACT_END,  /* stop_call */
};
enum act scenario_act(struct scene *scene, const struct scenario_step *step);

/* heap.c: calls by time. */
void scenario_heap_set(struct scenario_run *run, uint32_t call, uint64_t due_ns);
void scenario_heap_remove(struct scenario_run *run, uint32_t call);

/* run.c */
void scenario_advance(struct scene *scene);
void scenario_next(struct scene *scene, const struct scenario_step *step);
void scenario_fail(struct scene *scene, _Atomic uint64_t *reason, const char *what);
void scenario_call_end(struct scenario_run *run, uint32_t call);
void scenario_txn_end(struct scenario_run *run, uint32_t txn);
/* A call, with its place free; NONE: none left. */
uint32_t scenario_call_begin(struct scenario_run *run, uint64_t planned_ns);

#endif
