/* Texts pressed against pages that can't be touched, by every way of the parser.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/press.h"
#include "tests/parser/mutate.h"
#include "tests/parser/ways.h"
#include <criterion/criterion.h>
#include <stdlib.h>

#define MUTANTS_PER_TEXT 1u

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(ZSIP_TESTS_EMULATED) || defined(__SANITIZE_ADDRESS__) ||                               \
    __has_feature(address_sanitizer)
#define STEP 17u
#else
#define STEP 1u
#endif

unsigned press_step(void)
{
    return STEP;
}

const struct corpus *press_texts(void)
{
    static struct corpus texts;
    const struct corpus *all = corpus_all();
    bool built = texts.count > 0;
    for (size_t i = 0; !built && i < all->count; i++) {
        const struct corpus_text *text = &all->texts[i];
        corpus_add(&texts, text->name, text->data, text->bytes, text->flags);
        for (unsigned seed = 0; seed < MUTANTS_PER_TEXT; seed++) {
            size_t bytes;
            uint8_t *mutant = mutate(text->data, text->bytes, seed * 7907u + i, &bytes);
            corpus_add(&texts, text->name, mutant, bytes, text->flags);
            free(mutant);
        }
    }
    return &texts;
}

static void check(const char *name, size_t bytes, const char *place, const char *what)
{
    if (what != NULL) {
        cr_assert_fail("%s, %zu bytes at the %s: %s", name, bytes, place, what);
    }
}

static void press(struct guard *guard, const char *name, const uint8_t *data, size_t bytes,
                  press_function *function)
{
    check(name, bytes, "front", function(guard_front(guard, data, bytes), bytes));
    check(name, bytes, "back", function(guard_back(guard, data, bytes), bytes));
}

void press_whole(const char *name, const void *data, size_t bytes, press_function *function)
{
    struct guard guard;
    guard_open(&guard, bytes);
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        press(&guard, name, data, bytes, function);
    }
    ways_take(ways_count());
    guard_close(&guard);
}

void press_parts(const char *name, const void *data, size_t bytes, press_function *function)
{
    struct guard guard;
    const uint8_t *text = data;
    guard_open(&guard, bytes);
    for (unsigned way = 0; way < ways_count(); way++) {
        ways_take(way);
        for (size_t part = 0; part < bytes; part += STEP) {
            press(&guard, name, text, part, function);
            press(&guard, name, text + bytes - part, part, function);
        }
    }
    ways_take(ways_count());
    guard_close(&guard);
}
