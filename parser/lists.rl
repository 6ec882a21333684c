/* zsip: machines of fields that are read on demand.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

%%{
    machine zsip_value;
    include zsip_headers "headers.rl";
    action value_end { value_1 = p; }
    action params_begin { if (params_0 == NULL) params_0 = p; rule = "parameter"; }
    action params_end { params_1 = p; }
    action comma { fhold; fbreak; }
    action is_pair { pair = true; }
    # accept-range, encoding, language, Content-Disposition, reason-value, Event and
    # Subscription-State: a token or two with parameters.
    main := token %value_end ( SWS ( "/" >is_pair ) SWS token %value_end )?
            ( SWS ( ";" >params_begin ) SWS generic_param %params_end )* SWS ( "," @comma )?;
    write data noerror noentry;
}%%

/* Of the fields whose rule is known, Accept alone holds pairs, and nothing but pairs. */
static bool pair_fits(enum zsip_header_id id, bool pair)
{
    switch (id) {
    case ZSIP_HEADER_ACCEPT:
        return pair;
    case ZSIP_HEADER_ACCEPT_ENCODING:
    case ZSIP_HEADER_ACCEPT_LANGUAGE:
    case ZSIP_HEADER_CONTENT_DISPOSITION:
    case ZSIP_HEADER_REASON:
    case ZSIP_HEADER_EVENT:
    case ZSIP_HEADER_SUBSCRIPTION_STATE:
        return !pair;
    default:
        return true;
    }
}

enum zsip_status zsip_machine_value(const uint8_t *base, const uint8_t **cursor, const uint8_t *end,
                                    enum zsip_header_id id, struct zsip_value *out,
                                    struct zsip_fault *fault)
{
    const uint8_t *begin = *cursor, *p = begin, *pe = end, *eof = end;
    const uint8_t *value_1 = p, *params_0 = NULL, *params_1 = p;
    const char *rule = "token";
    bool pair = false;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_value_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    if (!pair_fits(id, pair))
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_SYNTAX,
                              id == ZSIP_HEADER_ACCEPT ? "media-range" : "token");
    *out = (struct zsip_value){
        .whole = zsip_slice_between(base, begin, params_0 != NULL ? params_1 : value_1),
        .value = zsip_slice_between(base, begin, value_1),
    };
    if (params_0 != NULL)
        out->params = zsip_slice_between(base, params_0, params_1);
    *cursor = p;
    return ZSIP_OK;
}

%%{
    machine zsip_auth_param;
    include zsip_headers "headers.rl";
    action name_end { name_1 = p; rule = "auth-param value"; }
    action value_begin { value_0 = p; }
    action value_end { value_1 = p; }
    action comma { fhold; fbreak; }
    # auth-param, which every dig-resp and digest-cln is.
    main := auth_param_name %name_end EQUAL auth_value >value_begin %value_end SWS ( "," @comma )?;
    write data noerror noentry;
}%%

enum zsip_status zsip_machine_auth_param(const uint8_t *base, const uint8_t **cursor,
                                         const uint8_t *end, struct zsip_slice *name,
                                         struct zsip_slice *value, struct zsip_fault *fault)
{
    const uint8_t *begin = *cursor, *p = begin, *pe = end, *eof = end;
    const uint8_t *name_1 = p, *value_0 = p, *value_1 = p;
    const char *rule = "auth-param";
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_auth_param_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    if (*value_0 == '"') {
        value_0++;
        value_1--;
    }
    *name = zsip_slice_between(base, begin, name_1);
    *value = zsip_slice_between(base, value_0, value_1);
    *cursor = p;
    return ZSIP_OK;
}

%%{
    machine zsip_warning;
    include zsip_headers "headers.rl";
    action agent_begin { agent_0 = p; rule = "warn-agent"; }
    action agent_end { agent_1 = p; rule = "warn-text"; }
    action text_begin { text_0 = p; }
    action text_end { text_1 = p; }
    action comma { fhold; fbreak; }
    # warning-value
    main := warn_code SP warn_agent >agent_begin %agent_end SP SWS
            warn_text >text_begin %text_end SWS ( "," @comma )?;
    write data noerror noentry;
}%%

enum zsip_status zsip_machine_warning(const uint8_t *base, const uint8_t **cursor,
                                      const uint8_t *end, struct zsip_warning *out,
                                      struct zsip_fault *fault)
{
    const uint8_t *begin = *cursor, *p = begin, *pe = end, *eof = end;
    const uint8_t *agent_0 = p, *agent_1 = p, *text_0 = p, *text_1 = p;
    const char *rule = "warn-code";
    uint64_t code = 0;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_warning_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    zsip_number(begin, begin + 3, 999, &code);
    *out = (struct zsip_warning){
        .agent = zsip_slice_between(base, agent_0, agent_1),
        .text = zsip_slice_between(base, text_0, text_1),
        .code = (uint16_t)code,
    };
    *cursor = p;
    return ZSIP_OK;
}

%%{
    machine zsip_retry_after;
    include zsip_headers "headers.rl";
    action seconds_end { seconds_1 = p; }
    action comment_begin { comment_0 = p; }
    action comment_end { comment_1 = p; }
    action params_begin { if (params_0 == NULL) params_0 = p; rule = "retry-param"; }
    # Retry-After
    main := delta_seconds %seconds_end ( SWS comment >comment_begin %comment_end )?
            ( SWS ( ";" >params_begin ) SWS retry_param )* SWS;
    write data noerror noentry;
}%%

