/* A send's text taken apart: a request into what stands before its body and the body, a response
 * into what the library does not write itself. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

/* ---- SIPp's tidying -------------------------------------------------------------------------- */

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One blank or empty end at a time, as SIPp does: blanks around line ends go, empty lines at both
 * ends go, and a message without an empty line gets one. A text that ended in a line end keeps
 * one. */
char *scenario_clean(struct scenario_reader *reader, const char *text, size_t bytes)
{
    char *out = scenario_arena_take(reader->scenario->arena, bytes + 4);
    bool ended = false;
    size_t length = 0;

    if (out == NULL) {
        reader->no_memory = true;
        return NULL;
    }
    while (bytes > 0 && (blank(text[0]) || text[0] == '\n')) {
        text++;
        bytes--;
    }
    while (bytes > 0 && (blank(text[bytes - 1]) || text[bytes - 1] == '\n'))
        ended |= text[--bytes] == '\n';
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            while (length > 0 && blank(out[length - 1]))
                length--;
        } else if (blank(text[i]) && length > 0 && out[length - 1] == '\n') {
            continue;
        }
        out[length++] = text[i];
    }
    out[length] = '\0';
    if (length > 0 && strstr(out, "\n\n") == NULL) {
        memcpy(out + length, "\n\n", 3);
    } else if (length > 0 && out[length - 1] != '\n' && ended) {
        memcpy(out + length, "\n", 2);
    }
    return out;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static struct zsip_view view_of(const char *begin, const char *end)
{
    return (struct zsip_view){(const uint8_t *)begin, (size_t)(end - begin)};
}

/* The end of the line that begins at text: its line end or the end of the text. */
static char *line_end(char *text)
{
    return text + strcspn(text, "\n");
}

static bool name_is(struct zsip_view name, const char *text)
{
    if (name.length != strlen(text))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.data[i];

        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)text[i])
            return false;
    }
    return true;
}

/* The name of a header line: in front of the colon, or of the field that [last_X:] repeats. */
static struct zsip_view line_name(const char *line, const char *end)
{
    const char *colon;

    if (strncmp(line, "[last_", 6) == 0) {
        const char *bracket = memchr(line, ']', (size_t)(end - line));

        line += 6;
        end = bracket == NULL ? end : bracket;
    }
    colon = memchr(line, ':', (size_t)(end - line));
    end = colon == NULL ? end : colon;
    while (end > line && blank(end[-1]))
        end--;
    return view_of(line, end);
}

