/* zsip: server transactions.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/room.h"

/* ---- Look-up -------------------------------------------------------------------------------- */

/* A live transaction that has the M of the key in question. */
struct candidate {
    uint64_t b;
    uint32_t m_extra;
    uint32_t method;
    uint32_t value;                /* in the index */
    struct zsip_server_slot *slot; /* NULL: completed */
};

/* Reads what an entry of the index stands for; false if its M is another or its time is over. */
static inline bool candidate_read(const struct zsip_txn *txn, uint32_t value, uint64_t m,
                                  struct candidate *candidate)
{
    candidate->value = value;
    if (value & ZSIP_VALUE_PENDING) {
        struct zsip_server_slot *slot = &txn->servers[value & ~ZSIP_VALUE_PENDING];
        if (slot->m != m || txn->now_ns - slot->opened_ns >= txn->f_ns)
            return false;
        candidate->slot = slot;
        candidate->b = slot->b;
        candidate->m_extra = slot->m_extra;
        candidate->method = slot->method;
        return true;
    }
    const struct zsip_record *record = zsip_store_record(txn, value);
    if (record->m != m || zsip_store_expiry(txn, value, record->meta) <= txn->now_ns)
        return false;
    candidate->slot = NULL;
    candidate->b = record->b;
    candidate->m_extra = record->m_extra;
    candidate->method = record->meta & 127;
    return true;
}

/* What a walk over all that share an M found. */
struct survey {
    struct candidate copy;   /* of the request itself */
    struct candidate target; /* of a CANCEL */
    struct candidate other;  /* another branch of the same request, pending or answered 2xx */
    uint32_t shared;
    bool has_copy;
    bool has_target;
    bool has_other;
};

static bool answered_2xx(const struct zsip_txn *txn, const struct candidate *candidate)
{
    unsigned status;
    struct zsip_view delta;
    zsip_store_answer(txn, candidate->value, &status, &delta);
    return status / 100 == 2;
}

/* Where one candidate belongs; true ends the walk. */
static bool survey_add(const struct zsip_txn *txn, const struct zsip_txn_key *key,
                       const struct candidate *candidate, struct survey *survey)
{
    const bool same_m = candidate->m_extra == key->m_extra;
    const bool same_b = candidate->b == key->b;
    survey->shared++;
    if (same_m && same_b && candidate->method == key->method) {
        survey->copy = *candidate;
        survey->has_copy = true;
        return true;
    }
    if (key->method == ZSIP_METHOD_CANCEL) {
        /* An unknown method's name is part of m_extra, and a CANCEL does not know it. */
        if (same_b && (same_m || candidate->method == 0)) {
            survey->target = *candidate;
            survey->has_target = true;
        }
    } else if (same_m && !same_b && candidate->method == key->method) {
        if (candidate->slot || (!survey->has_other && answered_2xx(txn, candidate))) {
            survey->other = *candidate;
            survey->has_other = true;
        }
    }
    return false;
}

static void survey_make(const struct zsip_txn *txn, const struct zsip_txn_key *key,
                        struct survey *survey)
{
    const struct zsip_index *index = &txn->index;
    const struct zsip_bucket *bucket = &index->buckets[zsip_index_place(index, key->m)];
    const uint16_t tag = zsip_index_tag(index, key->m);
    survey->shared = 0;
    survey->has_copy = survey->has_target = survey->has_other = false;
    if (zsip_index_empty(index))
        return;
    for (; bucket; bucket = zsip_bucket_next(index, bucket)) {
        for (unsigned bits = zsip_bucket_match(bucket, tag); bits; bits &= bits - 1) {
            struct candidate candidate;
            if (candidate_read(txn, bucket->value[__builtin_ctz(bits)], key->m, &candidate) &&
                survey_add(txn, key, &candidate, survey))
                return;
        }
    }
}

static struct zsip_txn_server handle_of(const struct zsip_txn *txn,
                                        const struct zsip_server_slot *slot)
{
    return (struct zsip_txn_server){(uint32_t)(slot - txn->servers), slot->generation};
}

