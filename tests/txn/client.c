/* Client transactions: branches, responses, ends.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/common.h"

#include <criterion/criterion.h>

static struct zsip_txn *txn;
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

TestSuite(client, .init = set_up, .fini = tear_down);

struct branch {
    char text[ZSIP_TXN_BRANCH_BYTES];
};

static struct zsip_txn_client open_client(uint64_t cookie, struct branch *branch)
{
    struct zsip_txn_client client;
    cr_assert_eq(zsip_txn_client_open(txn, false, 7, cookie, now, &client), ZSIP_OK);
    zsip_txn_branch_write(txn, client, branch->text);
    return client;
}

static struct zsip_txn_client found;
static uint64_t cookie_found;

static enum zsip_status find_text(const char *text, size_t length, unsigned status)
{
    const struct zsip_view view = {(const uint8_t *)text, length};
    return zsip_txn_client_find(txn, view, 7, status, &found, &cookie_found);
}

static enum zsip_status find(const struct branch *branch, unsigned status)
{
    return find_text(branch->text, sizeof(branch->text), status);
}

Test(client, response_finds_its_transaction_by_the_branch)
{
    struct branch first, second;
    (void)open_client(11, &first);
    (void)open_client(22, &second);
    cr_assert_eq(find(&second, 200), ZSIP_OK);
    cr_assert_eq(cookie_found, 22);
    cr_assert_eq(find(&first, 100), ZSIP_OK);
    cr_assert_eq(cookie_found, 11);
}

Test(client, branch_begins_with_the_cookie_and_is_a_token_of_fixed_width)
{
    struct branch branch;
    (void)open_client(1, &branch);
    cr_assert_eq(memcmp(branch.text, "z9hG4bK", 7), 0);
    for (size_t i = 7; i < sizeof(branch.text); i++)
        cr_assert(strchr("0123456789abcdef", branch.text[i]));
}

Test(client, branch_names_its_node_and_worker)
{
    struct branch branch;
    uint16_t node;
    uint8_t worker;
    (void)open_client(1, &branch);
    cr_assert(zsip_txn_branch_owner(
        (struct zsip_view){(const uint8_t *)branch.text, sizeof(branch.text)}, &node, &worker));
    cr_assert_eq(node, 0x1234);
    cr_assert_eq(worker, 5);
}

Test(client, branch_of_another_shape_has_no_owner)
{
    uint16_t node;
    uint8_t worker;
    cr_assert_not(zsip_txn_branch_owner(test_view("z9hG4bK776asdhds"), &node, &worker));
    cr_assert_not(zsip_txn_branch_owner(NO_DELTA, &node, &worker));
    cr_assert_not(zsip_txn_branch_owner(test_view("z9hG4bKxxxx05000000000000000000000000000000000"),
                                        &node, &worker));
}

Test(client, branches_never_repeat)
{
    enum { COUNT = 3000 };
    static struct branch branches[COUNT];
    for (int i = 0; i < COUNT; i++) {
        const struct zsip_txn_client client = open_client(1, &branches[i]);
        cr_assert_eq(zsip_txn_client_close(txn, client), ZSIP_OK);
    }
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < i; j++)
            cr_assert_neq(memcmp(&branches[i], &branches[j], sizeof(branches[i])), 0);
}

Test(client, branch_changed_in_any_byte_is_a_stray)
{
    struct branch branch;
    (void)open_client(1, &branch);
    for (size_t i = 0; i < sizeof(branch.text); i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct branch damaged = branch;
            damaged.text[i] ^= (char)(1u << bit);
            cr_assert_eq(find(&damaged, 200), ZSIP_ERROR_MISMATCH, "byte %zu bit %u", i, bit);
        }
    }
    cr_assert_eq(zsip_txn_stats(txn)->client_strays, 8 * sizeof(branch.text));
    cr_assert_eq(find(&branch, 200), ZSIP_OK);
}

Test(client, branch_cut_or_lengthened_is_a_stray)
{
    struct branch branch;
    char longer[sizeof(branch.text) + 1];
    (void)open_client(1, &branch);
    for (size_t length = 0; length < sizeof(branch.text); length++)
        cr_assert_eq(find_text(branch.text, length, 200), ZSIP_ERROR_MISMATCH);
    memcpy(longer, branch.text, sizeof(branch.text));
    longer[sizeof(branch.text)] = '0';
    cr_assert_eq(find_text(longer, sizeof(longer), 200), ZSIP_ERROR_MISMATCH);
}

Test(client, branch_of_another_worker_is_a_stray)
{
    struct zsip_txn_config config = test_config();
    struct branch branch;
    struct zsip_txn_client client;
    config.worker = 6;
    struct zsip_txn *const other = test_txn(&config);
    cr_assert_eq(zsip_txn_client_open(other, false, 7, 1, now, &client), ZSIP_OK);
    zsip_txn_branch_write(other, client, branch.text);
    (void)open_client(1, &(struct branch){{0}});
    cr_assert_eq(find(&branch, 200), ZSIP_ERROR_MISMATCH);
    zsip_txn_destroy(other);
}

Test(client, response_to_another_method_is_a_stray)
{
    struct branch branch;
    (void)open_client(1, &branch);
    const struct zsip_view view = {(const uint8_t *)branch.text, sizeof(branch.text)};
    cr_assert_eq(zsip_txn_client_find(txn, view, 8, 200, &found, &cookie_found),
                 ZSIP_ERROR_MISMATCH);
}

Test(client, final_response_frees_the_slot)
{
    struct branch branch;
    unsigned actions;
    const struct zsip_txn_client client = open_client(1, &branch);
    cr_assert_eq(zsip_txn_client_response(txn, client, 404, now, &actions), ZSIP_OK);
    cr_assert_eq(actions, ZSIP_TXN_PASS_RESPONSE | ZSIP_TXN_FREE);
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
    cr_assert_eq(zsip_txn_client_response(txn, client, 404, now, &actions), ZSIP_ERROR_STALE);
    cr_assert_eq(actions, 0);
}

Test(client, duplicate_final_response_is_counted_and_not_passed)
{
    struct branch branch;
    unsigned actions;
    const struct zsip_txn_client client = open_client(1, &branch);
    cr_assert_eq(zsip_txn_client_response(txn, client, 200, now, &actions), ZSIP_OK);
    cr_assert_eq(find(&branch, 200), ZSIP_ERROR_STALE);
    cr_assert_eq(zsip_txn_stats(txn)->client_late, 1);
    cr_assert_eq(find(&branch, 100), ZSIP_ERROR_STALE);
    cr_assert_eq(zsip_txn_stats(txn)->client_late_provisional, 1);
}

Test(client, late_response_does_not_reach_the_slots_next_owner)
{
    struct branch first, second;
    unsigned actions;
    const struct zsip_txn_client client = open_client(1, &first);
    cr_assert_eq(zsip_txn_client_response(txn, client, 200, now, &actions), ZSIP_OK);
    const struct zsip_txn_client next = open_client(2, &second);
    cr_assert_eq(next.slot, client.slot);
    cr_assert_eq(find(&first, 200), ZSIP_ERROR_STALE);
    cr_assert_eq(find(&second, 200), ZSIP_OK);
    cr_assert_eq(cookie_found, 2);
}

Test(client, every_1xx_is_passed_and_none_ends_it)
{
    struct branch branch;
    unsigned actions;
    const struct zsip_txn_client client = open_client(1, &branch);
    for (unsigned status = 100; status < 200; status++) {
        cr_assert_eq(zsip_txn_client_response(txn, client, status, now, &actions), ZSIP_OK);
        cr_assert_eq(actions, ZSIP_TXN_PASS_RESPONSE);
    }
    cr_assert_eq(find(&branch, 200), ZSIP_OK);
}

Test(client, status_out_of_range_is_refused)
{
    struct branch branch;
    unsigned actions;
    const struct zsip_txn_client client = open_client(1, &branch);
    cr_assert_eq(zsip_txn_client_response(txn, client, 99, now, &actions), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(zsip_txn_client_response(txn, client, 700, now, &actions), ZSIP_ERROR_ARGUMENT);
}

Test(client, transport_error_ends_it_in_trying_and_in_proceeding)
{
    struct branch branch;
    unsigned actions;
    struct zsip_txn_client client = open_client(1, &branch);
    cr_assert_eq(zsip_txn_client_failed(txn, client, &actions), ZSIP_OK);
    cr_assert_eq(actions, ZSIP_TXN_PASS_ERROR | ZSIP_TXN_FREE);
    cr_assert_eq(zsip_txn_client_failed(txn, client, &actions), ZSIP_ERROR_STALE);
    client = open_client(1, &branch);
    cr_assert_eq(zsip_txn_client_response(txn, client, 100, now, &actions), ZSIP_OK);
    cr_assert_eq(zsip_txn_client_failed(txn, client, &actions), ZSIP_OK);
    cr_assert_eq(actions, ZSIP_TXN_PASS_ERROR | ZSIP_TXN_FREE);
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
    cr_assert_eq(zsip_txn_stats(txn)->client_failed, 2);
}

Test(client, closed_transaction_tells_nobody)
{
    struct branch branch;
    const struct zsip_txn_client client = open_client(1, &branch);
    cr_assert_eq(zsip_txn_client_close(txn, client), ZSIP_OK);
    cr_assert_eq(zsip_txn_client_close(txn, client), ZSIP_ERROR_STALE);
    cr_assert_eq(find(&branch, 200), ZSIP_ERROR_STALE);
}

Test(client, sends_are_counted_from_one)
{
    struct branch branch;
    const struct zsip_txn_client client = open_client(1, &branch);
    struct zsip_txn_event event;
    size_t count;
    cr_assert_eq(zsip_txn_client_sends(txn, client), 1);
    now += T1;
    cr_assert_eq(zsip_txn_expire(txn, now, &event, 1, &count), ZSIP_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(zsip_txn_client_sends(txn, client), 2);
    cr_assert_eq(zsip_txn_client_close(txn, client), ZSIP_OK);
    cr_assert_eq(zsip_txn_client_sends(txn, client), 0);
}

Test(client, full_pool_is_an_ordinary_answer)
{
    struct zsip_txn_config config = test_config();
    struct zsip_txn_client clients[4];
    unsigned actions;
    for (uint32_t max = 0; max < 4; max++) {
        config.client_max = max;
        struct zsip_txn *const small = test_txn(&config);
        for (uint32_t i = 0; i < max; i++)
            cr_assert_eq(zsip_txn_client_open(small, i % 2, 7, i, now, &clients[i]), ZSIP_OK);
        cr_assert_eq(zsip_txn_client_open(small, false, 7, 9, now, &clients[3]), ZSIP_ERROR_FULL);
        cr_assert_eq(clients[3].generation, 0);
        cr_assert_eq(zsip_txn_stats(small)->over_client, 1);
        if (max > 0) {
            cr_assert_eq(zsip_txn_client_response(small, clients[0], 200, now, &actions), ZSIP_OK);
            cr_assert_eq(zsip_txn_client_open(small, false, 7, 9, now, &clients[3]), ZSIP_OK);
        }
        zsip_txn_validate(small);
        zsip_txn_destroy(small);
    }
}
