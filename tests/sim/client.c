/* The model of the client side: RFC 3261 section 17.1.2.2, RFC 3428 section 8. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

/* ---- Branches: no two requests of a run share one -------------------------------------------- */

void branches_free(struct branches *branches)
{
    free(branches->slots);
}

static uint32_t branches_place(const struct branches *branches, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (branches->capacity - 1);
    while (branches->slots[at].hash != 0 && branches->slots[at].hash != hash)
        at = (at + 1) & (branches->capacity - 1);
    return at;
}

static void branches_grow(struct branches *branches)
{
    struct branches old = *branches;
    branches->capacity = old.capacity == 0 ? 4096 : old.capacity * 2;
    branches->slots = calloc(branches->capacity, sizeof(*branches->slots));
    if (branches->slots == NULL)
        abort();
    for (uint32_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].hash != 0)
            branches->slots[branches_place(branches, old.slots[i].hash)] = old.slots[i];
    }
    free(old.slots);
}

static void branch_add(struct node *node, uint64_t hash, uint32_t client)
{
    struct branches *branches = &node->world->branches;
    if (branches->count * 2 >= branches->capacity)
        branches_grow(branches);
    uint32_t at = branches_place(branches, hash);
    if (branches->slots[at].hash != 0)
        fail(node->world, "node %u: a branch is used twice", node->index);
    branches->slots[at].hash = hash;
    branches->slots[at].node = node->index;
    branches->slots[at].life = node->life;
    branches->slots[at].client = client;
    branches->count++;
}

/* The pending request that this response has to end or further; NO_CLIENT: it is nobody's. */
static uint32_t expected_by(struct node *node, const struct packet *packet)
{
    const struct look *look = &packet->look;
    const struct branches *branches = &node->world->branches;
    if (!look->ok || packet->damage == BROKEN || !look->last_via || branches->capacity == 0 ||
        look->sent_by.length != strlen(node->sent_by) ||
        !equal_fold(packet->data + look->sent_by.at, node->sent_by, look->sent_by.length))
        return NO_CLIENT;
    uint32_t at = branches_place(branches, look->branch_hash);
    if (branches->slots[at].hash == 0 || branches->slots[at].node != node->index ||
        branches->slots[at].life != node->life)
        return NO_CLIENT;
    uint32_t index = branches->slots[at].client;
    const struct client *client = &node->client.clients[index];
    return client->state == CLIENT_PENDING && client->name == look->name ? index : NO_CLIENT;
}

/* ---- Coming and going ------------------------------------------------------------------------ */

static bool claims(const struct client *client)
{
    return !client->built && client->target != NO_TARGET;
}

enum zsip_status client_expect(struct node *node, const struct client *client, bool *either)
{
    const struct client_model *model = &node->client;
    *either = node_pressed(node, 4096);
    if (model->live == node->config.clients_max)
        return ZSIP_ERROR_FULL;
    if (!client->built && client->size > 1500) {
        if (!client->large)
            return ZSIP_ERROR_SIZE;
        if (model->large == node->config.client_large_max)
            return ZSIP_ERROR_FULL;
    }
    if (claims(client)) {
        const struct target *target = &model->targets[client->target];
        if (target->pending != NO_CLIENT && target->count >= node->config.waiting_per_target_max)
            return ZSIP_ERROR_FULL;
    }
    return ZSIP_OK;
}

uint32_t client_add(struct node *node, const struct client *client)
{
    struct client_model *model = &node->client;
    if (model->count == model->capacity) {
        model->capacity = model->capacity == 0 ? 1024 : model->capacity * 2;
        model->clients = realloc(model->clients, model->capacity * sizeof(*model->clients));
        if (model->clients == NULL)
            abort();
    }
    model->clients[model->count] = *client;
    model->clients[model->count].next_waiting = NO_CLIENT;
    return model->count++;
}

void client_remove_last(struct node *node)
{
    node->client.count--;
}

static bool is_large(const struct client *client)
{
    return !client->built && client->large;
}

void client_started(struct node *node, uint32_t index)
{
    struct client_model *model = &node->client;
    struct client *client = &model->clients[index];
    node->world->transactions++;
    model->live++;
    model->large += is_large(client);
    struct target *target = claims(client) ? &model->targets[client->target] : NULL;
    if (target != NULL && target->pending != NO_CLIENT) {
        client->state = CLIENT_WAITING;
        if (target->last == NO_CLIENT)
            target->first = index;
        else
            model->clients[target->last].next_waiting = index;
        target->last = index;
        target->count++;
        return;
    }
    if (target != NULL)
        target->pending = index;
    client->state = CLIENT_STARTING;
    model->starting++;
}

