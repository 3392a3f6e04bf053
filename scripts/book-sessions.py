#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Replays the console sessions of the book in the guest.

A session is a block of docs/book/src with the label `console`. Each of its lines that begins
with the guest's prompt is a command; the other lines are what the guest prints, and are written
by this script. A comment `<!-- guest: COMMAND -->` between two blocks is a command that the
reader does not see, to wait for something or to type on the guest's keyboard
(qemu/tour/functions). All chapters share one boot. Each begins with an empty kernel log, and
has to leave no module behind.

What differs from one run to the next is replaced by N: see VARIES.

With DEBUG=1 it takes the blocks with the label `console,debug` instead, in the debug guest,
whose kernel may complain.

Usage: [DEBUG=1] scripts/book-sessions.py [--check]
With --check nothing is written, and a difference is an error.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.join(TOP, "docs/book/src")
DEBUG = os.environ.get("DEBUG") == "1"
LABEL = "```console,debug" if DEBUG else "```console"
PROMPT = "guest# "
MARK = "\x1e"
HIDDEN = re.compile(r"<!-- guest: (.*) -->$")

# What a line is, and what of it differs: with the spaces before it where it is in a column.
VARIES = [
    (r"\bpid \d+", r"\d+"),
    (r"Timer was called \d+ times", r"\d+"),
    # The size of a module, in /proc/modules and lsmod; where it lies.
    (r"^[a-z_]+_rs \d+ ", r"(?<= )\d+"),
    (r"^[a-z_]+_rs  +\d+ ", r" +\d+"),
    (r"\b(0x)?ffffffff[0-9a-f]{8}\b", r"ffffffff[0-9a-f]{8}"),
    # A lock has the name of the place where it is made.
    (r"\b[a-z_]+\.rs:\d+", r"\d+"),
    # The kernel's version.
    (r"\b7\.\d+\.\d+\S*", r"(?<=7\.).*"),
    # What threads count together, or lose, and how long that takes.
    (r"^locks_rs: irq: \d+ of them", r"\d+"),
    (r"^locks_rs: none: \d+ of", r"\d+"),
    (r"^locks_rs: irq: \d+ of \d+ counted", r"\d+"),
    (r"^locks_rs: .* in \d+ ms", r"\d+(?= ms)"),
    # The interrupts of each CPU.
    (r"^ *\d+:(?: +\d+)+", r" +\d+(?![\d:])"),
]


def blank(found):
    """Returns what stands for a number, in a column at its right end."""
    return "N".rjust(len(found[0])) if found[0].startswith(" ") else "N"


def steady(line):
    """Returns a line without what differs from one run to the next."""
    for where, what in VARIES:
        line = re.sub(where, lambda found: re.sub(what, blank, found[0]), line)
    return line.rstrip()


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
    return [found[1] for found in map(HIDDEN.match, lines) if found and not DEBUG]


def job(chapters):
    """Returns the script that the guest runs."""
    script = ["#!/bin/sh", ". /job/functions"]
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
    guest = os.environ.get("LKMPG_GUEST") or subprocess.check_output([f"{TOP}/scripts/prepare.sh"], text=True).strip()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "job")
        with open(path, "w", encoding="utf-8") as file:
            file.write(job(chapters))
        result = subprocess.run(
            [f"{TOP}/qemu/boot.sh", guest, path, f"{TOP}/qemu/tour/functions"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if DEBUG else None,
            # One of the modules has a probe.
            env=os.environ if DEBUG else {**os.environ, "PATCHED_CODE": "1"},
        )
    said = result.stdout.decode(errors="replace").replace("\r", "")
    # 101: the kernel has complained.
    if result.returncode not in ([0, 101] if DEBUG else [0]) or not said.endswith(f"{MARK}\n"):
        sys.exit(f"{said}\nbook-sessions.py: the guest ended with status {result.returncode}")
    return [[steady(line) for line in block.splitlines()] for block in said.split(f"{MARK}\n")[1:-1]]


def main():
    check = sys.argv[1:] == ["--check"]
    assert check or not sys.argv[1:], __doc__
    names = re.findall(r"\]\((\w+\.md)\)", open(f"{SOURCE}/SUMMARY.md", encoding="utf-8").read())
    chapters = {name: parse(f"{SOURCE}/{name}") for name in names}
    found = iter(replay(chapters))
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
