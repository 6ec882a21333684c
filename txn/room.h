/* zsip: what the files of the transaction room share. Nobody else includes this, but its tests.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ZSIP_TXN_ROOM_H
#define ZSIP_TXN_ROOM_H

#include "txn/index.h"
#include "txn/machine.h"
#include "txn/segments.h"
#include "txn/siphash.h"
#include "txn/txn.h"

/* ---- Completed server transactions ----------------------------------------------------------
 *
 * 24 bytes each, in order of expiry, since timer J has one length. */
struct zsip_record {
    uint64_t m;
    uint64_t b;
    uint32_t m_extra;
    uint32_t meta;
};

_Static_assert(sizeof(struct zsip_record) == 24, "the 24 bytes the design promises");

/* meta: 7 bits method, 9 bits status, 16 bits of expiry, in ticks after the segment's base. */
#define ZSIP_METHOD_CANCEL 126u
/* Second half of an answer with a delta. */
#define ZSIP_METHOD_LOG 127u
/* Status field of an answer with a delta: the second half knows the status. */
#define ZSIP_STATUS_LOG 511u

/* The second half: lies directly behind the first, in the same segment. */
struct zsip_record_log {
    uint64_t offset; /* in the log's memory */
    uint64_t length;
    uint32_t status;
    uint32_t meta;
};

_Static_assert(sizeof(struct zsip_record_log) == sizeof(struct zsip_record), "a record of its own");

#define ZSIP_SEGMENT_RECORDS   2048u
#define ZSIP_SEGMENT_BYTES     (ZSIP_SEGMENT_RECORDS * 24u)
#define ZSIP_SEGMENT_TICKS     65536u
#define ZSIP_LOG_SEGMENT_BYTES 65536u
#define ZSIP_LOG_ALIGN         8u
/* Kept touched ahead: 32 k records, i.e. 32 ms at a million a second; 256 KiB of log. */
#define ZSIP_SEGMENTS_AHEAD     16u
#define ZSIP_LOG_SEGMENTS_AHEAD 4u
#define ZSIP_REGION_AHEAD       (256u * 1024u)

/* In the index, a value with this bit is the slot of a pending transaction; without it, the number
 * of a record. */
#define ZSIP_VALUE_PENDING 0x80000000u

/* ---- Pending server transactions ------------------------------------------------------------
 *
 * Timers P and U both run from the opening, so one list in that order serves both: U expires at its
 * front, and a hand points at the first whose P is still to come. */
struct zsip_server_slot {
    struct zsip_server_slot *before;
    struct zsip_server_slot *after; /* also links free slots */
    uint64_t opened_ns;
    uint64_t m;
    uint64_t b;
    uint32_t m_extra;
    uint32_t generation;
    uint8_t state; /* enum zsip_txn_server_state; NEW when free */
    uint8_t method;
    bool reliable;
    uint8_t reserved[13];
};

_Static_assert(sizeof(struct zsip_server_slot) == 64, "a cache line");

/* ---- Client transactions -------------------------------------------------------------------- */

/* A link of a timer queue, a ring through its head. All of one queue have one length, so linking at
 * the end keeps it sorted. */
struct zsip_timer {
    struct zsip_timer *before;
    struct zsip_timer *after;
    uint64_t due_ns;
};

struct zsip_client_slot {
    struct zsip_timer timer_e; /* `after` also links free slots */
    struct zsip_timer timer_f;
    uint64_t cookie;
    uint32_t generation;
    uint8_t state; /* enum zsip_txn_client_state; NEW when free */
    uint8_t method;
    uint8_t sends;
    uint8_t level; /* of timer E: which of the queues; bit 7: reliable */
};

_Static_assert(sizeof(struct zsip_client_slot) == 64, "a cache line");

#define ZSIP_LEVEL_RELIABLE 0x80u
/* Lengths of timer E: T1, 2*T1 ... T2; T2 <= 4096 * T1. */
#define ZSIP_LEVELS_MAX 13u

