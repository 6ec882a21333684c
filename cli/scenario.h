/* What a scenario is read with: options that zsip load and zsip serve share. */
#ifndef ZSIP_CLI_SCENARIO_H
#define ZSIP_CLI_SCENARIO_H

#include "bench/load/scenario/scenario.h"
#include "cli.h"

/* Ids beyond those of a command's own options and of others that are shared. */
enum {
    CLI_SCENARIO_SF = 0x5000,
    CLI_SCENARIO_INF,
    CLI_SCENARIO_SERVICE,
    CLI_SCENARIO_USER,
    CLI_SCENARIO_PASSWORD,
    CLI_SCENARIO_KEY,
    CLI_SCENARIO_SET,
    CLI_SCENARIO_PAUSE,
    CLI_SCENARIO_RECV_TIMEOUT,
    CLI_SCENARIO_BASE_CSEQ,
    CLI_SCENARIO_PAUSE_IGNORES,
    CLI_SCENARIO_ANSWER_OTHERS,
    CLI_SCENARIO_LOG,
    CLI_SCENARIO_END,
};

/* Rows of an option table. */
/* clang-format off */
#define CLI_SCENARIO_OPTIONS                                                                       \
    {"sf", CLI_SCENARIO_SF, "FILE",                                                                \
     "calls by a scenario in SIPp's XML (docs/from-sipp.md)"},                                     \
    {"inf", CLI_SCENARIO_INF, "FILE.csv",                                                          \
     "injection file for [field0] ..., with or without a scenario;\n"                              \
     "SIPp's format; a scenario may have several"},                                                \
    {"service", CLI_SCENARIO_SERVICE, "NAME", "what [service] stands for (service)"},              \
    {"auth-user", CLI_SCENARIO_USER, "NAME", "user name of [authentication] (that of --service)"}, \
    {"auth-password", CLI_SCENARIO_PASSWORD, "TEXT", "its password (password)"},                   \
    {"key", CLI_SCENARIO_KEY, "NAME=TEXT", "what [NAME] stands for"},                              \
    {"set", CLI_SCENARIO_SET, "NAME=TEXT", "a global variable's value at the beginning"},          \
    {"pause", CLI_SCENARIO_PAUSE, "T", "of a <pause> that says no time (0)"},                      \
    {"recv-timeout", CLI_SCENARIO_RECV_TIMEOUT, "T", "of a <recv> that says none (none)"},         \
    {"base-cseq", CLI_SCENARIO_BASE_CSEQ, "N", "[cseq] of a call begins behind N (0)"},            \
    {"pause-ignores", CLI_SCENARIO_PAUSE_IGNORES, NULL,                                            \
     "messages during a <pause> don't fail a call"},                                               \
    {"answer-others", CLI_SCENARIO_ANSWER_OTHERS, NULL,                                            \
     "200 to INFO, NOTIFY, OPTIONS and UPDATE nobody waits for"},                                  \
    {"scenario-log", CLI_SCENARIO_LOG, "FILE", "where <log> writes (nowhere)"}
/* clang-format on */

struct cli_scenario {
    const char *path; /* NULL: no scenario */
    const char *log_path;
    const char *inject_paths[SCENARIO_FILES_MAX];
    uint32_t inject_count;
    struct load_inject *injects[SCENARIO_FILES_MAX];
    struct scenario_key keys[SCENARIO_KEYS_MAX];
    struct scenario_key sets[SCENARIO_KEYS_MAX];
    char *texts[2 * SCENARIO_KEYS_MAX]; /* what keys and sets point to */
    uint32_t text_count;
    struct scenario_options options;
    struct scenario *scenario;
    FILE *log;
};

static inline bool cli_scenario_knows(int id)
{
    return id >= CLI_SCENARIO_SF && id < CLI_SCENARIO_END;
}
/* Takes an option it knows. false: said on stderr. */
bool cli_scenario_option(int id, const char *value, struct cli_scenario *scenario);
/* Reads the files. false: every fault was said on stderr, a line each. */
bool cli_scenario_open(struct cli_scenario *scenario);
void cli_scenario_close(struct cli_scenario *scenario);

#endif
