#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the book (docs/book) in build/book, and prints the name of its first page. A
# message of mdBook's is an error: it goes on without a file that is missing. A link to
# srctree/FILE leads to that file of the kernel's source on the web.
#
# Usage: scripts/book.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

mdbook=$("$top/scripts/mdbook.sh")
log=$top/build/log/book.log
lock "$top/build/book.lock"
step "Building the book" "$log" \
	env RUST_LOG=warn "$mdbook" build "$top/docs/book"
[ ! -s "$log" ] || die "mdBook complains: $(cat "$log")"
web='https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree'
find "$top/build/book" -name '*.html' -exec sed -Ei \
	"s|href=\"srctree/([^\"]*)\"|href=\"$web/\1?h=v$(default_series)\"|g" {} +
[ -e "$top/build/rustdoc" ] || echo "  the pages on abstractions/, to which it links, are made by 'make rustdoc'" >&2

echo "$top/build/book/index.html"
