/* zsip: the authentication fields: RFC 3261 section 22, RFC 7616, RFC 8760.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

/* Digest parameters and where each goes, by the length of their names. */
#define PARAM(name)                                                                                \
    {                                                                                              \
#name, offsetof(struct zsip_auth, name)                                                    \
    }
static const struct {
    const char *name;
    uint8_t place;
} digest_params[] = {
    PARAM(nc),       PARAM(qop),      PARAM(uri),      PARAM(realm),     PARAM(nonce),
    PARAM(stale),    PARAM(cnonce),   PARAM(opaque),   PARAM(domain),    PARAM(rspauth),
    PARAM(response), PARAM(username), PARAM(userhash), PARAM(algorithm), PARAM(nextnonce),
};

/* The first in digest_params whose name has at least that many characters. */
static const uint8_t first_of_length[11] = {0, 0, 0, 1, 3, 3, 6, 9, 10, 13, 15};

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
    if (name.length + 1u >= sizeof(first_of_length))
        return ZSIP_OK;
    for (size_t i = first_of_length[name.length]; i < first_of_length[name.length + 1]; i++) {
        struct zsip_slice *place = (void *)((char *)out + digest_params[i].place);
        if (!zsip_text_is(base + name.offset, name.length, digest_params[i].name))
            continue;
        if (zsip_slice_present(*place))
            return zsip_fault_set(fault, base, base + name.offset, ZSIP_ERROR_SYNTAX,
                                  "Digest parameter twice");
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
