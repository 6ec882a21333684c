/* No cache line that two workers write, and none of static memory, on the path of a message. Shown
 * by what they write: turns of two workers alternate on one thread, all of their memory and the
 * group's is compared with what it was before each turn, line by line. */
#include "zsip/zsip.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    WORKERS = 2,
    LINE = 64,
    PAGE = 4096,
    TURNS_MAX = 200,
    BLOCKS_MAX = 256,
    ROUNDS = 8,
    REQUESTS = 96, /* a round; the owners of about half are not where they arrive */
};

struct block {
    uint8_t *memory;
    uint8_t *before;
    uint8_t *writers; /* a line: bit 1 << worker */
    size_t bytes;
};

static struct block blocks[BLOCKS_MAX];
static unsigned block_count;
static unsigned answered;

extern char __data_start[], _end[]; /* what the program writes beside heap and stack */

static void watch(void *memory, size_t bytes)
{
    cr_assert_lt(block_count, BLOCKS_MAX);
    struct block *block = &blocks[block_count++];
    *block = (struct block){.memory = memory, .bytes = bytes & ~(size_t)(LINE - 1)};
    block->before = malloc(bytes);
    block->writers = calloc(bytes / LINE + 1, 1);
    cr_assert(block->before != NULL && block->writers != NULL);
}

/* AddressSanitizer minds who reads between variables; then the page with them is left out. */
static void watch_static(void)
{
    uintptr_t begin = ((uintptr_t)__data_start + LINE - 1) & ~(uintptr_t)(LINE - 1);
#ifdef __SANITIZE_ADDRESS__
    watch(malloc(LINE), LINE);
    (void)begin;
#else
    watch((void *)begin, (uintptr_t)_end - begin);
#endif
}

static void *take(void *user, size_t bytes)
{
    (void)user;
    bytes = (bytes + LINE - 1) & ~(size_t)(LINE - 1);
    void *memory = aligned_alloc(LINE, bytes);
    cr_assert(memory != NULL);
    watch(memory, bytes);
    return memory;
}

static void give(void *user, void *memory, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(memory);
}

static const struct zsip_memory memory = {
    .struct_bytes = sizeof(memory), .allocate = take, .release = give};

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    static const struct zsip_response ok = {.struct_bytes = sizeof(ok), .status = 200};
    (void)user;
    zsip_endpoint_respond(endpoint, incoming->handle, &ok, incoming->now);
}

static struct zsip_worker *open_worker(struct zsip_group *group, unsigned index,
                                       struct zsip_address *address)
{
    char error[256] = "";
    struct zsip_worker *worker;
    struct zsip_worker_config config;
    zsip_worker_config_init(&config);
    config.group = group;
    config.buffers = 16;
    config.endpoint.output_bytes = 160u << 10;
    config.socket_buffer_bytes = 1 << 20;
    config.streams.connections = config.streams.connections_per_source = 16;
    config.streams.memory_bytes = 1 << 20;
    config.endpoint.memory = &memory;
    config.endpoint.worker = (uint8_t)index;
    config.endpoint.completed_max = 10000;
    config.endpoint.pending_max = 64;
    config.endpoint.clients_max = 64;
    config.endpoint.log_bytes_max = 1 << 20;
    config.endpoint.callbacks.request = on_request;
    cr_assert_eq(zsip_worker_create(&config, &worker, error, sizeof(error)), ZSIP_OK, "%s", error);
    unsigned flags = ZSIP_LISTEN_SHARED | (index > 0 ? ZSIP_LISTEN_JOIN : 0);
    cr_assert_eq(zsip_worker_listen(worker, ZSIP_TRANSPORT_UDP, address, flags, address, error,
                                    sizeof(error)),
                 ZSIP_OK, "%s", error);
    return worker;
}

static void send_requests(const int fds[2], const struct zsip_address *address)
{
    static unsigned serial;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(address->port)};
    for (unsigned i = 0; i < REQUESTS; i++, serial++) {
        char text[512];
        int bytes = snprintf(text, sizeof(text),
                             "MESSAGE sip:b@example.com SIP/2.0\r\n"
                             "Via: SIP/2.0/UDP client.example.com;rport;branch=z9hG4bK%u\r\n"
                             "Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=t%u\r\n"
                             "To: <sip:b@example.com>\r\nCall-ID: c%u\r\nCSeq: 1 MESSAGE\r\n"
                             "Content-Length: 0\r\n\r\n",
                             serial, serial, serial);
        cr_assert_eq(sendto(fds[i % 2], text, (size_t)bytes, 0, (struct sockaddr *)&to, sizeof(to)),
                     bytes);
    }
}

