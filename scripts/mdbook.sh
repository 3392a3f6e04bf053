#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Finds mdBook, which makes pages of Markdown, and prints its path.
#
# mdBook is built once, from crates.io, unless the machine has one of the same major
# version: a minute and a half on two processors that have nothing else to do. Without
# optimisation it needs half of the time to build, and builds the book in a second.
#
# Usage: scripts/mdbook.sh

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
if ! find_mdbook; then
	PATH=$tools:$PATH CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_STRIP=true \
		from_crates_io mdbook mdbook "$version" --no-default-features --features search
	find_mdbook
fi
