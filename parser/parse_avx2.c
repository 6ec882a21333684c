/* zsip: the fast way, by AVX2.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

#if defined(__x86_64__)

#include "parser/block_avx2.h"

#include "parser/shapes.h"

const struct zsip_fast zsip_fast_avx2 = {
    parse,      via_next,   party_next, party_uri_next, uri_parse,
    auth_parse, date_parse, find_row,   section_find,
};

#endif
