/* zsip load: its options. */
#include "load.h"

#include "bench/load/auth.h"
#include "bench/load/inject.h"
#include "bench/load/scan.h"
#include "bench/load/template.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    OPTION_PROXY = 1,
    OPTION_WINDOW,
    OPTION_CONNECTIONS,
    OPTION_NEW_CONNECTION,
    OPTION_RATE,
    OPTION_STEP,
    OPTION_POISSON,
    OPTION_SEED,
    OPTION_WARMUP,
    OPTION_LAG_MAX,
    OPTION_MAX_PENDING,
    OPTION_START_AT,
    OPTION_REGISTER,
    OPTION_SOURCE,
    OPTION_SLO,
    OPTION_FIND_MAX,
    OPTION_REPEATS,
    OPTION_PRECISION,
    OPTION_DRAIN,
    OPTION_DURATION,
    OPTION_COUNT,
    OPTION_USERS,
    OPTION_OVERLAP,
    OPTION_NO_RETRANSMIT,
    OPTION_AUTH,
    OPTION_QUIET,
};

static const struct cli_option options[] = {
    {NULL, 0, NULL, "How much"},
    {"window", OPTION_WINDOW, "N", "closed loop: keep N requests pending (64)"},
    {"connections", OPTION_CONNECTIONS, "N",
     "over tcp: N connections of each worker (1), used in turn"},
    {"new-connection", OPTION_NEW_CONNECTION, NULL,
     "over tcp: a new connection for each request, reset once it is\n"
     "answered, so that no port waits (TIME_WAIT); the closed loop\n"
     "opens --window of them at once"},
    CLI_TCP_CLIENT_OPTIONS,
    {"rate", OPTION_RATE, "R",
     "open loop: R requests a second by a fixed plan, whatever comes\n"
     "back; k and M for thousands and millions. 10k..200k/60s is a\n"
     "ramp, 10k/30s,50k/1m,20k one rate after the other"},
    {"step", OPTION_STEP, "R..R+R/T",
     "open loop in stairs: 10k..100k+10k/5s begins with 10,000 and\n"
     "adds as many every 5 s up to 100,000"},
    {"poisson", OPTION_POISSON, NULL,
     "requests come at random distances, as from many independent\n"
     "users (a Poisson process), not at equal ones"},
    {"seed", OPTION_SEED, "N", "of those distances (1): the same number, the same plan"},
    {"start-at", OPTION_START_AT, "TIME",
     "begin at this moment, such as 2027-01-31T12:00:00Z, or seconds\n"
     "since 1970: several machines begin together"},
    {"warmup", OPTION_WARMUP, "T",
     "send for T before, at the plan's first rate, and count none of\n"
     "it"},
    {"max-pending", OPTION_MAX_PENDING, "N",
     "open loop: never more than N pending (65536), which bounds\n"
     "memory; what waits for that is late, and the summary says so"},
    {"lag-max", OPTION_LAG_MAX, "T",
     "open loop: where one request in a hundred leaves later than T\n"
     "(10ms) behind the plan, the run is void: exit status 4"},
    {"duration", OPTION_DURATION, "T", "send for T seconds (10), or T with ms, m, h; then drain"},
    {"count", OPTION_COUNT, "N", "send N requests; without --duration however long it takes"},
    {NULL, 0, NULL, "Objectives"},
    {"slo", OPTION_SLO, "LIST",
     "what the run must meet, such as\n"
     "'p99<5ms,loss<0.01%,retrans<0.1%': p50..p100, mean, max,\n"
     "send.p99 (uncorrected), loss, errors, retrans, rate, goodput"},
    {"find-max", OPTION_FIND_MAX, NULL,
     "look for the highest rate that meets --slo, from --rate (1k) on,\n"
     "by probes of --duration (5s)"},
    {"repeats", OPTION_REPEATS, "N", "--find-max: search so often (3), and tell the spread"},
    {"precision", OPTION_PRECISION, "P%", "--find-max: as exact as this (2%)"},
    {"drain", OPTION_DRAIN, "T",
     "--find-max: rest between probes (64*T1, until a server over UDP\n"
     "has forgotten the requests of the last one; 0: don't)"},
    {NULL, 0, NULL, "What"},
    CLI_REQUEST_OPTIONS,
    {"users", OPTION_USERS, "N",
     "N target URIs, sip:u00000000@HOST:PORT and on (the window):\n"
     "one MESSAGE is pending to each (RFC 3428 section 8)"},
    {"register", OPTION_REGISTER, "N",
     "both ends: register N users there first, send among them, answer\n"
     "what arrives, and tell what was delivered, twice, out of order,\n"
     "or lost, and how long it took"},
    {"overlap", OPTION_OVERLAP, NULL, "break that rule knowingly; the summary says so"},
    {"source", OPTION_SOURCE, "LIST",
     "send from these addresses, such as 127.0.1.1-127.0.1.50, and\n"
     "ports, 127.0.1.1-50:6000-6009; several parts with commas. Via\n"
     "and Contact name the one a request leaves from; a user keeps to\n"
     "his. Up to 256 each worker; over tcp addresses alone"},
    {"proxy", OPTION_PROXY, "udp|tcp:ADDR:PORT", "next hop, as a preloaded loose Route"},
    {"auth", OPTION_AUTH, "USER:PASSWORD",
     "digest credentials for a 401 or 407; %06d is the number of the\n"
     "user (of a MESSAGE: of the sender), [field0] a field of --inf"},
    {NULL, 0, NULL, "Scenario"},
    CLI_SCENARIO_OPTIONS,
    {NULL, 0, NULL, "Transactions"},
    {"no-retransmit", OPTION_NO_RETRANSMIT, NULL,
     "send each request once: measures raw loss. Waits for its\n"
     "answer as long as ever"},
    CLI_MACHINE_T1_OPTION("RFC 3261's T1 in milliseconds (500): first retransmission\n"
                          "after T1, timeout after 64*T1"),
    {NULL, 0, NULL, "Machine"},
    CLI_MACHINE_OPTIONS("threads, each with a socket of its own (1)"),
    {NULL, 0, NULL, "Output"},
    CLI_OUTPUT_OPTIONS,
    CLI_OUTSIDE_OPTIONS,
    {"quiet", OPTION_QUIET, NULL, "no line a second"},
    {0},
};

