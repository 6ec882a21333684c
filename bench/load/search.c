#include "search.h"

#include <math.h>
#include <string.h>

/* The first bracket is looked for in doublings; later ones begin where the last one ended. */
#define STEP_FIRST 2.0
/* Near a generator's own limit: the answer is only "at least". */
#define PRECISION_GENERATOR 0.1

static double clamp(double rate)
{
    return fmin(fmax(rate, LOAD_SEARCH_RATE_MIN), LOAD_SEARCH_RATE_MAX);
}

void load_search_init(struct load_search *search, double first, double precision, unsigned repeats)
{
    memset(search, 0, sizeof *search);
    search->precision = precision;
    search->repeats = repeats;
    search->rate = clamp(first);
    search->step = STEP_FIRST;
}

bool load_search_next(const struct load_search *search, double *rate)
{
    *rate = search->rate;
    return !search->over;
}

/* One maximum is found; the next repeat looks around it. */
static void settle(struct load_search *search)
{
    double found = search->low;

    search->found[search->found_count++] = found;
    if (search->found_count == search->repeats || search->at_least) {
        search->over = true;
        return;
    }
    search->low = search->high = 0;
    search->rate = found;
    search->step = 1 + 4 * search->precision;
}

static void narrow(struct load_search *search)
{
    double precision = search->at_least && search->precision < PRECISION_GENERATOR
                           ? PRECISION_GENERATOR
                           : search->precision;

    if (search->high == 0) {
        if (search->rate >= LOAD_SEARCH_RATE_MAX) {
            search->at_least = true;
            settle(search);
            return;
        }
        search->rate = clamp(search->low * search->step);
        search->step = fmin(search->step * search->step, STEP_FIRST);
    } else if (search->low == 0) {
        if (search->rate <= LOAD_SEARCH_RATE_MIN) {
            search->over = true;
            search->none = search->found_count == 0;
            return;
        }
        search->rate = clamp(search->high / search->step);
        search->step = fmin(search->step * search->step, STEP_FIRST);
    } else if (search->high - search->low <= precision * search->low) {
        settle(search);
    } else {
        search->rate = (search->low + search->high) / 2;
    }
}

void load_search_told(struct load_search *search, enum load_probe probe)
{
    if (probe == LOAD_PROBE_GENERATOR && search->again == 0) {
        search->again = 1; /* a hiccup of this machine is no limit: once more */
        return;
    }
    search->again = 0;
    if (probe == LOAD_PROBE_MET) {
        search->low = search->rate;
    } else {
        search->high = search->rate;
        search->at_least = probe == LOAD_PROBE_GENERATOR;
    }
    narrow(search);
}

bool load_search_result(const struct load_search *search, double *median, double *lowest,
                        double *highest)
{
    double sorted[LOAD_REPEATS_MAX + 1];
    unsigned count = search->found_count;

    memcpy(sorted, search->found, count * sizeof sorted[0]);
    if (count == 0 && search->low > 0)
        sorted[count++] = search->low;
    if (count == 0)
        return false;
    /* By insertion: there are few. */
    for (unsigned i = 1; i < count; i++) {
        for (unsigned j = i; j > 0 && sorted[j - 1] > sorted[j]; j--) {
            double swap = sorted[j];

            sorted[j] = sorted[j - 1];
            sorted[j - 1] = swap;
        }
    }
    *lowest = sorted[0];
    *highest = sorted[count - 1];
    *median = count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    return true;
}
