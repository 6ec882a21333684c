/* libosip2: a message object, parsed eagerly.
 *
 * SPDX-License-Identifier: MIT */
#include "bench/micro/peers.h"
#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>
#include <stdarg.h>

extern const struct peer peer_osip2;
void peer_osip2_init(void);

/* It tells of every message that it doesn't like; that would be timed too. */
static void say_nothing(const char *file, int line, osip_trace_level_t level, const char *format,
                        va_list arguments)
{
    (void)file;
    (void)line;
    (void)level;
    (void)format;
    (void)arguments;
}

void peer_osip2_init(void)
{
    osip_trace_initialize_func(END_TRACE_LEVEL, say_nothing);
    for (int level = 0; level < END_TRACE_LEVEL; level++) {
        osip_trace_disable_level((osip_trace_level_t)level);
    }
    parser_init();
}

static bool parse(const uint8_t *data, size_t bytes)
{
    osip_message_t *message;
    if (osip_message_init(&message) != 0) {
        return false;
    }
    int error = osip_message_parse(message, (const char *)data, bytes);
    osip_message_free(message);
    return error == 0;
}

const struct peer peer_osip2 = {"osip2", "osip_message_parse", parse};
