/* zsip: which way this processor goes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

static bool no_via(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                   struct zsip_via *out)
{
    (void)base, (void)begin, (void)end, (void)out;
    return false;
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

static const uint8_t *no_auth_param(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                    struct zsip_slice *name, struct zsip_slice *value)
{
    (void)base, (void)begin, (void)end, (void)name, (void)value;
    return NULL;
}

const struct zsip_fast zsip_fast_plain = {zsip_parse_plain, no_via, no_party, no_uri,
                                          no_auth_param};

static const struct zsip_fast *choose(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt"))
        return &zsip_fast_avx2;
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))
        return &zsip_fast_sse4;
#endif
    return &zsip_fast_plain;
}

const struct zsip_fast *zsip_fast(void)
{
    /* Threads may both choose: they choose the same. */
    static const struct zsip_fast *chosen;
    const struct zsip_fast *fast = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (__builtin_expect(fast == NULL, 0)) {
        fast = choose();
        __atomic_store_n(&chosen, fast, __ATOMIC_RELAXED);
    }
    return fast;
}

enum zsip_status zsip_parse(struct zsip_msg *msg, const uint8_t *data, size_t bytes, unsigned flags)
{
    return zsip_fast()->parse(msg, data, bytes, flags);
}

#if defined(__x86_64__)
enum zsip_status zsip_parse_sse4(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                 unsigned flags)
{
    return zsip_fast_sse4.parse(msg, data, bytes, flags);
}

enum zsip_status zsip_parse_avx2(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                 unsigned flags)
{
    return zsip_fast_avx2.parse(msg, data, bytes, flags);
}
#endif
