/* zsip: shape-matchers of the small parts: text, numbers, hosts, URIs. Included by shapes.h, which
 * says what a matcher promises.
 *
 * SPDX-License-Identifier: MIT
 */

static inline uint64_t load_64(const uint8_t *p)
{
    uint64_t value;
    __builtin_memcpy(&value, p, 8);
    return value;
}

static inline uint32_t load_32(const uint8_t *p)
{
    uint32_t value;
    __builtin_memcpy(&value, p, 4);
    return value;
}

static inline uint16_t load_16(const uint8_t *p)
{
    uint16_t value;
    __builtin_memcpy(&value, p, 2);
    return value;
}

/* The upper half of a:b shifted left, by a constant. */
#define two_shift(a, b, count) ((a) << (count) | (b) >> (64 - (count)))

/* *set |= 1 << bit */
static inline void bit_add(uint64_t *set, uint64_t bit)
{
#if defined(__x86_64__)
    __asm__("bts %1, %0" : "+r"(*set) : "r"(bit) : "cc");
#else
    *set |= 1ull << (bit & 63);
#endif
}

/* Eight characters as load_64() sees them on this machine. */
#define TEXT_8(a, b, c, d, e, f, g, h)                                                             \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |              \
     (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)
#define TEXT_4(a, b, c, d)                                                                         \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

#define TEXT_2(a, b) ((uint16_t)((a) | (b) << 8))

#define LOWER_8 0x2020202020202020u
#define LOWER_4 0x20202020u

/* A slice by one store, for who reads it at once: two stores can't be forwarded to one load. */
static inline void slice_put(struct zsip_slice *out, const uint8_t *base, const uint8_t *from,
                             const uint8_t *to)
{
    uint32_t both = (uint32_t)(from - base) + ((uint32_t)(to - from) << 16);
    __builtin_memcpy(out, &both, sizeof(both));
}

/* Whether p has this text, which is in lower case and of letters, digits and what stands below them
 * in ASCII: the bit of case is ignored where it is one. */
static inline bool text_8_is(const uint8_t *p, uint64_t lower)
{
    return (load_64(p) | (lower >> 1 & LOWER_8)) == lower;
}

static inline bool text_4_is(const uint8_t *p, uint32_t lower)
{
    return (load_32(p) | (lower >> 1 & LOWER_4)) == lower;
}

/* Whether the first length bytes at a, below 32, are those at b; both can be read for 32. */
static inline bool bytes_equal(const uint8_t *a, const uint8_t *b, uint64_t length)
{
    return low_part(bytes_different(a, b), length) == 0;
}

/* How many bytes at p are of a class; 64 for as many or more. */
static inline uint64_t span(const uint8_t *p, enum zsip_class class)
{
    return lowest(block_outside(block_load(p), class));
}

/* The same for what is seldom longer than half a block. */
static inline uint64_t short_span(const uint8_t *p, enum zsip_class class)
{
    uint64_t others = half_outside(half_load(p), class);
    return HALF_BYTES == 64 || others != 0 ? lowest(others) : span(p, class);
}

/* A look, and where it was had: what follows one part of a value is mostly in the look that found
 * that part, and need not wait for another. */
struct look {
    const uint8_t *begin;
    struct half half;
};

static inline struct look look_at(const uint8_t *p)
{
    return (struct look){p, half_load(p)};
}

/* short_span() at p, which is not before the look: in it if it reaches that far, which half a block
 * seldom does. */
static inline uint64_t span_in(struct look look, const uint8_t *p, enum zsip_class class)
{
    uint64_t others = 0;
    if (HALF_BYTES == 64) {
        uint64_t from = (uint64_t)(p - look.begin);
        others = LIKELY(from < 64) ? half_outside(look.half, class) >> from : 0;
    }
    return LIKELY(others != 0) ? lowest(others) : short_span(p, class);
}

