/* Fields on demand against the rules of parser/headers.rl, value by value: what a function reads to
 * the end its field's rule takes, and what the rule takes the function reads. Values come from the
 * corpus, from a list of odd ones, and from mutants of both.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/abnf.h"
#include "tests/parser/corpus.h"
#include "tests/parser/judge.h"
#include "tests/parser/mutate.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTANTS_PER_VALUE 400u

/* ---- Reading a value to its end -----------------------------------------------------------------
 */

/* A message that is one row. */
static struct zsip_msg *row_of(const uint8_t *data, size_t bytes, enum zsip_header_id id)
{
    static struct zsip_msg *msg;
    msg = msg != NULL ? msg : msg_new();
    msg->data = data - 1;
    msg->header_count = 1;
    msg->present = (uint64_t)1 << id;
    msg->headers[0] = (struct zsip_header){{1, (uint16_t)bytes}, 0, 0, (uint8_t)id};
    return msg;
}

typedef enum zsip_status read_function(const struct zsip_msg *msg, enum zsip_header_id id,
                                       struct zsip_cursor *cursor, bool *found);

static enum zsip_status read_token(const struct zsip_msg *msg, enum zsip_header_id id,
                                   struct zsip_cursor *cursor, bool *found)
{
    struct zsip_slice token;
    return zsip_token_next(msg, id, cursor, &token, found, NULL);
}

static enum zsip_status read_value(const struct zsip_msg *msg, enum zsip_header_id id,
                                   struct zsip_cursor *cursor, bool *found)
{
    struct zsip_value value;
    return zsip_value_next(msg, id, cursor, &value, found, NULL);
}

static enum zsip_status read_warning(const struct zsip_msg *msg, enum zsip_header_id id,
                                     struct zsip_cursor *cursor, bool *found)
{
    struct zsip_warning warning;
    (void)id;
    return zsip_warning_next(msg, cursor, &warning, found, NULL);
}

static enum zsip_status read_product(const struct zsip_msg *msg, enum zsip_header_id id,
                                     struct zsip_cursor *cursor, bool *found)
{
    struct zsip_product product;
    (void)id;
    return zsip_product_next(msg->data, msg->headers[0].value, &cursor->offset, &product, found,
                             NULL);
}

static enum zsip_status read_seconds(const struct zsip_msg *msg, enum zsip_header_id id,
                                     struct zsip_cursor *cursor, bool *found)
{
    uint32_t seconds;
    (void)id, (void)cursor;
    *found = false;
    return zsip_delta_seconds(msg->data, msg->headers[0].value, &seconds, NULL);
}

static enum zsip_status read_date(const struct zsip_msg *msg, enum zsip_header_id id,
                                  struct zsip_cursor *cursor, bool *found)
{
    int64_t utc_s;
    (void)id, (void)cursor;
    *found = false;
    return zsip_date(msg->data, msg->headers[0].value, &utc_s, NULL);
}

static enum zsip_status read_retry_after(const struct zsip_msg *msg, enum zsip_header_id id,
                                         struct zsip_cursor *cursor, bool *found)
{
    struct zsip_retry_after retry;
    (void)id, (void)cursor;
    *found = false;
    return zsip_retry_after(msg->data, msg->headers[0].value, &retry, NULL);
}

static enum zsip_status read_timestamp(const struct zsip_msg *msg, enum zsip_header_id id,
                                       struct zsip_cursor *cursor, bool *found)
{
    struct zsip_timestamp stamp;
    (void)id, (void)cursor;
    *found = false;
    return zsip_timestamp(msg->data, msg->headers[0].value, &stamp, NULL);
}

/* Two faults of Digest are about what stands in its parameters, which no rule can say: STATE. */
static enum zsip_status read_auth(const struct zsip_msg *msg, enum zsip_header_id id,
                                  struct zsip_cursor *cursor, bool *found)
{
    struct zsip_auth auth;
    struct zsip_fault fault;
    (void)cursor;
    *found = false;
    enum zsip_status status = zsip_auth_parse(msg->data, msg->headers[0].value, id, &auth, &fault);
    bool known = status != ZSIP_OK && (strcmp(fault.rule, "Digest parameter twice") == 0 ||
                                       strcmp(fault.rule, "nonce-count") == 0);
    return known ? ZSIP_ERROR_STATE : status;
}

