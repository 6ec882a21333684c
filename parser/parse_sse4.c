/* zsip: the fast way, by SSE4.2.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

#if defined(__x86_64__)

#include "parser/block_sse4.h"

#include "parser/shapes.h"

const struct zsip_fast zsip_fast_sse4 = {
    parse,      via_next,   party_next, party_uri_next, uri_parse,
    auth_parse, date_parse, find_row,   section_find,
};

#endif
