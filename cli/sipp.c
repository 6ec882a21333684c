/* SIPp's options. docs/from-sipp.md has the same table for people; a test holds them together. */
#include "sipp.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum becomes {
    SAME,    /* an option of ours with the same value */
    MILLI,   /* a time, milliseconds where nothing stands behind the number */
    SECONDS, /* a time, seconds where nothing stands behind it */
    PAIR,    /* two values: NAME=VALUE of ours */
    FLAG,    /* an option without a value */
    MODE,    /* -t */
    RATE,    /* -r, together with -rp */
    PERIOD,  /* -rp */
    NOTHING, /* accepted; text says what stands for it */
    REFUSED, /* text says what to do */
};

struct row {
    const char *name;
    uint8_t values; /* how many SIPp has behind it */
    uint8_t becomes;
    const char *text; /* our option, or what is said */
};

#define MEDIA   "zsip has no media"
#define TRACE   "see --pcap and the summary"
#define NOTIMER "timers here are exact"

static const struct row rows[] = {
    {"sf", 1, SAME, "--sf"},
    {"inf", 1, SAME, "--inf"},
    {"s", 1, SAME, "--service"},
    {"au", 1, SAME, "--auth-user"},
    {"ap", 1, SAME, "--auth-password"},
    {"m", 1, SAME, "--count"},
    {"l", 1, SAME, "--max-pending"},
    {"users", 1, SAME, "--window"},
    {"base_cseq", 1, SAME, "--base-cseq"},
    {"log_file", 1, SAME, "--scenario-log"},
    {"stf", 1, SAME, "--csv"},
    {"buff_size", 1, SAME, "--rcvbuf"},
    {"r", 1, RATE, "--rate"},
    {"rp", 1, PERIOD, ""},
    {"d", 1, MILLI, "--pause"},
    {"recv_timeout", 1, MILLI, "--recv-timeout"},
    {"timeout", 1, SECONDS, "--duration"},
    {"key", 2, PAIR, "--key"},
    {"set", 2, PAIR, "--set"},
    {"nr", 0, FLAG, "--no-retransmit"},
    {"aa", 0, FLAG, "--answer-others"},
    {"pause_msg_ign", 0, FLAG, "--pause-ignores"},
    {"t", 1, MODE, ""},
    /* Accepted. */
    {"nostdin", 0, NOTHING, "keys are read only from a terminal"},
    {"skip_rlimit", 0, NOTHING, "zsip sets no such limit"},
    {"sendbuffer_warn", 1, NOTHING, "a send never ends a run"},
    {"bind_local", 0, NOTHING, "zsip binds to the address it sends from"},
    {"timeout_error", 0, NOTHING, "the exit status says how a run ended"},
    {"f", 1, NOTHING, "there is a line a second"},
    {"fd", 1, NOTHING, "--csv has a line a second"},
    {"trace_stat", 0, NOTHING, "give --csv FILE or --json FILE"},
    {"trace_rtt", 0, NOTHING, "give --hlog FILE: every latency, in a histogram"},
    {"rtt_freq", 1, NOTHING, "--hlog has a histogram a second"},
    {"periodic_rtd", 0, NOTHING, "--csv and --hlog tell each second apart"},
    {"stat_delimiter", 1, NOTHING, "--csv has commas"},
    {"trace_logs", 0, NOTHING, "give --scenario-log FILE"},
    {"log_overwrite", 1, NOTHING, "--scenario-log begins a new file"},
    {"trace_msg", 0, NOTHING, TRACE},
    {"message_file", 1, NOTHING, TRACE},
    {"message_overwrite", 1, NOTHING, TRACE},
    {"trace_shortmsg", 0, NOTHING, TRACE},
    {"shortmessage_file", 1, NOTHING, TRACE},
    {"shortmessage_overwrite", 1, NOTHING, TRACE},
    {"trace_counts", 0, NOTHING, "the summary counts each step"},
    {"trace_err", 0, NOTHING, "the summary names the first failure and counts them all"},
    {"error_file", 1, NOTHING, "errors go to standard error"},
    {"error_overwrite", 1, NOTHING, "errors go to standard error"},
    {"trace_error_codes", 0, NOTHING, "the summary counts status codes"},
    {"trace_calldebug", 0, NOTHING, TRACE},
    {"calldebug_file", 1, NOTHING, TRACE},
    {"calldebug_overwrite", 1, NOTHING, TRACE},
    {"trace_screen", 0, NOTHING, "the summary goes to standard output"},
    {"screen_file", 1, NOTHING, "the summary goes to standard output"},
    {"screen_overwrite", 1, NOTHING, "the summary goes to standard output"},
    {"ringbuffer_files", 1, NOTHING, "no such files are written"},
    {"ringbuffer_size", 1, NOTHING, "no such files are written"},
    {"max_log_size", 1, NOTHING, "no such files are written"},
    {"deadcall_wait", 1, NOTHING, "copies that come late are absorbed for 64*T1"},
    {"callid_slash_ign", 0, NOTHING, "a Call-ID is taken as it is"},
    {"default_behaviors", 1, NOTHING, "an unexpected message fails the call, and nothing is sent"},
    {"nd", 0, NOTHING, "an unexpected message fails the call, and nothing is sent"},
    {"infindex", 2, NOTHING, "<lookup> is not known here"},
    {"send_timeout", 1, NOTHING, "a send never blocks"},
    {"rtcheck", 1, NOTHING, "copies are found by RFC 3261 section 17.2.3"},
    {"max_retrans", 1, NOTHING, "RFC 3261's timers E and F say when: see --t1"},
    {"max_invite_retrans", 1, NOTHING, "there is no INVITE here"},
    {"max_non_invite_retrans", 1, NOTHING, "RFC 3261's timers E and F say when: see --t1"},
    {"T2", 1, NOTHING, "T2 is RFC 3261's, or --t1 where that is longer"},
    {"timer_resol", 1, NOTHING, NOTIMER},
    {"max_recv_loops", 1, NOTHING, "turns are bounded"},
    {"max_sched_loops", 1, NOTHING, "turns are bounded"},
    {"watchdog_interval", 1, NOTHING, "the verdict says who was late"},
    {"watchdog_reset", 1, NOTHING, "the verdict says who was late"},
    {"watchdog_minor_threshold", 1, NOTHING, "the verdict says who was late"},
    {"watchdog_major_threshold", 1, NOTHING, "the verdict says who was late"},
    {"watchdog_major_maxtriggers", 1, NOTHING, "the verdict says who was late"},
    {"watchdog_minor_maxtriggers", 1, NOTHING, "the verdict says who was late"},
    {"no_rate_quit", 0, NOTHING, "--step goes on at its last rate"},
    {"rate_scale", 1, NOTHING, "+ is a hundredth of the rate the run began with, * a tenth"},
    {"max_socket", 1, NOTHING, "the connections are as many as are asked for"},
    {"max_reconnect", 1, NOTHING, "a connection that broke is made again for the next request"},
    {"reconnect_close", 1, NOTHING, "a connection that broke fails its requests"},
    {"reconnect_sleep", 1, NOTHING, "a connection that broke is made again at once"},
    {"ci", 1, NOTHING, "a run is watched by --prometheus, and ended by signals"},
    {"cp", 1, NOTHING, "a run is watched by --prometheus, and ended by signals"},
    {"mi", 1, NOTHING, MEDIA},
    {"mb", 1, NOTHING, MEDIA},
    {"mp", 1, NOTHING, MEDIA},
    {"rtp_echo", 0, NOTHING, MEDIA},
    {"rtp_payload", 1, NOTHING, MEDIA},
    {"rtp_threadtasks", 1, NOTHING, MEDIA},
    {"rtp_buffsize", 1, NOTHING, MEDIA},
    {"min_rtp_port", 1, NOTHING, MEDIA},
    {"max_rtp_port", 1, NOTHING, MEDIA},
    {"rtpcheck_debug", 0, NOTHING, MEDIA},
    {"srtpcheck_debug", 0, NOTHING, MEDIA},
    {"audiotolerance", 1, NOTHING, MEDIA},
    {"videotolerance", 1, NOTHING, MEDIA},
    /* Refused. */
    {"sn", 1, REFUSED, "scenarios are files here: sipp -sd NAME > FILE, then --sf FILE"},
    {"sd", 1, REFUSED, "sipp itself writes its scenarios: sipp -sd NAME"},
    {"oocsf", 1, REFUSED, "requests of no call get 481; -aa answers some with 200"},
    {"oocsn", 1, REFUSED, "requests of no call get 481; -aa answers some with 200"},
    {"i", 1, REFUSED, "give --source ADDR; for serve --listen udp:ADDR:PORT"},
    {"p", 1, REFUSED, "give --source ADDR:PORT; for serve --listen udp:ADDR:PORT"},
    {"bind_to_device", 1, REFUSED, "the route decides; give --source ADDR of that device"},
    {"rsa", 1, REFUSED, "give the next hop as the target, and its name with --key in the scenario"},
    {"v", 0, REFUSED, "zsip --version"},
    {"bg", 0, REFUSED, "give & or a systemd unit; --quiet writes no line a second"},
    {"plugin", 1, REFUSED, "zsip loads no plugins"},
    {"sleep", 1, REFUSED, "sleep N; zsip load ..."},
    {"lost", 1, REFUSED, "loss is the network's: netem, or zsip serve --drop"},
    {"tdmmap", 1, REFUSED, "[tdmmap] is not known here"},
    {"dynamicStart", 1, REFUSED, "[dynamic_id] begins with 0"},
    {"dynamicMax", 1, REFUSED, "[dynamic_id] goes on and on"},
    {"dynamicStep", 1, REFUSED, "[dynamic_id] goes up by one"},
    {"cid_str", 1, REFUSED, "a Call-ID of zsip tells its call; leave this out"},
    {"auth_uri", 1, REFUSED, "credentials are made for the Request-URI (RFC 3261 section 22.4)"},
    {"ip_field", 1, REFUSED, "give --source FIRST-LAST; a user keeps to one address"},
    {"rate_increase", 1, REFUSED, "give --step 10..100+10/10s"},
    {"rate_max", 1, REFUSED, "give --step 10..100+10/10s"},
    {"rate_interval", 1, REFUSED, "give --step 10..100+10/10s"},
    {"3pcc", 1, REFUSED, "third-party call control is not known here"},
    {"master", 1, REFUSED, "third-party call control is not known here"},
    {"slave", 1, REFUSED, "third-party call control is not known here"},
    {"slave_cfg", 1, REFUSED, "third-party call control is not known here"},
    {"multihome", 1, REFUSED, "SCTP is not known here"},
    {"heartbeat", 1, REFUSED, "SCTP is not known here"},
    {"assocmaxret", 1, REFUSED, "SCTP is not known here"},
    {"pathmaxret", 1, REFUSED, "SCTP is not known here"},
    {"pmtu", 1, REFUSED, "SCTP is not known here"},
    {"gracefulclose", 1, REFUSED, "SCTP is not known here"},
    {"tls_cert", 1, REFUSED, "TLS is not known here"},
    {"tls_key", 1, REFUSED, "TLS is not known here"},
    {"tls_ca", 1, REFUSED, "TLS is not known here"},
    {"tls_crl", 1, REFUSED, "TLS is not known here"},
    {"tls_version", 1, REFUSED, "TLS is not known here"},
};

