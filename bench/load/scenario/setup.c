/* A run's memory, and what it is bound to; and its requests, written. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Calls that are over and whose requests are not answered yet keep their place beside those that
 * run; so there is room for as many again. */
#define SPARE_CALLS 1024u
#define MEMORY_MAX  (UINT64_C(8) << 30)

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t call_bytes(const struct scenario *scenario)
{
    bool dialogs = scenario->server && !scenario->one_shot;

    return sizeof(struct call) + 2 * sizeof(struct txn) + 16 +
           scenario->scope_count[SCENARIO_OF_CALL] * sizeof(struct value) +
           (scenario->uses_last ? sizeof(struct last) : 0) +
           (scenario->uses_dialog ? sizeof(struct dialog) : 0) +
           (scenario->uses_auth ? sizeof(struct auth) : 0) +
           (dialogs ? sizeof(struct zsip_path) + 256 : 0);
}

static bool keeps_any(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        if (scenario->steps[i].kind == SCENARIO_SEND_REQUEST && scenario->steps[i].keeps)
            return true;
    }
    return false;
}

static bool values_take(struct scenario_run *run)
{
    const struct scenario *scenario = run->scenario;
    size_t users = run->config.users > 0 ? run->config.users : 1;
    size_t count = (size_t)run->call_count * scenario->scope_count[SCENARIO_OF_CALL] +
                   users * scenario->scope_count[SCENARIO_OF_USER] +
                   scenario->scope_count[SCENARIO_OF_RUN] + 1;
    struct scene scene = {.run = run};

    run->values = calloc(count, sizeof *run->values);
    if (run->values == NULL)
        return false;
    for (uint32_t i = 0; i < scenario->options.set_count; i++) {
        const struct scenario_key *set = &scenario->options.sets[i];

        for (uint32_t v = 0; v < scenario->variable_count; v++) {
            if (scenario->variables[v].scope == SCENARIO_OF_RUN &&
                strcmp(scenario->variables[v].name, set->name) == 0)
                scenario_value_text(
                    scenario_value(&scene, v),
                    (struct zsip_view){(const uint8_t *)set->value, strlen(set->value)});
        }
    }
    return true;
}

static bool server_take(struct scenario_run *run)
{
    uint32_t buckets = 1024;

    while (buckets < run->call_count)
        buckets *= 2;
    run->paths = calloc(run->call_count, sizeof *run->paths);
    run->call_ids = calloc(run->call_count, sizeof *run->call_ids);
    run->buckets = malloc(buckets * sizeof *run->buckets);
    run->bucket_mask = buckets - 1;
    if (run->buckets != NULL)
        memset(run->buckets, 0xff, buckets * sizeof *run->buckets);
    return run->paths != NULL && run->call_ids != NULL && run->buckets != NULL;
}

static bool memory_take(struct scenario_run *run)
{
    const struct scenario *scenario = run->scenario;

    run->arena = scenario_arena_create();
    run->calls = calloc(run->call_count, sizeof *run->calls);
    run->free_calls = calloc(run->call_count, sizeof *run->free_calls);
    run->heap = calloc(run->call_count, sizeof *run->heap);
    run->txns = calloc(run->txn_count, sizeof *run->txns);
    run->free_txns = calloc(run->txn_count, sizeof *run->free_txns);
    run->free_users = calloc(run->config.users + 1u, sizeof *run->free_users);
    run->steps = calloc(scenario->step_count, sizeof *run->steps);
    run->texts = calloc(scenario->action_count + 1u, sizeof *run->texts);
    run->step_counts = calloc(scenario->step_count, sizeof *run->step_counts);
    run->scratch = malloc(2 * SCRATCH_BYTES);
    run->msg = aligned_alloc(64, (zsip_msg_size() + 63) / 64 * 64);
    if (scenario->uses_last)
        run->lasts = calloc(run->call_count, sizeof *run->lasts);
    if (scenario->uses_dialog)
        run->dialogs = calloc(run->call_count, sizeof *run->dialogs);
    if (scenario->uses_auth)
        run->auths = calloc(run->call_count, sizeof *run->auths);
    if (keeps_any(scenario))
        run->kept = calloc(run->txn_count, sizeof *run->kept);
    return run->arena != NULL && run->calls != NULL && run->free_calls != NULL &&
           run->heap != NULL && run->txns != NULL && run->free_txns != NULL &&
           run->free_users != NULL && run->steps != NULL && run->texts != NULL &&
           run->step_counts != NULL && run->scratch != NULL && run->msg != NULL &&
           (!scenario->uses_last || run->lasts != NULL) &&
           (!scenario->uses_dialog || run->dialogs != NULL) &&
           (!scenario->uses_auth || run->auths != NULL) &&
           (!keeps_any(scenario) || run->kept != NULL) && values_take(run) &&
           (!scenario->server || scenario->one_shot || server_take(run));
}

