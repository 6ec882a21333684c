/* Credentials of a run's requests: whose they are, the challenges they answer, and the line that a
 * request under way carries. One for each worker, memory taken once.
 *
 * A user's challenge is kept and its nonce used again with a growing count (RFC 7616 section 3.4),
 * until the server says that it is stale. */
#ifndef ZSIP_BENCH_LOAD_AUTH_H
#define ZSIP_BENCH_LOAD_AUTH_H

#include "digest.h"
#include "inject.h"

/* Users whose challenges are remembered; of more, two share a place, and the one who finds the
 * other's there is challenged anew. */
#define LOAD_AUTH_USERS_MAX 65536u
/* How often one request is sent at most: to be challenged by a proxy and by a server, and by one of
 * them once more because of a stale nonce. */
#define LOAD_AUTH_SENDS_MAX 4u
/* Credentials of a 401 and of a 407 together. */
#define LOAD_AUTH_LINE_BYTES 2048u

struct load_auth_config {
    const char
        *credentials; /* USER:PASSWORD; in both %06d is the user's number, [field0] a field */
    const struct load_inject *inject; /* NULL: no fields */
    uint32_t users;                   /* numbers in use: 0..users - 1 */
    uint32_t user_count;              /* of this worker */
    uint32_t slots;                   /* requests under way at most */
    uint64_t run;
};

struct load_auth;

/* Whether credentials can be read. error: one line, without the option's name. */
enum zsip_status load_auth_check(const struct load_auth_config *config, char *error,
                                 size_t error_bytes);
/* ERROR_MEMORY; ERROR_UNSUPPORTED: libcrypto has no digest. credentials live as long. */
enum zsip_status load_auth_create(const struct load_auth_config *config, struct load_auth **out);
/* NULL is allowed. */
void load_auth_destroy(struct load_auth *auth);

/* A request of this user begins in this slot: it has no credentials and was sent never. */
void load_auth_begin(struct load_auth *auth, uint32_t slot);
/* Makes its credentials, if the user has a challenge to answer. request is what will be sent,
 * without them: its first line and its body are covered. */
void load_auth_make(struct load_auth *auth, uint32_t slot, uint32_t user, struct zsip_view request);
/* The header lines; none if there are no credentials. Lives until the slot's next make or begin. */
struct zsip_view load_auth_line(const struct load_auth *auth, uint32_t slot);
/* CSeq of the slot's request: 1, and one more each time it was sent again (RFC 3261 section 22.2).
 */
uint32_t load_auth_cseq(const struct load_auth *auth, uint32_t slot);
/* A 401 or 407 came for it. Whether to send it again, made anew. False: no challenge that can be
 * answered, or credentials that were wrong. */
bool load_auth_again(struct load_auth *auth, uint32_t slot, uint32_t user,
                     const struct zsip_msg *msg);

#endif
