/* What the model of the server side remembers, and what follows from it: who a request is, whether
 * zsip refuses it (RFC 3261 section 8.2), whether it may find a pool full. */
#include "tests/sim/server.h"

#include <stdlib.h>
#include <string.h>

/* ---- Records --------------------------------------------------------------------------------- */

static struct record **bucket_of(struct server_model *model, uint64_t m)
{
    return &model->buckets[(m >> 20) % RECORD_BUCKETS];
}

struct record *record_new(struct node *node, const struct look *look)
{
    struct world *world = node->world;
    struct record *record = world->records_free;
    if (record != NULL)
        world->records_free = record->same;
    else
        record = malloc(sizeof(*record));
    if (record == NULL)
        abort();
    struct record **bucket = bucket_of(&node->server, look->m);
    *record = (struct record){.same = *bucket,
                              .serial = ++world->record_serial,
                              .m = look->m,
                              .b = look->b,
                              .name = look->name,
                              .opened_ns = world->now_ns};
    *bucket = record;
    return record;
}

void record_link(struct record **first, struct record **last, struct record *record)
{
    record->older = *last;
    record->newer = NULL;
    if (*last != NULL)
        (*last)->newer = record;
    else
        *first = record;
    *last = record;
}

static void unlink_from(struct record **first, struct record **last, struct record *record)
{
    if (record->older != NULL)
        record->older->newer = record->newer;
    else
        *first = record->newer;
    if (record->newer != NULL)
        record->newer->older = record->older;
    else
        *last = record->older;
}

/* Takes a record off its list; it is neither pending nor done then. */
void record_unlink(struct node *node, struct record *record)
{
    struct server_model *model = &node->server;
    if (!record->pending) {
        unlink_from(&model->done_first, &model->done_last, record);
        model->units -= record->units;
        model->log_bytes -= record->log_bytes;
        return;
    }
    if (model->hand == record)
        model->hand = record->newer;
    unlink_from(&model->pending_first, &model->pending_last, record);
    model->pending_count--;
    model->pending_unreliable -= !record->reliable;
    packet_drop(node->world, record->first);
    record->first = NULL;
}

void record_free(struct node *node, struct record *record)
{
    struct record **link = bucket_of(&node->server, record->m);
    record_unlink(node, record);
    while (*link != record)
        link = &(*link)->same;
    *link = record->same;
    record->serial = 0;
    record->same = node->world->records_free;
    node->world->records_free = record;
}

void record_done(struct node *node, struct record *record)
{
    record->pending = false;
    record->completed_ns = node->world->now_ns;
    record_link(&node->server.done_first, &node->server.done_last, record);
    node->server.units += record->units;
    node->server.log_bytes += record->log_bytes;
}

void server_forget(struct node *node)
{
    while (node->server.done_first != NULL)
        record_free(node, node->server.done_first);
    while (node->server.pending_first != NULL)
        record_free(node, node->server.pending_first);
}

/* The one held last is asked for first. */
struct record *record_by(struct server_model *model, uint64_t handle)
{
    for (struct record *record = model->pending_last; record != NULL; record = record->older) {
        if (record->handle == handle)
            return record;
    }
    return NULL;
}

/* What is past its time for sure, the wake-up for it included, takes no place any more. */
static void purge(struct node *node)
{
    uint64_t longest = node->f_ns + node->f_ns / 64 + node->lag_ns;
    struct record *record;
    while ((record = node->server.done_first) != NULL &&
           node->world->now_ns - record->completed_ns > longest)
        record_free(node, record);
}

/* ---- Who is it ------------------------------------------------------------------------------- */

enum alive {
    DEAD,
    PERHAPS,
    LIVE,
};

static void record_note(struct node *node, const struct record *record)
{
    note(node->world, "  record %llu b %llx: %s %u, %.9f s old%s%s",
         (unsigned long long)record->serial, (unsigned long long)record->b,
         record->pending ? "pending" : "done", record->status,
         (double)(node->world->now_ns -
                  (record->pending ? record->opened_ns : record->completed_ns)) /
             1e9,
         record->maybe ? ", maybe" : "", record->gone ? ", gone" : "");
}

static enum alive record_alive(const struct node *node, const struct record *record)
{
    uint64_t now = node->world->now_ns;
    if (record->gone)
        return DEAD;
    if (record->pending)
        return now - record->opened_ns < node->f_ns ? LIVE : DEAD;
    uint64_t age = now - record->completed_ns;
    /* Time is kept in ticks: Timer J may end late by one. */
    if (age > node->f_ns + node->f_ns / (1u << 17))
        return DEAD;
    return age >= node->f_ns || record->maybe ? PERHAPS : LIVE;
}

static bool same_key(const struct record *record, const struct look *look)
{
    return record->m == look->m && record->b == look->b && record->name == look->name;
}

static enum verdict verdict_of_copy(const struct record *record)
{
    if (!record->pending)
        return COMPLETED;
    return record->hundred ? PROCEEDING : TRYING;
}

struct survey {
    struct record *copy;
    bool target, other;
    unsigned shared;
};

static void survey_add(struct survey *survey, struct record *record, const struct look *look)
{
    survey->shared++;
    if (same_key(record, look))
        survey->copy = record;
    survey->target |= record->b == look->b;
    survey->other |= record->b != look->b && record->name == look->name &&
                     (record->pending || record->status / 100 == 2);
}

