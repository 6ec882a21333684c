/* The parser alone: reads a capture, tells what each UDP datagram to or from a port is.
 *
 *     cc capture.c $(pkg-config --cflags --libs zsip libpcap) -o capture
 *     ./capture calls.pcap 5060
 *
 * SPDX-License-Identifier: MIT
 */
#include <zsip/parser.h>

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned number_at(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* The payload of a UDP datagram over IPv4 on Ethernet, to or from port; {NULL, 0}: another. */
static struct zsip_view payload(const uint8_t *frame, size_t bytes, unsigned port)
{
    static const struct zsip_view none;
    if (bytes < 14 + 20 || number_at(frame + 12) != 0x0800)
        return none;
    const uint8_t *ip = frame + 14, *udp = ip + 4 * (ip[0] & 15);
    if (ip[0] >> 4 != 4 || ip[9] != 17 || bytes < (size_t)(udp - frame) + 8)
        return none;
    size_t left = bytes - (size_t)(udp - frame), length = number_at(udp + 4);
    if (length < 8 || length > left || (number_at(udp) != port && number_at(udp + 2) != port))
        return none;
    return (struct zsip_view){udp + 8, length - 8};
}

static void show(struct zsip_view view)
{
    printf("%.*s", (int)view.length, (const char *)view.data);
}

static void tell(const struct zsip_msg *msg, enum zsip_status status)
{
    if (status != ZSIP_OK) {
        printf("bad: %s, %s at byte %u\n", zsip_status_text(status), msg->fault.rule,
               msg->fault.offset);
        return;
    }
    if (msg->kind == ZSIP_KIND_REQUEST)
        show(zsip_msg_view(msg, msg->method_name));
    else
        printf("%u", msg->status_code);
    printf(" from ");
    show(zsip_msg_view(msg, msg->from.uri));
    printf(" to ");
    show(zsip_msg_view(msg, msg->to.uri));
    printf(" Call-ID ");
    show(zsip_msg_view(msg, msg->call_id));
    printf(", %u bytes of body\n", msg->body_bytes);
}

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *packet;
    const uint8_t *frame;
    unsigned messages = 0, bad = 0;
    if (argc != 3)
        return fprintf(stderr, "usage: capture FILE PORT\n"), 64;
    pcap_t *capture = pcap_open_offline(argv[1], error);
    if (capture == NULL || pcap_datalink(capture) != DLT_EN10MB)
        return fprintf(stderr, "capture: %s: not a capture of Ethernet\n", argv[1]), 1;
    struct zsip_msg *msg = malloc(zsip_msg_size());
    if (msg == NULL)
        return 1;
    while (pcap_next_ex(capture, &packet, &frame) == 1) {
        struct zsip_view bytes =
            payload(frame, packet->caplen, (unsigned)strtoul(argv[2], NULL, 10));
        if (bytes.length == 0)
            continue;
        enum zsip_status status = zsip_parse(msg, bytes.data, bytes.length, 0);
        printf("%ld.%06ld ", (long)packet->ts.tv_sec, (long)packet->ts.tv_usec);
        tell(msg, status);
        messages++;
        bad += status != ZSIP_OK;
    }
    printf("%u messages, %u of them bad\n", messages, bad);
    pcap_close(capture);
    free(msg);
    return 0;
}
