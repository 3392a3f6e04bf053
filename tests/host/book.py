#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Looks at the book in the current folder, and tells what is wrong with it, a line for each.

Usage: book.py listings    each listing is there, and each anchor of the sources is used
       book.py modules     each module of Kbuild has a listing
       book.py chapters    each chapter is in SUMMARY.md, and has its parts
       book.py texts       each link of README.md and docs/*.md leads to a file that is there
       book.py commands    each `make` and each script that a chapter, or README.md, names is there
       book.py links DIR   each link of build/book leads somewhere; DIR is the kernel's source
"""

import glob
import os
import re
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

SOURCE = "docs/book/src"
INCLUDE = re.compile(r"\{\{#include ([^:}]+)(?::(\w+))?\}\}")
# What a chapter has; the first pages and the tables have not.
PARTS = ["What you will build", "Try it first", "How it works", "What goes wrong", "Exercises", "What to read next"]
NO_CHAPTER = ["index", "exercises", "idioms", "examples", "glossary"]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pages():
    """Returns each page of the book with its text."""
    return {path: read(path) for path in sorted(glob.glob(f"{SOURCE}/*.md")) if not path.endswith("SUMMARY.md")}


def includes():
    """Yields the page, file and anchor of each listing."""
    for page, text in pages().items():
        for path, anchor in INCLUDE.findall(text):
            yield page, os.path.normpath(os.path.join(SOURCE, path)), anchor


def listings():
    used = set()
    for page, path, anchor in includes():
        used.add((path, anchor))
        if not os.path.exists(path):
            yield f"{page}: there is no {path}"
        elif anchor and read(path).count(f"// ANCHOR: {anchor}\n") != 1:
            yield f"{page}: {path} has no anchor {anchor}, or more than one"
        elif anchor and read(path).count(f"// ANCHOR_END: {anchor}\n") != 1:
            yield f"{page}: the anchor {anchor} of {path} has no end"
    for path in sorted(glob.glob("*.rs") + glob.glob("*_rs/*.rs") + glob.glob("abstractions/*.rs") + glob.glob("tests/[fm]*/*.rs")):
        for anchor in re.findall(r"// ANCHOR: (\w+)", read(path)):
            if (path, anchor) not in used:
                yield f"{path}: no chapter uses the anchor {anchor}"


def modules():
    shown = {path.split("/")[0].removesuffix(".rs") for _, path, _ in includes()}
    for module in re.findall(r"^obj-m \+= (\w+)\.o$", read("Kbuild"), re.M):
        if module not in shown:
            yield f"no chapter has a listing of {module}: give {module}.rs an anchor, and include it where it is told of"


def chapters():
    listed = re.findall(r"\]\((\w+\.md)\)", read(f"{SOURCE}/SUMMARY.md"))
    for page, text in pages().items():
        name = os.path.basename(page)
        if name not in listed:
            yield f"{page}: is not in SUMMARY.md"
        heads = re.findall(r"^## (.*)$", text, re.M)
        if name.removesuffix(".md") not in NO_CHAPTER and heads != PARTS:
            yield f"{page}: has the parts {heads}"


def commands():
    # The kernel's own tree has the last one.
    goals = [*re.findall(r"^([a-z_-]+):", read("Makefile"), re.M), "menuconfig"]
    for page, text in [*pages().items(), ("README.md", read("README.md"))]:
        code = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S) + re.findall(r"`([^`\n]+)`", text)
        for piece in code:
            for goal in re.findall(r"\bmake (?:[A-Z_]+=\S+ )*([a-z][a-z_-]*)", piece):
                if goal not in goals:
                    yield f"{page}: there is no `make {goal}`"
            for script in re.findall(r"\bscripts/[\w-]+\.\w+", piece):
                if not os.path.exists(script):
                    yield f"{page}: there is no {script}"


def texts():
    for page in ["README.md", *sorted(glob.glob("docs/*.md"))]:
        for link in re.findall(r"\]\(([^)]+)\)", read(page)):
            file = os.path.join(os.path.dirname(page), link)
            # What is built is not there for those who read it on the web.
            if not urlsplit(link).scheme and (not os.path.exists(file) or os.path.normpath(file).startswith("build/")):
                yield f"{page}: there is no {link}"


class Page(HTMLParser):
    """The links of a page, and what can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(read(path))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        self.links += [attrs[name] for name in ("href", "src") if attrs.get(name)]


def documented(parts, head):
    """Whether there is a wrapper, an item of it, a heading, for a page of rustdoc's."""
    wrapper = f"abstractions/{parts[0]}.rs" if len(parts) > 1 else "abstractions/mod.rs"
    item = re.match(r"\w+\.(\w+)\.html$", parts[-1])
    return (
        os.path.exists(wrapper)
        and (not item or re.search(rf"^pub\(crate\) \w+ {item[1]}\b", read(wrapper), re.M))
        and (not head or re.search(rf"^//! #+ {head}$", read(wrapper), re.M | re.I))
    )


def links(kernel):
    book = "build/book"
    built = {path: Page(path) for path in sorted(glob.glob(f"{book}/*.html"))}
    for path, page in built.items():
        # It repeats the others, with links that are shifted.
        if path.endswith("/print.html"):
            continue
        for link in sorted(set(page.links)):
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = os.path.normpath(os.path.join(book, unquote(url.path))) if url.path else path
            if target.startswith("build/rustdoc/abstractions/"):
                # These pages need not have been made.
                if not documented(target.split("/")[3:], url.fragment):
                    yield f"{path}: `make rustdoc` does not make {link}"
            elif not os.path.exists(target):
                yield f"{path}: dead link {link}"
            elif url.fragment and target in built and unquote(url.fragment) not in built[target].ids:
                yield f"{path}: dead link {link}"
    for wrapper in sorted(glob.glob("abstractions/*.rs")):
        for chapter in re.findall(r"\]\([./]*/book/(\w+)\.html\)", read(wrapper)):
            if not os.path.exists(f"{SOURCE}/{chapter}.md"):
                yield f"{wrapper}: there is no chapter {chapter}"
    for page, text in pages().items():
        for file in re.findall(r"\]\(srctree/([^)]+)\)", text):
            if not os.path.exists(os.path.join(kernel, file)):
                yield f"{page}: the kernel's source has no {file}"


def main():
    checks = {check.__name__: check for check in (listings, modules, chapters, texts, commands, links)}
    assert len(sys.argv) > 1 and sys.argv[1] in checks, __doc__
    faults = list(checks[sys.argv[1]](*sys.argv[2:]))
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(bool(faults))


main()
