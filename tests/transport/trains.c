/* Trains: what leaves together, what may not, and what arrives. */
#include "transport/compat.h"

#include "fixture.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

enum {
    SLOT = 2048,
    OUTPUTS_MAX = 600,
};

static uint8_t slots[OUTPUTS_MAX][SLOT];
static struct zsip_output outputs[OUTPUTS_MAX];

/* A message of that many bytes: a number, a place to pad, and an end that must stay last. */
static void fill(unsigned index, const struct zsip_path *path, uint32_t bytes, bool paddable)
{
    char head[32];
    int length = snprintf(head, sizeof(head), "%06u L:", index);
    memset(slots[index], 'x', bytes);
    memcpy(slots[index], head, (size_t)length);
    memcpy(slots[index] + bytes - 4, "\nend", 4);
    outputs[index] = (struct zsip_output){.data = slots[index],
                                          .path = path,
                                          .bytes = bytes,
                                          .pad_at = paddable ? (uint32_t)length : 0,
                                          .client = index + 1};
}

static void leave(struct zsip_net *net, unsigned count)
{
    zsip_net_send(net, outputs, count);
    cr_assert_eq(zsip_net_flush(net), ZSIP_OK);
}

/* Receives the message of that index, of its length or padded to be longer. */
static void expect(int peer, unsigned index, uint32_t bytes, uint32_t padded)
{
    char data[SLOT], head[32];
    ssize_t got = recv(peer, data, sizeof(data), 0);
    cr_assert_eq(got, (ssize_t)padded, "message %u: %zd bytes, not %u: %s", index, got, padded,
                 got < 0 ? strerror(errno) : "");
    int length = snprintf(head, sizeof(head), "%06u L:", index);
    cr_assert_eq(memcmp(data, head, (size_t)length), 0, "%.6s, not %u", data, index);
    for (uint32_t i = 0; i < padded - bytes; i++)
        cr_assert_eq(data[length + (int)i], ' ');
    cr_assert_eq(memcmp(data + length + (padded - bytes), slots[index] + length + (padded - bytes),
                        bytes - (uint32_t)length),
                 0);
    cr_assert_eq(memcmp(data + padded - 4, "\nend", 4), 0, "nothing stands behind the body");
}

static struct zsip_path path_to(int peer)
{
    return (struct zsip_path){.remote = test_name(peer), .transport = ZSIP_TRANSPORT_UDP};
}

/* ---- Leaving ----------------------------------------------------------------------------------
 */

