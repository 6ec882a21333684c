/* zsip: one Via value.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

%%{
    machine zsip_via;
    include zsip_grammar "grammar.rl";

    action transport_begin { transport_0 = p; rule = "Via transport"; }
    action transport_end { transport_1 = p; }
    action sent_by_begin { sent_by_0 = p; rule = "Via sent-by"; }
    action sent_by_end { sent_by_1 = p; }
    action host_begin { host_0 = p; }
    action host_end { host_1 = p; }
    action port_begin { port_0 = p; }
    action port_end { port_1 = p; }
    action params_begin { if (params_0 == NULL) params_0 = p; rule = "Via parameter"; }
    action params_end { params_1 = p; }
    action param_begin { param_0 = p; }
    action branch_begin { value_0 = p; rule = "Via branch"; }
    action branch { twice |= branch_0 != NULL; branch_0 = value_0; branch_1 = p; }
    action received_begin { value_0 = p; rule = "Via received"; }
    action received { twice |= received_0 != NULL; received_0 = value_0; received_1 = p; }
    action maddr_begin { value_0 = p; rule = "Via maddr"; }
    action maddr { twice |= maddr_0 != NULL; maddr_0 = value_0; maddr_1 = p; }
    action ttl_begin { value_0 = p; rule = "Via ttl"; }
    action ttl { twice |= ttl_0 != NULL; ttl_0 = value_0; ttl_1 = p; }
    action rport_value { rport_value_0 = p; rule = "Via rport"; }
    # Left once behind the name, and again behind a value after white space.
    action rport { twice |= rport_0 != NULL && rport_0 != param_0; rport_0 = param_0; rport_1 = p; }
    action alias { flags |= ZSIP_VIA_ALIAS; }
    action oc { flags |= ZSIP_VIA_OC; }
    action comma { fhold; fbreak; }

    # ---- RFC 3261 section 25.1 ----

    sent_protocol = protocol_name SLASH protocol_version SLASH
                    ( transport >transport_begin %transport_end );
    sent_by = ( host_text >host_begin %host_end ( COLON port >port_begin %port_end )? )
              >sent_by_begin %sent_by_end;
    via_ttl = "ttl"i EQUAL ttl >ttl_begin %ttl;
    via_maddr = "maddr"i EQUAL host_text >maddr_begin %maddr;
    # With or without the brackets; RFC 5118 section 4.5 asks a receiver to take both.
    via_received = "received"i EQUAL ( host_text | ( HEXDIG | [:.] )+ ) >received_begin %received;
    via_branch = "branch"i EQUAL token >branch_begin %branch;
    # RFC 3581 section 3, RFC 5923 section 10, RFC 7339 section 4.
    response_port = ( "rport"i ( EQUAL DIGIT+ >rport_value )? ) %rport;
    alias = "alias"i %alias;
    oc = "oc"i %oc ( EQUAL gen_value )?;
    other_name = token - ( "ttl"i | "maddr"i | "received"i | "branch"i | "rport"i | "alias"i |
                           "oc"i );
    via_extension = other_name ( EQUAL gen_value )?;
    via_params = via_ttl | via_maddr | via_received | via_branch | response_port | alias | oc |
                 via_extension;
    via_parm = sent_protocol LWS sent_by ( SWS ( ";" >params_begin ) SWS
               via_params >param_begin %params_end )*;

    main := via_parm SWS ( "," @comma )?;

    write data noerror noentry;
}%%

/* The cookie that says "made by the rules of RFC 3261", and something behind it (section 8.1.1.7;
 * the bare cookie is RFC 4475 section 3.2.1). */
static bool has_cookie(const uint8_t *branch_0, const uint8_t *branch_1)
{
    return branch_1 - branch_0 > 7 && zsip_text_is(branch_0, 7, "z9hg4bk");
}

/* received = IPv4address / IPv6address, where the latter may stand in brackets. */
static enum zsip_status received_address(const uint8_t *base, const uint8_t *from,
                                         const uint8_t *to, struct zsip_slice *out,
                                         struct zsip_fault *fault)
{
    uint8_t kind;
    if (zsip_machine_ipv6(from, to)) {
        *out = zsip_slice_between(base, from, to);
        return ZSIP_OK;
    }
    enum zsip_status status = zsip_machine_host(base, from, to, out, &kind, "Via received", fault);
    if (status == ZSIP_OK && kind == ZSIP_HOST_NAME)
        return zsip_fault_set(fault, base, from, ZSIP_ERROR_SYNTAX, "Via received");
    return status;
}

