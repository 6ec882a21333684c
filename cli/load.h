/* zsip load: what its files share. */
#ifndef ZSIP_CLI_LOAD_H
#define ZSIP_CLI_LOAD_H

#include "bench/load/load.h"
#include "cli.h"
#include "machine.h"
#include "output.h"

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
    struct cli_output output;
};

/* load_options.c: returns an exit status, or -1 to go on. */
int load_options(int argc, char **argv, struct load_arguments *out);

#endif
