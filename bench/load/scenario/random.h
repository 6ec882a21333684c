/* Random numbers of a scenario: which branch is taken, how long a pause lasts. A generator has a
 * seed of its own, so that a run can be repeated. */
#ifndef ZSIP_BENCH_LOAD_SCENARIO_RANDOM_H
#define ZSIP_BENCH_LOAD_SCENARIO_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct scenario_random {
    uint64_t state;
};

/* X(id, "name", "first parameter", "second", "third"); "" where there is none. */
#define SCENARIO_SAMPLE_MAP(X)                                                                     \
    X(FIXED, "fixed", "value", "", "")                                                             \
    X(UNIFORM, "uniform", "min", "max", "")                                                        \
    X(NORMAL, "normal", "mean", "stdev", "")                                                       \
    X(LOGNORMAL, "lognormal", "mean", "stdev", "")                                                 \
    X(EXPONENTIAL, "exponential", "mean", "", "")                                                  \
    X(WEIBULL, "weibull", "lambda", "k", "")                                                       \
    X(PARETO, "pareto", "k", "x_m", "")                                                            \
    X(GPARETO, "gpareto", "shape", "scale", "location")                                            \
    X(GAMMA, "gamma", "k", "theta", "")                                                            \
    X(NEGBIN, "negbin", "n", "p", "")                                                              \
    X(POISSON, "poisson", "mean", "", "")

enum scenario_sample_kind {
#define X(id, name, a, b, c) SCENARIO_SAMPLE_##id,
    SCENARIO_SAMPLE_MAP(X)
#undef X
        SCENARIO_SAMPLE_COUNT,
};

/* lognormal: mean and stdev are those of the logarithm, as the library has it that SIPp uses. */
struct scenario_sample {
    uint8_t kind; /* enum scenario_sample_kind */
    double parameters[3];
};

void scenario_random_seed(struct scenario_random *random, uint64_t seed);
uint64_t scenario_random_bits(struct scenario_random *random);
/* In (0, 1). */
double scenario_random_uniform(struct scenario_random *random);
/* Whether the parameters are in the range where the distribution is one. */
bool scenario_sample_valid(const struct scenario_sample *sample);
/* One number drawn. At most a fixed number of tries inside, whatever the parameters. */
double scenario_sample_draw(const struct scenario_sample *sample, struct scenario_random *random);
/* The mean of what is drawn; infinite where it has none. */
double scenario_sample_mean(const struct scenario_sample *sample);

#endif
