/* Fingerprints: what they cover, and that a batch gives what one by one gives.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/common.h"
#include "txn/room.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct zsip_txn *txn;

static void set_up(void)
{
    const struct zsip_txn_config config = test_config();
    txn = test_txn(&config);
}

static void tear_down(void)
{
    zsip_txn_destroy(txn);
}

TestSuite(keys, .init = set_up, .fini = tear_down);

static bool same(const struct zsip_txn_key *a, const struct zsip_txn_key *b)
{
    return a->m == b->m && a->b == b->b && a->m_extra == b->m_extra && a->tag == b->tag &&
           a->method == b->method && a->to_tag_present == b->to_tag_present &&
           a->reliable == b->reliable;
}

/* Fields of all lengths around every edge of the staging, in batches of all sizes up to 20; each
 * text ends where its block of memory does, so that a sanitizer sees a byte too far. */
Test(keys, batches_of_any_size_and_fields_of_any_length_agree_with_the_plain_hash)
{
    enum { COUNT = 20 };
    uint32_t seed = 1;
    for (unsigned round = 0; round < 400; round++) {
        struct zsip_txn_request requests[COUNT];
        struct zsip_txn_key keys[COUNT], plain;
        uint8_t *blocks[COUNT * 6];
        size_t block_count = 0;
        const size_t count = round % (COUNT + 1);
        for (size_t i = 0; i < count; i++) {
            struct zsip_view *const fields[] = {&requests[i].call_id, &requests[i].from_tag,
                                                &requests[i].branch,  &requests[i].sent_by,
                                                &requests[i].to_tag,  &requests[i].top_via};
            requests[i] = test_request();
            requests[i].branch_has_cookie = (seed >> 9) % 3 != 0;
            requests[i].method = (uint8_t)((seed >> 12) % 3);
            requests[i].method_name = test_view("WHATEVER");
            requests[i].request_uri = test_view("sip:user@example.com");
            for (size_t field = 0; field < 6; field++) {
                seed = seed * 1664525 + 1013904223;
                const size_t length = (seed >> 8) % ((seed >> 28) == 0 ? 300 : 45);
                uint8_t *block = malloc(length ? length : 1);
                for (size_t at = 0; at < length; at++)
                    block[at] = (uint8_t)(seed >> (at % 3) * 7) ^ (uint8_t)(at * 31);
                *fields[field] = (struct zsip_view){block, length};
                blocks[block_count++] = block;
            }
        }
        zsip_txn_keys(txn, requests, count, keys);
        for (size_t i = 0; i < count; i++) {
            zsip_txn_key_plain(txn, &requests[i], &plain);
            cr_assert(same(&keys[i], &plain), "request %zu of %zu", i, count);
        }
        while (block_count > 0)
            free(blocks[--block_count]);
    }
}

