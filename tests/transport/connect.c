/* Connections of ours: opened on demand, used again, lost and opened again. The framer is that of
 * streams.c. */
#include "streams.h"

#include <sys/resource.h>

static int peer_listen(struct zsip_address *address)
{
    struct zsip_address any = test_address("127.0.0.1:0");
    union zsip_sockaddr name = {0};
    socklen_t bytes = zsip_sockaddr_write(&any, &name);
    struct timeval timeout = {.tv_sec = TEST_TIMEOUT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, &name.any, bytes), 0);
    cr_assert_eq(listen(fd, 16), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    *address = test_name(fd);
    return fd;
}

static int peer_accept(struct test_streams *s, int listener)
{
    for (unsigned turn = 0; turn < TEST_TURNS_MAX; turn++) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0)
            return fd;
        test_wait(s->net, 2000000);
        zsip_net_recycle(s->net);
    }
    cr_assert(false, "nobody came");
    return -1;
}

static void send_text(struct test_streams *s, const struct zsip_address *to, const char *text,
                      uint64_t client)
{
    struct zsip_path path = {
        .remote = *to, .transport = ZSIP_TRANSPORT_TCP, .flags = ZSIP_PATH_RELIABLE};
    uint8_t data[256];
    struct zsip_output output = {
        .data = data, .path = &path, .bytes = (uint32_t)strlen(text), .client = client};
    memcpy(data, text, output.bytes);
    zsip_net_send(s->net, &output, 1);
    cr_assert_eq(zsip_net_flush(s->net), ZSIP_OK);
}

/* Turns until so many failures were told; the first is *failure. */
static size_t failures(struct test_streams *s, size_t wanted, struct zsip_net_failure *failure)
{
    size_t count = 0;
    for (unsigned turn = 0; turn < TEST_TURNS_MAX && count < wanted; turn++) {
        const struct zsip_net_batch *batch = test_wait(s->net, 2000000);
        if (batch->failed_count > 0 && count == 0)
            *failure = batch->failed[0];
        count += batch->failed_count;
        zsip_net_recycle(s->net);
    }
    return count;
}

Test(connect, a_connection_is_opened_on_demand_and_used_again)
{
    struct test_streams s = test_streams_begin(NULL);
    struct zsip_address address;
    int listener = peer_listen(&address);
    send_text(&s, &address, "1:a", 1);
    send_text(&s, &address, "1:b", 2);
    int peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "1:a1:b");
    send_text(&s, &address, "1:c", 3);
    test_stream_expect(&s, peer, "1:c");
    test_stream_write(peer, "2:ok");
    const struct zsip_net_batch *batch = test_stream_wait(&s, 1);
    cr_assert(test_packet_is(&batch->packets[0], "2:ok"));
    cr_assert_eq(memcmp(&batch->packets[0].path->remote, &address, sizeof(address)), 0);
    cr_assert_eq(batch->packets[0].path->local.family, ZSIP_FAMILY_IPV4);
    zsip_net_recycle(s.net);
    cr_assert_eq(zsip_net_stats(s.net)->connections_opened, 1);
    cr_assert_eq(accept(listener, NULL, NULL), -1);
    close(peer);
    close(listener);
    test_streams_end(&s);
}

Test(connect, several_connections_a_target_are_used_in_turn)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.connections_per_target = 3;
    struct test_streams s = test_streams_begin(&config);
    struct zsip_address address;
    int listener = peer_listen(&address), peers[3];
    for (unsigned i = 0; i < 6; i++)
        send_text(&s, &address, "1:a", i + 1);
    for (unsigned i = 0; i < 3; i++)
        peers[i] = peer_accept(&s, listener);
    for (unsigned i = 0; i < 3; i++) {
        test_stream_expect(&s, peers[i], "1:a1:a");
        close(peers[i]);
    }
    close(listener);
    test_streams_end(&s);
}

