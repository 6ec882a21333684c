/* Ends of connections that the kernel told nobody of. A multishot receive whose socket is reset
 * just while the bytes before are read may stay armed for ever (seen with Linux 6.18: one in ten
 * thousand): the wake-up is counted to the bytes. So a connection that has fallen silent after a
 * read is looked at once. What happens to it from then on comes alone, and is told. */
#include "transport/internal.h"

#include <poll.h>

enum {
    DOUBT_NS = 200 * ZSIP_NS_PER_MS,
    LOOKS = 128, /* connections a turn */
};

static void append(struct streams *s, struct connection *c)
{
    uint32_t index = (uint32_t)(c - s->connections);
    c->doubted = true;
    c->doubt_ns = s->now_ns;
    c->doubt_prev = s->doubt_last;
    c->doubt_next = NO_CONNECTION;
    if (s->doubt_last == NO_CONNECTION)
        s->doubt_first = index;
    else
        s->connections[s->doubt_last].doubt_next = index;
    s->doubt_last = index;
}

void zsip_doubt_begin(struct zsip_net *t, struct connection *c)
{
    if (!c->doubted && t->multishot)
        append(t->streams, c);
}

void zsip_doubt_end(struct zsip_net *t, struct connection *c)
{
    struct streams *s = t->streams;
    if (!c->doubted)
        return;
    c->doubted = false;
    if (c->doubt_prev == NO_CONNECTION)
        s->doubt_first = c->doubt_next;
    else
        s->connections[c->doubt_prev].doubt_next = c->doubt_next;
    if (c->doubt_next == NO_CONNECTION)
        s->doubt_last = c->doubt_prev;
    else
        s->connections[c->doubt_next].doubt_prev = c->doubt_prev;
}

/* Armed anew, a receive says what there is. */
static void receive_again(struct zsip_net *t, const struct connection *c)
{
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL)
        return;
    io_uring_prep_cancel64(sqe, USER_DATA(COMPLETION_STREAM, c - t->streams->connections), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = USER_DATA(COMPLETION_NONE, 0);
}

void zsip_doubts_expire(struct zsip_net *t)
{
    struct streams *s = t->streams;
    struct pollfd looks[LOOKS];
    uint32_t indices[LOOKS];
    unsigned count = 0;
    for (unsigned i = 0; i < LOOKS && s->doubt_first != NO_CONNECTION; i++) {
        uint32_t index = s->doubt_first;
        struct connection *c = &s->connections[index];
        if (s->now_ns - c->doubt_ns < DOUBT_NS)
            break;
        zsip_doubt_end(t, c);
        if (c->active_ns > c->doubt_ns) {
            append(s, c); /* not silent */
        } else if (c->armed) {
            indices[count] = index;
            looks[count++] = (struct pollfd){.fd = c->fd, .events = POLLRDHUP};
        }
    }
    if (count == 0 || poll(looks, count, 0) <= 0)
        return;
    for (unsigned i = 0; i < count; i++)
        if (looks[i].revents & (POLLRDHUP | POLLHUP | POLLERR))
            receive_again(t, &s->connections[indices[i]]);
}

uint64_t zsip_doubts_deadline(const struct streams *s)
{
    return s->doubt_first == NO_CONNECTION ? ZSIP_NEVER_NS
                                           : s->connections[s->doubt_first].doubt_ns + DOUBT_NS;
}
