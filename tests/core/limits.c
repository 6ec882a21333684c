/* Full pools, full output, no memory: ordinary answers all of them. */
#include "core/shed.h"
#include "tests/core/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct world world;

static struct zsip_endpoint_stats stats(void)
{
    struct zsip_endpoint_stats now = {.struct_bytes = sizeof(now)};
    zsip_endpoint_stats(world.endpoint, &now);
    return now;
}

static const char *numbered(unsigned i)
{
    char branch[32];
    snprintf(branch, sizeof(branch), "z9hG4bKn%u", i);
    return world_message(branch, branch, "", "x");
}

Test(limits, full_store_answers_503_evicts_nothing_and_recovers)
{
    world_init(&world);
    world.config.completed_max = 16;
    world_open(&world);
    for (unsigned i = 0; i < 16; i++) {
        world_receive(&world, numbered(i));
        EXPECT_CODE(&world, 200);
    }
    world_receive(&world, numbered(16));
    EXPECT_CODE(&world, 503);
    cr_assert_str_eq(world_line(world.sent[0], "Retry-After"), "");
    cr_assert_eq(stats().refused_full, 1);
    world_receive(&world, numbered(0));
    EXPECT_CODE(&world, 200);
    cr_assert_eq(stats().answers_repeated, 1);
    world_wait_ms(&world, 33000);
    world_receive(&world, numbered(16));
    EXPECT_CODE(&world, 200);
    world_close(&world);
}

Test(limits, retry_after_stands_in_a_503_by_option)
{
    world_init(&world);
    world.config.completed_max = 1;
    world.config.retry_after_s = 7;
    world_open(&world);
    world_receive(&world, numbered(0));
    world_receive(&world, numbered(1));
    EXPECT_CODE(&world, 503);
    cr_assert_str_eq(world_line(world.sent[0], "Retry-After"), "Retry-After: 7");
    world_close(&world);
}

Test(limits, full_hold_answers_503)
{
    world_init(&world);
    world.config.pending_max = 2;
    world.hold = true;
    world_open(&world);
    world_receive(&world, numbered(0));
    world_receive(&world, numbered(1));
    world_receive(&world, numbered(2));
    EXPECT_CODE(&world, 503);
    cr_assert_eq(world.hold_status, ZSIP_ERROR_FULL);
    world_close(&world);
}

Test(limits, full_output_gives_back_what_it_could_not_take)
{
    enum { COUNT = 512 };
    static char texts[COUNT][1024];
    char id[256];
    static struct zsip_packet packets[COUNT];
    world_init(&world);
    world.config.output_bytes = 160u << 10;
    world_open(&world);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(id, sizeof(id), "z9hG4bK%0200u", i);
        strcpy(texts[i], world_message(id, id, "", "x"));
        packets[i] = (struct zsip_packet){.data = (const uint8_t *)texts[i],
                                          .bytes = (uint32_t)strlen(texts[i]),
                                          .path = &world.path};
    }
    size_t done = 0, answered = 0, calls = 0;
    while (done < COUNT) {
        size_t used, count;
        enum zsip_status status =
            zsip_endpoint_receive(world.endpoint, packets + done, COUNT - done, world.now, &used);
        done += used;
        cr_assert_eq(status, done == COUNT ? ZSIP_OK : ZSIP_MORE);
        zsip_endpoint_output(world.endpoint, &count);
        answered += count;
        zsip_endpoint_output_done(world.endpoint);
        cr_assert_lt(++calls, 20);
    }
    cr_assert_eq(answered, COUNT);
    cr_assert_gt(calls, 1);
    cr_assert_eq(world.requests, COUNT);
    world_close(&world);
}

