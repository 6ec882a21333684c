/* zsip parse: the values of header fields, each read by the function that is for it. */
#include "parse.h"

#include <string.h>

/* ---- Pieces ---------------------------------------------------------------------------------- */

json_t *parse_text_json(const uint8_t *bytes, size_t length)
{
    json_t *text = json_stringn((const char *)bytes, length);
    if (text != NULL)
        return text;
    char *copy = malloc(3 * length + 1);
    size_t used = 0;
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < 0x80) {
            copy[used++] = (char)bytes[i];
        } else {
            memcpy(copy + used, "\xEF\xBF\xBD", 3);
            used += 3;
        }
    }
    text = json_stringn(copy, used);
    free(copy);
    return text;
}

void parse_slice_json(json_t *object, const char *key, const struct zsip_msg *msg,
                      struct zsip_slice slice)
{
    if (!zsip_slice_present(slice))
        return;
    json_t *value = json_object();
    json_object_set_new(value, "offset", json_integer(slice.offset));
    json_object_set_new(value, "length", json_integer(slice.length));
    json_object_set_new(value, "value", parse_text_json(msg->data + slice.offset, slice.length));
    json_object_set_new(object, key, value);
}

static void number_json(json_t *object, const char *key, uint64_t number)
{
    json_object_set_new(object, key, json_integer((json_int_t)number));
}

/* Those of the named parameters that are there; one without a value is true. */
static void params_json(json_t *object, const struct zsip_msg *msg, struct zsip_slice params,
                        const char *const *names)
{
    parse_slice_json(object, "params", msg, params);
    for (; *names != NULL; names++) {
        struct zsip_slice value;
        if (!zsip_param_find(msg->data, params, *names, &value))
            continue;
        if (zsip_slice_present(value))
            parse_slice_json(object, *names, msg, value);
        else
            json_object_set_new(object, *names, json_true());
    }
}

static json_t *uri_json(const struct zsip_msg *msg, const struct zsip_uri *uri)
{
    static const char *const names[] = {"transport", "lr",     "ob",  "maddr",
                                        "user",      "method", "ttl", NULL};
    json_t *object = json_object();
    parse_slice_json(object, "whole", msg, uri->whole);
    parse_slice_json(object, "scheme", msg, uri->scheme_name);
    parse_slice_json(object, "user", msg, uri->user);
    parse_slice_json(object, "password", msg, uri->password);
    parse_slice_json(object, "host", msg, uri->host);
    if (uri->port != 0)
        number_json(object, "port", uri->port);
    params_json(object, msg, uri->params, names);
    parse_slice_json(object, "headers", msg, uri->headers);
    return object;
}

/* ---- Lists: one element ------------------------------------------------------------------------
 *
 * Each returns the next element of the row that the cursor stands in, NULL at the end and on a
 * fault. */

static json_t *overload_json(const struct zsip_msg *msg, const struct zsip_via *via,
                             struct zsip_fault *fault)
{
    struct zsip_overload overload;
    if (zsip_via_overload(msg->data, via, &overload, fault) != ZSIP_OK)
        return NULL;
    json_t *object = json_object();
    if (overload.flags & ZSIP_OVERLOAD_OC_VALUE)
        number_json(object, "oc", overload.oc);
    number_json(object, "validity_ms", overload.validity_ms);
    parse_slice_json(object, "algorithms", msg, overload.algorithms);
    parse_slice_json(object, "sequence", msg, overload.sequence);
    return object;
}

static json_t *via_json(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                        struct zsip_fault *fault)
{
    static const char *const names[] = {"alias", "keep", NULL};
    struct zsip_via via;
    bool found;
    if (zsip_via_next(msg, cursor, &via, &found, fault) != ZSIP_OK || !found)
        return NULL;
    json_t *object = json_object();
    parse_slice_json(object, "whole", msg, via.whole);
    parse_slice_json(object, "transport", msg, via.transport_name);
    parse_slice_json(object, "host", msg, via.host);
    if (via.port != 0)
        number_json(object, "port", via.port);
    parse_slice_json(object, "branch", msg, via.branch);
    parse_slice_json(object, "received", msg, via.received);
    parse_slice_json(object, "rport", msg, via.rport);
    parse_slice_json(object, "maddr", msg, via.maddr);
    if (via.flags & ZSIP_VIA_TTL)
        number_json(object, "ttl", via.ttl);
    params_json(object, msg, via.params, names);
    if (via.flags & ZSIP_VIA_OC)
        json_object_set_new(object, "overload", overload_json(msg, &via, fault));
    return object;
}

