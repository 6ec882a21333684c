#include "template.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Making ---------------------------------------------------------------------------------- */

/* Header section without its domain names: what is fixed, with room to spare. */
#define FIXED_BYTES 1024u

struct writer {
    struct load_template *template;
    size_t capacity;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format,
                                                      ...)
{
    struct load_template *template = writer->template;
    va_list arguments;
    int written;

    va_start(arguments, format);
    written = vsnprintf((char *)template->text + template->bytes,
                        writer->capacity - template->bytes, format, arguments);
    va_end(arguments);
    ZSIP_ASSERT(written >= 0 && template->bytes + (size_t)written < writer->capacity);
    template->bytes += (uint32_t)written;
}

/* A gap to be patched; returns its offset. */
static uint32_t gap(struct writer *writer, uint32_t bytes)
{
    struct load_template *template = writer->template;
    uint32_t at = template->bytes;

    ZSIP_ASSERT(at + (size_t)bytes < writer->capacity);
    memset(template->text + at, '0', bytes);
    template->bytes += bytes;
    return at;
}

static void put_user(struct writer *writer, const char *host)
{
    struct load_template *template = writer->template;

    put(writer, "sip:u");
    ZSIP_ASSERT(template->user_count < LOAD_TEMPLATE_USERS_MAX);
    template->user_at[template->user_count++] = gap(writer, LOAD_USER_DIGITS);
    put(writer, "@%s", host);
}

/* Start line to CSeq. RFC 3261 section 8.1.1; of a REGISTER section 10.2: the Request-URI names the
 * domain alone, To and From the address of record. */
static void put_head(struct writer *writer, const struct load_template_config *config)
{
    struct load_template *template = writer->template;
    bool registers = config->method == ZSIP_METHOD_REGISTER;
    int host = (int)strcspn(config->sent_by, config->sent_by[0] == '[' ? "]" : ":");

    host += config->sent_by[0] == '[';
    put(writer, "%s ", zsip_method_name(config->method));
    if (registers)
        put(writer, "sip:%s", config->domain);
    else
        put_user(writer, config->domain);
    put(writer, " SIP/2.0\r\nVia: SIP/2.0/%s %s;rport;branch=", config->tcp ? "TCP" : "UDP",
        config->sent_by);
    template->branch_bytes = (uint32_t)zsip_branch_bytes();
    template->branch_at = gap(writer, template->branch_bytes);
    put(writer, "\r\nMax-Forwards: 70\r\n");
    if (config->proxy != NULL)
        put(writer, "Route: <sip:%s;lr>\r\n", config->proxy);
    put(writer, "From: <");
    if (registers)
        put_user(writer, config->domain);
    else
        put(writer, "sip:load@%.*s", host, config->sent_by);
    put(writer, ">;tag=");
    template->tag_at = gap(writer, 16);
    put(writer, "\r\nTo: <");
    put_user(writer, config->domain);
    put(writer, ">\r\nCall-ID: %016" PRIx64 "-", config->run);
    template->call_id_at = gap(writer, 16);
    put(writer, "\r\nCSeq: 1 %s\r\n", zsip_method_name(config->method));
}

static void put_body(struct writer *writer, uint32_t bytes)
{
    static const char pattern[] = "The quick brown fox jumps over the lazy dog. ";
    struct load_template *template = writer->template;

    ZSIP_ASSERT(template->bytes + (size_t)bytes < writer->capacity);
    for (uint32_t i = 0; i < bytes; i++)
        template->text[template->bytes++] = (uint8_t)pattern[i % (sizeof pattern - 1)];
}

enum zsip_status load_template_make(struct load_template *out,
                                    const struct load_template_config *config)
{
    uint32_t body_bytes = config->method == ZSIP_METHOD_MESSAGE ? config->body_bytes : 0;
    struct writer writer = {.template = out};

    if (config->method != ZSIP_METHOD_MESSAGE && config->method != ZSIP_METHOD_OPTIONS &&
        config->method != ZSIP_METHOD_REGISTER)
        return ZSIP_ERROR_ARGUMENT;
    memset(out, 0, sizeof *out);
    out->run = config->run;
    writer.capacity = FIXED_BYTES + 4 * strlen(config->domain) + 3 * strlen(config->sent_by) +
                      (config->proxy == NULL ? 0 : strlen(config->proxy)) + body_bytes;
    if (writer.capacity > 65535 + FIXED_BYTES)
        return ZSIP_ERROR_SIZE;
    out->text = malloc(writer.capacity);
    if (out->text == NULL)
        return ZSIP_ERROR_MEMORY;

    put_head(&writer, config);
    if (config->method == ZSIP_METHOD_REGISTER) {
        put(&writer, "Contact: <");
        put_user(&writer, config->sent_by);
        put(&writer, ">\r\nExpires: 3600\r\n");
    }
    if (body_bytes > 0)
        put(&writer, "Content-Type: text/plain\r\n");
    put(&writer, "Content-Length:");
    out->pad_at = out->bytes;
    put(&writer, " %" PRIu32 "\r\n\r\n", body_bytes);
    put_body(&writer, body_bytes);
    if (out->bytes > 65535) {
        load_template_drop(out);
        return ZSIP_ERROR_SIZE;
    }
    return ZSIP_OK;
}

void load_template_drop(struct load_template *template)
{
    free(template->text);
    template->text = NULL;
}

/* ---- Writing --------------------------------------------------------------------------------- */

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

static void write_user(uint8_t *out, uint32_t user)
{
    for (int i = LOAD_USER_DIGITS - 1; i >= 0; i--) {
        out[i] = (uint8_t)('0' + user % 10);
        user /= 10;
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

size_t load_template_write(const struct load_template *template, uint64_t sequence, uint32_t user,
                           struct zsip_view branch, uint8_t *out, size_t capacity)
{
    uint8_t digits[LOAD_USER_DIGITS];

    if (capacity < template->bytes)
        return 0;
    ZSIP_ASSERT(branch.length == template->branch_bytes);
    memcpy(out, template->text, template->bytes);
    memcpy(out + template->branch_at, branch.data, branch.length);
    write_hex(out + template->call_id_at, sequence);
    write_hex(out + template->tag_at, tag_of(template->run, sequence));
    write_user(digits, user);
    for (uint32_t i = 0; i < template->user_count; i++)
        memcpy(out + template->user_at[i], digits, sizeof digits);
    return template->bytes;
}
