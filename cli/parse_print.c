/* zsip parse: what is printed for people and for programs. */
#include "parse.h"

#include <string.h>

/* ---- Places and guesses ---------------------------------------------------------------------- */

struct parse_place parse_place_of(const uint8_t *data, size_t bytes, size_t offset)
{
    struct parse_place place = {1, 1, 0, 0};
    offset = offset < bytes ? offset : bytes;
    for (size_t i = 0; i < offset; i++) {
        if (data[i] == '\n') {
            place.line++;
            place.line_begin = i + 1;
        }
    }
    const uint8_t *lf = offset < bytes ? memchr(data + offset, '\n', bytes - offset) : NULL;
    place.line_end = lf != NULL ? (size_t)(lf - data) : bytes;
    if (place.line_end > offset && data[place.line_end - 1] == '\r')
        place.line_end--;
    place.column = (unsigned)(offset - place.line_begin) + 1;
    return place;
}

static bool begins_with(const uint8_t *data, size_t bytes, const char *magic, size_t length)
{
    return bytes >= length && memcmp(data, magic, length) == 0;
}

static bool is_capture(const uint8_t *data, size_t bytes)
{
    return begins_with(data, bytes, "\xD4\xC3\xB2\xA1", 4) ||
           begins_with(data, bytes, "\xA1\xB2\xC3\xD4", 4) ||
           begins_with(data, bytes, "\x4D\x3C\xB2\xA1", 4) ||
           begins_with(data, bytes, "\xA1\xB2\x3C\x4D", 4) ||
           begins_with(data, bytes, "\x0A\x0D\x0D\x0A", 4);
}

const char *parse_hint(const struct zsip_msg *msg, const uint8_t *data, size_t bytes)
{
    if (msg->fault.status == ZSIP_OK)
        return NULL;
    if (bytes == 0)
        return "there is nothing in it";
    if (is_capture(data, bytes))
        return "this is a packet capture; save the message itself, as raw bytes";
    if (begins_with(data, bytes, "\xEF\xBB\xBF", 3))
        return "it begins with a byte order mark, which is no part of a message";
    if (memmem(data, bytes, "\r\n", 2) == NULL) {
        if (memchr(data, '\n', bytes) != NULL && memchr(data, 0, bytes) == NULL)
            return "its lines end in LF alone; SIP has CR LF (unix2dos converts a file)";
        if (memchr(data, '\r', bytes) != NULL && memchr(data, 0, bytes) == NULL)
            return "its lines end in CR alone; SIP has CR LF";
        return "it has no line that ends in CR LF: this is no SIP message";
    }
    if (msg->fault.status == ZSIP_ERROR_TRUNCATED)
        return "no empty line (CR LF CR LF) ends its header section";
    if (msg->fault.status == ZSIP_ERROR_LENGTH)
        return "Content-Length counts bytes, each CR and each LF one";
    return NULL;
}

/* Where the message begins in what it was parsed from: behind CRLFs. */
static size_t skipped(const struct zsip_msg *msg, const uint8_t *data)
{
    return (size_t)(msg->data - data);
}

/* Bytes behind the message, which a datagram may have (RFC 3261 section 18.3). */
static size_t behind(const struct zsip_msg *msg, const uint8_t *data, size_t bytes)
{
    size_t end = skipped(msg, data) + msg->body_offset + msg->body_bytes;
    return msg->fault.status == ZSIP_OK && end < bytes ? bytes - end : 0;
}

/* ---- For people ------------------------------------------------------------------------------ */

/* The longest stretch of a line that is shown around a fault. */
#define SHOWN_BEFORE 60u
#define SHOWN_BEHIND 40u

static const char *kind_name(const struct zsip_msg *msg)
{
    static const char *const names[] = {"unknown", "request", "response"};
    return names[msg->kind];
}

/* Bytes as a line of text: what is not printable ASCII comes as \xNN. Returns its columns. */
static unsigned print_text(const uint8_t *bytes, size_t length)
{
    unsigned columns = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7F) {
            putchar(bytes[i]);
            columns++;
        } else {
            columns += (unsigned)printf("\\x%02X", bytes[i]);
        }
    }
    return columns;
}

/* The line of the fault, and below it a mark. */
static void print_fault_line(const struct zsip_msg *msg, size_t bytes)
{
    size_t offset = msg->fault.offset;
    struct parse_place place = parse_place_of(msg->data, bytes, offset);
    if (place.line_begin == place.line_end)
        return;
    size_t from =
        offset - place.line_begin > SHOWN_BEFORE ? offset - SHOWN_BEFORE : place.line_begin;
    size_t to = place.line_end;
    if (to > offset + SHOWN_BEHIND)
        to = offset + SHOWN_BEHIND;
    unsigned columns = 4 + (unsigned)printf("%s", from > place.line_begin ? "..." : "");
    fputs("    ", stdout);
    columns += print_text(msg->data + from, offset - from);
    if (offset < to)
        print_text(msg->data + offset, to - offset);
    printf("%s\n%*s^\n", to < place.line_end ? "..." : "", (int)columns, "");
}

