/* zsip: fingerprints of requests.
 *
 * SPDX-License-Identifier: MIT
 *
 * Three messages are hashed for each request. Each begins with the lengths of what follows, so two
 * different requests never give the same bytes:
 *
 *   M   CSeq number, Call-ID, From tag                         under index_secret
 *   B   branch, sent-by folded; or, without the cookie,
 *       CSeq number, Request-URI, To tag, top Via              under index_secret
 *   T   M, all 128 bits of it, and B                            under tag_secret
 *
 * A tag is thus a keyed hash, under a secret of its own, of what nobody outside knows. So is one
 * that is drawn, of a number and the time: 16 bytes, where T is 24. */
#include "txn/hex.h"
#include "txn/room.h"

#include <string.h>

/* Longest M or B that is staged; longer ones, which nobody sends in earnest, go byte by byte. */
#define STAGE_WORDS 32
#define STAGE_BYTES (STAGE_WORDS * 8 - 8)
/* T is 24 bytes: three words and the final block. */
#define TAG_WORDS 4
#define TAG_FINAL ((uint64_t)24 << 56)
/* A number to draw tags from: two words and the final block. */
#define DRAW_WORDS 3
#define DRAW_FINAL ((uint64_t)16 << 56)
/* A group smaller than this is cheaper one by one. */
#define GROUP_MIN 4

#define BOUND(view) ZSIP_ASSERT((view).length <= 65535)

static uint64_t head_m(const struct zsip_txn_request *request)
{
    BOUND(request->call_id);
    BOUND(request->from_tag);
    return request->cseq | (uint64_t)request->call_id.length << 32 |
           (uint64_t)request->from_tag.length << 48;
}

static uint64_t head_b(const struct zsip_txn_request *request)
{
    BOUND(request->branch);
    BOUND(request->sent_by);
    return request->branch.length | (uint64_t)request->sent_by.length << 16;
}

static uint64_t head_2543(const struct zsip_txn_request *request)
{
    BOUND(request->request_uri);
    BOUND(request->to_tag);
    BOUND(request->top_via);
    return request->request_uri.length | (uint64_t)request->to_tag.length << 16 |
           (uint64_t)request->top_via.length << 32 | (uint64_t)request->to_tag_present << 48 |
           1ull << 63;
}

/* Lower-cases the ASCII letters of eight bytes. */
static uint64_t fold(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101ull, high = 0x80 * ones;
    const uint64_t low = word & ~high;
    const uint64_t from_a = low + (0x80 - 'A') * ones, past_z = low + (0x7f - 'Z') * ones;
    return word | ((from_a ^ past_z) & ~word & high) >> 2;
}

/* ---- One by one ----------------------------------------------------------------------------- */

static void update_word(struct zsip_siphash *hash, uint64_t word)
{
    zsip_siphash_update(hash, (const uint8_t *)&word, 8);
}

static void update_m(struct zsip_siphash *hash, const struct zsip_txn_request *request)
{
    update_word(hash, head_m(request));
    zsip_siphash_update(hash, request->call_id.data, request->call_id.length);
    zsip_siphash_update(hash, request->from_tag.data, request->from_tag.length);
}

static void update_b(struct zsip_siphash *hash, const struct zsip_txn_request *request)
{
    if (!request->branch_has_cookie) {
        update_word(hash, head_2543(request));
        update_word(hash, request->cseq);
        zsip_siphash_update(hash, request->request_uri.data, request->request_uri.length);
        zsip_siphash_update(hash, request->to_tag.data, request->to_tag.length);
        zsip_siphash_update(hash, request->top_via.data, request->top_via.length);
        return;
    }
    update_word(hash, head_b(request));
    zsip_siphash_update(hash, request->branch.data, request->branch.length);
    for (size_t i = 0; i < request->sent_by.length; i++) {
        const uint8_t byte = (uint8_t)fold(request->sent_by.data[i]);
        zsip_siphash_update(hash, &byte, 1);
    }
}

static uint64_t tag_of(const struct zsip_txn *txn, struct zsip_siphash_value m,
                       struct zsip_siphash_value b)
{
    const uint64_t words[TAG_WORDS] = {m.low, m.high, b.low, TAG_FINAL};
    return zsip_siphash_words(txn->tag_secret, words, TAG_WORDS).low;
}

