/* The live view. */
#include "live.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Another screen, no cursor; and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

#define LABEL_COLUMNS 22u
#define WIDE_COLUMNS  76u /* from here on two columns of rows */

/* ---- The terminal, as it was ----------------------------------------------------------------- */

/* For handlers: plain values only. */
static volatile sig_atomic_t entered;
static volatile sig_atomic_t input_changed;
static int screen = -1;
static struct termios input_before;

/* Safe in a signal handler: write() and tcsetattr() are. */
static void restore(void)
{
    if (entered) {
        ssize_t written = write(screen, LEAVE, sizeof LEAVE - 1);

        (void)written; /* the terminal may be gone */
        entered = 0;
    }
    if (input_changed) {
        tcsetattr(STDIN_FILENO, TCSANOW, &input_before);
        input_changed = 0;
    }
}

/* The handler is gone when it runs (SA_RESETHAND), so the program dies of what it was. */
static void on_crash(int number)
{
    restore();
    raise(number);
}

static void input_change(void)
{
    struct termios raw = input_before;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    input_changed = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void enter(void)
{
    ssize_t written = write(screen, ENTER, sizeof ENTER - 1);

    entered = written > 0;
}

/* Ctrl-Z: the shell gets its terminal, and we take it again when we go on. */
static void on_stop(int number)
{
    struct sigaction ours, otherwise = {.sa_handler = SIG_DFL};
    bool had_input = input_changed;
    sigset_t set;

    restore();
    sigaction(number, &otherwise, &ours);
    raise(number);
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* stops here, until SIGCONT */
    sigaction(number, &ours, NULL);
    if (had_input)
        input_change();
    enter();
}

static void handlers_set(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGHUP, SIGQUIT};
    struct sigaction crash = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};

    for (unsigned i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigaction(crashes[i], &crash, NULL);
    sigaction(SIGTSTP, &stop, NULL);
}

void cli_live_open(struct cli_live *live, FILE *out)
{
    static bool prepared;
    const char *terminal = getenv("TERM");

    memset(live, 0, sizeof *live);
    if (!isatty(fileno(out)) || terminal == NULL || strcmp(terminal, "dumb") == 0)
        return;
    fflush(out);
    live->out = out;
    screen = fileno(out);
    setlocale(LC_CTYPE, "");
    live->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!prepared) {
        atexit(restore);
        handlers_set();
        prepared = true;
    }
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &input_before) == 0) {
        input_change();
        live->keys = input_changed;
    }
    enter();
}

void cli_live_close(struct cli_live *live)
{
    if (live->out == NULL)
        return;
    live->out = NULL;
    restore();
}

/* ---- What is drawn --------------------------------------------------------------------------- */

void cli_live_set(struct cli_live *live, const char *label, const char *format, ...)
{
    unsigned i = 0;
    va_list arguments;

    while (i < live->row_count && strcmp(live->rows[i].label, label) != 0)
        i++;
    if (i == CLI_LIVE_ROWS_MAX)
        return;
    if (i == live->row_count)
        live->rows[live->row_count++].label = label;
    va_start(arguments, format);
    vsnprintf(live->rows[i].value, sizeof live->rows[i].value, format, arguments);
    va_end(arguments);
}

void cli_live_spark(struct cli_live *live, double value)
{
    if (live->spark_count == CLI_LIVE_SPARK_MAX) {
        memmove(live->spark, live->spark + 1, (CLI_LIVE_SPARK_MAX - 1) * sizeof *live->spark);
        live->spark_count--;
    }
    live->spark[live->spark_count++] = value;
}

/* One frame, written at once so that nothing flickers. */
struct frame {
    char text[16384];
    size_t length;
    unsigned columns;
    unsigned lines; /* that are left */
};

static void put(struct frame *frame, const char *text, size_t bytes)
{
    if (bytes > sizeof frame->text - frame->length)
        bytes = sizeof frame->text - frame->length;
    memcpy(frame->text + frame->length, text, bytes);
    frame->length += bytes;
}

/* As much of text as the window is wide. It is ASCII, and never more than a line. */
static void put_line(struct frame *frame, const char *text)
{
    size_t bytes = strcspn(text, "\n");

    if (frame->lines == 0)
        return;
    frame->lines--;
    put(frame, text, bytes < frame->columns ? bytes : frame->columns);
    put(frame, "\033[K", 3);
    if (frame->lines > 0)
        put(frame, "\r\n", 2);
}

static void put_rows(struct frame *frame, const struct cli_live *live)
{
    unsigned side = frame->columns >= WIDE_COLUMNS ? 2 : 1;
    unsigned half = (live->row_count + side - 1) / side;
    char text[400];

    for (unsigned i = 0; i < half; i++) {
        const struct cli_live_row *left = &live->rows[i];
        const struct cli_live_row *right = &live->rows[i + half];
        int width =
            snprintf(text, sizeof text, "  %-*s%s", (int)LABEL_COLUMNS, left->label, left->value);

        if (side == 2 && i + half < live->row_count) {
            int column = (int)frame->columns / 2;
            int gap = column > width ? column - width : 1;

            snprintf(text + width, sizeof text - (size_t)width, "%*s%-*s%s", gap, "",
                     (int)LABEL_COLUMNS, right->label, right->value);
        }
        put_line(frame, text);
    }
}

static void put_spark(struct frame *frame, const struct cli_live *live)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char plain[] = "._-=+*%#";
    unsigned room = frame->columns > 4 ? frame->columns - 4 : 0;
    unsigned from = live->spark_count > room ? live->spark_count - room : 0;
    double most = 0;

    if (live->spark_count == 0 || frame->lines < 2)
        return;
    for (unsigned i = from; i < live->spark_count; i++)
        most = live->spark[i] > most ? live->spark[i] : most;
    put_line(frame, live->spark_label == NULL ? "" : live->spark_label);
    put(frame, "  ", 2);
    for (unsigned i = from; i < live->spark_count; i++) {
        double part = most > 0 ? live->spark[i] / most : 0;
        unsigned level = part >= 1 ? 7 : (unsigned)(part * 8);

        if (live->utf8)
            put(frame, blocks[level], strlen(blocks[level]));
        else
            put(frame, &plain[level], 1);
    }
    put_line(frame, "");
}

void cli_live_draw(struct cli_live *live)
{
    static struct frame frame;
    struct winsize window = {.ws_row = 24, .ws_col = 80};
    size_t written = 0;

    if (live->out == NULL)
        return;
    ioctl(screen, TIOCGWINSZ, &window);
    frame.length = 0;
    frame.columns = window.ws_col > 0 ? window.ws_col : 80;
    frame.lines = window.ws_row > 0 ? window.ws_row : 24;
    put(&frame, "\033[H", 3);
    put_line(&frame, live->headline);
    if (live->note[0] != '\0')
        put_line(&frame, live->note);
    put_rows(&frame, live);
    put_spark(&frame, live);
    if (live->keys && live->key_help != NULL)
        put_line(&frame, live->key_help);
    put(&frame, "\033[J", 3);
    while (written < frame.length) {
        ssize_t bytes = write(screen, frame.text + written, frame.length - written);

        if (bytes <= 0) /* the terminal is slow or gone: the next frame tells */
            break;
        written += (size_t)bytes;
    }
}

int cli_live_key(struct cli_live *live)
{
    unsigned char key;

    if (live->out == NULL || !live->keys || read(STDIN_FILENO, &key, 1) != 1)
        return 0;
    return key;
}
