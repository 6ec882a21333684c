/* Connections: what the files about them share. Private to this room.
 *
 *   accept.c      listeners: who is let in
 *   connect.c     targets: connections of ours, opened on demand
 *   connection.c  the table, closing, the timers
 *   doubt.c       ends that the kernel did not tell of
 *   stream.c      bytes in: framed in place, stitched where they straddle reads
 *   write.c       bytes out: one send a connection and turn, and what it left over
 *   unsent.c      the queue of what is left over
 *   blocks.c      the memory of half messages and unsent ones
 *   room.c        who gets some of it when it is full
 *   sources.c     how many connections each address has
 */
#ifndef ZSIP_NET_STREAM_H
#define ZSIP_NET_STREAM_H

#include "transport/blocks.h"
#include "transport/sockaddr.h"
#include "transport/sources.h"
#include "transport/transport.h"

#include <liburing.h>

enum {
    STREAM_GROUP = 2, /* of buffers */
    /* Some seventy messages a read: what makes a read cheap for each of them. */
    STREAM_BUFFER_BYTES = 32768,
    STREAM_BUFFERS = 256,
    /* Incremental buffers are filled piece by piece, so a few large ones serve many connections. */
    STREAM_LARGE_BYTES = 256 * 1024,
    STREAM_LARGES = 16,
    /* The kernel goes through all that it is given: at first that is little enough to stay in the
     * cache, and more only while it does not suffice, for so many turns. */
    STREAM_GIVEN_BYTES = 512 * 1024,
    STREAM_CALM_TURNS = 1024,

    PIECES_MAX = 2048,     /* stretches of output in one submission */
    PIECES_A_SEND = 1024,  /* of one connection: what the kernel takes at once (UIO_MAXIOV) */
    STREAM_SENDS = 256,    /* sends in one submission */
    PONGS_A_READ = 64,     /* a peer has one ping out at a time (RFC 5626 section 4.4.1) */
    CONNECTIONS_BITS = 24, /* of a flow; above them the generation */
    /* Connections that are being opened for answers, in all and to one source: who asks and is gone
     * takes nobody's place, and has no ports searched by us. */
    ANSWERING_MAX = 256,
    ANSWERING_A_SOURCE = 16,
};

#define NO_CONNECTION UINT32_MAX
#define NO_TARGET     UINT32_MAX
#define NO_CLIENT     UINT32_MAX
#define NO_PIECE      UINT16_MAX

enum connection_state {
    CONNECTION_FREE,
    CONNECTION_WAITING,    /* to be opened: its target is given a rest */
    CONNECTION_CONNECTING, /* what is to be sent waits in unsent */
    CONNECTION_OPEN,
    CONNECTION_LAST,   /* a last answer leaves; nothing more is taken in */
    CONNECTION_GONE,   /* FIN is sent; what still comes is thrown away until the peer's own */
    CONNECTION_CLOSED, /* its flow is stale; waits for what the kernel still does with it */
};

/* The timers, a queue for each length: one a connection at a time, the most pressing. */
enum stream_timer {
    TIMER_NONE,
    TIMER_CONNECT,
    TIMER_FIRST_BYTE,
    TIMER_MESSAGE,
    TIMER_UNSENT,
    TIMER_IDLE,
    TIMER_PING,   /* idle, and then a ping */
    TIMER_PONG,   /* a ping is out */
    TIMER_HALF,   /* the peer has ended its direction; answers may still be owed */
    TIMER_LINGER, /* GONE */
    TIMER_LATE,   /* another is over, and it may be our fault */
    TIMER_COUNT,
};

struct stream_queue {
    uint32_t head, tail;
    uint64_t length_ns;
};

/* In front of a block of the unsent queue; the bytes follow, and from the end of the block
 * downward a record for each message that begins in it. */
struct unsent {
    struct unsent *next;
    uint32_t bytes; /* of the block */
    uint32_t begin, end;
    uint32_t record_count, record_left; /* records from record_left on have not left wholly */
};

struct unsent_record {
    uint64_t client;
    uint32_t end;  /* offset behind the message */
    uint16_t port; /* of an answer: where another connection leads that it may leave by; 0: none */
    uint8_t tries; /* connections it was meant for before this one */
    bool begun;    /* some of its bytes left already */
};

