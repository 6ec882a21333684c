/* What stands inside <action>. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

/* ---- Attributes ------------------------------------------------------------------------------ */

const char *scenario_attribute(struct scenario_attributes *attributes, const char *name)
{
    for (unsigned i = 0; attributes->pairs[2 * i] != NULL && i < 64; i++) {
        if (strcmp(attributes->pairs[2 * i], name) == 0) {
            attributes->used |= UINT64_C(1) << i;
            return attributes->pairs[2 * i + 1];
        }
    }
    return NULL;
}

void scenario_attributes_done(struct scenario_reader *reader,
                              const struct scenario_attributes *attributes)
{
    for (unsigned i = 0; attributes->pairs[2 * i] != NULL; i++) {
        if (i >= 64 || (attributes->used >> i & 1) == 0)
            scenario_wrong(reader, reader->line, "<%s %s=...>: not an attribute that is known here",
                           attributes->element, attributes->pairs[2 * i]);
    }
}

bool scenario_number(struct scenario_reader *reader, struct scenario_attributes *attributes,
                     const char *name, double *out)
{
    const char *text = scenario_attribute(attributes, name);
    char *end;

    if (text == NULL)
        return false;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out == *out)) {
        scenario_wrong(reader, reader->line, "<%s %s=\"%s\">: not a number", attributes->element,
                       name, text);
        *out = 0;
    }
    return true;
}

