/* Golden files: comparing. A path is walked through the parsed message; where it leaves what the
 * one pass filled ("Contact[1].uri.host") the on-demand functions are called.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/parser/corpus.h"
#include "tests/parser/golden.h"
#include "tests/parser/judge.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum value_kind {
    VALUE_NONE = 0, /* no such path */
    VALUE_SLICE,
    VALUE_NUMBER,
    VALUE_TEXT,
    VALUE_OFFSET, /* a place: the expected text begins there */
};

struct value {
    enum value_kind kind;
    struct zsip_slice slice;
    uint64_t number;
    const char *text;
};

static struct value value_number(uint64_t number)
{
    return (struct value){.kind = VALUE_NUMBER, .number = number};
}

static struct value value_text(const char *text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}

static struct value value_slice(struct zsip_slice slice)
{
    return (struct value){.kind = VALUE_SLICE, .slice = slice};
}

/* ---- Fields of structs by name ------------------------------------------------------------------
 */

#define END                                                                                        \
    {                                                                                              \
        NULL, 0, 0, NULL                                                                           \
    }
static const char *const scheme_names[] = {"OTHER", "SIP", "SIPS", "TEL", "IM"};
static const char *const host_kind_names[] = {"NONE", "NAME", "IPV4", "IPV6"};
static const char *const transport_names[] = {"NONE", "UDP", "TCP", "TLS", "WS", "WSS"};
static const char *const kind_names[] = {"NONE", "REQUEST", "RESPONSE"};

struct field {
    const char *name;
    size_t offset;
    unsigned bytes; /* 0: a slice */
    const char *const *names;
};

#define SLICE(type, name)                                                                          \
    {                                                                                              \
#name, offsetof(struct type, name), 0, NULL                                                \
    }
#define NUMBER(type, name)                                                                         \
    {                                                                                              \
#name, offsetof(struct type, name), sizeof(((struct type *)0)->name), NULL                 \
    }
#define NAMED(type, name, names)                                                                   \
    {                                                                                              \
#name, offsetof(struct type, name), 1, names                                               \
    }

static const struct field uri_fields[] = {
    SLICE(zsip_uri, whole),
    SLICE(zsip_uri, scheme_name),
    SLICE(zsip_uri, user),
    SLICE(zsip_uri, password),
    SLICE(zsip_uri, host),
    SLICE(zsip_uri, params),
    SLICE(zsip_uri, headers),
    NUMBER(zsip_uri, port),
    NAMED(zsip_uri, scheme, scheme_names),
    NAMED(zsip_uri, host_kind, host_kind_names),
    END,
};
static const struct field via_fields[] = {
    SLICE(zsip_via, whole),
    SLICE(zsip_via, transport_name),
    SLICE(zsip_via, sent_by),
    SLICE(zsip_via, host),
    SLICE(zsip_via, params),
    SLICE(zsip_via, branch),
    SLICE(zsip_via, received),
    SLICE(zsip_via, maddr),
    SLICE(zsip_via, rport),
    NUMBER(zsip_via, port),
    NUMBER(zsip_via, ttl),
    NUMBER(zsip_via, rport_port),
    NUMBER(zsip_via, flags),
    NAMED(zsip_via, transport, transport_names),
    NAMED(zsip_via, host_kind, host_kind_names),
    END,
};
static const struct field party_fields[] = {
    SLICE(zsip_party, whole),  SLICE(zsip_party, display), SLICE(zsip_party, uri),
    SLICE(zsip_party, params), SLICE(zsip_party, tag),     END,
};
static const struct field media_fields[] = {SLICE(zsip_media_type, type),
                                            SLICE(zsip_media_type, subtype),
                                            SLICE(zsip_media_type, params), END};
static const struct field value_fields[] = {SLICE(zsip_value, whole), SLICE(zsip_value, value),
                                            SLICE(zsip_value, params), END};
static const struct field warning_fields[] = {SLICE(zsip_warning, agent), SLICE(zsip_warning, text),
                                              NUMBER(zsip_warning, code), END};
static const struct field retry_fields[] = {SLICE(zsip_retry_after, comment),
                                            SLICE(zsip_retry_after, params),
                                            NUMBER(zsip_retry_after, seconds), END};
static const struct field timestamp_fields[] = {SLICE(zsip_timestamp, time),
                                                SLICE(zsip_timestamp, delay), END};
