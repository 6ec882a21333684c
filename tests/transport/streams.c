/* Connections: framing, stitching, pings, ends, limits. A toy framer stands for the parser's: a
 * message is a digit string, a colon and that many bytes; a line feed between messages means
 * nothing, '?' is a ping, anything else is a fault. */
#include "streams.h"

#include "transport/internal.h"

Test(streams, messages_of_one_read_are_packets_in_place)
{
    struct test_streams s = test_streams_begin(NULL);
    int peer = test_stream_peer(&s);
    test_stream_write(peer, "5:hello2:ab0:");
    const struct zsip_net_batch *batch = test_stream_wait(&s, 3);
    cr_assert(test_packet_is(&batch->packets[0], "5:hello"));
    cr_assert(test_packet_is(&batch->packets[1], "2:ab"));
    cr_assert(test_packet_is(&batch->packets[2], "0:"));
    cr_assert_eq(batch->packets[0].path, batch->packets[2].path);
    cr_assert_eq(batch->packets[0].path->transport, ZSIP_TRANSPORT_TCP);
    cr_assert_eq(batch->packets[0].path->flags, ZSIP_PATH_RELIABLE);
    cr_assert_eq(batch->packets[0].path->remote.port, test_name(peer).port);
    cr_assert_eq(batch->packets[1].data, batch->packets[0].data + 7);
    zsip_net_recycle(s.net);
    cr_assert_eq(zsip_net_stats(s.net)->stitched, 0);
    cr_assert_eq(zsip_net_stats(s.net)->reads, 1);
    close(peer);
    test_streams_end(&s);
}

Test(streams, a_stream_cut_at_every_byte_gives_the_same_messages)
{
    static const char text[] = "5:hello\n\n12:abcdefghijkl?3:xyz0:1:q";
    static const char *const messages[] = {"5:hello", "12:abcdefghijkl", "3:xyz", "0:", "1:q"};
    struct test_streams s = test_streams_begin(NULL);
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        int peer = test_stream_peer(&s);
        unsigned got = 0;
        cr_assert_eq(send(peer, text, cut, MSG_NOSIGNAL), (ssize_t)cut);
        for (unsigned turn = 0; turn < 50 && got < 5; turn++) {
            const struct zsip_net_batch *batch = test_wait(s.net, 2000000);
            for (size_t i = 0; i < batch->packet_count; i++)
                cr_assert(test_packet_is(&batch->packets[i], messages[got++]), "cut at %zu", cut);
            zsip_net_recycle(s.net);
            if (turn == 2)
                test_stream_write(peer, text + cut);
        }
        cr_assert_eq(got, 5, "cut at %zu: %u", cut, got);
        test_stream_expect(&s, peer, "\r\n");
        close(peer);
    }
    cr_assert_gt(zsip_net_stats(s.net)->stitched, 20);
    test_streams_end(&s);
}

Test(streams, answers_of_a_turn_leave_in_one_write)
{
    struct test_streams s = test_streams_begin(NULL);
    int peer = test_stream_peer(&s);
    test_stream_write(peer, "1:a1:b1:c");
    const struct zsip_net_batch *batch = test_stream_wait(&s, 3);
    test_stream_answer(&s, batch);
    test_stream_expect(&s, peer, "1:a1:b1:c");
    cr_assert_eq(zsip_net_stats(s.net)->writes, 1);
    cr_assert_eq(zsip_net_stats(s.net)->messages_out, 3);
    close(peer);
    test_streams_end(&s);
}

Test(streams, more_stretches_than_one_send_takes_leave_all_the_same)
{
    enum { STRETCHES = 2000 };
    static struct zsip_output outputs[STRETCHES];
    static uint8_t data[STRETCHES * 4]; /* not one behind the other */
    static char got[STRETCHES * 3];
    struct test_streams s = test_streams_begin(NULL);
    int peer = test_stream_peer(&s);
    test_stream_write(peer, "1:a");
    struct zsip_path path = *test_stream_wait(&s, 1)->packets[0].path;
    zsip_net_recycle(s.net);
    for (unsigned i = 0; i < STRETCHES; i++) {
        memcpy(data + 4 * i, "1:b", 3);
        outputs[i] = (struct zsip_output){.data = data + 4 * i, .path = &path, .bytes = 3};
    }
    zsip_net_send(s.net, outputs, STRETCHES);
    size_t bytes = 0;
    for (unsigned turn = 0; turn < TEST_TURNS_MAX && bytes < sizeof(got); turn++) {
        test_wait(s.net, 1000000);
        zsip_net_recycle(s.net);
        ssize_t more = recv(peer, got + bytes, sizeof(got) - bytes, MSG_DONTWAIT);
        bytes += more > 0 ? (size_t)more : 0;
    }
    cr_assert_eq(bytes, sizeof(got));
    for (unsigned i = 0; i < STRETCHES; i++)
        cr_assert_eq(memcmp(got + 3 * i, "1:b", 3), 0);
    close(peer);
    test_streams_end(&s);
}

