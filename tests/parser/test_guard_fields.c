/* Reads stay inside a value: fields on demand, URIs and names, pressed against pages that can't be
 * touched, by every way that this processor can go.
 *
 * SPDX-License-Identifier: MIT */
#include "parser/fast.h"
#include "tests/parser/judge.h"
#include "tests/parser/press.h"
#include "tests/parser/ways.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIXTY "a23456789.b23456789.c23456789.d23456789.e23456789.f23456789."

/* A message that is one row: the end of its name, and a value. */
static const char *read_row(const uint8_t *data, size_t bytes, enum zsip_header_id id)
{
    static struct zsip_msg *msg;
    uint64_t answers[ZSIP_HEADER_ID_COUNT];
    msg = msg != NULL ? msg : msg_new();
    msg->data = data;
    msg->body_offset = (uint32_t)bytes;
    msg->body_bytes = 0;
    msg->header_count = 1;
    msg->present = (uint64_t)1 << id;
    msg->fault.status = ZSIP_ERROR_SYNTAX; /* the text may hold what no good message has */
    msg->headers[0] = (struct zsip_header){{1, (uint16_t)(bytes - 1)}, 0, 1, (uint8_t)id};
    return judge_fields(msg, bytes, answers);
}

/* What is given a slice instead of a message may be given nothing but that. */
static const char *read_alone(const uint8_t *data, size_t bytes)
{
    struct zsip_slice slice = {0, (uint16_t)bytes}, param;
    struct zsip_auth auth;
    struct zsip_retry_after retry;
    struct zsip_timestamp stamp;
    struct zsip_uri uri;
    struct zsip_via via = {.params = slice};
    struct zsip_overload overload;
    struct zsip_product product;
    struct zsip_auth_param pair;
    bool found = true;
    uint32_t seconds, cursor = 0;
    int64_t utc_s;
    unsigned thousandths;
    zsip_auth_parse(data, slice, ZSIP_HEADER_AUTHORIZATION, &auth, NULL);
    zsip_auth_parse(data, slice, ZSIP_HEADER_AUTHENTICATION_INFO, &auth, NULL);
    zsip_retry_after(data, slice, &retry, NULL);
    zsip_timestamp(data, slice, &stamp, NULL);
    zsip_uri_parse(data, slice, &uri, NULL);
    zsip_delta_seconds(data, slice, &seconds, NULL);
    zsip_date(data, slice, &utc_s, NULL);
    zsip_qvalue(data, slice, &thousandths, NULL);
    while (zsip_product_next(data, slice, &cursor, &product, &found, NULL) == ZSIP_OK && found) {
    }
    cursor = 0;
    while (zsip_auth_param_next(data, slice, &cursor, &pair, &found, NULL) == ZSIP_OK && found) {
    }
    zsip_via_overload(data, &via, &overload, NULL);
    return zsip_param_find(data, slice, "a", &param) && (size_t)param.offset + param.length > bytes
               ? "a parameter out of bounds"
               : NULL;
}

/* The id decides what is read only for these. */
static const char *read_value(const uint8_t *data, size_t bytes)
{
    static const enum zsip_header_id ids[] = {ZSIP_HEADER_VIA,     ZSIP_HEADER_CONTACT,
                                              ZSIP_HEADER_ROUTE,   ZSIP_HEADER_IN_REPLY_TO,
                                              ZSIP_HEADER_WARNING, ZSIP_HEADER_AUTHENTICATION_INFO};
    const char *what = NULL;
    for (size_t i = 0; bytes > 0 && what == NULL && i < sizeof(ids) / sizeof(ids[0]); i++) {
        what = read_row(data, bytes, ids[i]);
    }
    return what;
}

