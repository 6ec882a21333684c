/* zsip: the parser. Bytes in, slices out; nothing copied, nothing allocated, no syscall, no clock.
 *
 * Two depths, one pass. zsip_parse() goes over a message once: start line, every header field
 * indexed with id and value, and in full what every element needs (Request-URI, top Via, From, To,
 * Call-ID, CSeq, Max-Forwards, Content-Length, Content-Type). The rest is parsed on demand by one
 * function per field, which is given a slice and can be called again.
 *
 * Grammar: RFC 3261 section 25, as Ragel machines in parser/.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_H
#define ZSIP_PARSER_H

#include "zsip/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Limits ---------------------------------------------------------------------------------- */

/* Slices have 16-bit offsets, so a header section ends before this. The largest datagram there is
 * (RFC 3261 section 18.1.1) fits. */
#define ZSIP_HEADER_SECTION_BYTES_MAX 65535u
/* Header lines of one message. RFC 4475's longest has 44; a request that crossed 70 proxies
 * (Max-Forwards) with a Via and a Record-Route from each has about 160 and is refused with 513.
 * Vias, Routes and their like need no limit of their own: several may share a line, but nothing
 * holds more than one of them at a time. */
#define ZSIP_HEADERS_MAX 128u

/* ---- Methods and header fields --------------------------------------------------------------- */

/* Methods with a name of their own. Ids only ever append. Everything else is ZSIP_METHOD_UNKNOWN
 * and goes by zsip_msg.method_name. Method names are case-sensitive (RFC 3261 section 7.1). */
#define ZSIP_METHOD_MAP(X)                                                                         \
    X(UNKNOWN, 0, "")                                                                              \
    X(MESSAGE, 1, "MESSAGE")                                                                       \
    X(OPTIONS, 2, "OPTIONS")                                                                       \
    X(REGISTER, 3, "REGISTER")                                                                     \
    X(INVITE, 4, "INVITE")                                                                         \
    X(ACK, 5, "ACK")                                                                               \
    X(CANCEL, 6, "CANCEL")                                                                         \
    X(BYE, 7, "BYE")                                                                               \
    X(SUBSCRIBE, 8, "SUBSCRIBE")                                                                   \
    X(NOTIFY, 9, "NOTIFY")                                                                         \
    X(PUBLISH, 10, "PUBLISH")                                                                      \
    X(INFO, 11, "INFO")                                                                            \
    X(REFER, 12, "REFER")                                                                          \
    X(UPDATE, 13, "UPDATE")                                                                        \
    X(PRACK, 14, "PRACK")

enum zsip_method {
#define X(name, id, text) ZSIP_METHOD_##name = (id),
    ZSIP_METHOD_MAP(X)
#undef X
        ZSIP_METHOD_COUNT,
};

/* Header fields with an id: X(name, id, "Long-Name", compact letter or 0, rows).
 *   ONE   may stand once (RFC 3261 section 7.3.1). A second row is a fault of the message if the
 *         field decides what the message is or where its answer goes: From, To, Call-ID, CSeq,
 *         Max-Forwards, Content-Length, Content-Type. Of the others the first row is the one to
 *         read: a fault in a field that nobody needs is none of the message (section 8.2.2).
 *   LIST  a comma list, any number of rows
 *   ROWS  any number of rows, never joined by commas (the authentication fields)
 * Ids only ever append; they are part of the ABI. To add a field, add its line and a golden file.
 */
