/* zsip send: one MESSAGE, and what became of it in one line. */
#include "bench/load/format.h"
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    OPTION_FROM = 1,
    OPTION_CONTENT_TYPE,
    OPTION_EXPIRES,
    OPTION_HEADER,
    OPTION_BODY_FILE,
    OPTION_VOUCH,
    OPTION_PROXY,
    OPTION_TIMEOUT,
    OPTION_WITHOUT,
    OPTION_VERBOSE,
};

static const struct cli_option options[] = {
    {NULL, 0, NULL, "The message"},
    {"from", OPTION_FROM, "URI", "who sends (sip:USER@our address)"},
    {"content-type", OPTION_CONTENT_TYPE, "TYPE", "type of the body (text/plain)"},
    {"expires", OPTION_EXPIRES, "SECONDS", "how long the content is valid; Date is added"},
    {"header", OPTION_HEADER, "'NAME: VALUE'", "another header field; as often as you like"},
    {"body-file", OPTION_BODY_FILE, "FILE", "the body is what FILE holds; - is standard input"},
    {"vouch", OPTION_VOUCH, NULL,
     "no hop is congestion-unsafe: a request over 1300 bytes may go\n"
     "(RFC 3428 section 8)"},
    {NULL, 0, NULL, "The way"},
    {"proxy", OPTION_PROXY, "udp|tcp:ADDR:PORT", "next hop, as a preloaded loose Route"},
    {"timeout", OPTION_TIMEOUT, "SECONDS", "wait this long for an answer (32, which is 64*T1)"},
    {"without", OPTION_WITHOUT, "LIST",
     "do without kernel features: gro, gso, incremental, bundles,\n"
     "defer, multishot"},
    {NULL, 0, NULL, "Output"},
    {"verbose", OPTION_VERBOSE, NULL, "show both messages as they are on the wire"},
    {0},
};

static const struct cli_command command = {
    .name = "send",
    .usage = "send [OPTIONS] URI [TEXT]",
    .about =
        "Sends one MESSAGE (RFC 3428) to URI, or to udp|tcp:HOST:PORT, and prints what became\n"
        "of it. The body is TEXT, or --body-file, or else standard input.",
    .details = "Exit status: 0 answered 2xx; 1 another final answer; 2 timeout, or it could not\n"
               "be sent; 64 usage.\n\n"
               "  zsip send sip:bob@127.0.0.1:5060 \"Watson, come here.\"\n"
               "  date | zsip send --from sip:clock@example.com sip:bob@[::1]:5060\n"
               "  zsip send \"sip:bob@127.0.0.1:5060;transport=tcp\" Hello\n"
               "  zsip send tcp:127.0.0.1:5060 Hello\n"
               "  zsip send --proxy udp:192.0.2.1:5060 --verbose sip:bob@example.com Hello\n",
    .options = options,
};

#define HEADERS_BYTES_MAX 8192u
#define BODY_BYTES_MAX    65535u

struct sending {
    const char *target;
    const char *from;
    const char *content_type;
    const char *body_file;
    char headers[HEADERS_BYTES_MAX];
    size_t headers_bytes;
    uint8_t body[BODY_BYTES_MAX + 1];
    size_t body_bytes;
    int64_t expires_s;
    uint64_t timeout_ns;
    unsigned without;
    bool vouched;
    bool verbose;
    struct cli_place proxy; /* text empty: none */

    struct zsip_address remote;
    enum zsip_transport transport;
    char from_default[256];
    char place[300];
    char route[400];
    uint64_t client;
    uint64_t sent_ns;
    bool attempted;
    enum zsip_status refused; /* of zsip_endpoint_send() */
    bool ended;
    int status; /* the program's */
};

static struct zsip_view view_of(const char *text)
{
    return text == NULL ? (struct zsip_view){NULL, 0}
                        : (struct zsip_view){(const uint8_t *)text, strlen(text)};
}

/* ---- Options --------------------------------------------------------------------------------- */