struct connection {
    struct zsip_path path; /* as its packets show it */
    int fd;
    uint32_t generation;
    uint8_t state; /* enum connection_state */
    uint8_t timer; /* enum stream_timer */
    uint8_t late;  /* the one that TIMER_LATE stands for */
    bool accepted;
    bool counted; /* as one of its source's: accepted, or opened for an answer to it */
    bool lone;    /* ours, for one request */
    bool over;    /* which was answered */
    bool armed;   /* a receive is under way */
    bool sending; /* a send from unsent is under way */
    bool connecting;
    bool stopped;       /* nothing is read: the peer does not read either */
    bool listed;        /* in the list of those to be armed */
    bool settling;      /* in the list of those that may be over */
    bool ended;         /* the peer ended its direction */
    bool fixed;         /* registered as a file */
    bool silent;        /* nothing was received yet */
    bool aborted;       /* reset by us */
    bool doubted;       /* in the list of those that will be looked at */
    uint32_t last_turn; /* LAST: the one whose answers still leave */
    int32_t owed;       /* requests taken in less those answered for good */
    int32_t asked;      /* requests sent less those answered for good */

    uint32_t timer_next, timer_prev;
    uint64_t timer_ns; /* since when it runs */
    uint64_t active_ns;
    uint64_t retry_ns; /* WAITING: until then */
    uint64_t doubt_ns;
    uint32_t doubt_next, doubt_prev;

    _Alignas(8) uint8_t framer[ZSIP_NET_FRAMER_BYTES];
    uint8_t *stitch; /* the message that is not whole yet; NULL: none */
    uint32_t stitch_bytes, stitch_capacity;

    struct unsent *unsent_first, *unsent_last;
    uint32_t unsent_bytes;

    uint64_t send_epoch; /* of the submission that has a send of it */
    uint16_t piece_first, piece_last, piece_count;
    bool touched; /* in the list of those with pieces */

    uint32_t client_first; /* requests sent by it whose end is not known */
    uint32_t target;       /* NO_TARGET: accepted */
    uint32_t target_next, target_prev;
    uint32_t list_next; /* arming, or free */
    uint32_t settle_next;
};

/* A stretch of output for one connection, of whole messages that follow each other. */
struct piece {
    const struct zsip_output *first; /* NULL: bytes of our own */
    const uint8_t *data;
    uint32_t bytes;
    uint16_t count;
    uint16_t next;
};

struct stream_send {
    uint32_t connection;
    uint32_t bytes;
    uint16_t piece_first;
    uint16_t pieces;
    struct msghdr message;
};

/* A request of the application's that left by a connection: if that is lost, it fails. */
struct client_entry {
    uint64_t client;     /* 0: none */
    uint32_t connection; /* NO_CONNECTION: lost */
    uint32_t next, prev;
    bool refused;
};

struct target {
    struct zsip_path path;
    uint32_t connections, opening;
    uint32_t turn; /* whose it is next */
    uint32_t next; /* in the bucket, or free */
    uint32_t failures;
    uint64_t retry_ns; /* not before */
};

struct stream_listener {
    uint32_t armed;   /* accepts under way */
    uint64_t rest_ns; /* not before */
};

struct streams {
    struct zsip_stream_config config;
    struct connection *connections;
    uint32_t connection_free, connection_fresh, connection_count;
    struct stream_queue queues[TIMER_COUNT];
    uint32_t waiting; /* WAITING connections, by their time */
    uint32_t arming;  /* to be armed */
    uint32_t settling;
    uint32_t doubt_first, doubt_last;
    uint32_t released; /* done with in this turn: free after recycle */
    struct blocks blocks;
    void *spent[ZSIP_NET_PACKETS_MAX]; /* blocks that packets of this turn stand in */
    uint32_t spent_count;
    struct sources sources;