static void key_set(struct zsip_txn_key *key, struct zsip_siphash_value m,
                    struct zsip_siphash_value b, uint64_t tag)
{
    key->m = m.low;
    key->m_extra = (uint32_t)m.high;
    key->b = b.low;
    key->tag = tag;
}

/* What of a key is no hash, and the name of an unknown method. */
static void key_finish(const struct zsip_txn *txn, const struct zsip_txn_request *request,
                       struct zsip_txn_key *key)
{
    ZSIP_ASSERT(request->method < ZSIP_METHOD_CANCEL);
    key->method = request->cancel ? ZSIP_METHOD_CANCEL : request->method;
    key->to_tag_present = request->to_tag_present;
    key->reliable = request->reliable;
    key->drawn = false;
    if (key->method == 0) {
        /* 7 bits of method can't tell unknown ones apart, so their names go into the part of M that
         * the index does not use: two of them are then different transactions, while their CANCEL,
         * which has m and b in common with them, still finds them. */
        struct zsip_siphash hash;
        zsip_siphash_begin(&hash, txn->index_secret);
        zsip_siphash_update(&hash, request->method_name.data, request->method_name.length);
        key->m_extra ^= (uint32_t)zsip_siphash_end(&hash).low;
    }
}

void zsip_txn_key_plain(const struct zsip_txn *txn, const struct zsip_txn_request *request,
                        struct zsip_txn_key *key)
{
    struct zsip_siphash m, b;
    zsip_siphash_begin(&m, txn->index_secret);
    zsip_siphash_begin(&b, txn->index_secret);
    update_m(&m, request);
    update_b(&b, request);
    const struct zsip_siphash_value m_value = zsip_siphash_end(&m), b_value = zsip_siphash_end(&b);
    key_set(key, m_value, b_value, tag_of(txn, m_value, b_value));
    key_finish(txn, request, key);
}

/* ---- Staged --------------------------------------------------------------------------------- */

/* Copies short texts without a call: chunks, the last one overlapping the one before. */
static uint8_t *stage_copy(uint8_t *to, struct zsip_view from)
{
    const size_t n = from.length;
    if (n >= 16) {
        for (size_t i = 0; i + 16 <= n; i += 16)
            memcpy(to + i, from.data + i, 16);
        memcpy(to + n - 16, from.data + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from.data, 8);
        memcpy(to + n - 8, from.data + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from.data, 4);
        memcpy(to + n - 4, from.data + n - 4, 4);
    } else if (n > 0) {
        to[0] = from.data[0];
        to[n / 2] = from.data[n / 2];
        to[n - 1] = from.data[n - 1];
    }
    return to + n;
}

/* The same, ASCII letters lower-cased. */
static uint8_t *stage_fold(uint8_t *to, struct zsip_view from)
{
    const size_t n = from.length;
    uint64_t word = 0;
    if (n < 8) {
        for (size_t i = 0; i < n; i++)
            to[i] = (uint8_t)fold(from.data[i]);
        return to + n;
    }
    for (size_t i = 0; i + 8 <= n; i += 8) {
        memcpy(&word, from.data + i, 8);
        word = fold(word);
        memcpy(to + i, &word, 8);
    }
    memcpy(&word, from.data + n - 8, 8);
    word = fold(word);
    memcpy(to + n - 8, &word, 8);
    return to + n;
}

/* Makes a final block of the word that holds the end of `length` bytes, which are copied only
 * afterwards: nothing that was just stored is loaded again, for that would stall. */
static uint32_t stage_end(uint64_t *words, size_t length)
{
    words[length / 8] = (uint64_t)length << 56;
    return (uint32_t)(length / 8) + 1;
}

static bool stage_fits(const struct zsip_txn_request *request)
{
    const size_t m = 8 + request->call_id.length + request->from_tag.length;
    const size_t b =
        request->branch_has_cookie
            ? 8 + request->branch.length + request->sent_by.length
            : 16 + request->request_uri.length + request->to_tag.length + request->top_via.length;
    return m <= STAGE_BYTES && b <= STAGE_BYTES;
}

static uint32_t stage_m(uint64_t *words, const struct zsip_txn_request *request)
{
    uint8_t *at = (uint8_t *)(words + 1);
    const uint32_t count = stage_end(words, 8 + request->call_id.length + request->from_tag.length);
    words[0] = head_m(request);
    at = stage_copy(at, request->call_id);
    stage_copy(at, request->from_tag);
    return count;
}

