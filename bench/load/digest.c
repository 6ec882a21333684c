/* Digest authentication, the client's part. */
#include "digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BYTES_MAX 32u

struct algorithm {
    const char *wire;
    const char *library;
    uint8_t bytes;
    bool session;
};

static const struct algorithm algorithms[] = {
#define X(name, wire, library, bytes, session) {wire, library, bytes, session},
    LOAD_DIGEST_MAP(X)
#undef X
};

struct load_digest {
    EVP_MD_CTX *context;
    EVP_MD *hashes[LOAD_DIGEST_COUNT]; /* NULL: libcrypto has none, as under FIPS */
};

enum zsip_status load_digest_create(struct load_digest **out)
{
    struct load_digest *digest = calloc(1, sizeof *digest);
    bool some = false;

    if (digest == NULL)
        return ZSIP_ERROR_MEMORY;
    digest->context = EVP_MD_CTX_new();
    if (digest->context == NULL) {
        free(digest);
        return ZSIP_ERROR_MEMORY;
    }
    for (unsigned i = 0; i < LOAD_DIGEST_COUNT; i++) {
        digest->hashes[i] = EVP_MD_fetch(NULL, algorithms[i].library, NULL);
        some = some || digest->hashes[i] != NULL;
    }
    if (!some) {
        load_digest_destroy(digest);
        return ZSIP_ERROR_UNSUPPORTED;
    }
    *out = digest;
    return ZSIP_OK;
}

