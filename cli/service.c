/* See service.h. */
#include "service.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SOCKETS_FIRST = 3, /* SD_LISTEN_FDS_START */
    SOCKETS_MAX = 1024,
};

/* A whole number in [0, max], or -1. */
static long number_of(const char *text, long max)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    return errno != 0 || end == text || *end != '\0' || value < 0 || value > max ? -1 : value;
}

bool service_sockets(int *first, unsigned *count)
{
    const char *pid = getenv("LISTEN_PID"), *sockets = getenv("LISTEN_FDS");
    long n = 0;
    bool ours = pid != NULL && sockets != NULL && number_of(pid, INT32_MAX) == (long)getpid();

    *first = SOCKETS_FIRST;
    *count = 0;
    if (ours)
        n = number_of(sockets, SOCKETS_MAX);
    if (n < 0) {
        cli_error("LISTEN_FDS=%s: not a number of sockets", sockets);
        return false;
    }
    for (long i = 0; i < n; i++) {
        if (fcntl(SOCKETS_FIRST + (int)i, F_SETFD, FD_CLOEXEC) != 0) {
            cli_error("LISTEN_FDS=%s: descriptor %ld is not open", sockets, SOCKETS_FIRST + i);
            return false;
        }
    }
    *count = (unsigned)n;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return true;
}

void service_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t length = path == NULL ? 0 : strlen(path);
    int fd;

    if (length < 2 || length >= sizeof name.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    memcpy(name.sun_path, path, length);
    if (path[0] == '@') /* of the abstract name space */
        name.sun_path[0] = '\0';
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&name,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}
