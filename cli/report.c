/* zsip report: what zsip load --json wrote, shown, compared, merged. */
#include "bench/load/figures.h"
#include "bench/load/found.h"
#include "bench/load/html.h"
#include "bench/load/merge.h"
#include "bench/load/output.h"
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* Side by side there is room for a letter each and a colour each. */
#define COMPARED_MAX 8u
#define MERGED_MAX   4096u

enum {
    OPTION_MERGE = 1,
    OPTION_SLO,
    OPTION_JSON,
    OPTION_CSV,
    OPTION_HLOG,
    OPTION_HTML,
};

static const struct cli_option options[] = {
    {"merge", OPTION_MERGE, NULL,
     "add the runs up as one, exactly: what several hosts sent at\n"
     "one time"},
    {"slo", OPTION_SLO, "LIST",
     "judge each run by these objectives, as zsip load --slo; a\n"
     "merged run is judged by those of the first without it"},
    {"json", OPTION_JSON, "FILE", "write the merged run; - is standard output"},
    {"csv", OPTION_CSV, "FILE", "write the seconds of one run, or of the merged one, as CSV"},
    {"hlog", OPTION_HLOG, "FILE", "write their latencies as a log of HdrHistogram's"},
    {"html", OPTION_HTML, "FILE",
     "write a page that needs no network, with plots; - is standard\n"
     "output"},
    {0},
};

static const struct cli_command command = {
    .name = "report",
    .usage = "report [OPTIONS] FILE...",
    .about =
        "Shows what zsip load --json wrote: one run, or up to 8 side by side with what changed\n"
        "against the first; or with --merge many as one. What --find-max found is shown too,\n"
        "one search or several side by side. - is standard input.",
    .details =
        "Exit status: 0; 1 a file can't be read or written, or is no result of this\n"
        "version's zsip load; with --slo 3 an objective was missed, 4 a run's generator was\n"
        "the limit; 64 usage.\n\n"
        "  zsip report --html changed.html before.json after.json\n"
        "  zsip report --merge --json all.json host*.json\n",
    .options = options,
};

struct arguments {
    bool merge;
    bool judged;
    struct load_slo slo;
    const char *json;
    const char *csv;
    const char *hlog;
    const char *html;
};

struct files {
    FILE *json;
    FILE *html;
    struct load_output output;
};

/* Runs, or searches (--find-max): one kind. */
struct runs {
    struct load_run *run;
    unsigned count;
    struct load_found found[LOAD_FOUND_MAX];
    unsigned found_count;
};

static bool slo_set(const char *text, struct arguments *out)
{
    char error[300];

    out->judged = load_slo_parse(&out->slo, text, error, sizeof error);
    if (!out->judged)
        cli_error("--slo %s", error);
    return out->judged;
}

static int parse(int argc, char **argv, struct arguments *out)
{
    const char *value;
    int id;

    while ((id = cli_option_next(&command, argc, argv, &value)) != CLI_OPTION_END) {
        if (id == CLI_OPTION_HELP)
            return CLI_EXIT_OK;
        if (id == CLI_OPTION_BAD)
            return CLI_EXIT_USAGE;
        out->merge |= id == OPTION_MERGE;
        if (id == OPTION_SLO && !slo_set(value, out))
            return CLI_EXIT_USAGE;
        if (id == OPTION_JSON)
            out->json = value;
        if (id == OPTION_CSV)
            out->csv = value;
        if (id == OPTION_HLOG)
            out->hlog = value;
        if (id == OPTION_HTML)
            out->html = value;
    }
    return -1;
}

static bool usable(const struct arguments *arguments, int files)
{
    if (files == 0)
        cli_error("no file; give what zsip load --json wrote, or see zsip report --help");
    else if (files > (int)(arguments->merge ? MERGED_MAX : COMPARED_MAX))
        cli_error("%d files are too many: %u side by side, %u with --merge", files, COMPARED_MAX,
                  MERGED_MAX);
    else if (arguments->json != NULL && !arguments->merge)
        cli_error("--json writes the merged run; give --merge too");
    else if (files > 1 && !arguments->merge && (arguments->csv != NULL || arguments->hlog != NULL))
        cli_error("--csv and --hlog write one run; give one file, or --merge");
    else
        return true;
    return false;
}

/* One more, of the kind that the others are. */
static bool run_take(const char *name, struct runs *runs, char *error, size_t error_bytes)
{
    json_t *root = load_run_open(name, error, error_bytes);

    if (root == NULL)
        return false;
    if (load_found_is(root) && runs->count == 0 && runs->found_count < LOAD_FOUND_MAX)
        return load_found_take(root, name, &runs->found[runs->found_count], error, error_bytes) &&
               ++runs->found_count > 0;
    if (runs->found_count == 0 && !load_found_is(root))
        return load_run_take(root, name, &runs->run[runs->count], error, error_bytes) &&
               ++runs->count > 0;
    json_decref(root);
    if (runs->found_count == LOAD_FOUND_MAX)
        snprintf(error, error_bytes, "%s: more searches than %u side by side", name,
                 LOAD_FOUND_MAX);
    else
        snprintf(error, error_bytes,
                 "%s: a run and a search (--find-max) can't be shown side by side", name);
    return false;
}

static bool runs_read(char **names, unsigned count, struct runs *runs)
{
    char error[512];

    runs->run = calloc(count, sizeof *runs->run);
    if (runs->run == NULL) {
        cli_error("no memory for %u runs", count);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!run_take(names[i], runs, error, sizeof error)) {
            cli_error("%s", error);
            return false;
        }
    }
    return true;
}

