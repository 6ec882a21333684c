/* zsip: the endpoint. What a SIP element does, without any I/O: packets and time in, packets and
 * the next deadline out. Parser, transactions, UAS and UAC in one object.
 *
 * An endpoint belongs to one thread at a time. It makes no syscall, reads no clock, knows no
 * socket, and allocates nothing after zsip_endpoint_create(). A turn of the caller's loop:
 *
 *     while (count > 0) {                                     packets of one wake-up, 512 at most
 *         status = zsip_endpoint_receive(endpoint, packets, count, now, &used);
 *         outputs = zsip_endpoint_output(endpoint, &output_count);
 *         ... send them ...
 *         zsip_endpoint_output_done(endpoint);
 *         packets += used, count -= used;                     ZSIP_MORE: the output was full
 *     }
 *     zsip_endpoint_expire(endpoint, now);                    and again send what it wrote
 *     ... sleep until zsip_endpoint_deadline(endpoint) or the next packet ...
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_ENDPOINT_H
#define ZSIP_ENDPOINT_H

#include "zsip/base.h"
#include "zsip/parser.h"

#ifdef __cplusplus
extern "C" {
#endif

struct zsip_endpoint;

/* ---- What arrives ---------------------------------------------------------------------------- */

/* A request as the application sees it. Everything in it lives until the callback returns. */
struct zsip_incoming {
    const struct zsip_msg *msg;
    const struct zsip_path *path;
    struct zsip_time now;
    /* Names this request in zsip_endpoint_respond() and _hold() until the callback returns. */
    uint64_t handle;
    /* When the content ends to be valid: Date + Expires, or receipt + Expires (RFC 3428 section
     * 7); INT64_MAX if never. */
    int64_t expires_utc_s;
    bool expired;   /* that moment has passed: local policy decides, zsip only tells */
    bool in_dialog; /* To has a tag; seen only with in_dialog_accept */
};

/* What became of a request we sent. Lives until the callback returns. */
struct zsip_outcome {
    uint64_t client; /* what zsip_endpoint_send() gave */
    uint64_t cookie; /* the caller's own, from struct zsip_send */
    /* OK: msg is the response. ERROR_TIMEOUT: Timer F (counts as 408, RFC 3261 section 8.1.3.1).
     * ERROR_UNREACHABLE: transport failure (counts as 503). */
    enum zsip_status status;
    uint16_t code;                /* the response's, else 408 or 503 */
    uint8_t sends;                /* how many times the request left, the first time included */
    bool final;                   /* nothing more comes for this client */
    const struct zsip_msg *msg;   /* NULL without a response */
    const struct zsip_path *path; /* NULL without a response */
    struct zsip_time now;
};

/* Callbacks; each may be NULL. They run inside the call that caused them, on its thread, and may
 * call respond, hold and send; not receive, expire, output_done or destroy. */
struct zsip_callbacks {
    /* Stands before all other checks of a request (RFC 3261 section 8.2 begins with it), for new
     * requests only, never for ACK and CANCEL. Return true to go on; false if the request was
     * answered (401) or is to be dropped without a trace. */
    bool (*authenticate)(void *user, struct zsip_endpoint *endpoint,
                         const struct zsip_incoming *incoming);
    /* A new request that passed every check. Answer it with zsip_endpoint_respond(), or keep it
     * with zsip_endpoint_hold(); a request that is neither is answered 500. Called once for each
     * request however often it is retransmitted. NULL: MESSAGE and the like are answered 200. */
    void (*request)(void *user, struct zsip_endpoint *endpoint,
                    const struct zsip_incoming *incoming);
    /* A held request ended unanswered, 64*T1 after it came (RFC 4320 section 4.2: nothing is
     * sent). Its handle is stale now. */
    void (*abandoned)(void *user, struct zsip_endpoint *endpoint, uint64_t handle);
    /* A response, a timeout or a transport failure for a request we sent. */
    void (*outcome)(void *user, struct zsip_endpoint *endpoint, const struct zsip_outcome *outcome);
    /* Writes the request of zsip_endpoint_send_built() into out: called for the first send and for
     * every retransmission, so the same cookie and branch must give the same bytes. branch is the
     * whole parameter value. Returns the bytes written, 0 if it does not fit. *pad_at may be set as
     * in struct zsip_output. */
    size_t (*build)(void *user, uint64_t cookie, struct zsip_view branch, uint8_t *out,
                    size_t capacity, uint32_t *pad_at);
    /* Whether sent_by, of the Via of a response, is one that build wrote: for requests that leave
     * from several addresses. Asked where it is not the sent-by of the configuration. NULL: then
     * the response is not for us (RFC 3261 section 18.1.2). */
    bool (*sent_by_ours)(void *user, struct zsip_endpoint *endpoint, struct zsip_view sent_by);
    void (*reserved[7])(void); /* NULL */
};

