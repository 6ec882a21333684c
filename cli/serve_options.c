/* zsip serve: its options. */
#include "serve.h"
#include "service.h"

#include <getopt.h>
#include <string.h>

enum {
    OPTION_LISTEN = 1,
    OPTION_ADVERTISE,
    OPTION_STATUS,
    OPTION_DELAY,
    OPTION_DROP,
    OPTION_HELD_MAX,
    OPTION_COMPLETED_MAX,
    OPTION_METHODS,
    OPTION_ACCEPT,
    OPTION_MERGED,
    OPTION_IN_DIALOG,
    OPTION_STEER,
    OPTION_MAX_AGE,
    OPTION_AGED,
    OPTION_WORK_US,
    OPTION_PRINT,
    OPTION_STATS,
    OPTION_JSON,
    OPTION_COUNT,
    OPTION_QUIET,
};

static const struct cli_option options[] = {
    {NULL, 0, NULL, "Where"},
    {"listen", OPTION_LISTEN, "udp|tcp:ADDR:PORT",
     "listen there (udp:0.0.0.0:5060 and tcp:0.0.0.0:5060); as often\n"
     "as you like; IPv6 in brackets; port 0 takes a free one, which\n"
     "is printed"},
    {"advertise", OPTION_ADVERTISE, "HOST[:PORT]",
     "what we call ourselves in Via of requests of our own"},
    {NULL, 0, NULL, "Answers"},
    {"status", OPTION_STATUS, "CODE[:WEIGHT],...",
     "what a MESSAGE gets (200), or one of several, such as\n"
     "200:95,503:5"},
    {"delay", OPTION_DELAY, "MS|A-B|exp:MS",
     "answer after MS milliseconds (0), at most 30000; after any time\n"
     "from A to B; or after MS on average, exponentially distributed"},
    {"drop", OPTION_DROP, "P%", "don't see P % of new requests, nor answer them"},
    {"held-max", OPTION_HELD_MAX, "N",
     "with --delay: N requests wait at a time in each worker\n"
     "(16384); more get 503"},
    {"methods", OPTION_METHODS, "LIST",
     "methods answered (MESSAGE,OPTIONS), such as MESSAGE,REGISTER;\n"
     "any: all but INVITE and ACK"},
    {"accept", OPTION_ACCEPT, "LIST", "body types taken (all), such as text/plain,message/cpim"},
    {"merged", OPTION_MERGED, "482|accept",
     "a request that came by a second way (482, RFC 3261 section\n"
     "8.2.2.2)"},
    {"in-dialog", OPTION_IN_DIALOG, "481|accept", "a request with a To tag (481: no such dialog)"},
    CLI_MACHINE_T1_OPTION("RFC 3261's T1 in milliseconds (500): answers are kept 64*T1\n"
                          "for retransmissions"),
    {"completed-max", OPTION_COMPLETED_MAX, "N",
     "answered requests each worker remembers for 64*T1 (40M, what\n"
     "1.2 million a second fill); more get 503"},
    {NULL, 0, NULL, "Scenario"},
    CLI_SCENARIO_OPTIONS,
    {"count", OPTION_COUNT, "N", "end when N calls of the scenario are over"},
    {NULL, 0, NULL, "Machine"},
    CLI_MACHINE_OPTIONS("threads that share each address (1)"),
    {"steer", OPTION_STEER, "message|peer",
     "which of several workers serves a request: the owner of its\n"
     "Call-ID, CSeq and From tag (message), or whoever the kernel\n"
     "gives it to (peer: copies from another address go unnoticed)"},
    {NULL, 0, NULL, "Connections"},
    CLI_TCP_OPTIONS,
    {NULL, 0, NULL, "Overload"},
    {"max-age", OPTION_MAX_AGE, "MS",
     "don't begin requests that waited longer before they were read\n"
     "(200; 0: begin them however old)"},
    {"aged", OPTION_AGED, "drop|503",
     "what becomes of those (drop: silently, and so their copies\n"
     "as long as there is a queue)"},
    {"work-us", OPTION_WORK_US, "N",
     "burn N microseconds of CPU for each new request (0), to make an\n"
     "overload"},
    {NULL, 0, NULL, "Output"},
    {"print", OPTION_PRINT, NULL, "show each message as it arrives"},
    {"stats", OPTION_STATS, "SECONDS", "a line every so often (on a terminal a live one a second)"},
    {"quiet", OPTION_QUIET, NULL, "no live view"},
    CLI_OUTSIDE_OPTIONS,
    {"json", OPTION_JSON, "FILE", "write the summary as JSON too; - is standard output"},
    {0},
};

