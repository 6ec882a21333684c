/* Texts of requests compiled into what is copied and what is patched in. */
#include "template.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text, a keyword in it such as [headers], and one in that such as [to]. */
#define DEPTH_MAX 3u

struct maker {
    struct load_template *template;
    const struct load_template_config *config;
    char *error;
    size_t error_bytes;
    enum zsip_status status;
    char to[512], from[512], contact[512];
    bool varies; /* something has no fixed width */
    bool branched, called;
    unsigned depth; /* keywords whose text is being expanded: what is in it may be another's */
};

__attribute__((format(printf, 3, 4))) static void fail(struct maker *maker, enum zsip_status status,
                                                       const char *format, ...)
{
    va_list arguments;

    if (maker->status != ZSIP_OK)
        return; /* the first one tells */
    va_start(arguments, format);
    vsnprintf(maker->error, maker->error_bytes, format, arguments);
    va_end(arguments);
    maker->status = status;
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static uint8_t *text_room(struct maker *maker, uint32_t bytes)
{
    struct load_template *template = maker->template;

    if (template->text_room - template->text_bytes < bytes) {
        fail(maker, ZSIP_ERROR_SIZE,
             "a request would not fit into a datagram: give less of a body "
             "or of headers");
        return NULL;
    }
    template->text_bytes += bytes;
    return template->text + template->text_bytes - bytes;
}

static struct load_part *part_add(struct maker *maker, enum load_part_kind kind, uint32_t bytes)
{
    struct load_template *template = maker->template;
    uint32_t at = template->text_bytes;
    uint8_t *place = text_room(maker, bytes);

    if (maker->status != ZSIP_OK)
        return NULL;
    if (template->part_count == LOAD_PARTS_MAX) {
        fail(maker, ZSIP_ERROR_SIZE, "more than %u keywords in one request", LOAD_PARTS_MAX);
        return NULL;
    }
    memset(place, '0', bytes);
    template->parts[template->part_count] =
        (struct load_part){.at = at, .bytes = bytes, .kind = (uint8_t)kind};
    return &template->parts[template->part_count++];
}

/* Text goes on in the part that is text already. */
static void put(struct maker *maker, const void *data, size_t bytes)
{
    struct load_template *template = maker->template;
    struct load_part *last =
        template->part_count > 0 ? &template->parts[template->part_count - 1] : NULL;
    uint8_t *place;

    if (bytes == 0)
        return;
    if (last == NULL || last->kind != LOAD_PART_TEXT)
        last = part_add(maker, LOAD_PART_TEXT, 0);
    place = bytes < UINT32_MAX ? text_room(maker, (uint32_t)bytes) : NULL;
    if (last == NULL || place == NULL)
        return;
    memcpy(place, data, bytes);
    last->bytes += (uint32_t)bytes;
}

static void put_string(struct maker *maker, const char *string)
{
    if (string != NULL)
        put(maker, string, strlen(string));
}

/* ---- Keywords -------------------------------------------------------------------------------- */

static void expand(struct maker *maker, const char *text, size_t bytes, bool uri, bool sender);

static void number_add(struct maker *maker, bool sender, uint32_t digits)
{
    struct load_part *part = part_add(maker, sender ? LOAD_PART_SENDER : LOAD_PART_USER, digits);

    if (part != NULL)
        part->digits = (uint8_t)digits;
}

static void field_add(struct maker *maker, uint32_t field)
{
    struct load_part *part;

    if (maker->config->inject == NULL) {
        fail(maker, ZSIP_ERROR_ARGUMENT, "[field%u]: there is no injection file; give --inf",
             field);
        return;
    }
    if (load_inject_check(maker->config->inject, field + 1, maker->error, maker->error_bytes) !=
        ZSIP_OK) {
        maker->status = ZSIP_ERROR_ARGUMENT;
        return;
    }
    part = part_add(maker, LOAD_PART_FIELD, 0);
    if (part != NULL)
        part->field = (uint16_t)field;
    maker->varies = true;
}

static void put_call_id(struct maker *maker)
{
    char run[24];

    snprintf(run, sizeof run, "%016" PRIx64 "-", maker->config->run);
    put_string(maker, run);
    part_add(maker, LOAD_PART_CALL_ID, 16);
    maker->called = true;
}

/* One body for all requests stands in the text; one that differs is put in each time. */
static void put_body(struct maker *maker)
{
    const struct load_template_config *config = maker->config;
    struct load_template *template = maker->template;

    if (config->stamped) {
        char head[32];

        snprintf(head, sizeof head, "zsip %016" PRIx64 " ", config->run);
        put_string(maker, head);
        part_add(maker, LOAD_PART_CALL_ID, 16);
        put_string(maker, " ");
        part_add(maker, LOAD_PART_STAMP, 16);
        put_string(maker, "\n");
    }
    if (config->sizes == NULL) {
        put(maker, config->body.data, config->body.length);
        return;
    }
    maker->varies = true;
    template->sized = true;
    template->utf8 = config->utf8;
    memcpy(template->sizes, config->sizes, sizeof template->sizes);
    part_add(maker, LOAD_PART_BODY, 0);
}

static void put_length(struct maker *maker)
{
    struct load_template *template = maker->template;

    template->pad_at = template->text_bytes;
    part_add(maker, LOAD_PART_LENGTH, 5);
}

static bool keyword_of_numbers(struct maker *maker, const char *name)
{
    char *end;

    if (strcmp(name, "branch") == 0) {
        part_add(maker, LOAD_PART_BRANCH, maker->template->branch_bytes);
        maker->branched = true;
    } else if (strcmp(name, "call_id") == 0) {
        put_call_id(maker);
    } else if (strcmp(name, "tag") == 0) {
        part_add(maker, LOAD_PART_TAG, 16);
    } else if (strcmp(name, "cseq") == 0) {
        part_add(maker, LOAD_PART_CSEQ, 1);
    } else if (strcmp(name, "sequence") == 0) {
        part_add(maker, LOAD_PART_CALL_ID, 16);
    } else if (strcmp(name, "stamp") == 0) {
        part_add(maker, LOAD_PART_STAMP, 16);
    } else if (strcmp(name, "user") == 0 || strcmp(name, "sender") == 0) {
        number_add(maker, name[0] == 's', LOAD_USER_DIGITS);
    } else if (strncmp(name, "field", 5) == 0 && name[5] >= '0' && name[5] <= '9') {
        unsigned long field = strtoul(name + 5, &end, 10);

        if (*end != '\0' || field > 9999)
            return false;
        field_add(maker, (uint32_t)field);
    } else {
        return false;
    }
    return true;
}

static bool keyword(struct maker *maker, const char *name)
{
    const struct load_template_config *config = maker->config;

    if (strcmp(name, "to") == 0)
        expand(maker, maker->to, strlen(maker->to), true, false);
    else if (strcmp(name, "from") == 0)
        expand(maker, maker->from, strlen(maker->from), true, config->from != NULL);
    else if (strcmp(name, "contact") == 0)
        expand(maker, maker->contact, strlen(maker->contact), true, false);
    else if (strcmp(name, "domain") == 0)
        put_string(maker, config->domain);
    else if (strcmp(name, "sent_by") == 0)
        put_string(maker, config->sent_by);
    else if (strcmp(name, "transport") == 0)
        put_string(maker, config->transport == NULL ? "UDP" : config->transport);
    else if (strcmp(name, "headers") == 0 && config->headers != NULL)
        expand(maker, config->headers, strlen(config->headers), false, false);
    else if (strcmp(name, "auth") == 0 && config->auth)
        maker->varies |= part_add(maker, LOAD_PART_AUTH, 0) != NULL;
    else if (strcmp(name, "body") == 0)
        put_body(maker);
    else if (strcmp(name, "len") == 0)
        put_length(maker);
    else if (strcmp(name, "route") == 0 && config->proxy != NULL) {
        put_string(maker, "Route: <sip:");
        put_string(maker, config->proxy);
        put_string(maker, ";lr>\r\n");
    } else
        return strcmp(name, "headers") == 0 || strcmp(name, "auth") == 0 ||
               strcmp(name, "route") == 0 || keyword_of_numbers(maker, name);
    return true;
}

/* "[name]" at text; 0: it is none. */
static size_t keyword_bytes(const char *text, size_t bytes)
{
    size_t at = 1;

    if (bytes < 3 || text[1] < 'a' || text[1] > 'z')
        return 0;
    while (at < bytes && ((text[at] >= 'a' && text[at] <= 'z') ||
                          (text[at] >= '0' && text[at] <= '9') || text[at] == '_'))
        at++;
    return at < bytes && at < 32 && text[at] == ']' ? at + 1 : 0;
}

static unsigned line_of(const char *text, const char *at)
{
    unsigned line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

static size_t digits_of(uint32_t number)
{
    char text[16];

    return (size_t)snprintf(text, sizeof text, "%" PRIu32, number);
}

/* "%06d" at text: its digits; 0: it is none. */
static uint32_t number_digits(const char *text, size_t bytes)
{
    return bytes >= 4 && text[0] == '%' && text[1] == '0' && text[2] >= '1' && text[2] <= '9' &&
                   text[3] == 'd'
               ? (uint32_t)(text[2] - '0')
               : 0;
}

static void expand(struct maker *maker, const char *text, size_t bytes, bool uri, bool sender)
{
    size_t from = 0, at = 0;

    if (++maker->depth > DEPTH_MAX)
        fail(maker, ZSIP_ERROR_ARGUMENT, "%s: it stands within itself", text);
    while (at < bytes && maker->status == ZSIP_OK) {
        size_t length = text[at] == '[' ? keyword_bytes(text + at, bytes - at) : 0;
        uint32_t digits = uri ? number_digits(text + at, bytes - at) : 0;
        char name[32];

        if (text[at] == '\\' && at + 1 < bytes && text[at + 1] == '[') {
            put(maker, text + from, at - from);
            from = at + 1;
            at += 2;
        } else if (digits > 0) {
            put(maker, text + from, at - from);
            number_add(maker, sender, digits);
            from = at += 4;
            if (digits < digits_of(maker->config->users - 1))
                fail(maker, ZSIP_ERROR_ARGUMENT, "%s: numbers go up to %u: write %%0%zud", text,
                     maker->config->users - 1, digits_of(maker->config->users - 1));
        } else if (length > 0) {
            put(maker, text + from, at - from);
            snprintf(name, sizeof name, "%.*s", (int)(length - 2), text + at + 1);
            if (!keyword(maker, name))
                fail(maker, ZSIP_ERROR_ARGUMENT,
                     "%s:%u: [%s] is no keyword; write \\[ for a bracket",
                     maker->config->text_name == NULL ? "request" : maker->config->text_name,
                     line_of(text, text + at), name);
            from = at += length;
        } else {
            at++;
        }
    }
    put(maker, text + from, at - from);
    maker->depth--;
}

/* ---- Built-in texts -------------------------------------------------------------------------- */

/* RFC 3261 section 8.1.1; of a REGISTER section 10.2: the Request-URI names the domain alone, To
 * and From the address of record. */
static void built_in(const struct load_template_config *config, char *out, size_t bytes)
{
    const char *name =
        config->method_name != NULL ? config->method_name : zsip_method_name(config->method);
    bool registers = config->method == ZSIP_METHOD_REGISTER;
    char contact[64];
    bool body = config->body.length > 0 || config->stamped;

    snprintf(contact, sizeof contact, "Contact: <[contact]>\r\nExpires: %" PRIu32 "\r\n",
             config->expires_s > 0 ? config->expires_s : 3600);
    snprintf(out, bytes,
             "%s %s SIP/2.0\r\n"
             "Via: SIP/2.0/[transport] [sent_by];rport;branch=[branch]\r\n"
             "Max-Forwards: 70\r\n"
             "[route]"
             "From: <[from]>;tag=[tag]\r\n"
             "To: <[to]>\r\n"
             "Call-ID: [call_id]\r\n"
             "CSeq: [cseq] %s\r\n"
             "[headers]%s[auth]%s%s%s"
             "Content-Length:[len]\r\n\r\n%s",
             name, registers ? "sip:[domain]" : "[to]", name, registers ? contact : "",
             body ? "Content-Type: " : "",
             !body                          ? ""
             : config->content_type == NULL ? "text/plain"
                                            : config->content_type,
             body ? "\r\n" : "", body ? "[body]" : "");
}

/* The URIs, as they are expanded. A contact is the user's part of to, at our own place. */
static void uris(struct maker *maker)
{
    const struct load_template_config *config = maker->config;
    int host = (int)strcspn(config->sent_by, config->sent_by[0] == '[' ? "]" : ":");
    const char *at;

    host += config->sent_by[0] == '[';
    if (config->to != NULL)
        snprintf(maker->to, sizeof maker->to, "%s", config->to);
    else
        snprintf(maker->to, sizeof maker->to, "sip:u%%0%ud@%s", LOAD_USER_DIGITS, config->domain);
    if (config->from != NULL)
        snprintf(maker->from, sizeof maker->from, "%s", config->from);
    else if (config->method == ZSIP_METHOD_REGISTER)
        snprintf(maker->from, sizeof maker->from, "%s", maker->to);
    else
        snprintf(maker->from, sizeof maker->from, "sip:load@%.*s", host, config->sent_by);
    at = strrchr(maker->to, '@');
    snprintf(maker->contact, sizeof maker->contact, "%.*s@%s",
             at == NULL ? 0 : (int)(at - maker->to), maker->to, config->sent_by);
    if (at == NULL)
        snprintf(maker->contact, sizeof maker->contact, "sip:%s", config->sent_by);
}

/* ---- Compiling ------------------------------------------------------------------------------- */

/* With a fixed width everything stands where it will be sent; text needs no part of its own. */
static void settle(struct maker *maker)
{
    struct load_template *template = maker->template;
    uint32_t kept = 0;

    template->fixed = !maker->varies;
    if (!template->fixed)
        return;
    for (uint32_t i = 0; i < template->part_count; i++) {
        const struct load_part *part = &template->parts[i];
        const uint8_t *end = memmem(template->text, template->text_bytes, "\r\n\r\n", 4);

        if (part->kind == LOAD_PART_LENGTH && end != NULL) {
            char digits[8];

            snprintf(digits, sizeof digits, "%5zu",
                     template->text_bytes - (size_t)(end + 4 - template->text));
            memcpy(template->text + part->at, digits, 5);
        } else if (part->kind != LOAD_PART_TEXT && part->kind != LOAD_PART_LENGTH) {
            template->parts[kept++] = *part;
        }
    }
    template->part_count = kept;
    template->bytes = template->text_bytes;
}

/* Writes one and reads it back: what our own parser would refuse, nobody should be sent. */
static void prove(struct maker *maker)
{
    static const char branch[] = "z9hG4bK";
    struct load_template *template = maker->template;
    const char *what = maker->config->text_name;
    struct load_words words = {.cseq = 1};
    uint8_t *out = malloc(LOAD_REQUEST_BYTES_MAX);
    struct zsip_msg *msg = malloc(sizeof *msg);
    uint8_t text[256];
    uint32_t pad_at;
    size_t bytes;

    memset(text, '0', sizeof text);
    memcpy(text, branch, sizeof branch - 1);
    if (out == NULL || msg == NULL) {
        fail(maker, ZSIP_ERROR_MEMORY, "no memory for a template");
    } else {
        bytes =
            load_template_write(template, &words, (struct zsip_view){text, template->branch_bytes},
                                out, LOAD_REQUEST_BYTES_MAX, &pad_at);
        if (bytes == 0)
            fail(maker, ZSIP_ERROR_SIZE, "a request would not fit into a datagram");
        else if (zsip_parse(msg, out, bytes, ZSIP_PARSE_STREAM) != ZSIP_OK ||
                 msg->kind != ZSIP_KIND_REQUEST)
            fail(maker, ZSIP_ERROR_ARGUMENT, "%s:%u: not a request: %s",
                 what == NULL ? "request" : what,
                 line_of((const char *)out, (const char *)out + msg->fault.offset),
                 msg->fault.rule == NULL ? "it is a response" : msg->fault.rule);
        else if (msg->body_offset + msg->body_bytes != bytes)
            fail(maker, ZSIP_ERROR_ARGUMENT,
                 "%s: Content-Length says %u, but %zu bytes follow; write [len]",
                 what == NULL ? "request" : what, msg->body_bytes, bytes - msg->body_offset);
        else
            template->pads = template->pad_at > 0 &&
                             msg->headers[msg->header_count - 1].id == ZSIP_HEADER_CONTENT_LENGTH;
        if (!template->fixed)
            template->bytes = (uint32_t)bytes;
    }
    free(out);
    free(msg);
}

static void text_compile(struct maker *maker)
{
    const struct load_template_config *config = maker->config;
    char text[2048];

    if (config->text != NULL) {
        expand(maker, config->text, strlen(config->text), false, false);
    } else {
        built_in(config, text, sizeof text);
        expand(maker, text, strlen(text), false, false);
    }
    if (maker->status == ZSIP_OK && (!maker->branched || !maker->called))
        fail(maker, ZSIP_ERROR_ARGUMENT, "%s: there is no [%s] in it",
             config->text_name == NULL ? "request" : config->text_name,
             maker->branched ? "call_id" : "branch");
}

/* There may be many templates. */
static void shrink(struct load_template *template)
{
    uint8_t *text = realloc(template->text, template->text_bytes);

    if (text == NULL)
        return;
    template->text = text;
    template->text_room = template->text_bytes;
}

enum zsip_status load_template_make(struct load_template *out,
                                    const struct load_template_config *config, char *error,
                                    size_t error_bytes)
{
    struct maker maker = {
        .template = out, .config = config, .error = error, .error_bytes = error_bytes};

    memset(out, 0, sizeof *out);
    out->run = config->run;
    out->inject = config->inject;
    out->branch_bytes = (uint32_t)zsip_branch_bytes();
    out->text_room = 2 * LOAD_REQUEST_BYTES_MAX;
    out->text = malloc(out->text_room);
    if (out->text == NULL) {
        snprintf(error, error_bytes, "no memory for a template");
        return ZSIP_ERROR_MEMORY;
    }
    uris(&maker);
    text_compile(&maker);
    if (config->sizes != NULL && maker.status == ZSIP_OK) {
        uint8_t *body = text_room(&maker, (uint32_t)config->body.length);

        out->body_at = out->text_bytes - (uint32_t)config->body.length;
        out->body_bytes = (uint32_t)config->body.length;
        if (body != NULL)
            memcpy(body, config->body.data, config->body.length);
    }
    if (maker.status == ZSIP_OK)
        settle(&maker);
    if (maker.status == ZSIP_OK && out->fixed && out->bytes > LOAD_REQUEST_BYTES_MAX)
        fail(&maker, ZSIP_ERROR_SIZE, "a request would not fit into a datagram");
    if (maker.status == ZSIP_OK)
        prove(&maker);
    if (!out->pads)
        out->pad_at = 0;
    if (maker.status != ZSIP_OK)
        load_template_drop(out);
    else
        shrink(out);
    return maker.status;
}
