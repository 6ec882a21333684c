/* Golden files: walking a path through a parsed message.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/golden_path.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct golden_value walk_uri(const struct zsip_msg *msg, struct zsip_slice slice,
                                    const char *rest)
{
    struct zsip_uri uri;
    struct zsip_fault fault;
    enum zsip_status status = zsip_uri_parse(msg->data, slice, &uri, &fault);
    if (strcmp(rest, "status") == 0) {
        return golden_text(zsip_status_name(status));
    }
    return status == ZSIP_OK ? golden_field_value(golden_uri_fields, &uri, rest)
                             : (struct golden_value){0};
}

static struct golden_value walk_party(const struct zsip_msg *msg, const struct zsip_party *party,
                                      const char *rest)
{
    return strncmp(rest, "uri.", 4) == 0 ? walk_uri(msg, party->uri, rest + 4)
                                         : golden_field_value(golden_party_fields, party, rest);
}

/* What a list of values has been walked to: element index, or the end. */
struct element {
    enum zsip_status status;
    bool found;
    struct zsip_fault fault;
    struct zsip_via via;
    struct zsip_party party;
    struct zsip_slice token;
    struct zsip_value value;
    struct zsip_warning warning;
    struct zsip_product product;
    struct zsip_auth auth;
};

enum list_kind {
    LIST_VIA,
    LIST_PARTY,
    LIST_TOKEN,
    LIST_VALUE,
    LIST_WARNING,
    LIST_PRODUCT,
    LIST_AUTH
};

static enum list_kind list_kind(enum zsip_header_id id)
{
    switch (id) {
    case ZSIP_HEADER_VIA:
        return LIST_VIA;
    case ZSIP_HEADER_FROM:
    case ZSIP_HEADER_TO:
    case ZSIP_HEADER_CONTACT:
    case ZSIP_HEADER_ROUTE:
    case ZSIP_HEADER_RECORD_ROUTE:
    case ZSIP_HEADER_REPLY_TO:
    case ZSIP_HEADER_PATH:
    case ZSIP_HEADER_SERVICE_ROUTE:
    case ZSIP_HEADER_P_ASSERTED_IDENTITY:
    case ZSIP_HEADER_P_PREFERRED_IDENTITY:
    case ZSIP_HEADER_REFER_TO:
    case ZSIP_HEADER_REFERRED_BY:
    case ZSIP_HEADER_CALL_INFO:
    case ZSIP_HEADER_ALERT_INFO:
    case ZSIP_HEADER_ERROR_INFO:
        return LIST_PARTY;
    case ZSIP_HEADER_ACCEPT:
    case ZSIP_HEADER_ACCEPT_ENCODING:
    case ZSIP_HEADER_ACCEPT_LANGUAGE:
    case ZSIP_HEADER_CONTENT_DISPOSITION:
    case ZSIP_HEADER_REASON:
    case ZSIP_HEADER_EVENT:
    case ZSIP_HEADER_SUBSCRIPTION_STATE:
        return LIST_VALUE;
    case ZSIP_HEADER_WARNING:
        return LIST_WARNING;
    case ZSIP_HEADER_SERVER:
    case ZSIP_HEADER_USER_AGENT:
        return LIST_PRODUCT;
    case ZSIP_HEADER_AUTHORIZATION:
    case ZSIP_HEADER_PROXY_AUTHORIZATION:
    case ZSIP_HEADER_WWW_AUTHENTICATE:
    case ZSIP_HEADER_PROXY_AUTHENTICATE:
    case ZSIP_HEADER_AUTHENTICATION_INFO:
        return LIST_AUTH;
    default:
        return LIST_TOKEN;
    }
}

/* Rows that hold one field each; of products, the first row has them all. */
static void row_next(const struct zsip_msg *msg, enum zsip_header_id id, struct zsip_cursor *cursor,
                     struct element *out)
{
    bool product = list_kind(id) == LIST_PRODUCT;
    unsigned row = zsip_msg_find(msg, id, product ? 0 : cursor->row);
    out->found = row < msg->header_count;
    out->status = ZSIP_OK;
    if (!out->found) {
        return;
    }
    struct zsip_slice value = msg->headers[row].value;
    if (product) {
        out->status = zsip_product_next(msg->data, value, &cursor->offset, &out->product,
                                        &out->found, &out->fault);
    } else {
        cursor->row = row + 1;
        out->status = zsip_auth_parse(msg->data, value, id, &out->auth, &out->fault);
    }
}

