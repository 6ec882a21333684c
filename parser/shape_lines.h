/* zsip: lines and the message. Included by shapes.h, which says how it goes.
 *
 * SPDX-License-Identifier: MIT
 */

/* The fields whose values zsip_parse() judges, and those of them that may stand once. */
#define JUDGED (1ull << ZSIP_HEADER_VIA | SINGLE)
#define SINGLE                                                                                     \
    (1ull << ZSIP_HEADER_FROM | 1ull << ZSIP_HEADER_TO | 1ull << ZSIP_HEADER_CALL_ID |             \
     1ull << ZSIP_HEADER_CSEQ | 1ull << ZSIP_HEADER_MAX_FORWARDS |                                 \
     1ull << ZSIP_HEADER_CONTENT_LENGTH | 1ull << ZSIP_HEADER_CONTENT_TYPE)

/* On the way through the lines. Rows from judged on are in the index, but their values have not
 * been judged yet. */
struct walk {
    struct zsip_msg *msg;
    const uint8_t *base;
    const uint8_t *end;
    const uint8_t *limit;      /* a look can be had from here and before */
    const uint8_t *look_limit; /* a look that begins where look_begin() says */
    const uint8_t *limit_stop; /* a look, and the message has three bytes */
    uint64_t present;          /* fields */
    uint64_t judged_present;   /* fields in rows that have been judged */
    uint64_t counts;           /* by zsip_names.judged_counts, of rows not judged yet */
    unsigned count;            /* rows */
    unsigned judged;
    uint32_t values[64]; /* of each field the value of its last row, a slice in a register */
};

/* Where looks begin that shall find what stands at p and behind it: none of them leaves a page that
 * p's bytes are of. */
static inline const uint8_t *look_begin(const uint8_t *p)
{
#ifdef READS_STAY_INSIDE
    return p;
#else
    return p - ((uintptr_t)p & 63);
#endif
}

/* ---- Where lines end ------------------------------------------------------------------------- */

/* So many lines are found ahead, and a look's more. */
#define ENDS_AHEAD ZSIP_HEADERS_MAX

/* What one look finds of line ends, of the bytes in valid; before: the CRs that the look before it
 * found, starts: where lines begin besides behind a CRLF. */
struct ends_masks {
    uint64_t cr;
    uint64_t stop; /* no line ends here or behind */
};

static ALWAYS_INLINE struct ends_masks ends_look(const uint8_t *look, uint64_t before,
                                                 uint64_t valid, uint64_t starts)
{
    struct block block = block_load(look);
    struct ends_masks masks;
    masks.cr = block_equal(block, ZSIP_FILL_CR) & valid;
    /* A control character stands where neither CR nor what follows one is, or none there. */
    uint64_t odd = (block_control(block) & valid) ^ masks.cr ^ two_shift(masks.cr, before, 1);
    /* An empty line is a CR where a line begins. */
    masks.stop = odd | (masks.cr & (two_shift(masks.cr, before, 2) | starts));
    return masks;
}

/* The places of the CRs of lines from p on, where one begins, as offsets from base: up to the empty
 * line, up to a control character that is no CR nor behind one, or up to where no look can be had.
 * The message has two bytes behind each CR. Returns their number. */