void load_digest_destroy(struct load_digest *digest)
{
    if (digest == NULL)
        return;
    for (unsigned i = 0; i < LOAD_DIGEST_COUNT; i++)
        EVP_MD_free(digest->hashes[i]);
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

bool load_digest_knows(const struct load_digest *digest, enum load_digest_algorithm algorithm)
{
    return algorithm < LOAD_DIGEST_COUNT && digest->hashes[algorithm] != NULL;
}

/* ---- Reading a challenge --------------------------------------------------------------------- */

static bool equal_fold(struct zsip_view a, const char *b)
{
    if (a.length != strlen(b))
        return false;
    for (size_t i = 0; i < a.length; i++) {
        uint8_t c = a.data[i];
        uint8_t d = (uint8_t)b[i];

        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
        d = d >= 'A' && d <= 'Z' ? (uint8_t)(d + 32) : d;
        if (c != d)
            return false;
    }
    return true;
}

/* Without the parameter it is MD5 (RFC 7616 section 3.3). LOAD_DIGEST_COUNT: one nobody knows. */
static unsigned algorithm_of(const struct zsip_msg *msg, const struct zsip_auth *auth)
{
    struct zsip_view name = zsip_msg_view(msg, auth->algorithm);
    unsigned i = 0;

    if (!zsip_slice_present(auth->algorithm))
        return LOAD_DIGEST_MD5;
    while (i < LOAD_DIGEST_COUNT && !equal_fold(name, algorithms[i].wire))
        i++;
    return i;
}

/* The list in qop-options ("auth,auth-int"); false if it holds nothing that is known. */
static bool qop_of(const struct zsip_msg *msg, const struct zsip_auth *auth, uint8_t *qop)
{
    struct zsip_view list = zsip_msg_view(msg, auth->qop);
    size_t at = 0;

    *qop = LOAD_QOP_NONE;
    if (!zsip_slice_present(auth->qop))
        return true;
    while (at < list.length) {
        size_t begin, end;

        while (at < list.length && memchr(", \t", list.data[at], 3) != NULL)
            at++;
        begin = at;
        while (at < list.length && memchr(", \t", list.data[at], 3) == NULL)
            at++;
        end = at;
        if (equal_fold((struct zsip_view){list.data + begin, end - begin}, "auth"))
            *qop = LOAD_QOP_AUTH;
        else if (equal_fold((struct zsip_view){list.data + begin, end - begin}, "auth-int") &&
                 *qop == LOAD_QOP_NONE)
            *qop = LOAD_QOP_AUTH_INT;
    }
    return *qop != LOAD_QOP_NONE;
}

static bool text_add(struct load_challenge *out, size_t *at, struct zsip_view view, uint16_t *bytes)
{
    if (view.length > sizeof out->text - *at)
        return false;
    if (view.length > 0)
        memcpy(out->text + *at, view.data, view.length);
    *at += view.length;
    *bytes = (uint16_t)view.length;
    return true;
}

static enum zsip_status challenge_take(const struct zsip_msg *msg, const struct zsip_auth *auth,
                                       unsigned algorithm, struct load_challenge *out)
{
    uint8_t qop;
    size_t at = 0;

    if (!qop_of(msg, auth, &qop))
        return ZSIP_ERROR_UNSUPPORTED;
    *out = (struct load_challenge){
        .algorithm = (uint8_t)algorithm,
        .qop = qop,
        .proxy = msg->status_code == 407,
        .stale = equal_fold(zsip_msg_view(msg, auth->stale), "true"),
        .named = zsip_slice_present(auth->algorithm),
        .opaque = zsip_slice_present(auth->opaque),
    };
    if (!text_add(out, &at, zsip_msg_view(msg, auth->realm), &out->realm_bytes) ||
        !text_add(out, &at, zsip_msg_view(msg, auth->nonce), &out->nonce_bytes) ||
        !text_add(out, &at, zsip_msg_view(msg, auth->opaque), &out->opaque_bytes))
        return ZSIP_ERROR_TOO_LARGE;
    return ZSIP_OK;
}

static unsigned strength(unsigned algorithm)
{
    return algorithm / 2; /* the session variant is no stronger */
}

enum zsip_status load_challenge_read(const struct load_digest *digest, const struct zsip_msg *msg,
                                     struct load_challenge *out)
{
    enum zsip_header_id id =
        msg->status_code == 407 ? ZSIP_HEADER_PROXY_AUTHENTICATE : ZSIP_HEADER_WWW_AUTHENTICATE;
    enum zsip_status result = ZSIP_ERROR_MISSING;

    for (unsigned row = zsip_msg_find(msg, id, 0); row < msg->header_count;
         row = zsip_msg_find(msg, id, row + 1)) {
        struct load_challenge here;
        struct zsip_auth auth;
        enum zsip_status status;
        unsigned algorithm;

        if (zsip_auth_parse(msg->data, msg->headers[row].value, id, &auth, NULL) != ZSIP_OK)
            continue;
        if (auth.scheme == ZSIP_AUTH_DIGEST && !zsip_slice_present(auth.nonce))
            continue;
        algorithm = algorithm_of(msg, &auth);
        status = ZSIP_ERROR_UNSUPPORTED;
        if (auth.scheme == ZSIP_AUTH_DIGEST && load_digest_knows(digest, algorithm))
            status = challenge_take(msg, &auth, algorithm, &here);
        if (status != ZSIP_OK && result != ZSIP_OK)
            result = status;
        if (status == ZSIP_OK &&
            (result != ZSIP_OK || strength(algorithm) > strength(out->algorithm))) {
            *out = here;
            result = ZSIP_OK;
        }
    }
    return result;
}

bool load_challenge_same_space(const struct load_challenge *a, const struct load_challenge *b)
{
    return a->proxy == b->proxy && a->realm_bytes == b->realm_bytes &&
           memcmp(a->text, b->text, a->realm_bytes) == 0;
}

/* ---- Hashes ---------------------------------------------------------------------------------- */

struct hex {
    uint8_t text[2 * HASH_BYTES_MAX];
    size_t length;
};

static struct zsip_view hex_view(const struct hex *hex)
{
    return (struct zsip_view){hex->text, hex->length};
}

/* Of parts with a colon between each two, as every hash of the scheme is. */
static bool hash(struct load_digest *digest, unsigned algorithm, const struct zsip_view *parts,
                 unsigned count, struct hex *out)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[HASH_BYTES_MAX];
    unsigned length = algorithms[algorithm].bytes;

    if (EVP_DigestInit_ex2(digest->context, digest->hashes[algorithm], NULL) != 1)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (i > 0 && EVP_DigestUpdate(digest->context, ":", 1) != 1)
            return false;
        if (parts[i].length > 0 &&
            EVP_DigestUpdate(digest->context, parts[i].data, parts[i].length) != 1)
            return false;
    }
    if (EVP_DigestFinal_ex(digest->context, bytes, NULL) != 1)
        return false;
    for (unsigned i = 0; i < length; i++) {
        out->text[2 * i] = (uint8_t)digits[bytes[i] >> 4];
        out->text[2 * i + 1] = (uint8_t)digits[bytes[i] & 15];
    }
    out->length = (size_t)2 * length;
    return true;
}

static void nc_write(uint32_t nc, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)digits[nc >> (28 - 4 * i) & 15];
}

/* RFC 7616 section 3.4.1 to 3.4.3. */
static bool response_of(struct load_digest *digest, const struct load_challenge *challenge,
                        const struct load_credentials *credentials, struct zsip_view nc,
                        struct hex *response)
{
    struct zsip_view realm = {challenge->text, challenge->realm_bytes};
    struct zsip_view nonce = {challenge->text + challenge->realm_bytes, challenge->nonce_bytes};
    unsigned algorithm = challenge->algorithm;
    struct zsip_view a1[] = {credentials->user, realm, credentials->password};
    struct zsip_view a2[] = {credentials->method, credentials->uri, {NULL, 0}};
    struct zsip_view all[6] = {{NULL, 0}, nonce};
    struct hex ha1, ha2, body;
    unsigned count = 2;

