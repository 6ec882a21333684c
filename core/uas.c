/* The server side: RFC 3261 section 8.2 in its order, RFC 3428 section 7. */
#include "core/core.h"

/* ---- Answers of the endpoint itself ---------------------------------------------------------- */

void zsip_uas_count_answer(struct zsip_endpoint *endpoint, unsigned status)
{
    struct zsip_endpoint_stats *stats = &endpoint->stats;
    ZSIP_ASSERT(status >= 100 && status < 700);
    if (status / 100 == 2) { /* what nearly all are */
        COUNT(stats->answered_2xx, 1);
        return;
    }
    uint64_t *counters[] = {&stats->answered_1xx, &stats->answered_2xx, &stats->answered_3xx,
                            &stats->answered_4xx, &stats->answered_5xx, &stats->answered_6xx};
    COUNT(*counters[status / 100 - 1], 1);
}

/* Sends an answer that leaves no trace: its To tag is a function of the request, so that a copy
 * gets the same (RFC 3261 section 8.2.7). */
static void answer_stateless(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                             const struct zsip_path *path, const struct zsip_txn_key *key,
                             const struct answer *answer)
{
    if (zsip_response_write(endpoint, msg, path, key, answer))
        zsip_uas_count_answer(endpoint, answer->status);
}

static void refuse_full(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                        const struct zsip_path *path, const struct zsip_txn_key *key)
{
    COUNT(endpoint->stats.refused_full, 1);
    answer_stateless(endpoint, msg, path, key, &(struct answer){.status = 503});
}

enum zsip_status zsip_uas_answer(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                                 const struct zsip_path *path, const struct zsip_txn_key *key,
                                 const struct answer *answer)
{
    struct zsip_view delta = {NULL, 0};
    if (!answer_is_plain(answer)) {
        delta.data = endpoint->scratch;
        delta.length = zsip_answer_encode(answer, endpoint->scratch, sizeof(endpoint->scratch));
    }
    enum zsip_status status =
        zsip_txn_answer(endpoint->txn, key, answer->status, delta, endpoint->now_ns);
    if (status != ZSIP_OK) {
        refuse_full(endpoint, msg, path, key);
        return ZSIP_ERROR_FULL;
    }
    zsip_uas_count_answer(endpoint, answer->status);
    if (!zsip_response_write(endpoint, msg, path, key, answer))
        return ZSIP_ERROR_FULL; /* the copy that comes for want of it is answered */
    return ZSIP_OK;
}

static void answer_status(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                          const struct zsip_path *path, const struct zsip_txn_key *key,
                          unsigned status)
{
    zsip_uas_answer(endpoint, msg, path, key, &(struct answer){.status = status});
}

/* ---- Malformed requests ---------------------------------------------------------------------- */

static void count_fault(struct zsip_endpoint *endpoint, enum zsip_status status)
{
    struct zsip_endpoint_stats *stats = &endpoint->stats;
    switch (status) {
    case ZSIP_ERROR_VERSION:
        COUNT(stats->fault_version, 1);
        break;
    case ZSIP_ERROR_MISSING:
        COUNT(stats->fault_missing, 1);
        break;
    case ZSIP_ERROR_DUPLICATE:
        COUNT(stats->fault_duplicate, 1);
        break;
    case ZSIP_ERROR_MISMATCH:
        COUNT(stats->fault_mismatch, 1);
        break;
    case ZSIP_ERROR_RANGE:
        COUNT(stats->fault_range, 1);
        break;
    case ZSIP_ERROR_LENGTH:
        COUNT(stats->fault_length, 1);
        break;
    case ZSIP_ERROR_TOO_MANY:
    case ZSIP_ERROR_TOO_LARGE:
        COUNT(stats->fault_size, 1);
        break;
    case ZSIP_ERROR_TRUNCATED:
        COUNT(stats->fault_truncated, 1);
        break;
    default:
        COUNT(stats->fault_syntax, 1);
        break;
    }
}

