/* Framing of streams: every cut gives the same events.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/corpus.h"
#include "tests/parser/judge.h"
#include "tests/parser/mutate.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_CUTS 20u

struct stream {
    uint8_t data[16384];
    size_t bytes;
};

static void append(struct stream *stream, const void *data, size_t bytes)
{
    cr_assert_leq(stream->bytes + bytes, sizeof(stream->data));
    memcpy(stream->data + stream->bytes, data, bytes);
    stream->bytes += bytes;
}

static void append_text(struct stream *stream, const char *text)
{
    append(stream, text, strlen(text));
}

static void append_file(struct stream *stream, const char *path)
{
    size_t bytes;
    uint8_t *data = corpus_read(path, &bytes);
    append(stream, data, bytes);
    free(data);
}

/* The next event of the whole stream, as a word. */
static const char *next(struct zsip_frame *frame, struct stream *stream, size_t *taken)
{
    static const char *const events[] = {"NONE", "MESSAGE", "CRLF", "PING"};
    enum zsip_frame_event event;
    enum zsip_status status =
        zsip_frame_next(frame, stream->data, stream->bytes, &event, taken, NULL);
    if (status != ZSIP_OK) {
        return zsip_status_name(status);
    }
    stream->bytes -= *taken;
    memmove(stream->data, stream->data + *taken, stream->bytes);
    return events[event];
}

#define FRAME(name)                                                                                \
    struct zsip_frame name;                                                                        \
    zsip_frame_init(&name, 0, 0)

Test(frame, every_cut_of_every_text_gives_the_same_events)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        for (unsigned seed = 0; seed < RANDOM_CUTS; seed++) {
            const char *what = judge_frame(text->data, text->bytes, seed);
            cr_assert(what == NULL, "%s: %s", text->name, what);
        }
    }
}

/* All good torture messages one behind the other, with keep-alives between them. */
Test(frame, every_cut_of_a_long_stream_gives_the_same_events)
{
    const struct corpus *corpus = corpus_all();
    static struct stream stream;
    for (size_t i = 0; i < corpus->count && stream.bytes < 10000; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        struct zsip_msg *msg = msg_new();
        if (zsip_parse(msg, text->data, text->bytes, ZSIP_PARSE_STREAM) == ZSIP_OK &&
            text->bytes < 1500) {
            append(&stream, msg->data, (size_t)msg->header_bytes + msg->body_bytes);
            append_text(&stream, i % 3 == 0 ? "\r\n\r\n" : i % 3 == 1 ? "\r\n" : "");
        }
        free(msg);
    }
    cr_assert_gt(stream.bytes, 8000);
    for (unsigned seed = 0; seed < 300; seed++) {
        const char *what = judge_frame(stream.data, stream.bytes, seed);
        cr_assert(what == NULL, "%s", what);
    }
}

Test(frame, mutants_give_the_same_events_however_cut)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        for (unsigned seed = 0; seed < 60; seed++) {
            size_t bytes;
            uint8_t *mutant =
                mutate(corpus->texts[i].data, corpus->texts[i].bytes, seed * 7919u + i, &bytes);
            const char *what = judge_frame(mutant, bytes, seed);
            cr_assert(what == NULL, "%s, mutant %u: %s", corpus->texts[i].name, seed, what);
            free(mutant);
        }
    }
}

/* What frames a message, and what nearly does, wherever vectors meet in it, before and behind one
 * that does. What is behind is long enough to be looked at in one go. */
