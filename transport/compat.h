/* What is newer than the oldest headers we build against (Debian 12: liburing 2.3, Linux 6.1), by
 * number. Whether the running kernel has it is found out when it is used first. */
#ifndef ZSIP_NET_COMPAT_H
#define ZSIP_NET_COMPAT_H

#include <netinet/udp.h>

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

#endif