/* A reason phrase that names the fault (RFC 3261 section 21.4.1). */
static void write_fault_reason(const struct zsip_fault *fault, struct text *text)
{
    const char *before = "Malformed ";
    const char *after = "";
    switch (fault->status) {
    case ZSIP_ERROR_MISSING:
        before = "Missing ";
        break;
    case ZSIP_ERROR_DUPLICATE:
        before = "Duplicate ";
        break;
    case ZSIP_ERROR_RANGE:
        before = "";
        after = " Out Of Range";
        break;
    case ZSIP_ERROR_MISMATCH:
        zsip_text_string(text, "CSeq Method Differs From Request Method");
        return;
    case ZSIP_ERROR_LENGTH:
        zsip_text_string(text, "Content-Length And Body Disagree");
        return;
    case ZSIP_ERROR_TRUNCATED:
        zsip_text_string(text, "Header Section Without End");
        return;
    default:
        break;
    }
    zsip_text_string(text, before);
    zsip_text_string(text, fault->rule != NULL ? fault->rule : "Request");
    zsip_text_string(text, after);
}

void zsip_uas_malformed(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                        const struct zsip_path *path)
{
    count_fault(endpoint, msg->fault.status);
    if (msg->kind == ZSIP_KIND_RESPONSE) {
        COUNT(endpoint->stats.malformed_responses, 1);
        return;
    }
    bool addressable = msg->kind == ZSIP_KIND_REQUEST && zsip_msg_has(msg, ZSIP_HEADER_VIA);
    if (msg->kind == ZSIP_KIND_REQUEST && msg->method == ZSIP_METHOD_ACK)
        addressable = false; /* an ACK is never answered */
    if (!addressable) {
        COUNT(endpoint->stats.malformed_other, 1);
        return;
    }
    COUNT(endpoint->stats.malformed_requests, 1);
    unsigned status = zsip_status_code(msg->fault.status);
    uint8_t reason[160];
    struct text text = {.at = reason, .end = reason + sizeof(reason)};
    if (status == 400)
        write_fault_reason(&msg->fault, &text);
    struct answer answer = {.status = status == 0 ? 400 : status,
                            .reason = {reason, (size_t)(text.at - reason)}};
    answer_stateless(endpoint, msg, path, zsip_uas_key(endpoint, msg, path), &answer);
}

/* ---- New requests ---------------------------------------------------------------------------- */

void zsip_uas_identity(const struct zsip_msg *msg, const struct zsip_path *path,
                       struct zsip_txn_request *identity)
{
    identity->call_id = zsip_msg_view(msg, msg->call_id);
    identity->from_tag = zsip_msg_view(msg, msg->from.tag);
    identity->branch = zsip_msg_view(msg, msg->via.branch);
    identity->sent_by = zsip_msg_view(msg, msg->via.sent_by);
    identity->cseq = msg->cseq_number;
    identity->method = msg->method;
    identity->cancel = msg->method == ZSIP_METHOD_CANCEL;
    identity->branch_has_cookie = (msg->via.flags & ZSIP_VIA_COOKIE) != 0;
    identity->to_tag_present = zsip_slice_present(msg->to.tag);
    identity->reliable = (path->flags & ZSIP_PATH_RELIABLE) != 0;
    /* What is not looked at is not set: this is done for every request. */
    if (identity->method == ZSIP_METHOD_UNKNOWN)
        identity->method_name = zsip_msg_view(msg, msg->method_name);
    if (!identity->branch_has_cookie) {
        identity->request_uri = zsip_msg_view(msg, msg->request_uri.whole);
        identity->to_tag = zsip_msg_view(msg, msg->to.tag);
        identity->top_via = zsip_msg_view(msg, msg->via.whole);
    }
}

const struct zsip_txn_key *zsip_uas_key(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                                        const struct zsip_path *path)
{
    struct zsip_txn_request identity;
    zsip_uas_identity(msg, path, &identity);
    zsip_txn_keys(endpoint->txn, &identity, 1, &endpoint->key);
    return &endpoint->key;
}

static bool method_answered(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg)
{
    if (msg->method == ZSIP_METHOD_INVITE)
        return false;
    if (endpoint->config.methods_any)
        return true;
    if (msg->method != ZSIP_METHOD_UNKNOWN && msg->method < 64)
        return (endpoint->methods_known >> msg->method & 1) != 0;
    return zsip_text_list_has(endpoint->config.methods, zsip_msg_view(msg, msg->method_name),
                              false);
}

static bool scheme_served(uint8_t scheme)
{
    return scheme == ZSIP_SCHEME_SIP || scheme == ZSIP_SCHEME_SIPS || scheme == ZSIP_SCHEME_IM ||
           scheme == ZSIP_SCHEME_TEL;
}

