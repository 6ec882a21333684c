/* What was dropped under overload is remembered for some seconds, by a keyed hash of its bytes in a
 * filter of fixed size.
 *
 * A request that was dropped comes again after T1, 2*T1 ... (RFC 3261 section 17.1.2.2). Its sender
 * has waited long by then; served in its turn, it would take the place of a request that came for
 * the first time and is still early. Half of what an overloaded server does can so become work for
 * nobody. A copy of what was dropped is therefore dropped as well while requests wait, unparsed,
 * which is what makes dropping cheap; it is served once the wait is short.
 *
 * The filter forgets (a generation of it at a time) and it errs: some requests that it never saw
 * are taken for such copies, the more the fuller it is, up to 2 % at 200 thousand a second dropped.
 * They are dropped only while others are, too, and are served when the wait is short, as any lost
 * datagram. */
#ifndef ZSIP_CORE_SHED_H
#define ZSIP_CORE_SHED_H

#include "zsip/base.h"

enum {
    SHED_LINES = 32768, /* of 64 bytes, in each of two generations */
    SHED_LINE_WORDS = 8,
    SHED_BYTES = 2 * SHED_LINES * SHED_LINE_WORDS * 8,
};

struct shed {
    uint64_t *words; /* SHED_BYTES that read as zero; NULL: nothing is remembered */
    uint64_t seed;
    uint64_t turn_ns;  /* when the younger generation becomes the older */
    uint64_t until_ns; /* what was noted is forgotten by then */
    uint32_t young;    /* 0 or 1 */
};

/* The hash of a packet; prefetches what is looked at next. */
uint64_t zsip_shed_hash(const struct shed *shed, const uint8_t *data, size_t bytes);

/* Remembers a hash for 5 to 10 s: longer than T2, the longest time between two copies. Cost: a
 * cache line; every 5 s 2 MiB are cleared. */
void zsip_shed_note(struct shed *shed, uint64_t hash, uint64_t now_ns);

/* Whether the hash was noted, or another that can't be told from it. Cost: two cache lines. */
bool zsip_shed_knows(const struct shed *shed, uint64_t hash);

static inline bool shed_live(const struct shed *shed, uint64_t now_ns)
{
    return now_ns < shed->until_ns;
}

#endif
