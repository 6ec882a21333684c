/* Against other parsers on the same corpus: every message on which a verdict differs stands, with
 * its reason, in docs/parser-differential.md; a difference that does not is a failure.
 *
 * SPDX-License-Identifier: MIT */
#include "bench/micro/peers.h"
#include "tests/parser/abnf.h"
#include "tests/parser/corpus.h"
#include "tests/parser/judge.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX  600u
#define CELLS_MAX 8u

struct row {
    char cells[CELLS_MAX][100];
    bool seen;
};

struct table {
    char *text;
    struct row header; /* names of the columns */
    struct row rows[ROWS_MAX];
    size_t row_count;
    bool same_versions; /* the peers here are those that the table was made with */
};

/* "| a | b |" to cells; returns their number. */
static unsigned split(const char *line, struct row *row)
{
    unsigned count = 0;
    const char *p = line + 2;
    while (count < CELLS_MAX) {
        const char *end = strstr(p, " |");
        if (end == NULL) {
            break;
        }
        snprintf(row->cells[count++], sizeof(row->cells[0]), "%.*s", (int)(end - p), p);
        p = end + 3;
        if (end[2] == '\0' || end[2] == '\n') {
            break;
        }
    }
    return count;
}

/* The page as a string. */
static char *page_load(size_t *bytes)
{
    uint8_t *data = corpus_read("../../docs/parser-differential.md", bytes);
    char *text = calloc(1, *bytes + 1);
    memcpy(text, data, *bytes);
    free(data);
    return text;
}

