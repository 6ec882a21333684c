/* zsip: the fast way through a message: included once for each kind of vector, behind the header
 * that says what a block is. fast.h is what comes of it.
 *
 * First the ends of all lines are found, 64 bytes at a time (ends_find()): the start line's among
 * them, lest all lines wait until that one is understood. Then each header line gets one look: its
 * name is found by hash and compared, and its row goes into the index (lines_take()). Last the
 * values that every element needs are tried by shape-matchers, in an order that is always the same,
 * whatever order the message has them in (values_judge()): so a processor can foretell where the
 * code goes.
 *
 * A shape-matcher knows the shapes that nearly all values have, and matches wholly or not at all;
 * whatever it does not know goes to the machines, from the value's start. A line that is odd in any
 * way goes to zsip_line_slow(). So nothing is judged here: what these functions accept, the grammar
 * accepts, with the same slices, and they refuse nothing.
 *
 * Looks read 64 bytes from any place in a line. That may go beyond the message, never to a page
 * that the message does not touch: lines near such a page's end are not looked at (limit_of(),
 * can_look()). No matcher goes on behind a CR, so none leaves its line.
 *
 * SPDX-License-Identifier: MIT
 */

#include "parser/fast.h"
#include "parser/names.h"

#if defined(__SANITIZE_ADDRESS__)
#define READS_STAY_INSIDE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define READS_STAY_INSIDE 1
#endif
#endif

/* What the way through a message is made of: calls would cost a tenth of it. */
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE      __attribute__((noinline))
/* Where the code of a match goes on without a jump, which costs more than a few instructions. */
#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#include "parser/shape_text.h"

#include "parser/shape_values.h"

#include "parser/shape_lines.h"

#include "parser/shape_demand.h"

#include "parser/shape_frame.h"
