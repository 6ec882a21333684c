/* zsip load: files of results. */
#include "output.h"

#include "bench/load/html.h"

#include <string.h>

bool cli_output_option(int id, const char *value, struct cli_output *output)
{
    if (cli_outside_knows(id))
        return cli_outside_option(id, value, &output->watch);
    switch (id) {
    case CLI_OUTPUT_JSON:
        output->json = value;
        return true;
    case CLI_OUTPUT_CSV:
        output->csv = value;
        return true;
    case CLI_OUTPUT_HLOG:
        output->hlog = value;
        return true;
    default:
        ZSIP_ASSERT(id == CLI_OUTPUT_HTML);
        output->html = value;
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

/* What stands above the lines, once: when users are registered first, the start is known late. */
static void begin_once(struct cli_output *output)
{
    if (output->load == NULL || output->begun)
        return;
    output->begun = true;
    load_output_begin(&output->output, load_started_utc_us(output->load));
}

/* Of each second, on the main thread. */
static void second(void *user, uint32_t index, const struct load_second *about,
                   const struct load_histogram *latency)
{
    struct cli_output *output = user;

    begin_once(output);
    load_output_second(&output->output, index, about, latency);
    if (output->watch.metrics == NULL || about->warmup)
        return;
    pthread_mutex_lock(&output->lock);
    load_histogram_add(&output->latency, latency);
    pthread_mutex_unlock(&output->lock);
}

/* A load_metrics_write. */
static void metrics(void *user, FILE *out)
{
    struct cli_output *output = user;
    struct load_now now = {0};

    pthread_mutex_lock(&output->lock);
    if (output->load != NULL)
        load_now(output->load, &now);
    load_metric_run(out, &now, &output->latency);
    if (output->slo != NULL && output->load != NULL)
        load_metric_objectives(out, output->slo, &now, &output->latency,
                               load_arrival_s(output->load));
    pthread_mutex_unlock(&output->lock);
    load_metric_process(out, ZSIP_VERSION);
}

bool cli_output_open(struct cli_output *output, int argc, char *const *argv,
                     struct load_config *config)
{
    unsigned taken = is_stdout(output->json) + is_stdout(output->csv) + is_stdout(output->hlog) +
                     is_stdout(output->html);

    if (taken > 1) {
        cli_error("only one of --json, --csv, --hlog and --html can go to standard output");
        return false;
    }
    if (!open_one("--json", output->json, &output->json_file) ||
        !open_one("--csv", output->csv, &output->output.csv) ||
        !open_one("--hlog", output->hlog, &output->output.hlog) ||
        !open_one("--html", output->html, &output->html_file))
        return false;
    output->text = taken > 0 ? stderr : stdout;
    output->output.keep = output->json != NULL || output->html != NULL;
    output->argc = argc;
    output->argv = argv;
    config->second = second;
    config->second_user = output;
    output->slo = config->slo;
    load_histogram_clear(&output->latency);
    pthread_mutex_init(&output->lock, NULL);
    if (!cli_outside_open(&output->watch, config->workers, metrics, output, output->text))
        return false;
    config->pcap = output->watch.sample;
    return true;
}

void cli_output_show(struct cli_output *output, struct load *load)
{
    pthread_mutex_lock(&output->lock);
    output->load = load;
    load_histogram_clear(&output->latency);
    pthread_mutex_unlock(&output->lock);
}

/* The page is drawn from what the JSON says, so that zsip report draws the same one. */
static bool html_close(struct cli_output *output, json_t *root)
{
    struct load_run run;
    char error[512];
    bool good = true;

    if (root != NULL && load_run_take(json_incref(root), "this run", &run, error, sizeof error)) {
        good = load_html_put(output->html_file, &run, 1, ZSIP_VERSION);
        load_run_drop(&run);
    } else if (root != NULL) {
        cli_error("--html %s: %s", output->html, error);
        good = false;
    }
    return cli_file_close("--html", output->html_file, output->html) && good;
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
    json_t *root = NULL;
    bool good = cli_outside_close(&output->watch);

    begin_once(output);
    if ((output->json_file != NULL || output->html_file != NULL) && result != NULL)
        root = load_json(&from);
    if (output->html_file != NULL)
        good = html_close(output, root) && good;
    if (output->json_file != NULL && result != NULL)
        good = cli_json_close(output->json_file, output->json, json_incref(root)) && good;
    else if (output->json_file != NULL)
        good = cli_file_close("--json", output->json_file, output->json) && good;
    json_decref(root);
    if (output->output.csv != NULL)
        good = cli_file_close("--csv", output->output.csv, output->csv) && good;
    if (output->output.hlog != NULL)
        good = cli_file_close("--hlog", output->output.hlog, output->hlog) && good;
    load_output_drop(&output->output);
    return good;
}
