/* The reference parser: messages. RFC 3261 section 25.1, byte by byte.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/reference.h"
#include "tests/parser/reference_rules.h"
#include <string.h>

/* ---- The start line -----------------------------------------------------------------------------
 */

/* Where the line that begins at p ends: at a CRLF, if it may be folded one with no white space
 * behind it. NULL if the text ends first. */
static text line_end(text p, text end, bool may_fold)
{
    for (; end - p >= 2; p++) {
        if (p[0] == '\r' && p[1] == '\n' &&
            !(may_fold && end - p >= 3 && (p[2] == ' ' || p[2] == '\t'))) {
            return p;
        }
    }
    return NULL;
}

/* The first byte that no header field can hold: CR and LF outside a fold, and any other control
 * byte but as second half of a quoted-pair (RFC 4475 section 3.1.1.2 has them in a quoted string).
 * Which field may hold a quoted-pair is not asked. NULL if there is none. */
static text odd_byte(text p, text end)
{
    while (p < end) {
        text space = ref_lws(p, end);
        if (space != NULL) {
            p = space;
        } else if (*p == '\\' && end - p >= 2 && p[1] != '\r' && p[1] != '\n') {
            p += 2;
        } else if (*p > 0x20 && *p != 0x7F) {
            p++;
        } else {
            return p;
        }
    }
    return NULL;
}

/* SIP-Version = "SIP" "/" 1*DIGIT "." 1*DIGIT; where it ends. */
static text sip_version(text p, text end)
{
    if (end - p < 4 || !ref_same(p, p + 4, "sip/")) {
        return NULL;
    }
    p = ref_digits(p + 4, end);
    return p != NULL && p < end && *p == '.' ? ref_digits(p + 1, end) : NULL;
}

static bool is_our_version(text p, text end)
{
    return ref_same(p, end, "sip/2.0");
}

/* Status-Line = SIP-Version SP Status-Code SP Reason-Phrase, where any text is a reason, and the SP
 * before an empty one may be missing. */
static enum zsip_status status_line(struct ref_state *state, text p, text end)
{
    uint64_t code;
    text version = sip_version(p, end);
    text digits =
        version != NULL && version < end && *version == ' ' ? ref_digits(version + 1, end) : NULL;
    if (digits == NULL || (digits < end && *digits != ' ')) {
        return ref_fault(state, p, ZSIP_ERROR_SYNTAX, "Status-Line");
    }
    for (text q = digits; q < end; q++) {
        if ((*q < 0x20 && *q != '\t') || *q == 0x7F) {
            return ref_fault(state, q, ZSIP_ERROR_SYNTAX, "Reason-Phrase");
        }
    }
    if (!is_our_version(p, version)) {
        return ref_fault(state, p, ZSIP_ERROR_VERSION, "SIP-Version");
    }
    if (digits - version != 4 || !ref_number(version + 1, digits, 699, &code) || code < 100) {
        return ref_fault(state, version, ZSIP_ERROR_RANGE, "Status-Code");
    }
    state->msg->status_code = (uint16_t)code;
    state->msg->reason = ref_slice(state->base, digits < end ? digits + 1 : end, end);
    return ZSIP_OK;
}

/* Request-Line = Method SP Request-URI SP SIP-Version. The version is judged before the URI:
 * another version may write its URIs otherwise. */
static enum zsip_status request_line(struct ref_state *state, text p, text end)
{
    text at;
    text method = ref_token(p, end);
    if (method == NULL || method == end || *method != ' ') {
        return ref_fault(state, p, ZSIP_ERROR_SYNTAX, "Method");
    }
    text uri = method + 1, uri_end = uri;
    while (uri_end<end && * uri_end> 0x20 && *uri_end < 0x7F) {
        uri_end++;
    }
    if (uri_end == uri || uri_end == end || *uri_end != ' ' ||
        sip_version(uri_end + 1, end) != end) {
        return ref_fault(state, uri_end, ZSIP_ERROR_SYNTAX, "Request-Line");
    }
    if (!is_our_version(uri_end + 1, end)) {
        return ref_fault(state, uri_end, ZSIP_ERROR_VERSION, "SIP-Version");
    }
    enum zsip_status status = ref_uri(state->base, uri, uri_end, &state->msg->request_uri, &at);
    if (status == ZSIP_OK && zsip_slice_present(state->msg->request_uri.headers)) {
        status = ZSIP_ERROR_SYNTAX; /* section 19.1.1: not in a Request-URI */
    }
    if (status != ZSIP_OK) {
        return ref_fault(state, at, status, "Request-URI");
    }
    state->msg->method = (uint8_t)ref_method_id(p, method);
    state->msg->method_name = ref_slice(state->base, p, method);
    return ZSIP_OK;
}

