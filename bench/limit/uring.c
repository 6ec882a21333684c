/* Echo by io_uring: one multishot receive into a buffer ring, a submission each send. */
#include "bench/limit/limit.h"

#include <liburing.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ENTRIES = 256,
    BUFFERS = 256,
    NAME_BYTES = sizeof(struct sockaddr_in),
    CONTROL_BYTES = CMSG_SPACE(sizeof(int)),
    HEADER_BYTES = 16 + NAME_BYTES + CONTROL_BYTES,
    BUFFER_BYTES = 65536 + 128 + 64,
    SEGMENTS_MAX = 64,
};

struct send {
    struct msghdr message;
    struct iovec vector;
    struct sockaddr_in name;
    unsigned count;
    _Alignas(8) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
};

static struct {
    struct io_uring ring;
    struct io_uring_buf_ring *buffer_ring;
    uint8_t *buffers;
    struct msghdr shape;
    struct send sends[ENTRIES];
    unsigned send_count;
    uint8_t replies[SEGMENTS_MAX * LIMIT_REPLY_BYTES];
} server;

static void give(unsigned id, unsigned offset)
{
    io_uring_buf_ring_add(server.buffer_ring, server.buffers + (size_t)id * BUFFER_BYTES,
                          BUFFER_BYTES, (unsigned short)id, io_uring_buf_ring_mask(BUFFERS),
                          (int)offset);
}

static void open_ring(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                     .cq_entries = 1024};
    if (io_uring_queue_init_params(ENTRIES, &server.ring, &params) < 0)
        limit_fail("io_uring");
    size_t bytes = BUFFERS * sizeof(struct io_uring_buf);
    server.buffer_ring = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    server.buffers = mmap(NULL, (size_t)BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (server.buffer_ring == NULL || server.buffers == MAP_FAILED)
        limit_fail("memory");
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)server.buffer_ring,
                                            .ring_entries = BUFFERS};
    if (io_uring_register_buf_ring(&server.ring, &registration, 0) < 0)
        limit_fail("io_uring buffer ring");
    io_uring_buf_ring_init(server.buffer_ring);
    for (unsigned i = 0; i < BUFFERS; i++)
        give(i, i);
    io_uring_buf_ring_advance(server.buffer_ring, BUFFERS);
}

static void arm(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&server.ring);
    server.shape = (struct msghdr){.msg_namelen = NAME_BYTES, .msg_controllen = CONTROL_BYTES};
    io_uring_prep_recvmsg_multishot(sqe, 0, &server.shape, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    sqe->buf_group = 0;
    sqe->user_data = 1;
}

static void leave(struct send *send)
{
    uint16_t segment = LIMIT_REPLY_BYTES;
    send->vector = (struct iovec){server.replies, send->count * LIMIT_REPLY_BYTES};
    send->message = (struct msghdr){.msg_name = &send->name,
                                    .msg_namelen = sizeof(send->name),
                                    .msg_iov = &send->vector,
                                    .msg_iovlen = 1};
    if (send->count > 1) {
        send->message.msg_control = send->control;
        send->message.msg_controllen = sizeof(send->control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&send->message);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof(segment));
        memcpy(CMSG_DATA(c), &segment, sizeof(segment));
    }
    struct io_uring_sqe *sqe = io_uring_get_sqe(&server.ring);
    if (sqe == NULL) {
        io_uring_submit(&server.ring);
        sqe = io_uring_get_sqe(&server.ring);
    }
    io_uring_prep_sendmsg(sqe, 0, &send->message, MSG_DONTWAIT);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS | IOSQE_FIXED_FILE;
    sqe->user_data = 2;
}

static unsigned segments(const uint8_t *control, unsigned control_bytes, unsigned bytes)
{
    struct msghdr message = {.msg_control = (void *)(uintptr_t)control,
                             .msg_controllen = control_bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    int segment;
    if (c == NULL || c->cmsg_type != UDP_GRO)
        return 1;
    memcpy(&segment, CMSG_DATA(c), sizeof(segment));
    return (bytes + (unsigned)segment - 1) / (unsigned)segment;
}

/* Adds an answer to what goes to the same peer, or begins a new send. */
static void answer(const uint8_t *buffer, unsigned bytes, enum limit_mode mode)
{
    struct io_uring_recvmsg_out out;
    struct send *last = server.send_count > 0 ? &server.sends[server.send_count - 1] : NULL;
    memcpy(&out, buffer, sizeof(out));
    const uint8_t *name = buffer + sizeof(out);
    if (mode == LIMIT_GROUPED && last != NULL && last->count < SEGMENTS_MAX &&
        memcmp(&last->name, name, NAME_BYTES) == 0) {
        last->count++;
        return;
    }
    struct send *send = &server.sends[server.send_count++];
    memcpy(&send->name, name, NAME_BYTES);
    send->count = 1;
    if (mode == LIMIT_TRAINS)
        send->count = segments(name + NAME_BYTES, out.controllen, bytes - HEADER_BYTES);
}

/* Deals with what has come; returns whether the receive must be armed again. */
static bool turn(enum limit_mode mode)
{
    struct io_uring_cqe *cqe;
    unsigned head, taken = 0, given = 0;
    bool ended = false;
    server.send_count = 0;
    io_uring_for_each_cqe(&server.ring, head, cqe)
    {
        taken++;
        if (cqe->user_data != 1)
            continue;
        ended |= (cqe->flags & IORING_CQE_F_MORE) == 0;
        if ((cqe->flags & IORING_CQE_F_BUFFER) == 0)
            continue;
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        answer(server.buffers + (size_t)id * BUFFER_BYTES, (unsigned)cqe->res, mode);
        give(id, given++);
        if (server.send_count == ENTRIES)
            break;
    }
    for (unsigned i = 0; i < server.send_count; i++)
        leave(&server.sends[i]);
    io_uring_buf_ring_advance(server.buffer_ring, (int)given);
    io_uring_cq_advance(&server.ring, taken);
    return ended;
}

void limit_serve_uring(int fd, enum limit_mode mode, const atomic_bool *stop)
{
    open_ring();
    for (unsigned i = 0; i < SEGMENTS_MAX; i++)
        memcpy(server.replies + i * LIMIT_REPLY_BYTES, limit_reply, LIMIT_REPLY_BYTES);
    if (io_uring_register_files(&server.ring, &fd, 1) < 0)
        limit_fail("io_uring files");
    arm();
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        struct __kernel_timespec timeout = {.tv_nsec = 100000000};
        struct io_uring_cqe *cqe;
        io_uring_submit_and_wait_timeout(&server.ring, &cqe, 1, &timeout, NULL);
        if (turn(mode))
            arm();
    }
    io_uring_queue_exit(&server.ring);
}