#define ZSIP_HEADER_MAP(X)                                                                         \
    X(UNKNOWN, 0, "", 0, LIST)                                                                     \
    X(VIA, 1, "Via", 'v', LIST)                                                                    \
    X(FROM, 2, "From", 'f', ONE)                                                                   \
    X(TO, 3, "To", 't', ONE)                                                                       \
    X(CALL_ID, 4, "Call-ID", 'i', ONE)                                                             \
    X(CSEQ, 5, "CSeq", 0, ONE)                                                                     \
    X(MAX_FORWARDS, 6, "Max-Forwards", 0, ONE)                                                     \
    X(CONTENT_LENGTH, 7, "Content-Length", 'l', ONE)                                               \
    X(CONTENT_TYPE, 8, "Content-Type", 'c', ONE)                                                   \
    X(CONTACT, 9, "Contact", 'm', LIST)                                                            \
    X(ROUTE, 10, "Route", 0, LIST)                                                                 \
    X(RECORD_ROUTE, 11, "Record-Route", 0, LIST)                                                   \
    X(EXPIRES, 12, "Expires", 0, ONE)                                                              \
    X(DATE, 13, "Date", 0, ONE)                                                                    \
    X(REQUIRE, 14, "Require", 0, LIST)                                                             \
    X(PROXY_REQUIRE, 15, "Proxy-Require", 0, LIST)                                                 \
    X(SUPPORTED, 16, "Supported", 'k', LIST)                                                       \
    X(UNSUPPORTED, 17, "Unsupported", 0, LIST)                                                     \
    X(ALLOW, 18, "Allow", 0, LIST)                                                                 \
    X(ACCEPT, 19, "Accept", 0, LIST)                                                               \
    X(ACCEPT_ENCODING, 20, "Accept-Encoding", 0, LIST)                                             \
    X(ACCEPT_LANGUAGE, 21, "Accept-Language", 0, LIST)                                             \
    X(CONTENT_DISPOSITION, 22, "Content-Disposition", 0, ONE)                                      \
    X(CONTENT_ENCODING, 23, "Content-Encoding", 'e', LIST)                                         \
    X(CONTENT_LANGUAGE, 24, "Content-Language", 0, LIST)                                           \
    X(AUTHORIZATION, 25, "Authorization", 0, ROWS)                                                 \
    X(PROXY_AUTHORIZATION, 26, "Proxy-Authorization", 0, ROWS)                                     \
    X(WWW_AUTHENTICATE, 27, "WWW-Authenticate", 0, ROWS)                                           \
    X(PROXY_AUTHENTICATE, 28, "Proxy-Authenticate", 0, ROWS)                                       \
    X(AUTHENTICATION_INFO, 29, "Authentication-Info", 0, ONE)                                      \
    X(MIN_EXPIRES, 30, "Min-Expires", 0, ONE)                                                      \
    X(RETRY_AFTER, 31, "Retry-After", 0, ONE)                                                      \
    X(WARNING, 32, "Warning", 0, LIST)                                                             \
    X(REPLY_TO, 33, "Reply-To", 0, ONE)                                                            \
    X(IN_REPLY_TO, 34, "In-Reply-To", 0, LIST)                                                     \
    X(SUBJECT, 35, "Subject", 's', ONE)                                                            \
    X(SERVER, 36, "Server", 0, ONE)                                                                \
    X(USER_AGENT, 37, "User-Agent", 0, ONE)                                                        \
    X(TIMESTAMP, 38, "Timestamp", 0, ONE)                                                          \
    X(ORGANIZATION, 39, "Organization", 0, ONE)                                                    \
    X(PRIORITY, 40, "Priority", 0, ONE)                                                            \
    X(MIME_VERSION, 41, "MIME-Version", 0, ONE)                                                    \
    X(CALL_INFO, 42, "Call-Info", 0, LIST)                                                         \
    X(ALERT_INFO, 43, "Alert-Info", 0, LIST)                                                       \
    X(ERROR_INFO, 44, "Error-Info", 0, LIST)                                                       \
    X(PATH, 45, "Path", 0, LIST)                                                                   \
    X(SERVICE_ROUTE, 46, "Service-Route", 0, LIST)                                                 \
    X(P_ASSERTED_IDENTITY, 47, "P-Asserted-Identity", 0, LIST)                                     \
    X(P_PREFERRED_IDENTITY, 48, "P-Preferred-Identity", 0, LIST)                                   \
    X(PRIVACY, 49, "Privacy", 0, ONE)                                                              \
    X(REASON, 50, "Reason", 0, LIST)                                                               \
    X(MAX_BREADTH, 51, "Max-Breadth", 0, ONE)                                                      \
    X(EVENT, 52, "Event", 'o', ONE)                                                                \
    X(FLOW_TIMER, 53, "Flow-Timer", 0, ONE)                                                        \
    X(SIP_ETAG, 54, "SIP-ETag", 0, ONE)                                                            \
    X(SIP_IF_MATCH, 55, "SIP-If-Match", 0, ONE)                                                    \
    X(REFER_TO, 56, "Refer-To", 'r', ONE)                                                          \
    X(REFERRED_BY, 57, "Referred-By", 'b', ONE)                                                    \
    X(ALLOW_EVENTS, 58, "Allow-Events", 'u', LIST)                                                 \
    X(SUBSCRIPTION_STATE, 59, "Subscription-State", 0, ONE)