/* As many descriptors as are open, and so many more. */
static void allow_files(int more)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = dup(0);
    cr_assert_geq(next, 0);
    close(next);
    limit.rlim_cur = (rlim_t)(next + more);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(connect, a_connection_without_a_descriptor_fails_what_waits_for_it_and_leaves_nothing)
{
    struct test_streams s = test_streams_begin(NULL);
    struct zsip_address address;
    struct zsip_net_failure failure = {0};
    int listener = peer_listen(&address);
    allow_files(0);
    send_text(&s, &address, "1:a", 7);
    cr_assert_eq(failures(&s, 1, &failure), 1);
    cr_assert(failure.client == 7 && !failure.refused);
    cr_assert(test_logged("ulimit -n"));
    cr_assert_eq(zsip_net_stats(s.net)->connect_errors, 1);
    test_stream_settles(&s, 0);
    allow_files(16);
    send_text(&s, &address, "1:b", 8);
    int peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "1:b");
    close(peer);
    close(listener);
    test_streams_end(&s);
}

Test(connect, connections_that_could_not_be_opened_are_tried_again_beside_those_that_stand)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.connections_per_target = 3;
    struct test_streams s = test_streams_begin(&config);
    struct zsip_address address;
    int listener = peer_listen(&address), peers[3];
    allow_files(1);
    send_text(&s, &address, "1:a", 1);
    send_text(&s, &address, "1:b", 2); /* for which there is no descriptor: by the first one */
    test_stream_settles(&s, 1);
    allow_files(16);
    peers[0] = peer_accept(&s, listener);
    test_stream_expect(&s, peers[0], "1:a1:b");
    uint64_t client = 3;
    for (unsigned turn = 0; turn < TEST_TURNS_MAX; turn++) {
        if (zsip_net_stats(s.net)->connections_opened == 3)
            break;
        send_text(&s, &address, "1:c", client++);
        test_wait(s.net, 2000000);
        zsip_net_recycle(s.net);
    }
    cr_assert_eq(zsip_net_stats(s.net)->connections_opened, 3);
    cr_assert_eq(zsip_net_stats(s.net)->send_errors, 0);
    peers[1] = peer_accept(&s, listener);
    peers[2] = peer_accept(&s, listener);
    for (unsigned i = 0; i < 3; i++)
        close(peers[i]);
    close(listener);
    test_streams_end(&s);
}

Test(connect, a_refused_connection_fails_what_waits_for_it_and_rests)
{
    struct test_streams s = test_streams_begin(NULL);
    struct zsip_address address;
    struct zsip_net_failure failure = {0};
    int listener = peer_listen(&address);
    close(listener);
    send_text(&s, &address, "1:a", 7);
    send_text(&s, &address, "1:b", 8);
    cr_assert_eq(failures(&s, 2, &failure), 2);
    cr_assert(failure.refused);
    cr_assert(failure.client == 7 || failure.client == 8);
    uint64_t begin_ns = zsip_time_now().monotonic_ns;
    send_text(&s, &address, "1:c", 9);
    cr_assert_eq(failures(&s, 1, &failure), 1);
    cr_assert_gt(zsip_time_now().monotonic_ns - begin_ns, 40000000, "it rested");
    cr_assert_eq(zsip_net_stats(s.net)->connect_errors, 2);
    test_stream_settles(&s, 0);
    test_streams_end(&s);
}

Test(connect, requests_under_way_on_a_lost_connection_fail_and_the_next_opens_another)
{
    struct test_streams s = test_streams_begin(NULL);
    struct zsip_address address;
    struct zsip_net_failure failure = {0};
    int listener = peer_listen(&address);
    send_text(&s, &address, "1:a", 1);
    int peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "1:a");
    test_stream_write(peer, "2:ok"); /* it is alive */
    test_stream_wait(&s, 1);
    zsip_net_recycle(s.net);
    test_stream_reset(peer);
    cr_assert_eq(failures(&s, 1, &failure), 1);
    cr_assert(failure.client == 1 && !failure.refused);
    cr_assert_eq(zsip_net_stats(s.net)->requests_lost, 1);
    send_text(&s, &address, "1:b", 2);
    peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "1:b");
    close(peer);
    close(listener);
    test_streams_end(&s);
}

