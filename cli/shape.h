/* zsip serve: answers that are shaped, so that it stands in for servers of every kind. */
#ifndef ZSIP_CLI_SHAPE_H
#define ZSIP_CLI_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

/* Draws of a status: as many quantiles of what was asked for. */
#define SHAPE_STATUSES 1000u

enum shape_delay { SHAPE_DELAY_FIXED, SHAPE_DELAY_UNIFORM, SHAPE_DELAY_EXPONENTIAL };

struct shape {
    uint16_t status; /* of all answers; 0: they are drawn */
    uint16_t statuses[SHAPE_STATUSES];
    enum shape_delay delay;
    uint64_t delay_ns;     /* fixed, the least, or the mean */
    uint64_t delay_max_ns; /* 0: no delay at all */
    double drop;           /* 0..1: requests that are not seen */
};

/* "200", or "200:95,503:5" by weight. false: said on stderr. */
bool shape_status_set(const char *text, struct shape *shape);
/* "50", "10-80" alike, or "exp:20" with that mean, in milliseconds. */
bool shape_delay_set(const char *text, struct shape *shape);
/* "2.5%" */
bool shape_drop_set(const char *text, struct shape *shape);

/* A random sequence: state may begin with any number. */
uint64_t shape_random(uint64_t *state);
unsigned shape_status(const struct shape *shape, uint64_t *state);
uint64_t shape_delay(const struct shape *shape, uint64_t *state);
bool shape_drops(const struct shape *shape, uint64_t *state);

#endif
