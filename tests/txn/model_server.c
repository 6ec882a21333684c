/* The model: server transactions.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/model.h"

#include <string.h>

struct model model;

static struct zsip_view text(const char *const *texts, unsigned which)
{
    return (struct zsip_view){(const uint8_t *)texts[which], strlen(texts[which])};
}

static struct zsip_txn_request request_of(const struct identity *is)
{
    static const char *const calls[] = {"one@host", "two@host", "a much longer Call-ID@host.net"};
    static const char *const froms[] = {"", "tag"};
    static const char *const branches[] = {"z9hG4bKa", "z9hG4bKb", "z9hG4bKc", "z9hG4bKd",
                                           "z9hG4bKe", "z9hG4bKf", "z9hG4bKg", "z9hG4bKh",
                                           "z9hG4bKi", "z9hG4bKj"};
    static const char *const hosts[] = {"a.net:5060", "b.net", "A.NET:5060"};
    static const char *const names[] = {"FOO", "BAR"};
    static const char *const uris[] = {"sip:x@y", "sip:x@z"};
    static const char *const tags[] = {"", "totag"};
    static const char *const vias[] = {"SIP/2.0/UDP a.net", "SIP/2.0/UDP b.net"};
    return (struct zsip_txn_request){
        .call_id = text(calls, is->call),
        .from_tag = text(froms, is->from),
        .branch = text(branches, is->branch),
        .sent_by = text(hosts, is->sent_by),
        .method_name = text(names, is->name),
        .request_uri = text(uris, is->uri),
        .to_tag = text(tags, is->to_tag),
        .top_via = text(vias, is->via),
        .cseq = 100u + is->cseq,
        .method = is->method,
        .cancel = is->cancel,
        .branch_has_cookie = is->cookie,
        .to_tag_present = is->to_tag != 0,
        .reliable = is->reliable,
    };
}

static bool same_m(const struct identity *a, const struct identity *b)
{
    return a->call == b->call && a->cseq == b->cseq && a->from == b->from;
}

static bool same_b(const struct identity *a, const struct identity *b)
{
    if (a->cookie != b->cookie)
        return false;
    if (a->cookie)
        return a->branch == b->branch && a->sent_by % 2 == b->sent_by % 2;
    return a->uri == b->uri && a->to_tag == b->to_tag && a->via == b->via && a->cseq == b->cseq;
}

static bool same_method(const struct identity *a, const struct identity *b)
{
    if (a->cancel || b->cancel)
        return a->cancel == b->cancel;
    return a->method == b->method && (a->method != 0 || a->name == b->name);
}

bool model_live(const struct server *server)
{
    if (server->state == GONE)
        return false;
    if (server->state == COMPLETED)
        return model.now < server->expiry;
    return model.now - server->opened < F;
}

static struct identity identity_take(struct input *input)
{
    struct identity is = {.cookie = true};
    const unsigned first = take(input, 256), second = take(input, 256);
    is.call = first % 3;
    is.cseq = first / 3 % 2;
    is.from = first / 6 % 2;
    is.sent_by = first / 12 % 3;
    is.reliable = first / 36 % 5 == 0;
    is.branch = second % 10;
    is.method = (uint8_t)(second / 10 % 3);
    is.cancel = second / 30 % 6 == 0;
    if (second / 180) {
        const unsigned third = take(input, 256);
        is.cookie = third & 1;
        is.name = third >> 1 & 1;
        is.uri = third >> 2 & 1;
        is.to_tag = third >> 3 & 1;
        is.via = third >> 4 & 1;
    }
    return is;
}

/* ---- Deltas --------------------------------------------------------------------------------- */

/* Up to 255 bytes; where they are cut from tells which they are. */
static struct zsip_view delta_of(unsigned delta)
{
    static uint8_t delta_bytes[600];
    if (delta == 0)
        return (struct zsip_view){NULL, 0};
    for (size_t i = 0; delta_bytes[1] == 0 && i < sizeof(delta_bytes); i++)
        delta_bytes[i] = (uint8_t)(i * 7 + i / 256);
    return (struct zsip_view){delta_bytes + delta, delta};
}

static size_t rounded(unsigned delta)
{
    return (delta + 7u) & ~7u;
}

/* ---- Operations ----------------------------------------------------------------------------- */