static void list_next(const struct zsip_msg *msg, enum zsip_header_id id,
                      struct zsip_cursor *cursor, struct element *out)
{
    switch (list_kind(id)) {
    case LIST_VIA:
        out->status = zsip_via_next(msg, cursor, &out->via, &out->found, &out->fault);
        break;
    case LIST_PARTY:
        out->status = zsip_party_next(msg, id, cursor, &out->party, &out->found, &out->fault);
        break;
    case LIST_TOKEN:
        out->status = zsip_token_next(msg, id, cursor, &out->token, &out->found, &out->fault);
        break;
    case LIST_VALUE:
        out->status = zsip_value_next(msg, id, cursor, &out->value, &out->found, &out->fault);
        break;
    case LIST_WARNING:
        out->status = zsip_warning_next(msg, cursor, &out->warning, &out->found, &out->fault);
        break;
    case LIST_PRODUCT:
    case LIST_AUTH:
        row_next(msg, id, cursor, out);
        break;
    }
}

/* Elements up to the end or the first fault; a list of a message can't be longer than its bytes. */
static unsigned list_count(const struct zsip_msg *msg, enum zsip_header_id id)
{
    struct zsip_cursor cursor = {0, 0};
    struct element element = {0};
    for (unsigned i = 0; i <= msg->header_bytes; i++) {
        list_next(msg, id, &cursor, &element);
        if (element.status != ZSIP_OK || !element.found) {
            return i;
        }
    }
    return UINT32_MAX;
}

static struct golden_value walk_overload(const struct zsip_msg *msg, const struct zsip_via *via,
                                         const char *rest)
{
    struct zsip_overload overload;
    struct zsip_fault fault;
    enum zsip_status status = zsip_via_overload(msg->data, via, &overload, &fault);
    if (strcmp(rest, "status") == 0) {
        return golden_text(zsip_status_name(status));
    }
    return status == ZSIP_OK ? golden_field_value(golden_overload_fields, &overload, rest)
                             : (struct golden_value){0};
}

/* .username and its like, or .param NAME: one of any name, as zsip_auth_param_next() finds it. */
static struct golden_value walk_auth(const struct zsip_msg *msg, const struct zsip_auth *auth,
                                     const char *rest)
{
    struct zsip_auth_param param;
    struct zsip_fault fault;
    uint32_t cursor = 0;
    bool found = true;
    if (strncmp(rest, "param ", 6) != 0) {
        return golden_field_value(golden_auth_fields, auth, rest);
    }
    while (zsip_auth_param_next(msg->data, auth->params, &cursor, &param, &found, &fault) ==
               ZSIP_OK &&
           found) {
        if (param.name.length == strlen(rest + 6) &&
            memcmp(msg->data + param.name.offset, rest + 6, param.name.length) == 0) {
            return golden_slice(param.value);
        }
    }
    return (struct golden_value){0};
}

static struct golden_value walk_element(const struct zsip_msg *msg, enum zsip_header_id id,
                                        unsigned index, const char *rest)
{
    struct zsip_cursor cursor = {0, 0};
    struct element element = {0};
    for (unsigned i = 0; i <= index; i++) {
        list_next(msg, id, &cursor, &element);
        if (element.status != ZSIP_OK || !element.found) {
            index = i;
        }
    }
    if (strcmp(rest, "status") == 0) {
        return golden_text(zsip_status_name(element.status));
    }
    if (strcmp(rest, "fault") == 0 && element.status != ZSIP_OK) {
        return (struct golden_value){.kind = VALUE_OFFSET, .number = element.fault.offset};
    }
    if (element.status != ZSIP_OK || !element.found) {
        return (struct golden_value){0};
    }
    switch (list_kind(id)) {
    case LIST_VIA:
        return strncmp(rest, "overload.", 9) == 0
                   ? walk_overload(msg, &element.via, rest + 9)
                   : golden_field_value(golden_via_fields, &element.via, rest);
    case LIST_PARTY:
        return walk_party(msg, &element.party, rest);
    case LIST_VALUE:
        return golden_field_value(golden_value_fields, &element.value, rest);
    case LIST_WARNING:
        return golden_field_value(golden_warning_fields, &element.warning, rest);
    case LIST_PRODUCT:
        return golden_field_value(golden_product_fields, &element.product, rest);
    case LIST_AUTH:
        return walk_auth(msg, &element.auth, rest);
    default:
        return rest[0] == '\0' ? golden_slice(element.token) : (struct golden_value){0};
    }
}

