/* The table of peers. Each library has a file of its own, since their headers don't go together.
 *
 * SPDX-License-Identifier: MIT */
#include "bench/micro/peers.h"

#ifdef ZSIP_PEER_OSIP2
extern const struct peer peer_osip2;
void peer_osip2_init(void);
#endif
#ifdef ZSIP_PEER_SOFIA
extern const struct peer peer_sofia;
void peer_sofia_init(void);
#endif
#ifdef ZSIP_PEER_RE
extern const struct peer peer_re;
void peer_re_init(void);
#endif

const struct peer *const peers_here[] = {
#ifdef ZSIP_PEER_OSIP2
    &peer_osip2,
#endif
#ifdef ZSIP_PEER_SOFIA
    &peer_sofia,
#endif
#ifdef ZSIP_PEER_RE
    &peer_re,
#endif
    NULL,
};

const char *const peers_absent[] = {
#ifndef ZSIP_PEER_OSIP2
    "osip2 (libosip2-dev)",
#endif
#ifndef ZSIP_PEER_SOFIA
    "sofia-sip (libsofia-sip-ua-dev)",
#endif
#ifndef ZSIP_PEER_RE
    "re (libre-dev)",
#endif
    NULL,
};

void peers_init(void)
{
#ifdef ZSIP_PEER_OSIP2
    peer_osip2_init();
#endif
#ifdef ZSIP_PEER_SOFIA
    peer_sofia_init();
#endif
#ifdef ZSIP_PEER_RE
    peer_re_init();
#endif
}
