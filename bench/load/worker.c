/* The life of a worker: memory, ring, socket, thread. */
#include "worker.h"

#include "pcap.h"

#include "bench/load/scenario/run.h"
#include "scripted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest series kept; the totals go on beyond. */
#define SERIES_MAX 86400u

/* ---- Memory ---------------------------------------------------------------------------------- */

static void plan_set(struct load_worker *worker)
{
    const struct load_config *config = worker->config;
    struct load_schedule constant;

    worker->rate_now = -1;
    atomic_init(&worker->rate_wanted, -1);
    worker->blocked_arrival = UINT64_MAX;
    worker->arrivals_max = UINT64_MAX; /* until load_worker_measure() */
    if (config->rate <= 0)
        return;
    load_schedule_constant(&constant, config->rate);
    load_plan_init(&worker->plan, config->schedule == NULL ? &constant : config->schedule,
                   config->warmup_ns, worker->index, config->workers);
    worker->arrivals_warm = load_plan_count(&worker->plan, config->warmup_ns);
}

/* First user of a worker: what the ones before it have. */
static void users_set(struct load_worker *worker)
{
    const struct load_config *config = worker->config;

    for (uint32_t i = 0; i < worker->index; i++)
        worker->user_first += (uint32_t)load_share(config->users, i, config->workers);
    worker->user_count = (uint32_t)load_share(config->users, worker->index, config->workers);
}

/* How many sources this worker has, and which is its first: its share, or one of what is fewer than
 * the workers. */
static uint32_t sources_share(const struct load_worker *worker, uint32_t *first)
{
    const struct load_config *config = worker->config;

    *first = 0;
    if (config->sources == NULL)
        return 1;
    if (config->sources->count < config->workers) {
        *first = worker->index % config->sources->count;
        return 1;
    }
    for (uint32_t i = 0; i < worker->index; i++)
        *first += (uint32_t)load_share(config->sources->count, i, config->workers);
    return (uint32_t)load_share(config->sources->count, worker->index, config->workers);
}

static bool memory_take(struct load_worker *worker)
{
    const struct load_config *config = worker->config;
    uint64_t run_s =
        (config->warmup_ns + config->duration_ns + 64 * config->t1_ns) / ZSIP_NS_PER_S + 10;
    uint32_t first;

    worker->slot_count = (uint32_t)load_share(config->window, worker->index, config->workers);
    worker->series_max =
        config->duration_ns == 0 || run_s > SERIES_MAX ? SERIES_MAX : (uint32_t)run_s;
    worker->slots = calloc(worker->slot_count, sizeof *worker->slots);
    worker->free_slots = calloc(worker->slot_count, sizeof *worker->free_slots);
    worker->idle_users = calloc(worker->user_count, sizeof *worker->idle_users);
    worker->series = calloc(worker->series_max, sizeof *worker->series);
    worker->source_count = sources_share(worker, &first);
    worker->sources = calloc(worker->source_count, sizeof *worker->sources);
    if (worker->sources == NULL ||
        (worker->source_count > 1 && !load_names_create(&worker->names, worker->source_count)))
        return false;
    if (worker->slots == NULL || worker->free_slots == NULL || worker->idle_users == NULL ||
        worker->series == NULL)
        return false;

    for (uint32_t i = 0; i < worker->slot_count; i++)
        worker->free_slots[i] = worker->slot_count - 1 - i;
    worker->free_count = worker->slot_count;
    load_worker_users(worker);
    worker->idle_count = worker->user_count;
    load_histogram_clear(&worker->latency);
    load_histogram_clear(&worker->from_send);
    load_histogram_clear(&worker->send_lag);
    load_histogram_clear(&worker->held);
    load_histogram_clear(&worker->one_way);
    return load_intervals_create(&worker->intervals);
}

/* ---- Ring and socket ------------------------------------------------------------------------- */

/* Whether the sent-by of a response is that of one of our sources. */
static bool sent_by_ours(void *user, struct zsip_endpoint *endpoint, struct zsip_view sent_by)
{
    const struct load_worker *worker = user;

    (void)endpoint;
    return load_names_have(&worker->names, sent_by);
}

static enum zsip_status ring_take(struct load_worker *worker, char *error, size_t error_bytes)
{
    const struct load_config *config = worker->config;
    struct zsip_worker_config zsip;
    enum zsip_status status;

