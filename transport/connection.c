/* The table of connections: how they begin and end, and their timers. */
#include "transport/internal.h"
#include "transport/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum {
    EXPIRED_MAX = 256, /* connections a turn from each queue */
    PONG_S = 10,       /* RFC 5626 section 4.4.1 */
    HALF_S = 32,       /* no answer to anything is due after 64*T1 */
    LINGER_S = 2,
    LATE_S = 2,
};

/* ---- The table ------------------------------------------------------------------------------- */

struct connection *zsip_connection_take(struct zsip_net *t)
{
    struct streams *s = t->streams;
    uint32_t index = s->connection_free;
    if (index != NO_CONNECTION)
        s->connection_free = s->connections[index].list_next;
    else if (s->connection_fresh < s->config.connections)
        index = s->connection_fresh++;
    else
        return NULL;
    struct connection *c = &s->connections[index];
    uint32_t generation = c->generation + 1;
    *c = (struct connection){
        .fd = -1,
        .generation = generation,
        .client_first = NO_CLIENT,
        .target = NO_TARGET,
        .silent = true,
        .path = {.transport = ZSIP_TRANSPORT_TCP, .flags = ZSIP_PATH_RELIABLE},
    };
    c->path.flow = connection_flow(s, c);
    s->connection_count++;
    COUNT(t, connections_now, 1);
    return c;
}

/* The one that is, or was last, where a flow leads; NULL: none ever was. */
static struct connection *named(const struct zsip_net *t, uint64_t flow)
{
    const struct streams *s = t->streams;
    uint32_t index = flow & ((1u << CONNECTIONS_BITS) - 1);
    if (s == NULL || flow >> 63 == 0 || index >= s->connection_fresh)
        return NULL;
    return &s->connections[index];
}

struct connection *zsip_connection_of(struct zsip_net *t, uint64_t flow)
{
    struct connection *c = named(t, flow);
    return c != NULL && zsip_connection_live(c, flow) ? c : NULL;
}

bool zsip_connection_aborted(const struct zsip_net *t, uint64_t flow)
{
    const struct connection *c = named(t, flow);
    return c != NULL && c->path.flow == flow && c->aborted;
}

void zsip_connection_target(struct zsip_net *t, struct io_uring_sqe *sqe,
                            const struct connection *c)
{
    if (!t->files || !c->fixed)
        return;
    sqe->fd = (int)t->file_sockets + (int)(c - t->streams->connections);
    sqe->flags |= IOSQE_FIXED_FILE;
}

/* Registers or takes back its socket, in order with what else is queued. */
static void update_file(struct zsip_net *t, struct connection *c, int *fd)
{
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL)
        return;
    io_uring_prep_files_update(sqe, fd, 1,
                               (int)t->file_sockets + (int)(c - t->streams->connections));
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = USER_DATA(COMPLETION_NONE, 0);
}

void zsip_connection_list(struct zsip_net *t, struct connection *c)
{
    if (c->listed || c->armed || c->stopped)
        return;
    c->listed = true;
    c->list_next = t->streams->arming;
    t->streams->arming = (uint32_t)(c - t->streams->connections);
}

void zsip_connection_begin(struct zsip_net *t, struct connection *c, int fd)
{
    struct streams *s = t->streams;
    c->fd = fd;
    c->state = CONNECTION_OPEN;
    c->active_ns = t->streams->now_ns;
    if (t->files && !c->lone && t->file_sockets + (uint32_t)(c - s->connections) < t->file_count) {
        c->fixed = true;
        update_file(t, c, &c->fd);
    }
    t->config.framer.begin(t->config.framer.user, c->framer);
    zsip_connection_list(t, c);
    zsip_connection_retime(t, c);
}

void zsip_streams_register(struct zsip_net *t)
{
    struct streams *s = t->streams;
    for (uint32_t i = 0; i < s->connection_fresh; i++) {
        struct connection *c = &s->connections[i];
        if (c->state < CONNECTION_OPEN || c->fd < 0)
            continue;
        c->fixed = t->file_sockets + i < t->file_count &&
                   io_uring_register_files_update(&t->ring, t->file_sockets + i, &c->fd, 1) == 1;
    }
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void cancel(struct zsip_net *t, const struct connection *c, enum completion kind)
{
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL)
        return;
    io_uring_prep_cancel64(sqe, USER_DATA(kind, c - t->streams->connections), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = USER_DATA(COMPLETION_NONE, 0);
}

static void close_socket(struct zsip_net *t, struct connection *c)
{
    static int none = -1;
    if (c->fd < 0)
        return;
    if (c->fixed && t->files)
        update_file(t, c, &none);
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL) {
        close(c->fd);
    } else {
        io_uring_prep_close(sqe, c->fd);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = USER_DATA(COMPLETION_NONE, 0);
    }
    c->fd = -1;
    c->fixed = false;
}

