# shellcheck shell=bats disable=SC2016,SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The examples in the documentation of abstractions/: `rustdoc --test` compiles each one, as
# a module, and whatever a module can use is in one.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	export EXAMPLES=$BATS_FILE_TMPDIR
	ln -s "$PWD/abstractions" "$EXAMPLES/abstractions"
	rc=0
	# rustdoc 1.85 does not heed -Zcrate-attr where it looks for examples.
	scripts/rust-env.sh env EXAMPLES="$EXAMPLES" sh -c 'sed -n "s/^-Zcrate-attr=\(.*\)/#![\1]/p" "$RUST_FLAGS" >build/examples.rs &&
		echo "#[path = \"../abstractions/mod.rs\"] mod abstractions;" >>build/examples.rs &&
		rustdoc @"$RUST_FLAGS" --test --no-run --test-builder tests/host/example.sh build/examples.rs' \
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

@test "whatever a module can use is in an example of its file" {
	missing=()
	mapfile -t files < <(sed -n 's/^pub(crate) mod \(.*\);/\1/p' abstractions/mod.rs)
	for file in "${files[@]}"; do
		grep -q '^//[/!] # Examples$' "abstractions/$file.rs" || missing+=("$file")
		# Each `pub(crate)` item's name, but for what is hidden, which is not for modules.
		mapfile -t names < <(awk '
			/^ *#\[doc\(hidden\)\]/ { hidden = 1 }
			/^ *pub\(crate\) / && !hidden {
				words = "((const|enum|fn|safe|static|struct|trait|type|unsafe|use) )+"
				if (sub("^ *pub\\(crate\\) " words, "")) {
					sub(/^([A-Za-z0-9_]+::)+/, "")
					sub(/[^A-Za-z0-9_].*/, "")
					print
				}
			}
			!/^ *#\[/ { hidden = 0 }' "abstractions/$file.rs")
		for name in "${names[@]}"; do
			grep -qsw "$name" "$EXAMPLES"/*_abstractions_"${file}"_rs_*.rs || missing+=("$file::$name")
		done
	done
	printf 'without an example: %s\n' "${missing[@]}"
	[ ${#missing[@]} -eq 0 ]
}
