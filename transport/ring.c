/* The ring: made, driven and taken apart. */
#include "transport/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void zsip_net_say(struct zsip_net *net, const char *format, ...)
{
    char line[256];
    va_list arguments;
    if (net->config.log == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    net->config.log(net->config.log_user, line);
}

bool zsip_net_first(struct zsip_net *net, enum said said)
{
    bool first = (net->said & said) == 0;
    net->said |= said;
    return first;
}

void zsip_net_fail(struct zsip_net *t, uint64_t client, bool refused)
{
    if (client != 0 && t->failed_count < FAILED_MAX)
        t->failed[t->failed_turn][t->failed_count++] =
            (struct zsip_net_failure){.client = client, .refused = refused};
}

/* ---- Turning --------------------------------------------------------------------------------- */

/* What the kernel answered to an enter, as a status. Being interrupted, out of time or out of
 * memory for a moment is no fault: the next turn goes on. */
static enum zsip_status entered(struct zsip_net *t, int result)
{
    COUNT(t, syscalls, 1);
    if (io_uring_sq_ready(&t->ring) == 0)
        zsip_send_reap(t);
    if (result >= 0 || result == -EINTR || result == -ETIME || result == -EBUSY ||
        result == -EAGAIN || result == -ENOMEM)
        return ZSIP_OK;
    zsip_net_say(t, "io_uring_enter failed: %s", strerror(-result));
    return ZSIP_ERROR_SYSTEM;
}

static enum zsip_status enter(struct zsip_net *t)
{
    return entered(t, io_uring_submit_and_get_events(&t->ring));
}

static enum zsip_status sleep_until(struct zsip_net *t, uint64_t deadline_ns, uint64_t now_ns)
{
    uint64_t wait_ns = deadline_ns - now_ns;
    struct __kernel_timespec timeout = {.tv_sec = (int64_t)(wait_ns / ZSIP_NS_PER_S),
                                        .tv_nsec = (long long)(wait_ns % ZSIP_NS_PER_S)};
    struct io_uring_cqe *cqe;
    COUNT(t, sleeps, 1);
    return entered(t, io_uring_submit_and_wait_timeout(
                          &t->ring, &cqe, 1, deadline_ns == ZSIP_NEVER_NS ? NULL : &timeout, NULL));
}

/* Whether the next batch would hold anything. An error queue tells of itself only once: by a send
 * or a receive that it ended, and the send's completion may be dealt with already. */
static bool has_work(const struct zsip_net *t)
{
    if (io_uring_cq_ready(&t->ring) > 0 || t->failed_count > 0 || t->batch.more)
        return true;
    if (t->streams != NULL &&
        (t->streams->settling != NO_CONNECTION || t->streams->orphans != NO_CLIENT))
        return true;
    for (unsigned i = 0; i < t->socket_count; i++)
        if (t->sockets[i].errors_waiting)
            return true;
    return false;
}

/* The files of sockets, then room for those of connections: as many as the limit of descriptors
 * lets be registered. The others are named by their descriptors, which costs a little each time. */
static void register_files(struct zsip_net *t)
{
    struct rlimit limit;
    t->file_sockets = t->socket_count > FILES_SOCKETS ? t->socket_count : FILES_SOCKETS;
    uint32_t count = t->file_sockets;
    if (t->streams != NULL)
        count += t->streams->config.connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < count)
        count = (uint32_t)limit.rlim_cur;
    t->files = (t->config.without & ZSIP_FEATURE_FILES) == 0 && count >= t->file_sockets &&
               io_uring_register_files_sparse(&t->ring, count) == 0;
    if (!t->files && zsip_net_first(t, SAID_FILES))
        zsip_net_say(t, "io_uring: done without registered files");
    t->file_count = t->files ? count : 0;
    for (unsigned i = 0; t->files && i < t->socket_count; i++)
        io_uring_register_files_update(&t->ring, i, &t->sockets[i].fd, 1);
    if (t->streams != NULL)
        zsip_streams_register(t);
}

