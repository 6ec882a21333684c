/* zsip: the transaction room. (event, now) in, actions out.
 *
 * SPDX-License-Identifier: MIT
 *
 * Non-INVITE client and server transactions: RFC 3261 section 17 as changed by RFC 4320 and
 * RFC 6026. One object of struct zsip_txn serves one endpoint, on one thread. It makes no
 * syscall, reads no clock, allocates nothing after zsip_txn_create, keeps no view past a call and
 * sends nothing: a function of its inputs. `now_ns` is monotonic and never goes back (asserted).
 *
 * A turn of the endpoint, in order:
 *
 *     zsip_txn_keys       fingerprints of the whole batch, index lines prefetched; or
 *     zsip_txn_draw       none for what nothing can be compared with, see there
 *     zsip_txn_find       each request: new, a copy, merged, a CANCEL ...
 *     zsip_txn_answer     a new request answered at once, the common case; or
 *     zsip_txn_open       a new request answered later, by zsip_txn_respond
 *     zsip_txn_client_*   requests of our own and the responses to them
 *     zsip_txn_expire     what is due by now
 *     zsip_txn_maintain   memory to touch or to give back, in bounded steps
 *     zsip_txn_deadline   when to call zsip_txn_expire next
 *
 * Identity. A request is known by M, 96 bits, a keyed hash of (Call-ID, CSeq number, From tag),
 * and B, 64 bits, a keyed hash of (branch, sent-by). Compared are the hashes, not the bytes: with
 * 2^25 live records a new request is taken for a copy with odds of 2^25 / 2^160, and taken for a
 * merged one with odds of 2^25 / 2^96. Both are keyed under a secret (SipHash-2-4), so nobody can
 * search for such a pair. This is the house's one exception to "a hash proposes, bytes dispose". */
#ifndef ZSIP_TXN_TXN_H
#define ZSIP_TXN_TXN_H

#include "zsip/base.h"

/* ---- The object ----------------------------------------------------------------------------- */

struct zsip_txn;

#define ZSIP_TXN_SECRET_BYTES 16
/* Live server records that may share one M. A fork has a few branches; a peer that makes new
 * branches for one (Call-ID, CSeq, From tag) without end must not make a look-up long. */
#define ZSIP_TXN_SHARED_MAX 8
/* Longest delta of one answer: whatever could not be regenerated of one response. */
#define ZSIP_TXN_DELTA_BYTES_MAX 65536
/* Ceilings of the ceilings; zsip_txn_create refuses more. */
#define ZSIP_TXN_RECORDS_MAX (1u << 30)
#define ZSIP_TXN_SLOTS_MAX   (1u << 26)

struct zsip_txn_config {
    size_t struct_bytes; /* sizeof(struct zsip_txn_config) */
    /* Where all memory comes from; copied. `reserve` is used for whatever grows. */
    const struct zsip_memory *memory;

    /* RFC 3261 section 17.1.1.1. 0 < t1 <= t2 <= 4096 * t1. Fixed for the life of the object. */
    uint64_t t1_ns;
    uint64_t t2_ns;
    uint64_t t4_ns;

    /* Completed server transactions that live at once, at 24 bytes each and about 12 of index. An
     * answer with a delta takes two, a pending transaction holds one in reserve. Argue it as
     * (requests a second) * 64 * T1. */
    uint32_t server_records_max;
    uint32_t server_pending_max; /* requests that wait for the application's answer, 64 B each */
    uint32_t client_max;         /* requests of our own under way, 72 B each */
    size_t log_bytes_max;        /* deltas of answers that can't be regenerated */

    /* Random in production; hosts and workers that shall agree share them. Three, because tags
     * and branches are seen by peers and must tell nothing of the index. Workers that steer by
     * message share index_secret. */
    uint8_t index_secret[ZSIP_TXN_SECRET_BYTES];
    uint8_t tag_secret[ZSIP_TXN_SECRET_BYTES];
    uint8_t branch_secret[ZSIP_TXN_SECRET_BYTES];
    uint16_t node;  /* goes into each branch we mint */
    uint8_t worker; /* likewise */
};