static enum verdict verdict_of(const struct survey *survey, const struct look *look, bool cancel)
{
    if (survey->copy != NULL)
        return verdict_of_copy(survey->copy);
    if (cancel && survey->target)
        return CANCEL_FOUND;
    if (survey->shared >= 8)
        return CROWDED;
    if (cancel)
        return CANCEL_NONE;
    return survey->other && !look->to_tag_present ? MERGED : NEW;
}

/* A bit for each verdict that is right: with those records that are there perhaps, without them,
 * and, where there are several of them, what can come out between. */
unsigned record_verdicts(struct node *node, const struct packet *packet, struct record **found)
{
    const struct look *look = &packet->look;
    struct survey with = {0}, without = {0};
    purge(node);
    struct record *record = *bucket_of(&node->server, look->m);
    for (; record != NULL; record = record->same) {
        if (record->m != look->m)
            continue;
        enum alive alive = record_alive(node, record);
        if (alive == DEAD)
            continue;
        if (node->world->verbose)
            record_note(node, record);
        survey_add(&with, record, look);
        if (alive == LIVE)
            survey_add(&without, record, look);
    }
    bool cancel = span_is(packet->data, look->method, "CANCEL");
    unsigned bits =
        1u << verdict_of(&with, look, cancel) | 1u << verdict_of(&without, look, cancel);
    if ((bits & (bits - 1)) != 0 && with.shared - without.shared > 1)
        bits |= cancel ? 1u << CANCEL_FOUND | 1u << CANCEL_NONE | 1u << CROWDED
                       : 1u << NEW | 1u << MERGED | 1u << CROWDED;
    note(node->world, "node %u asked %.*s, b %llx: verdicts %x", node->index, look->method.length,
         (const char *)packet->data, (unsigned long long)look->b, bits);
    *found = with.copy;
    return bits;
}

/* How many live records share an M; those that are there perhaps are counted. */
unsigned record_sharers(struct node *node, uint64_t m)
{
    unsigned count = 0;
    for (struct record *record = *bucket_of(&node->server, m); record; record = record->same)
        count += record->m == m && record_alive(node, record) != DEAD;
    return count;
}

/* ---- Refusals, RFC 3261 section 8.2 in its order --------------------------------------------- */

static bool listed(const char *list, const uint8_t *data, struct span token)
{
    for (const char *at = list; *at != 0;) {
        size_t length = strcspn(at, ",");
        if (length == token.length && memcmp(at, data + token.at, length) == 0)
            return true;
        at += length;
        at += strspn(at, ", ");
    }
    return false;
}

static bool known_method(const uint8_t *data, struct span method)
{
    static const char known[] = "MESSAGE, OPTIONS, REGISTER, INVITE, ACK, CANCEL, BYE, SUBSCRIBE, "
                                "NOTIFY, PUBLISH, INFO, REFER, UPDATE, PRACK";
    return listed(known, data, method);
}

static bool scheme_served(const struct packet *packet)
{
    const uint8_t *uri = packet->data + packet->look.uri.at;
    static const char *const schemes[] = {"sip:", "sips:", "im:", "tel:"};
    for (unsigned i = 0; i < 4; i++) {
        if (packet->look.uri.length > 5 && equal_fold(uri, schemes[i], strlen(schemes[i])))
            return true;
    }
    return false;
}

static bool type_taken(const struct node *node, const struct packet *packet)
{
    struct span type = packet->look.content_type;
    const uint8_t *text = packet->data + type.at;
    if (node->config.accept.length == 0 || packet->bytes <= packet->look.body_at)
        return true;
    return (type.length == 10 && equal_fold(text, "text/plain", 10)) ||
           (type.length > 12 && equal_fold(text, "application/", 12));
}

unsigned record_refusal(const struct node *node, const struct packet *packet, bool merged)
{
    const struct look *look = &packet->look;
    if (!node->config.methods_any && !listed(node->methods, packet->data, look->method))
        return known_method(packet->data, look->method) ? 405 : 501;
    if (!scheme_served(packet))
        return 416;
    if (merged && node->config.merged == ZSIP_MERGED_482)
        return 482;
    if (look->require)
        return 420;
    if (!type_taken(node, packet))
        return 415;
    if (look->to_tag_present && node->config.in_dialog == ZSIP_IN_DIALOG_481)
        return 481;
    return 0;
}

/* ---- What may be full ------------------------------------------------------------------------ */

bool store_full(const struct node *node, unsigned units, unsigned own)
{
    return node->server.units + node->server.pending_unreliable + units >
           (uint64_t)node->config.completed_max + own;
}

bool log_full(const struct node *node, uint64_t bytes)
{
    return bytes > 0 && node->server.log_bytes + bytes > node->config.log_bytes_max;
}

/* Bytes of the log an answer may take at most: it is packed with a small head. */
uint64_t log_bytes_of(const struct zsip_response *response)
{
    size_t bytes = response->reason.length + response->headers.length + response->body.length;
    return bytes == 0 ? 0 : bytes + response->content_type.length + 40;
}

bool refused_rightly(struct node *node, const struct packet *packet, unsigned units,
                     uint64_t log_bytes)
{
    node->world->refusals++;
    return store_full(node, units, 0) || log_full(node, log_bytes) ||
           record_sharers(node, packet->look.m) >= 8;
}

/* A record that was there perhaps and turned out not to be. */
void record_ghosts(struct node *node, const struct look *look)
{
    struct record *record = *bucket_of(&node->server, look->m);
    while (record != NULL) {
        if (same_key(record, look) && !record->pending)
            record->gone = true;
        record = record->same;
    }
}
