/* The client of the comparison over TCP: so many connections, on each so many requests under way,
 * one read and one send for each connection that has something. */
#include "bench/limit/limit.h"

#include "bench/harness.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    /* Connections of one source address: a third of the usual range of ports. */
    PER_SOURCE = 8000,
    GIVEN_UP_NS = 1000000000,
};

struct peer {
    int fd;
    unsigned under_way;
    unsigned matched;    /* how much of an empty line the bytes so far end with */
    size_t answer_bytes; /* of the last answer, which the next most likely has too */
    size_t begin, end;   /* in out: written and not taken by the kernel yet */
    uint8_t *out;
};

struct client {
    const struct limit_tcp_load *load;
    struct limit_request request;
    struct limit_result result;
    uint64_t opened;
    int epoll;
    size_t out_bytes; /* of each peer */
    struct peer *peers;
    uint8_t *out;
    uint8_t in[LIMIT_READ_BYTES];
};

/* A connection, from 127.0.0.1 and its neighbours in turn where the server is on this machine: one
 * address has too few ports. */
static int open_connection(const struct sockaddr_in *server, uint64_t number)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    uint32_t host = ntohl(server->sin_addr.s_addr);
    if (fd < 0)
        limit_fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (host >> 24 == 127) {
        struct sockaddr_in source = {
            .sin_family = AF_INET,
            .sin_addr = {htonl(INADDR_LOOPBACK + (uint32_t)(number / PER_SOURCE % 100))}};
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        if (bind(fd, (const struct sockaddr *)&source, sizeof(source)) != 0)
            limit_fail("bind");
    }
    if (connect(fd, (const struct sockaddr *)server, sizeof(*server)) != 0)
        limit_fail("connect");
    return fd;
}

static void open_peer(struct client *client, struct peer *peer)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = peer}};
    peer->fd = open_connection(&client->load->server, client->opened++);
    peer->under_way = peer->matched = 0;
    peer->begin = peer->end = 0;
    if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, peer->fd, &event) != 0)
        limit_fail("epoll");
}

static const uint8_t empty_line[4] = {'\r', '\n', '\r', '\n'};

/* Where the answer that begins at ends, NULL if it does not; its only empty line is its end. */
static const uint8_t *answer_end(struct peer *peer, const uint8_t *at, size_t left)
{
    size_t bytes = peer->answer_bytes;
    if (bytes >= 4 && bytes <= left && memcmp(at + bytes - 4, empty_line, 4) == 0)
        return at + bytes;
    const uint8_t *found = memmem(at, left, empty_line, 4);
    if (found == NULL)
        return NULL;
    peer->answer_bytes = (size_t)(found + 4 - at);
    return found + 4;
}

/* The rest of an empty line that the read before broke off in. Returns the bytes it takes. */
static size_t continue_line(struct peer *peer, const uint8_t *data, size_t bytes, unsigned *count)
{
    size_t at = 0;
    while (peer->matched > 0 && at < bytes) {
        if (data[at] != empty_line[peer->matched]) {
            peer->matched = 0;
            break;
        }
        at++;
        if (++peer->matched == 4) {
            peer->matched = 0;
            ++*count;
        }
    }
    return at;
}

static unsigned count_answers(struct peer *peer, const uint8_t *data, size_t bytes)
{
    unsigned count = 0;
    const uint8_t *at = data + continue_line(peer, data, bytes, &count), *end = data + bytes;
    for (const uint8_t *next; (next = answer_end(peer, at, (size_t)(end - at))) != NULL; at = next)
        count++;
    for (size_t tail = 3; tail > 0 && peer->matched == 0; tail--)
        if ((size_t)(end - at) >= tail && memcmp(end - tail, empty_line, tail) == 0)
            peer->matched = (unsigned)tail;
    return count;
}