bool scenario_bool(struct scenario_reader *reader, struct scenario_attributes *attributes,
                   const char *name, bool otherwise)
{
    const char *text = scenario_attribute(attributes, name);

    if (text == NULL)
        return otherwise;
    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
        return true;
    if (strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        scenario_wrong(reader, reader->line, "<%s %s=\"%s\">: neither true nor false",
                       attributes->element, name, text);
    return false;
}

/* ---- Distributions --------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *parameters[3];
} samples[] = {
#define X(id, name, a, b, c) {name, {a, b, c}},
    SCENARIO_SAMPLE_MAP(X)
#undef X
};

static unsigned sample_by_name(const char *name)
{
    unsigned kind = 0;

    while (kind < SCENARIO_SAMPLE_COUNT && strcmp(name, samples[kind].name) != 0)
        kind++;
    return kind;
}

/* <pause min= max=>, <pause normal="true" ...>: how it was written before distribution=. */
static const char *old_distribution(struct scenario_attributes *attributes)
{
    for (unsigned kind = 0; kind < SCENARIO_SAMPLE_COUNT; kind++) {
        if (scenario_attribute(attributes, samples[kind].name) != NULL)
            return samples[kind].name;
    }
    if (scenario_attribute(attributes, "min") != NULL ||
        scenario_attribute(attributes, "max") != NULL)
        return "uniform";
    return NULL;
}

void scenario_sample_read(struct scenario_reader *reader, struct scenario_attributes *attributes,
                          bool pause, struct scenario_sample *out)
{
    const char *name = scenario_attribute(attributes, "distribution");
    unsigned kind;

    *out = (struct scenario_sample){.kind = SCENARIO_SAMPLE_FIXED};
    if (name == NULL && pause) {
        name = old_distribution(attributes);
        if (name == NULL) {
            out->parameters[0] = reader->scenario->options.pause_ms;
            scenario_number(reader, attributes, "milliseconds", &out->parameters[0]);
            if (!scenario_sample_valid(out))
                scenario_wrong(reader, reader->line, "<pause>: less than nothing");
            return;
        }
    }
    kind = name == NULL ? SCENARIO_SAMPLE_COUNT : sample_by_name(name);
    if (kind == SCENARIO_SAMPLE_COUNT) {
        scenario_wrong(reader, reader->line, "<%s>: %s%s", attributes->element,
                       name == NULL ? "distribution= is missing" : "no such distribution: ",
                       name == NULL ? "" : name);
        return;
    }
    out->kind = (uint8_t)kind;
    for (unsigned i = 0; i < 3 && samples[kind].parameters[i][0] != '\0'; i++) {
        if (!scenario_number(reader, attributes, samples[kind].parameters[i], &out->parameters[i]))
            scenario_wrong(reader, reader->line,
                           "<%s>: distribution %s wants %s=", attributes->element, name,
                           samples[kind].parameters[i]);
    }
    if (!scenario_sample_valid(out))
        scenario_wrong(reader, reader->line, "<%s>: distribution %s has no such parameters",
                       attributes->element, name);
    /* Sanity of SIPp's own, which means nothing here. */
    scenario_attribute(attributes, "sanity_check");
}

/* ---- Actions --------------------------------------------------------------------------------- */

regex_t *scenario_regex(struct scenario_reader *reader, const char *text, bool fold)
{
    regex_t *regex = scenario_arena_take(reader->scenario->arena, sizeof *regex);
    char what[128];
    int error;

    if (regex == NULL) {
        reader->no_memory = true;
        return NULL;
    }
    error = regcomp(regex, text, REG_EXTENDED | (fold ? REG_ICASE : 0));
    if (error == 0)
        return regex;
    regerror(error, regex, what, sizeof what);
    scenario_wrong(reader, reader->line, "regular expression %s: %s", text, what);
    return NULL;
}

struct action_reader {
    struct scenario_reader *reader;
    struct scenario_attributes *attributes;
    struct scenario_action *action;
};

static const char *wanted(const struct action_reader *self, const char *name)
{
    const char *value = scenario_attribute(self->attributes, name);

    if (value == NULL)
        scenario_wrong(self->reader, self->reader->line, "<%s>: %s= is missing",
                       self->attributes->element, name);
    return value;
}

static uint32_t variable_of(const struct action_reader *self, const char *name, bool need)
{
    const char *value = need ? wanted(self, name) : scenario_attribute(self->attributes, name);

    if (value == NULL)
        return SCENARIO_NONE;
    return scenario_variable(self->reader,
                             (struct zsip_view){(const uint8_t *)value, strlen(value)});
}

/* assign_to="a,b,c" */
static void assigns(const struct action_reader *self, bool need)
{
    const char *list =
        need ? wanted(self, "assign_to") : scenario_attribute(self->attributes, "assign_to");

    while (list != NULL) {
        size_t length = strcspn(list, ",");

        if (self->action->assign_count == SCENARIO_ASSIGNS_MAX) {
            scenario_wrong(self->reader, self->reader->line, "assign_to: more than %u variables",
                           SCENARIO_ASSIGNS_MAX);
            return;
        }
        self->action->assign[self->action->assign_count++] =
            scenario_variable(self->reader, (struct zsip_view){(const uint8_t *)list, length});
        list = list[length] == '\0' ? NULL : list + length + 1;
    }
}

static void text_of(const struct action_reader *self, const char *name)
{
    const char *value = wanted(self, name);

    if (value != NULL)
        scenario_text_compile(self->reader,
                              (struct zsip_view){(const uint8_t *)value, strlen(value)},
                              self->reader->line, false, &self->action->text);
}

static void checks(const struct action_reader *self)
{
    bool is = scenario_bool(self->reader, self->attributes, "check_it", false);
    bool is_not = scenario_bool(self->reader, self->attributes, "check_it_inverse", false);

    self->action->check = is       ? SCENARIO_CHECK_TRUE
                          : is_not ? SCENARIO_CHECK_FALSE
                                   : SCENARIO_CHECK_NONE;
    if (is && is_not)
        scenario_wrong(self->reader, self->reader->line, "check_it and check_it_inverse: one");
}

/* value= or variable= */
static void operand(const struct action_reader *self)
{
    if (scenario_number(self->reader, self->attributes, "value", &self->action->value))
        return;
    self->action->variable = variable_of(self, "variable", false);
    if (self->action->variable == SCENARIO_NONE)
        scenario_wrong(self->reader, self->reader->line, "<%s>: value= or variable= is missing",
                       self->attributes->element);
}

static void read_ereg(const struct action_reader *self)
{
    struct scenario_action *action = self->action;
    const char *place = scenario_attribute(self->attributes, "search_in");
    const char *regexp = wanted(self, "regexp");
    const char *header;
    double occurrence = 1;

    /* As SIPp has it, this is about the name of the header field, not the expression. */
    action->fold = scenario_bool(self->reader, self->attributes, "case_indep", false);
    scenario_attribute(self->attributes, "start_line");
    checks(self);
    assigns(self, true);
    if (regexp != NULL)
        action->regex = scenario_regex(self->reader, regexp, false);
    if (!scenario_number(self->reader, self->attributes, "occurrence", &occurrence))
        scenario_number(self->reader, self->attributes, "occurence", &occurrence);
    action->occurrence = occurrence >= 1 && occurrence < 1000 ? (uint32_t)occurrence : 1;
    if (place == NULL || strcmp(place, "msg") == 0) {
        action->place = SCENARIO_IN_MSG;
    } else if (strcmp(place, "body") == 0) {
        action->place = SCENARIO_IN_BODY;
    } else if (strcmp(place, "var") == 0) {
        action->place = SCENARIO_IN_VARIABLE;
        action->variable = variable_of(self, "variable", true);
    } else if (strcmp(place, "hdr") == 0) {
        action->place = SCENARIO_IN_HEADER;
        header = wanted(self, "header");
        if (header != NULL)
            action->header =
                scenario_arena_copy(self->reader->scenario->arena, header, strcspn(header, ": "));
    } else {
        scenario_wrong(self->reader, self->reader->line, "search_in=\"%s\": nowhere known", place);
    }
}

static void read_test(const struct action_reader *self)
{
    static const char *const compares[] = {"equal",     "not_equal",          "greater_than",
                                           "less_than", "greater_than_equal", "less_than_equal"};
    const char *compare = wanted(self, "compare");
    unsigned i = 0;

    checks(self);
    assigns(self, self->action->check == SCENARIO_CHECK_NONE);
    self->action->variable = variable_of(self, "variable", true);
    if (!scenario_number(self->reader, self->attributes, "value", &self->action->value))
        self->action->variable2 = variable_of(self, "variable2", true);
    while (compare != NULL && i < 6 && strcmp(compare, compares[i]) != 0)
        i++;
    if (i == 6)
        scenario_wrong(self->reader, self->reader->line, "compare=\"%s\": no such comparison",
                       compare);
    self->action->compare = (uint8_t)i;
}

static void read_strcmp(const struct action_reader *self)
{
    checks(self);
    assigns(self, self->action->check == SCENARIO_CHECK_NONE);
    self->action->variable = variable_of(self, "variable", true);
    self->action->variable2 = variable_of(self, "variable2", false);
    if (self->action->variable2 == SCENARIO_NONE)
        text_of(self, "value");
}

static void read_exec(const struct action_reader *self)
{
    const char *internal = scenario_attribute(self->attributes, "int_cmd");

    if (internal != NULL && strcmp(internal, "stop_call") == 0)
        self->action->kind = SCENARIO_STOP_CALL;
    else if (internal != NULL && strcmp(internal, "stop_gracefully") == 0)
        self->action->kind = SCENARIO_STOP_GRACEFULLY;
    else if (internal != NULL && strcmp(internal, "stop_now") == 0)
        self->action->kind = SCENARIO_STOP_NOW;
    else if (internal != NULL)
        scenario_wrong(self->reader, self->reader->line, "int_cmd=\"%s\": no such command",
                       internal);
    else if (scenario_attribute(self->attributes, "command") != NULL)
        scenario_wrong(self->reader, self->reader->line,
                       "<exec command=...>: no programs are started from here");
    else
        scenario_wrong(self->reader, self->reader->line, "<exec>: media is not known here");
}

static void read_operands(const struct action_reader *self)
{
    assigns(self, true);
    operand(self);
    if (self->action->kind == SCENARIO_DIVIDE && self->action->variable == SCENARIO_NONE &&
        self->action->value == 0)
        scenario_wrong(self->reader, self->reader->line, "<divide>: by zero");
}

static void read_message(const struct action_reader *self)
{
    text_of(self, "message");
    self->reader->scenario->logs |= self->action->kind == SCENARIO_LOG;
}

static void read_assignstr(const struct action_reader *self)
{
    assigns(self, true);
    text_of(self, "value");
}

static void read_sample(const struct action_reader *self)
{
    assigns(self, true);
    scenario_sample_read(self->reader, self->attributes, false, &self->action->sample);
}

static void read_todouble(const struct action_reader *self)
{
    assigns(self, true);
    self->action->variable = variable_of(self, "variable", true);
}

static void read_assigned(const struct action_reader *self)
{
    assigns(self, true);
}

static void read_gettimeofday(const struct action_reader *self)
{
    assigns(self, true);
    if (self->action->assign_count != 2)
        scenario_wrong(self->reader, self->reader->line,
                       "<gettimeofday>: assign_to=\"seconds,microseconds\"");
}

static const struct {
    const char *element;
    uint8_t kind;
    void (*read)(const struct action_reader *self);
} rows[] = {
    {"ereg", SCENARIO_EREG, read_ereg},
    {"log", SCENARIO_LOG, read_message},
    {"warning", SCENARIO_WARNING, read_message},
    {"error", SCENARIO_ERROR, read_message},
    {"assign", SCENARIO_ASSIGN, read_operands},
    {"assignstr", SCENARIO_ASSIGNSTR, read_assignstr},
    {"add", SCENARIO_ADD, read_operands},
    {"subtract", SCENARIO_SUBTRACT, read_operands},
    {"multiply", SCENARIO_MULTIPLY, read_operands},
    {"divide", SCENARIO_DIVIDE, read_operands},
    {"test", SCENARIO_TEST, read_test},
    {"strcmp", SCENARIO_STRCMP, read_strcmp},
    {"todouble", SCENARIO_TODOUBLE, read_todouble},
    {"trim", SCENARIO_TRIM, read_assigned},
    {"sample", SCENARIO_SAMPLE, read_sample},
    {"gettimeofday", SCENARIO_GETTIMEOFDAY, read_gettimeofday},
    {"index", SCENARIO_INDEX, read_assigned},
    {"jump", SCENARIO_JUMP, operand},
    {"exec", SCENARIO_STOP_CALL, read_exec},
};

void scenario_action_read(struct scenario_reader *reader, struct scenario_attributes *attributes)
{
    struct scenario *scenario = reader->scenario;
    struct scenario_action *action;
    unsigned i = 0;

    while (i < sizeof rows / sizeof *rows && strcmp(attributes->element, rows[i].element) != 0)
        i++;
    if (i == sizeof rows / sizeof *rows) {
        scenario_wrong(reader, reader->line, "<%s>: not an action that is known here",
                       attributes->element);
        return;
    }
    if (scenario->action_count == SCENARIO_ACTIONS_MAX) {
        scenario_wrong(reader, reader->line, "more than %u actions", SCENARIO_ACTIONS_MAX);
        return;
    }
    action = &scenario->actions[scenario->action_count++];
    *action = (struct scenario_action){
        .kind = rows[i].kind,
        .line = reader->line,
        .variable = SCENARIO_NONE,
        .variable2 = SCENARIO_NONE,
    };
    rows[i].read(&(struct action_reader){reader, attributes, action});
    scenario_attributes_done(reader, attributes);
    scenario->steps[scenario->step_count - 1].action_count++;
}
