/* Responses, written once, from the request in place. */
#include "core/core.h"

/* ---- Answers that can't be regenerated ------------------------------------------------------- */

struct answer_head {
    uint32_t headers_bytes;
    uint32_t body_bytes;
    uint16_t reason_bytes;
    uint16_t type_bytes;
};

size_t zsip_answer_encode(const struct answer *answer, uint8_t *out, size_t capacity)
{
    struct answer_head head = {
        .headers_bytes = (uint32_t)answer->headers.length,
        .body_bytes = (uint32_t)answer->body.length,
        .reason_bytes = (uint16_t)answer->reason.length,
        .type_bytes = (uint16_t)answer->content_type.length,
    };
    struct text text = {.at = out, .end = out + capacity};
    text_bytes(&text, &head, sizeof(head));
    text_view(&text, answer->reason);
    text_view(&text, answer->headers);
    text_view(&text, answer->content_type);
    text_view(&text, answer->body);
    ZSIP_ASSERT(!text.over);
    return (size_t)(text.at - out);
}

static struct zsip_view take(const uint8_t **at, size_t bytes)
{
    struct zsip_view view = {bytes == 0 ? NULL : *at, bytes};
    *at += bytes;
    return view;
}

struct answer zsip_answer_decode(unsigned status, struct zsip_view delta)
{
    struct answer answer = {.status = status};
    if (delta.length == 0)
        return answer;
    struct answer_head head;
    ZSIP_ASSERT(delta.length >= sizeof(head));
    memcpy(&head, delta.data, sizeof(head));
    const uint8_t *at = delta.data + sizeof(head);
    answer.reason = take(&at, head.reason_bytes);
    answer.headers = take(&at, head.headers_bytes);
    answer.content_type = take(&at, head.type_bytes);
    answer.body = take(&at, head.body_bytes);
    ZSIP_ASSERT(at == delta.data + delta.length);
    return answer;
}

/* ---- Where to -------------------------------------------------------------------------------- */

/* An IPv4 address in dotted decimal; hosts of other forms are left to the caller. */
static bool parse_ipv4(struct zsip_view host, uint8_t ip[4])
{
    unsigned part = 0, digits = 0, value = 0;
    for (size_t i = 0; i <= host.length; i++) {
        uint8_t c = i < host.length ? host.data[i] : '.';
        if (c >= '0' && c <= '9' && digits < 3) {
            value = value * 10 + (c - '0');
            digits++;
        } else if (c == '.' && digits > 0 && value < 256 && part < 4) {
            ip[part++] = (uint8_t)value;
            digits = value = 0;
        } else {
            return false;
        }
    }
    return part == 4;
}

/* Of a datagram the source's with rport (RFC 3581 section 4) and where the Via was not understood,
 * else sent-by's. A stream's answer goes over the connection the request came on, which its flow
 * names; only if that is gone, to the port of sent-by at the address it came from (RFC 3261 section
 * 18.2.2). */
static uint16_t response_port(const struct zsip_msg *msg, const struct zsip_path *path)
{
    const struct zsip_via *via = &msg->via;
    bool datagram = (path->flags & ZSIP_PATH_RELIABLE) == 0;
    if (datagram && (via->host.length == 0 || (via->flags & ZSIP_VIA_RPORT)))
        return path->remote.port;
    return via->port != 0 ? via->port : 5060;
}

struct zsip_path zsip_response_path(const struct zsip_endpoint *endpoint,
                                    const struct zsip_msg *msg, const struct zsip_path *path)
{
    /* The source address is what received would say, so it is right with or without it. */
    struct zsip_path out = *path;
    const struct zsip_via *via = &msg->via;
    out.remote.port = response_port(msg, path);
    if (endpoint->config.maddr && (path->flags & ZSIP_PATH_RELIABLE) == 0 &&
        zsip_slice_present(via->maddr) && out.remote.family == ZSIP_FAMILY_IPV4) {
        uint8_t ip[4];
        if (parse_ipv4(zsip_msg_view(msg, via->maddr), ip)) {
            memcpy(out.remote.ip, ip, sizeof(ip));
            out.remote.port = via->port != 0 ? via->port : 5060;
        }
    }
    return out;
}

/* ---- What a response repeats ----------------------------------------------------------------- */