void zsip_connection_finish(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    if (c->state != CONNECTION_CLOSED || c->armed || c->sending || c->connecting || c->listed ||
        c->settling)
        return;
    zsip_unsent_free(t, c);
    close_socket(t, c);
    c->state = CONNECTION_FREE;
    c->list_next = s->released;
    s->released = (uint32_t)(c - s->connections);
}

void zsip_connection_close(struct zsip_net *t, struct connection *c, unsigned closing)
{
    struct streams *s = t->streams;
    if (c->state == CONNECTION_CLOSED || c->state == CONNECTION_FREE)
        return;
    bool begun = c->fd >= 0;
    c->aborted = (closing & CLOSING_ABORT) != 0;
    zsip_connection_timer(t, c, TIMER_NONE);
    zsip_doubt_end(t, c);
    if (c->state == CONNECTION_WAITING)
        zsip_connect_unwait(t, c);
    c->state = CONNECTION_CLOSED;
    if (c->counted)
        zsip_sources_drop(&s->sources, &c->path.remote);
    if (c->target != NO_TARGET)
        zsip_target_leave(t, c);
    if (c->stitch != NULL)
        zsip_blocks_give(&s->blocks, c->stitch);
    c->stitch = NULL;
    zsip_unsent_lost(t, c, closing);
    zsip_unsent_drop(t, c);
    zsip_clients_lose(t, c, (closing & CLOSING_REFUSED) != 0);
    if (begun && (closing & CLOSING_ABORT)) {
        struct linger none = {.l_onoff = 1};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    }
    if (c->armed)
        cancel(t, c, COMPLETION_STREAM);
    if (c->sending)
        cancel(t, c, COMPLETION_UNSENT);
    if (c->connecting)
        cancel(t, c, COMPLETION_CONNECT);
    zsip_connection_finish(t, c);
}

void zsip_connection_settle(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    if (c->settling)
        return;
    c->settling = true;
    c->settle_next = s->settling;
    s->settling = (uint32_t)(c - s->connections);
}

/* All that was to be sent has left. */
static void settle(struct zsip_net *t, struct connection *c)
{
    const struct streams *s = t->streams;
    if (c->state == CONNECTION_CLOSED) {
        zsip_connection_finish(t, c);
    } else if (c->state == CONNECTION_LAST && c->last_turn == s->turn) {
        zsip_connection_settle(t, c); /* its answer is still to be written */
    } else if (c->unsent_bytes > 0 || c->touched) {
        return; /* looked at again when it has left */
    } else if (c->state == CONNECTION_LAST) {
        /* To close it now would throw away what the peer has not read yet, if it still sends: the
         * kernel answers unread bytes with RST. */
        c->state = CONNECTION_GONE;
        shutdown(c->fd, SHUT_WR);
        if (c->ended)
            zsip_connection_close(t, c, 0);
        else
            zsip_connection_timer(t, c, TIMER_LINGER);
    } else if (c->state == CONNECTION_OPEN && c->ended && c->owed <= 0) {
        COUNT(t, closed_by_peer, 1);
        zsip_connection_close(t, c, 0);
    }
}

static void settle_all(struct zsip_net *t)
{
    struct streams *s = t->streams;
    uint32_t index = s->settling;
    s->settling = NO_CONNECTION;
    while (index != NO_CONNECTION) {
        struct connection *c = &s->connections[index];
        index = c->settle_next;
        c->settling = false;
        settle(t, c);
    }
}

/* ---- Timers ---------------------------------------------------------------------------------- */

static void unlink_timer(struct streams *s, struct connection *c)
{
    struct stream_queue *queue = &s->queues[c->timer];
    if (c->timer_prev == NO_CONNECTION)
        queue->head = c->timer_next;
    else
        s->connections[c->timer_prev].timer_next = c->timer_next;
    if (c->timer_next == NO_CONNECTION)
        queue->tail = c->timer_prev;
    else
        s->connections[c->timer_next].timer_prev = c->timer_prev;
}

