/* The engine: makes workers, starts and ends them, puts their results together. */
#include "load.h"

#include "bench/load/scenario/scenario.h"
#include "scripted.h"
#include "slo.h"
#include "target.h"
#include "verdict.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Threads begin together: the plan deals its arrivals to them in turn. */
#define START_DELAY_NS (2 * ZSIP_NS_PER_MS)

struct load {
    struct load_config config;
    uint8_t *body; /* ours */
    int cpus[LOAD_WORKERS_MAX];
    struct load_worker *workers[LOAD_WORKERS_MAX];
    uint64_t start_ns;
    int64_t started_utc_us;
    uint32_t registered, register_failed, register_code;
    bool preparing; /* users are being registered: the start is not set */
    struct rusage usage_before;
    uint64_t target_dropped_before;
    /* The seconds that are over, all workers together. */
    struct load_second *seconds;
    uint32_t seconds_count;
    uint32_t seconds_max;
    struct load_histogram second_latency;
    /* Merged by load_result(). */
    struct load_histogram latency;
    struct load_histogram from_send;
    struct load_histogram send_lag;
    struct load_histogram held;
    struct load_histogram one_way;
    struct load_step *steps; /* of a scenario */
};

void load_config_init(struct load_config *config)
{
    struct zsip_worker_config worker;

    zsip_worker_config_init(&worker);
    *config = (struct load_config){
        .method = ZSIP_METHOD_MESSAGE,
        .body_bytes = 32,
        .window = 64,
        .users = 64,
        .duration_ns = 10 * ZSIP_NS_PER_S,
        .t1_ns = worker.endpoint.t1_ns,
        .workers = 1,
        .spin_us = worker.spin_us,
        .lag_max_ns = 10 * ZSIP_NS_PER_MS,
        .socket_buffer_bytes = worker.socket_buffer_bytes,
    };
}

static bool config_valid(const struct load_config *config)
{
    return config->workers >= 1 && config->workers <= LOAD_WORKERS_MAX &&
           config->window >= config->workers && config->window <= LOAD_WINDOW_MAX &&
           config->users >= config->workers && config->users <= LOAD_USERS_MAX &&
           (config->duration_ns > 0 || config->count > 0) && config->rate >= 0 &&
           config->t1_ns > 0 && config->domain != NULL;
}

/* A body for those who gave none. false: no memory. */
static bool body_take(struct load *load)
{
    static const char pattern[] = "The quick brown fox jumps over the lazy dog. ";
    struct load_config *config = &load->config;

    if (config->method != ZSIP_METHOD_MESSAGE && config->body.data == NULL)
        config->body_bytes = 0, config->sizes = NULL;
    if (config->body.data != NULL || config->body_bytes == 0)
        return true;
    load->body = malloc(config->body_bytes);
    if (load->body == NULL)
        return false;
    for (uint32_t i = 0; i < config->body_bytes; i++)
        load->body[i] = (uint8_t)pattern[i % (sizeof pattern - 1)];
    config->body = (struct zsip_view){load->body, config->body_bytes};
    return true;
}

enum zsip_status load_create(const struct load_config *config, struct load **out, char *error,
                             size_t error_bytes)
{
    enum zsip_status status = ZSIP_OK;
    struct load *load;
    uint64_t run;

    if (!config_valid(config)) {
        snprintf(error, error_bytes, "window and users must each be at least the workers");
        return ZSIP_ERROR_ARGUMENT;
    }
    load = calloc(1, sizeof *load);
    if (load == NULL || zsip_random(&run, sizeof run) != ZSIP_OK) {
        snprintf(error, error_bytes, "no memory or no randomness");
        free(load);
        return ZSIP_ERROR_SYSTEM;
    }
    load->config = *config;
    load->config.cpus = load->cpus;
    if (!body_take(load)) {
        snprintf(error, error_bytes, "no memory for a body of %u bytes", config->body_bytes);
        free(load);
        return ZSIP_ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < config->workers; i++)
        load->cpus[i] = config->cpus == NULL ? -1 : config->cpus[i];

    for (uint32_t i = 0; i < config->workers && status == ZSIP_OK; i++) {
        load->workers[i] = calloc(1, sizeof *load->workers[i]);
        if (load->workers[i] == NULL) {
            snprintf(error, error_bytes, "no memory for a worker");
            status = ZSIP_ERROR_MEMORY;
            break;
        }
        status = load_worker_create(load->workers[i], &load->config, i, run, error, error_bytes);
    }
    if (status == ZSIP_OK && config->scenario != NULL) {
        load->steps = calloc(config->scenario->step_count, sizeof *load->steps);
        status = load->steps == NULL ? ZSIP_ERROR_MEMORY : ZSIP_OK;
    }
    if (status == ZSIP_OK) {
        load->seconds_max = load->workers[0]->series_max;
        load->seconds = calloc(load->seconds_max, sizeof *load->seconds);
        if (load->seconds == NULL) {
            snprintf(error, error_bytes, "no memory for a series of %u seconds", load->seconds_max);
            status = ZSIP_ERROR_MEMORY;
        }
    }
    if (status != ZSIP_OK) {
        load_destroy(load);
        return status;
    }
    *out = load;
    return ZSIP_OK;
}

