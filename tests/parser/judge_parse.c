/* Judges of zsip_parse(), by every way, and of the shape-matchers.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include "tests/parser/reference.h"
#include "tests/parser/same.h"
#include "tests/parser/ways.h"
#include <stdio.h>
#include <string.h>

static char complaint[256];

static const char *say(const char *who, const char *what)
{
    char copy[200];
    snprintf(copy, sizeof(copy), "%s", what);
    snprintf(complaint, sizeof(complaint), "%s: %s", who, copy);
    return complaint;
}

/* ---- Ways through a message ---------------------------------------------------------------------
 */

/* Ways agree on everything: verdict, place, rule, and what is left standing behind a fault. */
static const char *same_way(const struct zsip_msg *a, const struct zsip_msg *b)
{
    if (a->data != b->data) {
        return "data";
    }
    if (a->fault.status != b->fault.status || a->fault.offset != b->fault.offset) {
        return "fault";
    }
    if (a->fault.status != ZSIP_OK && strcmp(a->fault.rule, b->fault.rule) != 0) {
        return "fault's rule";
    }
    return msg_field_difference(a, b);
}

/* How far slices of a message may reach. */
static size_t slices_end(const struct zsip_msg *msg, const uint8_t *data, size_t bytes)
{
    size_t there = bytes - (size_t)(msg->data - data);
    if (msg->fault.status == ZSIP_OK) {
        return msg->header_bytes;
    }
    return there < ZSIP_HEADER_SECTION_BYTES_MAX ? there : ZSIP_HEADER_SECTION_BYTES_MAX;
}

/* One way through the message and its fields; *msg and *answers are what it says. */
static const char *judge_way(unsigned way, struct zsip_msg *msg, uint64_t *answers,
                             const uint8_t *data, size_t bytes, unsigned flags)
{
    ways_take(way);
    memset(msg, way == 0 ? 0xA5 : 0x5A, zsip_msg_size());
    enum zsip_status status = zsip_parse(msg, data, bytes, flags);
    const char *what = msg_broken_law(msg, status, data, bytes);
    if (what != NULL || (flags & ZSIP_PARSE_STREAM) != 0) {
        return what;
    }
    return judge_fields(msg, slices_end(msg, data, bytes), answers);
}

/* The plain way, into *msg, and all others, which have to say the same. */
static const char *judge_ways(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                              unsigned flags)
{
    static struct zsip_msg *other;
    uint64_t answers[ZSIP_HEADER_ID_COUNT] = {0}, others[ZSIP_HEADER_ID_COUNT] = {0};
    unsigned count = ways_count();
    const char *what = judge_way(0, msg, answers, data, bytes, flags);
    other = other != NULL ? other : msg_new();
    for (unsigned way = 1; what == NULL && way < count; way++) {
        what = judge_way(way, other, others, data, bytes, flags);
        what = what != NULL ? what : same_way(msg, other);
        for (unsigned id = 0; what == NULL && id < ZSIP_HEADER_ID_COUNT; id++) {
            if (answers[id] != others[id]) {
                what = zsip_header_name((enum zsip_header_id)id);
            }
        }
        what = what != NULL ? say(ways_name(way), what) : NULL;
    }
    ways_take(count);
    return what;
}

/* ---- The reference ------------------------------------------------------------------------------
 */

/* Whether the two faults lie on one header line. */
static bool same_line(const uint8_t *data, size_t bytes, size_t a, size_t b)
{
    size_t from = a < b ? a : b, to = a < b ? b : a;
    for (size_t i = from; i + 2 < to && i + 2 < bytes; i++) {
        if (data[i] == '\r' && data[i + 1] == '\n' && data[i + 2] != ' ' && data[i + 2] != '\t') {
            return false;
        }
    }
    return true;
}

/* The reference names the field of a fault, or the part of the start line; the parser says it more
 * narrowly ("Via branch", "From tag twice"), and for lines as a whole in words of its own. */
