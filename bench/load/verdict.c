#include "verdict.h"

#include "format.h"

#include <stdarg.h>
#include <stdio.h>

/* Loss below this share of the requests is not worth a verdict. */
#define SHARE_SMALL 0.0001
/* A worker that waits for work less than this has none to spare. */
#define BUSY 0.9

const char *load_limit_text(enum load_limit limit)
{
    static const char *const texts[] = {
#define X(name, text) text,
        LOAD_LIMIT_MAP(X)
#undef X
    };

    ZSIP_ASSERT(limit < LOAD_LIMIT_COUNT);
    return texts[limit];
}

const char *load_limit_key(enum load_limit limit)
{
    static const char *const keys[] = {"nobody", "generator", "network",
                                       "server", "window",    "uris"};

    _Static_assert(sizeof keys / sizeof keys[0] == LOAD_LIMIT_COUNT, "a key for each");
    ZSIP_ASSERT(limit < LOAD_LIMIT_COUNT);
    return keys[limit];
}

__attribute__((format(printf, 3, 4))) static bool
say(struct load_verdict *out, enum load_limit limit, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(out->why, sizeof out->why, format, arguments);
    va_end(arguments);
    out->limit = limit;
    return true;
}

static uint64_t answered(const struct load_counters *counters)
{
    return counters->answered_2xx + counters->answered_3xx + counters->answered_4xx +
           counters->answered_5xx + counters->answered_6xx;
}

/* Requests that one sending did not settle. */
static uint64_t lost(const struct load_result *result)
{
    return result->counters.answered_late + result->counters.timed_out;
}

static double share(uint64_t part, uint64_t of)
{
    return of == 0 ? 0 : (double)part / (double)of;
}

/* ---- The generator --------------------------------------------------------------------------- */

static const char *cpu_text(const struct load_result *result, char *out, size_t bytes)
{
    snprintf(out, bytes,
             result->busy >= BUSY ? "its busiest worker had %.0f %% of its time to do; more "
                                    "--workers, or a machine with more cores"
                                  : "though it was busy only %.0f %% of its time: was it kept "
                                    "from its core?",
             100 * result->busy);
    return out;
}

/* Sends against the plan, where no rule held them back. */
static bool behind(const struct load_config *config, const struct load_result *result,
                   struct load_verdict *out)
{
    uint64_t lag_us = load_histogram_percentile(result->send_lag, 99);
    uint64_t own = result->counters.unsent - result->unsent_held;
    char cpu[160];

    if (config->rate <= 0)
        return false;
    out->tainted = true;
    if (share(own, result->counters.sent + own) > SHARE_SMALL)
        return say(out, LOAD_LIMIT_GENERATOR,
                   "it fell behind its plan: %s planned requests were never sent; %s",
                   load_format_count(own).text, cpu_text(result, cpu, sizeof cpu));
    if (lag_us * ZSIP_NS_PER_US > config->lag_max_ns)
        return say(out, LOAD_LIMIT_GENERATOR,
                   "it fell behind its plan: one request in a hundred left %s late or more; %s",
                   load_format_us(lag_us).text, cpu_text(result, cpu, sizeof cpu));
    out->tainted = false;
    return false;
}

/* Answers that we lost ourselves look like loss on the way. */
static bool deaf(const struct load_result *result, struct load_verdict *out)
{
    uint64_t dropped = result->datagrams_dropped;

    if (share(dropped, answered(&result->counters) + dropped) <= SHARE_SMALL ||
        dropped * 10 < lost(result))
        return false;
    out->tainted = true;
    return say(out, LOAD_LIMIT_GENERATOR,
               "its own socket dropped %s answers for want of buffer: a larger --rcvbuf, or more "
               "--workers",
               load_format_count(dropped).text);
}

/* ---- The way, and the server ----------------------------------------------------------------- */

static bool unsendable(const struct load_result *result, struct load_verdict *out)
{
    uint64_t sent = result->counters.sent;

    if (share(result->send_errors, sent) > SHARE_SMALL)
        return say(out, LOAD_LIMIT_NETWORK, "the kernel could not send %s messages",
                   load_format_count(result->send_errors).text);
    if (share(result->counters.unreachable, sent) <= SHARE_SMALL)
        return false;
    return say(out, LOAD_LIMIT_NETWORK, "%s requests came back as unreachable: %s",
               load_format_count(result->counters.unreachable).text,
               answered(&result->counters) == 0
                   ? "nobody listens there, or a firewall refuses"
                   : "the server's port was closed for a while, or a way to it");
}

/* Whether the server shows that it had more than it could do: answers of the usual kind got slow,
 * or refusals. */
static bool slow(const struct load_config *config, const struct load_result *result)
{
    uint64_t t1_us = config->t1_ns / ZSIP_NS_PER_US;

    return load_histogram_percentile(result->from_send, 50) * 4 > t1_us ||
           share(result->status[503], result->counters.sent) > 0.001;
}

