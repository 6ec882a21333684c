/* The transport room: bytes to and from the kernel. A struct zsip_net is one io_uring, its sockets,
 * its receive buffers and its clock, and belongs to the thread that waits first.
 *
 * A turn of the one who drives it:
 *
 *     zsip_net_wait(net, deadline_ns, &batch);   sends what was queued, then waits
 *     ... outputs of the turn before may be written over from here ...
 *     ... deal with batch->failed, packets, errors ...
 *     zsip_net_send(net, outputs, count);        queued; leaves with the next wait
 *     zsip_net_recycle(net);                     packets are gone from here
 *
 * Nothing outside this folder sees the ring: another engine could stand behind these calls. */
#ifndef ZSIP_NET_TRANSPORT_H
#define ZSIP_NET_TRANSPORT_H

#include "zsip/base.h"
#include "zsip/host.h"

/* Packets of one wait; what came beyond is in the next. */
#define ZSIP_NET_PACKETS_MAX 512u
#define ZSIP_NET_SOCKETS_MAX 256u
/* Segments of one train that we send: what every kernel with UDP_SEGMENT takes, and what a peer's
 * GRO builds at most; and what newer kernels take, found out at set-up. A peer on the same machine
 * gets a train as it was sent, on a wire there are datagrams. */
#define ZSIP_NET_TRAIN      64u
#define ZSIP_NET_TRAIN_LONG 128u

struct zsip_net;

/* ---- Framers ----------------------------------------------------------------------------------
 *
 * Who knows where a message ends on a stream. This room does not: it is told by whoever makes it.
 */

enum zsip_net_frame {
    ZSIP_NET_FRAME_MORE = 0,    /* no end yet: the same bytes again and more */
    ZSIP_NET_FRAME_MESSAGE = 1, /* the first bytes of them are a message */
    ZSIP_NET_FRAME_SKIP = 2,    /* the first bytes stand between messages and mean nothing */
    ZSIP_NET_FRAME_PING = 3,    /* the same, and ask for a sign of life */
    /* The stream has no frames any more. The first bytes, if any, deserve a last answer, which
     * status explains. */
    ZSIP_NET_FRAME_FAULT = 4,
};

struct zsip_net_framed {
    size_t bytes;
    enum zsip_status status;
    bool silent; /* MESSAGE: nobody answers it */
    bool final;  /* and it is the last answer to one of ours */
};

#define ZSIP_NET_FRAMER_BYTES 40u

struct zsip_net_framer {
    /* Prepares the state of one direction of one connection, ZSIP_NET_FRAMER_BYTES aligned to 8. */
    void (*begin)(void *user, void *state);
    /* Looks at what stands on the stream from the end of the last event on; MORE: called again
     * with the same bytes, wherever they stand by then, and more. */
    enum zsip_net_frame (*next)(void *user, void *state, const uint8_t *data, size_t bytes,
                                struct zsip_net_framed *framed);
    void *user;
    /* A response that we send and that has this byte there is not the last to its request. 0: all
     * are. */
    uint8_t interim, interim_at;
};

/* ---- Life -------------------------------------------------------------------------------------
 */

struct zsip_net_config {
    const struct zsip_memory *memory; /* NULL: zsip_memory_default() */
    zsip_log log;                     /* may be NULL */
    void *log_user;
    uint64_t spin_ns;             /* look for events this long before sleeping */
    uint32_t buffers;             /* a power of two, 4..32,768; 0: 64 */
    uint32_t socket_buffer_bytes; /* 0: the system's default */
    unsigned without;             /* enum zsip_feature */
    bool arrivals;                /* tell with each packet when it arrived */
    /* Streams: none without a framer. */
    struct zsip_net_framer framer;
    struct zsip_stream_config streams;
    uint32_t clients_max; /* the low half of struct zsip_output.client is below this */
};

/* An ICMP error for a datagram that was sent, with the beginning of that datagram. */
struct zsip_net_error {
    struct zsip_address remote; /* where the datagram went */
    struct zsip_view quoted;    /* its payload, as far as the error quotes it; may be empty */
    uint64_t flow;              /* the socket it left by */
    uint32_t mtu;               /* > 0: it was larger than this, the path's limit */
    bool unreachable;           /* RFC 3261 section 18.4: counts as a failure of the transport */
};

/* A request that could not be sent, or whose connection was lost. */
struct zsip_net_failure {
    uint64_t client; /* never 0 */
    bool refused;    /* no connection: reset, or the peer's machine has no such protocol */
};

struct zsip_net_batch {
    const struct zsip_packet *packets;
    const struct zsip_net_error *errors;
    const struct zsip_net_failure *failed;
    size_t packet_count;
    size_t error_count;
    size_t failed_count;
    struct zsip_time now; /* read once, after the wait */
    bool more;            /* something is left: the next wait won't sleep */
};

/* Fills in what is 0. */
void zsip_net_stream_defaults(struct zsip_stream_config *config);

/* Makes the ring and the receive buffers. ERROR_UNSUPPORTED: no io_uring here. ERROR_ARGUMENT,
 * ERROR_MEMORY, ERROR_SYSTEM. error, if not NULL, then holds one line: what, where, what to do. */
enum zsip_status zsip_net_create(const struct zsip_net_config *config, struct zsip_net **net,
                                 char *error, size_t error_bytes);
/* From the thread that waited, or from another after zsip_net_pause(): otherwise ports may
 * stay bound for some milliseconds. NULL is allowed. */
