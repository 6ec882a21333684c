/* Where a thread runs. */
#include "transport/transport.h"

#include <sched.h>

bool zsip_thread_pin(unsigned cpu)
{
    cpu_set_t set;
    if (cpu >= CPU_SETSIZE)
        return false;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}