static const struct field overload_fields[] = {
    SLICE(zsip_overload, algorithms),   SLICE(zsip_overload, sequence), NUMBER(zsip_overload, oc),
    NUMBER(zsip_overload, validity_ms), NUMBER(zsip_overload, flags),   {NULL, 0, 0, NULL},
};
static const struct field msg_fields[] = {
    SLICE(zsip_msg, method_name),
    SLICE(zsip_msg, reason),
    SLICE(zsip_msg, call_id),
    NUMBER(zsip_msg, body_offset),
    NUMBER(zsip_msg, body_bytes),
    NUMBER(zsip_msg, header_bytes),
    NUMBER(zsip_msg, header_count),
    NUMBER(zsip_msg, status_code),
    NUMBER(zsip_msg, cseq_number),
    NUMBER(zsip_msg, max_forwards),
    NUMBER(zsip_msg, content_length),
    NAMED(zsip_msg, kind, kind_names),
    END,
};

static struct value field_value(const struct field *fields, const void *object, const char *name)
{
    for (; fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) != 0) {
            continue;
        }
        const uint8_t *at = (const uint8_t *)object + fields->offset;
        uint64_t number = 0;
        if (fields->bytes == 0) {
            struct zsip_slice slice;
            memcpy(&slice, at, sizeof(slice));
            return value_slice(slice);
        }
        memcpy(&number, at,
               fields->bytes); /* little-endian hosts, as everything here is tested on */
        return fields->names != NULL ? value_text(fields->names[number]) : value_number(number);
    }
    return (struct value){0};
}

/* ---- Walking a path -----------------------------------------------------------------------------
 */

static struct value walk_uri(const struct zsip_msg *msg, struct zsip_slice slice, const char *rest)
{
    struct zsip_uri uri;
    struct zsip_fault fault;
    enum zsip_status status = zsip_uri_parse(msg->data, slice, &uri, &fault);
    if (strcmp(rest, "status") == 0) {
        return value_text(zsip_status_name(status));
    }
    return status == ZSIP_OK ? field_value(uri_fields, &uri, rest) : (struct value){0};
}

static struct value walk_party(const struct zsip_msg *msg, const struct zsip_party *party,
                               const char *rest)
{
    return strncmp(rest, "uri.", 4) == 0 ? walk_uri(msg, party->uri, rest + 4)
                                         : field_value(party_fields, party, rest);
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
};

enum list_kind { LIST_VIA, LIST_PARTY, LIST_TOKEN, LIST_VALUE, LIST_WARNING };

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
    default:
        return LIST_TOKEN;
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

static struct value walk_overload(const struct zsip_msg *msg, const struct zsip_via *via,
                                  const char *rest)
{
    struct zsip_overload overload;
    struct zsip_fault fault;
    enum zsip_status status = zsip_via_overload(msg->data, via, &overload, &fault);
    if (strcmp(rest, "status") == 0) {
        return value_text(zsip_status_name(status));
    }
    return status == ZSIP_OK ? field_value(overload_fields, &overload, rest) : (struct value){0};
}

static struct value walk_element(const struct zsip_msg *msg, enum zsip_header_id id, unsigned index,
                                 const char *rest)
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
        return value_text(zsip_status_name(element.status));
    }
    if (strcmp(rest, "fault") == 0 && element.status != ZSIP_OK) {
        return (struct value){.kind = VALUE_OFFSET, .number = element.fault.offset};
    }
    if (element.status != ZSIP_OK || !element.found) {
        return (struct value){0};
    }
    switch (list_kind(id)) {
    case LIST_VIA:
        return strncmp(rest, "overload.", 9) == 0 ? walk_overload(msg, &element.via, rest + 9)
                                                  : field_value(via_fields, &element.via, rest);
    case LIST_PARTY:
        return walk_party(msg, &element.party, rest);
    case LIST_VALUE:
        return field_value(value_fields, &element.value, rest);
    case LIST_WARNING:
        return field_value(warning_fields, &element.warning, rest);
    default:
        return rest[0] == '\0' ? value_slice(element.token) : (struct value){0};
    }
}

/* row NAME, row NAME[2]: the raw value of a header row. */
static struct value walk_row(const struct zsip_msg *msg, const char *path)
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
            return value_slice(row->value);
        }
    }
    return (struct value){0};
}