static void leave_200(unsigned without, unsigned sends)
{
    struct zsip_net *net = test_net(without, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peer = test_peer("127.0.0.1", NULL);
    struct zsip_path path = path_to(peer);
    for (unsigned i = 0; i < 200; i++)
        fill(i, &path, 300, true);
    leave(net, 200);
    for (unsigned i = 0; i < 200; i++)
        expect(peer, i, 300, 300);
    cr_assert_eq(zsip_net_stats(net)->sends, sends);
    cr_assert_eq(zsip_net_stats(net)->datagrams_out, 200);
    close(peer);
    zsip_net_destroy(net);
}

Test(trains, equal_messages_to_one_peer_leave_as_one)
{
    leave_200(ZSIP_FEATURE_LONG, 4); /* 64 + 64 + 64 + 8 */
}

Test(trains, are_twice_as_long_where_the_kernel_takes_them)
{
    /* Asked here in another way than by the probe. */
    int peer = test_peer("127.0.0.1", NULL), fd = -1;
    struct zsip_address name = test_name(peer);
    fd = test_peer("127.0.0.1", &name);
    int segment = 1;
    uint8_t bytes[128] = {0};
    cr_assert_eq(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
    bool taken = send(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes);
    close(fd);
    close(peer);
    leave_200(0, taken ? 2 : 4);
}

Test(trains, a_shorter_last_one_is_not_padded)
{
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peer = test_peer("127.0.0.1", NULL);
    struct zsip_path path = path_to(peer);
    for (unsigned i = 0; i < 10; i++)
        fill(i, &path, i == 9 ? 101 : 300, true);
    leave(net, 10);
    for (unsigned i = 0; i < 10; i++)
        expect(peer, i, i == 9 ? 101 : 300, i == 9 ? 101 : 300);
    cr_assert_eq(zsip_net_stats(net)->sends, 1);
    close(peer);
    zsip_net_destroy(net);
}

Test(trains, near_lengths_are_made_equal_within_their_stride)
{
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peer = test_peer("127.0.0.1", NULL);
    struct zsip_path path = path_to(peer);
    static const uint32_t bytes[] = {290, 289, 310, 290, 320};
    for (unsigned i = 0; i < 5; i++)
        fill(i, &path, bytes[i], true);
    leave(net, 5);
    for (unsigned i = 0; i < 5; i++)
        expect(peer, i, bytes[i], 320);
    cr_assert_eq(zsip_net_stats(net)->sends, 1);
    close(peer);
    zsip_net_destroy(net);
}

Test(trains, what_can_not_be_padded_gets_a_train_of_its_own)
{
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peer = test_peer("127.0.0.1", NULL);
    struct zsip_path path = path_to(peer);
    /* 300 | 310 310 305: the first can't grow; the last is shorter, and so the end. */
    static const uint32_t bytes[] = {300, 310, 310, 305, 310, 500, 500};
    for (unsigned i = 0; i < 7; i++)
        fill(i, &path, bytes[i], false);
    leave(net, 7);
    for (unsigned i = 0; i < 7; i++)
        expect(peer, i, bytes[i], bytes[i]);
    cr_assert_eq(zsip_net_stats(net)->sends, 4, "300 | 310 310 305 | 310 | 500 500");
    close(peer);
    zsip_net_destroy(net);
}

Test(trains, a_longer_one_than_every_path_takes_leaves_alone)
{
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peer = test_peer("127.0.0.1", NULL);
    struct zsip_path path = path_to(peer);
    static const uint32_t bytes[] = {1300, 1300, 1301, 1301, 1300};
    for (unsigned i = 0; i < 5; i++)
        fill(i, &path, bytes[i], true);
    leave(net, 5);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_gt(recv(peer, slots[100 + i], SLOT, 0), 0);
    cr_assert_eq(zsip_net_stats(net)->sends, 3, "1300 1300 1300 | 1301 | 1301");
    close(peer);
    zsip_net_destroy(net);
}

Test(trains, interleaved_peers_get_a_train_each)
{
    enum { PEERS = 32, EACH = 16 };
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peers[PEERS];
    struct zsip_path paths[PEERS];
    for (unsigned i = 0; i < PEERS; i++) {
        peers[i] = test_peer("127.0.0.1", NULL);
        paths[i] = path_to(peers[i]);
    }
    for (unsigned i = 0; i < PEERS * EACH; i++)
        fill(i, &paths[i * 7 % PEERS], 299, true);
    leave(net, PEERS * EACH);
    for (unsigned i = 0; i < PEERS * EACH; i++)
        expect(peers[i * 7 % PEERS], i, 299, 299);
    cr_assert_eq(zsip_net_stats(net)->sends, 2 * PEERS, "two chunks of outputs");
    for (unsigned i = 0; i < PEERS; i++)
        close(peers[i]);
    zsip_net_destroy(net);
}

Test(trains, none_leave_where_they_are_not_wanted)
{
    struct zsip_net *net = test_net(ZSIP_FEATURE_GSO, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peer = test_peer("127.0.0.1", NULL);
    struct zsip_path path = path_to(peer);
    for (unsigned i = 0; i < 20; i++)
        fill(i, &path, 300 - i, true);
    leave(net, 20);
    for (unsigned i = 0; i < 20; i++)
        expect(peer, i, 300 - i, 300 - i);
    cr_assert_eq(zsip_net_stats(net)->sends, 20);
    close(peer);
    zsip_net_destroy(net);
}

Test(trains, more_outputs_than_fit_in_the_queue_all_leave)
{
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peer = test_peer("127.0.0.1", NULL);
    struct zsip_path path = path_to(peer);
    for (unsigned i = 0; i < OUTPUTS_MAX; i++)
        fill(i, &path, 100 + 64 * (i % 2), false); /* trains of two at best */
    leave(net, OUTPUTS_MAX);
    for (unsigned i = 0; i < OUTPUTS_MAX; i++)
        expect(peer, i, outputs[i].bytes, outputs[i].bytes);
    cr_assert_eq(zsip_net_stats(net)->datagrams_out, OUTPUTS_MAX);
    close(peer);
    zsip_net_destroy(net);
}

/* ---- Remedies ---------------------------------------------------------------------------------
 */

/* A network of our own, whose loopback takes datagrams up to mtu. */
static void small_network(int mtu)
{
    struct ifreq request = {.ifr_name = "lo"};
    if (unshare(CLONE_NEWNET) != 0)
        cr_skip("no network namespace here");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    request.ifr_mtu = mtu;
    cr_assert_eq(ioctl(fd, SIOCSIFMTU, &request), 0);
    request.ifr_flags = IFF_UP | IFF_LOOPBACK;
    cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

Test(trains, a_path_too_narrow_for_a_segment_gets_datagrams_and_is_remembered)
{
    small_network(1000);
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    test_wait(net, 0);
    int peer = test_peer("127.0.0.1", NULL);
    struct zsip_path path = path_to(peer);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 10; i++)
            fill(i, &path, 1200 + i, true);
        leave(net, 10);
        for (unsigned i = 0; i < 10; i++) {
            /* In the first round they were padded for the train that failed. */
            uint32_t padded = round == 0 ? (1200 + i <= 1216 ? 1209 : 0) : 1200 + i;
            expect(peer, i, 1200 + i, padded);
        }
    }
    cr_assert_eq(zsip_net_stats(net)->sends, 1 + 10);
    cr_assert_eq(zsip_net_stats(net)->datagrams_out, 20);
    cr_assert_eq(zsip_net_stats(net)->send_errors, 0);
    close(peer);
    zsip_net_destroy(net);
}

Test(trains, a_train_to_a_dead_peer_is_told_by_its_quoted_bytes)
{
    struct zsip_net *net = test_net(0, 0);
    test_listen(net, "127.0.0.1");
    int dead = test_peer("127.0.0.1", NULL), alive = test_peer("127.0.0.1", NULL);
    struct zsip_path to_dead = path_to(dead), to_alive = path_to(alive);
    close(dead);
    unsigned errors = 0;
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 20; i++)
            fill(i, i < 10 ? &to_dead : &to_alive, 300, true);
        zsip_net_send(net, outputs, 20);
        const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
        for (size_t i = 0; i < batch->error_count; i++) {
            cr_assert(batch->errors[i].unreachable);
            cr_assert_geq(batch->errors[i].quoted.length, 8);
            cr_assert_eq(memcmp(batch->errors[i].quoted.data, "00000", 5), 0);
        }
        errors += (unsigned)batch->error_count;
        cr_assert_eq(batch->failed_count, 0);
        zsip_net_recycle(net);
        for (unsigned i = 10; i < 20; i++)
            expect(alive, i, 300, 300);
    }
    cr_assert_gt(errors, 0);
    close(alive);
    zsip_net_destroy(net);
}

