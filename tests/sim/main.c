/* sim: runs seeds, one after the other or on several processes, and says which one failed. */
#define _POSIX_C_SOURCE 200809L
#include "tests/sim/sim.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct world *world_current;
static const char *program;

/* ---- Failures -------------------------------------------------------------------------------- */

static void replay(const struct world *world)
{
    fprintf(stderr, "replay: %s --seed %llu --transactions %llu --verbose\n", program,
            (unsigned long long)world->seed, (unsigned long long)world->transactions_max);
}

void fail(struct world *world, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    va_start(args, format);
    fprintf(stderr, "FAIL seed %llu step %llu at %.9f s: ", (unsigned long long)world->seed,
            (unsigned long long)world->step, (double)world->now_ns / 1e9);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    replay(world);
    _exit(1);
}

void note(struct world *world, const char *format, ...)
{
    if (!world->verbose)
        return;
    va_list args;
    va_start(args, format);
    printf("%8llu %14.9f ", (unsigned long long)world->step, (double)world->now_ns / 1e9);
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

void zsip_assert_failed(const char *expression, const char *file, int line)
{
    fail(world_current, "%s:%d: assertion failed: %s", file, line, expression);
}

static void on_crash(int number)
{
    fprintf(stderr, "FAIL seed %llu step %llu: signal %d\n",
            (unsigned long long)world_current->seed, (unsigned long long)world_current->step,
            number);
    replay(world_current);
    _exit(1);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

struct options {
    uint64_t first, seeds, transactions, seconds;
    unsigned jobs;
    bool verbose;
};

struct tally {
    uint64_t seeds, transactions, steps, deliveries, answers, copies, outcomes, refusals;
    double virtual_s;
};

static double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void tally_add(struct tally *tally, const struct world *world)
{
    tally->seeds++;
    tally->transactions += world->transactions;
    tally->steps += world->step;
    tally->deliveries += world->deliveries;
    tally->answers += world->answers;
    tally->copies += world->copies_answered;
    tally->outcomes += world->outcomes;
    tally->refusals += world->refusals;
    tally->virtual_s += (double)world->now_ns / 1e9;
}

/* Every jobs-th seed, from this job's first on: all of them, or until time is up. */
static struct tally run_job(const struct options *options, unsigned job, double begun)
{
    static struct world world;
    struct tally tally = {0};
    uint64_t each = (options->transactions + options->seeds - 1) / options->seeds;
    for (uint64_t i = job;; i += options->jobs) {
        bool timed_out = options->seconds > 0 && seconds_now() - begun >= (double)options->seconds;
        if (options->seconds > 0 ? timed_out : i >= options->seeds)
            return tally;
        world_run(&world, options->first + i, each, options->verbose);
        tally_add(&tally, &world);
    }
}

static void tally_sum(struct tally *sum, const struct tally *tally)
{
    sum->seeds += tally->seeds;
    sum->transactions += tally->transactions;
    sum->steps += tally->steps;
    sum->deliveries += tally->deliveries;
    sum->answers += tally->answers;
    sum->copies += tally->copies;
    sum->outcomes += tally->outcomes;
    sum->refusals += tally->refusals;
    sum->virtual_s += tally->virtual_s;
}

/* One process a job; false if one of them failed. The others end with it. */
static bool run_jobs(const struct options *options, struct tally *sum, double begun)
{
    pid_t children[64];
    int pipes[64];
    for (unsigned job = 0; job < options->jobs; job++) {
        int ends[2];
        if (pipe(ends) != 0 || (children[job] = fork()) < 0) {
            perror("sim");
            exit(2);
        }
        if (children[job] == 0) {
            struct tally tally = run_job(options, job, begun);
            _exit(write(ends[1], &tally, sizeof(tally)) == (ssize_t)sizeof(tally) ? 0 : 2);
        }
        close(ends[1]);
        pipes[job] = ends[0];
    }
    bool good = true;
    for (unsigned left = options->jobs; left > 0; left--) {
        int status = 0;
        while (wait(&status) < 0 && errno == EINTR)
            continue;
        if (status == 0 || !good)
            continue;
        good = false;
        for (unsigned job = 0; job < options->jobs; job++)
            kill(children[job], SIGTERM);
    }
    for (unsigned job = 0; job < options->jobs; job++) {
        struct tally tally;
        if (good && read(pipes[job], &tally, sizeof(tally)) == (ssize_t)sizeof(tally))
            tally_sum(sum, &tally);
        close(pipes[job]);
    }
    return good;
}

static void report(const struct tally *tally, double seconds)
{
    printf("%llu transactions over %llu seeds in %.1f s (%.0f a second): %llu events, "
           "%llu packets delivered, %llu first answers, %llu repeated, %llu outcomes, "
           "%llu refused for want of room, %.1f days of virtual time; no fault\n",
           (unsigned long long)tally->transactions, (unsigned long long)tally->seeds, seconds,
           (double)tally->transactions / seconds, (unsigned long long)tally->steps,
           (unsigned long long)tally->deliveries, (unsigned long long)tally->answers,
           (unsigned long long)tally->copies, (unsigned long long)tally->outcomes,
           (unsigned long long)tally->refusals, tally->virtual_s / 86400);
}

/* ---- Options --------------------------------------------------------------------------------- */

static void usage(void)
{
    fprintf(stderr, "usage: sim [--seed S] [--first S] [--seeds N] [--transactions M] [--seconds T]"
                    " [--jobs J] [--verbose]\n"
                    "  --seed S          one seed\n"
                    "  --first S         the first of several (1)\n"
                    "  --seeds N         how many (20)\n"
                    "  --transactions M  of all seeds together (40000)\n"
                    "  --seconds T       go on to further seeds for so long\n"
                    "  --jobs J          processes (one a core)\n");
    exit(64);
}

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = text == NULL ? 0 : strtoull(text, &end, 0);
    if (text == NULL || *text == 0 || *end != 0 || errno != 0)
        usage();
    return value;
}

static void options_read(struct options *options, char **argv)
{
    for (char **arg = argv + 1; *arg != NULL; arg++) {
        if (strcmp(*arg, "--verbose") == 0) {
            options->verbose = true;
            continue;
        }
        const char *name = *arg;
        uint64_t value = number(arg[1]);
        arg++;
        if (strcmp(name, "--seed") == 0) {
            options->first = value;
            options->seeds = options->jobs = 1;
        } else if (strcmp(name, "--first") == 0) {
            options->first = value;
        } else if (strcmp(name, "--seeds") == 0) {
            options->seeds = value;
        } else if (strcmp(name, "--transactions") == 0) {
            options->transactions = value;
        } else if (strcmp(name, "--seconds") == 0) {
            options->seconds = value;
        } else if (strcmp(name, "--jobs") == 0) {
            options->jobs = (unsigned)value;
        } else {
            usage();
        }
    }
    if (options->seeds == 0 || options->jobs == 0 || options->jobs > 64)
        usage();
}

int main(int argc, char **argv)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct options options = {.first = 1,
                              .seeds = 20,
                              .transactions = 40000,
                              .jobs = cores < 1    ? 1
                                      : cores > 16 ? 16
                                                   : (unsigned)cores};
    (void)argc;
    program = argv[0];
    options_read(&options, argv);
    signal(SIGSEGV, on_crash);
    signal(SIGBUS, on_crash);
    signal(SIGFPE, on_crash);
    signal(SIGABRT, on_crash);
    double begun = seconds_now();
    struct tally tally = {0};
    if (options.jobs == 1)
        tally = run_job(&options, 0, begun);
    else if (!run_jobs(&options, &tally, begun))
        return 1;
    report(&tally, seconds_now() - begun);
    return 0;
}