/* ---- The message --------------------------------------------------------------------------------
 */

struct line {
    text name, name_end, value, value_end, next;
};

/* field-name HCOLON field-value CRLF */
static enum zsip_status split_line(struct ref_state *state, text p, struct line *out)
{
    text end = line_end(p, state->end, true);
    if (end == NULL) {
        return ref_fault(state, state->end, state->end_status, "header section");
    }
    out->next = end + 2;
    out->name = p;
    out->name_end = ref_token(p, end);
    if (out->name_end == NULL) {
        return ref_fault(state, p, ZSIP_ERROR_SYNTAX, "field-name");
    }
    text colon = out->name_end;
    while (colon < end && (*colon == ' ' || *colon == '\t')) {
        colon++;
    }
    if (colon == end || *colon != ':') {
        return ref_fault(state, colon, ZSIP_ERROR_SYNTAX, "field-name");
    }
    if (out->name_end - p > 255) {
        return ref_fault(state, p, ZSIP_ERROR_TOO_LARGE, "field-name");
    }
    out->value = ref_sws(colon + 1, end);
    if (out->value == end) {
        out->value = end = colon + 1; /* nothing but white space */
    }
    while (end > out->value && ref_is(end[-1], " \t\r\n")) {
        end--;
    }
    out->value_end = end;
    return ZSIP_OK;
}

/* What decides what a message is and where its answer goes: a second row is a fault
 * (section 7.3.1). */
static bool is_single(enum zsip_header_id id)
{
    return id == ZSIP_HEADER_FROM || id == ZSIP_HEADER_TO || id == ZSIP_HEADER_CALL_ID ||
           id == ZSIP_HEADER_CSEQ || id == ZSIP_HEADER_MAX_FORWARDS ||
           id == ZSIP_HEADER_CONTENT_LENGTH || id == ZSIP_HEADER_CONTENT_TYPE;
}

static enum zsip_status header_line(struct ref_state *state, text p, text *next)
{
    struct zsip_msg *msg = state->msg;
    struct line line = {0};
    enum zsip_status status = split_line(state, p, &line);
    if (status != ZSIP_OK) {
        return status;
    }
    enum zsip_header_id id = ref_header_id(line.name, line.name_end);
    if (msg->header_count == ZSIP_HEADERS_MAX) {
        return ref_fault(state, p, ZSIP_ERROR_TOO_MANY, "header fields");
    }
    text odd = odd_byte(p, line.next - 2);
    if (odd != NULL) {
        return ref_fault(state, odd, ZSIP_ERROR_SYNTAX, "control character");
    }
    bool first = !zsip_msg_has(msg, id);
    if (!first && is_single(id)) {
        return ref_fault(state, p, ZSIP_ERROR_DUPLICATE, ref_header_name(id));
    }
    struct zsip_header *row = &msg->headers[msg->header_count++];
    row->name_offset = (uint16_t)(line.name - state->base);
    row->name_length = (uint8_t)(line.name_end - line.name);
    row->id = (uint8_t)id;
    row->value = ref_slice(state->base, line.value, line.value_end);
    msg->present |= (uint64_t)1 << id;
    *next = line.next;
    return ref_field(state, id, line.value, line.value_end, first);
}

static enum zsip_status check_mandatory(struct ref_state *state)
{
    static const enum zsip_header_id mandatory[] = {
        ZSIP_HEADER_VIA, ZSIP_HEADER_FROM, ZSIP_HEADER_TO, ZSIP_HEADER_CALL_ID, ZSIP_HEADER_CSEQ};
    text at = state->base + state->msg->header_bytes;
    for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
        if (!zsip_msg_has(state->msg, mandatory[i])) {
            return ref_fault(state, at, ZSIP_ERROR_MISSING, ref_header_name(mandatory[i]));
        }
    }
    if ((state->flags & ZSIP_PARSE_STREAM) != 0 &&
        !zsip_msg_has(state->msg, ZSIP_HEADER_CONTENT_LENGTH)) {
        return ref_fault(state, at, ZSIP_ERROR_MISSING, "Content-Length");
    }
    return ZSIP_OK;
}

