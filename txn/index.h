/* zsip: the index of the transaction store: linear hashing over 64-byte buckets.
 *
 * SPDX-License-Identifier: MIT
 *
 * A multimap from a 64-bit hash to 32-bit values (where a record lies). A bucket is one cache line
 * of 10 entries; an entry is 16 bits of the hash, the tag, and the value. What does not fit hangs
 * on as overflow buckets, at most ZSIP_INDEX_CHAIN_MAX lines in all.
 *
 * The table grows by splitting one bucket and shrinks by joining two, never by a rehash. Bucket
 * numbers are the low bits of the hash; the tag is the 16 bits above `floor_bits`, the number of
 * bits the smallest table uses. So the bit by which a bucket is split is always in the tag, and a
 * split reads and writes nothing but the two buckets. The table spans a factor of 2^8 from floor to
 * ceiling, so at its largest 8 bits of a tag still tell entries of one bucket apart.
 *
 * Load: it grows beyond 6 entries a bucket and shrinks below 4.5. Between a doubling and the next,
 * buckets still to be split hold up to twice as much as those that were; overflow then serves at
 * most some 15 % of look-ups a second line. */
#ifndef ZSIP_TXN_INDEX_H
#define ZSIP_TXN_INDEX_H

#include "zsip/base.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define ZSIP_INDEX_ENTRIES   10
#define ZSIP_INDEX_CHAIN_MAX 6
/* What one insertion or removal may move at most: two chains joined may not exceed one. */
#define ZSIP_INDEX_MOVED_MAX (ZSIP_INDEX_ENTRIES * ZSIP_INDEX_CHAIN_MAX)

struct zsip_bucket {
    uint16_t tag[ZSIP_INDEX_ENTRIES];
    uint32_t value[ZSIP_INDEX_ENTRIES];
    /* Low 4 bits: entries in use, dense from 0. Above: number of the next overflow bucket + 1. A
     * bucket is full before it has a next. */
    uint32_t link;
};

_Static_assert(sizeof(struct zsip_bucket) == 64, "a bucket is a cache line");

struct zsip_index {
    struct zsip_bucket *buckets;
    struct zsip_bucket *overflow;
    uint32_t bucket_count;
    uint32_t bucket_floor; /* a power of two */
    uint32_t bucket_max;
    uint32_t mask; /* 2^(level + 1) - 1 where 2^level <= bucket_count < 2^(level + 1) */
    uint32_t entry_count;
    uint32_t overflow_count; /* in use */
    uint32_t overflow_used;  /* ever in use: those above were never written */
    uint32_t overflow_max;
    uint32_t overflow_free; /* number + 1 of the first free one, linked through `link` */
    uint32_t floor_bits;
};

/* Sizes for at most `entries` entries. */
uint32_t zsip_index_bucket_max(uint32_t entries);
uint32_t zsip_index_overflow_max(uint32_t entries);

/* `buckets` and `overflow` have room for the numbers above and read as zero. */
void zsip_index_init(struct zsip_index *index, uint32_t entries, struct zsip_bucket *buckets,
                     struct zsip_bucket *overflow);

static inline uint32_t zsip_index_place(const struct zsip_index *index, uint64_t hash)
{
    const uint32_t place = (uint32_t)hash & index->mask;
    return place < index->bucket_count ? place : place & (index->mask >> 1);
}

static inline uint16_t zsip_index_tag(const struct zsip_index *index, uint64_t hash)
{
    return (uint16_t)(hash >> index->floor_bits);
}

/* Of an element that is asked by streams only, and answers at once, it always is: there a line of
 * cache for each request, and an entry of the TLB, would be for nothing. */
static inline bool zsip_index_empty(const struct zsip_index *index)
{
    return index->entry_count == 0;
}

static inline void zsip_index_prefetch(const struct zsip_index *index, uint64_t hash)
{
    __builtin_prefetch(&index->buckets[zsip_index_place(index, hash)], 1);
}

