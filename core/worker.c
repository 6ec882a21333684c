/* The worker: one endpoint, one ring, one core. Everything it does, it does in turns. */
#include "zsip/worker.h"

#include "core/core.h"
#include "core/framing.h"
#include "core/group.h"
#include "core/mailbox.h"
#include "core/toucher.h"
#include "transport/transport.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    /* Rounds of timers a turn, each bounded by the endpoint; packets wait no longer than these. */
    EXPIRE_ROUNDS = 16,
    /* A timer that is due sooner than this after a turn waits so long, as it would in the kernel:
     * requests that were sent shortly after each other are then repeated as a train. */
    TIMER_SLACK_NS = 50 * ZSIP_NS_PER_US,
    /* Posts between two looks at the room in the output. */
    POSTS_ROUND = 64,
    /* Packets a turn from each lane: as many as a worker's own sockets bring it at most. */
    LANE_PACKETS = ZSIP_RECEIVE_MAX,
};

struct zsip_worker {
    struct zsip_worker_config config;
    struct zsip_memory memory;
    struct zsip_net *net;
    struct zsip_endpoint *endpoint;
    size_t handed;             /* outputs of the endpoint that the net has */
    uint64_t turn_deadline_ns; /* as the application's turn asked */
    uint64_t turn_ns;          /* time of the last turn */
    pthread_t owner;           /* who made the first turn */
    bool owned;
    bool inside;         /* a turn is running: no other may begin */
    bool more;           /* something is left over from the last turn */
    bool started, named; /* pinned; told the endpoint where it is */
    uint64_t turns, posts, steered_out, steered_in, steered_full;
    struct toucher *toucher;
    struct zsip_group *group; /* with others to steer to, else NULL */
    uint32_t self;            /* place in the group */
    _Alignas(64) _Atomic uint64_t posts_full;
    _Atomic bool stopped;
    struct mailbox mailbox;
};

/* ---- Setting up -------------------------------------------------------------------------------
 */

static void config_defaults(struct zsip_worker_config *config)
{
    *config = (struct zsip_worker_config){
        .struct_bytes = sizeof(*config),
        .cpu = -1,
        .spin_us = 20,
        .socket_buffer_bytes = 8u << 20,
    };
    zsip_endpoint_config_init(&config->endpoint);
    zsip_net_stream_defaults(&config->streams);
}

void zsip_worker_config_init_sized(struct zsip_worker_config *config, size_t struct_bytes)
{
    struct zsip_worker_config defaults;
    config_defaults(&defaults);
    config->struct_bytes = struct_bytes;
    zsip_struct_write(config, &defaults, sizeof(defaults));
}

/* Copies a packet into the lane to its owner. */
static void pass(void *user, uint32_t owner, const struct zsip_packet *packet)
{
    struct zsip_worker *worker = user;
    if (zsip_lane_put(group_lane(worker->group, worker->self, owner), packet))
        COUNT(worker->steered_out, 1);
    else
        COUNT(worker->steered_full, 1);
}

/* Takes its place in the group. */
static enum zsip_status join(struct zsip_worker *worker)
{
    struct zsip_group *group = worker->config.group;
    uint32_t self = worker->config.endpoint.worker;
    if (self >= group->count || group->members[self].worker != NULL)
        return ZSIP_ERROR_ARGUMENT;
    group->members[self].worker = worker;
    if (group->steering == ZSIP_STEER_PEER || group->count < 2)
        return ZSIP_OK;
    worker->group = group;
    worker->self = self;
    struct steering steering = {
        .workers = group->count, .self = self, .pass = pass, .user = worker};
    zsip_endpoint_steer(worker->endpoint, &steering);
    return ZSIP_OK;
}

static void alias(void *user, uint64_t flow, uint16_t port)
{
    struct zsip_worker *worker = user;
    zsip_net_alias(worker->net, flow, port);
}

