/* What the files of this room share with each other and with nobody else. */
#ifndef ZSIP_NET_INTERNAL_H
#define ZSIP_NET_INTERNAL_H

#include "transport/stream.h"

enum {
    /* Submission entries: sends of a turn beyond it cost one more syscall. More would only walk
     * through more cache. */
    SUBMISSIONS = 256,
    /* Outputs of queued sends; a train has many to one submission. */
    MEMBERS_MAX = 1024,
    /* Outputs that are looked at together for what goes to the same peer. */
    CHUNK = 256,
    TRAIN_TABLE = 512, /* twice CHUNK, so that probing ends soon */

    /* In front of the payload of a multishot receive: struct io_uring_recvmsg_out, the name, and
     * control messages for the destination address (40), the segment size (24) and the time (32),
     * with some to spare. The name's size keeps the control messages aligned. */
    NAME_BYTES = 32,
    CONTROL_BYTES = 112,
    HEADER_BYTES = 16 + NAME_BYTES + CONTROL_BYTES,
    /* The largest datagram, and so the largest train: RFC 3261 section 18.1.1 wants every datagram
     * up to this taken. What is not filled is never touched. */
    PAYLOAD_BYTES = 65535,
    /* An odd number of cache lines, so that the headers of all buffers don't share one set. */
    BUFFER_BYTES = (HEADER_BYTES + PAYLOAD_BYTES + 63) / 64 * 64 | 64,
    BUFFER_GROUP = 1,

    FAILED_MAX = 1024, /* more requests that fail in one turn are left to their timers */
    /* ICMP errors told in a turn, and read: what lies between is counted and left to the timers. A
     * flood of them may not starve what else waits, and lies in the receive buffer until read. */
    ERRORS_MAX = 64,
    ERRORS_READ_MAX = 512,
    QUOTED_BYTES = 576, /* what a router quotes at most */
    ONESHOTS = 8,       /* receives in flight a socket where the kernel has no multishot */
    NO_TRAIN_TABLE = 64,
    FILES_SOCKETS = 16, /* registered files for sockets, or for more if there are more by then */
};

_Static_assert(sizeof(struct io_uring_recvmsg_out) == 16, "HEADER_BYTES counts on it");
_Static_assert((BUFFER_BYTES / 64) % 2 == 1, "see BUFFER_BYTES");

/* What a completion is for, in the top byte of its user data. Below: socket << 8 | slot, or for
 * sends epoch << 16 | slot. */
enum completion {
    COMPLETION_NONE,
    COMPLETION_RECEIVE,
    COMPLETION_ONESHOT,
    COMPLETION_SEND,
    COMPLETION_WAKE,
    COMPLETION_SIGNAL, /* a bell that did not ring; below: whose */
    /* Below: the listening socket, the connection, or epoch << 16 | send. */
    COMPLETION_ACCEPT,
    COMPLETION_STREAM,
    COMPLETION_STREAM_SEND,
    COMPLETION_UNSENT,
    COMPLETION_CONNECT,
};

#define USER_DATA(kind, rest) ((uint64_t)(kind) << 56 | (uint64_t)(rest))
#define USER_DATA_KIND(data)  ((enum completion)((data) >> 56))
#define USER_DATA_REST(data)  ((data) & (UINT64_MAX >> 8))

/* A single receive under way, where multishot is missing or not wanted. */
struct oneshot {
    struct msghdr message;
    struct iovec payload;
    union zsip_sockaddr name;
    _Alignas(8) uint8_t control[CONTROL_BYTES];
    bool armed;
};

struct udp_socket {
    struct zsip_address local;
    int fd;
    bool listener;       /* of streams: then the rest is not used but wildcard */
    uint32_t flow;       /* index + 1 */
    uint32_t drops;      /* the kernel's counter when last looked at */
    uint32_t failures;   /* receives in a row that ended with an error */
    uint64_t rearm_ns;   /* not to be armed before */
    bool wildcard;       /* the address asked at is told with each datagram */
    bool trains;         /* UDP_SEGMENT is there */
    bool armed;          /* the multishot receive */
    bool starved;        /* stopped for want of buffers */
    bool errors_waiting; /* something is in the error queue */
    struct msghdr receive;
    struct oneshot oneshots[ONESHOTS];
};

/* A queued send: one datagram, or a train of them. */
struct send_slot {
    struct msghdr message;
    union zsip_sockaddr name;
    _Alignas(8) uint8_t control[CONTROL_BYTES];
    struct udp_socket *socket;
    uint32_t first; /* of members and vectors */
    uint32_t count;
};

/* A train while it is being put together: indices into the chunk, linked. */
struct train {
    const struct zsip_path *path;
    struct udp_socket *socket;
    uint32_t hash;
    uint32_t bytes_max; /* of its members */
    uint32_t bytes;     /* of all, as if padded */
    uint16_t head, tail, count;
    bool equal;    /* all as long as the longest */
    bool paddable; /* all have a place to pad */
    bool closed;   /* a shorter last one is in, or it is a lone one for ever */
};

