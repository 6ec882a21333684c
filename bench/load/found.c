/* Searches read back, and on a terminal. found_page.c draws them. */
#include "found_parts.h"

#include "figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading --------------------------------------------------------------------------------- */

bool load_found_is(const json_t *root)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));

    return schema != NULL && strncmp(schema, "zsip load find-max ", 19) == 0;
}

static bool number_right(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) && json_number_value(value) >= 0;
}

static const char *probe_wrong(const json_t *probe)
{
    static const char *const keys[] = {"rate_per_s", "sent", "p50_us",       "p99_us",
                                       "max_us",     "loss", "retransmitted"};
    const char *outcome = json_string_value(json_object_get(probe, "outcome"));
    json_t *objectives = json_object_get(probe, "objectives"), *one;
    size_t i;

    for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!number_right(probe, keys[i]))
            return keys[i];
    }
    if (!json_is_array(objectives))
        return "objectives";
    json_array_foreach(objectives, i, one)
    {
        if (!json_is_string(json_object_get(one, "objective")))
            return "objectives";
    }
    return outcome != NULL && (strcmp(outcome, "met") == 0 || strcmp(outcome, "missed") == 0 ||
                               strcmp(outcome, "void") == 0)
               ? NULL
               : "outcome";
}

/* The key of what is not as it should be, NULL: all is. */
static const char *wrong(const json_t *root)
{
    static const char *const numbers[] = {"maximum_per_s", "lowest_per_s", "highest_per_s"};
    static const char *const texts[] = {"started", "slo", "version"};
    json_t *command = json_object_get(root, "command"), *word;
    size_t i;

    for (i = 0; i < 3; i++) {
        if (json_object_get(root, numbers[i]) != NULL && !number_right(root, numbers[i]))
            return numbers[i];
    }
    for (i = 0; i < 3; i++) {
        if (!json_is_string(json_object_get(root, texts[i])))
            return texts[i];
    }
    if (!json_is_array(command) || !json_is_object(json_object_get(root, "machine")) ||
        !json_is_object(json_object_get(root, "config")))
        return "command, machine or config";
    json_array_foreach(command, i, word)
    {
        if (!json_is_string(word))
            return "command";
    }
    return json_is_array(json_object_get(root, "probes")) ? NULL : "probes";
}

bool load_found_take(json_t *root, const char *name, struct load_found *found, char *error,
                     size_t error_bytes)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    const char *key = wrong(root);
    json_t *probe;
    size_t i;

    *found = (struct load_found){name, root};
    if (schema == NULL || strcmp(schema, LOAD_FOUND_SCHEMA) != 0) {
        snprintf(error, error_bytes, "%s: its schema is \"%s\", this zsip reads \"%s\"", name,
                 schema == NULL ? "" : schema, LOAD_FOUND_SCHEMA);
    } else if (key != NULL) {
        snprintf(error, error_bytes, "%s: %s: not there, or not what it should be", name, key);
    } else {
        json_array_foreach(json_object_get(root, "probes"), i, probe)
        {
            key = probe_wrong(probe);
            if (key != NULL)
                break;
        }
        if (key == NULL)
            return true;
        snprintf(error, error_bytes, "%s: probes[%zu].%s: not there, or not what it should be",
                 name, i, key);
    }
    load_found_drop(found);
    return false;
}

void load_found_drop(struct load_found *found)
{
    json_decref(found->root);
    *found = (struct load_found){0};
}

/* ---- Looking into it ------------------------------------------------------------------------- */

double load_found_number(const struct load_found *found, const char *key)
{
    return json_number_value(json_object_get(found->root, key));
}

const char *load_found_text(const struct load_found *found, const char *object, const char *key)
{
    const json_t *in = object == NULL ? found->root : json_object_get(found->root, object);
    const char *text = json_string_value(json_object_get(in, key));

    return text == NULL ? "" : text;
}

static struct load_text rate_text(double rate)
{
    return load_figure_text(LOAD_FIGURE_RATE, rate);
}

