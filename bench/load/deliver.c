#include "deliver.h"

#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests that arrive are completed transactions for 64*T1: address space, touched as used. */
#define COMPLETED_MAX 40000000u
/* What a store-and-forward core may take to deliver the last ones. */
#define LINGER_NS (2 * ZSIP_NS_PER_S)

/* ---- Stamps ---------------------------------------------------------------------------------- */

static bool read_hex(const uint8_t *text, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < 16; i++) {
        uint8_t c = text[i];
        unsigned digit = c >= '0' && c <= '9' ? c - (unsigned)'0' : 16;

        if (c >= 'a' && c <= 'f')
            digit = c - (unsigned)'a' + 10;
        if (digit > 15)
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

bool load_stamp_read(const uint8_t *body, size_t bytes, struct load_stamp *out)
{
    return bytes >= LOAD_STAMP_BYTES && memcmp(body, "zsip ", 5) == 0 && body[21] == ' ' &&
           body[38] == ' ' && body[55] == '\n' && read_hex(body + 5, &out->run) &&
           read_hex(body + 22, &out->sequence) && read_hex(body + 39, &out->sent_ns);
}

/* ---- What arrives ---------------------------------------------------------------------------- */

static void delivered(struct load_worker *worker, const struct load_stamp *stamp, uint64_t now_ns)
{
    struct load_deliver *deliver = worker->deliver;
    uint64_t arrival = stamp->sequence & (UINT64_MAX >> 8);
    uint32_t at = (uint32_t)(arrival % LOAD_DELIVER_WINDOW);
    uint64_t bit = UINT64_C(1) << (at % 64);

    deliver->answered_at_ns = now_ns;
    if (arrival < worker->arrivals_warm && worker->counted_ns > 0)
        return;
    if (deliver->seen[at / 64] & bit) {
        load_count(&worker->counters.duplicated, 1);
        return;
    }
    deliver->seen[at / 64] |= bit;
    load_count(&worker->counters.delivered, 1);
    load_histogram_record(&worker->one_way, (now_ns - stamp->sent_ns) / ZSIP_NS_PER_US);
}

/* Of requests to one user, one that left earlier came after one that left later. */
static void order(struct load_worker *worker, uint64_t arrival)
{
    struct load_deliver *deliver = worker->deliver;
    uint32_t user = deliver->users[arrival % LOAD_DELIVER_WINDOW] - worker->user_first;
    uint64_t *newest = &deliver->newest[user];

    if (arrival + 1 < *newest)
        load_count(&worker->counters.reordered, 1);
    else
        *newest = arrival + 1;
}

/* A body of this worker's, of a request that has left and is remembered. */
static bool is_ours(const struct load_worker *worker, const struct zsip_incoming *incoming,
                    struct load_stamp *stamp)
{
    const struct zsip_msg *msg = incoming->msg;
    uint64_t arrival;

    if (!load_stamp_read(msg->data + msg->body_offset, msg->body_bytes, stamp) ||
        stamp->run != worker->sources[0].template.run || stamp->sequence >> 56 != worker->index)
        return false;
    arrival = stamp->sequence & (UINT64_MAX >> 8);
    return arrival < worker->arrivals && worker->arrivals - arrival <= LOAD_DELIVER_WINDOW &&
           stamp->sent_ns <= incoming->now.monotonic_ns;
}

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct load_worker *worker = user;
    struct zsip_response response = {.struct_bytes = sizeof response, .status = 200};
    struct load_stamp stamp;

    if (incoming->msg->method == ZSIP_METHOD_MESSAGE) {
        if (is_ours(worker, incoming, &stamp)) {
            order(worker, stamp.sequence & (UINT64_MAX >> 8));
            delivered(worker, &stamp, incoming->now.monotonic_ns);
        } else {
            load_count(&worker->counters.misdelivered, 1);
        }
    }
    zsip_endpoint_respond(endpoint, incoming->handle, &response, incoming->now);
}

void load_deliver_sent(struct load_deliver *deliver, uint64_t arrival, uint32_t user)
{
    uint32_t at = (uint32_t)(arrival % LOAD_DELIVER_WINDOW);

    deliver->seen[at / 64] &= ~(UINT64_C(1) << (at % 64));
    deliver->users[at] = user;
}

bool load_deliver_over(const struct load_worker *worker, uint64_t now_ns)
{
    const struct load_shared_counters *counters = &worker->counters;
    uint64_t came = atomic_load_explicit(&counters->delivered, memory_order_relaxed);
    uint64_t accepted = atomic_load_explicit(&counters->answered_2xx, memory_order_relaxed);
    uint64_t last_ns = worker->deliver->answered_at_ns;

    if (last_ns < worker->last_ns)
        last_ns = worker->last_ns;
    return came >= accepted || now_ns >= last_ns + LINGER_NS;
}

