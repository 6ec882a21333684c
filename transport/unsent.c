/* What waits to be sent: until a connection stands, or until its peer reads again. Messages stand
 * whole in blocks, so that the end of a connection can tell which of them never began to leave. */
#include "transport/internal.h"

#include <errno.h>

enum {
    BLOCK_BYTES_MIN = 4096,
    BLOCK_BYTES_MAX = 65536,
    /* That the answers of one connection may want to go to: nobody scans others with our help. */
    PORTS_MAX = 4,
    /* To all that the receive buffers hold. */
    ANSWERS_BYTES_MAX = STREAM_LARGES * STREAM_LARGE_BYTES,
};

static struct unsent_record *record_at(struct unsent *block, uint32_t index)
{
    return (struct unsent_record *)(void *)((uint8_t *)block + block->bytes) - 1 - index;
}

static bool fits(const struct unsent *block, uint32_t bytes)
{
    return block != NULL &&
           block->end + bytes + (block->record_count + 1) * sizeof(struct unsent_record) <=
               block->bytes;
}

static struct unsent *add_block(struct zsip_net *t, struct connection *c, uint32_t bytes)
{
    size_t wanted = sizeof(struct unsent) + bytes + sizeof(struct unsent_record);
    uint32_t size = c->unsent_bytes < BLOCK_BYTES_MAX ? c->unsent_bytes : BLOCK_BYTES_MAX;
    if (size < BLOCK_BYTES_MIN)
        size = BLOCK_BYTES_MIN;
    uint32_t taken;
    struct unsent *block = zsip_room_take(t, c, wanted > size ? wanted : size, &taken);
    if (block == NULL)
        return NULL;
    *block = (struct unsent){.bytes = taken, .begin = sizeof(*block), .end = sizeof(*block)};
    if (c->unsent_last == NULL)
        c->unsent_first = block;
    else
        c->unsent_last->next = block;
    c->unsent_last = block;
    return block;
}

/* The peer does not read: neither do we, from it. */
static void stop_reading(struct zsip_net *t, struct connection *c)
{
    if (c->stopped || c->state != CONNECTION_OPEN)
        return;
    COUNT(t, reads_stopped, 1);
    c->stopped = true;
    if (!c->armed)
        return;
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL)
        return;
    io_uring_prep_cancel64(sqe, USER_DATA(COMPLETION_STREAM, c - t->streams->connections), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = USER_DATA(COMPLETION_NONE, 0);
}

bool zsip_unsent_append(struct zsip_net *t, struct connection *c, const uint8_t *data,
                        uint32_t bytes, const struct unsent_record *record)
{
    struct streams *s = t->streams;
    struct unsent *block = c->unsent_last;
    bool first = c->unsent_bytes == 0;
    /* Answers to what had come before reading stopped are no fault of the peer's. */
    uint32_t over = record->client == 0 && c->accepted ? ANSWERS_BYTES_MAX : 0;
    if (c->unsent_bytes + bytes > s->config.unsent_bytes + over && !first)
        return false;
    if (!fits(block, bytes))
        block = add_block(t, c, bytes);
    if (block == NULL)
        return false;
    memcpy((uint8_t *)block + block->end, data, bytes);
    block->end += bytes;
    struct unsent_record *kept = record_at(block, block->record_count++);
    *kept = *record;
    kept->end = block->end;
    c->unsent_bytes += bytes;
    if (first) {
        s->now_ns = zsip_time_now().monotonic_ns;
        stop_reading(t, c);
        zsip_connection_retime(t, c);
    }
    return true;
}

bool zsip_unsent_ready(const struct zsip_net *t, const struct connection *c)
{
    return c->unsent_bytes > 0 || c->state < CONNECTION_OPEN || c->send_epoch != t->streams->epoch;
}

void zsip_unsent_send(struct zsip_net *t, struct connection *c)
{
    struct unsent *block = c->unsent_first;
    if (block == NULL || c->sending || c->state < CONNECTION_OPEN || c->state >= CONNECTION_GONE)
        return;
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL)
        return;
    /* Waits in the kernel until there is room. */
    io_uring_prep_send(sqe, c->fd, (uint8_t *)block + block->begin, block->end - block->begin,
                       MSG_NOSIGNAL);
    sqe->user_data = USER_DATA(COMPLETION_UNSENT, c - t->streams->connections);
    zsip_connection_target(t, sqe, c);
    c->sending = true;
}

static void drop_first(struct streams *s, struct connection *c)
{
    struct unsent *block = c->unsent_first;
    c->unsent_first = block->next;
    if (c->unsent_first == NULL)
        c->unsent_last = NULL;
    zsip_blocks_give(&s->blocks, block);
}

