/* Digest authentication, the client's part: RFC 3261 section 22, RFC 7616, RFC 8760. Hashes by
 * OpenSSL's libcrypto. */
#ifndef ZSIP_BENCH_LOAD_DIGEST_H
#define ZSIP_BENCH_LOAD_DIGEST_H

#include "zsip/zsip.h"

/* X(name, "its name on the wire", "libcrypto's name", bytes of the hash, session variant), weakest
 * first. */
#define LOAD_DIGEST_MAP(X)                                                                         \
    X(MD5, "MD5", "MD5", 16, false)                                                                \
    X(MD5_SESS, "MD5-sess", "MD5", 16, true)                                                       \
    X(SHA_256, "SHA-256", "SHA2-256", 32, false)                                                   \
    X(SHA_256_SESS, "SHA-256-sess", "SHA2-256", 32, true)                                          \
    X(SHA_512_256, "SHA-512-256", "SHA2-512/256", 32, false)                                       \
    X(SHA_512_256_SESS, "SHA-512-256-sess", "SHA2-512/256", 32, true)

enum load_digest_algorithm {
#define X(name, wire, library, bytes, session) LOAD_DIGEST_##name,
    LOAD_DIGEST_MAP(X)
#undef X
        LOAD_DIGEST_COUNT,
};

enum load_digest_qop {
    LOAD_QOP_NONE = 0, /* as in RFC 2069 */
    LOAD_QOP_AUTH = 1,
    LOAD_QOP_AUTH_INT = 2, /* taken only where auth is not offered */
};

/* Realm, nonce and opaque of one challenge together. */
#define LOAD_CHALLENGE_TEXT_BYTES 640u
/* A header field of credentials: the above, a user name, a URI, and what is fixed. */
#define LOAD_CREDENTIALS_BYTES_MAX 2048u

/* A challenge that was read from a response, to be answered by any number of requests. */
struct load_challenge {
    uint8_t algorithm; /* enum load_digest_algorithm */
    uint8_t qop;       /* enum load_digest_qop */
    bool proxy;        /* from Proxy-Authenticate: answered by Proxy-Authorization */
    bool stale;        /* the nonce was too old, the password was right */
    bool named;        /* the challenge named its algorithm, so the answer does */
    bool opaque;
    uint16_t realm_bytes;
    uint16_t nonce_bytes;
    uint16_t opaque_bytes;
    uint8_t text[LOAD_CHALLENGE_TEXT_BYTES]; /* realm, nonce, opaque, without their quotes */
};

struct load_credentials {
    struct zsip_view user;
    struct zsip_view password;
    struct zsip_view method;
    struct zsip_view uri;    /* the Request-URI */
    struct zsip_view body;   /* for auth-int */
    struct zsip_view cnonce; /* for qop and -sess; of characters that need no quoting */
    uint32_t nc;             /* which request with this nonce: 1, 2 ... */
};

/* The hashes of one thread. */
struct load_digest;

/* ERROR_MEMORY; ERROR_UNSUPPORTED: libcrypto has none of the algorithms. */
enum zsip_status load_digest_create(struct load_digest **digest);
/* NULL is allowed. */
void load_digest_destroy(struct load_digest *digest);
bool load_digest_knows(const struct load_digest *digest, enum load_digest_algorithm algorithm);

/* Takes from a 401 or 407 the challenge to answer: of those whose algorithm is known here the
 * strongest, of equals the topmost. (RFC 8760 section 2.4 says the topmost unless local policy
 * has it otherwise: that is ours.)
 * ERROR_MISSING: no challenge in it, or none that can be read. ERROR_UNSUPPORTED: none of a scheme,
 * algorithm and qop that are known here. ERROR_TOO_LARGE: realm, nonce and opaque are over
 * LOAD_CHALLENGE_TEXT_BYTES. */
enum zsip_status load_challenge_read(const struct load_digest *digest, const struct zsip_msg *msg,
                                     struct load_challenge *out);
/* Whether both answer to the same protection space (and only the nonce may differ). */
bool load_challenge_same_space(const struct load_challenge *a, const struct load_challenge *b);

/* Writes the header field, with its CRLF. The same arguments give the same bytes. Returns its
 * length, 0 if it does not fit or libcrypto failed. */
size_t load_digest_write(struct load_digest *digest, const struct load_challenge *challenge,
                         const struct load_credentials *credentials, uint8_t *out, size_t capacity);

#endif