/* Makes an object. Everything is asked of config->memory here and never again.
 * ERROR_ARGUMENT: a field out of range. ERROR_MEMORY. *txn is NULL unless OK. */
enum zsip_status zsip_txn_create(struct zsip_txn **txn, const struct zsip_txn_config *config);

/* Gives all memory back. NULL is allowed. */
void zsip_txn_destroy(struct zsip_txn *txn);

/* ---- What a machine asks for ----------------------------------------------------------------
 *
 * The state tables (machine.h) give these bits. Those that concern timers and slots are done
 * within the room; the caller acts on the others. */
#define ZSIP_TXN_ACTION_MAP(X)                                                                     \
    X(PASS_REQUEST, "give the request to the TU")                                                  \
    X(PASS_RESPONSE, "give the response to the TU")                                                \
    X(PASS_TIMEOUT, "tell the TU: no final response in 64*T1")                                     \
    X(PASS_ERROR, "tell the TU: could not be sent")                                                \
    X(SEND_REQUEST, "hand the request to the transport")                                           \
    X(SEND_100, "send a 100 (Trying)")                                                             \
    X(SEND_FINAL, "send the final response")                                                       \
    X(START_E, "timer E: T1")                                                                      \
    X(DOUBLE_E, "timer E: twice its last length, at most T2")                                      \
    X(LEVEL_E, "timer E: T2")                                                                      \
    X(START_F, "timer F: 64*T1")                                                                   \
    X(START_P, "timer P: as long as a client's timer E takes to reach T2")                         \
    X(START_U, "timer U: 64*T1, the end of a request nobody answers")                              \
    X(START_J, "timer J: 64*T1")                                                                   \
    X(COUNT, "count it, nothing else")                                                             \
    X(FREE, "end: forget the transaction")

enum {
#define X(name, text) ZSIP_TXN_BIT_##name,
    ZSIP_TXN_ACTION_MAP(X)
#undef X
        ZSIP_TXN_ACTION_COUNT
};

enum zsip_txn_action {
#define X(name, text) ZSIP_TXN_##name = 1 << ZSIP_TXN_BIT_##name,
    ZSIP_TXN_ACTION_MAP(X)
#undef X
};

/* ---- Server: who is it ---------------------------------------------------------------------- */

/* What identifies a request, as the parser found it: raw bytes, nothing unfolded or unescaped.
 * Views live until zsip_txn_keys returns; each is at most 65,535 bytes (asserted).
 *
 * All comparisons are bytewise, but for sent-by, whose ASCII letters are folded (section 19.1.4:
 * hosts compare without regard to case). Branch and tags are tokens and so "always
 * case-insensitive" (section 7.3.1); we compare them bytewise (departure: a copy repeats its
 * bytes, while generators that count in base64 exist and must not lose requests). */
struct zsip_txn_request {
    struct zsip_view call_id;
    struct zsip_view from_tag; /* {NULL, 0}: none (RFC 2543) */
    struct zsip_view branch;   /* of the top Via, with its cookie */
    struct zsip_view sent_by;  /* of the top Via, host[:port] */
    /* Used when method is 0. */
    struct zsip_view method_name;
    /* Used when branch_has_cookie is false (section 17.2.3, RFC 2543 matching). */
    struct zsip_view request_uri;
    struct zsip_view to_tag;
    struct zsip_view top_via; /* the whole value of the top Via */
    uint32_t cseq;
    /* The caller's number for the method, 1 to 125; 0 is "unknown: see method_name". */
    uint8_t method;
    bool cancel;            /* the method is CANCEL; `method` is then ignored */
    bool branch_has_cookie; /* branch begins with z9hG4bK */
    bool to_tag_present;    /* such a request is never MERGED */
    bool reliable;          /* came over a reliable transport: timer J is 0 */
};

