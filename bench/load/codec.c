#include "codec.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* The cookies say version 2 with counts as words of up to 9 bytes. */
#define COOKIE          0x1c849313u
#define COOKIE_DEFLATED 0x1c849314u
#define HEADER_BYTES    40u
#define DEFLATED_BYTES  8u
#define WORD_BYTES_MAX  9u
#define DIGITS          3u
#define PLAIN_BYTES_MAX (HEADER_BYTES + WORD_BYTES_MAX * LOAD_HISTOGRAM_BUCKETS)
/* deflate adds 5 bytes for each 16 KiB that it can't make smaller, and 6. */
#define TEXT_BYTES_MAX ((PLAIN_BYTES_MAX + PLAIN_BYTES_MAX / 1024 + 64) / 3 * 4 + 5)

/* ---- Words ----------------------------------------------------------------------------------- */

static uint8_t *put_u32(uint8_t *to, uint32_t value)
{
    for (unsigned shift = 32; shift > 0; shift -= 8)
        *to++ = (uint8_t)(value >> (shift - 8));
    return to;
}

static uint8_t *put_u64(uint8_t *to, uint64_t value)
{
    return put_u32(put_u32(to, (uint32_t)(value >> 32)), (uint32_t)value);
}

static uint32_t get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static uint64_t get_u64(const uint8_t *from)
{
    return (uint64_t)get_u32(from) << 32 | get_u32(from + 4);
}

/* ZigZag, then seven bits a byte, the least first; a ninth byte holds eight. */
static uint8_t *put_word(uint8_t *to, int64_t value)
{
    uint64_t word = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);

    for (unsigned i = 0; i + 1 < WORD_BYTES_MAX; i++) {
        if (word < 0x80) {
            *to++ = (uint8_t)word;
            return to;
        }
        *to++ = (uint8_t)(word | 0x80);
        word >>= 7;
    }
    *to++ = (uint8_t)word;
    return to;
}

/* NULL: it goes on beyond end. */
static const uint8_t *get_word(const uint8_t *from, const uint8_t *end, int64_t *value)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < WORD_BYTES_MAX; i++) {
        bool last = i + 1 == WORD_BYTES_MAX;

        if (from == end)
            return NULL;
        word |= (uint64_t)(last ? *from : *from & 0x7f) << (7 * i);
        if (*from++ < 0x80 || last)
            break;
    }
    *value = (int64_t)(word >> 1 ^ (0 - (word & 1)));
    return from;
}

/* ---- Out ------------------------------------------------------------------------------------- */

/* A count each; of several empty buckets one after the other, their number with a minus. */
static uint8_t *put_counts(uint8_t *to, const struct load_histogram *histogram)
{
    unsigned end = LOAD_HISTOGRAM_BUCKETS;
    unsigned i = 0;

    while (end > 0 && histogram->counts[end - 1] == 0)
        end--;
    while (i < end) {
        unsigned first = i;

        while (histogram->counts[i] == 0) /* the last one is not */
            i++;
        if (i - first > 1)
            to = put_word(to, -(int64_t)(i - first));
        else if (i > first)
            to = put_word(to, 0);
        to = put_word(to, (int64_t)histogram->counts[i++]);
    }
    return to;
}

static size_t put_plain(uint8_t *plain, const struct load_histogram *histogram)
{
    const double ratio = 1.0; /* of integers to values */
    uint64_t bits;
    uint8_t *to = put_counts(plain + HEADER_BYTES, histogram);
    size_t bytes = (size_t)(to - plain);

    memcpy(&bits, &ratio, sizeof bits);
    to = put_u32(plain, COOKIE);
    to = put_u32(to, (uint32_t)(bytes - HEADER_BYTES));
    to = put_u32(to, 0); /* the offset of what was shifted: nothing is */
    to = put_u32(to, DIGITS);
    to = put_u64(to, 1);
    to = put_u64(to, LOAD_HISTOGRAM_US_MAX);
    put_u64(to, bits);
    return bytes;
}