void zsip_net_destroy(struct zsip_net *net);

/* Opens a socket: as zsip_worker_listen() says. Before the first wait, or on the thread that
 * waits. */
enum zsip_status zsip_net_listen(struct zsip_net *net, enum zsip_transport kind,
                                 const struct zsip_address *address, unsigned flags,
                                 struct zsip_address *bound, char *error, size_t error_bytes);

/* Takes a socket that somebody else bound: as zsip_worker_adopt() says. */
enum zsip_status zsip_net_adopt(struct zsip_net *net, int fd, struct zsip_address *bound,
                                char *error, size_t error_bytes);

/* Sends what is queued, then waits for packets, errors, failures or a wake, until deadline_ns on
 * the monotonic clock at the latest (0: doesn't wait, ZSIP_NEVER_NS: no limit). *batch and all it
 * points to are valid until recycle. ERROR_SYSTEM: the ring is broken; the log says how. Usually
 * one syscall. */
enum zsip_status zsip_net_wait(struct zsip_net *net, uint64_t deadline_ns,
                               const struct zsip_net_batch **batch);

/* Gives the buffers of the last batch back to the ring, and arms what stopped for want of them. */
void zsip_net_recycle(struct zsip_net *net);

/* Queues datagrams; those for one path that stand as good as equal in length leave as one train,
 * padded in place as struct zsip_output allows. The array, the bytes and the paths must stay as
 * they are until the next wait or flush returns. What can't be sent is counted, and told in a
 * batch's failed if it has a client; what finds the socket's buffer full is dropped and counted. */
void zsip_net_send(struct zsip_net *net, const struct zsip_output *outputs, size_t count);

/* From now on what is for the address this connection came from, at this port, may leave by it. */
void zsip_net_alias(struct zsip_net *net, uint64_t flow, uint16_t port);

/* Sends what is queued at once. One syscall if anything is. */
enum zsip_status zsip_net_flush(struct zsip_net *net);

/* Makes the running wait, or the next, return. Any thread, and signal handlers. */
void zsip_net_wake(struct zsip_net *net);

/* Makes the running wait of to, or its next, return. For the thread of from, which pays no syscall
 * for it: the bell leaves with its next wait or flush. */
void zsip_net_signal(struct zsip_net *from, struct zsip_net *to);

/* When a wait has something to do that no event tells of: timers of connections, sockets that rest;
 * 0: at once; ZSIP_NEVER_NS: never. A wait itself sleeps no longer. */
uint64_t zsip_net_deadline(const struct zsip_net *net);

/* Readable when wait(0) would find something; from the first wait on. */
int zsip_net_fd(const struct zsip_net *net);

/* Lets go of everything that ties the ring to this thread and to its sockets; packets that arrive
 * stay in the sockets, the next wait takes up again where this left. For a thread that leaves. */
void zsip_net_pause(struct zsip_net *net);

/* Written by the transport's thread, readable by any; the names are those of
 * struct zsip_worker_stats. */
#define ZSIP_NET_STATS_MAP(X)                                                                      \
    X(syscalls)                                                                                    \
    X(sleeps)                                                                                      \
    X(idle_ns)                                                                                     \
    X(datagrams_in)                                                                                \
    X(receives)                                                                                    \
    X(datagrams_out)                                                                               \
    X(sends)                                                                                       \
    X(truncated)                                                                                   \
    X(dropped_socket)                                                                              \
    X(buffers_empty)                                                                               \
    X(send_errors)                                                                                 \
    X(send_full)                                                                                   \
    X(icmp_errors)                                                                                 \
    X(connections_now)                                                                             \
    X(connections_accepted)                                                                        \
    X(connections_opened)                                                                          \
    X(messages_in)                                                                                 \
    X(messages_out)                                                                                \
    X(reads)                                                                                       \
    X(writes)                                                                                      \
    X(bytes_in)                                                                                    \
    X(bytes_out)                                                                                   \
    X(stitched)                                                                                    \
    X(stitched_bytes)                                                                              \
    X(writes_short)                                                                                \
    X(reads_stopped)                                                                               \
    X(stream_buffers_empty)                                                                        \
    X(refused_full)                                                                                \
    X(refused_source)                                                                              \
    X(accepts_limited)                                                                             \
    X(accept_pauses)                                                                               \
    X(closed_by_peer)                                                                              \
    X(closed_reset)                                                                                \
    X(closed_fault)                                                                                \
    X(closed_first_byte)                                                                           \
    X(closed_slow)                                                                                 \
    X(closed_unsent)                                                                               \
    X(closed_idle)                                                                                 \
    X(closed_pong)                                                                                 \
    X(closed_memory)                                                                               \
    X(pings_in)                                                                                    \
    X(pings_out)                                                                                   \
    X(connect_errors)                                                                              \
    X(connect_timeouts)                                                                            \
    X(connect_full)                                                                                \
    X(flows_stale)                                                                                 \
    X(diverted)                                                                                    \
    X(requests_lost)                                                                               \
    X(aliases)

struct zsip_net_stats {
#define X(name) uint64_t name;
    ZSIP_NET_STATS_MAP(X)
#undef X
};

const struct zsip_net_stats *zsip_net_stats(const struct zsip_net *net);

/* Ties the calling thread to a core; false if that is refused. */
bool zsip_thread_pin(unsigned cpu);

#endif
