/* The deterministic simulator: any number of endpoints over a network that one seed makes as bad as
 * it likes, in virtual time, with a model beside each endpoint that says what has to happen.
 *
 *   main.c     options, seeds, worker processes
 *   world.c    the queue of events, one run from seed to silence
 *   network.c  delay, loss, copies, disorder, damage, partitions, rebindings
 *   look.c     a reader of messages of our own: the parser under test is not asked
 *   node.c     life of an endpoint and its turn
 *   app.c      what the applications on the endpoints do
 *   server.c   the model of the server side: what must be answered, by what, when not
 *   records.c  what that model remembers, and who a request is
 *   answer.c   one response against the request it answers
 *   client.c   the model of the client side: when requests leave, and their one outcome
 *   raw.c      peers that follow a script: forks, CANCELs, odd copies, odd answers
 *
 * Times are virtual nanoseconds since the run began; an endpoint's own clock is that plus an offset
 * of its own. */
#ifndef ZSIP_TESTS_SIM_SIM_H
#define ZSIP_TESTS_SIM_SIM_H

#include "tests/sim/random.h"
#include "zsip/zsip.h"

#define NODES_MAX  12u
#define USERS_MAX  6u /* targets at one node */
#define INBOX_MAX  1024u
#define BRANCH_MAX 64u

#define MS ZSIP_NS_PER_MS
#define S  ZSIP_NS_PER_S

/* ---- Reading messages (look.c) --------------------------------------------------------------- */

struct span {
    uint16_t at;
    uint16_t length;
};

/* What a message says, read in the plainest way there is. */
struct look {
    bool ok; /* the fields that identify a transaction were found */
    bool request;
    bool rport;
    bool cookie;
    bool to_tag_present;
    bool require;
    bool last_via; /* the top Via is the only one */
    unsigned status;
    uint32_t cseq;
    uint32_t via_port;
    uint32_t rport_value; /* 0: none */
    struct span method, uri, call_id, from_tag, to_tag;
    struct span branch, sent_by, via, received, content_type, cseq_method;
    uint32_t body_at;
    uint64_t m;    /* of Call-ID, CSeq number, From tag */
    uint64_t b;    /* of branch and sent-by, or what RFC 2543 has instead */
    uint64_t name; /* of the method */
    uint64_t branch_hash;
    uint64_t sim_id; /* X-Sim, 0: none */
};

void look_at(struct look *look, const uint8_t *data, uint32_t bytes);
uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes);
bool span_is(const uint8_t *data, struct span span, const char *text);
/* The next line, without its CRLF; false at the empty one. */
bool line_next(const uint8_t *data, uint32_t bytes, uint32_t *at, struct span *line);
/* Which of the five fields that a response repeats this line is: v f t i c, else 0. */
char line_repeated(const uint8_t *data, struct span line);
bool name_is(const uint8_t *data, struct span line, const char *name, char compact);
/* The next parameter of a Via, From or To value from at on. */
bool param_next(const uint8_t *data, uint32_t *at, uint32_t end, struct span *name,
                struct span *value);
bool param_is(const uint8_t *data, struct span name, const char *text);
bool equal_fold(const uint8_t *data, const char *text, size_t length);

/* ---- Packets (network.c) --------------------------------------------------------------------- */

enum damage {
    INTACT,
    BENT,   /* well-formed, but another message than was sent */
    BROKEN, /* malformed for certain */
    WILD,   /* a byte was changed somewhere: whatever it is now */
};

struct packet {
    struct packet *next;
    struct zsip_path path; /* as the receiver sees it */
    struct look look;
    uint64_t client; /* of a request: the sender's */
    uint32_t from;   /* sending node, and which of its lives */
    uint32_t from_life;
    uint32_t references;
    uint32_t room;
    uint32_t bytes;
    uint8_t damage; /* enum damage */
    uint8_t data[];
};

