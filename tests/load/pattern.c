/* Names made from numbers. */
#include "bench/load/pattern.h"

#include <criterion/criterion.h>
#include <string.h>

static struct load_pattern pattern;
static char error[256];

static enum zsip_status parse(const char *text, uint32_t number_max)
{
    error[0] = '\0';
    return load_pattern_parse_uri(text, number_max, &pattern, error, sizeof error);
}

static void expect(uint32_t number, const char *text)
{
    uint8_t out[LOAD_PATTERN_BYTES_MAX];
    size_t length = load_pattern_write(&pattern, number, out);

    cr_assert_eq(length, strlen(text));
    cr_assert_arr_eq(out, text, length, "%.*s", (int)length, (const char *)out);
}

static void refused(const char *text, uint32_t number_max, const char *word)
{
    cr_assert_eq(parse(text, number_max), ZSIP_ERROR_ARGUMENT, "%s", text);
    cr_assert_not_null(strstr(error, word), "%s: %s", text, error);
    cr_assert_null(strchr(error, '\n'));
}

Test(pattern, a_number_has_a_fixed_width)
{
    cr_assert_eq(parse("sip:user%06d@example.com", 999999), ZSIP_OK, "%s", error);
    expect(0, "sip:user000000@example.com");
    expect(42, "sip:user000042@example.com");
    expect(999999, "sip:user999999@example.com");
}

Test(pattern, several_numbers_are_the_same_number)
{
    cr_assert_eq(parse("sip:%03d@h%02d.example.com;x=%01d", 9), ZSIP_OK, "%s", error);
    expect(7, "sip:007@h07.example.com;x=7");
}

Test(pattern, without_a_number_it_is_one_name)
{
    cr_assert_eq(parse("sip:bob@example.com", 1000), ZSIP_OK, "%s", error);
    cr_assert_eq(pattern.gap_count, 0);
    expect(77, "sip:bob@example.com");
}

Test(pattern, escapes_of_a_uri_stay)
{
    cr_assert_eq(parse("sip:a%40b%20c%02d%dE@example.com", 9), ZSIP_OK, "%s", error);
    expect(5, "sip:a%40b%20c05%dE@example.com");
}

Test(pattern, a_number_without_a_fixed_width_is_refused_with_what_to_write)
{
    refused("sip:user%d@example.com", 4999, "%04d");
    refused("sip:user%6d@example.com", 4999, "%04d");
    refused("sip:user%02d@example.com", 100, "%03d");
}

Test(pattern, what_is_no_pattern_is_refused)
{
    refused("sip:user%x@example.com", 1, "%");
    refused("sip:user%", 1, "%");
    refused("sip:user%010d@example.com", 1, "%01d");
    refused("sip:%01d%01d%01d%01d%01d@example.com", 1, "more than");
    refused("user%03d", 1, "URI");
    refused("sip:user %03d@example.com", 1, "URI");
    refused("sip:user%03d@example.com\r\nX: y", 1, "URI");
    refused("", 1, "URI");
}

Test(pattern, the_longest_is_bounded)
{
    char text[400];

    memset(text, 'a', sizeof text);
    memcpy(text, "sip:", 4);
    text[LOAD_PATTERN_BYTES_MAX] = '\0';
    cr_assert_eq(parse(text, 1), ZSIP_OK);
    memcpy(text + LOAD_PATTERN_BYTES_MAX, "a", 2);
    refused(text, 1, "bytes");
    memcpy(text + LOAD_PATTERN_BYTES_MAX - 2, "%09d", 5);
    refused(text, 1, "bytes");
}
