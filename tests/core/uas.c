/* The server side of the endpoint, each test named by what it claims. */
#include "tests/core/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct world world;

static void open_world(void)
{
    world_init(&world);
    world_open(&world);
}

static void close_world(void)
{
    world_close(&world);
}

TestSuite(uas, .init = open_world, .fini = close_world);

/* Opens the world again with a changed configuration. */
static void reopen(void)
{
    world_close(&world);
    world_open(&world);
}

static struct zsip_endpoint_stats stats(void)
{
    struct zsip_endpoint_stats now = {.struct_bytes = sizeof(now)};
    zsip_endpoint_stats(world.endpoint, &now);
    return now;
}

/* text with the first occurrence of one piece replaced; in a static buffer. */
static const char *with(const char *text, const char *piece, const char *other)
{
    static char out[2][8192];
    static unsigned turn;
    char *to = out[turn++ % 2];
    const char *at = strstr(text, piece);
    cr_assert(at != NULL, "%s", piece);
    snprintf(to, sizeof(out[0]), "%.*s%s%s", (int)(at - text), text, other, at + strlen(piece));
    return to;
}

static const char *message(void)
{
    return world_message("z9hG4bK1", "c1", "", "Watson, come here.");
}

Test(uas, message_gets_200_with_what_the_response_repeats)
{
    world_receive(&world, message());
    EXPECT_CODE(&world, 200);
    const char *sent = world.sent[0];
    cr_assert_str_eq(world_line(sent, "Via"), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1");
    cr_assert_str_eq(world_line(sent, "From"), "From: <sip:alice@example.com>;tag=a1");
    cr_assert_str_eq(world_line(sent, "Call-ID"), "Call-ID: c1");
    cr_assert_str_eq(world_line(sent, "CSeq"), "CSeq: 1 MESSAGE");
    cr_assert(strncmp(world_line(sent, "To"), "To: <sip:bob@example.com>;tag=", 30) == 0);
    cr_assert_str_eq(world_line(sent, "Content-Length"), "Content-Length: 0");
    cr_assert_str_eq(world_line(sent, "Contact"), "");
    cr_assert_str_eq(world.body, "Watson, come here.");
    cr_assert(!world.incoming.expired && world.incoming.expires_utc_s == INT64_MAX);
}

Test(uas, answer_parses_as_a_response)
{
    world_receive(&world, message());
    struct zsip_msg msg;
    cr_assert_eq(zsip_parse(&msg, (const uint8_t *)world.sent[0], strlen(world.sent[0]), 0),
                 ZSIP_OK);
    cr_assert_eq(msg.kind, ZSIP_KIND_RESPONSE);
    cr_assert_eq(msg.status_code, 200);
}

Test(uas, retransmission_gets_the_same_answer_and_the_application_nothing)
{
    char first[4096];
    world_receive(&world, message());
    strcpy(first, world.sent[0]);
    world_wait_ms(&world, 31000);
    world_receive(&world, message());
    EXPECT_CODE(&world, 200);
    cr_assert_str_eq(world.sent[0], first);
    cr_assert_eq(world.requests, 1);
    cr_assert_eq(stats().answers_repeated, 1);
}

Test(uas, after_timer_j_the_same_request_is_new)
{
    world_receive(&world, message());
    world_wait_ms(&world, 32001);
    world_receive(&world, message());
    cr_assert_eq(world.requests, 2);
}

Test(uas, answer_with_headers_of_the_application_is_repeated_from_the_log)
{
    char first[4096];
    world.answer.status = 404;
    world.answer.reason = ZSIP_VIEW("Nobody Of That Name");
    world.answer.headers = ZSIP_VIEW("X-Why: gone\r\n");
    world.answer.content_type = ZSIP_VIEW("text/plain");
    world.answer.body = ZSIP_VIEW("moved away");
    world_receive(&world, message());
    EXPECT_CODE(&world, 404);
    strcpy(first, world.sent[0]);
    cr_assert(strncmp(first, "SIP/2.0 404 Nobody Of That Name\r\n", 33) == 0);
    cr_assert_str_eq(world_line(first, "X-Why"), "X-Why: gone");
    cr_assert(strstr(first, "Content-Length: 10\r\n\r\nmoved away") != NULL);
    world_receive(&world, message());
    cr_assert_str_eq(world.sent[0], first);
}

Test(uas, received_is_added_when_sent_by_is_not_the_source)
{
    world_receive(&world, with(message(), "192.0.2.1:5060", "client.example.com:5062"));
    cr_assert_str_eq(world_line(world.sent[0], "Via"),
                     "Via: SIP/2.0/UDP client.example.com:5062;branch=z9hG4bK1;received=192.0.2.1");
    cr_assert_eq(world.sent_path[0].remote.port, 5062); /* RFC 3261 section 18.2.2 */
}

Test(uas, rport_is_filled_and_answered_to)
{
    world.path.remote.port = 40001;
    world_receive(&world, with(message(), "branch=", "rport;branch="));
    cr_assert_str_eq(world_line(world.sent[0], "Via"),
                     "Via: SIP/2.0/UDP 192.0.2.1:5060;rport=40001;branch=z9hG4bK1;"
                     "received=192.0.2.1");
    cr_assert_eq(world.sent_path[0].remote.port, 40001);
}

Test(uas, without_rport_the_answer_goes_to_the_port_of_sent_by)
{
    world.path.remote.port = 40001;
    world_receive(&world, message());
    cr_assert_eq(world.sent_path[0].remote.port, 5060);
}

Test(uas, received_from_the_peer_is_not_believed)
{
    world_receive(&world, with(message(), "branch=", "received=203.0.113.7;rport;branch="));
    cr_assert_str_eq(world_line(world.sent[0], "Via"),
                     "Via: SIP/2.0/UDP 192.0.2.1:5060;rport=5060;branch=z9hG4bK1;"
                     "received=192.0.2.1");
}

Test(uas, maddr_is_ignored_unless_asked_for)
{
    const char *text = with(message(), "branch=", "maddr=203.0.113.7;branch=");
    world_receive(&world, text);
    cr_assert_eq(world.sent_path[0].remote.ip[0], 192);
    world.config.maddr = true;
    reopen();
    world_receive(&world, text);
    cr_assert_eq(world.sent_path[0].remote.ip[0], 203);
}

Test(uas, ipv6_source_is_named_without_brackets)
{
    static const uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x10};
    memcpy(world.path.remote.ip, ip, 16);
    world.path.remote.family = ZSIP_FAMILY_IPV6;
    world_receive(&world, with(message(), "branch=", "rport;branch="));
    cr_assert(strstr(world.sent[0], ";received=2001:db8::10\r\n") != NULL, "%s", world.sent[0]);
}

