/* zsip: what every room shares. Slices and views, status, time, addresses, memory, assertions.
 *
 * SPDX-License-Identifier: MIT
 *
 * The laws of the house. Each is enforced somewhere; none has an exception that is not written
 * down beside the code that needs it.
 *
 *  1. A slice is an offset and a length; without its message it means nothing. A view is a pointer
 *     and a length and lives until the function that received it returns. A view is never stored.
 *  2. Input bytes are const from the kernel to the application. Unfolding, unescaping and folding
 *     of case happen in the reader. Only a flow's own filter may decrypt or unmask before parsing.
 *  3. A receive buffer goes back to its ring in the turn that took it out. A receive that stopped
 *     for want of buffers is armed again by the return of one, never by the error handler.
 *  4. A message that straddles stream reads is stitched once, and counted. Zero-copy is a number
 *     that is reported, not an adjective.
 *  5. After set-up nothing is allocated on the path of a message. Every pool has a size that an
 *     option sets and a comment argues. A full pool is an ordinary answer, never an abort.
 *  6. What peers and the kernel do wrong is a status. What we do wrong is ZSIP_ASSERT, and that is
 *     live in release builds.
 */
#ifndef ZSIP_BASE_H
#define ZSIP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZSIP_API __attribute__((visibility("default")))

/* The version of the library that runs, "0.1.0". Static string. */
ZSIP_API const char *zsip_version(void);

/* ---- Status ---------------------------------------------------------------------------------
 *
 * One law: a function that can fail returns enum zsip_status; results go through pointers. 0 is
 * success, > 0 is success with more to come, < 0 is an error. The third column is the SIP status
 * code that a request with this fault deserves (0: it is not a fault of a request). */
#define ZSIP_STATUS_MAP(X)                                                                         \
    X(OK, 0, 0, "ok")                                                                              \
    X(MORE, 1, 0, "more to come")                                                                  \
    /* What a peer's bytes can be. */                                                              \
    X(ERROR_SYNTAX, -1, 400, "syntax error")                                                       \
    X(ERROR_VERSION, -2, 505, "SIP version not supported")                                         \
    X(ERROR_MISSING, -3, 400, "mandatory header field missing")                                    \
    X(ERROR_DUPLICATE, -4, 400, "header field that may appear once appears twice")                 \
    X(ERROR_MISMATCH, -5, 400, "CSeq method differs from the request method")                      \
    X(ERROR_RANGE, -6, 400, "number out of range")                                                 \
    X(ERROR_LENGTH, -7, 400, "Content-Length and body disagree")                                   \
    X(ERROR_TOO_MANY, -8, 513, "too many header fields")                                           \
    X(ERROR_TOO_LARGE, -9, 513, "larger than the limit")                                           \
    X(ERROR_TRUNCATED, -10, 400, "message ends before its header section does")                    \
    /* What a caller, the machine or a full pool can answer. */                                    \
    X(ERROR_ARGUMENT, -32, 0, "invalid argument")                                                  \
    X(ERROR_MEMORY, -33, 0, "out of memory")                                                       \
    X(ERROR_FULL, -34, 503, "pool is full")                                                        \
    X(ERROR_STALE, -35, 0, "handle is no longer valid")                                            \
    X(ERROR_STATE, -36, 0, "not possible in this state")                                           \
    X(ERROR_SIZE, -37, 0, "request over 1300 bytes (RFC 3428 section 8)")                          \
    X(ERROR_UNSUPPORTED, -38, 0, "not supported here")                                             \
    X(ERROR_UNREACHABLE, -39, 503, "destination cannot be reached")                                \
    X(ERROR_TIMEOUT, -40, 408, "no final response in 64*T1")                                       \
    X(ERROR_IN_USE, -41, 0, "address already in use")                                              \
    X(ERROR_PERMISSION, -42, 0, "permission denied")                                               \
    X(ERROR_SYSTEM, -43, 500, "system call failed")

enum zsip_status {
#define X(name, value, code, text) ZSIP_##name = (value),
    ZSIP_STATUS_MAP(X)
#undef X
};

