/* zsip: client transactions.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/hex.h"
#include "txn/room.h"

#include <string.h>

/* ---- Shape of a branch --------------------------------------------------------------------- */

#define COOKIE       "z9hG4bK"
#define COOKIE_BYTES 7
/* Where the fields stand, and how many hex digits they have. */
#define NODE_AT       7
#define WORKER_AT     11
#define SLOT_AT       13
#define GENERATION_AT 21
#define RANDOM_AT     29

_Static_assert(RANDOM_AT + 16 == ZSIP_TXN_BRANCH_BYTES, "fields fill the branch");

/* ---- Timer queues --------------------------------------------------------------------------- */

static void queue_init(struct zsip_timer *queue)
{
    queue->before = queue->after = queue;
    queue->due_ns = ZSIP_NEVER_NS;
}

static void timer_link(struct zsip_timer *queue, struct zsip_timer *timer, uint64_t due_ns)
{
    timer->due_ns = due_ns;
    timer->before = queue->before;
    timer->after = queue;
    queue->before->after = timer;
    queue->before = timer;
}

static void timer_unlink(struct zsip_timer *timer)
{
    timer->before->after = timer->after;
    timer->after->before = timer->before;
}

static struct zsip_client_slot *slot_of_e(struct zsip_timer *timer)
{
    return (struct zsip_client_slot *)(void *)((char *)timer -
                                               offsetof(struct zsip_client_slot, timer_e));
}

static struct zsip_client_slot *slot_of_f(struct zsip_timer *timer)
{
    return (struct zsip_client_slot *)(void *)((char *)timer -
                                               offsetof(struct zsip_client_slot, timer_f));
}

void zsip_client_init(struct zsip_txn *txn)
{
    for (uint32_t level = 0; level < ZSIP_LEVELS_MAX; level++)
        queue_init(&txn->e_queue[level]);
    queue_init(&txn->f_queue);
    memcpy(txn->branch_head, COOKIE, COOKIE_BYTES);
    zsip_hex_write16(txn->branch_head + NODE_AT,
                     (uint64_t)txn->node << 48 | (uint64_t)txn->worker << 40);
}

/* ---- Slots ---------------------------------------------------------------------------------- */

static bool reliable_of(const struct zsip_client_slot *slot)
{
    return (slot->level & ZSIP_LEVEL_RELIABLE) != 0;
}

static struct zsip_txn_client handle_of(const struct zsip_txn *txn,
                                        const struct zsip_client_slot *slot)
{
    return (struct zsip_txn_client){(uint32_t)(slot - txn->clients), slot->generation};
}

/* NULL: stale. */
static struct zsip_client_slot *slot_of(const struct zsip_txn *txn, struct zsip_txn_client client)
{
    if (client.slot >= txn->client_used)
        return NULL;
    struct zsip_client_slot *slot = &txn->clients[client.slot];
    return slot->state != ZSIP_TXN_CLIENT_NEW && slot->generation == client.generation ? slot
                                                                                       : NULL;
}

/* Sets timer E to run from now. */
static void start_e(struct zsip_txn *txn, struct zsip_client_slot *slot, uint32_t level)
{
    slot->level = (uint8_t)level;
    timer_link(&txn->e_queue[level], &slot->timer_e, txn->now_ns + txn->e_ns[level]);
}

/* Does what a cell asks for within the room. */
static void perform(struct zsip_txn *txn, struct zsip_client_slot *slot, struct zsip_txn_cell cell)
{
    slot->state = cell.next;
    if (cell.actions & ZSIP_TXN_START_F)
        timer_link(&txn->f_queue, &slot->timer_f, txn->now_ns + txn->f_ns);
    if (cell.actions & ZSIP_TXN_START_E)
        start_e(txn, slot, 0);
    if (cell.actions & ZSIP_TXN_DOUBLE_E)
        start_e(txn, slot, slot->level + 1u < txn->levels ? slot->level + 1u : slot->level);
    if (cell.actions & ZSIP_TXN_LEVEL_E)
        start_e(txn, slot, txn->levels - 1);
    if (cell.actions & ZSIP_TXN_FREE) {
        if (!reliable_of(slot))
            timer_unlink(&slot->timer_e);
        timer_unlink(&slot->timer_f);
        slot->state = ZSIP_TXN_CLIENT_NEW;
        slot->timer_e.after = txn->client_free;
        txn->client_free = &slot->timer_e;
        txn->client_count--;
    }
}

/* ---- Branches ------------------------------------------------------------------------------- */

