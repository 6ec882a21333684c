/* Messages, help and option tables. */
#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

static const char *command_name = "";

void cli_begin(const char *command)
{
    command_name = command;
}

static void put_line(const char *line)
{
    char text[1200];
    int length = snprintf(text, sizeof text, "zsip%s%s: %s", command_name[0] == '\0' ? "" : " ",
                          command_name, line);

    if (length < 0)
        return;
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
    fprintf(stderr, "%s\n", text);
}

void cli_error(const char *format, ...)
{
    char line[1100];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    put_line(line);
}

void cli_log(void *user, const char *line)
{
    (void)user;
    put_line(line);
}

void cli_put_view(FILE *out, struct zsip_view view, const char *newline)
{
    for (size_t i = 0; i < view.length; i++) {
        uint8_t c = view.data[i];
        bool crlf = c == '\r' && i + 1 < view.length && view.data[i + 1] == '\n';
        bool c1 = c >= 0x80 && c < 0xa0 && i > 0 && view.data[i - 1] == 0xc2;

        if (newline != NULL && c == '\n')
            fputs(newline, out);
        else if (newline != NULL && crlf)
            continue;
        else if ((c < ' ' && c != '\t') || c == 0x7f || c1)
            fprintf(out, "\\x%02x", c);
        else
            putc_unlocked(c, out);
    }
}

/* ---- Help ------------------------------------------------------------------------------------ */

#define HELP_COLUMN 26

static void help_option(const struct cli_option *option, FILE *out)
{
    char left[80];
    const char *text = option->text;
    int column;

    snprintf(left, sizeof left, "  --%s%s%s", option->name, option->argument == NULL ? "" : " ",
             option->argument == NULL ? "" : option->argument);
    column = (int)strlen(left);
    fputs(left, out);
    if (column >= HELP_COLUMN - 1) {
        fputc('\n', out);
        column = 0;
    }
    for (;;) {
        size_t length = strcspn(text, "\n");

        fprintf(out, "%*s%.*s\n", HELP_COLUMN - column, "", (int)length, text);
        if (text[length] == '\0')
            break;
        text += length + 1;
        column = 0;
    }
}

void cli_help(const struct cli_command *command, FILE *out)
{
    fprintf(out, "usage: zsip %s\n\n%s\n", command->usage, command->about);
    if (command->options[0].name != NULL) /* no group has put an empty line there */
        fputc('\n', out);
    for (const struct cli_option *option = command->options; option->text != NULL; option++) {
        if (option->name == NULL)
            fprintf(out, "\n%s\n", option->text);
        else
            help_option(option, out);
    }
    if (command->details != NULL)
        fprintf(out, "\n%s", command->details);
}

/* ---- Options --------------------------------------------------------------------------------- */

#define HELP_ID 0x7fff

static void table_fill(const struct cli_command *command, struct option *table)
{
    unsigned count = 0;

    table[count++] = (struct option){"help", no_argument, NULL, HELP_ID};
    for (const struct cli_option *option = command->options; option->text != NULL; option++) {
        if (option->name == NULL)
            continue;
        ZSIP_ASSERT(count < CLI_OPTIONS_MAX);
        table[count++] = (struct option){option->name,
                                         option->argument == NULL ? no_argument : required_argument,
                                         NULL, option->id};
    }
    table[count] = (struct option){NULL, 0, NULL, 0};
}

/* How many letters must be put in, taken out or exchanged to make b of a; names are short. */
static unsigned distance(const char *a, size_t a_length, const char *b)
{
    unsigned row[64];
    size_t b_length = strlen(b);

    if (b_length >= 64)
        return 64;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned above = row[j];
            unsigned least = diagonal + (a[i - 1] != b[j - 1]);

            if (above + 1 < least)
                least = above + 1;
            if (row[j - 1] + 1 < least)
                least = row[j - 1] + 1;
            row[j] = least;
            diagonal = above;
        }
    }
    return row[b_length];
}

static void tell_unknown(const struct cli_command *command, const char *given)
{
    const char *name = given + strspn(given, "-");
    size_t length = strcspn(name, "=");
    const char *nearest = NULL;
    unsigned least = 3; /* what is further away is no slip of the finger */

    for (const struct cli_option *option = command->options; option->text != NULL; option++) {
        unsigned here;

        if (option->name == NULL || length >= 64)
            continue;
        here = distance(name, length, option->name);
        if (here < least) {
            least = here;
            nearest = option->name;
        }
    }
    if (nearest != NULL)
        cli_error("%s: no such option; did you mean --%s?", given, nearest);
    else
        cli_error("%s: no such option; see zsip %s --help", given, command->name);
}

int cli_option_next(const struct cli_command *command, int argc, char **argv, const char **value)
{
    struct option table[CLI_OPTIONS_MAX + 1];
    int id;

    table_fill(command, table);
    opterr = 0;
    id = getopt_long(argc, argv, ":h", table, NULL);
    *value = optarg;
    switch (id) {
    case -1:
        return CLI_OPTION_END;
    case 'h':
    case HELP_ID:
        cli_help(command, stdout);
        return CLI_OPTION_HELP;
    case ':':
        cli_error("%s: wants a value; see zsip %s --help", argv[optind - 1], command->name);
        return CLI_OPTION_BAD;
    case '?':
        if (optopt > 0 && strchr(argv[optind - 1], '=') != NULL)
            cli_error("%s: this option takes no value", argv[optind - 1]);
        else
            tell_unknown(command, argv[optind - 1]);
        return CLI_OPTION_BAD;
    default:
        return id;
    }
}
