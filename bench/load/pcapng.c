#include "pcapng.h"

#include <string.h>

/* Numbers of the format; they stand in the file in the order of this machine's bytes. */
enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
    MAGIC = 0x1a2b3c4d,
    LINK_RAW = 101, /* IP packets */
    LINK_PDU = 252, /* messages, with tags that say what they are */
    INTERFACE_UDP = 0,
    INTERFACE_STREAM = 1,
    OPTION_END = 0,
    OPTION_PROGRAM = 4,    /* of a section */
    OPTION_NAME = 2,       /* of an interface */
    OPTION_RESOLUTION = 9, /* of an interface: 9 is 10^-9 s */
    OPTION_FLAGS = 2,      /* of a packet: 1 came in, 2 went out */
    OPTION_DROPPED = 5,    /* of statistics */
    TAG_DISSECTOR = 12,
    TAG_IPV4_SOURCE = 20,
    TAG_IPV6_SOURCE = 22,
    TAG_PORT_TYPE = 24, /* 2 is TCP */
    TAG_SOURCE_PORT = 25,
};

#define HEADS_BYTES_MAX 128u

struct bytes {
    uint8_t data[HEADS_BYTES_MAX];
    uint32_t count;
};

static void add(struct bytes *to, const void *from, uint32_t count)
{
    ZSIP_ASSERT(to->count + count <= HEADS_BYTES_MAX);
    memcpy(to->data + to->count, from, count);
    to->count += count;
}

