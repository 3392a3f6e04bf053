#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds an exercise of the book, docs/book/exercises/N/exercise.rs, and has its test tell in
# the guest whether it is solved.
#
# Usage: scripts/exercise.sh N [FILE]
# With FILE, such as solution.rs, that file of the folder instead.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

exercises=$top/docs/book/exercises
number=${1:-} file=${2:-exercise.rs}
source=$exercises/$number/$file
[[ -n $number && -e $source ]] ||
	die "there is no exercise ${number:-without a number}; take one of: $(cd "$exercises" && printf "%s\n" [0-9]* | sort -n | xargs), as in 'make exercise 1'"

guest=${LKMPG_GUEST:-$("$top/scripts/prepare.sh")}
kdir=$("$top/scripts/kernel.sh")
use_tools "$kdir"
folder=build/exercise
log=$top/build/log/exercise.log
# It may use what one of our modules exports.
attempt "Building $file of exercise $number" "$log" kbuild_apart "$kdir" "$folder" "$source" exercise \
	KBUILD_EXTRA_SYMBOLS=../../Module.symvers || {
	cat "$log" >&2
	die "exercise $number does not compile"
}
"$top/qemu/boot.sh" "$guest" "$exercises/$number/test" "$exercises/functions" "$top/$folder/exercise.ko" ||
	die "exercise $number is not solved yet: docs/book/exercises/$number/$file"
echo "Exercise $number is solved."
