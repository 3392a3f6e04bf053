#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Removes all that was built in this folder; the cache, with the kernel and the
# tool chain, stays.
#
# Usage: scripts/clean.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

lock "$top/.lock"
if kdir=$(built_tree); then
	use_tools "$kdir"
	make -s -C "$kdir" LLVM=1 M="$top" clean
	for folder in tests/faulty bench/c bench/fixtures; do
		make -s -C "$kdir" LLVM=1 M="$top/$folder" clean
	done
fi
rm -rf "$top/build" "$top/tests/target" "$top/rust-project.json"