Test(limits, clients_run_out_and_come_back)
{
    world_init(&world);
    world.config.clients_max = 3;
    world_open(&world);
    struct zsip_send request;
    uint64_t client;
    zsip_send_init(&request);
    request.target = ZSIP_VIEW("sip:bob@example.com");
    request.from = ZSIP_VIEW("sip:alice@example.com");
    request.path = world.path;
    request.flags = ZSIP_SEND_OVERLAP;
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(zsip_endpoint_send(world.endpoint, &request, world.now, &client), ZSIP_OK);
    cr_assert_eq(zsip_endpoint_send(world.endpoint, &request, world.now, &client), ZSIP_ERROR_FULL);
    world_take(&world);
    world_wait_ms(&world, 32000);
    cr_assert_eq(world.outcomes, 3);
    cr_assert_eq(zsip_endpoint_send(world.endpoint, &request, world.now, &client), ZSIP_OK);
    world_close(&world);
}

/* ---- Overload ---- */

Test(limits, request_that_waited_too_long_is_dropped_and_its_copies_are_absorbed)
{
    world_init(&world);
    world.config.age_max_ns = 200 * ZSIP_NS_PER_MS;
    world_open(&world);
    world.waited_ns = 200 * ZSIP_NS_PER_MS;
    world_receive(&world, numbered(0));
    EXPECT_CODE(&world, 200);
    world.waited_ns++;
    world_receive(&world, numbered(1));
    cr_assert_eq(world.sent_count, 0);
    world_receive(&world, numbered(0));
    EXPECT_CODE(&world, 200);
    cr_assert_eq(stats().aged, 1);
    cr_assert_eq(world.requests, 1);
    world.waited_ns = 0;
    world_receive(&world, numbered(1));
    EXPECT_CODE(&world, 200);
    world_close(&world);
}

Test(limits, aged_request_is_refused_by_option_and_never_accepted_later)
{
    world_init(&world);
    world.config.age_max_ns = 200 * ZSIP_NS_PER_MS;
    world.config.aged_refused = true;
    world_open(&world);
    world.waited_ns = ZSIP_NS_PER_S;
    world_receive(&world, numbered(0));
    EXPECT_CODE(&world, 503);
    world.waited_ns = 0;
    world_receive(&world, numbered(0));
    EXPECT_CODE(&world, 503);
    cr_assert_eq(world.requests, 0);
    world_close(&world);
}

/* Opens the world with the rule, and has request 1 dropped by it. */
static void drop_one(void)
{
    world_init(&world);
    world.config.age_max_ns = 200 * ZSIP_NS_PER_MS;
    world_open(&world);
    world.waited_ns = ZSIP_NS_PER_S;
    world_receive(&world, numbered(1));
    cr_assert_eq(world.sent_count, 0);
    cr_assert_eq(stats().aged, 1);
}

Test(limits, copy_of_a_dropped_request_is_dropped_while_there_is_a_queue)
{
    drop_one();
    world.waited_ns = 100 * ZSIP_NS_PER_MS;
    for (unsigned copy = 0; copy < 4; copy++) { /* the last ones further apart than T2 */
        world_wait_ms(&world, 500u << copy);
        world_receive(&world, numbered(1));
        cr_assert_eq(world.sent_count, 0);
    }
    cr_assert_eq(stats().aged_again, 4);
    world_receive(&world, numbered(2)); /* as old, but the first of its kind */
    EXPECT_CODE(&world, 200);
    cr_assert_eq(world.requests, 1);
    world_close(&world);
}

Test(limits, dropped_request_is_begun_once_the_queue_is_short_and_absorbed_from_then_on)
{
    drop_one();
    world.waited_ns = 25 * ZSIP_NS_PER_MS;
    world_receive(&world, numbered(1));
    EXPECT_CODE(&world, 200);
    world.waited_ns = 100 * ZSIP_NS_PER_MS;
    world_receive(&world, numbered(1));
    EXPECT_CODE(&world, 200);
    cr_assert_eq(stats().retransmissions_in, 1);
    cr_assert_eq(stats().aged_again, 0);
    world_close(&world);
}

Test(limits, what_came_over_a_stream_is_never_dropped_for_its_age)
{
    drop_one();
    world.path.transport = ZSIP_TRANSPORT_TCP;
    world.path.flags = ZSIP_PATH_RELIABLE;
    world_receive(&world, numbered(2)); /* it would not come again */
    EXPECT_CODE(&world, 200);
    world_close(&world);
}

