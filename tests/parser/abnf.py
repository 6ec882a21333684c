#!/usr/bin/env python3
"""Makes C of the rules in parser/grammar.rl and headers.rl: a machine for each header field, and
for URIs, start lines and header lines, which say whether a text is legal and nothing else.

usage: abnf.py RAGEL FOLDER_OF_GRAMMAR OUT.c
"""
import pathlib
import subprocess
import sys

FIELDS = """
Accept Accept-Encoding Accept-Language Alert-Info Allow Authorization Authentication-Info Call-ID
Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type
CSeq Date Error-Info Expires From In-Reply-To Max-Forwards Min-Expires Priority Proxy-Authenticate
Proxy-Authorization Proxy-Require Record-Route Reply-To Require Retry-After Route Server Supported
Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate P-Asserted-Identity
P-Preferred-Identity Reason Path Service-Route Refer-To Referred-By SIP-ETag SIP-If-Match Event
Allow-Events Subscription-State Max-Breadth Flow-Timer
""".split()

OTHERS = {
    "uri": "addr_spec",
    "start_line": "Request_Line | Status_Line",
    "line": "extension_header",
}

MACHINE = """
%%{{
    machine abnf_{name};
    include zsip_headers "headers.rl";
    main := {rule};
    write data noerror noentry;
}}%%

static bool abnf_{name}(const uint8_t *p, const uint8_t *pe)
{{
    int cs;
    %% write init;
    %% write exec;
    return cs >= abnf_{name}_first_final;
}}
"""

IS = """
bool abnf_is_{name}(const uint8_t *data, size_t bytes)
{{
    return abnf_{name}(data, data + bytes);
}}
"""


def source():
    text = '#include "tests/parser/abnf.h"\n'
    cases = ""
    for field in FIELDS:
        name = field.replace("-", "_")
        text += MACHINE.format(name=name, rule=name)
        cases += f"    case ZSIP_HEADER_{name.upper()}:\n        return ABNF(abnf_{name});\n"
    for name, rule in OTHERS.items():
        text += MACHINE.format(name=name, rule=rule) + IS.format(name=name)
    return text + f"""
#define ABNF(rule) (rule(data, data + bytes) ? ABNF_LEGAL : ABNF_ILLEGAL)

enum abnf_verdict abnf_judge(enum zsip_header_id id, const uint8_t *data, size_t bytes)
{{
    switch (id) {{
{cases}    default:
        return ABNF_NO_RULE;
    }}
}}
"""


def main():
    ragel, folder, out = sys.argv[1:]
    rules = pathlib.Path(out).with_suffix(".rl")
    rules.write_text(source())
    subprocess.run([ragel, "-T0", "-L", "-I", folder, str(rules), "-o", out], check=True)


if __name__ == "__main__":
    main()