/* ---- Translation ----------------------------------------------------------------------------- */

struct translator {
    struct cli_sipp *out;
    const char *rate;   /* of -r */
    const char *period; /* of -rp */
    const char *prefix; /* of the target */
    bool each;          /* -t tn */
};

static const struct row *row_of(const char *argument)
{
    if (argument[0] != '-' || argument[1] == '-' || argument[1] == '\0')
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, argument + 1) == 0)
            return &rows[i];
    }
    return NULL;
}

static char *own(struct translator *self, const char *text)
{
    char *copy = strdup(text);

    ZSIP_ASSERT(copy != NULL && self->out->owned_count < CLI_SIPP_ARGUMENTS_MAX);
    self->out->owned[self->out->owned_count++] = copy;
    return copy;
}

static void add(struct translator *self, const char *argument)
{
    self->out->argv[self->out->argc++] = own(self, argument);
}

static void add_pair(struct translator *self, const char *option, const char *value,
                     const char *behind)
{
    char text[1200];

    snprintf(text, sizeof text, "%s=%s%s", option, value, behind);
    add(self, text);
}

/* SIPp's times: a number with perhaps ms, s, m, h behind it, or 1:30. */
static bool add_time(struct translator *self, const char *option, const char *value,
                     const char *unit)
{
    bool bare = value[0] != '\0' && strspn(value, "0123456789.") == strlen(value);

    if (strchr(value, ':') != NULL) {
        cli_error("%s %s: give a number with ms, s, m or h", option, value);
        return false;
    }
    add_pair(self, option, value, bare ? unit : "");
    return true;
}

