/* A SIP responder at the kernel's price: datagrams in batches, each answered 200 by its own bytes,
 * nothing parsed, nothing remembered. What a generator is measured against, so that the server is
 * not what is measured.
 *
 * usage: bench-respond ADDRESS PORT      until it is killed */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64u

static const char status_line[] = "SIP/2.0 200 OK";
static const char ending[] = "\r\nContent-Length: 0\r\n\r\n";

static struct mmsghdr requests[BATCH], answers[BATCH];
static struct iovec in[BATCH], out[BATCH][3];
static struct sockaddr_in names[BATCH];
static char buffers[BATCH][2048];

/* Everything between the start line and the content's own fields goes back as it came. */
static void answer(unsigned i, size_t bytes)
{
    char *first = memmem(buffers[i], bytes, "\r\n", 2);
    char *last = memmem(buffers[i], bytes, "\r\nContent-", 10);
    size_t kept = first == NULL || last == NULL || last < first ? 0 : (size_t)(last - first);

    out[i][0] = (struct iovec){(void *)(size_t)status_line, sizeof status_line - 1};
    out[i][1] = (struct iovec){first, kept};
    out[i][2] = (struct iovec){(void *)(size_t)ending, sizeof ending - 1};
    answers[i].msg_hdr = (struct msghdr){
        .msg_name = &names[i],
        .msg_namelen = requests[i].msg_hdr.msg_namelen,
        .msg_iov = out[i],
        .msg_iovlen = 3,
    };
}

static int open_socket(const char *address, const char *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = 8 << 20;

    if (fd < 0 || inet_pton(AF_INET, address, &name.sin_addr) != 1 ||
        bind(fd, (struct sockaddr *)&name, sizeof name) != 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return fd;
}

int main(int argc, char **argv)
{
    int fd = argc == 3 ? open_socket(argv[1], argv[2]) : -1;

    if (fd < 0) {
        fputs("usage: bench-respond ADDRESS PORT (one that is free)\n", stderr);
        return 64;
    }
    for (;;) {
        int count;

        for (unsigned i = 0; i < BATCH; i++) {
            in[i] = (struct iovec){buffers[i], sizeof buffers[i]};
            requests[i].msg_hdr = (struct msghdr){.msg_name = &names[i],
                                                  .msg_namelen = sizeof names[i],
                                                  .msg_iov = &in[i],
                                                  .msg_iovlen = 1};
        }
        count = recvmmsg(fd, requests, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++)
            answer((unsigned)i, requests[i].msg_len);
        for (int sent = 0, now; sent < count; sent += now) {
            now = sendmmsg(fd, answers + sent, (unsigned)(count - sent), 0);
            if (now <= 0)
                break;
        }
    }
}