static bool lossy(const struct load_config *config, const struct load_result *result,
                  struct load_verdict *out)
{
    struct load_text text = load_format_count(lost(result));

    if (share(lost(result), result->counters.sent) <= SHARE_SMALL)
        return false;
    if (answered(&result->counters) == 0)
        return say(out, LOAD_LIMIT_SERVER,
                   "it never answered: is it there, and does it speak SIP over this transport?");
    if (result->target_dropped > 0)
        return say(out, LOAD_LIMIT_SERVER,
                   "%s requests were not answered at their first send, and its socket on this "
                   "machine dropped %s datagrams for want of buffer",
                   text.text, load_format_count(result->target_dropped).text);
    if (slow(config, result))
        return say(out, LOAD_LIMIT_SERVER,
                   "%s requests were not answered at their first send, and half of the answers "
                   "took longer than %s",
                   text.text,
                   load_format_us(load_histogram_percentile(result->from_send, 50)).text);
    return say(out, LOAD_LIMIT_NETWORK,
               "%s requests were not answered at their first send though the others were answered "
               "fast: lost on the way, or in the server's socket buffer",
               text.text);
}

static bool refused(const struct load_result *result, struct load_verdict *out)
{
    const struct load_counters *counters = &result->counters;
    uint64_t errors = counters->answered_5xx + counters->answered_6xx;
    unsigned code = 500;

    for (unsigned i = 500; i < LOAD_STATUS_MAX; i++) {
        if (result->status[i] > result->status[code])
            code = i;
    }
    if (share(errors, counters->sent) <= SHARE_SMALL)
        return false;
    return say(out, LOAD_LIMIT_SERVER, "it refused %s requests, most of them with %u",
               load_format_count(errors).text, code);
}

/* ---- The run's own rules --------------------------------------------------------------------- */

/* How late the hundredth of all requests that waited longest left, for the rules alone. */
static uint64_t held_us(const struct load_result *result)
{
    double hundredth = (double)result->counters.sent / 100, waited = (double)result->held->total;

    return waited <= hundredth
               ? 0
               : load_histogram_percentile(result->held, 100 * (1 - hundredth / waited));
}

static const char *rule_text(const struct load_config *config, const struct load_result *result,
                             char *out, size_t bytes)
{
    if (result->counters.waited_window >= result->counters.waited_user)
        snprintf(out, bytes, "as many were pending as --max-pending %u allows", config->window);
    else
        snprintf(out, bytes, "each of the %u --users had one pending", config->users);
    return out;
}

/* The plan by the measure of behind(), where the rules are what kept the run from it. */
static void held_from_plan(const struct load_config *config, const struct load_result *result,
                           struct load_verdict *out)
{
    uint64_t late_us = held_us(result), unsent = result->unsent_held;
    char rule[100];

    if (config->rate <= 0)
        return;
    rule_text(config, result, rule, sizeof rule);
    if (share(unsent, result->counters.sent + unsent) > SHARE_SMALL)
        snprintf(out->held, sizeof out->held, "%s planned requests never left: %s",
                 load_format_count(unsent).text, rule);
    else if (late_us * ZSIP_NS_PER_US > config->lag_max_ns)
        snprintf(out->held, sizeof out->held, "one request in a hundred left %s late or more: %s",
                 load_format_us(late_us).text, rule);
}

static bool held(const struct load_config *config, const struct load_result *result,
                 struct load_verdict *out)
{
    const struct load_counters *counters = &result->counters;
    struct load_text p99 = load_format_us(load_histogram_percentile(result->held, 99));

    if (share(result->held->total + result->unsent_held, counters->sent) <= 0.001)
        return false;
    if (counters->waited_window >= counters->waited_user)
        return say(out, LOAD_LIMIT_SERVER,
                   "as many requests were pending as --max-pending %u allows; what had to wait did "
                   "so up to %s (p99), which counts in its latency",
                   config->window, p99.text);
    return say(out, LOAD_LIMIT_URIS,
               "every one of the %u had a request pending (RFC 3428 section 8); waiting for one "
               "took up to %s (p99), which counts in the latency: more --users, or --overlap",
               config->users, p99.text);
}

static bool closed(const struct load_config *config, const struct load_result *result,
                   struct load_verdict *out)
{
    if (config->rate > 0)
        return false;
    if (result->busy >= BUSY)
        return say(out, LOAD_LIMIT_GENERATOR,
                   "its busiest worker had no time to spare (%.0f %% busy): more --workers would "
                   "send more",
                   100 * result->busy);
    if (result->counters.waited_user > result->counters.sent / 1000)
        return say(out, LOAD_LIMIT_URIS,
                   "there was room for more than the %u that may each have a request pending (RFC "
                   "3428 section 8): more --users, or --overlap",
                   config->users);
    return say(out, LOAD_LIMIT_WINDOW,
               "%u requests at a time, each answered after %s (p50); the generator was busy %.0f "
               "%% of its time",
               config->window, load_format_us(load_histogram_percentile(result->latency, 50)).text,
               100 * result->busy);
}

