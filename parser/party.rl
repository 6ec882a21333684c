/* zsip: one value shaped like From and To: name-addr or addr-spec, with parameters.
 *
 * SPDX-License-Identifier: MIT
 */
#include "parser/parser.h"

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

%%{
    machine zsip_party;
    include zsip_headers "headers.rl";

    action display_end { display_1 = p; }
    action uri_begin { uri_0 = p; }
    action uri_end { uri_1 = p; }
    action laquot { display_0 = begin; uri_0 = p + 1; rule = PARTY_URI; }
    action raquot { uri_1 = p; params_1 = p + 1; rule = PARTY_PARAMETER; }
    action params_begin { if (params_0 == NULL) params_0 = p; rule = PARTY_PARAMETER; }
    action params_end { params_1 = p; }
    action tag_begin { value_0 = p; rule = PARTY_TAG; }
    action tag { twice |= tag_0 != NULL; tag_0 = value_0; tag_1 = p; }
    action comma { fhold; fbreak; }

    # ---- RFC 3261 section 25.1 ----

    # What a URI can be made of; whether it is one, the URI machine says.
    uri_char = 0x21..0x7E - [<>"];
    addr_spec_bare_marked = ( scheme ":" ( uri_char - [,;?] )+ ) >uri_begin %uri_end;
    display_name_marked = token %display_end ( LWS token %display_end )* |
                          quoted_string %display_end;
    name_addr_marked = ( display_name_marked SWS )? ( "<" @laquot ) uri_char+ ( ">" @raquot );
    tag_param_marked = "tag"i EQUAL token >tag_begin %tag;

    main := ( name_addr_marked | addr_spec_bare_marked )
            ( SWS ( ";" >params_begin ) SWS ( tag_param_marked | untagged_param ) %params_end )*
            SWS ( "," @comma )?;

    write data noerror noentry;
}%%

enum party_rule {
    PARTY_VALUE,
    PARTY_URI,
    PARTY_PARAMETER,
    PARTY_TAG,
    PARTY_TAG_TWICE,
    PARTY_RULE_COUNT,
};

/* From and To are the ones whose faults end up in a reason phrase. */
static const char *rule_name(enum zsip_header_id field, enum party_rule rule)
{
    static const char *const names[3][PARTY_RULE_COUNT] = {
        {"name-addr", "URI", "parameter", "tag", "tag twice"},
        {"From", "From URI", "From parameter", "From tag", "From tag twice"},
        {"To", "To URI", "To parameter", "To tag", "To tag twice"},
    };
    return names[field == ZSIP_HEADER_FROM ? 1 : field == ZSIP_HEADER_TO ? 2 : 0][rule];
}

enum zsip_status zsip_machine_party(const uint8_t *base, const uint8_t **cursor, const uint8_t *end,
                                    enum zsip_header_id field, struct zsip_party *out,
                                    struct zsip_fault *fault)
{
    const uint8_t *begin = *cursor, *p = begin, *pe = end, *eof = end;
    const uint8_t *display_0 = NULL, *display_1 = p, *uri_0 = p, *uri_1 = p, *params_0 = NULL;
    const uint8_t *params_1 = NULL, *value_0 = p, *tag_0 = NULL, *tag_1 = p;
    enum party_rule rule = PARTY_VALUE;
    struct zsip_uri uri;
    bool twice = false;
    int cs;

    %% write init;
    %% write exec;

    if (cs < zsip_party_first_final)
        return zsip_fault_set(fault, base, p, ZSIP_ERROR_SYNTAX, rule_name(field, rule));
    if (twice)
        return zsip_fault_set(fault, base, begin, ZSIP_ERROR_SYNTAX,
                              rule_name(field, PARTY_TAG_TWICE));
    enum zsip_status status = zsip_machine_uri(base, uri_0, uri_1, &uri, fault);
    if (status != ZSIP_OK) {
        fault->rule = rule_name(field, PARTY_URI);
        return status;
    }
    *out = (struct zsip_party){
        .whole = zsip_slice_between(base, begin, params_1 != NULL ? params_1 : uri_1),
        .uri = zsip_slice_between(base, uri_0, uri_1),
    };
    if (display_0 != NULL && display_1 > display_0)
        out->display = zsip_slice_between(base, display_0, display_1);
    if (params_0 != NULL)
        out->params = zsip_slice_between(base, params_0, params_1);
    if (tag_0 != NULL)
        out->tag = zsip_slice_between(base, tag_0, tag_1);
    *cursor = p;
    return ZSIP_OK;
}
