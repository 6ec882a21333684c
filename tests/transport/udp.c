/* Datagrams through the ring, on loopback, with every slow path. */
#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- Echo -------------------------------------------------------------------------------------
 */

enum {
    ROUNDS = 40,
    BURST = 100,
};

static void echo_bursts(unsigned without, uint32_t buffers, const char *where)
{
    struct zsip_net *net = test_net(without, buffers);
    struct zsip_address address = test_listen(net, where);
    int peer = test_peer(where, &address);
    test_wait(net, 0);
    zsip_net_recycle(net);
    for (unsigned round = 0; round < ROUNDS; round++) {
        char text[64], back[64];
        bool seen[BURST] = {false};
        for (unsigned i = 0; i < BURST; i++) {
            int bytes = snprintf(text, sizeof(text), "%u of round %u", i, round);
            cr_assert_eq(send(peer, text, (size_t)bytes, 0), bytes);
        }
        size_t taken = 0;
        while (taken < BURST) {
            const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
            cr_assert_gt(batch->packet_count, 0);
            taken += batch->packet_count;
            test_echo(net, batch);
            cr_assert_eq(zsip_net_flush(net), ZSIP_OK);
        }
        for (unsigned i = 0; i < BURST; i++) {
            unsigned number, of;
            ssize_t bytes = recv(peer, back, sizeof(back) - 1, 0);
            cr_assert_gt(bytes, 0);
            back[bytes] = '\0';
            cr_assert_eq(sscanf(back, "%u of round %u", &number, &of), 2, "%s", back);
            cr_assert(of == round && number < BURST && !seen[number]);
            seen[number] = true;
        }
    }
    const struct zsip_net_stats *stats = zsip_net_stats(net);
    cr_assert_eq(stats->datagrams_in, ROUNDS * BURST);
    cr_assert_eq(stats->datagrams_out, ROUNDS * BURST);
    cr_assert_eq(stats->truncated + stats->send_errors + stats->send_full, 0);
    close(peer);
    zsip_net_destroy(net);
}

Test(udp, echoes_bursts_over_ipv4)
{
    echo_bursts(0, 0, "127.0.0.1");
}

Test(udp, echoes_bursts_over_ipv6)
{
    echo_bursts(0, 0, "[::1]");
}

Test(udp, echoes_without_trains)
{
    echo_bursts(ZSIP_FEATURE_GRO | ZSIP_FEATURE_GSO, 256, "127.0.0.1");
    cr_assert(test_logged("UDP_GRO") && test_logged("UDP_SEGMENT"));
    cr_assert_eq(test_log_count, 2);
}

Test(udp, echoes_without_deferred_task_work)
{
    echo_bursts(ZSIP_FEATURE_DEFER, 0, "127.0.0.1");
    cr_assert(test_logged("deferred task work"));
    cr_assert_eq(test_log_count, 1);
}

Test(udp, echoes_without_multishot)
{
    echo_bursts(ZSIP_FEATURE_MULTISHOT, 0, "127.0.0.1");
    echo_bursts(ZSIP_FEATURE_MULTISHOT, 4, "[::1]");
}

Test(udp, echoes_without_anything)
{
    echo_bursts(~0u, 4, "127.0.0.1");
}

/* ---- Buffers ----------------------------------------------------------------------------------
 */

Test(udp, a_dry_buffer_ring_is_armed_again_by_recycling_and_does_not_spin)
{
    struct zsip_net *net = test_net(0, 4);
    struct zsip_address address = test_listen(net, "127.0.0.1");
    int peer = test_peer("127.0.0.1", &address);
    test_wait(net, 0);
    zsip_net_recycle(net);
    for (unsigned i = 0; i < 50; i++)
        cr_assert_eq(send(peer, &i, sizeof(i), 0), sizeof(i));
    unsigned expected = 0, turns = 0;
    while (expected < 50) {
        const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
        cr_assert_leq(batch->packet_count, 4);
        for (size_t i = 0; i < batch->packet_count; i++, expected++)
            cr_assert_eq(memcmp(batch->packets[i].data, &expected, sizeof(expected)), 0);
        zsip_net_recycle(net);
        cr_assert_lt(++turns, 30, "12 of 4 packets each, and some for the news of the dry ring");
    }
    cr_assert_gt(zsip_net_stats(net)->buffers_empty, 0);
    /* With nothing to do it sleeps: two enters at most beyond those of the spin. */
    uint64_t syscalls = zsip_net_stats(net)->syscalls, sleeps = zsip_net_stats(net)->sleeps;
    test_wait(net, 50000000);
    zsip_net_recycle(net);
    cr_assert_leq(zsip_net_stats(net)->sleeps - sleeps, 1);
    cr_assert_lt(zsip_net_stats(net)->syscalls - syscalls, 500);
    close(peer);
    zsip_net_destroy(net);
}

