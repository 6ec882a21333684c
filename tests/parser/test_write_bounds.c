/* The writer: bounds to the byte, and what is not allowed at its place.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint8_t room[70000];

static void begin(struct zsip_writer *writer, unsigned flags)
{
    zsip_writer_init(writer, room, sizeof(room), flags);
    zsip_writer_request(writer, ZSIP_VIEW("MESSAGE"), ZSIP_VIEW("sip:a@b"));
}

/* What has been written so far, with an empty body behind it. */
static enum zsip_status finish(struct zsip_writer *writer, size_t *written)
{
    zsip_writer_body(writer, ZSIP_VIEW(""));
    return zsip_writer_finish(writer, written);
}

/* Slices of a reader have 16 bits; the empty line counts, the body does not. */
Test(write_bounds, a_header_section_ends_within_the_bound_of_a_reader)
{
    static char value[ZSIP_HEADER_SECTION_BYTES_MAX];
    struct zsip_msg *msg = msg_new();
    struct zsip_writer writer;
    size_t around, written;
    memset(value, 'v', sizeof(value));
    begin(&writer, 0);
    zsip_writer_header(&writer, ZSIP_HEADER_SUBJECT, ZSIP_VIEW(""));
    zsip_writer_body(&writer, ZSIP_VIEW("body"));
    cr_assert_eq(zsip_writer_finish(&writer, &around), ZSIP_OK);
    around -= 4;
    for (size_t bytes = ZSIP_HEADER_SECTION_BYTES_MAX - 2;
         bytes <= ZSIP_HEADER_SECTION_BYTES_MAX + 2; bytes++) {
        struct zsip_view view = {(const uint8_t *)value, bytes - around};
        begin(&writer, 0);
        zsip_writer_header(&writer, ZSIP_HEADER_SUBJECT, view);
        zsip_writer_body(&writer, ZSIP_VIEW("body"));
        enum zsip_status status = zsip_writer_finish(&writer, &written);
        bool fits = bytes <= ZSIP_HEADER_SECTION_BYTES_MAX;
        cr_expect_eq(status, fits ? ZSIP_OK : ZSIP_ERROR_TOO_LARGE, "%zu", bytes);
        if (status == ZSIP_OK) {
            zsip_parse(msg, room, written, 0);
            cr_expect_eq(msg->header_bytes, bytes);
            cr_expect_eq(msg->body_bytes, 4);
        }
    }
    free(msg);
}

Test(write_bounds, a_name_is_as_long_as_a_reader_takes)
{
    static const uint8_t name[] =
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";
    struct zsip_msg *msg = msg_new();
    for (size_t length = 254; length <= 257; length++) {
        struct zsip_writer writer;
        size_t written;
        begin(&writer, 0);
        zsip_writer_header_named(&writer, (struct zsip_view){name, length}, ZSIP_VIEW("x"));
        enum zsip_status status = finish(&writer, &written);
        cr_expect_eq(status, length <= 255 ? ZSIP_OK : ZSIP_ERROR_ARGUMENT, "%zu", length);
        if (status == ZSIP_OK) {
            zsip_parse(msg, room, written, 0);
            cr_expect_eq(msg->headers[0].name_length, length);
        }
    }
    free(msg);
}

/* A view is all that is known of a text: what stands behind it makes no fold of its end. */
Test(write_bounds, what_follows_a_view_is_not_looked_at)
{
    static const char text[] = "a\r\n b\r\n\tc";
    static const bool legal[] = {true, true, false, false, true, true, false, false, true, true};
    for (size_t length = 0; length < sizeof(text); length++) {
        struct zsip_writer writer;
        size_t written;
        begin(&writer, 0);
        zsip_writer_header(&writer, ZSIP_HEADER_SUBJECT,
                           (struct zsip_view){(const uint8_t *)text, length});
        cr_expect_eq(finish(&writer, &written), legal[length] ? ZSIP_OK : ZSIP_ERROR_ARGUMENT,
                     "%zu bytes", length);
    }
}

