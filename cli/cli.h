/* zsip, the program: what its subcommands share. Each subcommand parses its options from one table
 * (which is its --help too), then calls the public API. */
#ifndef ZSIP_CLI_CLI_H
#define ZSIP_CLI_CLI_H

#include "zsip/zsip.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum cli_exit {
    CLI_EXIT_OK = 0,
    CLI_EXIT_FAILED = 1,    /* it could not be done; an answer that was no success */
    CLI_EXIT_UNREACHED = 2, /* no answer: timeout or transport failure */
    CLI_EXIT_MISSED = 3,    /* an objective was missed */
    CLI_EXIT_TAINTED = 4,   /* the generator was the limit, not what it measured */
    CLI_EXIT_USAGE = 64,    /* EX_USAGE of sysexits.h */
};

/* ---- Subcommands ------------------------------------------------------------------------------
 *
 * argv[0] is the subcommand's name. Each returns the program's exit status. */
int zsip_cli_serve(int argc, char **argv);
int zsip_cli_send(int argc, char **argv);
int zsip_cli_load(int argc, char **argv);
int zsip_cli_report(int argc, char **argv);
int zsip_cli_parse(int argc, char **argv);

/* ---- Telling the user ------------------------------------------------------------------------ */

/* Names the running subcommand in what follows. */
void cli_begin(const char *command);
/* One line on stderr: "zsip COMMAND: what, where, what to do". Control characters of what others
 * wrote are shown as '?', so that the line stays one. */
__attribute__((format(printf, 1, 2))) void cli_error(const char *format, ...);
/* Writes what a peer wrote so that no terminal obeys it: control characters, also those that UTF-8
 * has beyond ASCII (U+0080..U+009F), become \xNN. newline stands for each line end (CRLF or LF);
 * NULL: line ends are shown as the control characters they are. */
void cli_put_view(FILE *out, struct zsip_view view, const char *newline);
/* A zsip_log. */
void cli_log(void *user, const char *line);

/* ---- Options --------------------------------------------------------------------------------- */

/* A row of an option table; the last has name and text NULL. */
struct cli_option {
    const char *name;     /* without the dashes; NULL: text is the heading of a group */
    int id;               /* > 0, unique in its table */
    const char *argument; /* its name in the help; NULL: it takes none */
    const char *text;     /* for the help; a newline starts another line */
};

#define CLI_OPTIONS_MAX 128

struct cli_command {
    const char *name;
    const char *usage;   /* behind "usage: zsip " */
    const char *about;   /* one paragraph, lines broken */
    const char *details; /* behind the options: exit statuses, examples */
    const struct cli_option *options;
};

#define CLI_OPTION_END  0
#define CLI_OPTION_BAD  -1 /* said on stderr: exit 64 */
#define CLI_OPTION_HELP -2 /* the help was printed: exit 0 */

/* The next option of argv; *value is its argument, or NULL. Arguments that are no options end up
 * behind optind. Every command knows --help. */
int cli_option_next(const struct cli_command *command, int argc, char **argv, const char **value);
void cli_help(const struct cli_command *command, FILE *out);

/* ---- Values ----------------------------------------------------------------------------------
 *
 * what names the option or argument for the message ("--window"). Each says on stderr what is
 * wrong and returns false. */

/* A whole number in [min, max]; k and M stand for thousands and millions. */
bool cli_value_number(const char *what, const char *text, uint64_t min, uint64_t max,
                      uint64_t *value);
/* The same into 32 bits. */
bool cli_value_narrow(const char *what, const char *text, uint32_t min, uint32_t max,
                      uint32_t *value);
/* A whole number of bytes in [min, max]; K, M and G (or small letters) stand for powers of 1,024.
 */
bool cli_value_bytes(const char *what, const char *text, uint64_t min, uint64_t max,
                     uint64_t *value);
/* Seconds, with a fraction if need be, or a number with ms, s, m or h; in [min_ns, max_ns]. */
bool cli_value_duration(const char *what, const char *text, uint64_t min_ns, uint64_t max_ns,
                        uint64_t *value_ns);
/* Features to do without, "gro,gso,...". */
bool cli_value_without(const char *what, const char *text, unsigned *without);

#define CLI_CPUS_MAX 1024u

struct cli_cpus {
    uint32_t count;
    int cpu[CLI_CPUS_MAX];
};

/* "auto" (every CPU this process may use), or a list such as 0,2-3. */
bool cli_value_cpus(const char *what, const char *text, struct cli_cpus *cpus);
/* The CPU of worker number index, or -1 where no list was given. */
int cli_cpu_of(const struct cli_cpus *cpus, unsigned index);

/* A place on the network: "udp:HOST:PORT", "HOST:PORT", "HOST", with [] around IPv6. */
struct cli_place {
    struct zsip_address address;
    char text[300];                /* HOST:PORT, HOST as it was given */
    enum zsip_transport transport; /* NONE: not said */
};

#define CLI_PORT_DEFAULT 5060

/* numeric: a name is refused, as for --listen. *unresolved (may be NULL) tells a name that does
 * not resolve from a wrong form. Host names as cli_resolve() has them. */
bool cli_value_place(const char *what, const char *text, bool numeric, struct cli_place *place,
                     bool *unresolved);
/* The same, where tcp may be said too. */
bool cli_value_place_any(const char *what, const char *text, bool numeric, struct cli_place *place,
                         bool *unresolved);
/* "udp", "tcp". */
const char *cli_transport_name(enum zsip_transport transport);
/* The address of a host name or number, of a name its first IPv4 address if it has one: where a
 * name stands for both, such as localhost, servers listen on that one at least. 0 or the error of
 * getaddrinfo(). */
int cli_resolve(const char *host, uint16_t port, struct zsip_address *address);

/* ---- Files ----------------------------------------------------------------------------------- */

/* Opens FILE for writing before the work begins, so that no run is lost to a path that can't be
 * written; "-" is standard output. NULL: said on stderr. */
FILE *cli_file_open(const char *what, const char *path);
/* false: something was not written, said on stderr. */
bool cli_file_close(const char *what, FILE *file, const char *path);
FILE *cli_json_open(const char *path);
/* Writes and closes. false: said on stderr. */
bool cli_json_close(FILE *file, const char *path, json_t *root);

#endif
