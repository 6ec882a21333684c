/* The store: growth and shrinkage, ceilings, the log, memory.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/common.h"
#include "txn/room.h"

#include <criterion/criterion.h>

static struct zsip_txn_match match;
static uint64_t now = 5 * ZSIP_NS_PER_S;

static enum zsip_txn_found find_number(struct zsip_txn *txn, uint64_t number)
{
    const struct zsip_txn_key key = test_key_number(number);
    return zsip_txn_find(txn, &key, now, &match);
}

static enum zsip_status answer_number(struct zsip_txn *txn, uint64_t number, struct zsip_view delta)
{
    const struct zsip_txn_key key = test_key_number(number);
    return zsip_txn_answer(txn, &key, 200, delta, now);
}

static enum zsip_status open_number(struct zsip_txn *txn, uint64_t number,
                                    struct zsip_txn_server *server)
{
    const struct zsip_txn_key key = test_key_number(number);
    return zsip_txn_open(txn, &key, now, server);
}

static void expire_all(struct zsip_txn *txn)
{
    struct zsip_txn_event events[16];
    size_t count;
    while (zsip_txn_expire(txn, now, events, 16, &count) == ZSIP_MORE)
        ;
}

/* ---- Growth and shrinkage ------------------------------------------------------------------- */

Test(store, peak_after_peak_loses_nothing_and_gives_back)
{
    struct zsip_txn_config config = test_config();
    struct zsip_txn_usage usage;
    config.server_records_max = 300000;
    struct zsip_txn *const txn = test_txn(&config);
    uint64_t number = 0;
    uint32_t least = UINT32_MAX;
    for (unsigned wave = 0; wave < 3; wave++) {
        const uint64_t first = number;
        for (unsigned i = 0; i < 200000; i++) {
            cr_assert_eq(find_number(txn, number), ZSIP_TXN_NEW);
            cr_assert_eq(answer_number(txn, number++, NO_DELTA), ZSIP_OK);
            now += J / 2 / 200000;
        }
        for (uint64_t i = first; i < number; i++)
            cr_assert_eq(find_number(txn, i), ZSIP_TXN_COMPLETED);
        zsip_txn_validate(txn);
        now += 2 * J;
        expire_all(txn);
        zsip_txn_validate(txn);
        zsip_txn_usage(txn, &usage);
        cr_assert_eq(usage.records, 0);
        cr_assert_eq(usage.overflow, 0);
        cr_assert(least == UINT32_MAX || usage.buckets == least);
        least = usage.buckets;
    }
    cr_assert_leq(zsip_txn_stats(txn)->index_moved_max, ZSIP_INDEX_MOVED_MAX);
    cr_assert_gt(zsip_txn_stats(txn)->index_splits, 3 * 30000);
    zsip_txn_destroy(txn);
}

/* The buckets follow the load: below 6 entries each at the peak, above 4.5 on the way down. */
Test(store, load_of_the_index_stays_between_its_bounds)
{
    struct zsip_txn_config config = test_config();
    struct zsip_txn_usage usage;
    config.server_records_max = 100000;
    struct zsip_txn *const txn = test_txn(&config);
    for (unsigned i = 0; i < 100000; i++) {
        cr_assert_eq(answer_number(txn, i, NO_DELTA), ZSIP_OK);
        now += J / 200000;
        zsip_txn_usage(txn, &usage);
        cr_assert_leq(usage.records, 6 * usage.buckets);
    }
    for (unsigned i = 0; i < 100; i++) {
        now += J / 100;
        expire_all(txn);
        zsip_txn_usage(txn, &usage);
        if (usage.records > 2000)
            cr_assert_geq(2 * usage.records + 9, 9 * usage.buckets);
    }
    zsip_txn_destroy(txn);
}

/* ---- Ceilings ------------------------------------------------------------------------------- */

/* The exhaustion ladder: 0, 1, 2 ... of everything; at the ceiling new ones are refused, nothing is
 * evicted, and when all is quiet there is room again. */
Test(store, ceiling_of_records_is_exact_and_nothing_is_evicted)
{
    struct zsip_txn_config config = test_config();
    for (uint32_t max = 0; max < 70; max++) {
        config.server_records_max = max;
        struct zsip_txn *const txn = test_txn(&config);
        for (uint32_t i = 0; i < max; i++)
            cr_assert_eq(answer_number(txn, i, NO_DELTA), ZSIP_OK);
        cr_assert_eq(answer_number(txn, max, NO_DELTA), ZSIP_ERROR_FULL);
        cr_assert_eq(find_number(txn, max), ZSIP_TXN_NEW, "nothing was recorded");
        cr_assert_eq(zsip_txn_stats(txn)->over_ceiling, 1);
        for (uint32_t i = 0; i < max; i++)
            cr_assert_eq(find_number(txn, i), ZSIP_TXN_COMPLETED);
        now += J + MS;
        for (uint32_t i = 100; i < 100 + max; i++)
            cr_assert_eq(answer_number(txn, i, NO_DELTA), ZSIP_OK, "those past J make room");
        zsip_txn_validate(txn);
        zsip_txn_destroy(txn);
    }
}

