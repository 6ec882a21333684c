/* Which characters may stand where: each of the 256 in the middle of each part of a message, held
 * to the sets of RFC 3261 section 25.1, which are written out here once more. The judges look on,
 * so every way and the reference are asked, too.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/attack.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define HEX    DIGITS "abcdefABCDEF"
#define ALNUM  DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TOKEN  ALNUM "-.!%*_+`'~"
#define WORD   TOKEN "()<>:\\\"/[]?{}"
#define UNRES  ALNUM "-_.!~*'()"
#define TEXT   WORD " \t#&$,;=@^|"

#define LINES         VIA FROM TO CALL_ID CSEQ
#define URI_LINE(uri) "MESSAGE " uri
#define URI_REST      " SIP/2.0\r\n" LINES "\r\n"
#define VIA_LINE(via) START FROM TO CALL_ID CSEQ "Via: " via
#define TO_LINE(to)   START VIA FROM CALL_ID CSEQ "To: " to
#define LINE(line)    START LINES line
#define END           "\r\n\r\n"

/* A place between two texts, and what may stand there: the part's own characters, and others that
 * end it and let another part begin ("@": what stands before it was a user). */
struct place {
    const char *name, *before, *behind;
    const char *legal;
    const char *others;
    bool text; /* so may all from 0x80 on */
};

static const struct place places[] = {
    {"user", URI_LINE("sip:z"), "z@h" URI_REST, UNRES "&=+$,;?/", ":", false},
    {"password", URI_LINE("sip:a:z"), "z@h" URI_REST, UNRES "&=+$,", "", false},
    {"host", URI_LINE("sip:z"), "z" URI_REST, ALNUM "-.", ";@", false},
    {"host behind a user", URI_LINE("sip:a@z"), "z" URI_REST, ALNUM "-.", ";", false},
    {"IPv6 reference", URI_LINE("sip:[1::"), "1]" URI_REST, HEX, "", false},
    {"port", URI_LINE("sip:h:1"), "1" URI_REST, DIGITS, ";", false},
    {"URI parameter", URI_LINE("sip:h;z"), "z" URI_REST, UNRES "[]/:&+$", ";=@", false},
    {"its value", URI_LINE("sip:h;a=z"), "z" URI_REST, UNRES "[]/:&+$", ";@", false},
    {"escape", URI_LINE("sip:z%"), "4z@h" URI_REST, HEX, "", false},
    {"escape's end", URI_LINE("sip:z%4"), "z@h" URI_REST, HEX, "", false},
    {"scheme", URI_LINE("z"), "z:z" URI_REST, ALNUM "+-.", ":", false},
    {"any URI", URI_LINE("x:z"), "z" URI_REST, UNRES ";/?:@&=+$,[]", "", false},
    {"global number", URI_LINE("tel:+1"), "1" URI_REST, DIGITS "-.()", ";", false},
    {"local number", URI_LINE("tel:"), "1" URI_REST, HEX "*#-.()", "+", false},
    {"local number's end", URI_LINE("tel:1"), "1" URI_REST, HEX "*#-.()", ";", false},
    {"number's parameter", URI_LINE("tel:1;z"), "z" URI_REST, ALNUM "-", ";=", false},
    {"URI header", TO_LINE("<sip:h?z"), "z=z>" END, UNRES "[]/?:+$", "", false},
    {"its value", TO_LINE("<sip:h?z=z"), "z>" END, UNRES "[]/?:+$", "@", false},
    {"method", "z", "z sip:a@b SIP/2.0\r\n" END, TOKEN, "", false},
    {"version", "MESSAGE sip:c@d SIP/2.", "0\r\n" LINES "\r\n", "", "", false},
    {"Status-Code", "SIP/2.0 2", "0 OK\r\n" LINES "\r\n", DIGITS, "", false},
    {"Reason-Phrase", "SIP/2.0 200 z", "z\r\n" LINES "\r\n", TEXT, "", true},
    {"header name", LINE("z"), "z: v" END, TOKEN, ":", false},
    {"header value", LINE("X: z"), "z" END, TEXT, "", true},
    {"display name", TO_LINE("z"), "z <sip:c@d>" END, TOKEN " \t", "", false},
    {"quoted name", TO_LINE("\"z"), "z\" <sip:c@d>" END, TEXT, "", true},
    {"tag", TO_LINE("<sip:c@d>;tag=z"), "z" END, TOKEN, ";", false},
    {"parameter", TO_LINE("<sip:c@d>;z"), "z" END, TOKEN, ";=", false},
    {"transport", VIA_LINE("SIP/2.0/z"), "z h" END, TOKEN, "", false},
    {"sent-by", VIA_LINE("SIP/2.0/UDP z"), "z" END, ALNUM "-.", ";", false},
    {"Via parameter", VIA_LINE("SIP/2.0/UDP h;z"), "z" END, TOKEN, ";=", false},
    {"its value", VIA_LINE("SIP/2.0/UDP h;x=z"), "z" END, TOKEN, ";", false},
    {"branch", VIA_LINE("SIP/2.0/UDP h;branch=z"), "z" END, TOKEN, ";", false},
    {"received", VIA_LINE("SIP/2.0/UDP h;received=1.2.3."), "1" END, DIGITS, "", false},
    {"Call-ID", START VIA FROM TO CSEQ "Call-ID: z", "z" END, WORD, "@", false},
    {"CSeq number", START VIA FROM TO CALL_ID "CSeq: 1", "1 MESSAGE" END, DIGITS, "", false},
    {"Max-Forwards", LINE("Max-Forwards: 1"), "1" END, DIGITS, "", false},
    {"Content-Length", LINE("Content-Length: 0"), "0" END, "0", "", false},
    {"media type", LINE("Content-Type: z"), "z/z" END, TOKEN, "", false},
    {"media subtype", LINE("Content-Type: z/z"), "z" END, TOKEN, "", false},
    {"its parameter", LINE("Content-Type: z/z;z"), "z=z" END, TOKEN, "", false},
};