/* The fingerprints of one request. A value: copy it, keep it as long as wanted. */
struct zsip_txn_key {
    uint64_t m;       /* low 64 bits of M: the index */
    uint64_t b;       /* B */
    uint64_t tag;     /* the To tag, under its own secret */
    uint32_t m_extra; /* high 32 bits of M, and the name of an unknown method folded in */
    uint8_t method;   /* 0: unknown, 126: CANCEL */
    bool to_tag_present;
    bool reliable;
    bool drawn; /* by zsip_txn_draw: there is no M and no B */
};

/* Computes the keys of `count` requests and prefetches what zsip_txn_find will read. Batches of 8
 * to 64 are best; any count, also 0, is allowed. Cost: three SipHash-2-4 of some 50, 50 and 24
 * bytes each, several at once where the CPU has the lanes for it. */
void zsip_txn_keys(struct zsip_txn *txn, const struct zsip_txn_request *requests, size_t count,
                   struct zsip_txn_key *keys);

/* The worker, of `workers` (> 0), that owns this request's M (DESIGN section 7). A CANCEL has the
 * same owner as the request it means. */
uint32_t zsip_txn_owner(const struct zsip_txn_key *key, uint32_t workers);

/* The To tag for answers to this request: a function of the identifying fields and tag_secret
 * alone, so every answer, stateless ones too, repeats it (sections 8.2.6.2, 8.2.7), and
 * index_secret has no part in it. Writes exactly ZSIP_TXN_TAG_BYTES characters 0-9 a-f, no NUL. */
#define ZSIP_TXN_TAG_BYTES 16
void zsip_txn_to_tag(const struct zsip_txn_key *key, char out[ZSIP_TXN_TAG_BYTES]);

/* Whether no server transaction is there, pending or completed, that a request could be compared
 * with. Timer J being 0 over reliable transports, it stays so where all requests come over such and
 * are answered at once. */
bool zsip_txn_server_none(const struct zsip_txn *txn);

/* A key for a request other than CANCEL that came over a reliable transport when
 * zsip_txn_server_none held, and so is new: only for zsip_txn_answer and zsip_txn_to_tag. Its tag
 * is no function of the request but a keyed hash of a number, no two being the same: of such an
 * answer nothing is kept, and a copy is a request of its own (section 17.2.2). Cost: a sixteenth of
 * eight SipHashes of 16 bytes at once. */
void zsip_txn_draw(struct zsip_txn *txn, uint64_t now_ns, struct zsip_txn_key *key);

/* ---- Server: look-up ------------------------------------------------------------------------ */

/* What a request is. ACK is never looked up (it has no non-INVITE transaction). */
#define ZSIP_TXN_FOUND_MAP(X)                                                                      \
    X(NEW, "first copy")                                                                           \
    X(TRYING, "copy; nothing was sent yet: drop it")                                               \
    X(PROCEEDING, "copy; a 100 was sent: send it again")                                           \
    X(COMPLETED, "copy; send the final response again")                                            \
    X(MERGED, "new branch of a request that is pending or was answered 2xx (section 8.2.2.2)")     \
    X(CROWDED, "8 live records share its M: stateless 482, 500 if it has a To tag")                \
    X(CANCEL_FOUND, "first copy of a CANCEL whose transaction is here: 200 (section 9.2)")         \
    X(CANCEL_NONE, "first copy of a CANCEL without a transaction: 481 (section 9.2)")

enum zsip_txn_found {
#define X(name, text) ZSIP_TXN_##name,
    ZSIP_TXN_FOUND_MAP(X)
#undef X
};

/* A pending server transaction; a dense slot below server_pending_max, so that the caller can keep
 * an array of its own beside it, and a generation. {0, 0} is none. */
struct zsip_txn_server {
    uint32_t slot;
    uint32_t generation;
};

