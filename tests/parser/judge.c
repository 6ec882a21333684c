/* What holds for any parsed message, and messages compared.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct zsip_msg *msg_new(void)
{
    struct zsip_msg *msg = malloc(zsip_msg_size());
    if (msg == NULL) {
        abort();
    }
    memset(msg, 0xA5, zsip_msg_size());
    return msg;
}

void msg_of_value(struct zsip_msg *one, const uint8_t *data, size_t bytes, enum zsip_header_id id,
                  struct zsip_slice value)
{
    memset(one, 0, zsip_msg_size());
    one->data = data;
    one->body_offset = (uint32_t)bytes;
    one->present = 1ull << (unsigned)id;
    one->header_count = 1;
    one->headers[0] = (struct zsip_header){.value = value, .id = (uint8_t)id};
}
/* Every slice of a message by name, so that laws and comparisons need no second list. */
#define URI_SLICES(X, at)                                                                          \
    X(at.whole) X(at.scheme_name) X(at.user) X(at.password) X(at.host) X(at.params) X(at.headers)
#define VIA_SLICES(X, at)                                                                          \
    X(at.whole)                                                                                    \
    X(at.transport_name)                                                                           \
    X(at.sent_by) X(at.host) X(at.params) X(at.branch) X(at.received) X(at.maddr) X(at.rport)
#define PARTY_SLICES(X, at) X(at.whole) X(at.display) X(at.uri) X(at.params) X(at.tag)
#define MSG_SLICES(X)                                                                              \
    X(method_name)                                                                                 \
    X(reason)                                                                                      \
    URI_SLICES(X, request_uri)                                                                     \
    VIA_SLICES(X, via)                                                                             \
    PARTY_SLICES(X, from)                                                                          \
    PARTY_SLICES(X, to)                                                                            \
    X(call_id) X(content_type.type) X(content_type.subtype) X(content_type.params)
#define MSG_NUMBERS(X)                                                                             \
    X(body_offset)                                                                                 \
    X(body_bytes)                                                                                  \
    X(header_bytes)                                                                                \
    X(header_count)                                                                                \
    X(status_code)                                                                                 \
    X(kind)                                                                                        \
    X(method)                                                                                      \
    X(present)                                                                                     \
    X(request_uri.port)                                                                            \
    X(request_uri.scheme)                                                                          \
    X(request_uri.host_kind)                                                                       \
    X(via.port)                                                                                    \
    X(via.rport_port)                                                                              \
    X(via.transport)                                                                               \
    X(via.host_kind) X(via.flags) X(via.ttl) X(cseq_number) X(max_forwards) X(content_length)

static bool slice_within(struct zsip_slice slice, size_t limit)
{
    return (size_t)slice.offset + slice.length <= limit;
}

static const char *rows_broken_law(const struct zsip_msg *msg, size_t limit)
{
    uint64_t present = 0;
    size_t before = 0;
    if (msg->header_count > ZSIP_HEADERS_MAX) {
        return "header_count is over the limit";
    }
    for (size_t i = 0; i < msg->header_count; i++) {
        const struct zsip_header *row = &msg->headers[i];
        if (!slice_within(row->value, limit) ||
            (size_t)row->name_offset + row->name_length > limit) {
            return "a header row leaves the header section";
        }
        if (row->name_length == 0 || row->name_offset < before ||
            row->value.offset < row->name_offset + row->name_length) {
            return "header rows are not in order";
        }
        if (row->id >= ZSIP_HEADER_ID_COUNT) {
            return "a header row has no such id";
        }
        before = (size_t)row->value.offset + row->value.length;
        present |= (uint64_t)1 << row->id;
    }
    /* Of lines beyond the last row it knows too: such a message is refused. */
    bool beyond = msg->header_count == ZSIP_HEADERS_MAX && msg->fault.status != ZSIP_OK;
    if (beyond ? (present & ~msg->present) != 0 : present != msg->present) {
        return "present and the header rows disagree";
    }
    return NULL;
}

static const char *fault_broken_law(const struct zsip_msg *msg, enum zsip_status status,
                                    size_t there)
{
    if (msg->fault.status != status) {
        return "the fault's status is not the status returned";
    }
    if (status == ZSIP_OK) {
        return NULL;
    }
    if (msg->fault.offset > there) {
        return "the fault lies outside the message";
    }
    if (msg->fault.rule == NULL || msg->fault.rule[0] == '\0') {
        return "the fault names no rule";
    }
    return zsip_status_code(status) == 0 ? "a fault without a SIP status code" : NULL;
}

const char *msg_broken_law(const struct zsip_msg *msg, enum zsip_status status, const uint8_t *data,
                           size_t bytes)
{
    size_t skipped = (size_t)(msg->data - data);
    if (msg->data < data || skipped > bytes) {
        return "data points outside the input";
    }
    size_t there = bytes - skipped;
    size_t limit = there < ZSIP_HEADER_SECTION_BYTES_MAX ? there : ZSIP_HEADER_SECTION_BYTES_MAX;
    if (status == ZSIP_OK) {
        limit = msg->header_bytes;
    }
    if (limit > there || (size_t)msg->body_offset + msg->body_bytes > there) {
        return "header section or body leave the input";
    }
#define X(field)                                                                                   \
    if (!slice_within(msg->field, limit)) {                                                        \
        return #field " leaves the header section";                                                \
    }
    MSG_SLICES(X)
#undef X
    const char *broken = rows_broken_law(msg, limit);
    return broken != NULL ? broken : fault_broken_law(msg, status, there);
}

static const char *rows_difference(const struct zsip_msg *a, const struct zsip_msg *b)
{
    static char text[64];
    for (size_t i = 0; i < a->header_count; i++) {
        const struct zsip_header *x = &a->headers[i], *y = &b->headers[i];
        if (x->id != y->id || x->name_offset != y->name_offset ||
            x->name_length != y->name_length || x->value.offset != y->value.offset ||
            x->value.length != y->value.length) {
            snprintf(text, sizeof(text), "headers[%zu]", i);
            return text;
        }
    }
    return NULL;
}

const char *msg_difference(const struct zsip_msg *a, const struct zsip_msg *b)
{
    static char text[128];
    if (a->fault.status != b->fault.status) {
        snprintf(text, sizeof(text), "status %s (%s) and %s (%s)",
                 zsip_status_name(a->fault.status), a->fault.status == ZSIP_OK ? "" : a->fault.rule,
                 zsip_status_name(b->fault.status),
                 b->fault.status == ZSIP_OK ? "" : b->fault.rule);
        return text;
    }
    if (a->fault.status != ZSIP_OK) {
        return NULL;
    }
    return msg_field_difference(a, b);
}

const char *msg_field_difference(const struct zsip_msg *a, const struct zsip_msg *b)
{
    static char text[128];
#define X(field)                                                                                   \
    if (a->field.offset != b->field.offset || a->field.length != b->field.length) {                \
        snprintf(text, sizeof(text), "%s %u+%u and %u+%u", #field, a->field.offset,                \
                 a->field.length, b->field.offset, b->field.length);                               \
        return text;                                                                               \
    }
    MSG_SLICES(X)
#undef X
#define X(field)                                                                                   \
    if (a->field != b->field) {                                                                    \
        snprintf(text, sizeof(text), "%s %llu and %llu", #field, (unsigned long long)a->field,     \
                 (unsigned long long)b->field);                                                    \
        return text;                                                                               \
    }
    MSG_NUMBERS(X)
#undef X
    return rows_difference(a, b);
}
