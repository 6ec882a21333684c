/* The index against a list searched from end to end.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/index.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    uint64_t hash;
    uint32_t value;
};

static uint64_t seed;

static uint64_t random_next(void)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void index_make(struct zsip_index *index, uint32_t entries)
{
    struct zsip_bucket *buckets =
        aligned_alloc(64, (zsip_index_bucket_max(entries) + 1) * sizeof(*buckets));
    struct zsip_bucket *overflow =
        aligned_alloc(64, (zsip_index_overflow_max(entries) + 1) * sizeof(*overflow));
    memset(buckets, 0, (zsip_index_bucket_max(entries) + 1) * sizeof(*buckets));
    memset(overflow, 0, (zsip_index_overflow_max(entries) + 1) * sizeof(*overflow));
    zsip_index_init(index, entries, buckets, overflow);
}

static void index_free(struct zsip_index *index)
{
    free(index->buckets);
    free(index->overflow);
}

/* How often the index offers this value for this hash. */
static unsigned offered(const struct zsip_index *index, uint64_t hash, uint32_t value)
{
    const struct zsip_bucket *bucket = &index->buckets[zsip_index_place(index, hash)];
    unsigned count = 0;
    for (; bucket; bucket = zsip_bucket_next(index, bucket))
        for (unsigned bits = zsip_bucket_match(bucket, zsip_index_tag(index, hash)); bits;
             bits &= bits - 1)
            count += bucket->value[__builtin_ctz(bits)] == value;
    return count;
}

/* Random insertions and removals around a wandering size; hashes repeat up to 8 times. */
static void run(uint32_t entries_max, unsigned steps)
{
    struct pair *pairs = calloc(entries_max, sizeof(*pairs));
    struct zsip_index index;
    uint32_t count = 0, next_value = 1, moved;
    bool growing = true;
    index_make(&index, entries_max);
    for (unsigned step = 0; step < steps; step++) {
        if (step % (2 * entries_max) == 0)
            growing = random_next() % 2;
        if (count < entries_max && (count == 0 || random_next() % 4 < (growing ? 3 : 1))) {
            uint64_t hash = random_next();
            if (count >= 8 && random_next() % 3 == 0) {
                const uint64_t other = pairs[random_next() % count].hash;
                unsigned shared = 0;
                for (uint32_t i = 0; i < count; i++)
                    shared += pairs[i].hash == other;
                hash = shared < 8 ? other : hash;
            }
            pairs[count] = (struct pair){hash, next_value++};
            cr_assert(zsip_index_insert(&index, hash, pairs[count].value));
            count++;
            if (zsip_index_grow(&index, &moved))
                cr_assert_leq(moved, ZSIP_INDEX_MOVED_MAX);
        } else {
            const uint32_t which = (uint32_t)(random_next() % count);
            zsip_index_remove(&index, pairs[which].hash, pairs[which].value);
            cr_assert_eq(offered(&index, pairs[which].hash, pairs[which].value), 0);
            pairs[which] = pairs[--count];
            if (zsip_index_shrink(&index, &moved))
                cr_assert_leq(moved, ZSIP_INDEX_MOVED_MAX);
        }
        if (count > 0 && step % 3 == 0) {
            const uint32_t which = (uint32_t)(random_next() % count);
            zsip_index_replace(&index, pairs[which].hash, pairs[which].value, next_value);
            pairs[which].value = next_value++;
        }
        if (step % (entries_max / 4 + 1) == 0) {
            zsip_index_validate(&index);
            for (uint32_t i = 0; i < count; i++)
                cr_assert_eq(offered(&index, pairs[i].hash, pairs[i].value), 1);
        }
    }
    index_free(&index);
    free(pairs);
}

Test(index, random_operations_agree_with_a_list)
{
    static const uint32_t sizes[] = {1, 2, 10, 11, 61, 200, 1000, 3000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        seed = i;
        run(sizes[i], 30000);
    }
}

Test(index, chain_at_its_bound_refuses_and_changes_nothing)
{
    struct zsip_index index;
    uint32_t moved, count = 0;
    index_make(&index, 100000);
    /* One hash: no split can part these. */
    while (zsip_index_insert(&index, 0x123456789abcdefu, count)) {
        count++;
        (void)zsip_index_grow(&index, &moved);
    }
    cr_assert_eq(count, ZSIP_INDEX_MOVED_MAX);
    zsip_index_validate(&index);
    for (uint32_t i = 0; i < count; i++)
        cr_assert_eq(offered(&index, 0x123456789abcdefu, i), 1);
    cr_assert(zsip_index_insert(&index, 0x123456789abcdeeu, 7), "others go on");
    for (uint32_t i = 0; i < count; i++)
        zsip_index_remove(&index, 0x123456789abcdefu, i);
    cr_assert_eq(index.overflow_count, 0);
    zsip_index_validate(&index);
    index_free(&index);
}

Test(index, bucket_match_looks_at_entries_in_use_only)
{
    struct zsip_bucket bucket;
    memset(&bucket, 0, sizeof(bucket));
    cr_assert_eq(zsip_bucket_match(&bucket, 0), 0);
    for (unsigned count = 0; count <= ZSIP_INDEX_ENTRIES; count++) {
        bucket.link = 0xabcdef0u | count;
        cr_assert_eq(zsip_bucket_match(&bucket, 0), (1u << count) - 1);
        cr_assert_eq(zsip_bucket_match(&bucket, 1), 0);
        cr_assert_eq(zsip_bucket_position(&bucket, 1), ZSIP_INDEX_ENTRIES);
    }
    for (unsigned i = 0; i < ZSIP_INDEX_ENTRIES; i++) {
        bucket.tag[i] = (uint16_t)(0xfff0 + i);
        bucket.value[i] = 0x80000000u + i;
    }
    for (unsigned i = 0; i < ZSIP_INDEX_ENTRIES; i++) {
        cr_assert_eq(zsip_bucket_match(&bucket, (uint16_t)(0xfff0 + i)), 1u << i);
        cr_assert_eq(zsip_bucket_position(&bucket, 0x80000000u + i), i);
    }
    cr_assert_eq(zsip_bucket_position(&bucket, bucket.link), ZSIP_INDEX_ENTRIES);
}
