/* The model of the server side: RFC 3261 sections 8.2, 9.2, 17.2.2 and 17.2.3, RFC 4320, and what
 * we say of merged requests, crowds and full stores. It knows who asked what and when, and so what
 * every packet must be answered with. Where two ways are right (a full store answers 503 with and
 * without keeping it; a record within its last tick) it goes by what it sees, once. */
#include "tests/sim/server.h"

#include <string.h>

/* ---- Answers --------------------------------------------------------------------------------- */

/* What a first answer, given now, leaves behind. */
struct first {
    unsigned status;
    unsigned units;
    uint64_t log_bytes;
    bool unsure; /* it may as well leave nothing */
};

static const struct first *plainly(unsigned status, struct first *first)
{
    *first = (struct first){status, 1, 0, false};
    return first;
}

static void remember(struct node *node, const struct packet *packet, const struct first *first,
                     const struct answer_facts *facts, bool maybe)
{
    if (packet->path.flags & ZSIP_PATH_RELIABLE)
        return; /* Timer J is 0 */
    record_ghosts(node, &packet->look);
    struct record *record = record_new(node, &packet->look);
    record->cancel = span_is(packet->data, packet->look.method, "CANCEL");
    record->status = first->status;
    record->units = first->units;
    record->log_bytes = first->log_bytes;
    record->maybe = maybe;
    record->loose = packet->damage == WILD || facts == NULL;
    if (facts != NULL) {
        record->rest_hash = facts->rest_hash;
        record->to_tag = facts->to_tag;
    }
    record_done(node, record);
}

static void wrong_answer(struct node *node, const struct packet *packet,
                         const struct zsip_output *output, unsigned shall)
{
    fail(node->world, "node %u answers %.*s, not %u, to\n%.*s", node->index, output == NULL ? 7 : 3,
         output == NULL ? "nothing" : (const char *)output->data + 8, shall, (int)packet->bytes,
         (const char *)packet->data);
}

/* The first answer to a request has to be here now; or a 503, where the store may be full. */
static void first_answer(struct node *node, const struct packet *packet, const struct first *first)
{
    const struct zsip_output *output = node_peek(node);
    if (output == NULL) {
        if (!node_pressed(node, packet->bytes))
            wrong_answer(node, packet, NULL, first->status);
        remember(node, packet, first, NULL, true);
        return;
    }
    struct answer_facts facts = answer_check(node, packet, output);
    if (facts.status == first->status) {
        bool maybe = first->unsure || (first->status == 503 && refused_rightly(node, packet, 1, 0));
        remember(node, packet, first, &facts, maybe);
    } else if (facts.status != 503 ||
               !refused_rightly(node, packet, first->units, first->log_bytes)) {
        wrong_answer(node, packet, output, first->status);
    }
    node->world->answers++;
    node_take(node);
}

static void stateless_answer(struct node *node, const struct packet *packet, unsigned status)
{
    const struct zsip_output *output = node_peek(node);
    if (output == NULL && node_pressed(node, packet->bytes))
        return;
    if (output == NULL || answer_check(node, packet, output).status != status)
        wrong_answer(node, packet, output, status);
    node_take(node);
}

/* Is the next response one to this packet? Its status, or 0. */
static unsigned next_status_for(struct node *node, const struct packet *packet)
{
    const struct zsip_output *output = node_peek(node);
    if (output == NULL)
        return 0;
    const struct look *look = node_look(node);
    bool same = look->branch_hash == packet->look.branch_hash && look->name == packet->look.name &&
                look->cseq == packet->look.cseq;
    return same || packet->damage == WILD ? look->status : 0;
}

static void copy_answer(struct node *node, const struct packet *packet, struct record *record)
{
    const struct zsip_output *output = node_peek(node);
    if (output == NULL && node_pressed(node, packet->bytes))
        return;
    if (output == NULL)
        wrong_answer(node, packet, NULL, record->status);
    struct answer_facts facts = answer_check(node, packet, output);
    if (facts.status != record->status)
        wrong_answer(node, packet, output, record->status);
    bool comparable = !record->loose && packet->damage != WILD;
    if (comparable && (facts.rest_hash != record->rest_hash ||
                       (facts.to_tag && record->to_tag && facts.to_tag != record->to_tag)))
        fail(node->world, "node %u: a second answer differs from the first in %s:\n%.*s",
             node->index, facts.rest_hash != record->rest_hash ? "the rest" : "the To tag",
             (int)output->bytes, (const char *)output->data);
    if (record->to_tag == 0)
        record->to_tag = facts.to_tag;
    node->world->copies_answered++;
    node_take(node);
}

