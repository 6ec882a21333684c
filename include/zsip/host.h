/* zsip: what it asks of the machine it runs on. Clocks, entropy, memory, addresses as text, the
 * features of the kernel, and where lines for a person go. The parser and the endpoint need none
 * of it: who drives an endpoint alone may take from here what is handy.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_HOST_H
#define ZSIP_HOST_H

#include "zsip/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kernel features that can be done without, each by a slower path. */
enum zsip_feature {
    ZSIP_FEATURE_GRO = 1,         /* UDP_GRO: receive trains */
    ZSIP_FEATURE_GSO = 2,         /* UDP_SEGMENT: send trains */
    ZSIP_FEATURE_INCREMENTAL = 4, /* incremental buffer rings */
    ZSIP_FEATURE_BUNDLES = 8,     /* several buffers in one completion */
    ZSIP_FEATURE_DEFER = 16,      /* IORING_SETUP_DEFER_TASKRUN */
    ZSIP_FEATURE_MULTISHOT = 32,  /* multishot receive */
};

/* One line for a person: what, where, what to do. No line end. */
typedef void (*zsip_log)(void *user, const char *line);

enum zsip_listen_flag {
    /* Several workers listen on one address (SO_REUSEPORT). The first to come has looked first
     * whether the port is free, so that a second server does not join it unnoticed. */
    ZSIP_LISTEN_SHARED = 1,
    /* Not the first of the workers that share: no such look. */
    ZSIP_LISTEN_JOIN = 2,
};

/* Now, on the clocks a worker reads: CLOCK_MONOTONIC, and UTC to the second. */
ZSIP_API struct zsip_time zsip_time_now(void);

/* Fills out with random bytes from the kernel, for seeds. Blocks only on a machine that has just
 * started. ERROR_SYSTEM. */
ZSIP_API enum zsip_status zsip_random(void *out, size_t bytes);

/* The allocator used where a configuration names none: the C library's for small things, mappings
 * for large ones. Static. */
ZSIP_API const struct zsip_memory *zsip_memory_default(void);

/* "192.0.2.1:5060", "[2001:db8::1]:5060", "[fe80::1%eth0]:5060"; the port may be missing (then
 * default_port). Numeric only. ERROR_SYNTAX. */
ZSIP_API enum zsip_status zsip_address_parse(const char *text, uint16_t default_port,
                                             struct zsip_address *address);
/* Writes the form above with the port; out has ZSIP_ADDRESS_TEXT_BYTES. Returns out. */
ZSIP_API const char *zsip_address_text(const struct zsip_address *address, char *out);
/* Which of our addresses the kernel would send from to reach remote; port 0. ERROR_UNREACHABLE. */
ZSIP_API enum zsip_status zsip_address_source(const struct zsip_address *remote,
                                              struct zsip_address *local);

#ifdef __cplusplus
}
#endif

#endif
