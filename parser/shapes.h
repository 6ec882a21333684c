/* zsip: the fast way through a message: included once for each kind of vector, behind the header
 * that says what a block is. fast.h is what comes of it.
 *
 * A header line gets one look of 64 bytes: where its name ends, and where it ends. A name is found
 * by hash and compared. A value that every element needs is tried by a shape-matcher, which knows
 * the shapes that nearly all values have, and matches wholly or not at all; whatever it does not
 * know goes to the machines, from the value's start. A line that is odd in any way goes to
 * zsip_line_slow(). So nothing is judged here: what these functions accept, the grammar accepts,
 * with the same slices, and they refuse nothing.
 *
 * Looks read 64 bytes from any place in a line. That may go beyond the message, never to a page
 * that the message does not touch: lines near such a page's end are not looked at (limit_of()).
 *
 * SPDX-License-Identifier: MIT
 */

#include "parser/fast.h"
#include "parser/names.h"

#if defined(__SANITIZE_ADDRESS__)
#define READS_STAY_INSIDE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define READS_STAY_INSIDE 1
#endif
#endif

/* Classes of characters (block_outside()), from the sets in grammar.rl. */
static const uint8_t class_token[16] = {0xE8, 0xFC, 0xF8, 0xF8, 0xF8, 0xFC, 0xF8, 0xFC,
                                        0xF8, 0xF8, 0xF4, 0x54, 0x50, 0x54, 0xD4, 0x70};
/* token and SP: a display name without quotes. */
static const uint8_t class_display[16] = {0xEC, 0xFC, 0xF8, 0xF8, 0xF8, 0xFC, 0xF8, 0xFC,
                                          0xF8, 0xF8, 0xF4, 0x54, 0x50, 0x54, 0xD4, 0x70};
/* word and "@". */
static const uint8_t class_call_id[16] = {0xF8, 0xFC, 0xFC, 0xF8, 0xF8, 0xFC, 0xF8, 0xFC,
                                          0xFC, 0xFC, 0xFC, 0xF4, 0x78, 0xF4, 0xDC, 0x7C};
/* unreserved and user-unreserved. */
static const uint8_t class_user[16] = {0xA8, 0xFC, 0xF8, 0xF8, 0xFC, 0xF8, 0xFC, 0xFC,
                                       0xFC, 0xFC, 0xF4, 0x5C, 0x54, 0x5C, 0xD4, 0x7C};
/* paramchar without escapes, ";" and "=". */
static const uint8_t class_param[16] = {0xA8, 0xFC, 0xF8, 0xF8, 0xFC, 0xF8, 0xFC, 0xFC,
                                        0xFC, 0xFC, 0xFC, 0x7C, 0x50, 0x7C, 0xD4, 0x74};
/* alphanum, "-" and ".". */
static const uint8_t class_host[16] = {0xA8, 0xF8, 0xF8, 0xF8, 0xF8, 0xF8, 0xF8, 0xF8,
                                       0xF8, 0xF8, 0xF0, 0x50, 0x50, 0x54, 0x54, 0x50};

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

/* Eight characters as load_64() sees them on this machine. */
#define TEXT_8(a, b, c, d, e, f, g, h)                                                             \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |              \
     (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)
#define TEXT_4(a, b, c, d)                                                                         \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

#define LOWER_8 0x2020202020202020u
#define LOWER_4 0x20202020u

/* Letters in lower case, and what has that bit set already; control characters that become
 * something else by it have been excluded with the line. */
static inline bool text_8_is(const uint8_t *p, uint64_t lower)
{
    return (load_64(p) | LOWER_8) == lower;
}

static inline bool text_4_is(const uint8_t *p, uint32_t lower)
{
    return (load_32(p) | LOWER_4) == lower;
}

/* The lowest count bits, count below 64. */
static inline uint64_t below(unsigned count)
{
    return (1ull << count) - 1;
}

/* How many bytes at p are of a class; 64 for as many or more. */
static inline unsigned span(const uint8_t *p, const uint8_t class[16])
{
    return lowest(block_outside(block_load(p), class));
}

