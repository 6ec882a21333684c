/* The live view: a screen of its own on a terminal, drawn anew each second, and keys. The terminal
 * is given back as it was when the view is closed, and when the program crashes. */
#ifndef ZSIP_CLI_LIVE_H
#define ZSIP_CLI_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_LIVE_ROWS_MAX  16u
#define CLI_LIVE_SPARK_MAX 240u

struct cli_live_row {
    const char *label;
    char value[80];
};

struct cli_live {
    FILE *out; /* NULL: there is no view */
    bool keys; /* standard input is a terminal as well */
    bool utf8;
    /* What is drawn. */
    char headline[240];
    char note[120]; /* a line of its own, if not empty */
    const char *key_help;
    struct cli_live_row rows[CLI_LIVE_ROWS_MAX];
    unsigned row_count;
    const char *spark_label;
    double spark[CLI_LIVE_SPARK_MAX]; /* the newest last */
    unsigned spark_count;
};

/* Opens the view if out is a terminal that can show it (and not TERM=dumb). One at a time. */
void cli_live_open(struct cli_live *live, FILE *out);
static inline bool cli_live_on(const struct cli_live *live)
{
    return live->out != NULL;
}
/* Gives the terminal back. Harmless where there is no view. */
void cli_live_close(struct cli_live *live);

/* What a row says from now on; rows are kept in the order in which they were first set. */
__attribute__((format(printf, 3, 4))) void cli_live_set(struct cli_live *live, const char *label,
                                                        const char *format, ...);
/* One more value of the sparkline. */
void cli_live_spark(struct cli_live *live, double value);
void cli_live_draw(struct cli_live *live);
/* The next key that was pressed, 0: none. */
int cli_live_key(struct cli_live *live);

#endif