Test(frame, a_content_length_is_seen_wherever_it_begins)
{
    static const char *const lines[] = {
        "Content-Length: 5\r\n",   "l:5\r\n",        "L : 5\r\n",        "cOnTeNt-LeNgTh:   5\r\n",
        "Content-Length\t: 5\r\n", "l:\r\n 5\r\n",   "l: 5\r\n 6\r\n",   "Content-Length:\r\n",
        "Content-Length: 5\n",     "X: y\nl: 5\r\n", "X:\r\n l:\r\n",    "Xontent-Length: 5\r\n",
        "Content-LengtX: 5\r\n",   "Link: 5\r\n",    "Content-L: 5\r\n", "l:1234567890\r\n",
    };
    static const char behind[] =
        "hello\r\n\r\nMESSAGE sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n";
    static struct stream stream;
    unsigned count = sizeof(lines) / sizeof(lines[0]);
    for (unsigned i = 0; i < count * (count + 1); i++) {
        for (unsigned filled = 0; filled < 280; filled++) {
            stream.bytes = 0;
            append_text(&stream, filled % 2 == 0 ? "" : "MESSAGE sip:a@b SIP/2.0\r\nX: ");
            for (unsigned j = 0; j < filled / 2; j++)
                append_text(&stream, "l");
            append_text(&stream, "\r\n");
            append_text(&stream, lines[i % count]);
            if (i / count < count)
                append_text(&stream, lines[i / count]);
            append_text(&stream, "\r\n");
            append_text(&stream, behind);
            append_text(&stream, behind);
            const char *what = judge_frame(stream.data, stream.bytes, filled);
            cr_assert(what == NULL, "%u, %u: %s", i, filled, what);
        }
    }
}

Test(frame, two_messages_in_one_read_are_two)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_file(&stream, "messages/A.sip");
    append_file(&stream, "messages/B.sip");
    cr_expect_str_eq(next(&frame, &stream, &taken), "MESSAGE");
    cr_expect_eq(taken, 423);
    cr_expect_str_eq(next(&frame, &stream, &taken), "MESSAGE");
    cr_expect_eq(taken, 1191);
    cr_expect_str_eq(next(&frame, &stream, &taken), "MORE");
}

Test(frame, crlf_between_messages_is_told)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_text(&stream, "\r\n\r\n\r\n");
    append_file(&stream, "messages/A.sip");
    append_text(&stream, "\r\n");
    cr_expect_str_eq(next(&frame, &stream, &taken), "CRLF");
    cr_expect_str_eq(next(&frame, &stream, &taken), "PING");
    cr_expect_str_eq(next(&frame, &stream, &taken), "CRLF");
    cr_expect_str_eq(next(&frame, &stream, &taken), "MESSAGE");
    cr_expect_str_eq(next(&frame, &stream, &taken), "CRLF");
    cr_expect_str_eq(next(&frame, &stream, &taken), "MORE");
}

/* Over UDP the octets behind Content-Length 0 are noise (RFC 4475 section 3.1.1.8); on a stream
 * they are the next message. */
Test(frame, octets_behind_content_length_are_the_next_message)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_file(&stream, "torture/dblreq.dat");
    cr_expect_str_eq(next(&frame, &stream, &taken), "MESSAGE");
    cr_expect_eq(taken, 300);
    cr_expect_str_eq(next(&frame, &stream, &taken), "CRLF");
    cr_expect_str_eq(next(&frame, &stream, &taken), "MESSAGE");
}

Test(frame, content_length_beyond_what_came_waits)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_file(&stream, "torture/clerr.dat");
    cr_expect_str_eq(next(&frame, &stream, &taken), "MORE");
}

Test(frame, negative_content_length_ends_the_stream)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_file(&stream, "torture/ncl.dat");
    cr_expect_str_eq(next(&frame, &stream, &taken), "ERROR_SYNTAX");
    cr_expect_gt(taken, 0);
    cr_expect_str_eq(next(&frame, &stream, &taken), "ERROR_STATE");
}

Test(frame, two_content_lengths_end_the_stream)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_file(&stream, "torture/mcl01.dat");
    cr_expect_str_eq(next(&frame, &stream, &taken), "ERROR_DUPLICATE");
}

Test(frame, no_content_length_ends_the_stream)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_file(&stream, "torture/inv2543.dat");
    cr_expect_str_eq(next(&frame, &stream, &taken), "ERROR_MISSING");
}

/* The way a second request is smuggled past a reader that misses the blank before the colon. */
Test(frame, white_space_before_the_colon_hides_no_content_length)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_text(&stream, "MESSAGE sip:a@b SIP/2.0\r\nContent-Length \t:\r\n 5\r\n\r\nhello");
    append_file(&stream, "messages/A.sip");
    cr_expect_str_eq(next(&frame, &stream, &taken), "MESSAGE");
    cr_expect_eq(taken, 55);
    cr_expect_str_eq(next(&frame, &stream, &taken), "MESSAGE");
    cr_expect_eq(taken, 423);
}

