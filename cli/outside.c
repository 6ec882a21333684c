/* Metrics and packets for those outside. */
#include "outside.h"

#include <string.h>

#define PORT_DEFAULT 9464

static bool prometheus_set(const char *text, struct cli_outside *watch)
{
    if (zsip_address_parse(text, PORT_DEFAULT, &watch->prometheus) == ZSIP_OK)
        return true;
    cli_error("--prometheus %s: not an address; give ADDR:PORT, such as 127.0.0.1:9464 or "
              "[::1]:9464",
              text);
    return false;
}

bool cli_outside_option(int id, const char *value, struct cli_outside *watch)
{
    switch (id) {
    case CLI_OUTSIDE_PROMETHEUS:
        return prometheus_set(value, watch);
    case CLI_OUTSIDE_PCAP:
        watch->pcap = value;
        return true;
    default:
        ZSIP_ASSERT(id == CLI_OUTSIDE_PCAP_EVERY);
        return cli_value_narrow("--pcap-every", value, 1, UINT32_MAX, &watch->pcap_every);
    }
}

static bool pcap_open(struct cli_outside *watch, unsigned workers)
{
    uint32_t every = watch->pcap_every == 0 ? LOAD_PCAP_EVERY : watch->pcap_every;
    char error[200];

    if (watch->pcap == NULL && watch->pcap_every == 0)
        return true;
    if (watch->pcap == NULL || strcmp(watch->pcap, "-") == 0) {
        cli_error(watch->pcap == NULL ? "--pcap-every: of what? give --pcap FILE too"
                                      : "--pcap -: give a file");
        return false;
    }
    watch->pcap_file = cli_file_open("--pcap", watch->pcap);
    if (watch->pcap_file == NULL)
        return false;
    if (load_pcap_create(&watch->sample, watch->pcap_file, every, workers, ZSIP_VERSION, error,
                         sizeof error))
        return true;
    cli_error("--pcap %s: %s", watch->pcap, error);
    return false;
}

bool cli_outside_open(struct cli_outside *watch, unsigned workers, load_metrics_write write,
                      void *user, FILE *out)
{
    struct zsip_address bound;
    char error[200], text[ZSIP_ADDRESS_TEXT_BYTES];

    if (!pcap_open(watch, workers))
        return false;
    if (watch->prometheus.family == ZSIP_FAMILY_NONE)
        return true;
    if (!load_metrics_start(&watch->metrics, &watch->prometheus, write, user, &bound, error,
                            sizeof error)) {
        cli_error("--prometheus %s", error);
        return false;
    }
    fprintf(out, "metrics at http://%s/metrics\n", zsip_address_text(&bound, text));
    fflush(out);
    return true;
}

bool cli_outside_close(struct cli_outside *watch)
{
    uint64_t dropped;
    bool good;

    load_metrics_stop(watch->metrics);
    watch->metrics = NULL;
    if (watch->pcap_file == NULL)
        return true;
    dropped = watch->sample == NULL ? 0 : load_pcap_dropped(watch->sample);
    load_pcap_destroy(watch->sample);
    watch->sample = NULL;
    good = cli_file_close("--pcap", watch->pcap_file, watch->pcap);
    watch->pcap_file = NULL;
    if (dropped > 0)
        cli_error("--pcap %s: %llu packets of the sample found no room; give a greater "
                  "--pcap-every",
                  watch->pcap, (unsigned long long)dropped);
    return good;
}
