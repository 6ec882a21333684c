/* Reads what our own peers and the endpoints write, line by line. It believes in one blank after a
 * colon as little as the grammar does, but knows no folding: nobody here folds. */
#include "tests/sim/sim.h"

#include <string.h>

uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    hash ^= bytes * 0x9e3779b97f4a7c15ull;
    while (bytes > 0) {
        uint64_t word = 0;
        size_t take = bytes < 8 ? bytes : 8;
        memcpy(&word, at, take);
        hash = (hash ^ word) * 0xff51afd7ed558ccdull;
        hash ^= hash >> 32;
        at += take;
        bytes -= take;
    }
    return hash * 0xc4ceb9fe1a85ec53ull ^ hash >> 29;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

bool equal_fold(const uint8_t *data, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (lower(data[i]) != lower((uint8_t)text[i]))
            return false;
    }
    return true;
}

bool span_is(const uint8_t *data, struct span span, const char *text)
{
    return span.length == strlen(text) && memcmp(data + span.at, text, span.length) == 0;
}

bool line_next(const uint8_t *data, uint32_t bytes, uint32_t *at, struct span *line)
{
    uint32_t begin = *at;
    for (uint32_t end = begin; end + 1 < bytes;) {
        const uint8_t *cr = memchr(data + end, '\r', bytes - 1 - end);
        if (cr == NULL)
            return false;
        end = (uint32_t)(cr - data);
        if (cr[1] == '\n') {
            *line = (struct span){(uint16_t)begin, (uint16_t)(end - begin)};
            *at = end + 2;
            return end > begin;
        }
        end++;
    }
    return false;
}

bool name_is(const uint8_t *data, struct span line, const char *name, char compact)
{
    size_t length = strlen(name);
    const uint8_t *text = data + line.at;
    if (line.length > length && text[length] == ':' && equal_fold(text, name, length))
        return true;
    return compact != 0 && line.length > 1 && text[1] == ':' && lower(text[0]) == (uint8_t)compact;
}

char line_repeated(const uint8_t *data, struct span line)
{
    switch (lower(data[line.at])) {
    case 'v':
        return name_is(data, line, "Via", 'v') ? 'v' : 0;
    case 'f':
        return name_is(data, line, "From", 'f') ? 'f' : 0;
    case 't':
        return name_is(data, line, "To", 't') ? 't' : 0;
    case 'i':
        return name_is(data, line, "Call-ID", 'i') ? 'i' : 0;
    case 'c':
        if (name_is(data, line, "Call-ID", 0))
            return 'i';
        return name_is(data, line, "CSeq", 0) ? 'c' : 0;
    default:
        return 0;
    }
}

static struct span value_of(const uint8_t *data, struct span line)
{
    uint32_t at = line.at;
    uint32_t end = at + line.length;
    while (at < end && data[at] != ':')
        at++;
    at += at < end;
    while (at < end && (data[at] == ' ' || data[at] == '\t'))
        at++;
    while (end > at && (data[end - 1] == ' ' || data[end - 1] == '\t'))
        end--;
    return (struct span){(uint16_t)at, (uint16_t)(end - at)};
}

static uint32_t number_of(const uint8_t *data, struct span span)
{
    uint64_t number = 0;
    for (uint32_t i = 0; i < span.length && data[span.at + i] >= '0' && data[span.at + i] <= '9';
         i++)
        number = number * 10 + (data[span.at + i] - '0');
    return (uint32_t)number;
}

/* The next parameter from at on: its name, and its value. */
bool param_next(const uint8_t *data, uint32_t *at, uint32_t end, struct span *name,
                struct span *value)
{
    while (*at < end && data[*at] != ';' && data[*at] != ',')
        ++*at;
    if (*at >= end || data[*at] == ',')
        return false;
    uint32_t begin = ++*at;
    uint32_t equals = 0;
    while (*at < end && data[*at] != ';' && data[*at] != ',') {
        if (data[*at] == '=' && equals == 0)
            equals = *at;
        ++*at;
    }
    uint32_t name_end = equals == 0 ? *at : equals;
    *name = (struct span){(uint16_t)begin, (uint16_t)(name_end - begin)};
    *value = equals == 0 ? (struct span){0, 0}
                         : (struct span){(uint16_t)(equals + 1), (uint16_t)(*at - equals - 1)};
    return true;
}

bool param_is(const uint8_t *data, struct span name, const char *text)
{
    return name.length == strlen(text) && equal_fold(data + name.at, text, name.length);
}

