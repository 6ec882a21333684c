/* Judges of the fields on demand: inside the message, in the end, as the reference reads them, and
 * by every way alike.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include "tests/parser/reference.h"
#include "tests/parser/same.h"
#include <stdio.h>
#include <string.h>

static char complaint[256];

/* What is judged: a message, and how much of it a slice may reach into. */
struct look {
    const struct zsip_msg *msg;
    size_t limit;
    uint64_t *answers;
};

static const char *say(unsigned id, const char *what)
{
    snprintf(complaint, sizeof(complaint), "%s on demand: %s",
             id == ZSIP_HEADER_UNKNOWN ? "an unknown field"
                                       : zsip_header_name((enum zsip_header_id)id),
             what);
    return complaint;
}

/* ---- Answers ------------------------------------------------------------------------------------
 */

/* In words, the last one perhaps shorter: by bytes it would be a tenth of what a fuzzer does. */
static void fold(uint64_t *answer, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    for (size_t at = 0; at < bytes; at += sizeof(uint32_t)) {
        uint32_t word = 0;
        memcpy(&word, p + at, bytes - at < sizeof(word) ? bytes - at : sizeof(word));
        *answer = (*answer ^ word) * 0x9e3779b97f4a7c15u;
        *answer ^= *answer >> 29;
    }
}

/* A status, where and why, or what was found: all of it is part of the answer. */
static void answer(const struct look *look, unsigned id, enum zsip_status status,
                   const struct zsip_fault *fault, const void *out, size_t bytes)
{
    uint64_t *sum = &look->answers[id];
    fold(sum, &status, sizeof(status));
    if (status == ZSIP_OK) {
        fold(sum, out, bytes);
    } else {
        fold(sum, &fault->offset, sizeof(fault->offset));
        fold(sum, fault->rule, strlen(fault->rule));
    }
}

static bool within(const struct look *look, struct zsip_slice slice)
{
    return (size_t)slice.offset + slice.length <= look->limit;
}

/* A fault says what was returned, and lies in the message. */
static bool fair(const struct look *look, enum zsip_status status, const struct zsip_fault *fault)
{
    return status == ZSIP_OK || (fault->status == status && fault->offset <= look->limit &&
                                 fault->rule != NULL && fault->rule[0] != '\0');
}

/* ---- Lists --------------------------------------------------------------------------------------
 */

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
                return say(ZSIP_HEADER_VIA, zsip_status_name(status));
            }
            if (status != ZSIP_OK) {
                return NULL;
            }
            if (!same_via(&via, &plain)) {
                return say(ZSIP_HEADER_VIA, "fields differ");
            }
            /* A comma with nothing behind it is one more, empty element. */
            if (at == end && begin < end && msg->data[end - 1] == ',') {
                status = zsip_via_next(msg, &cursor, &via, &found, &fault);
                return status == ZSIP_ERROR_SYNTAX ? NULL : say(ZSIP_HEADER_VIA, "comma at end");
            }
        } while (at < end);
    }
    if (zsip_via_next(msg, &cursor, &via, &found, &fault) != ZSIP_OK || found) {
        return say(ZSIP_HEADER_VIA, "no end");
    }
    return NULL;
}

/* Elements of the fields shaped like name-addr, row by row. */
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
        bool star = id == ZSIP_HEADER_CONTACT && value.length == 1 && msg->data[at] == '*';
        if (msg->headers[row].id != (unsigned)id) {
            continue;
        }
        do {
            uint32_t begin = at;
            enum zsip_status status = zsip_party_next(msg, id, &cursor, &party, &found, &fault);
            if (star && status == ZSIP_OK) {
                break;
            }
            enum zsip_status wanted = reference_party(msg->data, id, value, &at, &plain);
            if (status != wanted || !(found || status != ZSIP_OK)) {
                return say(id, zsip_status_name(status));
            }
            if (status != ZSIP_OK) {
                return NULL;
            }
            if (!same_party(&party, &plain)) {
                return say(id, "fields differ");
            }
            if (zsip_uri_parse(msg->data, party.uri, &uri, NULL) != ZSIP_OK) {
                return say(id, "its URI is none");
            }
            if (at == end && begin < end && msg->data[end - 1] == ',') {
                status = zsip_party_next(msg, id, &cursor, &party, &found, &fault);
                return status == ZSIP_ERROR_SYNTAX ? NULL : say(id, "comma at end");
            }
        } while (at < end);
    }
    return NULL;
}

