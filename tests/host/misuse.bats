# shellcheck shell=bats disable=SC2016,SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# What safe code must not be able to do does not compile: tests/misuse/check.py says how.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	check=tests/misuse/check.py
}

@test "no misuse compiles, and each module does without it" {
	run -0 scripts/rust-env.sh "$check" tests/misuse/*.rs
}

@test "the check sees a misuse that compiles, and one that fails in another way" {
	case=tests/misuse/guard_outlives_lock.rs
	cd "$BATS_TEST_TMPDIR"
	# variant(name, sed command...) - writes a case with something wrong in it
	variant() {
		sed "${@:2}" "$OLDPWD/$case" >"$1.rs"
		! cmp -s "$1.rs" "$OLDPWD/$case"
	}
	variant accepted 's|drop(lock); |drop(\&lock); |'
	variant always '/cfg(misuse)/d'
	variant another_code 's/E0505/E0506/'
	variant another_line 's|//~ ERROR|//~^ ERROR|'
	variant another_text 's/borrowed/locked/'
	variant one_less '$a //~? ERROR of another lock'
	variant one_more '$a #[cfg(misuse)] const LOCK: u32 = guard();'
	variant unmarked 's|//~.*||'
	cp "$OLDPWD/$case" right.rs
	run -1 "$OLDPWD/scripts/rust-env.sh" "$OLDPWD/$check" ./*.rs
	diff <(grep -E '^(not )?ok' <<<"$output") - <<-'END'
		not ok ./accepted.rs: compiles in spite of the misuse
		not ok ./always.rs: does not compile without the misuse:
		not ok ./another_code.rs: another error:
		not ok ./another_line.rs: another error:
		not ok ./another_text.rs: another error:
		not ok ./one_less.rs: not the error of line 17
		not ok ./one_more.rs: another error:
		ok ./right.rs
		not ok ./unmarked.rs: tells no error
	END
}
