/* The reference parser: names, and the fields of the one pass.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/reference_rules.h"
#include <string.h>

/* ---- Header table -------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    char compact;
} headers[ZSIP_HEADER_ID_COUNT] = {
#define X(name, id, text, compact, rows) [id] = {text, compact},
    ZSIP_HEADER_MAP(X)
#undef X
};

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

const char *ref_header_name(enum zsip_header_id id)
{
    return headers[id].name;
}

enum zsip_header_id ref_header_id(text p, text end)
{
    for (size_t id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
        size_t length = strlen(headers[id].name), i = 0;
        if (end - p == 1 && headers[id].compact != 0 && lower(*p) == (uint8_t)headers[id].compact) {
            return (enum zsip_header_id)id;
        }
        if ((size_t)(end - p) != length) {
            continue;
        }
        while (i < length && lower(p[i]) == lower((uint8_t)headers[id].name[i])) {
            i++;
        }
        if (i == length) {
            return (enum zsip_header_id)id;
        }
    }
    return ZSIP_HEADER_UNKNOWN;
}

enum zsip_method ref_method_id(text p, text end)
{
    static const char *const names[ZSIP_METHOD_COUNT] = {
#define X(name, id, text) [id] = text,
        ZSIP_METHOD_MAP(X)
#undef X
    };
    for (size_t id = 1; id < ZSIP_METHOD_COUNT; id++) {
        if (strlen(names[id]) == (size_t)(end - p) &&
            memcmp(names[id], p, (size_t)(end - p)) == 0) {
            return (enum zsip_method)id;
        }
    }
    return ZSIP_METHOD_UNKNOWN;
}

/* ---- Other fields of the one pass ---------------------------------------------------------------
 */

enum zsip_status ref_fault(struct ref_state *state, text at, enum zsip_status status,
                           const char *rule)
{
    state->msg->fault.offset = (uint32_t)(at - state->base);
    state->msg->fault.status = status;
    state->msg->fault.rule = rule;
    return status;
}

static enum zsip_status field_party(struct ref_state *state, text p, text end,
                                    struct zsip_party *out, const char *rule)
{
    text at = p;
    enum zsip_status status = ref_party(state->base, &p, end, out, &at);
    if (status == ZSIP_OK && p < end) { /* a comma: From and To hold one value */
        status = ZSIP_ERROR_SYNTAX;
        at = p;
    }
    return status == ZSIP_OK ? status : ref_fault(state, at, status, rule);
}

/* The first row, whose first value is the top one. The whole row has to be right. */
static enum zsip_status field_via(struct ref_state *state, text p, text end)
{
    struct zsip_via via;
    text at = p;
    enum zsip_status status = ref_via(state->base, &p, end, &state->msg->via, &at);
    while (status == ZSIP_OK && p < end) {
        p = ref_sws(p + 1, end);
        status = ref_via(state->base, &p, end, &via, &at);
    }
    return status == ZSIP_OK ? status : ref_fault(state, at, status, "Via");
}

/* callid = word [ "@" word ] */
static enum zsip_status field_call_id(struct ref_state *state, text p, text end)
{
    text word = ref_word(p, end);
    if (word != NULL && word < end && *word == '@') {
        word = ref_word(word + 1, end);
    }
    if (word != end || p == end) {
        return ref_fault(state, p, ZSIP_ERROR_SYNTAX, "Call-ID");
    }
    state->msg->call_id = ref_slice(state->base, p, end);
    return ZSIP_OK;
}

