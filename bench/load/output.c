#include "output.h"

#include "codec.h"

#include <inttypes.h>
#include <stdlib.h>

#define NAME(name, text) "," #name

void load_output_begin(struct load_output *output, int64_t started_utc_us)
{
    double utc_s = (double)started_utc_us / 1e6;

    output->started_utc_us = started_utc_us;
    if (output->csv != NULL)
        fputs("second,utc" LOAD_SECOND_SUM_MAP(NAME)
                  LOAD_SECOND_LATENCY_MAP(NAME) ","
                                                "lag_us,warmup\r\n",
              output->csv);
    /* Values are microseconds; the maximum of a line stands in milliseconds, as ever. */
    if (output->hlog != NULL)
        fprintf(output->hlog,
                "#[Latencies of zsip load, in microseconds]\n"
                "#[Histogram log format version 1.3]\n"
                "#[BaseTime: %.3f (seconds since epoch)]\n"
                "#[StartTime: %.3f (seconds since epoch), %s]\n"
                "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                "\"Interval_Compressed_Histogram\"\n",
                utc_s, utc_s, load_utc_text(started_utc_us).text);
}

static void csv_line(const struct load_output *output, uint32_t index,
                     const struct load_second *second)
{
    int64_t utc_us = output->started_utc_us + (int64_t)index * 1000000;

    fprintf(output->csv, "%" PRIu32 ",%s", index, load_utc_text(utc_us).text);
#define X(name, text) fprintf(output->csv, ",%" PRIu64, second->name);
    LOAD_SECOND_SUM_MAP(X)
    LOAD_SECOND_LATENCY_MAP(X)
#undef X
    fprintf(output->csv, ",%" PRIu64 ",%d\r\n", second->lag_us, second->warmup);
    fflush(output->csv);
}

/* What came before the measurement has a tag of its own, by which readers tell it from the rest. */
static void hlog_line(const struct load_output *output, uint32_t index, bool warmup,
                      const struct load_histogram *latency, const char *text)
{
    fprintf(output->hlog, "%s%" PRIu32 ".000,1.000,%.3f,%s\n", warmup ? "Tag=warmup," : "", index,
            (double)latency->max_us / 1000.0, text);
    fflush(output->hlog);
}

/* Takes text. Without memory the seconds from here on have no histogram; the totals keep theirs. */
static void keep(struct load_output *output, uint32_t index, char *text)
{
    if (index == output->latencies_room) {
        uint32_t room = index < 64 ? 64 : 2 * index;
        char **more = realloc(output->latencies, room * sizeof *more);

        if (more != NULL) {
            output->latencies = more;
            output->latencies_room = room;
        }
    }
    if (index < output->latencies_room && index == output->latencies_count)
        output->latencies[output->latencies_count++] = text;
    else
        free(text);
}

void load_output_second(void *user, uint32_t index, const struct load_second *second,
                        const struct load_histogram *latency)
{
    struct load_output *output = user;
    char *text = NULL;

    if (output->csv != NULL)
        csv_line(output, index, second);
    if (output->hlog != NULL || output->keep)
        text = load_codec_encode(latency);
    if (output->hlog != NULL && text != NULL)
        hlog_line(output, index, second->warmup, latency, text);
    if (output->keep)
        keep(output, index, text);
    else
        free(text);
}

void load_output_drop(struct load_output *output)
{
    for (uint32_t i = 0; i < output->latencies_count; i++)
        free(output->latencies[i]);
    free(output->latencies);
}
