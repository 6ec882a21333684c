/* zsip: the fast way, by AVX2.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#ifdef ZSIP_PARSE_AVX2

#include "parser/block_avx2.h"
#include "parser/fast.h"

enum zsip_status zsip_parse_avx2(struct zsip_msg *msg, const uint8_t *data, size_t bytes,
                                 unsigned flags)
{
    return parse(msg, data, bytes, flags);
}

#endif
