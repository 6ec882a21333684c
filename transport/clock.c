/* The clocks and the entropy of the kernel: nobody else reads them. */
#include "zsip/host.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

struct zsip_time zsip_time_now(void)
{
    struct timespec monotonic, utc;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    /* Seconds are all that is used of it, and the coarse clock costs a third. */
    clock_gettime(CLOCK_REALTIME_COARSE, &utc);
    return (struct zsip_time){
        .monotonic_ns = (uint64_t)monotonic.tv_sec * ZSIP_NS_PER_S + (uint64_t)monotonic.tv_nsec,
        .utc_s = utc.tv_sec,
    };
}

enum zsip_status zsip_random(void *out, size_t bytes)
{
    uint8_t *next = out;
    while (bytes > 0) {
        ssize_t got = getrandom(next, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ZSIP_ERROR_SYSTEM;
        next += got;
        bytes -= (size_t)got;
    }
    return ZSIP_OK;
}
