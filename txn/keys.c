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
 *   T   the words of M and B, final blocks included            under tag_secret
 *
 * They are staged back to back as words, so T is a third reading of the same bytes. */
#include "txn/room.h"

#include <string.h>

/* Longest M and B that are staged; longer ones, which nobody sends in earnest, go byte by byte. */
#define STAGE_WORDS 32
#define STAGE_BYTES (STAGE_WORDS * 8 - 8)
/* M, B, T's final block; and room for the fold, which reads and writes words. */
#define STAGE_STRIDE (2 * STAGE_WORDS + 2)
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

/* What makes the words of a part end as SipHash's final block does. */
static void update_end(struct zsip_siphash *hash, uint64_t from)
{
    const uint8_t length = (uint8_t)(hash->count - from), zero = 0;
    while ((hash->count & 7) != 7)
        zsip_siphash_update(hash, &zero, 1);
    zsip_siphash_update(hash, &length, 1);
}

static void key_set(struct zsip_txn_key *key, struct zsip_siphash_value m,
                    struct zsip_siphash_value b, struct zsip_siphash_value t)
{
    key->m = m.low;
    key->m_extra = (uint32_t)m.high;
    key->b = b.low;
    key->tag = t.low;
}

/* What of a key is no hash, and the name of an unknown method. */
static void key_finish(const struct zsip_txn *txn, const struct zsip_txn_request *request,
                       struct zsip_txn_key *key)
{
    ZSIP_ASSERT(request->method < ZSIP_METHOD_CANCEL);
    key->method = request->cancel ? ZSIP_METHOD_CANCEL : request->method;
    key->to_tag_present = request->to_tag_present;
    key->reliable = request->reliable;
    key->reserved = 0;
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
    struct zsip_siphash m, b, t;
    zsip_siphash_begin(&m, txn->index_secret);
    zsip_siphash_begin(&b, txn->index_secret);
    zsip_siphash_begin(&t, txn->tag_secret);
    update_m(&m, request);
    update_b(&b, request);
    update_m(&t, request);
    update_end(&t, 0);
    const uint64_t middle = t.count;
    update_b(&t, request);
    update_end(&t, middle);
    key_set(key, zsip_siphash_end(&m), zsip_siphash_end(&b), zsip_siphash_end(&t));
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

static void stage_fold(uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word;
        memcpy(&word, text + i, 8);
        word = fold(word);
        memcpy(text + i, &word, 8);
    }
}

/* Makes the word that holds the end of `length` bytes SipHash's final block; gives the count. */
static uint32_t stage_end(uint64_t *words, size_t length)
{
    const uint32_t last = (uint32_t)(length / 8);
    const uint64_t kept = (1ull << (8 * (length & 7))) - 1;
    words[last] = (words[last] & kept) | (uint64_t)length << 56;
    return last + 1;
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
    words[0] = head_m(request);
    at = stage_copy(at, request->call_id);
    at = stage_copy(at, request->from_tag);
    return stage_end(words, (size_t)(at - (uint8_t *)words));
}

static uint32_t stage_b(uint64_t *words, const struct zsip_txn_request *request)
{
    uint8_t *at = (uint8_t *)(words + 1);
    if (request->branch_has_cookie) {
        words[0] = head_b(request);
        at = stage_copy(at, request->branch);
        at = stage_copy(at, request->sent_by);
        stage_fold(at - request->sent_by.length, request->sent_by.length);
    } else {
        words[0] = head_2543(request);
        words[1] = request->cseq;
        at = stage_copy(at + 8, request->request_uri);
        at = stage_copy(at, request->to_tag);
        at = stage_copy(at, request->top_via);
    }
    return stage_end(words, (size_t)(at - (uint8_t *)words));
}

