/* The model: client transactions.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/model.h"

#include <string.h>

static uint64_t level_ns(unsigned level)
{
    return (uint64_t)T1 << level;
}

void model_client_open(struct input *input)
{
    const bool reliable = take(input, 4) == 0;
    struct client client = {.live = true, .reliable = reliable, .sends = 1};
    client.method = take(input, 3);
    client.cookie = model.client_count * 77u;
    const enum zsip_status got = zsip_txn_client_open(model.txn, reliable, (uint8_t)client.method,
                                                      client.cookie, model.now, &client.handle);
    CHECK(got == (model.clients_live < model.client_max ? ZSIP_OK : ZSIP_ERROR_FULL));
    if (got != ZSIP_OK)
        return;
    zsip_txn_branch_write(model.txn, client.handle, client.branch);
    client.f_due = model.now + F;
    client.e_due = reliable ? ZSIP_NEVER_NS : model.now + level_ns(0);
    CHECK(model.client_count < CLIENTS_MAX);
    model.clients[model.client_count++] = client;
    model.clients_live++;
}

static void client_gone(struct client *client)
{
    client->live = false;
    model.clients_live--;
}

void model_client_response(struct input *input)
{
    static const unsigned statuses[] = {100, 183, 200, 408, 603};
    const unsigned which = take(input, 256), status = statuses[take(input, 5)];
    const unsigned method = take(input, 3), damage = take(input, 256);
    char branch[ZSIP_TXN_BRANCH_BYTES];
    struct zsip_txn_client handle;
    uint64_t cookie;
    unsigned actions;
    struct client *client;
    if (model.client_count == 0)
        return;
    client = &model.clients[model.client_count - 1 - which % model.client_count];
    memcpy(branch, client->branch, sizeof(branch));
    if (damage >= 200)
        branch[damage % sizeof(branch)] ^= 1;
    const enum zsip_status got =
        zsip_txn_client_find(model.txn, (struct zsip_view){(uint8_t *)branch, sizeof(branch)},
                             (uint8_t)method, status, &handle, &cookie);
    if (damage >= 200) {
        CHECK(got == ZSIP_ERROR_MISMATCH);
        return;
    }
    if (!client->live) {
        CHECK(got == ZSIP_ERROR_STALE);
        return;
    }
    if (method != client->method) {
        CHECK(got == ZSIP_ERROR_MISMATCH);
        return;
    }
    CHECK(got == ZSIP_OK && cookie == client->cookie);
    CHECK(zsip_txn_client_sends(model.txn, handle) == client->sends);
    CHECK(zsip_txn_client_response(model.txn, handle, status, model.now, &actions) == ZSIP_OK);
    CHECK(actions & ZSIP_TXN_PASS_RESPONSE);
    CHECK(!(actions & ZSIP_TXN_FREE) == (status < 200));
    client->proceeding = true;
    if (status >= 200)
        client_gone(client);
}

void model_client_end(struct input *input)
{
    const unsigned which = take(input, 256);
    const bool failed = take(input, 2);
    unsigned actions = 0;
    struct client *client;
    if (model.client_count == 0)
        return;
    client = &model.clients[model.client_count - 1 - which % model.client_count];
    const enum zsip_status got = failed
                                     ? zsip_txn_client_failed(model.txn, client->handle, &actions)
                                     : zsip_txn_client_close(model.txn, client->handle);
    CHECK(got == (client->live ? ZSIP_OK : ZSIP_ERROR_STALE));
    CHECK(!(actions & ZSIP_TXN_PASS_ERROR) == !(failed && client->live));
    if (client->live)
        client_gone(client);
}

void model_client_event(const struct zsip_txn_event *event)
{
    struct client *client = NULL;
    for (unsigned i = 0; i < model.client_count; i++)
        if (model.clients[i].live && model.clients[i].cookie == event->cookie)
            client = &model.clients[i];
    CHECK(client && client->handle.slot == event->of.client.slot);
    if (event->kind == ZSIP_TXN_CLIENT_TIMEOUT) {
        CHECK(client->f_due <= model.now && event->sends == client->sends);
        client_gone(client);
        return;
    }
    CHECK(client->e_due <= model.now && client->f_due > model.now);
    CHECK(event->sends == ++client->sends);
    if (client->proceeding)
        client->level = LEVELS - 1;
    else
        client->level += client->level < LEVELS - 1;
    client->e_due = model.now + level_ns(client->level);
}
