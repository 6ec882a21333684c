/* zsip load --find-max: runs, one after the other, until the highest rate is found that meets the
 * objectives. */
#include "load.h"

#include "bench/load/format.h"
#include "bench/load/found.h"

#include "bench/load/verdict.h"

#include <time.h>

#define PROBES_MAX 400u

struct find {
    struct load_arguments *arguments;
    const sigset_t *signals;
    struct load_search search;
    FILE *out;
    json_t *probes;
    unsigned count;
    unsigned sent_at_all; /* probes in which something was answered */
    bool interrupted;
    int64_t started_utc_us; /* of the first probe */
};

static const char *probe_text(enum load_probe probe)
{
    static const char *const texts[] = {"met", "missed", "void: the generator"};

    return texts[probe];
}

/* The first objective that was missed, for the line. */
static const char *missed(const struct load_slo *slo, const struct load_result *result)
{
    for (uint32_t i = 0; i < slo->count; i++) {
        if (!load_objective_met(&slo->objectives[i], result))
            return slo->objectives[i].text;
    }
    return result->verdict.held[0] != '\0' ? "the plan: --max-pending or --users held it back" : "";
}

static void probe_line(struct find *find, double rate, enum load_probe probe,
                       const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;
    uint64_t lost = counters->timed_out + counters->unreachable + result->pending;
    double of = counters->sent > 0 ? 100.0 / (double)counters->sent : 0;

    fprintf(find->out,
            "probe %2u  %11s/s  p50 %-8s p99 %-8s loss %.3g %%  retrans %.3g %%  %s %s\n",
            find->count, load_format_count((uint64_t)rate).text,
            load_format_us(load_histogram_percentile(result->latency, 50)).text,
            load_format_us(load_histogram_percentile(result->latency, 99)).text, (double)lost * of,
            (double)result->retransmissions * of, probe_text(probe),
            probe == LOAD_PROBE_MISSED ? missed(&find->arguments->slo, result) : "");
    fflush(find->out);
}

static void probe_keep(struct find *find, double rate, enum load_probe probe,
                       const struct load_result *result)
{
    static const char *const keys[] = {"met", "missed", "void"};
    const struct load_counters *counters = &result->counters;
    double sent = counters->sent > 0 ? (double)counters->sent : 1;
    double lost = (double)(counters->timed_out + counters->unreachable + result->pending);
    json_t *entry = json_object();

    json_object_set_new(entry, "rate_per_s", json_real(rate));
    json_object_set_new(entry, "outcome", json_string(keys[probe]));
    json_object_set_new(entry, "sent", json_integer((json_int_t)counters->sent));
    json_object_set_new(entry, "p50_us",
                        json_integer((json_int_t)load_histogram_percentile(result->latency, 50)));
    json_object_set_new(entry, "p99_us",
                        json_integer((json_int_t)load_histogram_percentile(result->latency, 99)));
    json_object_set_new(entry, "max_us", json_integer((json_int_t)result->latency->max_us));
    json_object_set_new(entry, "loss", json_real(lost / sent));
    json_object_set_new(entry, "retransmitted", json_real((double)result->retransmissions / sent));
    json_object_set_new(entry, "limit", json_string(load_limit_key(result->verdict.limit)));
    json_object_set_new(entry, "why", json_string(result->verdict.why));
    json_object_set_new(entry, "objectives", load_objectives_json(&find->arguments->slo, result));
    json_array_append_new(find->probes, entry);
}

/* Lateness of the generator only adds to what was measured: what met the objectives all the same
 * counts. A rate that the rules kept from being tried was not met. */
static enum load_probe probe_of(const struct load_result *result)
{
    if (result->objectives_missed == 0 && result->verdict.held[0] == '\0' &&
        result->counters.unsent == result->unsent_held)
        return LOAD_PROBE_MET;
    return result->verdict.tainted ? LOAD_PROBE_GENERATOR : LOAD_PROBE_MISSED;
}

/* One run at this rate. Returns an exit status, or -1 to go on. */
static int probe_run(struct find *find, double rate, enum load_probe *probe)
{
    struct load_config config = find->arguments->config;
    char error[512] = "";
    struct load *load;
    struct load_result result;
    enum zsip_status status;

    config.rate = rate;
    load_schedule_constant(&find->arguments->schedule, rate);
    find->arguments->schedule.poisson = find->arguments->poisson;
    find->arguments->schedule.seed = find->arguments->seed + find->count;
    status = load_create(&config, &load, error, sizeof error);
    if (status != ZSIP_OK)
        return load_refused(status, error);
    if (load_start(load) != ZSIP_OK) {
        load_destroy(load);
        return load_refused(ZSIP_ERROR_SYSTEM, "can't start a thread; give fewer --workers");
    }
    if (find->count == 0)
        find->started_utc_us = load_started_utc_us(load);
    cli_output_show(&find->arguments->output, load);
    find->interrupted = load_watch(load, NULL, find->signals) > 0;
    load_result(load, &result);
    find->count++;
    *probe = probe_of(&result);
    find->sent_at_all += result.latency->total > 0;
    if (!find->interrupted) {
        probe_line(find, rate, *probe, &result);
        probe_keep(find, rate, *probe, &result);
    }
    cli_output_show(&find->arguments->output, NULL);
    load_destroy(load);
    return -1;
}

