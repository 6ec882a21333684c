/* zsip: the worker. One endpoint bound to one io_uring on one core: sockets, clock and entropy.
 *
 * A worker belongs to the thread that makes its first turn. From other threads only
 * zsip_worker_stop(), zsip_worker_post() and the statistics may be called, and, once that thread
 * has left zsip_worker_run(), zsip_worker_destroy().
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_WORKER_H
#define ZSIP_WORKER_H

#include "zsip/base.h"
#include "zsip/endpoint.h"
#include "zsip/host.h"

#ifdef __cplusplus
extern "C" {
#endif

struct zsip_worker;

/* ---- Groups ----------------------------------------------------------------------------------
 *
 * Workers that serve the same addresses as one element. The kernel spreads flows over their
 * sockets by 4-tuple, which leaves all of a trunk peer on one of them, and lets a copy of a request
 * arrive at another one (a NAT that rebinds, a second way). So, over UDP, a worker passes a request
 * to the one that owns its Call-ID, CSeq and From tag, and a response to the one that sent the
 * request, as a copy in a bounded lane between the two; a full lane is a counted drop. */
struct zsip_group;

enum zsip_steering {
    ZSIP_STEER_MESSAGE = 0, /* by what the request is, as above */
    /* By where it comes from: nothing is passed on. For sources that keep their address; gives up
     * the detection of copies and merged requests that come from different ones. */
    ZSIP_STEER_PEER = 1,
};

#define ZSIP_GROUP_WORKERS_MAX 64u

/* Makes a group for so many workers. memory NULL: the library's own. ERROR_ARGUMENT, ERROR_MEMORY,
 * ERROR_SYSTEM. */
ZSIP_API enum zsip_status zsip_group_create(unsigned workers, enum zsip_steering steering,
                                            const struct zsip_memory *memory,
                                            struct zsip_group **group);
/* Ends a group, after its workers. NULL is allowed. */
ZSIP_API void zsip_group_destroy(struct zsip_group *group);

/* ---- Workers --------------------------------------------------------------------------------- */

/* A packet as it came in, before anything looked at it, or as it is handed to the kernel, before
 * padding. What it points to lives until the tap returns. */
struct zsip_tapped {
    const uint8_t *data;
    size_t bytes;
    const struct zsip_path *path;
    uint64_t time_ns; /* of the turn, on the monotonic clock */
    bool out;
};

/* Is shown every packet, on the worker's thread. */
typedef void (*zsip_tap)(void *user, const struct zsip_tapped *tapped);

struct zsip_worker_config {
    size_t struct_bytes;
    struct zsip_endpoint_config endpoint; /* a seed of all zero is drawn from the kernel */
    zsip_log log;
    void *log_user;
    int cpu;                      /* pin the thread that runs it; -1: don't */
    uint32_t spin_us;             /* look for packets this long before sleeping; 20 */
    uint32_t buffers;             /* receive buffers, a power of two; 64 */
    uint32_t socket_buffer_bytes; /* SO_RCVBUF and SO_SNDBUF; 8 MiB */
    unsigned without;             /* enum zsip_feature: don't use these */
    bool grow_thread;             /* a helper thread touches memory ahead of need */
    /* Called once a turn, after packets and timers, before output leaves: the place to send
     * requests from. Returns when it wants to be called next at the latest, on the monotonic
     * clock; ZSIP_NEVER_NS if it does not care. NULL: none. */
    uint64_t (*turn)(void *user, struct zsip_worker *worker, struct zsip_time now);
    /* NULL: alone. Else endpoint.worker is its place in the group, all its workers are made before
     * one of them makes a turn, and all listen to the same addresses in the same order. A seed of
     * all zero is the group's. */
    struct zsip_group *group;
    struct zsip_stream_config streams; /* bounds of connections; what is 0: the default */
    zsip_tap tap;                      /* NULL: none */
    void *tap_user;
};

/* Sets the defaults, in a structure of struct_bytes bytes, those of its endpoint too. */
ZSIP_API void zsip_worker_config_init_sized(struct zsip_worker_config *config, size_t struct_bytes);
static inline void zsip_worker_config_init(struct zsip_worker_config *config)
{
    zsip_worker_config_init_sized(config, sizeof(*config));
}

