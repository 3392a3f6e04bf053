# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every host script shares: where things lie, how progress and failure
# are told, how two runs keep out of each other's way. To be sourced.
#
# Results (a path, usually) go to standard output; everything said to a person
# goes to standard error.

set -euo pipefail

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

# os_release(field) - prints a field of /etc/os-release
os_release() {
	sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" /etc/os-release
}

# die(message...) - says in one line what is wrong, and ends the script
die() {
	printf '%s: %s\n' "lkmpg-rs" "$*" >&2
	exit 1
}

# built_tree() - prints KDIR, or the newest tree of SERIES that the cache has
built_tree() {
	if [ -n "${KDIR:-}" ]; then
		echo "$KDIR"
	else
		find "$cache/kernel" -regextype posix-extended -maxdepth 2 -regex \
			".*/${SERIES:-7.3}[.0-9rc-]*${DEBUG:+-debug}${VARIANT:+-$VARIANT}-[0-9a-f]{12}/\.complete" \
			-printf '%T@ %h\n' 2>/dev/null |
			sort -rn | sed -n '1s/^[^ ]* //p' | grep .
	fi
}

# source_version(dir) - prints a source's version, as its Makefile tells it
source_version() {
	awk '$2 == "=" && /^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) / { v[$1] = $3 }
		END { print v["VERSION"] "." v["PATCHLEVEL"] "." v["SUBLEVEL"] v["EXTRAVERSION"] }' "$1/Makefile"
}

# use_tools(kdir) - puts the tools for a kernel tree into PATH: the caller's own
# if they built it, else ours first
use_tools() {
	local conf=$1/include/config/auto.conf ours=$cache/toolchain/bin
	if grep -sqxF "CONFIG_RUSTC_VERSION_TEXT=\"$(rustc --version 2>/dev/null)\"" "$conf" &&
		grep -sqxF "CONFIG_CC_VERSION_TEXT=\"$(clang --version 2>/dev/null | head -n 1)\"" "$conf"; then
		export PATH="$PATH:$ours"
	else
		export PATH="$ours:$PATH"
	fi
}

# elapsed(start) - prints the time since `start` (a value of SECONDS) as m:ss
elapsed() {
	printf '%d:%02d' $(((SECONDS - $1) / 60)) $(((SECONDS - $1) % 60))
}

# ticker(title, log, start) - shows a moving count of the log's build lines, in
# place on a terminal, else one line a minute, until it or the script is ended
ticker() {
	local title=$1 log=$2 start=$3 interval count
	interval=$([ -t 2 ] && echo 1 || echo 60)
	trap 'kill "$!"; exit' TERM
	while kill -0 $$; do
		sleep "$interval" &
		wait $!
		count=$(grep -cE '^ +[A-Z][A-Za-z]* ' "$log" || true)
		if [ -t 2 ]; then
			printf '\r  %s %s, %d files ' "$(elapsed "$start")" "$title" "$count" >&2
		else
			printf '  %s %s, %d files\n' "$(elapsed "$start")" "$title" "$count" >&2
		fi
	done
}

# step(title, log, command...) - runs a long command with its output in `log`,
# as one line with the time it took; on failure the log's end is shown
step() {
	local title=$1 log=$2 start=$SECONDS rc=0 tick
	shift 2
	mkdir -p "$(dirname "$log")" || die "cannot write to $cache"
	: >"$log" || die "cannot write $log (is the disk full?)"
	ticker "$title" "$log" "$start" &
	tick=$!
	"$@" >"$log" 2>&1 </dev/null || rc=$?
	kill "$tick"
	wait "$tick" 2>/dev/null || true
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$rc" -eq 0 ]; then
		printf '  %s %s\n' "$(elapsed "$start")" "$title" >&2
		return
	fi
	tail -n 20 "$log" | sed 's/^/    /' >&2
	grep -q 'No space left on device' "$log" && die "$title failed: the disk is full; the whole log: $log"
	grep -qE 'Temporary failure resolving|Could not (connect|resolve)|Network is unreachable' "$log" &&
		die "$title failed: no network; the whole log: $log"
	die "$title failed with status $rc; the whole log: $log"
}

# with_cpu_time(command...) - runs a command, and prints a last line: the CPU seconds
# that it took, of its programs and of the kernel for them
with_cpu_time() {
	local TIMEFORMAT='%U + %S'
	time "$@"
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
