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

/* ---- Paths known to be narrow ---------------------------------------------------------------- */

/* The one place where an address stands, if it does: the newest of those that share it wins. */
static struct narrow_path *narrow_place(struct zsip_endpoint *endpoint,
                                        const struct zsip_address *remote)
{
    struct zsip_siphash hash;
    zsip_siphash_begin(&hash, zsip_siphash_secret(endpoint->target_secret));
    zsip_siphash_update(&hash, remote->ip, sizeof(remote->ip));
    return &endpoint->narrow[zsip_siphash_end(&hash).low % NARROW_PATHS];
}

static bool place_is(const struct narrow_path *place, const struct zsip_address *remote)
{
    return place->family == remote->family && memcmp(place->ip, remote->ip, sizeof(place->ip)) == 0;
}

static struct narrow_path *narrow_take(struct zsip_endpoint *endpoint,
                                       const struct zsip_address *remote)
{
    struct narrow_path *place = narrow_place(endpoint, remote);
    if (!place_is(place, remote))
        *place = (struct narrow_path){.family = remote->family};
    memcpy(place->ip, remote->ip, sizeof(place->ip));
    return place;
}

/* The MTU that an ICMP error told of the path to this host; 0: none did lately. */
static uint32_t narrow_mtu(struct zsip_endpoint *endpoint, const struct zsip_address *remote)
{
    if (endpoint->now_ns >= endpoint->narrow_until_ns)
        return 0;
    const struct narrow_path *place = narrow_place(endpoint, remote);
    bool known = endpoint->now_ns < place->until_ns && place_is(place, remote);
    return known ? place->mtu : 0;
}

void zsip_endpoint_path_mtu(struct zsip_endpoint *endpoint, const struct zsip_address *remote,
                            uint32_t mtu, struct zsip_time now)
{
    uint32_t least = remote->family == ZSIP_FAMILY_IPV4 ? IPV4_MTU_BYTES_MIN : IPV6_MTU_BYTES_MIN;
    zsip_endpoint_advance(endpoint, now);
    struct narrow_path *place = narrow_take(endpoint, remote);
    place->mtu = mtu > least ? mtu : least;
    place->until_ns = endpoint->narrow_until_ns = endpoint->now_ns + narrow_ns;
}

/* ---- The rule -------------------------------------------------------------------------------- */

bool zsip_size_over(struct zsip_endpoint *endpoint, const struct zsip_path *path, size_t bytes,
                    uint32_t path_mtu)
{
    if (path->flags & ZSIP_PATH_RELIABLE)
        return false;
    uint32_t mtu = path_mtu != 0 ? path_mtu : endpoint->config.path_mtu;
    uint32_t told = narrow_mtu(endpoint, &path->remote);
    if (told != 0 && (mtu == 0 || told < mtu))
        mtu = told;
    uint32_t known_max = mtu > MTU_ROOM_BYTES ? mtu - MTU_ROOM_BYTES : 0;
    return bytes > (mtu == 0 ? UNKNOWN_MTU_BYTES_MAX : known_max);
}

bool zsip_size_switches(const struct zsip_endpoint *endpoint)
{
    return endpoint->config.tcp && !endpoint->config.udp_oversize;
}

void zsip_size_refused(struct zsip_endpoint *endpoint, const struct zsip_address *remote)
{
    struct narrow_path *place = narrow_take(endpoint, remote);
    place->refused_port = remote->port;
    place->refused_until_ns = endpoint->now_ns + refused_ns;
}

bool zsip_size_refuses(struct zsip_endpoint *endpoint, const struct zsip_address *remote)
{
    const struct narrow_path *place = narrow_place(endpoint, remote);
    return endpoint->now_ns < place->refused_until_ns && place->refused_port == remote->port &&
           place_is(place, remote);
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