enum zsip_header_id {
#define X(name, id, text, compact, rows) ZSIP_HEADER_##name = (id),
    ZSIP_HEADER_MAP(X)
#undef X
        ZSIP_HEADER_ID_COUNT,
};

/* ---- Parsed fields --------------------------------------------------------------------------- */

enum zsip_scheme {
    ZSIP_SCHEME_OTHER = 0, /* any other absoluteURI: whole and scheme_name are filled */
    ZSIP_SCHEME_SIP = 1,
    ZSIP_SCHEME_SIPS = 2,
    ZSIP_SCHEME_TEL = 3, /* user holds the subscriber, params the parameters */
    ZSIP_SCHEME_IM = 4,  /* RFC 3860: user and host like a mailbox */
};

enum zsip_host_kind {
    ZSIP_HOST_NONE = 0,
    ZSIP_HOST_NAME = 1,
    ZSIP_HOST_IPV4 = 2,
    ZSIP_HOST_IPV6 = 3, /* the slice has no brackets */
};

/* A URI (RFC 3261 section 19.1). params and headers are raw, without the leading ';' or '?'. */
struct zsip_uri {
    struct zsip_slice whole;
    struct zsip_slice scheme_name;
    struct zsip_slice user;     /* with telephone parameters, escapes as they stand */
    struct zsip_slice password; /* deprecated, and present all the same */
    struct zsip_slice host;
    struct zsip_slice params;
    struct zsip_slice headers;
    uint16_t port;     /* 0: absent */
    uint8_t scheme;    /* enum zsip_scheme */
    uint8_t host_kind; /* enum zsip_host_kind */
};

enum zsip_via_flag {
    ZSIP_VIA_RPORT = 1,        /* rport is there, with or without a value */
    ZSIP_VIA_COOKIE = 2,       /* branch begins with z9hG4bK and goes on after it */
    ZSIP_VIA_ALIAS = 4,        /* RFC 5923 */
    ZSIP_VIA_OC = 8,           /* RFC 7339 */
    ZSIP_VIA_TTL = 16,         /* ttl is there */
    ZSIP_VIA_RPORT_VALUE = 32, /* rport has a value, in rport_port */
};

/* One Via value (RFC 3261 section 20.42). */
struct zsip_via {
    struct zsip_slice whole;          /* this value, from sent-protocol to the last parameter */
    struct zsip_slice transport_name; /* "UDP", as written */
    struct zsip_slice sent_by;        /* host [COLON port], raw */
    struct zsip_slice host;           /* IPv6 without brackets */
    struct zsip_slice params;         /* raw, from the first ';'; absent if there is none */
    struct zsip_slice branch;
    struct zsip_slice received; /* without brackets */
    struct zsip_slice maddr;
    struct zsip_slice rport; /* the parameter itself, "rport" or "rport=5060" */
    uint16_t port;           /* 0: absent */
    uint16_t rport_port;
    uint8_t transport; /* enum zsip_transport, NONE for one that has no id */
    uint8_t host_kind;
    uint8_t flags; /* enum zsip_via_flag */
    uint8_t ttl;
};