    if (!hash(digest, algorithm, a1, 3, &ha1))
        return false;
    if (algorithms[algorithm].session) {
        struct zsip_view session[] = {hex_view(&ha1), nonce, credentials->cnonce};
        struct hex once = ha1;

        session[0] = hex_view(&once);
        if (!hash(digest, algorithm, session, 3, &ha1))
            return false;
    }
    if (challenge->qop == LOAD_QOP_AUTH_INT) {
        if (!hash(digest, algorithm, &credentials->body, 1, &body))
            return false;
        a2[2] = hex_view(&body);
    }
    if (!hash(digest, algorithm, a2, challenge->qop == LOAD_QOP_AUTH_INT ? 3 : 2, &ha2))
        return false;
    all[0] = hex_view(&ha1);
    if (challenge->qop != LOAD_QOP_NONE) {
        all[count++] = nc;
        all[count++] = credentials->cnonce;
        all[count++] = challenge->qop == LOAD_QOP_AUTH ? ZSIP_VIEW("auth") : ZSIP_VIEW("auth-int");
    }
    all[count++] = hex_view(&ha2);
    return hash(digest, algorithm, all, count, response);
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct writer {
    uint8_t *out;
    size_t length;
    size_t capacity;
    bool over;
};

static void put(struct writer *writer, struct zsip_view view)
{
    if (writer->over || view.length > writer->capacity - writer->length) {
        writer->over = true;
        return;
    }
    if (view.length > 0)
        memcpy(writer->out + writer->length, view.data, view.length);
    writer->length += view.length;
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, (struct zsip_view){(const uint8_t *)text, strlen(text)});
}

/* quoted-string (RFC 3261 section 25.1): a name may hold '"' and '\', which need a '\' there; what
 * the challenge brought is escaped already. */
static void put_escaped(struct writer *writer, struct zsip_view view)
{
    for (size_t i = 0; i < view.length; i++) {
        if (view.data[i] == '"' || view.data[i] == '\\')
            put_text(writer, "\\");
        put(writer, (struct zsip_view){view.data + i, 1});
    }
}

static void put_parameter(struct writer *writer, const char *name, struct zsip_view value)
{
    put_text(writer, name);
    put(writer, value);
    put_text(writer, "\"");
}

size_t load_digest_write(struct load_digest *digest, const struct load_challenge *challenge,
                         const struct load_credentials *credentials, uint8_t *out, size_t capacity)
{
    const struct algorithm *algorithm = &algorithms[challenge->algorithm];
    const uint8_t *text = challenge->text;
    struct writer writer = {.out = out, .capacity = capacity};
    uint8_t digits[8];
    struct zsip_view nc = {digits, sizeof digits};
    struct hex response;

    nc_write(credentials->nc, digits);
    if (!response_of(digest, challenge, credentials, nc, &response))
        return 0;
    put_text(&writer, challenge->proxy ? "Proxy-Authorization: Digest username=\""
                                       : "Authorization: Digest username=\"");
    put_escaped(&writer, credentials->user);
    put_parameter(&writer, "\", realm=\"", (struct zsip_view){text, challenge->realm_bytes});
    put_parameter(&writer, ", nonce=\"",
                  (struct zsip_view){text + challenge->realm_bytes, challenge->nonce_bytes});
    put_parameter(&writer, ", uri=\"", credentials->uri);
    put_parameter(&writer, ", response=\"", hex_view(&response));
    if (challenge->named) {
        put_text(&writer, ", algorithm=");
        put_text(&writer, algorithm->wire);
    }
    if (challenge->qop != LOAD_QOP_NONE || algorithm->session)
        put_parameter(&writer, ", cnonce=\"", credentials->cnonce);
    if (challenge->qop != LOAD_QOP_NONE) {
        put_text(&writer,
                 challenge->qop == LOAD_QOP_AUTH ? ", qop=auth, nc=" : ", qop=auth-int, nc=");
        put(&writer, nc);
    }
    if (challenge->opaque) {
        const uint8_t *opaque = text + challenge->realm_bytes + challenge->nonce_bytes;

        put_parameter(&writer, ", opaque=\"", (struct zsip_view){opaque, challenge->opaque_bytes});
    }
    put_text(&writer, "\r\n");
    return writer.over ? 0 : writer.length;
}