static struct table *table_load(void)
{
    size_t bytes;
    struct table *table = calloc(1, sizeof(*table));
    table->text = page_load(&bytes);
    table->same_versions = strstr(table->text, "Peers: " ZSIP_PEER_VERSIONS "\n") != NULL;
    char *line = strstr(table->text, "| message |");
    cr_assert_not_null(line);
    for (line = strtok(line, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        struct row row = {.seen = false};
        if (strncmp(line, "| ", 2) != 0 || split(line, &row) < 6) {
            continue;
        }
        if (table->header.cells[0][0] == '\0') {
            table->header = row;
        } else {
            cr_assert_lt(table->row_count, ROWS_MAX);
            table->rows[table->row_count++] = row;
        }
    }
    return table;
}

static struct row *find_row(struct table *table, const char *name)
{
    for (size_t i = 0; i < table->row_count; i++) {
        if (strcmp(table->rows[i].cells[0], name) == 0) {
            return &table->rows[i];
        }
    }
    return NULL;
}

static const char *cell(const struct table *table, const struct row *row, const char *column)
{
    for (unsigned i = 0; i < CELLS_MAX; i++) {
        if (strcmp(table->header.cells[i], column) == 0) {
            return row->cells[i];
        }
    }
    return "";
}

/* What the reason "eager" says of a message: reading one of its fields gives a fault. */
static bool has_a_fault(const struct zsip_msg *msg)
{
    for (unsigned row = 0; row < msg->header_count; row++) {
        struct zsip_view value = zsip_msg_view(msg, msg->headers[row].value);
        enum zsip_header_id id = (enum zsip_header_id)msg->headers[row].id;
        if (id != ZSIP_HEADER_UNKNOWN && id != ZSIP_HEADER_SUBJECT &&
            abnf_read_all(id, value.data, value.length) != ZSIP_OK) {
            return true;
        }
    }
    return false;
}

static void judge(struct table *table, const struct corpus_text *text)
{
    struct zsip_msg *msg = msg_new();
    uint8_t *copy = malloc(text->bytes + 1);
    memcpy(copy, text->data, text->bytes);
    copy[text->bytes] = 0;
    enum zsip_status status = zsip_parse(msg, copy, text->bytes, 0);
    struct row *row = find_row(table, text->name);
    if (row != NULL) {
        row->seen = true;
        cr_expect_str_eq(cell(table, row, "zsip"), zsip_status_name(status), "%s", text->name);
        if (strcmp(cell(table, row, "reason"), "eager") == 0) {
            cr_expect(has_a_fault(msg), "%s: no field of it is faulty", text->name);
        }
    }
    for (size_t i = 0; peers_here[i] != NULL; i++) {
        const char *name = peers_here[i]->name;
        bool taken = peers_here[i]->parse(copy, text->bytes);
        const char *says = taken == (status == ZSIP_OK) ? "same" : taken ? "takes" : "refuses";
        if (row == NULL) {
            cr_expect_str_eq(says, "same", "unexplained: %s %s %s, zsip says %s", name, says,
                             text->name, zsip_status_name(status));
        } else if (table->same_versions) {
            cr_expect_str_eq(says, cell(table, row, name), "%s: %s %s", text->name, name, says);
        }
    }
    free(copy);
    free(msg);
}

Test(differential, every_difference_is_explained)
{
    const struct corpus *corpus = corpus_all();
    struct table *table = table_load();
    peers_init();
    for (size_t i = 0; i < corpus->count; i++) {
        judge(table, &corpus->texts[i]);
    }
    for (size_t i = 0; i < table->row_count; i++) {
        cr_expect(table->rows[i].seen, "there is no text '%s'", table->rows[i].cells[0]);
    }
    for (size_t i = 0; peers_absent[i] != NULL; i++) {
        fprintf(stderr, "not compared with %s: not installed\n", peers_absent[i]);
    }
    if (!table->same_versions) {
        fprintf(stderr, "the table is of other versions than " ZSIP_PEER_VERSIONS
                        ": rows that are no longer true are not sought\n");
    }
    free(table->text);
    free(table);
}

/* A row tells a difference, once; the heading counts them. */
Test(differential, no_row_is_idle)
{
    static const char *const peers[] = {"osip2", "sofia-sip", "re"};
    struct table *table = table_load();
    char heading[64];
    snprintf(heading, sizeof(heading), "\n## The %zu messages\n", table->row_count);
    size_t bytes;
    char *text = page_load(&bytes);
    cr_expect_not_null(strstr(text, heading), "there are %zu rows", table->row_count);
    for (size_t i = 0; i < table->row_count; i++) {
        const struct row *row = &table->rows[i];
        unsigned differences = 0;
        for (size_t j = 0; j < sizeof(peers) / sizeof(peers[0]); j++) {
            const char *says = cell(table, row, peers[j]);
            differences += strcmp(says, "same") != 0;
            cr_expect(strcmp(says, "same") == 0 || strcmp(says, "takes") == 0 ||
                          strcmp(says, "refuses") == 0,
                      "%s: '%s'", row->cells[0], says);
        }
        cr_expect_gt(differences, 0, "%s: no difference", row->cells[0]);
        cr_expect_eq(find_row(table, row->cells[0]), row, "%s: twice", row->cells[0]);
    }
    free(text);
    free(table->text);
    free(table);
}

/* Two texts of one name would share a row. */
Test(differential, every_text_has_its_name)
{
    const struct corpus *corpus = corpus_all();
    for (size_t i = 0; i < corpus->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(corpus->texts[i].name, corpus->texts[j].name) == 0) {
                cr_expect_fail("two texts named '%s'", corpus->texts[i].name);
            }
        }
    }
}

static bool is_needed(const struct table *table, const char *reason)
{
    for (size_t i = 0; i < table->row_count; i++) {
        if (strcmp(cell(table, &table->rows[i], "reason"), reason) == 0) {
            return true;
        }
    }
    return false;
}

/* Every reason that is named is told, and every one that is told is needed. */
Test(differential, every_reason_is_told)
{
    struct table *table = table_load();
    size_t bytes;
    char *text = page_load(&bytes);
    for (size_t i = 0; i < table->row_count; i++) {
        char row[128];
        snprintf(row, sizeof(row), "\n| %s | ", cell(table, &table->rows[i], "reason"));
        cr_expect_not_null(strstr(text, row), "%s: reason '%s' is not told",
                           table->rows[i].cells[0], cell(table, &table->rows[i], "reason"));
    }
    char *line = strstr(text, "| reason | in words |"), *end = strstr(text, "| message |");
    cr_assert(line != NULL && end != NULL);
    *end = '\0';
    unsigned told = 0;
    for (line = strtok(line, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        struct row row = {.seen = false};
        if (strncmp(line, "| ", 2) == 0 && split(line, &row) == 2 && told++ > 0) {
            cr_expect(is_needed(table, row.cells[0]), "reason '%s' is not needed", row.cells[0]);
        }
    }
    cr_expect_gt(told, 20);
    free(text);
    free(table->text);
    free(table);
}
