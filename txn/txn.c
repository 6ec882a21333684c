/* zsip: the transaction room, its one object.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/room.h"

#include <string.h>

/* ---- Set-up --------------------------------------------------------------------------------- */

/* Memory from the caller, zeroed, noted for zsip_txn_destroy. NULL: none, or too many. */
static void *block_take(struct zsip_txn *txn, size_t bytes, bool reserve)
{
    const struct zsip_memory *memory = &txn->memory;
    void *block;
    reserve = reserve && memory->reserve != NULL;
    ZSIP_ASSERT(txn->block_count < sizeof(txn->blocks) / sizeof(txn->blocks[0]));
    /* An empty pool gets a page too: no pointer is ever NULL. */
    bytes = bytes ? (bytes + 4095) & ~(size_t)4095 : 4096;
    block = reserve ? memory->reserve(memory->user, bytes) : memory->allocate(memory->user, bytes);
    if (!block)
        return NULL;
    if (!reserve)
        memset(block, 0, bytes);
    txn->blocks[txn->block_count].memory = block;
    txn->blocks[txn->block_count].bytes = bytes;
    txn->blocks[txn->block_count++].reserved = reserve;
    return block;
}

static void *region_take(struct zsip_txn *txn, struct zsip_region *region, size_t bytes)
{
    region->memory = block_take(txn, bytes, true);
    region->bytes_max = (bytes + 4095) & ~(size_t)4095;
    region->touched = txn->pages ? 0 : region->bytes_max;
    return region->memory;
}

static bool segments_take(struct zsip_txn *txn, struct zsip_segments *queue, uint32_t segment_bytes,
                          uint32_t segment_max, uint32_t ahead)
{
    uint8_t *memory = block_take(txn, (size_t)segment_max * segment_bytes, true);
    if (!memory)
        return false;
    struct zsip_segment *segments =
        block_take(txn, (size_t)segment_max * sizeof(struct zsip_segment), false);
    if (!segments)
        return false;
    zsip_segments_init(queue, memory, segments, segment_bytes, segment_max, ahead);
    return true;
}

static bool config_valid(const struct zsip_txn_config *config)
{
    const struct zsip_memory *memory = config->memory;
    return config->struct_bytes == sizeof(*config) && memory && memory->allocate &&
           memory->release && !memory->reserve == !memory->unreserve && config->t1_ns > 0 &&
           config->t1_ns <= ZSIP_NEVER_NS / 4096 && config->t1_ns <= config->t2_ns &&
           config->t2_ns <= 4096 * config->t1_ns &&
           config->server_records_max <= ZSIP_TXN_RECORDS_MAX &&
           config->server_pending_max <= ZSIP_TXN_SLOTS_MAX &&
           config->client_max <= ZSIP_TXN_SLOTS_MAX && config->log_bytes_max <= (size_t)1 << 40;
}

static void set_times(struct zsip_txn *txn, const struct zsip_txn_config *config)
{
    uint64_t e_ns = config->t1_ns, sum = 0;
    txn->f_ns = 64 * config->t1_ns;
    for (txn->levels = 0; e_ns < config->t2_ns; e_ns *= 2)
        txn->e_ns[txn->levels++] = e_ns;
    txn->e_ns[txn->levels++] = config->t2_ns;
    ZSIP_ASSERT(txn->levels <= ZSIP_LEVELS_MAX);
    /* RFC 4320 section 4.1: E is reset to T2 when it fires with the last length before it. */
    for (uint32_t level = 0; level + 1 < txn->levels; level++)
        sum += txn->e_ns[level];
    txn->p_ns = txn->levels > 1 ? sum : config->t1_ns;
    /* So that J is 2^18 to 2^19 ticks. */
    while (txn->f_ns >> txn->tick_shift >= 1u << 19)
        txn->tick_shift++;
}

/* Segments for `records` of them, some closed early. At most one in 2047 records is lost to an
 * answer with a delta that would straddle the end of a segment. J is at most 2^19 ticks and a
 * segment closed for its age spans 2^16, so at most 9 of those are live; and one is the head. */
static uint32_t ring_segments(uint32_t records)
{
    return records / (ZSIP_SEGMENT_RECORDS - 1) + 12;
}

