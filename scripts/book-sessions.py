#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Replays the console sessions of the book in the guest.

A session is a block of docs/book/src with the label `console`. Each of its lines that begins
with the guest's prompt is a command; the other lines are what the guest prints, and are written
by this script. A comment `<!-- guest: COMMAND -->` between two blocks is a command that the
reader does not see, to wait for something or to type on the guest's keyboard
(qemu/tour/functions). All chapters share one boot. Each begins with an empty kernel log, and
has to leave no module behind.

What differs from one run to the next is replaced by N: see book_varies.py.

With DEBUG=1 it takes the blocks with the label `console,debug` and the commands
`<!-- debug: COMMAND -->` instead, in the debug guest, whose kernel may complain: of some faults
once, so each chapter has a boot of its own. With --gdb those with the label `console,gdb`, and
the commands `<!-- gdb: COMMAND -->`: lines that begin with gdb's prompt are commands for a gdb
outside the guest; it comes when the guest has come to its block, and the guest does not wait
for it (book_gdb.py).

Usage: [DEBUG=1] scripts/book-sessions.py [--gdb] [--check]
With --check nothing is written, and a difference is an error.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import book_gdb
from book_gdb import MARK
from book_varies import steady

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.join(TOP, "docs/book/src")
DEBUG = os.environ.get("DEBUG") == "1"
GDB = "--gdb" in sys.argv
MODE = "gdb" if GDB else "debug" if DEBUG else "guest"
LABEL = "```console" if MODE == "guest" else f"```console,{MODE}"
PROMPT = "guest# "
HIDDEN = re.compile(f"<!-- {MODE}: (.*) -->$")


def parse(path):
    """Splits a chapter into what is text, a list of lines, and what is a session: the same,
    of the lines between its fences."""
    parts, inside = [("text", [])], False
    for line in open(path, encoding="utf-8").read().splitlines():
        if inside and line == "```":
            parts.append(("text", []))
            inside = False
        parts[-1][1].append(line)
        if line == LABEL:
            parts.append(("session", []))
            inside = True
    assert not inside, f"{path}: a session does not end"
    return parts


def commands(kind, lines):
    """Returns the commands of a part."""
    if kind == "session":
        return [line[len(PROMPT) :] for line in lines if line.startswith(PROMPT)]
    return [found[1] for found in map(HIDDEN.match, lines) if found]


def job(chapters):
    """Returns the script that the guest runs."""
    script = ["#!/bin/sh", ". /job/functions"] + ["cp /job/*.ko /root"] * GDB
    for name, parts in chapters.items():
        if not any(commands(*part) for part in parts):
            continue
        script += ["(", "dmesg -c >/dev/null", "cd /root"]
        for kind, lines in parts:
            if kind == "session":
                script.append(f"echo {MARK}")
            for command in commands(kind, lines):
                quoted = shlex.quote(command)
                if kind == "session":
                    script.append(f"printf '%s\\n' {shlex.quote(PROMPT + command)}")
                    script.append(f"eval {quoted} 2>&1 </dev/null")
                else:
                    # 100: no session has such a status.
                    complaint = shlex.quote(f"{name}: the guest cannot do: {command}")
                    script.append(f"eval {quoted} >/dev/null 2>&1 </dev/null || {{ echo {MARK}{complaint}; exit 100; }}")
        left = f'left=$(cut -d" " -f1 /proc/modules); [ -z "$left" ] || {{ echo "{MARK}{name}: leaves" $left; exit 100; }}'
        script += [left, ")", "[ $? -ne 100 ] || exit 1"]
    return "\n".join(script) + f"\necho {MARK}\n"


def replay(chapters):
    """Runs all sessions in the guest, and returns what each one looks like."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "job")
        with open(path, "w", encoding="utf-8") as file:
            file.write(job(chapters))
        command = [f"{TOP}/qemu/boot.sh", os.environ["LKMPG_GUEST"], path, f"{TOP}/qemu/tour/functions"]
        if GDB:
            said, status = book_gdb.run(command, chapters, f"{folder}/gdb")
        else:
            result = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if DEBUG else None,
                # One of the modules has a probe.
                env=os.environ if DEBUG else {**os.environ, "PATCHED_CODE": "1"},
            )
            said, status = result.stdout, result.returncode
    said = said.decode(errors="replace").replace("\r", "")
    # 101: the kernel has complained.
    if status not in ([0, 101] if DEBUG else [0]) or not said.endswith(f"{MARK}\n"):
        sys.exit(f"{said}\nbook-sessions.py: the guest ended with status {status}")
    return [[steady(line) for line in block.splitlines()] for block in said.split(f"{MARK}\n")[1:-1]]


def main():
    check = "--check" in sys.argv
    assert set(sys.argv[1:]) <= {"--gdb", "--check"}, __doc__
    names = re.findall(r"\]\((\w+\.md)\)", open(f"{SOURCE}/SUMMARY.md", encoding="utf-8").read())
    chapters = {name: parse(f"{SOURCE}/{name}") for name in names}
    if "LKMPG_GUEST" not in os.environ:
        os.environ["LKMPG_GUEST"] = subprocess.check_output([f"{TOP}/scripts/prepare.sh"], text=True).strip()
    boots = [chapters]
    if DEBUG:
        boots = [{name: parts} for name, parts in chapters.items() if any(kind == "session" for kind, _ in parts)]
    found = (block for boot in boots for block in replay(boot))
    differs = 0
    for name, parts in chapters.items():
        before = [line for _, lines in parts for line in lines]
        after = [line for kind, lines in parts for line in (next(found) if kind == "session" else lines)]
        if before == after:
            continue
        if check:
            differs += 1
            print(*difflib.unified_diff(before, after, name, "the guest", lineterm=""), sep="\n")
        else:
            with open(f"{SOURCE}/{name}", "w", encoding="utf-8") as file:
                file.write("\n".join(after) + "\n")
    assert next(found, None) is None
    if differs:
        sys.exit("The book is not what the guest prints; if the guest is right: scripts/book-sessions.py")


main()
