#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints the folder of an unpatched kernel source, fetched once into the cache:
# Debian's linux-source package of the series, through an apt of its own, which
# checks the archive's signature; or else the kernel's own release. KERNEL_SRC= takes
# another folder or tarball, KERNEL_MIRROR= the release, from there.
#
# Usage: [SERIES=7.3] scripts/kernel-source.sh
# Without SERIES, the newest that the project knows and that is to be had. SERIES=rc: the
# newest release candidate in Debian's experimental.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

suites=(trixie-backports forky sid experimental)
[ "${SERIES:-}" != rc ] || suites=(experimental)
[ -z "${KERNEL_MIRROR:-}" ] || suites=()

# unpack(tarball, dir) - unpacks a kernel source; `dir` is whole or absent
unpack() {
	need_space 3
	rm -rf "$2.part" && mkdir -p "$2.part"
	step "Unpacking $(basename "$1")" "$cache/log/unpack.log" \
		tar --no-same-owner -xf "$1" -C "$2.part" --strip-components=1
	[ -r "$2.part/Kconfig" ] || die "$1 holds no kernel source"
	mv "$2.part" "$2"
}

# configured(dir) - whether a kernel was configured in its source: kbuild builds nothing
# elsewhere from such a one
configured() {
	[ -e "$1/.config" ] || [ -d "$1/include/config" ] || [ -d "$1/arch/x86/include/generated" ]
}

# package() - prints the name of the series' package in the lists, if it has one
package() {
	# No pipe into a command that stops reading: it would end apt-cache with SIGPIPE.
	apt-cache dumpavail | awk -v series="$SERIES" '
		/^Package: / { name = $2 }
		/^Version: / && (series == "rc" ? name ~ /^linux-source-[0-9.]+$/ && /~rc/ : name == "linux-source-" series) { print name }
	' | sort -V | tail -n 1
}

# why(source, log) - notes what was wrong with a source of kernels
why() {
	local said
	said=$(grep -E '^E: |^lkmpg-rs: |^curl: ' "$2" | tail -n 1)
	! no_network "$2" || said="no network"
	failures+=("Linux $SERIES, $1: ${said:-no package linux-source-$SERIES}")
}

# from_debian(dir) - fetches the newest package of the series
from_debian() {
	local suite apt=$cache/apt log=$cache/log package tarball
	for suite in "${suites[@]}"; do
		rm -rf "$apt"
		attempt "Looking for Linux $SERIES in $suite" "$log/apt-$suite.log" \
			"$top/scripts/apt-isolated.sh" "$apt" "$suite" || { why "$suite" "$log/apt-$suite.log" && continue; }
		package=$(APT_CONFIG=$apt/apt.conf package)
		[ -n "$package" ] || { why "$suite" /dev/null && continue; }
		attempt "Fetching $package" "$log/fetch-$SERIES.log" \
			env -C "$apt" APT_CONFIG="$apt/apt.conf" apt-get download "$package" ||
			{ why "$suite" "$log/fetch-$SERIES.log" && continue; }
		dpkg-deb --fsys-tarfile "$apt"/linux-source-*.deb |
			tar --no-same-owner -x -C "$apt" --strip-components=3 --wildcards './usr/src/linux-source-*.tar.xz' ||
			die "cannot unpack $package into $apt (is the disk full?)"
		tarball=$(compgen -G "$apt/linux-source-*.tar.xz")
		rm -f "$apt"/*.deb
		unpack "$tarball" "$1"
		rm -rf "$apt"
		return
	done
	return 1
}

# from_kernel_org(dir) - fetches the release of the series
from_kernel_org() {
	local log=$cache/log/release-$SERIES.log
	attempt "Fetching the release of Linux $SERIES" "$log" "$top/scripts/kernel-release.sh" "$SERIES" "$cache/release" ||
		{ why "${KERNEL_MIRROR:-kernel.org}" "$log" && rm -rf "$cache/release" && return 1; }
	unpack "$(tail -n 1 "$log")" "$1"
	rm -rf "$cache/release"
}

# fetched(dir) - whether the source of SERIES is there, or could be fetched just now
fetched() {
	# There is a new release candidate each week.
	[ "$SERIES" != rc ] || find "$1" -maxdepth 0 -mtime +6 -exec rm -rf {} + 2>/dev/null || true
	[ -d "$1" ] || lock "$cache/source.lock"
	[ ! -d "$1" ] || return 0
	need_space 4
	from_debian "$1" || from_kernel_org "$1"
}

if [ -n "${KERNEL_SRC:-}" ]; then
	[ -e "$KERNEL_SRC" ] || die "KERNEL_SRC=$KERNEL_SRC does not exist"
	KERNEL_SRC=$(realpath "$KERNEL_SRC")
	if [ -d "$KERNEL_SRC" ]; then
		dir=$KERNEL_SRC
	else
		dir=$cache/src/tarball-$(stat -c '%n %i %s %.9Y' "$KERNEL_SRC" | sha256sum | head -c 12)
		[ -d "$dir" ] || lock "$cache/source.lock"
		[ -d "$dir" ] || unpack "$KERNEL_SRC" "$dir"
	fi
	[ -r "$dir/Kconfig" ] || die "KERNEL_SRC=$KERNEL_SRC is no kernel source"
	! configured "$dir" || die "KERNEL_SRC=$KERNEL_SRC was configured in place: run 'make mrproper' there, or take another copy"
else
	failures=() default=$(default_series)
	wanted=("$default")
	[ -n "${SERIES:-}" ] || read -r -d '' -a wanted < <(printf '%s\n' "$default" "${known_series[@]}" | awk '!seen[$0]++') || true
	for SERIES in "${wanted[@]}"; do
		dir=$cache/src/linux-$SERIES
		! fetched "$dir" || break
		dir=
	done
	if [ -z "$dir" ]; then
		printf '  %s\n' "${failures[@]}" >&2
		die "cannot get the source of Linux; give KERNEL_SRC=DIR or TARBALL"
	fi
	# So that the next run does not ask for what is not available.
	[ "$SERIES" = "${wanted[0]}" ] || echo "$SERIES" >"$cache/series"
	if configured "$dir"; then
		lock "$cache/source.lock"
		step "Cleaning the kernel's source, in which somebody has built" "$cache/log/mrproper.log" make -C "$dir" mrproper
		! configured "$dir" || die "the kernel's source in $dir is not clean; delete that folder"
	fi
fi
echo "$dir"
