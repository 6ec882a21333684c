/* Latencies on their way from a worker to who reports: none is lost, whoever is late. */
#include "bench/load/interval.h"

#include <criterion/criterion.h>
#include <pthread.h>

static struct load_intervals intervals;
static struct load_histogram sum;

static void begin(void)
{
    cr_assert(load_intervals_create(&intervals));
    load_histogram_clear(&sum);
}

static void end(void)
{
    load_intervals_destroy(&intervals);
}

TestSuite(interval, .init = begin, .fini = end);

Test(interval, a_second_brings_its_own_latencies)
{
    load_histogram_record(intervals.current, 10);
    load_intervals_close(&intervals, 0);
    load_histogram_record(intervals.current, 20);
    load_histogram_record(intervals.current, 20);
    load_intervals_close(&intervals, 1);
    load_intervals_take(&intervals, 0, &sum);
    cr_assert_eq(sum.total, 1);
    cr_assert_eq(sum.max_us, 10);
    load_intervals_take(&intervals, 1, &sum);
    cr_assert_eq(sum.total, 3);
}

Test(interval, a_late_reader_loses_resolution_and_no_count)
{
    for (uint32_t second = 0; second < 50; second++) {
        load_histogram_record(intervals.current, second);
        load_intervals_close(&intervals, second);
    }
    load_intervals_take(&intervals, 1, &sum);
    cr_assert_eq(sum.total, 2);
    load_intervals_rest(&intervals, &sum);
    cr_assert_eq(sum.total, 50);
    cr_assert_eq(sum.max_us, 49);
    cr_assert_eq(sum.min_us, 0);
}

static void *record(void *argument)
{
    (void)argument;
    for (uint32_t second = 0; second < 2000; second++) {
        for (unsigned i = 0; i < 50; i++)
            load_histogram_record(intervals.current, i);
        load_intervals_close(&intervals, second);
    }
    return NULL;
}

Test(interval, two_threads_agree_on_the_sum)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, record, NULL), 0);
    for (uint32_t second = 0; second < 2000; second++)
        load_intervals_take(&intervals, second, &sum);
    pthread_join(thread, NULL);
    load_intervals_rest(&intervals, &sum);
    cr_assert_eq(sum.total, 100000);
    cr_assert_eq(sum.counts[7], 2000);
}
