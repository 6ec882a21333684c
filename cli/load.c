/* zsip load: options of the load engine in bench/load. */
#include "bench/load/format.h"
#include "bench/load/report.h"
#include "bench/load/template.h"
#include "cli.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    OPTION_PROXY = 1,
    OPTION_WINDOW,
    OPTION_RATE,
    OPTION_DURATION,
    OPTION_COUNT,
    OPTION_METHOD,
    OPTION_BODY_BYTES,
    OPTION_USERS,
    OPTION_OVERLAP,
    OPTION_VOUCH,
    OPTION_NO_RETRANSMIT,
    OPTION_T1,
    OPTION_WORKERS,
    OPTION_PIN,
    OPTION_SPIN_US,
    OPTION_RCVBUF,
    OPTION_WITHOUT,
    OPTION_NO_TRAINS,
    OPTION_JSON,
    OPTION_QUIET,
};

static const struct cli_option options[] = {
    {NULL, 0, NULL, "How much"},
    {"window", OPTION_WINDOW, "N",
     "closed loop: keep N requests pending (64); with --rate: never\n"
     "more than N pending (65536)"},
    {"rate", OPTION_RATE, "R",
     "open loop: R requests a second by a fixed plan, whatever comes\n"
     "back; k and M for thousands and millions"},
    {"duration", OPTION_DURATION, "T", "send for T seconds (10), or T with ms, m, h; then drain"},
    {"count", OPTION_COUNT, "N", "send N requests; without --duration however long it takes"},
    {NULL, 0, NULL, "What"},
    {"method", OPTION_METHOD, "NAME", "MESSAGE (default), OPTIONS or REGISTER"},
    {"body-bytes", OPTION_BODY_BYTES, "N", "text of N bytes in each MESSAGE (32)"},
    {"users", OPTION_USERS, "N",
     "N target URIs, sip:u00000000@HOST:PORT and on (the window):\n"
     "one MESSAGE is pending to each (RFC 3428 section 8)"},
    {"overlap", OPTION_OVERLAP, NULL, "break that rule knowingly; the summary says so"},
    {"vouch", OPTION_VOUCH, NULL,
     "no hop is congestion-unsafe: requests over 1300 bytes may go\n"
     "(RFC 3428 section 8)"},
    {"proxy", OPTION_PROXY, "udp:ADDR:PORT", "next hop, as a preloaded loose Route"},
    {NULL, 0, NULL, "Transactions"},
    {"no-retransmit", OPTION_NO_RETRANSMIT, NULL,
     "send each request once: measures raw loss. Waits for its\n"
     "answer as long as ever"},
    {"t1", OPTION_T1, "MS",
     "RFC 3261's T1 in milliseconds (500): first retransmission\n"
     "after T1, timeout after 64*T1"},
    {NULL, 0, NULL, "Machine"},
    {"workers", OPTION_WORKERS, "N", "threads, each with a socket of its own (1)"},
    {"pin", OPTION_PIN, "LIST",
     "tie worker i to the i-th CPU of LIST, such as 0,2-3; auto: of\n"
     "those this process may use"},
    {"spin-us", OPTION_SPIN_US, "N", "look for packets N microseconds before sleeping (20)"},
    {"rcvbuf", OPTION_RCVBUF, "BYTES", "socket buffers (8M); K, M and G count in 1,024s"},
    {"without", OPTION_WITHOUT, "LIST",
     "do without kernel features: gro, gso, incremental, bundles,\n"
     "defer, multishot"},
    {"no-trains", OPTION_NO_TRAINS, NULL,
     "one datagram a send and a receive, for peers that must see them\n"
     "alone: --without gro,gso"},
    {NULL, 0, NULL, "Output"},
    {"json", OPTION_JSON, "FILE", "write the result as JSON too; - is standard output"},
    {"quiet", OPTION_QUIET, NULL, "no line a second"},
    {0},
};

static const struct cli_command command = {
    .name = "load",
    .usage = "load [OPTIONS] udp:HOST:PORT",
    .about = "Sends requests to HOST, measures what comes back, and says so once a second and at\n"
             "the end. When the arrivals are over it waits for what is pending, 64*T1 at most\n"
             "(32 seconds). Ctrl-C ends the arrivals, a second one the run. Latency of an open\n"
             "loop counts from when a request should have left.",
    .details = "Exit status: 0 every request was answered 2xx; 1 every one was answered, not all\n"
               "2xx; 2 some ended without an answer, or the run could not begin; 64 usage.\n\n"
               "  zsip load --window 256 udp:127.0.0.1:5060\n"
               "  zsip load --rate 20k --duration 1m --json run.json udp:192.0.2.1:5060\n"
               "  zsip load --count 1000 --proxy udp:192.0.2.1:5060 example.com\n",
    .options = options,
};