/* Makes a worker: its ring, buffers and endpoint. On failure error holds one line that says what,
 * where and what to do. ERROR_UNSUPPORTED: no io_uring here. ERROR_PERMISSION, ERROR_MEMORY,
 * ERROR_ARGUMENT, ERROR_SYSTEM. */
ZSIP_API enum zsip_status zsip_worker_create(const struct zsip_worker_config *config,
                                             struct zsip_worker **worker, char *error,
                                             size_t error_bytes);
/* Closes its sockets and ends its endpoint, as zsip_endpoint_destroy(). On the thread that made the
 * turns, or on another once that one has left zsip_worker_run(); of a group, once all of its
 * workers have left theirs. What is posted and not yet called is forgotten. Not from a callback
 * (asserted). NULL is allowed. */
ZSIP_API void zsip_worker_destroy(struct zsip_worker *worker);

/* Binds a socket of a worker, before the first turn. Port 0 takes a free one. *bound, if not NULL,
 * becomes the real address; paths name the sockets by the flows 1, 2 ... in the order in which they
 * were opened. ERROR_IN_USE, ERROR_PERMISSION, ERROR_UNREACHABLE (no such address
 * here), ERROR_UNSUPPORTED, ERROR_FULL (256 sockets), ERROR_SYSTEM; error as above. */
ZSIP_API enum zsip_status zsip_worker_listen(struct zsip_worker *worker,
                                             enum zsip_transport transport,
                                             const struct zsip_address *address, unsigned flags,
                                             struct zsip_address *bound, char *error,
                                             size_t error_bytes);

/* Takes a socket that is bound already, such as a service manager hands over (sd_listen_fds(3)):
 * UDP, or TCP that listens. It is duplicated: the caller's descriptor stays open and the caller's,
 * and several workers may adopt the same one. Before the first turn. ERROR_ARGUMENT: no such
 * socket, not bound, or of another kind, which error tells. ERROR_FULL (256 sockets), ERROR_SYSTEM;
 * error as above. */
ZSIP_API enum zsip_status zsip_worker_adopt(struct zsip_worker *worker, int socket,
                                            struct zsip_address *bound, char *error,
                                            size_t error_bytes);

/* The endpoint of a worker, for respond, hold, send and statistics; the worker makes its turns. It
 * lives as long as the worker. */
ZSIP_API struct zsip_endpoint *zsip_worker_endpoint(struct zsip_worker *worker);

/* One turn of a worker: waits for packets, timers, posts or stop, at most wait_ns, then deals with
 * them. ERROR_STATE: another thread made the first turn, or this is a callback; nothing happened.
 * ERROR_SYSTEM: the ring is broken, and said so in the log. */
ZSIP_API enum zsip_status zsip_worker_turn(struct zsip_worker *worker, uint64_t wait_ns);

/* Makes turns until zsip_worker_stop(), which may have come before. ERROR_STATE, ERROR_SYSTEM: as
 * zsip_worker_turn(). */
ZSIP_API enum zsip_status zsip_worker_run(struct zsip_worker *worker);

/* A worker in a loop of the caller's: the descriptor is readable (poll, epoll) when a turn has
 * something to do; the caller also wakes at the deadline, on the monotonic clock, and then calls
 * zsip_worker_turn(worker, 0). The first turn arms the ring: make one before the first poll. */
ZSIP_API int zsip_worker_fd(struct zsip_worker *worker);
ZSIP_API uint64_t zsip_worker_deadline(const struct zsip_worker *worker);

/* Ends zsip_worker_run() after the running turn, or the next one at once. Any thread, and signal
 * handlers. */
ZSIP_API void zsip_worker_stop(struct zsip_worker *worker);

/* Has function(argument, worker, now) called on the worker's thread in its next turn: answers from
 * other threads come this way. Any thread, not signal handlers. ERROR_FULL: 4,096 are waiting; not
 * posted. */
typedef void (*zsip_posted)(void *argument, struct zsip_worker *worker, struct zsip_time now);
ZSIP_API enum zsip_status zsip_worker_post(struct zsip_worker *worker, zsip_posted function,
                                           void *argument);

/* ---- Statistics ------------------------------------------------------------------------------ */

