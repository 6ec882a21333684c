#include "tests/parser/mutate.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* What gets put in: separators, line ends, escapes, long and odd numbers, whole parameters. */
static const char *const pieces[] = {
    "\r\n",
    "\r",
    "\n",
    "\r\n ",
    "\r\n\t",
    " ",
    "\t",
    ";",
    ",",
    ":",
    "<",
    ">",
    "\"",
    "\\",
    "\\\"",
    "=",
    "/",
    "@",
    "?",
    "&",
    "%",
    "%00",
    "%4",
    "[",
    "]",
    "[::1]",
    "[1:2]",
    "::",
    "1",
    "0",
    "65535",
    "65536",
    "99999999999999999999",
    "256",
    "-",
    ".",
    "..",
    "a",
    "Z",
    "*",
    "+",
    "#",
    "(",
    ")",
    "{",
    "}",
    "\x7f",
    "\x01",
    "\x80",
    "\xc3\xa9",
    "\xff",
    ";tag=x",
    ";tag",
    ";branch=z9hG4bK",
    ";received=1.2.3.4",
    ";received=::1",
    ";rport",
    ";rport=0",
    ";rport=70000",
    ";ttl=300",
    ";ttl=12",
    ";maddr=a.b",
    ";maddr=[::1]",
    ";alias",
    ";oc",
    ";a=\"b c\"",
    ";a=[::]",
    ";lr",
    "\r\nTo: sip:a@b",
    "\r\nContent-Length: 0",
    "\r\nl: 5",
    "\r\nVia: SIP/2.0/UDP a",
    "\r\nSubject: \\",
    "\r\nX:",
    "sip:",
    "sips:",
    "tel:+1",
    "im:a@b",
    "http://x/",
    "SIP/2.0",
    "z9hG4bK",
    "MESSAGE",
    "INVITE",
    "*#06#",
    "a@b",
};
#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* Replaces [at, at + cut) by length bytes. */
static void splice(uint8_t **data, size_t *bytes, size_t at, size_t cut, const void *piece,
                   size_t length)
{
    uint8_t *out = malloc(*bytes - cut + length + 1);
    if (out == NULL) {
        abort();
    }
    memcpy(out, *data, at);
    memcpy(out + at, piece, length);
    memcpy(out + at + length, *data + at + cut, *bytes - at - cut);
    free(*data);
    *data = out;
    *bytes = *bytes - cut + length;
}

static void mutate_once(uint8_t **data, size_t *bytes, uint64_t *state)
{
    size_t at = (size_t)(next(state) % (*bytes + 1));
    size_t left = *bytes - at;
    const char *piece = pieces[next(state) % PIECES];
    uint8_t zero = 0, byte = (uint8_t)next(state);
    size_t cut = (size_t)(next(state) % 12);
    cut = cut < left ? cut : left;
    switch (next(state) % 8) {
    case 0:
    case 1:
        splice(data, bytes, at, 0, piece, strlen(piece));
        break;
    case 2:
        splice(data, bytes, at, left > 0 ? 1 : 0, piece, strlen(piece));
        break;
    case 3:
        splice(data, bytes, at, left > 0 ? 1 : 0, "", 0);
        break;
    case 4:
        splice(data, bytes, at, cut, "", 0);
        break;
    case 5:
        splice(data, bytes, at, left > 0 ? 1 : 0, &byte, 1);
        break;
    case 6: { /* a stretch from elsewhere in the text */
        uint8_t stretch[12];
        size_t from = (size_t)(next(state) % (*bytes + 1));
        size_t length = *bytes - from < cut ? *bytes - from : cut;
        memcpy(stretch, *data + from, length);
        splice(data, bytes, at, 0, stretch, length);
        break;
    }
    default:
        splice(data, bytes, at, 0, &zero, 1);
        break;
    }
}

uint8_t *mutate(const uint8_t *data, size_t bytes, uint64_t seed, size_t *out_bytes)
{
    uint64_t state = seed;
    uint8_t *copy = malloc(bytes + 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, bytes);
    unsigned count = 1 + (unsigned)(next(&state) % 3);
    for (unsigned i = 0; i < count; i++) {
        mutate_once(&copy, &bytes, &state);
    }
    /* Shrunk to the byte, so that the sanitizer sees one too far. */
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    if (exact == NULL) {
        abort();
    }
    memcpy(exact, copy, bytes);
    free(copy);
    *out_bytes = bytes;
    return exact;
}
