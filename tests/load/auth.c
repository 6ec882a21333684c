/* Credentials of a run's requests: challenged once, then counted up; renewed, refused. */
#include "bench/load/auth.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct load_auth *auth;
static struct zsip_msg msg;
static char text[2048];
static char line[LOAD_AUTH_LINE_BYTES + 1];

#define REQUEST "MESSAGE sip:b@h SIP/2.0\r\nX: y\r\n\r\nhello"

static void begin(void)
{
    const struct load_auth_config config = {
        .credentials = "user%03d:secret%03d", .users = 10, .user_count = 10, .slots = 4, .run = 1};
    char error[200];

    cr_assert_eq(load_auth_check(&config, error, sizeof error), ZSIP_OK, "%s", error);
    cr_assert_eq(load_auth_create(&config, &auth), ZSIP_OK);
}

static void end(void)
{
    load_auth_destroy(auth);
}

TestSuite(auth, .init = begin, .fini = end);

static const struct zsip_msg *challenge(unsigned code, const char *nonce, const char *more)
{
    int bytes = snprintf(
        text, sizeof text,
        "SIP/2.0 %u No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\nTo: "
        "<sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n%s: Digest realm=\"r\", "
        "nonce=\"%s\", qop=\"auth\"%s\r\nContent-Length: 0\r\n\r\n",
        code, code == 407 ? "Proxy-Authenticate" : "WWW-Authenticate", nonce, more);

    cr_assert_eq(zsip_parse(&msg, (const uint8_t *)text, (size_t)bytes, 0), ZSIP_OK);
    return &msg;
}

static const char *made(uint32_t slot, uint32_t user)
{
    struct zsip_view view;

    load_auth_make(auth, slot, user, ZSIP_VIEW(REQUEST));
    view = load_auth_line(auth, slot);
    memcpy(line, view.data, view.length);
    line[view.length] = '\0';
    return line;
}

Test(auth, nothing_is_said_before_a_challenge)
{
    load_auth_begin(auth, 0);
    cr_assert_str_empty(made(0, 3));
    cr_assert_eq(load_auth_cseq(auth, 0), 1);
}

Test(auth, a_nonce_is_used_again_and_counted)
{
    load_auth_begin(auth, 0);
    cr_assert(load_auth_again(auth, 0, 3, challenge(401, "n1", "")));
    cr_assert_eq(load_auth_cseq(auth, 0), 2);
    cr_assert_not_null(strstr(made(0, 3), "Authorization: Digest username=\"user003\""));
    cr_assert_not_null(strstr(line, "uri=\"sip:b@h\""));
    cr_assert_not_null(strstr(line, "nc=00000001"));
    load_auth_begin(auth, 1);
    cr_assert_not_null(strstr(made(1, 3), "nc=00000002"));
    cr_assert_eq(load_auth_cseq(auth, 1), 1);
    load_auth_begin(auth, 2);
    cr_assert_str_empty(made(2, 4)); /* another user's */
}

Test(auth, a_fresh_nonce_that_was_not_taken_ends_it)
{
    load_auth_begin(auth, 0);
    cr_assert(load_auth_again(auth, 0, 3, challenge(401, "n1", "")));
    cr_assert_not(load_auth_again(auth, 0, 3, challenge(401, "n2", "")));
}

Test(auth, a_stale_nonce_is_renewed_but_not_for_ever)
{
    unsigned times = 0;

    load_auth_begin(auth, 0);
    while (load_auth_again(auth, 0, 3, challenge(401, "n1", ", stale=true")))
        times++;
    cr_assert_eq(times, LOAD_AUTH_SENDS_MAX - 1);
}

Test(auth, an_old_nonce_that_is_refused_is_renewed)
{
    load_auth_begin(auth, 0);
    cr_assert(load_auth_again(auth, 0, 3, challenge(401, "n1", "")));
    load_auth_begin(auth, 0);
    made(0, 3);
    cr_assert(load_auth_again(auth, 0, 3, challenge(401, "n2", "")));
    cr_assert_not_null(strstr(made(0, 3), "nonce=\"n2\""));
}

Test(auth, a_proxy_and_a_server_are_both_answered)
{
    load_auth_begin(auth, 0);
    cr_assert(load_auth_again(auth, 0, 3, challenge(407, "p", "")));
    cr_assert(load_auth_again(auth, 0, 3, challenge(401, "s", "")));
    cr_assert_eq(load_auth_cseq(auth, 0), 3);
    made(0, 3);
    cr_assert_not_null(strstr(line, "Proxy-Authorization: Digest"));
    cr_assert_eq(strncmp(line, "Authorization: Digest", 21), 0);
}

Test(auth, what_is_no_credentials_is_refused)
{
    static const char *const wrong[] = {"user", ":x", "u%01d:x", "[field0]:x"};
    char error[200];

    for (unsigned i = 0; i < 4; i++) {
        const struct load_auth_config config = {.credentials = wrong[i], .users = 11};

        cr_assert_eq(load_auth_check(&config, error, sizeof error), ZSIP_ERROR_ARGUMENT, "%s",
                     wrong[i]);
    }
}