static void print_slice(const char *name, const struct zsip_msg *msg, struct zsip_slice slice)
{
    if (!zsip_slice_present(slice))
        return;
    printf("  %6u %6u  %s: ", slice.offset, slice.length, name);
    print_text(msg->data + slice.offset, slice.length);
    putchar('\n');
}

static void print_field(const struct zsip_msg *msg, unsigned row)
{
    const struct zsip_header *header = &msg->headers[row];
    const char *name = zsip_header_name((enum zsip_header_id)header->id);
    struct zsip_fault fault;
    printf("  %6u %6u  ", header->value.offset, header->value.length);
    if (*name != '\0')
        fputs(name, stdout);
    else
        print_text(msg->data + header->name_offset, header->name_length);
    fputs(": ", stdout);
    print_text(msg->data + header->value.offset, header->value.length);
    putchar('\n');
    json_decref(parse_row_json(msg, row, &fault));
    bool told = msg->fault.status != ZSIP_OK && msg->fault.offset == fault.offset;
    if (fault.status != ZSIP_OK && !told)
        printf("  %6u      !  %s: %s\n", fault.offset, fault.rule, zsip_status_text(fault.status));
}

static void print_verdict(const struct zsip_msg *msg, size_t bytes)
{
    const struct zsip_fault *fault = &msg->fault;
    if (fault->status == ZSIP_OK) {
        printf("good %s", kind_name(msg));
        return;
    }
    struct parse_place place = parse_place_of(msg->data, bytes, fault->offset);
    printf("%s at %u (line %u, column %u): %s: %s, ", zsip_status_name(fault->status),
           fault->offset, place.line, place.column, fault->rule, zsip_status_text(fault->status));
    if (msg->kind == ZSIP_KIND_RESPONSE)
        fputs("to be dropped; response", stdout);
    else
        printf("deserves %u; %s", zsip_status_code(fault->status), kind_name(msg));
}

void parse_print_plain(const struct input *input, const struct zsip_msg *msg, const uint8_t *data,
                       size_t bytes)
{
    size_t there = bytes - skipped(msg, data), more = behind(msg, data, bytes);
    const char *hint = parse_hint(msg, data, bytes);
    printf("%s: %u: ", input->name, input->count);
    print_verdict(msg, there);
    printf(", header section %u, body %u at %u", msg->header_bytes, msg->body_bytes,
           msg->body_offset);
    if (more > 0)
        printf(", %zu behind it ignored", more);
    putchar('\n');
    if (hint != NULL)
        printf("  hint: %s\n", hint);
    if (msg->fault.status != ZSIP_OK && msg->fault.status != ZSIP_ERROR_TRUNCATED)
        print_fault_line(msg, there);
    if (msg->header_count > 0 || zsip_slice_present(msg->method_name))
        printf("  offset length\n");
    print_slice("method", msg, msg->method_name);
    print_slice("Request-URI", msg, msg->request_uri.whole);
    if (msg->status_code != 0)
        printf("                 status code: %u\n", msg->status_code);
    print_slice("reason", msg, msg->reason);
    for (unsigned i = 0; i < msg->header_count; i++)
        print_field(msg, i);
}

/* ---- For programs ---------------------------------------------------------------------------- */

static json_t *fault_json(const struct zsip_fault *fault)
{
    json_t *object = json_object();
    json_object_set_new(object, "status", json_string(zsip_status_name(fault->status)));
    json_object_set_new(object, "offset", json_integer(fault->offset));
    json_object_set_new(object, "rule", json_string(fault->rule));
    return object;
}

static json_t *field_json(const struct zsip_msg *msg, unsigned row)
{
    const struct zsip_header *header = &msg->headers[row];
    const char *name = zsip_header_name((enum zsip_header_id)header->id);
    struct zsip_fault fault;
    json_t *field = json_object(), *parsed = parse_row_json(msg, row, &fault);
    json_object_set_new(field, "offset", json_integer(header->value.offset));
    json_object_set_new(field, "length", json_integer(header->value.length));
    json_object_set_new(
        field, "name",
        *name != '\0' ? json_string(name)
                      : parse_text_json(msg->data + header->name_offset, header->name_length));
    json_object_set_new(field, "value",
                        parse_text_json(msg->data + header->value.offset, header->value.length));
    if (parsed != NULL)
        json_object_set_new(field, "parsed", parsed);
    if (fault.status != ZSIP_OK)
        json_object_set_new(field, "fault", fault_json(&fault));
    return field;
}

