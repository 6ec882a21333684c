/* Life of an endpoint, its configuration, and the turn. */
#include "core/core.h"

#include "transport/memory.h"
#include "txn/siphash.h"
#include "zsip/host.h"

/* ---- Configuration --------------------------------------------------------------------------- */

static void config_defaults(struct zsip_endpoint_config *config)
{
    *config = (struct zsip_endpoint_config){
        .struct_bytes = sizeof(*config),
        .t1_ns = 500 * ZSIP_NS_PER_MS,
        .t2_ns = 4 * ZSIP_NS_PER_S,
        .t4_ns = 5 * ZSIP_NS_PER_S,
        .completed_max = 40u * 1000 * 1000,
        .pending_max = 16384,
        .pending_bytes_max = 4096,
        .clients_max = 16384,
        .client_bytes_max = 1536,
        .client_large_max = 16,
        .waiting_per_target_max = 64,
        .log_bytes_max = 64u << 20,
        .output_bytes = 1u << 20,
        .methods = ZSIP_VIEW("MESSAGE, OPTIONS"),
    };
}

void zsip_endpoint_config_init_sized(struct zsip_endpoint_config *config, size_t struct_bytes)
{
    struct zsip_endpoint_config defaults;
    config_defaults(&defaults);
    config->struct_bytes = struct_bytes;
    zsip_struct_write(config, &defaults, sizeof(defaults));
}

static bool all_zero(const uint8_t *bytes, size_t count)
{
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++)
        any |= bytes[i];
    return any == 0;
}

static enum zsip_status config_check(const struct zsip_endpoint_config *config)
{
    bool ok = config->t1_ns > 0 && config->t2_ns >= config->t1_ns && config->t4_ns > 0 &&
              config->completed_max > 0 && config->pending_max > 0 && config->clients_max > 0 &&
              config->pending_bytes_max >= 256 && config->pending_bytes_max <= 65536 &&
              config->client_bytes_max >= ZSIP_MESSAGE_BYTES_MAX &&
              config->client_bytes_max <= 65536 && config->output_bytes >= 160u << 10 &&
              config->output_bytes <= 1u << 30 && !all_zero(config->seed, sizeof(config->seed)) &&
              zsip_text_line_valid(config->methods) && zsip_text_line_valid(config->accept) &&
              zsip_text_line_valid(config->server);
    return ok ? ZSIP_OK : ZSIP_ERROR_ARGUMENT;
}

/* Keeps a copy of a text in the endpoint. */
static struct zsip_view keep(struct zsip_endpoint *endpoint, const char *before,
                             struct zsip_view view, const char *after)
{
    struct text text = {.at = endpoint->texts + endpoint->texts_used,
                        .end = endpoint->texts + sizeof(endpoint->texts)};
    uint8_t *begin = text.at;
    zsip_text_string(&text, before);
    text_view(&text, view);
    zsip_text_string(&text, after);
    endpoint->texts_over |= text.over;
    endpoint->texts_used += (size_t)(text.at - begin);
    return (struct zsip_view){begin, (size_t)(text.at - begin)};
}

static struct zsip_view allow_value(struct zsip_view methods, uint8_t *out, size_t capacity)
{
    struct text text = {.at = out, .end = out + capacity};
    text_view(&text, methods);
    if (!zsip_text_list_has(methods, ZSIP_VIEW("CANCEL"), false))
        text_literal(&text, ", CANCEL");
    if (!zsip_text_list_has(methods, ZSIP_VIEW("ACK"), false))
        text_literal(&text, ", ACK");
    return (struct zsip_view){out, (size_t)(text.at - out)};
}

