/* What became of the calls of a scenario, for people and for programs. */
#include "calls.h"

#include "bench/load/scenario/scenario.h"
#include "format.h"
#include "run.h"

#include <stddef.h>

/* "send MESSAGE", "recv 200 (optional)" */
static void step_name(const struct scenario_step *step, char *out, size_t bytes)
{
    const char *optional = step->optional ? " (optional)" : "";

    switch (step->kind) {
    case SCENARIO_SEND_REQUEST:
        snprintf(out, bytes, "send %s", step->method_name);
        break;
    case SCENARIO_SEND_RESPONSE:
        snprintf(out, bytes, "send %u", step->response.code);
        break;
    case SCENARIO_RECV_RESPONSE:
        snprintf(out, bytes, "recv %u%s", step->code, optional);
        break;
    case SCENARIO_RECV_REQUEST:
        snprintf(out, bytes, "recv %s%s", step->method_name, optional);
        break;
    default:
        snprintf(out, bytes, "%s", step->kind == SCENARIO_PAUSE ? "pause" : "nop");
        break;
    }
}

void load_calls_print(FILE *out, const struct scenario *scenario, const struct load_calls *calls,
                      const struct load_step *steps, const char *first_failure)
{
    static const struct {
        const char *text;
        size_t offset;
    } rows[] = {
#define X(name, text) {text, offsetof(struct load_calls, name)},
        LOAD_CALLS_MAP(X)
#undef X
    };

    fprintf(out, "  scenario %s%s%s\n", scenario->path, scenario->name == NULL ? "" : ": ",
            scenario->name == NULL ? "" : scenario->name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t count = *(const uint64_t *)((const char *)calls + rows[i].offset);

        if (count > 0 || i < 3)
            fprintf(out, "    %13s  %s\n", load_format_count(count).text, rows[i].text);
    }
    if (first_failure[0] != '\0')
        fprintf(out, "    the first that failed, %s\n", first_failure);
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        char name[80];

        if (step->kind == SCENARIO_NOP)
            continue;
        step_name(step, name, sizeof name);
        fprintf(out, "    line %4u  %-24s %13s", step->line, name,
                load_format_count(steps[i].messages).text);
        if (steps[i].timeouts > 0)
            fprintf(out, "  timeouts %s", load_format_count(steps[i].timeouts).text);
        if (steps[i].unexpected > 0)
            fprintf(out, "  unexpected %s", load_format_count(steps[i].unexpected).text);
        fputc('\n', out);
    }
}

json_t *load_calls_json(const struct scenario *scenario, const struct load_calls *calls,
                        const struct load_step *steps)
{
    json_t *out = json_object(), *list = json_array();

    json_object_set_new(out, "scenario", json_string(scenario->path));
#define X(name, text) json_object_set_new(out, #name, json_integer((json_int_t)calls->name));
    LOAD_CALLS_MAP(X)
#undef X
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        char name[80];

        step_name(&scenario->steps[i], name, sizeof name);
        json_array_append_new(list, json_pack("{s:i, s:s, s:I, s:I, s:I}", "line",
                                              (int)scenario->steps[i].line, "step", name,
                                              "messages", (json_int_t)steps[i].messages, "timeouts",
                                              (json_int_t)steps[i].timeouts, "unexpected",
                                              (json_int_t)steps[i].unexpected));
    }
    json_object_set_new(out, "steps", list);
    return out;
}

/* ---- Several results as one ------------------------------------------------------------------ */

static void add(json_t *to, const json_t *from, const char *key)
{
    json_int_t sum = json_integer_value(json_object_get(to, key)) +
                     json_integer_value(json_object_get(from, key));

    json_object_set_new(to, key, json_integer(sum));
}

static bool steps_alike(const json_t *a, const json_t *b)
{
    size_t i;
    json_t *step;

    if (json_array_size(a) != json_array_size(b))
        return false;
    json_array_foreach(a, i, step)
    {
        const json_t *other = json_array_get(b, i);

        if (!json_equal(json_object_get(step, "line"), json_object_get(other, "line")) ||
            !json_equal(json_object_get(step, "step"), json_object_get(other, "step")))
            return false;
    }
    return true;
}

static void add_steps(json_t *to, const json_t *from)
{
    size_t i;
    json_t *step;

    json_array_foreach(to, i, step)
    {
        const json_t *other = json_array_get(from, i);

        add(step, other, "messages");
        add(step, other, "timeouts");
        add(step, other, "unexpected");
    }
}

json_t *load_calls_sum(const struct load_run *runs, unsigned count, json_t *notes)
{
    const struct load_run *first = NULL;
    json_t *out = NULL;

    for (unsigned i = 0; i < count; i++) {
        json_t *calls = json_object_get(runs[i].root, "calls");

        if (calls == NULL)
            continue;
        if (out == NULL) {
            first = &runs[i];
            out = json_deep_copy(calls);
            continue;
        }
#define X(name, text) add(out, calls, #name);
        LOAD_CALLS_MAP(X)
#undef X
        if (steps_alike(json_object_get(out, "steps"), json_object_get(calls, "steps"))) {
            add_steps(json_object_get(out, "steps"), json_object_get(calls, "steps"));
            continue;
        }
        json_object_set_new(out, "steps", json_array());
        json_array_append_new(
            notes, json_sprintf("%s and %s are not alike in the steps of their scenarios",
                                first->file, runs[i].file));
    }
    return out;
}