Test(udp, takes_the_largest_datagram_and_an_empty_one)
{
    static uint8_t large[65507];
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address address = test_listen(net, "127.0.0.1");
    int peer = test_peer("127.0.0.1", &address);
    memset(large, 'x', sizeof(large));
    large[sizeof(large) - 1] = 'y';
    cr_assert_eq(send(peer, large, sizeof(large), 0), sizeof(large));
    cr_assert_eq(send(peer, large, 0, 0), 0);
    size_t seen = 0;
    while (seen < 2) {
        const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
        cr_assert_gt(batch->packet_count, 0);
        for (size_t i = 0; i < batch->packet_count; i++, seen++) {
            cr_assert_eq(batch->packets[i].bytes, seen == 0 ? sizeof(large) : 0);
            if (seen == 0)
                cr_assert_eq(memcmp(batch->packets[i].data, large, sizeof(large)), 0);
        }
        zsip_net_recycle(net);
    }
    close(peer);
    zsip_net_destroy(net);
}

Test(udp, counts_what_the_socket_dropped)
{
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address address = test_listen(net, "127.0.0.1");
    int peer = test_peer("127.0.0.1", &address);
    char bytes[1000] = {0};
    test_wait(net, 0);
    zsip_net_recycle(net);
    for (unsigned i = 0; i < 5000; i++)
        send(peer, bytes, sizeof(bytes), 0);
    usleep(120000);
    uint64_t idle = 0;
    while (idle == 0) {
        const struct zsip_net_batch *batch = test_wait(net, 1);
        idle = batch->packet_count == 0 && !batch->more;
        zsip_net_recycle(net);
    }
    const struct zsip_net_stats *stats = zsip_net_stats(net);
    cr_assert_gt(stats->dropped_socket, 0);
    cr_assert_eq(stats->dropped_socket + stats->datagrams_in, 5000);
    close(peer);
    zsip_net_destroy(net);
}

/* ---- Addresses --------------------------------------------------------------------------------
 */

static void answers_from(const char *wildcard, const char *asked, const char *client)
{
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address bound = test_listen(net, wildcard), address = test_address(asked);
    char data[16];
    address.port = bound.port;
    int peer = test_peer(client, &address); /* connected: takes answers from there only */
    cr_assert_eq(send(peer, "hello", 5, 0), 5);
    const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
    cr_assert_eq(batch->packet_count, 1);
    struct zsip_address name = test_name(peer);
    cr_assert_eq(memcmp(&batch->packets[0].path->local, &address, sizeof(address)), 0);
    cr_assert_eq(memcmp(&batch->packets[0].path->remote, &name, sizeof(name)), 0);
    test_echo(net, batch);
    cr_assert_eq(zsip_net_flush(net), ZSIP_OK);
    cr_assert_eq(recv(peer, data, sizeof(data), 0), 5);
    close(peer);
    zsip_net_destroy(net);
}

Test(udp, answers_from_the_address_asked_at)
{
    answers_from("0.0.0.0", "127.0.0.2", "127.0.0.3");
    answers_from("127.0.0.4", "127.0.0.4", "127.0.0.1");
    answers_from("[::]", "[::1]", "[::1]");
}

Test(udp, chooses_a_socket_for_a_path_without_flow)
{
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address four = test_listen(net, "127.0.0.1"), six = test_listen(net, "[::1]");
    struct zsip_address other = test_listen(net, "127.0.0.2");
    static const char *const peers[] = {"127.0.0.5", "[::1]", "127.0.0.5"};
    const struct zsip_address *from[] = {&four, &six, &other};
    for (unsigned i = 0; i < 3; i++) {
        int peer = test_peer(peers[i], NULL);
        struct zsip_path path = {.remote = test_name(peer), .transport = ZSIP_TRANSPORT_UDP};
        uint8_t data[4] = "abc", back[8];
        struct zsip_output output = {.data = data, .path = &path, .bytes = 3};
        union zsip_sockaddr name;
        struct zsip_address sender;
        socklen_t bytes = sizeof(name);
        if (i == 2)
            path.local = other;
        zsip_net_send(net, &output, 1);
        test_wait(net, 0);
        zsip_net_recycle(net);
        cr_assert_eq(recvfrom(peer, back, sizeof(back), 0, &name.any, &bytes), 3);
        cr_assert(zsip_sockaddr_read(&name, bytes, &sender));
        cr_assert_eq(memcmp(&sender, from[i], sizeof(sender)), 0);
        close(peer);
    }
    zsip_net_destroy(net);
}

