/* Judges of zsip_parse() and of the fields on demand.
 *
 * SPDX-License-Identifier: MIT */
#include "parser/fast.h"
#include "tests/parser/judge.h"
#include "tests/parser/reference.h"
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

struct way {
    const char *name;
    const struct zsip_fast *fast;
};

/* The ways that this processor can go; returns their number. */
static unsigned ways_here(struct way *ways)
{
    static const char *const names[ZSIP_WAYS_MAX] = {"plain", "sse4", "avx2", "avx512"};
    const struct zsip_fast *here[ZSIP_WAYS_MAX];
    unsigned count = zsip_fast_ways(here);
    for (unsigned i = 0; i < count; i++) {
        ways[i] = (struct way){names[i], here[i]};
    }
    return count;
}

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

static const char *judge_ways(const struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                              unsigned flags)
{
    static struct zsip_msg *other;
    struct way ways[ZSIP_WAYS_MAX];
    unsigned count = ways_here(ways);
    other = other != NULL ? other : msg_new();
    for (unsigned i = 0; i < count; i++) {
        memset(other, 0x5A, zsip_msg_size());
        ways[i].fast->parse(other, data, bytes, flags);
        const char *what = same_way(msg, other);
        if (what != NULL) {
            return say(ways[i].name, what);
        }
    }
    return NULL;
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

/* ---- Fields on demand ---------------------------------------------------------------------------
 */

static bool within(const struct zsip_msg *msg, struct zsip_slice slice)
{
    return (size_t)slice.offset + slice.length <= msg->header_bytes;
}

static bool same_slice(struct zsip_slice a, struct zsip_slice b)
{
    return a.offset == b.offset && a.length == b.length;
}

static bool same_via(const struct zsip_via *a, const struct zsip_via *b)
{
    return same_slice(a->whole, b->whole) && same_slice(a->transport_name, b->transport_name) &&
           same_slice(a->sent_by, b->sent_by) && same_slice(a->host, b->host) &&
           same_slice(a->params, b->params) && same_slice(a->branch, b->branch) &&
           same_slice(a->received, b->received) && same_slice(a->maddr, b->maddr) &&
           same_slice(a->rport, b->rport) && a->port == b->port && a->rport_port == b->rport_port &&
           a->transport == b->transport && a->host_kind == b->host_kind && a->flags == b->flags &&
           a->ttl == b->ttl;
}

static bool same_party(const struct zsip_party *a, const struct zsip_party *b)
{
    return same_slice(a->whole, b->whole) && same_slice(a->display, b->display) &&
           same_slice(a->uri, b->uri) && same_slice(a->params, b->params) &&
           same_slice(a->tag, b->tag);
}

/* Each Via of each row, as the reference walks them. */
static const char *judge_vias(const struct zsip_msg *msg)
{
    struct zsip_cursor cursor = {0, 0};
    struct zsip_via via, plain;
    struct zsip_fault fault;
    bool found = true;
    for (unsigned row = 0; row < msg->header_count; row++) {
        struct zsip_slice value = msg->headers[row].value;
        uint32_t at = value.offset, end = at + value.length;
        if (msg->headers[row].id != ZSIP_HEADER_VIA) {
            continue;
        }
        do {
            uint32_t begin = at;
            enum zsip_status wanted = reference_via(msg->data, value, &at, &plain);
            enum zsip_status status = zsip_via_next(msg, &cursor, &via, &found, &fault);
            if (status != wanted || !(found || status != ZSIP_OK)) {
                return say("Via on demand", zsip_status_name(status));
            }
            if (status != ZSIP_OK) {
                return NULL;
            }
            if (!same_via(&via, &plain)) {
                return say("Via on demand", "fields differ");
            }
            /* A comma with nothing behind it is one more, empty element. */
            if (at == end && begin < end && msg->data[end - 1] == ',') {
                status = zsip_via_next(msg, &cursor, &via, &found, &fault);
                return status == ZSIP_ERROR_SYNTAX ? NULL : say("Via on demand", "comma at end");
            }
        } while (at < end);
    }
    if (zsip_via_next(msg, &cursor, &via, &found, &fault) != ZSIP_OK || found) {
        return say("Via on demand", "no end");
    }
    return NULL;
}

/* Elements of the fields shaped like name-addr that may do without brackets, row by row. */
static const char *judge_parties(const struct zsip_msg *msg, enum zsip_header_id id)
{
    struct zsip_cursor cursor = {0, 0};
    struct zsip_party party, plain;
    struct zsip_fault fault;
    struct zsip_uri uri;
    bool found = true;
    for (unsigned row = 0; row < msg->header_count; row++) {
        struct zsip_slice value = msg->headers[row].value;
        uint32_t at = value.offset, end = at + value.length;
        bool star = value.length == 1 && msg->data[value.offset] == '*';
        if (msg->headers[row].id != (unsigned)id) {
            continue;
        }
        do {
            uint32_t begin = at;
            enum zsip_status status = zsip_party_next(msg, id, &cursor, &party, &found, &fault);
            if (star && status == ZSIP_OK) {
                break;
            }
            enum zsip_status wanted = reference_party(msg->data, value, &at, &plain);
            if (status != wanted || !(found || status != ZSIP_OK)) {
                return say(zsip_header_name(id), zsip_status_name(status));
            }
            if (status != ZSIP_OK) {
                return NULL;
            }
            if (!same_party(&party, &plain)) {
                return say(zsip_header_name(id), "fields differ");
            }
            if (zsip_uri_parse(msg->data, party.uri, &uri, NULL) != ZSIP_OK) {
                return say(zsip_header_name(id), "its URI is none");
            }
            if (at == end && begin < end && msg->data[end - 1] == ',') {
                status = zsip_party_next(msg, id, &cursor, &party, &found, &fault);
                return status == ZSIP_ERROR_SYNTAX ? NULL
                                                   : say(zsip_header_name(id), "comma at end");
            }
        } while (at < end);
    }
    return NULL;
}

/* Lists whose elements no reference reads: in bounds, and each step moves on. */
static const char *judge_lists(const struct zsip_msg *msg, enum zsip_header_id id)
{
    struct zsip_cursor cursors[4] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
    struct zsip_slice token;
    struct zsip_value value;
    struct zsip_warning warning;
    struct zsip_party party;
    for (unsigned way = 0; way < 4; way++) {
        bool found = true;
        for (unsigned steps = 0; found; steps++) {
            enum zsip_status status = ZSIP_OK;
            bool good = true;
            switch (way) {
            case 0:
                status = zsip_token_next(msg, id, &cursors[way], &token, &found, NULL);
                good = status != ZSIP_OK || !found || (within(msg, token) && token.length > 0);
                break;
            case 1:
                status = zsip_value_next(msg, id, &cursors[way], &value, &found, NULL);
                good = status != ZSIP_OK || !found ||
                       (within(msg, value.whole) && within(msg, value.value) &&
                        within(msg, value.params));
                break;
            case 2:
                status = zsip_warning_next(msg, &cursors[way], &warning, &found, NULL);
                good = status != ZSIP_OK || !found ||
                       (within(msg, warning.agent) && within(msg, warning.text));
                break;
            default:
                status = zsip_party_next(msg, id, &cursors[way], &party, &found, NULL);
                good = status != ZSIP_OK || !found ||
                       (within(msg, party.whole) && within(msg, party.uri) &&
                        within(msg, party.params));
                break;
            }
            if (!good || steps > msg->header_bytes) {
                return say(zsip_header_name(id), good ? "a list without end" : "out of bounds");
            }
            found = found && status == ZSIP_OK;
        }
    }
    return NULL;
}

static const char *judge_values(const struct zsip_msg *msg)
{
    struct zsip_auth auth;
    struct zsip_retry_after retry;
    struct zsip_timestamp stamp;
    struct zsip_uri uri;
    uint32_t seconds;
    int64_t utc_s;
    unsigned thousandths;
    for (unsigned i = 0; i < msg->header_count; i++) {
        struct zsip_slice value = msg->headers[i].value;
        enum zsip_header_id id = (enum zsip_header_id)msg->headers[i].id;
        bool good = true;
        if (zsip_auth_parse(msg->data, value, id, &auth, NULL) == ZSIP_OK) {
            good = within(msg, auth.params) && within(msg, auth.realm) && within(msg, auth.nonce) &&
                   within(msg, auth.scheme_name) && within(msg, auth.opaque);
        }
        if (zsip_retry_after(msg->data, value, &retry, NULL) == ZSIP_OK) {
            good = good && within(msg, retry.comment) && within(msg, retry.params);
        }
        if (zsip_timestamp(msg->data, value, &stamp, NULL) == ZSIP_OK) {
            good = good && within(msg, stamp.time) && within(msg, stamp.delay);
        }
        if (zsip_uri_parse(msg->data, value, &uri, NULL) == ZSIP_OK) {
            good = good && within(msg, uri.params) && within(msg, uri.host);
        }
        zsip_delta_seconds(msg->data, value, &seconds, NULL);
        zsip_date(msg->data, value, &utc_s, NULL);
        zsip_qvalue(msg->data, value, &thousandths, NULL);
        if (!good) {
            return say(zsip_header_name(id), "out of bounds");
        }
    }
    return NULL;
}

static const char *judge_fields(const struct zsip_msg *msg)
{
    struct zsip_overload overload;
    const char *what = judge_vias(msg);
    /* Not Route and its like, which need brackets. */
    static const enum zsip_header_id parties[] = {
        ZSIP_HEADER_FROM,     ZSIP_HEADER_TO,       ZSIP_HEADER_CONTACT,
        ZSIP_HEADER_REPLY_TO, ZSIP_HEADER_REFER_TO, ZSIP_HEADER_P_ASSERTED_IDENTITY};
    for (size_t i = 0; what == NULL && i < sizeof(parties) / sizeof(parties[0]); i++) {
        what = judge_parties(msg, parties[i]);
    }
    for (unsigned id = 1; what == NULL && id < ZSIP_HEADER_ID_COUNT; id++) {
        if (zsip_msg_has(msg, (enum zsip_header_id)id)) {
            what = judge_lists(msg, (enum zsip_header_id)id);
        }
    }
    zsip_via_overload(msg->data, &msg->via, &overload, NULL);
    return what != NULL ? what : judge_values(msg);
}

static bool same_auth(const struct zsip_auth *a, const struct zsip_auth *b)
{
    return a->scheme == b->scheme && same_slice(a->whole, b->whole) &&
           same_slice(a->scheme_name, b->scheme_name) && same_slice(a->params, b->params) &&
           same_slice(a->username, b->username) && same_slice(a->realm, b->realm) &&
           same_slice(a->nonce, b->nonce) && same_slice(a->uri, b->uri) &&
           same_slice(a->response, b->response) && same_slice(a->algorithm, b->algorithm) &&
           same_slice(a->cnonce, b->cnonce) && same_slice(a->opaque, b->opaque) &&
           same_slice(a->qop, b->qop) && same_slice(a->nc, b->nc) &&
           same_slice(a->domain, b->domain) && same_slice(a->stale, b->stale) &&
           same_slice(a->userhash, b->userhash) && same_slice(a->nextnonce, b->nextnonce) &&
           same_slice(a->rspauth, b->rspauth);
}

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
    struct way ways[ZSIP_WAYS_MAX];
    unsigned count = ways_here(ways);
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
            if (ways[i].fast->via(msg->data, begin, end, &via) != NULL &&
                (reference_via(msg->data, value, &at, &plain_via) != ZSIP_OK ||
                 !same_via(&via, &plain_via))) {
                return say(ways[i].name, "Via matched wrongly");
            }
            at = value.offset;
            if (ways[i].fast->party(msg->data, begin, end, &party) != NULL &&
                (reference_party(msg->data, value, &at, &plain_party) != ZSIP_OK ||
                 !same_party(&party, &plain_party))) {
                return say(ways[i].name, "name-addr matched wrongly");
            }
            if (ways[i].fast->uri(msg->data, begin, end, &uri) &&
                (reference_uri_parse(msg->data, value, &plain_uri) != ZSIP_OK ||
                 memcmp(&uri, &plain_uri, sizeof(uri)) != 0)) {
                return say(ways[i].name, "URI matched wrongly");
            }
            if (ways[i].fast->digest(msg->data, begin, end, &auth) &&
                (zsip_auth_slow(msg->data, value, ZSIP_HEADER_AUTHORIZATION, &plain_auth, &fault) !=
                     ZSIP_OK ||
                 !same_auth(&auth, &plain_auth))) {
                return say(ways[i].name, "Digest matched wrongly");
            }
            if (!date_is_right(ways[i].fast, msg, value)) {
                return say(ways[i].name, "Date matched wrongly");
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (!finds_alike(ways[i].fast, msg)) {
            return say(ways[i].name, "a row found wrongly");
        }
    }
    return NULL;
}

const char *judge_parse(const uint8_t *data, size_t bytes, unsigned flags)
{
    static struct zsip_msg *msg;
    msg = msg != NULL ? msg : msg_new();
    memset(msg, 0xA5, zsip_msg_size());
    enum zsip_status status = zsip_parse(msg, data, bytes, flags);
    const char *what = msg_broken_law(msg, status, data, bytes);
    what = what != NULL ? what : judge_ways(msg, data, bytes, flags);
    what = what != NULL ? what : judge_reference(msg, data, bytes, flags);
    if (what == NULL && status == ZSIP_OK) {
        what = judge_fields(msg);
        what = what != NULL ? what : judge_matchers(msg);
    }
    return what;
}
