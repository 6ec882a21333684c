/* Messages made from the grammar, with something odd or wrong at one or two places: where a
 * shape-matcher has to see that a value is none of its own. Mutants of bytes seldom come there.
 *
 * A template is text in which {a|b|c} stands for one of these, mostly the first, and _ for white
 * space that may be there.
 *
 * SPDX-License-Identifier: MIT */
#include "tests/parser/judge.h"
#include "tests/parser/press.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES (press_step() > 1 ? 6000u : 60000u)

#define COLON "{: |:|:  | : |\t:|:\t|:\r\n |::|}"
#define HOST                                                                                       \
    "{h.example|h|192.0.2.1|[2001:db8::9:1]|a.b.c.|[::ffff:1.2.3.4]|a-b.c1|-a.b|a-|a_b|1.2.3.4.5|" \
    "1.2.3.4a|999.1.1.1|1.2.3|[::1|[1::2::3]|a..b|a.1|b.c-|[]|}"
#define PORT "{|:5060|_:_5060|:0|:1|:65535|:65536|:000005060|:|:5060x|:4294972356}"
#define USER                                                                                       \
    "{alice@||a:p@|a;b=c@|%41@|+12-3;x=y@|@|a%4@|a%@|\xc3\xa9@|a b@|a@b@|user;par=u%40x@|a:@|:p@|" \
    "a?b@|a#b@|abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz@}"
#define URI                                                                                        \
    "{sip:|sips:|SIP:|tel:|im:|http://|sip|sip::|x:}" USER HOST PORT                               \
    "{|;lr|;transport=udp|;x=%41|;x=%4|;lr;|;|;=|;x=|?a=b|;x?a=b&c=|?|;x=[::1]:5|;a;b=c;d=e}"
#define DISPLAY                                                                                    \
    "{\"Alice\" ||\"\"|\"A b\"|\"a\\\"b\" |Bob |Bob  |B b\t|B.o-b' |\"unterminated |B@b |\r\n B |" \
    "Bob\r\n |\"a\" \"b\" |\"a\"b |\xc3\xa9 |\"\xc3\xa9\" |\"a\\\" |a  b |abcdefghijklmnopqrst"    \
    "uvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz }"
#define PARTY                                                                                      \
    DISPLAY "{<|< |}" URI "{>| >|>>|}"                                                             \
            "{;tag=x1||_;_tag_=_x1|;TAG=x|;tag|;tag=|;tag=\"x\"|;tag=x;tag=y|;p=\"q,;\"|;p;tag=z|" \
            ";tag=x@|;p=[::1];tag=y|;p=a:b|;;tag=x|; tag=x|;tag=x |;tagx=y|;tag=abcdefghijklmnop"  \
            "qrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz}"
#define VIA                                                                                        \
    "{SIP/2.0/|SIP_/_2.0_/_|sip/2.0/|SIP/3.0/|X/Y/|SIP/2.0|}{UDP|TCP|TLS|WS|WSS|udp|SCTP|UDPX|}"   \
    "{ |  |\t|\r\n |}" HOST PORT                                                                   \
    "{;branch=z9hG4bKabc||_;_branch_=_z9hG4bKx|;branch=z9hG4bK|;branch|;branch=\"x\"|;BRANCH=Z9h"  \
    "g4BKx|;branch=a;branch=b|;branch=a@|;branchx=y|;branch=a:b}"                                  \
    "{|;rport|;rport=|;rport=5060|;RPORT=70000|;rport_=_1|;rport;rport|;rport=0|;rport=x|;rports}" \
    "{|;received=192.0.2.9|;received=::1|;received=[::1]|;received=a.b|;received=1:2:3:4:5:6:7:8|" \
    ";received|;received=1.2.3.4;received=1.2.3.4|;received=1.2.3.4:5}"                            \
    "{|;ttl=1|;ttl=256|;ttl=0001|;maddr=a.b|;maddr=[::1]|;maddr=a_b|;alias|;alias=1|;oc=1|;oc|;x=" \
    "\"a;,b\"|;x=[::1]|;x=a:b|;=x|;x=|;|;x|_}"

static const char *const required[] = {
    "{Via|v|VIA|vIa|Vi|}" COLON VIA "{|_,_SIP/2.0/UDP b;branch=z9hG4bK2|,|,,|, }",
    "{From|f|FROM|F|Fromm}" COLON PARTY "{|_,_<sip:c@d>|,}",
    "{To|t|TO|T|Too}" COLON PARTY,
    "{Call-ID|i|CALL-ID|Call-Id|CallID}" COLON "{a84b4c76e66710@pc33.example|x|a@b@c|@a|a@|a b|"
    "<>()[]?|a\"b|a,b|a;b||abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopq}",
    "{CSeq|cseq|CSEQ|CSe}" COLON "{1|0|00001|4294967295|4294967296|12345678901|x|-1|}"
    "{ |\t|  |\r\n |}{MESSAGE|message|OPTIONS|MESSAGEX|MESSAG|}{|_|x| x}",
    "{Max-Forwards|max-forwards|Max-Forward}" COLON "{70|0|255|256|070|99999999999|7x|-1||7 0}",
};