Test(uas, all_vias_are_repeated_in_order)
{
    world_receive(&world, with(message(), "Max-Forwards",
                               "Via: SIP/2.0/TCP a.example.com;branch=z9hG4bKa, SIP/2.0/UDP "
                               "b.example.com;branch=z9hG4bKb\r\nMax-Forwards"));
    EXPECT_CODE(&world, 200);
    const char *second = strstr(world.sent[0], "a.example.com");
    cr_assert(second != NULL && strstr(second, "b.example.com") != NULL);
    cr_assert(strstr(world.sent[0], "z9hG4bK1") < second);
}

/* ---- RFC 3261 section 8.2 in its order ---- */

Test(uas, known_method_that_is_not_served_gets_405_with_allow)
{
    const char *text =
        with(with(message(), "MESSAGE sip", "SUBSCRIBE sip"), "1 MESSAGE", "1 SUBSCRIBE");
    world_receive(&world, text);
    EXPECT_CODE(&world, 405);
    cr_assert_str_eq(world_line(world.sent[0], "Allow"), "Allow: MESSAGE, OPTIONS, CANCEL, ACK");
    cr_assert_eq(world.requests, 0);
}

Test(uas, invite_gets_405_without_a_transaction)
{
    const char *text = with(with(message(), "MESSAGE sip", "INVITE sip"), "1 MESSAGE", "1 INVITE");
    world_receive(&world, text);
    EXPECT_CODE(&world, 405);
    cr_assert_eq(stats().completed_now, 0);
}

Test(uas, unknown_method_gets_501)
{
    world_receive(&world,
                  with(with(message(), "MESSAGE sip", "message sip"), "1 MESSAGE", "1 message"));
    EXPECT_CODE(&world, 501);
}

Test(uas, a_method_by_name_can_be_served)
{
    world.config.methods = ZSIP_VIEW("MESSAGE, FROB");
    reopen();
    world_receive(&world, with(with(message(), "MESSAGE sip", "FROB sip"), "1 MESSAGE", "1 FROB"));
    EXPECT_CODE(&world, 200);
}

