/* zsip: completed server transactions: a queue of 24-byte records and a log of deltas.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/room.h"

#include <string.h>

/* How far ahead of the record being popped the index is prefetched. */
#define POP_AHEAD 64u
/* How far the ring itself is, in records. */
#define RECORDS_AHEAD 160
/* What an answer that finds the store full may pop itself. */
#define POPS_WHEN_FULL 8u

static uint32_t meta_method(uint32_t meta)
{
    return meta & 127;
}

static uint32_t meta_status(uint32_t meta)
{
    return meta >> 7 & 511;
}

static size_t log_round(size_t length)
{
    return (length + ZSIP_LOG_ALIGN - 1) & ~(size_t)(ZSIP_LOG_ALIGN - 1);
}

static const struct zsip_record_log *log_half(const struct zsip_record *record)
{
    return (const struct zsip_record_log *)(const void *)(record + 1);
}

void zsip_store_answer(const struct zsip_txn *txn, uint32_t position, unsigned *status,
                       struct zsip_view *delta)
{
    const struct zsip_record *record = zsip_store_record(txn, position);
    const uint32_t stored = meta_status(record->meta);
    if (stored != ZSIP_STATUS_LOG) {
        *status = 200 + stored;
        *delta = (struct zsip_view){NULL, 0};
        return;
    }
    *status = log_half(record)->status;
    *delta = (struct zsip_view){txn->log.memory + log_half(record)->offset,
                                (size_t)log_half(record)->length};
}

/* ---- The log -------------------------------------------------------------------------------- */

static bool log_push(struct zsip_txn *txn)
{
    bool cold;
    if (!zsip_segments_push(&txn->log, &cold))
        return false;
    txn->stats.untouched += cold && txn->pages;
    return true;
}

/* Room for `length` bytes in one piece; 0 <= length <= ZSIP_TXN_DELTA_BYTES_MAX. */
static bool log_room(struct zsip_txn *txn, size_t length)
{
    const size_t bytes = log_round(length);
    if (bytes > txn->log_bytes_max - txn->log_bytes)
        return false;
    if (txn->log.head != ZSIP_SEGMENT_NONE &&
        txn->log.segments[txn->log.head].used + bytes <= ZSIP_LOG_SEGMENT_BYTES)
        return true;
    return log_push(txn);
}

static uint64_t log_append(struct zsip_txn *txn, struct zsip_view delta)
{
    struct zsip_segment *segment = &txn->log.segments[txn->log.head];
    const uint64_t offset = (uint64_t)txn->log.head * ZSIP_LOG_SEGMENT_BYTES + segment->used;
    memcpy(txn->log.memory + offset, delta.data, delta.length);
    segment->used += (uint32_t)log_round(delta.length);
    txn->log_bytes += log_round(delta.length);
    return offset;
}

/* The oldest delta ends; it lies in the tail segment or, that being empty by now, the next. */
static void log_pop(struct zsip_txn *txn, const struct zsip_record_log *half)
{
    const uint32_t segment = (uint32_t)(half->offset / ZSIP_LOG_SEGMENT_BYTES);
    while (txn->log.tail != segment) {
        ZSIP_ASSERT(txn->log.live_count > 1);
        zsip_segments_pop(&txn->log);
    }
    txn->log_bytes -= log_round((size_t)half->length);
    if (txn->log_bytes == 0) {
        while (txn->log.tail != txn->log.head)
            zsip_segments_pop(&txn->log);
        txn->log.segments[txn->log.head].used = 0;
    }
}

/* ---- Index steps ---------------------------------------------------------------------------- */

static void note_moved(struct zsip_txn *txn, uint32_t moved)
{
    ZSIP_ASSERT(moved <= ZSIP_INDEX_MOVED_MAX);
    if (moved > txn->stats.index_moved_max)
        txn->stats.index_moved_max = moved;
    txn->stats.untouched += zsip_region_use(&txn->overflow_region,
                                            txn->index.overflow_used * sizeof(struct zsip_bucket));
}

