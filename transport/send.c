/* Sends: queued as submissions that are done by the time the submission returns, so that what they
 * sent may be written over; only failures come back as completions. */
#include "transport/send.h"

#include "transport/compat.h"

#include <errno.h>

enum {
    RETRIES = 3,
};

/* ---- Failures ---------------------------------------------------------------------------------
 */

static void failed(struct zsip_net *t, const struct zsip_output *output)
{
    COUNT(t, send_errors, 1);
    t->datagrams_bad++;
    zsip_net_fail(t, output->client, false);
}

void zsip_send_impossible(struct zsip_net *t, const struct zsip_output *output)
{
    failed(t, output);
    t->datagrams_bad--; /* it never was in the queue */
}

static bool is_full(int cause)
{
    return cause == EAGAIN || cause == ENOBUFS || cause == ENOMEM;
}

/* An ICMP error for an earlier datagram waits in the socket and is handed to whoever sends next:
 * then the fault is not this datagram's. */
static bool is_somebody_elses(int cause)
{
    return cause == ECONNREFUSED || cause == EHOSTUNREACH || cause == ENETUNREACH ||
           cause == ENOPROTOOPT || cause == EPROTO || cause == EOPNOTSUPP || cause == EACCES ||
           cause == EHOSTDOWN || cause == ENONET || cause == EMSGSIZE;
}

