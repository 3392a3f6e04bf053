#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs all tests: those of the modules, which cargo runs inside the guest, then
# those of the host's scripts. With DEBUG=1 in the debug guest, with those that only
# it can run, and without those of the host's scripts, which have nothing to do with it;
# so, too, with STOCK=1.
#
# Usage: [AGAIN=1] [IMPL=c] scripts/test.sh [--tests | ARGUMENT...]
# With --tests only those in guests are run. With other ARGUMENTs, which are those of
# `cargo test`, nothing else is run. With IMPL=c the
# C twins of bench/c run the tests of their Rust modules, and no others. When all tests
# have passed, and nothing has changed since, they are run again with AGAIN=1 only.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

[ -z "${KCSAN:-}" ] ||
	die "KCSAN=1: neither kbuild nor rustc can have it watch Rust code, see docs/known-issues.md"

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

# inputs() - prints a hash of all that the tests depend on: the files that are or would be
# in git, the kernel and the guest's files, the tools, and what the caller has set (make
# sets what it was not given to nothing)
inputs() {
	{
		(cd "$top" && project_files . | xargs -0 sha256sum) 2>&1 || true
		sha256sum "$LKMPG_GUEST/initramfs.cpio" "$LKMPG_GUEST/kernel" "$cache/toolchain/versions"
		qemu-system-x86_64 --version
		env | grep -E '^(ACCEL|APPEND|DEBUG|IMPL|KDIR|KERNEL_SRC|LIMIT|PARTITION|RELEASE|SERIES|SMP|STOCK|VARIANT|(FUZZ|LKMPG|RUST)_[A-Z_]*)=.' | sort || true
	} | sha256sum
}

# The names of what failed come last, for the rest is long.
report=$top/build/log/test.log passed=$LKMPG_GUEST/passed inputs=$(inputs)
rc=0
if [ $# -eq 0 ] && [ -z "${AGAIN:-}" ] && grep -sqxF "$inputs" "$passed"; then
	echo "Nothing has changed since all tests passed, $(date -r "$passed" '+%F %T'); AGAIN=1 runs them again:"
	grep '^test result:\|^1\.\.' "$passed"
	exit
fi
[ $# -gt 0 ] || rm -f "$passed"
: >"$report"

# tests(command...) - runs a part of the tests
tests() {
	"$@" 2>&1 | tee -a "$report" || rc=1
}

# own_guests() - runs the tests that have a guest of their own
own_guests() {
	local status=0
	cargo test --locked --quiet --test syscall_rs || status=1
	# With the number of failures that each module met.
	[ -z "${DEBUG:-}" ] || cargo test --locked --quiet --test fault_injection -- --nocapture || status=1
	return $status
}

bats=(bats --print-output-on-failure)
if [ $# -gt 0 ] && [ "$*" != --tests ]; then
	tests cargo test --locked --quiet --no-fail-fast "$@"
else
	# Side by side, for most tests wait. Those in the background are process groups, which
	# end with this script.
	set -m
	own_guests >"$LKMPG_GUEST/own.log" 2>&1 &
	beside=($!) logs=("$LKMPG_GUEST/own.log")
	# In two guests; in the debug guest what costs is the scan behind each module's tests.
	part=${PARTITION:-}
	if [ -z "${DEBUG:-}${PARTITION:-}" ]; then
		PARTITION=2/2 cargo test --locked --quiet --test modules >"$LKMPG_GUEST/half.log" 2>&1 &
		beside+=($!) logs=("$LKMPG_GUEST/half.log" "${logs[@]}")
		part=1/2
	fi
	if [ -n "${DEBUG:-}" ] && [ -z "${STOCK:-}" ]; then
		"${bats[@]}" "$top/tests/debug" >"$LKMPG_GUEST/debug.log" 2>&1 &
		beside+=($!) logs+=("$LKMPG_GUEST/debug.log")
	fi
	set +m
	trap 'kill -- "${beside[@]/#/-}" 2>/dev/null || true' EXIT
	PARTITION=$part tests cargo test --locked --quiet --test modules
	# What races, once more on more processors than most machines have to spare.
	[ -z "${DEBUG:-}" ] ||
		SMP=4 tests cargo test --locked --quiet --test modules -- races:: chardev_rs:: locks_rs::
	for job in "${beside[@]}"; do
		wait "$job" || rc=1
	done
	tests cat "${logs[@]}"
	# Not beside a guest: some of these wait for a clock.
	[ -n "${DEBUG:-}${STOCK:-}$*" ] || tests "${bats[@]}" "$top/tests/host"
fi
[ $rc -eq 0 ] || {
	printf '\nFailed, see %s:\n' "$report"
	sed -n 's/^not ok [0-9]* /  /p; s/^    \([a-z0-9_:]*\)$/  \1/p; s/^guest: .*/  &/p' "$report" | sort -u
}
[ $rc -ne 0 ] || [ $# -gt 0 ] || { echo "$inputs" && cat "$report"; } >"$passed"
exit $rc
