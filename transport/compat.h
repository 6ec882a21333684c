/* What is newer than the oldest headers we build against (Debian 12: liburing 2.3, Linux 6.1), by
 * number. Whether the running kernel has it is found out when it is used first. */
#ifndef ZSIP_NET_COMPAT_H
#define ZSIP_NET_COMPAT_H

#include <netinet/udp.h>
#include <stdint.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
/* SO_MEMINFO: an array of 32-bit counters, of which the ninth is drops. */
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/* IORING_REGISTER_PBUF_RING with its flags, and what came with them: Linux 6.12, liburing 2.8. */
struct zsip_buffer_ring {
    uint64_t address;
    uint32_t entries;
    uint16_t group;
    uint16_t flags;
    uint64_t reserved[3];
};
/* A buffer is filled piece by piece; a completion says whether it is filled further. */
#define ZSIP_BUFFER_RING_INCREMENTAL 2u
#define ZSIP_CQE_BUFFER_MORE         (1u << 4)

#endif
