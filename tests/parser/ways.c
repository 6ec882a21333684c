/* The choice of fast.c, made by programs that judge the parser.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/ways.h"
#include <stddef.h>

const struct zsip_fast *ways_fast(unsigned way)
{
    const struct zsip_fast *here[ZSIP_WAYS_MAX];
    return way < zsip_fast_ways(here) ? here[way] : NULL;
}

unsigned ways_count(void)
{
    const struct zsip_fast *here[ZSIP_WAYS_MAX];
    return zsip_fast_ways(here);
}

/* Ways are told by what they are: a processor may leave one out. */
const char *ways_name(unsigned way)
{
    const struct zsip_fast *fast = ways_fast(way);
#if defined(__x86_64__)
    if (fast == &zsip_fast_sse4) {
        return "sse4";
    }
    if (fast == &zsip_fast_avx2) {
        return "avx2";
    }
    if (fast == &zsip_fast_avx512) {
        return "avx512";
    }
#elif defined(ZSIP_HAS_NEON)
    if (fast == &zsip_fast_neon) {
        return "neon";
    }
#endif
    return fast == &zsip_fast_plain ? "plain" : "?";
}

void ways_take(unsigned way)
{
    zsip_fast_chosen = ways_fast(way);
}
