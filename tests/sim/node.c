/* Life of a simulated endpoint and its turn. */
#define _DEFAULT_SOURCE
#include "tests/sim/sim.h"

#include "core/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* ---- Memory, counted, and short on demand ---------------------------------------------------- */

static bool memory_short(struct node *node, size_t bytes)
{
    if (node->memory_left == 0)
        return true;
    node->memory_left--;
    node->memory_bytes += bytes;
    return false;
}

static void *memory_allocate(void *user, size_t bytes)
{
    struct node *node = user;
    if (memory_short(node, bytes))
        return NULL;
    void *block = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    memset(block, 0xa5, bytes);
    return block;
}

static void memory_release(void *user, void *block, size_t bytes)
{
    struct node *node = user;
    node->memory_bytes -= bytes;
    free(block);
}

static void *memory_reserve(void *user, size_t bytes)
{
    struct node *node = user;
    if (memory_short(node, bytes))
        return NULL;
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static void memory_unreserve(void *user, void *block, size_t bytes)
{
    struct node *node = user;
    node->memory_bytes -= bytes;
    munmap(block, bytes);
}

static void memory_discard(void *user, void *block, size_t bytes)
{
    (void)user;
    memset(block, 0, bytes);
}

/* ---- Configuration --------------------------------------------------------------------------- */

struct times {
    uint64_t t1_ns, t2_ns, t4_ns;
};

static void times_choose(struct node *node)
{
    static const struct times choices[] = {
        {500 * MS, 4 * S, 5 * S},        {500 * MS, 4 * S, 5 * S},
        {500 * MS, 4 * S, 5 * S},        {100 * MS, 400 * MS, 1 * S},
        {200 * MS, 200 * MS, 1 * S},     {250 * MS, 375 * MS, 5 * S},
        {7 * MS + 1, 500 * MS, 60 * MS}, {500000001, 4000000003, 5 * S},
        {1 * S, 2 * S, 2 * S},
    };
    struct random *random = &node->world->random;
    const struct times *times =
        &choices[random_below(random, sizeof(choices) / sizeof(choices[0]))];
    node->t1_ns = node->config.t1_ns = times->t1_ns;
    node->t2_ns = node->config.t2_ns = times->t2_ns;
    node->config.t4_ns = times->t4_ns;
    node->f_ns = 64 * times->t1_ns;
    /* RFC 4320 section 4.1: when a client's Timer E has been reset to T2. */
    uint64_t interval = times->t1_ns;
    node->p_ns = 0;
    do {
        node->p_ns += interval;
        interval = interval * 2 < times->t2_ns ? interval * 2 : times->t2_ns;
    } while (interval < times->t2_ns);
}

static uint64_t pick(struct random *random, const uint64_t *values, unsigned count)
{
    return values[random_below(random, count)];
}

#define PICK(random, ...)                                                                          \
    pick((random), (const uint64_t[]){__VA_ARGS__},                                                \
         sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* The exhaustion ladder: each pool by itself may be as small as it goes. */
static void pools_choose(struct node *node)
{
    struct random *random = &node->world->random;
    struct zsip_endpoint_config *config = &node->config;
    bool starved = random_chance(random, 350);
    config->completed_max = 200000;
    config->pending_max = 3000;
    config->clients_max = 1000;
    config->log_bytes_max = 4u << 20;
    if (starved) {
        config->completed_max = (uint32_t)PICK(random, 1, 2, 3, 9, 60, 2500, 20000);
        config->pending_max = (uint32_t)PICK(random, 1, 2, 3, 20, 1000);
        config->clients_max = (uint32_t)PICK(random, 1, 2, 3, 30, 1000);
        config->log_bytes_max = PICK(random, 0, 64, 1000, 66000, 1u << 20);
    }
    config->pending_bytes_max = (uint32_t)PICK(random, 4096, 4096, 4096, 256, 380);
    config->client_large_max = (uint32_t)PICK(random, 0, 1, 4);
    config->waiting_per_target_max = (uint32_t)PICK(random, 64, 64, 0, 1, 3);
    config->output_bytes = PICK(random, 160u << 10, 1u << 20);
}

static void manners_choose(struct node *node)
{
    static const char *const methods[] = {"MESSAGE, OPTIONS", "MESSAGE, OPTIONS, REGISTER, FOO",
                                          "MESSAGE"};
    struct random *random = &node->world->random;
    struct zsip_endpoint_config *config = &node->config;
    node->methods = methods[random_below(random, 3)];
    config->methods = (struct zsip_view){(const uint8_t *)node->methods, strlen(node->methods)};
    config->methods_any = random_chance(random, 250);
    if (random_chance(random, 300))
        config->accept = ZSIP_VIEW("text/plain, application/*");
    if (random_chance(random, 500))
        config->server = ZSIP_VIEW("sim/1");
    config->in_dialog = random_chance(random, 500) ? ZSIP_IN_DIALOG_ACCEPT : ZSIP_IN_DIALOG_481;
    config->merged = random_chance(random, 250) ? ZSIP_MERGED_ACCEPT : ZSIP_MERGED_482;
    config->retry_after_s = random_chance(random, 200) ? 5 : 0;
    node->auth = random_chance(random, 150);
    node->silent = random_chance(random, 60);
}

static void config_choose(struct node *node)
{
    struct random *random = &node->world->random;
    zsip_endpoint_config_init(&node->config);
    times_choose(node);
    pools_choose(node);
    manners_choose(node);
    node->lag_ns = PICK(random, 0, 0, 0, 0, 0, 30 * MS);
    node->clock_ns = PICK(random, 0, 1, 1000 * S, UINT32_MAX, 1ull << 53, 1ull << 62, 1ull << 63,
                          random_below(random, 1ull << 40));
    node->utc_s = (int64_t)random_below(random, 1ull << 33);
    for (unsigned i = 0; i < sizeof(node->config.seed); i++)
        node->config.seed[i] = (uint8_t)random_next(random);
    node->config.node = (uint16_t)random_next(random);
    node->config.worker = (uint8_t)random_next(random);
    node->memory = (struct zsip_memory){
        .struct_bytes = sizeof(node->memory),
        .user = node,
        .allocate = memory_allocate,
        .release = memory_release,
        .reserve = memory_reserve,
        .unreserve = memory_unreserve,
        .discard = memory_discard,
    };
    node->config.memory = &node->memory;
    node->config.user = node;
    app_callbacks(node);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static struct zsip_address address_of(uint8_t net, uint32_t index, uint8_t last, uint16_t port)
{
    return (struct zsip_address){
        .ip = {net, (uint8_t)index, 0, last}, .port = port, .family = ZSIP_FAMILY_IPV4};
}

void node_rebind(struct node *node)
{
    struct random *random = &node->world->random;
    node->outside = address_of(203, node->index, (uint8_t)random_range(random, 1, 3),
                               (uint16_t)random_range(random, 1024, 65535));
}

void node_init(struct world *world, uint32_t index, bool zsip)
{
    struct node *node = &world->nodes[index];
    node->world = world;
    node->index = index;
    node->zsip = zsip;
    node->inside = node->outside = address_of(10, index, 1, 5060);
    node->second = address_of(10, index, 2, 5062);
    if (zsip && index > 0 && random_chance(&world->random, 300)) {
        node->nat = true;
        node_rebind(node);
    }
    if (random_chance(&world->random, 800))
        snprintf(node->sent_by, sizeof(node->sent_by), "10.%u.0.1:5060", index);
    else
        snprintf(node->sent_by, sizeof(node->sent_by), "Node%u.example", index);
    node_create(node);
}

/* Every allocation in turn is the one that fails; nothing may be lost on the way. */
static void memory_ladder(struct node *node)
{
    for (node->memory_left = 0;; node->memory_left++) {
        uint64_t step = node->memory_left;
        enum zsip_status status = zsip_endpoint_create(&node->config, &node->endpoint);
        node->memory_left = step;
        if (status == ZSIP_OK)
            break;
        if (status != ZSIP_ERROR_MEMORY || node->memory_bytes != 0)
            fail(node->world, "allocation %llu refused: status %d, %llu bytes lost",
                 (unsigned long long)step, (int)status, (unsigned long long)node->memory_bytes);
    }
}

void node_create(struct node *node)
{
    struct world *world = node->world;
    node->life++;
    node->alive = true;
    node->turn_planned = false;
    node->wake_ns = 0;
    if (!node->zsip)
        return;
    config_choose(node);
    node->config.sent_by =
        (struct zsip_view){(const uint8_t *)node->sent_by, strlen(node->sent_by)};
    memory_ladder(node);
    memset(&node->server, 0, sizeof(node->server));
    memset(&node->client, 0, sizeof(node->client));
    for (uint32_t i = 0; i < TARGETS; i++)
        node->client.targets[i] = (struct target){NO_CLIENT, NO_CLIENT, NO_CLIENT, 0};
    note(world, "node %u lives, T1 %llu ms, stores %u, holds %u, sends %u", node->index,
         (unsigned long long)(node->t1_ns / MS), node->config.completed_max,
         node->config.pending_max, node->config.clients_max);
}

static void stats_check(struct node *node)
{
    struct zsip_endpoint_stats stats = {.struct_bytes = sizeof(stats)};
    const struct client_model *client = &node->client;
    zsip_endpoint_stats(node->endpoint, &stats);
    const struct {
        const char *name;
        uint64_t is, shall;
    } rows[] = {
        {"requests_out", stats.requests_out, client->firsts},
        {"retransmissions_out", stats.retransmissions_out, client->repeats},
        {"outcomes_final", stats.outcomes_final, client->finals},
        {"outcomes_timeout", stats.outcomes_timeout, client->timeouts},
        {"outcomes_unreachable", stats.outcomes_unreachable, client->unreachables},
        {"abandoned", stats.abandoned, node->server.abandoned},
        {"clients_now", stats.clients_now, client->live},
        {"pending_now", stats.pending_now, node->server.pending_count},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].is != rows[i].shall && !node->loose)
            fail(node->world, "node %u: %s is %llu, not %llu", node->index, rows[i].name,
                 (unsigned long long)rows[i].is, (unsigned long long)rows[i].shall);
    }
}

void node_kill(struct node *node)
{
    struct world *world = node->world;
    for (uint32_t i = 0; i < node->inbox_count; i++)
        packet_drop(world, node->inbox[i]);
    node->inbox_count = 0;
    node->alive = false;
    if (!node->zsip)
        return;
    note(world, "node %u dies", node->index);
    zsip_txn_validate(node->endpoint->txn);
    stats_check(node);
    server_forget(node);
    client_forget(node);
    zsip_endpoint_destroy(node->endpoint);
    node->endpoint = NULL;
    if (node->memory_bytes != 0)
        fail(world, "node %u leaks %llu bytes", node->index,
             (unsigned long long)node->memory_bytes);
}

/* After the last event: nothing is left of anything. */
void node_quiet(struct node *node)
{
    struct world *world = node->world;
    if (!node->alive || !node->zsip)
        return;
    struct zsip_endpoint_stats stats = {.struct_bytes = sizeof(stats)};
    zsip_endpoint_stats(node->endpoint, &stats);
    if (stats.completed_now != 0 || stats.pending_now != 0 || stats.clients_now != 0)
        fail(world, "node %u is quiet, but has %llu completed, %llu pending, %llu clients",
             node->index, (unsigned long long)stats.completed_now,
             (unsigned long long)stats.pending_now, (unsigned long long)stats.clients_now);
    if (zsip_endpoint_deadline(node->endpoint) != ZSIP_NEVER_NS)
        fail(world, "node %u is quiet, but has a deadline", node->index);
    zsip_txn_validate(node->endpoint->txn);
}

struct zsip_time node_now(const struct node *node)
{
    return (struct zsip_time){.monotonic_ns = node->clock_ns + node->world->now_ns,
                              .utc_s = node->utc_s + (int64_t)(node->world->now_ns / S)};
}

/* ---- What the endpoint writes ---------------------------------------------------------------- */

/* What the outputs of the running turn say: one node at a time has one. */
static struct look looks[1 << 14];
static size_t looked;

const struct zsip_output *node_peek(struct node *node)
{
    size_t count;
    const struct zsip_output *outputs = zsip_endpoint_output(node->endpoint, &count);
    while (node->output_at < count) {
        const struct zsip_output *output = &outputs[node->output_at];
        struct look *look = &looks[node->output_at];
        node->output_bytes = (size_t)(output->data + output->bytes - outputs[0].data);
        if (looked == node->output_at) {
            look_at(look, output->data, output->bytes);
            looked++;
        }
        if (!look->request)
            return output;
        node->output_at++;
        client_sent(node, output, look);
    }
    return NULL;
}

const struct look *node_look(const struct node *node)
{
    return &looks[node->output_at];
}

bool node_pressed(struct node *node, size_t bytes)
{
    size_t count;
    const struct zsip_output *outputs = zsip_endpoint_output(node->endpoint, &count);
    size_t used = 0;
    if (count > 0)
        used = (size_t)(outputs[count - 1].data + outputs[count - 1].bytes - outputs[0].data);
    return used + bytes + (16u << 10) > node->config.output_bytes;
}

void node_take(struct node *node)
{
    node->output_at++;
}

void node_absorb(struct node *node, uint32_t upto)
{
    while (node->arrival_at < upto) {
        struct arrival *arrival = &node->arrivals[node->arrival_at++];
        if (arrival->packet->look.ok && !arrival->packet->look.request)
            client_finish(node, arrival);
        else
            server_finish(node, arrival);
    }
    if (node->mode != EXPIRING) {
        node_peek(node);
        return;
    }
    const struct zsip_output *output;
    while ((output = node_peek(node)) != NULL) {
        server_hundred(node, output);
        node_take(node);
    }
}

/* Trains are padded to a common stride by the transport: now and then, so is this. */
static uint32_t pad(struct node *node, const struct zsip_output *output, uint8_t *out)
{
    uint32_t bytes = output->bytes;
    uint32_t more = (ZSIP_OUTPUT_STRIDE - bytes % ZSIP_OUTPUT_STRIDE) % ZSIP_OUTPUT_STRIDE;
    if (output->pad_at == 0 || !random_chance(&node->world->random, 200))
        more = 0;
    memcpy(out, output->data, output->pad_at);
    memset(out + output->pad_at, ' ', more);
    memcpy(out + output->pad_at + more, output->data + output->pad_at, bytes - output->pad_at);
    return bytes + more;
}

void node_flush(struct node *node)
{
    static uint8_t buffer[1 << 17];
    size_t count;
    const struct zsip_output *outputs = zsip_endpoint_output(node->endpoint, &count);
    if (node_peek(node) != NULL)
        fail(node->world, "node %u writes a response that nothing asks for:\n%.*s", node->index,
             (int)outputs[node->output_at].bytes, (const char *)outputs[node->output_at].data);
    for (size_t i = 0; i < count; i++) {
        uint32_t bytes = pad(node, &outputs[i], buffer);
        looks[i].body_at += bytes - outputs[i].bytes;
        network_send(node, &(struct message){.path = outputs[i].path,
                                             .source = &node->outside,
                                             .look = &looks[i],
                                             .data = buffer,
                                             .bytes = bytes,
                                             .client = outputs[i].client});
    }
    if (node->client.starting != 0)
        fail(node->world, "node %u: a request that may leave does not", node->index);
    zsip_endpoint_output_done(node->endpoint);
    node->output_at = looked = 0;
    node->output_bytes = 0;
}

/* ---- The turn -------------------------------------------------------------------------------- */

struct arrival *node_current(struct node *node, const struct zsip_msg *msg)
{
    for (uint32_t i = node->arrival_at; i < node->arrival_count; i++) {
        const struct packet *packet = node->arrivals[i].packet;
        if (msg->data >= packet->data && msg->data < packet->data + packet->bytes)
            return &node->arrivals[i];
    }
    fail(node->world, "node %u: a callback for a message that is not in its turn", node->index);
}

void node_arrive(struct node *node, struct packet *packet)
{
    struct world *world = node->world;
    if (node->inbox_count == INBOX_MAX) {
        packet_drop(world, packet);
        return;
    }
    node->inbox[node->inbox_count++] = packet;
    if (node->turn_planned)
        return;
    node->turn_planned = true;
    world_plan(world, world->now_ns + random_below(&world->random, node->lag_ns + 1), EVENT_TURN,
               node, 0, NULL);
}

/* How many of those waiting go in one call; a wild one goes alone, so that all that is written is
 * its own doing. */
static uint32_t batch_size(const struct node *node, uint32_t at)
{
    uint32_t count = 0;
    while (at + count < node->inbox_count && count < ZSIP_RECEIVE_MAX) {
        if (node->inbox[at + count]->damage == WILD)
            return count == 0 ? 1 : count;
        count++;
    }
    return count;
}

static uint32_t receive(struct node *node, uint32_t at)
{
    static struct zsip_packet packets[ZSIP_RECEIVE_MAX];
    uint32_t count = batch_size(node, at);
    for (uint32_t i = 0; i < count; i++) {
        struct packet *packet = node->inbox[at + i];
        node->arrivals[i] = (struct arrival){.packet = packet};
        packets[i] = (struct zsip_packet){
            .data = packet->data, .path = &packet->path, .bytes = packet->bytes};
    }
    node->arrival_count = count;
    node->arrival_at = 0;
    node->mode = RECEIVING;
    size_t used;
    enum zsip_status status =
        zsip_endpoint_receive(node->endpoint, packets, count, node_now(node), &used);
    node_absorb(node, (uint32_t)used);
    if (used > count || (status == ZSIP_OK) != (used == count) || (used == 0 && count > 0))
        fail(node->world, "node %u: %zu of %u packets taken, status %d", node->index, used, count,
             (int)status);
    if (used < count && node->output_bytes + (100u << 10) < node->config.output_bytes)
        fail(node->world, "node %u stops with %zu bytes in its output", node->index,
             node->output_bytes);
    for (uint32_t i = 0; i < used; i++)
        packet_drop(node->world, node->arrivals[i].packet);
    node->mode = IDLE;
    node->arrival_count = node->arrival_at = 0;
    node_flush(node);
    return (uint32_t)used;
}

static void expire(struct node *node)
{
    enum zsip_status status = ZSIP_MORE;
    for (unsigned turns = 0; status == ZSIP_MORE; turns++) {
        if (turns == 100000)
            fail(node->world, "node %u: expire does not end", node->index);
        node->mode = EXPIRING;
        status = zsip_endpoint_expire(node->endpoint, node_now(node));
        node_absorb(node, 0);
        node->mode = IDLE;
        node_flush(node);
    }
}

void node_turn(struct node *node)
{
    struct random *random = &node->world->random;
    node->turn_planned = false;
    bool expire_first = random_chance(random, 300);
    if (expire_first)
        expire(node);
    for (uint32_t at = 0; at < node->inbox_count;)
        at += receive(node, at);
    node->inbox_count = 0;
    expire(node);
    if (random_chance(random, 1) && random_chance(random, 200))
        zsip_txn_validate(node->endpoint->txn);
    node_plan_wake(node);
}

void node_plan_wake(struct node *node)
{
    struct world *world = node->world;
    uint64_t deadline = zsip_endpoint_deadline(node->endpoint);
    if (deadline == ZSIP_NEVER_NS)
        return;
    uint64_t at = deadline > node->clock_ns ? deadline - node->clock_ns : 0;
    if (at < world->now_ns)
        at = world->now_ns;
    if (node->wake_ns >= world->now_ns && node->wake_ns >= at && node->wake_ns <= at + node->lag_ns)
        return;
    node->wake_ns = at + random_below(&world->random, node->lag_ns + 1);
    world_plan(world, node->wake_ns, EVENT_WAKE, node, 0, NULL);
}

/* The network says that this request of ours went nowhere: by number, or by quoting its head. */
void node_fail(struct node *node, struct packet *packet)
{
    struct world *world = node->world;
    const struct look *look = &packet->look;
    if (packet->damage != INTACT || look->sim_id == 0 || look->sim_id > node->client.count)
        return;
    const struct client *client = &node->client.clients[look->sim_id - 1];
    bool live = client->state == CLIENT_PENDING && client->handle == packet->client;
    node->failing = packet->client;
    node->failed = false;
    node->failing_due_ns = client->due_ns;
    node->failing_path_hash = client->path_hash;
    if (random_chance(&world->random, 500)) {
        zsip_endpoint_send_failed(node->endpoint, packet->client, node_now(node));
    } else {
        size_t quoted = random_chance(&world->random, 500)
                            ? packet->bytes
                            : (size_t)random_below(&world->random, packet->bytes);
        node->failing_beside = true;
        live = live && quoted >= (size_t)look->branch.at + look->branch.length;
        zsip_endpoint_send_failed_quoted(node->endpoint, (struct zsip_view){packet->data, quoted},
                                         node_now(node));
    }
    if (live != node->failed)
        fail(world, "node %u: told of a failure, the request %s", node->index,
             live ? "goes on" : "ends again");
    node->failing = 0;
    node->failing_beside = false;
    node_absorb(node, 0);
    node_flush(node);
    node_plan_wake(node);
}
