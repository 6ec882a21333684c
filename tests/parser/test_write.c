/* The writer: what it writes is read back, and nothing goes past its room.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/corpus.h"
#include "tests/parser/judge.h"
#include "tests/parser/mutate.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(write, every_good_text_is_written_and_read_back)
{
    const struct corpus *corpus = corpus_all();
    unsigned good = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        struct zsip_msg *msg = msg_new();
        good += zsip_parse(msg, text->data, text->bytes, 0) == ZSIP_OK;
        free(msg);
        for (unsigned flags = 0; flags <= ZSIP_WRITER_COMPACT; flags++) {
            const char *what = judge_rewrite(text->data, text->bytes, flags);
            cr_expect(what == NULL, "%s, flags %u: %s", text->name, flags, what);
        }
    }
    cr_expect_gt(good, 150, "only %u texts are good", good);
}

Test(write, good_mutants_are_written_and_read_back)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        for (unsigned seed = 0; seed < 100; seed++) {
            size_t bytes;
            uint8_t *mutant =
                mutate(corpus->texts[i].data, corpus->texts[i].bytes, seed * 104729u + i, &bytes);
            const char *what = judge_rewrite(mutant, bytes, seed & ZSIP_WRITER_COMPACT);
            cr_assert(what == NULL, "%s, mutant %u: %s", corpus->texts[i].name, seed, what);
            free(mutant);
        }
    }
}

static enum zsip_status write_subject(const void *value, size_t length)
{
    uint8_t room[512];
    struct zsip_writer writer;
    size_t written;
    zsip_writer_init(&writer, room, sizeof(room), 0);
    zsip_writer_request(&writer, ZSIP_VIEW("MESSAGE"), ZSIP_VIEW("sip:a@b"));
    zsip_writer_header(&writer, ZSIP_HEADER_SUBJECT, (struct zsip_view){value, length});
    zsip_writer_body(&writer, ZSIP_VIEW(""));
    return zsip_writer_finish(&writer, &written);
}

#define REFUSED(value) cr_expect_eq(write_subject(value, sizeof(value) - 1), ZSIP_ERROR_ARGUMENT)
#define TAKEN(value)   cr_expect_eq(write_subject(value, sizeof(value) - 1), ZSIP_OK)

Test(write, values_that_would_end_their_line_are_refused)
{
    REFUSED("a\r\nTo: <sip:evil@example.com>");
    REFUSED("a\r\n\r\nbody");
    REFUSED("a\nTo: x");
    REFUSED("a\rTo: x");
    REFUSED("a\r\n");
    REFUSED("a\\\r\nTo: x");
    REFUSED("a\\\nTo: x");
    REFUSED("a\0b");
    REFUSED("a\x7f");
    TAKEN("a\r\n b");
    TAKEN("\"a\\\0b\"");
    TAKEN("");
}

Test(write, a_fold_is_not_made_of_two_pieces)
{
    uint8_t room[512];
    struct zsip_writer writer;
    size_t written;
    zsip_writer_init(&writer, room, sizeof(room), 0);
    zsip_writer_request(&writer, ZSIP_VIEW("MESSAGE"), ZSIP_VIEW("sip:a@b"));
    zsip_writer_begin(&writer, ZSIP_HEADER_SUBJECT);
    zsip_writer_piece(&writer, ZSIP_VIEW("a\r\n"));
    zsip_writer_piece(&writer, ZSIP_VIEW(" b"));
    zsip_writer_end(&writer);
    cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_ERROR_ARGUMENT);
    cr_expect_eq(written, 0);
}

Test(write, names_methods_uris_and_codes_that_are_none_are_refused)
{
    uint8_t room[512];
    const struct {
        const char *method, *uri, *name;
        unsigned code;
    } cases[] = {{"MES SAGE", "sip:a", "X", 0}, {"", "sip:a", "X", 0},
                 {"M", "sip:a b", "X", 0},      {"M", "", "X", 0},
                 {"M", "sip:a", "X:", 0},       {"M", "sip:a", "", 0},
                 {"M", "sip:a", "X\r\nY", 0},   {NULL, NULL, "X", 99},
                 {NULL, NULL, "X", 700},        {"M", "sip:a\r\nX:", "X", 0},
                 {"M\r\n", "sip:a", "X", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zsip_writer writer;
        size_t written;
        zsip_writer_init(&writer, room, sizeof(room), 0);
        if (cases[i].method != NULL) {
            zsip_writer_request(
                &writer,
                (struct zsip_view){(const uint8_t *)cases[i].method, strlen(cases[i].method)},
                (struct zsip_view){(const uint8_t *)cases[i].uri, strlen(cases[i].uri)});
        } else {
            zsip_writer_response(&writer, cases[i].code, ZSIP_VIEW("OK"));
        }
        zsip_writer_header_named(
            &writer, (struct zsip_view){(const uint8_t *)cases[i].name, strlen(cases[i].name)},
            ZSIP_VIEW("x"));
        zsip_writer_body(&writer, ZSIP_VIEW(""));
        cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_ERROR_ARGUMENT, "case %zu", i);
    }
}

Test(write, a_reason_with_control_characters_is_refused)
{
    static const char *const reasons[] = {"a\r\nTo: x", "a\nb", "a\\\x0e", "a\x7f"};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        uint8_t room[512];
        struct zsip_writer writer;
        size_t written;
        zsip_writer_init(&writer, room, sizeof(room), 0);
        zsip_writer_response(&writer, 200,
                             (struct zsip_view){(const uint8_t *)reasons[i], strlen(reasons[i])});
        cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_ERROR_ARGUMENT, "case %zu", i);
    }
}

Test(write, a_response_in_full)
{
    static const char wanted[] = "SIP/2.0 202 Accepted\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                                 "CSeq: 4294967295 MESSAGE\r\nX-Name: \r\nl: 2\r\n\r\nok";
    uint8_t room[512];
    struct zsip_writer writer;
    size_t written;
    zsip_writer_init(&writer, room, sizeof(room), ZSIP_WRITER_COMPACT);
    zsip_writer_response(&writer, 202, ZSIP_VIEW("Accepted"));
    zsip_writer_header(&writer, ZSIP_HEADER_VIA, ZSIP_VIEW("SIP/2.0/UDP h;branch=z9hG4bK1"));
    zsip_writer_cseq(&writer, UINT32_MAX, ZSIP_VIEW("MESSAGE"));
    zsip_writer_header_named(&writer, ZSIP_VIEW("X-Name"), ZSIP_VIEW(""));
    zsip_writer_body(&writer, ZSIP_VIEW("ok"));
    cr_assert_eq(zsip_writer_finish(&writer, &written), ZSIP_OK);
    cr_assert_eq(written, sizeof(wanted) - 1);
    cr_expect_arr_eq(room, wanted, written);
}
