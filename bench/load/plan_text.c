/* Schedules as a user writes them. */
#include "plan.h"
#include "scan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_NS_MAX (7 * 86400 * UINT64_C(1000000000))

static bool refuse(const struct load_scan *scan, char *error, size_t error_bytes, const char *why)
{
    snprintf(error, error_bytes, "%s: at character %zu, '%.20s': %s", scan->text,
             (size_t)(scan->at - scan->text) + 1, scan->at, why);
    return false;
}

static bool rate(struct load_scan *scan, double *out, char *error, size_t error_bytes)
{
    struct load_scan before = *scan;

    if (!load_scan_count(scan, out))
        return refuse(&before, error, error_bytes,
                      "a rate is wanted, requests a second such as 2000 or 200k");
    if (*out > LOAD_RATE_MAX)
        return refuse(&before, error, error_bytes, "no more than 1000M a second");
    return true;
}

static bool length(struct load_scan *scan, uint64_t *out_ns, char *error, size_t error_bytes)
{
    struct load_scan before = *scan;
    double ns;

    if (!load_scan_time(scan, "s", &ns))
        return refuse(&before, error, error_bytes, "a time is wanted, such as 500ms, 60s or 2m");
    if (!(ns >= 1e6) || ns > (double)LENGTH_NS_MAX)
        return refuse(&before, error, error_bytes, "a time from 1ms to 168h is wanted");
    *out_ns = (uint64_t)ns;
    return true;
}

static bool add(struct load_schedule *out, const struct load_scan *scan,
                struct load_segment segment, char *error, size_t error_bytes)
{
    if (out->count == LOAD_SEGMENTS_MAX) {
        snprintf(error, error_bytes, "%s: more than %u parts", scan->text, LOAD_SEGMENTS_MAX);
        return false;
    }
    out->segments[out->count++] = segment;
    return true;
}

/* One part between commas. */
static bool part(struct load_schedule *out, struct load_scan *scan, char *error, size_t error_bytes)
{
    struct load_segment segment = {0};
    bool ramp;

    if (!rate(scan, &segment.from, error, error_bytes))
        return false;
    segment.to = segment.from;
    ramp = load_scan_word(scan, "..");
    if (ramp && !rate(scan, &segment.to, error, error_bytes))
        return false;
    if (load_scan_word(scan, "/")) {
        if (!length(scan, &segment.length_ns, error, error_bytes))
            return false;
    } else if (ramp) {
        return refuse(scan, error, error_bytes, "a ramp wants its time, such as /60s");
    } else {
        out->open_ended = true;
        if (segment.from <= 0)
            return refuse(scan, error, error_bytes, "a rate of 0 wants its time, such as /5s");
    }
    return add(out, scan, segment, error, error_bytes);
}

bool load_schedule_parse(struct load_schedule *out, const char *text, char *error,
                         size_t error_bytes)
{
    struct load_scan scan = {text, text};

    memset(out, 0, sizeof *out);
    do {
        if (!part(out, &scan, error, error_bytes))
            return false;
        if (*scan.at != '\0' && (out->open_ended || *scan.at != ','))
            return refuse(&scan, error, error_bytes,
                          out->open_ended ? "only the last part may be without a time"
                                          : "a comma is wanted between parts");
    } while (load_scan_word(&scan, ","));
    if (!(load_schedule_peak(out) > 0)) {
        snprintf(error, error_bytes, "%s: every rate in it is 0", text);
        return false;
    }
    return true;
}

bool load_schedule_parse_step(struct load_schedule *out, const char *text, char *error,
                              size_t error_bytes)
{
    struct load_scan scan = {text, text};
    double from, to, by, stairs;
    uint64_t length_ns;

    memset(out, 0, sizeof *out);
    if (!rate(&scan, &from, error, error_bytes))
        return false;
    if (!load_scan_word(&scan, ".."))
        return refuse(&scan, error, error_bytes, "give FROM..TO+BY/TIME, such as 10k..100k+10k/5s");
    if (!rate(&scan, &to, error, error_bytes))
        return false;
    if (!load_scan_word(&scan, "+"))
        return refuse(&scan, error, error_bytes, "the height of a step is wanted, such as +10k");
    if (!rate(&scan, &by, error, error_bytes))
        return false;
    if (!load_scan_word(&scan, "/"))
        return refuse(&scan, error, error_bytes, "the time of a step is wanted, such as /5s");
    if (!length(&scan, &length_ns, error, error_bytes))
        return false;
    if (*scan.at != '\0')
        return refuse(&scan, error, error_bytes, "nothing more is wanted here");
    if (!(by > 0) || !(fmax(from, to) > 0)) {
        snprintf(error, error_bytes, "%s: steps of height 0 lead nowhere", text);
        return false;
    }
    stairs = ceil(fabs(to - from) / by * (1 - 1e-12));
    if (stairs + 1 > LOAD_SEGMENTS_MAX) {
        snprintf(error, error_bytes, "%s: %.0f steps, %u are the most; give higher ones", text,
                 stairs + 1, LOAD_SEGMENTS_MAX);
        return false;
    }
    for (uint32_t i = 0; i <= (uint32_t)stairs; i++) {
        double at = to > from ? fmin(from + i * by, to) : fmax(from - i * by, to);

        out->segments[out->count++] = (struct load_segment){at, at, length_ns};
    }
    return true;
}
