/* The reference parser: are two URIs the same? RFC 3261 section 19.1.4.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/reference.h"
#include "tests/parser/reference_rules.h"
#include <string.h>

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

static unsigned hex_value(uint8_t byte)
{
    return ref_is_digit(byte) ? (unsigned)(byte - '0') : (unsigned)(lower(byte) - 'a' + 10);
}

/* The next character of a component: an escape equals the character it stands for, unless that is
 * reserved; an escaped reserved one is a character of its own (256 and up). */
static unsigned next_character(text *p, text end)
{
    if (**p == '%' && end - *p >= 3) {
        unsigned byte = hex_value((*p)[1]) * 16 + hex_value((*p)[2]);
        *p += 3;
        return byte != 0 && byte < 0x80 && ref_is((uint8_t)byte, ";/?:@&=+$,[]") ? 256 + byte
                                                                                 : byte;
    }
    return *(*p)++;
}

static bool same_text(text a, text a_end, text b, text b_end, bool with_case)
{
    while (a < a_end && b < b_end) {
        unsigned x = next_character(&a, a_end), y = next_character(&b, b_end);
        if (!with_case && x < 128 && y < 128) {
            x = lower((uint8_t)x);
            y = lower((uint8_t)y);
        }
        if (x != y) {
            return false;
        }
    }
    return a == a_end && b == b_end;
}

static bool same_part(text base_a, struct zsip_slice a, text base_b, struct zsip_slice b,
                      bool with_case)
{
    if (zsip_slice_present(a) != zsip_slice_present(b)) {
        return false;
    }
    return same_text(base_a + a.offset, base_a + a.offset + a.length, base_b + b.offset,
                     base_b + b.offset + b.length, with_case);
}

/* One "name=value" of a list with the separator mark. */
struct pair {
    text name, name_end, value, value_end; /* value NULL: none */
};

static bool next_pair(text *p, text end, uint8_t mark, struct pair *out)
{
    if (*p >= end) {
        return false;
    }
    text q = *p;
    out->name = q;
    out->value = NULL;
    while (q < end && *q != mark && *q != '=') {
        q++;
    }
    out->name_end = q;
    if (q < end && *q == '=') {
        out->value = ++q;
        while (q < end && *q != mark) {
            q++;
        }
        out->value_end = q;
    }
    *p = q < end ? q + 1 : q;
    return true;
}

static bool same_name(const struct pair *a, const struct pair *b)
{
    return same_text(a->name, a->name_end, b->name, b->name_end, false);
}

static bool same_value(const struct pair *a, const struct pair *b)
{
    if (a->value == NULL || b->value == NULL) {
        return a->value == b->value;
    }
    return same_text(a->value, a->value_end, b->value, b->value_end, false);
}

static bool find_pair(text p, text end, const struct pair *wanted, struct pair *out)
{
    while (next_pair(&p, end, ';', out)) {
        if (same_name(out, wanted)) {
            return true;
        }
    }
    return false;
}

/* Parameters that may not be missing on one side. */
static bool is_decisive(const struct pair *pair)
{
    static const char *const names[] = {"user", "ttl", "method", "maddr", "transport"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        text name = (text)names[i];
        if (same_text(pair->name, pair->name_end, name, name + strlen(names[i]), false)) {
            return true;
        }
    }
    return false;
}

/* Each parameter of a is in b with the same value, or may be missing there. */
static bool params_fit(text a, text a_end, text b, text b_end)
{
    struct pair x = {0}, y = {0};
    for (text p = a; next_pair(&p, a_end, ';', &x);) {
        bool there = find_pair(b, b_end, &x, &y);
        if (there ? !same_value(&x, &y) : is_decisive(&x)) {
            return false;
        }
    }
    return true;
}

static bool has_header(text p, text end, const struct pair *wanted)
{
    struct pair pair = {0};
    while (next_pair(&p, end, '&', &pair)) {
        if (same_name(&pair, wanted) && same_value(&pair, wanted)) {
            return true;
        }
    }
    return false;
}

static bool headers_fit(text a, text a_end, text b, text b_end)
{
    struct pair pair = {0};
    for (text p = a; next_pair(&p, a_end, '&', &pair);) {
        if (!has_header(b, b_end, &pair)) {
            return false;
        }
    }
    return true;
}

/* A list that names a parameter twice (section 19.1.1 forbids it) equals itself all the same. */
static bool same_bytes(text a, text a_end, text b, text b_end)
{
    return a_end - a == b_end - b && memcmp(a, b, (size_t)(a_end - a)) == 0;
}

bool reference_uri_equal(const uint8_t *base_a, const struct zsip_uri *a, const uint8_t *base_b,
                         const struct zsip_uri *b)
{
    if (a->scheme != b->scheme) {
        return false;
    }
    if (a->scheme != ZSIP_SCHEME_SIP && a->scheme != ZSIP_SCHEME_SIPS) {
        return a->whole.length == b->whole.length &&
               memcmp(base_a + a->whole.offset, base_b + b->whole.offset, a->whole.length) == 0;
    }
    if (!same_part(base_a, a->user, base_b, b->user, true) ||
        !same_part(base_a, a->password, base_b, b->password, true) ||
        !same_part(base_a, a->host, base_b, b->host, false) || a->port != b->port) {
        return false;
    }
    text pa = base_a + a->params.offset, pa_end = pa + a->params.length;
    text pb = base_b + b->params.offset, pb_end = pb + b->params.length;
    text ha = base_a + a->headers.offset, ha_end = ha + a->headers.length;
    text hb = base_b + b->headers.offset, hb_end = hb + b->headers.length;
    bool params = same_bytes(pa, pa_end, pb, pb_end) ||
                  (params_fit(pa, pa_end, pb, pb_end) && params_fit(pb, pb_end, pa, pa_end));
    bool headers = headers_fit(ha, ha_end, hb, hb_end) && headers_fit(hb, hb_end, ha, ha_end);
    return params && headers;
}