static bool header_add(const char *text, struct sending *out)
{
    size_t length = strlen(text);

    if (strchr(text, ':') == NULL || strchr(text, ':') == text || strpbrk(text, "\r\n") != NULL) {
        cli_error("--header %s: not a header field; give 'NAME: VALUE' in one line", text);
        return false;
    }
    if (out->headers_bytes + length + 2 > sizeof out->headers) {
        cli_error("--header %.20s: over %u bytes of header fields", text, HEADERS_BYTES_MAX);
        return false;
    }
    memcpy(out->headers + out->headers_bytes, text, length);
    memcpy(out->headers + out->headers_bytes + length, "\r\n", 2);
    out->headers_bytes += length + 2;
    return true;
}

static bool option(int id, const char *value, struct sending *out)
{
    uint64_t number;

    switch (id) {
    case OPTION_FROM:
        out->from = value;
        return true;
    case OPTION_CONTENT_TYPE:
        out->content_type = value;
        return true;
    case OPTION_EXPIRES:
        if (!cli_value_number("--expires", value, 0, UINT32_MAX, &number))
            return false;
        out->expires_s = (int64_t)number;
        return true;
    case OPTION_HEADER:
        return header_add(value, out);
    case OPTION_BODY_FILE:
        out->body_file = value;
        return true;
    case OPTION_VOUCH:
        out->vouched = true;
        return true;
    case OPTION_PROXY:
        return cli_value_place_any("--proxy", value, false, &out->proxy, NULL);
    case OPTION_TIMEOUT:
        return cli_value_duration("--timeout", value, ZSIP_NS_PER_MS, 3600 * ZSIP_NS_PER_S,
                                  &out->timeout_ns);
    case OPTION_WITHOUT:
        return cli_value_without("--without", value, &out->without);
    default:
        ZSIP_ASSERT(id == OPTION_VERBOSE);
        out->verbose = true;
        return true;
    }
}

/* Reads the body whole. What is longer than a datagram can't be sent anyway. */
static bool body_read(const char *path, struct sending *out)
{
    bool standard = path == NULL || strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    bool good;

    if (file == NULL) {
        cli_error("--body-file %s: can't read: %s; give a file that is there", path,
                  strerror(errno));
        return false;
    }
    if (standard && isatty(STDIN_FILENO))
        fputs("zsip send: reading the text from standard input; end it with Ctrl-D\n", stderr);
    out->body_bytes = fread(out->body, 1, sizeof out->body, file);
    good = ferror(file) == 0;
    if (!good)
        cli_error("%s: can't read: %s", standard ? "standard input" : path, strerror(errno));
    if (!standard)
        fclose(file);
    if (out->body_bytes > BODY_BYTES_MAX) {
        cli_error("%s: over %u bytes, more than a datagram holds",
                  standard ? "standard input" : path, BODY_BYTES_MAX);
        return false;
    }
    return good;
}

static bool body_set(const char *text, struct sending *out)
{
    if (text == NULL)
        return body_read(out->body_file, out);
    if (out->body_file != NULL) {
        cli_error("--body-file %s: and a text; give one of them", out->body_file);
        return false;
    }
    out->body_bytes = strlen(text);
    if (out->body_bytes > BODY_BYTES_MAX) {
        cli_error("the text has over %u bytes, more than a datagram holds", BODY_BYTES_MAX);
        return false;
    }
    memcpy(out->body, text, out->body_bytes);
    return true;
}

/* ---- Where to -------------------------------------------------------------------------------- */

/* RFC 3261 section 16.6 step 7 and RFC 3263 section 4, as far as there is no DNS yet: maddr or
 * host, the port or 5060; TCP where the URI says so, else UDP. */
static int target_resolve(const struct zsip_uri *uri, struct sending *out)
{
    const uint8_t *base = (const uint8_t *)out->target;
    struct zsip_slice host = uri->host, transport;
    char name[256];
    int error;

    if (zsip_param_find(base, uri->params, "transport", &transport)) {
        const char *name_at = out->target + transport.offset;

        if (transport.length != 3 ||
            (strncasecmp(name_at, "udp", 3) != 0 && strncasecmp(name_at, "tcp", 3) != 0)) {
            cli_error("%s: only transport=udp and transport=tcp are there yet", out->target);
            return CLI_EXIT_USAGE;
        }
        if (strncasecmp(name_at, "tcp", 3) == 0)
            out->transport = ZSIP_TRANSPORT_TCP;
    }
    zsip_param_find(base, uri->params, "maddr", &host);
    snprintf(name, sizeof name, "%.*s", (int)host.length, out->target + host.offset);
    if (name[0] == '[') /* maddr keeps the brackets, the host has none */
        snprintf(name, sizeof name, "%.*s", (int)host.length - 2, out->target + host.offset + 1);
    error = cli_resolve(name, uri->port == 0 ? CLI_PORT_DEFAULT : uri->port, &out->remote);
    if (error != 0) {
        cli_error("%s: can't resolve %s: %s; check the name, or give a numeric address",
                  out->target, name, gai_strerror(error));
        return CLI_EXIT_UNREACHED;
    }
    return -1;
}