/* For the two numbers that other threads may read, by zsip_txn_live: one thread writes them. */
#define SHARED_ADD(number, by) __atomic_store_n(&(number), (number) + (by), __ATOMIC_RELAXED)

/* Tags drawn at once: both halves of what each lane gives. */
#define ZSIP_TAGS_DRAWN (2u * ZSIP_SIPHASH_LANES)

/* ---- The object ----------------------------------------------------------------------------- */

struct zsip_txn {
    struct zsip_index index;
    struct zsip_segments ring;
    struct zsip_segments log;
    uint32_t tail_at; /* next record to expire, within the ring's tail segment */
    /* Behind it, in records: those that zsip_store_prefetch_due took last. */
    uint32_t due_from;
    uint32_t due_to;
    uint32_t records;
    uint32_t reserved;
    uint32_t records_max;
    size_t log_bytes; /* rounded up to ZSIP_LOG_ALIGN each */
    size_t log_bytes_max;
    uint64_t now_ns; /* latest seen: time never goes back */
    uint64_t tick;   /* at which what completes now expires */
    uint32_t tick_shift;
    /* The last key that zsip_txn_find saw, so that zsip_txn_answer need not look again; of use as
     * long as `changes`, the index's number of insertions, is the same. */
    uint32_t changes;
    uint32_t seen_changes;
    uint32_t seen_shared;
    uint64_t seen_m;
    uint64_t seen_b;

    uint64_t e_ns[ZSIP_LEVELS_MAX];
    uint32_t levels;
    uint64_t f_ns; /* 64 * T1: timers F, U and J */
    uint64_t p_ns;

    struct zsip_server_slot *servers;
    struct zsip_server_slot *server_free;
    struct zsip_server_slot *server_first;
    struct zsip_server_slot *server_last;
    struct zsip_server_slot *server_hand;
    uint32_t server_used; /* slots ever in use */
    uint32_t server_count;
    uint32_t server_max;

    uint32_t client_used;
    uint32_t client_count;
    uint32_t client_max;
    struct zsip_client_slot *clients;
    uint64_t *client_random;        /* of each slot's branch */
    char branch_head[23];           /* cookie, node and worker, which all our branches begin with */
    struct zsip_timer *client_free; /* the timer E of a free slot */
    struct zsip_timer e_queue[ZSIP_LEVELS_MAX];
    struct zsip_timer f_queue;

    struct zsip_siphash_secret index_secret;
    struct zsip_siphash_secret tag_secret;
    uint64_t tags[ZSIP_TAGS_DRAWN]; /* of them, tag_count are not given out */
    uint64_t tags_drawn;            /* numbers hashed so far, under node and worker */
    uint32_t tag_count;
    struct zsip_siphash_secret branch_secret;
    zsip_siphash_lanes_fn *lanes;
    uint16_t node;
    uint8_t worker;
    bool pages; /* memory came from `reserve`: touching and releasing make sense */

    struct zsip_txn_stats stats;

    struct zsip_region index_region;
    struct zsip_region overflow_region;
    struct zsip_region server_region;
    struct zsip_region client_region;

    struct zsip_memory memory;
    struct {
        void *memory;
        size_t bytes;
        bool reserved;
    } blocks[9];
    uint32_t block_count;
};

/* Every call that has a time passes through here. */
static inline void zsip_txn_clock(struct zsip_txn *txn, uint64_t now_ns)
{
    /* Tick 0 has not been computed yet: a clock may well start at 0. */
    if (now_ns == txn->now_ns && txn->tick != 0)
        return;
    ZSIP_ASSERT(now_ns >= txn->now_ns);
    txn->now_ns = now_ns;
    /* Rounded up, so that nothing is forgotten before timer J; late by less than J / 2^18. */
    txn->tick = (now_ns + txn->f_ns + ((1ull << txn->tick_shift) - 1)) >> txn->tick_shift;
    txn->changes++; /* what was found live may not be any more */
}

