/* What callers do wrong is a status, and where there is none to give an assertion: nothing is
 * overwritten, nothing is called twice, and the endpoint goes on. */
#include "world.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

static const struct zsip_response ok = {.struct_bytes = sizeof(ok), .status = 200};

/* A callback that does what a callback may not. */
struct wrong {
    struct world world;
    enum zsip_status statuses[8];
    unsigned count;
    uint64_t handle; /* of the last callback */
    bool destroys;
    bool takes;
};

static void note(struct wrong *wrong, enum zsip_status status)
{
    cr_assert_lt(wrong->count, 8);
    wrong->statuses[wrong->count++] = status;
}

static void nest(struct wrong *wrong, struct zsip_endpoint *endpoint)
{
    const char *text = world_message("z9hG4bKnested", "nested", "", "x");
    struct zsip_packet packet = {
        .data = (const uint8_t *)text, .bytes = (uint32_t)strlen(text), .path = &wrong->world.path};
    size_t used = 77;
    note(wrong, zsip_endpoint_receive(endpoint, &packet, 1, wrong->world.now, &used));
    cr_assert_eq(used, 0);
    note(wrong, zsip_endpoint_expire(endpoint, wrong->world.now));
}

static void on_request(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_incoming *incoming)
{
    struct wrong *wrong = user;
    uint64_t held;
    wrong->handle = incoming->handle;
    if (wrong->destroys)
        zsip_endpoint_destroy(endpoint);
    if (wrong->takes)
        zsip_endpoint_output_done(endpoint);
    nest(wrong, endpoint);
    cr_assert_eq(zsip_endpoint_respond(endpoint, incoming->handle, &ok, incoming->now), ZSIP_OK);
    note(wrong, zsip_endpoint_respond(endpoint, incoming->handle, &ok, incoming->now));
    note(wrong, zsip_endpoint_hold(endpoint, incoming->handle, &held));
}

static void open_wrong(struct wrong *wrong)
{
    memset(wrong, 0, sizeof(*wrong));
    world_init(&wrong->world);
    wrong->world.config.user = wrong;
    wrong->world.config.callbacks.request = on_request;
    world_open(&wrong->world);
}

Test(misuse, a_callback_that_goes_round_in_circles_is_told_so_and_answered_once)
{
    static struct wrong wrong;
    static const enum zsip_status told[] = {ZSIP_ERROR_STATE, ZSIP_ERROR_STATE, ZSIP_ERROR_STALE,
                                            ZSIP_ERROR_STALE};
    open_wrong(&wrong);
    world_receive(&wrong.world, world_message("z9hG4bK1", "1", "", "x"));
    cr_assert_eq(wrong.count, 4);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(wrong.statuses[i], told[i], "%u: %s", i, zsip_status_name(wrong.statuses[i]));
    EXPECT_CODE(&wrong.world, 200);
    /* Afterwards the handle is nobody's, and the nested request was never taken in. */
    cr_assert_eq(zsip_endpoint_respond(wrong.world.endpoint, wrong.handle, &ok, wrong.world.now),
                 ZSIP_ERROR_STALE);
    struct zsip_endpoint_stats stats = {.struct_bytes = sizeof(stats)};
    zsip_endpoint_stats(wrong.world.endpoint, &stats);
    cr_assert_eq(stats.packets_in, 1);
    cr_assert_eq(stats.answered_2xx, 1);
    world_close(&wrong.world);
}

Test(misuse, destroying_in_a_callback_is_an_assertion, .signal = SIGABRT)
{
    static struct wrong wrong;
    open_wrong(&wrong);
    wrong.destroys = true;
    world_receive(&wrong.world, world_message("z9hG4bK1", "1", "", "x"));
}

Test(misuse, taking_the_output_as_done_in_a_callback_is_an_assertion, .signal = SIGABRT)
{
    static struct wrong wrong;
    open_wrong(&wrong);
    wrong.takes = true;
    world_receive(&wrong.world, world_message("z9hG4bK1", "1", "", "x"));
}

Test(misuse, handles_that_ended_are_stale_however_they_ended)
{
    static struct world world;
    world_init(&world);
    world.hold = true;
    world_open(&world);
    world_receive(&world, world_message("z9hG4bK1", "1", "", "x"));
    uint64_t answered = world.held;
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, answered, &ok, world.now), ZSIP_OK);
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, answered, &ok, world.now), ZSIP_ERROR_STALE);
    world_take(&world);
    world_receive(&world, world_message("z9hG4bK2", "2", "", "x"));
    uint64_t abandoned = world.held;
    world_wait_ms(&world, 33000);
    cr_assert_eq(world.abandoned, 1);
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, abandoned, &ok, world.now),
                 ZSIP_ERROR_STALE);
    /* The slot serves another request: the old handles still name nobody. */
    world_receive(&world, world_message("z9hG4bK3", "3", "", "x"));
    uint64_t handles[] = {answered, abandoned, 0, UINT64_MAX, 1ull << 63, UINT32_MAX};
    for (unsigned i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        uint64_t again;
        cr_assert_eq(zsip_endpoint_respond(world.endpoint, handles[i], &ok, world.now),
                     ZSIP_ERROR_STALE);
        cr_assert_eq(zsip_endpoint_hold(world.endpoint, handles[i], &again), ZSIP_ERROR_STALE);
    }
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, world.held, &ok, world.now), ZSIP_OK);
    world_close(&world);
}