Test(streams, a_peer_that_ended_its_direction_is_answered_and_then_closed)
{
    struct test_streams s = test_streams_begin(NULL);
    int peer = test_stream_peer(&s);
    test_stream_write(peer, "1:a1:b");
    shutdown(peer, SHUT_WR);
    const struct zsip_net_batch *batch = test_stream_wait(&s, 2);
    test_stream_answer(&s, batch);
    test_stream_expect(&s, peer, "1:a1:b");
    test_stream_expect_end(&s, peer);
    test_stream_settles(&s, 0);
    cr_assert_eq(zsip_net_stats(s.net)->closed_by_peer, 1);
    close(peer);
    test_streams_end(&s);
}

Test(streams, an_interim_answer_is_not_the_end_of_who_ended_its_direction)
{
    struct zsip_net_config config = test_streams_config();
    config.framer.interim = '~';
    config.framer.interim_at = 2;
    struct test_streams s = test_streams_begin(&config);
    int peer = test_stream_peer(&s);
    test_stream_write(peer, "1:a");
    shutdown(peer, SHUT_WR);
    const struct zsip_net_batch *batch = test_stream_wait(&s, 1);
    struct zsip_path path = *batch->packets[0].path;
    zsip_net_recycle(s.net);
    uint8_t texts[] = "1:~1:b";
    for (unsigned i = 0; i < 2; i++) {
        struct zsip_output output = {.data = texts + 3 * i, .path = &path, .bytes = 3};
        zsip_net_send(s.net, &output, 1);
        for (unsigned turn = 0; turn < 10; turn++) {
            test_wait(s.net, 1000000);
            zsip_net_recycle(s.net);
        }
    }
    test_stream_expect(&s, peer, "1:~1:b");
    test_stream_expect_end(&s, peer);
    close(peer);
    test_streams_end(&s);
}

Test(streams, a_stream_that_breaks_off_gets_its_last_answer_and_the_end)
{
    struct test_streams s = test_streams_begin(NULL);
    int peer = test_stream_peer(&s);
    test_stream_write(peer, "1:a!bad");
    const struct zsip_net_batch *batch = test_stream_wait(&s, 2);
    cr_assert_eq(batch->packets[0].flags, 0);
    cr_assert_eq(batch->packets[1].flags >> ZSIP_PACKET_FAULT_SHIFT, -ZSIP_ERROR_SYNTAX);
    test_stream_answer(&s, batch);
    test_stream_expect(&s, peer, "1:a!");
    test_stream_expect_end(&s, peer);
    cr_assert_eq(zsip_net_stats(s.net)->closed_fault, 1);
    close(peer);
    test_stream_settles(&s, 0);
    test_streams_end(&s);
}

Test(streams, a_stale_flow_is_never_taken_for_the_next_connection)
{
    struct test_streams s = test_streams_begin(NULL);
    int first = test_stream_peer(&s);
    test_stream_write(first, "1:a");
    const struct zsip_net_batch *batch = test_stream_wait(&s, 1);
    struct zsip_path path = *batch->packets[0].path;
    zsip_net_recycle(s.net);
    test_stream_reset(first);
    test_stream_settles(&s, 0);
    int second = test_stream_peer(&s);
    test_stream_write(second, "1:b");
    batch = test_stream_wait(&s, 1);
    cr_assert_neq(batch->packets[0].path->flow, path.flow);
    zsip_net_recycle(s.net);
    uint8_t text[] = "1:x";
    struct zsip_output output = {.data = text, .path = &path, .bytes = 3, .client = 5};
    path.remote.port = 1; /* nobody listens there */
    zsip_net_send(s.net, &output, 1);
    for (unsigned turn = 0; turn < 50; turn++) {
        batch = test_wait(s.net, 2000000);
        size_t failed = batch->failed_count;
        cr_assert(failed == 0 || batch->failed[0].client == 5);
        zsip_net_recycle(s.net);
        if (failed > 0)
            break;
        cr_assert_lt(turn, 49);
    }
    cr_assert_eq(recv(second, text, sizeof(text), MSG_DONTWAIT), -1);
    cr_assert_eq(zsip_net_stats(s.net)->flows_stale, 1);
    close(second);
    test_streams_end(&s);
}

/* More messages in one read than a batch holds. */
Test(streams, a_read_of_many_small_messages_is_taken_in_turns)
{
    struct test_streams s = test_streams_begin(NULL);
    int peer = test_stream_peer(&s);
    static char text[3001];
    unsigned got = 0;
    for (unsigned i = 0; i < 1500; i++)
        memcpy(text + 2 * i, "0:", 2);
    test_stream_write(peer, text);
    for (unsigned turn = 0; turn < 100 && got < 1500; turn++) {
        const struct zsip_net_batch *batch = test_wait(s.net, 2000000);
        for (size_t i = 0; i < batch->packet_count; i++)
            cr_assert(test_packet_is(&batch->packets[i], "0:"));
        got += (unsigned)batch->packet_count;
        test_stream_answer(&s, batch);
    }
    cr_assert_eq(got, 1500);
    test_stream_expect(&s, peer, text);
    close(peer);
    test_streams_end(&s);
}