struct zsip_txn_match {
    /* TRYING and PROCEEDING: the transaction. MERGED and CANCEL_FOUND: the other one, if it is
     * pending, else {0, 0}. */
    struct zsip_txn_server server;
    /* COMPLETED: the status to send again. MERGED, CANCEL_FOUND: that of the other one, 0 if it is
     * pending. Otherwise 0. */
    unsigned status;
    /* COMPLETED: what zsip_txn_answer or zsip_txn_respond was given; {NULL, 0} if the answer is
     * regenerated from the request alone. Valid until the next call on this object. */
    struct zsip_view delta;
};

/* What the request with this key is. A record past timer J is absent, popped or not.
 *
 *  - M, B and method equal: a copy (section 17.2.3).
 *  - CANCEL: M and B equal under another method is its transaction (section 9.2).
 *  - M and method equal, B not, no To tag, and that transaction is pending or was answered 2xx:
 *    MERGED. The caller may still accept it (zsip_txn_answer or zsip_txn_open). After a final
 *    answer that was no 2xx nothing was accepted: NEW (departure from section 8.2.2.2, for
 *    fail-over and sequential forks).
 *  - the same branch under another M: NEW (departure from section 17.2.3).
 *
 * A CANCEL is a transaction too: answer it with zsip_txn_answer. *match is written whole.
 * Cost: one line of the index, and one of the records for a hit. */
enum zsip_txn_found zsip_txn_find(struct zsip_txn *txn, const struct zsip_txn_key *key,
                                  uint64_t now_ns, struct zsip_txn_match *match);

/* ---- Server: answers ------------------------------------------------------------------------ */

/* A request that zsip_txn_find gave as NEW, MERGED, CANCEL_FOUND or CANCEL_NONE is answered at
 * once with `status`, 200 to 699: recorded as Completed until timer J (over a reliable transport J
 * is 0 and nothing is kept). `delta`, {NULL, 0} for none, is kept for the copies and given back by
 * zsip_txn_find.
 * OK: send the answer. ERROR_FULL: nothing was recorded (at the ceiling, log full, or M crowded);
 * send a stateless 503 instead. ERROR_SIZE: delta over ZSIP_TXN_DELTA_BYTES_MAX. */
enum zsip_status zsip_txn_answer(struct zsip_txn *txn, const struct zsip_txn_key *key,
                                 unsigned status, struct zsip_view delta, uint64_t now_ns);

/* The same requests, when the answer comes later: state Trying. A record is held in reserve, so
 * that the final answer always finds its place.
 * OK: *server. ERROR_FULL: no slot or no record to reserve; send a stateless 503. */
enum zsip_status zsip_txn_open(struct zsip_txn *txn, const struct zsip_txn_key *key,
                               uint64_t now_ns, struct zsip_txn_server *server);

/* OK while the transaction waits for its answer, else ERROR_STALE: answered, abandoned after
 * 64*T1, or never there. */
enum zsip_status zsip_txn_check(const struct zsip_txn *txn, struct zsip_txn_server server);

/* The answer to a pending request: 100, or 200 to 699 (ERROR_ARGUMENT for 101 to 199: RFC 4320
 * section 4.1). *actions has SEND_FINAL, or SEND_100, or neither: a 100 over UDP before its time is
 * swallowed (RFC 4320 section 4.1, OK with no action), afterwards it goes out by itself.
 * A final answer frees the slot; the handle is stale from then on.
 * ERROR_STALE: as zsip_txn_check; the answer is dropped (a late or second final response).
 * ERROR_FULL: the log has no room for the delta. Nothing changed, the transaction still waits:
 * answer again without a delta, which can't fail so. ERROR_SIZE as zsip_txn_answer. */
enum zsip_status zsip_txn_respond(struct zsip_txn *txn, struct zsip_txn_server server,
                                  unsigned status, struct zsip_view delta, uint64_t now_ns,
                                  unsigned *actions);