static bool take_all(struct zsip_txn *txn, const struct zsip_txn_config *config)
{
    const uint32_t entries = config->server_records_max + config->server_pending_max;
    /* Deltas are not split, so a segment may stay half empty. */
    const uint32_t log_segments =
        config->log_bytes_max ? 2 * (uint32_t)(config->log_bytes_max / ZSIP_LOG_SEGMENT_BYTES) + 3
                              : 0;
    struct zsip_bucket *buckets, *overflow;
    if (!segments_take(txn, &txn->ring, ZSIP_SEGMENT_BYTES,
                       ring_segments(config->server_records_max), ZSIP_SEGMENTS_AHEAD) ||
        !segments_take(txn, &txn->log, ZSIP_LOG_SEGMENT_BYTES, log_segments,
                       ZSIP_LOG_SEGMENTS_AHEAD))
        return false;
    buckets = region_take(txn, &txn->index_region,
                          zsip_index_bucket_max(entries) * sizeof(struct zsip_bucket));
    overflow = region_take(txn, &txn->overflow_region,
                           zsip_index_overflow_max(entries) * sizeof(struct zsip_bucket));
    txn->servers = region_take(txn, &txn->server_region,
                               config->server_pending_max * sizeof(struct zsip_server_slot));
    txn->clients =
        region_take(txn, &txn->client_region, config->client_max * sizeof(struct zsip_client_slot));
    txn->client_random = block_take(txn, config->client_max * sizeof(uint64_t), true);
    if (!buckets || !overflow || !txn->servers || !txn->clients || !txn->client_random)
        return false;
    zsip_index_init(&txn->index, entries, buckets, overflow);
    return true;
}

void zsip_txn_scatter(struct zsip_txn *txn)
{
    if (txn->pages && txn->memory.scattered)
        txn->memory.scattered(txn->memory.user, txn->index_region.memory,
                              txn->index_region.bytes_max);
}

enum zsip_status zsip_txn_create(struct zsip_txn **txn_out, const struct zsip_txn_config *config)
{
    struct zsip_txn *txn;
    *txn_out = NULL;
    if (!config_valid(config))
        return ZSIP_ERROR_ARGUMENT;
    txn = config->memory->allocate(config->memory->user, sizeof(*txn));
    if (!txn)
        return ZSIP_ERROR_MEMORY;
    memset(txn, 0, sizeof(*txn));
    txn->memory = *config->memory;
    txn->pages = txn->memory.reserve != NULL;
    if (!take_all(txn, config)) {
        zsip_txn_destroy(txn);
        return ZSIP_ERROR_MEMORY;
    }
    txn->records_max = config->server_records_max;
    txn->log_bytes_max = config->log_bytes_max;
    txn->server_max = config->server_pending_max;
    txn->client_max = config->client_max;
    txn->index_secret = zsip_siphash_secret(config->index_secret);
    txn->tag_secret = zsip_siphash_secret(config->tag_secret);
    txn->branch_secret = zsip_siphash_secret(config->branch_secret);
    txn->lanes = zsip_siphash_lanes(ZSIP_SIPHASH_BEST);
    /* Workers may share a secret; what they draw must differ. */
    txn->tags_drawn = (uint64_t)config->node << 48 | (uint64_t)config->worker << 40;
    txn->seen_changes = UINT32_MAX;
    txn->node = config->node;
    txn->worker = config->worker;
    set_times(txn, config);
    zsip_client_init(txn);
    *txn_out = txn;
    return ZSIP_OK;
}

void zsip_txn_destroy(struct zsip_txn *txn)
{
    if (!txn)
        return;
    const struct zsip_memory memory = txn->memory;
    for (uint32_t i = txn->block_count; i-- > 0;) {
        if (txn->blocks[i].reserved)
            memory.unreserve(memory.user, txn->blocks[i].memory, txn->blocks[i].bytes);
        else
            memory.release(memory.user, txn->blocks[i].memory, txn->blocks[i].bytes);
    }
    memory.release(memory.user, txn, sizeof(*txn));
}

/* ---- Time ----------------------------------------------------------------------------------- */

uint64_t zsip_txn_deadline(const struct zsip_txn *txn)
{
    uint64_t deadline = zsip_client_deadline(txn);
    const uint64_t server = zsip_server_deadline(txn), store = zsip_store_deadline(txn);
    if (server < deadline)
        deadline = server;
    /* Nobody waits for the end of a completed transaction: they are popped in bunches. */
    if (store != ZSIP_NEVER_NS && store + txn->f_ns / 128 < deadline)
        deadline = store + txn->f_ns / 128;
    return deadline;
}

enum zsip_status zsip_txn_expire(struct zsip_txn *txn, uint64_t now_ns,
                                 struct zsip_txn_event *events, size_t max, size_t *count)
{
    bool more;
    *count = 0;
    zsip_txn_clock(txn, now_ns);
    more = zsip_client_expire(txn, events, max, count);
    more = zsip_server_expire(txn, events, max, count) || more;
    more = zsip_store_expire(txn, ZSIP_TXN_POPS_MAX) || more;
    return more ? ZSIP_MORE : ZSIP_OK;
}

/* ---- Memory --------------------------------------------------------------------------------- */

