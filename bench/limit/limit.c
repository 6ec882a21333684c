/* bench limit: the kernel's echo, and zsip's transport without SIP, each with the same client on
 * another core. With --drive, only the client, at whoever listens there; with --serve, only one of
 * the servers. */
#include "bench/limit/limit.h"

#include "bench/harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RUNS = 3,
    RUN_NS = 1000000000,
};

uint8_t limit_reply[LIMIT_REPLY_BYTES];

void limit_fail(const char *what)
{
    fprintf(stderr, "bench-limit: %s%s%s\n", what, errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    exit(1);
}

int limit_socket(struct in_addr address, uint16_t port, bool receive_trains)
{
    int bytes = LIMIT_SOCKET_BUFFER_BYTES, on = 1;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address};
    struct timeval timeout = {.tv_usec = 100000};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
        limit_fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (receive_trains && setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) != 0)
        limit_fail("UDP_GRO");
    return fd;
}

/* What client and server process share. */
struct shared {
    atomic_bool stop;
    atomic_uint port;
};

/* One line of the table of what is measured. */
struct scenario {
    const char *name;
    limit_server server; /* NULL: zsip's transport, or tcp */
    enum limit_mode mode;
    unsigned peers, window, train_max; /* over TCP the window is each peer's */
    limit_tcp_server tcp;
};

static const struct scenario scenarios[] = {
    /* A plain client. Answers to it leave grouped where nothing else is said: that is the fastest.
     */
    {"plain", limit_serve_mmsg, LIMIT_GROUPED, 1, 256, 1, NULL},
    {"plain io_uring", limit_serve_uring, LIMIT_GROUPED, 1, 256, 1, NULL},
    {"plain zsip transport", NULL, LIMIT_GROUPED, 1, 256, 1, NULL},
    {"plain one by one", limit_serve_mmsg, LIMIT_PLAIN, 1, 256, 1, NULL},
    {"plain one by one io_uring", limit_serve_uring, LIMIT_PLAIN, 1, 256, 1, NULL},
    {"plain one by one zsip transport", NULL, LIMIT_PLAIN, 1, 256, 1, NULL},
    {"trains", limit_serve_mmsg, LIMIT_TRAINS, 1, 512, 64, NULL},
    {"trains io_uring", limit_serve_uring, LIMIT_TRAINS, 1, 512, 64, NULL},
    {"trains zsip transport", NULL, LIMIT_TRAINS, 1, 512, 64, NULL},
    {"trains of 8", limit_serve_mmsg, LIMIT_TRAINS, 1, 64, 8, NULL},
    {"trains of 8 zsip transport", NULL, LIMIT_TRAINS, 1, 64, 8, NULL},
    {"trains 32 peers", limit_serve_mmsg, LIMIT_TRAINS, 32, 2048, 32, NULL},
    {"trains 32 peers zsip transport", NULL, LIMIT_TRAINS, 32, 2048, 32, NULL},
    /* Streams: connections x requests under way on each. */
    {"tcp 64x16 epoll", NULL, LIMIT_PLAIN, 64, 16, 1, limit_tcp_serve_epoll},
    {"tcp 64x16 io_uring", NULL, LIMIT_PLAIN, 64, 16, 1, limit_tcp_serve_uring},
    {"tcp 64x16 incremental", NULL, LIMIT_PLAIN, 64, 16, 1, limit_tcp_serve_incremental},
    {"tcp 1x512 epoll", NULL, LIMIT_PLAIN, 1, 512, 1, limit_tcp_serve_epoll},
    {"tcp 1x512 io_uring", NULL, LIMIT_PLAIN, 1, 512, 1, limit_tcp_serve_uring},
    {"tcp 1x512 incremental", NULL, LIMIT_PLAIN, 1, 512, 1, limit_tcp_serve_incremental},
    {"tcp 1000x8 epoll", NULL, LIMIT_PLAIN, 1000, 8, 1, limit_tcp_serve_epoll},
    {"tcp 1000x8 io_uring", NULL, LIMIT_PLAIN, 1000, 8, 1, limit_tcp_serve_uring},
    {"tcp 1000x8 incremental", NULL, LIMIT_PLAIN, 1000, 8, 1, limit_tcp_serve_incremental},
};

static uint16_t port_of(int fd)
{
    struct sockaddr_in name;
    socklen_t bytes = sizeof(name);
    getsockname(fd, (struct sockaddr *)&name, &bytes);
    return ntohs(name.sin_port);
}

