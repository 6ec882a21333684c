/* The client side: requests of ours under way, and what becomes of them (RFC 3261 section 8.1). */
#include "core/core.h"

/* ---- Slots ----------------------------------------------------------------------------------- */

static struct request *request_take(struct zsip_endpoint *endpoint, uint32_t *index)
{
    uint32_t at = endpoint->request_free;
    if (at != NONE) {
        endpoint->request_free = endpoint->requests[at].free_next;
    } else if (endpoint->request_fresh < endpoint->config.clients_max) {
        at = endpoint->request_fresh++;
        endpoint->requests[at].generation = 0;
    } else {
        return NULL;
    }
    struct request *request = &endpoint->requests[at];
    uint32_t generation = request->generation + 1;
    *request = (struct request){
        .generation = generation == 0 ? 1 : generation, .large_slot = NONE, .state = REQUEST_NEW};
    COUNT(endpoint->request_count, 1);
    *index = at;
    return request;
}

/* Takes a request out of the list of those that wait for room in the output. */
static void unwritten_drop(struct zsip_endpoint *endpoint, uint32_t index)
{
    uint32_t *link = &endpoint->unwritten;
    while (*link != index) { /* bounded by clients_max, and hardly ever longer than one */
        ZSIP_ASSERT(*link != NONE);
        link = &endpoint->requests[*link].free_next;
    }
    *link = endpoint->requests[index].free_next;
    endpoint->requests[index].unwritten = false;
}

static void request_give(struct zsip_endpoint *endpoint, uint32_t index)
{
    struct request *request = &endpoint->requests[index];
    if (request->unwritten)
        unwritten_drop(endpoint, index);
    if (request->large_slot != NONE)
        endpoint->large_free[endpoint->large_free_count++] = request->large_slot;
    request->state = REQUEST_FREE;
    request->free_next = endpoint->request_free;
    endpoint->request_free = index;
    COUNT(endpoint->request_count, -1u);
}

static uint64_t request_id(const struct zsip_endpoint *endpoint, uint32_t index)
{
    return (uint64_t)endpoint->requests[index].generation << 32 | index;
}

