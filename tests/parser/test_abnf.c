/* What is read against the rules of parser/grammar.rl and headers.rl, value by value: what a
 * function (or zsip_parse(), of the fields that it judges) reads to the end its field's rule takes,
 * and what the rule takes is read; URIs and start lines likewise. Values come from the corpus, from
 * a list of odd ones, and from mutants of both.
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

#define MUTANTS_PER_VALUE 200u

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

/* Read like Contact, which is laxer, and stricter about a tag (docs/parser.md). */
static bool reads_otherwise(enum zsip_header_id id, bool read, const uint8_t *data, size_t bytes)
{
    if (id != ZSIP_HEADER_CALL_INFO && id != ZSIP_HEADER_ALERT_INFO && id != ZSIP_HEADER_ERROR_INFO)
        return false;
    return read || abnf_judge(ZSIP_HEADER_CONTACT, data, bytes) == ABNF_ILLEGAL;
}

static unsigned judged, legal, differences;

static void judge(enum zsip_header_id id, const uint8_t *data, size_t bytes)
{
    if (!may_be_a_value(data, bytes) || differences > 20) {
        return;
    }
    enum abnf_verdict verdict = abnf_judge(id, data, bytes);
    enum zsip_status status = abnf_read_all(id, data, bytes);
    if (status == ZSIP_ERROR_STATE) {
        return;
    }
    /* A number out of range is legal by its rule. */
    bool read = status == ZSIP_OK || status == ZSIP_ERROR_RANGE;
    /* An empty row is a list of none for whoever reads it, rule or not (docs/parser.md). */
    if (bytes == 0 && abnf_may_be_empty(id)) {
        read = verdict == ABNF_LEGAL;
    }
    judged++;
    legal += verdict == ABNF_LEGAL;
    if (read != (verdict == ABNF_LEGAL) && !reads_otherwise(id, read, data, bytes)) {
        differences++;
        cr_expect_fail("%s: '%.*s' is %s by its rule, and %s", zsip_header_name(id), (int)bytes,
                       (const char *)data, verdict == ABNF_LEGAL ? "legal" : "not legal",
                       read ? "read" : "refused");
    }
}

static void judge_mutants_of(enum zsip_header_id id, const uint8_t *data, size_t bytes,
                             uint64_t seed, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        size_t length;
        uint8_t *mutant = mutate(data, bytes, seed * 1009 + i, &length);
        judge(id, mutant, length);
        free(mutant);
    }
}

