/* core: what the files of the endpoint share. Private to this room.
 *
 *   endpoint.c  life, configuration, the turn: receive, expire, output
 *   grow.c      structures that callers of other versions pass
 *   output.c    the arena that outgoing messages are written into
 *   response.c  responses written from a request in place
 *   uas.c       RFC 3261 section 8.2 in its order
 *   respond.c   answers of the application: respond and hold
 *   uac.c       RFC 3261 section 8.1: requests under way and their outcomes
 *   compose.c   the text of a request of ours
 *   size.c      requests too large for UDP (RFC 3261 section 18.1.1)
 *   target.c    one pending MESSAGE per target URI (RFC 3428 section 8)
 *   text.c      small writers and checks on header text
 *   reason.c    reason phrases
 *   shed.c      what was dropped under overload
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_CORE_CORE_H
#define ZSIP_CORE_CORE_H

#include "core/group.h"
#include "core/shed.h"
#include "core/toucher.h"
#include "txn/txn.h"
#include "zsip/endpoint.h"

#include <string.h>

/* Messages parsed ahead before their transactions are looked up: enough to hide the misses of the
 * look-up, few enough that the parsed records (1.2 KiB each) stay in the second-level cache. */
#define RECEIVE_BATCH 32u

/* What a response adds to what it repeats: status line, received and rport, To tag, Allow and the
 * like, Content-Length. */
#define RESPONSE_OWN_BYTES_MAX 1536u
/* What an application may add to one response: headers and body. */
#define RESPONSE_EXTRA_BYTES_MAX 8192u

/* The largest request that one datagram holds, IPv4's header and UDP's taken away. */
#define DATAGRAM_BYTES_MAX (65535u - 20u - 8u)

/* ---- Structures of callers' ------------------------------------------------------------------ */

/* Takes over a structure that begins with its size, struct_bytes: known holds the defaults, and
 * becomes what given says, as far as both reach. ERROR_ARGUMENT: the size was forgotten.
 * ERROR_UNSUPPORTED: it is longer, and what is unknown here is not zero. */
enum zsip_status zsip_struct_read(void *known, size_t known_bytes, const void *given);
/* Copies known to given as far as given's struct_bytes reaches; clears what lies behind. The size
 * stays as it is. */
void zsip_struct_write(void *given, const void *known, size_t known_bytes);
/* Takes over the hooks; NULL: the library's own. ERROR_ARGUMENT: not all that belong together. */
enum zsip_status zsip_memory_read(struct zsip_memory *memory, const struct zsip_memory *given);

/* ---- Counters -------------------------------------------------------------------------------- */

/* Counters are written by the endpoint's thread and read by others, hence the relaxed store; no
 * other thread writes, so that the sum needs no lock. */
#define COUNT(counter, by) __atomic_store_n(&(counter), (counter) + (by), __ATOMIC_RELAXED)

/* ---- Writing text ---------------------------------------------------------------------------- */

/* A bounded cursor. Writing past the end sets over and writes nothing more: check once, at the
 * end. */
struct text {
    uint8_t *at;
    uint8_t *end;
    bool over;
};

static inline void text_bytes(struct text *text, const void *data, size_t bytes)
{
    if ((size_t)(text->end - text->at) < bytes) {
        text->over = true;
        return;
    }
    memcpy(text->at, data, bytes);
    text->at += bytes;
}

static inline void text_view(struct text *text, struct zsip_view view)
{
    if (view.length > 0) /* memcpy may not be given NULL, which an absent view has */
        text_bytes(text, view.data, view.length);
}

#define text_literal(text, literal) text_bytes((text), (literal), sizeof(literal) - 1)

