/* How long a message takes to parse: zsip beside osip2, sofia-sip and re, in one run, in turns, on
 * one core. Shapes and ways: texts.h.
 *
 * SPDX-License-Identifier: MIT */
#include "zsip/parser.h"
#include "bench/harness.h"
#include "bench/micro/peers.h"
#include "bench/micro/texts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_DEFAULT 11u
#define BATCH_NS     4000000u /* a sample's length, about */
#define SETS         9u
#define WORKERS_MAX  8u

/* ---- What is timed ------------------------------------------------------------------------------
 */

static struct zsip_msg *msg;

static bool parse_zsip(const uint8_t *data, size_t bytes)
{
    return zsip_parse(msg, data, bytes, 0) == ZSIP_OK;
}

static bool read_parties(enum zsip_header_id id)
{
    struct zsip_cursor cursor = {0, 0};
    struct zsip_party_uri party;
    bool found = true;
    while (found) {
        if (zsip_party_uri_next(msg, id, &cursor, &party, &found, NULL) != ZSIP_OK) {
            return false;
        }
    }
    return true;
}

static bool read_products(struct zsip_slice value)
{
    struct zsip_product product;
    uint32_t cursor = 0;
    bool found = true;
    while (found) {
        if (zsip_product_next(msg->data, value, &cursor, &product, &found, NULL) != ZSIP_OK) {
            return false;
        }
    }
    return true;
}

/* All that B carries and zsip_parse() leaves: every Via, every address with its URI, credentials,
 * date, products. */
static bool parse_zsip_all(const uint8_t *data, size_t bytes)
{
    struct zsip_cursor cursor = {0, 0};
    struct zsip_via via;
    struct zsip_auth auth;
    int64_t utc_s;
    bool found = true;
    if (!parse_zsip(data, bytes)) {
        return false;
    }
    while (found) {
        if (zsip_via_next(msg, &cursor, &via, &found, NULL) != ZSIP_OK) {
            return false;
        }
    }
    unsigned row = zsip_msg_find(msg, ZSIP_HEADER_AUTHORIZATION, 0);
    unsigned date = zsip_msg_find(msg, ZSIP_HEADER_DATE, 0);
    unsigned agent = zsip_msg_find(msg, ZSIP_HEADER_USER_AGENT, 0);
    return read_parties(ZSIP_HEADER_RECORD_ROUTE) && read_parties(ZSIP_HEADER_ROUTE) &&
           read_parties(ZSIP_HEADER_P_ASSERTED_IDENTITY) && read_parties(ZSIP_HEADER_FROM) &&
           read_parties(ZSIP_HEADER_TO) &&
           zsip_auth_parse(msg->data, msg->headers[row].value, ZSIP_HEADER_AUTHORIZATION, &auth,
                           NULL) == ZSIP_OK &&
           zsip_date(msg->data, msg->headers[date].value, &utc_s, NULL) == ZSIP_OK &&
           read_products(msg->headers[agent].value);
}

struct worker {
    char name[64];
    bool (*parse)(const uint8_t *data, size_t bytes);
    const struct texts *texts;
    size_t rounds; /* over all texts, in one sample */
    double samples[BENCH_RUNS_MAX];
};

static struct worker workers[SETS * WORKERS_MAX];
static size_t worker_count;

/* ---- Timing -------------------------------------------------------------------------------------
 */

static unsigned volatile sink;

static double time_rounds(const struct worker *worker, size_t rounds)
{
    const struct texts *texts = worker->texts;
    unsigned good = 0;
    uint64_t begin = bench_now_ns();
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < texts->count; i++) {
            good += worker->parse(texts->data[i], texts->bytes[i]);
        }
    }
    uint64_t end = bench_now_ns();
    sink += good;
    return (double)(end - begin) / (double)(rounds * texts->count);
}

static void calibrate(struct worker *worker)
{
    size_t rounds = 1;
    for (;;) {
        double total_ns = time_rounds(worker, rounds) * (double)(rounds * worker->texts->count);
        if (total_ns * 2 > BATCH_NS || rounds > 1u << 20) {
            break;
        }
        rounds *= 2;
    }
    worker->rounds = rounds;
}

/* A parser that refuses texts does less work: that has to be said. Ours may refuse none. */
static void check(const struct worker *worker)
{
    unsigned refused = 0;
    for (size_t i = 0; i < worker->texts->count; i++) {
        refused += !worker->parse(worker->texts->data[i], worker->texts->bytes[i]);
    }
    if (refused == 0) {
        return;
    }
    if (strncmp(worker->name, "zsip", 4) == 0) {
        fprintf(stderr, "%s: refuses %u texts\n", worker->name, refused);
        exit(1);
    }
    bench_note("%s: refuses %u of %zu texts", worker->name, refused, worker->texts->count);
}

static void add(const char *name, const struct texts *texts, const char *way,
                bool (*parse)(const uint8_t *, size_t))
{
    struct worker *worker = &workers[worker_count];
    snprintf(worker->name, sizeof(worker->name), "%s %c %s", name, texts->shape, way);
    if (!bench_wanted(worker->name)) {
        return;
    }
    worker->parse = parse;
    worker->texts = texts;
    check(worker);
    worker_count++;
}

int main(int argc, char **argv)
{
    static struct texts texts[SETS];
    bench_begin("parser", argc, argv);
    bench_pin();
    peers_init();
    msg = malloc(zsip_msg_size());
    for (size_t i = 0; i < SETS; i++) {
        texts_make(&texts[i], "ABC"[i / TEXTS_WAYS], (enum texts_way)(i % TEXTS_WAYS));
        const char *way = texts_way_name(texts[i].way);
        add("zsip", &texts[i], way, parse_zsip);
        if (texts[i].shape == 'B' && texts[i].way == TEXTS_MIXED) {
            add("zsip", &texts[i], "all headers", parse_zsip_all);
        }
        for (size_t j = 0; peers_here[j] != NULL; j++) {
            add(peers_here[j]->name, &texts[i], way, peers_here[j]->parse);
        }
    }
    for (size_t i = 0; i < worker_count; i++) {
        calibrate(&workers[i]);
    }
    unsigned runs = bench_runs(RUNS_DEFAULT);
    for (unsigned run = 0; run < runs; run++) {
        for (size_t i = 0; i < worker_count; i++) {
            workers[i].samples[run] = time_rounds(&workers[i], workers[i].rounds);
        }
    }
    for (size_t i = 0; i < worker_count; i++) {
        bench_row(workers[i].name, "ns", workers[i].samples, runs);
    }
    for (size_t i = 0; peers_absent[i] != NULL; i++) {
        bench_note("absent: %s", peers_absent[i]);
    }
    for (size_t i = 0; i < SETS; i++) {
        bench_note("%c %s: %.0f bytes a message", texts[i].shape, texts_way_name(texts[i].way),
                   (double)texts[i].total_bytes / (double)texts[i].count);
    }
    return bench_finish();
}
