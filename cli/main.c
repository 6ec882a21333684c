/* zsip: one program, a subcommand each for serving, sending, loading and parsing. */
#include "cli.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
} commands[] = {
    {"serve", zsip_cli_serve, "answer what arrives: a sink for load, a peer for tests"},
    {"send", zsip_cli_send, "send one MESSAGE and say what became of it"},
    {"load", zsip_cli_load, "send many, measure what comes back"},
    {"report", zsip_cli_report, "show, compare and merge what load measured"},
    {"parse", zsip_cli_parse, "read messages from files, say what they are or what is wrong where"},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void usage(FILE *out)
{
    fputs("usage: zsip COMMAND [OPTIONS]\n\n"
          "A SIP stack for MESSAGE (RFC 3428) at the limit of the machine.\n\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s%s\n", commands[i].name, commands[i].text);
    fputs("  help    this text; zsip help COMMAND or zsip COMMAND --help for more\n\n"
          "A first try, in two terminals:\n\n"
          "  zsip serve --listen udp:127.0.0.1:5060 --print\n"
          "  zsip send sip:bob@127.0.0.1:5060 \"Watson, come here.\"\n",
          out);
}

static int run(int argc, char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            cli_begin(argv[0]);
            return commands[i].run(argc, argv);
        }
    }
    cli_error("%s: no such command; zsip help lists them", argv[0]);
    return CLI_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static char help[] = "--help";

    if (argc < 2) {
        usage(stderr);
        return CLI_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("zsip " ZSIP_VERSION);
        return CLI_EXIT_OK;
    }
    if (strcmp(argv[1], "help") == 0 && argc > 2) {
        char *arguments[] = {argv[2], help, NULL};

        return run(2, arguments);
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return CLI_EXIT_OK;
    }
    return run(argc - 1, argv + 1);
}
