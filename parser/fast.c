/* zsip: which way this processor goes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

static const uint8_t *no_via(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                             struct zsip_via *out)
{
    (void)base, (void)begin, (void)end, (void)out;
    return NULL;
}

static const uint8_t *no_party(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                               struct zsip_party *out)
{
    (void)base, (void)begin, (void)end, (void)out;
    return NULL;
}

static bool no_uri(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                   struct zsip_uri *out)
{
    (void)base, (void)begin, (void)end, (void)out;
    return false;
}

static bool no_digest(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                      struct zsip_auth *out)
{
    (void)base, (void)begin, (void)end, (void)out;
    return false;
}

static bool no_date(const uint8_t *p)
{
    (void)p;
    return false;
}

static unsigned find_row(const struct zsip_msg *msg, unsigned id, unsigned from)
{
    while (from < msg->header_count && msg->headers[from].id != id)
        from++;
    return from < msg->header_count ? from : msg->header_count;
}

static uint32_t no_section(const uint8_t *data, uint32_t bytes, uint32_t *line)
{
    (void)data, (void)bytes, (void)line;
    return 0;
}

const struct zsip_fast zsip_fast_plain = {
    zsip_parse_plain, no_via, no_party, no_uri, no_digest, no_date, find_row, no_section,
};

unsigned zsip_fast_ways(const struct zsip_fast *ways[ZSIP_WAYS_MAX])
{
    unsigned count = 0;
    ways[count++] = &zsip_fast_plain;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))
        ways[count++] = &zsip_fast_sse4;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt"))
        ways[count++] = &zsip_fast_avx2;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
        __builtin_cpu_supports("bmi2"))
        ways[count++] = &zsip_fast_avx512;
#endif
    return count;
}

const struct zsip_fast *zsip_fast(void)
{
    /* Threads may both choose: they choose the same. */
    static const struct zsip_fast *chosen;
    const struct zsip_fast *fast = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (__builtin_expect(fast == NULL, 0)) {
        const struct zsip_fast *ways[ZSIP_WAYS_MAX];
        fast = ways[zsip_fast_ways(ways) - 1];
        __atomic_store_n(&chosen, fast, __ATOMIC_RELAXED);
    }
    return fast;
}

unsigned zsip_msg_find(const struct zsip_msg *msg, enum zsip_header_id id, unsigned from)
{
    if ((unsigned)id >= ZSIP_HEADER_ID_COUNT || !zsip_msg_has(msg, id))
        return msg->header_count;
    return zsip_fast()->find(msg, id, from);
}

enum zsip_status zsip_parse(struct zsip_msg *msg, const uint8_t *data, size_t bytes, unsigned flags)
{
    return zsip_fast()->parse(msg, data, bytes, flags);
}