static enum zsip_status draw_seed(struct zsip_worker_config *config)
{
    uint8_t *seed = config->endpoint.seed;
    if (config->group == NULL)
        return zsip_random(seed, sizeof(config->endpoint.seed));
    memcpy(seed, config->group->seed, sizeof(config->endpoint.seed));
    return ZSIP_OK;
}

static enum zsip_status create_parts(struct zsip_worker *worker, char *error, size_t error_bytes)
{
    struct zsip_worker_config *config = &worker->config;
    static const uint8_t no_seed[sizeof(config->endpoint.seed)];
    struct zsip_net_config net = {
        .memory = &worker->memory,
        .log = config->log,
        .log_user = config->log_user,
        .spin_ns = config->spin_us * ZSIP_NS_PER_US,
        .buffers = config->buffers,
        .socket_buffer_bytes = config->socket_buffer_bytes,
        .without = config->without,
        .arrivals = config->endpoint.age_max_ns != 0,
        .framer = zsip_framing(&worker->config.streams),
        .streams = config->streams,
        .clients_max = config->endpoint.clients_max,
    };
    enum zsip_status status = zsip_net_create(&net, &worker->net, error, error_bytes);
    if (status == ZSIP_OK && memcmp(config->endpoint.seed, no_seed, sizeof(no_seed)) == 0)
        status = draw_seed(config);
    if (status != ZSIP_OK)
        return status;
    config->endpoint.memory = &worker->memory;
    config->endpoint.tcp = true;
    status = zsip_endpoint_create(&config->endpoint, &worker->endpoint);
    if (status == ZSIP_OK && config->group != NULL)
        status = join(worker);
    if (status == ZSIP_OK && config->streams.alias)
        zsip_endpoint_alias_by(worker->endpoint,
                               &(struct aliasing){.alias = alias, .user = worker});
    if (status == ZSIP_OK && config->grow_thread)
        status = zsip_toucher_create(&worker->memory, &worker->toucher);
    if (worker->toucher != NULL)
        zsip_endpoint_touch_by(worker->endpoint, worker->toucher);
    if (status != ZSIP_OK && error != NULL)
        snprintf(error, error_bytes, "endpoint: %s; look at its configuration",
                 zsip_status_text(status));
    return status;
}

enum zsip_status zsip_worker_create(const struct zsip_worker_config *config,
                                    struct zsip_worker **worker, char *error, size_t error_bytes)
{
    struct zsip_worker_config full;
    struct zsip_memory memory;
    *worker = NULL;
    config_defaults(&full);
    enum zsip_status status = zsip_struct_read(&full, sizeof(full), config);
    if (status == ZSIP_OK)
        status = zsip_memory_read(&memory, full.endpoint.memory);
    if (status != ZSIP_OK) {
        if (error != NULL)
            snprintf(error, error_bytes,
                     "worker: struct_bytes is %zu, this library knows %zu; call "
                     "zsip_worker_config_init() first, and give all memory hooks or none",
                     config->struct_bytes, sizeof(full));
        return status;
    }
    struct zsip_worker *w = memory.allocate(memory.user, sizeof(*w));
    if (w == NULL) {
        if (error != NULL)
            snprintf(error, error_bytes, "worker: no memory for %zu bytes", sizeof(*w));
        return ZSIP_ERROR_MEMORY;
    }
    memset(w, 0, sizeof(*w));
    w->config = full;
    w->memory = memory;
    w->turn_deadline_ns = full.turn != NULL ? 0 : ZSIP_NEVER_NS;
    /* Who named a sent-by knows better than the first socket. */
    w->named = full.endpoint.sent_by.length > 0;
    zsip_mailbox_init(&w->mailbox);
    status = create_parts(w, error, error_bytes);
    if (status != ZSIP_OK) {
        zsip_worker_destroy(w);
        return status;
    }
    *worker = w;
    return ZSIP_OK;
}

