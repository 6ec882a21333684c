#include "pcap.h"

#include "pcapng.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a worker can have waiting: at 1,000 bytes a packet as many as a million a second sampled one
 * in ten bring in 10 ms. */
#define LANE_BYTES (1u << 20)
#define LOOK_NS    (10 * 1000000l)
/* The branch stands in the first field of all that is sent by us or answers us. */
#define BRANCH_WITHIN 512u
#define SEMICOLONS    16u

struct record {
    uint32_t bytes; /* of the record, a multiple of 8; 0: the rest of the ring is not used */
    uint32_t data_bytes;
    uint64_t utc_ns;
    struct zsip_path path;
    bool out;
};

struct load_pcap_lane {
    struct load_pcap *pcap;
    uint8_t *ring;
    struct zsip_address local;
    uint64_t others; /* packets without a branch */
    /* Bytes ever put in and taken out. */
    _Alignas(64) _Atomic uint64_t put;
    _Alignas(64) _Atomic uint64_t taken;
    _Atomic uint64_t dropped;
};

struct load_pcap {
    FILE *file;
    uint32_t every;
    unsigned workers;
    int64_t utc_offset_ns; /* of the wall clock against the monotonic one */
    struct load_pcap_lane *lanes;
    pthread_t thread;
    bool threaded;
    _Atomic bool over;
};

/* ---- Which ----------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 29;
}

#define EVERY_BYTE(c) (0x0101010101010101ull * (c))

/* The high bit of each byte of a word that ends a branch: ';', ',' or what is not above ' '. Bytes
 * behind the first such one may be marked that are none, those before never are. */
static uint64_t ends_branch(uint64_t word)
{
    uint64_t semicolon = word ^ EVERY_BYTE(';'), comma = word ^ EVERY_BYTE(',');
    uint64_t low = word - EVERY_BYTE(' ' + 1);

    semicolon = (semicolon - EVERY_BYTE(1)) & ~semicolon;
    comma = (comma - EVERY_BYTE(1)) & ~comma;
    return ((low & ~word) | semicolon | comma) & EVERY_BYTE(0x80);
}

/* Of the bytes up to where the branch ends, eight at a time: this runs for every packet. Words are
 * in the order of a little-endian machine; elsewhere other packets are drawn, no fewer. */
static uint64_t hash_branch(const uint8_t *at, const uint8_t *end)
{
    uint64_t hash = 1;

    while (at < end) {
        uint64_t word = 0, ends;
        size_t left = (size_t)(end - at);

        if (left >= 8)
            memcpy(&word, at, 8);
        else
            memcpy(&word, at, left);
        ends = ends_branch(word);
        if (ends != 0) {
            unsigned bits = (unsigned)__builtin_ctzll(ends) & ~7u;

            return mix(hash, word & ((UINT64_C(1) << bits) - 1));
        }
        hash = mix(hash, word);
        at += 8;
    }
    return hash;
}

/* A hash of the first branch; false: there is none. Not parsed: what fools this is sampled
 * otherwise, no more. */
static bool branch_of(const uint8_t *data, size_t bytes, uint64_t *hash)
{
    const uint8_t *end = data + (bytes < BRANCH_WITHIN ? bytes : BRANCH_WITHIN);
    const uint8_t *at = data;

    for (unsigned i = 0; i < SEMICOLONS; i++) {
        at = memchr(at, ';', (size_t)(end - at));
        if (at == NULL || end - at < 9)
            break;
        at++;
        if (memcmp(at, "branch=", 7) == 0) {
            *hash = hash_branch(at + 7, end);
            return true;
        }
    }
    return false;
}

bool load_pcap_sampled(const uint8_t *data, size_t bytes, uint32_t every)
{
    uint64_t hash;

    return every <= 1 || (branch_of(data, bytes, &hash) && hash % every == 0);
}

/* ---- The worker's side ----------------------------------------------------------------------- */

static void put(struct load_pcap_lane *lane, const struct zsip_tapped *tapped)
{
    uint64_t put = atomic_load_explicit(&lane->put, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&lane->taken, memory_order_acquire);
    uint32_t bytes = (uint32_t)((sizeof(struct record) + tapped->bytes + 7) & ~7ull);
    uint32_t at = (uint32_t)(put % LANE_BYTES);
    uint32_t skip = at + bytes > LANE_BYTES ? LANE_BYTES - at : 0;
    struct record record = {
        .bytes = bytes,
        .data_bytes = (uint32_t)tapped->bytes,
        .utc_ns = (uint64_t)((int64_t)tapped->time_ns + lane->pcap->utc_offset_ns),
        .path = *tapped->path,
        .out = tapped->out,
    };

    if (put + skip + bytes - taken > LANE_BYTES) {
        atomic_fetch_add_explicit(&lane->dropped, 1, memory_order_relaxed);
        return;
    }
    if (skip > 0) {
        memset(lane->ring + at, 0, sizeof(uint32_t));
        at = 0;
    }
    memcpy(lane->ring + at, &record, sizeof record);
    memcpy(lane->ring + at + sizeof record, tapped->data, tapped->bytes);
    atomic_store_explicit(&lane->put, put + skip + bytes, memory_order_release);
}

