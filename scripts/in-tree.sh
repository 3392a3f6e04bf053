#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Puts the modules into a kernel's own tree, below samples/rust/lkmpg, with their
# Kconfig entries and one line each in two files of samples/rust; or takes all of
# it back. Files of the tree are replaced, not written to, for they may have hard
# links elsewhere. What fails leaves the tree as it was.
#
# Usage: TREE=DIR scripts/in-tree.sh put|remove
#
# shellcheck disable=SC2016 # make's $, not the shell's

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

[[ ${1:-} =~ ^(put|remove)$ ]] || die "usage: TREE=DIR $0 put|remove"
[ -n "${TREE:-}" ] || die "give TREE=DIR, the kernel source to put the modules into"
samples=$TREE/samples/rust
folder=$samples/lkmpg

# The lines in the parents, as sed's and grep's basic expressions see them.
in_kconfig='^source "samples/rust/lkmpg/Kconfig"$'
in_makefile='^obj-\$(CONFIG_SAMPLES_RUST_LKMPG)[[:space:]]*+= lkmpg/$'

# check_tree() - ends the script where TREE is none that can be changed
check_tree() {
	[ -d "$TREE" ] || die "TREE=$TREE is no folder"
	grep -qs '^PATCHLEVEL = ' "$TREE/Makefile" || die "TREE=$TREE is no kernel source"
	cat "$samples"/{Kconfig,Makefile} >/dev/null 2>&1 ||
		die "TREE=$TREE has no samples/rust: it has no Rust, or is too old"
	[ -w "$samples" ] || die "cannot write to $samples"
	[ ! -e "$folder" ] || [ -w "$folder" ] || die "cannot write to $folder"
}

# is_in() - whether the modules, or a part of them, are in the tree
is_in() {
	[ -e "$folder" ] || grep -q "$in_kconfig" "$samples/Kconfig" || grep -q "$in_makefile" "$samples/Makefile"
}

# copy_sources() - fills $work/lkmpg: each module of Kbuild, and what they share, without
# the marks of the book
copy_sources() {
	local module sources=("$top/abstractions" "$top/Kconfig")
	while read -r module; do
		sources+=("$top/$module.rs")
		[ ! -d "$top/$module" ] || sources+=("$top/$module")
	done < <(sed -n 's/^obj-m += \(.*\)\.o$/\1/p' "$top/Kbuild")
	mkdir "$work/lkmpg" && cp -r "${sources[@]}" "$work/lkmpg" &&
		find "$work/lkmpg" -name '*.rs' -exec sed -i -E '\|^ *// ANCHOR(_END)?: |d' {} + &&
		printf '# SPDX-License-Identifier: GPL-2.0\n/*_generated.rs\n' >"$work/lkmpg/.gitignore" &&
		sed 's/^obj-m += \(\(.*\)_rs\.o\)$/obj-$(CONFIG_SAMPLE_RUST_LKMPG_\U\2\E) += \1/' \
			"$top/Kbuild" >"$work/lkmpg/Makefile"
}

put() {
	local version last
	version=$(source_version "$TREE")
	knows "$version" || die "TREE=$TREE is Linux $version, which is not supported; take one of: ${known_series[*]}"
	! is_in || die "TREE=$TREE has samples/rust/lkmpg already; to replace it, run 'make in-tree-remove' first"
	[ "$(grep -cx 'endif # SAMPLES_RUST' "$samples/Kconfig")" = 1 ] ||
		die "$samples/Kconfig is unknown: not one line 'endif # SAMPLES_RUST'"
	last=$(sed -n '/^obj-\$(CONFIG_SAMPLE_RUST_/=' "$samples/Makefile" | tail -n 1)
	[ -n "$last" ] || die "$samples/Makefile is unknown: no line obj-\$(CONFIG_SAMPLE_RUST_...)"

	copy_sources 2>/dev/null || die "cannot copy the modules to $samples (is the disk full?)"
	sed -i '/^endif # SAMPLES_RUST$/i source "samples/rust/lkmpg/Kconfig"' "$work/Kconfig"
	sed -i "${last}a obj-\$(CONFIG_SAMPLES_RUST_LKMPG)\t\t+= lkmpg/" "$work/Makefile"
	# In this order, no half of it does harm.
	mv -T "$work/lkmpg" "$folder"
	mv "$work/Makefile" "$work/Kconfig" "$samples"
}

remove() {
	is_in || die "TREE=$TREE has no samples/rust/lkmpg: nothing to remove"
	[ ! -e "$folder" ] || grep -qs '^menuconfig SAMPLES_RUST_LKMPG$' "$folder/Kconfig" ||
		die "$folder is not what 'make in-tree' makes; it stays"
	sed -i "/${in_kconfig//\//\\/}/d" "$work/Kconfig"
	sed -i "/${in_makefile//\//\\/}/d" "$work/Makefile"
	mv "$work/Kconfig" "$work/Makefile" "$samples"
	[ ! -e "$folder" ] || mv "$folder" "$work"
}

check_tree
work=$(mktemp -d "$samples/.in-tree.XXXXXX" 2>/dev/null) || die "cannot write to $samples"
trap 'rm -rf "$work"' EXIT
cp -p "$samples/Kconfig" "$samples/Makefile" "$work"
"$1"
