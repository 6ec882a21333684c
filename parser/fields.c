/* zsip: fields on demand: walking over lists, looking up parameters.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Whether there is a next element, and moves the cursor to its row. */
static bool list_begin(const struct zsip_msg *msg, enum zsip_header_id id,
                       struct zsip_cursor *cursor, const uint8_t **begin, const uint8_t **end)
{
    unsigned row = cursor->row;
    /* Rows of a list mostly stand together. */
    if (row >= msg->header_count || msg->headers[row].id != id) {
        row = zsip_msg_find(msg, id, row);
        if (row >= msg->header_count)
            return false;
        *cursor = (struct zsip_cursor){row, 0};
    }
    struct zsip_slice value = msg->headers[row].value;
    *begin = zsip_list_begin(msg, cursor);
    *end = msg->data + value.offset + value.length;
    return true;
}

static enum zsip_status too_much(const struct zsip_msg *msg, const uint8_t *p,
                                 struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    return zsip_fault_set(fault != NULL ? fault : &ignored, msg->data, p, ZSIP_ERROR_SYNTAX,
                          "one value");
}

enum zsip_status zsip_via_next_slow(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                    struct zsip_via *out, bool *found, struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    const uint8_t *p, *end;
    *found = false;
    if (!list_begin(msg, ZSIP_HEADER_VIA, cursor, &p, &end))
        return ZSIP_OK;
    enum zsip_status status =
        zsip_machine_via(msg->data, &p, end, out, fault != NULL ? fault : &ignored);
    if (status != ZSIP_OK)
        return status;
    *found = true;
    zsip_list_move(msg, cursor, p, end);
    return ZSIP_OK;
}

/* Fields whose grammar has name-addr alone. Without brackets an "lr" would be the field's parameter
 * instead of the URI's, and the route a strict one. */
static bool needs_brackets(enum zsip_header_id id)
{
    return id == ZSIP_HEADER_ROUTE || id == ZSIP_HEADER_RECORD_ROUTE || id == ZSIP_HEADER_PATH ||
           id == ZSIP_HEADER_SERVICE_ROUTE;
}

/* An element and, where uri is not NULL, its URI. */
static enum zsip_status party_take(const uint8_t *base, enum zsip_header_id id, const uint8_t **p,
                                   const uint8_t *end, struct zsip_party *out, struct zsip_uri *uri,
                                   struct zsip_fault *fault)
{
    enum zsip_status status = zsip_machine_party(base, p, end, id, out, fault);
    if (status != ZSIP_OK)
        return status;
    const uint8_t *begin = base + out->uri.offset;
    if (needs_brackets(id) && begin[-1] != '<')
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_SYNTAX, "name-addr");
    return uri != NULL ? zsip_machine_uri(base, begin, begin + out->uri.length, uri, fault)
                       : ZSIP_OK;
}

static enum zsip_status party_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                   struct zsip_cursor *cursor, struct zsip_party *out,
                                   struct zsip_uri *uri, bool *found, struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    const uint8_t *p, *end;
    *found = false;
    if (!list_begin(msg, id, cursor, &p, &end))
        return ZSIP_OK;
    /* Contact = ("m" / "Contact") HCOLON ( STAR / ... ): no list has one. */
    if (id == ZSIP_HEADER_CONTACT && msg->headers[cursor->row].value.length == 1 && *p == '*') {
        struct zsip_slice star = zsip_slice_between(msg->data, p, end);
        *out = (struct zsip_party){.whole = star, .uri = star};
        if (uri != NULL)
            *uri = (struct zsip_uri){.whole = star};
        p = end;
    } else {
        enum zsip_status status =
            party_take(msg->data, id, &p, end, out, uri, fault != NULL ? fault : &ignored);
        if (status != ZSIP_OK)
            return status;
    }
    if (zsip_is_too_much(id, p, end))
        return too_much(msg, p, fault);
    *found = true;
    zsip_list_move(msg, cursor, p, end);
    return ZSIP_OK;
}

enum zsip_status zsip_party_next_slow(const struct zsip_msg *msg, enum zsip_header_id id,
                                      struct zsip_cursor *cursor, struct zsip_party *out,
                                      bool *found, struct zsip_fault *fault)
{
    return party_next(msg, id, cursor, out, NULL, found, fault);
}

enum zsip_status zsip_party_uri_next_slow(const struct zsip_msg *msg, enum zsip_header_id id,
                                          struct zsip_cursor *cursor, struct zsip_party_uri *out,
                                          bool *found, struct zsip_fault *fault)
{
    return party_next(msg, id, cursor, &out->party, &out->uri, found, fault);
}

/* Supported, Allow, Accept and their like may stand empty: such a row holds no element. */
static void rows_empty_skip(const struct zsip_msg *msg, enum zsip_header_id id,
                            struct zsip_cursor *cursor)
{
    unsigned row = zsip_msg_find(msg, id, cursor->row);
    for (; row < msg->header_count && msg->headers[row].value.length == 0;
         row = zsip_msg_find(msg, id, row + 1))
        *cursor = (struct zsip_cursor){row + 1, 0};
}

enum zsip_status zsip_token_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                 struct zsip_cursor *cursor, struct zsip_slice *out, bool *found,
                                 struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    const uint8_t *p, *end;
    rows_empty_skip(msg, id, cursor);
    *found = false;
    if (!list_begin(msg, id, cursor, &p, &end))
        return ZSIP_OK;
    if (fault == NULL)
        fault = &ignored;
    enum zsip_status status = id == ZSIP_HEADER_IN_REPLY_TO
                                  ? zsip_machine_list_call_id(msg->data, &p, end, out, fault)
                                  : zsip_machine_list_token(msg->data, &p, end, out, fault);
    if (status != ZSIP_OK)
        return status;
    if (zsip_is_too_much(id, p, end))
        return too_much(msg, p, fault);
    *found = true;
    zsip_list_move(msg, cursor, p, end);
    return ZSIP_OK;
}

