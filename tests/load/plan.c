/* The plan of an open loop against its formula, in no time at all. */
#include "bench/load/plan.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define S 1000000000ull

static struct load_schedule parsed(const char *text)
{
    struct load_schedule schedule;
    char error[200];

    cr_assert(load_schedule_parse(&schedule, text, error, sizeof error), "%s", error);
    return schedule;
}

static struct load_plan planned(const char *text, uint32_t worker, uint32_t workers)
{
    struct load_schedule schedule = parsed(text);
    struct load_plan plan;

    load_plan_init(&plan, &schedule, 0, worker, workers);
    return plan;
}

/* ---- Constant -------------------------------------------------------------------------------- */

Test(plan, arrivals_stand_at_equal_distances)
{
    struct load_plan plan = planned("1000", 0, 1);

    for (uint64_t i = 0; i < 100000; i++, load_plan_next(&plan))
        cr_assert_eq(plan.due_ns, i * 1000000);
}

Test(plan, workers_take_turns)
{
    struct load_plan one = planned("300k", 0, 1), three[3];

    for (uint32_t worker = 0; worker < 3; worker++)
        three[worker] = planned("300k", worker, 3);
    for (uint64_t i = 0; i < 30000; i++) {
        cr_assert_eq(three[i % 3].due_ns, one.due_ns);
        load_plan_next(&three[i % 3]);
        load_plan_next(&one);
    }
}

Test(plan, rate_times_duration_arrive)
{
    static const char *const rates[] = {"1", "3", "7.5", "999.9", "20k"};
    static const double values[] = {1, 3, 7.5, 999.9, 20000};

    for (unsigned r = 0; r < 5; r++) {
        for (uint32_t workers = 1; workers <= 4; workers++) {
            uint64_t count = 0;

            for (uint32_t worker = 0; worker < workers; worker++) {
                struct load_plan plan = planned(rates[r], worker, workers);

                count += load_plan_count(&plan, 10 * S);
            }
            cr_assert_eq(count, (uint64_t)(values[r] * 10), "rate %s, %u workers: %lu", rates[r],
                         workers, (unsigned long)count);
        }
    }
}

Test(plan, an_hour_at_a_million_a_second_does_not_drift)
{
    struct load_plan plan = planned("1M", 0, 1);

    plan.number = 3.6e9 - 1;
    load_plan_next(&plan);
    cr_assert_eq(plan.due_ns, 3600 * S);
}

/* ---- Ramps and steps ------------------------------------------------------------------------- */

/* At the moment an arrival is due, the rate's integral has just reached its number. */
static void check_integral(const struct load_schedule *schedule, uint64_t end_ns)
{
    struct load_plan plan;
    uint64_t last_ns = 0, count = 0;

    load_plan_init(&plan, schedule, 0, 0, 1);
    for (; plan.due_ns < end_ns; load_plan_next(&plan), count++) {
        double expected = load_schedule_arrivals(schedule, plan.due_ns);

        cr_assert_geq(plan.due_ns, last_ns);
        cr_assert_float_eq(expected, (double)count, 1e-3, "arrival %lu at %lu: %f",
                           (unsigned long)count, (unsigned long)plan.due_ns, expected);
        last_ns = plan.due_ns;
    }
    cr_assert_float_eq(load_schedule_arrivals(schedule, end_ns), (double)count, 1.001);
}

Test(plan, a_ramp_is_the_integral_of_its_rate)
{
    struct load_schedule up = parsed("100..2000/10s"), down = parsed("2k..100/10s"),
                         from_zero = parsed("0..1000/10s,1000"), to_zero = parsed("1000..0/4s");

    check_integral(&up, 15 * S);
    check_integral(&down, 15 * S);
    check_integral(&from_zero, 15 * S);
    check_integral(&to_zero, 4 * S - 1000);
    cr_assert_float_eq(load_schedule_arrivals(&up, 10 * S), 10500, 1e-6);
    cr_assert_eq(load_schedule_length_ns(&up), 10 * S);
    cr_assert_eq(load_schedule_length_ns(&from_zero), 0);
}

