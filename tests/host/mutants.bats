# shellcheck shell=bats disable=SC2016,SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The mutants of `make mutants` still suit the sources. (Whether the tests notice them takes
# an hour to find out.)

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
}

@test "each mutant applies" {
	rotten=()
	for patch in tests/mutants/*/*.patch; do
		git apply --check "$patch" || rotten+=("$patch")
	done
	echo "${rotten[@]}"
	[ ${#rotten[@]} -eq 0 ]
}

# exists(test...) - whether there are the tests that a mutant names
exists() {
	case $1 in
	build) [ $# -eq 1 ] ;;
	host) [ -e "tests/host/$2.bats" ] ;;
	modules) for test in "${@:2}"; do [[ $test != *::* || -e tests/tests/${test%%::*}.rs ]] || return; done ;;
	*) [ -e "tests/tests/$1.rs" ] ;;
	esac
}

@test "each says what to build and what to run, which there is, and nothing else" {
	for patch in tests/mutants/*/*.patch; do
		echo "$patch"
		seen=
		while IFS=' ' read -r name value; do
			[[ $seen != *$name* && -n $value ]]
			seen+=$name
			read -ra words <<<"$value"
			case $name in
			builds:) for word in "${words[@]}"; do [ -e "$word.rs" ] || [ -e "tests/$word.rs" ]; done ;;
			tests:) exists "${words[@]}" ;;
			guest:) [ "$value" = debug ] ;;
			survives:) ;;
			*) false ;;
			esac
		done < <(sed '/^---/Q; /^$/d' "$patch")
		[[ $seen == *tests:* ]]
	done
}

@test "each module and each wrapper has four at least" {
	for source in *_rs.rs abstractions/*.rs; do
		stem=$(basename "$source" .rs)
		# Nothing but declarations.
		[[ $stem != mod && $stem != bindings ]] || continue
		echo "$stem"
		[ "$(find "tests/mutants/$stem" -name '*.patch' | wc -l)" -ge 4 ]
	done
}
