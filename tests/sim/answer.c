/* One response against the request it answers: RFC 3261 sections 8.2.6.2, 18.2.1, 18.2.2, RFC 3581.
 *
 * What a response repeats is compared with the request line by line, top Via's received and rport
 * apart; all the rest goes into one hash, padding apart. So two answers to copies of one request
 * are equal as they have to be when both pass and the hashes are equal. */
#include "tests/sim/sim.h"

#include <string.h>

struct text {
    const struct node *node;
    const struct packet *request;
    const uint8_t *data;
    uint32_t bytes;
};

static void wrong(const struct text *text, const char *what)
{
    fail(text->node->world, "node %u: %s\n--- request\n%.*s\n--- response\n%.*s", text->node->index,
         what, (int)text->request->bytes, (const char *)text->request->data, (int)text->bytes,
         (const char *)text->data);
}

/* ---- What is repeated ------------------------------------------------------------------------ */

struct repeated {
    uint32_t at;
    unsigned seen; /* bit a field that may stand once */
};

/* The request's next line that the response has to repeat. */
static char repeated_next(const struct packet *request, struct repeated *repeated,
                          struct span *line)
{
    static const char once[] = "ftic";
    if (repeated->at == 0)
        line_next(request->data, request->bytes, &repeated->at, line);
    while (line_next(request->data, request->bytes, &repeated->at, line)) {
        char kind = line_repeated(request->data, *line);
        if (kind == 0)
            continue;
        const char *field = strchr(once, kind);
        if (field == NULL)
            return kind;
        unsigned bit = 1u << (field - once);
        if (repeated->seen & bit)
            continue;
        repeated->seen |= bit;
        return kind;
    }
    return 0;
}

/* A Via line without received and rport. */
static uint32_t via_plain(const uint8_t *data, struct span line, uint8_t *out)
{
    uint32_t at = line.at, end = at + line.length, length = 0;
    while (at < end && data[at] != ';' && data[at] != ',')
        out[length++] = data[at++];
    struct span name, value;
    while (param_next(data, &at, end, &name, &value)) {
        if (param_is(data, name, "received") || param_is(data, name, "rport"))
            continue;
        uint32_t from = name.at - 1u;
        memcpy(out + length, data + from, at - from);
        length += at - from;
    }
    memcpy(out + length, data + at, end - at);
    return length + end - at;
}

static void check_top_via(const struct text *text, struct span asked, struct span given)
{
    uint8_t a[2048], b[2048];
    if (asked.length > sizeof(a) || given.length > sizeof(b))
        return;
    uint32_t a_bytes = via_plain(text->request->data, asked, a);
    uint32_t b_bytes = via_plain(text->data, given, b);
    if (a_bytes != b_bytes || memcmp(a, b, a_bytes) != 0)
        wrong(text, "the top Via differs");
}

static void check_to(const struct text *text, struct span asked, struct span given)
{
    const uint8_t *tag = text->data + given.at + asked.length;
    bool same = given.length >= asked.length &&
                memcmp(text->data + given.at, text->request->data + asked.at, asked.length) == 0;
    if (!same)
        wrong(text, "To differs");
    if (text->request->look.to_tag_present) {
        if (given.length != asked.length)
            wrong(text, "a second To tag");
        return;
    }
    if (given.length < asked.length + 5u + 16u || memcmp(tag, ";tag=", 5) != 0)
        wrong(text, "no To tag of 64 bits");
}

static void check_repeated(const struct text *text, struct repeated *repeated, struct span given,
                           char kind)
{
    struct span asked;
    bool first_via = (repeated->seen & 16) == 0;
    char shall = repeated_next(text->request, repeated, &asked);
    if (shall != kind)
        wrong(text, "the repeated fields differ in kind or order");
    if (kind == 'v' && first_via) {
        repeated->seen |= 16;
        check_top_via(text, asked, given);
    } else if (kind == 't') {
        check_to(text, asked, given);
    } else if (asked.length != given.length ||
               memcmp(text->request->data + asked.at, text->data + given.at, asked.length) != 0) {
        wrong(text, "a repeated field differs");
    }
}

/* ---- The rest -------------------------------------------------------------------------------- */