/* Before the first enter, or the first after a pause: from here on the ring is this thread's. */
static enum zsip_status enable(struct zsip_net *t)
{
    if (t->enabled && !t->paused)
        return ZSIP_OK;
    if (!t->enabled) {
        /* liburing 2.3 declares a function for it and does not export it. */
        int result =
            io_uring_register((unsigned)t->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
        if (result < 0) {
            zsip_net_say(t, "io_uring can't be enabled: %s", strerror(-result));
            return ZSIP_ERROR_SYSTEM;
        }
        t->owner = gettid();
        t->enabled = true;
    }
    /* Both save a little in each enter and each entry, and can be done without. */
    io_uring_register_ring_fd(&t->ring);
    register_files(t);
    t->paused = false;
    return ZSIP_OK;
}

enum zsip_status zsip_net_flush(struct zsip_net *t)
{
    if (io_uring_sq_ready(&t->ring) > 0 && enable(t) != ZSIP_OK)
        return ZSIP_ERROR_SYSTEM;
    /* Two rounds serve the ordinary case of a full queue; eight that of a kernel short of memory.
     */
    for (int round = 0; round < 8 && io_uring_sq_ready(&t->ring) > 0; round++) {
        int result = io_uring_submit(&t->ring);
        if (entered(t, result) != ZSIP_OK)
            return ZSIP_ERROR_SYSTEM;
    }
    if (io_uring_sq_ready(&t->ring) == 0)
        return ZSIP_OK;
    zsip_net_say(t, "io_uring takes no more submissions");
    return ZSIP_ERROR_SYSTEM;
}

struct io_uring_sqe *zsip_ring_entry(struct zsip_net *t)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&t->ring);
    if (sqe != NULL || zsip_net_flush(t) != ZSIP_OK)
        return sqe;
    return io_uring_get_sqe(&t->ring);
}

void zsip_ring_target(struct zsip_net *t, struct io_uring_sqe *sqe, const struct udp_socket *socket)
{
    if (!t->files || socket->flow > t->file_sockets)
        return;
    sqe->fd = (int)(socket - t->sockets);
    sqe->flags |= IOSQE_FIXED_FILE;
}

static void arm_all(struct zsip_net *t, uint64_t now_ns)
{
    if (!t->wake_armed) {
        struct io_uring_sqe *sqe = zsip_ring_entry(t);
        if (sqe == NULL)
            return;
        io_uring_prep_poll_multishot(sqe, t->wake_fd, POLLIN);
        sqe->user_data = USER_DATA(COMPLETION_WAKE, 0);
        t->wake_armed = true;
    }
    for (unsigned i = 0; i < t->socket_count; i++) {
        if (t->sockets[i].listener)
            zsip_accept_arm(t, i);
        else if (!t->sockets[i].armed && !t->sockets[i].starved && !t->sockets[i].errors_waiting)
            zsip_receive_arm(t, &t->sockets[i], now_ns);
    }
    if (t->streams != NULL) {
        zsip_streams_leave(t); /* what this room itself has to say */
        zsip_streams_arm(t);
    }
}

/* Sends what is queued and comes back with the first completions, or at the deadline. */
static enum zsip_status gather(struct zsip_net *t, uint64_t deadline_ns)
{
    if (!has_work(t) || io_uring_sq_ready(&t->ring) > 0 || io_uring_cq_has_overflow(&t->ring))
        if (enter(t) != ZSIP_OK)
            return ZSIP_ERROR_SYSTEM;
    if (deadline_ns == 0 || has_work(t))
        return ZSIP_OK;
    uint64_t now_ns = zsip_time_now().monotonic_ns;
    uint64_t spin_end_ns = now_ns + t->config.spin_ns;
    t->idle_from_ns = now_ns;
    if (spin_end_ns > deadline_ns)
        spin_end_ns = deadline_ns;
    while (now_ns < spin_end_ns) {
        /* With deferred task work the queue in memory stays empty until the kernel is entered. */
        if (enter(t) != ZSIP_OK)
            return ZSIP_ERROR_SYSTEM;
        if (has_work(t))
            return ZSIP_OK;
        now_ns = zsip_time_now().monotonic_ns;
    }
    return now_ns < deadline_ns ? sleep_until(t, deadline_ns, now_ns) : ZSIP_OK;
}