static struct request *request_by_id(struct zsip_endpoint *endpoint, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    if (index >= endpoint->request_fresh)
        return NULL;
    struct request *request = &endpoint->requests[index];
    bool live = request->state != REQUEST_FREE && request->generation == (uint32_t)(id >> 32);
    return live ? request : NULL;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static bool request_reliable(const struct request *request)
{
    return request->over_tcp || (request->path.flags & ZSIP_PATH_RELIABLE) != 0;
}

/* Has the application write the request. ERROR_TOO_LARGE: it found no room. */
static enum zsip_status request_build(struct zsip_endpoint *endpoint, struct request *request,
                                      struct text *text, uint32_t *pad_at)
{
    char branch[ZSIP_TXN_BRANCH_BYTES];
    zsip_txn_branch_write(endpoint->txn, request->client, branch);
    struct zsip_view view = {(const uint8_t *)branch, sizeof(branch)};
    uint8_t *begin = text->at;
    size_t room = (size_t)(text->end - begin);
    size_t bytes =
        endpoint->callbacks.build(endpoint->user, request->cookie, view, begin, room, pad_at);
    ZSIP_ASSERT(bytes <= room);
    if (bytes == 0)
        return ZSIP_ERROR_TOO_LARGE;
    text->at += bytes;
    if (request->over_tcp)
        return zsip_size_via(begin, bytes, "TCP") ? ZSIP_OK : ZSIP_ERROR_ARGUMENT;
    if (request->refused)
        return bytes > DATAGRAM_BYTES_MAX ? ZSIP_ERROR_TOO_LARGE : ZSIP_OK;
    /* What left by UDP stays there. */
    bool switches = request->state != REQUEST_PENDING && zsip_size_switches(endpoint) &&
                    zsip_size_over(endpoint, &request->path, bytes, 0);
    if (!switches)
        return ZSIP_OK;
    request->refused = zsip_size_refuses(endpoint, &request->path.remote, bytes);
    return request->refused ? ZSIP_OK : ZSIP_MORE;
}

/* Writes the request into the output, for the first time or again. ERROR_TOO_LARGE: no room; on an
 * unreliable transport Timer E makes up for it. MORE: nothing is written, it is too large for UDP.
 * ERROR_ARGUMENT: it has no Via to change. */
static enum zsip_status request_write(struct zsip_endpoint *endpoint, uint32_t index)
{
    struct request *request = &endpoint->requests[index];
    struct text text = zsip_output_begin(&endpoint->output);
    uint8_t *begin = text.at;
    uint32_t pad_at = request->pad_at;
    enum zsip_status status = ZSIP_OK;
    if (request->bytes != NULL)
        text_bytes(&text, request->bytes, request->byte_count);
    else
        status = request_build(endpoint, request, &text, &pad_at);
    if (status == ZSIP_MORE || status == ZSIP_ERROR_ARGUMENT)
        return status;
    const uint8_t *pad = pad_at == 0 ? NULL : begin + pad_at;
    struct zsip_path path = zsip_size_path(request);
    if (status != ZSIP_OK || text.over) {
        COUNT(endpoint->stats.output_full, 1);
        return ZSIP_ERROR_TOO_LARGE;
    }
    zsip_output_end(&endpoint->output, &text, pad, zsip_output_path(&endpoint->output, &path),
                    request_id(endpoint, index));
    return ZSIP_OK;
}

/* A client transaction and the first send of it. ERROR_FULL: no slot, nothing is open. All else as
 * request_write(), and the transaction is open. */
static enum zsip_status request_open(struct zsip_endpoint *endpoint, uint32_t index)
{
    struct request *request = &endpoint->requests[index];
    enum zsip_status status =
        zsip_txn_client_open(endpoint->txn, request_reliable(request), request->method, index,
                             endpoint->now_ns, &request->client);
    if (status != ZSIP_OK)
        return status;
    if (request->bytes != NULL)
        zsip_txn_branch_write(endpoint->txn, request->client,
                              (char *)request->bytes + request->branch_at);
    return request_write(endpoint, index);
}

static enum zsip_status request_start(struct zsip_endpoint *endpoint, uint32_t index)
{
    struct request *request = &endpoint->requests[index];
    enum zsip_status status = request_open(endpoint, index);
    if (status == ZSIP_MORE) {
        /* The transaction of UDP that never was. */
        zsip_txn_client_close(endpoint->txn, request->client);
        request->over_tcp = true;
        status = request_open(endpoint, index);
    }
    if (status == ZSIP_ERROR_FULL)
        return status;
    request->state = REQUEST_PENDING;
    COUNT(endpoint->stats.requests_out, 1);
    COUNT(endpoint->stats.oversize_tcp, request->over_tcp);
    return status;
}

/* What may be larger than the ordinary room: what the caller vouches for, or no rule of MESSAGE's
 * keeps from TCP. */
static bool may_be_large(const struct zsip_endpoint *endpoint, const struct zsip_send *send)
{
    bool message = send->method.length == 0 || view_equal(send->method, ZSIP_VIEW("MESSAGE"));
    bool stream = (send->path.flags & ZSIP_PATH_RELIABLE) || zsip_size_switches(endpoint);
    return (send->flags & ZSIP_SEND_VOUCHED) || (!message && stream);
}

/* Composes into the ordinary room, or into a large one where it may be that large. */
static enum zsip_status request_compose(struct zsip_endpoint *endpoint,
                                        const struct zsip_send *send, uint32_t index)
{
    struct request *request = &endpoint->requests[index];
    size_t room = endpoint->config.client_bytes_max;
    request->bytes = endpoint->request_rooms + (size_t)index * room;
    enum zsip_status status = zsip_compose(endpoint, send, request, room);
    if (status != ZSIP_ERROR_TOO_LARGE)
        return status;
    if (!may_be_large(endpoint, send))
        return ZSIP_ERROR_SIZE;
    if (endpoint->large_free_count == 0)
        return ZSIP_ERROR_FULL;
    request->large_slot = endpoint->large_free[--endpoint->large_free_count];
    request->bytes = endpoint->large_rooms + (size_t)request->large_slot * LARGE_ROOM_BYTES;
    return zsip_compose(endpoint, send, request, ZSIP_HEADER_SECTION_BYTES_MAX);
}

static bool one_at_a_time(const struct request *request, uint32_t flags)
{
    return request->method == ZSIP_METHOD_MESSAGE && !(flags & ZSIP_SEND_OVERLAP);
}

static enum zsip_status request_send(struct zsip_endpoint *endpoint, const struct zsip_send *send,
                                     uint32_t index)
{
    struct request *request = &endpoint->requests[index];
    enum zsip_status status = request_compose(endpoint, send, index);
    if (status != ZSIP_OK)
        return status;
    bool waits = false;
    request->claims = one_at_a_time(request, send->flags);
    if (request->claims) {
        status = zsip_target_claim(endpoint, index, &waits);
        if (status != ZSIP_OK)
            return status;
    }
    if (waits) {
        request->state = REQUEST_WAITING;
        return ZSIP_OK;
    }
    status = zsip_output_fits(&endpoint->output, request->byte_count)
                 ? request_start(endpoint, index)
                 : ZSIP_ERROR_FULL;
    if (status != ZSIP_OK && request->claims)
        zsip_target_release(endpoint, index);
    return status;
}

static const struct zsip_send send_defaults = {.struct_bytes = sizeof(struct zsip_send),
                                               .expires_s = -1};

void zsip_send_init_sized(struct zsip_send *send, size_t struct_bytes)
{
    send->struct_bytes = struct_bytes;
    zsip_struct_write(send, &send_defaults, sizeof(send_defaults));
}

enum zsip_status zsip_endpoint_send(struct zsip_endpoint *endpoint, const struct zsip_send *given,
                                    struct zsip_time now, uint64_t *client)
{
    struct zsip_send send = send_defaults;
    enum zsip_status status = zsip_struct_read(&send, sizeof(send), given);
    if (status != ZSIP_OK)
        return status;
    zsip_endpoint_advance(endpoint, now);
    uint32_t index;
    struct request *request = request_take(endpoint, &index);
    if (request == NULL)
        return ZSIP_ERROR_FULL;
    request->path = send.path;
    request->cookie = send.cookie;
    status = request_send(endpoint, &send, index);
    if (status != ZSIP_OK) {
        request_give(endpoint, index);
        return status;
    }
    *client = request_id(endpoint, index);
    return ZSIP_OK;
}

enum zsip_status zsip_endpoint_send_built(struct zsip_endpoint *endpoint, enum zsip_method method,
                                          const struct zsip_path *path, uint64_t cookie,
                                          struct zsip_time now, uint64_t *client)
{
    ZSIP_ASSERT(endpoint->callbacks.build != NULL);
    zsip_endpoint_advance(endpoint, now);
    if (!zsip_output_fits(&endpoint->output, endpoint->config.client_bytes_max))
        return ZSIP_ERROR_FULL;
    uint32_t index;
    struct request *request = request_take(endpoint, &index);
    if (request == NULL)
        return ZSIP_ERROR_FULL;
    request->path = *path;
    request->cookie = cookie;
    request->method = (uint8_t)method;
    enum zsip_status status = request_start(endpoint, index);
    if (status == ZSIP_OK) {
        *client = request_id(endpoint, index);
        return ZSIP_OK;
    }
    if (status != ZSIP_ERROR_FULL)
        zsip_txn_client_close(endpoint->txn, request->client);
    request_give(endpoint, index);
    return status;
}

/* ---- Outcomes -------------------------------------------------------------------------------- */

/* The end of a request: its target is free for the next in line, its slot for the next of all. */
static void request_end(struct zsip_endpoint *endpoint, uint32_t index)
{
    uint32_t next = endpoint->requests[index].claims ? zsip_target_release(endpoint, index) : NONE;
    request_give(endpoint, index);
    if (next == NONE)
        return;
    /* A client slot is free: there are as many as requests, and one was just given back. Where the
     * output has no room Timer E sends it, or, over a reliable transport, the next turn does. */
    enum zsip_status status = request_start(endpoint, next);
    ZSIP_ASSERT(status == ZSIP_OK || status == ZSIP_ERROR_TOO_LARGE);
    struct request *request = &endpoint->requests[next];
    if (status == ZSIP_OK || !request_reliable(request))
        return;
    request->unwritten = true;
    request->free_next = endpoint->unwritten;
    endpoint->unwritten = next;
}

void zsip_uac_unwritten(struct zsip_endpoint *endpoint)
{
    while (endpoint->unwritten != NONE) {
        uint32_t index = endpoint->unwritten;
        if (!zsip_output_fits(&endpoint->output, endpoint->requests[index].byte_count))
            return;
        unwritten_drop(endpoint, index);
        request_write(endpoint, index);
    }
}

static void tell(struct zsip_endpoint *endpoint, const struct zsip_outcome *outcome)
{
    if (endpoint->callbacks.outcome != NULL)
        endpoint->callbacks.outcome(endpoint->user, endpoint, outcome);
}

static struct zsip_outcome outcome_of(const struct zsip_endpoint *endpoint, uint32_t index)
{
    const struct request *request = &endpoint->requests[index];
    return (struct zsip_outcome){
        .client = request_id(endpoint, index),
        .cookie = request->cookie,
        .sends = (uint8_t)zsip_txn_client_sends(endpoint->txn, request->client),
        .now = endpoint_now(endpoint),
    };
}

static bool sent_by_ours(struct zsip_endpoint *endpoint, struct zsip_view theirs)
{
    struct zsip_view ours = {endpoint->sent_by, endpoint->sent_by_bytes};
    if (view_equal(theirs, ours) || zsip_text_equal_fold(theirs, ours))
        return true;
    return endpoint->callbacks.sent_by_ours != NULL &&
           endpoint->callbacks.sent_by_ours(endpoint->user, endpoint, theirs);
}

/* One Via, and ours (RFC 3261 sections 8.1.3.3, 18.1.2). */
static bool via_ours(struct zsip_endpoint *endpoint, const struct zsip_msg *msg)
{
    if (!sent_by_ours(endpoint, zsip_msg_view(msg, msg->via.sent_by)))
        return false;
    unsigned row = zsip_msg_find(msg, ZSIP_HEADER_VIA, 0);
    if (row == msg->header_count ||
        zsip_msg_find(msg, ZSIP_HEADER_VIA, row + 1) < msg->header_count)
        return false;
    const struct zsip_slice *value = &msg->headers[row].value;
    return value->offset + value->length == msg->via.whole.offset + msg->via.whole.length;
}

/* A method without an id is compared by name, where the request is at hand. */
static bool method_matches(const struct request *request, const struct zsip_msg *msg)
{
    if (request->method != ZSIP_METHOD_UNKNOWN || request->bytes == NULL)
        return true;
    struct zsip_view name = {request->bytes, (size_t)request->target_offset - 1};
    return view_equal(name, zsip_msg_view(msg, msg->method_name));
}

void zsip_uac_response(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                       const struct zsip_path *path)
{
    COUNT(endpoint->stats.responses_in, 1);
    struct zsip_txn_client client;
    uint64_t cookie;
    if (!via_ours(endpoint, msg)) {
        COUNT(endpoint->stats.responses_stray, 1);
        return;
    }
    enum zsip_status status =
        zsip_txn_client_find(endpoint->txn, zsip_msg_view(msg, msg->via.branch), msg->method,
                             msg->status_code, &client, &cookie);
    if (status != ZSIP_OK || !method_matches(&endpoint->requests[cookie], msg)) {
        if (status == ZSIP_ERROR_STALE)
            COUNT(endpoint->stats.responses_late, 1);
        else
            COUNT(endpoint->stats.responses_stray, 1);
        return;
    }
    uint32_t index = (uint32_t)cookie;
    struct zsip_outcome outcome = outcome_of(endpoint, index);
    unsigned actions;
    status = zsip_txn_client_response(endpoint->txn, client, msg->status_code, endpoint->now_ns,
                                      &actions);
    ZSIP_ASSERT(status == ZSIP_OK); /* it was just found */
    outcome.code = msg->status_code;
    outcome.msg = msg;
    outcome.path = path;
    outcome.final = (actions & ZSIP_TXN_FREE) != 0;
    if (outcome.final) {
        COUNT(endpoint->stats.outcomes_final, 1);
        request_end(endpoint, index);
    }
    if (actions & ZSIP_TXN_PASS_RESPONSE)
        tell(endpoint, &outcome);
}

/* Ends without a response. outcome was taken while the transaction was there to be asked. */
static void fail(struct zsip_endpoint *endpoint, uint32_t index, struct zsip_outcome outcome,
                 enum zsip_status status)
{
    outcome.status = status;
    outcome.code = (uint16_t)zsip_status_code(status);
    outcome.final = true;
    request_end(endpoint, index);
    tell(endpoint, &outcome);
}

void zsip_uac_event(struct zsip_endpoint *endpoint, const struct zsip_txn_event *event)
{
    uint32_t index = (uint32_t)event->cookie;
    if (event->kind == ZSIP_TXN_CLIENT_RETRANSMIT) {
        COUNT(endpoint->stats.retransmissions_out, 1);
        request_write(endpoint, index);
        return;
    }
    COUNT(endpoint->stats.outcomes_timeout, 1);
    struct zsip_outcome outcome = outcome_of(endpoint, index);
    outcome.sends = (uint8_t)event->sends;
    fail(endpoint, index, outcome, ZSIP_ERROR_TIMEOUT);
}

void zsip_endpoint_send_failed(struct zsip_endpoint *endpoint, uint64_t id, struct zsip_time now)
{
    zsip_endpoint_advance(endpoint, now);
    struct request *request = request_by_id(endpoint, id);
    if (request == NULL || request->state != REQUEST_PENDING)
        return;
    struct zsip_outcome outcome = outcome_of(endpoint, (uint32_t)id);
    unsigned actions;
    if (zsip_txn_client_failed(endpoint->txn, request->client, &actions) != ZSIP_OK)
        return;
    COUNT(endpoint->stats.outcomes_unreachable, 1);
    fail(endpoint, (uint32_t)id, outcome, ZSIP_ERROR_UNREACHABLE);
}

void zsip_endpoint_send_refused(struct zsip_endpoint *endpoint, uint64_t id, struct zsip_time now)
{
    zsip_endpoint_advance(endpoint, now);
    struct request *request = request_by_id(endpoint, id);
    if (request == NULL || request->state != REQUEST_PENDING || !request->over_tcp ||
        request->byte_count > DATAGRAM_BYTES_MAX) {
        zsip_endpoint_send_failed(endpoint, id, now);
        return;
    }
    struct zsip_outcome outcome = outcome_of(endpoint, (uint32_t)id);
    unsigned actions;
    if (zsip_txn_client_failed(endpoint->txn, request->client, &actions) != ZSIP_OK)
        return;
    zsip_size_refused(endpoint, &request->path.remote);
    request->over_tcp = false;
    request->refused = true;
    if (request->bytes != NULL)
        zsip_size_via(request->bytes, request->byte_count, "UDP");
    /* A slot is free, one was just given back. Where the output has no room Timer E sends it. */
    enum zsip_status status = request_open(endpoint, (uint32_t)id);
    ZSIP_ASSERT(status == ZSIP_OK || status == ZSIP_ERROR_TOO_LARGE);
    bool room = zsip_output_fits(&endpoint->output, endpoint->config.client_bytes_max);
    if (status == ZSIP_OK || request->bytes != NULL || !room) {
        COUNT(endpoint->stats.oversize_back, 1);
        return;
    }
    zsip_txn_client_close(endpoint->txn, request->client);
    COUNT(endpoint->stats.outcomes_unreachable, 1);
    fail(endpoint, (uint32_t)id, outcome, ZSIP_ERROR_UNREACHABLE);
}

size_t zsip_branch_bytes(void)
{
    return ZSIP_TXN_BRANCH_BYTES;
}

/* The branch stands in the first line but one of every request of ours. */
static struct zsip_view quoted_branch(struct zsip_view quoted)
{
    static const char cookie[] = "branch=z9hG4bK";
    const size_t name = sizeof("branch=") - 1;
    for (size_t at = 0; at + name + ZSIP_TXN_BRANCH_BYTES <= quoted.length; at++) {
        if (memcmp(quoted.data + at, cookie, sizeof(cookie) - 1) == 0)
            return (struct zsip_view){quoted.data + at + name, ZSIP_TXN_BRANCH_BYTES};
    }
    return (struct zsip_view){NULL, 0};
}

/* The longest train there is is of 128, and a turn brings a destination few of them. */
#define TRAIN_MAX 512u

/* An ICMP error comes once for a train, and hosts send few a second; it quotes one request. What
 * left with that one for the same place was lost with it (RFC 3261 section 18.4). */
static void fail_train(struct zsip_endpoint *endpoint, struct zsip_txn_client client,
                       uint32_t index, struct zsip_time now)
{
    uint64_t ids[1 + TRAIN_MAX];
    const struct zsip_path *path = &endpoint->requests[index].path;
    size_t beside = zsip_txn_client_beside(endpoint->txn, client, ids + 1, TRAIN_MAX), count = 1;
    ids[0] = request_id(endpoint, index);
    for (size_t i = 1; i <= beside; i++) {
        const struct zsip_path *other = &endpoint->requests[(uint32_t)ids[i]].path;
        if (memcmp(other, path, sizeof(*path)) == 0)
            ids[count++] = request_id(endpoint, (uint32_t)ids[i]);
    }
    /* By now all are named: what a callback sends in the meantime is none of them. */
    for (size_t i = 0; i < count; i++)
        zsip_endpoint_send_failed(endpoint, ids[i], now);
}

void zsip_endpoint_send_failed_quoted(struct zsip_endpoint *endpoint, struct zsip_view quoted,
                                      struct zsip_time now)
{
    zsip_endpoint_advance(endpoint, now);
    if (quoted.length > 1500)
        quoted.length = 1500;
    struct zsip_view branch = quoted_branch(quoted);
    const uint8_t *space = quoted.length == 0 ? NULL : memchr(quoted.data, ' ', quoted.length);
    if (branch.length == 0 || space == NULL)
        return;
    struct zsip_view method = {quoted.data, (size_t)(space - quoted.data)};
    struct zsip_txn_client client;
    uint64_t cookie;
    if (zsip_txn_client_find(endpoint->txn, branch, (uint8_t)zsip_method_by_name(method), 503,
                             &client, &cookie) == ZSIP_OK)
        fail_train(endpoint, client, (uint32_t)cookie, now);
}
