#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that misuse does not compile.

Each FILE is a module with one misuse, below `#[cfg(misuse)]`, and what is right instead,
below `#[cfg(not(misuse))]`. Without the misuse it has to compile, without a warning; with
it there has to be an error, and no other, at the line that says so, as the tests of
rustc do:

    misuse(); //~ ERROR a part of the message [E0277]

`//~^ ERROR` stands below the line that it means, and there is no code where the error has
none. `//@ build-fail` means an error that comes only when code is generated.

Usage: scripts/rust-env.sh tests/misuse/check.py FILE...
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

MARK = re.compile(r"//~(\^?) ERROR (.*?)(?: \[(E\d+)\])?$")


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
    """Returns the lines of the file where an error is: for one in a macro, or in a generic
    function, where the file uses that."""
    found = set()
    for span in message["spans"]:
        primary = span["is_primary"]
        while span["file_name"] != path and span["expansion"]:
            span = span["expansion"]["span"]
        if primary and span["file_name"] == path:
            found.add(span["line_start"])
    return found or {line for child in message["children"] for line in lines(path, child)}


def check(path):
    """Returns what is wrong with a file."""
    with open(path) as file:
        source = file.read().splitlines()
    marks = [(n, m) for n, line in enumerate(source, 1) if (m := MARK.search(line))]
    if len(marks) != 1:
        return f"{len(marks)} lines with an error to expect, not 1"
    number, (above, text, code) = marks[0][0], marks[0][1].groups()
    line = number - len(above)
    emit = "--emit=obj" if "//@ build-fail" in source else "--emit=metadata"

    if found := rustc(path, emit, "-Dwarnings"):
        return "does not compile without the misuse:\n" + "".join(m["rendered"] for m in found)
    found = [m for m in rustc(path, emit, "--cfg=misuse") if m["level"] == "error"]
    if not found:
        return "compiles in spite of the misuse"
    # rustc may say the same of two lifetimes.
    if all(
        line in lines(path, m) and text in m["message"] and code == (m["code"] or {}).get("code")
        for m in found
    ):
        return None
    return f"not only the error that line {line} expects:\n" + "".join(m["rendered"] for m in found)


def main(paths):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(check, paths))
    for path, wrong in zip(paths, results):
        print(f"not ok {path}: {wrong}" if wrong else f"ok {path}")
    return any(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