    struct io_uring_buf_ring *ring;
    uint8_t *buffers;
    void *buffer_memory;
    size_t buffer_memory_bytes;
    uint32_t buffer_count, buffer_bytes;
    bool incremental;
    uint32_t *filled; /* incremental: how far each buffer is */
    uint16_t *used;
    uint32_t used_count;
    uint32_t spare_count; /* at the end of used: not given to the kernel at present */
    uint32_t spare_max;
    uint32_t calm_turns; /* since it wanted more */
    bool dry;            /* it wanted more in this turn */
    uint32_t resume;     /* bytes of the next completion that are dealt with */

    struct piece pieces[PIECES_MAX];
    uint32_t piece_count;
    struct iovec vectors[PIECES_MAX];
    uint32_t vector_count;
    struct stream_send sends[STREAM_SENDS];
    uint32_t send_count;
    uint64_t epoch;
    uint32_t touched[STREAM_SENDS];
    uint32_t touched_count;
    bool gathering;
    const struct zsip_path *last_path;
    struct connection *last;

    struct client_entry *clients;
    uint32_t client_mask;
    uint32_t orphans; /* requests whose connection is lost, to be told */

    struct target *targets;
    uint32_t target_free, target_fresh, target_hand;
    uint32_t *target_buckets;
    uint32_t target_mask;
    uint64_t answering[ANSWERING_MAX]; /* flows; some stand by now, or are gone */
    uint32_t answering_count;
    uint64_t random;

    uint64_t now_ns;
    uint32_t turn;
    uint64_t accept_ns; /* when the accepted connections are paid for, at accept_rate */
    uint64_t trim_ns;
};

static inline uint64_t connection_flow(const struct streams *streams, const struct connection *c)
{
    return 1ull << 63 | (uint64_t)c->generation << CONNECTIONS_BITS |
           (uint64_t)(c - streams->connections);
}

/* Whether it can be sent by, and is the one that flow names. */
static inline bool zsip_connection_live(const struct connection *c, uint64_t flow)
{
    return c->state != CONNECTION_FREE && c->state < CONNECTION_GONE && c->path.flow == flow;
}

struct zsip_net;

/* connection.c */

/* Sets streams up as the net's configuration says. ERROR_MEMORY, ERROR_SYSTEM, ERROR_ARGUMENT. */
enum zsip_status zsip_streams_create(struct zsip_net *net, char *error, size_t error_bytes);
void zsip_streams_destroy(struct zsip_net *net);
/* The table of registered files is new: puts those in that are open. */
void zsip_streams_register(struct zsip_net *net);

/* A connection that is nobody's yet; NULL: there are none left. */
struct connection *zsip_connection_take(struct zsip_net *net);
/* The one a flow names; NULL: it is gone. */
struct connection *zsip_connection_of(struct zsip_net *net, uint64_t flow);
/* Whether a flow names one that we reset in this turn: nothing is owed to it. */
bool zsip_connection_aborted(const struct zsip_net *net, uint64_t flow);
/* The socket is there: options, receive, timer. */
void zsip_connection_begin(struct zsip_net *net, struct connection *c, int fd);

enum closing {
    CLOSING_ABORT = 1,   /* by RST: the peer gets nothing of what still waits */
    CLOSING_FAIL = 2,    /* what has not left fails, instead of leaving by another one */
    CLOSING_REFUSED = 4, /* and did so because the peer's machine said no */
};
void zsip_connection_close(struct zsip_net *net, struct connection *c, unsigned closing);
/* Something the kernel did with it ended. */
void zsip_connection_finish(struct zsip_net *net, struct connection *c);
/* Looks at it once this turn's output has left: it may be over. */
void zsip_connection_settle(struct zsip_net *net, struct connection *c);
/* A wait: before its completions are taken, and after. */
void zsip_streams_begin(struct zsip_net *net);
void zsip_streams_end(struct zsip_net *net);
/* Has its receive armed with the next wait. */
void zsip_connection_list(struct zsip_net *net, struct connection *c);
/* Aims an entry at its socket. */
void zsip_connection_target(struct zsip_net *net, struct io_uring_sqe *sqe,
                            const struct connection *c);

/* Sets the timer that its state asks for; one that runs for the same reason runs on. */
void zsip_connection_retime(struct zsip_net *net, struct connection *c);
void zsip_connection_timer(struct zsip_net *net, struct connection *c, enum stream_timer timer);
uint64_t zsip_streams_deadline(const struct zsip_net *net);

