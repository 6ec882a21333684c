%%{
    machine zsip_headers;

    # zsip: the grammar of SIP's header fields.
    #
    # RFC 3261 section 25.1, in the RFC's order and with its names (as grammar.rl says), and behind
    # it the RFCs that extend it. A field's rule stands for what follows its name and HCOLON. What
    # one value of a list is has the RFC's name too; the machines read values one by one.
    #
    # Departures from the letter, each argued in docs/parser.md:
    #   - a display name of tokens may touch its "<" (RFC 4475 section 3.1.1.6);
    #   - a tag has a token for its value, and so have the parameters of a Via that mean something:
    #     generic-param does not take what their own rules refuse;
    #   - received may be an IPv6 reference (RFC 5118 section 4.5);
    #   - a language is any token: RFC 5646 has digits in its tags, which came after RFC 3261;
    #   - auth-param takes a value without the quotes that its rule asks for;
    #   - header-value may hold quoted-pairs, as the fields that have quoted strings do.
    #
    # SPDX-License-Identifier: MIT
    include zsip_grammar "grammar.rl";

    # ---- RFC 3261 section 25.1 ----

    m_type = token;
    m_subtype = token;
    m_attribute = token;
    m_value = token | quoted_string;
    m_parameter = m_attribute EQUAL m_value;
    media_range = ( "*/*" | m_type SLASH "*" | m_type SLASH m_subtype ) ( SEMI m_parameter )*;
    qvalue = "0" ( "." DIGIT{0,3} )? | "1" ( "." "0"{0,3} )?;
    # gen-value = token / host / quoted-string, where every hostname and IPv4address is a token too.
    # What stands between the brackets of a parameter that nobody knows is not looked into.
    gen_value = token | "[" ( HEXDIG | [:.] )+ "]" | quoted_string;
    generic_param = token ( EQUAL gen_value )?;
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

    alert_param = LAQUOT ( SIP_URI | SIPS_URI | telephone_uri | im_URI | absoluteURI ) RAQUOT
                  ( SEMI generic_param )*;
    Alert_Info = alert_param ( COMMA alert_param )*;

    Allow = ( Method ( COMMA Method )* )?;

    auth_scheme = token;
    auth_param_name = token;
    auth_text = ( 0x21..0x7E - [",] )+;
    auth_value = token | quoted_string | auth_text;
    auth_param = auth_param_name EQUAL auth_value;
    # username, realm, nonce, digest-uri, dresponse, algorithm, cnonce, opaque, message-qop and
    # nonce-count, and the userhash of RFC 7616 section 3.4, are auth-params all; which of them
    # means what is in names.h, that none stands twice and what nc holds in auth.c.
    dig_resp = auth_param;
    digest_response = dig_resp ( COMMA dig_resp )*;
    # Of a scheme that is not Digest the rest is opaque: what Basic has there is no auth-param.
    opaque_rest = any+;
    other_response = ( auth_scheme - "Digest"i ) LWS ( opaque_rest - ( LWS any* ) )?;
    credentials = "Digest"i LWS digest_response | other_response;
    Authorization = credentials;
    # nextnonce, message-qop, response-auth, cnonce and nonce-count, likewise.
    ainfo = auth_param;
    Authentication_Info = ainfo ( COMMA ainfo )*;

    callid = word ( "@" word )?;
    Call_ID = callid;
    info = alert_param;
    Call_Info = info ( COMMA info )*;

    # The RFC wants LWS behind the last token, too (RFC 4475 section 3.1.1.6).
    display_name = token ( LWS token )* | quoted_string;
    addr_spec = SIP_URI | SIPS_URI | telephone_uri | im_URI | absoluteURI;
    name_addr = display_name? LAQUOT addr_spec RAQUOT;
    # Without brackets, what follows a comma, question mark or semicolon is no part of the URI
    # (section 20.10).
    addr_spec_bare = addr_spec & ( any - [,;?] )*;
    delta_seconds = DIGIT+;
    c_p_q = "q"i EQUAL qvalue;
    c_p_expires = "expires"i EQUAL delta_seconds;
    # RFC 5626 section 10: what generic-param has the form of, too.
    c_p_reg = "reg-id"i EQUAL DIGIT+;
    c_p_instance = "+sip.instance"i EQUAL DQUOTE "<" uric+ ">" DQUOTE;
    # Of From and To, and of all that is shaped like them.
    tag_param = "tag"i EQUAL token;
    untagged_param = ( token - "tag"i ) ( EQUAL gen_value )?;
    contact_extension = tag_param | untagged_param;
    contact_params = c_p_q | c_p_expires | c_p_reg | c_p_instance | contact_extension;
    contact_param = ( name_addr | addr_spec_bare ) ( SEMI contact_params )*;
    Contact = "*" | contact_param ( COMMA contact_param )*;

    disp_type = token;
    handling_param = "handling"i EQUAL token;
    disp_param = handling_param | generic_param;
    Content_Disposition = disp_type ( SEMI disp_param )*;
    Content_Encoding = content_coding ( COMMA content_coding )*;
    language_tag = token;
    Content_Language = language_tag ( COMMA language_tag )*;
    Content_Length = DIGIT+;
    media_type = m_type SLASH m_subtype ( SEMI m_parameter )*;
    Content_Type = media_type;

    CSeq = DIGIT+ LWS Method;

    wkday = "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun";
    month = "Jan" | "Feb" | "Mar" | "Apr" | "May" | "Jun" | "Jul" | "Aug" | "Sep" | "Oct" | "Nov" |
            "Dec";
    date1 = DIGIT{2} SP month SP DIGIT{4};
    time = DIGIT{2} ":" DIGIT{2} ":" DIGIT{2};
    rfc1123_date = wkday "," SP date1 SP time SP "GMT";
    SIP_date = rfc1123_date;
    Date = SIP_date;

    error_uri = alert_param;
    Error_Info = error_uri ( COMMA error_uri )*;
    Expires = delta_seconds;
    from_param = tag_param | untagged_param;
    from_spec = ( name_addr | addr_spec_bare ) ( SEMI from_param )*;
    From = from_spec;
    In_Reply_To = callid ( COMMA callid )*;
    Max_Forwards = DIGIT+;
    MIME_Version = DIGIT+ "." DIGIT+;
    Min_Expires = delta_seconds;
    Organization = TEXT_UTF8_TRIM?;

    priority_value = token;
    Priority = priority_value;
    # realm, domain, nonce, opaque, stale, algorithm and qop-options, and the charset and userhash
    # of RFC 7616 section 3.3.
    digest_cln = auth_param;
    other_challenge = other_response;
    challenge = "Digest"i LWS digest_cln ( COMMA digest_cln )* | other_challenge;
    Proxy_Authenticate = challenge;
    Proxy_Authorization = credentials;

    option_tag = token;
    Proxy_Require = option_tag ( COMMA option_tag )*;
    rr_param = tag_param | untagged_param;
    rec_route = name_addr ( SEMI rr_param )*;
    Record_Route = rec_route ( COMMA rec_route )*;
    rplyto_param = tag_param | untagged_param;
    rplyto_spec = ( name_addr | addr_spec_bare ) ( SEMI rplyto_param )*;
    Reply_To = rplyto_spec;
    Require = option_tag ( COMMA option_tag )*;

    retry_param = "duration"i EQUAL delta_seconds | generic_param;
    Retry_After = delta_seconds ( SWS comment )? ( SEMI retry_param )*;
    route_param = name_addr ( SEMI rr_param )*;
    Route = route_param ( COMMA route_param )*;

    product_version = token;
    product = token ( SLASH product_version )?;
    server_val = product | comment;
    Server = server_val ( LWS server_val )*;
    Subject = TEXT_UTF8_TRIM?;

    Supported = ( option_tag ( COMMA option_tag )* )?;
    delay = DIGIT* ( "." DIGIT* )?;
    Timestamp = DIGIT+ ( "." DIGIT* )? ( LWS delay )?;
    to_param = tag_param | untagged_param;
    To = ( name_addr | addr_spec_bare ) ( SEMI to_param )*;
    Unsupported = option_tag ( COMMA option_tag )*;
    User_Agent = server_val ( LWS server_val )*;

    ttl = DIGIT{1,3};
    via_ttl = "ttl"i EQUAL ttl;
    via_maddr = "maddr"i EQUAL host;
    via_received = "received"i EQUAL ( IPv4address | IPv6address | IPv6reference );
    via_branch = "branch"i EQUAL token;
    # RFC 3581 section 3, RFC 5923 section 10.1.
    response_port = "rport"i ( EQUAL DIGIT+ )?;
    via_alias = "alias"i;
    # RFC 7339 section 9: what via-extension has the form of, too; zsip_via_overload() reads them.
    oc_num = DIGIT+;
    delta_ms = DIGIT+;
    oc = "oc"i ( EQUAL oc_num )?;
    oc_validity = "oc-validity"i ( EQUAL delta_ms )?;
    oc_seq = "oc-seq"i EQUAL DIGIT{1,12} "." DIGIT{1,5};
    oc_algo = "oc-algo"i EQUAL DQUOTE alphanum* ( COMMA alphanum* )* DQUOTE;
    via_known = "ttl"i | "maddr"i | "received"i | "branch"i | "rport"i | "alias"i;
    via_extension = ( token - via_known ) ( EQUAL gen_value )?;
    via_params = via_ttl | via_maddr | via_received | via_branch | response_port | via_alias |
                 oc | oc_validity | oc_seq | oc_algo | via_extension;
    protocol_name = token;
    protocol_version = token;
    transport = token;
    sent_protocol = protocol_name SLASH protocol_version SLASH transport;
    sent_by = host ( COLON port )?;
    via_parm = sent_protocol LWS sent_by ( SEMI via_params )*;
    Via = via_parm ( COMMA via_parm )*;

    warn_code = DIGIT{3};
    pseudonym = token;
    # host_text stands for host: it is not asked where a Warning came from.
    warn_agent = host_text ( ":" port )? | pseudonym;
    warn_text = quoted_string;
    # quoted-string begins with SWS: see grammar.rl.
    warning_value = warn_code SP warn_agent SP SWS warn_text;
    Warning = warning_value ( COMMA warning_value )*;
    WWW_Authenticate = challenge;

    header_name = token;
    # Whether a backslash escapes what follows is asked from the value's beginning on.
    header_value = ( ( TEXT_UTF8char - "\\" ) | LWS | quoted_pair |
                     "\\" ( UTF8_NONASCII | CRLF WSP ) )* "\\"?;
    extension_header = header_name HCOLON header_value;

    # ---- RFC 3323 section 4.2 ----

    priv_value = token;
    Privacy = priv_value ( SEMI priv_value )*;

    # ---- RFC 3325 section 9, where the values have no parameters ----

    PAssertedID_value = from_spec;
    P_Asserted_Identity = PAssertedID_value ( COMMA PAssertedID_value )*;
    PPreferredID_value = from_spec;
    P_Preferred_Identity = PPreferredID_value ( COMMA PPreferredID_value )*;

    # ---- RFC 3326 section 2 ----

    protocol_cause = "cause"i EQUAL DIGIT+;
    reason_text = "text"i EQUAL quoted_string;
    reason_extension = generic_param;
    reason_params = protocol_cause | reason_text | reason_extension;
    reason_value = token ( SEMI reason_params )*;
    Reason = reason_value ( COMMA reason_value )*;

    # ---- RFC 3327 section 4, RFC 3608 section 5 ----

    path_value = name_addr ( SEMI rr_param )*;
    Path = path_value ( COMMA path_value )*;
    sr_value = name_addr ( SEMI rr_param )*;
    Service_Route = sr_value ( COMMA sr_value )*;

    # ---- RFC 3515 section 2.1, RFC 3892 section 3 ----

    Refer_To = from_spec;
    Referred_By = from_spec;

    # ---- RFC 3903 section 11.3, RFC 6665 section 8.4 ----

    SIP_ETag = token;
    SIP_If_Match = token;
    # With its dots.
    event_type = token;
    Event = event_type ( SEMI generic_param )*;
    Allow_Events = event_type ( COMMA event_type )*;
    substate_value = token;
    Subscription_State = substate_value ( SEMI generic_param )*;

    # ---- RFC 5393 section 5.3, RFC 5626 section 10 ----

    Max_Breadth = DIGIT+;
    Flow_Timer = DIGIT+;
}%%
