/* Workers on loopback: endpoint, ring, timers, posts and stop together. */
#include "zsip/worker.h"

#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static void log_line(void *user, const char *line)
{
    test_log_line(user, line);
}

/* A worker for tests: small pools, on a free port of 127.0.0.1. */
static struct zsip_worker *make(struct zsip_worker_config *config, struct zsip_address *bound)
{
    struct zsip_worker *worker;
    struct zsip_address address = test_address("127.0.0.1:0");
    char error[256] = "";
    config->log = log_line;
    config->socket_buffer_bytes = 1 << 20;
    config->endpoint.completed_max = 100000;
    cr_assert_eq(zsip_worker_create(config, &worker, error, sizeof(error)), ZSIP_OK, "%s", error);
    cr_assert_eq(
        zsip_worker_listen(worker, ZSIP_TRANSPORT_UDP, &address, 0, bound, error, sizeof(error)),
        ZSIP_OK, "%s", error);
    return worker;
}

static struct zsip_worker_config defaults(void)
{
    struct zsip_worker_config config;
    zsip_worker_config_init(&config);
    return config;
}

static void *run(void *argument)
{
    cr_assert_eq(zsip_worker_run(argument), ZSIP_OK);
    return NULL;
}

static size_t write_message(char *out, size_t capacity, unsigned number)
{
    int bytes = snprintf(out, capacity,
                         "MESSAGE sip:bob@127.0.0.1 SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK%u;rport\r\n"
                         "Max-Forwards: 70\r\n"
                         "From: <sip:alice@127.0.0.1>;tag=%u\r\n"
                         "To: <sip:bob@127.0.0.1>\r\n"
                         "Call-ID: call-%u\r\n"
                         "CSeq: 1 MESSAGE\r\n"
                         "Content-Type: text/plain\r\n"
                         "Content-Length: 5\r\n"
                         "\r\n"
                         "hello",
                         number, number, number);
    return (size_t)bytes;
}

static void expect_answer(int peer, const char *start)
{
    char answer[2048];
    ssize_t bytes = recv(peer, answer, sizeof(answer) - 1, 0);
    cr_assert_gt(bytes, 0, "no answer");
    answer[bytes] = '\0';
    cr_assert(strncmp(answer, start, strlen(start)) == 0, "%s", answer);
}

Test(worker, answers_message_and_repeats_itself)
{
    struct zsip_worker_config config = defaults();
    struct zsip_address bound;
    struct zsip_worker *worker = make(&config, &bound);
    int peer = test_peer("127.0.0.1", &bound);
    pthread_t thread;
    char message[1024];
    cr_assert_eq(pthread_create(&thread, NULL, run, worker), 0);
    for (unsigned i = 0; i < 2000; i++) {
        size_t bytes = write_message(message, sizeof(message), i);
        cr_assert_eq(send(peer, message, bytes, 0), (ssize_t)bytes);
        expect_answer(peer, "SIP/2.0 200 OK\r\n");
    }
    size_t bytes = write_message(message, sizeof(message), 7);
    cr_assert_eq(send(peer, message, bytes, 0), (ssize_t)bytes);
    expect_answer(peer, "SIP/2.0 200 OK\r\n");
    zsip_worker_stop(worker);
    pthread_join(thread, NULL);

    struct zsip_endpoint_stats stats = {.struct_bytes = sizeof(stats)};
    zsip_endpoint_stats(zsip_worker_endpoint(worker), &stats);
    cr_assert_eq(stats.requests_new, 2000);
    cr_assert_eq(stats.retransmissions_in, 1);
    struct zsip_worker_stats own = {.struct_bytes = sizeof(own)};
    zsip_worker_stats(worker, &own);
    cr_assert_eq(own.datagrams_in, 2001);
    cr_assert_eq(own.datagrams_out, 2001);
    cr_assert(own.turns > 0 && own.syscalls >= own.turns && own.sleeps <= own.turns);
    zsip_worker_destroy(worker);
    close(peer);
}

Test(worker, runs_again_after_a_stop_and_obeys_one_that_came_before)
{
    struct zsip_worker_config config = defaults();
    struct zsip_address bound;
    struct zsip_worker *worker = make(&config, &bound);
    for (unsigned round = 0; round < 3; round++) {
        zsip_worker_stop(worker);
        cr_assert_eq(zsip_worker_run(worker), ZSIP_OK);
    }
    zsip_worker_destroy(worker);
}

static struct zsip_worker *signalled;

static void on_alarm(int number)
{
    (void)number;
    zsip_worker_stop(signalled);
}