static const struct cli_command command = {
    .name = "load",
    .usage = "load [OPTIONS] udp|tcp:HOST:PORT",
    .about = "Sends requests to HOST, measures what comes back, and says so once a second and at\n"
             "the end. When the arrivals are over it waits for what is pending, 64*T1 at most\n"
             "(32 seconds). Ctrl-C ends the arrivals, a second one or a\n"
             "SIGTERM the run; what was measured is told all the same. Latency of an open loop\n"
             "counts from when a request should have left.",
    .details =
        "Exit status: 0 every request was answered 2xx; 1 every one was answered, not all\n"
        "2xx; 2 some ended without an answer, or the run could not begin; 4 the generator\n"
        "fell behind its plan or lost answers itself, whatever else happened, or in place\n"
        "of 0 and 1 --max-pending or --users kept it from its plan; 64 usage. With\n"
        "--slo: 0 every objective was met; 3 one was missed; 4 as above. With --find-max: 0\n"
        "found; 2 nothing was answered; 3 no rate meets the objectives; 4 the generator\n"
        "saturated first, the rate is \"at least\".\n\n"
        "  zsip load --window 256 udp:127.0.0.1:5060\n"
        "  zsip load --window 1024 --connections 64 tcp:127.0.0.1:5060\n"
        "  zsip load --rate 20k --duration 1m --json run.json udp:192.0.2.1:5060\n"
        "  zsip load --count 1000 --proxy udp:192.0.2.1:5060 example.com\n",
    .options = options,
};