/* Every value of the corpus once, by every function, whole and in parts. */
Test(guard_fields, every_value_between_untouchable_pages)
{
    const struct corpus *corpus = press_texts();
    struct corpus values = {NULL, 0, 0};
    struct zsip_msg *msg = msg_new();
    for (size_t i = 0; i < corpus->count; i++) {
        zsip_parse(msg, corpus->texts[i].data, corpus->texts[i].bytes, corpus->texts[i].flags);
        for (unsigned row = 0; row < msg->header_count; row++) {
            struct zsip_view value = zsip_msg_view(msg, msg->headers[row].value);
            value = (struct zsip_view){value.data - 1, value.length + 1}; /* its colon or blank */
            size_t j = 0;
            while (j < values.count && (values.texts[j].bytes != value.length ||
                                        memcmp(values.texts[j].data, value.data, value.length))) {
                j++;
            }
            if (j == values.count && value.length < 600) {
                corpus_add(&values, corpus->texts[i].name, value.data, value.length, 0);
            }
        }
    }
    cr_assert_gt(values.count, 500);
    for (size_t i = 0; i < values.count; i++) {
        const struct corpus_text *text = &values.texts[i];
        press_whole(text->name, text->data + 1, text->bytes - 1, read_alone);
        press_parts(text->name, text->data + 1, text->bytes - 1, read_alone);
        press_whole(text->name, text->data, text->bytes, read_value);
        press_parts(text->name, text->data, text->bytes, read_value);
        free(text->data);
    }
    free(values.texts);
    free(msg);
}

/* Each beginning of the text is a value, and the rest of it stands behind. */
static void read_beginnings(struct guard *guard, const char *text, size_t bytes)
{
    const uint8_t *at = guard_back(guard, text, bytes);
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        for (size_t length = 1; length <= bytes; length++) {
            const char *what = read_value(at, length);
            what = what != NULL ? what : read_alone(at + 1, length - 1);
            if (what != NULL) {
                cr_assert_fail("%s: %.*s: %s", ways_name(way), (int)length, text, what);
            }
        }
    }
    ways_take(ways_count());
}

/* A value may be any part of a text that goes on behind it, up to a page's end: what follows must
 * not lead a look over that. Short texts end the page at once; of long ones, what is behind the
 * value is of every length too. */
Test(guard_fields, values_that_are_the_beginning_of_a_text)
{
    static const char *const texts[] = {
        ":sip:" SIXTY "@" SIXTY ".com:5060;" SIXTY "=" SIXTY,
        ":sip:" SIXTY,
        ":sip:" SIXTY "@" SIXTY,
        ":<sip:a@b>;" SIXTY "=" SIXTY,
        ":\"" SIXTY "\" <sip:" SIXTY "@" SIXTY ">;tag=" SIXTY,
        ":SIP/2.0/UDP " SIXTY ";" SIXTY "=" SIXTY ";received=" SIXTY,
        ":Digest " SIXTY "=\"" SIXTY "\"",
        ":Digest nc=00000001, realm=" SIXTY ", nonce=\"" SIXTY "\"",
        ":Thu, 01 Dec 1994 16:00:00 GMT" SIXTY,
        ":301 " SIXTY " \"" SIXTY "\"",
    };
    struct guard guard;
    guard_open(&guard, 2048);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        read_beginnings(&guard, texts[i], strlen(texts[i]));
    }
    guard_close(&guard);
}

/* Parts that go on and on behind the value's end, one kind after a beginning of another. */
Test(guard_fields, values_that_go_on_for_a_thousand_bytes)
{
    static const char *const begins[] = {
        ":sip:",
        ":sip:a@",
        ":sip:a@b:",
        ":sip:a@b;",
        ":sip:a@b;x=",
        ":sip:?",
        ":<sip:a@b>;tag=",
        ":<sip:",
        ":\"",
        ":a <sip:b@c;",
        ":tel:",
        ":SIP/2.0/UDP a;",
        ":SIP/2.0/UDP ",
        ":SIP/2.0/",
        ":SIP/2.0/UDP a;branch=",
        ":",
        ":Digest realm=\"",
        ":Digest realm=a, ",
        ":Digest nonce=",
        ":Digest uri=\"sip:",
    };
    static const char *const repeated[] = {"a", "1",         ".",    "a.", ";x", ";x=y",  "%41",
                                           " ", "a=\"b\", ", "\\\"", "=",  ",",  "\r\n ", ":"};
    struct guard guard;
    guard_open(&guard, 2048);
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        for (size_t j = 0; j < sizeof(repeated) / sizeof(repeated[0]); j++) {
            char text[1200];
            size_t bytes = strlen(begins[i]);
            memcpy(text, begins[i], bytes);
            while (bytes < sizeof(text) - 8) {
                memcpy(text + bytes, repeated[j], strlen(repeated[j]));
                bytes += strlen(repeated[j]);
            }
            const uint8_t *at = guard_back(&guard, text, bytes);
            for (unsigned step = 0; step < 700 * ways_count(); step += 3 * press_step()) {
                ways_take(step % ways_count());
                read_value(at, 1 + step / ways_count());
                read_alone(at + 1, step / ways_count());
            }
        }
    }
    ways_take(ways_count());
    guard_close(&guard);
}

