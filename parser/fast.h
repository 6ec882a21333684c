/* zsip: the ways through a message, and through a value, that depend on the processor.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_FAST_H
#define ZSIP_PARSER_FAST_H

#include "parser/parser.h"

struct zsip_fast {
    enum zsip_status (*parse)(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                              unsigned flags);
    /* As the functions zsip_via_next() and so on have it. */
    enum zsip_status (*via_next)(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                 struct zsip_via *out, bool *found, struct zsip_fault *fault);
    enum zsip_status (*party_next)(const struct zsip_msg *msg, enum zsip_header_id id,
                                   struct zsip_cursor *cursor, struct zsip_party *out, bool *found,
                                   struct zsip_fault *fault);
    enum zsip_status (*party_uri_next)(const struct zsip_msg *msg, enum zsip_header_id id,
                                       struct zsip_cursor *cursor, struct zsip_party_uri *out,
                                       bool *found, struct zsip_fault *fault);
    enum zsip_status (*uri)(const uint8_t *base, struct zsip_slice slice, struct zsip_uri *out,
                            struct zsip_fault *fault);
    enum zsip_status (*auth)(const uint8_t *base, struct zsip_slice slice, enum zsip_header_id id,
                             struct zsip_auth *out, struct zsip_fault *fault);
    enum zsip_status (*date)(const uint8_t *base, struct zsip_slice slice, int64_t *utc_s,
                             struct zsip_fault *fault);
    /* zsip_msg_find() of a field that is there. */
    unsigned (*find)(const struct zsip_msg *msg, unsigned id, unsigned from);
    /* The bytes of the header section that begins at data, its empty line among them, and in *line
     * where the only line begins that may be a Content-Length, UINT32_MAX if there are several and
     * 0 if there is none. 0: it does not end within bytes, or was not looked for. */
    uint32_t (*section)(const uint8_t *data, uint32_t bytes, uint32_t *line);
};

extern const struct zsip_fast zsip_fast_plain;
#if defined(__x86_64__)
extern const struct zsip_fast zsip_fast_sse4;
extern const struct zsip_fast zsip_fast_avx2;
extern const struct zsip_fast zsip_fast_avx512;
#elif defined(__aarch64__) && defined(__ARM_NEON) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ZSIP_HAS_NEON 1
extern const struct zsip_fast zsip_fast_neon;
#endif

#define ZSIP_WAYS_MAX 4u
/* The ways that this processor can go, the slowest first. Returns their number. */
unsigned zsip_fast_ways(const struct zsip_fast *ways[ZSIP_WAYS_MAX]);

/* The best that this processor has. */
#pragma GCC visibility push(hidden)
extern const struct zsip_fast *zsip_fast_chosen;
const struct zsip_fast *zsip_fast_choose(void);
#pragma GCC visibility pop

static inline const struct zsip_fast *zsip_fast(void)
{
    /* Threads may both choose: they choose the same. */
    const struct zsip_fast *fast = __atomic_load_n(&zsip_fast_chosen, __ATOMIC_RELAXED);
    return __builtin_expect(fast != NULL, 1) ? fast : zsip_fast_choose();
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* A cursor between two elements: row is where the next one stands, offset where it begins; 0 stands
 * for the row's beginning, and so does what lies outside of the row, which is what a cursor of
 * another message may have. */
static inline const uint8_t *zsip_list_begin(const struct zsip_msg *msg,
                                             const struct zsip_cursor *cursor)
{
    struct zsip_slice value = msg->headers[cursor->row].value;
    uint32_t at = cursor->offset - value.offset;
    return msg->data + value.offset + (at <= value.length ? at : 0);
}

/* Moves the cursor behind an element of its row that ended at p: at the row's end or at a comma. */
static inline void zsip_list_move(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                  const uint8_t *p, const uint8_t *end)
{
    if (p == end) {
        *cursor = (struct zsip_cursor){cursor->row + 1, 0};
        return;
    }
    p = zsip_lws_skip(p + 1, end);
    cursor->offset = (uint32_t)(p - msg->data);
}

#endif
