/* Server transactions: what becomes of them.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/server_fixture.h"

TestSuite(server, .init = set_up, .fini = tear_down);

static enum zsip_status respond(struct zsip_txn_server server, unsigned status, unsigned *actions)
{
    return zsip_txn_respond(txn, server, status, NO_DELTA, now, actions);
}

/* What becomes due by now; at most one event is expected. */
static bool expire(struct zsip_txn_event *event)
{
    size_t count;
    cr_assert_eq(zsip_txn_expire(txn, now, event, 1, &count), ZSIP_OK);
    return count == 1;
}

/* ---- Timer J -------------------------------------------------------------------------------- */

Test(server, record_past_timer_j_is_absent_before_it_is_popped)
{
    const struct zsip_txn_request request = test_request();
    answer(&request, 200);
    now += J - 1;
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    /* A record expires on a tick: never early, late by less than J / 2^18. */
    now += 1 + J / (1 << 18);
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    answer(&request, 486);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 486);
}

Test(server, reliable_request_is_forgotten_at_its_answer)
{
    struct zsip_txn_request request = test_request();
    request.reliable = true;
    answer(&request, 200);
    cr_assert_eq(find(&request), ZSIP_TXN_NEW, "timer J is 0");
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
}

Test(server, reliable_pending_request_is_forgotten_at_its_answer)
{
    struct zsip_txn_request request = test_request();
    unsigned actions;
    request.reliable = true;
    const struct zsip_txn_server server = open_pending(&request);
    cr_assert_eq(find(&request), ZSIP_TXN_TRYING);
    cr_assert_eq(respond(server, 200, &actions), ZSIP_OK);
    cr_assert(actions & ZSIP_TXN_SEND_FINAL);
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
}

/* ---- Pending requests ----------------------------------------------------------------------- */

Test(server, late_answer_completes_and_serves_copies_from_then_on)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    unsigned actions;
    now += 2 * ZSIP_NS_PER_S;
    cr_assert_eq(respond(server, 202, &actions), ZSIP_OK);
    cr_assert(actions & ZSIP_TXN_SEND_FINAL);
    now += J - 1;
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED, "timer J runs from the answer");
    cr_assert_eq(match.status, 202);
}

Test(server, second_final_answer_is_dropped)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    unsigned actions;
    cr_assert_eq(respond(server, 200, &actions), ZSIP_OK);
    cr_assert_eq(respond(server, 500, &actions), ZSIP_ERROR_STALE);
    cr_assert_eq(actions, 0);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 200);
    cr_assert_eq(zsip_txn_stats(txn)->late_answers, 1);
}

Test(server, no_provisional_but_100)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    unsigned actions;
    for (unsigned status = 101; status < 200; status++)
        cr_assert_eq(respond(server, status, &actions), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(zsip_txn_check(txn, server), ZSIP_OK);
}

Test(server, early_100_over_udp_is_swallowed)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    unsigned actions;
    cr_assert_eq(respond(server, 100, &actions), ZSIP_OK);
    cr_assert_eq(actions, 0);
    cr_assert_eq(find(&request), ZSIP_TXN_TRYING);
}

Test(server, early_100_over_a_reliable_transport_is_sent_and_not_repeated_by_itself)
{
    struct zsip_txn_request request = test_request();
    struct zsip_txn_event event;
    unsigned actions;
    request.reliable = true;
    const struct zsip_txn_server server = open_pending(&request);
    cr_assert_eq(respond(server, 100, &actions), ZSIP_OK);
    cr_assert_eq(actions, ZSIP_TXN_SEND_100);
    cr_assert_eq(find(&request), ZSIP_TXN_PROCEEDING);
    now += 3500 * MS;
    cr_assert_not(expire(&event));
}

Test(server, copy_after_the_100_gets_the_100_again)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    struct zsip_txn_event event;
    now += 3500 * MS;
    cr_assert(expire(&event));
    cr_assert_eq(event.kind, ZSIP_TXN_SERVER_PROVISIONAL);
    cr_assert_eq(event.of.server.slot, server.slot);
    cr_assert_eq(find(&request), ZSIP_TXN_PROCEEDING);
    cr_assert_eq(match.server.slot, server.slot);
}

