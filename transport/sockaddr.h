/* Between struct zsip_address and the kernel's addresses. */
#ifndef ZSIP_NET_SOCKADDR_H
#define ZSIP_NET_SOCKADDR_H

#include "zsip/base.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

union zsip_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Returns the length of what it wrote; 0 for an address of no family. */
static inline socklen_t zsip_sockaddr_write(const struct zsip_address *address,
                                            union zsip_sockaddr *out)
{
    if (address->family == ZSIP_FAMILY_IPV4) {
        out->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&out->v4.sin_addr, address->ip, 4);
        return sizeof(out->v4);
    }
    if (address->family == ZSIP_FAMILY_IPV6) {
        out->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
                                        .sin6_port = htons(address->port),
                                        .sin6_scope_id = address->scope};
        memcpy(&out->v6.sin6_addr, address->ip, 16);
        return sizeof(out->v6);
    }
    return 0;
}

/* in need not be aligned. False for a family that is neither or a length too short for its own. */
static inline bool zsip_sockaddr_read(const void *in, size_t bytes, struct zsip_address *address)
{
    union zsip_sockaddr name;
    *address = (struct zsip_address){0};
    if (bytes < sizeof(sa_family_t))
        return false;
    memcpy(&name, in, bytes < sizeof(name) ? bytes : sizeof(name));
    if (name.any.sa_family == AF_INET && bytes >= sizeof(name.v4)) {
        address->family = ZSIP_FAMILY_IPV4;
        address->port = ntohs(name.v4.sin_port);
        memcpy(address->ip, &name.v4.sin_addr, 4);
        return true;
    }
    if (name.any.sa_family == AF_INET6 && bytes >= sizeof(name.v6)) {
        address->family = ZSIP_FAMILY_IPV6;
        address->port = ntohs(name.v6.sin6_port);
        address->scope = name.v6.sin6_scope_id;
        memcpy(address->ip, &name.v6.sin6_addr, 16);
        return true;
    }
    return false;
}

/* 0.0.0.0 or [::]. */
static inline bool zsip_address_is_wildcard(const struct zsip_address *address)
{
    static const uint8_t zero[16];
    return memcmp(address->ip, zero, sizeof(zero)) == 0;
}

#endif
