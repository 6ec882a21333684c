/* zsip serve while it runs: a line an interval, or the live view. */
#include "bench/load/format.h"
#include "live.h"
#include "serve.h"

#include <string.h>
#include <time.h>

/* How often keys are looked for, and whether as many calls are over as are wanted. */
#define LOOK_NS (20 * ZSIP_NS_PER_MS)

struct watch {
    const struct serve_watched *of;
    struct cli_live live;
    struct serve_totals before;
    uint64_t last_ns;
    uint64_t cpu_before_ns;
};

static double elapsed_s(const struct watch *watch)
{
    return (double)(zsip_time_now().monotonic_ns - watch->of->start_ns) / 1e9;
}

static uint64_t cpu_ns(void)
{
    struct timespec spent;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (uint64_t)spent.tv_sec * ZSIP_NS_PER_S + (uint64_t)spent.tv_nsec;
}

static uint64_t answered(const struct zsip_endpoint_stats *stats)
{
    return stats->answered_2xx + stats->answered_3xx + stats->answered_4xx + stats->answered_5xx +
           stats->answered_6xx;
}

static struct load_text rate(uint64_t old, uint64_t new, double seconds)
{
    return load_format_count((uint64_t)((double)(new - old) / seconds));
}

static void show(struct watch *watch, const struct serve_totals *now, double seconds)
{
    const struct zsip_endpoint_stats *old = &watch->before.endpoint, *new = &now->endpoint;
    struct cli_live *live = &watch->live;
    uint64_t cpu_now_ns = cpu_ns();

    cli_live_set(live, "requests", "%s/s", rate(old->requests_in, new->requests_in, seconds).text);
    cli_live_set(live, "answered", "%s/s", rate(answered(old), answered(new), seconds).text);
    cli_live_set(live, "of them 2xx", "%s/s",
                 rate(old->answered_2xx, new->answered_2xx, seconds).text);
    cli_live_set(live, "retransmitted to us", "%s/s",
                 rate(old->retransmissions_in, new->retransmissions_in, seconds).text);
    cli_live_set(live, "refused: a pool full", "%s", load_format_count(new->refused_full).text);
    cli_live_set(live, "aged", "%s", load_format_count(new->aged).text);
    cli_live_set(live, "held", "%s", load_format_count(new->pending_now).text);
    cli_live_set(live, "remembered", "%s", load_format_count(new->completed_now).text);
    cli_live_set(
        live, "malformed", "%s",
        load_format_count(new->malformed_requests + new->malformed_responses + new->malformed_other)
            .text);
    cli_live_set(live, "dropped by the socket", "%s",
                 load_format_count(now->ring.dropped_socket).text);
    cli_live_set(live, "own CPU", "%.0f %% of a core",
                 (double)(cpu_now_ns - watch->cpu_before_ns) / seconds / 1e7);
    if (watch->of->config->count > 0 || watch->of->config->scenario.path != NULL)
        cli_live_set(
            live, "calls over", "%s",
            load_format_count(serve_script_ended(watch->of->workers, watch->of->worker_count))
                .text);
    watch->cpu_before_ns = cpu_now_ns;
    cli_live_spark(live, (double)(answered(new) - answered(old)) / seconds);
}

/* The interval that ended. */
static void tell(struct watch *watch, double seconds)
{
    const struct serve_watched *of = watch->of;
    struct serve_totals now;

    serve_totals(of->workers, of->worker_count, &now);
    if (cli_live_on(&watch->live)) {
        show(watch, &now, seconds);
    } else {
        fprintf(of->out, "%6.0f s  ", elapsed_s(watch));
        serve_report_line(of->out, &watch->before, &now, seconds);
        fputc('\n', of->out);
        fflush(of->out);
    }
    watch->before = now;
}

static void draw(struct watch *watch)
{
    const struct serve_config *config = watch->of->config;
    const char *listens =
        config->listen_count > 0 ? config->listen[0].text : config->adopted[0].text;

    if (!cli_live_on(&watch->live))
        return;
    snprintf(watch->live.headline, sizeof watch->live.headline, "zsip serve %.180s%s  %.0f s",
             listens, config->listen_count + config->adopt_count > 1 ? " and more" : "",
             elapsed_s(watch));
    cli_live_draw(&watch->live);
}

static bool broken(const struct serve_watched *of)
{
    for (unsigned i = 0; i < of->worker_count; i++) {
        if (atomic_load(&of->workers[i]->broken))
            return true;
    }
    return false;
}

/* Whether it is over; *drain becomes whether to answer first what is held. */
static bool over(struct watch *watch, int signal, bool *drain)
{
    const struct serve_watched *of = watch->of;
    int key = cli_live_key(&watch->live);
    bool enough = of->config->count > 0 &&
                  serve_script_ended(of->workers, of->worker_count) >= of->config->count;

    *drain = signal == SIGTERM || key == 'q' || enough;
    return signal > 0 || key == 'q' || key == 'Q' || enough || broken(of);
}

bool serve_watch(const struct serve_watched *of, const sigset_t *signals)
{
    static struct watch watch;
    const struct serve_config *config = of->config;
    const struct timespec look = {0, LOOK_NS}, second = {1, 0};
    uint64_t interval_ns, next_ns;
    bool drain = false, looks;
    int signal = 0;

    watch = (struct watch){.of = of, .last_ns = of->start_ns, .cpu_before_ns = cpu_ns()};
    if (!config->print && !config->quiet && config->stats_s == 0)
        cli_live_open(&watch.live, of->out);
    watch.live.spark_label = "  answered, a second each";
    watch.live.key_help = "  keys: q end  Q end at once";
    interval_ns = (config->stats_s > 0 ? config->stats_s : 1) * ZSIP_NS_PER_S;
    looks = cli_live_on(&watch.live) || config->count > 0;
    draw(&watch);
    for (next_ns = watch.last_ns + interval_ns; !over(&watch, signal, &drain);) {
        uint64_t now_ns = zsip_time_now().monotonic_ns;

        if (now_ns >= next_ns) {
            if (config->stats_s > 0 || cli_live_on(&watch.live))
                tell(&watch, (double)(now_ns - watch.last_ns) / 1e9);
            draw(&watch);
            watch.last_ns = now_ns;
            next_ns += interval_ns;
        }
        /* At least once a second, for a worker that broke; and not beyond the interval. */
        if (looks || next_ns - now_ns < ZSIP_NS_PER_S)
            signal = sigtimedwait(signals, NULL, &look);
        else
            signal = sigtimedwait(signals, NULL, &second);
    }
    cli_live_close(&watch.live);
    return drain;
}
