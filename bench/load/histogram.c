#include "histogram.h"

#include <math.h>
#include <string.h>

void load_histogram_clear(struct load_histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->min_us = UINT64_MAX;
}

void load_histogram_add(struct load_histogram *to, const struct load_histogram *from)
{
    for (unsigned i = 0; i < LOAD_HISTOGRAM_BUCKETS; i++)
        to->counts[i] += from->counts[i];
    to->total += from->total;
    to->sum_us += from->sum_us;
    if (from->max_us > to->max_us)
        to->max_us = from->max_us;
    if (from->min_us < to->min_us)
        to->min_us = from->min_us;
}

uint64_t load_histogram_upper(unsigned index)
{
    unsigned doubling = index / LOAD_HISTOGRAM_HALF;

    if (doubling > 0)
        doubling--; /* the first two halves are the 2,048 single values */
    return ((uint64_t)(index - doubling * LOAD_HISTOGRAM_HALF) + 1) * (UINT64_C(1) << doubling) - 1;
}

uint64_t load_histogram_percentile(const struct load_histogram *histogram, double percent)
{
    /* 99.9 has no exact form: without the factor 999 of 1,000 would become 1,000. */
    double share = percent / 100.0 * (double)histogram->total * (1 - 1e-12);
    uint64_t wanted = (uint64_t)ceil(share);
    uint64_t seen = 0;
    unsigned i;

    if (histogram->total == 0)
        return 0;
    if (wanted == 0)
        wanted = 1;
    for (i = 0; i < LOAD_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted)
            break;
    }
    if (i >= LOAD_HISTOGRAM_BUCKETS - 1 || load_histogram_upper(i) > histogram->max_us)
        return histogram->max_us;
    return load_histogram_upper(i);
}

double load_histogram_mean(const struct load_histogram *histogram)
{
    return histogram->total == 0 ? 0 : (double)histogram->sum_us / (double)histogram->total;
}
