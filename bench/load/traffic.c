/* What a worker does in its turns: sends what is due, takes what came back, ends in time. */
#include "worker.h"

#include <string.h>

/* Requests sent in one turn at most, as many as packets are taken in one (ZSIP_RECEIVE_MAX): a
 * backlog must not keep the answers waiting. */
#define TURN_SENDS_MAX ZSIP_RECEIVE_MAX
/* Planned before the end and not sent yet because the last turn was long: sent all the same. What
 * is later than this stays unsent, and is counted. */
#define LATE_NS_MAX (100 * ZSIP_NS_PER_MS)

static bool open_loop(const struct load_worker *worker)
{
    return worker->config->rate > 0;
}

uint32_t load_worker_pending(const struct load_worker *worker)
{
    return worker->slot_count - worker->free_count;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static bool user_idle(const struct load_worker *worker)
{
    return worker->config->overlap || worker->idle_count > 0;
}

static uint32_t user_peek(const struct load_worker *worker)
{
    if (worker->config->overlap)
        return worker->user_first + (uint32_t)(worker->arrivals % worker->user_count);
    return worker->idle_users[worker->idle_head];
}

static void user_take(struct load_worker *worker)
{
    if (worker->config->overlap)
        return;
    worker->idle_count--;
    if (++worker->idle_head == worker->user_count)
        worker->idle_head = 0;
}

static void user_rest(struct load_worker *worker, uint32_t user)
{
    uint64_t tail = (uint64_t)worker->idle_head + worker->idle_count;

    if (worker->config->overlap)
        return;
    ZSIP_ASSERT(worker->idle_count < worker->user_count);
    worker->idle_users[tail < worker->user_count ? tail : tail - worker->user_count] = user;
    worker->idle_count++;
}

/* Whether the next request may leave; if not, an arrival of the plan is counted once for it. In a
 * closed loop a full window is the rule. */
static bool may_send(struct load_worker *worker)
{
    bool window = worker->free_count > 0;

    if (window && user_idle(worker))
        return true;
    if (worker->blocked_arrival != worker->arrivals && (open_loop(worker) || window)) {
        worker->blocked_arrival = worker->arrivals;
        load_count(window ? &worker->counters.waited_user : &worker->counters.waited_window, 1);
    }
    return false;
}

static enum zsip_status send_one(struct load_worker *worker, uint64_t planned_ns,
                                 struct zsip_time now)
{
    uint32_t index = worker->free_slots[worker->free_count - 1];
    struct load_slot *slot = &worker->slots[index];
    enum zsip_status status;
    uint64_t client;

    slot->planned_ns = planned_ns;
    slot->sent_ns = now.monotonic_ns;
    slot->sequence = (uint64_t)worker->index << 56 | worker->arrivals;
    slot->user = user_peek(worker);
    status = zsip_endpoint_send_built(worker->endpoint, worker->config->method, &worker->path,
                                      index, now, &client);
    if (status != ZSIP_OK)
        return status;
    worker->free_count--;
    worker->arrivals++;
    user_take(worker);
    load_count(&worker->counters.sent, 1);
    if (open_loop(worker))
        load_histogram_record(&worker->send_lag, (now.monotonic_ns - planned_ns) / ZSIP_NS_PER_US);
    return ZSIP_OK;
}

/* Sends what is due. Returns when the next one is, now if this turn had no room for all,
 * ZSIP_NEVER_NS if only an outcome can free the way. */
static uint64_t send_due(struct load_worker *worker, struct zsip_time now)
{
    for (unsigned i = 0; worker->arrivals < worker->arrivals_max; i++) {
        uint64_t due_ns = now.monotonic_ns;
        enum zsip_status status;

        if (open_loop(worker))
            due_ns = worker->start_ns + load_plan_due_ns(&worker->plan, worker->arrivals);
        if (due_ns > now.monotonic_ns)
            return due_ns;
        if (!may_send(worker))
            return ZSIP_NEVER_NS;
        if (i == TURN_SENDS_MAX)
            return now.monotonic_ns;
        status = send_one(worker, due_ns, now);
        if (status == ZSIP_ERROR_FULL)
            return now.monotonic_ns; /* the output of this turn; it leaves now */
        if (status != ZSIP_OK) {
            atomic_store(&worker->broken, true);
            return now.monotonic_ns;
        }
    }
    return ZSIP_NEVER_NS;
}

size_t load_worker_build(void *user, uint64_t cookie, struct zsip_view branch, uint8_t *out,
                         size_t capacity, uint32_t *pad_at)
{
    const struct load_worker *worker = user;
    const struct load_slot *slot = &worker->slots[cookie];

    *pad_at = worker->template.pad_at;
    return load_template_write(&worker->template, slot->sequence, slot->user, branch, out,
                               capacity);
}

/* ---- What came of it ------------------------------------------------------------------------- */

static void answered(struct load_worker *worker, const struct load_slot *slot,
                     const struct zsip_outcome *outcome)
{
    struct load_shared_counters *counters = &worker->counters;
    _Atomic uint64_t *classes[] = {&counters->answered_2xx, &counters->answered_3xx,
                                   &counters->answered_4xx, &counters->answered_5xx,
                                   &counters->answered_6xx};
    uint64_t now_ns = outcome->now.monotonic_ns;
    uint64_t latency_us = (now_ns - slot->planned_ns) / ZSIP_NS_PER_US;

    ZSIP_ASSERT(outcome->code >= 200 && outcome->code < 700);
    load_count(classes[outcome->code / 100 - 2], 1);
    load_count(&worker->status[outcome->code], 1);
    if (outcome->sends > 1)
        load_count(&counters->answered_late, 1);
    if (outcome->code < 300 && now_ns - slot->planned_ns <= worker->config->t1_ns)
        load_count(&counters->good_in_t1, 1);
    load_histogram_record(&worker->latency, latency_us);
    load_histogram_record(worker->intervals.current, latency_us);
    if (open_loop(worker))
        load_histogram_record(&worker->from_send, (now_ns - slot->sent_ns) / ZSIP_NS_PER_US);
}

void load_worker_outcome(void *user, struct zsip_endpoint *endpoint,
                         const struct zsip_outcome *outcome)
{
    struct load_worker *worker = user;
    const struct load_slot *slot = &worker->slots[outcome->cookie];

    (void)endpoint;
    if (!outcome->final)
        return;
    if (outcome->status == ZSIP_OK)
        answered(worker, slot, outcome);
    else if (outcome->status == ZSIP_ERROR_TIMEOUT)
        load_count(&worker->counters.timed_out, 1);
    else
        load_count(&worker->counters.unreachable, 1);
    user_rest(worker, slot->user);
    worker->free_slots[worker->free_count++] = (uint32_t)outcome->cookie;
    worker->last_ns = outcome->now.monotonic_ns;
}

/* ---- Seconds --------------------------------------------------------------------------------- */

static uint64_t counter(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void totals(const struct load_worker *worker, struct load_second *out)
{
    const struct load_shared_counters *counters = &worker->counters;
    struct zsip_endpoint_stats stats = {.struct_bytes = sizeof stats};

    zsip_endpoint_stats(worker->endpoint, &stats);
    *out = (struct load_second){
        .sent = counter(&counters->sent),
        .answered = counter(&counters->answered_2xx) + counter(&counters->answered_3xx) +
                    counter(&counters->answered_4xx) + counter(&counters->answered_5xx) +
                    counter(&counters->answered_6xx),
        .failed = counter(&counters->timed_out) + counter(&counters->unreachable),
        .retransmitted = stats.retransmissions_out,
        .pending = load_worker_pending(worker),
    };
}

static void second_close(struct load_worker *worker)
{
    uint32_t count = atomic_load_explicit(&worker->series_count, memory_order_relaxed);
    const struct load_second *before = &worker->totals_before;
    struct load_second now;

    totals(worker, &now);
    if (count < worker->series_max) {
        worker->series[count] = (struct load_second){
            .sent = now.sent - before->sent,
            .answered = now.answered - before->answered,
            .failed = now.failed - before->failed,
            .retransmitted = now.retransmitted - before->retransmitted,
            .pending = now.pending,
        };
        /* Before the count: who sees the second finds its latencies. */
        load_intervals_close(&worker->intervals, count);
        atomic_store_explicit(&worker->series_count, count + 1, memory_order_release);
    }
    worker->totals_before = now;
}

/* Anything since the second began. */
static bool happened(const struct load_worker *worker)
{
    struct load_second now;

    totals(worker, &now);
    return now.sent != worker->totals_before.sent ||
           now.answered != worker->totals_before.answered ||
           now.failed != worker->totals_before.failed;
}

void load_worker_seconds(struct load_worker *worker, uint64_t now_ns, bool whole)
{
    /* As many as the clock has gone on since the last turn. */
    for (; now_ns >= worker->second_end_ns; worker->second_end_ns += ZSIP_NS_PER_S)
        second_close(worker);
    if (whole && happened(worker))
        second_close(worker);
}

/* ---- Phases ---------------------------------------------------------------------------------- */

static void arrivals_end(struct load_worker *worker, uint64_t now_ns)
{
    worker->phase = LOAD_PHASE_DRAIN;
    worker->end_ns = now_ns;
    /* A request that left in this very turn times out after 64*T1; and a bit for the turn that says
     * so. */
    worker->drain_end_ns = now_ns + 64 * worker->config->t1_ns + 500 * ZSIP_NS_PER_MS;
    if (open_loop(worker)) {
        uint64_t planned = load_plan_count(&worker->plan, now_ns - worker->start_ns);

        if (planned > worker->arrivals_max)
            planned = worker->arrivals_max;
        if (planned > worker->arrivals)
            load_count(&worker->counters.unsent, planned - worker->arrivals);
    }
}

/* By count alone, at a peer that never answers, the run would last as long as all the timeouts one
 * after the other: it ends with the first. */
static bool silent(const struct load_worker *worker)
{
    return worker->config->duration_ns == 0 && worker->latency.total == 0 &&
           counter(&worker->counters.timed_out) > 0;
}

static bool arrivals_over(const struct load_worker *worker, uint64_t now_ns)
{
    uint64_t late_ns = open_loop(worker) ? LATE_NS_MAX : 0;

    return worker->arrivals == worker->arrivals_max || now_ns >= worker->end_ns + late_ns ||
           atomic_load_explicit(&worker->close_wanted, memory_order_relaxed) || silent(worker);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t load_worker_turn(void *user, struct zsip_worker *zsip, struct zsip_time now)
{
    struct load_worker *worker = user;
    uint64_t now_ns = now.monotonic_ns;
    uint64_t wake_ns = ZSIP_NEVER_NS;

    if (now_ns < worker->start_ns)
        return worker->start_ns;
    load_worker_seconds(worker, now_ns, false);
    if (worker->phase == LOAD_PHASE_ARRIVALS && !arrivals_over(worker, now_ns))
        wake_ns = least(send_due(worker, now), worker->end_ns);
    if (worker->phase == LOAD_PHASE_ARRIVALS && arrivals_over(worker, now_ns))
        arrivals_end(worker, now_ns);
    if (worker->phase == LOAD_PHASE_DRAIN) {
        wake_ns = worker->drain_end_ns;
        if (load_worker_pending(worker) == 0 || now_ns >= worker->drain_end_ns)
            worker->phase = LOAD_PHASE_OVER;
    }
    if (worker->phase == LOAD_PHASE_OVER ||
        atomic_load_explicit(&worker->stop_wanted, memory_order_relaxed) ||
        atomic_load_explicit(&worker->broken, memory_order_relaxed)) {
        zsip_worker_stop(zsip);
        return ZSIP_NEVER_NS;
    }
    return least(wake_ns, worker->second_end_ns);
}