/* ---- Configuration --------------------------------------------------------------------------- */

enum zsip_in_dialog {
    ZSIP_IN_DIALOG_481 = 0,    /* a To tag without a dialog: 481 (RFC 3261 section 12.2.2) */
    ZSIP_IN_DIALOG_ACCEPT = 1, /* the application sees it */
};

enum zsip_merged {
    ZSIP_MERGED_482 = 0, /* RFC 3261 section 8.2.2.2 */
    ZSIP_MERGED_ACCEPT = 1,
};

/* Fill with zsip_endpoint_config_init(), then change what you want otherwise. Views are copied. */
struct zsip_endpoint_config {
    size_t struct_bytes;
    const struct zsip_memory *memory; /* NULL: the library's own */
    struct zsip_callbacks callbacks;
    void *user; /* first argument of every callback */

    uint64_t t1_ns; /* 500 ms; RFC 3261 section 17.1.1.1 */
    uint64_t t2_ns; /* 4 s */
    uint64_t t4_ns; /* 5 s */

    /* Completed server transactions kept for Timer J, 24 bytes each and their index. The default,
     * 40 million, is a million a second for 32 s and a quarter; what is not used costs address
     * space only. */
    uint32_t completed_max;
    uint32_t pending_max;            /* requests held by the application; 16,384 */
    uint32_t pending_bytes_max;      /* of one such request's Via..CSeq copied; 4,096 */
    uint32_t clients_max;            /* requests of ours under way or waiting; 16,384 */
    uint32_t client_bytes_max;       /* of one such request, unless it is built anew; 1,536 */
    uint32_t client_large_max;       /* requests under way that are larger, up to 65,535; 16 */
    uint32_t waiting_per_target_max; /* behind a pending MESSAGE to the same URI; 64 */
    size_t log_bytes_max;            /* answers that can't be regenerated; 64 MiB */
    size_t output_bytes;             /* room for one turn's output; 1 MiB, at least 160 KiB */

    uint8_t seed[32]; /* secrets grow from it: random, or one run can be foreseen */
    uint16_t node;    /* of several hosts that share an address; in the branch */
    uint8_t worker;   /* in the branch: responses find their worker by it */

