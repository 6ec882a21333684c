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
    ZSIP_FEATURE_MULTISHOT = 32,  /* multishot receive and accept */
    ZSIP_FEATURE_FILES = 64,      /* registered files */
    ZSIP_FEATURE_LONG = 128,      /* trains of more than 64 datagrams */
};

/* Bounds of the connections of one worker. A 0 means what the comment says, or the default where it
 * says nothing. */
struct zsip_stream_config {
    uint32_t connections; /* all together; 32,768 */
    /* Accepted from one address (IPv6: one /64), or opened for answers to it; 16,384. */
    uint32_t connections_per_source;
    uint32_t connections_per_target; /* opened to one address and port; 1 */
    uint32_t header_bytes;           /* of a message's header section; 65,535, the most there is */
    uint32_t body_bytes;             /* of its body; 65,536 */
    /* Answers that a peer does not read wait in our memory up to this, 1 MiB, beside those to what
     * had come already, and meanwhile nothing is read from it; a connection that needs more is
     * closed. Requests beyond it fail. */
    uint32_t unsent_bytes;
    /* What half messages and unsent answers of all connections may take, a power of two from 1 MiB;
     * 64 MiB. What is not used costs address space only. */
    uint32_t memory_bytes;
    uint32_t accept_rate; /* connections a second; more wait in the kernel; 0: any */
    uint32_t reserved;
    uint64_t first_byte_ns; /* from accept to the first byte; 30 s */
    uint64_t message_ns;    /* from the first byte of a message to its last; 30 s */
    uint64_t unsent_ns;     /* without progress of what waits to be sent; 30 s */
    uint64_t idle_ns;       /* without anything received or sent; 600 s */
    uint64_t connect_ns;    /* for a connection of ours to stand; 4 s */
    uint64_t ping_ns;       /* idle connections of ours are pinged (RFC 5626 4.4.1); 0: not */
    bool alias;             /* RFC 5923 */
    /* Each request leaves by a connection of its own, which is reset once it is answered, so that
     * its port is free at once. connections_per_target says nothing then. */
    bool connection_each;
    uint8_t reserved_bytes[6];
    uint64_t reserved_more[8]; /* as in struct zsip_endpoint_config */
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