/* A bare LF is no line end: what looks like a field behind it is not one. */
Test(frame, content_length_behind_a_bare_lf_is_none)
{
    static struct stream stream;
    size_t taken;
    FRAME(frame);
    append_text(&stream, "MESSAGE sip:a@b SIP/2.0\r\nX: y\nContent-Length: 5\r\n\r\n");
    cr_expect_str_eq(next(&frame, &stream, &taken), "ERROR_MISSING");
}

Test(frame, a_header_section_over_its_bound_ends_the_stream)
{
    static struct stream stream;
    size_t taken;
    struct zsip_frame frame;
    zsip_frame_init(&frame, 1000, 1000);
    append_text(&stream, "MESSAGE sip:a@b SIP/2.0\r\nX: ");
    while (stream.bytes < 999) {
        append_text(&stream, "a");
    }
    cr_expect_str_eq(next(&frame, &stream, &taken), "MORE");
    append_text(&stream, "a");
    cr_expect_str_eq(next(&frame, &stream, &taken), "ERROR_TOO_LARGE");
}

Test(frame, a_body_over_its_bound_ends_the_stream)
{
    static struct stream stream;
    size_t taken;
    struct zsip_frame frame;
    zsip_frame_init(&frame, 1000, 1000);
    append_text(&stream, "MESSAGE sip:a@b SIP/2.0\r\nl: 1001\r\n\r\n");
    cr_expect_str_eq(next(&frame, &stream, &taken), "ERROR_TOO_LARGE");
}

Test(frame, a_content_length_that_overflows_ends_the_stream)
{
    static const char *const lengths[] = {"4294967296", "4294967301", "18446744073709551621",
                                          "99999999999999999999999999999"};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        static struct stream stream;
        size_t taken;
        FRAME(frame);
        stream.bytes = 0;
        append_text(&stream, "MESSAGE sip:a@b SIP/2.0\r\nl: ");
        append_text(&stream, lengths[i]);
        append_text(&stream, "\r\n\r\nhello");
        cr_expect_str_eq(next(&frame, &stream, &taken), "ERROR_RANGE", "%s", lengths[i]);
    }
}

/* Restartable: what has been looked at is behind the next look, however the section is cut; and
 * while the body is awaited nothing is looked at any more. */
/* Byte by byte, and what was looked at becomes ends of lines: none may be found there. Of the line
 * that has not ended the beginning stays, for its name is asked when it has. */
Test(frame, nothing_is_looked_at_twice)
{
    static struct stream stream, whole;
    enum { NAME = 16 };
    enum zsip_frame_event event;
    enum zsip_status status = ZSIP_MORE;
    size_t taken, header_bytes, poisoned = 0, bytes = 0;
    FRAME(frame);
    append_text(&stream, "MESSAGE sip:a@b SIP/2.0\r\n");
    while (stream.bytes < 14000) {
        append_text(&stream, "X: y\r\n z\r\nSubject: a text of some length, and then some\r\n"
                             "Organization: folded\r\n behind the beginning of its name\r\n");
    }
    append_text(&stream, "l: 100\r\n\r\n");
    header_bytes = stream.bytes;
    while (stream.bytes < header_bytes + 100) {
        append_text(&stream, "b");
    }
    whole = stream;
    while (status == ZSIP_MORE && bytes < stream.bytes) {
        status = zsip_frame_next(&frame, stream.data, ++bytes, &event, &taken, NULL);
        cr_assert(frame.header_bytes == 0 || frame.header_bytes == header_bytes);
        cr_assert(frame.line == 0 || whole.data[frame.line - 1] == '\n', "at %u", frame.line);
        size_t seen = frame.header_bytes != 0 ? header_bytes : bytes - 1;
        for (size_t i = poisoned; i + 1 < seen; i++) {
            bool name = frame.header_bytes == 0 && i >= frame.line && i < frame.line + NAME;
            stream.data[i] = name ? stream.data[i] : i % 2 != 0 ? '\n' : '\r';
        }
        poisoned = frame.header_bytes != 0 || frame.line > seen ? seen : frame.line;
    }
    cr_expect_eq(status, ZSIP_OK);
    cr_expect_eq(event, ZSIP_FRAME_MESSAGE);
    cr_expect_eq(taken, stream.bytes);
}
