/* zsip: where a header section on a stream ends. Included by shapes.h, which says how it goes.
 *
 * SPDX-License-Identifier: MIT
 */

/* Whether one of eight is it. */
static inline bool has_byte(uint64_t eight, uint8_t byte)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t zero = eight ^ ones * byte;
    return ((zero - ones) & ~zero & ones << 7) != 0;
}

/* Of the bytes at which a line may tell what it is, the first of a compact name and the ninth of
 * "Content-Length", the line. *line is 0 before the first and UINT32_MAX from the second on, or
 * where it takes a closer look to say whether one begins there. */
static ALWAYS_INLINE void section_letters(const uint8_t *data, const uint8_t *look,
                                          uint64_t letters, uint32_t *line)
{
    for (; letters != 0; letters &= letters - 1) {
        const uint8_t *begin = look + lowest(letters);
        if (begin[-1] != '\n') {
            begin -= 8;
            if ((*begin | 0x20) != 'c')
                continue;
        }
        *line = *line == 0 && begin[-2] == '\r' ? (uint32_t)(begin - data) : UINT32_MAX;
    }
}

/* As struct zsip_fast has it. Of each look it asks only where LFs are and where an L: what else
 * makes an empty line, or a name, is looked at where these stand as they do there. Looks overlap by
 * as much as lies between the two, so that none has to know of the one before. */
static uint32_t section_find(const uint8_t *data, uint32_t bytes, uint32_t *line)
{
    enum { OVERLAP = 9, AHEAD = 512 };
    const uint8_t *limit = limit_of(data, data + bytes);
    *line = 0;
    if (data > limit || has_byte(load_64(data), '\n'))
        return 0;
    for (const uint8_t *look = data; look <= limit; look += 64 - OVERLAP) {
        struct block block = block_load(look);
        uint64_t lf = block_equal_byte(block, '\n');
        uint64_t letters = block_letter(block, 'l');
        /* Else the compiler asks for both at once, and has to wait for the first. */
        __asm__("" : "+r"(letters));
        letters &= (lf | lf >> (OVERLAP - 1)) << OVERLAP;
        uint64_t empty = lf & lf << 2;
        __builtin_prefetch(look + AHEAD); /* the next message */
        if (__builtin_expect((empty | letters) == 0, 1))
            continue;
        section_letters(data, look, letters & (empty ^ (empty - 1)), line);
        if (empty != 0) {
            size_t length = (size_t)(look - data) + lowest(empty) + 1;
            if (__builtin_expect(length > bytes, 0) ||
                __builtin_expect(load_32(data + length - 4) != TEXT_4('\r', '\n', '\r', '\n'), 0))
                break;
            return (uint32_t)length;
        }
    }
    return 0;
}
