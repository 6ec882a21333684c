#define _GNU_SOURCE
#include "bench/harness.h"
#include "bench/commit.h"
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define NOTES_MAX 64u

struct row {
    char name[64];
    char unit[8];
    double median, min, max;
    unsigned runs;
};

static struct {
    const char *name;
    const char *json_path;
    const char *only;
    int core;
    unsigned runs;
    unsigned row_count, note_count;
    struct row rows[BENCH_ROWS_MAX];
    char notes[NOTES_MAX][160];
} bench = {.core = -1};

static void fail_usage(const char *argument)
{
    fprintf(stderr, "bench-%s: what is '%s'?\n", bench.name, argument);
    fprintf(stderr, "usage: bench-%s [--json FILE] [--core N] [--runs N] [--only TEXT]\n",
            bench.name);
    exit(64);
}

int bench_begin_some(const char *name, int argc, char **argv)
{
    int kept = 1;
    bench.name = name;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool known = true;
        if (value != NULL && strcmp(argv[i], "--json") == 0) {
            bench.json_path = value;
        } else if (value != NULL && strcmp(argv[i], "--only") == 0) {
            bench.only = value;
        } else if (value != NULL && strcmp(argv[i], "--core") == 0) {
            bench.core = atoi(value);
        } else if (value != NULL && strcmp(argv[i], "--runs") == 0) {
            bench.runs = (unsigned)atoi(value);
            if (bench.runs < 1 || bench.runs > BENCH_RUNS_MAX) {
                fail_usage(value);
            }
        } else {
            known = false;
            argv[kept++] = argv[i];
        }
        i += known ? 1 : 0;
    }
    return kept;
}

void bench_begin(const char *name, int argc, char **argv)
{
    if (bench_begin_some(name, argc, argv) > 1) {
        fail_usage(argv[1]);
    }
}

void bench_pin(void)
{
    cpu_set_t set;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int core = bench.core >= 0 ? bench.core : (int)cores - 1;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) {
        bench_note("not pinned to core %d: %s", core, strerror(errno));
    }
}

unsigned bench_runs(unsigned runs_default)
{
    return bench.runs != 0 ? bench.runs : runs_default;
}

bool bench_wanted(const char *name)
{
    return bench.only == NULL || strstr(name, bench.only) != NULL;
}

uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare_samples(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_row(const char *name, const char *unit, const double *samples, size_t runs)
{
    double sorted[BENCH_RUNS_MAX];
    if (bench.row_count == BENCH_ROWS_MAX || runs < 1 || runs > BENCH_RUNS_MAX) {
        fprintf(stderr, "bench-%s: row '%s' does not fit\n", bench.name, name);
        exit(70);
    }
    memcpy(sorted, samples, runs * sizeof(sorted[0]));
    qsort(sorted, runs, sizeof(sorted[0]), compare_samples);
    struct row *row = &bench.rows[bench.row_count++];
    snprintf(row->name, sizeof(row->name), "%s", name);
    snprintf(row->unit, sizeof(row->unit), "%s", unit);
    row->median = (sorted[runs / 2] + sorted[(runs - 1) / 2]) / 2;
    row->min = sorted[0];
    row->max = sorted[runs - 1];
    row->runs = (unsigned)runs;
}

void bench_note(const char *format, ...)
{
    va_list arguments;
    if (bench.note_count == NOTES_MAX) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(bench.notes[bench.note_count++], sizeof(bench.notes[0]), format, arguments);
    va_end(arguments);
}

/* ---- The machine --------------------------------------------------------------------------------
 */

/* The value behind key in a file of "key: value" or KEY="value" lines; "?" if there is none. */
static void read_value(const char *path, const char *key, char *out, size_t out_bytes)
{
    char line[512];
    FILE *file = fopen(path, "r");
    snprintf(out, out_bytes, "?");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            char *value = line + strlen(key);
            value += strspn(value, " \t:=\"");
            value[strcspn(value, "\"\n")] = '\0';
            snprintf(out, out_bytes, "%s", value);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

struct machine {
    char cpu[96], os[96], kernel[96], compiler[96];
    long cores, memory_mb;
};

static void describe_machine(struct machine *machine)
{
    struct utsname name;
    uname(&name);
    read_value("/proc/cpuinfo", "model name", machine->cpu, sizeof(machine->cpu));
    read_value("/etc/os-release", "PRETTY_NAME", machine->os, sizeof(machine->os));
    snprintf(machine->kernel, sizeof(machine->kernel), "%.90s", name.release);
#ifdef __clang__
    snprintf(machine->compiler, sizeof(machine->compiler), "%.90s", __VERSION__);
#else
    snprintf(machine->compiler, sizeof(machine->compiler), "gcc %s", __VERSION__);
#endif
    machine->cores = sysconf(_SC_NPROCESSORS_ONLN);
    machine->memory_mb =
        (long)((long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 1000000);
}

/* ---- Output -------------------------------------------------------------------------------------
 */

static void print_table(const struct machine *machine)
{
    printf("%s, %s, %ld cores, %s, Linux %s, %s\n\n", bench.name, machine->cpu, machine->cores,
           machine->os, machine->kernel, machine->compiler);
    printf("%-36s %14s %-4s %14s %14s %5s\n", "row", "median", "", "min", "max", "runs");
    for (unsigned i = 0; i < bench.row_count; i++) {
        const struct row *row = &bench.rows[i];
        int digits = row->median < 100 ? 2 : row->median < 10000 ? 1 : 0;
        printf("%-36s %14.*f %-4s %14.*f %14.*f %5u\n", row->name, digits, row->median, row->unit,
               digits, row->min, digits, row->max, row->runs);
    }
    for (unsigned i = 0; i < bench.note_count; i++) {
        printf("%s%s\n", i == 0 ? "\n" : "", bench.notes[i]);
    }
}

static void put_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            fprintf(file, "\\%c", byte);
        } else if (byte < 0x20) {
            fprintf(file, "\\u%04x", byte);
        } else {
            fputc(byte, file);
        }
    }
    fputc('"', file);
}

static void put_member(FILE *file, const char *key, const char *text, const char *tail)
{
    put_string(file, key);
    fputs(": ", file);
    put_string(file, text);
    fputs(tail, file);
}

static void put_json(FILE *file, const struct machine *machine)
{
    fputc('{', file);
    put_member(file, "bench", bench.name, ", \"machine\": {");
    put_member(file, "cpu", machine->cpu, ", ");
    fprintf(file, "\"cores\": %ld, \"memory_mb\": %ld, ", machine->cores, machine->memory_mb);
    put_member(file, "os", machine->os, ", ");
    put_member(file, "kernel", machine->kernel, ", ");
    put_member(file, "compiler", machine->compiler, "}, ");
    put_member(file, "commit", ZSIP_BENCH_COMMIT, ", \"rows\": [");
    for (unsigned i = 0; i < bench.row_count; i++) {
        const struct row *row = &bench.rows[i];
        fputs(i == 0 ? "\n  {" : ",\n  {", file);
        put_member(file, "name", row->name, ", ");
        fprintf(file, "\"value\": %.9g, ", row->median);
        put_member(file, "unit", row->unit, ", ");
        fprintf(file, "\"min\": %.9g, \"max\": %.9g, \"runs\": %u}", row->min, row->max, row->runs);
    }
    fputs("\n], \"notes\": [", file);
    for (unsigned i = 0; i < bench.note_count; i++) {
        fputs(i == 0 ? "" : ", ", file);
        put_string(file, bench.notes[i]);
    }
    fputs("]}\n", file);
}

int bench_finish(void)
{
    struct machine machine;
    describe_machine(&machine);
    bool to_stdout = bench.json_path != NULL && strcmp(bench.json_path, "-") == 0;
    if (!to_stdout) {
        print_table(&machine);
    }
    if (bench.json_path == NULL) {
        return 0;
    }
    FILE *file = to_stdout ? stdout : fopen(bench.json_path, "w");
    if (file == NULL) {
        perror(bench.json_path);
        return 1;
    }
    put_json(file, &machine);
    if ((to_stdout ? fflush(file) : fclose(file)) != 0) {
        perror(bench.json_path);
        return 1;
    }
    return 0;
}
