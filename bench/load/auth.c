/* Credentials of a run's requests. */
#include "auth.h"

#include "pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 512u

/* What a user was asked last, by a server and by a proxy. */
struct asked {
    uint32_t owner; /* user's number, and one */
    uint32_t nc[2]; /* of the next request; 0: not asked */
    struct load_challenge challenge[2];
};

struct slot {
    uint32_t line_bytes;
    uint32_t sends; /* times it was to be sent again */
    uint32_t fresh; /* bit per kind: its nonce came in answer to this very request */
    uint8_t line[LOAD_AUTH_LINE_BYTES];
};

struct load_auth {
    struct load_auth_config config;
    struct load_digest *digest;
    struct asked *asked;
    uint32_t asked_count;
    struct slot *slots;
};

/* ---- Names ----------------------------------------------------------------------------------- */

/* "[field12]" at text: its length and number; 0 if it is none. */
static size_t field_at(const char *text, uint32_t *field)
{
    size_t at = strlen("[field");

    *field = 0;
    if (strncmp(text, "[field", at) != 0)
        return 0;
    while (text[at] >= '0' && text[at] <= '9' && at < 10)
        *field = *field * 10 + (uint32_t)(text[at++] - '0');
    return text[at] == ']' && at > strlen("[field") ? at + 1 : 0;
}

static bool number_at(const char *text, unsigned *digits)
{
    *digits = (unsigned)(text[0] == '%' && text[1] == '0' ? text[2] - '0' : 0);
    return *digits >= 1 && *digits <= LOAD_PATTERN_DIGITS_MAX && text[3] == 'd';
}

/* One of the two, written; false: over NAME_BYTES_MAX. */
static bool name_write(const struct load_auth *auth, const char *text, size_t bytes, uint32_t user,
                       uint8_t *out, size_t *length)
{
    const char *end = text + bytes;

    *length = 0;
    while (text < end) {
        uint8_t scratch[LOAD_INJECT_FIELD_BYTES];
        struct zsip_view piece = {(const uint8_t *)text, 1};
        uint32_t field;
        unsigned digits;
        size_t taken = 1, field_bytes = field_at(text, &field);

        if (field_bytes > 0 && auth->config.inject != NULL) {
            piece = load_inject_field(auth->config.inject, user, field, scratch);
            taken = field_bytes;
        } else if (number_at(text, &digits)) {
            piece.data = scratch;
            piece.length =
                (size_t)snprintf((char *)scratch, sizeof scratch, "%0*u", (int)digits, user);
            taken = 4;
        }
        if (piece.length > NAME_BYTES_MAX - *length)
            return false;
        if (piece.length > 0)
            memcpy(out + *length, piece.data, piece.length);
        *length += piece.length;
        text += taken;
    }
    return true;
}

enum zsip_status load_auth_check(const struct load_auth_config *config, char *error,
                                 size_t error_bytes)
{
    const char *colon = strchr(config->credentials, ':');
    uint32_t fields = 0;

    if (colon == NULL || colon == config->credentials) {
        snprintf(error, error_bytes, "give USER:PASSWORD");
        return ZSIP_ERROR_ARGUMENT;
    }
    for (const char *at = config->credentials; *at != '\0'; at++) {
        uint32_t field, largest = 1;
        unsigned digits;

        if (field_at(at, &field) > 0)
            fields = field + 1 > fields ? field + 1 : fields;
        if (!number_at(at, &digits))
            continue;
        for (unsigned i = 0; i < digits; i++)
            largest *= 10;
        if (config->users > largest) {
            snprintf(error, error_bytes, "%.4s: there are %u users", at, config->users);
            return ZSIP_ERROR_ARGUMENT;
        }
    }
    if (fields > 0 && config->inject == NULL) {
        snprintf(error, error_bytes, "[field%u]: of which file? Give --inf", fields - 1);
        return ZSIP_ERROR_ARGUMENT;
    }
    if (fields == 0)
        return ZSIP_OK;
    return load_inject_check(config->inject, fields, error, error_bytes);
}

/* ---- Life ------------------------------------------------------------------------------------ */

enum zsip_status load_auth_create(const struct load_auth_config *config, struct load_auth **out)
{
    struct load_auth *auth = calloc(1, sizeof *auth);
    enum zsip_status status;