Test(server, unanswered_request_ends_after_64_t1_and_nothing_is_sent)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    struct zsip_txn_event event;
    unsigned actions;
    now += 3500 * MS;
    cr_assert(expire(&event));
    now += J - 3500 * MS - 1;
    cr_assert_not(expire(&event));
    cr_assert_eq(zsip_txn_check(txn, server), ZSIP_OK);
    now += 1;
    cr_assert_eq(zsip_txn_check(txn, server), ZSIP_OK, "the room has not heard of it yet");
    cr_assert(expire(&event));
    cr_assert_eq(event.kind, ZSIP_TXN_SERVER_ABANDONED);
    cr_assert_eq(event.actions & (ZSIP_TXN_SEND_FINAL | ZSIP_TXN_SEND_100), 0);
    cr_assert_eq(zsip_txn_check(txn, server), ZSIP_ERROR_STALE);
    cr_assert_eq(respond(server, 200, &actions), ZSIP_ERROR_STALE);
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    cr_assert_eq(zsip_txn_stats(txn)->server_unanswered, 1);
}

Test(server, answer_that_comes_with_timer_u_is_too_late)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    unsigned actions;
    now += J;
    cr_assert_eq(respond(server, 200, &actions), ZSIP_ERROR_STALE);
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

Test(server, slot_used_again_has_another_generation)
{
    struct zsip_txn_request request = test_request();
    const struct zsip_txn_server first = open_pending(&request);
    unsigned actions;
    cr_assert_eq(respond(first, 200, &actions), ZSIP_OK);
    request.cseq++;
    const struct zsip_txn_server second = open_pending(&request);
    cr_assert_eq(second.slot, first.slot);
    cr_assert_neq(second.generation, first.generation);
    cr_assert_eq(zsip_txn_check(txn, first), ZSIP_ERROR_STALE);
    cr_assert_eq(zsip_txn_check(txn, second), ZSIP_OK);
}

Test(server, handle_of_nothing_is_stale)
{
    const struct zsip_txn_server none = {0, 0}, far = {4000000000u, 1};
    cr_assert_eq(zsip_txn_check(txn, none), ZSIP_ERROR_STALE);
    cr_assert_eq(zsip_txn_check(txn, far), ZSIP_ERROR_STALE);
}

/* ---- Responses that can't be sent, RFC 6026 section 8.8 ------------------------------------- */

Test(server, undelivered_100_leaves_the_transaction_in_proceeding)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    struct zsip_txn_event event;
    now += 3500 * MS;
    cr_assert(expire(&event));
    cr_assert_eq(zsip_txn_undelivered(txn, server), ZSIP_TXN_PASS_ERROR);
    cr_assert_eq(find(&request), ZSIP_TXN_PROCEEDING);
    cr_assert_eq(zsip_txn_check(txn, server), ZSIP_OK);
}

Test(server, undelivered_final_response_is_kept_for_the_next_copy)
{
    const struct zsip_txn_request request = test_request();
    answer(&request, 200);
    cr_assert_eq(zsip_txn_undelivered(txn, (struct zsip_txn_server){0, 0}), ZSIP_TXN_PASS_ERROR);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(zsip_txn_stats(txn)->server_undelivered, 1);
}

/* ---- Deltas --------------------------------------------------------------------------------- */

Test(server, delta_is_given_back_byte_for_byte)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_view delta = ZSIP_VIEW("\0Reason of our own\r\nX: y");
    cr_assert_eq(try_answer(&request, 299, delta), ZSIP_OK);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 299);
    cr_assert_eq(match.delta.length, delta.length);
    cr_assert_arr_eq(match.delta.data, delta.data, delta.length);
    cr_assert_eq(zsip_txn_stats(txn)->from_log, 1);
    cr_assert_eq(zsip_txn_stats(txn)->regenerated, 0);
}

Test(server, delta_of_a_late_answer_is_given_back)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    unsigned actions;
    cr_assert_eq(zsip_txn_respond(txn, server, 200, test_view("body"), now, &actions), ZSIP_OK);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 200);
    cr_assert_arr_eq(match.delta.data, "body", 4);
}

Test(server, delta_too_large_for_any_log_is_refused)
{
    const struct zsip_txn_request request = test_request();
    uint8_t *const bytes = calloc(1, ZSIP_TXN_DELTA_BYTES_MAX + 1);
    cr_assert_eq(try_answer(&request, 200, (struct zsip_view){bytes, ZSIP_TXN_DELTA_BYTES_MAX + 1}),
                 ZSIP_ERROR_SIZE);
    cr_assert_eq(try_answer(&request, 200, (struct zsip_view){bytes, ZSIP_TXN_DELTA_BYTES_MAX}),
                 ZSIP_OK);
    free(bytes);
}
