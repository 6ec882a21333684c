/* The transaction room alone: no parser, no kernel. Issue rows:
 *
 *   server at 1M live     keys, look-up, insertion and the expiry of another, batches of 64
 *   server at 32M live    the same
 *   bytes per completed   resident memory over 32 million completed transactions
 *   retransmission        keys and look-up of a copy among 32 million (the parts of regeneration
 *                         that are this room's; parsing and writing have rows of their own)
 *   client                opening, branch, response found by it, end
 *   longest step          most CPU time that one batch or one memory step took while the store grew
 *                         from nothing to 32 million at a paced million a second; the notes say
 * what the same clock saw of steps that did nothing but spin
 *
 * Time inside the store is virtual: `now` is an argument. Only "longest step" keeps pace with the
 * clock of the wall. The texts of requests are made outside of what is timed.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "txn/txn.h"
#include "bench/harness.h"
#include "zsip/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64u
#define T1    (500 * ZSIP_NS_PER_MS)
#define J     (64 * T1)

#define MILLION 1000000ull

/* ---- Requests by number --------------------------------------------------------------------- */

/* Texts as a load generator writes them: 33 bytes of Call-ID, 8 of tag, 29 of branch. */
struct texts {
    char call_id[33], tag[8], branch[29];
};

static const char host[] = "198.51.100.17:5060";

static struct {
    struct texts texts[BATCH];
    struct zsip_txn_request requests[BATCH];
    struct zsip_txn_key keys[BATCH];
} batch;

