#define _GNU_SOURCE
#include "bench/micro/texts.h"
#include "bench/harness.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 32u
#define LINE_MAX  512u

const char *texts_way_name(enum texts_way way)
{
    static const char *const names[] = {"hot", "mix", "shuffled"};
    return names[way];
}

/* ---- One message as lines -----------------------------------------------------------------------
 */

struct draft {
    char start[LINE_MAX];
    char lines[LINES_MAX][LINE_MAX];
    unsigned line_count;
    char body[256];
};

__attribute__((format(printf, 2, 3))) static void line(struct draft *draft, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(draft->lines[draft->line_count++], LINE_MAX, format, arguments);
    va_end(arguments);
}

static unsigned between(struct bench_random *random, unsigned low, unsigned high)
{
    return low + bench_random_below(random, high - low + 1);
}

/* Words of low..high characters of a set, in a few rotating buffers. */
static const char *word(struct bench_random *random, const char *set, unsigned low, unsigned high)
{
    static char buffers[32][80];
    static unsigned turn;
    char *out = buffers[turn++ % 32];
    unsigned length = between(random, low, high), size = (unsigned)strlen(set);
    for (unsigned i = 0; i < length; i++) {
        out[i] = set[bench_random_below(random, size)];
    }
    out[length] = '\0';
    return out;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"
#define HEX     "0123456789abcdef"

static const char *name(struct bench_random *random)
{
    return word(random, LETTERS, 3, 12);
}

static const char *host(struct bench_random *random)
{
    static char buffers[16][80];
    static unsigned turn;
    static const char *const tops[] = {"com", "net", "org", "example", "de", "co.uk"};
    char *out = buffers[turn++ % 16];
    if (bench_random_below(random, 3) == 0) {
        snprintf(out, 80, "%u.%u.%u.%u", between(random, 1, 223), between(random, 0, 255),
                 between(random, 0, 255), between(random, 1, 254));
    } else {
        snprintf(out, 80, "%s.%s", name(random), tops[bench_random_below(random, 6)]);
    }
    return out;
}

static const char *call_id(struct bench_random *random)
{
    static char out[160];
    if (bench_random_below(random, 2) == 0) {
        snprintf(out, sizeof(out), "%s-%s-%s-%s-%s@%s", word(random, HEX, 8, 8),
                 word(random, HEX, 4, 4), word(random, HEX, 4, 4), word(random, HEX, 4, 4),
                 word(random, HEX, 12, 12), host(random));
    } else {
        snprintf(out, sizeof(out), "%s@%s", word(random, HEX LETTERS, 12, 40), host(random));
    }
    return out;
}

static const char *branch(struct bench_random *random)
{
    static char buffers[8][80];
    static unsigned turn;
    char *out = buffers[turn++ % 8];
    snprintf(out, 80, "z9hG4bK%s%s", bench_random_below(random, 2) ? "-" : "",
             word(random, HEX, 6, 32));
    return out;
}

static const char *text(struct bench_random *random, unsigned low, unsigned high)
{
    return word(random, LETTERS LETTERS "    .,?!" DIGITS, low, high);
}

/* ---- The shapes ---------------------------------------------------------------------------------
 */

static void draft_parties(struct draft *draft, struct bench_random *random, bool answered)
{
    if (bench_random_below(random, 2) == 0) {
        line(draft, "From: \"%s %s\" <sip:%s@%s>;tag=%s", name(random), name(random), name(random),
             host(random), word(random, HEX, 6, 20));
    } else {
        line(draft, "From: \"%s\" <sip:%s@%s>;tag=%s", name(random), name(random), host(random),
             word(random, HEX, 6, 20));
    }
    if (answered) {
        line(draft, "To: \"%s\" <sip:%s@%s>;tag=%s", name(random), name(random), host(random),
             word(random, HEX, 6, 20));
    } else {
        line(draft, "To: \"%s\" <sip:%s@%s>", name(random), name(random), host(random));
    }
}

static void draft_a(struct draft *draft, struct bench_random *random)
{
    snprintf(draft->start, LINE_MAX, "MESSAGE sip:%s@%s:%u;transport=udp SIP/2.0", name(random),
             host(random), between(random, 1024, 65535));
    line(draft, "Via: SIP/2.0/UDP %s:%u;branch=%s;rport", host(random),
         between(random, 1024, 65535), branch(random));
    line(draft, "Max-Forwards: %u", between(random, 3, 70));
    draft_parties(draft, random, false);
    line(draft, "Call-ID: %s", call_id(random));
    line(draft, "CSeq: %s MESSAGE", word(random, "123456789", 1, 8));
    line(draft, "User-Agent: %s/%u.%u", name(random), between(random, 0, 20),
         between(random, 0, 99));
    line(draft, "Content-Type: text/plain");
    snprintf(draft->body, sizeof(draft->body), "%s", text(random, 2, 70));
}

static void draft_digest(struct draft *draft, struct bench_random *random)
{
    line(draft,
         "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", "
         "uri=\"sip:%s@%s\", response=\"%s\", algorithm=MD5, qop=auth, nc=%s, cnonce=\"%s\"",
         name(random), host(random), word(random, HEX, 24, 48), name(random), host(random),
         word(random, HEX, 32, 32), word(random, HEX, 8, 8), word(random, HEX, 6, 16));
}

static void draft_b(struct draft *draft, struct bench_random *random)
{
    snprintf(draft->start, LINE_MAX, "MESSAGE sip:%s@%s:%u;transport=tcp SIP/2.0", name(random),
             host(random), between(random, 1024, 65535));
    for (unsigned i = 0; i < 3; i++) {
        line(draft, "Via: SIP/2.0/%s %s:%u;branch=%s.1;received=%u.%u.%u.%u", i < 2 ? "TCP" : "UDP",
             host(random), between(random, 1024, 65535), branch(random), between(random, 1, 223),
             between(random, 0, 255), between(random, 0, 255), between(random, 1, 254));
    }
    line(draft, "Via: SIP/2.0/UDP %s:%u;branch=%s;rport=%u;received=192.0.2.%u", host(random),
         between(random, 1024, 65535), branch(random), between(random, 1024, 65535),
         between(random, 1, 254));
    line(draft, "Record-Route: <sip:%s;transport=tcp;lr>", host(random));
    line(draft, "Record-Route: <sip:%s;lr;ftag=%s>", host(random), word(random, HEX, 4, 12));
    line(draft, "Route: <sip:%s:%u;transport=tcp;lr>", host(random), between(random, 1024, 65535));
    line(draft, "Max-Forwards: %u", between(random, 3, 70));
    draft_parties(draft, random, false);
    line(draft, "Call-ID: %s", call_id(random));
    line(draft, "CSeq: %s MESSAGE", word(random, "123456789", 1, 8));
    line(draft, "P-Asserted-Identity: \"%s\" <sip:%s@%s>", name(random), name(random),
         host(random));
    line(draft, "User-Agent: %s/%u.%u (%s %s)", name(random), between(random, 0, 20),
         between(random, 0, 99), name(random), name(random));
    line(draft, "Date: Thu, %02u Feb 2026 %02u:%02u:%02u GMT", between(random, 1, 28),
         between(random, 0, 23), between(random, 0, 59), between(random, 0, 59));
    draft_digest(draft, random);
    line(draft, "Content-Type: text/plain;charset=UTF-8");
    snprintf(draft->body, sizeof(draft->body), "%s", text(random, 10, 75));
}

static void draft_c(struct draft *draft, struct bench_random *random)
{
    snprintf(draft->start, LINE_MAX, "SIP/2.0 200 OK");
    line(draft, "Via: SIP/2.0/UDP %s:%u;branch=%s;rport=%u;received=%u.%u.%u.%u", host(random),
         between(random, 1024, 65535), branch(random), between(random, 1024, 65535),
         between(random, 1, 223), between(random, 0, 255), between(random, 0, 255),
         between(random, 1, 254));
    draft_parties(draft, random, true);
    line(draft, "Call-ID: %s", call_id(random));
    line(draft, "CSeq: %s MESSAGE", word(random, "123456789", 1, 8));
}

/* ---- Shuffling ----------------------------------------------------------------------------------
 */

static void add_fields(struct draft *draft, struct bench_random *random)
{
    static const char *const fields[] = {
        "Allow: MESSAGE, OPTIONS, REGISTER, INVITE, ACK, BYE, CANCEL",
        "Supported: path, outbound, gruu",
        "Accept: text/plain, application/im-iscomposing+xml",
        "Expires: 3600",
        "Subject: about that meeting",
        "Organization: Example Industries",
        "X-Trace-Id: 5f0c2f66e1",
        "Priority: normal",
        "P-Charging-Vector: icid-value=\"1234bc9876e\";icid-generated-at=192.0.6.8",
        "Reply-To: <sip:reply@example.com>",
    };
    unsigned count = bench_random_below(random, 5);
    unsigned first = bench_random_below(random, 10);
    for (unsigned i = 0; i < count; i++) {
        line(draft, "%s", fields[(first + i * 3) % 10]);
    }
}

static void shuffle(struct draft *draft, struct bench_random *random)
{
    for (unsigned i = draft->line_count; i > 1; i--) {
        unsigned j = bench_random_below(random, i);
        char swap[LINE_MAX];
        memcpy(swap, draft->lines[i - 1], LINE_MAX);
        memcpy(draft->lines[i - 1], draft->lines[j], LINE_MAX);
        memcpy(draft->lines[j], swap, LINE_MAX);
    }
}

static void compact(struct draft *draft, struct bench_random *random)
{
    static const struct {
        const char *name;
        char letter;
    } names[] = {{"Via:", 'v'},       {"From:", 'f'},         {"To:", 't'},
                 {"Call-ID:", 'i'},   {"Content-Type:", 'c'}, {"Content-Length:", 'l'},
                 {"Supported:", 'k'}, {"Subject:", 's'}};
    for (unsigned i = 0; i < draft->line_count; i++) {
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            size_t length = strlen(names[j].name);
            char *at = draft->lines[i];
            if (strncmp(at, names[j].name, length) == 0 && bench_random_below(random, 4) == 0) {
                at[0] = names[j].letter;
                memmove(at + 1, at + length - 1, strlen(at + length - 1) + 1);
                break;
            }
        }
    }
}