/* A response could not be sent. The transaction stays in its state (RFC 6026 section 8.8, which
 * replaces RFC 3261 section 17.2.4) and answers the next copy. `server` may be stale or {0, 0}: the
 * completed ones have no handle. Returns the actions: PASS_ERROR. */
unsigned zsip_txn_undelivered(struct zsip_txn *txn, struct zsip_txn_server server);

/* ---- Client --------------------------------------------------------------------------------- */

/* A client transaction: a dense slot below client_max and a generation. {0, 0} is none. */
struct zsip_txn_client {
    uint32_t slot;
    uint32_t generation;
};

/* Opens a client transaction in Trying; the caller sends the request now, for the first time.
 * `cookie` comes back in events. `method` is the caller's number of the method that the responses'
 * CSeq must name (0 for all unknown ones: the caller then compares names).
 * OK: *client. ERROR_FULL: no slot. */
enum zsip_status zsip_txn_client_open(struct zsip_txn *txn, bool reliable, uint8_t method,
                                      uint64_t cookie, uint64_t now_ns,
                                      struct zsip_txn_client *client);

/* The branch of a client transaction: cookie, then node, worker, slot, generation and a random
 * part in fixed-width lower-case hex. Unique in space and time as far as 64 random bits and the
 * generation go (section 8.1.1.7). Writes exactly ZSIP_TXN_BRANCH_BYTES characters, no NUL. */
#define ZSIP_TXN_BRANCH_BYTES 45
void zsip_txn_branch_write(const struct zsip_txn *txn, struct zsip_txn_client client,
                           char out[ZSIP_TXN_BRANCH_BYTES]);

/* Whose branch is it? True if it has the shape of a branch we mint; *node and *worker then say
 * where its transaction lives. Proves nothing: zsip_txn_client_find does. */
bool zsip_txn_branch_owner(struct zsip_view branch, uint16_t *node, uint8_t *worker);

/* Prefetches the slot a branch names. Optional, for batches of responses. */
void zsip_txn_client_prefetch(const struct zsip_txn *txn, struct zsip_view branch);

/* The transaction of a response (section 17.1.3): its top Via's branch, compared whole, and the
 * method of its CSeq. OK: *client and *cookie.
 * ERROR_STALE: the branch is one we minted but its transaction has ended: a late or duplicate
 * response, counted as such, to be dropped. ERROR_MISMATCH: a stray (another's branch, another
 * node's or worker's, a wrong method), counted, to be dropped (RFC 6026 section 8.9). */
enum zsip_status zsip_txn_client_find(struct zsip_txn *txn, struct zsip_view branch, uint8_t method,
                                      unsigned status, struct zsip_txn_client *client,
                                      uint64_t *cookie);

/* A response with this status, 100 to 699, arrived. *actions: PASS_RESPONSE, and FREE when it was
 * final: the slot is free from then on (timer K's work is done by the generation, see machine.h).
 * ERROR_STALE: the transaction has ended. */
enum zsip_status zsip_txn_client_response(struct zsip_txn *txn, struct zsip_txn_client client,
                                          unsigned status, uint64_t now_ns, unsigned *actions);

/* The request could not be sent (section 17.1.4). *actions: PASS_ERROR and FREE; the slot is free.
 * ERROR_STALE: the transaction has ended. */
enum zsip_status zsip_txn_client_failed(struct zsip_txn *txn, struct zsip_txn_client client,
                                        unsigned *actions);

/* Ends a client transaction that the caller has no more interest in. ERROR_STALE: it has ended. */
enum zsip_status zsip_txn_client_close(struct zsip_txn *txn, struct zsip_txn_client client);

/* Those that were sent last in the same call of time as this one, over an unreliable transport: the
 * cookies of at most `max`, this one not among them. 0 of a transaction that has ended. */
size_t zsip_txn_client_beside(const struct zsip_txn *txn, struct zsip_txn_client client,
                              uint64_t *cookies, size_t max);

/* How often the request was sent, 1 after zsip_txn_client_open; 0 if the transaction has ended. */
unsigned zsip_txn_client_sends(const struct zsip_txn *txn, struct zsip_txn_client client);

