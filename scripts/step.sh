# shellcheck shell=bash disable=SC2154 # cache is set by common.sh
# SPDX-License-Identifier: GPL-2.0
#
# How progress is told. To be sourced by common.sh.

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

# no_network(log) - whether a program said that it did not reach the network
no_network() {
	grep -qE 'Temporary failure resolving|Could not (connect|resolve)|Network is unreachable' "$1"
}

# attempt(title, log, command...) - runs a long command with its output in `log`, and
# tells it in one line, with the time it took; returns its status
attempt() {
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
	[ $rc -ne 0 ] || printf '  %s %s\n' "$(elapsed "$start")" "$title" >&2
	return $rc
}

# step(title, log, command...) - as attempt, but on failure it shows the log's end, and
# ends the script
step() {
	local title=$1 log=$2 rc=0
	attempt "$@" || rc=$?
	[ $rc -ne 0 ] || return 0
	tail -n 20 "$log" | sed 's/^/    /' >&2
	grep -q 'No space left on device' "$log" && die "$title failed: the disk is full; the whole log: $log"
	no_network "$log" && die "$title failed: no network; the whole log: $log"
	die "$title failed with status $rc; the whole log: $log"
}

# with_cpu_time(command...) - runs a command, and prints a last line: the CPU seconds
# that it took, of its programs and of the kernel for them
with_cpu_time() {
	local TIMEFORMAT='%U + %S'
	time "$@"
}
