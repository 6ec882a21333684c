/* Random numbers of a scenario. */
#include "random.h"

#include <math.h>

#define PI        3.14159265358979323846
#define TRIES_MAX 100

void scenario_random_seed(struct scenario_random *random, uint64_t seed)
{
    random->state = seed;
}

/* splitmix64. */
uint64_t scenario_random_bits(struct scenario_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double scenario_random_uniform(struct scenario_random *random)
{
    return ((double)(scenario_random_bits(random) >> 11) + 0.5) / 9007199254740992.0;
}

/* Box and Muller; the second number is not kept, so that a draw depends on nothing before. */
static double draw_normal(struct scenario_random *random)
{
    double u = scenario_random_uniform(random);
    double v = scenario_random_uniform(random);

    return sqrt(-2 * log(u)) * cos(2 * PI * v);
}

/* Marsaglia and Tsang; below 1 by their boost. */
static double draw_gamma(struct scenario_random *random, double k, double theta)
{
    double boost = k < 1 ? pow(scenario_random_uniform(random), 1 / k) : 1;
    double d = (k < 1 ? k + 1 : k) - 1.0 / 3, c = 1 / sqrt(9 * d);

    for (int i = 0; i < TRIES_MAX; i++) { /* each succeeds with over 95 % */
        double x = draw_normal(random), v = 1 + c * x;

        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(scenario_random_uniform(random)) < x * x / 2 + d - d * v + d * log(v))
            return boost * d * v * theta;
    }
    return boost * d * theta;
}

/* By multiplication where the mean is small, else by the normal distribution it is close to. */
static double draw_poisson(struct scenario_random *random, double mean)
{
    double limit = exp(-mean), product = 1;
    int count = -1;

    if (mean > 60)
        return fmax(0, floor(mean + sqrt(mean) * draw_normal(random) + 0.5));
    do {
        product *= scenario_random_uniform(random);
        count++;
    } while (product > limit && count < 1000);
    return count;
}

bool scenario_sample_valid(const struct scenario_sample *sample)
{
    const double *p = sample->parameters;

    for (int i = 0; i < 3; i++) {
        if (!isfinite(p[i]))
            return false;
    }
    switch (sample->kind) {
    case SCENARIO_SAMPLE_FIXED:
        return p[0] >= 0;
    case SCENARIO_SAMPLE_UNIFORM:
        return p[0] >= 0 && p[1] >= p[0];
    case SCENARIO_SAMPLE_NORMAL:
    case SCENARIO_SAMPLE_LOGNORMAL:
        return p[1] >= 0;
    case SCENARIO_SAMPLE_EXPONENTIAL:
    case SCENARIO_SAMPLE_POISSON:
        return p[0] > 0;
    case SCENARIO_SAMPLE_NEGBIN:
        return p[0] > 0 && p[1] > 0 && p[1] <= 1;
    case SCENARIO_SAMPLE_GPARETO:
        return p[1] > 0;
    default:
        return p[0] > 0 && p[1] > 0;
    }
}

double scenario_sample_draw(const struct scenario_sample *sample, struct scenario_random *random)
{
    const double *p = sample->parameters;

    switch (sample->kind) {
    case SCENARIO_SAMPLE_UNIFORM:
        return p[0] + (p[1] - p[0]) * scenario_random_uniform(random);
    case SCENARIO_SAMPLE_NORMAL:
        return p[0] + p[1] * draw_normal(random);
    case SCENARIO_SAMPLE_LOGNORMAL:
        return exp(p[0] + p[1] * draw_normal(random));
    case SCENARIO_SAMPLE_EXPONENTIAL:
        return -p[0] * log(scenario_random_uniform(random));
    case SCENARIO_SAMPLE_WEIBULL:
        return p[0] * pow(-log(scenario_random_uniform(random)), 1 / p[1]);
    case SCENARIO_SAMPLE_PARETO:
        return p[1] / pow(scenario_random_uniform(random), 1 / p[0]);
    case SCENARIO_SAMPLE_GPARETO:
        if (p[0] == 0)
            return p[2] - p[1] * log(scenario_random_uniform(random));
        return p[2] + p[1] * (pow(scenario_random_uniform(random), -p[0]) - 1) / p[0];
    case SCENARIO_SAMPLE_GAMMA:
        return draw_gamma(random, p[0], p[1]);
    case SCENARIO_SAMPLE_NEGBIN:
        return p[1] >= 1 ? 0 : draw_poisson(random, draw_gamma(random, p[0], (1 - p[1]) / p[1]));
    case SCENARIO_SAMPLE_POISSON:
        return draw_poisson(random, p[0]);
    default:
        return p[0];
    }
}

double scenario_sample_mean(const struct scenario_sample *sample)
{
    const double *p = sample->parameters;

    switch (sample->kind) {
    case SCENARIO_SAMPLE_UNIFORM:
        return (p[0] + p[1]) / 2;
    case SCENARIO_SAMPLE_LOGNORMAL:
        return exp(p[0] + p[1] * p[1] / 2);
    case SCENARIO_SAMPLE_WEIBULL:
        return p[0] * tgamma(1 + 1 / p[1]);
    case SCENARIO_SAMPLE_PARETO:
        return p[0] > 1 ? p[0] * p[1] / (p[0] - 1) : INFINITY;
    case SCENARIO_SAMPLE_GPARETO:
        return p[0] < 1 ? p[2] + p[1] / (1 - p[0]) : INFINITY;
    case SCENARIO_SAMPLE_GAMMA:
        return p[0] * p[1];
    case SCENARIO_SAMPLE_NEGBIN:
        return p[0] * (1 - p[1]) / p[1];
    default: /* fixed, normal, exponential, poisson */
        return p[0];
    }
}
