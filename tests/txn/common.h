/* What the tests of the transaction room share: memory with a budget, a store with known secrets,
 * requests by number.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ZSIP_TESTS_TXN_COMMON_H
#define ZSIP_TESTS_TXN_COMMON_H

#include "txn/txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS ZSIP_NS_PER_MS
#define T1 (500 * MS)
#define T2 (4000 * MS)
#define T4 (5000 * MS)
#define J  (64 * T1)

/* Counts what is out, and refuses once `left` allocations were made. */
struct test_memory {
    long out;
    long left;
};

static inline void *test_allocate(void *user, size_t bytes)
{
    struct test_memory *memory = user;
    if (memory->left == 0)
        return NULL;
    memory->left--;
    memory->out++;
    return aligned_alloc(64, (bytes + 63) & ~(size_t)63);
}

static inline void test_release(void *user, void *block, size_t bytes)
{
    (void)bytes;
    ((struct test_memory *)user)->out--;
    free(block);
}

static inline void *test_reserve(void *user, size_t bytes)
{
    struct test_memory *memory = user;
    if (memory->left == 0)
        return NULL;
    memory->left--;
    memory->out++;
    void *block = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
    if (block)
        memset(block, 0, bytes);
    return block;
}

static struct test_memory test_memory_state = {0, -1};
static const struct zsip_memory test_memory = {sizeof(struct zsip_memory),
                                               &test_memory_state,
                                               test_allocate,
                                               test_release,
                                               test_reserve,
                                               test_release,
                                               NULL};

static inline struct zsip_txn_config test_config(void)
{
    struct zsip_txn_config config = {
        .struct_bytes = sizeof(config),
        .memory = &test_memory,
        .t1_ns = T1,
        .t2_ns = T2,
        .t4_ns = T4,
        .server_records_max = 10000,
        .server_pending_max = 1000,
        .client_max = 1000,
        .log_bytes_max = 100000,
        .node = 0x1234,
        .worker = 5,
    };
    for (int i = 0; i < 16; i++) {
        config.index_secret[i] = (uint8_t)i;
        config.tag_secret[i] = (uint8_t)(100 + i);
        config.branch_secret[i] = (uint8_t)(200 + i);
    }
    return config;
}

static inline struct zsip_txn *test_txn(const struct zsip_txn_config *config)
{
    struct zsip_txn *txn;
    if (zsip_txn_create(&txn, config) != ZSIP_OK)
        abort();
    return txn;
}

static inline struct zsip_view test_view(const char *text)
{
    return (struct zsip_view){(const uint8_t *)text, strlen(text)};
}

/* A plain MESSAGE. Tests change single fields of it. */
static inline struct zsip_txn_request test_request(void)
{
    return (struct zsip_txn_request){
        .call_id = ZSIP_VIEW("a84b4c76e66710@pc33.example.com"),
        .from_tag = ZSIP_VIEW("1928301774"),
        .branch = ZSIP_VIEW("z9hG4bK776asdhds"),
        .sent_by = ZSIP_VIEW("pc33.example.com:5060"),
        .cseq = 314159,
        .method = 7,
        .branch_has_cookie = true,
    };
}

static inline struct zsip_txn_key test_key(struct zsip_txn *txn,
                                           const struct zsip_txn_request *request)
{
    struct zsip_txn_key key;
    zsip_txn_keys(txn, request, 1, &key);
    return key;
}

/* A key out of thin air, for tests of the store that need many. */
static inline struct zsip_txn_key test_key_number(uint64_t number)
{
    uint64_t z = number * 0x9e3779b97f4a7c15u + 0x1234567;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (struct zsip_txn_key){
        .m = z, .m_extra = (uint32_t)(z >> 7), .b = number, .tag = number, .method = 7};
}

#define NO_DELTA ((struct zsip_view){NULL, 0})

#endif
