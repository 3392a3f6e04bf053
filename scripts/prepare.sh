#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes a guest ready: tool chain, kernel, modules, initramfs; whatever is
# there already is left alone. Prints the guest's folder.
#
# Usage: scripts/prepare.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

kdir=$("$top/scripts/kernel.sh")
image=$kdir/arch/x86/boot/bzImage
[ -r "$image" ] || die "$kdir has no $(basename "$image"): build it there with 'make LLVM=1 bzImage'"

guest=$top/build/guest-$(cat "$kdir/include/config/kernel.release")
mkdir -p "$guest"
lock "$top/.lock"
KDIR=$kdir step "Building the modules" "$top/build/log/modules.log" \
	"$top/scripts/modules.sh" -j"$(nproc)" modules
ln -sfn "$image" "$guest/bzImage"
"$top/qemu/initramfs.sh" "$guest/initramfs.cpio" "$cache/toolchain/bin/busybox" "$top"/*.ko
echo "$guest"
