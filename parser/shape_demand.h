/* zsip: values on demand. Included by shapes.h, which says what a matcher promises.
 *
 * SPDX-License-Identifier: MIT
 */

/* ---- Where looks may go ---------------------------------------------------------------------- */

/* Matchers end behind one part of a value that goes beyond its end, at most, and where the end is
 * followed by what stands in no part, before it: from there a look and a few bytes are read. */
#define LOOK_BEHIND      512
#define LOOK_BEHIND_LINE 72

/* Whether a value that ends at end can be looked at: such a look stays within pages that the value
 * touches. */
static inline bool can_look_alone(const uint8_t *end)
{
#ifdef READS_STAY_INSIDE
    return false;
#endif
    ptrdiff_t left = 4095 - (ptrdiff_t)((uintptr_t)end & 4095);
    /* 4095: end is another page's first byte. */
    return left < 4095 &&
           (left >= LOOK_BEHIND || (left >= LOOK_BEHIND_LINE && (*end == '\r' || *end == '>')));
}

/* The same for a value of a message, within which looks can go, too. */
static inline bool can_look(const struct zsip_msg *msg, const uint8_t *end)
{
    ptrdiff_t left = msg->data + msg->body_offset + msg->body_bytes - end;
    if (__builtin_expect(left >= LOOK_BEHIND, 1))
        return true;
    return (left >= LOOK_BEHIND_LINE && *end == '\r') || can_look_alone(end);
}

/* A copy of a value that can't be looked at, the end of a line behind it. */
#define AWAY_BYTES_MAX 1024u
struct away {
    const uint8_t *base;
    const uint8_t *end;
    uint8_t bytes[AWAY_BYTES_MAX + LOOK_BEHIND_LINE];
};

/* Returns where the copy of [begin, end) begins, NULL if it is too long. Slices count from
 * away->base what they would count from base. */
