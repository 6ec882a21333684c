/* zsip parse: what the messages in files are, or what is wrong with them and where. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_STREAM = 1, OPTION_JSON };

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
        "Exit status: 0 all good, 1 a message is not legal or a file can't be read, 64 usage.\n",
    .options = options,
};

/* One file: its name for messages, and the bytes that are still to be parsed. */
struct input {
    const char *name;
    int fd;
    uint8_t *data;
    size_t capacity;
    size_t bytes;
    uint64_t offset; /* of data[0] in the file */
    unsigned count;  /* messages so far */
    bool json;
    bool good;
};

/* ---- One message ----------------------------------------------------------------------------- */

/* A string that JSON can hold: bytes that are no UTF-8 become U+FFFD. */
static json_t *text_json(const uint8_t *bytes, size_t length)
{
    json_t *text = json_stringn((const char *)bytes, length);
    if (text != NULL)
        return text;
    char *copy = malloc(3 * length + 1);
    size_t used = 0;
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < 0x80) {
            copy[used++] = (char)bytes[i];
        } else {
            memcpy(copy + used, "\xEF\xBF\xBD", 3);
            used += 3;
        }
    }
    text = json_stringn(copy, used);
    free(copy);
    return text;
}

static json_t *field_json(const struct zsip_msg *msg, const struct zsip_header *header)
{
    const char *name = zsip_header_name((enum zsip_header_id)header->id);
    json_t *field = json_object();
    json_object_set_new(field, "offset", json_integer(header->value.offset));
    json_object_set_new(field, "length", json_integer(header->value.length));
    json_object_set_new(field, "name",
                        *name != '\0'
                            ? json_string(name)
                            : text_json(msg->data + header->name_offset, header->name_length));
    json_object_set_new(field, "value",
                        text_json(msg->data + header->value.offset, header->value.length));
    return field;
}

static void slice_json(json_t *object, const char *key, const struct zsip_msg *msg,
                       struct zsip_slice slice)
{
    if (!zsip_slice_present(slice))
        return;
    json_t *value = json_object();
    json_object_set_new(value, "offset", json_integer(slice.offset));
    json_object_set_new(value, "length", json_integer(slice.length));
    json_object_set_new(value, "value", text_json(msg->data + slice.offset, slice.length));
    json_object_set_new(object, key, value);
}

static json_t *parsed_json(const struct zsip_msg *msg)
{
    json_t *parsed = json_object();
    slice_json(parsed, "method", msg, msg->method_name);
    slice_json(parsed, "request_uri", msg, msg->request_uri.whole);
    slice_json(parsed, "reason", msg, msg->reason);
    slice_json(parsed, "via_sent_by", msg, msg->via.sent_by);
    slice_json(parsed, "via_branch", msg, msg->via.branch);
    slice_json(parsed, "from_uri", msg, msg->from.uri);
    slice_json(parsed, "from_tag", msg, msg->from.tag);
    slice_json(parsed, "to_uri", msg, msg->to.uri);
    slice_json(parsed, "to_tag", msg, msg->to.tag);
    slice_json(parsed, "call_id", msg, msg->call_id);
    if (msg->kind == ZSIP_KIND_RESPONSE)
        json_object_set_new(parsed, "status_code", json_integer(msg->status_code));
    if (zsip_msg_has(msg, ZSIP_HEADER_CSEQ))
        json_object_set_new(parsed, "cseq_number", json_integer(msg->cseq_number));
    if (msg->max_forwards != ZSIP_ABSENT)
        json_object_set_new(parsed, "max_forwards", json_integer(msg->max_forwards));
    if (msg->content_length != ZSIP_ABSENT)
        json_object_set_new(parsed, "content_length", json_integer(msg->content_length));
    return parsed;
}

static const char *kind_name(const struct zsip_msg *msg)
{
    static const char *const names[] = {"unknown", "request", "response"};
    return names[msg->kind];
}

static void print_json(const struct input *input, const struct zsip_msg *msg)
{
    json_t *root = json_object(), *fields = json_array(), *verdict = json_object();
    const struct zsip_fault *fault = &msg->fault;
    json_object_set_new(root, "file", text_json((const uint8_t *)input->name, strlen(input->name)));
    json_object_set_new(root, "message", json_integer(input->count));
    json_object_set_new(
        root, "offset",
        json_integer((json_int_t)(input->offset + (uint64_t)(msg->data - input->data))));
    json_object_set_new(root, "good", json_boolean(fault->status == ZSIP_OK));
    json_object_set_new(root, "kind", json_string(kind_name(msg)));
    json_object_set_new(verdict, "status", json_string(zsip_status_name(fault->status)));
    if (fault->status != ZSIP_OK) {
        json_object_set_new(verdict, "offset", json_integer(fault->offset));
        json_object_set_new(verdict, "rule", json_string(fault->rule));
        json_object_set_new(verdict, "code", json_integer(zsip_status_code(fault->status)));
    }
    json_object_set_new(root, "verdict", verdict);
    json_object_set_new(root, "header_bytes", json_integer(msg->header_bytes));
    json_object_set_new(root, "body_offset", json_integer(msg->body_offset));
    json_object_set_new(root, "body_bytes", json_integer(msg->body_bytes));
    json_object_set_new(root, "parsed", parsed_json(msg));
    for (unsigned i = 0; i < msg->header_count; i++)
        json_array_append_new(fields, field_json(msg, &msg->headers[i]));
    json_object_set_new(root, "fields", fields);
    json_dumpf(root, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(root);
}

/* Bytes as a line of text: what is not printable ASCII comes as \xNN. */
static void print_text(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7F)
            putchar(bytes[i]);
        else
            printf("\\x%02X", bytes[i]);
    }
}

