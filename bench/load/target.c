#include "target.h"

#include <stdio.h>
#include <string.h>

/* Rows of the table that are looked at: a machine with more UDP sockets tells less. */
#define ROWS_MAX 20000u

static bool is_ours(const struct zsip_address *remote)
{
    struct zsip_address source;
    size_t bytes = remote->family == ZSIP_FAMILY_IPV4 ? 4 : 16;

    return zsip_address_source(remote, &source) == ZSIP_OK &&
           memcmp(source.ip, remote->ip, bytes) == 0;
}

/* Columns as proc(5) says: the local address with its port behind a colon, and drops last. */
static bool row_read(const char *line, unsigned *port, unsigned long long *drops)
{
    const char *colon = strchr(line, ':'), *last;

    if (colon == NULL || (colon = strchr(colon + 1, ':')) == NULL ||
        sscanf(colon + 1, "%4x", port) != 1)
        return false;
    last = line + strlen(line);
    while (last > line && (last[-1] == '\n' || last[-1] == ' '))
        last--;
    while (last > line && last[-1] != ' ')
        last--;
    return sscanf(last, "%llu", drops) == 1;
}

static uint64_t dropped_in(const char *path, unsigned port)
{
    FILE *file = fopen(path, "re");
    uint64_t sum = 0;
    char line[512];

    if (file == NULL)
        return 0;
    for (unsigned row = 0; row < ROWS_MAX && fgets(line, sizeof line, file) != NULL; row++) {
        unsigned long long drops;
        unsigned here;

        if (row > 0 && row_read(line, &here, &drops) && here == port)
            sum += drops;
    }
    fclose(file);
    return sum;
}

uint64_t load_target_dropped(const struct zsip_address *remote)
{
    if (!is_ours(remote))
        return 0;
    /* A socket of the other family may serve it too. */
    return dropped_in("/proc/net/udp", remote->port) + dropped_in("/proc/net/udp6", remote->port);
}