/* ---- The end of a packet's part in its turn -------------------------------------------------- */

static bool malformed_status(unsigned status)
{
    return status == 400 || status == 505;
}

/* No transaction, no callback; an answer where there is an address to send it to. */
static void finish_malformed(struct node *node, struct arrival *arrival)
{
    struct packet *packet = arrival->packet;
    if (arrival->asked || arrival->delivered || arrival->told)
        fail(node->world, "node %u believes a broken message:\n%.*s", node->index,
             (int)packet->bytes, (const char *)packet->data);
    const struct zsip_output *output = node_peek(node);
    if (output == NULL || packet->look.status != 0)
        return;
    /* Nothing but what is broken is answered so; with several in a turn it may be another's. */
    const struct look *look = node_look(node);
    if (!malformed_status(look->status))
        return;
    if (look->branch_hash == packet->look.branch_hash &&
        memcmp(output->path->remote.ip, packet->path.remote.ip, 16) != 0)
        fail(node->world, "node %u: the answer to a broken message goes elsewhere", node->index);
    node_take(node);
}

/* The application said nothing. */
static void finish_silence(struct node *node, struct arrival *arrival)
{
    struct first first;
    unsigned status = 500;
    if (span_is(arrival->packet->data, arrival->packet->look.method, "OPTIONS"))
        status = 200;
    else if (arrival->hold_status == ZSIP_ERROR_TOO_LARGE)
        status = 513;
    else if (arrival->hold_status == ZSIP_ERROR_FULL)
        status = 503;
    first_answer(node, arrival->packet, plainly(status, &first));
}

/* A new request that the application is not asked about. */
static void finish_new(struct node *node, const struct packet *packet, unsigned status, bool unsure)
{
    const struct first first = {.status = status, .units = 1, .unsure = unsure};
    if (status == 0)
        fail(node->world, "node %u: the application does not see (answered %u)\n%.*s", node->index,
             next_status_for(node, packet), (int)packet->bytes, (const char *)packet->data);
    first_answer(node, packet, &first);
}

static void finish_verdict(struct node *node, struct arrival *arrival, enum verdict verdict,
                           struct record *record, bool unsure)
{
    const struct packet *packet = arrival->packet;
    unsigned status;
    switch (verdict) {
    case TRYING:
        return;
    case PROCEEDING:
        stateless_answer(node, record->first, 100);
        return;
    case COMPLETED:
        copy_answer(node, packet, record);
        if (unsure) { /* or it was answered anew, alike */
            record_unlink(node, record);
            record_done(node, record);
            record->maybe = true;
        }
        return;
    case CANCEL_FOUND:
        finish_new(node, packet, 200, unsure);
        return;
    case CANCEL_NONE:
        finish_new(node, packet, 481, unsure);
        return;
    case CROWDED:
        stateless_answer(node, packet, packet->look.to_tag_present ? 500 : 482);
        return;
    default:
        break;
    }
    status = record_refusal(node, packet, verdict == MERGED);
    if (status == 0 && node->silent)
        status = 200;
    finish_new(node, packet, status, unsure);
}

/* Of several right verdicts, the one that was acted on. */
static enum verdict acted_on(struct node *node, struct arrival *arrival, unsigned bits,
                             const struct record *record)
{
    const struct packet *packet = arrival->packet;
    unsigned status = next_status_for(node, packet);
    unsigned bit = 0;
    if (bits & 1u << COMPLETED && record != NULL && status == record->status)
        return COMPLETED;
    bits &= ~(1u << COMPLETED);
    for (; bit < 8; bit++) {
        if (!(bits & 1u << bit))
            continue;
        unsigned shall = bit == CANCEL_FOUND  ? 200
                         : bit == CANCEL_NONE ? 481
                         : bit == CROWDED     ? packet->look.to_tag_present ? 500 : 482
                                              : record_refusal(node, packet, bit == MERGED);
        if (shall == 0 && node->silent)
            shall = 200;
        if (shall == status || (shall != 0 && status == 503))
            break;
    }
    return bit < 8 ? (enum verdict)bit : (enum verdict)__builtin_ctz(bits);
}

