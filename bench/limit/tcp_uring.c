/* Echo over TCP by io_uring: multishot accept into registered files, multishot receive into a
 * buffer ring, one send for each connection that a turn brought something of. */
#include "bench/limit/limit.h"

#include "bench/harness.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Newer than the headers: completions may share a buffer. */
#ifndef IOU_PBUF_RING_INC
#define IOU_PBUF_RING_INC 2
#endif
#define CQE_F_BUF_MORE (1u << 4)

enum {
    ENTRIES = 4096,
    BUFFERS = 64,
    BUFFER_BYTES = 32 << 10,
    REPLIES_MAX = 4096,
    ACCEPT = 1 << 24, /* user_data; below it a connection */
    IGNORED = 1 << 25,
};

static struct {
    struct io_uring ring;
    struct io_uring_buf_ring *buffer_ring;
    uint8_t *buffers;
    bool incremental;
    unsigned touched_count;
    unsigned touched[LIMIT_CONNECTIONS_MAX];
    size_t bytes[LIMIT_CONNECTIONS_MAX]; /* received and not answered, by connection */
    bool listed[LIMIT_CONNECTIONS_MAX], ended[LIMIT_CONNECTIONS_MAX];
    uint8_t replies[REPLIES_MAX * LIMIT_REPLY_BYTES];
} server;

static struct io_uring_sqe *next(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&server.ring);
    if (sqe == NULL) {
        io_uring_submit(&server.ring);
        sqe = io_uring_get_sqe(&server.ring);
    }
    return sqe;
}

static void give(unsigned id, int offset)
{
    io_uring_buf_ring_add(server.buffer_ring, server.buffers + (size_t)id * BUFFER_BYTES,
                          BUFFER_BYTES, (unsigned short)id, io_uring_buf_ring_mask(BUFFERS),
                          offset);
}

/* errno and what is returned: 0, or the negative error. */
static int register_buffers(void)
{
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)server.buffer_ring,
                                            .ring_entries = BUFFERS};
    /* Flags stand where the headers have padding still. */
    uint16_t flags = server.incremental ? IOU_PBUF_RING_INC : 0;
    memcpy((uint8_t *)&registration + 14, &flags, sizeof(flags));
    int status = io_uring_register_buf_ring(&server.ring, &registration, 0);
    errno = -status;
    return status;
}

static void open_ring(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                     .cq_entries = 4 * ENTRIES};
    if (io_uring_queue_init_params(ENTRIES, &server.ring, &params) < 0)
        limit_fail("io_uring");
    server.buffer_ring = aligned_alloc(4096, 4096);
    server.buffers = mmap(NULL, (size_t)BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (server.buffer_ring == NULL || server.buffers == MAP_FAILED)
        limit_fail("memory");
    if (register_buffers() == -EINVAL && server.incremental) {
        fprintf(stderr,
                "bench-limit: no incremental buffers before Linux 6.12, so a buffer each\n");
        server.incremental = false;
        register_buffers();
    }
    if (errno != 0)
        limit_fail("io_uring buffer ring");
    io_uring_buf_ring_init(server.buffer_ring);
    for (unsigned i = 0; i < BUFFERS; i++)
        give(i, (int)i);
    io_uring_buf_ring_advance(server.buffer_ring, BUFFERS);
    if (io_uring_register_files_sparse(&server.ring, LIMIT_CONNECTIONS_MAX) < 0)
        limit_fail("io_uring files");
}

static void arm_accept(int listener)
{
    struct io_uring_sqe *sqe = next();
    io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
    sqe->user_data = ACCEPT;
}

static void arm_receive(unsigned connection)
{
    struct io_uring_sqe *sqe = next();
    io_uring_prep_recv_multishot(sqe, (int)connection, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    sqe->buf_group = 0;
    sqe->user_data = connection;
}

static void accepted(int connection, unsigned flags, int listener)
{
    if (connection >= 0) {
        server.bytes[connection] = 0;
        arm_receive((unsigned)connection);
    }
    if ((flags & IORING_CQE_F_MORE) == 0)
        arm_accept(listener);
}

/* Returns whether its buffer is given back. */
static bool received(unsigned connection, int bytes, unsigned flags, int given)
{
    bool back = false;
    if (flags & IORING_CQE_F_BUFFER) {
        back = !(server.incremental && (flags & CQE_F_BUF_MORE));
        if (back)
            give(flags >> IORING_CQE_BUFFER_SHIFT, given);
    }
    if (bytes > 0)
        server.bytes[connection] += (size_t)bytes;
    server.ended[connection] = bytes == 0 || (bytes < 0 && bytes != -ENOBUFS);
    if (!server.listed[connection]) {
        server.listed[connection] = true;
        server.touched[server.touched_count++] = connection;
    }
    if (!(flags & IORING_CQE_F_MORE) && !server.ended[connection])
        arm_receive(connection);
    return back;
}

static void answer(unsigned connection, size_t request_bytes)
{
    size_t count = server.bytes[connection] / request_bytes;
    server.bytes[connection] %= request_bytes;
    server.listed[connection] = false;
    if (server.ended[connection]) {
        struct io_uring_sqe *sqe = next();
        io_uring_prep_close_direct(sqe, connection);
        sqe->user_data = IGNORED;
        return;
    }
    if (count == 0)
        return;
    struct io_uring_sqe *sqe = next();
    io_uring_prep_send(sqe, (int)connection, server.replies, count * LIMIT_REPLY_BYTES,
                       MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = IGNORED;
}

static void turn(int listener, size_t request_bytes)
{
    struct io_uring_cqe *cqe;
    unsigned head, taken = 0;
    int given = 0;
    io_uring_for_each_cqe(&server.ring, head, cqe)
    {
        taken++;
        if (cqe->user_data == ACCEPT)
            accepted(cqe->res, cqe->flags, listener);
        else if (cqe->user_data != IGNORED)
            given += received((unsigned)cqe->user_data, cqe->res, cqe->flags, given);
    }
    io_uring_buf_ring_advance(server.buffer_ring, given);
    io_uring_cq_advance(&server.ring, taken);
    for (unsigned i = 0; i < server.touched_count; i++)
        answer(server.touched[i], request_bytes);
    server.touched_count = 0;
}

static void wait_for(void)
{
    struct __kernel_timespec timeout = {.tv_nsec = 100000000};
    struct io_uring_cqe *cqe;
    io_uring_submit_and_get_events(&server.ring);
    uint64_t idle_ns = io_uring_cq_ready(&server.ring) == 0 ? bench_now_ns() : 0;
    while (io_uring_cq_ready(&server.ring) == 0 && bench_now_ns() - idle_ns < limit_spin_ns)
        io_uring_get_events(&server.ring);
    if (io_uring_cq_ready(&server.ring) == 0)
        io_uring_submit_and_wait_timeout(&server.ring, &cqe, 1, &timeout, NULL);
}

static void serve(int listener, size_t request_bytes, const atomic_bool *stop)
{
    for (unsigned i = 0; i < REPLIES_MAX; i++)
        memcpy(server.replies + i * LIMIT_REPLY_BYTES, limit_reply, LIMIT_REPLY_BYTES);
    open_ring();
    arm_accept(listener);
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        wait_for();
        turn(listener, request_bytes);
    }
    io_uring_queue_exit(&server.ring);
}

void limit_tcp_serve_uring(int listener, size_t request_bytes, const atomic_bool *stop)
{
    serve(listener, request_bytes, stop);
}

void limit_tcp_serve_incremental(int listener, size_t request_bytes, const atomic_bool *stop)
{
    server.incremental = true;
    serve(listener, request_bytes, stop);
}
