/* The queue after Dmitry Vyukov: each cell carries the position it waits for, so that a producer
 * claims a position with one compare-and-swap and publishes it with one store. */
#include "core/mailbox.h"

void zsip_mailbox_init(struct mailbox *mailbox)
{
    atomic_init(&mailbox->tail, 0);
    atomic_init(&mailbox->rung, false);
    mailbox->head = 0;
    for (size_t i = 0; i < MAILBOX_POSTS; i++)
        atomic_init(&mailbox->cells[i].turn, i);
}

bool zsip_mailbox_put(struct mailbox *mailbox, zsip_posted function, void *argument)
{
    size_t position = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);
    struct mailbox_cell *cell;
    /* Each round lost is a post that somebody else made: there are at most MAILBOX_POSTS of them
     * before it is full. */
    for (;;) {
        cell = &mailbox->cells[position % MAILBOX_POSTS];
        size_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        if (turn == position) {
            if (atomic_compare_exchange_weak_explicit(&mailbox->tail, &position, position + 1,
                                                      memory_order_relaxed, memory_order_relaxed))
                break;
        } else if (turn - position > SIZE_MAX / 2) {
            return false; /* still holds the post of one round ago */
        } else {
            position = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);
        }
    }
    cell->function = function;
    cell->argument = argument;
    atomic_store_explicit(&cell->turn, position + 1, memory_order_release);
    return true;
}

bool zsip_mailbox_take(struct mailbox *mailbox, zsip_posted *function, void **argument)
{
    struct mailbox_cell *cell = &mailbox->cells[mailbox->head % MAILBOX_POSTS];
    if (atomic_load_explicit(&cell->turn, memory_order_acquire) != mailbox->head + 1)
        return false;
    *function = cell->function;
    *argument = cell->argument;
    atomic_store_explicit(&cell->turn, mailbox->head + MAILBOX_POSTS, memory_order_release);
    mailbox->head++;
    return true;
}