/* The name of a status ("ERROR_SYNTAX") and its text ("syntax error"); static strings, "?" for a
 * value that is none. */
ZSIP_API const char *zsip_status_name(enum zsip_status status);
ZSIP_API const char *zsip_status_text(enum zsip_status status);
/* The SIP status code a request with this fault deserves, 0 if it is not a fault of a request. */
ZSIP_API unsigned zsip_status_code(enum zsip_status status);

/* ---- Structures that grow ---------------------------------------------------------------------
 *
 * A structure whose first member is struct_bytes is passed by pointer and may get further members
 * at its end in a later version of the library. struct_bytes is the size that the caller was
 * compiled with: zsip_*_init() sets it, or an initializer does ({.struct_bytes = sizeof(x)}).
 * A member the caller does not know stays as it always was; a caller newer than the library gets
 * ERROR_UNSUPPORTED, if it uses what the library does not know, and else what it asked for. 0 is
 * ERROR_ARGUMENT: it was forgotten.
 *
 * A structure that is a member of another one, or stands in an array, never changes its size: it
 * has reserved room, which callers leave zero. */

/* ---- Bytes ---------------------------------------------------------------------------------- */

/* A stretch of one message's header section, which is why 16 bits suffice. {0, 0} is "absent":
 * nothing but a start line begins at offset 0, so a field that is there but empty has offset > 0.
 * (A start line's first word begins at 0 and is never empty.) */
struct zsip_slice {
    uint16_t offset;
    uint16_t length;
};

/* Borrowed bytes. Not terminated by NUL, may hold NUL. {NULL, 0} is "none". */
struct zsip_view {
    const uint8_t *data;
    size_t length;
};

/* A view of a string literal. */
#define ZSIP_VIEW(literal) ((struct zsip_view){(const uint8_t *)(literal), sizeof(literal) - 1})

/* Whether there is one: {0, 0} is none. */
static inline bool zsip_slice_present(struct zsip_slice slice)
{
    return (slice.offset | slice.length) != 0;
}

/* ---- Time -----------------------------------------------------------------------------------
 *
 * Time is an argument. The core never reads a clock: monotonic_ns drives every timer and never
 * goes back for one endpoint; utc_s serves Date and Expires alone. */
struct zsip_time {
    uint64_t monotonic_ns;
    int64_t utc_s; /* seconds since 1970-01-01 00:00:00 UTC */
};

#define ZSIP_NS_PER_US 1000ull
#define ZSIP_NS_PER_MS 1000000ull
#define ZSIP_NS_PER_S  1000000000ull
#define ZSIP_NEVER_NS  UINT64_MAX

/* ---- Addresses ------------------------------------------------------------------------------ */

enum zsip_transport {
    ZSIP_TRANSPORT_NONE = 0,
    ZSIP_TRANSPORT_UDP = 1,
    ZSIP_TRANSPORT_TCP = 2,
    ZSIP_TRANSPORT_TLS = 3,
    ZSIP_TRANSPORT_WS = 4,
    ZSIP_TRANSPORT_WSS = 5,
};

enum zsip_family {
    ZSIP_FAMILY_NONE = 0,
    ZSIP_FAMILY_IPV4 = 4,
    ZSIP_FAMILY_IPV6 = 6,
};

/* An address and port without any system type, so that the sans-IO part stays one. ip holds 4 or
 * 16 bytes in network order, the rest is zero, so that two equal addresses are equal bytes. */
struct zsip_address {
    uint8_t ip[16];
    uint32_t scope; /* IPv6 zone index, else 0 */
    uint16_t port;  /* host order */
    uint8_t family; /* enum zsip_family */
    uint8_t reserved;
};

/* Longest text of an address: "[" 39 digits and colons, "%" zone, "]:" port, NUL. */
#define ZSIP_ADDRESS_TEXT_BYTES 72

/* ---- Packets --------------------------------------------------------------------------------- */

