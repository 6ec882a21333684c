/* Addresses as text, and which of ours leads to a peer. */
#include "transport/sockaddr.h"
#include "zsip/host.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool parse_number(const char *text, unsigned long max, unsigned long *number)
{
    *number = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *number = *number * 10 + (unsigned long)(*text - '0');
        if (*number > max)
            return false;
    }
    return true;
}

/* ":5060" or nothing. */
static bool parse_port(const char *text, uint16_t default_port, uint16_t *port)
{
    unsigned long number = default_port;
    if (*text != '\0' && (*text != ':' || !parse_number(text + 1, UINT16_MAX, &number)))
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse_zone(const char *zone, uint32_t *scope)
{
    unsigned long number;
    if (parse_number(zone, UINT32_MAX, &number))
        *scope = (uint32_t)number;
    else
        *scope = if_nametoindex(zone);
    return *scope != 0;
}

enum zsip_status zsip_address_parse(const char *text, uint16_t default_port,
                                    struct zsip_address *address)
{
    char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
    bool v6 = *text == '[';
    text += v6;
    size_t length = strcspn(text, v6 ? "]" : ":");
    *address = (struct zsip_address){.family = v6 ? ZSIP_FAMILY_IPV6 : ZSIP_FAMILY_IPV4};
    if (length == 0 || length >= sizeof(host) || (v6 && text[length] != ']'))
        return ZSIP_ERROR_SYNTAX;
    memcpy(host, text, length);
    host[length] = '\0';
    if (!parse_port(text + length + v6, default_port, &address->port))
        return ZSIP_ERROR_SYNTAX;
    char *zone = v6 ? strchr(host, '%') : NULL;
    if (zone != NULL) {
        *zone++ = '\0';
        if (!parse_zone(zone, &address->scope))
            return ZSIP_ERROR_SYNTAX;
    }
    return inet_pton(v6 ? AF_INET6 : AF_INET, host, address->ip) == 1 ? ZSIP_OK : ZSIP_ERROR_SYNTAX;
}

const char *zsip_address_text(const struct zsip_address *address, char *out)
{
    char ip[INET6_ADDRSTRLEN], zone[16] = "";
    if (address->family == ZSIP_FAMILY_IPV4) {
        inet_ntop(AF_INET, address->ip, ip, sizeof(ip));
        snprintf(out, ZSIP_ADDRESS_TEXT_BYTES, "%s:%u", ip, (unsigned)address->port);
    } else if (address->family == ZSIP_FAMILY_IPV6) {
        inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
        if (address->scope != 0)
            snprintf(zone, sizeof(zone), "%%%u", (unsigned)address->scope);
        snprintf(out, ZSIP_ADDRESS_TEXT_BYTES, "[%s%s]:%u", ip, zone, (unsigned)address->port);
    } else {
        snprintf(out, ZSIP_ADDRESS_TEXT_BYTES, "-");
    }
    return out;
}

enum zsip_status zsip_address_source(const struct zsip_address *remote, struct zsip_address *local)
{
    union zsip_sockaddr name;
    socklen_t bytes = zsip_sockaddr_write(remote, &name);
    *local = (struct zsip_address){0};
    if (bytes == 0)
        return ZSIP_ERROR_UNREACHABLE;
    int fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ZSIP_ERROR_UNREACHABLE;
    /* Connecting a datagram socket asks for the route and sends nothing. Port 0 would be refused.
     */
    if (remote->port == 0)
        name.v4.sin_port = htons(5060); /* the same place in both families */
    bool found = connect(fd, &name.any, bytes) == 0;
    bytes = sizeof(name);
    found =
        found && getsockname(fd, &name.any, &bytes) == 0 && zsip_sockaddr_read(&name, bytes, local);
    close(fd);
    local->port = 0;
    return found ? ZSIP_OK : ZSIP_ERROR_UNREACHABLE;
}
