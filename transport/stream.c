/* Bytes in: multishot receives into a ring of large buffers, messages framed where they lie. What
 * straddles two reads is put together in a block of its connection's, once, and counted. */
#include "transport/compat.h"
#include "transport/internal.h"
#include "transport/memory.h"

#include <errno.h>
#include <stdio.h>

enum {
    PAGE_BYTES = 4096,
    /* Bytes joined to a half message at a time: most end within the first step. */
    STITCH_STEP = 1024,
};

/* ---- Buffers --------------------------------------------------------------------------------- */

static int register_ring(struct zsip_net *t, unsigned flags)
{
    struct streams *s = t->streams;
    struct zsip_buffer_ring registration = {.address = (uintptr_t)s->ring,
                                            .entries = s->buffer_count,
                                            .group = STREAM_GROUP,
                                            .flags = (uint16_t)flags};
    return io_uring_register((unsigned)t->ring.ring_fd, IORING_REGISTER_PBUF_RING, &registration,
                             1);
}

static void give_first(struct zsip_net *t)
{
    struct streams *s = t->streams;
    for (uint32_t i = 0; i < s->buffer_count; i++)
        s->used[i] = (uint16_t)i;
    s->used_count = STREAM_GIVEN_BYTES / s->buffer_bytes;
    s->spare_max = s->spare_count = s->buffer_count - s->used_count;
    zsip_streams_recycle(t);
}

/* Gives a share of the spare buffers where the kernel ran dry, and takes one back that was used
 * where it did not for long. */
static void adapt(struct streams *s)
{
    if (s->dry) {
        uint32_t count = STREAM_GIVEN_BYTES / s->buffer_bytes;
        for (; count > 0 && s->spare_count > 0; count--)
            s->used[s->used_count++] = s->used[s->buffer_count - s->spare_count--];
        s->calm_turns = 0;
    } else if (++s->calm_turns >= STREAM_CALM_TURNS && s->used_count > 0 &&
               s->spare_count < s->spare_max) {
        s->used[s->buffer_count - ++s->spare_count] = s->used[--s->used_count];
        s->calm_turns = 0;
    }
    s->dry = false;
}

