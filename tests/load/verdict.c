/* The verdict on who was the limit, from made-up measurements. */
#include "bench/load/verdict.h"

#include <criterion/criterion.h>
#include <string.h>

static struct load_histogram latency, from_send, send_lag, held;

/* A thousand requests, all answered 2xx in a millisecond, sent in time. */
static struct load_result good(void)
{
    struct load_result result = {.latency = &latency,
                                 .from_send = &from_send,
                                 .send_lag = &send_lag,
                                 .held = &held,
                                 .busy = 0.4};

    result.counters.sent = result.counters.answered_2xx = 100000;
    result.status[200] = result.answered_by_sends[0] = 100000;
    load_histogram_clear(&latency);
    load_histogram_clear(&from_send);
    load_histogram_clear(&send_lag);
    load_histogram_clear(&held);
    for (unsigned i = 0; i < 1000; i++) {
        load_histogram_record(&latency, 1000);
        load_histogram_record(&from_send, 990);
        load_histogram_record(&send_lag, 10);
    }
    return result;
}

static struct load_config config_of(double rate)
{
    struct load_config config;

    load_config_init(&config);
    config.rate = rate;
    return config;
}

static void check(const struct load_config *config, const struct load_result *result,
                  enum load_limit limit, bool tainted, const char *why)
{
    struct load_verdict verdict;

    load_verdict_find(config, result, &verdict);
    cr_assert_eq(verdict.limit, limit, "%s: %s", load_limit_text(verdict.limit), verdict.why);
    cr_assert_eq(verdict.tainted, tainted, "%s", verdict.why);
    cr_assert_not_null(strstr(verdict.why, why), "'%s' in: %s", why, verdict.why);
}

Test(verdict, a_plan_that_was_kept_had_no_limit)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();

    check(&config, &result, LOAD_LIMIT_NOBODY, false, "plan was kept");
}

Test(verdict, late_sends_are_the_generators)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();

    for (unsigned i = 0; i < 20; i++)
        load_histogram_record(&send_lag, 11000);
    check(&config, &result, LOAD_LIMIT_GENERATOR, true, "late or more; though it was busy only 40");
    result.busy = 0.99;
    check(&config, &result, LOAD_LIMIT_GENERATOR, true, "99 % of its time to do");
    config.lag_max_ns = 20 * ZSIP_NS_PER_MS;
    check(&config, &result, LOAD_LIMIT_NOBODY, false, "");
}

Test(verdict, what_was_never_sent_is_the_generators_unless_rules_held_it)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();

    result.counters.unsent = 500;
    check(&config, &result, LOAD_LIMIT_GENERATOR, true, "500 planned requests were never sent");
    result.unsent_held = 500;
    result.counters.waited_window = 500;
    check(&config, &result, LOAD_LIMIT_SERVER, false, "--max-pending");
}

Test(verdict, answers_that_we_dropped_are_the_generators)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();

    result.counters.answered_late = 300;
    result.datagrams_dropped = 290;
    check(&config, &result, LOAD_LIMIT_GENERATOR, true, "own socket dropped 290");
    result.datagrams_dropped = 11; /* too few to explain the loss */
    check(&config, &result, LOAD_LIMIT_NETWORK, false, "lost on the way");
}

Test(verdict, loss_is_the_servers_if_it_is_slow_or_its_socket_says_so)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();

    result.counters.answered_late = 300;
    check(&config, &result, LOAD_LIMIT_NETWORK, false, "300 requests");
    result.target_dropped = 300;
    check(&config, &result, LOAD_LIMIT_SERVER, false, "dropped 300 datagrams");
    result.target_dropped = 0;
    load_histogram_clear(&from_send);
    load_histogram_record(&from_send, 300000);
    check(&config, &result, LOAD_LIMIT_SERVER, false, "longer than 300 ms");
}