/* ---- The run --------------------------------------------------------------------------------- */

static int64_t utc_now_us(void)
{
    struct timespec utc;

    clock_gettime(CLOCK_REALTIME, &utc);
    return (int64_t)utc.tv_sec * 1000000 + utc.tv_nsec / 1000;
}

int64_t load_started_utc_us(const struct load *load)
{
    return load->started_utc_us;
}

/* When the run begins, on both clocks. From here on only the monotonic one is looked at: a wall
 * clock that is set in the middle changes nothing. */
static void start_set(struct load *load)
{
    int64_t utc_us = utc_now_us(), ahead_us = load->config.start_utc_us - utc_us;
    uint64_t delay_ns =
        ahead_us > 0 ? (uint64_t)ahead_us * ZSIP_NS_PER_US : (uint64_t)START_DELAY_NS;

    load->start_ns = zsip_time_now().monotonic_ns + delay_ns;
    load->started_utc_us = utc_us + (int64_t)(delay_ns / ZSIP_NS_PER_US);
    /* A first second that is cut short by the warmup would have begun before. */
    if (load->config.warmup_ns % ZSIP_NS_PER_S > 0)
        load->started_utc_us -=
            1000000 - (int64_t)(load->config.warmup_ns % ZSIP_NS_PER_S / ZSIP_NS_PER_US);
}

static bool prepared(const struct load *load)
{
    for (uint32_t i = 0; i < load->config.workers; i++) {
        const struct load_worker *worker = load->workers[i];

        if (!atomic_load_explicit(&worker->prepared, memory_order_acquire) &&
            !atomic_load_explicit(&worker->over, memory_order_acquire))
            return false;
    }
    return true;
}

/* Registrations are over, or were given up: the run begins, or not at all. */
static void prepare_end(struct load *load)
{
    load->preparing = false;
    start_set(load);
    for (uint32_t i = 0; i < load->config.workers; i++) {
        load->registered += atomic_load(&load->workers[i]->registered);
        load->register_failed += atomic_load(&load->workers[i]->register_failed);
        if (atomic_load(&load->workers[i]->register_code) > 0)
            load->register_code = atomic_load(&load->workers[i]->register_code);
    }
    if (load->registered < load->config.users) {
        load->register_failed = load->config.users - load->registered;
        load_stop(load);
        return;
    }
    for (uint32_t i = 0; i < load->config.workers; i++) {
        atomic_store_explicit(&load->workers[i]->begin_ns, load->start_ns, memory_order_release);
        load_worker_wake(load->workers[i]);
    }
}

enum zsip_status load_start(struct load *load)
{
    start_set(load);
    getrusage(RUSAGE_SELF, &load->usage_before);
    load->target_dropped_before = load_target_dropped(&load->config.remote);
    for (uint32_t i = 0; i < load->config.workers; i++) {
        struct load_worker *worker = load->workers[i];

        if (!load->config.registers)
            load_worker_begin(worker, load->start_ns);
        if (pthread_create(&worker->thread, NULL, load_worker_thread, worker) != 0) {
            load_stop(load);
            return ZSIP_ERROR_SYSTEM;
        }
        worker->threaded = true;
    }
    load->preparing = load->config.registers;
    return ZSIP_OK;
}

bool load_arriving(const struct load *load)
{
    for (uint32_t i = 0; i < load->config.workers; i++) {
        if (!atomic_load_explicit(&load->workers[i]->draining, memory_order_relaxed) &&
            !atomic_load_explicit(&load->workers[i]->close_wanted, memory_order_relaxed))
            return true;
    }
    return false;
}

