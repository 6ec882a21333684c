/* zsip: the ways through a message, and through a value, that depend on the processor.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_FAST_H
#define ZSIP_PARSER_FAST_H

#include "parser/parser.h"

/* All but parse match a value wholly and say so, or leave it to the machines: false or NULL, and
 * *out is not defined then. via and party stop at a comma or at end, and return where.
 */
struct zsip_fast {
    enum zsip_status (*parse)(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                              unsigned flags);
    const uint8_t *(*via)(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                          struct zsip_via *out);
    const uint8_t *(*party)(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                            struct zsip_party *out);
    bool (*uri)(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                struct zsip_uri *out);
    /* Credentials or a challenge, of Digest. */
    bool (*digest)(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                   struct zsip_auth *out);
    /* Whether the 29 bytes at p are a SIP-date. */
    bool (*date)(const uint8_t *p);
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
#endif

#define ZSIP_WAYS_MAX 4u
/* The ways that this processor can go, the slowest first. Returns their number. */
unsigned zsip_fast_ways(const struct zsip_fast *ways[ZSIP_WAYS_MAX]);

/* The best that this processor has. */
const struct zsip_fast *zsip_fast(void);

#endif