/* Copies the texts of the configuration and writes the lines that are made of them. */
static enum zsip_status config_texts(struct zsip_endpoint *endpoint)
{
    struct zsip_endpoint_config *config = &endpoint->config;
    uint8_t allow[1024];
    if (config->methods.length > sizeof(allow) - 32)
        return ZSIP_ERROR_ARGUMENT;
    config->methods = keep(endpoint, "", config->methods, "");
    config->accept = keep(endpoint, "", config->accept, "");
    config->server = keep(endpoint, "", config->server, "");
    struct zsip_view methods = allow_value(config->methods, allow, sizeof(allow));
    endpoint->allow_line = keep(endpoint, "Allow: ", methods, "\r\n");
    struct zsip_view accept = config->accept.length > 0 ? config->accept : ZSIP_VIEW("*/*");
    endpoint->accept_lines = keep(endpoint, "Accept: ", accept,
                                  "\r\nAccept-Encoding: identity\r\nAccept-Language: *\r\n");
    if (config->server.length > 0)
        endpoint->server_line = keep(endpoint, "Server: ", config->server, "\r\n");
    for (unsigned id = 1; id < ZSIP_METHOD_COUNT; id++) {
        const char *name = zsip_method_name((enum zsip_method)id);
        struct zsip_view view = {(const uint8_t *)name, strlen(name)};
        if (zsip_text_list_has(config->methods, view, false))
            endpoint->methods_known |= 1ull << id;
    }
    if (endpoint->texts_over)
        return ZSIP_ERROR_ARGUMENT;
    struct zsip_view sent_by =
        config->sent_by.length > 0 ? config->sent_by : ZSIP_VIEW("localhost");
    return zsip_endpoint_sent_by(endpoint, sent_by);
}

enum zsip_status zsip_endpoint_sent_by(struct zsip_endpoint *endpoint, struct zsip_view sent_by)
{
    if (sent_by.length == 0 || sent_by.length > sizeof(endpoint->sent_by) ||
        !zsip_text_line_valid(sent_by))
        return ZSIP_ERROR_ARGUMENT;
    memcpy(endpoint->sent_by, sent_by.data, sent_by.length);
    endpoint->sent_by_bytes = (uint16_t)sent_by.length;
    return ZSIP_OK;
}

/* One secret for one use, drawn from the seed. */
static void derive(const uint8_t seed[32], const char *use, uint8_t secret[16])
{
    struct zsip_siphash hash;
    zsip_siphash_begin(&hash, zsip_siphash_secret(seed));
    zsip_siphash_update(&hash, seed + 16, 16);
    zsip_siphash_update(&hash, (const uint8_t *)use, strlen(use));
    struct zsip_siphash_value value = zsip_siphash_end(&hash);
    memcpy(secret, &value, 16);
}

