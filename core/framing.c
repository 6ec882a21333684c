/* How messages are cut from a stream: the parser's framer, for a room that does not know it. */
#include "core/framing.h"

#include "zsip/parser.h"

#include <string.h>

static void frame_begin(void *user, void *state)
{
    const struct zsip_stream_config *streams = user;
    uint32_t body_bytes = streams->body_bytes > 0 ? streams->body_bytes : 65536;
    _Static_assert(sizeof(struct zsip_frame) <= ZSIP_NET_FRAMER_BYTES, "it fits");
    zsip_frame_init(state, streams->header_bytes, body_bytes);
}

enum { STATUS_AT = sizeof("SIP/2.0 ") - 1 };

static enum zsip_net_frame frame_next(void *user, void *state, const uint8_t *data, size_t bytes,
                                      struct zsip_net_framed *framed)
{
    struct zsip_frame *frame = state;
    enum zsip_frame_event event;
    (void)user;
    enum zsip_status status = zsip_frame_next(frame, data, bytes, &event, &framed->bytes, NULL);
    if (status == ZSIP_MORE)
        return ZSIP_NET_FRAME_MORE;
    if (status == ZSIP_OK && event == ZSIP_FRAME_MESSAGE) {
        bool response = framed->bytes > STATUS_AT && memcmp(data, "SIP/2.0 ", STATUS_AT) == 0;
        framed->silent = response || memcmp(data, "ACK ", 4) == 0;
        framed->final = response && data[STATUS_AT] != '1';
        return ZSIP_NET_FRAME_MESSAGE;
    }
    if (status == ZSIP_OK)
        return event == ZSIP_FRAME_PING ? ZSIP_NET_FRAME_PING : ZSIP_NET_FRAME_SKIP;
    framed->status = status;
    /* A header section without end: its beginning may be enough to be answered. */
    if (framed->bytes == 0)
        framed->bytes = bytes < frame->header_bytes_max ? bytes : frame->header_bytes_max;
    return ZSIP_NET_FRAME_FAULT;
}

struct zsip_net_framer zsip_framing(struct zsip_stream_config *streams)
{
    return (struct zsip_net_framer){.begin = frame_begin,
                                    .next = frame_next,
                                    .user = streams,
                                    .interim = '1',
                                    .interim_at = STATUS_AT};
}
