/* Connections of ours: to each target as many as are allowed, opened when something is to be sent
 * there, used in turn, and opened again after a growing rest where that fails. */
#include "transport/internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum {
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 10000,
    FAILURES_MAX = 16,
    EXPIRED_MAX = 64,
    EVICTIONS = 32, /* targets looked at for one that nobody needs */
};

/* ---- Targets --------------------------------------------------------------------------------- */

static uint32_t bucket_of(const struct streams *s, const struct zsip_address *remote)
{
    uint64_t parts[3];
    memcpy(parts, remote, sizeof(parts));
    /* Nobody can aim at one bucket: answers lead to whatever port their requests name. */
    const uint64_t *secret = s->sources.secret;
    uint64_t hash = (parts[0] ^ secret[0]) * secret[1];
    hash = (hash ^ hash >> 31 ^ parts[1]) * secret[1];
    hash = (hash ^ hash >> 31 ^ parts[2]) * 0x94d049bb133111ebu;
    return (uint32_t)(hash >> 32) & s->target_mask;
}

/* local of family NONE: whatever the kernel takes. */
static bool leads_to(const struct target *target, const struct zsip_path *path)
{
    return memcmp(&target->path.remote, &path->remote, sizeof(path->remote)) == 0 &&
           (path->local.family == ZSIP_FAMILY_NONE ||
            memcmp(target->path.local.ip, path->local.ip, sizeof(path->local.ip)) == 0);
}

static void target_free(struct streams *s, uint32_t index)
{
    struct target *target = &s->targets[index];
    uint32_t *link = &s->target_buckets[bucket_of(s, &target->path.remote)];
    while (*link != index + 1) {
        ZSIP_ASSERT(*link != 0);
        link = &s->targets[*link - 1].next;
    }
    *link = target->next;
    target->next = s->target_free;
    s->target_free = index;
}

/* Those that rest stay when their last connection is gone; the oldest give way. */
static void evict(struct streams *s)
{
    for (unsigned i = 0; i < EVICTIONS && s->target_fresh > 0; i++) {
        uint32_t index = s->target_hand++ % s->target_fresh;
        if (s->targets[index].connections == 0 && s->targets[index].failures > 0) {
            s->targets[index].failures = 0;
            target_free(s, index);
            return;
        }
    }
}

static struct target *target_of(struct streams *s, const struct zsip_path *path)
{
    uint32_t *bucket = &s->target_buckets[bucket_of(s, &path->remote)];
    for (uint32_t i = *bucket; i != 0; i = s->targets[i - 1].next)
        if (leads_to(&s->targets[i - 1], path))
            return &s->targets[i - 1];
    if (s->target_free == NO_TARGET && s->target_fresh == s->config.connections)
        evict(s);
    uint32_t index = s->target_free;
    if (index != NO_TARGET)
        s->target_free = s->targets[index].next;
    else if (s->target_fresh < s->config.connections)
        index = s->target_fresh++;
    else
        return NULL;
    struct target *target = &s->targets[index];
    *target = (struct target){.path = *path, .turn = NO_CONNECTION, .next = *bucket};
    target->path.flow = 0;
    *bucket = index + 1;
    return target;
}

/* 100 ms, doubled with each failure in a row, between half and all of it. */
static void rest(struct zsip_net *t, struct target *target)
{
    struct streams *s = t->streams;
    uint64_t rest_ms = BACKOFF_MIN_MS;
    for (uint32_t i = 1; i < target->failures && rest_ms < BACKOFF_MAX_MS; i++)
        rest_ms *= 2;
    if (rest_ms > BACKOFF_MAX_MS)
        rest_ms = BACKOFF_MAX_MS;
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    uint64_t rest_ns = rest_ms * ZSIP_NS_PER_MS;
    target->retry_ns = t->streams->now_ns + rest_ns / 2 + s->random % (rest_ns / 2 + 1);
}

static void join(struct streams *s, struct target *target, struct connection *c)
{
    uint32_t index = (uint32_t)(c - s->connections);
    c->target = (uint32_t)(target - s->targets);
    if (target->turn == NO_CONNECTION) {
        target->turn = c->target_next = c->target_prev = index;
    } else {
        struct connection *next = &s->connections[target->turn];
        c->target_next = target->turn;
        c->target_prev = next->target_prev;
        s->connections[next->target_prev].target_next = index;
        next->target_prev = index;
    }
    target->connections++;
}