static inline const uint8_t *away_copy(struct away *away, const uint8_t *base, const uint8_t *begin,
                                       const uint8_t *end)
{
    size_t length = (size_t)(end - begin);
    if (length > AWAY_BYTES_MAX)
        return NULL;
    uint8_t *copy = away->bytes;
    __builtin_memcpy(copy, begin, length);
    __builtin_memset(copy + length, '\r', LOOK_BEHIND_LINE);
    away->base = copy - (begin - base);
    away->end = copy + length;
    return copy;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

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

/* Whether there is a next element, and moves the cursor to its row. */
static ALWAYS_INLINE bool list_goes_on(const struct zsip_msg *msg, unsigned id,
                                       struct zsip_cursor *cursor)
{
    unsigned row = cursor->row;
    /* Rows of a list mostly stand together. */
    if (row < msg->header_count && msg->headers[row].id == id)
        return true;
    if (id >= ZSIP_HEADER_ID_COUNT || !zsip_msg_has(msg, id))
        return false;
    row = find_row(msg, id, row);
    if (row >= msg->header_count)
        return false;
    *cursor = (struct zsip_cursor){row, 0};
    return true;
}

/* The element at a cursor, and the end of its row. */
static inline const uint8_t *list_element(const struct zsip_msg *msg,
                                          const struct zsip_cursor *cursor, const uint8_t **end)
{
    struct zsip_slice value = msg->headers[cursor->row].value;
    *end = msg->data + value.offset + value.length;
    return zsip_list_begin(msg, cursor);
}

static NOINLINE __attribute__((cold)) enum zsip_status
via_next_away(const struct zsip_msg *msg, struct zsip_cursor *cursor, struct zsip_via *out,
              bool *found, struct zsip_fault *fault)
{
    struct away away;
    const uint8_t *end, *begin = list_element(msg, cursor, &end);
    const uint8_t *copy = away_copy(&away, msg->data, begin, end);
    *out = (struct zsip_via){0};
    const uint8_t *stop = copy != NULL ? via_match(away.base, copy, away.end, out) : NULL;
    if (stop == NULL)
        return zsip_via_next_slow(msg, cursor, out, found, fault);
    *found = true;
    zsip_list_move(msg, cursor, begin + (stop - copy), end);
    return ZSIP_OK;
}

/* The Via at the cursor. */
static NOINLINE enum zsip_status via_here(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                          struct zsip_via *out, bool *found,
                                          struct zsip_fault *fault)
{
    const uint8_t *end, *begin = list_element(msg, cursor, &end);
    if (__builtin_expect(!can_look(msg, end), 0))
        return via_next_away(msg, cursor, out, found, fault);
    *out = (struct zsip_via){0};
    const uint8_t *stop = via_match(msg->data, begin, end, out);
    if (__builtin_expect(stop == NULL, 0))
        return zsip_via_next_slow(msg, cursor, out, found, fault);
    *found = true;
    zsip_list_move(msg, cursor, stop, end);
    return ZSIP_OK;
}

static enum zsip_status via_next(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                 struct zsip_via *out, bool *found, struct zsip_fault *fault)
{
    if (list_goes_on(msg, ZSIP_HEADER_VIA, cursor))
        return via_here(msg, cursor, out, found, fault);
    *found = false;
    return ZSIP_OK;
}

static NOINLINE __attribute__((cold)) enum zsip_status
party_next_away(const struct zsip_msg *msg, enum zsip_header_id id, struct zsip_cursor *cursor,
                struct zsip_party *out, bool *found, struct zsip_fault *fault)
{
    struct away away;
    const uint8_t *end, *begin = list_element(msg, cursor, &end);
    const uint8_t *copy = away_copy(&away, msg->data, begin, end);
    *out = (struct zsip_party){0};
    const uint8_t *stop = copy != NULL ? party_match(away.base, copy, away.end, out) : NULL;
    if (stop == NULL || zsip_is_too_much(id, stop, away.end))
        return zsip_party_next_slow(msg, id, cursor, out, found, fault);
    *found = true;
    zsip_list_move(msg, cursor, begin + (stop - copy), end);
    return ZSIP_OK;
}

static NOINLINE enum zsip_status party_here(const struct zsip_msg *msg, enum zsip_header_id id,
                                            struct zsip_cursor *cursor, struct zsip_party *out,
                                            bool *found, struct zsip_fault *fault)
{
    const uint8_t *end, *begin = list_element(msg, cursor, &end);
    if (__builtin_expect(!can_look(msg, end), 0))
        return party_next_away(msg, id, cursor, out, found, fault);
    *out = (struct zsip_party){0};
    const uint8_t *stop = party_match(msg->data, begin, end, out);
    if (__builtin_expect(stop == NULL || zsip_is_too_much(id, stop, end), 0))
        return zsip_party_next_slow(msg, id, cursor, out, found, fault);
    *found = true;
    zsip_list_move(msg, cursor, stop, end);
    return ZSIP_OK;
}

static enum zsip_status party_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                   struct zsip_cursor *cursor, struct zsip_party *out, bool *found,
                                   struct zsip_fault *fault)
{
    if (list_goes_on(msg, id, cursor))
        return party_here(msg, id, cursor, out, found, fault);
    *found = false;
    return ZSIP_OK;
}

/* ---- Addresses with their URIs --------------------------------------------------------------- */

static ALWAYS_INLINE const uint8_t *party_uri_match(const uint8_t *base, const uint8_t *begin,
                                                    const uint8_t *end, struct zsip_party_uri *out)
{
    *out = (struct zsip_party_uri){0};
    const uint8_t *stop = party_shape(base, begin, end, &out->party, &out->uri);
    out->uri.whole = out->party.uri;
    return stop;
}

static NOINLINE __attribute__((cold)) enum zsip_status
party_uri_next_away(const struct zsip_msg *msg, enum zsip_header_id id, struct zsip_cursor *cursor,
                    struct zsip_party_uri *out, bool *found, struct zsip_fault *fault)
{
    struct away away;
    const uint8_t *end, *begin = list_element(msg, cursor, &end);
    const uint8_t *copy = away_copy(&away, msg->data, begin, end);
    const uint8_t *stop = copy != NULL ? party_uri_match(away.base, copy, away.end, out) : NULL;
    if (stop == NULL || zsip_is_too_much(id, stop, away.end))
        return zsip_party_uri_next_slow(msg, id, cursor, out, found, fault);
    *found = true;
    zsip_list_move(msg, cursor, begin + (stop - copy), end);
    return ZSIP_OK;
}

