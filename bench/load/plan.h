/* When the arrivals of an open loop are due: a function of their number alone (and, at random
 * distances, of a seed), so that a plan can be checked without a clock and latency can be counted
 * from when a request should have left. */
#ifndef ZSIP_BENCH_LOAD_PLAN_H
#define ZSIP_BENCH_LOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_SEGMENTS_MAX 256u
#define LOAD_RATE_MAX     1e9

/* A stretch of the plan during which the rate goes in a straight line. */
struct load_segment {
    double from; /* arrivals a second of the whole run at its beginning, >= 0 */
    double to;   /* at its end; from: a constant rate */
    uint64_t length_ns;
};

/* What a user plans. Behind the last segment its last rate holds for ever. */
struct load_schedule {
    struct load_segment segments[LOAD_SEGMENTS_MAX];
    uint32_t count;
    bool open_ended; /* the last segment has no length of its own */
    bool poisson;    /* distances drawn at random, each worker for itself */
    uint64_t seed;   /* of those */
};

/* A schedule of one rate for ever. */
void load_schedule_constant(struct load_schedule *schedule, double rate);
/* How long it says it lasts, 0: for ever. */
uint64_t load_schedule_length_ns(const struct load_schedule *schedule);
/* The highest rate in it. */
double load_schedule_peak(const struct load_schedule *schedule);
/* Arrivals of the whole run planned before time_ns, as a real number. */
double load_schedule_arrivals(const struct load_schedule *schedule, uint64_t time_ns);

/* Reads a schedule: parts with commas between,
 *     RATE              that rate, for ever (only as the last part)
 *     RATE/TIME         that rate for TIME
 *     RATE..RATE/TIME   from the first to the second in a straight line in TIME
 * RATE: a number with k or M if need be; TIME: a number with ms, s, m or h, seconds without.
 * On failure false, and error says in one line what is wrong, from which character on. */
bool load_schedule_parse(struct load_schedule *out, const char *text, char *error,
                         size_t error_bytes);
/* Reads stairs: RATE..RATE+RATE/TIME, from the first to the second, by the third every TIME (down
 * where the second is the lower). As above. */
bool load_schedule_parse_step(struct load_schedule *out, const char *text, char *error,
                              size_t error_bytes);

/* ---- Arrivals of one worker ------------------------------------------------------------------ */

/* A segment as the arithmetic wants it. */
struct load_piece {
    double number; /* arrivals of the run before it */
    double at_ns;
    double rate;  /* a second, at its beginning */
    double slope; /* rate gained a second */
};

/* The arrivals 0, 1, 2 ... of a run are dealt to its workers in turn: worker w of n takes the
 * numbers w, w + n, w + 2n ... At random distances each worker draws its own, at an n-th of the
 * rate. */
struct load_plan {
    uint64_t due_ns; /* of arrival number index, after the start; UINT64_MAX: never */
    uint64_t index;
    double number; /* of the run, a real one if drawn */
    uint32_t piece;
    uint32_t piece_count;
    uint32_t worker;
    uint32_t workers;
    bool poisson;
    uint64_t seed;
    struct load_piece pieces[LOAD_SEGMENTS_MAX + 2];
};

/* worker < workers. lead_ns: the first rate holds so long before the schedule begins. */
void load_plan_init(struct load_plan *plan, const struct load_schedule *schedule, uint64_t lead_ns,
                    uint32_t worker, uint32_t workers);
/* Goes on to the next arrival. due_ns never goes back. */
void load_plan_next(struct load_plan *plan);
/* From now_ns on the rate is this one (0: no arrival until the next call), for ever. What was due
 * before stays due. false: too many changes while arrivals of the first ones are still due. */
bool load_plan_turn(struct load_plan *plan, uint64_t now_ns, double rate);
/* How many arrivals from this one on are due before end_ns: exactly up to a million, which are gone
 * through; as many as the plan expects beyond. */
uint64_t load_plan_count(const struct load_plan *plan, uint64_t end_ns);

/* This worker's part of a number that is dealt out evenly, the remainder to the first workers. */
uint64_t load_share(uint64_t total, uint32_t worker, uint32_t workers);

#endif
