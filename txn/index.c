/* zsip: linear hashing over 64-byte buckets.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/index.h"

#include <string.h>

#define LOAD_MAX 6u
/* 2 * LOAD_MIN, since it is 4.5. */
#define LOAD_MIN_TWICE 9u
/* Bits between the smallest table and the largest. */
#define SPAN_BITS 8u

uint32_t zsip_index_bucket_max(uint32_t entries)
{
    return entries / LOAD_MAX + 1;
}

uint32_t zsip_index_overflow_max(uint32_t entries)
{
    /* About a tenth of the buckets at worst; half of them, and some for small tables. */
    return zsip_index_bucket_max(entries) / 2 + 64;
}

void zsip_index_init(struct zsip_index *index, uint32_t entries, struct zsip_bucket *buckets,
                     struct zsip_bucket *overflow)
{
    uint32_t level_max = 0;
    memset(index, 0, sizeof(*index));
    index->buckets = buckets;
    index->overflow = overflow;
    index->bucket_max = zsip_index_bucket_max(entries);
    index->overflow_max = zsip_index_overflow_max(entries);
    while ((1u << level_max) < index->bucket_max)
        level_max++;
    index->floor_bits = level_max > SPAN_BITS ? level_max - SPAN_BITS : 0;
    index->bucket_floor = 1u << index->floor_bits;
    index->bucket_count = index->bucket_floor;
    index->mask = 2 * index->bucket_floor - 1;
}

static struct zsip_bucket *next_of(struct zsip_index *index, struct zsip_bucket *bucket)
{
    const uint32_t next = bucket->link >> 4;
    return next ? &index->overflow[next - 1] : NULL;
}

static struct zsip_bucket *overflow_take(struct zsip_index *index, uint32_t *number)
{
    struct zsip_bucket *bucket;
    if (index->overflow_free) {
        *number = index->overflow_free;
        bucket = &index->overflow[*number - 1];
        index->overflow_free = bucket->link >> 4;
    } else {
        if (index->overflow_used == index->overflow_max)
            return NULL;
        *number = ++index->overflow_used;
        bucket = &index->overflow[*number - 1];
    }
    index->overflow_count++;
    bucket->link = 0;
    return bucket;
}

static void overflow_give(struct zsip_index *index, uint32_t number)
{
    index->overflow[number - 1].link = index->overflow_free << 4;
    index->overflow_free = number;
    index->overflow_count--;
}

/* Appends to a chain; false when it is at its bound or the overflow is. */
static bool append(struct zsip_index *index, struct zsip_bucket *bucket, uint16_t tag,
                   uint32_t value)
{
    unsigned at = zsip_bucket_entries(bucket);
    for (unsigned length = 1; at == ZSIP_INDEX_ENTRIES; length++) {
        struct zsip_bucket *next = next_of(index, bucket);
        uint32_t number;
        if (length == ZSIP_INDEX_CHAIN_MAX)
            return false;
        if (!next) {
            next = overflow_take(index, &number);
            if (!next)
                return false;
            bucket->link = number << 4 | ZSIP_INDEX_ENTRIES;
        }
        bucket = next;
        at = zsip_bucket_entries(bucket);
    }
    bucket->tag[at] = tag;
    bucket->value[at] = value;
    bucket->link++;
    return true;
}

bool zsip_index_insert(struct zsip_index *index, uint64_t hash, uint32_t value)
{
    struct zsip_bucket *bucket = &index->buckets[zsip_index_place(index, hash)];
    if (!append(index, bucket, zsip_index_tag(index, hash), value))
        return false;
    index->entry_count++;
    return true;
}

void zsip_index_replace(struct zsip_index *index, uint64_t hash, uint32_t from, uint32_t to)
{
    struct zsip_bucket *bucket = &index->buckets[zsip_index_place(index, hash)];
    unsigned at;
    while ((at = zsip_bucket_position(bucket, from)) == ZSIP_INDEX_ENTRIES) {
        bucket = next_of(index, bucket);
        ZSIP_ASSERT(bucket != NULL);
    }
    bucket->value[at] = to;
}

void zsip_index_remove(struct zsip_index *index, uint64_t hash, uint32_t value)
{
    struct zsip_bucket *last = &index->buckets[zsip_index_place(index, hash)];
    struct zsip_bucket *before = NULL, *holder = NULL, *next;
    unsigned at = ZSIP_INDEX_ENTRIES, last_at;
    for (;; last = next) {
        if (!holder && (at = zsip_bucket_position(last, value)) < ZSIP_INDEX_ENTRIES)
            holder = last;
        next = next_of(index, last);
        if (!next)
            break;
        before = last;
    }
    ZSIP_ASSERT(holder != NULL);
    /* The chain's last entry fills the gap, so that chains stay dense. */
    last_at = zsip_bucket_entries(last) - 1;
    holder->tag[at] = last->tag[last_at];
    holder->value[at] = last->value[last_at];
    last->link--;
    if (last_at == 0 && before) {
        overflow_give(index, before->link >> 4);
        before->link &= 15;
    }
    index->entry_count--;
}

struct haul {
    uint16_t tag[ZSIP_INDEX_MOVED_MAX];
    uint32_t value[ZSIP_INDEX_MOVED_MAX];
    uint32_t count;
};