void zsip_target_leave(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    struct target *target = &s->targets[c->target];
    uint32_t index = (uint32_t)(c - s->connections);
    /* One that is closed before it heard anything was no connection worth having. */
    if (c->silent && target->failures < FAILURES_MAX) {
        target->failures++;
        rest(t, target);
    }
    if (target->turn == index)
        target->turn = c->target_next == index ? NO_CONNECTION : c->target_next;
    s->connections[c->target_prev].target_next = c->target_next;
    s->connections[c->target_next].target_prev = c->target_prev;
    target->connections--;
    if (target->connections == 0 && target->failures == 0)
        target_free(s, c->target);
    c->target = NO_TARGET;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int open_socket(const struct zsip_path *path)
{
    union zsip_sockaddr name;
    int on = 1;
    struct zsip_address local = path->local;
    int fd = socket(path->remote.family == ZSIP_FAMILY_IPV6 ? AF_INET6 : AF_INET,
                    SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    local.port = 0;
    socklen_t bytes = zsip_sockaddr_write(&local, &name);
    if (bytes == 0 || zsip_address_is_wildcard(&local))
        return fd;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, &name.any, bytes) == 0)
        return fd;
    int cause = errno;
    close(fd);
    return -cause;
}

/* What this machine lacks, and not the peer's. */
static void say_lack(struct zsip_net *t, int cause)
{
    const char *remedy = "";
    if (cause == EMFILE)
        remedy = "; raise 'ulimit -n'";
    else if (cause == EADDRNOTAVAIL)
        remedy = "; no such address here, or all its ports are taken";
    if (zsip_net_first(t, SAID_CONNECT))
        zsip_net_say(t, "connect: %s%s", strerror(cause), remedy);
}

static void start(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    s->now_ns = zsip_time_now().monotonic_ns; /* who sends outside of a turn may be late */
    c->state = CONNECTION_CONNECTING;         /* what fails from here on is closed as any other */
    int fd = open_socket(&s->targets[c->target].path);
    struct io_uring_sqe *sqe = fd < 0 ? NULL : zsip_ring_entry(t);
    if (sqe == NULL) {
        if (fd >= 0)
            close(fd);
        else
            say_lack(t, -fd);
        zsip_connect_failed(t, c, fd < 0 ? -fd : EIO);
        return;
    }
    /* The framer has no use for its state before the connection stands. */
    _Static_assert(sizeof(union zsip_sockaddr) <= ZSIP_NET_FRAMER_BYTES, "");
    union zsip_sockaddr name;
    socklen_t bytes = zsip_sockaddr_write(&c->path.remote, &name);
    memcpy(c->framer, &name, sizeof(name));
    c->fd = fd;
    io_uring_prep_connect(sqe, fd, (struct sockaddr *)(void *)c->framer, bytes);
    sqe->user_data = USER_DATA(COMPLETION_CONNECT, c - s->connections);
    c->connecting = true;
    zsip_connection_retime(t, c);
}

/* Few targets rest at a time, and for about as long: the right place is near the end. */
static void wait_for(struct streams *s, struct connection *c, uint64_t retry_ns)
{
    uint32_t index = (uint32_t)(c - s->connections), *link = &s->waiting;
    c->state = CONNECTION_WAITING;
    c->retry_ns = retry_ns;
    while (*link != NO_CONNECTION && s->connections[*link].retry_ns <= retry_ns)
        link = &s->connections[*link].list_next;
    c->list_next = *link;
    *link = index;
}

void zsip_connect_unwait(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    uint32_t index = (uint32_t)(c - s->connections), *link = &s->waiting;
    while (*link != index) {
        ZSIP_ASSERT(*link != NO_CONNECTION);
        link = &s->connections[*link].list_next;
    }
    *link = c->list_next;
}

/* Whether one more may be opened for answers to this address. */
static bool may_answer(struct zsip_net *t, const struct zsip_address *remote)
{
    struct streams *s = t->streams;
    uint32_t kept = 0, same = 0;
    for (uint32_t i = 0; i < s->answering_count; i++) {
        const struct connection *c = zsip_connection_of(t, s->answering[i]);
        if (c == NULL || c->state >= CONNECTION_OPEN)
            continue;
        s->answering[kept++] = s->answering[i];
        same += zsip_sources_same(&c->path.remote, remote);
    }
    s->answering_count = kept;
    return kept < ANSWERING_MAX && same < ANSWERING_A_SOURCE &&
           zsip_sources_add(&s->sources, remote, s->config.connections_per_source);
}

static struct connection *open_one(struct zsip_net *t, struct target *target, bool answer)
{
    struct streams *s = t->streams;
    bool rests = target->failures > 0 && s->now_ns < target->retry_ns;
    /* An answer does not wait for one who was not there just now. */
    if (answer && (rests || !may_answer(t, &target->path.remote))) {
        COUNT(t, connect_full, !rests);
        return NULL;
    }
    struct connection *c = zsip_connection_take(t);
    if (c == NULL) {
        COUNT(t, connect_full, 1);
        if (answer)
            zsip_sources_drop(&s->sources, &target->path.remote);
        return NULL;
    }
    if (answer)
        s->answering[s->answering_count++] = c->path.flow;
    c->counted = answer;
    c->lone = s->config.connection_each;
    c->path.remote = target->path.remote;
    c->path.local = target->path.local;
    join(s, target, c);
    if (rests)
        wait_for(s, c, target->retry_ns);
    else
        start(t, c);
    return c->state == CONNECTION_CLOSED || c->state == CONNECTION_FREE ? NULL : c;
}