void model_pop(unsigned max)
{
    for (unsigned i = 0; i < model.server_count && max > 0; i++) {
        struct server *server = &model.servers[i];
        if (server->state != COMPLETED || !server->stored)
            continue;
        if (model.now < server->expiry)
            return; /* in order of completion, see complete() */
        server->stored = false;
        server->state = GONE;
        model.records -= server->delta ? 2 : 1;
        model.log_bytes -= rounded(server->delta);
        max--;
    }
}

static unsigned shared_count(const struct identity *is)
{
    unsigned count = 0;
    for (unsigned i = 0; i < model.server_count; i++)
        count += model_live(&model.servers[i]) && same_m(&model.servers[i].is, is);
    return count;
}

/* The store's answer to zsip_store_room. */
static bool model_room(uint32_t own, unsigned delta)
{
    const uint32_t needed = delta ? 2 : 1;
    if (model.records + model.reserved + needed > model.records_max + own)
        model_pop(8);
    if (model.records + model.reserved + needed > model.records_max + own)
        return false;
    return rounded(delta) <= model.log_max - model.log_bytes;
}

/* Completed servers are kept in order of completion: a new one goes to the end. */
static void model_complete(struct server server, unsigned status, unsigned delta)
{
    CHECK(model.server_count < SERVERS_MAX);
    server.state = COMPLETED;
    server.status = status;
    server.delta = delta;
    server.expiry = model.now + F;
    server.stored = true;
    model.records += delta ? 2 : 1;
    model.log_bytes += rounded(delta);
    model.servers[model.server_count++] = server;
}

bool model_handle_is(const struct server *server, struct zsip_txn_server handle)
{
    return (server->state == TRYING || server->state == PROCEEDING) &&
           server->handle.slot == handle.slot && server->handle.generation == handle.generation;
}

/* Is there a server that `found` may speak of? `other_b` as for MERGED, else as for a CANCEL. */
static bool other_named(const struct identity *is, const struct zsip_txn_match *match, bool merged)
{
    bool pending = false, named = false;
    for (unsigned i = 0; i < model.server_count; i++) {
        const struct server *server = &model.servers[i];
        if (!model_live(server) || !same_m(&server->is, is))
            continue;
        if (merged ? same_b(&server->is, is) || !same_method(&server->is, is)
                   : !same_b(&server->is, is) || server->is.cancel)
            continue;
        if (server->state != COMPLETED) {
            pending = true;
            named |= model_handle_is(server, match->server);
        } else if (!merged || server->status / 100 == 2) {
            named |= match->server.generation == 0 && match->status == server->status;
        }
    }
    return named && (!merged || !pending || match->server.generation != 0);
}

static enum zsip_txn_found model_find(const struct identity *is, const struct server **copy)
{
    bool merged = false, target = false;
    unsigned shared = 0;
    for (unsigned i = 0; i < model.server_count; i++) {
        const struct server *server = &model.servers[i];
        if (!model_live(server) || !same_m(&server->is, is))
            continue;
        shared++;
        if (same_b(&server->is, is) && same_method(&server->is, is)) {
            *copy = server;
            return server->state == TRYING       ? ZSIP_TXN_TRYING
                   : server->state == PROCEEDING ? ZSIP_TXN_PROCEEDING
                                                 : ZSIP_TXN_COMPLETED;
        }
        if (is->cancel)
            target |= same_b(&server->is, is);
        else if (!same_b(&server->is, is) && same_method(&server->is, is))
            merged |= server->state != COMPLETED || server->status / 100 == 2;
    }
    if (is->cancel && target)
        return ZSIP_TXN_CANCEL_FOUND;
    if (shared >= ZSIP_TXN_SHARED_MAX)
        return ZSIP_TXN_CROWDED;
    if (is->cancel)
        return ZSIP_TXN_CANCEL_NONE;
    return merged && is->to_tag == 0 ? ZSIP_TXN_MERGED : ZSIP_TXN_NEW;
}

static void op_answer(const struct identity *is, const struct zsip_txn_key *key,
                      struct input *input)
{
    static const unsigned statuses[] = {200, 202, 404, 482, 503, 699};
    const unsigned status = statuses[take(input, 6)];
    const unsigned delta = take(input, 4) == 0 ? take(input, 256) : 0;
    const enum zsip_status got =
        zsip_txn_answer(model.txn, key, status, delta_of(delta), model.now);
    if (is->reliable) {
        CHECK(got == ZSIP_OK);
        return;
    }
    const bool room = model_room(0, delta) && shared_count(is) < ZSIP_TXN_SHARED_MAX;
    CHECK(got == (room ? ZSIP_OK : ZSIP_ERROR_FULL));
    if (room)
        model_complete((struct server){.is = *is}, status, delta);
}

