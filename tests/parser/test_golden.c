/* Golden files: one test per file, a case per way of writing a field.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/corpus.h"
#include "tests/parser/golden.h"
#include "tests/parser/judge.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

#define FILES_MAX 128u

struct file_name {
    char path[80];
};

ParameterizedTestParameters(golden, every_case_of)
{
    static struct file_name files[FILES_MAX];
    char names[FILES_MAX][64];
    size_t count = corpus_list("golden", ".txt", names, FILES_MAX);
    for (size_t i = 0; i < count; i++) {
        snprintf(files[i].path, sizeof(files[i].path), "golden/%.63s", names[i]);
    }
    return cr_make_param_array(struct file_name, files, count);
}

ParameterizedTest(struct file_name *name, golden, every_case_of)
{
    struct golden_file *file = golden_load(name->path);
    cr_expect(file->case_count > 0, "%s is empty", name->path);
    for (size_t i = 0; i < file->case_count; i++) {
        const struct golden_case *golden = &file->cases[i];
        cr_expect(golden->expect_count > 0, "%s: %s expects nothing", file->path, golden->name);
        cr_expect_eq(golden_check(file, golden), 0, "%s: %s", file->path, golden->name);
    }
    golden_free(file);
}

/* Every header field with an id is written somewhere in the golden files, in both forms. */
Test(golden, every_header_field_has_a_case_in_both_forms)
{
    static const struct {
        const char *name;
        char compact;
    } fields[] = {
#define X(name, id, text, compact, rows) {text, compact},
        ZSIP_HEADER_MAP(X)
#undef X
    };
    bool long_form[ZSIP_HEADER_ID_COUNT] = {false}, compact_form[ZSIP_HEADER_ID_COUNT] = {false};
    char names[FILES_MAX][64];
    size_t count = corpus_list("golden", ".txt", names, FILES_MAX);
    for (size_t i = 0; i < count; i++) {
        char path[80];
        snprintf(path, sizeof(path), "golden/%.63s", names[i]);
        struct golden_file *file = golden_load(path);
        for (size_t j = 0; j < file->case_count; j++) {
            struct zsip_msg *msg = msg_new();
            const struct golden_case *golden = &file->cases[j];
            zsip_parse(msg, golden->input, golden->bytes, golden->flags);
            for (size_t row = 0; row < msg->header_count; row++) {
                const struct zsip_header *header = &msg->headers[row];
                size_t at = header->name_offset + (size_t)(msg->data - golden->input);
                if (at >= golden->anchor && at < golden->anchor_end) {
                    long_form[header->id] |= header->name_length > 1;
                    compact_form[header->id] |= header->name_length == 1;
                }
            }
            free(msg);
        }
        golden_free(file);
    }
    for (size_t id = 1; id < ZSIP_HEADER_ID_COUNT; id++) {
        cr_expect(long_form[id], "no golden case writes %s", fields[id].name);
        cr_expect(compact_form[id] || fields[id].compact == 0, "no golden case writes '%c' for %s",
                  fields[id].compact, fields[id].name);
    }
}
