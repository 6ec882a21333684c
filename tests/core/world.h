/* A little world around one endpoint: time that goes on when told to, packets that are text. */
#ifndef ZSIP_TESTS_WORLD_H
#define ZSIP_TESTS_WORLD_H

#include "zsip/zsip.h"

#include <string.h>

struct world {
    struct zsip_endpoint *endpoint;
    struct zsip_endpoint_config config;
    struct zsip_time now;
    struct zsip_path path; /* of packets that come in */
    uint64_t waited_ns;    /* before they got here */
    /* What left since the last look. */
    char sent[64][4096];
    struct zsip_path sent_path[64];
    unsigned sent_count;
    /* What the application saw, and does. */
    unsigned requests;
    unsigned abandoned;
    unsigned outcomes;
    struct zsip_incoming incoming;
    char body[2048];
    struct zsip_outcome outcome;
    struct zsip_response answer; /* given at once if its status is not 0 */
    enum zsip_status answer_status;
    bool hold;
    bool authenticate_refuses;
    uint64_t held;
    enum zsip_status hold_status;
};

/* Defaults: UDP from 192.0.2.1:5060, everything answered 200. Change world->config before open. */
void world_init(struct world *world);
void world_open(struct world *world);
void world_close(struct world *world);

/* One packet in; what is sent for it is in sent[] afterwards, and nothing older. */
void world_receive(struct world *world, const char *text);
void world_receive_bytes(struct world *world, const void *data, size_t bytes);
/* Time goes on to the next deadline after next, until so many milliseconds have passed. */
void world_wait_ms(struct world *world, unsigned ms);
/* Takes the output into sent[], behind what is there. */
void world_take(struct world *world);

/* The SIP status code of a response text, 0 if it is none. */
unsigned world_code(const char *text);
/* A header line of a text, without its CRLF; "" if there is none. In a static buffer. */
const char *world_line(const char *text, const char *name);

/* A MESSAGE with these pieces; extra are whole lines. In a static buffer. */
const char *world_message(const char *branch, const char *call_id, const char *extra,
                          const char *body);

#define EXPECT_CODE(world, code)                                                                   \
    do {                                                                                           \
        cr_assert_eq((world)->sent_count, 1, "%u sent", (world)->sent_count);                      \
        cr_assert_eq(world_code((world)->sent[0]), (code), "%s", (world)->sent[0]);                \
    } while (0)

#endif
