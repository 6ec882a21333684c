/* The choice of fast.c, replaced by the linker (--wrap) in programs that judge the parser.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/ways.h"
#include <stddef.h>

static const struct zsip_fast *taken;

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
#endif
    return fast == &zsip_fast_plain ? "plain" : "?";
}

void ways_take(unsigned way)
{
    taken = ways_fast(way);
}

/* What the linker puts in the place of fast.c's functions. Names of theirs are reserved in C, so
 * they are given to the linker alone. */
const struct zsip_fast *real_fast(void) __asm__("__real_zsip_fast");
const struct zsip_fast *our_fast(void) __asm__("__wrap_zsip_fast");
enum zsip_status our_parse(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                           unsigned flags) __asm__("__wrap_zsip_parse");
unsigned our_find(const struct zsip_msg *msg, enum zsip_header_id id,
                  unsigned from) __asm__("__wrap_zsip_msg_find");

const struct zsip_fast *our_fast(void)
{
    return taken != NULL ? taken : real_fast();
}

enum zsip_status our_parse(struct zsip_msg *msg, const uint8_t *data, size_t bytes, unsigned flags)
{
    return our_fast()->parse(msg, data, bytes, flags);
}

unsigned our_find(const struct zsip_msg *msg, enum zsip_header_id id, unsigned from)
{
    if ((unsigned)id >= ZSIP_HEADER_ID_COUNT || !zsip_msg_has(msg, id)) {
        return msg->header_count;
    }
    return our_fast()->find(msg, id, from);
}