/* ---- Time ----------------------------------------------------------------------------------- */

#define ZSIP_TXN_EVENT_MAP(X)                                                                      \
    X(CLIENT_RETRANSMIT, "timer E: send the request again")                                        \
    X(CLIENT_TIMEOUT, "timer F: no final response; the slot is free")                              \
    X(SERVER_PROVISIONAL, "timer P: send a 100 (RFC 4320 section 4.1)")                            \
    X(SERVER_ABANDONED, "timer U: never answered; the slot is free, nothing is sent")

enum zsip_txn_event_kind {
#define X(name, text) ZSIP_TXN_##name,
    ZSIP_TXN_EVENT_MAP(X)
#undef X
};

struct zsip_txn_event {
    enum zsip_txn_event_kind kind;
    unsigned actions; /* of enum zsip_txn_action */
    unsigned sends;   /* CLIENT_*: sends so far, this one included */
    union {
        struct zsip_txn_client client; /* CLIENT_*; stale after TIMEOUT */
        struct zsip_txn_server
            server; /* SERVER_*; stale after ABANDONED, its slot may serve anew */
    } of;
    uint64_t cookie; /* CLIENT_*: as given to zsip_txn_client_open */
};

/* The earliest time at which zsip_txn_expire has something to do; ZSIP_NEVER_NS if nothing is
 * pending. Timer J concerns nobody outside: its share of the deadline is up to 1/128 late, so
 * that a quiet endpoint is not woken for each record. */
uint64_t zsip_txn_deadline(const struct zsip_txn *txn);

/* Does what is due by now: fills at most `max` events, pops at most ZSIP_TXN_POPS_MAX records.
 * OK: nothing more is due. MORE: call again, in this turn or the next.
 * Timers E, F, P, U are exact: never early, late only by as much as the call is. */
#define ZSIP_TXN_POPS_MAX 1024
enum zsip_status zsip_txn_expire(struct zsip_txn *txn, uint64_t now_ns,
                                 struct zsip_txn_event *events, size_t max, size_t *count);

/* ---- Memory --------------------------------------------------------------------------------- */

/* Says, once and before the first transaction, that what is asked for below is done by another
 * thread: the index then asks for large pages, which spare its looks a miss of the TLB each. To
 * bring one in takes a millisecond or two, longer than a step of ours may. */
void zsip_txn_scatter(struct zsip_txn *txn);

enum zsip_txn_range_kind {
    /* Make the pages of the range present. Contents must stay as they are (MADV_POPULATE_WRITE, or
     * an atomic "or 0" a page). May be done by another thread, later, or not at all: only speed
     * suffers. */
    ZSIP_TXN_TOUCH,
    /* Give the pages of the range back (zsip_memory.discard). Must be done before the next call on
     * this object. May be left undone: only memory suffers. */
    ZSIP_TXN_RELEASE,
};

struct zsip_txn_range {
    enum zsip_txn_range_kind kind;
    void *memory; /* aligned to 4096 */
    size_t bytes; /* multiple of 4096, at most ZSIP_TXN_RANGE_BYTES_MAX */
};

#define ZSIP_TXN_RANGE_BYTES_MAX 65536

/* The next step of memory work. MORE: *range is to be performed, then ask again, at most as often
 * as the caller's turn allows. OK: nothing to do. To be called until OK once after zsip_txn_create.
 */
enum zsip_status zsip_txn_maintain(struct zsip_txn *txn, struct zsip_txn_range *range);

/* ---- Numbers -------------------------------------------------------------------------------- */

