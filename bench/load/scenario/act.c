/* The actions of a step. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_BYTES 4096u

static double number_of(const struct value *value)
{
    char text[64];
    size_t bytes = value->bytes < sizeof text - 1 ? value->bytes : sizeof text - 1;

    if (value->kind != VALUE_TEXT)
        return value->number;
    memcpy(text, value->text, bytes);
    text[bytes] = '\0';
    return strtod(text, NULL);
}

static void number_set(struct scene *scene, uint32_t variable, double number)
{
    struct value *value = scenario_value(scene, variable);

    value->kind = VALUE_NUMBER;
    value->number = number;
}

static void bool_set(struct scene *scene, const struct scenario_action *action, bool is)
{
    struct value *value;

    if (action->assign_count == 0)
        return;
    value = scenario_value(scene, action->assign[0]);
    value->kind = VALUE_BOOL;
    value->number = is;
}

static enum act checked(const struct scenario_action *action, bool is)
{
    bool wrong = (action->check == SCENARIO_CHECK_TRUE && !is) ||
                 (action->check == SCENARIO_CHECK_FALSE && is);

    return wrong ? ACT_FAIL : ACT_ON;
}

/* ---- ereg ------------------------------------------------------------------------------------ */

static bool name_equal(struct zsip_view name, const char *wanted, bool fold)
{
    if (name.length != strlen(wanted))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.data[i], d = (uint8_t)wanted[i];

        if (fold) {
            c = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
            d = d >= 'A' && d <= 'Z' ? (uint8_t)(d + 32) : d;
        }
        if (c != d)
            return false;
    }
    return true;
}

/* The value of the n-th row of a header field. Compact names stand for long ones. */
static struct zsip_view header_of(const struct zsip_msg *msg, const struct scenario_action *action)
{
    struct zsip_view wanted = {(const uint8_t *)action->header, strlen(action->header)};
    enum zsip_header_id id = zsip_header_by_name(wanted);
    uint32_t left = action->occurrence;

    for (unsigned i = 0; i < msg->header_count; i++) {
        const struct zsip_header *header = &msg->headers[i];
        struct zsip_view name = {msg->data + header->name_offset, header->name_length};

        if (!name_equal(name, action->header, action->fold) &&
            (id == ZSIP_HEADER_UNKNOWN || header->id != id))
            continue;
        if (--left == 0)
            return zsip_msg_view(msg, header->value);
    }
    return (struct zsip_view){NULL, 0};
}

static struct zsip_view searched(struct scene *scene, const struct scenario_action *action)
{
    const struct zsip_msg *msg;
    struct value *value;

    if (action->place == SCENARIO_IN_VARIABLE) {
        value = scenario_value(scene, action->variable);
        return (struct zsip_view){(const uint8_t *)value->text,
                                  value->kind == VALUE_TEXT ? value->bytes : 0};
    }
    msg = scenario_last(scene);
    if (msg == NULL)
        return (struct zsip_view){NULL, 0};
    switch (action->place) {
    case SCENARIO_IN_HEADER:
        return header_of(msg, action);
    case SCENARIO_IN_BODY:
        return zsip_msg_body(msg);
    default:
        return (struct zsip_view){msg->data, msg->body_offset + (size_t)msg->body_bytes};
    }
}

static enum act act_ereg(struct scene *scene, const struct scenario_action *action)
{
    regmatch_t matches[SCENARIO_ASSIGNS_MAX];
    char room[VALUE_BYTES_MAX];
    struct zsip_view text = searched(scene, action);
    bool found;

    /* A variable may be assigned from itself. */
    if (action->place == SCENARIO_IN_VARIABLE && text.length > 0) {
        memcpy(room, text.data, text.length);
        text.data = (const uint8_t *)room;
    }
    matches[0].rm_so = 0;
    matches[0].rm_eo = (regoff_t)text.length;
    found = text.data != NULL && regexec(action->regex, (const char *)text.data,
                                         action->assign_count, matches, REG_STARTEND) == 0;
    for (uint32_t i = 0; i < action->assign_count; i++) {
        struct value *value = scenario_value(scene, action->assign[i]);

        if (!found || matches[i].rm_so < 0) {
            value->kind = VALUE_UNSET;
            value->bytes = 0;
        } else {
            scenario_value_text(value,
                                (struct zsip_view){text.data + matches[i].rm_so,
                                                   (size_t)(matches[i].rm_eo - matches[i].rm_so)});
        }
    }
    return checked(action, found);
}

/* ---- The others ------------------------------------------------------------------------------ */

static size_t text_of(struct scene *scene, const struct scenario_action *action, uint8_t *out)
{
    uint32_t index = (uint32_t)(action - scene->run->scenario->actions);
    bool fits = true;

    return scenario_write(scene, &scene->run->texts[index], out, TEXT_BYTES, &fits);
}

static enum act act_log(struct scene *scene, const struct scenario_action *action)
{
    uint8_t text[TEXT_BYTES];
    FILE *out = action->kind == SCENARIO_LOG ? scene->run->config.log : stderr;
    size_t bytes;

    if (out == NULL)
        return ACT_ON;
    bytes = text_of(scene, action, text);
    for (size_t i = 0; i < bytes; i++) { /* what peers wrote commands no terminal */
        if (text[i] < ' ' && text[i] != '\t' && (text[i] != '\n' || action->kind != SCENARIO_LOG))
            text[i] = '?';
    }
    flockfile(out);
    if (action->kind != SCENARIO_LOG)
        fprintf(out, "%s:%u: ", scene->run->scenario->path, action->line);
    fwrite(text, 1, bytes, out);
    putc_unlocked('\n', out);
    funlockfile(out);
    return action->kind == SCENARIO_ERROR ? ACT_FAIL : ACT_ON;
}