/* What is free is taken from the top: the first one first. */
static void fill(uint32_t *stack, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        stack[i] = count - 1 - i;
}

enum zsip_status scenario_run_create(const struct scenario_run_config *config,
                                     struct scenario_run **out, char *error, size_t error_bytes)
{
    struct scenario_run *run = calloc(1, sizeof *run);
    enum zsip_status status = ZSIP_OK;

    if (run == NULL) {
        snprintf(error, error_bytes, "no memory");
        return ZSIP_ERROR_MEMORY;
    }
    run->scenario = config->scenario;
    run->config = *config;
    run->id = config->seed;
    scenario_random_seed(&run->random, config->seed ^ 0x5c3a91e2u);
    run->call_count = 2 * config->calls_max + SPARE_CALLS;
    run->txn_count = run->call_count;
    if (run->call_count * call_bytes(config->scenario) > MEMORY_MAX) {
        snprintf(error, error_bytes,
                 "%u calls at once would take over %u GiB with this scenario: give a smaller -l",
                 config->calls_max, (unsigned)(MEMORY_MAX >> 30));
        status = ZSIP_ERROR_ARGUMENT;
    } else if (!memory_take(run) ||
               (config->scenario->uses_auth && load_digest_create(&run->digest) != ZSIP_OK)) {
        snprintf(error, error_bytes, "no memory for %u calls at once: give a smaller -l",
                 config->calls_max);
        status = ZSIP_ERROR_MEMORY;
    }
    if (status != ZSIP_OK) {
        scenario_run_destroy(run);
        return status;
    }
    fill(run->free_calls, run->call_count);
    fill(run->free_txns, run->txn_count);
    fill(run->free_users, config->users);
    run->free_call_count = run->call_count;
    run->free_txn_count = run->txn_count;
    run->free_user_count = config->users;
    *out = run;
    return ZSIP_OK;
}

void scenario_run_destroy(struct scenario_run *run)
{
    if (run == NULL)
        return;
    scenario_arena_destroy(run->arena);
    load_digest_destroy(run->digest);
    free(run->calls);
    free(run->free_calls);
    free(run->heap);
    free(run->txns);
    free(run->free_txns);
    free(run->free_users);
    free(run->buckets);
    free(run->values);
    free(run->lasts);
    free(run->dialogs);
    free(run->auths);
    free(run->paths);
    free(run->call_ids);
    free(run->kept);
    free(run->steps);
    free(run->texts);
    free(run->step_counts);
    free(run->scratch);
    free(run->msg);
    free(run);
}

/* ---- Binding --------------------------------------------------------------------------------- */

/* "192.0.2.1:5060" or "[2001:db8::1]:5060" in two. */
static void address_split(const struct zsip_address *address, char *host, char *port)
{
    char *colon;

    zsip_address_text(address, host);
    colon = strrchr(host, ':');
    strcpy(port, colon + 1);
    *colon = '\0';
}

struct strings {
    char remote_ip[ZSIP_ADDRESS_TEXT_BYTES];
    char remote_port[ZSIP_ADDRESS_TEXT_BYTES];
    char local_port[ZSIP_ADDRESS_TEXT_BYTES];
    char pid[24];
    char users[24];
};

static void constants_fill(struct scenario_run *run, const struct zsip_path *path,
                           const struct zsip_address *local, const char *remote_host,
                           struct strings *strings, struct scenario_constants *out)
{
    const struct scenario_options *options = &run->scenario->options;
    const char *type = local->family == ZSIP_FAMILY_IPV6 ? "6" : "4";