static void take_answers(const int fds[2])
{
    char text[1024];
    for (unsigned i = 0; i < 2; i++)
        while (recv(fds[i], text, sizeof(text), MSG_DONTWAIT) > 0)
            answered++;
}

/* Notes the writer of each line of a page that is not what it was. */
static void compare(const struct block *block, size_t from, unsigned writer)
{
    size_t to = from + PAGE < block->bytes ? from + PAGE : block->bytes;
    if (memcmp(block->memory + from, block->before + from, to - from) == 0)
        return;
    for (size_t at = from; at < to; at += LINE)
        if (memcmp(block->memory + at, block->before + at, LINE) != 0)
            block->writers[at / LINE] |= (uint8_t)(1u << writer);
}

static void watched_turn(struct zsip_worker *worker, unsigned index)
{
    for (unsigned i = 0; i < block_count; i++)
        memcpy(blocks[i].before, blocks[i].memory, blocks[i].bytes);
    enum zsip_status status = zsip_worker_turn(worker, 0);
    for (unsigned i = 0; i < block_count; i++)
        for (size_t at = 0; at < blocks[i].bytes; at += PAGE)
            compare(&blocks[i], at, index);
    cr_assert_eq(status, ZSIP_OK);
}

/* Lines of blocks [from, to) that every worker of mask wrote. */
static unsigned lines(unsigned from, unsigned to, unsigned mask)
{
    unsigned count = 0;
    for (unsigned i = from; i < to; i++)
        for (size_t at = 0; at < blocks[i].bytes / LINE; at++)
            count += (blocks[i].writers[at] & mask) == mask;
    return count;
}

Test(lines, two_workers_write_no_common_one_but_their_bells, .timeout = 300)
{
    struct zsip_group *group;
    struct zsip_worker *workers[WORKERS];
    struct zsip_address address;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fds[2];
    zsip_address_parse("127.0.0.1:0", 0, &address);
    watch_static();
    cr_assert_eq(zsip_group_create(WORKERS, ZSIP_STEER_MESSAGE, &memory, &group), ZSIP_OK);
    unsigned group_end = block_count;
    workers[0] = open_worker(group, 0, &address);
    unsigned first_end = block_count;
    workers[1] = open_worker(group, 1, &address);
    for (unsigned i = 0; i < 2; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        cr_assert_eq(bind(fds[i], (struct sockaddr *)&here, sizeof(here)), 0);
    }
    /* The first message of all chooses the parser that this processor can run. */
    send_requests(fds, &address);
    for (unsigned turn = 0; turn < TURNS_MAX && answered < REQUESTS; turn++) {
        for (unsigned i = 0; i < WORKERS; i++)
            zsip_worker_turn(workers[i], 0);
        take_answers(fds);
    }
    cr_assert_eq(answered, REQUESTS);
    for (unsigned round = 0; round < ROUNDS; round++) {
        send_requests(fds, &address);
        for (unsigned turn = 0; turn < TURNS_MAX && answered < (2 + round) * REQUESTS; turn++) {
            for (unsigned i = 0; i < WORKERS; i++)
                watched_turn(workers[i], i);
            take_answers(fds);
        }
    }
    uint64_t passed = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        struct zsip_worker_stats stats = {.struct_bytes = sizeof(stats)};
        zsip_worker_stats(workers[i], &stats);
        passed += stats.steered_out;
    }
    cr_log_info("%u answered, %llu passed on; lines written by the first worker %u, by the second "
                "%u, by both %u",
                answered, (unsigned long long)passed, lines(0, block_count, 1),
                lines(0, block_count, 2), lines(0, block_count, 3));
    cr_assert_eq(answered, (1 + ROUNDS) * REQUESTS);
    cr_assert_gt(passed, 100, "nothing was passed on");
    cr_assert_eq(lines(0, 1, 1) + lines(0, 1, 2), 0, "static memory is written");
    cr_assert_gt(lines(group_end, first_end, 1), 100, "what it writes is not seen");
    cr_assert_eq(lines(group_end, first_end, 2), 0, "the second writes memory of the first");
    cr_assert_eq(lines(first_end, block_count, 1), 0, "the first writes memory of the second");
    /* A bell a worker: rung by who passes on, put down by its owner, once a batch. */
    cr_assert_leq(lines(1, group_end, 3), WORKERS, "more than the bells is written by both");
    for (unsigned i = 0; i < WORKERS; i++) {
        zsip_worker_destroy(workers[i]);
        close(fds[i]);
    }
    zsip_group_destroy(group);
}
