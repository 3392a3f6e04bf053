#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the book (docs/book) in build/book, and prints the name of its first page. A
# message of mdBook's is an error: it goes on without a file that is missing. A link to
# srctree/FILE leads to that file of the kernel's source on the web.
#
# mdBook is built once, from crates.io, unless the machine has one of the same major
# version: a minute and a half on two processors that have nothing else to do. Without
# optimisation it needs half of the time to build, and builds the book in a second.
#
# Usage: scripts/book.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

# The last one that Rust 1.85, the oldest that we take, can build.
version=0.4.52

# find_mdbook() - prints the path of an mdBook of the version's series
find_mdbook() {
	local mdbook
	for mdbook in "$cache/mdbook-$version/bin/mdbook" $(type -aP mdbook); do
		[[ $(version_of "$mdbook") == "${version%.*}".* ]] || continue
		echo "$mdbook"
		return
	done
	return 1
}

tools=$(BOOK=1 "$top/scripts/toolchain.sh")
lock "$cache/mdbook.lock"
if ! mdbook=$(find_mdbook); then
	PATH=$tools:$PATH CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_STRIP=true \
		from_crates_io mdbook mdbook "$version" --no-default-features --features search
	mdbook=$(find_mdbook)
fi

log=$top/build/log/book.log
step "Building the book" "$log" \
	env RUST_LOG=warn "$mdbook" build "$top/docs/book"
[ ! -s "$log" ] || die "mdBook complains: $(cat "$log")"
web='https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree'
find "$top/build/book" -name '*.html' -exec sed -Ei \
	"s|href=\"srctree/([^\"]*)\"|href=\"$web/\1?h=v$(default_series)\"|g" {} +
[ -e "$top/build/rustdoc" ] || echo "  the pages on abstractions/, to which it links, are made by 'make rustdoc'" >&2

echo "$top/build/book/index.html"