/* Section 18.3: the body is what Content-Length says, without one what is left of the datagram. */
static enum zsip_status check_body(struct ref_state *state, size_t left)
{
    struct zsip_msg *msg = state->msg;
    msg->body_offset = msg->header_bytes;
    msg->body_bytes = (uint32_t)left;
    if (msg->content_length != ZSIP_ABSENT) {
        if (msg->content_length > left) {
            return ref_fault(state, state->base, ZSIP_ERROR_LENGTH, "Content-Length");
        }
        msg->body_bytes = msg->content_length;
    }
    return ZSIP_OK;
}

static enum zsip_status start_line(struct ref_state *state, text *next)
{
    text end = line_end(state->base, state->end, false);
    if (end == NULL) {
        return ref_fault(state, state->end, state->end_status, "start line");
    }
    *next = end + 2;
    bool response = end - state->base >= 4 && ref_same(state->base, state->base + 4, "sip/");
    state->msg->kind = response ? ZSIP_KIND_RESPONSE : ZSIP_KIND_REQUEST;
    return response ? status_line(state, state->base, end) : request_line(state, state->base, end);
}

enum zsip_status reference_parse(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                 unsigned flags)
{
    while (bytes >= 2 && data[0] == '\r' && data[1] == '\n') {
        data += 2;
        bytes -= 2;
    }
    memset(msg, 0, sizeof(*msg));
    msg->data = data;
    msg->max_forwards = ZSIP_ABSENT;
    msg->content_length = ZSIP_ABSENT;
    struct ref_state state = {msg, data, data + bytes, flags, ZSIP_ERROR_TRUNCATED};
    if (bytes > ZSIP_HEADER_SECTION_BYTES_MAX) { /* the header section has to end before this */
        state.end = data + ZSIP_HEADER_SECTION_BYTES_MAX;
        state.end_status = ZSIP_ERROR_TOO_LARGE;
    }
    text p = data;
    enum zsip_status status = start_line(&state, &p);
    while (status == ZSIP_OK && !(state.end - p >= 2 && p[0] == '\r' && p[1] == '\n')) {
        status = header_line(&state, p, &p);
    }
    if (status != ZSIP_OK) {
        return status;
    }
    msg->header_bytes = (uint16_t)(p + 2 - data);
    status = check_mandatory(&state);
    return status != ZSIP_OK ? status : check_body(&state, bytes - msg->header_bytes);
}

/* ---- On demand ----------------------------------------------------------------------------------
 */

static enum zsip_status next_element(const uint8_t *base, struct zsip_slice value, uint32_t *at,
                                     text p, text end, enum zsip_status status)
{
    if (status == ZSIP_OK) {
        p = p < end ? ref_sws(p + 1, end) : end;
    }
    *at = (uint32_t)(p - base);
    (void)value;
    return status;
}

enum zsip_status reference_via(const uint8_t *base, struct zsip_slice value, uint32_t *at,
                               struct zsip_via *out)
{
    text where, p = base + *at, end = base + value.offset + value.length;
    enum zsip_status status = ref_via(base, &p, end, out, &where);
    return next_element(base, value, at, p, end, status);
}

/* Route, Record-Route, Path and Service-Route are name-addr alone. */
static bool is_route(enum zsip_header_id id)
{
    return id == ZSIP_HEADER_ROUTE || id == ZSIP_HEADER_RECORD_ROUTE || id == ZSIP_HEADER_PATH ||
           id == ZSIP_HEADER_SERVICE_ROUTE;
}

/* These hold one value, and no comma behind it. */
static bool is_alone(enum zsip_header_id id)
{
    return id == ZSIP_HEADER_FROM || id == ZSIP_HEADER_TO || id == ZSIP_HEADER_REPLY_TO ||
           id == ZSIP_HEADER_REFER_TO || id == ZSIP_HEADER_REFERRED_BY;
}

enum zsip_status reference_party(const uint8_t *base, enum zsip_header_id id,
                                 struct zsip_slice value, uint32_t *at, struct zsip_party *out)
{
    text where, p = base + *at, end = base + value.offset + value.length;
    enum zsip_status status = ref_party(base, &p, end, out, &where);
    if (status == ZSIP_OK && p < end && is_alone(id)) {
        status = ZSIP_ERROR_SYNTAX;
    }
    if (status == ZSIP_OK && is_route(id) &&
        memchr(base + out->whole.offset, '<', out->whole.length) == NULL) {
        status = ZSIP_ERROR_SYNTAX;
    }
    return next_element(base, value, at, p, end, status);
}