static void print_slice(const char *name, const struct zsip_msg *msg, struct zsip_slice slice)
{
    if (!zsip_slice_present(slice))
        return;
    printf("  %5u %5u  %s: ", slice.offset, slice.length, name);
    print_text(msg->data + slice.offset, slice.length);
    putchar('\n');
}

static void print_field(const struct zsip_msg *msg, const struct zsip_header *header)
{
    const char *name = zsip_header_name((enum zsip_header_id)header->id);
    printf("  %5u %5u  ", header->value.offset, header->value.length);
    if (*name != '\0')
        fputs(name, stdout);
    else
        print_text(msg->data + header->name_offset, header->name_length);
    fputs(": ", stdout);
    print_text(msg->data + header->value.offset, header->value.length);
    putchar('\n');
}

static void print_plain(const struct input *input, const struct zsip_msg *msg)
{
    const struct zsip_fault *fault = &msg->fault;
    printf("%s: %u: ", input->name, input->count);
    if (fault->status == ZSIP_OK)
        printf("good %s", kind_name(msg));
    else
        printf("%s at %u: %s: %s, deserves %u; %s", zsip_status_name(fault->status), fault->offset,
               fault->rule, zsip_status_text(fault->status), zsip_status_code(fault->status),
               kind_name(msg));
    printf(", header section %u, body %u at %u\n", msg->header_bytes, msg->body_bytes,
           msg->body_offset);
    print_slice("method", msg, msg->method_name);
    print_slice("Request-URI", msg, msg->request_uri.whole);
    if (msg->status_code != 0)
        printf("               status code: %u\n", msg->status_code);
    print_slice("reason", msg, msg->reason);
    for (unsigned i = 0; i < msg->header_count; i++)
        print_field(msg, &msg->headers[i]);
}

static void one_message(struct input *input, const uint8_t *data, size_t bytes, unsigned flags)
{
    struct zsip_msg msg;
    input->count++;
    if (zsip_parse(&msg, data, bytes, flags) != ZSIP_OK)
        input->good = false;
    if (input->json)
        print_json(input, &msg);
    else
        print_plain(input, &msg);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Reads some more behind what is there. 0: the end; -1: said on stderr. */
static ssize_t input_more(struct input *input)
{
    if (input->capacity - input->bytes < 65536) {
        size_t capacity = 2 * input->capacity + 131072;
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
        got = read(input->fd, input->data + input->bytes, input->capacity - input->bytes);
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
        one_message(input, input->data, input->bytes, 0);
    return got == 0;
}

static void frame_fault(struct input *input, const struct zsip_fault *fault, uint64_t at)
{
    input->good = false;
    cli_error("%s: stream ends for the parser at byte %llu: %s: %s", input->name,
              (unsigned long long)(input->offset + at + fault->offset), fault->rule,
              zsip_status_text(fault->status));
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
            one_message(input, input->data + at, taken, ZSIP_PARSE_STREAM);
        else if (event == ZSIP_FRAME_PING && !input->json)
            printf("%s: keep-alive ping at %llu\n", input->name,
                   (unsigned long long)(input->offset + at));
        at += taken;
    }
    if (status != ZSIP_MORE) {
        if (taken > 0)
            one_message(input, input->data + at, taken, ZSIP_PARSE_STREAM);
        frame_fault(input, &fault, at);
    }
    input_drop(input, at);
    return status == ZSIP_MORE;
}

static bool read_stream(struct input *input)
{
    struct zsip_frame frame;
    ssize_t got;
    zsip_frame_init(&frame, 0, UINT32_MAX - 1);
    while ((got = input_more(input)) > 0) {
        if (!frames(input, &frame))
            return true;
    }
    /* What is left is a message that was cut short; say where it stands. */
    if (got == 0 && input->bytes > 0)
        one_message(input, input->data, input->bytes, ZSIP_PARSE_STREAM);
    return got == 0;
}

static bool one_file(const char *path, bool stream, bool json)
{
    bool standard = strcmp(path, "-") == 0;
    struct input input = {
        .name = standard ? "stdin" : path,
        .fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC),
        .json = json,
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