/* The target as it is given: a URI, or a place as zsip load has it, whose URI names no user. */
static void target_take(const char *text, struct sending *out)
{
    bool tcp = strncmp(text, "tcp:", 4) == 0;

    out->target = text;
    if ((!tcp && strncmp(text, "udp:", 4) != 0) || strlen(text) > sizeof out->place - 32)
        return;
    snprintf(out->place, sizeof out->place, "sip:%s%s", text + 4, tcp ? ";transport=tcp" : "");
    out->target = out->place;
}

/* Returns an exit status, or -1 to go on. */
static int target_set(struct sending *out)
{
    struct zsip_fault fault = {0};
    struct zsip_uri uri;
    size_t length = strlen(out->target);

    if (length > 4096 ||
        zsip_uri_parse((const uint8_t *)out->target, (struct zsip_slice){0, (uint16_t)length}, &uri,
                       &fault) != ZSIP_OK) {
        cli_error("%s: not a URI (%s at character %u); give one such as sip:bob@127.0.0.1:5060",
                  out->target, fault.rule == NULL ? "too long" : fault.rule, fault.offset + 1);
        return CLI_EXIT_USAGE;
    }
    if (out->proxy.text[0] != '\0') {
        out->remote = out->proxy.address;
        if (out->proxy.transport == ZSIP_TRANSPORT_TCP)
            out->transport = ZSIP_TRANSPORT_TCP;
        snprintf(out->route, sizeof out->route, "<sip:%s%s;lr>", out->proxy.text,
                 out->transport == ZSIP_TRANSPORT_TCP ? ";transport=tcp" : "");
        return -1;
    }
    if (uri.scheme == ZSIP_SCHEME_SIPS) {
        cli_error("%s: sips needs TLS, which is not there yet; give a sip: URI", out->target);
        return CLI_EXIT_USAGE;
    }
    if (uri.scheme != ZSIP_SCHEME_SIP) {
        cli_error("%s: a URI of this scheme says no next hop; give --proxy udp:ADDR:PORT",
                  out->target);
        return CLI_EXIT_USAGE;
    }
    return target_resolve(&uri, out);
}

/* Returns an exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct sending *out)
{
    const char *value;
    int id;

    while ((id = cli_option_next(&command, argc, argv, &value)) != CLI_OPTION_END) {
        if (id == CLI_OPTION_HELP)
            return CLI_EXIT_OK;
        if (id == CLI_OPTION_BAD || !option(id, value, out))
            return CLI_EXIT_USAGE;
    }
    if (argc == optind || argc - optind > 2) {
        cli_error(argc == optind ? "no target; give a URI, or see zsip send --help"
                                 : "%s: one URI and one text are enough; put the text in quotes",
                  argv[argc - 1]);
        return CLI_EXIT_USAGE;
    }
    target_take(argv[optind], out);
    id = target_set(out);
    if (id >= 0)
        return id;
    return body_set(argc - optind == 2 ? argv[optind + 1] : NULL, out) ? -1 : CLI_EXIT_USAGE;
}

/* ---- What is seen on the wire ---------------------------------------------------------------- */

static void show(const char *head, enum zsip_transport transport,
                 const struct zsip_address *address, const uint8_t *data, size_t bytes)
{
    char text[ZSIP_ADDRESS_TEXT_BYTES];

    printf("---- %s %s:%s, %zu bytes\n", head, cli_transport_name(transport),
           zsip_address_text(address, text), bytes);
    cli_put_view(stdout, (struct zsip_view){data, bytes}, "\n");
    if (bytes > 0 && data[bytes - 1] != '\n')
        putchar('\n');
}