/* ---- Failures ---------------------------------------------------------------------------------
 */

Test(udp, unroutable_outputs_fail_by_client)
{
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    uint8_t data[2][4] = {"abc", "def"};
    struct zsip_path no_socket = {.remote = test_address("[::1]:9"),
                                  .transport = ZSIP_TRANSPORT_UDP};
    struct zsip_path no_port = {.remote = test_address("127.0.0.1:0"),
                                .transport = ZSIP_TRANSPORT_UDP};
    struct zsip_output outputs[] = {
        {.data = data[0], .path = &no_socket, .bytes = 3, .client = 7},
        {.data = data[1], .path = &no_port, .bytes = 3, .client = 8},
        {.data = data[1], .path = &no_port, .bytes = 3}, /* a response: nobody to tell */
    };
    zsip_net_send(net, outputs, 3);
    const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
    cr_assert_eq(batch->failed_count, 2);
    cr_assert_eq(batch->failed[0].client + batch->failed[1].client, 15);
    zsip_net_recycle(net);
    batch = test_wait(net, 0);
    cr_assert_eq(batch->failed_count, 0);
    zsip_net_recycle(net);
    cr_assert_eq(zsip_net_stats(net)->send_errors, 3);
    cr_assert_eq(zsip_net_stats(net)->datagrams_out, 0);
    zsip_net_destroy(net);
}

Test(udp, more_failures_than_the_completion_queue_holds_are_all_counted)
{
    enum { COUNT = 3000, TOLD = 1024 };
    static struct zsip_output outputs[COUNT];
    struct zsip_net *net = test_net(0, 4);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    zsip_net_recycle(net);
    uint8_t data[] = "x";
    struct zsip_path no_port = {.remote = test_address("127.0.0.1:0"),
                                .transport = ZSIP_TRANSPORT_UDP};
    for (unsigned i = 0; i < COUNT; i++)
        outputs[i] = (struct zsip_output){
            .data = data, .path = &no_port, .bytes = 1 + i % 2, .client = i + 1};
    for (unsigned round = 0; round < 2; round++) {
        zsip_net_send(net, outputs, COUNT);
        const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
        cr_assert_eq(batch->failed_count, TOLD, "%zu: the rest is left to its timers",
                     batch->failed_count);
        cr_assert_eq(batch->failed[TOLD - 1].client, TOLD);
        zsip_net_recycle(net);
    }
    cr_assert_eq(zsip_net_stats(net)->send_errors, 2 * COUNT);
    cr_assert_eq(zsip_net_stats(net)->datagrams_out, 0);
    zsip_net_destroy(net);
}

static void dead_peer(const char *where)
{
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, where);
    int dead = test_peer(where, NULL), alive = test_peer(where, NULL);
    struct zsip_path path[] = {
        {.remote = test_name(dead), .transport = ZSIP_TRANSPORT_UDP, .flow = 1},
        {.remote = test_name(alive), .transport = ZSIP_TRANSPORT_UDP, .flow = 1},
    };
    close(dead);
    uint8_t to_dead[] = "nobody there", to_alive[] = "somebody", back[32];
    unsigned errors = 0;
    uint64_t begin_ns = zsip_time_now().monotonic_ns;
    for (unsigned round = 0; round < 20; round++) {
        struct zsip_output outputs[] = {
            {.data = to_dead, .path = &path[0], .bytes = 12, .client = 1},
            {.data = to_alive, .path = &path[1], .bytes = 8, .client = 2},
        };
        zsip_net_send(net, outputs, 2);
        const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
        cr_assert_eq(batch->failed_count, 0);
        for (size_t i = 0; i < batch->error_count; i++, errors++) {
            const struct zsip_net_error *error = &batch->errors[i];
            cr_assert(error->unreachable);
            cr_assert_eq(error->flow, 1);
            cr_assert_eq(memcmp(&error->remote, &path[0].remote, sizeof(error->remote)), 0);
            cr_assert_eq(error->quoted.length, 12);
            cr_assert_eq(memcmp(error->quoted.data, to_dead, 12), 0);
        }
        zsip_net_recycle(net);
        cr_assert_eq(recv(alive, back, sizeof(back), 0), 8);
    }
    cr_assert_geq(errors, 18, "%u", errors);
    /* Each wait ends with the error, not at its deadline. */
    cr_assert_lt(zsip_time_now().monotonic_ns - begin_ns, TEST_TIMEOUT_NS);
    cr_assert_eq(zsip_net_stats(net)->send_errors, 0);
    /* And it still receives. */
    union zsip_sockaddr name;
    socklen_t bytes = zsip_sockaddr_write(&path[1].remote, &name);
    cr_assert_gt(bytes, 0);
    close(alive);
    zsip_net_destroy(net);
}

