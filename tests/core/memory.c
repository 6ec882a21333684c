/* Every allocation goes through the caller's hooks, and each of them may fail: creation says so,
 * gives back what it had, and leaves no descriptor behind. */
#include "zsip/zsip.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* Hooks that count, check what comes back, and fail from the nth call on (once, or for good). */
struct ladder {
    struct zsip_memory hooks;
    unsigned calls;
    unsigned fail_at; /* 0: never */
    bool for_good;
    unsigned blocks;
    size_t bytes;
    unsigned outcomes;
};

struct head {
    uint64_t magic;
    size_t bytes;
    void *base;
};

static bool refuses(struct ladder *ladder)
{
    ladder->calls++;
    return ladder->fail_at != 0 &&
           (ladder->for_good ? ladder->calls >= ladder->fail_at : ladder->calls == ladder->fail_at);
}

static void *take(struct ladder *ladder, size_t bytes, size_t alignment, uint64_t magic)
{
    if (refuses(ladder))
        return NULL;
    size_t whole = (bytes + 2 * alignment - 1) / alignment * alignment;
    uint8_t *base = aligned_alloc(alignment, whole);
    cr_assert_not_null(base);
    /* Contents are undefined: nobody may count on zero, but where that was promised. */
    memset(base, magic == 1 ? 0xee : 0, whole);
    struct head head = {.magic = magic, .bytes = bytes, .base = base};
    memcpy(base + alignment - sizeof(head), &head, sizeof(head));
    ladder->blocks++;
    ladder->bytes += bytes;
    return base + alignment;
}

static void give(struct ladder *ladder, void *memory, size_t bytes, uint64_t magic)
{
    struct head head;
    cr_assert_not_null(memory);
    memcpy(&head, (uint8_t *)memory - sizeof(head), sizeof(head));
    cr_assert_eq(head.magic, magic, "given back by the hook of another kind");
    cr_assert_eq(head.bytes, bytes, "taken as %zu bytes, given back as %zu", head.bytes, bytes);
    ladder->blocks--;
    ladder->bytes -= bytes;
    free(head.base);
}

static void *hook_allocate(void *user, size_t bytes)
{
    return take(user, bytes, 64, 1);
}

static void hook_release(void *user, void *memory, size_t bytes)
{
    give(user, memory, bytes, 1);
}

static void *hook_reserve(void *user, size_t bytes)
{
    return take(user, bytes, 4096, 2);
}

static void hook_unreserve(void *user, void *memory, size_t bytes)
{
    give(user, memory, bytes, 2);
}

static void ladder_init(struct ladder *ladder, bool reserves)
{
    *ladder = (struct ladder){.hooks = {.struct_bytes = sizeof(ladder->hooks),
                                        .user = ladder,
                                        .allocate = hook_allocate,
                                        .release = hook_release}};
    if (reserves) {
        ladder->hooks.reserve = hook_reserve;
        ladder->hooks.unreserve = hook_unreserve;
    }
}

static unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    cr_assert_not_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void small(struct zsip_endpoint_config *config)
{
    memset(config->seed, 7, sizeof(config->seed));
    config->completed_max = 2000;
    config->pending_max = 16;
    config->clients_max = 64;
    config->client_large_max = 1;
    config->log_bytes_max = 65536;
    config->output_bytes = 160u << 10;
}

static enum zsip_status make_endpoint(struct ladder *ladder)
{
    struct zsip_endpoint_config config;
    struct zsip_endpoint *endpoint = (void *)1;
    zsip_endpoint_config_init(&config);
    small(&config);
    config.memory = &ladder->hooks;
    enum zsip_status status = zsip_endpoint_create(&config, &endpoint);
    cr_assert_eq(endpoint == NULL, status != ZSIP_OK);
    zsip_endpoint_destroy(endpoint);
    return status;
}

static enum zsip_status make_group(struct ladder *ladder)
{
    struct zsip_group *group = (void *)1;
    enum zsip_status status = zsip_group_create(3, ZSIP_STEER_MESSAGE, &ladder->hooks, &group);
    cr_assert_eq(group == NULL, status != ZSIP_OK);
    zsip_group_destroy(group);
    return status;
}

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct zsip_response ok = {.struct_bytes = sizeof(ok), .status = 200};
    (void)user;
    cr_assert_eq(zsip_endpoint_respond(endpoint, incoming->handle, &ok, incoming->now), ZSIP_OK);
}

static void on_outcome(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_outcome *outcome)
{
    struct ladder *ladder = user;
    (void)endpoint;
    cr_assert_eq(outcome->code, 200);
    ladder->outcomes++;
}

/* One MESSAGE from a worker to itself, over each transport: over TCP that is a connection opened,
 * one accepted, and messages both ways. None of it may ask for memory. */
