#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs all tests: those of the host's scripts, and those of the modules, which
# cargo runs inside the guest.
#
# Usage: scripts/test.sh [ARGUMENT...]     arguments for `cargo test`

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

LKMPG_GUEST=$("$top/scripts/prepare.sh")
export LKMPG_GUEST PATH="$cache/toolchain/bin:$PATH"

rc=0
[ $# -gt 0 ] || bats "$top/tests/host" || rc=1
cd "$top/tests"
step "Building the tests" "$top/build/log/tests.log" cargo test --locked --no-run
cargo test --locked --quiet --no-fail-fast "$@" || rc=1
exit $rc