/* CSeq = 1*DIGIT LWS Method */
static enum zsip_status field_cseq(struct ref_state *state, text p, text end)
{
    uint64_t number = 0;
    text digits = ref_digits(p, end);
    text method = digits != NULL ? ref_lws(digits, end) : NULL;
    if (method == NULL || ref_token(method, end) != end) {
        return ref_fault(state, p, ZSIP_ERROR_SYNTAX, "CSeq");
    }
    if (!ref_number(p, digits, UINT32_MAX, &number)) {
        return ref_fault(state, p, ZSIP_ERROR_RANGE, "CSeq");
    }
    struct zsip_msg *msg = state->msg;
    msg->cseq_number = (uint32_t)number;
    if (msg->kind == ZSIP_KIND_RESPONSE) {
        msg->method_name = ref_slice(state->base, method, end);
        msg->method = (uint8_t)ref_method_id(method, end);
    } else if (msg->method_name.length != end - method ||
               memcmp(state->base + msg->method_name.offset, method, msg->method_name.length) !=
                   0) {
        return ref_fault(state, method, ZSIP_ERROR_MISMATCH, "CSeq");
    }
    return ZSIP_OK;
}

static enum zsip_status field_max_forwards(struct ref_state *state, text p, text end)
{
    uint64_t number;
    if (ref_digits(p, end) != end || p == end) {
        return ref_fault(state, p, ZSIP_ERROR_SYNTAX, "Max-Forwards");
    }
    state->msg->max_forwards = ref_number(p, end, 255, &number) ? (uint32_t)number : ZSIP_ABSENT;
    return ZSIP_OK;
}

static enum zsip_status field_content_length(struct ref_state *state, text p, text end)
{
    uint64_t number;
    if (ref_digits(p, end) != end || p == end) {
        return ref_fault(state, p, ZSIP_ERROR_SYNTAX, "Content-Length");
    }
    if (!ref_number(p, end, UINT32_MAX - 1, &number)) { /* the last one means "absent" */
        return ref_fault(state, p, ZSIP_ERROR_RANGE, "Content-Length");
    }
    state->msg->content_length = (uint32_t)number;
    return ZSIP_OK;
}

/* media-type = m-type SLASH m-subtype *( SEMI m-attribute EQUAL m-value ) */
static enum zsip_status field_content_type(struct ref_state *state, text p, text end)
{
    struct zsip_media_type *out = &state->msg->content_type;
    text type = ref_token(p, end);
    text subtype = type != NULL ? ref_mark(type, end, '/') : NULL;
    text q = subtype != NULL ? ref_token(subtype, end) : NULL;
    if (q == NULL) {
        return ref_fault(state, p, ZSIP_ERROR_SYNTAX, "Content-Type");
    }
    out->type = ref_slice(state->base, p, type);
    out->subtype = ref_slice(state->base, subtype, q);
    text first = NULL;
    while (q < end) {
        text name = ref_mark(q, end, ';');
        first = first == NULL ? ref_sws(q, end) : first;
        text name_end = name != NULL ? ref_token(name, end) : NULL;
        text value = name_end != NULL ? ref_mark(name_end, end, '=') : NULL;
        if (value == NULL) {
            return ref_fault(state, q, ZSIP_ERROR_SYNTAX, "Content-Type");
        }
        q = value < end && *value == '"' ? ref_quoted_string(value, end) : ref_token(value, end);
        if (q == NULL) {
            return ref_fault(state, value, ZSIP_ERROR_SYNTAX, "Content-Type");
        }
    }
    if (first != NULL) {
        out->params = ref_slice(state->base, first, end);
    }
    return ZSIP_OK;
}

enum zsip_status ref_field(struct ref_state *state, enum zsip_header_id id, text p, text end,
                           bool first)
{
    switch (id) {
    case ZSIP_HEADER_VIA:
        return first ? field_via(state, p, end) : ZSIP_OK;
    case ZSIP_HEADER_FROM:
        return field_party(state, p, end, &state->msg->from, "From");
    case ZSIP_HEADER_TO:
        return field_party(state, p, end, &state->msg->to, "To");
    case ZSIP_HEADER_CALL_ID:
        return field_call_id(state, p, end);
    case ZSIP_HEADER_CSEQ:
        return field_cseq(state, p, end);
    case ZSIP_HEADER_MAX_FORWARDS:
        return field_max_forwards(state, p, end);
    case ZSIP_HEADER_CONTENT_LENGTH:
        return field_content_length(state, p, end);
    case ZSIP_HEADER_CONTENT_TYPE:
        return field_content_type(state, p, end);
    default:
        return ZSIP_OK;
    }
}