static json_t *party_json(const struct zsip_msg *msg, enum zsip_header_id id,
                          struct zsip_cursor *cursor, struct zsip_fault *fault)
{
    static const char *const names[] = {"q", "expires", "+sip.instance", "reg-id", "purpose", NULL};
    struct zsip_party_uri address;
    const struct zsip_party *party = &address.party;
    bool found;
    if (zsip_party_uri_next(msg, id, cursor, &address, &found, fault) != ZSIP_OK || !found)
        return NULL;
    json_t *object = json_object();
    parse_slice_json(object, "whole", msg, party->whole);
    parse_slice_json(object, "display", msg, party->display);
    json_object_set_new(object, "uri", uri_json(msg, &address.uri));
    parse_slice_json(object, "tag", msg, party->tag);
    params_json(object, msg, party->params, names);
    return object;
}

/* A row that holds no element, which lists of tokens may do: the next one would be another row's.
 */
static bool is_empty(const struct zsip_msg *msg, const struct zsip_cursor *cursor)
{
    return msg->headers[cursor->row].value.length == 0;
}

static json_t *value_json(const struct zsip_msg *msg, enum zsip_header_id id,
                          struct zsip_cursor *cursor, struct zsip_fault *fault)
{
    static const char *const names[] = {"q",       "cause",  "text",        "handling", "id",
                                        "expires", "reason", "retry-after", NULL};
    struct zsip_value value;
    bool found;
    if (is_empty(msg, cursor) ||
        zsip_value_next(msg, id, cursor, &value, &found, fault) != ZSIP_OK || !found)
        return NULL;
    json_t *object = json_object();
    parse_slice_json(object, "name", msg, value.value);
    params_json(object, msg, value.params, names);
    return object;
}

static json_t *token_json(const struct zsip_msg *msg, enum zsip_header_id id,
                          struct zsip_cursor *cursor, struct zsip_fault *fault)
{
    struct zsip_slice token;
    bool found;
    if (is_empty(msg, cursor) ||
        zsip_token_next(msg, id, cursor, &token, &found, fault) != ZSIP_OK || !found)
        return NULL;
    json_t *object = json_object();
    parse_slice_json(object, "name", msg, token);
    return object;
}

static json_t *warning_json(const struct zsip_msg *msg, struct zsip_cursor *cursor,
                            struct zsip_fault *fault)
{
    struct zsip_warning warning;
    bool found;
    if (zsip_warning_next(msg, cursor, &warning, &found, fault) != ZSIP_OK || !found)
        return NULL;
    json_t *object = json_object();
    number_json(object, "code", warning.code);
    parse_slice_json(object, "agent", msg, warning.agent);
    parse_slice_json(object, "text", msg, warning.text);
    return object;
}

/* Here cursor->offset is the function's own. */
static json_t *product_json(const struct zsip_msg *msg, struct zsip_slice value,
                            struct zsip_cursor *cursor, struct zsip_fault *fault)
{
    struct zsip_product product;
    bool found;
    if (zsip_product_next(msg->data, value, &cursor->offset, &product, &found, fault) != ZSIP_OK ||
        !found)
        return NULL;
    json_t *object = json_object();
    parse_slice_json(object, "name", msg, product.name);
    parse_slice_json(object, "version", msg, product.version);
    parse_slice_json(object, "comment", msg, product.comment);
    return object;
}

/* ---- Single values --------------------------------------------------------------------------- */

static json_t *auth_json(const struct zsip_msg *msg, struct zsip_slice value,
                         enum zsip_header_id id, struct zsip_fault *fault)
{
    struct zsip_auth auth;
    struct zsip_auth_param param;
    struct zsip_fault ignored; /* of another scheme than Digest: its text is its own */
    uint32_t cursor = 0;
    bool found;
    if (zsip_auth_parse(msg->data, value, id, &auth, fault) != ZSIP_OK)
        return NULL;
    json_t *object = json_object(), *params = json_object();
    parse_slice_json(object, "scheme", msg, auth.scheme_name);
    while (zsip_auth_param_next(msg->data, auth.params, &cursor, &param, &found, &ignored) ==
               ZSIP_OK &&
           found) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)param.name.length,
                 (const char *)msg->data + param.name.offset);
        parse_slice_json(params, name, msg, param.value);
        if (!zsip_slice_present(param.value))
            json_object_set_new(params, name, json_string(""));
    }
    json_object_set_new(object, "params", params);
    return object;
}

static json_t *retry_after_json(const struct zsip_msg *msg, struct zsip_slice value,
                                struct zsip_fault *fault)
{
    static const char *const names[] = {"duration", NULL};
    struct zsip_retry_after retry;
    if (zsip_retry_after(msg->data, value, &retry, fault) != ZSIP_OK)
        return NULL;
    json_t *object = json_object();
    number_json(object, "seconds", retry.seconds);
    parse_slice_json(object, "comment", msg, retry.comment);
    params_json(object, msg, retry.params, names);
    return object;
}