/* From, To and everything shaped like them: name-addr or addr-spec with parameters. */
struct zsip_party {
    struct zsip_slice whole;   /* the value, with its parameters */
    struct zsip_slice display; /* as written, quotes included */
    struct zsip_slice uri;     /* without the angle brackets */
    struct zsip_slice params;  /* raw, from the first ';' after the address */
    struct zsip_slice tag;
};

struct zsip_media_type {
    struct zsip_slice type;
    struct zsip_slice subtype;
    struct zsip_slice params; /* raw, from the first ';' */
};

struct zsip_header {
    struct zsip_slice value; /* without the white space around it; folds are still inside */
    uint16_t name_offset;    /* the line begins here */
    uint8_t name_length;     /* names over 255 bytes are a fault */
    uint8_t id;              /* enum zsip_header_id */
};

/* ---- The message ----------------------------------------------------------------------------- */

enum zsip_kind {
    ZSIP_KIND_NONE = 0, /* not even a start line was understood */
    ZSIP_KIND_REQUEST = 1,
    ZSIP_KIND_RESPONSE = 2,
};

/* Where and why a message is not legal. rule is a static string: the ABNF rule or header field
 * that was broken, fit for a reason phrase ("Call-ID", "CSeq number", "Via sent-by"). */
struct zsip_fault {
    uint32_t offset;
    enum zsip_status status;
    const char *rule;
};

#define ZSIP_ABSENT UINT32_MAX

/* One parsed message: at most 1.5 KiB, allocated by the caller with zsip_msg_size() bytes, aligned
 * as max_align_t. Slices and views into it live as long as data does. Only what a message uses is
 * written: headers[] beyond header_count holds garbage.
 *
 * After an error the fields that were understood stand; what has_* bits and offsets say can be
 * believed, so that an answer can be addressed where there is an address at all. */
struct zsip_msg {
    const uint8_t *data;   /* the first byte of the start line */
    uint32_t body_offset;  /* from data */
    uint32_t body_bytes;   /* by Content-Length, else what is left of the datagram */
    uint16_t header_bytes; /* start line, header lines and the empty line */
    uint16_t header_count;
    uint16_t status_code; /* responses: 100..699 */
    uint8_t kind;         /* enum zsip_kind */
    uint8_t method;       /* enum zsip_method; of a response: the CSeq's */
    uint64_t present;     /* bit per enum zsip_header_id: this field occurs */

    struct zsip_slice method_name; /* of a response: the CSeq's */
    struct zsip_slice reason;      /* responses; present and empty is legal */
    struct zsip_uri request_uri;   /* requests */
    struct zsip_via via;           /* the topmost */
    struct zsip_party from;
    struct zsip_party to;
    struct zsip_slice call_id;
    uint32_t cseq_number;
    uint32_t max_forwards;   /* ZSIP_ABSENT if there is none or it is over 255 */
    uint32_t content_length; /* ZSIP_ABSENT if there is none */
    struct zsip_media_type content_type;
    struct zsip_fault fault; /* the first one; status OK if there is none */

    struct zsip_header headers[ZSIP_HEADERS_MAX]; /* in the order of the message */
};

/* Bytes to allocate for one struct zsip_msg of this library's version. */
ZSIP_API size_t zsip_msg_size(void);

enum zsip_parse_flag {
    /* The message came over a stream: Content-Length is mandatory (RFC 3261 section 18.3). */
    ZSIP_PARSE_STREAM = 1,
};

