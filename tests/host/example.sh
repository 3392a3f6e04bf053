#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Compiles an example of abstractions/ as a module, into the folder EXAMPLES: what
# `rustdoc --test` runs instead of rustc (`--test-builder`), with the example on standard
# input.
#
# rustdoc puts an example into a function, by two lines before it and one behind. An
# example is the items of a module, so these go, and two lines that begin a module come
# instead: the numbers of the lines stay.

set -euo pipefail

source=$(cat)
name=$(sed -n '2s/^fn main() { .* fn _doctest_main_\(.*\)() {$/\1/p' <<<"$source")
[[ -n $name && $source == *$'\n'"} _doctest_main_${name}() }" ]] || {
	printf 'not as rustdoc writes examples:\n%s\n' "$source" >&2
	exit 1
}
module=$EXAMPLES/$name.rs
{
	echo '#[allow(unused_imports)] use kernel::prelude::*; mod abstractions;'
	[[ $source == *$'\nmodule! {\n'* ]] || printf 'include!("%s");' "$PWD/tests/misuse/common/module.rs"
	echo
	sed '1,2d; $d' <<<"$source"
} >"$module"
# An example shows how something is used, and does not use what it has made.
exec rustc @"$RUST_FLAGS" -Dwarnings -Adead_code -Amissing_docs --crate-name example \
	--emit=metadata="${module%.rs}.rmeta" "$module"
