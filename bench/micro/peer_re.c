/* re (baresip): a message object; top Via, From, To, CSeq and Contact's list eager, the rest
 * indexed.
 *
 * SPDX-License-Identifier: MIT */
#include "bench/micro/peers.h"
#define HAVE_STDBOOL_H /* else re.h makes a bool of its own */
#include <re.h>

extern const struct peer peer_re;
void peer_re_init(void);

void peer_re_init(void)
{
}

/* The buffer counts with it, as re makes one for each datagram it receives; the copy into it (some
 * 20 ns of several thousand) is what there is no way round in this form. */
static bool parse(const uint8_t *data, size_t bytes)
{
    struct sip_msg *message = NULL;
    struct mbuf *buffer = mbuf_alloc(bytes);
    if (buffer == NULL) {
        return false;
    }
    int error = mbuf_write_mem(buffer, data, bytes);
    mbuf_set_pos(buffer, 0);
    if (error == 0) {
        error = sip_msg_decode(&message, buffer);
    }
    mem_deref(message);
    mem_deref(buffer);
    return error == 0;
}

const struct peer peer_re = {"re", "sip_msg_decode", parse};
