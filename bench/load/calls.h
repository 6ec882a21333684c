/* What became of the calls of a scenario: names shared by the run, the result and its reports. */
#ifndef ZSIP_BENCH_LOAD_CALLS_H
#define ZSIP_BENCH_LOAD_CALLS_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* X(name, "what it counts") */
#define LOAD_CALLS_MAP(X)                                                                          \
    X(started, "calls begun")                                                                      \
    X(succeeded, "calls that came to the end of the scenario")                                     \
    X(failed, "calls that did not")                                                                \
    X(failed_unexpected, "failed: a message the scenario does not expect there")                   \
    X(failed_timeout, "failed: <recv> waited too long")                                            \
    X(failed_unanswered, "failed: no final answer in 64*T1")                                       \
    X(failed_unreachable, "failed: could not be sent, or ICMP said so")                            \
    X(failed_check, "failed: check_it, <error> or a challenge that can't be answered")             \
    X(failed_size, "failed: a message too large")                                                  \
    X(failed_full, "failed: no room for one more request or answer")                               \
    X(strays, "requests of no call, answered 481")                                                 \
    X(refused, "requests that would have begun one call too many, answered 503")

struct load_calls {
#define X(name, text) uint64_t name;
    LOAD_CALLS_MAP(X)
#undef X
};

/* Of one step, like SIPp's screen. */
struct load_step {
    uint64_t messages;
    uint64_t timeouts;
    uint64_t unexpected;
};

struct scenario;

/* Some lines: the calls, and a line a step. steps has one for each of the scenario's. */
void load_calls_print(FILE *out, const struct scenario *scenario, const struct load_calls *calls,
                      const struct load_step *steps, const char *first_failure);
/* The same as an object of the schema in docs/load.schema.json; the caller's. */
json_t *load_calls_json(const struct scenario *scenario, const struct load_calls *calls,
                        const struct load_step *steps);

struct load_run;

/* The calls of results as those of one; NULL: none of them has any. Steps are summed where all have
 * the same; where not, a line is added to notes, an array. The caller's. */
json_t *load_calls_sum(const struct load_run *runs, unsigned count, json_t *notes);

#endif