/* Describes the other transaction of a MERGED or a CANCEL_FOUND. */
static void match_other(const struct zsip_txn *txn, const struct candidate *candidate,
                        struct zsip_txn_match *match)
{
    struct zsip_view delta;
    if (candidate->slot)
        match->server = handle_of(txn, candidate->slot);
    else
        zsip_store_answer(txn, candidate->value, &match->status, &delta);
}

static enum zsip_txn_found find_copy(struct zsip_txn *txn, const struct candidate *copy,
                                     struct zsip_txn_match *match)
{
    const unsigned state = copy->slot ? copy->slot->state : ZSIP_TXN_SERVER_COMPLETED;
    const bool reliable = copy->slot ? copy->slot->reliable : false;
    const struct zsip_txn_cell cell =
        zsip_txn_server_step(state, ZSIP_TXN_SERVER_ON_REQUEST, reliable);
    if (copy->slot)
        match->server = handle_of(txn, copy->slot);
    if (cell.kind == ZSIP_TXN_CELL_IGNORE) {
        txn->stats.absorbed_trying++;
        return ZSIP_TXN_TRYING;
    }
    if (cell.actions & ZSIP_TXN_SEND_100) {
        txn->stats.absorbed_proceeding++;
        return ZSIP_TXN_PROCEEDING;
    }
    zsip_store_answer(txn, copy->value, &match->status, &match->delta);
    txn->stats.absorbed_completed++;
    txn->stats.from_log += match->delta.data != NULL;
    txn->stats.regenerated += match->delta.data == NULL;
    return ZSIP_TXN_COMPLETED;
}

enum zsip_txn_found zsip_txn_find(struct zsip_txn *txn, const struct zsip_txn_key *key,
                                  uint64_t now_ns, struct zsip_txn_match *match)
{
    struct survey survey;
    ZSIP_ASSERT(!key->drawn);
    zsip_txn_clock(txn, now_ns);
    *match = (struct zsip_txn_match){.server = {0, 0}};
    survey_make(txn, key, &survey);
    if (survey.has_copy)
        return find_copy(txn, &survey.copy, match);
    txn->seen_changes = txn->changes;
    txn->seen_shared = survey.shared;
    txn->seen_m = key->m;
    txn->seen_b = key->b;
    if (survey.has_target) {
        txn->stats.cancel_found++;
        match_other(txn, &survey.target, match);
        return ZSIP_TXN_CANCEL_FOUND;
    }
    if (survey.shared >= ZSIP_TXN_SHARED_MAX) {
        txn->stats.crowded++;
        return ZSIP_TXN_CROWDED;
    }
    if (key->method == ZSIP_METHOD_CANCEL) {
        txn->stats.cancel_none++;
        return ZSIP_TXN_CANCEL_NONE;
    }
    if (survey.has_other && !key->to_tag_present) {
        txn->stats.merged++;
        match_other(txn, &survey.other, match);
        return ZSIP_TXN_MERGED;
    }
    return ZSIP_TXN_NEW;
}

/* ---- Opening and answering ------------------------------------------------------------------ */

/* May one more transaction with this key come in? */
static bool key_admitted(struct zsip_txn *txn, const struct zsip_txn_key *key)
{
    uint32_t shared = txn->seen_shared;
    if (txn->seen_changes != txn->changes || txn->seen_m != key->m || txn->seen_b != key->b) {
        struct survey survey;
        survey_make(txn, key, &survey);
        ZSIP_ASSERT(!survey.has_copy);
        shared = survey.shared;
    }
    if (shared < ZSIP_TXN_SHARED_MAX)
        return true;
    txn->stats.crowded++;
    return false;
}

static bool index_insert(struct zsip_txn *txn, uint64_t m, uint32_t value)
{
    txn->changes++;
    if (!zsip_index_insert(&txn->index, m, value)) {
        txn->stats.over_index++;
        return false;
    }
    zsip_store_grow(txn);
    return true;
}

static bool final_status(unsigned status)
{
    return status >= 200 && status <= 699;
}

