/* The text of a run's requests: compiled once, copied for each send, what differs patched in. So
 * nothing has to be stored for a retransmission. Where all that differs has a fixed width, requests
 * of one run are equally long, which makes trains free; else each is put together from its parts.
 *
 * A text may hold keywords in brackets; what else stands in brackets is text, and \[ always is.
 *
 *     [branch] [call_id] [tag] [cseq]   what RFC 3261 wants to differ; CSeq goes up when a request
 *                                       is sent again with credentials
 *     [to] [from] [contact]             the URIs of this request (--to, --from); numbers in them
 *                                       are written %06d
 *     [user] [sender]                   the number of the target, of the sender: eight digits
 *     [sequence] [stamp]                the request's number in the run, when it left (ns): hex
 *     [domain] [sent_by] [transport]    of the run
 *     [route] [headers] [auth]          whole lines: of --proxy, --header, credentials; may be none
 *     [body] [len]                      the body and its length
 *     [field0] [field1] ...             of the injection file
 */
#ifndef ZSIP_BENCH_LOAD_TEMPLATE_H
#define ZSIP_BENCH_LOAD_TEMPLATE_H

#include "inject.h"
#include "zsip/zsip.h"

/* Users are numbered 0..99,999,999: eight digits. */
#define LOAD_USER_DIGITS 8
#define LOAD_USERS_MAX   100000000u
/* A request is one datagram. */
#define LOAD_REQUEST_BYTES_MAX 65535u
#define LOAD_PARTS_MAX         256u

/* What a run's bodies measure: one of these, drawn by the request's number. A distribution is as
 * many of its quantiles. */
#define LOAD_SIZES 1024u

struct load_template_config {
    enum zsip_method method;  /* of the built-in texts; ZSIP_METHOD_UNKNOWN: method_name says */
    const char *method_name;  /* NULL: as method */
    const char *text;         /* NULL: built in */
    const char *text_name;    /* of its file, for errors */
    const char *domain;       /* host[:port] of the target URIs */
    const char *sent_by;      /* of Via; its host also names the sender */
    const char *transport;    /* of Via: "UDP" */
    const char *proxy;        /* host:port of a preloaded loose Route; NULL: none */
    const char *to;           /* NULL: sip:u%08d@DOMAIN */
    const char *from;         /* NULL: sip:load@HOST of sent_by; of a REGISTER: to */
    const char *headers;      /* complete lines; NULL: none */
    const char *content_type; /* NULL: text/plain */
    struct zsip_view body;    /* what is sent of it, sizes say */
    const uint32_t *sizes;    /* LOAD_SIZES; NULL: the whole body */
    bool utf8;                /* a body is not cut within a character */
    bool auth;                /* [auth] may become something */
    bool stamped;             /* the body begins with a stamp, see LOAD_STAMP_BYTES */
    uint32_t expires_s;       /* of a REGISTER; 0: an hour */
    uint32_t users;           /* numbers in use: 0..users - 1 */
    const struct load_inject *inject;
    uint64_t run; /* random, tells this run's Call-IDs and tags from every other's */
};

/* "zsip RUN SEQUENCE TIME\n", each 16 hexadecimal digits: how a delivered body tells which request
 * it was, and when that left. */
#define LOAD_STAMP_BYTES (5u + 3 * 17u)

/* What one request differs in. */
struct load_words {
    uint64_t sequence;
    uint64_t stamp_ns;
    uint32_t user; /* also the line of an injection file */
    uint32_t sender;
    uint32_t cseq;         /* 1..9 */
    struct zsip_view auth; /* a header line with its CRLF, or nothing */
};

enum load_part_kind {
    LOAD_PART_TEXT,
    LOAD_PART_BRANCH,
    LOAD_PART_CALL_ID, /* its 16 digits behind the run's */
    LOAD_PART_TAG,
    LOAD_PART_CSEQ,
    LOAD_PART_USER,
    LOAD_PART_SENDER,
    LOAD_PART_STAMP,
    LOAD_PART_FIELD,
    LOAD_PART_AUTH,
    LOAD_PART_LENGTH,
    LOAD_PART_BODY,
};

struct load_part {
    uint32_t at;    /* in text, room for what has a fixed width */
    uint32_t bytes; /* there; of a FIELD 0 */
    uint8_t kind;
    uint8_t digits; /* of USER and SENDER */
    uint16_t field;
};

struct load_template {
    uint8_t *text;
    uint32_t bytes;      /* of a request; the most, where they differ */
    uint32_t text_bytes; /* used */
    uint32_t text_room;
    uint32_t branch_bytes;
    uint32_t pad_at; /* behind the colon of Content-Length, if that is the last field; else 0 */
    bool fixed;      /* every request is as long as the text */
    bool pads;       /* Content-Length is the last field */
    struct load_part parts[LOAD_PARTS_MAX];
    uint32_t part_count;
    uint32_t body_at; /* in text */
    uint32_t body_bytes;
    uint32_t sizes[LOAD_SIZES];
    bool sized;
    bool utf8;
    const struct load_inject *inject;
    uint64_t run;
};

/* Compiles. On failure error holds one line. ERROR_MEMORY; ERROR_ARGUMENT: what is no keyword, a
 * number too narrow, a text that is no request; ERROR_SIZE: over 65,535 bytes. */
enum zsip_status load_template_make(struct load_template *out,
                                    const struct load_template_config *config, char *error,
                                    size_t error_bytes);
void load_template_drop(struct load_template *template);

/* Writes a request into out. The same arguments give the same bytes. branch has
 * template->branch_bytes. *pad_at as in struct zsip_output. Returns the bytes, 0 if capacity is
 * less. */
size_t load_template_write(const struct load_template *template, const struct load_words *words,
                           struct zsip_view branch, uint8_t *out, size_t capacity,
                           uint32_t *pad_at);

#endif
