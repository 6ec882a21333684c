/* The network: what is sent may arrive late, twice, out of order, damaged or never. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

/* ---- Packets --------------------------------------------------------------------------------- */

#define PACKET_ROOM 2048u

struct packet *packet_make(struct world *world, uint32_t bytes)
{
    struct packet *packet = world->packets_free;
    uint32_t room = bytes <= PACKET_ROOM ? PACKET_ROOM : bytes;
    if (packet != NULL && room == PACKET_ROOM) {
        world->packets_free = packet->next;
    } else {
        packet = malloc(sizeof(*packet) + room);
        if (packet == NULL)
            abort();
    }
    *packet = (struct packet){.references = 1, .room = room, .bytes = bytes};
    return packet;
}

struct packet *packet_keep(struct packet *packet)
{
    packet->references++;
    return packet;
}

void packet_drop(struct world *world, struct packet *packet)
{
    if (--packet->references > 0)
        return;
    if (packet->room > PACKET_ROOM) {
        free(packet);
        return;
    }
    packet->next = world->packets_free;
    world->packets_free = packet;
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static uint8_t other_letter(struct random *random, uint8_t c)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t other = (uint8_t)letters[random_below(random, 36)];
    if (c >= '0' && c <= '9')
        other = (uint8_t)letters[random_below(random, 10)];
    return other != c ? other : c == '7' ? '8' : '7';
}

