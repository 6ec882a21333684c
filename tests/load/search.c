/* The search for the maximum, against systems that are functions of the rate. */
#include "bench/load/search.h"

#include <criterion/criterion.h>
#include <math.h>

struct outcome {
    double median, lowest, highest;
    bool found;
    unsigned probes;
    double highest_tried;
};

/* noise: each probe sees a capacity that differs by as much, drawn by seed. */
static struct outcome searched(struct load_search *search, double capacity, double generator,
                               double noise, uint64_t seed)
{
    struct outcome out = {0};
    double rate;

    while (load_search_next(search, &rate)) {
        double here;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        here = capacity * (1 + noise * (((double)(seed >> 11) / 9007199254740992.0) - 0.5) * 2);
        load_search_told(search, rate > generator ? LOAD_PROBE_GENERATOR
                                 : rate <= here   ? LOAD_PROBE_MET
                                                  : LOAD_PROBE_MISSED);
        out.highest_tried = fmax(out.highest_tried, rate);
        cr_assert_lt(++out.probes, 500);
    }
    out.found = load_search_result(search, &out.median, &out.lowest, &out.highest);
    return out;
}

Test(search, finds_a_capacity_from_below_and_from_above)
{
    static const double capacities[] = {3, 17, 999, 12345, 250000, 3e6};
    static const double firsts[] = {1, 1000, 1e6};

    for (unsigned c = 0; c < 6; c++) {
        for (unsigned f = 0; f < 3; f++) {
            struct load_search search;
            struct outcome out;

            load_search_init(&search, firsts[f], 0.02, 3);
            out = searched(&search, capacities[c], 1e9, 0, 1);
            cr_assert(out.found && !search.none && !search.at_least);
            cr_assert_leq(out.highest, capacities[c]);
            cr_assert_geq(out.lowest, capacities[c] * 0.979, "%g from %g: %g", capacities[c],
                          firsts[f], out.lowest);
            cr_assert_eq(search.found_count, 3);
            cr_assert_lt(out.probes, 60);
        }
    }
}

Test(search, a_noisy_system_gives_a_spread_around_the_truth)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct load_search search;
        struct outcome out;

        load_search_init(&search, 1000, 0.02, 5);
        out = searched(&search, 50000, 1e9, 0.05, seed);
        cr_assert(out.found);
        cr_assert_float_eq(out.median, 50000, 5000, "%lu: %g", (unsigned long)seed, out.median);
        cr_assert_leq(out.lowest, out.median);
        cr_assert_geq(out.highest, out.median);
    }
}

Test(search, a_generator_that_saturates_first_gives_at_least)
{
    struct load_search search;
    struct outcome out;

    load_search_init(&search, 1000, 0.02, 3);
    out = searched(&search, 1e6, 60000, 0, 1);
    cr_assert(out.found && search.at_least);
    cr_assert_leq(out.median, 60000);
    cr_assert_geq(out.median, 50000);
    cr_assert_leq(out.highest_tried, 128000);
}

Test(search, a_single_hiccup_of_the_generator_is_tried_again)
{
    struct load_search search;
    double rate, same;

    load_search_init(&search, 1000, 0.02, 1);
    cr_assert(load_search_next(&search, &rate));
    load_search_told(&search, LOAD_PROBE_GENERATOR);
    cr_assert(load_search_next(&search, &same));
    cr_assert_float_eq(rate, same, 1e-9);
    load_search_told(&search, LOAD_PROBE_MET);
    cr_assert_not(search.at_least);
}

Test(search, a_system_that_meets_nothing_is_told_so)
{
    struct load_search search;
    struct outcome out;

    load_search_init(&search, 1000, 0.02, 3);
    out = searched(&search, 0.5, 1e9, 0, 1);
    cr_assert(search.none && !out.found);
    cr_assert_lt(out.probes, 20);
}

Test(search, what_was_found_so_far_is_there_at_any_time)
{
    struct load_search search;
    double median, lowest, highest;

    load_search_init(&search, 1000, 0.02, 3);
    cr_assert_not(load_search_result(&search, &median, &lowest, &highest));
    load_search_told(&search, LOAD_PROBE_MET);
    cr_assert(load_search_result(&search, &median, &lowest, &highest));
    cr_assert_float_eq(median, 1000, 1e-9);
}
