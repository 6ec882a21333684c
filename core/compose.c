/* The text of a request of ours: RFC 3261 section 8.1.1, RFC 3428 section 4. */
#include "core/core.h"

#include "txn/siphash.h"

static const char *transport_token(uint8_t transport)
{
    switch (transport) {
    case ZSIP_TRANSPORT_TCP:
        return "TCP";
    case ZSIP_TRANSPORT_TLS:
        return "TLS";
    case ZSIP_TRANSPORT_WS:
        return "WS";
    case ZSIP_TRANSPORT_WSS:
        return "WSS";
    default:
        return "UDP";
    }
}

/* 128 bits that nobody can foresee who has not the seed: a keyed hash of a counter, under a secret
 * of its own (RFC 3261 sections 8.1.1.4 and 19.3 want Call-IDs and tags cryptographically
 * random). */
static void text_random_id(struct zsip_endpoint *endpoint, unsigned words, struct text *text)
{
    struct zsip_siphash hash;
    uint64_t counter = ++endpoint->ids_drawn;
    zsip_siphash_begin(&hash, zsip_siphash_secret(endpoint->id_secret));
    zsip_siphash_update(&hash, (const uint8_t *)&counter, sizeof(counter));
    struct zsip_siphash_value value = zsip_siphash_end(&hash);
    zsip_text_hex(text, value.low, 16);
    if (words > 1)
        zsip_text_hex(text, value.high, 16);
}

/* A URI alone is put in angle brackets, so that its parameters stay its own (section 20.10). */
static void text_party(struct zsip_view party, struct text *text)
{
    bool bare = memchr(party.data, '<', party.length) == NULL;
    if (bare)
        text_literal(text, "<");
    text_view(text, party);
    if (bare)
        text_literal(text, ">");
}

/* The URI of a name-addr, or the whole of an addr-spec. */
static struct zsip_view party_uri(struct zsip_view party)
{
    const uint8_t *open = memchr(party.data, '<', party.length);
    if (open == NULL)
        return party;
    const uint8_t *begin = open + 1;
    size_t left = (size_t)(party.data + party.length - begin);
    const uint8_t *close = memchr(begin, '>', left);
    /* Nothing may follow: a tag is ours to give (section 8.1.1.3). */
    if (close == NULL || close != party.data + party.length - 1)
        return (struct zsip_view){NULL, 0};
    return (struct zsip_view){begin, (size_t)(close - begin)};
}

static bool uri_valid(struct zsip_view text, struct zsip_uri *uri)
{
    if (text.length == 0 || text.length > 4096)
        return false;
    struct zsip_slice slice = {0, (uint16_t)text.length};
    return zsip_uri_parse(text.data, slice, uri, NULL) == ZSIP_OK;
}

static bool party_valid(struct zsip_view party)
{
    struct zsip_uri uri;
    return party.length > 0 && zsip_text_line_valid(party) && uri_valid(party_uri(party), &uri);
}

/* The Request-URI carries no headers (sections 19.1.1, 19.1.5): who wants them in the request gives
 * them as header fields. */
static bool target_valid(struct zsip_view target)
{
    struct zsip_uri uri;
    return uri_valid(target, &uri) && !zsip_slice_present(uri.headers);
}

static bool method_valid(struct zsip_view method)
{
    for (size_t i = 0; i < method.length; i++) {
        uint8_t c = method.data[i];
        if (c <= ' ' || c >= 0x7f || memchr("()<>@,;:\\\"/[]?={}", c, 17) != NULL)
            return false;
    }
    return method.length > 0 && method.length <= 64;
}

static enum zsip_status send_valid(const struct zsip_send *send, enum zsip_method method)
{
    if (method == ZSIP_METHOD_INVITE || method == ZSIP_METHOD_ACK || method == ZSIP_METHOD_CANCEL)
        return ZSIP_ERROR_UNSUPPORTED; /* transactions of another kind */
    bool ok = method_valid(send->method) && target_valid(send->target) && party_valid(send->from) &&
              party_valid(send->to) && zsip_text_line_valid(send->route) &&
              zsip_text_line_valid(send->content_type) &&
              zsip_text_headers_valid(send->headers, method != ZSIP_METHOD_MESSAGE) &&
              send->expires_s <= UINT32_MAX;
    return ok ? ZSIP_OK : ZSIP_ERROR_ARGUMENT;
}

