/* Scenario files: what they become, and what is refused. */
#define _GNU_SOURCE /* mkstemp() */
#include "bench/load/scenario/scenario.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "scenario.XXXXXX";
static char told[8192];
static struct scenario *scenario;
static struct scenario_options options;

static void fault(void *user, const char *line)
{
    (void)user;
    strncat(told, strchr(line, ':') + 1, sizeof told - strlen(told) - 2);
    strcat(told, "\n");
}

static enum zsip_status read_text(const char *text)
{
    enum zsip_status status;
    int file;

    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    told[0] = '\0';
    scenario = NULL;
    status = scenario_read(path, &options, fault, NULL, &scenario);
    unlink(path);
    return status;
}

#define REQUEST                                                                                    \
    "MESSAGE sip:[service]@[remote_ip] SIP/2.0\n"                                                  \
    "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"                           \
    "Call-ID: [call_id]\nContent-Length: [len]\n\nhi"

static void taken(const char *text)
{
    cr_assert_eq(read_text(text), ZSIP_OK, "%s", told);
    cr_assert_str_empty(told);
}

static void refused(const char *text, const char *what)
{
    cr_assert_eq(read_text(text), ZSIP_ERROR_ARGUMENT, "%s", text);
    cr_assert_not_null(strstr(told, what), "no \"%s\" in: %s", what, told);
    cr_assert_null(scenario);
}

static void send_refused(const char *message, const char *what)
{
    char text[4096];

    snprintf(text, sizeof text, "<scenario>\n<send><![CDATA[\n%s]]></send></scenario>", message);
    refused(text, what);
}

Test(scenario, steps_are_what_the_file_says)
{
    taken("<?xml version='1.0'?>\n<!DOCTYPE scenario SYSTEM 'sipp.dtd'>\n<scenario name='x'>\n"
          "<send retrans='500'><![CDATA[\n" REQUEST "]]></send>\n"
          "<recv response='100' optional='true'/>\n"
          "<recv response='200' timeout='1500' ontimeout='1' rtd='true'/>\n"
          "<pause distribution='uniform' min='10' max='20'/>\n<label id='1'/>\n<nop/></scenario>");
    cr_assert_eq(scenario->step_count, 5);
    cr_assert_eq(scenario->steps[0].kind, SCENARIO_SEND_REQUEST);
    cr_assert_eq(scenario->steps[0].method, ZSIP_METHOD_MESSAGE);
    cr_assert_eq(scenario->steps[0].line, 4);
    cr_assert(scenario->steps[0].retransmits);
    cr_assert_not(scenario->steps[0].keeps);
    cr_assert(scenario->steps[1].optional);
    cr_assert_eq(scenario->steps[2].code, 200);
    cr_assert_eq(scenario->steps[2].timeout_ns, 1500 * ZSIP_NS_PER_MS);
    cr_assert_eq(scenario->steps[2].on_timeout, 4);
    cr_assert_eq(scenario->steps[3].sample.kind, SCENARIO_SAMPLE_UNIFORM);
    cr_assert_not(scenario->server);
    cr_assert_str_eq(scenario->name, "x");
    scenario_free(scenario);
}

Test(scenario, a_server_that_answers_one_request_remembers_nothing)
{
    taken("<scenario><recv request='MESSAGE'/><send><![CDATA[SIP/2.0 202 Fine\n[last_Via:]\n"
          "[last_To:];tag=[call_number]\nServer: x\nContent-Length: 0\n\n]]></send></scenario>");
    cr_assert(scenario->server);
    cr_assert(scenario->one_shot);
    cr_assert_eq(scenario->steps[1].kind, SCENARIO_SEND_RESPONSE);
    cr_assert_eq(scenario->steps[1].response.code, 202);
    cr_assert_eq(scenario->steps[1].response.headers.count, 1); /* Server alone */
    cr_assert_not(scenario->uses_last);
    scenario_free(scenario);
}

Test(scenario, what_is_not_known_is_named_with_its_line)
{
    refused("<scenario>\n<send>\n<![CDATA[\nINVITE sip:a SIP/2.0\nVia: x\n\n]]></send></scenario>",
            "4: INVITE");
    refused("<scenario>\n<recv request='INVITE'/></scenario>", "2: INVITE");
    refused("<scenario>\n<sendCmd/></scenario>", "2: <sendCmd>");
    refused("<scenario>\n<frobnicate/></scenario>", "2: <frobnicate>");
    refused("<scenario>\n<nop frob='1'/></scenario>", "2: <nop frob");
    refused("<scenario>\n<nop><action>\n<frob/></action></nop></scenario>", "3: <frob>");
    refused("<scenario><nop><action>\n<exec command='rm'/></action></nop></scenario>", "2: <exec");
    refused("<scenario><nop next='5'/>\n</scenario>", "label 5");
    refused("<scenario>\n<label id='1'/>\n<label id='1'/></scenario>", "3: label 1: given twice");
    refused("<scenario>\n<recv response='7'/></scenario>", "2: response=");
    refused("<scenario>\n<recv/></scenario>", "2: <recv>: response=");
    refused("<scenario>\n<pause distribution='frob'/></scenario>", "2: <pause>: no such");
    refused("<scenario>\n<pause distribution='uniform' min='1'/></scenario>", "wants max=");
    refused("<scenario>\n<nop chance='2'/></scenario>", "2: chance=");
    refused("<scenario>\n<send lost='5'><![CDATA[" REQUEST "]]></send></scenario>", "2: lost=");
    refused("<scenario>\n<nop><action>\n<ereg regexp='(' assign_to='1'/></action></nop></scenario>",
            "3: regular expression");
    refused("<scenario>\n<pause/>\n</scenario>", "nothing is sent or received");
    refused("<scenario>\n<recv response='200'/></scenario>", "2: a scenario begins");
    refused("<scenario>\n<send>", "2: XML:");
    refused("<senario/>", "1: <senario>");
    refused("", "1: XML:");
}