    address_split(local, run->local_ip, strings->local_port);
    if (path != NULL)
        address_split(&path->remote, strings->remote_ip, strings->remote_port);
    snprintf(strings->pid, sizeof strings->pid, "%d", (int)getpid());
    snprintf(strings->users, sizeof strings->users, "%u", run->config.users * run->config.workers);
    *out = (struct scenario_constants){
        .values = {
            [SCENARIO_PIECE_LITERAL] = "",
            [SCENARIO_PIECE_SERVICE] = options->service == NULL ? "service" : options->service,
            [SCENARIO_PIECE_REMOTE_IP] = strings->remote_ip,
            [SCENARIO_PIECE_REMOTE_HOST] = remote_host == NULL ? "" : remote_host,
            [SCENARIO_PIECE_REMOTE_PORT] = strings->remote_port,
            [SCENARIO_PIECE_TRANSPORT] = "UDP",
            [SCENARIO_PIECE_LOCAL_IP] = run->local_ip,
            [SCENARIO_PIECE_LOCAL_IP_TYPE] = type,
            [SCENARIO_PIECE_LOCAL_PORT] = strings->local_port,
            [SCENARIO_PIECE_SERVER_IP] = run->local_ip,
            [SCENARIO_PIECE_MEDIA_IP] = run->local_ip,
            [SCENARIO_PIECE_MEDIA_IP_TYPE] = type,
            [SCENARIO_PIECE_MEDIA_PORT] = "6000",
            [SCENARIO_PIECE_PID] = strings->pid,
            [SCENARIO_PIECE_USERS] = strings->users,
            [SCENARIO_PIECE_SIPP_VERSION] = "zsip",
        }};
    if (path != NULL && path->transport == ZSIP_TRANSPORT_TCP)
        out->values[SCENARIO_PIECE_TRANSPORT] = "TCP";
}

static uint32_t literal_length(const struct scenario_text *text)
{
    if (text->count == 0)
        return 0;
    if (text->count == 1 && text->pieces[0].kind == SCENARIO_PIECE_LITERAL)
        return text->pieces[0].bytes;
    return NONE;
}

static bool texts_bind(struct scenario_run *run, const struct scenario_constants *constants)
{
    const struct scenario *scenario = run->scenario;
    bool ok = true;

    for (uint32_t i = 0; i < scenario->step_count && ok; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        struct bound_step *out = &run->steps[i];

        ok = scenario_text_bind(run->arena, &step->head, constants, i, &out->head) &&
             scenario_text_bind(run->arena, &step->body, constants, i, &out->body) &&
             scenario_text_bind(run->arena, &step->response.reason, constants, i, &out->reason) &&
             scenario_text_bind(run->arena, &step->response.headers, constants, i, &out->headers) &&
             scenario_text_bind(run->arena, &step->response.content_type, constants, i,
                                &out->content_type);
        out->len_value = literal_length(&out->body);
    }
    for (uint32_t i = 0; i < scenario->action_count && ok; i++)
        ok = scenario_text_bind(run->arena, &scenario->actions[i].text, constants, 0,
                                &run->texts[i]);
    return ok;
}

static enum zsip_status sent_by_set(struct scenario_run *run,
                                    const struct scenario_constants *constants, char *error,
                                    size_t error_bytes)
{
    const struct scenario *scenario = run->scenario;
    struct scenario_text bound;
    struct zsip_view view;

    if (scenario->sent_by.count == 0)
        return ZSIP_OK;
    if (!scenario_text_bind(run->arena, &scenario->sent_by, constants, 0, &bound))
        return ZSIP_ERROR_MEMORY;
    if (bound.count != 1 || bound.pieces[0].kind != SCENARIO_PIECE_LITERAL) {
        snprintf(error, error_bytes,
                 "%s:%u: Via: its sent-by must be the same for all calls, as "
                 "[local_ip]:[local_port] is",
                 scenario->path, scenario->sent_by_line);
        return ZSIP_ERROR_ARGUMENT;
    }
    view = (struct zsip_view){bound.pieces[0].data, bound.pieces[0].bytes};
    if (zsip_endpoint_sent_by(run->endpoint, view) != ZSIP_OK) {
        snprintf(error, error_bytes, "%s:%u: Via: %.*s is no sent-by", scenario->path,
                 scenario->sent_by_line, (int)view.length, (const char *)view.data);
        return ZSIP_ERROR_ARGUMENT;
    }
    return ZSIP_OK;
}

enum zsip_status scenario_run_bind(struct scenario_run *run, struct zsip_endpoint *endpoint,
                                   const struct zsip_path *path, const struct zsip_address *local,
                                   const char *remote_host, char *error, size_t error_bytes)
{
    struct scenario_constants constants;
    struct strings strings = {{0}, {0}, {0}, {0}, {0}};
    enum zsip_status status = ZSIP_ERROR_MEMORY;

    run->endpoint = endpoint;
    if (path != NULL)
        run->path = *path;
    constants_fill(run, path, local, remote_host, &strings, &constants);
    if (texts_bind(run, &constants))
        status = sent_by_set(run, &constants, error, error_bytes);
    if (status == ZSIP_ERROR_MEMORY)
        snprintf(error, error_bytes, "no memory for the scenario");
    return status;
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

uint32_t scenario_run_clients(const struct scenario_run *run)
{
    return run->txn_count;
}

static uint32_t text_bytes(const struct scenario_text *text)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < text->count; i++) {
        switch (text->pieces[i].kind) {
        case SCENARIO_PIECE_LITERAL:
            bytes += text->pieces[i].bytes;
            break;
        case SCENARIO_PIECE_AUTHENTICATION:
        case SCENARIO_PIECE_LAST_HEADER:
        case SCENARIO_PIECE_FIELD:
        case SCENARIO_PIECE_VARIABLE:
            bytes += 2048;
            break;
        case SCENARIO_PIECE_LAST_MESSAGE:
        case SCENARIO_PIECE_FILL:
            bytes += 65536;
            break;
        default:
            bytes += 128;
            break;
        }
    }
    return bytes > 65536 ? 65536 : (uint32_t)bytes;
}