void load_found_headline(const struct load_found *found, char *out, size_t bytes)
{
    bool cut = json_is_true(json_object_get(found->root, "interrupted"));
    bool least = cut || json_is_true(json_object_get(found->root, "at_least"));
    int searches = (int)load_found_number(found, "searches");
    int used;

    if (json_object_get(found->root, "maximum_per_s") == NULL) {
        snprintf(out, bytes, "no rate was found that meets the objectives%s",
                 cut ? ": interrupted" : "");
        return;
    }
    used = snprintf(out, bytes, "%s %s meet the objectives", least ? "at least" : "up to",
                    rate_text(load_found_number(found, "maximum_per_s")).text);
    if (searches > 1 && used > 0 && (size_t)used < bytes)
        used += snprintf(out + used, bytes - (size_t)used, " (median of %d searches, %s to %s)",
                         searches, rate_text(load_found_number(found, "lowest_per_s")).text,
                         rate_text(load_found_number(found, "highest_per_s")).text);
    if (least && used > 0 && (size_t)used < bytes)
        snprintf(out + used, bytes - (size_t)used, "; %s",
                 cut ? "the search was interrupted" : "the limit was the generator");
}

const char *load_found_missed(const json_t *probe)
{
    json_t *objectives = json_object_get(probe, "objectives"), *one;
    const char *outcome = json_string_value(json_object_get(probe, "outcome"));
    size_t i;

    if (strcmp(outcome, "void") == 0)
        return "void: the generator";
    json_array_foreach(objectives, i, one)
    {
        if (!json_is_true(json_object_get(one, "met")))
            return json_string_value(json_object_get(one, "objective"));
    }
    return strcmp(outcome, "met") == 0 ? "" : "the plan: a rule held it back";
}

/* ---- On a terminal --------------------------------------------------------------------------- */

/* Files are from anywhere: no terminal obeys them. */
static void put_clean(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        putc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void print_head(FILE *out, const struct load_found *found, unsigned index,
                       const struct load_found *first)
{
    double before = load_found_number(first, "maximum_per_s");
    double now = load_found_number(found, "maximum_per_s");
    json_t *command = json_object_get(found->root, "command"), *word;
    char headline[300];
    size_t i;

    fprintf(out, "  %c  ", 'A' + (int)index);
    put_clean(out, found->file);
    fputs("  ", out);
    put_clean(out, load_found_text(found, NULL, "started"));
    fputs("  ", out);
    put_clean(out, load_found_text(found, "machine", "host"));
    fputs("\n    ", out);
    json_array_foreach(command, i, word)
    {
        putc(' ', out);
        put_clean(out, json_string_value(word));
    }
    load_found_headline(found, headline, sizeof headline);
    fprintf(out, "\n     %s", headline);
    if (index > 0 && before > 0)
        fprintf(out, ", against A: %s", load_change_text(before, now).text);
    fputc('\n', out);
}

static void print_probe(FILE *out, const json_t *probe, size_t index)
{
    const char *outcome = json_string_value(json_object_get(probe, "outcome"));
    const char *missed = load_found_missed(probe);
    double rate = json_number_value(json_object_get(probe, "rate_per_s"));
    double p50 = json_number_value(json_object_get(probe, "p50_us"));
    double p99 = json_number_value(json_object_get(probe, "p99_us"));
    double loss = json_number_value(json_object_get(probe, "loss"));
    double again = json_number_value(json_object_get(probe, "retransmitted"));

    fprintf(out, "  %5zu  %14s  %9s  %9s  %9s  %9s  %s%s", index + 1, rate_text(rate).text,
            load_figure_text(LOAD_FIGURE_US, p50).text, load_figure_text(LOAD_FIGURE_US, p99).text,
            load_figure_text(LOAD_FIGURE_SHARE, loss).text,
            load_figure_text(LOAD_FIGURE_SHARE, again).text,
            strcmp(outcome, "missed") == 0 ? "missed " : "", missed[0] == '\0' ? "met" : "");
    put_clean(out, missed);
    fputc('\n', out);
}

void load_found_print(FILE *out, const struct load_found *found, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        print_head(out, &found[i], i, &found[0]);
    for (unsigned i = 0; i < count; i++) {
        json_t *probe;
        size_t at;

        fprintf(out, "\n  %c probe            rate        p50        p99       loss sent again  ",
                'A' + (int)i);
        put_clean(out, load_found_text(&found[i], NULL, "slo"));
        fputc('\n', out);
        json_array_foreach(json_object_get(found[i].root, "probes"), at, probe)
            print_probe(out, probe, at);
    }
    fflush(out);
}