/* Content-Disposition with handling=optional: a body we may pass over (RFC 3261 section 8.2.3). */
static bool content_optional(const struct zsip_msg *msg)
{
    if (!zsip_msg_has(msg, ZSIP_HEADER_CONTENT_DISPOSITION))
        return false;
    struct zsip_slice value =
        msg->headers[zsip_msg_find(msg, ZSIP_HEADER_CONTENT_DISPOSITION, 0)].value;
    const uint8_t *semicolon = memchr(msg->data + value.offset, ';', value.length);
    if (semicolon == NULL)
        return false;
    uint16_t offset = (uint16_t)(semicolon - msg->data);
    struct zsip_slice params = {offset, (uint16_t)(value.offset + value.length - offset)};
    struct zsip_slice handling;
    return zsip_param_find(msg->data, params, "handling", &handling) &&
           zsip_text_equal_fold(zsip_msg_view(msg, handling), ZSIP_VIEW("optional"));
}

/* Only the identity encoding is understood. */
static bool encodings_taken(const struct zsip_msg *msg)
{
    if (!zsip_msg_has(msg, ZSIP_HEADER_CONTENT_ENCODING))
        return true;
    struct zsip_cursor cursor = {0, 0};
    struct zsip_slice encoding;
    bool found;
    while (zsip_token_next(msg, ZSIP_HEADER_CONTENT_ENCODING, &cursor, &encoding, &found, NULL) ==
               ZSIP_OK &&
           found) {
        if (!zsip_text_equal_fold(zsip_msg_view(msg, encoding), ZSIP_VIEW("identity")))
            return false;
    }
    return true;
}

/* Whether the body's type is among the accepted ones: "*" "/" "*", "type/" "*" or "type/subtype".
 */
static bool type_taken(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg)
{
    struct zsip_view accept = endpoint->config.accept;
    if (accept.length == 0)
        return true;
    struct zsip_view type = zsip_msg_view(msg, msg->content_type.type);
    struct zsip_view subtype = zsip_msg_view(msg, msg->content_type.subtype);
    uint8_t name[256];
    struct text text = {.at = name, .end = name + sizeof(name)};
    text_view(&text, type);
    text_literal(&text, "/");
    uint8_t *behind_slash = text.at;
    text_view(&text, subtype);
    if (text.over || type.length == 0)
        return false;
    if (zsip_text_list_has(accept, ZSIP_VIEW("*/*"), false) ||
        zsip_text_list_has(accept, (struct zsip_view){name, (size_t)(text.at - name)}, true))
        return true;
    text.at = behind_slash;
    text_literal(&text, "*");
    return !text.over &&
           zsip_text_list_has(accept, (struct zsip_view){name, (size_t)(text.at - name)}, true);
}

static bool content_taken(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg)
{
    if (msg->body_bytes == 0)
        return true;
    return (type_taken(endpoint, msg) && encodings_taken(msg)) || content_optional(msg);
}

static bool requires_something(const struct zsip_msg *msg)
{
    if (!zsip_msg_has(msg, ZSIP_HEADER_REQUIRE))
        return false;
    struct zsip_cursor cursor = {0, 0};
    struct zsip_slice tag;
    bool found = false;
    enum zsip_status status =
        zsip_token_next(msg, ZSIP_HEADER_REQUIRE, &cursor, &tag, &found, NULL);
    return status != ZSIP_OK || found; /* a Require that can't be read is never ignored */
}

/* The status that RFC 3261 section 8.2 refuses this request with, checks in its order; 0: none. */
static unsigned refusal(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                        bool merged)
{
    if (!method_answered(endpoint, msg))
        return msg->method == ZSIP_METHOD_UNKNOWN ? 501 : 405;
    if (!scheme_served(msg->request_uri.scheme))
        return 416;
    if (merged && endpoint->config.merged == ZSIP_MERGED_482)
        return 482;
    if (requires_something(msg))
        return 420;
    if (!content_taken(endpoint, msg))
        return 415;
    if (zsip_slice_present(msg->to.tag) && endpoint->config.in_dialog == ZSIP_IN_DIALOG_481)
        return 481;
    return 0;
}