/* ---- URIs and names -----------------------------------------------------------------------------
 */

/* As an application parses a target from the command line: parsed, and compared with itself. */
static const char *read_uri(const uint8_t *data, size_t bytes)
{
    struct zsip_uri uri;
    struct zsip_slice slice = {0, (uint16_t)bytes}, value;
    if (zsip_uri_parse(data, slice, &uri, NULL) != ZSIP_OK) {
        return NULL;
    }
    zsip_param_find(data, uri.params, "lr", &value);
    return zsip_uri_equal(data, &uri, data, &uri) ? NULL : "not equal to itself";
}

Test(guard_fields, uris_between_untouchable_pages)
{
    static const char *const uris[] = {
        "sip:a",          "sip:a@b:5060;lr?x=y",
        "sip:[::1]:5060", "tel:+1-2-3;ext=4",
        "im:a@b",         "sip:a:b@c",
        "sip:",           "s",
        "sip:a@",         "sip:[::",
        "sip:a;",         "sip:a?",
        "sip:a%4",        "x:y",
        "sip:a%41@b%",    "sips:" SIXTY "@" SIXTY ".com;a=%41;maddr=1.2.3.4;method=X?a=%42&b=",
    };
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        press_whole(uris[i], uris[i], strlen(uris[i]), read_uri);
        press_parts(uris[i], uris[i], strlen(uris[i]), read_uri);
    }
}

/* Two URIs on pages of their own, each with each: what one has more must not be sought behind the
 * other. */
Test(guard_fields, uris_compared_across_pages)
{
    static const char *const uris[] = {
        "sip:a@b",        "sip:a@b;x=1",      "sip:a@b;x=1;y",
        "sip:%61@b",      "sip:%61@b;x=%31",  "sip:a@b;transport=udp",
        "sip:a@b?h=v",    "sip:a@b?h=v&i=",   "sips:a@b:5061",
        "tel:+1-2;ext=3", "tel:+12",          "im:a@b",
        "http://a/",      "sip:a@b;method=A", "sip:a@b;maddr=1.1.1.1",
        "sip:a:p@b",
    };
    enum { COUNT = sizeof(uris) / sizeof(uris[0]) };
    struct guard one, other;
    guard_open(&one, 64);
    guard_open(&other, 64);
    for (unsigned pair = 0; pair < COUNT * COUNT * 4; pair++) {
        const char *a = uris[pair / 4 / COUNT], *b = uris[pair / 4 % COUNT];
        size_t a_bytes = strlen(a), b_bytes = strlen(b);
        const uint8_t *x = pair & 1 ? guard_front(&one, a, a_bytes) : guard_back(&one, a, a_bytes);
        const uint8_t *y =
            pair & 2 ? guard_front(&other, b, b_bytes) : guard_back(&other, b, b_bytes);
        const char *what = judge_uris(x, a_bytes, y, b_bytes);
        if (what != NULL) {
            cr_assert_fail("%s and %s: %s", a, b, what);
        }
    }
    guard_close(&one);
    guard_close(&other);
}

static const char *look_up(const uint8_t *data, size_t bytes)
{
    struct zsip_view view = {data, bytes};
    enum zsip_header_id id = zsip_header_by_name(view);
    enum zsip_method method = zsip_method_by_name(view);
    return id < ZSIP_HEADER_ID_COUNT && method < ZSIP_METHOD_COUNT ? NULL : "no such id";
}

