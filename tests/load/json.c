/* A run as data: what must not be written, and what is not UTF-8. */
#include "bench/load/json.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(json, a_command_line_without_its_secrets)
{
    const char *words[] = {"load",       "-ap",    "s3cret",
                           "--password", "s3cret", "--auth-password=s3cret",
                           "--rate",     "10k",    "udp:h"};
    json_t *command = load_command_json(9, words);
    char *text = json_dumps(command, JSON_COMPACT);

    cr_assert_str_eq(text, "[\"zsip\",\"load\",\"-ap\",\"***\",\"--password\",\"***\","
                           "\"--auth-password=***\",\"--rate\",\"10k\",\"udp:h\"]");
    free(text);
    json_decref(command);
}

Test(json, words_that_are_no_utf8)
{
    const char *words[] = {"load", "a\xff"
                                   "b"};
    json_t *command = load_command_json(2, words);

    cr_assert_str_eq(json_string_value(json_array_get(command, 2)), "a?b");
    json_decref(command);
}

Test(json, a_time)
{
    cr_assert_str_eq(load_utc_text(1795397303393268).text, "2026-11-23T01:28:23.393Z");
    cr_assert_str_eq(load_utc_text(0).text, "1970-01-01T00:00:00.000Z");
}
