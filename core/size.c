/* Requests too large for UDP: over TCP by themselves, and back where there is none (RFC 3261
 * section 18.1.1). */
#include "core/core.h"

enum {
    UNKNOWN_MTU_BYTES_MAX = 1300,
    /* What a response may be longer than its request. */
    MTU_ROOM_BYTES = 200,
};

bool zsip_size_over(const struct zsip_endpoint *endpoint, const struct zsip_path *path,
                    size_t bytes, uint32_t path_mtu)
{
    uint32_t mtu = path_mtu != 0 ? path_mtu : endpoint->config.path_mtu;
    uint32_t known_max = mtu > MTU_ROOM_BYTES ? mtu - MTU_ROOM_BYTES : 0;
    if (path->flags & ZSIP_PATH_RELIABLE)
        return false;
    return bytes > (mtu == 0 ? UNKNOWN_MTU_BYTES_MAX : known_max);
}

bool zsip_size_switches(const struct zsip_endpoint *endpoint)
{
    return endpoint->config.tcp && !endpoint->config.udp_oversize;
}

/* Where the transport of the top Via stands, the second line of every request of ours. */
static uint8_t *via_transport(uint8_t *request, size_t bytes)
{
    static const char protocol[] = "SIP/2.0/";
    const size_t length = sizeof(protocol) - 1;
    uint8_t *line = memchr(request, '\n', bytes);
    if (line == NULL)
        return NULL;
    line++;
    uint8_t *end = memchr(line, '\n', bytes - (size_t)(line - request));
    for (uint8_t *at = line; end != NULL && (size_t)(end - at) >= length + 3; at++) {
        if (memcmp(at, protocol, length) == 0)
            return at + length;
    }
    return NULL;
}

bool zsip_size_via(uint8_t *request, size_t bytes, const char *token)
{
    uint8_t *transport = via_transport(request, bytes);
    if (transport == NULL)
        return false;
    memcpy(transport, token, 3);
    return true;
}

struct zsip_path zsip_size_path(const struct request *request)
{
    struct zsip_path path = request->path;
    if (!request->over_tcp)
        return path;
    /* By no socket of UDP's; and the port of one is no port for a connection to come from. */
    path.flow = 0;
    path.local.port = 0;
    path.transport = ZSIP_TRANSPORT_TCP;
    path.flags |= ZSIP_PATH_RELIABLE;
    return path;
}
