#!/usr/bin/env python3
"""Writes the completion of zsip for bash from what its --help says, so that the two never disagree.

usage: complete.py FOLDER      with what "zsip help" prints, zsip.txt, and "zsip help COMMAND",
                               COMMAND.txt
"""
import pathlib
import re
import sys

# What an argument's name in the help stands for: words to choose from, or a bash action.
FILES = re.compile(r"(FILE|FILE\.\w+)$")
WORDS = {
    "--without": "gro gso incremental bundles defer multishot",
    "--method": "MESSAGE OPTIONS REGISTER",
}
BEHIND = {"parse": "-A file", "report": "-A file"}

TEMPLATE = """# bash completion for zsip; written from zsip --help.
_zsip()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} words='' action=''
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "%(commands)s --help --version" -- "$word")
        return
    fi
    case $command:$before in
%(arguments)s
    esac
    if [ -z "$words$action" ]; then
        case $command in
%(options)s
        esac
        [[ $word == -* ]] || words=''
    fi
    case $action in
    file) mapfile -t COMPREPLY < <(compgen -A file -- "$word") ;;
    none) ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
    esac
    [ "$action" != none ] && [ ${#COMPREPLY[@]} -eq 0 ] && [[ $word != -* ]] || return 0
    case $command in
%(behind)s
    esac
}
complete -o filenames -F _zsip zsip"""


def text_of(folder, name):
    return (pathlib.Path(folder) / f"{name}.txt").read_text(encoding="utf-8")


def options_of(text):
    """(name, argument or "")."""
    return re.findall(r"^  (--[a-z0-9-]+)(?: (\S+))?(?:  |$)", text, re.MULTILINE)


def value_case(command, name, argument):
    if FILES.match(argument):
        what = "action='file'"
    elif name in WORDS:
        what = f"words='{WORDS[name]}'"
    elif re.fullmatch(r"[a-z0-9]+(\|[a-z0-9]+)+", argument):
        what = f"words='{argument.replace('|', ' ')}'"
    else:
        what = "action='none'"
    return f"    {command}:{name}) {what} ;;"


def main():
    folder = sys.argv[1]
    listing = text_of(folder, "zsip").split("\n\n")[2]
    commands = re.findall(r"^  ([a-z]+)   *\S", listing, re.MULTILINE)
    arguments, options = [], []
    for command in commands:
        if command == "help":
            continue
        listed = options_of(text_of(folder, command))
        names = " ".join(name for name, _ in listed)
        options.append(f"        {command}) words='{names} --help' ;;")
        arguments += [value_case(command, name, argument) for name, argument in listed if argument]
    sources = {**BEHIND, "help": f'-W "{" ".join(commands)}"'}
    behind = [f'    {name}) mapfile -t COMPREPLY < <(compgen {what} -- "$word") ;;'
              for name, what in sources.items() if name in commands]
    print(TEMPLATE % {"commands": " ".join(commands), "arguments": "\n".join(arguments),
                      "options": "\n".join(options), "behind": "\n".join(behind)})


if __name__ == "__main__":
    main()
