/* zsip: the authentication fields: RFC 3261 section 22, RFC 7616, RFC 8760.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

/* Digest parameters and where each goes, by the length of their names: the first eight characters,
 * spaces behind a shorter name, and the ninth. */
#define WORD(a, b, c, d)                                                                           \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define PARAM(name, a, b, c, d, e, f, g, h, i)                                                     \
    {                                                                                              \
        WORD(a, b, c, d) | (uint64_t)WORD(e, f, g, h) << 32, i, offsetof(struct zsip_auth, name)   \
    }
static const struct {
    uint64_t first;
    uint8_t ninth;
    uint8_t place;
} digest_params[] = {
    PARAM(nc, 'n', 'c', ' ', ' ', ' ', ' ', ' ', ' ', 0),
    PARAM(qop, 'q', 'o', 'p', ' ', ' ', ' ', ' ', ' ', 0),
    PARAM(uri, 'u', 'r', 'i', ' ', ' ', ' ', ' ', ' ', 0),
    PARAM(realm, 'r', 'e', 'a', 'l', 'm', ' ', ' ', ' ', 0),
    PARAM(nonce, 'n', 'o', 'n', 'c', 'e', ' ', ' ', ' ', 0),
    PARAM(stale, 's', 't', 'a', 'l', 'e', ' ', ' ', ' ', 0),
    PARAM(cnonce, 'c', 'n', 'o', 'n', 'c', 'e', ' ', ' ', 0),
    PARAM(opaque, 'o', 'p', 'a', 'q', 'u', 'e', ' ', ' ', 0),
    PARAM(domain, 'd', 'o', 'm', 'a', 'i', 'n', ' ', ' ', 0),
    PARAM(rspauth, 'r', 's', 'p', 'a', 'u', 't', 'h', ' ', 0),
    PARAM(response, 'r', 'e', 's', 'p', 'o', 'n', 's', 'e', 0),
    PARAM(username, 'u', 's', 'e', 'r', 'n', 'a', 'm', 'e', 0),
    PARAM(userhash, 'u', 's', 'e', 'r', 'h', 'a', 's', 'h', 0),
    PARAM(algorithm, 'a', 'l', 'g', 'o', 'r', 'i', 't', 'h', 'm'),
    PARAM(nextnonce, 'n', 'e', 'x', 't', 'n', 'o', 'n', 'c', 'e'),
};

/* The first in digest_params whose name has at least that many characters. */
static const uint8_t first_of_length[11] = {0, 0, 0, 1, 3, 3, 6, 9, 10, 13, 15};

static uint64_t load_2(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8;
}

static uint64_t load_4(const uint8_t *p)
{
    return WORD(p[0], p[1], p[2], p[3]);
}

/* The first eight characters of a token of two or more, as in digest_params. Only letters can
 * become letters by the bit of their case. */
static uint64_t name_word(const uint8_t *name, size_t length)
{
    uint64_t word;
    if (length >= 8)
        word = load_4(name) | load_4(name + 4) << 32;
    else if (length >= 4)
        word = load_4(name) | load_4(name + length - 4) << 8 * (length - 4);
    else
        word = load_2(name) | load_2(name + length - 2) << 8 * (length - 2);
    return word | 0x2020202020202020u;
}

/* nonce-count = 8LHEX; upper case is taken too. */
static bool is_nonce_count(const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t c = zsip_lower(text[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return length == 8;
}

static enum zsip_status digest_param(const uint8_t *base, struct zsip_slice name,
                                     struct zsip_slice value, struct zsip_auth *out,
                                     struct zsip_fault *fault)
{
    const uint8_t *text = base + name.offset;
    if (name.length < 2 || name.length + 1u >= sizeof(first_of_length))
        return ZSIP_OK;
    uint64_t word = name_word(text, name.length);
    uint8_t ninth = name.length == 9 ? zsip_lower(text[8]) : 0;
    for (size_t i = first_of_length[name.length]; i < first_of_length[name.length + 1]; i++) {
        struct zsip_slice *place = (void *)((char *)out + digest_params[i].place);
        if (digest_params[i].first != word || digest_params[i].ninth != ninth)
            continue;
        if (zsip_slice_present(*place))
            return zsip_fault_set(fault, base, text, ZSIP_ERROR_SYNTAX, "Digest parameter twice");
        if (place == &out->nc && !is_nonce_count(base + value.offset, value.length))
            return zsip_fault_set(fault, base, base + value.offset, ZSIP_ERROR_SYNTAX,
                                  "nonce-count");
        *place = value;
    }
    return ZSIP_OK;
}

static enum zsip_status digest(const uint8_t *base, const uint8_t *p, const uint8_t *end,
                               struct zsip_auth *out, struct zsip_fault *fault)
{
    const struct zsip_fast *fast = zsip_fast();
    for (;;) {
        struct zsip_slice name, value;
        const uint8_t *stop = fast->auth_param(base, p, end, &name, &value);
        enum zsip_status status = ZSIP_OK;
        if (stop != NULL)
            p = stop;
        else
            status = zsip_machine_auth_param(base, &p, end, &name, &value, fault);
        if (status == ZSIP_OK)
            status = digest_param(base, name, value, out, fault);
        if (status != ZSIP_OK || p == end)
            return status;
        p = zsip_lws_skip(p + 1, end);
    }
}

enum zsip_status zsip_auth_parse(const uint8_t *base, struct zsip_slice slice,
                                 enum zsip_header_id id, struct zsip_auth *out,
                                 struct zsip_fault *fault)
{
    const uint8_t *begin = base + slice.offset, *end = begin + slice.length, *p = begin;
    struct zsip_fault ignored;
    if (fault == NULL)
        fault = &ignored;
    *out = (struct zsip_auth){.whole = slice};
    /* Authentication-Info has no scheme: it belongs to Digest (RFC 3261 section 25.1, ainfo). */
    if (id != ZSIP_HEADER_AUTHENTICATION_INFO) {
        while (p < end && zsip_is_token_char(*p))
            p++;
        out->scheme_name = zsip_slice_between(base, begin, p);
        if (p == begin || p == end || !zsip_is_lws(*p))
            return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, "auth-scheme");
        p = zsip_lws_skip(p, end);
    }
    out->params = zsip_slice_between(base, p, end);
    if (id != ZSIP_HEADER_AUTHENTICATION_INFO &&
        !zsip_text_is(base + out->scheme_name.offset, out->scheme_name.length, "digest"))
        return ZSIP_OK;
    out->scheme = ZSIP_AUTH_DIGEST;
    return digest(base, p, end, out, fault);
}
