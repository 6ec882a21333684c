/* The applications: they answer at once, late, twice, wrongly or never, and send. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

/* ---- Answers --------------------------------------------------------------------------------- */

/* Statuses that need no header; not those that zsip gives to what is malformed. */
static const uint16_t statuses[] = {200, 200, 200, 202, 299, 300, 302, 403, 404,
                                    480, 486, 488, 500, 503, 504, 600, 603, 699};

static struct zsip_view text_view(const char *text)
{
    return (struct zsip_view){(const uint8_t *)text, strlen(text)};
}

/* An answer of the application's liking; plain, or with something that can't be regenerated. */
static struct zsip_response response_choose(struct random *random, bool plain)
{
    static char headers[400], body[1200];
    struct zsip_response response = {
        .struct_bytes = sizeof(response),
        .status = statuses[random_below(random, sizeof(statuses) / sizeof(statuses[0]))]};
    if (plain)
        return response;
    uint64_t number = random_next(random);
    unsigned kind = (unsigned)random_below(random, 4);
    if (kind != 1 && kind != 2)
        response.reason = text_view("As The Seed Wills");
    if (kind == 1 || kind == 3) {
        snprintf(headers, sizeof(headers), "X-Number: %llu\r\nExpires: 60\r\nX-Long: %.*s\r\n",
                 (unsigned long long)number, (int)(number % 200),
                 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
                 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
                 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
        response.headers = text_view(headers);
    }
    if (kind >= 2 && response.status >= 300) {
        int bytes = snprintf(body, sizeof(body), "%0*llu", (int)(number % 1000) + 1,
                             (unsigned long long)number);
        response.body = (struct zsip_view){(const uint8_t *)body, (size_t)bytes};
        response.content_type = text_view("text/plain");
    }
    if (response.reason.length + response.headers.length + response.body.length == 0)
        response.reason = text_view("Fine");
    return response;
}

static enum zsip_status respond(struct node *node, uint64_t handle,
                                const struct zsip_response *response)
{
    return zsip_endpoint_respond(node->endpoint, handle, response, node_now(node));
}

static void expect(struct node *node, enum zsip_status is, enum zsip_status shall, const char *what)
{
    if (is != shall)
        fail(node->world, "node %u: %s: %s, not %s", node->index, what, zsip_status_name(is),
             zsip_status_name(shall));
}

/* What the standards forbid is refused, and leaves the request as it was. */
static void respond_wrongly(struct node *node, uint64_t handle, bool message)
{
    struct zsip_response wrong = {.struct_bytes = sizeof(wrong)};
    static const uint16_t forbidden[] = {408, 180, 183, 199, 101, 99, 0, 700};
    wrong.status = forbidden[random_below(&node->world->random, 8)];
    expect(node, respond(node, handle, &wrong), ZSIP_ERROR_ARGUMENT, "a forbidden status");
    wrong.status = 407;
    expect(node, respond(node, handle, &wrong), ZSIP_ERROR_ARGUMENT, "407 without a challenge");
    if (!message)
        return;
    wrong.status = 200;
    wrong.body = text_view("x");
    wrong.content_type = text_view("text/plain");
    expect(node, respond(node, handle, &wrong), ZSIP_ERROR_ARGUMENT, "a body in a 2xx to MESSAGE");
}

static void answer_now(struct node *node, struct arrival *arrival, uint64_t handle, bool plain)
{
    struct zsip_response response = response_choose(&node->world->random, plain);
    enum zsip_status status = respond(node, handle, &response);
    server_answered(node, arrival, status, &response);
    if (random_chance(&node->world->random, 100))
        expect(node, respond(node, handle, &response), ZSIP_ERROR_STALE, "a second answer");
}

/* ---- Held requests --------------------------------------------------------------------------- */

static void plan_answer(struct node *node, struct record *record)
{
    struct world *world = node->world;
    struct random *random = &world->random;
    uint64_t p = node->p_ns, f = node->f_ns;
    const uint64_t delays[] = {random_below(random, 1 * S),
                               random_below(random, p),
                               p - 1,
                               p,
                               p + 1,
                               p + random_below(random, f),
                               random_below(random, f),
                               f - 1,
                               f,
                               f + random_below(random, 3 * S)};
    unsigned attempts = (unsigned)random_below(random, 3);
    for (unsigned i = 0; i < attempts; i++)
        world_plan(world, world->now_ns + delays[random_below(random, 10)], EVENT_ANSWER, node,
                   record->serial, record);
    world_plan(world, record->opened_ns + p + node->lag_ns + 1, EVENT_SERVER_CHECK, node,
               record->serial, record);
    world_plan(world, record->opened_ns + f + node->lag_ns + 1, EVENT_SERVER_CHECK, node,
               record->serial, record);
}

static void hold(struct node *node, struct arrival *arrival, uint64_t handle)
{
    uint64_t held = 0;
    enum zsip_status status = zsip_endpoint_hold(node->endpoint, handle, &held);
    server_held(node, arrival, status, held);
    if (status != ZSIP_OK)
        return;
    expect(node, zsip_endpoint_hold(node->endpoint, handle, &held), ZSIP_ERROR_STALE,
           "to hold twice");
    struct record *record = record_by(&node->server, held);
    if (random_chance(&node->world->random, 100))
        app_answer(node, record);
    else
        plan_answer(node, record);
}

/* An answer to a held request: its time has come, or is over. */
void app_answer(struct node *node, struct record *record)
{
    struct random *random = &node->world->random;
    bool outside = node->mode == IDLE;
    if (record->pending && random_chance(random, 100) &&
        node->world->now_ns - record->opened_ns < node->f_ns)
        respond_wrongly(node, record->handle, false);
    struct zsip_response response = response_choose(random, random_chance(random, 600));
    if (random_chance(random, 200))
        response = (struct zsip_response){.struct_bytes = sizeof(response), .status = 100};
    enum zsip_status status = respond(node, record->handle, &response);
    server_held_answered(node, record, status, &response);
    if (status == ZSIP_ERROR_FULL && node->output_bytes < node->config.output_bytes / 2) {
        /* No room in the log: without a delta it has to go. */
        response = response_choose(random, true);
        status = respond(node, record->handle, &response);
        server_held_answered(node, record, status, &response);
        if (status != ZSIP_OK)
            expect(node, status, ZSIP_OK, "a plain answer to a held request");
    }
    if (!outside)
        return;
    node_absorb(node, 0);
    node_flush(node);
    node_plan_wake(node);
}

void app_check(struct node *node, struct record *record)
{
    if (!record->pending || record->loose)
        return;
    uint64_t age = node->world->now_ns - record->opened_ns;
    if (age > node->f_ns)
        fail(node->world, "node %u: a held request lives on after 64*T1", node->index);
    if (!record->hundred)
        fail(node->world, "node %u: no 100 after %llu ms", node->index,
             (unsigned long long)(age / MS));
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

static struct arrival *begin(struct node *node, const struct zsip_incoming *incoming)
{
    struct arrival *arrival = node_current(node, incoming->msg);
    node_absorb(node, (uint32_t)(arrival - node->arrivals));
    if (!arrival->asked)
        server_expect_new(node, arrival);
    return arrival;
}

static bool on_authenticate(void *user, struct zsip_endpoint *endpoint,
                            const struct zsip_incoming *incoming)
{
    struct node *node = user;
    struct random *random = &node->world->random;
    struct arrival *arrival = begin(node, incoming);
    if (arrival->asked)
        fail(node->world, "node %u: asked twice to authenticate", node->index);
    arrival->asked = true;
    arrival->admitted = !random_chance(random, 150);
    if (arrival->admitted || random_chance(random, 300))
        return arrival->admitted;
    struct zsip_response response = {
        .struct_bytes = sizeof(response),
        .status = 401,
        .headers = ZSIP_VIEW("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n")};
    enum zsip_status status =
        zsip_endpoint_respond(endpoint, incoming->handle, &response, node_now(node));
    server_answered(node, arrival, status, &response);
    return false;
}

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct node *node = user;
    struct random *random = &node->world->random;
    struct arrival *arrival = begin(node, incoming);
    uint64_t handle = incoming->handle;
    (void)endpoint;
    if (arrival->delivered || (node->auth && !arrival->admitted))
        fail(node->world, "node %u: the application sees a request twice in one turn", node->index);
    server_expect_delivery(node, arrival);
    arrival->delivered = true;
    unsigned what = (unsigned)random_below(random, 100);
    if (what < 4)
        respond_wrongly(node, handle, incoming->msg->method == ZSIP_METHOD_MESSAGE);
    if (what < 70)
        answer_now(node, arrival, handle, what < 58);
    else if (what < 96)
        hold(node, arrival, handle);
    if (random_chance(random, 30))
        app_send(node);
}

static void on_abandoned(void *user, struct zsip_endpoint *endpoint, uint64_t handle)
{
    struct node *node = user;
    struct zsip_response response = {.struct_bytes = sizeof(response), .status = 200};
    (void)endpoint;
    node_absorb(node, 0);
    server_abandoned(node, handle);
    expect(node, respond(node, handle, &response), ZSIP_ERROR_STALE, "an answer after 64*T1");
}

static void on_outcome(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_outcome *outcome)
{
    struct node *node = user;
    struct random *random = &node->world->random;
    (void)endpoint;
    client_outcome(node, outcome);
    if (node->world->draining || node->failing != 0)
        return;
    if (random_chance(random, 30))
        app_send(node);
    /* An answer that waited for this outcome. */
    struct record *record = node->server.pending_first;
    if (record != NULL && random_chance(random, 100))
        app_answer(node, record);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static const char *const letters = "the quick brown fox jumps over the lazy dog, again and again; "
                                   "the quick brown fox jumps over the lazy dog, again and again; "
                                   "the quick brown fox jumps over the lazy dog, again and again; ";

static struct zsip_address target_address(const struct world *world, uint32_t target)
{
    uint32_t index = target / USERS_MAX;
    struct zsip_address nobody = {.ip = {10, 250, 0, 1}, .port = 5060, .family = ZSIP_FAMILY_IPV4};
    return index < world->node_count ? world->nodes[index].inside : nobody;
}

static int target_text(const struct world *world, uint32_t target, bool escaped, char *out,
                       size_t room)
{
    struct zsip_address address = target_address(world, target);
    return snprintf(out, room, "sip:%s%u@10.%u.0.1", escaped ? "%75" : "u", target % USERS_MAX,
                    address.ip[1]);
}

/* Writes a request anew for each send: the same cookie and branch, the same bytes. */
static size_t on_build(void *user, uint64_t cookie, struct zsip_view branch, uint8_t *out,
                       size_t capacity, uint32_t *pad_at)
{
    struct node *node = user;
    const struct client *client = &node->client.clients[cookie];
    char uri[64], method[16];
    unsigned body = client->bytes_extra;
    target_text(node->world, client->target, false, uri, sizeof(uri));
    snprintf(method, sizeof(method), "%s", client->large ? "OPTIONS" : "MESSAGE");
    int bytes =
        snprintf((char *)out, capacity,
                 "%s %s SIP/2.0\r\n"
                 "Via: SIP/2.0/%s %s;branch=%.*s;rport\r\n"
                 "Max-Forwards: 70\r\nFrom: <sip:built@10.%u.0.1>;tag=t%u\r\nTo: <%s>\r\n"
                 "Call-ID: b%u-%u-%llu\r\nCSeq: 7 %s\r\nX-Sim: %llu\r\n%s"
                 "Content-Length:",
                 method, uri, client->reliable ? "TCP" : "UDP", node->sent_by, (int)branch.length,
                 (const char *)branch.data, node->index, node->life, uri, node->index, node->life,
                 (unsigned long long)cookie, method, (unsigned long long)cookie + 1,
                 body > 0 ? "Content-Type: text/plain\r\n" : "");
    if (bytes < 0 || (size_t)bytes + 200 + body > capacity)
        return 0;
    *pad_at = (uint32_t)bytes;
    bytes += snprintf((char *)out + bytes, capacity - (size_t)bytes, " %u\r\n\r\n%.*s", body,
                      (int)body, letters);
    return (size_t)bytes;
}

void app_callbacks(struct node *node)
{
    node->config.callbacks = (struct zsip_callbacks){
        .authenticate = node->auth ? on_authenticate : NULL,
        .request = node->silent ? NULL : on_request,
        .abandoned = on_abandoned,
        .outcome = on_outcome,
        .build = on_build,
    };
}

static uint32_t target_choose(struct world *world)
{
    struct random *random = &world->random;
    uint32_t user = (uint32_t)random_below(random, USERS_MAX);
    for (unsigned tries = 0; tries < 4; tries++) {
        uint32_t index = (uint32_t)random_below(random, world->node_count);
        if (!world->nodes[index].nat)
            return index * USERS_MAX + user;
    }
    return NODES_MAX * USERS_MAX + user;
}

static struct zsip_path path_to(struct node *node, uint32_t target, bool reliable)
{
    struct zsip_path path = {.remote = target_address(node->world, target),
                             .transport = reliable ? ZSIP_TRANSPORT_TCP : ZSIP_TRANSPORT_UDP,
                             .flags = reliable ? ZSIP_PATH_RELIABLE : 0};
    path.flow = 1 + target / USERS_MAX + (reliable ? 100 : 0);
    return path;
}

static void send_built(struct node *node, uint32_t target, bool reliable)
{
    struct random *random = &node->world->random;
    bool options = random_chance(random, 200);
    struct client client = {.target = target,
                            .built = true,
                            .reliable = reliable,
                            .large = options,
                            .bytes_extra = (uint8_t)random_below(random, 180)};
    struct zsip_path path = path_to(node, target, reliable);
    bool either = false;
    enum zsip_status shall = client_expect(node, &client, &either);
    uint32_t index = client_add(node, &client);
    uint64_t handle = 0;
    enum zsip_status is = zsip_endpoint_send_built(
        node->endpoint, options ? ZSIP_METHOD_OPTIONS : ZSIP_METHOD_MESSAGE, &path, index,
        node_now(node), &handle);
    if (!either)
        expect(node, is, shall, "send_built");
    if (is != ZSIP_OK) {
        client_remove_last(node);
        return;
    }
    node->client.clients[index].handle = handle;
    client_started(node, index);
}

static void send_choose(struct node *node, struct zsip_send *send, struct client *client)
{
    struct random *random = &node->world->random;
    static char uri[64], headers[64], body[2100];
    static const char *const methods[] = {"", "", "", "MESSAGE", "OPTIONS", "REGISTER", "FOO"};
    zsip_send_init(send);
    target_text(node->world, client->target, random_chance(random, 100), uri, sizeof(uri));
    send->method = text_view(methods[random_below(random, 7)]);
    send->target = text_view(uri);
    send->from = random_chance(random, 500) ? text_view("sip:me@example.com")
                                            : text_view("\"Me\" <sip:me@example.com>");
    snprintf(headers, sizeof(headers), "X-Sim: %u\r\n", node->client.count + 1);
    send->headers = text_view(headers);
    size_t size = random_chance(random, 20) ? 2000 : (size_t)random_below(random, 300);
    memset(body, 'a' + (int)random_below(random, 26), size);
    send->body = (struct zsip_view){(const uint8_t *)body, size};
    if (random_chance(random, 500))
        send->flags |= ZSIP_SEND_VOUCHED;
    if (random_chance(random, 400))
        send->flags |= ZSIP_SEND_OVERLAP;
    if (random_chance(random, 200))
        send->expires_s = (int64_t)random_below(random, 1000);
    client->size = (uint16_t)size;
    bool message = send->method.length == 0 || send->method.data[0] == 'M';
    bool allowed = (send->flags & ZSIP_SEND_VOUCHED) || (!message && client->reliable);
    client->large = size > 1500 && allowed;
    if (!message || (send->flags & ZSIP_SEND_OVERLAP))
        client->target = NO_TARGET;
}

void app_send(struct node *node)
{
    struct world *world = node->world;
    struct random *random = &world->random;
    uint32_t target = target_choose(world);
    bool reliable = random_chance(random, world->reliable);
    if (world->draining)
        return;
    if (random_chance(random, world->built)) {
        send_built(node, target, reliable);
    } else {
        struct client client = {.target = target, .reliable = reliable};
        struct zsip_send send;
        send_choose(node, &send, &client);
        send.path = path_to(node, target, reliable);
        bool either = false;
        enum zsip_status shall = client_expect(node, &client, &either);
        uint32_t index = client_add(node, &client);
        send.cookie = index;
        uint64_t handle = 0;
        enum zsip_status is = zsip_endpoint_send(node->endpoint, &send, node_now(node), &handle);
        if (!either)
            expect(node, is, shall, "send");
        if (is == ZSIP_OK) {
            node->client.clients[index].handle = handle;
            client_started(node, index);
        } else {
            client_remove_last(node);
        }
    }
    if (node->mode == IDLE && node->failing == 0) {
        node_absorb(node, 0);
        node_flush(node);
        node_plan_wake(node);
    } else {
        node_peek(node);
    }
}
