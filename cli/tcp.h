/* Options about connections that several subcommands share. */
#ifndef ZSIP_CLI_TCP_H
#define ZSIP_CLI_TCP_H

#include "cli.h"

#include <jansson.h>

enum {
    CLI_TCP_CONNECTIONS = 0x2000,
    CLI_TCP_PER_SOURCE,
    CLI_TCP_ACCEPT_RATE,
    CLI_TCP_HEADER_BYTES,
    CLI_TCP_BODY_BYTES,
    CLI_TCP_UNSENT_BYTES,
    CLI_TCP_MEMORY,
    CLI_TCP_FIRST_BYTE,
    CLI_TCP_MESSAGE,
    CLI_TCP_UNSENT,
    CLI_TCP_IDLE,
    CLI_TCP_CONNECT,
    CLI_TCP_PING,
    CLI_TCP_ALIAS,
    CLI_TCP_END,
};

/* Rows of a command's table: about connections that it opens, and about all. */
/* clang-format off */
#define CLI_TCP_CLIENT_OPTIONS                                                                     \
    {"tcp-connect-s", CLI_TCP_CONNECT, "T", "for a connection of ours to stand (4)"},              \
    {"tcp-ping-s", CLI_TCP_PING, "T",                                                              \
     "ping connections of ours that are idle so long (RFC 5626\n"                                  \
     "section 4.4.1); without an answer in 10 seconds they end (no)"}
#define CLI_TCP_OPTIONS                                                                            \
    {"tcp-connections", CLI_TCP_CONNECTIONS, "N",                                                  \
     "connections of each worker (32768); more are reset"},                                        \
    {"tcp-per-source", CLI_TCP_PER_SOURCE, "N",                                                    \
     "of those with one address, or one /64 of IPv6 (16384)"},                                     \
    {"tcp-accept-rate", CLI_TCP_ACCEPT_RATE, "N",                                                  \
     "connections a second that a worker takes in; more wait (any)"},                              \
    {"tcp-header-bytes", CLI_TCP_HEADER_BYTES, "BYTES",                                            \
     "header section of a message (65535); more gets 513 and the end"},                            \
    {"tcp-body-bytes", CLI_TCP_BODY_BYTES, "BYTES", "body of a message (64K); the same"},          \
    {"tcp-unsent-bytes", CLI_TCP_UNSENT_BYTES, "BYTES",                                            \
     "answers that wait because their peer does not read (1M); it is\n"                            \
     "not read either, and with 4M more, for what was read already, it\n"                          \
     "is reset"},                                                                                  \
    {"tcp-memory", CLI_TCP_MEMORY, "BYTES",                                                        \
     "half messages and unsent answers of a worker's connections\n"                                \
     "(64M, a power of two); when it is full, who has kept some longest\n"                         \
     "is reset"},                                                                                  \
    {"tcp-first-byte-s", CLI_TCP_FIRST_BYTE, "T",                                                  \
     "from the connection to its first byte (30)"},                                                \
    {"tcp-message-s", CLI_TCP_MESSAGE, "T", "for a message once it has begun (30)"},               \
    {"tcp-unsent-s", CLI_TCP_UNSENT, "T", "for a peer to read on (30)"},                           \
    {"tcp-idle-s", CLI_TCP_IDLE, "T", "without a byte either way (600); while an\n"               \
     "answer is due, 32 at least"},                                                                \
    CLI_TCP_CLIENT_OPTIONS,                                                                        \
    {"tcp-alias", CLI_TCP_ALIAS, NULL,                                                             \
     "send requests back over connections whose peers say alias in\n"                              \
     "their Via (RFC 5923); over plain TCP anybody may"}
/* clang-format on */

static inline bool cli_tcp_knows(int id)
{
    return id >= CLI_TCP_CONNECTIONS && id < CLI_TCP_END;
}
/* Takes an option it knows. false: said on stderr. */
bool cli_tcp_option(int id, const char *value, struct zsip_stream_config *config);

/* The bounds that hold, by the names of their options. */
json_t *cli_tcp_json(const struct zsip_stream_config *config);

/* As many descriptors as this process may have: a connection takes one. */
void cli_tcp_descriptors(void);

#endif
