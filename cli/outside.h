/* How a run, or zsip serve, is watched from outside: metrics for Prometheus and a sample of its
 * packets. Options and life; what they do is in bench/load. */
#ifndef ZSIP_CLI_OUTSIDE_H
#define ZSIP_CLI_OUTSIDE_H

#include "bench/load/metrics.h"
#include "bench/load/pcap.h"
#include "cli.h"

/* Ids beyond those of a command's own options. */
enum {
    CLI_OUTSIDE_PROMETHEUS = 0x3000,
    CLI_OUTSIDE_PCAP,
    CLI_OUTSIDE_PCAP_EVERY,
    CLI_OUTSIDE_END,
};

/* clang-format off */
#define CLI_OUTSIDE_OPTIONS                                                                        \
    {"prometheus", CLI_OUTSIDE_PROMETHEUS, "ADDR:PORT",                                            \
     "serve metrics there at /metrics (9464) while it runs"},                                      \
    {"pcap", CLI_OUTSIDE_PCAP, "FILE", "write a sample of the packets as pcapng"},                 \
    {"pcap-every", CLI_OUTSIDE_PCAP_EVERY, "N",                                                    \
     "one transaction in N is in it, with all its packets (1000)"}
/* clang-format on */

struct cli_outside {
    struct zsip_address prometheus; /* family NONE: not asked for */
    const char *pcap;
    uint32_t pcap_every;
    FILE *pcap_file;
    struct load_pcap *sample;
    struct load_metrics *metrics;
};

static inline bool cli_outside_knows(int id)
{
    return id >= CLI_OUTSIDE_PROMETHEUS && id < CLI_OUTSIDE_END;
}
/* Takes an option it knows. false: said on stderr. */
bool cli_outside_option(int id, const char *value, struct cli_outside *watch);

/* Opens the file and begins to serve, before any worker is made; says on out where. false: said on
 * stderr. */
bool cli_outside_open(struct cli_outside *watch, unsigned workers, load_metrics_write write,
                      void *user, FILE *out);
/* After the workers are gone. false: said on stderr. */
bool cli_outside_close(struct cli_outside *watch);

#endif
