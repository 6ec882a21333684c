/* Several runs as one: what several hosts sent at one target at one time. Counts and histograms are
 * added, bucket by bucket, so that every percentile is that of all their requests; seconds are put
 * side by side by the wall clock. */
#ifndef ZSIP_BENCH_LOAD_MERGE_H
#define ZSIP_BENCH_LOAD_MERGE_H

#include "run.h"

/* Adds count >= 1 runs. version and the words of the command line stand in the result. *notes, if
 * not NULL, becomes a list of lines worth telling (what the runs were not alike in); a new
 * reference. NULL: error says which file and what. Else a new reference to a document as
 * load_json() makes. */
json_t *load_merge(const struct load_run *runs, unsigned count, const char *version, int argc,
                   const char *const *argv, json_t **notes, char *error, size_t error_bytes);

#endif