Test(worker, stops_by_signal)
{
    struct zsip_worker_config config = defaults();
    struct zsip_address bound;
    signalled = make(&config, &bound);
    signal(SIGALRM, on_alarm);
    alarm(1);
    cr_assert_eq(zsip_worker_run(signalled), ZSIP_OK);
    zsip_worker_destroy(signalled);
}

/* ---- Requests of ours -------------------------------------------------------------------------
 */

struct sent {
    unsigned outcomes, ok, unreachable;
    unsigned turns, to_send;
    struct zsip_path path;
};

static void count_outcome(void *user, struct zsip_endpoint *endpoint,
                          const struct zsip_outcome *outcome)
{
    struct sent *sent = user;
    (void)endpoint;
    sent->outcomes += outcome->final;
    sent->ok += outcome->status == ZSIP_OK && outcome->code == 200;
    sent->unreachable += outcome->status == ZSIP_ERROR_UNREACHABLE;
}

static void send_one(struct zsip_worker *worker, const struct zsip_path *path, unsigned number)
{
    struct zsip_send send;
    uint64_t client;
    char target[64], remote[ZSIP_ADDRESS_TEXT_BYTES];
    int bytes = snprintf(target, sizeof(target), "sip:user%u@%s", number,
                         zsip_address_text(&path->remote, remote));
    zsip_send_init(&send);
    send.target = (struct zsip_view){(uint8_t *)target, (size_t)bytes};
    send.from = ZSIP_VIEW("sip:tester@127.0.0.1");
    send.body = ZSIP_VIEW("hello");
    send.path = *path;
    cr_assert_eq(zsip_endpoint_send(zsip_worker_endpoint(worker), &send, zsip_time_now(), &client),
                 ZSIP_OK);
}

static uint64_t send_in_turn(void *user, struct zsip_worker *worker, struct zsip_time now)
{
    struct sent *sent = user;
    sent->turns++;
    for (unsigned i = 0; i < 50 && sent->to_send > 0; i++)
        send_one(worker, &sent->path, --sent->to_send);
    return sent->to_send > 0 ? now.monotonic_ns : ZSIP_NEVER_NS;
}

Test(worker, one_sends_in_its_turn_and_another_answers)
{
    struct zsip_address server_address, bound;
    struct zsip_worker_config server_config = defaults(), config = defaults();
    struct zsip_worker *server = make(&server_config, &server_address);
    struct sent sent = {.to_send = 1000,
                        .path = {.remote = server_address, .transport = ZSIP_TRANSPORT_UDP}};
    config.endpoint.user = &sent;
    config.endpoint.callbacks.outcome = count_outcome;
    config.turn = send_in_turn;
    struct zsip_worker *client = make(&config, &bound);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, run, server), 0);
    for (unsigned turn = 0; turn < 20000 && sent.outcomes < 1000; turn++)
        cr_assert_eq(zsip_worker_turn(client, 1000000), ZSIP_OK);
    cr_assert_eq(sent.ok, 1000);
    zsip_worker_stop(server);
    pthread_join(thread, NULL);
    zsip_worker_destroy(client);
    zsip_worker_destroy(server);
}

Test(worker, a_dead_peer_fails_its_own_transaction_at_once)
{
    struct zsip_address bound, server_address;
    struct zsip_worker_config config = defaults(), server_config = defaults();
    struct sent sent = {0};
    config.endpoint.user = &sent;
    config.endpoint.callbacks.outcome = count_outcome;
    struct zsip_worker *client = make(&config, &bound);
    struct zsip_worker *server = make(&server_config, &server_address);
    int dead = test_peer("127.0.0.1", NULL);
    struct zsip_path path = {.remote = test_name(dead), .transport = ZSIP_TRANSPORT_UDP};
    close(dead);
    send_one(client, &path, 1);
    path.remote = server_address;
    send_one(client, &path, 2);
    for (unsigned turn = 0; turn < 50 && sent.outcomes < 2; turn++) {
        cr_assert_eq(zsip_worker_turn(client, 10000000), ZSIP_OK);
        cr_assert_eq(zsip_worker_turn(server, 10000000), ZSIP_OK);
    }
    cr_assert_eq(sent.unreachable, 1);
    cr_assert_eq(sent.ok, 1);
    zsip_worker_destroy(client);
    zsip_worker_destroy(server);
}

/* ---- Posts ------------------------------------------------------------------------------------
 */

enum {
    POSTERS = 4,
    POSTS = 20000,
};

static atomic_uint posted[POSTERS];

struct post {
    unsigned poster, number;
};

