#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs all tests: those of the modules, which cargo runs inside the guest, then
# those of the host's scripts. With DEBUG=1 in the debug guest, with those that only
# it can run, and without those of the host's scripts, which have nothing to do with it.
#
# Usage: [IMPL=c] scripts/test.sh [ARGUMENT...]     of `cargo test`: nothing else is run
# With IMPL=c the C twins of bench/c run the tests of their Rust modules, and no others.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

LKMPG_GUEST=$("$top/scripts/prepare.sh")
export LKMPG_GUEST PATH="$cache/toolchain/bin:$PATH"

cd "$top/tests"
step "Building the tests" "$top/build/log/tests.log" cargo test --locked --no-run

if [ "${IMPL:-}" = c ] && [ $# -eq 0 ]; then
	set -- -- cat_noblock:: ioctl::
	for twin in "$top"/bench/c/*_rs.c; do
		set -- "$@" "$(basename "$twin" .c)::"
	done
	set -- --test modules "$@"
fi

rc=0
cargo test --locked --quiet --no-fail-fast "$@" || rc=1
[ $# -eq 0 ] || exit $rc
if [ -n "${DEBUG:-}" ]; then
	# With the number of failures that each module met.
	cargo test --locked --quiet --test fault_injection -- --nocapture || rc=1
	bats "$top/tests/debug" || rc=1
else
	# Not beside the guest: some of its tests wait for a clock.
	bats "$top/tests/host" || rc=1
fi
exit $rc
