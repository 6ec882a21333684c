/* What a program of somebody else's uses of each depth. */
#include "zsip/zsip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "MESSAGE sip:bob@example.com SIP/2.0\r\n"
                           "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                           "Max-Forwards: 70\r\n"
                           "From: <sip:alice@example.com>;tag=1\r\n"
                           "To: <sip:bob@example.com>\r\n"
                           "Call-ID: 1@example.com\r\n"
                           "CSeq: 1 MESSAGE\r\n"
                           "Content-Length: 0\r\n\r\n";

static int answers(void)
{
    struct zsip_endpoint_config config;
    struct zsip_endpoint *endpoint;
    struct zsip_path path = {.transport = ZSIP_TRANSPORT_UDP};
    struct zsip_packet packet = {
        .data = (const uint8_t *)text, .path = &path, .bytes = sizeof(text) - 1};
    struct zsip_time now = {.monotonic_ns = 1};
    size_t used, count = 0;
    path.remote.family = ZSIP_FAMILY_IPV4;
    zsip_endpoint_config_init(&config);
    memset(config.seed, 1, sizeof(config.seed));
    if (zsip_endpoint_create(&config, &endpoint) != ZSIP_OK)
        return 0;
    zsip_endpoint_receive(endpoint, &packet, 1, now, &used);
    const struct zsip_output *outputs = zsip_endpoint_output(endpoint, &count);
    int good = count == 1 && memcmp(outputs[0].data, "SIP/2.0 200", 11) == 0;
    zsip_endpoint_destroy(endpoint);
    return good;
}

int main(void)
{
    struct zsip_worker_config config;
    struct zsip_worker *worker;
    char error[256] = "";
    struct zsip_msg *msg = malloc(zsip_msg_size());
    if (msg == NULL || zsip_parse(msg, (const uint8_t *)text, sizeof(text) - 1, 0) != ZSIP_OK)
        return printf("consumer: parser\n"), 1;
    free(msg);
    if (!answers())
        return printf("consumer: endpoint\n"), 1;
    zsip_worker_config_init(&config);
    if (zsip_worker_create(&config, &worker, error, sizeof(error)) != ZSIP_OK)
        return printf("consumer: worker: %s\n", error), 1;
    zsip_worker_destroy(worker);
    printf("consumer: zsip %s\n", zsip_version());
    return 0;
}