static void take_post(void *argument, struct zsip_worker *worker, struct zsip_time now)
{
    struct post *post = argument;
    (void)worker;
    cr_assert_gt(now.monotonic_ns, 0);
    /* Each poster's come in its order. */
    cr_assert_eq(atomic_load(&posted[post->poster]), post->number);
    atomic_store(&posted[post->poster], post->number + 1);
}

struct poster {
    struct zsip_worker *worker;
    unsigned index;
    struct post *posts;
};

static void *post_many(void *argument)
{
    struct poster *poster = argument;
    for (unsigned i = 0; i < POSTS; i++) {
        poster->posts[i] = (struct post){poster->index, i};
        while (zsip_worker_post(poster->worker, take_post, &poster->posts[i]) == ZSIP_ERROR_FULL)
            usleep(100);
    }
    return NULL;
}

Test(worker, takes_posts_of_many_threads_in_order)
{
    static struct post posts[POSTERS][POSTS];
    struct zsip_worker_config config = defaults();
    struct zsip_address bound;
    struct zsip_worker *worker = make(&config, &bound);
    pthread_t thread, posters[POSTERS];
    struct poster arguments[POSTERS];
    cr_assert_eq(pthread_create(&thread, NULL, run, worker), 0);
    for (unsigned i = 0; i < POSTERS; i++) {
        arguments[i] = (struct poster){worker, i, posts[i]};
        cr_assert_eq(pthread_create(&posters[i], NULL, post_many, &arguments[i]), 0);
    }
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(posters[i], NULL);
    for (unsigned waited = 0; waited < 1000 * TEST_TIMEOUT_S; waited++) {
        unsigned all = 0;
        for (unsigned i = 0; i < POSTERS; i++)
            all += atomic_load(&posted[i]);
        if (all == POSTERS * POSTS)
            break;
        usleep(1000);
    }
    for (unsigned i = 0; i < POSTERS; i++)
        cr_assert_eq(atomic_load(&posted[i]), POSTS);
    zsip_worker_stop(worker);
    pthread_join(thread, NULL);
    zsip_worker_destroy(worker);
}

static void count_post(void *argument, struct zsip_worker *worker, struct zsip_time now)
{
    (void)worker;
    (void)now;
    ++*(unsigned *)argument;
}

Test(worker, refuses_the_4097th_post_and_loses_none_of_the_others)
{
    struct zsip_worker_config config = defaults();
    struct zsip_address bound;
    struct zsip_worker *worker = make(&config, &bound);
    unsigned count = 0;
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < 4096; i++)
            cr_assert_eq(zsip_worker_post(worker, count_post, &count), ZSIP_OK);
        cr_assert_eq(zsip_worker_post(worker, count_post, &count), ZSIP_ERROR_FULL);
        cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
        cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
        cr_assert_eq(count, round * 4096);
    }
    struct zsip_worker_stats stats = {.struct_bytes = sizeof(stats)};
    zsip_worker_stats(worker, &stats);
    cr_assert_eq(stats.posts, 3 * 4096);
    cr_assert_eq(stats.posts_full, 3);
    zsip_worker_destroy(worker);
}

/* ---- Answers from another thread, and a loop of the caller's ----------------------------------
 */

static uint64_t held_handle;

static void hold(void *user, struct zsip_endpoint *endpoint, const struct zsip_incoming *incoming)
{
    (void)user;
    cr_assert_eq(zsip_endpoint_hold(endpoint, incoming->handle, &held_handle), ZSIP_OK);
}

static void answer(void *argument, struct zsip_worker *worker, struct zsip_time now)
{
    struct zsip_response response = {.struct_bytes = sizeof(response), .status = 202};
    (void)argument;
    cr_assert_eq(zsip_endpoint_respond(zsip_worker_endpoint(worker), held_handle, &response, now),
                 ZSIP_OK);
}

static void *post_answer(void *argument)
{
    cr_assert_eq(zsip_worker_post(argument, answer, NULL), ZSIP_OK);
    return NULL;
}

Test(worker, in_a_poll_loop_answers_what_another_thread_decided)
{
    struct zsip_worker_config config = defaults();
    config.endpoint.callbacks.request = hold;
    struct zsip_address bound;
    struct zsip_worker *worker = make(&config, &bound);
    int peer = test_peer("127.0.0.1", &bound);
    struct pollfd poll_fd = {.fd = zsip_worker_fd(worker), .events = POLLIN};
    char message[1024];
    pthread_t thread;
    cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
    size_t bytes = write_message(message, sizeof(message), 1);
    cr_assert_eq(send(peer, message, bytes, 0), (ssize_t)bytes);
    cr_assert_eq(poll(&poll_fd, 1, 1000 * TEST_TIMEOUT_S), 1);
    cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
    cr_assert_neq(held_handle, 0);
    cr_assert_neq(zsip_worker_deadline(worker), ZSIP_NEVER_NS, "64*T1 bounds the hold");
    cr_assert_eq(pthread_create(&thread, NULL, post_answer, worker), 0);
    cr_assert_eq(poll(&poll_fd, 1, 1000 * TEST_TIMEOUT_S), 1);
    cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
    pthread_join(thread, NULL);
    expect_answer(peer, "SIP/2.0 202 Accepted\r\n");
    zsip_worker_destroy(worker);
    close(peer);
}

