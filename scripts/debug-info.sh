#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds a module once more, apart from the others, with what a debugger wants to know of it:
# lines, types, variables. Prints its folder and the kernel for gdb, which is installed when it
# is first needed.
#
# Usage: scripts/debug-info.sh sched_rs

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"

command -v gdb >/dev/null || install_packages gdb
kdir=$("$top/scripts/kernel.sh")
use_tools "$kdir"
step "Building $1 for gdb" "$top/build/log/debug-info.log" \
	kbuild_apart "$kdir" build/debug-info "$top/$1.rs" "$1" KRUSTFLAGS=-Cdebuginfo=2
echo "$top/build/debug-info" "$kdir/vmlinux"
