/* Golden files: what stands at a path of a parsed message.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_GOLDEN_PATH_H
#define ZSIP_TESTS_PARSER_GOLDEN_PATH_H

#include "zsip/parser.h"

enum value_kind {
    VALUE_NONE = 0, /* no such path */
    VALUE_SLICE,
    VALUE_NUMBER,
    VALUE_TEXT,
    VALUE_OFFSET, /* a place: the expected text begins there */
};

struct golden_value {
    enum value_kind kind;
    struct zsip_slice slice;
    uint64_t number;
    const char *text;
};

static inline struct golden_value golden_number(uint64_t number)
{
    return (struct golden_value){.kind = VALUE_NUMBER, .number = number};
}

static inline struct golden_value golden_text(const char *text)
{
    return (struct golden_value){.kind = VALUE_TEXT, .text = text};
}

static inline struct golden_value golden_slice(struct zsip_slice slice)
{
    return (struct golden_value){.kind = VALUE_SLICE, .slice = slice};
}

/* A member of a struct, by name. */
struct golden_field {
    const char *name;
    size_t offset;
    unsigned bytes; /* 0: a slice */
    const char *const *names;
};
extern const struct golden_field golden_uri_fields[];
extern const struct golden_field golden_via_fields[];
extern const struct golden_field golden_party_fields[];
extern const struct golden_field golden_media_fields[];
extern const struct golden_field golden_value_fields[];
extern const struct golden_field golden_warning_fields[];
extern const struct golden_field golden_retry_fields[];
extern const struct golden_field golden_timestamp_fields[];
extern const struct golden_field golden_product_fields[];
extern const struct golden_field golden_auth_fields[];
extern const struct golden_field golden_overload_fields[];
extern const struct golden_field golden_msg_fields[];

/* The member of *object that has this name; VALUE_NONE if there is none. */
struct golden_value golden_field_value(const struct golden_field *fields, const void *object,
                                       const char *name);

/* What stands at path; where it leaves what the one pass filled ("Contact[1].uri.host") the
 * functions on demand are called. status is what zsip_parse() returned. */
struct golden_value golden_walk(const struct zsip_msg *msg, enum zsip_status status,
                                const char *path);

#endif
