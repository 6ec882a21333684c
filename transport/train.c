/* Trains: datagrams for one peer, equal in length but for the last, that cross the kernel as one
 * (UDP_SEGMENT). The kernel's way out costs about 2 us whether it carries one or many, so this is
 * where the cost of a datagram goes down by an order of magnitude.
 *
 * Outputs are looked at a chunk at a time. Each finds the open train of its path in a small table
 * or opens one; the chunk's trains leave in the order in which they were opened, so every peer that
 * waits gets its turn. */
#include "transport/compat.h"
#include "transport/send.h"

#include <unistd.h>

enum {
    /* A segment fits in every path we know nothing about; a longer message leaves alone. */
    SEGMENT_BYTES_MAX = 1300,
    /* Headers are counted in the kernel's 65,535. */
    TRAIN_BYTES_MAX = 65535 - 48,
    PROBES = 8,
};

/* ---- Peers that trains can't reach ------------------------------------------------------------
 */

static uint32_t hash_bytes(const void *data, size_t bytes, uint32_t hash)
{
    const uint8_t *byte = data;
    for (; bytes >= 8; bytes -= 8, byte += 8) {
        uint64_t word;
        memcpy(&word, byte, sizeof(word));
        word = (word ^ hash) * 0x9e3779b97f4a7c15u;
        hash = (uint32_t)(word >> 32);
    }
    return hash;
}

static struct zsip_address *no_train_entry(struct zsip_net *t, const struct zsip_address *remote)
{
    return &t->no_trains[hash_bytes(remote->ip, sizeof(remote->ip), 0) % NO_TRAIN_TABLE];
}

void zsip_train_forbid(struct zsip_net *t, const struct zsip_address *remote)
{
    *no_train_entry(t, remote) = *remote;
}

static bool is_forbidden(struct zsip_net *t, const struct zsip_address *remote)
{
    const struct zsip_address *entry = no_train_entry(t, remote);
    return entry->family == remote->family && memcmp(entry->ip, remote->ip, sizeof(entry->ip)) == 0;
}

/* ---- How long ---------------------------------------------------------------------------------
 */

bool zsip_train_probe(void)
{
    /* To itself, over loopback: nobody else sees it. */
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t name_bytes = sizeof(name);
    uint8_t bytes[ZSIP_NET_TRAIN_LONG] = {0};
    int segment = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool taken = bind(fd, (struct sockaddr *)&name, name_bytes) == 0 &&
                 getsockname(fd, (struct sockaddr *)&name, &name_bytes) == 0 &&
                 setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)) == 0 &&
                 sendto(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&name,
                        name_bytes) == (ssize_t)sizeof(bytes);
    close(fd);
    return taken;
}

/* ---- Which socket -----------------------------------------------------------------------------
 */

static struct udp_socket *socket_of(struct zsip_net *t, const struct zsip_path *path)
{
    if (path->transport != ZSIP_TRANSPORT_UDP)
        return NULL;
    if (path->flow != 0) {
        struct udp_socket *socket =
            path->flow <= t->socket_count ? &t->sockets[path->flow - 1] : NULL;
        bool fits =
            socket != NULL && !socket->listener && socket->local.family == path->remote.family;
        return fits ? socket : NULL;
    }
    struct udp_socket *found = NULL;
    for (unsigned i = 0; i < t->socket_count; i++) {
        struct udp_socket *socket = &t->sockets[i];
        if (socket->listener || socket->local.family != path->remote.family)
            continue;
        if (path->local.family != ZSIP_FAMILY_NONE && !socket->wildcard &&
            memcmp(socket->local.ip, path->local.ip, sizeof(path->local.ip)) != 0)
            continue;
        if (path->local.port == socket->local.port)
            return socket;
        if (found == NULL)
            found = socket;
    }
    return found;
}

/* ---- Joining ----------------------------------------------------------------------------------
 */

static bool same_path(const struct zsip_path *a, const struct zsip_path *b)
{
    return a == b || memcmp(a, b, sizeof(*a)) == 0;
}

static uint32_t stride(uint32_t bytes)
{
    return (bytes + ZSIP_OUTPUT_STRIDE - 1) / ZSIP_OUTPUT_STRIDE * ZSIP_OUTPUT_STRIDE;
}

/* Adds an output to the end of a train if they go together: as long as the others, or to be made
 * so by padding within its stride, or shorter, and then it is the last. */
