/* Header fields read to their end, each by the function that reads it.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/abnf.h"
#include "tests/parser/judge.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct zsip_msg *abnf_parsed(const char *text, size_t bytes)
{
    static struct zsip_msg *msg;
    msg = msg != NULL ? msg : msg_new();
    zsip_parse(msg, (const uint8_t *)text, bytes, 0);
    return msg;
}

/* A message that is one row, its last byte the last of what may be read. */
static struct zsip_msg *row_of(const uint8_t *data, size_t bytes, enum zsip_header_id id)
{
    static struct zsip_msg *msg;
    static uint8_t room[ZSIP_HEADER_SECTION_BYTES_MAX + 8];
    uint8_t *text = room + sizeof(room) - bytes - 5;
    msg = msg != NULL ? msg : msg_new();
    cr_assert_leq(bytes, ZSIP_HEADER_SECTION_BYTES_MAX - 5);
    text[0] = ':';
    memcpy(text + 1, data, bytes);
    memcpy(text + 1 + bytes, "\r\n\r\n", 4);
    msg_of_value(msg, text, bytes + 5, id, (struct zsip_slice){1, (uint16_t)bytes});
    return msg;
}

typedef enum zsip_status read_function(const struct zsip_msg *msg, enum zsip_header_id id,
                                       struct zsip_cursor *cursor, bool *found);

static enum zsip_status read_token(const struct zsip_msg *msg, enum zsip_header_id id,
                                   struct zsip_cursor *cursor, bool *found)
{
    struct zsip_slice token;
    return zsip_token_next(msg, id, cursor, &token, found, NULL);
}

static enum zsip_status read_value(const struct zsip_msg *msg, enum zsip_header_id id,
                                   struct zsip_cursor *cursor, bool *found)
{
    struct zsip_value value;
    return zsip_value_next(msg, id, cursor, &value, found, NULL);
}

static enum zsip_status read_warning(const struct zsip_msg *msg, enum zsip_header_id id,
                                     struct zsip_cursor *cursor, bool *found)
{
    struct zsip_warning warning;
    (void)id;
    return zsip_warning_next(msg, cursor, &warning, found, NULL);
}

static enum zsip_status read_product(const struct zsip_msg *msg, enum zsip_header_id id,
                                     struct zsip_cursor *cursor, bool *found)
{
    struct zsip_product product;
    (void)id;
    return zsip_product_next(msg->data, msg->headers[0].value, &cursor->offset, &product, found,
                             NULL);
}

static enum zsip_status read_seconds(const struct zsip_msg *msg, enum zsip_header_id id,
                                     struct zsip_cursor *cursor, bool *found)
{
    uint32_t seconds;
    (void)id, (void)cursor;
    *found = false;
    return zsip_delta_seconds(msg->data, msg->headers[0].value, &seconds, NULL);
}

static enum zsip_status read_date(const struct zsip_msg *msg, enum zsip_header_id id,
                                  struct zsip_cursor *cursor, bool *found)
{
    int64_t utc_s;
    (void)id, (void)cursor;
    *found = false;
    return zsip_date(msg->data, msg->headers[0].value, &utc_s, NULL);
}

static enum zsip_status read_retry_after(const struct zsip_msg *msg, enum zsip_header_id id,
                                         struct zsip_cursor *cursor, bool *found)
{
    struct zsip_retry_after retry;
    (void)id, (void)cursor;
    *found = false;
    return zsip_retry_after(msg->data, msg->headers[0].value, &retry, NULL);
}

static enum zsip_status read_timestamp(const struct zsip_msg *msg, enum zsip_header_id id,
                                       struct zsip_cursor *cursor, bool *found)
{
    struct zsip_timestamp stamp;
    (void)id, (void)cursor;
    *found = false;
    return zsip_timestamp(msg->data, msg->headers[0].value, &stamp, NULL);
}

/* That a parameter stands twice, and what is about a parameter's value alone, no rule can say. */
static enum zsip_status sayable(enum zsip_status status, const struct zsip_fault *fault)
{
    size_t length = status != ZSIP_OK ? strlen(fault->rule) : 0;
    bool unsayable = length > 5 && (strcmp(fault->rule + length - 5, "twice") == 0 ||
                                    strcmp(fault->rule, "nonce-count") == 0);
    return unsayable ? ZSIP_ERROR_STATE : status;
}

static enum zsip_status read_auth(const struct zsip_msg *msg, enum zsip_header_id id,
                                  struct zsip_cursor *cursor, bool *found)
{
    struct zsip_auth auth;
    struct zsip_fault fault;
    (void)cursor;
    *found = false;
    enum zsip_status status = zsip_auth_parse(msg->data, msg->headers[0].value, id, &auth, &fault);
    return sayable(status, &fault);
}

static enum zsip_status read_via(const struct zsip_msg *msg, enum zsip_header_id id,
                                 struct zsip_cursor *cursor, bool *found)
{
    struct zsip_via via;
    struct zsip_fault fault;
    (void)id;
    enum zsip_status status = sayable(zsip_via_next(msg, cursor, &via, found, &fault), &fault);
    /* A number out of range, behind which nothing is read. */
    return status == ZSIP_ERROR_RANGE ? ZSIP_ERROR_STATE : status;
}

static enum zsip_status read_party(const struct zsip_msg *msg, enum zsip_header_id id,
                                   struct zsip_cursor *cursor, bool *found)
{
    struct zsip_party party;
    struct zsip_fault fault;
    return sayable(zsip_party_next(msg, id, cursor, &party, found, &fault), &fault);
}

