/* The model: time, and the run of a program.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/model.h"

#include <string.h>

static void check_server_event(const struct zsip_txn_event *event)
{
    struct server *server = NULL;
    for (unsigned i = 0; i < model.server_count; i++)
        if (model_handle_is(&model.servers[i], event->of.server))
            server = &model.servers[i];
    CHECK(server != NULL);
    if (event->kind == ZSIP_TXN_SERVER_ABANDONED) {
        CHECK(model.now - server->opened >= F);
        model_free_pending(server);
        return;
    }
    CHECK(event->kind == ZSIP_TXN_SERVER_PROVISIONAL && event->actions == ZSIP_TXN_SEND_100);
    CHECK(server->state == TRYING && model.now - server->opened >= P && model_live(server));
    server->state = PROCEEDING;
}

/* The earliest of what is pending, completed ones aside. */
static uint64_t model_deadline(void)
{
    uint64_t deadline = ZSIP_NEVER_NS;
    for (unsigned i = 0; i < model.client_count; i++) {
        const struct client *client = &model.clients[i];
        const uint64_t due = client->e_due < client->f_due ? client->e_due : client->f_due;
        if (client->live && due < deadline)
            deadline = due;
    }
    for (unsigned i = 0; i < model.server_count; i++) {
        const struct server *server = &model.servers[i];
        uint64_t due = server->opened + F;
        if (server->state != TRYING && server->state != PROCEEDING)
            continue;
        if (server->provisional_due)
            due = server->opened + P;
        if (due < deadline)
            deadline = due;
    }
    return deadline;
}

static void check_deadline(void)
{
    const uint64_t mine = model_deadline(), theirs = zsip_txn_deadline(model.txn);
    uint64_t store = ZSIP_NEVER_NS;
    for (unsigned i = 0; i < model.server_count && store == ZSIP_NEVER_NS; i++)
        if (model.servers[i].state == COMPLETED && model.servers[i].stored)
            store = model.servers[i].expiry;
    CHECK(theirs <= mine);
    if (theirs < mine)
        CHECK(theirs >= store && theirs <= store + F / 128);
    CHECK(store == ZSIP_NEVER_NS || theirs <= store + F / 128);
}

static void expire(unsigned max)
{
    struct zsip_txn_event events[8];
    size_t count;
    const enum zsip_status got = zsip_txn_expire(model.txn, model.now, events, max, &count);
    CHECK(count <= max && (got == ZSIP_OK || got == ZSIP_MORE));
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind <= ZSIP_TXN_CLIENT_TIMEOUT)
            model_client_event(&events[i]);
        else
            check_server_event(&events[i]);
    }
    /* An early 100 of the TU takes timer P's place. */
    model_pop(ZSIP_TXN_POPS_MAX);
    if (got == ZSIP_OK) {
        for (unsigned i = 0; i < model.server_count; i++)
            if (model.now - model.servers[i].opened >= P)
                model.servers[i].provisional_due = false;
        CHECK(model_deadline() > model.now);
        check_deadline();
    }
}

static void op_time(struct input *input)
{
    static const uint32_t steps[] = {1, 100, T1 / 2, T1, 3 * T1, 8 * T1, 20 * T1, F};
    const unsigned how = take(input, 9);
    if (how < 8) {
        model.now += steps[how];
    } else {
        const uint64_t deadline = zsip_txn_deadline(model.txn);
        if (deadline != ZSIP_NEVER_NS && deadline > model.now)
            model.now = deadline;
    }
    if (take(input, 4))
        expire(1 + take(input, 8));
}

/* ---- A run ---------------------------------------------------------------------------------- */

static void *allocate(void *user, size_t bytes)
{
    (void)user;
    return aligned_alloc(64, (bytes + 63) & ~(size_t)63);
}

static void release(void *user, void *memory, size_t bytes)
{
    (void)user, (void)bytes;
    free(memory);
}

static void *reserve(void *user, size_t bytes)
{
    void *memory = aligned_alloc(4096, bytes);
    (void)user;
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

static const struct zsip_memory memory_of_test = {
    sizeof(struct zsip_memory), NULL, allocate, release, reserve, release, NULL};

static void check_usage(void)
{
    struct zsip_txn_usage usage;
    zsip_txn_usage(model.txn, &usage);
    CHECK(usage.records == model.records && usage.reserved == model.reserved);
    CHECK(usage.pending == model.pending && usage.clients == model.clients_live);
    CHECK(usage.log_bytes == model.log_bytes);
    zsip_txn_validate(model.txn);
}

static void set_up(struct input *input)
{
    static const uint32_t sizes[] = {0, 1, 2, 3, 5, 9, 40, 1000};
    struct zsip_txn_config config = {
        .struct_bytes = sizeof(config),
        .memory = &memory_of_test,
        .t1_ns = T1,
        .t2_ns = 8 * T1,
        .t4_ns = 10 * T1,
        .node = 7,
        .worker = 3,
    };
    memset(&model, 0, sizeof(model));
    config.server_records_max = model.records_max = sizes[take(input, 8)];
    config.server_pending_max = model.pending_max = sizes[take(input, 8)];
    config.client_max = model.client_max = sizes[take(input, 8)];
    config.log_bytes_max = model.log_max = sizes[take(input, 8)] * 3;
    memset(config.index_secret, (int)take(input, 256), sizeof(config.index_secret));
    config.branch_secret[3] = 1;
    /* Clocks start anywhere. */
    model.now = (uint64_t)take(input, 256) << 40;
    CHECK(zsip_txn_create(&model.txn, &config) == ZSIP_OK);
}

/* When all is quiet every pool is full again. */
static void quiet(void)
{
    for (unsigned i = 0; i < 20 * (SERVERS_MAX + CLIENTS_MAX); i++) {
        const uint64_t deadline = zsip_txn_deadline(model.txn);
        if (deadline == ZSIP_NEVER_NS)
            break;
        if (deadline > model.now)
            model.now = deadline;
        expire(8);
    }
    check_usage();
    CHECK(model.records == 0 && model.reserved == 0 && model.pending == 0);
    CHECK(model.clients_live == 0 && model.log_bytes == 0);
}

void model_run(const uint8_t *data, size_t size)
{
    struct input input = {data, size < 3000 ? size : 3000};
    struct zsip_txn_range range;
    unsigned steps = 0;
    set_up(&input);
    while (input.size > 0) {
        const unsigned op = take(&input, 16);
        if (op < 6)
            model_request(&input);
        else if (op < 8)
            model_respond(&input);
        else if (op < 10)
            model_client_open(&input);
        else if (op < 12)
            model_client_response(&input);
        else if (op < 13)
            model_client_end(&input);
        else if (op < 15)
            op_time(&input);
        else
            (void)zsip_txn_maintain(model.txn, &range);
        if (++steps % 16 == 0)
            check_usage();
    }
    quiet();
    zsip_txn_destroy(model.txn);
}