static uint64_t hash_rest(uint64_t hash, const struct text *text, struct span line,
                          uint32_t *content_length)
{
    const uint8_t *data = text->data;
    if (!name_is(data, line, "Content-Length", 'l'))
        return hash_bytes(hash, data + line.at, line.length);
    uint32_t at = line.at;
    while (data[at] != ':')
        at++;
    at++;
    while (data[at] == ' ')
        at++;
    *content_length = 0;
    for (; at < (uint32_t)line.at + line.length; at++)
        *content_length = *content_length * 10 + (data[at] - '0');
    return hash_bytes(hash, content_length, sizeof(*content_length));
}

/* ---- Where to -------------------------------------------------------------------------------- */

static void check_path(const struct text *text, const struct zsip_path *to)
{
    const struct packet *request = text->request;
    const struct look *look = &request->look;
    struct zsip_address remote = request->path.remote;
    /* Over a stream the flow leads back; the address is for when that is gone. */
    if ((request->path.flags & ZSIP_PATH_RELIABLE) || !look->rport)
        remote.port = look->via_port != 0 ? (uint16_t)look->via_port : 5060;
    if (request->damage == WILD)
        remote.port = to->remote.port;
    if (!address_equal(&remote, &to->remote) || !address_equal(&request->path.local, &to->local) ||
        request->path.transport != to->transport || request->path.flow != to->flow ||
        request->path.flags != to->flags)
        wrong(text, "it goes to the wrong peer, or the wrong way");
}

static int ip_text(const uint8_t ip[4], char *text)
{
    char *at = text;
    for (unsigned i = 0; i < 4; i++) {
        if (ip[i] >= 100)
            *at++ = (char)('0' + ip[i] / 100);
        if (ip[i] >= 10)
            *at++ = (char)('0' + ip[i] / 10 % 10);
        *at++ = (char)('0' + ip[i] % 10);
        *at++ = '.';
    }
    *--at = 0;
    return (int)(at - text);
}

static void check_received(const struct text *text, const struct look *look)
{
    const struct packet *request = text->request;
    const struct look *asked = &request->look;
    const uint8_t *ip = request->path.remote.ip;
    char address[32];
    int length = ip_text(ip, address);
    const uint8_t *host = request->data + asked->sent_by.at;
    bool same_host = asked->sent_by.length >= length &&
                     memcmp(host, address, (size_t)length) == 0 &&
                     (asked->sent_by.length == length || host[length] == ':');
    if (asked->rport && look->rport_value != request->path.remote.port)
        wrong(text, "rport is not the source's port");
    if (asked->rport || !same_host) {
        if (!span_is(text->data, look->received, address))
            wrong(text, "received is not the source's address");
    } else if (look->received.length != 0) {
        wrong(text, "received that nothing asks for");
    }
}

struct answer_facts answer_check(struct node *node, const struct packet *request,
                                 const struct zsip_output *output)
{
    const struct text text = {node, request, output->data, output->bytes};
    struct answer_facts facts = {0};
    struct repeated repeated = {0};
    const struct look look = *node_look(node);
    struct span line;
    uint32_t at = 0, content_length = UINT32_MAX;
    note(node->world, "node %u writes\n%.*s", node->index, (int)output->bytes,
         (const char *)output->data);
    facts.status = look.status;
    if ((look.status < 200 && look.status != 100) || look.status > 699 || look.status == 408)
        wrong(&text, "a status that may not be sent (RFC 4320)");
    check_path(&text, output->path);
    if (request->damage == WILD)
        return facts;
    line_next(text.data, text.bytes, &at, &line);
    facts.rest_hash = hash_bytes(7, text.data + line.at, line.length);
    while (line_next(text.data, text.bytes, &at, &line)) {
        char kind = line_repeated(text.data, line);
        if (kind != 0)
            check_repeated(&text, &repeated, line, kind);
        else
            facts.rest_hash = hash_rest(facts.rest_hash, &text, line, &content_length);
    }
    if (repeated_next(request, &repeated, &line) != 0)
        wrong(&text, "a field is not repeated");
    if (content_length != text.bytes - at)
        wrong(&text, "Content-Length is not the body's");
    facts.rest_hash = hash_bytes(facts.rest_hash, text.data + at, text.bytes - at);
    if (!request->look.to_tag_present)
        facts.to_tag = hash_bytes(8, text.data + look.to_tag.at, look.to_tag.length);
    check_received(&text, &look);
    return facts;
}
