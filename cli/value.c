/* Values of options: numbers, times, lists, addresses. */
#include "cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Numbers --------------------------------------------------------------------------------- */

bool cli_value_number(const char *what, const char *text, uint64_t min, uint64_t max,
                      uint64_t *value)
{
    char *end;
    uint64_t number, unit = 1;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (*end == 'k' && end[1] == '\0')
        unit = 1000;
    else if (*end == 'M' && end[1] == '\0')
        unit = 1000000;
    /* strtoull takes a sign and white space: neither is a number here. */
    if (text[0] < '0' || text[0] > '9' || (*end != '\0' && unit == 1)) {
        cli_error("%s %s: not a whole number; give %" PRIu64 "..%" PRIu64, what, text, min, max);
        return false;
    }
    if (errno != 0 || number > UINT64_MAX / unit || number * unit < min || number * unit > max) {
        cli_error("%s %s: out of range; give %" PRIu64 "..%" PRIu64, what, text, min, max);
        return false;
    }
    *value = number * unit;
    return true;
}

bool cli_value_narrow(const char *what, const char *text, uint32_t min, uint32_t max,
                      uint32_t *value)
{
    uint64_t number;

    if (!cli_value_number(what, text, min, max, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

bool cli_value_bytes(const char *what, const char *text, uint64_t min, uint64_t max,
                     uint64_t *value)
{
    static const char units[] = "kKmMgG";
    char *end;
    uint64_t number, unit = 1;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (*end != '\0' && strchr(units, *end) != NULL && end[1] == '\0')
        unit = UINT64_C(1024) << ((strchr(units, *end) - units) / 2 * 10);
    if (text[0] < '0' || text[0] > '9' || (*end != '\0' && unit == 1)) {
        cli_error("%s %s: not a number of bytes; give one such as 65536, 512K or 8M", what, text);
        return false;
    }
    if (errno != 0 || number > UINT64_MAX / unit || number * unit < min || number * unit > max) {
        cli_error("%s %s: out of range; give %" PRIu64 "..%" PRIu64 " bytes", what, text, min, max);
        return false;
    }
    *value = number * unit;
    return true;
}

/* A number with a fraction if need be, and nothing else that strtod takes (signs, hexadecimal,
 * inf). *end stands behind it, at text if there is none. */
static double decimal(const char *text, const char **end)
{
    size_t digits = strspn(text, "0123456789.");
    char copy[32] = "";
    char *stop;
    double value;

    if (digits < sizeof copy)
        memcpy(copy, text, digits);
    value = strtod(copy, &stop);
    *end = text + (*stop == '\0' ? strlen(copy) : 0);
    return value;
}

bool cli_value_duration(const char *what, const char *text, uint64_t min_ns, uint64_t max_ns,
                        uint64_t *value_ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"", 1e9}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    const char *end;
    double number = decimal(text, &end);
    double ns = -1;

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0)
            ns = number * units[i].ns;
    }
    if (end == text || ns < 0) {
        cli_error("%s %s: not a time; give seconds, or a number with us, ms, s, m or h", what,
                  text);
        return false;
    }
    if (ns < (double)min_ns || ns > (double)max_ns) {
        cli_error("%s %s: out of range; give %g..%g seconds", what, text, (double)min_ns / 1e9,
                  (double)max_ns / 1e9);
        return false;
    }
    *value_ns = (uint64_t)ns;
    return true;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

bool cli_value_without(const char *what, const char *text, unsigned *without)
{
    static const struct {
        const char *name;
        unsigned bit;
    } features[] = {
        {"gro", ZSIP_FEATURE_GRO},         {"gso", ZSIP_FEATURE_GSO},
        {"bundles", ZSIP_FEATURE_BUNDLES}, {"incremental", ZSIP_FEATURE_INCREMENTAL},
        {"defer", ZSIP_FEATURE_DEFER},     {"multishot", ZSIP_FEATURE_MULTISHOT},
        {"files", ZSIP_FEATURE_FILES},     {"long", ZSIP_FEATURE_LONG},
    };
    size_t count = sizeof features / sizeof features[0];

    while (*text != '\0') {
        size_t length = strcspn(text, ","), i;

        for (i = 0; i < count; i++) {
            if (strlen(features[i].name) == length && strncmp(text, features[i].name, length) == 0)
                break;
        }
        if (i == count) {
            cli_error("%s %.*s: no such feature; give some of gro, gso, incremental, bundles, "
                      "defer, multishot, files",
                      what, (int)length, text);
            return false;
        }
        *without |= features[i].bit;
        text += length + (text[length] == ',');
    }
    return true;
}

static bool cpus_allowed(struct cli_cpus *cpus)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return false;
    for (int cpu = 0; cpu < CPU_SETSIZE && cpus->count < CLI_CPUS_MAX; cpu++) {
        if (CPU_ISSET(cpu, &set))
            cpus->cpu[cpus->count++] = cpu;
    }
    return cpus->count > 0;
}