/* The same for what is seldom longer than half a block. */
static inline unsigned short_span(const uint8_t *p, const uint8_t class[16])
{
    uint32_t others = half_outside(half_load(p), class);
    return others != 0 ? (unsigned)__builtin_ctz(others) : span(p, class);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* The number at p. Returns how many digits it has, 0 to 7; 8 for as many or more, and then *out is
 * wrong. */
static inline unsigned number_match(const uint8_t *p, uint32_t *out)
{
    uint64_t x = load_64(p) ^ 0x3030303030303030u;
    uint64_t others = ((x + 0x0606060606060606u) | x) & 0xF0F0F0F0F0F0F0F0u;
    unsigned digits = lowest(others) >> 3;
    /* The digits go to the end of the eight, zeros before them; then pairs, fours, eights. */
    x <<= (64 - 8 * digits) & 63;
    x = x * 10 + (x >> 8);
    *out = (uint32_t)((((x & 0x000000FF000000FFu) * 0x000F424000000064u) +
                       (((x >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >>
                      32);
    return digits;
}

/* ---- Hosts and URIs -------------------------------------------------------------------------- */

/* Masks of what hosts are made of, the host's first byte lowest. */
struct host_masks {
    uint64_t outside;
    uint64_t dots;
    uint64_t dashes;
    uint64_t digits;
};

static inline struct host_masks host_masks_half(struct half half)
{
    return (struct host_masks){half_outside(half, class_host), half_equal(half, ZSIP_FILL_DOT),
                               half_equal(half, ZSIP_FILL_DASH), half_digits(half)};
}

static struct host_masks host_masks_whole(const uint8_t *p)
{
    struct block block = block_load(p);
    return (struct host_masks){block_outside(block, class_host), block_equal(block, ZSIP_FILL_DOT),
                               block_equal(block, ZSIP_FILL_DASH), block_digits(block)};
}

/* A hostname or IPv4address that ends before anything that can't be of one. Returns its length, 0
 * if the machine has to look. Both kinds are weighed, for which one comes can't be foretold. */
static inline unsigned host_judge(struct host_masks masks, uint8_t *kind)
{
    unsigned length = lowest(masks.outside);
    if (length - 1 > 62)
        return 0;
    uint64_t inside = below(length), last = 1ull << (length - 1);
    uint64_t dots = masks.dots & inside, digits = masks.digits & inside;
    uint64_t marks = (masks.dashes & inside) | dots, labels = inside & ~dots;
    uint64_t begins = (dots << 1 | 1) & inside, ends = dots >> 1 | last;
    unsigned top = 63u - (unsigned)__builtin_clzll(begins);
    bool name = (digits >> top & 1) == 0;
    bool numbers = ((digits | dots) == inside) & (__builtin_popcountll(dots) == 3) &
                   ((labels & labels >> 1 & labels >> 2 & labels >> 3) == 0);
    *kind = name ? ZSIP_HOST_NAME : ZSIP_HOST_IPV4;
    /* No label is empty or begins or ends with a dash; so no dot stands last either: that one form
     * of a hostname is left to the machine. */
    return (((begins | ends) & marks) == 0) & (name | numbers) ? length : 0;
}

static inline unsigned host_match(const uint8_t *p, uint8_t *kind)
{
    struct host_masks masks = host_masks_half(half_load(p));
    if (masks.outside == 0)
        masks = host_masks_whole(p);
    return host_judge(masks, kind);
}

/* A port that ends before anything but a digit. Returns its length, 0 if the machine has to
 * look. */
static inline unsigned port_match(const uint8_t *p, uint16_t *port)
{
    uint32_t value;
    unsigned digits = number_match(p, &value);
    if (digits > 5 || value - 1 > 65534)
        return 0;
    *port = (uint16_t)value;
    return digits;
}

/* uri-parameters without escapes, behind their first ";". Returns their length, 0 if the machine
 * has to look. */
static inline unsigned uri_params_match(const uint8_t *p)
{
    struct block block = block_load(p);
    unsigned length = lowest(block_outside(block, class_param));
    if (length - 1 > 62)
        return 0;
    uint64_t inside = below(length);
    uint64_t equals = block_equal(block, ZSIP_FILL_EQUAL) & inside;
    uint64_t bounds = (block_equal(block, ZSIP_FILL_SEMI) & inside) | equals;
    /* Names and values are not empty: no two of these stand side by side, none first or last. */
    if ((bounds & (bounds << 1 | 1 | 1ull << (length - 1))) != 0)
        return 0;
    /* One "=" in a parameter: what follows each one is a ";" or nothing. */
    while (equals != 0) {
        uint64_t behind = bounds & ~(equals ^ (equals - 1));
        if ((behind & (0 - behind) & equals) != 0)
            return 0;
        equals &= equals - 1;
    }
    return length;
}

/* sip:[user@]host[:port][;params], without escapes, password and headers. Returns its length, 0 if
 * the machine has to look; the caller sees to it that what follows ends it. out, which may be NULL
 * and else comes cleared, may be half filled then. */
static inline size_t uri_match(const uint8_t *base, const uint8_t *begin, struct zsip_uri *out)
{
    const uint8_t *p = begin + 4;
    uint16_t port = 0;
    uint8_t kind;
    if (!text_4_is(begin, TEXT_4('s', 'i', 'p', ':')))
        return 0;
    struct half half = half_load(p);
    struct host_masks masks = host_masks_half(half);
    unsigned length = lowest(half_outside(half, class_user));
    if (length == 64)
        length = span(p, class_user);
    if (length - 1 < 62 && p[length] == '@') {
        if (out != NULL)
            out->user = zsip_slice_between(base, p, p + length);
        p += length + 1;
        masks.outside >>= length + 1;
        masks.dots >>= length + 1;
        masks.dashes >>= length + 1;
        masks.digits >>= length + 1;
    }
    /* The host runs out of the half, or begins behind it. */
    if (masks.outside == 0)
        masks = host_masks_whole(p);
    length = host_judge(masks, &kind);
    if (length == 0)
        return 0;
    if (out != NULL) {
        out->host = zsip_slice_between(base, p, p + length);
        out->host_kind = kind;
    }
    p += length;
    if (*p == ':') {
        length = port_match(p + 1, &port);
        if (length == 0)
            return 0;
        if (out != NULL)
            out->port = port;
        p += 1 + length;
    }
    if (*p == ';') {
        length = uri_params_match(p + 1);
        if (length == 0)
            return 0;
        if (out != NULL)
            out->params = zsip_slice_between(base, p + 1, p + 1 + length);
        p += 1 + length;
    }
    return (size_t)(p - begin);
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* What stands before the "<" of a name-addr. Returns where that is expected, NULL if the machine
 * has to look. */
static inline const uint8_t *display_match(const uint8_t *base, const uint8_t *begin,
                                           struct zsip_slice *display)
{
    const uint8_t *p = begin;
    if (*p == '"') {
        struct half half = half_load(p + 1);
        uint64_t ends = half_equal(half, ZSIP_FILL_QUOTE) | half_equal(half, ZSIP_FILL_BACKSLASH);
        if (ends == 0) {
            struct block block = block_load(p + 1);
            ends = block_equal(block, ZSIP_FILL_QUOTE) | block_equal(block, ZSIP_FILL_BACKSLASH);
        }
        unsigned length = lowest(ends);
        if (length == 64 || p[1 + length] != '"')
            return NULL;
        p += length + 2;
        *display = zsip_slice_between(base, begin, p);
        return p + (*p == ' ');
    }
    unsigned length = span(p, class_display);
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
static inline const uint8_t *party_param_match(const uint8_t *base, const uint8_t *p,
                                               struct zsip_slice *tag)
{
    unsigned length;
    if (text_4_is(p + 1, TEXT_4('t', 'a', 'g', '='))) {
        length = short_span(p + 5, class_token);
        if (length - 1 > 62 || tag->length != 0)
            return NULL;
        *tag = zsip_slice_between(base, p + 5, p + 5 + length);
        return p + 5 + length;
    }
    length = short_span(++p, class_token);
    if (length - 1 > 62 ||
        (length == 3 && (load_32(p) << 8 | LOWER_4 << 8) == TEXT_4(0, 't', 'a', 'g')))
        return NULL;
    p += length;
    if (*p != '=')
        return p;
    length = short_span(p + 1, class_token);
    return length - 1 > 62 ? NULL : p + 1 + length;
}

/* [display] <sip:...> and parameters without white space and quotes, to end or a comma, which is
 * returned; NULL if the machine has to look. out comes cleared, and may be half filled then. */
static inline const uint8_t *party_match(const uint8_t *base, const uint8_t *begin,
                                         const uint8_t *end, struct zsip_party *out)
{
    const uint8_t *p = begin;
    if (*p != '<') {
        p = display_match(base, begin, &out->display);
        if (p == NULL || *p != '<')
            return NULL;
    }
    size_t length = uri_match(base, ++p, NULL);
    if (length == 0 || p[length] != '>')
        return NULL;
    out->uri = zsip_slice_between(base, p, p + length);
    p += length + 1;
    const uint8_t *params = p;
    while (p < end && *p == ';') {
        p = party_param_match(base, p, &out->tag);
        if (p == NULL)
            return NULL;
    }
    if (p != end && (*p != ',' || p > end))
        return NULL;
    if (p != params)
        out->params = zsip_slice_between(base, params, p);
    out->whole = zsip_slice_between(base, begin, p);
    return p;
}

/* One parameter of a Via whose name means nothing to us, and the value it may have. Returns what
 * follows, NULL if the machine has to look. The names that do mean something begin with one of
 * these letters. */
static inline const uint8_t *via_other_match(const uint8_t *p)
{
    const uint32_t special = 1u << ('a' & 31) | 1u << ('b' & 31) | 1u << ('m' & 31) |
                             1u << ('o' & 31) | 1u << ('r' & 31) | 1u << ('t' & 31);
    unsigned length = short_span(p, class_token);
    if (length - 1 > 62 || (special >> (*p & 31) & 1) != 0)
        return NULL;
    p += length;
    if (*p != '=')
        return p;
    length = short_span(p + 1, class_token);
    return length - 1 > 62 ? NULL : p + 1 + length;
}

static inline const uint8_t *via_branch_match(const uint8_t *base, const uint8_t *branch,
                                              struct zsip_via *out)
{
    unsigned length = span(branch, class_token);
    if (length - 1 > 62 || out->branch.length != 0)
        return NULL;
    out->branch = zsip_slice_between(base, branch, branch + length);
    /* The cookie and something behind it (section 8.1.1.7). */
    if (length > 7 &&
        (load_64(branch) | LOWER_8) << 8 == TEXT_8('z', '9', 'h', 'g', '4', 'b', 'k', 0) << 8)
        out->flags |= ZSIP_VIA_COOKIE;
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

static inline const uint8_t *via_received_match(const uint8_t *base, const uint8_t *p,
                                                struct zsip_via *out)
{
    uint8_t kind;
    unsigned length = host_match(p, &kind);
    if (length == 0 || kind != ZSIP_HOST_IPV4 || out->received.length != 0)
        return NULL;
    out->received = zsip_slice_between(base, p, p + length);
    return p + length;
}

/* A value's parameters without white space and quotes, up to its end. */
static inline bool via_params_match(const uint8_t *base, const uint8_t *p, const uint8_t *end,
                                    struct zsip_via *out)
{
    while (p != end) {
        if (*p != ';')
            return false;
        if (text_8_is(p, TEXT_8(';', 'b', 'r', 'a', 'n', 'c', 'h', '=')))
            p = via_branch_match(base, p + 8, out);
        else if (text_4_is(p + 1, TEXT_4('r', 'p', 'o', 'r')) && (p[5] | 0x20) == 't' &&
                 (p[6] == ';' || p[6] == '=' || p + 6 == end))
            p = via_rport_match(base, p + 1, out);
        else if (text_8_is(p + 1, TEXT_8('r', 'e', 'c', 'e', 'i', 'v', 'e', 'd')) && p[9] == '=')
            p = via_received_match(base, p + 10, out);
        else
            p = via_other_match(p + 1);
        if (p == NULL)
            return false;
    }
    return true;
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

/* SIP/2.0/UDP host[:port][;params]. out comes cleared, and may be half filled if the machine has to
 * look. */
static inline bool via_match(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                             struct zsip_via *out)
{
    const uint8_t *p = begin + 12;
    out->transport = via_transport(begin + 8);
    if (!text_8_is(begin, TEXT_8('s', 'i', 'p', '/', '2', '.', '0', '/')) || begin[11] != ' ' ||
        out->transport == ZSIP_TRANSPORT_NONE)
        return false;
    unsigned length = host_match(p, &out->host_kind);
    if (length == 0)
        return false;
    out->host = zsip_slice_between(base, p, p + length);
    p += length;
    if (*p == ':') {
        length = port_match(p + 1, &out->port);
        if (length == 0)
            return false;
        p += 1 + length;
    }
    out->transport_name = zsip_slice_between(base, begin + 8, begin + 11);
    out->sent_by = zsip_slice_between(base, begin + 12, p);
    out->whole = zsip_slice_between(base, begin, end);
    if (p == end)
        return true;
    out->params = zsip_slice_between(base, p, end);
    return via_params_match(base, p, end, out);
}

static inline bool call_id_match(const uint8_t *begin, const uint8_t *end)
{
    struct block block = block_load(begin);
    unsigned length = lowest(block_outside(block, class_call_id));
    if (begin + length != end || length - 1 > 62)
        return false;
    uint64_t at = block_equal(block, ZSIP_FILL_AT) & below(length);
    /* At most one "@", not first and not last. */
    return (at & (at - 1)) == 0 && (at & (1 | 1ull << (length - 1))) == 0;
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
    unsigned digits = number_match(begin, &number);
    const uint8_t *name = begin + digits + 1;
    if (digits - 1 > 6 || name[-1] != ' ' || name >= end)
        return false;
    unsigned length = (unsigned)(end - name);
    if (msg->kind == ZSIP_KIND_REQUEST) {
        if (length != msg->method_name.length || length > 31 || !bytes_equal(name, base, length))
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
    if (digits - 1 > 6 || begin + digits != end)
        return false;
    msg->max_forwards = value <= 255 ? value : ZSIP_ABSENT;
    return true;
}

static inline bool content_length_match(struct zsip_msg *msg, const uint8_t *begin,
                                        const uint8_t *end)
{
    uint32_t value;
    unsigned digits = number_match(begin, &value);
    if (digits - 1 > 6 || begin + digits != end)
        return false;
    msg->content_length = value;
    return true;
}

/* token "/" token */
static inline bool content_type_match(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                      struct zsip_media_type *out)
{
    uint64_t others = block_outside(block_load(begin), class_token);
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

/* ---- Lines ----------------------------------------------------------------------------------- */

/* The fields whose values zsip_parse() judges. */
#define JUDGED                                                                                     \
    (1ull << ZSIP_HEADER_VIA | 1ull << ZSIP_HEADER_FROM | 1ull << ZSIP_HEADER_TO |                 \
     1ull << ZSIP_HEADER_CALL_ID | 1ull << ZSIP_HEADER_CSEQ | 1ull << ZSIP_HEADER_MAX_FORWARDS |   \
     1ull << ZSIP_HEADER_CONTENT_LENGTH | 1ull << ZSIP_HEADER_CONTENT_TYPE)

/* Tries the shapes of one value. What a match that failed has written is cleared again. */
static inline bool value_match(struct zsip_msg *msg, const uint8_t *base, unsigned id,
                               const uint8_t *begin, const uint8_t *end)
{
    switch (id) {
    case ZSIP_HEADER_VIA:
        if (via_match(base, begin, end, &msg->via))
            return true;
        msg->via = (struct zsip_via){0};
        return false;
    case ZSIP_HEADER_FROM:
        if (party_match(base, begin, end, &msg->from) == end)
            return true;
        msg->from = (struct zsip_party){0};
        return false;
    case ZSIP_HEADER_TO:
        if (party_match(base, begin, end, &msg->to) == end)
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
    case ZSIP_HEADER_CONTENT_TYPE:
        return content_type_match(base, begin, end, &msg->content_type);
    default:
        return false;
    }
}

/* The first control character behind the first 64 bytes of a line; past the limit if it can't be
 * looked for from here. */
static const uint8_t *long_line_end(const uint8_t *p, const uint8_t *limit)
{
    for (p += 64; p <= limit; p += 64) {
        uint64_t control = block_control(block_load(p));
        if (control != 0)
            return p + lowest(control);
    }
    return limit + 1;
}

/* What is kept in registers on the way through the lines. */
struct walk {
    struct zsip_msg *msg;
    const uint8_t *base;
    const uint8_t *end;
    const uint8_t *limit; /* no look from behind here, and three bytes to the end */
    uint64_t present;
    unsigned count;
};

static inline const uint8_t *walk_slow(struct walk *walk, const uint8_t *p)
{
    walk->msg->present = walk->present;
    walk->msg->header_count = (uint16_t)walk->count;
    p = zsip_line_slow(walk->msg, p, walk->end);
    walk->present = walk->msg->present;
    walk->count = walk->msg->header_count;
    return p;
}

/* struct zsip_header, put together in a register. */
static inline void index_put(struct walk *walk, const uint8_t *name, uint64_t length_and_id,
                             const uint8_t *begin, const uint8_t *end)
{
    uint64_t offset = (uint64_t)(name - walk->base);
    uint64_t entry = (offset | offset << 32 | length_and_id) + (uint64_t)(begin - name) +
                     ((uint64_t)(end - begin) << 16);
    __builtin_memcpy(&walk->msg->headers[walk->count++], &entry, sizeof(entry));
}

/* What zsip_name_hash() wants; eight bytes before p can be read, for a line stands there. */
static inline uint64_t name_key(const uint8_t *p, unsigned length)
{
    uint64_t last = load_64(p + length - 8);
    return zsip_name_key(last >> (length < 8 ? 64 - 8 * length : 0), length);
}

/* The value of a field that is judged. */
static inline void value_judge(struct walk *walk, unsigned id, const uint8_t *name,
                               const uint8_t *begin, const uint8_t *end)
{
    if ((walk->present >> id & 1) == 0 && value_match(walk->msg, walk->base, id, begin, end))
        return;
    walk->msg->present = walk->present;
    zsip_field_slow(walk->msg, (enum zsip_header_id)id, name, begin, end);
}

/* One header line at p, from where 64 bytes can be read and 8 before; control are its control
 * characters. Returns the next, NULL where the header section breaks off. */
static inline const uint8_t *header_line(struct walk *walk, const uint8_t *p, uint64_t control)
{
    unsigned name_length = lowest(half_equal(half_load(p), ZSIP_FILL_COLON));
    const uint8_t *stop = control != 0 ? p + lowest(control) : long_line_end(p, walk->limit);
    const uint8_t *begin = p + name_length + 1, *end = stop;
    /* A whole line, one name before a colon, and no white space behind its end. */
    if (stop > walk->limit || name_length - 1 > 30 || begin > stop ||
        walk->count >= ZSIP_HEADERS_MAX || stop[0] != '\r' || stop[1] != '\n' ||
        (stop[2] <= ' ' && stop[2] != '\r'))
        return walk_slow(walk, p);

    const struct zsip_name_slot *slot = &zsip_name_slots[zsip_name_hash(name_key(p, name_length))];
    uint64_t length_and_id = slot->length_and_id;
    if (length_and_id << 8 >> 56 != name_length || !name_equal(p, slot->name, name_length)) {
        if (span(p, class_token) != name_length)
            return walk_slow(walk, p);
        length_and_id = (uint64_t)name_length << 48;
    }
    unsigned id = (unsigned)(length_and_id >> 56);

    begin += *begin == ' ';
    if ((*begin <= ' ') | (stop[-1] == ' ')) {
        while (*begin == ' ')
            begin++;
        while (end > begin && end[-1] == ' ')
            end--;
        if (begin == stop)
            begin = end = p + name_length + 1;
    }
    index_put(walk, p, length_and_id, begin, end);
    if ((JUDGED >> id & 1) != 0)
        value_judge(walk, id, p, begin, end);
    walk->present |= 1ull << id;
    return stop + 2;
}

/* ---- Start lines ----------------------------------------------------------------------------- */

static inline bool request_line_match(struct zsip_msg *msg, const uint8_t *p, unsigned method,
                                      const uint8_t *stop)
{
    const uint8_t *uri = p + method + 1;
    struct zsip_uri *out = &msg->request_uri;
    if (method - 1 > 31 || !method_match(p, method, &msg->method))
        return false;
    size_t length = uri_match(p, uri, out);
    if (length == 0 || uri + length + 8 != stop ||
        !text_8_is(uri + length, TEXT_8(' ', 's', 'i', 'p', '/', '2', '.', '0'))) {
        *out = (struct zsip_uri){0};
        return false;
    }
    out->whole = zsip_slice_between(p, uri, uri + length);
    out->scheme_name = zsip_slice_between(p, uri, uri + 3);
    out->scheme = ZSIP_SCHEME_SIP;
    msg->method_name = zsip_slice_between(p, p, p + method);
    msg->kind = ZSIP_KIND_REQUEST;
    return true;
}

static inline bool status_line_match(struct zsip_msg *msg, const uint8_t *p, const uint8_t *stop)
{
    unsigned hundreds = p[8] - (unsigned)'0', tens = p[9] - (unsigned)'0';
    unsigned ones = p[10] - (unsigned)'0';
    if (hundreds - 1 > 5 || tens > 9 || ones > 9 || p[11] != ' ')
        return false;
    msg->status_code = (uint16_t)(100 * hundreds + 10 * tens + ones);
    msg->reason = zsip_slice_between(p, p + 12, stop);
    msg->kind = ZSIP_KIND_RESPONSE;
    return true;
}

/* The start line. Returns the next line, NULL where there is none. */
static inline const uint8_t *start_line(struct zsip_msg *msg, const uint8_t *end,
                                        const uint8_t *limit)
{
    const uint8_t *p = msg->data;
    if (p > limit)
        return zsip_start_slow(msg, end);
    struct block block = block_load(p);
    uint64_t control = block_control(block);
    const uint8_t *stop = control != 0 ? p + lowest(control) : long_line_end(p, limit);
    if (stop > limit || stop[0] != '\r' || stop[1] != '\n' || stop - p < 12)
        return zsip_start_slow(msg, end);
    bool matched =
        text_8_is(p, TEXT_8('s', 'i', 'p', '/', '2', '.', '0', ' '))
            ? status_line_match(msg, p, stop)
            : request_line_match(msg, p, lowest(half_equal(half_load(p), ZSIP_FILL_SPACE)), stop);
    return matched ? stop + 2 : zsip_start_slow(msg, end);
}

/* ---- Values on demand ------------------------------------------------------------------------ */

/* Whether [begin, end) can be looked at: from every place of it 64 bytes can be read, and there are
 * no control characters in it, which the comparisons here would take for others. */
static inline bool is_clean(const uint8_t *begin, const uint8_t *end)
{
#ifdef READS_STAY_INSIDE
    return false;
#endif
    if (begin == end || ((uintptr_t)(end - 1) & 4095) > 4095 - 65)
        return false;
    for (; end - begin > 64; begin += 64) {
        if (block_control(block_load(begin)) != 0)
            return false;
    }
    uint64_t past = end - begin < 64 ? ~0ull << (end - begin) : 0;
    return (block_control(block_load(begin)) & ~past) == 0;
}

static bool via_value(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                      struct zsip_via *out)
{
    *out = (struct zsip_via){0};
    return end - begin > 12 && is_clean(begin, end) && via_match(base, begin, end, out);
}

static const uint8_t *party_value(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                  struct zsip_party *out)
{
    *out = (struct zsip_party){0};
    return is_clean(begin, end) ? party_match(base, begin, end, out) : NULL;
}

static bool uri_value(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                      struct zsip_uri *out)
{
    struct zsip_uri uri = {0};
    if (!is_clean(begin, end) || uri_match(base, begin, &uri) != (size_t)(end - begin))
        return false;
    uri.whole = zsip_slice_between(base, begin, end);
    uri.scheme_name = zsip_slice_between(base, begin, begin + 3);
    uri.scheme = ZSIP_SCHEME_SIP;
    *out = uri;
    return true;
}

/* name=token or name="text", to end or a comma. [begin, end) has no control characters. */
static const uint8_t *auth_param_value(const uint8_t *base, const uint8_t *begin,
                                       const uint8_t *end, struct zsip_slice *name,
                                       struct zsip_slice *value)
{
    const uint8_t *p = begin;
    if (((uintptr_t)(end - 1) & 4095) > 4095 - 65)
        return NULL;
#ifdef READS_STAY_INSIDE
    return NULL;
#endif
    unsigned length = short_span(p, class_token);
    if (length - 1 > 62 || p + length >= end || p[length] != '=')
        return NULL;
    *name = zsip_slice_between(base, p, p + length);
    p += length + 1;
    if (*p != '"') {
        length = short_span(p, class_token);
        if (length - 1 > 62)
            return NULL;
        *value = zsip_slice_between(base, p, p + length);
        p += length;
    } else {
        struct block block = block_load(++p);
        length = lowest(block_equal(block, ZSIP_FILL_QUOTE) |
                        block_equal(block, ZSIP_FILL_BACKSLASH) | block_control(block));
        if (length == 64 || p[length] != '"')
            return NULL;
        *value = zsip_slice_between(base, p, p + length);
        p += length + 1;
    }
    return p == end || (p < end && *p == ',') ? p : NULL;
}

/* ---- The message ----------------------------------------------------------------------------- */

/* The last place from which 64 bytes may be read, all of them in pages that the message touches,
 * and three of the message itself; before data if there is none. The address sanitizer wants all 64
 * within the message. */
static inline const uint8_t *limit_of(const uint8_t *data, const uint8_t *end)
{
    ptrdiff_t bytes = end - data, room = bytes - 3;
#ifdef READS_STAY_INSIDE
    room = bytes - 64;
#else
    ptrdiff_t to_page_end = (ptrdiff_t)(4096 - ((uintptr_t)(end - 1) & 4095)) - 1;
    if (bytes + to_page_end - 64 < room)
        room = bytes + to_page_end - 64;
#endif
    return data + (room < 0 ? -1 : room);
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
    struct walk walk = {.msg = msg, .base = data, .end = end, .limit = limit_of(data, end)};
    const uint8_t *p = start_line(msg, end, walk.limit);
    /* Lines that can be looked at begin here, behind the first eight bytes. */
    size_t room = walk.limit - data >= 8 ? (size_t)(walk.limit - data) - 7 : 0;
    while (p != NULL) {
        bool fits = (size_t)(p - data) - 8 < room;
        uint64_t control = fits ? block_control(block_load(p)) : 1;
        if (__builtin_expect((control & 1) == 0, 1)) {
            p = header_line(&walk, p, control);
        } else if (end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
            p += 2;
            break;
        } else {
            p = walk_slow(&walk, p);
        }
    }
    msg->present = walk.present;
    msg->header_count = (uint16_t)walk.count;
    return zsip_parse_end(msg, p, bytes, flags);
}
