/* Names made from numbers: "sip:user%06d@example.com". The width of a number is fixed, so that all
 * requests of a run are equally long and travel in trains. */
#ifndef ZSIP_BENCH_LOAD_PATTERN_H
#define ZSIP_BENCH_LOAD_PATTERN_H

#include "zsip/zsip.h"

#define LOAD_PATTERN_BYTES_MAX  256u
#define LOAD_PATTERN_DIGITS_MAX 9u
#define LOAD_PATTERN_GAPS_MAX   4u

struct load_pattern {
    uint8_t text[LOAD_PATTERN_BYTES_MAX]; /* zeros where the number goes */
    uint32_t bytes;
    uint32_t gap_count; /* 0: the same name for every number */
    struct {
        uint32_t at;
        uint32_t digits;
    } gaps[LOAD_PATTERN_GAPS_MAX];
};

/* Reads text: "%0Nd" (N 1..9) stands for the number, zeros in front; any other '%' must begin an
 * escape of two hexadecimal digits and stays as it is. number_max is the largest number that will
 * be asked for. ERROR_ARGUMENT: error holds one line, without the option's name. */
enum zsip_status load_pattern_parse(const char *text, uint32_t number_max, struct load_pattern *out,
                                    char *error, size_t error_bytes);
/* The same, and refuses what is no URI (RFC 3261 section 19.1.1). */
enum zsip_status load_pattern_parse_uri(const char *text, uint32_t number_max,
                                        struct load_pattern *out, char *error, size_t error_bytes);

/* Writes the name of this number, pattern->bytes long, and returns that length. */
size_t load_pattern_write(const struct load_pattern *pattern, uint32_t number, uint8_t *out);

#endif