static inline unsigned zsip_bucket_entries(const struct zsip_bucket *bucket)
{
    return bucket->link & 15;
}

/* One bit for each entry of this bucket with this tag. */
static inline unsigned zsip_bucket_match(const struct zsip_bucket *bucket, uint16_t tag)
{
    unsigned bits = 0;
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi16((short)tag);
    const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)bucket->tag);
    /* Reads on into `value`; those bits are cut off below. */
    const __m128i high =
        _mm_loadu_si128((const __m128i *)(const void *)((const char *)bucket + 16));
    bits = (unsigned)_mm_movemask_epi8(
        _mm_packs_epi16(_mm_cmpeq_epi16(low, wanted), _mm_cmpeq_epi16(high, wanted)));
#else
    for (unsigned i = 0; i < ZSIP_INDEX_ENTRIES; i++)
        bits |= (unsigned)(bucket->tag[i] == tag) << i;
#endif
    return bits & ((1u << zsip_bucket_entries(bucket)) - 1);
}

/* Number of the entry with this value, or ZSIP_INDEX_ENTRIES. */
static inline unsigned zsip_bucket_position(const struct zsip_bucket *bucket, uint32_t value)
{
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi32((int)value);
    const __m128i *const at = (const __m128i *)(const void *)bucket->value;
    const __m128i low = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_loadu_si128(at), wanted),
                                        _mm_cmpeq_epi32(_mm_loadu_si128(at + 1), wanted));
    /* The last of these words is `link`; that bit and those beyond the entries are cut off. */
    const __m128i high = _mm_cmpeq_epi32(
        _mm_loadu_si128((const __m128i *)(const void *)((const char *)bucket + 48)), wanted);
    const unsigned low_bits = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, low)) & 255;
    const unsigned high_bits = (unsigned)_mm_movemask_ps(_mm_castsi128_ps(high));
    /* Bytes 48 to 63 hold values 7, 8 and 9. */
    const unsigned bits = (low_bits | high_bits << 7) & ((1u << zsip_bucket_entries(bucket)) - 1);
    return bits ? (unsigned)__builtin_ctz(bits) : ZSIP_INDEX_ENTRIES;
#else
    for (unsigned i = 0; i < zsip_bucket_entries(bucket); i++)
        if (bucket->value[i] == value)
            return i;
    return ZSIP_INDEX_ENTRIES;
#endif
}

static inline const struct zsip_bucket *zsip_bucket_next(const struct zsip_index *index,
                                                         const struct zsip_bucket *bucket)
{
    const uint32_t next = bucket->link >> 4;
    return next ? &index->overflow[next - 1] : NULL;
}

static inline void zsip_index_prefetch_next(const struct zsip_index *index,
                                            const struct zsip_bucket *bucket)
{
    const uint32_t next = bucket->link >> 4;
    if (next)
        __builtin_prefetch(&index->overflow[next - 1], 1);
}

/* Adds an entry. False: its chain or the overflow is at its bound; nothing changed. */
bool zsip_index_insert(struct zsip_index *index, uint64_t hash, uint32_t value);
/* Removes the entry with this hash and exactly this value, which must be there (asserted). */
void zsip_index_remove(struct zsip_index *index, uint64_t hash, uint32_t value);
/* Gives the entry (hash, from), which must be there, another value. */
void zsip_index_replace(struct zsip_index *index, uint64_t hash, uint32_t from, uint32_t to);

/* One step of growth or shrinkage if the load asks for it; at most ZSIP_INDEX_MOVED_MAX entries
 * move. To be called once after each insertion and removal. *moved is written when true. */
bool zsip_index_grow(struct zsip_index *index, uint32_t *moved);
bool zsip_index_shrink(struct zsip_index *index, uint32_t *moved);

/* Walks everything and asserts it. */
void zsip_index_validate(const struct zsip_index *index);

#endif
