/* What the machine can do without any SIP work: echo servers that answer each datagram of about
 * 450 bytes with a fixed one of 300, and the client that drives them (and zsip, for comparison). */
#ifndef ZSIP_BENCH_LIMIT_H
#define ZSIP_BENCH_LIMIT_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LIMIT_BATCH = 64,
    LIMIT_PEERS_MAX = 64,
    LIMIT_REPLY_BYTES = 300,
    LIMIT_DATAGRAM_BYTES_MAX = 65536,
    LIMIT_SOCKET_BUFFER_BYTES = 8 << 20,
};

/* How a server treats what comes and goes. */
enum limit_mode {
    LIMIT_PLAIN,   /* one by one */
    LIMIT_GROUPED, /* received one by one, answers to one peer sent as one train */
    LIMIT_TRAINS,  /* trains both ways */
};

/* ---- Servers ----------------------------------------------------------------------------------
 */

/* Each serves fd until *stop; ends the program with a line on stderr where something is missing. */
typedef void (*limit_server)(int fd, enum limit_mode mode, const atomic_bool *stop);

void limit_serve_mmsg(int fd, enum limit_mode mode, const atomic_bool *stop);
void limit_serve_uring(int fd, enum limit_mode mode, const atomic_bool *stop);

/* zsip's transport alone opens its own socket: port gets its number, before it serves. */
void limit_serve_transport(enum limit_mode mode, const atomic_bool *stop, atomic_uint *port);

/* The answer every server gives. */
extern uint8_t limit_reply[LIMIT_REPLY_BYTES];

/* A socket bound to address:port (port 0: a free one), with the buffers and the trains of its mode.
 */
int limit_socket(struct in_addr address, uint16_t port, bool receive_trains);

/* ---- Client -----------------------------------------------------------------------------------
 */

struct limit_load {
    struct sockaddr_in server;
    unsigned window;    /* requests under way in all */
    unsigned peers;     /* sockets they are spread over */
    unsigned train_max; /* datagrams a train; 1: none */
    uint64_t duration_ns;
};

struct limit_result {
    double answered_per_s;
    uint64_t answered;
    uint64_t unanswered; /* given up after a quarter of a second without any answer */
    double client_ns;    /* its CPU time for each */
};

/* Sends SIP MESSAGEs, each of them new, and counts answers; runs on the calling thread, which
 * should have a core to itself. */
struct limit_result limit_drive(const struct limit_load *load);

void limit_fail(const char *what) __attribute__((noreturn));

#endif
