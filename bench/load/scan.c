#include "scan.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool load_scan_word(struct load_scan *scan, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

bool load_scan_number(struct load_scan *scan, double *out)
{
    const char *at = scan->at;
    char copy[32] = "";
    size_t length = strspn(at, "0123456789");

    /* "10..20" is two numbers: a point counts only with a digit behind it. */
    if (length > 0 && at[length] == '.' && at[length + 1] >= '0' && at[length + 1] <= '9')
        length += 1 + strspn(at + length + 1, "0123456789");
    if (length == 0 || length >= sizeof copy)
        return false;
    memcpy(copy, at, length);
    *out = strtod(copy, NULL);
    scan->at += length;
    return true;
}

bool load_scan_count(struct load_scan *scan, double *out)
{
    if (!load_scan_number(scan, out))
        return false;
    if (load_scan_word(scan, "k"))
        *out *= 1e3;
    else if (load_scan_word(scan, "M"))
        *out *= 1e6;
    return true;
}

bool load_scan_time(struct load_scan *scan, const char *unit, double *out_ns)
{
    /* ms before m. */
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    size_t count = sizeof units / sizeof units[0];

    if (!load_scan_number(scan, out_ns))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (load_scan_word(scan, units[i].name)) {
            *out_ns *= units[i].ns;
            return true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(unit, units[i].name) == 0)
            *out_ns *= units[i].ns;
    }
    return true;
}