char *load_codec_encode(const struct load_histogram *histogram)
{
    uint8_t *plain = malloc(PLAIN_BYTES_MAX);
    uint8_t *deflated = NULL;
    char *text = NULL;
    size_t bytes;
    uLongf room;

    if (plain == NULL)
        return NULL;
    bytes = put_plain(plain, histogram);
    room = compressBound(bytes);
    deflated = malloc(DEFLATED_BYTES + room);
    if (deflated != NULL &&
        compress2(deflated + DEFLATED_BYTES, &room, plain, bytes, Z_DEFAULT_COMPRESSION) == Z_OK) {
        put_u32(put_u32(deflated, COOKIE_DEFLATED), (uint32_t)room);
        text = malloc((DEFLATED_BYTES + room + 2) / 3 * 4 + 1);
        if (text != NULL)
            EVP_EncodeBlock((unsigned char *)text, deflated, (int)(DEFLATED_BYTES + room));
    }
    free(plain);
    free(deflated);
    return text;
}

/* ---- In -------------------------------------------------------------------------------------- */

static const char *get_counts(const uint8_t *from, const uint8_t *end, struct load_histogram *out)
{
    unsigned at = 0;

    while (from != end) {
        int64_t word;

        from = get_word(from, end, &word);
        if (from == NULL)
            return "cut off";
        if (word < 0) {
            if (word < -(int64_t)(LOAD_HISTOGRAM_BUCKETS - at))
                return "more buckets than there are";
            at += (unsigned)-word;
            continue;
        }
        if (at == LOAD_HISTOGRAM_BUCKETS)
            return "more buckets than there are";
        /* As many records as this take millennia; sums stay far from their bound. */
        if (word > INT64_MAX >> 16)
            return "a count that can't be";
        out->counts[at++] = (uint64_t)word;
        out->total += (uint64_t)word;
    }
    return NULL;
}

static const char *get_plain(const uint8_t *plain, size_t bytes, struct load_histogram *out)
{
    if (bytes < HEADER_BYTES || get_u32(plain) != COOKIE)
        return "no histogram of version 2";
    if (get_u32(plain + 4) != bytes - HEADER_BYTES)
        return "cut off";
    if (get_u32(plain + 8) != 0 || get_u32(plain + 12) != DIGITS || get_u64(plain + 16) != 1)
        return "not of 3 significant digits from 1";
    return get_counts(plain + HEADER_BYTES, plain + bytes, out);
}

/* What the buckets tell of the values in them. */
static void derive(struct load_histogram *out)
{
    double sum = 0;

    for (unsigned i = 0; i < LOAD_HISTOGRAM_BUCKETS; i++) {
        uint64_t upper = load_histogram_upper(i);

        if (out->counts[i] == 0)
            continue;
        if (upper < out->min_us)
            out->min_us = upper;
        out->max_us = upper;
        sum += (double)upper * (double)out->counts[i];
    }
    out->sum_us = sum < 0x1p63 ? (uint64_t)sum : INT64_MAX;
}

static const char *inflate_text(const char *text, size_t length, uint8_t *bytes, uint8_t *plain,
                                struct load_histogram *out)
{
    uLongf room = PLAIN_BYTES_MAX;
    int count = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    uint32_t deflated;

    /* At the end up to two bytes are padding, which does not hurt: the header tells the length. */
    if (count < (int)DEFLATED_BYTES)
        return "no Base64";
    if (get_u32(bytes) != COOKIE_DEFLATED)
        return "no deflated histogram of version 2";
    deflated = get_u32(bytes + 4);
    if (deflated > (uint32_t)count - DEFLATED_BYTES)
        return "cut off";
    if (uncompress(plain, &room, bytes + DEFLATED_BYTES, deflated) != Z_OK)
        return "does not inflate";
    return get_plain(plain, room, out);
}

const char *load_codec_decode(const char *text, size_t length, struct load_histogram *out)
{
    uint8_t *bytes, *plain;
    const char *wrong = "no memory";

    load_histogram_clear(out);
    if (length == 0 || length % 4 != 0 || length > TEXT_BYTES_MAX)
        return "no Base64";
    bytes = malloc(length / 4 * 3);
    plain = malloc(PLAIN_BYTES_MAX);
    if (bytes != NULL && plain != NULL)
        wrong = inflate_text(text, length, bytes, plain, out);
    free(bytes);
    free(plain);
    if (wrong != NULL)
        load_histogram_clear(out);
    else
        derive(out);
    return wrong;
}
