/* Options of scenarios, and their files. */
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "NAME=TEXT" in two. */
static bool key_add(const char *what, const char *value, struct cli_scenario *scenario,
                    struct scenario_key *keys, uint32_t *count)
{
    const char *equals = strchr(value, '=');
    char *copy;

    if (equals == NULL || equals == value) {
        cli_error("%s %s: give NAME=TEXT", what, value);
        return false;
    }
    copy = *count == SCENARIO_KEYS_MAX ? NULL : strdup(value);
    if (copy == NULL) {
        cli_error("%s %s: %u of them are enough", what, value, SCENARIO_KEYS_MAX);
        return false;
    }
    scenario->texts[scenario->text_count++] = copy;
    copy[equals - value] = '\0';
    keys[(*count)++] = (struct scenario_key){copy, copy + (equals - value) + 1};
    return true;
}

static bool inject_add(const char *value, struct cli_scenario *scenario)
{
    if (scenario->inject_count == SCENARIO_FILES_MAX) {
        cli_error("--inf %s: %u injection files are enough", value, SCENARIO_FILES_MAX);
        return false;
    }
    scenario->inject_paths[scenario->inject_count++] = value;
    return true;
}

static bool option_time(int id, const char *value, struct scenario_options *options)
{
    uint64_t ns, number;

    switch (id) {
    case CLI_SCENARIO_PAUSE:
        if (!cli_value_duration("--pause", value, 0, 86400 * ZSIP_NS_PER_S, &ns))
            return false;
        options->pause_ms = (double)ns / 1e6;
        return true;
    case CLI_SCENARIO_RECV_TIMEOUT:
        return cli_value_duration("--recv-timeout", value, ZSIP_NS_PER_MS, 86400 * ZSIP_NS_PER_S,
                                  &options->recv_timeout_ns);
    default:
        ZSIP_ASSERT(id == CLI_SCENARIO_BASE_CSEQ);
        if (!cli_value_number("--base-cseq", value, 0, 1000000000, &number))
            return false;
        options->cseq_base = (uint32_t)number;
        return true;
    }
}

bool cli_scenario_option(int id, const char *value, struct cli_scenario *scenario)
{
    struct scenario_options *options = &scenario->options;

    switch (id) {
    case CLI_SCENARIO_SF:
        scenario->path = value;
        return true;
    case CLI_SCENARIO_INF:
        return inject_add(value, scenario);
    case CLI_SCENARIO_SERVICE:
        options->service = value;
        return true;
    case CLI_SCENARIO_USER:
        options->user = value;
        return true;
    case CLI_SCENARIO_PASSWORD:
        options->password = value;
        return true;
    case CLI_SCENARIO_KEY:
        return key_add("--key", value, scenario, scenario->keys, &options->key_count);
    case CLI_SCENARIO_SET:
        return key_add("--set", value, scenario, scenario->sets, &options->set_count);
    case CLI_SCENARIO_PAUSE_IGNORES:
        options->pause_ignores = true;
        return true;
    case CLI_SCENARIO_ANSWER_OTHERS:
        options->answers_others = true;
        return true;
    case CLI_SCENARIO_LOG:
        scenario->log_path = value;
        return true;
    default:
        return option_time(id, value, options);
    }
}

static void fault(void *user, const char *line)
{
    (void)user;
    cli_error("%s", line);
}

bool cli_scenario_open(struct cli_scenario *scenario)
{
    struct scenario_options *options = &scenario->options;
    char error[600];

    for (uint32_t i = 0; i < scenario->inject_count; i++) {
        if (load_inject_open(scenario->inject_paths[i], &scenario->injects[i], error,
                             sizeof error) != ZSIP_OK) {
            cli_error("%s", error);
            return false;
        }
        options->file_count++;
    }
    if (scenario->path == NULL)
        return true;
    options->files = scenario->injects;
    options->keys = scenario->keys;
    options->sets = scenario->sets;
    switch (scenario_read(scenario->path, options, fault, NULL, &scenario->scenario)) {
    case ZSIP_OK:
        break;
    case ZSIP_ERROR_MEMORY:
        cli_error("%s: no memory for it", scenario->path);
        return false;
    default:
        return false;
    }
    if (scenario->log_path == NULL)
        return true;
    scenario->log = fopen(scenario->log_path, "we");
    if (scenario->log == NULL)
        cli_error("--scenario-log %s: %s", scenario->log_path, strerror(errno));
    return scenario->log != NULL;
}

void cli_scenario_close(struct cli_scenario *scenario)
{
    scenario_free(scenario->scenario);
    for (uint32_t i = 0; i < scenario->inject_count; i++)
        load_inject_close(scenario->injects[i]);
    for (uint32_t i = 0; i < scenario->text_count; i++)
        free(scenario->texts[i]);
    if (scenario->log != NULL)
        fclose(scenario->log);
}
