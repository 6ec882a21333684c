%%{
    machine zsip_grammar;

    # zsip: the grammar of SIP.
    #
    # RFC 3261 section 25.1, in the RFC's order and with its names ("-" written as "_"), and behind
    # it the rules of the RFCs that extend it. No C and no actions: the machines in the other .rl
    # files import this one, add the marks they need, and own the actions. This file is the one
    # definition of what is legal; the fast paths are tested against the machines made from it.
    #
    # Departures from the letter, each argued in docs/parser.md:
    #   - LWS may fold more than once in a row;
    #   - bytes 0x80 to 0xFF are text wherever UTF8-NONASCII is, well-formed or not;
    #   - IPv6address takes RFC 5954's form and RFC 3261's faulty one (RFC 5118 section 4.10);
    #   - an IPv6 reference in an unknown parameter is only roughly one;
    #   - a display name of tokens may touch its "<" (RFC 4475 section 3.1.1.6).
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
    LHEX = DIGIT | [a-f];
    token_char = alphanum | [\-.!%*_+`'~];
    token = token_char+;
    word_char = alphanum | [\-.!%*_+`'~()<>:\\"/\[\]?{}];
    word = word_char+;

    STAR = SWS "*" SWS;
    SLASH = SWS "/" SWS;
    EQUAL = SWS "=" SWS;
    COMMA = SWS "," SWS;
    SEMI = SWS ";" SWS;
    COLON = SWS ":" SWS;

    quoted_pair = "\\" ( 0x00..0x09 | 0x0B..0x0C | 0x0E..0x7F );
    qdtext = LWS | 0x21 | 0x23..0x5B | 0x5D..0x7E | UTF8_NONASCII;
    # Without the SWS that the RFC's rule begins with, so that a mark at its start is on the quote.
    quoted_string = DQUOTE ( qdtext | quoted_pair )* DQUOTE;
    # A comment may hold comments; four deep is more than anyone writes, and a regular machine has
    # to end somewhere.
    ctext = 0x21..0x27 | 0x2A..0x5B | 0x5D..0x7E | UTF8_NONASCII | LWS;
    comment_3 = "(" ( ctext | quoted_pair )* ")";
    comment_2 = "(" ( ctext | quoted_pair | comment_3 )* ")";
    comment_1 = "(" ( ctext | quoted_pair | comment_2 )* ")";
    comment = "(" ( ctext | quoted_pair | comment_1 )* ")";

    # ---- RFC 3261 section 25.1: SIP-URI ----

    user_unreserved = [&=+$,;?/];
    user = ( unreserved | escaped | user_unreserved )+;
    password = ( unreserved | escaped | [&=+$,] )*;
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
    # Everything a host can be written with; the machines below a URI or a Via mark this much and
    # leave the verdict to the host machine, which exists once.
    host_text = ( alphanum | [\-.] )+ | "[" ( HEXDIG | [:.] )+ "]";

    param_unreserved = [\[\]/:&+$];
    paramchar = param_unreserved | unreserved | escaped;
    pname = paramchar+;
    pvalue = paramchar+;
    uri_parameter = pname ( "=" pvalue )?;
    hnv_unreserved = [\[\]/?:+$];
    hname = ( hnv_unreserved | unreserved | escaped )+;
    hvalue = ( hnv_unreserved | unreserved | escaped )*;
    header = hname "=" hvalue;

    # ---- RFC 3261 section 25.1: absoluteURI, without the schemes that have rules of their own ----

    uric = reserved | unreserved | escaped | [\[\]];
    scheme = ALPHA ( ALPHA | DIGIT | [+\-.] )*;
    known_scheme = "sip"i | "sips"i | "tel"i | "im"i;
    other_scheme = scheme - known_scheme;

    # ---- RFC 3966 section 3: tel URIs, alone and as the user of a SIP URI ----

    phonedigit = DIGIT | [\-.()];
    global_number_digits = "+" phonedigit* DIGIT phonedigit*;
    visual_separator = [\-.()];
    local_number_digits = visual_separator* ( HEXDIG | [*#] ) ( HEXDIG | [*#] | visual_separator )*;
    telephone_number = global_number_digits | local_number_digits;
    tel_pname = ( alphanum | "-" )+;
    tel_parameter = ";" tel_pname ( "=" pvalue )?;
    # Inside a SIP URI the colon and brackets of a parameter's value have to be escaped, else they
    # could not be told from the password (RFC 3261 section 19.1.6).
    tel_user_parameter = ";" tel_pname ( "=" ( unreserved | escaped | [/&+$] )+ )?;
    telephone_subscriber = telephone_number tel_user_parameter*;

    # ---- RFC 3261 section 25.1: messages ----

    Method = token;
    header_name = token;
    # gen-value = token / host / quoted-string, where every hostname and IPv4address is a token too.
    # What stands between the brackets of a parameter that nobody knows is not looked into.
    gen_value = token | "[" ( HEXDIG | [:.] )+ "]" | quoted_string;
    generic_param = token ( EQUAL gen_value )?;
    delta_seconds = DIGIT+;

    # ---- RFC 3261 section 25.1: header fields, in the RFC's order ----

    media_range_star = "*";
    m_type = token;
    m_subtype = token;
    m_value = token | quoted_string;
    m_parameter = token EQUAL m_value;
    qvalue = "0" ( "." DIGIT{0,3} )? | "1" ( "." "0"{0,3} )?;
    callid = word ( "@" word )?;
    wkday = "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun";
    month = "Jan" | "Feb" | "Mar" | "Apr" | "May" | "Jun" | "Jul" | "Aug" | "Sep" | "Oct" | "Nov" |
            "Dec";
    ttl = DIGIT{1,3};
    transport = token;
    protocol_name = token;
    protocol_version = token;
}%%
