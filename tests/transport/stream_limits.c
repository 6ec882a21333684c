/* Bounds of connections: each is reached, counted, and others are served. The framer is that of
 * streams.c. */
#include "streams.h"

#include <poll.h>
#include <sys/resource.h>

/* Who is to write has the time to do so, on a machine that does other things meanwhile. */
static struct zsip_net_config short_times(void)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.first_byte_ns = ZSIP_NS_PER_S;
    config.streams.message_ns = 60 * ZSIP_NS_PER_MS;
    config.streams.idle_ns = 60 * ZSIP_NS_PER_MS;
    return config;
}

Test(stream_limits, a_silent_peer_a_slow_one_and_an_idle_one_are_closed)
{
    struct zsip_net_config config = short_times();
    struct test_streams s = test_streams_begin(&config);
    int silent = test_stream_peer(&s), slow = test_stream_peer(&s), idle = test_stream_peer(&s);
    test_stream_write(slow, "5:h");
    test_stream_write(idle, "\n");
    test_stream_settles(&s, 0);
    cr_assert_eq(zsip_net_stats(s.net)->closed_first_byte, 1);
    cr_assert_eq(zsip_net_stats(s.net)->closed_slow, 1);
    cr_assert_eq(zsip_net_stats(s.net)->closed_idle, 1);
    test_stream_expect_end(&s, silent);
    close(silent);
    close(slow);
    close(idle);
    test_streams_end(&s);
}

Test(stream_limits, a_byte_now_and_then_does_not_prolong_a_message)
{
    struct zsip_net_config config = short_times();
    struct test_streams s = test_streams_begin(&config);
    int slow = test_stream_peer(&s);
    uint64_t begin_ns = zsip_time_now().monotonic_ns;
    test_stream_write(slow, "9");
    while (zsip_net_stats(s.net)->closed_slow == 0) {
        send(slow, "9", 1, MSG_NOSIGNAL);
        test_wait(s.net, 10000000);
        zsip_net_recycle(s.net);
        cr_assert_lt(zsip_time_now().monotonic_ns - begin_ns, TEST_TIMEOUT_NS);
    }
    close(slow);
    test_streams_end(&s);
}

Test(stream_limits, connections_beyond_the_bounds_are_refused)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.connections = 4;
    config.streams.connections_per_source = 2;
    struct test_streams s = test_streams_begin(&config);
    int peers[4];
    for (unsigned i = 0; i < 4; i++) {
        peers[i] = test_stream_connect(&s.bound);
        test_wait(s.net, 2000000);
        zsip_net_recycle(s.net);
    }
    test_stream_settles(&s, 2);
    cr_assert_eq(zsip_net_stats(s.net)->refused_source, 2);
    for (unsigned i = 0; i < 4; i++)
        close(peers[i]);
    test_stream_settles(&s, 0);
    /* The count went down again. */
    peers[0] = test_stream_peer(&s);
    close(peers[0]);
    test_streams_end(&s);
}

Test(stream_limits, a_full_table_refuses_and_takes_again_when_there_is_room)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.connections = 2;
    struct test_streams s = test_streams_begin(&config);
    int a = test_stream_peer(&s), b = test_stream_peer(&s), c = test_stream_connect(&s.bound);
    char byte;
    for (unsigned i = 0; i < 20; i++) {
        test_wait(s.net, 1000000);
        zsip_net_recycle(s.net);
    }
    cr_assert_eq(recv(c, &byte, 1, MSG_DONTWAIT), -1);
    cr_assert_eq(errno, ECONNRESET);
    cr_assert_eq(zsip_net_stats(s.net)->refused_full, 1);
    close(c);
    close(a);
    test_stream_settles(&s, 1);
    a = test_stream_peer(&s);
    close(a);
    close(b);
    test_streams_end(&s);
}

