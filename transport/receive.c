/* Receiving datagrams: multishot receives that put them into the buffer ring, a train of several
 * into one buffer where the kernel joins them (UDP_GRO). */
#include "transport/compat.h"
#include "transport/internal.h"

#include <errno.h>

enum {
    FAILURES_MAX = 16, /* in a row, before a socket gets a rest */
    REST_NS = 10 * ZSIP_NS_PER_MS,
};

/* What came, wherever the kernel wrote it. */
struct arrival {
    const uint8_t *payload;
    size_t payload_bytes;
    const void *name;
    size_t name_bytes;
    struct msghdr control; /* only its control messages, for the CMSG macros */
    bool truncated;
};

/* What its control messages tell. */
struct details {
    struct zsip_address local; /* where it was sent to */
    size_t segment_bytes;      /* of a train; 0 for a lone datagram */
    uint64_t arrived_ns;
};

/* ---- Arming ---------------------------------------------------------------------------------- */

static void arm_multishot(struct zsip_net *t, struct udp_socket *socket)
{
    struct io_uring_sqe *sqe = zsip_ring_entry(t);
    if (sqe == NULL)
        return;
    socket->receive = (struct msghdr){.msg_namelen = NAME_BYTES, .msg_controllen = CONTROL_BYTES};
    io_uring_prep_recvmsg_multishot(sqe, socket->fd, &socket->receive, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    sqe->user_data = USER_DATA(COMPLETION_RECEIVE, (socket->flow - 1) << 8);
    zsip_ring_target(t, sqe, socket);
    socket->armed = true;
}

static void arm_oneshots(struct zsip_net *t, struct udp_socket *socket)
{
    for (unsigned i = 0; i < ONESHOTS; i++) {
        struct oneshot *oneshot = &socket->oneshots[i];
        struct io_uring_sqe *sqe = oneshot->armed ? NULL : zsip_ring_entry(t);
        if (sqe == NULL)
            continue;
        oneshot->payload = (struct iovec){.iov_len = PAYLOAD_BYTES};
        oneshot->message = (struct msghdr){
            .msg_name = &oneshot->name,
            .msg_namelen = sizeof(oneshot->name),
            .msg_iov = &oneshot->payload,
            .msg_iovlen = 1,
            .msg_control = oneshot->control,
            .msg_controllen = sizeof(oneshot->control),
        };
        io_uring_prep_recvmsg(sqe, socket->fd, &oneshot->message, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = BUFFER_GROUP;
        sqe->user_data = USER_DATA(COMPLETION_ONESHOT, (socket->flow - 1) << 8 | i);
        zsip_ring_target(t, sqe, socket);
        oneshot->armed = true;
    }
}

void zsip_receive_arm(struct zsip_net *t, struct udp_socket *socket, uint64_t now_ns)
{
    if (now_ns < socket->rearm_ns)
        return;
    if (t->multishot)
        arm_multishot(t, socket);
    else
        arm_oneshots(t, socket);
}

/* A receive ended. Whatever the reason, it is not armed here: law 3 for want of buffers, and an
 * error that stays would spin. */
static void ended(struct zsip_net *t, struct udp_socket *socket, int result)
{
    if (result == -ENOBUFS) {
        COUNT(t, buffers_empty, 1);
        socket->starved = true;
    } else if (t->multishot && result == -EINVAL) {
        if (zsip_net_first(t, SAID_MULTISHOT))
            zsip_net_say(t, "io_uring: done without multishot receive");
        t->multishot = false;
    } else if (result < 0 && result != -ECANCELED) {
        /* With IP_RECVERR an ICMP error ends a receive; its story is in the error queue. */
        socket->errors_waiting = true;
        if (++socket->failures > FAILURES_MAX) {
            if (zsip_net_first(t, SAID_ERRORS))
                zsip_net_say(t, "receive: %s, again and again", strerror(-result));
            socket->rearm_ns = t->batch.now.monotonic_ns + REST_NS;
        }
    }
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static bool same_address(const struct zsip_address *a, const struct zsip_address *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* The kernel stamps arrivals by the wall clock; a stamp from the future means that it was set. */
static uint64_t arrival_time(const struct zsip_net *t, const struct cmsghdr *c)
{
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
    uint64_t arrived_ns =
        (uint64_t)stamp.tv_sec * ZSIP_NS_PER_S + (uint64_t)stamp.tv_nsec - t->utc_ahead_ns;
    return arrived_ns < t->batch.now.monotonic_ns ? arrived_ns : t->batch.now.monotonic_ns;
}

static void read_control(const struct zsip_net *t, struct msghdr *control, struct details *details)
{
    struct zsip_address *local = &details->local;
    if (control->msg_controllen == 0)
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(control); c != NULL; c = CMSG_NXTHDR(control, c)) {
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            int bytes;
            memcpy(&bytes, CMSG_DATA(c), sizeof(bytes));
            details->segment_bytes = bytes > 0 ? (size_t)bytes : 0;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            details->arrived_ns = arrival_time(t, c);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            /* Not ipi_addr: after a broadcast that is no address to send from. */
            memcpy(local->ip, &info.ipi_spec_dst, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(local->ip, &info.ipi6_addr, 16);
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                local->scope = info.ipi6_ifindex;
        }
    }
}

/* The path of an arrival: that of the one before where it is the same, so that trains and bursts
 * share one. */
static const struct zsip_path *path_of(struct zsip_net *t, const struct udp_socket *socket,
                                       const struct zsip_address *remote,
                                       const struct zsip_address *local)
{
    struct zsip_path *last = t->path_count > 0 ? &t->paths[t->path_count - 1] : NULL;
    if (last != NULL && last->flow == socket->flow && same_address(&last->remote, remote) &&
        same_address(&last->local, local))
        return last;
    /* One a packet at most, so there is room. */
    struct zsip_path *path = &t->paths[t->path_count++];
    *path = (struct zsip_path){
        .local = *local, .remote = *remote, .flow = socket->flow, .transport = ZSIP_TRANSPORT_UDP};
    return path;
}

/* Makes packets of an arrival. False if the batch has no room for all of them. */
static bool take_arrival(struct zsip_net *t, struct udp_socket *socket, struct arrival *arrival)
{
    struct zsip_address remote;
    struct details details = {.local = socket->local};
    if (arrival->truncated || !zsip_sockaddr_read(arrival->name, arrival->name_bytes, &remote)) {
        COUNT(t, truncated, 1);
        return true;
    }
    read_control(t, &arrival->control, &details);
    size_t segment_bytes = details.segment_bytes;
    if (segment_bytes == 0 || segment_bytes > arrival->payload_bytes)
        segment_bytes = arrival->payload_bytes;
    size_t count = 1;
    if (segment_bytes > 0)
        count = (arrival->payload_bytes + segment_bytes - 1) / segment_bytes;
    if (t->batch.packet_count + count > ZSIP_NET_PACKETS_MAX) {
        if (t->batch.packet_count > 0)
            return false;
        /* No kernel builds such a train (64 segments, 128 over loopback). */
        COUNT(t, truncated, 1);
        return true;
    }
    const struct zsip_path *path = path_of(t, socket, &remote, &details.local);
    struct zsip_packet *packet = &t->packets[t->batch.packet_count];
    for (size_t offset = 0, i = 0; i < count; i++, offset += segment_bytes) {
        size_t rest = arrival->payload_bytes - offset;
        packet[i] = (struct zsip_packet){
            .data = arrival->payload + offset,
            .path = path,
            .bytes = (uint32_t)(rest < segment_bytes ? rest : segment_bytes),
            .arrived_ns = details.arrived_ns,
        };
    }
    t->batch.packet_count += count;
    COUNT(t, receives, 1);
    COUNT(t, datagrams_in, count);
    return true;
}

/* Multishot: everything stands in the buffer, behind a header. */
static struct arrival arrival_of_multishot(const uint8_t *buffer, size_t bytes)
{
    struct arrival arrival = {.truncated = true};
    struct io_uring_recvmsg_out out;
    if (bytes < HEADER_BYTES)
        return arrival;
    memcpy(&out, buffer, sizeof(out));
    arrival.payload = buffer + HEADER_BYTES;
    arrival.payload_bytes = bytes - HEADER_BYTES;
    arrival.name = buffer + sizeof(out);
    arrival.name_bytes = out.namelen < NAME_BYTES ? out.namelen : NAME_BYTES;
    /* The macros want it so; nobody writes there. */
    arrival.control.msg_control = (void *)(uintptr_t)(buffer + sizeof(out) + NAME_BYTES);
    arrival.control.msg_controllen =
        out.controllen < CONTROL_BYTES ? out.controllen : CONTROL_BYTES;
    arrival.truncated = (out.flags & MSG_TRUNC) != 0;
    return arrival;
}

/* One-shot: only the payload stands in the buffer. */
static struct arrival arrival_of_oneshot(const uint8_t *buffer, size_t bytes,
                                         const struct oneshot *oneshot)
{
    return (struct arrival){
        .payload = buffer,
        .payload_bytes = bytes,
        .name = &oneshot->name,
        .name_bytes = oneshot->message.msg_namelen,
        .control = {.msg_control = oneshot->message.msg_control,
                    .msg_controllen = oneshot->message.msg_controllen},
        .truncated = (oneshot->message.msg_flags & MSG_TRUNC) != 0,
    };
}

bool zsip_receive_take(struct zsip_net *t, const struct io_uring_cqe *cqe)
{
    uint64_t rest = USER_DATA_REST(cqe->user_data);
    struct udp_socket *socket = &t->sockets[rest >> 8];
    struct oneshot *oneshot = NULL;
    if (USER_DATA_KIND(cqe->user_data) == COMPLETION_ONESHOT)
        oneshot = &socket->oneshots[rest & 0xff];
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        const uint8_t *buffer = t->buffers + (size_t)id * BUFFER_BYTES;
        ZSIP_ASSERT(id < t->config.buffers && t->used_count < t->config.buffers);
        if (cqe->res >= 0) {
            struct arrival arrival = oneshot == NULL
                                         ? arrival_of_multishot(buffer, (size_t)cqe->res)
                                         : arrival_of_oneshot(buffer, (size_t)cqe->res, oneshot);
            if (!take_arrival(t, socket, &arrival))
                return false;
            socket->failures = 0;
        }
        t->used[t->used_count++] = (uint16_t)id;
    }
    if (oneshot != NULL)
        oneshot->armed = false;
    if (oneshot == NULL && (cqe->flags & IORING_CQE_F_MORE) == 0)
        socket->armed = false;
    if (oneshot != NULL || (cqe->flags & IORING_CQE_F_MORE) == 0)
        ended(t, socket, cqe->res);
    return true;
}
