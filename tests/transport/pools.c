/* What connections share: blocks of memory, and counts by source. Both against a plain model. */
#include "transport/blocks.h"
#include "transport/sources.h"
#include "zsip/host.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES = 4 << 20,
    HELD_MAX = 512,
};

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

struct held {
    uint8_t *block;
    uint32_t bytes;
    uint8_t mark;
};

static bool marked(const struct held *held)
{
    return held->block[0] == held->mark && held->block[held->bytes - 1] == held->mark;
}

Test(blocks, never_overlap_and_all_come_back)
{
    struct blocks blocks;
    struct held held[HELD_MAX];
    unsigned count = 0, refused = 0;
    size_t used = 0;
    cr_assert_eq(zsip_blocks_create(&blocks, zsip_memory_default(), ARENA_BYTES), ZSIP_OK);
    for (unsigned round = 0; round < 200000; round++) {
        if (count < HELD_MAX && draw(100) < 52) {
            uint32_t wanted = 1 + draw(1u << (6 + draw(13))), bytes;
            uint8_t *block = zsip_blocks_take(&blocks, wanted, &bytes);
            refused += block == NULL;
            if (block == NULL)
                continue;
            cr_assert(bytes >= wanted && (bytes & (bytes - 1)) == 0);
            cr_assert_eq((size_t)(block - blocks.arena) % bytes, 0);
            held[count] = (struct held){block, bytes, (uint8_t)round};
            block[0] = block[bytes - 1] = (uint8_t)round;
            used += bytes;
            count++;
        } else if (count > 0) {
            unsigned index = draw(count);
            cr_assert(marked(&held[index]), "somebody else wrote there");
            zsip_blocks_give(&blocks, held[index].block);
            used -= held[index].bytes;
            held[index] = held[--count];
        }
        if (round % 1000 == 0)
            zsip_blocks_trim(&blocks);
        cr_assert_eq(blocks.used_bytes, used);
    }
    cr_assert_gt(refused, 0, "it was never full");
    while (count > 0)
        zsip_blocks_give(&blocks, held[--count].block);
    /* Joined again: the whole of it can be had in the largest blocks. */
    for (unsigned i = 0; i < ARENA_BYTES >> BLOCK_ORDER_MAX; i++) {
        uint32_t bytes;
        cr_assert_not_null(zsip_blocks_take(&blocks, 1u << BLOCK_ORDER_MAX, &bytes));
    }
    cr_assert_eq(blocks.used_bytes, ARENA_BYTES);
    zsip_blocks_destroy(&blocks);
}

Test(blocks, more_than_the_largest_is_refused)
{
    struct blocks blocks;
    uint32_t bytes;
    cr_assert_eq(zsip_blocks_create(&blocks, zsip_memory_default(), ARENA_BYTES), ZSIP_OK);
    cr_assert_null(zsip_blocks_take(&blocks, (1u << BLOCK_ORDER_MAX) + 1, &bytes));
    cr_assert_null(zsip_blocks_take(&blocks, SIZE_MAX, &bytes));
    zsip_blocks_destroy(&blocks);
}

/* ---- Sources ----------------------------------------------------------------------------------
 */

static struct zsip_address address_of(uint32_t number)
{
    struct zsip_address address = {.family = ZSIP_FAMILY_IPV4, .port = (uint16_t)draw(65536)};
    memcpy(address.ip, &number, 4);
    return address;
}

Test(sources, count_each_address_and_forget_it_at_nought)
{
    enum { PLACES = 256, ADDRESSES = 100, MAX = 3 };
    static struct source table[PLACES];
    const uint64_t secret[2] = {0x1234567, 0x89abcdef};
    struct sources sources;
    unsigned counts[ADDRESSES] = {0}, total = 0, refused = 0;
    zsip_sources_init(&sources, table, PLACES, secret);
    for (unsigned round = 0; round < 200000; round++) {
        uint32_t number = draw(ADDRESSES);
        struct zsip_address address = address_of(number);
        if (total < PLACES / 2 && draw(2) == 0) {
            bool added = zsip_sources_add(&sources, &address, MAX);
            cr_assert_eq(added, counts[number] < MAX);
            counts[number] += added;
            total += added;
            refused += !added;
        } else if (counts[number] > 0) {
            zsip_sources_drop(&sources, &address);
            counts[number]--;
            total--;
        }
    }
    cr_assert_gt(refused, 0);
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        struct zsip_address address = address_of(i);
        for (; counts[i] > 0; counts[i]--)
            zsip_sources_drop(&sources, &address);
    }
    for (unsigned i = 0; i < PLACES; i++)
        cr_assert_eq(table[i].count, 0);
}

Test(sources, one_64_of_ipv6_is_one_source)
{
    static struct source table[8];
    const uint64_t secret[2] = {1, 2};
    struct sources sources;
    struct zsip_address address = {.family = ZSIP_FAMILY_IPV6, .ip = {0x20, 1, 0xd, 0xb8}};
    zsip_sources_init(&sources, table, 8, secret);
    cr_assert(zsip_sources_add(&sources, &address, 2));
    address.ip[15] = 1;
    cr_assert(zsip_sources_add(&sources, &address, 2));
    address.ip[8] = 9;
    cr_assert_not(zsip_sources_add(&sources, &address, 2));
    address.ip[7] = 1; /* another /64 */
    cr_assert(zsip_sources_add(&sources, &address, 2));
}