static void look_at_via(struct look *look, const uint8_t *data, struct span value)
{
    uint32_t at = value.at;
    uint32_t end = at + value.length;
    while (at < end && data[at] != ' ')
        at++;
    while (at < end && data[at] == ' ')
        at++;
    uint32_t begin = at;
    uint32_t colon = 0;
    while (at < end && data[at] != ';' && data[at] != ',' && data[at] != ' ') {
        if (data[at] == ':')
            colon = at;
        at++;
    }
    look->sent_by = (struct span){(uint16_t)begin, (uint16_t)(at - begin)};
    if (colon != 0)
        look->via_port =
            number_of(data, (struct span){(uint16_t)(colon + 1), (uint16_t)(at - colon - 1)});
    struct span name, text;
    while (param_next(data, &at, end, &name, &text)) {
        if (param_is(data, name, "branch")) {
            look->branch = text;
        } else if (param_is(data, name, "received")) {
            look->received = text;
        } else if (param_is(data, name, "rport")) {
            look->rport = true;
            look->rport_value = number_of(data, text);
        }
    }
    look->last_via = at >= end;
    look->via = (struct span){value.at, (uint16_t)(at - value.at)};
    look->cookie = look->branch.length > 7 && memcmp(data + look->branch.at, "z9hG4bK", 7) == 0;
}

static struct span tag_of(const uint8_t *data, struct span value)
{
    uint32_t end = (uint32_t)value.at + value.length;
    const uint8_t *close = memchr(data + value.at, '>', value.length);
    uint32_t at = close == NULL ? value.at : (uint32_t)(close - data);
    struct span name, text;
    while (param_next(data, &at, end, &name, &text)) {
        if (param_is(data, name, "tag"))
            return text;
    }
    return (struct span){0, 0};
}

static uint64_t hash_span(uint64_t hash, const uint8_t *data, struct span span)
{
    return hash_bytes(hash, data + span.at, span.length);
}

static void identify(struct look *look, const uint8_t *data)
{
    uint8_t folded[256];
    uint16_t length = look->sent_by.length < 255 ? look->sent_by.length : 255;
    look->m = hash_bytes(9, &look->cseq, sizeof(look->cseq));
    look->m = hash_span(hash_span(look->m, data, look->call_id), data, look->from_tag);
    for (uint16_t i = 0; i < length; i++)
        folded[i] = lower(data[look->sent_by.at + i]);
    if (look->cookie)
        look->b = hash_bytes(hash_span(1, data, look->branch), folded, length);
    else
        look->b = hash_span(hash_span(hash_span(hash_bytes(2, &look->cseq, 4), data, look->uri),
                                      data, look->to_tag),
                            data, look->via);
    look->name = hash_span(3, data, look->method);
    look->branch_hash = hash_span(4, data, look->branch);
}

static bool look_at_start(struct look *look, const uint8_t *data, struct span line)
{
    const uint8_t *text = data + line.at;
    if (line.length > 12 && equal_fold(text, "SIP/2.0 ", 8)) {
        look->status = number_of(data, (struct span){(uint16_t)(line.at + 8), 3});
        return true;
    }
    const uint8_t *space = memchr(text, ' ', line.length);
    if (space == NULL)
        return false;
    look->request = true;
    look->method = (struct span){line.at, (uint16_t)(space - text)};
    uint16_t at = (uint16_t)(space + 1 - data);
    const uint8_t *end = memchr(space + 1, ' ', (size_t)(text + line.length - space - 1));
    if (end == NULL)
        return false;
    look->uri = (struct span){at, (uint16_t)(end - data - at)};
    return true;
}

static void look_at_field(struct look *look, const uint8_t *data, struct span line, unsigned *vias)
{
    struct span value = value_of(data, line);
    switch (line_repeated(data, line)) {
    case 'v':
        if ((*vias)++ == 0)
            look_at_via(look, data, value);
        return;
    case 'f':
        look->from_tag = tag_of(data, value);
        return;
    case 't':
        look->to_tag = tag_of(data, value);
        look->to_tag_present = look->to_tag.length > 0;
        return;
    case 'i':
        look->call_id = value;
        return;
    case 'c': {
        look->cseq = number_of(data, value);
        const uint8_t *space = memchr(data + value.at, ' ', value.length);
        uint16_t at = space == NULL ? value.at : (uint16_t)(space + 1 - data);
        look->cseq_method = (struct span){at, (uint16_t)(value.at + value.length - at)};
        return;
    }
    default:
        break;
    }
    uint8_t letter = lower(data[line.at]);
    if (letter == 'r' && name_is(data, line, "Require", 0))
        look->require = true;
    else if (letter == 'c' && name_is(data, line, "Content-Type", 'c'))
        look->content_type = value;
    else if (letter == 'x' && name_is(data, line, "X-Sim", 0))
        look->sim_id = number_of(data, value);
}

void look_at(struct look *look, const uint8_t *data, uint32_t bytes)
{
    memset(look, 0, sizeof(*look));
    struct span line;
    uint32_t at = 0;
    unsigned vias = 0;
    if (bytes > 65000 || !line_next(data, bytes, &at, &line) || !look_at_start(look, data, line))
        return;
    while (line_next(data, bytes, &at, &line))
        look_at_field(look, data, line, &vias);
    look->body_at = at;
    look->last_via &= vias == 1;
    if (!look->request)
        look->method = look->cseq_method;
    look->ok = vias > 0 && look->call_id.length > 0 && look->cseq_method.length > 0;
    identify(look, data);
}
