/* ICMP errors, read from the sockets' error queues. */
#include "transport/internal.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

/* RFC 3261 section 18.4: host, network, port or protocol unreachable and parameter problem are
 * failures of the transport; source quench and time exceeded are not. A datagram too large is one
 * neither: from now on the kernel cuts it. */
static bool is_unreachable(const struct sock_extended_err *e)
{
    if (e->ee_origin == SO_EE_ORIGIN_ICMP)
        return (e->ee_type == ICMP_DEST_UNREACH && e->ee_code != ICMP_FRAG_NEEDED) ||
               e->ee_type == ICMP_PARAMETERPROB;
    if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
        return e->ee_type == ICMP6_DST_UNREACH || e->ee_type == ICMP6_PARAM_PROB;
    return false;
}

/* Whether a control message of the error queue is an error, and which. */
static bool read_error(const struct cmsghdr *c, struct sock_extended_err *e)
{
    if ((c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR) &&
        (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_RECVERR))
        return false;
    memcpy(e, CMSG_DATA(c), sizeof(*e));
    return true;
}

/* Takes one entry of the queue into the batch, or past it if that is full; false if there is
 * none. */
static bool take_error(struct zsip_net *t, struct udp_socket *socket)
{
    size_t index = t->batch.error_count;
    union zsip_sockaddr name;
    _Alignas(8) uint8_t control[512];
    struct iovec payload = {.iov_base = t->quoted[index], .iov_len = QUOTED_BYTES};
    struct msghdr message = {
        .msg_name = &name,
        .msg_namelen = sizeof(name),
        .msg_iov = &payload,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    ssize_t bytes = recvmsg(socket->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (bytes < 0)
        return false;
    struct zsip_net_error *error = &t->errors[index];
    *error = (struct zsip_net_error){
        .quoted = {.data = t->quoted[index], .length = (size_t)bytes},
        .flow = socket->flow,
    };
    zsip_sockaddr_read(&name, message.msg_namelen, &error->remote);
    struct sock_extended_err e = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (!read_error(c, &e))
            continue;
        error->unreachable = is_unreachable(&e);
        error->mtu = e.ee_errno == EMSGSIZE ? e.ee_info : 0;
    }
    if (e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6) {
        t->batch.error_count += index < ERRORS_MAX;
        COUNT(t, icmp_errors, 1);
    }
    return true;
}

void zsip_errors_drain(struct zsip_net *t)
{
    unsigned reads = 0;
    for (unsigned i = 0; i < t->socket_count; i++) {
        struct udp_socket *socket = &t->sockets[i];
        while (socket->errors_waiting && reads++ < ERRORS_READ_MAX) {
            socket->errors_waiting = take_error(t, socket);
            /* The receive that ended had its reason. */
            if (socket->errors_waiting)
                socket->failures = 0;
        }
        t->batch.more |= socket->errors_waiting;
    }
}
