/* zsip: the small machines: values of one kind each.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

%%{
    machine zsip_cseq;
    include zsip_headers "headers.rl";
    action number_end { number_1 = p; rule = "CSeq method"; }
    action method_begin { method_0 = p; }
    main := DIGIT+ %number_end LWS Method >method_begin;
    write data noerror noentry;
}%%

enum zsip_status zsip_machine_cseq(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                   uint32_t *number, struct zsip_slice *method,
                                   struct zsip_fault *fault)
{
    const uint8_t *p = begin, *pe = end, *number_1 = p, *method_0 = p;
    const char *rule = "CSeq number";
    uint64_t value;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_cseq_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    /* Below 2^31 by RFC 3261 section 8.1.1.5, below 2^32 by section 20.16. We take both. */
    if (!zsip_number(begin, number_1, UINT32_MAX, &value))
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_RANGE, "CSeq number");
    *number = (uint32_t)value;
    *method = zsip_slice_between(base, method_0, end);
    return ZSIP_OK;
}

%%{
    machine zsip_call_id;
    include zsip_headers "headers.rl";
    main := Call_ID;
    write data noerror noentry;
}%%

enum zsip_status zsip_machine_call_id(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                      struct zsip_fault *fault)
{
    const uint8_t *p = begin, *pe = end;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_call_id_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, "Call-ID");
    return ZSIP_OK;
}

%%{
    machine zsip_digits;
    include zsip_headers "headers.rl";
    # Max-Forwards, Content-Length, and delta-seconds of Expires and its like.
    main := delta_seconds;
    write data noerror noentry;
}%%

enum zsip_status zsip_machine_digits(const uint8_t *base, const uint8_t *begin, const uint8_t *end,
                                     uint64_t max, uint64_t *out, const char *rule,
                                     struct zsip_fault *fault)
{
    const uint8_t *p = begin, *pe = end;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_digits_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    if (!zsip_number(begin, end, max, out))
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_RANGE, rule);
    return ZSIP_OK;
}

%%{
    machine zsip_media_type;
    include zsip_headers "headers.rl";
    action type_end { type_1 = p; rule = "Content-Type subtype"; }
    action subtype_begin { subtype_0 = p; }
    action subtype_end { subtype_1 = p; }
    action params_begin { if (params_0 == NULL) params_0 = p; rule = "Content-Type parameter"; }
    media_type_marked = m_type %type_end SLASH m_subtype >subtype_begin %subtype_end
                        ( SWS ( ";" >params_begin ) SWS m_parameter )*;
    main := media_type_marked SWS;
    write data noerror noentry;
}%%

enum zsip_status zsip_machine_media_type(const uint8_t *base, const uint8_t *begin,
                                         const uint8_t *end, struct zsip_media_type *out,
                                         struct zsip_fault *fault)
{
    const uint8_t *p = begin, *pe = end, *eof = end;
    const uint8_t *type_1 = p, *subtype_0 = p, *subtype_1 = p, *params_0 = NULL;
    const char *rule = "Content-Type";
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_media_type_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule);
    *out = (struct zsip_media_type){
        .type = zsip_slice_between(base, begin, type_1),
        .subtype = zsip_slice_between(base, subtype_0, subtype_1),
    };
    if (params_0 != NULL)
        out->params = zsip_slice_between(base, params_0, end);
    return ZSIP_OK;
}

%%{
    machine zsip_date;
    include zsip_headers "headers.rl";
    # Always of one length, so every number's place is known.
    main := SIP_date;
    write data noerror noentry;
}%%

static unsigned month_number(const uint8_t *name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (unsigned i = 0; i < 12; i++) {
        if (names[3 * i] == name[0] && names[3 * i + 1] == name[1] && names[3 * i + 2] == name[2])
            return i + 1;
    }
    return 0;
}

static unsigned digits(const uint8_t *at, unsigned count)
{
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++)
        value = value * 10 + (unsigned)(at[i] - '0');
    return value;
}

bool zsip_machine_date(const uint8_t *p, const uint8_t *pe, const uint8_t **stop)
{
    int cs;

    %% write init;
    %% write exec;

    *stop = p;
    return cs >= zsip_date_first_final;
}

enum zsip_status zsip_date_slow(const uint8_t *base, struct zsip_slice slice, int64_t *utc_s,
                                struct zsip_fault *fault)
{
    const uint8_t *begin = base + slice.offset, *stop;
    struct zsip_fault ignored;
    if (fault == NULL)
        fault = &ignored;

    if (!zsip_machine_date(begin, begin + slice.length, &stop))
        return zsip_fault_set(fault, base, stop, ZSIP_ERROR_SYNTAX, "SIP-date");
    struct zsip_date_numbers numbers = {
        .year = digits(begin + 12, 4),
        .month = month_number(begin + 8),
        .day = digits(begin + 5, 2),
        .hour = digits(begin + 17, 2),
        .minute = digits(begin + 20, 2),
        .second = digits(begin + 23, 2),
    };
    if (!zsip_date_seconds(&numbers, utc_s))
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_RANGE, "SIP-date");
    return ZSIP_OK;
}

enum zsip_status zsip_delta_seconds(const uint8_t *base, struct zsip_slice slice, uint32_t *seconds,
                                    struct zsip_fault *fault)
{
    struct zsip_fault ignored;
    uint64_t value = 0;
    const uint8_t *begin = base + slice.offset;
    enum zsip_status status =
        zsip_machine_digits(base, begin, begin + slice.length, UINT32_MAX, &value, "delta-seconds",
                            fault != NULL ? fault : &ignored);
    if (status == ZSIP_OK)
        *seconds = (uint32_t)value;
    return status;
}

%%{
    machine zsip_list_token;
    include zsip_headers "headers.rl";
    action token_end { token_1 = p; }
    action comma { fhold; fbreak; }
    main := token %token_end SWS ( "," @comma )?;
    write data noerror noentry;
}%%

enum zsip_status zsip_machine_list_token(const uint8_t *base, const uint8_t **cursor,
                                         const uint8_t *end, struct zsip_slice *out,
                                         struct zsip_fault *fault)
{
    const uint8_t *p = *cursor, *pe = end, *eof = end, *token_1 = p;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_list_token_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, "list of tokens");
    *out = zsip_slice_between(base, *cursor, token_1);
    *cursor = p;
    return ZSIP_OK;
}

%%{
    machine zsip_list_call_id;
    include zsip_headers "headers.rl";
    action token_end { token_1 = p; }
    action comma { fhold; fbreak; }
    main := callid %token_end SWS ( "," @comma )?;
    write data noerror noentry;
}%%

enum zsip_status zsip_machine_list_call_id(const uint8_t *base, const uint8_t **cursor,
                                           const uint8_t *end, struct zsip_slice *out,
                                           struct zsip_fault *fault)
{
    const uint8_t *p = *cursor, *pe = end, *eof = end, *token_1 = p;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_list_call_id_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, "list of Call-IDs");
    *out = zsip_slice_between(base, *cursor, token_1);
    *cursor = p;
    return ZSIP_OK;
}
