/* Setting a transport up and taking it down. */
#include "transport/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    BUFFERS_DEFAULT = 64,
    BUFFERS_MIN = 4,
    BUFFERS_MAX = 32768,
    PAGE_BYTES = 4096,
    IMPOSSIBLE_RING = 1 << 20, /* beyond every index of a registered ring */
};

/* The value of sysctl kernel.io_uring_disabled, one digit; 0 where there is none. */
static int switched_off(void)
{
    char digit = '0';
    int fd = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (read(fd, &digit, 1) != 1)
        digit = '0';
    close(fd);
    return digit - '0';
}

/* io_uring may be switched off for a reason that a person can do something about: find it. */
static enum zsip_status refused(int result, char *error, size_t bytes)
{
    int disabled = switched_off();
    if (result == -ENOSYS)
        snprintf(error, bytes, "io_uring: this kernel has none; zsip needs Linux 6.1 or later");
    else if (result == -ENOMEM)
        snprintf(error, bytes, "io_uring: no memory for the ring; raise 'ulimit -l'");
    else if (result == -EPERM && disabled > 0)
        snprintf(error, bytes,
                 "io_uring: switched off by sysctl kernel.io_uring_disabled=%d; set it to 0",
                 disabled);
    else if (result == -EPERM || result == -EACCES)
        snprintf(error, bytes,
                 "io_uring: refused, by a seccomp filter most likely; let the container's profile "
                 "allow io_uring_setup, io_uring_enter and io_uring_register");
    else
        snprintf(error, bytes, "io_uring: %s; zsip needs Linux 6.1 or later", strerror(-result));
    return result == -ENOMEM ? ZSIP_ERROR_MEMORY : ZSIP_ERROR_UNSUPPORTED;
}

static unsigned power_of_two(unsigned at_least)
{
    unsigned power = 1;
    while (power < at_least)
        power *= 2;
    return power;
}

static int open_ring_with(struct zsip_net *t, unsigned flags)
{
    /* Room for a completion of every buffer and of every failed send, so that the queue can't
     * overflow in an ordinary turn. Disabled until the first wait: the thread that makes the ring
     * need not be the one that owns it. */
    struct io_uring_params params = {
        .flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED,
        .cq_entries =
            power_of_two(t->config.buffers + SUBMISSIONS + 64 + (t->config.framer.next ? 4096 : 0)),
    };
    return io_uring_queue_init_params(SUBMISSIONS, &t->ring, &params);
}