void zsip_store_grow(struct zsip_txn *txn)
{
    uint32_t moved;
    if (!zsip_index_grow(&txn->index, &moved))
        return;
    txn->stats.index_splits++;
    txn->stats.untouched +=
        zsip_region_use(&txn->index_region, txn->index.bucket_count * sizeof(struct zsip_bucket));
    note_moved(txn, moved);
}

void zsip_store_shrink(struct zsip_txn *txn)
{
    uint32_t moved;
    if (!zsip_index_shrink(&txn->index, &moved))
        return;
    txn->stats.index_joins++;
    note_moved(txn, moved);
}

/* ---- The ring ------------------------------------------------------------------------------- */

/* Does the head segment take `needed` more records that expire at txn->tick? It is closed early
 * when the tick is too far from its base, which happens at most every 2^16 ticks, or when an answer
 * with a delta would straddle its end; the ring has segments to spare for both. */
static bool ring_fits(const struct zsip_txn *txn, uint32_t needed)
{
    const struct zsip_segment *segment;
    if (txn->ring.head == ZSIP_SEGMENT_NONE)
        return false;
    segment = &txn->ring.segments[txn->ring.head];
    return segment->used + needed <= ZSIP_SEGMENT_RECORDS &&
           (segment->used == 0 || txn->tick - segment->base < ZSIP_SEGMENT_TICKS);
}

/* Segments come to an end before records do only if nobody called zsip_txn_expire for many times J:
 * each would have been closed for its age with few records in it. */
static bool over_ceiling(const struct zsip_txn *txn, uint32_t own, uint32_t needed)
{
    return txn->records + txn->reserved + needed > txn->records_max + own ||
           (txn->ring.live_count == txn->ring.segment_max && !ring_fits(txn, needed));
}

enum zsip_status zsip_store_room(struct zsip_txn *txn, uint32_t own, struct zsip_view delta)
{
    const uint32_t needed = delta.length ? 2 : 1;
    if (delta.length > ZSIP_TXN_DELTA_BYTES_MAX)
        return ZSIP_ERROR_SIZE;
    if (over_ceiling(txn, own, needed)) {
        zsip_store_expire(txn, POPS_WHEN_FULL);
        if (over_ceiling(txn, own, needed)) {
            txn->stats.over_ceiling++;
            return ZSIP_ERROR_FULL;
        }
    }
    if (delta.length && !log_room(txn, delta.length)) {
        txn->stats.over_log++;
        return ZSIP_ERROR_FULL;
    }
    return ZSIP_OK;
}

uint32_t zsip_store_place(struct zsip_txn *txn, struct zsip_view delta)
{
    struct zsip_segment *segment;
    bool cold;
    if (!ring_fits(txn, delta.length ? 2 : 1)) {
        const bool pushed = zsip_segments_push(&txn->ring, &cold);
        ZSIP_ASSERT(pushed);
        txn->stats.untouched += cold && txn->pages;
    }
    segment = &txn->ring.segments[txn->ring.head];
    if (segment->used == 0)
        segment->base = txn->tick;
    return txn->ring.head * ZSIP_SEGMENT_RECORDS + segment->used;
}

void zsip_store_append(struct zsip_txn *txn, const struct zsip_txn_key *key, unsigned status,
                       struct zsip_view delta)
{
    struct zsip_segment *segment = &txn->ring.segments[txn->ring.head];
    struct zsip_record *record =
        zsip_store_record(txn, txn->ring.head * ZSIP_SEGMENT_RECORDS + segment->used);
    const uint32_t stored = delta.length ? ZSIP_STATUS_LOG : status - 200;
    record->m = key->m;
    record->b = key->b;
    record->m_extra = key->m_extra;
    record->meta = key->method | stored << 7 | (uint32_t)(txn->tick - segment->base) << 16;
    segment->used++;
    SHARED_ADD(txn->records, 1);
    if (delta.length) {
        struct zsip_record_log *half = (struct zsip_record_log *)(void *)(record + 1);
        half->offset = log_append(txn, delta);
        half->length = delta.length;
        half->status = status;
        half->meta = ZSIP_METHOD_LOG;
        segment->used++;
        SHARED_ADD(txn->records, 1);
    }
}