/* ---- Arriving ---------------------------------------------------------------------------------
 */

static void send_train(int fd, const uint8_t *data, size_t bytes, uint16_t segment)
{
    _Alignas(8) uint8_t control[CMSG_SPACE(sizeof(segment))] = {0};
    struct iovec vector = {(void *)(uintptr_t)data, bytes};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(segment));
    memcpy(CMSG_DATA(c), &segment, sizeof(segment));
    cr_assert_eq(sendmsg(fd, &message, 0), (ssize_t)bytes, "%s", strerror(errno));
}

/* Trains of one length, sent to the transport: each segment is a packet, all share a path, and
 * every byte is where it was. */
static void arrive(unsigned without, const char *where, uint16_t segment, size_t bytes,
                   unsigned trains)
{
    static uint8_t sent[65536];
    struct zsip_net *net = test_net(without, 0);
    struct zsip_address address = test_listen(net, where);
    int peer = test_peer(where, &address);
    for (size_t i = 0; i < bytes; i++)
        sent[i] = (uint8_t)(i / segment + i % 251);
    test_wait(net, 0);
    zsip_net_recycle(net);
    for (unsigned i = 0; i < trains; i++)
        send_train(peer, sent, bytes, segment);
    size_t per_train = (bytes + segment - 1) / segment, taken = 0;
    while (taken < per_train * trains) {
        const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
        cr_assert_gt(batch->packet_count, 0);
        cr_assert_leq(batch->packet_count, ZSIP_NET_PACKETS_MAX);
        for (size_t i = 0; i < batch->packet_count; i++, taken++) {
            size_t offset = taken % per_train * segment;
            size_t length = bytes - offset < segment ? bytes - offset : segment;
            cr_assert_eq(batch->packets[i].bytes, length);
            cr_assert_eq(memcmp(batch->packets[i].data, sent + offset, length), 0);
            cr_assert_eq(batch->packets[i].path, batch->packets[0].path);
        }
        zsip_net_recycle(net);
    }
    const struct zsip_net_stats *stats = zsip_net_stats(net);
    cr_assert_eq(stats->datagrams_in, per_train * trains);
    cr_assert_eq(stats->receives, (without & ZSIP_FEATURE_GRO) != 0 ? per_train * trains : trains);
    close(peer);
    zsip_net_destroy(net);
}

