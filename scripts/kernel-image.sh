#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints the image of a kernel that a guest boots: the bzImage of its build tree, or the
# vmlinux where that is all there is. QEMU starts the latter as it is (CONFIG_PVH), which
# saves the kernel's build a program that unpacks, and each boot the unpacking.
#
# Usage: scripts/kernel-image.sh KDIR

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

image=$1/arch/x86/boot/bzImage
if [ ! -r "$image" ] && [ -r "$1/vmlinux" ] && [ "$(tree_config "$1" PVH)" = y ]; then
	image=$1/vmlinux
fi
[ -r "$image" ] || die "$1 has no bzImage: build it there with 'make LLVM=1 bzImage'"
echo "$image"