static struct value walk_number(const struct zsip_msg *msg, enum zsip_header_id id,
                                const char *rest)
{
    struct zsip_fault fault;
    uint32_t seconds = 0;
    int64_t utc_s = 0;
    unsigned row = zsip_msg_find(msg, id, 0);
    if (row >= msg->header_count) {
        return (struct value){0};
    }
    struct zsip_slice slice = msg->headers[row].value;
    bool date = id == ZSIP_HEADER_DATE;
    enum zsip_status status = date ? zsip_date(msg->data, slice, &utc_s, &fault)
                                   : zsip_delta_seconds(msg->data, slice, &seconds, &fault);
    if (strcmp(rest, "status") == 0) {
        return value_text(zsip_status_name(status));
    }
    return status != ZSIP_OK ? (struct value){0} : value_number(date ? (uint64_t)utc_s : seconds);
}

/* Retry-After.rest and Timestamp.rest: fields that stand once and are more than a number. */
static struct value walk_single(const struct zsip_msg *msg, enum zsip_header_id id,
                                const char *rest)
{
    struct zsip_fault fault;
    struct zsip_retry_after retry;
    struct zsip_timestamp stamp;
    unsigned row = zsip_msg_find(msg, id, 0);
    if (row >= msg->header_count) {
        return (struct value){0};
    }
    struct zsip_slice slice = msg->headers[row].value;
    bool is_retry = id == ZSIP_HEADER_RETRY_AFTER;
    enum zsip_status status = is_retry ? zsip_retry_after(msg->data, slice, &retry, &fault)
                                       : zsip_timestamp(msg->data, slice, &stamp, &fault);
    if (strcmp(rest, "status") == 0) {
        return value_text(zsip_status_name(status));
    }
    if (status != ZSIP_OK) {
        return (struct value){0};
    }
    return is_retry ? field_value(retry_fields, &retry, rest)
                    : field_value(timestamp_fields, &stamp, rest);
}

