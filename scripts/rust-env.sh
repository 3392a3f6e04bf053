#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs a command with what kbuild gives to rustc for a module: the tools, the variables,
# and the flags, which lie in a file: rustc and rustdoc take it as `@"$RUST_FLAGS"`. One
# module is built, if need be, and kbuild's record of that tells them.
#
# Usage: scripts/rust-env.sh COMMAND [ARGUMENT...]

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

KDIR=$("$top/scripts/kernel.sh")
export KDIR
use_tools "$KDIR"
step "Asking kbuild for the flags of rustc" "$top/build/log/rust-env.log" \
	"$top/scripts/modules.sh" hello_rs.o

# What the kernel's Makefile exports, and ours.
export RUSTC_BOOTSTRAP=1 LKMPG_OBJ=$top RUST_FLAGS=$top/build/rust-flags
command=$(sed -nE 's/^savedcmd_hello_rs\.o := //; T; s/ --(out-dir|emit)\>.*//p' "$top/.hello_rs.o.cmd")
mapfile -t words < <(xargs printf '%s\n' <<<"$command")
while [[ ${words[0]} == *=* ]]; do
	export "${words[0]}"
	words=("${words[@]:1}")
done
[ "${words[0]}" = rustc ] || die "cannot tell the flags of rustc from $top/.hello_rs.o.cmd"
for word in "${words[@]:1}"; do
	# A file within a file is what rustc does not take.
	case $word in
	@*) cat "${word#@}" ;;
	*) echo "$word" ;;
	esac
done >"$RUST_FLAGS"

exec "$@"
