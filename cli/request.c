/* zsip load: options about what its requests say. */
#include "request.h"

#include "bench/load/scan.h"
#include "bench/load/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Files ----------------------------------------------------------------------------------- */

/* The whole of a file that is no larger. Returns its bytes, -1: said. */
static long file_read(const char *what, const char *path, void *out, size_t room)
{
    FILE *file = fopen(path, "re");
    size_t bytes;
    bool more;

    if (file == NULL) {
        cli_error("%s %s: can't read: %s", what, path, strerror(errno));
        return -1;
    }
    bytes = fread(out, 1, room, file);
    more = bytes == room && fgetc(file) != EOF;
    if (ferror(file)) {
        cli_error("%s %s: can't read: %s", what, path, strerror(errno));
        fclose(file);
        return -1;
    }
    fclose(file);
    if (!more)
        return (long)bytes;
    cli_error("%s %s: over %zu bytes, more than a datagram takes", what, path, room);
    return -1;
}

/* Lines may end as the editor ends them; on the wire they end with CRLF. What stands behind the
 * empty line is the body and stays as it is, but for one line end at its very end, which editors
 * add. */
static bool template_read(const char *path, struct cli_request *out)
{
    char *raw = malloc(65536);
    size_t used = 0;
    bool body = false;
    long bytes;

    free(out->template_text);
    out->template_text = malloc(2 * 65536 + 1);
    if (raw == NULL || out->template_text == NULL) {
        cli_error("--template %s: no memory", path);
        free(raw);
        return false;
    }
    bytes = file_read("--template", path, raw, 65535);
    for (long i = 0; i < bytes; i++) {
        if (raw[i] == '\0') {
            cli_error("--template %s: byte %ld is NUL, which text can't hold", path, i);
            bytes = -1;
            break;
        }
        if (body && i + 1 == bytes && raw[i] == '\n')
            break;
        if (!body && raw[i] == '\n' && (i == 0 || raw[i - 1] != '\r'))
            out->template_text[used++] = '\r';
        out->template_text[used++] = raw[i];
        body |= used >= 4 && memcmp(out->template_text + used - 4, "\r\n\r\n", 4) == 0;
    }
    out->template_text[used] = '\0';
    free(raw);
    return bytes >= 0;
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

#define BODY_BYTES_MAX 65000

static bool sizes_wrong(const char *text)
{
    cli_error("--body-bytes %s: give N, A-B, or N:WEIGHT,N:WEIGHT..., sizes up to %d", text,
              BODY_BYTES_MAX);
    return false;
}

/* "50:8,900:2": of a thousand quantiles as many as its weight each gets. */
static bool sizes_weighted(const char *text, struct cli_request *out)
{
    enum { PARTS_MAX = 64 };
    double sizes[PARTS_MAX], weights[PARTS_MAX], sum = 0, before = 0;
    struct load_scan scan = {text, text};
    unsigned count = 0, at = 0;

    do {
        if (count == PARTS_MAX || !load_scan_number(&scan, &sizes[count]) ||
            !load_scan_word(&scan, ":") || !load_scan_number(&scan, &weights[count]) ||
            sizes[count] > BODY_BYTES_MAX)
            return sizes_wrong(text);
        sum += weights[count++];
    } while (load_scan_word(&scan, ","));
    if (*scan.at != '\0' || !(sum > 0))
        return sizes_wrong(text);
    for (unsigned i = 0; i < LOAD_SIZES; i++) {
        while (at + 1 < count && (before + weights[at]) / sum * LOAD_SIZES <= i)
            before += weights[at++];
        out->sizes[i] = (uint32_t)sizes[at];
    }
    return true;
}

static bool sizes_set(const char *text, struct cli_request *out)
{
    struct load_scan scan = {text, text};
    double least, most;

    out->bytes_given = true;
    out->sized = strchr(text, ':') != NULL;
    if (out->sized) {
        if (!sizes_weighted(text, out))
            return false;
    } else {
        if (!load_scan_number(&scan, &least))
            return sizes_wrong(text);
        most = least;
        out->sized = load_scan_word(&scan, "-");
        if ((out->sized && !load_scan_number(&scan, &most)) || *scan.at != '\0' || most < least ||
            most > BODY_BYTES_MAX)
            return sizes_wrong(text);
        for (unsigned i = 0; i < LOAD_SIZES; i++)
            out->sizes[i] = (uint32_t)(least + (most - least) * i / (LOAD_SIZES - 1) + 0.5);
    }
    out->bytes = 0;
    for (unsigned i = 0; i < LOAD_SIZES; i++)
        out->bytes = out->sizes[i] > out->bytes ? out->sizes[i] : out->bytes;
    return true;
}

/* ---- Options --------------------------------------------------------------------------------- */

/* Name, colon, value; ours are not doubled. */
static bool header_add(const char *text, struct cli_request *out)
{
    static const char *const ours[] = {"via",
                                       "v",
                                       "from",
                                       "f",
                                       "to",
                                       "t",
                                       "call-id",
                                       "i",
                                       "cseq",
                                       "max-forwards",
                                       "content-length",
                                       "l"};
    size_t used = strlen(out->headers), name = strcspn(text, ": \t");
    const char *colon = text + name + strspn(text + name, " \t");

    if (name == 0 || *colon != ':' || strpbrk(text, "\r\n") != NULL) {
        cli_error("--header %s: give NAME: VALUE, in one line", text);
        return false;
    }
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (strlen(ours[i]) == name && strncasecmp(text, ours[i], name) == 0) {
            cli_error("--header %s: that one is in every request already; to have it otherwise, "
                      "give --template",
                      text);
            return false;
        }
    }
    if (used + strlen(text) + 3 > sizeof out->headers) {
        cli_error("--header %s: over %zu bytes of them", text, sizeof out->headers);
        return false;
    }
    snprintf(out->headers + used, sizeof out->headers - used, "%s\r\n", text);
    return true;
}