static json_t *parsed_json(const struct zsip_msg *msg)
{
    json_t *parsed = json_object();
    parse_slice_json(parsed, "method", msg, msg->method_name);
    parse_slice_json(parsed, "request_uri", msg, msg->request_uri.whole);
    parse_slice_json(parsed, "reason", msg, msg->reason);
    parse_slice_json(parsed, "via_sent_by", msg, msg->via.sent_by);
    parse_slice_json(parsed, "via_branch", msg, msg->via.branch);
    parse_slice_json(parsed, "from_uri", msg, msg->from.uri);
    parse_slice_json(parsed, "from_tag", msg, msg->from.tag);
    parse_slice_json(parsed, "to_uri", msg, msg->to.uri);
    parse_slice_json(parsed, "to_tag", msg, msg->to.tag);
    parse_slice_json(parsed, "call_id", msg, msg->call_id);
    parse_slice_json(parsed, "content_type", msg, msg->content_type.type);
    parse_slice_json(parsed, "content_subtype", msg, msg->content_type.subtype);
    parse_slice_json(parsed, "content_params", msg, msg->content_type.params);
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

static json_t *verdict_json(const struct zsip_msg *msg, const uint8_t *data, size_t bytes)
{
    const struct zsip_fault *fault = &msg->fault;
    json_t *verdict = json_object();
    if (fault->status == ZSIP_OK) {
        json_object_set_new(verdict, "status", json_string(zsip_status_name(fault->status)));
        return verdict;
    }
    json_decref(verdict);
    verdict = fault_json(fault);
    struct parse_place place = parse_place_of(msg->data, bytes - skipped(msg, data), fault->offset);
    const char *hint = parse_hint(msg, data, bytes);
    json_object_set_new(verdict, "line", json_integer(place.line));
    json_object_set_new(verdict, "column", json_integer(place.column));
    /* A response can't be answered: it is dropped. */
    json_object_set_new(verdict, "code",
                        msg->kind == ZSIP_KIND_RESPONSE
                            ? json_null()
                            : json_integer(zsip_status_code(fault->status)));
    if (hint != NULL)
        json_object_set_new(verdict, "hint", json_string(hint));
    return verdict;
}

static json_t *root_json(const struct input *input, uint64_t offset, const char *kind, bool good,
                         json_t *verdict)
{
    json_t *root = json_object();
    json_object_set_new(root, "file",
                        parse_text_json((const uint8_t *)input->name, strlen(input->name)));
    json_object_set_new(root, "message", json_integer(input->count));
    json_object_set_new(root, "offset", json_integer((json_int_t)offset));
    json_object_set_new(root, "good", json_boolean(good));
    json_object_set_new(root, "kind", json_string(kind));
    json_object_set_new(root, "verdict", verdict);
    return root;
}

static void print_root(json_t *root)
{
    json_dumpf(root, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(root);
}

void parse_print_json(const struct input *input, const struct zsip_msg *msg, const uint8_t *data,
                      size_t bytes)
{
    uint64_t offset = input->offset + (uint64_t)(msg->data - input->data);
    json_t *fields = json_array();
    json_t *root = root_json(input, offset, kind_name(msg), msg->fault.status == ZSIP_OK,
                             verdict_json(msg, data, bytes));
    json_object_set_new(root, "header_bytes", json_integer(msg->header_bytes));
    json_object_set_new(root, "body_offset", json_integer(msg->body_offset));
    json_object_set_new(root, "body_bytes", json_integer(msg->body_bytes));
    json_object_set_new(root, "ignored_bytes", json_integer((json_int_t)behind(msg, data, bytes)));
    json_object_set_new(root, "parsed", parsed_json(msg));
    for (unsigned i = 0; i < msg->header_count; i++)
        json_array_append_new(fields, field_json(msg, i));
    json_object_set_new(root, "fields", fields);
    print_root(root);
}

void parse_print_end(const struct input *input, const struct zsip_fault *fault, uint64_t offset)
{
    if (input->json) {
        json_t *verdict = fault_json(fault);
        json_object_set_new(verdict, "offset", json_integer((json_int_t)offset));
        print_root(root_json(input, offset, "stream", false, verdict));
        return;
    }
    printf("%s: the stream ends for the parser at byte %llu: %s: %s\n", input->name,
           (unsigned long long)offset, fault->rule, zsip_status_text(fault->status));
}