uint32_t scenario_run_bytes(const struct scenario_run *run)
{
    uint32_t most = ZSIP_MESSAGE_BYTES_MAX; /* the least an endpoint takes */

    for (uint32_t i = 0; i < run->scenario->step_count; i++) {
        const struct scenario_step *step = &run->scenario->steps[i];
        uint32_t bytes = text_bytes(&step->head) + text_bytes(&step->body);

        most = bytes > most ? bytes : most;
    }
    return most > 65536 ? 65536 : most;
}

const struct scenario_counters *scenario_run_counters(const struct scenario_run *run)
{
    return &run->counters;
}

const struct scenario_step_counts *scenario_run_steps(const struct scenario_run *run)
{
    return run->step_counts;
}

const char *scenario_run_first_failure(const struct scenario_run *run)
{
    return run->first_failure;
}

/* ---- Requests, written ----------------------------------------------------------------------- */

/* "    0" becomes the number. */
static void len_patch(uint8_t *at, uint32_t bytes, int32_t add)
{
    int64_t number = (int64_t)bytes + add;

    for (unsigned i = 5; i > 0 && number > 0; i--) {
        at[i - 1] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
}

static bool covers_body(const struct scenario_run *run, uint32_t call)
{
    const struct auth *auth = run->auths == NULL ? NULL : &run->auths[call];

    return auth != NULL && ((auth->nc[0] > 0 && auth->challenge[0].qop == LOAD_QOP_AUTH_INT) ||
                            (auth->nc[1] > 0 && auth->challenge[1].qop == LOAD_QOP_AUTH_INT));
}

static size_t request_write(struct scenario_run *run, const struct txn *txn, struct scene *scene,
                            uint8_t *out, size_t capacity)
{
    const struct bound_step *bound = &run->steps[txn->step];
    bool fits = true;
    size_t head, body;

    if (covers_body(run, txn->call))
        scene->body = (struct zsip_view){
            run->scratch, scenario_write(scene, &bound->body, run->scratch, SCRATCH_BYTES, &fits)};
    head = scenario_write(scene, &bound->head, out, capacity, &fits);
    body = fits ? scenario_write(scene, &bound->body, out + head, capacity - head, &fits) : 0;
    if (!fits)
        return 0;
    if (scene->len_at > 0)
        len_patch(out + scene->len_at, (uint32_t)body, scene->len_add);
    return head + body;
}

size_t scenario_run_build(struct scenario_run *run, uint64_t cookie, struct zsip_view branch,
                          uint8_t *out, size_t capacity, uint32_t *pad_at)
{
    struct txn *txn = &run->txns[cookie];
    const struct scenario_step *step = &run->scenario->steps[txn->step];
    struct scene scene = {
        .run = run,
        .call = txn->call,
        .step = txn->step,
        .cseq = txn->cseq,
        .branch = branch,
        .len = run->steps[txn->step].len_value,
        .now = {txn->sent_ns, 0},
        .request = out,
    };
    size_t bytes;

    *pad_at = txn->pad_at;
    if (txn->kept_bytes > 0) {
        if (txn->kept_bytes > capacity)
            return 0;
        memcpy(out, run->kept[cookie], txn->kept_bytes);
        return txn->kept_bytes;
    }
    bytes = request_write(run, txn, &scene, out, capacity);
    if (step->method == ZSIP_METHOD_MESSAGE && bytes > ZSIP_MESSAGE_BYTES_MAX &&
        !run->scenario->options.vouched)
        return 0; /* RFC 3428 section 8 */
    txn->pad_at = *pad_at = scene.pad_at;
    if (!step->keeps)
        return bytes;
    if (bytes > SCENARIO_KEPT_BYTES)
        return 0;
    txn->kept_bytes = (uint32_t)bytes;
    memcpy(run->kept[cookie], out, bytes);
    return bytes;
}
