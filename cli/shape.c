/* zsip serve: answers that are shaped. */
#include "shape.h"

#include "bench/load/scan.h"
#include "cli.h"

#include <math.h>
#include <string.h>

#define DELAY_MS_MAX 30000

/* ---- Status codes ---------------------------------------------------------------------------- */

/* Codes that may not be sent without something this program can't know. */
static const struct {
    unsigned code;
    const char *why;
} refused_codes[] = {
    {301, "it must name the new address in Contact"},
    {302, "it must name the other address in Contact"},
    {305, "it must name the proxy in Contact"},
    {401, "it must carry a challenge in WWW-Authenticate (RFC 3261 section 21.4.2)"},
    {405, "it must list in Allow what is allowed; to refuse MESSAGE, give --methods OPTIONS"},
    {407, "it must carry a challenge in Proxy-Authenticate (RFC 3261 section 21.4.8)"},
    {408, "it may not be sent (RFC 4320 section 4.2); a peer must find out by its own timer"},
    {415, "it must list in Accept what is taken; to narrow that, give --accept"},
    {420, "it must list in Unsupported what the request required"},
    {421, "it must list in Require what it needs (RFC 3261 section 21.4.16)"},
    {422, "it must carry Min-SE (RFC 4028)"},
    {423, "it must carry Min-Expires (RFC 3261 section 21.4.17)"},
    {424, "it must carry Geolocation-Error (RFC 6442)"},
    {469, "it must carry Recv-Info (RFC 6086)"},
    {470, "it must carry Permission-Missing (RFC 5360)"},
    {489, "it must carry Allow-Events (RFC 6665)"},
    {494, "it must carry Security-Server (RFC 3329)"},
};

static bool code_check(const char *text, double code)
{
    if (code >= 100 && code < 200) {
        cli_error("--status %s: %.0f is not a final answer; give 200..699", text, code);
        return false;
    }
    if (code < 200 || code > 699 || code != floor(code)) {
        cli_error("--status %s: not a SIP status code; give 200..699", text);
        return false;
    }
    for (size_t i = 0; i < sizeof refused_codes / sizeof refused_codes[0]; i++) {
        if (refused_codes[i].code == (unsigned)code) {
            cli_error("--status %u: %s; give another code", (unsigned)code, refused_codes[i].why);
            return false;
        }
    }
    return true;
}

bool shape_status_set(const char *text, struct shape *shape)
{
    enum { PARTS_MAX = 32 };
    double codes[PARTS_MAX], weights[PARTS_MAX], sum = 0, before = 0;
    struct load_scan scan = {text, text};
    unsigned count = 0, at = 0;

    do {
        bool good = count < PARTS_MAX && load_scan_number(&scan, &codes[count]);

        weights[count % PARTS_MAX] = 1;
        if (good && load_scan_word(&scan, ":"))
            good = load_scan_number(&scan, &weights[count]);
        if (!good || (*scan.at != ',' && *scan.at != '\0')) {
            cli_error("--status %s: not a SIP status code; give 200..699, or codes with weights "
                      "such as 200:95,503:5",
                      text);
            return false;
        }
        if (!code_check(text, codes[count]))
            return false;
        sum += weights[count++];
    } while (load_scan_word(&scan, ","));
    if (!(sum > 0)) {
        cli_error("--status %s: every weight is 0", text);
        return false;
    }
    for (unsigned i = 0; i < SHAPE_STATUSES; i++) {
        while (at + 1 < count && (before + weights[at]) / sum * SHAPE_STATUSES <= i + 1e-9)
            before += weights[at++];
        shape->statuses[i] = (uint16_t)codes[at];
    }
    shape->status = count == 1 ? (uint16_t)codes[0] : 0;
    return true;
}

/* ---- Delays and loss ------------------------------------------------------------------------- */

bool shape_delay_set(const char *text, struct shape *shape)
{
    struct load_scan scan = {text, text};
    double least, most;
    bool exponential = load_scan_word(&scan, "exp:");

    if (load_scan_number(&scan, &least)) {
        most = exponential ? fmin(20 * least, DELAY_MS_MAX) : least;
        shape->delay = exponential ? SHAPE_DELAY_EXPONENTIAL : SHAPE_DELAY_FIXED;
        if (!exponential && load_scan_word(&scan, "-")) {
            shape->delay = SHAPE_DELAY_UNIFORM;
            if (!load_scan_number(&scan, &most))
                most = -1;
        }
        if (*scan.at == '\0' && most >= least && most <= DELAY_MS_MAX) {
            shape->delay_ns = (uint64_t)(least * 1e6);
            shape->delay_max_ns = (uint64_t)(most * 1e6);
            return true;
        }
    }
    cli_error("--delay %s: give milliseconds, 0..%d: 50, 10-80 for any of these alike, or exp:20 "
              "for that mean",
              text, DELAY_MS_MAX);
    return false;
}

bool shape_drop_set(const char *text, struct shape *shape)
{
    struct load_scan scan = {text, text};

    if (load_scan_number(&scan, &shape->drop) && load_scan_word(&scan, "%") && *scan.at == '\0' &&
        shape->drop <= 100) {
        shape->drop /= 100;
        return true;
    }
    cli_error("--drop %s: give a share, such as 2.5%%", text);
    return false;
}

/* ---- Drawing --------------------------------------------------------------------------------- */

/* splitmix64 */
uint64_t shape_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double uniform(uint64_t *state)
{
    return ((double)(shape_random(state) >> 11) + 0.5) / 9007199254740992.0;
}

unsigned shape_status(const struct shape *shape, uint64_t *state)
{
    if (shape->status != 0)
        return shape->status;
    return shape->statuses[shape_random(state) % SHAPE_STATUSES];
}

uint64_t shape_delay(const struct shape *shape, uint64_t *state)
{
    double ns = (double)shape->delay_ns;

    switch (shape->delay) {
    case SHAPE_DELAY_UNIFORM:
        ns += uniform(state) * (double)(shape->delay_max_ns - shape->delay_ns);
        break;
    case SHAPE_DELAY_EXPONENTIAL:
        ns = fmin(-log(uniform(state)) * ns, (double)shape->delay_max_ns);
        break;
    default:
        break;
    }
    return (uint64_t)ns;
}

bool shape_drops(const struct shape *shape, uint64_t *state)
{
    return uniform(state) < shape->drop;
}
