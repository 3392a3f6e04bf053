#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Puts the image of one of Debian's kernels into its tree (scripts/stock.sh), and those of
# its modules that the tests need, for a guest.
#
# Usage: scripts/stock-guest.sh RELEASE VERSION

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/stock-archive.sh
. "$top/scripts/stock-archive.sh"

release=$1 version=$2 kdir=$stock/$1
image=$kdir/arch/x86/boot/bzImage
[ ! -e "$image" ] || exit 0
archive "linux-headers-${release//+/\\+}" >/dev/null
rm -rf "$apt/guest" "$kdir/guest"
mkdir -p "$kdir/guest"
for part in 'linux-binary vmlinuz' 'linux-modules evdev.ko'; do
	read -r package file <<<"$part"
	download "$package-$release" "$version"
	dpkg-deb --fsys-tarfile "$(compgen -G "$apt/$package-*.deb")" |
		tar -x -C "$kdir/guest" --transform='s,.*/,,' --wildcards "*/$file*"
done
xz -d "$kdir"/guest/*.ko.xz
mkdir -p "$(dirname "$image")"
mv "$kdir"/guest/vmlinuz* "$image"
rm -rf "$apt"
