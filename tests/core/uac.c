/* The client side of the endpoint, each test named by what it claims. */
#include "tests/core/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct world world;
static struct zsip_send request;
static uint64_t client;

static void open_world(void)
{
    world_init(&world);
    world.config.server = ZSIP_VIEW("zsip/test");
    world_open(&world);
    zsip_send_init(&request);
    request.target = ZSIP_VIEW("sip:bob@example.com");
    request.from = ZSIP_VIEW("\"Alice\" <sip:alice@example.com>");
    request.body = ZSIP_VIEW("Watson, come here.");
    request.path = world.path;
    request.path.local = (struct zsip_address){0};
    request.cookie = 77;
}

static void close_world(void)
{
    world_close(&world);
}

TestSuite(uac, .init = open_world, .fini = close_world);

static struct zsip_endpoint_stats stats(void)
{
    struct zsip_endpoint_stats now = {.struct_bytes = sizeof(now)};
    zsip_endpoint_stats(world.endpoint, &now);
    return now;
}

static enum zsip_status send(void)
{
    world.sent_count = 0;
    enum zsip_status status = zsip_endpoint_send(world.endpoint, &request, world.now, &client);
    world_take(&world);
    return status;
}

/* The response to a request of ours, as an ordinary server writes it. In a static buffer. */
static const char *response_to(const char *sent, unsigned code)
{
    static char text[4096];
    char via[1024], from[512], to[512], call_id[256], cseq[128];
    strcpy(via, world_line(sent, "Via"));
    strcpy(from, world_line(sent, "From"));
    strcpy(to, world_line(sent, "To"));
    strcpy(call_id, world_line(sent, "Call-ID"));
    strcpy(cseq, world_line(sent, "CSeq"));
    snprintf(text, sizeof(text),
             "SIP/2.0 %u Whatever\r\n%s;received=198.51.100.9\r\n%s\r\n%s;tag=z\r\n%s\r\n%s\r\n"
             "Content-Length: 0\r\n\r\n",
             code, via, from, to, call_id, cseq);
    return text;
}

Test(uac, message_is_correct)
{
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(world.sent_count, 1);
    const char *sent = world.sent[0];
    struct zsip_msg msg;
    cr_assert_eq(zsip_parse(&msg, (const uint8_t *)sent, strlen(sent), 0), ZSIP_OK, "%s", sent);
    cr_assert_eq(msg.method, ZSIP_METHOD_MESSAGE);
    cr_assert(strncmp(sent, "MESSAGE sip:bob@example.com SIP/2.0\r\n", 37) == 0);
    cr_assert(strncmp(world_line(sent, "Via"), "Via: SIP/2.0/UDP 198.51.100.9:5070;branch=z9hG4bK",
                      49) == 0);
    cr_assert((msg.via.flags & ZSIP_VIA_RPORT) && (msg.via.flags & ZSIP_VIA_COOKIE));
    cr_assert_eq(msg.max_forwards, 70);
    cr_assert_eq(msg.from.tag.length, 16);
    cr_assert_eq(msg.to.tag.length, 0);
    cr_assert_str_eq(world_line(sent, "To"), "To: <sip:bob@example.com>");
    cr_assert_eq(msg.call_id.length, 32);
    cr_assert_eq(msg.cseq_number, 1);
    cr_assert_str_eq(world_line(sent, "Content-Type"), "Content-Type: text/plain");
    cr_assert_str_eq(world_line(sent, "User-Agent"), "User-Agent: zsip/test");
    cr_assert_str_eq(world_line(sent, "Contact"), ""); /* RFC 3428 section 4 */
    cr_assert_str_eq(world_line(sent, "Date"), "");
    cr_assert_eq(msg.body_bytes, 18);
}

Test(uac, expires_brings_a_date_unless_it_is_zero)
{
    request.expires_s = 60;
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_str_eq(world_line(world.sent[0], "Date"), "Date: Wed, 17 Nov 2010 13:20:00 GMT");
    cr_assert_str_eq(world_line(world.sent[0], "Expires"), "Expires: 60");
    request.expires_s = 0;
    request.flags = ZSIP_SEND_OVERLAP;
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_str_eq(world_line(world.sent[0], "Date"), "");
    cr_assert_str_eq(world_line(world.sent[0], "Expires"), "Expires: 0");
}