/* Sends now, past the ring. Returns 0 or a positive errno. */
static int send_now(struct udp_socket *socket, const struct msghdr *message)
{
    int cause = 0;
    for (int tries = 0; tries < RETRIES; tries++) {
        if (sendmsg(socket->fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return 0;
        cause = errno;
        if (!is_somebody_elses(cause))
            break;
        socket->errors_waiting = true;
    }
    return cause;
}

static void settle(struct zsip_net *t, const struct zsip_output *output, int cause)
{
    if (is_full(cause)) {
        COUNT(t, send_full, 1);
        t->datagrams_bad++;
    } else if (cause != 0) {
        failed(t, output);
    }
}

/* A train that the way to its peer doesn't take: EINVAL and EMSGSIZE where a segment is larger than
 * the path allows or there are too many, EIO where the device can't do checksums. Its datagrams
 * leave one by one, and so do later ones to this peer. */
static void unhitch(struct zsip_net *t, struct send_slot *slot)
{
    struct msghdr message = slot->message;
    if (slot->count > ZSIP_NET_TRAIN)
        t->train_max = ZSIP_NET_TRAIN; /* shorter ones may well be taken */
    else
        zsip_train_forbid(t, &t->members[slot->first]->path->remote);
    message.msg_controllen = zsip_send_control(slot, &t->members[slot->first]->path->local, 0);
    message.msg_control = message.msg_controllen > 0 ? slot->control : NULL;
    message.msg_iovlen = 1;
    for (uint32_t i = 0; i < slot->count; i++) {
        message.msg_iov = &t->vectors[slot->first + i];
        settle(t, t->members[slot->first + i], send_now(slot->socket, &message));
    }
}

static void completed(struct zsip_net *t, uint64_t data, int result)
{
    if ((data >> 16 & UINT32_MAX) != t->epoch || (data & 0xffff) >= t->slot_count)
        return; /* came late, by way of an overflown queue: nobody knows any more what it was */
    struct send_slot *slot = &t->slots[data & 0xffff];
    int cause = -result;
    if (is_somebody_elses(cause)) {
        slot->socket->errors_waiting = true;
        cause = send_now(slot->socket, &slot->message);
    }
    if (slot->count > 1 && cause != 0 && !is_full(cause)) {
        unhitch(t, slot);
        return;
    }
    for (uint32_t i = 0; i < slot->count; i++)
        settle(t, t->members[slot->first + i], cause);
}

/* Frees the completions at the head of the queue that are dealt with. Without it, many failed sends
 * in one turn would fill the queue, and the kernel would keep the rest to itself for a while. */
static void drop_reaped(struct zsip_net *t)
{
    unsigned head = *t->ring.cq.khead, mask = *t->ring.cq.kring_entries - 1, count = 0;
    while ((int)(t->reaped - head - count) > 0) {
        enum completion kind = USER_DATA_KIND(t->ring.cq.cqes[(head + count) & mask].user_data);
        if (kind != COMPLETION_SEND && kind != COMPLETION_STREAM_SEND)
            break;
        count++;
    }
    io_uring_cq_advance(&t->ring, count);
}

void zsip_send_reap(struct zsip_net *t)
{
    unsigned tail = __atomic_load_n(t->ring.cq.ktail, __ATOMIC_ACQUIRE);
    /* Without deferred task work receives complete between two looks, too, and may be taken before
     * this one. Failed sends don't: they complete while they are submitted. */
    if ((int)(*t->ring.cq.khead - t->reaped) > 0)
        t->reaped = *t->ring.cq.khead;
    unsigned mask = *t->ring.cq.kring_entries - 1;
    for (; t->reaped != tail; t->reaped++) {
        const struct io_uring_cqe *cqe = &t->ring.cq.cqes[t->reaped & mask];
        if (USER_DATA_KIND(cqe->user_data) == COMPLETION_SEND && cqe->res < 0)
            completed(t, USER_DATA_REST(cqe->user_data), cqe->res);
        else if (USER_DATA_KIND(cqe->user_data) == COMPLETION_STREAM_SEND)
            zsip_stream_short(t, USER_DATA_REST(cqe->user_data), cqe->res);
    }
    drop_reaped(t);
    if (t->streams != NULL)
        zsip_streams_sent(t);
    if (t->slot_count == 0)
        return;
    COUNT(t, sends, t->slot_count);
    COUNT(t, datagrams_out, t->member_count - t->datagrams_bad);
    t->slot_count = t->member_count = t->datagrams_bad = 0;
    t->epoch++;
}

/* ---- Queueing ---------------------------------------------------------------------------------
 */

size_t zsip_send_control(struct send_slot *slot, const struct zsip_address *local,
                         size_t segment_bytes)
{
    struct msghdr message = {.msg_control = slot->control, .msg_controllen = sizeof(slot->control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    size_t bytes = 0;
    /* Answers leave from the address that was asked. A socket bound to one does so anyway. */
    if (slot->socket->wildcard && local->family == ZSIP_FAMILY_IPV4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, local->ip, 4);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IP, IP_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        bytes += CMSG_SPACE(sizeof(info));
    } else if (slot->socket->wildcard && local->family == ZSIP_FAMILY_IPV6) {
        struct in6_pktinfo info = {.ipi6_ifindex = local->scope};
        memcpy(&info.ipi6_addr, local->ip, 16);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        bytes += CMSG_SPACE(sizeof(info));
    }
    if (segment_bytes > 0) {
        uint16_t segment = (uint16_t)segment_bytes;
        c = (struct cmsghdr *)(slot->control + bytes);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(segment)), SOL_UDP, UDP_SEGMENT};
        memcpy(CMSG_DATA(c), &segment, sizeof(segment));
        bytes += CMSG_SPACE(sizeof(segment));
    }
    return bytes;
}

struct send_slot *zsip_send_slot(struct zsip_net *t, uint32_t members, struct io_uring_sqe **sqe)
{
    bool full = t->member_count + members > MEMBERS_MAX || t->slot_count == SUBMISSIONS;
    if (full && zsip_net_flush(t) != ZSIP_OK)
        return NULL;
    /* Getting an entry may flush as well, and then frees the slots. */
    *sqe = zsip_ring_entry(t);
    if (*sqe == NULL)
        return NULL;
    struct send_slot *slot = &t->slots[t->slot_count++];
    slot->first = t->member_count;
    slot->count = members;
    t->member_count += members;
    return slot;
}

void zsip_send_queue(struct zsip_net *t, struct io_uring_sqe *sqe, struct send_slot *slot,
                     const struct zsip_path *path, size_t segment_bytes)
{
    size_t control_bytes = zsip_send_control(slot, &path->local, segment_bytes);
    slot->message = (struct msghdr){
        .msg_name = &slot->name,
        .msg_namelen = zsip_sockaddr_write(&path->remote, &slot->name),
        .msg_iov = &t->vectors[slot->first],
        .msg_iovlen = slot->count,
        .msg_control = control_bytes > 0 ? slot->control : NULL,
        .msg_controllen = control_bytes,
    };
    io_uring_prep_sendmsg(sqe, slot->socket->fd, &slot->message, MSG_DONTWAIT | MSG_NOSIGNAL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data =
        USER_DATA(COMPLETION_SEND, (uint64_t)t->epoch << 16 | (uint64_t)(slot - t->slots));
    zsip_ring_target(t, sqe, slot->socket);
}