static void write_head(struct zsip_endpoint *endpoint, const struct zsip_send *send,
                       struct request *request, struct text *text)
{
    const uint8_t *begin = text->at;
    text_view(text, send->method);
    text_literal(text, " ");
    request->target_offset = (uint16_t)(text->at - begin);
    request->target_bytes = (uint16_t)send->target.length;
    text_view(text, send->target);
    text_literal(text, " SIP/2.0\r\nVia: SIP/2.0/");
    zsip_text_string(text, transport_token(send->path.transport));
    text_literal(text, " ");
    text_bytes(text, endpoint->sent_by, endpoint->sent_by_bytes);
    text_literal(text, ";branch=");
    request->branch_at = (uint32_t)(text->at - begin);
    static const char blank[ZSIP_TXN_BRANCH_BYTES + 1] =
        "                                             ";
    text_bytes(text, blank, ZSIP_TXN_BRANCH_BYTES);
    text_literal(text, ";rport");
    /* RFC 5923 section 5: the peer may send its requests to sent-by over this connection. */
    if (endpoint->aliasing.alias != NULL && send->path.transport == ZSIP_TRANSPORT_TCP)
        text_literal(text, ";alias");
    text_literal(text, "\r\nMax-Forwards: 70\r\n");
    if (send->route.length > 0) {
        text_literal(text, "Route: ");
        text_view(text, send->route);
        text_literal(text, "\r\n");
    }
    text_literal(text, "From: ");
    text_party(send->from, text);
    text_literal(text, ";tag=");
    text_random_id(endpoint, 1, text);
    text_literal(text, "\r\nTo: ");
    text_party(send->to, text);
    text_literal(text, "\r\nCall-ID: ");
    text_random_id(endpoint, 2, text);
    text_literal(text, "\r\nCSeq: 1 ");
    text_view(text, send->method);
    text_literal(text, "\r\n");
}

static void write_rest(const struct zsip_endpoint *endpoint, const struct zsip_send *send,
                       struct request *request, const uint8_t *begin, struct text *text)
{
    if (send->expires_s > 0) { /* RFC 3428 section 4 */
        text_literal(text, "Date: ");
        zsip_text_date(text, endpoint->utc_s);
        text_literal(text, "\r\n");
    }
    if (send->expires_s >= 0) {
        text_literal(text, "Expires: ");
        zsip_text_unsigned(text, (uint64_t)send->expires_s);
        text_literal(text, "\r\n");
    }
    if (endpoint->config.server.length > 0) {
        text_literal(text, "User-Agent: ");
        text_view(text, endpoint->config.server);
        text_literal(text, "\r\n");
    }
    text_view(text, send->headers);
    if (send->body.length > 0) {
        text_literal(text, "Content-Type: ");
        text_view(text, send->content_type);
        text_literal(text, "\r\n");
    }
    text_literal(text, "Content-Length:");
    request->pad_at = (uint32_t)(text->at - begin);
    text_literal(text, " ");
    zsip_text_unsigned(text, send->body.length);
    text_literal(text, "\r\n\r\n");
    text_view(text, send->body);
}

/* RFC 3428 section 8 first: MESSAGE, on any transport. Then RFC 3261 section 18.1.1: what is too
 * large for UDP goes over TCP; without TCP only who vouches for the way may send it. */
static enum zsip_status size_check(struct zsip_endpoint *endpoint, const struct zsip_send *send,
                                   struct request *request)
{
    bool vouched = (send->flags & ZSIP_SEND_VOUCHED) != 0;
    if (request->method == ZSIP_METHOD_MESSAGE && !vouched &&
        request->byte_count > ZSIP_MESSAGE_BYTES_MAX)
        return ZSIP_ERROR_SIZE;
    if (!zsip_size_over(endpoint, &send->path, request->byte_count, send->path_mtu))
        return ZSIP_OK;
    if (zsip_size_switches(endpoint) &&
        zsip_size_refuses(endpoint, &send->path.remote, request->byte_count))
        return ZSIP_OK;
    if (zsip_size_switches(endpoint))
        request->over_tcp = zsip_size_via(request->bytes, request->byte_count, "TCP");
    return request->over_tcp || vouched ? ZSIP_OK : ZSIP_ERROR_SIZE;
}

enum zsip_status zsip_compose(struct zsip_endpoint *endpoint, const struct zsip_send *given,
                              struct request *request, size_t capacity)
{
    struct zsip_send send = *given;
    if (send.method.length == 0)
        send.method = ZSIP_VIEW("MESSAGE");
    if (send.to.length == 0)
        send.to = send.target;
    if (send.content_type.length == 0)
        send.content_type = ZSIP_VIEW("text/plain");
    enum zsip_method method = zsip_method_by_name(send.method);
    enum zsip_status status = send_valid(&send, method);
    if (status != ZSIP_OK)
        return status;
    struct text text = {.at = request->bytes, .end = request->bytes + capacity};
    write_head(endpoint, &send, request, &text);
    write_rest(endpoint, &send, request, request->bytes, &text);
    if (text.over)
        return ZSIP_ERROR_TOO_LARGE;
    request->method = (uint8_t)method;
    request->byte_count = (uint32_t)(text.at - request->bytes);
    return size_check(endpoint, &send, request);
}
