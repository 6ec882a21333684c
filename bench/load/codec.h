/* A histogram as text: HdrHistogram's V2 encoding, deflated, in Base64, as its logs hold it. Every
 * tool of that family reads it, and nothing is lost: what was written apart can be added exactly.
 */
#ifndef ZSIP_BENCH_LOAD_CODEC_H
#define ZSIP_BENCH_LOAD_CODEC_H

#include "histogram.h"

#include <stdbool.h>
#include <stddef.h>

/* Text, to be freed; NULL: no memory. Counts only: sum, minimum and maximum are not in it. */
char *load_codec_encode(const struct load_histogram *histogram);

/* Clears *out and fills its counts and total from such a text, made with 3 significant digits from
 * 1 up to 1 h of microseconds. min_us, max_us and sum_us become what the buckets tell. NULL, or
 * what is wrong with it in a few words. */
const char *load_codec_decode(const char *text, size_t length, struct load_histogram *out);

#endif