/* ---- Models ---------------------------------------------------------------------------------- */

/* One server transaction as the model knows it. */
struct record {
    struct record *same;  /* the next with this bucket */
    struct record *older; /* of those with this state, in order */
    struct record *newer;
    uint64_t serial; /* 0: free */
    uint64_t m, b, name;
    uint64_t opened_ns, completed_ns;
    uint64_t handle;
    uint64_t rest_hash; /* of the first answer, without what it repeats */
    uint64_t to_tag;    /* hash of the one we gave; 0: none yet */
    uint64_t log_bytes;
    struct packet *first; /* while pending: what the answer repeats */
    unsigned status;
    unsigned units; /* places in the store */
    bool pending;
    bool cancel;
    bool reliable;
    bool hundred; /* a 100 went out */
    bool maybe;   /* could be recorded or not: the model can't tell */
    bool gone;    /* it was not, or its time is over; may still take its place */
    bool loose;   /* written under pressure: not everything is known */
};

enum verdict {
    NEW,
    MERGED,
    TRYING,
    PROCEEDING,
    COMPLETED,
    CANCEL_FOUND,
    CANCEL_NONE,
    CROWDED,
};

#define RECORD_BUCKETS 16384u

struct server_model {
    struct record *buckets[RECORD_BUCKETS];
    struct record *done_first, *done_last;
    struct record *pending_first, *pending_last;
    struct record *hand; /* the oldest pending one without a 100 */
    uint64_t units;      /* of the done ones */
    uint64_t log_bytes;
    uint32_t pending_count;
    uint32_t pending_unreliable;
    uint64_t abandoned;
};

enum client_state {
    CLIENT_WAITING,
    CLIENT_STARTING, /* has to leave now */
    CLIENT_PENDING,
    CLIENT_ENDED,
};

/* One request of an endpoint as the model knows it. */
struct client {
    uint64_t handle;
    uint64_t begun_ns, due_ns, interval_ns;
    uint64_t branch_hash;
    uint64_t bytes_hash;
    uint64_t name;
    uint64_t path_hash;
    uint32_t next_waiting;
    uint32_t target; /* NO_TARGET: claims none */
    uint16_t size;
    uint8_t state; /* enum client_state */
    uint8_t sends;
    uint8_t bytes_extra; /* text in the body of a built one */
    bool reliable;
    bool built;
    bool large;
    bool proceeding;
    bool loose;
};

#define NO_TARGET  UINT32_MAX
#define NO_CLIENT  UINT32_MAX
#define LAST_CHECK UINT32_MAX /* in place of a number of sends: has it ended? */
#define TARGETS    (NODES_MAX * USERS_MAX + USERS_MAX)

struct target {
    uint32_t pending, first, last, count;
};

struct client_model {
    struct client *clients;
    uint32_t count, capacity;
    uint32_t live; /* waiting ones included */
    uint32_t large;
    struct target targets[TARGETS];
    uint32_t starting; /* have to leave before the turn ends */
    uint64_t finals, timeouts, unreachables, firsts, repeats;
};

/* ---- Nodes ----------------------------------------------------------------------------------- */

enum mode {
    IDLE,
    RECEIVING,
    EXPIRING,
};

/* A packet in its turn. */
struct arrival {
    struct packet *packet;
    bool asked;     /* authenticate was called */
    bool admitted;  /* and let it pass */
    bool delivered; /* the application saw it */
    bool answered;
    bool held;
    bool told; /* a response: its outcome was told */
    unsigned verdicts;
    enum zsip_status hold_status;
};

struct node {
    struct world *world;
    uint32_t index;
    uint32_t life;
    bool zsip;
    bool alive;
    bool nat;
    bool auth;
    bool silent; /* no request callback: zsip answers 200 */
    bool loose;  /* output was nearly full in this turn */
    struct zsip_endpoint *endpoint;
    struct zsip_endpoint_config config;
    uint64_t clock_ns; /* the endpoint's clock when the run began */
    int64_t utc_s;
    uint64_t lag_ns; /* longest time between a packet or deadline and the turn for it */
    uint64_t t1_ns, t2_ns, f_ns, p_ns;
    struct zsip_address inside, outside, second;
    char sent_by[64];
    const char *methods;

