#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that misuse does not compile.

Each FILE is a module with one misuse, below `#[cfg(misuse)]`, and what is right instead,
below `#[cfg(not(misuse))]`. Without the misuse it has to compile, without a warning; with
it there has to be an error at each line that says so, as the tests of rustc do, and no
other:

    misuse(); //~ ERROR a part of the message [E0277]

`//~^ ERROR` stands a line below the one that it means, `//~? ERROR` is for an error in another
file, and there is no code where the error has none. `//@ build-fail` means an error that
comes only when code is generated.

Usage: scripts/rust-env.sh tests/misuse/check.py FILE...
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

MARK = re.compile(r"//~(\^*|\?) ERROR (.*?)(?: \[(E\d+)\])?$")


def rustc(path, *flags):
    """Compiles a file, and returns the errors and warnings."""
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            ["rustc", "@" + os.environ["RUST_FLAGS"], "--crate-name=misuse", path]
            # Much is never called, and more is unused in one of the two ways.
            + ["--out-dir", folder, "--error-format=json", "-Aunused", *flags],
            stderr=subprocess.PIPE,
            text=True,
        )
    said = [json.loads(line) for line in result.stderr.splitlines()]
    found = [m for m in said if m["level"] != "failure-note" and not m["message"].startswith("aborting due to")]
    # What it says must agree with how it ends.
    assert (result.returncode != 0) == any(m["level"] == "error" for m in found), result.stderr
    return found


def lines(path, message):
    """Returns the lines of the file where an error is: for one in a macro, where the file uses
    that."""
    found = set()
    for span in message["spans"]:
        primary = span["is_primary"]
        while span["file_name"] != path and span["expansion"]:
            span = span["expansion"]["span"]
        if primary and span["file_name"] == path:
            found.add(span["line_start"])
    return found


def text(message):
    """Returns what an error says: some leave it to the labels to tell which."""
    return "\n".join([message["message"], *(span["label"] or "" for span in message["spans"])])


def matches(path, number, mark, message):
    """Returns whether an error is the one that the mark in a line tells."""
    where, part, code = mark.groups()
    return (
        lines(path, message) == (set() if where == "?" else {number - len(where)})
        and part in text(message)
        and code == (message["code"] or {}).get("code")
    )


def check(path):
    """Returns what is wrong with a file."""
    with open(path) as file:
        source = file.read().splitlines()
    marks = [(n, mark) for n, line in enumerate(source, 1) if (mark := MARK.search(line))]
    if not marks:
        return "tells no error"
    emit = "--emit=obj" if "//@ build-fail" in source else "--emit=metadata"

    if found := rustc(path, emit, "-Dwarnings"):
        return "does not compile without the misuse:\n" + "".join(m["rendered"] for m in found)
    found = [m for m in rustc(path, emit, "--cfg=misuse") if m["level"] == "error"]
    if not found:
        return "compiles in spite of the misuse"
    for message in found:
        if not any(matches(path, *mark, message) for mark in marks):
            return "another error:\n" + message["rendered"]
    for number, mark in marks:
        if not any(matches(path, number, mark, message) for message in found):
            return f"not the error of line {number}"
    return None


def main(paths):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(check, paths))
    for path, wrong in zip(paths, results):
        print(f"not ok {path}: {wrong}" if wrong else f"ok {path}")
    return any(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