static bool method_set(const char *text, struct load_config *config)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 "-.!%*_+`'~");

    config->method = zsip_method_by_name((struct zsip_view){(const uint8_t *)text, strlen(text)});
    config->method_name = text;
    if (length == 0 || text[length] != '\0' || length > 60) {
        cli_error("method %s: not a method; give MESSAGE, OPTIONS, REGISTER or any other", text);
        return false;
    }
    if (config->method != ZSIP_METHOD_INVITE && config->method != ZSIP_METHOD_ACK &&
        config->method != ZSIP_METHOD_CANCEL)
        return true;
    cli_error(
        "method %s: needs transactions of another kind; give MESSAGE, OPTIONS, REGISTER or any "
        "other",
        text);
    return false;
}

static bool body_set(const char *what, const char *text, bool file, struct cli_request *out,
                     struct load_config *config)
{
    long bytes = (long)strlen(text);

    if (file)
        bytes = file_read(what, text, out->body, BODY_BYTES_MAX);
    else if (bytes <= BODY_BYTES_MAX)
        memcpy(out->body, text, (size_t)bytes);
    else
        cli_error("%s: over %d bytes", what, BODY_BYTES_MAX);
    if (bytes < 0 || bytes > BODY_BYTES_MAX)
        return false;
    config->body = (struct zsip_view){out->body, (size_t)bytes};
    return true;
}

bool cli_request_option(int id, const char *value, struct cli_request *request,
                        struct load_config *config)
{
    switch (id) {
    case CLI_REQUEST_METHOD:
        return method_set(value, config);
    case CLI_REQUEST_TEMPLATE:
        config->text_name = value;
        return template_read(value, request);
    case CLI_REQUEST_TO:
        config->to = value;
        return true;
    case CLI_REQUEST_FROM:
        config->from = value;
        return true;
    case CLI_REQUEST_HEADER:
        return header_add(value, request);
    case CLI_REQUEST_BODY:
        return body_set("--body", value, false, request, config);
    case CLI_REQUEST_BODY_FILE:
        return body_set("--body-file", value, true, request, config);
    case CLI_REQUEST_BODY_BYTES:
        return sizes_set(value, request);
    case CLI_REQUEST_BODY_UTF8:
        request->utf8 = true;
        return true;
    case CLI_REQUEST_CONTENT_TYPE:
        config->content_type = value;
        return true;
    default:
        ZSIP_ASSERT(id == CLI_REQUEST_VOUCH);
        config->vouched = true;
        return true;
    }
}

/* ---- Together -------------------------------------------------------------------------------- */

/* One character of each length, and some that read from the right. */
static const char scripts[] = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. "
                              "Съешь ещё этих мягких французских булок. 敏捷的棕色狐狸。"
                              "いろはにほへと。 نص حكيم له سر قاطع. 👩\u200d🚀🇪🇺😀 ";

/* Repeats what there is up to so many bytes. */
static void repeat(struct cli_request *request, const char *text, size_t length, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        request->body[i] = (uint8_t)text[i % length];
}

/* The first word of a template is its method. */
static bool template_method(struct cli_request *request, struct load_config *config)
{
    static char name[64];
    size_t length = strcspn(request->template_text, " \r\n");

    if (length >= sizeof name) {
        cli_error("--template %s:1: does not begin with a method", config->text_name);
        return false;
    }
    memcpy(name, request->template_text, length);
    name[length] = '\0';
    return method_set(name, config);
}

bool cli_request_complete(struct cli_request *request, struct load_config *config)
{
    uint32_t bytes = request->bytes_given ? request->bytes : config->body_bytes;
    bool given = config->body.data != NULL;

    config->headers = request->headers[0] == '\0' ? NULL : request->headers;
    config->text = request->template_text;
    if (config->text != NULL && !template_method(request, config))
        return false;
    if (given && request->utf8) {
        cli_error("--body-utf8: says what stands in a body of ours; leave out --body");
        return false;
    }
    if (given && request->bytes_given && bytes > config->body.length) {
        cli_error("--body-bytes: up to %u of a body that has %zu; give less, or a longer --body",
                  bytes, config->body.length);
        return false;
    }
    if (request->utf8) {
        repeat(request, scripts, sizeof scripts - 1, bytes);
        config->body = (struct zsip_view){request->body, bytes};
    }
    config->utf8 = true; /* bodies are text, unless they come whole */
    config->body_bytes = given && !request->bytes_given ? (uint32_t)config->body.length : bytes;
    /* One size too, where a character could be cut, or where it is less than there is. */
    if (request->sized || (request->bytes_given && (given || request->utf8)) || request->utf8)
        config->sizes = request->sizes;
    for (unsigned i = 0; config->sizes != NULL && !request->bytes_given && i < LOAD_SIZES; i++)
        request->sizes[i] = bytes;
    return true;
}

void cli_request_drop(struct cli_request *request)
{
    free(request->template_text);
}