/* Is M, is B, the same for a request changed in one way? */
#define CHANGED(change, m_same, b_same)                                                            \
    do {                                                                                           \
        struct zsip_txn_request request = test_request();                                          \
        const struct zsip_txn_key before = test_key(txn, &request);                                \
        change;                                                                                    \
        const struct zsip_txn_key after = test_key(txn, &request);                                 \
        cr_assert_eq(before.m == after.m, m_same, #change ": M");                                  \
        cr_assert_eq(before.b == after.b, b_same, #change ": B");                                  \
    } while (0)

Test(keys, m_covers_call_id_cseq_and_from_tag_and_b_branch_and_sent_by)
{
    CHANGED(request.call_id = test_view("b84b4c76e66710@pc33.example.com"), false, true);
    CHANGED(request.cseq++, false, true);
    CHANGED(request.from_tag = test_view("1928301775"), false, true);
    CHANGED(request.from_tag = NO_DELTA, false, true);
    CHANGED(request.branch = test_view("z9hG4bK776asdhdt"), true, false);
    CHANGED(request.sent_by = test_view("pc33.example.com:5061"), true, false);
    CHANGED(request.sent_by = test_view("pc33.example.com"), true, false);
    CHANGED(request.method = 8, true, true);
    CHANGED(request.cancel = true, true, true);
    CHANGED(request.request_uri = test_view("sip:other@example.com"), true, true);
    CHANGED(request.top_via = test_view("SIP/2.0/UDP other"), true, true);
}

Test(keys, bytes_that_move_from_one_field_to_the_next_change_the_key)
{
    CHANGED(request.call_id = test_view("a84b4c76e66710@pc33.example.com1");
            request.from_tag = test_view("928301774"), false, true);
    CHANGED(request.branch = test_view("z9hG4bK776asdhdsp");
            request.sent_by = test_view("c33.example.com:5060"), true, false);
}

Test(keys, sent_by_is_compared_without_regard_to_case_and_branch_with)
{
    CHANGED(request.sent_by = test_view("PC33.Example.COM:5060"), true, true);
    CHANGED(request.branch = test_view("z9hG4bK776ASDHDS"), true, false);
    CHANGED(request.call_id = test_view("A84B4C76E66710@pc33.example.com"), false, true);
}

Test(keys, sent_by_fold_touches_letters_only)
{
    char text[3] = "x?";
    for (unsigned c = 0; c < 256; c++) {
        struct zsip_txn_request request = test_request();
        const unsigned folded = c >= 'A' && c <= 'Z' ? c + 32 : c;
        text[1] = (char)c;
        request.sent_by = (struct zsip_view){(const uint8_t *)text, 2};
        const struct zsip_txn_key a = test_key(txn, &request);
        text[1] = (char)folded;
        cr_assert_eq(a.b, test_key(txn, &request).b, "%u", c);
        text[1] = (char)(folded ^ 128);
        cr_assert_neq(a.b, test_key(txn, &request).b, "%u", c);
    }
}

Test(keys, unknown_methods_with_two_names_differ_and_keep_m)
{
    struct zsip_txn_request request = test_request();
    request.method = 0;
    request.method_name = test_view("FOO");
    const struct zsip_txn_key foo = test_key(txn, &request);
    request.method_name = test_view("BAR");
    const struct zsip_txn_key bar = test_key(txn, &request);
    cr_assert_eq(foo.m, bar.m);
    cr_assert_eq(foo.b, bar.b);
    cr_assert_neq(foo.m_extra, bar.m_extra);
}

Test(keys, owner_of_m_is_spread_evenly_and_a_cancel_goes_where_its_target_is)
{
    unsigned counts[3] = {0};
    for (unsigned i = 0; i < 3000; i++) {
        struct zsip_txn_request request = test_request();
        request.cseq = i;
        const struct zsip_txn_key key = test_key(txn, &request);
        request.cancel = true;
        const struct zsip_txn_key cancel = test_key(txn, &request);
        const uint32_t owner = zsip_txn_owner(&key, 3);
        cr_assert_lt(owner, 3);
        cr_assert_eq(owner, zsip_txn_owner(&cancel, 3));
        cr_assert_eq(zsip_txn_owner(&key, 1), 0);
        counts[owner]++;
    }
    for (int i = 0; i < 3; i++)
        cr_assert(counts[i] > 900 && counts[i] < 1100, "%u", counts[i]);
}

/* ---- To tags -------------------------------------------------------------------------------- */

Test(keys, tag_repeats_for_a_copy_and_differs_for_another_branch)
{
    struct zsip_txn_request request = test_request();
    char first[ZSIP_TXN_TAG_BYTES], again[ZSIP_TXN_TAG_BYTES], other[ZSIP_TXN_TAG_BYTES];
    struct zsip_txn_key key = test_key(txn, &request);
    zsip_txn_to_tag(&key, first);
    key = test_key(txn, &request);
    zsip_txn_to_tag(&key, again);
    request.branch = test_view("z9hG4bKanother");
    key = test_key(txn, &request);
    zsip_txn_to_tag(&key, other);
    cr_assert_arr_eq(first, again, sizeof(first));
    cr_assert_arr_neq(first, other, sizeof(first));
    for (size_t i = 0; i < sizeof(first); i++)
        cr_assert(strchr("0123456789abcdef", first[i]));
}

/* Two stores that differ in the tag secret alone: the same places in the index, tags that have
 * nothing to do with each other. And within one store no bit of a tag goes with any bit of M or B:
 * of 20,000 requests each pair of bits agrees in half, give or take six standard deviations. */
Test(keys, tags_tell_nothing_of_the_index)
{
    enum { COUNT = 20000, SIGMA = 71 };
    static unsigned agree_m[64][64], agree_b[64][64], agree_tags[64];
    struct zsip_txn_config config = test_config();
    config.tag_secret[0] ^= 1;
    struct zsip_txn *const other = test_txn(&config);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct zsip_txn_request request = test_request();
        char branch[32];
        snprintf(branch, sizeof(branch), "z9hG4bK%u", i);
        request.cseq = i;
        request.branch = test_view(branch);
        const struct zsip_txn_key key = test_key(txn, &request);
        const struct zsip_txn_key under = test_key(other, &request);
        cr_assert(key.m == under.m && key.b == under.b && key.m_extra == under.m_extra);
        for (unsigned t = 0; t < 64; t++) {
            agree_tags[t] += ((key.tag ^ under.tag) >> t & 1) == 0;
            for (unsigned k = 0; k < 64; k++) {
                agree_m[t][k] += (key.tag >> t & 1) == (key.m >> k & 1);
                agree_b[t][k] += (key.tag >> t & 1) == (key.b >> k & 1);
            }
        }
    }
    for (unsigned t = 0; t < 64; t++) {
        cr_assert(abs((int)agree_tags[t] - COUNT / 2) < 6 * SIGMA, "bit %u", t);
        for (unsigned k = 0; k < 64; k++) {
            cr_assert(abs((int)agree_m[t][k] - COUNT / 2) < 6 * SIGMA, "bits %u, %u", t, k);
            cr_assert(abs((int)agree_b[t][k] - COUNT / 2) < 6 * SIGMA, "bits %u, %u", t, k);
        }
    }
    zsip_txn_destroy(other);
}

/* Tags that are drawn differ from each other, and from those of another worker or a later run that
 * was given the same secrets. */
Test(keys, no_tag_is_drawn_twice)
{
    enum { EACH = 1000, COUNT = 3 * EACH };
    static uint64_t tags[COUNT];
    struct zsip_txn_config config = test_config();
    config.worker++;
    struct zsip_txn *const worker = test_txn(&config);
    config.worker--;
    struct zsip_txn *const later = test_txn(&config);
    for (unsigned i = 0; i < COUNT; i++) {
        struct zsip_txn_key key;
        zsip_txn_draw(i % 3 == 0 ? txn : i % 3 == 1 ? worker : later, 1000 + i % 3 / 2, &key);
        cr_assert(key.drawn && key.reliable);
        tags[i] = key.tag;
        for (unsigned j = 0; j < i; j++)
            cr_assert_neq(tags[i], tags[j], "%u is %u", i, j);
    }
    zsip_txn_destroy(worker);
    zsip_txn_destroy(later);
}

Test(keys, what_was_drawn_is_not_looked_up, .signal = SIGABRT)
{
    struct zsip_txn_match match;
    struct zsip_txn_key key;
    zsip_txn_draw(txn, 1, &key);
    zsip_txn_find(txn, &key, 1, &match);
}

Test(keys, what_was_drawn_is_not_held, .signal = SIGABRT)
{
    struct zsip_txn_server server;
    struct zsip_txn_key key;
    zsip_txn_draw(txn, 1, &key);
    zsip_txn_open(txn, &key, 1, &server);
}

Test(keys, another_index_secret_gives_another_index)
{
    struct zsip_txn_config config = test_config();
    config.index_secret[15] ^= 128;
    struct zsip_txn *const other = test_txn(&config);
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_key a = test_key(txn, &request), b = test_key(other, &request);
    cr_assert(a.m != b.m && a.b != b.b && a.m_extra != b.m_extra);
    zsip_txn_destroy(other);
}