/* The server forgets what it remembers of the probe: Timer J, 64*T1. */
static void drain(struct find *find)
{
    uint64_t end_ns = zsip_time_now().monotonic_ns + find->arguments->drain_ns, now_ns;

    /* Other things than a signal may end a wait before its time. */
    while (!find->interrupted && (now_ns = zsip_time_now().monotonic_ns) < end_ns) {
        const struct timespec pause = {(time_t)((end_ns - now_ns) / ZSIP_NS_PER_S),
                                       (long)((end_ns - now_ns) % ZSIP_NS_PER_S)};

        find->interrupted = sigtimedwait(find->signals, NULL, &pause) >= 0;
    }
}

/* ---- What was found -------------------------------------------------------------------------- */

static int conclude(struct find *find)
{
    double median, lowest, highest;
    bool found = load_search_result(&find->search, &median, &lowest, &highest);
    bool at_least = find->search.at_least || find->interrupted;

    if (!found) {
        fprintf(find->out, "\n  no rate was found that meets the objectives%s\n",
                find->interrupted        ? ": interrupted"
                : find->sent_at_all == 0 ? ": nothing was ever answered"
                                         : "");
        return find->sent_at_all == 0 ? CLI_EXIT_UNREACHED : CLI_EXIT_MISSED;
    }
    fprintf(find->out, "\n  %s %s/s meet the objectives", at_least ? "at least" : "up to",
            load_format_count((uint64_t)median).text);
    if (find->search.found_count > 1)
        fprintf(find->out, " (median of %u searches, %s to %s)", find->search.found_count,
                load_format_count((uint64_t)lowest).text,
                load_format_count((uint64_t)highest).text);
    fputc('\n', find->out);
    if (find->interrupted)
        fputs("  interrupted: the search was not over\n", find->out);
    else if (find->search.at_least)
        fputs("  the limit was the generator: it could not send more; more --workers, or more "
              "machines\n",
              find->out);
    else
        fputs("  the limit was the server, or the way to it: the generator kept every plan that "
              "was missed\n",
              find->out);
    return find->search.at_least ? CLI_EXIT_TAINTED : CLI_EXIT_OK;
}

static json_t *find_json(const struct find *find)
{
    double median, lowest, highest;
    json_t *out = json_object();

    json_object_set_new(out, "schema", json_string(LOAD_FOUND_SCHEMA));
    json_object_set_new(out, "version", json_string(ZSIP_VERSION));
    json_object_set_new(out, "started", json_string(load_utc_text(find->started_utc_us).text));
    json_object_set_new(out, "slo", json_string(find->arguments->slo_text));
    json_object_set_new(out, "config", load_config_json(&find->arguments->config));
    json_object_set_new(out, "machine", load_machine_json());
    json_object_set_new(out, "command",
                        load_command_json(find->arguments->output.argc,
                                          (const char *const *)find->arguments->output.argv));
    if (load_search_result(&find->search, &median, &lowest, &highest)) {
        json_object_set_new(out, "maximum_per_s", json_real(median));
        json_object_set_new(out, "lowest_per_s", json_real(lowest));
        json_object_set_new(out, "highest_per_s", json_real(highest));
    }
    json_object_set_new(out, "searches", json_integer(find->search.found_count));
    json_object_set_new(out, "at_least", json_boolean(find->search.at_least));
    json_object_set_new(out, "interrupted", json_boolean(find->interrupted));
    json_object_set(out, "probes", find->probes);
    return out;
}

/* The page is drawn from what the JSON says, so that zsip report draws the same one. */
static bool files_write(struct find *find)
{
    struct cli_output *output = &find->arguments->output;
    struct load_found found;
    char error[300];
    bool good = true;

    if (output->html_file != NULL) {
        good = load_found_take(find_json(find), "this search", &found, error, sizeof error);
        if (good) {
            good = load_found_page(output->html_file, &found, 1, ZSIP_VERSION);
            load_found_drop(&found);
        } else {
            cli_error("--html %s: %s", output->html, error);
        }
        good = cli_file_close("--html", output->html_file, output->html) && good;
    }
    if (output->json_file != NULL)
        good = cli_json_close(output->json_file, output->json, find_json(find)) && good;
    return good;
}

static void begin_line(const struct find *find)
{
    const struct load_arguments *arguments = find->arguments;
    char remote[ZSIP_ADDRESS_TEXT_BYTES];

    fprintf(find->out,
            "zsip load: looks for the highest rate to %s, by probes of %g s, %g s apart%s\n",
            zsip_address_text(&arguments->config.remote, remote),
            (double)arguments->config.duration_ns / 1e9, (double)arguments->drain_ns / 1e9,
            arguments->drain_ns > 0 ? " (so that the server forgets; --drain)" : "");
    fflush(find->out);
}

int load_find_max(struct load_arguments *arguments, const sigset_t *signals)
{
    struct find find = {.arguments = arguments,
                        .signals = signals,
                        .out = arguments->output.text,
                        .probes = json_array()};
    double rate;
    int status = -1;

    load_search_init(&find.search, arguments->config.rate, arguments->precision,
                     arguments->repeats);
    begin_line(&find);
    while (status < 0 && !find.interrupted && load_search_next(&find.search, &rate) &&
           find.count < PROBES_MAX) {
        enum load_probe probe;

        if (find.count > 0)
            drain(&find);
        if (!find.interrupted)
            status = probe_run(&find, rate, &probe);
        if (status < 0 && !find.interrupted)
            load_search_told(&find.search, probe);
    }
    if (status < 0)
        status = conclude(&find);
    if (!files_write(&find))
        status = CLI_EXIT_FAILED;
    if (!cli_outside_close(&arguments->output.watch))
        status = CLI_EXIT_FAILED;
    json_decref(find.probes);
    return status;
}