static void runs_drop(struct runs *runs)
{
    for (unsigned i = 0; i < runs->count; i++)
        load_run_drop(&runs->run[i]);
    for (unsigned i = 0; i < runs->found_count; i++)
        load_found_drop(&runs->found[i]);
    free(runs->run);
    *runs = (struct runs){0};
}

/* Puts one run in the place of all. */
static bool runs_merge(struct runs *runs, int argc, const char *const *argv)
{
    char error[512];
    struct load_run merged;
    json_t *notes = NULL, *note;
    json_t *root =
        load_merge(runs->run, runs->count, ZSIP_VERSION, argc, argv, &notes, error, sizeof error);
    size_t i;

    if (root == NULL || !load_run_take(root, "merged", &merged, error, sizeof error)) {
        cli_error("%s", error);
        json_decref(notes);
        return false;
    }
    json_array_foreach(notes, i, note) cli_error("note: %s", json_string_value(note));
    json_decref(notes);
    for (i = 0; i < runs->count; i++)
        load_run_drop(&runs->run[i]);
    runs->run[0] = merged;
    runs->count = 1;
    return true;
}

/* The worst exit status of all. */
static int runs_judge(const struct arguments *arguments, const struct runs *runs)
{
    struct load_slo own;
    int worst = CLI_EXIT_OK;

    if (!arguments->judged) {
        if (arguments->merge && load_run_objectives(&runs->run[0], &own))
            load_run_judge(&runs->run[0], &own);
        return CLI_EXIT_OK;
    }
    for (unsigned i = 0; i < runs->count; i++) {
        int status = load_run_judge(&runs->run[i], &arguments->slo);

        worst = status > worst ? status : worst;
    }
    return worst;
}

static bool files_open(const struct arguments *arguments, struct files *files)
{
    if (arguments->json != NULL)
        files->json = cli_file_open("--json", arguments->json);
    if (arguments->csv != NULL)
        files->output.csv = cli_file_open("--csv", arguments->csv);
    if (arguments->hlog != NULL)
        files->output.hlog = cli_file_open("--hlog", arguments->hlog);
    if (arguments->html != NULL)
        files->html = cli_file_open("--html", arguments->html);
    return (arguments->html == NULL || files->html != NULL) &&
           (arguments->json == NULL || files->json != NULL) &&
           (arguments->csv == NULL || files->output.csv != NULL) &&
           (arguments->hlog == NULL || files->output.hlog != NULL);
}

/* As the run itself would have written them. */
static void seconds_write(const struct load_run *run, struct load_output *output)
{
    static struct load_histogram latency;

    load_output_begin(output, run->started_utc_us);
    for (uint32_t i = 0; i < run->seconds_count; i++) {
        load_run_second(run, i, &latency);
        load_output_second(output, i, &run->seconds[i], &latency);
    }
    load_output_drop(output);
}

static bool files_write(const struct arguments *arguments, struct files *files,
                        const struct runs *runs)
{
    const struct load_run *run = &runs->run[0];
    bool good = true;

    if (files->html != NULL) {
        good = load_html_put(files->html, runs->run, runs->count, ZSIP_VERSION);
        good = cli_file_close("--html", files->html, arguments->html) && good;
    }
    if (files->output.csv != NULL || files->output.hlog != NULL)
        seconds_write(run, &files->output);
    if (files->json != NULL)
        good = cli_json_close(files->json, arguments->json, json_incref(run->root)) && good;
    if (files->output.csv != NULL)
        good = cli_file_close("--csv", files->output.csv, arguments->csv) && good;
    if (files->output.hlog != NULL)
        good = cli_file_close("--hlog", files->output.hlog, arguments->hlog) && good;
    return good;
}

static bool to_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

/* Searches are shown; they have no seconds, and no sum. */
static bool found_show(const struct arguments *arguments, const struct runs *runs)
{
    FILE *page;
    bool good;

    if (arguments->merge || arguments->judged || arguments->csv != NULL ||
        arguments->hlog != NULL) {
        cli_error("%s: a search (--find-max); leave out --merge, --slo, --csv and --hlog",
                  runs->found[0].file);
        return false;
    }
    page = arguments->html == NULL ? NULL : cli_file_open("--html", arguments->html);
    if (arguments->html != NULL && page == NULL)
        return false;
    load_found_print(to_stdout(arguments->html) ? stderr : stdout, runs->found, runs->found_count);
    if (page == NULL)
        return true;
    good = load_found_page(page, runs->found, runs->found_count, ZSIP_VERSION);
    return cli_file_close("--html", page, arguments->html) && good;
}

int zsip_cli_report(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct files files = {0};
    struct runs runs = {0};
    int status = parse(argc, argv, &arguments);
    int judged = CLI_EXIT_OK;
    bool good, quiet;

    if (status >= 0)
        return status;
    if (!usable(&arguments, argc - optind))
        return CLI_EXIT_USAGE;
    /* All is read before anything is written: a file may be among those read. */
    good = runs_read(argv + optind, (unsigned)(argc - optind), &runs);
    if (good && runs.found_count > 0) {
        good = found_show(&arguments, &runs);
        runs_drop(&runs);
        return good ? CLI_EXIT_OK : CLI_EXIT_FAILED;
    }
    good = good && (!arguments.merge || runs_merge(&runs, argc, (const char *const *)argv)) &&
           files_open(&arguments, &files);
    quiet = to_stdout(arguments.json) || to_stdout(arguments.csv) || to_stdout(arguments.hlog) ||
            to_stdout(arguments.html);
    if (good)
        judged = runs_judge(&arguments, &runs);
    if (good)
        load_figures_print(quiet ? stderr : stdout, runs.run, runs.count);
    good = good && files_write(&arguments, &files, &runs);
    runs_drop(&runs);
    return good ? judged : CLI_EXIT_FAILED;
}
