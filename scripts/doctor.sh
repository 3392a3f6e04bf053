#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Looks at a kernel build tree and the tools in PATH before anything is built
# against it, and tells each thing that would fail: one line what is wrong, one
# line what to do. Silent and successful when nothing is.
#
# Usage: scripts/doctor.sh [KDIR]
# Without KDIR it takes the tree and the tools that the other scripts would take,
# and also tells when nothing is wrong. RUSTC=, BINDGEN= and CC= count as in kbuild,
# on make's command line.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

kdir=${1:-}
if [ -z "$kdir" ]; then
	kdir=$(built_tree) ||
		{ echo "Nothing is built yet: 'make demo' installs and builds all that is needed." && exit; }
	use_tools "$kdir"
fi
# They may be several words, as in CC="ccache clang".
read -ra rustc <<<"${given_RUSTC:-rustc}"
read -ra bindgen <<<"${given_BINDGEN:-bindgen}"
cc=$(compiler "$kdir")
[ "$cc" != LLVM=1 ] || cc=${given_CC:-clang}
read -ra cc <<<"${cc#CC=}"
findings=0

# finding(wrong, todo) - tells one thing that is wrong, and what to do about it
finding() {
	printf 'doctor: %s\n        %s\n' "$1" "$2" >&2
	findings=$((findings + 1))
}

# config(option) - prints an option's value in the tree's configuration, if it has one
config() {
	tree_config "$kdir" "$1"
}

check_tree() {
	if ! [ -r "$kdir/Makefile" ] || ! [ -r "$kdir/include/config/auto.conf" ]; then
		finding "$kdir is not a kernel build tree (no Makefile, or never configured)" \
			"give KDIR= the folder in which a kernel was built, or leave it out to have one built"
		return
	fi
	local release source
	# The tree may be of another folder's source.
	source=$(sed -n 's,^include \(.*\)/Makefile$,\1,p' "$kdir/Makefile" | head -n 1)
	source=$(cd "$kdir" && cd "${source:-.}" 2>/dev/null && pwd || echo "$kdir")
	release=$(cat "$kdir/include/config/kernel.release" 2>/dev/null || echo unknown)
	if is_newer "$release"; then
		printf 'Linux %s is untested; the newest that is supported is %s.\n' "$release" "${known_series[0]}" >&2
	elif ! knows "$release"; then
		finding "Linux $release is not supported" \
			"take a tree of one of: ${known_series[*]}; what differs between series is in abstractions/series.rs"
	fi
	if [ "$(config RUST)" != y ]; then
		finding "CONFIG_RUST is not set in $kdir" \
			"run 'make rustavailable' there (with LLVM=1 if clang is to build it), set CONFIG_RUST=y and build the tree"
	elif ! compgen -G "$kdir/rust/*.rmeta" >/dev/null; then
		finding "$kdir has no Rust metadata (rust/*.rmeta): \"can't find crate for core\"" \
			"distribution headers lack it: on Debian 13 take 'make stock'; or build the tree from source, or leave KDIR out"
	elif [ "$(config RUSTC_VERSION_TEXT)" != "$("${rustc[@]}" --version 2>/dev/null)" ] &&
		[[ $kdir != "$cache"/kernel/* ]]; then # there, make builds another one
		finding "the tree was built by $(config RUSTC_VERSION_TEXT), this is $("${rustc[@]}" --version 2>&1 | head -n 1)" \
			"take that compiler (RUSTC=/path/to/rustc), or build the tree again with this one"
	elif ! [ -r "$source/rust/Makefile" ] || ! [ -r "$source/rust/bindgen_parameters" ]; then
		finding "$source has no rust/Makefile or rust/bindgen_parameters: distribution headers lack them" \
			"copy these two files there from the source of Linux $release"
	fi
	[ "$(config MODULES)" = y ] ||
		finding "CONFIG_MODULES is not set in $kdir" "set it and build the tree again"
	[ -s "$kdir/Module.symvers" ] ||
		finding "$kdir has no Module.symvers: it is prepared for modules, but the kernel was not built" \
			"build the whole tree there"
	if [ "$(config TRIM_UNUSED_KSYMS)" = y ] && [ -z "$(config UNUSED_KSYMS_WHITELIST)" ]; then
		finding "$kdir exports only what its own modules use (CONFIG_TRIM_UNUSED_KSYMS)" \
			"unset it and build the tree again"
	fi
}

check_tools() {
	local sysroot
	if sysroot=$("${rustc[@]}" --print sysroot 2>/dev/null) &&
		! [ -r "$sysroot/lib/rustlib/src/rust/library/core/src/lib.rs" ]; then
		finding "${rustc[*]} has no library source" \
			"install it (Debian: rust-src or rust-web-src; rustup: rustup component add rust-src)"
	fi
	check_version rustc "$min_rustc" "${rustc[@]}"
	check_version bindgen "$min_bindgen" "${bindgen[@]}"
	if [ "$(config CC_IS_GCC)" = y ]; then
		check_gcc
	else
		check_version LLVM "$min_llvm" "${cc[@]}"
		[[ $("${cc[@]}" --version 2>&1) != *"Free Software"* ]] ||
			finding "CC=${cc[*]} is GCC, and the tree was built with clang" "leave CC= out"
	fi
	# It reads what rustc has compiled.
	[ "$(config RUST_INLINE_HELPERS)" != y ] ||
		check_version llvm-link "$(config RUSTC_LLVM_MAJOR_VERSION)" llvm-link
}

# check_gcc() - another GCC may know other flags, and has other plugins
check_gcc() {
	local built version
	built=$(config GCC_VERSION)
	built=$((built / 10000)).$((built / 100 % 100)).$((built % 100))
	if ! version=$("${cc[@]}" -dumpfullversion 2>/dev/null); then
		finding "the tree was built by ${cc[*]} $built, which is not in PATH" \
			"install it (Debian: $(basename "${cc[-1]}" | sed 's/^x86_64-linux-gnu-//')), or give CC= that compiler"
	elif [ "$version" != "$built" ]; then
		finding "the tree was built by GCC $built, ${cc[*]} is $version" \
			"give CC= that compiler, or build the tree again with this one"
	fi
}

# check_version(name, minimum, command...) - a tool must be there and new enough
check_version() {
	local version
	if ! version=$(version_of "${@:3}"); then
		finding "no ${*:3} in PATH" "run scripts/toolchain.sh and put the folder it prints first in PATH"
	elif ! at_least "$version" "$2"; then
		finding "$1 $version is too old" \
			"take $1 $2 or newer: scripts/toolchain.sh prints a folder that has one"
	fi
}

check_tree
check_tools
[ "$findings" -eq 0 ]
[ $# -gt 0 ] || echo "Nothing is wrong with $kdir."