Test(store, reliable_requests_need_no_record)
{
    struct zsip_txn_config config = test_config();
    config.server_records_max = 0;
    struct zsip_txn *const txn = test_txn(&config);
    struct zsip_txn_key key = test_key_number(1);
    struct zsip_txn_server server;
    unsigned actions;
    key.reliable = true;
    cr_assert_eq(zsip_txn_answer(txn, &key, 200, NO_DELTA, now), ZSIP_OK);
    cr_assert_eq(zsip_txn_open(txn, &key, now, &server), ZSIP_OK);
    cr_assert_eq(zsip_txn_respond(txn, server, 200, NO_DELTA, now, &actions), ZSIP_OK);
    zsip_txn_destroy(txn);
}

Test(store, pending_requests_hold_a_record_in_reserve)
{
    struct zsip_txn_config config = test_config();
    for (uint32_t max = 1; max < 10; max++) {
        struct zsip_txn_server servers[10];
        unsigned actions;
        config.server_records_max = max;
        struct zsip_txn *const txn = test_txn(&config);
        for (uint32_t i = 0; i < max; i++)
            cr_assert_eq(open_number(txn, i, &servers[i]), ZSIP_OK);
        cr_assert_eq(open_number(txn, 100, &servers[9]), ZSIP_ERROR_FULL);
        cr_assert_eq(answer_number(txn, 101, NO_DELTA), ZSIP_ERROR_FULL);
        for (uint32_t i = 0; i < max; i++)
            cr_assert_eq(zsip_txn_respond(txn, servers[i], 200, NO_DELTA, now, &actions), ZSIP_OK,
                         "a final answer always finds its place");
        cr_assert_eq(answer_number(txn, 102, NO_DELTA), ZSIP_ERROR_FULL);
        zsip_txn_validate(txn);
        zsip_txn_destroy(txn);
    }
}

Test(store, ceiling_of_pending_requests_is_exact)
{
    struct zsip_txn_config config = test_config();
    for (uint32_t max = 0; max < 10; max++) {
        struct zsip_txn_server servers[11];
        unsigned actions;
        config.server_pending_max = max;
        struct zsip_txn *const txn = test_txn(&config);
        for (uint32_t i = 0; i < max; i++) {
            cr_assert_eq(open_number(txn, i, &servers[i]), ZSIP_OK);
            cr_assert_lt(servers[i].slot, max, "slots are dense");
        }
        cr_assert_eq(open_number(txn, max, &servers[10]), ZSIP_ERROR_FULL);
        cr_assert_eq(zsip_txn_stats(txn)->over_pending, 1);
        cr_assert_eq(find_number(txn, max), ZSIP_TXN_NEW);
        if (max > 0) {
            cr_assert_eq(zsip_txn_respond(txn, servers[0], 200, NO_DELTA, now, &actions), ZSIP_OK);
            cr_assert_eq(open_number(txn, max, &servers[10]), ZSIP_OK);
        }
        zsip_txn_validate(txn);
        zsip_txn_destroy(txn);
    }
}

/* ---- The log -------------------------------------------------------------------------------- */

Test(store, log_is_filled_to_the_last_byte_and_no_further)
{
    struct zsip_txn_config config = test_config();
    config.log_bytes_max = 80;
    struct zsip_txn *const txn = test_txn(&config);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(answer_number(txn, i, test_view("0123456789abcdef")), ZSIP_OK);
    cr_assert_eq(answer_number(txn, 5, test_view("x")), ZSIP_ERROR_FULL);
    cr_assert_eq(zsip_txn_stats(txn)->over_log, 1);
    cr_assert_eq(find_number(txn, 5), ZSIP_TXN_NEW);
    cr_assert_eq(answer_number(txn, 6, NO_DELTA), ZSIP_OK, "what can be regenerated goes on");
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(find_number(txn, i), ZSIP_TXN_COMPLETED);
        cr_assert_arr_eq(match.delta.data, "0123456789abcdef", 16);
    }
    now += J + MS;
    expire_all(txn);
    for (unsigned i = 10; i < 15; i++)
        cr_assert_eq(answer_number(txn, i, test_view("0123456789abcdef")), ZSIP_OK);
    zsip_txn_validate(txn);
    zsip_txn_destroy(txn);
}