/* ---- Registering ----------------------------------------------------------------------------- */

uint64_t load_deliver_register(struct load_worker *worker, struct zsip_time now)
{
    struct load_deliver *deliver = worker->deliver;

    if (!load_authorize_turn(worker, now))
        return now.monotonic_ns;
    while (deliver->asked < worker->user_count && worker->free_count > 0 &&
           deliver->asked - deliver->ended < LOAD_REGISTER_WINDOW) {
        uint32_t index = worker->free_slots[worker->free_count - 1];
        const struct load_source *source;
        uint64_t client;

        worker->slots[index] = (struct load_slot){
            .planned_ns = now.monotonic_ns,
            .sent_ns = now.monotonic_ns,
            .sequence = (uint64_t)worker->index << 56 | UINT64_C(1) << 55 | deliver->asked,
            .user = worker->user_first + deliver->asked,
        };
        load_authorize_begin(worker, index);
        source = load_worker_source(worker, &worker->slots[index]);
        if (zsip_endpoint_send_built(worker->endpoint, ZSIP_METHOD_REGISTER, &source->path, index,
                                     now, &client) != ZSIP_OK)
            return now.monotonic_ns;
        worker->free_count--;
        deliver->asked++;
    }
    if (deliver->ended == worker->user_count)
        atomic_store_explicit(&worker->prepared, true, memory_order_release);
    return ZSIP_NEVER_NS;
}

void load_deliver_registered(struct load_worker *worker, const struct zsip_outcome *outcome)
{
    bool good = outcome->status == ZSIP_OK && outcome->code < 300;

    worker->deliver->ended++;
    worker->free_slots[worker->free_count++] = (uint32_t)outcome->cookie;
    atomic_fetch_add(good ? &worker->registered : &worker->register_failed, 1);
    if (!good)
        atomic_store(&worker->register_code, outcome->code);
    /* Who does not answer the first one will not answer the thousandth. */
    if (outcome->status != ZSIP_OK)
        worker->deliver->ended += worker->user_count - worker->deliver->asked,
            worker->deliver->asked = worker->user_count;
}

/* ---- Life ------------------------------------------------------------------------------------ */

void load_deliver_configure(const struct load_worker *worker, struct zsip_endpoint_config *endpoint)
{
    (void)worker;
    endpoint->callbacks.request = on_request;
    endpoint->completed_max = COMPLETED_MAX;
    /* A request that comes by two ways was delivered twice: that is to be told, not refused. */
    endpoint->merged = ZSIP_MERGED_ACCEPT;
}

enum zsip_status load_deliver_template(const struct load_worker *worker, struct load_source *source,
                                       const char *sent_by, uint64_t run, char *error,
                                       size_t error_bytes)
{
    const struct load_config *config = worker->config;
    uint64_t run_s =
        (config->duration_ns + config->warmup_ns + 64 * config->t1_ns) / ZSIP_NS_PER_S + 60;
    const struct load_template_config registration = {
        .method = ZSIP_METHOD_REGISTER,
        .domain = config->domain,
        .sent_by = sent_by,
        .transport = config->transport == ZSIP_TRANSPORT_TCP ? "TCP" : "UDP",
        .proxy = config->proxy,
        .to = config->to,
        /* As long as the run, and some: who runs again soon should not meet his own shadow. */
        .expires_s = config->duration_ns == 0 || run_s > 3600 ? 3600 : (uint32_t)run_s,
        .users = config->users,
        .auth = config->auth != NULL,
        .inject = config->inject,
        .run = run,
    };

    return load_template_make(&source->registration, &registration, error, error_bytes);
}

enum zsip_status load_deliver_create(struct load_worker *worker, char *error, size_t error_bytes)
{
    struct load_deliver *deliver = calloc(1, sizeof *deliver);

    worker->deliver = deliver;
    if (deliver != NULL) {
        deliver->seen = calloc(LOAD_DELIVER_WINDOW / 64, sizeof *deliver->seen);
        deliver->users = calloc(LOAD_DELIVER_WINDOW, sizeof *deliver->users);
        deliver->newest = calloc(worker->user_count, sizeof *deliver->newest);
    }
    if (deliver == NULL || deliver->seen == NULL || deliver->newest == NULL ||
        deliver->users == NULL) {
        snprintf(error, error_bytes, "no memory for %u users; give fewer", worker->user_count);
        return ZSIP_ERROR_MEMORY;
    }
    load_histogram_clear(&worker->one_way);
    return ZSIP_OK;
}

void load_deliver_destroy(struct load_deliver *deliver)
{
    if (deliver == NULL)
        return;
    free(deliver->seen);
    free(deliver->users);
    free(deliver->newest);
    free(deliver);
}
