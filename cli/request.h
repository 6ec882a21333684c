/* zsip load: options about what its requests say. */
#ifndef ZSIP_CLI_REQUEST_H
#define ZSIP_CLI_REQUEST_H

#include "bench/load/load.h"
#include "cli.h"

/* Ids beyond those of a command's own options and of others that are shared. */
enum {
    CLI_REQUEST_METHOD = 0x4000,
    CLI_REQUEST_TEMPLATE,
    CLI_REQUEST_TO,
    CLI_REQUEST_FROM,
    CLI_REQUEST_HEADER,
    CLI_REQUEST_BODY,
    CLI_REQUEST_BODY_FILE,
    CLI_REQUEST_BODY_BYTES,
    CLI_REQUEST_BODY_UTF8,
    CLI_REQUEST_CONTENT_TYPE,
    CLI_REQUEST_VOUCH,
    CLI_REQUEST_END,
};

/* Rows of the table of zsip load. */
/* clang-format off */
#define CLI_REQUEST_OPTIONS                                                                        \
    {"method", CLI_REQUEST_METHOD, "NAME",                                                         \
     "MESSAGE (default), OPTIONS, REGISTER, or any but INVITE"},                                   \
    {"to", CLI_REQUEST_TO, "URI",                                                                  \
     "target URIs, such as sip:user%06d@example.com: the number of the\n"                          \
     "user, as many digits (sip:u%08d@HOST:PORT); or [field0] of\n"                                \
     "--inf"},                                                                                     \
    {"from", CLI_REQUEST_FROM, "URI", "of the sender, in the same way"},                           \
    {"header", CLI_REQUEST_HEADER, "LINE", "one more header field; as often as you like"},         \
    {"template", CLI_REQUEST_TEMPLATE, "FILE",                                                     \
     "the whole request, with [keywords]: docs/load-testing.md lists\n"                            \
     "them"},                                                                                      \
    {"body", CLI_REQUEST_BODY, "TEXT", "what each MESSAGE says"},                                  \
    {"body-file", CLI_REQUEST_BODY_FILE, "FILE", "the same from a file, any bytes"},               \
    {"body-bytes", CLI_REQUEST_BODY_BYTES, "N|A-B|N:W,...",                                        \
     "text of N bytes (32), of any size from A to B alike, or of sizes\n"                          \
     "with weights, such as 50:8,900:2; with --body so much of it"},                               \
    {"body-utf8", CLI_REQUEST_BODY_UTF8, NULL, "that text in many scripts"},                       \
    {"content-type", CLI_REQUEST_CONTENT_TYPE, "TYPE", "of the body (text/plain)"},                \
    {"vouch", CLI_REQUEST_VOUCH, NULL,                                                             \
     "no hop is congestion-unsafe: requests over 1300 bytes may go\n"                              \
     "(RFC 3428 section 8)"}
/* clang-format on */

struct cli_request {
    char *template_text;
    char headers[8192];
    uint8_t body[65536];
    uint32_t sizes[1024]; /* LOAD_SIZES */
    bool sized;
    uint32_t bytes; /* the most that --body-bytes says */
    bool bytes_given;
    bool utf8;
};

static inline bool cli_request_knows(int id)
{
    return id >= CLI_REQUEST_METHOD && id < CLI_REQUEST_END;
}
/* Takes an option it knows. false: said on stderr. */
bool cli_request_option(int id, const char *value, struct cli_request *request,
                        struct load_config *config);
/* When all options are read: what they make together. false: said on stderr. */
bool cli_request_complete(struct cli_request *request, struct load_config *config);
void cli_request_drop(struct cli_request *request);

#endif
