/* The plan of an open loop against its formula, in no time at all. */
#include "bench/load/plan.h"

#include <criterion/criterion.h>

Test(plan, arrivals_stand_at_equal_distances)
{
    const struct load_plan plan = {.rate = 1000, .worker = 0, .workers = 1};

    for (uint64_t i = 0; i < 100000; i++)
        cr_assert_eq(load_plan_due_ns(&plan, i), i * 1000000);
}

Test(plan, workers_take_turns)
{
    const struct load_plan one = {.rate = 300000, .worker = 0, .workers = 1};

    for (uint32_t worker = 0; worker < 3; worker++) {
        const struct load_plan plan = {.rate = 300000, .worker = worker, .workers = 3};

        for (uint64_t i = 0; i < 10000; i++)
            cr_assert_eq(load_plan_due_ns(&plan, i), load_plan_due_ns(&one, i * 3 + worker));
    }
}

Test(plan, a_duration_holds_rate_times_seconds_however_it_is_shared)
{
    static const double rates[] = {1, 7, 1000, 33333, 200000, 1500000};

    for (unsigned r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        for (uint32_t workers = 1; workers <= 5; workers++) {
            uint64_t count = 0;

            for (uint32_t worker = 0; worker < workers; worker++) {
                const struct load_plan plan = {rates[r], worker, workers};

                count += load_plan_count(&plan, UINT64_C(10000000000));
            }
            cr_assert_eq(count, (uint64_t)(rates[r] * 10), "rate %g, %u workers: %lu", rates[r],
                         workers, (unsigned long)count);
        }
    }
}

Test(plan, the_count_is_the_first_arrival_that_is_too_late)
{
    const struct load_plan plan = {.rate = 12345.6, .worker = 1, .workers = 2};

    for (uint64_t end_ns = 1; end_ns < UINT64_C(3000000000); end_ns += 7654321) {
        uint64_t count = load_plan_count(&plan, end_ns);

        cr_assert_geq(load_plan_due_ns(&plan, count), end_ns);
        if (count > 0)
            cr_assert_lt(load_plan_due_ns(&plan, count - 1), end_ns);
    }
}

Test(plan, an_hour_at_a_million_a_second_does_not_drift)
{
    const struct load_plan plan = {.rate = 1000000, .worker = 0, .workers = 1};

    cr_assert_eq(load_plan_due_ns(&plan, UINT64_C(3600000000)), UINT64_C(3600000000000));
}

Test(plan, shares_add_up)
{
    for (uint32_t workers = 1; workers < 10; workers++) {
        for (uint64_t total = 0; total < 100; total++) {
            uint64_t sum = 0;

            for (uint32_t worker = 0; worker < workers; worker++)
                sum += load_share(total, worker, workers);
            cr_assert_eq(sum, total);
        }
    }
}