/* RFC 3428 section 7: Date + Expires, else receipt + Expires. Unreadable fields count as absent. */
static int64_t expiry(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg)
{
    if (!zsip_msg_has(msg, ZSIP_HEADER_EXPIRES))
        return INT64_MAX;
    uint32_t seconds;
    struct zsip_slice value = msg->headers[zsip_msg_find(msg, ZSIP_HEADER_EXPIRES, 0)].value;
    if (zsip_delta_seconds(msg->data, value, &seconds, NULL) != ZSIP_OK)
        return INT64_MAX;
    int64_t from = endpoint->utc_s;
    if (zsip_msg_has(msg, ZSIP_HEADER_DATE)) {
        int64_t date;
        value = msg->headers[zsip_msg_find(msg, ZSIP_HEADER_DATE, 0)].value;
        if (zsip_date(msg->data, value, &date, NULL) == ZSIP_OK)
            from = date;
    }
    return from + seconds;
}

/* What stands when the application neither answered nor held. */
static void answer_silence(struct zsip_endpoint *endpoint, const struct current *current)
{
    unsigned status = 500;
    if (endpoint->callbacks.request == NULL || current->msg->method == ZSIP_METHOD_OPTIONS)
        status = 200;
    else if (current->hold_status == ZSIP_ERROR_TOO_LARGE)
        status = 513;
    else if (current->hold_status == ZSIP_ERROR_FULL)
        status = 503;
    if (status == 513)
        COUNT(endpoint->stats.refused_hold, 1);
    if (status == 503)
        COUNT(endpoint->stats.refused_full, 1);
    answer_status(endpoint, current->msg, current->path, current->key, status);
}

static void deliver(struct zsip_endpoint *endpoint, const struct zsip_incoming *incoming)
{
    struct current *current = &endpoint->current;
    if (endpoint->callbacks.request != NULL)
        endpoint->callbacks.request(endpoint->user, endpoint, incoming);
    if (!current->answered && !current->held)
        answer_silence(endpoint, current);
}

/* Noted beside the hash of a request that was dropped once and begun later: from then on copies of
 * it are absorbed like all others. */
#define BEGUN 0x9e3779b97f4a7c15ull

/* Looks at the packet as it came: to read it would cost more than all the rest of dropping it. */
bool zsip_uas_sheds(struct zsip_endpoint *endpoint, uint64_t hash)
{
    struct shed *shed = &endpoint->shed;
    if (!zsip_shed_knows(shed, hash) || zsip_shed_knows(shed, hash ^ BEGUN))
        return false;
    zsip_shed_note(shed, hash, endpoint->now_ns); /* the next copy takes longer to come */
    return true;
}

/* A new request that has waited so long that its sender has sent it again, or soon will. True: it
 * was dropped or refused. */
static bool aged(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                 const struct zsip_path *path, const struct zsip_txn_key *key)
{
    struct shed *shed = &endpoint->shed;
    const struct zsip_packet *packet = endpoint->packet;
    bool old = endpoint->config.age_max_ns != 0 &&
               packet_waited(endpoint, packet, endpoint->config.age_max_ns);
    /* What comes over a stream comes once: that is refused or begun. */
    old &= endpoint->config.aged_refused || !(path->flags & ZSIP_PATH_RELIABLE);
    if (old) {
        COUNT(endpoint->stats.aged, 1);
        if (endpoint->config.aged_refused)
            answer_status(endpoint, msg, path, key, 503);
    }
    if (shed->words == NULL || !(old || shed_live(shed, endpoint->now_ns)))
        return old;
    uint64_t hash = zsip_shed_hash(shed, packet->data, packet->bytes);
    if (old)
        zsip_shed_note(shed, hash, endpoint->now_ns);
    else if (zsip_shed_knows(shed, hash))
        zsip_shed_note(shed, hash ^ BEGUN, endpoint->now_ns);
    return old;
}

/* RFC 5923 section 5: the connection stands for the address that the top Via names. */
static void take_alias(const struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                       const struct zsip_path *path)
{
    struct zsip_slice alias;
    if (endpoint->aliasing.alias == NULL || !(path->flags & ZSIP_PATH_RELIABLE) ||
        !zsip_slice_present(msg->via.params) ||
        !zsip_param_find(msg->data, msg->via.params, "alias", &alias))
        return;
    uint16_t port = msg->via.port != 0 ? msg->via.port : 5060;
    endpoint->aliasing.alias(endpoint->aliasing.user, path->flow, port);
}

