/* SIPp's options, which begin with one dash, told in those of zsip. */
#ifndef ZSIP_CLI_SIPP_H
#define ZSIP_CLI_SIPP_H

#include <stdbool.h>

#define CLI_SIPP_ARGUMENTS_MAX 256

/* A command line of its own, whose texts live as long as this. */
struct cli_sipp {
    char *argv[2 * CLI_SIPP_ARGUMENTS_MAX + 8];
    int argc;
    char *owned[CLI_SIPP_ARGUMENTS_MAX];
    unsigned owned_count;
};

/* Replaces each option of SIPp in the command line. What has no meaning here is left out, and that
 * is said on stderr; false: one that can't be honoured, or a value that is none; said as well. An
 * option that is not SIPp's either stays as it is. */
bool cli_sipp_translate(int argc, char **argv, struct cli_sipp *out);
void cli_sipp_drop(struct cli_sipp *sipp);

#endif
