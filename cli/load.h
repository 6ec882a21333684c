/* zsip load: what its files share. */
#ifndef ZSIP_CLI_LOAD_H
#define ZSIP_CLI_LOAD_H

#include "bench/load/search.h"
#include "bench/load/slo.h"
#include "bench/load/source.h"
#include "cli.h"
#include "machine.h"
#include "output.h"
#include "request.h"
#include "scenario.h"
#include "tcp.h"

#include <signal.h>

struct load_arguments {
    struct load_config config;
    struct load_schedule schedule; /* of an open loop */
    struct cli_machine machine;
    int cpu[LOAD_WORKERS_MAX];
    struct cli_place place;
    struct cli_place proxy;
    uint64_t seed;
    bool poisson;
    bool window_given;
    bool users_given;
    bool duration_given;
    bool quiet;
    struct cli_scenario scenario;
    struct cli_output output;
    struct cli_request request;
    struct load_slo slo;
    const char *slo_text;
    struct load_sources sources;
    const char *source_text;
    /* --find-max */
    bool find_max;
    unsigned repeats;
    double precision;
    uint64_t drain_ns;
};

/* load_options.c: returns an exit status, or -1 to go on. */
int load_options(int argc, char **argv, struct load_arguments *out);

/* load_source.c: reads --source; and whether what it and --new-connection ask for is possible from
 * here to there, once all else is known. false: said why. */
bool load_source_set(const char *text, struct load_arguments *out);
bool load_source_check(const struct load_arguments *out);

/* watch.c: follows the run to its end, with a line a second where out is not NULL. The signals are
 * blocked; the first SIGINT ends the arrivals, the next or a SIGTERM the run. Returns how often
 * that was asked for. */
unsigned load_watch(struct load *load, FILE *out, const sigset_t *signals);
/* The same, on a terminal with the live view. */
unsigned load_watch_live(struct load *load, const struct load_config *config, const char *title,
                         FILE *out, const sigset_t *signals);
/* A run that could not be made: says so, returns the exit status. */
int load_refused(enum zsip_status status, const char *error);

/* find.c: --find-max. Returns the exit status. */
int load_find_max(struct load_arguments *arguments, const sigset_t *signals);

#endif