Test(connect, a_request_that_finds_its_connection_gone_leaves_by_another)
{
    struct test_streams s = test_streams_begin(NULL);
    struct zsip_address address;
    int listener = peer_listen(&address);
    send_text(&s, &address, "1:a", 1);
    int peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "1:a");
    test_stream_write(peer, "2:ok");
    test_stream_wait(&s, 1);
    zsip_net_recycle(s.net);
    /* Gone, and nobody has looked yet. */
    test_stream_reset(peer);
    usleep(20000);
    send_text(&s, &address, "1:b", 2);
    peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "1:b");
    cr_assert_eq(zsip_net_stats(s.net)->diverted, 1);
    close(peer);
    close(listener);
    test_streams_end(&s);
}

Test(connect, a_connection_that_does_not_stand_in_time_fails)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.connect_ns = 100 * ZSIP_NS_PER_MS;
    struct test_streams s = test_streams_begin(&config);
    struct zsip_address address;
    struct zsip_net_failure failure = {0};
    int listener = peer_listen(&address), fillers[4];
    /* A full backlog: the kernel drops what comes after. */
    cr_assert_eq(listen(listener, 0), 0);
    for (unsigned i = 0; i < 4; i++) {
        union zsip_sockaddr name = {0};
        socklen_t bytes = zsip_sockaddr_write(&address, &name);
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        cr_assert(connect(fillers[i], &name.any, bytes) == 0 || errno == EINPROGRESS);
    }
    send_text(&s, &address, "1:a", 3);
    cr_assert_eq(failures(&s, 1, &failure), 1);
    cr_assert(failure.client == 3 && !failure.refused);
    cr_assert_eq(zsip_net_stats(s.net)->connect_timeouts, 1);
    test_stream_settles(&s, 0);
    for (unsigned i = 0; i < 4; i++)
        close(fillers[i]);
    close(listener);
    test_streams_end(&s);
}

Test(connect, an_alias_leads_back_over_the_connection_that_said_it)
{
    struct test_streams s = test_streams_begin(NULL);
    int peer = test_stream_peer(&s);
    test_stream_write(peer, "1:a");
    const struct zsip_net_batch *batch = test_stream_wait(&s, 1);
    struct zsip_address address = batch->packets[0].path->remote;
    zsip_net_alias(s.net, batch->packets[0].path->flow, 5999);
    zsip_net_alias(s.net, batch->packets[0].path->flow, 5998); /* it has one already */
    test_stream_answer(&s, batch);
    address.port = 5999;
    send_text(&s, &address, "2:to", 1);
    test_stream_expect(&s, peer, "1:a2:to");
    cr_assert_eq(zsip_net_stats(s.net)->aliases, 1);
    close(peer);
    test_stream_settles(&s, 0);
    test_streams_end(&s);
}

Test(connect, an_idle_connection_of_ours_is_pinged_and_must_answer)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.ping_ns = 50 * ZSIP_NS_PER_MS;
    struct test_streams s = test_streams_begin(&config);
    struct zsip_address address;
    int listener = peer_listen(&address);
    send_text(&s, &address, "1:a", 1);
    int peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "1:a\r\n\r\n");
    test_stream_write(peer, "\n"); /* the toy's pong */
    test_stream_expect(&s, peer, "\r\n\r\n");
    cr_assert_eq(zsip_net_stats(s.net)->pings_out, 2);
    cr_assert_eq(zsip_net_stats(s.net)->connections_now, 1);
    close(peer);
    close(listener);
    test_streams_end(&s);
}

Test(connect, an_answer_whose_connection_is_gone_goes_to_the_address_of_its_path)
{
    struct test_streams s = test_streams_begin(NULL);
    struct zsip_address address;
    int listener = peer_listen(&address), first = test_stream_peer(&s);
    test_stream_write(first, "1:a");
    const struct zsip_net_batch *batch = test_stream_wait(&s, 1);
    struct zsip_path path = *batch->packets[0].path;
    uint8_t text[] = "4:late";
    struct zsip_output output = {.data = text, .path = &path, .bytes = 6};
    zsip_net_recycle(s.net);
    test_stream_reset(first);
    test_stream_settles(&s, 0);
    path.remote.port = address.port;
    zsip_net_send(s.net, &output, 1);
    cr_assert_eq(zsip_net_flush(s.net), ZSIP_OK);
    int peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "4:late");
    close(peer);
    close(listener);
    test_streams_end(&s);
}

enum { ANSWERS = 40 };

