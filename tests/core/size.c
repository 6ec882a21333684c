/* Requests too large for UDP (RFC 3261 section 18.1.1), each test named by what it claims. */
#include "core/core.h"
#include "tests/core/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct world world;
static struct zsip_send request;
static uint64_t client;
static char header[4096];
static size_t built_bytes; /* of what build writes */
static unsigned built;

static size_t build(void *user, uint64_t cookie, struct zsip_view branch, uint8_t *out,
                    size_t capacity, uint32_t *pad_at)
{
    (void)user, (void)cookie, (void)pad_at;
    int head = snprintf((char *)out, capacity,
                        "OPTIONS sip:bob@example.com SIP/2.0\r\n"
                        "Via: SIP/2.0/UDP 198.51.100.9:5070;branch=%.*s\r\n"
                        "From: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
                        "Call-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\nX: ",
                        (int)branch.length, (const char *)branch.data);
    if (built_bytes > capacity)
        return 0;
    memset(out + head, 'x', built_bytes - (size_t)head - 4);
    memcpy(out + built_bytes - 4, "\r\n\r\n", 4);
    built++;
    return built_bytes;
}

static void open_world(void)
{
    world_init(&world);
    world.config.tcp = true;
    world.config.callbacks.build = build;
    world_open(&world);
    zsip_send_init(&request);
    request.method = ZSIP_VIEW("OPTIONS");
    request.target = ZSIP_VIEW("sip:bob@example.com");
    request.from = ZSIP_VIEW("<sip:alice@example.com>");
    request.path = world.path;
    request.cookie = 77;
}

static void reopen_world(void)
{
    world_close(&world);
    world_open(&world);
}

static void close_world(void)
{
    world_close(&world);
}

TestSuite(size, .init = open_world, .fini = close_world);

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

static enum zsip_status send_built(size_t bytes)
{
    built_bytes = bytes;
    built = 0;
    world.sent_count = 0;
    enum zsip_status status = zsip_endpoint_send_built(world.endpoint, ZSIP_METHOD_OPTIONS,
                                                       &world.path, 77, world.now, &client);
    world_take(&world);
    return status;
}

/* Makes request one of so many bytes. */
static void size_request(size_t bytes)
{
    static size_t rest; /* of one without the header */
    if (rest == 0) {
        request.headers = (struct zsip_view){NULL, 0};
        cr_assert_eq(send(), ZSIP_OK);
        rest = strlen(world.sent[0]);
        reopen_world();
    }
    size_t length = bytes - rest;
    cr_assert(length > 6 && length < sizeof(header));
    memset(header, 'x', length);
    memcpy(header, "X: ", 3);
    memcpy(header + length - 2, "\r\n", 2);
    request.headers = (struct zsip_view){(const uint8_t *)header, length};
}

static void expect_sent(const char *transport, size_t bytes)
{
    bool tcp = strcmp(transport, "TCP") == 0;
    char via[64];
    snprintf(via, sizeof(via), "Via: SIP/2.0/%s 198.51.100.9:5070;", transport);
    cr_assert_eq(world.sent_count, 1);
    cr_assert_eq(strlen(world.sent[0]), bytes, "%zu", strlen(world.sent[0]));
    cr_assert(strncmp(world_line(world.sent[0], "Via"), via, strlen(via)) == 0, "%s",
              world.sent[0]);
    const struct zsip_path *path = &world.sent_path[0];
    cr_assert_eq(path->transport, tcp ? ZSIP_TRANSPORT_TCP : ZSIP_TRANSPORT_UDP);
    cr_assert_eq(path->flags, tcp ? ZSIP_PATH_RELIABLE : 0);
    cr_assert_eq(path->flow, tcp ? 0 : world.path.flow);
    cr_assert_eq(memcmp(&path->remote, &world.path.remote, sizeof(path->remote)), 0);
}

static void refuse(void)
{
    world.sent_count = 0;
    zsip_endpoint_send_refused(world.endpoint, client, world.now);
    world_take(&world);
}

static void answer(void)
{
    char text[4096], via[1024], from[512], call_id[256];
    strcpy(via, world_line(world.sent[0], "Via"));
    strcpy(from, world_line(world.sent[0], "From"));
    strcpy(call_id, world_line(world.sent[0], "Call-ID"));
    snprintf(text, sizeof(text),
             "SIP/2.0 200 OK\r\n%s\r\n%s\r\nTo: <sip:bob@example.com>;tag=z\r\n%s\r\n"
             "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
             via, from, call_id);
    world_receive(&world, text);
}

