/* zsip: one message, start to end, by the machines and by looking at every byte: the reference.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

/* The fields that decide what a message is and where its answer goes. A second row of one of them
 * is a fault (RFC 3261 section 7.3.1) even if it says the same: two readers that take different
 * rows would see different messages. A second row of another field that may stand once is left to
 * whoever reads that field. */
#define SINGLE_FIELDS                                                                              \
    (1ull << ZSIP_HEADER_FROM | 1ull << ZSIP_HEADER_TO | 1ull << ZSIP_HEADER_CALL_ID |             \
     1ull << ZSIP_HEADER_CSEQ | 1ull << ZSIP_HEADER_MAX_FORWARDS |                                 \
     1ull << ZSIP_HEADER_CONTENT_LENGTH | 1ull << ZSIP_HEADER_CONTENT_TYPE)

/* A message without one of these can't be answered, or not be told from another (RFC 3261 section
 * 8.1.1). Max-Forwards is in that list too, but RFC 2543 did not have it. */
static const struct {
    uint8_t id;
    const char *rule;
} mandatory[] = {
    {ZSIP_HEADER_VIA, "Via"},         {ZSIP_HEADER_FROM, "From"}, {ZSIP_HEADER_TO, "To"},
    {ZSIP_HEADER_CALL_ID, "Call-ID"}, {ZSIP_HEADER_CSEQ, "CSeq"},
};

static void keep_first(struct zsip_msg *msg, const struct zsip_fault *fault)
{
    if (msg->fault.status == ZSIP_OK)
        msg->fault = *fault;
}