struct arguments {
    struct load_config config;
    struct cli_cpus cpus;
    int cpu[LOAD_WORKERS_MAX];
    struct cli_place place;
    struct cli_place proxy;
    bool window_given;
    bool users_given;
    bool duration_given;
    bool quiet;
    const char *json;
};

/* ---- Options --------------------------------------------------------------------------------- */

static bool method_set(const char *text, struct load_config *config)
{
    config->method = zsip_method_by_name((struct zsip_view){(const uint8_t *)text, strlen(text)});
    if (config->method == ZSIP_METHOD_MESSAGE || config->method == ZSIP_METHOD_OPTIONS ||
        config->method == ZSIP_METHOD_REGISTER)
        return true;
    cli_error("--method %s: give MESSAGE, OPTIONS or REGISTER", text);
    return false;
}

static bool narrow(const char *what, const char *text, uint64_t min, uint64_t max, uint32_t *out)
{
    uint64_t value;

    if (!cli_value_number(what, text, min, max, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool option_traffic(int id, const char *value, struct arguments *out)
{
    struct load_config *config = &out->config;

    switch (id) {
    case OPTION_WINDOW:
        out->window_given = true;
        return narrow("--window", value, 1, LOAD_WINDOW_MAX, &config->window);
    case OPTION_RATE:
        return cli_value_rate("--rate", value, &config->rate);
    case OPTION_DURATION:
        out->duration_given = true;
        return cli_value_duration("--duration", value, ZSIP_NS_PER_MS, 7 * 86400 * ZSIP_NS_PER_S,
                                  &config->duration_ns);
    case OPTION_COUNT:
        return cli_value_number("--count", value, 1, UINT64_C(1) << 48, &config->count);
    case OPTION_METHOD:
        return method_set(value, config);
    case OPTION_BODY_BYTES:
        return narrow("--body-bytes", value, 0, 65000, &config->body_bytes);
    case OPTION_USERS:
        out->users_given = true;
        return narrow("--users", value, 1, LOAD_USERS_MAX, &config->users);
    case OPTION_OVERLAP:
        config->overlap = true;
        return true;
    case OPTION_VOUCH:
        config->vouched = true;
        return true;
    default:
        ZSIP_ASSERT(id == OPTION_PROXY);
        return cli_value_place("--proxy", value, false, &out->proxy, NULL);
    }
}

static bool option_machine(int id, const char *value, struct arguments *out)
{
    struct load_config *config = &out->config;
    uint64_t number;

    switch (id) {
    case OPTION_NO_RETRANSMIT:
        config->no_retransmit = true;
        return true;
    case OPTION_T1:
        if (!cli_value_number("--t1", value, 1, 60000, &number))
            return false;
        config->t1_ns = number * ZSIP_NS_PER_MS;
        return true;
    case OPTION_WORKERS:
        return narrow("--workers", value, 1, LOAD_WORKERS_MAX, &config->workers);
    case OPTION_PIN:
        return cli_value_cpus("--pin", value, &out->cpus);
    case OPTION_SPIN_US:
        return narrow("--spin-us", value, 0, 1000000, &config->spin_us);
    case OPTION_RCVBUF:
        if (!cli_value_bytes("--rcvbuf", value, 4096, 1 << 30, &number))
            return false;
        config->socket_buffer_bytes = (uint32_t)number;
        return true;
    case OPTION_WITHOUT:
        return cli_value_without("--without", value, &config->without);
    case OPTION_NO_TRAINS:
        config->without |= ZSIP_FEATURE_GRO | ZSIP_FEATURE_GSO;
        return true;
    case OPTION_JSON:
        out->json = value;
        return true;
    case OPTION_QUIET:
        out->quiet = true;
        return true;
    default:
        return option_traffic(id, value, out);
    }
}

/* Where to, and what stands in the URIs. With a proxy the name in the URI is the proxy's to
 * resolve. */
static bool target_set(const char *text, struct arguments *out, bool *unresolved)
{
    struct load_config *config = &out->config;
    char uri[320];
    struct zsip_uri parsed;
    int length;

    if (out->proxy.text[0] == '\0') {
        if (!cli_value_place("target", text, false, &out->place, unresolved))
            return false;
        config->remote = out->place.address;
        config->domain = out->place.text;
        return true;
    }
    if (strncasecmp(text, "udp:", 4) == 0)
        text += 4;
    length = snprintf(uri, sizeof uri, "sip:u@%s", text);
    if (length >= (int)sizeof uri || strcspn(text, ";?@<>") != strlen(text) ||
        zsip_uri_parse((const uint8_t *)uri, (struct zsip_slice){0, (uint16_t)length}, &parsed,
                       NULL) != ZSIP_OK) {
        cli_error("target %s: not a host; give HOST or HOST:PORT", text);
        return false;
    }
    config->remote = out->proxy.address;
    config->proxy = out->proxy.text;
    config->domain = text;
    return true;
}

/* Defaults that depend on each other. */
static bool complete(struct arguments *out)
{
    struct load_config *config = &out->config;

    if (!out->window_given)
        config->window = config->rate > 0 ? 65536 : 64;
    if (config->window < config->workers)
        config->window = config->workers;
    if (!out->users_given)
        config->users = config->window;
    if (config->users < config->workers) {
        cli_error("--users %u: fewer than --workers %u, which share them out; give more users or "
                  "fewer workers",
                  config->users, config->workers);
        return false;
    }
    if (config->count > 0 && !out->duration_given)
        config->duration_ns = 0;
    for (uint32_t i = 0; i < config->workers; i++)
        out->cpu[i] = cli_cpu_of(&out->cpus, i);
    config->cpus = out->cpu;
    return true;
}

/* Returns an exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct arguments *out)
{
    const char *value;
    bool unresolved = false;
    int id;

    memset(out, 0, sizeof *out);
    load_config_init(&out->config);
    out->config.log = cli_log;
    while ((id = cli_option_next(&command, argc, argv, &value)) != CLI_OPTION_END) {
        if (id == CLI_OPTION_HELP)
            return CLI_EXIT_OK;
        if (id == CLI_OPTION_BAD || !option_machine(id, value, out))
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

/* ---- The run --------------------------------------------------------------------------------- */

static void begin_line(FILE *out, const struct load_config *config)
{
    char remote[ZSIP_ADDRESS_TEXT_BYTES];

    fprintf(out, "zsip load: %s to udp:%s", zsip_method_name(config->method),
            zsip_address_text(&config->remote, remote));
    if (config->rate > 0)
        fprintf(out, ", %g/s planned", config->rate);
    else
        fprintf(out, ", window %u", config->window);
    fprintf(out, ", %u worker%s", config->workers, config->workers == 1 ? "" : "s");
    if (config->count > 0)
        fprintf(out, ", %s requests", load_format_count(config->count).text);
    if (config->duration_ns > 0)
        fprintf(out, ", %g s", (double)config->duration_ns / 1e9);
    fputc('\n', out);
    fflush(out);
}

/* Prints the seconds that are over until the run is. The signals are blocked in all threads and
 * taken here. */
static void watch(struct load *load, FILE *out, const sigset_t *signals)
{
    const struct timespec pause = {0, 20000000};
    uint32_t printed = 0;
    unsigned asked = 0;
    bool running;

    do {
        struct load_second second;

        running = load_running(load); /* before the last second is looked for */
        for (; load_second(load, printed, &second); printed++) {
            if (out != NULL)
                load_report_second(out, printed, &second);
        }
        if (!running || sigtimedwait(signals, NULL, &pause) < 0)
            continue;
        if (asked++ == 0) {
            load_close(load);
            fputs("zsip load: no more requests; waiting for what is pending, once more to stop "
                  "at once\n",
                  stderr);
        } else {
            load_stop(load);
        }
    } while (running);
}

static int finish(struct load *load, const struct arguments *arguments, FILE *out, FILE *json)
{
    struct load_result result;

    load_result(load, &result);
    load_report_summary(out, &arguments->config, &result);
    if (json != NULL &&
        !cli_json_close(json, arguments->json, load_report_json(load, &arguments->config, &result)))
        return CLI_EXIT_FAILED;
    return load_verdict(&result);
}

int zsip_cli_load(int argc, char **argv)
{
    struct arguments arguments;
    struct load *load;
    FILE *json = NULL, *out = stdout;
    char error[512] = "";
    sigset_t signals;
    int status = parse(argc, argv, &arguments);

    if (status >= 0)
        return status;
    if (arguments.json != NULL) {
        json = cli_json_open(arguments.json);
        if (json == NULL)
            return CLI_EXIT_USAGE;
        out = json == stdout ? stderr : stdout;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    switch (load_create(&arguments.config, &load, error, sizeof error)) {
    case ZSIP_OK:
        break;
    case ZSIP_ERROR_ARGUMENT:
    case ZSIP_ERROR_SIZE:
        cli_error("%s", error);
        return CLI_EXIT_USAGE;
    default:
        cli_error("%s", error);
        return CLI_EXIT_UNREACHED;
    }
    begin_line(out, &arguments.config);
    if (load_start(load) == ZSIP_OK) {
        watch(load, arguments.quiet ? NULL : out, &signals);
        status = finish(load, &arguments, out, json);
    } else {
        cli_error("can't start a thread; give fewer --workers");
        status = CLI_EXIT_UNREACHED;
    }
    load_destroy(load);
    return status;
}
