/* Listeners: a multishot accept each, and who is let in.
 *
 * Accepted sockets come as ordinary descriptors and are registered afterwards: accepted straight
 * into the table of registered files, they would have no descriptor to ask for the peer's address,
 * which the Via of an answer needs. */
#include "transport/internal.h"

#include <errno.h>
#include <unistd.h>

enum {
    /* Out of descriptors or memory: one that closes may end it sooner, and is not heard of. */
    REST_NS = 50 * ZSIP_NS_PER_MS,
    /* Connections in a burst, in time of the rate. */
    BURST_NS = 50 * ZSIP_NS_PER_MS,
    ACCEPTS = 8, /* under way where each takes one connection */
};

void zsip_accept_arm(struct zsip_net *t, unsigned index)
{
    struct stream_listener *listener = &t->listeners[index];
    const struct udp_socket *socket = &t->sockets[index];
    /* A multishot accept takes all there are before it can be told to stop. */
    bool multishot = t->multishot && t->streams->config.accept_rate == 0;
    unsigned wanted = multishot ? 1 : ACCEPTS;
    if (t->batch.now.monotonic_ns < listener->rest_ns)
        return;
    while (listener->armed < wanted) {
        struct io_uring_sqe *sqe = zsip_ring_entry(t);
        if (sqe == NULL)
            return;
        if (multishot)
            io_uring_prep_multishot_accept(sqe, socket->fd, NULL, NULL, SOCK_CLOEXEC);
        else
            io_uring_prep_accept(sqe, socket->fd, NULL, NULL, SOCK_CLOEXEC);
        sqe->user_data = USER_DATA(COMPLETION_ACCEPT, index);
        zsip_ring_target(t, sqe, socket);
        listener->armed++;
    }
}

/* No answer, no waiting: the other side sees a reset. */
static void refuse(int fd)
{
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    close(fd);
}

static bool read_name(int (*get)(int, struct sockaddr *, socklen_t *), int fd,
                      struct zsip_address *address)
{
    union zsip_sockaddr name;
    socklen_t bytes = sizeof(name);
    return get(fd, &name.any, &bytes) == 0 && zsip_sockaddr_read(&name, bytes, address);
}

static void admit(struct zsip_net *t, const struct udp_socket *socket, int fd)
{
    struct streams *s = t->streams;
    struct zsip_address remote, local = socket->local;
    if (!read_name(getpeername, fd, &remote) ||
        (socket->wildcard && !read_name(getsockname, fd, &local))) {
        close(fd); /* it was gone before we looked */
        return;
    }
    if (!zsip_sources_add(&s->sources, &remote, s->config.connections_per_source)) {
        COUNT(t, refused_source, 1);
        refuse(fd);
        return;
    }
    struct connection *c = zsip_connection_take(t);
    if (c == NULL) {
        zsip_sources_drop(&s->sources, &remote);
        COUNT(t, refused_full, 1);
        refuse(fd);
        return;
    }
    c->accepted = c->counted = true;
    c->path.remote = remote;
    c->path.local = local;
    COUNT(t, connections_accepted, 1);
    zsip_connection_begin(t, c, fd);
}

/* Each accepted connection pays its share of a second; who is in debt waits. */
static void pay(struct zsip_net *t, unsigned index)
{
    struct streams *s = t->streams;
    struct stream_listener *listener = &t->listeners[index];
    uint64_t now_ns = t->batch.now.monotonic_ns;
    if (s->config.accept_rate == 0)
        return;
    if (s->accept_ns < now_ns)
        s->accept_ns = now_ns;
    s->accept_ns += ZSIP_NS_PER_S / s->config.accept_rate;
    if (s->accept_ns < now_ns + BURST_NS)
        return;
    if (listener->rest_ns < now_ns)
        COUNT(t, accepts_limited, 1);
    listener->rest_ns = s->accept_ns - BURST_NS / 2;
}

void zsip_accept_take(struct zsip_net *t, const struct io_uring_cqe *cqe)
{
    unsigned index = (unsigned)USER_DATA_REST(cqe->user_data);
    struct stream_listener *listener = &t->listeners[index];
    if ((cqe->flags & IORING_CQE_F_MORE) == 0)
        listener->armed--;
    if (cqe->res >= 0) {
        admit(t, &t->sockets[index], cqe->res);
        pay(t, index);
    } else if (cqe->res == -EINVAL && t->multishot) {
        t->multishot = false;
    } else if (cqe->res != -ECANCELED && cqe->res != -ECONNABORTED && cqe->res != -EINTR &&
               cqe->res != -EAGAIN) {
        COUNT(t, accept_pauses, 1);
        if (zsip_net_first(t, SAID_ACCEPT))
            zsip_net_say(t, "accept: %s; new connections wait until there is room%s",
                         strerror(-cqe->res), cqe->res == -EMFILE ? "; raise 'ulimit -n'" : "");
        listener->rest_ns = t->batch.now.monotonic_ns + REST_NS;
    }
}
