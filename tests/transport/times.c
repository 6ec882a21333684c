/* How long a connection may take for what, to the millisecond: the clock is moved by the test. The
 * framer is that of streams.c. */
#include "streams.h"

#include <sys/resource.h>

#define MS ZSIP_NS_PER_MS
#define S  ZSIP_NS_PER_S

static uint64_t clock_ns = 1000 * S;

/* Stands for the one of the library: the linker was told so. */
struct zsip_time __wrap_zsip_time_now(void);
struct zsip_time __wrap_zsip_time_now(void)
{
    return (struct zsip_time){.monotonic_ns = clock_ns, .utc_s = (int64_t)(clock_ns / S)};
}

static void turns(struct test_streams *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        test_wait(s->net, MS);
        zsip_net_recycle(s->net);
    }
}

static void pass(struct test_streams *s, uint64_t ns)
{
    turns(s, 3); /* what came before came then */
    clock_ns += ns;
    turns(s, 3);
}

#define EXPECT(name, count)                                                                        \
    cr_assert_eq(zsip_net_stats(s.net)->name, count, #name " is %u",                               \
                 (unsigned)zsip_net_stats(s.net)->name)

/* Turns until something has happened so often. */
#define AWAIT(name, count)                                                                         \
    do {                                                                                           \
        for (unsigned turn = 0; turn < TEST_TURNS_MAX && zsip_net_stats(s.net)->name < (count);    \
             turn++)                                                                               \
            turns(&s, 1);                                                                          \
        EXPECT(name, count);                                                                       \
    } while (0)

/* Time does not pass by itself here, so nobody looks for packets until some has. */
static struct test_streams begin(struct zsip_stream_config streams)
{
    struct zsip_net_config config = test_streams_config();
    config.spin_ns = 0;
    config.streams = streams;
    return test_streams_begin(&config);
}

Test(times, first_byte_within_30_s)
{
    struct test_streams s = begin((struct zsip_stream_config){0});
    int silent = test_stream_peer(&s), other = test_stream_peer(&s);
    pass(&s, 30 * S - MS);
    test_stream_write(other, "\n");
    AWAIT(reads, 1);
    pass(&s, MS);
    EXPECT(closed_first_byte, 1);
    EXPECT(connections_now, 1);
    close(silent);
    close(other);
    test_streams_end(&s);
}

Test(times, message_within_30_s_whatever_comes_of_it)
{
    struct test_streams s = begin((struct zsip_stream_config){0});
    int slow = test_stream_peer(&s), other = test_stream_peer(&s);
    test_stream_write(slow, "99:");
    test_stream_write(other, "2:");
    AWAIT(reads, 2);
    for (unsigned i = 1; i < 30; i++) {
        pass(&s, S);
        test_stream_write(slow, "x");
        AWAIT(reads, 2 + i);
    }
    EXPECT(connections_now, 2);
    /* Its message ends, and with the same bytes another begins: which has 30 s of its own. */
    test_stream_write(other, "xx2:");
    AWAIT(messages_in, 1);
    pass(&s, S);
    EXPECT(closed_slow, 1);
    EXPECT(connections_now, 1);
    pass(&s, 29 * S - MS);
    EXPECT(connections_now, 1);
    pass(&s, MS);
    EXPECT(closed_slow, 2);
    close(slow);
    close(other);
    test_streams_end(&s);
}

/* More than a hundred turns take in. */
static void write_many(int peer, unsigned *messages)
{
    enum { MESSAGES = 20000 };
    static char many[3 * MESSAGES + 1];
    for (unsigned i = 0; i < MESSAGES; i++)
        memcpy(many + 3 * i, "1:a", 3);
    test_stream_write(peer, many);
    *messages += MESSAGES;
}

Test(times, what_came_in_time_is_not_overtaken_where_we_were_late)
{
    enum { BUSY = 4 };
    struct test_streams s = begin((struct zsip_stream_config){0});
    int busy[BUSY], slow;
    unsigned messages = 0;
    for (unsigned i = 0; i < BUSY; i++)
        busy[i] = test_stream_peer(&s);
    slow = test_stream_peer(&s);
    test_stream_write(slow, "2:");
    AWAIT(reads, 1);
    for (unsigned i = 0; i < BUSY; i++)
        write_many(busy[i], &messages);
    test_stream_write(slow, "xx");
    clock_ns += 31 * S;
    AWAIT(messages_in, messages + 1);
    EXPECT(closed_slow, 0);
    for (unsigned i = 0; i < BUSY; i++)
        close(busy[i]);
    close(slow);
    test_streams_end(&s);
}

