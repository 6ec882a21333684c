/* The requests of the load engine, read by the parser. */
#include "bench/load/template.h"

#include <criterion/criterion.h>
#include <stdio.h>
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

static uint8_t filler[70000];
static char error[300];

static struct load_template_config base(enum zsip_method method)
{
    memset(filler, 'x', sizeof filler);
    return (struct load_template_config){
        .method = method,
        .domain = "192.0.2.1:5060",
        .sent_by = "[2001:db8::1]:40000",
        .users = LOAD_USERS_MAX,
        .run = 0x1234,
    };
}

static struct load_template made(const struct load_template_config *config)
{
    struct load_template template;

    cr_assert_eq(load_template_make(&template, config, error, sizeof error), ZSIP_OK, "%s", error);
    return template;
}

static size_t write_one(const struct load_template *template, uint64_t sequence, uint32_t user,
                        char letter, uint8_t *to, size_t capacity)
{
    const struct load_words words = {
        .sequence = sequence, .user = user, .sender = user + 1, .cseq = 1, .stamp_ns = 0xbeef};
    uint32_t pad_at;

    return load_template_write(template, &words, branch(letter), to, capacity, &pad_at);
}

static struct load_template make(enum zsip_method method, const char *proxy, uint32_t body_bytes)
{
    struct load_template_config config = base(method);

    config.proxy = proxy;
    config.body = (struct zsip_view){filler, body_bytes};
    return made(&config);
}

static size_t write_and_parse(const struct load_template *template, uint64_t sequence,
                              uint32_t user)
{
    size_t bytes = write_one(template, sequence, user, 'a', out, sizeof out);

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

/* The buffer is used again and again: the end of a line that stood where the length comes is no
 * part of the head's end. */
Test(template, lengths_are_right_over_whatever_stood_there)
{
    struct load_template_config config = base(ZSIP_METHOD_MESSAGE);
    struct load_template template;

    config.auth = true; /* no fixed width */
    config.body = (struct zsip_view){filler, 32};
    template = made(&config);
    for (unsigned shift = 0; shift < 4; shift++) {
        for (size_t i = 0; i < sizeof out; i++)
            out[i] = "\r\n\r\n"[(i + shift) % 4];
        write_and_parse(&template, 7, 3);
        cr_assert_eq(msg.body_bytes, 32);
    }
    load_template_drop(&template);
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
    size_t bytes = write_one(&template, 9, 3, 'b', out, sizeof out);

    write_one(&template, 10, 4, 'c', again, sizeof again);
    cr_assert_arr_neq(out, again, bytes);
    cr_assert_eq(write_one(&template, 9, 3, 'b', again, sizeof again), bytes);
    cr_assert_arr_eq(out, again, bytes);
    load_template_drop(&template);
}

Test(template, padding_stands_behind_the_colon_of_the_last_field)
{
    struct load_template template = make(ZSIP_METHOD_MESSAGE, NULL, 32);
    size_t bytes = write_one(&template, 9, 3, 'b', out, sizeof out);

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

    cr_assert_eq(write_one(&template, 1, 1, 'a', out, template.bytes - 1), 0);
    cr_assert_eq(write_one(&template, 1, 1, 'a', out, template.bytes), template.bytes);
    load_template_drop(&template);
}

Test(template, more_than_a_datagram_is_refused)
{
    struct load_template_config config = base(ZSIP_METHOD_MESSAGE);
    struct load_template template;

    config.body = (struct zsip_view){filler, 65500};
    cr_assert_eq(load_template_make(&template, &config, error, sizeof error), ZSIP_ERROR_SIZE);
    config.body.length = sizeof filler;
    cr_assert_eq(load_template_make(&template, &config, error, sizeof error), ZSIP_ERROR_SIZE);
}

/* ---- What a user writes ---------------------------------------------------------------------- */

Test(template, names_from_patterns_keep_their_width)
{
    struct load_template_config config = base(ZSIP_METHOD_MESSAGE);
    struct load_template template;

    config.to = "sip:bob%04d@example.com";
    config.from = "sip:alice%06d@example.org";
    config.users = 10000;
    config.headers = "X-Number: [sequence]\r\nX-From: [sender]\r\n";
    template = made(&config);
    cr_assert(template.fixed);
    write_and_parse(&template, 0x2a, 77);
    expect(msg.request_uri.whole, "sip:bob0077@example.com");
    expect(msg.to.uri, "sip:bob0077@example.com");
    expect(msg.from.uri, "sip:alice000078@example.org");
    cr_assert_not_null(strstr((char *)out, "X-Number: 000000000000002a\r\nX-From: 00000078\r\n"));
    load_template_drop(&template);
}

Test(template, any_method_by_its_name)
{
    struct load_template_config config = base(ZSIP_METHOD_UNKNOWN);
    struct load_template template;

    config.method_name = "PLUGH";
    template = made(&config);
    write_and_parse(&template, 1, 1);
    expect(msg.method_name, "PLUGH");
    load_template_drop(&template);
}

Test(template, a_text_of_the_users_own)
{
    struct load_template_config config = base(ZSIP_METHOD_MESSAGE);
    struct load_template template;

    config.text =
        "MESSAGE [to] SIP/2.0\r\nVia: SIP/2.0/[transport] [sent_by];rport;branch=[branch]"
        "\r\nFrom: <[from]>;tag=[tag]\r\nTo: <[to]>\r\nCall-ID: [call_id]\r\n"
        "CSeq: [cseq] MESSAGE\r\nMax-Forwards: 9\r\nContent-Type: application/json\r\n"
        "Content-Length: [len]\r\n\r\n{\"a\": [1, 2], \"b\": \"\\[user]\", \"c\": [user]}";
    template = made(&config);
    write_and_parse(&template, 3, 12345);
    cr_assert_eq(msg.max_forwards, 9);
    cr_assert_not_null(strstr((char *)out, "{\"a\": [1, 2], \"b\": \"[user]\", \"c\": 00012345}"));
    load_template_drop(&template);
}

Test(template, what_is_wrong_is_told)
{
    static const char good[] = "MESSAGE [to] SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=[branch]\r\n"
                               "From: <[from]>;tag=[tag]\r\nTo: <[to]>\r\nCall-ID: [call_id]\r\n"
                               "CSeq: [cseq] MESSAGE\r\nMax-Forwards: 9\r\n";
    static const struct {
        const char *more, *why;
    } wrong[] = {
        {"X: [nonsense]\r\n\r\n", "t.txt:8: [nonsense] is no keyword"},
        {"X: [field0]\r\n\r\n", "--inf"},
        {"X;\r\n\r\n", "t.txt:8: not a request"},
        {"Content-Length: 3\r\n\r\nfour", "write [len]"},
        {"", "not a request"},
    };
    struct load_template_config config = base(ZSIP_METHOD_MESSAGE);
    struct load_template template;
    char text[1024];

    config.text = text;
    config.text_name = "t.txt";
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(text, sizeof text, "%s%s", good, wrong[i].more);
        cr_assert_eq(load_template_make(&template, &config, error, sizeof error),
                     ZSIP_ERROR_ARGUMENT, "%s", wrong[i].more);
        cr_assert_not_null(strstr(error, wrong[i].why), "%s", error);
    }
    config.text = "OPTIONS sip:a SIP/2.0\r\n\r\n";
    cr_assert_eq(load_template_make(&template, &config, error, sizeof error), ZSIP_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(error, "[branch]"));
    config.text = NULL;
    config.to = "sip:u%04d@a";
    cr_assert_eq(load_template_make(&template, &config, error, sizeof error), ZSIP_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(error, "write %08d"), "%s", error);
    config.to = "sip:[to]@a";
    cr_assert_eq(load_template_make(&template, &config, error, sizeof error), ZSIP_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(error, "within itself"), "%s", error);
}

