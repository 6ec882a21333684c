/* zsip serve --print: one message on standard output. */
#include "serve.h"

#include <string.h>
#include <strings.h>
#include <time.h>

/* A terminal must not obey what a peer wrote: control characters, also those that UTF-8 has
 * beyond ASCII (U+0080..U+009F), are shown as \xNN. */
static void put_safe(struct zsip_view view, bool lines)
{
    for (size_t i = 0; i < view.length; i++) {
        uint8_t c = view.data[i];
        bool c1 = i > 0 && view.data[i - 1] == 0xc2 && c >= 0x80 && c < 0xa0;

        if (lines && c == '\n')
            fputs("\n    ", stdout);
        else if (lines && c == '\r' && i + 1 < view.length && view.data[i + 1] == '\n')
            continue;
        else if ((c < ' ' && c != '\t') || c == 0x7f || c1)
            printf("\\x%02x", c);
        else
            putc_unlocked(c, stdout);
    }
}

static void put_type(const struct zsip_msg *msg)
{
    const struct zsip_media_type *type = &msg->content_type;

    if (!zsip_slice_present(type->type))
        return;
    fputs(", ", stdout);
    put_safe(zsip_msg_view(msg, type->type), false);
    putc_unlocked('/', stdout);
    put_safe(zsip_msg_view(msg, type->subtype), false);
}

static bool is_text(const struct zsip_msg *msg)
{
    struct zsip_view type = zsip_msg_view(msg, msg->content_type.type);

    return type.length == 0 ||
           (type.length == 4 && strncasecmp((const char *)type.data, "text", 4) == 0) ||
           (type.length == 7 && strncasecmp((const char *)type.data, "message", 7) == 0);
}

void serve_print(const struct zsip_incoming *incoming)
{
    const struct zsip_msg *msg = incoming->msg;
    struct zsip_view body = zsip_msg_body(msg);
    char remote[ZSIP_ADDRESS_TEXT_BYTES], clock[16];
    time_t utc = (time_t)incoming->now.utc_s;
    struct tm parts;

    localtime_r(&utc, &parts);
    strftime(clock, sizeof clock, "%H:%M:%S", &parts);
    flockfile(stdout);
    printf("%s udp:%s ", clock, zsip_address_text(&incoming->path->remote, remote));
    put_safe(zsip_msg_view(msg, msg->method_name), false);
    putc_unlocked(' ', stdout);
    put_safe(zsip_msg_view(msg, msg->request_uri.whole), false);
    fputs(" from ", stdout);
    put_safe(zsip_msg_view(msg, msg->from.uri), false);
    put_type(msg);
    printf(", %zu bytes%s\n", body.length, incoming->expired ? ", expired" : "");
    if (body.length > 0 && is_text(msg)) {
        fputs("    ", stdout);
        put_safe(body, true);
        putc_unlocked('\n', stdout);
    }
    funlockfile(stdout);
}
