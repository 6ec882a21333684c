/* Options about the machine that several subcommands share. */
#ifndef ZSIP_CLI_MACHINE_H
#define ZSIP_CLI_MACHINE_H

#include "cli.h"

/* Ids beyond those of a command's own options. */
enum {
    CLI_MACHINE_T1 = 0x1000,
    CLI_MACHINE_WORKERS,
    CLI_MACHINE_PIN,
    CLI_MACHINE_SPIN_US,
    CLI_MACHINE_RCVBUF,
    CLI_MACHINE_WITHOUT,
    CLI_MACHINE_NO_TRAINS,
    CLI_MACHINE_END,
};

struct cli_machine {
    uint64_t t1_ns;
    uint32_t workers;
    uint32_t workers_max;
    struct cli_cpus cpus;
    uint32_t spin_us;
    uint32_t socket_buffer_bytes;
    unsigned without; /* enum zsip_feature */
};

/* Rows of a command's table; what --t1 and --workers mean there is the command's to say. */
#define CLI_MACHINE_T1_OPTION(text)                                                                \
    {                                                                                              \
        "t1", CLI_MACHINE_T1, "MS", text                                                           \
    }
/* clang-format off */
#define CLI_MACHINE_OPTIONS(workers_text)                                                          \
    {"workers", CLI_MACHINE_WORKERS, "N", workers_text},                                           \
    {"pin", CLI_MACHINE_PIN, "LIST",                                                               \
     "tie worker i to the i-th CPU of LIST, such as 0,2-3; auto: of\n"                             \
     "those this process may use"},                                                                \
    {"spin-us", CLI_MACHINE_SPIN_US, "N", "look for packets N microseconds before sleeping (20)"}, \
    {"rcvbuf", CLI_MACHINE_RCVBUF, "BYTES", "socket buffers (8M); K, M and G count in 1,024s"},    \
    {"without", CLI_MACHINE_WITHOUT, "LIST",                                                       \
     "do without kernel features: gro, gso, incremental, bundles,\n"                               \
     "defer, multishot, files, long (trains of more than 64)"},                                    \
    {"no-trains", CLI_MACHINE_NO_TRAINS, NULL,                                                     \
     "one datagram a send and a receive, for peers that must see them\n"                           \
     "alone: --without gro,gso"}
/* clang-format on */

/* The library's defaults. */
void cli_machine_init(struct cli_machine *machine, uint32_t workers_max);
static inline bool cli_machine_knows(int id)
{
    return id >= CLI_MACHINE_T1 && id < CLI_MACHINE_END;
}
/* Takes an option it knows. false: said on stderr. */
bool cli_machine_option(int id, const char *value, struct cli_machine *machine);

#endif