static void finish_request(struct node *node, struct arrival *arrival)
{
    const struct packet *packet = arrival->packet;
    struct record *record = NULL;
    if (span_is(packet->data, packet->look.method, "ACK"))
        return;
    if (span_is(packet->data, packet->look.method, "INVITE")) {
        stateless_answer(node, packet, 405);
        return;
    }
    unsigned bits = record_verdicts(node, packet, &record);
    enum verdict verdict = (enum verdict)__builtin_ctz(bits);
    bool unsure = (bits & (bits - 1)) != 0;
    if (unsure)
        verdict = acted_on(node, arrival, bits, record);
    /* As a crowd's stateless 482 and a merged one's, which is kept, look alike. */
    finish_verdict(node, arrival, verdict, record, unsure);
}

void server_finish(struct node *node, struct arrival *arrival)
{
    const struct packet *packet = arrival->packet;
    bool seen = arrival->asked || arrival->delivered;
    if (packet->damage == BROKEN || !packet->look.ok) {
        finish_malformed(node, arrival);
        return;
    }
    if (packet->damage == WILD && !seen) {
        unsigned status = next_status_for(node, packet);
        if (status == 0)
            return;
        if (malformed_status(status)) {
            node_take(node);
            return;
        }
    }
    if (arrival->answered || arrival->held || (arrival->asked && !arrival->admitted))
        return;
    if (arrival->delivered)
        finish_silence(node, arrival);
    else
        finish_request(node, arrival);
}

/* ---- What the application sees and does ------------------------------------------------------ */

void server_expect_new(struct node *node, struct arrival *arrival)
{
    const struct packet *packet = arrival->packet;
    struct record *record;
    bool never = packet->damage == BROKEN || !packet->look.ok ||
                 span_is(packet->data, packet->look.method, "ACK") ||
                 span_is(packet->data, packet->look.method, "INVITE");
    arrival->verdicts = never ? 0 : record_verdicts(node, packet, &record);
    if (!(arrival->verdicts & (1u << NEW | 1u << MERGED)))
        fail(node->world, "node %u: the application sees again, or never had to see\n%.*s",
             node->index, (int)packet->bytes, (const char *)packet->data);
    record_ghosts(node, &packet->look);
}

void server_expect_delivery(struct node *node, struct arrival *arrival)
{
    const struct packet *packet = arrival->packet;
    bool right = (arrival->verdicts & 1u << NEW && record_refusal(node, packet, false) == 0) ||
                 (arrival->verdicts & 1u << MERGED && record_refusal(node, packet, true) == 0);
    if (!right)
        fail(node->world, "node %u: the application sees what has to be refused:\n%.*s",
             node->index, (int)packet->bytes, (const char *)packet->data);
}

void server_answered(struct node *node, struct arrival *arrival, enum zsip_status status,
                     const struct zsip_response *response)
{
    const struct packet *packet = arrival->packet;
    uint64_t log_bytes = log_bytes_of(response);
    const struct first first = {response->status, log_bytes > 0 ? 2 : 1, log_bytes, false};
    arrival->answered = true;
    const struct zsip_output *output = node_peek(node);
    if (status == ZSIP_ERROR_FULL && output == NULL && node_pressed(node, packet->bytes)) {
        remember(node, packet, &first, NULL, true);
        return;
    }
    if (status != ZSIP_OK && status != ZSIP_ERROR_FULL)
        fail(node->world, "node %u: an answer: %s", node->index, zsip_status_name(status));
    if (output == NULL)
        wrong_answer(node, packet, NULL, response->status);
    struct answer_facts facts = answer_check(node, packet, output);
    if (status == ZSIP_OK) {
        if (facts.status != response->status)
            wrong_answer(node, packet, output, response->status);
        remember(node, packet, &first, &facts, false);
    } else if (facts.status != 503 ||
               !refused_rightly(node, packet, first.units, first.log_bytes)) {
        wrong_answer(node, packet, output, response->status);
    }
    node->world->answers++;
    node_take(node);
}