/* Fills the way to a peer that does not read; returns how many messages were answered. */
static unsigned flood(struct test_streams *s, int peer, unsigned turns)
{
    static char message[4096];
    unsigned answered = 0;
    int bytes = snprintf(message, sizeof(message), "4000:");
    memset(message + bytes, 'x', 4000);
    for (unsigned turn = 0; turn < turns; turn++) {
        for (unsigned i = 0; i < 16; i++)
            if (send(peer, message, (size_t)bytes + 4000, MSG_DONTWAIT | MSG_NOSIGNAL) !=
                bytes + 4000)
                break;
        const struct zsip_net_batch *batch = test_wait(s->net, 1000000);
        answered += (unsigned)batch->packet_count;
        if (batch->packet_count > 0)
            test_stream_answer(s, batch);
        else
            zsip_net_recycle(s->net);
    }
    return answered;
}

static void small_buffers(int peer)
{
    int bytes = 65536;
    setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

Test(stream_limits, a_peer_that_never_reads_is_not_read_either_and_then_closed)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.unsent_ns = ZSIP_NS_PER_S;
    config.streams.unsent_bytes = 4 << 20;
    struct test_streams s = test_streams_begin(&config);
    int peer = test_stream_peer(&s), other = test_stream_peer(&s);
    small_buffers(peer);
    flood(&s, peer, 2000);
    cr_assert_gt(zsip_net_stats(s.net)->reads_stopped, 0);
    cr_assert_gt(zsip_net_stats(s.net)->writes_short, 0);
    for (unsigned turn = 0; turn < TEST_TURNS_MAX && zsip_net_stats(s.net)->closed_unsent == 0;
         turn++) {
        test_wait(s.net, 2000000);
        zsip_net_recycle(s.net);
    }
    cr_assert_eq(zsip_net_stats(s.net)->closed_unsent, 1);
    close(peer);
    close(other);
    test_streams_end(&s);
}

Test(stream_limits, who_does_not_read_is_not_read)
{
    static char message[4005] = "4000:";
    struct test_streams s = test_streams_begin(NULL);
    int peer = test_stream_peer(&s);
    small_buffers(peer);
    flood(&s, peer, 2000);
    cr_assert_eq(zsip_net_stats(s.net)->reads_stopped, 1);
    uint64_t taken = zsip_net_stats(s.net)->messages_in;
    for (unsigned i = 0; i < 100; i++) {
        send(peer, message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
        test_wait(s.net, 1000000);
        zsip_net_recycle(s.net);
    }
    cr_assert_eq(zsip_net_stats(s.net)->messages_in, taken);
    cr_assert_eq(zsip_net_stats(s.net)->connections_now, 1);
    close(peer);
    test_streams_end(&s);
}

/* Messages of 4,005 bytes, numbered, so that a byte out of place shows. */
enum { NUMBERED_BYTES = 4005 };

static uint8_t numbered(uint64_t at)
{
    char head[16];
    snprintf(head, sizeof(head), "4000:%07u.", (unsigned)(at / NUMBERED_BYTES));
    return at % NUMBERED_BYTES < 13 ? (uint8_t)head[at % NUMBERED_BYTES] : 'x';
}

/* Writes as much as the way takes; returns how far it came. */
static uint64_t write_numbered(int peer, uint64_t from)
{
    uint8_t message[NUMBERED_BYTES];
    size_t left = NUMBERED_BYTES - from % NUMBERED_BYTES;
    for (unsigned i = 0; i < left; i++)
        message[i] = numbered(from + i);
    ssize_t bytes = send(peer, message, left, MSG_DONTWAIT | MSG_NOSIGNAL);
    return from + (bytes > 0 ? (uint64_t)bytes : 0);
}

static uint64_t read_numbered(int peer, uint64_t from)
{
    static uint8_t got[1 << 16];
    ssize_t bytes = recv(peer, got, sizeof(got), MSG_DONTWAIT);
    for (ssize_t i = 0; i < bytes; i++)
        if (got[i] != numbered(from + (uint64_t)i))
            cr_assert(false, "byte %lu", (unsigned long)(from + (uint64_t)i));
    return from + (bytes > 0 ? (uint64_t)bytes : 0);
}

Test(stream_limits, a_peer_that_reads_late_gets_every_byte_in_order)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.unsent_bytes = 16 << 20;
    struct test_streams s = test_streams_begin(&config);
    int peer = test_stream_peer(&s);
    uint64_t written = 0, read = 0;
    small_buffers(peer);
    for (unsigned turn = 0; turn < 20000; turn++) {
        bool late = turn < 3000;
        if (late || written % NUMBERED_BYTES != 0)
            written = write_numbered(peer, written);
        const struct zsip_net_batch *batch = test_wait(s.net, late ? 0 : 1000000);
        if (batch->packet_count > 0)
            test_stream_answer(&s, batch);
        else
            zsip_net_recycle(s.net);
        if (!late || turn % 64 == 0)
            read = read_numbered(peer, read);
        if (!late && written % NUMBERED_BYTES == 0 && read == written)
            break;
    }
    cr_assert_eq(read, written);
    cr_assert_gt(written, 1000000);
    cr_assert_gt(zsip_net_stats(s.net)->writes_short, 0);
    cr_assert_eq(zsip_net_stats(s.net)->connections_now, 1);
    close(peer);
    test_streams_end(&s);
}

