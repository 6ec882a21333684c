/* Objectives: what a run must meet, as one line that a user writes.
 *
 *     objectives = objective *( "," objective )
 *     objective  = measure ( "<" / "<=" / ">" / ">=" ) bound
 *
 *     p99, p99.9 ...      latency that this many percent of the requests did not exceed, from the
 *                         planned start in an open loop; a request without an answer exceeds all
 *     mean, max           of the latencies there are
 *     send.p99 ...        the same from the send: uncorrected
 *     loss                requests that ended without an answer, of those sent
 *     errors              final answers that are no 2xx, of the requests sent
 *     retrans             retransmissions, of the requests sent
 *     lost                with --register: accepted (2xx) and never delivered, of those sent
 *     duplicated          with --register: delivered twice, of those sent
 *     rate                answered 2xx a second
 *     goodput             answered 2xx within T1 of the planned start, a second
 *
 * Bounds are times (500us, 5ms, 1s), shares (0.1%) or rates (20k). White space between words does
 * not matter. */
#ifndef ZSIP_BENCH_LOAD_SLO_H
#define ZSIP_BENCH_LOAD_SLO_H

#include "load.h"

#include <stdio.h>

#define LOAD_OBJECTIVES_MAX 16u

/* X(name, "as it is written", unit) */
#define LOAD_MEASURE_MAP(X)                                                                        \
    X(PERCENTILE, "p", TIME)                                                                       \
    X(MEAN, "mean", TIME)                                                                          \
    X(MAX, "max", TIME)                                                                            \
    X(LOSS, "loss", SHARE)                                                                         \
    X(ERRORS, "errors", SHARE)                                                                     \
    X(RETRANS, "retrans", SHARE)                                                                   \
    X(LOST, "lost", SHARE)                                                                         \
    X(DUPLICATED, "duplicated", SHARE)                                                             \
    X(RATE, "rate", RATE)                                                                          \
    X(GOODPUT, "goodput", RATE)

enum load_measure {
#define X(name, text, unit) LOAD_MEASURE_##name,
    LOAD_MEASURE_MAP(X)
#undef X
        LOAD_MEASURE_COUNT,
};

enum load_unit { LOAD_UNIT_TIME, LOAD_UNIT_SHARE, LOAD_UNIT_RATE };

struct load_objective {
    enum load_measure measure;
    double percent; /* of PERCENTILE */
    bool from_send;
    bool below;    /* the measure must be below the bound, or above */
    bool or_equal; /* or be the bound */
    double bound;  /* us, 0..1, or a second */
    char text[48]; /* as written, without white space */
};

struct load_slo {
    struct load_objective objectives[LOAD_OBJECTIVES_MAX];
    uint32_t count;
};

/* On failure false, and error says in one line what is wrong, from which character on. */
bool load_slo_parse(struct load_slo *out, const char *text, char *error, size_t error_bytes);

enum load_unit load_measure_unit(enum load_measure measure);
/* What was measured, in the objective's unit; infinite where nothing was answered that should have
 * been. */
double load_objective_value(const struct load_objective *objective,
                            const struct load_result *result);
bool load_objective_met(const struct load_objective *objective, const struct load_result *result);
bool load_slo_met(const struct load_slo *slo, const struct load_result *result);
/* One line each: the objective, met or missed, and what was measured. */
void load_slo_print(FILE *out, const struct load_slo *slo, const struct load_result *result);

#endif
