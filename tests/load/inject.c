/* Injection files. */
#define _GNU_SOURCE /* mkstemp() */
#include "bench/load/inject.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "inject.XXXXXX";
static struct load_inject *inject;
static char error[512];

static enum zsip_status open_text(const char *text, size_t bytes)
{
    int file;

    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, bytes), (ssize_t)bytes);
    close(file);
    error[0] = '\0';
    inject = NULL;
    enum zsip_status status = load_inject_open(path, &inject, error, sizeof error);

    unlink(path);
    return status;
}

static void opened(const char *text)
{
    cr_assert_eq(open_text(text, strlen(text)), ZSIP_OK, "%s", error);
}

static void refused(const char *text, const char *place, const char *word)
{
    char begin[64];

    cr_assert_eq(open_text(text, strlen(text)), ZSIP_ERROR_ARGUMENT, "%s", text);
    snprintf(begin, sizeof begin, "%s:%s: ", path, place);
    cr_assert_eq(strncmp(error, begin, strlen(begin)), 0, "%s, not %s", error, begin);
    cr_assert_not_null(strstr(error, word), "%s", error);
    cr_assert_null(strchr(error, '\n'));
}

static void expect(uint32_t line, uint32_t field, const char *text)
{
    static uint8_t scratch[LOAD_INJECT_FIELD_BYTES];
    struct zsip_view view = load_inject_field(inject, line, field, scratch);

    cr_assert_eq(view.length, strlen(text), "%u.%u: %.*s", line, field, (int)view.length,
                 (const char *)view.data);
    cr_assert(view.length == 0 || memcmp(view.data, text, view.length) == 0);
}

Test(inject, fields_are_what_stands_between_semicolons)
{
    opened("SEQUENTIAL\nalice;example.com;secret\n# nobody\nbob;;\r\ncarol");
    cr_assert_eq(load_inject_lines(inject), 3);
    expect(0, 0, "alice");
    expect(0, 1, "example.com");
    expect(0, 2, "secret");
    expect(0, 3, "");
    expect(1, 0, "bob");
    expect(1, 1, "");
    expect(1, 2, "");
    expect(2, 0, "carol");
    expect(2, 1, "");
    load_inject_close(inject);
}

Test(inject, the_order_is_in_the_first_line)
{
    opened("\xef\xbb\xbfSEQUENTIAL\r\na\nb\nc\n\n\n");
    cr_assert_eq(load_inject_order(inject), LOAD_INJECT_SEQUENTIAL);
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_eq(load_inject_pick(inject, i, 1), i % 3);
    load_inject_close(inject);

    opened("USER;\na\nb\n");
    cr_assert_eq(load_inject_order(inject), LOAD_INJECT_USER);
    cr_assert_eq(load_inject_pick(inject, 1, 1), 1);
    load_inject_close(inject);
}

Test(inject, a_random_order_takes_every_line_about_equally_often)
{
    unsigned taken[4] = {0};

    opened("RANDOM\na\nb\nc\nd\n");
    cr_assert_eq(load_inject_order(inject), LOAD_INJECT_RANDOM);
    for (uint32_t i = 0; i < 4000; i++)
        taken[load_inject_pick(inject, i, 99)]++;
    for (unsigned i = 0; i < 4; i++)
        cr_assert(taken[i] > 850 && taken[i] < 1150, "%u", taken[i]);
    cr_assert_eq(load_inject_pick(inject, 5, 99), load_inject_pick(inject, 5, 99));
    load_inject_close(inject);
}

Test(inject, printf_makes_many_lines_of_few)
{
    opened("SEQUENTIAL,PRINTF=999,PRINTFOFFSET=100,PRINTFMULTIPLE=2\n"
           "u%05d;%d%%;%-6d|;%3d\nv%1d\n");
    cr_assert_eq(load_inject_lines(inject), 999);
    expect(0, 0, "u00100");
    expect(0, 1, "100%");
    expect(0, 2, "100   |");
    expect(0, 3, "100");
    expect(1, 0, "v102");
    expect(998, 0, "u02096");
    load_inject_close(inject);
}

Test(inject, a_broken_line_is_named_with_file_line_and_what)
{
    refused("", "1", "SEQUENTIAL");
    refused("alice;secret\n", "1", "SEQUENTIAL");
    refused("SEQUENTIAL,PRINT=1\na\n", "1", "PRINTF");
    refused("PRINTF=10\na\n", "1", "SEQUENTIAL");
    refused("SEQUENTIAL,PRINTF=0\na\n", "1", "PRINTF");
    refused("SEQUENTIAL,PRINTF=99999999999999999999\na\n", "1", "PRINTF");
    refused("SEQUENTIAL\n# only\n", "2", "no line");
    refused("SEQUENTIAL\na\nb\n\nc\n", "4", "empty");
    refused("SEQUENTIAL\na\nb\rc\n", "3", "0x0d");
    refused("SEQUENTIAL,PRINTF=5\na%05d\nb%x\n", "3", "%05d");
    refused("SEQUENTIAL,PRINTF=5\na%99d\n", "2", "%05d");
    refused("SEQUENTIAL,PRINTF=5\n%d%d%d%d%d%d%d%d%d\n", "2", "numbers");
    cr_assert_eq(open_text("USER\na\0b\n", 9), ZSIP_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(error, ":2: a control character (0x00) at column 2"), "%s", error);
}

Test(inject, a_line_too_long_is_refused)
{
    static char text[LOAD_INJECT_LINE_BYTES_MAX + 32];
    size_t head = (size_t)sprintf(text, "SEQUENTIAL\nx\n");

    memset(text + head, 'a', LOAD_INJECT_LINE_BYTES_MAX);
    opened(text);
    load_inject_close(inject);
    text[head + LOAD_INJECT_LINE_BYTES_MAX] = 'a';
    refused(text, "3", "bytes");
}

Test(inject, a_line_with_too_few_fields_is_named)
{
    opened("SEQUENTIAL\na;b;c\n# x\na;b\na\n");
    cr_assert_eq(load_inject_check(inject, 1, error, sizeof error), ZSIP_OK);
    cr_assert_eq(load_inject_check(inject, 3, error, sizeof error), ZSIP_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(error, ":4: 2 fields"), "%s", error);
    cr_assert_eq(load_inject_check(inject, 2, error, sizeof error), ZSIP_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(error, ":5: 1 field,"), "%s", error);
    load_inject_close(inject);
}

Test(inject, a_file_that_is_none_is_named)
{
    cr_assert_eq(load_inject_open("no/such.csv", &inject, error, sizeof error),
                 ZSIP_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(error, "no/such.csv: No such file"), "%s", error);
    cr_assert_eq(load_inject_open("/", &inject, error, sizeof error), ZSIP_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(error, "directory"), "%s", error);
}

Test(inject, a_large_file_is_read_whole)
{
    const uint32_t lines = 300000;
    char *text = malloc(20 * lines);
    size_t bytes = (size_t)sprintf(text, "SEQUENTIAL\n");

    for (uint32_t i = 0; i < lines; i++)
        bytes += (size_t)sprintf(text + bytes, "u%u;p%u\n", i, i);
    cr_assert_eq(open_text(text, bytes), ZSIP_OK, "%s", error);
    cr_assert_eq(load_inject_lines(inject), lines);
    expect(lines - 1, 1, "p299999");
    load_inject_close(inject);
    free(text);
}