Test(uas, any_method_reaches_the_application_if_told_so)
{
    world.config.methods_any = true;
    reopen();
    world_receive(&world, with(with(message(), "MESSAGE sip", "FROB sip"), "1 MESSAGE", "1 FROB"));
    EXPECT_CODE(&world, 200);
}

Test(uas, request_uri_of_a_strange_scheme_gets_416_a_strange_to_does_not)
{
    world_receive(&world, with(message(), "MESSAGE sip:bob@example.com", "MESSAGE soap:x"));
    EXPECT_CODE(&world, 416);
    world_receive(&world, with(with(message(), "To: <sip:bob@example.com>", "To: <isbn:2983>"),
                               "Call-ID: c1", "Call-ID: c2"));
    EXPECT_CODE(&world, 200);
}

Test(uas, second_way_of_one_request_gets_482)
{
    world_receive(&world, message());
    world_receive(&world, with(message(), "z9hG4bK1", "z9hG4bK2"));
    EXPECT_CODE(&world, 482);
    world_receive(&world, with(message(), "z9hG4bK1", "z9hG4bK2"));
    EXPECT_CODE(&world, 482); /* recorded: a late copy is not accepted */
    cr_assert_eq(world.requests, 1);
    cr_assert_eq(stats().merged, 1);
}

Test(uas, second_way_is_accepted_by_option)
{
    world.config.merged = ZSIP_MERGED_ACCEPT;
    reopen();
    world_receive(&world, message());
    world_receive(&world, with(message(), "z9hG4bK1", "z9hG4bK2"));
    EXPECT_CODE(&world, 200);
    cr_assert_eq(world.requests, 2);
}

Test(uas, require_gets_420_that_names_what_is_unsupported)
{
    const char *text =
        world_message("z9hG4bK1", "c1", "Require: 100rel, foo\r\nRequire: bar\r\n", "x");
    world_receive(&world, text);
    EXPECT_CODE(&world, 420);
    cr_assert_str_eq(world_line(world.sent[0], "Unsupported"), "Unsupported: 100rel, foo, bar");
}

Test(uas, content_that_is_not_accepted_gets_415_with_what_is)
{
    world.config.accept = ZSIP_VIEW("message/cpim, application/*");
    reopen();
    world_receive(&world, message());
    EXPECT_CODE(&world, 415);
    cr_assert_str_eq(world_line(world.sent[0], "Accept"), "Accept: message/cpim, application/*");
    cr_assert_str_eq(world_line(world.sent[0], "Accept-Encoding"), "Accept-Encoding: identity");
    cr_assert_str_eq(world_line(world.sent[0], "Accept-Language"), "Accept-Language: *");
    world_receive(&world, with(with(message(), "text/plain", "Application/Foo"), "c1", "c2"));
    EXPECT_CODE(&world, 200);
}

Test(uas, encoded_content_gets_415_unless_it_is_optional)
{
    world_receive(&world, world_message("z9hG4bK1", "c1", "Content-Encoding: gzip\r\n", "x"));
    EXPECT_CODE(&world, 415);
    world_receive(&world, world_message("z9hG4bK2", "c2",
                                        "Content-Encoding: gzip\r\n"
                                        "Content-Disposition: render;handling=optional\r\n",
                                        "x"));
    EXPECT_CODE(&world, 200);
}

Test(uas, to_tag_without_a_dialog_gets_481_unless_the_application_takes_it)
{
    const char *text = with(message(), "To: <sip:bob@example.com>", "To: <sip:b@e.com>;tag=q");
    world_receive(&world, text);
    EXPECT_CODE(&world, 481);
    world.config.in_dialog = ZSIP_IN_DIALOG_ACCEPT;
    reopen();
    world_receive(&world, text);
    EXPECT_CODE(&world, 200);
    cr_assert(world.incoming.in_dialog);
    cr_assert_str_eq(world_line(world.sent[0], "To"), "To: <sip:b@e.com>;tag=q");
}

Test(uas, authentication_stands_before_everything)
{
    world.authenticate_refuses = true;
    world_receive(&world, with(with(message(), "MESSAGE sip", "FROB sip"), "1 MESSAGE", "1 FROB"));
    EXPECT_CODE(&world, 401);
    cr_assert_eq(world.answer_status, ZSIP_OK);
}

