/* The text of a run's requests: written once, copied for each send, ids of fixed width patched in.
 * So nothing has to be stored for a retransmission, and requests of one run are equally long,
 * which makes trains free. */
#ifndef ZSIP_BENCH_LOAD_TEMPLATE_H
#define ZSIP_BENCH_LOAD_TEMPLATE_H

#include "zsip/zsip.h"

/* Users are numbered 0..99,999,999: eight digits. */
#define LOAD_USER_DIGITS 8
#define LOAD_USERS_MAX   100000000u

struct load_template_config {
    enum zsip_method method; /* MESSAGE, OPTIONS or REGISTER */
    const char *domain;      /* host[:port] of the target URIs */
    const char *sent_by;     /* of Via; its host also names the sender */
    const char *proxy;       /* host:port of a preloaded loose Route; NULL: none */
    uint32_t body_bytes;     /* MESSAGE only */
    bool tcp;
    uint64_t run; /* random, tells this run's Call-IDs and tags from every other's */
};

#define LOAD_TEMPLATE_USERS_MAX 4

struct load_template {
    uint8_t *text;
    uint32_t bytes;
    uint32_t branch_at;
    uint32_t branch_bytes;
    uint32_t call_id_at; /* 16 hex digits: the request's number in the run */
    uint32_t tag_at;     /* 16 hex digits */
    uint32_t pad_at;     /* behind the colon of Content-Length, the last field */
    uint32_t user_count;
    uint32_t user_at[LOAD_TEMPLATE_USERS_MAX];
    uint64_t run;
};

/* Allocates the text. ERROR_MEMORY; ERROR_ARGUMENT: a method there is no template for; ERROR_SIZE:
 * over 65,535 bytes. */
enum zsip_status load_template_make(struct load_template *out,
                                    const struct load_template_config *config);
void load_template_drop(struct load_template *template);

/* Writes request number sequence to user into out. The same arguments give the same bytes. branch
 * has template->branch_bytes. Returns the bytes, 0 if capacity is less. */
size_t load_template_write(const struct load_template *template, uint64_t sequence, uint32_t user,
                           struct zsip_view branch, uint8_t *out, size_t capacity);

#endif