void zsip_text_string(struct text *text, const char *string);
void zsip_text_unsigned(struct text *text, uint64_t value);
/* digits lower-case hexadecimal digits of value, the highest first. */
void zsip_text_hex(struct text *text, uint64_t value, unsigned digits);
/* The numeric form of an address: without port and brackets, as received= wants it. */
void zsip_text_ip(struct text *text, const struct zsip_address *address);
/* "Sat, 13 Nov 2010 23:29:00 GMT" (RFC 3261 section 20.17). */
void zsip_text_date(struct text *text, int64_t utc_s);

/* Whether view is zero or more whole header lines that an application may add: name, colon, value,
 * CRLF; no folding, no control characters, no field that zsip writes itself. contact_allowed:
 * RFC 3428 forbids Contact in MESSAGE and in its 2xx. */
bool zsip_text_headers_valid(struct zsip_view view, bool contact_allowed);
/* Whether view can stand in one line: no CR, LF or NUL. */
bool zsip_text_line_valid(struct zsip_view view);
/* Whether the comma-separated list holds the token; case as it stands, or not regarded. */
bool zsip_text_list_has(struct zsip_view list, struct zsip_view token, bool fold_case);
bool zsip_text_equal_fold(struct zsip_view a, struct zsip_view b);

static inline bool view_equal(struct zsip_view a, struct zsip_view b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* ---- Output ---------------------------------------------------------------------------------- */

/* Outgoing messages of one turn, one behind the other, each on a multiple of ZSIP_OUTPUT_STRIDE so
 * that messages to one peer that follow each other can leave as one train. */
struct output {
    uint8_t *arena;
    size_t arena_bytes;
    size_t used_bytes;
    struct zsip_output *messages;
    uint32_t message_count;
    uint32_t message_max;
    struct zsip_path *paths; /* one per run of messages that share it */
    uint32_t path_count;
};

enum zsip_status zsip_output_create(struct output *output, const struct zsip_memory *memory,
                                    size_t arena_bytes);
void zsip_output_destroy(struct output *output, const struct zsip_memory *memory);
/* Whether one more message of up to bytes fits. */
static inline bool zsip_output_fits(const struct output *output, size_t bytes)
{
    return output->message_count < output->message_max &&
           output->arena_bytes - output->used_bytes >= bytes + ZSIP_OUTPUT_STRIDE;
}

/* Room for the next message, all that is left. */
static inline struct text zsip_output_begin(struct output *output)
{
    uint8_t *at = output->arena + output->used_bytes;
    uint8_t *end = output->arena + output->arena_bytes;
    return (struct text){
        .at = at, .end = end, .over = output->message_count == output->message_max};
}

/* The path of the message before; NULL: there is none. */
static inline const struct zsip_path *zsip_output_last_path(const struct output *output)
{
    return output->path_count > 0 ? &output->paths[output->path_count - 1] : NULL;
}

/* A path as messages of this turn name it; once for each message. */
const struct zsip_path *zsip_output_path(struct output *output, const struct zsip_path *path);

/* Ends the message that text, which did not run over, was begun for. pad_at: where SP may be
 * inserted, NULL for nowhere. path came from zsip_output_path. */
void zsip_output_end(struct output *output, const struct text *text, const uint8_t *pad_at,
                     const struct zsip_path *path, uint64_t client);
/* Bytes written into the message so far. */
static inline size_t output_written(const struct output *output, const struct text *text)
{
    return (size_t)(text->at - (output->arena + output->used_bytes));
}

/* ---- Responses ------------------------------------------------------------------------------- */

/* What a response says beside what it repeats of its request. Absent views: the standard phrase, no
 * headers of the application's own, no body. */
struct answer {
    unsigned status;
    struct zsip_view reason;
    struct zsip_view headers;
    struct zsip_view content_type;
    struct zsip_view body;
};

static inline bool answer_is_plain(const struct answer *answer)
{
    return (answer->reason.length | answer->headers.length | answer->body.length) == 0;
}

/* An answer that can't be regenerated, as the transaction room keeps it. Returns the bytes. */
size_t zsip_answer_encode(const struct answer *answer, uint8_t *out, size_t capacity);
struct answer zsip_answer_decode(unsigned status, struct zsip_view delta);

/* The texts that name a packet's source in the top Via. Made anew only when the source changes. */
struct source_text {
    struct zsip_address address;
    uint8_t received[64]; /* ";received=192.0.2.1" */
    uint8_t rport[16];    /* "rport=5060" */
    uint8_t received_bytes;
    uint8_t rport_bytes;
};

/* Where the response to this request goes (RFC 3261 section 18.2.2, RFC 3581 section 4). */
struct zsip_path zsip_response_path(const struct zsip_endpoint *endpoint,
                                    const struct zsip_msg *msg, const struct zsip_path *path);

/* Writes what a response repeats: Via lines with received and rport filled in, From, To with
 * to_tag unless it has one, Call-ID, CSeq (RFC 3261 section 8.2.6.2). */
void zsip_response_echo(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                        const struct zsip_path *path, const char to_tag[ZSIP_TXN_TAG_BYTES],
                        struct text *text);

void zsip_response_status_line(struct text *text, unsigned status, struct zsip_view reason);

/* Writes everything behind the repeated fields. msg may be NULL (a held request: then a 420 can't
 * name what is unsupported). Returns where the padding may go. */
const uint8_t *zsip_response_rest(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                                  uint8_t method, const struct answer *answer, struct text *text);

/* One whole response into the output. false: no room, counted. */
bool zsip_response_write(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                         const struct zsip_path *path, const struct zsip_txn_key *key,
                         const struct answer *answer);

/* ---- The endpoint ---------------------------------------------------------------------------- */

/* A request that waits for the application: what its response repeats, already written. */
struct held {
    struct zsip_path path;    /* of the response */
    uint64_t arrived_ns;      /* for the delay in a 100's Timestamp */
    uint64_t told_ns;         /* when a 100 was written last */
    uint32_t echo_bytes;      /* what zsip_response_echo wrote, from bytes on */
    uint16_t timestamp_bytes; /* value of Timestamp, behind the echo */
    uint8_t method;
    uint8_t bytes[];
};

/* A request of ours, from zsip_endpoint_send() to its end. */
struct request {
    struct zsip_path path;
    struct zsip_txn_client client; /* {0, 0} while waiting for its target */
    uint64_t cookie;
    uint8_t *bytes; /* the whole request; NULL: built anew for each send */
    uint32_t byte_count;
    uint32_t branch_at; /* offset of the branch in bytes */
    uint32_t pad_at;
    uint32_t generation;
    uint32_t large_slot; /* of client_large_max, NONE for the ordinary room */
    uint32_t free_next;  /* or the next of those that found no room in the output */
    /* Target table: the requests whose targets share a bucket, and those that wait behind this. */
    uint32_t bucket_next;
    uint32_t waiting_first;
    uint32_t waiting_last; /* and next in line, for one that waits itself */
    uint32_t waiting_count;
    uint32_t bucket;
    uint16_t target_offset; /* the Request-URI in bytes */
    uint16_t target_bytes;
    uint8_t method;
    uint8_t state;  /* enum request_state */
    bool claims;    /* holds its target, or waits for it */
    bool over_tcp;  /* for its size; path is what was asked for */
    bool refused;   /* TCP was, so it went back to UDP */
    bool unwritten; /* its turn came and the output had no room for it */
};

enum request_state {
    REQUEST_FREE = 0,
    REQUEST_WAITING = 1, /* for another MESSAGE to its target to end */
    REQUEST_PENDING = 2,
    REQUEST_NEW = 3, /* nothing of it left yet */
};

#define NONE UINT32_MAX
/* Room for the largest request there is. */
#define LARGE_ROOM_BYTES 65536u

/* What a host taught us for a while about the way to it. */
struct known_host {
    uint8_t ip[16];
    uint8_t family;
    uint16_t refused_port; /* where TCP was refused */
    uint32_t mtu;          /* no more goes there in one piece, as an ICMP error told */
    uint64_t mtu_until_ns;
    uint64_t refused_until_ns;
};

#define KNOWN_HOSTS 64u

/* Where the answer before went, and the path its request had come by, which must still be what it
 * was: within one call of zsip_endpoint_receive. */
struct reply {
    const struct zsip_path *received;
    const struct zsip_path *sent;
};

/* The request whose callback is running. */
struct current {
    const struct zsip_msg *msg;
    const struct zsip_path *path;
    const struct zsip_txn_key *key;
    uint64_t handle; /* 0: none is running */
    bool answered;
    bool held;
    enum zsip_status hold_status; /* why it could not be held */
};

struct zsip_endpoint {
    struct zsip_memory memory;
    struct zsip_callbacks callbacks;
    void *user;
    struct zsip_txn *txn;
    struct output output;
    uint64_t now_ns;
    int64_t utc_s;
    bool inside;                      /* a call that calls back is running: no other may begin */
    const struct zsip_packet *packet; /* in hand */
    struct zsip_txn_key key;          /* of its request, where its batch has none */
    struct shed shed;

    struct zsip_endpoint_config config; /* its views point into texts */
    uint8_t texts[4096];
    size_t texts_used;
    bool texts_over;
    uint64_t methods_known;        /* bit per enum zsip_method in config.methods */
    struct zsip_view allow_line;   /* "Allow: ...\r\n" */
    struct zsip_view accept_lines; /* Accept, Accept-Encoding, Accept-Language */
    struct zsip_view server_line;
    uint8_t sent_by[272];
    uint16_t sent_by_bytes;

    struct steering steering;
    struct aliasing aliasing;
    struct toucher *toucher; /* the worker's; NULL: memory is touched between messages */
    struct source_text source;
    struct reply reply;
    struct current current;
    uint64_t handles; /* tokens given out for running callbacks */

    struct held *held; /* pending_max of them, held_stride bytes apart */
    size_t held_stride;

    struct request *requests;
    uint8_t *request_rooms; /* client_bytes_max each */
    uint8_t *large_rooms;   /* 65,536 each */
    uint32_t *large_free;
    uint32_t large_free_count;
    uint32_t request_free;  /* head of the free list */
    uint32_t request_fresh; /* slots from here on were never used */
    uint32_t request_count;
    uint32_t unwritten; /* head of the list of those, NONE: empty */
    uint32_t *target_buckets;
    uint32_t target_bucket_count;
    uint64_t ids_drawn; /* Call-IDs and tags minted */
    uint8_t id_secret[16];
    uint8_t target_secret[16];
    struct known_host hosts[KNOWN_HOSTS];
    uint64_t mtus_until_ns; /* no MTU of theirs counts from then on */

    struct zsip_endpoint_stats stats;
    /* An answer on its way into the log. */
    uint8_t scratch[RESPONSE_EXTRA_BYTES_MAX + 64];

    struct zsip_msg messages[RECEIVE_BATCH];
    enum zsip_status statuses[RECEIVE_BATCH];
    struct zsip_txn_request identities[RECEIVE_BATCH];
    struct zsip_txn_key keys[RECEIVE_BATCH];
};

static inline struct held *endpoint_held(struct zsip_endpoint *endpoint, uint32_t slot)
{
    return (struct held *)(void *)((uint8_t *)endpoint->held + slot * endpoint->held_stride);
}

/* Whether the packet in hand, or to be taken in hand, has waited longer than this. */
static inline bool packet_waited(const struct zsip_endpoint *endpoint,
                                 const struct zsip_packet *packet, uint64_t longer_than_ns)
{
    return packet->arrived_ns != 0 && packet->arrived_ns + longer_than_ns < endpoint->now_ns;
}

/* What identifies a request, from what the parser found. */
void zsip_uas_identity(const struct zsip_msg *msg, const struct zsip_path *path,
                       struct zsip_txn_request *identity);
/* The key of a request for which none was computed with its batch; until the next such. */
const struct zsip_txn_key *zsip_uas_key(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                                        const struct zsip_path *path);
/* One request that parsed, its key looked up here. key is NULL where none was computed, since none
 * was needed when the batch began: see unkeyed() in endpoint.c. */
void zsip_uas_request(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                      const struct zsip_path *path, const struct zsip_txn_key *key);
/* One request that did not parse: answered where it has an address to answer to. */
void zsip_uas_malformed(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                        const struct zsip_path *path);
/* Records the answer to a new request and sends it. ERROR_FULL: the store was full, and a stateless
 * 503 went out in its place; or the output was, and nothing went out. */
enum zsip_status zsip_uas_answer(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                                 const struct zsip_path *path, const struct zsip_txn_key *key,
                                 const struct answer *answer);
/* Whether a packet with this hash, which had to wait, is to be dropped unread, being a copy of what
 * was dropped. */
bool zsip_uas_sheds(struct zsip_endpoint *endpoint, uint64_t hash);
void zsip_uas_provisional(struct zsip_endpoint *endpoint, struct zsip_txn_server server);
void zsip_uas_abandoned(struct zsip_endpoint *endpoint, struct zsip_txn_server server);
void zsip_uas_count_answer(struct zsip_endpoint *endpoint, unsigned status);

void zsip_uac_response(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                       const struct zsip_path *path);
void zsip_uac_event(struct zsip_endpoint *endpoint, const struct zsip_txn_event *event);
/* Writes what found no room in the output before. */
void zsip_uac_unwritten(struct zsip_endpoint *endpoint);

/* The text of a request of ours into request->bytes (RFC 3261 section 8.1.1). */
enum zsip_status zsip_compose(struct zsip_endpoint *endpoint, const struct zsip_send *send,
                              struct request *request, size_t capacity);

/* Whether so many bytes must not go by this path, TCP being better; path_mtu 0: as configured. What
 * an ICMP error told of the path counts where it is less. */
bool zsip_size_over(struct zsip_endpoint *endpoint, const struct zsip_path *path, size_t bytes,
                    uint32_t path_mtu);
/* Whether they then go over TCP by themselves. */
bool zsip_size_switches(const struct zsip_endpoint *endpoint);
/* TCP was refused there; and whether it was so lately that so many bytes, if a datagram holds them,
 * go by UDP without being asked again. */
void zsip_size_refused(struct zsip_endpoint *endpoint, const struct zsip_address *remote);
bool zsip_size_refuses(struct zsip_endpoint *endpoint, const struct zsip_address *remote,
                       size_t bytes);
/* Makes the transport in the top Via of a request be what it leaves by, token is of three letters.
 * Says whether there was one to replace. */
bool zsip_size_via(uint8_t *request, size_t bytes, const char *token);
/* The way a request takes. */
struct zsip_path zsip_size_path(const struct request *request);

/* Whether a MESSAGE to request's target is pending; if not, request becomes the pending one. If
 * so, it joins the line behind it, or ERROR_FULL. */
enum zsip_status zsip_target_claim(struct zsip_endpoint *endpoint, uint32_t request, bool *waits);
/* The pending request ends: the next in line, which takes its place, or NONE. */
uint32_t zsip_target_release(struct zsip_endpoint *endpoint, uint32_t request);

/* The endpoint's time goes on; it never goes back. */
void zsip_endpoint_advance(struct zsip_endpoint *endpoint, struct zsip_time now);
void zsip_endpoint_maintain(struct zsip_endpoint *endpoint);

static inline struct zsip_time endpoint_now(const struct zsip_endpoint *endpoint)
{
    return (struct zsip_time){.monotonic_ns = endpoint->now_ns, .utc_s = endpoint->utc_s};
}

#endif
