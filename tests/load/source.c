/* Where requests are sent from, as a user writes it. */
#include "bench/load/source.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct load_sources sources;
static char error[300];

static const char *at(uint32_t index)
{
    static char text[ZSIP_ADDRESS_TEXT_BYTES];
    struct zsip_address address;

    load_sources_at(&sources, index, &address);
    return zsip_address_text(&address, text);
}

static void expect(const char *text, uint32_t count, const char *first, const char *last)
{
    cr_assert(load_sources_parse(&sources, text, error, sizeof error), "%s", error);
    cr_assert_eq(sources.count, count, "%s: %u", text, sources.count);
    cr_assert_str_eq(at(0), first);
    cr_assert_str_eq(at(count - 1), last);
}

static void refuse(const char *text, const char *why)
{
    cr_assert_not(load_sources_parse(&sources, text, error, sizeof error), "%s", text);
    cr_assert_not_null(strstr(error, why), "%s", error);
}

Test(source, one_address_has_a_port_of_the_kernels_choice)
{
    expect("127.0.1.1", 1, "127.0.1.1:0", "127.0.1.1:0");
    cr_assert_not(sources.ported);
    expect("::1", 1, "[::1]:0", "[::1]:0");
    expect("[::1]", 1, "[::1]:0", "[::1]:0");
}

Test(source, ranges_carry_into_the_next_octet)
{
    expect("127.0.1.1-127.0.1.50", 50, "127.0.1.1:0", "127.0.1.50:0");
    expect("127.0.1.1-50", 50, "127.0.1.1:0", "127.0.1.50:0");
    expect("127.0.1.250-127.0.2.4", 11, "127.0.1.250:0", "127.0.2.4:0");
    cr_assert_str_eq(at(6), "127.0.2.0:0");
    expect("127.0.255.255-127.1.0.1", 3, "127.0.255.255:0", "127.1.0.1:0");
    expect("[2001:db8::fffe-2001:db8::1:1]", 4, "[2001:db8::fffe]:0", "[2001:db8::1:1]:0");
    expect("fd00::1-fd00::10", 16, "[fd00::1]:0", "[fd00::10]:0");
}

Test(source, addresses_take_turns_before_their_ports)
{
    expect("127.0.1.1-3:6000-6001", 6, "127.0.1.1:6000", "127.0.1.3:6001");
    cr_assert(sources.ported);
    cr_assert_str_eq(at(2), "127.0.1.3:6000");
    cr_assert_str_eq(at(3), "127.0.1.1:6001");
    expect("[::1]:65535", 1, "[::1]:65535", "[::1]:65535");
    expect("127.0.0.1:1-16384", 16384, "127.0.0.1:1", "127.0.0.1:16384");
}

Test(source, parts_follow_one_another)
{
    expect("127.0.1.7,127.0.2.1-2:6000-6001,127.0.3.1", 6, "127.0.1.7:0", "127.0.3.1:0");
    cr_assert_str_eq(at(1), "127.0.2.1:6000");
    cr_assert_str_eq(at(4), "127.0.2.2:6001");
}

Test(source, nonsense_is_refused_with_its_place)
{
    refuse("", "an address is missing");
    refuse("127.0.0.1,", "an address is missing");
    refuse("127.0.0.1,bob", "bob: 'bob' is no IPv4 address");
    refuse("127.0.0.9-127.0.0.1", "ends before it begins");
    refuse("127.0.0.1-300", "'300' is no last octet");
    refuse("127.0.0.1-", "'' is no last octet");
    refuse("127.0.0.1-::2", "'127.0.0.1' is no IPv6 address");
    refuse("10.0.0.0-10.255.255.255", "more than 16384 addresses");
    refuse("0.0.0.1-255.255.255.255", "more than 16384 addresses");
    refuse("10.0.0.1-10.0.64.0:1-2", "more than 16384 addresses and ports");
    refuse("127.0.0.1:0", "'0' is no port");
    refuse("127.0.0.1:65536", "'65536' is no port");
    refuse("127.0.0.1:99999999999", "is no port");
    refuse("127.0.0.1:5-", "'5-' is no port");
    refuse("127.0.0.1:70-60", "the ports end before they begin");
    refuse("127.0.0.1:", "'' is no port");
    refuse("0.0.0.0", "none to send from");
    refuse("[::]:5060", "none to send from");
    refuse("[::1", "write [ADDRESS-ADDRESS]");
    refuse("[::1]5060", "write [ADDRESS-ADDRESS]");
    refuse("127.0.0.1,::1", "IPv4 and IPv6 together");
    refuse(
        "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
        "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
        "too long");
}

Test(source, a_list_is_bounded)
{
    char text[1024] = "127.0.0.1";

    for (unsigned i = 1; i < LOAD_SOURCE_PARTS_MAX; i++)
        strcat(text, ",127.0.0.1");
    expect(text, LOAD_SOURCE_PARTS_MAX, "127.0.0.1:0", "127.0.0.1:0");
    refuse(strcat(text, ",127.0.0.1"), "more than 32 parts");
}

static bool have(const struct load_names *names, const char *name)
{
    return load_names_have(names, (struct zsip_view){(const uint8_t *)name, strlen(name)});
}

Test(source, sent_bys_are_known_without_regard_to_case_and_no_others)
{
    struct load_names names;
    char name[400];

    cr_assert(load_names_create(&names, 256));
    for (unsigned i = 0; i < 256; i++) {
        snprintf(name, sizeof name, "[fd00::%x]:6000", i);
        load_names_add(&names, name);
        load_names_add(&names, name);
    }
    cr_assert(have(&names, "[fd00::ab]:6000"));
    cr_assert(have(&names, "[FD00::Ab]:6000"));
    cr_assert_not(have(&names, "[fd00::ab]:600"));
    cr_assert_not(have(&names, "[fd00::ab]:60001"));
    cr_assert_not(have(&names, "[fd00::100]:6000"));
    cr_assert_not(have(&names, ""));
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_not(have(&names, name));
    load_names_drop(&names);
    cr_assert_not(have(&names, "[fd00::ab]:6000"));
}
