# shellcheck shell=bash disable=SC2154 # cache and top are set by common.sh
# SPDX-License-Identifier: GPL-2.0
#
# Which series of Linux there are for us. To be sourced by common.sh.

# The series of Linux that the project knows, the newest first.
mapfile -t known_series < <(sed -n 's/^\([0-9.]*\) .*/\1/p' "$top/scripts/series.txt")

# knows(version) - whether a version of Linux is of a series that the project knows
knows() {
	[[ " ${known_series[*]} " == *" $(grep -oE '^[0-9]+\.[0-9]+' <<<"$1") "* ]]
}

# is_newer(version) - whether a version of Linux is of a newer series than those
is_newer() {
	[[ $1 =~ ^[0-9]+\.[0-9] ]] && ! knows "$1" && at_least "$1" "${known_series[0]}"
}

# default_series() - prints SERIES, or the newest known one, if that could be had lately
default_series() {
	echo "${SERIES:-$(find "$cache/series" -mtime -7 -exec cat {} + 2>/dev/null | grep . || echo "${known_series[0]}")}"
}