    struct packet *inbox[INBOX_MAX];
    uint32_t inbox_count;
    bool turn_planned;
    uint64_t wake_ns;

    enum mode mode;
    struct arrival arrivals[ZSIP_RECEIVE_MAX];
    uint32_t arrival_count, arrival_at;
    size_t output_at;
    size_t output_bytes;
    uint64_t failing; /* client handle that is being failed */
    /* Quoted: what was sent last beside it by the same path fails too. */
    uint64_t failing_due_ns, failing_path_hash;
    bool failing_beside;
    bool failed;

    struct server_model server;
    struct client_model client;
    struct zsip_memory memory;
    uint64_t memory_bytes;
    uint64_t memory_left; /* allocations until the next fails */
};

/* ---- The world ------------------------------------------------------------------------------- */

enum event_kind {
    EVENT_PACKET,
    EVENT_TURN,
    EVENT_WAKE,
    EVENT_TRAFFIC,
    EVENT_ANSWER,       /* an application answers a held request */
    EVENT_SERVER_CHECK, /* a held request: 100 by now, or gone by now */
    EVENT_CLIENT_CHECK, /* a request of ours: sent again, or ended, by now */
    EVENT_RAW,          /* a scripted peer sends */
    EVENT_KILL,
    EVENT_REVIVE,
    EVENT_REBIND,
    EVENT_PARTITION,
};

struct event {
    uint64_t at_ns;
    uint64_t order;
    uint64_t number;
    void *pointer;
    uint32_t count;
    uint16_t life;
    uint8_t node;
    uint8_t kind; /* enum event_kind */
};

struct branches {
    struct {
        uint64_t hash;
        uint32_t node, life, client;
    } * slots;
    uint32_t count, capacity;
};

struct world {
    struct random random;
    uint64_t seed;
    uint64_t step;
    uint64_t now_ns;
    uint64_t transactions, transactions_max;
    bool verbose;
    bool draining;

    struct event *events;
    uint32_t event_count, event_capacity;
    uint64_t event_order;

    struct node nodes[NODES_MAX];
    uint32_t node_count;

    /* The network's mood. */
    unsigned loss, copies, damage, icmp; /* per mille */
    uint64_t delay_ns, jitter_ns, tail_ns, quantum_ns;
    unsigned tail;
    uint32_t partition; /* bit a node; nodes on different sides don't hear each other */
    uint64_t stream_ns[NODES_MAX][NODES_MAX];
    uint64_t gap_ns; /* between two bits of traffic */
    unsigned deaths, rebindings, partitions;
    unsigned reliable, built, raw, burst;

    struct packet *packets_free;
    struct record *records_free;
    uint64_t record_serial;
    uint64_t ids; /* given to raw requests and X-Sim */
    struct branches branches;
    uint64_t answers, copies_answered, outcomes, refusals, deliveries;
};

void world_run(struct world *world, uint64_t seed, uint64_t transactions, bool verbose);
void world_plan(struct world *world, uint64_t at_ns, enum event_kind kind, const struct node *node,
                uint64_t number, void *pointer);
struct event *world_plan_event(struct world *world, uint64_t at_ns, enum event_kind kind);
void traffic(struct world *world);

/* Says what is wrong, at which seed and step, and ends the process. */
__attribute__((format(printf, 2, 3), noreturn)) void fail(struct world *world, const char *format,
                                                          ...);
__attribute__((format(printf, 2, 3))) void note(struct world *world, const char *format, ...);
/* For a fault inside the code under test: which run it is. */
extern struct world *world_current;

