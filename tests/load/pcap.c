/* Which packets are in the sample: whole transactions, one in so many. */
#include "bench/load/pcap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool sampled(const char *format, unsigned number, uint32_t every)
{
    char text[400];
    int length = snprintf(text, sizeof text, format, number);

    return load_pcap_sampled((const uint8_t *)text, (size_t)length, every);
}

#define BRANCH ";branch=z9hG4bK-%u-0"

/* Whatever is before and behind the branch, at every place in a word that it can end. */
Test(pcap, requests_and_answers_are_drawn_alike)
{
    static const char *const texts[] = {
        "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h" BRANCH "\r\nTo: x\r\n\r\n",
        "MESSAGE sip:b@h;user=phone;x SIP/2.0\r\nVia: SIP/2.0/UDP h;rport" BRANCH ";a=b\r\n\r\n",
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h" BRANCH ";received=127.0.0.1\r\n\r\n",
        "SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h" BRANCH " ,SIP/2.0/UDP i;branch=z9hG4bKx\r\n\r\n",
        "SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h" BRANCH ",SIP/2.0/UDP i;branch=z9hG4bKx\r\n\r\n",
        ("SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h" BRANCH),
    };
    unsigned drawn = 0;

    for (unsigned number = 0; number < 30000; number += number % 7 + 1) {
        bool first = sampled(texts[0], number, 5);

        drawn += first;
        for (size_t i = 1; i < sizeof texts / sizeof texts[0]; i++)
            cr_assert_eq(sampled(texts[i], number, 5), first, "%zu: %u", i, number);
    }
    cr_assert_gt(drawn, 500);
}

Test(pcap, one_in_so_many)
{
    unsigned drawn = 0;

    for (unsigned number = 0; number < 200000; number++)
        drawn += sampled("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h" BRANCH "\r\n\r\n", number, 100);
    cr_assert(drawn > 1800 && drawn < 2200, "%u", drawn);
}

Test(pcap, every_one_is_all)
{
    cr_assert(sampled("no SIP %u", 1, 1));
    cr_assert_not(sampled("no SIP %u", 1, 2));
}

/* Short, cut off, full of semicolons: nothing is read beyond the end. */
Test(pcap, what_is_no_message)
{
    static const char *const texts[] = {"",
                                        ";",
                                        ";branch=",
                                        ";branch=a",
                                        ";;;;;;;;;;;;;;;;;;;;;;",
                                        "x;branc",
                                        "\r\n;branch=z9hG4bK"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t length = strlen(texts[i]);
        uint8_t *copy = malloc(length == 0 ? 1 : length);

        cr_assert_not_null(copy);
        memcpy(copy, texts[i], length);
        load_pcap_sampled(copy, length, 3);
        free(copy);
    }
}
