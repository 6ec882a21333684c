/* The requests of the load engine, read by the parser. */
#include "bench/load/template.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint8_t out[70000];
static struct zsip_msg msg;

static struct zsip_view branch(char letter)
{
    static char text[256];

    memset(text, letter, sizeof text);
    memcpy(text, "z9hG4bK", 7);
    return (struct zsip_view){(const uint8_t *)text, zsip_branch_bytes()};
}

static struct load_template make(enum zsip_method method, const char *proxy, uint32_t body_bytes)
{
    const struct load_template_config config = {
        .method = method,
        .domain = "192.0.2.1:5060",
        .sent_by = "[2001:db8::1]:40000",
        .proxy = proxy,
        .body_bytes = body_bytes,
        .run = 0x1234,
    };
    struct load_template template;

    cr_assert_eq(load_template_make(&template, &config), ZSIP_OK);
    return template;
}

static size_t write_and_parse(const struct load_template *template, uint64_t sequence,
                              uint32_t user)
{
    size_t bytes = load_template_write(template, sequence, user, branch('a'), out, sizeof out);

    cr_assert_gt(bytes, 0);
    cr_assert_eq(zsip_parse(&msg, out, bytes, ZSIP_PARSE_STREAM), ZSIP_OK, "%s at %u",
                 msg.fault.rule, msg.fault.offset);
    cr_assert_eq(msg.body_offset + msg.body_bytes, bytes);
    return bytes;
}

static void expect(struct zsip_slice slice, const char *text)
{
    struct zsip_view view = zsip_msg_view(&msg, slice);

    cr_assert_eq(view.length, strlen(text), "%.*s", (int)view.length, (const char *)view.data);
    cr_assert_arr_eq(view.data, text, view.length);
}

Test(template, a_message_says_what_it_must)
{
    struct load_template template = make(ZSIP_METHOD_MESSAGE, NULL, 32);

    write_and_parse(&template, 0xabc, 77);
    cr_assert_eq(msg.method, ZSIP_METHOD_MESSAGE);
    expect(msg.request_uri.whole, "sip:u00000077@192.0.2.1:5060");
    expect(msg.to.uri, "sip:u00000077@192.0.2.1:5060");
    expect(msg.from.uri, "sip:load@[2001:db8::1]");
    expect(msg.via.sent_by, "[2001:db8::1]:40000");
    expect(msg.call_id, "0000000000001234-0000000000000abc");
    cr_assert(msg.via.flags & ZSIP_VIA_RPORT);
    cr_assert_eq(msg.max_forwards, 70);
    cr_assert_eq(msg.body_bytes, 32);
    cr_assert(!zsip_msg_has(&msg, ZSIP_HEADER_CONTACT)); /* RFC 3428 section 4 */
    cr_assert(!zsip_msg_has(&msg, ZSIP_HEADER_ROUTE));
    load_template_drop(&template);
}

Test(template, every_method_is_legal_with_and_without_a_route)
{
    static const enum zsip_method methods[] = {ZSIP_METHOD_MESSAGE, ZSIP_METHOD_OPTIONS,
                                               ZSIP_METHOD_REGISTER};

    for (unsigned i = 0; i < 3; i++) {
        for (unsigned routed = 0; routed < 2; routed++) {
            struct load_template template =
                make(methods[i], routed ? "192.0.2.9:5070" : NULL, 100 * i);

            write_and_parse(&template, UINT64_MAX, LOAD_USERS_MAX - 1);
            cr_assert_eq(msg.method, methods[i]);
            cr_assert_eq(zsip_msg_has(&msg, ZSIP_HEADER_ROUTE), routed == 1);
            expect(msg.to.uri, "sip:u99999999@192.0.2.1:5060");
            load_template_drop(&template);
        }
    }
}

Test(template, a_register_names_the_domain_and_binds_a_contact)
{
    struct load_template template = make(ZSIP_METHOD_REGISTER, NULL, 0);

    write_and_parse(&template, 1, 5);
    expect(msg.request_uri.whole, "sip:192.0.2.1:5060");
    expect(msg.from.uri, "sip:u00000005@192.0.2.1:5060");
    cr_assert(zsip_msg_has(&msg, ZSIP_HEADER_CONTACT));
    load_template_drop(&template);
}

Test(template, the_same_request_is_written_the_same_again)
{
    static uint8_t again[sizeof out];
    struct load_template template = make(ZSIP_METHOD_MESSAGE, NULL, 400);
    size_t bytes = load_template_write(&template, 9, 3, branch('b'), out, sizeof out);

    load_template_write(&template, 10, 4, branch('c'), again, sizeof again);
    cr_assert_arr_neq(out, again, bytes);
    cr_assert_eq(load_template_write(&template, 9, 3, branch('b'), again, sizeof again), bytes);
    cr_assert_arr_eq(out, again, bytes);
    load_template_drop(&template);
}

Test(template, padding_stands_behind_the_colon_of_the_last_field)
{
    struct load_template template = make(ZSIP_METHOD_MESSAGE, NULL, 32);
    size_t bytes = load_template_write(&template, 9, 3, branch('b'), out, sizeof out);

    cr_assert_eq(out[template.pad_at - 1], ':');
    memmove(out + template.pad_at + 17, out + template.pad_at, bytes - template.pad_at);
    memset(out + template.pad_at, ' ', 17);
    cr_assert_eq(zsip_parse(&msg, out, bytes + 17, 0), ZSIP_OK);
    cr_assert_eq(msg.content_length, 32);
    cr_assert_eq(msg.headers[msg.header_count - 1].id, ZSIP_HEADER_CONTENT_LENGTH);
    load_template_drop(&template);
}

Test(template, nothing_is_written_where_it_does_not_fit)
{
    struct load_template template = make(ZSIP_METHOD_MESSAGE, NULL, 32);

    cr_assert_eq(load_template_write(&template, 1, 1, branch('a'), out, template.bytes - 1), 0);
    cr_assert_eq(load_template_write(&template, 1, 1, branch('a'), out, template.bytes),
                 template.bytes);
    load_template_drop(&template);
}

Test(template, more_than_a_datagram_is_refused)
{
    const struct load_template_config config = {
        .method = ZSIP_METHOD_MESSAGE, .domain = "a", .sent_by = "b", .body_bytes = 65500};
    struct load_template template;

    cr_assert_eq(load_template_make(&template, &config), ZSIP_ERROR_SIZE);
}