enum zsip_status zsip_machine_via(const uint8_t *base, const uint8_t **cursor, const uint8_t *end,
                                  struct zsip_via *out, struct zsip_fault *fault)
{
    const uint8_t *begin = *cursor, *p = begin, *pe = end, *eof = end;
    const uint8_t *transport_0 = p, *transport_1 = p, *sent_by_0 = p, *sent_by_1 = p;
    const uint8_t *host_0 = p, *host_1 = p, *port_0 = NULL, *port_1 = NULL, *params_0 = NULL;
    const uint8_t *params_1 = p, *param_0 = p, *value_0 = p, *branch_0 = NULL, *branch_1 = p;
    const uint8_t *received_0 = NULL, *received_1 = p, *maddr_0 = NULL, *maddr_1 = p;
    const uint8_t *ttl_0 = NULL, *ttl_1 = p;
    const uint8_t *rport_0 = NULL, *rport_1 = p, *rport_value_0 = NULL;
    const char *rule = "Via sent-protocol";
    uint64_t port = 0, ttl = 0, rport_port = 0;
    uint8_t flags = 0, host_kind, kind;
    bool twice = false;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_via_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    if (twice)
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_SYNTAX, "Via parameter twice");
    /* What is no host is a fault of the grammar, and comes before numbers out of range. */
    struct zsip_slice host, maddr = {0, 0}, received = {0, 0};
    enum zsip_status status =
        zsip_machine_host(base, host_0, host_1, &host, &host_kind, "Via sent-by", fault);
    if (status == ZSIP_OK && maddr_0 != NULL)
        status = zsip_machine_host(base, maddr_0, maddr_1, &maddr, &kind, "Via maddr", fault);
    if (status == ZSIP_OK && received_0 != NULL)
        status = received_address(base, received_0, received_1, &received, fault);
    if (status != ZSIP_OK)
        return status;
    if (port_0 != NULL && (!zsip_number(port_0, port_1, 65535, &port) || port == 0))
        return zsip_fault_set(fault, base, port_0, ZSIP_ERROR_RANGE, "Via port");
    if (ttl_0 != NULL && !zsip_number(ttl_0, ttl_1, 255, &ttl))
        return zsip_fault_set(fault, base, ttl_0, ZSIP_ERROR_RANGE, "Via ttl");
    if (rport_value_0 != NULL && (!zsip_number(rport_value_0, rport_1, 65535, &rport_port)))
        return zsip_fault_set(fault, base, rport_value_0, ZSIP_ERROR_RANGE, "Via rport");

    if (rport_0 != NULL)
        flags |= ZSIP_VIA_RPORT;
    if (rport_value_0 != NULL)
        flags |= ZSIP_VIA_RPORT_VALUE;
    if (ttl_0 != NULL)
        flags |= ZSIP_VIA_TTL;
    if (branch_0 != NULL && has_cookie(branch_0, branch_1))
        flags |= ZSIP_VIA_COOKIE;
    *out = (struct zsip_via){
        .whole = zsip_slice_between(base, begin, params_0 != NULL ? params_1 : sent_by_1),
        .transport_name = zsip_slice_between(base, transport_0, transport_1),
        .sent_by = zsip_slice_between(base, sent_by_0, sent_by_1),
        .host = host,
        .received = received,
        .maddr = maddr,
        .host_kind = host_kind,
        .port = (uint16_t)port,
        .rport_port = (uint16_t)rport_port,
        .transport = (uint8_t)zsip_transport_by_name(transport_0,
                                                     (size_t)(transport_1 - transport_0)),
        .flags = flags,
        .ttl = (uint8_t)ttl,
    };
    if (params_0 != NULL)
        out->params = zsip_slice_between(base, params_0, params_1);
    if (branch_0 != NULL)
        out->branch = zsip_slice_between(base, branch_0, branch_1);
    if (rport_0 != NULL)
        out->rport = zsip_slice_between(base, rport_0, rport_1);
    *cursor = p;
    return ZSIP_OK;
}
