/* zsip: the fast way, by NEON.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/fast.h"

#ifdef ZSIP_HAS_NEON

#include "parser/block_neon.h"

#include "parser/shapes.h"

const struct zsip_fast zsip_fast_neon = {
    parse,      via_next,   party_next, party_uri_next, uri_parse,
    auth_parse, date_parse, find_row,   section_find,
};

#endif
