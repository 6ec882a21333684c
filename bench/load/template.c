/* Requests written from their compiled text. template_make.c compiles it. */
#include "template.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void load_template_drop(struct load_template *template)
{
    free(template->text);
    template->text = NULL;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

typedef uint8_t hex_vector __attribute__((vector_size(16)));

/* Sixteen digits at once: a nibble a byte, then what a digit or a letter needs. */
static void write_hex(uint8_t *out, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    /* Not by way of memory: eight bytes stored and sixteen loaded would stall. */
    const hex_vector bytes = (hex_vector)(__attribute__((vector_size(16))) uint64_t){value, 0};
    const hex_vector high = bytes >> 4, low = bytes & 15;
    hex_vector digits =
        __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);

    digits += '0' + ((hex_vector)(digits > 9) & ('a' - '0' - 10));
    memcpy(out, &digits, sizeof digits);
}

static void write_number(uint8_t *out, uint32_t number, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        out[i - 1] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
}

/* splitmix64 of the request's number: a tag for each request that differs from every other of the
 * run, and most likely from those of other runs (RFC 3261 section 19.3). No secret: these requests
 * begin no dialog. */
static uint64_t tag_of(uint64_t run, uint64_t sequence)
{
    uint64_t z = run * 0x9e3779b97f4a7c15u + sequence;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* What has a fixed width, into its place. */
static inline void patch(const struct load_template *template, const struct load_part *part,
                         const struct load_words *words, struct zsip_view branch, uint8_t *out)
{
    switch (part->kind) {
    case LOAD_PART_BRANCH:
        memcpy(out, branch.data, branch.length);
        break;
    case LOAD_PART_CALL_ID:
        write_hex(out, words->sequence);
        break;
    case LOAD_PART_TAG:
        write_hex(out, tag_of(template->run, words->sequence));
        break;
    case LOAD_PART_CSEQ:
        out[0] = (uint8_t)('0' + words->cseq);
        break;
    case LOAD_PART_USER:
        write_number(out, words->user, part->digits);
        break;
    case LOAD_PART_SENDER:
        write_number(out, words->sender, part->digits);
        break;
    case LOAD_PART_STAMP:
        write_hex(out, words->stamp_ns);
        break;
    default:
        break;
    }
}

static size_t write_fixed(const struct load_template *template, const struct load_words *words,
                          struct zsip_view branch, uint8_t *out, size_t capacity, uint32_t *pad_at)
{
    if (capacity < template->bytes)
        return 0;
    memcpy(out, template->text, template->bytes);
    for (uint32_t i = 0; i < template->part_count; i++)
        patch(template, &template->parts[i], words, branch, out + template->parts[i].at);
    *pad_at = template->pad_at;
    return template->bytes;
}

/* ---- Put together ---------------------------------------------------------------------------- */

struct cursor {
    uint8_t *out;
    size_t used;
    size_t capacity;
    bool over;
};

static uint8_t *room(struct cursor *cursor, size_t bytes)
{
    uint8_t *at = cursor->out + cursor->used;

    if (cursor->capacity - cursor->used < bytes) {
        cursor->over = true;
        return NULL;
    }
    cursor->used += bytes;
    return at;
}

static void append(struct cursor *cursor, const void *data, size_t bytes)
{
    uint8_t *at = room(cursor, bytes);

    if (at != NULL && bytes > 0)
        memcpy(at, data, bytes);
}

static void append_field(const struct load_template *template, const struct load_part *part,
                         const struct load_words *words, struct cursor *cursor)
{
    uint8_t scratch[LOAD_INJECT_FIELD_BYTES];
    struct zsip_view field = load_inject_field(template->inject, words->user, part->field, scratch);

    append(cursor, field.data, field.length);
}

/* As much of the body as this request's number says, whole characters, then dots. */
static void append_body(const struct load_template *template, uint64_t sequence,
                        struct cursor *cursor)
{
    const uint8_t *body = template->text + template->body_at;
    uint64_t drawn = tag_of(template->run, ~sequence) % LOAD_SIZES;
    uint32_t wanted = template->sized ? template->sizes[drawn] : template->body_bytes;
    uint32_t bytes = wanted;
    uint8_t *at;

    while (template->utf8 && bytes > 0 && bytes < template->body_bytes &&
           (body[bytes] & 0xc0) == 0x80)
        bytes--;
    at = room(cursor, wanted);
    if (at == NULL)
        return;
    memcpy(at, body, bytes);
    memset(at + bytes, '.', wanted - bytes);
}

/* Five digits, spaces in front: legal behind the colon. */
static void write_length(uint8_t *out, size_t length)
{
    for (unsigned i = 5; i > 0; i--) {
        out[i - 1] = (uint8_t)(length > 0 || i == 5 ? '0' + length % 10 : ' ');
        length /= 10;
    }
}

static size_t write_parts(const struct load_template *template, const struct load_words *words,
                          struct zsip_view branch, uint8_t *out, size_t capacity, uint32_t *pad_at)
{
    struct cursor cursor = {out, 0, capacity, false};
    uint8_t *length = NULL, *end;

    for (uint32_t i = 0; i < template->part_count && !cursor.over; i++) {
        const struct load_part *part = &template->parts[i];
        uint8_t *at;

        switch (part->kind) {
        case LOAD_PART_FIELD:
            append_field(template, part, words, &cursor);
            break;
        case LOAD_PART_AUTH:
            append(&cursor, words->auth.data, words->auth.length);
            break;
        case LOAD_PART_BODY:
            append_body(template, words->sequence, &cursor);
            break;
        case LOAD_PART_LENGTH:
            /* What stood here before may be the end of a line: the head must end where it does. */
            length = room(&cursor, part->bytes);
            if (length != NULL)
                memset(length, ' ', part->bytes);
            break;
        default:
            at = room(&cursor, part->bytes);
            if (at == NULL)
                break;
            memcpy(at, template->text + part->at, part->bytes);
            patch(template, part, words, branch, at);
            break;
        }
    }
    *pad_at = 0;
    if (cursor.over)
        return 0;
    end = memmem(out, cursor.used, "\r\n\r\n", 4);
    if (length != NULL && end != NULL)
        write_length(length, cursor.used - (size_t)(end + 4 - out));
    if (length != NULL && template->pads)
        *pad_at = (uint32_t)(length - out);
    return cursor.used;
}

size_t load_template_write(const struct load_template *template, const struct load_words *words,
                           struct zsip_view branch, uint8_t *out, size_t capacity, uint32_t *pad_at)
{
    ZSIP_ASSERT(branch.length == template->branch_bytes);
    return (template->fixed ? write_fixed : write_parts)(template, words, branch, out, capacity,
                                                         pad_at);
}
