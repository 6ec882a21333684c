/* zsip load while it runs: a line a second, or the live view and its keys. */
#include "bench/load/format.h"
#include "bench/load/report.h"
#include "live.h"
#include "load.h"

#include <inttypes.h>
#include <time.h>

struct watch {
    struct load *load;
    const struct load_config *config;
    struct cli_live live;
    uint64_t start_ns;
    double rate;  /* as the keys left it */
    double scale; /* what + adds */
    bool paused;
    unsigned asked; /* times the end was asked for */
    unsigned changes;
    uint64_t failed;
    uint64_t retransmitted;
    uint64_t drawn_ns;
    bool changed; /* since it was drawn */
};

/* Without news the clock in the headline is all that moves. */
#define DRAW_NS (250 * ZSIP_NS_PER_MS)

/* ---- The view -------------------------------------------------------------------------------- */

static void headline(struct watch *watch, const char *title)
{
    double elapsed_s = (double)(zsip_time_now().monotonic_ns - watch->start_ns) / 1e9;
    const struct load_config *config = watch->config;
    char plan[64] = "";

    if (config->rate > 0)
        snprintf(plan, sizeof plan, "  %s/s", load_format_count((uint64_t)watch->rate).text);
    snprintf(watch->live.headline, sizeof watch->live.headline, "%s  %.0f s%s%s%s", title,
             elapsed_s, plan, watch->paused ? "  PAUSED" : "",
             watch->asked > 0 ? "  ENDING, waits for what is pending" : "");
}

static void second_show(struct watch *watch, const struct load_second *second)
{
    struct cli_live *live = &watch->live;

    watch->failed += second->failed;
    watch->retransmitted += second->retransmitted;
    cli_live_set(live, "sent", "%s/s", load_format_count(second->sent).text);
    cli_live_set(live, "answered", "%s/s", load_format_count(second->answered).text);
    cli_live_set(live, "pending", "%s", load_format_count(second->pending).text);
    cli_live_set(live, "latency p50", "%s", load_format_us(second->p50_us).text);
    cli_live_set(live, "latency p99", "%s", load_format_us(second->p99_us).text);
    cli_live_set(live, "latency max", "%s", load_format_us(second->max_us).text);
    cli_live_set(live, "unanswered", "%s (%s in all)", load_format_count(second->failed).text,
                 load_format_count(watch->failed).text);
    cli_live_set(live, "retransmissions", "%s (%s in all)",
                 load_format_count(second->retransmitted).text,
                 load_format_count(watch->retransmitted).text);
    cli_live_set(live, "own CPU", "%.0f %% of %u core%s", (double)second->cpu_us / 1e4,
                 watch->config->workers, watch->config->workers == 1 ? "" : "s");
    if (watch->config->rate > 0)
        cli_live_set(live, "behind the plan", "%s", load_format_us(second->lag_us).text);
    if (second->warmup)
        snprintf(live->note, sizeof live->note, "warmup: does not count");
    else
        live->note[0] = '\0';
    cli_live_spark(live, (double)second->answered);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* The first time there is something to wait for. SIGTERM waits for nothing: who sends it, kills
 * next. */
static void end_asked(struct watch *watch, bool at_once)
{
    if (watch->asked++ == 0 && !at_once && load_arriving(watch->load)) {
        load_close(watch->load);
        if (!cli_live_on(&watch->live))
            fputs("zsip load: no more requests; waiting for what is pending, once more to stop at "
                  "once\n",
                  stderr);
    } else {
        load_stop(watch->load);
    }
}

static void rate_change(struct watch *watch, double by)
{
    if (watch->config->rate <= 0)
        return;
    watch->rate = watch->rate + by > 0 ? watch->rate + by : 0;
    watch->changes++;
    if (!watch->paused)
        load_rate_set(watch->load, watch->rate);
}

/* As SIPp's: + and - a step, * and / ten of them. */
static void key(struct watch *watch, int pressed)
{
    watch->changed = true;
    switch (pressed) {
    case '+':
        rate_change(watch, watch->scale);
        break;
    case '-':
    case '_':
        rate_change(watch, -watch->scale);
        break;
    case '*':
        rate_change(watch, 10 * watch->scale);
        break;
    case '/':
        rate_change(watch, -10 * watch->scale);
        break;
    case 'p':
        if (watch->config->rate <= 0)
            break;
        watch->paused = !watch->paused;
        watch->changes++;
        load_rate_set(watch->load, watch->paused ? 0 : watch->rate);
        break;
    case 'q':
        if (watch->asked == 0)
            end_asked(watch, false);
        break;
    case 'Q':
        watch->asked++;
        load_stop(watch->load);
        break;
    default:
        break;
    }
}

static void draw(struct watch *watch, const char *title)
{
    uint64_t now_ns = zsip_time_now().monotonic_ns;

    if (!cli_live_on(&watch->live) || (!watch->changed && now_ns - watch->drawn_ns < DRAW_NS))
        return;
    headline(watch, title);
    cli_live_draw(&watch->live);
    watch->drawn_ns = now_ns;
    watch->changed = false;
}

/* ---- The loop -------------------------------------------------------------------------------- */

/* The signals are blocked in all threads and taken here. */
static void loop(struct watch *watch, FILE *out, const char *title, const sigset_t *signals)
{
    const struct timespec pause = {0, 20000000};
    uint32_t printed = 0;
    bool running;

    do {
        struct load_second second;
        int pressed, number;

        running = load_running(watch->load); /* before the last second is looked for */
        for (; load_second(watch->load, printed, &second); printed++) {
            watch->changed = true;
            if (cli_live_on(&watch->live))
                second_show(watch, &second);
            else if (out != NULL)
                load_report_second(out, printed, &second);
        }
        while ((pressed = cli_live_key(&watch->live)) != 0)
            key(watch, pressed);
        draw(watch, title);
        number = running ? sigtimedwait(signals, NULL, &pause) : 0;
        if (number > 0)
            end_asked(watch, number == SIGTERM);
    } while (running);
}

unsigned load_watch(struct load *load, FILE *out, const sigset_t *signals)
{
    struct watch watch = {.load = load};

    loop(&watch, out, "", signals);
    return watch.asked;
}

unsigned load_watch_live(struct load *load, const struct load_config *config, const char *title,
                         FILE *out, const sigset_t *signals)
{
    static struct watch watch;

    watch = (struct watch){
        .load = load,
        .config = config,
        .start_ns = zsip_time_now().monotonic_ns,
        .rate = config->rate,
        .scale = config->rate >= 200 ? config->rate / 100 : 1,
    };
    cli_live_open(&watch.live, out);
    watch.live.spark_label = "  answered, a second each";
    watch.live.key_help = config->rate > 0
                              ? "  keys: + - rate by 1 %  * / by 10 %  p pause  q end  "
                                "Q end at once"
                              : "  keys: q end  Q end at once";
    loop(&watch, out, title, signals);
    cli_live_close(&watch.live);
    if (watch.changes > 0)
        fprintf(out,
                "  the rate was changed by hand %u times: this is not the run that was planned\n",
                watch.changes);
    return watch.asked;
}