/* row NAME, row NAME[2]: the raw value of a header row. */
static struct golden_value walk_row(const struct zsip_msg *msg, const char *path)
{
    size_t length = strcspn(path, "[");
    unsigned skip = path[length] == '[' ? (unsigned)atoi(path + length + 1) : 0;
    for (size_t i = 0; i < msg->header_count; i++) {
        const struct zsip_header *row = &msg->headers[i];
        bool same = row->id != ZSIP_HEADER_UNKNOWN
                        ? strlen(zsip_header_name(row->id)) == length &&
                              strncmp(zsip_header_name(row->id), path, length) == 0
                        : row->name_length == length &&
                              memcmp(msg->data + row->name_offset, path, length) == 0;
        if (same && skip-- == 0) {
            return golden_slice(row->value);
        }
    }
    return (struct golden_value){0};
}

static struct golden_value walk_number(const struct zsip_msg *msg, enum zsip_header_id id,
                                       const char *rest)
{
    struct zsip_fault fault;
    uint32_t seconds = 0;
    int64_t utc_s = 0;
    unsigned row = zsip_msg_find(msg, id, 0);
    if (row >= msg->header_count) {
        return (struct golden_value){0};
    }
    struct zsip_slice slice = msg->headers[row].value;
    bool date = id == ZSIP_HEADER_DATE;
    enum zsip_status status = date ? zsip_date(msg->data, slice, &utc_s, &fault)
                                   : zsip_delta_seconds(msg->data, slice, &seconds, &fault);
    if (strcmp(rest, "status") == 0) {
        return golden_text(zsip_status_name(status));
    }
    return status != ZSIP_OK ? (struct golden_value){0}
                             : golden_number(date ? (uint64_t)utc_s : seconds);
}

/* Retry-After.rest and Timestamp.rest: fields that stand once and are more than a number. */
static struct golden_value walk_single(const struct zsip_msg *msg, enum zsip_header_id id,
                                       const char *rest)
{
    struct zsip_fault fault;
    struct zsip_retry_after retry;
    struct zsip_timestamp stamp;
    unsigned row = zsip_msg_find(msg, id, 0);
    if (row >= msg->header_count) {
        return (struct golden_value){0};
    }
    struct zsip_slice slice = msg->headers[row].value;
    bool is_retry = id == ZSIP_HEADER_RETRY_AFTER;
    enum zsip_status status = is_retry ? zsip_retry_after(msg->data, slice, &retry, &fault)
                                       : zsip_timestamp(msg->data, slice, &stamp, &fault);
    if (strcmp(rest, "status") == 0) {
        return golden_text(zsip_status_name(status));
    }
    if (status != ZSIP_OK) {
        return (struct golden_value){0};
    }
    return is_retry ? golden_field_value(golden_retry_fields, &retry, rest)
                    : golden_field_value(golden_timestamp_fields, &stamp, rest);
}