static read_function *reader_of(enum zsip_header_id id)
{
    switch (id) {
    case ZSIP_HEADER_ACCEPT:
    case ZSIP_HEADER_ACCEPT_ENCODING:
    case ZSIP_HEADER_ACCEPT_LANGUAGE:
    case ZSIP_HEADER_CONTENT_DISPOSITION:
    case ZSIP_HEADER_REASON:
    case ZSIP_HEADER_EVENT:
    case ZSIP_HEADER_SUBSCRIPTION_STATE:
        return read_value;
    case ZSIP_HEADER_AUTHORIZATION:
    case ZSIP_HEADER_PROXY_AUTHORIZATION:
    case ZSIP_HEADER_WWW_AUTHENTICATE:
    case ZSIP_HEADER_PROXY_AUTHENTICATE:
    case ZSIP_HEADER_AUTHENTICATION_INFO:
        return read_auth;
    case ZSIP_HEADER_DATE:
        return read_date;
    case ZSIP_HEADER_EXPIRES:
    case ZSIP_HEADER_MIN_EXPIRES:
    case ZSIP_HEADER_MAX_BREADTH:
    case ZSIP_HEADER_FLOW_TIMER:
        return read_seconds;
    case ZSIP_HEADER_RETRY_AFTER:
        return read_retry_after;
    case ZSIP_HEADER_TIMESTAMP:
        return read_timestamp;
    case ZSIP_HEADER_SERVER:
    case ZSIP_HEADER_USER_AGENT:
        return read_product;
    case ZSIP_HEADER_WARNING:
        return read_warning;
    default:
        return read_token;
    }
}

/* What reading it to the end says, or the first fault. */
static enum zsip_status read_all(enum zsip_header_id id, const uint8_t *data, size_t bytes)
{
    const struct zsip_msg *msg = row_of(data, bytes, id);
    struct zsip_cursor cursor = {0, 0};
    read_function *read = reader_of(id);
    bool found = true;
    enum zsip_status status = ZSIP_OK;
    for (size_t i = 0; found && status == ZSIP_OK && i <= bytes + 1; i++) {
        status = read(msg, id, &cursor, &found);
    }
    return status;
}

/* ---- Values -------------------------------------------------------------------------------------
 */

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* What zsip_parse() hands out as a value: nothing that no header field can hold, no space around.
 */
static bool may_be_a_value(const uint8_t *data, size_t bytes)
{
    static struct zsip_msg *msg;
    char text[2048];
    msg = msg != NULL ? msg : msg_new();
    if (bytes > 1500 || (bytes > 0 && (is_space(data[0]) || is_space(data[bytes - 1])))) {
        return false;
    }
    int before = snprintf(text, sizeof(text),
                          "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\n"
                          "To: <sip:a@b>\r\nCall-ID: a\r\nCSeq: 1 MESSAGE\r\nX: ");
    memcpy(text + before, data, bytes);
    memcpy(text + before + bytes, "\r\n\r\n", 4);
    return zsip_parse(msg, (const uint8_t *)text, (size_t)before + bytes + 4, 0) == ZSIP_OK &&
           msg->header_count == 6 && msg->headers[5].value.length == bytes;
}

static unsigned judged, legal, differences;

static void judge(enum zsip_header_id id, const uint8_t *data, size_t bytes)
{
    if (!may_be_a_value(data, bytes) || differences > 20) {
        return;
    }
    enum abnf_verdict verdict = abnf_judge(id, data, bytes);
    enum zsip_status status = read_all(id, data, bytes);
    if (status == ZSIP_ERROR_STATE) {
        return;
    }
    /* A number out of range is legal by its rule. */
    bool read = status == ZSIP_OK || status == ZSIP_ERROR_RANGE;
    /* An empty row is a list of none for whoever reads it, rule or not (docs/parser.md). */
    if (bytes == 0 && (reader_of(id) == read_token || reader_of(id) == read_value)) {
        read = verdict == ABNF_LEGAL;
    }
    judged++;
    legal += verdict == ABNF_LEGAL;
    if (read != (verdict == ABNF_LEGAL)) {
        differences++;
        cr_expect_fail("%s: '%.*s' is %s by its rule, and %s", zsip_header_name(id), (int)bytes,
                       (const char *)data, verdict == ABNF_LEGAL ? "legal" : "not legal",
                       read ? "read" : "refused");
    }
}

/* One value as every field that has a rule, and with its mutants as the field it is of. */
static void judge_all(enum zsip_header_id own, const uint8_t *data, size_t bytes, uint64_t seed)
{
    for (unsigned id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
        enum zsip_header_id field = (enum zsip_header_id)id;
        if (abnf_judge(field, data, bytes) == ABNF_NO_RULE) {
            continue;
        }
        judge(field, data, bytes);
        unsigned mutants = field == own ? MUTANTS_PER_VALUE : MUTANTS_PER_VALUE / 100;
        for (unsigned i = 0; i < mutants; i++) {
            size_t length;
            uint8_t *mutant = mutate(data, bytes, seed * 1009 + i, &length);
            judge(field, mutant, length);
            free(mutant);
        }
    }
}