static uint32_t stage_b(uint64_t *words, const struct zsip_txn_request *request)
{
    uint8_t *at = (uint8_t *)(words + 1);
    uint32_t count;
    if (request->branch_has_cookie) {
        count = stage_end(words, 8 + request->branch.length + request->sent_by.length);
        words[0] = head_b(request);
        at = stage_copy(at, request->branch);
        stage_fold(at, request->sent_by);
    } else {
        count = stage_end(words, 16 + request->request_uri.length + request->to_tag.length +
                                     request->top_via.length);
        words[0] = head_2543(request);
        words[1] = request->cseq;
        at = stage_copy(at + 8, request->request_uri);
        at = stage_copy(at, request->to_tag);
        stage_copy(at, request->top_via);
    }
    return count;
}

/* Requests whose fingerprints are computed in one go. Each step is done for all of them before the
 * next, so that a line that was prefetched has come when the next step asks for it: a miss takes as
 * long as the work on some ten requests. */
#define BLOCK_MAX 32u

struct block {
    const struct zsip_txn_request *requests[BLOCK_MAX];
    struct zsip_txn_key *keys[BLOCK_MAX];
    struct zsip_siphash_value m[BLOCK_MAX];
    size_t count;
};

/* Lanes beyond `used` repeat the first. */
static void lanes_fill(uint32_t *at, uint32_t *counts, size_t used)
{
    for (size_t i = used; i < ZSIP_SIPHASH_LANES; i++) {
        at[i] = at[0];
        counts[i] = counts[0];
    }
}

/* M of up to eight requests, and the lines of the index that they lead to. */
static void group_m(const struct zsip_txn *txn, const struct zsip_txn_request *const *requests,
                    size_t count, struct zsip_siphash_value *m)
{
    uint64_t words[ZSIP_SIPHASH_LANES * STAGE_WORDS];
    uint32_t at[ZSIP_SIPHASH_LANES], counts[ZSIP_SIPHASH_LANES];
    struct zsip_siphash_value values[ZSIP_SIPHASH_LANES];
    for (size_t i = 0; i < count; i++) {
        at[i] = (uint32_t)i * STAGE_WORDS;
        counts[i] = stage_m(words + at[i], requests[i]);
    }
    lanes_fill(at, counts, count);
    txn->lanes(txn->index_secret, words, at, counts, values);
    memcpy(m, values, count * sizeof(*m));
    /* The question is asked here and below, not in the callee: of a function that does nothing but
     * prefetch, and not always, compilers make nothing. */
    for (size_t i = 0; i < count && !zsip_index_empty(&txn->index); i++)
        zsip_index_prefetch(&txn->index, values[i].low);
}

/* B, the tag and so the whole keys of the same requests. */
static void group_rest(const struct zsip_txn *txn, const struct zsip_txn_request *const *requests,
                       size_t count, const struct zsip_siphash_value *m,
                       struct zsip_txn_key *const *keys)
{
    uint64_t words[ZSIP_SIPHASH_LANES * STAGE_WORDS];
    uint32_t at[ZSIP_SIPHASH_LANES], counts[ZSIP_SIPHASH_LANES];
    struct zsip_siphash_value b[ZSIP_SIPHASH_LANES], t[ZSIP_SIPHASH_LANES];
    for (size_t i = 0; i < count; i++) {
        at[i] = (uint32_t)i * STAGE_WORDS;
        counts[i] = stage_b(words + at[i], requests[i]);
    }
    lanes_fill(at, counts, count);
    txn->lanes(txn->index_secret, words, at, counts, b);
    for (size_t i = 0; i < count; i++) {
        const uint64_t tag_words[TAG_WORDS] = {m[i].low, m[i].high, b[i].low, TAG_FINAL};
        memcpy(words + i * TAG_WORDS, tag_words, sizeof(tag_words));
        at[i] = (uint32_t)i * TAG_WORDS;
        counts[i] = TAG_WORDS;
    }
    lanes_fill(at, counts, count);
    txn->lanes(txn->tag_secret, words, at, counts, t);
    for (size_t i = 0; i < count; i++) {
        key_set(keys[i], m[i], b[i], t[i].low);
        key_finish(txn, requests[i], keys[i]);
    }
}

