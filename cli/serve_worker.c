/* zsip serve: one worker. */
#include "serve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- Answers --------------------------------------------------------------------------------- */

static enum zsip_status respond(struct serve_worker *self, uint64_t handle, unsigned status,
                                struct zsip_time now)
{
    struct zsip_response response = {.struct_bytes = sizeof response, .status = (uint16_t)status};

    return zsip_endpoint_respond(self->endpoint, handle, &response, now);
}

/* Of those due at one time, who came first goes first. */
static bool earlier(const struct serve_held *a, const struct serve_held *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : (int32_t)(a->order - b->order) < 0;
}

/* Below at, the heap is one; then as a whole. Bounded by the logarithm of what is held. */
static void sink(struct serve_worker *self, uint32_t at)
{
    struct serve_held *heap = self->held, moved = heap[at];

    for (uint32_t child = 2 * at + 1; child < self->held_count; child = 2 * at + 1) {
        if (child + 1 < self->held_count && earlier(&heap[child + 1], &heap[child]))
            child++;
        if (!earlier(&heap[child], &moved))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static void rise(struct serve_worker *self, uint32_t at)
{
    struct serve_held *heap = self->held, moved = heap[at];

    for (; at > 0 && earlier(&moved, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = moved;
}

/* Keeps the request. Where that fails nothing is done: the endpoint answers 503 (no room) or 513
 * (too large to keep), and counts it. */
static void hold(struct serve_worker *self, const struct zsip_incoming *incoming, unsigned status)
{
    uint64_t held;

    if (zsip_endpoint_hold(self->endpoint, incoming->handle, &held) != ZSIP_OK)
        return;
    /* The endpoint holds no more than held_max, and a row leaves here before it leaves there. */
    ZSIP_ASSERT(self->held_count < self->config->held_max);
    self->held[self->held_count] = (struct serve_held){
        .handle = held,
        .due_ns = incoming->now.monotonic_ns + shape_delay(&self->config->shape, &self->random),
        .status = status,
        .order = self->held_order++,
    };
    rise(self, self->held_count++);
}

/* Stands for what an application would do. */
static void burn(uint64_t work_ns)
{
    uint64_t until_ns = zsip_time_now().monotonic_ns + work_ns;

    while (zsip_time_now().monotonic_ns < until_ns)
        continue;
}

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct serve_worker *self = user;
    unsigned status = 200;

    (void)endpoint;
    if (incoming->msg->method == ZSIP_METHOD_MESSAGE)
        status = shape_status(&self->config->shape, &self->random);
    if (self->config->print) {
        serve_print(incoming);
        self->printed = true;
    }
    if (self->config->work_ns > 0)
        burn(self->config->work_ns);
    if (atomic_load_explicit(&self->draining, memory_order_relaxed))
        respond(self, incoming->handle, 503, incoming->now);
    else if (self->config->shape.delay_max_ns > 0)
        hold(self, incoming, status);
    else
        respond(self, incoming->handle, status, incoming->now);
}

/* Before all else: what is dropped leaves no trace, so that its sender's next try is a new one. */
static bool on_authenticate(void *user, struct zsip_endpoint *endpoint,
                            const struct zsip_incoming *incoming)
{
    struct serve_worker *self = user;

    (void)endpoint;
    (void)incoming;
    return !shape_drops(&self->config->shape, &self->random);
}

/* Answers what is due. Returns when the next one is. */
static uint64_t answer_due(struct serve_worker *self, struct zsip_time now)
{
    /* Bounded by what is held. */
    while (self->held_count > 0) {
        const struct serve_held *held = &self->held[0];

        if (held->due_ns > now.monotonic_ns)
            return held->due_ns;
        /* The output is full: the rest after it has left. A stale handle (the request ended
         * meanwhile) is done with, too. */
        if (respond(self, held->handle, held->status, now) == ZSIP_ERROR_FULL)
            return now.monotonic_ns;
        self->held[0] = self->held[--self->held_count];
        sink(self, 0);
    }
    return ZSIP_NEVER_NS;
}

static uint64_t on_turn(void *user, struct zsip_worker *worker, struct zsip_time now)
{
    struct serve_worker *self = user;
    uint64_t next_ns =
        self->script != NULL ? scenario_run_turn(self->script, now) : answer_due(self, now);

    if (self->printed) {
        self->printed = false;
        fflush(stdout);
    }
    if (self->held_count == 0 &&
        (self->script == NULL || scenario_run_pending(self->script) == 0) &&
        atomic_load_explicit(&self->draining, memory_order_relaxed))
        zsip_worker_stop(worker);
    return next_ns;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static struct zsip_view view_of(const char *text)
{
    return (struct zsip_view){(const uint8_t *)text, strlen(text)};
}

static void configure(struct zsip_worker_config *out, struct serve_worker *self, unsigned index)
{
    const struct serve_config *config = self->config;

    zsip_worker_config_init(out);
    out->log = cli_log;
    out->cpu = cli_cpu_of(&config->machine.cpus, index);
    out->spin_us = config->machine.spin_us;
    out->socket_buffer_bytes = config->machine.socket_buffer_bytes;
    out->without = config->machine.without;
    out->streams = config->streams;
    out->grow_thread = true;
    if (config->watch.sample != NULL) {
        out->tap = load_pcap_tap;
        out->tap_user = load_pcap_lane(config->watch.sample, index);
    }
    out->turn = on_turn;
    out->endpoint.user = self;
    out->endpoint.callbacks.request = on_request;
    if (config->shape.drop > 0)
        out->endpoint.callbacks.authenticate = on_authenticate;
    out->endpoint.t1_ns = config->machine.t1_ns;
    out->endpoint.pending_max = config->held_max;
    out->endpoint.completed_max = config->completed_max;
    out->group = config->group;
    out->endpoint.worker = (uint8_t)index;
    out->endpoint.age_max_ns = config->age_max_ns;
    out->endpoint.aged_refused = config->aged_refused;
    out->endpoint.merged = config->merged;
    out->endpoint.in_dialog = config->in_dialog;
    out->endpoint.methods_any = config->methods_any;
    if (config->methods[0] != '\0')
        out->endpoint.methods = view_of(config->methods);
    if (config->accept != NULL)
        out->endpoint.accept = view_of(config->accept);
    if (config->advertise != NULL)
        out->endpoint.sent_by = view_of(config->advertise);
    out->endpoint.server = view_of("zsip/" ZSIP_VERSION);
}

/* The first worker binds, and looks whether the port is free; the others join it, at the port it
 * got. */
static enum zsip_status listen_all(struct serve_worker *self, struct serve_config *config,
                                   unsigned index, char *error, size_t error_bytes)
{
    for (unsigned i = 0; i < config->listen_count; i++) {
        struct cli_place *place = &config->listen[i];
        unsigned flags = config->machine.workers == 1 ? 0
                         : index == 0                 ? ZSIP_LISTEN_SHARED
                                                      : ZSIP_LISTEN_SHARED | ZSIP_LISTEN_JOIN;
        enum zsip_status status = zsip_worker_listen(
            self->zsip,
            place->transport == ZSIP_TRANSPORT_TCP ? ZSIP_TRANSPORT_TCP : ZSIP_TRANSPORT_UDP,
            &place->address, flags, &place->address, error, error_bytes);

        if (status != ZSIP_OK)
            return status;
        zsip_address_text(&place->address, place->text);
    }
    return ZSIP_OK;
}

static enum zsip_transport transport_of(int socket)
{
    int type = SOCK_DGRAM;
    socklen_t bytes = sizeof type;

    getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &bytes);
    return type == SOCK_STREAM ? ZSIP_TRANSPORT_TCP : ZSIP_TRANSPORT_UDP;
}

/* Each worker takes a duplicate of each socket that was handed over. */
static enum zsip_status adopt_all(struct serve_worker *self, struct serve_config *config,
                                  char *error, size_t error_bytes)
{
    for (unsigned i = 0; i < config->adopt_count; i++) {
        struct cli_place *place = &config->adopted[i];
        enum zsip_status status = zsip_worker_adopt(self->zsip, config->adopt_first + (int)i,
                                                    &place->address, error, error_bytes);

        if (status != ZSIP_OK)
            return status;
        place->transport = transport_of(config->adopt_first + (int)i);
        zsip_address_text(&place->address, place->text);
    }
    return ZSIP_OK;
}

enum zsip_status serve_worker_create(struct serve_worker *worker, struct serve_config *config,
                                     unsigned index, char *error, size_t error_bytes)
{
    struct zsip_worker_config zsip;
    enum zsip_status status;

    worker->config = config;
    worker->random = index;
    if (config->shape.delay_max_ns > 0)
        worker->held = calloc(config->held_max, sizeof *worker->held);
    if (config->shape.delay_max_ns > 0 && worker->held == NULL) {
        snprintf(error, error_bytes, "no memory for --held-max %u; give less", config->held_max);
        return ZSIP_ERROR_MEMORY;
    }
    configure(&zsip, worker, index);
    if (config->scenario.path != NULL) {
        status = serve_script_create(worker, index, error, error_bytes);
        if (status != ZSIP_OK)
            return status;
        serve_script_configure(worker, &zsip.endpoint);
    }
    status = zsip_worker_create(&zsip, &worker->zsip, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    worker->endpoint = zsip_worker_endpoint(worker->zsip);
    status = adopt_all(worker, config, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    status = listen_all(worker, config, index, error, error_bytes);
    if (status != ZSIP_OK || worker->script == NULL)
        return status;
    return serve_script_bind(worker, error, error_bytes);
}

void serve_worker_destroy(struct serve_worker *worker)
{
    if (worker->zsip != NULL)
        zsip_worker_destroy(worker->zsip);
    scenario_run_destroy(worker->script);
    free(worker->held);
}

void *serve_worker_thread(void *argument)
{
    struct serve_worker *worker = argument;

    if (zsip_worker_run(worker->zsip) != ZSIP_OK)
        atomic_store(&worker->broken, true);
    atomic_store_explicit(&worker->over, true, memory_order_release);
    return NULL;
}

static void look(void *argument, struct zsip_worker *worker, struct zsip_time now)
{
    (void)argument;
    (void)worker;
    (void)now; /* the turn that follows sees what is wanted */
}

void serve_worker_drain(struct serve_worker *worker)
{
    atomic_store(&worker->draining, true);
    zsip_worker_post(worker->zsip, look, NULL);
}