bool load_running(struct load *load)
{
    if (load->preparing && prepared(load))
        prepare_end(load);
    for (uint32_t i = 0; i < load->config.workers; i++) {
        struct load_worker *worker = load->workers[i];

        if (worker->threaded && !atomic_load_explicit(&worker->over, memory_order_acquire))
            return true;
    }
    return false;
}

void load_close(struct load *load)
{
    for (uint32_t i = 0; i < load->config.workers; i++) {
        atomic_store(&load->workers[i]->close_wanted, true);
        load_worker_wake(load->workers[i]);
    }
}

void load_stop(struct load *load)
{
    for (uint32_t i = 0; i < load->config.workers; i++) {
        atomic_store(&load->workers[i]->stop_wanted, true);
        load_worker_wake(load->workers[i]);
    }
}

void load_second_add(struct load_second *to, const struct load_second *from)
{
#define X(name, text) to->name += from->name;
    LOAD_SECOND_SUM_MAP(X)
#undef X
    to->lag_us = to->lag_us > from->lag_us ? to->lag_us : from->lag_us;
    to->warmup |= from->warmup;
}

static void second_latency(struct load_worker *worker, uint32_t index, struct load_histogram *to)
{
    bool over = atomic_load_explicit(&worker->over, memory_order_acquire);

    if (over && index + 1 >= atomic_load_explicit(&worker->series_count, memory_order_acquire))
        load_intervals_rest(&worker->intervals, to);
    else
        load_intervals_take(&worker->intervals, index, to);
}

/* Puts the next second together, if it is over for all workers. */
static bool second_next(struct load *load)
{
    uint32_t index = load->seconds_count;
    struct load_second *out = &load->seconds[index];
    struct load_histogram *latency = &load->second_latency;
    bool some = false;

    if (index == load->seconds_max)
        return false;
    *out = (struct load_second){0};
    load_histogram_clear(latency);
    for (uint32_t i = 0; i < load->config.workers; i++) {
        struct load_worker *worker = load->workers[i];
        /* In this order: who is over writes no more. */
        bool over = atomic_load_explicit(&worker->over, memory_order_acquire);
        uint32_t count = atomic_load_explicit(&worker->series_count, memory_order_acquire);

        if (index < count) {
            load_second_add(out, &worker->series[index]);
            some = true;
        } else if (!over) {
            return false;
        }
    }
    for (uint32_t i = 0; i < load->config.workers && some; i++)
        second_latency(load->workers[i], index, latency);
    out->p50_us = load_histogram_percentile(latency, 50);
    out->p90_us = load_histogram_percentile(latency, 90);
    out->p99_us = load_histogram_percentile(latency, 99);
    out->p99_9_us = load_histogram_percentile(latency, 99.9);
    out->max_us = latency->max_us;
    return some;
}

bool load_second(struct load *load, uint32_t index, struct load_second *out)
{
    while (load->seconds_count <= index && second_next(load)) {
        uint32_t last = load->seconds_count++;

        if (load->config.second != NULL)
            load->config.second(load->config.second_user, last, &load->seconds[last],
                                &load->second_latency);
    }
    if (index >= load->seconds_count)
        return false;
    *out = load->seconds[index];
    return true;
}

void load_now(const struct load *load, struct load_now *out)
{
    *out = (struct load_now){0};
    for (uint32_t i = 0; i < load->config.workers; i++) {
        const struct load_worker *worker = load->workers[i];
        struct zsip_endpoint_stats endpoint = {.struct_bytes = sizeof endpoint};
        struct zsip_worker_stats ring = {.struct_bytes = sizeof ring};

        zsip_endpoint_stats(worker->endpoint, &endpoint);
        zsip_worker_stats(worker->zsip, &ring);
#define ADD(to, from) (to) += atomic_load_explicit(&(from), memory_order_relaxed)
#define X(name, text) ADD(out->counters.name, worker->counters.name);
        LOAD_COUNTER_MAP(X)
#undef X
        for (unsigned code = 0; code < LOAD_STATUS_MAX; code++)
            ADD(out->status[code], worker->status[code]);
#undef ADD
#define X(name, text) out->endpoint.name += endpoint.name;
        ZSIP_ENDPOINT_STATS_MAP(X)
#undef X
#define X(name, text) out->ring.name += ring.name;
        ZSIP_WORKER_STATS_MAP(X)
#undef X
        out->endpoint.clients_now += endpoint.clients_now;
    }
}