bool cli_value_cpus(const char *what, const char *text, struct cli_cpus *cpus)
{
    const char *at = text;
    struct cli_cpus allowed = {0};

    cpus->count = 0;
    if (strcmp(text, "auto") == 0)
        return cpus_allowed(cpus);
    do {
        char *end;
        unsigned long first = strtoul(at, &end, 10), last = first;

        if (*at >= '0' && *at <= '9' && *end == '-' && end[1] >= '0' && end[1] <= '9')
            last = strtoul(end + 1, &end, 10);
        if (*at < '0' || *at > '9' || (*end != '\0' && *end != ',') || last < first ||
            last >= CLI_CPUS_MAX) {
            cli_error("%s %s: not a list of CPUs; give auto, or numbers such as 0,2-3", what, text);
            return false;
        }
        for (; first <= last && cpus->count < CLI_CPUS_MAX; first++)
            cpus->cpu[cpus->count++] = (int)first;
        at = *end == ',' ? end + 1 : NULL;
    } while (at != NULL);

    if (!cpus_allowed(&allowed))
        return true; /* then the attempt to pin tells */
    for (uint32_t i = 0; i < cpus->count; i++) {
        uint32_t j = 0;

        while (j < allowed.count && allowed.cpu[j] != cpus->cpu[i])
            j++;
        if (j == allowed.count) {
            cli_error("%s %s: this process may not run on CPU %d; it may use %u of them, the "
                      "first is %d",
                      what, text, cpus->cpu[i], allowed.count, allowed.cpu[0]);
            return false;
        }
    }
    return true;
}

int cli_cpu_of(const struct cli_cpus *cpus, unsigned index)
{
    return cpus->count == 0 ? -1 : cpus->cpu[index % cpus->count];
}

/* ---- Places ---------------------------------------------------------------------------------- */

int cli_resolve(const char *host, uint16_t port, struct zsip_address *address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *list, *first;
    int error = getaddrinfo(host, NULL, &hints, &list);

    if (error != 0)
        return error;
    first = list;
    while (first != NULL && first->ai_family != AF_INET)
        first = first->ai_next;
    first = first == NULL ? list : first;
    memset(address, 0, sizeof *address);
    address->port = port;
    if (first->ai_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)first->ai_addr;

        address->family = ZSIP_FAMILY_IPV4;
        memcpy(address->ip, &in->sin_addr, 4);
    } else {
        const struct sockaddr_in6 *in6 = (const void *)first->ai_addr;

        address->family = ZSIP_FAMILY_IPV6;
        address->scope = in6->sin6_scope_id;
        memcpy(address->ip, &in6->sin6_addr, 16);
    }
    freeaddrinfo(list);
    return 0;
}

/* Takes "udp:" or "tcp:" off; false: another transport, said. */
static bool transport_take(const char *what, const char **text, bool tcp, struct cli_place *place)
{
    static const char *const others[] = {"tcp:", "tls:", "ws:", "wss:", "sctp:"};

    place->transport = ZSIP_TRANSPORT_NONE;
    if (strncasecmp(*text, "udp:", 4) == 0 || (tcp && strncasecmp(*text, "tcp:", 4) == 0)) {
        bool udp = (*text)[0] == 'u' || (*text)[0] == 'U';

        place->transport = udp ? ZSIP_TRANSPORT_UDP : ZSIP_TRANSPORT_TCP;
        *text += 4;
        return true;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strncasecmp(*text, others[i], strlen(others[i])) == 0) {
            cli_error(tcp ? "%s %s: only udp and tcp are there yet; give udp:ADDR:PORT or "
                            "tcp:ADDR:PORT"
                          : "%s %s: only udp is there yet; give udp:ADDR:PORT",
                      what, *text);
            return false;
        }
    }
    return true;
}

