/* One pending out-of-dialog MESSAGE per target URI (RFC 3428 section 8): a table of the targets
 * with one pending, and behind each the requests that wait for it.
 *
 * URI equality (RFC 3261 section 19.1.4) is not transitive and can't be hashed, so a bucket is
 * found by what equal URIs surely share (scheme, user, host, port), and equality is asked of each
 * one in it. */
#include "core/core.h"

#include "txn/siphash.h"

static struct zsip_uri target_uri(const struct request *request)
{
    struct zsip_uri uri;
    struct zsip_slice slice = {request->target_offset, request->target_bytes};
    enum zsip_status status = zsip_uri_parse(request->bytes, slice, &uri, NULL);
    ZSIP_ASSERT(status == ZSIP_OK); /* it was when the request was composed */
    return uri;
}

static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10u : 16u;
}

/* Feeds bytes with escapes undone, letters folded where fold says so: equal URIs feed the same. */
static void hash_part(struct zsip_siphash *hash, const uint8_t *data, size_t length, bool fold)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t c = data[i];
        if (c == '%' && i + 2 < length && (hex_value(data[i + 1]) | hex_value(data[i + 2])) < 16) {
            c = (uint8_t)(hex_value(data[i + 1]) << 4 | hex_value(data[i + 2]));
            i += 2;
        }
        if (fold && c >= 'A' && c <= 'Z')
            c |= 0x20;
        zsip_siphash_update(hash, &c, 1);
    }
}

static uint32_t target_bucket(const struct zsip_endpoint *endpoint, const struct request *request,
                              const struct zsip_uri *uri)
{
    struct zsip_siphash hash;
    zsip_siphash_begin(&hash, zsip_siphash_secret(endpoint->target_secret));
    const uint8_t *base = request->bytes;
    if (uri->scheme == ZSIP_SCHEME_SIP || uri->scheme == ZSIP_SCHEME_SIPS) {
        zsip_siphash_update(&hash, &uri->scheme, 1);
        hash_part(&hash, base + uri->user.offset, uri->user.length, false);
        zsip_siphash_update(&hash, (const uint8_t *)"@", 1);
        hash_part(&hash, base + uri->host.offset, uri->host.length, true);
        zsip_siphash_update(&hash, (const uint8_t *)&uri->port, sizeof(uri->port));
    } else {
        hash_part(&hash, base + uri->whole.offset, uri->whole.length, true);
    }
    return (uint32_t)zsip_siphash_end(&hash).low & (endpoint->target_bucket_count - 1);
}

enum zsip_status zsip_target_claim(struct zsip_endpoint *endpoint, uint32_t index, bool *waits)
{
    struct request *request = &endpoint->requests[index];
    struct zsip_uri uri = target_uri(request);
    request->bucket = target_bucket(endpoint, request, &uri);
    request->waiting_first = request->waiting_last = NONE;
    request->waiting_count = 0;
    uint32_t at = endpoint->target_buckets[request->bucket];
    /* Bounded by clients_max; the secret keeps buckets even. */
    for (; at != NONE; at = endpoint->requests[at].bucket_next) {
        struct request *pending = &endpoint->requests[at];
        struct zsip_uri pending_uri = target_uri(pending);
        if (!zsip_uri_equal(request->bytes, &uri, pending->bytes, &pending_uri))
            continue;
        if (pending->waiting_count >= endpoint->config.waiting_per_target_max)
            return ZSIP_ERROR_FULL;
        if (pending->waiting_last == NONE)
            pending->waiting_first = index;
        else
            endpoint->requests[pending->waiting_last].bucket_next = index;
        pending->waiting_last = index;
        pending->waiting_count++;
        request->bucket_next = NONE;
        *waits = true;
        return ZSIP_OK;
    }
    request->bucket_next = endpoint->target_buckets[request->bucket];
    endpoint->target_buckets[request->bucket] = index;
    *waits = false;
    return ZSIP_OK;
}

/* The link that points at the pending request in its bucket. */
static uint32_t *bucket_link(struct zsip_endpoint *endpoint, uint32_t index)
{
    uint32_t *link = &endpoint->target_buckets[endpoint->requests[index].bucket];
    while (*link != index) {
        ZSIP_ASSERT(*link != NONE);
        link = &endpoint->requests[*link].bucket_next;
    }
    return link;
}

uint32_t zsip_target_release(struct zsip_endpoint *endpoint, uint32_t index)
{
    struct request *ended = &endpoint->requests[index];
    uint32_t *link = bucket_link(endpoint, index);
    uint32_t next = ended->waiting_first;
    if (next == NONE) {
        *link = ended->bucket_next;
        return NONE;
    }
    struct request *request = &endpoint->requests[next];
    request->waiting_first = request->bucket_next;
    request->waiting_last = request->waiting_first == NONE ? NONE : ended->waiting_last;
    request->waiting_count = ended->waiting_count - 1;
    request->bucket_next = ended->bucket_next;
    *link = next;
    return next;
}
