#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Counts the instructions of the modules and of their C twins, in a guest in which
# each run is the same; prints a table. Of Linux 7.3 it writes bench/results.json,
# README's table of it, and the plot in docs/ as well.
#
# Usage: scripts/bench.sh
#        scripts/bench.sh ARGUMENT...     of `bench measure`: prints its JSON, no more

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/apt.sh
. "$top/scripts/apt.sh"

# plot() - draws the sleepers' curve of bench/results.json, without a date
plot() {
	command -v gnuplot >/dev/null || apt_install gnuplot-nox
	python3 - "$top/bench/results.json" >"$work/sleepers" <<-END
		import json, sys
		for row in json.load(open(sys.argv[1]))["instructions"]:
		    words = row["of"].split()
		    if words[0] == "wake":
		        print(words[1], row["rust"], row["c"])
	END
	gnuplot -e "data='$work/sleepers'" "$top/bench/sleepers.gnuplot" >"$work/sleepers.svg"
	mv "$work/sleepers.svg" "$top/docs/sleepers.svg"
}

guest=$(IMPL=both "$top/scripts/prepare.sh")
kdir=$("$top/scripts/kernel.sh")
use_tools "$kdir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# measure(argument...) - has the guest measure, and prints what it says
measure() {
	printf '#!/bin/sh\nexec bench measure %s\n' "$*" >"$work/job"
	ICOUNT=1 LIMIT=${LIMIT:-300} "$top/qemu/boot.sh" "$guest" "$work/job"
}

[ $# -eq 0 ] || { measure "$@"; exit; }
step "Measuring" "$work/results" measure . c
release=$(cat "$kdir/include/config/kernel.release")
only_print=()
[[ $release == 7.3.* ]] || only_print=(--only-print)
"$top/tests/target/x86_64-unknown-linux-gnu/release/bench" report --top "$top" \
	--about "kernel=$release" \
	--about "config=$(sha256sum "$kdir/.config" | head -c 12)" \
	--about "rustc=$(rustc --version)" \
	--about "clang=$(clang --version | head -n 1)" \
	--about "qemu=$(qemu-system-x86_64 --version | head -n 1)" \
	"${only_print[@]}" <"$work/results"
[ ${#only_print[@]} -gt 0 ] || plot
