/* The reference parser: Via and its parameters.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/reference_rules.h"
#include <string.h>

/* ---- Via ----------------------------------------------------------------------------------------
 */

static enum zsip_status via_host_param(text base, const struct ref_param *param, bool address,
                                       struct zsip_slice *out)
{
    uint8_t kind;
    text inner, inner_end;
    if (param->value == NULL || zsip_slice_present(*out)) {
        return ZSIP_ERROR_SYNTAX;
    }
    if (!ref_host(param->value, param->value_end, &kind, &inner, &inner_end) ||
        (address && kind == ZSIP_HOST_NAME)) {
        return ZSIP_ERROR_SYNTAX;
    }
    *out = ref_slice(base, inner, inner_end);
    return ZSIP_OK;
}

static enum zsip_status via_number(const struct ref_param *param, uint64_t max, uint64_t *out)
{
    if (param->value == NULL || ref_digits(param->value, param->value_end) != param->value_end) {
        return ZSIP_ERROR_SYNTAX;
    }
    return ref_number(param->value, param->value_end, max, out) ? ZSIP_OK : ZSIP_ERROR_RANGE;
}

static enum zsip_status via_branch(text base, const struct ref_param *param, struct zsip_via *out)
{
    if (zsip_slice_present(out->branch) || !ref_token_whole(param->value, param->value_end)) {
        return ZSIP_ERROR_SYNTAX;
    }
    out->branch = ref_slice(base, param->value, param->value_end);
    if (out->branch.length > 7 && ref_same(param->value, param->value + 7, "z9hg4bk")) {
        out->flags |= ZSIP_VIA_COOKIE;
    }
    return ZSIP_OK;
}

static enum zsip_status via_rport(text base, const struct ref_param *param, struct zsip_via *out)
{
    uint64_t port = 0;
    enum zsip_status status = ZSIP_OK;
    if ((out->flags & ZSIP_VIA_RPORT) != 0) {
        return ZSIP_ERROR_SYNTAX;
    }
    text end = param->value != NULL ? param->value_end : param->name_end;
    out->rport = ref_slice(base, param->name, end);
    out->flags |= ZSIP_VIA_RPORT;
    if (param->value != NULL) {
        status = via_number(param, 65535, &port);
        out->flags |= ZSIP_VIA_RPORT_VALUE;
        out->rport_port = (uint16_t)port;
    }
    return status;
}

static enum zsip_status via_ttl(const struct ref_param *param, struct zsip_via *out)
{
    uint64_t ttl = 0;
    if ((out->flags & ZSIP_VIA_TTL) != 0 ||
        (param->value != NULL && param->value_end - param->value > 3)) {
        return ZSIP_ERROR_SYNTAX;
    }
    out->flags |= ZSIP_VIA_TTL;
    enum zsip_status status = via_number(param, 255, &ttl);
    out->ttl = (uint8_t)ttl;
    return status;
}

static enum zsip_status via_param(text base, const struct ref_param *param, struct zsip_via *out)
{
    text name = param->name, name_end = param->name_end;
    if (ref_same(name, name_end, "branch")) {
        return via_branch(base, param, out);
    }
    if (ref_same(name, name_end, "received")) {
        return via_host_param(base, param, true, &out->received);
    }
    if (ref_same(name, name_end, "maddr")) {
        return via_host_param(base, param, false, &out->maddr);
    }
    if (ref_same(name, name_end, "rport")) {
        return via_rport(base, param, out);
    }
    if (ref_same(name, name_end, "ttl")) {
        return via_ttl(param, out);
    }
    if (ref_same(name, name_end, "alias")) {
        out->flags |= ZSIP_VIA_ALIAS;
        return param->value == NULL ? ZSIP_OK : ZSIP_ERROR_SYNTAX;
    }
    if (ref_same(name, name_end, "oc")) {
        out->flags |= ZSIP_VIA_OC;
    }
    return ZSIP_OK;
}

/* A received value without brackets holds colons, which no gen-value has. */
static text bare_ipv6_value(struct ref_param *param, text end)
{
    text q = param->value;
    while (q < end && (ref_is_hex(*q) || *q == ':' || *q == '.')) {
        q++;
    }
    return q > param->value && ref_ipv6(param->value, q) ? q : NULL;
}

static text parse_via_param(text p, text end, struct ref_param *param, text *at)
{
    text after = ref_param(p, end, param, at);
    if (param->value != NULL && ref_same(param->name, param->name_end, "received")) {
        text bare = bare_ipv6_value(param, end);
        if (bare != NULL && (after == NULL || bare > after)) {
            param->value_end = bare;
            return bare;
        }
    }
    return after;
}

