/* Echo by zsip's transport alone: what it adds to the kernel. */
#include "bench/limit/limit.h"

#include "transport/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STRIDE = (LIMIT_REPLY_BYTES + ZSIP_OUTPUT_STRIDE - 1) / ZSIP_OUTPUT_STRIDE * ZSIP_OUTPUT_STRIDE,
};

static uint8_t replies[ZSIP_NET_PACKETS_MAX][STRIDE];
static struct zsip_output outputs[ZSIP_NET_PACKETS_MAX];
static struct zsip_path paths[ZSIP_NET_PACKETS_MAX];

/* Writes the answers as an endpoint does: into its own memory, the path copied once a burst. */
static size_t answer(const struct zsip_net_batch *batch)
{
    size_t path_count = 0;
    const struct zsip_path *last = NULL;
    for (size_t i = 0; i < batch->packet_count; i++) {
        if (batch->packets[i].path != last)
            paths[path_count++] = *(last = batch->packets[i].path);
        memcpy(replies[i], limit_reply, LIMIT_REPLY_BYTES);
        outputs[i] = (struct zsip_output){
            .data = replies[i], .path = &paths[path_count - 1], .bytes = LIMIT_REPLY_BYTES};
    }
    return batch->packet_count;
}

void limit_serve_transport(enum limit_mode mode, const atomic_bool *stop, atomic_uint *port)
{
    static const unsigned without[] = {
        [LIMIT_PLAIN] = ZSIP_FEATURE_GSO | ZSIP_FEATURE_GRO,
        [LIMIT_GROUPED] = ZSIP_FEATURE_GRO,
        [LIMIT_TRAINS] = 0,
    };
    /* No spinning: the other servers don't, and it would count as their work. */
    struct zsip_net_config config = {
        .spin_ns = 0, .socket_buffer_bytes = LIMIT_SOCKET_BUFFER_BYTES, .without = without[mode]};
    struct zsip_address address = {.ip = {127, 0, 0, 1}, .family = ZSIP_FAMILY_IPV4};
    struct zsip_net *net;
    char error[256] = "";
    if (zsip_net_create(&config, &net, error, sizeof(error)) != ZSIP_OK ||
        zsip_net_listen(net, ZSIP_TRANSPORT_UDP, &address, 0, &address, error, sizeof(error)) !=
            ZSIP_OK)
        limit_fail(error);
    atomic_store(port, address.port);
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        const struct zsip_net_batch *batch;
        if (zsip_net_wait(net, zsip_time_now().monotonic_ns + 100 * ZSIP_NS_PER_MS, &batch) !=
            ZSIP_OK)
            limit_fail("wait");
        zsip_net_send(net, outputs, answer(batch));
        zsip_net_recycle(net);
    }
    if (getenv("LIMIT_VERBOSE") != NULL) {
        const struct zsip_net_stats *stats = zsip_net_stats(net);
#define X(name) fprintf(stderr, "%s %llu\n", #name, (unsigned long long)stats->name);
        ZSIP_NET_STATS_MAP(X)
#undef X
    }
    zsip_net_destroy(net);
}