/* What zsip_name_hash() wants of the name of a header line, before which CRLF stands. */
static inline uint64_t name_key(const uint8_t *p, uint64_t length)
{
    return zsip_name_key(p[length / 4], load_32(p + length - 3), (uint32_t)length);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* The number at p. Returns how many digits it has, 0 to 7; 8 for as many or more, and then *out is
 * that of the first eight. */
static inline unsigned number_match(const uint8_t *p, uint32_t *out)
{
    uint64_t x = load_64(p) ^ 0x3030303030303030u;
    uint64_t others = ((x + 0x0606060606060606u) | x) & 0xF0F0F0F0F0F0F0F0u;
    unsigned bits = (unsigned)lowest(others) & ~7u;
    /* The digits go to the end of the eight, zeros before them; then pairs, fours, eights. */
    x <<= (0 - bits) & 63;
    x = x * 10 + (x >> 8);
    *out = (uint32_t)((((x & 0x000000FF000000FFu) * 0x000F424000000064u) +
                       (((x >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >>
                      32);
    return bits / 8;
}

/* The same for up to ten digits; 0 if it has more, or is 2^32 and over. */
static inline unsigned long_number_match(const uint8_t *p, uint32_t *out)
{
    unsigned digits = number_match(p, out);
    if (LIKELY(digits < 8))
        return digits;
    uint64_t value = *out;
    while (digits < 10 && p[digits] - (unsigned)'0' <= 9)
        value = value * 10 + (p[digits++] - (unsigned)'0');
    if (p[digits] - (unsigned)'0' <= 9 || value > UINT32_MAX)
        return 0;
    *out = (uint32_t)value;
    return digits;
}

/* A port that ends before anything but a digit. Returns its length, 0 if the machine has to
 * look. */
static inline unsigned port_match(const uint8_t *p, uint16_t *port)
{
    uint32_t value;
    unsigned digits = number_match(p, &value);
    if (UNLIKELY(digits > 5 || value - 1 > 65534))
        return 0;
    *port = (uint16_t)value;
    return digits;
}

/* ---- Hosts ----------------------------------------------------------------------------------- */

/* Masks of what hosts are made of, of a look in which one begins behind the bytes that are set in
 * before. */
struct host_masks {
    uint64_t before;
    uint64_t outside;
    uint64_t dots;
    uint64_t marks; /* dots and dashes */
    uint64_t digits;
};

static inline struct host_masks host_masks_half(struct half half)
{
    uint64_t dots = half_equal(half, ZSIP_FILL_DOT);
    return (struct host_masks){0, half_outside(half, ZSIP_CLASS_HOST), dots,
                               dots | half_equal(half, ZSIP_FILL_DASH), half_digits(half)};
}

static struct host_masks host_masks_whole(const uint8_t *p)
{
    struct block block = block_load(p);
    uint64_t dots = block_equal(block, ZSIP_FILL_DOT);
    return (struct host_masks){0, block_outside(block, ZSIP_CLASS_HOST), dots,
                               dots | block_equal(block, ZSIP_FILL_DASH), block_digits(block)};
}

/* A hostname or IPv4address that ends before anything that can't be of one: 0 if it is such a
 * thing. Both kinds are weighed, for which one comes can't be foretold. */
static ALWAYS_INLINE uint64_t host_judge(struct host_masks masks, uint8_t *kind)
{
    uint64_t end = masks.outside & (0 - masks.outside), inside = (end - 1) & ~masks.before;
    uint64_t dots = masks.dots & inside, labels = inside & ~dots, pairs = labels & labels >> 1;
    uint64_t begins = dots << 1 | (masks.before + 1), ends = (dots | end) >> 1;
    uint64_t number = masks.digits >> (63u - (unsigned)__builtin_clzll(begins)) & 1;
    /* Four groups of up to three digits. */
    uint64_t no_number = (inside & ~(masks.digits | dots)) | (pairs & pairs >> 2);
    no_number |= bit_count(dots) ^ 3;
    *kind = (uint8_t)(ZSIP_HOST_NAME + number);
    /* No label is empty or begins or ends with a dash; so no dot stands last either: that one form
     * of a hostname is left to the machine. Nor is there no label. */
    return ((begins | ends) & ((masks.marks & inside) | end)) | (no_number & (0 - number));
}

/* An IPv4address that ends before anything but a digit or a dot. Returns its length, 0 if it is
 * none. It has 15 characters at most, so a small look is enough. */
static inline unsigned ipv4_match(const uint8_t *p)
{
#if defined(__x86_64__)
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i value = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
    uint32_t digits = (uint32_t)_mm_movemask_epi8(is_digit);
    uint32_t dots = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('.')));
#else
    struct half half = half_load(p);
    uint32_t digits = (uint32_t)half_digits(half) & 0xFFFF;
    uint32_t dots = (uint32_t)half_equal(half, ZSIP_FILL_DOT) & 0xFFFF;
#endif
    uint32_t others = ~(digits | dots), end = others & (0 - others);
    dots &= end - 1;
    digits &= end - 1;
    uint32_t pairs = digits & digits >> 1;
    uint32_t empty = (dots << 1 | 1) & (dots | end);
    return (empty | (pairs & pairs >> 2) | (bit_count(dots) ^ 3)) == 0 ? (unsigned)lowest(end) : 0;
}

/* An IPv6reference: its end is found here, whether it is one says the machine. */
static NOINLINE uint64_t reference_match(const uint8_t *base, const uint8_t *p,
                                         struct zsip_slice *host, uint8_t *kind)
{
    if (*p != '[')
        return 0;
    uint64_t length = lowest(block_equal(block_load(p), ZSIP_FILL_BRACKET));
    if (length == 64 || !zsip_machine_ipv6(p + 1, p + length))
        return 0;
    *kind = ZSIP_HOST_IPV6;
    *host = zsip_slice_between(base, p + 1, p + length);
    return length + 1;
}

/* Any host at p, in whose look masks.before has p - look bits. Returns its length, 0 if the machine
 * has to look; *host is its slice, which has no brackets. */
static ALWAYS_INLINE uint64_t host_match(struct host_masks masks, const uint8_t *base,
                                         const uint8_t *p, struct zsip_slice *host, uint8_t *kind)
{
    uint64_t before = lowest(~masks.before);
    masks.outside &= ~masks.before;
    if (UNLIKELY(masks.outside == 0)) {
        /* It runs out of the look. */
        masks = host_masks_whole(p);
        before = 0;
        if (masks.outside == 0)
            return 0;
    }
    uint64_t length = lowest(masks.outside) - before;
    if (UNLIKELY(host_judge(masks, kind) != 0)) {
        /* No address of what the caller has is given away: that stays in registers. */
        struct zsip_slice inside = {0, 0};
        uint8_t six = ZSIP_HOST_NONE;
        length = reference_match(base, p, &inside, &six);
        *host = inside;
        *kind = six;
        return length;
    }
    *host = zsip_slice_between(base, p, p + length);
    return length;
}

/* ---- URIs ------------------------------------------------------------------------------------ */

/* uri-parameters without escapes, behind their first ";". Returns their length, 0 if the machine
 * has to look. */
static inline uint64_t uri_params_match(const uint8_t *p)
{
    struct block block = block_load(p);
    uint64_t length = lowest(block_outside(block, ZSIP_CLASS_PARAM));
    if (length - 1 > 62)
        return 0;
    uint64_t inside = low_bits(length);
    uint64_t equals = block_equal(block, ZSIP_FILL_EQUAL) & inside;
    uint64_t bounds = (block_equal(block, ZSIP_FILL_SEMI) & inside) | equals;
    /* Names and values are not empty: no two of these stand side by side, none first or last. One
     * "=" in a parameter: what follows each one is a ";" or nothing. */
    if ((bounds & (bounds << 1 | 1 | 1ull << (length - 1))) != 0 || two_in_a_row(equals, bounds))
        return 0;
    return length;
}

/* sip:[user@]host[:port][;params] or sips:, without escapes, password and headers. Returns its
 * length, 0 if the machine has to look; the caller sees to it that what follows ends it. out, which
 * may be NULL and else comes cleared, may be half filled then; *look is the one it had. */
static ALWAYS_INLINE size_t uri_match(const uint8_t *base, const uint8_t *begin,
                                      struct zsip_uri *out, struct look *look)
{
    const uint8_t *p = begin + 4;
    uint16_t port = 0;
    struct zsip_uri ignored;
    if (UNLIKELY(!text_4_is(begin, TEXT_4('s', 'i', 'p', ':')))) {
        if (!text_4_is(begin, TEXT_4('s', 'i', 'p', 's')) || *p++ != ':')
            return 0;
    }
    if (out != NULL) {
        unsigned secure = begin[3] != ':';
        out->scheme = (uint8_t)(ZSIP_SCHEME_SIP + secure);
        out->scheme_name = (struct zsip_slice){(uint16_t)(begin - base), (uint16_t)(3 + secure)};
    }
    *look = look_at(p);
    struct host_masks masks = host_masks_half(look->half);
    uint64_t length = lowest(half_outside(look->half, ZSIP_CLASS_USER));
    if (HALF_BYTES < 64 && length == 64)
        length = span(p, ZSIP_CLASS_USER);
    if (LIKELY(length - 1 < 62 && p[length] == '@')) {
        if (out != NULL)
            out->user = zsip_slice_between(base, p, p + length);
        p += length + 1;
        masks.before = low_bits(length + 1);
    }
    struct zsip_uri *into = out != NULL ? out : &ignored;
    length = host_match(masks, base, p, &into->host, &into->host_kind);
    if (UNLIKELY(length == 0))
        return 0;
    p += length;
    if (*p == ':') {
        length = port_match(p + 1, &port);
        if (UNLIKELY(length == 0))
            return 0;
        if (out != NULL)
            out->port = port;
        p += 1 + length;
    }
    if (*p == ';') {
        length = uri_params_match(p + 1);
        if (UNLIKELY(length == 0))
            return 0;
        if (out != NULL)
            out->params = zsip_slice_between(base, p + 1, p + 1 + length);
        p += 1 + length;
    }
    return (size_t)(p - begin);
}
