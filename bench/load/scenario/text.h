/* A text with [keywords], compiled once into pieces and written many times. */
#ifndef ZSIP_BENCH_LOAD_SCENARIO_TEXT_H
#define ZSIP_BENCH_LOAD_SCENARIO_TEXT_H

#include "zsip/zsip.h"

/* X(id, "keyword", when its value is known):
 *   RUN   the same for a whole worker: becomes literal text when it begins
 *   STEP  the same for a step
 *   CALL  made for each call, the same whenever it is made again
 *   ONCE  may differ the next time it is made, so a message that has it is kept */
#define SCENARIO_KEYWORD_MAP(X)                                                                    \
    X(SERVICE, "service", RUN)                                                                     \
    X(REMOTE_IP, "remote_ip", RUN)                                                                 \
    X(REMOTE_HOST, "remote_host", RUN)                                                             \
    X(REMOTE_PORT, "remote_port", RUN)                                                             \
    X(TRANSPORT, "transport", RUN)                                                                 \
    X(LOCAL_IP, "local_ip", RUN)                                                                   \
    X(LOCAL_IP_TYPE, "local_ip_type", RUN)                                                         \
    X(LOCAL_PORT, "local_port", RUN)                                                               \
    X(SERVER_IP, "server_ip", RUN)                                                                 \
    X(MEDIA_IP, "media_ip", RUN)                                                                   \
    X(MEDIA_IP_TYPE, "media_ip_type", RUN)                                                         \
    X(MEDIA_PORT, "media_port", RUN)                                                               \
    X(PID, "pid", RUN)                                                                             \
    X(USERS, "users", RUN)                                                                         \
    X(SIPP_VERSION, "sipp_version", RUN)                                                           \
    X(MSG_INDEX, "msg_index", STEP)                                                                \
    X(CALL_NUMBER, "call_number", CALL)                                                            \
    X(CALL_ID, "call_id", CALL)                                                                    \
    X(CSEQ, "cseq", CALL)                                                                          \
    X(BRANCH, "branch", CALL)                                                                      \
    X(LEN, "len", CALL)                                                                            \
    X(USERID, "userid", CALL)                                                                      \
    X(DYNAMIC_ID, "dynamic_id", ONCE)                                                              \
    X(CLOCK_TICK, "clock_tick", ONCE)                                                              \
    X(TIMESTAMP, "timestamp", ONCE)                                                                \
    X(DATE, "date", ONCE)                                                                          \
    X(LAST_MESSAGE, "last_message", ONCE)                                                          \
    X(LAST_REQUEST_URI, "last_Request_URI", ONCE)                                                  \
    X(LAST_CSEQ_NUMBER, "last_cseq_number", ONCE)                                                  \
    X(PEER_TAG_PARAM, "peer_tag_param", ONCE)                                                      \
    X(NEXT_URL, "next_url", ONCE)                                                                  \
    X(ROUTES, "routes", ONCE)

enum scenario_piece_kind {
    SCENARIO_PIECE_LITERAL,
#define X(id, keyword, when) SCENARIO_PIECE_##id,
    SCENARIO_KEYWORD_MAP(X)
#undef X
    /* Those with parameters of their own. */
    SCENARIO_PIECE_FIELD,          /* [field0 file="x.csv" line="[$n]"] */
    SCENARIO_PIECE_VARIABLE,       /* [$name] */
    SCENARIO_PIECE_FILL,           /* [fill text="X" variable="n"] */
    SCENARIO_PIECE_LAST_HEADER,    /* [last_Via:] */
    SCENARIO_PIECE_AUTHENTICATION, /* [authentication username=u password=p] */
    SCENARIO_PIECE_PAD,            /* nothing; blanks may be put in here */
};

struct scenario_piece {
    uint8_t kind;    /* enum scenario_piece_kind */
    bool own_line;   /* alone on its line: where it comes out empty the line goes with it */
    bool value;      /* of a last header: the value alone */
    uint32_t number; /* field, variable */
    uint32_t file;
    int32_t add;         /* [cseq+1] */
    const uint8_t *data; /* literal text, name of a header field, text of a fill */
    uint32_t bytes;
    struct scenario_text *first;  /* line= of a field, username= */
    struct scenario_text *second; /* password= */
};

struct scenario_text {
    struct scenario_piece *pieces;
    uint32_t count;
};

struct scenario_reader;

/* A scenario's memory, given back as a whole. */
struct scenario_arena;
struct scenario_arena *scenario_arena_create(void);
void scenario_arena_destroy(struct scenario_arena *arena);
/* Zeroed; NULL: none left. */
void *scenario_arena_take(struct scenario_arena *arena, size_t bytes);
char *scenario_arena_copy(struct scenario_arena *arena, const char *text, size_t bytes);

/* Compiles source: line ends become CRLF where crlf, "\x5B" becomes its byte. line is where it
 * begins in the file; faults are told the reader. */
void scenario_text_compile(struct scenario_reader *reader, struct zsip_view source, uint32_t line,
                           bool crlf, struct scenario_text *out);
/* Whether a piece of this kind is in it. */
bool scenario_text_has(const struct scenario_text *text, enum scenario_piece_kind kind);
/* Whether it may come out differently the next time. */
bool scenario_text_once(const struct scenario_text *text);
/* Whether anything in it needs what was received. */
bool scenario_text_looks_back(const struct scenario_text *text);

/* What the RUN keywords stand for. */
struct scenario_constants {
    const char *values[SCENARIO_PIECE_SIPP_VERSION + 1]; /* by enum scenario_piece_kind */
};

/* A copy of text in which RUN and STEP keywords are literal text, and literal neighbours are one.
 * false: no memory. */
bool scenario_text_bind(struct scenario_arena *arena, const struct scenario_text *text,
                        const struct scenario_constants *constants, uint32_t step,
                        struct scenario_text *out);

#endif