enum zsip_status zsip_txn_answer(struct zsip_txn *txn, const struct zsip_txn_key *key,
                                 unsigned status, struct zsip_view delta, uint64_t now_ns)
{
    zsip_txn_clock(txn, now_ns);
    if (!final_status(status))
        return ZSIP_ERROR_ARGUMENT;
    const struct zsip_txn_cell first =
        zsip_txn_server_step(ZSIP_TXN_SERVER_NEW, ZSIP_TXN_SERVER_ON_REQUEST, key->reliable);
    const struct zsip_txn_cell second =
        zsip_txn_server_step(first.next, ZSIP_TXN_SERVER_ON_TU_FINAL, key->reliable);
    if (second.actions & ZSIP_TXN_START_J) {
        const enum zsip_status room = zsip_store_room(txn, 0, delta);
        if (room != ZSIP_OK)
            return room;
        if (!key_admitted(txn, key))
            return ZSIP_ERROR_FULL;
        if (!index_insert(txn, key->m, zsip_store_place(txn, delta)))
            return ZSIP_ERROR_FULL;
        zsip_store_append(txn, key, status, delta);
    }
    txn->stats.server_created++;
    txn->stats.server_at_once++;
    txn->stats.server_completed++;
    return ZSIP_OK;
}

/* A slot of its own, linked last: timers P and U both run from now. */
static struct zsip_server_slot *slot_take(struct zsip_txn *txn, bool reliable)
{
    struct zsip_server_slot *slot = txn->server_free;
    if (slot) {
        txn->server_free = slot->after;
    } else {
        ZSIP_ASSERT(txn->server_used < txn->server_max);
        slot = &txn->servers[txn->server_used++];
        txn->stats.untouched +=
            zsip_region_use(&txn->server_region, txn->server_used * sizeof(*slot));
    }
    slot->generation += slot->generation == UINT32_MAX ? 2 : 1;
    slot->reliable = reliable;
    slot->opened_ns = txn->now_ns;
    slot->before = txn->server_last;
    slot->after = NULL;
    if (txn->server_last)
        txn->server_last->after = slot;
    else
        txn->server_first = slot;
    txn->server_last = slot;
    if (!txn->server_hand)
        txn->server_hand = slot;
    SHARED_ADD(txn->server_count, 1);
    txn->reserved += !reliable;
    return slot;
}

static void slot_give(struct zsip_txn *txn, struct zsip_server_slot *slot)
{
    if (txn->server_hand == slot)
        txn->server_hand = slot->after;
    if (slot->before)
        slot->before->after = slot->after;
    else
        txn->server_first = slot->after;
    if (slot->after)
        slot->after->before = slot->before;
    else
        txn->server_last = slot->before;
    txn->reserved -= !slot->reliable;
    slot->state = ZSIP_TXN_SERVER_NEW;
    slot->after = txn->server_free;
    txn->server_free = slot;
    SHARED_ADD(txn->server_count, -1u);
}

enum zsip_status zsip_txn_open(struct zsip_txn *txn, const struct zsip_txn_key *key,
                               uint64_t now_ns, struct zsip_txn_server *server)
{
    const struct zsip_txn_cell cell =
        zsip_txn_server_step(ZSIP_TXN_SERVER_NEW, ZSIP_TXN_SERVER_ON_REQUEST, key->reliable);
    *server = (struct zsip_txn_server){0, 0};
    ZSIP_ASSERT(!key->drawn);
    zsip_txn_clock(txn, now_ns);
    if (txn->server_count == txn->server_max) {
        txn->stats.over_pending++;
        return ZSIP_ERROR_FULL;
    }
    if (!key->reliable && zsip_store_room(txn, 0, (struct zsip_view){NULL, 0}) != ZSIP_OK)
        return ZSIP_ERROR_FULL;
    if (!key_admitted(txn, key))
        return ZSIP_ERROR_FULL;
    const uint32_t slot_next =
        txn->server_free ? (uint32_t)(txn->server_free - txn->servers) : txn->server_used;
    if (!index_insert(txn, key->m, slot_next | ZSIP_VALUE_PENDING))
        return ZSIP_ERROR_FULL;
    struct zsip_server_slot *slot = slot_take(txn, key->reliable);
    slot->m = key->m;
    slot->b = key->b;
    slot->m_extra = key->m_extra;
    slot->method = key->method;
    slot->state = cell.next;
    *server = handle_of(txn, slot);
    ZSIP_ASSERT(server->slot == slot_next);
    txn->stats.server_created++;
    return ZSIP_OK;
}

