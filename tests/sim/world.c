/* One run: the queue of events, from a seed to silence. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

/* ---- The queue: a heap of fours, ordered by time and then by when an event was planned ---------
 */

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

struct event *world_plan_event(struct world *world, uint64_t at_ns, enum event_kind kind)
{
    if (world->event_count == world->event_capacity) {
        world->event_capacity = world->event_capacity == 0 ? 4096 : world->event_capacity * 2;
        world->events = realloc(world->events, world->event_capacity * sizeof(*world->events));
        if (world->events == NULL)
            abort();
    }
    struct event event = {.at_ns = at_ns, .order = ++world->event_order, .kind = (uint8_t)kind};
    uint32_t at = world->event_count++;
    while (at > 0 && before(&event, &world->events[(at - 1) / 4])) {
        world->events[at] = world->events[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    world->events[at] = event;
    return &world->events[at];
}

static struct event event_next(struct world *world)
{
    struct event *events = world->events;
    struct event first = events[0];
    struct event last = events[--world->event_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t first_child = 4 * at + 1;
        if (first_child >= world->event_count)
            break;
        uint32_t child = first_child;
        for (uint32_t i = 1; i < 4 && first_child + i < world->event_count; i++) {
            if (before(&events[first_child + i], &events[child]))
                child = first_child + i;
        }
        if (!before(&events[child], &last))
            break;
        events[at] = events[child];
        at = child;
    }
    events[at] = last;
    return first;
}

void world_plan(struct world *world, uint64_t at_ns, enum event_kind kind, const struct node *node,
                uint64_t number, void *pointer)
{
    struct event *event = world_plan_event(world, at_ns, kind);
    event->node = (uint8_t)node->index;
    event->life = (uint16_t)node->life;
    event->number = number;
    event->pointer = pointer;
}

/* ---- Traffic and accidents ------------------------------------------------------------------- */

static struct node *node_of_kind(struct world *world, bool zsip)
{
    for (unsigned tries = 0; tries < 16; tries++) {
        struct node *node = &world->nodes[random_below(&world->random, world->node_count)];
        if (node->alive && node->zsip == zsip)
            return node;
    }
    return NULL;
}

static void accidents(struct world *world)
{
    struct random *random = &world->random;
    struct node *node = &world->nodes[random_below(random, world->node_count)];
    if (random_chance(random, world->deaths) && random_chance(random, 100) && node->zsip)
        world_plan(world, world->now_ns, EVENT_KILL, node, 0, NULL);
    if (random_chance(random, world->rebindings) && node->nat)
        world_plan(world, world->now_ns, EVENT_REBIND, node, 0, NULL);
    if (random_chance(random, world->partitions) && random_chance(random, 50))
        world_plan_event(world, world->now_ns, EVENT_PARTITION)->number = random_next(random);
}

void traffic(struct world *world)
{
    struct random *random = &world->random;
    if (world->draining)
        return;
    unsigned times = random_chance(random, world->burst) ? 400 : 1;
    for (unsigned i = 0; i < times; i++) {
        bool raw = random_chance(random, world->raw);
        struct node *node = node_of_kind(world, !raw);
        if (node != NULL && raw)
            raw_traffic(node);
        else if (node != NULL)
            app_send(node);
    }
    accidents(world);
    if (world->transactions >= world->transactions_max) {
        world->draining = true;
        world->partition = 0;
        return;
    }
    uint64_t gap = random_below(random, 2 * world->gap_ns);
    world_plan_event(world, world->now_ns + gap + 1, EVENT_TRAFFIC);
}

static void partition(struct world *world, uint64_t sides)
{
    if (world->draining)
        sides = 0;
    world->partition = (uint32_t)sides;
    if (sides != 0)
        world_plan_event(world, world->now_ns + random_below(&world->random, 40 * S),
                         EVENT_PARTITION);
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void node_event(struct world *world, const struct event *event)
{
    struct node *node = &world->nodes[event->node];
    if (event->kind == EVENT_REVIVE) {
        node_create(node);
        return;
    }
    if (!node->alive || event->life != (uint16_t)node->life)
        return;
    switch (event->kind) {
    case EVENT_TURN:
        node_turn(node);
        break;
    case EVENT_WAKE:
        if (node->wake_ns == event->at_ns)
            node_turn(node);
        break;
    case EVENT_ANSWER:
    case EVENT_SERVER_CHECK: {
        struct record *record = event->pointer;
        if (record->serial != event->number)
            break;
        if (event->kind == EVENT_ANSWER)
            app_answer(node, record);
        else
            app_check(node, record);
        break;
    }
    case EVENT_CLIENT_CHECK:
        client_check(node, (uint32_t)event->number, event->count);
        break;
    case EVENT_KILL:
        if (world->draining)
            break;
        node_kill(node);
        world_plan(world, world->now_ns + random_below(&world->random, 50 * S), EVENT_REVIVE, node,
                   0, NULL);
        break;
    case EVENT_REBIND:
        node_rebind(node);
        break;
    case EVENT_RAW:
        raw_event(node, event);
        break;
    default:
        break;
    }
}

static void world_event(struct world *world, const struct event *event)
{
    switch (event->kind) {
    case EVENT_PACKET:
        network_arrive(world, event->pointer);
        break;
    case EVENT_TRAFFIC:
        traffic(world);
        break;
    case EVENT_PARTITION:
        partition(world, event->number);
        break;
    default:
        node_event(world, event);
        break;
    }
}

static void nodes_make(struct world *world)
{
    struct random *random = &world->random;
    unsigned endpoints = (unsigned)random_range(random, 2, 7);
    unsigned scripted = (unsigned)random_range(random, 1, 3);
    world->node_count = endpoints + scripted;
    for (uint32_t i = 0; i < world->node_count; i++)
        node_init(world, i, i < endpoints);
}

/* Scripted peers own memory in their events. */
static void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i].alive)
            node_kill(&world->nodes[i]);
    }
    while (world->packets_free != NULL) {
        struct packet *packet = world->packets_free;
        world->packets_free = packet->next;
        free(packet);
    }
    while (world->records_free != NULL) {
        struct record *record = world->records_free;
        world->records_free = record->same;
        free(record);
    }
    branches_free(&world->branches);
    free(world->events);
}

void world_run(struct world *world, uint64_t seed, uint64_t transactions, bool verbose)
{
    memset(world, 0, sizeof(*world));
    world->random.state = seed * 0x2545f4914f6cdd1dull + 1;
    world->seed = seed;
    world->transactions_max = transactions;
    world->verbose = verbose;
    world_current = world;
    network_mood(world);
    nodes_make(world);
    world_plan_event(world, 0, EVENT_TRAFFIC);
    uint64_t silence_ns = 0;
    while (world->event_count > 0) {
        struct event event = event_next(world);
        world->now_ns = event.at_ns;
        world->step++;
        world_event(world, &event);
        if (world->draining && silence_ns == 0)
            silence_ns = world->now_ns + 4000 * S;
        if (silence_ns != 0 && world->now_ns > silence_ns)
            fail(world, "it does not become quiet: event %d of node %u", (int)event.kind,
                 event.node);
    }
    for (uint32_t i = 0; i < world->node_count; i++)
        node_quiet(&world->nodes[i]);
    world_free(world);
}