struct zsip_net {
    struct io_uring ring;
    struct zsip_net_config config;
    struct zsip_net_stats stats;
    struct zsip_net_batch batch;
    int owner; /* thread id, once enabled */
    bool enabled, paused, multishot, files, woken;
    unsigned said; /* one bit a log line that is said once */
    int wake_fd;
    bool wake_armed;
    unsigned reaped; /* completions up to here were searched for failed sends */
    uint64_t drops_ns;
    uint64_t idle_from_ns; /* when this wait found nothing to do; 0: it found something */
    uint64_t utc_ahead_ns; /* the clock of arrivals less the monotonic one, this turn */

    /* Receive buffers. */
    struct io_uring_buf_ring *buffer_ring;
    uint8_t *buffers;
    void *buffer_memory;
    size_t buffer_memory_bytes;
    uint16_t *used; /* buffers of this batch */
    uint32_t used_count;

    uint32_t socket_count;
    uint32_t file_sockets; /* registered files: so many of sockets, then those of connections */
    uint32_t file_count;   /* of both */
    struct streams *streams;

    /* The batch. */
    struct zsip_packet packets[ZSIP_NET_PACKETS_MAX];
    struct zsip_path paths[ZSIP_NET_PACKETS_MAX];
    uint32_t path_count;
    struct zsip_net_error errors[ERRORS_MAX + 1];
    uint8_t quoted[ERRORS_MAX + 1][QUOTED_BYTES]; /* the last for what is not told */

    /* Sends. Failures are collected in one array while the other belongs to the batch. */
    struct zsip_net_failure failed[2][FAILED_MAX];
    uint32_t failed_count, failed_turn;
    uint32_t slot_count, member_count;
    uint32_t epoch;         /* of slots: a late completion must not name a newer send */
    uint32_t datagrams_bad; /* of those queued */
    struct send_slot slots[SUBMISSIONS];
    struct iovec vectors[MEMBERS_MAX];
    const struct zsip_output *members[MEMBERS_MAX];
    struct train trains[CHUNK];
    uint16_t train_next[CHUNK];
    uint64_t train_table[TRAIN_TABLE]; /* mark of the chunk << 32 | train */
    uint32_t train_count, train_mark;
    uint32_t train_max;                            /* datagrams in one */
    struct zsip_address no_trains[NO_TRAIN_TABLE]; /* peers that trains can't reach; port 0 */

    /* Last, and cleared one by one as they are opened: most of it is never touched. */
    struct udp_socket sockets[ZSIP_NET_SOCKETS_MAX];
    struct stream_listener listeners[ZSIP_NET_SOCKETS_MAX]; /* beside the sockets that are some */
};

/* Counters are written by one thread and read by others, hence the relaxed store. */
#define COUNT(net, name, by)                                                                       \
    __atomic_store_n(&(net)->stats.name, (net)->stats.name + (by), __ATOMIC_RELAXED)

/* ring.c */

/* An entry of the submission queue; sends what is queued if it is full. NULL: the ring is broken.
 */
struct io_uring_sqe *zsip_ring_entry(struct zsip_net *net);
/* Aims an entry at a socket, by registered file where there is one. */
void zsip_ring_target(struct zsip_net *net, struct io_uring_sqe *sqe,
                      const struct udp_socket *socket);
/* One line for a person. */
__attribute__((format(printf, 2, 3))) void zsip_net_say(struct zsip_net *net, const char *format,
                                                        ...);
/* The same, once for each bit. */
enum said {
    SAID_RCVBUF = 1,
    SAID_SNDBUF = 2,
    SAID_GRO = 4,
    SAID_GSO = 8,
    SAID_DEFER = 16,
    SAID_MULTISHOT = 32,
    SAID_ERRORS = 64,
    SAID_ACCEPT = 128,
    SAID_FILES = 256,
    SAID_CONNECT = 512,
};
bool zsip_net_first(struct zsip_net *net, enum said said);
/* A request could not be sent: told with the next batch. 0 is nobody's. */
void zsip_net_fail(struct zsip_net *net, uint64_t client, bool refused);

/* receive.c */

/* Arms the receives of a socket that can be armed. */
void zsip_receive_arm(struct zsip_net *net, struct udp_socket *socket, uint64_t now_ns);
/* Takes one completion into the batch; false if there is no room, and then nothing has changed. */
bool zsip_receive_take(struct zsip_net *net, const struct io_uring_cqe *cqe);

/* train.c */

/* Whether this kernel takes trains of ZSIP_NET_TRAIN_LONG. */
bool zsip_train_probe(void);

/* errors.c */

/* Reads error queues into the batch, as far as there is room. */
void zsip_errors_drain(struct zsip_net *net);

/* send.c */

/* Looks through the completions that came since the last look for sends that failed, and frees the
 * slots. Everything queued must have been submitted. */
void zsip_send_reap(struct zsip_net *net);

#endif
