/* zsip: shape-matchers of whole values. Included by shapes.h, which says what a matcher promises.
 *
 * SPDX-License-Identifier: MIT
 */

/* A quoted-string without escapes at p, where its first quote stands. Returns what follows, NULL if
 * the machine has to look. */
static inline const uint8_t *quoted_match(const uint8_t *p)
{
    struct half half = half_load(p + 1);
    uint64_t ends = half_equal(half, ZSIP_FILL_QUOTE) | half_equal(half, ZSIP_FILL_BACKSLASH) |
                    half_control(half);
    if (HALF_BYTES < 64 && ends == 0) {
        struct block block = block_load(p + 1);
        ends = block_equal(block, ZSIP_FILL_QUOTE) | block_equal(block, ZSIP_FILL_BACKSLASH) |
               block_control(block);
    }
    uint64_t length = lowest(ends);
    return length == 64 || p[1 + length] != '"' ? NULL : p + length + 2;
}

/* [ "=" ( token / quoted-string ) ] behind a parameter's name. Returns what follows, NULL if the
 * machine has to look. */
static inline const uint8_t *param_value_match(const uint8_t *p)
{
    if (*p != '=')
        return p;
    if (p[1] == '"')
        return quoted_match(p + 1);
    uint64_t length = short_span(p + 1, ZSIP_CLASS_TOKEN);
    return length - 1 > 62 ? NULL : p + 1 + length;
}

/* ---- From, To and their like ----------------------------------------------------------------- */

/* What stands before the "<" of a name-addr. Returns where that is expected, NULL if the machine
 * has to look. */
static inline const uint8_t *display_match(const uint8_t *base, const uint8_t *begin,
                                           struct zsip_slice *display)
{
    const uint8_t *p = begin;
    if (LIKELY(*p == '"')) {
        p = quoted_match(p);
        if (UNLIKELY(p == NULL))
            return NULL;
        *display = zsip_slice_between(base, begin, p);
        return p + (*p == ' ');
    }
    uint64_t length = span(p, ZSIP_CLASS_DISPLAY);
    if (length - 1 > 62)
        return NULL;
    p += length;
    const uint8_t *end = p - (p[-1] == ' ');
    if (end == begin || end[-1] == ' ')
        return NULL;
    *display = zsip_slice_between(base, begin, end);
    return p;
}

/* ";tag=token" or parameters that mean nothing to us, at p. Returns what follows, NULL if the
 * machine has to look. */
static inline const uint8_t *party_param_match(struct look look, const uint8_t *base,
                                               const uint8_t *p, struct zsip_slice *tag)
{
    uint64_t length;
    if (LIKELY(text_4_is(p + 1, TEXT_4('t', 'a', 'g', '=')))) {
        length = span_in(look, p + 5, ZSIP_CLASS_TOKEN);
        if (UNLIKELY(length - 1 > 62 || tag->length != 0))
            return NULL;
        *tag = zsip_slice_between(base, p + 5, p + 5 + length);
        return p + 5 + length;
    }
    length = short_span(++p, ZSIP_CLASS_TOKEN);
    if (length - 1 > 62 ||
        (length == 3 && (load_32(p) << 8 | LOWER_4 << 8) == TEXT_4(0, 't', 'a', 'g')))
        return NULL;
    return param_value_match(p + length);
}

/* [display] <sip:...> and parameters without white space, to end or a comma, which is returned;
 * NULL if the machine has to look. out comes cleared, and may be half filled then; so does uri,
 * which may be NULL. */
static ALWAYS_INLINE const uint8_t *party_shape(const uint8_t *base, const uint8_t *begin,
                                                const uint8_t *end, struct zsip_party *out,
                                                struct zsip_uri *uri)
{
    const uint8_t *p = begin;
    if (*p != '<') {
        p = display_match(base, begin, &out->display);
        if (UNLIKELY(p == NULL || p >= end || *p != '<'))
            return NULL;
    }
    struct look look;
    size_t length = uri_match(base, ++p, uri, &look);
    if (UNLIKELY(length == 0 || p[length] != '>'))
        return NULL;
    slice_put(&out->uri, base, p, p + length);
    p += length + 1;
    const uint8_t *params = p;
    while (p < end && *p == ';') {
        p = party_param_match(look, base, p, &out->tag);
        if (UNLIKELY(p == NULL))
            return NULL;
    }
    if (UNLIKELY(p != end && (p > end || *p != ',')))
        return NULL;
    if (p != params)
        out->params = zsip_slice_between(base, params, p);
    out->whole = zsip_slice_between(base, begin, p);
    return p;
}

static NOINLINE const uint8_t *party_match(const uint8_t *base, const uint8_t *begin,
                                           const uint8_t *end, struct zsip_party *out)
{
    return party_shape(base, begin, end, out, NULL);
}

/* ---- Via ------------------------------------------------------------------------------------- */

/* One parameter of a Via whose name means nothing to us, and the value it may have. Returns what
 * follows, NULL if the machine has to look. The names that do mean something begin with one of
 * these letters. */