static double operand(struct scene *scene, const struct scenario_action *action)
{
    return action->variable == NONE ? action->value
                                    : number_of(scenario_value(scene, action->variable));
}

static enum act act_number(struct scene *scene, const struct scenario_action *action)
{
    double by = operand(scene, action);
    double number = number_of(scenario_value(scene, action->assign[0]));

    switch (action->kind) {
    case SCENARIO_ADD:
        number += by;
        break;
    case SCENARIO_SUBTRACT:
        number -= by;
        break;
    case SCENARIO_MULTIPLY:
        number *= by;
        break;
    case SCENARIO_DIVIDE:
        if (by == 0)
            return ACT_FAIL;
        number /= by;
        break;
    case SCENARIO_SAMPLE:
        number = scenario_sample_draw(&action->sample, &scene->run->random);
        break;
    case SCENARIO_INDEX:
        number = scene->step;
        break;
    default: /* assign, todouble */
        number = by;
        break;
    }
    number_set(scene, action->assign[0], number);
    return ACT_ON;
}

static enum act act_test(struct scene *scene, const struct scenario_action *action)
{
    double a = number_of(scenario_value(scene, action->variable));
    double b = action->variable2 == NONE ? action->value
                                         : number_of(scenario_value(scene, action->variable2));
    bool is[] = {a == b, a != b, a > b, a < b, a >= b, a <= b};

    bool_set(scene, action, is[action->compare]);
    return checked(action, is[action->compare]);
}

static struct zsip_view value_view(const struct value *value)
{
    return (struct zsip_view){(const uint8_t *)value->text,
                              value->kind == VALUE_TEXT ? value->bytes : 0};
}

/* As C has it: less than, equal to or greater than 0. */
static enum act act_strcmp(struct scene *scene, const struct scenario_action *action)
{
    uint8_t text[TEXT_BYTES];
    struct zsip_view a = value_view(scenario_value(scene, action->variable)), b;
    size_t least;
    int order;

    if (action->variable2 == NONE)
        b = (struct zsip_view){text, text_of(scene, action, text)};
    else
        b = value_view(scenario_value(scene, action->variable2));
    least = a.length < b.length ? a.length : b.length;
    order = least == 0 ? 0 : memcmp(a.data, b.data, least);
    if (order == 0)
        order = (a.length > b.length) - (a.length < b.length);
    if (action->assign_count > 0)
        number_set(scene, action->assign[0], order);
    return checked(action, order == 0);
}

static enum act act_text(struct scene *scene, const struct scenario_action *action)
{
    struct value *value = scenario_value(scene, action->assign[0]);
    uint8_t text[TEXT_BYTES];
    struct zsip_view view = {text, 0};

    if (action->kind == SCENARIO_ASSIGNSTR) {
        view.length = text_of(scene, action, text);
    } else { /* trim */
        view = value_view(value);
        while (view.length > 0 && strchr(" \t\r\n", view.data[view.length - 1]) != NULL)
            view.length--;
        while (view.length > 0 && strchr(" \t\r\n", view.data[0]) != NULL) {
            view.data++;
            view.length--;
        }
    }
    scenario_value_text(value, view);
    return ACT_ON;
}

static enum act act_flow(struct scene *scene, const struct scenario_action *action)
{
    const struct scenario_run *run = scene->run;
    double to;

    switch (action->kind) {
    case SCENARIO_JUMP:
        to = operand(scene, action);
        if (!(to >= 0 && to < run->scenario->step_count))
            return ACT_FAIL;
        run->calls[scene->call].step = (uint32_t)to;
        return ACT_JUMP;
    case SCENARIO_STOP_CALL:
        return ACT_END;
    default:
        if (run->config.events.stop != NULL)
            run->config.events.stop(run->config.events.user, action->kind == SCENARIO_STOP_NOW);
        return ACT_ON;
    }
}

static enum act act_clock(struct scene *scene, const struct scenario_action *action)
{
    struct timespec now;
    long microseconds;

    clock_gettime(CLOCK_REALTIME, &now);
    microseconds = now.tv_nsec / 1000;
    number_set(scene, action->assign[0], (double)now.tv_sec);
    number_set(scene, action->assign[1], (double)microseconds);
    return ACT_ON;
}

static enum act act_one(struct scene *scene, const struct scenario_action *action)
{
    switch (action->kind) {
    case SCENARIO_EREG:
        return act_ereg(scene, action);
    case SCENARIO_LOG:
    case SCENARIO_WARNING:
    case SCENARIO_ERROR:
        return act_log(scene, action);
    case SCENARIO_ASSIGNSTR:
    case SCENARIO_TRIM:
        return act_text(scene, action);
    case SCENARIO_TEST:
        return act_test(scene, action);
    case SCENARIO_STRCMP:
        return act_strcmp(scene, action);
    case SCENARIO_GETTIMEOFDAY:
        return act_clock(scene, action);
    case SCENARIO_JUMP:
    case SCENARIO_STOP_CALL:
    case SCENARIO_STOP_GRACEFULLY:
    case SCENARIO_STOP_NOW:
        return act_flow(scene, action);
    default:
        return act_number(scene, action);
    }
}

enum act scenario_act(struct scene *scene, const struct scenario_step *step)
{
    for (uint32_t i = 0; i < step->action_count; i++) {
        enum act act = act_one(scene, &scene->run->scenario->actions[step->action_first + i]);

        if (act != ACT_ON)
            return act;
    }
    return ACT_ON;
}
