/* A helper thread that makes memory present before the packet thread needs it: the first touch of
 * a page costs the kernel a page fault and the clearing of it, up to most of a millisecond where
 * pages are huge. */
#ifndef ZSIP_CORE_TOUCHER_H
#define ZSIP_CORE_TOUCHER_H

#include "zsip/base.h"

struct toucher;
struct zsip_endpoint;

/* ERROR_MEMORY, ERROR_SYSTEM (no thread to be had). */
enum zsip_status zsip_toucher_create(const struct zsip_memory *memory, struct toucher **toucher);
/* Waits for the touch that is under way; the rest is forgotten. NULL is allowed. */
void zsip_toucher_destroy(struct toucher *toucher);

/* Has the pages of the range touched, contents unchanged. false: it is behind, do it yourself. */
bool zsip_toucher_touch(struct toucher *toucher, void *range, size_t bytes);

/* From now on the endpoint's memory is touched by it, as long as it lives. */
void zsip_endpoint_touch_by(struct zsip_endpoint *endpoint, struct toucher *toucher);

/* The same at once, on this thread. */
void zsip_touch(void *range, size_t bytes);

#endif
