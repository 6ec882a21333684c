/* What the two showings of a search share. Private to bench/load. */
#ifndef ZSIP_BENCH_LOAD_FOUND_PARTS_H
#define ZSIP_BENCH_LOAD_FOUND_PARTS_H

#include "found.h"

/* 0 where there is none. */
double load_found_number(const struct load_found *found, const char *key);
/* A member, or with object a member's member; "" where there is none. */
const char *load_found_text(const struct load_found *found, const char *object, const char *key);
/* "up to 12,000/s meet the objectives (median of 3 searches, 11,800/s to 12,200/s)" */
void load_found_headline(const struct load_found *found, char *out, size_t bytes);
/* Why a probe was not met: its first objective that was missed; "": it was. */
const char *load_found_missed(const json_t *probe);

#endif
