/* Injection files: values for requests from a CSV file in SIPp's format.
 *
 *     SEQUENTIAL                    or RANDOM or USER: which line a request gets
 *     # a comment
 *     alice;example.com;secret      [field0] [field1] [field2]
 *
 * "PRINTF=1000" behind the order (with ",PRINTFOFFSET=n" and ",PRINTFMULTIPLE=n") makes a thousand
 * lines of the ones there are: "%05d" in a field becomes the number of the line.
 *
 * A file is read once, as a whole; a pipe will do. Then it is only read, by any number of threads.
 */
#ifndef ZSIP_BENCH_LOAD_INJECT_H
#define ZSIP_BENCH_LOAD_INJECT_H

#include "zsip/zsip.h"

#define LOAD_INJECT_BYTES_MAX      (UINT64_C(1) << 30) /* of a file */
#define LOAD_INJECT_LINES_MAX      100000000u
#define LOAD_INJECT_LINE_BYTES_MAX 8192u
/* A field made by PRINTF: the line's bytes and a few numbers. */
#define LOAD_INJECT_FIELD_BYTES (LOAD_INJECT_LINE_BYTES_MAX + 256u)

enum load_inject_order {
    LOAD_INJECT_SEQUENTIAL = 0, /* one after the other, from the start again behind the last */
    LOAD_INJECT_RANDOM = 1,
    LOAD_INJECT_USER = 2, /* that of the user's number */
};

struct load_inject;

/* Reads and checks the file. On failure error holds one line: file, line, what is wrong there.
 * ERROR_ARGUMENT: can't be read, or something in it is wrong: no order in the first line, no line
 * behind it, an empty line in the middle (SIPp stops reading there), a control character, a line
 * over LOAD_INJECT_LINE_BYTES_MAX, a PRINTF format that is none. ERROR_TOO_LARGE, ERROR_MEMORY. */
enum zsip_status load_inject_open(const char *path, struct load_inject **out, char *error,
                                  size_t error_bytes);
/* NULL is allowed. */
void load_inject_close(struct load_inject *inject);

/* That every line has at least this many fields. ERROR_ARGUMENT names the first that has not. */
enum zsip_status load_inject_check(const struct load_inject *inject, uint32_t field_count,
                                   char *error, size_t error_bytes);

const char *load_inject_path(const struct load_inject *inject);
enum load_inject_order load_inject_order(const struct load_inject *inject);
uint32_t load_inject_lines(const struct load_inject *inject); /* >= 1 */

/* The line (0, 1 ...) for something numbered: the call in SEQUENTIAL order, the user (from 0) in
 * USER order; in RANDOM order a function of number and seed. */
uint32_t load_inject_pick(const struct load_inject *inject, uint64_t number, uint64_t seed);

/* Field (0, 1 ...) of a line; empty if the line has fewer. Points into the file, or, of a PRINTF
 * file, to scratch, which has LOAD_INJECT_FIELD_BYTES. */
struct zsip_view load_inject_field(const struct load_inject *inject, uint32_t line, uint32_t field,
                                   uint8_t *scratch);

#endif
