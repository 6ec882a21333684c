#include "tests/core/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct world *world = user;
    world->requests++;
    world->incoming = *incoming;
    struct zsip_view body = zsip_msg_body(incoming->msg);
    snprintf(world->body, sizeof(world->body), "%.*s", (int)body.length, (const char *)body.data);
    if (world->hold)
        world->hold_status = zsip_endpoint_hold(endpoint, incoming->handle, &world->held);
    else if (world->answer.status != 0)
        world->answer_status =
            zsip_endpoint_respond(endpoint, incoming->handle, &world->answer, world->now);
}

static void on_abandoned(void *user, struct zsip_endpoint *endpoint, uint64_t handle)
{
    struct world *world = user;
    (void)endpoint;
    cr_assert_eq(handle, world->held);
    world->abandoned++;
}

static void on_outcome(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_outcome *outcome)
{
    struct world *world = user;
    (void)endpoint;
    world->outcomes++;
    world->outcome = *outcome;
}

static bool on_authenticate(void *user, struct zsip_endpoint *endpoint,
                            const struct zsip_incoming *incoming)
{
    struct world *world = user;
    if (!world->authenticate_refuses)
        return true;
    struct zsip_response response = {.struct_bytes = sizeof(response),
                                     .status = 401,
                                     .headers = ZSIP_VIEW("WWW-Authenticate: Digest realm=\"r\", "
                                                          "nonce=\"n\", qop=\"auth\"\r\n")};
    world->answer_status = zsip_endpoint_respond(endpoint, incoming->handle, &response, world->now);
    return false;
}

void world_init(struct world *world)
{
    memset(world, 0, sizeof(*world));
    zsip_endpoint_config_init(&world->config);
    memset(world->config.seed, 7, sizeof(world->config.seed));
    world->config.completed_max = 10000;
    world->config.pending_max = 64;
    world->config.clients_max = 64;
    world->config.sent_by = ZSIP_VIEW("198.51.100.9:5070");
    world->config.user = world;
    world->config.callbacks.request = on_request;
    world->config.callbacks.abandoned = on_abandoned;
    world->config.callbacks.outcome = on_outcome;
    world->config.callbacks.authenticate = on_authenticate;
    world->now = (struct zsip_time){.monotonic_ns = 1000 * ZSIP_NS_PER_S, .utc_s = 1290000000};
    world->path.transport = ZSIP_TRANSPORT_UDP;
    world->path.flow = 1;
    world->path.remote =
        (struct zsip_address){.ip = {192, 0, 2, 1}, .port = 5060, .family = ZSIP_FAMILY_IPV4};
    world->path.local =
        (struct zsip_address){.ip = {198, 51, 100, 9}, .port = 5070, .family = ZSIP_FAMILY_IPV4};
    world->answer = (struct zsip_response){.struct_bytes = sizeof(world->answer), .status = 200};
}

void world_open(struct world *world)
{
    cr_assert_eq(zsip_endpoint_create(&world->config, &world->endpoint), ZSIP_OK);
}

void world_close(struct world *world)
{
    zsip_endpoint_destroy(world->endpoint);
}

void world_take(struct world *world)
{
    size_t count;
    const struct zsip_output *outputs = zsip_endpoint_output(world->endpoint, &count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_lt(world->sent_count, 64);
        cr_assert_lt(outputs[i].bytes, sizeof(world->sent[0]));
        memcpy(world->sent[world->sent_count], outputs[i].data, outputs[i].bytes);
        world->sent[world->sent_count][outputs[i].bytes] = 0;
        world->sent_path[world->sent_count++] = *outputs[i].path;
    }
    zsip_endpoint_output_done(world->endpoint);
}

void world_receive_bytes(struct world *world, const void *data, size_t bytes)
{
    struct zsip_packet packet = {.data = data,
                                 .bytes = (uint32_t)bytes,
                                 .path = &world->path,
                                 .arrived_ns = world->now.monotonic_ns - world->waited_ns};
    size_t used;
    world->sent_count = 0;
    cr_assert_eq(zsip_endpoint_receive(world->endpoint, &packet, 1, world->now, &used), ZSIP_OK);
    cr_assert_eq(used, 1);
    world_take(world);
}

void world_receive(struct world *world, const char *text)
{
    world_receive_bytes(world, text, strlen(text));
}

void world_wait_ms(struct world *world, unsigned ms)
{
    uint64_t end = world->now.monotonic_ns + ms * ZSIP_NS_PER_MS;
    world->sent_count = 0;
    for (unsigned turn = 0; turn < 10000; turn++) {
        uint64_t next = zsip_endpoint_deadline(world->endpoint);
        bool last = next > end;
        if (last)
            next = end;
        if (next > world->now.monotonic_ns)
            world->now.monotonic_ns = next;
        while (zsip_endpoint_expire(world->endpoint, world->now) == ZSIP_MORE)
            world_take(world);
        world_take(world);
        if (last)
            return;
    }
    cr_assert_fail("time stands still");
}

unsigned world_code(const char *text)
{
    return strncmp(text, "SIP/2.0 ", 8) == 0 ? (unsigned)atoi(text + 8) : 0;
}

const char *world_line(const char *text, const char *name)
{
    static char line[1024];
    size_t length = strlen(name);
    for (const char *at = strstr(text, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n")) {
        if (strncmp(at + 2, name, length) != 0 || at[2 + length] != ':')
            continue;
        const char *end = strstr(at + 2, "\r\n");
        snprintf(line, sizeof(line), "%.*s", (int)(end - at - 2), at + 2);
        return line;
    }
    return "";
}

const char *world_message(const char *branch, const char *call_id, const char *extra,
                          const char *body)
{
    static char text[8192];
    int bytes = snprintf(text, sizeof(text),
                         "MESSAGE sip:bob@example.com SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"
                         "Max-Forwards: 70\r\n"
                         "From: <sip:alice@example.com>;tag=a1\r\n"
                         "To: <sip:bob@example.com>\r\n"
                         "Call-ID: %s\r\n"
                         "CSeq: 1 MESSAGE\r\n"
                         "%s"
                         "Content-Type: text/plain\r\n"
                         "Content-Length: %zu\r\n"
                         "\r\n%s",
                         branch, call_id, extra, strlen(body), body);
    cr_assert(bytes > 0 && (size_t)bytes < sizeof(text));
    return text;
}
