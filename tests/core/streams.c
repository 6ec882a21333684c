/* Requests over streams: nothing is kept of what is answered at once, so that mostly there is
 * nothing to compare them with, and they get no fingerprints. Nobody may notice, but by the tags.
 */
#include "tests/core/world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world world;
static struct zsip_path stream, datagram;

static void open_world(void)
{
    world_init(&world);
    world_open(&world);
    datagram = stream = world.path;
    stream.transport = ZSIP_TRANSPORT_TCP;
    stream.flags = ZSIP_PATH_RELIABLE;
    world.path = stream;
}

static void close_world(void)
{
    world_close(&world);
}

TestSuite(streams, .init = open_world, .fini = close_world);

static const char *tag_of(const char *text)
{
    static char tags[4][64];
    static unsigned turn;
    char *tag = tags[turn++ % 4];
    const char *at = strstr(world_line(text, "To"), ";tag=");
    cr_assert(at != NULL, "%s", text);
    snprintf(tag, sizeof(tags[0]), "%s", at + 5);
    return tag;
}

/* Up to eight requests, in one batch. */
static void receive(const struct zsip_path *const *paths, const char *const *texts, unsigned count)
{
    static char bytes[8][1024];
    struct zsip_packet packets[8] = {0};
    size_t used;
    for (unsigned i = 0; i < count; i++) {
        packets[i].bytes = (uint32_t)snprintf(bytes[i], sizeof(bytes[i]), "%s", texts[i]);
        packets[i].data = (const uint8_t *)bytes[i];
        packets[i].path = paths[i];
    }
    world.sent_count = 0;
    cr_assert_eq(zsip_endpoint_receive(world.endpoint, packets, count, world.now, &used), ZSIP_OK);
    world_take(&world);
}

static const char *message(const char *id)
{
    static char texts[8][1024];
    static unsigned turn;
    char branch[32], *text = texts[turn++ % 8];
    snprintf(branch, sizeof(branch), "z9hG4bK%s", id);
    snprintf(text, sizeof(texts[0]), "%s", world_message(branch, id, "", "x"));
    return text;
}

/* Another request of the same Via, Call-ID and CSeq number. */
static const char *as(const char *method, const char *text)
{
    static char out[1024];
    const char *cseq = strstr(text, "CSeq: 1 MESSAGE");
    snprintf(out, sizeof(out), "%s%.*sCSeq: 1 %s%s", method, (int)(cseq - text - 7), text + 7,
             method, cseq + 15);
    return out;
}

Test(streams, an_answer_says_what_it_says_over_datagrams_but_for_the_tag)
{
    char over_stream[4096];
    world_receive(&world, message("1"));
    EXPECT_CODE(&world, 200);
    strcpy(over_stream, world.sent[0]);
    world.path = datagram;
    world_receive(&world, message("1"));
    EXPECT_CODE(&world, 200);
    cr_assert_eq(strlen(tag_of(over_stream)), 16);
    cr_assert_eq(strspn(tag_of(over_stream), "0123456789abcdef"), 16);
    memcpy(strstr(over_stream, tag_of(over_stream)), tag_of(world.sent[0]), 16);
    cr_assert_str_eq(over_stream, world.sent[0]);
}

/* Timer J is 0 over reliable transports (RFC 3261 section 17.2.2). */
Test(streams, what_comes_again_is_new_and_gets_a_tag_of_its_own)
{
    char tags[40][32];
    for (unsigned i = 0; i < 40; i++) {
        world_receive(&world, message("1"));
        EXPECT_CODE(&world, 200);
        snprintf(tags[i], sizeof(tags[i]), "%s", tag_of(world.sent[0]));
        for (unsigned j = 0; j < i; j++)
            cr_assert_str_neq(tags[i], tags[j]);
    }
    cr_assert_eq(world.requests, 40);
}

Test(streams, what_is_refused_without_a_transaction_keeps_its_tag)
{
    char tag[32];
    world_receive(&world, as("INVITE", message("1")));
    EXPECT_CODE(&world, 405);
    snprintf(tag, sizeof(tag), "%s", tag_of(world.sent[0]));
    world_receive(&world, as("INVITE", message("1")));
    cr_assert_str_eq(tag_of(world.sent[0]), tag); /* section 8.2.7 */
}

Test(streams, copies_of_what_their_batch_brought_and_is_held_are_known)
{
    const struct zsip_path *paths[] = {&stream, &stream, &stream, &stream};
    const char *texts[] = {message("1"), message("1"), message("2"), message("1")};
    world.hold = true;
    receive(paths, texts, 4);
    cr_assert_eq(world.requests, 2);
    cr_assert_eq(world.sent_count, 0);
    receive(paths, texts, 4); /* and in the next */
    cr_assert_eq(world.requests, 2);
    cr_assert_eq(zsip_endpoint_respond(world.endpoint, world.held, &world.answer, world.now),
                 ZSIP_OK);
    world_take(&world);
    EXPECT_CODE(&world, 200);
    cr_assert_str_eq(world_line(world.sent[0], "Call-ID"), "Call-ID: 2");
}

Test(streams, cancel_finds_what_is_held_and_nothing_else)
{
    const struct zsip_path *paths[] = {&stream, &stream};
    const char *texts[] = {message("1"), NULL};
    world_receive(&world, as("CANCEL", message("1")));
    EXPECT_CODE(&world, 481);
    world.hold = true;
    texts[1] = as("CANCEL", message("1"));
    receive(paths, texts, 2);
    EXPECT_CODE(&world, 200);
    cr_assert_eq(world.requests, 1);
}

/* What came by datagrams is kept, and compared with whatever comes. */
Test(streams, of_a_batch_of_both_kinds_each_is_known_by_its_own)
{
    const struct zsip_path *paths[] = {&stream, &datagram, &stream, &datagram, &stream};
    const char *texts[] = {message("1"), message("2"), message("3"), message("2"), NULL};
    char other[1024];
    snprintf(other, sizeof(other), "%s", message("2"));
    memcpy(strstr(other, "z9hG4bK2"), "z9hG4bK9", 8);
    texts[4] = other;
    receive(paths, texts, 5);
    cr_assert_eq(world.requests, 3);
    cr_assert_eq(world.sent_count, 5);
    cr_assert_str_eq(world.sent[3], world.sent[1]);
    cr_assert_eq(world_code(world.sent[4]), 482);
    receive(paths, texts, 5); /* and in the next */
    cr_assert_eq(world.requests, 5);
    cr_assert_str_eq(world.sent[3], world.sent[1]);
    cr_assert_eq(world_code(world.sent[4]), 482);
}