Test(stream_limits, who_is_reset_for_not_reading_is_owed_nothing)
{
    static uint8_t answer[4000];
    static struct zsip_output outputs[256];
    struct zsip_net_config config = test_streams_config();
    config.streams.memory_bytes = 1 << 20; /* for two calls */
    struct test_streams s = test_streams_begin(&config);
    int peer = test_stream_peer(&s);
    small_buffers(peer);
    test_stream_write(peer, "1:a");
    struct zsip_path path = *test_stream_wait(&s, 1)->packets[0].path;
    zsip_net_recycle(s.net);
    for (unsigned i = 0; i < 256; i++)
        outputs[i] = (struct zsip_output){.data = answer, .path = &path, .bytes = sizeof(answer)};
    for (unsigned turn = 0; turn < 1000 && zsip_net_stats(s.net)->closed_unsent == 0; turn++) {
        zsip_net_send(s.net, outputs, 256);
        cr_assert_eq(zsip_net_flush(s.net), ZSIP_OK);
    }
    cr_assert_eq(zsip_net_stats(s.net)->closed_unsent, 1);
    test_stream_settles(&s, 0);
    cr_assert_eq(zsip_net_stats(s.net)->connect_errors, 0, "it was called back");
    cr_assert_eq(zsip_net_stats(s.net)->diverted, 0);
    close(peer);
    test_streams_end(&s);
}

/* Sends stretches of bytes until something gives way, at most so many. Returns how many left us. */
static unsigned send_much(struct test_streams *s, const struct zsip_path *path, uint64_t client,
                          unsigned count)
{
    static uint8_t data[65536];
    unsigned sent = 0;
    while (sent < count && zsip_net_stats(s->net)->send_full == 0) {
        struct zsip_output output = {
            .data = data, .path = path, .bytes = sizeof(data), .client = client};
        client += client > 0;
        zsip_net_send(s->net, &output, 1);
        test_wait(s->net, 0);
        zsip_net_recycle(s->net);
        sent++;
    }
    return sent;
}

/* What the kernel takes of them without anybody reading, in stretches of 64 KiB. */
static unsigned taken(const struct test_streams *s)
{
    return (unsigned)(zsip_net_stats(s->net)->bytes_out / 65536);
}

/* A peer that asks once by the path and reads little; it may leave 1 MiB unread. */
static struct test_streams unread_begin(int *peer, struct zsip_path *path)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.unsent_bytes = 1 << 20;
    config.streams.memory_bytes = 64 << 20;
    struct test_streams s = test_streams_begin(&config);
    *peer = test_stream_peer(&s);
    small_buffers(*peer);
    test_stream_write(*peer, "1:a");
    *path = *test_stream_wait(&s, 1)->packets[0].path;
    zsip_net_recycle(s.net);
    return s;
}