/* Puts the tail on the next record; false if there is none. */
static bool tail_settle(struct zsip_txn *txn)
{
    while (txn->ring.tail != ZSIP_SEGMENT_NONE) {
        struct zsip_segment *segment = &txn->ring.segments[txn->ring.tail];
        if (txn->tail_at < segment->used)
            return true;
        txn->tail_at = 0;
        if (txn->ring.tail == txn->ring.head) {
            segment->used = 0;
            return false;
        }
        zsip_segments_pop(&txn->ring);
    }
    return false;
}

/* Where a walk over the records stands. */
struct walk {
    uint32_t segment;
    uint32_t at;
};

/* The place `ahead` records behind the oldest. */
static struct walk walk_from(const struct zsip_txn *txn, uint32_t ahead)
{
    return (struct walk){txn->ring.tail, txn->tail_at + ahead};
}

/* The next run of records, `count` at most, that stand one behind the other; 0: there are no more.
 */
static uint32_t walk_run(const struct zsip_txn *txn, struct walk *walk, uint32_t count)
{
    while (walk->segment != ZSIP_SEGMENT_NONE) {
        const uint32_t used = txn->ring.segments[walk->segment].used;
        if (walk->at < used)
            return used - walk->at < count ? used - walk->at : count;
        walk->at -= used;
        walk->segment = txn->ring.segments[walk->segment].next;
    }
    return 0;
}

/* Prefetches the lines of the index of `count` records, from `ahead` behind the oldest on; with
 * `follow`, which comes when they are there, the overflow that hangs on them. */
static void prefetch(const struct zsip_txn *txn, uint32_t ahead, uint32_t count, bool follow)
{
    const struct zsip_index *index = &txn->index;
    struct walk walk = walk_from(txn, ahead);
    for (uint32_t run; count > 0 && (run = walk_run(txn, &walk, count)) > 0;) {
        const struct zsip_record *record =
            zsip_store_record(txn, walk.segment * ZSIP_SEGMENT_RECORDS + walk.at);
        for (uint32_t i = 0; i < run; i++, record++) {
            const struct zsip_bucket *bucket = &index->buckets[zsip_index_place(index, record->m)];
            if (follow) {
                zsip_index_prefetch_next(index, bucket);
                continue;
            }
            __builtin_prefetch(bucket, 1);
            __builtin_prefetch((const char *)record + RECORDS_AHEAD * sizeof(*record));
        }
        walk.at += run;
        count -= run;
    }
}

void zsip_store_prefetch_due(struct zsip_txn *txn, uint32_t count)
{
    txn->due_from = txn->due_to;
    if (txn->records == 0 || txn->due_to >= ZSIP_TXN_POPS_MAX ||
        zsip_store_deadline(txn) > txn->now_ns + txn->f_ns / 128)
        return;
    prefetch(txn, txn->due_from, count, false);
    txn->due_to += count;
}

void zsip_store_follow_due(const struct zsip_txn *txn)
{
    prefetch(txn, txn->due_from, txn->due_to - txn->due_from, true);
}

static void tail_pop(struct zsip_txn *txn, uint32_t position, const struct zsip_record *record)
{
    const struct zsip_txn_cell cell =
        zsip_txn_server_step(ZSIP_TXN_SERVER_COMPLETED, ZSIP_TXN_SERVER_ON_TIMER_J, false);
    ZSIP_ASSERT(cell.actions == ZSIP_TXN_FREE);
    zsip_index_remove(&txn->index, record->m, position);
    txn->tail_at++;
    SHARED_ADD(txn->records, -1u);
    if (meta_status(record->meta) == ZSIP_STATUS_LOG) {
        log_pop(txn, log_half(record));
        txn->tail_at++;
        SHARED_ADD(txn->records, -1u);
    }
    zsip_store_shrink(txn);
}

bool zsip_store_expire(struct zsip_txn *txn, uint32_t max)
{
    uint32_t popped = 0, ahead = txn->due_to;
    txn->due_from = txn->due_to = 0;
    if (!tail_settle(txn) || zsip_store_deadline(txn) > txn->now_ns)
        return false;
    if (ahead < POP_AHEAD) {
        prefetch(txn, ahead, POP_AHEAD - ahead, false);
        ahead = POP_AHEAD;
    }
    do {
        const uint32_t position = txn->ring.tail * ZSIP_SEGMENT_RECORDS + txn->tail_at;
        const struct zsip_record *record = zsip_store_record(txn, position);
        if (zsip_store_expiry(txn, position, record->meta) > txn->now_ns)
            return false;
        if (popped == max)
            return true;
        if (ahead == POP_AHEAD)
            prefetch(txn, POP_AHEAD, 1, false);
        else
            ahead--;
        tail_pop(txn, position, record);
        popped++;
    } while (tail_settle(txn));
    return false;
}

