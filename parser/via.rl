/* zsip: one Via value.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

/* A value on its way through the machine. */
struct via_scan {
    const uint8_t *name_0, *name_1, *value_0, *value_1; /* the parameter; value_0 NULL: none */
    const uint8_t *branch_0, *branch_1, *received_0, *received_1, *maddr_0, *maddr_1;
    const uint8_t *ttl_0, *ttl_1, *rport_0, *rport_1, *rport_value_0;
    const uint8_t *fault; /* where a parameter that means something is not what it should be */
    const char *rule;
    bool twice;
    uint8_t flags;
};

static bool all_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p == end;
}

/* What parameters may have for a value. The machine has seen to it that one in quotes or brackets
 * is whole, and what is neither is a token but for colons. */
enum via_value { VALUE_ANY, VALUE_NONE, VALUE_TOKEN, VALUE_HOST, VALUE_ADDRESS, VALUE_PORT,
                 VALUE_TTL };

static bool value_fits(const struct via_scan *scan, enum via_value kind)
{
    const uint8_t *p = scan->value_0, *end = scan->value_1;
    if (p == NULL)
        return kind == VALUE_ANY || kind == VALUE_NONE || kind == VALUE_PORT;
    bool colon = false;
    for (const uint8_t *q = p; q < end && *p != '[' && *p != '"'; q++)
        colon |= *q == ':';
    switch (kind) {
    case VALUE_ANY:
        return !colon;
    case VALUE_TOKEN:
        return !colon && *p != '[' && *p != '"';
    case VALUE_HOST:
        return !colon && *p != '"';
    case VALUE_ADDRESS:
        return *p != '"';
    case VALUE_PORT:
        return all_digits(p, end);
    case VALUE_TTL:
        return all_digits(p, end) && end - p <= 3;
    default:
        return false;
    }
}

/* RFC 3261 section 25.1, via-params; RFC 3581 section 3, RFC 5923 section 10, RFC 7339 section 4.
 * received may be an IPv6 address with or without brackets: RFC 5118 section 4.5 asks a receiver to
 * take both. */
static void param_take(struct via_scan *scan)
{
    static const struct {
        const char *name, *rule;
        enum via_value kind;
        uint8_t flag;
        uint8_t place; /* in struct via_scan: where the value goes; 0: nowhere */
    } params[] = {
        {"branch", "Via branch", VALUE_TOKEN, 0, offsetof(struct via_scan, branch_0)},
        {"received", "Via received", VALUE_ADDRESS, 0, offsetof(struct via_scan, received_0)},
        {"maddr", "Via maddr", VALUE_HOST, 0, offsetof(struct via_scan, maddr_0)},
        {"ttl", "Via ttl", VALUE_TTL, ZSIP_VIA_TTL, offsetof(struct via_scan, ttl_0)},
        {"rport", "Via rport", VALUE_PORT, ZSIP_VIA_RPORT, offsetof(struct via_scan, rport_0)},
        {"alias", "Via parameter", VALUE_NONE, ZSIP_VIA_ALIAS, 0},
        {"oc", "Via parameter", VALUE_ANY, ZSIP_VIA_OC, 0},
        {NULL, "Via parameter", VALUE_ANY, 0, 0},
    };
    size_t length = (size_t)(scan->name_1 - scan->name_0), i = 0;
    while (params[i].name != NULL && !zsip_text_is(scan->name_0, length, params[i].name))
        i++;
    if (!value_fits(scan, params[i].kind)) {
        scan->fault = scan->value_0 != NULL ? scan->value_0 : scan->name_1;
        scan->rule = params[i].rule;
        return;
    }
    scan->flags |= params[i].flag;
    if (params[i].place == 0)
        return;
    const uint8_t **slot = (void *)((char *)scan + params[i].place);
    scan->twice |= slot[0] != NULL;
    slot[0] = scan->value_0;
    slot[1] = scan->value_1;
    /* Of rport the whole parameter is kept, for it is what gets replaced. */
    if (params[i].kind == VALUE_PORT) {
        scan->rport_value_0 = scan->value_0;
        scan->rport_0 = scan->name_0;
        scan->rport_1 = scan->value_0 != NULL ? scan->value_1 : scan->name_1;
    }
}