static const struct cli_command command = {
    .name = "serve",
    .usage = "serve [OPTIONS]",
    .about =
        "Answers SIP requests: MESSAGE with --status, other methods with 200. Ctrl-C (SIGINT)\n"
        "ends it with a summary; SIGTERM answers what is held first, new requests with 503.",
    .details =
        "Under systemd: sockets that a socket unit hands over are served (and no others, unless\n"
        "--listen names some), and a unit of Type=notify hears when it is ready.\n\n"
        "Exit status: 0 ended by a signal; 1 it could not begin, or broke; 64 usage.\n\n"
        "  zsip serve --listen udp:127.0.0.1:5060 --listen tcp:127.0.0.1:5060 --print\n"
        "  zsip serve --listen udp:0.0.0.0:5060 --listen udp:[::]:5060 --workers 4 "
        "--pin auto\n"
        "  zsip serve --status 503 --delay 50 --stats 10 --json run.json\n",
    .options = options,
};

/* ---- Lists and choices ----------------------------------------------------------------------- */

/* RFC 3261 section 25.1 token. */
static bool is_token(const char *text, size_t length)
{
    static const char marks[] = "-.!%*_+`'~";

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) &&
            strchr(marks, c) == NULL)
            return false;
    }
    return length > 0;
}

/* "MESSAGE,REGISTER" becomes the value of Allow. INVITE needs transactions of another kind. */
static bool methods_set(const char *text, struct serve_config *config)
{
    size_t used = 0;

    config->methods[0] = '\0';
    config->methods_any = strcmp(text, "any") == 0;
    if (config->methods_any)
        return true;
    for (const char *at = text; at != NULL;) {
        size_t length;

        at += strspn(at, " ");
        length = strcspn(at, ", ");
        if (!is_token(at, length) || used + length + 3 > sizeof config->methods) {
            cli_error("--methods %s: not a list of methods; give any, or some such as "
                      "MESSAGE,OPTIONS,REGISTER",
                      text);
            return false;
        }
        if (strncmp(at, "INVITE", length) == 0 && length == 6) {
            cli_error("--methods %s: INVITE is not served here (no sessions, only messages); "
                      "leave it out",
                      text);
            return false;
        }
        used += (size_t)snprintf(config->methods + used, sizeof config->methods - used, "%s%.*s",
                                 used == 0 ? "" : ", ", (int)length, at);
        at += length + strspn(at + length, " ");
        if (*at != '\0' && *at != ',') {
            cli_error("--methods %s: put commas between methods", text);
            return false;
        }
        at = *at == ',' ? at + 1 : NULL;
    }
    return true;
}

static bool choice(const char *what, const char *text, const char *code, int *accepts)
{
    *accepts = strcmp(text, "accept") == 0;
    if (*accepts || strcmp(text, code) == 0)
        return true;
    cli_error("%s %s: give %s or accept", what, text, code);
    return false;
}

static bool steer_set(const char *text, struct serve_config *config)
{
    bool peer = strcmp(text, "peer") == 0;

    config->steering = peer ? ZSIP_STEER_PEER : ZSIP_STEER_MESSAGE;
    if (peer || strcmp(text, "message") == 0)
        return true;
    cli_error("--steer %s: give message or peer", text);
    return false;
}

static bool aged_set(const char *text, struct serve_config *config)
{
    config->aged_refused = strcmp(text, "503") == 0;
    if (config->aged_refused || strcmp(text, "drop") == 0)
        return true;
    cli_error("--aged %s: give drop or 503", text);
    return false;
}

static bool listen_add(const char *text, struct serve_config *config)
{
    if (config->listen_count == SERVE_LISTEN_MAX) {
        cli_error("--listen %s: one too many; %u addresses are the most", text, SERVE_LISTEN_MAX);
        return false;
    }
    return cli_value_place_any("--listen", text, true, &config->listen[config->listen_count++],
                               NULL);
}

/* HOST[:PORT] as it may stand in a Via: what a sip URI's host may be. */
static bool advertise_set(const char *text, struct serve_config *config)
{
    char uri[300];
    struct zsip_uri parsed;
    int length = snprintf(uri, sizeof uri, "sip:%s", text);

    if (length >= 270 || strpbrk(text, "@;?<>, ") != NULL ||
        zsip_uri_parse((const uint8_t *)uri, (struct zsip_slice){0, (uint16_t)length}, &parsed,
                       NULL) != ZSIP_OK) {
        cli_error("--advertise %s: not a host; give HOST or HOST:PORT", text);
        return false;
    }
    config->advertise = text;
    return true;
}

/* ---- Parsing --------------------------------------------------------------------------------- */

static bool option_overload(int id, const char *value, struct serve_config *config)
{
    uint64_t number;

    switch (id) {
    case OPTION_MAX_AGE:
        if (!cli_value_number("--max-age", value, 0, 32000, &number))
            return false;
        config->age_max_ns = number * ZSIP_NS_PER_MS;
        return true;
    case OPTION_AGED:
        return aged_set(value, config);
    default:
        ZSIP_ASSERT(id == OPTION_WORK_US);
        if (!cli_value_number("--work-us", value, 0, 1000000, &number))
            return false;
        config->work_ns = number * ZSIP_NS_PER_US;
        return true;
    }
}

