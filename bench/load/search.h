/* The search for the highest rate that meets an objective: bracket, then bisect, several times over
 * (in the manner of RFC 7502 section 4.10, with the steps halved instead of counted down). A
 * function of the answers it is given: no clock, no traffic. */
#ifndef ZSIP_BENCH_LOAD_SEARCH_H
#define ZSIP_BENCH_LOAD_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD_REPEATS_MAX 16u
/* What is below can't be told from nothing, what is above no generator sends. */
#define LOAD_SEARCH_RATE_MIN 1.0
#define LOAD_SEARCH_RATE_MAX 1e8

enum load_probe {
    LOAD_PROBE_MET = 0,
    LOAD_PROBE_MISSED = 1,
    LOAD_PROBE_GENERATOR = 2, /* the generator itself was the limit: says nothing of the server */
};

struct load_search {
    double precision; /* 0..1, of the rate */
    unsigned repeats;
    /* Where it stands. */
    double rate;    /* of the next probe */
    double low;     /* the highest that met, in this repeat; 0: none */
    double high;    /* the lowest that did not; 0: none */
    double step;    /* bracketing: factor between probes */
    unsigned again; /* how often this probe was put in doubt by the generator */
    bool over;
    /* What was found. */
    double found[LOAD_REPEATS_MAX];
    unsigned found_count;
    bool at_least; /* the generator could not go higher */
    bool none;     /* not even the lowest rate met */
};

/* first > 0: where it begins; precision in 0.001..0.5; repeats in 1..LOAD_REPEATS_MAX. */
void load_search_init(struct load_search *search, double first, double precision, unsigned repeats);
/* The rate to try next; false: it is over. */
bool load_search_next(const struct load_search *search, double *rate);
void load_search_told(struct load_search *search, enum load_probe probe);
/* Median, lowest and highest of the maxima found so far; while the first is being looked for, the
 * highest rate that met. false: there is none. */
bool load_search_result(const struct load_search *search, double *median, double *lowest,
                        double *highest);

#endif
