/* A MESSAGE comes in, a 200 goes out, and the same text goes back to who sent it.
 *
 *     cc echo.c $(pkg-config --cflags --libs zsip) -o echo
 *     ./echo 127.0.0.1:5080
 *
 * SPDX-License-Identifier: MIT
 */
#include <zsip/zsip.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct zsip_worker *worker;

static void on_signal(int number)
{
    (void)number;
    zsip_worker_stop(worker);
}

/* Sends the body back to the From URI, by the way the request came. */
static void echo(struct zsip_endpoint *endpoint, const struct zsip_incoming *in)
{
    struct zsip_send send;
    uint64_t client;
    zsip_send_init(&send);
    send.target = zsip_msg_view(in->msg, in->msg->from.uri);
    send.from = zsip_msg_view(in->msg, in->msg->to.uri);
    send.body = zsip_msg_body(in->msg);
    send.path = *in->path;
    enum zsip_status status = zsip_endpoint_send(endpoint, &send, in->now, &client);
    if (status != ZSIP_OK)
        fprintf(stderr, "echo: not sent: %s\n", zsip_status_text(status));
}

static void on_request(void *user, struct zsip_endpoint *endpoint, const struct zsip_incoming *in)
{
    struct zsip_response ok = {.struct_bytes = sizeof(ok), .status = 200};
    (void)user;
    if (in->msg->method != ZSIP_METHOD_MESSAGE)
        return; /* OPTIONS is answered for us */
    zsip_endpoint_respond(endpoint, in->handle, &ok, in->now);
    echo(endpoint, in);
}

static void on_outcome(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_outcome *outcome)
{
    (void)user;
    (void)endpoint;
    if (outcome->final)
        printf("echo: %u\n", outcome->code);
}

int main(int argc, char **argv)
{
    char error[256];
    struct zsip_address address;
    struct zsip_worker_config config;
    if (argc != 2 || zsip_address_parse(argv[1], 5060, &address) != ZSIP_OK) {
        fprintf(stderr, "usage: echo ADDRESS:PORT\n");
        return 64;
    }
    zsip_worker_config_init(&config);
    config.endpoint.callbacks.request = on_request;
    config.endpoint.callbacks.outcome = on_outcome;
    if (zsip_worker_create(&config, &worker, error, sizeof(error)) != ZSIP_OK ||
        zsip_worker_listen(worker, ZSIP_TRANSPORT_UDP, &address, 0, NULL, error, sizeof(error)) !=
            ZSIP_OK) {
        fprintf(stderr, "echo: %s\n", error);
        return 1;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    enum zsip_status status = zsip_worker_run(worker);
    zsip_worker_destroy(worker);
    return status == ZSIP_OK ? 0 : 1;
}
