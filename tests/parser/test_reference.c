/* The parser against the slow plain one: same verdict, same slices, over the corpus and seeded
 * mutations of it. A difference prints the input, so that it can become a golden case.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/corpus.h"
#include "tests/parser/mutate.h"
#include "tests/parser/reference.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTANTS_PER_TEXT 500u

static void print_escaped(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (data[i] == '\n') {
            fprintf(stderr, "\\n\n");
        } else if (data[i] == '\r') {
            fprintf(stderr, "\\r");
        } else if (data[i] < 0x20 || data[i] > 0x7E) {
            fprintf(stderr, "{%02X}", data[i]);
        } else {
            fputc(data[i], stderr);
        }
    }
    fputc('\n', stderr);
}

/* Whether the two faults lie on one header line. */
static bool same_line(const uint8_t *data, size_t bytes, size_t a, size_t b)
{
    size_t from = a < b ? a : b, to = a < b ? b : a;
    for (size_t i = from; i + 2 < to && i + 2 < bytes; i++) {
        if (data[i] == '\r' && data[i + 1] == '\n' && data[i + 2] != ' ' && data[i + 2] != '\t') {
            return false;
        }
    }
    return true;
}

static bool agree(const char *name, const uint8_t *data, size_t bytes, unsigned flags)
{
    static struct zsip_msg *fast, *plain;
    if (fast == NULL) {
        fast = msg_new();
        plain = msg_new();
    }
    enum zsip_status status = zsip_parse(fast, data, bytes, flags);
    reference_parse(plain, data, bytes, flags);
    const char *what = msg_broken_law(fast, status, data, bytes);
    if (what == NULL) {
        what = msg_difference(fast, plain);
    }
    if (what == NULL && status != ZSIP_OK && status != ZSIP_ERROR_MISSING &&
        status != ZSIP_ERROR_LENGTH && status != ZSIP_ERROR_TRUNCATED &&
        !same_line(plain->data, bytes - (size_t)(plain->data - data), fast->fault.offset,
                   plain->fault.offset)) {
        what = "the fault's line";
    }
    if (what != NULL) {
        fprintf(stderr, "---- %s: zsip and reference differ: %s; faults at %u (%s) and %u (%s)\n",
                name, what, fast->fault.offset, status != ZSIP_OK ? fast->fault.rule : "",
                plain->fault.offset, plain->fault.status != ZSIP_OK ? plain->fault.rule : "");
        print_escaped(data, bytes < 1500 ? bytes : 1500);
    }
    return what == NULL;
}

Test(reference, agrees_on_every_text)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        cr_expect(agree(text->name, text->data, text->bytes, text->flags), "%s", text->name);
        cr_expect(agree(text->name, text->data, text->bytes, text->flags ^ ZSIP_PARSE_STREAM),
                  "%s, the other flag", text->name);
    }
}

Test(reference, agrees_on_every_beginning)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        size_t most = text->bytes < 1500 ? text->bytes : 1500;
        for (size_t bytes = 0; bytes < most; bytes++) {
            cr_assert(agree(text->name, text->data, bytes, 0), "%s cut at %zu", text->name, bytes);
        }
    }
}

Test(reference, agrees_on_mutants)
{
    const struct corpus *corpus = corpus_all();
    unsigned differences = 0;
    for (size_t i = 0; i < corpus->count && differences < 5; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        for (unsigned seed = 0; seed < MUTANTS_PER_TEXT && differences < 5; seed++) {
            size_t bytes;
            char name[128];
            uint8_t *mutant = mutate(text->data, text->bytes, seed * 1000003u + i, &bytes);
            snprintf(name, sizeof(name), "%s, mutant %u", text->name, seed);
            differences += !agree(name, mutant, bytes, seed % 8 == 0 ? ZSIP_PARSE_STREAM : 0);
            free(mutant);
        }
    }
    cr_expect_eq(differences, 0);
}