static const char *const optional[] = {
    "{Content-Length|l|CONTENT-LENGTH|L|Content-length}" COLON
    "{0|5|00000000005|4294967295|4294967296|-1|x||1 2|+0}",
    "{Content-Type|c|content-type}" COLON "{text|a.b|*|te xt|}_/_{plain|*||pl/x}{|;charset=utf-8|"
    "_;_charset_=_utf-8|;a=\"b;c\"|;a|;a=|;a=b;c=d|;|;a=\"b|;a=b c}",
    "{Contact|m|CONTACT}" COLON "{*|* |**}",
    "{Contact|m|CONTACT}" COLON PARTY "{|_,_"
    "<sip:c@d>;q=1|,*|,}",
    "{Route|Record-Route|Path|route}" COLON "{|\"a\" }{<|}sip:" HOST PORT "{;lr||;x=y}{>|}{|;y|,"
    "<sip:b;lr>| , <sip:b;lr>;z|,}",
    "{Authorization|WWW-Authenticate|Proxy-Authorization|Authentication-Info}" COLON
    "{Digest |digest |DIGEST\t|Basic |Digest|Digest  |}{username=\"a\"|realm=\"a b\"|nonce=\"c\\\"d"
    "\"|nc=00000001|nc=1|nc=0000000G|uri=\"sip:a,b\"|qop=auth|x=\"y|x=|x|=y|}{|, |,|_,_|,,| }{|"
    "realm=\"e\"|algorithm=MD5|nc=0000000a|response=\"f\"|username=\"g\",}",
    "{Date|date}" COLON "{Sat|Sun|sat|Xyz}{, |,}{13|1|31|00|32}{ }{Nov|nov|Feb|Xyz} {2010|0000|99"
    "99|10} {23|24|00}:{29|60}:{00|60|61|5} {GMT|gmt|UTC|GMT }",
    "{X|Subject|s|"
    "P-X|X-\x7f}" COLON "{text|\"quoted\"|\\\x01|\x01|\r\n folded| |\\\r\n|a\rb|a\nb}",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct text {
    char data[4096];
    size_t bytes;
    uint64_t state;
};

static unsigned draw(struct text *text, unsigned below)
{
    text->state = text->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(text->state >> 33) % below;
}

static void put(struct text *text, const char *from, size_t bytes)
{
    static const char *const spaces[] = {"", "", " ", "  ", "\t", "\r\n ", " \r\n\t"};
    for (size_t i = 0; i < bytes && text->bytes + 8 < sizeof(text->data); i++) {
        if (from[i] != '_') {
            text->data[text->bytes++] = from[i];
            continue;
        }
        const char *space = spaces[draw(text, COUNT(spaces))];
        memcpy(text->data + text->bytes, space, strlen(space));
        text->bytes += strlen(space);
    }
}

/* One of the alternatives between p and end; of thirty, all but one are the first. */
static void put_choice(struct text *text, const char *p, const char *end)
{
    unsigned count = 1, choice;
    for (const char *q = p; q < end; q++) {
        count += *q == '|';
    }
    choice = draw(text, 30) == 0 ? draw(text, count) : 0;
    for (; choice > 0; choice--) {
        p = (const char *)memchr(p, '|', (size_t)(end - p)) + 1;
    }
    const char *stop = memchr(p, '|', (size_t)(end - p));
    put(text, p, (size_t)((stop != NULL ? stop : end) - p));
}

static void put_template(struct text *text, const char *p)
{
    while (*p != '\0') {
        size_t plain = strcspn(p, "{");
        put(text, p, plain);
        p += plain;
        if (*p == '{') {
            const char *end = strchr(p, '}');
            put_choice(text, p + 1, end);
            p = end + 1;
        }
    }
}

static void put_message(struct text *text)
{
    unsigned order[COUNT(required)];
    text->bytes = 0;
    put_template(text, "{MESSAGE|OPTIONS|message|M@}{ |  |\t}" URI "{ |  }{SIP/2.0|sip/2.0|SIP/2.1|"
                       "SIP/2.0 |HTTP/1.1}{\r\n|\n}");
    for (unsigned i = 0; i < COUNT(required); i++) {
        unsigned j = draw(text, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (unsigned i = 0; i < COUNT(required); i++) {
        put_template(text, required[order[i]]);
        put_template(text, "{\r\n| \r\n|\r\n\t\r\n|\n|\r}");
        if (draw(text, 2) == 0) {
            put_template(text, optional[draw(text, COUNT(optional))]);
            put_template(text, "{\r\n| \r\n|\r\n}");
        }
    }
    put_template(text, "{\r\n||\n}{|hello}");
}

Test(shapes, messages_made_of_the_grammar_are_judged_alike)
{
    static struct text text = {.state = 1};
    struct zsip_msg *msg = msg_new();
    unsigned good = 0;
    for (unsigned i = 0; i < MESSAGES; i++) {
        put_message(&text);
        uint8_t *exact = malloc(text.bytes);
        memcpy(exact, text.data, text.bytes);
        const char *what = judge_parse(exact, text.bytes, i % 8 == 0 ? ZSIP_PARSE_STREAM : 0);
        good += zsip_parse(msg, exact, text.bytes, 0) == ZSIP_OK;
        free(exact);
        if (what != NULL) {
            cr_assert_fail("message %u: %s\n%.*s", i, what, (int)text.bytes, text.data);
        }
    }
    fprintf(stderr, "%u messages, %u of them good\n", MESSAGES, good);
    /* Enough on both sides. */
    cr_expect_gt(good, MESSAGES / 20);
    cr_expect_lt(good, MESSAGES / 10 * 9);
    free(msg);
}