/* A socket whose receives keep failing rests for a while; nobody else would wake us for it. */
static uint64_t until_rested(const struct zsip_net *t, uint64_t deadline_ns)
{
    for (unsigned i = 0; i < t->socket_count; i++) {
        const struct udp_socket *socket = &t->sockets[i];
        const struct stream_listener *listener = &t->listeners[i];
        if (socket->listener && !listener->armed && listener->rest_ns < deadline_ns &&
            listener->rest_ns > t->batch.now.monotonic_ns)
            deadline_ns = listener->rest_ns;
        if (!socket->listener && !socket->armed && socket->rearm_ns > t->batch.now.monotonic_ns &&
            socket->rearm_ns < deadline_ns)
            deadline_ns = socket->rearm_ns;
    }
    return deadline_ns;
}

static void take_wake(struct zsip_net *t, const struct io_uring_cqe *cqe)
{
    uint64_t count;
    t->wake_armed = (cqe->flags & IORING_CQE_F_MORE) != 0;
    (void)!read(t->wake_fd, &count, sizeof(count));
}

static bool take_completion(struct zsip_net *t, const struct io_uring_cqe *cqe)
{
    switch (USER_DATA_KIND(cqe->user_data)) {
    case COMPLETION_RECEIVE:
    case COMPLETION_ONESHOT:
        return zsip_receive_take(t, cqe);
    case COMPLETION_STREAM:
        return zsip_stream_take(t, cqe);
    case COMPLETION_ACCEPT:
        zsip_accept_take(t, cqe);
        break;
    case COMPLETION_UNSENT:
        zsip_unsent_take(t, cqe);
        break;
    case COMPLETION_CONNECT:
        zsip_connect_take(t, cqe);
        break;
    case COMPLETION_WAKE:
        take_wake(t, cqe);
        break;
    case COMPLETION_SIGNAL:
        /* Its ring is not enabled yet, or this kernel can't ring it. */
        if (cqe->res < 0)
            zsip_net_wake((struct zsip_net *)(uintptr_t)USER_DATA_REST(cqe->user_data));
        break;
    case COMPLETION_NONE:
    case COMPLETION_SEND:
    case COMPLETION_STREAM_SEND:
        break;
    }
    return true;
}

static void take_completions(struct zsip_net *t)
{
    unsigned ready = io_uring_cq_ready(&t->ring), taken = 0;
    unsigned head = *t->ring.cq.khead;
    for (; taken < ready; taken++) {
        const struct io_uring_cqe *cqe =
            &t->ring.cq.cqes[(head + taken) & (*t->ring.cq.kring_entries - 1)];
        if (!take_completion(t, cqe))
            break;
    }
    io_uring_cq_advance(&t->ring, taken);
    t->batch.more = taken < ready || io_uring_cq_has_overflow(&t->ring);
}

/* Adds up what the sockets dropped. A control message with each datagram would tell it too, at a
 * price for each: asked for ten times a second, it costs nothing. */
static void count_drops(struct zsip_net *t, uint64_t now_ns)
{
    enum { INTERVAL_NS = 100 * ZSIP_NS_PER_MS, DROPS = 8 };
    if (now_ns - t->drops_ns < INTERVAL_NS)
        return;
    t->drops_ns = now_ns;
    for (unsigned i = 0; i < t->socket_count; i++) {
        uint32_t counters[16] = {0};
        socklen_t bytes = sizeof(counters);
        if (t->sockets[i].listener)
            continue;
        if (getsockopt(t->sockets[i].fd, SOL_SOCKET, SO_MEMINFO, counters, &bytes) != 0)
            continue;
        COUNT(t, dropped_socket, counters[DROPS] - t->sockets[i].drops);
        t->sockets[i].drops = counters[DROPS];
    }
}