void zsip_worker_destroy(struct zsip_worker *worker)
{
    if (worker == NULL)
        return;
    ZSIP_ASSERT(!worker->inside); /* who calls back would go on without it */
    struct zsip_memory memory = worker->memory;
    struct zsip_group *group = worker->config.group;
    uint32_t self = worker->config.endpoint.worker;
    if (group != NULL && self < group->count && group->members[self].worker == worker)
        group->members[self].worker = NULL; /* the place is free again */
    zsip_net_destroy(worker->net);
    zsip_toucher_destroy(worker->toucher);
    if (worker->endpoint != NULL)
        zsip_endpoint_destroy(worker->endpoint);
    memory.release(memory.user, worker, sizeof(*worker));
}

/* Tells the endpoint under which address others reach it: that of its first socket, or, where that
 * is every address, the one that the rest of the world would see. */
static void name_endpoint(struct zsip_worker *worker, const struct zsip_address *bound)
{
    static const uint8_t every[16];
    struct zsip_address address = *bound, far = {.family = bound->family, .port = 5060};
    char text[ZSIP_ADDRESS_TEXT_BYTES];
    if (memcmp(bound->ip, every, sizeof(every)) == 0) {
        /* Documentation prefixes: routed like all that is not near, and nothing is sent. */
        static const uint8_t four[4] = {192, 0, 2, 1}, six[4] = {0x20, 0x01, 0x0d, 0xb8};
        memcpy(far.ip, bound->family == ZSIP_FAMILY_IPV4 ? four : six, sizeof(four));
        if (zsip_address_source(&far, &address) != ZSIP_OK) {
            address = *bound;
            address.ip[bound->family == ZSIP_FAMILY_IPV4 ? 0 : 15] = 1;
            if (bound->family == ZSIP_FAMILY_IPV4)
                memcpy(address.ip, (uint8_t[]){127, 0, 0, 1}, 4);
        }
        address.port = bound->port;
    }
    address.scope = 0; /* means nothing to others */
    zsip_address_text(&address, text);
    struct zsip_view sent_by = {(const uint8_t *)text, strlen(text)};
    worker->named = zsip_endpoint_sent_by(worker->endpoint, sent_by) == ZSIP_OK;
}

