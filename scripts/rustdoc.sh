#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the documentation of abstractions/ in build/rustdoc, private items as well, for a
# module has the wrappers as a part of itself. A warning is an error, and so is a link to
# a file that the kernel's source does not have. What it says of the kernel's own crates
# links to their documentation on the web.
#
# Usage: [KDIR=...] scripts/rustdoc.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

[ -n "${RUST_FLAGS:-}" ] || exec "$top/scripts/rust-env.sh" "$0"

out=$top/build/rustdoc
source=$(realpath "$KDIR/source")
web=https://rust.docs.kernel.org/$(grep -oE '^[0-9]+\.[0-9]+' "$KDIR/include/config/kernel.release")

links=()
for crate in core ffi kernel macros pin_init; do
	links+=(--extern-html-root-url "$crate=$web")
done
rm -rf "$out"
cd "$top"
step "Documenting abstractions/" "$top/build/log/rustdoc.log" \
	rustdoc @"$RUST_FLAGS" -Dwarnings --crate-name abstractions --document-private-items \
	--generate-link-to-definition --extern-html-root-takes-precedence "${links[@]}" \
	--out-dir "$out" abstractions/mod.rs

# As the kernel's `make rustdoc` does it.
grep -hor '<a href="srctree/[^"]*"' "$out" | cut -d'"' -f2 | sort -u | while read -r link; do
	[ -e "$source/${link#srctree/}" ] || die "the kernel's source has no ${link#srctree/}"
done
find "$out" -name '*.html' -exec sed -i "s|<a href=\"srctree/|<a href=\"$source/|" {} +
echo "$out/abstractions/index.html"