/* ---- Which way ---- */

Test(size, request_over_1300_bytes_goes_over_tcp_via_and_all)
{
    size_request(1300);
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("UDP", 1300);
    size_request(1301);
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("TCP", 1301);
    cr_assert_eq(stats().oversize_tcp, 1);
    /* Larger than the room of ordinary ones too. */
    size_request(2000);
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("TCP", 2000);
}

Test(size, request_over_tcp_is_sent_once_and_answered)
{
    size_request(1301);
    cr_assert_eq(send(), ZSIP_OK);
    char sent[4096];
    strcpy(sent, world.sent[0]);
    world_wait_ms(&world, 20000);
    cr_assert_eq(world.sent_count, 0);
    strcpy(world.sent[0], sent);
    answer();
    cr_assert(world.outcomes == 1 && world.outcome.code == 200 && world.outcome.client == client);
}

Test(size, limit_is_200_below_a_known_path_mtu)
{
    static const struct {
        uint32_t configured, given;
        size_t udp_bytes_max;
    } cases[] = {{1400, 0, 1200}, {0, 1400, 1200}, {1400, 2000, 1800}, {3000, 0, 2800}};
    for (unsigned i = 0; i < 4; i++) {
        world.config.path_mtu = cases[i].configured;
        reopen_world();
        request.path_mtu = cases[i].given;
        size_request(cases[i].udp_bytes_max);
        cr_assert_eq(send(), ZSIP_OK);
        expect_sent("UDP", cases[i].udp_bytes_max);
        size_request(cases[i].udp_bytes_max + 1);
        cr_assert_eq(send(), ZSIP_OK);
        expect_sent("TCP", cases[i].udp_bytes_max + 1);
    }
}

static void tell_mtu(uint8_t last_byte_of_ip, uint32_t mtu)
{
    struct zsip_address host = world.path.remote;
    host.ip[3] = last_byte_of_ip;
    host.port++;
    zsip_endpoint_path_mtu(world.endpoint, &host, mtu, world.now);
}

/* Whether a request of so many bytes leaves by UDP, and the next larger one by TCP. */
static void expect_limit(size_t udp_bytes_max)
{
    size_request(udp_bytes_max);
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("UDP", udp_bytes_max);
    size_request(udp_bytes_max + 1);
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("TCP", udp_bytes_max + 1);
}

Test(size, path_that_an_icmp_error_told_of_is_narrow_for_ten_minutes)
{
    request.flags = ZSIP_SEND_OVERLAP;
    size_request(1000); /* the first one opens the world anew */
    uint8_t here = world.path.remote.ip[3];
    tell_mtu(here ^ 1, 700);
    expect_limit(1300);
    tell_mtu(here, 1000);
    expect_limit(800);
    tell_mtu(here, 900);
    expect_limit(700);
    world.now.monotonic_ns += 600 * ZSIP_NS_PER_S - 1;
    expect_limit(700);
    world.now.monotonic_ns += 1;
    expect_limit(1300);
}

Test(size, narrow_path_counts_where_it_is_less_than_what_is_configured)
{
    world.config.path_mtu = 1400;
    reopen_world();
    size_request(1000);
    tell_mtu(world.path.remote.ip[3], 2000);
    expect_limit(1200);
    tell_mtu(world.path.remote.ip[3], 1100);
    expect_limit(900);
}

/* Whoever can forge an ICMP error must not be able to send everything over TCP. */
Test(size, path_is_never_narrower_than_a_host_must_take)
{
    size_request(1000);
    tell_mtu(world.path.remote.ip[3], 68);
    expect_limit(376);
}

Test(size, request_that_left_by_udp_is_repeated_there_though_the_path_is_narrow)
{
    cr_assert_eq(send_built(1200), ZSIP_OK);
    expect_sent("UDP", 1200);
    tell_mtu(world.path.remote.ip[3], 1000);
    world.sent_count = 0;
    world.now.monotonic_ns += world.config.t1_ns;
    zsip_endpoint_expire(world.endpoint, world.now);
    world_take(&world);
    expect_sent("UDP", 1200);
    cr_assert_eq(send_built(1200), ZSIP_OK);
    expect_sent("TCP", 1200);
}

Test(size, message_over_1300_bytes_is_refused_before_it_is_asked_how)
{
    size_request(1301);
    request.method = ZSIP_VIEW("MESSAGE"); /* as long as OPTIONS */
    cr_assert_eq(send(), ZSIP_ERROR_SIZE);
    world.config.path_mtu = 9000;
    reopen_world();
    cr_assert_eq(send(), ZSIP_ERROR_SIZE);
    world.config.path_mtu = 0;
    reopen_world();
    request.flags = ZSIP_SEND_VOUCHED;
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("TCP", 1301);
}

