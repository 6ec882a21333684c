/* zsip: constants as vectors want them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_PARSER_FILLS_H
#define ZSIP_PARSER_FILLS_H

#include <stdint.h>

enum zsip_fill {
    ZSIP_FILL_COLON,
    ZSIP_FILL_DOT,
    ZSIP_FILL_DASH,
    ZSIP_FILL_AT,
    ZSIP_FILL_QUOTE,
    ZSIP_FILL_BACKSLASH,
    ZSIP_FILL_EQUAL,
    ZSIP_FILL_SEMI,
    ZSIP_FILL_SPACE,
    ZSIP_FILL_BRACKET, /* the closing one */
    ZSIP_FILL_CR,
    ZSIP_FILL_DEL,
    ZSIP_FILL_1F,
    ZSIP_FILL_20,
    ZSIP_FILL_80,
    ZSIP_FILL_0,
    ZSIP_FILL_09,
    ZSIP_FILL_0F,
    ZSIP_FILL_ROWS,  /* 1 << row for the rows of ASCII that hold printable characters */
    ZSIP_FILL_PLACE, /* 0, 1, 2 ... */
    ZSIP_FILL_BIT_0, /* 1 << bit, eight of them */
    ZSIP_FILL_COUNT = ZSIP_FILL_BIT_0 + 8,
};

#pragma GCC visibility push(hidden)
extern const uint8_t zsip_fills[ZSIP_FILL_COUNT][64];
#pragma GCC visibility pop

#endif
