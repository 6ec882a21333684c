/* Opening sockets. */
#include "transport/compat.h"
#include "transport/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

enum {
    BACKLOG = 4096, /* net.core.somaxconn bounds it */
};

/* Where an error text goes, and of which address it speaks. */
struct complaint {
    char *text;
    size_t bytes;
    char address[ZSIP_ADDRESS_TEXT_BYTES];
    uint16_t port;
    bool stream;
};

static enum zsip_status complain(struct complaint *c, int cause)
{
    enum zsip_status status = ZSIP_ERROR_SYSTEM;
    const char *what = strerror(cause), *remedy = "see errno(3)";
    char hint[128];
    if (cause == EADDRINUSE) {
        status = ZSIP_ERROR_IN_USE;
        snprintf(hint, sizeof(hint),
                 "stop who has it (ss -l%cnp 'sport = :%u' names it) or choose "
                 "another port",
                 c->stream ? 't' : 'u', (unsigned)c->port);
        remedy = hint;
    } else if (cause == EACCES || cause == EPERM) {
        status = ZSIP_ERROR_PERMISSION;
        remedy = "ports below net.ipv4.ip_unprivileged_port_start need root or "
                 "CAP_NET_BIND_SERVICE";
    } else if (cause == EADDRNOTAVAIL || cause == ENODEV) {
        status = ZSIP_ERROR_UNREACHABLE;
        remedy = "'ip address' lists the addresses of this machine";
    } else if (cause == EAFNOSUPPORT || cause == EPROTONOSUPPORT) {
        status = ZSIP_ERROR_UNSUPPORTED;
        remedy = "use an address of another family or another transport";
    } else if (cause == EMFILE || cause == ENFILE) {
        remedy = "raise 'ulimit -n'";
    } else if (cause == EINVAL) {
        status = ZSIP_ERROR_ARGUMENT;
        remedy = "a link-local address needs its zone, [fe80::1%eth0]";
    }
    if (c->text != NULL)
        snprintf(c->text, c->bytes, "%s:%s: %s; %s", c->stream ? "tcp" : "udp", c->address, what,
                 remedy);
    return status;
}

/* ---- Options ----------------------------------------------------------------------------------
 */

static int set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Asks for a buffer, by force where that is allowed, and says once if the grant is smaller. */
static void size_buffer(struct zsip_net *t, int fd, int force, int option, enum said said,
                        const char *sysctl)
{
    int wanted = (int)t->config.socket_buffer_bytes, granted = 0;
    socklen_t bytes = sizeof(granted);
    if (wanted <= 0)
        return;
    /* One that was handed over may have more already than we may ask for. */
    if (getsockopt(fd, SOL_SOCKET, option, &granted, &bytes) == 0 && granted / 2 >= wanted)
        return;
    if (set(fd, SOL_SOCKET, force, wanted) != 0)
        set(fd, SOL_SOCKET, option, wanted);
    getsockopt(fd, SOL_SOCKET, option, &granted, &bytes);
    granted /= 2; /* the kernel doubles what it is asked for */
    if (granted < wanted && zsip_net_first(t, said))
        zsip_net_say(t, "socket buffer: asked for %d bytes, got %d; sysctl -w %s=%d", wanted,
                     granted, sysctl, wanted);
}

static void set_options(struct zsip_net *t, struct udp_socket *socket)
{
    int fd = socket->fd;
    bool v4 = socket->local.family == ZSIP_FAMILY_IPV4;
    size_buffer(t, fd, SO_RCVBUFFORCE, SO_RCVBUF, SAID_RCVBUF, "net.core.rmem_max");
    size_buffer(t, fd, SO_SNDBUFFORCE, SO_SNDBUF, SAID_SNDBUF, "net.core.wmem_max");
    set(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, 1);
    /* Bound to one address, the kernel need not tell with each datagram where it went. */
    if (socket->wildcard)
        set(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1);

    if (t->config.arrivals)
        set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);

    bool gro = (t->config.without & ZSIP_FEATURE_GRO) == 0 && set(fd, SOL_UDP, UDP_GRO, 1) == 0;
    if (!gro && zsip_net_first(t, SAID_GRO))
        zsip_net_say(t, "udp: done without receive trains (UDP_GRO)");
    int segment;
    socklen_t bytes = sizeof(segment);
    socket->trains = (t->config.without & ZSIP_FEATURE_GSO) == 0 &&
                     getsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, &bytes) == 0;
    if (!socket->trains && zsip_net_first(t, SAID_GSO))
        zsip_net_say(t, "udp: done without send trains (UDP_SEGMENT)");
}

/* ---- Binding ----------------------------------------------------------------------------------
 */