Test(plan, parts_follow_each_other)
{
    struct load_schedule schedule = parsed("100/2s,500..1500/3s,0/1s,2k/1s,50");

    check_integral(&schedule, 10 * S);
    cr_assert_float_eq(load_schedule_arrivals(&schedule, 2 * S), 200, 1e-6);
    cr_assert_float_eq(load_schedule_arrivals(&schedule, 6 * S), 3200, 1e-6);
    cr_assert_float_eq(load_schedule_arrivals(&schedule, 8 * S), 5250, 1e-6);
    cr_assert_float_eq(load_schedule_peak(&schedule), 2000, 1e-6);
}

Test(plan, steps_go_up_and_down)
{
    struct load_schedule up, down, odd;
    char error[200];

    cr_assert(load_schedule_parse_step(&up, "10k..100k+10k/5s", error, sizeof error));
    cr_assert_eq(up.count, 10);
    cr_assert_eq(load_schedule_length_ns(&up), 50 * S);
    cr_assert_float_eq(load_schedule_arrivals(&up, 50 * S), 5.0 * 550000, 1e-3);
    cr_assert(load_schedule_parse_step(&down, "100..10+30/1s", error, sizeof error));
    cr_assert_eq(down.count, 4);
    cr_assert_float_eq(down.segments[3].from, 10, 1e-9);
    cr_assert(load_schedule_parse_step(&odd, "10..35+10/1s", error, sizeof error));
    cr_assert_eq(odd.count, 4);
    cr_assert_float_eq(odd.segments[3].to, 35, 1e-9);
    check_integral(&odd, 5 * S);
}

Test(plan, the_first_rate_leads)
{
    struct load_schedule schedule = parsed("100..1000/10s");
    struct load_plan plan;

    load_plan_init(&plan, &schedule, 5 * S, 0, 1);
    cr_assert_eq(load_plan_count(&plan, 5 * S), 500);
    cr_assert_eq(load_plan_count(&plan, 15 * S), 6000);
}

Test(plan, the_count_of_many_is_what_the_plan_expects)
{
    struct load_plan plan = planned("1M", 0, 2);

    cr_assert_eq(load_plan_count(&plan, 3600 * S), 1800000000);
}

/* ---- Changes in the middle ------------------------------------------------------------------- */

Test(plan, a_turn_holds_from_its_moment_on)
{
    struct load_plan plan = planned("1000", 0, 1);

    for (unsigned i = 0; i < 500; i++)
        load_plan_next(&plan); /* those behind it are late */
    cr_assert(load_plan_turn(&plan, 1 * S, 100));
    cr_assert_eq(load_plan_count(&plan, 1 * S), 500);
    cr_assert_eq(load_plan_count(&plan, 2 * S), 600);
    cr_assert(load_plan_turn(&plan, 2 * S, 0));
    cr_assert_eq(load_plan_count(&plan, 1000 * S), 600);
    cr_assert(load_plan_turn(&plan, 10 * S, 1000));
    cr_assert_eq(load_plan_count(&plan, 11 * S), 1600);
    for (unsigned i = 0; i < 1000; i++) {
        while (plan.due_ns < (12 + i) * S)
            load_plan_next(&plan);
        cr_assert(load_plan_turn(&plan, (12 + i) * S, 10 + i));
    }
}

/* ---- At random ------------------------------------------------------------------------------- */

static uint64_t drawn(struct load_schedule *schedule, uint64_t seed, uint32_t worker,
                      uint32_t workers, double *squares)
{
    struct load_plan plan;
    uint64_t count = 0;
    double last = 0, mean = 1e9 * workers / schedule->segments[0].from;

    schedule->poisson = true;
    schedule->seed = seed;
    load_plan_init(&plan, schedule, 0, worker, workers);
    for (; plan.due_ns < 10 * S; load_plan_next(&plan), count++) {
        double distance = (double)plan.due_ns - last;

        *squares += distance * distance / (mean * mean);
        last = (double)plan.due_ns;
    }
    return count;
}