static NOINLINE enum zsip_status party_uri_here(const struct zsip_msg *msg, enum zsip_header_id id,
                                                struct zsip_cursor *cursor,
                                                struct zsip_party_uri *out, bool *found,
                                                struct zsip_fault *fault)
{
    const uint8_t *end, *begin = list_element(msg, cursor, &end);
    if (__builtin_expect(!can_look(msg, end), 0))
        return party_uri_next_away(msg, id, cursor, out, found, fault);
    const uint8_t *stop = party_uri_match(msg->data, begin, end, out);
    if (__builtin_expect(stop == NULL || zsip_is_too_much(id, stop, end), 0))
        return zsip_party_uri_next_slow(msg, id, cursor, out, found, fault);
    *found = true;
    zsip_list_move(msg, cursor, stop, end);
    return ZSIP_OK;
}

static enum zsip_status party_uri_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                       struct zsip_cursor *cursor, struct zsip_party_uri *out,
                                       bool *found, struct zsip_fault *fault)
{
    if (list_goes_on(msg, id, cursor))
        return party_uri_here(msg, id, cursor, out, found, fault);
    *found = false;
    return ZSIP_OK;
}

/* ---- URIs ------------------------------------------------------------------------------------ */

static ALWAYS_INLINE bool uri_value(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                    struct zsip_uri *out)
{
    /* Put together in place: copied from elsewhere, its many small stores could not be forwarded to
     * the large loads of a copy. */
    uint8_t before[sizeof(*out)];
    __builtin_memcpy(before, out, sizeof(before));
    *out = (struct zsip_uri){0};
    struct look look;
    size_t length = uri_match(base, begin, out, &look);
    if (length == 0 || begin + length != end) {
        __builtin_memcpy(out, before, sizeof(before));
        return false;
    }
    out->whole = zsip_slice_between(base, begin, end);
    return true;
}

static NOINLINE __attribute__((cold)) bool uri_away(const uint8_t *base, const uint8_t *begin,
                                                    const uint8_t *end, struct zsip_uri *out)
{
    struct away away;
    const uint8_t *copy = away_copy(&away, base, begin, end);
    return copy != NULL && uri_value(away.base, copy, away.end, out);
}