/* Returns the socket, or -errno. */
static int open_bound(const union zsip_sockaddr *name, socklen_t bytes, int type, bool reuse_port)
{
    int fd = socket(name->any.sa_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* Connections that linger after a restart don't hold the port; one who listens does. */
    if (type == SOCK_STREAM)
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (name->any.sa_family == AF_INET6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (reuse_port)
        set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (bind(fd, &name->any, bytes) == 0 && (type != SOCK_STREAM || listen(fd, BACKLOG) == 0))
        return fd;
    int cause = errno;
    close(fd);
    return -cause;
}

static int open_shared(const union zsip_sockaddr *name, socklen_t bytes, int type, unsigned flags)
{
    bool join = (flags & ZSIP_LISTEN_JOIN) != 0;
    bool shared = join || (flags & ZSIP_LISTEN_SHARED) != 0;
    if (shared && !join) {
        /* With SO_REUSEPORT a second server would bind and take half of the first one's traffic. */
        int probe = open_bound(name, bytes, type, false);
        if (probe < 0)
            return probe;
        close(probe);
    }
    return open_bound(name, bytes, type, shared);
}

/* A socket that is bound becomes one of ours; it is closed on failure. */
static enum zsip_status take_socket(struct zsip_net *t, int fd, struct complaint *complaint,
                                    struct zsip_address *bound)
{
    struct udp_socket *socket = &t->sockets[t->socket_count];
    union zsip_sockaddr name;
    socklen_t bytes = sizeof(name);
    *socket = (struct udp_socket){0};
    t->listeners[t->socket_count] = (struct stream_listener){0};
    getsockname(fd, &name.any, &bytes);
    zsip_sockaddr_read(&name, bytes, &socket->local);
    socket->fd = fd;
    socket->flow = t->socket_count + 1;
    socket->wildcard = zsip_address_is_wildcard(&socket->local);
    socket->listener = complaint->stream;
    if (socket->listener)
        set(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* accepted ones inherit it */
    else
        set_options(t, socket);
    if (t->files && t->socket_count < t->file_sockets &&
        io_uring_register_files_update(&t->ring, t->socket_count, &fd, 1) != 1) {
        close(fd);
        return complain(complaint, EMFILE);
    }
    t->socket_count++;
    if (bound != NULL)
        *bound = socket->local;
    return ZSIP_OK;
}

static enum zsip_status too_many(const struct complaint *complaint)
{
    if (complaint->text != NULL)
        snprintf(complaint->text, complaint->bytes, "%s:%s: more than %u sockets",
                 complaint->stream ? "tcp" : "udp", complaint->address, ZSIP_NET_SOCKETS_MAX);
    return ZSIP_ERROR_FULL;
}

enum zsip_status zsip_net_listen(struct zsip_net *t, enum zsip_transport kind,
                                 const struct zsip_address *address, unsigned flags,
                                 struct zsip_address *bound, char *error, size_t error_bytes)
{
    bool stream = kind == ZSIP_TRANSPORT_TCP;
    struct complaint complaint = {
        .text = error, .bytes = error_bytes, .port = address->port, .stream = stream};
    union zsip_sockaddr name;
    socklen_t bytes = zsip_sockaddr_write(address, &name);
    zsip_address_text(address, complaint.address);
    if ((kind != ZSIP_TRANSPORT_UDP && !stream) || bytes == 0 || (stream && t->streams == NULL))
        return complain(&complaint, EPROTONOSUPPORT);
    if (t->socket_count == ZSIP_NET_SOCKETS_MAX)
        return too_many(&complaint);
    int fd = open_shared(&name, bytes, stream ? SOCK_STREAM : SOCK_DGRAM, flags);
    return fd < 0 ? complain(&complaint, -fd) : take_socket(t, fd, &complaint, bound);
}

/* ---- Sockets of others ------------------------------------------------------------------------
 */

/* What the socket's owner to be has to know of it; 0, or an errno that says what it is not. */
static int look_at(int fd, struct zsip_address *local, bool *stream)
{
    int type = 0, only = 0, listens = 0;
    socklen_t bytes = sizeof(type);
    union zsip_sockaddr name = {0};
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0)
        return errno;
    bytes = sizeof(name);
    if (getsockname(fd, &name.any, &bytes) != 0)
        return errno;
    zsip_sockaddr_read(&name, bytes, local);
    *stream = type == SOCK_STREAM;
    if ((type != SOCK_DGRAM && !*stream) || local->family == ZSIP_FAMILY_NONE)
        return EPROTONOSUPPORT;
    bytes = sizeof(listens);
    if (*stream && (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) != 0 || !listens))
        return ENOTCONN;
    if (local->port == 0)
        return EDESTADDRREQ;
    bytes = sizeof(only);
    if (local->family == ZSIP_FAMILY_IPV6 && zsip_address_is_wildcard(local) &&
        getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &bytes) == 0 && only == 0)
        return EAFNOSUPPORT;
    return 0;
}

static enum zsip_status complain_of(const struct complaint *c, int fd, int cause)
{
    const char *what = cause == EDESTADDRREQ ? "is not bound"
                       : cause == ENOTCONN   ? "is a TCP socket that does not listen"
                       : cause == EAFNOSUPPORT
                           ? "takes IPv4 as well as IPv6; set IPV6_V6ONLY on it (in a socket unit "
                             "BindIPv6Only=ipv6-only)"
                       : cause == EPROTONOSUPPORT ? "is no UDP or TCP socket of IPv4 or IPv6"
                                                  : strerror(cause);
    if (c->text != NULL)
        snprintf(c->text, c->bytes, "descriptor %d %s", fd, what);
    return ZSIP_ERROR_ARGUMENT;
}

enum zsip_status zsip_net_adopt(struct zsip_net *t, int fd, struct zsip_address *bound, char *error,
                                size_t error_bytes)
{
    struct complaint complaint = {.text = error, .bytes = error_bytes};
    struct zsip_address local = {0};
    int cause = look_at(fd, &local, &complaint.stream);
    if (cause == 0 && complaint.stream && t->streams == NULL)
        cause = EPROTONOSUPPORT;
    if (cause != 0)
        return complain_of(&complaint, fd, cause);
    zsip_address_text(&local, complaint.address);
    if (t->socket_count == ZSIP_NET_SOCKETS_MAX)
        return too_many(&complaint);
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return own < 0 ? complain(&complaint, errno) : take_socket(t, own, &complaint, bound);
}