/* The slot of a handle; NULL if it is stale. Past 64*T1 it is, popped or not: RFC 4320 section 4.2
 * forbids a late answer. */
static struct zsip_server_slot *slot_of(const struct zsip_txn *txn, struct zsip_txn_server server)
{
    if (server.slot >= txn->server_used)
        return NULL;
    struct zsip_server_slot *slot = &txn->servers[server.slot];
    if (slot->state == ZSIP_TXN_SERVER_NEW || slot->generation != server.generation ||
        txn->now_ns - slot->opened_ns >= txn->f_ns)
        return NULL;
    return slot;
}

enum zsip_status zsip_txn_check(const struct zsip_txn *txn, struct zsip_txn_server server)
{
    return slot_of(txn, server) ? ZSIP_OK : ZSIP_ERROR_STALE;
}

static uint32_t value_of(const struct zsip_txn *txn, const struct zsip_server_slot *slot)
{
    return (uint32_t)(slot - txn->servers) | ZSIP_VALUE_PENDING;
}

/* The final answer: the record takes the slot's place in the index. */
static enum zsip_status complete(struct zsip_txn *txn, struct zsip_server_slot *slot,
                                 unsigned status, struct zsip_view delta, struct zsip_txn_cell cell)
{
    if (cell.actions & ZSIP_TXN_START_J) {
        const struct zsip_txn_key key = {
            .m = slot->m, .b = slot->b, .m_extra = slot->m_extra, .method = slot->method};
        const enum zsip_status room = zsip_store_room(txn, 1, delta);
        if (room != ZSIP_OK)
            return room;
        zsip_index_replace(&txn->index, slot->m, value_of(txn, slot), zsip_store_place(txn, delta));
        zsip_store_append(txn, &key, status, delta);
    } else {
        zsip_index_remove(&txn->index, slot->m, value_of(txn, slot));
        zsip_store_shrink(txn);
    }
    slot_give(txn, slot);
    txn->stats.server_completed++;
    return ZSIP_OK;
}

enum zsip_status zsip_txn_respond(struct zsip_txn *txn, struct zsip_txn_server server,
                                  unsigned status, struct zsip_view delta, uint64_t now_ns,
                                  unsigned *actions)
{
    *actions = 0;
    zsip_txn_clock(txn, now_ns);
    if (status != 100 && !final_status(status))
        return ZSIP_ERROR_ARGUMENT;
    struct zsip_server_slot *slot = slot_of(txn, server);
    if (!slot) {
        txn->stats.late_answers++;
        return ZSIP_ERROR_STALE;
    }
    const unsigned event = status == 100 ? ZSIP_TXN_SERVER_ON_TU_100 : ZSIP_TXN_SERVER_ON_TU_FINAL;
    const struct zsip_txn_cell cell = zsip_txn_server_step(slot->state, event, slot->reliable);
    if (status == 100) {
        slot->state = cell.next;
        txn->stats.server_provisional += (cell.actions & ZSIP_TXN_SEND_100) != 0;
    } else {
        const enum zsip_status done = complete(txn, slot, status, delta, cell);
        if (done != ZSIP_OK)
            return done;
    }
    *actions = cell.actions;
    return ZSIP_OK;
}

unsigned zsip_txn_undelivered(struct zsip_txn *txn, struct zsip_txn_server server)
{
    const struct zsip_server_slot *slot = slot_of(txn, server);
    const unsigned state = slot ? slot->state : ZSIP_TXN_SERVER_COMPLETED;
    const struct zsip_txn_cell cell =
        zsip_txn_server_step(state, ZSIP_TXN_SERVER_ON_ERROR, slot && slot->reliable);
    ZSIP_ASSERT(cell.next == state);
    txn->stats.server_undelivered++;
    return cell.actions;
}

