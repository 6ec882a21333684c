/* Bytes out. The outputs of a turn for one connection are gathered, stretches that follow each
 * other in memory as one, and leave in one send, which is done by the time its submission returns.
 * What the kernel did not take is copied to the connection's unsent queue. */
#include "transport/internal.h"

#include <errno.h>

/* ---- Failures -------------------------------------------------------------------------------- */

static void fail(struct zsip_net *t, uint64_t client)
{
    COUNT(t, send_errors, 1);
    if (client == 0)
        return;
    zsip_client_forget(t, client);
    zsip_net_fail(t, client, false);
}

static struct unsent_record record_of(const struct zsip_output *output)
{
    /* Bytes of our own have no path, and mean nothing by another connection. */
    bool answer = output->client == 0 && output->path != NULL;
    return (struct unsent_record){.client = output->client,
                                  .port = answer ? output->path->remote.port : 0};
}

/* Keeps a message for later, or what is left of it. Where there is no room for an answer, the
 * connection that it was asked by is beyond help; a request, and an answer by another connection,
 * fail alone. */
static bool keep(struct zsip_net *t, struct connection *c, const uint8_t *data, uint32_t bytes,
                 const struct unsent_record *record)
{
    if (zsip_unsent_append(t, c, data, bytes, record)) {
        if (record->client != 0)
            zsip_client_track(t, c, record->client);
        return true;
    }
    COUNT(t, send_full, 1);
    if (!record->begun && (record->client != 0 || !c->accepted)) {
        fail(t, record->client);
        return true;
    }
    COUNT(t, closed_unsent, 1);
    zsip_connection_close(t, c, CLOSING_ABORT);
    return false;
}

/* ---- Gathering ------------------------------------------------------------------------------- */

/* The connection an output leaves by. Outputs to one flow follow each other mostly. */
static struct connection *connection_for(struct zsip_net *t, const struct zsip_output *output)
{
    struct streams *s = t->streams;
    const struct zsip_path *path = output->path;
    if (path == s->last_path && zsip_connection_live(s->last, path->flow))
        return s->last;
    struct connection *c = zsip_connection_of(t, path->flow);
    if (c == NULL && output->client == 0 && zsip_connection_aborted(t, path->flow))
        return NULL;
    /* Whose peer sends nothing more may be answered, but not asked. */
    if (c == NULL || (c->ended && output->client != 0)) {
        COUNT(t, flows_stale, path->flow != 0);
        return zsip_connect(t, path, output->client == 0);
    }
    s->last_path = path;
    s->last = c;
    return c;
}

static bool reserve_pieces(struct zsip_net *t, const struct connection *c)
{
    struct streams *s = t->streams;
    if (s->piece_count < PIECES_MAX && s->touched_count < STREAM_SENDS &&
        !(c->touched && c->piece_count == PIECES_A_SEND))
        return true;
    zsip_streams_leave(t);
    return zsip_net_flush(t) == ZSIP_OK;
}

static void add_piece(struct zsip_net *t, struct connection *c, const struct piece *piece)
{
    struct streams *s = t->streams;
    uint16_t index = (uint16_t)s->piece_count++;
    s->pieces[index] = *piece;
    s->pieces[index].next = NO_PIECE;
    if (!c->touched) {
        c->touched = true;
        c->piece_first = index;
        c->piece_count = 0;
        s->touched[s->touched_count++] = (uint32_t)(c - s->connections);
    } else {
        s->pieces[c->piece_last].next = index;
    }
    c->piece_last = index;
    c->piece_count++;
}

static bool queued_behind(const struct connection *c)
{
    return c->unsent_bytes > 0 || c->state == CONNECTION_WAITING ||
           c->state == CONNECTION_CONNECTING;
}

/* What is still to be answered: an interim response answers nothing for good. */
static void reckon(const struct zsip_net *t, struct connection *c, const struct zsip_output *output)
{
    const struct zsip_net_framer *framer = &t->config.framer;
    bool interim = framer->interim != 0 && output->bytes > framer->interim_at &&
                   output->data[framer->interim_at] == framer->interim;
    if (output->client != 0)
        c->asked++;
    else
        c->owed -= !interim;
}

/* An output as a piece, with those behind it that it leaves with in any case: answers by the same
 * path that follow without a gap. */
static struct piece stretch_of(const struct zsip_output *first, size_t most)
{
    struct piece stretch = {.first = first, .data = first->data, .bytes = first->bytes, .count = 1};
    const struct zsip_output *next = first + 1;
    for (; first->client == 0 && stretch.count < most; stretch.count++, next++) {
        if (next->path != first->path || next->client != 0 ||
            next->data != stretch.data + stretch.bytes)
            break;
        stretch.bytes += next->bytes;
    }
    return stretch;
}

