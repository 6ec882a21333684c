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

/* ---- Requests ---------------------------------------------------------------------------------
 */

enum {
    LIMIT_REQUEST_BYTES_MAX = 512,
};

/* A MESSAGE of about 450 bytes whose ids have a fixed width, and the next ids to give. */
struct limit_request {
    size_t bytes;
    size_t id_at[4]; /* offsets of the decimal ids in the template */
    size_t user_at[2];
    char id[10], user[3]; /* decimal */
    uint8_t template[LIMIT_REQUEST_BYTES_MAX];
};

/* transport: as it stands in a Via, of three letters. */
void limit_request_init(struct limit_request *request, const char *transport);
/* Writes the next one, request->bytes of them. */
void limit_request_write(struct limit_request *request, uint8_t *out);
/* The same where out holds an older one: only its ids change. */
void limit_request_number(struct limit_request *request, uint8_t *out);

/* CPU time of the calling thread. */
double limit_cpu_ns(void);

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

/* ---- TCP ---------------------------------------------------------------------------------------
 *
 * The same over streams: requests are told apart by their length alone, all answers to what one
 * read brought leave in one send. */

enum {
    LIMIT_CONNECTIONS_MAX = 16384,
    LIMIT_READ_BYTES = 1 << 18,
};

/* Listens at address:port, port 0 being a free one; ends the program where that fails. */
int limit_tcp_listen(struct in_addr address, uint16_t port);
/* Allows as many descriptors as the machine does. */
void limit_descriptors(void);

/* How long a server looks for more before it sleeps, as zsip serve does: to wake it takes longer
 * than most of what is measured. */
extern uint64_t limit_spin_ns;

/* Each serves connections until *stop. */
typedef void (*limit_tcp_server)(int listener, size_t request_bytes, const atomic_bool *stop);

void limit_tcp_serve_epoll(int listener, size_t request_bytes, const atomic_bool *stop);
/* A buffer each receive. */
void limit_tcp_serve_uring(int listener, size_t request_bytes, const atomic_bool *stop);
/* Receives share a buffer until it is full. */
void limit_tcp_serve_incremental(int listener, size_t request_bytes, const atomic_bool *stop);

struct limit_tcp_load {
    struct sockaddr_in server;
    unsigned connections; /* at most LIMIT_CONNECTIONS_MAX */
    unsigned depth;       /* requests under way on each */
    bool renew;           /* a connection of its own for each request; depth is 1 */
    uint64_t duration_ns;
};

/* As limit_drive(). An answer is what ends with an empty line. */
struct limit_result limit_tcp_drive(const struct limit_tcp_load *load);

/* Opens so many connections and keeps them, silent, until the program is told to end. */
void limit_tcp_idle(const struct sockaddr_in *server, unsigned connections);

void limit_fail(const char *what) __attribute__((noreturn));

#endif
