#include "plan.h"

#include <math.h>
#include <string.h>

#define PIECES_MAX (sizeof((struct load_plan *)0)->pieces / sizeof(struct load_piece))

/* Arrivals that load_plan_count() goes through one by one. */
#define PLAN_COUNT_EXACT 1000000

/* ---- Schedules ------------------------------------------------------------------------------- */

void load_schedule_constant(struct load_schedule *schedule, double rate)
{
    memset(schedule, 0, sizeof *schedule);
    schedule->segments[0] = (struct load_segment){rate, rate, 0};
    schedule->count = 1;
    schedule->open_ended = true;
}

uint64_t load_schedule_length_ns(const struct load_schedule *schedule)
{
    uint64_t length_ns = 0;

    if (schedule->open_ended)
        return 0;
    for (uint32_t i = 0; i < schedule->count; i++)
        length_ns += schedule->segments[i].length_ns;
    return length_ns;
}

double load_schedule_peak(const struct load_schedule *schedule)
{
    double peak = 0;

    for (uint32_t i = 0; i < schedule->count; i++)
        peak = fmax(peak, fmax(schedule->segments[i].from, schedule->segments[i].to));
    return peak;
}

double load_schedule_arrivals(const struct load_schedule *schedule, uint64_t time_ns)
{
    double arrivals = 0, left_s = (double)time_ns / 1e9;

    for (uint32_t i = 0; i < schedule->count && left_s > 0; i++) {
        const struct load_segment *segment = &schedule->segments[i];
        double length_s = (double)segment->length_ns / 1e9;
        bool endless = schedule->open_ended && i + 1 == schedule->count;
        double spent_s = endless ? left_s : fmin(length_s, left_s);
        double slope = length_s > 0 ? (segment->to - segment->from) / length_s : 0;

        arrivals += segment->from * spent_s + slope * spent_s * spent_s / 2;
        left_s -= spent_s;
    }
    if (left_s > 0)
        arrivals += schedule->segments[schedule->count - 1].to * left_s;
    return arrivals;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

static void piece_add(struct load_plan *plan, double *number, double *at_ns,
                      struct load_segment segment)
{
    double length_s = (double)segment.length_ns / 1e9;

    plan->pieces[plan->piece_count++] = (struct load_piece){
        .number = *number,
        .at_ns = *at_ns,
        .rate = segment.from,
        .slope = length_s > 0 ? (segment.to - segment.from) / length_s : 0,
    };
    *number += (segment.from + segment.to) / 2 * length_s;
    *at_ns += (double)segment.length_ns;
}

/* When arrival number is due. Doubles are exact enough: 2^53 ns are 104 days. */
static uint64_t due_ns(struct load_plan *plan, double number)
{
    const struct load_piece *piece;
    double n, s;

    while (plan->piece + 1 < plan->piece_count && number >= plan->pieces[plan->piece + 1].number)
        plan->piece++;
    piece = &plan->pieces[plan->piece];
    n = number - piece->number;
    if (piece->slope == 0) {
        if (piece->rate <= 0)
            return UINT64_MAX; /* the last piece, or the one before would not have ended */
        return (uint64_t)(piece->at_ns + n * 1e9 / piece->rate);
    }
    /* n = rate * s + slope * s^2 / 2, solved for s in the form that does not cancel. */
    s = piece->rate * piece->rate + 2 * piece->slope * n;
    s = piece->rate + sqrt(s > 0 ? s : 0);
    return (uint64_t)(piece->at_ns + (s > 0 ? 2 * n / s * 1e9 : 0));
}

/* A random number in (0, 1): a function of seed, worker and index (splitmix64). */
static double uniform(const struct load_plan *plan, uint64_t index)
{
    uint64_t z = plan->seed + 0x9e3779b97f4a7c15u * (index + 1) +
                 0xd1342543de82ef95u * ((uint64_t)plan->worker + 1);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return ((double)(z >> 11) + 0.5) / 9007199254740992.0;
}

/* A Poisson process of a varying rate is one of rate 1 in the time that counts expected arrivals:
 * exponential distances there, bent by the plan. */
static double distance(const struct load_plan *plan)
{
    return plan->poisson ? -log(uniform(plan, plan->index)) * plan->workers : plan->workers;
}

void load_plan_init(struct load_plan *plan, const struct load_schedule *schedule, uint64_t lead_ns,
                    uint32_t worker, uint32_t workers)
{
    const struct load_segment *last = &schedule->segments[schedule->count - 1];
    double number = 0, at_ns = 0, first = schedule->segments[0].from;
    uint32_t ended = schedule->count - (schedule->open_ended ? 1 : 0);

    memset(plan, 0, sizeof *plan);
    plan->worker = worker;
    plan->workers = workers;
    plan->poisson = schedule->poisson;
    plan->seed = schedule->seed;
    if (lead_ns > 0)
        piece_add(plan, &number, &at_ns, (struct load_segment){first, first, lead_ns});
    for (uint32_t i = 0; i < ended; i++)
        piece_add(plan, &number, &at_ns, schedule->segments[i]);
    piece_add(plan, &number, &at_ns, (struct load_segment){last->to, last->to, 0});
    plan->number = plan->poisson ? distance(plan) : worker;
    plan->due_ns = due_ns(plan, plan->number);
}

void load_plan_next(struct load_plan *plan)
{
    uint64_t due;

    plan->index++;
    plan->number += distance(plan);
    due = due_ns(plan, plan->number);
    /* Rounding must not turn back where two pieces meet. */
    plan->due_ns = due > plan->due_ns ? due : plan->due_ns;
}

/* The piece that holds time_ns, from the arrival in hand on. */
static uint32_t piece_at(const struct load_plan *plan, double time_ns)
{
    uint32_t at = plan->piece;

    while (at + 1 < plan->piece_count && plan->pieces[at + 1].at_ns <= time_ns)
        at++;
    return at;
}

/* Arrivals of the run that are planned before time_ns. */
static double number_at(const struct load_plan *plan, double time_ns)
{
    const struct load_piece *piece = &plan->pieces[piece_at(plan, time_ns)];
    double s = (time_ns - piece->at_ns) / 1e9;

    return s > 0 ? piece->number + piece->rate * s + piece->slope * s * s / 2 : piece->number;
}

bool load_plan_turn(struct load_plan *plan, uint64_t now_ns, double rate)
{
    uint32_t at = piece_at(plan, (double)now_ns);
    double number = number_at(plan, (double)now_ns);

    if (at + 1 == PIECES_MAX) {
        if (plan->piece == 0)
            return false;
        memmove(plan->pieces, plan->pieces + plan->piece,
                (at + 1 - plan->piece) * sizeof plan->pieces[0]);
        at -= plan->piece;
        plan->piece = 0;
    }
    plan->pieces[at + 1] = (struct load_piece){number, (double)now_ns, rate, 0};
    plan->piece_count = at + 2;
    plan->due_ns = due_ns(plan, plan->number);
    return true;
}

uint64_t load_plan_count(const struct load_plan *plan, uint64_t end_ns)
{
    double expected = (number_at(plan, (double)end_ns) - plan->number) / plan->workers;
    struct load_plan copy = *plan;
    uint64_t count = 0;

    if (expected > PLAN_COUNT_EXACT)
        return (uint64_t)expected;
    for (; copy.due_ns < end_ns && count <= 2 * PLAN_COUNT_EXACT; count++)
        load_plan_next(&copy);
    return count;
}

uint64_t load_share(uint64_t total, uint32_t worker, uint32_t workers)
{
    return total / workers + (worker < total % workers ? 1 : 0);
}