/* As ZSIP_ENDPOINT_STATS_MAP. */
#define ZSIP_WORKER_STATS_MAP(X)                                                                   \
    X(turns, "turns of the loop")                                                                  \
    X(syscalls, "io_uring_enter calls")                                                            \
    X(sleeps, "times the worker slept for want of work")                                           \
    X(idle_ns, "nanoseconds it waited for work, asleep or looking")                                \
    X(datagrams_in, "datagrams received")                                                          \
    X(receives, "completions that brought them: a train counts once")                              \
    X(datagrams_out, "datagrams sent")                                                             \
    X(sends, "send requests to the kernel: a train counts once")                                   \
    X(truncated, "datagrams larger than a buffer, refused")                                        \
    X(dropped_socket, "received datagrams the kernel dropped for want of socket buffer")           \
    X(buffers_empty, "times the buffer ring ran dry")                                              \
    X(send_errors, "messages that could not be sent")                                              \
    X(send_full, "messages dropped because the send buffer was full")                              \
    X(icmp_errors, "ICMP errors received")                                                         \
    X(posts, "functions posted by other threads")                                                  \
    X(posts_full, "posts refused because the mailbox was full")                                    \
    X(steered_out, "packets passed to the worker that owns them")                                  \
    X(steered_in, "packets that other workers passed to this one")                                 \
    X(steered_full, "packets dropped because the lane to their owner was full")                    \
    X(connections_now, "connections open now, closing ones included; not a counter")               \
    X(connections_accepted, "connections accepted")                                                \
    X(connections_opened, "connections opened by us")                                              \
    X(messages_in, "messages received over connections")                                           \
    X(messages_out, "messages sent over connections")                                              \
    X(reads, "receive completions of connections: all messages of one read count once")            \
    X(writes, "sends over connections: all messages of a turn for one count once")                 \
    X(bytes_in, "bytes received over connections")                                                 \
    X(bytes_out, "bytes sent over connections")                                                    \
    X(stitched, "messages put together because they straddled reads")                              \
    X(stitched_bytes, "bytes copied for that")                                                     \
    X(writes_short, "sends a connection took only in part")                                        \
    X(reads_stopped, "times a connection was not read because its peer did not read")              \
    X(stream_buffers_empty, "times the buffer ring of connections ran dry")                        \
    X(refused_full, "connections refused: as many as allowed were open")                           \
    X(refused_source, "connections refused: their address had as many as allowed")                 \
    X(accepts_limited, "times accepting paused to keep to its rate")                               \
    X(accept_pauses, "times accepting paused for want of descriptors or memory")                   \
    X(closed_by_peer, "connections closed by the peer")                                            \
    X(closed_reset, "connections lost to a reset or error")                                        \
    X(closed_fault, "connections closed because their stream could not be framed")                 \
    X(closed_first_byte, "connections closed: nothing ever came")                                  \
    X(closed_slow, "connections closed: a message took too long to come")                          \
    X(closed_unsent, "connections closed: the peer did not read its answers")                      \
    X(closed_idle, "connections closed: idle")                                                     \
    X(closed_pong, "connections closed: a ping was not answered")                                  \
    X(closed_memory, "connections closed: what half messages and unsent bytes share was full")     \
    X(pings_in, "keep-alive pings received")                                                       \
    X(pings_out, "keep-alive pings sent")                                                          \
    X(connect_errors, "connections that could not be opened")                                      \
    X(connect_timeouts, "connections that did not open in time")                                   \
    X(connect_full, "connections not opened: as many as allowed were open")                        \
    X(flows_stale, "messages for a connection that was gone")                                      \
    X(diverted, "messages that found their connection gone and left by another")                   \
    X(requests_lost, "requests whose connection was lost after they had left")                     \
    X(aliases, "connections of peers that requests may go back over")

struct zsip_worker_stats {
    size_t struct_bytes;
#define X(name, text) uint64_t name;
    ZSIP_WORKER_STATS_MAP(X)
#undef X
};

/* Statistics of a worker, as zsip_endpoint_stats() gives those of its endpoint. Any thread. */
ZSIP_API void zsip_worker_stats(const struct zsip_worker *worker, struct zsip_worker_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