Test(uac, empty_message_has_no_content_type)
{
    request.body = (struct zsip_view){NULL, 0};
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_str_eq(world_line(world.sent[0], "Content-Type"), "");
    cr_assert_str_eq(world_line(world.sent[0], "Content-Length"), "Content-Length: 0");
}

Test(uac, route_and_extra_headers_are_written)
{
    request.route = ZSIP_VIEW("<sip:192.0.2.1;lr>");
    request.headers = ZSIP_VIEW("Subject: a\r\nX-Y: b\r\n");
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_str_eq(world_line(world.sent[0], "Route"), "Route: <sip:192.0.2.1;lr>");
    cr_assert_str_eq(world_line(world.sent[0], "X-Y"), "X-Y: b");
}

Test(uac, ids_differ_from_request_to_request)
{
    char first[4096];
    request.flags = ZSIP_SEND_OVERLAP;
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(first, world.sent[0]);
    cr_assert_eq(send(), ZSIP_OK);
    char line[1024];
    const char *names[] = {"Via", "From", "Call-ID"};
    for (unsigned i = 0; i < 3; i++) {
        strcpy(line, world_line(first, names[i]));
        cr_assert_str_neq(line, world_line(world.sent[0], names[i]));
    }
}

Test(uac, final_response_is_the_outcome_and_200_and_202_stay_apart)
{
    unsigned codes[] = {200, 202, 404, 603};
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(send(), ZSIP_OK);
        world_receive(&world, response_to(world.sent[0], codes[i]));
        cr_assert_eq(world.outcomes, i + 1);
        cr_assert_eq(world.outcome.status, ZSIP_OK);
        cr_assert_eq(world.outcome.code, codes[i]);
        cr_assert_eq(world.outcome.cookie, 77);
        cr_assert_eq(world.outcome.client, client);
        cr_assert_eq(world.outcome.sends, 1);
        cr_assert(world.outcome.final);
    }
    cr_assert_eq(stats().clients_now, 0);
}

Test(uac, provisional_is_told_and_not_final)
{
    char sent[4096];
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(sent, world.sent[0]);
    world_receive(&world, response_to(sent, 100));
    cr_assert(world.outcomes == 1 && !world.outcome.final);
    world_receive(&world, response_to(sent, 200));
    cr_assert(world.outcomes == 2 && world.outcome.final);
}

Test(uac, second_final_is_late_and_strays_are_strays)
{
    char sent[4096], other[4096];
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(sent, world.sent[0]);
    world_receive(&world, response_to(sent, 200));
    world_receive(&world, response_to(sent, 200));
    cr_assert_eq(world.outcomes, 1);
    cr_assert_eq(stats().responses_late, 1);
    /* A branch of ours with one digit changed. */
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(other, response_to(world.sent[0], 200));
    char *branch = strstr(other, "z9hG4bK");
    branch[44] = branch[44] == '0' ? '1' : '0';
    world_receive(&world, other);
    cr_assert_eq(world.outcomes, 1);
    cr_assert_eq(stats().responses_stray, 1);
}

Test(uac, response_with_a_foreign_sent_by_or_two_vias_is_dropped)
{
    char sent[4096], text[4096];
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(sent, world.sent[0]);
    strcpy(text, response_to(sent, 200));
    memcpy(strstr(text, "198.51.100.9"), "198.51.100.8", 12);
    world_receive(&world, text);
    cr_assert_eq(world.outcomes, 0);
    char *two = text + 2048;
    const char *rest = strstr(response_to(sent, 200), "\r\nFrom");
    snprintf(two, 2048, "SIP/2.0 200 OK\r\n%s\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx%s",
             world_line(sent, "Via"), rest);
    world_receive(&world, two);
    cr_assert_eq(world.outcomes, 0);
    cr_assert_eq(stats().responses_stray, 2);
}

static bool ours_is_9(void *user, struct zsip_endpoint *endpoint, struct zsip_view sent_by)
{
    (void)user;
    (void)endpoint;
    return sent_by.length > 12 && memcmp(sent_by.data, "198.51.100.9", 12) == 0;
}