static enum zsip_status open_ring(struct zsip_net *t, char *error, size_t error_bytes)
{
    int result = -EINVAL;
    if ((t->config.without & ZSIP_FEATURE_DEFER) == 0)
        result = open_ring_with(t, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (result == -EINVAL) {
        if (zsip_net_first(t, SAID_DEFER))
            zsip_net_say(t, "io_uring: done without deferred task work");
        result = open_ring_with(t, IORING_SETUP_COOP_TASKRUN);
    }
    if (result >= 0)
        return ZSIP_OK;
    t->ring.ring_fd = -1;
    return refused(result, error, error_bytes);
}

static enum zsip_status open_buffers(struct zsip_net *t, char *error, size_t error_bytes)
{
    const struct zsip_memory *memory = t->config.memory;
    uint32_t count = t->config.buffers;
    size_t ring_bytes =
        (count * sizeof(struct io_uring_buf) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    t->buffer_memory_bytes =
        PAGE_BYTES + ring_bytes + (size_t)count * BUFFER_BYTES + count * sizeof(*t->used);
    t->buffer_memory = memory->allocate(memory->user, t->buffer_memory_bytes);
    if (t->buffer_memory == NULL) {
        snprintf(error, error_bytes, "receive buffers: no memory for %zu bytes",
                 t->buffer_memory_bytes);
        return ZSIP_ERROR_MEMORY;
    }
    uintptr_t start = ((uintptr_t)t->buffer_memory + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    t->buffer_ring = (struct io_uring_buf_ring *)start;
    t->buffers = (uint8_t *)start + ring_bytes;
    t->used = (uint16_t *)(t->buffers + (size_t)count * BUFFER_BYTES);
    memset(t->buffer_ring, 0, ring_bytes);
    struct io_uring_buf_reg registration = {
        .ring_addr = start, .ring_entries = count, .bgid = BUFFER_GROUP};
    int result = io_uring_register_buf_ring(&t->ring, &registration, 0);
    if (result < 0)
        return refused(result, error, error_bytes);
    for (uint32_t i = 0; i < count; i++)
        t->used[t->used_count++] = (uint16_t)i;
    zsip_net_recycle(t);
    return ZSIP_OK;
}

static enum zsip_status check(struct zsip_net_config *config, char *error, size_t bytes)
{
    if (config->memory == NULL)
        config->memory = zsip_memory_default();
    if (config->buffers == 0)
        config->buffers = BUFFERS_DEFAULT;
    if (config->buffers >= BUFFERS_MIN && config->buffers <= BUFFERS_MAX &&
        (config->buffers & (config->buffers - 1)) == 0)
        return ZSIP_OK;
    snprintf(error, bytes, "receive buffers: %u is no power of two from %d to %d",
             (unsigned)config->buffers, BUFFERS_MIN, BUFFERS_MAX);
    return ZSIP_ERROR_ARGUMENT;
}

static void set_default(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void set_default_ns(uint64_t *value, uint64_t seconds)
{
    if (*value == 0)
        *value = seconds * ZSIP_NS_PER_S;
}

void zsip_net_stream_defaults(struct zsip_stream_config *config)
{
    set_default(&config->connections, 32768);
    set_default(&config->connections_per_source, 16384);
    set_default(&config->connections_per_target, 1);
    set_default(&config->header_bytes, 65535);
    set_default(&config->body_bytes, 65536);
    set_default(&config->unsent_bytes, 1 << 20);
    set_default(&config->memory_bytes, 64 << 20);
    set_default_ns(&config->first_byte_ns, 30);
    set_default_ns(&config->message_ns, 30);
    set_default_ns(&config->unsent_ns, 30);
    set_default_ns(&config->idle_ns, 600);
    set_default_ns(&config->connect_ns, 4);
}

enum zsip_status zsip_net_create(const struct zsip_net_config *config, struct zsip_net **net,
                                 char *error, size_t error_bytes)
{
    struct zsip_net_config checked = *config;
    char ignored[1];
    *net = NULL;
    if (error == NULL)
        error = ignored, error_bytes = sizeof(ignored);
    enum zsip_status status = check(&checked, error, error_bytes);
    if (status != ZSIP_OK)
        return status;
    struct zsip_net *t = checked.memory->allocate(checked.memory->user, sizeof(*t));
    if (t == NULL) {
        snprintf(error, error_bytes, "transport: no memory for %zu bytes", sizeof(*t));
        return ZSIP_ERROR_MEMORY;
    }
    memset(t, 0, offsetof(struct zsip_net, sockets));
    t->config = checked;
    t->ring.ring_fd = -1;
    t->multishot = (checked.without & ZSIP_FEATURE_MULTISHOT) == 0;
    t->train_max = ZSIP_NET_TRAIN;
    if ((checked.without & (ZSIP_FEATURE_GSO | ZSIP_FEATURE_LONG)) == 0 && zsip_train_probe())
        t->train_max = ZSIP_NET_TRAIN_LONG;
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->wake_fd < 0) {
        snprintf(error, error_bytes, "eventfd: %s", strerror(errno));
        status = ZSIP_ERROR_SYSTEM;
    }
    if (status == ZSIP_OK)
        status = open_ring(t, error, error_bytes);
    if (status == ZSIP_OK)
        status = open_buffers(t, error, error_bytes);
    if (status == ZSIP_OK && t->config.framer.next != NULL)
        status = zsip_streams_create(t, error, error_bytes);
    if (status != ZSIP_OK) {
        zsip_net_destroy(t);
        return status;
    }
    *net = t;
    return ZSIP_OK;
}

void zsip_net_destroy(struct zsip_net *t)
{
    if (t == NULL)
        return;
    const struct zsip_memory *memory = t->config.memory;
    zsip_net_pause(t);
    if (t->ring.ring_fd >= 0) {
        /* The index under which a thread registered the ring is that thread's: another one must
         * not give back its own ring in its place. */
        if (t->enabled && !t->paused)
            t->ring.enter_ring_fd = IMPOSSIBLE_RING;
        io_uring_queue_exit(&t->ring);
    }
    for (unsigned i = 0; i < t->socket_count; i++)
        close(t->sockets[i].fd);
    zsip_streams_destroy(t);
    if (t->wake_fd >= 0)
        close(t->wake_fd);
    if (t->buffer_memory != NULL)
        memory->release(memory->user, t->buffer_memory, t->buffer_memory_bytes);
    memory->release(memory->user, t, sizeof(*t));
}