void load_pcap_tap(void *user, const struct zsip_tapped *tapped)
{
    struct load_pcap_lane *lane = user;
    uint32_t every = lane->pcap->every;
    uint64_t hash = 0;

    if (every > 1 && !branch_of(tapped->data, tapped->bytes, &hash))
        hash = lane->others++;
    if (every <= 1 || hash % every == 0)
        put(lane, tapped);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void lane_drain(struct load_pcap_lane *lane)
{
    uint64_t put = atomic_load_explicit(&lane->put, memory_order_acquire);
    uint64_t taken = atomic_load_explicit(&lane->taken, memory_order_relaxed);

    while (taken != put) {
        uint32_t at = (uint32_t)(taken % LANE_BYTES);
        struct record record;

        memcpy(&record.bytes, lane->ring + at, sizeof record.bytes);
        if (record.bytes == 0) {
            taken += LANE_BYTES - at;
        } else {
            memcpy(&record, lane->ring + at, sizeof record);
            if (record.path.local.family == ZSIP_FAMILY_NONE)
                record.path.local = lane->local;
            pcapng_packet(lane->pcap->file, &record.path, record.out, record.utc_ns,
                          lane->ring + at + sizeof record, record.data_bytes);
            taken += record.bytes;
        }
        atomic_store_explicit(&lane->taken, taken, memory_order_release);
    }
}

static void *write_down(void *argument)
{
    struct load_pcap *pcap = argument;
    const struct timespec pause = {0, LOOK_NS};
    bool over;

    do {
        over = atomic_load_explicit(&pcap->over, memory_order_acquire);
        for (unsigned i = 0; i < pcap->workers; i++)
            lane_drain(&pcap->lanes[i]);
        fflush(pcap->file); /* who follows the file sees what there is */
        if (!over)
            nanosleep(&pause, NULL);
    } while (!over);
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int64_t utc_offset_ns(void)
{
    struct timespec utc;

    clock_gettime(CLOCK_REALTIME, &utc);
    return (int64_t)utc.tv_sec * 1000000000 + utc.tv_nsec - (int64_t)zsip_time_now().monotonic_ns;
}

bool load_pcap_create(struct load_pcap **out, FILE *file, uint32_t every, unsigned workers,
                      const char *version, char *error, size_t error_bytes)
{
    struct load_pcap *pcap = calloc(1, sizeof *pcap);
    sigset_t all, before;
    bool good = pcap != NULL;

    *out = NULL;
    if (good) {
        *pcap = (struct load_pcap){.file = file, .every = every, .workers = workers};
        pcap->utc_offset_ns = utc_offset_ns();
        pcap->lanes = aligned_alloc(64, workers * sizeof *pcap->lanes);
        good = pcap->lanes != NULL;
    }
    if (good)
        memset(pcap->lanes, 0, workers * sizeof *pcap->lanes);
    for (unsigned i = 0; i < workers && good; i++) {
        pcap->lanes[i].pcap = pcap;
        pcap->lanes[i].ring = calloc(1, LANE_BYTES);
        good = pcap->lanes[i].ring != NULL;
    }
    if (good) {
        pcapng_begin(file, version);
        /* Signals are for the main thread. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        good = pcap->threaded = pthread_create(&pcap->thread, NULL, write_down, pcap) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (!good) {
        snprintf(error, error_bytes, "no memory, or no thread, to write packets down");
        load_pcap_destroy(pcap);
        return false;
    }
    *out = pcap;
    return true;
}

void load_pcap_destroy(struct load_pcap *pcap)
{
    if (pcap == NULL)
        return;
    atomic_store_explicit(&pcap->over, true, memory_order_release);
    if (pcap->threaded) {
        pthread_join(pcap->thread, NULL);
        pcapng_end(pcap->file, load_pcap_dropped(pcap));
    }
    for (unsigned i = 0; i < pcap->workers && pcap->lanes != NULL; i++)
        free(pcap->lanes[i].ring);
    free(pcap->lanes);
    free(pcap);
}

struct load_pcap_lane *load_pcap_lane(struct load_pcap *pcap, unsigned worker)
{
    ZSIP_ASSERT(worker < pcap->workers);
    return &pcap->lanes[worker];
}

void load_pcap_local(struct load_pcap_lane *lane, const struct zsip_address *local)
{
    lane->local = *local;
}

uint64_t load_pcap_dropped(const struct load_pcap *pcap)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < pcap->workers; i++)
        sum += atomic_load_explicit(&pcap->lanes[i].dropped, memory_order_relaxed);
    return sum;
}
