/* The reference parser: basic rules, hosts and URIs. RFC 3261 section 25.1, RFC 3966, RFC 3860.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/reference.h"
#include "tests/parser/reference_rules.h"
#include <string.h>

/* ---- Bytes --------------------------------------------------------------------------------------
 */

bool ref_is(uint8_t byte, const char *set)
{
    for (; *set != '\0'; set++) {
        if (byte == (uint8_t)*set) {
            return true;
        }
    }
    return false;
}

bool ref_is_alpha(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

bool ref_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool ref_is_hex(uint8_t byte)
{
    return ref_is_digit(byte) || (byte >= 'A' && byte <= 'F') || (byte >= 'a' && byte <= 'f');
}

bool ref_is_alphanum(uint8_t byte)
{
    return ref_is_alpha(byte) || ref_is_digit(byte);
}

bool ref_is_token(uint8_t byte)
{
    return ref_is_alphanum(byte) || ref_is(byte, "-.!%*_+`'~");
}

bool ref_is_word(uint8_t byte)
{
    return ref_is_token(byte) || ref_is(byte, "()<>:\\\"/[]?{}");
}

bool ref_is_unreserved(uint8_t byte)
{
    return ref_is_alphanum(byte) || ref_is(byte, "-_.!~*'()");
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

bool ref_same(text p, text end, const char *word)
{
    for (; p < end && *word != '\0'; p++, word++) {
        if (lower(*p) != (uint8_t)*word) {
            return false;
        }
    }
    return p == end && *word == '\0';
}

struct zsip_slice ref_slice(text base, text from, text to)
{
    return (struct zsip_slice){(uint16_t)(from - base), (uint16_t)(to - from)};
}

/* ---- Words --------------------------------------------------------------------------------------
 */

/* LWS, where any number of folds may follow each other: what a line of nothing but white space is.
 */
text ref_sws(text p, text end)
{
    for (;;) {
        if (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        } else if (end - p >= 3 && p[0] == '\r' && p[1] == '\n' && (p[2] == ' ' || p[2] == '\t')) {
            p += 3;
        } else {
            return p;
        }
    }
}

text ref_lws(text p, text end)
{
    text after = ref_sws(p, end);
    return after > p ? after : NULL;
}

text ref_token(text p, text end)
{
    text begin = p;
    while (p < end && ref_is_token(*p)) {
        p++;
    }
    return p > begin ? p : NULL;
}

text ref_word(text p, text end)
{
    text begin = p;
    while (p < end && ref_is_word(*p)) {
        p++;
    }
    return p > begin ? p : NULL;
}

text ref_digits(text p, text end)
{
    text begin = p;
    while (p < end && ref_is_digit(*p)) {
        p++;
    }
    return p > begin ? p : NULL;
}

text ref_mark(text p, text end, char mark)
{
    p = ref_sws(p, end);
    return p < end && *p == (uint8_t)mark ? ref_sws(p + 1, end) : NULL;
}

text ref_quoted_string(text p, text end)
{
    if (p == end || *p != '"') {
        return NULL;
    }
    for (p++; p < end;) {
        text space = ref_lws(p, end);
        if (space != NULL) {
            p = space;
        } else if (*p == '"') {
            return p + 1;
        } else if (*p == '\\') {
            if (end - p < 2 || p[1] > 0x7F || p[1] == '\r' || p[1] == '\n') {
                return NULL;
            }
            p += 2;
        } else if (*p == 0x21 || (*p >= 0x23 && *p <= 0x7E) || *p >= 0x80) {
            p++;
        } else {
            return NULL;
        }
    }
    return NULL;
}

text ref_uri_text(text p, text end, const char *set)
{
    text begin = p;
    while (p < end) {
        if (ref_is_unreserved(*p) || ref_is(*p, set)) {
            p++;
        } else if (end - p >= 3 && *p == '%' && ref_is_hex(p[1]) && ref_is_hex(p[2])) {
            p += 3;
        } else {
            break;
        }
    }
    return p > begin ? p : NULL;
}

bool ref_number(text p, text end, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    for (; p < end; p++) {
        value = value * 10 + (uint64_t)(*p - '0');
        if (value > max) {
            return false;
        }
    }
    *out = value;
    return true;
}

/* ---- Hosts --------------------------------------------------------------------------------------
 */

static bool is_ipv4(text p, text end)
{
    for (int octet = 0; octet < 4; octet++) {
        if (octet > 0) {
            if (p == end || *p != '.') {
                return false;
            }
            p++;
        }
        text digits = ref_digits(p, end);
        if (digits == NULL || digits - p > 3) {
            return false;
        }
        p = digits;
    }
    return p == end;
}

/* hexseq = hex4 *( ":" hex4 ), the whole of [p, end) */
static bool is_hexseq(text p, text end)
{
    for (;;) {
        text begin = p;
        while (p < end && ref_is_hex(*p)) {
            p++;
        }
        if (p == begin || p - begin > 4) {
            return false;
        }
        if (p == end) {
            return true;
        }
        if (*p != ':') {
            return false;
        }
        p++;
    }
}

/* hexpart = hexseq / hexseq "::" [ hexseq ] / "::" [ hexseq ] */
static bool is_hexpart(text p, text end)
{
    for (text q = p; end - q >= 2; q++) {
        if (q[0] == ':' && q[1] == ':') {
            return (q == p || is_hexseq(p, q)) && (q + 2 == end || is_hexseq(q + 2, end));
        }
    }
    return is_hexseq(p, end);
}

bool ref_ipv6(text p, text end)
{
    if (is_hexpart(p, end)) {
        return true;
    }
    /* The part from the last colon on may be an IPv4 address. RFC 3261: hexpart ":" IPv4address;
     * RFC 5954: ... "::" IPv4address and ... "::" hexseq ":" IPv4address. */
    text colon = end;
    while (colon > p && colon[-1] != ':') {
        colon--;
    }
    if (colon == p || !is_ipv4(colon, end)) {
        return false;
    }
    text before = colon - 1; /* the colon itself */
    return is_hexpart(p, before) || (before > p && before[-1] == ':' && is_hexpart(p, colon));
}

/* hostname = *( domainlabel "." ) toplabel [ "." ] */
static bool is_hostname(text p, text end)
{
    text top = p;
    while (p < end) {
        text label = p;
        while (p < end && (ref_is_alphanum(*p) || *p == '-')) {
            p++;
        }
        if (p == label || *label == '-' || p[-1] == '-') {
            return false;
        }
        top = label;
        if (p < end) {
            if (*p != '.') {
                return false;
            }
            p++;
        }
    }
    return top < end && ref_is_alpha(*top);
}

bool ref_host(text p, text end, uint8_t *kind, text *inner, text *inner_end)
{
    *inner = p;
    *inner_end = end;
    if (end - p >= 2 && *p == '[' && end[-1] == ']') {
        *inner = p + 1;
        *inner_end = end - 1;
        *kind = ZSIP_HOST_IPV6;
        return ref_ipv6(p + 1, end - 1);
    }
    if (is_ipv4(p, end)) {
        *kind = ZSIP_HOST_IPV4;
        return true;
    }
    *kind = ZSIP_HOST_NAME;
    return is_hostname(p, end);
}

text ref_gen_value(text p, text end)
{
    if (p < end && *p == '"') {
        return ref_quoted_string(p, end);
    }
    if (p < end && *p == '[') {
        /* IPv6reference; in a parameter nobody knows, any brackets around hex, colons and dots. */
        text q = p + 1;
        while (q < end && (ref_is_hex(*q) || *q == ':' || *q == '.')) {
            q++;
        }
        return q < end && *q == ']' && q > p + 1 ? q + 1 : NULL;
    }
    return ref_token(p, end); /* a hostname or IPv4address is one, too */
}

/* ---- SIP and SIPS -------------------------------------------------------------------------------
 */

static bool is_phonedigit(uint8_t byte)
{
    return ref_is_digit(byte) || ref_is(byte, "-.()");
}

/* RFC 3966: global-number-digits / local-number-digits; where the number ends. */
static text phone_number(text p, text end)
{
    bool global = p < end && *p == '+', real = false;
    p += global ? 1 : 0;
    while (p < end && (is_phonedigit(*p) || (!global && (ref_is_hex(*p) || ref_is(*p, "*#"))))) {
        real |= !ref_is(*p, "-.()");
        p++;
    }
    return real ? p : NULL;
}

/* *( ";" pname [ "=" pvalue ] ), with the bytes that pvalue may have beside unreserved. */
static text phone_params(text p, text end, const char *value_set)
{
    while (p < end && *p == ';') {
        text name = p + 1;
        p = name;
        while (p < end && (ref_is_alphanum(*p) || *p == '-')) {
            p++;
        }
        if (p == name) {
            return NULL;
        }
        if (p < end && *p == '=') {
            p = ref_uri_text(p + 1, end, value_set);
            if (p == NULL) {
                return NULL;
            }
        }
    }
    return p;
}

/* user / telephone-subscriber, the whole of [p, end) */
static bool is_user(text p, text end)
{
    if (ref_uri_text(p, end, "&=+$,;?/") == end && p < end) {
        return true;
    }
    text number = phone_number(p, end);
    return number != NULL && phone_params(number, end, "/&+$") == end;
}

/* *( ";" pname [ "=" pvalue ] ) from p on; where it ends, or NULL with *at set. */
static text uri_params(text p, text end, text *at)
{
    while (p < end && *p == ';') {
        *at = p;
        p = ref_uri_text(p + 1, end, "[]/:&+$");
        if (p != NULL && p < end && *p == '=') {
            p = ref_uri_text(p + 1, end, "[]/:&+$");
        }
        if (p == NULL) {
            return NULL;
        }
    }
    return p;
}

/* header *( "&" header ), header = hname "=" hvalue */
static text uri_headers(text p, text end)
{
    for (;;) {
        text name = ref_uri_text(p, end, "[]/?:+$");
        if (name == NULL || name == end || *name != '=') {
            return NULL;
        }
        text value = ref_uri_text(name + 1, end, "[]/?:+$");
        p = value != NULL ? value : name + 1;
        if (p == end || *p != '&') {
            return p;
        }
        p++;
    }
}

static text find_byte(text p, text end, char byte)
{
    while (p < end && *p != (uint8_t)byte) {
        p++;
    }
    return p < end ? p : NULL;
}

/* userinfo = ( user / telephone-subscriber ) [ ":" password ] "@" */
static bool parse_userinfo(text base, text p, text at_sign, struct zsip_uri *out)
{
    text colon = find_byte(p, at_sign, ':');
    text user_end = colon != NULL ? colon : at_sign;
    if (!is_user(p, user_end)) {
        return false;
    }
    out->user = ref_slice(base, p, user_end);
    if (colon == NULL) {
        return true;
    }
    text password = ref_uri_text(colon + 1, at_sign, "&=+$,");
    out->password = ref_slice(base, colon + 1, at_sign);
    return colon + 1 == at_sign || password == at_sign;
}

/* hostport = host [ ":" port ]; where it ends, NULL with *status set. */
static text parse_hostport(text base, text p, text end, struct zsip_uri *out,
                           enum zsip_status *status)
{
    text host = p, inner, inner_end;
    *status = ZSIP_ERROR_SYNTAX;
    if (p < end && *p == '[') {
        text close = find_byte(p, end, ']');
        p = close != NULL ? close + 1 : p;
    } else {
        while (p < end && (ref_is_alphanum(*p) || *p == '-' || *p == '.')) {
            p++;
        }
    }
    if (!ref_host(host, p, &out->host_kind, &inner, &inner_end)) {
        return NULL;
    }
    out->host = ref_slice(base, inner, inner_end);
    if (p < end && *p == ':') {
        uint64_t port;
        text digits = ref_digits(p + 1, end);
        if (digits == NULL) {
            return NULL;
        }
        /* What follows the number has to be right too before the number is looked at: a fault of
         * the grammar comes before one of range. */
        if (!ref_number(p + 1, digits, 65535, &port) || port == 0) {
            *status = ZSIP_ERROR_RANGE;
            port = 0;
        }
        out->port = (uint16_t)port;
        p = digits;
    }
    if (*status != ZSIP_ERROR_RANGE) {
        *status = ZSIP_OK;
    }
    return p;
}

static enum zsip_status parse_sip(text base, text p, text end, struct zsip_uri *out, text *at)
{
    enum zsip_status status;
    text at_sign = find_byte(p, end, '@');
    *at = p;
    if (at_sign != NULL) {
        if (!parse_userinfo(base, p, at_sign, out)) {
            return ZSIP_ERROR_SYNTAX;
        }
        p = at_sign + 1;
    }
    *at = p;
    p = parse_hostport(base, p, end, out, &status);
    if (p == NULL) {
        return ZSIP_ERROR_SYNTAX;
    }
    if (p < end && *p == ';') {
        text params = p + 1;
        p = uri_params(p, end, at);
        if (p == NULL) {
            return ZSIP_ERROR_SYNTAX;
        }
        out->params = ref_slice(base, params, p);
    }
    if (p < end && *p == '?') {
        text headers = p + 1;
        *at = headers;
        p = uri_headers(headers, end);
        if (p == NULL) {
            return ZSIP_ERROR_SYNTAX;
        }
        out->headers = ref_slice(base, headers, p);
    }
    *at = p;
    return p == end ? status : ZSIP_ERROR_SYNTAX;
}

static enum zsip_status parse_tel(text base, text p, text end, struct zsip_uri *out, text *at)
{
    *at = p;
    text number = phone_number(p, end);
    if (number == NULL) {
        return ZSIP_ERROR_SYNTAX;
    }
    out->user = ref_slice(base, p, number);
    *at = number;
    if (phone_params(number, end, "[]/:&+$") != end) {
        return ZSIP_ERROR_SYNTAX;
    }
    if (number < end) {
        out->params = ref_slice(base, number + 1, end);
    }
    return ZSIP_OK;
}

enum zsip_status ref_uri(text base, text p, text end, struct zsip_uri *out, text *at)
{
    text begin = p;
    *out = (struct zsip_uri){0};
    *at = p;
    if (p == end || !ref_is_alpha(*p)) {
        return ZSIP_ERROR_SYNTAX;
    }
    while (p < end && (ref_is_alphanum(*p) || ref_is(*p, "+-."))) {
        p++;
    }
    *at = p;
    if (p == end || *p != ':') {
        return ZSIP_ERROR_SYNTAX;
    }
    out->whole = ref_slice(base, begin, end);
    out->scheme_name = ref_slice(base, begin, p);
    /* RFC 3860 gives im: a mailbox and headers; it is read like a SIP URI. */
    static const struct {
        const char *name;
        uint8_t scheme;
    } like_sip[] = {{"sip", ZSIP_SCHEME_SIP}, {"sips", ZSIP_SCHEME_SIPS}, {"im", ZSIP_SCHEME_IM}};
    for (size_t i = 0; i < sizeof(like_sip) / sizeof(like_sip[0]); i++) {
        if (ref_same(begin, p, like_sip[i].name)) {
            out->scheme = like_sip[i].scheme;
            return parse_sip(base, p + 1, end, out, at);
        }
    }
    if (ref_same(begin, p, "tel")) {
        out->scheme = ZSIP_SCHEME_TEL;
        return parse_tel(base, p + 1, end, out, at);
    }
    out->scheme = ZSIP_SCHEME_OTHER;
    text rest = ref_uri_text(p + 1, end, ";/?:@&=+$,[]");
    *at = rest != NULL ? rest : p + 1;
    return rest == end && p + 1 < end ? ZSIP_OK : ZSIP_ERROR_SYNTAX;
}

enum zsip_status reference_uri_parse(const uint8_t *base, struct zsip_slice slice,
                                     struct zsip_uri *out)
{
    text at, begin = base + slice.offset;
    return ref_uri(base, begin, begin + slice.length, out, &at);
}