Test(times, late_or_not_who_does_not_come_in_the_end_goes)
{
    struct test_streams s = begin((struct zsip_stream_config){0});
    int busy = test_stream_peer(&s), slow = test_stream_peer(&s);
    unsigned messages = 0;
    test_stream_write(slow, "2:x");
    AWAIT(reads, 1);
    write_many(busy, &messages);
    clock_ns += 31 * S;
    AWAIT(messages_in, messages);
    EXPECT(closed_slow, 0);
    write_many(busy, &messages);
    clock_ns += 2 * S;
    AWAIT(messages_in, messages);
    EXPECT(closed_slow, 1);
    close(busy);
    close(slow);
    test_streams_end(&s);
}

Test(times, idle_for_600_s_at_most)
{
    struct test_streams s = begin((struct zsip_stream_config){0});
    int idle = test_stream_peer(&s), busy = test_stream_peer(&s);
    test_stream_write(idle, "\n");
    test_stream_write(busy, "\n");
    AWAIT(reads, 2);
    pass(&s, 300 * S);
    test_stream_write(busy, "\n");
    AWAIT(reads, 3);
    pass(&s, 300 * S - MS);
    EXPECT(closed_idle, 0);
    pass(&s, MS);
    EXPECT(closed_idle, 1);
    EXPECT(connections_now, 1);
    test_stream_expect_end(&s, idle);
    close(idle);
    close(busy);
    test_streams_end(&s);
}

Test(times, one_that_waits_for_an_answer_is_not_idle_for_32_s)
{
    struct test_streams s = begin((struct zsip_stream_config){.idle_ns = 5 * S});
    int peers[3];
    for (unsigned i = 0; i < 3; i++)
        peers[i] = test_stream_peer(&s);
    test_stream_write(peers[0], "1:a");
    test_stream_answer(&s, test_stream_wait(&s, 1));
    test_stream_write(peers[1], "1:a");
    test_stream_wait(&s, 1);
    zsip_net_recycle(s.net);
    test_stream_write(peers[2], "1:a");
    struct zsip_path path = *test_stream_wait(&s, 1)->packets[0].path;
    zsip_net_recycle(s.net);
    pass(&s, 5 * S);
    EXPECT(closed_idle, 1);
    pass(&s, 31 * S);
    EXPECT(closed_idle, 1);
    uint8_t text[] = "1:b";
    struct zsip_output output = {.data = text, .path = &path, .bytes = 3};
    zsip_net_send(s.net, &output, 1);
    test_stream_expect(&s, peers[2], "1:b");
    pass(&s, S);
    EXPECT(closed_idle, 3);
    for (unsigned i = 0; i < 3; i++)
        close(peers[i]);
    test_streams_end(&s);
}

/* Sends to a peer until it is no longer read, and 4 MiB more: more than the kernel takes at once
 * when the peer reads on. Returns how much. */
static size_t fill(struct test_streams *s, const struct zsip_path *path)
{
    static uint8_t data[65536];
    size_t bytes = 0;
    for (unsigned more = 64; more > 0; more -= zsip_net_stats(s->net)->reads_stopped > 0) {
        struct zsip_output output = {.data = data, .path = path, .bytes = sizeof(data)};
        zsip_net_send(s->net, &output, 1);
        turns(s, 1);
        bytes += sizeof(data);
    }
    return bytes;
}

static struct zsip_path path_of(struct test_streams *s, int peer)
{
    test_stream_write(peer, "1:a");
    struct zsip_path path = *test_stream_wait(s, 1)->packets[0].path;
    zsip_net_recycle(s->net);
    return path;
}

static int small_peer(struct test_streams *s)
{
    int peer = test_stream_peer(s), small = 65536;
    setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    return peer;
}

/* Lets 30 s pass in which nothing leaves, though what kernels pass on by themselves may before. */
static void stand_still(struct test_streams *s)
{
    uint64_t written = 0;
    for (unsigned i = 0; i < 100 && written != zsip_net_stats(s->net)->bytes_out; i++) {
        written = zsip_net_stats(s->net)->bytes_out;
        pass(s, 30 * S - MS);
        cr_assert_eq(zsip_net_stats(s->net)->connections_now, 1);
        pass(s, MS);
    }
}