/* A backslash takes one character with it, be that a backslash. */
Test(write_bounds, a_backslash_escapes_one_character)
{
    static const struct {
        struct zsip_view value;
        enum zsip_status status;
    } cases[] = {
        {{(const uint8_t *)"\"\\\x01\"", 4}, ZSIP_OK},
        {{(const uint8_t *)"\"\\\\\\\x01\"", 6}, ZSIP_OK},
        {{(const uint8_t *)"\"\\\\\x01\"", 5}, ZSIP_ERROR_ARGUMENT},
        {{(const uint8_t *)"\"\\\x01\x01\"", 5}, ZSIP_ERROR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zsip_writer writer;
        size_t written;
        begin(&writer, 0);
        zsip_writer_header(&writer, ZSIP_HEADER_SUBJECT, cases[i].value);
        cr_expect_eq(finish(&writer, &written), cases[i].status, "case %zu", i);
    }
}

/* ---- Order --------------------------------------------------------------------------------------
 */

/* What follows a start line, each by itself. */
static void write_part(struct zsip_writer *writer, unsigned part)
{
    switch (part) {
    case 0:
        zsip_writer_header(writer, ZSIP_HEADER_SUBJECT, ZSIP_VIEW("x"));
        break;
    case 1:
        zsip_writer_header_named(writer, ZSIP_VIEW("X"), ZSIP_VIEW("x"));
        break;
    case 2:
        zsip_writer_header_number(writer, ZSIP_HEADER_EXPIRES, 1);
        break;
    case 3:
        zsip_writer_cseq(writer, 1, ZSIP_VIEW("MESSAGE"));
        break;
    default:
        zsip_writer_body(writer, ZSIP_VIEW("x"));
        break;
    }
}

Test(write_bounds, nothing_stands_before_the_start_line)
{
    for (unsigned part = 0; part <= 4; part++) {
        struct zsip_writer writer;
        size_t written;
        zsip_writer_init(&writer, room, sizeof(room), 0);
        write_part(&writer, part);
        cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_ERROR_ARGUMENT, "part %u", part);
        begin(&writer, 0);
        write_part(&writer, part);
        cr_expect_eq(zsip_writer_finish(&writer, &written), ZSIP_OK, "part %u", part);
    }
}

Test(write_bounds, a_message_has_one_start_line)
{
    for (unsigned order = 0; order < 4; order++) {
        struct zsip_writer writer;
        size_t written;
        zsip_writer_init(&writer, room, sizeof(room), 0);
        for (unsigned i = 0; i < 2; i++) {
            if ((order >> i & 1) != 0) {
                zsip_writer_request(&writer, ZSIP_VIEW("MESSAGE"), ZSIP_VIEW("sip:a@b"));
            } else {
                zsip_writer_response(&writer, 200, ZSIP_VIEW("OK"));
            }
        }
        cr_expect_eq(finish(&writer, &written), ZSIP_ERROR_ARGUMENT, "order %u", order);
    }
}

/* ---- Names --------------------------------------------------------------------------------------
 */

Test(write_bounds, a_field_without_a_name_is_refused)
{
    static const int ids[] = {ZSIP_HEADER_UNKNOWN, ZSIP_HEADER_ID_COUNT, 255};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct zsip_writer writer;
        size_t written;
        begin(&writer, 0);
        zsip_writer_header(&writer, (enum zsip_header_id)ids[i], ZSIP_VIEW("x"));
        cr_expect_eq(finish(&writer, &written), ZSIP_ERROR_ARGUMENT, "id %d", ids[i]);
    }
}

/* A copied field has the name that the writer gives it, in the form that was asked for; one that
 * has no id keeps its own. */
Test(write_bounds, a_copied_field_is_named_as_the_writer_does)
{
    static const char text[] = "MESSAGE sip:a@b SIP/2.0\r\nsubJECT: x\r\nS: y\r\nx-naMe: z\r\n\r\n";
    static const char *const wanted[] = {
        "MESSAGE sip:a@b SIP/2.0\r\nSubject: x\r\nSubject: y\r\nx-naMe: z\r\nContent-Length: 0\r\n"
        "\r\n",
        "MESSAGE sip:a@b SIP/2.0\r\ns: x\r\ns: y\r\nx-naMe: z\r\nl: 0\r\n\r\n"};
    struct zsip_msg *msg = msg_new();
    zsip_parse(msg, (const uint8_t *)text, sizeof(text) - 1, 0);
    cr_assert_eq(msg->header_count, 3);
    for (unsigned flags = 0; flags <= ZSIP_WRITER_COMPACT; flags++) {
        struct zsip_writer writer;
        size_t written;
        begin(&writer, flags);
        for (unsigned row = 0; row < 3; row++) {
            zsip_writer_header_copy(&writer, msg, row);
        }
        cr_assert_eq(finish(&writer, &written), ZSIP_OK);
        cr_assert_eq(written, strlen(wanted[flags]));
        cr_expect_arr_eq(room, wanted[flags], written);
    }
    free(msg);
}
