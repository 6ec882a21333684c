/* Histograms as text: nothing is lost on the way, and no text does harm. */
#include "bench/load/codec.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct load_histogram before, after;

static void check(void)
{
    char *text = load_codec_encode(&before);
    const char *wrong;

    cr_assert_not_null(text);
    wrong = load_codec_decode(text, strlen(text), &after);
    cr_assert_null(wrong, "%s", wrong);
    cr_assert_arr_eq(before.counts, after.counts, sizeof before.counts);
    cr_assert_eq(before.total, after.total);
    free(text);
}

static void clear(void)
{
    load_histogram_clear(&before);
    srand(7);
}

TestSuite(codec, .init = clear);

Test(codec, empty)
{
    check();
}

Test(codec, the_first_and_the_last_bucket)
{
    load_histogram_record(&before, 0);
    load_histogram_record(&before, LOAD_HISTOGRAM_US_MAX);
    before.counts[LOAD_HISTOGRAM_BUCKETS - 1]++;
    before.total++;
    check();
}

Test(codec, many_values)
{
    for (unsigned i = 0; i < 100000; i++)
        load_histogram_record(&before, (uint64_t)rand() % (1u << rand() % 31));
    check();
}

Test(codec, counts_of_every_width)
{
    for (unsigned bits = 0; bits < 47; bits++) {
        before.counts[bits * 3] = UINT64_C(1) << bits;
        before.total += UINT64_C(1) << bits;
    }
    check();
}

Test(codec, min_max_and_mean_are_those_of_the_buckets)
{
    load_histogram_record(&before, 100);
    load_histogram_record(&before, 300);
    check();
    cr_assert_eq(after.min_us, 100);
    cr_assert_eq(after.max_us, 300);
    cr_assert_float_eq(load_histogram_mean(&after), 200, 1e-9);
}

/* Cut off, or with a letter changed: a wrong text is told, or its counts add up. */
Test(codec, no_text_does_harm)
{
    char *text, *copy;
    size_t length;

    for (unsigned i = 0; i < 5000; i++)
        load_histogram_record(&before, (uint64_t)rand() % 100000);
    text = load_codec_encode(&before);
    length = strlen(text);
    for (size_t end = 0; end < length; end++)
        cr_assert_not_null(load_codec_decode(text, end, &after));
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t total = 0;

        copy = malloc(length + 1);
        memcpy(copy, text, length + 1);
        copy[(size_t)rand() % length] = (char)rand();
        if (load_codec_decode(copy, length, &after) == NULL) {
            for (unsigned at = 0; at < LOAD_HISTOGRAM_BUCKETS; at++)
                total += after.counts[at];
            cr_assert_eq(total, after.total);
        }
        free(copy);
    }
    free(text);
}

Test(codec, what_is_no_histogram_is_told)
{
    cr_assert_not_null(load_codec_decode("", 0, &after));
    cr_assert_not_null(load_codec_decode("AAAA", 4, &after));
    cr_assert_not_null(load_codec_decode("HISTFAAAAAAAAAAA", 16, &after));
}