Test(size, without_tcp_only_who_vouches_may_send_over_udp)
{
    world.config.tcp = false;
    reopen_world();
    size_request(1301);
    cr_assert_eq(send(), ZSIP_ERROR_SIZE);
    request.flags = ZSIP_SEND_VOUCHED;
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("UDP", 1301);
}

Test(size, udp_oversize_keeps_it_on_udp)
{
    world.config.udp_oversize = true;
    reopen_world();
    size_request(1301);
    request.flags = ZSIP_SEND_VOUCHED;
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("UDP", 1301);
    cr_assert_eq(send_built(1301), ZSIP_OK);
    expect_sent("UDP", 1301);
}

Test(size, built_request_over_1300_bytes_goes_over_tcp_via_and_all)
{
    cr_assert_eq(send_built(1300), ZSIP_OK);
    expect_sent("UDP", 1300);
    cr_assert_eq(built, 1);
    cr_assert_eq(send_built(1301), ZSIP_OK);
    expect_sent("TCP", 1301);
    cr_assert_eq(built, 2);
    cr_assert_eq(stats().requests_out, 2);
    cr_assert_eq(stats().clients_now, 2);
    built_bytes = 1300;
    world_wait_ms(&world, 31999);
    cr_assert_eq(world.outcomes, 0);
    cr_assert_eq(world.sent_count, 10); /* the first one's retransmissions alone */
    world_wait_ms(&world, 1);
    cr_assert_eq(world.outcomes, 2);
}

Test(size, built_request_follows_the_configured_path_mtu)
{
    world.config.path_mtu = 2200;
    reopen_world();
    cr_assert_eq(send_built(2000), ZSIP_OK);
    expect_sent("UDP", 2000);
    cr_assert_eq(send_built(2001), ZSIP_OK);
    expect_sent("TCP", 2001);
}

/* ---- And back ---- */

Test(size, refused_over_tcp_it_goes_once_more_over_udp_as_a_new_transaction)
{
    char first[1024];
    size_request(1301);
    cr_assert_eq(send(), ZSIP_OK);
    strcpy(first, world_line(world.sent[0], "Via"));
    refuse();
    expect_sent("UDP", 1301);
    const char *second = world_line(world.sent[0], "Via");
    cr_assert_str_neq(strstr(first, "branch="), strstr(second, "branch="));
    cr_assert_eq(world.outcomes, 0);
    cr_assert_eq(stats().oversize_back, 1);
    cr_assert_eq(stats().requests_out, 1);
    /* A transaction of UDP's: it is sent again, and its answer is found under the same handle. */
    world_wait_ms(&world, 500);
    expect_sent("UDP", 1301);
    answer();
    cr_assert(world.outcomes == 1 && world.outcome.code == 200 && world.outcome.client == client);
    cr_assert_eq(world.outcome.sends, 2);
    cr_assert_eq(stats().clients_now, 0);
}

Test(size, who_refused_tcp_is_not_asked_again_for_ten_seconds)
{
    size_request(1301);
    cr_assert_eq(send(), ZSIP_OK);
    refuse();
    expect_sent("UDP", 1301);
    answer();
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("UDP", 1301);
    answer();
    world_wait_ms(&world, 10001);
    cr_assert_eq(send(), ZSIP_OK);
    expect_sent("TCP", 1301);
}

static void ignore_alias(void *user, uint64_t flow, uint16_t port)
{
    (void)user, (void)flow, (void)port;
}

Test(size, alias_is_said_over_tcp_where_it_is_wanted)
{
    request.path.transport = ZSIP_TRANSPORT_TCP;
    request.path.flags = ZSIP_PATH_RELIABLE;
    request.path.flow = 0;
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_null(strstr(world_line(world.sent[0], "Via"), "alias"));
    answer();
    zsip_endpoint_alias_by(world.endpoint, &(struct aliasing){.alias = ignore_alias});
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_not_null(strstr(world_line(world.sent[0], "Via"), ";rport;alias"));
}

Test(size, refused_once_more_it_fails)
{
    size_request(1301);
    cr_assert_eq(send(), ZSIP_OK);
    refuse();
    refuse();
    cr_assert_eq(world.sent_count, 0);
    cr_assert(world.outcomes == 1 && world.outcome.status == ZSIP_ERROR_UNREACHABLE);
    cr_assert_eq(stats().clients_now, 0);
}

