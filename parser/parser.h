/* zsip: what the files of the parser share, and the tests that look into it. Not installed.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_PARSER_H
#define ZSIP_PARSER_PARSER_H

#include "zsip/parser.h"

/* ---- The ways through a message --------------------------------------------------------------
 *
 * One parse, compiled several times: plain is the Ragel machines and byte loops alone and is the
 * reference; the others look at whole vectors and try shape-matchers first. All give the same
 * answer for every input, which the tests and fuzzers hold them to. zsip_parse() takes the best
 * one that the processor has. */
enum zsip_status zsip_parse_plain(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                  unsigned flags);

/* The steps of the plain way, which the fast ones take where a shape is new to them.
 *
 * start and line parse the line at msg->data or p and return the next, NULL if the header section
 * breaks off in it; field judges one value of a line that begins at name; end does what is left to
 * do when the header section is over: behind is what follows its empty line, NULL if there is
 * none, bytes what the whole message has from msg->data on. */
const uint8_t *zsip_start_slow(struct zsip_msg *msg, const uint8_t *end);
const uint8_t *zsip_line_slow(struct zsip_msg *msg, const uint8_t *p, const uint8_t *end);
void zsip_field_slow(struct zsip_msg *msg, enum zsip_header_id id, const uint8_t *name,
                     const uint8_t *begin, const uint8_t *end);
enum zsip_status zsip_parse_end(struct zsip_msg *msg, const uint8_t *behind, size_t bytes,
                                unsigned flags);

/* Whether an element of a list that ends at p is followed by a comma, in a field that holds one
 * value (RFC 3261 section 7.3.1). */
static inline bool zsip_is_too_much(enum zsip_header_id id, const uint8_t *p, const uint8_t *end)
{
    enum { ROWS_ONE = 1, ROWS_LIST = 0, ROWS_ROWS = 0 };
#define X(name, id, text, compact, rows) | (uint64_t)ROWS_##rows << (id)
    const uint64_t ones = 0 ZSIP_HEADER_MAP(X);
#undef X
    return p != end && (ones >> (unsigned)id & 1) != 0;
}

/* ---- Machines --------------------------------------------------------------------------------
 *
 * Each is given a stretch [*cursor, end) of text, base being what its slices count from. The ones
 * that parse one element of a list stop at the comma behind it and leave *cursor there, or at end.
 * On a fault they return its status, fill *fault (never NULL here) and leave *cursor where it was
 * found. Slices go to *out, which is written whole. One pass, no look-behind. */
/* The host that fills [begin, end), IPv6 in its brackets, which *host leaves out. */
enum zsip_status zsip_machine_host(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                   struct zsip_slice *host, uint8_t *kind, const char *rule,
                                   struct zsip_fault *fault);
/* Whether [begin, end) is an IPv6address, without brackets. */
bool zsip_machine_ipv6(const uint8_t *begin, const uint8_t *end);
enum zsip_status zsip_machine_uri(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                  struct zsip_uri *out, struct zsip_fault *fault);
enum zsip_status zsip_machine_via(const uint8_t *base, const uint8_t **cursor, const uint8_t *end,
                                  struct zsip_via *out, struct zsip_fault *fault);
enum zsip_status zsip_machine_party(const uint8_t *base, const uint8_t **cursor, const uint8_t *end,
                                    enum zsip_header_id field, struct zsip_party *out,
                                    struct zsip_fault *fault);
enum zsip_status zsip_machine_cseq(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                   uint32_t *number, struct zsip_slice *method,
                                   struct zsip_fault *fault);
enum zsip_status zsip_machine_call_id(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                      struct zsip_fault *fault);
enum zsip_status zsip_machine_media_type(const uint8_t *base, const uint8_t *begin,
                                         const uint8_t *end, struct zsip_media_type *out,
                                         struct zsip_fault *fault);

/* A number that fills [begin, end): at most max, else ZSIP_ERROR_RANGE. */
enum zsip_status zsip_machine_digits(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                     uint64_t max, uint64_t *out, const char *rule,
                                     struct zsip_fault *fault);
/* The start line [msg->data, end), without its CRLF. Fills kind, method, method_name, request_uri,
 * status_code and reason; kind, method and method_name also on many faults. */
enum zsip_status zsip_machine_start(struct zsip_msg *msg, const uint8_t *end,
                                    struct zsip_fault *fault);

/* One token of a list, with the white space behind it. */
enum zsip_status zsip_machine_list_token(const uint8_t *base, const uint8_t **cursor,
                                         const uint8_t *end, struct zsip_slice *out,
                                         struct zsip_fault *fault);
/* The same for Call-IDs. */
enum zsip_status zsip_machine_list_call_id(const uint8_t *base, const uint8_t **cursor,
                                           const uint8_t *end, struct zsip_slice *out,
                                           struct zsip_fault *fault);
/* A token or two with parameters; id says whether it has to be two (Accept) or must not. */
enum zsip_status zsip_machine_value(const uint8_t *base, const uint8_t **cursor, const uint8_t *end,
                                    enum zsip_header_id id, struct zsip_value *out,
                                    struct zsip_fault *fault);
enum zsip_status zsip_machine_warning(const uint8_t *base, const uint8_t **cursor,
                                      const uint8_t *end, struct zsip_warning *out,
                                      struct zsip_fault *fault);
