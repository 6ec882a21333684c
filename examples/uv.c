/* The endpoint alone, in a loop of libuv: a UDP handle and a timer.
 *
 *     cc uv.c $(pkg-config --cflags --libs zsip libuv) -o uv
 *     ./uv 5082                                              port; Ctrl-C ends it
 *
 * SPDX-License-Identifier: MIT
 */
#include <zsip/zsip.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static struct zsip_endpoint *endpoint;
static uv_udp_t udp;
static uv_timer_t timer;

static void on_timer(uv_timer_t *handle);

static void on_request(void *user, struct zsip_endpoint *self, const struct zsip_incoming *in)
{
    struct zsip_response ok = {.struct_bytes = sizeof(ok), .status = 202};
    (void)user;
    zsip_endpoint_respond(self, in->handle, &ok, in->now);
}

/* Sends what there is, and sets the timer for what comes next. uv_udp_try_send() sends at once or
 * not at all, so the output may be taken back; what is lost so is what UDP loses anyway. */
static void after(void)
{
    size_t count;
    const struct zsip_output *outputs = zsip_endpoint_output(endpoint, &count);
    for (size_t i = 0; i < count; i++) {
        const struct zsip_address *remote = &outputs[i].path->remote;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(remote->port)};
        uv_buf_t buffer = uv_buf_init((char *)outputs[i].data, outputs[i].bytes);
        memcpy(&to.sin_addr, remote->ip, 4);
        uv_udp_try_send(&udp, &buffer, 1, (struct sockaddr *)&to);
    }
    zsip_endpoint_output_done(endpoint);
    uint64_t now_ns = zsip_time_now().monotonic_ns, next_ns = zsip_endpoint_deadline(endpoint);
    if (next_ns == ZSIP_NEVER_NS)
        uv_timer_stop(&timer);
    else
        uv_timer_start(&timer, on_timer,
                       next_ns <= now_ns ? 0 : (next_ns - now_ns) / ZSIP_NS_PER_MS + 1, 0);
}

static void on_timer(uv_timer_t *handle)
{
    (void)handle;
    zsip_endpoint_expire(endpoint, zsip_time_now()); /* if more is due, the timer is 0 */
    after();
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    static char room[65536];
    (void)handle;
    (void)wanted;
    *buffer = uv_buf_init(room, sizeof(room));
}

static void on_datagram(uv_udp_t *handle, ssize_t bytes, const uv_buf_t *buffer,
                        const struct sockaddr *from, unsigned flags)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    struct zsip_path path = {.transport = ZSIP_TRANSPORT_UDP};
    size_t used;
    (void)handle;
    if (bytes <= 0 || from == NULL || (flags & UV_UDP_PARTIAL))
        return;
    path.remote.family = ZSIP_FAMILY_IPV4;
    path.remote.port = ntohs(in->sin_port);
    memcpy(path.remote.ip, &in->sin_addr, 4);
    struct zsip_packet packet = {
        .data = (const uint8_t *)buffer->base, .path = &path, .bytes = (uint32_t)bytes};
    zsip_endpoint_receive(endpoint, &packet, 1, zsip_time_now(), &used);
    after();
}

int main(int argc, char **argv)
{
    struct zsip_endpoint_config config;
    struct sockaddr_in name;
    zsip_endpoint_config_init(&config);
    config.callbacks.request = on_request;
    uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 5082, &name);
    uv_udp_init(uv_default_loop(), &udp);
    uv_timer_init(uv_default_loop(), &timer);
    if (zsip_random(config.seed, sizeof(config.seed)) != ZSIP_OK ||
        zsip_endpoint_create(&config, &endpoint) != ZSIP_OK ||
        uv_udp_bind(&udp, (struct sockaddr *)&name, 0) != 0 ||
        uv_udp_recv_start(&udp, on_room, on_datagram) != 0)
        return fprintf(stderr, "uv: can't begin\n"), 1;
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