    /* Via sent-by of our requests, "host" or "host:port" (RFC 3261 section 18.1.1). "": a worker
     * puts the address of its first socket there, an endpoint alone "localhost". */
    struct zsip_view sent_by;
    /* Methods answered, as the value of Allow. Default "MESSAGE, OPTIONS". CANCEL and ACK are
     * understood always and added to Allow (RFC 3261 section 20.5). */
    struct zsip_view methods;
    bool methods_any; /* every method but INVITE and ACK reaches the application */
    /* Body types taken, as the value of Accept. Default "": every type. */
    struct zsip_view accept;
    struct zsip_view server; /* Server, and User-Agent of our requests; "": none */
    enum zsip_in_dialog in_dialog;
    enum zsip_merged merged;
    /* Send responses to the maddr of a Via (RFC 3261 section 18.2.2). Off: anyone could aim our
     * answers at a third party by it. */
    bool maddr;
    /* Overload: a new request that waited longer than this before it got here is not begun, so that
     * the work goes to requests whose sender still waits; copies are absorbed as ever. 0: no such
     * rule. Needs struct zsip_packet.arrived_ns. What was dropped silently is remembered for some
     * seconds (4 MiB, touched once something is dropped): its copies are late already, and are
     * begun only if they waited less than an eighth of this. */
    uint64_t age_max_ns;
    bool aged_refused;      /* answer them 503, recorded; else they are dropped silently */
    uint32_t retry_after_s; /* in a 503 for a full pool; 0: none (RFC 3261 section 21.5.4) */
    /* Requests too large for UDP go over TCP, Via and all (RFC 3261 section 18.1.1): larger than
     * 1300 bytes, or than the path MTU - 200 where that is known. They go as struct zsip_output to
     * a path of TCP, its flow 0; where the connection is refused, say so by
     * zsip_endpoint_send_refused(), and they go once more over UDP. false: there is no TCP here,
     * such requests are refused, unless vouched for. A worker sets it. */
    bool tcp;
    /* What is too large for UDP goes over UDP all the same: for tests of what then happens. */
    bool udp_oversize;
    uint16_t reserved_too;
    uint32_t path_mtu; /* in bytes, of every path that requests take; 0: not known */
    /* This structure is a member of others: new options take their room from here. */
    uint64_t reserved[15];
};

/* Sets the defaults, in a structure of struct_bytes bytes. zsip_endpoint_config_init() says how
 * many the caller was compiled with. */
ZSIP_API void zsip_endpoint_config_init_sized(struct zsip_endpoint_config *config,
                                              size_t struct_bytes);
static inline void zsip_endpoint_config_init(struct zsip_endpoint_config *config)
{
    zsip_endpoint_config_init_sized(config, sizeof(*config));
}

/* Makes an endpoint. All memory it will ever use is taken here. ERROR_ARGUMENT: a value out of
 * range, or seed all zero. ERROR_UNSUPPORTED: an option that this library does not know.
 * ERROR_MEMORY. On failure *endpoint becomes NULL and nothing is left behind. */
ZSIP_API enum zsip_status zsip_endpoint_create(const struct zsip_endpoint_config *config,
                                               struct zsip_endpoint **endpoint);
/* Ends an endpoint: nothing is called back, held requests and those under way end silently, every
 * handle is void. Not from a callback (asserted). NULL is allowed. */
ZSIP_API void zsip_endpoint_destroy(struct zsip_endpoint *endpoint);

/* Replaces sent_by, for an address that is known only once a socket is bound. At most 270 bytes. */
ZSIP_API enum zsip_status zsip_endpoint_sent_by(struct zsip_endpoint *endpoint,
                                                struct zsip_view sent_by);

/* ---- A turn ---------------------------------------------------------------------------------- */

/* At most this many packets a call. */
#define ZSIP_RECEIVE_MAX 512u

/* Takes packets in: parses, matches to transactions, answers, calls back. *used packets were dealt
 * with; less than count only with ZSIP_MORE, when the output is full: take it, and call again with
 * the rest. ERROR_ARGUMENT: more than ZSIP_RECEIVE_MAX. ERROR_STATE: from a callback. In both cases
 * nothing happened, and *used is 0. */
ZSIP_API enum zsip_status zsip_endpoint_receive(struct zsip_endpoint *endpoint,
                                                const struct zsip_packet *packets, size_t count,
                                                struct zsip_time now, size_t *used);

/* Runs timers that are due, a bounded number a call; ZSIP_MORE: more are due (or the output is
 * full): take the output, and call again before sleeping. ERROR_STATE: from a callback; nothing
 * happened. */