/* Our request is the last one written; it has not left yet. */
static void show_request(struct sending *self, struct zsip_endpoint *endpoint)
{
    size_t count;
    const struct zsip_output *outputs = zsip_endpoint_output(endpoint, &count);

    if (count > 0)
        show("to", (enum zsip_transport)outputs[count - 1].path->transport, &self->remote,
             outputs[count - 1].data, outputs[count - 1].bytes);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static uint64_t on_turn(void *user, struct zsip_worker *worker, struct zsip_time now)
{
    struct sending *self = user;
    struct zsip_send send;

    if (self->attempted)
        return ZSIP_NEVER_NS;
    self->attempted = true;
    zsip_send_init(&send);
    send.target = view_of(self->target);
    send.from = view_of(self->from == NULL ? self->from_default : self->from);
    send.route = view_of(self->route[0] == '\0' ? NULL : self->route);
    send.headers = (struct zsip_view){(const uint8_t *)self->headers, self->headers_bytes};
    send.content_type = view_of(self->content_type);
    send.body = (struct zsip_view){self->body, self->body_bytes};
    send.expires_s = self->expires_s;
    send.flags = self->vouched ? ZSIP_SEND_VOUCHED : 0;
    send.path.transport = (uint8_t)self->transport;
    if (self->transport == ZSIP_TRANSPORT_TCP)
        send.path.flags = ZSIP_PATH_RELIABLE;
    send.path.remote = self->remote;
    self->sent_ns = now.monotonic_ns;
    self->refused = zsip_endpoint_send(zsip_worker_endpoint(worker), &send, now, &self->client);
    if (self->refused == ZSIP_OK && self->verbose)
        show_request(self, zsip_worker_endpoint(worker));
    return ZSIP_NEVER_NS;
}

static void tell_answer(const struct sending *self, const struct zsip_outcome *outcome)
{
    struct zsip_view reason = zsip_msg_view(outcome->msg, outcome->msg->reason);
    char remote[ZSIP_ADDRESS_TEXT_BYTES];
    uint64_t us = (outcome->now.monotonic_ns - self->sent_ns) / ZSIP_NS_PER_US;

    printf("%u ", outcome->code);
    cli_put_view(stdout, reason, NULL);
    /* RFC 3428 section 7: 202 promises nothing about the recipient. */
    printf("%s from %s:%s after %s%s", outcome->code == 202 ? " (for later delivery)" : "",
           cli_transport_name((enum zsip_transport)outcome->path->transport),
           zsip_address_text(&outcome->path->remote, remote), load_format_us(us).text,
           outcome->sends > 1 ? "" : "\n");
    if (outcome->sends > 1)
        printf(", sent %u times\n", outcome->sends);
}

static void on_outcome(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_outcome *outcome)
{
    struct sending *self = user;
    char remote[ZSIP_ADDRESS_TEXT_BYTES];

    (void)endpoint;
    if (self->verbose && outcome->msg != NULL)
        show("from", (enum zsip_transport)outcome->path->transport, &outcome->path->remote,
             outcome->msg->data, (size_t)outcome->msg->body_offset + outcome->msg->body_bytes);
    if (!outcome->final)
        return;
    self->ended = true;
    zsip_address_text(&self->remote, remote);
    if (outcome->status == ZSIP_OK) {
        tell_answer(self, outcome);
        self->status = outcome->code / 100 == 2 ? CLI_EXIT_OK : CLI_EXIT_FAILED;
    } else if (outcome->status == ZSIP_ERROR_TIMEOUT) {
        cli_error("%s:%s: no answer in 64*T1, sent %u times; is a SIP element listening there?",
                  cli_transport_name(self->transport), remote, outcome->sends);
        self->status = CLI_EXIT_UNREACHED;
    } else {
        cli_error("%s:%s: can't be reached; nobody listens there, or there is no way: check "
                  "address and port",
                  cli_transport_name(self->transport), remote);
        self->status = CLI_EXIT_UNREACHED;
    }
}

/* The request was not one that may be sent. */
static int tell_refused(const struct sending *self)
{
    switch (self->refused) {
    case ZSIP_ERROR_SIZE:
        cli_error("the request would be over the %u bytes of RFC 3428 section 8; make the text "
                  "shorter, or say --vouch if no hop is congestion-unsafe",
                  ZSIP_MESSAGE_BYTES_MAX);
        break;
    case ZSIP_ERROR_TOO_LARGE:
        cli_error("the request would not fit into a datagram; make the text shorter");
        break;
    case ZSIP_ERROR_ARGUMENT:
        cli_error("--from, --content-type or --header: not legal there (no Contact in a MESSAGE, "
                  "none of the fields that zsip writes itself); --from wants a URI without tag");
        break;
    default:
        cli_error("can't send: %s", zsip_status_text(self->refused));
        return CLI_EXIT_UNREACHED;
    }
    return CLI_EXIT_USAGE;
}

/* ---- Set-up ---------------------------------------------------------------------------------- */

/* From: who is logged in, if that name can stand in a URI. */
static void from_default_set(struct sending *self, const char *host_port)
{
    const char *user = getenv("USER");
    size_t host = strcspn(host_port, host_port[0] == '[' ? "]" : ":") + (host_port[0] == '[');

    if (user == NULL || user[0] == '\0' || strlen(user) > 64)
        user = "zsip";
    for (const char *at = user; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("-_.", *at) == NULL) {
            user = "zsip";
            break;
        }
    }
    snprintf(self->from_default, sizeof self->from_default, "sip:%s@%.*s", user, (int)host,
             host_port);
}

