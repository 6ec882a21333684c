/* zsip load: files of results. */
#include "output.h"

#include <string.h>

bool cli_output_option(int id, const char *value, struct cli_output *output)
{
    switch (id) {
    case CLI_OUTPUT_JSON:
        output->json = value;
        return true;
    case CLI_OUTPUT_CSV:
        output->csv = value;
        return true;
    default:
        ZSIP_ASSERT(id == CLI_OUTPUT_HLOG);
        output->hlog = value;
        return true;
    }
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static bool open_one(const char *what, const char *path, FILE **file)
{
    if (path == NULL)
        return true;
    *file = cli_file_open(what, path);
    return *file != NULL;
}

bool cli_output_open(struct cli_output *output, int argc, char *const *argv,
                     struct load_config *config)
{
    unsigned taken = is_stdout(output->json) + is_stdout(output->csv) + is_stdout(output->hlog);

    if (taken > 1) {
        cli_error("only one of --json, --csv and --hlog can go to standard output");
        return false;
    }
    if (!open_one("--json", output->json, &output->json_file) ||
        !open_one("--csv", output->csv, &output->output.csv) ||
        !open_one("--hlog", output->hlog, &output->output.hlog))
        return false;
    output->text = taken > 0 ? stderr : stdout;
    output->output.keep = output->json != NULL;
    output->argc = argc;
    output->argv = argv;
    config->second = load_output_second;
    config->second_user = &output->output;
    return true;
}

void cli_output_begin(struct cli_output *output, struct load *load)
{
    load_output_begin(&output->output, load_started_utc_us(load));
}

bool cli_output_close(struct cli_output *output, struct load *load,
                      const struct load_config *config, const struct load_result *result)
{
    const struct load_json from = {
        .load = load,
        .config = config,
        .result = result,
        .version = ZSIP_VERSION,
        .argc = output->argc,
        .argv = (const char *const *)output->argv,
        .latencies = output->output.latencies,
        .latencies_count = output->output.latencies_count,
    };
    bool good = true;

    if (output->json_file != NULL && result != NULL)
        good = cli_json_close(output->json_file, output->json, load_json(&from));
    else if (output->json_file != NULL)
        good = cli_file_close("--json", output->json_file, output->json);
    if (output->output.csv != NULL)
        good = cli_file_close("--csv", output->output.csv, output->csv) && good;
    if (output->output.hlog != NULL)
        good = cli_file_close("--hlog", output->output.hlog, output->hlog) && good;
    load_output_drop(&output->output);
    return good;
}