Test(uac, a_sent_by_that_the_application_knows_as_its_own_is_taken)
{
    char text[4096];
    world_close(&world);
    world.config.callbacks.sent_by_ours = ours_is_9;
    world.config.sent_by = ZSIP_VIEW("198.51.100.7:5060");
    world_open(&world);
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(text, response_to(world.sent[0], 200));
    memcpy(strstr(text, "198.51.100.7"), "198.51.100.8", 12);
    world_receive(&world, text);
    cr_assert_eq(world.outcomes, 0);
    memcpy(strstr(text, "198.51.100.8"), "198.51.100.9", 12);
    world_receive(&world, text);
    cr_assert_eq(world.outcomes, 1);
}

Test(uac, unanswered_request_leaves_eleven_times_and_times_out_at_32_s)
{
    static const unsigned at_ms[] = {500,   1500,  3500,  7500,  11500,
                                     15500, 19500, 23500, 27500, 31500};
    char first[4096];
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(first, world.sent[0]);
    unsigned now_ms = 0;
    for (unsigned i = 0; i < 10; i++) {
        world_wait_ms(&world, at_ms[i] - now_ms - 1);
        cr_assert_eq(world.sent_count, 0, "before %u", at_ms[i]);
        world_wait_ms(&world, 1);
        now_ms = at_ms[i];
        cr_assert_eq(world.sent_count, 1, "at %u", at_ms[i]);
        cr_assert_str_eq(world.sent[0], first);
    }
    cr_assert_eq(world.outcomes, 0);
    world_wait_ms(&world, 500);
    cr_assert_eq(world.outcomes, 1);
    cr_assert_eq(world.outcome.status, ZSIP_ERROR_TIMEOUT);
    cr_assert_eq(world.outcome.code, 408);
    cr_assert_eq(world.outcome.sends, 11);
    cr_assert(world.outcome.final);
}

Test(uac, reliable_transport_sends_once)
{
    request.path.transport = ZSIP_TRANSPORT_TCP;
    request.path.flags = ZSIP_PATH_RELIABLE;
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert(strstr(world.sent[0], "Via: SIP/2.0/TCP ") != NULL);
    world_wait_ms(&world, 31999);
    cr_assert_eq(world.sent_count, 0);
    world_wait_ms(&world, 1);
    cr_assert_eq(world.outcome.status, ZSIP_ERROR_TIMEOUT);
}

Test(uac, transport_error_fails_the_request_it_names)
{
    cr_assert_eq(send(), ZSIP_OK);
    zsip_endpoint_send_failed(world.endpoint, client + 1, world.now);
    cr_assert_eq(world.outcomes, 0);
    zsip_endpoint_send_failed(world.endpoint, client, world.now);
    cr_assert_eq(world.outcomes, 1);
    cr_assert_eq(world.outcome.status, ZSIP_ERROR_UNREACHABLE);
    cr_assert_eq(world.outcome.code, 503);
}

Test(uac, icmp_error_fails_the_request_it_quotes)
{
    cr_assert_eq(send(), ZSIP_OK);
    struct zsip_view quoted = {(const uint8_t *)world.sent[0], 60};
    zsip_endpoint_send_failed_quoted(world.endpoint, quoted, world.now);
    cr_assert_eq(world.outcomes, 0); /* too little to tell which */
    quoted.length = 160;
    zsip_endpoint_send_failed_quoted(world.endpoint, quoted, world.now);
    cr_assert_eq(world.outcomes, 1);
    cr_assert_eq(world.outcome.status, ZSIP_ERROR_UNREACHABLE);
}

Test(uac, icmp_error_fails_what_left_with_the_request_it_quotes)
{
    static char first[4096];
    request.flags = ZSIP_SEND_OVERLAP;
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(first, world.sent[0]);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(send(), ZSIP_OK);
    request.path.remote.port++; /* another place */
    cr_assert_eq(send(), ZSIP_OK);
    request.path.remote.port--;
    world.now.monotonic_ns++; /* another turn */
    cr_assert_eq(send(), ZSIP_OK);
    struct zsip_view quoted = {(const uint8_t *)first, 160};
    zsip_endpoint_send_failed_quoted(world.endpoint, quoted, world.now);
    cr_assert_eq(world.outcomes, 4);
    cr_assert_eq(world.outcome.status, ZSIP_ERROR_UNREACHABLE);
    cr_assert_eq(stats().clients_now, 2);
    zsip_endpoint_send_failed_quoted(world.endpoint, quoted, world.now);
    cr_assert_eq(world.outcomes, 4);
}

