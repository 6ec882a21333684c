/* A scenario: the part of SIPp's XML that non-INVITE scenarios use, read and checked as a whole
 * before anything is sent. What can't be honoured is a fault with file and line.
 *
 *     text.h     a text with [keywords], compiled into pieces
 *     scenario.h the steps
 *     run.h      calls that go through them */
#ifndef ZSIP_BENCH_LOAD_SCENARIO_SCENARIO_H
#define ZSIP_BENCH_LOAD_SCENARIO_SCENARIO_H

#include "bench/load/inject.h"
#include "bench/load/scenario/random.h"
#include "bench/load/scenario/text.h"
#include "zsip/zsip.h"

#include <regex.h>

#define SCENARIO_STEPS_MAX     1024u
#define SCENARIO_ACTIONS_MAX   4096u
#define SCENARIO_VARIABLES_MAX 256u
#define SCENARIO_FILES_MAX     16u
#define SCENARIO_KEYS_MAX      64u
#define SCENARIO_ASSIGNS_MAX   10u
#define SCENARIO_NONE          UINT32_MAX
#define SCENARIO_BYTES_MAX     (4u << 20) /* of a scenario file */

enum scenario_step_kind {
    SCENARIO_SEND_REQUEST,
    SCENARIO_SEND_RESPONSE,
    SCENARIO_RECV_RESPONSE,
    SCENARIO_RECV_REQUEST,
    SCENARIO_PAUSE,
    SCENARIO_NOP,
};

/* ---- Actions --------------------------------------------------------------------------------- */

enum scenario_action_kind {
    SCENARIO_EREG,
    SCENARIO_LOG,
    SCENARIO_WARNING,
    SCENARIO_ERROR, /* says so, and fails the call */
    SCENARIO_ASSIGN,
    SCENARIO_ASSIGNSTR,
    SCENARIO_ADD,
    SCENARIO_SUBTRACT,
    SCENARIO_MULTIPLY,
    SCENARIO_DIVIDE,
    SCENARIO_TEST,
    SCENARIO_STRCMP,
    SCENARIO_TODOUBLE,
    SCENARIO_TRIM,
    SCENARIO_SAMPLE,
    SCENARIO_GETTIMEOFDAY,
    SCENARIO_INDEX,
    SCENARIO_JUMP,
    SCENARIO_STOP_CALL,
    SCENARIO_STOP_GRACEFULLY,
    SCENARIO_STOP_NOW,
};

enum scenario_place { SCENARIO_IN_MSG, SCENARIO_IN_HEADER, SCENARIO_IN_BODY, SCENARIO_IN_VARIABLE };
enum scenario_compare {
    SCENARIO_EQUAL,
    SCENARIO_NOT_EQUAL,
    SCENARIO_GREATER,
    SCENARIO_LESS,
    SCENARIO_GREATER_EQUAL,
    SCENARIO_LESS_EQUAL,
};
enum scenario_check { SCENARIO_CHECK_NONE, SCENARIO_CHECK_TRUE, SCENARIO_CHECK_FALSE };

struct scenario_action {
    uint8_t kind;  /* enum scenario_action_kind */
    uint8_t place; /* enum scenario_place */
    uint8_t compare;
    uint8_t check; /* fails the call if it does not come out like this */
    uint32_t line; /* in the file */
    uint32_t assign[SCENARIO_ASSIGNS_MAX];
    uint32_t assign_count;
    uint32_t variable; /* SCENARIO_NONE: value or text */
    uint32_t variable2;
    uint32_t occurrence;
    bool fold; /* case does not matter in the header's name */
    double value;
    struct scenario_text text;
    struct scenario_sample sample;
    char *header; /* its name, without the colon */
    regex_t *regex;
};

/* ---- Steps ----------------------------------------------------------------------------------- */

/* What a response of ours says; the fields that every response repeats are the library's. */
struct scenario_response {
    uint16_t code;
    struct scenario_text reason;
    struct scenario_text headers;
    struct scenario_text content_type;
};

struct scenario_step {
    uint8_t kind;   /* enum scenario_step_kind */
    uint8_t method; /* enum zsip_method, of a request */
    bool optional;
    bool authenticates; /* takes the challenge of this response */
    bool records_route;
    bool variable_pause;
    bool any_method; /* recv request=".*" and the like, by regex */
    bool condexec_inverse;
    bool retransmits; /* Timer E runs; else one send is all */
    bool keeps;       /* its bytes can't be made anew: they are kept for retransmissions */
    uint16_t code;    /* of recv response */
    uint32_t line;    /* in the file */
    uint32_t next;    /* step to go to; SCENARIO_NONE: the one behind */
    uint32_t on_timeout;
    uint32_t test; /* variable that must be set for next */
    uint32_t condexec;
    uint32_t variable;             /* of a pause */
    double chance;                 /* of going to next */
    uint64_t timeout_ns;           /* 0: none */
    struct scenario_sample sample; /* of a pause, ms */
    char *method_name;
    regex_t *regex;
    struct scenario_text head; /* of a request, with the empty line behind it */
    struct scenario_text body;
    struct scenario_response response;
    uint32_t action_first;
    uint32_t action_count;
    /* Names until the whole file is read. */
    char *next_label;
    char *timeout_label;
};

