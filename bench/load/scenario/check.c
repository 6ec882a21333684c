/* What only the whole scenario can tell: who begins it, and what a call must remember. */
#include "scenario.h"

static bool looks_back(const struct scenario *scenario, const struct scenario_step *step)
{
    for (uint32_t i = 0; i < step->action_count; i++) {
        const struct scenario_action *action = &scenario->actions[step->action_first + i];

        if (scenario_text_looks_back(&action->text) ||
            (action->kind == SCENARIO_EREG && action->place != SCENARIO_IN_VARIABLE &&
             step->kind != SCENARIO_RECV_REQUEST && step->kind != SCENARIO_RECV_RESPONSE))
            return true;
    }
    return scenario_text_looks_back(&step->head) || scenario_text_looks_back(&step->body) ||
           scenario_text_looks_back(&step->response.headers) ||
           scenario_text_looks_back(&step->response.reason) ||
           scenario_text_looks_back(&step->response.content_type);
}

static bool in_dialog(const struct scenario_text *text)
{
    return scenario_text_has(text, SCENARIO_PIECE_PEER_TAG_PARAM) ||
           scenario_text_has(text, SCENARIO_PIECE_NEXT_URL) ||
           scenario_text_has(text, SCENARIO_PIECE_ROUTES);
}

/* A server that answers each request by itself needs no table of calls. */
static bool one_shot(const struct scenario *scenario)
{
    unsigned received = 0;

    for (uint32_t i = 0; i < scenario->step_count; i++) {
        const struct scenario_step *step = &scenario->steps[i];

        received += step->kind == SCENARIO_RECV_REQUEST && !step->optional;
        if (step->kind == SCENARIO_SEND_REQUEST || step->kind == SCENARIO_RECV_RESPONSE ||
            (step->kind == SCENARIO_RECV_REQUEST && i > 0 &&
             scenario->steps[i - 1].kind != SCENARIO_RECV_REQUEST) ||
            step->next != SCENARIO_NONE)
            return false;
    }
    return received == 1;
}

/* The first step that is about a message says whether this is a client or a server. */
static void begins(struct scenario_reader *reader)
{
    struct scenario *scenario = reader->scenario;

    for (uint32_t i = 0; i < scenario->step_count; i++) {
        const struct scenario_step *step = &scenario->steps[i];

        if (step->kind == SCENARIO_PAUSE || step->kind == SCENARIO_NOP)
            continue;
        scenario->server = step->kind == SCENARIO_RECV_REQUEST;
        if (step->kind == SCENARIO_RECV_RESPONSE || step->kind == SCENARIO_SEND_RESPONSE)
            scenario_wrong(reader, step->line,
                           "a scenario begins with a request, sent or received");
        return;
    }
    if (reader->fault_count == 0)
        scenario_wrong(reader, reader->line, "nothing is sent or received");
}

void scenario_check(struct scenario_reader *reader)
{
    struct scenario *scenario = reader->scenario;

    begins(reader);
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        const struct scenario_step *step = &scenario->steps[i];

        scenario->uses_last |= looks_back(scenario, step);
        scenario->uses_dialog |= in_dialog(&step->head) || in_dialog(&step->response.headers);
        scenario->uses_auth |= step->authenticates;
    }
    /* A field of an injection file may say [authentication ...]. */
    for (uint32_t i = 0; i < scenario->step_count && scenario->uses_auth; i++)
        scenario->steps[i].keeps |=
            scenario_text_has(&scenario->steps[i].head, SCENARIO_PIECE_FIELD);
    for (uint32_t i = 0; i < scenario->variable_count; i++)
        scenario->variables[i].index = scenario->scope_count[scenario->variables[i].scope]++;
    scenario->one_shot = scenario->server && one_shot(scenario);
}