static void talk(struct ladder *ladder, struct zsip_worker *worker,
                 const struct zsip_address bound[2])
{
    static const uint8_t transports[2] = {ZSIP_TRANSPORT_UDP, ZSIP_TRANSPORT_TCP};
    unsigned calls = ladder->calls;
    for (unsigned i = 0; i < 2; i++) {
        struct zsip_send send;
        uint64_t client;
        zsip_send_init(&send);
        send.target = ZSIP_VIEW("sip:bob@127.0.0.1");
        send.from = ZSIP_VIEW("sip:alice@127.0.0.1");
        send.path.transport = transports[i];
        send.path.flags = transports[i] == ZSIP_TRANSPORT_TCP ? ZSIP_PATH_RELIABLE : 0;
        send.path.remote = bound[i];
        cr_assert_eq(
            zsip_endpoint_send(zsip_worker_endpoint(worker), &send, zsip_time_now(), &client),
            ZSIP_OK);
        for (unsigned turn = 0; turn < 10000 && ladder->outcomes <= i; turn++)
            cr_assert_eq(zsip_worker_turn(worker, ZSIP_NS_PER_MS), ZSIP_OK);
        cr_assert_eq(ladder->outcomes, i + 1);
    }
    cr_assert_eq(ladder->calls, calls, "memory was asked for after the set-up");
}

static enum zsip_status make_worker_in(struct ladder *ladder, struct zsip_group *group)
{
    struct zsip_worker_config config;
    struct zsip_worker *worker = (void *)1;
    struct zsip_address any = {.ip = {127, 0, 0, 1}, .family = ZSIP_FAMILY_IPV4}, bound[2];
    char error[256] = "";
    zsip_worker_config_init(&config);
    small(&config.endpoint);
    config.endpoint.memory = &ladder->hooks;
    config.endpoint.user = ladder;
    config.endpoint.callbacks.request = on_request;
    config.endpoint.callbacks.outcome = on_outcome;
    config.streams.connections = 8;
    config.streams.memory_bytes = 1u << 20;
    config.buffers = 4;
    config.grow_thread = true;
    config.group = group;
    enum zsip_status status = zsip_worker_create(&config, &worker, error, sizeof(error));
    cr_assert_eq(worker == NULL, status != ZSIP_OK);
    cr_assert_eq(error[0] == '\0', status == ZSIP_OK, "%s", error);
    if (status == ZSIP_OK) {
        status = zsip_worker_listen(worker, ZSIP_TRANSPORT_UDP, &any, 0, &bound[0], NULL, 0);
        if (status == ZSIP_OK)
            status = zsip_worker_listen(worker, ZSIP_TRANSPORT_TCP, &any, 0, &bound[1], NULL, 0);
        if (status == ZSIP_OK)
            status = zsip_worker_turn(worker, 0);
        if (status == ZSIP_OK)
            talk(ladder, worker, bound);
    }
    zsip_worker_destroy(worker);
    return status;
}

static enum zsip_status make_worker(struct ladder *ladder)
{
    return make_worker_in(ladder, NULL);
}

/* Places in a group are free again after a worker that could not be made. */
static enum zsip_status make_member(struct ladder *ladder)
{
    struct zsip_group *group;
    if (zsip_group_create(1, ZSIP_STEER_MESSAGE, NULL, &group) != ZSIP_OK)
        return ZSIP_ERROR_SYSTEM;
    enum zsip_status status = make_worker_in(ladder, group);
    if (status == ZSIP_ERROR_MEMORY) {
        struct ladder enough;
        ladder_init(&enough, true);
        cr_assert_eq(make_worker_in(&enough, group), ZSIP_OK);
    }
    zsip_group_destroy(group);
    return status;
}

/* Fails the first allocation, then the second, and so on to the last; each alone, and each with all
 * that come after it. Returns how many there are. */
static unsigned climb(enum zsip_status (*make)(struct ladder *), bool reserves)
{
    struct ladder ladder;
    ladder_init(&ladder, reserves);
    cr_assert_eq(make(&ladder), ZSIP_OK);
    cr_assert_eq(ladder.blocks, 0);
    unsigned steps = ladder.calls, open = descriptors();
    for (unsigned step = 1; step <= steps; step++) {
        for (int for_good = 0; for_good < 2; for_good++) {
            ladder_init(&ladder, reserves);
            ladder.fail_at = step;
            ladder.for_good = for_good;
            cr_assert_eq(make(&ladder), ZSIP_ERROR_MEMORY, "step %u of %u", step, steps);
            cr_assert_eq(ladder.blocks, 0, "step %u of %u leaks", step, steps);
            cr_assert_eq(ladder.bytes, 0);
        }
    }
    cr_assert_eq(descriptors(), open, "descriptors leak");
    return steps;
}

Test(memory, an_endpoint_fails_cleanly_at_each_of_its_allocations)
{
    cr_assert_gt(climb(make_endpoint, false), 10);
    cr_assert_gt(climb(make_endpoint, true), 10);
}

Test(memory, a_group_fails_cleanly_at_each_of_its_allocations)
{
    cr_assert_geq(climb(make_group, false), 4);
    cr_assert_geq(climb(make_group, true), 4);
}

Test(memory, a_worker_fails_cleanly_at_each_of_its_allocations)
{
    cr_assert_gt(climb(make_worker, false), 12);
    cr_assert_gt(climb(make_worker, true), 12);
}

Test(memory, a_member_of_a_group_fails_cleanly_and_leaves_its_place)
{
    cr_assert_gt(climb(make_member, true), 12);
}
