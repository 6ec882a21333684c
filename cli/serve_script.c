/* zsip serve --sf: a worker whose answers come from a scenario. */
#include "serve.h"

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct serve_worker *self = user;
    struct zsip_response busy = {.struct_bytes = sizeof busy, .status = 503};

    if (self->config->print) {
        serve_print(incoming);
        self->printed = true;
    }
    if (atomic_load_explicit(&self->draining, memory_order_relaxed))
        zsip_endpoint_respond(endpoint, incoming->handle, &busy, incoming->now);
    else
        scenario_run_request(self->script, incoming);
}

static void on_outcome(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_outcome *outcome)
{
    struct serve_worker *self = user;

    (void)endpoint;
    scenario_run_outcome(self->script, outcome);
}

static size_t on_build(void *user, uint64_t cookie, struct zsip_view branch, uint8_t *out,
                       size_t capacity, uint32_t *pad_at)
{
    struct serve_worker *self = user;

    return scenario_run_build(self->script, cookie, branch, out, capacity, pad_at);
}

enum zsip_status serve_script_create(struct serve_worker *worker, unsigned index, char *error,
                                     size_t error_bytes)
{
    const struct serve_config *config = worker->config;
    struct scenario_run_config script = {
        .scenario = config->scenario.scenario,
        .worker = index,
        .workers = config->machine.workers,
        .calls_max = config->held_max,
        .log = config->scenario.log,
    };

    if (config->machine.workers > 1 && config->steering == ZSIP_STEER_MESSAGE &&
        !config->scenario.scenario->one_shot) {
        snprintf(error, error_bytes,
                 "%s: its calls have several requests, which must come to one worker: give --steer "
                 "peer, or --workers 1",
                 config->scenario.path);
        return ZSIP_ERROR_ARGUMENT;
    }
    if (zsip_random(&script.seed, sizeof script.seed) != ZSIP_OK) {
        snprintf(error, error_bytes, "no randomness");
        return ZSIP_ERROR_SYSTEM;
    }
    return scenario_run_create(&script, &worker->script, error, error_bytes);
}

void serve_script_configure(struct serve_worker *worker, struct zsip_endpoint_config *endpoint)
{
    endpoint->callbacks.request = on_request;
    endpoint->callbacks.outcome = on_outcome;
    endpoint->callbacks.build = on_build;
    endpoint->clients_max = scenario_run_clients(worker->script);
    endpoint->client_bytes_max = scenario_run_bytes(worker->script);
    endpoint->methods_any = true;
    endpoint->in_dialog = ZSIP_IN_DIALOG_ACCEPT;
    endpoint->merged = ZSIP_MERGED_ACCEPT;
    endpoint->server = (struct zsip_view){NULL, 0}; /* a scenario writes its own header fields */
    /* Answers with fields of their own are kept for 64*T1: at 100 bytes each this is 335,000 a
     * second; memory is taken as it is used. */
    endpoint->log_bytes_max = (size_t)1 << 30;
}

enum zsip_status serve_script_bind(struct serve_worker *worker, char *error, size_t error_bytes)
{
    const struct serve_config *config = worker->config;
    const struct cli_place *place =
        config->listen_count > 0 ? &config->listen[0] : &config->adopted[0];

    return scenario_run_bind(worker->script, worker->endpoint, NULL, &place->address, NULL, error,
                             error_bytes);
}

/* ---- What became of the calls ---------------------------------------------------------------- */

uint64_t serve_script_ended(struct serve_worker *const *workers, unsigned count)
{
    uint64_t ended = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct scenario_counters *counters = scenario_run_counters(workers[i]->script);

        ended += atomic_load_explicit(&counters->succeeded, memory_order_relaxed) +
                 atomic_load_explicit(&counters->failed, memory_order_relaxed);
    }
    return ended;
}

void serve_script_totals(struct serve_worker *const *workers, unsigned count,
                         struct load_calls *calls, struct load_step *steps,
                         const char **first_failure)
{
    *first_failure = "";
    for (unsigned i = 0; i < count; i++) {
        struct scenario_run *run = workers[i]->script;
        const struct scenario_counters *counters = scenario_run_counters(run);
        const struct scenario_step_counts *rows = scenario_run_steps(run);

#define X(name, text) calls->name += atomic_load_explicit(&counters->name, memory_order_relaxed);
        LOAD_CALLS_MAP(X)
#undef X
        for (uint32_t s = 0; s < workers[i]->config->scenario.scenario->step_count; s++) {
            steps[s].messages += atomic_load(&rows[s].messages);
            steps[s].timeouts += atomic_load(&rows[s].timeouts);
            steps[s].unexpected += atomic_load(&rows[s].unexpected);
        }
        if (**first_failure == '\0')
            *first_failure = scenario_run_first_failure(run);
    }
}
