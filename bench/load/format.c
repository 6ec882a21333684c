#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct load_text load_format_count(uint64_t value)
{
    struct load_text out;
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *to = out.text;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

/* Three significant digits. */
static struct load_text scaled(double value, const char *unit)
{
    struct load_text out;
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

    snprintf(out.text, sizeof out.text, "%.*f %s", decimals, value, unit);
    return out;
}

struct load_text load_format_us(uint64_t value_us)
{
    struct load_text out;

    if (value_us >= 1000000)
        return scaled((double)value_us / 1e6, "s");
    if (value_us >= 1000)
        return scaled((double)value_us / 1e3, "ms");
    snprintf(out.text, sizeof out.text, "%" PRIu64 " us", value_us);
    return out;
}

struct load_text load_format_bytes(uint64_t bytes)
{
    return scaled((double)bytes / 1e6, "MB");
}