Test(template, sizes_are_drawn_and_characters_kept_whole)
{
    static uint32_t sizes[LOAD_SIZES];
    static const char text[] = "aé€😀aé€😀aé€😀aé€😀aé€😀aé€😀";
    struct load_template_config config = base(ZSIP_METHOD_MESSAGE);
    struct load_template template;
    unsigned seen = 0, short_ones = 0;

    for (unsigned i = 0; i < LOAD_SIZES; i++)
        sizes[i] = i * (sizeof text - 1) / (LOAD_SIZES - 1);
    config.sizes = sizes;
    config.utf8 = true;
    config.body = (struct zsip_view){(const uint8_t *)text, sizeof text - 1};
    template = made(&config);
    cr_assert_not(template.fixed);
    for (uint64_t i = 0; i < 2000; i++) {
        const uint8_t *body;
        size_t at = 0;

        write_and_parse(&template, i, 1);
        body = out + msg.body_offset;
        while (at < msg.body_bytes && body[at] != '.') {
            static const uint8_t lengths[] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 3, 4};

            cr_assert_gt(lengths[body[at] >> 4], 0);
            at += lengths[body[at] >> 4];
            cr_assert_leq(at, msg.body_bytes);
        }
        seen += msg.body_bytes;
        short_ones += msg.body_bytes < 20;
    }
    /* Uniform up to 60 bytes: 30 on average, a third below 20. */
    cr_assert_float_eq(seen / 2000.0, 30, 2);
    cr_assert_float_eq(short_ones / 2000.0, 0.33, 0.06);
    load_template_drop(&template);
}

Test(template, a_stamp_says_which_request_and_when)
{
    struct load_template_config config = base(ZSIP_METHOD_MESSAGE);
    struct load_template template;

    config.stamped = true;
    template = made(&config);
    write_and_parse(&template, 0x2a, 1);
    cr_assert_eq(msg.body_bytes, LOAD_STAMP_BYTES);
    cr_assert_arr_eq(out + msg.body_offset,
                     "zsip 0000000000001234 000000000000002a 000000000000beef\n", LOAD_STAMP_BYTES);
    load_template_drop(&template);
}
