/* What a worker's requests say: their template, their users, their sizes. */
#include "worker.h"

#include "auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines of an injection file that are tried before the run for what they make of a request; a file
 * with more is trusted. */
#define LINES_TRIED_MAX 200000u

/* ---- Users ----------------------------------------------------------------------------------- */

/* In their order, unless a file of theirs says at random: then dealt by a seed. */
void load_worker_users(struct load_worker *worker)
{
    const struct load_inject *inject = worker->config->inject;
    uint64_t drawn = 0x9e3779b97f4a7c15u;

    for (uint32_t i = 0; i < worker->user_count; i++)
        worker->idle_users[i] = worker->user_first + i;
    if (inject == NULL || load_inject_order(inject) != LOAD_INJECT_RANDOM || worker->user_count < 2)
        return;
    for (uint32_t i = worker->user_count - 1; i > 0; i--) {
        uint32_t other, swap = worker->idle_users[i];

        drawn = drawn * 6364136223846793005u + 1442695040888963407u;
        other = (uint32_t)((drawn >> 33) % (i + 1));
        worker->idle_users[i] = worker->idle_users[other];
        worker->idle_users[other] = swap;
    }
}

/* ---- Requests -------------------------------------------------------------------------------- */

static size_t length_of(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

uint32_t load_worker_room(const struct load_config *config)
{
    size_t bytes = 1400u + LOAD_STAMP_BYTES + config->body_bytes + length_of(config->headers) +
                   length_of(config->text) + 4 * (length_of(config->to) + length_of(config->from));

    if (config->auth != NULL)
        bytes += LOAD_AUTH_LINE_BYTES;
    if (config->inject != NULL)
        bytes += LOAD_INJECT_LINE_BYTES_MAX;
    return bytes < 65536 ? (uint32_t)bytes : 65536;
}

void load_worker_words(const struct load_worker *worker, const struct load_slot *slot,
                       struct load_words *out)
{
    uint32_t next = slot->user + 1;

    /* Nobody writes to himself, unless he is alone. */
    if (next == worker->user_first + worker->user_count)
        next = worker->user_first;
    *out = (struct load_words){
        .sequence = slot->sequence,
        .stamp_ns = slot->sent_ns,
        .user = slot->user,
        .sender = next,
        .cseq = 1,
    };
}

uint32_t load_worker_identity(const struct load_worker *worker, const struct load_words *words)
{
    bool registers = worker->start_ns == 0 || worker->config->method == ZSIP_METHOD_REGISTER;

    return registers || worker->config->inject != NULL ? words->user : words->sender;
}

struct load_source *load_worker_source(const struct load_worker *worker,
                                       const struct load_slot *slot)
{
    struct load_words words;

    if (worker->source_count == 1)
        return worker->sources;
    load_worker_words(worker, slot, &words);
    return &worker->sources[(load_worker_identity(worker, &words) - worker->user_first) %
                            worker->source_count];
}

/* The longest request that the lines of this worker's users make; 0: one that is too long. */
static uint32_t longest(const struct load_worker *worker)
{
    const struct load_template *template = &worker->sources[worker->source_widest].template;
    uint32_t most = template->bytes, tried = 1;
    uint8_t *out = malloc(LOAD_REQUEST_BYTES_MAX), branch[256] = {0};
    uint32_t room = load_worker_room(worker->config);

    if (out == NULL)
        return most;
    if (worker->config->inject != NULL)
        tried = worker->user_count < LINES_TRIED_MAX ? worker->user_count : LINES_TRIED_MAX;
    for (uint32_t i = 0; i < tried && !template->fixed; i++) {
        struct load_slot slot = {.user = worker->user_first + i};
        struct load_words words;
        uint32_t pad_at;
        size_t bytes;

        load_worker_words(worker, &slot, &words);
        bytes = load_template_write(
            template, &words, (struct zsip_view){branch, template->branch_bytes}, out,
            room < LOAD_REQUEST_BYTES_MAX ? room : LOAD_REQUEST_BYTES_MAX, &pad_at);
        if (bytes == 0 || (most > 0 && bytes > most))
            most = (uint32_t)bytes;
        if (bytes == 0)
            break;
    }
    free(out);
    return most;
}

enum zsip_status load_worker_size_check(struct load_worker *worker, char *error, size_t error_bytes)
{
    const struct load_config *config = worker->config;
    struct load_template *template = &worker->sources[worker->source_widest].template;
    bool sized = template->sized;
    uint32_t bytes, over;

    template->sized = false; /* the largest body there is */
    bytes = longest(worker);
    template->sized = sized;
    if (bytes == 0) {
        snprintf(error, error_bytes, "%s: a line makes a request too large",
                 load_inject_path(config->inject));
        return ZSIP_ERROR_SIZE;
    }
    template->bytes = bytes;
    if (bytes <= ZSIP_MESSAGE_BYTES_MAX || config->method != ZSIP_METHOD_MESSAGE || config->vouched)
        return ZSIP_OK;
    over = bytes - ZSIP_MESSAGE_BYTES_MAX;
    snprintf(error, error_bytes,
             "a request would have %u bytes, over the %u of RFC 3428 section 8: give "
             "--body-bytes %u at most, or --vouch if no hop is congestion-unsafe",
             bytes, ZSIP_MESSAGE_BYTES_MAX,
             config->body_bytes > over ? config->body_bytes - over : 0);
    return ZSIP_ERROR_SIZE;
}

/* Users write to each other. */
static const char *own_from(const struct load_config *config, char out[512])
{
    if (config->to != NULL)
        return config->to;
    snprintf(out, 512, "sip:u%%0%ud@%s", LOAD_USER_DIGITS, config->domain);
    return out;
}

enum zsip_status load_worker_template(struct load_worker *worker, struct load_source *source,
                                      const char *sent_by, uint64_t run, char *error,
                                      size_t error_bytes)
{
    const struct load_config *config = worker->config;
    char from[512];
    const struct load_template_config template = {
        .method = config->method,
        .method_name = config->method_name,
        .text = config->text,
        .text_name = config->text_name,
        .domain = config->domain,
        .sent_by = sent_by,
        .transport = config->transport == ZSIP_TRANSPORT_TCP ? "TCP" : "UDP",
        .proxy = config->proxy,
        .to = config->to,
        .from = config->from != NULL || !config->registers ? config->from : own_from(config, from),
        .stamped = config->registers,
        .headers = config->headers,
        .content_type = config->content_type,
        .body = config->body,
        .sizes = config->sizes,
        .utf8 = config->utf8,
        .users = config->users,
        .auth = config->auth != NULL,
        .inject = config->inject,
        .run = run,
    };

    return load_template_make(&source->template, &template, error, error_bytes);
}
