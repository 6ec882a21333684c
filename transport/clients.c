/* Requests of the application's that left by a connection and may not be answered yet: when it is
 * lost, so are they (RFC 3261 section 17.1.4). The low half of a client is its place in a table of
 * the application's, and has one request at a time: so one entry a place is enough, and a request
 * that was answered is forgotten when the next takes its place. */
#include "transport/internal.h"

static struct client_entry *entry_of(struct streams *s, uint64_t client)
{
    return &s->clients[(uint32_t)client & s->client_mask];
}

static uint32_t *head_of(struct streams *s, const struct client_entry *entry)
{
    return entry->connection == NO_CONNECTION ? &s->orphans
                                              : &s->connections[entry->connection].client_first;
}

static void unlink_entry(struct streams *s, struct client_entry *entry)
{
    if (entry->client == 0)
        return;
    if (entry->prev == NO_CLIENT)
        *head_of(s, entry) = entry->next;
    else
        s->clients[entry->prev].next = entry->next;
    if (entry->next != NO_CLIENT)
        s->clients[entry->next].prev = entry->prev;
    entry->client = 0;
}

void zsip_client_track(struct zsip_net *t, struct connection *c, uint64_t client)
{
    struct streams *s = t->streams;
    struct client_entry *entry = entry_of(s, client);
    uint32_t index = (uint32_t)(entry - s->clients);
    unlink_entry(s, entry);
    *entry = (struct client_entry){.client = client,
                                   .connection = (uint32_t)(c - s->connections),
                                   .next = c->client_first,
                                   .prev = NO_CLIENT};
    if (c->client_first != NO_CLIENT)
        s->clients[c->client_first].prev = index;
    c->client_first = index;
}

void zsip_client_forget(struct zsip_net *t, uint64_t client)
{
    struct client_entry *entry;
    if (t->streams == NULL)
        return;
    entry = entry_of(t->streams, client);
    if (entry->client == client)
        unlink_entry(t->streams, entry);
}

void zsip_clients_lose(struct zsip_net *t, struct connection *c, bool refused)
{
    struct streams *s = t->streams;
    uint32_t first = c->client_first, last = NO_CLIENT;
    c->client_first = NO_CLIENT;
    /* Bounded by the application's table. */
    for (uint32_t i = first; i != NO_CLIENT; i = s->clients[i].next) {
        s->clients[i].connection = NO_CONNECTION;
        s->clients[i].refused = refused;
        last = i;
    }
    if (last == NO_CLIENT)
        return;
    s->clients[last].next = s->orphans;
    if (s->orphans != NO_CLIENT)
        s->clients[s->orphans].prev = last;
    s->orphans = first;
}

void zsip_clients_tell(struct zsip_net *t)
{
    struct streams *s = t->streams;
    while (s->orphans != NO_CLIENT && t->failed_count < FAILED_MAX) {
        struct client_entry *entry = &s->clients[s->orphans];
        uint64_t client = entry->client;
        bool refused = entry->refused;
        unlink_entry(s, entry);
        zsip_net_fail(t, client, refused);
        COUNT(t, requests_lost, 1);
    }
    t->batch.more |= s->orphans != NO_CLIENT;
}
