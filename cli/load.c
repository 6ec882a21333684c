/* zsip load: one run of the load engine in bench/load. */
#include "load.h"
#include "tcp.h"

#include "bench/load/format.h"
#include "bench/load/report.h"
#include "sipp.h"

#include <string.h>

/* ---- The run --------------------------------------------------------------------------------- */

static void begin_line(FILE *out, const struct load_config *config, const char *scenario)
{
    char remote[ZSIP_ADDRESS_TEXT_BYTES];

    fprintf(out, "zsip load: %s to %s:%s",
            config->scenario != NULL ? scenario : zsip_method_name(config->method),
            cli_transport_name(config->transport), zsip_address_text(&config->remote, remote));
    if (config->rate > 0)
        fprintf(out, ", %s/s planned", config->rate_text);
    else
        fprintf(out, ", window %u", config->window);
    fprintf(out, ", %u worker%s", config->workers, config->workers == 1 ? "" : "s");
    if (config->sources != NULL)
        fprintf(out, ", %u source%s", config->sources->count,
                config->sources->count == 1 ? "" : "s");
    if (config->count > 0)
        fprintf(out, ", %s requests", load_format_count(config->count).text);
    if (config->duration_ns > 0)
        fprintf(out, ", %g s", (double)config->duration_ns / 1e9);
    fputc('\n', out);
    fflush(out);
}

static int finish(struct load *load, struct load_arguments *arguments)
{
    struct load_result result;

    load_result(load, &result);
    load_report_summary(arguments->output.text, &arguments->config, &result);
    if (!cli_output_close(&arguments->output, load, &arguments->config, &result))
        return CLI_EXIT_FAILED;
    return load_verdict(&result);
}

int load_refused(enum zsip_status status, const char *error)
{
    cli_error("%s", error);
    return status == ZSIP_ERROR_ARGUMENT || status == ZSIP_ERROR_SIZE ? CLI_EXIT_USAGE
                                                                      : CLI_EXIT_UNREACHED;
}

int zsip_cli_load(int argc, char **argv)
{
    static struct load_arguments arguments; /* its plan is large for a stack */
    struct load *load;
    char error[512] = "";
    sigset_t signals;
    enum zsip_status made;
    static struct cli_sipp sipp;
    char title[200];
    int status;

    if (!cli_sipp_translate(argc, argv, &sipp))
        return CLI_EXIT_USAGE;
    argc = sipp.argc;
    argv = sipp.argv;
    status = load_options(argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (!cli_output_open(&arguments.output, argc, argv, &arguments.config))
        return CLI_EXIT_USAGE;
    cli_tcp_descriptors();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (arguments.find_max)
        return load_find_max(&arguments, &signals);
    made = load_create(&arguments.config, &load, error, sizeof error);
    if (made != ZSIP_OK)
        return load_refused(made, error);
    begin_line(arguments.output.text, &arguments.config, arguments.scenario.path);
    snprintf(title, sizeof title, "zsip load %s", argv[argc - 1]);
    if (load_start(load) == ZSIP_OK) {
        cli_output_show(&arguments.output, load);
        if (arguments.quiet)
            load_watch(load, NULL, &signals);
        else
            load_watch_live(load, &arguments.config, title, arguments.output.text, &signals);
        status = finish(load, &arguments);
    } else {
        cli_error("can't start a thread; give fewer --workers");
        status = CLI_EXIT_UNREACHED;
    }
    load_destroy(load);
    cli_scenario_close(&arguments.scenario);
    cli_request_drop(&arguments.request);
    return status;
}