void load_verdict_find(const struct load_config *config, const struct load_result *result,
                       struct load_verdict *out)
{
    *out = (struct load_verdict){0};
    if (result->register_failed > 0) {
        say(out, LOAD_LIMIT_SERVER, "%u of %u users could not be registered (%u)",
            result->register_failed, result->register_failed + result->registered,
            result->register_code);
        return;
    }
    if (result->counters.sent == 0) {
        say(out, LOAD_LIMIT_NOBODY, "nothing was sent");
        return;
    }
    held_from_plan(config, result, out);
    if (behind(config, result, out) || deaf(result, out) || unsendable(result, out) ||
        lossy(config, result, out) || refused(result, out))
        return;
    if (config->rate > 0 && held(config, result, out))
        return;
    if (!closed(config, result, out))
        say(out, LOAD_LIMIT_NOBODY, "the plan was kept and everything was answered in time");
}

/* ---- Delivered ------------------------------------------------------------------------------- */

static void times(FILE *out, const char *name, const struct load_histogram *histogram)
{
    fprintf(out, "  %-34sp50 %s  p99 %s  max %s\n", name,
            load_format_us(load_histogram_percentile(histogram, 50)).text,
            load_format_us(load_histogram_percentile(histogram, 99)).text,
            load_format_us(histogram->max_us).text);
}

static void row(FILE *out, const char *name, uint64_t count, uint64_t of);

void load_verdict_delivered(FILE *out, const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;
    uint64_t sent = counters->sent;

    fprintf(out, "  %-34s%15s", "users registered", load_format_count(result->registered).text);
    if (result->register_failed > 0)
        fprintf(out, "  %s failed, the last with %u",
                load_format_count(result->register_failed).text, result->register_code);
    fputc('\n', out);
    if (sent == 0)
        return;
    row(out, "delivered", counters->delivered, sent);
    row(out, "lost", sent > counters->delivered ? sent - counters->delivered : 0, sent);
    row(out, "of it answered 2xx", load_verdict_lost(result), sent);
    row(out, "delivered twice", counters->duplicated, sent);
    row(out, "delivered out of order", counters->reordered, sent);
    row(out, "delivered to somebody else", counters->misdelivered, sent);
    times(out, "one way", result->one_way);
    times(out, "round trip", result->from_send);
}

uint64_t load_verdict_lost(const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;

    return counters->answered_2xx > counters->delivered
               ? counters->answered_2xx - counters->delivered
               : 0;
}

/* ---- Printed --------------------------------------------------------------------------------- */

void load_verdict_headline(FILE *out, const struct load_result *result)
{
    if (result->verdict.tainted)
        fprintf(out,
                "\n  THE GENERATOR WAS THE LIMIT: %s\n  What follows tells more about this machine "
                "than about the server.\n",
                result->verdict.why);
    else if (result->verdict.held[0] != '\0')
        fprintf(out, "\n  THE PLAN WAS NOT KEPT: %s\n", result->verdict.held);
}

void load_verdict_print(FILE *out, const struct load_result *result)
{
    fprintf(out, "  the limit was %s: %s\n", load_limit_text(result->verdict.limit),
            result->verdict.tainted ? "see above" : result->verdict.why);
}

/* Retransmissions leave T1, 3 T1, 7 T1 ... after the first send, never more than T2 apart (RFC 3261
 * section 17.1.2.2). */
static uint64_t send_after_us(uint64_t t1_us, unsigned sends)
{
    uint64_t t2_us = t1_us > 4000000 ? t1_us : 4000000, after_us = 0, step_us = t1_us;

    for (unsigned i = 0; i < sends; i++) {
        after_us += step_us;
        step_us = 2 * step_us < t2_us ? 2 * step_us : t2_us;
    }
    return after_us;
}

static void row(FILE *out, const char *name, uint64_t count, uint64_t of)
{
    fprintf(out, "  %-34s%15s  %6.2f %%\n", name, load_format_count(count).text,
            100 * share(count, of));
}

void load_verdict_sends(FILE *out, const struct load_config *config,
                        const struct load_result *result)
{
    uint64_t sent = result->counters.sent, t1_us = config->t1_ns / ZSIP_NS_PER_US;
    char name[64];

    row(out, "answered at the first send", result->answered_by_sends[0], sent);
    for (unsigned i = 1; i < LOAD_SENDS_MAX; i++) {
        if (result->answered_by_sends[i] == 0)
            continue;
        snprintf(name, sizeof name, "answered after E%u%s (%s)", i,
                 i + 1 == LOAD_SENDS_MAX ? " or later" : "",
                 load_format_us(send_after_us(t1_us, i)).text);
        row(out, name, result->answered_by_sends[i], sent);
    }
    snprintf(name, sizeof name, "timed out (F, %s)", load_format_us(64 * t1_us).text);
    row(out, name, result->counters.timed_out, sent);
}
