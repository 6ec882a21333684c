/* What the kernel tells about a server on this very machine. */
#ifndef ZSIP_BENCH_LOAD_TARGET_H
#define ZSIP_BENCH_LOAD_TARGET_H

#include "zsip/zsip.h"

/* Datagrams that sockets bound to this UDP port dropped since they were opened, for want of buffer.
 * 0 where the address is another machine's, or nothing is known. */
uint64_t load_target_dropped(const struct zsip_address *remote);

#endif