static void *turn_elsewhere(void *worker)
{
    static enum zsip_status statuses[2];
    statuses[0] = zsip_worker_turn(worker, 0);
    statuses[1] = zsip_worker_run(worker);
    return statuses;
}

Test(worker, obeys_no_thread_but_that_of_its_first_turn)
{
    struct zsip_worker_config config = defaults();
    struct zsip_worker *worker;
    pthread_t thread;
    void *statuses;
    cr_assert_eq(zsip_worker_create(&config, &worker, NULL, 0), ZSIP_OK);
    cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
    pthread_create(&thread, NULL, turn_elsewhere, worker);
    pthread_join(thread, &statuses);
    cr_assert_eq(((enum zsip_status *)statuses)[0], ZSIP_ERROR_STATE);
    cr_assert_eq(((enum zsip_status *)statuses)[1], ZSIP_ERROR_STATE);
    cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
    zsip_worker_destroy(worker);
}

Test(worker, says_what_is_wrong_with_a_configuration)
{
    struct zsip_worker_config config = defaults();
    struct zsip_worker *worker;
    char error[256] = "";
    config.buffers = 3;
    cr_assert_eq(zsip_worker_create(&config, &worker, error, sizeof(error)), ZSIP_ERROR_ARGUMENT);
    cr_assert(strstr(error, "power of two") != NULL);
    config = defaults();
    config.struct_bytes = 0;
    cr_assert_eq(zsip_worker_create(&config, &worker, NULL, 0), ZSIP_ERROR_ARGUMENT);
    config = defaults();
    config.endpoint.output_bytes = 1;
    cr_assert_eq(zsip_worker_create(&config, &worker, error, sizeof(error)), ZSIP_ERROR_ARGUMENT);
    cr_assert(strstr(error, "endpoint") != NULL);
}

/* A loop of the caller's, that looks at the descriptor and the deadline and at nothing else. */
Test(worker, serves_connections_in_a_loop_of_the_callers)
{
    struct zsip_worker_config config = defaults();
    struct zsip_address bound, any = test_address("127.0.0.1:0");
    struct zsip_worker *worker = make(&config, &bound);
    char message[1024], answer[1024];
    cr_assert_eq(zsip_worker_listen(worker, ZSIP_TRANSPORT_TCP, &any, 0, &bound, NULL, 0), ZSIP_OK);
    cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
    for (unsigned round = 0; round < 5; round++) {
        union zsip_sockaddr name = {0};
        socklen_t name_bytes = zsip_sockaddr_write(&bound, &name);
        int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(connect(peer, &name.any, name_bytes), 0);
        size_t bytes = write_message(message, sizeof(message), round), got = 0;
        cr_assert_eq(send(peer, message, bytes, 0), (ssize_t)bytes);
        shutdown(peer, SHUT_WR);
        uint64_t end_ns = zsip_time_now().monotonic_ns + TEST_TIMEOUT_NS;
        while (zsip_time_now().monotonic_ns < end_ns) {
            uint64_t deadline_ns = zsip_worker_deadline(worker);
            uint64_t now_ns = zsip_time_now().monotonic_ns;
            uint64_t left_ms = deadline_ns <= now_ns ? 0 : (deadline_ns - now_ns) / 1000000 + 1;
            struct pollfd fds[2] = {{.fd = zsip_worker_fd(worker), .events = POLLIN},
                                    {.fd = peer, .events = POLLIN}};
            cr_assert_gt(poll(fds, 2, left_ms < 1000 ? (int)left_ms : 1000) + (left_ms < 1000), 0,
                         "it would have slept on");
            ssize_t more = recv(peer, answer + got, sizeof(answer) - got, MSG_DONTWAIT);
            if (more == 0)
                break;
            got += more > 0 ? (size_t)more : 0;
            cr_assert_eq(zsip_worker_turn(worker, 0), ZSIP_OK);
        }
        cr_assert(got > 14 && memcmp(answer, "SIP/2.0 200 OK", 14) == 0);
        cr_assert_lt(zsip_time_now().monotonic_ns, end_ns, "no end");
        close(peer);
    }
    zsip_worker_destroy(worker);
}
