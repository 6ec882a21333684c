/* zsip: constants as vectors want them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fills.h"

#define FOUR(b) b, b, b, b
#define ALL(b)                                                                                     \
    {                                                                                              \
        FOUR(b), FOUR(b), FOUR(b), FOUR(b), FOUR(b), FOUR(b), FOUR(b), FOUR(b)                     \
    }
#define ROWS 0, 0, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0

__attribute__((aligned(32))) const uint8_t zsip_fills[ZSIP_FILL_COUNT][32] = {
    [ZSIP_FILL_COLON] = ALL(':'), [ZSIP_FILL_DOT] = ALL('.'),
    [ZSIP_FILL_DASH] = ALL('-'),  [ZSIP_FILL_AT] = ALL('@'),
    [ZSIP_FILL_QUOTE] = ALL('"'), [ZSIP_FILL_BACKSLASH] = ALL('\\'),
    [ZSIP_FILL_EQUAL] = ALL('='), [ZSIP_FILL_SEMI] = ALL(';'),
    [ZSIP_FILL_SPACE] = ALL(' '), [ZSIP_FILL_DEL] = ALL(0x7F),
    [ZSIP_FILL_1F] = ALL(0x1F),   [ZSIP_FILL_20] = ALL(0x20),
    [ZSIP_FILL_0] = ALL('0'),     [ZSIP_FILL_09] = ALL(9),
    [ZSIP_FILL_0F] = ALL(15),     [ZSIP_FILL_ROWS] = {ROWS, ROWS},
};
