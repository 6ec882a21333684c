%%{
    machine zsip_grammar;

    # zsip: the grammar of SIP up to the header fields, which are in headers.rl.
    #
    # RFC 3261 section 25.1, in the RFC's order and with its names ("-" written as "_"; a rule
    # stands behind those it needs), and the rules of the RFCs that extend it beside those they
    # extend. No C, no actions: the machines in the other .rl files import these rules and own the
    # marks. Where a mark has to stand inside a rule, the machine writes that rule out again as
    # NAME_marked; the test "parser abnf" holds what is read to the rule here, value by value, and
    # "parser rules" holds names and order to the RFC's.
    #
    # Departures from the letter, each argued in docs/parser.md:
    #   - LWS may fold more than once in a row;
    #   - bytes 0x80 to 0xFF are text wherever UTF8-NONASCII is, well-formed or not;
    #   - IPv6address takes RFC 5954's form and RFC 3261's faulty one (RFC 5118 section 4.10);
    #   - an IPv6 reference in an unknown parameter is only roughly one;
    #   - no part of an absoluteURI is asked for but its scheme, and brackets may stand in all;
    #   - a URI parameter has the value of other-param, whatever its name;
    #   - no header fields in a Request-URI; any text in a Reason-Phrase, and no SP before an empty
    #     one.
    #
    # SPDX-License-Identifier: MIT
    alphtype unsigned char;

    # ---- RFC 3261 section 25.1: basic rules ----

    ALPHA = [A-Za-z];
    DIGIT = [0-9];
    HEXDIG = [0-9A-Fa-f];
    SP = " ";
    HTAB = "\t";
    DQUOTE = '"';
    CRLF = "\r\n";
    WSP = SP | HTAB;

    alphanum = ALPHA | DIGIT;
    reserved = [;/?:@&=+$,];
    mark = [\-_.!~*'()];
    unreserved = alphanum | mark;
    escaped = "%" HEXDIG HEXDIG;

    LWS = ( WSP | CRLF WSP )+;
    SWS = LWS?;
    HCOLON = WSP* ":" SWS;
    UTF8_NONASCII = 0x80..0xFF;
    TEXT_UTF8char = 0x21..0x7E | UTF8_NONASCII;
    TEXT_UTF8_TRIM = TEXT_UTF8char+ ( LWS TEXT_UTF8char+ )*;
    token_char = alphanum | [\-.!%*_+`'~];
    token = token_char+;
    word_char = alphanum | [\-.!%*_+`'~()<>:\\"/\[\]?{}];
    word = word_char+;

    SLASH = SWS "/" SWS;
    EQUAL = SWS "=" SWS;
    RAQUOT = ">" SWS;
    LAQUOT = SWS "<";
    COMMA = SWS "," SWS;
    SEMI = SWS ";" SWS;
    COLON = SWS ":" SWS;

    quoted_pair = "\\" ( 0x00..0x09 | 0x0B..0x0C | 0x0E..0x7F );
    # A comment may hold comments; four deep is more than anyone writes, and a regular machine has
    # to end somewhere. Comments and quoted strings come without the SWS that their rules begin and
    # end with, so that marks stand on their brackets and quotes.
    ctext = 0x21..0x27 | 0x2A..0x5B | 0x5D..0x7E | UTF8_NONASCII | LWS;
    comment_3 = "(" ( ctext | quoted_pair )* ")";
    comment_2 = "(" ( ctext | quoted_pair | comment_3 )* ")";
    comment_1 = "(" ( ctext | quoted_pair | comment_2 )* ")";
    comment = "(" ( ctext | quoted_pair | comment_1 )* ")";
    qdtext = LWS | 0x21 | 0x23..0x5B | 0x5D..0x7E | UTF8_NONASCII;
    quoted_string = DQUOTE ( qdtext | quoted_pair )* DQUOTE;

    # ---- RFC 3261 section 25.1: SIP-URI ----

    user_unreserved = [&=+$,;?/];
    user = ( unreserved | escaped | user_unreserved )+;
    password = ( unreserved | escaped | [&=+$,] )*;
    # RFC 3966 section 3: telephone numbers, alone and as the user of a SIP URI.
    phonedigit = DIGIT | [\-.()];
    global_number_digits = "+" phonedigit* DIGIT phonedigit*;
    visual_separator = [\-.()];
    local_number_digits = visual_separator* ( HEXDIG | [*#] ) ( HEXDIG | [*#] | visual_separator )*;
    telephone_number = global_number_digits | local_number_digits;
    tel_pname = ( alphanum | "-" )+;
    # Inside a SIP URI the colon and brackets of a parameter's value have to be escaped, else they
    # could not be told from the password (RFC 3261 section 19.1.6).
    tel_user_parameter = ";" tel_pname ( "=" ( unreserved | escaped | [/&+$] )+ )?;
    telephone_subscriber = telephone_number tel_user_parameter*;
    userinfo = ( user | telephone_subscriber ) ( ":" password )? "@";

    domainlabel = alphanum ( ( alphanum | "-" )* alphanum )?;
    toplabel = ALPHA ( ( alphanum | "-" )* alphanum )?;
    hostname = ( domainlabel "." )* toplabel "."?;
    IPv4address = DIGIT{1,3} "." DIGIT{1,3} "." DIGIT{1,3} "." DIGIT{1,3};
    hex4 = HEXDIG{1,4};
    hexseq = hex4 ( ":" hex4 )*;
    hexpart = hexseq | hexseq "::" hexseq? | "::" hexseq?;
    # RFC 5954 section 4.1 beside the rule it corrects. Whether the groups add up to 128 bits is
    # found when the text is turned into an address.
    IPv6address = hexpart ( ":" IPv4address )? | hexseq? "::" ( hexseq ":" )? IPv4address;
    IPv6reference = "[" IPv6address "]";
    host = hostname | IPv4address | IPv6reference;
    port = DIGIT+;
    hostport = host ( ":" port )?;
    # Everything a host can be written with; the machines of URIs and Via mark this much and leave
    # the verdict to the host machine, which exists once.
    host_text = ( alphanum | [\-.] )+ | "[" ( HEXDIG | [:.] )+ "]";

    param_unreserved = [\[\]/:&+$];
    paramchar = param_unreserved | unreserved | escaped;
    pname = paramchar+;
    pvalue = paramchar+;
    # transport-param, user-param, method-param, ttl-param, maddr-param and lr-param of the RFC's
    # rule, and the ob of RFC 5626, are all of this form; who reads one judges its value.
    other_param = pname ( "=" pvalue )?;
    uri_parameter = other_param;
    uri_parameters = ( ";" uri_parameter )*;
    hnv_unreserved = [\[\]/?:+$];
    hname = ( hnv_unreserved | unreserved | escaped )+;
    hvalue = ( hnv_unreserved | unreserved | escaped )*;
    header = hname "=" hvalue;
    headers = "?" header ( "&" header )*;

    SIP_URI = "sip"i ":" userinfo? hostport uri_parameters headers?;
    SIPS_URI = "sips"i ":" userinfo? hostport uri_parameters headers?;
    # RFC 3966 section 3, and RFC 3860 section 3 ("im:" [ to ] [ headers ]), read like a SIP URI.
    telephone_uri = "tel"i ":" telephone_number ( ";" tel_pname ( "=" pvalue )? )*;
    im_URI = "im"i ":" userinfo? hostport uri_parameters headers?;

    # ---- RFC 3261 section 25.1: Request and Response, without their CRLF ----

    # Of the schemes that have no rule of their own. hier-part, which begins with a slash, and
    # opaque-part, which does not, are together one uric or more.
    uric = reserved | unreserved | escaped | [\[\]];
    scheme = ALPHA ( ALPHA | DIGIT | [+\-.] )*;
    known_scheme = "sip"i | "sips"i | "tel"i | "im"i;
    other_scheme = scheme - known_scheme;
    absoluteURI = other_scheme ":" uric+;

    Request_URI = ( "sip"i | "sips"i | "im"i ) ":" userinfo? hostport uri_parameters |
                  telephone_uri | absoluteURI;
    SIP_Version = "SIP"i "/" DIGIT+ "." DIGIT+;
    # The methods that have a name are in ZSIP_METHOD_MAP (include/zsip/parser.h).
    extension_method = token;
    Method = extension_method;
    Request_Line = Method SP Request_URI SP SIP_Version;

    extension_code = DIGIT{3};
    Status_Code = extension_code;
    Reason_Phrase = ( SP | HTAB | TEXT_UTF8char )*;
    Status_Line = SIP_Version SP Status_Code ( SP Reason_Phrase )?;
}%%
