/* The reference parser's rules, shared by its files. A rule is given [p, end) and returns
 * where what it matched ends (the longest match), or NULL if it matches nothing there.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_REFERENCE_RULES_H
#define ZSIP_TESTS_PARSER_REFERENCE_RULES_H

#include "zsip/parser.h"

typedef const uint8_t *text;

bool ref_is(uint8_t byte, const char *set);
bool ref_is_alpha(uint8_t byte);
bool ref_is_digit(uint8_t byte);
bool ref_is_hex(uint8_t byte);
bool ref_is_alphanum(uint8_t byte);
bool ref_is_token(uint8_t byte);
bool ref_is_word(uint8_t byte);
bool ref_is_unreserved(uint8_t byte);

text ref_sws(text p, text end);           /* never NULL */
text ref_lws(text p, text end);           /* at least one */
text ref_token(text p, text end);         /* 1*token-char */
text ref_word(text p, text end);          /* 1*word-char */
text ref_digits(text p, text end);        /* 1*DIGIT */
text ref_quoted_string(text p, text end); /* without the leading SWS */
/* SWS mark SWS; NULL if the mark isn't there. */
text ref_mark(text p, text end, char mark);
/* 1*( byte of set / unreserved / escaped ) */
text ref_uri_text(text p, text end, const char *set);
/* Whether [p, end) is host as a whole; *kind and the inner slice (no brackets) are set if so. */
bool ref_host(text p, text end, uint8_t *kind, text *inner, text *inner_end);
/* Whether [p, end) is IPv6address as a whole. */
bool ref_ipv6(text p, text end);
/* [p, end) as a number; false if it is over max. */
bool ref_number(text p, text end, uint64_t max, uint64_t *out);
/* gen-value = token / host / quoted-string: the longest of the three. */
text ref_gen_value(text p, text end);
/* Whether [p, end) and a lower-case word are the same but for case. */
bool ref_same(text p, text end, const char *word);
struct zsip_slice ref_slice(text base, text from, text to);

/* The rules that return a status write *at: where they noticed. */
enum zsip_status ref_uri(text base, text p, text end, struct zsip_uri *out, text *at);
/* One element of a list in [*p, end); *p goes to its end (at a comma, or end). */
enum zsip_status ref_via(text base, text *p, text end, struct zsip_via *out, text *at);
enum zsip_status ref_party(text base, text *p, text end, struct zsip_party *out, text *at);

/* ---- Parameters and fields of the one pass -----------------------------------------------------
 */

struct ref_param {
    text name, name_end, value, value_end; /* value NULL: none */
};

/* SEMI token [ EQUAL gen-value ] from p on. Returns where it ends; NULL with *at set on a fault; p
 * itself if no semicolon follows. */
text ref_param(text p, text end, struct ref_param *out, text *at);
/* Whether [p, end) is a token; false for NULL. */
bool ref_token_whole(text p, text end);

/* By their names; UNKNOWN for others. */
enum zsip_header_id ref_header_id(text p, text end);
const char *ref_header_name(enum zsip_header_id id);
enum zsip_method ref_method_id(text p, text end);

/* A message on its way. */
struct ref_state {
    struct zsip_msg *msg;
    text base, end;
    unsigned flags;
    enum zsip_status end_status; /* what running into end means */
};

/* Notes the fault in the message; returns its status. */
enum zsip_status ref_fault(struct ref_state *state, text at, enum zsip_status status,
                           const char *rule);
/* One value of a field that the one pass judges; first: the first row of that field. */
enum zsip_status ref_field(struct ref_state *state, enum zsip_header_id id, text p, text end,
                           bool first);

#endif