/* "received=[v6]" and "received=v6": the host rule takes the first, this the second. */
static enum zsip_status via_received(text base, const struct ref_param *param, struct zsip_via *out)
{
    if (zsip_slice_present(out->received)) {
        return ZSIP_ERROR_SYNTAX;
    }
    if (ref_ipv6(param->value, param->value_end)) {
        out->received = ref_slice(base, param->value, param->value_end);
        return ZSIP_OK;
    }
    return via_host_param(base, param, true, &out->received);
}

static enum zsip_status via_params(text base, text *p, text end, struct zsip_via *out, text *at)
{
    text first = NULL;
    enum zsip_status range = ZSIP_OK;
    for (;;) {
        struct ref_param param;
        text after = parse_via_param(*p, end, &param, at);
        if (after == NULL) {
            return ZSIP_ERROR_SYNTAX;
        }
        if (after == *p) {
            break;
        }
        if (first == NULL) {
            first = ref_sws(*p, end);
        }
        *at = param.name;
        enum zsip_status status =
            param.value != NULL && ref_same(param.name, param.name_end, "received")
                ? via_received(base, &param, out)
                : via_param(base, &param, out);
        if (status == ZSIP_ERROR_SYNTAX) {
            return status;
        }
        range = range == ZSIP_OK ? status : range;
        *p = after;
    }
    if (first != NULL) {
        out->params = ref_slice(base, first, *p);
    }
    return range;
}

static uint8_t transport_of(text p, text end)
{
    static const struct {
        const char *name;
        uint8_t id;
    } names[] = {{"udp", ZSIP_TRANSPORT_UDP},
                 {"tcp", ZSIP_TRANSPORT_TCP},
                 {"tls", ZSIP_TRANSPORT_TLS},
                 {"ws", ZSIP_TRANSPORT_WS},
                 {"wss", ZSIP_TRANSPORT_WSS}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ref_same(p, end, names[i].name)) {
            return names[i].id;
        }
    }
    return ZSIP_TRANSPORT_NONE;
}

/* sent-protocol = protocol-name SLASH protocol-version SLASH transport */
static text sent_protocol(text base, text p, text end, struct zsip_via *out)
{
    for (int part = 0; part < 3; part++) {
        text token = ref_token(p, end);
        if (token == NULL || part == 2) {
            if (token != NULL) {
                out->transport_name = ref_slice(base, p, token);
                out->transport = transport_of(p, token);
            }
            return token;
        }
        p = ref_mark(token, end, '/');
        if (p == NULL) {
            return NULL;
        }
    }
    return NULL;
}

/* sent-by = host [ COLON port ] */
static enum zsip_status sent_by(text base, text *p, text end, struct zsip_via *out)
{
    text host = *p, q = host, inner, inner_end;
    if (q < end && *q == '[') {
        while (q < end && *q != ']') {
            q++;
        }
        q += q < end ? 1 : 0;
    } else {
        while (q < end && (ref_is_alphanum(*q) || *q == '-' || *q == '.')) {
            q++;
        }
    }
    if (!ref_host(host, q, &out->host_kind, &inner, &inner_end)) {
        return ZSIP_ERROR_SYNTAX;
    }
    out->host = ref_slice(base, inner, inner_end);
    enum zsip_status status = ZSIP_OK;
    text port = ref_mark(q, end, ':');
    if (port != NULL) {
        uint64_t number = 0;
        q = ref_digits(port, end);
        if (q == NULL) {
            *p = port;
            return ZSIP_ERROR_SYNTAX;
        }
        if (!ref_number(port, q, 65535, &number) || number == 0) {
            status = ZSIP_ERROR_RANGE;
        }
        out->port = (uint16_t)number;
    }
    out->sent_by = ref_slice(base, host, q);
    *p = q;
    return status;
}

enum zsip_status ref_via(text base, text *p, text end, struct zsip_via *out, text *at)
{
    text begin = *p, q;
    *out = (struct zsip_via){0};
    *at = begin;
    q = sent_protocol(base, begin, end, out);
    q = q != NULL ? ref_lws(q, end) : NULL;
    if (q == NULL) {
        return ZSIP_ERROR_SYNTAX;
    }
    *at = q;
    enum zsip_status range = sent_by(base, &q, end, out);
    if (range == ZSIP_ERROR_SYNTAX) {
        return range;
    }
    enum zsip_status status = via_params(base, &q, end, out, at);
    if (status == ZSIP_ERROR_SYNTAX) {
        return status;
    }
    range = range == ZSIP_OK ? status : range;
    out->whole = ref_slice(base, begin, q);
    q = ref_sws(q, end);
    *at = q;
    if (q < end && *q != ',') {
        return ZSIP_ERROR_SYNTAX;
    }
    *p = q;
    return range;
}
