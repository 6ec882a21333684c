/* Server transactions: who matches what (RFC 3261 sections 17.2.3, 9.2 and 8.2.2.2).
 *
 * SPDX-License-Identifier: MIT */
#include "tests/txn/server_fixture.h"

TestSuite(matching, .init = set_up, .fini = tear_down);

/* ---- Copies, section 17.2.3 ----------------------------------------------------------------- */

Test(matching, first_request_is_new)
{
    const struct zsip_txn_request request = test_request();
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    cr_assert_eq(find(&request), ZSIP_TXN_NEW, "looking does not record");
}

Test(matching, copy_of_an_answered_request_gets_its_status)
{
    const struct zsip_txn_request request = test_request();
    answer(&request, 403);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 403);
    cr_assert_null(match.delta.data);
}

Test(matching, every_final_status_is_given_back)
{
    for (unsigned status = 200; status <= 699; status++) {
        struct zsip_txn_request request = test_request();
        request.cseq = status;
        answer(&request, status);
        cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
        cr_assert_eq(match.status, status);
    }
}

Test(matching, statuses_that_are_no_final_ones_are_refused)
{
    const struct zsip_txn_request request = test_request();
    cr_assert_eq(try_answer(&request, 199, NO_DELTA), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(try_answer(&request, 700, NO_DELTA), ZSIP_ERROR_ARGUMENT);
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

Test(matching, copy_of_a_pending_request_is_dropped)
{
    const struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    cr_assert_eq(find(&request), ZSIP_TXN_TRYING);
    cr_assert_eq(match.server.slot, server.slot);
    cr_assert_eq(match.server.generation, server.generation);
}

Test(matching, copy_from_another_address_is_a_copy)
{
    /* Nothing of the packet's source is part of the key: a NAT may have rebound. */
    struct zsip_txn_request request = test_request();
    answer(&request, 200);
    request.top_via = test_view("SIP/2.0/UDP pc33.example.com;received=192.0.2.9");
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
}

Test(matching, copy_with_sent_by_in_capitals_is_a_copy)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 200);
    request.sent_by = test_view("PC33.EXAMPLE.COM:5060");
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
}

Test(matching, same_branch_from_another_sent_by_is_no_copy)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 404);
    request.sent_by = test_view("pc34.example.com:5060");
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

Test(matching, same_branch_with_another_method_is_no_copy)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 200);
    request.method = 8;
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

Test(matching, unknown_methods_are_told_apart_by_name)
{
    struct zsip_txn_request request = test_request();
    request.method = 0;
    request.method_name = test_view("FOO");
    answer(&request, 405);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    request.method_name = test_view("BAR");
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

Test(matching, branch_used_again_under_another_m_is_a_new_request)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 200);
    request.call_id = test_view("another@host");
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    request = test_request();
    request.cseq++;
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    request = test_request();
    request.from_tag = test_view("other");
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

/* ---- RFC 2543 ------------------------------------------------------------------------------- */

static struct zsip_txn_request request_2543(void)
{
    struct zsip_txn_request request = test_request();
    request.branch_has_cookie = false;
    request.branch = test_view("1");
    request.request_uri = test_view("sip:bob@example.com");
    request.top_via = test_view("SIP/2.0/UDP pc33.example.com;branch=1");
    return request;
}

Test(matching, branch_without_cookie_uses_2543_key)
{
    struct zsip_txn_request request = request_2543();
    answer(&request, 200);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    request.branch = test_view("2");
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED, "the branch alone is not looked at");
}

Test(matching, each_part_of_the_2543_key_is_compared)
{
    struct zsip_txn_request request = request_2543();
    answer(&request, 404);
    request.request_uri = test_view("sip:carol@example.com");
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    request = request_2543();
    request.top_via = test_view("SIP/2.0/UDP pc34.example.com;branch=1");
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    request = request_2543();
    request.to_tag = test_view("there");
    request.to_tag_present = true;
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    request = request_2543();
    request.to_tag_present = true;
    cr_assert_eq(find(&request), ZSIP_TXN_NEW, "an empty tag is not an absent one");
    request = request_2543();
    request.cseq++;
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    request = request_2543();
    request.branch_has_cookie = true;
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

Test(matching, cancel_finds_its_2543_target)
{
    struct zsip_txn_request request = request_2543();
    answer(&request, 200);
    request.cancel = true;
    cr_assert_eq(find(&request), ZSIP_TXN_CANCEL_FOUND);
}

/* ---- CANCEL, section 9.2 -------------------------------------------------------------------- */

Test(matching, cancel_without_a_transaction_finds_none)
{
    struct zsip_txn_request request = test_request();
    request.cancel = true;
    cr_assert_eq(find(&request), ZSIP_TXN_CANCEL_NONE);
}

Test(matching, cancel_of_a_pending_request_names_it)
{
    struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    request.cancel = true;
    cr_assert_eq(find(&request), ZSIP_TXN_CANCEL_FOUND);
    cr_assert_eq(match.server.slot, server.slot);
    cr_assert_eq(match.server.generation, server.generation);
    cr_assert_eq(zsip_txn_check(txn, server), ZSIP_OK, "and does it no harm");
}

Test(matching, cancel_of_an_answered_request_finds_it)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 202);
    request.cancel = true;
    cr_assert_eq(find(&request), ZSIP_TXN_CANCEL_FOUND);
    cr_assert_eq(match.status, 202);
    cr_assert_eq(match.server.generation, 0);
}

Test(matching, cancel_with_another_branch_finds_none)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 200);
    request.cancel = true;
    request.branch = test_view("z9hG4bKother");
    cr_assert_eq(find(&request), ZSIP_TXN_CANCEL_NONE);
}