/* accept.c */

void zsip_accept_arm(struct zsip_net *net, unsigned socket);
void zsip_accept_take(struct zsip_net *net, const struct io_uring_cqe *cqe);

/* doubt.c */

/* Bytes came, and with them perhaps an end that nobody is told of. */
void zsip_doubt_begin(struct zsip_net *net, struct connection *c);
void zsip_doubt_end(struct zsip_net *net, struct connection *c);
/* Looks at those that have been silent since. */
void zsip_doubts_expire(struct zsip_net *net);
uint64_t zsip_doubts_deadline(const struct streams *streams);

/* stream.c */

void zsip_streams_arm(struct zsip_net *net);
/* As zsip_receive_take(). */
bool zsip_stream_take(struct zsip_net *net, const struct io_uring_cqe *cqe);
void zsip_streams_recycle(struct zsip_net *net);
enum zsip_status zsip_streams_buffers(struct zsip_net *net, char *error, size_t error_bytes);

/* write.c */

/* Puts an output to those of its connection, and of the most from it on those that go with it;
 * leave sends them. Returns how many it dealt with. */
size_t zsip_stream_put(struct zsip_net *net, const struct zsip_output *output, size_t most);
void zsip_streams_leave(struct zsip_net *net);
/* One send did not do all it should. */
void zsip_stream_short(struct zsip_net *net, uint64_t data, int result);
/* Everything queued was submitted and looked at. */
void zsip_streams_sent(struct zsip_net *net);
/* Sends bytes of our own, which live for ever. */
void zsip_stream_say(struct zsip_net *net, struct connection *c, const char *bytes, uint32_t count);

/* unsent.c */

/* false: over a bound. begun: the rest of a message. */
bool zsip_unsent_append(struct zsip_net *net, struct connection *c, const uint8_t *data,
                        uint32_t bytes, const struct unsent_record *record);
/* Whether it may be begun: not while a send is out that may fall short. */
bool zsip_unsent_ready(const struct zsip_net *net, const struct connection *c);
/* Sends the next of it. */
void zsip_unsent_send(struct zsip_net *net, struct connection *c);
void zsip_unsent_take(struct zsip_net *net, const struct io_uring_cqe *cqe);
/* Gives what never began to leave to another connection, unless it shall fail (enum closing). */
void zsip_unsent_lost(struct zsip_net *net, struct connection *c, unsigned closing);
void zsip_unsent_free(struct zsip_net *net, struct connection *c);

/* Those of its blocks that the kernel has not in hand go back at once. */
void zsip_unsent_drop(struct zsip_net *net, struct connection *c);

/* room.c */

/* A block for a connection, which may cost others theirs, and these their connections. NULL: there
 * is none, or above 1 MiB. */
void *zsip_room_take(struct zsip_net *net, const struct connection *c, size_t bytes,
                     uint32_t *taken_bytes);

/* clients.c */

void zsip_client_track(struct zsip_net *net, struct connection *c, uint64_t client);
void zsip_client_forget(struct zsip_net *net, uint64_t client);
/* All of a connection's are lost. */
void zsip_clients_lose(struct zsip_net *net, struct connection *c, bool refused);
void zsip_clients_tell(struct zsip_net *net);

/* connect.c */

/* A connection to where path leads, one that is there or a new one. answer: for an answer whose
 * own is gone; those are few at a time, and count as their source's. NULL: none can be had. */
struct connection *zsip_connect(struct zsip_net *net, const struct zsip_path *path, bool answer);
/* One that waits for its time is closed. */
void zsip_connect_unwait(struct zsip_net *net, struct connection *c);
void zsip_connect_take(struct zsip_net *net, const struct io_uring_cqe *cqe);
/* WAITING connections whose time has come; and the time of the next. */
void zsip_connect_expire(struct zsip_net *net);
void zsip_connect_failed(struct zsip_net *net, struct connection *c, int cause);
/* The request of a connection of its own was answered. */
void zsip_connect_over(struct zsip_net *net, struct connection *c);
/* A connection leaves its target. */
void zsip_target_leave(struct zsip_net *net, struct connection *c);

#endif