/* The server's process. */
static void serve_scenario(const struct scenario *scenario, struct shared *shared)
{
    const struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    bench_pin();
    if (scenario->tcp != NULL) {
        struct limit_request request;
        limit_request_init(&request, "TCP");
        limit_descriptors();
        int fd = limit_tcp_listen(loopback, 0);
        atomic_store(&shared->port, port_of(fd));
        scenario->tcp(fd, request.bytes, &shared->stop);
    } else if (scenario->server != NULL) {
        int fd = limit_socket(loopback, 0, scenario->mode == LIMIT_TRAINS);
        atomic_store(&shared->port, port_of(fd));
        scenario->server(fd, scenario->mode, &shared->stop);
    } else {
        limit_serve_transport(scenario->mode, &shared->stop, &shared->port);
    }
}

static struct limit_result drive_scenario(const struct scenario *scenario, uint16_t port)
{
    struct sockaddr_in server = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (scenario->tcp != NULL) {
        struct limit_tcp_load load = {.server = server,
                                      .connections = scenario->peers,
                                      .depth = scenario->window,
                                      .duration_ns = RUN_NS};
        return limit_tcp_drive(&load);
    }
    struct limit_load load = {.server = server,
                              .window = scenario->window,
                              .peers = scenario->peers,
                              .train_max = scenario->train_max,
                              .duration_ns = RUN_NS};
    return limit_drive(&load);
}

static struct limit_result measure(const struct scenario *scenario, double *server_ns)
{
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        limit_fail("mmap");
    pid_t child = fork();
    if (child == 0) {
        serve_scenario(scenario, shared);
        exit(0);
    }
    while (atomic_load(&shared->port) == 0 && waitpid(child, NULL, WNOHANG) == 0)
        usleep(1000);
    struct limit_result result = drive_scenario(scenario, (uint16_t)atomic_load(&shared->port));
    struct rusage usage = {0};
    atomic_store(&shared->stop, true);
    if (wait4(child, NULL, 0, &usage) == child && result.answered > 0)
        *server_ns = (1e9 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      1e3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)) /
                     (double)result.answered;
    munmap(shared, sizeof(*shared));
    return result;
}

static void row(const struct scenario *scenario)
{
    char name[64], ns_name[64], client_name[64];
    double rate[BENCH_RUNS_MAX], ns[BENCH_RUNS_MAX], client[BENCH_RUNS_MAX];
    unsigned runs = bench_runs(RUNS);
    snprintf(name, sizeof(name), "limit %s", scenario->name);
    snprintf(ns_name, sizeof(ns_name), "limit ns %s", scenario->name);
    snprintf(client_name, sizeof(client_name), "limit client ns %s", scenario->name);
    if (!bench_wanted(name))
        return;
    for (unsigned i = 0; i < runs; i++) {
        struct limit_result result = measure(scenario, &ns[i]);
        rate[i] = result.answered_per_s;
        client[i] = result.client_ns;
        if (result.unanswered > 0)
            bench_note("%s: %llu of %llu without an answer", name,
                       (unsigned long long)result.unanswered,
                       (unsigned long long)result.answered + (unsigned long long)result.unanswered);
    }
    bench_row(name, "1/s", rate, runs);
    bench_row(ns_name, "ns", ns, runs);
    bench_row(client_name, "ns", client, runs);
}

/* The client has the first core of those we may use, the server bench_pin()'s, the last. */
static void pin_client(void)
{
    cpu_set_t allowed, one;
    sched_getaffinity(0, sizeof(allowed), &allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof(one), &one);
        return;
    }
}

/* "PORT" of this machine, or "ADDRESS:PORT". */
static struct sockaddr_in place(const char *text)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char address[INET_ADDRSTRLEN] = "";
    const char *colon = strchr(text, ':');
    if (colon != NULL && colon - text < INET_ADDRSTRLEN)
        memcpy(address, text, (size_t)(colon - text));
    if (colon != NULL && inet_pton(AF_INET, address, &name.sin_addr) != 1)
        limit_fail(text);
    name.sin_port = htons((uint16_t)atoi(colon != NULL ? colon + 1 : text));
    return name;
}

