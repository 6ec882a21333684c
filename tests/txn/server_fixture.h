/* What tests of server transactions share: one store, one clock, requests that are looked up,
 * answered, held.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ZSIP_TESTS_TXN_SERVER_FIXTURE_H
#define ZSIP_TESTS_TXN_SERVER_FIXTURE_H

#include "tests/txn/common.h"

#include <criterion/criterion.h>

static struct zsip_txn *txn;
static struct zsip_txn_match match;
static uint64_t now;

static inline void set_up(void)
{
    const struct zsip_txn_config config = test_config();
    txn = test_txn(&config);
    now = 1000 * ZSIP_NS_PER_S;
}

static inline void tear_down(void)
{
    zsip_txn_validate(txn);
    zsip_txn_destroy(txn);
    cr_assert_eq(test_memory_state.out, 0);
}

static inline enum zsip_txn_found find(const struct zsip_txn_request *request)
{
    const struct zsip_txn_key key = test_key(txn, request);
    return zsip_txn_find(txn, &key, now, &match);
}

static inline enum zsip_status try_answer(const struct zsip_txn_request *request, unsigned status,
                                          struct zsip_view delta)
{
    const struct zsip_txn_key key = test_key(txn, request);
    return zsip_txn_answer(txn, &key, status, delta, now);
}

static inline void answer(const struct zsip_txn_request *request, unsigned status)
{
    cr_assert_eq(try_answer(request, status, NO_DELTA), ZSIP_OK);
}

static inline struct zsip_txn_server open_pending(const struct zsip_txn_request *request)
{
    const struct zsip_txn_key key = test_key(txn, request);
    struct zsip_txn_server server;
    cr_assert_eq(zsip_txn_open(txn, &key, now, &server), ZSIP_OK);
    return server;
}

#endif