enum scenario_scope { SCENARIO_OF_CALL, SCENARIO_OF_USER, SCENARIO_OF_RUN };

struct scenario_variable {
    char *name;
    uint8_t scope; /* enum scenario_scope */
    bool declared;
    uint32_t uses;
    uint32_t line;
    uint32_t index; /* among those of its scope */
};

struct scenario_key {
    const char *name;
    const char *value;
};

/* What a scenario is read with: what the command line says. */
struct scenario_options {
    const struct scenario_key *keys; /* -key: keywords of one's own */
    uint32_t key_count;
    const struct scenario_key *sets; /* -set: global variables */
    uint32_t set_count;
    struct load_inject *const *files; /* --inf, in that order; theirs, not ours */
    uint32_t file_count;
    const char *user;     /* -au; NULL: service */
    const char *password; /* -ap; NULL: "password" */
    const char *service;  /* -s; NULL: "service" */
    double pause_ms;      /* -d: of a pause that says nothing */
    uint64_t recv_timeout_ns;
    bool no_retransmit;
    bool vouched;        /* MESSAGEs over 1300 bytes are the user's wish */
    bool pause_ignores;  /* -pause_msg_ign */
    bool answers_others; /* -aa: 200 to INFO, NOTIFY, OPTIONS and UPDATE nobody waits for */
    uint32_t cseq_base;  /* -base_cseq: of the first request, less one */
};

struct scenario {
    const char *path;
    char *name;
    struct scenario_options options;
    struct scenario_step *steps;
    uint32_t step_count;
    struct scenario_action *actions;
    uint32_t action_count;
    struct scenario_variable *variables;
    uint32_t variable_count;
    uint32_t scope_count[3]; /* variables of each scope */
    bool server;             /* it begins with a request that is received */
    bool one_shot;           /* a server that has nothing to remember beyond the answer */
    bool uses_last;          /* keeps what was received last */
    bool uses_dialog;        /* next_url, routes, peer_tag_param */
    bool uses_auth;
    bool logs;
    struct scenario_text sent_by; /* of the Via of its requests; no pieces: none is sent */
    uint32_t sent_by_line;
    struct scenario_arena *arena;
};

/* Told each fault: one line, "file:line: what". */
typedef void (*scenario_fault)(void *user, const char *line);

/* Reads and checks a scenario. Every fault is told, 20 at most. options and what it points to live
 * as long as the scenario, and so does path. ERROR_ARGUMENT: there were faults. ERROR_MEMORY. */
enum zsip_status scenario_read(const char *path, const struct scenario_options *options,
                               scenario_fault fault, void *user, struct scenario **out);
/* NULL is allowed. */
void scenario_free(struct scenario *scenario);

/* ---- While reading: private to this folder --------------------------------------------------- */

struct scenario_reader {
    struct scenario *scenario;
    scenario_fault fault;
    void *user;
    unsigned fault_count;
    uint32_t line; /* where the reader is */
    bool no_memory;
};

#define SCENARIO_FAULTS_MAX 20u

__attribute__((format(printf, 3, 4))) void scenario_wrong(struct scenario_reader *reader,
                                                          uint32_t line, const char *format, ...);
/* The variable of this name; made if need be. SCENARIO_NONE: no room, said. */
uint32_t scenario_variable(struct scenario_reader *reader, struct zsip_view name);
/* The injection file of this name (its path, or what stands behind the last slash), the first one
 * where name is empty. SCENARIO_NONE: said. */
uint32_t scenario_file(struct scenario_reader *reader, struct zsip_view name);

/* message.c: takes a send's text apart. source is as scenario_clean() left it, and begins in this
 * line of the file. */
void scenario_message(struct scenario_reader *reader, struct scenario_step *step, char *source,
                      uint32_t line);
/* SIPp's tidying of CDATA, in place: blanks around lines, empty lines at both ends. */
char *scenario_clean(struct scenario_reader *reader, const char *text, size_t bytes);

/* actions.c: one element inside <action>. */
struct scenario_attributes {
    const char *element;
    const char **pairs; /* name, value ... NULL */
    uint64_t used;      /* bit per pair */
};
/* The value of an attribute, NULL if it is not there; marks it as used. */
const char *scenario_attribute(struct scenario_attributes *attributes, const char *name);
/* Those that nobody asked for are faults. */
void scenario_attributes_done(struct scenario_reader *reader,
                              const struct scenario_attributes *attributes);
bool scenario_number(struct scenario_reader *reader, struct scenario_attributes *attributes,
                     const char *name, double *out);
bool scenario_bool(struct scenario_reader *reader, struct scenario_attributes *attributes,
                   const char *name, bool otherwise);
void scenario_sample_read(struct scenario_reader *reader, struct scenario_attributes *attributes,
                          bool pause, struct scenario_sample *out);
void scenario_action_read(struct scenario_reader *reader, struct scenario_attributes *attributes);
/* check.c: faults and needs of the scenario as a whole. */
void scenario_check(struct scenario_reader *reader);
regex_t *scenario_regex(struct scenario_reader *reader, const char *text, bool fold);

#endif