/* ---- RFC 3428 section 8 ---- */

Test(uac, second_message_to_a_pending_uri_waits_its_turn)
{
    char sent[4096];
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(sent, world.sent[0]);
    request.target = ZSIP_VIEW("sip:b%6Fb@EXAMPLE.com"); /* equal by section 19.1.4 */
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(world.sent_count, 0);
    request.target = ZSIP_VIEW("sip:bob@example.com:5060"); /* not equal */
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(world.sent_count, 1);
    world_receive(&world, response_to(sent, 200));
    cr_assert_eq(world.sent_count, 1);
    cr_assert(strncmp(world.sent[0], "MESSAGE sip:b%6Fb@EXAMPLE.com ", 30) == 0);
}

Test(uac, waiting_ends_with_a_timeout_too)
{
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(world.sent_count, 0);
    world_wait_ms(&world, 32000);
    cr_assert_eq(world.outcomes, 1);
    cr_assert_eq(world.sent_count, 11); /* ten retransmissions and the next one's first send */
}

Test(uac, line_behind_a_uri_is_bounded)
{
    world.config.waiting_per_target_max = 3;
    world_close(&world);
    world_open(&world);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(send(), ZSIP_ERROR_FULL);
}

Test(uac, overlap_is_possible_knowingly_and_other_methods_are_free)
{
    cr_assert_eq(send(), ZSIP_OK);
    request.flags = ZSIP_SEND_OVERLAP;
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(world.sent_count, 1);
    request.flags = 0;
    request.method = ZSIP_VIEW("OPTIONS");
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(world.sent_count, 1);
}

Test(uac, message_over_1300_bytes_is_refused_unless_vouched_for)
{
    static uint8_t body[3000];
    memset(body, 'x', sizeof(body));
    cr_assert_eq(send(), ZSIP_OK);
    size_t rest = strlen(world.sent[0]) - 18 - 2; /* "18" becomes three digits */
    request.flags = ZSIP_SEND_OVERLAP;
    request.body = (struct zsip_view){body, 1300 - rest - 3};
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(strlen(world.sent[0]), 1300);
    request.body.length++;
    cr_assert_eq(send(), ZSIP_ERROR_SIZE);
    /* The count is of the whole request, on any transport. */
    request.path.flags = ZSIP_PATH_RELIABLE;
    request.path.transport = ZSIP_TRANSPORT_TCP;
    cr_assert_eq(send(), ZSIP_ERROR_SIZE);
    request.flags |= ZSIP_SEND_VOUCHED;
    cr_assert_eq(send(), ZSIP_OK);
    request.body = (struct zsip_view){body, sizeof(body)};
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(world.sent_count, 1);
    cr_assert_eq(stats().clients_now, 4);
}

Test(uac, requests_that_break_a_rule_are_refused)
{
    struct zsip_send good = request;
    struct zsip_view bad_targets[] = {ZSIP_VIEW("bob"), ZSIP_VIEW("sip:bob@example.com?Subject=x"),
                                      ZSIP_VIEW("sip:b ob@example.com"), ZSIP_VIEW("sip:"),
                                      ZSIP_VIEW("sip:b@e.com\r\nX: y")};
    for (unsigned i = 0; i < 5; i++) {
        request.target = bad_targets[i];
        cr_assert_eq(send(), ZSIP_ERROR_ARGUMENT, "%u", i);
    }
    request = good;
    request.headers = ZSIP_VIEW("Contact: <sip:a@b>\r\n");
    cr_assert_eq(send(), ZSIP_ERROR_ARGUMENT);
    request = good;
    request.from = ZSIP_VIEW("<sip:a@b>;tag=mine");
    cr_assert_eq(send(), ZSIP_ERROR_ARGUMENT);
    request = good;
    request.from = ZSIP_VIEW("\"x\r\nY: z\" <sip:a@b>");
    cr_assert_eq(send(), ZSIP_ERROR_ARGUMENT);
    request = good;
    request.method = ZSIP_VIEW("INVITE");
    cr_assert_eq(send(), ZSIP_ERROR_UNSUPPORTED);
    request = good;
    request.method = ZSIP_VIEW("ME SSAGE");
    cr_assert_eq(send(), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(stats().clients_now, 0);
}
