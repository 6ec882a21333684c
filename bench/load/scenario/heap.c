/* Calls that wait for a time, earliest first: a binary heap that knows where each call stands. */
#include "inside.h"

static void place(struct scenario_run *run, uint32_t at, uint32_t call)
{
    run->heap[at] = call;
    run->calls[call].heap_at = at;
}

static bool before(const struct scenario_run *run, uint32_t a, uint32_t b)
{
    return run->calls[a].due_ns < run->calls[b].due_ns;
}

static void up(struct scenario_run *run, uint32_t at)
{
    uint32_t call = run->heap[at];

    while (at > 0 && before(run, call, run->heap[(at - 1) / 2])) {
        place(run, at, run->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(run, at, call);
}

static void down(struct scenario_run *run, uint32_t at)
{
    uint32_t call = run->heap[at];

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < run->heap_count && before(run, run->heap[child + 1], run->heap[child]))
            child++;
        if (child >= run->heap_count || !before(run, run->heap[child], call))
            break;
        place(run, at, run->heap[child]);
        at = child;
    }
    place(run, at, call);
}

void scenario_heap_set(struct scenario_run *run, uint32_t call, uint64_t due_ns)
{
    scenario_heap_remove(run, call);
    run->calls[call].due_ns = due_ns;
    run->heap[run->heap_count] = call;
    up(run, run->heap_count++);
}

void scenario_heap_remove(struct scenario_run *run, uint32_t call)
{
    uint32_t at = run->calls[call].heap_at, last;

    if (at == NONE)
        return;
    run->calls[call].heap_at = NONE;
    last = run->heap[--run->heap_count];
    if (last == call)
        return;
    run->heap[at] = last;
    down(run, at);
    up(run, run->calls[last].heap_at);
}
