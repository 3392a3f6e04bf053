# shellcheck shell=bats disable=SC2016,SC2030,SC2031,SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The book and the guest: what it says the guest prints is what the guest prints, and its
# exercises can be solved. LKMPG_GUEST is the guest to use.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL
}

# guest() - makes the guest ready, once for all tests
guest() {
	LKMPG_GUEST=${LKMPG_GUEST:-$(scripts/prepare.sh)}
	export LKMPG_GUEST
}

@test "each console session is what the guest prints" {
	guest
	scripts/book-sessions.py --check
}

@test "the session with gdb is what the guest and gdb print" {
	guest
	scripts/book-sessions.py --gdb --check
}

@test "a session that the guest does not print is told, and one that leaves a module" {
	guest
	copy=$BATS_TEST_TMPDIR/copy
	mkdir -p "$copy/docs/book/src"
	cp -r scripts qemu Makefile "$copy"
	echo '[Made up](made.md)' >"$copy/docs/book/src/SUMMARY.md"
	printf '```console\nguest# uname -s\nLinux\nguest# echo 1 >&2; false\n2\n```\nText\n' >"$copy/docs/book/src/made.md"
	run -1 "$copy/scripts/book-sessions.py" --check
	[[ $output == *$'\n-2\n+1\n'* ]]
	"$copy/scripts/book-sessions.py"
	[ "$(tail -n 3 "$copy/docs/book/src/made.md")" = $'1\n```\nText' ]
	printf '```console\nguest# insmod hello_rs.ko\n```\n' >"$copy/docs/book/src/made.md"
	run -1 "$copy/scripts/book-sessions.py" --check
	[[ $output == *'made.md: leaves hello_rs'* ]]
}

@test "the solution of each exercise passes its test, and the exercise itself does not" {
	guest
	for folder in docs/book/exercises/[0-9]*/; do
		number=$(basename "$folder")
		run -0 scripts/exercise.sh "$number" solution.rs
		[ "${lines[-1]}" = "Exercise $number is solved." ]
		run -2 make exercise "$number"
		[[ $output == *"  not yet: "*"lkmpg-rs: exercise $number is not solved yet"* ]]
		grep -q "^| $number |" docs/book/src/exercises.md
	done
}