Test(matching, cancel_is_a_transaction_of_its_own)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 202);
    request.cancel = true;
    answer(&request, 481);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 481);
    request.cancel = false;
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 202);
}

Test(matching, cancel_does_not_match_a_cancel)
{
    struct zsip_txn_request request = test_request();
    request.cancel = true;
    answer(&request, 481);
    request.method = 8;
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED, "the method number is ignored");
    request.branch = test_view("z9hG4bKother");
    cr_assert_eq(find(&request), ZSIP_TXN_CANCEL_NONE);
}

Test(matching, cancel_finds_a_request_of_unknown_method)
{
    struct zsip_txn_request request = test_request();
    request.method = 0;
    request.method_name = test_view("FOO");
    answer(&request, 405);
    request.cancel = true;
    cr_assert_eq(find(&request), ZSIP_TXN_CANCEL_FOUND);
}

/* ---- Merged requests, section 8.2.2.2 ------------------------------------------------------- */

Test(matching, other_branch_of_a_pending_request_is_merged)
{
    struct zsip_txn_request request = test_request();
    const struct zsip_txn_server server = open_pending(&request);
    request.branch = test_view("z9hG4bKfork");
    cr_assert_eq(find(&request), ZSIP_TXN_MERGED);
    cr_assert_eq(match.server.slot, server.slot);
    cr_assert_eq(match.status, 0);
}

Test(matching, other_branch_of_an_accepted_request_is_merged)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 202);
    request.branch = test_view("z9hG4bKfork");
    cr_assert_eq(find(&request), ZSIP_TXN_MERGED);
    cr_assert_eq(match.status, 202);
    cr_assert_eq(match.server.generation, 0);
}

Test(matching, other_branch_of_a_refused_request_is_new)
{
    static const unsigned statuses[] = {300, 404, 482, 503, 603};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct zsip_txn_request request = test_request();
        request.cseq = (uint32_t)i;
        answer(&request, statuses[i]);
        request.branch = test_view("z9hG4bKfork");
        cr_assert_eq(find(&request), ZSIP_TXN_NEW);
    }
}

Test(matching, request_with_a_to_tag_is_never_merged)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 200);
    request.branch = test_view("z9hG4bKfork");
    request.to_tag_present = true;
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

Test(matching, other_method_is_never_merged)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 200);
    request.branch = test_view("z9hG4bKfork");
    request.method = 8;
    cr_assert_eq(find(&request), ZSIP_TXN_NEW);
}

Test(matching, merged_request_once_refused_stays_refused)
{
    struct zsip_txn_request request = test_request();
    answer(&request, 200);
    request.branch = test_view("z9hG4bKfork");
    answer(&request, 482);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
    cr_assert_eq(match.status, 482);
}

Test(matching, accepted_request_with_a_delta_still_merges)
{
    struct zsip_txn_request request = test_request();
    cr_assert_eq(try_answer(&request, 200, test_view("Contact: x")), ZSIP_OK);
    request.branch = test_view("z9hG4bKfork");
    cr_assert_eq(find(&request), ZSIP_TXN_MERGED);
    cr_assert_eq(match.status, 200);
}

/* ---- Crowds --------------------------------------------------------------------------------- */

static struct zsip_txn_request branch_number(unsigned number)
{
    static char texts[16][32];
    struct zsip_txn_request request = test_request();
    snprintf(texts[number], sizeof(texts[number]), "z9hG4bK-%u", number);
    request.branch = test_view(texts[number]);
    return request;
}

Test(matching, ninth_branch_of_one_m_is_crowded)
{
    struct zsip_txn_request request;
    for (unsigned i = 0; i < ZSIP_TXN_SHARED_MAX; i++) {
        request = branch_number(i);
        cr_assert_eq(find(&request), ZSIP_TXN_NEW);
        answer(&request, 404);
    }
    request = branch_number(ZSIP_TXN_SHARED_MAX);
    cr_assert_eq(find(&request), ZSIP_TXN_CROWDED);
    cr_assert_eq(try_answer(&request, 482, NO_DELTA), ZSIP_ERROR_FULL);
    cr_assert_eq(find(&request), ZSIP_TXN_CROWDED, "nothing was recorded");
    for (unsigned i = 0; i < ZSIP_TXN_SHARED_MAX; i++) {
        request = branch_number(i);
        cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED, "copies are still known");
    }
}

Test(matching, crowd_ends_with_timer_j)
{
    struct zsip_txn_request request;
    for (unsigned i = 0; i < ZSIP_TXN_SHARED_MAX; i++) {
        request = branch_number(i);
        answer(&request, 404);
    }
    now += J + MS;
    request = branch_number(ZSIP_TXN_SHARED_MAX);
    cr_assert_eq(find(&request), ZSIP_TXN_NEW, "those past their time are not counted");
    answer(&request, 200);
    cr_assert_eq(find(&request), ZSIP_TXN_COMPLETED);
}

Test(matching, crowd_counts_pending_ones)
{
    struct zsip_txn_request request;
    struct zsip_txn_key key;
    struct zsip_txn_server server;
    for (unsigned i = 0; i < ZSIP_TXN_SHARED_MAX; i++) {
        request = branch_number(i);
        (void)open_pending(&request);
    }
    request = branch_number(ZSIP_TXN_SHARED_MAX);
    cr_assert_eq(find(&request), ZSIP_TXN_CROWDED);
    key = test_key(txn, &request);
    cr_assert_eq(zsip_txn_open(txn, &key, now, &server), ZSIP_ERROR_FULL);
    cr_assert_eq(server.generation, 0);
}
