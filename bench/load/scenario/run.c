/* Calls: begun, moved from step to step, ended. */
#include "inside.h"

#include <string.h>

/* Steps in one go at most: a loop without a pause must let the others live. */
#define STEPS_AT_ONCE 200u
/* Due calls in one turn at most. */
#define DUE_AT_ONCE 512u

static uint64_t add_ns(uint64_t time_ns, double ms)
{
    if (!(ms > 0))
        return time_ns;
    return ms > 1e9 ? time_ns + UINT64_C(1000000000) * ZSIP_NS_PER_MS
                    : time_ns + (uint64_t)(ms * 1e6);
}

static struct call *call_of(const struct scene *scene)
{
    return &scene->run->calls[scene->call];
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void unchain(struct scenario_run *run, uint32_t index)
{
    uint32_t *at = &run->buckets[run->calls[index].key & run->bucket_mask];

    while (*at != index) /* it is in there: bounded by the calls of one bucket */
        at = &run->calls[*at].chain;
    *at = run->calls[index].chain;
}

static void call_give(struct scenario_run *run, uint32_t index)
{
    run->calls[index].state = CALL_FREE;
    run->free_calls[run->free_call_count++] = index;
}

void scenario_call_end(struct scenario_run *run, uint32_t index)
{
    struct call *call = &run->calls[index];

    scenario_heap_remove(run, index);
    if (run->buckets != NULL)
        unchain(run, index);
    if (run->config.users > 0)
        run->free_users[run->free_user_count++] = call->user;
    run->live--;
    call->handle = 0;
    call->state = CALL_OVER;
    if (call->txn_count == 0)
        call_give(run, index);
}

void scenario_txn_end(struct scenario_run *run, uint32_t index)
{
    uint32_t call = run->txns[index].call;

    run->free_txns[run->free_txn_count++] = index;
    if (--run->calls[call].txn_count == 0 && run->calls[call].state == CALL_OVER)
        call_give(run, call);
}

void scenario_fail(struct scene *scene, _Atomic uint64_t *reason, const char *what)
{
    struct scenario_run *run = scene->run;
    uint32_t step = call_of(scene)->step;

    count(&run->counters.failed);
    count(reason);
    if (run->first_failure[0] == '\0' && step < run->scenario->step_count)
        snprintf(run->first_failure, sizeof run->first_failure, "line %u: %s",
                 run->scenario->steps[step].line, what);
    scenario_call_end(run, scene->call);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

void scenario_next(struct scene *scene, const struct scenario_step *step)
{
    struct scenario_run *run = scene->run;
    uint32_t to = (uint32_t)(step - run->scenario->steps) + 1;

    if (step->next != NONE &&
        (step->test == NONE || scenario_value_set(scenario_value(scene, step->test))) &&
        (step->chance >= 1 || scenario_random_uniform(&run->random) < step->chance))
        to = step->next;
    call_of(scene)->step = to;
}

static bool skipped(struct scene *scene, const struct scenario_step *step)
{
    return step->condexec != NONE &&
           scenario_value_set(scenario_value(scene, step->condexec)) == step->condexec_inverse;
}

/* Runs the actions and goes on. false: the call is over. */
static bool acted(struct scene *scene, const struct scenario_step *step)
{
    switch (scenario_act(scene, step)) {
    case ACT_ON:
        scenario_next(scene, step);
        return true;
    case ACT_JUMP:
        return true;
    case ACT_FAIL:
        scenario_fail(scene, &scene->run->counters.failed_check, "a check failed");
        return false;
    default:
        count(&scene->run->counters.succeeded);
        scenario_call_end(scene->run, scene->call);
        return false;
    }
}

static void yield(struct scene *scene)
{
    call_of(scene)->state = CALL_YIELDS;
    scenario_heap_set(scene->run, scene->call, scene->now.monotonic_ns);
}

/* false: the call is over, or waits for room. */
static bool send_request(struct scene *scene, const struct scenario_step *step)
{
    struct scenario_run *run = scene->run;
    struct call *call = call_of(scene);
    struct zsip_path path = run->paths == NULL ? run->path : run->paths[scene->call];
    enum zsip_status status;
    struct txn *txn;
    uint64_t client;
    uint32_t index;

    if (run->free_txn_count == 0) {
        yield(scene);
        return false;
    }
    index = run->free_txns[run->free_txn_count - 1];
    txn = &run->txns[index];
    *txn = (struct txn){
        .planned_ns = call->planned_ns > 0 ? call->planned_ns : scene->now.monotonic_ns,
        .sent_ns = scene->now.monotonic_ns,
        .call = scene->call,
        .step = call->step,
        .cseq = call->cseq + 1,
    };
    if (!step->retransmits)
        path.flags |= ZSIP_PATH_RELIABLE; /* no Timer E (RFC 3261 section 17.1.2.2) */
    status = zsip_endpoint_send_built(run->endpoint, (enum zsip_method)step->method, &path, index,
                                      scene->now, &client);
    if (status == ZSIP_ERROR_FULL) {
        yield(scene);
        return false;
    }
    if (status != ZSIP_OK) {
        scenario_fail(scene, &run->counters.failed_size, "a request larger than is allowed");
        return false;
    }
    run->free_txn_count--;
    call->txn_count++;
    call->cseq++;
    call->planned_ns = 0;
    count(&run->step_counts[txn->step].messages);
    if (run->config.events.sent != NULL)
        run->config.events.sent(run->config.events.user, txn->planned_ns, scene->now);
    return acted(scene, step);
}

/* Without its Contact lines: a 2xx to MESSAGE has none, and no body (RFC 3428 section 7). */
static size_t without_contact(uint8_t *lines, size_t bytes)
{
    size_t kept = 0;

    for (size_t at = 0; at < bytes;) {
        const uint8_t *end = memchr(lines + at, '\n', bytes - at);
        size_t length = end == NULL ? bytes - at : (size_t)(end + 1 - (lines + at));
        const uint8_t *colon = memchr(lines + at, ':', length);
        struct zsip_view name = {lines + at, colon == NULL ? 0 : (size_t)(colon - lines - at)};

        while (name.length > 0 && name.data[name.length - 1] == ' ')
            name.length--;
        if (zsip_header_by_name(name) != ZSIP_HEADER_CONTACT) {
            memmove(lines + kept, lines + at, length);
            kept += length;
        }
        at += length;
    }
    return kept;
}

static enum zsip_status respond(struct scene *scene, const struct scenario_step *step)
{
    struct scenario_run *run = scene->run;
    const struct bound_step *bound = &run->steps[scene->step];
    struct zsip_response response = {.struct_bytes = sizeof response,
                                     .status = step->response.code};
    uint8_t *headers = run->scratch, *body = run->scratch + SCRATCH_BYTES;
    uint8_t reason[256], type[256];
    size_t reason_bytes, type_bytes, header_bytes, body_bytes;
    bool fits = true;

    body_bytes = scenario_write(scene, &bound->body, body, SCRATCH_BYTES, &fits);
    scene->len = (uint32_t)body_bytes;
    reason_bytes = scenario_write(scene, &bound->reason, reason, sizeof reason, &fits);
    type_bytes = scenario_write(scene, &bound->content_type, type, sizeof type, &fits);
    header_bytes = scenario_write(scene, &bound->headers, headers, SCRATCH_BYTES, &fits);
    if (!fits)
        return ZSIP_ERROR_TOO_LARGE;
    if (call_of(scene)->method == ZSIP_METHOD_MESSAGE && response.status / 100 == 2) {
        body_bytes = 0;
        header_bytes = without_contact(headers, header_bytes);
    }
    if (reason_bytes > 0)
        response.reason = (struct zsip_view){reason, reason_bytes};
    if (header_bytes > 0)
        response.headers = (struct zsip_view){headers, header_bytes};
    if (body_bytes > 0) {
        response.body = (struct zsip_view){body, body_bytes};
        response.content_type = (struct zsip_view){type, type_bytes};
    }
    return zsip_endpoint_respond(run->endpoint, call_of(scene)->handle, &response, scene->now);
}

static bool send_response(struct scene *scene, const struct scenario_step *step)
{
    struct scenario_run *run = scene->run;
    struct call *call = call_of(scene);
    enum zsip_status status = ZSIP_ERROR_STALE;

    if (call->handle != 0)
        status = respond(scene, step);
    if (status == ZSIP_ERROR_FULL && call->held) {
        yield(scene);
        return false;
    }
    if (step->response.code >= 200 || status != ZSIP_OK)
        call->handle = 0;
    if (status == ZSIP_ERROR_STALE) {
        scenario_fail(scene, &run->counters.failed_unexpected, "there is no request to answer");
    } else if (status == ZSIP_ERROR_FULL) {
        scenario_fail(scene, &run->counters.failed_full, "no room for an answer");
    } else if (status != ZSIP_OK) {
        scenario_fail(scene, &run->counters.failed_size, "an answer that may not be sent");
    } else {
        count(&run->step_counts[scene->step].messages);
        return acted(scene, step);
    }
    return false;
}

static bool pauses(struct scene *scene, const struct scenario_step *step)
{
    struct call *call = call_of(scene);
    double ms;

    if (step->variable_pause) {
        const struct value *value = scenario_value(scene, step->variable);

        ms = value->kind == VALUE_NUMBER ? value->number : 0;
    } else {
        ms = scenario_sample_draw(&step->sample, &scene->run->random);
    }
    count(&scene->run->step_counts[call->step].messages);
    if (!(ms > 0))
        return acted(scene, step);
    call->state = CALL_PAUSED;
    scenario_heap_set(scene->run, scene->call, add_ns(scene->now.monotonic_ns, ms));
    return false;
}

static void wait_for(struct scene *scene, const struct scenario_step *step)
{
    call_of(scene)->state = CALL_WAITING;
    if (step->timeout_ns > 0)
        scenario_heap_set(scene->run, scene->call, scene->now.monotonic_ns + step->timeout_ns);
}

/* From the call's step on, until it has to wait or is over. */
void scenario_advance(struct scene *scene)
{
    struct scenario_run *run = scene->run;
    const struct scenario *scenario = run->scenario;
    struct call *call = call_of(scene);
    bool goes_on = true;

    scenario_heap_remove(run, scene->call);
    for (unsigned i = 0; goes_on; i++) {
        const struct scenario_step *step = &scenario->steps[call->step];

        if (call->step >= scenario->step_count) {
            count(&run->counters.succeeded);
            scenario_call_end(run, scene->call);
            return;
        }
        if (i == STEPS_AT_ONCE) {
            yield(scene);
            return;
        }
        scene->step = call->step;
        if (skipped(scene, step)) {
            call->step++;
            continue;
        }
        switch (step->kind) {
        case SCENARIO_SEND_REQUEST:
            goes_on = send_request(scene, step);
            break;
        case SCENARIO_SEND_RESPONSE:
            goes_on = send_response(scene, step);
            break;
        case SCENARIO_PAUSE:
            goes_on = pauses(scene, step);
            break;
        case SCENARIO_NOP:
            goes_on = acted(scene, step);
            break;
        default:
            wait_for(scene, step);
            return;
        }
    }
}

/* ---- Beginning ------------------------------------------------------------------------------- */

bool scenario_run_may_start(const struct scenario_run *run)
{
    return run->live < run->config.calls_max && run->free_call_count > 0 &&
           run->free_txn_count > 0 && (run->config.users == 0 || run->free_user_count > 0);
}

uint32_t scenario_call_begin(struct scenario_run *run, uint64_t planned_ns)
{
    const struct scenario *scenario = run->scenario;
    uint32_t index, values = scenario->scope_count[SCENARIO_OF_CALL];
    struct call *call;

    if (run->live >= run->config.calls_max || run->free_call_count == 0)
        return NONE;
    index = run->free_calls[--run->free_call_count];
    call = &run->calls[index];
    *call = (struct call){
        .number = run->next_number * run->config.workers + run->config.worker + 1,
        .planned_ns = planned_ns,
        .generation = call->generation + 1,
        .cseq = scenario->options.cseq_base,
        .heap_at = NONE,
        .state = CALL_YIELDS,
    };
    if (run->config.users > 0)
        call->user = run->free_users[--run->free_user_count];
    run->next_number++;
    run->live++;
    for (uint32_t i = 0; i < values; i++) {
        struct value *value = &run->values[(size_t)index * values + i];

        value->kind = VALUE_UNSET;
        value->number = 0;
        value->bytes = 0;
    }
    if (run->lasts != NULL)
        run->lasts[index].bytes = 0;
    if (run->dialogs != NULL) {
        run->dialogs[index].tag_bytes = run->dialogs[index].url_bytes = 0;
        run->dialogs[index].data[0] = '\0';
    }
    if (run->auths != NULL)
        run->auths[index].nc[0] = run->auths[index].nc[1] = 0;
    count(&run->counters.started);
    return index;
}

bool scenario_run_start(struct scenario_run *run, uint64_t planned_ns, struct zsip_time now)
{
    struct scene scene = {.run = run, .len = NONE, .now = now};

    if (run->start_ns == 0)
        run->start_ns = now.monotonic_ns;
    scene.call = scenario_call_begin(run, planned_ns);
    if (scene.call == NONE)
        return false;
    scenario_advance(&scene);
    return true;
}

/* ---- Time ------------------------------------------------------------------------------------ */

static void timed_out(struct scene *scene)
{
    struct call *call = call_of(scene);
    const struct scenario_step *step = &scene->run->scenario->steps[call->step];

    count(&scene->run->step_counts[call->step].timeouts);
    if (step->on_timeout == NONE) {
        scenario_fail(scene, &scene->run->counters.failed_timeout, "nothing came in time");
        return;
    }
    call->step = step->on_timeout;
    scenario_advance(scene);
}

static void due(struct scene *scene)
{
    struct call *call = call_of(scene);

    scenario_heap_remove(scene->run, scene->call);
    switch (call->state) {
    case CALL_PAUSED:
        if (acted(scene, &scene->run->scenario->steps[call->step]))
            scenario_advance(scene);
        break;
    case CALL_WAITING:
        timed_out(scene);
        break;
    default:
        scenario_advance(scene);
        break;
    }
}

uint64_t scenario_run_turn(struct scenario_run *run, struct zsip_time now)
{
    for (unsigned i = 0; run->heap_count > 0 && i < DUE_AT_ONCE; i++) {
        struct scene scene = {.run = run, .call = run->heap[0], .len = NONE, .now = now};

        if (run->calls[run->heap[0]].due_ns > now.monotonic_ns)
            return run->calls[run->heap[0]].due_ns;
        due(&scene);
    }
    return run->heap_count > 0 ? run->calls[run->heap[0]].due_ns : ZSIP_NEVER_NS;
}

uint32_t scenario_run_pending(const struct scenario_run *run)
{
    return run->call_count - run->free_call_count;
}
