/* Address space by a caller's hooks, where one that has no reserve is served by allocate. */
#ifndef ZSIP_NET_MEMORY_H
#define ZSIP_NET_MEMORY_H

#include "zsip/base.h"

/* Memory that reads as zero, and costs something only where it is touched if the hooks can do that;
 * NULL when there is none. */
void *zsip_memory_reserve(const struct zsip_memory *memory, size_t bytes);
/* Gives it back; NULL is allowed. */
void zsip_memory_unreserve(const struct zsip_memory *memory, void *block, size_t bytes);

/* Has the kernel bring in the pages of a range, without a look at what they hold: the owner may be
 * writing there. False where it can't: an older kernel, or no memory of that kind. */
bool zsip_memory_populate(void *range, size_t bytes);

#endif
