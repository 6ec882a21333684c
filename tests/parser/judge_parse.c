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
    return what != NULL ? what : judge_fields(msg, slices_end(msg, data, bytes), answers);
}

/* The plain way, into *msg, and all others, which have to say the same. */
static const char *judge_ways(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                              unsigned flags)
{
    static struct zsip_msg *other;
    uint64_t answers[ZSIP_HEADER_ID_COUNT], others[ZSIP_HEADER_ID_COUNT];
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
    return what != NULL ? say("reference", what) : NULL;
}

/* ---- Shape-matchers -----------------------------------------------------------------------------
 */

/* Any 29 bytes may be asked about, and all of a value: the machine, given them alone, decides. */
static bool date_is_right(const struct zsip_fast *fast, const struct zsip_msg *msg,
                          struct zsip_slice value)
{
    const uint8_t *begin = msg->data + value.offset, *stop;
    return value.length < 29 || !fast->date(begin) || zsip_machine_date(begin, begin + 29, &stop);
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

/* A shape-matcher of any way accepts only what the grammar does, with the same slices. */
static const char *judge_matchers(const struct zsip_msg *msg)
{
    unsigned count = ways_count();
    for (unsigned row = 0; row < msg->header_count; row++) {
        struct zsip_slice value = msg->headers[row].value;
        const uint8_t *begin = msg->data + value.offset, *end = begin + value.length;
        for (unsigned i = 0; i < count; i++) {
            struct zsip_via via, plain_via;
            struct zsip_party party, plain_party;
            struct zsip_uri uri, plain_uri;
            struct zsip_auth auth, plain_auth;
            struct zsip_fault fault;
            uint32_t at = value.offset;
            if (ways_fast(i)->via(msg->data, begin, end, &via) != NULL &&
                (reference_via(msg->data, value, &at, &plain_via) != ZSIP_OK ||
                 !same_via(&via, &plain_via))) {
                return say(ways_name(i), "Via matched wrongly");
            }
            at = value.offset;
            if (ways_fast(i)->party(msg->data, begin, end, &party) != NULL &&
                (reference_party(msg->data, ZSIP_HEADER_FROM, value, &at, &plain_party) !=
                     ZSIP_OK ||
                 !same_party(&party, &plain_party))) {
                return say(ways_name(i), "name-addr matched wrongly");
            }
            if (ways_fast(i)->uri(msg->data, begin, end, &uri) &&
                (reference_uri_parse(msg->data, value, &plain_uri) != ZSIP_OK ||
                 memcmp(&uri, &plain_uri, sizeof(uri)) != 0)) {
                return say(ways_name(i), "URI matched wrongly");
            }
            if (ways_fast(i)->digest(msg->data, begin, end, &auth) &&
                (zsip_auth_slow(msg->data, value, ZSIP_HEADER_AUTHORIZATION, &plain_auth, &fault) !=
                     ZSIP_OK ||
                 !same_auth(&auth, &plain_auth))) {
                return say(ways_name(i), "Digest matched wrongly");
            }
            if (!date_is_right(ways_fast(i), msg, value)) {
                return say(ways_name(i), "Date matched wrongly");
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (!finds_alike(ways_fast(i), msg)) {
            return say(ways_name(i), "a row found wrongly");
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
    return what != NULL ? what : judge_matchers(msg);
}