/* One value as every field that has a rule, and with many mutants as the field it is of. */
static void judge_all(enum zsip_header_id own, const uint8_t *data, size_t bytes, uint64_t seed)
{
    for (unsigned id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
        enum zsip_header_id field = (enum zsip_header_id)id;
        if (abnf_judge(field, data, bytes) == ABNF_NO_RULE) {
            continue;
        }
        judge(field, data, bytes);
        judge_mutants_of(field, data, bytes, seed,
                         field == own ? MUTANTS_PER_VALUE : MUTANTS_PER_VALUE / 100);
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

/* ---- URIs and start lines -----------------------------------------------------------------------
 */

static void judge_uri(const uint8_t *data, size_t bytes)
{
    struct zsip_uri uri;
    bool rule = abnf_is_uri(data, bytes);
    struct zsip_slice slice = {0, (uint16_t)bytes};
    enum zsip_status status = zsip_uri_parse(data, slice, &uri, NULL);
    judged++;
    legal += rule;
    if (rule != (status == ZSIP_OK || status == ZSIP_ERROR_RANGE) && differences++ < 20)
        cr_expect_fail("URI '%.*s' is %s by its rule", (int)bytes, (const char *)data,
                       rule ? "legal" : "not legal");
}

/* What its rule says of a line, and what zsip_parse() says: no CR and no LF in it, for where a line
 * ends is no business of the rule. */
static void judge_start(const uint8_t *data, size_t bytes)
{
    char text[2048];
    if (bytes == 0 || bytes > 1500 || memchr(data, '\r', bytes) != NULL ||
        memchr(data, '\n', bytes) != NULL)
        return;
    bool rule = abnf_is_start_line(data, bytes);
    memcpy(text, data, bytes);
    memcpy(text + bytes, "\r\n\r\n", 4);
    const struct zsip_fault *fault = &abnf_parsed(text, bytes + 4)->fault;
    bool read = fault->status == ZSIP_ERROR_MISSING;
    judged++;
    legal += rule;
    /* Version and range are judged of what is legal (a status code of any length is a number). */
    if (fault->status == ZSIP_ERROR_VERSION || fault->status == ZSIP_ERROR_RANGE)
        return;
    if (rule != read && differences++ < 20)
        cr_expect_fail("start line '%.*s' is %s by its rule", (int)bytes, (const char *)data,
                       rule ? "legal" : "not legal");
}

/* The same of a header line whose field nobody knows. */
static void judge_line(const uint8_t *data, size_t bytes)
{
    char text[2048] = "MESSAGE sip:a@b SIP/2.0\r\n";
    size_t before = strlen(text);
    if (bytes == 0 || bytes > 1500)
        return;
    memcpy(text + before, data, bytes);
    memcpy(text + before + bytes, "\r\n\r\n", 4);
    const struct zsip_msg *msg = abnf_parsed(text, before + bytes + 4);
    if (zsip_msg_find(msg, ZSIP_HEADER_UNKNOWN, 0) != 0)
        return;
    bool rule = abnf_is_line(data, bytes);
    bool read = msg->fault.status == ZSIP_ERROR_MISSING && msg->header_count == 1 &&
                msg->header_bytes == before + bytes + 4;
    judged++;
    legal += rule;
    if (rule != read && differences++ < 20)
        cr_expect_fail("header line '%.*s' is %s by its rule", (int)bytes, (const char *)data,
                       rule ? "legal" : "not legal");
}

typedef void judge_function(const uint8_t *data, size_t bytes);

static void judge_mutants(judge_function *judge_one, const uint8_t *data, size_t bytes,
                          uint64_t seed)
{
    judge_one(data, bytes);
    for (unsigned i = 0; i < MUTANTS_PER_VALUE; i++) {
        size_t length;
        uint8_t *mutant = mutate(data, bytes, seed * 1013 + i, &length);
        judge_one(mutant, length);
        free(mutant);
    }
}

static const char *const odd_uris[] = {
    "sip:a:b@c:5060;transport=tcp;lr?h=v&i=",
    "sips:[2001:db8::1]:5061;maddr=[::1]",
    "sip:+1-23;ext=4;isub=/&+$:pw@h.example.",
    "sip:user;par=u%40example.net@example.com",
    "sip:a@[::ffff:192.0.2.1]",
    "sip:[1:2:3:4:5:6:7:8]:1",
    "sip:a?b@c?d=e",
    "sip:999.1.2.3",
    "tel:+1(201)555-0123;phone-context=example.com;isub=%41",
    "tel:*67#",
    "im:a.b@c.example?subject=x",
    "http://a.b:80/c;d?e#f",
    "urn:x:y",
    "soap.beep://192.0.2.103:3002",
};

Test(abnf, uris_are_read_as_their_rules_have_them)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < sizeof(odd_uris) / sizeof(odd_uris[0]); i++)
        judge_mutants(judge_uri, (const uint8_t *)odd_uris[i], strlen(odd_uris[i]), i);
    for (size_t i = 0; i < corpus->count; i++) {
        const struct zsip_msg *msg =
            abnf_parsed((const char *)corpus->texts[i].data, corpus->texts[i].bytes);
        struct zsip_slice uris[] = {msg->request_uri.whole, msg->from.uri, msg->to.uri};
        for (unsigned k = 0; k < 3 && uris[k].length < 400; k++) {
            struct zsip_view uri = zsip_msg_view(msg, uris[k]);
            judge_mutants(judge_uri, uri.data, uri.length, i * 3 + k);
        }
    }
    fprintf(stderr, "%u URIs, %u of them legal\n", judged, legal);
    cr_expect_gt(legal, 10000);
}