Test(limits, dropped_request_is_forgotten_after_10_s)
{
    drop_one();
    world_wait_ms(&world, 4999);
    world.waited_ns = 100 * ZSIP_NS_PER_MS;
    world_receive(&world, numbered(1));
    cr_assert_eq(world.sent_count, 0);
    world_wait_ms(&world, 10000);
    world_receive(&world, numbered(1));
    EXPECT_CODE(&world, 200);
    world_close(&world);
}

/* Half a million dropped in 5 s: of as many others, how many are taken for one of them. */
Test(limits, few_others_are_taken_for_dropped_ones)
{
    enum { COUNT = 500000 };
    static uint64_t words[SHED_BYTES / 8];
    struct shed shed = {.words = words, .seed = 4711};
    unsigned wrong = 0;
    char text[64];
    for (unsigned i = 0; i < 2 * COUNT; i++) {
        int bytes = snprintf(text, sizeof(text), "MESSAGE sip:user%08u@example.com SIP/2.0", i);
        uint64_t hash = zsip_shed_hash(&shed, (const uint8_t *)text, (size_t)bytes);
        if (i < COUNT) {
            zsip_shed_note(&shed, hash, 1 + i * 10000ull);
            cr_assert(zsip_shed_knows(&shed, hash));
        } else {
            wrong += zsip_shed_knows(&shed, hash);
        }
    }
    cr_assert_lt(wrong, COUNT / 100);
}

/* ---- Memory ---- */

struct ladder {
    unsigned left;
    unsigned taken;
};

static void *ladder_take(void *user, size_t bytes)
{
    struct ladder *ladder = user;
    if (ladder->left == 0)
        return NULL;
    ladder->left--;
    ladder->taken++;
    return aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
}

static void ladder_give(void *user, void *memory, size_t bytes)
{
    struct ladder *ladder = user;
    (void)bytes;
    ladder->taken--;
    free(memory);
}

Test(limits, no_memory_at_any_step_of_creation_is_a_status_and_leaks_nothing)
{
    unsigned step = 0;
    for (;; step++) {
        struct ladder ladder = {.left = step};
        struct zsip_memory memory = {.struct_bytes = sizeof(memory),
                                     .user = &ladder,
                                     .allocate = ladder_take,
                                     .release = ladder_give};
        world_init(&world);
        world.config.memory = &memory;
        world.config.completed_max = 1000;
        world.config.log_bytes_max = 65536;
        enum zsip_status status = zsip_endpoint_create(&world.config, &world.endpoint);
        if (status == ZSIP_OK) {
            world_receive(&world, numbered(1));
            EXPECT_CODE(&world, 200);
            world_close(&world);
            cr_assert_eq(ladder.taken, 0);
            break;
        }
        cr_assert_eq(status, ZSIP_ERROR_MEMORY);
        cr_assert_eq(ladder.taken, 0, "step %u", step);
        cr_assert_lt(step, 100);
    }
    cr_assert_gt(step, 5);
}

Test(limits, configuration_out_of_range_is_refused)
{
    world_init(&world);
    memset(world.config.seed, 0, sizeof(world.config.seed));
    cr_assert_eq(zsip_endpoint_create(&world.config, &world.endpoint), ZSIP_ERROR_ARGUMENT);
    world_init(&world);
    world.config.t2_ns = 1;
    cr_assert_eq(zsip_endpoint_create(&world.config, &world.endpoint), ZSIP_ERROR_ARGUMENT);
    world_init(&world);
    world.config.reserved[3] = 1;
    cr_assert_eq(zsip_endpoint_create(&world.config, &world.endpoint), ZSIP_ERROR_UNSUPPORTED);
    world_init(&world);
    world.config.methods = ZSIP_VIEW("MESSAGE\r\nX: y");
    cr_assert_eq(zsip_endpoint_create(&world.config, &world.endpoint), ZSIP_ERROR_ARGUMENT);
}