enum zsip_status zsip_worker_listen(struct zsip_worker *worker, enum zsip_transport transport,
                                    const struct zsip_address *address, unsigned flags,
                                    struct zsip_address *bound, char *error, size_t error_bytes)
{
    struct zsip_address real;
    enum zsip_status status =
        zsip_net_listen(worker->net, transport, address, flags, &real, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    if (!worker->named)
        name_endpoint(worker, &real);
    if (bound != NULL)
        *bound = real;
    return ZSIP_OK;
}

enum zsip_status zsip_worker_adopt(struct zsip_worker *worker, int socket,
                                   struct zsip_address *bound, char *error, size_t error_bytes)
{
    struct zsip_address real;
    enum zsip_status status = zsip_net_adopt(worker->net, socket, &real, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    if (!worker->named)
        name_endpoint(worker, &real);
    if (bound != NULL)
        *bound = real;
    return ZSIP_OK;
}

struct zsip_endpoint *zsip_worker_endpoint(struct zsip_worker *worker)
{
    return worker->endpoint;
}

/* ---- Output -----------------------------------------------------------------------------------
 */

static void tap(const struct zsip_worker *worker, bool out, const uint8_t *data, size_t bytes,
                const struct zsip_path *path)
{
    /* Before the first turn something may have been sent already. */
    uint64_t now_ns = worker->turn_ns > 0 ? worker->turn_ns : zsip_time_now().monotonic_ns;
    struct zsip_tapped tapped = {data, bytes, path, now_ns, out};
    worker->config.tap(worker->config.tap_user, &tapped);
}

/* Queues what the endpoint has written since the last time. */
static size_t hand_over(struct zsip_worker *worker)
{
    size_t count;
    const struct zsip_output *outputs = zsip_endpoint_output(worker->endpoint, &count);
    ZSIP_ASSERT(count >= worker->handed);
    for (size_t i = worker->handed; worker->config.tap != NULL && i < count; i++)
        tap(worker, true, outputs[i].data, outputs[i].bytes, outputs[i].path);
    if (count > worker->handed)
        zsip_net_send(worker->net, outputs + worker->handed, count - worker->handed);
    worker->handed = count;
    return count;
}

/* The kernel has taken all that was handed over, and all was. */
static void output_left(struct zsip_worker *worker)
{
    if (worker->handed > 0)
        zsip_endpoint_output_done(worker->endpoint);
    worker->handed = 0;
}

/* Empties the output in the middle of a turn. */
static void make_room(struct zsip_worker *worker)
{
    if (hand_over(worker) == 0)
        return;
    if (zsip_net_flush(worker->net) == ZSIP_OK)
        output_left(worker);
}

/* ---- A turn -----------------------------------------------------------------------------------
 */

static void take_packets(struct zsip_worker *worker, const struct zsip_packet *packets, size_t left,
                         struct zsip_time now)
{
    _Static_assert(ZSIP_NET_PACKETS_MAX <= ZSIP_RECEIVE_MAX, "a batch is one call");
    while (left > 0) {
        size_t used;
        enum zsip_status status =
            zsip_endpoint_receive(worker->endpoint, packets, left, now, &used);
        packets += used;
        left -= used;
        if (status != ZSIP_MORE)
            break;
        /* To take nothing with an empty output would be the endpoint's fault, and last for ever. */
        ZSIP_ASSERT(hand_over(worker) > 0 || used > 0);
        make_room(worker);
    }
}

/* What other workers passed to this one. */
static void take_lanes(struct zsip_worker *worker, struct zsip_time now)
{
    struct zsip_group *group = worker->group;
    struct zsip_packet packets[LANE_PACKETS];
    _Atomic bool *rung = &group->members[worker->self].rung;
    /* Down before the lanes are looked into: who publishes from here on rings again. */
    if (!atomic_load_explicit(rung, memory_order_relaxed) ||
        !atomic_exchange_explicit(rung, false, memory_order_acq_rel))
        return;
    for (uint32_t from = 0; from < group->count; from++) {
        struct lane *lane = group_lane(group, from, worker->self);
        size_t count = zsip_lane_take(lane, packets, LANE_PACKETS);
        take_packets(worker, packets, count, now);
        zsip_lane_release(lane);
        COUNT(worker->steered_in, count);
        if (count == LANE_PACKETS) {
            atomic_store_explicit(rung, true, memory_order_relaxed);
            worker->more = true;
        }
    }
}

/* Shows the others what was passed to them; rings once for a batch, and not where it rings already.
 */
static void publish_lanes(struct zsip_worker *worker)
{
    struct zsip_group *group = worker->group;
    for (uint32_t to = 0; to < group->count; to++) {
        struct member *member = &group->members[to];
        if (to != worker->self && zsip_lane_publish(group_lane(group, worker->self, to)) &&
            !atomic_exchange_explicit(&member->rung, true, memory_order_acq_rel))
            zsip_net_signal(worker->net, member->worker->net);
    }
}

static void take_failures(struct zsip_worker *worker, const struct zsip_net_batch *batch)
{
    for (size_t i = 0; i < batch->failed_count; i++) {
        uint64_t client = batch->failed[i].client;
        if (batch->failed[i].refused)
            zsip_endpoint_send_refused(worker->endpoint, client, batch->now);
        else
            zsip_endpoint_send_failed(worker->endpoint, client, batch->now);
    }
    for (size_t i = 0; i < batch->error_count; i++) {
        const struct zsip_net_error *error = &batch->errors[i];
        if (error->unreachable)
            zsip_endpoint_send_failed_quoted(worker->endpoint, error->quoted, batch->now);
        if (error->mtu > 0)
            zsip_endpoint_path_mtu(worker->endpoint, &error->remote, error->mtu, batch->now);
    }
}

static void take_posts(struct zsip_worker *worker, struct zsip_time now)
{
    struct mailbox *mailbox = &worker->mailbox;
    /* Down before the mailbox is looked into: who posts from here on rings again. */
    if (!atomic_load_explicit(&mailbox->rung, memory_order_relaxed) ||
        !atomic_exchange_explicit(&mailbox->rung, false, memory_order_acq_rel))
        return;
    zsip_posted function;
    void *argument;
    unsigned taken = 0;
    while (taken < MAILBOX_POSTS && zsip_mailbox_take(mailbox, &function, &argument)) {
        function(argument, worker, now);
        if (++taken % POSTS_ROUND == 0)
            make_room(worker);
    }
    COUNT(worker->posts, taken);
    if (taken == MAILBOX_POSTS) {
        atomic_store_explicit(&mailbox->rung, true, memory_order_relaxed);
        worker->more = true;
    }
}

static void run_timers(struct zsip_worker *worker, struct zsip_time now)
{
    for (unsigned round = 0; round < EXPIRE_ROUNDS; round++) {
        if (zsip_endpoint_expire(worker->endpoint, now) != ZSIP_MORE)
            return;
        make_room(worker);
    }
    worker->more = true;
}

static void start(struct zsip_worker *worker)
{
    worker->started = true;
    if (worker->config.cpu < 0 || zsip_thread_pin((unsigned)worker->config.cpu))
        return;
    char line[80];
    snprintf(line, sizeof(line), "worker: can't be pinned to cpu %d; it runs where it may",
             worker->config.cpu);
    if (worker->config.log != NULL)
        worker->config.log(worker->config.log_user, line);
}

/* Of all but the net, which sees to its own in a wait. */
static uint64_t own_deadline(const struct zsip_worker *worker)
{
    uint64_t deadline_ns = zsip_endpoint_deadline(worker->endpoint);
    if (worker->more)
        return 0;
    if (deadline_ns < worker->turn_ns + TIMER_SLACK_NS)
        deadline_ns = worker->turn_ns + TIMER_SLACK_NS;
    return deadline_ns < worker->turn_deadline_ns ? deadline_ns : worker->turn_deadline_ns;
}

uint64_t zsip_worker_deadline(const struct zsip_worker *worker)
{
    uint64_t deadline_ns = own_deadline(worker), net_ns = zsip_net_deadline(worker->net);
    return net_ns < deadline_ns ? net_ns : deadline_ns;
}

/* Afterwards the output of the turn is queued, not sent: the wait of the next turn sends it with
 * the syscall it makes anyway. */
static enum zsip_status turn_inside(struct zsip_worker *worker, uint64_t wait_until_ns)
{
    const struct zsip_net_batch *batch;
    if (!worker->started)
        start(worker);
    hand_over(worker); /* what was sent outside of callbacks */
    uint64_t deadline_ns = own_deadline(worker);
    enum zsip_status status = zsip_net_wait(
        worker->net, deadline_ns < wait_until_ns ? deadline_ns : wait_until_ns, &batch);
    if (status != ZSIP_OK)
        return status;
    output_left(worker);
    worker->more = false;
    COUNT(worker->turns, 1);