void zsip_connection_timer(struct zsip_net *t, struct connection *c, enum stream_timer timer)
{
    struct streams *s = t->streams;
    uint32_t index = (uint32_t)(c - s->connections);
    if (c->timer != TIMER_NONE)
        unlink_timer(s, c);
    if (s->queues[timer].length_ns == 0)
        timer = TIMER_NONE;
    c->timer = timer;
    if (timer == TIMER_NONE)
        return;
    struct stream_queue *queue = &s->queues[timer];
    c->timer_ns = t->streams->now_ns;
    c->timer_prev = queue->tail;
    c->timer_next = NO_CONNECTION;
    if (queue->tail == NO_CONNECTION)
        queue->head = index;
    else
        s->connections[queue->tail].timer_next = index;
    queue->tail = index;
}

static enum stream_timer wanted_timer(const struct streams *s, const struct connection *c)
{
    if (c->state == CONNECTION_GONE)
        return TIMER_LINGER;
    if (c->state == CONNECTION_CONNECTING)
        return TIMER_CONNECT;
    if (c->state != CONNECTION_OPEN && c->state != CONNECTION_LAST)
        return TIMER_NONE;
    if (c->unsent_bytes > 0)
        return TIMER_UNSENT;
    if (c->ended)
        return TIMER_HALF;
    if (c->stitch_bytes > 0)
        return TIMER_MESSAGE;
    if (c->accepted && c->silent)
        return TIMER_FIRST_BYTE;
    return !c->accepted && s->config.ping_ns > 0 ? TIMER_PING : TIMER_IDLE;
}

/* What its timer runs for. */
static enum stream_timer reason(const struct connection *c)
{
    return c->timer == TIMER_LATE ? c->late : c->timer;
}

void zsip_connection_retime(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    enum stream_timer timer = wanted_timer(s, c);
    if (timer != reason(c)) {
        zsip_connection_timer(t, c, timer);
        return;
    }
    /* To move to the end of the queue at each read would cost two cache misses: a 64th of the time
     * is not missed. */
    if ((timer == TIMER_IDLE || timer == TIMER_PING) &&
        (c->timer == TIMER_LATE || s->now_ns - c->timer_ns > s->queues[timer].length_ns / 64))
        zsip_connection_timer(t, c, timer);
}

static void ping(struct zsip_net *t, struct connection *c)
{
    COUNT(t, pings_out, 1);
    zsip_stream_say(t, c, "\r\n\r\n", 4);
    zsip_connection_timer(t, c, TIMER_PONG);
}

/* An answer may still come or go: a connection lives as long as a transaction may (RFC 3261 section
 * 18), however short an idle one does. */
static bool in_use(const struct streams *s, const struct connection *c)
{
    return (c->owed > 0 || c->asked > 0) && s->config.idle_ns < HALF_S * ZSIP_NS_PER_S;
}

static void fire(struct zsip_net *t, struct connection *c, enum stream_timer timer)
{
    switch (timer) {
    case TIMER_CONNECT:
        zsip_connect_failed(t, c, ETIMEDOUT);
        return;
    case TIMER_PING:
        ping(t, c);
        return;
    case TIMER_FIRST_BYTE:
        COUNT(t, closed_first_byte, 1);
        break;
    case TIMER_MESSAGE:
        COUNT(t, closed_slow, 1);
        break;
    case TIMER_UNSENT:
        COUNT(t, closed_unsent, 1);
        zsip_connection_close(t, c, CLOSING_ABORT);
        return;
    case TIMER_IDLE:
        if (in_use(t->streams, c)) {
            zsip_connection_timer(t, c, TIMER_HALF);
            return;
        }
        COUNT(t, closed_idle, 1);
        break;
    case TIMER_PONG:
        COUNT(t, closed_pong, 1);
        break;
    case TIMER_HALF:
        if (c->ended)
            COUNT(t, closed_by_peer, 1);
        else
            COUNT(t, closed_idle, 1);
        break;
    default:
        break;
    }
    zsip_connection_close(t, c, 0);
}

/* Whether what would have kept the timer from its end may have happened in time, and waits for us:
 * unread, unsent, or not yet taken from the ring. */
