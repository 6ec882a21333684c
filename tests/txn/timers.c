/* Timers: what is due, exactly when.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/common.h"

#include <criterion/criterion.h>

static struct zsip_txn *txn;
static uint64_t now, start;

static void set_up(void)
{
    const struct zsip_txn_config config = test_config();
    txn = test_txn(&config);
    now = start = 1000 * ZSIP_NS_PER_S + 123456789;
}

static void tear_down(void)
{
    zsip_txn_validate(txn);
    zsip_txn_destroy(txn);
}

TestSuite(timers, .init = set_up, .fini = tear_down);

/* Goes to the next deadline, which must be `ms` after the start, and not a nanosecond earlier. */
static void next_at(uint64_t ms, enum zsip_txn_event_kind kind, unsigned sends)
{
    struct zsip_txn_event event;
    size_t count;
    cr_assert_eq(zsip_txn_deadline(txn), start + ms * MS, "deadline %.3f s, not %.3f s",
                 (double)(zsip_txn_deadline(txn) - start) / 1e9, (double)ms / 1e3);
    cr_assert_eq(zsip_txn_expire(txn, start + ms * MS - 1, &event, 1, &count), ZSIP_OK);
    cr_assert_eq(count, 0, "early");
    now = start + ms * MS;
    cr_assert_eq(zsip_txn_expire(txn, now, &event, 1, &count), ZSIP_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(event.kind, kind);
    cr_assert_eq(event.sends, sends);
}

static struct zsip_txn_client open_client(bool reliable)
{
    struct zsip_txn_client client;
    cr_assert_eq(zsip_txn_client_open(txn, reliable, 7, 99, now, &client), ZSIP_OK);
    return client;
}

static void provisional(struct zsip_txn_client client)
{
    unsigned actions;
    cr_assert_eq(zsip_txn_client_response(txn, client, 100, now, &actions), ZSIP_OK);
}

Test(timers, without_a_provisional_there_are_eleven_sends_then_timer_f)
{
    static const uint64_t at_ms[] = {500,   1500,  3500,  7500,  11500,
                                     15500, 19500, 23500, 27500, 31500};
    (void)open_client(false);
    for (unsigned i = 0; i < 10; i++)
        next_at(at_ms[i], ZSIP_TXN_CLIENT_RETRANSMIT, i + 2);
    next_at(32000, ZSIP_TXN_CLIENT_TIMEOUT, 11);
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
    const struct zsip_txn_stats *const stats = zsip_txn_stats(txn);
    const uint64_t *const sends = &stats->sends_first;
    for (unsigned i = 0; i < 11; i++)
        cr_assert_eq(sends[i], 1);
    cr_assert_eq(stats->client_timeout, 1);
}

Test(timers, after_a_provisional_timer_e_is_reset_to_t2_when_it_fires)
{
    /* Timer E runs on: what was set in Trying fires, and only then is T2 taken. */
    const struct zsip_txn_client client = open_client(false);
    next_at(500, ZSIP_TXN_CLIENT_RETRANSMIT, 2);
    provisional(client);
    next_at(1500, ZSIP_TXN_CLIENT_RETRANSMIT, 3);
    next_at(5500, ZSIP_TXN_CLIENT_RETRANSMIT, 4);
    next_at(9500, ZSIP_TXN_CLIENT_RETRANSMIT, 5);
    provisional(client);
    next_at(13500, ZSIP_TXN_CLIENT_RETRANSMIT, 6);
}

Test(timers, provisional_before_the_first_retransmission_keeps_its_time)
{
    provisional(open_client(false));
    next_at(500, ZSIP_TXN_CLIENT_RETRANSMIT, 2);
    next_at(4500, ZSIP_TXN_CLIENT_RETRANSMIT, 3);
}

Test(timers, timer_f_ends_a_transaction_in_proceeding)
{
    struct zsip_txn_event events[32];
    size_t count;
    provisional(open_client(false));
    now = start + 32000 * MS;
    cr_assert_eq(zsip_txn_expire(txn, now, events, 32, &count), ZSIP_OK);
    cr_assert_eq(count, 1, "F goes before E: what ends is not sent once more");
    cr_assert_eq(events[0].kind, ZSIP_TXN_CLIENT_TIMEOUT);
    cr_assert_eq(events[0].cookie, 99);
    cr_assert_eq(events[0].actions, ZSIP_TXN_PASS_TIMEOUT | ZSIP_TXN_FREE);
}

Test(timers, reliable_client_never_retransmits)
{
    (void)open_client(true);
    next_at(32000, ZSIP_TXN_CLIENT_TIMEOUT, 1);
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
}

Test(timers, worker_held_up_sends_no_burst)
{
    struct zsip_txn_event events[32];
    size_t count;
    (void)open_client(false);
    now = start + 10 * ZSIP_NS_PER_S;
    cr_assert_eq(zsip_txn_expire(txn, now, events, 32, &count), ZSIP_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(zsip_txn_deadline(txn), now + 1000 * MS, "timer E runs on from now");
}

Test(timers, events_are_bounded_and_none_is_lost)
{
    struct zsip_txn_event events[8];
    size_t count, total = 0;
    for (int i = 0; i < 100; i++)
        (void)open_client(false);
    now += T1;
    while (zsip_txn_expire(txn, now, events, 7, &count) == ZSIP_MORE) {
        cr_assert_leq(count, 7);
        total += count;
    }
    cr_assert_eq(total + count, 100);
}

/* ---- Server --------------------------------------------------------------------------------- */

static struct zsip_txn_server open_server(bool reliable)
{
    struct zsip_txn_request request = test_request();
    struct zsip_txn_server server;
    request.reliable = reliable;
    const struct zsip_txn_key key = test_key(txn, &request);
    cr_assert_eq(zsip_txn_open(txn, &key, now, &server), ZSIP_OK);
    return server;
}

Test(timers, the_100_goes_out_by_itself_at_three_and_a_half_seconds)
{
    (void)open_server(false);
    next_at(3500, ZSIP_TXN_SERVER_PROVISIONAL, 0);
    next_at(32000, ZSIP_TXN_SERVER_ABANDONED, 0);
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
}

Test(timers, the_100_goes_out_by_itself_on_reliable_transports_too)
{
    (void)open_server(true);
    next_at(3500, ZSIP_TXN_SERVER_PROVISIONAL, 0);
    next_at(32000, ZSIP_TXN_SERVER_ABANDONED, 0);
}

Test(timers, answered_request_gets_no_100)
{
    const struct zsip_txn_server server = open_server(true);
    unsigned actions;
    cr_assert_eq(zsip_txn_respond(txn, server, 200, NO_DELTA, now, &actions), ZSIP_OK);
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
}

/* When a client's timer E is reset to T2, for other T1 and T2. */
Test(timers, moment_of_the_100_follows_t1_and_t2)
{
    static const struct {
        uint64_t t1_ms, t2_ms, p_ms;
    } cases[] = {
        {500, 4000, 3500},  {500, 500, 500},    {500, 1000, 500},
        {500, 3000, 3500}, /* E: 0.5, 1, 2, then MIN(4, 3): reset to T2 at 3.5 s */
        {1000, 4000, 3000}, {2000, 4000, 2000}, {1, 4000, 4095},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zsip_txn_config config = test_config();
        config.t1_ns = cases[i].t1_ms * MS;
        config.t2_ns = cases[i].t2_ms * MS;
        struct zsip_txn *const other = test_txn(&config);
        const struct zsip_txn_key key = test_key_number(i);
        struct zsip_txn_server server;
        cr_assert_eq(zsip_txn_open(other, &key, now, &server), ZSIP_OK);
        uint64_t expected = now + cases[i].p_ms * MS;
        if (cases[i].p_ms > 64 * cases[i].t1_ms)
            expected = now + 64 * cases[i].t1_ms * MS;
        cr_assert_eq(zsip_txn_deadline(other), expected, "case %zu: %.3f", i,
                     (double)(zsip_txn_deadline(other) - now) / 1e9);
        zsip_txn_destroy(other);
    }
}

Test(timers, t1_and_t2_give_the_schedule_of_timer_e)
{
    struct zsip_txn_config config = test_config();
    static const uint64_t sends_ms[] = {100, 300, 600, 900, 1200};
    struct zsip_txn_client client;
    struct zsip_txn_event event;
    size_t count;
    config.t1_ns = 100 * MS;
    config.t2_ns = 300 * MS;
    struct zsip_txn *const other = test_txn(&config);
    cr_assert_eq(zsip_txn_client_open(other, false, 7, 0, now, &client), ZSIP_OK);
    for (size_t i = 0; i < sizeof(sends_ms) / sizeof(sends_ms[0]); i++) {
        cr_assert_eq(zsip_txn_deadline(other), start + sends_ms[i] * MS);
        cr_assert_eq(zsip_txn_expire(other, start + sends_ms[i] * MS, &event, 1, &count), ZSIP_OK);
        cr_assert_eq(event.sends, i + 2);
    }
    zsip_txn_destroy(other);
}

Test(timers, timers_out_of_range_are_refused)
{
    static const uint64_t bad[][2] = {{0, 1}, {2, 1}, {1, 4097}, {ZSIP_NEVER_NS, ZSIP_NEVER_NS}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct zsip_txn_config config = test_config();
        struct zsip_txn *none;
        config.t1_ns = bad[i][0];
        config.t2_ns = bad[i][1];
        cr_assert_eq(zsip_txn_create(&none, &config), ZSIP_ERROR_ARGUMENT);
        cr_assert_null(none);
    }
}

/* ---- Timer J -------------------------------------------------------------------------------- */

static void answer_number(uint64_t number)
{
    const struct zsip_txn_key key = test_key_number(number);
    cr_assert_eq(zsip_txn_answer(txn, &key, 200, NO_DELTA, now), ZSIP_OK);
}

Test(timers, deadline_of_timer_j_is_late_by_a_128th_at_most)
{
    answer_number(1);
    const uint64_t deadline = zsip_txn_deadline(txn);
    cr_assert_geq(deadline, start + J);
    cr_assert_leq(deadline, start + J + J / 128 + J / (1 << 18));
}

Test(timers, pops_are_bounded_and_none_is_lost)
{
    struct zsip_txn_usage usage;
    struct zsip_txn_event event;
    size_t count;
    unsigned calls = 1;
    for (unsigned i = 0; i < 5000; i++)
        answer_number(i);
    now += J + MS;
    for (uint32_t before = 5000;; before = usage.records, calls++) {
        const enum zsip_status status = zsip_txn_expire(txn, now, &event, 1, &count);
        zsip_txn_usage(txn, &usage);
        cr_assert_leq(before - usage.records, ZSIP_TXN_POPS_MAX);
        if (status == ZSIP_OK)
            break;
    }
    cr_assert_eq(usage.records, 0);
    cr_assert_eq(calls, 5);
    cr_assert_eq(zsip_txn_deadline(txn), ZSIP_NEVER_NS);
}

Test(timers, records_at_a_trickle_expire_each_in_its_time)
{
    /* One record every 10 s for an hour: segments are closed for their age, and used again. */
    struct zsip_txn_event event;
    struct zsip_txn_match match;
    size_t count;
    for (unsigned i = 0; i < 360; i++) {
        answer_number(i);
        for (unsigned back = 0; back <= i && back < 8; back++) {
            const struct zsip_txn_key key = test_key_number(i - back);
            cr_assert_eq(zsip_txn_find(txn, &key, now, &match),
                         back < 4 ? ZSIP_TXN_COMPLETED : ZSIP_TXN_NEW);
        }
        now += 10 * ZSIP_NS_PER_S;
        cr_assert_eq(zsip_txn_expire(txn, now, &event, 1, &count), ZSIP_OK);
        zsip_txn_validate(txn);
    }
}

Test(timers, store_left_alone_for_hours_refuses_or_serves_but_never_fails)
{
    /* Nobody calls zsip_txn_expire: segments run out long before records do. */
    struct zsip_txn_match match;
    for (unsigned i = 0; i < 2000; i++) {
        const struct zsip_txn_key key = test_key_number(i);
        now += 10 * ZSIP_NS_PER_S;
        cr_assert_eq(zsip_txn_find(txn, &key, now, &match), ZSIP_TXN_NEW);
        cr_assert_eq(zsip_txn_answer(txn, &key, 200, NO_DELTA, now), ZSIP_OK);
        cr_assert_eq(zsip_txn_find(txn, &key, now, &match), ZSIP_TXN_COMPLETED);
    }
    zsip_txn_validate(txn);
}