static void request_new(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                        const struct zsip_path *path, const struct zsip_txn_key *key, bool merged)
{
    if (aged(endpoint, msg, path, key))
        return;
    COUNT(endpoint->stats.requests_new, 1);
    take_alias(endpoint, msg, path);
    endpoint->current = (struct current){
        .msg = msg,
        .path = path,
        .key = key,
        .handle = 1ull << 63 | ++endpoint->handles,
    };
    struct zsip_incoming incoming = {
        .msg = msg,
        .path = path,
        .now = endpoint_now(endpoint),
        .handle = endpoint->current.handle,
        .expires_utc_s = expiry(endpoint, msg),
        .in_dialog = zsip_slice_present(msg->to.tag),
    };
    incoming.expired = incoming.expires_utc_s < endpoint->utc_s;
    bool (*authenticate)(void *, struct zsip_endpoint *, const struct zsip_incoming *) =
        endpoint->callbacks.authenticate;
    if (authenticate == NULL || authenticate(endpoint->user, endpoint, &incoming)) {
        unsigned status = refusal(endpoint, msg, merged);
        if (status == 0)
            deliver(endpoint, &incoming);
        else
            answer_status(endpoint, msg, path, key, status);
    }
    endpoint->current.handle = 0;
}

/* INVITE has a transaction of another kind, which is not kept here: refused without one. Its ACK is
 * dropped like every ACK. */
static void refuse_invite(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                          const struct zsip_path *path, const struct zsip_txn_key *key)
{
    COUNT(endpoint->stats.requests_new, 1);
    answer_stateless(endpoint, msg, path, key, &(struct answer){.status = 405});
}

static void repeat_final(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                         const struct zsip_path *path, const struct zsip_txn_key *key,
                         const struct zsip_txn_match *match)
{
    struct answer answer = zsip_answer_decode(match->status, match->delta);
    if (zsip_response_write(endpoint, msg, path, key, &answer))
        COUNT(endpoint->stats.answers_repeated, 1);
}

void zsip_uas_request(struct zsip_endpoint *endpoint, const struct zsip_msg *msg,
                      const struct zsip_path *path, const struct zsip_txn_key *key)
{
    COUNT(endpoint->stats.requests_in, 1);
    if (msg->method == ZSIP_METHOD_ACK) {
        COUNT(endpoint->stats.acks_in, 1);
        return;
    }
    if (key == NULL && msg->method != ZSIP_METHOD_INVITE && msg->method != ZSIP_METHOD_CANCEL &&
        zsip_txn_server_none(endpoint->txn)) {
        zsip_txn_draw(endpoint->txn, endpoint->now_ns, &endpoint->key);
        request_new(endpoint, msg, path, &endpoint->key, false);
        return;
    }
    if (key == NULL)
        key = zsip_uas_key(endpoint, msg, path);
    if (msg->method == ZSIP_METHOD_INVITE) {
        refuse_invite(endpoint, msg, path, key);
        return;
    }
    struct zsip_txn_match match;
    enum zsip_txn_found found = zsip_txn_find(endpoint->txn, key, endpoint->now_ns, &match);
    switch (found) {
    case ZSIP_TXN_NEW:
        request_new(endpoint, msg, path, key, false);
        return;
    case ZSIP_TXN_MERGED:
        COUNT(endpoint->stats.merged, 1);
        request_new(endpoint, msg, path, key, true);
        return;
    case ZSIP_TXN_TRYING:
        COUNT(endpoint->stats.retransmissions_in, 1);
        return;
    case ZSIP_TXN_PROCEEDING:
        COUNT(endpoint->stats.retransmissions_in, 1);
        COUNT(endpoint->stats.answers_repeated, 1);
        zsip_uas_provisional(endpoint, match.server);
        return;
    case ZSIP_TXN_COMPLETED:
        COUNT(endpoint->stats.retransmissions_in, 1);
        repeat_final(endpoint, msg, path, key, &match);
        return;
    case ZSIP_TXN_CROWDED:
        answer_stateless(endpoint, msg, path, key,
                         &(struct answer){.status = key->to_tag_present ? 500u : 482u});
        return;
    case ZSIP_TXN_CANCEL_FOUND: /* no effect on a non-INVITE transaction (section 9.2) */
        COUNT(endpoint->stats.requests_new, 1);
        answer_status(endpoint, msg, path, key, 200);
        return;
    case ZSIP_TXN_CANCEL_NONE:
        COUNT(endpoint->stats.requests_new, 1);
        answer_status(endpoint, msg, path, key, 481);
        return;
    }
}