static void source_refresh(struct source_text *source, const struct zsip_address *address)
{
    if (memcmp(&source->address, address, sizeof(*address)) == 0)
        return;
    source->address = *address;
    struct text text = {.at = source->received, .end = source->received + sizeof(source->received)};
    text_literal(&text, ";received=");
    zsip_text_ip(&text, address);
    source->received_bytes = (uint8_t)(text.at - source->received);
    text = (struct text){.at = source->rport, .end = source->rport + sizeof(source->rport)};
    text_literal(&text, "rport=");
    zsip_text_unsigned(&text, address->port);
    source->rport_bytes = (uint8_t)(text.at - source->rport);
}

/* Whether sent-by is a name or another address than the packet's source (RFC 3261 section 18.2.1),
 * or rport asks for it (RFC 3581 section 4). An IPv6 address in another spelling than ours counts
 * as another: an unneeded received does no harm. */
static bool received_needed(const struct source_text *source, const struct zsip_msg *msg)
{
    const unsigned prefix = sizeof(";received=") - 1;
    const struct zsip_via *via = &msg->via;
    if (via->flags & ZSIP_VIA_RPORT)
        return true;
    struct zsip_view ip = {source->received + prefix, (size_t)source->received_bytes - prefix};
    return !view_equal(zsip_msg_view(msg, via->host), ip);
}

struct edit {
    uint32_t from;
    uint32_t to;
    struct zsip_view with;
};

/* A received parameter that came with the request is not ours: it goes, with its semicolon. */
static struct edit received_removal(const struct zsip_msg *msg)
{
    uint32_t from = msg->via.received.offset;
    uint32_t to = from + msg->via.received.length;
    while (from > msg->via.whole.offset && msg->data[from] != ';')
        from--;
    if (to < (uint32_t)msg->via.whole.offset + msg->via.whole.length && msg->data[to] == ']')
        to++;
    /* Nothing in its place, but not NULL, which memcpy may not be given. */
    return (struct edit){.from = from, .to = to, .with = ZSIP_VIEW("")};
}

/* Pieces of a header section are short and of all lengths: they are copied in steps of this many
 * bytes, and what is copied too much is written over by the next piece. */
#define STEP 32u

/* What stands below writes without looking at the room, which zsip_response_echo has done. */
struct echo {
    const struct zsip_msg *msg;
    const uint8_t *data;
    uint32_t wide_end; /* a piece that ends up to here may be read in whole steps */
};

static inline uint8_t *put(const struct echo *echo, uint32_t from, uint32_t to, uint8_t *at)
{
    const uint8_t *data = echo->data + from, *end = echo->data + to;
    uint8_t *behind = at + (to - from);
    if (from == to)
        return at;
    if (__builtin_expect(to > echo->wide_end, 0)) {
        memcpy(at, data, to - from);
        return behind;
    }
    do {
        memcpy(at, data, STEP);
        at += STEP;
        data += STEP;
    } while (data < end);
    return behind;
}

static inline uint8_t *put_crlf(uint8_t *at)
{
    memcpy(at, "\r\n", 2);
    return at + 2;
}

static inline uint8_t *put_tag(const char to_tag[ZSIP_TXN_TAG_BYTES], uint8_t *at)
{
    memcpy(at, ";tag=", 5);
    memcpy(at + 5, to_tag, ZSIP_TXN_TAG_BYTES);
    return at + 5 + ZSIP_TXN_TAG_BYTES;
}

/* The value of the top Via, which has one with received in it. */
static uint8_t *put_via_received(const struct echo *echo, uint32_t begin, uint32_t value_end,
                                 struct edit rport, uint8_t *at)
{
    struct edit edits[2] = {received_removal(echo->msg), rport};
    bool swap = rport.to > 0 && rport.from < edits[0].from;
    if (swap) {
        edits[1] = edits[0];
        edits[0] = rport;
    }
    for (unsigned i = 0; i < 2 && edits[i].to > 0; i++) {
        at = put(echo, begin, edits[i].from, at);
        memcpy(at, edits[i].with.data, edits[i].with.length);
        at += edits[i].with.length;
        begin = edits[i].to;
    }
    return put(echo, begin, value_end, at);
}

/* The row with the top Via, from begin on. One whose value was not understood is repeated as it
 * stands. The texts of the source stand in arrays of their own: a fixed size needs no call. */
