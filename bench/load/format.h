/* Numbers for people: thousands apart, times in the unit that fits. */
#ifndef ZSIP_BENCH_LOAD_FORMAT_H
#define ZSIP_BENCH_LOAD_FORMAT_H

#include <stdint.h>

/* The longest is "18,446,744,073,709,551,615". */
struct load_text {
    char text[32];
};

/* "2,012,345" */
struct load_text load_format_count(uint64_t value);
/* "870 us", "1.24 ms", "12.4 s" */
struct load_text load_format_us(uint64_t value_us);
/* "85.3 MB" */
struct load_text load_format_bytes(uint64_t bytes);

#endif