/* NAME[i].rest, NAME.count, NAME.seconds, NAME.seconds.status, NAME.utc, NAME.present */
static struct value walk_header(const struct zsip_msg *msg, const char *path)
{
    size_t length = strcspn(path, "[.");
    enum zsip_header_id id = zsip_header_by_name((struct zsip_view){(const uint8_t *)path, length});
    const char *rest = path + length;
    if (id == ZSIP_HEADER_UNKNOWN) {
        return (struct value){0};
    }
    if (strcmp(rest, ".count") == 0) {
        return value_number(list_count(msg, id));
    }
    if (strcmp(rest, ".present") == 0) {
        return value_number(zsip_msg_has(msg, id));
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
    return (struct value){0};
}

static struct value walk_plain(const struct zsip_msg *msg, const char *path)
{
    static const struct {
        const char *prefix;
        const struct field *fields;
        size_t offset;
    } parts[] = {
        {"uri.", uri_fields, offsetof(struct zsip_msg, request_uri)},
        {"via.", via_fields, offsetof(struct zsip_msg, via)},
        {"content_type.", media_fields, offsetof(struct zsip_msg, content_type)},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t length = strlen(parts[i].prefix);
        if (strncmp(path, parts[i].prefix, length) == 0) {
            return field_value(parts[i].fields, (const uint8_t *)msg + parts[i].offset,
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
        return value_text(msg->method == 0 ? "UNKNOWN" : zsip_method_name(msg->method));
    }
    if (strcmp(path, "fault.at") == 0) {
        return (struct value){.kind = VALUE_OFFSET, .number = msg->fault.offset};
    }
    if (strcmp(path, "fault.rule") == 0) {
        return value_text(msg->fault.rule);
    }
    return field_value(msg_fields, msg, path);
}

static struct value walk(const struct zsip_msg *msg, enum zsip_status status, const char *path)
{
    if (strcmp(path, "status") == 0) {
        return value_text(zsip_status_name(status));
    }
    if (strncmp(path, "row ", 4) == 0) {
        return walk_row(msg, path + 4);
    }
    if (strncmp(path, "qvalue ", 7) == 0) {
        struct value value = walk(msg, status, path + 7);
        struct zsip_fault fault;
        unsigned thousandths;
        if (value.kind != VALUE_SLICE) {
            return value;
        }
        status = zsip_qvalue(msg->data, value.slice, &thousandths, &fault);
        return status == ZSIP_OK ? value_number(thousandths) : value_text(zsip_status_name(status));
    }
    const char *mark = strchr(path, '?');
    if (mark != NULL) { /* PATH?name: a parameter of the list at PATH */
        char list[80];
        struct zsip_slice found = {0, 0};
        snprintf(list, sizeof(list), "%.*s", (int)(mark - path), path);
        struct value value = walk(msg, status, list);
        if (value.kind != VALUE_SLICE) {
            return value;
        }
        if (!zsip_param_find(msg->data, value.slice, mark + 1, &found)) {
            return value_text("NOT THERE");
        }
        return found.offset == 0 ? value_text("NO VALUE") : value_slice(found);
    }
    struct value value = walk_plain(msg, path);
    return value.kind != VALUE_NONE ? value : walk_header(msg, path);
}

/* ---- Comparing ----------------------------------------------------------------------------------
 */

/* Where the expected text stands in the input; SIZE_MAX if nowhere or if it is not said which. */
static size_t find_expected(const struct golden_case *golden, const struct golden_expect *expect)
{
    size_t found = SIZE_MAX;
    unsigned count = 0;
    for (size_t i = golden->anchor; i + expect->length <= golden->anchor_end; i++) {
        if (memcmp(golden->input + i, expect->value, expect->length) == 0) {
            count++;
            if (expect->occurrence == 0 || expect->occurrence == count) {
                found = i;
            }
        }
    }
    return expect->occurrence == 0 && count != 1 ? SIZE_MAX : found;
}

static const char *slice_complaint(const struct golden_case *golden, const struct zsip_msg *msg,
                                   const struct golden_expect *expect, struct zsip_slice slice)
{
    static char text[512];
    if (expect->absent) {
        return zsip_slice_present(slice) ? "is there" : NULL;
    }
    if (!zsip_slice_present(slice)) {
        return "is absent";
    }
    if (slice.length != expect->length ||
        memcmp(msg->data + slice.offset, expect->value, expect->length) != 0) {
        snprintf(text, sizeof(text), "is '%.*s', not '%.*s'", (int)slice.length,
                 (const char *)msg->data + slice.offset, (int)expect->length,
                 (const char *)expect->value);
        return text;
    }
    if (expect->bytes_only || expect->length == 0) {
        return NULL;
    }
    size_t at = find_expected(golden, expect);
    if (at == SIZE_MAX) {
        return "stands at no one place: say which with #1, #2 ...";
    }
    size_t skipped = (size_t)(msg->data - golden->input);
    if (slice.offset + skipped != at) {
        snprintf(text, sizeof(text), "is at %zu, not at %zu", slice.offset + skipped, at);
        return text;
    }
    return NULL;
}

static const char *complaint(const struct golden_case *golden, const struct zsip_msg *msg,
                             enum zsip_status status, const struct golden_expect *expect)
{
    static char text[512];
    struct value value = walk(msg, status, expect->path);
    char number[24];
    switch (value.kind) {
    case VALUE_SLICE:
        return slice_complaint(golden, msg, expect, value.slice);
    case VALUE_NUMBER:
        snprintf(number, sizeof(number), "%llu", (unsigned long long)value.number);
        value.text = value.number == ZSIP_ABSENT && expect->absent ? "-" : number;
        /* fall through */
    case VALUE_TEXT:
        if (strlen(value.text) == expect->length &&
            memcmp(value.text, expect->value, expect->length) == 0) {
            return NULL;
        }
        snprintf(text, sizeof(text), "is %s, not %.*s", value.text, (int)expect->length,
                 (const char *)expect->value);
        return text;
    case VALUE_OFFSET: {
        size_t at = find_expected(golden, expect);
        size_t is = value.number + (size_t)(msg->data - golden->input);
        if (at == is) {
            return NULL;
        }
        snprintf(text, sizeof(text), "is at %zu ('%.12s'), not at %zd", is,
                 is < golden->bytes ? (const char *)golden->input + is : "", (ssize_t)at);
        return text;
    }
    default:
        return expect->absent ? NULL : "is not there";
    }
}

unsigned golden_check(const struct golden_file *file, const struct golden_case *golden)
{
    unsigned failures = 0;
    struct zsip_msg *msg = msg_new();
    enum zsip_status status = zsip_parse(msg, golden->input, golden->bytes, golden->flags);
    const char *broken = msg_broken_law(msg, status, golden->input, golden->bytes);
    if (broken != NULL) {
        fprintf(stderr, "%s:%u: %s: %s\n", file->path, golden->line, golden->name, broken);
        failures++;
    }
    for (size_t i = 0; i < golden->expect_count; i++) {
        const struct golden_expect *expect = &golden->expects[i];
        const char *what = complaint(golden, msg, status, expect);
        if (what != NULL) {
            fprintf(stderr, "%s:%u: %s: %s %s\n", file->path, expect->line, golden->name,
                    expect->path, what);
            failures++;
        }
    }
    free(msg);
    return failures;
}
