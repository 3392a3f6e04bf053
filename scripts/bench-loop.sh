#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tells what a developer waits for: a first set-up, by its parts; the tests; a changed
# module until its tests are green; a boot. For the wall times nothing else should run.
#
# Usage: scripts/bench-loop.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

guest=$("$top/scripts/prepare.sh")
kdir=$("$top/scripts/kernel.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TIMEFORMAT=%R

# row(what, figure) - prints a figure; without one, ends the script
row() {
	[ -n "$2" ] || exit 1
	printf '%-56s %6.1f\n' "$1" "$2"
}

# cpu_row(what, log) - prints the CPU seconds that stand in the last line of a log
cpu_row() {
	row "$1" "$(tail -n 1 "$2" | tr , . | awk '{ print $1 + $3 }')"
}

# build_row(what, command...) - prints the CPU seconds that a command takes
build_row() {
	step "Building the $1" "$work/log" with_cpu_time "${@:2}"
	cpu_row "  $1" "$work/log"
}

# seconds(command...) - prints what a command takes; if it fails, what it said
seconds() {
	{ time "$@" >"$work/said" 2>&1; } 2>&1 || { cat "$work/said" >&2 && exit 1; }
}

echo "A first set-up, CPU seconds:"
for done in "$cache"/bindgen-*/.complete; do
	[ ! -e "$done" ] || cpu_row "  bindgen, where the distribution's is too old" "$done"
done
cpu_row "  kernel" "$kdir/.complete"
mkdir "$work/modules"
project_files Kbuild ':(glob)*.rs' ':(glob)*_rs/*' abstractions | (cd "$top" && xargs -0 cp --parents -t "$work/modules")
use_tools "$kdir"
build_row modules make -C "$kdir" LLVM=1 M="$work/modules" -j"$jobs" modules
build_row "programs of the guest" env -C "$top/tests" \
	cargo build --locked --bins --target-dir "$work/tests"
build_row tests env -C "$top/tests" cargo test --locked --no-run --target-dir "$work/tests"

echo "Seconds:"
row "  make test, all tests run" "$(AGAIN=1 seconds "$top/scripts/test.sh")"
row "  make test, nothing changed" "$(seconds "$top/scripts/test.sh")"
touch "$top/hello_rs.rs"
row "  hello_rs changed, until its tests are green" "$(seconds "$top/scripts/test.sh" hello_rs::)"
printf '#!/bin/sh\n' >"$work/job"
row "  a boot, and power off" "$(for _ in 1 2 3 4 5; do seconds "$top/qemu/boot.sh" "$guest" "$work/job"; done | sort -n | head -n 1)"
