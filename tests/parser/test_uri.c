/* URIs compared, RFC 3261 section 19.1.4: its own examples, and the rules one by one. Each pair is
 * also judged against the reference, both ways round.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool equal(const char *a, const char *b)
{
    struct zsip_uri x, y;
    struct zsip_slice a_slice = {0, (uint16_t)strlen(a)}, b_slice = {0, (uint16_t)strlen(b)};
    const uint8_t *a_base = (const uint8_t *)a, *b_base = (const uint8_t *)b;
    cr_assert_eq(zsip_uri_parse(a_base, a_slice, &x, NULL), ZSIP_OK, "%s", a);
    cr_assert_eq(zsip_uri_parse(b_base, b_slice, &y, NULL), ZSIP_OK, "%s", b);
    const char *what = judge_uris(a_base, strlen(a), b_base, strlen(b));
    cr_expect(what == NULL, "%s and %s: %s", a, b, what);
    return zsip_uri_equal(a_base, &x, b_base, &y);
}

#define SAME(a, b)  cr_expect(equal(a, b), "%s and %s are the same", a, b)
#define OTHER(a, b) cr_expect(!equal(a, b), "%s and %s are not the same", a, b)

Test(uri, examples_of_the_rfc_that_are_equal)
{
    SAME("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp");
    SAME("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5");
    SAME("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on");
    SAME("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
         "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com");
    SAME("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
         "sip:alice@atlanta.com?priority=urgent&subject=project%20x");
}

Test(uri, examples_of_the_rfc_that_are_not_equal)
{
    OTHER("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP");
    OTHER("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060");
    OTHER("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp");
    OTHER("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp");
    OTHER("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting");
    OTHER("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4");
}

Test(uri, equality_is_not_transitive)
{
    SAME("sip:carol@chicago.com", "sip:carol@chicago.com;security=on");
    SAME("sip:carol@chicago.com", "sip:carol@chicago.com;security=off");
    OTHER("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off");
}

Test(uri, sip_and_sips_differ)
{
    OTHER("sip:a@b.example", "sips:a@b.example");
}

Test(uri, users_and_passwords_compare_with_case)
{
    OTHER("sip:a:x@b.example", "sip:a:X@b.example");
    OTHER("sip:a@b.example", "sip:A@b.example");
    SAME("sip:a@b.example", "sip:a@B.EXAMPLE");
}

Test(uri, what_is_missing_is_not_what_is_empty_or_default)
{
    OTHER("sip:a:@b.example", "sip:a@b.example");
    OTHER("sip:b.example", "sip:a@b.example");
    OTHER("sip:b.example;ttl=1", "sip:b.example");
    OTHER("sip:b.example;user=ip", "sip:b.example");
    OTHER("sip:b.example;method=INVITE", "sip:b.example");
    OTHER("sip:b.example;maddr=c.example", "sip:b.example");
    SAME("sip:b.example;lr", "sip:b.example");
    OTHER("sip:b.example;lr", "sip:b.example;lr=on");
}

Test(uri, an_escape_equals_its_character_unless_reserved)
{
    SAME("sip:%41%6c@b.example", "sip:Al@b.example");
    SAME("sip:%c3%A9@b.example", "sip:%C3%a9@b.example");
    OTHER("sip:a%3Bb@c.example", "sip:a;b@c.example");
    OTHER("sip:a%40b@c.example", "sip:a@c.example");
    SAME("sip:b.example;x=%61", "sip:b.example;X=A");
    OTHER("sip:b.example;us%65r=phone", "sip:b.example");
    SAME("sip:b.example;us%65r=phone", "sip:b.example;user=phone");
}

/* Each of RFC 2396 section 2.2, and the brackets, in each part that holds it unescaped, too: it may
 * mean something there, so its escape is another text. "@" stands nowhere by itself. */
Test(uri, an_escaped_reserved_character_is_another)
{
    static const struct {
        const char *before, *characters, *behind;
    } parts[] = {
        {"sip:a", ";/?&=+$,", "b@c.example"},
        {"sip:a:x", "&=+$,", "b@c.example"},
        {"sip:c.example;x=y", "[]/:&+$", ";z"},
        {"sip:c.example?x=y", "[]/?:+$", "&z=1"},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (const char *c = parts[i].characters; *c != 0; c++) {
            char plain[64], escaped[64];
            snprintf(plain, sizeof(plain), "%s%c%s", parts[i].before, *c, parts[i].behind);
            snprintf(escaped, sizeof(escaped), "%s%%%02X%s", parts[i].before, (unsigned)*c,
                     parts[i].behind);
            SAME(plain, plain);
            SAME(escaped, escaped);
            OTHER(plain, escaped);
        }
    }
}