%%{
    machine zsip_via;
    include zsip_headers "headers.rl";

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
    action name_begin { scan.name_0 = p; scan.value_0 = NULL; }
    action name_end { scan.name_1 = p; }
    action value_begin { scan.value_0 = p; }
    action value_end { scan.value_1 = p; }
    action take { if (scan.name_0 != NULL && scan.fault == NULL) param_take(&scan); }
    action comma { fhold; fbreak; }

    # ---- RFC 3261 section 25.1 ----

    sent_protocol_marked = protocol_name SLASH protocol_version SLASH
                           ( transport >transport_begin %transport_end );
    sent_by_marked = ( host_text >host_begin %host_end ( COLON port >port_begin %port_end )? )
                     >sent_by_begin %sent_by_end;
    # All via-params in one form first, so that no name is in the machine: which one means what, and
    # what it may have for a value, is in param_take().
    via_value = gen_value | ( HEXDIG | [:.] )+;
    via_params_marked = token >name_begin %name_end
                        ( EQUAL via_value >value_begin %value_end )?;
    via_parm_marked = sent_protocol_marked LWS sent_by_marked
                      ( SWS ( ";" >take >params_begin ) SWS via_params_marked %params_end )*;

    main := via_parm_marked SWS ( "," @comma )?;

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
    const uint8_t *params_1 = p;
    struct via_scan scan = {0};
    const char *rule = "Via sent-protocol";
    uint64_t port = 0, ttl = 0, rport_port = 0;
    uint8_t host_kind, kind;
    int cs;

    %% write init;
    %% write exec;

    if (cs >= zsip_via_first_final && scan.name_0 != NULL && scan.fault == NULL)
        param_take(&scan);
    if (scan.fault != NULL)
        return zsip_fault_set(fault, base, scan.fault, ZSIP_ERROR_SYNTAX, scan.rule);
    if (cs < zsip_via_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    if (scan.twice)
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_SYNTAX, "Via parameter twice");
    /* What is no host is a fault of the grammar, and comes before numbers out of range. */
    struct zsip_slice host, maddr = {0, 0}, received = {0, 0};
    enum zsip_status status =
        zsip_machine_host(base, host_0, host_1, &host, &host_kind, "Via sent-by", fault);
    if (status == ZSIP_OK && scan.maddr_0 != NULL)
        status = zsip_machine_host(base, scan.maddr_0, scan.maddr_1, &maddr, &kind, "Via maddr",
                                   fault);
    if (status == ZSIP_OK && scan.received_0 != NULL)
        status = received_address(base, scan.received_0, scan.received_1, &received, fault);
    if (status != ZSIP_OK)
        return status;
    if (port_0 != NULL && (!zsip_number(port_0, port_1, 65535, &port) || port == 0))
        return zsip_fault_set(fault, base, port_0, ZSIP_ERROR_RANGE, "Via port");
    if (scan.ttl_0 != NULL && !zsip_number(scan.ttl_0, scan.ttl_1, 255, &ttl))
        return zsip_fault_set(fault, base, scan.ttl_0, ZSIP_ERROR_RANGE, "Via ttl");
    if (scan.rport_value_0 != NULL &&
        !zsip_number(scan.rport_value_0, scan.rport_1, 65535, &rport_port))
        return zsip_fault_set(fault, base, scan.rport_value_0, ZSIP_ERROR_RANGE, "Via rport");

    if (scan.rport_value_0 != NULL)
        scan.flags |= ZSIP_VIA_RPORT_VALUE;
    if (scan.branch_0 != NULL && has_cookie(scan.branch_0, scan.branch_1))
        scan.flags |= ZSIP_VIA_COOKIE;
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
        .flags = scan.flags,
        .ttl = (uint8_t)ttl,
    };
    if (params_0 != NULL)
        out->params = zsip_slice_between(base, params_0, params_1);
    if (scan.branch_0 != NULL)
        out->branch = zsip_slice_between(base, scan.branch_0, scan.branch_1);
    if (scan.rport_0 != NULL)
        out->rport = zsip_slice_between(base, scan.rport_0, scan.rport_1);
    *cursor = p;
    return ZSIP_OK;
}
