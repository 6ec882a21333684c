/* sofia-sip: a message object, parsed eagerly.
 *
 * SPDX-License-Identifier: MIT */
#include "bench/micro/peers.h"
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su.h>

extern const struct peer peer_sofia;
void peer_sofia_init(void);

void peer_sofia_init(void)
{
    su_init();
}

/* A field it can't parse it notes in sip_error or leaves out; that and what sip_sanity_check()
 * finds is its verdict. */
static bool parse(const uint8_t *data, size_t bytes)
{
    msg_t *msg = msg_make(sip_default_mclass(), 0, data, (issize_t)bytes);
    if (msg == NULL) {
        return false;
    }
    sip_t *sip = sip_object(msg);
    bool good = sip != NULL && sip->sip_error == NULL && (sip->sip_flags & MSG_FLG_ERROR) == 0 &&
                sip_sanity_check(sip) == 0;
    msg_destroy(msg);
    return good;
}

const struct peer peer_sofia = {"sofia-sip", "msg_make", parse};