static bool option_output(int id, const char *value, struct serve_config *config)
{
    switch (id) {
    case OPTION_PRINT:
        config->print = true;
        return true;
    case OPTION_STATS:
        return cli_value_number("--stats", value, 1, 86400, &config->stats_s);
    case OPTION_JSON:
        config->json = value;
        return true;
    case OPTION_QUIET:
        config->quiet = true;
        return true;
    case OPTION_COUNT:
        return cli_value_number("--count", value, 1, UINT64_C(1) << 48, &config->count);
    default:
        return cli_scenario_knows(id) ? cli_scenario_option(id, value, &config->scenario)
                                      : option_overload(id, value, config);
    }
}

static bool option(int id, const char *value, struct serve_config *config)
{
    int accepts;

    switch (id) {
    case OPTION_LISTEN:
        return listen_add(value, config);
    case OPTION_ADVERTISE:
        return advertise_set(value, config);
    case OPTION_STATUS:
        return shape_status_set(value, &config->shape);
    case OPTION_DELAY:
        return shape_delay_set(value, &config->shape);
    case OPTION_DROP:
        return shape_drop_set(value, &config->shape);
    case OPTION_HELD_MAX:
        return cli_value_narrow("--held-max", value, 1, 1000000, &config->held_max);
    case OPTION_COMPLETED_MAX:
        return cli_value_narrow("--completed-max", value, 1, 1000000000, &config->completed_max);
    case OPTION_METHODS:
        return methods_set(value, config);
    case OPTION_ACCEPT:
        config->accept = value;
        return true;
    case OPTION_MERGED:
        if (!choice("--merged", value, "482", &accepts))
            return false;
        config->merged = accepts ? ZSIP_MERGED_ACCEPT : ZSIP_MERGED_482;
        return true;
    case OPTION_IN_DIALOG:
        if (!choice("--in-dialog", value, "481", &accepts))
            return false;
        config->in_dialog = accepts ? ZSIP_IN_DIALOG_ACCEPT : ZSIP_IN_DIALOG_481;
        return true;
    case OPTION_STEER:
        return steer_set(value, config);
    default:
        if (cli_outside_knows(id))
            return cli_outside_option(id, value, &config->watch);
        if (cli_machine_knows(id))
            return cli_machine_option(id, value, &config->machine);
        if (cli_tcp_knows(id))
            return cli_tcp_option(id, value, &config->streams);
        return option_output(id, value, config);
    }
}

static bool scenario_complete(struct serve_config *config)
{
    if (config->count > 0 && config->scenario.path == NULL) {
        cli_error("--count: of calls of a scenario; give --sf");
        return false;
    }
    if (!cli_scenario_open(&config->scenario))
        return false;
    if (config->scenario.path != NULL && !config->scenario.scenario->server) {
        cli_error("%s begins with a request that is sent: give it to zsip load --sf",
                  config->scenario.path);
        return false;
    }
    return true;
}

int serve_options(int argc, char **argv, struct serve_config *config)
{
    struct zsip_worker_config defaults;
    const char *value;
    int id;

    zsip_worker_config_init(&defaults);
    config->streams = defaults.streams;
    while ((id = cli_option_next(&command, argc, argv, &value)) != CLI_OPTION_END) {
        if (id == CLI_OPTION_HELP)
            return CLI_EXIT_OK;
        if (id == CLI_OPTION_BAD || !option(id, value, config))
            return CLI_EXIT_USAGE;
    }
    if (optind < argc) {
        cli_error("%s: no argument is wanted here; addresses go with --listen", argv[optind]);
        return CLI_EXIT_USAGE;
    }
    if (!service_sockets(&config->adopt_first, &config->adopt_count))
        return CLI_EXIT_USAGE;
    if (config->adopt_count > SERVE_LISTEN_MAX) {
        cli_error("LISTEN_FDS: %u sockets were handed over; %u are the most", config->adopt_count,
                  SERVE_LISTEN_MAX);
        return CLI_EXIT_USAGE;
    }
    if (config->listen_count == 0 && config->adopt_count == 0)
        /* Who listens for one listens for the other (RFC 3261 section 18.2.1). */
        listen_add("udp:0.0.0.0:5060", config), listen_add("tcp:0.0.0.0:5060", config);
    if (config->shape.delay_max_ns >= 64 * config->machine.t1_ns) {
        cli_error("--delay: not less than 64*T1, after which a request may not be answered "
                  "(RFC 4320 section 4.2); give less, or a longer --t1");
        return CLI_EXIT_USAGE;
    }
    return scenario_complete(config) ? -1 : CLI_EXIT_USAGE;
}
