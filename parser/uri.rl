/* zsip: one URI. This machine exists once; every field that holds a URI calls it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

%%{
    machine zsip_uri;
    include zsip_grammar "grammar.rl";

    action host_begin { host_0 = p; }
    action host_end { host_1 = p; }
    action port_begin { port_0 = p; rule = "URI port"; }
    action port_end { port_1 = p; }
    action user_begin { user_0 = p; }
    action user_end { user_1 = p; }
    action password_begin { password_0 = p; }
    action params_begin { params_0 = p; rule = "URI parameter"; }
    action params_end { params_1 = p; }
    action headers_begin { headers_0 = p; rule = "URI header"; }
    action headers_end { headers_1 = p; }
    action scheme_end { scheme_1 = p; rule = "URI"; }
    action host { rule = "URI host"; }
    action sip { scheme = ZSIP_SCHEME_SIP; }
    action sips { scheme = ZSIP_SCHEME_SIPS; }
    action tel { scheme = ZSIP_SCHEME_TEL; }
    action im { scheme = ZSIP_SCHEME_IM; }
    # No rule of these schemes has an "@" but behind the user, so one look ahead says which half of
    # the grammar applies, and the halves need not be multiplied with each other.
    action rest {
        if (at != NULL)
            fgoto with_user;
        fgoto without_user;
    }

    # ---- RFC 3261 section 25.1 ----

    userinfo_marked = ( user | telephone_subscriber ) >user_begin %user_end
                      ( ":" password >password_begin )? "@" @host;
    hostport_marked = host_text >host_begin %host_end ( ":" port >port_begin %port_end )?;
    uri_parameters_marked = ( ";" ( uri_parameter ( ";" uri_parameter )* )
                              >params_begin %params_end )?;
    headers_marked = "?" ( header ( "&" header )* ) >headers_begin %headers_end;
    rest = hostport_marked uri_parameters_marked headers_marked?;
    with_user := userinfo_marked rest;
    without_user := rest;
    SIP_URI_marked = "sip"i ":" >scheme_end @sip @rest;
    SIPS_URI_marked = "sips"i ":" >scheme_end @sips @rest;
    telephone_uri_marked = "tel"i ":" >scheme_end @tel telephone_number >user_begin %user_end
                           ( ";" ( tel_pname ( "=" pvalue )? ( ";" tel_pname ( "=" pvalue )? )* )
                             >params_begin %params_end )?;
    im_URI_marked = "im"i ":" >scheme_end @im @rest;
    absoluteURI_marked = other_scheme ":" >scheme_end uric+;

    main := SIP_URI_marked | SIPS_URI_marked | telephone_uri_marked | im_URI_marked |
            absoluteURI_marked;

    write data noerror noentry;
}%%

static const uint8_t *find_at(const uint8_t *p, const uint8_t *end)
{
    for (; p < end; p++) {
        if (*p == '@')
            return p;
    }
    return NULL;
}

enum zsip_status zsip_machine_uri(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                  struct zsip_uri *out, struct zsip_fault *fault)
{
    const uint8_t *p = begin, *pe = end, *eof = end;
    const uint8_t *scheme_1 = begin, *at = find_at(begin, end);
    const uint8_t *user_0 = NULL, *user_1 = NULL, *password_0 = NULL;
    const uint8_t *host_0 = NULL, *host_1 = NULL, *port_0 = NULL, *port_1 = NULL;
    const uint8_t *params_0 = NULL, *params_1 = NULL, *headers_0 = NULL, *headers_1 = NULL;
    const char *rule = "URI scheme";
    uint8_t scheme = ZSIP_SCHEME_OTHER;
    uint64_t port = 0;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_uri_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    /* What is no host is a fault of the grammar, and comes before a port out of range. */
    struct zsip_slice host = {0, 0};
    uint8_t host_kind = ZSIP_HOST_NONE;
    if (host_0 != NULL && scheme != ZSIP_SCHEME_OTHER) {
        enum zsip_status status =
            zsip_machine_host(base, host_0, host_1, &host, &host_kind, "URI host", fault);
        if (status != ZSIP_OK)
            return status;
    }
    if (port_0 != NULL && (!zsip_number(port_0, port_1, 65535, &port) || port == 0))
        return zsip_fault_set(fault, base, port_0, ZSIP_ERROR_RANGE, "URI port");

    *out = (struct zsip_uri){
        .whole = zsip_slice_between(base, begin, end),
        .scheme_name = zsip_slice_between(base, begin, scheme_1),
        .host = host,
        .port = (uint16_t)port,
        .scheme = scheme,
        .host_kind = host_kind,
    };
    if (user_0 != NULL && scheme != ZSIP_SCHEME_OTHER)
        out->user = zsip_slice_between(base, user_0, user_1);
    if (password_0 != NULL)
        out->password = zsip_slice_between(base, password_0, at);
    if (params_0 != NULL)
        out->params = zsip_slice_between(base, params_0, params_1);
    if (headers_0 != NULL)
        out->headers = zsip_slice_between(base, headers_0, headers_1);
    return ZSIP_OK;
}

enum zsip_status zsip_uri_slow(const uint8_t *base, struct zsip_slice slice, struct zsip_uri *out,
                               struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    const uint8_t *begin = base + slice.offset;
    return zsip_machine_uri(base, begin, begin + slice.length, out,
                            fault != NULL ? fault : &ignored);
}