enum zsip_status zsip_net_wait(struct zsip_net *t, uint64_t deadline_ns,
                               const struct zsip_net_batch **batch)
{
    if (enable(t) != ZSIP_OK)
        return ZSIP_ERROR_SYSTEM;
    arm_all(t, t->batch.now.monotonic_ns);
    t->batch.packet_count = t->batch.error_count = 0;
    uint64_t own_ns = until_rested(t, ZSIP_NEVER_NS);
    if (t->streams != NULL && zsip_streams_deadline(t) < own_ns)
        own_ns = zsip_streams_deadline(t);
    if (gather(t, own_ns < deadline_ns ? own_ns : deadline_ns) != ZSIP_OK)
        return ZSIP_ERROR_SYSTEM;
    t->batch.now = zsip_time_now();
    if (t->idle_from_ns != 0)
        COUNT(t, idle_ns, t->batch.now.monotonic_ns - t->idle_from_ns);
    t->idle_from_ns = 0;
    if (t->config.arrivals) {
        struct timespec utc;
        clock_gettime(CLOCK_REALTIME, &utc);
        t->utc_ahead_ns = (uint64_t)utc.tv_sec * ZSIP_NS_PER_S + (uint64_t)utc.tv_nsec -
                          t->batch.now.monotonic_ns;
    }
    if (t->streams != NULL)
        zsip_streams_begin(t);
    take_completions(t);
    if (t->streams != NULL)
        zsip_streams_end(t);
    zsip_errors_drain(t);
    count_drops(t, t->batch.now.monotonic_ns);

    t->batch.packets = t->packets;
    t->batch.errors = t->errors;
    t->batch.failed = t->failed[t->failed_turn];
    t->batch.failed_count = t->failed_count;
    t->failed_turn ^= 1;
    t->failed_count = 0;
    *batch = &t->batch;
    return ZSIP_OK;
}

uint64_t zsip_net_deadline(const struct zsip_net *t)
{
    const struct streams *s = t->streams;
    if (s == NULL)
        return until_rested(t, ZSIP_NEVER_NS);
    /* What only a wait does: nobody would call for it. */
    if (io_uring_sq_ready(&t->ring) > 0 || s->arming != NO_CONNECTION || s->touched_count > 0 ||
        s->settling != NO_CONNECTION || s->orphans != NO_CLIENT)
        return 0;
    return until_rested(t, zsip_streams_deadline(t));
}

void zsip_net_recycle(struct zsip_net *t)
{
    if (t->streams != NULL)
        zsip_streams_recycle(t);
    int mask = io_uring_buf_ring_mask(t->config.buffers);
    for (unsigned i = 0; i < t->used_count; i++)
        io_uring_buf_ring_add(t->buffer_ring, t->buffers + (size_t)t->used[i] * BUFFER_BYTES,
                              HEADER_BYTES + PAYLOAD_BYTES, t->used[i], mask, (int)i);
    io_uring_buf_ring_advance(t->buffer_ring, (int)t->used_count);
    t->used_count = 0;
    t->path_count = 0;
    /* Were the ring still empty, its buffers would stand in completions not yet taken, and the next
     * wait takes those before this could spin. */
    for (unsigned i = 0; i < t->socket_count; i++)
        t->sockets[i].starved = false;
}

void zsip_net_wake(struct zsip_net *t)
{
    int saved = errno;
    uint64_t one = 1;
    (void)!write(t->wake_fd, &one, sizeof(one));
    errno = saved;
}

void zsip_net_signal(struct zsip_net *from, struct zsip_net *to)
{
    struct io_uring_sqe *sqe = zsip_ring_entry(from);
    if (sqe == NULL) {
        zsip_net_wake(to);
        return;
    }
    io_uring_prep_msg_ring(sqe, to->ring.ring_fd, 0, USER_DATA(COMPLETION_NONE, 0), 0);
    sqe->user_data = USER_DATA(COMPLETION_SIGNAL, (uintptr_t)to);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

int zsip_net_fd(const struct zsip_net *t)
{
    return t->ring.ring_fd;
}

const struct zsip_net_stats *zsip_net_stats(const struct zsip_net *t)
{
    return &t->stats;
}

void zsip_net_pause(struct zsip_net *t)
{
    if (!t->enabled || t->paused || t->owner != gettid())
        return;
    zsip_net_flush(t);
    struct io_uring_sync_cancel_reg all = {
        .fd = -1,
        .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
        .timeout = {.tv_sec = 1},
    };
    /* What the receives had fetched stays in the completion queue for the next wait, and so does
     * the news that they ended, by which they are armed again. */
    io_uring_register_sync_cancel(&t->ring, &all);
    io_uring_get_events(&t->ring);
    if (t->files)
        io_uring_unregister_files(&t->ring);
    io_uring_unregister_ring_fd(&t->ring);
    t->files = false;
    t->paused = true;
}
