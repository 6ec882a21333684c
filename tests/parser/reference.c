/* The reference parser: fields and messages. RFC 3261 section 25.1, byte by byte.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/reference.h"
#include "tests/parser/reference_rules.h"
#include <string.h>

/* ---- Parameters ---------------------------------------------------------------------------------
 */

struct param {
    text name, name_end, value, value_end; /* value NULL: none */
};

/* SEMI token [ EQUAL gen-value ] from p on. Returns where it ends; NULL with *at set on a fault; p
 * itself if no semicolon follows. */
static text parse_param(text p, text end, struct param *out, text *at)
{
    text name = ref_mark(p, end, ';');
    *out = (struct param){0};
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

static bool is_token_whole(text p, text end)
{
    return p != NULL && ref_token(p, end) == end;
}

/* ---- Via ----------------------------------------------------------------------------------------
 */

static enum zsip_status via_host_param(text base, const struct param *param, bool address,
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

static enum zsip_status via_number(const struct param *param, uint64_t max, uint64_t *out)
{
    if (param->value == NULL || ref_digits(param->value, param->value_end) != param->value_end) {
        return ZSIP_ERROR_SYNTAX;
    }
    return ref_number(param->value, param->value_end, max, out) ? ZSIP_OK : ZSIP_ERROR_RANGE;
}

static enum zsip_status via_branch(text base, const struct param *param, struct zsip_via *out)
{
    if (zsip_slice_present(out->branch) || !is_token_whole(param->value, param->value_end)) {
        return ZSIP_ERROR_SYNTAX;
    }
    out->branch = ref_slice(base, param->value, param->value_end);
    if (out->branch.length > 7 && ref_same(param->value, param->value + 7, "z9hg4bk")) {
        out->flags |= ZSIP_VIA_COOKIE;
    }
    return ZSIP_OK;
}

static enum zsip_status via_rport(text base, const struct param *param, struct zsip_via *out)
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

static enum zsip_status via_ttl(const struct param *param, struct zsip_via *out)
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

static enum zsip_status via_param(text base, const struct param *param, struct zsip_via *out)
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
static text bare_ipv6_value(struct param *param, text end)
{
    text q = param->value;
    while (q < end && (ref_is_hex(*q) || *q == ':' || *q == '.')) {
        q++;
    }
    return q > param->value && ref_ipv6(param->value, q) ? q : NULL;
}

static text parse_via_param(text p, text end, struct param *param, text *at)
{
    text after = parse_param(p, end, param, at);
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
static enum zsip_status via_received(text base, const struct param *param, struct zsip_via *out)
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
        struct param param;
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
        struct param param;
        text after = parse_param(*p, end, &param, at);
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
            if (zsip_slice_present(out->tag) || !is_token_whole(param.value, param.value_end)) {
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

static enum zsip_header_id header_id(text p, text end)
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

static enum zsip_method method_id(text p, text end)
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

struct state {
    struct zsip_msg *msg;
    text base, end;
    unsigned flags;
    enum zsip_status end_status; /* what running into end means */
};

static enum zsip_status fault(struct state *state, text at, enum zsip_status status,
                              const char *rule)
{
    state->msg->fault.offset = (uint32_t)(at - state->base);
    state->msg->fault.status = status;
    state->msg->fault.rule = rule;
    return status;
}

static enum zsip_status field_party(struct state *state, text p, text end, struct zsip_party *out,
                                    const char *rule)
{
    text at = p;
    enum zsip_status status = ref_party(state->base, &p, end, out, &at);
    if (status == ZSIP_OK && p < end) { /* a comma: From and To hold one value */
        status = ZSIP_ERROR_SYNTAX;
        at = p;
    }
    return status == ZSIP_OK ? status : fault(state, at, status, rule);
}

/* The first row, whose first value is the top one. The whole row has to be right. */
static enum zsip_status field_via(struct state *state, text p, text end)
{
    struct zsip_via via;
    text at = p;
    enum zsip_status status = ref_via(state->base, &p, end, &state->msg->via, &at);
    while (status == ZSIP_OK && p < end) {
        p = ref_sws(p + 1, end);
        status = ref_via(state->base, &p, end, &via, &at);
    }
    return status == ZSIP_OK ? status : fault(state, at, status, "Via");
}

/* callid = word [ "@" word ] */
static enum zsip_status field_call_id(struct state *state, text p, text end)
{
    text word = ref_word(p, end);
    if (word != NULL && word < end && *word == '@') {
        word = ref_word(word + 1, end);
    }
    if (word != end || p == end) {
        return fault(state, p, ZSIP_ERROR_SYNTAX, "Call-ID");
    }
    state->msg->call_id = ref_slice(state->base, p, end);
    return ZSIP_OK;
}

/* CSeq = 1*DIGIT LWS Method */
static enum zsip_status field_cseq(struct state *state, text p, text end)
{
    uint64_t number = 0;
    text digits = ref_digits(p, end);
    text method = digits != NULL ? ref_lws(digits, end) : NULL;
    if (method == NULL || ref_token(method, end) != end) {
        return fault(state, p, ZSIP_ERROR_SYNTAX, "CSeq");
    }
    if (!ref_number(p, digits, UINT32_MAX, &number)) {
        return fault(state, p, ZSIP_ERROR_RANGE, "CSeq");
    }
    struct zsip_msg *msg = state->msg;
    msg->cseq_number = (uint32_t)number;
    if (msg->kind == ZSIP_KIND_RESPONSE) {
        msg->method_name = ref_slice(state->base, method, end);
        msg->method = (uint8_t)method_id(method, end);
    } else if (msg->method_name.length != end - method ||
               memcmp(state->base + msg->method_name.offset, method, msg->method_name.length) !=
                   0) {
        return fault(state, method, ZSIP_ERROR_MISMATCH, "CSeq");
    }
    return ZSIP_OK;
}

static enum zsip_status field_max_forwards(struct state *state, text p, text end)
{
    uint64_t number;
    if (ref_digits(p, end) != end || p == end) {
        return fault(state, p, ZSIP_ERROR_SYNTAX, "Max-Forwards");
    }
    state->msg->max_forwards = ref_number(p, end, 255, &number) ? (uint32_t)number : ZSIP_ABSENT;
    return ZSIP_OK;
}

static enum zsip_status field_content_length(struct state *state, text p, text end)
{
    uint64_t number;
    if (ref_digits(p, end) != end || p == end) {
        return fault(state, p, ZSIP_ERROR_SYNTAX, "Content-Length");
    }
    if (!ref_number(p, end, UINT32_MAX - 1, &number)) { /* the last one means "absent" */
        return fault(state, p, ZSIP_ERROR_RANGE, "Content-Length");
    }
    state->msg->content_length = (uint32_t)number;
    return ZSIP_OK;
}

/* media-type = m-type SLASH m-subtype *( SEMI m-attribute EQUAL m-value ) */
static enum zsip_status field_content_type(struct state *state, text p, text end)
{
    struct zsip_media_type *out = &state->msg->content_type;
    text type = ref_token(p, end);
    text subtype = type != NULL ? ref_mark(type, end, '/') : NULL;
    text q = subtype != NULL ? ref_token(subtype, end) : NULL;
    if (q == NULL) {
        return fault(state, p, ZSIP_ERROR_SYNTAX, "Content-Type");
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
            return fault(state, q, ZSIP_ERROR_SYNTAX, "Content-Type");
        }
        q = value < end && *value == '"' ? ref_quoted_string(value, end) : ref_token(value, end);
        if (q == NULL) {
            return fault(state, value, ZSIP_ERROR_SYNTAX, "Content-Type");
        }
    }
    if (first != NULL) {
        out->params = ref_slice(state->base, first, end);
    }
    return ZSIP_OK;
}

static enum zsip_status parse_field(struct state *state, enum zsip_header_id id, text p, text end,
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
static enum zsip_status status_line(struct state *state, text p, text end)
{
    uint64_t code;
    text version = sip_version(p, end);
    text digits =
        version != NULL && version < end && *version == ' ' ? ref_digits(version + 1, end) : NULL;
    if (digits == NULL || (digits < end && *digits != ' ')) {
        return fault(state, p, ZSIP_ERROR_SYNTAX, "Status-Line");
    }
    for (text q = digits; q < end; q++) {
        if ((*q < 0x20 && *q != '\t') || *q == 0x7F) {
            return fault(state, q, ZSIP_ERROR_SYNTAX, "Reason-Phrase");
        }
    }
    if (!is_our_version(p, version)) {
        return fault(state, p, ZSIP_ERROR_VERSION, "SIP-Version");
    }
    if (digits - version != 4 || !ref_number(version + 1, digits, 699, &code) || code < 100) {
        return fault(state, version, ZSIP_ERROR_RANGE, "Status-Code");
    }
    state->msg->status_code = (uint16_t)code;
    state->msg->reason = ref_slice(state->base, digits < end ? digits + 1 : end, end);
    return ZSIP_OK;
}

/* Request-Line = Method SP Request-URI SP SIP-Version. The version is judged before the URI:
 * another version may write its URIs otherwise. */
static enum zsip_status request_line(struct state *state, text p, text end)
{
    text at;
    text method = ref_token(p, end);
    if (method == NULL || method == end || *method != ' ') {
        return fault(state, p, ZSIP_ERROR_SYNTAX, "Method");
    }
    text uri = method + 1, uri_end = uri;
    while (uri_end<end && * uri_end> 0x20 && *uri_end < 0x7F) {
        uri_end++;
    }
    if (uri_end == uri || uri_end == end || *uri_end != ' ' ||
        sip_version(uri_end + 1, end) != end) {
        return fault(state, uri_end, ZSIP_ERROR_SYNTAX, "Request-Line");
    }
    if (!is_our_version(uri_end + 1, end)) {
        return fault(state, uri_end, ZSIP_ERROR_VERSION, "SIP-Version");
    }
    enum zsip_status status = ref_uri(state->base, uri, uri_end, &state->msg->request_uri, &at);
    if (status == ZSIP_OK && zsip_slice_present(state->msg->request_uri.headers)) {
        status = ZSIP_ERROR_SYNTAX; /* section 19.1.1: not in a Request-URI */
    }
    if (status != ZSIP_OK) {
        return fault(state, at, status, "Request-URI");
    }
    state->msg->method = (uint8_t)method_id(p, method);
    state->msg->method_name = ref_slice(state->base, p, method);
    return ZSIP_OK;
}

/* ---- The message --------------------------------------------------------------------------------
 */

struct line {
    text name, name_end, value, value_end, next;
};

/* field-name HCOLON field-value CRLF */
static enum zsip_status split_line(struct state *state, text p, struct line *out)
{
    text end = line_end(p, state->end, true);
    if (end == NULL) {
        return fault(state, state->end, state->end_status, "header section");
    }
    out->next = end + 2;
    out->name = p;
    out->name_end = ref_token(p, end);
    if (out->name_end == NULL) {
        return fault(state, p, ZSIP_ERROR_SYNTAX, "field-name");
    }
    text colon = out->name_end;
    while (colon < end && (*colon == ' ' || *colon == '\t')) {
        colon++;
    }
    if (colon == end || *colon != ':') {
        return fault(state, colon, ZSIP_ERROR_SYNTAX, "field-name");
    }
    if (out->name_end - p > 255) {
        return fault(state, p, ZSIP_ERROR_TOO_LARGE, "field-name");
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

static enum zsip_status header_line(struct state *state, text p, text *next)
{
    struct zsip_msg *msg = state->msg;
    struct line line;
    enum zsip_status status = split_line(state, p, &line);
    if (status != ZSIP_OK) {
        return status;
    }
    enum zsip_header_id id = header_id(line.name, line.name_end);
    if (msg->header_count == ZSIP_HEADERS_MAX) {
        return fault(state, p, ZSIP_ERROR_TOO_MANY, "header fields");
    }
    text odd = odd_byte(p, line.next - 2);
    if (odd != NULL) {
        return fault(state, odd, ZSIP_ERROR_SYNTAX, "control character");
    }
    bool first = !zsip_msg_has(msg, id);
    if (!first && is_single(id)) {
        return fault(state, p, ZSIP_ERROR_DUPLICATE, headers[id].name);
    }
    struct zsip_header *row = &msg->headers[msg->header_count++];
    row->name_offset = (uint16_t)(line.name - state->base);
    row->name_length = (uint8_t)(line.name_end - line.name);
    row->id = (uint8_t)id;
    row->value = ref_slice(state->base, line.value, line.value_end);
    msg->present |= (uint64_t)1 << id;
    *next = line.next;
    return parse_field(state, id, line.value, line.value_end, first);
}

static enum zsip_status check_mandatory(struct state *state)
{
    static const enum zsip_header_id mandatory[] = {
        ZSIP_HEADER_VIA, ZSIP_HEADER_FROM, ZSIP_HEADER_TO, ZSIP_HEADER_CALL_ID, ZSIP_HEADER_CSEQ};
    text at = state->base + state->msg->header_bytes;
    for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
        if (!zsip_msg_has(state->msg, mandatory[i])) {
            return fault(state, at, ZSIP_ERROR_MISSING, headers[mandatory[i]].name);
        }
    }
    if ((state->flags & ZSIP_PARSE_STREAM) != 0 &&
        !zsip_msg_has(state->msg, ZSIP_HEADER_CONTENT_LENGTH)) {
        return fault(state, at, ZSIP_ERROR_MISSING, "Content-Length");
    }
    return ZSIP_OK;
}

/* Section 18.3: the body is what Content-Length says, without one what is left of the datagram. */
static enum zsip_status check_body(struct state *state, size_t left)
{
    struct zsip_msg *msg = state->msg;
    msg->body_offset = msg->header_bytes;
    msg->body_bytes = (uint32_t)left;
    if (msg->content_length != ZSIP_ABSENT) {
        if (msg->content_length > left) {
            return fault(state, state->base, ZSIP_ERROR_LENGTH, "Content-Length");
        }
        msg->body_bytes = msg->content_length;
    }
    return ZSIP_OK;
}

static enum zsip_status start_line(struct state *state, text *next)
{
    text end = line_end(state->base, state->end, false);
    if (end == NULL) {
        return fault(state, state->end, state->end_status, "start line");
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
    struct state state = {msg, data, data + bytes, flags, ZSIP_ERROR_TRUNCATED};
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

enum zsip_status reference_party(const uint8_t *base, enum zsip_header_id id,
                                 struct zsip_slice value, uint32_t *at, struct zsip_party *out)
{
    text where, p = base + *at, end = base + value.offset + value.length;
    enum zsip_status status = ref_party(base, &p, end, out, &where);
    if (status == ZSIP_OK && is_route(id) &&
        memchr(base + out->whole.offset, '<', out->whole.length) == NULL) {
        status = ZSIP_ERROR_SYNTAX;
    }
    return next_element(base, value, at, p, end, status);
}