/* NAME[i].rest, NAME.count, NAME.seconds, NAME.seconds.status, NAME.utc, NAME.present */
static struct golden_value walk_header(const struct zsip_msg *msg, const char *path)
{
    size_t length = strcspn(path, "[.");
    enum zsip_header_id id = zsip_header_by_name((struct zsip_view){(const uint8_t *)path, length});
    const char *rest = path + length;
    if (id == ZSIP_HEADER_UNKNOWN) {
        return (struct golden_value){0};
    }
    if (strcmp(rest, ".count") == 0) {
        return golden_number(list_count(msg, id));
    }
    if (strcmp(rest, ".present") == 0) {
        return golden_number(zsip_msg_has(msg, id));
    }
    if (rest[0] == '.' && (id == ZSIP_HEADER_RETRY_AFTER || id == ZSIP_HEADER_TIMESTAMP)) {
        return walk_single(msg, id, rest + 1);
    }
    if (strncmp(rest, ".seconds", 8) == 0 || strncmp(rest, ".utc", 4) == 0) {
        rest += rest[1] == 's' ? 8 : 4;
        return walk_number(msg, id, rest[0] == '.' ? rest + 1 : rest);
    }
    if (rest[0] == '[') {
        const char *close = strchr(rest, ']');
        const char *tail = close == NULL ? "" : close + 1;
        return walk_element(msg, id, (unsigned)atoi(rest + 1), tail[0] == '.' ? tail + 1 : tail);
    }
    return (struct golden_value){0};
}

static struct golden_value walk_plain(const struct zsip_msg *msg, const char *path)
{
    static const struct {
        const char *prefix;
        const struct golden_field *fields;
        size_t offset;
    } parts[] = {
        {"uri.", golden_uri_fields, offsetof(struct zsip_msg, request_uri)},
        {"via.", golden_via_fields, offsetof(struct zsip_msg, via)},
        {"content_type.", golden_media_fields, offsetof(struct zsip_msg, content_type)},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t length = strlen(parts[i].prefix);
        if (strncmp(path, parts[i].prefix, length) == 0) {
            return golden_field_value(parts[i].fields, (const uint8_t *)msg + parts[i].offset,
                                      path + length);
        }
    }
    if (strncmp(path, "from.", 5) == 0) {
        return walk_party(msg, &msg->from, path + 5);
    }
    if (strncmp(path, "to.", 3) == 0) {
        return walk_party(msg, &msg->to, path + 3);
    }
    if (strcmp(path, "method") == 0) {
        return golden_text(msg->method == 0 ? "UNKNOWN" : zsip_method_name(msg->method));
    }
    if (strcmp(path, "fault.at") == 0) {
        return (struct golden_value){.kind = VALUE_OFFSET, .number = msg->fault.offset};
    }
    if (strcmp(path, "fault.rule") == 0) {
        return golden_text(msg->fault.rule);
    }
    return golden_field_value(golden_msg_fields, msg, path);
}

struct golden_value golden_walk(const struct zsip_msg *msg, enum zsip_status status,
                                const char *path)
{
    if (strcmp(path, "status") == 0) {
        return golden_text(zsip_status_name(status));
    }
    if (strncmp(path, "row ", 4) == 0) {
        return walk_row(msg, path + 4);
    }
    if (strncmp(path, "qvalue ", 7) == 0) {
        struct golden_value value = golden_walk(msg, status, path + 7);
        struct zsip_fault fault;
        unsigned thousandths;
        if (value.kind != VALUE_SLICE) {
            return value;
        }
        status = zsip_qvalue(msg->data, value.slice, &thousandths, &fault);
        return status == ZSIP_OK ? golden_number(thousandths)
                                 : golden_text(zsip_status_name(status));
    }
    const char *mark = strchr(path, '?');
    if (mark != NULL) { /* PATH?name: a parameter of the list at PATH */
        char list[80];
        struct zsip_slice found = {0, 0};
        snprintf(list, sizeof(list), "%.*s", (int)(mark - path), path);
        struct golden_value value = golden_walk(msg, status, list);
        if (value.kind != VALUE_SLICE) {
            return value;
        }
        if (!zsip_param_find(msg->data, value.slice, mark + 1, &found)) {
            return golden_text("NOT THERE");
        }
        return found.offset == 0 ? golden_text("NO VALUE") : golden_slice(found);
    }
    struct golden_value value = walk_plain(msg, path);
    return value.kind != VALUE_NONE ? value : walk_header(msg, path);
}
