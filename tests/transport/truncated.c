/* What the kernel can hardly be brought to send: datagrams and trains larger than a buffer. The
 * completions are made here; the buffer is one of the net's own. */
#include "fixture.h"

#include "transport/internal.h"

#include <netinet/udp.h>

TestSuite(truncated);

struct arrived {
    struct zsip_net *net;
    const struct zsip_net_batch *batch;
};

static struct arrived begin(void)
{
    struct arrived arrived = {.net = test_net(0, 64)};
    test_listen(arrived.net, "127.0.0.1:0");
    /* The batch of a turn without packets; it stays open. */
    cr_assert_eq(zsip_net_wait(arrived.net, 0, &arrived.batch), ZSIP_OK);
    cr_assert_eq(arrived.batch->packet_count, 0);
    return arrived;
}

/* Puts an arrival of bytes into buffer 0, with segment_bytes told by the kernel (0: not). */
static bool arrive(struct zsip_net *net, unsigned flags, size_t bytes, int segment_bytes)
{
    uint8_t *buffer = net->buffers;
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(5060), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct io_uring_recvmsg_out out = {.namelen = sizeof(name),
                                       .flags = flags,
                                       .payloadlen = (uint32_t)bytes,
                                       .controllen = CMSG_SPACE(sizeof(int))};
    struct cmsghdr *control = (struct cmsghdr *)(void *)(buffer + sizeof(out) + NAME_BYTES);
    memset(buffer, 0, HEADER_BYTES);
    memset(buffer + HEADER_BYTES, 'x', bytes);
    memcpy(buffer, &out, sizeof(out));
    memcpy(buffer + sizeof(out), &name, sizeof(name));
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = segment_bytes > 0 ? UDP_GRO : 0;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(control), &segment_bytes, sizeof(segment_bytes));
    struct io_uring_cqe cqe = {.user_data = USER_DATA(COMPLETION_RECEIVE, 0),
                               .res = (int)(HEADER_BYTES + bytes),
                               .flags = IORING_CQE_F_BUFFER | IORING_CQE_F_MORE};
    return zsip_receive_take(net, &cqe);
}

Test(truncated, a_datagram_is_refused_and_counted)
{
    struct arrived arrived = begin();
    cr_assert(arrive(arrived.net, MSG_TRUNC, 1000, 0));
    cr_assert_eq(arrived.net->batch.packet_count, 0);
    cr_assert_eq(zsip_net_stats(arrived.net)->truncated, 1);
    cr_assert_eq(zsip_net_stats(arrived.net)->datagrams_in, 0);
    zsip_net_destroy(arrived.net);
}

/* Not even its first segments, which are whole: who lost the rest would never hear of it. */
Test(truncated, a_train_is_refused_whole)
{
    struct arrived arrived = begin();
    cr_assert(arrive(arrived.net, MSG_TRUNC, 4000, 400));
    cr_assert_eq(arrived.net->batch.packet_count, 0);
    cr_assert_eq(zsip_net_stats(arrived.net)->truncated, 1);
    zsip_net_destroy(arrived.net);
}

Test(truncated, the_next_one_is_taken)
{
    struct arrived arrived = begin();
    cr_assert(arrive(arrived.net, MSG_TRUNC, 4000, 400));
    cr_assert(arrive(arrived.net, 0, 1900, 400));
    cr_assert_eq(arrived.net->batch.packet_count, 5);
    cr_assert_eq(arrived.net->packets[3].bytes, 400);
    cr_assert_eq(arrived.net->packets[4].bytes, 300, "the last one is shorter");
    cr_assert_eq(zsip_net_stats(arrived.net)->datagrams_in, 5);
    cr_assert_eq(zsip_net_stats(arrived.net)->receives, 1);
    zsip_net_destroy(arrived.net);
}

Test(truncated, a_train_of_more_segments_than_a_batch_has_room_for_is_refused)
{
    struct arrived arrived = begin();
    cr_assert(arrive(arrived.net, 0, 5200, 10));
    cr_assert_eq(arrived.net->batch.packet_count, 0);
    cr_assert_eq(zsip_net_stats(arrived.net)->truncated, 1);
    zsip_net_destroy(arrived.net);
}

Test(truncated, a_train_that_the_batch_has_no_room_left_for_waits)
{
    struct arrived arrived = begin();
    cr_assert(arrive(arrived.net, 0, 5000, 10));
    cr_assert_eq(arrived.net->batch.packet_count, 500);
    cr_assert_not(arrive(arrived.net, 0, 130, 10));
    cr_assert_eq(arrived.net->batch.packet_count, 500);
    cr_assert_eq(zsip_net_stats(arrived.net)->truncated, 0);
    zsip_net_destroy(arrived.net);
}

Test(truncated, a_segment_size_larger_than_what_came_is_one_datagram)
{
    struct arrived arrived = begin();
    cr_assert(arrive(arrived.net, 0, 300, 400));
    cr_assert_eq(arrived.net->batch.packet_count, 1);
    cr_assert_eq(arrived.net->packets[0].bytes, 300);
    zsip_net_destroy(arrived.net);
}
