/* Digest authentication, the client's part. Expected hashes: RFC 7616 section 3.9.1, else computed
 * with Python's hashlib from the formulas of its section 3.4. */
#include "bench/load/digest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct load_digest *digest;
static struct zsip_msg msg;
static char text[8192];
static struct load_challenge challenge;
static char header[LOAD_CREDENTIALS_BYTES_MAX + 1];

static void begin(void)
{
    cr_assert_eq(load_digest_create(&digest), ZSIP_OK);
}

static void end(void)
{
    load_digest_destroy(digest);
}

TestSuite(digest, .init = begin, .fini = end);

/* A 401, or a 407, with these header lines. */
static enum zsip_status read_from(unsigned code, const char *rows)
{
    int bytes = snprintf(text, sizeof text,
                         "SIP/2.0 %u No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;"
                         "tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"
                         "%sContent-Length: 0\r\n\r\n",
                         code, rows);

    cr_assert_eq(zsip_parse(&msg, (const uint8_t *)text, (size_t)bytes, 0), ZSIP_OK, "%s",
                 msg.fault.rule);
    return load_challenge_read(digest, &msg, &challenge);
}

static struct zsip_view view(const char *string)
{
    return (struct zsip_view){(const uint8_t *)string, strlen(string)};
}

static const char rfc_cnonce[] = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

static struct load_credentials rfc_credentials(void)
{
    return (struct load_credentials){
        .user = view("Mufasa"),
        .password = view("Circle of Life"),
        .method = view("GET"),
        .uri = view("/dir/index.html"),
        .cnonce = view(rfc_cnonce),
        .nc = 1,
    };
}

static void answer(const struct load_credentials *credentials)
{
    size_t length =
        load_digest_write(digest, &challenge, credentials, (uint8_t *)header, sizeof header - 1);

    cr_assert_gt(length, 0);
    header[length] = '\0';
    cr_assert_str_eq(header + length - 2, "\r\n");
}

static void expect(const char *part)
{
    cr_assert_not_null(strstr(header, part), "no %s in %s", part, header);
}

#define RFC_CHALLENGE                                                                              \
    "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "                                    \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "                                     \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""