static enum zsip_status txn_create(struct zsip_endpoint *endpoint)
{
    const struct zsip_endpoint_config *config = &endpoint->config;
    struct zsip_txn_config txn = {
        .struct_bytes = sizeof(txn),
        .memory = &endpoint->memory,
        .t1_ns = config->t1_ns,
        .t2_ns = config->t2_ns,
        .t4_ns = config->t4_ns,
        .server_records_max = config->completed_max,
        .server_pending_max = config->pending_max,
        .client_max = config->clients_max,
        .log_bytes_max = config->log_bytes_max,
        .node = config->node,
        .worker = config->worker,
    };
    derive(config->seed, "index", txn.index_secret);
    derive(config->seed, "tag", txn.tag_secret);
    derive(config->seed, "branch", txn.branch_secret);
    derive(config->seed, "id", endpoint->id_secret);
    derive(config->seed, "target", endpoint->target_secret);
    /* Workers may share a seed; what they mint must differ. */
    endpoint->ids_drawn = (uint64_t)config->node << 56 | (uint64_t)config->worker << 48;
    return zsip_txn_create(&endpoint->txn, &txn);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* The endpoint's blocks, named once for taking and giving back. */
struct block {
    void **at;
    size_t bytes;
};

#define BLOCK_COUNT 7

static void blocks_of(struct zsip_endpoint *endpoint, struct block blocks[BLOCK_COUNT])
{
    const struct zsip_endpoint_config *config = &endpoint->config;
    size_t clients = config->clients_max;
    blocks[0] =
        (struct block){(void **)&endpoint->held, config->pending_max * endpoint->held_stride};
    blocks[1] = (struct block){(void **)&endpoint->requests, clients * sizeof(struct request)};
    blocks[2] =
        (struct block){(void **)&endpoint->request_rooms, clients * config->client_bytes_max};
    blocks[3] = (struct block){(void **)&endpoint->large_rooms,
                               (size_t)config->client_large_max * LARGE_ROOM_BYTES};
    blocks[4] =
        (struct block){(void **)&endpoint->large_free, config->client_large_max * sizeof(uint32_t)};
    blocks[5] = (struct block){(void **)&endpoint->target_buckets,
                               endpoint->target_bucket_count * sizeof(uint32_t)};
    blocks[6] = (struct block){(void **)&endpoint->shed.words,
                               config->age_max_ns > 0 && !config->aged_refused ? SHED_BYTES : 0};
}

static enum zsip_status blocks_take(struct zsip_endpoint *endpoint)
{
    struct block blocks[BLOCK_COUNT];
    blocks_of(endpoint, blocks);
    for (unsigned i = 0; i < BLOCK_COUNT; i++) {
        if (blocks[i].bytes == 0)
            continue;
        *blocks[i].at = zsip_memory_reserve(&endpoint->memory, blocks[i].bytes);
        if (*blocks[i].at == NULL)
            return ZSIP_ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < endpoint->target_bucket_count; i++)
        endpoint->target_buckets[i] = NONE;
    for (uint32_t i = 0; i < endpoint->config.client_large_max; i++)
        endpoint->large_free[i] = i;
    endpoint->large_free_count = endpoint->config.client_large_max;
    memcpy(&endpoint->shed.seed, endpoint->config.seed, sizeof(endpoint->shed.seed));
    return ZSIP_OK;
}

static enum zsip_status endpoint_init(struct zsip_endpoint *endpoint)
{
    struct zsip_endpoint_config *config = &endpoint->config;
    enum zsip_status status = config_check(config);
    if (status == ZSIP_OK)
        status = config_texts(endpoint);
    if (status != ZSIP_OK)
        return status;
    endpoint->held_stride = (sizeof(struct held) + config->pending_bytes_max + 63) & ~(size_t)63;
    endpoint->request_free = endpoint->unwritten = NONE;
    endpoint->target_bucket_count = 64;
    while (endpoint->target_bucket_count < config->clients_max)
        endpoint->target_bucket_count *= 2;
    status = blocks_take(endpoint);
    if (status == ZSIP_OK)
        status = zsip_output_create(&endpoint->output, &endpoint->memory, config->output_bytes);
    if (status == ZSIP_OK)
        status = txn_create(endpoint);
    return status;
}

enum zsip_status zsip_endpoint_create(const struct zsip_endpoint_config *given,
                                      struct zsip_endpoint **endpoint)
{
    struct zsip_endpoint_config config;
    struct zsip_memory memory;
    *endpoint = NULL;
    config_defaults(&config);
    enum zsip_status status = zsip_struct_read(&config, sizeof(config), given);
    if (status == ZSIP_OK && !all_zero((const uint8_t *)config.reserved, sizeof(config.reserved)))
        status = ZSIP_ERROR_UNSUPPORTED;
    if (status == ZSIP_OK)
        status = zsip_memory_read(&memory, config.memory);
    if (status != ZSIP_OK)
        return status;
    struct zsip_endpoint *made = memory.allocate(memory.user, sizeof(*made));
    if (made == NULL)
        return ZSIP_ERROR_MEMORY;
    memset(made, 0, sizeof(*made));
    made->memory = memory;
    made->config = config;
    made->callbacks = config.callbacks;
    made->user = config.user;
    status = endpoint_init(made);
    if (status != ZSIP_OK) {
        zsip_endpoint_destroy(made);
        return status;
    }
    *endpoint = made;
    return ZSIP_OK;
}

void zsip_endpoint_destroy(struct zsip_endpoint *endpoint)
{
    if (endpoint == NULL)
        return;
    ZSIP_ASSERT(!endpoint->inside); /* who calls back would go on without it */
    struct zsip_memory memory = endpoint->memory;
    struct block blocks[BLOCK_COUNT];
    zsip_txn_destroy(endpoint->txn);
    zsip_output_destroy(&endpoint->output, &memory);
    blocks_of(endpoint, blocks);
    for (unsigned i = 0; i < BLOCK_COUNT; i++)
        zsip_memory_unreserve(&memory, *blocks[i].at, blocks[i].bytes);
    memory.release(memory.user, endpoint, sizeof(*endpoint));
}

/* ---- The turn -------------------------------------------------------------------------------- */

void zsip_endpoint_advance(struct zsip_endpoint *endpoint, struct zsip_time now)
{
    if (now.monotonic_ns > endpoint->now_ns)
        endpoint->now_ns = now.monotonic_ns;
    endpoint->utc_s = now.utc_s;
}

/* Room for the largest answer this packet can get. */
static bool answer_fits(const struct zsip_endpoint *endpoint, const struct zsip_packet *packet)
{
    size_t repeated = packet->bytes > ZSIP_HEADER_SECTION_BYTES_MAX ? ZSIP_HEADER_SECTION_BYTES_MAX
                                                                    : packet->bytes;
    return zsip_output_fits(&endpoint->output,
                            repeated + RESPONSE_OWN_BYTES_MAX + RESPONSE_EXTRA_BYTES_MAX);
}

static bool is_keepalive(const struct zsip_packet *packet)
{
    for (uint32_t i = 0; i < packet->bytes; i++) {
        if (packet->data[i] != '\r' && packet->data[i] != '\n')
            return false;
    }
    return true;
}

/* The status of a packet that is dropped as it came. */
#define UNREAD ZSIP_MORE

static bool looked_up(const struct zsip_endpoint *endpoint, unsigned i)
{
    return endpoint->statuses[i] == ZSIP_OK && endpoint->messages[i].kind == ZSIP_KIND_REQUEST;
}

/* Whether a request is new whatever it says, and needs no fingerprints: it came over a stream, and
 * there is nothing to compare it with. Those before it in its batch may change that, by being held:
 * then the few that are left get theirs one by one. */
static bool unkeyed(const struct zsip_packet *packet, bool none)
{
    return none && (packet->path->flags & ZSIP_PATH_RELIABLE);
}

/* A header section that its stream broke off at: what the framer found stands, unless the section
 * itself is malformed. That it is all there is of the message is no fault of its own. */
static void broken_off(struct zsip_endpoint *endpoint, const struct zsip_packet *packet, unsigned i)
{
    struct zsip_msg *msg = &endpoint->messages[i];
    enum zsip_status own = endpoint->statuses[i];
    if (own != ZSIP_OK && own != ZSIP_ERROR_LENGTH && own != ZSIP_ERROR_TRUNCATED)
        return;
    int fault = -(int)(packet->flags >> ZSIP_PACKET_FAULT_SHIFT);
    endpoint->statuses[i] = (enum zsip_status)fault;
    msg->fault.status = (enum zsip_status)fault;
    msg->fault.rule = "Content-Length";
}

/* Parses a batch and starts its look-ups, so that the misses of one overlap with the others'. The
 * keys of the requests in it that need one stand in keys[], in order. */
static void batch_prepare(struct zsip_endpoint *endpoint, const struct zsip_packet *packets,
                          unsigned count, bool none)
{
    unsigned requests = 0;
    bool shed = shed_live(&endpoint->shed, endpoint->now_ns);
    bool waited[RECEIVE_BATCH] = {false};
    uint64_t hashes[RECEIVE_BATCH];
    for (unsigned i = 0; i < count && shed; i++) {
        waited[i] = packet_waited(endpoint, &packets[i], endpoint->config.age_max_ns / 8);
        if (waited[i])
            hashes[i] = zsip_shed_hash(&endpoint->shed, packets[i].data, packets[i].bytes);
    }
    for (unsigned i = 0; i < count; i++) {
        struct zsip_msg *msg = &endpoint->messages[i];
        if (waited[i] && zsip_uas_sheds(endpoint, hashes[i])) {
            endpoint->statuses[i] = UNREAD;
            continue;
        }
        const struct zsip_path *path = packets[i].path;
        unsigned flags = path->flags & ZSIP_PATH_RELIABLE ? ZSIP_PARSE_STREAM : 0;
        endpoint->statuses[i] = zsip_parse(msg, packets[i].data, packets[i].bytes, flags);
        if (packets[i].flags >> ZSIP_PACKET_FAULT_SHIFT)
            broken_off(endpoint, &packets[i], i);
        if (looked_up(endpoint, i) && !unkeyed(&packets[i], none))
            zsip_uas_identity(msg, path, &endpoint->identities[requests++]);
        else if (endpoint->statuses[i] == ZSIP_OK && msg->kind != ZSIP_KIND_REQUEST)
            zsip_txn_client_prefetch(endpoint->txn, zsip_msg_view(msg, msg->via.branch));
    }
    zsip_txn_keys(endpoint->txn, endpoint->identities, requests, endpoint->keys);
}

void zsip_endpoint_steer(struct zsip_endpoint *endpoint, const struct steering *steering)
{
    endpoint->steering = *steering;
}

void zsip_endpoint_alias_by(struct zsip_endpoint *endpoint, const struct aliasing *aliasing)
{
    endpoint->aliasing = *aliasing;
}

void zsip_endpoint_touch_by(struct zsip_endpoint *endpoint, struct toucher *toucher)
{
    endpoint->toucher = toucher;
    if (toucher != NULL)
        zsip_txn_scatter(endpoint->txn);
}

/* The worker that owns a request's identity, or sent the request a response is for. */
static uint32_t owner_of(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                         const struct zsip_txn_key *key)
{
    uint16_t node;
    uint8_t worker;
    if (msg->kind == ZSIP_KIND_REQUEST)
        return zsip_txn_owner(key, endpoint->steering.workers);
    bool minted = zsip_txn_branch_owner(zsip_msg_view(msg, msg->via.branch), &node, &worker);
    return minted && node == endpoint->config.node && worker < endpoint->steering.workers
               ? worker
               : endpoint->steering.self;
}

/* Requests from streams stay with their connection's worker, and what was steered once is here to
 * stay. */
static bool steered_away(struct zsip_endpoint *endpoint, const struct zsip_packet *packet,
                         const struct zsip_msg *msg, const struct zsip_txn_key *key)
{
    const struct steering *steering = &endpoint->steering;
    if (steering->workers < 2 || (packet->flags & ZSIP_PACKET_STEERED) ||
        (packet->path->flags & ZSIP_PATH_RELIABLE))
        return false;
    uint32_t owner = owner_of(endpoint, msg, key);
    if (owner == steering->self)
        return false;
    steering->pass(steering->user, owner, packet);
    return true;
}

static void batch_message(struct zsip_endpoint *endpoint, const struct zsip_packet *packet,
                          unsigned i, const struct zsip_txn_key *key)
{
    const struct zsip_msg *msg = &endpoint->messages[i];
    if (endpoint->statuses[i] == ZSIP_OK && steered_away(endpoint, packet, msg, key))
        return;
    COUNT(endpoint->stats.packets_in, 1);
    endpoint->packet = packet;
    if (endpoint->statuses[i] == UNREAD) {
        COUNT(endpoint->stats.aged_again, 1);
    } else if (endpoint->statuses[i] == ZSIP_OK) {
        if (msg->kind == ZSIP_KIND_REQUEST)
            zsip_uas_request(endpoint, msg, packet->path, key);
        else
            zsip_uac_response(endpoint, msg, packet->path);
    } else if (msg->kind == ZSIP_KIND_NONE && is_keepalive(packet)) {
        COUNT(endpoint->stats.keepalives, 1);
    } else {
        zsip_uas_malformed(endpoint, msg, packet->path);
    }
}

/* Returns how many were dealt with. */
static unsigned batch_receive(struct zsip_endpoint *endpoint, const struct zsip_packet *packets,
                              unsigned count)
{
    bool none = zsip_txn_server_none(endpoint->txn);
    batch_prepare(endpoint, packets, count, none);
    const struct zsip_txn_key *key = endpoint->keys;
    for (unsigned i = 0; i < count; i++) {
        if (!answer_fits(endpoint, &packets[i]))
            return i;
        if (unkeyed(&packets[i], none)) {
            batch_message(endpoint, &packets[i], i, NULL);
            continue;
        }
        batch_message(endpoint, &packets[i], i, key);
        key += looked_up(endpoint, i);
    }
    return count;
}

enum zsip_status zsip_endpoint_receive(struct zsip_endpoint *endpoint,
                                       const struct zsip_packet *packets, size_t count,
                                       struct zsip_time now, size_t *used)
{
    size_t done = 0;
    *used = 0;
    if (endpoint->inside)
        return ZSIP_ERROR_STATE;
    if (count > ZSIP_RECEIVE_MAX)
        return ZSIP_ERROR_ARGUMENT;
    endpoint->inside = true;
    zsip_endpoint_advance(endpoint, now);
    endpoint->reply.received = NULL;
    while (done < count) {
        size_t left = count - done;
        unsigned batch = left < RECEIVE_BATCH ? (unsigned)left : RECEIVE_BATCH;
        unsigned received = batch_receive(endpoint, packets + done, batch);
        done += received;
        if (received < batch)
            break;
    }
    endpoint->inside = false;
    *used = done;
    return done == count ? ZSIP_OK : ZSIP_MORE;
}

/* Timer events taken at once: what they send has to fit what is left of the output. */
#define EXPIRE_EVENTS_MAX 64u

static size_t events_that_fit(const struct zsip_endpoint *endpoint)
{
    size_t each = endpoint->config.client_bytes_max;
    if (each < endpoint->config.pending_bytes_max + RESPONSE_OWN_BYTES_MAX)
        each = endpoint->config.pending_bytes_max + RESPONSE_OWN_BYTES_MAX;
    each += ZSIP_OUTPUT_STRIDE;
    const struct output *output = &endpoint->output;
    size_t fit = (output->arena_bytes - output->used_bytes) / each;
    size_t messages = output->message_max - output->message_count;
    fit = fit < messages ? fit : messages;
    return fit < EXPIRE_EVENTS_MAX ? fit : EXPIRE_EVENTS_MAX;
}

static void expire_event(struct zsip_endpoint *endpoint, const struct zsip_txn_event *event)
{
    switch (event->kind) {
    case ZSIP_TXN_CLIENT_RETRANSMIT:
    case ZSIP_TXN_CLIENT_TIMEOUT:
        zsip_uac_event(endpoint, event);
        break;
    case ZSIP_TXN_SERVER_PROVISIONAL:
        /* The callback of an event before this one may have answered it: no 100 after a final, nor
         * a second one. */
        if (zsip_txn_check(endpoint->txn, event->of.server) == ZSIP_OK &&
            endpoint_held(endpoint, event->of.server.slot)->told_ns != endpoint->now_ns)
            zsip_uas_provisional(endpoint, event->of.server);
        break;
    case ZSIP_TXN_SERVER_ABANDONED:
        zsip_uas_abandoned(endpoint, event->of.server);
        break;
    }
}

static enum zsip_status timers(struct zsip_endpoint *endpoint)
{
    if (endpoint->unwritten != NONE)
        zsip_uac_unwritten(endpoint);
    size_t max = events_that_fit(endpoint);
    if (max == 0)
        return ZSIP_MORE;
    struct zsip_txn_event events[EXPIRE_EVENTS_MAX];
    size_t count;
    enum zsip_status status = zsip_txn_expire(endpoint->txn, endpoint->now_ns, events, max, &count);
    for (size_t i = 0; i < count; i++)
        expire_event(endpoint, &events[i]);
    return status;
}

enum zsip_status zsip_endpoint_expire(struct zsip_endpoint *endpoint, struct zsip_time now)
{
    if (endpoint->inside)
        return ZSIP_ERROR_STATE;
    zsip_endpoint_advance(endpoint, now);
    zsip_endpoint_maintain(endpoint);
    endpoint->inside = true;
    enum zsip_status status = timers(endpoint);
    endpoint->inside = false;
    return status;
}

uint64_t zsip_endpoint_deadline(const struct zsip_endpoint *endpoint)
{
    return endpoint->unwritten != NONE ? 0 : zsip_txn_deadline(endpoint->txn);
}

/* One step of the transaction store's memory work: 64 KiB at most. Touching keeps the contents. */
void zsip_endpoint_maintain(struct zsip_endpoint *endpoint)
{
    struct zsip_txn_range range;
    if (zsip_txn_maintain(endpoint->txn, &range) != ZSIP_MORE)
        return;
    if (range.kind == ZSIP_TXN_TOUCH) {
        if (endpoint->toucher == NULL ||
            !zsip_toucher_touch(endpoint->toucher, range.memory, range.bytes))
            zsip_touch(range.memory, range.bytes);
    } else if (endpoint->memory.discard != NULL) {
        endpoint->memory.discard(endpoint->memory.user, range.memory, range.bytes);
    }
}

const struct zsip_output *zsip_endpoint_output(struct zsip_endpoint *endpoint, size_t *count)
{
    *count = endpoint->output.message_count;
    return endpoint->output.messages;
}

void zsip_endpoint_output_done(struct zsip_endpoint *endpoint)
{
    ZSIP_ASSERT(!endpoint->inside); /* a callback's caller is still writing */
    endpoint->output.used_bytes = 0;
    endpoint->output.message_count = 0;
    endpoint->output.path_count = 0;
}

/* ---- Statistics ------------------------------------------------------------------------------ */

void zsip_endpoint_stats(const struct zsip_endpoint *endpoint, struct zsip_endpoint_stats *stats)
{
    struct zsip_endpoint_stats now;
#define X(name, text) now.name = __atomic_load_n(&endpoint->stats.name, __ATOMIC_RELAXED);
    ZSIP_ENDPOINT_STATS_MAP(X)
#undef X
    zsip_txn_live(endpoint->txn, &now.completed_now, &now.pending_now);
    now.clients_now = __atomic_load_n(&endpoint->request_count, __ATOMIC_RELAXED);
    zsip_struct_write(stats, &now, sizeof(now));
}