static bool is_late(const struct zsip_net *t, const struct connection *c)
{
    bool peer_reads = c->timer == TIMER_CONNECT || c->timer == TIMER_UNSENT;
    struct pollfd look = {.fd = c->fd, .events = peer_reads ? POLLOUT : POLLIN};
    if (c->timer == TIMER_LATE || c->timer == TIMER_LINGER || (c->ended && !peer_reads))
        return false;
    /* In this order: what the kernel reads in between is a completion then. */
    return poll(&look, 1, 0) > 0 || io_uring_cq_ready(&t->ring) > 0;
}

/* A timer is at its end. It must not overtake what came in time, where it is we who are late: then
 * the connection is given a moment, once. */
static void expire(struct zsip_net *t, struct connection *c)
{
    enum stream_timer timer = reason(c);
    if (is_late(t, c)) {
        zsip_connection_timer(t, c, TIMER_LATE);
        c->late = timer;
    } else {
        fire(t, c, timer);
    }
}

static void expire_all(struct zsip_net *t)
{
    struct streams *s = t->streams;
    uint64_t now_ns = t->streams->now_ns;
    for (unsigned timer = 1; timer < TIMER_COUNT; timer++) {
        const struct stream_queue *queue = &s->queues[timer];
        for (unsigned i = 0; queue->head != NO_CONNECTION; i++) {
            struct connection *c = &s->connections[queue->head];
            if (now_ns - c->timer_ns < queue->length_ns)
                break;
            if (i == EXPIRED_MAX) {
                t->batch.more = true;
                break;
            }
            expire(t, c);
        }
    }
    zsip_connect_expire(t);
    zsip_doubts_expire(t);
    if (now_ns - s->trim_ns > ZSIP_NS_PER_S) {
        s->trim_ns = now_ns;
        zsip_blocks_trim(&s->blocks);
    }
}

void zsip_streams_begin(struct zsip_net *t)
{
    t->streams->now_ns = t->batch.now.monotonic_ns;
    t->streams->turn++;
}

void zsip_streams_end(struct zsip_net *t)
{
    settle_all(t);
    expire_all(t);
    zsip_clients_tell(t);
}

uint64_t zsip_streams_deadline(const struct zsip_net *t)
{
    const struct streams *s = t->streams;
    uint64_t deadline_ns = zsip_doubts_deadline(s);
    for (unsigned timer = 1; timer < TIMER_COUNT; timer++) {
        const struct stream_queue *queue = &s->queues[timer];
        if (queue->head == NO_CONNECTION)
            continue;
        uint64_t due_ns = s->connections[queue->head].timer_ns + queue->length_ns;
        deadline_ns = due_ns < deadline_ns ? due_ns : deadline_ns;
    }
    if (s->waiting != NO_CONNECTION && s->connections[s->waiting].retry_ns < deadline_ns)
        deadline_ns = s->connections[s->waiting].retry_ns;
    return deadline_ns;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static enum zsip_status check(struct zsip_stream_config *config, char *error, size_t error_bytes)
{
    zsip_net_stream_defaults(config);
    if (config->connections < 1u << CONNECTIONS_BITS && config->header_bytes <= 65535 &&
        config->body_bytes <= 900u << 10 && config->memory_bytes >= 1 << 20 &&
        (config->memory_bytes & (config->memory_bytes - 1)) == 0)
        return ZSIP_OK;
    snprintf(error, error_bytes,
             "streams: a bound out of range; at most 16 million connections, 65,535 bytes of "
             "header section, 900 KiB of body; memory a power of two from 1 MiB");
    return ZSIP_ERROR_ARGUMENT;
}

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t power = 1;
    while (power < at_least)
        power *= 2;
    return power;
}

/* The blocks of a net's streams, named once for taking and giving back. */
struct part {
    void **at;
    size_t bytes;
};

enum { PARTS = 5 };

static void parts_of(struct zsip_net *t, struct part parts[PARTS])
{
    struct streams *s = t->streams;
    size_t connections = s->config.connections;
    parts[0] = (struct part){(void **)&s->connections, connections * sizeof(*s->connections)};
    parts[1] = (struct part){(void **)&s->targets, connections * sizeof(*s->targets)};
    parts[2] = (struct part){(void **)&s->target_buckets,
                             (s->target_mask + 1) * sizeof(*s->target_buckets)};
    parts[3] = (struct part){(void **)&s->clients, (s->client_mask + 1) * sizeof(*s->clients)};
    parts[4] = (struct part){(void **)&s->sources.table,
                             power_of_two(2 * s->config.connections) * sizeof(struct source)};
}