/* Cuts HOST[:PORT] in two. false: not of that form. */
static bool host_split(const char *text, char *host, size_t host_bytes, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon == NULL ? strlen(text) : (size_t)(colon - text);
    unsigned long number = CLI_PORT_DEFAULT;
    char *end;

    if (length == 0 || length >= host_bytes || strcspn(text, "[] \t/@;<>?") < length ||
        memchr(text, ':', length) != NULL)
        return false;
    if (colon != NULL) {
        number = strtoul(colon + 1, &end, 10);
        if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || number > 65535)
            return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    *port = (uint16_t)number;
    return true;
}

static bool place_take(const char *what, const char *text, bool numeric, bool tcp,
                       struct cli_place *place, bool *unresolved)
{
    const char *rest = text;
    char host[256];
    uint16_t port;
    int error;

    if (unresolved != NULL)
        *unresolved = false;
    if (!transport_take(what, &rest, tcp, place))
        return false;
    if (zsip_address_parse(rest, CLI_PORT_DEFAULT, &place->address) == ZSIP_OK) {
        zsip_address_text(&place->address, place->text);
        return true;
    }
    if (numeric || !host_split(rest, host, sizeof host, &port)) {
        cli_error("%s %s: not an address; give udp:ADDR:PORT, such as udp:%s:5060 or "
                  "udp:[::1]:5060",
                  what, text, numeric ? "0.0.0.0" : "127.0.0.1");
        return false;
    }
    error = cli_resolve(host, port, &place->address);
    if (error != 0) {
        cli_error("%s %s: can't resolve %s: %s; check the name, or give a numeric address", what,
                  text, host, gai_strerror(error));
        if (unresolved != NULL)
            *unresolved = true;
        return false;
    }
    snprintf(place->text, sizeof place->text, "%s:%u", host, port);
    return true;
}

bool cli_value_place(const char *what, const char *text, bool numeric, struct cli_place *place,
                     bool *unresolved)
{
    return place_take(what, text, numeric, false, place, unresolved);
}

bool cli_value_place_any(const char *what, const char *text, bool numeric, struct cli_place *place,
                         bool *unresolved)
{
    return place_take(what, text, numeric, true, place, unresolved);
}

const char *cli_transport_name(enum zsip_transport transport)
{
    return transport == ZSIP_TRANSPORT_TCP ? "tcp" : "udp";
}

/* ---- Files ----------------------------------------------------------------------------------- */

FILE *cli_file_open(const char *what, const char *path)
{
    FILE *file;

    if (strcmp(path, "-") == 0)
        return stdout;
    file = fopen(path, "w");
    if (file == NULL)
        cli_error("%s %s: can't write: %s; give a path that can be written", what, path,
                  strerror(errno));
    return file;
}

bool cli_file_close(const char *what, FILE *file, const char *path)
{
    bool good = ferror(file) == 0;

    if (file == stdout)
        good = fflush(file) == 0 && good;
    else
        good = fclose(file) == 0 && good;
    if (!good)
        cli_error("%s %s: can't write: %s", what, path, strerror(errno));
    return good;
}

FILE *cli_json_open(const char *path)
{
    return cli_file_open("--json", path);
}

bool cli_json_close(FILE *file, const char *path, json_t *root)
{
    bool whole = root != NULL && json_dumpf(root, file, JSON_INDENT(2)) == 0;
    bool good;

    whole = fputc('\n', file) != EOF && whole;
    json_decref(root);
    good = cli_file_close("--json", file, path);
    if (good && !whole)
        cli_error("--json %s: can't write all of it", path);
    return good && whole;
}
