#define _GNU_SOURCE
#include "tests/parser/corpus.h"
#include "tests/parser/golden.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *must(void *memory)
{
    if (memory == NULL) {
        perror("memory");
        abort();
    }
    return memory;
}

uint8_t *corpus_read(const char *path, size_t *bytes)
{
    char full[PATH_BYTES_MAX];
    snprintf(full, sizeof(full), "%s/%s", ZSIP_TEST_DATA, path);
    FILE *file = fopen(full, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(full);
        abort();
    }
    *bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = must(malloc(*bytes > 0 ? *bytes : 1));
    if (fread(data, 1, *bytes, file) != *bytes) {
        perror(full);
        abort();
    }
    fclose(file);
    return data;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t corpus_list(const char *folder, const char *suffix, char (*names)[64], size_t max)
{
    char full[PATH_BYTES_MAX];
    size_t count = 0;
    snprintf(full, sizeof(full), "%s/%s", ZSIP_TEST_DATA, folder);
    DIR *handle = opendir(full);
    if (handle == NULL) {
        perror(full);
        abort();
    }
    for (struct dirent *entry = readdir(handle); entry != NULL; entry = readdir(handle)) {
        size_t length = strlen(entry->d_name), tail = strlen(suffix);
        if (length > tail && strcmp(entry->d_name + length - tail, suffix) == 0 && count < max) {
            snprintf(names[count++], sizeof(names[0]), "%.63s", entry->d_name);
        }
    }
    closedir(handle);
    qsort(names, count, sizeof(names[0]), compare_names);
    return count;
}

void corpus_add(struct corpus *corpus, const char *name, const void *data, size_t bytes,
                unsigned flags)
{
    if (corpus->count == corpus->capacity) {
        corpus->capacity = corpus->capacity * 2 + 64;
        corpus->texts = must(realloc(corpus->texts, corpus->capacity * sizeof(corpus->texts[0])));
    }
    struct corpus_text *text = &corpus->texts[corpus->count++];
    snprintf(text->name, sizeof(text->name), "%.95s", name);
    text->data = must(malloc(bytes > 0 ? bytes : 1));
    text->bytes = bytes;
    text->flags = flags;
    if (bytes > 0) {
        memcpy(text->data, data, bytes);
    }
}

static void add_folder(struct corpus *corpus, const char *folder, const char *suffix)
{
    char names[256][64];
    size_t count = corpus_list(folder, suffix, names, 256);
    for (size_t i = 0; i < count; i++) {
        char path[PATH_BYTES_MAX];
        size_t bytes;
        snprintf(path, sizeof(path), "%s/%.63s", folder, names[i]);
        uint8_t *data = corpus_read(path, &bytes);
        corpus_add(corpus, names[i], data, bytes, 0);
        free(data);
    }
}

static void add_golden(struct corpus *corpus)
{
    char names[256][64];
    size_t count = corpus_list("golden", ".txt", names, 256);
    for (size_t i = 0; i < count; i++) {
        char path[80];
        snprintf(path, sizeof(path), "golden/%.63s", names[i]);
        struct golden_file *file = golden_load(path);
        for (size_t j = 0; j < file->case_count; j++) {
            const struct golden_case *golden = &file->cases[j];
            char name[96];
            snprintf(name, sizeof(name), "%.40s: %.50s", names[i], golden->name);
            corpus_add(corpus, name, golden->input, golden->bytes, golden->flags);
        }
        golden_free(file);
    }
}

const struct corpus *corpus_all(void)
{
    static struct corpus all;
    if (all.count == 0) {
        add_folder(&all, "messages", ".sip");
        add_folder(&all, "torture", ".dat");
        add_golden(&all);
    }
    return &all;
}

/* ---- Guard pages --------------------------------------------------------------------------------
 */

void guard_open(struct guard *guard, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    guard->room_bytes = (bytes + page - 1) / page * page + page;
    guard->map_bytes = guard->room_bytes + 2 * page;
    guard->map = mmap(NULL, guard->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard->map == MAP_FAILED ||
        mprotect(guard->map + page, guard->room_bytes, PROT_READ | PROT_WRITE) != 0) {
        perror("guard pages");
        abort();
    }
}

void guard_close(struct guard *guard)
{
    munmap(guard->map, guard->map_bytes);
}

const uint8_t *guard_front(struct guard *guard, const void *data, size_t bytes)
{
    uint8_t *at = guard->map + (guard->map_bytes - guard->room_bytes) / 2;
    if (bytes > 0) {
        memcpy(at, data, bytes);
    }
    return at;
}

const uint8_t *guard_back(struct guard *guard, const void *data, size_t bytes)
{
    uint8_t *end = guard->map + (guard->map_bytes - guard->room_bytes) / 2 + guard->room_bytes;
    if (bytes > 0) {
        memcpy(end - bytes, data, bytes);
    }
    return end - bytes;
}
