/* zsip: URI comparison, RFC 3261 section 19.1.4.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

/* Comparing parameters costs the product of their numbers, and 64 KiB of them would be a weapon.
 * Longer parts than this are equal only if their bytes are. */
#define COMPARED_BYTES_MAX 2048u

struct text {
    const uint8_t *p;
    const uint8_t *end;
};

static struct text text_of(const uint8_t *base, struct zsip_slice slice)
{
    return (struct text){base + slice.offset, base + slice.offset + slice.length};
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = zsip_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2396 section 2.2, with the brackets that RFC 3986 adds. */
static bool is_reserved(uint8_t c)
{
    switch (c) {
    case ';':
    case '/':
    case '?':
    case ':':
    case '@':
    case '&':
    case '=':
    case '+':
    case '$':
    case ',':
    case '[':
    case ']':
        return true;
    default:
        return false;
    }
}

/* One character, an escape counting as the character it stands for unless that one is reserved
 * ("%3B" in a user is not ";"): then it comes back with 0x100 added. */
static unsigned character_next(struct text *text)
{
    uint8_t c = *text->p++;
    if (c != '%' || text->end - text->p < 2)
        return c;
    int high = hex_value(text->p[0]), low = hex_value(text->p[1]);
    if (high < 0 || low < 0)
        return c;
    text->p += 2;
    c = (uint8_t)(high << 4 | low);
    return is_reserved(c) ? 0x100u | c : c;
}

static bool text_equal(struct text a, struct text b, bool any_case)
{
    while (a.p < a.end && b.p < b.end) {
        unsigned x = character_next(&a), y = character_next(&b);
        if (any_case && x < 0x80 && y < 0x80) {
            x = zsip_lower((uint8_t)x);
            y = zsip_lower((uint8_t)y);
        }
        if (x != y)
            return false;
    }
    return a.p == a.end && b.p == b.end;
}

/* ---- Parameters and headers ------------------------------------------------------------------ */

struct pair {
    struct text name;
    struct text value;
    bool has_value;
};

static bool pair_next(struct text *list, uint8_t separator, struct pair *out)
{
    if (list->p >= list->end)
        return false;
    const uint8_t *p = list->p, *equal = NULL;
    while (p < list->end && *p != separator) {
        if (*p == '=' && equal == NULL)
            equal = p;
        p++;
    }
    out->has_value = equal != NULL;
    out->name = (struct text){list->p, equal != NULL ? equal : p};
    out->value = (struct text){equal != NULL ? equal + 1 : p, p};
    list->p = p < list->end ? p + 1 : p;
    return true;
}

static bool pair_find(struct text list, uint8_t separator, struct text name, struct pair *out)
{
    while (pair_next(&list, separator, out)) {
        if (text_equal(out->name, name, true))
            return true;
    }
    return false;
}

static bool text_is(struct text text, struct zsip_view word)
{
    return text_equal(text, (struct text){word.data, word.data + word.length}, true);
}

/* Parameters that match only if both URIs have them. The RFC's list of examples adds transport to
 * what its rules say. */
static bool is_never_ignored(struct text name)
{
    return text_is(name, ZSIP_VIEW("user")) || text_is(name, ZSIP_VIEW("ttl")) ||
           text_is(name, ZSIP_VIEW("method")) || text_is(name, ZSIP_VIEW("maddr")) ||
           text_is(name, ZSIP_VIEW("transport"));
}

/* Whether each parameter of a is in b with the same value, or may be ignored. */
static bool params_agree(struct text a, struct text b)
{
    struct pair mine, theirs;
    while (pair_next(&a, ';', &mine)) {
        if (!pair_find(b, ';', mine.name, &theirs)) {
            if (is_never_ignored(mine.name))
                return false;
        } else if (mine.has_value != theirs.has_value ||
                   !text_equal(mine.value, theirs.value, true)) {
            return false;
        }
    }
    return true;
}

/* Header components are never ignored. */
static bool headers_within(struct text a, struct text b)
{
    struct pair mine, theirs;
    while (pair_next(&a, '&', &mine)) {
        struct text rest = b;
        bool found = false;
        while (!found && pair_find(rest, '&', mine.name, &theirs)) {
            found = text_equal(mine.value, theirs.value, true);
            rest.p = theirs.value.end < rest.end ? theirs.value.end + 1 : rest.end;
        }
        if (!found)
            return false;
    }
    return true;
}

static bool bytes_equal(struct text a, struct text b)
{
    return a.end - a.p == b.end - b.p && __builtin_memcmp(a.p, b.p, (size_t)(a.end - a.p)) == 0;
}

/* Two lists; agree is one-sided, so it is asked both ways. */
static bool lists_equal(struct text a, struct text b, bool (*agree)(struct text, struct text))
{
    if (bytes_equal(a, b))
        return true;
    if (a.end - a.p > COMPARED_BYTES_MAX || b.end - b.p > COMPARED_BYTES_MAX)
        return false;
    return agree(a, b) && agree(b, a);
}

bool zsip_uri_equal(const uint8_t *base_a, const struct zsip_uri *a, const uint8_t *base_b,
                    const struct zsip_uri *b)
{
    if (a->scheme != b->scheme)
        return false;
    if (a->scheme != ZSIP_SCHEME_SIP && a->scheme != ZSIP_SCHEME_SIPS)
        return bytes_equal(text_of(base_a, a->whole), text_of(base_b, b->whole));
    if (a->port != b->port || zsip_slice_present(a->user) != zsip_slice_present(b->user) ||
        zsip_slice_present(a->password) != zsip_slice_present(b->password))
        return false;
    return text_equal(text_of(base_a, a->user), text_of(base_b, b->user), false) &&
           text_equal(text_of(base_a, a->password), text_of(base_b, b->password), false) &&
           text_equal(text_of(base_a, a->host), text_of(base_b, b->host), true) &&
           lists_equal(text_of(base_a, a->params), text_of(base_b, b->params), params_agree) &&
           lists_equal(text_of(base_a, a->headers), text_of(base_b, b->headers), headers_within);
}