/* At most ZSIP_SIPHASH_LANES requests that all fit. */
static void keys_group(const struct zsip_txn *txn, const struct zsip_txn_request *const *requests,
                       size_t count, struct zsip_txn_key *const *keys)
{
    uint64_t words[ZSIP_SIPHASH_LANES * STAGE_STRIDE];
    uint32_t m_at[ZSIP_SIPHASH_LANES], b_at[ZSIP_SIPHASH_LANES];
    uint32_t m_count[ZSIP_SIPHASH_LANES], b_count[ZSIP_SIPHASH_LANES];
    uint32_t t_count[ZSIP_SIPHASH_LANES];
    struct zsip_siphash_value m[ZSIP_SIPHASH_LANES], b[ZSIP_SIPHASH_LANES], t[ZSIP_SIPHASH_LANES];
    for (size_t i = 0; i < ZSIP_SIPHASH_LANES; i++) {
        if (i >= count) {
            m_at[i] = m_at[0], b_at[i] = b_at[0];
            m_count[i] = m_count[0], b_count[i] = b_count[0], t_count[i] = t_count[0];
            continue;
        }
        m_at[i] = (uint32_t)i * STAGE_STRIDE;
        m_count[i] = stage_m(words + m_at[i], requests[i]);
        b_at[i] = m_at[i] + m_count[i];
        b_count[i] = stage_b(words + b_at[i], requests[i]);
        t_count[i] = m_count[i] + b_count[i] + 1;
        words[m_at[i] + t_count[i] - 1] = (uint64_t)(8 * (t_count[i] - 1)) << 56;
    }
    txn->lanes(txn->index_secret, words, m_at, m_count, m);
    for (size_t i = 0; i < count; i++)
        zsip_index_prefetch(&txn->index, m[i].low);
    txn->lanes(txn->index_secret, words, b_at, b_count, b);
    txn->lanes(txn->tag_secret, words, m_at, t_count, t);
    for (size_t i = 0; i < count; i++) {
        key_set(keys[i], m[i], b[i], t[i]);
        key_finish(txn, requests[i], keys[i]);
    }
}

static void keys_small(const struct zsip_txn *txn, const struct zsip_txn_request *const *requests,
                       size_t count, struct zsip_txn_key *const *keys)
{
    uint64_t words[STAGE_STRIDE];
    for (size_t i = 0; i < count; i++) {
        const uint32_t m_count = stage_m(words, requests[i]);
        const uint32_t b_count = stage_b(words + m_count, requests[i]);
        const uint32_t t_count = m_count + b_count + 1;
        words[t_count - 1] = (uint64_t)(8 * (t_count - 1)) << 56;
        key_set(keys[i], zsip_siphash_words(txn->index_secret, words, m_count),
                zsip_siphash_words(txn->index_secret, words + m_count, b_count),
                zsip_siphash_words(txn->tag_secret, words, t_count));
        key_finish(txn, requests[i], keys[i]);
        zsip_index_prefetch(&txn->index, keys[i]->m);
    }
}

void zsip_txn_keys(const struct zsip_txn *txn, const struct zsip_txn_request *requests,
                   size_t count, struct zsip_txn_key *keys)
{
    const struct zsip_txn_request *group[ZSIP_SIPHASH_LANES];
    struct zsip_txn_key *group_keys[ZSIP_SIPHASH_LANES];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (!stage_fits(&requests[i])) {
            zsip_txn_key_plain(txn, &requests[i], &keys[i]);
            zsip_index_prefetch(&txn->index, keys[i].m);
            continue;
        }
        group[size] = &requests[i];
        group_keys[size++] = &keys[i];
        if (size == ZSIP_SIPHASH_LANES) {
            keys_group(txn, group, size, group_keys);
            size = 0;
        }
    }
    if (size >= GROUP_MIN)
        keys_group(txn, group, size, group_keys);
    else
        keys_small(txn, group, size, group_keys);
}

uint32_t zsip_txn_owner(const struct zsip_txn_key *key, uint32_t workers)
{
    ZSIP_ASSERT(workers > 0);
    /* The index uses the low bits, so the high ones are free to choose the worker. */
    return (uint32_t)(((key->m >> 32) * workers) >> 32);
}

void zsip_txn_to_tag(const struct zsip_txn_key *key, char out[ZSIP_TXN_TAG_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < ZSIP_TXN_TAG_BYTES; i++)
        out[i] = digits[key->tag >> (60 - 4 * i) & 15];
}