    if (auth == NULL)
        return ZSIP_ERROR_MEMORY;
    auth->config = *config;
    auth->asked_count =
        config->user_count < LOAD_AUTH_USERS_MAX ? config->user_count : LOAD_AUTH_USERS_MAX;
    status = load_digest_create(&auth->digest);
    if (status == ZSIP_OK) {
        auth->asked = calloc(auth->asked_count, sizeof *auth->asked);
        auth->slots = calloc(config->slots, sizeof *auth->slots);
        if (auth->asked == NULL || auth->slots == NULL)
            status = ZSIP_ERROR_MEMORY;
    }
    if (status != ZSIP_OK) {
        load_auth_destroy(auth);
        return status;
    }
    *out = auth;
    return ZSIP_OK;
}

void load_auth_destroy(struct load_auth *auth)
{
    if (auth == NULL)
        return;
    load_digest_destroy(auth->digest);
    free(auth->asked);
    free(auth->slots);
    free(auth);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static struct asked *asked_of(struct load_auth *auth, uint32_t user)
{
    return &auth->asked[user % auth->asked_count];
}

void load_auth_begin(struct load_auth *auth, uint32_t slot)
{
    auth->slots[slot].line_bytes = 0;
    auth->slots[slot].sends = 0;
    auth->slots[slot].fresh = 0;
}

/* Method, URI and body of a request. */
static bool request_split(struct zsip_view request, struct load_credentials *out)
{
    const uint8_t *end = request.data + request.length;
    const uint8_t *first = memchr(request.data, ' ', request.length);
    const uint8_t *second =
        first == NULL ? NULL : memchr(first + 1, ' ', (size_t)(end - first - 1));
    const uint8_t *empty = memmem(request.data, request.length, "\r\n\r\n", 4);

    if (second == NULL || empty == NULL)
        return false;
    out->method = (struct zsip_view){request.data, (size_t)(first - request.data)};
    out->uri = (struct zsip_view){first + 1, (size_t)(second - first - 1)};
    out->body = (struct zsip_view){empty + 4, (size_t)(end - empty - 4)};
    return true;
}

static void hex_write(uint8_t *out, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned i = 16; i > 0; i--) {
        out[i - 1] = (uint8_t)digits[value & 15];
        value >>= 4;
    }
}

void load_auth_make(struct load_auth *auth, uint32_t index, uint32_t user, struct zsip_view request)
{
    struct asked *asked = asked_of(auth, user);
    struct slot *slot = &auth->slots[index];
    const char *text = auth->config.credentials, *colon = strchr(text, ':');
    uint8_t name[NAME_BYTES_MAX], password[NAME_BYTES_MAX], cnonce[16];
    struct load_credentials credentials = {.user = {name, 0}, .password = {password, 0}};

    slot->line_bytes = 0;
    if (asked->owner != user + 1 || !request_split(request, &credentials) ||
        !name_write(auth, text, (size_t)(colon - text), user, name, &credentials.user.length) ||
        !name_write(auth, colon + 1, strlen(colon + 1), user, password,
                    &credentials.password.length))
        return;
    hex_write(cnonce, auth->config.run ^ (user + UINT64_C(1)) * 0x9e3779b97f4a7c15u);
    credentials.cnonce = (struct zsip_view){cnonce, sizeof cnonce};
    for (unsigned i = 0; i < 2; i++) {
        if (asked->nc[i] == 0)
            continue;
        credentials.nc = asked->nc[i]++;
        slot->line_bytes += (uint32_t)load_digest_write(auth->digest, &asked->challenge[i],
                                                        &credentials, slot->line + slot->line_bytes,
                                                        sizeof slot->line - slot->line_bytes);
    }
}

struct zsip_view load_auth_line(const struct load_auth *auth, uint32_t slot)
{
    return (struct zsip_view){auth->slots[slot].line, auth->slots[slot].line_bytes};
}

uint32_t load_auth_cseq(const struct load_auth *auth, uint32_t slot)
{
    return 1 + auth->slots[slot].sends;
}

bool load_auth_again(struct load_auth *auth, uint32_t index, uint32_t user,
                     const struct zsip_msg *msg)
{
    struct slot *slot = &auth->slots[index];
    struct asked *asked = asked_of(auth, user);
    unsigned kind = msg->status_code == 407;
    struct load_challenge challenge;

    if (slot->sends + 1 == LOAD_AUTH_SENDS_MAX ||
        load_challenge_read(auth->digest, msg, &challenge) != ZSIP_OK)
        return false;
    if ((slot->fresh >> kind & 1) != 0 && !challenge.stale)
        return false; /* it was answered, and the answer was not taken */
    if (asked->owner != user + 1) {
        asked->owner = user + 1;
        asked->nc[0] = asked->nc[1] = 0;
    }
    asked->challenge[kind] = challenge;
    asked->nc[kind] = 1;
    slot->fresh |= 1u << kind;
    slot->sends++;
    return true;
}
