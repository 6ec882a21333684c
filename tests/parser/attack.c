/* Messages under attack.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/attack.h"
#include "tests/parser/judge.h"
#include "tests/parser/ways.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_BYTES (512u * 1024u)

void attack_add_bytes(struct attack *attack, const void *data, size_t bytes)
{
    cr_assert_leq(attack->bytes + bytes, ROOM_BYTES);
    memcpy(attack->data + attack->bytes, data, bytes);
    attack->bytes += bytes;
}

void attack_add(struct attack *attack, const char *text)
{
    attack_add_bytes(attack, text, strlen(text));
}

void attack_repeat(struct attack *attack, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        attack_add(attack, text);
    }
}

struct attack attack_begin(const char *first)
{
    struct attack attack = {.data = malloc(ROOM_BYTES), .msg = msg_new()};
    cr_assert_not_null(attack.data);
    attack_add(&attack, first);
    return attack;
}

struct attack attack_begin_good(void)
{
    return attack_begin(START VIA FROM TO CALL_ID CSEQ);
}

enum zsip_status attack_parse(struct attack *attack)
{
    guard_open(&attack->guard, attack->bytes);
    const char *what = judge_parse(attack->data, attack->bytes, 0);
    cr_expect(what == NULL, "%s", what);
    enum zsip_status last = ZSIP_OK;
    for (unsigned way = 0; way <= ways_count(); way++) {
        ways_take(way);
        const uint8_t *front = guard_front(&attack->guard, attack->data, attack->bytes);
        enum zsip_status first = zsip_parse(attack->msg, front, attack->bytes, 0);
        const uint8_t *back = guard_back(&attack->guard, attack->data, attack->bytes);
        enum zsip_status second = zsip_parse(attack->msg, back, attack->bytes, 0);
        cr_expect_eq(first, second);
        cr_expect(way == 0 || last == second, "%s", way < ways_count() ? ways_name(way) : "best");
        last = second;
    }
    return last;
}

void attack_end(struct attack *attack)
{
    guard_close(&attack->guard);
    free(attack->data);
    free(attack->msg);
}

enum zsip_status attack_with_lines(const char *lines)
{
    struct attack attack = attack_begin_good();
    attack_add(&attack, lines);
    attack_add(&attack, "\r\n");
    enum zsip_status status = attack_parse(&attack);
    attack_end(&attack);
    return status;
}