static void op_open(const struct identity *is, const struct zsip_txn_key *key)
{
    struct zsip_txn_server handle;
    const enum zsip_status got = zsip_txn_open(model.txn, key, model.now, &handle);
    const bool room = model.pending < model.pending_max && (is->reliable || model_room(0, 0)) &&
                      shared_count(is) < ZSIP_TXN_SHARED_MAX;
    CHECK(got == (room ? ZSIP_OK : ZSIP_ERROR_FULL));
    if (!room)
        return;
    CHECK(handle.slot < model.pending_max && handle.generation != 0);
    CHECK(zsip_txn_check(model.txn, handle) == ZSIP_OK);
    CHECK(model.server_count < SERVERS_MAX);
    model.servers[model.server_count++] = (struct server){
        .is = *is, .state = TRYING, .opened = model.now, .handle = handle, .provisional_due = true};
    model.pending++;
    model.reserved += !is->reliable;
}

void model_request(struct input *input)
{
    const struct identity is = identity_take(input);
    const struct zsip_txn_request request = request_of(&is);
    const struct server *copy = NULL;
    struct zsip_txn_key key;
    struct zsip_txn_match match;
    zsip_txn_keys(model.txn, &request, 1, &key);
    const enum zsip_txn_found found = zsip_txn_find(model.txn, &key, model.now, &match);
    CHECK(found == model_find(&is, &copy));
    switch (found) {
    case ZSIP_TXN_COMPLETED:
        CHECK(match.status == copy->status && match.delta.length == copy->delta);
        CHECK(copy->delta == 0 ||
              memcmp(match.delta.data, delta_of(copy->delta).data, copy->delta) == 0);
        return;
    case ZSIP_TXN_TRYING:
    case ZSIP_TXN_PROCEEDING:
        CHECK(model_handle_is(copy, match.server));
        return;
    case ZSIP_TXN_CROWDED:
        break; /* must be refused below */
    case ZSIP_TXN_MERGED:
        CHECK(other_named(&is, &match, true));
        break;
    case ZSIP_TXN_CANCEL_FOUND:
        CHECK(other_named(&is, &match, false));
        break;
    default:
        break;
    }
    if (take(input, 2))
        op_answer(&is, &key, input);
    else
        op_open(&is, &key);
}

void model_free_pending(struct server *server)
{
    server->state = GONE;
    model.pending--;
    model.reserved -= !server->is.reliable;
}

void model_respond(struct input *input)
{
    const unsigned which = take(input, 256);
    const unsigned status = take(input, 3) == 0 ? 100 : 200 + take(input, 2) * 300;
    const unsigned delta = take(input, 4) == 0 ? take(input, 256) : 0;
    unsigned actions;
    struct server *server;
    if (model.server_count == 0)
        return;
    server = &model.servers[model.server_count - 1 - which % model.server_count];
    const bool pending =
        (server->state == TRYING || server->state == PROCEEDING) && model_live(server);
    const enum zsip_status got =
        zsip_txn_respond(model.txn, server->handle, status, delta_of(delta), model.now, &actions);
    if (!pending) {
        CHECK(got == ZSIP_ERROR_STALE && actions == 0);
        return;
    }
    if (status == 100) {
        const bool sent = server->is.reliable || server->state == PROCEEDING;
        CHECK(got == ZSIP_OK && actions == (sent ? ZSIP_TXN_SEND_100 : 0));
        server->state = sent ? PROCEEDING : TRYING;
        return;
    }
    if (!server->is.reliable && !model_room(1, delta)) {
        CHECK(got == ZSIP_ERROR_FULL && actions == 0 && delta > 0);
        CHECK(zsip_txn_check(model.txn, server->handle) == ZSIP_OK);
        return;
    }
    CHECK(got == ZSIP_OK && (actions & ZSIP_TXN_SEND_FINAL));
    CHECK(zsip_txn_check(model.txn, server->handle) == ZSIP_ERROR_STALE);
    const struct server before = *server;
    model_free_pending(server);
    if (!before.is.reliable)
        model_complete(before, status, delta);
}
