/* Streams under test: a listener, a toy framer, and plain sockets as peers. */
#ifndef TESTS_TRANSPORT_STREAMS_H
#define TESTS_TRANSPORT_STREAMS_H

#include "fixture.h"

#include <stdlib.h>

/* Turns of a millisecond or two, before something is held not to come; fewer for who expects that,
 * tests/mutants. */
static inline unsigned test_turns_max(void)
{
    const char *fewer = getenv("ZSIP_TEST_TURNS");
    return fewer != NULL ? (unsigned)atoi(fewer) : 10000;
}
#define TEST_TURNS_MAX test_turns_max()

struct test_streams {
    struct zsip_net *net;
    struct zsip_address bound;
};

static void toy_begin(void *user, void *state)
{
    (void)user;
    memset(state, 0, ZSIP_NET_FRAMER_BYTES);
}

/* See streams.c. Sees to it that a half message is looked at again with more, and nothing else. */
static enum zsip_net_frame toy_next(void *user, void *state, const uint8_t *data, size_t bytes,
                                    struct zsip_net_framed *framed)
{
    uint64_t *seen = state;
    size_t length = 0, at = 0;
    (void)user;
    cr_assert(bytes > *seen || bytes == 0, "again with no more");
    *seen = 0;
    framed->bytes = 1;
    if (data[0] == '\n')
        return ZSIP_NET_FRAME_SKIP;
    if (data[0] == '?')
        return ZSIP_NET_FRAME_PING;
    for (; at < bytes && data[at] >= '0' && data[at] <= '9'; at++)
        length = length * 10 + (size_t)(data[at] - '0');
    if (at < bytes && data[at] != ':') {
        framed->status = ZSIP_ERROR_SYNTAX;
        return ZSIP_NET_FRAME_FAULT;
    }
    if (at == bytes || bytes - at - 1 < length) {
        *seen = bytes;
        return ZSIP_NET_FRAME_MORE;
    }
    framed->bytes = at + 1 + length;
    return ZSIP_NET_FRAME_MESSAGE;
}

static inline struct zsip_net_config test_streams_config(void)
{
    return (struct zsip_net_config){.log = test_log_line,
                                    .socket_buffer_bytes = 1 << 20,
                                    .spin_ns = 20000,
                                    .clients_max = 1024,
                                    .framer = {.begin = toy_begin, .next = toy_next}};
}

static inline struct test_streams test_streams_begin(const struct zsip_net_config *given)
{
    struct zsip_net_config config = given != NULL ? *given : test_streams_config();
    struct zsip_address address = test_address("127.0.0.1:0");
    struct test_streams s;
    char error[256] = "";
    cr_assert_eq(zsip_net_create(&config, &s.net, error, sizeof(error)), ZSIP_OK, "%s", error);
    cr_assert_eq(
        zsip_net_listen(s.net, ZSIP_TRANSPORT_TCP, &address, 0, &s.bound, error, sizeof(error)),
        ZSIP_OK, "%s", error);
    test_wait(s.net, 0);
    zsip_net_recycle(s.net);
    return s;
}

static inline void test_streams_end(struct test_streams *s)
{
    zsip_net_destroy(s->net);
}

static inline int test_stream_connect(const struct zsip_address *to)
{
    union zsip_sockaddr name = {0};
    socklen_t bytes = zsip_sockaddr_write(to, &name);
    int fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, &name.any, bytes), 0, "%s", strerror(errno));
    return fd;
}

/* Turns until so many connections are open. */
static inline void test_stream_settles(struct test_streams *s, uint64_t connections)
{
    for (unsigned turn = 0; turn < TEST_TURNS_MAX; turn++) {
        if (zsip_net_stats(s->net)->connections_now == connections)
            return;
        test_wait(s->net, 2000000);
        zsip_net_recycle(s->net);
    }
    cr_assert(false, "%u connections, not %u", (unsigned)zsip_net_stats(s->net)->connections_now,
              (unsigned)connections);
}