/* ---- Putting together ---------------------------------------------------------------------------
 */

static void *must(void *memory)
{
    if (memory == NULL) {
        perror("memory");
        exit(70);
    }
    return memory;
}

static void keep(struct texts *texts, const void *data, size_t bytes)
{
    uint8_t *copy = must(malloc(bytes + 1));
    memcpy(copy, data, bytes);
    copy[bytes] = 0;
    texts->data[texts->count] = copy;
    texts->bytes[texts->count++] = bytes;
    texts->total_bytes += bytes;
}

static void keep_draft(struct texts *texts, const struct draft *draft)
{
    static char out[LINES_MAX * LINE_MAX];
    size_t length = (size_t)snprintf(out, sizeof(out), "%s\r\n", draft->start);
    for (unsigned i = 0; i < draft->line_count; i++) {
        length += (size_t)snprintf(out + length, sizeof(out) - length, "%s\r\n", draft->lines[i]);
    }
    length += (size_t)snprintf(out + length, sizeof(out) - length, "\r\n%s", draft->body);
    keep(texts, out, length);
}

static void keep_file(struct texts *texts)
{
    char path[512];
    static uint8_t data[4096];
    snprintf(path, sizeof(path), "%s/%c.sip", ZSIP_MESSAGES, texts->shape);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(66);
    }
    size_t bytes = fread(data, 1, sizeof(data), file);
    fclose(file);
    keep(texts, data, bytes);
}

void texts_make(struct texts *texts, char shape, enum texts_way way)
{
    struct bench_random random = {(uint64_t)shape * 1000 + way};
    size_t count = way == TEXTS_HOT ? 1 : TEXTS_MIX;
    *texts = (struct texts){.shape = shape, .way = way};
    texts->data = must(calloc(count, sizeof(texts->data[0])));
    texts->bytes = must(calloc(count, sizeof(texts->bytes[0])));
    if (way == TEXTS_HOT) {
        keep_file(texts);
        return;
    }
    struct draft *draft = must(malloc(sizeof(*draft)));
    for (size_t i = 0; i < count; i++) {
        memset(draft, 0, sizeof(*draft));
        (shape == 'A' ? draft_a : shape == 'B' ? draft_b : draft_c)(draft, &random);
        line(draft, "Content-Length: %zu", strlen(draft->body));
        if (way == TEXTS_SHUFFLED) {
            add_fields(draft, &random);
            shuffle(draft, &random);
            compact(draft, &random);
        }
        keep_draft(texts, draft);
    }
    free(draft);
}