/* The next in line may leave. */
static void release(struct node *node, const struct client *client)
{
    struct client_model *model = &node->client;
    if (!claims(client))
        return;
    struct target *target = &model->targets[client->target];
    uint32_t next = target->first;
    target->pending = next;
    if (next == NO_CLIENT)
        return;
    target->first = model->clients[next].next_waiting;
    if (target->first == NO_CLIENT)
        target->last = NO_CLIENT;
    target->count--;
    if (node_pressed(node, 4096)) { /* it may have found no room: Timer E sends it */
        model->clients[next].loose = node->loose = true;
        model->clients[next].state = CLIENT_PENDING;
        model->clients[next].begun_ns = node->world->now_ns;
        return;
    }
    model->clients[next].state = CLIENT_STARTING;
    model->starting++;
}

static void end(struct node *node, struct client *client)
{
    node->client.live--;
    node->client.large -= is_large(client);
    client->state = CLIENT_ENDED;
}

void client_forget(struct node *node)
{
    free(node->client.clients);
    node->client.clients = NULL;
    node->client.count = node->client.capacity = 0;
}

/* ---- Sends ----------------------------------------------------------------------------------- */

static void plan_check(struct node *node, uint32_t index, uint64_t at, uint32_t sends)
{
    struct event *event = world_plan_event(node->world, at + node->lag_ns + 1, EVENT_CLIENT_CHECK);
    event->node = (uint8_t)node->index;
    event->life = (uint16_t)node->life;
    event->number = index;
    event->count = sends;
}

/* Timer E runs; where Timer F comes first it does not fire any more. */
static void run_e(struct node *node, uint32_t index, struct client *client)
{
    client->due_ns = node->world->now_ns + client->interval_ns;
    if (client->due_ns < client->begun_ns + node->f_ns)
        plan_check(node, index, client->due_ns, client->sends);
}

static void first_send(struct node *node, uint32_t index, const struct look *look,
                       const struct zsip_output *output)
{
    struct client *client = &node->client.clients[index];
    node->client.starting -= client->state == CLIENT_STARTING;
    node->client.firsts++;
    client->state = CLIENT_PENDING;
    client->sends = 1;
    client->begun_ns = node->world->now_ns;
    client->interval_ns = node->t1_ns;
    client->name = look->name;
    client->branch_hash = look->branch_hash;
    client->bytes_hash = hash_bytes(5, output->data, output->bytes);
    client->path_hash = hash_bytes(6, output->path, sizeof(*output->path));
    branch_add(node, look->branch_hash, index);
    if (!look->cookie || look->branch.length != zsip_branch_bytes())
        fail(node->world, "node %u: a branch of %u bytes", node->index, look->branch.length);
    plan_check(node, index, client->begun_ns + node->f_ns, LAST_CHECK);
    if (!client->reliable)
        run_e(node, index, client);
}

static void repeat(struct node *node, uint32_t index, const struct zsip_output *output)
{
    struct world *world = node->world;
    struct client *client = &node->client.clients[index];
    if (client->state != CLIENT_PENDING || client->reliable)
        fail(world, "node %u: request %u is sent again, though %s", node->index, index,
             client->reliable ? "over a stream" : "it has ended or waits");
    if (world->now_ns < client->due_ns || world->now_ns > client->due_ns + node->lag_ns)
        fail(world, "node %u: send %u of request %u at %.6f s, not %.6f s after the first",
             node->index, client->sends + 1u, index,
             (double)(world->now_ns - client->begun_ns) / 1e9,
             (double)(client->due_ns - client->begun_ns) / 1e9);
    if (world->now_ns >= client->begun_ns + node->f_ns)
        fail(world, "node %u: request %u is sent after Timer F", node->index, index);
    if (client->bytes_hash != hash_bytes(5, output->data, output->bytes) ||
        client->path_hash != hash_bytes(6, output->path, sizeof(*output->path)))
        fail(world, "node %u: request %u changes on the way", node->index, index);
    node->client.repeats++;
    client->sends++;
    uint64_t twice = client->interval_ns * 2;
    client->interval_ns = client->proceeding || twice > node->t2_ns ? node->t2_ns : twice;
    run_e(node, index, client);
}