/* -t u1, t1, tn: over what, and over how many connections. */
static bool mode(struct translator *self, const char *value)
{
    if (strcmp(value, "u1") == 0)
        return true;
    if (strcmp(value, "t1") == 0 || strcmp(value, "tn") == 0) {
        self->prefix = "tcp:";
        self->each = value[1] == 'n';
        return true;
    }
    cli_error("-t %s: u1 (UDP), t1 (TCP, one connection) and tn (TCP, one for each call) are known "
              "here",
              value);
    return false;
}

static bool take(struct translator *self, const struct row *row, char **values)
{
    switch (row->becomes) {
    case SAME:
        add_pair(self, row->text, values[0], "");
        return true;
    case MILLI:
        return add_time(self, row->text, values[0], "ms");
    case SECONDS:
        return add_time(self, row->text, values[0], "s");
    case PAIR: {
        char text[1000];

        snprintf(text, sizeof text, "%s=%s", values[0], values[1]);
        add_pair(self, row->text, text, "");
        return true;
    }
    case FLAG:
        add(self, row->text);
        return true;
    case MODE:
        return mode(self, values[0]);
    case RATE:
        self->rate = values[0];
        return true;
    case PERIOD:
        self->period = values[0];
        return true;
    case NOTHING:
        fprintf(stderr, "-%s is SIPp's, and not needed here: %s\n", row->name, row->text);
        return true;
    default:
        cli_error("-%s is SIPp's: %s", row->name, row->text);
        return false;
    }
}