double load_arrival_s(const struct load *load)
{
    uint64_t begin_ns = load->start_ns + load->config.warmup_ns;
    uint64_t now_ns = zsip_time_now().monotonic_ns;
    double most_s = (double)load->config.duration_ns / 1e9;
    double passed_s = now_ns > begin_ns ? (double)(now_ns - begin_ns) / 1e9 : 0;

    return most_s > 0 && passed_s > most_s ? most_s : passed_s;
}

void load_rate_set(struct load *load, double rate)
{
    for (uint32_t i = 0; i < load->config.workers; i++) {
        atomic_store(&load->workers[i]->rate_wanted, rate);
        load_worker_wake(load->workers[i]);
    }
}

/* ---- Results --------------------------------------------------------------------------------- */

static double seconds_between(const struct timeval *from, const struct timeval *to)
{
    return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_usec - from->tv_usec) / 1e6;
}

uint64_t load_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size, resident = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Of the time it had for its arrivals, the part in which it did not wait for work. */
static double busy(const struct load_worker *worker)
{
    const struct load_before *end =
        worker->middle.time_ns > worker->before.time_ns ? &worker->middle : &worker->after;
    double spent_ns = (double)(end->time_ns - worker->before.time_ns);
    double idle_ns = (double)(end->ring.idle_ns - worker->before.ring.idle_ns);

    if (worker->before.time_ns == 0 || !(spent_ns > 0))
        return 0;
    return idle_ns < spent_ns ? 1 - idle_ns / spent_ns : 0;
}

/* What the plan still held when the arrivals were over. */
static uint64_t unsent(const struct load_worker *worker)
{
    const struct load_config *config = worker->config;
    uint64_t left = worker->arrivals_max - worker->arrivals, planned;
    uint64_t until_ns = worker->end_ns - worker->start_ns;

    if (config->rate <= 0 || worker->phase == LOAD_PHASE_ARRIVALS)
        return 0;
    if (config->duration_ns > 0 && until_ns > config->warmup_ns + config->duration_ns)
        until_ns = config->warmup_ns + config->duration_ns; /* caught up beyond it, as it could */
    planned = load_plan_count(&worker->plan, until_ns);
    return planned < left ? planned : left;
}

static void worker_result(const struct load_worker *worker, struct load_result *result)
{
    const struct load_before *before = &worker->before, *after = &worker->after;

#define X(name, text) result->counters.name += atomic_load(&worker->counters.name);
    LOAD_COUNTER_MAP(X)
#undef X
    for (unsigned i = 0; i < LOAD_STATUS_MAX; i++)
        result->status[i] += atomic_load_explicit(&worker->status[i], memory_order_relaxed);
    result->counters.unsent += unsent(worker);
    result->unsent_held += worker->blocked ? unsent(worker) : 0;
    for (unsigned i = 0; i < LOAD_SENDS_MAX; i++)
        result->answered_by_sends[i] += worker->answered_by_sends[i];
#define GREW(room, name) (after->room.name - before->room.name)
    result->retransmissions += GREW(endpoint, retransmissions_out);
    result->responses_duplicate += GREW(endpoint, responses_late);
    result->responses_stray += GREW(endpoint, responses_stray);
    result->datagrams_dropped += GREW(ring, dropped_socket);
    result->buffers_empty += GREW(ring, buffers_empty);
    result->send_errors += GREW(ring, send_errors) + GREW(ring, send_full);
#undef GREW
#define X(name, text) result->connections.name += after->ring.name;
    LOAD_CONNECTION_MAP(X)
#undef X
    result->busy = busy(worker) > result->busy ? busy(worker) : result->busy;
    result->request_bytes = worker->sources[worker->source_widest].template.bytes;
    load_scripted_result(worker, result);
    if (atomic_load(&worker->series_count) > result->seconds)
        result->seconds = atomic_load(&worker->series_count);
}

static uint64_t answered(const struct load_counters *counters)
{
    return counters->answered_2xx + counters->answered_3xx + counters->answered_4xx +
           counters->answered_5xx + counters->answered_6xx;
}