void client_sent(struct node *node, const struct zsip_output *output, const struct look *look)
{
    uint32_t index = (uint32_t)look->sim_id - 1;
    if (!look->ok || look->sim_id == 0 || index >= node->client.count)
        fail(node->world, "node %u writes a request of nobody's:\n%.*s", node->index,
             (int)output->bytes, (const char *)output->data);
    struct client *client = &node->client.clients[index];
    if (client->handle != output->client)
        fail(node->world, "node %u: request %u leaves under another's number", node->index, index);
    note(node->world, "node %u sends request %u, time %u", node->index, index, client->sends + 1u);
    if (client->state == CLIENT_STARTING || (client->loose && client->sends == 0))
        first_send(node, index, look, output);
    else
        repeat(node, index, output);
}

void client_check(struct node *node, uint32_t index, uint32_t sends)
{
    const struct client *client = &node->client.clients[index];
    if (client->state != CLIENT_PENDING || client->loose)
        return;
    if (sends == LAST_CHECK)
        fail(node->world, "node %u: request %u has no outcome after 64*T1", node->index, index);
    if (client->sends == sends)
        fail(node->world, "node %u: request %u is not sent again %.6f s after the first",
             node->index, index, (double)(client->due_ns - client->begun_ns) / 1e9);
}

/* ---- Outcomes -------------------------------------------------------------------------------- */

static void check_failure(struct node *node, const struct client *client,
                          const struct zsip_outcome *outcome)
{
    struct world *world = node->world;
    uint64_t age = world->now_ns - client->begun_ns;
    if (!outcome->final)
        fail(world, "node %u: a failure that is not final", node->index);
    if (outcome->status == ZSIP_ERROR_TIMEOUT) {
        node->client.timeouts++;
        bool timely = age >= node->f_ns && age <= node->f_ns + node->lag_ns;
        if (outcome->code != 408 || node->mode != EXPIRING || !(timely || client->loose))
            fail(world, "node %u: Timer F after %.6f s", node->index, (double)age / 1e9);
        return;
    }
    node->client.unreachables++;
    node->failed = true;
    bool beside = node->failing_beside && client->due_ns == node->failing_due_ns &&
                  client->path_hash == node->failing_path_hash;
    if (outcome->status != ZSIP_ERROR_UNREACHABLE || outcome->code != 503 ||
        (node->failing != client->handle && !beside))
        fail(world, "node %u: status %d of a request", node->index, (int)outcome->status);
}

static struct arrival *check_response(struct node *node, uint32_t index,
                                      const struct zsip_outcome *outcome)
{
    struct arrival *arrival = node_current(node, outcome->msg);
    if (outcome->status != ZSIP_OK || arrival->told ||
        expected_by(node, arrival->packet) != index ||
        outcome->code != arrival->packet->look.status || outcome->final != (outcome->code >= 200))
        fail(node->world, "node %u: a response is taken for request %u:\n%.*s", node->index, index,
             (int)arrival->packet->bytes, (const char *)arrival->packet->data);
    arrival->told = true;
    node->client.finals += outcome->final;
    return arrival;
}

void client_outcome(struct node *node, const struct zsip_outcome *outcome)
{
    struct world *world = node->world;
    uint32_t index = (uint32_t)outcome->cookie;
    if (index >= node->client.count)
        fail(world, "node %u: an outcome for nobody", node->index);
    struct client *client = &node->client.clients[index];
    if (client->state != CLIENT_PENDING || client->handle != outcome->client)
        fail(world, "node %u: request %u has an outcome, though it %s", node->index, index,
             client->state == CLIENT_ENDED ? "had one" : "never left");
    uint32_t upto = 0;
    if (outcome->msg == NULL)
        check_failure(node, client, outcome);
    else
        upto = (uint32_t)(check_response(node, index, outcome) - node->arrivals);
    if (outcome->final)
        release(node, client);
    node_absorb(node, upto);
    client = &node->client.clients[index];
    if (client->sends != outcome->sends && !client->loose)
        fail(world, "node %u: request %u left %u times, not %u", node->index, index, client->sends,
             outcome->sends);
    note(world, "node %u: request %u has outcome %u", node->index, index, outcome->code);
    client->proceeding = true;
    if (outcome->final) {
        end(node, client);
        world->outcomes++;
    }
}

void client_finish(struct node *node, struct arrival *arrival)
{
    if (arrival->told || arrival->packet->damage == WILD)
        return;
    uint32_t index = expected_by(node, arrival->packet);
    if (index != NO_CLIENT)
        fail(node->world, "node %u: the response to request %u is passed over:\n%.*s", node->index,
             index, (int)arrival->packet->bytes, (const char *)arrival->packet->data);
}
