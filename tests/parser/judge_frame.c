/* Judge of stream framing.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include "tests/parser/ways.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 4096u
#define HEADER_MAX 8192u
#define BODY_MAX   4096u

static char complaint[256];

struct event {
    enum zsip_status status;
    enum zsip_frame_event event;
    size_t begin, taken;
    uint32_t fault_offset;
};

struct trace {
    struct event events[EVENTS_MAX];
    size_t count;
    bool broken;
};

/* How much more of the stream is there at the next look. */
static size_t grow(size_t there, size_t bytes, unsigned cut, uint64_t *state)
{
    if (cut == 0) {
        return bytes;
    }
    size_t more = 1;
    if (cut == 2) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        more = 1 + (size_t)(*state >> 33) % 97;
    }
    return bytes - there < more ? bytes : there + more;
}

/* All events of a stream that arrives in pieces. */
static const char *run(struct trace *trace, const uint8_t *data, size_t bytes, unsigned cut,
                       uint64_t seed)
{
    struct zsip_frame frame;
    size_t begin = 0, there = 0;
    trace->count = 0;
    trace->broken = false;
    zsip_frame_init(&frame, HEADER_MAX, BODY_MAX);
    for (;;) {
        enum zsip_frame_event event = ZSIP_FRAME_NONE;
        size_t taken = 0;
        struct zsip_fault fault = {0, ZSIP_OK, ""};
        enum zsip_status status =
            zsip_frame_next(&frame, data + begin, there - begin, &event, &taken, &fault);
        if (taken > there - begin) {
            return "took more than was there";
        }
        if (status == ZSIP_MORE) {
            if (taken != 0 || event != ZSIP_FRAME_NONE) {
                return "an event with ZSIP_MORE";
            }
            if (there == bytes) {
                return NULL;
            }
            there = grow(there, bytes, cut, &seed);
            continue;
        }
        if (trace->count == EVENTS_MAX) {
            return NULL;
        }
        trace->events[trace->count++] =
            (struct event){status, event, begin, taken, status != ZSIP_OK ? fault.offset : 0};
        if (status != ZSIP_OK) {
            trace->broken = true;
            status = zsip_frame_next(&frame, data + begin, there - begin, &event, &taken, NULL);
            return status == ZSIP_ERROR_STATE ? NULL : "goes on behind an error";
        }
        if (event == ZSIP_FRAME_NONE || taken == 0) {
            return "ZSIP_OK without an event";
        }
        begin += taken;
    }
}

/* What is framed is a whole message and nothing behind it. */
static const char *judge_message(const uint8_t *data, size_t bytes)
{
    static struct zsip_msg *msg;
    msg = msg != NULL ? msg : msg_new();
    uint8_t *exact = malloc(bytes);
    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, bytes);
    enum zsip_status status = zsip_parse(msg, exact, bytes, ZSIP_PARSE_STREAM);
    const char *what = NULL;
    if (msg->data != exact) {
        what = "a framed message begins with CRLF";
    } else if (status == ZSIP_ERROR_TRUNCATED || status == ZSIP_ERROR_LENGTH ||
               status == ZSIP_ERROR_TOO_LARGE) {
        if (strcmp(msg->fault.rule, "header field name") != 0) { /* a name over 255 bytes */
            what = "a framed message is not whole";
        }
    } else if (status == ZSIP_OK && (size_t)msg->header_bytes + msg->body_bytes != bytes) {
        what = "a framed message has more behind it";
    }
    free(exact);
    return what;
}

/* A stream that is given up is one that no parser would take. */
static const char *judge_error(const struct event *event, const uint8_t *data)
{
    static struct zsip_msg *msg;
    msg = msg != NULL ? msg : msg_new();
    if (event->status == ZSIP_ERROR_TOO_LARGE || event->taken == 0) {
        return event->status == ZSIP_ERROR_TOO_LARGE ? NULL : "an error without its header section";
    }
    return zsip_parse(msg, data + event->begin, event->taken, ZSIP_PARSE_STREAM) == ZSIP_OK
               ? "given up on a good header section"
               : NULL;
}

