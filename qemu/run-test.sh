#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The cargo runner of tests/: runs a test binary inside the guest, so that
# `cargo test` and `cargo nextest run` work as usual. Listing the tests needs no
# kernel and is done on the host, and so is running none of them.
#
# Usage: qemu/run-test.sh BINARY ARGUMENT...
# Environment: LKMPG_GUEST (the guest's folder; prepared when not set), DEBUG, and
# as for boot.sh, LIMIT being 1200 s here, with DEBUG 3600. RUST_*, FUZZ_* and LKMPG_*
# reach the test. PARTITION=2/4 takes of each four tests the second, as cargo nextest's
# --partition does.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

binary=$1
shift
for argument in "$@"; do
	[ "$argument" != --list ] || exec "$binary" "$@"
done
guest=${LKMPG_GUEST:-$("$top/scripts/prepare.sh")}

# What is on a module that the kernel lacks an option for is left out.
while read -r option module; do
	echo "Left out: what is on $module, for this kernel has no CONFIG_$option" >&2
	[[ $(basename "$binary") != "$module"-* ]] || exit 0
	set -- "$@" --skip "${module%_rs}"
done < <(absent "$guest/boot/config")

# No boot for a binary of which the filters leave no test.
if listed=$("$binary" "$@" --list) && [[ $listed =~ ^("0 tests, 0 benchmarks")?$ ]]; then
	exec "$binary" "$@"
fi

if [ -n "${PARTITION:-}" ]; then
	[[ $PARTITION =~ ^([1-9][0-9]*)/([1-9][0-9]*)$ && ${BASH_REMATCH[1]} -le ${BASH_REMATCH[2]} ]] ||
		die "PARTITION=$PARTITION is no part of a whole; take one like 1/4, 2/4, 3/4, 4/4"
	[ -n "$listed" ] || die "$binary does not list its tests, of which PARTITION takes a part"
	mapfile -t names < <(sed -n 's/: test$//p' <<<"$listed" | sed -n "${BASH_REMATCH[1]}~${BASH_REMATCH[2]}p")
	[ ${#names[@]} -gt 0 ] || exit 0
	set -- "$@" --exact "${names[@]}"
fi

# quoted(word) - prints a word quoted for the guest's shell
quoted() {
	printf "'%s'" "${1//\'/\'\\\'\'}"
}

# Modules are global: one test at a time. ttyS1 is a terminal for the test even
# where this script's output is none.
[[ " $* " == *" --test-threads"* ]] || set -- --test-threads=1 "$@"
[[ " $* " == *" --color"* ]] || set -- --color="$([ -t 1 ] && echo always || echo never)" "$@"

[ -n "${DEBUG:-}" ] && run=run-tests-debug limit=3600 || run=test limit=1200
job=$(mktemp -d)
trap 'rm -rf "$job"' EXIT
{
	echo '#!/bin/sh'
	while IFS='=' read -r -d '' name value; do
		[[ $name =~ ^(RUST|FUZZ|LKMPG)_[A-Z0-9_]+$ ]] && echo "export $name=$(quoted "$value")"
	done < <(env -0)
	printf 'exec /job/%s' "$run"
	for argument in "$@"; do
		printf ' %s' "$(quoted "$argument")"
	done
	echo
} >"$job/run"
cp "$binary" "$job/test"
# Its probe patches the kernel's code while others run it.
[[ $(basename "$binary") != syscall_rs-* ]] || export PATCHED_CODE=1
# A single process makes its calls fail, tens of thousands of them: other CPUs slow it down.
[[ $(basename "$binary") != fault_injection-* ]] || export SMP="${SMP:-1}"
LIMIT=${LIMIT:-$limit} "$top/qemu/boot.sh" "$guest" "$job/run" "$job/test" "$top/qemu/run-tests-debug"
