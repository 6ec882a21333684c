/* The client of the comparison: nothing but the kernel's batches, so that it costs the same
 * whoever answers. */
#include "bench/limit/limit.h"

#include "bench/harness.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    GIVEN_UP_NS = 250000000,
};

struct peer {
    int fd;
    unsigned under_way;
};

struct client {
    const struct limit_load *load;
    struct peer peers[LIMIT_PEERS_MAX];
    struct limit_request request;
    uint8_t requests[LIMIT_BATCH * LIMIT_REQUEST_BYTES_MAX];
    uint8_t answers[LIMIT_BATCH][LIMIT_DATAGRAM_BYTES_MAX];
};

static unsigned send_train(struct client *client, struct peer *peer, unsigned count)
{
    uint16_t segment = (uint16_t)client->request.bytes;
    _Alignas(8) uint8_t control[CMSG_SPACE(sizeof(segment))] = {0};
    struct iovec vector = {client->requests, count * client->request.bytes};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(segment));
    memcpy(CMSG_DATA(c), &segment, sizeof(segment));
    for (unsigned i = 0; i < count; i++)
        limit_request_write(&client->request, client->requests + i * client->request.bytes);
    return sendmsg(peer->fd, &message, MSG_DONTWAIT) < 0 ? 0 : count;
}

static unsigned send_singles(struct client *client, struct peer *peer, unsigned count)
{
    struct mmsghdr messages[LIMIT_BATCH];
    struct iovec vectors[LIMIT_BATCH];
    memset(messages, 0, count * sizeof(*messages));
    for (unsigned i = 0; i < count; i++) {
        uint8_t *request = client->requests + i * client->request.bytes;
        limit_request_write(&client->request, request);
        vectors[i] = (struct iovec){request, client->request.bytes};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int sent = sendmmsg(peer->fd, messages, count, MSG_DONTWAIT);
    return sent < 0 ? 0 : (unsigned)sent;
}

/* How many datagrams a message holds: a train says how long its segments are. */
static unsigned datagrams(struct msghdr *message, size_t bytes)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        int segment;
        if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
            continue;
        memcpy(&segment, CMSG_DATA(c), sizeof(segment));
        if (segment > 0)
            return (unsigned)((bytes + (size_t)segment - 1) / (size_t)segment);
    }
    return 1;
}

static unsigned receive(struct client *client, struct peer *peer)
{
    struct mmsghdr messages[LIMIT_BATCH];
    struct iovec vectors[LIMIT_BATCH];
    _Alignas(8) uint8_t controls[LIMIT_BATCH][CMSG_SPACE(sizeof(int))];
    bool trains = client->load->train_max > 1;
    memset(messages, 0, sizeof(messages));
    for (unsigned i = 0; i < LIMIT_BATCH; i++) {
        vectors[i] = (struct iovec){client->answers[i], LIMIT_DATAGRAM_BYTES_MAX};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_control = trains ? controls[i] : NULL;
        messages[i].msg_hdr.msg_controllen = trains ? sizeof(controls[i]) : 0;
    }
    int count = recvmmsg(peer->fd, messages, LIMIT_BATCH, MSG_DONTWAIT, NULL);
    unsigned answers = 0;
    for (int i = 0; i < count; i++)
        answers += trains ? datagrams(&messages[i].msg_hdr, messages[i].msg_len) : 1;
    return answers;
}

static void fill_window(struct client *client, struct peer *peer, unsigned window)
{
    unsigned batch = client->load->train_max > 1 ? client->load->train_max : LIMIT_BATCH;
    while (peer->under_way < window) {
        unsigned room = window - peer->under_way;
        unsigned count = room < batch ? room : batch;
        unsigned sent = client->load->train_max > 1 && count > 1
                            ? send_train(client, peer, count)
                            : send_singles(client, peer, count);
        peer->under_way += sent;
        if (sent < count)
            return;
    }
}

static struct client *open_client(const struct limit_load *load)
{
    const struct in_addr any = {htonl(INADDR_ANY)}; /* connect() puts the right one there */
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        limit_fail("memory");
    client->load = load;
    limit_request_init(&client->request, "UDP");
    for (unsigned i = 0; i < load->peers; i++) {
        client->peers[i].fd = limit_socket(any, 0, load->train_max > 1);
        if (connect(client->peers[i].fd, (const struct sockaddr *)&load->server,
                    sizeof(load->server)) != 0)
            limit_fail("connect");
    }
    return client;
}

struct limit_result limit_drive(const struct limit_load *load)
{
    struct client *client = open_client(load);
    struct limit_result result = {0};
    unsigned window = (load->window + load->peers - 1) / load->peers;
    double cpu_before_ns = limit_cpu_ns();
    uint64_t start_ns = bench_now_ns(), now_ns = start_ns, last_ns = start_ns;
    while (now_ns - start_ns < load->duration_ns) {
        for (unsigned i = 0; i < load->peers; i++) {
            struct peer *peer = &client->peers[i];
            unsigned answers = receive(client, peer);
            if (answers > peer->under_way)
                answers = peer->under_way;
            peer->under_way -= answers;
            result.answered += answers;
            if (answers > 0)
                last_ns = now_ns;
            /* Half a window at a time, or trains would grow shorter and shorter. */
            if (peer->under_way <= window / 2 || load->train_max == 1)
                fill_window(client, peer, window);
        }
        now_ns = bench_now_ns();
        if (now_ns - last_ns < GIVEN_UP_NS)
            continue;
        for (unsigned i = 0; i < load->peers; i++) {
            result.unanswered += client->peers[i].under_way;
            client->peers[i].under_way = 0;
        }
        last_ns = now_ns;
    }
    result.answered_per_s = (double)result.answered * 1e9 / (double)(now_ns - start_ns);
    if (result.answered > 0)
        result.client_ns = (limit_cpu_ns() - cpu_before_ns) / (double)result.answered;
    for (unsigned i = 0; i < load->peers; i++)
        close(client->peers[i].fd);
    free(client);
    return result;
}