    zsip_worker_config_init(&zsip);
    zsip.log = config->log;
    zsip.log_user = config->log_user;
    zsip.cpu = config->cpus[worker->index];
    zsip.spin_us = config->spin_us;
    zsip.socket_buffer_bytes = config->socket_buffer_bytes;
    zsip.without = config->without;
    zsip.grow_thread = true;
    if (config->pcap != NULL) {
        zsip.tap = load_pcap_tap;
        zsip.tap_user = load_pcap_lane(config->pcap, worker->index);
    }
    zsip.turn = load_worker_turn;
    zsip.endpoint.user = worker;
    zsip.endpoint.callbacks.outcome = load_worker_outcome;
    zsip.endpoint.callbacks.build = load_worker_build;
    zsip.endpoint.t1_ns = config->t1_ns;
    if (zsip.endpoint.t2_ns < config->t1_ns)
        zsip.endpoint.t2_ns = config->t1_ns;
    zsip.endpoint.worker = (uint8_t)worker->index;
    zsip.endpoint.clients_max = worker->slot_count;
    /* Requests are built anew, so none is kept: this is only the room that one needs in the output.
     * And whoever sends us requests is a stranger. */
    zsip.endpoint.client_bytes_max = load_worker_room(config);
    zsip.endpoint.client_large_max = 1;
    zsip.endpoint.completed_max = 4096;
    zsip.endpoint.pending_max = 16;
    zsip.endpoint.log_bytes_max = 1 << 20;
    zsip.streams.connect_ns = config->streams.connect_ns;
    zsip.streams.ping_ns = config->streams.ping_ns;
    zsip.streams.connections_per_target = config->connections;
    zsip.streams.connection_each = config->connection_each;
    /* One that was reset keeps its place until the kernel is done with it. */
    if (config->connection_each && worker->slot_count > 16384)
        zsip.streams.connections = 2 * worker->slot_count;
    /* All that may be pending, before a connection stands. */
    zsip.streams.unsent_bytes = 64 << 20;
    zsip.streams.memory_bytes = 256 << 20;
    if (worker->source_count > 1) {
        zsip.endpoint.callbacks.sent_by_ours = sent_by_ours;
        /* What comes to different sockets shares no buffer. */
        for (zsip.buffers = 64; zsip.buffers < 4 * worker->source_count;)
            zsip.buffers *= 2;
    }
    if (worker->script != NULL)
        load_scripted_configure(worker, &zsip.endpoint);
    if (config->registers)
        load_deliver_configure(worker, &zsip.endpoint);
    status = zsip_worker_create(&zsip, &worker->zsip, error, error_bytes);
    if (status == ZSIP_OK)
        worker->endpoint = zsip_worker_endpoint(worker->zsip);
    return status;
}

static enum zsip_status local_of(const struct load_worker *worker, uint32_t index,
                                 struct zsip_address *local, char *error, size_t error_bytes)
{
    const struct load_config *config = worker->config;
    char text[ZSIP_ADDRESS_TEXT_BYTES];
    enum zsip_status status;

    if (config->sources != NULL) {
        load_sources_at(config->sources, index, local);
        return ZSIP_OK;
    }
    status = zsip_address_source(&config->remote, local);
    local->port = 0;
    if (status != ZSIP_OK)
        snprintf(error, error_bytes,
                 "%s: no way there from this machine; check the address and "
                 "the routes",
                 zsip_address_text(&config->remote, text));
    return status;
}

/* Opens the socket of one source. Over TCP it listens at the port that Via names, where answers may
 * come by a connection of the peer's (RFC 3261 section 18.1.1); connections leave from its address.
 */
