/* Numbers in the small languages of options: rates, times, thresholds. */
#ifndef ZSIP_BENCH_LOAD_SCAN_H
#define ZSIP_BENCH_LOAD_SCAN_H

#include <stdbool.h>

/* A place in a text, which ends with NUL. Each function goes on behind what it took, or stays where
 * it was and returns false. */
struct load_scan {
    const char *text;
    const char *at;
};

/* These very letters. */
bool load_scan_word(struct load_scan *scan, const char *word);
/* Digits with a fraction if need be; no sign, no exponent. */
bool load_scan_number(struct load_scan *scan, double *out);
/* The same, with k or M for thousands and millions. */
bool load_scan_count(struct load_scan *scan, double *out);
/* The same, with us, ms, s, m or h; without one of them it is meant in unit. */
bool load_scan_time(struct load_scan *scan, const char *unit, double *out_ns);

#endif
