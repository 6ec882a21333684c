/* Echo by recvmmsg and sendmmsg. */
#include "bench/limit/limit.h"

#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

enum {
    SEGMENTS_MAX = 64,
    TRAIN_BUFFER_BYTES = 65536,
};

struct server {
    int fd;
    enum limit_mode mode;
    struct mmsghdr in[LIMIT_BATCH], out[LIMIT_BATCH];
    struct iovec in_vector[LIMIT_BATCH], out_vector[LIMIT_BATCH];
    struct sockaddr_in name[LIMIT_BATCH];
    _Alignas(8) uint8_t in_control[LIMIT_BATCH][CMSG_SPACE(sizeof(int))];
    _Alignas(8) uint8_t out_control[LIMIT_BATCH][CMSG_SPACE(sizeof(uint16_t))];
    uint8_t buffer[LIMIT_BATCH][LIMIT_DATAGRAM_BYTES_MAX];
    uint8_t replies[SEGMENTS_MAX * LIMIT_REPLY_BYTES];
};

static struct server server;

static void prepare(unsigned i)
{
    struct msghdr *in = &server.in[i].msg_hdr;
    server.in_vector[i] = (struct iovec){server.buffer[i], LIMIT_DATAGRAM_BYTES_MAX};
    *in = (struct msghdr){.msg_name = &server.name[i],
                          .msg_namelen = sizeof(server.name[i]),
                          .msg_iov = &server.in_vector[i],
                          .msg_iovlen = 1};
    if (server.mode == LIMIT_TRAINS) {
        in->msg_control = server.in_control[i];
        in->msg_controllen = sizeof(server.in_control[i]);
    }
}

/* An answer of count segments to the sender of message i. */
static void answer(unsigned o, unsigned i, unsigned count)
{
    struct msghdr *out = &server.out[o].msg_hdr;
    uint16_t segment = LIMIT_REPLY_BYTES;
    server.out_vector[o] = (struct iovec){server.replies, count * LIMIT_REPLY_BYTES};
    *out = (struct msghdr){.msg_name = &server.name[i],
                           .msg_namelen = sizeof(server.name[i]),
                           .msg_iov = &server.out_vector[o],
                           .msg_iovlen = 1};
    if (count == 1)
        return;
    out->msg_control = server.out_control[o];
    out->msg_controllen = sizeof(server.out_control[o]);
    struct cmsghdr *c = CMSG_FIRSTHDR(out);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(segment));
    memcpy(CMSG_DATA(c), &segment, sizeof(segment));
}

static unsigned segments(struct mmsghdr *in)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&in->msg_hdr); c != NULL;
         c = CMSG_NXTHDR(&in->msg_hdr, c)) {
        int segment;
        if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
            continue;
        memcpy(&segment, CMSG_DATA(c), sizeof(segment));
        if (segment > 0)
            return (in->msg_len + (unsigned)segment - 1) / (unsigned)segment;
    }
    return 1;
}

/* Writes the answers to count messages; returns how many sends they take. */
static unsigned answer_all(unsigned count)
{
    unsigned sends = 0;
    for (unsigned i = 0; i < count;) {
        unsigned wanted = server.mode == LIMIT_TRAINS ? segments(&server.in[i]) : 1;
        unsigned next = i + 1;
        while (server.mode == LIMIT_GROUPED && next < count && wanted < SEGMENTS_MAX &&
               memcmp(&server.name[next], &server.name[i], sizeof(server.name[i])) == 0)
            next++, wanted++;
        answer(sends++, i, wanted < SEGMENTS_MAX ? wanted : SEGMENTS_MAX);
        i = next;
    }
    return sends;
}

void limit_serve_mmsg(int fd, enum limit_mode mode, const atomic_bool *stop)
{
    server.fd = fd;
    server.mode = mode;
    for (unsigned i = 0; i < SEGMENTS_MAX; i++)
        memcpy(server.replies + i * LIMIT_REPLY_BYTES, limit_reply, LIMIT_REPLY_BYTES);
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < LIMIT_BATCH; i++)
            prepare(i);
        int count = recvmmsg(fd, server.in, LIMIT_BATCH, MSG_WAITFORONE, NULL);
        if (count > 0)
            sendmmsg(fd, server.out, answer_all((unsigned)count), MSG_DONTWAIT);
    }
}