/* C strings would end there. */
Test(uri, an_escaped_nul_ends_nothing)
{
    OTHER("sip:%00@host5.example.com", "sip:%00%00@host5.example.com");
    OTHER("sip:a%00b@c.example", "sip:a%00c@c.example");
    SAME("sip:a%00b@c.example", "sip:a%00b@C.example");
}

/* The bit of case means nothing in what is no letter, escaped or not. */
Test(uri, only_letters_have_a_case)
{
    for (unsigned byte = 0x20; byte < 0x80; byte++) {
        char a[64], b[64];
        bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        snprintf(a, sizeof(a), "sip:b.example;x=%%%02X", byte);
        snprintf(b, sizeof(b), "sip:b.example;x=%%%02X", byte ^ 0x20);
        cr_expect_eq(equal(a, b), letter, "%s and %s", a, b);
    }
    OTHER("sip:b.example;x=[", "sip:b.example;x=%7B");
    OTHER("sip:b.example;x=]", "sip:b.example;x=%7D");
    OTHER("sip:b.example;x=~", "sip:b.example;x=%5E");
    OTHER("sip:b.example;x=_", "sip:b.example;x=%7F");
}

Test(uri, ports_compare_as_numbers)
{
    SAME("sip:b.example:5060", "sip:b.example:0005060");
    OTHER("sip:b.example:5060", "sip:b.example:5061");
}

Test(uri, headers_are_never_ignored)
{
    OTHER("sip:b.example?a=1", "sip:b.example");
    OTHER("sip:b.example?a=1", "sip:b.example?a=1&b=2");
    SAME("sip:b.example?A=x&b=y", "sip:b.example?B=Y&a=X");
}

/* No URI may have one twice (section 19.1.1); where one has, it is the first that counts. */
Test(uri, of_a_parameter_twice_the_first_counts)
{
    SAME("sip:b.example;x=1;x=1", "sip:b.example;x=1");
    OTHER("sip:b.example;x=1;x=2", "sip:b.example;x=2");
    OTHER("sip:b.example;user=ip;user=phone", "sip:b.example;user=phone");
}

/* A field may stand in several headers: each of one URI is one of the other, whatever their order.
 */
Test(uri, a_header_may_stand_several_times)
{
    SAME("sip:b.example?a=1&a=2", "sip:b.example?a=2&a=1");
    SAME("sip:b.example?a=1&c=x&a=2&a=3", "sip:b.example?a=3&a=2&a=1&c=x");
    OTHER("sip:b.example?a=1&a=2", "sip:b.example?a=1&a=3");
    OTHER("sip:b.example?a=1&a=2", "sip:b.example?a=2");
}

Test(uri, other_schemes_compare_by_bytes)
{
    SAME("tel:+1234", "tel:+1234");
    OTHER("tel:+1234", "tel:+1-234");
    OTHER("mailto:a@b", "MAILTO:a@b");
    OTHER("sip:a@b.example", "im:a@b.example");
}

/* Long parameter lists would cost the product of their lengths; beyond a bound only bytes count. */
Test(uri, very_long_parameter_lists_are_compared_by_bytes)
{
    static char a[8000], b[8000];
    strcpy(a, "sip:b.example");
    while (strlen(a) < 7900) {
        strcat(a, ";x");
    }
    strcpy(b, a);
    struct zsip_uri x, y;
    struct zsip_slice slice = {0, (uint16_t)strlen(a)};
    const uint8_t *a_base = (const uint8_t *)a, *b_base = (const uint8_t *)b;
    cr_assert_eq(zsip_uri_parse(a_base, slice, &x, NULL), ZSIP_OK);
    cr_assert_eq(zsip_uri_parse(b_base, slice, &y, NULL), ZSIP_OK);
    cr_expect(zsip_uri_equal(a_base, &x, b_base, &y));
    b[strlen(b) - 1] = 'y';
    cr_expect(!zsip_uri_equal(a_base, &x, b_base, &y));
}
