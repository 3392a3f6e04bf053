# shellcheck shell=bats disable=SC2016,SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The examples in the documentation of abstractions/: `rustdoc --test` compiles each one, as
# a module.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	export EXAMPLES=$BATS_FILE_TMPDIR
	ln -s "$PWD/abstractions" "$EXAMPLES/abstractions"
	rc=0
	scripts/rust-env.sh sh -c 'rustdoc @"$RUST_FLAGS" --test --no-run \
		--test-builder tests/host/example.sh --crate-name examples abstractions/mod.rs' \
		>"$EXAMPLES/log" 2>&1 || rc=$?
	export rc
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
}

@test "each example compiles as a module" {
	cat "$EXAMPLES/log"
	[ "$rc" -eq 0 ]
	grep -E '^test result: ok\. [1-9][0-9]* passed; 0 failed; 0 ignored;' "$EXAMPLES/log"
}

# rustdoc takes a block with a label for something else than an example, or does not
# compile it.
@test "no block of code has a label" {
	run -1 grep -nE '^ *//[/!] *(```|~~~).*[^`~]' abstractions/*.rs
	[ -z "$output" ]
}
