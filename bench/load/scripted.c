/* A worker whose requests come from a scenario. */
#include "scripted.h"

#include "bench/load/scenario/run.h"

#include <stdio.h>

static void on_sent(void *user, uint64_t planned_ns, struct zsip_time now)
{
    struct load_worker *worker = user;

    (void)now;
    if (planned_ns >= worker->counted_ns)
        load_count(&worker->counters.sent, 1);
}

static void on_ended(void *user, uint64_t planned_ns, uint64_t sent_ns,
                     const struct zsip_outcome *outcome)
{
    struct load_worker *worker = user;
    const struct load_slot slot = {.planned_ns = planned_ns, .sent_ns = sent_ns};

    load_worker_ended(worker, &slot, outcome);
}

/* A scenario that says so ends the whole run: by the flag that load_close() and load_stop() set. */
static void on_stop(void *user, bool at_once)
{
    struct load_worker *worker = user;

    atomic_store(&worker->close_wanted, true);
    if (at_once)
        atomic_store(&worker->stop_wanted, true);
}

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct load_worker *worker = user;

    (void)endpoint;
    scenario_run_request(worker->script, incoming);
}

enum zsip_status load_scripted_create(struct load_worker *worker, uint64_t run, char *error,
                                      size_t error_bytes)
{
    const struct load_config *config = worker->config;
    struct scenario_run_config script = {
        .scenario = config->scenario,
        .events = {worker, on_sent, on_ended, on_stop},
        .worker = worker->index,
        .workers = config->workers,
        .calls_max = (uint32_t)load_share(config->window, worker->index, config->workers),
        .seed = run + 0x9e3779b97f4a7c15u * worker->index,
        .log = config->scenario_log,
    };

    for (uint32_t i = 0; config->rate <= 0 && i < worker->index; i++)
        script.user_first += (uint32_t)load_share(config->window, i, config->workers);
    if (config->rate <= 0)
        script.users = script.calls_max;
    return scenario_run_create(&script, &worker->script, error, error_bytes);
}

void load_scripted_configure(const struct load_worker *worker,
                             struct zsip_endpoint_config *endpoint)
{
    endpoint->clients_max = scenario_run_clients(worker->script);
    endpoint->client_bytes_max = scenario_run_bytes(worker->script);
    endpoint->callbacks.request = on_request;
    endpoint->methods_any = true;
    endpoint->in_dialog = ZSIP_IN_DIALOG_ACCEPT;
    endpoint->merged = ZSIP_MERGED_ACCEPT;
    endpoint->pending_max = endpoint->clients_max < 65536 ? endpoint->clients_max : 65536;
    endpoint->completed_max = 1 << 22;
    endpoint->log_bytes_max = 64 << 20;
}

enum zsip_status load_scripted_bind(struct load_worker *worker, const struct zsip_address *bound,
                                    char *error, size_t error_bytes)
{
    return scenario_run_bind(worker->script, worker->endpoint, &worker->sources[0].path, bound,
                             worker->config->domain, error, error_bytes);
}

void load_scripted_result(const struct load_worker *worker, struct load_result *result)
{
    const struct scenario_counters *counters;
    const struct scenario_step_counts *steps;

    if (worker->script == NULL)
        return;
    counters = scenario_run_counters(worker->script);
    steps = scenario_run_steps(worker->script);
#define X(name, text)                                                                              \
    result->calls.name += atomic_load_explicit(&counters->name, memory_order_relaxed);
    LOAD_CALLS_MAP(X)
#undef X
    for (uint32_t i = 0; i < worker->config->scenario->step_count && result->steps != NULL; i++) {
        result->steps[i].messages += atomic_load(&steps[i].messages);
        result->steps[i].timeouts += atomic_load(&steps[i].timeouts);
        result->steps[i].unexpected += atomic_load(&steps[i].unexpected);
    }
    if (result->calls_first_failure[0] == '\0')
        snprintf(result->calls_first_failure, sizeof result->calls_first_failure, "%s",
                 scenario_run_first_failure(worker->script));
}