Test(plan, poisson_has_its_rate_and_its_spread)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct load_schedule schedule = parsed("20k");
        double squares = 0;
        uint64_t count = 0;

        for (uint32_t worker = 0; worker < 4; worker++)
            count += drawn(&schedule, seed, worker, 4, &squares);
        /* 200,000 expected, give or take 447; five of those. */
        cr_assert_float_eq((double)count, 200000, 2236, "%lu", (unsigned long)count);
        /* Exponential distances: the mean of their squares is twice the square of the mean. */
        cr_assert_float_eq(squares / (double)count, 2, 0.06, "%f", squares / (double)count);
    }
}

Test(plan, poisson_follows_a_ramp)
{
    struct load_schedule schedule = parsed("0..20k/10s");
    struct load_plan plan;

    schedule.poisson = true;
    load_plan_init(&plan, &schedule, 0, 0, 1);
    /* A quarter of its 100,000 arrivals in the first half. */
    cr_assert_float_eq((double)load_plan_count(&plan, 5 * S), 25000, 5 * 158);
    cr_assert_float_eq((double)load_plan_count(&plan, 10 * S), 100000, 5 * 316);
}

Test(plan, poisson_is_a_function_of_seed_and_worker)
{
    struct load_schedule schedule = parsed("1000");
    struct load_plan a, b, other;

    schedule.poisson = true;
    schedule.seed = 7;
    load_plan_init(&a, &schedule, 0, 1, 2);
    load_plan_init(&b, &schedule, 0, 1, 2);
    load_plan_init(&other, &schedule, 0, 0, 2);
    for (unsigned i = 0; i < 1000; i++) {
        cr_assert_eq(a.due_ns, b.due_ns);
        cr_assert_neq(a.due_ns, other.due_ns);
        load_plan_next(&a);
        load_plan_next(&b);
        load_plan_next(&other);
    }
    schedule.seed = 8;
    load_plan_init(&b, &schedule, 0, 1, 2);
    cr_assert_neq(a.due_ns, b.due_ns);
    schedule.seed = 7;
    load_plan_init(&a, &schedule, 0, 1, 2);
    cr_assert_neq(a.due_ns, b.due_ns);
}

/* ---- Text ------------------------------------------------------------------------------------ */

Test(plan, what_is_wrong_is_told_with_its_place)
{
    static const char *const refused[][2] = {
        {"", "character 1"},          {"fast", "character 1"},
        {"10k..", "character 6"},     {"10k..20k", "a ramp wants its time"},
        {"10k/", "a time is wanted"}, {"10k/5x", "comma"},
        {"10k,20k", "last part"},     {"10k/5s,", "character 8"},
        {"0", "wants its time"},      {"0/5s", "every rate"},
        {"2000M", "no more than"},    {"10k/5s;20k", "character 7"},
        {"10k/0s", "from 1ms"},       {"-5", "character 1"},
    };
    struct load_schedule schedule;
    char error[200];

    for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_assert_not(load_schedule_parse(&schedule, refused[i][0], error, sizeof error), "%s",
                      refused[i][0]);
        cr_assert_not_null(strstr(error, refused[i][1]), "%s: %s", refused[i][0], error);
    }
}

Test(plan, wrong_stairs_are_told)
{
    static const char *const refused[][2] = {
        {"10k", "FROM..TO+BY/TIME"},       {"10k..20k/5s", "height"},
        {"10k..20k+1k", "time of a step"}, {"10k..20k+0/1s", "height 0"},
        {"1..1M+1/1s", "1000000 steps"},   {"10k..20k+1k/1s,", "nothing more"},
        {"10k..+1k/1s", "character 6"},
    };
    struct load_schedule schedule;
    char error[200];

    for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_assert_not(load_schedule_parse_step(&schedule, refused[i][0], error, sizeof error), "%s",
                      refused[i][0]);
        cr_assert_not_null(strstr(error, refused[i][1]), "%s: %s", refused[i][0], error);
    }
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