static enum zsip_status status_with(const struct place *place, uint8_t byte)
{
    struct attack attack = attack_begin(place->before);
    attack_add_bytes(&attack, &byte, 1);
    attack_add(&attack, place->behind);
    enum zsip_status status = attack_parse(&attack);
    attack_end(&attack);
    return status;
}

static bool is_in(const char *set, unsigned byte)
{
    return byte != 0 && byte < 0x80 && strchr(set, (int)byte) != NULL;
}

/* A method is judged without the fields that would have to agree with it. */
static bool is_taken(const struct place *place, unsigned byte)
{
    enum zsip_status status = status_with(place, (uint8_t)byte);
    return status == ZSIP_OK || (place->before[1] == 0 && status == ZSIP_ERROR_MISSING);
}

Test(classes, every_character_in_every_place)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const struct place *place = &places[i];
        for (unsigned byte = 0; byte < 256; byte++) {
            bool legal = is_in(place->legal, byte) || is_in(place->others, byte) ||
                         (place->text && byte >= 0x80);
            /* Behind a quote within quotes there is another text. */
            legal = legal && !(byte == '"' && strcmp(place->name, "quoted name") == 0);
            cr_expect_eq(is_taken(place, byte), legal, "%s: %02X", place->name, byte);
        }
    }
}

/* quoted-pair = "\" ( %x00-09 / %x0B-0C / %x0E-7F ) */
Test(classes, what_a_backslash_may_take_with_it)
{
    static const struct place pair = {"quoted-pair", TO_LINE("\"z\\"), "z\" <sip:c@d>" END, "", "",
                                      true};
    for (unsigned byte = 0; byte < 256; byte++) {
        bool legal = byte < 0x80 && byte != '\r' && byte != '\n';
        cr_expect_eq(is_taken(&pair, byte), legal, "%02X", byte);
    }
}

/* ctext, of a comment, which is read on demand. */
Test(classes, what_a_comment_may_hold)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t text[] = "5 (z\0z)";
        struct zsip_slice slice = {0, sizeof(text) - 1};
        struct zsip_retry_after retry;
        text[4] = (uint8_t)byte;
        bool legal = (byte >= 0x20 && byte != 0x7F && byte != '(' && byte != ')') || byte == '\t';
        cr_expect_eq(zsip_retry_after(text, slice, &retry, NULL) == ZSIP_OK, legal, "%02X", byte);
    }
}