Test(store, no_log_refuses_every_delta)
{
    struct zsip_txn_config config = test_config();
    config.log_bytes_max = 0;
    struct zsip_txn *const txn = test_txn(&config);
    cr_assert_eq(answer_number(txn, 1, test_view("x")), ZSIP_ERROR_FULL);
    cr_assert_eq(answer_number(txn, 1, NO_DELTA), ZSIP_OK);
    zsip_txn_destroy(txn);
}

Test(store, pending_request_that_the_log_refuses_can_be_answered_without_a_delta)
{
    struct zsip_txn_config config = test_config();
    struct zsip_txn_server server;
    unsigned actions;
    config.log_bytes_max = 8;
    struct zsip_txn *const txn = test_txn(&config);
    cr_assert_eq(open_number(txn, 1, &server), ZSIP_OK);
    cr_assert_eq(zsip_txn_respond(txn, server, 200, test_view("123456789"), now, &actions),
                 ZSIP_ERROR_FULL);
    cr_assert_eq(actions, 0);
    cr_assert_eq(zsip_txn_check(txn, server), ZSIP_OK);
    cr_assert_eq(find_number(txn, 1), ZSIP_TXN_TRYING);
    cr_assert_eq(zsip_txn_respond(txn, server, 503, NO_DELTA, now, &actions), ZSIP_OK);
    zsip_txn_destroy(txn);
}

/* Deltas of every size, more than the log holds at once, checked one by one. */
Test(store, log_wraps_and_keeps_every_byte)
{
    struct zsip_txn_config config = test_config();
    static uint8_t bytes[40000];
    uint32_t lengths[20000], seed = 7;
    uint64_t oldest = 0;
    config.log_bytes_max = 1u << 20;
    struct zsip_txn *const txn = test_txn(&config);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    for (uint64_t i = 0; i < 20000; i++) {
        seed = seed * 1664525 + 1013904223;
        lengths[i] = 1 + (seed >> 8) % ((seed >> 29) ? 60 : 39000);
        const size_t from = (size_t)(i * 17 % (sizeof(bytes) - lengths[i]));
        while (answer_number(txn, i, (struct zsip_view){bytes + from, lengths[i]}) != ZSIP_OK) {
            now += J / 10;
            expire_all(txn);
        }
        while (find_number(txn, oldest) == ZSIP_TXN_NEW)
            oldest++;
        for (uint64_t check = oldest; check <= i; check += 1 + (i - oldest) / 4) {
            cr_assert_eq(find_number(txn, check), ZSIP_TXN_COMPLETED);
            cr_assert_eq(match.delta.length, lengths[check]);
            const size_t at = (size_t)(check * 17 % (sizeof(bytes) - lengths[check]));
            cr_assert_eq(memcmp(match.delta.data, bytes + at, lengths[check]), 0);
        }
        now += J / 40;
        if (i % 100 == 0)
            zsip_txn_validate(txn);
    }
    zsip_txn_destroy(txn);
}

/* ---- Memory --------------------------------------------------------------------------------- */

Test(store, every_failed_allocation_of_set_up_is_undone)
{
    const struct zsip_txn_config config = test_config();
    for (long left = 0;; left++) {
        struct zsip_txn *txn;
        test_memory_state.left = left;
        const enum zsip_status status = zsip_txn_create(&txn, &config);
        if (status == ZSIP_OK) {
            zsip_txn_destroy(txn);
            cr_assert_geq(left, 5);
            break;
        }
        cr_assert_eq(status, ZSIP_ERROR_MEMORY);
        cr_assert_null(txn);
        cr_assert_eq(test_memory_state.out, 0);
    }
    test_memory_state.left = -1;
    cr_assert_eq(test_memory_state.out, 0);
}

Test(store, hook_without_reserve_serves_as_well)
{
    struct zsip_txn_config config = test_config();
    struct zsip_memory plain = test_memory;
    struct zsip_txn_range range;
    plain.reserve = NULL;
    plain.unreserve = NULL;
    config.memory = &plain;
    struct zsip_txn *const txn = test_txn(&config);
    cr_assert_eq(zsip_txn_maintain(txn, &range), ZSIP_OK, "there is nothing to touch");
    for (unsigned i = 0; i < 5000; i++)
        cr_assert_eq(answer_number(txn, i, NO_DELTA), ZSIP_OK);
    zsip_txn_validate(txn);
    zsip_txn_destroy(txn);
    cr_assert_eq(test_memory_state.out, 0);
}

static void range_check(const struct zsip_txn_range *range)
{
    cr_assert_leq(range->bytes, ZSIP_TXN_RANGE_BYTES_MAX);
    cr_assert_gt(range->bytes, 0);
    cr_assert_eq(range->bytes % 4096, 0);
    cr_assert_eq((uintptr_t)range->memory % 4096, 0);
}

/* Performs the steps; what is released is overwritten, as it may read as anything later. Bytes
 * touched less those released are counted. */
