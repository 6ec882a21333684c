/* Answers of the application: at once, or held and given later. */
#include "core/core.h"

/* Statuses that RFC 3261 sections 20 and 21 give a mandatory field, which only the application can
 * fill. 420 is filled from the request where it is at hand. */
static bool needs_headers(unsigned status, bool held)
{
    return status == 401 || status == 407 || status == 421 || status == 423 ||
           (status == 420 && held);
}

static enum zsip_status answer_from(const struct zsip_response *response, uint8_t method, bool held,
                                    struct answer *answer)
{
    unsigned status = response->status;
    if (status == 200 && (response->reason.length | response->headers.length |
                          response->content_type.length | response->body.length) == 0) {
        *answer = (struct answer){.status = status}; /* what nearly all are */
        return ZSIP_OK;
    }
    bool message_2xx = method == ZSIP_METHOD_MESSAGE && status / 100 == 2;
    /* No provisional but 100, and never 408 (RFC 4320 sections 4.1, 4.2). */
    if (status != 100 && (status < 200 || status > 699 || status == 408))
        return ZSIP_ERROR_ARGUMENT;
    if (message_2xx && response->body.length > 0) /* RFC 3428 section 7 */
        return ZSIP_ERROR_ARGUMENT;
    if (response->headers.length + response->body.length + response->reason.length +
            response->content_type.length >
        RESPONSE_EXTRA_BYTES_MAX)
        return ZSIP_ERROR_TOO_LARGE;
    if (!zsip_text_line_valid(response->reason) || !zsip_text_line_valid(response->content_type) ||
        !zsip_text_headers_valid(response->headers, !message_2xx))
        return ZSIP_ERROR_ARGUMENT;
    if (response->body.length > 0 && response->content_type.length == 0)
        return ZSIP_ERROR_ARGUMENT; /* RFC 3261 section 20.15 */
    if (response->headers.length == 0 && needs_headers(status, held))
        return ZSIP_ERROR_ARGUMENT;
    *answer = (struct answer){.status = status,
                              .reason = response->reason,
                              .headers = response->headers,
                              .content_type = response->content_type,
                              .body = response->body};
    const char *standard = zsip_reason_phrase(status);
    if (view_equal(answer->reason, (struct zsip_view){(const uint8_t *)standard, strlen(standard)}))
        answer->reason = (struct zsip_view){NULL, 0};
    return ZSIP_OK;
}

static enum zsip_status respond_current(struct zsip_endpoint *endpoint,
                                        const struct zsip_response *response)
{
    struct current *current = &endpoint->current;
    struct answer answer;
    if (current->answered || current->held)
        return ZSIP_ERROR_STALE;
    enum zsip_status status = answer_from(response, current->msg->method, false, &answer);
    if (status != ZSIP_OK)
        return status;
    if (answer.status == 100)
        return ZSIP_ERROR_STATE; /* who wants to answer later holds the request */
    current->answered = true;
    return zsip_uas_answer(endpoint, current->msg, current->path, current->key, &answer);
}

/* Writes the response to a held request. */
static void write_held(struct zsip_endpoint *endpoint, struct held *held,
                       const struct answer *answer)
{
    struct text text = zsip_output_begin(&endpoint->output);
    zsip_response_status_line(&text, answer->status, answer->reason);
    text_bytes(&text, held->bytes, held->echo_bytes);
    if (answer->status == 100 && held->timestamp_bytes > 0) {
        /* RFC 3261 section 8.2.6.1: the value, and the delay before this response in seconds. */
        uint64_t delay_ms = (endpoint->now_ns - held->arrived_ns) / ZSIP_NS_PER_MS;
        text_literal(&text, "Timestamp: ");
        text_bytes(&text, held->bytes + held->echo_bytes, held->timestamp_bytes);
        text_literal(&text, " ");
        zsip_text_unsigned(&text, delay_ms / 1000);
        text_literal(&text, ".");
        zsip_text_unsigned(&text, delay_ms / 100 % 10);
        text_literal(&text, "\r\n");
    }
    const uint8_t *pad_at = zsip_response_rest(endpoint, NULL, held->method, answer, &text);
    if (text.over) {
        COUNT(endpoint->stats.output_full, 1);
        return;
    }
    zsip_output_end(&endpoint->output, &text, pad_at,
                    zsip_output_path(&endpoint->output, &held->path), 0);
    if (answer->status == 100)
        held->told_ns = endpoint->now_ns;
}

void zsip_uas_provisional(struct zsip_endpoint *endpoint, struct zsip_txn_server server)
{
    COUNT(endpoint->stats.answered_1xx, 1);
    write_held(endpoint, endpoint_held(endpoint, server.slot), &(struct answer){.status = 100});
}

static uint64_t server_handle(struct zsip_txn_server server)
{
    return (uint64_t)server.generation << 32 | server.slot;
}

void zsip_uas_abandoned(struct zsip_endpoint *endpoint, struct zsip_txn_server server)
{
    COUNT(endpoint->stats.abandoned, 1);
    if (endpoint->callbacks.abandoned != NULL)
        endpoint->callbacks.abandoned(endpoint->user, endpoint, server_handle(server));
}

