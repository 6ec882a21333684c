/* zsip: the authentication fields: RFC 3261 section 22, RFC 7616, RFC 8760.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/names.h"
#include "parser/parser.h"

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
    uint64_t first = 0;
    for (unsigned i = 0; i < name.length && i < 8; i++)
        first |= (uint64_t)text[i] << 8 * i;
    unsigned offset = zsip_digest_place(first, text, name.length);
    struct zsip_slice *place = (void *)((char *)out + offset);
    if (offset == 0)
        return ZSIP_OK;
    if (zsip_slice_present(*place))
        return zsip_fault_set(fault, base, text, ZSIP_ERROR_SYNTAX, "Digest parameter twice");
    if (place == &out->nc && !is_nonce_count(base + value.offset, value.length))
        return zsip_fault_set(fault, base, base + value.offset, ZSIP_ERROR_SYNTAX, "nonce-count");
    *place = value;
    return ZSIP_OK;
}

static enum zsip_status digest(const uint8_t *base, const uint8_t *p, const uint8_t *end,
                               struct zsip_auth *out, struct zsip_fault *fault)
{
    for (;;) {
        struct zsip_slice name, value;
        enum zsip_status status = zsip_machine_auth_param(base, &p, end, &name, &value, fault);
        if (status == ZSIP_OK)
            status = digest_param(base, name, value, out, fault);
        if (status != ZSIP_OK || p == end)
            return status;
        p = zsip_lws_skip(p + 1, end);
    }
}

enum zsip_status zsip_auth_slow(const uint8_t *base, struct zsip_slice slice,
                                enum zsip_header_id id, struct zsip_auth *out,
                                struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    const uint8_t *begin = base + slice.offset, *end = begin + slice.length, *p = begin;
    if (fault == NULL)
        fault = &ignored;
    *out = (struct zsip_auth){.whole = slice};
    /* Authentication-Info has no scheme: it belongs to Digest (RFC 3261 section 25.1, ainfo). */
    if (id != ZSIP_HEADER_AUTHENTICATION_INFO) {
        while (p < end && zsip_is_token_char(*p))
            p++;
        out->scheme_name = zsip_slice_between(base, begin, p);
        const uint8_t *behind = zsip_lws_skip(p, end);
        if (p == begin || behind == p)
            return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, "auth-scheme");
        p = behind;
    }
    out->params = zsip_slice_between(base, p, end);
    if (id != ZSIP_HEADER_AUTHENTICATION_INFO &&
        !zsip_text_is(base + out->scheme_name.offset, out->scheme_name.length, "digest"))
        return ZSIP_OK;
    out->scheme = ZSIP_AUTH_DIGEST;
    return digest(base, p, end, out, fault);
}

enum zsip_status zsip_auth_param_next(const uint8_t *base, struct zsip_slice params,
                                      uint32_t *cursor, struct zsip_auth_param *out, bool *found,
                                      struct zsip_fault *fault)
{
    const uint8_t *end = base + params.offset + params.length;
    const uint8_t *p = base + (*cursor != 0 ? *cursor : params.offset);
    struct zsip_fault ignored;
    *found = false;
    /* Behind the last one, or of other parameters. */
    if (*cursor != 0 && *cursor - params.offset > params.length)
        return ZSIP_OK;
    enum zsip_status status = zsip_machine_auth_param(base, &p, end, &out->name, &out->value,
                                                      fault != NULL ? fault : &ignored);
    if (status != ZSIP_OK)
        return status;
    /* Behind the last one there is no comma, and the cursor goes over the end. */
    p = p == end ? end + 1 : zsip_lws_skip(p + 1, end);
    *cursor = (uint32_t)(p - base);
    *found = true;
    return ZSIP_OK;
}