static bool named(const char *line, const char *end, const char *name, const char *compact)
{
    struct zsip_view here = line_name(line, end);

    return name_is(here, name) || name_is(here, compact);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void first_sent_by(struct scenario_reader *reader, uint32_t line, const char *begin,
                          const char *end)
{
    struct scenario *scenario = reader->scenario;
    struct scenario_text text;
    bool same;

    scenario_text_compile(reader, view_of(begin, end), line, false, &text);
    if (scenario->sent_by.count == 0) {
        scenario->sent_by = text;
        scenario->sent_by_line = line;
        return;
    }
    same = text.count == scenario->sent_by.count;
    for (uint32_t i = 0; same && i < text.count; i++) {
        const struct scenario_piece *a = &text.pieces[i], *b = &scenario->sent_by.pieces[i];

        same = a->kind == b->kind && a->bytes == b->bytes && a->add == b->add &&
               (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
    }
    if (!same)
        scenario_wrong(reader, line,
                       "Via: another sent-by than in line %u; all requests of a scenario name one, "
                       "by which their responses are known",
                       scenario->sent_by_line);
}

/* Puts our branch into the Via, whatever stands there: responses are matched by it (RFC 3261
 * section 17.1.3). Returns the new text. */
static char *via_branch(struct scenario_reader *reader, char *source, char *via, uint32_t line)
{
    static const char keyword[] = ";branch=[branch]";
    size_t bytes = strlen(source);
    char *out = scenario_arena_take(reader->scenario->arena, bytes + sizeof keyword);
    char *end = line_end(via), *begin = via + strcspn(via, ":\n"), *at;
    size_t head;

    if (out == NULL) {
        reader->no_memory = true;
        return source;
    }
    if (memchr(via, ',', (size_t)(end - via)) != NULL)
        scenario_wrong(reader, line, "Via: one value is all a client puts there");
    /* Via: SIP/2.0/UDP sent-by;parameters */
    begin += *begin == ':';
    begin += strspn(begin, " \t");
    begin += strcspn(begin, " \t\n");
    begin += strspn(begin, " \t");
    at = begin + strcspn(begin, ";\n");
    while (at > begin && blank(at[-1]))
        at--;
    first_sent_by(reader, line, begin, at);
    head = (size_t)(at - source);
    memcpy(out, source, head);
    memcpy(out + head, keyword, sizeof keyword - 1);
    head += sizeof keyword - 1;
    while (at < end) { /* the other parameters */
        char *next = at + 1 + strcspn(at + 1, ";\n");

        if (strncmp(at, ";branch", 7) != 0) {
            memcpy(out + head, at, (size_t)(next - at));
            head += (size_t)(next - at);
        }
        at = next;
    }
    memcpy(out + head, end, strlen(end) + 1);
    return out;
}

/* Where blanks may be put in: behind the colon of Content-Length. */
static const char *pad_place(const char *source, const char *body)
{
    const char *line = source;

    while (line < body) {
        const char *end = line + strcspn(line, "\n");

        if (strncmp(line, "[last_", 6) != 0 && named(line, end, "content-length", "l")) {
            const char *colon = memchr(line, ':', (size_t)(end - line));

            return colon == NULL ? NULL : colon + 1;
        }
        line = *end == '\0' ? end : end + 1;
    }
    return NULL;
}

static void text_append(struct scenario_reader *reader, struct scenario_text *to,
                        const struct scenario_text *more, bool pad)
{
    uint32_t count = to->count + more->count + (pad ? 1 : 0);
    struct scenario_piece *pieces =
        scenario_arena_take(reader->scenario->arena, (count + 1) * sizeof *pieces);

    if (pieces == NULL) {
        reader->no_memory = true;
        return;
    }
    if (to->count > 0)
        memcpy(pieces, to->pieces, to->count * sizeof *pieces);
    if (pad)
        pieces[to->count].kind = SCENARIO_PIECE_PAD;
    if (more->count > 0)
        memcpy(pieces + to->count + (pad ? 1 : 0), more->pieces, more->count * sizeof *pieces);
    to->pieces = pieces;
    to->count = count;
}

static uint32_t lines_in(const char *begin, const char *end)
{
    uint32_t lines = 0;

    for (; begin < end; begin++)
        lines += *begin == '\n';
    return lines;
}

static void request_texts(struct scenario_reader *reader, struct scenario_step *step, char *source,
                          uint32_t line)
{
    char *empty = strstr(source, "\n\n");
    const char *body = empty + 2;
    const char *pad = pad_place(source, empty);
    struct scenario_text rest;

    if (pad == NULL) {
        scenario_text_compile(reader, view_of(source, body), line, true, &step->head);
    } else {
        scenario_text_compile(reader, view_of(source, pad), line, true, &step->head);
        scenario_text_compile(reader, view_of(pad, body), line + lines_in(source, pad), true,
                              &rest);
        text_append(reader, &step->head, &rest, true);
    }
    scenario_text_compile(reader, view_of(body, body + strlen(body)), line + lines_in(source, body),
                          true, &step->body);
    step->keeps = scenario_text_once(&step->head) || scenario_text_once(&step->body);
}

static void request_read(struct scenario_reader *reader, struct scenario_step *step, char *source,
                         uint32_t line)
{
    size_t name_bytes = strcspn(source, " \n");
    struct zsip_view name = view_of(source, source + name_bytes);
    char *via = NULL;
    char *empty = strstr(source, "\n\n");
    uint32_t at_line = line;

    step->kind = SCENARIO_SEND_REQUEST;
    step->method = (uint8_t)zsip_method_by_name(name);
    step->method_name = scenario_arena_copy(reader->scenario->arena, source, name_bytes);
    if (source[name_bytes] != ' ' || name_bytes == 0 || memchr(source, '[', name_bytes) != NULL) {
        scenario_wrong(reader, line, "the first line is no request line (METHOD URI SIP/2.0)");
        return;
    }
    if (step->method == ZSIP_METHOD_INVITE || step->method == ZSIP_METHOD_ACK ||
        step->method == ZSIP_METHOD_CANCEL) {
        scenario_wrong(reader, line, "%.*s: zsip sends every method but INVITE, ACK and CANCEL",
                       (int)name_bytes, source);
        return;
    }
    for (char *here = source; here < empty; here = line_end(here) + 1) {
        char *end = line_end(here);

        if (here != source && named(here, end, "via", "v")) {
            if (via != NULL || here[0] == '[')
                scenario_wrong(reader, at_line, "a request of a client has one Via, its own");
            else
                via = here;
        }
        at_line += 1;
    }
    if (via == NULL)
        scenario_wrong(reader, line, "a request without a Via gets no response");
    else
        source = via_branch(reader, source, via, line + lines_in(source, via));
    request_texts(reader, step, source, line);
}

/* ---- Responses ------------------------------------------------------------------------------- */

/* The library repeats these from the request, and counts the body (RFC 3261 section 8.2.6.2). */
static bool written_by_library(const char *line, const char *end)
{
    return named(line, end, "via", "v") || named(line, end, "from", "f") ||
           named(line, end, "to", "t") || named(line, end, "call-id", "i") ||
           named(line, end, "cseq", "cseq") || named(line, end, "content-length", "l");
}

static void response_headers(struct scenario_reader *reader, struct scenario_step *step,
                             char *source, const char *empty, uint32_t line)
{
    struct scenario_response *response = &step->response;

    for (char *here = source; here < empty; line++) {
        char *end = line_end(here);
        struct scenario_text text;

        if (written_by_library(here, end)) {
            here = end + 1;
            continue;
        }
        if (named(here, end, "content-type", "c") && here[0] != '[') {
            char *value = here + strcspn(here, ":\n") + 1;

            value += strspn(value, " \t");
            scenario_text_compile(reader, view_of(value, end), line, false,
                                  &response->content_type);
        } else if (here != end) {
            scenario_text_compile(reader, view_of(here, end + 1), line, true, &text);
            text_append(reader, &response->headers, &text, false);
        }
        here = end + 1;
    }
}

static void response_read(struct scenario_reader *reader, struct scenario_step *step, char *source,
                          uint32_t line)
{
    char *end = line_end(source), *at = source + strlen("SIP/2.0");
    char *empty = strstr(source, "\n\n");
    long code;

    step->kind = SCENARIO_SEND_RESPONSE;
    at += strspn(at, " ");
    code = strtol(at, &at, 10);
    if (code < 100 || code > 699) {
        scenario_wrong(reader, line, "the first line is no status line (SIP/2.0 200 OK)");
        return;
    }
    if (code > 100 && code < 200)
        scenario_wrong(reader, line,
                       "%ld: no provisional response but 100 answers a request that "
                       "is no INVITE (RFC 4320 section 4.1)",
                       code);
    step->response.code = (uint16_t)code;
    at += strspn(at, " ");
    if (end > at && (end - at != (long)strlen(zsip_reason_phrase((unsigned)code)) ||
                     memcmp(at, zsip_reason_phrase((unsigned)code), (size_t)(end - at)) != 0))
        scenario_text_compile(reader, view_of(at, end), line, false, &step->response.reason);
    if (end < empty)
        response_headers(reader, step, end + 1, empty, line + 1);
    scenario_text_compile(reader, view_of(empty + 2, empty + 2 + strlen(empty + 2)),
                          line + lines_in(source, empty + 2), true, &step->body);
}

void scenario_message(struct scenario_reader *reader, struct scenario_step *step, char *source,
                      uint32_t line)
{
    if (source[0] == '\0') {
        scenario_wrong(reader, line, "<send> without a message");
        return;
    }
    if (strncmp(source, "SIP/2.0 ", 8) == 0)
        response_read(reader, step, source, line);
    else
        request_read(reader, step, source, line);
}
