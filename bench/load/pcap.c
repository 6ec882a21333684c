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

static const char name[] = ";branch=";
#define NAME_BYTES (sizeof name - 1)

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
    uint64_t others;  /* packets without a branch */
    uint32_t seen[2]; /* where the branch stood in the last packet that came, that left */
    /* Bytes ever put in and taken out. */
    _Alignas(64) _Atomic uint64_t put;
    _Alignas(64) _Atomic uint64_t taken;
    _Atomic uint64_t dropped;
};

struct load_pcap {
    FILE *file;
    uint32_t every;
    uint64_t drawn; /* hashes up to this are */
    unsigned workers;
    int64_t utc_offset_ns; /* of the wall clock against the monotonic one */
    struct load_pcap_lane *lanes;
    pthread_t thread;
    bool threaded;
    _Atomic bool over;
};

/* ---- Which ----------------------------------------------------------------------------------- */

/* 23 bits: digits that count up in one word meet none of those that do in the next. */
static uint64_t turn(uint64_t hash, uint64_t word)
{
    return (hash << 23 | hash >> 41) ^ word;
}

/* The finalizer of splitmix64: every bit of it hangs on every bit that went in. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
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

/* Of the first four words of a branch, or as far as it goes; this runs for every packet. Nobody's
 * branches are alike so far: behind the cookie there are 25 bytes. Words are in the order of a
 * little-endian machine; elsewhere other packets are drawn, no fewer. */
static uint64_t hash_branch(const uint8_t *at, const uint8_t *end)
{
    uint64_t words[4] = {0}, hash = 1;
    size_t left = (size_t)(end - at);

    if (left >= sizeof words)
        memcpy(words, at, sizeof words);
    else
        memcpy(words, at, left);
    if ((ends_branch(words[0]) | ends_branch(words[1]) | ends_branch(words[2]) |
         ends_branch(words[3])) == 0)
        return mix(turn(turn(turn(turn(hash, words[0]), words[1]), words[2]), words[3]));
    for (unsigned i = 0; i < 4; i++) {
        uint64_t ends = ends_branch(words[i]);

        if (ends != 0) {
            unsigned bits = (unsigned)__builtin_ctzll(ends) & ~7u;

            return mix(turn(hash, words[i] & ((UINT64_C(1) << bits) - 1)));
        }
        hash = turn(hash, words[i]);
    }
    return mix(hash);
}

/* A hash of the first branch; false: there is none. Not parsed: what fools this is sampled
 * otherwise, no more. seen: where the last one stood, for what is alike has it there. */
static bool branch_of(const uint8_t *data, size_t bytes, uint32_t *seen, uint64_t *hash)
{
    const uint8_t *end = data + (bytes < BRANCH_WITHIN ? bytes : BRANCH_WITHIN);
    const uint8_t *at = data;

    if (*seen + sizeof name <= (size_t)(end - data) &&
        memcmp(data + *seen, name, NAME_BYTES) == 0) {
        *hash = hash_branch(data + *seen + NAME_BYTES, end);
        return true;
    }
    for (unsigned i = 0; i < SEMICOLONS; i++) {
        at = memchr(at, ';', (size_t)(end - at));
        if (at == NULL || end - at < (ptrdiff_t)sizeof name)
            break;
        if (memcmp(at, name, NAME_BYTES) == 0) {
            *seen = (uint32_t)(at - data);
            *hash = hash_branch(at + NAME_BYTES, end);
            return true;
        }
        at++;
    }
    return false;
}

bool load_pcap_sampled(const uint8_t *data, size_t bytes, uint32_t every)
{
    uint32_t seen = 0;
    uint64_t hash;

    return every <= 1 || (branch_of(data, bytes, &seen, &hash) && hash <= UINT64_MAX / every);
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

    if (every > 1 && !branch_of(tapped->data, tapped->bytes, &lane->seen[tapped->out], &hash))
        hash = mix(lane->others++);
    if (hash <= lane->pcap->drawn)
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
        *pcap = (struct load_pcap){.file = file,
                                   .every = every,
                                   .drawn = every <= 1 ? UINT64_MAX : UINT64_MAX / every,
                                   .workers = workers};
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
