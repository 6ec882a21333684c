/* Feeds every file of the folders named to one fuzzer, once each: the corpus as an ordinary test,
 * without libFuzzer. */
#define _GNU_SOURCE /* asprintf */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_file(const char *path)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &about) != 0) {
        perror(path);
        exit(1);
    }
    if (S_ISREG(about.st_mode)) {
        /* A block of exactly the size, so that the sanitizer sees one byte too far. */
        size_t size = (size_t)about.st_size;
        uint8_t *data = malloc(size > 0 ? size : 1);
        if (data == NULL || fread(data, 1, size, file) != size) {
            perror(path);
            exit(1);
        }
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    fclose(file);
}

static unsigned feed_folder(const char *folder)
{
    unsigned count = 0;
    struct dirent **entries;
    int entry_count = scandir(folder, &entries, NULL, alphasort);
    if (entry_count < 0) {
        perror(folder);
        exit(1);
    }
    for (int i = 0; i < entry_count; i++) {
        if (entries[i]->d_name[0] != '.') {
            char *path;
            if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0) {
                exit(1);
            }
            feed_file(path);
            free(path);
            count++;
        }
        free(entries[i]);
    }
    free(entries);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++) {
        count += feed_folder(argv[i]);
    }
    printf("%u files\n", count);
    return count > 0 ? 0 : 1;
}