/* keys.c: one key, byte by byte; what zsip_txn_keys computes several at once. */
void zsip_txn_key_plain(const struct zsip_txn *txn, const struct zsip_txn_request *request,
                        struct zsip_txn_key *key);

/* store.c: completed records. */

/* The record at a position that the index gave. */
static inline struct zsip_record *zsip_store_record(const struct zsip_txn *txn, uint32_t position)
{
    return (struct zsip_record *)(void *)txn->ring.memory + position;
}

/* When it expires. */
static inline uint64_t zsip_store_expiry(const struct zsip_txn *txn, uint32_t position,
                                         uint32_t meta)
{
    const struct zsip_segment *segment = &txn->ring.segments[position / ZSIP_SEGMENT_RECORDS];
    return (segment->base + (meta >> 16)) << txn->tick_shift;
}

/* The answer of a live record. */
void zsip_store_answer(const struct zsip_txn *txn, uint32_t position, unsigned *status,
                       struct zsip_view *delta);
/* OK if records and log have room for an answer beside what is reserved, of which `own` records are
 * the asker's; pops what is past its time if that helps. */
enum zsip_status zsip_store_room(struct zsip_txn *txn, uint32_t own, struct zsip_view delta);
/* The position of the record that comes next; zsip_store_room said OK. */
uint32_t zsip_store_place(struct zsip_txn *txn, struct zsip_view delta);
/* Appends that record, straight after zsip_store_place. */
void zsip_store_append(struct zsip_txn *txn, const struct zsip_txn_key *key, unsigned status,
                       struct zsip_view delta);
/* Pops at most `max` records that are past their time; true if more are. */
bool zsip_store_expire(struct zsip_txn *txn, uint32_t max);
/* When the oldest record expires; ZSIP_NEVER_NS if there is none. */
uint64_t zsip_store_deadline(const struct zsip_txn *txn);
void zsip_store_validate(const struct zsip_txn *txn);
/* Prefetches the lines of the index of `count` more records that this turn is likely to expire, if
 * the oldest's time is near; and, when those have come, the overflow that hangs on them. */
void zsip_store_prefetch_due(struct zsip_txn *txn, uint32_t count);
void zsip_store_follow_due(const struct zsip_txn *txn);

/* Prefetches what hangs on the index line of this M: its overflow, and what may be a copy. */
static inline void zsip_store_follow(const struct zsip_txn *txn, uint64_t m)
{
    const struct zsip_index *index = &txn->index;
    const struct zsip_bucket *bucket = &index->buckets[zsip_index_place(index, m)];
    const unsigned bits = zsip_bucket_match(bucket, zsip_index_tag(index, m));
    zsip_index_prefetch_next(index, bucket);
    if (bits) {
        const uint32_t value = bucket->value[__builtin_ctz(bits)];
        if (value & ZSIP_VALUE_PENDING)
            __builtin_prefetch(&txn->servers[value & ~ZSIP_VALUE_PENDING]);
        else
            __builtin_prefetch(zsip_store_record(txn, value));
    }
}

/* After each change of the index. */
void zsip_store_grow(struct zsip_txn *txn);
void zsip_store_shrink(struct zsip_txn *txn);

/* server.c, client.c: what is due, as zsip_txn_expire; true if more is. */
bool zsip_server_expire(struct zsip_txn *txn, struct zsip_txn_event *events, size_t max,
                        size_t *count);
uint64_t zsip_server_deadline(const struct zsip_txn *txn);
void zsip_server_validate(const struct zsip_txn *txn);
bool zsip_client_expire(struct zsip_txn *txn, struct zsip_txn_event *events, size_t max,
                        size_t *count);
uint64_t zsip_client_deadline(const struct zsip_txn *txn);
void zsip_client_init(struct zsip_txn *txn);
void zsip_client_validate(const struct zsip_txn *txn);

#endif
