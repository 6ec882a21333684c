/* Bounds of messages on a stream, as an option of connections sets them. */
#include "core/framing.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char text[200000];

/* A MESSAGE whose header section has this many bytes, with a body of so many. */
static size_t message(size_t header_bytes, size_t body_bytes)
{
    int fixed =
        snprintf(text, sizeof(text), "MESSAGE sip:a@b SIP/2.0\r\nl: %zu\r\nX: ", body_bytes);
    size_t at = (size_t)fixed, end = header_bytes - 4;
    cr_assert(at < end && header_bytes + body_bytes <= sizeof(text));
    memset(text + at, 'x', end - at);
    memcpy(text + end, "\r\n\r\n", 4);
    memset(text + header_bytes, 'b', body_bytes);
    return header_bytes + body_bytes;
}

static enum zsip_status fault_of(struct zsip_stream_config *streams, size_t header_bytes,
                                 size_t body_bytes)
{
    struct zsip_net_framer framer = zsip_framing(streams);
    struct zsip_net_framed framed = {0};
    _Alignas(8) uint8_t state[ZSIP_NET_FRAMER_BYTES];
    size_t bytes = message(header_bytes, body_bytes);
    framer.begin(framer.user, state);
    enum zsip_net_frame frame =
        framer.next(framer.user, state, (const uint8_t *)text, bytes, &framed);
    if (frame == ZSIP_NET_FRAME_MESSAGE) {
        cr_assert_eq(framed.bytes, bytes);
        return ZSIP_OK;
    }
    cr_assert_eq(frame, ZSIP_NET_FRAME_FAULT);
    cr_assert(framed.bytes > 0, "there is something to answer");
    return framed.status;
}

Test(framing, header_section_and_body_have_the_bounds_that_are_given)
{
    struct zsip_stream_config streams = {.header_bytes = 2048, .body_bytes = 1000};
    cr_assert_eq(fault_of(&streams, 2048, 1000), ZSIP_OK);
    cr_assert_eq(fault_of(&streams, 2049, 1000), ZSIP_ERROR_TOO_LARGE);
    cr_assert_eq(fault_of(&streams, 2048, 1001), ZSIP_ERROR_TOO_LARGE);
    cr_assert_eq(fault_of(&streams, 60000, 0), ZSIP_ERROR_TOO_LARGE);
    cr_assert_eq(fault_of(&streams, 100, 65536), ZSIP_ERROR_TOO_LARGE);
}

Test(framing, without_any_they_are_64_kib)
{
    struct zsip_stream_config streams = {0};
    cr_assert_eq(fault_of(&streams, 65535, 65536), ZSIP_OK);
    cr_assert_eq(fault_of(&streams, 65536, 0), ZSIP_ERROR_TOO_LARGE);
    cr_assert_eq(fault_of(&streams, 100, 65537), ZSIP_ERROR_TOO_LARGE);
}

static struct zsip_net_framed framed_as(const char *message)
{
    struct zsip_stream_config streams = {0};
    struct zsip_net_framer framer = zsip_framing(&streams);
    struct zsip_net_framed framed = {0};
    _Alignas(8) uint8_t state[ZSIP_NET_FRAMER_BYTES];
    framer.begin(framer.user, state);
    cr_assert_eq(
        framer.next(framer.user, state, (const uint8_t *)message, strlen(message), &framed),
        ZSIP_NET_FRAME_MESSAGE);
    return framed;
}

Test(framing, what_is_answered_and_what_answers_for_good_are_told_apart)
{
    struct zsip_net_framed request = framed_as("MESSAGE sip:a@b SIP/2.0\r\nl: 0\r\n\r\n"),
                           ack = framed_as("ACK sip:a@b SIP/2.0\r\nl: 0\r\n\r\n"),
                           trying = framed_as("SIP/2.0 100 Trying\r\nl: 0\r\n\r\n"),
                           ok = framed_as("SIP/2.0 200 OK\r\nl: 0\r\n\r\n");
    cr_assert(!request.silent && !request.final);
    cr_assert(ack.silent && !ack.final);
    cr_assert(trying.silent && !trying.final);
    cr_assert(ok.silent && ok.final);
}