static const char *judge_trace(const struct trace *trace, const uint8_t *data)
{
    const char *what = NULL;
    for (size_t i = 0; what == NULL && i < trace->count; i++) {
        const struct event *event = &trace->events[i];
        const struct event *before = i > 0 ? event - 1 : NULL;
        if (event->status != ZSIP_OK) {
            what = judge_error(event, data);
        } else if (event->event == ZSIP_FRAME_MESSAGE) {
            what = judge_message(data + event->begin, event->taken);
        } else if (event->taken != 2 || memcmp(data + event->begin, "\r\n", 2) != 0) {
            what = "a keep-alive that is none";
        } else if ((event->event == ZSIP_FRAME_PING) !=
                   (before != NULL && before->event == ZSIP_FRAME_CRLF)) {
            what = "a ping is the second CRLF of two";
        }
    }
    return what;
}

/* Kinds of vectors find the same end of a header section and the same line, wherever it begins. */
static const char *judge_sections(const uint8_t *data, size_t bytes)
{
    unsigned count = ways_count();
    for (size_t begin = 0; count > 1 && begin < bytes && begin < 64; begin++) {
        uint32_t line, left = (uint32_t)(bytes - begin);
        uint32_t found = ways_fast(1)->section(data + begin, left, &line);
        for (unsigned i = 2; i < count; i++) {
            uint32_t other_line, other = ways_fast(i)->section(data + begin, left, &other_line);
            if (other != found || other_line != line) {
                return "kinds of vectors see different header sections";
            }
        }
    }
    return NULL;
}

static bool same_event(const struct event *a, const struct event *b)
{
    return a->status == b->status && a->event == b->event && a->begin == b->begin &&
           a->taken == b->taken && a->fault_offset == b->fault_offset;
}

static const char *compare(const struct trace *whole, const struct trace *cut, const char *how,
                           unsigned long long seed)
{
    size_t i = 0;
    while (i < cut->count && i < whole->count && same_event(&cut->events[i], &whole->events[i])) {
        i++;
    }
    if (i == cut->count && i == whole->count) {
        return NULL;
    }
    const struct event *event = &cut->events[i];
    bool there = i < cut->count;
    snprintf(complaint, sizeof(complaint), "%s, seed %llu: event %zu differs: %s %d at %zu+%zu",
             how, seed, i, there ? zsip_status_name(event->status) : "none",
             there ? (int)event->event : 0, there ? event->begin : 0, there ? event->taken : 0);
    return complaint;
}

/* The plain way looks at every line; what the others see in one look has to be the same. Byte by
 * byte costs most, and goes one way, by seed. */
static const char *judge_cuts(const struct trace *whole, const uint8_t *data, size_t bytes,
                              uint64_t seed)
{
    static struct trace cut;
    static const char *const cuts[] = {"not cut", "cut by bytes", "cut at random"};
    const char *what = NULL;
    for (unsigned way = 0; what == NULL && way < ways_count(); way++) {
        ways_take(way);
        for (unsigned i = 0; what == NULL && i < 3; i++) {
            if (i == 1 && way != seed % ways_count()) {
                continue;
            }
            what = run(&cut, data, bytes, i, seed);
            what = what != NULL ? what : compare(whole, &cut, cuts[i], seed);
        }
    }
    ways_take(ways_count());
    return what;
}

const char *judge_frame(const uint8_t *data, size_t bytes, uint64_t seed)
{
    static struct trace whole;
    const char *what = run(&whole, data, bytes, 0, 0);
    what = what != NULL ? what : judge_trace(&whole, data);
    what = what != NULL ? what : judge_sections(data, bytes);
    return what != NULL ? what : judge_cuts(&whole, data, bytes, seed);
}