enum zsip_status zsip_value_next(const struct zsip_msg *msg, enum zsip_header_id id,
                                 struct zsip_cursor *cursor, struct zsip_value *out, bool *found,
                                 struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    const uint8_t *p, *end;
    rows_empty_skip(msg, id, cursor);
    *found = false;
    if (!list_begin(msg, id, cursor, &p, &end))
        return ZSIP_OK;
    enum zsip_status status =
        zsip_machine_value(msg->data, &p, end, id, out, fault != NULL ? fault : &ignored);
    if (status != ZSIP_OK)
        return status;
    if (zsip_is_too_much(id, p, end))
        return too_much(msg, p, fault);
    *found = true;
    zsip_list_move(msg, cursor, p, end);
    return ZSIP_OK;
}

enum zsip_status zsip_warning_next(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                                   struct zsip_warning *out, bool *found, struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    const uint8_t *p, *end;
    *found = false;
    if (!list_begin(msg, ZSIP_HEADER_WARNING, cursor, &p, &end))
        return ZSIP_OK;
    enum zsip_status status =
        zsip_machine_warning(msg->data, &p, end, out, fault != NULL ? fault : &ignored);
    if (status != ZSIP_OK)
        return status;
    *found = true;
    zsip_list_move(msg, cursor, p, end);
    return ZSIP_OK;
}

/* ---- Parameters ------------------------------------------------------------------------------ */

bool zsip_param_next(const uint8_t **cursor, const uint8_t *end, struct zsip_param *out)
{
    const uint8_t *p = *cursor;
    while (p < end && (zsip_is_lws(*p) || *p == ';'))
        p++;
    if (p == end)
        return false;
    out->name = p;
    while (p < end && *p != '=' && *p != ';' && !zsip_is_lws(*p))
        p++;
    out->name_length = (size_t)(p - out->name);
    out->value = NULL;
    out->value_length = 0;
    while (p < end && zsip_is_lws(*p))
        p++;
    if (p < end && *p == '=') {
        p++;
        while (p < end && zsip_is_lws(*p))
            p++;
        out->value = p;
        if (p < end && *p == '"')
            p = zsip_quoted_end(p, end);
        while (p < end && *p != ';' && !zsip_is_lws(*p))
            p++;
        out->value_length = (size_t)(p - out->value);
    }
    *cursor = p;
    return true;
}

const uint8_t *zsip_quoted_end(const uint8_t *p, const uint8_t *end)
{
    for (p++; p < end; p++) {
        if (*p == '"')
            return p + 1;
        if (*p == '\\' && end - p > 1)
            p++;
    }
    return end;
}

bool zsip_text_equal(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    if (a_length != b_length)
        return false;
    for (size_t i = 0; i < a_length; i++) {
        if (zsip_lower(a[i]) != zsip_lower(b[i]))
            return false;
    }
    return true;
}

/* Walks both at once: a loop that measured the name first would become a call of strlen(). */
static bool param_named(const struct zsip_param *param, const char *name)
{
    size_t i = 0;
    while (i < param->name_length && name[i] != 0 &&
           zsip_lower(param->name[i]) == zsip_lower((uint8_t)name[i]))
        i++;
    return i == param->name_length && name[i] == 0;
}

bool zsip_param_find(const uint8_t *base, struct zsip_slice params, const char *name,
                     struct zsip_slice *value)
{
    struct zsip_param param;
    const uint8_t *p = base + params.offset, *end = p + params.length;
    while (zsip_param_next(&p, end, &param)) {
        if (!param_named(&param, name))
            continue;
        if (value != NULL) {
            *value = (struct zsip_slice){0, 0};
            if (param.value != NULL)
                *value = zsip_slice_between(base, param.value, param.value + param.value_length);
        }
        return true;
    }
    return false;
}

static enum zsip_status overload_number(const uint8_t *base, struct zsip_slice value, uint32_t *out,
                                        const char *rule, struct zsip_fault *fault)
{
    uint64_t number = 0;
    const uint8_t *begin = base + value.offset;
    enum zsip_status status =
        zsip_machine_digits(base, begin, begin + value.length, UINT32_MAX, &number, rule, fault);
    *out = (uint32_t)number;
    return status;
}

enum zsip_status zsip_via_overload(const uint8_t *base, const struct zsip_via *via,
                                   struct zsip_overload *out, struct zsip_fault *fault)
{
    struct zsip_slice value;
    struct zsip_fault ignored;
    enum zsip_status status = ZSIP_OK;
    if (fault == NULL)
        fault = &ignored;
    *out = (struct zsip_overload){.validity_ms = 500};
    if (zsip_param_find(base, via->params, "oc", &value)) {
        out->flags |= ZSIP_OVERLOAD_OC;
        if (zsip_slice_present(value)) {
            out->flags |= ZSIP_OVERLOAD_OC_VALUE;
            status = overload_number(base, value, &out->oc, "Via oc", fault);
        }
    }
    if (status == ZSIP_OK && zsip_param_find(base, via->params, "oc-validity", &value)) {
        out->flags |= ZSIP_OVERLOAD_VALIDITY;
        if (zsip_slice_present(value))
            status = overload_number(base, value, &out->validity_ms, "Via oc-validity", fault);
    }
    zsip_param_find(base, via->params, "oc-seq", &out->sequence);
    if (zsip_param_find(base, via->params, "oc-algo", &value) && value.length >= 2 &&
        base[value.offset] == '"')
        out->algorithms =
            (struct zsip_slice){(uint16_t)(value.offset + 1), (uint16_t)(value.length - 2)};
    return status;
}