static inline const uint8_t *via_other_match(const uint8_t *p)
{
    const uint32_t special = 1u << ('a' & 31) | 1u << ('b' & 31) | 1u << ('m' & 31) |
                             1u << ('o' & 31) | 1u << ('r' & 31) | 1u << ('t' & 31);
    uint64_t length = short_span(p, ZSIP_CLASS_TOKEN);
    if (length - 1 > 62 || (special >> (*p & 31) & 1) != 0)
        return NULL;
    return param_value_match(p + length);
}

static inline const uint8_t *via_branch_match(struct look look, const uint8_t *base,
                                              const uint8_t *branch, struct zsip_via *out)
{
    /* Of half a block it would be too much too often. */
    uint64_t length =
        HALF_BYTES == 64 ? span_in(look, branch, ZSIP_CLASS_TOKEN) : span(branch, ZSIP_CLASS_TOKEN);
    if (UNLIKELY(length - 1 > 62 || out->branch.length != 0))
        return NULL;
    out->branch = zsip_slice_between(base, branch, branch + length);
    /* The cookie and something behind it (section 8.1.1.7). */
    const uint64_t cookie = TEXT_8('z', '9', 'h', 'g', '4', 'b', 'k', 0) << 8;
    bool has_cookie = (length > 7) & ((load_64(branch) << 8 | (cookie >> 1 & LOWER_8)) == cookie);
    out->flags = (uint8_t)(out->flags | (has_cookie ? ZSIP_VIA_COOKIE : 0));
    return branch + length;
}

static inline const uint8_t *via_rport_match(const uint8_t *base, const uint8_t *p,
                                             struct zsip_via *out)
{
    unsigned length = 5;
    if (out->rport.length != 0)
        return NULL;
    if (p[5] == '=') {
        unsigned digits = port_match(p + 6, &out->rport_port);
        if (digits == 0)
            return NULL;
        length += 1 + digits;
        out->flags |= ZSIP_VIA_RPORT_VALUE;
    }
    out->rport = zsip_slice_between(base, p, p + length);
    out->flags |= ZSIP_VIA_RPORT;
    return p + length;
}

/* What is no IPv4address. */
static NOINLINE uint64_t via_received_other(const uint8_t *base, const uint8_t *p,
                                            struct zsip_slice *received)
{
    uint8_t kind = ZSIP_HOST_NONE;
    uint64_t length = host_match(host_masks_half(half_load(p)), base, p, received, &kind);
    return kind == ZSIP_HOST_NAME ? 0 : length;
}

static inline const uint8_t *via_received_match(const uint8_t *base, const uint8_t *p,
                                                struct zsip_via *out)
{
    if (out->received.length != 0)
        return NULL;
    uint64_t length = ipv4_match(p);
    if (LIKELY(length != 0)) {
        out->received = zsip_slice_between(base, p, p + length);
        return p + length;
    }
    length = via_received_other(base, p, &out->received);
    return length == 0 ? NULL : p + length;
}

/* A value's parameters without white space, up to end or a comma, which is returned. */
static ALWAYS_INLINE const uint8_t *via_params_match(struct look look, const uint8_t *base,
                                                     const uint8_t *p, const uint8_t *end,
                                                     struct zsip_via *out)
{
    do {
        if (*p != ';')
            return *p == ',' ? p : NULL;
        if (text_8_is(p, TEXT_8(';', 'b', 'r', 'a', 'n', 'c', 'h', '=')))
            p = via_branch_match(look, base, p + 8, out);
        else if (text_4_is(p + 1, TEXT_4('r', 'p', 'o', 'r')) && (p[5] | 0x20) == 't' &&
                 (p[6] == ';' || p[6] == '=' || p[6] == ',' || p + 6 == end))
            p = via_rport_match(base, p + 1, out);
        else if (text_8_is(p + 1, TEXT_8('r', 'e', 'c', 'e', 'i', 'v', 'e', 'd')) && p[9] == '=')
            p = via_received_match(base, p + 10, out);
        else
            p = via_other_match(p + 1);
        if (UNLIKELY(p == NULL))
            return NULL;
    } while (p < end);
    return p == end ? p : NULL;
}

static inline uint8_t via_transport(const uint8_t *p)
{
    switch (load_32(p) | LOWER_4) {
    case TEXT_4('u', 'd', 'p', ' '):
        return ZSIP_TRANSPORT_UDP;
    case TEXT_4('t', 'c', 'p', ' '):
        return ZSIP_TRANSPORT_TCP;
    case TEXT_4('t', 'l', 's', ' '):
        return ZSIP_TRANSPORT_TLS;
    case TEXT_4('w', 's', 's', ' '):
        return ZSIP_TRANSPORT_WSS;
    default:
        return ZSIP_TRANSPORT_NONE;
    }
}

/* SIP/2.0/UDP host[:port][;params], to end or a comma, which is returned; NULL if the machine has
 * to look. out comes cleared, and may be half filled then. */