static void put_stretch(struct zsip_net *t, struct connection *c, const struct piece *stretch)
{
    struct streams *s = t->streams;
    struct piece *last = c->touched ? &s->pieces[c->piece_last] : NULL;
    if (last != NULL && last->data + last->bytes == stretch->data &&
        last->first + last->count == stretch->first && last->count <= UINT16_MAX - stretch->count) {
        last->bytes += stretch->bytes;
        last->count = (uint16_t)(last->count + stretch->count);
        return;
    }
    if (reserve_pieces(t, c)) {
        add_piece(t, c, stretch);
        return;
    }
    for (unsigned i = 0; i < stretch->count; i++)
        fail(t, stretch->first[i].client);
}

size_t zsip_stream_put(struct zsip_net *t, const struct zsip_output *output, size_t most)
{
    struct connection *c = t->streams == NULL ? NULL : connection_for(t, output);
    if (c == NULL) {
        fail(t, output->client);
        return 1;
    }
    if (queued_behind(c)) {
        struct unsent_record record = record_of(output);
        COUNT(t, messages_out, 1);
        reckon(t, c, output);
        keep(t, c, output->data, output->bytes, &record);
        return 1;
    }
    if (output->client != 0)
        zsip_client_track(t, c, output->client);
    struct piece stretch = stretch_of(output, most);
    for (unsigned i = 0; i < stretch.count; i++)
        reckon(t, c, &output[i]);
    COUNT(t, messages_out, stretch.count);
    put_stretch(t, c, &stretch);
    return stretch.count;
}

void zsip_stream_say(struct zsip_net *t, struct connection *c, const char *bytes, uint32_t count)
{
    if (queued_behind(c)) {
        struct unsent_record record = {0};
        keep(t, c, (const uint8_t *)bytes, count, &record);
    } else if (reserve_pieces(t, c)) {
        add_piece(t, c, &(struct piece){.data = (const uint8_t *)bytes, .bytes = count});
    }
}

/* Keeps what is left of a piece, message by message. *sent counts down. */
static bool keep_piece(struct zsip_net *t, struct connection *c, const struct piece *piece,
                       uint32_t *sent)
{
    const struct zsip_output own = {.data = (uint8_t *)(uintptr_t)piece->data,
                                    .bytes = piece->bytes};
    const struct zsip_output *outputs = piece->first == NULL ? &own : piece->first;
    unsigned count = piece->first == NULL ? 1 : piece->count;
    for (unsigned i = 0; i < count; i++) {
        const struct zsip_output *output = &outputs[i];
        uint32_t left = *sent < output->bytes ? *sent : output->bytes;
        *sent -= left;
        struct unsent_record record = record_of(output);
        record.begun = left > 0;
        if (left < output->bytes && !keep(t, c, output->data + left, output->bytes - left, &record))
            return false;
    }
    return true;
}

/* ---- Leaving --------------------------------------------------------------------------------- */

/* Fills a send from the connection's pieces. */
static void prepare(struct streams *s, struct io_uring_sqe *sqe, struct stream_send *send,
                    const struct connection *c)
{
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL;
    const struct piece *piece = &s->pieces[c->piece_first];
    struct iovec *vectors = &s->vectors[s->vector_count];
    if (c->piece_count == 1) {
        send->bytes = piece->bytes;
        io_uring_prep_send(sqe, c->fd, piece->data, piece->bytes, flags);
        return;
    }
    for (uint32_t i = 0; i < c->piece_count; i++, piece = &s->pieces[piece->next]) {
        vectors[i] = (struct iovec){(void *)(uintptr_t)piece->data, piece->bytes};
        send->bytes += piece->bytes;
        if (piece->next == NO_PIECE)
            break;
    }
    s->vector_count += c->piece_count;
    send->message = (struct msghdr){.msg_iov = vectors, .msg_iovlen = c->piece_count};
    io_uring_prep_sendmsg(sqe, c->fd, &send->message, flags);
}

static void lose_pieces(struct zsip_net *t, const struct connection *c)
{
    const struct streams *s = t->streams;
    for (uint16_t i = c->piece_first; i != NO_PIECE; i = s->pieces[i].next)
        for (unsigned j = 0; j < s->pieces[i].count; j++)
            fail(t, s->pieces[i].first[j].client);
}

