#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Looks at the sources: rustfmt with the kernel's configuration, clippy as the
# kernel runs it with every warning an error, shellcheck.
#
# Usage: scripts/check.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

kdir=$("$top/scripts/kernel.sh")
use_tools "$kdir"
cd "$top"
git_files() { git ls-files --cached --others --exclude-standard -z "$@"; }
log=$top/build/log

mapfile -d '' -t sources < <(git_files '*.rs' ':!tests/src' ':!tests/tests')
step "rustfmt, with the kernel's configuration" "$log/rustfmt.log" \
	rustfmt --check --edition 2021 --config-path "$kdir/source/.rustfmt.toml" "${sources[@]}"

# Clippy leaves no objects behind, so modules get a folder of their own, of links:
# sharing theirs would rebuild every module after each switch.
rm -rf build/clippy
for folder in "$top" "$top/tests/faulty"; do
	links=$top/build/clippy/$(basename "$folder")
	mkdir -p "$links"
	for entry in "$folder"/{Kbuild,abstractions,*.rs,*_rs/}; do
		[ ! -e "$entry" ] || ln -s "${entry%/}" "$links"
	done
	step "clippy, of the modules in $(basename "$folder")" "$log/clippy.log" \
		make -C "$kdir" LLVM=1 CLIPPY=1 KRUSTFLAGS=-Dwarnings M="$links" \
		KBUILD_EXTRA_SYMBOLS="$top/build/clippy/$(basename "$top")/Module.symvers" -j"$(nproc)" modules
done

step "rustfmt, of the tests" "$log/rustfmt-tests.log" cargo fmt --check --manifest-path tests/Cargo.toml
step "clippy, of the tests" "$log/clippy-tests.log" bash -c \
	'cd tests && cargo clippy --locked --all-targets --quiet -- -D warnings'

mapfile -d '' -t scripts < <(git_files '*.sh' '*.bats' qemu/init qemu/run-tests-debug 'qemu/tour/*' .ci/run)
step "shellcheck, of ${#scripts[@]} scripts" "$log/shellcheck.log" shellcheck -x "${scripts[@]}"
