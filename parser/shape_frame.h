/* zsip: where a header section on a stream ends. Included by shapes.h, which says how it goes.
 *
 * SPDX-License-Identifier: MIT
 */

/* What is carried from one look to the next: its last byte was one of these. */
struct section_state {
    uint64_t cr;
    uint64_t crlf;     /* the LF of one */
    uint64_t empty_cr; /* the CR behind a CRLF */
};

/* Of the lines that begin at names, the one that may be a Content-Length. *line is 0 before the
 * first and UINT32_MAX from the second on. */
static inline void section_names(const uint8_t *data, uint32_t bytes, uint32_t at, uint64_t names,
                                 uint32_t *line)
{
    for (; names != 0; names &= names - 1) {
        uint32_t begin = at + (uint32_t)lowest(names);
        const uint8_t *p = data + begin;
        if (bytes - begin <= 8) {
            *line = UINT32_MAX; /* too near the end to be looked at here */
            return;
        }
        bool may = p[8] == 'L' || p[8] == 'l';
        if ((p[0] | 0x20) == 'l')
            may = p[1] == ':' || p[1] == ' ' || p[1] == '\t';
        if (may)
            *line = *line == 0 ? begin : UINT32_MAX;
    }
}

/* As struct zsip_fast has it. */
static uint32_t section_find(const uint8_t *data, uint32_t bytes, uint32_t *line)
{
    struct section_state before = {0, 0, 0};
    *line = 0;
    if (bytes < 64)
        return 0;
    for (uint32_t at = 0; at < bytes; at += 64) {
        /* The last look ends where the data does. */
        uint32_t over = at + 64 > bytes ? at + 64 - bytes : 0;
        struct block block = block_load(data + at - over);
        uint64_t cr = block_equal(block, ZSIP_FILL_CR) >> over;
        uint64_t lf = block_equal_byte(block, '\n') >> over;
        uint64_t crlf = lf & (cr << 1 | before.cr);
        uint64_t starts = crlf << 1 | before.crlf;
        uint64_t empty_cr = cr & starts;
        uint64_t empty = lf & (empty_cr << 1 | before.empty_cr);
        uint64_t names = block_equal_byte(block, 'C') | block_equal_byte(block, 'c') |
                         block_equal_byte(block, 'L') | block_equal_byte(block, 'l');
        names = names >> over & starts;
        section_names(data, bytes, at, empty == 0 ? names : names & ((empty & -empty) - 1), line);
        if (empty != 0)
            return at + (uint32_t)lowest(empty) + 1;
        before = (struct section_state){cr >> 63, crlf >> 63, empty_cr >> 63};
    }
    return 0;
}