enum zsip_status zsip_retry_after(const uint8_t *base, struct zsip_slice slice,
                                  struct zsip_retry_after *out, struct zsip_fault *fault)
{
    const uint8_t *begin = base + slice.offset, *p = begin, *pe = begin + slice.length, *eof = pe;
    const uint8_t *seconds_1 = p, *comment_0 = NULL, *comment_1 = p, *params_0 = NULL;
    const char *rule = "Retry-After";
    struct zsip_fault ignored;
    uint64_t seconds;
    int cs;
    if (fault == NULL)
        fault = &ignored;

    %% write init;
    %% write exec;

    if (cs < zsip_retry_after_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    if (!zsip_number(begin, seconds_1, UINT32_MAX, &seconds))
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_RANGE, rule);
    *out = (struct zsip_retry_after){.seconds = (uint32_t)seconds};
    if (comment_0 != NULL)
        out->comment = zsip_slice_between(base, comment_0, comment_1);
    if (params_0 != NULL)
        out->params = zsip_slice_between(base, params_0, pe);
    return ZSIP_OK;
}

%%{
    machine zsip_product;
    include zsip_headers "headers.rl";
    action name_end { name_1 = p; rule = "product-version"; }
    action version_begin { version_0 = p; }
    action version_end { version_1 = p; }
    action comment_begin { comment_0 = p; rule = "comment"; }
    action comment_end { comment_1 = p; rule = "server-val"; }
    action next { fhold; fbreak; }
    # server-val; LWS parts them.
    product_marked = token %name_end ( SLASH product_version >version_begin %version_end )?;
    server_val_marked = product_marked | comment >comment_begin %comment_end;
    main := server_val_marked ( LWS ( ( token_char | "(" ) @next )? )?;
    write data noerror noentry;
}%%

enum zsip_status zsip_product_next(const uint8_t *base, struct zsip_slice slice, uint32_t *cursor,
                                   struct zsip_product *out, bool *found, struct zsip_fault *fault)
{
    const uint8_t *begin = base + (*cursor != 0 ? *cursor : slice.offset), *p = begin;
    const uint8_t *pe = base + slice.offset + slice.length, *eof = pe, *name_1 = p;
    const uint8_t *version_0 = NULL, *version_1 = p, *comment_0 = NULL, *comment_1 = p;
    const char *rule = "server-val";
    struct zsip_fault ignored;
    int cs;
    *found = false;
    /* Behind the last one, or of another value. */
    if (*cursor != 0 && *cursor - slice.offset >= slice.length)
        return ZSIP_OK;

    %% write init;
    %% write exec;

    if (cs < zsip_product_first_final)
        return zsip_fault_set(fault != NULL ? fault : &ignored, base, p, ZSIP_ERROR_SYNTAX, rule);
    *out = (struct zsip_product){{0, 0}, {0, 0}, {0, 0}};
    if (comment_0 != NULL)
        out->comment = zsip_slice_between(base, comment_0, comment_1);
    else
        out->name = zsip_slice_between(base, begin, name_1);
    if (version_0 != NULL)
        out->version = zsip_slice_between(base, version_0, version_1);
    *cursor = (uint32_t)(p - base);
    *found = true;
    return ZSIP_OK;
}

%%{
    machine zsip_timestamp;
    include zsip_headers "headers.rl";
    action time_end { time_1 = p; rule = "Timestamp delay"; }
    action delay_begin { delay_0 = p; }
    # Timestamp
    main := ( DIGIT+ ( "." DIGIT* )? ) %time_end ( LWS delay >delay_begin )?;
    write data noerror noentry;
}%%

enum zsip_status zsip_timestamp(const uint8_t *base, struct zsip_slice slice,
                                struct zsip_timestamp *out, struct zsip_fault *fault)
{
    const uint8_t *begin = base + slice.offset, *p = begin, *pe = begin + slice.length, *eof = pe;
    const uint8_t *time_1 = p, *delay_0 = NULL;
    const char *rule = "Timestamp";
    struct zsip_fault ignored;
    int cs;
    if (fault == NULL)
        fault = &ignored;

    %% write init;
    %% write exec;

    if (cs < zsip_timestamp_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    *out = (struct zsip_timestamp){.time = zsip_slice_between(base, begin, time_1)};
    if (delay_0 != NULL && delay_0 < pe)
        out->delay = zsip_slice_between(base, delay_0, pe);
    return ZSIP_OK;
}

%%{
    machine zsip_qvalue;
    include zsip_headers "headers.rl";
    main := qvalue;
    write data noerror noentry;
}%%

enum zsip_status zsip_qvalue(const uint8_t *base, struct zsip_slice slice, unsigned *thousandths,
                             struct zsip_fault *fault)
{
    const uint8_t *begin = base + slice.offset, *p = begin, *pe = begin + slice.length;
    struct zsip_fault ignored;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_qvalue_first_final)
        return zsip_fault_set(fault != NULL ? fault : &ignored, base, p, ZSIP_ERROR_SYNTAX,
                              "qvalue");
    unsigned value = *begin == '1' ? 1000 : 0, unit = 100;
    for (const uint8_t *q = begin + 2; q < pe; q++, unit /= 10)
        value += unit * (unsigned)(*q - '0');
    *thousandths = value;
    return ZSIP_OK;
}
