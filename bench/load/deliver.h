/* Both ends in one run: users registered at the system under test, requests sent among them, what
 * arrives answered, and told apart by the stamp in its body. Of one worker; a target's contact is
 * the socket of the worker that sends to it, so nothing crosses between workers. Private to
 * bench/load. */
#ifndef ZSIP_BENCH_LOAD_DELIVER_H
#define ZSIP_BENCH_LOAD_DELIVER_H

#include "template.h"

#include <stdbool.h>

struct load_worker;
struct load_source;

/* Requests of which is remembered whether they were delivered: later ones take the place of the
 * oldest. */
#define LOAD_DELIVER_WINDOW (UINT32_C(1) << 22)
/* Registrations pending at a time: enough to be quick, few enough not to be the test itself. */
#define LOAD_REGISTER_WINDOW 64u

struct load_deliver {
    uint64_t *seen;   /* a bit a request, LOAD_DELIVER_WINDOW of them */
    uint32_t *users;  /* whom each of those was sent to */
    uint64_t *newest; /* of each user: 1 + the latest request that came, 0: none */
    uint32_t asked;   /* REGISTERs sent */
    uint32_t ended;
    uint64_t answered_at_ns; /* the last delivery */
};

/* What a stamp says. */
struct load_stamp {
    uint64_t run;
    uint64_t sequence;
    uint64_t sent_ns;
};

/* Reads the beginning of a body; false: it is none of ours. */
bool load_stamp_read(const uint8_t *body, size_t bytes, struct load_stamp *out);

/* ERROR_MEMORY. */
enum zsip_status load_deliver_create(struct load_worker *worker, char *error, size_t error_bytes);
/* Compiles the REGISTERs that leave from a source; as load_template_make(). */
enum zsip_status load_deliver_template(const struct load_worker *worker, struct load_source *source,
                                       const char *sent_by, uint64_t run, char *error,
                                       size_t error_bytes);
void load_deliver_destroy(struct load_deliver *deliver);
/* What the endpoint needs for it. */
void load_deliver_configure(const struct load_worker *worker,
                            struct zsip_endpoint_config *endpoint);

/* Before the run: sends the registrations that may leave. Returns when to call again; the worker
 * is prepared when all have ended. */
uint64_t load_deliver_register(struct load_worker *worker, struct zsip_time now);
void load_deliver_registered(struct load_worker *worker, const struct zsip_outcome *outcome);
/* A request leaves: what took its place in the window is forgotten. */
void load_deliver_sent(struct load_deliver *deliver, uint64_t arrival, uint32_t user);
/* Whether the drain may end: everything accepted was delivered, or nothing came for so long. */
bool load_deliver_over(const struct load_worker *worker, uint64_t now_ns);

#endif
