/* zsip: values on demand. Included by shapes.h, which says what a matcher promises.
 *
 * SPDX-License-Identifier: MIT
 */

/* Whether [begin, end) can be looked at: from every place that a matcher may come to, 64 bytes can
 * be read. Matchers end behind one part of a value that goes beyond end, at most; where end is
 * followed by what stands in no part, before it. */
static inline bool can_look(const uint8_t *begin, const uint8_t *end)
{
#ifdef READS_STAY_INSIDE
    return false;
#endif
    if (begin == end)
        return false;
    size_t left = 4096 - ((uintptr_t)(end - 1) & 4095);
    return left > 512 || (left > 66 && (*end == '\r' || *end == '>' || *end == '"'));
}

static const uint8_t *via_value(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                struct zsip_via *out)
{
    *out = (struct zsip_via){0};
    return can_look(begin, end) ? via_match(base, begin, end, out) : NULL;
}

static const uint8_t *party_value(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                  struct zsip_party *out)
{
    *out = (struct zsip_party){0};
    return can_look(begin, end) ? party_match(base, begin, end, out) : NULL;
}

static bool uri_value(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                      struct zsip_uri *out)
{
    /* Put together in place: copied from elsewhere, its many small stores could not be forwarded to
     * the large loads of a copy. */
    uint8_t before[sizeof(*out)];
    if (!can_look(begin, end))
        return false;
    __builtin_memcpy(before, out, sizeof(before));
    *out = (struct zsip_uri){0};
    if (uri_match(base, begin, out) != (size_t)(end - begin)) {
        __builtin_memcpy(out, before, sizeof(before));
        return false;
    }
    out->whole = zsip_slice_between(base, begin, end);
    return true;
}

/* name=token or name="text", at p. Returns what follows, NULL if the machine has to look. */
static ALWAYS_INLINE const uint8_t *digest_param_match(const uint8_t *base, const uint8_t *p,
                                                       struct zsip_auth *out)
{
    uint64_t length = short_span(p, ZSIP_CLASS_TOKEN);
    const uint8_t *text = p + length + 1, *stop;
    struct zsip_slice value;
    if (length - 1 > 30 || p[length] != '=')
        return NULL;
    unsigned offset = zsip_digest_place(low_bytes(load_64(p), length), p, length);
    if (*text == '"') {
        stop = quoted_match(text);
        if (stop == NULL)
            return NULL;
        value = zsip_slice_between(base, text + 1, stop - 1);
    } else {
        length = short_span(text, ZSIP_CLASS_TOKEN);
        if (length - 1 > 62)
            return NULL;
        stop = text + length;
        value = zsip_slice_between(base, text, stop);
    }
    if (__builtin_expect(offset != 0, 1)) {
        struct zsip_slice *place = (void *)((char *)out + offset);
        if (zsip_slice_present(*place) ||
            (place == &out->nc && !zsip_is_nonce_count(base + value.offset, value.length)))
            return NULL;
        *place = value;
    }
    return stop;
}

/* Digest and its parameters, a comma and perhaps one space between them. */
static bool digest_value(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                         struct zsip_auth *out)
{
    const uint8_t *p = begin + 7;
    if (end - begin < 8 || !can_look(begin, end) || !text_4_is(begin, TEXT_4('d', 'i', 'g', 'e')) ||
        !text_4_is(begin + 3, TEXT_4('e', 's', 't', ' ')))
        return false;
    *out = (struct zsip_auth){
        .whole = zsip_slice_between(base, begin, end),
        .scheme_name = zsip_slice_between(base, begin, begin + 6),
        .params = zsip_slice_between(base, p, end),
        .scheme = ZSIP_AUTH_DIGEST,
    };
    for (;;) {
        p = digest_param_match(base, p, out);
        if (p == NULL || p >= end)
            return p == end;
        if (*p++ != ',')
            return false;
        p += *p == ' ';
    }
}

/* SIP-date: always of one length (section 25.1). */
static bool date_value(const uint8_t *p)
{
    static const uint8_t form[32] = "\0\0\0, \0\0 \0\0\0 \0\0\0\0 \0\0:\0\0:\0\0 GMT";
    static const uint8_t days[] = "MonTueWedThuFriSatSun";
    static const uint8_t months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const uint64_t digits = 0x01B6F060, marks = 0x1E490898;
    if (!can_look(p, p + 29))
        return false;
    bool day = false, month = false;
    for (unsigned i = 0; i < 7; i++)
        day |= ((load_32(p) ^ load_32(days + 3 * i)) & 0xFFFFFF) == 0;
    for (unsigned i = 0; i < 12; i++)
        month |= ((load_32(p + 8) ^ load_32(months + 3 * i)) & 0xFFFFFF) == 0;
    return day && month && (half_digits(half_load(p)) & digits) == digits &&
           (bytes_different(p, form) & marks) == 0;
}

static unsigned find_row(const struct zsip_msg *msg, unsigned id, unsigned from)
{
    unsigned count = msg->header_count;
    for (; from + 8 <= ZSIP_HEADERS_MAX && from < count; from += 8) {
        /* Eight rows in a look, an id at each one's end. */
        struct block block = block_load((const uint8_t *)&msg->headers[from]);
        uint64_t same = block_equal_byte(block, (uint8_t)id) & 0x8080808080808080u;
        if (same != 0) {
            unsigned row = from + (unsigned)lowest(same) / 8;
            return row < count ? row : count;
        }
    }
    while (from < count && msg->headers[from].id != id)
        from++;
    return from < count ? from : count;
}
