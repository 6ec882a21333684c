/* Room for half messages and unsent bytes, which all connections share. When there is none left,
 * those give way that have kept theirs the longest without getting on: who needs some for the time
 * of a round trip does not suffer for those who never end a message, or never read. */
#include "transport/internal.h"

/* So many small ones side by side make room for the largest message. */
enum { EVICTIONS_MAX = 64 };

static uint64_t since(const struct streams *s, enum stream_timer timer)
{
    uint32_t head = s->queues[timer].head;
    return head == NO_CONNECTION ? ZSIP_NEVER_NS : s->connections[head].timer_ns;
}

/* Closes the one that gives way. false: there is none but the one that asks. What it has to say
 * finds no other way: that would take room again. */
static bool evict(struct zsip_net *t, const struct connection *asks)
{
    const struct streams *s = t->streams;
    enum stream_timer timer = TIMER_MESSAGE;
    if (since(s, TIMER_UNSENT) < since(s, timer))
        timer = TIMER_UNSENT;
    if (since(s, TIMER_CONNECT) < since(s, timer))
        timer = TIMER_CONNECT;
    uint32_t head = s->queues[timer].head;
    if (head == NO_CONNECTION || &s->connections[head] == asks)
        return false;
    COUNT(t, closed_memory, 1);
    zsip_connection_close(t, &s->connections[head], CLOSING_ABORT | CLOSING_FAIL);
    return true;
}

void *zsip_room_take(struct zsip_net *t, const struct connection *c, size_t bytes,
                     uint32_t *taken_bytes)
{
    struct blocks *blocks = &t->streams->blocks;
    void *block = zsip_blocks_take(blocks, bytes, taken_bytes);
    for (unsigned i = 0; block == NULL && i < EVICTIONS_MAX && evict(t, c); i++)
        block = zsip_blocks_take(blocks, bytes, taken_bytes);
    return block;
}
