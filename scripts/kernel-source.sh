#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints the folder of an unpatched kernel source, fetched once into the cache:
# Debian's linux-source package of the series, through an apt of its own, which
# checks the archive's signature. KERNEL_SRC= takes another folder or tarball.
#
# Usage: SERIES=7.3 scripts/kernel-source.sh
# SERIES=rc: the newest release candidate in Debian's experimental.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

SERIES=${SERIES:-7.3}
suites=(trixie-backports forky sid experimental)
[ "$SERIES" != rc ] || suites=(experimental)

# unpack(tarball, dir) - unpacks a kernel source; `dir` is whole or absent
unpack() {
	need_space 3
	rm -rf "$2.part" && mkdir -p "$2.part"
	step "Unpacking $(basename "$1")" "$cache/log/unpack.log" \
		tar -xf "$1" -C "$2.part" --strip-components=1
	[ -r "$2.part/Kconfig" ] || die "$1 holds no kernel source"
	mv "$2.part" "$2"
}

# package() - prints the name of the series' package in the lists, if it has one
package() {
	# No pipe into a command that stops reading: it would end apt-cache with SIGPIPE.
	apt-cache dumpavail | awk -v series="$SERIES" '
		/^Package: / { name = $2 }
		/^Version: / && (series == "rc" ? name ~ /^linux-source-[0-9.]+$/ && /~rc/ : name == "linux-source-" series) { print name }
	' | sort -V | tail -n 1
}

# fetch(dir) - fetches the newest package of the series into the cache
fetch() {
	local suite apt=$cache/apt package tarball
	need_space 4
	rm -rf "$apt"
	for suite in "${suites[@]}"; do
		step "Looking for Linux $SERIES in $suite" "$cache/log/apt-$suite.log" \
			"$top/scripts/apt-isolated.sh" "$apt" "$suite"
		package=$(APT_CONFIG=$apt/apt.conf package)
		[ -n "$package" ] || continue
		step "Fetching $package" "$cache/log/fetch-$SERIES.log" \
			env -C "$apt" APT_CONFIG="$apt/apt.conf" apt-get download "$package"
		dpkg-deb --fsys-tarfile "$apt"/linux-source-*.deb |
			tar -x -C "$apt" --strip-components=3 --wildcards './usr/src/linux-source-*.tar.xz' ||
			die "cannot unpack $package into $apt (is the disk full?)"
		tarball=$(compgen -G "$apt/linux-source-*.tar.xz")
		rm -f "$apt"/*.deb
		unpack "$tarball" "$1"
		rm -rf "$apt"
		return
	done
	die "no linux-source-$SERIES in any of: ${suites[*]}; give KERNEL_SRC=DIR or TARBALL"
}

if [ -n "${KERNEL_SRC:-}" ]; then
	[ -e "$KERNEL_SRC" ] || die "KERNEL_SRC=$KERNEL_SRC does not exist"
	KERNEL_SRC=$(realpath "$KERNEL_SRC")
	if [ -d "$KERNEL_SRC" ]; then
		dir=$KERNEL_SRC
	else
		dir=$cache/src/tarball-$(stat -c '%n %s %Y' "$KERNEL_SRC" | sha256sum | head -c 12)
		[ -d "$dir" ] || lock "$cache/source.lock"
		[ -d "$dir" ] || unpack "$KERNEL_SRC" "$dir"
	fi
	[ -r "$dir/Kconfig" ] || die "KERNEL_SRC=$KERNEL_SRC is no kernel source"
else
	dir=$cache/src/linux-$SERIES
	# There is a new release candidate each week.
	[ "$SERIES" != rc ] || find "$dir" -maxdepth 0 -mtime +6 -exec rm -rf {} + 2>/dev/null || true
	[ -d "$dir" ] || lock "$cache/source.lock"
	[ -d "$dir" ] || fetch "$dir"
fi
echo "$dir"