/* network.c */
struct packet *packet_make(struct world *world, uint32_t bytes);
struct packet *packet_keep(struct packet *packet);
void packet_drop(struct world *world, struct packet *packet);
/* What goes out, read already. */
struct message {
    const struct zsip_path *path;
    const struct zsip_address *source;
    const struct look *look;
    const uint8_t *data;
    uint32_t bytes;
    uint64_t client;
};
void network_send(struct node *node, const struct message *message);
void network_arrive(struct world *world, struct packet *packet);
void network_mood(struct world *world);
bool address_equal(const struct zsip_address *a, const struct zsip_address *b);

/* node.c */
void node_init(struct world *world, uint32_t index, bool zsip);
void node_create(struct node *node);
void node_kill(struct node *node);
void node_arrive(struct node *node, struct packet *packet);
void node_turn(struct node *node);
void node_plan_wake(struct node *node);
void node_fail(struct node *node, struct packet *packet);
void node_rebind(struct node *node);
/* Compares what the endpoint wrote so far with what had to come: arrivals before upto are dealt
 * with, and all requests of its own. */
void node_absorb(struct node *node, uint32_t upto);
void node_flush(struct node *node);
/* The next response among the outputs, not taken; NULL: none. Requests before it are dealt with. */
const struct zsip_output *node_peek(struct node *node);
/* What it says. */
const struct look *node_look(const struct node *node);
void node_take(struct node *node);
void node_quiet(struct node *node);
struct zsip_time node_now(const struct node *node);
/* Whether a message of so many bytes might not fit the output any more. */
bool node_pressed(struct node *node, size_t bytes);
struct arrival *node_current(struct node *node, const struct zsip_msg *msg);

/* app.c */
void app_callbacks(struct node *node);
void app_send(struct node *node);
void app_answer(struct node *node, struct record *record);
void app_check(struct node *node, struct record *record);

/* server.c */
struct record *record_by(struct server_model *model, uint64_t handle);
void server_finish(struct node *node, struct arrival *arrival);
/* Whether the application may see this request now. */
void server_expect_new(struct node *node, struct arrival *arrival);
void server_expect_delivery(struct node *node, struct arrival *arrival);
/* The application's own answer to the current request, after respond returned. */
void server_answered(struct node *node, struct arrival *arrival, enum zsip_status status,
                     const struct zsip_response *response);
void server_held(struct node *node, struct arrival *arrival, enum zsip_status status,
                 uint64_t handle);
void server_held_answered(struct node *node, struct record *record, enum zsip_status status,
                          const struct zsip_response *response);
void server_hundred(struct node *node, const struct zsip_output *output);
void server_abandoned(struct node *node, uint64_t handle);
void server_forget(struct node *node);

/* answer.c */
struct answer_facts {
    unsigned status;
    uint64_t rest_hash;
    uint64_t to_tag; /* 0: the request brought one */
};
/* One response against the request it answers: everything that is repeated, the destination, the
 * top Via's received and rport. Fails if anything is wrong. */
struct answer_facts answer_check(struct node *node, const struct packet *request,
                                 const struct zsip_output *output);

/* client.c */
enum zsip_status client_expect(struct node *node, const struct client *client, bool *either);
uint32_t client_add(struct node *node, const struct client *client);
void client_remove_last(struct node *node);
void client_sent(struct node *node, const struct zsip_output *output, const struct look *look);
void client_outcome(struct node *node, const struct zsip_outcome *outcome);
void client_finish(struct node *node, struct arrival *arrival);
void client_check(struct node *node, uint32_t index, uint32_t sends);
void client_forget(struct node *node);
void client_started(struct node *node, uint32_t index);
void branches_free(struct branches *branches);

/* raw.c */
void raw_traffic(struct node *node);
void raw_event(struct node *node, const struct event *event);
void raw_arrive(struct node *node, struct packet *packet);

#endif