Test(abnf, what_is_read_of_the_corpus_is_what_the_rules_take)
{
    const struct corpus *corpus = corpus_all();
    struct zsip_msg *msg = msg_new();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        zsip_parse(msg, text->data, text->bytes, text->flags);
        for (unsigned row = 0; row < msg->header_count; row++) {
            enum zsip_header_id id = (enum zsip_header_id)msg->headers[row].id;
            struct zsip_view value = zsip_msg_view(msg, msg->headers[row].value);
            if (id != ZSIP_HEADER_UNKNOWN && value.length < 400 &&
                abnf_judge(id, value.data, value.length) != ABNF_NO_RULE) {
                judge_all(id, value.data, value.length, i * 131 + row);
            }
        }
    }
    fprintf(stderr, "%u values, %u of them legal\n", judged, legal);
    cr_expect_gt(judged, 10000);
    cr_expect_gt(legal, 2000);
    free(msg);
}

/* From both sides of each rule. */
static const char *const odd_values[] = {
    "*/*",
    "text/*",
    "*/text",
    "text",
    "text/plain/x",
    "text / plain",
    "text/plain;q=0.5",
    "text/plain;q=1.001",
    "text/plain;q",
    "text/plain;a=\"b,c\"",
    "a/b;c=d;e=[::1];f",
    "gzip",
    "*",
    "gzip;q=0",
    "en",
    "en-gb;q=0.8, fr",
    "es-419",
    "a,",
    ",a",
    "a,,b",
    "a , b",
    "\"a\"",
    "a b",
    "a;",
    "a;b",
    "a;b=",
    "a;b=c;",
    "a=b",
    "a;b=\"c",
    "1",
    "0",
    "00",
    "-1",
    "1.",
    "1.5 .5",
    ".5",
    "1 ",
    "1 2 3",
    "1.2.3",
    "4294967295",
    "4294967296",
    "1;duration=3600",
    "1 (a)",
    "1(a)",
    "1 (a (b (c (d))))",
    "1 (a (b (c (d (e)))))",
    "1 (a;b",
    "1 (\\));x",
    "301 a.b:5060 \"x\"",
    "301 a.b: \"x\"",
    "301 [::1]:5060 \"x\"",
    "30 a \"x\"",
    "3011 a \"x\"",
    "301 a x",
    "301 a!b \"x\"",
    "301 a!b:1 \"x\"",
    "301  a \"x\"",
    "399 a \"x\", 301 b \"y\"",
    "a@b",
    "a@b, c@d",
    "a@b@c",
    "@",
    "a@",
    "x/1.0",
    "x / 1 y",
    "x/1.0 (a comment) y/2",
    "(only)",
    "(a)(b)",
    "x/",
    "/1",
    "x(a)",
    "x (a",
    "x \"q\"",
    "x/1/2",
    "x\r\n y",
    "Digest a=b",
    "Digest",
    "Digest a",
    "Digest a=",
    "Digest a=b,c=\"d\"",
    "Digest a=b c=d",
    "Digest username*=UTF-8''J%C3%A4, charset=UTF-8",
    "Basic dXNlcjpwYXNz",
    "Basic",
    "Digest realm=\"a\\\"b\"",
    "Digest a=b,",
    "Digest nc=0000000g",
    "Digest a=b , c = d",
    "digest uri=sip:a@b",
    "DIGEST qop=\"auth,auth-int\"",
    "a=b",
    "nextnonce=\"x\", qop=auth",
    "Sat, 13 Nov 2010 23:29:00 GMT",
    "Sat, 13 Nov 2010 23:29:00",
    "Sat, 13 nov 2010 23:29:00 GMT",
    "Sat, 31 Feb 2010 25:61:61 GMT",
    "SIP;cause=200",
    "Q.850;cause=16;text=\"Terminated\"",
    "render",
    "session;handling=optional",
    "presence;id=1",
    "active;expires=3600",
    "a;b=c, d",
    "\"",
    "\\",
    "(",
    ")",
    "[",
    "",
};

Test(abnf, odd_values_are_read_as_the_rules_have_them)
{
    for (size_t i = 0; i < sizeof(odd_values) / sizeof(odd_values[0]); i++) {
        char text[256] = ":";
        snprintf(text, sizeof(text), ":%s", odd_values[i]);
        for (unsigned id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
            judge_all((enum zsip_header_id)id, (const uint8_t *)text + 1, strlen(odd_values[i]), i);
        }
    }
    fprintf(stderr, "%u values, %u of them legal\n", judged, legal);
    cr_expect_gt(legal, 1000);
}
