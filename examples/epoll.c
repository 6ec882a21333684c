/* The endpoint alone, in an epoll loop of one's own: one UDP socket and a clock. The library does
 * no I/O here; packets and time go in, packets and the next deadline come out.
 *
 *     cc epoll.c $(pkg-config --cflags --libs zsip) -o epoll
 *     ./epoll 5081 10                                       port, seconds to run
 *
 * SPDX-License-Identifier: MIT
 */
#include <zsip/zsip.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void on_request(void *user, struct zsip_endpoint *endpoint, const struct zsip_incoming *in)
{
    struct zsip_response ok = {.struct_bytes = sizeof(ok), .status = 202};
    (void)user;
    zsip_endpoint_respond(endpoint, in->handle, &ok, in->now);
}

static void send_all(struct zsip_endpoint *endpoint, int fd)
{
    size_t count;
    const struct zsip_output *outputs = zsip_endpoint_output(endpoint, &count);
    for (size_t i = 0; i < count; i++) {
        const struct zsip_address *remote = &outputs[i].path->remote;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(remote->port)};
        memcpy(&to.sin_addr, remote->ip, 4);
        sendto(fd, outputs[i].data, outputs[i].bytes, 0, (struct sockaddr *)&to, sizeof(to));
    }
    zsip_endpoint_output_done(endpoint);
}

static void receive_one(struct zsip_endpoint *endpoint, int fd)
{
    static uint8_t buffer[65536];
    struct sockaddr_in from;
    socklen_t from_bytes = sizeof(from);
    size_t used;
    ssize_t bytes = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &from_bytes);
    if (bytes < 0)
        return;
    struct zsip_path path = {.transport = ZSIP_TRANSPORT_UDP};
    path.remote.family = ZSIP_FAMILY_IPV4;
    path.remote.port = ntohs(from.sin_port);
    memcpy(path.remote.ip, &from.sin_addr, 4);
    struct zsip_packet packet = {.data = buffer, .path = &path, .bytes = (uint32_t)bytes};
    zsip_endpoint_receive(endpoint, &packet, 1, zsip_time_now(), &used);
    send_all(endpoint, fd);
}

static int wait_ms(const struct zsip_endpoint *endpoint, uint64_t end_ns)
{
    uint64_t now_ns = zsip_time_now().monotonic_ns;
    uint64_t until_ns = zsip_endpoint_deadline(endpoint);
    until_ns = until_ns < end_ns ? until_ns : end_ns;
    return until_ns <= now_ns ? 0 : (int)((until_ns - now_ns) / ZSIP_NS_PER_MS) + 1;
}

int main(int argc, char **argv)
{
    struct zsip_endpoint *endpoint;
    struct zsip_endpoint_config config;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event ready = {.events = EPOLLIN};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), epoll = epoll_create1(0);
    name.sin_port = htons(argc > 1 ? (uint16_t)atoi(argv[1]) : 5081);
    uint64_t end_ns = zsip_time_now().monotonic_ns +
                      (argc > 2 ? strtoull(argv[2], NULL, 10) : 10) * ZSIP_NS_PER_S;
    zsip_endpoint_config_init(&config);
    config.callbacks.request = on_request;
    if (zsip_random(config.seed, sizeof(config.seed)) != ZSIP_OK ||
        zsip_endpoint_create(&config, &endpoint) != ZSIP_OK ||
        bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ready) != 0) {
        perror("epoll");
        return 1;
    }
    while (zsip_time_now().monotonic_ns < end_ns) {
        if (epoll_wait(epoll, &ready, 1, wait_ms(endpoint, end_ns)) > 0)
            receive_one(endpoint, fd);
        while (zsip_endpoint_expire(endpoint, zsip_time_now()) == ZSIP_MORE)
            send_all(endpoint, fd);
        send_all(endpoint, fd);
    }
    zsip_endpoint_destroy(endpoint);
    return 0;
}
