/* The small writers and checks. */
#include "core/core.h"

#include <criterion/criterion.h>
#include <time.h>

static char out[256];
static struct text text;

static const char *done(void)
{
    cr_assert(!text.over);
    *text.at = 0;
    return out;
}

static void begin(void)
{
    text = (struct text){.at = (uint8_t *)out, .end = (uint8_t *)out + sizeof(out) - 1};
}

TestSuite(text, .init = begin);

Test(text, writes_numbers)
{
    zsip_text_unsigned(&text, 0);
    text_literal(&text, " ");
    zsip_text_unsigned(&text, UINT64_MAX);
    text_literal(&text, " ");
    zsip_text_hex(&text, 0xbeef, 8);
    cr_assert_str_eq(done(), "0 18446744073709551615 0000beef");
}

Test(text, writing_past_the_end_is_remembered_and_writes_nothing)
{
    memset(out, '#', sizeof(out));
    text.end = (uint8_t *)out + 4;
    text_literal(&text, "abc");
    text_literal(&text, "de");
    cr_assert(text.over);
    cr_assert_eq(memcmp(out, "abc#", 4), 0);
}

Test(text, date_agrees_with_the_c_library_for_four_hundred_years)
{
    for (int64_t s = 0; s < 400ll * 366 * 86400; s += 86400 * 3 + 12345) {
        begin();
        zsip_text_date(&text, s);
        char expected[64];
        time_t seconds = (time_t)s;
        struct tm parts;
        gmtime_r(&seconds, &parts);
        strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        cr_assert_str_eq(done(), expected);
    }
}

Test(text, ipv6_is_written_in_its_canonical_form)
{
    static const struct {
        uint8_t ip[16];
        const char *text;
    } rows[] = {
        {{0}, "::"},
        {{[15] = 1}, "::1"},
        {{0x20, 1, 0x0d, 0xb8, [15] = 1}, "2001:db8::1"},
        {{0x20, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1}, "2001:0:1::1:1:1"},
        {{0xfe, 0x80, [8] = 1}, "fe80::100:0:0:0"},
        {{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0}, "1:2:3:4:5:6:7:0"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct zsip_address address = {.family = ZSIP_FAMILY_IPV6};
        memcpy(address.ip, rows[i].ip, 16);
        begin();
        zsip_text_ip(&text, &address);
        cr_assert_str_eq(done(), rows[i].text);
    }
}

Test(text, lists_are_searched_by_whole_elements)
{
    struct zsip_view list = ZSIP_VIEW("MESSAGE,  OPTIONS,X");
    cr_assert(zsip_text_list_has(list, ZSIP_VIEW("OPTIONS"), false));
    cr_assert(zsip_text_list_has(list, ZSIP_VIEW("X"), false));
    cr_assert(!zsip_text_list_has(list, ZSIP_VIEW("OPTION"), false));
    cr_assert(!zsip_text_list_has(list, ZSIP_VIEW("options"), false));
    cr_assert(zsip_text_list_has(list, ZSIP_VIEW("options"), true));
}

Test(text, reason_phrases_are_known)
{
    cr_assert_str_eq(zsip_reason_phrase(200), "OK");
    cr_assert_str_eq(zsip_reason_phrase(482), "Loop Detected");
    cr_assert_str_eq(zsip_reason_phrase(299), "Unknown");
}