static enum zsip_status uri_parse(const uint8_t *base, struct zsip_slice slice,
                                  struct zsip_uri *out, struct zsip_fault *fault)
{
    const uint8_t *begin = base + slice.offset, *end = begin + slice.length;
    bool match = __builtin_expect(can_look_alone(end), 1) ? uri_value(base, begin, end, out)
                                                          : uri_away(base, begin, end, out);
    return __builtin_expect(match, 1) ? ZSIP_OK : zsip_uri_slow(base, slice, out, fault);
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

/* Digest and its parameters; of Authentication-Info these alone. */
static ALWAYS_INLINE bool digest_value(const uint8_t *base, const uint8_t *begin,
                                       const uint8_t *end, enum zsip_header_id id,
                                       struct zsip_auth *out)
{
    const uint8_t *p = begin;
    struct zsip_slice scheme = {0, 0};
    if (id != ZSIP_HEADER_AUTHENTICATION_INFO) {
        if (end - begin < 8 || !text_4_is(begin, TEXT_4('d', 'i', 'g', 'e')) ||
            !text_4_is(begin + 3, TEXT_4('e', 's', 't', ' ')))
            return false;
        p = begin + 7;
        scheme = zsip_slice_between(base, begin, begin + 6);
    }
    *out = (struct zsip_auth){
        .whole = zsip_slice_between(base, begin, end),
        .scheme_name = scheme,
        .params = zsip_slice_between(base, p, end),
        .scheme = ZSIP_AUTH_DIGEST,
    };
    return digest_params_match(base, p, (size_t)(end - p), out);
}

static NOINLINE __attribute__((cold)) bool digest_away(const uint8_t *base, const uint8_t *begin,
                                                       const uint8_t *end, enum zsip_header_id id,
                                                       struct zsip_auth *out)
{
    struct away away;
    const uint8_t *copy = away_copy(&away, base, begin, end);
    return copy != NULL && digest_value(away.base, copy, away.end, id, out);
}

static enum zsip_status auth_parse(const uint8_t *base, struct zsip_slice slice,
                                   enum zsip_header_id id, struct zsip_auth *out,
                                   struct zsip_fault *fault)
{
    const uint8_t *begin = base + slice.offset, *end = begin + slice.length;
    bool match = __builtin_expect(can_look_alone(end), 1) ? digest_value(base, begin, end, id, out)
                                                          : digest_away(base, begin, end, id, out);
    return __builtin_expect(match, 1) ? ZSIP_OK : zsip_auth_slow(base, slice, id, out, fault);
}

/* ---- Dates ----------------------------------------------------------------------------------- */

static inline unsigned two_digits(const uint8_t *p)
{
    return p[0] * 10u + p[1] - 11 * (unsigned)'0';
}

/* SIP-date: always of one length (section 25.1). p can be looked at. */
static inline bool date_match(const uint8_t *p, int64_t *utc_s)
{
    static const uint8_t form[32] = "\0\0\0, \0\0 \0\0\0 \0\0\0\0 \0\0:\0\0:\0\0 GMT";
    static const uint32_t days[] = {
        TEXT_4('M', 'o', 'n', 0), TEXT_4('T', 'u', 'e', 0), TEXT_4('W', 'e', 'd', 0),
        TEXT_4('T', 'h', 'u', 0), TEXT_4('F', 'r', 'i', 0), TEXT_4('S', 'a', 't', 0),
        TEXT_4('S', 'u', 'n', 0),
    };
    static const uint32_t months[] = {
        TEXT_4('J', 'a', 'n', 0), TEXT_4('F', 'e', 'b', 0), TEXT_4('M', 'a', 'r', 0),
        TEXT_4('A', 'p', 'r', 0), TEXT_4('M', 'a', 'y', 0), TEXT_4('J', 'u', 'n', 0),
        TEXT_4('J', 'u', 'l', 0), TEXT_4('A', 'u', 'g', 0), TEXT_4('S', 'e', 'p', 0),
        TEXT_4('O', 'c', 't', 0), TEXT_4('N', 'o', 'v', 0), TEXT_4('D', 'e', 'c', 0),
    };
    const uint64_t digits = 0x01B6F060, marks = 0x1E490898;
    uint32_t day_name = load_32(p) & 0xFFFFFF, month_name = load_32(p + 8) & 0xFFFFFF;
    unsigned day = 0, month = 0;
    for (unsigned i = 0; i < 7; i++)
        day |= day_name == days[i];
    for (unsigned i = 0; i < 12; i++)
        month |= month_name == months[i] ? i + 1 : 0;
    if (day == 0 || month == 0 || (half_digits(half_load(p)) & digits) != digits ||
        (bytes_different(p, form) & marks) != 0)
        return false;
    struct zsip_date_numbers numbers = {
        .year = two_digits(p + 12) * 100 + two_digits(p + 14),
        .month = month,
        .day = two_digits(p + 5),
        .hour = two_digits(p + 17),
        .minute = two_digits(p + 20),
        .second = two_digits(p + 23),
    };
    return zsip_date_seconds(&numbers, utc_s);
}

static enum zsip_status date_parse(const uint8_t *base, struct zsip_slice slice, int64_t *utc_s,
                                   struct zsip_fault *fault)
{
    const uint8_t *p = base + slice.offset;
    uint8_t away[64];
    if (__builtin_expect(slice.length == 29, 1)) {
        if (__builtin_expect(!can_look_alone(p + 29), 0)) {
            __builtin_memset(away, 0, sizeof(away));
            p = __builtin_memcpy(away, p, 29);
        }
        if (__builtin_expect(date_match(p, utc_s), 1))
            return ZSIP_OK;
    }
    return zsip_date_slow(base, slice, utc_s, fault);
}
