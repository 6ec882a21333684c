/* Addresses as text, entropy, clocks, the default allocator. */
#include "zsip/host.h"

#include <criterion/criterion.h>
#include <string.h>

static void round_trip(const char *in, const char *out)
{
    struct zsip_address address;
    char text[ZSIP_ADDRESS_TEXT_BYTES];
    cr_assert_eq(zsip_address_parse(in, 5060, &address), ZSIP_OK, "%s", in);
    cr_assert_str_eq(zsip_address_text(&address, text), out);
}

Test(address, parses_what_it_writes)
{
    round_trip("192.0.2.1", "192.0.2.1:5060");
    round_trip("192.0.2.1:0", "192.0.2.1:0");
    round_trip("192.0.2.1:65535", "192.0.2.1:65535");
    round_trip("[::1]", "[::1]:5060");
    round_trip("[2001:DB8:0:0::1]:5061", "[2001:db8::1]:5061");
    round_trip("[fe80::1%1]:5060", "[fe80::1%1]:5060");
    round_trip("[fe80::1%lo]", "[fe80::1%1]:5060");
}

Test(address, refuses_what_is_none)
{
    static const char *const bad[] = {
        "",           "localhost", ":5060",  "1.2.3",       "1.2.3.4:", "1.2.3.4:65536",
        "1.2.3.4:x",  "::1",       "[::1",   "[]",          "[::1]x",   "[1.2.3.4]",
        "1.2.3.4:-1", "[::1]:",    "[::1%]", "[::1%no-if]", "[::1%0]"};
    struct zsip_address address;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_expect_eq(zsip_address_parse(bad[i], 5060, &address), ZSIP_ERROR_SYNTAX, "%s", bad[i]);
}

Test(address, equal_addresses_are_equal_bytes)
{
    struct zsip_address a, b;
    memset(&a, 0xff, sizeof(a));
    cr_assert_eq(zsip_address_parse("127.0.0.1", 5060, &a), ZSIP_OK);
    cr_assert_eq(zsip_address_parse("127.0.0.1:5060", 1, &b), ZSIP_OK);
    cr_assert_eq(memcmp(&a, &b, sizeof(a)), 0);
}

Test(address, source_of_loopback_is_loopback)
{
    struct zsip_address remote, local;
    char text[ZSIP_ADDRESS_TEXT_BYTES];
    cr_assert_eq(zsip_address_parse("127.0.0.9:0", 0, &remote), ZSIP_OK);
    cr_assert_eq(zsip_address_source(&remote, &local), ZSIP_OK);
    cr_assert_str_eq(zsip_address_text(&local, text), "127.0.0.1:0");
    cr_assert_eq(zsip_address_parse("[::1]:0", 0, &remote), ZSIP_OK);
    cr_assert_eq(zsip_address_source(&remote, &local), ZSIP_OK);
    cr_assert_str_eq(zsip_address_text(&local, text), "[::1]:0");
    remote.family = ZSIP_FAMILY_NONE;
    cr_assert_eq(zsip_address_source(&remote, &local), ZSIP_ERROR_UNREACHABLE);
}

Test(host, random_differs_and_time_goes_on)
{
    uint8_t a[32], b[32];
    cr_assert_eq(zsip_random(a, sizeof(a)), ZSIP_OK);
    cr_assert_eq(zsip_random(b, sizeof(b)), ZSIP_OK);
    cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
    struct zsip_time before = zsip_time_now(), after = zsip_time_now();
    cr_assert_leq(before.monotonic_ns, after.monotonic_ns);
    cr_assert_gt(after.utc_s, 1700000000);
}

Test(host, memory_keeps_its_promises)
{
    const struct zsip_memory *memory = zsip_memory_default();
    static const size_t sizes[] = {0, 1, 64, 100, 131071, 131072, 1000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        uint8_t *bytes = memory->allocate(memory->user, sizes[i]);
        cr_assert_not_null(bytes);
        cr_assert_eq((uintptr_t)bytes % 64, 0);
        memset(bytes, 1, sizes[i]);
        memory->release(memory->user, bytes, sizes[i]);
    }
    cr_assert_null(memory->allocate(memory->user, SIZE_MAX));
    size_t vast = (size_t)1 << 40;
    uint8_t *space = memory->reserve(memory->user, vast);
    cr_assert_not_null(space);
    cr_assert_eq((uintptr_t)space % 4096, 0);
    cr_assert_eq(space[vast / 2], 0);
    space[vast / 2] = 1;
    memory->discard(memory->user, space + vast / 2, 4096);
    cr_assert_eq(space[vast / 2], 0);
    memory->unreserve(memory->user, space, vast);
}