/* ---- Time ----------------------------------------------------------------------------------- */

static void event_put(const struct zsip_txn *txn, const struct zsip_server_slot *slot,
                      enum zsip_txn_event_kind kind, unsigned actions, struct zsip_txn_event *event)
{
    *event = (struct zsip_txn_event){.kind = kind, .actions = actions};
    event->of.server = handle_of(txn, slot);
}

bool zsip_server_expire(struct zsip_txn *txn, struct zsip_txn_event *events, size_t max,
                        size_t *count)
{
    /* U before P: a turn late by half a minute sends no 100 for what it is about to forget. */
    for (struct zsip_server_slot *slot; (slot = txn->server_first) != NULL;) {
        if (txn->now_ns - slot->opened_ns < txn->f_ns)
            break;
        if (*count == max)
            return true;
        const struct zsip_txn_cell cell =
            zsip_txn_server_step(slot->state, ZSIP_TXN_SERVER_ON_TIMER_U, slot->reliable);
        event_put(txn, slot, ZSIP_TXN_SERVER_ABANDONED, cell.actions, &events[(*count)++]);
        zsip_index_remove(&txn->index, slot->m, value_of(txn, slot));
        zsip_store_shrink(txn);
        slot_give(txn, slot);
        txn->stats.server_unanswered++;
    }
    for (struct zsip_server_slot *slot; (slot = txn->server_hand) != NULL;) {
        if (txn->now_ns - slot->opened_ns < txn->p_ns)
            break;
        if (*count == max)
            return true;
        const struct zsip_txn_cell cell =
            zsip_txn_server_step(slot->state, ZSIP_TXN_SERVER_ON_TIMER_P, slot->reliable);
        txn->server_hand = slot->after;
        slot->state = cell.next;
        if (cell.kind == ZSIP_TXN_CELL_IGNORE)
            continue;
        event_put(txn, slot, ZSIP_TXN_SERVER_PROVISIONAL, cell.actions, &events[(*count)++]);
        txn->stats.server_provisional++;
    }
    return false;
}

uint64_t zsip_server_deadline(const struct zsip_txn *txn)
{
    uint64_t deadline = ZSIP_NEVER_NS;
    if (txn->server_first)
        deadline = txn->server_first->opened_ns + txn->f_ns;
    if (txn->server_hand && txn->server_hand->opened_ns + txn->p_ns < deadline)
        deadline = txn->server_hand->opened_ns + txn->p_ns;
    return deadline;
}

void zsip_server_validate(const struct zsip_txn *txn)
{
    const struct zsip_server_slot *before = NULL;
    uint32_t count = 0, free_count = 0, reserved = 0;
    bool hand_passed = txn->server_hand == NULL;
    for (const struct zsip_server_slot *slot = txn->server_first; slot; slot = slot->after) {
        ZSIP_ASSERT(++count <= txn->server_max);
        ZSIP_ASSERT(slot->before == before);
        ZSIP_ASSERT(!before || before->opened_ns <= slot->opened_ns);
        ZSIP_ASSERT(slot->state == ZSIP_TXN_SERVER_TRYING ||
                    slot->state == ZSIP_TXN_SERVER_PROCEEDING);
        hand_passed |= slot == txn->server_hand;
        /* Behind the hand everyone had timer P; only a TU's early 100 gets there before. */
        ZSIP_ASSERT(slot->state == ZSIP_TXN_SERVER_PROCEEDING ||
                    (hand_passed && txn->server_hand != NULL));
        reserved += !slot->reliable;
        before = slot;
    }
    ZSIP_ASSERT(before == txn->server_last && hand_passed);
    for (const struct zsip_server_slot *slot = txn->server_free; slot; slot = slot->after) {
        ZSIP_ASSERT(slot->state == ZSIP_TXN_SERVER_NEW);
        ZSIP_ASSERT(++free_count <= txn->server_max);
    }
    ZSIP_ASSERT(count == txn->server_count && reserved == txn->reserved);
    ZSIP_ASSERT(count + free_count == txn->server_used);
}
