/* What a worker does in its turns: sends what is due, takes what came back, ends in time. */
#include "worker.h"

#include "bench/load/scenario/run.h"

#include <string.h>

/* Requests sent in one turn at most, as many as packets are taken in one (ZSIP_RECEIVE_MAX): a
 * backlog must not keep the answers waiting. */
#define TURN_SENDS_MAX ZSIP_RECEIVE_MAX
#define TOGETHER_NS    (20 * ZSIP_NS_PER_US)
/* Planned before the end and not sent yet because the last turn was long: sent all the same, within
 * this time from the turn that first saw the end. What is later stays unsent, and is counted. */
#define LATE_NS_MAX (100 * ZSIP_NS_PER_MS)
/* The same for the end of the warmup: so long the measurement waits for what was planned before. */
#define WARM_LATE_NS_MAX ZSIP_NS_PER_S

static bool open_loop(const struct load_worker *worker)
{
    return worker->config->rate > 0;
}

uint32_t load_worker_pending(const struct load_worker *worker)
{
    if (worker->script != NULL)
        return scenario_run_pending(worker->script);
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

/* Whether the window and the rule of one pending per URI let one more leave. */
static bool way_free(const struct load_worker *worker)
{
    if (worker->script != NULL)
        return scenario_run_may_start(worker->script);
    return worker->free_count > 0 && user_idle(worker);
}

/* Whether the next request may leave; if not, an arrival of the plan is counted once for it. In a
 * closed loop a full window is the rule. */
static bool may_send(struct load_worker *worker)
{
    bool window = worker->free_count > 0 && worker->script == NULL;

    if (way_free(worker))
        return true;
    worker->blocked = true;
    if (worker->blocked_arrival != worker->arrivals && (open_loop(worker) || window)) {
        worker->blocked_arrival = worker->arrivals;
        load_count(window ? &worker->counters.waited_user : &worker->counters.waited_window, 1);
    }
    return false;
}

/* How late it leaves. What had to wait for the rules, and what piled up behind it meanwhile, is our
 * own lateness only from the moment on that the way was free. */
static void lag_record(struct load_worker *worker, uint64_t planned_ns, uint64_t now_ns)
{
    uint64_t ready_ns = planned_ns;

    if (planned_ns < worker->unblocked_ns) {
        ready_ns = worker->unblocked_ns;
        load_histogram_record(&worker->held, (ready_ns - planned_ns) / ZSIP_NS_PER_US);
    }
    load_histogram_record(&worker->send_lag, (now_ns - ready_ns) / ZSIP_NS_PER_US);
    if (now_ns - ready_ns > worker->lag_max_ns)
        worker->lag_max_ns = now_ns - ready_ns;
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
    load_authorize_begin(worker, index);
    status = zsip_endpoint_send_built(worker->endpoint, worker->config->method,
                                      &load_worker_source(worker, slot)->path, index, now, &client);
    if (status != ZSIP_OK)
        return status;
    worker->free_count--;
    if (worker->deliver != NULL)
        load_deliver_sent(worker->deliver, worker->arrivals, slot->user);
    worker->arrivals++;
    user_take(worker);
    if (planned_ns >= worker->counted_ns) {
        load_count(&worker->counters.sent, 1);
        if (open_loop(worker))
            lag_record(worker, planned_ns, now.monotonic_ns);
    } else {
        load_count(&worker->counters.warmup, 1); /* late */
    }
    return ZSIP_OK;
}

/* One more call of the scenario. */
static enum zsip_status start_one(struct load_worker *worker, uint64_t planned_ns,
                                  struct zsip_time now)
{
    if (!scenario_run_start(worker->script, planned_ns, now))
        return ZSIP_ERROR_FULL;
    worker->arrivals++;
    if (planned_ns >= worker->counted_ns && open_loop(worker))
        lag_record(worker, planned_ns, now.monotonic_ns);
    return ZSIP_OK;
}

/* When the next request is due; ZSIP_NEVER_NS: none is planned. */
static uint64_t due(struct load_worker *worker, struct zsip_time now)
{
    uint64_t due_ns;

    if (!open_loop(worker))
        return now.monotonic_ns;
    if (worker->plan.due_ns == UINT64_MAX)
        return ZSIP_NEVER_NS;
    due_ns = worker->start_ns + worker->plan.due_ns;
    if (due_ns < worker->end_ns)
        return due_ns;
    worker->arrivals_max = worker->arrivals; /* all that was planned has left */
    return ZSIP_NEVER_NS;
}

/* Where trains may be sent, what comes due shortly after a turn waits for what is due with it: the
 * lag, which is measured, buys longer trains at both ends. */
static uint64_t together(const struct load_worker *worker, uint64_t due_ns, struct zsip_time now)
{
    uint64_t least_ns = now.monotonic_ns + TOGETHER_NS;

    return due_ns < least_ns && !(worker->config->without & ZSIP_FEATURE_GSO) ? least_ns : due_ns;
}

/* Sends what is due. Returns when the next one is, now if this turn had no room for all,
 * ZSIP_NEVER_NS if only an outcome can free the way. */
static uint64_t send_due(struct load_worker *worker, struct zsip_time now)
{
    if (worker->blocked && way_free(worker)) {
        worker->blocked = false;
        worker->unblocked_ns = now.monotonic_ns;
    }
    if (!load_authorize_turn(worker, now))
        return now.monotonic_ns;
    for (unsigned i = 0; worker->arrivals < worker->arrivals_max; i++) {
        uint64_t due_ns = due(worker, now);
        enum zsip_status status;

        if (due_ns > now.monotonic_ns)
            return together(worker, due_ns, now);
        if (worker->counted_ns == 0 && due_ns >= worker->measure_ns)
            return now.monotonic_ns; /* the measurement begins first */
        if (!may_send(worker))
            return ZSIP_NEVER_NS;
        if (i == TURN_SENDS_MAX)
            return now.monotonic_ns;
        status = (worker->script != NULL ? start_one : send_one)(worker, due_ns, now);
        if (status == ZSIP_ERROR_FULL)
            return now.monotonic_ns; /* the output of this turn; it leaves now */
        if (status != ZSIP_OK) {
            atomic_store(&worker->broken, true);
            return now.monotonic_ns;
        }
        if (open_loop(worker))
            load_plan_next(&worker->plan);
    }
    return ZSIP_NEVER_NS;
}

const struct load_template *load_worker_template_now(const struct load_worker *worker,
                                                     const struct load_slot *slot)
{
    const struct load_source *source = load_worker_source(worker, slot);

    return worker->start_ns != 0 ? &source->template : &source->registration;
}

size_t load_worker_build(void *user, uint64_t cookie, struct zsip_view branch, uint8_t *out,
                         size_t capacity, uint32_t *pad_at)
{
    struct load_worker *worker = user;
    struct load_words words;

    if (worker->script != NULL)
        return scenario_run_build(worker->script, cookie, branch, out, capacity, pad_at);
    load_worker_words(worker, &worker->slots[cookie], &words);
    load_authorize_words(worker, (uint32_t)cookie, &words);
    return load_template_write(load_worker_template_now(worker, &worker->slots[cookie]), &words,
                               branch, out, capacity, pad_at);
}

/* ---- What came of it ------------------------------------------------------------------------- */

static unsigned sends_index(unsigned sends)
{
    return sends < LOAD_SENDS_MAX ? sends - 1 : LOAD_SENDS_MAX - 1;
}

static void answered(struct load_worker *worker, const struct load_slot *slot,
                     const struct zsip_outcome *outcome)
{
    struct load_shared_counters *counters = &worker->counters;
    _Atomic uint64_t *classes[] = {&counters->answered_2xx, &counters->answered_3xx,
                                   &counters->answered_4xx, &counters->answered_5xx,
                                   &counters->answered_6xx};
    uint64_t now_ns = outcome->now.monotonic_ns;
    uint64_t latency_us = (now_ns - slot->planned_ns) / ZSIP_NS_PER_US;

    ZSIP_ASSERT(outcome->code >= 200 && outcome->code < LOAD_STATUS_MAX && outcome->sends > 0);
    load_count(classes[outcome->code / 100 - 2], 1);
    load_count(&worker->status[outcome->code], 1);
    worker->answered_by_sends[sends_index(outcome->sends)]++;
    if (outcome->sends > 1)
        load_count(&counters->answered_late, 1);
    if (outcome->code < 300 && now_ns - slot->planned_ns <= worker->config->t1_ns)
        load_count(&counters->good_in_t1, 1);
    load_histogram_record(&worker->latency, latency_us);
    load_histogram_record(worker->intervals.current, latency_us);
    if (open_loop(worker))
        load_histogram_record(&worker->from_send, (now_ns - slot->sent_ns) / ZSIP_NS_PER_US);
}

void load_worker_ended(struct load_worker *worker, const struct load_slot *slot,
                       const struct zsip_outcome *outcome)
{
    if (slot->planned_ns < worker->counted_ns)
        ; /* of the warmup */
    else if (outcome->status == ZSIP_OK)
        answered(worker, slot, outcome);
    else if (outcome->status == ZSIP_ERROR_TIMEOUT)
        load_count(&worker->counters.timed_out, 1);
    else
        load_count(&worker->counters.unreachable, 1);
    worker->last_ns = outcome->now.monotonic_ns;
}

void load_worker_outcome(void *user, struct zsip_endpoint *endpoint,
                         const struct zsip_outcome *outcome)
{
    struct load_worker *worker = user;
    const struct load_slot *slot;

    (void)endpoint;
    if (worker->script != NULL) {
        scenario_run_outcome(worker->script, outcome);
        return;
    }
    if (!outcome->final || load_authorize_again(worker, outcome))
        return;
    if (worker->start_ns == 0) {
        load_deliver_registered(worker, outcome);
        return;
    }
    slot = &worker->slots[outcome->cookie];
    load_worker_ended(worker, slot, outcome);
    user_rest(worker, slot->user);
    worker->free_slots[worker->free_count++] = (uint32_t)outcome->cookie;
}

/* ---- Phases ---------------------------------------------------------------------------------- */

static void arrivals_end(struct load_worker *worker, uint64_t now_ns)
{
    worker->phase = LOAD_PHASE_DRAIN;
    atomic_store_explicit(&worker->draining, true, memory_order_relaxed);
    worker->end_ns = now_ns;
    load_worker_before(worker, now_ns, &worker->middle);
    /* A request that left in this very turn times out after 64*T1; and a bit for the turn that says
     * so. */
    worker->drain_end_ns = now_ns + 64 * worker->config->t1_ns + 500 * ZSIP_NS_PER_MS;
}

/* By count alone, at a peer that never answers, the run would last as long as all the timeouts one
 * after the other: it ends with the first. */
static bool silent(const struct load_worker *worker)
{
    return worker->config->duration_ns == 0 && worker->latency.total == 0 &&
           atomic_load_explicit(&worker->counters.timed_out, memory_order_relaxed) > 0;
}

/* By its plan or by its count. A worker that was kept from its core over the end has its time to
 * catch up, all the same. */
static bool planned_over(struct load_worker *worker, uint64_t now_ns)
{
    if (worker->counted_ns == 0)
        return false;
    if (worker->arrivals == worker->arrivals_max)
        return true;
    if (now_ns < worker->end_ns)
        return false;
    if (worker->end_seen_ns == 0)
        worker->end_seen_ns = now_ns;
    return now_ns - worker->end_seen_ns >= (open_loop(worker) ? LATE_NS_MAX : 0);
}

/* When to look for the end, if nothing else happens. */
static uint64_t end_wake(const struct load_worker *worker)
{
    return worker->end_seen_ns == 0 ? worker->end_ns : worker->end_seen_ns + LATE_NS_MAX;
}

static bool close_wanted(const struct load_worker *worker)
{
    return atomic_load_explicit(&worker->close_wanted, memory_order_relaxed);
}

static bool arrivals_over(struct load_worker *worker, uint64_t now_ns)
{
    return planned_over(worker, now_ns) || close_wanted(worker) || silent(worker);
}

/* What was due when somebody closed the run still leaves: it is no fault of the generator that it
 * would remain. */
static bool still_sends(struct load_worker *worker, uint64_t now_ns)
{
    return !planned_over(worker, now_ns) && !silent(worker) &&
           (open_loop(worker) || !close_wanted(worker));
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The rate as load_rate_set() wants it. */
static void rate_follow(struct load_worker *worker, uint64_t now_ns)
{
    double wanted = atomic_load_explicit(&worker->rate_wanted, memory_order_relaxed);

    if (wanted == worker->rate_now || !open_loop(worker))
        return;
    if (load_plan_turn(&worker->plan, now_ns - worker->start_ns, wanted))
        worker->rate_now = wanted;
}

/* Nothing is sent any more: when to look again, or over. */
static uint64_t drain_wake(struct load_worker *worker, uint64_t now_ns)
{
    bool delivers = worker->deliver != NULL;

    if (now_ns >= worker->drain_end_ns ||
        (load_worker_pending(worker) == 0 && (!delivers || load_deliver_over(worker, now_ns))))
        worker->phase = LOAD_PHASE_OVER;
    return delivers ? least(worker->drain_end_ns, now_ns + 10 * ZSIP_NS_PER_MS)
                    : worker->drain_end_ns;
}

/* Registers, and waits for the start. */
static uint64_t before_start(struct load_worker *worker, struct zsip_worker *zsip,
                             struct zsip_time now)
{
    uint64_t begin_ns = atomic_load_explicit(&worker->begin_ns, memory_order_acquire);

    if (atomic_load_explicit(&worker->close_wanted, memory_order_relaxed) ||
        atomic_load_explicit(&worker->stop_wanted, memory_order_relaxed)) {
        worker->phase = LOAD_PHASE_OVER;
        zsip_worker_stop(zsip);
        return ZSIP_NEVER_NS;
    }
    if (worker->start_ns == 0 && begin_ns == 0)
        return load_deliver_register(worker, now);
    if (worker->start_ns == 0)
        load_worker_begin(worker, begin_ns);
    return worker->start_ns;
}

/* Begins the measurement when it is time. What was planned for the warmup and is late leaves
 * before, so that each request is in a second of the warmup or counts: for a while, then it begins
 * anyway. false: it waits for those. */
static bool measure(struct load_worker *worker, uint64_t now_ns)
{
    bool left = worker->phase != LOAD_PHASE_ARRIVALS || !open_loop(worker) ||
                worker->plan.due_ns >= worker->config->warmup_ns;

    if (worker->counted_ns != 0 || now_ns < worker->measure_ns)
        return true;
    if (worker->warm_seen_ns == 0)
        worker->warm_seen_ns = now_ns;
    if (!left && now_ns - worker->warm_seen_ns < WARM_LATE_NS_MAX)
        return false;
    load_worker_seconds(worker, now_ns, false); /* the last one of the warmup */
    if (left)
        worker->arrivals_warm = worker->arrivals;
    load_worker_measure(worker, now_ns);
    return true;
}

uint64_t load_worker_turn(void *user, struct zsip_worker *zsip, struct zsip_time now)
{
    struct load_worker *worker = user;
    uint64_t now_ns = now.monotonic_ns;
    uint64_t wake_ns = ZSIP_NEVER_NS, script_ns = ZSIP_NEVER_NS, look_ns;

    if (now_ns < worker->start_ns || worker->start_ns == 0)
        return before_start(worker, zsip, now);
    if (measure(worker, now_ns)) {
        load_worker_seconds(worker, now_ns, false);
        look_ns = worker->second_end_ns;
    } else {
        look_ns = worker->warm_seen_ns + WARM_LATE_NS_MAX;
    }
    rate_follow(worker, now_ns);
    if (worker->script != NULL)
        script_ns = scenario_run_turn(worker->script, now);
    if (worker->phase == LOAD_PHASE_ARRIVALS && still_sends(worker, now_ns))
        wake_ns = least(send_due(worker, now), end_wake(worker));
    if (worker->phase == LOAD_PHASE_ARRIVALS && arrivals_over(worker, now_ns))
        arrivals_end(worker, now_ns);
    if (worker->phase == LOAD_PHASE_DRAIN) {
        load_authorize_turn(worker, now);
        wake_ns = drain_wake(worker, now_ns);
    }
    if (worker->phase == LOAD_PHASE_OVER ||
        atomic_load_explicit(&worker->stop_wanted, memory_order_relaxed) ||
        atomic_load_explicit(&worker->broken, memory_order_relaxed)) {
        zsip_worker_stop(zsip);
        return ZSIP_NEVER_NS;
    }
    return least(least(wake_ns, script_ns), look_ns);
}