/* False: not lower-case hex. */
static bool hex_read(const uint8_t *text, unsigned digits, uint32_t *value)
{
    uint32_t result = 0;
    for (unsigned i = 0; i < digits; i++) {
        const uint8_t c = text[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10u;
        else
            return false;
        result = result << 4 | digit;
    }
    *value = result;
    return true;
}

static uint64_t random_of(const struct zsip_txn *txn, struct zsip_txn_client client)
{
    const uint64_t words[] = {
        client.slot | (uint64_t)client.generation << 32,
        txn->node | (uint64_t)txn->worker << 16,
        (uint64_t)16 << 56,
    };
    return zsip_siphash_words(txn->branch_secret, words, 3).low;
}

static void write_branch(const struct zsip_txn *txn, struct zsip_txn_client client, uint64_t random,
                         char out[ZSIP_TXN_BRANCH_BYTES])
{
    memcpy(out, txn->branch_head, SLOT_AT);
    zsip_hex_write16(out + SLOT_AT, (uint64_t)client.slot << 32 | client.generation);
    zsip_hex_write16(out + RANDOM_AT, random);
}

void zsip_txn_branch_write(const struct zsip_txn *txn, struct zsip_txn_client client,
                           char out[ZSIP_TXN_BRANCH_BYTES])
{
    const bool live = slot_of(txn, client) != NULL;
    write_branch(txn, client, live ? txn->client_random[client.slot] : random_of(txn, client), out);
}

static bool branch_shape(struct zsip_view branch)
{
    return branch.length == ZSIP_TXN_BRANCH_BYTES && memcmp(branch.data, COOKIE, COOKIE_BYTES) == 0;
}

bool zsip_txn_branch_owner(struct zsip_view branch, uint16_t *node, uint8_t *worker)
{
    uint32_t number, other;
    if (!branch_shape(branch) || !hex_read(branch.data + NODE_AT, 4, &number) ||
        !hex_read(branch.data + WORKER_AT, 2, &other))
        return false;
    *node = (uint16_t)number;
    *worker = (uint8_t)other;
    return true;
}

void zsip_txn_client_prefetch(const struct zsip_txn *txn, struct zsip_view branch)
{
    if (!branch_shape(branch))
        return;
    const uint32_t slot = zsip_hex_guess8(branch.data + SLOT_AT);
    if (slot < txn->client_used) {
        __builtin_prefetch(&txn->clients[slot], 1);
        __builtin_prefetch(&txn->client_random[slot]);
    }
}

/* The transaction that a branch names; believed only if it gives the same branch again, byte by
 * byte. What is random of a live one is remembered, of others computed again. */
static bool branch_read(const struct zsip_txn *txn, struct zsip_view branch,
                        struct zsip_txn_client *client)
{
    char expected[ZSIP_TXN_BRANCH_BYTES];
    if (!branch_shape(branch))
        return false;
    client->slot = zsip_hex_guess8(branch.data + SLOT_AT);
    client->generation = zsip_hex_guess8(branch.data + GENERATION_AT);
    zsip_txn_branch_write(txn, *client, expected);
    return memcmp(branch.data, expected, ZSIP_TXN_BRANCH_BYTES) == 0;
}

/* ---- Opening and finding -------------------------------------------------------------------- */

static struct zsip_client_slot *slot_take(struct zsip_txn *txn)
{
    struct zsip_client_slot *slot;
    if (txn->client_free) {
        slot = slot_of_e(txn->client_free);
        txn->client_free = slot->timer_e.after;
    } else {
        slot = &txn->clients[txn->client_used++];
        txn->stats.untouched +=
            zsip_region_use(&txn->client_region, txn->client_used * sizeof(*slot));
    }
    txn->client_count++;
    slot->generation += slot->generation == UINT32_MAX ? 2 : 1;
    return slot;
}

/* How often each attempt was made, the last counter taking the rest. */
static void count_send(struct zsip_txn *txn, unsigned sends)
{
    uint64_t *const first = &txn->stats.sends_first;
    _Static_assert(offsetof(struct zsip_txn_stats, sends_e10) -
                           offsetof(struct zsip_txn_stats, sends_first) ==
                       10 * sizeof(uint64_t),
                   "counters of sends stand in order");
    first[sends <= 11 ? sends - 1 : 10]++;
}

enum zsip_status zsip_txn_client_open(struct zsip_txn *txn, bool reliable, uint8_t method,
                                      uint64_t cookie, uint64_t now_ns,
                                      struct zsip_txn_client *client)
{
    *client = (struct zsip_txn_client){0, 0};
    zsip_txn_clock(txn, now_ns);
    if (txn->client_count == txn->client_max) {
        txn->stats.over_client++;
        return ZSIP_ERROR_FULL;
    }
    struct zsip_client_slot *slot = slot_take(txn);
    slot->method = method;
    slot->cookie = cookie;
    slot->sends = 1;
    slot->level = reliable ? ZSIP_LEVEL_RELIABLE : 0;
    perform(txn, slot,
            zsip_txn_client_step(ZSIP_TXN_CLIENT_NEW, ZSIP_TXN_CLIENT_ON_REQUEST, reliable));
    *client = handle_of(txn, slot);
    txn->client_random[client->slot] = random_of(txn, *client);
    txn->stats.client_created++;
    count_send(txn, 1);
    return ZSIP_OK;
}

enum zsip_status zsip_txn_client_find(struct zsip_txn *txn, struct zsip_view branch, uint8_t method,
                                      unsigned status, struct zsip_txn_client *client,
                                      uint64_t *cookie)
{
    struct zsip_txn_client named;
    const struct zsip_client_slot *slot;
    *client = (struct zsip_txn_client){0, 0};
    *cookie = 0;
    if (!branch_read(txn, branch, &named)) {
        txn->stats.client_strays++;
        return ZSIP_ERROR_MISMATCH;
    }
    slot = slot_of(txn, named);
    if (!slot) {
        if (status >= 200)
            txn->stats.client_late++;
        else
            txn->stats.client_late_provisional++;
        return ZSIP_ERROR_STALE;
    }
    if (slot->method != method) {
        txn->stats.client_strays++;
        return ZSIP_ERROR_MISMATCH;
    }
    *client = named;
    *cookie = slot->cookie;
    return ZSIP_OK;
}

/* ---- Events --------------------------------------------------------------------------------- */

/* One event of a live transaction. */
static enum zsip_status step(struct zsip_txn *txn, struct zsip_txn_client client, unsigned event,
                             uint64_t *counter, unsigned *actions)
{
    struct zsip_client_slot *slot = slot_of(txn, client);
    *actions = 0;
    if (!slot)
        return ZSIP_ERROR_STALE;
    const struct zsip_txn_cell cell = zsip_txn_client_step(slot->state, event, reliable_of(slot));
    perform(txn, slot, cell);
    ++*counter;
    *actions = cell.actions;
    return ZSIP_OK;
}

enum zsip_status zsip_txn_client_response(struct zsip_txn *txn, struct zsip_txn_client client,
                                          unsigned status, uint64_t now_ns, unsigned *actions)
{
    zsip_txn_clock(txn, now_ns);
    *actions = 0;
    if (status < 100 || status > 699)
        return ZSIP_ERROR_ARGUMENT;
    if (status < 200)
        return step(txn, client, ZSIP_TXN_CLIENT_ON_PROVISIONAL, &txn->stats.client_provisional,
                    actions);
    return step(txn, client, ZSIP_TXN_CLIENT_ON_FINAL, &txn->stats.client_completed, actions);
}

enum zsip_status zsip_txn_client_failed(struct zsip_txn *txn, struct zsip_txn_client client,
                                        unsigned *actions)
{
    return step(txn, client, ZSIP_TXN_CLIENT_ON_ERROR, &txn->stats.client_failed, actions);
}

enum zsip_status zsip_txn_client_close(struct zsip_txn *txn, struct zsip_txn_client client)
{
    unsigned actions;
    return step(txn, client, ZSIP_TXN_CLIENT_ON_CLOSE, &txn->stats.client_closed, &actions);
}

unsigned zsip_txn_client_sends(const struct zsip_txn *txn, struct zsip_txn_client client)
{
    const struct zsip_client_slot *slot = slot_of(txn, client);
    return slot ? slot->sends : 0;
}

size_t zsip_txn_client_beside(const struct zsip_txn *txn, struct zsip_txn_client client,
                              uint64_t *cookies, size_t max)
{
    const struct zsip_client_slot *slot = slot_of(txn, client);
    size_t count = 0;
    if (!slot || reliable_of(slot))
        return 0;
    /* They stand beside each other in their queue, whose head is due never. */
    const uint64_t due_ns = slot->timer_e.due_ns;
    const struct zsip_timer *timer = slot->timer_e.before;
    for (; count < max && timer->due_ns == due_ns; timer = timer->before)
        cookies[count++] = slot_of_e((struct zsip_timer *)(uintptr_t)timer)->cookie;
    timer = slot->timer_e.after;
    for (; count < max && timer->due_ns == due_ns; timer = timer->after)
        cookies[count++] = slot_of_e((struct zsip_timer *)(uintptr_t)timer)->cookie;
    return count;
}

/* ---- Time ----------------------------------------------------------------------------------- */

static void event_put(const struct zsip_txn *txn, const struct zsip_client_slot *slot,
                      enum zsip_txn_event_kind kind, unsigned actions, struct zsip_txn_event *event)
{
    *event = (struct zsip_txn_event){
        .kind = kind, .actions = actions, .sends = slot->sends, .cookie = slot->cookie};
    event->of.client = handle_of(txn, slot);
}

static void expire_f(struct zsip_txn *txn, struct zsip_txn_event *event)
{
    struct zsip_client_slot *slot = slot_of_f(txn->f_queue.after);
    const struct zsip_txn_cell cell =
        zsip_txn_client_step(slot->state, ZSIP_TXN_CLIENT_ON_TIMER_F, reliable_of(slot));
    event_put(txn, slot, ZSIP_TXN_CLIENT_TIMEOUT, cell.actions, event);
    perform(txn, slot, cell);
    txn->stats.client_timeout++;
}

static void expire_e(struct zsip_txn *txn, struct zsip_timer *queue, struct zsip_txn_event *event)
{
    struct zsip_client_slot *slot = slot_of_e(queue->after);
    const struct zsip_txn_cell cell =
        zsip_txn_client_step(slot->state, ZSIP_TXN_CLIENT_ON_TIMER_E, reliable_of(slot));
    timer_unlink(&slot->timer_e);
    slot->sends += slot->sends < UINT8_MAX;
    count_send(txn, slot->sends);
    event_put(txn, slot, ZSIP_TXN_CLIENT_RETRANSMIT, cell.actions, event);
    perform(txn, slot, cell);
}

bool zsip_client_expire(struct zsip_txn *txn, struct zsip_txn_event *events, size_t max,
                        size_t *count)
{
    /* F before E: what ends now is not sent once more. */
    while (txn->f_queue.after->due_ns <= txn->now_ns) {
        if (*count == max)
            return true;
        expire_f(txn, &events[(*count)++]);
    }
    /* Timer E runs on from now, not from when it was due: a worker that was held up sends no burst.
     * It is put behind the others of its queue, so each loop ends. */
    for (uint32_t level = 0; level < txn->levels; level++) {
        while (txn->e_queue[level].after->due_ns <= txn->now_ns) {
            if (*count == max)
                return true;
            expire_e(txn, &txn->e_queue[level], &events[(*count)++]);
        }
    }
    return false;
}

uint64_t zsip_client_deadline(const struct zsip_txn *txn)
{
    uint64_t deadline = txn->f_queue.after->due_ns;
    for (uint32_t level = 0; level < txn->levels; level++)
        if (txn->e_queue[level].after->due_ns < deadline)
            deadline = txn->e_queue[level].after->due_ns;
    return deadline;
}

static uint32_t validate_queue(const struct zsip_txn *txn, const struct zsip_timer *queue)
{
    uint32_t count = 0;
    uint64_t due_ns = 0;
    for (const struct zsip_timer *timer = queue->after; timer != queue; timer = timer->after) {
        ZSIP_ASSERT(++count <= txn->client_max);
        ZSIP_ASSERT(timer->after->before == timer && timer->due_ns >= due_ns);
        due_ns = timer->due_ns;
    }
    return count;
}

void zsip_client_validate(const struct zsip_txn *txn)
{
    uint32_t on_e = 0, unreliable = 0, live = 0, free_count = 0;
    for (uint32_t level = 0; level < txn->levels; level++)
        on_e += validate_queue(txn, &txn->e_queue[level]);
    for (uint32_t i = 0; i < txn->client_used; i++) {
        live += txn->clients[i].state != ZSIP_TXN_CLIENT_NEW;
        unreliable +=
            txn->clients[i].state != ZSIP_TXN_CLIENT_NEW && !reliable_of(&txn->clients[i]);
    }
    for (const struct zsip_timer *timer = txn->client_free; timer; timer = timer->after)
        ZSIP_ASSERT(++free_count <= txn->client_max);
    ZSIP_ASSERT(validate_queue(txn, &txn->f_queue) == live);
    ZSIP_ASSERT(on_e == unreliable && live == txn->client_count);
    ZSIP_ASSERT(live + free_count == txn->client_used);
}