static void rfc_answer(const char *algorithm, const char *response)
{
    struct load_credentials credentials = rfc_credentials();
    char rows[512], part[128];

    snprintf(rows, sizeof rows, "WWW-Authenticate: Digest " RFC_CHALLENGE ", algorithm=%s\r\n",
             algorithm);
    cr_assert_eq(read_from(401, rows), ZSIP_OK);
    answer(&credentials);
    snprintf(part, sizeof part, "response=\"%s\", algorithm=%s, cnonce=\"%s\"", response, algorithm,
             rfc_cnonce);
    expect(part);
    expect("Authorization: Digest username=\"Mufasa\", realm=\"http-auth@example.org\"");
    expect("qop=auth, nc=00000001, opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"\r\n");
}

Test(digest, each_algorithm_answers_as_published)
{
    rfc_answer("MD5", "8ca523f5e9506fed4657c9700eebdbec");
    rfc_answer("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    rfc_answer("SHA-512-256", "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0");
    rfc_answer("MD5-sess", "e783283f46242139c486a698fec7211d");
    rfc_answer("SHA-256-sess", "2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7");
    rfc_answer("SHA-512-256-sess",
               "3f2a34f923c38b0fb26dce2fdfc2ce326c23cecf86fbb1444f3e51fbbc2cb92e");
}

Test(digest, a_challenge_of_rfc_2069_gets_no_qop)
{
    struct load_credentials credentials = rfc_credentials();

    cr_assert_eq(read_from(407, "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"),
                 ZSIP_OK);
    cr_assert(challenge.proxy);
    answer(&credentials);
    expect("Proxy-Authorization: Digest username=\"Mufasa\", realm=\"r\", nonce=\"n\"");
    expect("response=\"0bab5c24c08a1ef94a6cc3d446ce558a\"\r\n");
    cr_assert_null(strstr(header, "algorithm"));
    cr_assert_null(strstr(header, "qop"));
    cr_assert_null(strstr(header, "cnonce"));
    cr_assert_null(strstr(header, "opaque"));
}

Test(digest, auth_int_covers_the_body_and_is_taken_only_alone)
{
    struct load_credentials credentials = rfc_credentials();

    credentials.body = view("Watson");
    cr_assert_eq(
        read_from(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n"),
        ZSIP_OK);
    answer(&credentials);
    expect("qop=auth-int, nc=00000001");
    expect("response=\"a979f223b8c14016aa5b5e944a28e817\"");
}

Test(digest, the_strongest_known_of_several_is_answered)
{
    cr_assert_eq(
        read_from(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", algorithm=MD5\r\n"
                       "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256\r\n"
                       "WWW-Authenticate: Digest realm=\"r\", nonce=\"3\", algorithm=SHA-9\r\n"
                       "WWW-Authenticate: Basic realm=\"r\"\r\n"
                       "WWW-Authenticate: Digest realm=\"r\", nonce=\"4\", algorithm=sha-256\r\n"),
        ZSIP_OK);
    cr_assert_eq(challenge.algorithm, LOAD_DIGEST_SHA_256);
    cr_assert_eq(challenge.text[challenge.realm_bytes], '2');
}

Test(digest, what_can_not_be_answered_says_why)
{
    static char rows[2048];

    cr_assert_eq(read_from(401, ""), ZSIP_ERROR_MISSING);
    cr_assert_eq(read_from(401, "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"),
                 ZSIP_ERROR_MISSING);
    cr_assert_eq(read_from(401, "WWW-Authenticate: Digest realm=\"r\"\r\n"), ZSIP_ERROR_MISSING);
    cr_assert_eq(read_from(401, "WWW-Authenticate: Basic realm=\"r\"\r\n"), ZSIP_ERROR_UNSUPPORTED);
    cr_assert_eq(read_from(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
                                "algorithm=AKAv1-MD5\r\n"),
                 ZSIP_ERROR_UNSUPPORTED);
    cr_assert_eq(read_from(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"x\"\r\n"),
                 ZSIP_ERROR_UNSUPPORTED);
    snprintf(rows, sizeof rows, "WWW-Authenticate: Digest realm=\"r\", nonce=\"%0700d\"\r\n", 1);
    cr_assert_eq(read_from(401, rows), ZSIP_ERROR_TOO_LARGE);
}

Test(digest, stale_and_the_space_are_told)
{
    struct load_challenge first;

    cr_assert_eq(read_from(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n"), ZSIP_OK);
    cr_assert_not(challenge.stale);
    first = challenge;
    cr_assert_eq(
        read_from(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", stale=TRUE\r\n"),
        ZSIP_OK);
    cr_assert(challenge.stale);
    cr_assert(load_challenge_same_space(&first, &challenge));
    cr_assert_eq(read_from(407, "Proxy-Authenticate: Digest realm=\"r\", nonce=\"2\"\r\n"),
                 ZSIP_OK);
    cr_assert_not(load_challenge_same_space(&first, &challenge));
    cr_assert_eq(read_from(401, "WWW-Authenticate: Digest realm=\"s\", nonce=\"2\"\r\n"), ZSIP_OK);
    cr_assert_not(load_challenge_same_space(&first, &challenge));
}

Test(digest, the_count_grows_and_the_field_is_read_back)
{
    struct load_credentials credentials = rfc_credentials();
    struct zsip_auth auth;
    struct zsip_fault fault;
    const char *value;

    credentials.nc = 0x1abcdef2;
    credentials.user = view("a\"b\\c");
    cr_assert_eq(read_from(401, "WWW-Authenticate: Digest " RFC_CHALLENGE "\r\n"), ZSIP_OK);
    answer(&credentials);
    value = strchr(header, ' ') + 1;
    cr_assert_eq(zsip_auth_parse(
                     (const uint8_t *)header,
                     (struct zsip_slice){(uint16_t)(value - header), (uint16_t)(strlen(value) - 2)},
                     ZSIP_HEADER_AUTHORIZATION, &auth, &fault),
                 ZSIP_OK, "%s at %u of %s", fault.rule, fault.offset, header);
    cr_assert_eq(auth.nc.length, 8);
    cr_assert_arr_eq(header + auth.nc.offset, "1abcdef2", 8);
    cr_assert_arr_eq(header + auth.username.offset, "a\\\"b\\\\c", 7);
}

Test(digest, nothing_is_written_where_it_does_not_fit)
{
    struct load_credentials credentials = rfc_credentials();
    size_t length;

    cr_assert_eq(read_from(401, "WWW-Authenticate: Digest " RFC_CHALLENGE "\r\n"), ZSIP_OK);
    answer(&credentials);
    length = strlen(header);
    for (size_t capacity = 0; capacity < length; capacity++)
        cr_assert_eq(
            load_digest_write(digest, &challenge, &credentials, (uint8_t *)header, capacity), 0);
    cr_assert_eq(load_digest_write(digest, &challenge, &credentials, (uint8_t *)header, length),
                 length);
}
