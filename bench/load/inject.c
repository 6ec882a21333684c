/* Injection files. */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct load_inject {
    char *path;
    uint8_t *text;
    size_t bytes;
    uint32_t *lines;     /* where each line of values begins; one more, where the last one ends */
    uint32_t line_count; /* in the file */
    uint32_t virtual_count; /* by PRINTF; 0: as in the file */
    uint64_t printf_offset;
    uint64_t printf_multiple;
    enum load_inject_order order;
};

/* What is being read: the line a message is about. */
struct reader {
    struct load_inject *inject;
    uint32_t line; /* from 1 */
    char *error;
    size_t error_bytes;
};

__attribute__((format(printf, 2, 3))) static enum zsip_status wrong(const struct reader *reader,
                                                                    const char *format, ...)
{
    char what[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(reader->error, reader->error_bytes, "%s:%" PRIu32 ": %s", reader->inject->path,
             reader->line, what);
    return ZSIP_ERROR_ARGUMENT;
}

/* ---- The file -------------------------------------------------------------------------------- */

/* Read, not mapped: a file that is cut off while we run must not end the run. */
static enum zsip_status text_read(struct reader *reader, int file)
{
    struct load_inject *inject = reader->inject;
    size_t capacity = 0;
    struct stat stat;

    if (fstat(file, &stat) == 0 && S_ISREG(stat.st_mode) &&
        stat.st_size < (off_t)LOAD_INJECT_BYTES_MAX)
        capacity = (size_t)stat.st_size + 1;
    for (;;) {
        ssize_t got;

        if (inject->text == NULL || inject->bytes == capacity) {
            capacity = inject->text == NULL && capacity > 0 ? capacity : 2 * capacity + 65536;
            uint8_t *larger = realloc(inject->text, capacity);

            if (larger == NULL)
                return ZSIP_ERROR_MEMORY;
            inject->text = larger;
        }
        got = read(file, inject->text + inject->bytes, capacity - inject->bytes);
        if (got == 0)
            return ZSIP_OK;
        if (got < 0 && errno != EINTR)
            return ZSIP_ERROR_SYSTEM;
        inject->bytes += got > 0 ? (size_t)got : 0;
        if (inject->bytes > LOAD_INJECT_BYTES_MAX)
            return ZSIP_ERROR_TOO_LARGE;
    }
}

static enum zsip_status file_read(struct reader *reader)
{
    int file = open(reader->inject->path, O_RDONLY | O_CLOEXEC);
    enum zsip_status status = file < 0 ? ZSIP_ERROR_SYSTEM : text_read(reader, file);
    const char *what = strerror(errno);

    if (file >= 0)
        close(file);
    if (status == ZSIP_ERROR_TOO_LARGE)
        what = "over 1 GiB; give a smaller file, or PRINTF in its first line";
    else if (status == ZSIP_ERROR_MEMORY)
        what = "no memory for it";
    if (status != ZSIP_OK)
        snprintf(reader->error, reader->error_bytes, "%s: %s", reader->inject->path, what);
    return status == ZSIP_ERROR_SYSTEM ? ZSIP_ERROR_ARGUMENT : status;
}

/* The line that begins at begin; *next is where the following one does. Without its line end. */
static struct zsip_view line_at(const struct load_inject *inject, size_t begin, size_t *next)
{
    const uint8_t *text = inject->text + begin;
    size_t left = inject->bytes - begin;
    const uint8_t *newline = left == 0 ? NULL : memchr(text, '\n', left);
    size_t length = newline == NULL ? left : (size_t)(newline - text);

    *next = newline == NULL ? inject->bytes : begin + length + 1;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    return (struct zsip_view){text, length};
}

/* ---- First line ------------------------------------------------------------------------------ */

static bool word_is(struct zsip_view word, const char *name)
{
    return word.length == strlen(name) && memcmp(word.data, name, word.length) == 0;
}

/* "NAME=digits" with this name; *value is set. */
static bool word_number(struct zsip_view word, const char *name, uint64_t *value)
{
    size_t length = strlen(name);

    if (word.length < length + 1 || word.length > length + 19 ||
        memcmp(word.data, name, length) != 0)
        return false;
    *value = 0;
    for (size_t i = length; i < word.length; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
        *value = *value * 10 + (uint64_t)(word.data[i] - '0');
    }
    return true;
}

static enum zsip_status word_take(const struct reader *reader, struct zsip_view word, bool *ordered)
{
    struct load_inject *inject = reader->inject;
    uint64_t number;

    if (word_is(word, "SEQUENTIAL")) {
        inject->order = LOAD_INJECT_SEQUENTIAL;
    } else if (word_is(word, "RANDOM")) {
        inject->order = LOAD_INJECT_RANDOM;
    } else if (word_is(word, "USER")) {
        inject->order = LOAD_INJECT_USER;
    } else if (word_number(word, "PRINTF=", &number)) {
        if (number == 0 || number > LOAD_INJECT_LINES_MAX)
            return wrong(reader, "PRINTF wants 1 to %u lines", LOAD_INJECT_LINES_MAX);
        inject->virtual_count = (uint32_t)number;
        return ZSIP_OK;
    } else if (word_number(word, "PRINTFOFFSET=", &inject->printf_offset) ||
               word_number(word, "PRINTFMULTIPLE=", &inject->printf_multiple)) {
        return ZSIP_OK;
    } else {
        return wrong(reader, "the first line says SEQUENTIAL, RANDOM or USER, then perhaps "
                             "PRINTF=n, PRINTFOFFSET=n, PRINTFMULTIPLE=n, with commas between");
    }
    *ordered = true;
    return ZSIP_OK;
}

static enum zsip_status head_read(const struct reader *reader, struct zsip_view line)
{
    bool ordered = false;
    size_t at = 0;

    while (at < line.length) {
        size_t begin = at;
        enum zsip_status status;

        while (at < line.length && memchr(",; \t", line.data[at], 4) == NULL)
            at++;
        if (at > begin) {
            struct zsip_view word = {line.data + begin, at - begin};

            status = word_take(reader, word, &ordered);
            if (status != ZSIP_OK)
                return status;
        }
        at++;
    }
    return ordered ? ZSIP_OK
                   : wrong(reader, "the first line does not say SEQUENTIAL, RANDOM or USER");
}

/* ---- PRINTF ---------------------------------------------------------------------------------- */

/* "%[-][0][width]d" behind the '%'. Returns its length, 0 if it is none. */
static size_t format_at(const uint8_t *text, size_t length, bool *left, bool *zero, unsigned *width)
{
    size_t at = 0;

    *left = *zero = false;
    *width = 0;
    for (; at < length && (text[at] == '-' || text[at] == '0'); at++) {
        *left |= text[at] == '-';
        *zero |= text[at] == '0';
    }
    for (; at < length && text[at] >= '0' && text[at] <= '9' && *width < 100; at++)
        *width = 10 * *width + (unsigned)(text[at] - '0');
    return at < length && text[at] == 'd' && *width <= 20 ? at + 1 : 0;
}

#define FORMATS_MAX 8u /* in one line: their numbers fit into LOAD_INJECT_FIELD_BYTES */

static enum zsip_status formats_check(const struct reader *reader, struct zsip_view line)
{
    unsigned count = 0;

    for (size_t i = 0; i < line.length; i++) {
        bool left, zero;
        unsigned width;

        if (line.data[i] != '%')
            continue;
        if (i + 1 < line.length && line.data[i + 1] == '%') {
            i++;
            continue;
        }
        if (format_at(line.data + i + 1, line.length - i - 1, &left, &zero, &width) == 0)
            return wrong(reader, "'%%' in a PRINTF file must begin a number such as %%05d, or be "
                                 "written %%%%");
        if (++count > FORMATS_MAX)
            return wrong(reader, "more than %u numbers in one line", FORMATS_MAX);
    }
    return ZSIP_OK;
}

static size_t number_put(uint8_t *out, uint64_t number, bool left, bool zero, unsigned width)
{
    char text[32];
    int length = snprintf(text, sizeof text,
                          left   ? "%-*" PRIu64
                          : zero ? "%0*" PRIu64
                                 : "%*" PRIu64,
                          (int)width, number);

    memcpy(out, text, (size_t)length);
    return (size_t)length;
}

static struct zsip_view format_field(const struct load_inject *inject, struct zsip_view field,
                                     uint32_t line, uint8_t *scratch)
{
    uint64_t number = inject->printf_offset + line * inject->printf_multiple;
    size_t length = 0;

    for (size_t i = 0; i < field.length; i++) {
        bool left, zero;
        unsigned width;
        size_t format;

        if (field.data[i] != '%') {
            scratch[length++] = field.data[i];
            continue;
        }
        format = format_at(field.data + i + 1, field.length - i - 1, &left, &zero, &width);
        if (format == 0)
            scratch[length++] = '%'; /* "%%" */
        else
            length += number_put(scratch + length, number, left, zero, width);
        i += format == 0 ? 1 : format;
    }
    return (struct zsip_view){scratch, length};
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static enum zsip_status line_check(const struct reader *reader, struct zsip_view line)
{
    if (line.length > LOAD_INJECT_LINE_BYTES_MAX)
        return wrong(reader, "over %u bytes", LOAD_INJECT_LINE_BYTES_MAX);
    for (size_t i = 0; i < line.length; i++) {
        if (line.data[i] < ' ' && line.data[i] != '\t')
            return wrong(reader, "a control character (0x%02x) at column %zu", line.data[i], i + 1);
    }
    return reader->inject->virtual_count > 0 ? formats_check(reader, line) : ZSIP_OK;
}

/* Checks the lines behind the first and, where lines is not NULL, notes where they begin. */
static enum zsip_status lines_read(struct reader *reader, size_t at, uint32_t *count)
{
    struct load_inject *inject = reader->inject;
    uint32_t empty = 0; /* the first empty line */

    *count = 0;
    for (reader->line = 2; at < inject->bytes; reader->line++) {
        size_t begin = at;
        struct zsip_view line = line_at(inject, begin, &at);
        enum zsip_status status;

        if (line.length == 0) {
            empty = empty == 0 ? reader->line : empty;
            continue;
        }
        if (empty > 0) {
            reader->line = empty;
            return wrong(reader, "an empty line, with others behind it; SIPp would stop reading "
                                 "here: remove it, or put a # there");
        }
        if (line.data[0] == '#')
            continue;
        status = line_check(reader, line);
        if (status != ZSIP_OK)
            return status;
        if (*count == LOAD_INJECT_LINES_MAX)
            return wrong(reader, "more than %u lines", LOAD_INJECT_LINES_MAX);
        if (inject->lines != NULL)
            inject->lines[*count] = (uint32_t)begin;
        (*count)++;
    }
    return ZSIP_OK;
}

static enum zsip_status lines_index(struct reader *reader)
{
    struct load_inject *inject = reader->inject;
    size_t begin = 0, next;
    enum zsip_status status;
    struct zsip_view head;

    reader->line = 1;
    if (inject->bytes >= 3 && memcmp(inject->text, "\xef\xbb\xbf", 3) == 0)
        begin = 3; /* what spreadsheets put in front of UTF-8 */
    head = line_at(inject, begin, &next);
    status = head_read(reader, head);
    if (status == ZSIP_OK)
        status = lines_read(reader, next, &inject->line_count);
    if (status == ZSIP_OK && inject->line_count == 0) {
        reader->line = 2;
        status = wrong(reader, "no line of values behind the first");
    }
    if (status != ZSIP_OK)
        return status;
    inject->lines = malloc(inject->line_count * sizeof *inject->lines);
    if (inject->lines == NULL) {
        snprintf(reader->error, reader->error_bytes, "%s: no memory for its lines", inject->path);
        return ZSIP_ERROR_MEMORY;
    }
    return lines_read(reader, next, &inject->line_count);
}

enum zsip_status load_inject_open(const char *path, struct load_inject **out, char *error,
                                  size_t error_bytes)
{
    struct load_inject *inject = calloc(1, sizeof *inject);
    struct reader reader = {.inject = inject, .error = error, .error_bytes = error_bytes};
    enum zsip_status status;

    if (inject != NULL)
        inject->path = strdup(path);
    if (inject == NULL || inject->path == NULL) {
        free(inject);
        snprintf(error, error_bytes, "%s: no memory for it", path);
        return ZSIP_ERROR_MEMORY;
    }
    inject->printf_multiple = 1;
    status = file_read(&reader);
    if (status == ZSIP_OK)
        status = lines_index(&reader);
    if (status != ZSIP_OK) {
        load_inject_close(inject);
        return status;
    }
    *out = inject;
    return ZSIP_OK;
}

void load_inject_close(struct load_inject *inject)
{
    if (inject == NULL)
        return;
    free(inject->path);
    free(inject->text);
    free(inject->lines);
    free(inject);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

const char *load_inject_path(const struct load_inject *inject)
{
    return inject->path;
}

enum load_inject_order load_inject_order(const struct load_inject *inject)
{
    return inject->order;
}

uint32_t load_inject_lines(const struct load_inject *inject)
{
    return inject->virtual_count > 0 ? inject->virtual_count : inject->line_count;
}

enum zsip_status load_inject_check(const struct load_inject *inject, uint32_t field_count,
                                   char *error, size_t error_bytes)
{
    for (uint32_t i = 0; i < inject->line_count; i++) {
        uint32_t fields = 1;
        size_t next;
        struct zsip_view line = line_at(inject, inject->lines[i], &next);

        for (size_t at = 0; at < line.length; at++)
            fields += line.data[at] == ';';
        if (fields < field_count) {
            uint32_t number = 1;

            for (size_t at = 0; at < inject->lines[i]; at++)
                number += inject->text[at] == '\n';
            snprintf(error, error_bytes,
                     "%s:%" PRIu32 ": %" PRIu32 " field%s, and [field%" PRIu32 "] is asked for",
                     inject->path, number, fields, fields == 1 ? "" : "s", field_count - 1);
            return ZSIP_ERROR_ARGUMENT;
        }
    }
    return ZSIP_OK;
}

/* splitmix64, as good as any for choosing a line. */
static uint64_t mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t load_inject_pick(const struct load_inject *inject, uint64_t number, uint64_t seed)
{
    uint64_t chosen = inject->order == LOAD_INJECT_RANDOM ? mix(seed ^ mix(number)) : number;

    return (uint32_t)(chosen % load_inject_lines(inject));
}

struct zsip_view load_inject_field(const struct load_inject *inject, uint32_t line, uint32_t field,
                                   uint8_t *scratch)
{
    size_t next;
    struct zsip_view rest = line_at(inject, inject->lines[line % inject->line_count], &next);
    const uint8_t *end;

    for (; field > 0; field--) {
        const uint8_t *semicolon = rest.length == 0 ? NULL : memchr(rest.data, ';', rest.length);

        if (semicolon == NULL)
            return (struct zsip_view){NULL, 0};
        rest.length -= (size_t)(semicolon + 1 - rest.data);
        rest.data = semicolon + 1;
    }
    end = rest.length == 0 ? NULL : memchr(rest.data, ';', rest.length);
    if (end != NULL)
        rest.length = (size_t)(end - rest.data);
    return inject->virtual_count > 0 ? format_field(inject, rest, line, scratch) : rest;
}