/* Answers to a connection that is gone, each to a port of its own from this one on. */
static void answer_gone(struct test_streams *s, struct zsip_path path, uint16_t first)
{
    static struct zsip_path paths[ANSWERS];
    struct zsip_output outputs[ANSWERS];
    static uint8_t text[] = "4:late";
    for (unsigned i = 0; i < ANSWERS; i++) {
        paths[i] = path;
        paths[i].remote.port = (uint16_t)(first + i);
        outputs[i] = (struct zsip_output){.data = text, .path = &paths[i], .bytes = 6};
    }
    zsip_net_send(s->net, outputs, ANSWERS);
    cr_assert_eq(zsip_net_flush(s->net), ZSIP_OK);
}

/* The path of a request whose connection was reset since. */
static struct zsip_path gone_path(struct test_streams *s)
{
    uint64_t others = zsip_net_stats(s->net)->connections_now;
    int peer = test_stream_peer(s);
    test_stream_write(peer, "1:a");
    struct zsip_path path = *test_stream_wait(s, 1)->packets[0].path;
    zsip_net_recycle(s->net);
    test_stream_reset(peer);
    test_stream_settles(s, others);
    return path;
}

Test(connect, answers_without_a_connection_open_few_at_a_time_to_one_source)
{
    struct test_streams s = test_streams_begin(NULL);
    struct zsip_path path = gone_path(&s);
    answer_gone(&s, path, 1); /* where nobody listens */
    cr_assert_eq(zsip_net_stats(s.net)->connect_full, ANSWERS - 16);
    test_stream_settles(&s, 0);
    cr_assert_eq(zsip_net_stats(s.net)->connect_errors, 16);
    /* Those that refused just now are not asked again. */
    uint64_t errors = zsip_net_stats(s.net)->send_errors;
    answer_gone(&s, path, 1);
    test_stream_settles(&s, 0);
    cr_assert_eq(zsip_net_stats(s.net)->connect_errors, 32);
    cr_assert_eq(zsip_net_stats(s.net)->send_errors - errors, ANSWERS - 16);
    /* And then others have their turn. */
    struct zsip_address address;
    int listener = peer_listen(&address);
    answer_gone(&s, path, address.port);
    int peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "4:late");
    close(peer);
    close(listener);
    test_streams_end(&s);
}

Test(connect, a_connection_for_an_answer_counts_as_its_sources)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.connections_per_source = 2;
    struct test_streams s = test_streams_begin(&config);
    struct zsip_address address;
    int listener = peer_listen(&address), one = test_stream_peer(&s);
    struct zsip_path path = gone_path(&s);
    int two = test_stream_peer(&s);
    answer_gone(&s, path, address.port);
    cr_assert_eq(zsip_net_stats(s.net)->connect_full, ANSWERS);
    cr_assert_eq(zsip_net_stats(s.net)->connections_now, 2);
    close(two);
    test_stream_settles(&s, 1);
    answer_gone(&s, path, address.port);
    cr_assert_eq(zsip_net_stats(s.net)->connections_now, 2);
    int peer = peer_accept(&s, listener);
    test_stream_expect(&s, peer, "4:late");
    close(peer);
    close(one);
    close(listener);
    test_stream_settles(&s, 0);
    test_streams_end(&s);
}

Test(connect, a_net_that_changes_hands_keeps_its_connections)
{
    struct test_streams s = test_streams_begin(NULL);
    struct zsip_address address;
    int listener = peer_listen(&address), in = test_stream_peer(&s);
    send_text(&s, &address, "1:a", 1);
    int out = peer_accept(&s, listener);
    test_stream_expect(&s, out, "1:a");
    for (unsigned round = 0; round < 3; round++) {
        zsip_net_pause(s.net);
        test_stream_write(in, "1:b");
        test_stream_answer(&s, test_stream_wait(&s, 1));
        test_stream_expect(&s, in, "1:b");
        send_text(&s, &address, "1:c", 2);
        test_stream_expect(&s, out, "1:c");
        int more = test_stream_peer(&s);
        close(more);
        test_stream_settles(&s, 2);
    }
    close(in);
    close(out);
    close(listener);
    test_streams_end(&s);
}