static json_t *timestamp_json(const struct zsip_msg *msg, struct zsip_slice value,
                              struct zsip_fault *fault)
{
    struct zsip_timestamp stamp;
    if (zsip_timestamp(msg->data, value, &stamp, fault) != ZSIP_OK)
        return NULL;
    json_t *object = json_object();
    parse_slice_json(object, "time", msg, stamp.time);
    parse_slice_json(object, "delay", msg, stamp.delay);
    return object;
}

static json_t *seconds_json(const struct zsip_msg *msg, struct zsip_slice value,
                            struct zsip_fault *fault)
{
    uint32_t seconds;
    return zsip_delta_seconds(msg->data, value, &seconds, fault) == ZSIP_OK ? json_integer(seconds)
                                                                            : NULL;
}

static json_t *date_json(const struct zsip_msg *msg, struct zsip_slice value,
                         struct zsip_fault *fault)
{
    int64_t utc_s;
    return zsip_date(msg->data, value, &utc_s, fault) == ZSIP_OK ? json_integer(utc_s) : NULL;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static json_t *single_json(const struct zsip_msg *msg, enum zsip_header_id id,
                           struct zsip_slice value, struct zsip_fault *fault)
{
    switch (id) {
    case ZSIP_HEADER_AUTHORIZATION:
    case ZSIP_HEADER_PROXY_AUTHORIZATION:
    case ZSIP_HEADER_WWW_AUTHENTICATE:
    case ZSIP_HEADER_PROXY_AUTHENTICATE:
    case ZSIP_HEADER_AUTHENTICATION_INFO:
        return auth_json(msg, value, id, fault);
    case ZSIP_HEADER_EXPIRES:
    case ZSIP_HEADER_MIN_EXPIRES:
    case ZSIP_HEADER_MAX_BREADTH:
    case ZSIP_HEADER_FLOW_TIMER:
        return seconds_json(msg, value, fault);
    case ZSIP_HEADER_DATE:
        return date_json(msg, value, fault);
    case ZSIP_HEADER_RETRY_AFTER:
        return retry_after_json(msg, value, fault);
    case ZSIP_HEADER_TIMESTAMP:
        return timestamp_json(msg, value, fault);
    default:
        return NULL;
    }
}

static json_t *element_json(const struct zsip_msg *msg, enum zsip_header_id id,
                            struct zsip_slice value, struct zsip_cursor *cursor,
                            struct zsip_fault *fault)
{
    switch (id) {
    case ZSIP_HEADER_VIA:
        return via_json(msg, cursor, fault);
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
        return party_json(msg, id, cursor, fault);
    case ZSIP_HEADER_ACCEPT:
    case ZSIP_HEADER_ACCEPT_ENCODING:
    case ZSIP_HEADER_ACCEPT_LANGUAGE:
    case ZSIP_HEADER_CONTENT_DISPOSITION:
    case ZSIP_HEADER_REASON:
    case ZSIP_HEADER_EVENT:
    case ZSIP_HEADER_SUBSCRIPTION_STATE:
        return value_json(msg, id, cursor, fault);
    case ZSIP_HEADER_REQUIRE:
    case ZSIP_HEADER_PROXY_REQUIRE:
    case ZSIP_HEADER_SUPPORTED:
    case ZSIP_HEADER_UNSUPPORTED:
    case ZSIP_HEADER_ALLOW:
    case ZSIP_HEADER_ALLOW_EVENTS:
    case ZSIP_HEADER_CONTENT_ENCODING:
    case ZSIP_HEADER_CONTENT_LANGUAGE:
    case ZSIP_HEADER_IN_REPLY_TO:
    case ZSIP_HEADER_PRIORITY:
    case ZSIP_HEADER_SIP_ETAG:
    case ZSIP_HEADER_SIP_IF_MATCH:
        return token_json(msg, id, cursor, fault);
    case ZSIP_HEADER_WARNING:
        return warning_json(msg, cursor, fault);
    case ZSIP_HEADER_SERVER:
    case ZSIP_HEADER_USER_AGENT:
        return product_json(msg, value, cursor, fault);
    default:
        return NULL;
    }
}

json_t *parse_row_json(const struct zsip_msg *msg, unsigned row, struct zsip_fault *fault)
{
    enum zsip_header_id id = (enum zsip_header_id)msg->headers[row].id;
    struct zsip_slice value = msg->headers[row].value;
    struct zsip_cursor cursor = {row, 0};
    *fault = (struct zsip_fault){0, ZSIP_OK, ""};
    json_t *list = single_json(msg, id, value, fault), *element;
    if (list != NULL || fault->status != ZSIP_OK)
        return list;
    list = json_array();
    /* Each step moves on, so there are no more of them than bytes. */
    while (cursor.row == row && (element = element_json(msg, id, value, &cursor, fault)) != NULL)
        json_array_append_new(list, element);
    if (fault->status == ZSIP_OK && json_array_size(list) > 0)
        return list;
    json_decref(list);
    return NULL;
}
