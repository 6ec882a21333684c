/* A histogram of latencies in the manner of HdrHistogram: 3 significant digits from 1 us to 1 h, a
 * fixed size, one increment a record. Bucket borders are those of HdrHistogram with (1, 3.6e9, 3),
 * so that the counts can be written in its log format. */
#ifndef ZSIP_BENCH_LOAD_HISTOGRAM_H
#define ZSIP_BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

/* 1 h; what is longer counts as 1 h, and max_us still tells. */
#define LOAD_HISTOGRAM_US_MAX 3600000000ull
/* Values below 2,048 have a bucket each; above, every doubling is cut in 1,024. 3.6e9 < 2^32, so
 * there are 21 doublings behind the first 2,048: 22 * 1,024 + 1,024. */
#define LOAD_HISTOGRAM_HALF    1024u
#define LOAD_HISTOGRAM_BUCKETS (23u * LOAD_HISTOGRAM_HALF)

struct load_histogram {
    uint64_t total;
    uint64_t sum_us;
    uint64_t min_us; /* UINT64_MAX while empty */
    uint64_t max_us; /* exact, also beyond 1 h */
    uint64_t counts[LOAD_HISTOGRAM_BUCKETS];
};

void load_histogram_clear(struct load_histogram *histogram);

static inline unsigned load_histogram_index(uint64_t value_us)
{
    unsigned doubling;

    if (value_us > LOAD_HISTOGRAM_US_MAX)
        value_us = LOAD_HISTOGRAM_US_MAX;
    doubling = 53u - (unsigned)__builtin_clzll(value_us | (2 * LOAD_HISTOGRAM_HALF - 1));
    return doubling * LOAD_HISTOGRAM_HALF + (unsigned)(value_us >> doubling);
}

static inline void load_histogram_record(struct load_histogram *histogram, uint64_t value_us)
{
    histogram->counts[load_histogram_index(value_us)]++;
    histogram->total++;
    histogram->sum_us += value_us;
    if (value_us > histogram->max_us)
        histogram->max_us = value_us;
    if (value_us < histogram->min_us)
        histogram->min_us = value_us;
}

/* Adds the counts of one to another: merging is exact. */
void load_histogram_add(struct load_histogram *to, const struct load_histogram *from);

/* The value that percent (0..100) of the records do not exceed: the upper end of its bucket, but
 * never above the largest record. 0 while empty. */
uint64_t load_histogram_percentile(const struct load_histogram *histogram, double percent);

/* 0 while empty. */
double load_histogram_mean(const struct load_histogram *histogram);

/* The largest value that shares the bucket of this index. */
uint64_t load_histogram_upper(unsigned index);

#endif
