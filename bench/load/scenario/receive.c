/* What comes back to a call: responses to its requests, and requests. */
#include "inside.h"

#include <string.h>

/* ---- Kept ------------------------------------------------------------------------------------ */

static void keep_last(struct scenario_run *run, uint32_t call, const struct zsip_msg *msg)
{
    struct last *last = run->lasts == NULL ? NULL : &run->lasts[call];
    size_t bytes = msg->body_offset + (size_t)msg->body_bytes;

    if (last == NULL)
        return;
    last->bytes = bytes <= sizeof last->data ? (uint32_t)bytes : 0;
    memcpy(last->data, msg->data, last->bytes);
}

static size_t dialog_put(struct dialog *dialog, size_t at, struct zsip_view view)
{
    if (view.length > DIALOG_BYTES - 1 - at)
        return at;
    if (view.length > 0)
        memcpy(dialog->data + at, view.data, view.length);
    return at + view.length;
}

/* Where requests in the dialog go (RFC 3261 section 12.1.2): the peer's tag, its Contact, and the
 * Record-Routes, which a client takes the other way round. */
static void keep_dialog(struct scenario_run *run, uint32_t call, const struct zsip_msg *msg,
                        bool routes)
{
    struct dialog *dialog = &run->dialogs[call];
    bool response = msg->kind == ZSIP_KIND_RESPONSE;
    const struct zsip_party *peer = response ? &msg->to : &msg->from;
    struct zsip_cursor cursor = {0, 0};
    struct zsip_party party;
    struct zsip_slice hops[16];
    unsigned hop_count = 0;
    bool found = true;
    size_t at;

    if (!zsip_slice_present(peer->tag))
        return;
    at = dialog_put(dialog, 0, zsip_msg_view(msg, peer->tag));
    dialog->tag_bytes = (uint16_t)at;
    if (zsip_party_next(msg, ZSIP_HEADER_CONTACT, &cursor, &party, &found, NULL) == ZSIP_OK &&
        found)
        at = dialog_put(dialog, at, zsip_msg_view(msg, party.uri));
    dialog->url_bytes = (uint16_t)(at - dialog->tag_bytes);
    cursor = (struct zsip_cursor){0, 0};
    while (routes && hop_count < 16 &&
           zsip_party_next(msg, ZSIP_HEADER_RECORD_ROUTE, &cursor, &party, &found, NULL) ==
               ZSIP_OK &&
           found)
        hops[hop_count++] = party.whole;
    for (unsigned i = 0; i < hop_count; i++) {
        at = dialog_put(dialog, at, i == 0 ? ZSIP_VIEW("Route: ") : ZSIP_VIEW(", "));
        at = dialog_put(dialog, at, zsip_msg_view(msg, hops[response ? hop_count - 1 - i : i]));
    }
    dialog->data[at] = '\0';
}

/* A nonce that is new begins to count; one that is the same again was refused. */
static bool take_challenge(struct scenario_run *run, uint32_t call, const struct zsip_msg *msg)
{
    struct auth *auth = &run->auths[call];
    unsigned which = msg->status_code == 407;
    struct load_challenge challenge;

    if (load_challenge_read(run->digest, msg, &challenge) != ZSIP_OK)
        return false;
    auth->challenge[which] = challenge;
    auth->nc[which] = 1;
    return true;
}

/* ---- Matching -------------------------------------------------------------------------------- */

static bool matches(const struct scenario_step *step, const struct zsip_msg *msg)
{
    struct zsip_view name;
    regmatch_t match;

    if (msg->kind == ZSIP_KIND_RESPONSE)
        return step->kind == SCENARIO_RECV_RESPONSE && step->code == msg->status_code;
    if (step->kind != SCENARIO_RECV_REQUEST)
        return false;
    name = zsip_msg_view(msg, msg->method_name);
    if (step->regex == NULL)
        return name.length == strlen(step->method_name) &&
               memcmp(name.data, step->method_name, name.length) == 0;
    match.rm_so = 0;
    match.rm_eo = (regoff_t)name.length;
    return regexec(step->regex, (const char *)name.data, 1, &match, REG_STARTEND) == 0;
}

static bool receives(const struct scenario_step *step)
{
    return step->kind == SCENARIO_RECV_RESPONSE || step->kind == SCENARIO_RECV_REQUEST;
}

/* The step that this message is for, from the call's own on past optional ones; or an optional one
 * in front, which came late. NONE: none. */
static uint32_t step_for(const struct scenario_run *run, uint32_t from, const struct zsip_msg *msg)
{
    const struct scenario_step *steps = run->scenario->steps;

    for (uint32_t i = from; i < run->scenario->step_count && receives(&steps[i]); i++) {
        if (matches(&steps[i], msg))
            return i;
        if (!steps[i].optional)
            break;
    }
    for (uint32_t i = from; i > 0 && receives(&steps[i - 1]) && steps[i - 1].optional; i--) {
        if (matches(&steps[i - 1], msg))
            return i - 1;
    }
    return NONE;
}