static void note(struct zsip_msg *msg, const uint8_t *at, enum zsip_status status, const char *rule)
{
    struct zsip_fault fault;
    zsip_fault_set(&fault, msg->data, at, status, rule);
    keep_first(msg, &fault);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

struct line {
    const uint8_t *end; /* its CRLF; NULL: there is none before the end of the data */
    const uint8_t *odd; /* the first byte that no line may hold, or NULL */
    const char *odd_rule;
};

/* Control characters, HTAB not among them, and the backslash. */
static bool is_marked(uint8_t c)
{
    static const uint32_t set[8] = {0xFFFFFDFF, 0, 0x10000000, 0x80000000, 0, 0, 0, 0};
    return (set[c >> 5] >> (c & 31) & 1) != 0;
}

/* Where a line that begins at p ends: at a CRLF with no white space behind it. Control characters
 * are legal only as the second half of a quoted-pair, CR and LF not even there (RFC 3261 section
 * 25.1); which header fields can hold a quoted-pair is not asked. */
static struct line line_find(const uint8_t *p, const uint8_t *end, bool folds)
{
    struct line line = {NULL, NULL, NULL};
    for (; p < end; p++) {
        uint8_t c = *p;
        const char *rule = NULL;
        if (!is_marked(c))
            continue;
        if (c == '\\') {
            /* A quoted-pair, but for CR and LF. */
            p += end - p >= 2 && p[1] != '\r' && p[1] != '\n';
        } else if (c == '\r' && end - p >= 2 && p[1] == '\n') {
            if (!folds || end - p < 3 || (p[2] != ' ' && p[2] != '\t')) {
                line.end = p;
                return line;
            }
            p += 2;
        } else if (c == '\r') {
            rule = "CR without LF";
        } else if (c == '\n') {
            rule = "LF without CR";
        } else {
            rule = "control character";
        }
        if (rule != NULL && line.odd == NULL) {
            line.odd = p;
            line.odd_rule = rule;
        }
    }
    return line;
}

/* ---- Fields that every element needs --------------------------------------------------------- */

/* The top value is what is kept, but a row that goes on badly is no Via row. */
static enum zsip_status via_row(struct zsip_msg *msg, const uint8_t *begin, const uint8_t *end,
                                struct zsip_fault *fault)
{
    struct zsip_via via;
    const uint8_t *base = msg->data, *p = begin;
    for (bool first = true;; first = false) {
        enum zsip_status status = zsip_machine_via(base, &p, end, &via, fault);
        if (status != ZSIP_OK)
            return status;
        if (first)
            msg->via = via;
        if (p == end)
            return ZSIP_OK;
        p++;
        while (p < end && zsip_is_lws(*p))
            p++;
    }
}

static enum zsip_status one_party(struct zsip_msg *msg, const uint8_t *begin, const uint8_t *end,
                                  enum zsip_header_id id, struct zsip_party *party,
                                  struct zsip_fault *fault)
{
    const uint8_t *p = begin;
    struct zsip_party found;
    enum zsip_status status = zsip_machine_party(msg->data, &p, end, id, &found, fault);
    if (status == ZSIP_OK && p != end)
        status = zsip_fault_set(fault, msg->data, p, ZSIP_ERROR_SYNTAX, zsip_header_name(id));
    if (status == ZSIP_OK)
        *party = found;
    return status;
}

static enum zsip_status cseq(struct zsip_msg *msg, const uint8_t *begin, const uint8_t *end,
                             struct zsip_fault *fault)
{
    struct zsip_slice method;
    enum zsip_status status =
        zsip_machine_cseq(msg->data, begin, end, &msg->cseq_number, &method, fault);
    if (status != ZSIP_OK)
        return status;
    struct zsip_view name = zsip_msg_view(msg, method);
    if (msg->kind != ZSIP_KIND_REQUEST) {
        msg->method_name = method;
        msg->method = (uint8_t)zsip_method_by_name(name);
    } else if (method.length != msg->method_name.length ||
               __builtin_memcmp(name.data, msg->data + msg->method_name.offset, name.length) != 0) {
        return zsip_fault_set(fault, msg->data, name.data, ZSIP_ERROR_MISMATCH, "CSeq method");
    }
    return ZSIP_OK;
}

static enum zsip_status max_forwards(struct zsip_msg *msg, const uint8_t *begin, const uint8_t *end,
                                     struct zsip_fault *fault)
{
    uint64_t value;
    enum zsip_status status =
        zsip_machine_digits(msg->data, begin, end, 255, &value, "Max-Forwards", fault);
    if (status == ZSIP_OK)
        msg->max_forwards = (uint32_t)value;
    /* Over 255 is as good as none (RFC 4475 section 3.1.2.4). */
    return status == ZSIP_ERROR_RANGE ? ZSIP_OK : status;
}

static enum zsip_status content_length(struct zsip_msg *msg, const uint8_t *begin,
                                       const uint8_t *end, struct zsip_fault *fault)
{
    uint64_t value;
    enum zsip_status status = zsip_machine_digits(msg->data, begin, end, ZSIP_ABSENT - 1, &value,
                                                  "Content-Length", fault);
    if (status == ZSIP_OK)
        msg->content_length = (uint32_t)value;
    return status;
}

static enum zsip_status call_id(struct zsip_msg *msg, const uint8_t *begin, const uint8_t *end,
                                struct zsip_fault *fault)
{
    enum zsip_status status = zsip_machine_call_id(msg->data, begin, end, fault);
    if (status == ZSIP_OK)
        msg->call_id = zsip_slice_between(msg->data, begin, end);
    return status;
}

void zsip_field_slow(struct zsip_msg *msg, enum zsip_header_id id, const uint8_t *name,
                     const uint8_t *begin, const uint8_t *end)
{
    struct zsip_fault fault;
    enum zsip_status status = ZSIP_OK;
    uint64_t bit = 1ull << (unsigned)id;
    bool again = (msg->present & bit) != 0;
    msg->present |= bit;
    if (again) {
        if (bit & SINGLE_FIELDS)
            note(msg, name, ZSIP_ERROR_DUPLICATE, zsip_header_name(id));
        return;
    }
    switch (id) {
    case ZSIP_HEADER_VIA:
        status = via_row(msg, begin, end, &fault);
        break;
    case ZSIP_HEADER_FROM:
        status = one_party(msg, begin, end, id, &msg->from, &fault);
        break;
    case ZSIP_HEADER_TO:
        status = one_party(msg, begin, end, id, &msg->to, &fault);
        break;
    case ZSIP_HEADER_CALL_ID:
        status = call_id(msg, begin, end, &fault);
        break;
    case ZSIP_HEADER_CSEQ:
        status = cseq(msg, begin, end, &fault);
        break;
    case ZSIP_HEADER_MAX_FORWARDS:
        status = max_forwards(msg, begin, end, &fault);
        break;
    case ZSIP_HEADER_CONTENT_LENGTH:
        status = content_length(msg, begin, end, &fault);
        break;
    case ZSIP_HEADER_CONTENT_TYPE:
        status = zsip_machine_media_type(msg->data, begin, end, &msg->content_type, &fault);
        break;
    default:
        break;
    }
    if (status != ZSIP_OK)
        keep_first(msg, &fault);
}

/* ---- The message ----------------------------------------------------------------------------- */

/* message-header = field-name HCOLON field-value CRLF */
static void header_line(struct zsip_msg *msg, const uint8_t *name, struct line line)
{
    const uint8_t *p = name;
    while (p < line.end && zsip_is_token_char(*p))
        p++;
    size_t name_length = (size_t)(p - name);
    while (p < line.end && (*p == ' ' || *p == '\t'))
        p++;
    if (name_length == 0 || p == line.end || *p != ':') {
        note(msg, p, ZSIP_ERROR_SYNTAX, "header field name");
        return;
    }
    if (name_length > 255) {
        note(msg, name, ZSIP_ERROR_TOO_LARGE, "header field name");
        return;
    }
    const uint8_t *begin = ++p, *end = line.end;
    while (begin < end && zsip_is_lws(*begin))
        begin++;
    if (begin == end)
        begin = end = p;
    while (end > begin && zsip_is_lws(end[-1]))
        end--;

    enum zsip_header_id id = zsip_header_by_name((struct zsip_view){name, name_length});
    if (msg->header_count < ZSIP_HEADERS_MAX) {
        msg->headers[msg->header_count++] = (struct zsip_header){
            .value = zsip_slice_between(msg->data, begin, end),
            .name_offset = (uint16_t)(name - msg->data),
            .name_length = (uint8_t)name_length,
            .id = (uint8_t)id,
        };
    } else {
        note(msg, name, ZSIP_ERROR_TOO_MANY, "header fields");
    }
    if (line.odd != NULL) {
        note(msg, line.odd, ZSIP_ERROR_SYNTAX, line.odd_rule);
        msg->present |= 1ull << (unsigned)id;
        return;
    }
    zsip_field_slow(msg, id, name, begin, end);
}

const uint8_t *zsip_line_slow(struct zsip_msg *msg, const uint8_t *p, const uint8_t *end)
{
    struct line line = line_find(p, end, true);
    if (line.end == NULL)
        return NULL;
    header_line(msg, p, line);
    return line.end + 2;
}

const uint8_t *zsip_start_slow(struct zsip_msg *msg, const uint8_t *end)
{
    struct zsip_fault fault;
    struct line line = line_find(msg->data, end, false);
    if (line.end == NULL)
        return NULL;
    if (zsip_machine_start(msg, line.end, &fault) != ZSIP_OK)
        keep_first(msg, &fault);
    return line.end + 2;
}

static void missing_fields(struct zsip_msg *msg, unsigned flags)
{
    const uint8_t *at = msg->data + msg->header_bytes;
    for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
        if ((msg->present >> mandatory[i].id & 1) == 0)
            note(msg, at, ZSIP_ERROR_MISSING, mandatory[i].rule);
    }
    if ((flags & ZSIP_PARSE_STREAM) && !zsip_msg_has(msg, ZSIP_HEADER_CONTENT_LENGTH))
        note(msg, at, ZSIP_ERROR_MISSING, "Content-Length");
}