Test(scenario, every_fault_is_told_up_to_twenty)
{
    char text[4096] = "<scenario>\n";
    unsigned lines = 0;

    for (unsigned i = 0; i < 30; i++)
        strcat(text, "<frob/>\n");
    strcat(text, "</scenario>");
    refused(text, "2: <frob>");
    for (const char *at = told; *at != '\0'; at++)
        lines += *at == '\n';
    cr_assert_eq(lines, SCENARIO_FAULTS_MAX);
}

Test(scenario, a_keyword_that_is_not_known_is_named)
{
    send_refused("MESSAGE sip:a SIP/2.0\nVia: SIP/2.0/UDP h;branch=[branch]\nX: [frob]\n\n",
                 "5: [frob]");
    send_refused("MESSAGE sip:a SIP/2.0\nVia: SIP/2.0/UDP h;branch=[branch]\nX: [cseq\n\n",
                 "5: '['");
    send_refused("MESSAGE sip:a SIP/2.0\nVia: SIP/2.0/UDP h\nX: [field0]\n\n", "--inf");
    send_refused("MESSAGE sip:a SIP/2.0\nX: y\n\n", "without a Via");
    send_refused("MESSAGE sip:a SIP/2.0\nVia: SIP/2.0/UDP h\nVia: SIP/2.0/UDP i\n\n", "one Via");
    send_refused("MESSAGE sip:a SIP/2.0\nVia: SIP/2.0/UDP h\nX: [authentication aka_K=1]\n\n",
                 "AKA");
    send_refused("SIP/2.0 180 Ringing\n[last_Via:]\n\n", "RFC 4320");
    send_refused("SIP/2.0 huh\n\n", "status line");
    send_refused("", "without a message");
}

Test(scenario, a_bomb_of_entities_is_refused)
{
    refused("<!DOCTYPE s [\n<!ENTITY a 'aaaaaaaaaa'>\n<!ENTITY b '&a;&a;&a;&a;'>]>\n"
            "<scenario name='&b;'/>",
            "entities");
}

Test(scenario, text_is_tidied_as_sipp_does)
{
    struct scenario_reader reader = {0};
    struct scenario empty = {.path = "x", .arena = scenario_arena_create()};
    static const char *const rows[][2] = {
        {"\n  A  \n\t B\n\n  ", "A\nB\n\n"}, {"A\nB", "A\nB\n\n"}, {"A\n\nbody\n\n", "A\n\nbody\n"},
        {"A\n\nbody", "A\n\nbody"},          {"  \n ", ""},
    };

    reader.scenario = &empty;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(scenario_clean(&reader, rows[i][0], strlen(rows[i][0])), rows[i][1]);
    scenario_arena_destroy(empty.arena);
}

Test(scenario, a_branch_is_always_ours)
{
    taken("<scenario><send><![CDATA[\nOPTIONS sip:a SIP/2.0\n"
          "Via: SIP/2.0/UDP [local_ip]:[local_port];rport;branch=z9hG4bK-x;y\n"
          "Call-ID: [call_id]\n\n]]></send></scenario>");
    cr_assert(scenario_text_has(&scenario->steps[0].head, SCENARIO_PIECE_BRANCH));
    for (uint32_t i = 0; i < scenario->steps[0].head.count; i++) {
        const struct scenario_piece *piece = &scenario->steps[0].head.pieces[i];

        cr_assert(piece->kind != SCENARIO_PIECE_LITERAL ||
                  memmem(piece->data, piece->bytes, "z9hG4bK-x", 9) == NULL);
    }
    scenario_free(scenario);
}

static double mean_of(struct scenario_sample sample, unsigned draws)
{
    struct scenario_random random;
    double sum = 0;

    scenario_random_seed(&random, 7);
    for (unsigned i = 0; i < draws; i++)
        sum += scenario_sample_draw(&sample, &random);
    return sum / draws;
}

Test(scenario, each_distribution_has_its_mean)
{
    static const struct scenario_sample samples[] = {
        {SCENARIO_SAMPLE_FIXED, {5}},        {SCENARIO_SAMPLE_UNIFORM, {10, 30}},
        {SCENARIO_SAMPLE_NORMAL, {50, 5}},   {SCENARIO_SAMPLE_LOGNORMAL, {2, 0.3}},
        {SCENARIO_SAMPLE_EXPONENTIAL, {20}}, {SCENARIO_SAMPLE_WEIBULL, {10, 2}},
        {SCENARIO_SAMPLE_PARETO, {4, 10}},   {SCENARIO_SAMPLE_GPARETO, {0.2, 10, 3}},
        {SCENARIO_SAMPLE_GAMMA, {3, 4}},     {SCENARIO_SAMPLE_GAMMA, {0.5, 4}},
        {SCENARIO_SAMPLE_NEGBIN, {5, 0.25}}, {SCENARIO_SAMPLE_POISSON, {12}},
        {SCENARIO_SAMPLE_POISSON, {400}},
    };

    for (unsigned i = 0; i < sizeof samples / sizeof *samples; i++) {
        double expected = scenario_sample_mean(&samples[i]);
        double mean = mean_of(samples[i], 200000);

        cr_assert(scenario_sample_valid(&samples[i]));
        cr_assert(fabs(mean - expected) < 0.02 * expected, "%u: %f, not %f", samples[i].kind, mean,
                  expected);
    }
}
