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
	kbuild "$kdir" "" -s clean
	for folder in tests/faulty bench/c bench/fixtures; do
		kbuild "$kdir" "$folder" -s clean
	done
fi
rm -rf "$top/build" "$top/tests/target" "$top/rust-project.json"