/* Every statistic: name and what it counts. `sends_e1` is the first retransmission. */
#define ZSIP_TXN_STATS_MAP(X)                                                                      \
    X(server_created, "server transactions created")                                               \
    X(server_completed, "answered finally")                                                        \
    X(server_at_once, "of these, answered in the turn that brought them")                          \
    X(server_unanswered, "ended after 64*T1 without an answer")                                    \
    X(server_provisional, "100 (Trying) asked for")                                                \
    X(server_undelivered, "responses that could not be sent")                                      \
    X(absorbed_trying, "copies dropped in Trying")                                                 \
    X(absorbed_proceeding, "copies answered by the 100 again")                                     \
    X(absorbed_completed, "copies answered by the final response again")                           \
    X(regenerated, "of these, from the request alone")                                             \
    X(from_log, "of these, with a delta from the log")                                             \
    X(merged, "look-ups that found a merged request")                                              \
    X(crowded, "refused: 8 records share the M")                                                   \
    X(cancel_found, "CANCELs with a transaction")                                                  \
    X(cancel_none, "CANCELs without one")                                                          \
    X(late_answers, "answers to a transaction that was gone")                                      \
    X(over_ceiling, "refused: server_records_max reached")                                         \
    X(over_pending, "refused: server_pending_max reached")                                         \
    X(over_log, "refused: log_bytes_max reached")                                                  \
    X(over_index, "refused: a bucket of the index at its bound")                                   \
    X(client_created, "client transactions created")                                               \
    X(client_completed, "ended by a final response")                                               \
    X(client_provisional, "provisional responses")                                                 \
    X(client_timeout, "ended by timer F")                                                          \
    X(client_failed, "ended by a transport error")                                                 \
    X(client_closed, "ended by their owner")                                                       \
    X(client_late, "late or duplicate final responses")                                            \
    X(client_late_provisional, "late provisional responses")                                       \
    X(client_strays, "responses that match nothing of ours")                                       \
    X(over_client, "refused: client_max reached")                                                  \
    X(sends_first, "requests sent for the first time")                                             \
    X(sends_e1, "sent by timer E, 1st time")                                                       \
    X(sends_e2, "2nd time")                                                                        \
    X(sends_e3, "3rd time")                                                                        \
    X(sends_e4, "4th time")                                                                        \
    X(sends_e5, "5th time")                                                                        \
    X(sends_e6, "6th time")                                                                        \
    X(sends_e7, "7th time")                                                                        \
    X(sends_e8, "8th time")                                                                        \
    X(sends_e9, "9th time")                                                                        \
    X(sends_e10, "10th time and later")                                                            \
    X(index_splits, "steps the index grew")                                                        \
    X(index_joins, "steps the index shrank")                                                       \
    X(index_moved_max, "most entries that one step moved")                                         \
    X(untouched, "memory used before its TOUCH was given out")

struct zsip_txn_stats {
#define X(name, text) uint64_t name;
    ZSIP_TXN_STATS_MAP(X)
#undef X
};

/* The live counters. */
const struct zsip_txn_stats *zsip_txn_stats(const struct zsip_txn *txn);

/* What is in use now. */
struct zsip_txn_usage {
    uint32_t records;  /* completed, an answer with a delta counts two; popped ones not */
    uint32_t reserved; /* records held for pending transactions */
    uint32_t pending;
    uint32_t clients;
    size_t log_bytes;
    uint32_t buckets;  /* of the index, overflow not counted */
    uint32_t overflow; /* buckets of the index that hang on another */
};
void zsip_txn_usage(const struct zsip_txn *txn, struct zsip_txn_usage *usage);
/* Completed records, a delta counting as a second one, and pending transactions. Of all here this
 * alone may be called on any thread at any time. */
void zsip_txn_live(const struct zsip_txn *txn, uint64_t *records, uint64_t *pending);

/* ---- For tests ------------------------------------------------------------------------------ */

/* Walks everything and asserts every invariant. Cost: all of the memory. */
void zsip_txn_validate(const struct zsip_txn *txn);

/* Writes one line for each pending and each client transaction through `line`, then the gauges. */
void zsip_txn_dump(const struct zsip_txn *txn,
                   void (*line)(void *user, const char *text, size_t length), void *user);

#endif
