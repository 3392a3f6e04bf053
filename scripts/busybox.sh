#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints the path of a static busybox. Without one it is unpacked from its package, since
# installing that would remove Debian's dynamic one.
#
# Usage: scripts/busybox.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

dir=$cache/busybox
for box in "$dir/busybox" $(type -aP busybox); do
	[ "$box" != "$cache/toolchain/bin/busybox" ] || continue
	[ -x "$box" ] || continue
	# What ldd says of a static program, and returns, is not the same everywhere.
	ldd "$box" 2>/dev/null | grep '=>' >/dev/null || { echo "$box" && exit; }
done
rm -rf "$dir.part" && mkdir -p "$dir.part/package"
step "Fetching busybox-static" "$cache/log/busybox.log" \
	env -C "$dir.part" apt-get download busybox-static
dpkg-deb -x "$dir.part"/*.deb "$dir.part/package"
mv "$(find "$dir.part/package" -name busybox -type f -perm -u+x)" "$dir.part/busybox"
rm -rf "$dir" && mv "$dir.part" "$dir"
echo "$dir/busybox"