static void add_u16(struct bytes *to, unsigned value) /* as the network has it */
{
    add(to, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void add_u32(struct bytes *to, uint32_t value)
{
    add_u16(to, value >> 16);
    add_u16(to, value & 0xffff);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void put_u32(FILE *file, uint32_t value)
{
    fwrite(&value, sizeof value, 1, file);
}

static void put_padded(FILE *file, const void *data, uint32_t bytes)
{
    static const uint8_t zero[4];

    fwrite(data, 1, bytes, file);
    fwrite(zero, 1, -bytes & 3, file);
}

static uint32_t padded(uint32_t bytes)
{
    return (bytes + 3) & ~3u;
}

static void put_option(FILE *file, uint16_t code, const void *data, uint16_t bytes)
{
    fwrite(&code, sizeof code, 1, file);
    fwrite(&bytes, sizeof bytes, 1, file);
    put_padded(file, data, bytes);
}

static void put_interface(FILE *file, uint16_t link, const char *name)
{
    const uint8_t nanoseconds = 9;
    const uint16_t reserved = 0;
    uint16_t name_bytes = (uint16_t)strlen(name);
    uint32_t bytes = 16 + 4 + padded(name_bytes) + 8 + 4 + 4;

    put_u32(file, BLOCK_INTERFACE);
    put_u32(file, bytes);
    fwrite(&link, sizeof link, 1, file);
    fwrite(&reserved, sizeof reserved, 1, file);
    put_u32(file, 0); /* no packet is cut */
    put_option(file, OPTION_NAME, name, name_bytes);
    put_option(file, OPTION_RESOLUTION, &nanoseconds, 1);
    put_option(file, OPTION_END, "", 0);
    put_u32(file, bytes);
}

void pcapng_begin(FILE *file, const char *version)
{
    const uint64_t unknown_length = UINT64_MAX;
    const uint16_t format[2] = {1, 0};
    char program[64];
    uint16_t program_bytes;
    uint32_t bytes;

    snprintf(program, sizeof program, "zsip %s", version);
    program_bytes = (uint16_t)strlen(program);
    bytes = 28 + 4 + padded(program_bytes) + 4;
    put_u32(file, BLOCK_SECTION);
    put_u32(file, bytes);
    put_u32(file, MAGIC);
    fwrite(format, sizeof format, 1, file);
    fwrite(&unknown_length, sizeof unknown_length, 1, file);
    put_option(file, OPTION_PROGRAM, program, program_bytes);
    put_option(file, OPTION_END, "", 0);
    put_u32(file, bytes);
    put_interface(file, LINK_RAW, "udp");
    put_interface(file, LINK_PDU, "stream");
}

void pcapng_end(FILE *file, uint64_t dropped)
{
    const uint32_t bytes = 20 + 12 + 4 + 4;

    put_u32(file, BLOCK_STATISTICS);
    put_u32(file, bytes);
    put_u32(file, INTERFACE_UDP);
    put_u32(file, 0);
    put_u32(file, 0);
    put_option(file, OPTION_DROPPED, &dropped, sizeof dropped);
    put_option(file, OPTION_END, "", 0);
    put_u32(file, bytes);
}

/* ---- Heads ----------------------------------------------------------------------------------- */

static uint32_t sum_words(uint32_t sum, const uint8_t *data, uint32_t bytes)
{
    for (uint32_t i = 0; i + 1 < bytes; i += 2)
        sum += (uint32_t)data[i] << 8 | data[i + 1];
    if (bytes % 2 == 1)
        sum += (uint32_t)data[bytes - 1] << 8;
    return sum;
}

/* RFC 1071; sums of up to 64 KiB stay in 32 bits. */
static unsigned checksum(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static void add_ip(struct bytes *to, const struct zsip_address *from,
                   const struct zsip_address *target, uint32_t payload_bytes)
{
    unsigned check;

    if (from->family == ZSIP_FAMILY_IPV6 || target->family == ZSIP_FAMILY_IPV6) {
        add_u32(to, 0x60000000);
        add_u16(to, payload_bytes & 0xffff);
        add_u16(to, 17 << 8 | 64);
        add(to, from->ip, 16);
        add(to, target->ip, 16);
        return;
    }
    add_u16(to, 0x4500);
    add_u16(to, (payload_bytes + 20) & 0xffff);
    add_u32(to, 0x00004000); /* no identification, not to be cut */
    add_u16(to, 64 << 8 | 17);
    add_u16(to, 0);
    add(to, from->ip, 4);
    add(to, target->ip, 4);
    check = checksum(sum_words(0, to->data, 20));
    to->data[10] = (uint8_t)(check >> 8);
    to->data[11] = (uint8_t)check;
}

static void add_udp(struct bytes *to, const struct zsip_address *from,
                    const struct zsip_address *target, const uint8_t *data, uint32_t bytes)
{
    uint32_t whole = bytes + 8, at = to->count;
    uint32_t ip_bytes = to->count == 20 ? 4 : 16;
    uint32_t sum = 17 + whole;
    unsigned check;

    add_u16(to, from->port);
    add_u16(to, target->port);
    add_u16(to, whole & 0xffff);
    add_u16(to, 0);
    sum = sum_words(sum, from->ip, ip_bytes);
    sum = sum_words(sum, target->ip, ip_bytes);
    sum = sum_words(sum, to->data + at, 8);
    check = checksum(sum_words(sum, data, bytes));
    check = check == 0 ? 0xffff : check; /* 0 stands for none (RFC 768) */
    to->data[at + 6] = (uint8_t)(check >> 8);
    to->data[at + 7] = (uint8_t)check;
}

static void add_address(struct bytes *to, const struct zsip_address *address, unsigned index)
{
    bool six = address->family == ZSIP_FAMILY_IPV6;

    add_u16(to, (six ? TAG_IPV6_SOURCE : TAG_IPV4_SOURCE) + index);
    add_u16(to, six ? 16 : 4);
    add(to, address->ip, six ? 16 : 4);
}

static void add_tags(struct bytes *to, const struct zsip_address *from,
                     const struct zsip_address *target)
{
    add_u16(to, TAG_DISSECTOR);
    add_u16(to, 4);
    add(to, "sip", 4);
    add_address(to, from, 0);
    add_address(to, target, 1);
    add_u32(to, TAG_PORT_TYPE << 16 | 4);
    add_u32(to, 2);
    add_u32(to, TAG_SOURCE_PORT << 16 | 4);
    add_u32(to, from->port);
    add_u32(to, (TAG_SOURCE_PORT + 1) << 16 | 4);
    add_u32(to, target->port);
    add_u32(to, OPTION_END);
}

void pcapng_packet(FILE *file, const struct zsip_path *path, bool out, uint64_t utc_ns,
                   const uint8_t *data, uint32_t bytes)
{
    const struct zsip_address *from = out ? &path->local : &path->remote;
    const struct zsip_address *target = out ? &path->remote : &path->local;
    bool udp = path->transport == ZSIP_TRANSPORT_UDP;
    struct bytes heads = {.count = 0};
    const uint32_t flags = out ? 2 : 1;
    uint32_t whole, block;

    if (udp) {
        add_ip(&heads, from, target, bytes + 8);
        add_udp(&heads, from, target, data, bytes);
    } else {
        add_tags(&heads, from, target);
    }
    whole = heads.count + bytes;
    block = 32 + padded(whole) + 8 + 4;
    put_u32(file, BLOCK_PACKET);
    put_u32(file, block);
    put_u32(file, udp ? INTERFACE_UDP : INTERFACE_STREAM);
    put_u32(file, (uint32_t)(utc_ns >> 32));
    put_u32(file, (uint32_t)utc_ns);
    put_u32(file, whole);
    put_u32(file, whole);
    fwrite(heads.data, 1, heads.count, file);
    put_padded(file, data, bytes);
    /* heads are a multiple of four, so the padding of the data is that of the whole. */
    put_option(file, OPTION_FLAGS, &flags, sizeof flags);
    put_option(file, OPTION_END, "", 0);
    put_u32(file, block);
}