Test(uas, options_gets_200_with_capabilities)
{
    world.answer.status = 0; /* left alone by the application */
    world_receive(&world,
                  with(with(message(), "MESSAGE sip", "OPTIONS sip"), "1 MESSAGE", "1 OPTIONS"));
    EXPECT_CODE(&world, 200);
    cr_assert_str_eq(world_line(world.sent[0], "Allow"), "Allow: MESSAGE, OPTIONS, CANCEL, ACK");
    cr_assert_str_eq(world_line(world.sent[0], "Accept"), "Accept: */*");
    cr_assert(strstr(world.sent[0], "\r\nSupported:") != NULL);
}

Test(uas, request_nobody_answers_gets_500)
{
    world.answer.status = 0;
    world_receive(&world, message());
    EXPECT_CODE(&world, 500);
}

Test(uas, ack_is_never_answered_malformed_or_not)
{
    const char *text = with(with(message(), "MESSAGE sip", "ACK sip"), "1 MESSAGE", "1 ACK");
    world_receive(&world, text);
    cr_assert_eq(world.sent_count, 0);
    world_receive(&world, with(text, "CSeq: 1 ACK", "CSeq: x ACK"));
    cr_assert_eq(world.sent_count, 0);
    world_receive(&world, with(text, "Call-ID: c1\r\n", ""));
    cr_assert_eq(world.sent_count, 0);
}

Test(uas, cancel_of_a_message_gets_200_and_changes_nothing_else_481)
{
    world.hold = true;
    world_receive(&world, message());
    const char *cancel =
        with(with(message(), "MESSAGE sip", "CANCEL sip"), "1 MESSAGE", "1 CANCEL");
    world_receive(&world, cancel);
    EXPECT_CODE(&world, 200);
    world_receive(&world, with(cancel, "z9hG4bK1", "z9hG4bKother"));
    EXPECT_CODE(&world, 481);
    world.sent_count = 0;
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, world.held, &world.answer, world.now),
                 ZSIP_OK);
    world_take(&world);
    EXPECT_CODE(&world, 200);
}

Test(uas, expiry_is_date_plus_expires_or_receipt_plus_expires)
{
    world_receive(&world, world_message("z9hG4bK1", "c1", "Expires: 60\r\n", "x"));
    cr_assert_eq(world.incoming.expires_utc_s, world.now.utc_s + 60);
    cr_assert(!world.incoming.expired);
    world_receive(&world,
                  world_message("z9hG4bK2", "c2",
                                "Date: Sat, 13 Nov 2010 23:29:00 GMT\r\nExpires: 60\r\n", "x"));
    cr_assert_eq(world.incoming.expires_utc_s, 1289690940 + 60);
    cr_assert(world.incoming.expired);
}

/* ---- Held requests ---- */

Test(uas, held_request_is_answered_later_and_its_copies_dropped_until_then)
{
    world.hold = true;
    world_receive(&world, message());
    cr_assert_eq(world.sent_count, 0);
    world_receive(&world, message());
    cr_assert_eq(world.sent_count, 0);
    cr_assert_eq(world.requests, 1);
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, world.held, &world.answer, world.now),
                 ZSIP_OK);
    world_take(&world);
    EXPECT_CODE(&world, 200);
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, world.held, &world.answer, world.now),
                 ZSIP_ERROR_STALE);
    world_receive(&world, message());
    EXPECT_CODE(&world, 200);
}

Test(uas, held_request_gets_a_100_after_3500_ms_with_its_timestamp)
{
    world.hold = true;
    world_receive(&world, world_message("z9hG4bK1", "c1", "Timestamp: 54.21\r\n", "x"));
    world_wait_ms(&world, 3499);
    cr_assert_eq(world.sent_count, 0);
    world_wait_ms(&world, 2);
    EXPECT_CODE(&world, 100);
    cr_assert_str_eq(world_line(world.sent[0], "Timestamp"), "Timestamp: 54.21 3.5");
    world_receive(&world, world_message("z9hG4bK1", "c1", "Timestamp: 54.21\r\n", "x"));
    EXPECT_CODE(&world, 100);
}

Test(uas, held_request_that_is_never_answered_ends_silently_after_32_s)
{
    world.hold = true;
    world_receive(&world, message());
    world_wait_ms(&world, 32001);
    EXPECT_CODE(&world, 100); /* the one of RFC 4320, no 408 */
    cr_assert_eq(world.abandoned, 1);
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, world.held, &world.answer, world.now),
                 ZSIP_ERROR_STALE);
}