/* RFC 3261 section 18.3. A length that can't be believed gives no body at all. */
static void body(struct zsip_msg *msg, size_t left)
{
    if (left > UINT32_MAX)
        left = UINT32_MAX;
    msg->body_offset = msg->header_bytes;
    if (msg->content_length != ZSIP_ABSENT) {
        if (msg->content_length > left)
            note(msg, msg->data + msg->body_offset, ZSIP_ERROR_LENGTH, "Content-Length");
        else
            left = msg->content_length;
    } else if (zsip_msg_has(msg, ZSIP_HEADER_CONTENT_LENGTH)) {
        left = 0;
    }
    msg->body_bytes = (uint32_t)left;
}

enum zsip_status zsip_parse_end(struct zsip_msg *msg, const uint8_t *behind, size_t bytes,
                                unsigned flags)
{
    if (behind == NULL) {
        bool cut = bytes > ZSIP_HEADER_SECTION_BYTES_MAX;
        msg->header_bytes = (uint16_t)(cut ? ZSIP_HEADER_SECTION_BYTES_MAX : bytes);
        msg->body_offset = msg->header_bytes;
        note(msg, msg->data + msg->header_bytes, cut ? ZSIP_ERROR_TOO_LARGE : ZSIP_ERROR_TRUNCATED,
             "header section");
    } else {
        msg->header_bytes = (uint16_t)(behind - msg->data);
        missing_fields(msg, flags);
        body(msg, bytes - msg->header_bytes);
    }
    return msg->fault.status;
}

enum zsip_status zsip_parse_plain(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                  unsigned flags)
{
    while (bytes >= 2 && data[0] == '\r' && data[1] == '\n') {
        data += 2;
        bytes -= 2;
    }
    __builtin_memset(msg, 0, offsetof(struct zsip_msg, headers));
    msg->data = data;
    msg->max_forwards = ZSIP_ABSENT;
    msg->content_length = ZSIP_ABSENT;

    const uint8_t *end =
        data + (bytes < ZSIP_HEADER_SECTION_BYTES_MAX ? bytes : ZSIP_HEADER_SECTION_BYTES_MAX);
    const uint8_t *p = zsip_start_slow(msg, end);
    while (p != NULL && !(end - p >= 2 && p[0] == '\r' && p[1] == '\n'))
        p = zsip_line_slow(msg, p, end);
    return zsip_parse_end(msg, p == NULL ? NULL : p + 2, bytes, flags);
}

size_t zsip_msg_size(void)
{
    return sizeof(struct zsip_msg);
}
