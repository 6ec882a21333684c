/* Where a run's results go, beside the terminal: options, files, and what is written when. */
#ifndef ZSIP_CLI_OUTPUT_H
#define ZSIP_CLI_OUTPUT_H

#include "bench/load/output.h"
#include "cli.h"
#include "outside.h"

#include <pthread.h>

/* Ids beyond those of a command's own options. */
enum {
    CLI_OUTPUT_JSON = 0x2000,
    CLI_OUTPUT_CSV,
    CLI_OUTPUT_HLOG,
    CLI_OUTPUT_HTML,
    CLI_OUTPUT_END,
};

/* Rows of the table of zsip load. */
/* clang-format off */
#define CLI_OUTPUT_OPTIONS                                                                         \
    {"json", CLI_OUTPUT_JSON, "FILE",                                                              \
     "write the result as JSON too, for zsip report and for programs\n"                            \
     "(docs/load.schema.json); - is standard output"},                                             \
    {"csv", CLI_OUTPUT_CSV, "FILE", "write a line a second as CSV; - is standard output"},         \
    {"hlog", CLI_OUTPUT_HLOG, "FILE",                                                              \
     "write each second's latencies as a log of HdrHistogram's (V2,\n"                             \
     "compressed), in microseconds"},                                                              \
    {"html", CLI_OUTPUT_HTML, "FILE",                                                              \
     "write a report as one page, with plots, that needs no network;\n"                            \
     "zsip report draws several side by side"}
/* clang-format on */

struct cli_output {
    const char *json;
    const char *csv;
    const char *hlog;
    const char *html;
    FILE *json_file;
    FILE *html_file;
    struct load_output output;
    bool begun; /* what stands above the lines is written */
    struct cli_outside watch;
    /* What metrics are read from, by their own thread. */
    pthread_mutex_t lock;
    struct load *load; /* NULL: none runs */
    struct load_histogram latency;
    const struct load_slo *slo; /* NULL: none */
    FILE *text; /* what is for people: standard output, unless a file above is that */
    int argc;
    char *const *argv;
};

static inline bool cli_output_knows(int id)
{
    return (id >= CLI_OUTPUT_JSON && id < CLI_OUTPUT_END) || cli_outside_knows(id);
}
/* Takes an option it knows. */
bool cli_output_option(int id, const char *value, struct cli_output *output);

/* Opens the files, before anything is sent, and has config tell of each second. The command line
 * lives as long as the output. false: said on stderr. */
bool cli_output_open(struct cli_output *output, int argc, char *const *argv,
                     struct load_config *config);
/* Whose numbers the metrics and the lines are from here on; NULL: nobody's, before load_destroy().
 */
void cli_output_show(struct cli_output *output, struct load *load);
/* The run is over: writes and closes. result NULL: there is none, only closes. false: said on
 * stderr. */
bool cli_output_close(struct cli_output *output, struct load *load,
                      const struct load_config *config, const struct load_result *result);

#endif