/* Parses one whole message, which begins at data[0] (leading CRLFs of a datagram are skipped, and
 * msg->data points behind them) and ends at data[bytes - 1] or before (RFC 3261 section 18.3:
 * octets behind Content-Length are ignored).
 *
 * Reads nothing outside [data, data + bytes) that could lie on another page. Writes *msg only.
 * One pass, no allocation.
 *
 * Returns ZSIP_OK, or the status of the first fault, which msg->fault locates:
 * ERROR_SYNTAX, ERROR_VERSION, ERROR_MISSING, ERROR_DUPLICATE, ERROR_MISMATCH, ERROR_RANGE,
 * ERROR_LENGTH, ERROR_TOO_MANY, ERROR_TOO_LARGE, ERROR_TRUNCATED. Parsing goes on behind a fault
 * as far as lines can be told apart, so that the answer to a bad request can be addressed. */
ZSIP_API enum zsip_status zsip_parse(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                     unsigned flags);

/* ---- Looking into a message ------------------------------------------------------------------ */

/* The bytes of a slice of this message. They live as long as the message's data. */
static inline struct zsip_view zsip_msg_view(const struct zsip_msg *msg, struct zsip_slice slice)
{
    struct zsip_view view = {msg->data + slice.offset, slice.length};
    return view;
}

/* The body, by Content-Length or to the datagram's end; empty if there is none. */
static inline struct zsip_view zsip_msg_body(const struct zsip_msg *msg)
{
    struct zsip_view view = {msg->data + msg->body_offset, msg->body_bytes};
    return view;
}

/* Whether a header field with this id is there. One look at a bit. */
static inline bool zsip_msg_has(const struct zsip_msg *msg, enum zsip_header_id id)
{
    return (msg->present >> (unsigned)id & 1u) != 0;
}

/* The index of the first header field with this id at or behind index from; msg->header_count if
 * there is none. Costs a walk over the index, no parsing. */
ZSIP_API unsigned zsip_msg_find(const struct zsip_msg *msg, enum zsip_header_id id, unsigned from);

/* Long name of a header field and name of a method; "" for UNKNOWN. Static strings. */
ZSIP_API const char *zsip_header_name(enum zsip_header_id id);
ZSIP_API const char *zsip_method_name(enum zsip_method method);
/* The id of a name: header names compare without regard to case and in both forms, method names
 * exactly. UNKNOWN if there is none. */
ZSIP_API enum zsip_header_id zsip_header_by_name(struct zsip_view name);
ZSIP_API enum zsip_method zsip_method_by_name(struct zsip_view name);

/* ---- Fields on demand ------------------------------------------------------------------------
 *
 * Each goes over its value once, allocates nothing and changes nothing but what it is given to
 * fill, so it can be called again, and by several threads. msg is one that zsip_parse() filled,
 * whatever it returned. base is what the slice counts from: msg->data, or the first byte of any
 * text that is no message (a target given on a command line). Slices that come out count from the
 * same, and live as long as it.
 *
 * Returns ZSIP_OK; ERROR_SYNTAX: the value is not what its rule says; or ERROR_RANGE: a number in
 * it means nothing or does not fit. *fault, where given (it may be NULL), then says which rule, and
 * where, from base; *out holds nothing to be used. The end of a list is ZSIP_OK with *found false.
 *
 * A list function that is asked for a field that holds one value (ONE in the map above) finds that
 * value; a comma behind it is ERROR_SYNTAX. After an error the next call tells the same one. */

/* A URI that fills the slice whole (RFC 3261 section 19.1.1). Sets out only on ZSIP_OK. */
ZSIP_API enum zsip_status zsip_uri_parse(const uint8_t *base, struct zsip_slice slice,
                                         struct zsip_uri *out, struct zsip_fault *fault);

/* Whether two URIs are equal (RFC 3261 section 19.1.4). Both URIs parsed, each with its own base.
 * URIs of other schemes compare byte by byte. Not transitive: never hash the whole URI, only
 * scheme, user, host and port. */
ZSIP_API bool zsip_uri_equal(const uint8_t *base_a, const struct zsip_uri *a, const uint8_t *base_b,
                             const struct zsip_uri *b);

