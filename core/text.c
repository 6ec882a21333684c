/* Small writers and checks on header text. */
#include "core/core.h"

void zsip_text_string(struct text *text, const char *string)
{
    text_bytes(text, string, strlen(string));
}

void zsip_text_unsigned(struct text *text, uint64_t value)
{
    uint8_t digits[20];
    unsigned at = sizeof(digits);
    do {
        digits[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    text_bytes(text, digits + at, sizeof(digits) - at);
}

void zsip_text_hex(struct text *text, uint64_t value, unsigned digits)
{
    uint8_t out[16];
    ZSIP_ASSERT(digits <= sizeof(out));
    for (unsigned i = 0; i < digits; i++)
        out[i] = (uint8_t) "0123456789abcdef"[value >> 4 * (digits - 1 - i) & 15];
    text_bytes(text, out, digits);
}

/* The longest run of zero groups of an IPv6 address, at least two (RFC 5952 section 4.2). */
static unsigned longest_zero_run(const uint16_t groups[8], unsigned *length)
{
    unsigned best = 8;
    *length = 1;
    for (unsigned i = 0; i < 8; i++) {
        unsigned run = 0;
        while (i + run < 8 && groups[i + run] == 0)
            run++;
        if (run > *length) {
            *length = run;
            best = i;
        }
    }
    return best;
}

static void text_hex_group(struct text *text, uint16_t group)
{
    unsigned digits = group > 0xfff ? 4 : group > 0xff ? 3 : group > 0xf ? 2 : 1;
    zsip_text_hex(text, group, digits);
}

static void text_ipv6(struct text *text, const uint8_t ip[16])
{
    uint16_t groups[8];
    for (unsigned i = 0; i < 8; i++)
        groups[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
    unsigned run_length;
    unsigned run_at = longest_zero_run(groups, &run_length);
    for (unsigned i = 0; i < 8; i++) {
        if (i == run_at) {
            text_literal(text, "::");
            i += run_length - 1;
            continue;
        }
        if (i > 0 && i != run_at + run_length)
            text_literal(text, ":");
        text_hex_group(text, groups[i]);
    }
}

void zsip_text_ip(struct text *text, const struct zsip_address *address)
{
    if (address->family == ZSIP_FAMILY_IPV6) {
        text_ipv6(text, address->ip);
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            text_literal(text, ".");
        zsip_text_unsigned(text, address->ip[i]);
    }
}

static void text_two_digits(struct text *text, unsigned value)
{
    uint8_t digits[2] = {(uint8_t)('0' + value / 10 % 10), (uint8_t)('0' + value % 10)};
    text_bytes(text, digits, 2);
}

/* Days since 1970-01-01 to year, month (1..12), day, by the proleptic Gregorian calendar counted
 * from 1 March 0000, so that the leap day is the last of its year. */
static void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

void zsip_text_date(struct text *text, int64_t utc_s)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t days = utc_s / 86400;
    unsigned second = (unsigned)(utc_s % 86400);
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    text_bytes(text, weekdays + 3 * (days % 7), 3);
    text_literal(text, ", ");
    text_two_digits(text, day);
    text_literal(text, " ");
    text_bytes(text, months + 3 * (month - 1), 3);
    text_literal(text, " ");
    text_two_digits(text, (unsigned)(year / 100));
    text_two_digits(text, (unsigned)(year % 100));
    text_literal(text, " ");
    text_two_digits(text, second / 3600);
    text_literal(text, ":");
    text_two_digits(text, second / 60 % 60);
    text_literal(text, ":");
    text_two_digits(text, second % 60);
    text_literal(text, " GMT");
}

static bool token_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-.!%*_+`'~", c) != NULL);
}

/* Fields zsip writes itself, or that would change what it means. */
static bool header_reserved(enum zsip_header_id id, bool contact_allowed)
{
    switch (id) {
    case ZSIP_HEADER_VIA:
    case ZSIP_HEADER_FROM:
    case ZSIP_HEADER_TO:
    case ZSIP_HEADER_CALL_ID:
    case ZSIP_HEADER_CSEQ:
    case ZSIP_HEADER_MAX_FORWARDS:
    case ZSIP_HEADER_CONTENT_LENGTH:
    case ZSIP_HEADER_CONTENT_TYPE:
        return true;
    case ZSIP_HEADER_CONTACT:
        return !contact_allowed;
    default:
        return false;
    }
}

/* One line from at on; sets *next behind its CRLF. */
static bool header_line_valid(const uint8_t *at, const uint8_t *end, bool contact_allowed,
                              const uint8_t **next)
{
    const uint8_t *name = at;
    while (at < end && token_char(*at))
        at++;
    if (at == name || at == end || *at != ':')
        return false;
    struct zsip_view name_view = {name, (size_t)(at - name)};
    if (header_reserved(zsip_header_by_name(name_view), contact_allowed))
        return false;
    while (at < end && *at != '\r' && *at != '\n' && *at != 0)
        at++;
    if (end - at < 2 || at[0] != '\r' || at[1] != '\n')
        return false;
    *next = at + 2;
    return true;
}

bool zsip_text_headers_valid(struct zsip_view view, bool contact_allowed)
{
    const uint8_t *at = view.data;
    const uint8_t *end = view.data + view.length;
    while (at < end) {
        if (!header_line_valid(at, end, contact_allowed, &at))
            return false;
    }
    return true;
}

bool zsip_text_line_valid(struct zsip_view view)
{
    for (size_t i = 0; i < view.length; i++) {
        uint8_t c = view.data[i];
        if (c == '\r' || c == '\n' || c == 0)
            return false;
    }
    return true;
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool zsip_text_equal_fold(struct zsip_view a, struct zsip_view b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (fold(a.data[i]) != fold(b.data[i]))
            return false;
    }
    return true;
}

bool zsip_text_list_has(struct zsip_view list, struct zsip_view token, bool fold_case)
{
    size_t at = 0;
    while (at < list.length) {
        while (at < list.length && (list.data[at] == ' ' || list.data[at] == ','))
            at++;
        size_t begin = at;
        while (at < list.length && list.data[at] != ' ' && list.data[at] != ',')
            at++;
        struct zsip_view element = {list.data + begin, at - begin};
        if (element.length > 0 &&
            (fold_case ? zsip_text_equal_fold(element, token) : view_equal(element, token)))
            return true;
    }
    return false;
}