static void every_way(unsigned without)
{
    struct zsip_net_config config = test_streams_config();
    config.without = without;
    struct test_streams s = test_streams_begin(&config);
    int peers[20];
    for (unsigned i = 0; i < 20; i++)
        peers[i] = test_stream_peer(&s);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 20; i++) {
            test_stream_write(peers[i], "5:hello3:");
            test_stream_answer(&s, test_wait(s.net, 0));
            test_stream_write(peers[i], "abc1:x");
        }
        for (unsigned i = 0; i < 20; i++)
            test_stream_answered(&s, peers[i], "5:hello3:abc1:x");
    }
    cr_assert_eq(zsip_net_stats(s.net)->messages_in, 600);
    cr_assert_eq(zsip_net_stats(s.net)->messages_out, 600);
    for (unsigned i = 0; i < 20; i++)
        close(peers[i]);
    test_stream_settles(&s, 0);
    test_streams_end(&s);
}

enum { BURST_PEERS = 16, BURST_MESSAGES = 256, BURST_BYTES = 1005 };

/* Bursts of so many peers at once, until all is taken. */
static void bursts(struct test_streams *s, const int *peers, unsigned count)
{
    static char text[BURST_MESSAGES][BURST_BYTES];
    const struct streams *streams = s->net->streams;
    const struct zsip_net_stats *stats = zsip_net_stats(s->net);
    size_t sent[BURST_PEERS] = {0};
    unsigned got = 0;
    memset(text, 'x', sizeof(text));
    for (unsigned i = 0; i < BURST_MESSAGES; i++)
        memcpy(text[i], "1000:", 5);
    for (unsigned turn = 0; turn < TEST_TURNS_MAX && got < count * BURST_MESSAGES; turn++) {
        for (unsigned i = 0; i < count; i++) {
            ssize_t more = send(peers[i], text[0] + sent[i], sizeof(text) - sent[i],
                                MSG_DONTWAIT | MSG_NOSIGNAL);
            sent[i] += more > 0 ? (size_t)more : 0;
        }
        uint32_t spare_count = streams->spare_count;
        uint64_t dry = stats->stream_buffers_empty;
        const struct zsip_net_batch *batch = test_wait(s->net, 2000000);
        for (size_t i = 0; i < batch->packet_count; i++)
            cr_assert_eq(batch->packets[i].bytes, BURST_BYTES);
        got += (unsigned)batch->packet_count;
        zsip_net_recycle(s->net);
        if (stats->stream_buffers_empty > dry && spare_count > 0)
            cr_assert_lt(streams->spare_count, spare_count);
    }
    cr_assert_eq(got, count * BURST_MESSAGES);
}

/* At first the kernel has few buffers; it is given more where they did not suffice, and these are
 * taken back later. */
static void few_buffers(unsigned without)
{
    struct zsip_net_config config = test_streams_config();
    config.without = without;
    struct test_streams s = test_streams_begin(&config);
    struct streams *streams = s.net->streams;
    int peers[BURST_PEERS];
    for (unsigned i = 0; i < BURST_PEERS; i++)
        peers[i] = test_stream_peer(&s);
    uint32_t given = streams->buffer_count - streams->spare_count;
    cr_assert_eq(streams->spare_count, streams->spare_max);
    cr_assert_eq(given * streams->buffer_bytes, STREAM_GIVEN_BYTES);
    bursts(&s, peers, BURST_PEERS);
    for (unsigned i = 0; i < TEST_TURNS_MAX && streams->spare_count < streams->spare_max; i++) {
        streams->calm_turns = STREAM_CALM_TURNS;
        bursts(&s, peers, 1);
    }
    cr_assert_eq(streams->spare_count, streams->spare_max);
    bursts(&s, peers, BURST_PEERS);
    for (unsigned i = 0; i < BURST_PEERS; i++)
        test_stream_reset(peers[i]);
    test_stream_settles(&s, 0);
    test_streams_end(&s);
}

Test(streams, few_buffers_become_more_and_few_again)
{
    few_buffers(0);
    few_buffers(ZSIP_FEATURE_INCREMENTAL);
}

Test(streams, serve_without_incremental_buffers)
{
    every_way(ZSIP_FEATURE_INCREMENTAL);
}

Test(streams, serve_without_multishot)
{
    every_way(ZSIP_FEATURE_MULTISHOT);
}

Test(streams, serve_without_deferred_task_work_and_registered_files)
{
    every_way(ZSIP_FEATURE_DEFER | ZSIP_FEATURE_FILES);
}

Test(streams, serve_with_none_of_them)
{
    every_way(ZSIP_FEATURE_DEFER | ZSIP_FEATURE_FILES | ZSIP_FEATURE_MULTISHOT |
              ZSIP_FEATURE_INCREMENTAL);
}
