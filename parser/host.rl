/* zsip: a host. These machines exist once; URIs and Via values call them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

%%{
    machine zsip_name_host;
    include zsip_grammar "grammar.rl";
    action name { kind = ZSIP_HOST_NAME; }
    action ipv4 { kind = ZSIP_HOST_IPV4; }
    main := hostname %name | IPv4address %ipv4;
    write data noerror noentry;
}%%

static enum zsip_host_kind name_host(const uint8_t *p, const uint8_t *pe, const uint8_t **stop)
{
    const uint8_t *eof = pe;
    enum zsip_host_kind kind = ZSIP_HOST_NONE;
    int cs;
    %% write init;
    %% write exec;
    *stop = p;
    return cs < zsip_name_host_first_final ? ZSIP_HOST_NONE : kind;
}

%%{
    machine zsip_ipv6_host;
    include zsip_grammar "grammar.rl";
    main := IPv6address;
    write data noerror noentry;
}%%

static enum zsip_host_kind ipv6_host(const uint8_t *p, const uint8_t *pe, const uint8_t **stop)
{
    int cs;
    %% write init;
    %% write exec;
    *stop = p;
    return cs < zsip_ipv6_host_first_final ? ZSIP_HOST_NONE : ZSIP_HOST_IPV6;
}

bool zsip_machine_ipv6(const uint8_t *begin, const uint8_t *end)
{
    const uint8_t *stop;
    return ipv6_host(begin, end, &stop) != ZSIP_HOST_NONE;
}

enum zsip_status zsip_machine_host(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                   struct zsip_slice *host, uint8_t *kind, const char *rule,
                                   struct zsip_fault *fault)
{
    const uint8_t *stop;
    if (begin < end && *begin == '[' && end[-1] == ']') {
        begin++;
        end--;
        *kind = (uint8_t)ipv6_host(begin, end, &stop);
    } else {
        *kind = (uint8_t)name_host(begin, end, &stop);
    }
    if (*kind == ZSIP_HOST_NONE)
        return zsip_fault_set(fault, base, stop, ZSIP_ERROR_SYNTAX, rule);
    *host = zsip_slice_between(base, begin, end);
    return ZSIP_OK;
}
