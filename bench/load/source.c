#include "source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "[" two addresses with zones, "]:" two ports. */
#define PART_BYTES_MAX 160u

/* ---- Reading --------------------------------------------------------------------------------- */

struct reader {
    const char *part; /* as the user wrote it */
    int bytes;
    char *error;
    size_t error_bytes;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct reader *reader,
                                                         const char *format, ...)
{
    int used = snprintf(reader->error, reader->error_bytes, "%.*s: ", reader->bytes, reader->part);
    va_list arguments;

    if (used < 0 || (size_t)used >= reader->error_bytes)
        return false;
    va_start(arguments, format);
    vsnprintf(reader->error + used, reader->error_bytes - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* A number and where it ends; > 65535: none. */
static uint32_t number(const char *text, const char **end)
{
    uint32_t value = 0;

    *end = text;
    while (**end >= '0' && **end <= '9' && value <= UINT16_MAX)
        value = value * 10 + (uint32_t)(*(*end)++ - '0');
    return *end == text ? UINT32_MAX : value;
}

/* "PORT" or "PORT-PORT". */
static bool ports(const struct reader *reader, const char *text, struct load_source_part *out)
{
    const char *end;
    uint32_t first = number(text, &end), last = first;

    if (*end == '-')
        last = number(end + 1, &end);
    if (*end != '\0' || first < 1 || first > UINT16_MAX || last > UINT16_MAX)
        return refuse(reader, "'%s' is no port or range of ports, 1..65535", text);
    if (last < first)
        return refuse(reader, "the ports end before they begin");
    out->first.port = (uint16_t)first;
    out->ports = last - first + 1;
    return true;
}

static bool address(const struct reader *reader, const char *text, bool six,
                    struct zsip_address *out)
{
    char whole[PART_BYTES_MAX + 4];

    snprintf(whole, sizeof whole, six ? "[%s]" : "%s", text);
    if (zsip_address_parse(whole, 0, out) == ZSIP_OK && out->port == 0)
        return true;
    return refuse(reader, "'%s' is no IPv%d address", text, six ? 6 : 4);
}

/* The end of a range of IPv4 may be its last octet alone. */
static bool range_end(const struct reader *reader, const char *text, bool six,
                      const struct zsip_address *first, struct zsip_address *last)
{
    const char *end;
    uint32_t octet = number(text, &end);

    if (six || *end != '\0')
        return address(reader, text, six, last);
    if (octet > 255)
        return refuse(reader, "'%s' is no last octet, 0..255", text);
    *last = *first;
    last->ip[3] = (uint8_t)octet;
    return true;
}

static unsigned ip_bytes(const struct zsip_address *address)
{
    return address->family == ZSIP_FAMILY_IPV4 ? 4 : 16;
}

/* How many addresses from first to last; 0: last is before first; more than LOAD_SOURCES_MAX:
 * whatever that is. */
static uint32_t distance(const struct zsip_address *first, const struct zsip_address *last)
{
    unsigned bytes = ip_bytes(first);
    uint64_t between = 0;

    if (memcmp(last->ip, first->ip, bytes) < 0)
        return 0;
    /* Digit by digit to the base of 256, with differences of either sign. */
    for (unsigned i = 0; i < bytes; i++) {
        between = between * 256 + last->ip[i] - first->ip[i];
        if (between > UINT32_MAX / 2)
            return UINT32_MAX;
    }
    return (uint32_t)between + 1;
}

/* "ADDRESS" or "ADDRESS-ADDRESS". */
static bool addresses(const struct reader *reader, char *text, bool six,
                      struct load_source_part *out)
{
    char *dash = strchr(text, '-');
    struct zsip_address last;

    if (dash != NULL)
        *dash = '\0';
    if (!address(reader, text, six, &out->first))
        return false;
    last = out->first;
    if (dash != NULL && !range_end(reader, dash + 1, six, &out->first, &last))
        return false;
    if (memcmp(out->first.ip, (uint8_t[16]){0}, sizeof out->first.ip) == 0)
        return refuse(reader, "that is any address, and none to send from");
    out->addresses = distance(&out->first, &last);
    if (out->addresses == 0)
        return refuse(reader, "the range ends before it begins");
    if (out->addresses > LOAD_SOURCES_MAX)
        return refuse(reader, "more than %u addresses", LOAD_SOURCES_MAX);
    return true;
}

/* Brackets and one colon end an address of IPv6; more colons without brackets are its own. */
static bool part(const struct reader *reader, struct load_source_part *out)
{
    char text[PART_BYTES_MAX];
    char *from = text, *port = NULL, *colon;
    bool six;

    if (reader->bytes == 0)
        return refuse(reader, "an address is missing");
    if ((size_t)reader->bytes >= sizeof text)
        return refuse(reader, "too long for addresses and ports");
    snprintf(text, sizeof text, "%.*s", reader->bytes, reader->part);
    *out = (struct load_source_part){.ports = 1};
    colon = strchr(text, ':');
    six = text[0] == '[' || (colon != NULL && strchr(colon + 1, ':') != NULL);
    if (text[0] == '[') {
        from = text + 1;
        colon = strchr(text, ']');
        if (colon == NULL || (colon[1] != '\0' && colon[1] != ':'))
            return refuse(reader, "write [ADDRESS-ADDRESS]:PORT-PORT");
        *colon++ = '\0';
    } else if (six) {
        colon = NULL;
    }
    if (colon != NULL && *colon == ':') {
        *colon = '\0';
        port = colon + 1;
    }
    return addresses(reader, from, six, out) && (port == NULL || ports(reader, port, out));
}

bool load_sources_parse(struct load_sources *out, const char *text, char *error, size_t error_bytes)
{
    struct reader reader = {text, 0, error, error_bytes};

    *out = (struct load_sources){0};
    for (;;) {
        struct load_source_part *next = &out->parts[out->part_count];

        reader.bytes = (int)strcspn(reader.part, ",");
        if (out->part_count == LOAD_SOURCE_PARTS_MAX)
            return refuse(&reader, "more than %u parts", LOAD_SOURCE_PARTS_MAX);
        if (!part(&reader, next))
            return false;
        if (next->first.family != out->parts[0].first.family)
            return refuse(&reader, "IPv4 and IPv6 together; one run has one target");
        if ((uint64_t)next->addresses * next->ports + out->count > LOAD_SOURCES_MAX)
            return refuse(&reader, "more than %u addresses and ports together", LOAD_SOURCES_MAX);
        out->count += next->addresses * next->ports;
        out->ported |= next->first.port != 0;
        out->part_count++;
        reader.part += reader.bytes;
        if (*reader.part++ == '\0')
            return true;
    }
}

void load_sources_at(const struct load_sources *sources, uint32_t index, struct zsip_address *out)
{
    const struct load_source_part *at = sources->parts;
    uint32_t more;

    ZSIP_ASSERT(index < sources->count);
    while (index >= at->addresses * at->ports)
        index -= at->addresses * at->ports, at++;
    *out = at->first;
    out->port = (uint16_t)(out->port + index / at->addresses);
    more = index % at->addresses;
    for (unsigned i = ip_bytes(out); i > 0 && more > 0; i--, more >>= 8) {
        more += out->ip[i - 1];
        out->ip[i - 1] = (uint8_t)more;
    }
}

/* ---- Sent-bys -------------------------------------------------------------------------------- */

bool load_names_create(struct load_names *names, uint32_t count)
{
    uint32_t places = 4;

    while (places < 2 * count)
        places *= 2;
    names->mask = places - 1;
    names->texts = calloc(places, sizeof *names->texts);
    return names->texts != NULL;
}

void load_names_drop(struct load_names *names)
{
    free(names->texts);
    names->texts = NULL;
}

/* The place of a name, or the empty one where it belongs. */
static char *place_of(const struct load_names *names, struct zsip_view name)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.length; i++)
        hash = (hash ^ (name.data[i] | 0x20)) * 16777619u;
    for (hash ^= hash >> 15;; hash++) {
        char *text = names->texts[hash & names->mask];

        /* At least half of the places are empty. */
        if (text[0] == '\0' || (strncasecmp(text, (const char *)name.data, name.length) == 0 &&
                                text[name.length] == '\0'))
            return text;
    }
}

void load_names_add(struct load_names *names, const char *name)
{
    struct zsip_view view = {(const uint8_t *)name, strlen(name)};

    snprintf(place_of(names, view), ZSIP_ADDRESS_TEXT_BYTES, "%s", name);
}

bool load_names_have(const struct load_names *names, struct zsip_view name)
{
    return names->texts != NULL && name.length > 0 && name.length < ZSIP_ADDRESS_TEXT_BYTES &&
           place_of(names, name)[0] != '\0';
}
