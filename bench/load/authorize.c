/* A worker's requests with credentials: made before a request leaves, and again when it was
 * challenged. */
#include "worker.h"

#include "auth.h"

#include <stdio.h>
#include <stdlib.h>

enum zsip_status load_authorize_create(struct load_worker *worker, uint64_t run, char *error,
                                       size_t error_bytes)
{
    const struct load_config *config = worker->config;
    const struct load_auth_config auth = {
        .credentials = config->auth,
        .inject = config->inject,
        .users = config->users,
        .user_count = worker->user_count,
        .slots = worker->slot_count,
        .run = run,
    };
    enum zsip_status status = load_auth_create(&auth, &worker->auth);

    worker->again = calloc(worker->slot_count, sizeof *worker->again);
    worker->unsigned_request = malloc(LOAD_REQUEST_BYTES_MAX);
    if (status == ZSIP_OK && (worker->again == NULL || worker->unsigned_request == NULL))
        status = ZSIP_ERROR_MEMORY;
    if (status != ZSIP_OK)
        snprintf(error, error_bytes,
                 status == ZSIP_ERROR_MEMORY ? "no memory for credentials: give fewer users"
                                             : "libcrypto has none of digest's hashes");
    return status;
}

void load_authorize_drop(struct load_worker *worker)
{
    load_auth_destroy(worker->auth);
    free(worker->again);
    free(worker->unsigned_request);
}

void load_authorize_words(const struct load_worker *worker, uint32_t index,
                          struct load_words *words)
{
    if (worker->auth == NULL)
        return;
    words->auth = load_auth_line(worker->auth, index);
    words->cseq = load_auth_cseq(worker->auth, index);
}

static void make(struct load_worker *worker, uint32_t index)
{
    static const uint8_t branch[256];
    const struct load_template *template;
    struct load_words words;
    uint32_t pad_at;
    size_t bytes;

    template = load_worker_template_now(worker, &worker->slots[index]);
    load_worker_words(worker, &worker->slots[index], &words);
    bytes =
        load_template_write(template, &words, (struct zsip_view){branch, template->branch_bytes},
                            worker->unsigned_request, LOAD_REQUEST_BYTES_MAX, &pad_at);
    load_auth_make(worker->auth, index, load_worker_identity(worker, &words),
                   (struct zsip_view){worker->unsigned_request, bytes});
}

void load_authorize_begin(struct load_worker *worker, uint32_t index)
{
    if (worker->auth == NULL)
        return;
    load_auth_begin(worker->auth, index);
    make(worker, index);
}

/* false: the output of this turn is full. */
static bool resend(struct load_worker *worker, uint32_t index, struct zsip_time now)
{
    enum zsip_method method = worker->start_ns == 0 ? ZSIP_METHOD_REGISTER : worker->config->method;
    const struct load_source *source = load_worker_source(worker, &worker->slots[index]);
    uint64_t client;

    return zsip_endpoint_send_built(worker->endpoint, method, &source->path, index, now, &client) ==
           ZSIP_OK;
}

bool load_authorize_again(struct load_worker *worker, const struct zsip_outcome *outcome)
{
    uint32_t index = (uint32_t)outcome->cookie;
    struct load_words words;

    if (worker->auth == NULL || outcome->msg == NULL ||
        (outcome->code != 401 && outcome->code != 407))
        return false;
    load_worker_words(worker, &worker->slots[index], &words);
    if (!load_auth_again(worker->auth, index, load_worker_identity(worker, &words), outcome->msg))
        return false;
    make(worker, index);
    load_count(&worker->counters.challenged, 1);
    if (!resend(worker, index, outcome->now))
        worker->again[worker->again_count++] = index;
    return true;
}

bool load_authorize_turn(struct load_worker *worker, struct zsip_time now)
{
    while (worker->again_count > 0) {
        if (!resend(worker, worker->again[worker->again_count - 1], now))
            return false;
        worker->again_count--;
    }
    return true;
}