/* A message at its step. An optional one without a next leaves the call where it is. */
static void received(struct scene *scene, uint32_t at)
{
    struct scenario_run *run = scene->run;
    struct call *call = &run->calls[scene->call];
    const struct scenario_step *step = &run->scenario->steps[at];
    uint32_t stays = call->step;
    enum act act;

    count(&run->step_counts[at].messages);
    keep_last(run, scene->call, scene->msg);
    if (run->dialogs != NULL)
        keep_dialog(run, scene->call, scene->msg, step->records_route);
    if (step->authenticates && scene->msg->kind == ZSIP_KIND_RESPONSE &&
        !take_challenge(run, scene->call, scene->msg)) {
        scenario_fail(scene, &run->counters.failed_check, "a challenge that can't be answered");
        return;
    }
    scene->step = at;
    act = scenario_act(scene, step);
    if (act == ACT_FAIL) {
        scenario_fail(scene, &run->counters.failed_check, "a check failed");
    } else if (act == ACT_END) {
        count(&run->counters.succeeded);
        scenario_call_end(run, scene->call);
    } else {
        if (act == ACT_ON)
            scenario_next(scene, step);
        if (step->optional && act == ACT_ON && call->step == at + 1)
            call->step = stays;
        if (!step->optional || call->step != stays || scene->msg->kind == ZSIP_KIND_REQUEST)
            scenario_advance(scene);
    }
}

/* ---- Responses ------------------------------------------------------------------------------- */

static void no_answer(struct scene *scene, enum zsip_status status)
{
    struct scenario_run *run = scene->run;
    struct call *call = &run->calls[scene->call];
    const struct scenario_step *step = &run->scenario->steps[call->step];

    count(&run->step_counts[call->step].timeouts);
    if (receives(step) && step->on_timeout != NONE) {
        call->step = step->on_timeout;
        scenario_advance(scene);
    } else if (status == ZSIP_ERROR_TIMEOUT) {
        scenario_fail(scene, &run->counters.failed_unanswered, "no final answer in 64*T1");
    } else {
        scenario_fail(scene, &run->counters.failed_unreachable, "could not be sent");
    }
}

static void response(struct scene *scene)
{
    struct scenario_run *run = scene->run;
    struct call *call = &run->calls[scene->call];
    uint32_t at = step_for(run, call->step, scene->msg);
    char what[64];

    if (at != NONE) {
        received(scene, at);
        return;
    }
    /* What is provisional decides nothing. */
    if (scene->msg->status_code < 200 ||
        (call->state == CALL_PAUSED && run->scenario->options.pause_ignores))
        return;
    count(&run->step_counts[call->step].unexpected);
    snprintf(what, sizeof what, "a %u came, which is not expected here", scene->msg->status_code);
    scenario_fail(scene, &run->counters.failed_unexpected, what);
}

