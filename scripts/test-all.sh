#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs all tests on each series, plain and in the debug guest; those of the modules on a
# kernel that GCC builds, on one for real time, on one with kCFI (on 7.3: 7.2 has no hashes of
# enums for Rust), on one that lacks the options that some modules need, and on Debian's own of
# two flavours, in a container where this is not Debian 13; signed modules;
# the tour on one that releases kobjects late, by which each rmmod takes seconds; some
# mutants. Builds the modules for the newest release candidate that Debian has. Ends with a
# table of it all.
# Fails when a test did; a release candidate that does not build is only told.
#
# Usage: scripts/test-all.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

unset KDIR KERNEL_SRC IMPL VARIANT STOCK RELEASE
rc=0 table=()

# run(title, log, command...) - runs a part with its output in a log, too; adds a row
run() {
	local title=$1 log=$top/build/log/$2 start=$SECONDS result=ok passed failed
	printf '\n%s\n' "$title"
	mkdir -p "$top/build/log"
	"${@:3}" 2>&1 | tee "$log" || result=FAILED
	read -r passed failed < <(awk '
		/^test result:/ { passed += $4; failed += $6 }
		/^1\.\./ { passed += substr($0, 4) } # of bats
		/^not ok / { failed++; passed-- }
		/^[0-9:]+ (caught|excused) / { passed++ } # of mutants.sh
		/^[0-9:]+ (survived|useless) / { failed++ }
		END { print passed + 0, failed + 0 }' "$log")
	table+=("$title" "$passed" "$failed" "$(elapsed "$start")" "$result")
	[ "$result" = ok ]
}

# shellcheck disable=SC2317 # `run` calls it
# candidate() - builds the modules for a release candidate, which it does not boot
candidate() {
	local kdir
	kdir=$(SERIES=rc "$top/scripts/kernel.sh") && KDIR=$kdir "$top/scripts/modules.sh" modules
}

# shellcheck disable=SC2317 # `run` calls it
# stock(flavour) - runs the tests on Debian's newest kernel of a flavour
stock() {
	local in=()
	export STOCK=1 RELEASE=$1
	if [ "$(os_release ID)" != debian ] || ! at_least "$(os_release VERSION_ID)" 13; then
		# Not the cache's tools, which are of this machine.
		in=("$top/scripts/container.sh")
		export XDG_CACHE_HOME=$cache/container
	fi
	"${in[@]}" "$top/scripts/test.sh" --tests
}

for series in "${known_series[@]}"; do
	SERIES=$series DEBUG='' run "Linux $series" "test-$series.log" "$top/scripts/test.sh" || rc=1
	SERIES=$series DEBUG=1 run "Linux $series, debug guest" "test-$series-debug.log" "$top/scripts/test.sh" || rc=1
	SERIES=$series DEBUG='' VARIANT=gcc run "Linux $series, GCC" "test-$series-gcc.log" "$top/scripts/test.sh" --tests || rc=1
done
SERIES=7.3 DEBUG='' VARIANT=cfi run "Linux 7.3, kCFI" test-7.3-cfi.log "$top/scripts/test.sh" --tests || rc=1
SERIES=7.3 DEBUG='' VARIANT=rt run "Linux 7.3, for real time" test-7.3-rt.log "$top/scripts/test.sh" --tests || rc=1
SERIES=7.3 DEBUG='' VARIANT=lean run "Linux 7.3, lean" test-7.3-lean.log "$top/scripts/test.sh" --tests || rc=1
SERIES=7.3 DEBUG='' VARIANT=late-release run "Linux 7.3, kobjects released late" demo-7.3-late.log "$top/scripts/demo.sh" || rc=1
DEBUG='' run "Signed modules" signed.log bats --print-output-on-failure "$top/tests/signed" || rc=1
for flavour in amd64 cloud-amd64; do
	DEBUG='' run "Debian's own, $flavour" "test-stock-$flavour.log" stock "$flavour" || rc=1
done
SERIES=7.3 DEBUG='' SAMPLE=20 run "Linux 7.3, mutants, a sample of them" mutants.log "$top/scripts/mutants.sh" || rc=1
DEBUG='' run "Release candidate, modules built" rc.log candidate || true

echo
printf '%-36s %6s %6s %8s  %s\n' Kernel Passed Failed Time Result "${table[@]}"
exit $rc