enum zsip_path_flag {
    ZSIP_PATH_RELIABLE = 1, /* a stream: no retransmission, timers of zero length */
    ZSIP_PATH_SECURE = 2,   /* TLS or what counts as such */
};

/* The way between us and a peer. Received: local is the address the packet was sent to, remote
 * where it came from. To send: remote is where to; local the address to send from, its family NONE
 * if that does not matter; flow the socket or connection to use, 0 to let the transport choose by
 * transport and family. The flow of a connection names that one connection for ever: once it is
 * gone, the transport goes to remote by another. Packets that arrived in one train, or in one read
 * of a stream, share one path. */
struct zsip_path {
    struct zsip_address local;
    struct zsip_address remote;
    uint64_t flow;
    uint8_t transport;   /* enum zsip_transport */
    uint8_t flags;       /* enum zsip_path_flag */
    uint8_t reserved[6]; /* zero: equal paths are equal bytes */
};

enum zsip_packet_flag {
    ZSIP_PACKET_STEERED = 1, /* came from another worker, whose socket got it */
};

/* Why a stream could not be divided any further, in the flags of its last packet, which is a header
 * section alone: an enum zsip_status made positive, 0 for a whole message. */
#define ZSIP_PACKET_FAULT_SHIFT 16

/* One received message, or what is taken for one: a datagram, or what a framer cut from a stream.
 * data and path live until the function they are passed to returns. */
struct zsip_packet {
    const uint8_t *data;
    const struct zsip_path *path;
    uint32_t bytes;
    uint32_t flags;      /* enum zsip_packet_flag */
    uint64_t arrived_ns; /* when the machine got it, on the monotonic clock; 0: not known */
};

/* One message to be sent. data stands in the sender's output and may be padded in place, up to the
 * next multiple of ZSIP_OUTPUT_STRIDE: padding is SP (legal LWS) inserted at pad_at. */
struct zsip_output {
    uint8_t *data;
    const struct zsip_path *path;
    uint32_t bytes;
    uint32_t pad_at; /* offset in data where SP may be inserted; 0: nowhere */
    uint64_t client; /* of a request: whose transaction a failure is told to; 0: none */
};

#define ZSIP_OUTPUT_STRIDE 32u

/* ---- Memory ---------------------------------------------------------------------------------
 *
 * Every allocation of the library goes through one of these. All of them happen during set-up;
 * afterwards only touch and discard are called, between messages and for a bounded range each. */
struct zsip_memory {
    size_t struct_bytes;
    void *user; /* first argument of every hook */
    /* Memory of at least bytes, aligned to 64; NULL when there is none. Contents undefined. */
    void *(*allocate)(void *user, size_t bytes);
    /* Gives back what allocate returned; bytes as it was asked for. NULL is never passed. */
    void (*release)(void *user, void *memory, size_t bytes);
    /* Address space for bytes that costs memory only once touched and reads as zero, aligned to
     * 4096; given back by unreserve. Both may be NULL: then allocate serves, and is cleared. */
    void *(*reserve)(void *user, size_t bytes);
    void (*unreserve)(void *user, void *memory, size_t bytes);
    /* A hint that a reserved range won't be used for a while; it may read as zero afterwards.
     * May be NULL. */
    void (*discard)(void *user, void *memory, size_t bytes);
    /* A hint, once, that a reserved range will be read here and there, so that large pages would
     * spare a miss of the TLB at each look. May be NULL. */
    void (*scattered)(void *user, void *memory, size_t bytes);
};

/* ---- Our own mistakes ----------------------------------------------------------------------- */

/* Called on a broken assertion; must not return. A program may define its own; the default prints
 * one line to stderr and aborts. */
__attribute__((noreturn)) ZSIP_API void zsip_assert_failed(const char *expression, const char *file,
                                                           int line);

#define ZSIP_ASSERT(expression)                                                                    \
    (__builtin_expect(!!(expression), 1) ? (void)0                                                 \
                                         : zsip_assert_failed(#expression, __FILE__, __LINE__))

#ifdef __cplusplus
}
#endif

#endif
