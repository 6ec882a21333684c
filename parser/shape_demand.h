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

/* ---- Credentials and challenges -------------------------------------------------------------- */

/* More than any that is known has; what has more is left to the machine. */
#define DIGEST_BYTES_MAX 1024u
#define DIGEST_CUTS_MAX  256u

/* Bit by bit, whether an odd number of bits of the mask stands there or before. */
static inline uint64_t parity_from_below(uint64_t mask)
{
    for (unsigned i = 1; i < 64; i *= 2)
        mask ^= mask << i;
    return mask;
}

/* The places, as offsets from text, of what cuts parameters: quotes, and outside of quotes what no
 * token holds. The text's end is such a place; some may be behind it, and three stand there. False:
 * the machine has to look. */
static inline bool digest_cuts_find(const uint8_t *text, size_t length, uint16_t *cuts)
{
    uint64_t odd = 0, last = 0, open = 0;
    uint16_t *out = cuts, *most = cuts + DIGEST_CUTS_MAX;
    for (size_t at = 0; at <= length; at += 64) {
        struct block block = block_load(text + at);
        uint64_t quotes = block_equal(block, ZSIP_FILL_QUOTE);
        uint64_t quoted = parity_from_below(quotes) ^ open;
        uint64_t others = block_outside(block, ZSIP_CLASS_TOKEN);
        odd |= last;
        last = block_control(block) | block_equal(block, ZSIP_FILL_BACKSLASH);
        out += places_put((others & ~quoted) | quotes, (unsigned)at, out);
        open = 0 - (quoted >> 63);
        if (__builtin_expect(out > most, 0))
            return false;
    }
    out[0] = out[1] = out[2] = (uint16_t)(length + 1);
    return (odd | (last & low_bits(length & 63))) == 0;
}

/* nonce-count = 8LHEX, in any case, of what quotes or a token can hold. */
static inline bool nonce_count_match(const uint8_t *p, size_t length)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t x = load_64(p) | LOWER_8;
    uint64_t digits = (x + 0x50 * ones) & ~(x + 0x46 * ones);
    uint64_t letters = (x + 0x1F * ones) & ~(x + 0x19 * ones);
    return length == 8 && ((digits | letters) & ~x & 0x80 * ones) == 0x80 * ones;
}

/* The parameter whose name is text[at .. equal) and whose value is text[from .. to). */
static ALWAYS_INLINE bool digest_param_put(const uint8_t *base, const uint8_t *text, size_t at,
                                           size_t equal, size_t from, size_t to,
                                           struct zsip_auth *out)
{
    size_t length = equal - at;
    if (length - 1 > 30)
        return false;
    const uint8_t *name = text + at;
    unsigned offset = zsip_digest_place(low_bytes(load_64(name), length), name, length);
    if (__builtin_expect(offset == 0, 0))
        return true;
    struct zsip_slice *place = (void *)((char *)out + offset);
    if (zsip_slice_present(*place) ||
        (place == &out->nc && !nonce_count_match(text + from, to - from)))
        return false;
    *place = zsip_slice_between(base, text + from, text + to);
    return true;
}

/* Parameters, name=token or name="text", a comma and perhaps one space between them. */
static inline bool digest_params_match(const uint8_t *base, const uint8_t *text, size_t length,
                                       struct zsip_auth *out)
{
    uint16_t cuts[DIGEST_CUTS_MAX + 64];
    const uint16_t *cut = cuts;
    size_t at = 0;
    if (length > DIGEST_BYTES_MAX || !digest_cuts_find(text, length, cuts))
        return false;
    for (;;) {
        size_t equal = *cut++, from = equal + 1, to = *cut, behind = to;
        if (text[equal] != '=')
            return false;
        if (text[from] == '"') {
            from++;
            to = cut[1];
            behind = to + 1;
            cut += 2;
        } else if (from == to) {
            return false;
        }
        if (!digest_param_put(base, text, at, equal, from, to, out))
            return false;
        if (behind >= length)
            return behind == length;
        if (text[behind] != ',')
            return false;
        unsigned space = text[behind + 1] == ' ';
        at = behind + 1 + space;
        cut += 1 + space;
    }
}

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
    return digest_params_match(base, p, (size_t)(end - p), out);
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
