%%{
    machine zsip_headers;

    # zsip: the header fields that are read on demand.
    #
    # RFC 3261 section 25.1, in the RFC's order and with its names ("-" written as "_"), and behind
    # it the RFCs that extend it. A rule stands for what follows a field's name and HCOLON. No C and
    # no actions: the machines that read these fields (values.rl, lists.rl) have marks inside their
    # rules, so they write them out again; the test "parser abnf" holds each of them to the rule
    # here, value by value. What judges every message (Via, From, To, Contact and their like, the
    # start line) is in via.rl, party.rl, uri.rl and start.rl, and held to the reference parser.
    #
    # Departures from the letter, each argued in docs/parser.md:
    #   - a language is any token: RFC 5646 has digits in its tags, which came after RFC 3261;
    #   - auth-param takes a value without the quotes that its rule asks for.
    #
    # SPDX-License-Identifier: MIT
    include zsip_grammar "grammar.rl";

    # ---- RFC 3261 section 25.1 ----

    m_attribute = token;
    media_range = ( "*/*" | m_type SLASH "*" | m_type SLASH m_subtype ) ( SEMI m_parameter )*;
    accept_param = "q"i EQUAL qvalue | generic_param;
    accept_range = media_range ( SEMI accept_param )*;
    Accept = ( accept_range ( COMMA accept_range )* )?;

    content_coding = token;
    codings = content_coding | "*";
    encoding = codings ( SEMI accept_param )*;
    Accept_Encoding = ( encoding ( COMMA encoding )* )?;

    language_range = token | "*";
    language = language_range ( SEMI accept_param )*;
    Accept_Language = ( language ( COMMA language )* )?;

    Allow = ( Method ( COMMA Method )* )?;

    auth_scheme = token;
    auth_param_name = token;
    auth_text = ( 0x21..0x7E - [",] )+;
    auth_param = auth_param_name EQUAL ( token | quoted_string | auth_text );
    other_response = auth_scheme LWS auth_param ( COMMA auth_param )*;
    # dig-resp and digest-cln are auth-params all; which of them means what is in names.h, that none
    # stands twice and what nc holds in auth.c. Of a scheme that is not Digest the rest is opaque.
    digest = "Digest"i LWS auth_param ( COMMA auth_param )*;
    opaque_rest = any+;
    other_scheme_response = ( auth_scheme - "Digest"i ) LWS ( opaque_rest - ( LWS any* ) )?;
    credentials = digest | other_scheme_response;
    Authorization = credentials;
    ainfo = auth_param;
    Authentication_Info = ainfo ( COMMA ainfo )*;

    disp_type = token;
    handling_param = "handling"i EQUAL token;
    disp_param = handling_param | generic_param;
    Content_Disposition = disp_type ( SEMI disp_param )*;
    Content_Encoding = content_coding ( COMMA content_coding )*;
    language_tag = token;
    Content_Language = language_tag ( COMMA language_tag )*;

    date1 = DIGIT{2} SP month SP DIGIT{4};
    time = DIGIT{2} ":" DIGIT{2} ":" DIGIT{2};
    rfc1123_date = wkday "," SP date1 SP time SP "GMT";
    SIP_date = rfc1123_date;
    Date = SIP_date;

    Expires = delta_seconds;
    In_Reply_To = callid ( COMMA callid )*;
    Min_Expires = delta_seconds;

    priority_value = token;
    Priority = priority_value;
    challenge = credentials;
    Proxy_Authenticate = challenge;
    Proxy_Authorization = credentials;

    option_tag = token;
    Proxy_Require = option_tag ( COMMA option_tag )*;
    Require = option_tag ( COMMA option_tag )*;

    retry_param = "duration"i EQUAL delta_seconds | generic_param;
    Retry_After = delta_seconds ( SWS comment )? ( SEMI retry_param )*;

    product_version = token;
    product = token ( SLASH product_version )?;
    server_val = product | comment;
    Server = server_val ( LWS server_val )*;

    Supported = ( option_tag ( COMMA option_tag )* )?;
    delay = DIGIT* ( "." DIGIT* )?;
    Timestamp = DIGIT+ ( "." DIGIT* )? ( LWS delay )?;
    Unsupported = option_tag ( COMMA option_tag )*;
    User_Agent = server_val ( LWS server_val )*;

    warn_code = DIGIT{3};
    pseudonym = token;
    # host_text stands for host: it is not asked where a Warning came from.
    warn_agent = host_text ( ":" port )? | pseudonym;
    warn_text = quoted_string;
    warning_value = warn_code SP warn_agent SP warn_text;
    Warning = warning_value ( COMMA warning_value )*;
    WWW_Authenticate = challenge;

    # ---- RFC 3326 section 2 ----

    reason_value = token ( SEMI generic_param )*;
    Reason = reason_value ( COMMA reason_value )*;

    # ---- RFC 3903 section 11.3, RFC 6665 section 8.4 ----

    SIP_ETag = token;
    SIP_If_Match = token;
    event_type = token;
    Event = event_type ( SEMI generic_param )*;
    Allow_Events = event_type ( COMMA event_type )*;
    substate_value = token;
    Subscription_State = substate_value ( SEMI generic_param )*;

    # ---- RFC 5393 section 5.3, RFC 5626 section 10 ----

    Max_Breadth = DIGIT+;
    Flow_Timer = DIGIT+;
}%%