static NOINLINE unsigned ends_find(const struct walk *walk, const uint8_t *p, uint16_t *ends)
{
    const uint8_t *look = look_begin(p), *base = walk->base;
    uint16_t *out = ends, *most = ends + ENDS_AHEAD;
    ptrdiff_t at = look - base, limit = walk->look_limit - base;
    unsigned begin = (unsigned)(p - look);
    if (at > limit)
        return 0;
    struct ends_masks masks = ends_look(look, 0, ~0ull << begin, 1ull << begin);
    while (masks.stop == 0) {
        out += places_put(masks.cr, (unsigned)at, out);
        at += 64;
        if (at > limit || out >= most)
            break;
        masks = ends_look(base + at, masks.cr, ~0ull, 0);
    }
    if (masks.stop != 0)
        out += places_put(masks.cr & low_bits(lowest(masks.stop)), (unsigned)at, out);
    while (UNLIKELY(out > ends && base + out[-1] > walk->limit_stop))
        out--;
    return (unsigned)(out - ends);
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* More values in a row of Via. */
static NOINLINE bool via_rest_match(const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
    while (p != NULL && p != end) {
        struct zsip_via via = {0};
        p++;
        p += *p == ' ';
        p = via_match(base, p, end, &via);
    }
    return p != NULL;
}

/* Tries the shapes of one value. What a match that failed has written is cleared again. */
static inline bool value_match(struct zsip_msg *msg, const uint8_t *base, unsigned id,
                               const uint8_t *begin, const uint8_t *end)
{
    const uint8_t *p;
    switch (id) {
    case ZSIP_HEADER_VIA:
        p = via_match(base, begin, end, &msg->via);
        if (LIKELY(p == end) || (p != NULL && via_rest_match(base, p, end)))
            return true;
        msg->via = (struct zsip_via){0};
        return false;
    case ZSIP_HEADER_FROM:
        if (LIKELY(party_match(base, begin, end, &msg->from) == end))
            return true;
        msg->from = (struct zsip_party){0};
        return false;
    case ZSIP_HEADER_TO:
        if (LIKELY(party_match(base, begin, end, &msg->to) == end))
            return true;
        msg->to = (struct zsip_party){0};
        return false;
    case ZSIP_HEADER_CALL_ID:
        if (!call_id_match(begin, end))
            return false;
        msg->call_id = zsip_slice_between(base, begin, end);
        return true;
    case ZSIP_HEADER_CSEQ:
        return cseq_match(msg, base, begin, end);
    case ZSIP_HEADER_MAX_FORWARDS:
        return max_forwards_match(msg, begin, end);
    case ZSIP_HEADER_CONTENT_LENGTH:
        return content_length_match(msg, begin, end);
    default:
        return content_type_match(base, begin, end, &msg->content_type);
    }
}

/* Rows that are not judged yet, in their order: those of the fields in failed by the machines, and
 * those of fields that stood before. */
static NOINLINE void judge_slow(struct walk *walk, uint64_t failed)
{
    struct zsip_msg *msg = walk->msg;
    msg->present = walk->judged_present;
    for (unsigned row = walk->judged; row < walk->count; row++) {
        const struct zsip_header *header = &msg->headers[row];
        uint64_t bit = 1ull << header->id;
        const uint8_t *begin = walk->base + header->value.offset;
        if (((msg->present & SINGLE) | failed) & bit)
            zsip_field_slow(msg, (enum zsip_header_id)header->id, walk->base + header->name_offset,
                            begin, begin + header->value.length);
        msg->present |= bit;
    }
}

/* Of a field in several rows that are not judged yet, walk->values has the last; makes it the
 * first.
 */
static inline void row_first(struct walk *walk, unsigned id)
{
    const struct zsip_header *header = &walk->msg->headers[walk->judged];
    while (header->id != id)
        header++;
    __builtin_memcpy(&walk->values[id], &header->value, sizeof(header->value));
}

/* Whether a field that may stand once stood before, of rows not judged yet; makes walk->values have
 * the first of each. */
static NOINLINE bool again_find(struct walk *walk)
{
    uint64_t present = walk->judged_present, again = 0;
    for (unsigned row = walk->judged; row < walk->count; row++) {
        uint64_t bit = 1ull << walk->msg->headers[row].id;
        again |= present & bit & SINGLE;
        present |= bit;
    }
    for (uint64_t left = again; left != 0; left &= left - 1)
        row_first(walk, (unsigned)lowest(left));
    return again != 0;
}

/* Judges the values of the rows that are not judged yet: not in the order of the rows, which can't
 * be foretold, but in one that is always the same. The first fault is the first all the same, for
 * nothing is refused here: what no shape is known for is left to judge_slow(). */
static NOINLINE void values_judge(struct walk *walk)
{
    struct zsip_msg *msg = walk->msg;
    uint64_t fresh = walk->present & ~walk->judged_present, failed = 0;
    bool again = false;
    if ((walk->counts & 0xFE) != 0 && (fresh & 1ull << ZSIP_HEADER_VIA) != 0)
        row_first(walk, ZSIP_HEADER_VIA);
    if (UNLIKELY((walk->counts & 0xFEFEFEFEFEFEFE00) != 0 || walk->judged != 0))
        again = again_find(walk);
#define TRY(id)                                                                                    \
    if (LIKELY((fresh >> (id)&1) != 0)) {                                                          \
        uint32_t value = walk->values[id];                                                         \
        const uint8_t *begin = walk->base + (uint16_t)value;                                       \
        bool match = value_match(msg, walk->base, (id), begin, begin + (value >> 16));             \
        if (UNLIKELY(!match))                                                                      \
            failed |= 1ull << (id);                                                                \
    }
    TRY(ZSIP_HEADER_VIA)
    TRY(ZSIP_HEADER_FROM)
    TRY(ZSIP_HEADER_TO)
    TRY(ZSIP_HEADER_CALL_ID)
    TRY(ZSIP_HEADER_CSEQ)
    TRY(ZSIP_HEADER_MAX_FORWARDS)
    TRY(ZSIP_HEADER_CONTENT_LENGTH)
    TRY(ZSIP_HEADER_CONTENT_TYPE)
#undef TRY
    if (UNLIKELY(failed != 0 || again))
        judge_slow(walk, failed);
    walk->judged = walk->count;
    walk->judged_present = walk->present;
    walk->counts = 0;
}

/* ---- Header lines ---------------------------------------------------------------------------- */

/* A line that is new to us, after all before it have been judged. */
static NOINLINE const uint8_t *line_slow(struct walk *walk, const uint8_t *p)
{
    values_judge(walk);
    walk->msg->present = walk->present;
    walk->msg->header_count = (uint16_t)walk->count;
    p = zsip_line_slow(walk->msg, p, walk->end);
    walk->present = walk->msg->present;
    walk->count = walk->msg->header_count;
    walk->judged = walk->count;
    walk->judged_present = walk->present;
    return p;
}

/* A slice in a register, as struct zsip_slice lies in memory. */
static inline uint32_t slice_pack(uint64_t from, uint64_t to)
{
    return (uint32_t)(from + ((to - from) << 16));
}

/* Whether a line whose CR is at stop ends there: with CRLF, and is not folded. */
static inline bool line_ends(const uint8_t *stop)
{
    if (UNLIKELY(stop[1] != '\n'))
        return false;
    return LIKELY(stop[2] > ' ') || load_16(stop + 2) == TEXT_2('\r', '\n');
}

static inline const struct zsip_name_slot *slot_of(const struct zsip_names *names, const uint8_t *p,
                                                   uint64_t length)
{
    return &names->slots[zsip_name_hash(name_key(p, length))];
}

/* Puts a line into the index that begins at p and whose CR is at stop: of any name, with any
 * spaces. False: it is new to us. */
static NOINLINE bool line_odd(struct walk *walk, const uint8_t *p, const uint8_t *stop)
{
    uint64_t length = span(p, ZSIP_CLASS_TOKEN), id = 0;
    const uint8_t *begin = p + length + 1, *end = stop;
    if (length - 1 > 29 || p[length] != ':' || !line_ends(stop))
        return false;
    const struct zsip_name_slot *slot = slot_of(&zsip_names, p, length);
    if (name_equal(p, slot->name, length + 1))
        id = slot->id;
    while (*begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    if (begin == stop)
        begin = end = p + length + 1;
    struct zsip_header *header = &walk->msg->headers[walk->count++];
    *header = (struct zsip_header){
        .value = zsip_slice_between(walk->base, begin, end),
        .name_offset = (uint16_t)(p - walk->base),
        .name_length = (uint8_t)length,
        .id = (uint8_t)id,
    };
    __builtin_memcpy(&walk->values[id], &header->value, sizeof(header->value));
    walk->counts += zsip_names.judged_counts[id];
    walk->present |= 1ull << id;
    return true;
}

/* Puts header lines from *cursor on into the index, by their ends, but no further than one that is
 * not a name we know, a colon, spaces, and a value that ends with CRLF and is not folded. Returns
 * how many it took, and in *cursor where the next line begins. */
static ALWAYS_INLINE unsigned lines_take(struct walk *walk, const uint8_t **cursor,
                                         const uint16_t *ends, unsigned count)
{
    const uint8_t *base = walk->base, *p = *cursor;
    const uint16_t *next = ends, *last = ends + count;
    const struct zsip_names *names = &zsip_names;
    uint8_t *header = (uint8_t *)&walk->msg->headers[walk->count];
    uint64_t present = walk->present, counts = walk->counts;
    /* To the compiler this is no constant: it would make it anew in every turn. */
    __asm__("" : "+r"(names));
    for (; next < last; next++) {
        uint64_t to = *next;
        const uint8_t *stop = base + to;
        uint64_t length = name_length(p), id;
        const struct zsip_name_slot *slot = slot_of(names, p, length);
        const uint8_t *value = p + length + 2;
        if (UNLIKELY(!line_ends(stop)) || UNLIKELY(!name_equal(p, slot->name, length + 2)) ||
            UNLIKELY(stop[-1] == ' '))
            break;
        /* As in what was padded to a length. No space stands before stop, so it ends. */
        while (UNLIKELY(*value == ' '))
            value++;
        uint32_t low = slice_pack((uint64_t)(value - base), to);
        uint32_t high = slot->row + (uint32_t)(p - base);
        id = slot->id;
        __builtin_memcpy(header, &low, sizeof(low));
        __builtin_memcpy(header + 4, &high, sizeof(high));
        header += 8;
        walk->values[id] = low;
        counts += names->judged_counts[id];
        bit_add(&present, id);
        p = stop + 2;
    }
    *cursor = p;
    walk->present = present;
    walk->counts = counts;
    walk->count += (unsigned)(next - ends);
    return (unsigned)(next - ends);
}

/* ---- Start lines ----------------------------------------------------------------------------- */

/* A request line that ends at stop. */
static NOINLINE bool request_line_match(struct zsip_msg *msg, const uint8_t *p, const uint8_t *stop)
{
    struct zsip_uri *out = &msg->request_uri;
    uint64_t method = 7;
    if (LIKELY(load_64(p) == TEXT_8('M', 'E', 'S', 'S', 'A', 'G', 'E', ' '))) {
        msg->method = ZSIP_METHOD_MESSAGE;
    } else {
        method = lowest(half_equal(half_load(p), ZSIP_FILL_SPACE));
        if (method - 1 > 31 || !method_match(p, (unsigned)method, &msg->method))
            return false;
    }
    const uint8_t *uri = p + method + 1;
    struct look look;
    size_t length = uri_match(p, uri, out, &look);
    if (UNLIKELY(length == 0 || uri + length + 8 != stop ||
                 !text_8_is(stop - 8, TEXT_8(' ', 's', 'i', 'p', '/', '2', '.', '0')))) {
        *out = (struct zsip_uri){0};
        msg->method = ZSIP_METHOD_UNKNOWN;
        return false;
    }
    out->whole = zsip_slice_between(p, uri, uri + length);
    msg->method_name = zsip_slice_between(p, p, p + method);
    msg->kind = ZSIP_KIND_REQUEST;
    return true;
}

static inline bool status_line_match(struct zsip_msg *msg, const uint8_t *p, const uint8_t *stop)
{
    unsigned hundreds = p[8] - (unsigned)'0', tens = p[9] - (unsigned)'0';
    unsigned ones = p[10] - (unsigned)'0';
    if (stop - p < 12 || hundreds - 1 > 5 || tens > 9 || ones > 9 || p[11] != ' ')
        return false;
    msg->status_code = (uint16_t)(100 * hundreds + 10 * tens + ones);
    msg->reason = zsip_slice_between(p, p + 12, stop);
    msg->kind = ZSIP_KIND_RESPONSE;
    return true;
}

/* A start line whose CR is at stop. */
static inline bool start_line_match(struct zsip_msg *msg, const uint8_t *stop)
{
    const uint8_t *p = msg->data;
    if (stop[1] != '\n')
        return false;
    return text_8_is(p, TEXT_8('s', 'i', 'p', '/', '2', '.', '0', ' '))
               ? status_line_match(msg, p, stop)
               : request_line_match(msg, p, stop);
}

/* ---- All lines ------------------------------------------------------------------------------- */

/* Returns what follows the empty line, NULL if there is none. */
static inline const uint8_t *lines_walk(struct walk *walk)
{
    uint16_t ends[ENDS_AHEAD + 64];
    const uint8_t *base = walk->base, *p = base;
    unsigned count = ends_find(walk, p, ends), i = 0;
    if (LIKELY(count != 0 && start_line_match(walk->msg, base + ends[0])))
        p += ends[i++] + 2;
    else
        p = zsip_start_slow(walk->msg, walk->end);
    while (p != NULL) {
        while (UNLIKELY(i < count && base + ends[i] < p))
            i++;
        if (UNLIKELY(i == count)) {
            count = ends_find(walk, p, ends);
            i = 0;
        }
        unsigned room = ZSIP_HEADERS_MAX - walk->count, most = count - i;
        most = most < room ? most : room;
        unsigned taken = lines_take(walk, &p, ends + i, most);
        i += taken;
        if (LIKELY(walk->end - p >= 2 && p[0] == '\r' && p[1] == '\n'))
            return p + 2;
        if (taken < most && line_odd(walk, p, base + ends[i]))
            p = base + ends[i] + 2;
        else
            p = line_slow(walk, p);
    }
    return NULL;
}

/* ---- The message ----------------------------------------------------------------------------- */

/* The last place from which a look can be had: its 64 bytes in pages that the message touches.
 * Before data if there is none. The address sanitizer wants them within the message. */
static inline const uint8_t *limit_of(const uint8_t *data, const uint8_t *end)
{
    ptrdiff_t bytes = end - data;
#ifndef READS_STAY_INSIDE
    bytes += (ptrdiff_t)(4095 - ((uintptr_t)(end - 1) & 4095));
#endif
    return data + (bytes < 64 ? -1 : bytes - 64);
}

/* The same for a look that begins where look_begin() says, and with what it finds within 16 bits.
 */
static inline const uint8_t *look_limit_of(const uint8_t *data, const uint8_t *end)
{
#ifdef READS_STAY_INSIDE
    end -= 63;
#endif
    const uint8_t *most = data + (ZSIP_HEADER_SECTION_BYTES_MAX - 64);
    return end - 1 < most ? end - 1 : most;
}

static enum zsip_status parse(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                              unsigned flags)
{
    while (bytes >= 2 && data[0] == '\r' && data[1] == '\n') {
        data += 2;
        bytes -= 2;
    }
    zero_bytes(msg, offsetof(struct zsip_msg, headers));
    msg->data = data;
    msg->max_forwards = ZSIP_ABSENT;
    msg->content_length = ZSIP_ABSENT;
    if (bytes == 0)
        return zsip_parse_end(msg, NULL, bytes, flags);

    const uint8_t *end =
        data + (bytes < ZSIP_HEADER_SECTION_BYTES_MAX ? bytes : ZSIP_HEADER_SECTION_BYTES_MAX);
    struct walk walk;
    walk.msg = msg;
    walk.base = data;
    walk.end = end;
    walk.limit = limit_of(data, end);
    walk.look_limit = look_limit_of(data, end);
    walk.limit_stop = walk.limit < end - 3 ? walk.limit : end - 3;
    walk.present = walk.judged_present = walk.counts = 0;
    walk.count = walk.judged = 0;
    const uint8_t *p = lines_walk(&walk);
    values_judge(&walk);
    msg->present = walk.present;
    msg->header_count = (uint16_t)walk.count;
    return zsip_parse_end(msg, p, bytes, flags);
}
