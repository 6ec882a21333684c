/* zsip: names of header fields, methods and transports.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/names.h"
#include "parser/parser.h"

static const char *const header_names[ZSIP_HEADER_ID_COUNT] = {
#define X(name, id, text, compact, rows) [id] = text,
    ZSIP_HEADER_MAP(X)
#undef X
};

static const uint8_t header_name_lengths[ZSIP_HEADER_ID_COUNT] = {
#define X(name, id, text, compact, rows) [id] = sizeof(text) - 1,
    ZSIP_HEADER_MAP(X)
#undef X
};

static const uint8_t header_letters[ZSIP_HEADER_ID_COUNT] = {
#define X(name, id, text, compact, rows) [id] = compact,
    ZSIP_HEADER_MAP(X)
#undef X
};

static const char *const method_names[ZSIP_METHOD_COUNT] = {
#define X(name, id, text) [id] = text,
    ZSIP_METHOD_MAP(X)
#undef X
};

static const uint8_t method_name_lengths[ZSIP_METHOD_COUNT] = {
#define X(name, id, text) [id] = sizeof(text) - 1,
    ZSIP_METHOD_MAP(X)
#undef X
};

const char *zsip_header_name(enum zsip_header_id id)
{
    return (unsigned)id < ZSIP_HEADER_ID_COUNT ? header_names[id] : "";
}

struct zsip_view zsip_header_name_view(enum zsip_header_id id)
{
    if ((unsigned)id >= ZSIP_HEADER_ID_COUNT)
        return (struct zsip_view){(const uint8_t *)"", 0};
    return (struct zsip_view){(const uint8_t *)header_names[id], header_name_lengths[id]};
}

uint8_t zsip_header_letter(enum zsip_header_id id)
{
    return (unsigned)id < ZSIP_HEADER_ID_COUNT ? header_letters[id] : 0;
}

const char *zsip_method_name(enum zsip_method method)
{
    return (unsigned)method < ZSIP_METHOD_COUNT ? method_names[method] : "";
}

enum zsip_method zsip_method_by_name(struct zsip_view name)
{
    for (unsigned i = 1; i < ZSIP_METHOD_COUNT; i++) {
        if (name.length == method_name_lengths[i] &&
            __builtin_memcmp(name.data, method_names[i], name.length) == 0)
            return (enum zsip_method)i;
    }
    return ZSIP_METHOD_UNKNOWN;
}

#define JUDGED(id) ((id) >= ZSIP_HEADER_VIA && (id) <= ZSIP_HEADER_CONTENT_TYPE)
/* None straddles two cache lines. */
__attribute__((aligned(64))) const struct zsip_names zsip_names = {
    .slots = {ZSIP_NAME_ROWS},
    .judged_counts =
        {
#define X(name, id, text, compact, rows) [id] = JUDGED(id) ? 1ull << 8 * (((id)-1) & 7) : 0,
            ZSIP_HEADER_MAP(X)
#undef X
        },
    .digest_slots = {ZSIP_DIGEST_ROWS},
};

enum zsip_header_id zsip_header_by_name(struct zsip_view name)
{
    if (name.length == 0 || name.length > sizeof(zsip_names.slots[0].name))
        return ZSIP_HEADER_UNKNOWN;
    uint32_t last = (uint32_t)'\r' << 16 | (uint32_t)'\n' << 24;
    for (size_t i = 0; i < name.length; i++)
        last = last >> 8 | (uint32_t)name.data[i] << 24;
    last = last >> 8 | (uint32_t)':' << 24;
    uint8_t quarter = name.data[name.length / 4];
    const struct zsip_name_slot *slot =
        &zsip_names.slots[zsip_name_hash(zsip_name_key(quarter, last, (uint32_t)name.length))];
    if (!zsip_text_equal(name.data, name.length, slot->name, slot->length))
        return ZSIP_HEADER_UNKNOWN;
    return (enum zsip_header_id)slot->id;
}

bool zsip_text_is(const uint8_t *text, size_t length, const char *lower)
{
    size_t i = 0;
    for (; i < length && lower[i] != 0; i++) {
        if (zsip_lower(text[i]) != (uint8_t)lower[i])
            return false;
    }
    return i == length && lower[i] == 0;
}

enum zsip_transport zsip_transport_by_name(const uint8_t *text, size_t length)
{
    if (zsip_text_is(text, length, "udp"))
        return ZSIP_TRANSPORT_UDP;
    if (zsip_text_is(text, length, "tcp"))
        return ZSIP_TRANSPORT_TCP;
    if (zsip_text_is(text, length, "tls"))
        return ZSIP_TRANSPORT_TLS;
    if (zsip_text_is(text, length, "ws"))
        return ZSIP_TRANSPORT_WS;
    if (zsip_text_is(text, length, "wss"))
        return ZSIP_TRANSPORT_WSS;
    return ZSIP_TRANSPORT_NONE;
}