Test(stream_limits, more_unsent_answers_than_allowed_end_the_connection)
{
    struct zsip_path path;
    int peer;
    struct test_streams s = unread_begin(&peer, &path);
    unsigned sent = send_much(&s, &path, 0, 1000);
    /* 1 MiB, and 4 MiB of answers to what was read before that. */
    cr_assert(sent - taken(&s) >= 78 && sent - taken(&s) <= 82, "%u of %u", sent, taken(&s));
    cr_assert_eq(zsip_net_stats(s.net)->closed_unsent, 1);
    test_stream_settles(&s, 0);
    close(peer);
    test_streams_end(&s);
}

Test(stream_limits, a_request_more_than_may_be_unsent_fails_alone)
{
    struct zsip_path path;
    int peer;
    struct test_streams s = unread_begin(&peer, &path);
    unsigned sent = send_much(&s, &path, 1, 1000);
    cr_assert(sent - taken(&s) >= 14 && sent - taken(&s) <= 18, "%u of %u", sent, taken(&s));
    cr_assert_eq(zsip_net_stats(s.net)->send_errors, 1);
    cr_assert_eq(zsip_net_stats(s.net)->connections_now, 1);
    close(peer);
    test_streams_end(&s);
}

Test(stream_limits, running_out_of_descriptors_pauses_and_resumes)
{
    enum { LIMIT = 64 };
    struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = LIMIT};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct test_streams s = test_streams_begin(NULL);
    int first = test_stream_peer(&s), waiting = test_stream_connect(&s.bound), copies[LIMIT];
    unsigned count = 0;
    while (count < LIMIT && (copies[count] = dup(first)) >= 0)
        count++;
    for (unsigned turn = 0; turn < 100 && zsip_net_stats(s.net)->accept_pauses == 0; turn++) {
        test_wait(s.net, 2000000);
        zsip_net_recycle(s.net);
    }
    cr_assert_gt(zsip_net_stats(s.net)->accept_pauses, 0);
    test_stream_write(first, "1:a");
    test_stream_answer(&s, test_stream_wait(&s, 1));
    test_stream_expect(&s, first, "1:a");
    cr_assert_lt(zsip_net_stats(s.net)->accept_pauses, 20, "it spins");
    while (count > 0)
        close(copies[--count]);
    test_stream_settles(&s, 2);
    test_stream_write(waiting, "1:b");
    test_stream_answer(&s, test_stream_wait(&s, 1));
    test_stream_expect(&s, waiting, "1:b");
    cr_assert(test_logged("ulimit -n"));
    close(first);
    close(waiting);
    test_streams_end(&s);
}

Test(stream_limits, accepting_keeps_to_its_rate)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.accept_rate = 100;
    struct test_streams s = test_streams_begin(&config);
    uint64_t begin_ns = zsip_time_now().monotonic_ns;
    int peers[40];
    for (unsigned i = 0; i < 40; i++)
        peers[i] = test_stream_connect(&s.bound);
    test_stream_settles(&s, 40);
    uint64_t took_ns = zsip_time_now().monotonic_ns - begin_ns;
    cr_assert(took_ns > 150000000 && took_ns < TEST_TIMEOUT_NS, "%lu ms",
              (unsigned long)(took_ns / 1000000));
    cr_assert_gt(zsip_net_stats(s.net)->accepts_limited, 0);
    for (unsigned i = 0; i < 40; i++)
        close(peers[i]);
    test_streams_end(&s);
}

