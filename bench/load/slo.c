#include "slo.h"

#include "format.h"
#include "scan.h"
#include "verdict.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    enum load_unit unit;
} measures[] = {
#define X(name, text, unit) {text, LOAD_UNIT_##unit},
    LOAD_MEASURE_MAP(X)
#undef X
};

enum load_unit load_measure_unit(enum load_measure measure)
{
    ZSIP_ASSERT(measure < LOAD_MEASURE_COUNT);
    return measures[measure].unit;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void blanks(struct load_scan *scan)
{
    scan->at += strspn(scan->at, " \t");
}

static bool refuse(const struct load_scan *scan, char *error, size_t error_bytes, const char *why)
{
    snprintf(error, error_bytes, "%s: at character %zu, '%.20s': %s", scan->text,
             (size_t)(scan->at - scan->text) + 1, scan->at, why);
    return false;
}

/* p99 and the like, or one of the names. */
static bool measure(struct load_scan *scan, struct load_objective *out)
{
    struct load_scan before = *scan;

    out->from_send = load_scan_word(scan, "send.");
    for (unsigned i = LOAD_MEASURE_MEAN; i < LOAD_MEASURE_COUNT; i++) {
        if (load_scan_word(scan, measures[i].name)) {
            out->measure = (enum load_measure)i;
            if (!out->from_send || measures[i].unit == LOAD_UNIT_TIME)
                return true;
            break;
        }
    }
    out->measure = LOAD_MEASURE_PERCENTILE;
    if (load_scan_word(scan, "p") && load_scan_number(scan, &out->percent) && out->percent > 0 &&
        out->percent <= 100)
        return true;
    *scan = before;
    return false;
}

static bool bound(struct load_scan *scan, struct load_objective *out)
{
    switch (measures[out->measure].unit) {
    case LOAD_UNIT_TIME: {
        const char *before = scan->at;

        /* Five what? A bound without its unit would be a guess. */
        if (!load_scan_time(scan, "us", &out->bound))
            return false;
        out->bound /= 1e3;
        return scan->at[-1] > '9' || strcmp(before, "0") == 0;
    }
    case LOAD_UNIT_SHARE:
        if (!load_scan_number(scan, &out->bound))
            return false;
        out->bound /= 100;
        return load_scan_word(scan, "%") || out->bound == 0;
    default:
        return load_scan_count(scan, &out->bound);
    }
}

static bool relation(struct load_scan *scan, struct load_objective *out)
{
    out->below = *scan->at == '<';
    if (!load_scan_word(scan, "<") && !load_scan_word(scan, ">"))
        return false;
    out->or_equal = load_scan_word(scan, "=");
    return true;
}

static const char *bound_wanted(enum load_measure of)
{
    switch (measures[of].unit) {
    case LOAD_UNIT_TIME:
        return "a time with its unit is wanted, such as 500us, 5ms or 1s";
    case LOAD_UNIT_SHARE:
        return "a share is wanted, such as 0.1%";
    default:
        return "a rate is wanted, such as 20k";
    }
}

/* What was written, without its white space. */
static void keep(const char *from, const char *to, char *out, size_t out_bytes)
{
    size_t used = 0;

    for (; from < to && used + 1 < out_bytes; from++) {
        if (*from != ' ' && *from != '\t')
            out[used++] = *from;
    }
    out[used] = '\0';
}

static bool objective(struct load_scan *scan, struct load_objective *out, char *error,
                      size_t error_bytes)
{
    const char *begin;

    blanks(scan);
    begin = scan->at;
    if (!measure(scan, out))
        return refuse(scan, error, error_bytes,
                      "no measure; give p50..p100, mean, max (or send.p99 and the like), loss, "
                      "errors, retrans, lost, duplicated, rate or goodput");
    blanks(scan);
    if (!relation(scan, out))
        return refuse(scan, error, error_bytes, "<, <=, > or >= is wanted");
    blanks(scan);
    struct load_scan before = *scan;
    if (!bound(scan, out))
        return refuse(&before, error, error_bytes, bound_wanted(out->measure));
    keep(begin, scan->at, out->text, sizeof out->text);
    blanks(scan);
    if (*scan->at != '\0' && *scan->at != ',')
        return refuse(scan, error, error_bytes, "a comma is wanted between objectives");
    return true;
}

bool load_slo_parse(struct load_slo *out, const char *text, char *error, size_t error_bytes)
{
    struct load_scan scan = {text, text};

    memset(out, 0, sizeof *out);
    do {
        if (out->count == LOAD_OBJECTIVES_MAX) {
            snprintf(error, error_bytes, "%s: more than %u objectives", text, LOAD_OBJECTIVES_MAX);
            return false;
        }
        if (!objective(&scan, &out->objectives[out->count++], error, error_bytes))
            return false;
    } while (load_scan_word(&scan, ","));
    return true;
}

/* ---- Judging --------------------------------------------------------------------------------- */

static double share(uint64_t part, uint64_t of)
{
    return of == 0 ? 0 : (double)part / (double)of;
}

static double per_second(uint64_t count, const struct load_result *result)
{
    return result->arrival_s > 0 ? (double)count / result->arrival_s : 0;
}

/* Of all that was sent: a request without an answer took longer than any other. */
static double percentile(const struct load_objective *objective, const struct load_result *result)
{
    const struct load_histogram *histogram =
        objective->from_send ? result->from_send : result->latency;
    double wanted = ceil(objective->percent / 100 * (double)result->counters.sent * (1 - 1e-12));

    if (histogram->total == 0 || wanted > (double)histogram->total)
        return INFINITY;
    return (double)load_histogram_percentile(histogram, wanted / (double)histogram->total * 100);
}

double load_objective_value(const struct load_objective *objective,
                            const struct load_result *result)
{
    const struct load_counters *counters = &result->counters;
    const struct load_histogram *histogram =
        objective->from_send ? result->from_send : result->latency;

    switch (objective->measure) {
    case LOAD_MEASURE_PERCENTILE:
        return percentile(objective, result);
    case LOAD_MEASURE_MEAN:
        return histogram->total == 0 ? INFINITY : load_histogram_mean(histogram);
    case LOAD_MEASURE_MAX:
        return histogram->total == 0 ? INFINITY : (double)histogram->max_us;
    case LOAD_MEASURE_LOSS:
        return counters->sent == 0
                   ? 1
                   : share(counters->timed_out + counters->unreachable + result->pending,
                           counters->sent);
    case LOAD_MEASURE_ERRORS:
        return share(counters->answered_3xx + counters->answered_4xx + counters->answered_5xx +
                         counters->answered_6xx,
                     counters->sent);
    case LOAD_MEASURE_RETRANS:
        return share(result->retransmissions, counters->sent);
    case LOAD_MEASURE_LOST:
        return share(load_verdict_lost(result), counters->sent);
    case LOAD_MEASURE_DUPLICATED:
        return share(counters->duplicated, counters->sent);
    case LOAD_MEASURE_RATE:
        return per_second(counters->answered_2xx, result);
    default:
        ZSIP_ASSERT(objective->measure == LOAD_MEASURE_GOODPUT);
        return per_second(counters->good_in_t1, result);
    }
}

bool load_objective_met(const struct load_objective *objective, const struct load_result *result)
{
    double value = load_objective_value(objective, result);

    if (objective->or_equal && value == objective->bound)
        return true;
    return objective->below ? value < objective->bound : value > objective->bound;
}

bool load_slo_met(const struct load_slo *slo, const struct load_result *result)
{
    for (uint32_t i = 0; i < slo->count; i++) {
        if (!load_objective_met(&slo->objectives[i], result))
            return false;
    }
    return true;
}

static void value_text(const struct load_objective *objective, double value, char *out,
                       size_t bytes)
{
    switch (measures[objective->measure].unit) {
    case LOAD_UNIT_TIME:
        if (isinf(value))
            snprintf(out, bytes, "too few requests were answered");
        else
            snprintf(out, bytes, "%s", load_format_us((uint64_t)value).text);
        break;
    case LOAD_UNIT_SHARE:
        snprintf(out, bytes, "%.4g %%", value * 100);
        break;
    default:
        snprintf(out, bytes, "%s/s", load_format_count((uint64_t)value).text);
        break;
    }
}

void load_slo_print(FILE *out, const struct load_slo *slo, const struct load_result *result)
{
    for (uint32_t i = 0; i < slo->count; i++) {
        const struct load_objective *one = &slo->objectives[i];
        char value[64];

        value_text(one, load_objective_value(one, result), value, sizeof value);
        fprintf(out, "  objective %-24s %-6s  %s\n", one->text,
                load_objective_met(one, result) ? "met" : "MISSED", value);
    }
}
