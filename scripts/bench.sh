#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Counts the instructions of the modules and of their C twins, in a guest in which
# each run is the same; prints a table. Of Linux 7.3 it writes bench/results.json,
# README's table of it, and the plots in docs/ as well.
#
# Usage: scripts/bench.sh
#        scripts/bench.sh ARGUMENT...     of `bench measure`: prints its JSON, no more

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/apt.sh
. "$top/scripts/apt.sh"

# plot(what, x, y) - draws how an operation of bench/results.json grows with the number of
# `what`, without a date
plot() {
	python3 - "$top/bench/results.json" "$1" >"$work/data" <<-END
		import json, sys
		for row in json.load(open(sys.argv[1]))["instructions"]:
		    words = row["of"].split()
		    if words[2:] == [sys.argv[2]]:
		        print(words[1], row["rust"], row["c"])
	END
	gnuplot -e "data='$work/data'; x='$2'; y='$3'" "$top/bench/scale.gnuplot" >"$work/$1.svg"
	mv "$work/$1.svg" "$top/docs/$1.svg"
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
[ ${#only_print[@]} -eq 0 ] || exit 0
command -v gnuplot >/dev/null || apt_install gnuplot-nox
plot sleepers "sleepers on /proc/sleep" "instructions until all have run"
plot files "open files of /proc/rw_test" "instructions to open all"
plot records "records of /proc/iter" "instructions to read all"
