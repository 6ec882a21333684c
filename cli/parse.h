/* zsip parse: what its files share. */
#ifndef ZSIP_CLI_PARSE_H
#define ZSIP_CLI_PARSE_H

#include "cli.h"

#include <sys/types.h>

/* One file: its name for messages, and the bytes that are still to be parsed. */
struct input {
    const char *name;
    int fd;
    uint8_t *data;
    size_t capacity;
    size_t bytes;
    uint64_t offset; /* of data[0] in the file */
    unsigned count;  /* messages so far */
    bool json;
    bool stream;
    bool good;
};

/* ---- What is said of a message ----------------------------------------------------------------
 *
 * data[0 .. bytes) is what the message was parsed from. */
void parse_print_plain(const struct input *input, const struct zsip_msg *msg, const uint8_t *data,
                       size_t bytes);
void parse_print_json(const struct input *input, const struct zsip_msg *msg, const uint8_t *data,
                      size_t bytes);
/* The same of a stream that can't be divided any further; offset is the fault's, in the file. */
void parse_print_end(const struct input *input, const struct zsip_fault *fault, uint64_t offset);

/* What may have happened to a message that is none, as one sentence without a full stop; NULL if
 * there is nothing to guess. */
const char *parse_hint(const struct zsip_msg *msg, const uint8_t *data, size_t bytes);

/* The place in a text, both from 1: lines end behind their LF, columns are bytes. */
struct parse_place {
    unsigned line;
    unsigned column;
    size_t line_begin; /* where that line begins, and ends without its CRLF */
    size_t line_end;
};
struct parse_place parse_place_of(const uint8_t *data, size_t bytes, size_t offset);

/* ---- Values ---------------------------------------------------------------------------------- */

/* One row of the index read by the function that is for its field. Returns what was read, as JSON:
 * an array for fields that are lists; NULL for fields that are any text, and on a fault, which goes
 * to *fault (its status is ZSIP_OK else). The caller's reference. */
json_t *parse_row_json(const struct zsip_msg *msg, unsigned row, struct zsip_fault *fault);

/* A string that JSON can hold: bytes that are no UTF-8 become U+FFFD. */
json_t *parse_text_json(const uint8_t *bytes, size_t length);
/* {"offset", "length", "value"} under key, unless the slice is absent. */
void parse_slice_json(json_t *object, const char *key, const struct zsip_msg *msg,
                      struct zsip_slice slice);

#endif