static enum zsip_status worker_make(struct sending *self, struct zsip_worker **worker, char *error,
                                    size_t error_bytes)
{
    struct zsip_worker_config config;
    struct zsip_address local;
    char text[ZSIP_ADDRESS_TEXT_BYTES];
    enum zsip_status status = zsip_address_source(&self->remote, &local);

    if (status != ZSIP_OK) {
        snprintf(error, error_bytes,
                 "%s:%s: no way there from this machine; check the address "
                 "and the routes",
                 cli_transport_name(self->transport), zsip_address_text(&self->remote, text));
        return status;
    }
    zsip_worker_config_init(&config);
    config.log = cli_log;
    config.without = self->without;
    config.socket_buffer_bytes = 1 << 17; /* one message at a time */
    config.turn = on_turn;
    config.endpoint.user = self;
    config.endpoint.callbacks.outcome = on_outcome;
    config.endpoint.completed_max = 1024;
    config.endpoint.pending_max = 16;
    config.endpoint.clients_max = 16;
    config.endpoint.log_bytes_max = 1 << 20;
    status = zsip_worker_create(&config, worker, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    local.port = 0;
    /* Over TCP answers may come by a connection of the peer's, to the port that Via names (RFC 3261
     * section 18.1.1). */
    status = zsip_worker_listen(*worker, self->transport, &local, 0, &local, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    zsip_address_text(&local, text);
    from_default_set(self, text);
    return zsip_endpoint_sent_by(zsip_worker_endpoint(*worker), view_of(text));
}

static int run(struct sending *self, struct zsip_worker *worker)
{
    uint64_t end_ns = zsip_time_now().monotonic_ns + self->timeout_ns;
    char remote[ZSIP_ADDRESS_TEXT_BYTES];

    while (!self->ended && self->refused == ZSIP_OK) {
        uint64_t now_ns = zsip_time_now().monotonic_ns;

        if (now_ns >= end_ns) {
            cli_error("%s:%s: no answer in %g s; is a SIP element listening there?",
                      cli_transport_name(self->transport), zsip_address_text(&self->remote, remote),
                      (double)self->timeout_ns / 1e9);
            return CLI_EXIT_UNREACHED;
        }
        if (zsip_worker_turn(worker, self->attempted ? end_ns - now_ns : 0) < 0)
            return CLI_EXIT_UNREACHED;
    }
    return self->refused == ZSIP_OK ? self->status : tell_refused(self);
}

int zsip_cli_send(int argc, char **argv)
{
    static struct sending self; /* its body is too large for a stack */
    struct zsip_worker *worker = NULL;
    char error[512] = "";
    int status;

    /* A bit longer than Timer F, which says more. */
    self.timeout_ns = 33 * ZSIP_NS_PER_S;
    self.expires_s = -1;
    self.transport = ZSIP_TRANSPORT_UDP;
    status = parse(argc, argv, &self);
    if (status >= 0)
        return status;
    if (worker_make(&self, &worker, error, sizeof error) != ZSIP_OK) {
        cli_error("%s", error);
        status = CLI_EXIT_UNREACHED;
    } else {
        status = run(&self, worker);
    }
    if (worker != NULL)
        zsip_worker_destroy(worker);
    return status;
}