ZSIP_API enum zsip_status zsip_endpoint_expire(struct zsip_endpoint *endpoint,
                                               struct zsip_time now);

/* When expire wants to be called next, on the monotonic clock; ZSIP_NEVER_NS: only packets
 * matter. */
ZSIP_API uint64_t zsip_endpoint_deadline(const struct zsip_endpoint *endpoint);

/* What was written since the last zsip_endpoint_output_done(), in order. Valid until then; _done()
 * is not for callbacks (asserted). */
ZSIP_API const struct zsip_output *zsip_endpoint_output(struct zsip_endpoint *endpoint,
                                                        size_t *count);
ZSIP_API void zsip_endpoint_output_done(struct zsip_endpoint *endpoint);

/* A request could not be sent, or an ICMP error came for it (RFC 3261 sections 17.1.4, 18.4). */
ZSIP_API void zsip_endpoint_send_failed(struct zsip_endpoint *endpoint, uint64_t client,
                                        struct zsip_time now);

/* A request could not be sent, and nothing of it left, since a connection was refused: reset while
 * it was made, or the protocol unreachable. A request that went over TCP for its size alone then
 * goes once more over UDP, in a transaction of its own, if it fits a datagram (RFC 3261
 * section 18.1.1). */
ZSIP_API void zsip_endpoint_send_refused(struct zsip_endpoint *endpoint, uint64_t client,
                                         struct zsip_time now);

/* A request could not be sent, of which only the first bytes are known, as an ICMP error quotes
 * them: if they hold one of our pending requests up to its branch, that transaction fails, and with
 * it those that were last sent in the same turn by the same path. */
ZSIP_API void zsip_endpoint_send_failed_quoted(struct zsip_endpoint *endpoint,
                                               struct zsip_view quoted, struct zsip_time now);

/* An ICMP error told that no more than mtu bytes, with all headers, reach this host in one piece
 * (RFC 1191, RFC 8201). For ten minutes requests that are larger than that less 200 go over TCP, as
 * with a path_mtu (RFC 3261 section 18.1.1); the port is not regarded. 64 hosts are remembered, a
 * newer one in the place of an older. */
ZSIP_API void zsip_endpoint_path_mtu(struct zsip_endpoint *endpoint,
                                     const struct zsip_address *remote, uint32_t mtu,
                                     struct zsip_time now);

/* ---- Server side ----------------------------------------------------------------------------- */

struct zsip_response {
    size_t struct_bytes;
    uint16_t status;               /* 100, 200..699 */
    struct zsip_view reason;       /* none: the standard phrase */
    struct zsip_view headers;      /* complete lines, each with its CRLF; none of what zsip writes
                                      itself (Via, From, To, Call-ID, CSeq, Content-Length) */
    struct zsip_view content_type; /* with a body */
    struct zsip_view body;
};

/* Answers a request, in its callback by incoming->handle or later by what hold gave.
 * ERROR_STALE: the handle is no longer valid (answered, or ended after 64*T1). ERROR_ARGUMENT: a
 * status, header or body that may not stand there (RFC 3428 section 7: no body and no Contact in a
 * 2xx to MESSAGE; RFC 4320: no provisional but 100, no 408). ERROR_FULL: in the callback, no room
 * in the store, and 503 was sent in its place; later, no room in the output (take it, try again) or
 * in the log (answer with the status alone, for which there always is room). ERROR_TOO_LARGE: over
 * 8 KiB of headers and body over UDP's limits. */
ZSIP_API enum zsip_status zsip_endpoint_respond(struct zsip_endpoint *endpoint, uint64_t handle,
                                                const struct zsip_response *response,
                                                struct zsip_time now);

/* Keeps the request of the running callback for a later answer: copies what the response repeats.
 * ERROR_TOO_LARGE: over pending_bytes_max, answer now (else 513). ERROR_FULL: pending_max reached
 * (else 503). */
