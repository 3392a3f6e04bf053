#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs all tests: those of the modules, which cargo runs inside the guest, then
# those of the host's scripts.
#
# Usage: scripts/test.sh [ARGUMENT...]     of `cargo test`; leaves the host's out

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

LKMPG_GUEST=$("$top/scripts/prepare.sh")
export LKMPG_GUEST PATH="$cache/toolchain/bin:$PATH"

cd "$top/tests"
step "Building the tests" "$top/build/log/tests.log" cargo test --locked --no-run

rc=0
cargo test --locked --quiet --no-fail-fast "$@" || rc=1
# Not beside the guest: some of its tests wait for a clock.
[ $# -gt 0 ] || bats "$top/tests/host" || rc=1
exit $rc