Test(trains, arrive_whole_with_an_odd_last_segment)
{
    arrive(0, "127.0.0.1", 450, 450 * 64, 20);
    arrive(0, "127.0.0.1", 450, 450 * 63 + 1, 5);
    arrive(0, "127.0.0.1", 1400, 65000, 3);
    arrive(0, "[::1]", 333, 333 * 10 + 332, 3);
}

Test(trains, arrive_whole_on_every_slow_path)
{
    arrive(ZSIP_FEATURE_MULTISHOT, "127.0.0.1", 450, 450 * 20 + 7, 20);
    arrive(ZSIP_FEATURE_GRO, "127.0.0.1", 450, 450 * 20 + 7, 20);
    arrive(ZSIP_FEATURE_DEFER, "[::1]", 450, 450 * 64, 20);
    arrive(~0u, "127.0.0.1", 450, 450 * 20 + 7, 10);
}

Test(trains, carry_the_address_asked_at)
{
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address address = test_listen(net, "0.0.0.0");
    memcpy(address.ip, (uint8_t[]){127, 0, 0, 9}, 4);
    int peer = test_peer("127.0.0.8", &address);
    uint8_t data[450 * 8] = {0}, back[512];
    send_train(peer, data, sizeof(data), 450);
    const struct zsip_net_batch *batch = test_wait(net, TEST_TIMEOUT_NS);
    cr_assert_eq(batch->packet_count, 8);
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(memcmp(&batch->packets[i].path->local, &address, sizeof(address)), 0);
    test_echo(net, batch);
    cr_assert_eq(zsip_net_flush(net), ZSIP_OK);
    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(recv(peer, back, sizeof(back), 0), 450);
    cr_assert_eq(zsip_net_stats(net)->sends, 1);
    close(peer);
    zsip_net_destroy(net);
}