static void bend_in(struct random *random, struct packet *packet, struct span span, uint32_t skip)
{
    if (span.length <= skip)
        return;
    uint8_t *at = packet->data + span.at + skip + random_below(random, span.length - skip);
    if ((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z'))
        *at = other_letter(random, *at);
}

/* Another message, and a legal one. */
static void bend(struct random *random, struct packet *packet)
{
    const struct look *look = &packet->look;
    packet->damage = BENT;
    switch (random_below(random, 5)) {
    case 0:
        bend_in(random, packet, look->call_id, 0);
        break;
    case 1:
        bend_in(random, packet, look->from_tag, 0);
        break;
    case 2:
        bend_in(random, packet, look->branch, 7);
        break;
    case 3: /* its last digit, so that it neither begins with 0 nor grows too large */
        bend_in(random, packet,
                (struct span){(uint16_t)(look->cseq_method.at - 2),
                              packet->data[look->cseq_method.at - 2] > '0'},
                0);
        break;
    default:
        if (packet->bytes > look->body_at)
            packet->data[packet->bytes - 1] ^= 1;
        break;
    }
}

static uint8_t *find(struct packet *packet, const char *text)
{
    size_t length = strlen(text);
    for (uint32_t at = 0; at + length <= packet->look.body_at; at++) {
        if (memcmp(packet->data + at, text, length) == 0)
            return packet->data + at;
    }
    return NULL;
}

/* No message that anybody may take. */
static void break_it(struct random *random, struct packet *packet)
{
    uint8_t *at = NULL;
    packet->damage = BROKEN;
    switch (random_below(random, 5)) {
    case 0:
        at = find(packet, "SIP/2.0"); /* of the start line, which comes first */
        if (at != NULL)
            at[4] = '9';
        break;
    case 1:
        at = packet->data + packet->look.cseq_method.at;
        *at = *at == 'X' ? 'Y' : 'X';
        if (packet->look.request)
            break;
        at[-2] = 'x'; /* of a response only its own CSeq could tell */
        break;
    case 2:
        at = find(packet, "Call-ID:");
        if (at != NULL)
            at[0] = 'X';
        break;
    case 3:
        at = packet->data + packet->look.cseq_method.at - 2;
        *at = 'x';
        break;
    default:
        at = packet->data;
        packet->bytes = (uint32_t)random_range(random, 20, packet->look.body_at - 3);
        break;
    }
    if (at == NULL)
        packet->bytes = 20;
}

static void change_a_byte(struct random *random, struct packet *packet)
{
    packet->damage = WILD;
    for (unsigned tries = 0; tries < 8; tries++) {
        uint8_t *at = packet->data + random_below(random, packet->bytes);
        if (*at == '\r' || *at == '\n')
            continue;
        *at = (uint8_t)random_range(random, '!', '~');
        return;
    }
}

static void damage(struct random *random, struct packet *packet)
{
    if (packet->damage != INTACT || !packet->look.ok)
        return;
    unsigned kind = (unsigned)random_below(random, 3);
    if (kind == 0)
        bend(random, packet);
    else if (kind == 1)
        break_it(random, packet);
    else
        change_a_byte(random, packet);
    if (packet->damage != BROKEN)
        look_at(&packet->look, packet->data, packet->bytes);
}

/* ---- The way --------------------------------------------------------------------------------- */

bool address_equal(const struct zsip_address *a, const struct zsip_address *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* 10.N.x.x is node N itself, 203.N.x.x the outside of the NAT before it. */
static struct node *node_at(struct world *world, const struct zsip_address *address)
{
    uint32_t index = address->ip[1];
    if (index >= world->node_count)
        return NULL;
    struct node *node = &world->nodes[index];
    if (!node->alive)
        return NULL;
    if (address->ip[0] == 10)
        return node->nat ? NULL : node;
    return node->nat && address_equal(&node->outside, address) ? node : NULL;
}

static bool parted(const struct world *world, uint32_t a, uint32_t b)
{
    return ((world->partition >> a ^ world->partition >> b) & 1) != 0;
}

static uint64_t travel_time(struct world *world)
{
    struct random *random = &world->random;
    uint64_t time = world->delay_ns;
    if (world->jitter_ns > 0)
        time += random_below(random, world->jitter_ns);
    if (random_chance(random, world->tail))
        time += random_below(random, world->tail_ns);
    if (world->quantum_ns > 0)
        time += world->quantum_ns - (world->now_ns + time) % world->quantum_ns;
    return time;
}

static void launch(struct world *world, struct packet *packet)
{
    uint64_t at = world->now_ns + travel_time(world);
    uint32_t to = packet->path.local.ip[1];
    if ((packet->path.flags & ZSIP_PATH_RELIABLE) && to < NODES_MAX) {
        /* A stream keeps its order. */
        uint64_t *last = &world->stream_ns[packet->from][to];
        at = world->now_ns + world->delay_ns;
        at = *last = at > *last ? at : *last;
    }
    world_plan_event(world, at, EVENT_PACKET)->pointer = packet;
}

static struct packet *packet_copy(struct world *world, const struct packet *packet)
{
    struct packet *copy = packet_make(world, packet->bytes);
    uint32_t room = copy->room;
    memcpy(copy, packet, sizeof(*packet) + packet->bytes);
    copy->room = room;
    copy->references = 1;
    return copy;
}

void network_send(struct node *node, const struct message *message)
{
    struct world *world = node->world;
    struct random *random = &world->random;
    bool reliable = (message->path->flags & ZSIP_PATH_RELIABLE) != 0;
    if (!reliable && random_chance(random, world->loss))
        return;
    struct packet *packet = packet_make(world, message->bytes);
    memcpy(packet->data, message->data, message->bytes);
    packet->from = node->index;
    packet->from_life = node->life;
    packet->client = message->client;
    packet->path = *message->path;
    packet->path.local = message->path->remote;
    packet->path.remote = *message->source;
    packet->look = *message->look;
    /* The answer to something broken repeats what was broken. */
    if (packet->look.status == 400 || packet->look.status == 505)
        packet->damage = WILD;
    if (reliable) {
        launch(world, packet);
        return;
    }
    if (random_chance(random, world->copies))
        launch(world, packet_copy(world, packet));
    if (random_chance(random, world->damage))
        damage(random, packet);
    launch(world, packet);
}

void network_arrive(struct world *world, struct packet *packet)
{
    struct node *node = node_at(world, &packet->path.local);
    struct node *from = &world->nodes[packet->from];
    if (node == NULL) {
        if (packet->client != 0 && from->alive && from->life == packet->from_life &&
            random_chance(&world->random, world->icmp))
            node_fail(from, packet);
        packet_drop(world, packet);
        return;
    }
    if (parted(world, node->index, packet->from)) {
        packet_drop(world, packet);
        return;
    }
    world->deliveries++;
    if (node->zsip)
        node_arrive(node, packet);
    else
        raw_arrive(node, packet);
}

static uint64_t one_of(struct random *random, const uint64_t *values, unsigned count)
{
    return values[random_below(random, count)];
}

#define ONE_OF(random, ...)                                                                        \
    one_of((random), (const uint64_t[]){__VA_ARGS__},                                              \
           sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

void network_mood(struct world *world)
{
    struct random *random = &world->random;
    world->loss = (unsigned)ONE_OF(random, 0, 0, 20, 100, 300, 600);
    world->copies = (unsigned)ONE_OF(random, 0, 0, 20, 300);
    world->damage = (unsigned)ONE_OF(random, 0, 0, 5, 50);
    world->icmp = (unsigned)ONE_OF(random, 0, 500);
    world->delay_ns = ONE_OF(random, 0, 1 * MS, 20 * MS, 37 * MS + 1);
    world->jitter_ns = ONE_OF(random, 0, 0, 5 * MS, 400 * MS, 3 * S);
    world->tail = (unsigned)ONE_OF(random, 0, 0, 5, 20);
    world->tail_ns = 40 * S;
    world->quantum_ns = ONE_OF(random, 0, 0, 1 * MS, 100 * MS, 500 * MS);
    world->deaths = (unsigned)ONE_OF(random, 0, 0, 1, 5);
    world->rebindings = (unsigned)ONE_OF(random, 0, 2, 20);
    world->partitions = (unsigned)ONE_OF(random, 0, 0, 2);
    world->reliable = (unsigned)ONE_OF(random, 0, 100, 300);
    world->built = (unsigned)ONE_OF(random, 0, 200, 600);
    world->raw = (unsigned)ONE_OF(random, 50, 200, 500);
    world->burst = (unsigned)ONE_OF(random, 0, 0, 2);
    world->gap_ns = ONE_OF(random, 1 * MS, 3 * MS, 10 * MS, 40 * MS);
}