static inline uint8_t *put_top_via(const struct echo *echo, const struct source_text *source,
                                   uint32_t begin, uint32_t end, uint8_t *at)
{
    const struct zsip_via *via = &echo->msg->via;
    uint32_t value_end = (uint32_t)via->whole.offset + via->whole.length;
    if (via->whole.length == 0 || value_end > end)
        return put(echo, begin, end, at);
    struct edit rport = {.with = {source->rport, 0}};
    if (via->flags & ZSIP_VIA_RPORT) {
        rport.from = via->rport.offset;
        rport.to = rport.from + via->rport.length;
        rport.with.length = source->rport_bytes;
    }
    if (zsip_slice_present(via->received)) {
        at = put_via_received(echo, begin, value_end, rport, at);
    } else if (rport.to > 0) {
        at = put(echo, begin, rport.from, at);
        memcpy(at, source->rport, sizeof(source->rport));
        at = put(echo, rport.to, value_end, at + source->rport_bytes);
    } else {
        at = put(echo, begin, value_end, at);
    }
    if (received_needed(source, echo->msg)) {
        memcpy(at, source->received, sizeof(source->received));
        at += source->received_bytes;
    }
    return put(echo, value_end, end, at);
}

#define BIT(id) (1ull << ZSIP_HEADER_##id)
#define ECHOED  (BIT(VIA) | BIT(FROM) | BIT(TO) | BIT(CALL_ID) | BIT(CSEQ))

/* What the repeated lines may be longer than they came: received, rport, the tag, and CRLF where
 * something shorter stood; and what the last step writes too much. */
#define ECHO_OWN_BYTES_MAX (64u + 16u + 32u + 2u * ZSIP_HEADERS_MAX + 64u)

/* Whether nothing but CRLF lies behind a value. Such lines that follow each other in the request
 * are repeated in one piece. */
static inline bool line_ends(const struct zsip_msg *msg, uint32_t end)
{
    uint16_t behind;
    if (end + 2u > msg->header_bytes)
        return false;
    memcpy(&behind, msg->data + end, sizeof(behind));
    return memcmp(&behind, "\r\n", sizeof(behind)) == 0;
}

/* How far in the message a piece may reach that is read in whole steps. */
static uint32_t wide_end(const struct zsip_msg *msg)
{
    uint32_t bytes = msg->header_bytes;
    if (msg->fault.status == ZSIP_OK && msg->body_offset == bytes)
        bytes += msg->body_bytes;
    return bytes < STEP ? 0 : bytes - STEP + 1;
}

void zsip_response_echo(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                        const struct zsip_path *path, const char to_tag[ZSIP_TXN_TAG_BYTES],
                        struct text *text)
{
    const struct zsip_header *header = msg->headers, *last = header + msg->header_count;
    const struct echo echo = {.msg = msg, .data = msg->data, .wide_end = wide_end(msg)};
    /* A To that was not understood is repeated without a tag, which could land anywhere. */
    bool tagless = !zsip_slice_present(msg->to.tag) && msg->to.whole.length > 0;
    uint64_t wanted = ECHOED, edited = BIT(VIA) | (tagless ? BIT(TO) : 0);
    uint32_t from = 0, to = 0; /* what is to be repeated, but not written yet */
    if (msg->header_count == 0)
        return;
    size_t bytes_max = (size_t)last[-1].value.offset + last[-1].value.length + ECHO_OWN_BYTES_MAX;
    if (text->over || (size_t)(text->end - text->at) < bytes_max) {
        text->over = true;
        return;
    }
    source_refresh(&endpoint->source, &path->remote);
    uint8_t *at = text->at;
    for (; header < last; header++) {
        unsigned id = header->id;
        if ((wanted >> id & 1) == 0)
            continue;
        uint32_t begin = header->name_offset;
        uint32_t end = (uint32_t)header->value.offset + header->value.length;
        wanted = (wanted & ~(1ull << id)) | BIT(VIA);
        if (begin != to) {
            at = put(&echo, from, to, at);
            from = begin;
        }
        to = end + 2;
        if (__builtin_expect((edited >> id & 1) == 0, 1)) {
            if (__builtin_expect(line_ends(msg, end), 1))
                continue;
            at = put(&echo, from, end, at);
        } else if (id == ZSIP_HEADER_VIA) { /* the topmost */
            at = put_top_via(&echo, &endpoint->source, from, end, at);
            edited &= ~BIT(VIA);
        } else {
            at = put(&echo, from, end, at);
            at = put_tag(to_tag, at);
            edited &= ~BIT(TO);
        }
        at = put_crlf(at);
        from = to;
    }
    text->at = put(&echo, from, to, at);
}

/* ---- What it adds ---------------------------------------------------------------------------- */

