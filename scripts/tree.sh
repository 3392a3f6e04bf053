# shellcheck shell=bash disable=SC2154 # cache is set by common.sh
# SPDX-License-Identifier: GPL-2.0
#
# Kernel build trees, and the tools that they take. To be sourced by common.sh.

# built_tree() - prints KDIR, or the newest tree of SERIES that the cache has, with STOCK=1
# the newest for a kernel of Debian's
built_tree() {
	if [ -n "${KDIR:-}" ]; then
		echo "$KDIR"
	elif [ -n "${STOCK:-}" ]; then
		find "$cache/stock" -maxdepth 2 -path "*/${RELEASE:-*}/.complete" -printf '%T@ %h\n' 2>/dev/null |
			sort -rn | sed -n '1s/^[^ ]* //p' | grep .
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

# config_value(file, option) - prints an option's value in a configuration, if it has one;
# texts have quotes or not
config_value() {
	sed -n "s/^CONFIG_$2=\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$1" 2>/dev/null
}

# tree_config(kdir, option) - the same in a tree's configuration
tree_config() {
	config_value "$1/include/config/auto.conf" "$2"
}

# compiler(kdir) - prints how make is told the C compiler of a kernel tree: the one that
# built it, if that was GCC, unless the caller gives CC=
compiler() {
	local name
	if [ "$(tree_config "$1" CC_IS_GCC)" = y ]; then
		# GCC's first word is the name by which it was called.
		read -r name _ <<<"$(tree_config "$1" CC_VERSION_TEXT)"
		echo "CC=${given_CC:-$name}"
	else
		echo LLVM=1
	fi
}

# built_by_caller(kdir) - whether the compilers in PATH are those that built a tree
built_by_caller() {
	[ "$(tree_config "$1" RUSTC_VERSION_TEXT)" = "$(rustc --version 2>/dev/null)" ] || return 1
	[ "$(compiler "$1")" != LLVM=1 ] ||
		[ "$(tree_config "$1" CC_VERSION_TEXT)" = "$(clang --version 2>/dev/null | head -n 1)" ]
}

# use_tools(kdir) - puts the tools for a kernel tree into PATH: the caller's own
# if they built it, else ours first; for a kernel of Debian's, Debian's
use_tools() {
	local ours=$cache/toolchain/bin
	if [[ $1 == "$cache"/stock/* ]]; then
		export PATH="/usr/bin:$PATH:$ours"
	elif built_by_caller "$1"; then
		export PATH="$PATH:$ours"
	else
		export PATH="$ours:$PATH"
	fi
}

# keep_tools(kdir, folder, [NAME=VALUE]) - makes plain `make -C KDIR M=...` use the tools in a
# folder, which built the tree, and need not be the first ones in the caller's PATH; with
# a setting as on its command line
keep_tools() {
	cat >"$1/GNUmakefile" <<-END
		# Written by $top/scripts
		export PATH := $2:\$(PATH)
		goals := \$(sort all \$(MAKECMDGOALS))
		.PHONY: \$(goals)
		\$(goals) &: ; @\$(MAKE) --no-print-directory -f Makefile \$(MAKECMDGOALS) ${3:-}
	END
}

# absent(config) - prints the modules that a kernel of this configuration lacks the option for:
# the option without CONFIG_, and the module; nothing where there is no such file
absent() {
	local option module told=''
	[ -e "$1" ] || return 0
	while read -r option module; do
		[ "$module" != "$told" ] || continue
		[ -n "$(config_value "$1" "$option")" ] || { echo "$option $module" && told=$module; }
	done < <(awk '$1 == "ifdef" { options[++depth] = substr($2, 8) } $1 == "endif" { depth-- }
		/^obj-m/ { sub("[.]o", ""); for (i = 1; i <= depth; i++) print options[i], $3 }' "$top/Kbuild")
}
