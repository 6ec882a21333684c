/* zsip load: where from, and by which connections. */
#include "load.h"

#include "bench/load/scenario/scenario.h"

bool load_source_set(const char *text, struct load_arguments *out)
{
    char error[400];

    if (out->config.sources != NULL) {
        cli_error("--source %s: one list is enough; put commas between its parts", text);
        return false;
    }
    if (!load_sources_parse(&out->sources, text, error, sizeof error)) {
        cli_error("--source %s", error);
        return false;
    }
    out->config.sources = &out->sources;
    out->source_text = text;
    return true;
}

/* The line of a scenario's first <recv request>; 0: it has none. */
static unsigned receives_at(const struct scenario *scenario)
{
    for (uint32_t i = 0; scenario != NULL && i < scenario->step_count; i++) {
        if (scenario->steps[i].kind == SCENARIO_RECV_REQUEST)
            return scenario->steps[i].line;
    }
    return 0;
}

static bool connections_check(const struct load_config *config)
{
    unsigned line = receives_at(config->scenario);

    if (!config->connection_each)
        return true;
    if (config->transport != ZSIP_TRANSPORT_TCP)
        cli_error("--new-connection: the target is not tcp; write tcp: in front of it");
    else if (line > 0)
        cli_error("--new-connection: %s:%u waits for a request, and the connection that it would "
                  "come over is closed by then; give --connections N",
                  config->scenario->path, line);
    else if (config->connections > 0)
        cli_error("--new-connection: leaves nothing for --connections; give one of them");
    else
        return true;
    return false;
}

bool load_source_check(const struct load_arguments *out)
{
    const struct load_config *config = &out->config;
    const struct load_sources *sources = config->sources;
    const char *text = out->source_text;
    bool six = config->remote.family == ZSIP_FAMILY_IPV6;

    if (!connections_check(config))
        return false;
    if (sources == NULL)
        return true;
    if (sources->parts[0].first.family != config->remote.family)
        cli_error("--source %s: the target is IPv%d; give sources of that", text, six ? 6 : 4);
    else if (config->transport == ZSIP_TRANSPORT_TCP && sources->ported)
        cli_error("--source %s: over tcp the kernel chooses the ports; leave them out", text);
    else if (sources->count > (uint64_t)LOAD_SOURCES_WORKER_MAX * config->workers)
        cli_error("--source %s: %u addresses and ports, more than %u for each worker; give more "
                  "--workers",
                  text, sources->count, LOAD_SOURCES_WORKER_MAX);
    else if (sources->count < config->workers && sources->ported)
        cli_error("--source %s: fewer than --workers %u, and no two can share a port; give more "
                  "ports or fewer workers",
                  text, config->workers);
    else if (sources->count > config->workers && config->scenario != NULL)
        cli_error("--source %s: the calls of a scenario leave from one source each worker; give "
                  "--workers %u or fewer sources",
                  text, sources->count);
    else if (sources->count > config->users && config->scenario == NULL)
        cli_error("--source %s: %u addresses and ports for %u users, who keep to one each; give "
                  "more users or fewer sources",
                  text, sources->count, config->users);
    else
        return true;
    return false;
}