Test(verdict, silence_refusal_and_closed_ports)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();

    result.counters.answered_2xx = 90000;
    result.counters.answered_5xx = 10000;
    result.status[503] = 9000;
    result.status[500] = 1000;
    check(&config, &result, LOAD_LIMIT_SERVER, false, "refused 10,000 requests, most of them");
    result = good();
    result.counters.answered_2xx = 0;
    result.counters.timed_out = 100000;
    check(&config, &result, LOAD_LIMIT_SERVER, false, "never answered");
    result.counters.timed_out = 0;
    result.counters.unreachable = 100000;
    check(&config, &result, LOAD_LIMIT_NETWORK, false, "nobody listens");
    result = good();
    result.send_errors = 1000;
    check(&config, &result, LOAD_LIMIT_NETWORK, false, "could not send 1,000");
    result.counters.sent = 0;
    check(&config, &result, LOAD_LIMIT_NOBODY, false, "nothing was sent");
}

Test(verdict, waiting_for_uris_is_named)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();

    config.users = 7;
    result.counters.waited_user = 900;
    for (unsigned i = 0; i < 900; i++)
        load_histogram_record(&held, 5000);
    check(&config, &result, LOAD_LIMIT_URIS, false, "every one of the 7");
    result.counters.waited_window = 901;
    check(&config, &result, LOAD_LIMIT_SERVER, false, "--max-pending");
}

Test(verdict, a_closed_loop_has_its_window_or_its_generator)
{
    struct load_config config = config_of(0);
    struct load_result result = good();

    check(&config, &result, LOAD_LIMIT_WINDOW, false, "64 requests at a time");
    result.busy = 0.97;
    check(&config, &result, LOAD_LIMIT_GENERATOR, false, "97 % busy");
    result.busy = 0.5;
    result.counters.waited_user = 50000;
    check(&config, &result, LOAD_LIMIT_URIS, false, "more --users");
}

Test(verdict, the_exit_status_tells_the_taint_first)
{
    struct load_result result = good();

    cr_assert_eq(load_verdict(&result), 0);
    result.counters.answered_2xx--;
    result.counters.answered_4xx++;
    cr_assert_eq(load_verdict(&result), 1);
    result.counters.answered_2xx--;
    result.counters.timed_out++;
    cr_assert_eq(load_verdict(&result), 2);
    result.verdict.tainted = true;
    cr_assert_eq(load_verdict(&result), 4);
}

Test(verdict, rules_that_hold_a_plan_back_are_told)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();

    config.window = 20;
    result.counters.waited_window = 300;
    result.counters.unsent = result.unsent_held = 500;
    load_verdict_find(&config, &result, &result.verdict);
    cr_assert_not_null(strstr(result.verdict.held, "500 planned requests never left"), "%s",
                       result.verdict.held);
    cr_assert_not_null(strstr(result.verdict.held, "--max-pending 20"));
    cr_assert_not(result.verdict.tainted);
    cr_assert_eq(load_verdict(&result), 4);
    result.objectives = result.objectives_missed = 1;
    cr_assert_eq(load_verdict(&result), 3);
}

Test(verdict, what_left_late_for_a_rule_is_no_plan_kept)
{
    struct load_config config = config_of(1000);
    struct load_result result = good();
    uint64_t few = result.counters.sent / 100;

    result.counters.waited_user = 1;
    for (uint64_t i = 0; i < few; i++)
        load_histogram_record(&held, 3 * config.lag_max_ns / ZSIP_NS_PER_US);
    load_verdict_find(&config, &result, &result.verdict);
    cr_assert_str_empty(result.verdict.held);
    for (uint64_t i = 0; i < few; i++)
        load_histogram_record(&held, 3 * config.lag_max_ns / ZSIP_NS_PER_US);
    load_verdict_find(&config, &result, &result.verdict);
    cr_assert_not_null(strstr(result.verdict.held, "--users"), "%s", result.verdict.held);
    config.lag_max_ns *= 4;
    load_verdict_find(&config, &result, &result.verdict);
    cr_assert_str_empty(result.verdict.held);
}
