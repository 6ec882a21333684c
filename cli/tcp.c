/* Options about connections that several subcommands share. */
#include "tcp.h"

#include <sys/resource.h>

static bool bytes_take(const char *what, const char *text, uint64_t min, uint64_t max,
                       uint32_t *value)
{
    uint64_t number;

    if (!cli_value_bytes(what, text, min, max, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

static bool time_take(const char *what, const char *text, uint64_t *value_ns)
{
    return cli_value_duration(what, text, ZSIP_NS_PER_MS, 7 * 86400 * ZSIP_NS_PER_S, value_ns);
}

static bool memory_take(const char *text, uint32_t *value)
{
    uint64_t number;

    if (!cli_value_bytes("--tcp-memory", text, 1 << 20, 1 << 30, &number))
        return false;
    if ((number & (number - 1)) != 0) {
        cli_error("--tcp-memory %s: not a power of two; give 1M, 2M, 4M .. 1G", text);
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static bool option_time(int id, const char *value, struct zsip_stream_config *config)
{
    switch (id) {
    case CLI_TCP_FIRST_BYTE:
        return time_take("--tcp-first-byte-s", value, &config->first_byte_ns);
    case CLI_TCP_MESSAGE:
        return time_take("--tcp-message-s", value, &config->message_ns);
    case CLI_TCP_UNSENT:
        return time_take("--tcp-unsent-s", value, &config->unsent_ns);
    case CLI_TCP_IDLE:
        return time_take("--tcp-idle-s", value, &config->idle_ns);
    case CLI_TCP_CONNECT:
        return time_take("--tcp-connect-s", value, &config->connect_ns);
    case CLI_TCP_PING:
        return time_take("--tcp-ping-s", value, &config->ping_ns);
    default:
        ZSIP_ASSERT(id == CLI_TCP_ALIAS);
        config->alias = true;
        return true;
    }
}

bool cli_tcp_option(int id, const char *value, struct zsip_stream_config *config)
{
    switch (id) {
    case CLI_TCP_CONNECTIONS:
        return cli_value_narrow("--tcp-connections", value, 1, 4000000, &config->connections);
    case CLI_TCP_PER_SOURCE:
        return cli_value_narrow("--tcp-per-source", value, 1, 4000000,
                                &config->connections_per_source);
    case CLI_TCP_ACCEPT_RATE:
        return cli_value_narrow("--tcp-accept-rate", value, 1, 1000000, &config->accept_rate);
    case CLI_TCP_HEADER_BYTES:
        return bytes_take("--tcp-header-bytes", value, 256, 65535, &config->header_bytes);
    case CLI_TCP_BODY_BYTES:
        return bytes_take("--tcp-body-bytes", value, 1, 900 << 10, &config->body_bytes);
    case CLI_TCP_UNSENT_BYTES:
        return bytes_take("--tcp-unsent-bytes", value, 4096, 1 << 30, &config->unsent_bytes);
    case CLI_TCP_MEMORY:
        return memory_take(value, &config->memory_bytes);
    default:
        return option_time(id, value, config);
    }
}

json_t *cli_tcp_json(const struct zsip_stream_config *config)
{
    const struct {
        const char *name;
        uint32_t value;
    } bounds[] = {
        {"connections", config->connections},   {"per_source", config->connections_per_source},
        {"accept_rate", config->accept_rate},   {"header_bytes", config->header_bytes},
        {"body_bytes", config->body_bytes},     {"unsent_bytes", config->unsent_bytes},
        {"memory_bytes", config->memory_bytes},
    };
    const struct {
        const char *name;
        uint64_t value_ns;
    } times[] = {
        {"first_byte_s", config->first_byte_ns}, {"message_s", config->message_ns},
        {"unsent_s", config->unsent_ns},         {"idle_s", config->idle_ns},
        {"connect_s", config->connect_ns},       {"ping_s", config->ping_ns},
    };
    json_t *out = json_object();

    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        json_object_set_new(out, bounds[i].name, json_integer(bounds[i].value));
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        json_object_set_new(out, times[i].name,
                            json_real((double)times[i].value_ns / (double)ZSIP_NS_PER_S));
    json_object_set_new(out, "alias", json_boolean(config->alias));
    return out;
}

void cli_tcp_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}
