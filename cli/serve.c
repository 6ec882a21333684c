/* zsip serve: workers made, watched and ended. */
#include "serve.h"
#include "service.h"
#include "sipp.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct serve {
    struct serve_config config;
    struct serve_worker *workers[SERVE_WORKERS_MAX];
    unsigned worker_count; /* made so far */
    FILE *out;
    FILE *json;
    uint64_t start_ns;
    _Atomic bool ready; /* all workers are made, and none is gone */
};

static double elapsed_s(const struct serve *serve)
{
    return (double)(zsip_time_now().monotonic_ns - serve->start_ns) / 1e9;
}

/* ---- Set-up ---------------------------------------------------------------------------------- */

static bool workers_make(struct serve *serve)
{
    char error[512] = "";
    enum zsip_status status = ZSIP_OK;

    if (serve->config.machine.workers > 1)
        status = zsip_group_create(serve->config.machine.workers, serve->config.steering, NULL,
                                   &serve->config.group);
    while (status == ZSIP_OK && serve->worker_count < serve->config.machine.workers) {
        struct serve_worker *worker = calloc(1, sizeof *worker);

        if (worker == NULL) {
            cli_error("no memory for a worker; give fewer --workers");
            return false;
        }
        serve->workers[serve->worker_count] = worker;
        status =
            serve_worker_create(worker, &serve->config, serve->worker_count++, error, sizeof error);
    }
    if (status != ZSIP_OK)
        cli_error("%s", error[0] != '\0' ? error : zsip_status_text(status));
    return status == ZSIP_OK;
}

static bool workers_start(struct serve *serve)
{
    for (unsigned i = 0; i < serve->worker_count; i++) {
        struct serve_worker *worker = serve->workers[i];

        if (pthread_create(&worker->thread, NULL, serve_worker_thread, worker) != 0) {
            cli_error("can't start a thread; give fewer --workers");
            return false;
        }
        worker->threaded = true;
    }
    return true;
}

static void begin_line(const struct serve *serve)
{
    const struct serve_config *config = &serve->config;

    fputs("zsip serve: listening on", serve->out);
    for (unsigned i = 0; i < config->adopt_count; i++)
        fprintf(serve->out, " %s:%s", cli_transport_name(config->adopted[i].transport),
                config->adopted[i].text);
    for (unsigned i = 0; i < config->listen_count; i++)
        fprintf(serve->out, " %s:%s", cli_transport_name(config->listen[i].transport),
                config->listen[i].text);
    fprintf(serve->out, ", %u worker%s; Ctrl-C ends it\n", config->machine.workers,
            config->machine.workers == 1 ? "" : "s");
    fflush(serve->out);
}

/* ---- The run --------------------------------------------------------------------------------- */

static bool all_over(const struct serve *serve)
{
    for (unsigned i = 0; i < serve->worker_count; i++) {
        if (serve->workers[i]->threaded &&
            !atomic_load_explicit(&serve->workers[i]->over, memory_order_acquire))
            return false;
    }
    return true;
}

static bool any_broken(const struct serve *serve)
{
    for (unsigned i = 0; i < serve->worker_count; i++) {
        if (atomic_load(&serve->workers[i]->broken))
            return true;
    }
    return false;
}

static void drain(struct serve *serve, const sigset_t *signals)
{
    const struct timespec pause = {0, 20000000};

    for (unsigned i = 0; i < serve->worker_count; i++)
        serve_worker_drain(serve->workers[i]);
    /* No longer than the delay, which is bounded; a second signal cuts it short. */
    while (!all_over(serve) && sigtimedwait(signals, NULL, &pause) < 0)
        continue;
}

static void workers_end(struct serve *serve)
{
    for (unsigned i = 0; i < serve->worker_count; i++) {
        struct serve_worker *worker = serve->workers[i];

        if (!worker->threaded)
            continue;
        zsip_worker_stop(worker->zsip);
        pthread_join(worker->thread, NULL);
        worker->threaded = false;
    }
}

