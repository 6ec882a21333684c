/* Several workers as one element, on real sockets. */
#include "zsip/zsip.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WORKERS 4u
#define MANY    2000u

static struct zsip_group *group;
static struct zsip_worker *workers[WORKERS];
static pthread_t threads[WORKERS];
static struct zsip_address address;
static _Atomic unsigned seen[MANY]; /* times the application saw each request */
static _Atomic unsigned outcomes;
static _Atomic unsigned outcomes_astray; /* told to another worker than the sender */
static _Thread_local unsigned self;

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct zsip_response ok = {.struct_bytes = sizeof(ok), .status = 200};
    (void)user;
    unsigned serial = 0;
    sscanf((const char *)zsip_msg_view(incoming->msg, incoming->msg->call_id).data, "c%u", &serial);
    atomic_fetch_add(&seen[serial % MANY], 1);
    zsip_endpoint_respond(endpoint, incoming->handle, &ok, incoming->now);
}

static void on_outcome(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_outcome *outcome)
{
    (void)user;
    (void)endpoint;
    if (outcome->cookie != self || outcome->status != ZSIP_OK)
        atomic_fetch_add(&outcomes_astray, 1);
    atomic_fetch_add(&outcomes, 1);
}

static void *run(void *argument)
{
    self = (unsigned)(uintptr_t)argument;
    zsip_worker_run(workers[self]);
    return NULL;
}

static void open_group(enum zsip_steering steering)
{
    char error[256] = "";
    cr_assert_eq(zsip_group_create(WORKERS, steering, NULL, &group), ZSIP_OK);
    zsip_address_parse("127.0.0.1:0", 0, &address);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct zsip_worker_config config;
        zsip_worker_config_init(&config);
        config.group = group;
        config.buffers = 16;
        config.socket_buffer_bytes = 1 << 20;
        config.endpoint.worker = (uint8_t)i;
        config.endpoint.completed_max = 100000;
        config.endpoint.callbacks.request = on_request;
        config.endpoint.callbacks.outcome = on_outcome;
        cr_assert_eq(zsip_worker_create(&config, &workers[i], error, sizeof(error)), ZSIP_OK, "%s",
                     error);
        unsigned flags = ZSIP_LISTEN_SHARED | (i > 0 ? ZSIP_LISTEN_JOIN : 0);
        cr_assert_eq(zsip_worker_listen(workers[i], ZSIP_TRANSPORT_UDP, &address, flags, &address,
                                        error, sizeof(error)),
                     ZSIP_OK, "%s", error);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i);
}

static struct zsip_worker_stats sum(void)
{
    struct zsip_worker_stats all = {0};
    for (unsigned i = 0; i < WORKERS; i++) {
        struct zsip_worker_stats one = {.struct_bytes = sizeof(one)};
        zsip_worker_stats(workers[i], &one);
        all.steered_out += one.steered_out;
        all.steered_in += one.steered_in;
        all.steered_full += one.steered_full;
    }
    return all;
}

static void close_group(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        zsip_worker_stop(workers[i]);
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < WORKERS; i++)
        zsip_worker_destroy(workers[i]);
    zsip_group_destroy(group);
}

static int peer_socket(struct zsip_address *bound)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(name);
    struct timeval timeout = {.tv_sec = 30};
    int buffer = 4 << 20;
    cr_assert_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    getsockname(fd, (struct sockaddr *)&name, &bytes);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (bound != NULL) {
        zsip_address_parse("127.0.0.1", 0, bound);
        bound->port = ntohs(name.sin_port);
    }
    return fd;
}

static void send_request(int fd, unsigned serial, const char *branch)
{
    char text[1024];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(address.port)};
    int bytes = snprintf(text, sizeof(text),
                         "MESSAGE sip:b@example.com SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP client.example.com;rport;branch=z9hG4bK%s%u\r\n"
                         "Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=t%u\r\n"
                         "To: <sip:b@example.com>\r\nCall-ID: c%u\r\nCSeq: 1 MESSAGE\r\n"
                         "Content-Length: 0\r\n\r\n",
                         branch, serial, serial, serial);
    cr_assert_eq(sendto(fd, text, (size_t)bytes, 0, (struct sockaddr *)&to, sizeof(to)), bytes);
}

/* The status code of the next answer; 0 for none in half a minute. */
static unsigned receive_code(int fd)
{
    char text[2048];
    unsigned code = 0;
    ssize_t bytes = recv(fd, text, sizeof(text) - 1, 0);
    if (bytes > 0) {
        text[bytes] = 0;
        sscanf(text, "SIP/2.0 %u", &code);
    }
    return code;
}

/* All requests once from one source; every other 32 an answer is awaited, so that nothing drowns.
 */
