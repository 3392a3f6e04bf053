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
# Each behind those that it needs: ext4 is what mounts an ext2 there.
modules=()
while read -r option module; do
	[ "$(tree_config "$kdir" "$option")" != m ] || modules+=("$module.ko")
done <<-END
	CONFIGFS_FS configfs
	INPUT_EVDEV evdev
	GPIO_SIM gpio-sim
	CRC16 crc16
	FS_MBCACHE mbcache
	JBD2 jbd2
	EXT4_FS ext4
END
# An older copy may have fewer.
if [ -e "$image" ] && printf '%s\n' "${modules[@]}" | cmp -s - "$kdir/guest/modules"; then
	exit 0
fi
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
printf '%s\n' "${modules[@]}" >"$kdir/guest/modules"
mkdir -p "$(dirname "$image")"
mv "$kdir"/guest/vmlinuz* "$image"
rm -rf "$apt"