enum zsip_status zsip_txn_maintain(struct zsip_txn *txn, struct zsip_txn_range *range)
{
    const size_t line = sizeof(struct zsip_bucket);
    /* Pools whose slots are used again first-free never shrink: their memory follows their peak,
     * which an option bounds. */
    if (txn->pages &&
        (zsip_segments_maintain(&txn->ring, range) || zsip_segments_maintain(&txn->log, range) ||
         zsip_region_maintain(&txn->index_region, txn->index.bucket_count * line, ZSIP_REGION_AHEAD,
                              true, range) ||
         zsip_region_maintain(&txn->overflow_region, txn->index.overflow_used * line,
                              ZSIP_REGION_AHEAD / 4, false, range) ||
         zsip_region_maintain(&txn->server_region,
                              txn->server_used * sizeof(struct zsip_server_slot),
                              ZSIP_REGION_AHEAD / 4, false, range) ||
         zsip_region_maintain(&txn->client_region,
                              txn->client_used * sizeof(struct zsip_client_slot),
                              ZSIP_REGION_AHEAD / 4, false, range)))
        return ZSIP_MORE;
    return ZSIP_OK;
}

/* ---- Numbers -------------------------------------------------------------------------------- */

const struct zsip_txn_stats *zsip_txn_stats(const struct zsip_txn *txn)
{
    return &txn->stats;
}

void zsip_txn_usage(const struct zsip_txn *txn, struct zsip_txn_usage *usage)
{
    *usage = (struct zsip_txn_usage){
        .records = txn->records,
        .reserved = txn->reserved,
        .pending = txn->server_count,
        .clients = txn->client_count,
        .log_bytes = txn->log_bytes,
        .buckets = txn->index.bucket_count,
        .overflow = txn->index.overflow_count,
    };
}

void zsip_txn_live(const struct zsip_txn *txn, uint64_t *records, uint64_t *pending)
{
    *records = __atomic_load_n(&txn->records, __ATOMIC_RELAXED);
    *pending = __atomic_load_n(&txn->server_count, __ATOMIC_RELAXED);
}

void zsip_txn_validate(const struct zsip_txn *txn)
{
    zsip_store_validate(txn);
    zsip_server_validate(txn);
    zsip_client_validate(txn);
}

/* ---- Dump ----------------------------------------------------------------------------------- */

/* One line of text, written without the C library. */
struct line {
    char text[128];
    size_t length;
};

static void line_text(struct line *line, const char *text)
{
    for (; *text && line->length < sizeof(line->text); text++)
        line->text[line->length++] = *text;
}

static void line_number(struct line *line, const char *name, uint64_t value, unsigned base)
{
    char digits[20];
    size_t count = 0;
    line_text(line, name);
    do
        digits[count++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (count > 0 && line->length < sizeof(line->text))
        line->text[line->length++] = digits[--count];
}

static const char *const client_names[] = {
#define X(name) #name,
    ZSIP_TXN_CLIENT_STATE_MAP(X)
#undef X
};

static const char *const server_names[] = {
#define X(name) #name,
    ZSIP_TXN_SERVER_STATE_MAP(X)
#undef X
};

void zsip_txn_dump(const struct zsip_txn *txn,
                   void (*line)(void *user, const char *text, size_t length), void *user)
{
    for (const struct zsip_server_slot *slot = txn->server_first; slot; slot = slot->after) {
        struct line out = {.length = 0};
        line_number(&out, "server ", (uint64_t)(slot - txn->servers), 10);
        line_text(&out, " ");
        line_text(&out, server_names[slot->state]);
        line_number(&out, " method ", slot->method, 10);
        line_number(&out, " since ", slot->opened_ns, 10);
        line_number(&out, " m ", slot->m, 16);
        line(user, out.text, out.length);
    }
    for (uint32_t i = 0; i < txn->client_used; i++) {
        const struct zsip_client_slot *slot = &txn->clients[i];
        struct line out = {.length = 0};
        if (slot->state == ZSIP_TXN_CLIENT_NEW)
            continue;
        line_number(&out, "client ", i, 10);
        line_text(&out, " ");
        line_text(&out, client_names[slot->state]);
        line_number(&out, " method ", slot->method, 10);
        line_number(&out, " sends ", slot->sends, 10);
        line_number(&out, " ends ", slot->timer_f.due_ns, 10);
        line(user, out.text, out.length);
    }
    struct line out = {.length = 0};
    line_number(&out, "completed ", txn->index.entry_count - txn->server_count, 10);
    line_number(&out, " pending ", txn->server_count, 10);
    line_number(&out, " clients ", txn->client_count, 10);
    line_number(&out, " log ", txn->log_bytes, 10);
    line(user, out.text, out.length);
}