static NOINLINE const uint8_t *via_match(const uint8_t *base, const uint8_t *begin,
                                         const uint8_t *end, struct zsip_via *out)
{
    const uint8_t *p = begin + 12;
    out->transport = via_transport(begin + 8);
    if (UNLIKELY(end - begin < 13) ||
        !text_8_is(begin, TEXT_8('s', 'i', 'p', '/', '2', '.', '0', '/')) || begin[11] != ' ' ||
        out->transport == ZSIP_TRANSPORT_NONE)
        return NULL;
    struct look look = look_at(p);
    uint64_t length = host_match(host_masks_half(look.half), base, p, &out->host, &out->host_kind);
    if (length == 0)
        return NULL;
    p += length;
    if (*p == ':') {
        length = port_match(p + 1, &out->port);
        if (UNLIKELY(length == 0))
            return NULL;
        p += 1 + length;
    }
    out->transport_name = zsip_slice_between(base, begin + 8, begin + 11);
    out->sent_by = zsip_slice_between(base, begin + 12, p);
    if (LIKELY(p < end)) {
        const uint8_t *params = p;
        p = via_params_match(look, base, p, end, out);
        if (p == NULL)
            return NULL;
        if (p != params)
            out->params = zsip_slice_between(base, params, p);
    } else if (p > end) {
        return NULL;
    }
    out->whole = zsip_slice_between(base, begin, p);
    return p;
}

/* ---- The others ------------------------------------------------------------------------------ */

static inline bool call_id_match(const uint8_t *begin, const uint8_t *end)
{
    struct block block = block_load(begin);
    uint64_t length = lowest(block_outside(block, ZSIP_CLASS_CALL_ID));
    if (UNLIKELY(begin + length != end || length - 1 > 62))
        return false;
    uint64_t at = block_equal(block, ZSIP_FILL_AT) & low_bits(length);
    /* At most one "@", not first and not last. */
    return (at & ((at - 1) | 1 | 1ull << (length - 1))) == 0;
}

/* "MESSAGE", or the name by way of its length; false: the machine has to look whether it is even a
 * token. */
static inline bool method_match(const uint8_t *p, unsigned length, uint8_t *method)
{
    if (length == 7 && load_64(p) << 8 == TEXT_8('M', 'E', 'S', 'S', 'A', 'G', 'E', 0) << 8)
        *method = ZSIP_METHOD_MESSAGE;
    else
        *method = (uint8_t)zsip_method_by_name((struct zsip_view){p, length});
    return *method != ZSIP_METHOD_UNKNOWN;
}

/* 1*DIGIT SP Method, the request's own or, in a response, one that has an id. */
static inline bool cseq_match(struct zsip_msg *msg, const uint8_t *base, const uint8_t *begin,
                              const uint8_t *end)
{
    uint32_t number;
    uint8_t method;
    unsigned digits = long_number_match(begin, &number);
    const uint8_t *name = begin + digits + 1;
    if (UNLIKELY(digits == 0 || name[-1] != ' ' || name >= end))
        return false;
    unsigned length = (unsigned)(end - name);
    if (msg->kind == ZSIP_KIND_REQUEST) {
        if (UNLIKELY(length != msg->method_name.length || length > 31 ||
                     !bytes_equal(name, base, length)))
            return false;
    } else {
        if (!method_match(name, length, &method))
            return false;
        msg->method = method;
        msg->method_name = zsip_slice_between(base, name, end);
    }
    msg->cseq_number = number;
    return true;
}

static inline bool max_forwards_match(struct zsip_msg *msg, const uint8_t *begin,
                                      const uint8_t *end)
{
    uint32_t value;
    unsigned digits = number_match(begin, &value);
    if (UNLIKELY(digits - 1 > 6 || begin + digits != end))
        return false;
    msg->max_forwards = value <= 255 ? value : ZSIP_ABSENT;
    return true;
}

static inline bool content_length_match(struct zsip_msg *msg, const uint8_t *begin,
                                        const uint8_t *end)
{
    uint32_t value;
    unsigned digits = number_match(begin, &value);
    if (UNLIKELY(digits - 1 > 6 || begin + digits != end))
        return false;
    msg->content_length = value;
    return true;
}

/* token "/" token */
static inline bool content_type_match(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                      struct zsip_media_type *out)
{
    uint64_t others = block_outside(block_load(begin), ZSIP_CLASS_TOKEN);
    size_t length = (size_t)(end - begin);
    unsigned slash = lowest(others);
    if (length > 63 || slash == 0 || slash + 1 >= length || begin[slash] != '/')
        return false;
    others &= others - 1;
    unsigned subtype = lowest(others);
    if (subtype == slash + 1 || subtype > length)
        return false;
    struct zsip_slice params = {0, 0};
    if (subtype < length) {
        /* ;name=token */
        others &= others - 1;
        unsigned equal = lowest(others), behind = lowest(others & (others - 1));
        if (begin[subtype] != ';' || equal <= subtype + 1 || equal + 1 >= length ||
            begin[equal] != '=' || behind != length)
            return false;
        params = zsip_slice_between(base, begin + subtype, end);
    }
    *out = (struct zsip_media_type){
        .type = zsip_slice_between(base, begin, begin + slash),
        .subtype = zsip_slice_between(base, begin + slash + 1, begin + subtype),
        .params = params,
    };
    return true;
}