Test(misuse, batches_of_none_and_of_too_many)
{
    static struct world world;
    static struct zsip_packet packets[ZSIP_RECEIVE_MAX + 1];
    size_t used = 77;
    world_init(&world);
    world_open(&world);
    cr_assert_eq(zsip_endpoint_receive(world.endpoint, NULL, 0, world.now, &used), ZSIP_OK);
    cr_assert_eq(used, 0);
    used = 77;
    cr_assert_eq(
        zsip_endpoint_receive(world.endpoint, packets, ZSIP_RECEIVE_MAX + 1, world.now, &used),
        ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(used, 0);
    /* An empty datagram is nothing to answer. */
    world_receive_bytes(&world, "", 0);
    cr_assert_eq(world.sent_count, 0);
    world_close(&world);
}

Test(misuse, time_that_goes_back_stands_still)
{
    static struct world world;
    world_init(&world);
    world.hold = true;
    world_open(&world);
    world_receive(&world, world_message("z9hG4bK1", "1", "", "x"));
    uint64_t due_ns = zsip_endpoint_deadline(world.endpoint);
    world.now.monotonic_ns -= 500 * ZSIP_NS_PER_S;
    world_receive(&world, world_message("z9hG4bK1", "1", "", "x"));
    cr_assert_eq(world.requests, 1);
    world.now.monotonic_ns = 0;
    cr_assert_eq(zsip_endpoint_expire(world.endpoint, world.now), ZSIP_OK);
    cr_assert_eq(world.abandoned, 0);
    cr_assert_eq(zsip_endpoint_deadline(world.endpoint), due_ns);
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, world.held, &ok, world.now), ZSIP_OK);
    world_take(&world);
    EXPECT_CODE(&world, 200);
    world_close(&world);
}

Test(misuse, an_output_too_small_for_one_answer_is_refused_at_once)
{
    static const size_t sizes[] = {0, 1, 4096, (160u << 10) - 1};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        static struct world world;
        world_init(&world);
        world.config.output_bytes = sizes[i];
        cr_assert_eq(zsip_endpoint_create(&world.config, &world.endpoint), ZSIP_ERROR_ARGUMENT);
        cr_assert_null(world.endpoint);
    }
}

/* A worker whose callbacks make turns, or destroy it. */
struct circles {
    struct zsip_worker *worker;
    enum zsip_status turn, run;
    bool destroys;
    bool called;
};

static void in_circles(void *argument, struct zsip_worker *worker, struct zsip_time now)
{
    struct circles *circles = argument;
    (void)now;
    if (circles->destroys)
        zsip_worker_destroy(worker);
    circles->turn = zsip_worker_turn(worker, 0);
    circles->run = zsip_worker_run(worker);
    circles->called = true;
}

static void run_circles(struct circles *circles)
{
    struct zsip_worker_config config;
    zsip_worker_config_init(&config);
    config.endpoint.completed_max = 1000;
    char error[256] = "";
    cr_assert_eq(zsip_worker_create(&config, &circles->worker, error, sizeof(error)), ZSIP_OK, "%s",
                 error);
    cr_assert_eq(zsip_worker_post(circles->worker, in_circles, circles), ZSIP_OK);
    for (unsigned turn = 0; turn < 1000 && !circles->called; turn++)
        cr_assert_eq(zsip_worker_turn(circles->worker, 10 * ZSIP_NS_PER_MS), ZSIP_OK);
    cr_assert(circles->called);
}

Test(misuse, a_turn_within_a_turn_is_told_so)
{
    struct circles circles = {.turn = ZSIP_OK, .run = ZSIP_OK};
    run_circles(&circles);
    cr_assert_eq(circles.turn, ZSIP_ERROR_STATE);
    cr_assert_eq(circles.run, ZSIP_ERROR_STATE);
    cr_assert_eq(zsip_worker_turn(circles.worker, 0), ZSIP_OK);
    zsip_worker_destroy(circles.worker);
}

Test(misuse, destroying_a_worker_in_its_turn_is_an_assertion, .signal = SIGABRT)
{
    struct circles circles = {.destroys = true};
    run_circles(&circles);
}

/* Statistics while another thread works: never less than before, and exact in the end. Under
 * ThreadSanitizer this shows that nobody needs a lock. */
static atomic_bool finished;

static void *work(void *argument)
{
    struct world *world = argument;
    for (unsigned i = 0; i < 3000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "z9hG4bK%u", i);
        world->hold = i % 3 == 0;
        world_receive(world, world_message(name, name, "", "x"));
        if (world->hold && world->held != 0)
            zsip_endpoint_respond(world->endpoint, world->held, &ok, world->now);
        world->now.monotonic_ns += 20 * ZSIP_NS_PER_MS;
        while (zsip_endpoint_expire(world->endpoint, world->now) == ZSIP_MORE)
            continue;
        zsip_endpoint_output_done(world->endpoint);
    }
    atomic_store(&finished, true);
    return NULL;
}

Test(misuse, statistics_are_read_beside_the_thread_that_works)
{
    static struct world world;
    struct zsip_endpoint_stats stats = {.struct_bytes = sizeof(stats)};
    uint64_t before = 0;
    pthread_t thread;
    world_init(&world);
    world_open(&world);
    cr_assert_eq(pthread_create(&thread, NULL, work, &world), 0);
    bool last = false;
    while (!last) {
        last = atomic_load(&finished);
        zsip_endpoint_stats(world.endpoint, &stats);
        cr_assert(stats.requests_in >= before && stats.requests_in <= 3000);
        cr_assert_leq(stats.completed_now, 3000);
        cr_assert_leq(stats.pending_now, 1);
        before = stats.requests_in;
    }
    pthread_join(thread, NULL);
    cr_assert_eq(stats.requests_in, 3000);
    cr_assert_eq(stats.answered_2xx, 3000);
    cr_assert_eq(stats.pending_now, 0);
    world_close(&world);
}
