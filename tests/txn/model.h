/* A model of the transaction room: lists searched from end to end. Programs of operations, made of
 * any bytes, run on it and on the room alike, and each answer of the room is compared with the
 * model's. Shared by the fuzzer and the ordinary tests.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ZSIP_TESTS_TXN_MODEL_H
#define ZSIP_TESTS_TXN_MODEL_H

#include "txn/txn.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* So short that ticks of expiry are exact nanoseconds. */
#define T1 1000u
#define F  (64u * T1)
#define P  (7u * T1)

#define SERVERS_MAX 4096
#define CLIENTS_MAX 1024
#define LEVELS      4

struct input {
    const uint8_t *data;
    size_t size;
};

static inline unsigned take(struct input *input, unsigned bound)
{
    unsigned byte;
    if (input->size == 0)
        return 0;
    byte = *input->data++;
    input->size--;
    return byte % bound;
}

enum state { TRYING, PROCEEDING, COMPLETED, GONE };

/* Which of a few texts each field has. */
struct identity {
    uint8_t call, cseq, from, branch, sent_by, method, name, uri, to_tag, via;
    bool cancel, cookie, reliable;
};

struct server {
    struct identity is;
    enum state state;
    unsigned status, delta;
    uint64_t opened, expiry;
    struct zsip_txn_server handle;
    bool stored, provisional_due;
};

struct client {
    char branch[ZSIP_TXN_BRANCH_BYTES];
    struct zsip_txn_client handle;
    uint64_t cookie, e_due, f_due;
    unsigned level, sends, method;
    bool live, proceeding, reliable;
};

struct model {
    struct zsip_txn *txn;
    uint64_t now;
    uint32_t records_max, pending_max, client_max;
    size_t log_max, log_bytes;
    struct server servers[SERVERS_MAX];
    unsigned server_count;
    struct client clients[CLIENTS_MAX];
    unsigned client_count;
    uint32_t records, reserved, pending, clients_live;
};
extern struct model model;

/* Runs one program. The first bytes choose the sizes of the pools, from 0 on. */
void model_run(const uint8_t *data, size_t size);

/* model_server.c */
void model_request(struct input *input);
void model_respond(struct input *input);
bool model_live(const struct server *server);
bool model_handle_is(const struct server *server, struct zsip_txn_server handle);
void model_free_pending(struct server *server);
/* Pops up to `max` completed records that are past their time, as the store does. */
void model_pop(unsigned max);

/* model_client.c */
void model_client_open(struct input *input);
void model_client_response(struct input *input);
void model_client_end(struct input *input);
void model_client_event(const struct zsip_txn_event *event);

#endif
