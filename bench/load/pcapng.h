/* Blocks of a pcapng file. Errors are the file's: ferror(). Private to bench/load. */
#ifndef ZSIP_BENCH_LOAD_PCAPNG_H
#define ZSIP_BENCH_LOAD_PCAPNG_H

#include "zsip/zsip.h"

#include <stdio.h>

/* The section and its two interfaces. */
void pcapng_begin(FILE *file, const char *version);
/* A message that went along path, out or in. */
void pcapng_packet(FILE *file, const struct zsip_path *path, bool out, uint64_t utc_ns,
                   const uint8_t *data, uint32_t bytes);
/* How many packets there was no room for. */
void pcapng_end(FILE *file, uint64_t dropped);

#endif
