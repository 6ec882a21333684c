/* Objectives: what is read, what is refused, what is met. */
#include "bench/load/slo.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct load_slo parsed(const char *text)
{
    struct load_slo slo;
    char error[300];

    cr_assert(load_slo_parse(&slo, text, error, sizeof error), "%s", error);
    return slo;
}

static struct load_histogram latency, from_send;

/* 1,000 sent: 990 answered in 1..990 ms, ten lost. */
static struct load_result measured(void)
{
    struct load_result result = {.latency = &latency, .from_send = &from_send, .arrival_s = 2};

    load_histogram_clear(&latency);
    load_histogram_clear(&from_send);
    for (unsigned i = 1; i <= 990; i++) {
        load_histogram_record(&latency, i * 1000);
        load_histogram_record(&from_send, i * 100);
    }
    result.counters.sent = 1000;
    result.counters.answered_2xx = 985;
    result.counters.answered_5xx = 5;
    result.counters.good_in_t1 = 500;
    result.counters.timed_out = 9;
    result.pending = 1;
    result.retransmissions = 99;
    return result;
}

Test(slo, reads_measures_relations_and_bounds)
{
    struct load_slo slo = parsed("p99<5ms, loss <= 0.01%,retrans<0.1% , rate>=20k,send.p99.9<1s,"
                                 "mean<500us,max<1m,errors<1%,goodput>1.5M,loss<0");
    const struct load_objective *o = slo.objectives;

    cr_assert_eq(slo.count, 10);
    cr_assert_float_eq(o[0].percent, 99, 1e-9);
    cr_assert_float_eq(o[0].bound, 5000, 1e-9);
    cr_assert(o[0].below && !o[0].or_equal && !o[0].from_send);
    cr_assert_float_eq(o[1].bound, 0.0001, 1e-12);
    cr_assert(o[1].or_equal);
    cr_assert_str_eq(o[1].text, "loss<=0.01%");
    cr_assert_eq(o[3].measure, LOAD_MEASURE_RATE);
    cr_assert(!o[3].below && o[3].or_equal && o[3].bound == 20000);
    cr_assert(o[4].from_send);
    cr_assert_float_eq(o[4].percent, 99.9, 1e-9);
    cr_assert_float_eq(o[6].bound, 60e6, 1e-3);
    cr_assert_float_eq(o[8].bound, 1.5e6, 1e-3);
}

Test(slo, says_what_is_wrong_and_where)
{
    static const char *const refused[][2] = {
        {"", "character 1"},
        {"p99<5ms,", "character 9"},
        {"latency<5ms", "no measure"},
        {"p99", "character 4"},
        {"p99=5ms", "<, <=, > or >="},
        {"p99<5", "with its unit"},
        {"p99<fast", "character 5"},
        {"p101<5ms", "no measure"},
        {"p0<5ms", "no measure"},
        {"loss<0.1", "a share"},
        {"rate>fast", "a rate"},
        {"p99<5ms;loss<1%", "character 8"},
        {"send.loss<1%", "no measure"},
    };
    struct load_slo slo;
    char error[300], many[400] = "p1<1s";

    for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_assert_not(load_slo_parse(&slo, refused[i][0], error, sizeof error), "%s",
                      refused[i][0]);
        cr_assert_not_null(strstr(error, refused[i][1]), "%s: %s", refused[i][0], error);
    }
    for (unsigned i = 0; i < LOAD_OBJECTIVES_MAX; i++)
        strcat(many, ",p1<1s");
    cr_assert_not(load_slo_parse(&slo, many, error, sizeof error));
}

static double value(const char *text)
{
    struct load_slo slo = parsed(text);
    struct load_result result = measured();

    return load_objective_value(&slo.objectives[0], &result);
}

Test(slo, what_was_not_answered_is_later_than_all)
{
    cr_assert_float_eq(value("p50<1s"), 500000, 1000);
    cr_assert_float_eq(value("p99<1s"), 990000, 1000);
    cr_assert(isinf(value("p99.1<1s")));
    cr_assert_float_eq(value("send.p50<1s"), 50000, 100);
    cr_assert_float_eq(value("max<1s"), 990000, 1);
    cr_assert_float_eq(value("mean<1s"), 495500, 1);
}

Test(slo, shares_and_rates)
{
    cr_assert_float_eq(value("loss<1%"), 0.01, 1e-12);
    cr_assert_float_eq(value("errors<1%"), 0.005, 1e-12);
    cr_assert_float_eq(value("retrans<1%"), 0.099, 1e-12);
    cr_assert_float_eq(value("rate>1"), 492.5, 1e-9);
    cr_assert_float_eq(value("goodput>1"), 250, 1e-9);
}

static bool met(const char *text)
{
    struct load_slo slo = parsed(text);
    struct load_result result = measured();

    return load_slo_met(&slo, &result);
}

Test(slo, all_must_be_met)
{
    cr_assert(met("p50<501ms,loss<=1%,rate>400"));
    cr_assert_not(met("loss<1%"));
    cr_assert(met("loss<=1%"));
    cr_assert_not(met("p50<501ms,loss<=1%,rate>500"));
    cr_assert_not(met("p99.5<1h"));
}

Test(slo, nothing_answered_meets_nothing)
{
    struct load_slo slo = parsed("p99<5ms"), loss = parsed("loss<1%");
    struct load_result result = {.latency = &latency, .from_send = &from_send};

    load_histogram_clear(&latency);
    load_histogram_clear(&from_send);
    cr_assert_not(load_slo_met(&slo, &result));
    cr_assert_not(load_slo_met(&loss, &result));
}