Test(abnf, start_lines_are_read_as_their_rules_have_them)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        const uint8_t *end = memchr(text->data, '\r', text->bytes);
        if (end != NULL)
            judge_mutants(judge_start, text->data, (size_t)(end - text->data), i);
    }
    fprintf(stderr, "%u start lines, %u of them legal\n", judged, legal);
    cr_expect_gt(legal, 10000);
}

Test(abnf, lines_of_unknown_fields_are_read_as_their_rule_has_them)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct zsip_msg *msg =
            abnf_parsed((const char *)corpus->texts[i].data, corpus->texts[i].bytes);
        struct zsip_header rows[ZSIP_HEADERS_MAX];
        unsigned count = msg->header_count;
        const uint8_t *base = msg->data;
        memcpy(rows, msg->headers, count * sizeof(rows[0]));
        for (unsigned row = 0; row < count; row++) {
            char line[512];
            if (rows[row].value.length > 400)
                continue;
            int bytes = sprintf(line, "X-a : ");
            memcpy(line + bytes, base + rows[row].value.offset, rows[row].value.length);
            judge_mutants(judge_line, (uint8_t *)line, (size_t)bytes + rows[row].value.length,
                          i * 131 + row);
        }
    }
    fprintf(stderr, "%u header lines, %u of them legal\n", judged, legal);
    cr_expect_gt(legal, 10000);
}

/* ---- Header fields ------------------------------------------------------------------------------
 */

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
    "SIP/2.0/UDP h",
    "SIP / 2.0 / UDP h : 5060 ; ttl = 5 ; rport ; alias ; oc = 1",
    "SIP/2.0/UDP [::1]:1;received=[::1];maddr=[::2];branch=a",
    "SIP/2.0/UDP h;received=::1;x=[::3]",
    "SIP/2.0/UDP h;received=a.b",
    "SIP/2.0/UDP h;alias=a",
    "SIP/2.0/UDP h;x=a:b",
    "SIP/2.0/UDP h;branch=\"a\"",
    "SIP/2.0/UDP h;ttl=1000",
    "SIP/2.0/UDP h;maddr=-a, SIP/2.0/TCP i",
    "SIP/2.0/UDP h;oc;oc-algo=\"loss,A\";oc-validity=500;oc-seq=1282321615.782",
    "A B <sip:a@b>;tag=c;d",
    "A B<sip:a@b;lr>, <tel:+1>",
    "\"A, B\" < sip:a@b >",
    "\"A, B\" <sip:a@b>;tag=\"c\"",
    "sip:a@b;tag=c",
    "sip:a@b?c=d",
    "<sip:a@b?c=d>;q=0.5;expires=3;reg-id=1;+sip.instance=\"<urn:uuid:0>\"",
    "<http://a/b>;purpose=icon",
    "<sip:a@b>;q=[::1];tag",
    "1 MESSAGE",
    "1 \r\n OPTIONS",
    "1MESSAGE",
    "70",
    "text/plain;charset=utf-8",
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
        const uint8_t *value = (const uint8_t *)odd_values[i];
        size_t bytes = strlen(odd_values[i]);
        for (unsigned id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
            enum zsip_header_id field = (enum zsip_header_id)id;
            if (abnf_judge(field, value, bytes) != ABNF_NO_RULE) {
                judge(field, value, bytes);
                judge_mutants_of(field, value, bytes, i * 64 + id, MUTANTS_PER_VALUE / 4);
            }
        }
    }
    fprintf(stderr, "%u values, %u of them legal\n", judged, legal);
    cr_expect_gt(legal, 1000);
}
