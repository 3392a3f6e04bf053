#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Fetches the kernel's own release of a series, the one in series.txt, into a folder, and
# prints the tarball's path. Its signature must be by one of the keys in kernel-keys.
# KERNEL_MIRROR= takes another mirror of kernel.org's folder pub/linux/kernel, also as
# file:///FOLDER.
#
# Usage: scripts/kernel-release.sh SERIES DIR

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

series=$1 dir=$2
release=$(sed -n "s/^${series//./\\.} //p" "$top/scripts/series.txt")
[ -n "$release" ] || die "series.txt names no release of Linux $series"
mirror=${KERNEL_MIRROR:-https://cdn.kernel.org/pub/linux/kernel}
folder=${mirror%/}/v${series%%.*}.x
tarball=linux-$release.tar.xz

# fetch(url, file) - fetches a file with what the machine has
fetch() {
	case $1 in
	file://*) cp "${1#file://}" "$2" ;;
	*)
		if command -v curl >/dev/null; then
			curl --fail --location --silent --show-error --output "$2" "$1"
		elif [ -x /usr/lib/apt/apt-helper ]; then
			/usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "$1" "$2"
		else
			wget --no-verbose --output-document="$2" "$1"
		fi
		;;
	esac || die "cannot fetch $1"
}

rm -rf "$dir" && mkdir -p "$dir"
fetch "$folder/linux-$release.tar.sign" "$dir/sign"
fetch "$folder/$tarball" "$dir/$tarball"
# gpgv reads no armour.
sed '/^-----/d; /^=/d; /^[A-Za-z]*:/d; /^$/d' "$top"/scripts/kernel-keys/*.asc | base64 -d >"$dir/keys.gpg"
# It is the tar that is signed, not the xz.
xz -dc "$dir/$tarball" | gpgv --keyring "$dir/keys.gpg" "$dir/sign" - ||
	die "$folder/$tarball is damaged, or not signed by the kernel's developers"
echo "$dir/$tarball"
