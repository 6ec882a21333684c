/* zsip parse: what the messages in files are, or what is wrong with them and where. */
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_STREAM = 1, OPTION_JSON };

/* What is held of a file at once: no datagram is larger than 64 KB, and a message of this size is
 * none that anybody sends. Without a bound a file without an end would take all memory. */
#define HELD_BYTES_MAX (16u << 20)
#define READ_BYTES     65536u

static const struct cli_option options[] = {
    {"stream", OPTION_STREAM, NULL, "FILE is a TCP stream: any number of messages"},
    {"json", OPTION_JSON, NULL, "one JSON object a line for each message"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_command command = {
    .name = "parse",
    .usage = "parse [--stream] [--json] [FILE...]",
    .about =
        "Reads SIP messages, a datagram a file or with --stream many, and prints for each what\n"
        "it is and its fields with their offsets, or the first fault: status, offset, the rule\n"
        "that was broken and the SIP status code it deserves. Without FILE, or for -, reads\n"
        "standard input.",
    .details =
        "Offsets count from the message's first byte, lines and columns from 1. A field that can\n"
        "not be read, and that nobody needs to answer, is marked with ! and leaves the message\n"
        "good (RFC 3261 section 8.2.2). --json has every field as its own function reads it;\n"
        "docs/parser.md says what stands in its objects.\n"
        "\n"
        "Exit status: 0 all good, 1 a message is not legal or a file can't be read, 64 usage.\n",
    .options = options,
};

static void one_message(struct input *input, const uint8_t *data, size_t bytes)
{
    struct zsip_msg msg;
    input->count++;
    if (zsip_parse(&msg, data, bytes, input->stream ? ZSIP_PARSE_STREAM : 0) != ZSIP_OK)
        input->good = false;
    if (input->json)
        parse_print_json(input, &msg, data, bytes);
    else
        parse_print_plain(input, &msg, data, bytes);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Reads some more behind what is there. 0: the end; -1: said on stderr. */
static ssize_t input_more(struct input *input)
{
    if (input->bytes >= HELD_BYTES_MAX) {
        cli_error("%s: more than %u MiB and no end of the message; %s", input->name,
                  HELD_BYTES_MAX >> 20,
                  input->stream ? "this is no stream of SIP messages"
                                : "a file holds one datagram, unless --stream is given");
        return -1;
    }
    if (input->capacity - input->bytes < READ_BYTES) {
        size_t capacity = 2 * input->capacity + 2 * READ_BYTES;
        uint8_t *data = realloc(input->data, capacity);
        if (data == NULL) {
            cli_error("%s: out of memory after %zu bytes; give smaller files", input->name,
                      input->bytes);
            return -1;
        }
        input->data = data;
        input->capacity = capacity;
    }
    ssize_t got;
    do
        got = read(input->fd, input->data + input->bytes, READ_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        cli_error("%s: %s; give a file that can be read", input->name, strerror(errno));
    else
        input->bytes += (size_t)got;
    return got;
}

static void input_drop(struct input *input, size_t taken)
{
    input->bytes -= taken;
    input->offset += taken;
    memmove(input->data, input->data + taken, input->bytes);
}

/* A datagram: the file whole. */
static bool read_datagram(struct input *input)
{
    ssize_t got;
    do
        got = input_more(input);
    while (got > 0);
    if (got == 0)
        one_message(input, input->data, input->bytes);
    return got == 0;
}

/* All messages that are whole. Returns false when the stream can't be divided any further. */
static bool frames(struct input *input, struct zsip_frame *frame)
{
    enum zsip_frame_event event;
    struct zsip_fault fault;
    size_t at = 0, taken;
    enum zsip_status status;
    while ((status = zsip_frame_next(frame, input->data + at, input->bytes - at, &event, &taken,
                                     &fault)) == ZSIP_OK) {
        if (event == ZSIP_FRAME_MESSAGE)
            one_message(input, input->data + at, taken);
        else if (event == ZSIP_FRAME_PING && !input->json)
            printf("%s: keep-alive ping at %llu\n", input->name,
                   (unsigned long long)(input->offset + at));
        at += taken;
    }
    if (status != ZSIP_MORE) {
        if (taken > 0)
            one_message(input, input->data + at, taken);
        input->good = false;
        parse_print_end(input, &fault, input->offset + at + fault.offset);
    }
    input_drop(input, at);
    return status == ZSIP_MORE;
}

static bool read_stream(struct input *input)
{
    struct zsip_frame frame;
    ssize_t got;
    zsip_frame_init(&frame, 0, HELD_BYTES_MAX - ZSIP_HEADER_SECTION_BYTES_MAX);
    while ((got = input_more(input)) > 0) {
        if (!frames(input, &frame))
            return true;
    }
    /* What is left is a message that was cut short; say where it stands. */
    if (got == 0 && input->bytes > 0)
        one_message(input, input->data, input->bytes);
    return got == 0;
}

static bool one_file(const char *path, bool stream, bool json)
{
    bool standard = strcmp(path, "-") == 0;
    struct input input = {
        .name = standard ? "stdin" : path,
        .fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC),
        .json = json,
        .stream = stream,
        .good = true,
    };
    if (input.fd < 0) {
        cli_error("%s: %s; give a file that can be read", path, strerror(errno));
        return false;
    }
    bool read = stream ? read_stream(&input) : read_datagram(&input);
    if (!standard)
        close(input.fd);
    free(input.data);
    return read && input.good;
}

int zsip_cli_parse(int argc, char **argv)
{
    bool stream = false, json = false, good = true;
    const char *value;
    int id;
    cli_begin("parse");
    while ((id = cli_option_next(&command, argc, argv, &value)) != CLI_OPTION_END) {
        if (id == CLI_OPTION_HELP)
            return CLI_EXIT_OK;
        if (id == CLI_OPTION_BAD)
            return CLI_EXIT_USAGE;
        stream |= id == OPTION_STREAM;
        json |= id == OPTION_JSON;
    }
    if (optind == argc)
        good = one_file("-", stream, json);
    for (int i = optind; i < argc; i++)
        good &= one_file(argv[i], stream, json);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_error("standard output: %s", strerror(errno));
        return CLI_EXIT_FAILED;
    }
    return good ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
