/* zsip: the start line, without its CRLF.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

%%{
    machine zsip_start;
    include zsip_grammar "grammar.rl";

    action word_end { word_1 = p; rule = "Request-URI"; }
    action uri_begin { uri_0 = p; }
    action uri_end { uri_1 = p; rule = "SIP-Version"; }
    action version_begin { version_0 = p; }
    action version_end { version_1 = p; rule = "Status-Code"; }
    action code_begin { code_0 = p; }
    action code_end { code_1 = p; rule = "Reason-Phrase"; }
    action reason_begin { reason_0 = p; }

    # ---- RFC 3261 section 25.1 ----

    SIP_Version_marked = SIP_Version >version_begin %version_end;
    # What a Request-URI is made of; whether it is one, the URI machine says.
    uri_text = ( 0x21..0x7E )+;
    Request_Line_marked = Method %word_end SP uri_text >uri_begin %uri_end SP SIP_Version_marked;
    # Digits of any number first: a code out of range is called that.
    Status_Line_marked = SIP_Version_marked SP ( DIGIT+ >code_begin %code_end )
                         ( SP Reason_Phrase >reason_begin )?;

    main := Request_Line_marked | Status_Line_marked;

    write data noerror noentry;
}%%

/* Status code, when the line is a Status-Line. A code of any length is read, so that a number out
 * of range is called that. */
static enum zsip_status status_code(const uint8_t *base, const uint8_t *from, const uint8_t *to,
                                    uint16_t *code, struct zsip_fault *fault)
{
    uint64_t value;
    if (to - from != 3 || !zsip_number(from, to, 699, &value) || value < 100)
        return zsip_fault_set(fault, base, from, ZSIP_ERROR_RANGE, "Status-Code");
    *code = (uint16_t)value;
    return ZSIP_OK;
}

enum zsip_status zsip_machine_start(struct zsip_msg *msg, const uint8_t *end,
                                    struct zsip_fault *fault)
{
    const uint8_t *base = msg->data, *p = base, *pe = end, *eof = end;
    const uint8_t *word_1 = NULL, *uri_0 = p, *uri_1 = p, *version_0 = p, *version_1 = p;
    const uint8_t *code_0 = NULL, *code_1 = p, *reason_0 = end;
    const char *rule = "start line";
    enum zsip_status status = ZSIP_OK;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_start_first_final)
        status = zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    if (word_1 != NULL) {
        msg->kind = ZSIP_KIND_REQUEST;
        msg->method_name = zsip_slice_between(base, base, word_1);
        msg->method = (uint8_t)zsip_method_by_name(zsip_msg_view(msg, msg->method_name));
    } else if (code_0 != NULL) {
        msg->kind = ZSIP_KIND_RESPONSE;
    }
    if (status != ZSIP_OK)
        return status;
    if (!zsip_text_is(version_0, (size_t)(version_1 - version_0), "sip/2.0"))
        return zsip_fault_set(fault, base, version_0, ZSIP_ERROR_VERSION, "SIP-Version");
    if (code_0 != NULL) {
        msg->reason = zsip_slice_between(base, reason_0, end);
        return status_code(base, code_0, code_1, &msg->status_code, fault);
    }
    status = zsip_machine_uri(base, uri_0, uri_1, &msg->request_uri, fault);
    /* No headers part in a Request-URI (RFC 3261 section 19.1.1): ignoring it would be allowed
     * (RFC 4475 section 3.1.2.11), passing it on would not. */
    if (status == ZSIP_OK && zsip_slice_present(msg->request_uri.headers))
        status = zsip_fault_set(fault, base, base + msg->request_uri.headers.offset,
                                ZSIP_ERROR_SYNTAX, "Request-URI headers");
    return status;
}