static bool join(struct zsip_net *t, struct train *train, const struct zsip_output *output,
                 uint16_t index)
{
    if (train->closed || train->count >= t->train_max)
        return false;
    bool paddable = output->pad_at != 0;
    uint32_t longest = train->bytes_max;
    if (output->bytes > longest) {
        if (!train->paddable || stride(longest) != stride(output->bytes) ||
            output->bytes > SEGMENT_BYTES_MAX)
            return false;
        longest = output->bytes;
        train->equal = false;
    } else if (output->bytes < longest) {
        bool padded = paddable && stride(longest) == stride(output->bytes);
        train->equal &= !padded;
        train->closed = !padded;
    }
    if ((train->count + 1u) * stride(longest) > TRAIN_BYTES_MAX) {
        train->closed = true;
        return false;
    }
    train->bytes_max = longest;
    train->paddable &= paddable;
    t->train_next[train->tail] = index;
    train->tail = index;
    train->count++;
    return true;
}

static void open_train(struct zsip_net *t, const struct zsip_output *output, uint16_t index)
{
    struct udp_socket *socket = socket_of(t, output->path);
    if (socket == NULL) {
        zsip_send_impossible(t, output);
        return;
    }
    t->trains[t->train_count++] = (struct train){
        .path = output->path,
        .socket = socket,
        .bytes_max = output->bytes,
        .head = index,
        .tail = index,
        .count = 1,
        .equal = true,
        .paddable = output->pad_at != 0,
        .closed = !socket->trains || output->bytes > SEGMENT_BYTES_MAX || output->bytes == 0 ||
                  is_forbidden(t, &output->path->remote),
    };
}

/* Puts an output into the open train of its path, or into a new one. */
static void place(struct zsip_net *t, const struct zsip_output *output, uint16_t index)
{
    struct train *last = t->train_count > 0 ? &t->trains[t->train_count - 1] : NULL;
    if (last != NULL && same_path(last->path, output->path) && join(t, last, output, index))
        return;
    uint32_t hash = hash_bytes(output->path, sizeof(*output->path), 0);
    uint64_t mark = (uint64_t)t->train_mark << 32;
    uint64_t *entry = NULL;
    for (unsigned probe = 0; probe < PROBES; probe++) {
        entry = &t->train_table[(hash + probe) % TRAIN_TABLE];
        if ((*entry & ~(uint64_t)UINT32_MAX) != mark)
            break;
        struct train *train = &t->trains[*entry & UINT32_MAX];
        if (!same_path(train->path, output->path))
            continue;
        if (join(t, train, output, index))
            return;
        break;
    }
    /* After so many probes of others the last of them gives way: its train stays, but grows no
     * more. */
    uint32_t opened = t->train_count;
    open_train(t, output, index);
    if (t->train_count > opened && !t->trains[opened].closed)
        *entry = mark | opened;
}

/* ---- Leaving ----------------------------------------------------------------------------------
 */

/* Inserts SP so that an output becomes bytes long. */
static void pad(const struct zsip_output *output, uint32_t bytes)
{
    uint8_t *at = output->data + output->pad_at;
    uint32_t more = bytes - output->bytes;
    memmove(at + more, at, output->bytes - output->pad_at);
    memset(at, ' ', more);
}

static void leave(struct zsip_net *t, const struct train *train, const struct zsip_output *outputs)
{
    struct io_uring_sqe *sqe;
    struct send_slot *slot = zsip_send_slot(t, train->count, &sqe);
    uint16_t index = train->head;
    if (slot == NULL) {
        /* The ring is broken, as the next wait will say. */
        for (uint32_t i = 0; i < train->count; i++, index = t->train_next[index])
            zsip_send_impossible(t, &outputs[index]);
        return;
    }
    slot->socket = train->socket;
    for (uint32_t i = 0; i < train->count; i++, index = t->train_next[index]) {
        const struct zsip_output *output = &outputs[index];
        uint32_t bytes = output->bytes;
        if (!train->equal && bytes < train->bytes_max &&
            stride(bytes) == stride(train->bytes_max) && output->pad_at != 0) {
            bytes = train->bytes_max;
            pad(output, bytes);
        }
        t->members[slot->first + i] = output;
        t->vectors[slot->first + i] = (struct iovec){.iov_base = output->data, .iov_len = bytes};
    }
    zsip_send_queue(t, sqe, slot, train->path, train->count > 1 ? train->bytes_max : 0);
}

void zsip_net_send(struct zsip_net *t, const struct zsip_output *outputs, size_t count)
{
    while (count > 0) {
        uint16_t chunk = count < CHUNK ? (uint16_t)count : (uint16_t)CHUNK;
        t->train_count = 0;
        t->train_mark++;
        for (uint16_t i = 0; i < chunk;) {
            if (outputs[i].path->transport == ZSIP_TRANSPORT_TCP) {
                i = (uint16_t)(i + zsip_stream_put(t, &outputs[i], (size_t)(chunk - i)));
            } else {
                place(t, &outputs[i], i);
                i++;
            }
        }
        for (uint32_t i = 0; i < t->train_count; i++)
            leave(t, &t->trains[i], outputs);
        outputs += chunk;
        count -= chunk;
    }
    if (t->streams != NULL)
        zsip_streams_leave(t);
}
