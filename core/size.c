/* Requests too large for UDP: over TCP by themselves, and back where there is none (RFC 3261
 * section 18.1.1). */
#include "core/core.h"

#include "txn/siphash.h"

enum {
    UNKNOWN_MTU_BYTES_MAX = 1300,
    /* What a response may be longer than its request. */
    MTU_ROOM_BYTES = 200,
    /* No path is taken for narrower than a host has to take (RFC 791) or a link to carry (RFC 8200
     * section 5), whatever an ICMP error claims. */
    IPV4_MTU_BYTES_MIN = 576,
    IPV6_MTU_BYTES_MIN = 1280,
};

/* RFC 1191 section 6.3: a path may widen again, so it is tried after so long. */
static const uint64_t narrow_ns = 600 * ZSIP_NS_PER_S;
/* Who refused TCP is not asked by each large request anew, which would wait for its turn. */
static const uint64_t refused_ns = 10 * ZSIP_NS_PER_S;

/* ---- What hosts taught us -------------------------------------------------------------------- */

/* The one place where a host stands, if it does: the newest of those that share it wins. */
static struct known_host *host_place(struct zsip_endpoint *endpoint,
                                     const struct zsip_address *remote)
{
    struct zsip_siphash hash;
    zsip_siphash_begin(&hash, zsip_siphash_secret(endpoint->target_secret));
    zsip_siphash_update(&hash, remote->ip, sizeof(remote->ip));
    return &endpoint->hosts[zsip_siphash_end(&hash).low % KNOWN_HOSTS];
}

static bool host_is(const struct known_host *host, const struct zsip_address *remote)
{
    return host->family == remote->family && memcmp(host->ip, remote->ip, sizeof(host->ip)) == 0;
}

static struct known_host *host_take(struct zsip_endpoint *endpoint,
                                    const struct zsip_address *remote)
{
    struct known_host *host = host_place(endpoint, remote);
    if (!host_is(host, remote)) {
        *host = (struct known_host){.family = remote->family};
        memcpy(host->ip, remote->ip, sizeof(host->ip));
    }
    return host;
}

/* The MTU that an ICMP error told of the path to this host; 0: none did lately. */
static uint32_t told_mtu(struct zsip_endpoint *endpoint, const struct zsip_address *remote)
{
    if (endpoint->now_ns >= endpoint->mtus_until_ns)
        return 0;
    const struct known_host *host = host_place(endpoint, remote);
    return endpoint->now_ns < host->mtu_until_ns && host_is(host, remote) ? host->mtu : 0;
}

void zsip_endpoint_path_mtu(struct zsip_endpoint *endpoint, const struct zsip_address *remote,
                            uint32_t mtu, struct zsip_time now)
{
    uint32_t least = remote->family == ZSIP_FAMILY_IPV4 ? IPV4_MTU_BYTES_MIN : IPV6_MTU_BYTES_MIN;
    zsip_endpoint_advance(endpoint, now);
    struct known_host *host = host_take(endpoint, remote);
    host->mtu = mtu > least ? mtu : least;
    host->mtu_until_ns = endpoint->mtus_until_ns = endpoint->now_ns + narrow_ns;
}

void zsip_size_refused(struct zsip_endpoint *endpoint, const struct zsip_address *remote)
{
    struct known_host *host = host_take(endpoint, remote);
    host->refused_port = remote->port;
    host->refused_until_ns = endpoint->now_ns + refused_ns;
}

bool zsip_size_refuses(struct zsip_endpoint *endpoint, const struct zsip_address *remote,
                       size_t bytes)
{
    const struct known_host *host = host_place(endpoint, remote);
    return bytes <= DATAGRAM_BYTES_MAX && endpoint->now_ns < host->refused_until_ns &&
           host->refused_port == remote->port && host_is(host, remote);
}

/* ---- The rule -------------------------------------------------------------------------------- */

bool zsip_size_over(struct zsip_endpoint *endpoint, const struct zsip_path *path, size_t bytes,
                    uint32_t path_mtu)
{
    if (path->flags & ZSIP_PATH_RELIABLE)
        return false;
    uint32_t mtu = path_mtu != 0 ? path_mtu : endpoint->config.path_mtu;
    uint32_t told = told_mtu(endpoint, &path->remote);
    if (told != 0 && (mtu == 0 || told < mtu))
        mtu = told;
    uint32_t known_max = mtu > MTU_ROOM_BYTES ? mtu - MTU_ROOM_BYTES : 0;
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