ZSIP_API enum zsip_status zsip_endpoint_hold(struct zsip_endpoint *endpoint, uint64_t handle,
                                             uint64_t *held);

/* ---- Client side ----------------------------------------------------------------------------- */

enum zsip_send_flag {
    /* The caller knows that no hop is congestion-unsafe: lifts the 1300-byte limit (RFC 3428
     * section 8). */
    ZSIP_SEND_VOUCHED = 1,
    /* Breaks, knowingly, the rule of one pending MESSAGE per target URI (RFC 3428 section 8). */
    ZSIP_SEND_OVERLAP = 2,
};

/* The largest MESSAGE request without ZSIP_SEND_VOUCHED, whatever the transport. */
#define ZSIP_MESSAGE_BYTES_MAX 1300u

struct zsip_send {
    size_t struct_bytes;
    struct zsip_view method;       /* none: MESSAGE */
    struct zsip_view target;       /* the Request-URI */
    struct zsip_view from;         /* URI or name-addr, without a tag */
    struct zsip_view to;           /* none: the target */
    struct zsip_view route;        /* value of a preloaded Route; none: no Route */
    struct zsip_view headers;      /* extra lines, each with its CRLF */
    struct zsip_view content_type; /* with a body; none: text/plain */
    struct zsip_view body;
    int64_t expires_s;     /* < 0: no Expires; > 0: Date is added too (RFC 3428 section 4) */
    uint32_t flags;        /* enum zsip_send_flag */
    struct zsip_path path; /* transport and remote; the rest as struct zsip_path says */
    uint64_t cookie;       /* comes back in struct zsip_outcome */
    uint32_t path_mtu;     /* in bytes, of the path to remote; 0: as configured */
    uint32_t reserved;     /* 0 */
};

/* Sets the defaults, in a structure of struct_bytes bytes: a MESSAGE without Expires. */
ZSIP_API void zsip_send_init_sized(struct zsip_send *send, size_t struct_bytes);
static inline void zsip_send_init(struct zsip_send *send)
{
    zsip_send_init_sized(send, sizeof(*send));
}

/* Sends a request (RFC 3261 section 8.1, RFC 3428 section 4). Everything is copied. A MESSAGE to a
 * URI that has one pending waits its turn; *client is valid at once.
 * ERROR_ARGUMENT (an URI that is none, a header that may not stand there), ERROR_SIZE (a MESSAGE
 * of more than 1300 bytes that is not vouched for; any such request over UDP where there is no
 * TCP), ERROR_TOO_LARGE (65,535 bytes), ERROR_FULL (clients, waiting ones, or the output). */
ZSIP_API enum zsip_status zsip_endpoint_send(struct zsip_endpoint *endpoint,
                                             const struct zsip_send *send, struct zsip_time now,
                                             uint64_t *client);

/* Sends a request that callbacks.build writes, now and at each retransmission: nothing is stored.
 * The rules of RFC 3428 section 8 (size, one pending per URI) are the caller's to keep. What is too
 * large for UDP is built again with another branch and goes over TCP, where that is configured: in
 * its second line, which is its Via, "SIP/2.0/UDP" becomes "SIP/2.0/TCP".
 * ERROR_FULL, ERROR_TOO_LARGE (build returned 0), ERROR_ARGUMENT (there was none in that line). */
ZSIP_API enum zsip_status zsip_endpoint_send_built(struct zsip_endpoint *endpoint,
                                                   enum zsip_method method,
                                                   const struct zsip_path *path, uint64_t cookie,
                                                   struct zsip_time now, uint64_t *client);

/* Length of every branch this library mints, for templates of a fixed width. */
ZSIP_API size_t zsip_branch_bytes(void);

/* ---- Statistics ------------------------------------------------------------------------------ */

/* X(name, "what it counts"); new ones append. Counters only grow. Readable from any thread without
 * a lock: each is written by the endpoint's thread alone, and read torn by nobody (64 bits,
 * aligned). */
