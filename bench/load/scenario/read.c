/* The XML of a scenario, by expat, into steps; then what only the whole file can tell. */
#include "scenario.h"

#include <errno.h>
#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ZSIP_EXPAT_LINE64
#define XML_GetCurrentLineNumber64 XML_GetCurrentLineNumber
#endif

struct xml {
    struct scenario_reader reader;
    XML_Parser parser;
    unsigned depth; /* 1: in <scenario>, 2: in a step, 3: in <action> */
    bool in_step;   /* the element of depth 2 is a step */
    bool in_action;
    bool ended; /* behind <timewait> */
    char *text; /* of a <send> */
    size_t text_bytes;
    size_t text_capacity;
    uint32_t text_line;
    struct {
        char *name;
        uint32_t step;
    } labels[SCENARIO_STEPS_MAX];
    uint32_t label_count;
};

/* ---- Faults ---------------------------------------------------------------------------------- */

void scenario_wrong(struct scenario_reader *reader, uint32_t line, const char *format, ...)
{
    char what[400], text[600];
    va_list arguments;

    reader->fault_count++;
    if (reader->fault_count > SCENARIO_FAULTS_MAX || reader->fault == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(text, sizeof text, "%s:%u: %s", reader->scenario->path, line, what);
    reader->fault(reader->user, text);
}

/* ---- Names ----------------------------------------------------------------------------------- */

uint32_t scenario_variable(struct scenario_reader *reader, struct zsip_view name)
{
    struct scenario *scenario = reader->scenario;
    struct scenario_variable *variable;

    while (name.length > 0 && (name.data[0] == ' ' || name.data[0] == '$')) {
        name.data++;
        name.length--;
    }
    while (name.length > 0 && name.data[name.length - 1] == ' ')
        name.length--;
    for (uint32_t i = 0; i < scenario->variable_count; i++) {
        variable = &scenario->variables[i];
        if (strlen(variable->name) == name.length &&
            memcmp(variable->name, name.data, name.length) == 0) {
            variable->uses++;
            return i;
        }
    }
    if (name.length == 0 || scenario->variable_count == SCENARIO_VARIABLES_MAX) {
        scenario_wrong(reader, reader->line,
                       name.length == 0 ? "a variable without a name" : "more than %u variables",
                       SCENARIO_VARIABLES_MAX);
        return SCENARIO_NONE;
    }
    variable = &scenario->variables[scenario->variable_count];
    variable->name = scenario_arena_copy(scenario->arena, (const char *)name.data, name.length);
    if (variable->name == NULL) {
        reader->no_memory = true;
        return SCENARIO_NONE;
    }
    variable->uses = 1;
    variable->line = reader->line;
    return scenario->variable_count++;
}

uint32_t scenario_file(struct scenario_reader *reader, struct zsip_view name)
{
    const struct scenario_options *options = &reader->scenario->options;

    if (options->file_count == 0) {
        scenario_wrong(reader, reader->line, "[field]: no injection file; give --inf FILE");
        return SCENARIO_NONE;
    }
    if (name.length == 0)
        return 0;
    for (uint32_t i = 0; i < options->file_count; i++) {
        const char *path = load_inject_path(options->files[i]);
        const char *slash = strrchr(path, '/');
        const char *last = slash == NULL ? path : slash + 1;

        if ((strlen(path) == name.length && memcmp(path, name.data, name.length) == 0) ||
            (strlen(last) == name.length && memcmp(last, name.data, name.length) == 0))
            return i;
    }
    scenario_wrong(reader, reader->line, "%.*s: no such injection file among those of --inf",
                   (int)name.length, (const char *)name.data);
    return SCENARIO_NONE;
}

/* ---- Elements -------------------------------------------------------------------------------- */

static char *keep(struct xml *xml, const char *text)
{
    char *copy =
        text == NULL ? NULL : scenario_arena_copy(xml->reader.scenario->arena, text, strlen(text));

    if (text != NULL && copy == NULL)
        xml->reader.no_memory = true;
    return copy;
}

static uint32_t named_variable(struct xml *xml, struct scenario_attributes *attributes,
                               const char *name)
{
    const char *value = scenario_attribute(attributes, name);

    if (value == NULL)
        return SCENARIO_NONE;
    return scenario_variable(&xml->reader,
                             (struct zsip_view){(const uint8_t *)value, strlen(value)});
}

static uint64_t milliseconds(struct xml *xml, struct scenario_attributes *attributes,
                             const char *name)
{
    double number = 0;

    scenario_number(&xml->reader, attributes, name, &number);
    if (number < 0 || number > 1e12) {
        scenario_wrong(&xml->reader, xml->reader.line, "%s=: out of range", name);
        number = 0;
    }
    return (uint64_t)(number * 1e6);
}

/* Taken and without meaning here: statistics have their own ways, and nothing is drawn. */
static void ignored(struct scenario_attributes *attributes)
{
    static const char *const names[] = {"rtd",       "start_rtd",    "repeat_rtd", "crlf",
                                        "hide",      "hiderest",     "display",    "counter",
                                        "ignoresdp", "advance_state"};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        scenario_attribute(attributes, names[i]);
}

static struct scenario_step *step_add(struct xml *xml, struct scenario_attributes *attributes)
{
    struct scenario *scenario = xml->reader.scenario;
    struct scenario_step *step;
    double lost = 0;

    if (scenario->step_count == SCENARIO_STEPS_MAX) {
        scenario_wrong(&xml->reader, xml->reader.line, "more than %u steps", SCENARIO_STEPS_MAX);
        return NULL;
    }
    if (xml->ended)
        scenario_wrong(&xml->reader, xml->reader.line, "nothing stands behind <timewait>");
    step = &scenario->steps[scenario->step_count++];
    step->line = xml->reader.line;
    step->next = step->on_timeout = SCENARIO_NONE;
    step->variable = SCENARIO_NONE;
    step->action_first = scenario->action_count;
    step->chance = 1;
    ignored(attributes);
    step->next_label = keep(xml, scenario_attribute(attributes, "next"));
    step->timeout_label = keep(xml, scenario_attribute(attributes, "ontimeout"));
    step->test = named_variable(xml, attributes, "test");
    step->condexec = named_variable(xml, attributes, "condexec");
    step->condexec_inverse = scenario_bool(&xml->reader, attributes, "condexec_inverse", false);
    scenario_number(&xml->reader, attributes, "chance", &step->chance);
    if (step->chance < 0 || step->chance > 1)
        scenario_wrong(&xml->reader, step->line, "chance=: between 0 and 1");
    if (scenario_number(&xml->reader, attributes, "lost", &lost) && lost > 0)
        scenario_wrong(&xml->reader, step->line,
                       "lost=: zsip loses no messages; netem on the network, or serve --drop, do");
    return step;
}

static void read_send(struct xml *xml, struct scenario_attributes *attributes)
{
    struct scenario_step *step = step_add(xml, attributes);
    double retrans = 0;

    if (step == NULL)
        return;
    step->kind = SCENARIO_SEND_REQUEST;
    scenario_number(&xml->reader, attributes, "retrans", &retrans);
    step->retransmits = retrans > 0 && !xml->reader.scenario->options.no_retransmit;
    scenario_attribute(attributes, "timeout"); /* of a send that blocks: none does */
    scenario_attribute(attributes, "start_txn");
    xml->text_bytes = 0;
    xml->text_line = 0;
}

static void read_recv(struct xml *xml, struct scenario_attributes *attributes)
{
    struct scenario_step *step = step_add(xml, attributes);
    const char *request = scenario_attribute(attributes, "request");
    const char *optional = scenario_attribute(attributes, "optional");
    bool regexp = scenario_bool(&xml->reader, attributes, "regexp_match", false);
    double code = 0;

    if (step == NULL)
        return;
    scenario_attribute(attributes, "response_txn");
    step->optional = optional != NULL && strcmp(optional, "false") != 0;
    step->timeout_ns = milliseconds(xml, attributes, "timeout");
    if (step->timeout_ns == 0)
        step->timeout_ns = xml->reader.scenario->options.recv_timeout_ns;
    step->authenticates = scenario_bool(&xml->reader, attributes, "auth", false);
    step->records_route = scenario_bool(&xml->reader, attributes, "rrs", false);
    if (request != NULL) {
        step->kind = SCENARIO_RECV_REQUEST;
        step->method_name = keep(xml, request);
        step->method = (uint8_t)zsip_method_by_name(
            (struct zsip_view){(const uint8_t *)request, strlen(request)});
        step->any_method = regexp;
        if (regexp)
            step->regex = scenario_regex(&xml->reader, request, false);
        else if (step->method == ZSIP_METHOD_INVITE || step->method == ZSIP_METHOD_ACK ||
                 step->method == ZSIP_METHOD_CANCEL)
            scenario_wrong(&xml->reader, step->line,
                           "%s: zsip answers every method but INVITE, ACK and CANCEL", request);
        return;
    }
    step->kind = SCENARIO_RECV_RESPONSE;
    if (!scenario_number(&xml->reader, attributes, "response", &code))
        scenario_wrong(&xml->reader, step->line, "<recv>: response= or request= is missing");
    else if (code < 100 || code > 699)
        scenario_wrong(&xml->reader, step->line, "response=\"%g\": no status code", code);
    step->code = code >= 100 && code <= 699 ? (uint16_t)code : 0;
}

static void read_pause(struct xml *xml, struct scenario_attributes *attributes)
{
    struct scenario_step *step = step_add(xml, attributes);

    if (step == NULL)
        return;
    step->kind = SCENARIO_PAUSE;
    step->variable = named_variable(xml, attributes, "variable");
    step->variable_pause = step->variable != SCENARIO_NONE;
    if (!step->variable_pause)
        scenario_sample_read(&xml->reader, attributes, true, &step->sample);
}

/* Keeps a call for copies of requests that come late; the transaction layer does that for every
 * request, so the call ends here. */
static void read_timewait(struct xml *xml, struct scenario_attributes *attributes)
{
    struct scenario_sample sample;

    ignored(attributes);
    scenario_sample_read(&xml->reader, attributes, true, &sample);
    xml->ended = true;
}

static void read_nop(struct xml *xml, struct scenario_attributes *attributes)
{
    struct scenario_step *step = step_add(xml, attributes);

    if (step != NULL)
        step->kind = SCENARIO_NOP;
}

static void read_label(struct xml *xml, struct scenario_attributes *attributes)
{
    const char *id = scenario_attribute(attributes, "id");

    if (id == NULL || xml->label_count == SCENARIO_STEPS_MAX) {
        scenario_wrong(&xml->reader, xml->reader.line,
                       id == NULL ? "<label>: id= is missing" : "too many labels");
        return;
    }
    for (uint32_t i = 0; i < xml->label_count; i++) {
        if (strcmp(xml->labels[i].name, id) == 0)
            scenario_wrong(&xml->reader, xml->reader.line, "label %s: given twice", id);
    }
    if (strncmp(id, "_unexp.", 7) == 0)
        scenario_wrong(&xml->reader, xml->reader.line, "label %s: not known here", id);
    xml->labels[xml->label_count].name = keep(xml, id);
    if (xml->labels[xml->label_count].name != NULL)
        xml->labels[xml->label_count++].step = xml->reader.scenario->step_count;
}

static void declare(struct xml *xml, struct scenario_attributes *attributes, uint8_t scope)
{
    const char *list = scenario_attribute(attributes, "variables");

    if (list == NULL)
        scenario_wrong(&xml->reader, xml->reader.line, "<%s>: variables= is missing",
                       attributes->element);
    while (list != NULL) {
        size_t length = strcspn(list, ",");
        uint32_t index =
            scenario_variable(&xml->reader, (struct zsip_view){(const uint8_t *)list, length});

        if (index != SCENARIO_NONE) {
            struct scenario_variable *variable = &xml->reader.scenario->variables[index];

            variable->declared = true;
            if (scope != SCENARIO_OF_CALL)
                variable->scope = scope;
        }
        list = list[length] == '\0' ? NULL : list + length + 1;
    }
}

static void read_global(struct xml *xml, struct scenario_attributes *attributes)
{
    declare(xml, attributes, SCENARIO_OF_RUN);
}

static void read_user(struct xml *xml, struct scenario_attributes *attributes)
{
    declare(xml, attributes, SCENARIO_OF_USER);
}

static void read_reference(struct xml *xml, struct scenario_attributes *attributes)
{
    declare(xml, attributes, SCENARIO_OF_CALL);
}

static void read_nothing(struct xml *xml, struct scenario_attributes *attributes)
{
    (void)xml;
    scenario_attribute(attributes, "value");
}

static const struct {
    const char *name;
    bool step;
    void (*read)(struct xml *xml, struct scenario_attributes *attributes);
} elements[] = {
    {"send", true, read_send},
    {"recv", true, read_recv},
    {"pause", true, read_pause},
    {"timewait", false, read_timewait},
    {"nop", true, read_nop},
    {"label", false, read_label},
    {"Global", false, read_global},
    {"User", false, read_user},
    {"Reference", false, read_reference},
    /* Percentiles are exact here, so there is nothing to divide. */
    {"ResponseTimeRepartition", false, read_nothing},
    {"CallLengthRepartition", false, read_nothing},
};

static void element_top(struct xml *xml, struct scenario_attributes *attributes)
{
    for (unsigned i = 0; i < sizeof elements / sizeof *elements; i++) {
        if (strcmp(attributes->element, elements[i].name) != 0)
            continue;
        xml->in_step = elements[i].step;
        elements[i].read(xml, attributes);
        scenario_attributes_done(&xml->reader, attributes);
        return;
    }
    xml->in_step = false;
    if (strcmp(attributes->element, "recvCmd") == 0 || strcmp(attributes->element, "sendCmd") == 0)
        scenario_wrong(&xml->reader, xml->reader.line,
                       "<%s>: third-party call control (3pcc) is "
                       "not known here",
                       attributes->element);
    else
        scenario_wrong(&xml->reader, xml->reader.line, "<%s>: not an element that is known here",
                       attributes->element);
}

/* ---- Expat ----------------------------------------------------------------------------------- */

static void XMLCALL on_begin(void *user, const XML_Char *name, const XML_Char **pairs)
{
    struct xml *xml = user;
    struct scenario_attributes attributes = {.element = name, .pairs = pairs};

    xml->reader.line = (uint32_t)XML_GetCurrentLineNumber64(xml->parser);
    switch (xml->depth++) {
    case 0:
        if (strcmp(name, "scenario") != 0)
            scenario_wrong(&xml->reader, xml->reader.line,
                           "<%s>: a scenario begins with <scenario>", name);
        xml->reader.scenario->name = keep(xml, scenario_attribute(&attributes, "name"));
        return;
    case 1:
        element_top(xml, &attributes);
        return;
    case 2:
        xml->in_action = xml->in_step && strcmp(name, "action") == 0;
        if (!xml->in_action)
            scenario_wrong(&xml->reader, xml->reader.line, "<%s>: not known in this place", name);
        return;
    case 3:
        if (xml->in_action && xml->reader.scenario->step_count > 0)
            scenario_action_read(&xml->reader, &attributes);
        return;
    default:
        scenario_wrong(&xml->reader, xml->reader.line, "<%s>: not known in this place", name);
    }
}

static void XMLCALL on_text(void *user, const XML_Char *text, int bytes)
{
    struct xml *xml = user;
    struct scenario *scenario = xml->reader.scenario;

    if (xml->depth != 2 || !xml->in_step || scenario->step_count == 0 ||
        scenario->steps[scenario->step_count - 1].kind != SCENARIO_SEND_REQUEST)
        return;
    if (xml->text_bytes + (size_t)bytes > xml->text_capacity) {
        size_t capacity = 2 * xml->text_capacity + (size_t)bytes + 4096;
        char *larger = realloc(xml->text, capacity);

        if (larger == NULL) {
            xml->reader.no_memory = true;
            return;
        }
        xml->text = larger;
        xml->text_capacity = capacity;
    }
    if (xml->text_line == 0 && strspn(text, " \t\r\n") < (size_t)bytes) {
        uint32_t line = (uint32_t)XML_GetCurrentLineNumber64(xml->parser);

        /* The line of the first character that is none of the blanks in front. */
        xml->text_line = line;
        for (int i = 0; i < bytes && strchr(" \t\r\n", text[i]) != NULL; i++)
            xml->text_line += text[i] == '\n';
    }
    memcpy(xml->text + xml->text_bytes, text, (size_t)bytes);
    xml->text_bytes += (size_t)bytes;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct xml *xml = user;
    struct scenario *scenario = xml->reader.scenario;

    xml->depth--;
    if (xml->depth == 2)
        xml->in_action = false;
    if (xml->depth == 1 && xml->in_step && strcmp(name, "send") == 0 && scenario->step_count > 0) {
        char *source =
            scenario_clean(&xml->reader, xml->text == NULL ? "" : xml->text, xml->text_bytes);

        if (source != NULL)
            scenario_message(&xml->reader, &scenario->steps[scenario->step_count - 1], source,
                             xml->text_line);
    }
}

/* A bomb of entities grows without end: a scenario needs none. */
static void XMLCALL on_entity(void *user, const XML_Char *name, int parameter,
                              const XML_Char *value, int value_bytes, const XML_Char *base,
                              const XML_Char *system, const XML_Char *public,
                              const XML_Char *notation)
{
    struct xml *xml = user;

    (void)parameter, (void)value, (void)value_bytes, (void)base, (void)system, (void)public;
    (void)notation;
    scenario_wrong(&xml->reader, (uint32_t)XML_GetCurrentLineNumber64(xml->parser),
                   "<!ENTITY %s>: entities are not known here", name);
    XML_StopParser(xml->parser, XML_FALSE);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static uint32_t label_step(struct xml *xml, const struct scenario_step *step, const char *label)
{
    if (label == NULL)
        return SCENARIO_NONE;
    for (uint32_t i = 0; i < xml->label_count; i++) {
        if (strcmp(xml->labels[i].name, label) == 0)
            return xml->labels[i].step;
    }
    scenario_wrong(&xml->reader, step->line, "label %s: nowhere in this file", label);
    return SCENARIO_NONE;
}

static void labels_resolve(struct xml *xml)
{
    struct scenario *scenario = xml->reader.scenario;

    for (uint32_t i = 0; i < scenario->step_count; i++) {
        struct scenario_step *step = &scenario->steps[i];

        step->next = label_step(xml, step, step->next_label);
        step->on_timeout = label_step(xml, step, step->timeout_label);
    }
}

static void parse(struct xml *xml, FILE *file)
{
    size_t total = 0;
    bool over = false;

    while (!over) {
        void *buffer = XML_GetBuffer(xml->parser, 65536);
        size_t got = buffer == NULL ? 0 : fread(buffer, 1, 65536, file);

        total += got;
        over = got < 65536;
        if (buffer == NULL) {
            xml->reader.no_memory = true;
            return;
        }
        if (ferror(file) || total > SCENARIO_BYTES_MAX) {
            scenario_wrong(&xml->reader, 1, ferror(file) ? "can't be read" : "over 4 MiB");
            return;
        }
        if (XML_ParseBuffer(xml->parser, (int)got, over) == XML_STATUS_ERROR) {
            if (XML_GetErrorCode(xml->parser) != XML_ERROR_ABORTED)
                scenario_wrong(&xml->reader, (uint32_t)XML_GetCurrentLineNumber64(xml->parser),
                               "XML: %s", XML_ErrorString(XML_GetErrorCode(xml->parser)));
            return;
        }
    }
    labels_resolve(xml);
    scenario_check(&xml->reader);
}

static bool memory_take(struct scenario *scenario)
{
    scenario->arena = scenario_arena_create();
    scenario->steps = calloc(SCENARIO_STEPS_MAX, sizeof *scenario->steps);
    scenario->actions = calloc(SCENARIO_ACTIONS_MAX, sizeof *scenario->actions);
    scenario->variables = calloc(SCENARIO_VARIABLES_MAX, sizeof *scenario->variables);
    return scenario->arena != NULL && scenario->steps != NULL && scenario->actions != NULL &&
           scenario->variables != NULL;
}

enum zsip_status scenario_read(const char *path, const struct scenario_options *options,
                               scenario_fault fault, void *user, struct scenario **out)
{
    struct scenario *scenario = calloc(1, sizeof *scenario);
    struct xml *xml = calloc(1, sizeof *xml);
    FILE *file = fopen(path, "re");
    enum zsip_status status = ZSIP_ERROR_MEMORY;

    if (scenario != NULL && xml != NULL && memory_take(scenario) &&
        (xml->parser = XML_ParserCreate(NULL)) != NULL) {
        scenario->path = path;
        scenario->options = *options;
        xml->reader = (struct scenario_reader){.scenario = scenario, .fault = fault, .user = user};
        XML_SetUserData(xml->parser, xml);
        XML_SetElementHandler(xml->parser, on_begin, on_end);
        XML_SetCharacterDataHandler(xml->parser, on_text);
        XML_SetEntityDeclHandler(xml->parser, on_entity);
        if (file == NULL)
            scenario_wrong(&xml->reader, 0, "%s", strerror(errno));
        else
            parse(xml, file);
        status = xml->reader.no_memory         ? ZSIP_ERROR_MEMORY
                 : xml->reader.fault_count > 0 ? ZSIP_ERROR_ARGUMENT
                                               : ZSIP_OK;
        XML_ParserFree(xml->parser);
        free(xml->text);
    }
    if (file != NULL)
        fclose(file);
    free(xml);
    if (status == ZSIP_OK)
        *out = scenario;
    else
        scenario_free(scenario);
    return status;
}

void scenario_free(struct scenario *scenario)
{
    if (scenario == NULL)
        return;
    for (uint32_t i = 0; scenario->actions != NULL && i < scenario->action_count; i++) {
        if (scenario->actions[i].regex != NULL)
            regfree(scenario->actions[i].regex);
    }
    for (uint32_t i = 0; scenario->steps != NULL && i < scenario->step_count; i++) {
        if (scenario->steps[i].regex != NULL)
            regfree(scenario->steps[i].regex);
    }
    scenario_arena_destroy(scenario->arena);
    free(scenario->steps);
    free(scenario->actions);
    free(scenario->variables);
    free(scenario);
}