static void flush(struct peer *peer)
{
    while (peer->begin < peer->end) {
        ssize_t sent = send(peer->fd, peer->out + peer->begin, peer->end - peer->begin,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        peer->begin += (size_t)sent;
    }
    peer->begin = peer->end = 0;
}

static void fill(struct client *client, struct peer *peer)
{
    while (peer->under_way < client->load->depth &&
           peer->end + client->request.bytes <= client->out_bytes) {
        limit_request_number(&client->request, peer->out + peer->end);
        peer->end += client->request.bytes;
        peer->under_way++;
    }
    flush(peer);
}

static void lose(struct client *client, struct peer *peer)
{
    client->result.unanswered += peer->under_way;
    close(peer->fd);
    open_peer(client, peer);
    fill(client, peer);
}

/* Takes in what a connection has. Returns the answers. */
static unsigned take(struct client *client, struct peer *peer)
{
    unsigned answers = 0;
    for (ssize_t got = sizeof(client->in); got == (ssize_t)sizeof(client->in);) {
        got = recv(peer->fd, client->in, sizeof(client->in), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            lose(client, peer);
            return answers;
        }
        if (got > 0)
            answers += count_answers(peer, client->in, (size_t)got);
    }
    if (answers > peer->under_way)
        answers = peer->under_way;
    peer->under_way -= answers;
    return answers;
}

static void turn(struct client *client, struct peer *peer)
{
    unsigned answers = take(client, peer);
    client->result.answered += answers;
    if (answers > 0 && client->load->renew) {
        /* Reset, not closed: nothing stays behind that would use up the ports. */
        struct linger linger = {.l_onoff = 1};
        setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        close(peer->fd);
        open_peer(client, peer);
    }
    flush(peer);
    if (peer->begin == peer->end)
        fill(client, peer);
}

static struct client *open_client(const struct limit_tcp_load *load)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        limit_fail("memory");
    limit_descriptors();
    client->load = load;
    limit_request_init(&client->request, "TCP");
    client->out_bytes = load->depth * client->request.bytes;
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    client->peers = calloc(load->connections, sizeof(*client->peers));
    client->out = calloc(load->connections, client->out_bytes);
    if (client->epoll < 0 || client->peers == NULL || client->out == NULL)
        limit_fail("memory");
    for (unsigned i = 0; i < load->connections; i++) {
        client->peers[i].out = client->out + i * client->out_bytes;
        for (unsigned k = 0; k < load->depth; k++)
            limit_request_write(&client->request, client->peers[i].out + k * client->request.bytes);
        open_peer(client, &client->peers[i]);
    }
    return client;
}

struct limit_result limit_tcp_drive(const struct limit_tcp_load *load)
{
    struct client *client = open_client(load);
    struct epoll_event events[EVENTS];
    for (unsigned i = 0; i < load->connections; i++)
        fill(client, &client->peers[i]);
    double cpu_before_ns = limit_cpu_ns();
    uint64_t start_ns = bench_now_ns(), now_ns = start_ns, last_ns = start_ns;
    while (now_ns - start_ns < load->duration_ns && now_ns - last_ns < GIVEN_UP_NS) {
        /* It never sleeps: to be woken takes longer than most of what is measured. */
        int count = epoll_wait(client->epoll, events, EVENTS, 0);
        uint64_t before = client->result.answered;
        for (int i = 0; i < count; i++)
            turn(client, events[i].data.ptr);
        now_ns = bench_now_ns();
        if (client->result.answered > before)
            last_ns = now_ns;
    }
    struct limit_result result = client->result;
    result.answered_per_s = (double)result.answered * 1e9 / (double)(now_ns - start_ns);
    if (result.answered > 0)
        result.client_ns = (limit_cpu_ns() - cpu_before_ns) / (double)result.answered;
    for (unsigned i = 0; i < load->connections; i++) {
        if (now_ns - last_ns >= GIVEN_UP_NS)
            result.unanswered += client->peers[i].under_way;
        close(client->peers[i].fd);
    }
    close(client->epoll);
    free(client->peers);
    free(client->out);
    free(client);
    return result;
}

void limit_tcp_idle(const struct sockaddr_in *server, unsigned connections)
{
    static const char ready[] = "ready\n";
    limit_descriptors();
    for (unsigned i = 0; i < connections; i++)
        open_connection(server, i);
    if (write(STDOUT_FILENO, ready, sizeof(ready) - 1) < 0)
        limit_fail("stdout");
    for (;;)
        pause();
}
