/* Where requests are sent from: addresses and ports as a user writes them.
 *
 *     127.0.1.1                         one address, a port of the kernel's choice
 *     127.0.1.1-127.0.1.50              fifty of them; 127.0.1.1-50 is short for it
 *     127.0.1.1-50:6000-6009            and ten ports of each
 *     [2001:db8::1-2001:db8::ff]:6000   IPv6
 *     192.0.2.7,192.0.2.20-192.0.2.29   several such parts */
#ifndef ZSIP_BENCH_LOAD_SOURCE_H
#define ZSIP_BENCH_LOAD_SOURCE_H

#include "zsip/zsip.h"

/* Sockets of one worker, and of as many workers as there may be. */
#define LOAD_SOURCES_WORKER_MAX 256u
#define LOAD_SOURCES_MAX        16384u
#define LOAD_SOURCE_PARTS_MAX   32u

struct load_source_part {
    struct zsip_address first;
    uint32_t addresses; /* first and on */
    uint32_t ports;     /* of each, first.port and on; 1 with port 0: the kernel chooses */
};

struct load_sources {
    struct load_source_part parts[LOAD_SOURCE_PARTS_MAX];
    uint32_t part_count;
    uint32_t count; /* pairs of address and port, 1..LOAD_SOURCES_MAX */
    bool ported;    /* some part names ports */
};

/* Reads text; all parts are of one family. false: error holds one line, what and where. */
bool load_sources_parse(struct load_sources *out, const char *text, char *error,
                        size_t error_bytes);
/* Number index, below count: of each part the addresses in turn, then their next port. */
void load_sources_at(const struct load_sources *sources, uint32_t index, struct zsip_address *out);

/* ---- Sent-bys ---------------------------------------------------------------------------------
 *
 * A set of them, told apart as RFC 3261 section 18.1.2 wants: without regard to case. */

struct load_names {
    char (*texts)[ZSIP_ADDRESS_TEXT_BYTES];
    uint32_t mask; /* of places; twice as many as names, at least */
};

/* Room for count names. false: no memory. */
bool load_names_create(struct load_names *names, uint32_t count);
void load_names_drop(struct load_names *names);
/* name is shorter than ZSIP_ADDRESS_TEXT_BYTES, and in there no more than count are added. */
void load_names_add(struct load_names *names, const char *name);
bool load_names_have(const struct load_names *names, struct zsip_view name);

#endif