static enum zsip_status parts_take(struct zsip_net *t)
{
    struct streams *s = t->streams;
    struct part parts[PARTS];
    uint64_t secret[3];
    parts_of(t, parts);
    for (unsigned i = 0; i < PARTS; i++) {
        *parts[i].at = zsip_memory_reserve(t->config.memory, parts[i].bytes);
        if (*parts[i].at == NULL)
            return ZSIP_ERROR_MEMORY;
    }
    /* A bucket is empty at 0. */
    if (zsip_random(secret, sizeof(secret)) != ZSIP_OK)
        return ZSIP_ERROR_SYSTEM;
    zsip_sources_init(&s->sources, s->sources.table, power_of_two(2 * s->config.connections),
                      secret);
    s->random = secret[2] | 1;
    return zsip_blocks_create(&s->blocks, t->config.memory, s->config.memory_bytes);
}

static void lists_init(struct streams *s)
{
    const struct zsip_stream_config *config = &s->config;
    s->connection_free = s->waiting = s->arming = s->settling = s->released = s->doubt_first =
        s->doubt_last = NO_CONNECTION;
    s->orphans = NO_CLIENT;
    s->target_free = NO_TARGET;
    for (unsigned i = 0; i < TIMER_COUNT; i++)
        s->queues[i] = (struct stream_queue){.head = NO_CONNECTION, .tail = NO_CONNECTION};
    s->queues[TIMER_CONNECT].length_ns = config->connect_ns;
    s->queues[TIMER_FIRST_BYTE].length_ns = config->first_byte_ns;
    s->queues[TIMER_MESSAGE].length_ns = config->message_ns;
    s->queues[TIMER_UNSENT].length_ns = config->unsent_ns;
    s->queues[TIMER_IDLE].length_ns = config->idle_ns;
    s->queues[TIMER_PING].length_ns = config->ping_ns;
    s->queues[TIMER_PONG].length_ns = PONG_S * ZSIP_NS_PER_S;
    s->queues[TIMER_HALF].length_ns = HALF_S * ZSIP_NS_PER_S;
    s->queues[TIMER_LINGER].length_ns = LINGER_S * ZSIP_NS_PER_S;
    s->queues[TIMER_LATE].length_ns = LATE_S * ZSIP_NS_PER_S;
}

enum zsip_status zsip_streams_create(struct zsip_net *t, char *error, size_t error_bytes)
{
    const struct zsip_memory *memory = t->config.memory;
    struct zsip_stream_config config = t->config.streams;
    enum zsip_status status = check(&config, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    struct streams *s = memory->allocate(memory->user, sizeof(*s));
    if (s == NULL) {
        snprintf(error, error_bytes, "streams: no memory for %zu bytes", sizeof(*s));
        return ZSIP_ERROR_MEMORY;
    }
    memset(s, 0, sizeof(*s));
    s->config = config;
    s->target_mask = power_of_two(config.connections) - 1;
    s->client_mask = power_of_two(t->config.clients_max > 0 ? t->config.clients_max : 1) - 1;
    s->epoch = 1;
    lists_init(s);
    t->streams = s;
    status = parts_take(t);
    if (status != ZSIP_OK) {
        snprintf(error, error_bytes, "streams: no memory for %u connections",
                 (unsigned)config.connections);
        return status;
    }
    return zsip_streams_buffers(t, error, error_bytes);
}

void zsip_streams_destroy(struct zsip_net *t)
{
    struct streams *s = t->streams;
    if (s == NULL)
        return;
    struct part parts[PARTS];
    for (uint32_t i = 0; s->connections != NULL && i < s->connection_fresh; i++)
        if (s->connections[i].state != CONNECTION_FREE && s->connections[i].fd >= 0)
            close(s->connections[i].fd);
    parts_of(t, parts);
    for (unsigned i = 0; i < PARTS; i++)
        zsip_memory_unreserve(t->config.memory, *parts[i].at, parts[i].bytes);
    if (s->blocks.memory != NULL)
        zsip_blocks_destroy(&s->blocks);
    if (s->buffer_memory != NULL)
        zsip_memory_unreserve(t->config.memory, s->buffer_memory, s->buffer_memory_bytes);
    t->config.memory->release(t->config.memory->user, s, sizeof(*s));
    t->streams = NULL;
}
