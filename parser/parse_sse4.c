/* zsip: the fast way, by SSE4.2.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

#if defined(__x86_64__)

#include "parser/block_sse4.h"

#include "parser/shapes.h"

const struct zsip_fast zsip_fast_sse4 = {
    parse, via_value, party_value, uri_value, digest_value, date_value, find_row, section_find,
};

#endif
