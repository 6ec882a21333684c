#!/usr/bin/env python3
"""Makes C of the rules in parser/headers.rl: one machine a header field, which says whether a value
is legal and nothing else.

usage: abnf.py RAGEL FOLDER_OF_GRAMMAR OUT.c
"""
import pathlib
import subprocess
import sys

FIELDS = """
Accept Accept-Encoding Accept-Language Allow Authorization Authentication-Info Content-Disposition
Content-Encoding Content-Language Date Expires In-Reply-To Min-Expires Priority Proxy-Authenticate
Proxy-Authorization Proxy-Require Require Retry-After Server Supported Timestamp Unsupported
User-Agent Warning WWW-Authenticate Reason SIP-ETag SIP-If-Match Event Allow-Events
Subscription-State Max-Breadth Flow-Timer
""".split()

MACHINE = """
%%{{
    machine abnf_{name};
    include zsip_headers "headers.rl";
    main := {name};
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


def source():
    text = '#include "tests/parser/abnf.h"\n'
    cases = ""
    for field in FIELDS:
        name = field.replace("-", "_")
        text += MACHINE.format(name=name)
        cases += f"    case ZSIP_HEADER_{name.upper()}:\n        return ABNF(abnf_{name});\n"
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