static enum zsip_status socket_take(struct load_worker *worker, uint32_t index,
                                    struct load_source *source, struct zsip_address *bound,
                                    char *error, size_t error_bytes)
{
    const struct load_config *config = worker->config;
    bool tcp = config->transport == ZSIP_TRANSPORT_TCP;
    struct zsip_address local;
    enum zsip_status status = local_of(worker, index, &local, error, error_bytes);

    if (status == ZSIP_OK)
        status = zsip_worker_listen(worker->zsip, tcp ? ZSIP_TRANSPORT_TCP : ZSIP_TRANSPORT_UDP,
                                    &local, 0, bound, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    if (config->pcap != NULL)
        load_pcap_local(load_pcap_lane(config->pcap, worker->index), bound);
    source->path = (struct zsip_path){
        .remote = config->remote,
        .transport = ZSIP_TRANSPORT_UDP,
        /* A reliable path has no Timer E (RFC 3261 section 17.1.2.2); Timer F stays. */
        .flags = config->no_retransmit ? ZSIP_PATH_RELIABLE : 0,
    };
    if (tcp) {
        source->path.transport = ZSIP_TRANSPORT_TCP;
        source->path.flags = ZSIP_PATH_RELIABLE;
    }
    if (config->sources != NULL) {
        source->path.local = *bound;
        source->path.local.port = tcp ? 0 : bound->port;
        source->path.flow = tcp ? 0 : 1u + (uint32_t)(source - worker->sources);
    }
    return ZSIP_OK;
}

/* What is sent from a source. */
static enum zsip_status source_say(struct load_worker *worker, struct load_source *source,
                                   const char *sent_by, uint64_t run, char *error,
                                   size_t error_bytes)
{
    enum zsip_status status =
        load_worker_template(worker, source, sent_by, run, error, error_bytes);

    if (status == ZSIP_OK && worker->config->registers)
        status = load_deliver_template(worker, source, sent_by, run, error, error_bytes);
    if (worker->source_count > 1)
        load_names_add(&worker->names, sent_by);
    return status;
}

/* The sockets of all sources, and their templates. *bound becomes the first one's address. */
static enum zsip_status sources_take(struct load_worker *worker, uint64_t run,
                                     struct zsip_address *bound, char *error, size_t error_bytes)
{
    char sent_by[ZSIP_ADDRESS_TEXT_BYTES];
    enum zsip_status status = ZSIP_OK;
    struct zsip_address at;
    size_t longest = 0;
    uint32_t first = 0;

    sources_share(worker, &first);
    for (uint32_t i = 0; i < worker->source_count && status == ZSIP_OK; i++) {
        struct load_source *source = &worker->sources[i];

        status = socket_take(worker, first + i, source, &at, error, error_bytes);
        if (status != ZSIP_OK)
            break;
        if (i == 0)
            *bound = at;
        at.scope = 0; /* means nothing to others */
        if (strlen(zsip_address_text(&at, sent_by)) > longest) {
            longest = strlen(sent_by);
            worker->source_widest = i;
        }
        if (worker->config->scenario == NULL)
            status = source_say(worker, source, sent_by, run, error, error_bytes);
    }
    return status;
}

/* Responses must come back to the sent-by that the template names (RFC 3261 section 18.1.2). */
static enum zsip_status sent_by_set(struct load_worker *worker, const char *sent_by, char *error,
                                    size_t error_bytes)
{
    struct zsip_view view = {(const uint8_t *)sent_by, strlen(sent_by)};
    enum zsip_status status = zsip_endpoint_sent_by(worker->endpoint, view);

    if (status != ZSIP_OK)
        snprintf(error, error_bytes, "%s: not a sent-by", sent_by);
    return status;
}

enum zsip_status load_worker_create(struct load_worker *worker, const struct load_config *config,
                                    uint32_t index, uint64_t run, char *error, size_t error_bytes)
{
    char sent_by[ZSIP_ADDRESS_TEXT_BYTES];
    struct zsip_address bound;
    enum zsip_status status = ZSIP_OK;

    worker->config = config;
    worker->index = index;
    plan_set(worker);
    users_set(worker);
    if (!memory_take(worker)) {
        snprintf(error, error_bytes, "no memory for %u requests and %u users: give fewer",
                 config->window, config->users);
        return ZSIP_ERROR_MEMORY;
    }
    if (config->scenario != NULL)
        status = load_scripted_create(worker, run, error, error_bytes);
    if (status == ZSIP_OK)
        status = ring_take(worker, error, error_bytes);
    if (status == ZSIP_OK)
        status = sources_take(worker, run, &bound, error, error_bytes);
    if (status == ZSIP_OK && config->scenario != NULL)
        return load_scripted_bind(worker, &bound, error, error_bytes);
    if (status == ZSIP_OK)
        status = load_worker_size_check(worker, error, error_bytes);
    if (status == ZSIP_OK && config->auth != NULL)
        status = load_authorize_create(worker, run, error, error_bytes);
    if (status == ZSIP_OK && config->registers)
        status = load_deliver_create(worker, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    bound.scope = 0;
    return sent_by_set(worker, zsip_address_text(&bound, sent_by), error, error_bytes);
}

void load_worker_destroy(struct load_worker *worker)
{
    if (worker->zsip != NULL)
        zsip_worker_destroy(worker->zsip);
    scenario_run_destroy(worker->script);
    load_authorize_drop(worker);
    for (uint32_t i = 0; worker->sources != NULL && i < worker->source_count; i++) {
        load_template_drop(&worker->sources[i].template);
        load_template_drop(&worker->sources[i].registration);
    }
    free(worker->sources);
    load_names_drop(&worker->names);
    load_deliver_destroy(worker->deliver);
    free(worker->slots);
    free(worker->free_slots);
    free(worker->idle_users);
    free(worker->series);
    load_intervals_destroy(&worker->intervals);
}

/* ---- Start ----------------------------------------------------------------------------------- */

void load_worker_begin(struct load_worker *worker, uint64_t start_ns)
{
    const struct load_config *config = worker->config;
    uint64_t odd_ns = config->warmup_ns % ZSIP_NS_PER_S;

    worker->start_ns = start_ns;
    worker->measure_ns = start_ns + config->warmup_ns;
    worker->end_ns =
        config->duration_ns == 0 ? ZSIP_NEVER_NS / 2 : worker->measure_ns + config->duration_ns;
    /* Seconds are counted so that one begins with the measurement. */
    worker->second_end_ns = start_ns + (odd_ns > 0 ? odd_ns : ZSIP_NS_PER_S);
}

/* ---- Thread ---------------------------------------------------------------------------------- */

void *load_worker_thread(void *argument)
{
    struct load_worker *worker = argument;

    if (zsip_worker_run(worker->zsip) != ZSIP_OK)
        atomic_store(&worker->broken, true);
    load_worker_seconds(worker, zsip_time_now().monotonic_ns, true);
    load_worker_before(worker, zsip_time_now().monotonic_ns, &worker->after);
    atomic_store_explicit(&worker->over, true, memory_order_release);
    return NULL;
}

static void look(void *argument, struct zsip_worker *zsip, struct zsip_time now)
{
    (void)argument;
    (void)zsip;
    (void)now; /* the turn that follows looks */
}

void load_worker_wake(struct load_worker *worker)
{
    zsip_worker_post(worker->zsip, look, NULL); /* full: it is awake already */
}