static void keys_small(const struct zsip_txn *txn, const struct block *block)
{
    uint64_t words[STAGE_WORDS];
    for (size_t i = 0; i < block->count; i++) {
        const struct zsip_txn_request *request = block->requests[i];
        const struct zsip_siphash_value m =
            zsip_siphash_words(txn->index_secret, words, stage_m(words, request));
        if (!zsip_index_empty(&txn->index))
            zsip_index_prefetch(&txn->index, m.low);
        const struct zsip_siphash_value b =
            zsip_siphash_words(txn->index_secret, words, stage_b(words, request));
        key_set(block->keys[i], m, b, tag_of(txn, m, b));
        key_finish(txn, request, block->keys[i]);
    }
}

static size_t group_size(const struct block *block, size_t at)
{
    const size_t left = block->count - at;
    return left < ZSIP_SIPHASH_LANES ? left : ZSIP_SIPHASH_LANES;
}

/* The keys of a block, with what its look-ups and the records that expire in its turn will read:
 * first the lines of the index, then what hangs on them. */
static void keys_block(struct zsip_txn *txn, struct block *block)
{
    if (block->count < GROUP_MIN) {
        keys_small(txn, block);
        return;
    }
    for (size_t at = 0; at < block->count; at += ZSIP_SIPHASH_LANES)
        group_m(txn, block->requests + at, group_size(block, at), block->m + at);
    zsip_store_prefetch_due(txn, (uint32_t)block->count);
    for (size_t at = 0; at < block->count; at += ZSIP_SIPHASH_LANES) {
        const size_t count = group_size(block, at);
        group_rest(txn, block->requests + at, count, block->m + at, block->keys + at);
        for (size_t i = 0; i < count && !zsip_index_empty(&txn->index); i++)
            zsip_store_follow(txn, block->m[at + i].low);
    }
    zsip_store_follow_due(txn);
}

void zsip_txn_keys(struct zsip_txn *txn, const struct zsip_txn_request *requests, size_t count,
                   struct zsip_txn_key *keys)
{
    struct block block;
    block.count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!stage_fits(&requests[i])) {
            zsip_txn_key_plain(txn, &requests[i], &keys[i]);
            zsip_index_prefetch(&txn->index, keys[i].m);
            continue;
        }
        block.requests[block.count] = &requests[i];
        block.keys[block.count++] = &keys[i];
        if (block.count == BLOCK_MAX) {
            keys_block(txn, &block);
            block.count = 0;
        }
    }
    keys_block(txn, &block);
}

uint32_t zsip_txn_owner(const struct zsip_txn_key *key, uint32_t workers)
{
    ZSIP_ASSERT(workers > 0);
    /* The index uses the low bits, so the high ones are free to choose the worker. */
    return (uint32_t)(((key->m >> 32) * workers) >> 32);
}

/* ---- Drawn ---------------------------------------------------------------------------------- */

bool zsip_txn_server_none(const struct zsip_txn *txn)
{
    return zsip_index_empty(&txn->index);
}

static void tags_draw(struct zsip_txn *txn)
{
    uint64_t words[ZSIP_SIPHASH_LANES * DRAW_WORDS];
    uint32_t at[ZSIP_SIPHASH_LANES], counts[ZSIP_SIPHASH_LANES];
    struct zsip_siphash_value values[ZSIP_SIPHASH_LANES];
    for (uint32_t i = 0; i < ZSIP_SIPHASH_LANES; i++) {
        /* The time, for who gives the same secret twice. */
        const uint64_t draw[DRAW_WORDS] = {txn->tags_drawn++, txn->now_ns, DRAW_FINAL};
        memcpy(words + (size_t)i * DRAW_WORDS, draw, sizeof(draw));
        at[i] = i * DRAW_WORDS;
        counts[i] = DRAW_WORDS;
    }
    txn->lanes(txn->tag_secret, words, at, counts, values);
    for (uint32_t i = 0; i < ZSIP_SIPHASH_LANES; i++) {
        txn->tags[2 * i] = values[i].low;
        txn->tags[2 * i + 1] = values[i].high;
    }
    txn->tag_count = ZSIP_TAGS_DRAWN;
}

void zsip_txn_draw(struct zsip_txn *txn, uint64_t now_ns, struct zsip_txn_key *key)
{
    zsip_txn_clock(txn, now_ns);
    if (txn->tag_count == 0)
        tags_draw(txn);
    *key =
        (struct zsip_txn_key){.tag = txn->tags[--txn->tag_count], .reliable = true, .drawn = true};
}

void zsip_txn_to_tag(const struct zsip_txn_key *key, char out[ZSIP_TXN_TAG_BYTES])
{
    zsip_hex_write16(out, key->tag);
}
