#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the guest's Rust-enabled kernel, once, in the cache, and prints its
# build tree: the KDIR that modules are built against. KDIR= takes a tree that
# is built already.
#
# Usage: SERIES=7.3 [DEBUG=1] [VARIANT=cfi] scripts/kernel.sh
# SERIES=rc: the release candidate in Debian's experimental; no promise that it works.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

SERIES=${SERIES:-7.3}
[ -z "${KDIR:-}" ] || { [ -d "$KDIR" ] || die "KDIR=$KDIR is no folder"; realpath "$KDIR"; exit; }
[[ $SERIES =~ ^(7\.[23]|rc)$ ]] || die "SERIES=$SERIES is not supported; take 7.2 or 7.3"

# The -s of `make -s kdir` is not for the kernel's build: its lines are counted.
unset MAKEFLAGS
bin=$("$top/scripts/toolchain.sh")
src=$("$top/scripts/kernel-source.sh")
export PATH="$bin:$PATH"

version=$(source_version "$src")
# The fragments: the common one, one of this series where it has its own, a variant's, and
# the debug guest's, or what Kconfig may refuse.
fragments=("$top/qemu/kernel.config")
own=$top/qemu/kernel-$(grep -oE '^[0-9]+\.[0-9]+' <<<"$version").config
[ ! -e "$own" ] || fragments+=("$own")
if [ -n "${VARIANT:-}" ]; then
	fragments+=("$top/qemu/kernel-$VARIANT.config")
	[ -e "${fragments[-1]}" ] || die "VARIANT=$VARIANT is unknown: there is no ${fragments[-1]}"
fi
if [ -n "${DEBUG:-}" ]; then
	fragments+=("$top/qemu/kernel-debug.config")
	optional=()
else
	optional=("$top/qemu/kernel-optional.config")
fi
key=$({ echo "$src"; cat "${fragments[@]}" "${optional[@]}" "$cache/toolchain/versions"; } |
	sha256sum | head -c 12)
out=$cache/kernel/$version${DEBUG:+-debug}${VARIANT:+-$VARIANT}-$key

# configure() - writes the tree's .config; each requested option must be in it
configure() {
	local option lost=()
	mkdir -p "$out"
	cat "${fragments[@]}" "${optional[@]}" >"$out/fragment"
	step "Configuring Linux $version" "$cache/log/config-$version.log" \
		make -C "$src" O="$out" LLVM=1 KCONFIG_ALLCONFIG="$out/fragment" allnoconfig
	while read -r option; do
		grep -qxF "$option" "$out/.config" || lost+=("$option")
	done < <(grep -h '^CONFIG_' "${fragments[@]}")
	[ ${#lost[@]} -eq 0 ] || die "requested, but not in the final .config: ${lost[*]}"
}

# own_tools() - makes plain `make -C KDIR LLVM=1 M=...` use the tool chain that
# built the tree, which need not be the first one in the caller's PATH
own_tools() {
	cat >"$out/GNUmakefile" <<-END
		# Written by $top/scripts/kernel.sh
		export PATH := $bin:\$(PATH)
		goals := \$(sort all \$(MAKECMDGOALS))
		.PHONY: \$(goals)
		\$(goals) &: ; @\$(MAKE) --no-print-directory -f Makefile \$(MAKECMDGOALS)
	END
}

# An interrupted build has no .complete: it goes on where kbuild left off.
[ -e "$out/.complete" ] || lock "$out.lock"
if [ ! -e "$out/.complete" ]; then
	need_space 3
	configure
	log=$cache/log/build-$version.log
	step "Building Linux $version" "$log" with_cpu_time \
		make -C "$out" -f Makefile LLVM=1 -j"$(nproc)" bzImage modules
	own_tools
	tail -n 1 "$log" >"$out/.complete"
fi
echo "$out"