static bool buffers_take(struct zsip_net *t, uint32_t count, uint32_t bytes)
{
    const struct zsip_memory *memory = t->config.memory;
    struct streams *s = t->streams;
    size_t ring_bytes =
        (count * sizeof(struct io_uring_buf) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    size_t tables_bytes = count * (sizeof(*s->filled) + sizeof(*s->used));
    s->buffer_count = count;
    s->buffer_bytes = bytes;
    s->buffer_memory_bytes = PAGE_BYTES + ring_bytes + (size_t)count * bytes + tables_bytes;
    s->buffer_memory = zsip_memory_reserve(memory, s->buffer_memory_bytes);
    if (s->buffer_memory == NULL)
        return false;
    uintptr_t start = ((uintptr_t)s->buffer_memory + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    s->ring = (struct io_uring_buf_ring *)start;
    s->buffers = (uint8_t *)start + ring_bytes;
    s->filled = (uint32_t *)(void *)(s->buffers + (size_t)count * bytes);
    s->used = (uint16_t *)(s->filled + count);
    memset(s->ring, 0, ring_bytes);
    memset(s->filled, 0, tables_bytes);
    return true;
}

enum zsip_status zsip_streams_buffers(struct zsip_net *t, char *error, size_t error_bytes)
{
    struct streams *s = t->streams;
    /* Both have the same size, so that what was taken for one serves the other. */
    _Static_assert(STREAM_LARGES * STREAM_LARGE_BYTES <= STREAM_BUFFERS * STREAM_BUFFER_BYTES, "");
    if (!buffers_take(t, STREAM_BUFFERS, STREAM_BUFFER_BYTES)) {
        snprintf(error, error_bytes, "streams: no memory for the receive buffers");
        return ZSIP_ERROR_MEMORY;
    }
    if ((t->config.without & ZSIP_FEATURE_INCREMENTAL) == 0) {
        s->buffer_count = STREAM_LARGES;
        s->buffer_bytes = STREAM_LARGE_BYTES;
        s->incremental = register_ring(t, ZSIP_BUFFER_RING_INCREMENTAL) == 0;
    }
    if (!s->incremental) {
        s->buffer_count = STREAM_BUFFERS;
        s->buffer_bytes = STREAM_BUFFER_BYTES;
        int result = register_ring(t, 0);
        if (result < 0) {
            snprintf(error, error_bytes, "streams: receive buffers: %s", strerror(-result));
            return ZSIP_ERROR_SYSTEM;
        }
    }
    give_first(t);
    return ZSIP_OK;
}

void zsip_streams_recycle(struct zsip_net *t)
{
    struct streams *s = t->streams;
    int mask = io_uring_buf_ring_mask(s->buffer_count);
    adapt(s);
    for (uint32_t i = 0; i < s->used_count; i++)
        io_uring_buf_ring_add(s->ring, s->buffers + (size_t)s->used[i] * s->buffer_bytes,
                              s->buffer_bytes, s->used[i], mask, (int)i);
    io_uring_buf_ring_advance(s->ring, (int)s->used_count);
    s->used_count = 0;
    for (uint32_t i = 0; i < s->spent_count; i++)
        zsip_blocks_give(&s->blocks, s->spent[i]);
    s->spent_count = 0;
    while (s->released != NO_CONNECTION) {
        struct connection *c = &s->connections[s->released];
        uint32_t next = c->list_next;
        c->list_next = s->connection_free;
        s->connection_free = s->released;
        s->released = next;
        s->connection_count--;
        COUNT(t, connections_now, (uint64_t)-1);
    }
}

/* ---- Arming ---------------------------------------------------------------------------------- */

static void arm(struct zsip_net *t, struct connection *c)
{
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL)
        return;
    if (t->multishot && !c->lone)
        io_uring_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
    else
        io_uring_prep_recv(sqe, c->fd, NULL, t->streams->buffer_bytes, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = STREAM_GROUP;
    sqe->user_data = USER_DATA(COMPLETION_STREAM, c - t->streams->connections);
    zsip_connection_target(t, sqe, c);
    c->armed = true;
}

void zsip_streams_arm(struct zsip_net *t)
{
    struct streams *s = t->streams;
    uint32_t index = s->arming;
    s->arming = NO_CONNECTION;
    while (index != NO_CONNECTION) {
        struct connection *c = &s->connections[index];
        index = c->list_next;
        c->listed = false;
        if (c->state == CONNECTION_CLOSED)
            zsip_connection_finish(t, c);
        else if (c->state >= CONNECTION_OPEN && !c->armed && !c->stopped && !c->ended)
            arm(t, c);
    }
}

/* ---- Framing --------------------------------------------------------------------------------- */

static bool batch_full(const struct zsip_net *t)
{
    return t->batch.packet_count == ZSIP_NET_PACKETS_MAX;
}

static void deliver(struct zsip_net *t, struct connection *c, const uint8_t *data, size_t bytes,
                    enum zsip_status fault)
{
    t->packets[t->batch.packet_count++] = (struct zsip_packet){
        .data = data,
        .path = &c->path,
        .bytes = (uint32_t)bytes,
        .flags = (uint32_t)-fault << ZSIP_PACKET_FAULT_SHIFT,
    };
    COUNT(t, messages_in, 1);
}

/* No frames any more: a last answer, and the end. */
static void broken(struct zsip_net *t, struct connection *c, const uint8_t *data,
                   const struct zsip_net_framed *framed)
{
    COUNT(t, closed_fault, 1);
    if (framed->bytes > 0)
        deliver(t, c, data, framed->bytes, framed->status);
    if (c->target != NO_TARGET)
        zsip_target_leave(t, c); /* nothing new goes by it */
    c->state = CONNECTION_LAST;
    c->last_turn = t->streams->turn;
    zsip_connection_settle(t, c);
}

/* The half message is whole, or nobody wants it any more. Packets may stand in it until the end of
 * the turn. */
static void stitch_end(struct streams *s, struct connection *c, bool delivered)
{
    if (delivered)
        s->spent[s->spent_count++] = c->stitch;
    else if (c->stitch != NULL)
        zsip_blocks_give(&s->blocks, c->stitch);
    c->stitch = NULL;
    c->stitch_bytes = c->stitch_capacity = 0;
}

/* Makes room in the block for so many bytes in all. */
static bool stitch_room(struct zsip_net *t, struct connection *c, size_t bytes)
{
    struct streams *s = t->streams;
    uint32_t capacity;
    if (bytes <= c->stitch_capacity)
        return true;
    uint8_t *block = zsip_room_take(t, c, bytes, &capacity);
    if (block == NULL)
        return false;
    if (c->stitch_bytes > 0)
        memcpy(block, c->stitch, c->stitch_bytes);
    if (c->stitch != NULL)
        zsip_blocks_give(&s->blocks, c->stitch);
    c->stitch = block;
    c->stitch_capacity = capacity;
    return true;
}

static bool stitch_add(struct zsip_net *t, struct connection *c, const uint8_t *data, size_t bytes)
{
    if (!stitch_room(t, c, c->stitch_bytes + bytes)) {
        COUNT(t, closed_memory, 1);
        zsip_connection_close(t, c, CLOSING_ABORT);
        return false;
    }
    memcpy(c->stitch + c->stitch_bytes, data, bytes);
    COUNT(t, stitched_bytes, bytes);
    return true;
}

static enum zsip_net_frame frame(struct zsip_net *t, struct connection *c, const uint8_t *data,
                                 size_t bytes, struct zsip_net_framed *framed)
{
    const struct zsip_net_framer *framer = &t->config.framer;
    *framed = (struct zsip_net_framed){0};
    return framer->next(framer->user, c->framer, data, bytes, framed);
}

static void pinged(struct zsip_net *t, struct connection *c, unsigned *pongs)
{
    COUNT(t, pings_in, 1);
    if ((*pongs)++ < PONGS_A_READ)
        zsip_stream_say(t, c, "\r\n", 2);
}

/* What is still to be answered. Of a connection for one request alone that failed before, several
 * may be under way: then the last answer counts. */
static void reckon(struct connection *c, const struct zsip_net_framed *framed)
{
    c->owed += !framed->silent;
    c->asked -= framed->final;
    c->over |= c->lone && framed->final && c->asked <= 0;
}

/* One event of a stream whose next message lies in the read from its first byte on. Returns the
 * bytes it took. */
static size_t take_in_place(struct zsip_net *t, struct connection *c, const uint8_t *data,
                            size_t bytes, unsigned *pongs)
{
    struct zsip_net_framed framed;
    switch (frame(t, c, data, bytes, &framed)) {
    case ZSIP_NET_FRAME_MESSAGE:
        deliver(t, c, data, framed.bytes, ZSIP_OK);
        reckon(c, &framed);
        return framed.bytes;
    case ZSIP_NET_FRAME_PING:
        pinged(t, c, pongs);
        return framed.bytes;
    case ZSIP_NET_FRAME_SKIP:
        return framed.bytes;
    case ZSIP_NET_FRAME_FAULT:
        broken(t, c, data, &framed);
        return bytes;
    case ZSIP_NET_FRAME_MORE:
        break;
    }
    if (stitch_add(t, c, data, bytes))
        c->stitch_bytes += (uint32_t)bytes;
    return bytes;
}

/* The same where its beginning came before: some bytes of the read are joined to it, and those that
 * turn out to lie behind it are taken from the read itself. */
static size_t take_stitched(struct zsip_net *t, struct connection *c, const uint8_t *data,
                            size_t bytes, unsigned *pongs)
{
    struct streams *s = t->streams;
    struct zsip_net_framed framed;
    size_t before = c->stitch_bytes, step = bytes < STITCH_STEP ? bytes : STITCH_STEP;
    if (!stitch_add(t, c, data, step))
        return bytes;
    switch (frame(t, c, c->stitch, before + step, &framed)) {
    case ZSIP_NET_FRAME_MESSAGE:
        deliver(t, c, c->stitch, framed.bytes, ZSIP_OK);
        COUNT(t, stitched, 1);
        stitch_end(s, c, true);
        reckon(c, &framed);
        break;
    case ZSIP_NET_FRAME_PING:
        pinged(t, c, pongs);
        stitch_end(s, c, false);
        break;
    case ZSIP_NET_FRAME_SKIP:
        stitch_end(s, c, false);
        break;
    case ZSIP_NET_FRAME_FAULT:
        broken(t, c, c->stitch, &framed);
        stitch_end(s, c, framed.bytes > 0);
        return bytes;
    case ZSIP_NET_FRAME_MORE:
        c->stitch_bytes += (uint32_t)step;
        return step;
    }
    ZSIP_ASSERT(framed.bytes > before && framed.bytes <= before + step);
    return framed.bytes - before;
}

/* Takes one read from *taken on. false: the batch is full before its end. */
static bool take_bytes(struct zsip_net *t, struct connection *c, const uint8_t *data, size_t bytes,
                       size_t *taken)
{
    bool half = c->stitch != NULL;
    unsigned pongs = 0;
    while (*taken < bytes && c->state == CONNECTION_OPEN && !c->over) {
        if (batch_full(t))
            return false;
        if (c->stitch_bytes > 0) {
            *taken += take_stitched(t, c, data + *taken, bytes - *taken, &pongs);
            half = c->stitch != NULL;
        } else {
            *taken += take_in_place(t, c, data + *taken, bytes - *taken, &pongs);
        }
    }
    if (c->state != CONNECTION_OPEN || c->over)
        return true; /* what comes after the last message is thrown away */
    c->silent = false;
    c->active_ns = t->streams->now_ns;
    zsip_doubt_begin(t, c);
    /* Another half message than before: its time begins now, unless it is we who don't read on. */
    if (!half && c->stitch != NULL && c->unsent_bytes == 0)
        zsip_connection_timer(t, c, TIMER_MESSAGE);
    else
        zsip_connection_retime(t, c);
    return true;
}

/* ---- Completions ----------------------------------------------------------------------------- */

static void peer_ended(struct zsip_net *t, struct connection *c)
{
    c->ended = true;
    stitch_end(t->streams, c, false); /* its rest will never come */
    if (c->state == CONNECTION_GONE) {
        zsip_connection_close(t, c, 0);
        return;
    }
    if (c->target != NO_TARGET)
        zsip_target_leave(t, c); /* who says nothing more is not asked */
    zsip_connection_retime(t, c);
    zsip_connection_settle(t, c);
}

/* The receive of a connection ended. */
static void ended(struct zsip_net *t, struct connection *c, int result)
{
    c->armed = false;
    if (c->state == CONNECTION_CLOSED) {
        zsip_connection_finish(t, c);
    } else if (result == -ENOBUFS) {
        COUNT(t, stream_buffers_empty, 1);
        t->streams->dry = true;
        zsip_connection_list(t, c); /* buffers go back before the next wait arms it */
    } else if (result == 0) {
        peer_ended(t, c);
    } else if (result > 0 || result == -ECANCELED || result == -EINTR || result == -EAGAIN) {
        zsip_connection_list(t, c);
    } else if (result == -EINVAL && t->multishot) {
        t->multishot = false;
        zsip_connection_list(t, c);
    } else {
        COUNT(t, closed_reset, 1);
        zsip_connection_close(t, c, 0);
    }
}

/* The buffer of a completion: where its bytes stand, and whether it goes back. */
static const uint8_t *buffer_of(struct streams *s, const struct io_uring_cqe *cqe)
{
    uint32_t id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    ZSIP_ASSERT(id < s->buffer_count);
    return s->buffers + (size_t)id * s->buffer_bytes + s->filled[id];
}

static void buffer_done(struct streams *s, const struct io_uring_cqe *cqe)
{
    uint32_t id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    if (s->incremental && (cqe->flags & ZSIP_CQE_BUFFER_MORE)) {
        s->filled[id] += cqe->res > 0 ? (uint32_t)cqe->res : 0;
        return;
    }
    s->filled[id] = 0;
    ZSIP_ASSERT(s->used_count < s->buffer_count);
    s->used[s->used_count++] = (uint16_t)id;
}

bool zsip_stream_take(struct zsip_net *t, const struct io_uring_cqe *cqe)
{
    struct streams *s = t->streams;
    struct connection *c = &s->connections[USER_DATA_REST(cqe->user_data)];
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        if (cqe->res > 0) {
            size_t taken = s->resume;
            bool all = take_bytes(t, c, buffer_of(s, cqe), (size_t)cqe->res, &taken);
            s->resume = all ? 0 : (uint32_t)taken;
            if (!all)
                return false;
            COUNT(t, reads, 1);
            COUNT(t, bytes_in, (uint64_t)cqe->res);
        }
        buffer_done(s, cqe);
    }
    if ((cqe->flags & IORING_CQE_F_MORE) == 0)
        ended(t, c, cqe->res);
    if (c->over && c->state == CONNECTION_OPEN)
        zsip_connect_over(t, c);
    return true;
}
