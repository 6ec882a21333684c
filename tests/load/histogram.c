/* The histogram of the load engine: every value in a bucket that says it to 3 digits. */
#include "bench/load/histogram.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct load_histogram histogram, other;

static void clear(void)
{
    load_histogram_clear(&histogram);
    load_histogram_clear(&other);
}

TestSuite(histogram, .init = clear);

Test(histogram, small_values_have_a_bucket_each)
{
    for (uint64_t value = 0; value < 2048; value++) {
        cr_assert_eq(load_histogram_index(value), value);
        cr_assert_eq(load_histogram_upper((unsigned)value), value);
    }
}

Test(histogram, every_bucket_ends_where_the_next_begins)
{
    for (unsigned i = 0; i + 1 < LOAD_HISTOGRAM_BUCKETS; i++) {
        uint64_t upper = load_histogram_upper(i);

        if (upper >= LOAD_HISTOGRAM_US_MAX)
            break;
        cr_assert_eq(load_histogram_index(upper), i);
        cr_assert_eq(load_histogram_index(upper + 1), i + 1);
    }
}

Test(histogram, a_bucket_is_no_wider_than_a_thousandth_of_its_values)
{
    for (uint64_t value = 1; value < LOAD_HISTOGRAM_US_MAX; value += 1 + value / 97) {
        uint64_t upper = load_histogram_upper(load_histogram_index(value));

        cr_assert_geq(upper, value);
        cr_assert_leq((upper - value) * 1000, value);
    }
}

Test(histogram, an_hour_is_the_last_value_told_apart)
{
    unsigned last = load_histogram_index(LOAD_HISTOGRAM_US_MAX);

    cr_assert_lt(last, LOAD_HISTOGRAM_BUCKETS);
    cr_assert_eq(load_histogram_index(LOAD_HISTOGRAM_US_MAX * 5), last);
    load_histogram_record(&histogram, LOAD_HISTOGRAM_US_MAX * 5);
    cr_assert_eq(histogram.max_us, LOAD_HISTOGRAM_US_MAX * 5);
}

Test(histogram, percentiles_of_one_to_a_thousand)
{
    for (uint64_t value = 1; value <= 1000; value++)
        load_histogram_record(&histogram, value);
    cr_assert_eq(load_histogram_percentile(&histogram, 50), 500);
    cr_assert_eq(load_histogram_percentile(&histogram, 99), 990);
    cr_assert_eq(load_histogram_percentile(&histogram, 99.9), 999);
    cr_assert_eq(load_histogram_percentile(&histogram, 100), 1000);
    cr_assert_eq(load_histogram_percentile(&histogram, 0), 1);
    cr_assert_float_eq(load_histogram_mean(&histogram), 500.5, 1e-9);
}

Test(histogram, no_percentile_passes_the_largest_record)
{
    load_histogram_record(&histogram, 1000001);
    cr_assert_eq(load_histogram_percentile(&histogram, 50), 1000001);
}

Test(histogram, empty_says_zero)
{
    cr_assert_eq(load_histogram_percentile(&histogram, 99), 0);
    cr_assert_eq(load_histogram_mean(&histogram), 0);
}

Test(histogram, merged_parts_equal_the_whole)
{
    static struct load_histogram whole;

    load_histogram_clear(&whole);
    srand(1);
    for (int i = 0; i < 100000; i++) {
        uint64_t value = (uint64_t)rand() % 10000000;

        load_histogram_record(i % 3 == 0 ? &histogram : &other, value);
        load_histogram_record(&whole, value);
    }
    load_histogram_add(&histogram, &other);
    cr_assert_arr_eq(histogram.counts, whole.counts, sizeof whole.counts);
    cr_assert_eq(histogram.total, whole.total);
    cr_assert_eq(histogram.min_us, whole.min_us);
    cr_assert_eq(histogram.max_us, whole.max_us);
    cr_assert_eq(histogram.sum_us, whole.sum_us);
}