static long perform_all(struct zsip_txn *txn)
{
    struct zsip_txn_range range;
    long bytes = 0;
    while (zsip_txn_maintain(txn, &range) == ZSIP_MORE) {
        range_check(&range);
        if (range.kind == ZSIP_TXN_RELEASE)
            memset(range.memory, 0xa5, range.bytes);
        bytes += range.kind == ZSIP_TXN_TOUCH ? (long)range.bytes : -(long)range.bytes;
    }
    return bytes;
}

Test(store, memory_is_touched_ahead_and_given_back_after_a_peak)
{
    struct zsip_txn_config config = test_config();
    config.server_records_max = 400000;
    struct zsip_txn *const txn = test_txn(&config);
    long bytes = perform_all(txn);
    const long quiet = bytes;
    uint64_t number = 0;
    for (unsigned wave = 0; wave < 3; wave++) {
        for (unsigned i = 0; i < 400000; i++) {
            cr_assert_eq(answer_number(txn, number++, NO_DELTA), ZSIP_OK);
            if (i % 64 == 0)
                bytes += perform_all(txn);
        }
        cr_assert_gt(bytes, 400000 * 34l);
        cr_assert_lt(bytes, 400000 * 40l + quiet);
        now += J + MS;
        expire_all(txn);
        bytes += perform_all(txn);
        zsip_txn_validate(txn);
        cr_assert_lt(bytes, 2 * quiet + 2 * 1024 * 1024, "%ld", bytes);
    }
    cr_assert_eq(zsip_txn_stats(txn)->untouched, 0);
    zsip_txn_destroy(txn);
}

Test(store, memory_used_before_it_was_touched_is_counted)
{
    struct zsip_txn_config config = test_config();
    struct zsip_txn *const txn = test_txn(&config);
    cr_assert_eq(answer_number(txn, 1, NO_DELTA), ZSIP_OK);
    cr_assert_gt(zsip_txn_stats(txn)->untouched, 0);
    zsip_txn_destroy(txn);
}

/* Steady load uses the same few segments over and over. */
Test(store, segments_are_used_again_not_marched_through)
{
    struct zsip_txn_config config = test_config();
    config.server_records_max = 400000;
    struct zsip_txn *const txn = test_txn(&config);
    long bytes = perform_all(txn);
    const long before = bytes;
    for (uint64_t i = 0; i < 400000; i++) {
        cr_assert_eq(answer_number(txn, i, NO_DELTA), ZSIP_OK);
        now += J / 10000;
        if (i % 64 == 0) {
            expire_all(txn);
            bytes += perform_all(txn);
        }
    }
    cr_assert_lt(bytes - before, 1024 * 1024l, "%ld", bytes - before);
    zsip_txn_destroy(txn);
}

Test(store, configuration_out_of_range_is_refused)
{
    struct zsip_txn_config config;
    struct zsip_txn *txn;
#define REFUSED(change)                                                                            \
    config = test_config();                                                                        \
    change;                                                                                        \
    cr_assert_eq(zsip_txn_create(&txn, &config), ZSIP_ERROR_ARGUMENT, #change);                    \
    cr_assert_null(txn)
    REFUSED(config.struct_bytes = 0);
    REFUSED(config.memory = NULL);
    REFUSED(config.server_records_max = ZSIP_TXN_RECORDS_MAX + 1);
    REFUSED(config.server_pending_max = ZSIP_TXN_SLOTS_MAX + 1);
    REFUSED(config.client_max = ZSIP_TXN_SLOTS_MAX + 1);
}

/* ---- Dump ----------------------------------------------------------------------------------- */

static char dumped[1000];

static void dump_line(void *user, const char *text, size_t length)
{
    (void)user;
    strncat(dumped, text, length);
    strcat(dumped, "\n");
}

Test(store, dump_names_what_is_live)
{
    struct zsip_txn_config config = test_config();
    struct zsip_txn *const txn = test_txn(&config);
    struct zsip_txn_server server;
    struct zsip_txn_client client;
    cr_assert_eq(answer_number(txn, 1, NO_DELTA), ZSIP_OK);
    cr_assert_eq(open_number(txn, 2, &server), ZSIP_OK);
    cr_assert_eq(zsip_txn_client_open(txn, false, 7, 0, now, &client), ZSIP_OK);
    zsip_txn_dump(txn, dump_line, NULL);
    cr_assert(strstr(dumped, "server 0 TRYING method 7"), "%s", dumped);
    cr_assert(strstr(dumped, "client 0 TRYING method 7 sends 1"), "%s", dumped);
    cr_assert(strstr(dumped, "completed 1 pending 1 clients 1 log 0"), "%s", dumped);
    zsip_txn_destroy(txn);
}