/* A connection to the transport, accepted. */
static inline int test_stream_peer(struct test_streams *s)
{
    uint64_t before = zsip_net_stats(s->net)->connections_accepted;
    int fd = test_stream_connect(&s->bound);
    for (unsigned turn = 0; turn < TEST_TURNS_MAX; turn++) {
        if (zsip_net_stats(s->net)->connections_accepted > before)
            return fd;
        test_wait(s->net, 2000000);
        zsip_net_recycle(s->net);
    }
    cr_assert(false, "not accepted");
    return fd;
}

static inline void test_stream_write(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Waits for a batch, which has count packets. */
static inline const struct zsip_net_batch *test_stream_wait(struct test_streams *s, size_t count)
{
    for (unsigned turn = 0; turn < TEST_TURNS_MAX; turn++) {
        const struct zsip_net_batch *batch = test_wait(s->net, 2000000);
        if (batch->packet_count > 0) {
            cr_assert_eq(batch->packet_count, count);
            return batch;
        }
        zsip_net_recycle(s->net);
    }
    cr_assert(false, "nothing came");
    return NULL;
}

static inline bool test_packet_is(const struct zsip_packet *packet, const char *text)
{
    return packet->bytes == strlen(text) && memcmp(packet->data, text, packet->bytes) == 0;
}

/* Sends every packet of a batch back, as one arena would hold them. */
static inline void test_stream_answer(struct test_streams *s, const struct zsip_net_batch *batch)
{
    static struct zsip_output outputs[ZSIP_NET_PACKETS_MAX];
    static struct zsip_path paths[ZSIP_NET_PACKETS_MAX];
    static uint8_t arena[4 << 20];
    uint8_t *at = arena;
    for (size_t i = 0; i < batch->packet_count; i++) {
        const struct zsip_packet *packet = &batch->packets[i];
        memcpy(at, packet->data, packet->bytes);
        paths[i] = *packet->path;
        outputs[i] = (struct zsip_output){.data = at, .path = &paths[i], .bytes = packet->bytes};
        at += packet->bytes;
    }
    zsip_net_send(s->net, outputs, batch->packet_count);
    zsip_net_recycle(s->net);
}

/* The same, and what comes meanwhile is answered. */
static inline void test_stream_answered(struct test_streams *s, int fd, const char *text)
{
    char got[4096];
    size_t bytes = 0, wanted = strlen(text);
    for (unsigned turn = 0; turn < TEST_TURNS_MAX && bytes < wanted; turn++) {
        ssize_t more = recv(fd, got + bytes, sizeof(got) - bytes, MSG_DONTWAIT);
        bytes += more > 0 ? (size_t)more : 0;
        if (bytes < wanted)
            test_stream_answer(s, test_wait(s->net, 1000000));
    }
    cr_assert(bytes == wanted && memcmp(got, text, bytes) == 0, "%.*s, not %s", (int)bytes, got,
              text);
}

/* Turns until the peer has got exactly this. */
static inline void test_stream_expect(struct test_streams *s, int fd, const char *text)
{
    char got[4096];
    size_t bytes = 0, wanted = strlen(text);
    for (unsigned turn = 0; turn < TEST_TURNS_MAX && bytes < wanted; turn++) {
        test_wait(s->net, 1000000);
        zsip_net_recycle(s->net);
        ssize_t more = recv(fd, got + bytes, sizeof(got) - bytes, MSG_DONTWAIT);
        bytes += more > 0 ? (size_t)more : 0;
    }
    cr_assert(bytes == wanted && memcmp(got, text, bytes) == 0, "%.*s, not %s", (int)bytes, got,
              text);
}

/* Turns until the peer sees the end of the stream. */
static inline void test_stream_expect_end(struct test_streams *s, int fd)
{
    char got[64];
    for (unsigned turn = 0; turn < TEST_TURNS_MAX; turn++) {
        ssize_t more = recv(fd, got, sizeof(got), MSG_DONTWAIT);
        if (more == 0)
            return;
        cr_assert(more < 0 && errno == EAGAIN, "%s", more < 0 ? strerror(errno) : "more came");
        test_wait(s->net, 1000000);
        zsip_net_recycle(s->net);
    }
    cr_assert(false, "no end");
}

static inline void test_stream_reset(int fd)
{
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    close(fd);
}

#endif