static void sent(struct streams *s, struct connection *c, uint32_t bytes)
{
    struct unsent *block = c->unsent_first;
    block->begin += bytes;
    c->unsent_bytes -= bytes;
    ZSIP_ASSERT(block->begin <= block->end);
    while (block->record_left < block->record_count &&
           record_at(block, block->record_left)->end <= block->begin)
        block->record_left++;
    if (block->begin == block->end)
        drop_first(s, c);
}

void zsip_unsent_take(struct zsip_net *t, const struct io_uring_cqe *cqe)
{
    struct streams *s = t->streams;
    struct connection *c = &s->connections[USER_DATA_REST(cqe->user_data)];
    c->sending = false;
    if (c->state == CONNECTION_CLOSED) {
        zsip_connection_finish(t, c);
        return;
    }
    if (cqe->res < 0 && cqe->res != -EINTR && cqe->res != -EAGAIN && cqe->res != -ECANCELED &&
        cqe->res != -ENOBUFS && cqe->res != -ENOMEM) {
        COUNT(t, closed_reset, 1);
        zsip_connection_close(t, c, 0);
        return;
    }
    if (cqe->res > 0) {
        sent(s, c, (uint32_t)cqe->res);
        COUNT(t, bytes_out, (uint64_t)cqe->res);
        c->active_ns = t->streams->now_ns;
    }
    if (c->unsent_bytes > 0) {
        if (cqe->res > 0)
            zsip_connection_timer(t, c, TIMER_UNSENT); /* it makes progress */
        zsip_unsent_send(t, c);
        return;
    }
    c->stopped = false;
    zsip_connection_list(t, c);
    zsip_connection_retime(t, c);
    zsip_connection_settle(t, c);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

/* One that never began to leave finds another way, once: an answer by a connection to where sent-by
 * says, at the address that asked (RFC 3261 section 18.2.2). */
static void lost(struct zsip_net *t, const struct zsip_path *path, struct connection **other_at,
                 const uint8_t *data, uint32_t bytes, const struct unsent_record *record)
{
    if (record->tries > 0)
        return;
    if (*other_at == NULL)
        *other_at = zsip_connect(t, path, record->client == 0);
    struct connection *other = *other_at;
    struct unsent_record again = {.client = record->client, .port = record->port, .tries = 1};
    if (other == NULL || !zsip_unsent_ready(t, other))
        return;
    COUNT(t, diverted, 1);
    if (zsip_unsent_append(t, other, data, bytes, &again)) {
        if (record->client != 0) {
            zsip_client_track(t, other, record->client);
            other->asked++;
        }
        zsip_unsent_send(t, other);
    }
}

void zsip_unsent_lost(struct zsip_net *t, struct connection *c, unsigned closing)
{
    struct zsip_path path = c->path;
    struct connection *other = NULL;
    unsigned ports = 0;
    path.flow = 0;
    path.local = (struct zsip_address){0};
    /* Who does not read is reset, and owed nothing any more. */
    if ((closing & CLOSING_FAIL) || (c->accepted && (closing & CLOSING_ABORT)))
        return;
    for (struct unsent *block = c->unsent_first; block != NULL; block = block->next) {
        uint32_t begin = sizeof(*block);
        for (uint32_t i = 0; i < block->record_count; i++) {
            const struct unsent_record *record = record_at(block, i);
            /* What the kernel has in hand may be under way. */
            bool begun =
                record->begun || begin < block->begin || (c->sending && block == c->unsent_first);
            bool whole = i >= block->record_left && !begun && record->end > begin;
            if (c->accepted && record->port != path.remote.port) {
                if (ports++ == PORTS_MAX)
                    return;
                path.remote.port = record->port;
                other = NULL;
            }
            if (whole && (record->client != 0 || record->port != 0))
                lost(t, &path, &other, (uint8_t *)block + begin, record->end - begin, record);
            begin = record->end;
        }
    }
}

void zsip_unsent_drop(struct zsip_net *t, struct connection *c)
{
    struct unsent *held = c->sending ? c->unsent_first : NULL;
    if (held != NULL)
        c->unsent_first = held->next;
    while (c->unsent_first != NULL)
        drop_first(t->streams, c);
    if (held == NULL)
        return;
    held->next = NULL;
    c->unsent_first = c->unsent_last = held;
}

void zsip_unsent_free(struct zsip_net *t, struct connection *c)
{
    /* Bounded by unsent_bytes. */
    while (c->unsent_first != NULL)
        drop_first(t->streams, c);
    c->unsent_bytes = 0;
}