/* A field of the one pass, in the last row of a message that is good but for it. */
static enum zsip_status read_in_message(const struct zsip_msg *msg, enum zsip_header_id id,
                                        struct zsip_cursor *cursor, bool *found)
{
    static const struct {
        enum zsip_header_id id;
        const char *line;
    } lines[] = {{ZSIP_HEADER_VIA, "Via: SIP/2.0/UDP h\r\n"},
                 {ZSIP_HEADER_FROM, "From: <sip:a@b>\r\n"},
                 {ZSIP_HEADER_TO, "To: <sip:a@b>\r\n"},
                 {ZSIP_HEADER_CALL_ID, "Call-ID: a\r\n"},
                 {ZSIP_HEADER_CSEQ, "CSeq: 1 MESSAGE\r\n"}};
    char text[2048] = "MESSAGE sip:a@b SIP/2.0\r\n";
    struct zsip_view value = zsip_msg_view(msg, msg->headers[0].value);
    (void)cursor;
    *found = false;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        strcat(text, lines[i].id != id ? lines[i].line : "");
    size_t row = strlen(text);
    size_t bytes = row + (size_t)sprintf(text + row, "%s: ", zsip_header_name(id));
    memcpy(text + bytes, value.data, value.length);
    memcpy(text + bytes + value.length, "\r\n\r\n", 4);
    const struct zsip_fault *fault = &abnf_parsed(text, bytes + value.length + 4)->fault;
    /* Whether it fits the rest of the message no rule can say either. */
    if (fault->status == ZSIP_ERROR_MISMATCH || fault->status == ZSIP_ERROR_LENGTH)
        return ZSIP_OK;
    cr_assert(fault->status == ZSIP_OK || fault->offset >= row, "%s", text);
    return sayable(fault->status, fault);
}

static read_function *reader_of(enum zsip_header_id id)
{
    switch (id) {
    case ZSIP_HEADER_ACCEPT:
    case ZSIP_HEADER_ACCEPT_ENCODING:
    case ZSIP_HEADER_ACCEPT_LANGUAGE:
    case ZSIP_HEADER_CONTENT_DISPOSITION:
    case ZSIP_HEADER_REASON:
    case ZSIP_HEADER_EVENT:
    case ZSIP_HEADER_SUBSCRIPTION_STATE:
        return read_value;
    case ZSIP_HEADER_AUTHORIZATION:
    case ZSIP_HEADER_PROXY_AUTHORIZATION:
    case ZSIP_HEADER_WWW_AUTHENTICATE:
    case ZSIP_HEADER_PROXY_AUTHENTICATE:
    case ZSIP_HEADER_AUTHENTICATION_INFO:
        return read_auth;
    case ZSIP_HEADER_DATE:
        return read_date;
    case ZSIP_HEADER_EXPIRES:
    case ZSIP_HEADER_MIN_EXPIRES:
    case ZSIP_HEADER_MAX_BREADTH:
    case ZSIP_HEADER_FLOW_TIMER:
        return read_seconds;
    case ZSIP_HEADER_RETRY_AFTER:
        return read_retry_after;
    case ZSIP_HEADER_TIMESTAMP:
        return read_timestamp;
    case ZSIP_HEADER_SERVER:
    case ZSIP_HEADER_USER_AGENT:
        return read_product;
    case ZSIP_HEADER_WARNING:
        return read_warning;
    case ZSIP_HEADER_VIA:
        return read_via;
    case ZSIP_HEADER_FROM:
    case ZSIP_HEADER_TO:
    case ZSIP_HEADER_CALL_ID:
    case ZSIP_HEADER_CSEQ:
    case ZSIP_HEADER_MAX_FORWARDS:
    case ZSIP_HEADER_CONTENT_LENGTH:
    case ZSIP_HEADER_CONTENT_TYPE:
        return read_in_message;
    case ZSIP_HEADER_CONTACT:
    case ZSIP_HEADER_ROUTE:
    case ZSIP_HEADER_RECORD_ROUTE:
    case ZSIP_HEADER_PATH:
    case ZSIP_HEADER_SERVICE_ROUTE:
    case ZSIP_HEADER_REPLY_TO:
    case ZSIP_HEADER_P_ASSERTED_IDENTITY:
    case ZSIP_HEADER_P_PREFERRED_IDENTITY:
    case ZSIP_HEADER_REFER_TO:
    case ZSIP_HEADER_REFERRED_BY:
    case ZSIP_HEADER_CALL_INFO:
    case ZSIP_HEADER_ALERT_INFO:
    case ZSIP_HEADER_ERROR_INFO:
        return read_party;
    default:
        return read_token;
    }
}

enum zsip_status abnf_read_all(enum zsip_header_id id, const uint8_t *data, size_t bytes)
{
    const struct zsip_msg *msg = row_of(data, bytes, id);
    struct zsip_cursor cursor = {0, 0};
    read_function *read = reader_of(id);
    bool found = true;
    enum zsip_status status = ZSIP_OK;
    for (size_t i = 0; found && status == ZSIP_OK && i <= bytes + 1; i++) {
        status = read(msg, id, &cursor, &found);
    }
    return status;
}

bool abnf_may_be_empty(enum zsip_header_id id)
{
    return reader_of(id) == read_token || reader_of(id) == read_value;
}