void zsip_response_status_line(struct text *text, unsigned status, struct zsip_view reason)
{
    if (status == 200 && reason.length == 0) {
        text_literal(text, "SIP/2.0 200 OK\r\n");
        return;
    }
    text_literal(text, "SIP/2.0 ");
    zsip_text_unsigned(text, status);
    text_literal(text, " ");
    if (reason.length > 0)
        text_view(text, reason);
    else
        zsip_text_string(text, zsip_reason_phrase(status));
    text_literal(text, "\r\n");
}

/* Every option tag of Require: none is supported, so all are named (RFC 3261 section 8.2.2.3). */
static void write_unsupported(const struct zsip_msg *msg, struct text *text)
{
    struct zsip_cursor cursor = {0, 0};
    struct zsip_slice tag;
    bool found;
    bool first = true;
    while (zsip_token_next(msg, ZSIP_HEADER_REQUIRE, &cursor, &tag, &found, NULL) == ZSIP_OK &&
           found) {
        if (first)
            text_literal(text, "Unsupported: ");
        else
            text_literal(text, ", ");
        text_view(text, zsip_msg_view(msg, tag));
        first = false;
    }
    if (!first)
        text_literal(text, "\r\n");
}

/* Header fields that a status or method asks for; a function of request and configuration, so that
 * a regenerated response has them too. */
static void write_own_headers(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                              uint8_t method, unsigned status, struct text *text)
{
    bool capabilities = method == ZSIP_METHOD_OPTIONS && status / 100 == 2;
    if (status == 405 || status == 501 || capabilities)
        text_view(text, endpoint->allow_line);
    if (status == 415 || capabilities)
        text_view(text, endpoint->accept_lines);
    if (capabilities)
        text_literal(text, "Supported: \r\n");
    if (status == 420 && msg != NULL)
        write_unsupported(msg, text);
    if (status == 503 && endpoint->config.retry_after_s > 0) {
        text_literal(text, "Retry-After: ");
        zsip_text_unsigned(text, endpoint->config.retry_after_s);
        text_literal(text, "\r\n");
    }
}

const uint8_t *zsip_response_rest(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                                  uint8_t method, const struct answer *answer, struct text *text)
{
    text_view(text, endpoint->server_line);
    if (answer->headers.length > 0)
        text_view(text, answer->headers);
    else if (answer->status != 200 || method == ZSIP_METHOD_OPTIONS)
        write_own_headers(endpoint, msg, method, answer->status, text);
    if (answer->body.length == 0) {
        text_literal(text, "Content-Length: 0\r\n\r\n");
        return text->at - sizeof(" 0\r\n\r\n") + 1;
    }
    text_literal(text, "Content-Type: ");
    text_view(text, answer->content_type);
    text_literal(text, "\r\nContent-Length:");
    const uint8_t *pad_at = text->at;
    text_literal(text, " ");
    zsip_text_unsigned(text, answer->body.length);
    text_literal(text, "\r\n\r\n");
    text_view(text, answer->body);
    return pad_at;
}

/* Where to, as it stands in the output. The answers of one batch mostly go where the one before
 * went, and then there is nothing to compare. */
static const struct zsip_path *reply_path(struct zsip_endpoint *endpoint,
                                          const struct zsip_msg *msg, const struct zsip_path *path)
{
    struct reply *reply = &endpoint->reply;
    if (!endpoint->config.maddr && reply->received == path && reply->sent != NULL &&
        reply->sent == zsip_output_last_path(&endpoint->output) &&
        reply->sent->remote.port == response_port(msg, path))
        return reply->sent;
    struct zsip_path to = zsip_response_path(endpoint, msg, path);
    const struct zsip_path *sent = zsip_output_path(&endpoint->output, &to);
    *reply = (struct reply){.received = path, .sent = sent};
    return sent;
}

bool zsip_response_write(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                         const struct zsip_path *path, const struct zsip_txn_key *key,
                         const struct answer *answer)
{
    struct text text = zsip_output_begin(&endpoint->output);
    char tag[ZSIP_TXN_TAG_BYTES];
    zsip_txn_to_tag(key, tag);
    zsip_response_status_line(&text, answer->status, answer->reason);
    zsip_response_echo(endpoint, msg, path, tag, &text);
    const uint8_t *pad_at = zsip_response_rest(endpoint, msg, msg->method, answer, &text);
    if (text.over) {
        COUNT(endpoint->stats.output_full, 1);
        return false;
    }
    zsip_output_end(&endpoint->output, &text, pad_at, reply_path(endpoint, msg, path), 0);
    return true;
}