void scenario_run_outcome(struct scenario_run *run, const struct zsip_outcome *outcome)
{
    uint32_t index = (uint32_t)outcome->cookie;
    struct txn txn = run->txns[index];
    struct scene scene = {
        .run = run, .call = txn.call, .msg = outcome->msg, .len = NONE, .now = outcome->now};
    uint32_t generation = run->calls[txn.call].generation;

    if (outcome->final) {
        if (run->config.events.ended != NULL)
            run->config.events.ended(run->config.events.user, txn.planned_ns, txn.sent_ns, outcome);
        scenario_txn_end(run, index);
    }
    if (run->calls[txn.call].state == CALL_FREE || run->calls[txn.call].state == CALL_OVER ||
        run->calls[txn.call].generation != generation)
        return;
    if (outcome->msg != NULL)
        response(&scene);
    else
        no_answer(&scene, outcome->status);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static uint64_t key_of(const struct scenario_run *run, struct zsip_view call_id)
{
    uint64_t hash = run->id; /* a secret: nobody can aim at one bucket */

    for (size_t i = 0; i < call_id.length; i++) {
        hash = (hash ^ call_id.data[i]) * 0x9fb21c651e98df25u;
        hash ^= hash >> 29;
    }
    return hash;
}

static uint32_t server_call(const struct scenario_run *run, struct zsip_view call_id, uint64_t key)
{
    uint32_t index = run->buckets[key & run->bucket_mask];

    /* Bounded by the calls of one bucket. */
    while (index != NONE &&
           (run->calls[index].key != key || run->call_ids[index][0] != call_id.length ||
            memcmp(run->call_ids[index] + 1, call_id.data, call_id.length) != 0))
        index = run->calls[index].chain;
    return index;
}

static bool hex_read(const uint8_t *text, unsigned digits, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < digits; i++) {
        uint8_t c = text[i];

        if (c >= '0' && c <= '9')
            *out = *out << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *out = *out << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* A Call-ID of ours says which call it is. */
static uint32_t client_call(const struct scenario_run *run, struct zsip_view call_id)
{
    uint64_t index, generation, id;

    if (call_id.length < 33 || call_id.data[16] != '-' || !hex_read(call_id.data, 8, &index) ||
        !hex_read(call_id.data + 8, 8, &generation) || !hex_read(call_id.data + 17, 16, &id) ||
        id != run->id || index >= run->call_count)
        return NONE;
    if (run->calls[index].generation != generation || run->calls[index].state == CALL_FREE ||
        run->calls[index].state == CALL_OVER)
        return NONE;
    return (uint32_t)index;
}

static void answer(struct scenario_run *run, const struct zsip_incoming *incoming, uint16_t status)
{
    struct zsip_response response = {.struct_bytes = sizeof response, .status = status};

    zsip_endpoint_respond(run->endpoint, incoming->handle, &response, incoming->now);
}

static bool answers_others(const struct scenario_run *run, const struct zsip_incoming *incoming)
{
    uint8_t method = incoming->msg->method;

    return run->scenario->options.answers_others &&
           (method == ZSIP_METHOD_INFO || method == ZSIP_METHOD_NOTIFY ||
            method == ZSIP_METHOD_OPTIONS || method == ZSIP_METHOD_UPDATE);
}

/* The call that a request of no call begins; NONE: none, and it was answered. */
static uint32_t server_begin(struct scenario_run *run, const struct zsip_incoming *incoming,
                             struct zsip_view call_id, uint64_t key)
{
    uint32_t index;

    if (!run->scenario->server || call_id.length > 255 ||
        zsip_slice_present(incoming->msg->to.tag)) {
        count(&run->counters.strays);
        answer(run, incoming, 481);
        return NONE;
    }
    index = scenario_call_begin(run, 0);
    if (index == NONE) {
        count(&run->counters.refused);
        answer(run, incoming, 503);
        return NONE;
    }
    if (run->buckets != NULL) {
        run->calls[index].key = key;
        run->calls[index].chain = run->buckets[key & run->bucket_mask];
        run->buckets[key & run->bucket_mask] = index;
        run->call_ids[index][0] = (uint8_t)call_id.length;
        memcpy(run->call_ids[index] + 1, call_id.data, call_id.length);
    }
    if (run->paths != NULL)
        run->paths[index] = *incoming->path;
    return index;
}

/* Unless it was answered: a request is answered later, or never where the scenario has no answer.
 * The library ends what is never answered after 64*T1. */
static void hold(struct scenario_run *run, uint32_t index, uint32_t generation, uint64_t handle)
{
    struct call *call = &run->calls[index];
    uint64_t held;

    if (call->generation != generation || call->handle != handle || call->held ||
        call->state == CALL_FREE || call->state == CALL_OVER)
        return;
    if (zsip_endpoint_hold(run->endpoint, handle, &held) != ZSIP_OK) {
        call->handle = 0;
        return;
    }
    call->handle = held;
    call->held = true;
}

static void unexpected(struct scene *scene, const struct zsip_incoming *incoming)
{
    struct scenario_run *run = scene->run;
    struct zsip_view name = zsip_msg_view(incoming->msg, incoming->msg->method_name);
    char what[80];

    answer(run, incoming, 501);
    count(&run->step_counts[run->calls[scene->call].step].unexpected);
    snprintf(what, sizeof what, "a %.*s came, which is not expected here",
             (int)(name.length < 32 ? name.length : 32), (const char *)name.data);
    scenario_fail(scene, &run->counters.failed_unexpected, what);
}

/* Steps that a server makes before its first request. */
static void lead_in(struct scene *scene)
{
    if (scene->run->calls[scene->call].state == CALL_YIELDS) {
        const struct zsip_msg *msg = scene->msg;

        scenario_advance(scene);
        scene->msg = msg;
    }
}

void scenario_run_request(struct scenario_run *run, const struct zsip_incoming *incoming)
{
    struct zsip_view call_id = zsip_msg_view(incoming->msg, incoming->msg->call_id);
    struct scene scene = {.run = run, .msg = incoming->msg, .len = NONE, .now = incoming->now};
    uint64_t key = run->buckets == NULL ? 0 : key_of(run, call_id);
    uint32_t index = NONE, at, generation;

    if (run->buckets != NULL)
        index = server_call(run, call_id, key);
    else if (!run->scenario->server)
        index = client_call(run, call_id);
    if (index == NONE && answers_others(run, incoming) && !run->scenario->server) {
        answer(run, incoming, 200);
        return;
    }
    if (index == NONE) {
        index = server_begin(run, incoming, call_id, key);
        if (index == NONE)
            return;
        scene.call = index;
        lead_in(&scene);
    }
    scene.call = index;
    generation = run->calls[index].generation;
    at = run->calls[index].state == CALL_WAITING ? step_for(run, run->calls[index].step, scene.msg)
                                                 : NONE;
    if (at == NONE && answers_others(run, incoming)) {
        answer(run, incoming, 200);
    } else if (at == NONE) {
        unexpected(&scene, incoming);
    } else {
        run->calls[index].handle = incoming->handle;
        run->calls[index].held = false;
        run->calls[index].method = incoming->msg->method;
        received(&scene, at);
        hold(run, index, generation, incoming->handle);
    }
}
