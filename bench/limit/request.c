/* The requests that the clients of the comparison send. */
#include "bench/limit/limit.h"

#include "bench/harness.h"

#include <string.h>
#include <sys/resource.h>

enum {
    ID_DIGITS = 10,
    USER_DIGITS = 3, /* RFC 3428 section 8 wants one pending for each target URI at most */
};

/* '#' begins an id, '@@@@' is where the user's digits stand, '$$$' the transport. */
static const char text[] = "MESSAGE sip:user@@@@127.0.0.1:5060 SIP/2.0\r\n"
                           "Via: SIP/2.0/$$$ 127.0.0.1:5062;branch=z9hG4bK#000000000;rport\r\n"
                           "Max-Forwards: 70\r\n"
                           "From: \"Alice\" <sip:alice@127.0.0.1>;tag=#000000000\r\n"
                           "To: <sip:user@@@@127.0.0.1:5060>\r\n"
                           "Call-ID: #000000000@client.invalid\r\n"
                           "CSeq: 1 MESSAGE\r\n"
                           "Content-Type: text/plain\r\n"
                           "Content-Length:  135\r\n"
                           "\r\n"
                           "Watson, come here. I want to see you; it is about the thing that "
                           "talks, and it works; number #000000000, if you please. Yours as ever A";

void limit_request_init(struct limit_request *request, const char *transport)
{
    unsigned ids = 0, users = 0;
    *request = (struct limit_request){.bytes = sizeof(text) - 1};
    /* Not those of the run before. */
    uint64_t first = bench_now_ns() / 1000;
    memset(request->user, '0', USER_DIGITS);
    for (unsigned i = ID_DIGITS; i > 0; i--, first /= 10)
        request->id[i - 1] = (char)('0' + first % 10);
    memcpy(request->template, text, request->bytes);
    for (size_t i = 0; i < request->bytes; i++) {
        if (text[i] == '#' && ids < 4)
            request->id_at[ids++] = i;
        if (strncmp(text + i, "@@@@", 4) == 0 && users < 2)
            request->user_at[users++] = i;
        if (strncmp(text + i, "$$$", 3) == 0)
            memcpy(request->template + i, transport, 3);
    }
}

/* Counts up in decimal digits, which is cheaper than to divide for each request. */
static void count_up(char *digits, unsigned count)
{
    for (unsigned i = count; i > 0; i--) {
        if (digits[i - 1]++ != '9')
            return;
        digits[i - 1] = '0';
    }
}

void limit_request_number(struct limit_request *request, uint8_t *out)
{
    for (unsigned i = 0; i < 4; i++)
        memcpy(out + request->id_at[i], request->id, ID_DIGITS);
    for (unsigned i = 0; i < 2; i++)
        memcpy(out + request->user_at[i], request->user, USER_DIGITS);
    count_up(request->id, ID_DIGITS);
    count_up(request->user, USER_DIGITS);
}

void limit_request_write(struct limit_request *request, uint8_t *out)
{
    memcpy(out, request->template, request->bytes);
    limit_request_number(request, out);
}

double limit_cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return 1e9 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}