/* ---- Options --------------------------------------------------------------------------------- */

/* The rate or the stairs; one of them. */
static bool schedule_set(const char *what, const char *text, struct load_arguments *out)
{
    bool step = strcmp(what, "--step") == 0;
    char error[300];

    if (out->config.rate > 0) {
        cli_error("%s %s: one plan is enough; give --rate once, or --step once", what, text);
        return false;
    }
    if (!(step ? load_schedule_parse_step : load_schedule_parse)(&out->schedule, text, error,
                                                                 sizeof error)) {
        cli_error("%s %s", what, error);
        return false;
    }
    out->config.schedule = &out->schedule;
    out->config.rate_text = text;
    out->config.rate = load_schedule_peak(&out->schedule);
    return true;
}

/* "2027-01-31T12:00:00Z" with a fraction if need be, or seconds since 1970. No more than a day
 * ahead: further away is a slip of the keyboard. */
static bool start_at_set(const char *text, struct load_config *config)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    struct load_scan scan = {text, text};
    double seconds = 0, fraction = 0;
    bool good;

    if (rest != NULL) {
        scan.at = rest;
        if (*rest == '.') {
            char *end;

            fraction = strtod(rest, &end);
            scan.at = end;
        }
        good = load_scan_word(&scan, "Z") && *scan.at == '\0';
        seconds = (double)timegm(&tm) + fraction;
    } else {
        good = load_scan_number(&scan, &seconds) && *scan.at == '\0';
    }
    if (!good) {
        cli_error("--start-at %s: not a moment; give one such as 2027-01-31T12:00:00Z (UTC), or "
                  "seconds since 1970",
                  text);
        return false;
    }
    if (seconds <= (double)time(NULL) || seconds > (double)time(NULL) + 86400) {
        cli_error("--start-at %s: %s; it is %ld now", text,
                  seconds <= (double)time(NULL) ? "has passed" : "is more than a day away",
                  (long)time(NULL));
        return false;
    }
    config->start_utc_us = (int64_t)(seconds * 1e6);
    return true;
}

static bool option_plan(int id, const char *value, struct load_arguments *out)
{
    struct load_config *config = &out->config;

    switch (id) {
    case OPTION_RATE:
        return schedule_set("--rate", value, out);
    case OPTION_STEP:
        return schedule_set("--step", value, out);
    case OPTION_POISSON:
        out->poisson = true;
        return true;
    case OPTION_SEED:
        return cli_value_number("--seed", value, 0, UINT64_MAX, &out->seed);
    case OPTION_WARMUP:
        return cli_value_duration("--warmup", value, ZSIP_NS_PER_MS, 86400 * ZSIP_NS_PER_S,
                                  &config->warmup_ns);
    case OPTION_DURATION:
        out->duration_given = true;
        return cli_value_duration("--duration", value, ZSIP_NS_PER_MS, 7 * 86400 * ZSIP_NS_PER_S,
                                  &config->duration_ns);
    case OPTION_START_AT:
        return start_at_set(value, config);
    case OPTION_LAG_MAX:
        return cli_value_duration("--lag-max", value, ZSIP_NS_PER_US, 86400 * ZSIP_NS_PER_S,
                                  &config->lag_max_ns);
    case OPTION_MAX_PENDING:
        out->window_given = true;
        return cli_value_narrow("--max-pending", value, 1, LOAD_WINDOW_MAX, &config->window);
    case OPTION_NEW_CONNECTION:
        config->connection_each = true;
        return true;
    case OPTION_CONNECTIONS:
        return cli_value_narrow("--connections", value, 1, 32768, &config->connections);
    case OPTION_WINDOW:
        out->window_given = true;
        return cli_value_narrow("--window", value, 1, LOAD_WINDOW_MAX, &config->window);
    default:
        ZSIP_ASSERT(id == OPTION_COUNT);
        return cli_value_number("--count", value, 1, UINT64_C(1) << 48, &config->count);
    }
}

