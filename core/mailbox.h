/* A bounded mailbox: many threads put functions in, one takes them out. No lock: a slow producer
 * delays what stands behind it, and nobody else. */
#ifndef ZSIP_CORE_MAILBOX_H
#define ZSIP_CORE_MAILBOX_H

#include "zsip/worker.h"

#include <stdatomic.h>

#define MAILBOX_POSTS 4096u /* a power of two */

struct mailbox_cell {
    _Atomic size_t turn; /* whose turn it is: the position at which to write, + 1 once written */
    zsip_posted function;
    void *argument;
};

struct mailbox {
    _Alignas(64) _Atomic size_t tail; /* next to write */
    _Atomic bool rung;                /* somebody woke the reader, or will at once */
    _Alignas(64) size_t head;         /* next to read */
    struct mailbox_cell cells[MAILBOX_POSTS];
};

void zsip_mailbox_init(struct mailbox *mailbox);

/* Any thread. False if it is full. */
bool zsip_mailbox_put(struct mailbox *mailbox, zsip_posted function, void *argument);

/* The reader alone. False if nothing is there, or the next post is still being written. */
bool zsip_mailbox_take(struct mailbox *mailbox, zsip_posted *function, void **argument);

#endif
