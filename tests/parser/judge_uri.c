/* Judge of URI parsing and comparison.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include "tests/parser/reference.h"
#include "tests/parser/ways.h"
#include <stdio.h>
#include <string.h>

#define URI_BYTES_MAX 1500u /* longer ones are compared by bytes alone */

static char complaint[256];

static const char *parse(const uint8_t *data, size_t bytes, struct zsip_uri *out, bool *good)
{
    struct zsip_uri plain;
    struct zsip_fault fault = {0, ZSIP_OK, ""};
    struct zsip_slice slice = {0, (uint16_t)bytes};
    memset(out, 0, sizeof(*out));
    enum zsip_status status = zsip_uri_parse(data, slice, out, &fault);
    enum zsip_status wanted = reference_uri_parse(data, slice, &plain);
    *good = status == ZSIP_OK;
    if (status != wanted) {
        snprintf(complaint, sizeof(complaint), "%s at %u (%s), reference %s",
                 zsip_status_name(status), fault.offset, fault.rule, zsip_status_name(wanted));
        return complaint;
    }
    if (*good && memcmp(out, &plain, sizeof(plain)) != 0) {
        return "fields of the URI differ";
    }
    if (!*good && fault.offset > bytes) {
        return "the fault lies outside";
    }
    return NULL;
}

/* By every way: the same fields, or the same fault. */
static const char *parse_alike(const uint8_t *data, size_t bytes)
{
    struct zsip_uri first, uri;
    struct zsip_fault wanted = {0, ZSIP_OK, ""}, fault;
    struct zsip_slice slice = {0, (uint16_t)bytes};
    const char *what = NULL;
    for (unsigned way = 0; what == NULL && way < ways_count(); way++) {
        ways_take(way);
        memset(&uri, 0, sizeof(uri));
        fault = (struct zsip_fault){0, ZSIP_OK, ""};
        enum zsip_status status = zsip_uri_parse(data, slice, &uri, &fault);
        first = way == 0 ? uri : first;
        wanted = way == 0 ? fault : wanted;
        if (fault.status != wanted.status || fault.offset != wanted.offset ||
            strcmp(fault.rule, wanted.rule) != 0 ||
            (status == ZSIP_OK && memcmp(&uri, &first, sizeof(uri)) != 0)) {
            snprintf(complaint, sizeof(complaint), "%s parses the URI otherwise", ways_name(way));
            what = complaint;
        }
    }
    ways_take(ways_count());
    return what;
}

const char *judge_uris(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes)
{
    struct zsip_uri x, y;
    bool x_good, y_good;
    if (a_bytes > URI_BYTES_MAX || b_bytes > URI_BYTES_MAX) {
        return NULL;
    }
    const char *what = parse(a, a_bytes, &x, &x_good);
    what = what != NULL ? what : parse(b, b_bytes, &y, &y_good);
    what = what != NULL ? what : parse_alike(a, a_bytes);
    what = what != NULL ? what : parse_alike(b, b_bytes);
    if (what != NULL) {
        return what;
    }
    if ((x_good && !zsip_uri_equal(a, &x, a, &x)) || (y_good && !zsip_uri_equal(b, &y, b, &y))) {
        return "not equal to itself";
    }
    if (!x_good || !y_good) {
        return NULL;
    }
    bool equal = zsip_uri_equal(a, &x, b, &y);
    if (equal != zsip_uri_equal(b, &y, a, &x)) {
        return "equal one way round only";
    }
    if (equal != reference_uri_equal(a, &x, b, &y)) {
        return equal ? "equal, and the reference says no" : "not equal, and the reference says yes";
    }
    return NULL;
}
