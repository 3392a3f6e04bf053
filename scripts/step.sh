# shellcheck shell=bash disable=SC2154 # cache is set by common.sh
# SPDX-License-Identifier: GPL-2.0
#
# How progress is told. To be sourced by common.sh.

# elapsed(start) - prints the time since `start` (a value of SECONDS) as m:ss
elapsed() {
	printf '%d:%02d' $(((SECONDS - $1) / 60)) $(((SECONDS - $1) % 60))
}

# files_built(log) - prints how many files a build says it has built
files_built() {
	grep -cE '^ +[A-Z][A-Za-z]* ' "$1" || true
}

# progress(start, count, expected) - prints a bar, and the time that is left, where it is
# known how many files there are to build
progress() {
	local full=24 bars
	if [ "$2" -eq 0 ]; then
		return
	elif [ "$3" -eq 0 ]; then
		printf ', %d files' "$2"
	elif [ "$2" -lt "$3" ]; then
		bars=$(($2 * full / $3))
		printf ' [%s%s] %d of about %d files' "$(printf '%*s' $bars '' | tr ' ' '#')" \
			"$(printf '%*s' $((full - bars)) '' | tr ' ' .)" "$2" "$3"
		# The first ones tell little.
		[ "$2" -lt $(($3 / 50 + 1)) ] || printf ', %s left' "$(elapsed $((SECONDS - (SECONDS - $1) * ($3 - $2) / $2)))"
	else
		printf ', %d files, nearly done' "$2"
	fi
}

# ticker(title, log, start) - shows the progress of a step, in place on a terminal, else
# in a line each half minute, until it or the script is ended
ticker() {
	local title=$1 log=$2 start=$3 interval line
	interval=$([ -t 2 ] && echo 1 || echo "${TICK:-30}")
	trap 'kill "$!"; exit' INT TERM
	while kill -0 $$; do
		sleep "$interval" &
		wait $!
		line="  $(elapsed "$start") $title$(progress "$start" "$(files_built "$log")" "${expected:-0}")"
		if [ -t 2 ]; then
			printf '\r%s \033[K' "$line" >&2
		else
			printf '%s\n' "$line" >&2
		fi
	done
}

# no_network(log) - whether a program said that it did not reach the network
no_network() {
	grep -qE 'Temporary failure resolving|Could not (connect|resolve)|Network is unreachable' "$1"
}

# attempt(title, log, command...) - runs a long command with its output in `log`, and
# tells it in one line, with the time it took; returns its status. `expected` is the
# number of files that it builds, if that is known.
attempt() {
	local title=$1 log=$2 start=$SECONDS rc=0 tick
	shift 2
	mkdir -p "$(dirname "$log")" || die "cannot write to $cache"
	: >"$log" || die "cannot write $log (is the disk full?)"
	ticker "$title" "$log" "$start" &
	tick=$!
	# On Ctrl-C, so that nothing goes on.
	trap 'kill "$tick" 2>/dev/null || true; trap - INT; kill -INT "$BASHPID"' INT
	"$@" >"$log" 2>&1 </dev/null || rc=$?
	trap - INT
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
