/* Server transactions: who matches what, and what becomes of it.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/common.h"

#include <criterion/criterion.h>

static struct zsip_txn *txn;
static struct zsip_txn_match match;
static uint64_t now;

static void set_up(void)
{
    const struct zsip_txn_config config = test_config();
    txn = test_txn(&config);
    now = 1000 * ZSIP_NS_PER_S;
}

static void tear_down(void)
{
    zsip_txn_validate(txn);
    zsip_txn_destroy(txn);
    cr_assert_eq(test_memory_state.out, 0);
}

TestSuite(server, .init = set_up, .fini = tear_down);

static enum zsip_txn_found find(const struct zsip_txn_request *request)
{
    const struct zsip_txn_key key = test_key(txn, request);
    return zsip_txn_find(txn, &key, now, &match);
}

static void answer(const struct zsip_txn_request *request, unsigned status)
{
    const struct zsip_txn_key key = test_key(txn, request);
    cr_assert_eq(zsip_txn_answer(txn, &key, status, NO_DELTA, now), ZSIP_OK);
}

static struct zsip_txn_server open_(const struct zsip_txn_request *request)
{
    const struct zsip_txn_key key = test_key(txn, request);
    struct zsip_txn_server server;
    cr_assert_eq(zsip_txn_open(txn, &key, now, &server), ZSIP_OK);
    return server;
}

Test(server, copy_of_an_answered_request_gets_its_status)
{
    const struct zsip_txn_request request = test_request();
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    answer(&request, 403);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 403);
    cr_assert_null(match.delta.data);
}

Test(server, copy_of_a_pending_request_is_dropped)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_(&request);
    cr_assert_eq(find(&request), ZSIP_TXN_TRYING);
    cr_assert_eq(match.server.slot, server.slot);
}
