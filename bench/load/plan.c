#include "plan.h"

/* A double is exact enough: 2^53 ns are 104 days. */
uint64_t load_plan_due_ns(const struct load_plan *plan, uint64_t index)
{
    double number = (double)index * plan->workers + plan->worker;

    return (uint64_t)(number * 1e9 / plan->rate);
}

uint64_t load_plan_count(const struct load_plan *plan, uint64_t end_ns)
{
    double arrivals = (double)end_ns * plan->rate / 1e9;
    uint64_t count = (uint64_t)(arrivals / plan->workers);

    /* The estimate may be off by one or two either way: the formula above decides. */
    while (count > 0 && load_plan_due_ns(plan, count - 1) >= end_ns)
        count--;
    while (load_plan_due_ns(plan, count) < end_ns)
        count++;
    return count;
}

uint64_t load_share(uint64_t total, uint32_t worker, uint32_t workers)
{
    return total / workers + (worker < total % workers ? 1 : 0);
}