/* Of a scenario, behind the summary. false: no memory. */
static bool calls_print(struct serve *serve)
{
    const struct scenario *scenario = serve->config.scenario.scenario;
    struct load_calls calls = {0};
    struct load_step *steps;
    const char *first_failure;

    if (scenario == NULL)
        return true;
    steps = calloc(scenario->step_count, sizeof *steps);
    if (steps == NULL)
        return false;
    serve_script_totals(serve->workers, serve->worker_count, &calls, steps, &first_failure);
    load_calls_print(serve->out, scenario, &calls, steps, first_failure);
    free(steps);
    return true;
}

static int run(struct serve *serve, const sigset_t *signals)
{
    struct serve_totals totals;
    double seconds;
    bool broken, wants_drain;

    service_notify("READY=1\nSTATUS=serving");
    wants_drain =
        serve_watch(&(struct serve_watched){&serve->config, serve->workers, serve->worker_count,
                                            serve->out, serve->start_ns},
                    signals);
    service_notify("STOPPING=1\nSTATUS=ending");
    if (wants_drain)
        drain(serve, signals);
    workers_end(serve);
    seconds = elapsed_s(serve);
    broken = any_broken(serve);
    serve_totals(serve->workers, serve->worker_count, &totals);
    serve_report_summary(serve->out, &serve->config, &totals, seconds);
    if (!calls_print(serve))
        return CLI_EXIT_FAILED;
    if (serve->json != NULL && !cli_json_close(serve->json, serve->config.json,
                                               serve_report_json(&serve->config, &totals, seconds)))
        return CLI_EXIT_FAILED;
    return broken ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static void config_init(struct serve_config *config)
{
    struct zsip_worker_config worker;

    zsip_worker_config_init(&worker);
    cli_machine_init(&config->machine, SERVE_WORKERS_MAX);
    shape_status_set("200", &config->shape);
    config->held_max = worker.endpoint.pending_max;
    config->completed_max = worker.endpoint.completed_max;
    config->age_max_ns = SERVE_AGE_MAX_NS;
}

/* A load_metrics_write, on its thread. */
static void metrics(void *user, FILE *out)
{
    const struct serve *serve = user;
    struct serve_totals totals;

    serve_totals(serve->workers, atomic_load(&serve->ready) ? serve->worker_count : 0, &totals);
    serve_report_metrics(out, &totals);
}

int zsip_cli_serve(int argc, char **argv)
{
    static struct serve serve; /* its lists are too large for a stack */
    static struct cli_sipp sipp;
    sigset_t signals;
    int status;

    config_init(&serve.config);
    if (!cli_sipp_translate(argc, argv, &sipp))
        return CLI_EXIT_USAGE;
    argc = sipp.argc;
    argv = sipp.argv;
    status = serve_options(argc, argv, &serve.config);
    if (status >= 0)
        return status;
    serve.out = stdout;
    if (serve.config.json != NULL) {
        serve.json = cli_json_open(serve.config.json);
        if (serve.json == NULL)
            return CLI_EXIT_USAGE;
        serve.out = serve.json == stdout ? stderr : stdout;
    }
    /* Blocked in all threads; watch() and drain() take them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    cli_tcp_descriptors();
    if (!cli_outside_open(&serve.config.watch, serve.config.machine.workers, metrics, &serve,
                          serve.out))
        return CLI_EXIT_USAGE;
    status = CLI_EXIT_FAILED;
    if (workers_make(&serve)) {
        atomic_store(&serve.ready, true);
        begin_line(&serve);
        serve.start_ns = zsip_time_now().monotonic_ns;
        if (workers_start(&serve))
            status = run(&serve, &signals);
        workers_end(&serve);
    }
    if (!cli_outside_close(&serve.config.watch))
        status = CLI_EXIT_FAILED;
    for (unsigned i = 0; i < serve.worker_count; i++) {
        serve_worker_destroy(serve.workers[i]);
        free(serve.workers[i]);
    }
    zsip_group_destroy(serve.config.group);
    cli_scenario_close(&serve.config.scenario);
    return status;
}