Test(udp, an_icmp_error_names_its_datagram_and_spares_the_others)
{
    dead_peer("127.0.0.1");
    dead_peer("[::1]");
}

Test(udp, receives_go_on_after_icmp_errors)
{
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address address = test_listen(net, "127.0.0.1");
    int peer = test_peer("127.0.0.1", &address), dead = test_peer("127.0.0.1", NULL);
    struct zsip_path path = {.remote = test_name(dead), .transport = ZSIP_TRANSPORT_UDP};
    uint8_t data[] = "x";
    struct zsip_output outputs[200];
    close(dead);
    for (unsigned i = 0; i < 200; i++)
        outputs[i] = (struct zsip_output){.data = data, .path = &path, .bytes = 1, .client = i + 1};
    for (unsigned round = 0; round < 5; round++) {
        size_t packets = 0, errors = 0;
        zsip_net_send(net, outputs, 200);
        cr_assert_eq(send(peer, "hello", 5, 0), 5);
        for (unsigned turn = 0; turn < 200 && (packets == 0 || errors == 0); turn++) {
            const struct zsip_net_batch *batch = test_wait(net, 10000000);
            packets += batch->packet_count;
            errors += batch->error_count;
            cr_assert_eq(batch->failed_count, 0);
            zsip_net_recycle(net);
        }
        cr_assert_eq(packets, 1, "round %u: %zu packets, %zu errors", round, packets, errors);
        cr_assert_gt(errors, 0);
    }
    cr_assert_eq(test_log_count, 0, "%s", test_log[0]);
    close(peer);
    zsip_net_destroy(net);
}

Test(udp, a_flood_of_icmp_errors_starves_no_answer)
{
    enum { DEAD = 500 };
    static struct zsip_output outputs[DEAD + 1];
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address address = test_listen(net, "127.0.0.1");
    int alive = test_peer("127.0.0.1", &address), dead = test_peer("127.0.0.1", NULL);
    struct zsip_path to_dead = {.remote = test_name(dead), .transport = ZSIP_TRANSPORT_UDP};
    struct zsip_path to_alive = {.remote = test_name(alive), .transport = ZSIP_TRANSPORT_UDP};
    uint8_t data[600], back[600];
    memset(data, 'x', sizeof(data));
    close(dead);
    /* Of ever other length, so that each is a datagram with an error of its own. */
    for (unsigned i = 0; i < DEAD; i++)
        outputs[i] =
            (struct zsip_output){.data = data, .path = &to_dead, .bytes = 33 + i, .client = i + 1};
    outputs[DEAD] = (struct zsip_output){.data = data, .path = &to_alive, .bytes = 500};
    for (unsigned round = 0; round < 10; round++) {
        zsip_net_send(net, outputs, DEAD + 1);
        cr_assert_eq(send(alive, "hello", 5, 0), 5);
        size_t packets = 0;
        for (unsigned turn = 0; turn < 3 && packets == 0; turn++) {
            packets = test_wait(net, 100000000)->packet_count;
            zsip_net_recycle(net);
        }
        cr_assert_eq(packets, 1);
        cr_assert_eq(recv(alive, back, sizeof(back), 0), 500);
    }
    cr_assert_gt(zsip_net_stats(net)->icmp_errors, 64 * 10);
    cr_assert_eq(zsip_net_stats(net)->send_errors, 0);
    close(alive);
    zsip_net_destroy(net);
}

/* ---- Waking -----------------------------------------------------------------------------------
 */

static struct zsip_net *wake_net;

static void *wake_later(void *argument)
{
    (void)argument;
    usleep(30000);
    zsip_net_wake(wake_net);
    return NULL;
}

static void wake_by_signal(int number)
{
    (void)number;
    zsip_net_wake(wake_net);
}

