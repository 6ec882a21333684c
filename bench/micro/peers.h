/* Other SIP parsers behind one interface, to be timed beside ours and to be asked for their
 * verdicts. Which of them are here depends on what the build found (libosip2-dev,
 * libsofia-sip-ua-dev, libre-dev).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_BENCH_PEERS_H
#define ZSIP_BENCH_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer {
    const char *name; /* as in row names: "osip2" */
    const char *note; /* what the call does */
    /* Parses a message and throws the result away. Returns whether the library took it as a whole,
     * start line and every field that it looks into. data[bytes] is readable and 0. */
    bool (*parse)(const uint8_t *data, size_t bytes);
};

/* The peers that were built in, and the names of those that were not. Both end in NULL. */
extern const struct peer *const peers_here[];
extern const char *const peers_absent[];

/* Before the first parse. */
void peers_init(void);

#endif