/* Whether [p, pe) is a SIP-date; *stop is where it ceases to be one. */
bool zsip_machine_date(const uint8_t *p, const uint8_t *pe, const uint8_t **stop);
/* One auth-param; *value comes without its quotes. */
enum zsip_status zsip_machine_auth_param(const uint8_t *base, const uint8_t **cursor,
                                         const uint8_t *end, struct zsip_slice *name,
                                         struct zsip_slice *value, struct zsip_fault *fault);

/* The functions without _slow by the machines alone. */
enum zsip_status zsip_via_next_slow(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                    struct zsip_via *out, bool *found, struct zsip_fault *fault);
enum zsip_status zsip_party_next_slow(const struct zsip_msg *msg, enum zsip_header_id id,
                                      struct zsip_cursor *cursor, struct zsip_party *out,
                                      bool *found, struct zsip_fault *fault);
enum zsip_status zsip_party_uri_next_slow(const struct zsip_msg *msg, enum zsip_header_id id,
                                          struct zsip_cursor *cursor, struct zsip_party_uri *out,
                                          bool *found, struct zsip_fault *fault);
enum zsip_status zsip_uri_slow(const uint8_t *base, struct zsip_slice slice, struct zsip_uri *out,
                               struct zsip_fault *fault);
enum zsip_status zsip_auth_slow(const uint8_t *base, struct zsip_slice slice,
                                enum zsip_header_id id, struct zsip_auth *out,
                                struct zsip_fault *fault);

enum zsip_status zsip_date_slow(const uint8_t *base, struct zsip_slice slice, int64_t *utc_s,
                                struct zsip_fault *fault);

/* ---- Parameter lists that a machine has already approved ------------------------------------- */

struct zsip_param {
    const uint8_t *name;
    const uint8_t *value; /* NULL: it has none; a quoted-string keeps its quotes */
    size_t name_length;
    size_t value_length;
};

/* The next of a list like ";a=b ; c"; false at its end. */
bool zsip_param_next(const uint8_t **cursor, const uint8_t *end, struct zsip_param *out);
/* Behind the quoted-string that begins at p; end if it is not closed. */
const uint8_t *zsip_quoted_end(const uint8_t *p, const uint8_t *end);
/* Equal without regard to the case of ASCII letters. */
bool zsip_text_equal(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length);

/* ---- Small tools ----------------------------------------------------------------------------- */

static inline struct zsip_slice zsip_slice_between(const uint8_t *base, const uint8_t *from,
                                                   const uint8_t *to)
{
    return (struct zsip_slice){(uint16_t)(from - base), (uint16_t)(to - from)};
}

/* Writes *fault and returns status. */
static inline enum zsip_status zsip_fault_set(struct zsip_fault *fault, const uint8_t *base,
                                              const uint8_t *at, enum zsip_status status,
                                              const char *rule)
{
    fault->offset = (uint32_t)(at - base);
    fault->status = status;
    fault->rule = rule;
    return status;
}

static inline bool zsip_is_token_char(uint8_t c)
{
    static const uint32_t set[8] = {
        0, 0x03FF6CA2, 0x87FFFFFE, 0x47FFFFFF, 0, 0, 0, 0,
    };
    return (set[c >> 5] >> (c & 31) & 1) != 0;
}

static inline bool zsip_is_lws(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the LWS at p, if there is any. A CR or LF that is none of a fold is no white space: a
 * value on demand may stand in a message that was refused for it, or in none. */
static inline const uint8_t *zsip_lws_skip(const uint8_t *p, const uint8_t *end)
{
    for (;;) {
        if (p < end && (*p == ' ' || *p == '\t'))
            p++;
        else if (end - p >= 3 && p[0] == '\r' && p[1] == '\n' && (p[2] == ' ' || p[2] == '\t'))
            p += 3;
        else
            return p;
    }
}

static inline uint8_t zsip_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* The number in [from, to), all digits; false if it is over max. */
static inline bool zsip_number(const uint8_t *from, const uint8_t *to, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    for (; from < to; from++) {
        value = value * 10 + (uint64_t)(*from - '0');
        if (value > max)
            return false;
    }
    *out = value;
    return true;
}

struct zsip_date_numbers {
    unsigned year, month, day, hour, minute, second; /* month 1 to 12 */
};

/* The seconds from 1970 on to a date of the Gregorian calendar; false if there is no such date.
 * Second 60 is a leap second, and counts as the first of the next minute. The name of the day is
 * not checked against the date: nobody is served by refusing it. */
static inline bool zsip_date_seconds(const struct zsip_date_numbers *date, int64_t *utc_s)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);
    unsigned most = days[date->month - 1] + (date->month == 2 && leap ? 1u : 0u);
    if (date->day - 1 >= most || date->hour > 23 || date->minute > 59 || date->second > 60)
        return false;
    /* Years begin in March here, and 400 of them are added lest one be below 0. */
    unsigned year = date->year + 400 - (date->month <= 2), month = (date->month + 9) % 12;
    unsigned day =
        year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + date->day - 1;
    *utc_s = ((int64_t)day - 146097 - 719468) * 86400 + date->hour * 3600 + date->minute * 60 +
             date->second;
    return true;
}

/* Whether a stretch of text equals a word of lower-case letters, digits and '-'. */
bool zsip_text_is(const uint8_t *text, size_t length, const char *lower);
/* Long name and compact letter (0: none) of a header field. */
struct zsip_view zsip_header_name_view(enum zsip_header_id id);
uint8_t zsip_header_letter(enum zsip_header_id id);
/* By name, in any case: "UDP" and so on; ZSIP_TRANSPORT_NONE for one that has no id. */
enum zsip_transport zsip_transport_by_name(const uint8_t *text, size_t length);

#endif