#define ZSIP_ENDPOINT_STATS_MAP(X)                                                                 \
    X(packets_in, "datagrams and framed messages received")                                        \
    X(requests_in, "requests received, retransmissions included")                                  \
    X(requests_new, "requests given to the application or answered for it")                        \
    X(retransmissions_in, "requests seen before")                                                  \
    X(acks_in, "ACKs, never answered")                                                             \
    X(responses_in, "responses received")                                                          \
    X(responses_stray, "responses that match no pending request of ours")                          \
    X(responses_late, "responses to a request of ours that had ended")                             \
    X(merged, "requests that came by a second way")                                                \
    X(answered_1xx, "provisional responses sent")                                                  \
    X(answered_2xx, "final responses 2xx sent for the first time")                                 \
    X(answered_3xx, "final responses 3xx sent for the first time")                                 \
    X(answered_4xx, "final responses 4xx sent for the first time")                                 \
    X(answered_5xx, "final responses 5xx sent for the first time")                                 \
    X(answered_6xx, "final responses 6xx sent for the first time")                                 \
    X(answers_repeated, "responses sent again for a retransmission")                               \
    X(aged, "new requests not begun because they had waited too long")                             \
    X(abandoned, "held requests that ended unanswered")                                            \
    X(refused_full, "requests refused with 503: a pool was full")                                  \
    X(refused_hold, "requests too large to be held: 513")                                          \
    X(malformed_requests, "requests answered 400, 505 or 513")                                     \
    X(malformed_responses, "responses dropped as malformed")                                       \
    X(malformed_other, "datagrams that are neither, or can't be answered")                         \
    X(keepalives, "datagrams of nothing but CRLF")                                                 \
    X(fault_syntax, "malformed: syntax")                                                           \
    X(fault_version, "malformed: SIP version")                                                     \
    X(fault_missing, "malformed: mandatory field missing")                                         \
    X(fault_duplicate, "malformed: field twice")                                                   \
    X(fault_mismatch, "malformed: CSeq method")                                                    \
    X(fault_range, "malformed: number")                                                            \
    X(fault_length, "malformed: Content-Length")                                                   \
    X(fault_size, "malformed: too many or too large fields")                                       \
    X(fault_truncated, "malformed: no end of the header section")                                  \
    X(requests_out, "requests sent for the first time")                                            \
    X(retransmissions_out, "requests sent again")                                                  \
    X(outcomes_final, "requests of ours that got a final response")                                \
    X(outcomes_timeout, "requests of ours that ended by Timer F")                                  \
    X(outcomes_unreachable, "requests of ours that could not be sent")                             \
    X(output_full, "messages not written because the output was full")                             \
    X(oversize_tcp, "requests too large for UDP, sent over TCP")                                   \
    X(oversize_back, "of those, sent over UDP after all: TCP was refused")                         \
    X(aged_again, "copies of aged requests, dropped while there was a queue")

struct zsip_endpoint_stats {
    size_t struct_bytes;
    uint64_t completed_now; /* server transactions in Timer J */
    uint64_t pending_now;   /* held requests */
    uint64_t clients_now;   /* requests of ours under way or waiting */
#define X(name, text) uint64_t name;
    ZSIP_ENDPOINT_STATS_MAP(X)
#undef X
};

/* Statistics of an endpoint. Fills *stats as far as stats->struct_bytes, which the caller sets,
 * reaches; what this library does not count is 0. Any thread, while the endpoint lives. */
ZSIP_API void zsip_endpoint_stats(const struct zsip_endpoint *endpoint,
                                  struct zsip_endpoint_stats *stats);

/* The standard reason phrase of a status code, "Unknown" for one without. Static string. */
ZSIP_API const char *zsip_reason_phrase(unsigned status);

#ifdef __cplusplus
}
#endif

#endif