/* One step along a list, read as if it were of the kind that the function is for. */
typedef bool step_function(const struct look *look, enum zsip_header_id id,
                           struct zsip_cursor *cursor, bool *goes_on);

static bool token_step(const struct look *look, enum zsip_header_id id, struct zsip_cursor *cursor,
                       bool *goes_on)
{
    struct zsip_slice token = {0, 0};
    struct zsip_fault fault;
    enum zsip_status status = zsip_token_next(look->msg, id, cursor, &token, goes_on, &fault);
    bool found = status == ZSIP_OK && *goes_on;
    answer(look, id, status, &fault, &token, found ? sizeof(token) : 0);
    *goes_on = found;
    return fair(look, status, &fault) && (!found || (within(look, token) && token.length > 0));
}

static bool value_step(const struct look *look, enum zsip_header_id id, struct zsip_cursor *cursor,
                       bool *goes_on)
{
    struct zsip_value value;
    struct zsip_fault fault;
    enum zsip_status status = zsip_value_next(look->msg, id, cursor, &value, goes_on, &fault);
    bool found = status == ZSIP_OK && *goes_on;
    answer(look, id, status, &fault, &value, found ? sizeof(value) : 0);
    *goes_on = found;
    return fair(look, status, &fault) &&
           (!found ||
            (within(look, value.whole) && within(look, value.value) && within(look, value.params)));
}

static bool warning_step(const struct look *look, enum zsip_header_id id,
                         struct zsip_cursor *cursor, bool *goes_on)
{
    struct zsip_warning warning;
    struct zsip_fault fault;
    enum zsip_status status = zsip_warning_next(look->msg, cursor, &warning, goes_on, &fault);
    bool found = status == ZSIP_OK && *goes_on;
    answer(look, id, status, &fault, &warning, found ? sizeof(warning) : 0);
    *goes_on = found;
    return fair(look, status, &fault) &&
           (!found || (within(look, warning.agent) && within(look, warning.text)));
}

static bool party_step(const struct look *look, enum zsip_header_id id, struct zsip_cursor *cursor,
                       bool *goes_on)
{
    struct zsip_party party;
    struct zsip_fault fault;
    enum zsip_status status = zsip_party_next(look->msg, id, cursor, &party, goes_on, &fault);
    bool found = status == ZSIP_OK && *goes_on;
    answer(look, id, status, &fault, &party, found ? sizeof(party) : 0);
    *goes_on = found;
    return fair(look, status, &fault) &&
           (!found ||
            (within(look, party.whole) && within(look, party.display) && within(look, party.uri) &&
             within(look, party.params) && within(look, party.tag)));
}

static bool via_step(const struct look *look, enum zsip_header_id id, struct zsip_cursor *cursor,
                     bool *goes_on)
{
    struct zsip_via via;
    struct zsip_overload overload;
    struct zsip_fault fault;
    enum zsip_status status = zsip_via_next(look->msg, cursor, &via, goes_on, &fault);
    bool found = status == ZSIP_OK && *goes_on;
    answer(look, id, status, &fault, &via, found ? sizeof(via) : 0);
    *goes_on = found;
    if (!found) {
        return fair(look, status, &fault);
    }
    status = zsip_via_overload(look->msg->data, &via, &overload, &fault);
    answer(look, id, status, &fault, &overload, sizeof(overload));
    return fair(look, status, &fault) && within(look, via.whole) && within(look, via.params) &&
           within(look, via.received) && within(look, overload.algorithms) &&
           within(look, overload.sequence);
}

