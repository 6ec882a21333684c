/* Structures passed by callers that were compiled with another version of the headers. */
#include "zsip/zsip.h"

#include <criterion/criterion.h>
#include <string.h>

/* What an older caller's stack looks like: its shorter structure, and behind it something else. */
union shorter {
    struct zsip_endpoint_config endpoint;
    struct zsip_worker_config worker;
    struct zsip_send send;
    struct zsip_endpoint_stats endpoint_stats;
    struct zsip_worker_stats worker_stats;
    uint8_t bytes[4096];
};

static union shorter given;

static void canary(void)
{
    memset(&given, 0xa5, sizeof(given));
}

static void untouched_from(size_t bytes)
{
    for (size_t i = bytes; i < sizeof(given); i++)
        cr_assert_eq(given.bytes[i], 0xa5, "byte %zu was written, the caller has %zu", i, bytes);
}

static struct zsip_endpoint *endpoint_new(void)
{
    struct zsip_endpoint_config config;
    struct zsip_endpoint *endpoint;
    zsip_endpoint_config_init(&config);
    memset(config.seed, 7, sizeof(config.seed));
    config.completed_max = 1000;
    cr_assert_eq(zsip_endpoint_create(&config, &endpoint), ZSIP_OK);
    return endpoint;
}

Test(grow, an_older_callers_structures_are_not_written_past_their_end)
{
    const size_t endpoint_bytes = offsetof(struct zsip_endpoint_config, retry_after_s);
    const size_t worker_bytes = offsetof(struct zsip_worker_config, group);
    const size_t send_bytes = offsetof(struct zsip_send, cookie);
    canary();
    zsip_endpoint_config_init_sized(&given.endpoint, endpoint_bytes);
    untouched_from(endpoint_bytes);
    cr_assert_eq(given.endpoint.struct_bytes, endpoint_bytes);
    cr_assert_eq(given.endpoint.t1_ns, 500 * ZSIP_NS_PER_MS);
    canary();
    zsip_worker_config_init_sized(&given.worker, worker_bytes);
    untouched_from(worker_bytes);
    cr_assert_eq(given.worker.cpu, -1);
    canary();
    zsip_send_init_sized(&given.send, send_bytes);
    untouched_from(send_bytes);
    cr_assert_eq(given.send.expires_s, -1);
}

Test(grow, an_older_callers_statistics_end_where_it_says)
{
    struct zsip_endpoint *endpoint = endpoint_new();
    const size_t bytes = offsetof(struct zsip_endpoint_stats, requests_in);
    canary();
    given.endpoint_stats.struct_bytes = bytes;
    zsip_endpoint_stats(endpoint, &given.endpoint_stats);
    untouched_from(bytes);
    cr_assert_eq(given.endpoint_stats.completed_now, 0);
    zsip_endpoint_destroy(endpoint);
}

Test(grow, what_a_newer_caller_asks_statistics_for_is_zero)
{
    struct zsip_endpoint *endpoint = endpoint_new();
    canary();
    given.endpoint_stats.struct_bytes = sizeof(given.endpoint_stats) + 64;
    zsip_endpoint_stats(endpoint, &given.endpoint_stats);
    for (size_t i = sizeof(given.endpoint_stats); i < sizeof(given.endpoint_stats) + 64; i++)
        cr_assert_eq(given.bytes[i], 0);
    untouched_from(sizeof(given.endpoint_stats) + 64);
    zsip_endpoint_destroy(endpoint);
}

Test(grow, an_older_callers_configuration_means_what_it_meant)
{
    struct zsip_endpoint *endpoint;
    canary();
    zsip_endpoint_config_init_sized(&given.endpoint,
                                    offsetof(struct zsip_endpoint_config, retry_after_s));
    memset(given.endpoint.seed, 7, sizeof(given.endpoint.seed));
    given.endpoint.completed_max = 1000;
    cr_assert_eq(zsip_endpoint_create(&given.endpoint, &endpoint), ZSIP_OK);
    zsip_endpoint_destroy(endpoint);
}

Test(grow, a_newer_caller_is_served_unless_it_uses_what_is_unknown)
{
    struct zsip_endpoint *endpoint;
    memset(&given, 0, sizeof(given));
    zsip_endpoint_config_init_sized(&given.endpoint, sizeof(given.endpoint) + 32);
    memset(given.endpoint.seed, 7, sizeof(given.endpoint.seed));
    given.endpoint.completed_max = 1000;
    cr_assert_eq(zsip_endpoint_create(&given.endpoint, &endpoint), ZSIP_OK);
    zsip_endpoint_destroy(endpoint);
    given.bytes[sizeof(given.endpoint) + 8] = 1;
    cr_assert_eq(zsip_endpoint_create(&given.endpoint, &endpoint), ZSIP_ERROR_UNSUPPORTED);
    cr_assert_null(endpoint);
}

Test(grow, a_size_that_was_forgotten_is_an_argument_error)
{
    struct zsip_endpoint *endpoint = endpoint_new(), *none;
    struct zsip_endpoint_config config;
    struct zsip_worker_config worker_config;
    struct zsip_worker *worker;
    struct zsip_group *group;
    struct zsip_send send = {.expires_s = -1};
    struct zsip_response response = {.status = 200};
    struct zsip_time now = {.monotonic_ns = 1};
    struct zsip_memory memory = *zsip_memory_default();
    uint64_t client;
    zsip_endpoint_config_init(&config);
    config.struct_bytes = 0;
    cr_assert_eq(zsip_endpoint_create(&config, &none), ZSIP_ERROR_ARGUMENT);
    zsip_worker_config_init(&worker_config);
    worker_config.struct_bytes = 0;
    cr_assert_eq(zsip_worker_create(&worker_config, &worker, NULL, 0), ZSIP_ERROR_ARGUMENT);
    memory.struct_bytes = 0;
    cr_assert_eq(zsip_group_create(2, ZSIP_STEER_MESSAGE, &memory, &group), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(zsip_endpoint_send(endpoint, &send, now, &client), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(zsip_endpoint_respond(endpoint, 1, &response, now), ZSIP_ERROR_ARGUMENT);
    zsip_endpoint_destroy(endpoint);
}

Test(grow, half_a_set_of_memory_hooks_is_refused)
{
    struct zsip_endpoint_config config;
    struct zsip_endpoint *endpoint;
    struct zsip_memory memory = *zsip_memory_default();
    zsip_endpoint_config_init(&config);
    memset(config.seed, 7, sizeof(config.seed));
    config.memory = &memory;
    memory.unreserve = NULL;
    cr_assert_eq(zsip_endpoint_create(&config, &endpoint), ZSIP_ERROR_ARGUMENT);
    memory = *zsip_memory_default();
    memory.release = NULL;
    cr_assert_eq(zsip_endpoint_create(&config, &endpoint), ZSIP_ERROR_ARGUMENT);
}

/* Sizes that are compiled into callers: structures in arrays, and those that are members of
 * others. To change one is another SONAME. */
_Static_assert(sizeof(struct zsip_slice) == 4, "ABI");
_Static_assert(sizeof(struct zsip_address) == 24, "ABI");
_Static_assert(sizeof(struct zsip_path) == 64, "ABI");
_Static_assert(sizeof(struct zsip_packet) == 32, "ABI");
_Static_assert(sizeof(struct zsip_stream_config) == 160, "ABI");
_Static_assert(sizeof(struct zsip_output) == 32, "ABI");