/* Takes a chain's entries out, and its overflow buckets off. */
static void unload(struct zsip_index *index, struct zsip_bucket *bucket, struct haul *haul)
{
    struct zsip_bucket *const first = bucket;
    uint32_t number = 0;
    do {
        const unsigned entries = zsip_bucket_entries(bucket);
        const uint32_t next = bucket->link >> 4;
        ZSIP_ASSERT(haul->count + entries <= ZSIP_INDEX_MOVED_MAX);
        memcpy(haul->tag + haul->count, bucket->tag, entries * sizeof(bucket->tag[0]));
        memcpy(haul->value + haul->count, bucket->value, entries * sizeof(bucket->value[0]));
        haul->count += entries;
        if (number)
            overflow_give(index, number);
        number = next;
        bucket = number ? &index->overflow[number - 1] : NULL;
    } while (bucket);
    first->link = 0;
}

bool zsip_index_grow(struct zsip_index *index, uint32_t *moved)
{
    const uint32_t half = (index->mask >> 1) + 1;
    const uint32_t to = index->bucket_count, from = to - half;
    struct haul haul;
    uint16_t bit;
    if (index->entry_count <= LOAD_MAX * index->bucket_count || to == index->bucket_max)
        return false;
    haul.count = 0;
    unload(index, &index->buckets[from], &haul);
    index->buckets[to].link = 0; /* released memory may hold anything */
    bit = (uint16_t)(half >> index->floor_bits);
    for (uint32_t i = 0; i < haul.count; i++) {
        const uint32_t place = haul.tag[i] & bit ? to : from;
        const bool appended = append(index, &index->buckets[place], haul.tag[i], haul.value[i]);
        ZSIP_ASSERT(appended);
    }
    if (++index->bucket_count > index->mask)
        index->mask = 2 * index->mask + 1;
    /* The next two lines to be written here. */
    __builtin_prefetch(&index->buckets[index->bucket_count], 1);
    __builtin_prefetch(&index->buckets[index->bucket_count - (index->mask >> 1) - 1], 1);
    *moved = haul.count;
    return true;
}

static uint32_t chain_entries(const struct zsip_index *index, const struct zsip_bucket *bucket)
{
    uint32_t entries = 0;
    for (; bucket; bucket = zsip_bucket_next(index, bucket))
        entries += zsip_bucket_entries(bucket);
    return entries;
}

bool zsip_index_shrink(struct zsip_index *index, uint32_t *moved)
{
    struct haul haul;
    uint32_t from, to, together;
    if (2 * (uint64_t)index->entry_count >= LOAD_MIN_TWICE * (uint64_t)index->bucket_count ||
        index->bucket_count == index->bucket_floor)
        return false;
    from = index->bucket_count - 1;
    to = from & (from > index->mask >> 1 ? index->mask >> 1 : index->mask >> 2);
    together =
        chain_entries(index, &index->buckets[from]) + chain_entries(index, &index->buckets[to]);
    /* Two chains, once joined, may need one overflow bucket more than they had. */
    if (together > ZSIP_INDEX_MOVED_MAX || index->overflow_count == index->overflow_max)
        return false;
    haul.count = 0;
    unload(index, &index->buckets[from], &haul);
    index->bucket_count--;
    if (index->bucket_count <= index->mask >> 1)
        index->mask >>= 1;
    for (uint32_t i = 0; i < haul.count; i++) {
        const bool appended = append(index, &index->buckets[to], haul.tag[i], haul.value[i]);
        ZSIP_ASSERT(appended);
    }
    *moved = haul.count;
    return true;
}

static void validate_chain(const struct zsip_index *index, uint32_t place, uint64_t *entries,
                           uint64_t *overflow)
{
    const struct zsip_bucket *bucket = &index->buckets[place];
    uint32_t length = 0;
    /* The bits of the place above the floor are bits of each tag. */
    const uint32_t bits =
        place >= (index->mask >> 1) + 1 || place + (index->mask >> 1) + 1 < index->bucket_count
            ? index->mask
            : index->mask >> 1;
    for (; bucket; bucket = zsip_bucket_next(index, bucket)) {
        const unsigned count = zsip_bucket_entries(bucket);
        ZSIP_ASSERT(count <= ZSIP_INDEX_ENTRIES);
        ZSIP_ASSERT(++length <= ZSIP_INDEX_CHAIN_MAX);
        ZSIP_ASSERT(bucket->link >> 4 == 0 || count == ZSIP_INDEX_ENTRIES);
        ZSIP_ASSERT(length == 1 || count > 0);
        for (unsigned i = 0; i < count; i++) {
            const uint32_t low = (uint32_t)bucket->tag[i] << index->floor_bits;
            ZSIP_ASSERT(((low ^ place) & bits & ~(index->bucket_floor - 1)) == 0);
        }
        *entries += count;
        *overflow += length > 1;
    }
}

void zsip_index_validate(const struct zsip_index *index)
{
    uint64_t entries = 0, overflow = 0, free_count = 0;
    const uint32_t half = (index->mask >> 1) + 1;
    ZSIP_ASSERT(index->bucket_count >= index->bucket_floor);
    ZSIP_ASSERT(index->bucket_count <= index->bucket_max ||
                index->bucket_count == index->bucket_floor);
    ZSIP_ASSERT(half <= index->bucket_count && index->bucket_count <= index->mask);
    for (uint32_t place = 0; place < index->bucket_count; place++)
        validate_chain(index, place, &entries, &overflow);
    ZSIP_ASSERT(entries == index->entry_count);
    ZSIP_ASSERT(overflow == index->overflow_count);
    for (uint32_t number = index->overflow_free; number;
         number = index->overflow[number - 1].link >> 4)
        free_count++;
    ZSIP_ASSERT(free_count + index->overflow_count == index->overflow_used);
    ZSIP_ASSERT(index->overflow_used <= index->overflow_max);
}