static enum zsip_status respond_held(struct zsip_endpoint *endpoint, uint64_t handle,
                                     const struct zsip_response *response)
{
    struct zsip_txn_server server = {.slot = (uint32_t)handle,
                                     .generation = (uint32_t)(handle >> 32)};
    enum zsip_status status = zsip_txn_check(endpoint->txn, server);
    if (status != ZSIP_OK)
        return status;
    struct held *held = endpoint_held(endpoint, server.slot);
    struct answer answer;
    status = answer_from(response, held->method, true, &answer);
    if (status != ZSIP_OK)
        return status;
    if (!zsip_output_fits(&endpoint->output,
                          held->echo_bytes + RESPONSE_OWN_BYTES_MAX + RESPONSE_EXTRA_BYTES_MAX))
        return ZSIP_ERROR_FULL;
    struct zsip_view delta = {NULL, 0};
    if (answer.status != 100 && !answer_is_plain(&answer)) {
        delta.data = endpoint->scratch;
        delta.length = zsip_answer_encode(&answer, endpoint->scratch, sizeof(endpoint->scratch));
    }
    unsigned actions;
    status =
        zsip_txn_respond(endpoint->txn, server, answer.status, delta, endpoint->now_ns, &actions);
    if (status != ZSIP_OK)
        return status;
    if (actions & (ZSIP_TXN_SEND_FINAL | ZSIP_TXN_SEND_100)) {
        zsip_uas_count_answer(endpoint, answer.status);
        write_held(endpoint, held, &answer);
    }
    return ZSIP_OK;
}

enum zsip_status zsip_endpoint_respond(struct zsip_endpoint *endpoint, uint64_t handle,
                                       const struct zsip_response *response, struct zsip_time now)
{
    struct zsip_response read = {0};
    if (response->struct_bytes != sizeof(read)) { /* of another version's */
        enum zsip_status status = zsip_struct_read(&read, sizeof(read), response);
        if (status != ZSIP_OK)
            return status;
        response = &read;
    }
    zsip_endpoint_advance(endpoint, now);
    if (endpoint->current.handle != 0 && handle == endpoint->current.handle)
        return respond_current(endpoint, response);
    return respond_held(endpoint, handle, response);
}

/* Copies what the response repeats, and the Timestamp a 100 repeats, through the room behind the
 * output, so that nothing is opened for a request that turns out too large. */
static enum zsip_status hold_write(struct zsip_endpoint *endpoint, const struct current *current,
                                   struct text *text, size_t *echo_bytes)
{
    char tag[ZSIP_TXN_TAG_BYTES];
    zsip_txn_to_tag(current->key, tag);
    zsip_response_echo(endpoint, current->msg, current->path, tag, text);
    *echo_bytes = output_written(&endpoint->output, text);
    if (zsip_msg_has(current->msg, ZSIP_HEADER_TIMESTAMP)) {
        unsigned row = zsip_msg_find(current->msg, ZSIP_HEADER_TIMESTAMP, 0);
        struct zsip_view value = zsip_msg_view(current->msg, current->msg->headers[row].value);
        if (value.length <= 64)
            text_view(text, value);
    }
    size_t bytes = output_written(&endpoint->output, text);
    return text->over || bytes > endpoint->config.pending_bytes_max ? ZSIP_ERROR_TOO_LARGE
                                                                    : ZSIP_OK;
}

enum zsip_status zsip_endpoint_hold(struct zsip_endpoint *endpoint, uint64_t handle,
                                    uint64_t *held_handle)
{
    struct current *current = &endpoint->current;
    if (current->handle == 0 || handle != current->handle || current->answered || current->held)
        return ZSIP_ERROR_STALE;
    if (current->key->drawn) /* copies of what is held are known by their fingerprints */
        current->key = zsip_uas_key(endpoint, current->msg, current->path);
    struct text text = zsip_output_begin(&endpoint->output);
    const uint8_t *begin = text.at;
    size_t echo_bytes;
    current->hold_status = hold_write(endpoint, current, &text, &echo_bytes);
    if (current->hold_status != ZSIP_OK)
        return current->hold_status;
    struct zsip_txn_server server;
    current->hold_status = zsip_txn_open(endpoint->txn, current->key, endpoint->now_ns, &server);
    if (current->hold_status != ZSIP_OK)
        return current->hold_status;
    struct held *held = endpoint_held(endpoint, server.slot);
    size_t bytes = (size_t)(text.at - begin);
    held->path = zsip_response_path(endpoint, current->msg, current->path);
    held->arrived_ns = endpoint->now_ns;
    held->told_ns = 0;
    held->echo_bytes = (uint32_t)echo_bytes;
    held->timestamp_bytes = (uint16_t)(bytes - echo_bytes);
    held->method = current->msg->method;
    memcpy(held->bytes, begin, bytes);
    current->held = true;
    *held_handle = server_handle(server);
    return ZSIP_OK;
}
