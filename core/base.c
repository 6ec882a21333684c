/* Names and texts of status values, and what a broken assertion does by default. */
#include "zsip/base.h"

#include <stdio.h>
#include <stdlib.h>

const char *zsip_version(void)
{
    return ZSIP_VERSION;
}

const char *zsip_status_name(enum zsip_status status)
{
    switch (status) {
#define X(name, value, code, text)                                                                 \
    case ZSIP_##name:                                                                              \
        return #name;
        ZSIP_STATUS_MAP(X)
#undef X
    }
    return "?";
}

const char *zsip_status_text(enum zsip_status status)
{
    switch (status) {
#define X(name, value, code, text)                                                                 \
    case ZSIP_##name:                                                                              \
        return text;
        ZSIP_STATUS_MAP(X)
#undef X
    }
    return "?";
}

unsigned zsip_status_code(enum zsip_status status)
{
    switch (status) {
#define X(name, value, code, text)                                                                 \
    case ZSIP_##name:                                                                              \
        return (code);
        ZSIP_STATUS_MAP(X)
#undef X
    }
    return 0;
}

/* Weak, so that a program that wants its own crash report can define one. */
__attribute__((weak)) void zsip_assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "zsip: %s:%d: assertion failed: %s\n", file, line, expression);
    abort();
}