Test(times, who_does_not_read_for_30_s_is_closed)
{
    struct test_streams s = begin((struct zsip_stream_config){0});
    int peer = small_peer(&s);
    struct zsip_path path = path_of(&s, peer);
    fill(&s, &path);
    stand_still(&s);
    EXPECT(closed_unsent, 1);
    close(peer);
    test_streams_end(&s);
}

Test(times, who_reads_now_and_then_has_another_30_s)
{
    static uint8_t some[1 << 20];
    struct test_streams s = begin((struct zsip_stream_config){0});
    int peer = small_peer(&s);
    struct zsip_path path = path_of(&s, peer);
    size_t bytes = fill(&s, &path);
    uint64_t written = zsip_net_stats(s.net)->bytes_out;
    pass(&s, 30 * S - MS);
    for (unsigned turn = 0; turn < TEST_TURNS_MAX; turn++) {
        if (zsip_net_stats(s.net)->bytes_out > written)
            break;
        cr_assert_gt(recv(peer, some, bytes / 64, MSG_DONTWAIT), 0);
        turns(&s, 1);
    }
    pass(&s, 30 * S - MS);
    EXPECT(connections_now, 1);
    /* Unless this kernel took all of it at once. */
    for (unsigned i = 0; i < 100 && zsip_net_stats(s.net)->closed_unsent == 0; i++) {
        if (zsip_net_stats(s.net)->bytes_out == bytes)
            break;
        pass(&s, 30 * S);
    }
    if (zsip_net_stats(s.net)->bytes_out < bytes)
        EXPECT(closed_unsent, 1);
    close(peer);
    test_streams_end(&s);
}

Test(times, who_ended_its_direction_is_answered_for_32_s)
{
    struct test_streams s = begin((struct zsip_stream_config){0});
    int peer = test_stream_peer(&s);
    path_of(&s, peer);
    shutdown(peer, SHUT_WR);
    pass(&s, 32 * S - MS);
    EXPECT(connections_now, 1);
    pass(&s, MS);
    AWAIT(closed_by_peer, 1);
    test_stream_expect_end(&s, peer);
    close(peer);
    test_streams_end(&s);
}

Test(times, who_broke_off_may_linger_for_2_s)
{
    struct test_streams s = begin((struct zsip_stream_config){0});
    int peer = test_stream_peer(&s);
    test_stream_write(peer, "!bad");
    test_stream_answer(&s, test_stream_wait(&s, 1));
    test_stream_expect(&s, peer, "!");
    test_stream_expect_end(&s, peer);
    pass(&s, 2 * S - MS);
    EXPECT(connections_now, 1);
    test_stream_write(peer, "more");
    pass(&s, MS);
    EXPECT(connections_now, 0);
    close(peer);
    test_streams_end(&s);
}

/* ---- Connections of ours --------------------------------------------------------------------- */

static int listen_at(struct zsip_address *address, int backlog)
{
    struct zsip_address any = test_address("127.0.0.1:0");
    union zsip_sockaddr name = {0};
    socklen_t bytes = zsip_sockaddr_write(&any, &name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, &name.any, bytes), 0);
    cr_assert_eq(listen(fd, backlog), 0);
    *address = test_name(fd);
    return fd;
}

static void ask(struct test_streams *s, const struct zsip_address *to, uint64_t client)
{
    static uint8_t data[] = "1:a";
    struct zsip_path path = {
        .remote = *to, .transport = ZSIP_TRANSPORT_TCP, .flags = ZSIP_PATH_RELIABLE};
    struct zsip_output output = {.data = data, .path = &path, .bytes = 3, .client = client};
    zsip_net_send(s->net, &output, 1);
    cr_assert_eq(zsip_net_flush(s->net), ZSIP_OK);
}

Test(times, connection_of_ours_stands_within_4_s)
{
    struct test_streams s = begin((struct zsip_stream_config){0});
    struct zsip_address address;
    int listener = listen_at(&address, 0), fillers[4];
    /* A full backlog: the kernel drops what comes after. */
    for (unsigned i = 0; i < 4; i++) {
        union zsip_sockaddr name = {0};
        socklen_t bytes = zsip_sockaddr_write(&address, &name);
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        cr_assert(connect(fillers[i], &name.any, bytes) == 0 || errno == EINPROGRESS);
    }
    ask(&s, &address, 1);
    pass(&s, 4 * S - MS);
    EXPECT(connect_timeouts, 0);
    EXPECT(connections_now, 1);
    pass(&s, MS);
    AWAIT(connect_timeouts, 1);
    test_stream_settles(&s, 0);
    for (unsigned i = 0; i < 4; i++)
        close(fillers[i]);
    close(listener);
    test_streams_end(&s);
}

