/* Connections: framing, stitching, pings, ends, limits. A toy framer stands for the parser's: a
 * message is a digit string, a colon and that many bytes; a line feed between messages means
 * nothing, '?' is a ping, anything else is a fault. */
#include "streams.h"

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