static const char *judge_list(const struct look *look, enum zsip_header_id id, step_function *step)
{
    struct zsip_cursor cursor = {0, 0};
    bool goes_on = true;
    for (size_t count = 0; goes_on; count++) {
        if (!step(look, id, &cursor, &goes_on)) {
            return say(id, "out of bounds");
        }
        if (count > look->limit) {
            return say(id, "a list without end");
        }
        /* Where the next one begins, or what was faulty. */
        fold(&look->answers[id], &cursor, sizeof(cursor));
    }
    return NULL;
}

/* Whatever field it is; Via and Warning have functions that look for no other. */
static const char *judge_lists(const struct look *look, enum zsip_header_id id)
{
    static step_function *const steps[] = {token_step, value_step, party_step};
    const char *what = NULL;
    for (size_t i = 0; what == NULL && i < sizeof(steps) / sizeof(steps[0]); i++) {
        what = judge_list(look, id, steps[i]);
    }
    if (what == NULL && (id == ZSIP_HEADER_VIA || id == ZSIP_HEADER_WARNING)) {
        what = judge_list(look, id, id == ZSIP_HEADER_VIA ? via_step : warning_step);
    }
    return what;
}

/* ---- Single values ------------------------------------------------------------------------------
 */

static bool numbers_are_fair(const struct look *look, enum zsip_header_id id,
                             struct zsip_slice value)
{
    const uint8_t *base = look->msg->data;
    struct zsip_fault fault;
    uint32_t seconds = 0;
    int64_t utc_s = 0;
    unsigned thousandths = 0;
    enum zsip_status status = zsip_delta_seconds(base, value, &seconds, &fault);
    answer(look, id, status, &fault, &seconds, sizeof(seconds));
    bool good = fair(look, status, &fault);
    status = zsip_date(base, value, &utc_s, &fault);
    answer(look, id, status, &fault, &utc_s, sizeof(utc_s));
    good = good && fair(look, status, &fault);
    status = zsip_qvalue(base, value, &thousandths, &fault);
    answer(look, id, status, &fault, &thousandths, sizeof(thousandths));
    return good && fair(look, status, &fault) && (status != ZSIP_OK || thousandths <= 1000);
}

static bool auth_is_fair(const struct look *look, enum zsip_header_id id, struct zsip_slice value)
{
    struct zsip_auth auth;
    struct zsip_fault fault;
    enum zsip_status status = zsip_auth_parse(look->msg->data, value, id, &auth, &fault);
    answer(look, id, status, &fault, &auth, offsetof(struct zsip_auth, scheme) + 1);
    return fair(look, status, &fault) &&
           (status != ZSIP_OK ||
            (within(look, auth.params) && within(look, auth.realm) && within(look, auth.nonce) &&
             within(look, auth.scheme_name) && within(look, auth.opaque)));
}

/* Products and comments, and the parameters of credentials, one after the other; each step moves
 * on.
 */
static bool walks_are_fair(const struct look *look, enum zsip_header_id id, struct zsip_slice value)
{
    struct zsip_product product;
    struct zsip_auth_param param;
    struct zsip_fault fault;
    uint32_t cursor = 0, before = 0;
    bool found = true, good = true;
    while (good && found) {
        enum zsip_status status =
            zsip_product_next(look->msg->data, value, &cursor, &product, &found, &fault);
        answer(look, id, status, &fault, &product, found ? sizeof(product) : 0);
        good = fair(look, status, &fault) &&
               (!found || (cursor > before && within(look, product.name) &&
                           within(look, product.version) && within(look, product.comment)));
        before = cursor;
    }
    cursor = before = 0;
    for (found = true; good && found;) {
        enum zsip_status status =
            zsip_auth_param_next(look->msg->data, value, &cursor, &param, &found, &fault);
        answer(look, id, status, &fault, &param, found ? sizeof(param) : 0);
        good =
            fair(look, status, &fault) &&
            (!found || (cursor > before && within(look, param.name) && within(look, param.value)));
        before = cursor;
    }
    return good;
}