/* -r 7 -rp 2000: seven calls in two seconds. */
static bool rate_add(struct translator *self)
{
    uint64_t period_ns = ZSIP_NS_PER_S;
    char period[64], text[64], *end;
    double rate;

    if (self->rate == NULL && self->period == NULL)
        return true;
    if (self->period != NULL) {
        bool bare = strspn(self->period, "0123456789") == strlen(self->period);

        snprintf(period, sizeof period, "%.40s%s", self->period, bare ? "ms" : "");
        if (!cli_value_duration("-rp", period, ZSIP_NS_PER_MS, 86400 * ZSIP_NS_PER_S, &period_ns))
            return false;
    }
    if (self->period == NULL) {
        add_pair(self, "--rate", self->rate, "");
        return true;
    }
    rate = strtod(self->rate == NULL ? "10" : self->rate, &end);
    if (*end != '\0' || !(rate > 0)) {
        cli_error("-r %s: with -rp give a number > 0", self->rate);
        return false;
    }
    snprintf(text, sizeof text, "%.9g", rate * 1e9 / (double)period_ns);
    add_pair(self, "--rate", text, "");
    return true;
}

/* Behind an option of ours that takes a value stands a value, which may look like anything; so
 * "--option VALUE" is left alone where VALUE does not begin with a dash. */
bool cli_sipp_translate(int argc, char **argv, struct cli_sipp *out)
{
    struct translator self = {.out = out};

    memset(out, 0, sizeof *out);
    if (argc > CLI_SIPP_ARGUMENTS_MAX - 8) {
        cli_error("more than %d arguments", CLI_SIPP_ARGUMENTS_MAX - 8);
        return false;
    }
    for (int i = 0; i < argc; i++) {
        const struct row *row = i == 0 ? NULL : row_of(argv[i]);

        if (row == NULL) {
            out->argv[out->argc++] = argv[i];
            continue;
        }
        if (row->becomes != REFUSED && i + row->values >= argc) {
            cli_error("%s: wants a value", argv[i]);
            return false;
        }
        if (!take(&self, row, argv + i + 1))
            return false;
        i += row->values;
    }
    if (!rate_add(&self))
        return false;
    if (self.each)
        add(&self, "--new-connection");
    for (int i = 1; i < out->argc && self.prefix != NULL; i++) {
        char text[400];

        /* The target is what has no dash and stood last. */
        if (argc == 1 || out->argv[i] != argv[argc - 1] || out->argv[i][0] == '-')
            continue;
        snprintf(text, sizeof text, "%s%s", self.prefix, out->argv[i]);
        out->argv[i] = own(&self, text);
        break;
    }
    return true;
}

void cli_sipp_drop(struct cli_sipp *sipp)
{
    for (unsigned i = 0; i < sipp->owned_count; i++)
        free(sipp->owned[i]);
}