static bool slo_set(const char *text, struct load_arguments *out)
{
    char error[300];

    if (!load_slo_parse(&out->slo, text, error, sizeof error)) {
        cli_error("--slo %s", error);
        return false;
    }
    out->config.slo = &out->slo;
    out->slo_text = text;
    return true;
}

static bool precision_set(const char *text, struct load_arguments *out)
{
    struct load_scan scan = {text, text};

    if (load_scan_number(&scan, &out->precision) && load_scan_word(&scan, "%") &&
        *scan.at == '\0' && out->precision >= 0.1 && out->precision <= 50) {
        out->precision /= 100;
        return true;
    }
    cli_error("--precision %s: not a share; give 0.1%%..50%%", text);
    return false;
}

static bool option_objectives(int id, const char *value, struct load_arguments *out)
{
    switch (id) {
    case OPTION_SLO:
        return slo_set(value, out);
    case OPTION_FIND_MAX:
        out->find_max = true;
        return true;
    case OPTION_REPEATS:
        return cli_value_narrow("--repeats", value, 1, LOAD_REPEATS_MAX, &out->repeats);
    case OPTION_PRECISION:
        return precision_set(value, out);
    case OPTION_DRAIN:
        return cli_value_duration("--drain", value, 0, 3600 * ZSIP_NS_PER_S, &out->drain_ns);
    default:
        return option_plan(id, value, out);
    }
}

static bool option_traffic(int id, const char *value, struct load_arguments *out)
{
    struct load_config *config = &out->config;

    switch (id) {
    case OPTION_REGISTER:
        config->registers = true;
        out->users_given = true;
        return cli_value_narrow("--register", value, 1, 10000000, &config->users);
    case OPTION_USERS:
        out->users_given = true;
        return cli_value_narrow("--users", value, 1, LOAD_USERS_MAX, &config->users);
    case OPTION_OVERLAP:
        config->overlap = true;
        return true;
    case OPTION_NO_RETRANSMIT:
        config->no_retransmit = true;
        return true;
    case OPTION_SOURCE:
        return load_source_set(value, out);
    case OPTION_PROXY:
        return cli_value_place_any("--proxy", value, false, &out->proxy, NULL);
    default:
        return option_objectives(id, value, out);
    }
}

static bool option(int id, const char *value, struct load_arguments *out)
{
    switch (id) {
    case OPTION_AUTH:
        out->config.auth = value;
        return true;
    case OPTION_QUIET:
        out->quiet = true;
        return true;
    default:
        if (cli_request_knows(id))
            return cli_request_option(id, value, &out->request, &out->config);
        if (cli_output_knows(id))
            return cli_output_option(id, value, &out->output);
        if (cli_tcp_knows(id))
            return cli_tcp_option(id, value, &out->config.streams);
        if (cli_scenario_knows(id))
            return cli_scenario_option(id, value, &out->scenario);
        return cli_machine_knows(id) ? cli_machine_option(id, value, &out->machine)
                                     : option_traffic(id, value, out);
    }
}

/* Where to, and what stands in the URIs. With a proxy the name in the URI is the proxy's to
 * resolve. */
static bool target_set(const char *text, struct load_arguments *out, bool *unresolved)
{
    struct load_config *config = &out->config;
    char uri[320];
    struct zsip_uri parsed;
    int length;

    if (out->proxy.text[0] == '\0') {
        if (!cli_value_place_any("target", text, false, &out->place, unresolved))
            return false;
        config->remote = out->place.address;
        config->transport = out->place.transport;
        config->domain = out->place.text;
        return true;
    }
    if (strncasecmp(text, "udp:", 4) == 0 || strncasecmp(text, "tcp:", 4) == 0)
        text += 4;
    length = snprintf(uri, sizeof uri, "sip:u@%s", text);
    if (length >= (int)sizeof uri || strcspn(text, ";?@<>") != strlen(text) ||
        zsip_uri_parse((const uint8_t *)uri, (struct zsip_slice){0, (uint16_t)length}, &parsed,
                       NULL) != ZSIP_OK) {
        cli_error("target %s: not a host; give HOST or HOST:PORT", text);
        return false;
    }
    config->remote = out->proxy.address;
    config->transport = out->proxy.transport;
    config->proxy = out->proxy.text;
    config->domain = text;
    return true;
}

