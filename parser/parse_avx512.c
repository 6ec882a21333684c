/* zsip: the fast way, by AVX-512.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

#if defined(__x86_64__)

#include "parser/block_avx512.h"

#include "parser/shapes.h"

const struct zsip_fast zsip_fast_avx512 = {
    parse, via_value, party_value, uri_value, digest_value, date_value, find_row, section_find,
};

#endif
