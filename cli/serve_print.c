/* zsip serve --print: one message on standard output. */
#include "serve.h"

#include <string.h>
#include <strings.h>
#include <time.h>

static void put_type(const struct zsip_msg *msg)
{
    const struct zsip_media_type *type = &msg->content_type;

    if (!zsip_slice_present(type->type))
        return;
    fputs(", ", stdout);
    cli_put_view(stdout, zsip_msg_view(msg, type->type), NULL);
    putc_unlocked('/', stdout);
    cli_put_view(stdout, zsip_msg_view(msg, type->subtype), NULL);
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
    printf("%s %s:%s ", clock, cli_transport_name((enum zsip_transport)incoming->path->transport),
           zsip_address_text(&incoming->path->remote, remote));
    cli_put_view(stdout, zsip_msg_view(msg, msg->method_name), NULL);
    putc_unlocked(' ', stdout);
    cli_put_view(stdout, zsip_msg_view(msg, msg->request_uri.whole), NULL);
    fputs(" from ", stdout);
    cli_put_view(stdout, zsip_msg_view(msg, msg->from.uri), NULL);
    put_type(msg);
    printf(", %zu bytes%s\n", body.length, incoming->expired ? ", expired" : "");
    if (body.length > 0 && is_text(msg)) {
        fputs("    ", stdout);
        cli_put_view(stdout, body, "\n    ");
        putc_unlocked('\n', stdout);
    }
    funlockfile(stdout);
}