Test(stream_limits, thousands_of_connections_come_and_go_and_leave_nothing)
{
    struct test_streams s = test_streams_begin(NULL);
    for (unsigned round = 0; round < 3000; round++) {
        int peer = test_stream_connect(&s.bound);
        if (round % 3 == 0)
            test_stream_write(peer, "5:hel"); /* a half message is given back, too */
        if (round % 2 == 0)
            test_stream_reset(peer);
        else
            close(peer);
        test_wait(s.net, 0);
        zsip_net_recycle(s.net);
    }
    test_stream_settles(&s, 0);
    struct zsip_net_stats stats = *zsip_net_stats(s.net);
    cr_assert_gt(stats.connections_accepted, 1000);
    /* As good as new: no slot, block or descriptor is missing. */
    int next = test_stream_connect(&s.bound);
    cr_assert_lt(next, 64);
    close(next);
    test_streams_end(&s);
}

/* Whether a peer was reset. */
static bool was_reset(int peer)
{
    char byte;
    ssize_t bytes = recv(peer, &byte, 1, MSG_DONTWAIT);
    cr_assert_eq(bytes, -1);
    cr_assert(errno == EAGAIN || errno == ECONNRESET, "%s", strerror(errno));
    return errno == ECONNRESET;
}

/* A half message becomes a whole one. */
static void expect_half(struct test_streams *s)
{
    int peer = test_stream_peer(s);
    test_stream_write(peer, "4:h");
    test_wait(s->net, 2000000);
    zsip_net_recycle(s->net);
    test_stream_write(peer, "alf");
    const struct zsip_net_batch *batch = test_stream_wait(s, 1);
    cr_assert(test_packet_is(&batch->packets[0], "4:half"));
    test_stream_answer(s, batch);
    close(peer);
}

Test(stream_limits, half_messages_share_one_memory_and_the_oldest_give_way)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.memory_bytes = 1 << 20;
    struct test_streams s = test_streams_begin(&config);
    enum { PEERS = 600 }; /* 2 KiB each: 512 fit */
    static int peers[PEERS];
    for (unsigned i = 0; i < PEERS; i++) {
        peers[i] = test_stream_peer(&s);
        test_stream_write(peers[i], "500:half");
        test_wait(s.net, 0);
        zsip_net_recycle(s.net);
    }
    test_stream_settles(&s, 512);
    cr_assert_eq(zsip_net_stats(s.net)->closed_memory, PEERS - 512);
    /* Those of one turn come in any order. */
    for (unsigned i = 0; i < PEERS; i++)
        cr_assert((i >= 80 && i < 96) || was_reset(peers[i]) == (i < PEERS - 512), "%u", i);
    expect_half(&s);
    for (unsigned i = 0; i < PEERS; i++)
        close(peers[i]);
    test_stream_settles(&s, 0);
    expect_half(&s);
    test_streams_end(&s);
}

Test(stream_limits, who_never_reads_gives_way_to_half_messages)
{
    struct zsip_net_config config = test_streams_config();
    config.streams.memory_bytes = 1 << 20;
    config.streams.unsent_bytes = 512 << 10;
    config.streams.unsent_ns = 600 * ZSIP_NS_PER_S;
    struct test_streams s = test_streams_begin(&config);
    int peers[64];
    unsigned count = 0;
    /* Until the memory was full and one of them has been closed for it. */
    for (; count < 64 && zsip_net_stats(s.net)->closed_memory == 0; count++) {
        peers[count] = test_stream_peer(&s);
        small_buffers(peers[count]);
        uint64_t stopped = zsip_net_stats(s.net)->reads_stopped;
        for (unsigned i = 0; i < 100 && zsip_net_stats(s.net)->reads_stopped == stopped; i++)
            flood(&s, peers[count], 100);
        flood(&s, peers[count], 100);
    }
    cr_assert_gt(zsip_net_stats(s.net)->closed_memory, 0, "it was never full");
    for (unsigned i = 0; i < 20; i++)
        expect_half(&s);
    while (count > 0)
        close(peers[--count]);
    test_streams_end(&s);
}
