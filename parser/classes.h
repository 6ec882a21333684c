/* zsip: the classes of characters that shape-matchers ask about, from the sets in grammar.rl, in
 * the two forms that vectors want them in. No class has a character over 0x7F.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_CLASSES_H
#define ZSIP_PARSER_CLASSES_H

#include <stdint.h>

enum zsip_class {
    ZSIP_CLASS_TOKEN,
    ZSIP_CLASS_DISPLAY, /* token and SP: a display name without quotes */
    ZSIP_CLASS_CALL_ID, /* word and "@" */
    ZSIP_CLASS_USER,    /* unreserved and user-unreserved */
    ZSIP_CLASS_PARAM,   /* paramchar without escapes, ";" and "=" */
    ZSIP_CLASS_HOST,    /* alphanum, "-" and "." */
    ZSIP_CLASS_DIGIT,
    ZSIP_CLASS_COUNT, /* at most 8: a bit each */
};

#define ZSIP_IS_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define ZSIP_IS_ALNUM(c)                                                                           \
    (ZSIP_IS_DIGIT(c) || ((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define ZSIP_IS_HOST(c) (ZSIP_IS_ALNUM(c) || (c) == '-' || (c) == '.')
/* What token, unreserved and paramchar share. */
#define ZSIP_IS_COMMON(c)                                                                          \
    (ZSIP_IS_HOST(c) || (c) == '!' || (c) == '*' || (c) == '_' || (c) == '~' || (c) == '\'')
#define ZSIP_IS_TOKEN(c)      (ZSIP_IS_COMMON(c) || (c) == '%' || (c) == '+' || (c) == '`')
#define ZSIP_IS_DISPLAY(c)    (ZSIP_IS_TOKEN(c) || (c) == ' ')
#define ZSIP_IS_UNRESERVED(c) (ZSIP_IS_COMMON(c) || (c) == '(' || (c) == ')')
#define ZSIP_IS_USER(c)                                                                            \
    (ZSIP_IS_UNRESERVED(c) || (c) == '&' || (c) == '=' || (c) == '+' || (c) == '$' ||              \
     (c) == ',' || (c) == ';' || (c) == '?' || (c) == '/')
#define ZSIP_IS_PARAM(c)                                                                           \
    (ZSIP_IS_UNRESERVED(c) || (c) == '[' || (c) == ']' || (c) == '/' || (c) == ':' ||              \
     (c) == '&' || (c) == '+' || (c) == '$' || (c) == ';' || (c) == '=')
#define ZSIP_IS_CALL_ID(c)                                                                         \
    (ZSIP_IS_TOKEN(c) || (c) == '(' || (c) == ')' || (c) == '<' || (c) == '>' || (c) == ':' ||     \
     (c) == '\\' || (c) == '"' || (c) == '/' || (c) == '[' || (c) == ']' || (c) == '?' ||          \
     (c) == '{' || (c) == '}' || (c) == '@')

/* zsip_class_rows: bit r of [class][c & 15] says that the character c of row r = c >> 4 is in. */
#define ZSIP_CLASS_ROW(IS, c)                                                                      \
    (IS((c) + 0x20) << 2 | IS((c) + 0x30) << 3 | IS((c) + 0x40) << 4 | IS((c) + 0x50) << 5 |       \
     IS((c) + 0x60) << 6 | IS((c) + 0x70) << 7)
#define ZSIP_CLASS_ROWS_4(IS, c)                                                                   \
    ZSIP_CLASS_ROW(IS, c), ZSIP_CLASS_ROW(IS, (c) + 1), ZSIP_CLASS_ROW(IS, (c) + 2),               \
        ZSIP_CLASS_ROW(IS, (c) + 3)
#define ZSIP_CLASS_ROWS(IS)                                                                        \
    {                                                                                              \
        ZSIP_CLASS_ROWS_4(IS, 0), ZSIP_CLASS_ROWS_4(IS, 4), ZSIP_CLASS_ROWS_4(IS, 8),              \
            ZSIP_CLASS_ROWS_4(IS, 12)                                                              \
    }
#define ZSIP_CLASS_ALL_ROWS                                                                        \
    {                                                                                              \
        [ZSIP_CLASS_TOKEN] = ZSIP_CLASS_ROWS(ZSIP_IS_TOKEN),                                       \
        [ZSIP_CLASS_DISPLAY] = ZSIP_CLASS_ROWS(ZSIP_IS_DISPLAY),                                   \
        [ZSIP_CLASS_CALL_ID] = ZSIP_CLASS_ROWS(ZSIP_IS_CALL_ID),                                   \
        [ZSIP_CLASS_USER] = ZSIP_CLASS_ROWS(ZSIP_IS_USER),                                         \
        [ZSIP_CLASS_PARAM] = ZSIP_CLASS_ROWS(ZSIP_IS_PARAM),                                       \
        [ZSIP_CLASS_HOST] = ZSIP_CLASS_ROWS(ZSIP_IS_HOST),                                         \
        [ZSIP_CLASS_DIGIT] = ZSIP_CLASS_ROWS(ZSIP_IS_DIGIT),                                       \
    }

/* zsip_class_bits: bit 1 << class of [c]. */
#define ZSIP_CLASS_BITS(c)                                                                         \
    (ZSIP_IS_TOKEN(c) << ZSIP_CLASS_TOKEN | ZSIP_IS_DISPLAY(c) << ZSIP_CLASS_DISPLAY |             \
     ZSIP_IS_CALL_ID(c) << ZSIP_CLASS_CALL_ID | ZSIP_IS_USER(c) << ZSIP_CLASS_USER |               \
     ZSIP_IS_PARAM(c) << ZSIP_CLASS_PARAM | ZSIP_IS_HOST(c) << ZSIP_CLASS_HOST |                   \
     ZSIP_IS_DIGIT(c) << ZSIP_CLASS_DIGIT)
#define ZSIP_CLASS_BITS_4(c)                                                                       \
    ZSIP_CLASS_BITS(c), ZSIP_CLASS_BITS((c) + 1), ZSIP_CLASS_BITS((c) + 2), ZSIP_CLASS_BITS((c) + 3)
#define ZSIP_CLASS_BITS_16(c)                                                                      \
    ZSIP_CLASS_BITS_4(c), ZSIP_CLASS_BITS_4((c) + 4), ZSIP_CLASS_BITS_4((c) + 8),                  \
        ZSIP_CLASS_BITS_4((c) + 12)
#define ZSIP_CLASS_ALL_BITS                                                                        \
    {                                                                                              \
        ZSIP_CLASS_BITS_16(0), ZSIP_CLASS_BITS_16(16), ZSIP_CLASS_BITS_16(32),                     \
            ZSIP_CLASS_BITS_16(48), ZSIP_CLASS_BITS_16(64), ZSIP_CLASS_BITS_16(80),                \
            ZSIP_CLASS_BITS_16(96), ZSIP_CLASS_BITS_16(112)                                        \
    }

#pragma GCC visibility push(hidden)
extern const uint8_t zsip_class_rows[ZSIP_CLASS_COUNT][16];
extern const uint8_t zsip_class_bits[128];
#pragma GCC visibility pop

#endif
