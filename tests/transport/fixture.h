/* A transport under test, and plain sockets as its peers. */
#ifndef TESTS_TRANSPORT_FIXTURE_H
#define TESTS_TRANSPORT_FIXTURE_H

#include "transport/sockaddr.h"
#include "transport/transport.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is waited for comes at once; on a machine that does other things besides, later. */
#define TEST_TIMEOUT_S  30
#define TEST_TIMEOUT_NS (TEST_TIMEOUT_S * ZSIP_NS_PER_S)

static char test_log[16][256];
static unsigned test_log_count;

static inline void test_log_line(void *user, const char *line)
{
    (void)user;
    if (test_log_count < 16)
        snprintf(test_log[test_log_count++], sizeof(test_log[0]), "%s", line);
}

static inline bool test_logged(const char *part)
{
    for (unsigned i = 0; i < test_log_count; i++)
        if (strstr(test_log[i], part) != NULL)
            return true;
    return false;
}

static inline struct zsip_address test_address(const char *text)
{
    struct zsip_address address;
    cr_assert_eq(zsip_address_parse(text, 0, &address), ZSIP_OK, "%s", text);
    return address;
}

static inline struct zsip_net *test_net(unsigned without, uint32_t buffers)
{
    struct zsip_net_config config = {.log = test_log_line,
                                     .buffers = buffers,
                                     .socket_buffer_bytes = 1 << 20,
                                     .spin_ns = 20000,
                                     .without = without};
    struct zsip_net *net;
    char error[256] = "";
    cr_assert_eq(zsip_net_create(&config, &net, error, sizeof(error)), ZSIP_OK, "%s", error);
    return net;
}

/* Opens a socket of the transport; returns its address. */
static inline struct zsip_address test_listen(struct zsip_net *net, const char *where)
{
    struct zsip_address address = test_address(where), bound;
    char error[256] = "";
    cr_assert_eq(
        zsip_net_listen(net, ZSIP_TRANSPORT_UDP, &address, 0, &bound, error, sizeof(error)),
        ZSIP_OK, "%s", error);
    cr_assert_neq(bound.port, 0);
    return bound;
}

/* A plain socket bound to where, connected to a peer unless that is NULL. */
static inline int test_peer(const char *where, const struct zsip_address *peer)
{
    struct zsip_address address = test_address(where);
    union zsip_sockaddr name;
    socklen_t bytes = zsip_sockaddr_write(&address, &name);
    struct timeval timeout = {.tv_sec = TEST_TIMEOUT_S};
    int size = 4 << 20;
    int fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    cr_assert_eq(bind(fd, &name.any, bytes), 0, "%s", strerror(errno));
    if (peer != NULL) {
        bytes = zsip_sockaddr_write(peer, &name);
        cr_assert_eq(connect(fd, &name.any, bytes), 0, "%s", strerror(errno));
    }
    return fd;
}

static inline struct zsip_address test_name(int fd)
{
    union zsip_sockaddr name;
    socklen_t bytes = sizeof(name);
    struct zsip_address address;
    cr_assert_eq(getsockname(fd, &name.any, &bytes), 0);
    cr_assert(zsip_sockaddr_read(&name, bytes, &address));
    return address;
}

/* A wait that ends soon. */
static inline const struct zsip_net_batch *test_wait(struct zsip_net *net, uint64_t wait_ns)
{
    const struct zsip_net_batch *batch;
    uint64_t deadline_ns = wait_ns == 0 ? 0 : zsip_time_now().monotonic_ns + wait_ns;
    cr_assert_eq(zsip_net_wait(net, deadline_ns, &batch), ZSIP_OK);
    return batch;
}

/* Answers every packet of a batch with its own bytes. */
static inline void test_echo(struct zsip_net *net, const struct zsip_net_batch *batch)
{
    static struct zsip_output outputs[ZSIP_NET_PACKETS_MAX];
    static uint8_t copies[ZSIP_NET_PACKETS_MAX][2048];
    static struct zsip_path paths[ZSIP_NET_PACKETS_MAX];
    for (size_t i = 0; i < batch->packet_count; i++) {
        const struct zsip_packet *packet = &batch->packets[i];
        cr_assert_leq(packet->bytes, sizeof(copies[i]));
        memcpy(copies[i], packet->data, packet->bytes);
        paths[i] = *packet->path;
        outputs[i] =
            (struct zsip_output){.data = copies[i], .path = &paths[i], .bytes = packet->bytes};
    }
    zsip_net_send(net, outputs, batch->packet_count);
    zsip_net_recycle(net);
}

#endif
