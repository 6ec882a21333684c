/* Sends many MESSAGEs, a bounded number at a time, and counts what became of them.
 *
 *     cc bulk.c $(pkg-config --cflags --libs zsip) -o bulk
 *     ./bulk 127.0.0.1:5060 100000 "Watson, come here."      where to, how many, what
 *
 * SPDX-License-Identifier: MIT
 */
#include <zsip/zsip.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNDER_WAY 256u

static struct bulk {
    struct zsip_path path;
    struct zsip_view text;
    unsigned total, sent, ended, accepted, failed;
} bulk;

/* Completion: a response, a timeout or an unreachable peer, each told as a status code. */
static void on_outcome(void *user, struct zsip_endpoint *endpoint,
                       const struct zsip_outcome *outcome)
{
    (void)user;
    (void)endpoint;
    if (!outcome->final)
        return;
    bulk.ended++;
    if (outcome->code / 100 == 2)
        bulk.accepted++;
    else if (bulk.failed++ == 0)
        fprintf(stderr, "bulk: message %llu: %u\n", (unsigned long long)outcome->cookie,
                outcome->code);
}

/* Once a turn: tops up what is under way. A target has one MESSAGE pending at a time (RFC 3428
 * section 8), so each goes to a user of its own. */
static uint64_t on_turn(void *user, struct zsip_worker *worker, struct zsip_time now)
{
    (void)user;
    while (bulk.sent < bulk.total && bulk.sent - bulk.ended < UNDER_WAY) {
        char target[64];
        struct zsip_send send;
        uint64_t client;
        snprintf(target, sizeof(target), "sip:user%u@example.com", bulk.sent);
        zsip_send_init(&send);
        send.target = (struct zsip_view){(const uint8_t *)target, strlen(target)};
        send.from = ZSIP_VIEW("sip:bulk@example.com");
        send.body = bulk.text;
        send.path = bulk.path;
        send.cookie = bulk.sent;
        enum zsip_status status =
            zsip_endpoint_send(zsip_worker_endpoint(worker), &send, now, &client);
        if (status == ZSIP_ERROR_FULL)
            break; /* the rest in the next turn */
        bulk.sent++;
        if (status != ZSIP_OK) {
            fprintf(stderr, "bulk: not sent: %s\n", zsip_status_text(status));
            bulk.ended++, bulk.failed++;
        }
    }
    if (bulk.ended == bulk.total)
        zsip_worker_stop(worker);
    return ZSIP_NEVER_NS;
}

int main(int argc, char **argv)
{
    char error[256];
    struct zsip_worker *worker;
    struct zsip_worker_config config;
    struct zsip_address local;
    bulk.path.transport = ZSIP_TRANSPORT_UDP;
    if (argc != 4 || zsip_address_parse(argv[1], 5060, &bulk.path.remote) != ZSIP_OK ||
        zsip_address_source(&bulk.path.remote, &local) != ZSIP_OK)
        return fprintf(stderr, "usage: bulk ADDRESS:PORT COUNT TEXT\n"), 64;
    bulk.total = (unsigned)strtoul(argv[2], NULL, 10);
    bulk.text = (struct zsip_view){(const uint8_t *)argv[3], strlen(argv[3])};
    zsip_worker_config_init(&config);
    config.endpoint.callbacks.outcome = on_outcome;
    config.turn = on_turn;
    if (zsip_worker_create(&config, &worker, error, sizeof(error)) != ZSIP_OK ||
        zsip_worker_listen(worker, ZSIP_TRANSPORT_UDP, &local, 0, NULL, error, sizeof(error)) !=
            ZSIP_OK)
        return fprintf(stderr, "bulk: %s\n", error), 1;
    enum zsip_status status = zsip_worker_run(worker);
    zsip_worker_destroy(worker);
    printf("%u sent, %u accepted, %u failed\n", bulk.sent, bulk.accepted, bulk.failed);
    return status == ZSIP_OK && bulk.failed == 0 ? 0 : 1;
}
