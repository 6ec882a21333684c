/* What every bench shares: rows with their median, one table, one JSON file, and the description of
 * the machine that a figure means nothing without.
 *
 * A bench calls bench_begin() once, bench_row() for each figure, bench_finish() at the end. One
 * bench per process, so the state is the file's own. */
#ifndef ZSIP_BENCH_HARNESS_H
#define ZSIP_BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROWS_MAX 256u
#define BENCH_RUNS_MAX 101u

/* Names the bench and reads the options that all of them know:
 *   --json FILE   also write the rows as JSON ("-": standard output, and no table)
 *   --core N      the core bench_pin() takes (default: the last one)
 *   --runs N      what bench_runs() answers, 1..BENCH_RUNS_MAX (default: what the bench asks for)
 *   --only TEXT   what bench_wanted() compares with
 * Ends the program with 64 and a usage line for any other argument. */
void bench_begin(const char *name, int argc, char **argv);

/* Like bench_begin(), but leaves arguments it doesn't know to the caller: they are moved to the
 * front of argv (behind argv[0]), and their number with argv[0] is returned. */
int bench_begin_some(const char *name, int argc, char **argv);

/* Ties the calling thread to the bench's core. Where that is refused a note says so. */
void bench_pin(void);

/* Runs to take per row: --runs, else runs_default. */
unsigned bench_runs(unsigned runs_default);

/* Whether a row of this name is asked for (--only TEXT: names that contain TEXT). */
bool bench_wanted(const char *name);

/* Monotonic time. */
uint64_t bench_now_ns(void);

/* One row: name (kept stable, figures are compared by it), unit ("ns", "1/s", "B"), and runs >= 1
 * samples in that unit. Prints nothing yet. samples are copied. */
void bench_row(const char *name, const char *unit, const double *samples, size_t runs);

/* A line below the table, printf-like: what is absent, what limits. Also goes into the JSON's
 * notes. */
__attribute__((format(printf, 1, 2))) void bench_note(const char *format, ...);

/* Prints the table and writes the JSON. Returns the exit status for main: 0, or 1 when the file
 * can't be written. */
int bench_finish(void);

/* ---- A seeded random sequence, so that two runs measure the same input
 * --------------------------- */

struct bench_random {
    uint64_t state;
};

/* splitmix64 */
static inline uint64_t bench_random_next(struct bench_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0..bound - 1, bound > 0; the bias of the modulus is of no matter here. */
static inline uint32_t bench_random_below(struct bench_random *random, uint32_t bound)
{
    return (uint32_t)(bench_random_next(random) % bound);
}

#endif
