/* The endpoint fed from memory: MESSAGE in, 200 OK out, stateful, no kernel.
 *
 * Every request is another one (branch, Call-ID and tag of its own) and time goes on so that a
 * million transactions are live in Timer J. The clock runs around zsip_endpoint_receive() and the
 * taking of its output; putting the ids into the requests is not counted. */
#include "bench/harness.h"
#include "zsip/zsip.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH        64u
#define LIVE         1000000u
#define BUFFERS      4096u
#define REQUEST_ROOM 512u
#define ID_DIGITS    10u

static const char TEMPLATE[] =
    "MESSAGE sip:bob@example.com:5060;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.168.10.21:5070;branch=z9hG4bK-524287-1---8a7f3@@@@@@@@@@;rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: \"Alice Liddell\" <sip:alice@example.com>;tag=@@@@@@@@@@\r\n"
    "To: \"Bob\" <sip:bob@example.com>\r\n"
    "Call-ID: 7d3f0a4c-91b2-4e65-a7f8-2c@@@@@@@@@@@192.168.10.21\r\n"
    "CSeq: 1 MESSAGE\r\n"
    "User-Agent: sipmsg/1.0\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 18\r\n"
    "\r\n"
    "Watson, come here.";

struct load {
    struct zsip_endpoint *endpoint;
    struct zsip_path path;
    struct zsip_time now;
    uint64_t serial;
    uint64_t answered;
    uint8_t (*requests)[REQUEST_ROOM];
    size_t id_at[3];
    double ns_each; /* of the last run */
    uint64_t run;
};

static void die(const char *what)
{
    fprintf(stderr, "bench-endpoint: %s\n", what);
    exit(1);
}

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    static const struct zsip_response ok = {.struct_bytes = sizeof(ok), .status = 200};
    (void)user;
    zsip_endpoint_respond(endpoint, incoming->handle, &ok, incoming->now);
}

static void load_open(struct load *load, uint8_t worker)
{
    struct zsip_endpoint_config config;
    zsip_endpoint_config_init(&config);
    memset(config.seed, 1 + worker, sizeof(config.seed));
    config.worker = worker;
    config.completed_max = 2 * LIVE;
    config.callbacks.request = on_request;
    if (zsip_endpoint_create(&config, &load->endpoint) != ZSIP_OK)
        die("no endpoint");
    load->requests = calloc(BUFFERS, REQUEST_ROOM);
    if (load->requests == NULL)
        die("out of memory");
    for (unsigned i = 0; i < BUFFERS; i++)
        memcpy(load->requests[i], TEMPLATE, sizeof(TEMPLATE));
    const char *at = TEMPLATE;
    for (unsigned i = 0; i < 3; i++) {
        at = strstr(at, "@@@@@@@@@@");
        load->id_at[i] = (size_t)(at - TEMPLATE);
        at += ID_DIGITS;
    }
    load->path.transport = ZSIP_TRANSPORT_UDP;
    load->path.remote =
        (struct zsip_address){.ip = {192, 168, 10, 21}, .port = 5070, .family = ZSIP_FAMILY_IPV4};
    load->now = (struct zsip_time){.monotonic_ns = ZSIP_NS_PER_S, .utc_s = 1700000000};
}

static void put_ids(struct load *load, uint8_t *request)
{
    char digits[ID_DIGITS];
    uint64_t value = ++load->serial;
    for (unsigned i = ID_DIGITS; i-- > 0; value /= 10)
        digits[i] = (char)('0' + value % 10);
    for (unsigned i = 0; i < 3; i++)
        memcpy(request + load->id_at[i], digits, ID_DIGITS);
}

/* One batch; returns the nanoseconds it took. */
static uint64_t load_batch(struct load *load)
{
    struct zsip_packet packets[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        uint8_t *request = load->requests[load->serial % BUFFERS];
        put_ids(load, request);
        packets[i] = (struct zsip_packet){
            .data = request, .bytes = sizeof(TEMPLATE) - 1, .path = &load->path};
    }
    load->now.monotonic_ns += BATCH * (32 * ZSIP_NS_PER_S / LIVE);
    size_t used, count;
    uint64_t begin = bench_now_ns();
    if (zsip_endpoint_receive(load->endpoint, packets, BATCH, load->now, &used) != ZSIP_OK)
        die("the output is full");
    zsip_endpoint_output(load->endpoint, &count);
    zsip_endpoint_output_done(load->endpoint);
    zsip_endpoint_expire(load->endpoint, load->now);
    load->answered += count;
    return bench_now_ns() - begin;
}

static void *load_run(void *argument)
{
    struct load *load = argument;
    uint64_t ns = 0;
    uint64_t begin = load->answered;
    for (uint64_t i = 0; i < load->run / BATCH; i++)
        ns += load_batch(load);
    if (load->answered - begin != load->run / BATCH * BATCH)
        die("not everything was answered");
    load->ns_each = (double)ns / (double)(load->answered - begin);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct load loads[2];
    double one[BENCH_RUNS_MAX], rate[BENCH_RUNS_MAX], two[BENCH_RUNS_MAX];
    bench_begin("endpoint", argc, argv);
    unsigned runs = bench_runs(5);
    for (unsigned i = 0; i < 2; i++) {
        load_open(&loads[i], (uint8_t)i);
        loads[i].run = LIVE + LIVE / 4; /* until a million are live */
        load_run(&loads[i]);
        loads[i].run = LIVE;
    }
    for (unsigned r = 0; r < runs; r++) {
        load_run(&loads[0]);
        one[r] = loads[0].ns_each;
        rate[r] = 1e9 / one[r];
        pthread_t thread;
        if (pthread_create(&thread, NULL, load_run, &loads[1]) != 0)
            die("no thread");
        load_run(&loads[0]);
        pthread_join(thread, NULL);
        two[r] = 1e9 / loads[0].ns_each + 1e9 / loads[1].ns_each;
    }
    struct zsip_endpoint_stats stats = {.struct_bytes = sizeof(stats)};
    zsip_endpoint_stats(loads[0].endpoint, &stats);
    bench_row("endpoint", "1/s", rate, runs);
    bench_row("endpoint two threads", "1/s", two, runs);
    bench_row("endpoint each", "ns", one, runs);
    bench_note("MESSAGE of %zu bytes to 200 OK, %llu transactions live", sizeof(TEMPLATE) - 1,
               (unsigned long long)stats.completed_now);
    return bench_finish();
}