/* Arrivals last until the last worker ended them, the drain until the last request ended. */
static void times(const struct load *load, struct load_result *result)
{
    uint64_t begin_ns = load->start_ns + load->config.warmup_ns;
    uint64_t arrivals_end_ns = begin_ns, last_ns = begin_ns;

    for (uint32_t i = 0; i < load->config.workers; i++) {
        const struct load_worker *worker = load->workers[i];
        /* Stopped in the middle: it sent until then. */
        uint64_t end_ns =
            worker->phase == LOAD_PHASE_ARRIVALS ? zsip_time_now().monotonic_ns : worker->end_ns;

        arrivals_end_ns = end_ns > arrivals_end_ns ? end_ns : arrivals_end_ns;
        last_ns = worker->last_ns > last_ns ? worker->last_ns : last_ns;
    }
    result->arrival_s = (double)(arrivals_end_ns - begin_ns) / 1e9;
    if (last_ns > arrivals_end_ns)
        result->drain_s = (double)(last_ns - arrivals_end_ns) / 1e9;
}

void load_result(struct load *load, struct load_result *result)
{
    struct load_second second;
    struct rusage usage;

    *result = (struct load_result){0};
    if (load->steps != NULL) {
        result->steps = load->steps;
        result->step_count = load->config.scenario->step_count;
        memset(load->steps, 0, result->step_count * sizeof *load->steps);
    }
    load_histogram_clear(&load->latency);
    load_histogram_clear(&load->from_send);
    load_histogram_clear(&load->send_lag);
    load_histogram_clear(&load->held);
    load_histogram_clear(&load->one_way);
    for (uint32_t i = 0; i < load->config.workers; i++) {
        struct load_worker *worker = load->workers[i];

        if (worker->threaded)
            pthread_join(worker->thread, NULL);
        worker->threaded = false;
        worker_result(worker, result);
        load_histogram_add(&load->latency, &worker->latency);
        load_histogram_add(&load->from_send, &worker->from_send);
        load_histogram_add(&load->send_lag, &worker->send_lag);
        load_histogram_add(&load->held, &worker->held);
        load_histogram_add(&load->one_way, &worker->one_way);
    }
    load_second(load, UINT32_MAX, &second); /* those not asked for yet */
    result->pending = result->counters.sent - answered(&result->counters) -
                      result->counters.timed_out - result->counters.unreachable;
    getrusage(RUSAGE_SELF, &usage);
    times(load, result);
    result->user_s = seconds_between(&load->usage_before.ru_utime, &usage.ru_utime);
    result->system_s = seconds_between(&load->usage_before.ru_stime, &usage.ru_stime);
    result->memory_bytes = load_resident_bytes();
    result->latency = &load->latency;
    result->from_send = load->config.rate > 0 ? &load->from_send : &load->latency;
    result->send_lag = &load->send_lag;
    result->held = &load->held;
    result->one_way = &load->one_way;
    result->registered = load->registered;
    result->register_failed = load->register_failed;
    result->register_code = load->register_code;
    result->target_dropped =
        load_target_dropped(&load->config.remote) - load->target_dropped_before;
    if ((int64_t)result->target_dropped < 0)
        result->target_dropped = 0; /* a socket of before is gone */
    load_verdict_find(&load->config, result, &result->verdict);
    for (uint32_t i = 0; load->config.slo != NULL && i < load->config.slo->count; i++) {
        result->objectives++;
        result->objectives_missed +=
            load_objective_met(&load->config.slo->objectives[i], result) ? 0 : 1;
    }
}

/* By what was answered alone. */
static int outcome(const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;
    const struct load_calls *calls = &result->calls;

    if (result->objectives > 0)
        return result->objectives_missed > 0 ? 3 : 0;
    if (result->steps != NULL && calls->failed_unanswered + calls->failed_unreachable == 0 &&
        calls->succeeded + calls->failed > 0)
        return calls->failed == 0 && calls->succeeded == calls->started ? 0 : 1;
    if (result->steps != NULL)
        return 2;
    if (counters->timed_out + counters->unreachable + result->pending > 0 || counters->sent == 0)
        return 2;
    return counters->answered_2xx == counters->sent ? 0 : 1;
}

int load_verdict(const struct load_result *result)
{
    int status;

    if (result->register_failed > 0)
        return 2;
    if (result->verdict.tainted)
        return 4;
    status = outcome(result);
    return status < 2 && result->verdict.held[0] != '\0' ? 4 : status;
}

void load_destroy(struct load *load)
{
    for (uint32_t i = 0; i < LOAD_WORKERS_MAX; i++) {
        struct load_worker *worker = load->workers[i];

        if (worker == NULL)
            continue;
        if (worker->threaded)
            pthread_join(worker->thread, NULL);
        load_worker_destroy(worker);
        free(worker);
    }
    free(load->seconds);
    free(load->steps);
    free(load->body);
    free(load);
}