static bool same_rule(const char *narrow, const char *wide)
{
    static const char *const wides[] = {"Via",          "From",           "To",
                                        "Call-ID",      "CSeq",           "Max-Forwards",
                                        "Content-Type", "Content-Length", "SIP-Version"};
    for (size_t i = 0; i < sizeof(wides) / sizeof(wides[0]); i++) {
        if (strcmp(wide, wides[i]) == 0) {
            return strncmp(narrow, wide, strlen(wide)) == 0;
        }
    }
    return true;
}

static const char *judge_reference(const struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                   unsigned flags)
{
    static struct zsip_msg *plain;
    plain = plain != NULL ? plain : msg_new();
    reference_parse(plain, data, bytes, flags);
    const char *what = msg_difference(msg, plain);
    enum zsip_status status = msg->fault.status;
    if (what == NULL && status != ZSIP_OK && status != ZSIP_ERROR_MISSING &&
        status != ZSIP_ERROR_LENGTH && status != ZSIP_ERROR_TRUNCATED &&
        !same_line(plain->data, bytes - (size_t)(plain->data - data), msg->fault.offset,
                   plain->fault.offset)) {
        what = "the fault's line";
    }
    if (what == NULL && status != ZSIP_OK && !same_rule(msg->fault.rule, plain->fault.rule)) {
        what = "the fault's rule";
    }
    return what != NULL ? say("reference", what) : NULL;
}

/* ---- Shape-matchers -----------------------------------------------------------------------------
 */

/* Of a value as it is, and of its first 29 bytes, which are what a date has. */
static bool date_is_right(const struct zsip_fast *fast, const struct zsip_msg *msg,
                          struct zsip_slice value)
{
    struct zsip_slice first = value;
    first.length = value.length < 29 ? value.length : 29;
    int64_t here[2] = {0, 0}, plain[2] = {0, 0};
    return fast->date(msg->data, value, &here[0], NULL) ==
               zsip_date_slow(msg->data, value, &plain[0], NULL) &&
           fast->date(msg->data, first, &here[1], NULL) ==
               zsip_date_slow(msg->data, first, &plain[1], NULL) &&
           here[0] == plain[0] && here[1] == plain[1];
}

/* From each row the next one of the same field, and the first of all. */
static bool finds_alike(const struct zsip_fast *fast, const struct zsip_msg *msg)
{
    const struct zsip_fast *plain = &zsip_fast_plain;
    for (unsigned row = 0; row < msg->header_count; row++) {
        unsigned id = msg->headers[row].id;
        if (fast->find(msg, id, row) != row || fast->find(msg, id, 0) != plain->find(msg, id, 0) ||
            fast->find(msg, id, row + 1) != plain->find(msg, id, row + 1)) {
            return false;
        }
    }
    return true;
}

/* ---- Ways through a value -----------------------------------------------------------------------
 *
 * Whatever field it stands in, each way takes a value for a Via, for an address and so on if the
 * reference does, and finds the same in it. */

static const char *judge_via_value(const struct zsip_fast *fast, const struct zsip_msg *one)
{
    struct zsip_cursor cursor = {0, 0};
    struct zsip_slice value = one->headers[0].value;
    uint32_t at = value.offset, end = at + value.length;
    do {
        struct zsip_via via, plain;
        bool found;
        bool good = fast->via_next(one, &cursor, &via, &found, NULL) == ZSIP_OK;
        bool wanted = reference_via(one->data, value, &at, &plain) == ZSIP_OK;
        if (good != wanted || (good && !(found && same_via(&via, &plain)))) {
            return "Via matched wrongly";
        }
        if (!good) {
            return NULL;
        }
    } while (at < end);
    return NULL;
}

