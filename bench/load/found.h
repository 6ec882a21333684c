/* What zsip load --find-max --json wrote: read back, shown on a terminal and on a page, several
 * side by side. docs/load-find-max.schema.json says what stands where. */
#ifndef ZSIP_BENCH_LOAD_FOUND_H
#define ZSIP_BENCH_LOAD_FOUND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LOAD_FOUND_SCHEMA "zsip load find-max 1"
/* Side by side. */
#define LOAD_FOUND_MAX 8u

/* A search; checked when it was taken. */
struct load_found {
    const char *file; /* as given; lives with the caller */
    json_t *root;
};

/* Whether a document says that it is one. */
bool load_found_is(const json_t *root);
/* Takes the reference, name stands for the file. false: error says in a line what is wrong; nothing
 * is to be dropped. */
bool load_found_take(json_t *root, const char *name, struct load_found *found, char *error,
                     size_t error_bytes);
void load_found_drop(struct load_found *found);

/* The result and every probe; of several the change against the first. */
void load_found_print(FILE *out, const struct load_found *found, unsigned count);
/* The same as a page that needs no network. false: no memory; what was written is to be thrown
 * away.
 */
bool load_found_page(FILE *out, const struct load_found *found, unsigned count,
                     const char *version);

#endif
