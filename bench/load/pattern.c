/* Names made from numbers. */
#include "pattern.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static uint32_t digits_of(uint32_t number)
{
    uint32_t digits = 1;

    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

/* What follows a '%'. */
enum percent {
    PERCENT_NUMBER, /* 0Nd */
    PERCENT_ESCAPE, /* two hexadecimal digits */
    PERCENT_NARROW, /* d, Nd: a number without a fixed width */
    PERCENT_WRONG,
};

static enum percent percent_of(const char *at)
{
    if (at[0] == '0' && at[1] >= '1' && at[1] <= '9' && at[2] == 'd')
        return PERCENT_NUMBER;
    if (at[0] >= '1' && at[0] <= '9' && at[1] == 'd')
        return PERCENT_NARROW; /* as an escape it would be a letter, which nobody means */
    if (at[0] == 'd' && !is_hex(at[1]))
        return PERCENT_NARROW;
    if (at[0] == '0' && is_hex(at[1]) && is_hex(at[2]) && at[3] == 'd')
        return PERCENT_NARROW; /* over nine digits */
    return is_hex(at[0]) && is_hex(at[1]) ? PERCENT_ESCAPE : PERCENT_WRONG;
}

/* "0Nd" stands at text. */
static enum zsip_status gap_add(struct load_pattern *out, const char *text, uint32_t number_max,
                                char *error, size_t error_bytes)
{
    uint32_t digits = (uint32_t)(text[1] - '0');

    if (out->gap_count == LOAD_PATTERN_GAPS_MAX) {
        snprintf(error, error_bytes, "more than %u numbers in one pattern", LOAD_PATTERN_GAPS_MAX);
        return ZSIP_ERROR_ARGUMENT;
    }
    if (digits < digits_of(number_max)) {
        snprintf(error, error_bytes, "numbers go up to %" PRIu32 ": write %%0%" PRIu32 "d",
                 number_max, digits_of(number_max));
        return ZSIP_ERROR_ARGUMENT;
    }
    if (out->bytes + digits > LOAD_PATTERN_BYTES_MAX)
        return ZSIP_ERROR_TOO_LARGE;
    out->gaps[out->gap_count].at = out->bytes;
    out->gaps[out->gap_count++].digits = digits;
    memset(out->text + out->bytes, '0', digits);
    out->bytes += digits;
    return ZSIP_OK;
}

static enum zsip_status read_text(const char *text, uint32_t number_max, struct load_pattern *out,
                                  char *error, size_t error_bytes)
{
    while (*text != '\0') {
        enum percent percent = text[0] == '%' ? percent_of(text + 1) : PERCENT_ESCAPE;
        enum zsip_status status = ZSIP_OK;

        switch (percent) {
        case PERCENT_NUMBER:
            status = gap_add(out, text + 1, number_max, error, error_bytes);
            text += 4;
            break;
        case PERCENT_ESCAPE:
            if (out->bytes == LOAD_PATTERN_BYTES_MAX)
                return ZSIP_ERROR_TOO_LARGE;
            out->text[out->bytes++] = (uint8_t)*text++;
            break;
        case PERCENT_NARROW:
            snprintf(error, error_bytes,
                     "a number needs a fixed width, so that all requests are equally long: write "
                     "%%0%" PRIu32 "d",
                     digits_of(number_max));
            return ZSIP_ERROR_ARGUMENT;
        case PERCENT_WRONG:
            snprintf(error, error_bytes, "'%%' must begin a number (%%06d) or an escape (%%40)");
            return ZSIP_ERROR_ARGUMENT;
        }
        if (status != ZSIP_OK)
            return status;
    }
    return ZSIP_OK;
}

enum zsip_status load_pattern_parse(const char *text, uint32_t number_max, struct load_pattern *out,
                                    char *error, size_t error_bytes)
{
    enum zsip_status status;

    memset(out, 0, sizeof *out);
    status = read_text(text, number_max, out, error, error_bytes);
    if (status == ZSIP_ERROR_TOO_LARGE)
        snprintf(error, error_bytes, "over %u bytes", LOAD_PATTERN_BYTES_MAX);
    return status == ZSIP_OK ? ZSIP_OK : ZSIP_ERROR_ARGUMENT;
}

enum zsip_status load_pattern_parse_uri(const char *text, uint32_t number_max,
                                        struct load_pattern *out, char *error, size_t error_bytes)
{
    struct zsip_fault fault = {0};
    struct zsip_uri uri;
    enum zsip_status status = load_pattern_parse(text, number_max, out, error, error_bytes);

    if (status != ZSIP_OK)
        return status;
    /* Digits are legal wherever one digit is, so one number stands for all. */
    if (zsip_uri_parse(out->text, (struct zsip_slice){0, (uint16_t)out->bytes}, &uri, &fault) !=
        ZSIP_OK) {
        snprintf(error, error_bytes, "not a URI, as sip:user%%06d@example.com is (%s)",
                 fault.rule == NULL ? "URI" : fault.rule);
        return ZSIP_ERROR_ARGUMENT;
    }
    return ZSIP_OK;
}

size_t load_pattern_write(const struct load_pattern *pattern, uint32_t number, uint8_t *out)
{
    memcpy(out, pattern->text, pattern->bytes);
    for (uint32_t i = 0; i < pattern->gap_count; i++) {
        uint8_t *at = out + pattern->gaps[i].at;
        uint32_t rest = number;

        for (uint32_t digit = pattern->gaps[i].digits; digit > 0; digit--) {
            at[digit - 1] = (uint8_t)('0' + rest % 10);
            rest /= 10;
        }
    }
    return pattern->bytes;
}