static const char *judge_party_value(const struct zsip_fast *fast, const struct zsip_msg *one)
{
    struct zsip_cursor cursor = {0, 0}, same = {0, 0};
    struct zsip_slice value = one->headers[0].value;
    enum zsip_header_id id = (enum zsip_header_id)one->headers[0].id;
    uint32_t at = value.offset, end = at + value.length;
    do {
        struct zsip_party_uri both;
        struct zsip_party alone, plain;
        struct zsip_uri plain_uri;
        bool found;
        bool good = fast->party_uri_next(one, id, &cursor, &both, &found, NULL) == ZSIP_OK;
        bool wanted = reference_party(one->data, id, value, &at, &plain) == ZSIP_OK;
        if (good != wanted || (good && !(found && same_party(&both.party, &plain)))) {
            return "name-addr matched wrongly";
        }
        if (fast->party_next(one, id, &same, &alone, &found, NULL) != ZSIP_OK) {
            return good ? "name-addr matched wrongly without its URI" : NULL;
        }
        if (!good || !same_party(&both.party, &alone) || cursor.offset != same.offset) {
            return "name-addr matched wrongly without its URI";
        }
        if (reference_uri_parse(one->data, both.party.uri, &plain_uri) != ZSIP_OK ||
            memcmp(&both.uri, &plain_uri, sizeof(plain_uri)) != 0) {
            return "URI of a name-addr matched wrongly";
        }
    } while (at < end);
    return NULL;
}

static const char *judge_auth_value(const struct zsip_fast *fast, const struct zsip_msg *msg,
                                    struct zsip_slice value)
{
    static const enum zsip_header_id ids[] = {ZSIP_HEADER_AUTHORIZATION,
                                              ZSIP_HEADER_AUTHENTICATION_INFO};
    for (unsigned i = 0; i < 2; i++) {
        struct zsip_auth auth, plain;
        struct zsip_fault fault;
        enum zsip_status status = fast->auth(msg->data, value, ids[i], &auth, NULL);
        if (status != zsip_auth_slow(msg->data, value, ids[i], &plain, &fault) ||
            (status == ZSIP_OK && !same_auth(&auth, &plain))) {
            return "Digest matched wrongly";
        }
    }
    return NULL;
}

static const char *judge_value(const struct zsip_fast *fast, const struct zsip_msg *msg,
                               struct zsip_slice value)
{
    static struct zsip_msg *one;
    struct zsip_uri uri, plain;
    one = one != NULL ? one : msg_new();
    msg_of_value(one, msg->data, msg->body_offset + msg->body_bytes, ZSIP_HEADER_VIA, value);
    const char *what = judge_via_value(fast, one);
    msg_of_value(one, msg->data, msg->body_offset + msg->body_bytes,
                 ZSIP_HEADER_P_ASSERTED_IDENTITY, value);
    what = what != NULL ? what : judge_party_value(fast, one);
    what = what != NULL ? what : judge_auth_value(fast, msg, value);
    bool good = fast->uri(msg->data, value, &uri, NULL) == ZSIP_OK;
    if (what == NULL && (good != (reference_uri_parse(msg->data, value, &plain) == ZSIP_OK) ||
                         (good && memcmp(&uri, &plain, sizeof(uri)) != 0))) {
        what = "URI matched wrongly";
    }
    return what != NULL || date_is_right(fast, msg, value) ? what : "Date matched wrongly";
}

/* Each row by one way, the next by another: every way has read every field as its own before
 * (judge_ways()), and over the texts of a run all of them have their turn. */
static const char *judge_matchers(const struct zsip_msg *msg)
{
    unsigned count = ways_count(), way = msg->body_offset + msg->body_bytes;
    for (unsigned row = 0; row < msg->header_count; row++) {
        way = (way + 1) % count;
        const char *what = judge_value(ways_fast(way), msg, msg->headers[row].value);
        if (what != NULL) {
            return say(ways_name(way), what);
        }
    }
    for (way = 0; way < count; way++) {
        if (!finds_alike(ways_fast(way), msg)) {
            return say(ways_name(way), "a row found wrongly");
        }
    }
    return NULL;
}

const char *judge_parse(const uint8_t *data, size_t bytes, unsigned flags)
{
    static struct zsip_msg *msg;
    msg = msg != NULL ? msg : msg_new();
    const char *what = judge_ways(msg, data, bytes, flags);
    what = what != NULL ? what : judge_reference(msg, data, bytes, flags);
    if (what != NULL || (flags & ZSIP_PARSE_STREAM) != 0) {
        return what;
    }
    return judge_matchers(msg);
}