static void leave(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    c->touched = false;
    if (c->ended || c->state == CONNECTION_LAST)
        zsip_connection_settle(t, c);
    if (c->state < CONNECTION_OPEN || c->state >= CONNECTION_GONE) {
        lose_pieces(t, c); /* closed meanwhile */
        return;
    }
    if (queued_behind(c)) {
        uint32_t none = 0;
        for (uint16_t i = c->piece_first; i != NO_PIECE; i = s->pieces[i].next)
            if (!keep_piece(t, c, &s->pieces[i], &none))
                return;
        return;
    }
    /* A send that falls short must not be overtaken by another of the same connection. */
    bool flush = c->send_epoch == s->epoch || s->send_count == STREAM_SENDS;
    if (flush && zsip_net_flush(t) != ZSIP_OK) {
        lose_pieces(t, c);
        return;
    }
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL) {
        lose_pieces(t, c);
        return;
    }
    uint32_t index = s->send_count++;
    struct stream_send *send = &s->sends[index];
    *send = (struct stream_send){.connection = (uint32_t)(c - s->connections),
                                 .piece_first = c->piece_first,
                                 .pieces = c->piece_count};
    prepare(s, sqe, send, c);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = USER_DATA(COMPLETION_STREAM_SEND, s->epoch << 16 | index);
    zsip_connection_target(t, sqe, c);
    c->send_epoch = s->epoch;
    c->active_ns = t->streams->now_ns;
    COUNT(t, writes, 1);
    COUNT(t, bytes_out, send->bytes);
}

void zsip_streams_leave(struct zsip_net *t)
{
    struct streams *s = t->streams;
    /* What is flushed on the way must not free the pieces of those that are still to leave. */
    s->gathering = true;
    for (uint32_t i = 0; i < s->touched_count; i++)
        leave(t, &s->connections[s->touched[i]]);
    s->touched_count = 0;
    s->gathering = false;
    s->last_path = NULL;
}

void zsip_streams_sent(struct zsip_net *t)
{
    struct streams *s = t->streams;
    if (s->send_count > 0)
        s->epoch++;
    s->send_count = 0;
    if (s->gathering || s->touched_count > 0)
        return;
    s->piece_count = s->vector_count = 0;
}

/* ---- What fell short ------------------------------------------------------------------------- */

/* Messages of a send of which nothing left go by another connection, once. */
static void divert(struct zsip_net *t, const struct zsip_output *output, struct connection **other)
{
    struct zsip_path path = *output->path;
    struct unsent_record record = record_of(output);
    record.tries = 1;
    path.flow = 0;
    if (*other != NULL && (*other)->path.remote.port != path.remote.port)
        *other = NULL; /* sent-by may name another */
    if (*other == NULL)
        *other = zsip_connect(t, &path, output->client == 0);
    if (*other == NULL || !zsip_unsent_ready(t, *other)) {
        fail(t, output->client);
        return;
    }
    COUNT(t, diverted, 1);
    (*other)->asked += output->client != 0;
    if (!keep(t, *other, output->data, output->bytes, &record))
        *other = NULL;
    else
        zsip_unsent_send(t, *other);
}

static void gone(struct zsip_net *t, struct connection *c, const struct stream_send *send)
{
    struct streams *s = t->streams;
    struct connection *other = NULL;
    /* They don't share the fate of those that left. */
    for (uint16_t i = send->piece_first; i != NO_PIECE; i = s->pieces[i].next)
        for (unsigned j = 0; j < s->pieces[i].count; j++)
            zsip_client_forget(t, s->pieces[i].first[j].client);
    COUNT(t, closed_reset, 1);
    zsip_connection_close(t, c, 0);
    for (uint16_t i = send->piece_first; i != NO_PIECE; i = s->pieces[i].next)
        for (unsigned j = 0; j < s->pieces[i].count; j++)
            divert(t, &s->pieces[i].first[j], &other);
}

void zsip_stream_short(struct zsip_net *t, uint64_t data, int result)
{
    struct streams *s = t->streams;
    uint32_t index = data & 0xffff;
    if (data >> 16 != (s->epoch & (UINT64_MAX >> 24)) || index >= s->send_count)
        return; /* came late, as in send.c */
    struct stream_send *send = &s->sends[index];
    struct connection *c = &s->connections[send->connection];
    uint32_t sent = result > 0 ? (uint32_t)result : 0;
    if (sent == send->bytes || c->state == CONNECTION_CLOSED || c->state == CONNECTION_FREE)
        return;
    COUNT(t, writes_short, 1);
    COUNT(t, bytes_out, (uint64_t)sent - send->bytes); /* counted when it was queued */
    if (result < 0 && result != -EAGAIN && result != -EINTR && result != -ENOBUFS &&
        result != -ENOMEM) {
        gone(t, c, send);
        return;
    }
    for (uint16_t i = send->piece_first; i != NO_PIECE; i = s->pieces[i].next)
        if (!keep_piece(t, c, &s->pieces[i], &sent))
            return;
    zsip_unsent_send(t, c);
}