static bool texts_are_fair(const struct look *look, enum zsip_header_id id, struct zsip_slice value)
{
    struct zsip_retry_after retry;
    struct zsip_timestamp stamp;
    struct zsip_uri uri;
    struct zsip_fault fault;
    enum zsip_status status = zsip_retry_after(look->msg->data, value, &retry, &fault);
    answer(look, id, status, &fault, &retry, sizeof(retry));
    bool good = fair(look, status, &fault) &&
                (status != ZSIP_OK || (within(look, retry.comment) && within(look, retry.params)));
    status = zsip_timestamp(look->msg->data, value, &stamp, &fault);
    answer(look, id, status, &fault, &stamp, sizeof(stamp));
    good = good && fair(look, status, &fault) &&
           (status != ZSIP_OK || (within(look, stamp.time) && within(look, stamp.delay)));
    status = zsip_uri_parse(look->msg->data, value, &uri, &fault);
    answer(look, id, status, &fault, &uri, sizeof(uri));
    return good && fair(look, status, &fault) &&
           (status != ZSIP_OK || (within(look, uri.user) && within(look, uri.host) &&
                                  within(look, uri.params) && within(look, uri.headers)));
}

static const char *judge_values(const struct look *look)
{
    for (unsigned i = 0; i < look->msg->header_count; i++) {
        struct zsip_slice value = look->msg->headers[i].value, param;
        enum zsip_header_id id = (enum zsip_header_id)look->msg->headers[i].id;
        if (!numbers_are_fair(look, id, value) || !auth_is_fair(look, id, value) ||
            !texts_are_fair(look, id, value) || !walks_are_fair(look, id, value)) {
            return say(id, "out of bounds");
        }
        if (zsip_param_find(look->msg->data, value, "a", &param) && !within(look, param)) {
            return say(id, "a parameter out of bounds");
        }
    }
    return NULL;
}

const char *judge_fields(const struct zsip_msg *msg, size_t limit,
                         uint64_t answers[ZSIP_HEADER_ID_COUNT])
{
    static const enum zsip_header_id parties[] = {
        ZSIP_HEADER_FROM,          ZSIP_HEADER_TO,           ZSIP_HEADER_CONTACT,
        ZSIP_HEADER_REPLY_TO,      ZSIP_HEADER_REFER_TO,     ZSIP_HEADER_P_ASSERTED_IDENTITY,
        ZSIP_HEADER_ROUTE,         ZSIP_HEADER_RECORD_ROUTE, ZSIP_HEADER_PATH,
        ZSIP_HEADER_SERVICE_ROUTE, ZSIP_HEADER_REFERRED_BY,  ZSIP_HEADER_P_PREFERRED_IDENTITY,
        ZSIP_HEADER_CALL_INFO,     ZSIP_HEADER_ALERT_INFO,   ZSIP_HEADER_ERROR_INFO};
    struct look look = {msg, limit, answers};
    memset(answers, 0, ZSIP_HEADER_ID_COUNT * sizeof(answers[0]));
    /* The reference reads what may stand in a good message: no bare CR, no control character. */
    bool good = msg->fault.status == ZSIP_OK;
    const char *what = good ? judge_vias(msg) : NULL;
    for (size_t i = 0; good && what == NULL && i < sizeof(parties) / sizeof(parties[0]); i++) {
        what = judge_parties(msg, parties[i]);
    }
    for (unsigned id = 1; what == NULL && id < ZSIP_HEADER_ID_COUNT; id++) {
        if (zsip_msg_has(msg, (enum zsip_header_id)id)) {
            what = judge_lists(&look, (enum zsip_header_id)id);
        }
    }
    return what != NULL ? what : judge_values(&look);
}
