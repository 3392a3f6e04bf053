#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints the accelerator that a guest can use here: kvm or tcg. KVM counts only
# when a kernel has really booted under it: there are machines on which
# /dev/kvm opens, a VM can be made, and the guest then hangs for ever. The
# answer is kept until the machine is booted again. ACCEL=kvm|tcg overrides.
#
# Usage: qemu/accel.sh KERNEL INITRAMFS

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

case ${ACCEL:-} in
kvm | tcg) echo "$ACCEL" && exit ;;
?*) die "ACCEL=$ACCEL is unknown; take kvm or tcg" ;;
esac
[ -w /dev/kvm ] || { echo tcg && exit; }

answer=$cache/accel-$({ cat /proc/sys/kernel/random/boot_id; qemu-system-x86_64 --version; } | sha256sum | head -c 12)
if [ ! -e "$answer" ]; then
	mkdir -p "$cache"
	if timeout -k 1 5 qemu-system-x86_64 -M q35,accel=kvm -cpu host -m 256 -nodefaults \
		-display none -no-reboot -serial stdio -kernel "$1" -initrd "$2" \
		-append "console=ttyS0 panic=-1 PROBE=1" </dev/null 2>/dev/null | grep -q '^guest: exit status'; then
		accel=kvm
	else
		accel=tcg
	fi
	echo "$accel" >"$answer.$$" && mv "$answer.$$" "$answer"
fi
cat "$answer"
