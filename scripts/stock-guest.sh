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
# In the order of their names, as the shell lists them.
modules=()
[ "$(tree_config "$kdir" CONFIGFS_FS)" != m ] || modules+=(configfs.ko)
modules+=(evdev.ko)
[ "$(tree_config "$kdir" GPIO_SIM)" != m ] || modules+=(gpio-sim.ko)
# An older copy may have fewer.
[ ! -e "$image" ] || [ "$(cd "$kdir/guest" && echo *.ko)" != "${modules[*]}" ] || exit 0
archive "linux-headers-${release//+/\\+}" >/dev/null
rm -rf "$apt/guest" "$kdir/guest" "$image"
mkdir -p "$kdir/guest"
for part in 'linux-binary vmlinuz' "linux-modules ${modules[*]}"; do
	read -r package part <<<"$part"
	download "$package-$release" "$version"
	read -ra files <<<"$part"
	files=("${files[@]/#/*/}")
	dpkg-deb --fsys-tarfile "$(compgen -G "$apt/$package-*.deb")" |
		tar --no-same-owner -x -C "$kdir/guest" --transform='s,.*/,,' --wildcards "${files[@]/%/*}"
done
xz -d "$kdir"/guest/*.ko.xz
mkdir -p "$(dirname "$image")"
mv "$kdir"/guest/vmlinuz* "$image"
rm -rf "$apt"