static void hex(char *out, uint64_t value, unsigned digits)
{
    while (digits-- > 0) {
        out[digits] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

static void request_make(unsigned at, uint64_t number)
{
    struct texts *texts = &batch.texts[at];
    struct bench_random random = {number};
    const uint64_t noise = bench_random_next(&random);
    memcpy(texts->call_id, "0000000000000000@load.example.com", 33);
    hex(texts->call_id, number, 16);
    hex(texts->tag, noise, 8);
    memcpy(texts->branch, "z9hG4bK-0000000000000000-0001", 29);
    hex(texts->branch + 8, noise, 16);
    batch.requests[at] = (struct zsip_txn_request){
        .call_id = {(const uint8_t *)texts->call_id, sizeof(texts->call_id)},
        .from_tag = {(const uint8_t *)texts->tag, sizeof(texts->tag)},
        .branch = {(const uint8_t *)texts->branch, sizeof(texts->branch)},
        .sent_by = {(const uint8_t *)host, sizeof(host) - 1},
        .cseq = 1,
        .method = 7,
        .branch_has_cookie = true,
    };
}

/* ---- The store ------------------------------------------------------------------------------ */

static struct zsip_txn *store_make(uint32_t records_max)
{
    struct zsip_txn *txn;
    const struct zsip_txn_config config = {
        .struct_bytes = sizeof(config),
        .memory = zsip_memory_default(),
        .t1_ns = T1,
        .t2_ns = 8 * T1,
        .t4_ns = 10 * T1,
        .server_records_max = records_max,
        .server_pending_max = 1024,
        .client_max = 1u << 20,
        .log_bytes_max = 1u << 20,
        .index_secret = "an index secret",
        .tag_secret = "a tag's secret.",
        .branch_secret = "branches' own..",
    };
    if (zsip_txn_create(&txn, &config) != ZSIP_OK) {
        fprintf(stderr, "bench-txn: no memory for a store\n");
        exit(70);
    }
    return txn;
}

static void range_perform(const struct zsip_txn_range *range)
{
    if (range->kind == ZSIP_TXN_RELEASE) {
        madvise(range->memory, range->bytes, MADV_DONTNEED);
        return;
    }
    for (size_t at = 0; at < range->bytes; at += 4096)
        __atomic_fetch_or((char *)range->memory + at, 0, __ATOMIC_RELAXED);
}

static void store_maintain(struct zsip_txn *txn)
{
    struct zsip_txn_range range;
    while (zsip_txn_maintain(txn, &range) == ZSIP_MORE)
        range_perform(&range);
}

struct run {
    struct zsip_txn *txn;
    uint64_t number; /* next request */
    uint64_t now_ns;
};

static void store_expire(struct run *run)
{
    struct zsip_txn_event events[BATCH];
    size_t count;
    zsip_txn_expire(run->txn, run->now_ns, events, BATCH, &count);
}

/* One batch of new requests, all answered at once; what is timed is what an endpoint would ask of
 * this room in one turn. */
static void server_batch(struct run *run)
{
    struct zsip_txn_match match;
    zsip_txn_keys(run->txn, batch.requests, BATCH, batch.keys);
    for (unsigned i = 0; i < BATCH; i++) {
        if (zsip_txn_find(run->txn, &batch.keys[i], run->now_ns, &match) != ZSIP_TXN_NEW ||
            zsip_txn_answer(run->txn, &batch.keys[i], 200, (struct zsip_view){NULL, 0},
                            run->now_ns) != ZSIP_OK) {
            fprintf(stderr, "bench-txn: a new request was refused\n");
            exit(70);
        }
    }
    store_expire(run);
}

static uint64_t server_run(struct run *run, uint64_t count, uint64_t live)
{
    uint64_t spent_ns = 0;
    for (uint64_t done = 0; done < count; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++)
            request_make(i, run->number++);
        run->now_ns += J * BATCH / live;
        const uint64_t from_ns = bench_now_ns();
        server_batch(run);
        spent_ns += bench_now_ns() - from_ns;
        store_maintain(run->txn);
    }
    return spent_ns;
}

static uint64_t resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void bench_server(const char *name, struct run *run, uint64_t live)
{
    double samples[BENCH_RUNS_MAX];
    const unsigned runs = bench_runs(5);
    const uint64_t each = 2 * MILLION;
    for (unsigned i = 0; i < runs; i++)
        samples[i] = (double)server_run(run, each, live) / (double)each;
    bench_row(name, "ns", samples, runs);
}

static void bench_copies(struct run *run, uint64_t live)
{
    double samples[BENCH_RUNS_MAX];
    const unsigned runs = bench_runs(5);
    const uint64_t each = MILLION / 2 / BATCH * BATCH;
    struct bench_random random = {1};
    struct zsip_txn_match match;
    for (unsigned sample = 0; sample < runs; sample++) {
        uint64_t spent_ns = 0;
        for (uint64_t done = 0; done < each; done += BATCH) {
            for (unsigned i = 0; i < BATCH; i++)
                request_make(i, run->number - 1 - bench_random_next(&random) % (live - live / 8));
            const uint64_t from_ns = bench_now_ns();
            zsip_txn_keys(run->txn, batch.requests, BATCH, batch.keys);
            for (unsigned i = 0; i < BATCH; i++) {
                if (zsip_txn_find(run->txn, &batch.keys[i], run->now_ns, &match) !=
                    ZSIP_TXN_COMPLETED) {
                    fprintf(stderr, "bench-txn: a copy was not found\n");
                    exit(70);
                }
            }
            spent_ns += bench_now_ns() - from_ns;
        }
        samples[sample] = (double)spent_ns / (double)each;
    }
    bench_row("retransmission", "ns", samples, runs);
}

/* ---- Client --------------------------------------------------------------------------------- */

#define IN_FLIGHT 16384u

struct flight {
    char branch[ZSIP_TXN_BRANCH_BYTES];
};

static void client_open(struct run *run, struct flight *flight, uint64_t cookie)
{
    struct zsip_txn_client client;
    if (zsip_txn_client_open(run->txn, false, 7, cookie, run->now_ns, &client) != ZSIP_OK)
        exit(70);
    zsip_txn_branch_write(run->txn, client, flight->branch);
}

static void client_close(struct run *run, const struct flight *flight)
{
    const struct zsip_view branch = {(const uint8_t *)flight->branch, sizeof(flight->branch)};
    struct zsip_txn_client client;
    uint64_t cookie;
    unsigned actions;
    if (zsip_txn_client_find(run->txn, branch, 7, 200, &client, &cookie) != ZSIP_OK ||
        zsip_txn_client_response(run->txn, client, 200, run->now_ns, &actions) != ZSIP_OK)
        exit(70);
}

/* 16,384 in flight, as at a million a second and a round trip of 16 ms; answers come in the order
 * of the requests, batch by batch. */
static void bench_client(void)
{
    static struct flight flights[IN_FLIGHT];
    struct run run = {store_make(1024), 0, ZSIP_NS_PER_S};
    double samples[BENCH_RUNS_MAX];
    const unsigned runs = bench_runs(5);
    const uint64_t each = 2 * MILLION / BATCH * BATCH;
    store_maintain(run.txn);
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        client_open(&run, &flights[i], i);
    for (unsigned sample = 0; sample < runs; sample++) {
        const uint64_t from_ns = bench_now_ns();
        for (uint64_t done = 0; done < each; done += BATCH) {
            struct flight *const first = &flights[run.number % IN_FLIGHT];
            for (unsigned i = 0; i < BATCH; i++)
                zsip_txn_client_prefetch(
                    run.txn,
                    (struct zsip_view){(const uint8_t *)first[i].branch, sizeof(first[i].branch)});
            for (unsigned i = 0; i < BATCH; i++)
                client_close(&run, &first[i]);
            for (unsigned i = 0; i < BATCH; i++)
                client_open(&run, &first[i], run.number++);
            run.now_ns += 64000;
            store_expire(&run);
        }
        samples[sample] = (double)(bench_now_ns() - from_ns) / (double)each;
    }
    bench_row("client", "ns", samples, runs);
    zsip_txn_destroy(run.txn);
}

/* ---- Longest step --------------------------------------------------------------------------- */

/* What one step took, and what happened meanwhile. */
struct reading {
    uint64_t wall_ns, cpu_ns;
    long faults, switches;
};

static struct reading reading_take(void)
{
    struct timespec cpu;
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (struct reading){bench_now_ns(),
                            (uint64_t)cpu.tv_sec * ZSIP_NS_PER_S + (uint64_t)cpu.tv_nsec,
                            usage.ru_minflt + usage.ru_majflt, usage.ru_nvcsw + usage.ru_nivcsw};
}

struct longest {
    uint64_t cpu_ns, wall_ns;
    long faults, switches;
    uint32_t *least_ns; /* CPU time of each step, the least of all runs so far */
    uint32_t step, step_max;
};

static struct longest longest_make(uint32_t step_max)
{
    struct longest longest = {.step_max = step_max};
    longest.least_ns = malloc(step_max * sizeof(longest.least_ns[0]));
    if (!longest.least_ns)
        exit(70);
    memset(longest.least_ns, 0xff, step_max * sizeof(longest.least_ns[0]));
    return longest;
}

static void longest_note(struct longest *longest, const struct reading *from)
{
    const struct reading to = reading_take();
    const uint64_t cpu_ns = to.cpu_ns - from->cpu_ns;
    if (cpu_ns > longest->cpu_ns)
        longest->cpu_ns = cpu_ns;
    if (longest->step < longest->step_max) {
        uint32_t *const least_ns = &longest->least_ns[longest->step++];
        if (cpu_ns < *least_ns)
            *least_ns = (uint32_t)cpu_ns;
    }
    if (to.wall_ns - from->wall_ns > longest->wall_ns) {
        longest->wall_ns = to.wall_ns - from->wall_ns;
        longest->faults = to.faults - from->faults;
        longest->switches = to.switches - from->switches;
    }
}

static uint32_t longest_of_least(const struct longest *longest)
{
    uint32_t most_ns = 0;
    for (uint32_t i = 0; i < longest->step; i++)
        if (longest->least_ns[i] > most_ns)
            most_ns = longest->least_ns[i];
    return most_ns;
}

/* One growth. Two longest: of the batches, and of the steps of memory work. */
static void longest_grow(struct run *run, uint64_t live, bool paced, struct longest *batches,
                         struct longest *ranges)
{
    const uint64_t start_ns = bench_now_ns();
    struct zsip_txn_range range;
    batches->step = ranges->step = 0;
    for (uint64_t done = 0; done < live; done += BATCH) {
        struct reading from;
        for (unsigned i = 0; i < BATCH; i++)
            request_make(i, run->number++);
        while (paced && bench_now_ns() - start_ns < done * 1000)
            ;
        run->now_ns += BATCH * 1000;
        from = reading_take();
        server_batch(run);
        longest_note(batches, &from);
        for (unsigned i = 0; i < 4; i++) {
            if (zsip_txn_maintain(run->txn, &range) != ZSIP_MORE)
                break;
            from = reading_take();
            range_perform(&range);
            longest_note(ranges, &from);
        }
    }
}

static const char *cause(const struct longest *longest)
{
    if (longest->switches)
        return "a switch to another thread";
    return longest->faults ? "page faults" : "time taken from the guest, or interrupts";
}

static void bench_longest(uint64_t live)
{
    struct longest batches = longest_make((uint32_t)(live / BATCH));
    struct longest ranges = longest_make(1u << 16), again[2] = {batches, ranges};
    for (unsigned i = 0; i < 3; i++) {
        struct run run = {store_make((uint32_t)live), 0, ZSIP_NS_PER_S};
        store_maintain(run.txn);
        /* Only the first run's raw figures are told: the others share its array of least times. */
        if (i == 0) {
            const struct zsip_txn_stats *const stats = zsip_txn_stats(run.txn);
            longest_grow(&run, live, true, &batches, &ranges);
            bench_note("growing: %llu splits, at most %llu entries moved in one, %llu pages "
                       "not touched ahead",
                       (unsigned long long)stats->index_splits,
                       (unsigned long long)stats->index_moved_max,
                       (unsigned long long)stats->untouched);
        } else {
            longest_grow(&run, live, false, &again[0], &again[1]);
        }
        zsip_txn_destroy(run.txn);
    }
    const uint32_t batch_ns = longest_of_least(&batches), range_ns = longest_of_least(&ranges);
    double sample = batch_ns > range_ns ? batch_ns : range_ns;
    bench_row("longest step", "ns", &sample, 1);
    sample = (double)(batches.wall_ns > ranges.wall_ns ? batches.wall_ns : ranges.wall_ns);
    bench_row("longest step, wall", "ns", &sample, 1);
    bench_note(
        "batches of %u: %.0f us; raw CPU %.0f us; wall %.0f us: %s (%ld faults, %ld switches)",
        BATCH, batch_ns / 1e3, (double)batches.cpu_ns / 1e3, (double)batches.wall_ns / 1e3,
        cause(&batches), batches.faults, batches.switches);
    bench_note(
        "memory steps: %.0f us; raw CPU %.0f us; wall %.0f us: %s (%ld faults, %ld switches)",
        range_ns / 1e3, (double)ranges.cpu_ns / 1e3, (double)ranges.wall_ns / 1e3, cause(&ranges),
        ranges.faults, ranges.switches);
    free(batches.least_ns);
    free(ranges.least_ns);
}

/* ---- All ------------------------------------------------------------------------------------ */

static void bench_live(uint64_t live, const char *name, bool whole)
{
    const uint64_t before = resident_bytes();
    /* Room for a batch that comes before its expiry. */
    struct run run = {store_make((uint32_t)(live + live / 64 + BATCH)), 0, ZSIP_NS_PER_S};
    store_maintain(run.txn);
    server_run(&run, live + live / 8, live);
    bench_server(name, &run, live);
    if (whole) {
        struct zsip_txn_usage usage;
        double sample;
        zsip_txn_usage(run.txn, &usage);
        sample = (double)(resident_bytes() - before) / usage.records;
        bench_row("bytes per completed", "B", &sample, 1);
        bench_note("%u records, %u buckets, %u overflow", usage.records, usage.buckets,
                   usage.overflow);
        bench_copies(&run, live);
    }
    zsip_txn_destroy(run.txn);
}

int main(int argc, char **argv)
{
    bench_begin("txn", argc, argv);
    bench_pin();
    if (bench_wanted("server at 1M live"))
        bench_live(MILLION, "server at 1M live", false);
    if (bench_wanted("server at 32M live") || bench_wanted("bytes per completed") ||
        bench_wanted("retransmission"))
        bench_live(32 * MILLION, "server at 32M live", true);
    if (bench_wanted("client"))
        bench_client();
    if (bench_wanted("longest step"))
        bench_longest(32 * MILLION);
    return bench_finish();
}