static void woken_within(unsigned without)
{
    pthread_t thread;
    wake_net = test_net(without, 0);
    test_listen(wake_net, "127.0.0.1");
    for (unsigned round = 0; round < 3; round++) {
        uint64_t before = zsip_time_now().monotonic_ns;
        cr_assert_eq(pthread_create(&thread, NULL, wake_later, NULL), 0);
        const struct zsip_net_batch *batch = test_wait(wake_net, 2 * TEST_TIMEOUT_NS);
        uint64_t slept_ns = batch->now.monotonic_ns - before;
        cr_assert(slept_ns > 20000000 && slept_ns < TEST_TIMEOUT_NS, "%llu",
                  (unsigned long long)slept_ns);
        zsip_net_recycle(wake_net);
        pthread_join(thread, NULL);
    }
    signal(SIGALRM, wake_by_signal);
    alarm(1);
    uint64_t before = zsip_time_now().monotonic_ns;
    for (unsigned turn = 0; turn < 2; turn++) { /* the signal itself may end the first */
        test_wait(wake_net, turn == 0 ? 2 * TEST_TIMEOUT_NS : 0);
        zsip_net_recycle(wake_net);
    }
    cr_assert_lt(zsip_time_now().monotonic_ns - before, TEST_TIMEOUT_NS);
    zsip_net_destroy(wake_net);
}

Test(udp, wakes_by_thread_and_by_signal)
{
    woken_within(0);
    woken_within(ZSIP_FEATURE_DEFER);
}

Test(udp, a_wake_before_the_wait_is_not_lost)
{
    struct zsip_net *net = test_net(0, 0);
    zsip_net_wake(net);
    uint64_t before = zsip_time_now().monotonic_ns;
    test_wait(net, 2 * TEST_TIMEOUT_NS);
    cr_assert_lt(zsip_time_now().monotonic_ns - before, TEST_TIMEOUT_NS);
    zsip_net_destroy(net);
}

Test(udp, its_descriptor_is_readable_when_there_is_work)
{
    static const unsigned without[] = {0, ZSIP_FEATURE_DEFER};
    for (unsigned i = 0; i < 2; i++) {
        struct zsip_net *net = test_net(without[i], 0);
        struct zsip_address address = test_listen(net, "127.0.0.1");
        int peer = test_peer("127.0.0.1", &address);
        struct pollfd poll_fd = {.fd = zsip_net_fd(net), .events = POLLIN};
        for (unsigned round = 0; round < 5; round++) {
            test_wait(net, 0);
            zsip_net_recycle(net);
            cr_assert_eq(poll(&poll_fd, 1, 20), 0);
            cr_assert_eq(send(peer, "x", 1, 0), 1);
            cr_assert_eq(poll(&poll_fd, 1, 1000 * TEST_TIMEOUT_S), 1);
            cr_assert_eq(test_wait(net, 0)->packet_count, 1);
            zsip_net_recycle(net);
        }
        close(peer);
        zsip_net_destroy(net);
    }
}

/* ---- Threads ----------------------------------------------------------------------------------
 */

static void *one_packet(void *argument)
{
    struct zsip_net *net = argument;
    cr_assert_eq(test_wait(net, TEST_TIMEOUT_NS)->packet_count, 1);
    zsip_net_recycle(net);
    zsip_net_pause(net);
    return NULL;
}

Test(udp, made_by_one_thread_used_and_left_by_others_the_port_is_free_at_once)
{
    struct zsip_address address = test_address("127.0.0.1:0");
    for (unsigned round = 0; round < 20; round++) {
        struct zsip_net *net = test_net(ZSIP_FEATURE_GRO, 0);
        char error[256] = "";
        cr_assert_eq(
            zsip_net_listen(net, ZSIP_TRANSPORT_UDP, &address, 0, &address, error, sizeof(error)),
            ZSIP_OK, "round %u: %s", round, error);
        int peer = test_peer("127.0.0.1", &address);
        pthread_t thread;
        cr_assert_eq(send(peer, "x", 1, 0), 1);
        cr_assert_eq(pthread_create(&thread, NULL, one_packet, net), 0);
        pthread_join(thread, NULL);
        zsip_net_destroy(net);
        close(peer);
    }
}

Test(udp, goes_on_after_a_pause)
{
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address address = test_listen(net, "127.0.0.1");
    int peer = test_peer("127.0.0.1", &address);
    for (unsigned round = 0; round < 5; round++) {
        size_t packets = 0;
        test_wait(net, 0);
        zsip_net_recycle(net);
        cr_assert_eq(send(peer, "before", 6, 0), 6);
        zsip_net_pause(net);
        cr_assert_eq(send(peer, "meanwhile", 9, 0), 9);
        for (unsigned turn = 0; turn < 10 && packets < 2; turn++) {
            packets += test_wait(net, 100000000)->packet_count;
            zsip_net_recycle(net);
        }
        cr_assert_eq(packets, 2);
    }
    close(peer);
    zsip_net_destroy(net);
}