void server_held(struct node *node, struct arrival *arrival, enum zsip_status status,
                 uint64_t handle)
{
    struct packet *packet = arrival->packet;
    struct server_model *model = &node->server;
    bool reliable = (packet->path.flags & ZSIP_PATH_RELIABLE) != 0;
    arrival->hold_status = status;
    bool full = model->pending_count == node->config.pending_max;
    if (status == ZSIP_ERROR_TOO_LARGE &&
        (packet->bytes + 200 > node->config.pending_bytes_max || node_pressed(node, packet->bytes)))
        return;
    if (status == ZSIP_ERROR_FULL && (full || (!reliable && store_full(node, 1, 0)) ||
                                      record_sharers(node, packet->look.m) >= 8))
        return;
    if (status != ZSIP_OK || full)
        fail(node->world, "node %u: to hold one more than %u: %s", node->index,
             model->pending_count, zsip_status_name(status));
    struct record *record = record_new(node, &packet->look);
    arrival->held = true;
    record->handle = handle;
    record->reliable = reliable;
    record->pending = true;
    record->loose = packet->damage == WILD;
    record->first = packet_keep(packet);
    record_link(&model->pending_first, &model->pending_last, record);
    if (model->hand == NULL)
        model->hand = record;
    model->pending_count++;
    model->pending_unreliable += !reliable;
}

/* The final answer to a held request went out. */
static void held_done(struct node *node, struct record *record,
                      const struct zsip_response *response)
{
    const struct zsip_output *output = node_peek(node);
    if (output == NULL)
        fail(node->world, "node %u: no answer to a held request", node->index);
    struct answer_facts facts = answer_check(node, record->first, output);
    if (facts.status != response->status)
        wrong_answer(node, record->first, output, response->status);
    node_take(node);
    node->world->answers++;
    record->status = response->status;
    record->rest_hash = facts.rest_hash;
    record->to_tag = facts.to_tag;
    if (record->reliable) {
        record_free(node, record);
        return;
    }
    record_unlink(node, record);
    record->log_bytes = log_bytes_of(response);
    record->units = record->log_bytes > 0 ? 2 : 1;
    record_done(node, record);
}

static void held_hundred(struct node *node, struct record *record)
{
    uint64_t age = node->world->now_ns - record->opened_ns;
    /* RFC 4320 section 4.1: not yet; whatever is written now is a fault. But in the turn in which
     * it is due anyway it takes the place of the one that is. */
    if (!record->reliable && !record->hundred &&
        (node->mode != EXPIRING || age < node->p_ns || node_peek(node) == NULL))
        return;
    stateless_answer(node, record->first, 100);
    record->hundred = true;
    if (node->server.hand == record)
        node->server.hand = record->newer;
}

void server_held_answered(struct node *node, struct record *record, enum zsip_status status,
                          const struct zsip_response *response)
{
    bool live = record->pending && node->world->now_ns - record->opened_ns < node->f_ns;
    uint64_t log_bytes = log_bytes_of(response);
    if (live && status == ZSIP_ERROR_FULL &&
        (log_full(node, log_bytes) || (log_bytes > 0 && store_full(node, 2, 1)) ||
         node_pressed(node, record->first->bytes)))
        return;
    if (status != (live ? ZSIP_OK : ZSIP_ERROR_STALE))
        fail(node->world, "node %u: to answer a %s held request: %s", node->index,
             live ? "live" : "dead", zsip_status_name(status));
    if (!live)
        return;
    if (response->status == 100)
        held_hundred(node, record);
    else
        held_done(node, record, response);
}

/* A 100 that goes out by itself: to the oldest held request without one, at its time. */
void server_hundred(struct node *node, const struct zsip_output *output)
{
    struct server_model *model = &node->server;
    while (model->hand != NULL && model->hand->hundred)
        model->hand = model->hand->newer;
    struct record *record = model->hand;
    if (record == NULL)
        fail(node->world, "node %u: a response out of nothing:\n%.*s", node->index,
             (int)output->bytes, (const char *)output->data);
    uint64_t age = node->world->now_ns - record->opened_ns;
    if (answer_check(node, record->first, output).status != 100 || age < node->p_ns ||
        age > node->p_ns + node->lag_ns)
        fail(node->world, "node %u: after %.6f s, not %.6f s, by itself:\n%.*s", node->index,
             (double)age / 1e9, (double)node->p_ns / 1e9, (int)output->bytes,
             (const char *)output->data);
    record->hundred = true;
    model->hand = record->newer;
}

void server_abandoned(struct node *node, uint64_t handle)
{
    struct record *record = node->server.pending_first;
    if (record == NULL || record->handle != handle)
        fail(node->world, "node %u: a request is abandoned out of turn", node->index);
    uint64_t age = node->world->now_ns - record->opened_ns;
    if (age < node->f_ns || age > node->f_ns + node->lag_ns)
        fail(node->world, "node %u: abandoned after %.6f s", node->index, (double)age / 1e9);
    node->server.abandoned++;
    record_free(node, record);
}
