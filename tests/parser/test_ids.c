/* Ids of header fields and methods are part of the ABI: they only ever append. What has been given
 * out stands here once more; a new field gets a line at the end.
 *
 * SPDX-License-Identifier: MIT */
#include "zsip/parser.h"
#include <criterion/criterion.h>
#include <string.h>

static const char *const headers[] = {
    "",
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Max-Forwards",
    "Content-Length",
    "Content-Type",
    "Contact",
    "Route",
    "Record-Route",
    "Expires",
    "Date",
    "Require",
    "Proxy-Require",
    "Supported",
    "Unsupported",
    "Allow",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Authorization",
    "Proxy-Authorization",
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Authentication-Info",
    "Min-Expires",
    "Retry-After",
    "Warning",
    "Reply-To",
    "In-Reply-To",
    "Subject",
    "Server",
    "User-Agent",
    "Timestamp",
    "Organization",
    "Priority",
    "MIME-Version",
    "Call-Info",
    "Alert-Info",
    "Error-Info",
    "Path",
    "Service-Route",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Privacy",
    "Reason",
    "Max-Breadth",
    "Event",
    "Flow-Timer",
    "SIP-ETag",
    "SIP-If-Match",
    "Refer-To",
    "Referred-By",
    "Allow-Events",
    "Subscription-State",
};

static const char *const methods[] = {
    "",          "MESSAGE", "OPTIONS", "REGISTER", "INVITE", "ACK",    "CANCEL", "BYE",
    "SUBSCRIBE", "NOTIFY",  "PUBLISH", "INFO",     "REFER",  "UPDATE", "PRACK",
};

static struct zsip_view view(const char *text)
{
    return (struct zsip_view){(const uint8_t *)text, strlen(text)};
}

Test(ids, header_ids_only_append)
{
    cr_assert_eq(ZSIP_HEADER_ID_COUNT, sizeof(headers) / sizeof(headers[0]));
    for (unsigned id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
        cr_expect_str_eq(zsip_header_name((enum zsip_header_id)id), headers[id], "id %u", id);
        cr_expect_eq(zsip_header_by_name(view(headers[id])), id, "%s", headers[id]);
    }
}

Test(ids, method_ids_only_append)
{
    cr_assert_eq(ZSIP_METHOD_COUNT, sizeof(methods) / sizeof(methods[0]));
    for (unsigned id = 1; id < ZSIP_METHOD_COUNT; id++) {
        cr_expect_str_eq(zsip_method_name((enum zsip_method)id), methods[id], "id %u", id);
        cr_expect_eq(zsip_method_by_name(view(methods[id])), id, "%s", methods[id]);
    }
}

/* Its bit in zsip_msg.present, its place in what judges values, its letter. */
Test(ids, every_id_has_a_bit)
{
    cr_expect_leq(ZSIP_HEADER_ID_COUNT, 64);
    cr_expect_eq(zsip_header_by_name(view("v")), ZSIP_HEADER_VIA);
    cr_expect_eq(zsip_header_by_name(view("U")), ZSIP_HEADER_ALLOW_EVENTS);
    cr_expect_eq(zsip_header_by_name(view("z")), ZSIP_HEADER_UNKNOWN);
    cr_expect_eq(zsip_header_by_name(view("Vi")), ZSIP_HEADER_UNKNOWN);
    cr_expect_eq(zsip_header_by_name(view("VIA")), ZSIP_HEADER_VIA);
}

/* What stands on a caller's stack, and the widths that the limits are about. */
Test(ids, the_struct_stays_small)
{
    cr_expect_eq(zsip_msg_size(), sizeof(struct zsip_msg));
    cr_expect_leq(zsip_msg_size(), 1536);
    cr_expect_eq(sizeof(struct zsip_slice), 4);
    cr_expect_eq(sizeof(struct zsip_header), 8);
    cr_expect_eq(sizeof(((struct zsip_msg *)0)->body_offset), 4);
    cr_expect_eq(sizeof(((struct zsip_msg *)0)->body_bytes), 4);
    cr_expect_eq(sizeof(((struct zsip_msg *)0)->headers) / sizeof(struct zsip_header),
                 ZSIP_HEADERS_MAX);
}