/* Looks up one URI or header parameter in a raw parameter list (the params of a URI, a Via, a
 * party, a media type or a value). Returns whether it is there, the first of several; *value, if
 * not NULL, becomes its value ({0,0}: none), with its quotes and escapes as they stand. Names
 * compare without regard to case. One walk over the list. */
ZSIP_API bool zsip_param_find(const uint8_t *base, struct zsip_slice params, const char *name,
                              struct zsip_slice *value);

/* Walks the values of a field that is a list, over all its rows. Start with {0, 0}. After an error
 * it stands before the faulty value: rows behind that one begin at {row + 1, 0}. An offset that
 * does not lie in its row counts as 0. */
struct zsip_cursor {
    uint32_t row;    /* index into headers */
    uint32_t offset; /* from data; 0: the row's beginning */
};

/* The next Via of a message (RFC 3261 section 20.42), the topmost first. */
ZSIP_API enum zsip_status zsip_via_next(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                        struct zsip_via *out, bool *found,
                                        struct zsip_fault *fault);

/* The next value shaped like name-addr of Route, Record-Route, Contact, Path, Service-Route,
 * P-Asserted-Identity, Reply-To, Call-Info ... A Contact of "*" gives uri = "*". Route, Record-
 * Route, Path and Service-Route need their angle brackets (RFC 3261 section 20.34). */
ZSIP_API enum zsip_status zsip_party_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                          struct zsip_cursor *cursor, struct zsip_party *out,
                                          bool *found, struct zsip_fault *fault);

/* The same with its URI parsed, by one walk over both: cheaper than zsip_uri_parse() behind it.
 * Of a "*", uri has nothing but whole. */
struct zsip_party_uri {
    struct zsip_party party;
    struct zsip_uri uri; /* party.uri */
};
ZSIP_API enum zsip_status zsip_party_uri_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                              struct zsip_cursor *cursor,
                                              struct zsip_party_uri *out, bool *found,
                                              struct zsip_fault *fault);

/* The next element of a list of tokens (Require, Supported, Allow, Content-Encoding ...); of
 * In-Reply-To, the next Call-ID. A row that is empty has none. Priority, SIP-ETag and SIP-If-Match
 * hold one token. */
ZSIP_API enum zsip_status zsip_token_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                          struct zsip_cursor *cursor, struct zsip_slice *out,
                                          bool *found, struct zsip_fault *fault);

/* Expires, Min-Expires, Max-Breadth, Flow-Timer: delta-seconds, at most 2^32-1 (RFC 3261
 * section 20.19). */
ZSIP_API enum zsip_status zsip_delta_seconds(const uint8_t *base, struct zsip_slice slice,
                                             uint32_t *seconds, struct zsip_fault *fault);

/* Date in its one legal form, "Sat, 13 Nov 2010 23:29:00 GMT" (RFC 3261 section 20.17), as seconds
 * since 1970. */
ZSIP_API enum zsip_status zsip_date(const uint8_t *base, struct zsip_slice slice, int64_t *utc_s,
                                    struct zsip_fault *fault);

/* The next value shaped like a token or two with parameters: Accept ("text/plain;q=0.5"), which has
 * two; Accept-Encoding, Accept-Language, Reason (RFC 3326), Content-Disposition, Event,
 * Subscription-State, which have one; of any other field, either. */
struct zsip_value {
    struct zsip_slice whole;
    struct zsip_slice value;
    struct zsip_slice params; /* raw, from the first ';' */
};
ZSIP_API enum zsip_status zsip_value_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                          struct zsip_cursor *cursor, struct zsip_value *out,
                                          bool *found, struct zsip_fault *fault);

/* Credentials and challenges. A field of one holds exactly one; a message may have several rows
 * (zsip_msg_find() goes through them). Parameters come without their quotes, escapes as they stand,
 * and only for Digest; of another scheme, params is all there is. */
