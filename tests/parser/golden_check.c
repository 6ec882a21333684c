/* Golden files: comparing.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/parser/corpus.h"
#include "tests/parser/golden.h"
#include "tests/parser/golden_path.h"
#include "tests/parser/judge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the expected text stands in the input; SIZE_MAX if nowhere or if it is not said which. */
static size_t find_expected(const struct golden_case *golden, const struct golden_expect *expect)
{
    size_t found = SIZE_MAX;
    unsigned count = 0;
    for (size_t i = golden->anchor; i + expect->length <= golden->anchor_end; i++) {
        if (memcmp(golden->input + i, expect->value, expect->length) == 0) {
            count++;
            if (expect->occurrence == 0 || expect->occurrence == count) {
                found = i;
            }
        }
    }
    return expect->occurrence == 0 && count != 1 ? SIZE_MAX : found;
}

static const char *slice_complaint(const struct golden_case *golden, const struct zsip_msg *msg,
                                   const struct golden_expect *expect, struct zsip_slice slice)
{
    static char text[512];
    if (expect->absent) {
        return zsip_slice_present(slice) ? "is there" : NULL;
    }
    if (!zsip_slice_present(slice)) {
        return "is absent";
    }
    if (slice.length != expect->length ||
        memcmp(msg->data + slice.offset, expect->value, expect->length) != 0) {
        snprintf(text, sizeof(text), "is '%.*s', not '%.*s'", (int)slice.length,
                 (const char *)msg->data + slice.offset, (int)expect->length,
                 (const char *)expect->value);
        return text;
    }
    if (expect->bytes_only || expect->length == 0) {
        return NULL;
    }
    size_t at = find_expected(golden, expect);
    if (at == SIZE_MAX) {
        return "stands at no one place: say which with #1, #2 ...";
    }
    size_t skipped = (size_t)(msg->data - golden->input);
    if (slice.offset + skipped != at) {
        snprintf(text, sizeof(text), "is at %zu, not at %zu", slice.offset + skipped, at);
        return text;
    }
    return NULL;
}

static const char *complaint(const struct golden_case *golden, const struct zsip_msg *msg,
                             enum zsip_status status, const struct golden_expect *expect)
{
    static char text[512];
    struct golden_value value = golden_walk(msg, status, expect->path);
    char number[24];
    switch (value.kind) {
    case VALUE_SLICE:
        return slice_complaint(golden, msg, expect, value.slice);
    case VALUE_NUMBER:
        snprintf(number, sizeof(number), "%llu", (unsigned long long)value.number);
        value.text = value.number == ZSIP_ABSENT && expect->absent ? "-" : number;
        /* fall through */
    case VALUE_TEXT:
        if (strlen(value.text) == expect->length &&
            memcmp(value.text, expect->value, expect->length) == 0) {
            return NULL;
        }
        snprintf(text, sizeof(text), "is %s, not %.*s", value.text, (int)expect->length,
                 (const char *)expect->value);
        return text;
    case VALUE_OFFSET: {
        size_t at = find_expected(golden, expect);
        size_t is = value.number + (size_t)(msg->data - golden->input);
        if (at == is) {
            return NULL;
        }
        snprintf(text, sizeof(text), "is at %zu ('%.12s'), not at %zd", is,
                 is < golden->bytes ? (const char *)golden->input + is : "", (ssize_t)at);
        return text;
    }
    default:
        return expect->absent ? NULL : "is not there";
    }
}

unsigned golden_check(const struct golden_file *file, const struct golden_case *golden)
{
    unsigned failures = 0;
    struct zsip_msg *msg = msg_new();
    enum zsip_status status = zsip_parse(msg, golden->input, golden->bytes, golden->flags);
    const char *broken = msg_broken_law(msg, status, golden->input, golden->bytes);
    if (broken != NULL) {
        fprintf(stderr, "%s:%u: %s: %s\n", file->path, golden->line, golden->name, broken);
        failures++;
    }
    for (size_t i = 0; i < golden->expect_count; i++) {
        const struct golden_expect *expect = &golden->expects[i];
        const char *what = complaint(golden, msg, status, expect);
        if (what != NULL) {
            fprintf(stderr, "%s:%u: %s: %s %s\n", file->path, expect->line, golden->name,
                    expect->path, what);
            failures++;
        }
    }
    free(msg);
    return failures;
}