static void machine_copy(struct load_arguments *out)
{
    struct load_config *config = &out->config;

    config->t1_ns = out->machine.t1_ns;
    config->workers = out->machine.workers;
    config->spin_us = out->machine.spin_us;
    config->socket_buffer_bytes = out->machine.socket_buffer_bytes;
    config->without = out->machine.without;
    for (uint32_t i = 0; i < config->workers; i++)
        out->cpu[i] = cli_cpu_of(&out->machine.cpus, i);
    config->cpus = out->cpu;
}

/* A search makes its own plans. */
static bool find_complete(struct load_arguments *out)
{
    struct load_config *config = &out->config;

    if (config->slo == NULL) {
        cli_error("--find-max: the highest rate that does what? Give --slo, such as --slo "
                  "'p99<5ms,loss<0.01%%'");
        return false;
    }
    if (config->rate > 0 && (out->schedule.count > 1 || !out->schedule.open_ended)) {
        cli_error("--find-max: makes its own plans; give --rate as the one rate to begin with");
        return false;
    }
    if (config->count > 0 || out->output.csv != NULL || out->output.hlog != NULL) {
        cli_error("--find-max: makes many runs; leave out --count, --csv and --hlog");
        return false;
    }
    if (config->rate <= 0) {
        load_schedule_constant(&out->schedule, 1000);
        config->rate = 1000;
        config->rate_text = "1k";
    }
    config->schedule = &out->schedule;
    if (!out->duration_given)
        config->duration_ns = 5 * ZSIP_NS_PER_S;
    out->duration_given = true;
    if (out->drain_ns == UINT64_MAX)
        out->drain_ns = 64 * config->t1_ns;
    return true;
}

/* Calls of a scenario instead of requests: it decides what they overlap. */
static bool scenario_complete(struct load_arguments *out)
{
    struct load_config *config = &out->config;

    out->scenario.options.no_retransmit = config->no_retransmit;
    out->scenario.options.vouched = config->vouched;
    if (!cli_scenario_open(&out->scenario))
        return false;
    if (out->scenario.path == NULL) {
        if (out->scenario.inject_count > 1) {
            cli_error("--inf %s: one injection file is enough without --sf",
                      out->scenario.inject_paths[1]);
            return false;
        }
        config->inject = out->scenario.injects[0];
        return true;
    }
    if (out->scenario.scenario->server) {
        cli_error("%s begins with a request that is received: give it to zsip serve --sf",
                  out->scenario.path);
        return false;
    }
    config->scenario = out->scenario.scenario;
    config->scenario_log = out->scenario.log;
    config->overlap = true;
    if (config->rate <= 0 && !out->window_given) { /* as SIPp's */
        load_schedule_constant(&out->schedule, 10);
        config->schedule = &out->schedule;
        config->rate_text = "10";
        config->rate = 10;
    }
    return true;
}

static bool plan_complete(struct load_arguments *out)
{
    struct load_config *config = &out->config;
    uint64_t length_ns = config->rate > 0 ? load_schedule_length_ns(&out->schedule) : 0;

    if (out->poisson && config->rate <= 0) {
        cli_error("--poisson: says when requests of a plan come; give --rate or --step");
        return false;
    }
    out->schedule.poisson = out->poisson;
    out->schedule.seed = out->seed;
    if (out->duration_given)
        return true;
    if (config->count > 0)
        config->duration_ns = 0;
    else if (length_ns > 0)
        config->duration_ns = length_ns;
    return true;
}