enum zsip_auth_scheme {
    ZSIP_AUTH_OTHER = 0,
    ZSIP_AUTH_DIGEST = 1,
};
struct zsip_auth {
    struct zsip_slice whole;
    struct zsip_slice scheme_name;
    struct zsip_slice params; /* raw, all of them */
    struct zsip_slice username;
    struct zsip_slice realm;
    struct zsip_slice nonce;
    struct zsip_slice uri;
    struct zsip_slice response;
    struct zsip_slice algorithm;
    struct zsip_slice cnonce;
    struct zsip_slice opaque;
    struct zsip_slice qop;
    struct zsip_slice nc; /* eight hexadecimal digits */
    struct zsip_slice domain;
    struct zsip_slice stale;
    struct zsip_slice userhash;
    struct zsip_slice nextnonce;
    struct zsip_slice rspauth;
    uint8_t scheme; /* enum zsip_auth_scheme */
};
/* The value of an Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate or
 * Authentication-Info field (RFC 3261 section 22, RFC 7616). A parameter twice is ERROR_SYNTAX. */
ZSIP_API enum zsip_status zsip_auth_parse(const uint8_t *base, struct zsip_slice slice,
                                          enum zsip_header_id id, struct zsip_auth *out,
                                          struct zsip_fault *fault);

/* The next parameter of credentials or a challenge of any scheme, in their order: what struct
 * zsip_auth has no member for (username*, charset: RFC 7616), and what other schemes have (RFC 3261
 * section 25.1, other-response). params is zsip_auth.params; *cursor begins as 0. value comes
 * without its quotes, escapes as they stand. */
struct zsip_auth_param {
    struct zsip_slice name;
    struct zsip_slice value;
};
ZSIP_API enum zsip_status zsip_auth_param_next(const uint8_t *base, struct zsip_slice params,
                                               uint32_t *cursor, struct zsip_auth_param *out,
                                               bool *found, struct zsip_fault *fault);

/* The next product or comment of Server or User-Agent (RFC 3261 sections 20.35, 20.41): "Softphone/
 * Beta1.5 (a comment)" has two. Of a product, comment is absent, and version too where there is
 * none; of a comment, which keeps its parentheses, name is. *cursor begins as 0. The end is told by
 * *found = false with ZSIP_OK. */
struct zsip_product {
    struct zsip_slice name;
    struct zsip_slice version;
    struct zsip_slice comment;
};
ZSIP_API enum zsip_status zsip_product_next(const uint8_t *base, struct zsip_slice slice,
                                            uint32_t *cursor, struct zsip_product *out, bool *found,
                                            struct zsip_fault *fault);

/* The next Warning (RFC 3261 section 20.43). text keeps its quotes. */
struct zsip_warning {
    struct zsip_slice agent;
    struct zsip_slice text;
    uint16_t code;
};
ZSIP_API enum zsip_status zsip_warning_next(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                            struct zsip_warning *out, bool *found,
                                            struct zsip_fault *fault);

/* Retry-After (RFC 3261 section 20.33). */
struct zsip_retry_after {
    struct zsip_slice comment; /* with its parentheses */
    struct zsip_slice params;  /* raw, from the first ';' */
    uint32_t seconds;
};
ZSIP_API enum zsip_status zsip_retry_after(const uint8_t *base, struct zsip_slice slice,
                                           struct zsip_retry_after *out, struct zsip_fault *fault);

/* Timestamp (RFC 3261 section 20.38): decimal numbers of seconds, as written. */
struct zsip_timestamp {
    struct zsip_slice time;
    struct zsip_slice delay;
};
ZSIP_API enum zsip_status zsip_timestamp(const uint8_t *base, struct zsip_slice slice,
                                         struct zsip_timestamp *out, struct zsip_fault *fault);

/* A q parameter's value, 0 to 1000 (RFC 3261 section 20.10). */
ZSIP_API enum zsip_status zsip_qvalue(const uint8_t *base, struct zsip_slice slice,
                                      unsigned *thousandths, struct zsip_fault *fault);