Test(guard_fields, names_between_untouchable_pages)
{
    for (unsigned id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
        const char *name = zsip_header_name((enum zsip_header_id)id);
        press_whole(name, name, strlen(name), look_up);
        press_parts(name, name, strlen(name), look_up);
    }
    for (unsigned method = 1; method < ZSIP_METHOD_COUNT; method++) {
        const char *name = zsip_method_name((enum zsip_method)method);
        press_whole(name, name, strlen(name), look_up);
        press_parts(name, name, strlen(name), look_up);
    }
}

/* ---- Cursors ------------------------------------------------------------------------------------
 */

/* One step by each function with a cursor of its own. */
static void step_all(const struct zsip_msg *msg, enum zsip_header_id id, struct zsip_cursor from)
{
    struct zsip_cursor at[5] = {from, from, from, from, from};
    struct zsip_via via;
    struct zsip_party_uri party;
    struct zsip_slice token;
    struct zsip_value value;
    struct zsip_warning warning;
    bool found = false;
    if (zsip_via_next(msg, &at[0], &via, &found, NULL) == ZSIP_OK && found) {
        cr_assert_leq((size_t)via.whole.offset + via.whole.length, msg->header_bytes);
    }
    if (zsip_party_uri_next(msg, id, &at[1], &party, &found, NULL) == ZSIP_OK && found) {
        cr_assert_leq((size_t)party.party.whole.offset + party.party.whole.length,
                      msg->header_bytes);
    }
    if (zsip_token_next(msg, id, &at[2], &token, &found, NULL) == ZSIP_OK && found) {
        cr_assert_leq((size_t)token.offset + token.length, msg->header_bytes);
    }
    if (zsip_value_next(msg, id, &at[3], &value, &found, NULL) == ZSIP_OK && found) {
        cr_assert_leq((size_t)value.whole.offset + value.whole.length, msg->header_bytes);
    }
    if (zsip_warning_next(msg, &at[4], &warning, &found, NULL) == ZSIP_OK && found) {
        cr_assert_leq((size_t)warning.text.offset + warning.text.length, msg->header_bytes);
    }
}

/* Who forgets to begin anew has a cursor of another message: it may lead to any place, and must not
 * lead out of the row. Behind the header section stands what no machine stops at. */
Test(guard_fields, a_cursor_of_another_message_does_not_leave_its_row)
{
    char text[700];
    struct guard guard;
    struct zsip_msg *msg = msg_new();
    int bytes = snprintf(text, sizeof(text),
                         "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h, SIP/2.0/UDP i\r\n"
                         "Route: <sip:a@b>, <sip:c@d>\r\nAllow: A, B\r\nWarning: 399 a \"b\"\r\n"
                         "Server: a/b (c)\r\nServer: d\r\n\r\n%s%s%s",
                         SIXTY, SIXTY, SIXTY);
    guard_open(&guard, (size_t)bytes);
    const uint8_t *at = guard_back(&guard, text, (size_t)bytes);
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        zsip_parse(msg, at, (size_t)bytes, 0);
        cr_assert_eq(msg->header_count, 6);
        for (uint32_t offset = 0; offset < (uint32_t)bytes + 3; offset++) {
            for (uint32_t row = 0; row < 7; row++) {
                unsigned id = row < 6 ? msg->headers[row].id : ZSIP_HEADER_ROUTE;
                step_all(msg, (enum zsip_header_id)id, (struct zsip_cursor){row, offset});
                step_all(msg, (enum zsip_header_id)id, (struct zsip_cursor){row, ~offset});
            }
            for (uint32_t row = 0; row < 6; row++) {
                struct zsip_product product;
                struct zsip_auth_param param;
                bool found;
                uint32_t one = offset, two = offset;
                zsip_product_next(at, msg->headers[row].value, &one, &product, &found, NULL);
                cr_assert(!found || one <= msg->header_bytes);
                zsip_auth_param_next(at, msg->headers[row].value, &two, &param, &found, NULL);
                cr_assert(!found || two <= msg->header_bytes);
            }
        }
    }
    ways_take(ways_count());
    guard_close(&guard);
    free(msg);
}
