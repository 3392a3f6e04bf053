#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Looks at the sources: rustfmt with the kernel's configuration, clippy as the
# kernel runs it with every warning an error, shellcheck, and those tests of the
# book that need neither a guest nor a browser.
#
# Usage: scripts/check.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

kdir=$("$top/scripts/kernel.sh")
use_tools "$kdir"
cd "$top"
log=$top/build/log

mapfile -d '' -t sources < <(project_files '*.rs' ':!tests/src' ':!tests/tests')
mapfile -d '' -t scripts < <(project_files '*.sh' '*.bats' '*.bash' qemu/init qemu/run-tests-debug 'qemu/tour/*' 'docs/book/exercises/*/test' docs/book/exercises/functions .ci/run)
[ ${#scripts[@]} -gt 0 ] || die "git lists no files of $top"
step "rustfmt, with the kernel's configuration" "$log/rustfmt.log" \
	rustfmt --check --edition 2021 --config-path "$kdir/source/.rustfmt.toml" "${sources[@]}"

# Clippy leaves no objects behind, so modules get a folder of their own, of links:
# sharing theirs would rebuild every module after each switch.
rm -rf build/clippy
for name in modules faulty; do
	# The tests' modules use what ours export.
	[ "$name" = modules ] && folder=. exports='' || folder=tests/faulty exports=../modules/Module.symvers
	links=build/clippy/$name
	mkdir -p "$links"
	for entry in "$top/$folder"/{Kbuild,abstractions,*.rs,*_rs/}; do
		# What kbuild has generated there may be for another kernel, and is that build's.
		[[ ! -e $entry || $entry == *_generated.rs ]] || ln -s "${entry%/}" "$links"
	done
	step "clippy, of the modules in $name" "$log/clippy.log" \
		kbuild "$kdir" "build/clippy/$name" CLIPPY=1 KRUSTFLAGS=-Dwarnings \
		KBUILD_EXTRA_SYMBOLS="$exports" modules
done

step "rustfmt, of the tests" "$log/rustfmt-tests.log" cargo fmt --check --manifest-path tests/Cargo.toml -- --config-path "$kdir/source/.rustfmt.toml"
step "clippy, of the tests" "$log/clippy-tests.log" env -C tests CLIPPY_CONF_DIR="$top/tests" \
	cargo clippy --locked --all-targets --all-features --quiet -- -D warnings

step "shellcheck, of ${#scripts[@]} scripts" "$log/shellcheck.log" shellcheck --norc -x "${scripts[@]}"
step "the book: links, listings, commands" "$log/book-check.log" \
	bats --print-output-on-failure tests/host/book.bats
