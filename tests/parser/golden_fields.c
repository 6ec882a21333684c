/* Golden files: members of structs by name.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/golden_path.h"
#include <stddef.h>
#include <string.h>

#define END                                                                                        \
    {                                                                                              \
        NULL, 0, 0, NULL                                                                           \
    }
static const char *const scheme_names[] = {"OTHER", "SIP", "SIPS", "TEL", "IM"};
static const char *const host_kind_names[] = {"NONE", "NAME", "IPV4", "IPV6"};
static const char *const transport_names[] = {"NONE", "UDP", "TCP", "TLS", "WS", "WSS"};
static const char *const kind_names[] = {"NONE", "REQUEST", "RESPONSE"};

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

const struct golden_field golden_uri_fields[] = {
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
const struct golden_field golden_via_fields[] = {
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
const struct golden_field golden_party_fields[] = {
    SLICE(zsip_party, whole),  SLICE(zsip_party, display), SLICE(zsip_party, uri),
    SLICE(zsip_party, params), SLICE(zsip_party, tag),     END,
};
const struct golden_field golden_media_fields[] = {SLICE(zsip_media_type, type),
                                                   SLICE(zsip_media_type, subtype),
                                                   SLICE(zsip_media_type, params), END};
const struct golden_field golden_value_fields[] = {
    SLICE(zsip_value, whole), SLICE(zsip_value, value), SLICE(zsip_value, params), END};
const struct golden_field golden_warning_fields[] = {
    SLICE(zsip_warning, agent), SLICE(zsip_warning, text), NUMBER(zsip_warning, code), END};
const struct golden_field golden_retry_fields[] = {SLICE(zsip_retry_after, comment),
                                                   SLICE(zsip_retry_after, params),
                                                   NUMBER(zsip_retry_after, seconds), END};
const struct golden_field golden_timestamp_fields[] = {SLICE(zsip_timestamp, time),
                                                       SLICE(zsip_timestamp, delay), END};
const struct golden_field golden_product_fields[] = {
    SLICE(zsip_product, name), SLICE(zsip_product, version), SLICE(zsip_product, comment), END};
static const char *const auth_schemes[] = {"OTHER", "DIGEST"};
const struct golden_field golden_auth_fields[] = {
    SLICE(zsip_auth, whole),
    SLICE(zsip_auth, scheme_name),
    SLICE(zsip_auth, params),
    SLICE(zsip_auth, username),
    SLICE(zsip_auth, realm),
    SLICE(zsip_auth, nonce),
    SLICE(zsip_auth, uri),
    SLICE(zsip_auth, response),
    SLICE(zsip_auth, algorithm),
    SLICE(zsip_auth, cnonce),
    SLICE(zsip_auth, opaque),
    SLICE(zsip_auth, qop),
    SLICE(zsip_auth, nc),
    SLICE(zsip_auth, domain),
    SLICE(zsip_auth, stale),
    SLICE(zsip_auth, userhash),
    SLICE(zsip_auth, nextnonce),
    SLICE(zsip_auth, rspauth),
    NAMED(zsip_auth, scheme, auth_schemes),
    END,
};
const struct golden_field golden_overload_fields[] = {
    SLICE(zsip_overload, algorithms),   SLICE(zsip_overload, sequence), NUMBER(zsip_overload, oc),
    NUMBER(zsip_overload, validity_ms), NUMBER(zsip_overload, flags),   {NULL, 0, 0, NULL},
};
const struct golden_field golden_msg_fields[] = {
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

struct golden_value golden_field_value(const struct golden_field *fields, const void *object,
                                       const char *name)
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
            return golden_slice(slice);
        }
        memcpy(&number, at,
               fields->bytes); /* little-endian hosts, as everything here is tested on */
        return fields->names != NULL ? golden_text(fields->names[number]) : golden_number(number);
    }
    return (struct golden_value){0};
}