Test(times, ping_of_ours_is_answered_within_10_s)
{
    struct test_streams s = begin((struct zsip_stream_config){.ping_ns = 60 * S});
    struct zsip_address address;
    int listener = listen_at(&address, 4);
    ask(&s, &address, 1);
    AWAIT(connections_opened, 1);
    int peer = accept(listener, NULL, NULL);
    pass(&s, 60 * S - MS);
    EXPECT(pings_out, 0);
    pass(&s, MS);
    EXPECT(pings_out, 1);
    test_stream_expect(&s, peer, "1:a\r\n\r\n");
    pass(&s, 10 * S - MS);
    test_stream_write(peer, "\n"); /* the toy's pong */
    AWAIT(reads, 1);
    pass(&s, 60 * S);
    EXPECT(pings_out, 2);
    pass(&s, 10 * S - MS);
    EXPECT(connections_now, 1);
    pass(&s, MS);
    EXPECT(closed_pong, 1);
    close(peer);
    close(listener);
    test_streams_end(&s);
}

Test(times, rests_between_tries_double_from_100_ms_to_10_s_and_differ)
{
    enum { TRIES = 16 };
    struct test_streams s = begin((struct zsip_stream_config){0});
    struct zsip_address address;
    uint64_t last_ns = 0, longest_ms = 100, rests[TRIES] = {0};
    unsigned equal = 0;
    close(listen_at(&address, 4));
    for (unsigned i = 0; i < TRIES; i++) {
        const uint64_t step_ms = 1 + longest_ms / 50;
        ask(&s, &address, i + 1);
        while (zsip_net_stats(s.net)->connect_errors == i) {
            turns(&s, 1);
            clock_ns += step_ms * MS;
            cr_assert(i == 0 || clock_ns - last_ns < 11 * S, "try %u does not come", i);
        }
        rests[i] = (clock_ns - last_ns) / MS;
        last_ns = clock_ns;
        if (i == 0)
            continue;
        cr_assert(rests[i] + 2 * step_ms >= longest_ms / 2 && rests[i] <= longest_ms + 10 * step_ms,
                  "rest %u is %u ms, not up to %u", i, (unsigned)rests[i], (unsigned)longest_ms);
        longest_ms = longest_ms < 5000 ? 2 * longest_ms : 10000;
        equal += rests[i] == rests[i - 1];
    }
    cr_assert_lt(equal, 6);
    test_streams_end(&s);
}

/* ---- Accepting ------------------------------------------------------------------------------- */

Test(times, accepting_keeps_to_its_rate_to_the_connection)
{
    enum { PEERS = 60, BURST = 5, UNDER_WAY = 8 };
    struct test_streams s = begin((struct zsip_stream_config){.accept_rate = 100});
    int peers[PEERS];
    uint64_t begun_ns = clock_ns;
    for (unsigned i = 0; i < PEERS; i++)
        peers[i] = test_stream_connect(&s.bound);
    for (unsigned i = 0; i < 100; i++) {
        turns(&s, 2);
        uint64_t accepted = zsip_net_stats(s.net)->connections_accepted;
        cr_assert_leq(accepted, (clock_ns - begun_ns) / (10 * MS) + BURST + UNDER_WAY);
        clock_ns += 10 * MS;
    }
    AWAIT(connections_accepted, PEERS);
    cr_assert_gt(zsip_net_stats(s.net)->accepts_limited, 0);
    for (unsigned i = 0; i < PEERS; i++)
        close(peers[i]);
    test_streams_end(&s);
}

Test(times, accepting_rests_for_50_ms_where_there_is_no_descriptor)
{
    enum { LIMIT = 64 };
    struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = LIMIT};
    int copies[LIMIT];
    unsigned count = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct test_streams s = begin((struct zsip_stream_config){0});
    int peer = test_stream_connect(&s.bound);
    while (count < LIMIT && (copies[count] = dup(peer)) >= 0)
        count++;
    AWAIT(accept_pauses, 1);
    turns(&s, 20);
    EXPECT(accept_pauses, 1);
    pass(&s, 50 * MS);
    AWAIT(accept_pauses, 2);
    while (count > 0)
        close(copies[--count]);
    pass(&s, 50 * MS);
    AWAIT(connections_accepted, 1);
    close(peer);
    test_streams_end(&s);
}
