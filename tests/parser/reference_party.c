/* The reference parser: parameters, From, To and their like.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/reference_rules.h"
#include <string.h>

/* ---- Parameters ---------------------------------------------------------------------------------
 */

/* SEMI token [ EQUAL gen-value ] from p on. Returns where it ends; NULL with *at set on a fault; p
 * itself if no semicolon follows. */
text ref_param(text p, text end, struct ref_param *out, text *at)
{
    text name = ref_mark(p, end, ';');
    *out = (struct ref_param){0};
    if (name == NULL) {
        return p;
    }
    *at = name;
    text name_end = ref_token(name, end);
    if (name_end == NULL) {
        return NULL;
    }
    out->name = name;
    out->name_end = name_end;
    text value = ref_mark(name_end, end, '=');
    if (value == NULL) {
        return name_end;
    }
    *at = value;
    out->value = value;
    out->value_end = ref_gen_value(value, end);
    return out->value_end;
}

bool ref_token_whole(text p, text end)
{
    return p != NULL && ref_token(p, end) == end;
}

/* ---- From, To and their like --------------------------------------------------------------------
 */

/* Where the display name before a "<" ends (p if there is none); *open is the "<"; NULL if this is
 * no name-addr. */
static text display_name(text p, text end, text *open)
{
    text begin = p, name_end = p;
    if (p < end && *p == '"') {
        name_end = ref_quoted_string(p, end);
        if (name_end == NULL) {
            return NULL;
        }
        p = ref_sws(name_end, end);
    } else {
        for (;;) {
            text token = ref_token(p, end);
            if (token == NULL) {
                break;
            }
            name_end = token;
            p = ref_sws(token, end);
            if (p == token) {
                break;
            }
        }
    }
    *open = p;
    return p < end && *p == '<' ? (name_end > begin ? name_end : begin) : NULL;
}

static enum zsip_status party_params(text base, text *p, text end, struct zsip_party *out, text *at)
{
    text first = NULL;
    for (;;) {
        struct ref_param param;
        text after = ref_param(*p, end, &param, at);
        if (after == NULL) {
            return ZSIP_ERROR_SYNTAX;
        }
        if (after == *p) {
            break;
        }
        if (first == NULL) {
            first = ref_sws(*p, end);
        }
        if (ref_same(param.name, param.name_end, "tag")) {
            *at = param.name;
            if (zsip_slice_present(out->tag) || !ref_token_whole(param.value, param.value_end)) {
                return ZSIP_ERROR_SYNTAX;
            }
            out->tag = ref_slice(base, param.value, param.value_end);
        }
        *p = after;
    }
    if (first != NULL) {
        out->params = ref_slice(base, first, *p);
    }
    return ZSIP_OK;
}

/* The address itself; *p goes behind it. */
static enum zsip_status party_address(text base, text *p, text end, struct zsip_party *out,
                                      text *uri, text *uri_end)
{
    text begin = *p, open, q = begin;
    text name_end = display_name(begin, end, &open);
    if (name_end != NULL) {
        if (name_end > begin) {
            out->display = ref_slice(base, begin, name_end);
        }
        for (q = open + 1; q < end && *q != '>'; q++) {
        }
        *uri = open + 1;
        *uri_end = q;
        *p = q < end ? q + 1 : q;
        return q < end ? ZSIP_OK : ZSIP_ERROR_SYNTAX;
    }
    /* Without brackets the URI ends before a comma, question mark or semicolon (section 20.10). */
    while (q<end && * q> ' ' && *q < 0x7F && !ref_is(*q, ",;?<>\"")) {
        q++;
    }
    *uri = begin;
    *uri_end = q;
    *p = q;
    return ZSIP_OK;
}

enum zsip_status ref_party(text base, text *p, text end, struct zsip_party *out, text *at)
{
    text begin = *p, q = begin, uri, uri_end, uri_at;
    struct zsip_uri parsed;
    *out = (struct zsip_party){0};
    *at = begin;
    enum zsip_status status = party_address(base, &q, end, out, &uri, &uri_end);
    if (status != ZSIP_OK) {
        return status;
    }
    enum zsip_status uri_status = ref_uri(base, uri, uri_end, &parsed, &uri_at);
    if (uri_status == ZSIP_ERROR_SYNTAX) {
        return uri_status;
    }
    out->uri = ref_slice(base, uri, uri_end);
    status = party_params(base, &q, end, out, at);
    if (status != ZSIP_OK) {
        return status;
    }
    out->whole = ref_slice(base, begin, q);
    q = ref_sws(q, end);
    *at = q;
    if (q < end && *q != ',') {
        return ZSIP_ERROR_SYNTAX;
    }
    *p = q;
    return uri_status;
}
