# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every host script shares: where things lie, how progress and failure
# are told, how two runs keep out of each other's way. To be sourced.
#
# Results (a path, usually) go to standard output; everything said to a person
# goes to standard error.

set -euo pipefail

# shellcheck source=scripts/environment.sh
. "${BASH_SOURCE[0]%/*}/environment.sh"

# shellcheck disable=SC2034 # used by the scripts that source this file
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/lkmpg-rs

# The oldest tools that build the kernel's Rust code.
# shellcheck disable=SC2034
min_rustc=1.85.0 min_llvm=17.0.0 min_bindgen=0.71.1

# at_least(version, minimum) - whether a version is not below a minimum
at_least() {
	[ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# version_of(command...) - prints the version that a program tells
version_of() {
	local text
	text=$("$@" --version 2>/dev/null) && [[ $text =~ [0-9]+(\.[0-9]+)+ ]] && echo "${BASH_REMATCH[0]}"
}

# shellcheck source=scripts/series.sh
. "$top/scripts/series.sh"

# os_release(field) - prints a field of /etc/os-release
os_release() {
	sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" /etc/os-release
}

# die(message...) - says in one line what is wrong, and ends the script
die() {
	printf '%s: %s\n' "lkmpg-rs" "$*" >&2
	exit 1
}

# kbuild splits paths at these characters, or its shell does something else with them.
strange='[][:space:]%:&$'\''"\()<>|;*?[{}#!`,]'
[[ ! $cache =~ $strange ]] ||
	die "kbuild does not work in $cache, which has a '${BASH_REMATCH[0]}' in it; set XDG_CACHE_HOME to another folder"
# It is cargo that has no way around this one.
[[ $top != *:* ]] || die "cargo does not work in $top, which has a ':' in it; move it to another folder"

# shellcheck source=scripts/tree.sh
. "$top/scripts/tree.sh"

# shellcheck source=scripts/step.sh
. "$top/scripts/step.sh"

# kbuild(kdir, folder, argument...) - runs kbuild on the modules of a folder, given
# below the top one. A strange path of that has another name, in a mount namespace.
kbuild() {
	local place=$top inside=()
	if [[ $top =~ $strange ]]; then
		place=$cache/checkout
		mkdir -p "$place"
		# shellcheck disable=SC2016 # the arguments of sh
		inside=(unshare --mount sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' "$top" "$place")
		[ "$(id -u)" -eq 0 ] || inside=("${inside[0]}" --map-root-user "${inside[@]:1}")
		"${inside[@]}" true ||
			die "kbuild does not work in $top, which has a '${BASH_REMATCH[0]}' in it; move it to another folder"
	fi
	"${inside[@]}" make -C "$1" "$(compiler "$1")" M="$place${2:+/$2}" --no-print-directory -j"$jobs" "${@:3}"
}

# kbuild_apart(kdir, folder, source, name, argument...) - runs kbuild on a module of one file in
# a folder of its own below the top one. Others may have been built there: the bindings of the
# wrappers stay.
kbuild_apart() {
	lock "$top/.lock"
	mkdir -p "$top/$2"
	rm -f "$top/$2/$4.o"
	ln -sfn "$top/abstractions" "$top/$2/abstractions"
	ln -sfn "$3" "$top/$2/$4.rs"
	# shellcheck disable=SC2016 # make's $
	printf 'obj-m += %s.o\ninclude $(src)/abstractions/Makefile.generated\n' "$4" >"$top/$2/Kbuild"
	kbuild "$1" "$2" "${@:5}" modules
}

# project_files(pathspec...) - prints the names of the files that are or would be in git,
# each ended by a NUL; also where there is no repository, as in a tarball
project_files() {
	local git=(git -C "$top")
	if [ "$("${git[@]}" rev-parse --show-toplevel 2>/dev/null)" != "$(realpath "$top")" ]; then
		git+=(--git-dir="$top/build/files.git" --work-tree="$top")
		mkdir -p "$top/build" && "${git[@]}" init --quiet
	fi
	"${git[@]}" ls-files -z --cached --others --exclude-standard -- "$@"
}

# lock(file) - waits until no other run holds `file`; held until the script ends.
# A script that is run by the holder goes on.
lock() {
	[[ ${LKMPG_LOCKS:-} != *":$1:"* ]] || return 0
	mkdir -p "$(dirname "$1")" || die "cannot create $(dirname "$1")"
	exec {lock_fd}>"$1" || die "cannot write $1"
	if ! flock -n "$lock_fd"; then
		echo "  waiting for another run ($1)" >&2
		flock "$lock_fd"
	fi
	export LKMPG_LOCKS="${LKMPG_LOCKS:-}:$1:"
}

# need_space(gigabytes) - ends the script when the cache's disk has less room
need_space() {
	local free
	mkdir -p "$cache" || die "cannot create $cache"
	free=$(df --output=avail -B1M "$cache" | tail -n 1)
	[ "$free" -ge $(($1 * 1024)) ] ||
		die "the disk of $cache has $free MiB free, this step needs $1 GiB; make room or set XDG_CACHE_HOME"
}

# from_crates_io(name, crate, version, argument...) - builds a program in the cache, in the
# folder NAME-VERSION, whose .complete tells the time that it took; ARGUMENTs are cargo's
from_crates_io() {
	local root=$cache/$1-$3 log=$cache/log/$1.log
	rm -rf "$root.part"
	step "Building $1 $3" "$log" with_cpu_time env CARGO_ENCODED_RUSTFLAGS= \
		cargo install --locked --root "$root.part" --version "$3" "${@:4}" "$2"
	tail -n 1 "$log" >"$root.part/.complete"
	rm -rf "$root" && mv "$root.part" "$root"
}