/* Both ends: what is sent must be told from what arrives, and in each body. */
static bool register_check(const struct load_config *config)
{
    if (!config->registers)
        return true;
    if (config->method != ZSIP_METHOD_MESSAGE || config->body.data != NULL ||
        config->text != NULL || config->sizes != NULL || config->scenario != NULL) {
        cli_error(
            "--register: sends MESSAGEs with bodies of its own, by which it knows them; leave "
            "out --method, --body, --body-file, --template and --sf");
        return false;
    }
    return true;
}

/* --auth; of a scenario it says the same as --auth-user and --auth-password. */
static bool auth_check(const struct load_arguments *out)
{
    const struct load_config *config = &out->config;
    struct load_auth_config auth = {
        .credentials = config->auth, .inject = config->inject, .users = config->users};
    char error[300];

    if (config->auth == NULL)
        return true;
    if (config->scenario != NULL) {
        cli_error("--auth %s: a scenario takes --auth-user and --auth-password", config->auth);
        return false;
    }
    if (load_auth_check(&auth, error, sizeof error) == ZSIP_OK)
        return true;
    cli_error("--auth %s: %s", config->auth, error);
    return false;
}

/* Defaults that depend on each other. */
static bool complete(struct load_arguments *out)
{
    struct load_config *config = &out->config;
    uint32_t lines = 0;

    machine_copy(out);
    if (!scenario_complete(out) || (out->find_max && !find_complete(out)) || !plan_complete(out) ||
        !cli_request_complete(&out->request, config) || !register_check(config))
        return false;
    if (!out->window_given)
        config->window = config->rate > 0 ? 65536 : 64;
    if (config->window < config->workers)
        config->window = config->workers;
    if (config->inject != NULL)
        lines = load_inject_lines(config->inject);
    if (!out->users_given)
        config->users = config->inject != NULL ? lines : config->window;
    /* As many users each source. */
    if (!out->users_given && config->inject == NULL && config->sources != NULL)
        config->users = (config->users + config->sources->count - 1) / config->sources->count *
                        config->sources->count;
    if (config->inject != NULL && config->users > lines) {
        cli_error("--users %u: the injection file has %u lines, each of them a user; give at most "
                  "as many",
                  config->users, lines);
        return false;
    }
    if (!auth_check(out) || !load_source_check(out))
        return false;
    if (config->users < config->workers) {
        cli_error("--users %u: fewer than --workers %u, which share them out; give more users or "
                  "fewer workers",
                  config->users, config->workers);
        return false;
    }
    return true;
}

int load_options(int argc, char **argv, struct load_arguments *out)
{
    const char *value;
    bool unresolved = false;
    int id;

    memset(out, 0, sizeof *out);
    load_config_init(&out->config);
    cli_machine_init(&out->machine, LOAD_WORKERS_MAX);
    out->seed = 1;
    out->repeats = 3;
    out->precision = 0.02;
    out->drain_ns = UINT64_MAX;
    out->config.log = cli_log;
    while ((id = cli_option_next(&command, argc, argv, &value)) != CLI_OPTION_END) {
        if (id == CLI_OPTION_HELP)
            return CLI_EXIT_OK;
        if (id == CLI_OPTION_BAD || !option(id, value, out))
            return CLI_EXIT_USAGE;
    }
    if (argc - optind != 1) {
        cli_error(argc == optind ? "no target; give udp:HOST:PORT, or see zsip load --help"
                                 : "%s: one target is enough; see zsip load --help",
                  argv[argc - 1]);
        return CLI_EXIT_USAGE;
    }
    if (!target_set(argv[optind], out, &unresolved))
        return unresolved ? CLI_EXIT_UNREACHED : CLI_EXIT_USAGE;
    return complete(out) ? -1 : CLI_EXIT_USAGE;
}
