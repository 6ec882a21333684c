/* zsip: constants as vectors want them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fills.h"
#include "parser/classes.h"

#define EIGHT(b) b, b, b, b, b, b, b, b
#define ALL(b)                                                                                     \
    {                                                                                              \
        EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b)             \
    }
#define ROWS     0, 0, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0
#define FROM(b)  b, b + 1, b + 2, b + 3, b + 4, b + 5, b + 6, b + 7
#define BIT(bit) [ZSIP_FILL_BIT_0 + (bit)] = ALL(1 << (bit))

__attribute__((aligned(64))) const uint8_t zsip_fills[ZSIP_FILL_COUNT][64] = {
    [ZSIP_FILL_COLON] = ALL(':'),
    [ZSIP_FILL_DOT] = ALL('.'),
    [ZSIP_FILL_DASH] = ALL('-'),
    [ZSIP_FILL_AT] = ALL('@'),
    [ZSIP_FILL_QUOTE] = ALL('"'),
    [ZSIP_FILL_BACKSLASH] = ALL('\\'),
    [ZSIP_FILL_EQUAL] = ALL('='),
    [ZSIP_FILL_SEMI] = ALL(';'),
    [ZSIP_FILL_SPACE] = ALL(' '),
    [ZSIP_FILL_BRACKET] = ALL(']'),
    [ZSIP_FILL_CR] = ALL('\r'),
    [ZSIP_FILL_DEL] = ALL(0x7F),
    [ZSIP_FILL_1F] = ALL(0x1F),
    [ZSIP_FILL_20] = ALL(0x20),
    [ZSIP_FILL_80] = ALL(0x80),
    [ZSIP_FILL_0] = ALL('0'),
    [ZSIP_FILL_09] = ALL(9),
    [ZSIP_FILL_0F] = ALL(15),
    [ZSIP_FILL_ROWS] = {ROWS, ROWS, ROWS, ROWS},
    [ZSIP_FILL_PLACE] = {FROM(0), FROM(8), FROM(16), FROM(24), FROM(32), FROM(40), FROM(48),
                         FROM(56)},
    BIT(0),
    BIT(1),
    BIT(2),
    BIT(3),
    BIT(4),
    BIT(5),
    BIT(6),
    BIT(7),
};

__attribute__((aligned(16))) const uint8_t zsip_class_rows[ZSIP_CLASS_COUNT][16] =
    ZSIP_CLASS_ALL_ROWS;
__attribute__((aligned(64))) const uint8_t zsip_class_bits[128] = ZSIP_CLASS_ALL_BITS;