/* --serve [ADDRESS:]PORT SCENARIO [SPIN_US]: until it is killed. Not for zsip's transport. */
static int serve(int count, char **values)
{
    static atomic_bool never;
    struct sockaddr_in name = place(values[0]);
    if (count > 2)
        limit_spin_ns = (uint64_t)atoi(values[2]) * 1000;
    for (unsigned i = 0; count > 1 && i < sizeof(scenarios) / sizeof(*scenarios); i++) {
        const struct scenario *scenario = &scenarios[i];
        if (strcmp(scenario->name, values[1]) != 0)
            continue;
        if (scenario->tcp != NULL) {
            struct limit_request request;
            limit_request_init(&request, "TCP");
            limit_descriptors();
            scenario->tcp(limit_tcp_listen(name.sin_addr, ntohs(name.sin_port)), request.bytes,
                          &never);
        }
        if (scenario->server == NULL)
            continue;
        scenario->server(
            limit_socket(name.sin_addr, ntohs(name.sin_port), scenario->mode == LIMIT_TRAINS),
            scenario->mode, &never);
    }
    fprintf(stderr, "bench-limit: --serve [ADDRESS:]PORT SCENARIO, such as 'plain'\n");
    return 64;
}

static int print_result(const struct limit_result *result)
{
    printf("{\"answered_per_s\": %.0f, \"answered\": %llu, \"unanswered\": %llu, "
           "\"client_ns\": %.0f}\n",
           result->answered_per_s, (unsigned long long)result->answered,
           (unsigned long long)result->unanswered, result->client_ns);
    return 0;
}

/* Numbers behind the first value, as far as there are some. */
static void read_numbers(unsigned *numbers, int max, int count, char **values)
{
    for (int i = 1; i < count && i < max; i++)
        numbers[i] = (unsigned)atoi(values[i]);
}

/* --drive [ADDRESS:]PORT [WINDOW [PEERS [TRAIN [SECONDS]]]] */
static int drive(int count, char **values)
{
    unsigned number[5] = {0, 256, 1, 1, 5};
    read_numbers(number, 5, count, values);
    struct limit_load load = {
        .server = place(values[0]),
        .window = number[1],
        .peers = number[2] < LIMIT_PEERS_MAX ? number[2] : LIMIT_PEERS_MAX,
        .train_max = number[3] < LIMIT_BATCH ? number[3] : LIMIT_BATCH,
        .duration_ns = number[4] * 1000000000ull,
    };
    struct limit_result result = limit_drive(&load);
    return print_result(&result);
}

/* --drive-tcp [ADDRESS:]PORT [CONNECTIONS [DEPTH [SECONDS [RENEW]]]] */
static int drive_tcp(int count, char **values)
{
    unsigned number[5] = {0, 64, 16, 5, 0};
    read_numbers(number, 5, count, values);
    struct limit_tcp_load load = {
        .server = place(values[0]),
        .connections = number[1] < LIMIT_CONNECTIONS_MAX ? number[1] : LIMIT_CONNECTIONS_MAX,
        .depth = number[4] ? 1 : number[2],
        .duration_ns = number[3] * 1000000000ull,
        .renew = number[4] != 0,
    };
    struct limit_result result = limit_tcp_drive(&load);
    return print_result(&result);
}

/* --idle-tcp [ADDRESS:]PORT CONNECTIONS */
static int idle_tcp(int count, char **values)
{
    struct sockaddr_in server = place(values[0]);
    unsigned number[2] = {0, 1000};
    read_numbers(number, 2, count, values);
    limit_tcp_idle(&server, number[1]);
    return 0;
}

int main(int argc, char **argv)
{
    snprintf((char *)limit_reply, sizeof(limit_reply), "SIP/2.0 200 OK\r\nX-Filler: ");
    memset(limit_reply + 26, 'x', sizeof(limit_reply) - 30);
    memcpy(limit_reply + sizeof(limit_reply) - 4, "\r\n\r\n", 4);
    pin_client();
    argc = bench_begin_some("limit", argc, argv);
    if (argc > 2 && strcmp(argv[1], "--drive") == 0)
        return drive(argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "--serve") == 0)
        return serve(argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "--drive-tcp") == 0)
        return drive_tcp(argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "--idle-tcp") == 0)
        return idle_tcp(argc - 2, argv + 2);
    if (argc > 1) {
        fprintf(stderr, "bench-limit: what is '%s'?\n", argv[1]);
        return 64;
    }
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
        row(&scenarios[i]);
    return bench_finish();
}