Test(uas, request_too_large_to_hold_gets_513)
{
    world.config.pending_bytes_max = 256;
    reopen();
    world.hold = true;
    world_receive(&world, with(message(), "Call-ID: c1",
                               "Call-ID: "
                               "0123456789012345678901234567890123456789012345678901234567890123456"
                               "789012345678901234567890123456789012345678901234567890123456789"));
    EXPECT_CODE(&world, 513);
    cr_assert_eq(world.hold_status, ZSIP_ERROR_TOO_LARGE);
}

/* ---- Answers that may not be ---- */

static enum zsip_status answer_refused(struct zsip_response answer)
{
    static unsigned serial;
    char branch[32];
    snprintf(branch, sizeof(branch), "z9hG4bKr%u", ++serial);
    answer.struct_bytes = sizeof(answer);
    world.answer = answer;
    world_receive(&world, world_message(branch, branch, "", "x"));
    EXPECT_CODE(&world, 500); /* what is left when the answer was refused */
    return world.answer_status;
}

Test(uas, answers_that_break_a_rule_are_refused)
{
    struct zsip_view body = ZSIP_VIEW("x");
    struct zsip_view type = ZSIP_VIEW("text/plain");
    cr_assert_eq(answer_refused((struct zsip_response){.status = 408}), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(answer_refused((struct zsip_response){.status = 180}), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(answer_refused((struct zsip_response){.status = 700}), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(answer_refused((struct zsip_response){.status = 401}), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(
        answer_refused((struct zsip_response){.status = 200, .content_type = type, .body = body}),
        ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(answer_refused((struct zsip_response){.status = 404, .body = body}),
                 ZSIP_ERROR_ARGUMENT);
    const char *headers[] = {
        "Contact: <sip:a@b>\r\n", "Via: x\r\n", "v: x\r\n",       "X: a",
        "X: a\r\n\r\nY: b\r\n",   "X a: b\r\n", "X: a\nY: b\r\n", " X: folded\r\n",
        "Content-Length: 5\r\n"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        struct zsip_view view = {(const uint8_t *)headers[i], strlen(headers[i])};
        cr_assert_eq(answer_refused((struct zsip_response){.status = 200, .headers = view}),
                     ZSIP_ERROR_ARGUMENT, "%s", headers[i]);
    }
    cr_assert_eq(
        answer_refused((struct zsip_response){.status = 200, .reason = ZSIP_VIEW("OK\r\nX: y")}),
        ZSIP_ERROR_ARGUMENT);
}

/* ---- Malformed ---- */

Test(uas, malformed_request_gets_400_that_names_the_fault)
{
    world_receive(&world, with(message(), "Call-ID: c1\r\n", ""));
    EXPECT_CODE(&world, 400);
    cr_assert(strncmp(world.sent[0], "SIP/2.0 400 Missing Call-ID\r\n", 29) == 0, "%s",
              world.sent[0]);
    world_receive(&world, with(message(), "Content-Length: 18", "Content-Length: 99"));
    EXPECT_CODE(&world, 400);
    world_receive(&world, with(message(), "SIP/2.0\r\nVia", "SIP/7.0\r\nVia"));
    EXPECT_CODE(&world, 505);
    cr_assert_eq(world.requests, 0);
    cr_assert_eq(stats().malformed_requests, 3);
}

Test(uas, request_with_a_broken_via_is_answered_to_its_source)
{
    world.path.remote.port = 40001;
    world_receive(&world, with(message(), ";branch=z9hG4bK1", ";;,;,,"));
    EXPECT_CODE(&world, 400);
    cr_assert_str_eq(world_line(world.sent[0], "Via"), "Via: SIP/2.0/UDP 192.0.2.1:5060;;,;,,");
    cr_assert_eq(world.sent_path[0].remote.port, 40001);
}

Test(uas, what_cannot_be_answered_is_dropped_and_counted)
{
    world_receive(&world,
                  with(message(), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n", ""));
    cr_assert_eq(world.sent_count, 0);
    world_receive(&world, "SIP/2.0 200 OK\r\nVia: nonsense\r\n\r\n");
    cr_assert_eq(world.sent_count, 0);
    world_receive(&world, "garbage");
    cr_assert_eq(world.sent_count, 0);
    world_receive(&world, "\r\n\r\n");
    cr_assert_eq(world.sent_count, 0);
    cr_assert_eq(stats().malformed_other, 2);
    cr_assert_eq(stats().malformed_responses, 1);
    cr_assert_eq(stats().keepalives, 1);
}
