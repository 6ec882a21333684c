/* The parser judged over the corpus, its beginnings and seeded mutants: judge.h says by what. A
 * fault prints the input, so that it can become a golden case.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/corpus.h"
#include "tests/parser/judge.h"
#include "tests/parser/mutate.h"
#include "tests/parser/press.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Fewer where the sanitizer makes each slow. */
#define MUTANTS_PER_TEXT (press_step() > 1 ? 150u : 500u)
#define DIFFERENCES_MAX  5u

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

static bool good(const char *name, const uint8_t *data, size_t bytes, unsigned flags)
{
    const char *what = judge_parse(data, bytes, flags);
    if (what != NULL) {
        fprintf(stderr, "---- %s: %s\n", name, what);
        print_escaped(data, bytes < 1500 ? bytes : 1500);
    }
    return what == NULL;
}

Test(reference, agrees_on_every_text)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        cr_expect(good(text->name, text->data, text->bytes, text->flags), "%s", text->name);
        cr_expect(good(text->name, text->data, text->bytes, text->flags ^ ZSIP_PARSE_STREAM),
                  "%s, the other flag", text->name);
    }
}

Test(reference, agrees_on_every_beginning)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        size_t most = text->bytes < 1500 ? text->bytes : 1500, step = press_step() > 1 ? 3 : 1;
        for (size_t bytes = 0; bytes < most; bytes += step) {
            cr_assert(good(text->name, text->data, bytes, 0), "%s cut at %zu", text->name, bytes);
        }
    }
}

Test(reference, agrees_on_mutants)
{
    const struct corpus *corpus = corpus_all();
    unsigned differences = 0;
    for (size_t i = 0; i < corpus->count && differences < DIFFERENCES_MAX; i++) {
        const struct corpus_text *text = &corpus->texts[i];
        for (unsigned seed = 0; seed < MUTANTS_PER_TEXT && differences < DIFFERENCES_MAX; seed++) {
            size_t bytes;
            char name[128];
            uint8_t *mutant = mutate(text->data, text->bytes, seed * 1000003u + i, &bytes);
            snprintf(name, sizeof(name), "%s, mutant %u", text->name, seed);
            differences += !good(name, mutant, bytes, seed % 8 == 0 ? ZSIP_PARSE_STREAM : 0);
            free(mutant);
        }
    }
    cr_expect_eq(differences, 0);
}
