# shellcheck shell=bash disable=SC2154 # cache is set by common.sh
# SPDX-License-Identifier: GPL-2.0
#
# Kernel build trees, and the tools that they take. To be sourced by common.sh.

# built_tree() - prints KDIR, or the newest tree of SERIES that the cache has
built_tree() {
	if [ -n "${KDIR:-}" ]; then
		echo "$KDIR"
	else
		find "$cache/kernel" -regextype posix-extended -maxdepth 2 -regex \
			".*/$(default_series)[.0-9rc-]*${DEBUG:+-debug}${VARIANT:+-$VARIANT}-[0-9a-f]{12}/\.complete" \
			-printf '%T@ %h\n' 2>/dev/null |
			sort -rn | sed -n '1s/^[^ ]* //p' | grep .
	fi
}

# source_version(dir) - prints a source's version, as its Makefile tells it
source_version() {
	awk '$2 == "=" && /^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) / { v[$1] = $3 }
		END { print v["VERSION"] "." v["PATCHLEVEL"] "." v["SUBLEVEL"] v["EXTRAVERSION"] }' "$1/Makefile"
}

# compiler(kdir) - prints how make is told the C compiler of a kernel tree: the one that
# built it, if that was GCC, unless the caller gives CC=
compiler() {
	local conf=$1/include/config/auto.conf name
	if grep -sqx CONFIG_CC_IS_GCC=y "$conf"; then
		# GCC's first word is the name by which it was called.
		name=$(sed -n 's/^CONFIG_CC_VERSION_TEXT="\([^ ]*\) .*/\1/p' "$conf")
		echo "CC=${given_CC:-$name}"
	else
		echo LLVM=1
	fi
}

# use_tools(kdir) - puts the tools for a kernel tree into PATH: the caller's own
# if they built it, else ours first
use_tools() {
	local conf=$1/include/config/auto.conf ours=$cache/toolchain/bin
	if grep -sqxF "CONFIG_RUSTC_VERSION_TEXT=\"$(rustc --version 2>/dev/null)\"" "$conf" &&
		{ [ "$(compiler "$1")" != LLVM=1 ] ||
			grep -sqxF "CONFIG_CC_VERSION_TEXT=\"$(clang --version 2>/dev/null | head -n 1)\"" "$conf"; }; then
		export PATH="$PATH:$ours"
	else
		export PATH="$ours:$PATH"
	fi
}

# keep_tools(kdir, folder) - makes plain `make -C KDIR M=...` use the tools in a folder,
# which built the tree, and need not be the first ones in the caller's PATH
keep_tools() {
	cat >"$1/GNUmakefile" <<-END
		# Written by $top/scripts
		export PATH := $2:\$(PATH)
		goals := \$(sort all \$(MAKECMDGOALS))
		.PHONY: \$(goals)
		\$(goals) &: ; @\$(MAKE) --no-print-directory -f Makefile \$(MAKECMDGOALS)
	END
}