struct connection *zsip_connect(struct zsip_net *t, const struct zsip_path *path, bool answer)
{
    struct streams *s = t->streams;
    if (path->remote.port == 0 || path->remote.family == ZSIP_FAMILY_NONE)
        return NULL;
    struct target *target = target_of(s, path);
    if (target == NULL)
        return NULL;
    /* A target that fails is tried by one connection at a time. */
    bool each = s->config.connection_each && target->failures == 0;
    uint32_t max = s->config.connections_per_target;
    if (target->failures > 0 && (s->config.connection_each || s->now_ns < target->retry_ns))
        max = 1;
    if (each || target->connections < max) {
        /* While others stand, nothing waits for the one that tries. */
        bool alone = target->failures == 0 || target->connections == 0;
        struct connection *c = open_one(t, target, answer);
        if (c != NULL && alone)
            return c;
        if (c != NULL)
            rest(t, target); /* from one that tries to the next */
    }
    if (each || target->turn == NO_CONNECTION) {
        if (target->connections == 0 && target->failures == 0)
            target_free(s, (uint32_t)(target - s->targets));
        return NULL;
    }
    struct connection *c = &s->connections[target->turn];
    if (target->failures > 0 && c->state < CONNECTION_OPEN)
        c = &s->connections[c->target_next];
    target->turn = c->target_next;
    return c;
}

void zsip_net_alias(struct zsip_net *t, uint64_t flow, uint16_t port)
{
    struct connection *c = zsip_connection_of(t, flow);
    if (c == NULL || c->state != CONNECTION_OPEN || c->target != NO_TARGET)
        return; /* once is enough, and one of ours leads where it leads */
    struct zsip_path path = {.remote = c->path.remote, .transport = ZSIP_TRANSPORT_TCP};
    path.remote.port = port;
    struct target *target = target_of(t->streams, &path);
    if (target == NULL)
        return;
    COUNT(t, aliases, 1);
    join(t->streams, target, c);
}

void zsip_connect_over(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    /* Bounded by the application's table; one, mostly. */
    while (c->client_first != NO_CLIENT)
        zsip_client_forget(t, s->clients[c->client_first].client);
    c->silent = false;
    zsip_connection_close(t, c, CLOSING_ABORT);
}

/* ---- Outcomes -------------------------------------------------------------------------------- */

static bool is_refusal(int cause)
{
    return cause == ECONNREFUSED || cause == ECONNRESET || cause == EPROTONOSUPPORT ||
           cause == ENOPROTOOPT || cause == EPROTO;
}

void zsip_connect_failed(struct zsip_net *t, struct connection *c, int cause)
{
    struct streams *s = t->streams;
    struct target *target = &s->targets[c->target];
    if (cause == ETIMEDOUT)
        COUNT(t, connect_timeouts, 1);
    else
        COUNT(t, connect_errors, 1);
    if (target->failures < FAILURES_MAX)
        target->failures++;
    rest(t, target);
    c->silent = false; /* counted already */
    zsip_connection_close(t, c, CLOSING_FAIL | (is_refusal(cause) ? CLOSING_REFUSED : 0));
}

void zsip_connect_take(struct zsip_net *t, const struct io_uring_cqe *cqe)
{
    struct streams *s = t->streams;
    struct connection *c = &s->connections[USER_DATA_REST(cqe->user_data)];
    c->connecting = false;
    if (c->state == CONNECTION_CLOSED) {
        zsip_connection_finish(t, c);
        return;
    }
    if (cqe->res == -ECANCELED || cqe->res == -EINTR) {
        /* The ring changed hands. */
        close(c->fd);
        c->fd = -1;
        start(t, c);
        return;
    }
    if (cqe->res < 0) {
        zsip_connect_failed(t, c, -cqe->res);
        return;
    }
    union zsip_sockaddr name;
    socklen_t bytes = sizeof(name);
    if (getsockname(c->fd, &name.any, &bytes) == 0)
        zsip_sockaddr_read(&name, bytes, &c->path.local);
    s->targets[c->target].failures = 0;
    COUNT(t, connections_opened, 1);
    zsip_connection_begin(t, c, c->fd);
    zsip_unsent_send(t, c);
}

void zsip_connect_expire(struct zsip_net *t)
{
    struct streams *s = t->streams;
    for (unsigned i = 0; i < EXPIRED_MAX && s->waiting != NO_CONNECTION; i++) {
        struct connection *c = &s->connections[s->waiting];
        if (c->retry_ns > t->streams->now_ns)
            return;
        s->waiting = c->list_next;
        start(t, c);
    }
}
