# SPDX-License-Identifier: GPL-2.0
"""What of the sessions of the book differs from one run to the next: see book-sessions.py."""

import re

# What a line is, and what of it differs: with the spaces before it where it is in a column.
VARIES = [
    (r"\bpid \d+", r"\d+"),
    (r"Timer was called \d+ times", r"\d+"),
    # A software node has the number of those before it.
    (r"\bnode\d+: property", r"\d+"),
    # An input device, after those before it.
    (r"/input/input\d+$", r"\d+"),
    # When a button is pressed.
    (r"^press \d+ after [\d.]+ s", r"[\d.]+(?= s)"),
    # The size of a module, in /proc/modules and lsmod; where it lies.
    (r"^[a-z_]+_rs \d+ ", r"(?<= )\d+"),
    (r"^[a-z_]+_rs  +\d+ ", r" +\d+"),
    (r"\b(0x)?ffff[0-9a-f]{12}\b", r"ffff[0-9a-f]{12}"),
    # Where in a function, and when.
    (r"\+0x[0-9a-f]+/0x[0-9a-f]+", r"(?<=0x)[0-9a-f]+"),
    (r"\bjiffies \d+", r"\d+"),
    # A lock has the name of the place where it is made.
    (r"\b[a-z_]+\.(?:rs|h):\d+", r"\d+"),
    (r"\btask \w+/\d+", r"\d+"),
    # The kernel's version, and that of a module that claims to be older.
    (r"\b[67]\.\d+\.\d+\S*", r"(?<=[67]\.).*"),
    # What threads count together, or lose, and how long that takes.
    (r"^locks_rs: irq: \d+ of them", r"\d+"),
    (r"^locks_rs: none: \d+ of", r"\d+"),
    (r"^locks_rs: irq: \d+ of \d+ counted", r"\d+"),
    (r"^locks_rs: .* in \d+ ms", r"\d+(?= ms)"),
    # What gdb shows: where the kernel, or a program, is when it comes, and lines.
    (r"^0x[0-9a-f]{16} in ", r"(?<=0x)[0-9a-f]+"),
    (r"^0xN in \S+ \(\)", r"(?<= in )\S+"),
    (r"^Breakpoint \d+ at .*, line \d+\.", r"\d+(?=\.$)"),
    (r"^\d+\t", r"\d+"),
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
