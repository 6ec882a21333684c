/* zsip: which way this processor goes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

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
    zsip_parse_plain,         zsip_via_next_slow, zsip_party_next_slow,
    zsip_party_uri_next_slow, zsip_uri_slow,      zsip_auth_slow,
    zsip_date_slow,           find_row,           no_section,
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
#elif defined(ZSIP_HAS_NEON)
    ways[count++] = &zsip_fast_neon;
#endif
    return count;
}

const struct zsip_fast *zsip_fast_chosen;

const struct zsip_fast *zsip_fast_choose(void)
{
    const struct zsip_fast *ways[ZSIP_WAYS_MAX];
    const struct zsip_fast *fast = ways[zsip_fast_ways(ways) - 1];
    __atomic_store_n(&zsip_fast_chosen, fast, __ATOMIC_RELAXED);
    return fast;
}

/* ---- What goes the way that was chosen ------------------------------------------------------- */

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

enum zsip_status zsip_via_next(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                               struct zsip_via *out, bool *found, struct zsip_fault *fault)
{
    return zsip_fast()->via_next(msg, cursor, out, found, fault);
}

enum zsip_status zsip_party_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                 struct zsip_cursor *cursor, struct zsip_party *out, bool *found,
                                 struct zsip_fault *fault)
{
    return zsip_fast()->party_next(msg, id, cursor, out, found, fault);
}

enum zsip_status zsip_party_uri_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                     struct zsip_cursor *cursor, struct zsip_party_uri *out,
                                     bool *found, struct zsip_fault *fault)
{
    return zsip_fast()->party_uri_next(msg, id, cursor, out, found, fault);
}

enum zsip_status zsip_uri_parse(const uint8_t *base, struct zsip_slice slice, struct zsip_uri *out,
                                struct zsip_fault *fault)
{
    return zsip_fast()->uri(base, slice, out, fault);
}

enum zsip_status zsip_auth_parse(const uint8_t *base, struct zsip_slice slice,
                                 enum zsip_header_id id, struct zsip_auth *out,
                                 struct zsip_fault *fault)
{
    return zsip_fast()->auth(base, slice, id, out, fault);
}

enum zsip_status zsip_date(const uint8_t *base, struct zsip_slice slice, int64_t *utc_s,
                           struct zsip_fault *fault)
{
    return zsip_fast()->date(base, slice, utc_s, fault);
}