static void all_from(int fd, const char *branch, unsigned code)
{
    for (unsigned begin = 0; begin < MANY; begin += 32) {
        unsigned end = begin + 32 < MANY ? begin + 32 : MANY;
        for (unsigned i = begin; i < end; i++)
            send_request(fd, i, branch);
        for (unsigned i = begin; i < end; i++)
            cr_assert_eq(receive_code(fd), code);
    }
}

Test(group, one_source_is_spread_and_copies_from_another_source_are_found, .timeout = 300)
{
    open_group(ZSIP_STEER_MESSAGE);
    int fd = peer_socket(NULL);
    all_from(fd, "a", 200);
    /* A NAT rebinds in the middle: the same requests come from another port. */
    int rebound = peer_socket(NULL);
    all_from(rebound, "a", 200);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(seen[i], 1, "%u: %u", i, seen[i]);
    struct zsip_worker_stats stats = sum();
    cr_assert_eq(stats.steered_full, 0);
    cr_assert_eq(stats.steered_in, stats.steered_out);
    cr_assert_gt(stats.steered_in, MANY); /* three quarters of twice as many */
    close(fd);
    close(rebound);
    close_group();
}

Test(group, a_second_way_is_merged_wherever_it_arrives, .timeout = 300)
{
    open_group(ZSIP_STEER_MESSAGE);
    int fd = peer_socket(NULL);
    int other = peer_socket(NULL);
    all_from(fd, "a", 200);
    all_from(other, "b", 482);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(seen[i], 1);
    close(fd);
    close(other);
    close_group();
}

Test(group, by_peer_nothing_is_passed_on, .timeout = 300)
{
    open_group(ZSIP_STEER_PEER);
    int fd = peer_socket(NULL);
    all_from(fd, "a", 200);
    cr_assert_eq(sum().steered_out, 0);
    close(fd);
    close_group();
}

static struct zsip_address peer;

static void send_some(void *argument, struct zsip_worker *worker, struct zsip_time now)
{
    struct zsip_send request;
    uint64_t client;
    zsip_send_init(&request);
    request.target = ZSIP_VIEW("sip:b@example.com");
    request.from = ZSIP_VIEW("sip:a@example.com");
    request.flags = ZSIP_SEND_OVERLAP;
    request.path.transport = ZSIP_TRANSPORT_UDP;
    request.path.remote = peer;
    request.cookie = (uint64_t)(uintptr_t)argument;
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(zsip_endpoint_send(zsip_worker_endpoint(worker), &request, now, &client),
                     ZSIP_OK);
}

Test(group, responses_find_the_worker_that_sent_the_request, .timeout = 300)
{
    open_group(ZSIP_STEER_MESSAGE);
    int fd = peer_socket(&peer);
    int crossing =
        peer_socket(NULL); /* answers from another port: the kernel picks another worker */
    for (unsigned i = 0; i < WORKERS; i++)
        cr_assert_eq(zsip_worker_post(workers[i], send_some, (void *)(uintptr_t)i), ZSIP_OK);
    for (unsigned i = 0; i < WORKERS * 100; i++) {
        char text[2048];
        struct sockaddr_in from;
        socklen_t from_bytes = sizeof(from);
        ssize_t bytes = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &from_bytes);
        cr_assert_gt(bytes, 0);
        /* The request's header section with a status line makes a response. */
        const char *via = memmem(text, (size_t)bytes, "Via:", 4);
        char answer[2048];
        int length = snprintf(answer, sizeof(answer), "SIP/2.0 200 OK\r\n%.*s",
                              (int)(bytes - (via - text)), via);
        sendto(i % 2 == 0 ? fd : crossing, answer, (size_t)length, 0, (struct sockaddr *)&from,
               from_bytes);
    }
    for (unsigned wait_ms = 0; outcomes < WORKERS * 100 && wait_ms < 30000; wait_ms++)
        usleep(1000);
    cr_assert_eq(outcomes, WORKERS * 100);
    cr_assert_eq(outcomes_astray, 0);
    cr_assert_gt(sum().steered_out, 0);
    close(fd);
    close(crossing);
    close_group();
}

Test(group, two_workers_cannot_have_one_place)
{
    struct zsip_worker_config config;
    char error[256];
    cr_assert_eq(zsip_group_create(2, ZSIP_STEER_MESSAGE, NULL, &group), ZSIP_OK);
    zsip_worker_config_init(&config);
    config.group = group;
    config.endpoint.completed_max = 1000;
    cr_assert_eq(zsip_worker_create(&config, &workers[0], error, sizeof(error)), ZSIP_OK);
    cr_assert_eq(zsip_worker_create(&config, &workers[1], error, sizeof(error)),
                 ZSIP_ERROR_ARGUMENT);
    config.endpoint.worker = 2;
    cr_assert_eq(zsip_worker_create(&config, &workers[1], error, sizeof(error)),
                 ZSIP_ERROR_ARGUMENT);
    zsip_worker_destroy(workers[0]);
    zsip_group_destroy(group);
}