/* The overload control parameters of a Via (RFC 7339 section 4). */
enum zsip_overload_flag {
    ZSIP_OVERLOAD_OC = 1,       /* oc is there, perhaps without a value: the sender can do it */
    ZSIP_OVERLOAD_OC_VALUE = 2, /* in oc */
    ZSIP_OVERLOAD_VALIDITY = 4, /* oc-validity is there */
};
struct zsip_overload {
    struct zsip_slice algorithms; /* oc-algo, without its quotes */
    struct zsip_slice sequence;   /* oc-seq, as written */
    uint32_t oc;
    uint32_t validity_ms; /* 500 where it is not given */
    unsigned flags;       /* enum zsip_overload_flag */
};
ZSIP_API enum zsip_status zsip_via_overload(const uint8_t *base, const struct zsip_via *via,
                                            struct zsip_overload *out, struct zsip_fault *fault);

/* ---- Framing of streams ----------------------------------------------------------------------
 *
 * Where a message ends on a stream (RFC 3261 section 18.3). The framer is told what the stream
 * holds from the end of the last event on, again and again while it grows; it keeps count of what
 * it has looked at and goes on from there. However the stream is cut, the events are the same. */
enum zsip_frame_event {
    ZSIP_FRAME_NONE = 0,
    /* A whole message, for zsip_parse() with ZSIP_PARSE_STREAM. */
    ZSIP_FRAME_MESSAGE = 1,
    /* One CRLF between messages: the pong of RFC 5626 section 3.5.1, or the first half of a ping,
     * or a stray (RFC 3261 section 7.5). */
    ZSIP_FRAME_CRLF = 2,
    /* A second CRLF right behind one: that was a ping, which deserves a CRLF. */
    ZSIP_FRAME_PING = 3,
};

/* One direction of one connection; the caller's to keep. Begin with zsip_frame_init(). */
struct zsip_frame {
    uint32_t header_bytes_max; /* at most ZSIP_HEADER_SECTION_BYTES_MAX */
    uint32_t body_bytes_max;
    /* Private. */
    uint32_t line;         /* the line that is not whole yet begins here */
    uint32_t scanned;      /* no end of a line before this */
    uint32_t header_bytes; /* of the message whose body is awaited, else 0 */
    uint32_t body_bytes;   /* its Content-Length; ZSIP_ABSENT: none yet */
    uint32_t fault_offset; /* of the first fault of its Content-Length */
    int8_t fault;          /* enum zsip_status */
    uint8_t after_crlf;    /* the last event was a ZSIP_FRAME_CRLF */
    uint8_t broken;        /* this stream has no frames any more */
};

/* Begins a direction of a connection. Bounds of 0 mean: ZSIP_HEADER_SECTION_BYTES_MAX, and as many
 * bytes of body. */
ZSIP_API void zsip_frame_init(struct zsip_frame *frame, uint32_t header_bytes_max,
                              uint32_t body_bytes_max);

/* Finds the next message of a stream. Looks at data[0 .. bytes), which begins where the last event
 * ended.
 *
 * ZSIP_OK: *event happened and took the first *taken bytes; the next call begins behind them.
 * ZSIP_MORE: nothing yet; call again with the same bytes and more.
 * An error: the stream can't be divided any further and must be closed, perhaps after an answer to
 * the header section, which is the first *taken bytes (0: not even that is known). ERROR_MISSING
 * and ERROR_SYNTAX, ERROR_RANGE, ERROR_DUPLICATE are about Content-Length, ERROR_TOO_LARGE about a
 * bound. Any further call says ERROR_STATE. *fault may be NULL. */
ZSIP_API enum zsip_status zsip_frame_next(struct zsip_frame *frame, const uint8_t *data,
                                          size_t bytes, enum zsip_frame_event *event, size_t *taken,
                                          struct zsip_fault *fault);

#ifdef __cplusplus
}
#endif

#include "zsip/writer.h"

#endif