uint64_t zsip_store_deadline(const struct zsip_txn *txn)
{
    uint32_t segment = txn->ring.tail, at = txn->tail_at;
    if (segment != ZSIP_SEGMENT_NONE && at >= txn->ring.segments[segment].used) {
        segment = txn->ring.segments[segment].next;
        at = 0;
    }
    if (segment == ZSIP_SEGMENT_NONE || at >= txn->ring.segments[segment].used)
        return ZSIP_NEVER_NS;
    const uint32_t position = segment * ZSIP_SEGMENT_RECORDS + at;
    return zsip_store_expiry(txn, position, zsip_store_record(txn, position)->meta);
}

/* ---- For tests ------------------------------------------------------------------------------ */

static void validate_indexed(const struct zsip_txn *txn, uint64_t m, uint32_t value)
{
    const struct zsip_index *index = &txn->index;
    const struct zsip_bucket *bucket = &index->buckets[zsip_index_place(index, m)];
    uint32_t found = 0;
    for (; bucket; bucket = zsip_bucket_next(index, bucket))
        for (unsigned i = 0; i < zsip_bucket_entries(bucket); i++)
            found += bucket->value[i] == value && bucket->tag[i] == zsip_index_tag(index, m);
    ZSIP_ASSERT(found == 1);
}

static void validate_record(const struct zsip_txn *txn, uint32_t position, size_t *log_bytes)
{
    const struct zsip_record *record = zsip_store_record(txn, position);
    ZSIP_ASSERT(meta_method(record->meta) <= ZSIP_METHOD_CANCEL);
    validate_indexed(txn, record->m, position);
    if (meta_status(record->meta) == ZSIP_STATUS_LOG) {
        const struct zsip_record_log *half = log_half(record);
        ZSIP_ASSERT(meta_method(half->meta) == ZSIP_METHOD_LOG);
        ZSIP_ASSERT(half->length > 0 && half->length <= ZSIP_TXN_DELTA_BYTES_MAX);
        ZSIP_ASSERT(half->status >= 200 && half->status < 700);
        *log_bytes += log_round((size_t)half->length);
    } else {
        ZSIP_ASSERT(meta_status(record->meta) < 500);
    }
}

void zsip_store_validate(const struct zsip_txn *txn)
{
    uint32_t records = 0, entries = 0, segment = txn->ring.tail, at = txn->tail_at;
    uint64_t before = 0;
    size_t log_bytes = 0;
    zsip_index_validate(&txn->index);
    zsip_segments_validate(&txn->ring);
    zsip_segments_validate(&txn->log);
    for (; segment != ZSIP_SEGMENT_NONE; segment = txn->ring.segments[segment].next, at = 0) {
        while (at < txn->ring.segments[segment].used) {
            const uint32_t position = segment * ZSIP_SEGMENT_RECORDS + at;
            const uint32_t meta = zsip_store_record(txn, position)->meta;
            const uint32_t halves = meta_status(meta) == ZSIP_STATUS_LOG ? 2 : 1;
            validate_record(txn, position, &log_bytes);
            ZSIP_ASSERT(zsip_store_expiry(txn, position, meta) >= before);
            before = zsip_store_expiry(txn, position, meta);
            records += halves;
            at += halves;
            entries++;
        }
        ZSIP_ASSERT(at <= ZSIP_SEGMENT_RECORDS);
    }
    ZSIP_ASSERT(records == txn->records);
    ZSIP_ASSERT(entries + txn->server_count == txn->index.entry_count);
    ZSIP_ASSERT(log_bytes == txn->log_bytes && log_bytes <= txn->log_bytes_max);
    ZSIP_ASSERT(txn->records + txn->reserved <= txn->records_max);
}
