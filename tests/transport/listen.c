/* What can go wrong before the first packet, and what is said then. */
#include "fixture.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static void expect(enum zsip_transport kind, const char *where, unsigned flags,
                   enum zsip_status expected, const char *said)
{
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address address = test_address(where);
    char error[256] = "";
    cr_expect_eq(zsip_net_listen(net, kind, &address, flags, NULL, error, sizeof(error)), expected,
                 "%s: %s", where, error);
    cr_expect(strstr(error, said) != NULL, "\"%s\" lacks \"%s\"", error, said);
    cr_expect(strchr(error, '\n') == NULL);
    zsip_net_destroy(net);
}

static uint16_t taken_port(bool reuse_port, int *fd)
{
    int on = 1;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof(name);
    *fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (reuse_port)
        setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    cr_assert_eq(bind(*fd, (struct sockaddr *)&name, bytes), 0);
    cr_assert_eq(getsockname(*fd, (struct sockaddr *)&name, &bytes), 0);
    return ntohs(name.sin_port);
}

Test(listen, a_port_in_use_is_named_with_its_remedy)
{
    for (int reuse_port = 0; reuse_port < 2; reuse_port++) {
        char where[32], said[96];
        int fd;
        unsigned port = taken_port(reuse_port, &fd);
        snprintf(where, sizeof(where), "127.0.0.1:%u", port);
        snprintf(said, sizeof(said), "udp:%s: Address already in use; stop who has it", where);
        expect(ZSIP_TRANSPORT_UDP, where, 0, ZSIP_ERROR_IN_USE, said);
        expect(ZSIP_TRANSPORT_UDP, where, ZSIP_LISTEN_SHARED, ZSIP_ERROR_IN_USE, said);
        if (!reuse_port)
            expect(ZSIP_TRANSPORT_UDP, where, ZSIP_LISTEN_JOIN, ZSIP_ERROR_IN_USE, said);
        close(fd);
    }
}

Test(listen, the_first_shares_and_others_join)
{
    struct zsip_net *first = test_net(0, 0), *second = test_net(0, 0), *third = test_net(0, 0);
    struct zsip_address address = test_address("127.0.0.1:0");
    cr_assert_eq(
        zsip_net_listen(first, ZSIP_TRANSPORT_UDP, &address, ZSIP_LISTEN_SHARED, &address, NULL, 0),
        ZSIP_OK);
    cr_assert_eq(
        zsip_net_listen(second, ZSIP_TRANSPORT_UDP, &address, ZSIP_LISTEN_JOIN, NULL, NULL, 0),
        ZSIP_OK);
    cr_assert_eq(
        zsip_net_listen(third, ZSIP_TRANSPORT_UDP, &address, ZSIP_LISTEN_SHARED, NULL, NULL, 0),
        ZSIP_ERROR_IN_USE);
    zsip_net_destroy(first);
    zsip_net_destroy(second);
    zsip_net_destroy(third);
}

Test(listen, other_faults_are_named_too)
{
    expect(ZSIP_TRANSPORT_UDP, "192.0.2.77:5060", 0, ZSIP_ERROR_UNREACHABLE, "ip address");
    expect(ZSIP_TRANSPORT_TCP, "127.0.0.1:0", 0, ZSIP_ERROR_UNSUPPORTED, "another transport");
    expect(ZSIP_TRANSPORT_UDP, "[fe80::1]:5060", 0, ZSIP_ERROR_ARGUMENT, "zone");
}

static uid_t was;

/* Gives up what root may, so that limits show. */
static void become_nobody(void)
{
    was = geteuid();
    if (was == 0 && seteuid(65534) != 0)
        cr_skip("can't become nobody");
}

/* The leak checker of a sanitizer build wants to trace us at the end. */
static void become_again(void)
{
    cr_assert_eq(seteuid(was), 0);
    prctl(PR_SET_DUMPABLE, 1);
}

Test(listen, a_privileged_port_is_refused_with_the_remedy)
{
    become_nobody();
    expect(ZSIP_TRANSPORT_UDP, "127.0.0.1:7", 0, ZSIP_ERROR_PERMISSION, "CAP_NET_BIND_SERVICE");
    become_again();
}

Test(listen, as_many_sockets_as_documented_and_no_more)
{
    struct zsip_net *net = test_net(0, 0);
    struct zsip_address address = test_address("127.0.0.1:0");
    for (unsigned i = 0; i < ZSIP_NET_SOCKETS_MAX; i++)
        test_listen(net, "127.0.0.1:0");
    cr_assert_eq(zsip_net_listen(net, ZSIP_TRANSPORT_UDP, &address, 0, NULL, NULL, 0),
                 ZSIP_ERROR_FULL);
    zsip_net_destroy(net);
}

Test(listen, a_small_grant_of_socket_buffer_is_one_warning_that_names_the_sysctl)
{
    become_nobody();
    struct zsip_net_config config = {.log = test_log_line, .socket_buffer_bytes = 1 << 30};
    struct zsip_net *net;
    cr_assert_eq(zsip_net_create(&config, &net, NULL, 0), ZSIP_OK);
    test_listen(net, "127.0.0.1");
    test_listen(net, "[::1]");
    cr_assert_eq(test_log_count, 2);
    cr_assert(test_logged("net.core.rmem_max=1073741824"));
    cr_assert(test_logged("net.core.wmem_max=1073741824"));
    zsip_net_destroy(net);
    become_again();
}

/* ---- Without io_uring -------------------------------------------------------------------------
 */

/* Has a system call answer with an error, as a container's filter does. */
static void forbid(unsigned number, unsigned answer)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(*code), .filter = code};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        cr_skip("no seccomp here");
}

static void expect_unsupported(unsigned answer, const char *said)
{
    struct zsip_net_config config = {.log = test_log_line};
    struct zsip_net *net;
    char error[256] = "";
    forbid(SYS_io_uring_setup, answer);
    cr_assert_eq(zsip_net_create(&config, &net, error, sizeof(error)), ZSIP_ERROR_UNSUPPORTED);
    cr_assert_null(net);
    cr_assert(strstr(error, said) != NULL, "%s", error);
    cr_assert(strchr(error, '\n') == NULL);
}

Test(create, a_seccomp_filter_is_named)
{
    expect_unsupported(EPERM, "io_uring_setup");
}

Test(create, a_kernel_without_io_uring_is_named)
{
    expect_unsupported(ENOSYS, "Linux 6.1");
}

Test(create, refuses_odd_numbers_of_buffers)
{
    static const uint32_t bad[] = {1, 3, 100, 65536};
    for (unsigned i = 0; i < 4; i++) {
        struct zsip_net_config config = {.buffers = bad[i]};
        struct zsip_net *net;
        cr_assert_eq(zsip_net_create(&config, &net, NULL, 0), ZSIP_ERROR_ARGUMENT);
    }
}