Test(size, other_failures_of_the_connection_end_it)
{
    size_request(1301);
    cr_assert_eq(send(), ZSIP_OK);
    zsip_endpoint_send_failed(world.endpoint, client, world.now);
    cr_assert(world.outcomes == 1 && world.outcome.status == ZSIP_ERROR_UNREACHABLE);
    cr_assert_eq(stats().clients_now, 0);
}

Test(size, request_meant_for_tcp_does_not_go_over_udp)
{
    request.path.transport = ZSIP_TRANSPORT_TCP;
    request.path.flags = ZSIP_PATH_RELIABLE;
    request.path.flow = 0;
    cr_assert_eq(send(), ZSIP_OK);
    refuse();
    cr_assert_eq(world.sent_count, 0);
    cr_assert(world.outcomes == 1 && world.outcome.status == ZSIP_ERROR_UNREACHABLE);
}

Test(size, built_request_refused_over_tcp_goes_over_udp_and_stays_there)
{
    cr_assert_eq(send_built(1301), ZSIP_OK);
    refuse();
    expect_sent("UDP", 1301);
    world_wait_ms(&world, 500);
    expect_sent("UDP", 1301);
    cr_assert_eq(stats().oversize_back, 1);
}

Test(size, what_no_datagram_holds_fails_where_tcp_is_refused)
{
    static uint8_t body[65000];
    memset(body, 'x', sizeof(body));
    /* Not through the world's little messages. */
    size_t count;
    for (unsigned fits = 0; fits < 2; fits++) {
        built_bytes = fits ? 65507 : 65508;
        cr_assert_eq(zsip_endpoint_send_built(world.endpoint, ZSIP_METHOD_OPTIONS, &world.path, 77,
                                              world.now, &client),
                     ZSIP_OK);
        zsip_endpoint_output_done(world.endpoint);
        zsip_endpoint_send_refused(world.endpoint, client, world.now);
        zsip_endpoint_output(world.endpoint, &count);
        cr_assert_eq(count, fits);
        cr_assert_eq(world.outcomes, 1);
        zsip_endpoint_output_done(world.endpoint);
        world.now.monotonic_ns += 10 * ZSIP_NS_PER_S; /* until TCP is tried again */
    }
    cr_assert_eq(world.outcome.status, ZSIP_ERROR_UNREACHABLE);
}

Test(size, stale_and_strange_handles_are_nobodys)
{
    zsip_endpoint_send_refused(world.endpoint, 0, world.now);
    zsip_endpoint_send_refused(world.endpoint, UINT64_MAX, world.now);
    cr_assert_eq(world.outcomes, 0);
}

/* ---- A reliable transport sends nothing again ---- */

Test(size, request_whose_turn_comes_while_the_output_is_full_leaves_with_the_next_turn)
{
    static uint8_t body[60000];
    memset(body, 'x', sizeof(body));
    world.config.output_bytes = 160u << 10;
    reopen_world();
    request.method = ZSIP_VIEW("MESSAGE");
    request.flags = ZSIP_SEND_VOUCHED;
    cr_assert_eq(send(), ZSIP_OK); /* over UDP, and pending */
    uint64_t first = client;
    request.body = (struct zsip_view){body, sizeof(body)};
    cr_assert_eq(send(), ZSIP_OK);
    cr_assert_eq(world.sent_count, 0); /* waits behind it */
    size_t count;
    request.target = ZSIP_VIEW("sip:carol@example.com");
    request.flags = ZSIP_SEND_VOUCHED | ZSIP_SEND_OVERLAP;
    while (zsip_endpoint_send(world.endpoint, &request, world.now, &client) == ZSIP_OK)
        zsip_endpoint_output(world.endpoint, &count);
    zsip_endpoint_send_failed(world.endpoint, first, world.now);
    size_t after;
    zsip_endpoint_output(world.endpoint, &after);
    cr_assert_eq(after, count);
    cr_assert_eq(zsip_endpoint_deadline(world.endpoint), 0);
    zsip_endpoint_output_done(world.endpoint);
    zsip_endpoint_expire(world.endpoint, world.now);
    const struct zsip_output *outputs = zsip_endpoint_output(world.endpoint, &after);
    cr_assert_eq(after, 1);
    cr_assert(outputs[0].path->transport == ZSIP_TRANSPORT_TCP && outputs[0].bytes > sizeof(body));
    cr_assert_gt(zsip_endpoint_deadline(world.endpoint), 0);
    zsip_endpoint_output_done(world.endpoint);
}