    worker->turn_ns = batch->now.monotonic_ns;
    /* Here and not where they are taken: what came by a lane was seen by who passed it on. */
    for (size_t i = 0; worker->config.tap != NULL && i < batch->packet_count; i++)
        tap(worker, false, batch->packets[i].data, batch->packets[i].bytes, batch->packets[i].path);
    take_packets(worker, batch->packets, batch->packet_count, batch->now);
    if (worker->group != NULL) {
        take_lanes(worker, batch->now);
        publish_lanes(worker);
    }
    take_failures(worker, batch);
    take_posts(worker, batch->now);
    run_timers(worker, batch->now);
    if (worker->config.turn != NULL)
        worker->turn_deadline_ns =
            worker->config.turn(worker->config.endpoint.user, worker, batch->now);
    hand_over(worker);
    zsip_net_recycle(worker->net);
    worker->more |= batch->more;
    return ZSIP_OK;
}

static enum zsip_status turn(struct zsip_worker *worker, uint64_t wait_until_ns)
{
    worker->inside = true;
    enum zsip_status status = turn_inside(worker, wait_until_ns);
    worker->inside = false;
    return status;
}

/* The thread of the first turn, and no other: the ring serves none but it. Nor in a callback. */
static bool on_own_thread(struct zsip_worker *worker)
{
    if (!worker->owned)
        worker->owner = pthread_self();
    worker->owned = true;
    return pthread_equal(worker->owner, pthread_self()) != 0 && !worker->inside;
}

enum zsip_status zsip_worker_turn(struct zsip_worker *worker, uint64_t wait_ns)
{
    if (!on_own_thread(worker))
        return ZSIP_ERROR_STATE;
    uint64_t until_ns = 0;
    if (wait_ns > 0) {
        uint64_t now_ns = zsip_time_now().monotonic_ns;
        until_ns = wait_ns < ZSIP_NEVER_NS - now_ns ? now_ns + wait_ns : ZSIP_NEVER_NS;
    }
    enum zsip_status status = turn(worker, until_ns);
    /* Who knows when the next turn comes. */
    make_room(worker);
    return status;
}

enum zsip_status zsip_worker_run(struct zsip_worker *worker)
{
    if (!on_own_thread(worker))
        return ZSIP_ERROR_STATE;
    enum zsip_status status = ZSIP_OK;
    while (status == ZSIP_OK && !atomic_load(&worker->stopped))
        status = turn(worker, ZSIP_NEVER_NS);
    atomic_store(&worker->stopped, false);
    make_room(worker);
    zsip_net_pause(worker->net);
    return status;
}

int zsip_worker_fd(struct zsip_worker *worker)
{
    return zsip_net_fd(worker->net);
}

/* ---- From other threads -----------------------------------------------------------------------
 */

void zsip_worker_stop(struct zsip_worker *worker)
{
    atomic_store(&worker->stopped, true);
    zsip_net_wake(worker->net);
}

enum zsip_status zsip_worker_post(struct zsip_worker *worker, zsip_posted function, void *argument)
{
    if (!zsip_mailbox_put(&worker->mailbox, function, argument)) {
        atomic_fetch_add_explicit(&worker->posts_full, 1, memory_order_relaxed);
        return ZSIP_ERROR_FULL;
    }
    if (!atomic_exchange_explicit(&worker->mailbox.rung, true, memory_order_acq_rel))
        zsip_net_wake(worker->net);
    return ZSIP_OK;
}

void zsip_worker_stats(const struct zsip_worker *worker, struct zsip_worker_stats *stats)
{
    const struct zsip_net_stats *net = zsip_net_stats(worker->net);
    struct zsip_worker_stats all;
#define X(name) all.name = __atomic_load_n(&net->name, __ATOMIC_RELAXED);
    ZSIP_NET_STATS_MAP(X)
#undef X
    all.turns = __atomic_load_n(&worker->turns, __ATOMIC_RELAXED);
    all.posts = __atomic_load_n(&worker->posts, __ATOMIC_RELAXED);
    all.steered_out = __atomic_load_n(&worker->steered_out, __ATOMIC_RELAXED);
    all.steered_in = __atomic_load_n(&worker->steered_in, __ATOMIC_RELAXED);
    all.steered_full = __atomic_load_n(&worker->steered_full, __ATOMIC_RELAXED);
    all.posts_full = atomic_load_explicit(&worker->posts_full, memory_order_relaxed);
    zsip_struct_write(stats, &all, sizeof(all));
}
