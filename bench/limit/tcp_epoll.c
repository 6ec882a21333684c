/* Echo over TCP by epoll: one read and one send for each connection that has something. */
#include "bench/limit/limit.h"

#include "bench/harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    REPLIES_MAX = 4096,
};

static struct {
    size_t left[LIMIT_CONNECTIONS_MAX + 64]; /* bytes of a request begun, by descriptor */
    uint8_t in[LIMIT_READ_BYTES];
    uint8_t replies[REPLIES_MAX * LIMIT_REPLY_BYTES];
} server;

static void accept_all(int epoll, int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        if ((size_t)fd >= sizeof(server.left) / sizeof(*server.left)) {
            close(fd);
            continue;
        }
        struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
        server.left[fd] = 0;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void answer(int fd, size_t request_bytes)
{
    ssize_t got = recv(fd, server.in, sizeof(server.in), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        close(fd);
        return;
    }
    size_t bytes = server.left[fd] + (size_t)got, count = bytes / request_bytes;
    server.left[fd] = bytes % request_bytes;
    if (count > 0)
        send(fd, server.replies, count * LIMIT_REPLY_BYTES, MSG_NOSIGNAL);
}

static int wait_for(int epoll, struct epoll_event events[EVENTS])
{
    int count = epoll_wait(epoll, events, EVENTS, 0);
    uint64_t idle_ns = count == 0 ? bench_now_ns() : 0;
    while (count == 0 && bench_now_ns() - idle_ns < limit_spin_ns)
        count = epoll_wait(epoll, events, EVENTS, 0);
    return count != 0 ? count : epoll_wait(epoll, events, EVENTS, 100);
}

void limit_tcp_serve_epoll(int listener, size_t request_bytes, const atomic_bool *stop)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], first = {.events = EPOLLIN, .data = {.fd = listener}};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &first) != 0)
        limit_fail("epoll");
    for (unsigned i = 0; i < REPLIES_MAX; i++)
        memcpy(server.replies + i * LIMIT_REPLY_BYTES, limit_reply, LIMIT_REPLY_BYTES);
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        int count = wait_for(epoll, events);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                answer(events[i].data.fd, request_bytes);
        }
    }
    close(epoll);
}
